/*
 * limits_cell - where the set in force hangs: swapped by one thread while another sends orders.
 *
 * The order thread asks at the start of every decision and uses that one set to its end, so that a
 * decision sees exactly one version. A set that is looser than the one in force anywhere is only
 * taken with an approval that names both (harness/authority.py: two different people); a tighter
 * one is taken from anybody, at once.
 *
 * Threads:  rl_limits_current: the order thread. rl_limits_publish: any thread, one at a time.
 * Memory:   the sets are the publisher's. One that was replaced may be freed when
 *           rl_limits_is_released says that the order thread has moved on.
 * Cost:     asking is one load of a line that is written at a swap only.
 */
#ifndef RL_TRADE_RISK_LIMITS_CELL_H
#define RL_TRADE_RISK_LIMITS_CELL_H

#include <stdatomic.h>

#include "trade/risk/limits.h"

struct rl_limits_cell {
    RL_ALIGNED _Atomic(const struct rl_limit_set *) newest; /* publishers; NULL: no limits yet */
    RL_ALIGNED _Atomic uint64_t version_seen;               /* order thread */
};

/* What two people have agreed to, checked by whoever checked their signatures. */
struct rl_limits_approval {
    uint8_t was[RL_SHA256_BYTES]; /* of the set in force; all 0: of none */
    uint8_t now[RL_SHA256_BYTES];
};

static inline void rl_limits_cell_init(struct rl_limits_cell *c)
{
    atomic_init(&c->newest, NULL);
    atomic_init(&c->version_seen, 0);
}

/*
 * The set to judge this decision by; `in_use` is what the last call returned (NULL at first). NULL
 * when there is none: refuse (R21). From here on the order thread reads no older set.
 */
static inline const struct rl_limit_set *rl_limits_current(struct rl_limits_cell *c,
                                                           const struct rl_limit_set *in_use)
{
    /* L1: pairs with the release in rl_limits_hang - every row of the set is readable. */
    const struct rl_limit_set *set = atomic_load_explicit(&c->newest, memory_order_acquire);

    if (RL_UNLIKELY(set != in_use)) {
        /* L2: pairs with the acquire in rl_limits_is_released - reads of the older set are over. */
        atomic_store_explicit(&c->version_seen, set->version, memory_order_release);
    }
    return set;
}

/* Whether the order thread will never again read a set older than `version`. */
static inline bool rl_limits_is_released(const struct rl_limits_cell *c, uint64_t version)
{
    /* L2: pairs with the release in rl_limits_current. */
    return atomic_load_explicit(&c->version_seen, memory_order_acquire) >= version;
}

/* The publisher's own view of what is in force; NULL: nothing yet. */
static inline const struct rl_limit_set *rl_limits_in_force(const struct rl_limits_cell *c)
{
    return atomic_load_explicit(&c->newest, memory_order_relaxed);
}

/* Puts a set in force without asking anybody: the last step of rl_limits_publish. */
static inline void rl_limits_hang(struct rl_limits_cell *c, const struct rl_limit_set *set)
{
    /* L1: pairs with the acquire in rl_limits_current. */
    atomic_store_explicit(&c->newest, set, memory_order_release);
}

/*
 * Takes a set into force. `approval` may be NULL for one that is nowhere looser; the first set is
 * looser than none. Refused, with a sentence in *why (may be NULL): -EBADMSG not whole, -ESTALE
 * version not above the one in force, -EPERM looser and not approved. Nothing changes then.
 */
int rl_limits_publish(struct rl_limits_cell *c, const struct rl_limit_set *set,
                      const struct rl_limits_approval *approval, const char **why);

#endif
