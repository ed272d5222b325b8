/*
 * position - what we hold in one instrument and what it has earned, exact to the last nano.
 *
 * Money is price (1e-9) times quantity (lots), signed 128 bits. Rules, by which an audit can be
 * recomputed:
 *   - An execution pays or receives px * qty: cash.
 *   - What adds to the position adds px * qty to its cost; a short one's cost is what it brought,
 *     below 0. Prices may be below 0 too.
 *   - What reduces it takes a part of the cost away, and the difference to px * qty is realised.
 *     AVERAGE: cost * closed / held, rounded towards zero; the remainder stays in the cost, so the
 *     last lot takes whatever is left. FIFO: what the oldest lots were bought for (fifo.h).
 *   - Going through zero closes all that is held, then opens the rest at px.
 *   - A fee (a rebate when negative) is paid out of cash.
 *   - A bust takes an execution back by booking the opposite one at the same price, so the rules
 *     above hold for it. Afterwards net, cash, done, and the profit at any mark are what they would
 *     be had the execution never been; its division into realised and unrealised may not be, since
 *     what was earned by closing in between stays earned. `done` goes down again and `busted` says
 *     how much was ever taken back.
 *   - A correction is the bust of what was told first, then the execution as told now.
 * Two sums are kept apart so that each proves the other: cash + cost == realised - fees after every
 * step, and therefore cash + net * mark == realised + unrealised - fees at every mark.
 *
 * Threads:  one writer, the order thread.
 * Memory:   two cache lines, the caller's: counts in one, money in the other; all zero is flat.
 * Cost:     an execution is a 128-bit multiplication; AVERAGE adds one division, two when the first
 *           leaves a rest, if it closes a part of what is held, none if it closes all.
 */
#ifndef RL_TRADE_POSITION_H
#define RL_TRADE_POSITION_H

#include "base/defs.h"
#include "base/money.h"

typedef __int128 rl_money; /* 1e-9 of the quote currency times lots */

#define RL_MONEY_MAX ((rl_money)(~(unsigned __int128)0 >> 1))
#define RL_MONEY_MIN (-RL_MONEY_MAX - 1)

struct rl_position {
    RL_ALIGNED uint32_t first_lot; /* FIFO: the oldest in its pool; 0: none */
    uint32_t last_lot;             /* and the newest */
    int64_t net;                   /* lots, signed: bought minus sold; never INT64_MIN */
    uint64_t work[2];              /* lots of open orders, by side: reserved from send to the end */
    uint64_t done[2];              /* lots executed and not taken back, by side */
    uint64_t busted;               /* lots taken back, ever */
    uint32_t n_open;               /* orders that reserve anything */
    uint32_t n_lots;               /* FIFO: in the list */
    rl_money cash;                 /* received minus paid, after fees */
    rl_money cost;     /* what the open position cost; sold short: minus what it brought */
    rl_money realised; /* earned by closing, before fees */
    rl_money fees;     /* paid, minus rebates */
};

_Static_assert(sizeof(struct rl_position) == 2 * RL_CACHE_LINE, "counts and money, a line each");

/* What an execution makes of a position, before it is written anywhere. */
struct rl_booking {
    int64_t net;
    rl_money cash, cost, realised;
};

static inline uint64_t rl_lots_held(int64_t net)
{
    return net < 0 ? 0 - (uint64_t)net : (uint64_t)net;
}

/* Of signed lots: one multiplication. */
static inline rl_money rl_notional(int64_t px_nano, int64_t lots)
{
    return (rl_money)px_nano * lots;
}

/* An execution that can be one at all: on a side, at a price, of lots that fit a position. */
static inline bool rl_is_execution(enum rl_side side, int64_t px_nano, uint64_t qty)
{
    return (unsigned)side <= RL_SELL && px_nano != RL_PX_NONE && qty - 1 < INT64_MAX;
}

/* Lots of the position that an execution of `qty` closes; the rest of it opens. */
static inline uint64_t rl_position_closing(const struct rl_position *p, enum rl_side side,
                                           uint64_t qty)
{
    uint64_t held = rl_lots_held(p->net);
    bool is_against = p->net < 0 ? side == RL_BUY : side == RL_SELL;

    return is_against ? (qty < held ? qty : held) : 0;
}

/*
 * (high, low) / by, and the rest; high < by. The compiler calls a function for this division, which
 * cannot know that the quotient fits a register.
 */
static inline uint64_t rl_divide(uint64_t high, uint64_t low, uint64_t by, uint64_t *rest)
{
    uint64_t quotient;

    __asm__("divq %[by]" : "=a"(quotient), "=d"(*rest) : "a"(low), "d"(high), [by] "r"(by) : "cc");
    return quotient;
}

/*
 * cost * closing / held, rounded towards zero; closing <= held, held > 0. No product leaves 128
 * bits, since |cost| <= held * |price| at all times: quotient and rest are multiplied apart.
 */
