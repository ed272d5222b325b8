/*
 * position - what we hold in one instrument and what it has earned, exact to the last nano.
 *
 * Money is price (1e-9) times quantity, signed 128 bits. Average cost: adding to a position adds to
 * its cost, reducing takes the cost away in proportion (rounded towards zero, the remainder stays
 * in the cost), going through zero closes and opens. Two sums are kept apart so that each proves
 * the other: after every execution cash + cost == realised (rl_position_holds).
 *
 * Threads:  one writer, the order thread.
 * Memory:   two cache lines, the caller's; all zero is flat.
 * Cost:     a fill is a 128-bit multiply; a reduction adds a 128-bit division.
 */
#ifndef RL_TRADE_POSITION_H
#define RL_TRADE_POSITION_H

#include "base/defs.h"
#include "base/money.h"

typedef __int128 rl_money; /* 1e-9 of the quote currency times lots */

struct rl_position {
    RL_ALIGNED int64_t net; /* lots, signed: bought minus sold */
    uint64_t work[2];       /* lots of open orders, by side: reserved at send */
    uint64_t done[2];       /* lots executed, by side */
    rl_money cash;          /* received minus paid */
    rl_money cost;          /* what the open position cost, signed like net */
    rl_money realised;      /* of the closed part */
};

/* Books an execution; false, and nothing changed, when a sum would leave its range. */
static inline bool rl_position_fill(struct rl_position *p, enum rl_side side, int64_t px_nano,
                                    uint64_t qty)
{
    int64_t sign = side == RL_BUY ? 1 : -1;
    int64_t net = 0;
    uint64_t done = 0;
    uint64_t held = p->net < 0 ? 0 - (uint64_t)p->net : (uint64_t)p->net;
    bool reduces = p->net != 0 && (p->net > 0) != (side == RL_BUY);
    uint64_t closing = reduces ? (qty < held ? qty : held) : 0;
    rl_money paid = (rl_money)px_nano * (rl_money)qty * sign;
    rl_money cash = 0, cost = p->cost, realised = p->realised;

    if (qty > INT64_MAX || __builtin_add_overflow(p->net, sign * (int64_t)qty, &net) ||
        net == INT64_MIN || __builtin_add_overflow(p->done[side], qty, &done) ||
        __builtin_sub_overflow(p->cash, paid, &cash))
        return false;
    if (closing != 0) {
        /* cost * closing / held without the product leaving 128 bits: quotient and rest apart. */
        rl_money whole = p->cost / (rl_money)held * (rl_money)closing;
        rl_money rest = p->cost % (rl_money)held * (rl_money)closing / (rl_money)held;
        rl_money earned = -((rl_money)px_nano * (rl_money)closing * sign) - (whole + rest);

        if (__builtin_add_overflow(realised, earned, &realised))
            return false;
        cost -= whole + rest;
    }
    if (__builtin_add_overflow(cost, (rl_money)px_nano * (rl_money)(qty - closing) * sign, &cost))
        return false;
    p->net = net;
    p->done[side] = done;
    p->cash = cash;
    p->cost = cost;
    p->realised = realised;
    return true;
}

/* The two ways of counting agree, and so do quantities. */
static inline bool rl_position_holds(const struct rl_position *p)
{
    return p->cash + p->cost == p->realised &&
           p->net == (int64_t)(p->done[RL_BUY] - p->done[RL_SELL]) && (p->net != 0 || p->cost == 0);
}

/* Value of the open position at `mark_nano` minus its cost. */
rl_money rl_position_unrealised(const struct rl_position *p, int64_t mark_nano);

#endif
