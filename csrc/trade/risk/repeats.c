#include "trade/risk/repeats.h"

#include <errno.h>

#define RL_REPEATS_MAX (1U << 31)

static uint64_t round_up(uint32_t n)
{
    uint64_t power = 1;

    while (power < n)
        power *= 2;
    return power;
}

size_t rl_repeats_bytes(uint32_t n_orders)
{
    uint64_t n = round_up(n_orders);

    return n * (sizeof(struct rl_repeat) + sizeof(uint64_t)) + 2 * (size_t)RL_CACHE_LINE;
}

int rl_repeats_init(struct rl_repeats *r, struct rl_arena *arena, uint32_t n_orders)
{
    uint64_t n = round_up(n_orders);

    if (n_orders == 0 || n_orders > RL_REPEATS_MAX)
        return -EINVAL;
    *r = (struct rl_repeats){
        .ring = rl_arena_take(arena, n * sizeof(*r->ring), 0),
        .heads = rl_arena_take(arena, n * sizeof(*r->heads), 0),
        .mask = n - 1,
    };
    return r->ring != NULL && r->heads != NULL ? 0 : -ENOMEM;
}
