/*
 * probe - what the host takes away: stolen time, a busy sibling, and distance between CPUs.
 *
 * Three probes, because each sees what the others cannot. The noise probe spins on the counter and
 * keeps every gap: interrupts, other tasks, the hypervisor. The neighbour probe runs additions that
 * do not depend on each other: a tenant on the sibling hyperthread halves their rate and leaves no
 * gap. The placement probe bounces a cache line: CPUs of one cache answer five times as fast as
 * others.
 *
 * Threads:  noise, survey and placement run on pinned threads of their own, signals blocked, and
 * the caller waits. rl_neighbour_probe runs on the caller, between two timed chunks. Memory:   the
 * caller's arrays, written once before the clock starts, so that they take no fault.
 */
#ifndef RL_RIG_PROBE_H
#define RL_RIG_PROBE_H

#include "base/clock.h"
#include "base/mem.h"

#include <stdatomic.h>

/* --- noise --- */

/* One gap: the CPU did not run the probe from tsc to tsc + ticks. */
struct rl_gap {
    uint64_t tsc;
    uint64_t ticks;
};

struct rl_noise {
    /* set by the caller */
    int cpu;
    uint32_t max_gaps;
    uint64_t threshold_ticks; /* 0: three quanta, or turns if these are longer; set */
    struct rl_gap *gaps;
    /* results */
    int err;            /* why this CPU was not probed: 0/-errno */
    uint64_t n_gaps;    /* all of them, those without room included */
    uint64_t n_dropped; /* had no room in gaps, but count in lost and max */
    uint64_t lost_ticks, max_ticks;
    uint64_t n_iterations, tsc_start, elapsed_ticks;
    struct rl_usage usage; /* of the probing thread */
};

/*
 * Probes n CPUs at the same time for duration_ns. *stop (may be NULL) ends it early at the next
 * gap. 0, or the first probe's error (-EINVAL: CPU absent, twice in the list, nothing to probe);
 * then no probe has run.
 */
int rl_noise_probe(struct rl_noise *probes, uint32_t n, uint64_t duration_ns,
                   const struct rl_clock *clock, const _Atomic uint32_t *stop);

/* --- neighbour --- */

#define RL_NEIGHBOUR_NS 12000 /* long against the quantum, short against what it brackets */
/* Within this of full speed is quiet: clock rates wander by less, a busy sibling costs more. */
#define RL_NEIGHBOUR_SLACK_PCT 10
#define RL_NEIGHBOUR_BUCKETS 512 /* each 1/128 of RL_NEIGHBOUR_NS; the last one holds the rest */

struct rl_neighbour {
    uint64_t n_turns;      /* of the loop, to last about RL_NEIGHBOUR_NS */
    uint64_t best_ticks;   /* fastest probe so far */
    uint64_t full_ticks;   /* full speed: what the fastest hundredth of all probes kept to */
    uint64_t bucket_ticks; /* width of a bucket */
    uint32_t n_probes;
    uint32_t counts[RL_NEIGHBOUR_BUCKETS];
};

/* Finds n_turns on the calling thread, which should be pinned; takes about 3 ms. */
void rl_neighbour_init(struct rl_neighbour *nb, const struct rl_clock *clock);

/* One probe on the calling thread: its ticks. What full speed is, is learned from every probe. */
uint64_t rl_neighbour_probe(struct rl_neighbour *nb);

/* Measured by full_ticks: by the very best, one moment of a higher clock rate would count. */
static inline bool rl_neighbour_is_quiet(const struct rl_neighbour *nb, uint64_t ticks)
{
    return ticks * 100 <= nb->full_ticks * (100 + RL_NEIGHBOUR_SLACK_PCT);
}

/* n probes, 150 us apart, on a thread pinned to cpu; ticks[n] in order of time. 0/-errno. */
int rl_neighbour_survey(int cpu, uint64_t *ticks, uint32_t n, const struct rl_clock *clock,
                        struct rl_neighbour *nb);

/* --- placement --- */

/* Round trip of one cache line between two CPUs, in thousandths of a tick, from batch means. */
struct rl_placement {
    uint64_t min_mticks, median_mticks, max_mticks;
    uint32_t n_batches;
};

#define RL_PLACEMENT_BATCH 500 /* round trips a batch: 25 to 250 us, thousands of quanta */
#define RL_PLACEMENT_MAX_BATCHES 1000

/* -EINVAL for equal CPUs or n_batches outside 1 .. RL_PLACEMENT_MAX_BATCHES, else 0/-errno. */
int rl_placement_probe(int cpu_a, int cpu_b, uint32_t n_batches, struct rl_placement *out);

#endif
