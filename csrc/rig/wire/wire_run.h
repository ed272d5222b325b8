/*
 * wire_run - a wire on a CPU of its own, from start to stop, beside whatever runs over it.
 *
 * Threads:  start and stop belong to one thread; the worker has the ports in between; any may read
 *           the counters (rl_wire_counts_now).
 * Memory:   owns an arena. Ports and tables of actions stay the caller's and outlive it.
 */
#ifndef RL_RIG_WIRE_RUN_H
#define RL_RIG_WIRE_RUN_H

#include "rig/traffic/run.h"
#include "rig/wire/wire.h"

struct rl_wire_runner {
    struct rl_wire wire;
    struct rl_arena arena;
    struct rl_worker worker;
    struct rl_usage usage; /* of the thread, once it has stopped */
    sem_t finished;
    bool is_open;
    RL_ALIGNED _Atomic bool stop;
};

/* 0: it runs. -EINVAL, -errno with a sentence in *why. */
int rl_wire_start(struct rl_wire_runner *r, const struct rl_wire_config *config, int cpu,
                  const char **why);
/* Frames that still wait are lost and stay counted as waiting. Counters and histograms can be read
 * until rl_wire_close. Harmless when it does not run. */
void rl_wire_stop(struct rl_wire_runner *r);
void rl_wire_close(struct rl_wire_runner *r); /* stops; harmless twice, and for zeros */

#endif
