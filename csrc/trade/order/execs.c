#include "trade/order/execs.h"

#include <errno.h>
#include <string.h>

#include "base/mix.h"
#include "trade/order/ids.h"

#define N_EXECS_MIN 2
#define N_EXECS_MAX (1ULL << 28)
#define HEADS_PER_EXEC 4

size_t rl_execs_bytes(uint64_t n)
{
    if (n < N_EXECS_MIN || n > N_EXECS_MAX || (n & (n - 1)) != 0)
        return 0;
    return n * HEADS_PER_EXEC * sizeof(uint32_t) + n * sizeof(struct rl_exec);
}

int rl_execs_init(struct rl_execs *x, void *memory, uint64_t n)
{
    size_t n_bytes = rl_execs_bytes(n);

    if (n_bytes == 0)
        return -EINVAL;
    memset(memory, 0, n_bytes);
    *x = (struct rl_execs){
        .heads = memory,
        .ring = (struct rl_exec *)((uint8_t *)memory + n * HEADS_PER_EXEC * sizeof(uint32_t)),
        .mask = (uint32_t)(n - 1),
        .heads_mask = (uint32_t)(n * HEADS_PER_EXEC - 1),
        .next = 1, /* 0 stands in every head */
    };
    return 0;
}

int rl_execs_check(const struct rl_execs *x, const char **why)
{
    *why = "more executions are remembered than there is room for";
    if (x->n > x->mask + 1)
        return -EBADMSG;
    for (uint32_t age = 1; age <= x->n; age++) {
        const struct rl_exec *e = &x->ring[(x->next - age) & x->mask];

        *why = "an execution of no order, of no quantity, or in no state";
        if (e->id == 0 || e->qty == 0 || e->state > RL_EXEC_CORRECTED)
            return -EBADMSG;
        *why = "an execution is not found, or there are two of it";
        if (rl_execs_find(x, e->venue, e->exec) != e)
            return -EBADMSG;
    }
    *why = NULL;
    return 0;
}

uint64_t rl_execs_hash(const struct rl_execs *x)
{
    uint64_t hash = 0;

    /* From old to young: what is forgotten next is part of the state. */
    for (uint32_t age = x->n; age >= 1; age--) {
        const struct rl_exec *e = &x->ring[(x->next - age) & x->mask];

        hash = rl_mix(hash ^ e->exec);
        hash = rl_mix(hash ^ e->id);
        hash = rl_mix(hash ^ e->qty);
        hash = rl_mix(hash ^ (uint64_t)e->px_nano);
        hash = rl_mix(hash ^ ((uint64_t)e->venue << 8 | e->state));
    }
    return hash;
}
