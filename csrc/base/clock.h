/*
 * clock - the time stamp counter: reading it, trusting it, and turning ticks into nanoseconds.
 *
 * Hot paths keep raw ticks and convert when they report. A single measured operation stands between
 * rl_tsc_begin and rl_tsc_end; no `cpuid` ever, in a guest it costs a trap of microseconds. Nothing
 * is subtracted: the cost of an empty pair is a histogram of its own.
 *
 * Threads:  reading and converting are free of shared state. Calibration, quantum and costs run on
 *           the calling thread; the offset starts two pinned threads of its own.
 * Memory:   nothing is allocated, except the two thread stacks of rl_clock_offset.
 * Cost:     rl_tsc is one rdtsc; a conversion is one 64 by 64 multiply and a shift, no division.
 */
#ifndef RL_BASE_CLOCK_H
#define RL_BASE_CLOCK_H

#include "base/defs.h"

#include <time.h>

struct rl_hist;

/* Unordered: may move by tens of instructions. Right for loops that stamp every turn. */
static inline uint64_t rl_tsc(void)
{
    return __builtin_ia32_rdtsc();
}

/* All that came before has finished, nothing that follows has started. */
static inline uint64_t rl_tsc_begin(void)
{
    uint64_t ticks;

    __asm__ volatile("lfence\n\trdtsc\n\tlfence\n\tshlq $32, %%rdx\n\torq %%rdx, %%rax"
                     : "=a"(ticks)
                     :
                     : "rdx", "memory", "cc");
    return ticks;
}

/* All that came before has finished; *cpu_tag changes when the thread has moved to another CPU. */
static inline uint64_t rl_tsc_end_tag(uint32_t *cpu_tag)
{
    uint64_t ticks;
    uint32_t tag;

    __asm__ volatile("rdtscp\n\tlfence\n\tshlq $32, %%rdx\n\torq %%rdx, %%rax"
                     : "=a"(ticks), "=c"(tag)
                     :
                     : "rdx", "memory", "cc");
    *cpu_tag = tag;
    return ticks;
}

static inline uint64_t rl_tsc_end(void)
{
    uint32_t tag;

    return rl_tsc_end_tag(&tag);
}

/* What one calibration found; a value, never changed afterwards. */
struct rl_clock {
    uint64_t tsc_hz;
    uint64_t ns_mult;     /* ns a tick, in units of 2^-32 */
    uint64_t tick_mult;   /* ticks a ns, in units of 2^-32 */
    uint64_t tsc_base;    /* one moment in both clocks, for joining with kernel time stamps */
    uint64_t raw_base_ns; /* CLOCK_MONOTONIC_RAW at tsc_base */
};

static inline uint64_t rl_ticks_to_ns(const struct rl_clock *c, uint64_t ticks)
{
    return (uint64_t)(((unsigned __int128)ticks * c->ns_mult) >> 32);
}

static inline uint64_t rl_ns_to_ticks(const struct rl_clock *c, uint64_t ns)
{
    return (uint64_t)(((unsigned __int128)ns * c->tick_mult) >> 32);
}

/* The conversions of a known frequency; -EINVAL for hz outside 100 MHz .. 100 GHz. */
int rl_clock_from_hz(struct rl_clock *c, uint64_t hz);

/* What CPUID says about the counter and its CPU. */
struct rl_clock_caps {
    bool invariant_tsc; /* constant rate in all power states */
    bool rdtscp;
    bool hypervisor;
    uint32_t family, model, stepping;
    char vendor[13];
    char brand[49];
};

/* Fills *caps always; -ENOTSUP without invariant TSC or without rdtscp. */
int rl_clock_check(struct rl_clock_caps *caps);

/* One moment in both clocks, the narrowest of 50 brackets; returns half its width in ticks. */
uint64_t rl_clock_pair(clockid_t id, uint64_t *tsc, uint64_t *ns);

/*
 * Two windows of window_ns each against CLOCK_MONOTONIC_RAW; *disagree_ppb is how far the second
 * lies from the first. It sleeps meanwhile. The result is the two windows together. -EINVAL for a
 * window below 1 ms. Agreement is self-consistency: RAW is the same counter times the kernel's
 * constant.
 */
int rl_clock_calibrate(struct rl_clock *c, uint64_t window_ns, int64_t *disagree_ppb);

/*
 * The step in which the counter is seen to advance. Guests and newer cores show steps of tens of
 * ticks; a single timed operation is never known better than this.
 */
struct rl_clock_quantum {
    uint64_t mode_ticks;    /* most frequent difference of two reads back to back */
    uint64_t gcd_ticks;     /* of all differences that are not rare, read at varied distances */
    uint64_t quantum_ticks; /* the gcd, or the distance of clusters that a scaled counter blurs */
    uint32_t n_reads;
};
void rl_clock_quantum(struct rl_clock_quantum *q);

/* rl_clock_quantum's quantum_ticks alone; never 0. */
uint64_t rl_clock_quantum_ticks(void);

/* What reading a clock costs; the names are those of the report. */
#define RL_CLOCK_COSTS(X)                                   \
    X(RL_COST_FENCED, "lfence_rdtsc_lfence__rdtscp_lfence") \
    X(RL_COST_RDTSC, "rdtsc__rdtsc")                        \
    X(RL_COST_RDTSCP, "rdtscp__rdtscp")                     \
    X(RL_COST_CLOCK_GETTIME, "clock_gettime")

enum rl_clock_cost {
#define X(id, name) id,
    RL_CLOCK_COSTS(X)
#undef X
        RL_N_CLOCK_COSTS
};

const char *rl_clock_cost_name(enum rl_clock_cost which);

/*
 * Records n readings, in ticks, one record each: for the pairs the distance of two reads back to
 * back, for clock_gettime (MONOTONIC) one call inside a fenced pair, nothing subtracted. Pairs that
 * were cut by a migration are left out and returned as a count.
 */
uint64_t rl_clock_cost(enum rl_clock_cost which, uint64_t n, struct rl_hist *ticks);

/* Cheapest of 50 batches of n readings: thousandths of a tick per reading. */
uint64_t rl_clock_batch_cost(enum rl_clock_cost which, uint32_t n);

/* How far cpu_b's counter is ahead of cpu_a's, and how well that is known. */
struct rl_clock_offset {
    int64_t offset_ticks;
    uint64_t bound_ticks;  /* the truth lies within offset +- bound: half the best round trip */
    uint64_t rtt_ticks;    /* the best round trip */
    uint64_t n_violations; /* answers stamped outside their round trip: counters that disagree */
};

/*
 * Ping-pong of n_rounds through one cache line by two pinned threads. -EINVAL for equal CPUs or no
 * rounds, -errno when a CPU may not be used.
 */
int rl_clock_offset(int cpu_a, int cpu_b, uint32_t n_rounds, struct rl_clock_offset *out);

#endif
