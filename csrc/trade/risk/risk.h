/*
 * risk - every limit that an order must keep, checked before it may leave; all reasons at once.
 *
 * The answer is the set of reasons (reason.h) for which the order is refused, 0 for none; the first
 * reason is the lowest bit. Nothing is assumed in an order's favour: a limit that is zero or a row
 * that is missing refuses, so do a stale or missing reference price, a session or a clock that is
 * not ready, and a new engine is HALTED. Exactly at a limit passes. Integers only: products take
 * 128 bits, sums that could leave 64 are done in 128.
 *
 *     R01 STATE       the most severe state of engine, venue, account, strategy and symbol
 *     R02 SESSION     input.h: session, clock
 *     R03 PERMISSION  row of account and symbol: strategies, venues, sides; restricted; phase
 *     R04 FIELD       side, type, time in force, quantity a multiple of the lot, price on the tick
 *     R05 QTY         lots an order, and R06 NOTIONAL: a market order at its collar price
 *     R07 COLLAR      around mid, in bps and in ticks, and around every mid of the last period;
 *                     a market order is judged by the price that it would meet
 *     R08 CROSS       ticks through the other side's best
 *     R09 DUPLICATE   the same order too often in a window
 *     R10 RATE        token buckets of engine, session, account, strategy and symbol
 *     R11 EXECUTIONS  latched by rl_risk_told until a human sets the strategy's state again
 *     R12 POSITION    as if all open orders of the side and this one were filled, long and short
 *     R13 EXPOSURE    gross, net and credit of the account, this order included; an order that
 *                     raises none of them passes also when it is too late
 *     R14 LOSS        realised and marked; marks too old are a breach
 *     R15 OPEN        count and notional of open orders, pending ones included
 *     R16 SELF_TRADE  against every open order of the engine that may rest, of any account and
 *                     strategy; rl_risk_self_next names those that the policy wants cancelled
 *     R17 SHORT_SALE  short lots within what the row says was located. A hook: locates are given by
 *                     the configuration, none is asked for and none is used up beyond the position
 *     R18 RATIO       latched by rl_risk_told, as R11
 *     R19 REPLACE     rl_risk_check_replace: the larger of old and new until acknowledged
 *     R20 FRESHNESS   age of the book, in step, delay in our own queues
 *     R21 LIMITS      no set, no row, a zero where a limit belongs, a set altered in place
 *     NO_ID           set by the order manager
 *
 * A tighter limit takes no reason away, with one exception: what a market order may come to is what
 * the collar allows, so a tighter collar makes it cheaper (R06, R13, R15).
 *
 * Checking changes nothing. What leaves is told to rl_risk_sent and its like, which use up buckets
 * and remember; reservations are the ledger's. A cancel is refused by nothing but its own rate, and
 * has a budget that orders cannot take.
 *
 * Threads:  the order thread alone; limit sets come through limits.h.
 * Memory:   taken from the caller's arena by init; nothing later.
 * Cost:     one pass without loops or divisions (tests/c/bench_risk.c). A market order pays for one
 *           division; the first order of an account in a symbol after another set was taken, for
 *           making its row; a price at which our own best may be met, for a scan of open orders.
 */
#ifndef RL_TRADE_RISK_RISK_H
#define RL_TRADE_RISK_RISK_H

#include "base/mem.h"
#include "trade/kill/cause.h"
#include "trade/order/order.h"
#include "trade/order/request.h"
#include "trade/position/ledger.h"
#include "trade/risk/input.h"
#include "trade/risk/repeats.h"
#include "trade/risk/risk_rows.h"
#include "trade/risk/self.h"

#define RL_RISK_ALL ((1U << RL_RISK_N) - 1)

/* Two principals let orders of one scope pass some checks, for a time and a number of orders. */
struct rl_override {
    uint64_t until_tsc;
    uint64_t principals[2]; /* different from each other and from 0 */
    uint32_t mask;          /* within RL_RISK_MAY_OVERRIDE */
    uint32_t n_orders;      /* left: each order of the scope that leaves counts, needed or not */
    uint32_t index;
    uint8_t scope; /* enum rl_scope, not GLOBAL */
};
/* Only limits: what describes the world, the order or a stop by a human cannot be overridden. */
#define RL_RISK_MAY_OVERRIDE                                                               \
    (RL_RISK_QTY | RL_RISK_NOTIONAL | RL_RISK_COLLAR | RL_RISK_CROSS | RL_RISK_DUPLICATE | \
     RL_RISK_RATE | RL_RISK_POSITION | RL_RISK_EXPOSURE | RL_RISK_LOSS | RL_RISK_OPEN)
#define RL_RISK_N_OVERRIDES 8