static inline rl_money rl_position_share(rl_money cost, uint64_t closing, uint64_t held)
{
    unsigned __int128 whole = cost < 0 ? -(unsigned __int128)cost : (unsigned __int128)cost;
    uint64_t high = (uint64_t)(whole >> 64), quotient, rest;
    unsigned __int128 taken;

    if (closing == held)
        return cost;
    if (RL_UNLIKELY(high >= held)) /* of no price that is 64 bits: nobody booked this */
        return cost / (rl_money)held * (rl_money)closing +
               cost % (rl_money)held * (rl_money)closing / (rl_money)held;
    quotient = rl_divide(high, (uint64_t)whole, held, &rest);
    taken = (unsigned __int128)quotient * closing;
    if (rest != 0) {
        unsigned __int128 part = (unsigned __int128)rest * closing;

        taken += rl_divide((uint64_t)(part >> 64), (uint64_t)part, held, &rest);
    }
    return cost < 0 ? -(rl_money)taken : (rl_money)taken;
}

/*
 * What an execution makes of the position when its closing part takes `taken` out of the cost;
 * false when a sum would leave its range. Of net, cash and realised, that is: prices and held lots
 * are below 2^63 each, so a cost is below 2^126, and what is earned at once below 2^127.
 */
static inline bool rl_position_plan(const struct rl_position *p, enum rl_side side, int64_t px_nano,
                                    uint64_t qty, uint64_t closing, rl_money taken,
                                    struct rl_booking *to)
{
    int64_t lots = side == RL_BUY ? (int64_t)qty : -(int64_t)qty;
    rl_money paid = rl_notional(px_nano, lots);
    bool is_beyond = __builtin_add_overflow(p->net, lots, &to->net);

    is_beyond |= to->net == INT64_MIN;
    is_beyond |= __builtin_sub_overflow(p->cash, paid, &to->cash);
    if (closing == 0) {
        to->cost = p->cost + paid;
        to->realised = p->realised;
    } else {
        int64_t closed_lots = side == RL_BUY ? (int64_t)closing : -(int64_t)closing;
        rl_money closed = rl_notional(px_nano, closed_lots);

        to->cost = p->cost - taken + (paid - closed);
        is_beyond |= __builtin_add_overflow(p->realised, -closed - taken, &to->realised);
    }
    return !is_beyond;
}

static inline void rl_position_take(struct rl_position *p, const struct rl_booking *to)
{
    p->net = to->net;
    p->cash = to->cash;
    p->cost = to->cost;
    p->realised = to->realised;
}

/* Books an execution at average cost; false, and nothing changed, when it is none or a sum would
 * leave its range. */
static inline bool rl_position_fill(struct rl_position *p, enum rl_side side, int64_t px_nano,
                                    uint64_t qty)
{
    struct rl_booking to;
    uint64_t closing, done;

    if (!rl_is_execution(side, px_nano, qty))
        return false;
    closing = rl_position_closing(p, side, qty);
    if (__builtin_add_overflow(p->done[side], qty, &done) ||
        !rl_position_plan(
            p, side, px_nano, qty, closing,
            closing != 0 ? rl_position_share(p->cost, closing, rl_lots_held(p->net)) : 0, &to))
        return false;
    rl_position_take(p, &to);
    p->done[side] = done;
    return true;
}

/* Charges a fee, below 0 a rebate; false, and nothing changed, when a sum would leave its range. */
static inline bool rl_position_fee(struct rl_position *p, rl_money fee)
{
    rl_money cash, fees;

    if (__builtin_sub_overflow(p->cash, fee, &cash) || __builtin_add_overflow(p->fees, fee, &fees))
        return false;
    p->cash = cash;
    p->fees = fees;
    return true;
}

/* Takes back an execution of `side`; also false when so much was never executed on that side. */
bool rl_position_bust(struct rl_position *p, enum rl_side side, int64_t px_nano, uint64_t qty);

/* The bust of (was_px_nano, was_qty), then the execution (px_nano, qty): both or neither. */
bool rl_position_correct(struct rl_position *p, enum rl_side side, int64_t was_px_nano,
                         uint64_t was_qty, int64_t px_nano, uint64_t qty);

/* The two ways of counting agree, and so do quantities. */
static inline bool rl_position_holds(const struct rl_position *p)
{
    unsigned __int128 one = (unsigned __int128)p->cash + (unsigned __int128)p->cost;
    unsigned __int128 other = (unsigned __int128)p->realised - (unsigned __int128)p->fees;

    return one == other && p->net != INT64_MIN &&
           p->net == (int64_t)(p->done[RL_BUY] - p->done[RL_SELL]) && (p->net != 0 || p->cost == 0);
}

/* Value of the open position at `mark_nano` minus its cost; RL_MONEY_MIN when that has no room. */
rl_money rl_position_unrealised(const struct rl_position *p, int64_t mark_nano);

#endif
