/*
 * slow_book - books as a list of orders in the order of their priority: what every book must agree
 * with, at a price that no benchmark would pay.
 */
#ifndef RL_TESTS_SLOW_BOOK_H
#define RL_TESTS_SLOW_BOOK_H

#include <string.h>

#include "check.h"
#include "market/book/book.h"

enum { SLOW_MAX = 512, SLOW_INSTRUMENTS = 3 };

/* Orders in the order of their priority; id 0 is the anonymous part of a level. */
struct slow_order {
    uint32_t instrument, side;
    uint64_t id, qty;
    int64_t px;
};

static struct slow_order slow[SLOW_MAX];
static uint32_t n_slow;

static inline struct slow_order *slow_find(uint32_t instrument, uint64_t id)
{
    for (uint32_t i = 0; i < n_slow; i++)
        if (slow[i].instrument == instrument && slow[i].id == id)
            return &slow[i];
    return NULL;
}

static inline void slow_remove(struct slow_order *o)
{
    n_slow--;
    memmove(o, o + 1, (size_t)(&slow[n_slow] - o) * sizeof *o);
}

static inline void slow_append(struct slow_order o)
{
    CHECK(n_slow < SLOW_MAX);
    slow[n_slow++] = o;
}

static inline struct rl_bbo slow_bbo(uint32_t instrument)
{
    struct rl_bbo bbo = {{RL_PX_NONE, RL_PX_NONE}, {0, 0}};

    for (uint32_t i = 0; i < n_slow; i++) {
        const struct slow_order *o = &slow[i];
        int64_t *px = &bbo.px_nano[o->side];

        if (o->instrument != instrument)
            continue;
        if (*px == RL_PX_NONE || (o->side == RL_BUY ? o->px > *px : o->px < *px)) {
            *px = o->px;
            bbo.qty[o->side] = 0;
        }
        if (o->px == *px)
            bbo.qty[o->side] += o->qty;
    }
    return bbo;
}

static inline uint32_t slow_n_levels(uint32_t instrument, uint32_t side)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < n_slow; i++) {
        bool is_first = slow[i].instrument == instrument && slow[i].side == side;

        for (uint32_t k = 0; k < i && is_first; k++)
            is_first = slow[k].instrument != instrument || slow[k].side != side ||
                       slow[k].px != slow[i].px;
        n += is_first;
    }
    return n;
}

static inline uint64_t slow_hash(void)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < n_slow; i++)
        hash += rl_books_hash_one(slow[i].instrument, slow[i].id, slow[i].side, slow[i].px,
                                  slow[i].qty);
    return hash;
}

static inline uint32_t slow_queue_rank(const struct slow_order *o)
{
    uint32_t rank = 0;

    for (const struct slow_order *i = slow; i < o; i++)
        rank +=
            i->instrument == o->instrument && i->side == o->side && i->px == o->px && i->id != 0;
    return rank;
}

static inline void slow_level(const struct rl_update *u)
{
    for (uint32_t i = 0; i < n_slow; i++)
        if (slow[i].id == 0 && slow[i].instrument == u->instrument && slow[i].side == u->side &&
            slow[i].px == u->px_nano) {
            slow_remove(&slow[i]);
            break;
        }
    if (u->qty > 0)
        slow_append((struct slow_order){u->instrument, u->side, 0, u->qty, u->px_nano});
}

static inline void slow_amend(struct slow_order *o, const struct rl_update *u)
{
    uint32_t side = u->op == RL_OP_MODIFY ? u->side : o->side;
    uint64_t id = u->op == RL_OP_MODIFY ? u->id : u->new_id;
    struct slow_order *named = slow_find(u->instrument, id);

    if (u->qty == 0 || (named && named != o))
        return;
    if (u->op == RL_OP_MODIFY && side == o->side && u->px_nano == o->px && u->qty <= o->qty) {
        o->qty = u->qty;
        return;
    }
    slow_remove(o);
    slow_append((struct slow_order){u->instrument, side, id, u->qty, u->px_nano});
}

