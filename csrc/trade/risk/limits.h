/*
 * limits - what an order may be and what it may lead to: one immutable, versioned, hashed set.
 *
 * A set is built once (limits_build.h), checked, hashed, published (limits_cell.h) and never
 * changed again. Every row is read by index; a row that nobody wrote is all zero.
 *
 * Zero is missing, and what is missing refuses: no limit is ever assumed. A limit that is switched
 * off on purpose has the value RL_LIMIT_OFF of its width, which the file writes `unlimited`; since
 * that is the largest number, `seen > limit` never holds by itself, but limits that are multiplied
 * or divided must be asked (RL_LIMIT_IS_OFF). Exactly at a limit passes, everywhere.
 *
 * Which limit makes an order or a state looser when it grows is known for each (limits_members.h);
 * that table also gives unit and meaning to files, diffs and documents.
 *
 * Threads:  read by any number of threads; nobody writes.
 * Memory:   one block without pointers, rl_limits_bytes long; may be mapped and copied.
 * Cost:     the two lines of one (account, symbol) pair, and one line each for account, strategy
 *           and venue, which stay in the first cache.
 */
#ifndef RL_TRADE_RISK_LIMITS_H
#define RL_TRADE_RISK_LIMITS_H

#include "base/money.h"
#include "trade/audit/sha256.h"
#include "trade/scope.h"

/* Switched off on purpose; by the width of the member. */
#define RL_LIMIT_OFF UINT64_MAX
#define RL_LIMIT_OFF_32 UINT32_MAX
#define RL_LIMIT_OFF_8 UINT8_MAX
#define RL_LIMIT_IS_OFF(limit)                                    \
    ((limit) == (sizeof(limit) == 8   ? RL_LIMIT_OFF              \
                 : sizeof(limit) == 4 ? (uint64_t)RL_LIMIT_OFF_32 \
                                      : (uint64_t)RL_LIMIT_OFF_8))
/* The largest limit that is not off: sums of two stay in 64 bits, times 1e9 in 128. */
#define RL_LIMIT_MAX ((uint64_t)1 << 62)
#define RL_LIMIT_MAX_32 ((uint32_t)1 << 31)

/* Bits of rl_limit_pair.sides: 1 << enum rl_side. */
#define RL_SIDES_BOTH 3

/* Values are stored in sets: append, never renumber. 0: missing. X(NAME, number, text) */
#define RL_SHORT_RULES(X)                              \
    X(FORBIDDEN, 1, "no order may make the net short") \
    X(LOCATED, 2, "short as far as `located` lots")    \
    X(FREE, 3, "short sales are not judged here")

enum rl_short_rule {
#define RL_SHORT_ENUM(name, number, text) RL_SHORT_##name = (number),
    RL_SHORT_RULES(RL_SHORT_ENUM)
#undef RL_SHORT_ENUM
};

/*
 * What happens when an order would trade with one of our own that rests, of any account and
 * strategy. The new order is refused under every rule but OFF; the others say which resting ones go
 * as well.
 */
#define RL_SELF_TRADES(X)                                                              \
    X(CANCEL_NEW, 1, "the new order is refused")                                       \
    X(CANCEL_OLD, 2, "the resting orders are cancelled; then it may come again")       \
    X(CANCEL_BOTH, 3, "the new order is refused for good, the resting ones cancelled") \
    X(OFF, 255, "orders may trade with each other")

enum rl_self_trade {
#define RL_SELF_TRADE_ENUM(name, number, text) RL_SELF_TRADE_##name = (number),
    RL_SELF_TRADES(RL_SELF_TRADE_ENUM)
#undef RL_SELF_TRADE_ENUM
};

/*
 * R10. A bucket that holds `burst` messages and fills with `per_s` (bucket.h). New orders and
 * replaces must leave `reserve` in it, which only cancels use (RL_LIMIT_OFF_32: nothing is kept).
 */
struct rl_limit_rate {
    uint32_t per_s;
    uint32_t burst;
    uint32_t reserve;
};

/* R18. In thousandths, so that counts compare exactly: part * 1000 > trip * whole. */
struct rl_limit_ratio {
    uint32_t alert_permille; /* above it somebody is told */
    uint32_t trip_permille;  /* above it the strategy stops */
    uint32_t min_sample;     /* orders in the window before the ratio means anything */
    uint32_t zero;
    uint64_t window_ns;
};

