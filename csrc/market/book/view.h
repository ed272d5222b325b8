/*
 * view - the best prices of every book, for any number of threads and processes to read.
 *
 * Threads:  the books' writer writes; any number of readers, which never write and never make the
 *           writer wait.
 * Memory:   one block without pointers, which may lie in a mapping shared with other processes;
 *           readers need only map it readable. rl_views_check says whether it is what it should be.
 * Cost:     an update within the best RL_VIEW_LEVELS prices of a side stores the words that it
 *           changes, about five; one beyond them stores nothing. A reader copies 64 words.
 *
 * rl_books_show connects books to views. From then on rl_books_apply writes into the view of the
 * instrument, and rl_views_publish makes all that was written since the last call readable: call it
 * after each message, or once a packet, so that nobody sees the inside of one. Until then readers
 * of the touched instruments wait (rl_views_read tries again and then returns false).
 *
 * A level within the best ten owns one of ten cells of its side, wherever its rank; the ranks are a
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

#define RL_VIEW_LEVELS 10
#define RL_VIEWS_MAGIC 0x31737765695F6C72ULL /* "rl_iews1" */

/* A level as readers get it. */
struct rl_view_cell {
    _Atomic uint64_t px_nano;
    _Atomic uint64_t qty;
    _Atomic uint64_t n_orders;
};

struct rl_book_view {
    RL_ALIGNED _Atomic uint64_t sequence; /* odd while the writer is at it */
    _Atomic uint64_t seq;                 /* rl_update.seq of the last update that is in it */
    _Atomic uint64_t ts_ns;               /* ... and its ts_ns */
    _Atomic uint64_t ranks[2]; /* nibble i: the cell of the i-th best; from bit 40: how many */
    struct rl_view_cell cells[2][RL_VIEW_LEVELS];
};

struct rl_views {
    RL_ALIGNED uint64_t magic;
    uint64_t n_bytes; /* of all */
    uint32_t n_instruments;
    uint32_t n_levels;                     /* RL_VIEW_LEVELS of the writer's build */
    RL_ALIGNED _Atomic uint64_t published; /* the number that rl_views_publish was last told */
    struct rl_book_view books[];
};

/* A consistent copy: what the book was after the update `seq`, and still is unless that moves. */
struct rl_book_top {
    uint64_t seq; /* of the last update that changed any of this; 0: none yet */
    uint64_t ts_ns;
    uint32_t n_levels[2];                           /* shown, at most RL_VIEW_LEVELS */
    struct rl_book_depth levels[2][RL_VIEW_LEVELS]; /* best first; beyond n_levels rubbish */
};

/* The market state of a copy. */
enum rl_book_state rl_book_top_state(const struct rl_book_top *top);

/* --- the writer --------------------------------------------------------------------------------
 */

/* 0 for no instruments or more than books can have. */
size_t rl_views_bytes(uint32_t n_instruments);

/* Formats n_bytes at `memory`, aligned to a cache line, as empty views; NULL when that is too few.
 */
struct rl_views *rl_views_init(void *memory, size_t n_bytes, uint32_t n_instruments);

/* From now on `views` show the books; NULL: nobody does. -EINVAL when their numbers differ. */
int rl_books_show(struct rl_books *b, struct rl_views *views);

/* Makes readable what was applied since the last call; `seq` is for rl_views_published. */
static inline void rl_views_publish(struct rl_books *b, uint64_t seq)
{
    uint32_t i = 0;

    if (b->views == NULL)
        return;
    /* The first is done in any case, harmlessly when it is stale: 0 or 1 cannot be foreseen. */
    do {
        _Atomic uint64_t *sequence = &b->views->books[b->unpublished[i]].sequence;
        uint64_t was = atomic_load_explicit(sequence, memory_order_relaxed);

        /* V1: pairs with the first load in read_once - every word is visible. */
        atomic_store_explicit(sequence, was + (was & 1), memory_order_release);
    } while (RL_UNLIKELY(++i < b->n_unpublished));
    b->n_unpublished = 0;
    /* V3: pairs with the load in rl_views_published. */
    atomic_store_explicit(&b->views->published, seq, memory_order_release);
}

/* --- readers -----------------------------------------------------------------------------------
 */

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