/* What a venue's answers, fills or marks call for. An alert stops nothing. */
struct rl_risk_trip {
    uint32_t index;
    uint8_t scope; /* enum rl_scope */
    uint8_t cause; /* enum rl_kill_cause */
    bool is_alert;
};

struct rl_risk_config {
    const struct rl_ledger *ledger; /* its accounts and instruments are those of the engine */
    const struct rl_orders *orders;
    uint64_t tsc_hz;
    uint32_t n_venues, n_strategies;
    uint32_t n_repeats; /* orders remembered for R09: at least those of one window */
    uint32_t n_fills;   /* executions remembered for R11, a strategy: above its limit */
};

struct rl_risk {
    RL_ALIGNED struct rl_risk_pair *pairs; /* [account][instrument] */
    const struct rl_ledger *ledger;
    struct rl_risk_symbol *symbols;
    struct rl_risk_account *accounts;
    struct rl_risk_strategy *strategies;
    struct rl_risk_venue *venues;
    uint64_t tsc_hz;
    uint32_t generation; /* counts rl_risk_use: rows of another are made anew */
    uint32_t n_overrides;
    RL_ALIGNED uint64_t set_version; /* of `set`, when it was taken */
    const struct rl_limit_set *set;  /* never NULL */
    uint32_t n_instruments, n_accounts, n_strategies, n_venues;
    const struct rl_orders *orders;
    uint64_t poll_next;
    struct rl_risk_global global;
    struct rl_repeats repeats;
    struct rl_override overrides[RL_RISK_N_OVERRIDES];
};

/* Bytes that init takes from the arena, alignment included; 0 when the config cannot be served. */
size_t rl_risk_bytes(const struct rl_risk_config *config);

/* Everything is ACTIVE under an engine that is HALTED; no limits. -EINVAL for numbers out of
 * scope.h's range, a tsc_hz of 0, or nothing to remember in; -ENOMEM. */
int rl_risk_init(struct rl_risk *r, struct rl_arena *arena, const struct rl_risk_config *config);

/*
 * Decides by this set from now on; NULL: no limits, nothing passes. What was counted stays: another
 * set forgives nothing. The set must live, unchanged, until the next one is used.
 */
void rl_risk_use(struct rl_risk *r, const struct rl_limit_set *set);

/* The reasons for which a new order is refused at this moment; 0: it may be sent. */
uint32_t rl_risk_check(struct rl_risk *r, const struct rl_request *q,
                       const struct rl_risk_input *in, uint64_t now_tsc);

/*
 * The same for giving a working order another quantity (total, executed lots included) and price.
 * `q` is what the order would be: scopes, side and type as they are, the new quantity and price.
 * Limits on size and exposure see the larger of old and new; what is reserved for the order already
 * is not counted twice. Neither a duplicate nor one more open order.
 */
uint32_t rl_risk_check_replace(struct rl_risk *r, const struct rl_order *order, uint64_t qty,
                               int64_t px_nano, const struct rl_request *q,
                               const struct rl_risk_input *in, uint64_t now_tsc);

/* 0 or RATE: a cancel passes in every state while the session's bucket has a message for it. */
uint32_t rl_risk_check_cancel(struct rl_risk *r, const struct rl_scopes *scopes, uint64_t now_tsc);

/*
 * The price at which the ledger reserves this order: its own, or the collar price of a market
 * order. In every rl_order_change of a market order it stands for RL_PX_NONE before ledger and risk
 * see it.
 */
int64_t rl_risk_px_to_reserve(struct rl_risk *r, const struct rl_request *q,
                              const struct rl_risk_input *in);

/* The message left: what it uses up and what is remembered of it. `change` as the order store made
 * it. A cancel changes no reservation. */
void rl_risk_sent(struct rl_risk *r, const struct rl_request *q,
                  const struct rl_order_change *change, uint64_t now_tsc);
void rl_risk_replace_sent(struct rl_risk *r, const struct rl_request *q,
                          const struct rl_order_change *change, uint64_t now_tsc);
void rl_risk_cancel_sent(struct rl_risk *r, const struct rl_scopes *scopes, uint64_t now_tsc);

/*
 * The venue answered, and the order store and the ledger know it. True: *trip is called for. A trip
 * of a strategy is latched here as well: until a human sets its state again it is refused.
 */
bool rl_risk_told(struct rl_risk *r, const struct rl_order_change *change, uint64_t now_tsc,
                  struct rl_risk_trip *trip);

/* For rl_risk_see: how long this symbol's references count. Cold. */
void rl_risk_make_symbol(struct rl_risk *r, uint32_t instrument);

/* The best of an instrument changed: what the collar over time remembers. To be called for every
 * change, else that collar has no reference and refuses. */
