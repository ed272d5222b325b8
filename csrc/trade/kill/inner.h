/*
 * inner - how the board's words are put together; for kill.c, reset.c and latch.c alone.
 */
#ifndef RL_TRADE_KILL_INNER_H
#define RL_TRADE_KILL_INNER_H

#include "trade/kill/kill.h"

#define RELAXED memory_order_relaxed

static const uint8_t rl_kill_scope_ends[RL_N_SCOPES] = {
    [RL_SCOPE_GLOBAL] = 1,
    [RL_SCOPE_VENUE] = RL_MAX_VENUES,
    [RL_SCOPE_ACCOUNT] = RL_MAX_ACCOUNTS,
    [RL_SCOPE_STRATEGY] = RL_MAX_STRATEGIES,
};

static inline bool rl_kill_scope_exists(uint32_t scope, uint32_t index)
{
    return scope == RL_SCOPE_SYMBOL ? index < RL_MAX_SYMBOLS
                                    : scope < RL_N_SCOPES && index < rl_kill_scope_ends[scope];
}

static inline uint64_t rl_kill_bit(uint32_t index)
{
    return 1ULL << (index % 64);
}

/* arms 16 | cause 8 | scope 8 | index 32. A cause of 0: nothing was given yet. */
static inline uint64_t rl_kill_first(uint16_t arms, uint32_t cause, uint32_t scope, uint32_t index)
{
    return (uint64_t)arms << 48 | (uint64_t)cause << 40 | (uint64_t)scope << 32 | index;
}

static inline uint32_t rl_kill_first_cause(uint64_t first)
{
    return (uint8_t)(first >> 40);
}

static inline uint16_t rl_kill_first_arms(uint64_t first)
{
    return (uint16_t)(first >> 48);
}

static inline bool rl_kill_first_is_of(uint64_t first, uint16_t arms)
{
    return rl_kill_first_cause(first) != RL_KILL_NONE && rl_kill_first_arms(first) == arms;
}

#endif
