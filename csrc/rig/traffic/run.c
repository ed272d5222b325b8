#include "rig/traffic/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ULL

void rl_prefix_ethernet(struct rl_prefix *p, const uint8_t to_mac[6], const uint8_t from_mac[6])
{
    memcpy(p->bytes, to_mac, 6);
    memcpy(p->bytes + 6, from_mac, 6);
    rl_net16_put(p->bytes + 12, RL_ETHERTYPE_PROBE);
    p->n_bytes = RL_ETHERNET_HEADER;
}

static uint64_t monotonic_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

int rl_run_init(struct rl_run *run, const struct rl_run_bounds *bounds)
{
    memset(run, 0, sizeof *run);
    run->bounds = *bounds;
    if (run->bounds.max_ns == 0)
        run->bounds.max_ns = RL_RUN_MAX_NS;
    if (sem_init(&run->finished, 0, 0) != 0)
        return -errno;
    run->start_ns = monotonic_ns();
    return 0;
}

static void tell(_Atomic bool *word)
{
    atomic_store_explicit(word, true, memory_order_relaxed);
}

/* One worker has finished within RL_RUN_ASK_NS. */
static bool one_finished(struct rl_run *run)
{
    uint64_t until = monotonic_ns() + RL_RUN_ASK_NS;
    struct timespec deadline = {(time_t)(until / NS_PER_S), (long)(until % NS_PER_S)};

    return sem_clockwait(&run->finished, CLOCK_MONOTONIC, &deadline) == 0;
}

bool rl_run_wait(struct rl_run *run, uint32_t n_workers, uint64_t grace_ns)
{
    uint64_t ended_ns = 0;

    for (uint32_t n = 0; n < n_workers;) {
        uint64_t now;

        if (one_finished(run)) {
            n++;
            continue;
        }
        now = monotonic_ns();
        if (ended_ns == 0 &&
            (rl_run_is_ended(run) || now - run->start_ns > run->bounds.max_ns ||
             (run->bounds.wants_stop && run->bounds.wants_stop(run->bounds.arg)))) {
            tell(&run->is_ended);
            ended_ns = now;
        }
        if (ended_ns != 0 && now - ended_ns > grace_ns)
            tell(&run->is_cut);
    }
    return rl_run_is_ended(run);
}

uint64_t rl_run_fini(struct rl_run *run)
{
    sem_destroy(&run->finished);
    return monotonic_ns() - run->start_ns;
}

void rl_run_side_begin(struct rl_run_side *side, struct rl_port *port, int cpu)
{
    *side = (struct rl_run_side){.is_there = true, .stamp = port->caps.stamp, .cpu = cpu};
    (void)snprintf(side->backend, sizeof side->backend, "%s", port->ops->name);
    (void)snprintf(side->mode, sizeof side->mode, "%s", port->caps.mode);
    side->stats = rl_port_stats_ask(port);
    side->usage = rl_usage_now();
}

void rl_run_side_end(struct rl_run_side *side, struct rl_port *port)
{
    struct rl_port_stats now = rl_port_stats_ask(port), *was = &side->stats;

    side->usage = rl_usage_diff(side->usage, rl_usage_now());
#define SUBTRACT(name, what) was->name = now.name - was->name;
    RL_PORT_RX_COUNTERS(SUBTRACT)
    RL_PORT_TX_COUNTERS(SUBTRACT)
#undef SUBTRACT
}

size_t rl_run_hist_bytes(void)
{
    return rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS) + RL_CACHE_LINE;
}

int rl_run_hist(struct rl_hist *h, struct rl_arena *arena)
{
    size_t n_bytes = rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);
    uint64_t *counts = rl_arena_take(arena, n_bytes, 0);

    if (counts == NULL)
        return -ENOMEM;
    return rl_hist_init(h, RL_HIST_HIGHEST, RL_HIST_DIGITS, counts, n_bytes);
}
