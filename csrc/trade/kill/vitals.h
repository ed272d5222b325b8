/*
 * vitals - what an engine shows of itself to those who watch it: beats and counters.
 *
 * Threads:  each beat and each counter has one writing thread (its line's); anybody may read.
 * Memory:   part of the board (kill.h), so that a watchdog sees them and a dead engine leaves them.
 * Cost:     a beat is two plain stores, a counter is one; nothing is ordered, nothing waits.
 *
 * Readers judge ages and differences. Each number stands for itself, but for one pair:
 *   K8  lots on the wire are released, and acquired by who looks: what was approved for them is
 * there, so that nobody is accused for a look between two stores.
 */
#ifndef RL_TRADE_KILL_VITALS_H
#define RL_TRADE_KILL_VITALS_H

#include <stdatomic.h>

#include "base/defs.h"

/* Who gives signs of life. X(NAME, number, text) */
#define RL_BEATS(X)            \
    X(ENGINE, 0, "engine")     \
    X(FEED, 1, "feed")         \
    X(SESSION, 2, "session")   \
    X(AUDIT, 3, "audit")       \
    X(MONITOR, 4, "monitor")   \
    X(STRATEGY, 5, "strategy") \
    X(WATCHDOG, 6, "watchdog")

enum rl_beat {
#define RL_BEAT_ENUM(name, number, text) RL_BEAT_##name = (number),
    RL_BEATS(RL_BEAT_ENUM)
#undef RL_BEAT_ENUM
        RL_N_BEATS = 7
};

/* One line a writer. */
struct rl_vital_beat {
    RL_ALIGNED _Atomic uint64_t tsc; /* of the last beat; 0: never began, is not watched */
    _Atomic uint64_t n;              /* beats */
    _Atomic uint64_t waiting_tsc;    /* since when work lies untouched; 0: none does */
};

/*
 * Counters, eight a line, a line a writing thread. Times are tsc, 0 for "not so"; names are those
 * of the Python view and of `redline kill status`. X(NAME, slot, text)
 */
#define RL_VITALS(X)                                                                             \
    /* the order thread */                                                                       \
    X(APPROVED_QTY, 0, "approved_qty")     /* lots that risk approved, new and replaced */       \
    X(OPEN_ORDERS, 1, "open_orders")       /* not ended */                                       \
    X(RESIDUAL, 2, "residual_orders")      /* still open when draining gave up */                \
    X(REJECTS, 3, "rejects")               /* of the venue, in all */                            \
    X(REJECTS_IN_ROW, 4, "rejects_in_row") /* since the last acknowledgement */                  \
    X(LIMITS_VERSION, 5, "limits_version") /* in use */                                          \
    X(LIMITS_ALTERED, 6, "limits_altered") /* checks of its hash that failed */                  \
    X(LOSS, 7, "loss")                     /* of the worst account, whole units; 0: none */      \
    /* what really leaves: counted at the port, not by who decides */                            \
    X(SENT_QTY, 8, "sent_qty")       /* lots in new orders and replaces on the wire */           \
    X(SENT_ORDERS, 9, "sent_orders") /* new orders and replaces on the wire */                   \
    X(SENT_CANCELS, 10, "sent_cancels")                                                          \
    X(SENT_TSC, 11, "sent_tsc") /* of the last new order or replace */                           \
    /* the feed thread */                                                                        \
    X(FEED_TSC, 16, "feed_tsc")       /* of the last message; 0: none yet */                     \
    X(GAP_TSC, 17, "gap_tsc")         /* since when the oldest gap is open */                    \
    X(CROSSED_TSC, 18, "crossed_tsc") /* since when a book is crossed */                         \
    /* the audit writer */                                                                       \
    X(AUDIT_WRITTEN, 24, "audit_written") /* records handed to it, in all */                     \
    X(AUDIT_DURABLE, 25, "audit_durable") /* records on the disk, in all */                      \
    X(AUDIT_FAILED, 26, "audit_failed")   /* writes and syncs that failed */                     \
    X(AUDIT_TSC, 27, "audit_tsc")         /* when it last had nothing to do, or did it */        \
    X(DISK_FREE, 28, "disk_free")         /* bytes; 0: not known yet */                          \
    /* the monitor */                                                                            \
    X(CLOCK_ERROR_NS, 32, "clock_error_ns") /* bound of the error; all ones: not synchronised */ \
    X(CLOCK_STEPS, 33, "clock_steps")       /* steps and backward moves seen */                  \
    X(MISMATCHES, 34, "mismatches")         /* positions that differ from the venue's */         \
    X(BUILD_MISMATCHES, 35, "build_mismatches")                                                  \
    X(EXPOSURE, 36, "exposure") /* gross, worst case, whole units */                             \
    X(POSITION, 37, "position") /* the largest, lots */

