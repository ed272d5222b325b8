/*
 * ping_run - a ping and, if wanted, its echo, each on a CPU of its own or both on one thread.
 *
 * Threads:  the caller waits; workers do the rest. Ports are the workers' until it returns.
 * Memory:   the result owns an arena.
 */
#ifndef RL_RIG_PING_RUN_H
#define RL_RIG_PING_RUN_H

#include "rig/traffic/echo.h"
#include "rig/traffic/ping.h"
#include "rig/traffic/run.h"

struct rl_ping_run_config {
    struct rl_ping_config ping;
    struct rl_port *port;      /* of the ping */
    struct rl_port *echo_port; /* NULL: somebody else answers */
    int cpu_ping, cpu_echo;
    bool one_thread; /* polls both ends, on cpu_ping: another spinner has the other CPU */
    bool echo_blocks;
    uint32_t n_placement_batches; /* probe the placement before and after; 0: do not */
    const struct rl_clock *clock;
    struct rl_run_bounds bounds;
};

#define RL_PING_RESULT_MEMBER(name, what) uint64_t name;
struct rl_ping_result {
    struct rl_hist rtt, handle; /* ns; see ping.h */
    struct {
        RL_PING_COUNTERS(RL_PING_RESULT_MEMBER)
    } ping; /* in the order of rl_ping_counter_names */
    struct {
        RL_ECHO_COUNTERS(RL_PING_RESULT_MEMBER)
    } echo;
    struct rl_run_side ping_side, echo_side;
    struct rl_placements placement;
    uint64_t elapsed_ns;
    bool was_stopped; /* ended before its rounds were over */
    struct rl_arena arena;
};
#undef RL_PING_RESULT_MEMBER

/* A config with sensible values: 64 bytes, 10 000 rounds, 1 000 of warm-up, 100 ms a round. */
void rl_ping_run_config_init(struct rl_ping_run_config *c);

/* 0, or -errno with a sentence in *why. The result is closed by the caller, also after an error. */
int rl_ping_run(struct rl_ping_result *result, const struct rl_ping_run_config *config,
                const char **why);
/* Harmless twice, and for a result that was zeroed. */
void rl_ping_result_close(struct rl_ping_result *result);

#endif