static inline void rl_risk_see(struct rl_risk *r, uint32_t instrument, const struct rl_bbo *bbo,
                               uint64_t now_tsc)
{
    struct rl_risk_symbol *symbol = &r->symbols[instrument];
    int64_t bid = bbo->px_nano[RL_BUY], offer = bbo->px_nano[RL_SELL];

    /* An empty side is RL_PX_NONE, below zero. */
    if (RL_UNLIKELY(bid <= 0 || offer < bid))
        return;
    if (RL_UNLIKELY(symbol->generation != r->generation))
        rl_risk_make_symbol(r, instrument);
    rl_px_window_see(&symbol->window, &symbol->reach, (uint64_t)bid + (uint64_t)offer, now_tsc,
                     symbol->window_ticks);
}

/*
 * Looks at one account and one of its symbols, round and round: loss, marks, exposure and positions
 * that fills, prices or another set have carried past a limit. True: *trip is called for.
 */
bool rl_risk_poll(struct rl_risk *r, uint64_t now_tsc, struct rl_risk_trip *trip);

/* The next open order of ours, from slot *from on, that `q` would trade with; *from becomes the
 * slot after it. NULL: no more. Cold. */
const struct rl_order *rl_risk_self_next(const struct rl_risk *r, const struct rl_request *q,
                                         uint64_t *from);
/* What is to be done about them: enum rl_self_trade of the limits in force, 0: nothing is known. */
unsigned rl_risk_self_policy(const struct rl_risk *r, const struct rl_scopes *scopes);

/*
 * The limit that one reason is about and what would be, saturated to 64 bits. Where a reason has
 * several limits: the first that fails, else the first. Money in whole units of the currency,
 * away from zero; times in ticks. 0, 0: it has no number. Cold.
 */
void rl_risk_explain(struct rl_risk *r, const struct rl_request *q, const struct rl_risk_input *in,
                     uint64_t now_tsc, uint32_t reason, int64_t *limit, int64_t *actual);

/* -EINVAL: no such scope, index or state. Setting a strategy's state also clears what was latched,
 * and its window of executions: this is the human who lets it run again. */
int rl_risk_set_state(struct rl_risk *r, enum rl_scope scope, uint32_t index,
                      enum rl_risk_state state);
/* HALTED for what does not exist. */
enum rl_risk_state rl_risk_state(const struct rl_risk *r, enum rl_scope scope, uint32_t index);
/* The most severe of all five. */
enum rl_risk_state rl_risk_state_of(const struct rl_risk *r, const struct rl_scopes *scopes);

/*
 * -EPERM unless two different principals gave it; -EINVAL for reasons that cannot be overridden, no
 * such scope, no orders, or an expiry that has passed; -ENOSPC when all places hold live ones.
 */
int rl_risk_override(struct rl_risk *r, const struct rl_override *o, uint64_t now_tsc);

/* All that is counted, as one number: equal after the same messages, whatever was asked between. */
uint64_t rl_risk_hash(const struct rl_risk *r);

/* For each bit of reason.h: "R01", "state", its sentence. */
extern const char *const rl_risk_ids[RL_RISK_N];
extern const char *const rl_risk_names[RL_RISK_N];
extern const char *const rl_risk_texts[RL_RISK_N];
/* What R17 is not, for reports. */
extern const char *const rl_risk_short_sale_note;

/* --- shared by the parts of risk -------------------------------------------------------------- */

/* The row of a pair, made anew when it is of another set. */
void rl_risk_remake_pair(struct rl_risk *r, uint32_t account, uint32_t instrument);

static inline struct rl_risk_pair *rl_risk_pair_at(struct rl_risk *r, uint32_t account,
                                                   uint32_t instrument)
{
    struct rl_risk_pair *pair = &r->pairs[(size_t)account * r->n_instruments + instrument];

    if (RL_UNLIKELY(pair->generation != r->generation))
        rl_risk_remake_pair(r, account, instrument);
    return pair;
}

static inline bool rl_risk_knows(const struct rl_risk *r, const struct rl_scopes *s)
{
    return (s->instrument < r->n_instruments) & (s->account < r->n_accounts) &
           (s->strategy < r->n_strategies) & (s->venue < r->n_venues);
}

static inline bool rl_override_is_of(const struct rl_override *o, const struct rl_scopes *s)
{
    switch (o->scope) {
    case RL_SCOPE_VENUE:
        return s->venue == o->index;
    case RL_SCOPE_ACCOUNT:
        return s->account == o->index;
    case RL_SCOPE_STRATEGY:
        return s->strategy == o->index;
    case RL_SCOPE_SYMBOL:
        return s->instrument == o->index;
    default:
        return false;
    }
}

/* Looks at every open order: does one meet `px`? Makes the bound of that side exact. Cold. */
bool rl_risk_self_scan(struct rl_risk *r, uint32_t instrument, unsigned side, int64_t px);

#endif