enum rl_vital {
#define RL_VITAL_ENUM(name, slot, text) RL_VITAL_##name = (slot),
    RL_VITALS(RL_VITAL_ENUM)
#undef RL_VITAL_ENUM
        RL_N_VITALS = 40
};

struct rl_vitals {
    struct rl_vital_beat beats[RL_N_BEATS];
    RL_ALIGNED _Atomic uint64_t counters[RL_N_VITALS];
};

/* The name of a beat, or of a counter; NULL for a number that is none. */
const char *rl_beat_name(uint32_t beat);
const char *rl_vital_name(uint32_t vital);

/* A sign of life of thread `beat` at `tsc`, which is not 0. */
static inline void rl_vitals_beat(struct rl_vitals *v, enum rl_beat beat, uint64_t tsc)
{
    struct rl_vital_beat *b = &v->beats[beat];
    uint64_t n = atomic_load_explicit(&b->n, memory_order_relaxed);

    atomic_store_explicit(&b->tsc, tsc, memory_order_relaxed);
    atomic_store_explicit(&b->n, n + 1, memory_order_relaxed);
}

/* Work lies before the thread since `tsc`; 0: all is done. Its writer alone calls this. */
static inline void rl_vitals_waiting(struct rl_vitals *v, enum rl_beat beat, uint64_t tsc)
{
    atomic_store_explicit(&v->beats[beat].waiting_tsc, tsc, memory_order_relaxed);
}

static inline uint64_t rl_vital(const struct rl_vitals *v, enum rl_vital which)
{
    return atomic_load_explicit(&v->counters[which], memory_order_relaxed);
}

static inline void rl_vital_set(struct rl_vitals *v, enum rl_vital which, uint64_t value)
{
    atomic_store_explicit(&v->counters[which], value, memory_order_relaxed);
}

/* Its writer alone adds: a load and a store, no lock prefix. */
static inline void rl_vital_add(struct rl_vitals *v, enum rl_vital which, uint64_t more)
{
    rl_vital_set(v, which, rl_vital(v, which) + more);
}

/* Lots that have just left in a new order or a replace; by whoever counts at the port. */
static inline void rl_vitals_sent(struct rl_vitals *v, uint64_t qty, uint64_t now_tsc)
{
    uint64_t sent_qty = rl_vital(v, RL_VITAL_SENT_QTY) + qty;

    rl_vital_add(v, RL_VITAL_SENT_ORDERS, 1);
    rl_vital_set(v, RL_VITAL_SENT_TSC, now_tsc);
    /* K8: pairs with the acquire in rl_vitals_sent_qty - their approval is counted. */
    atomic_store_explicit(&v->counters[RL_VITAL_SENT_QTY], sent_qty, memory_order_release);
}

/* To be read before what was approved. */
static inline uint64_t rl_vitals_sent_qty(const struct rl_vitals *v)
{
    /* K8: pairs with the release in rl_vitals_sent. */
    return atomic_load_explicit(&v->counters[RL_VITAL_SENT_QTY], memory_order_acquire);
}

#endif
