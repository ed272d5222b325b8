/*
 * risk - every limit that an order must keep, checked before it may leave; all reasons at once.
 *
 * The answer is a mask of the limits that fail, 0 for none. Nothing is assumed in an order's
 * favour: a limit that is zero is missing and fails everything, a book without two sides gives no
 * reference price, a new engine is halted. Exactly at a limit passes. Integers only; products take
 * 128 bits.
 *
 * OPEN and NO_ID are also set by the order thread, which knows the table of open orders and the
 * ids.
 *
 * Checking changes nothing. What an order may still become is reserved when it is sent, so that no
 * interleaving of answers can carry a position past its limit, and given back on the exchange's
 * answer.
 *
 * Threads:  the order thread alone.
 * Memory:   the struct plus one rl_position an instrument, the caller's.
 * Cost:     straight-line code; see bench_component (risk.check).
 */
#ifndef RL_TRADE_RISK_H
#define RL_TRADE_RISK_H

#include "base/defs.h"
#include "base/money.h"
#include "trade/position.h"

/* Bit numbers are stored in audit files: append, never renumber. */
#define RL_RISK_REASONS(X)                                                        \
    X(QTY, 0, "quantity above the limit")                                         \
    X(NOTIONAL, 1, "notional above the limit")                                    \
    X(POSITION, 2, "position, with all open orders filled, above the limit")      \
    X(BAND, 3, "price outside the band around mid")                               \
    X(RATE, 4, "too many orders a second")                                        \
    X(OPEN, 5, "too many open orders")                                            \
    X(HALTED, 6, "trading is halted")                                             \
    X(LIMIT_MISSING, 7, "a limit is not set")                                     \
    X(REFERENCE, 8, "no reference price: a side is empty or the book is crossed") \
    X(FIELD, 9, "the order itself makes no sense")                                \
    X(NO_ID, 10, "the order ids of this epoch are used up")

enum rl_risk_reason {
#define RL_RISK_ENUM(name, bit, text) RL_RISK_##name = 1 << (bit),
    RL_RISK_REASONS(RL_RISK_ENUM)
#undef RL_RISK_ENUM
};
#define RL_RISK_COUNT_ONE(name, bit, text) +1
enum { RL_RISK_N = 0 RL_RISK_REASONS(RL_RISK_COUNT_ONE) };
#undef RL_RISK_COUNT_ONE

/* For each bit the enum's name in lower case, and the sentence. */
extern const char *const rl_risk_reason_names[RL_RISK_N];
extern const char *const rl_risk_reason_texts[RL_RISK_N];

/* All must be set. */
struct rl_risk_limits {
    uint64_t max_qty;      /* lots an order */
    uint64_t max_notional; /* whole units of the quote currency an order */
    uint64_t max_position; /* lots an instrument, long or short, open orders counted as filled */
    uint32_t band_bps;     /* 1e-4 of mid, to either side */
    uint32_t rate_per_s;   /* orders a second in the long run */
    uint32_t rate_burst;   /* orders at one instant after a rest */
    uint32_t max_open;     /* orders at the exchange at one time */
};

struct rl_risk_order {
    int64_t px_nano;
    uint64_t qty;
    uint32_t instrument;
    uint8_t side; /* enum rl_side */
    struct rl_bbo bbo;
};

struct rl_risk {
    RL_ALIGNED struct rl_risk_limits limits;
    struct rl_position *positions;
    uint32_t n_instruments;
    uint32_t blocked;        /* HALTED and LIMIT_MISSING, ready to be or-ed in */
    uint64_t ticks_an_order; /* rounded up: never faster than the limit */
    uint64_t ticks_of_burst; /* how far ahead of the long-run rate a burst may be */
    uint64_t next_tsc;       /* when the next order is due at the long-run rate */
    uint32_t n_open;
};

/*
 * Starts halted with flat positions. Limits that are zero do not fail here: they fail every order.
 * -EINVAL without instruments or with tsc_hz of 0.
 */
