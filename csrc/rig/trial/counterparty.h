/*
 * counterparty - the venue's side of the order session: checks every request to the last byte,
 * answers it, and keeps its own record of what rests.
 *
 * An order counts as valid only when it parses and its checksum is right, every field is there and
 * sane, its ClOrdID is new and larger than all before, its symbol is one of the stream's, and
 * SecondaryClOrdID (526) names a message that really was sent. Only such orders are timed and
 * answered: by a full fill, unless a rule says otherwise. It is no market: nothing is matched.
 *
 *   a rule takes the order    DAY (59=0)                     IOC (59=3)
 *   rejected                  150=8                          150=8
 *   held                      150=0, rests until cancelled   150=0, then 150=C
 *   filled in part            150=F 39=1, the rest rests     150=F 39=1, then 150=C
 *
 * Cancels, replacements and mass cancels refer to what rests here, and to nothing that the engine
 * may believe; one that has a fault is counted and not answered. A mass cancel is first answered by
 * its report, then order by order, over several turns when the wire has no room. When the session
 * is lost (the engine dropped it, or gives no sign of life) everything that rests is cancelled and
 * nobody is told.
 *
 * Threads:  the rig thread.
 * Memory:   the symbol table and the resting orders are taken from the arena by init.
 * Cost:     a FIX parse and an encoding an order; no allocation, lock or system call.
 */
#ifndef RL_RIG_COUNTERPARTY_H
#define RL_RIG_COUNTERPARTY_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/hist.h"
#include "base/mem.h"
#include "market/feed/feed.h"
#include "market/fix/fix.h"
#include "net/port/port.h"
#include "rig/trial/outliers.h"
#include "rig/trial/resting.h"
#include "rig/trial/sent.h"
#include "rig/trial/tape.h"
#include "rig/trial/worker.h"

/* Each k-th valid order meets a rule; 0: none does. Of several the first here counts. */
struct rl_counterparty_rules {
    uint32_t reject_every;
    uint32_t hold_every;
    uint32_t part_every;  /* half is filled, an order of one lot whole */
    bool ignores_cancels; /* cancels and mass cancels are taken, and nothing comes of them */
    uint32_t n_resting;   /* room for so many; an order that finds none is rejected */
    uint64_t silence_ns;  /* without a sign of life for so long, the session counts as lost; 0: ever
                           */
};

/* Every order received is valid or has exactly one fault. X(name, what it counts) */
#define RL_COUNTERPARTY_FAULTS(X)                                                        \
    X(orders_garbled, "frames that are no FIX message, or of no kind known here")        \
    X(orders_incomplete, "orders with a required field missing, repeated or unreadable") \
    X(orders_insane, "orders with a quantity, price, side or type that makes no sense")  \
    X(orders_repeated, "orders whose ClOrdID is not larger than all before")             \
    X(orders_misnumbered, "orders whose MsgSeqNum is not the next")                      \
    X(orders_bad_symbol, "orders for a symbol the stream does not have")                 \
    X(orders_unknown, "orders that name a message which was never sent")                 \
    X(orders_late, "orders that name a message sent too long ago to be timed")

/* What became of a valid order when it came. X(name, what it counts) */
#define RL_COUNTERPARTY_OUTCOMES(X)                                 \
    X(orders_filled, "valid orders filled whole")                   \
    X(orders_rested, "valid orders that rest, in part or whole")    \
    X(orders_expired, "valid orders whose remainder ended at once") \
    X(orders_rejected, "valid orders rejected")

/* Every request about resting orders is one of these. X(name, what it counts) */
#define RL_COUNTERPARTY_REQUESTS(X)                                                               \
    X(cancels_done, "cancels that ended their order")                                             \
    X(cancels_refused, "cancels of an order that does not rest")                                  \
    X(replaces_done, "replacements accepted")                                                     \
    X(replaces_refused, "replacements of an order that does not rest, or to less than is filled") \
    X(mass_cancels_done, "mass cancels accepted")                                                 \
    X(mass_cancels_refused, "mass cancels of an unknown symbol")                                  \
    X(requests_ignored, "cancels and mass cancels that a rule ignores")                           \
    X(requests_bad, "cancels, replacements and mass cancels with a fault: not answered")

