/*
 * echo_run - an echo alone, on a CPU of its own, until it is stopped or has answered enough.
 *
 * Threads:  the caller waits; the worker has the port until it returns.
 */
#ifndef RL_RIG_ECHO_RUN_H
#define RL_RIG_ECHO_RUN_H

#include "rig/traffic/echo.h"
#include "rig/traffic/run.h"

struct rl_echo_run_config {
    struct rl_port *port;
    int cpu;
    bool blocks; /* sleeps in the kernel when there is nothing: rl_port_rx_wait */
    bool only_probes;
    uint32_t n_prefix;
    uint64_t n_max; /* ends when so many have been sent back; 0: no end */
    struct rl_run_bounds bounds;
};

#define RL_ECHO_RESULT_MEMBER(name, what) uint64_t name;
struct rl_echo_result {
    struct {
        RL_ECHO_COUNTERS(RL_ECHO_RESULT_MEMBER)
    } echo; /* in the order of rl_echo_counter_names */
    struct rl_run_side side;
    uint64_t elapsed_ns;
    bool was_stopped; /* ended from outside, or by its time limit */
};
#undef RL_ECHO_RESULT_MEMBER

/* 0, or -errno with a sentence in *why. */
int rl_echo_run(struct rl_echo_result *result, const struct rl_echo_run_config *config,
                const char **why);

#endif