/* The ratios that are judged, by index. X(NAME, number, name in files, what is set against what) */
#define RL_LIMIT_RATIOS(X)                            \
    X(REJECTS, 0, "rejects", "rejects to orders")     \
    X(CANCELS, 1, "cancels", "cancels to executions") \
    X(MESSAGES, 2, "messages", "orders, replaces and cancels to executions")

enum rl_limit_ratio_kind {
#define RL_LIMIT_RATIO_ENUM(name, number, word, text) RL_LIMIT_RATIO_##name = (number),
    RL_LIMIT_RATIOS(RL_LIMIT_RATIO_ENUM)
#undef RL_LIMIT_RATIO_ENUM
        RL_N_LIMIT_RATIOS = 3
};

/*
 * One account in one symbol: all that a single order is held against, in two lines.
 * Quantities are lots, money whole units of the account's currency.
 */
struct rl_limit_pair {
    RL_ALIGNED int64_t tick_nano; /* R04: prices are multiples; never off */
    uint64_t max_qty;             /* R05: lots an order */
    uint64_t max_notional;        /* R06: money an order; market orders at their collar price */
    uint64_t max_long;            /* R12: lots, all open buys filled */
    uint64_t max_short;           /* R12: lots, all open sells filled */
    uint64_t strategies;          /* R03: bit n: strategy n may trade this */
    uint32_t lot;                 /* R04: quantities are multiples; never off */
    uint32_t collar_bps;          /* R07: 1e-4 of the reference price, to either side */
    uint32_t collar_ticks;        /* R07: and ticks; the narrower one holds */
    uint32_t cross_ticks;         /* R08: ticks through the far touch */

    RL_ALIGNED uint64_t md_age_ns; /* R20, R07: age of the market data that gives the reference */
    uint64_t moved_window_ns;      /* R07, over a period: every reference price in it counts */
    uint64_t duplicates_window_ns; /* R09 */
    uint64_t located;              /* R17: lots that may be sold short under RL_SHORT_LOCATED */
    uint32_t moved_bps;            /* R07, over a period: 1e-4 of each of them */
    uint32_t duplicates;           /* R09: equal orders in the window (side, quantity, price) */
    uint32_t max_open;             /* R15: orders at the venue, pending ones too */
    struct rl_limit_rate rate;     /* R10: of this account in this symbol */
    uint16_t venues;               /* R03: bit n: venue n */
    uint8_t sides;                 /* R03: RL_SIDES_*; 0: neither may be traded */
    uint8_t short_rule;            /* R17: enum rl_short_rule */
    uint8_t self_trade;            /* R16: enum rl_self_trade */
    uint8_t zero[3];
};
_Static_assert(sizeof(struct rl_limit_pair) == 128, "what one order needs of its pair: two lines");

/* One account over all its symbols. Money in whole units of the account's one currency. */
struct rl_limit_account {
    RL_ALIGNED uint64_t max_gross; /* R13: sum over symbols of the worst case, at marks */
    uint64_t max_net;              /* R13: size of the signed sum, worst side */
    uint64_t max_credit;           /* R13: cash paid out, open buys counted as paid */
    uint64_t max_loss;             /* R14: realised and at marks, fees counted */
    uint64_t mark_age_ns;          /* R14: an older mark of a held symbol counts as a breach */
    uint64_t max_open_notional;    /* R15: money in all open orders */
    uint32_t max_open;             /* R15: open orders */
    struct rl_limit_rate rate;     /* R10 */
};
_Static_assert(sizeof(struct rl_limit_account) == 64, "an account is one line");

struct rl_limit_strategy {
    RL_ALIGNED struct rl_limit_rate rate; /* R10 */
    uint32_t executions;                  /* R11: in the window; one more and it stops */
    uint64_t executions_window_ns;        /* R11 */
    uint32_t rejects_in_row;              /* R18: refusals by the venue with nothing between */
    uint32_t max_open;                    /* R15: open orders */
    struct rl_limit_ratio ratios[RL_N_LIMIT_RATIOS]; /* R18: by enum rl_limit_ratio_kind */
    uint64_t zeros[3];
};
_Static_assert(sizeof(struct rl_limit_strategy) == 128, "a strategy is two lines");

