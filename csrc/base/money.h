/*
 * money - prices, quantities and sides: the integers on which all layers agree.
 *
 * A price is a signed 64-bit count of 1e-9 of the quote currency (suffix `_nano`), the finest grid
 * of the feeds read here: ITCH counts 1e-4, DBN 1e-9, FIX sends decimals. A quantity is an unsigned
 * count of the venue's smallest lot. Notionals need 128 bits: price times quantity overflows 64.
 */
#ifndef RL_BASE_MONEY_H
#define RL_BASE_MONEY_H

#include <stdint.h>

#define RL_NANO_PER_UNIT 1000000000LL
/* No price: an empty side of a book, a market order. */
#define RL_PX_NONE INT64_MIN

enum rl_side { RL_BUY = 0, RL_SELL = 1 };

static inline enum rl_side rl_side_opposite(enum rl_side side)
{
    return (enum rl_side)(1 - (int)side);
}

/* Ten to the power of the index: what moves a decimal point. */
#define RL_N_POW10 19
extern const uint64_t rl_pow10[RL_N_POW10];

/* Best bid and offer of one instrument; an empty side has RL_PX_NONE and quantity 0. */
struct rl_bbo {
    int64_t px_nano[2]; /* [RL_BUY] the bid, [RL_SELL] the offer */
    uint64_t qty[2];
};

#endif
