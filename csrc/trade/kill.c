#include "trade/kill.h"

void rl_kill_init(struct rl_kill *k)
{
    atomic_init(&k->cause, (uint32_t)RL_KILL_BOOT);
}

bool rl_kill_arm(struct rl_kill *k, uint32_t cleared)
{
    if (cleared == RL_KILL_ARMED)
        return false;
    /* Relaxed: limits are set before the order thread starts, so arming publishes nothing. */
    return atomic_compare_exchange_strong_explicit(&k->cause, &cleared, (uint32_t)RL_KILL_ARMED,
                                                   memory_order_relaxed, memory_order_relaxed);
}

const char *rl_kill_cause_text(uint32_t cause)
{
    switch (cause) {
    case RL_KILL_ARMED:
        return "armed";
#define RL_KILL_CASE(name, number, text) \
    case number:                         \
        return text;
        RL_KILL_CAUSES(RL_KILL_CASE)
#undef RL_KILL_CASE
    default:
        return "unknown cause";
    }
}
