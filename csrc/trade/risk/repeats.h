/*
 * repeats - the same order again and again: account, symbol, side, quantity and price.
 *
 * The orders of the last window lie in a ring in the order in which they left, those of one hash in
 * a chain through it, so counting is exact for any number and any mixture. A ring that is too small
 * for the window forgets nothing silently: rl_repeats_is_full says that one more order would push
 * out one that still counts, and the check refuses.
 *
 * Threads:  the order thread alone.
 * Memory:   40 bytes an order and 8 a chain, from the caller's arena.
 * Cost:     one line for an order like no other, one more for each order of the same chain.
 */
#ifndef RL_TRADE_RISK_REPEATS_H
#define RL_TRADE_RISK_REPEATS_H

#include "base/defs.h"
#include "base/mem.h"
#include "trade/order/request.h"

struct rl_repeat {
    uint64_t key; /* account, symbol, side */
    uint64_t qty;
    int64_t px_nano;
    uint64_t tsc;
    uint64_t before; /* number of the order before it in its chain; 0: none */
};

struct rl_repeats {
    struct rl_repeat *ring; /* order number n lies at n & mask */
    uint64_t *heads;        /* number of the youngest order of a chain; as many as the ring */
    uint64_t n;             /* orders so far: the number of the last one */
    uint64_t tsc;           /* of the last order; a clock that steps back stands still */
    uint64_t mask;
};

/* Bytes that init takes, alignment included; n_orders is rounded up to a power of two. */
size_t rl_repeats_bytes(uint32_t n_orders);

/* -EINVAL for 0 orders or more than 2^31, -ENOMEM. */
int rl_repeats_init(struct rl_repeats *r, struct rl_arena *arena, uint32_t n_orders);

static inline uint64_t rl_repeats_key(const struct rl_request *q)
{
    return (uint64_t)q->scopes.account << 40 | (uint64_t)q->side << 32 | q->scopes.instrument;
}

static inline uint64_t rl_repeats_chain(const struct rl_repeats *r, uint64_t key, uint64_t qty,
                                        int64_t px_nano)
{
    uint64_t h = (key ^ (qty << 20 | qty >> 44)) * 0x9E3779B97F4A7C15ULL;

    h = (h ^ (h >> 29) ^ (uint64_t)px_nano) * 0xBF58476D1CE4E5B9ULL;
    return (h >> 32) & r->mask;
}

/* How many orders like `q` left within window_ticks; counting ends at n_max. */
static inline uint64_t rl_repeats_count(const struct rl_repeats *r, const struct rl_request *q,
                                        uint64_t n_max, uint64_t now_tsc, uint64_t window_ticks)
{
    uint64_t key = rl_repeats_key(q), tsc = now_tsc > r->tsc ? now_tsc : r->tsc, n_same = 0;
    uint64_t number = r->heads[rl_repeats_chain(r, key, q->qty, q->px_nano)];

    /* A number that the ring has gone past names an order that was overwritten. */
    while (number != 0 && r->n - number <= r->mask && n_same < n_max) {
        const struct rl_repeat *was = &r->ring[number & r->mask];

        if (tsc - was->tsc > window_ticks)
            break; /* the rest of the chain is older still */
        n_same += was->key == key && was->qty == q->qty && was->px_nano == q->px_nano;
        number = was->before;
    }
    return n_same;
}

/* The order that the next one overwrites is still within the window. */
static inline bool rl_repeats_is_full(const struct rl_repeats *r, uint64_t now_tsc,
                                      uint64_t window_ticks)
{
    uint64_t tsc = now_tsc > r->tsc ? now_tsc : r->tsc;

    return r->n > r->mask && tsc - r->ring[(r->n + 1) & r->mask].tsc <= window_ticks;
}

/* The order left. */
static inline void rl_repeats_add(struct rl_repeats *r, const struct rl_request *q,
                                  uint64_t now_tsc)
{
    uint64_t key = rl_repeats_key(q), number = ++r->n;
    uint64_t *head = &r->heads[rl_repeats_chain(r, key, q->qty, q->px_nano)];

    r->tsc = now_tsc > r->tsc ? now_tsc : r->tsc;
    r->ring[number & r->mask] = (struct rl_repeat){
        .key = key, .qty = q->qty, .px_nano = q->px_nano, .tsc = r->tsc, .before = *head};
    *head = number;
}

#endif