int rl_risk_init(struct rl_risk *r, const struct rl_risk_limits *limits,
                 struct rl_position *positions, uint32_t n_instruments, uint64_t tsc_hz);

static inline void rl_risk_resume(struct rl_risk *r)
{
    r->blocked &= ~(uint32_t)RL_RISK_HALTED;
}

static inline void rl_risk_halt(struct rl_risk *r)
{
    r->blocked |= RL_RISK_HALTED;
}

/* Mask of all limits that this order fails at this moment; 0: it may be sent. */
static inline uint32_t rl_risk_check(const struct rl_risk *r, const struct rl_risk_order *o,
                                     uint64_t now_tsc)
{
    const struct rl_risk_limits *limits = &r->limits;
    uint32_t mask = r->blocked;

    if (RL_UNLIKELY(o->instrument >= r->n_instruments || o->side > RL_SELL))
        return mask | RL_RISK_FIELD; /* the other checks would index by them */

    const struct rl_position *p = &r->positions[o->instrument];
    bool is_priced = o->px_nano > 0;
    unsigned __int128 notional = is_priced ? (unsigned __int128)o->px_nano * o->qty : 0;
    unsigned __int128 max_notional = (unsigned __int128)limits->max_notional * RL_NANO_PER_UNIT;
    rl_money signed_net = o->side == RL_BUY ? p->net : -(rl_money)p->net;
    rl_money reach = signed_net + p->work[o->side] + o->qty;
    int64_t bid = o->bbo.px_nano[RL_BUY], offer = o->bbo.px_nano[RL_SELL];
    /* RL_PX_NONE is the smallest integer, so an empty side is not positive either. */
    bool has_mid = bid > 0 && offer > 0 && bid <= offer;
    rl_money mid2 = (rl_money)bid + offer; /* twice mid: no half nano is lost */
    rl_money away2 = 2 * (rl_money)o->px_nano - mid2;

    away2 = away2 < 0 ? -away2 : away2;
    mask |= o->qty == 0 || !is_priced ? RL_RISK_FIELD : 0;
    mask |= o->qty > limits->max_qty ? RL_RISK_QTY : 0;
    mask |= notional > max_notional ? RL_RISK_NOTIONAL : 0;
    mask |= reach > (rl_money)limits->max_position ? RL_RISK_POSITION : 0;
    mask |= !has_mid                                  ? RL_RISK_REFERENCE
            : away2 * 10000 > mid2 * limits->band_bps ? RL_RISK_BAND
                                                      : 0;
    /* Before next_tsc minus the burst the bucket is empty; a clock that steps back only delays. */
    mask |= r->next_tsc > now_tsc && r->next_tsc - now_tsc > r->ticks_of_burst ? RL_RISK_RATE : 0;
    mask |= r->n_open >= limits->max_open ? RL_RISK_OPEN : 0;
    return mask;
}

/* The order leaves: count it as filled until the exchange has answered. */
static inline void rl_risk_reserve(struct rl_risk *r, const struct rl_risk_order *o,
                                   uint64_t now_tsc)
{
    r->positions[o->instrument].work[o->side] += o->qty;
    r->n_open++;
    r->next_tsc = (r->next_tsc > now_tsc ? r->next_tsc : now_tsc) + r->ticks_an_order;
}

/* `qty` of a sent order will not execute any more; `is_closed` when nothing of it is left. */
static inline void rl_risk_release(struct rl_risk *r, uint32_t instrument, enum rl_side side,
                                   uint64_t qty, bool is_closed)
{
    r->positions[instrument].work[side] -= qty;
    r->n_open -= is_closed;
}

/* Replaces a limit set as a whole; the state (halted or not) stays. tsc_hz as in init. */
void rl_risk_set_limits(struct rl_risk *r, const struct rl_risk_limits *limits, uint64_t tsc_hz);

#endif
