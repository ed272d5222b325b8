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

/* The ranks word: ten nibbles that are always a permutation of the cells, then how many are shown.
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

/* The view of the instrument, ready to be written: readers wait from here to rl_views_publish. */
static inline struct rl_book_view *rl_view_open(struct rl_books *b, uint32_t instrument,
                                                const struct rl_update *u)
{
    struct rl_book_view *v = &b->views->books[instrument];
    uint64_t sequence = atomic_load_explicit(&v->sequence, memory_order_relaxed);

    if (!(sequence & 1)) {
        atomic_store_explicit(&v->sequence, sequence + 1, memory_order_relaxed);
        b->unpublished[b->n_unpublished++] = instrument;
    }
    rl_view_put(&v->seq, u->seq);
    rl_view_put(&v->ts_ns, u->ts_ns);
    return v;
}

static inline void rl_view_put_cell(struct rl_view_cell *c, const struct rl_book_level *l)
{
    rl_view_put(&c->px_nano, (uint64_t)l->px_nano);
    rl_view_put(&c->qty, l->qty);
    rl_view_put(&c->n_orders, l->n_orders);
}

/* The level has another quantity or number of orders. */
static inline void rl_view_level_changed(struct rl_books *b, const struct rl_book_level *l,
                                         const struct rl_update *u)
{
    uint32_t cell = l->cell;
    struct rl_view_cell *c;

    if (cell == RL_CELL_NONE)
        return;
    c = &rl_view_open(b, rl_level_instrument(l), u)->cells[rl_level_side(l)][cell];
    rl_view_put(&c->qty, l->qty);
    rl_view_put(&c->n_orders, l->n_orders);
}

/* keys[at] of a side is a new level, not in the view yet. */
static inline void rl_view_level_made(struct rl_books *b, uint32_t instrument, unsigned side,
                                      uint32_t at, const struct rl_update *u)
{
    const struct rl_book *book = &b->books[instrument];
    uint32_t n = book->n_levels[side], r = n - 1 - at;
    const uint32_t *slots = b->slots + rl_ladder_keys(book, side);
    struct rl_book_view *v;
    uint64_t ranks, cell;

    if (b->views == NULL || r >= RL_VIEW_LEVELS)
        return;
    v = rl_view_open(b, instrument, u);
    ranks = atomic_load_explicit(&v->ranks[side], memory_order_relaxed);
    cell = ranks >> 4 * (RL_VIEW_LEVELS - 1) & 15; /* free, or of the level that falls off */
    if (n > RL_VIEW_LEVELS)
        b->nodes[slots[n - 1 - RL_VIEW_LEVELS]].level.cell = RL_CELL_NONE;
    b->nodes[slots[at]].level.cell = (uint32_t)cell & 15;
    rl_view_put_cell(&v->cells[side][cell], &b->nodes[slots[at]].level);
    ranks = rl_view_ranks(rl_view_insert(ranks, r, cell), n);
    rl_view_put(&v->ranks[side], ranks);
}

/* keys[at] of a side was a level, which owned `cell`; it is out of the keys already. */
static inline void rl_view_level_dropped(struct rl_books *b, uint32_t instrument, unsigned side,
                                         uint32_t at, uint32_t cell, const struct rl_update *u)
{
    const struct rl_book *book = &b->books[instrument];
    uint32_t n = book->n_levels[side], r = n - at;
    const uint32_t *slots = b->slots + rl_ladder_keys(book, side);
    struct rl_book_view *v;
    uint64_t ranks;

    if (cell == RL_CELL_NONE)
        return;
    v = rl_view_open(b, instrument, u);
    ranks = atomic_load_explicit(&v->ranks[side], memory_order_relaxed);
    if (n >= RL_VIEW_LEVELS) { /* the next one gets into view */
        struct rl_book_level *l = &b->nodes[slots[n - RL_VIEW_LEVELS]].level;

        l->cell = cell & 15;
        rl_view_put_cell(&v->cells[side][cell], l);
    }
    ranks = rl_view_ranks(rl_view_remove(ranks, r), n);
    rl_view_put(&v->ranks[side], ranks);
}

static inline void rl_view_cleared(struct rl_books *b, uint32_t instrument,
                                   const struct rl_update *u)
{
    struct rl_book_view *v;

    if (b->views == NULL)
        return;
    v = rl_view_open(b, instrument, u);
    for (unsigned side = 0; side < 2; side++)
        rl_view_put(&v->ranks[side], RL_VIEW_RANKS_EMPTY);
}

#endif
