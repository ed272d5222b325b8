/*
 * table - finds an order by its id.
 *
 * Threads:  the books' writer.
 * Memory:   rl_books.table, a power of two of 4-byte places, at most a quarter of them taken.
 * Cost:     one look, at rl_books_home, for nearly all orders: ids that follow each other have
 * places beside each other, sixteen to a line, so the table is as good as an array indexed by id.
 *
 * An order whose home is taken goes on along a path that starts at a place drawn from its id, its
 * instrument and a secret seed, and takes the first free place there. Each taken place that it met
 * counts it, so a search ends at the first place that nobody passed; when the order goes, the
 * counts go down again. No order ever moves and nothing is left behind. Whoever sends ids that
 * share a home makes those orders cost a few looks more, since where the paths lead is not known
 * outside.
 *
 * A count that reaches its highest value stays there until a reset: searches that meet that place
 * look on where they need not.
 */
#ifndef RL_MARKET_BOOK_TABLE_H
#define RL_MARKET_BOOK_TABLE_H

#include "market/book/book.h"

/* A place: the order + 1 (0: free), and above it how many passed. */
#define RL_PLACE_ORDER ((1U << RL_BOOK_ORDER_BITS) - 1)
#define RL_PLACE_PASSED_1 (1U << RL_BOOK_ORDER_BITS)
#define RL_PLACE_PASSED_MOST (~RL_PLACE_ORDER)

/* From one place of an order's path to the next. The stride is odd: a path meets every place. */
struct rl_table_path {
    uint32_t at, stride;
};

static inline struct rl_table_path rl_table_path(const struct rl_books *b, uint32_t instrument,
                                                 uint64_t id)
{
    uint64_t drawn = rl_mix(id + rl_mix(b->seed + instrument));

    return (struct rl_table_path){(uint32_t)drawn & b->mask, (uint32_t)(drawn >> 32) | 1U};
}

/* Whether the order in this place is that one. */
static inline bool rl_table_is(const struct rl_books *b, uint32_t place, uint32_t instrument,
                               uint64_t id)
{
    const struct rl_book_order *o = &b->nodes[(place & RL_PLACE_ORDER) - 1].order;

    return (place & RL_PLACE_ORDER) != 0 && o->id == id && o->instrument == instrument;
}

/* rl_table_find after home: somebody passed it. */
static __attribute__((noinline)) uint32_t rl_table_find_on(const struct rl_books *b,
                                                           uint32_t instrument, uint64_t id)
{
    struct rl_table_path p = rl_table_path(b, instrument, id);

    for (;; p.at = (p.at + p.stride) & b->mask) {
        uint32_t place = b->table[p.at];

        if (rl_table_is(b, place, instrument, id))
            return (place & RL_PLACE_ORDER) - 1;
        if (place < RL_PLACE_PASSED_1)
            return RL_SLOT_NONE;
    }
}

/* The order, or RL_SLOT_NONE. Here and below `home` is rl_books_home of the id. */
static inline uint32_t rl_table_find(const struct rl_books *b, uint32_t home, uint32_t instrument,
                                     uint64_t id)
{
    uint32_t place = b->table[home];

    if (RL_LIKELY(rl_table_is(b, place, instrument, id)))
        return (place & RL_PLACE_ORDER) - 1;
    if (RL_LIKELY(place < RL_PLACE_PASSED_1))
        return RL_SLOT_NONE;
    return rl_table_find_on(b, instrument, id);
}

static inline void rl_table_pass(struct rl_books *b, uint32_t at)
{
    if (b->table[at] < RL_PLACE_PASSED_MOST)
        b->table[at] += RL_PLACE_PASSED_1;
}

static inline void rl_table_unpass(struct rl_books *b, uint32_t at)
{
    if (b->table[at] < RL_PLACE_PASSED_MOST)
        b->table[at] -= RL_PLACE_PASSED_1;
}

static __attribute__((noinline)) void rl_table_put_on(struct rl_books *b, uint32_t instrument,
                                                      uint64_t id, uint32_t order)
{
    struct rl_table_path p = rl_table_path(b, instrument, id);

    rl_table_pass(b, rl_books_home(b, id));
    for (; b->table[p.at] & RL_PLACE_ORDER; p.at = (p.at + p.stride) & b->mask)
        rl_table_pass(b, p.at);
    b->table[p.at] |= order + 1;
}

/* Makes an order that is not there found by that id. */
static inline void rl_table_put(struct rl_books *b, uint32_t home, uint32_t instrument, uint64_t id,
                                uint32_t order)
{
    if (RL_LIKELY((b->table[home] & RL_PLACE_ORDER) == 0))
        b->table[home] |= order + 1;
    else
        rl_table_put_on(b, instrument, id, order);
}

static __attribute__((noinline)) void rl_table_drop_on(struct rl_books *b, uint32_t instrument,
                                                       uint64_t id, uint32_t order)
{
    struct rl_table_path p = rl_table_path(b, instrument, id);

    rl_table_unpass(b, rl_books_home(b, id));
    for (; (b->table[p.at] & RL_PLACE_ORDER) != order + 1; p.at = (p.at + p.stride) & b->mask)
        rl_table_unpass(b, p.at);
    b->table[p.at] &= ~RL_PLACE_ORDER;
}

/* Forgets an order that is there. */
static inline void rl_table_drop(struct rl_books *b, uint32_t home, uint32_t instrument,
                                 uint64_t id, uint32_t order)
{
    if (RL_LIKELY((b->table[home] & RL_PLACE_ORDER) == order + 1))
        b->table[home] &= ~RL_PLACE_ORDER;
    else
        rl_table_drop_on(b, instrument, id, order);
}

#endif
