#include "rig/wire/wire_run.h"

#include <errno.h>
#include <string.h>

static void wire_main(void *arg)
{
    struct rl_wire_runner *r = arg;
    struct rl_usage before;

    rl_trap_arm();
    before = rl_usage_now();
    /* Relaxed: the word carries nothing but itself. */
    while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
        if (rl_wire_turn(&r->wire, rl_tsc()) == 0)
            rl_pause();
    }
    r->usage = rl_usage_diff(before, rl_usage_now());
    rl_trap_disarm();
}

int rl_wire_start(struct rl_wire_runner *r, const struct rl_wire_config *config, int cpu,
                  const char **why)
{
    size_t n_bytes = rl_wire_bytes(config);
    int err;

    memset(r, 0, sizeof *r);
    *why = "no memory for the wire";
    /* A plan that is refused takes no memory, but says why. */
    err = rl_arena_open(&r->arena, n_bytes != 0 ? n_bytes : 1, RL_ARENA_ALL);
    if (err)
        return err;
    err = rl_wire_open(&r->wire, config, &r->arena, why);
    if (err)
        goto out_arena;
    if (sem_init(&r->finished, 0, 0) != 0) {
        err = -errno;
        *why = "no semaphore";
        goto out_arena;
    }
    err = rl_worker_start(&r->worker, "rl-wire", cpu, wire_main, r, &r->finished);
    if (err) {
        *why = "the wire's CPU may not be used";
        sem_destroy(&r->finished);
        goto out_arena;
    }
    r->is_open = true;
    return 0;
out_arena:
    rl_arena_close(&r->arena);
    return err;
}

void rl_wire_stop(struct rl_wire_runner *r)
{
    if (!r->is_open)
        return;
    atomic_store_explicit(&r->stop, true, memory_order_relaxed);
    rl_worker_join(&r->worker);
}

void rl_wire_close(struct rl_wire_runner *r)
{
    if (!r->is_open)
        return;
    rl_wire_stop(r);
    sem_destroy(&r->finished);
    rl_arena_close(&r->arena);
    r->is_open = false;
}
