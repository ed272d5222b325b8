/*
 * cpu - where a thread runs, and whether this CPU can run the build at all.
 *
 * Threads:  every call concerns the calling thread.
 */
#ifndef RL_BASE_CPU_H
#define RL_BASE_CPU_H

#include "base/defs.h"

/* Binds the thread to one CPU and moves it there. -EINVAL when the CPU is absent or not allowed. */
int rl_cpu_pin(int cpu);

/* The CPU the thread runs on now; stable only when pinned. */
int rl_cpu_current(void);

/*
 * The CPUs this thread may use, ascending, at most max of them into cpus. Returns how many there
 * are (may exceed max), or -errno.
 */
int rl_cpu_allowed(int *cpus, int max);

/* The first instruction set extension that the build uses and this CPU lacks; NULL when none. */
const char *rl_cpu_missing(void);

/* True when this CPU has every extension the compiler was allowed to use (-march). */
static inline bool rl_cpu_supports_build(void)
{
    return rl_cpu_missing() == NULL;
}

/* Keeps asynchronous signals away: they land on a thread that may be disturbed. 0/-errno. */
int rl_cpu_block_signals(void);

#endif