static inline void slow_apply(const struct rl_update *u)
{
    struct slow_order *o;

    if (u->op == RL_OP_RESET) {
        n_slow = 0;
        return;
    }
    if (u->instrument >= SLOW_INSTRUMENTS || u->side > RL_SELL)
        return;
    o = slow_find(u->instrument, u->id);
    switch (u->op) {
    case RL_OP_ADD:
        if (!o && u->qty > 0)
            slow_append((struct slow_order){u->instrument, u->side, u->id, u->qty, u->px_nano});
        break;
    case RL_OP_REDUCE:
        if (o && u->qty >= o->qty)
            slow_remove(o);
        else if (o)
            o->qty -= u->qty;
        break;
    case RL_OP_DELETE:
        if (o)
            slow_remove(o);
        break;
    case RL_OP_REPLACE:
    case RL_OP_MODIFY:
        if (o)
            slow_amend(o, u);
        break;
    case RL_OP_LEVEL:
        slow_level(u);
        break;
    case RL_OP_CLEAR:
        for (uint32_t i = n_slow; i-- > 0;)
            if (slow[i].instrument == u->instrument)
                slow_remove(&slow[i]);
        break;
    default:
        break;
    }
}

static inline bool slow_is_better(uint32_t side, int64_t a, int64_t b)
{
    return side == RL_BUY ? a > b : a < b;
}

static inline uint64_t slow_qty_at(uint32_t instrument, uint32_t side, int64_t px)
{
    uint64_t qty = 0;

    for (uint32_t i = 0; i < n_slow; i++)
        if (slow[i].instrument == instrument && slow[i].side == side && slow[i].px == px)
            qty += slow[i].qty;
    return qty;
}

/* Takes a unit after the other, each time from the best order that has one left. */
static inline uint64_t slow_take(uint32_t instrument, uint32_t side, uint64_t qty,
                                 __int128 *notional)
{
    uint64_t taken[SLOW_MAX] = {0}, n = 0;

    for (*notional = 0; n < qty; n++) {
        uint32_t best = SLOW_MAX;

        for (uint32_t i = 0; i < n_slow; i++)
            if (slow[i].instrument == instrument && slow[i].side == side &&
                taken[i] < slow[i].qty &&
                (best == SLOW_MAX || slow_is_better(side, slow[i].px, slow[best].px)))
                best = i;
        if (best == SLOW_MAX)
            break;
        taken[best]++;
        *notional += slow[best].px;
    }
    return n;
}

/* The quantity of the orders with a name that stand before this one. */
static inline uint64_t slow_qty_ahead(const struct slow_order *o)
{
    uint64_t qty = 0;

    for (const struct slow_order *i = slow; i < o; i++)
        if (i->instrument == o->instrument && i->side == o->side && i->px == o->px && i->id != 0)
            qty += i->qty;
    return qty;
}

/* 24 prices: beside each other, or from one end of 64 bits to the other. */
static inline int64_t slow_px(uint64_t draw, bool is_wild)
{
    uint64_t k = draw % 24;

    if (!is_wild)
        return 1000 + (int64_t)k;
    return k < 8 ? INT64_MAX - (int64_t)k : k < 16 ? INT64_MIN + 1 + (int64_t)k : (int64_t)k - 20;
}

/* An update of one of SLOW_INSTRUMENTS; rarely nonsense, or one that empties books. */
static inline struct rl_update slow_random_update(uint64_t *random, bool is_wild)
{
    /* More adds than removals would fill the slow book: it holds about a hundred orders. */
    static const uint8_t ops[] = {RL_OP_ADD,     RL_OP_ADD,    RL_OP_ADD,    RL_OP_REDUCE,
                                  RL_OP_REDUCE,  RL_OP_DELETE, RL_OP_DELETE, RL_OP_REPLACE,
                                  RL_OP_REPLACE, RL_OP_MODIFY, RL_OP_MODIFY, RL_OP_LEVEL};
    uint64_t r = check_random(random);
    struct rl_update u = {.op = ops[r % RL_COUNT(ops)],
                          .instrument = (uint32_t)(r >> 8) % SLOW_INSTRUMENTS,
                          .side = (r >> 16) & 1,
                          .px_nano = slow_px(r >> 20, is_wild),
                          .qty = (r >> 28) % 8,
                          .id = 1 + (r >> 32) % 80,
                          .new_id = 1 + (r >> 40) % 80};

    switch ((r >> 48) % 4096) { /* rare nonsense, and the two that empty books */
    case 0:
        u.op = RL_OP_CLEAR;
        break;
    case 1:
        u.op = RL_OP_RESET;
        break;
    case 2:
        u.instrument = SLOW_INSTRUMENTS + 5;
        break;
    case 3:
        u.op = RL_N_OPS;
        break;
    default:
        break;
    }
    return u;
}

#endif