struct rl_limit_venue {
    struct rl_limit_rate rate; /* R10: the session's allowance */
    uint32_t max_open;         /* R15: open orders at this venue */
};
_Static_assert(sizeof(struct rl_limit_venue) == 16, "four venues a line");

/* The whole engine. No money: accounts may have different currencies. */
struct rl_limit_global {
    RL_ALIGNED uint64_t queue_delay_ns; /* R20: from receipt of the data to the decision */
    uint32_t max_open;                  /* R15: open orders */
    struct rl_limit_rate rate;          /* R10 */
    uint8_t zero[40];
};
_Static_assert(sizeof(struct rl_limit_global) == 64, "one line");

#define RL_LIMITS_MAGIC 0x315354494D494C52ULL /* "RLIMITS1" in memory */

struct rl_limit_set {
    RL_ALIGNED uint64_t magic;
    uint8_t sha256[RL_SHA256_BYTES]; /* of all that follows it, to the last row */
    uint64_t version;                /* above 0; every published set has a greater one */
    uint32_t n_accounts, n_instruments, n_strategies, n_venues;
    uint8_t names[RL_SHA256_BYTES]; /* SHA-256 of what the indices are called; 0: not named */
    uint8_t zero[32];
    struct rl_limit_global global;
    struct rl_limit_venue venues[RL_MAX_VENUES]; /* rows past n_* are zero and refuse */
    struct rl_limit_account accounts[RL_MAX_ACCOUNTS];
    struct rl_limit_strategy strategies[RL_MAX_STRATEGIES];
    struct rl_limit_pair pairs[]; /* [account][instrument] */
};

/* What an index outside a set gives: all zero. */
extern const struct rl_limit_pair rl_limit_no_pair;
extern const struct rl_limit_account rl_limit_no_account;
extern const struct rl_limit_strategy rl_limit_no_strategy;
extern const struct rl_limit_venue rl_limit_no_venue;

static inline const struct rl_limit_pair *rl_limits_pair(const struct rl_limit_set *s,
                                                         uint32_t account, uint32_t instrument)
{
    if (RL_UNLIKELY(account >= s->n_accounts || instrument >= s->n_instruments))
        return &rl_limit_no_pair;
    return &s->pairs[(size_t)account * s->n_instruments + instrument];
}

static inline const struct rl_limit_account *rl_limits_account(const struct rl_limit_set *s,
                                                               uint32_t account)
{
    return RL_LIKELY(account < RL_MAX_ACCOUNTS) ? &s->accounts[account] : &rl_limit_no_account;
}

static inline const struct rl_limit_strategy *rl_limits_strategy(const struct rl_limit_set *s,
                                                                 uint32_t strategy)
{
    return RL_LIKELY(strategy < RL_MAX_STRATEGIES) ? &s->strategies[strategy]
                                                   : &rl_limit_no_strategy;
}

static inline const struct rl_limit_venue *rl_limits_venue(const struct rl_limit_set *s,
                                                           uint32_t venue)
{
    return RL_LIKELY(venue < RL_MAX_VENUES) ? &s->venues[venue] : &rl_limit_no_venue;
}

/* Size of a set with so many pairs; 0 when a count is 0 or beyond scope.h. */
size_t rl_limits_bytes(uint32_t n_accounts, uint32_t n_instruments, uint32_t n_strategies,
                       uint32_t n_venues);

/* The hash that a set of n_bytes must carry: SHA-256 from its version to its last row. */
void rl_limits_hash(const struct rl_limit_set *s, size_t n_bytes, uint8_t out[RL_SHA256_BYTES]);

/*
 * R21: NULL when n_bytes of memory are one whole set: magic, counts, length, and the hash
 * recomputed over every row. Else one sentence. Cold: some nanoseconds a byte.
 */
const char *rl_limits_why_not_whole(const void *memory, size_t n_bytes);

/* The same for a set that this process built. */
static inline bool rl_limits_is_whole(const struct rl_limit_set *s)
{
    return s && rl_limits_why_not_whole(s, rl_limits_bytes(s->n_accounts, s->n_instruments,
                                                           s->n_strategies, s->n_venues)) == NULL;
}

#endif