/* X(name, what it counts) */
#define RL_COUNTERPARTY_COUNTERS(X)                                          \
    X(requests_received, "frames received on the order session")             \
    X(orders_received, "of these, new orders, and what cannot be read")      \
    X(orders_valid, "orders without fault")                                  \
    X(orders_measured, "of these, caused by a message after the warm-up")    \
    RL_COUNTERPARTY_FAULTS(X)                                                \
    RL_COUNTERPARTY_OUTCOMES(X)                                              \
    RL_COUNTERPARTY_REQUESTS(X)                                              \
    X(orders_cancelled, "resting orders ended by a cancel or a mass cancel") \
    X(orders_dropped, "resting orders ended because the session was lost")   \
    X(sessions_lost, "times that the session was lost")                      \
    X(answers_due, "answers that the above called for")                      \
    X(answers_sent, "answers sent")                                          \
    X(answers_unsent, "answers lost: no room on the wire")

#define RL_COUNTERPARTY_MEMBER(name, what) _Atomic uint64_t name;
struct rl_counterparty_counters {
    RL_COUNTERPARTY_COUNTERS(RL_COUNTERPARTY_MEMBER)
};
#undef RL_COUNTERPARTY_MEMBER

#define RL_COUNTERPARTY_BURST 16
#define RL_COUNTERPARTY_FIELDS 64

struct rl_judge;

/* A mass cancel under way. */
struct rl_mass {
    bool is_on;
    uint64_t cursor;    /* slot of the record to look at next */
    const char *symbol; /* in the exchange's list; NULL: all */
    char id_text[RL_FIX_CLORDID_CHARS];
};

struct rl_counterparty {
    const struct rl_clock *clock;
    struct rl_port *port; /* venue's end of the order session */
    const struct rl_sent *sent;
    char (*symbols)[RL_FEED_SYMBOL]; /* hash table, "" free */
    uint64_t symbol_mask;
    uint64_t max_qty;      /* a larger order makes no sense */
    uint64_t last_id;      /* largest ClOrdID so far */
    uint64_t order_seq;    /* MsgSeqNum of the next request */
    uint64_t answer_seq;   /* MsgSeqNum of the next answer */
    uint64_t n_executions; /* numbers executions and orders */
    uint64_t unix_base_ns; /* UTC at tsc_base */
    uint64_t tsc_base;
    struct rl_counterparty_rules rules;
    bool has_rules; /* any that answers an order with something but a fill */
    struct rl_resting resting;
    struct rl_mass mass;
    struct rl_judge *judge;       /* NULL: nobody measures trips */
    struct rl_shared *shared;     /* NULL: the session is never dropped */
    const _Atomic uint64_t *beat; /* the engine's signs of life: any change is one; may be NULL */
    uint64_t beat_seen, beat_tsc; /* its last value, and when that was first seen */
    bool is_lost;                 /* the session, since the last look */
    bool was_dropped;             /* by the engine, who knows of it and begins anew */
    struct rl_fix_template report, report_orig, refusal, mass_all, mass_symbol;
    struct rl_fix_msg order;
    struct rl_fix_field fields[RL_COUNTERPARTY_FIELDS];
    struct rl_hist service;                       /* ns, received - actually sent */
    struct rl_outliers outliers;                  /* the slowest of `wire`; the caller's memory */
    struct rl_tape tape;                          /* every valid order; the caller's memory */
    RL_ALIGNED struct rl_counterparty_counters n; /* rig thread */
};

size_t rl_counterparty_bytes(uint32_t n_symbols, const struct rl_counterparty_rules *rules);

/*
 * `service` must be initialised; `rules` may be NULL: none. 0, or -ENOMEM when the arena is too
 * small.
 */
int rl_counterparty_init(struct rl_counterparty *x, struct rl_arena *arena, uint32_t n_symbols,
                         uint64_t max_qty, const struct rl_counterparty_rules *rules,
                         const struct rl_clock *clock, struct rl_port *port,
                         const struct rl_sent *sent);

/* By what the venue knows that the engine is gone; before the first order. */
void rl_counterparty_watch(struct rl_counterparty *x, struct rl_shared *shared,
                           const _Atomic uint64_t *beat);

/* Lists a symbol; before the first order. Names beyond n_symbols are ignored. */
void rl_counterparty_list(struct rl_counterparty *x, const char *symbol);

/*
 * Takes at most RL_COUNTERPARTY_BURST requests and goes on with what is under way; how many
 * requests, and 1 for other work. Response times (received - intended) go to `wire`.
 */
uint32_t rl_counterparty_turn(struct rl_counterparty *x, struct rl_hist *wire);

extern const char *const rl_counterparty_counter_names[]; /* NULL ends it */

#endif
