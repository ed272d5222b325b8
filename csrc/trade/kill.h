/*
 * kill - one word that stops new orders, and remembers why.
 *
 * The word starts tripped (cause "boot"): an engine sends nothing until somebody has armed it, and
 * arming names the cause that is being cleared, so that a newer trip is never cleared by accident.
 *
 * Threads:  any thread may trip it; the order thread asks before every order.
 * Memory:   the caller owns it; it may live in a mapping shared with another process.
 * Cost:     asking is one plain load of a line that nobody writes until the end.
 */
#ifndef RL_TRADE_KILL_H
#define RL_TRADE_KILL_H

#include <stdatomic.h>

#include "base/defs.h"

/* Numbers are stored in audit files: append, never renumber. 0 means armed. */
#define RL_KILL_CAUSES(X)                                             \
    X(BOOT, 1, "boot: never armed")                                   \
    X(MANUAL, 2, "manual")                                            \
    X(UNKNOWN_FILL, 3, "fill of an order that is not open")           \
    X(OVERFILL, 4, "fill of more than was ordered")                   \
    X(AUDIT, 5, "an execution could not be written to the audit log") \
    X(STOP, 6, "the trial was stopped")                               \
    X(POSITION, 7, "position arithmetic left its range")

enum rl_kill_cause {
    RL_KILL_ARMED = 0,
#define RL_KILL_ENUM(name, number, text) RL_KILL_##name = (number),
    RL_KILL_CAUSES(RL_KILL_ENUM)
#undef RL_KILL_ENUM
};

struct rl_kill {
    RL_ALIGNED _Atomic uint32_t cause; /* enum rl_kill_cause; 0 means armed */
};

/* Leaves the word tripped with cause RL_KILL_BOOT. */
void rl_kill_init(struct rl_kill *k);

/* True when the word held exactly `cleared` (not 0) and now is armed. */
bool rl_kill_arm(struct rl_kill *k, uint32_t cleared);

/* The sentence for a cause; "unknown cause" for a number that is none. */
const char *rl_kill_cause_text(uint32_t cause);

static inline bool rl_kill_is_armed(const struct rl_kill *k)
{
    /* Relaxed is enough: nothing is read on the strength of it, the word only forbids. */
    return atomic_load_explicit(&k->cause, memory_order_relaxed) == RL_KILL_ARMED;
}

/* Why it is tripped, for whoever explains it afterwards; RL_KILL_ARMED when it is not. */
static inline uint32_t rl_kill_cause(const struct rl_kill *k)
{
    /* K1: pairs with the release in rl_kill_trip - what led to the trip is visible after this. */
    return atomic_load_explicit(&k->cause, memory_order_acquire);
}

/* True for the one caller whose cause is kept; later callers change nothing. A cause of 0 is
 * refused. */
static inline bool rl_kill_trip(struct rl_kill *k, uint32_t cause)
{
    uint32_t armed = RL_KILL_ARMED;

    if (cause == RL_KILL_ARMED)
        return false;
    /* K1: pairs with the acquire in rl_kill_cause. */
    return atomic_compare_exchange_strong_explicit(&k->cause, &armed, cause, memory_order_release,
                                                   memory_order_relaxed);
}

#endif
