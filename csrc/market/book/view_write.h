/*
 * view_write - how rl_books_apply keeps the views: the writer's half of view.h.
 *
 * Threads:  the books' writer.
 * Cost:     see view.h; nothing when no views are shown.
 */
#ifndef RL_MARKET_VIEW_WRITE_H
#define RL_MARKET_VIEW_WRITE_H

#include "market/book/ladder.h"
#include "market/book/view.h"

/*
 * The ranks word: ten nibbles that are always a permutation of the cells, then how many are shown.
 */
#define RL_VIEW_NIBBLES ((1ULL << 4 * RL_VIEW_LEVELS) - 1)
#define RL_VIEW_RANKS_EMPTY 0x9876543210ULL

static inline uint64_t rl_view_ranks(uint64_t nibbles, uint32_t n_levels)
{
    uint64_t n_shown = n_levels < RL_VIEW_LEVELS ? n_levels : RL_VIEW_LEVELS;

    return (nibbles & RL_VIEW_NIBBLES) | n_shown << 4 * RL_VIEW_LEVELS;
}

/* Makes `cell` the one at rank r; those behind it step back, and the last leaves. */
static inline uint64_t rl_view_insert(uint64_t nibbles, uint32_t r, uint64_t cell)
{
    uint64_t better = (1ULL << 4 * r) - 1;

    return (nibbles & better) | cell << 4 * r | (nibbles & ~better) << 4;
}

/* Takes rank r out; those behind it step up, and its cell becomes the last. */
static inline uint64_t rl_view_remove(uint64_t nibbles, uint32_t r)
{
    uint64_t better = (1ULL << 4 * r) - 1, cell = nibbles >> 4 * r & 15;

    nibbles &= RL_VIEW_NIBBLES;
    return (nibbles & better) | (nibbles >> 4 & ~better) | cell << 4 * (RL_VIEW_LEVELS - 1);
}

static inline void rl_view_put(_Atomic uint64_t *word, uint64_t value)
{
    /* V2: pairs with the load in get - the odd sequence is visible before any word. */
    atomic_store_explicit(word, value, memory_order_release);
}

static inline void rl_view_put_seq(struct rl_book *book, const struct rl_update *u)
{
    rl_view_put(&book->seq, u->seq);
    rl_view_put(&book->ts_ns, u->ts_ns);
}

/* The view is about to be written: readers wait from here to rl_view_settle or rl_views_publish. */
static inline void rl_view_open(struct rl_books *b, struct rl_book *book, const struct rl_update *u)
{
    uint64_t sequence = atomic_load_explicit(&book->sequence, memory_order_relaxed);

    if (!(sequence & 1)) {
        atomic_store_explicit(&book->sequence, sequence + 1, memory_order_relaxed);
        b->unpublished[b->n_unpublished++] = book;
    }
    rl_view_put_seq(book, u);
}

/* At the end of an update that may have opened views. */
static inline void rl_view_settle(struct rl_books *b)
{
    if (!b->is_held)
        rl_views_close_all(b);
}

/* Gives a level the cell of that number on its side. */
static inline void rl_view_take_cell(struct rl_book *book, struct rl_book_level *l, unsigned side,
                                     uint64_t number)
{
    uint32_t cell = side * RL_VIEW_LEVELS + (uint32_t)number;

    l->cell = cell & 31;
    rl_view_put(&book->cells[cell].px_nano, (uint64_t)l->px_nano);
    rl_view_put(&book->cells[cell].qty, l->qty);
    rl_view_put(&book->cells[cell].n_orders, l->n_orders);
}

/*
 * The level has another quantity or number of orders. Whether readers see it is not asked: often
 * they do and often not, and a branch predicted wrong costs more than a store that nobody sees.
 */
static inline void rl_view_level_changed(struct rl_books *b, struct rl_book *book,
                                         const struct rl_book_level *l, const struct rl_update *u)
{
    if (b->views == b->own)
        return;
    rl_view_open(b, book, u);
    rl_view_put(&book->cells[l->cell].qty, l->qty);
    rl_view_put(&book->cells[l->cell].n_orders, l->n_orders);
}

/* The same at the end of an update, which touched nothing else that is still open. */
static inline void rl_view_level_changed_last(struct rl_books *b, struct rl_book *book,
                                              const struct rl_book_level *l,
                                              const struct rl_update *u)
{
    uint64_t sequence;

    if (b->views == b->own)
        return;
    if (RL_UNLIKELY(b->is_held)) {
        rl_view_level_changed(b, book, l, u);
        return;
    }
    /* Odd already when the level was made by this update. */
    sequence = atomic_load_explicit(&book->sequence, memory_order_relaxed) | 1;
    atomic_store_explicit(&book->sequence, sequence, memory_order_relaxed);
    rl_view_put_seq(book, u);
    rl_view_put(&book->cells[l->cell].qty, l->qty);
    rl_view_put(&book->cells[l->cell].n_orders, l->n_orders);
    rl_view_close(book, sequence);
    b->n_unpublished = 0;
}

/* keys[at] of a side is a new level, not in the view yet. */
static inline void rl_view_level_made(struct rl_books *b, struct rl_book *book, unsigned side,
                                      uint32_t at, const struct rl_update *u)
{
    uint32_t n = book->n_levels[side], r = n - 1 - at;
    const uint32_t *slots = b->slots + rl_ladder_keys(book, side);
    uint64_t ranks, cell;

    if (b->views == b->own || r >= RL_VIEW_LEVELS)
        return;
    rl_view_open(b, book, u);
    ranks = atomic_load_explicit(&book->ranks[side], memory_order_relaxed);
    cell = ranks >> 4 * (RL_VIEW_LEVELS - 1) & 15; /* free, or of the level that falls off */
    if (n > RL_VIEW_LEVELS)
        b->nodes[slots[n - 1 - RL_VIEW_LEVELS]].level.cell = RL_CELL_NONE;
    rl_view_take_cell(book, &b->nodes[slots[at]].level, side, cell);
    rl_view_put(&book->ranks[side], rl_view_ranks(rl_view_insert(ranks, r, cell), n));
}

/* keys[at] of a side was a level, which owned `cell`; it is out of the keys already. */
static inline void rl_view_level_dropped(struct rl_books *b, struct rl_book *book, unsigned side,
                                         uint32_t at, uint32_t cell, const struct rl_update *u)
{
    uint32_t n = book->n_levels[side], r = n - at;
    const uint32_t *slots = b->slots + rl_ladder_keys(book, side);
    uint64_t ranks;

    if (b->views == b->own)
        return;
    rl_view_open(b, book, u);
    if (cell == RL_CELL_NONE)
        return;
    ranks = atomic_load_explicit(&book->ranks[side], memory_order_relaxed);
    if (n >= RL_VIEW_LEVELS) /* the next one gets into view */
        rl_view_take_cell(book, &b->nodes[slots[n - RL_VIEW_LEVELS]].level, side,
                          cell - side * RL_VIEW_LEVELS);
    rl_view_put(&book->ranks[side], rl_view_ranks(rl_view_remove(ranks, r), n));
}

static inline void rl_view_cleared(struct rl_books *b, struct rl_book *book,
                                   const struct rl_update *u)
{
    if (b->views == b->own)
        return;
    rl_view_open(b, book, u);
    for (unsigned side = 0; side < 2; side++)
        rl_view_put(&book->ranks[side], RL_VIEW_RANKS_EMPTY);
}

#endif
