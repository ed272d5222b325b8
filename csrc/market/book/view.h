/*
 * view - the best prices of every book, for any number of threads and processes to read.
 *
 * Threads:  the books' writer writes; any number of readers, which never write and never make the
 *           writer wait.
 * Memory:   one block without pointers (struct rl_views in book.h) that may lie in a mapping shared
 *           with other processes; rl_views_check says whether it is one. They map it readable and
 *           no more: the writer keeps what it knows of a book beside what it tells.
 * Cost:     an update stores the words that it changes, six of them most often, all in two lines of
 *           which the writer has one at hand anyway. A reader copies 65 words.
 *
 * rl_books_show connects books to views; from then on rl_books_apply writes into them. What an
 * update changed is readable when it returns, unless rl_views_hold was called: then it becomes
 * readable at rl_views_publish, so that nobody sees the inside of a packet. Until then readers of
 * the touched instruments wait (rl_views_read tries again and then returns false).
 *
 * A level within the best ten owns one of ten cells of its side, whatever its rank; the ranks are a
 * word of ten nibbles, best first, each naming a cell. So a change of quantity stores into one cell
 * and a level that comes or goes stores one cell and that word: nothing is shifted.
 *
 * Orders sit on the words and not on fences, as in base/seqlock.h; tests/model/ shows that none may
 * be weaker:
 *   V1  the sequence that ends a write releases, the reader's first load acquires: a reader that
 *       starts at an even sequence sees every word of that write.
 *   V2  each word is stored with release and loaded with acquire: a reader that sees a word of a
 *       later write also sees that the sequence moved, so its second look at it differs.
 *   V3  `published` releases, rl_views_published acquires: who has read a number sees views no
 *       older than that.
 */
#ifndef RL_MARKET_VIEW_H
#define RL_MARKET_VIEW_H

#include <stdatomic.h>

#include "base/defs.h"
#include "base/money.h"
#include "market/book/book.h"

#define RL_VIEWS_MAGIC 0x3173776569766C72ULL /* "rlviews1" */

/* A consistent copy: what the book was after the update `seq`. */
struct rl_book_top {
    uint64_t seq; /* of the last update that changed the book; 0: none yet */
    uint64_t ts_ns;
    uint32_t n_levels[2];                           /* shown, at most RL_VIEW_LEVELS */
    struct rl_book_depth levels[2][RL_VIEW_LEVELS]; /* best first; beyond n_levels rubbish */
};

/* The market state of a copy. */
enum rl_book_state rl_book_top_state(const struct rl_book_top *top);

/* --- the writer ------------------------------------------------------------------------------- */

/* 0 for no instruments or more than books can have. */
size_t rl_views_bytes(uint32_t n_instruments);

/*
 * Formats n_bytes at `memory`, aligned to a cache line, as empty views; NULL when that is too few.
 */
struct rl_views *rl_views_init(void *memory, size_t n_bytes, uint32_t n_instruments);

/*
 * From now on `views` show the books, and must live as long as those are used; NULL: nobody does.
 * -EINVAL when they have not the same number of instruments.
 */
int rl_books_show(struct rl_books *b, struct rl_views *views);

/* From here to rl_views_publish nothing that is applied becomes readable. */
static inline void rl_views_hold(struct rl_books *b)
{
    b->is_held = true;
}

/* Ends a write; `sequence` is odd. */
static inline void rl_view_close(struct rl_book *book, uint64_t sequence)
{
    /* V1: pairs with the first load in read_once - every word is visible. */
    atomic_store_explicit(&book->sequence, sequence + 1, memory_order_release);
}

static inline void rl_views_close_all(struct rl_books *b)
{
    for (uint32_t i = 0; i < b->n_unpublished; i++) {
        struct rl_book *book = b->unpublished[i];

        rl_view_close(book, atomic_load_explicit(&book->sequence, memory_order_relaxed));
    }
    b->n_unpublished = 0;
}

/*
 * Makes readable what was held. `seq` is what rl_views_published returns from now on, whether or
 * not anything was held: the number of the last message or packet that the views have in them.
 */
static inline void rl_views_publish(struct rl_books *b, uint64_t seq)
{
    if (b->n_unpublished > 0)
        rl_views_close_all(b);
    b->is_held = false;
    /* V3: pairs with the load in rl_views_published. */
    atomic_store_explicit(&b->views->published, seq, memory_order_release);
}

/* --- readers ---------------------------------------------------------------------------------- */

/* Whether these bytes, mapped from elsewhere, are views of this build: 0, -EINVAL or -EPROTO. */
int rl_views_check(const struct rl_views *views, size_t n_bytes);

/*
 * A consistent copy, in up to n_tries tries; false when the writer was at it in all of them, died
 * in a write, or has no such instrument.
 */
bool rl_views_read_tries(const struct rl_views *views, uint32_t instrument, struct rl_book_top *out,
                         uint64_t n_tries);

/* A thousand tries: some hundred microseconds. */
bool rl_views_read(const struct rl_views *views, uint32_t instrument, struct rl_book_top *out);

/* The best prices alone: three lines instead of nine. */
bool rl_views_bbo(const struct rl_views *views, uint32_t instrument, struct rl_bbo *out);

/* The number that the last rl_views_publish was told. */
static inline uint64_t rl_views_published(const struct rl_views *views)
{
    /* V3: pairs with the store in rl_views_publish. */
    return atomic_load_explicit(&views->published, memory_order_acquire);
}

#endif
