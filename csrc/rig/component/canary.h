/*
 * canary - two loops that never change, so that what moves their figures is not this project.
 *
 * canary.c is frozen: a test holds the hash of its bytes, and every figure carries it. Its loops
 * are written in instructions, so that no compiler changes them either. A night on which a canary
 * stands elsewhere than before is a night of another environment (clock rate, neighbours, memory,
 * microcode), and says nothing about the engine.
 * - cpu  independent additions: the rate at which this core computes;
 * - mem  dependent loads in a random order over 4 MiB, more than a second-level cache and less than
 *        a third-level one: the distance to what is not near. Where others take that cache away,
 *        the figure is that of memory, many times larger.
 *
 * Threads:  rl_canary_run works on a pinned thread of its own, signals blocked; the caller waits.
 *           The others run on the caller.
 * Memory:   rl_canary_run maps rl_canary_bytes and gives them back; plain pages, since huge ones
 *           are granted on some days only.
 */
#ifndef RL_RIG_CANARY_H
#define RL_RIG_CANARY_H

#include "base/clock.h"

#define RL_CANARY_MAX_CHUNKS 4096

/* --- canary.c, frozen --- */

#define RL_CANARY_ADDS 16 /* additions a turn */
#define RL_CANARY_LOADS 8 /* loads a turn */

/* Of the ring that loads walk, and turns a chunk: about 150 us of additions; of loads 100 us where
   a cache holds them, a millisecond where none does. */
extern const uint32_t rl_canary_bytes, rl_canary_add_turns, rl_canary_load_turns;

/* Ticks of n turns of additions that do not wait for each other. */
uint64_t rl_canary_adds(uint64_t n_turns);

/* Ticks of n turns of loads, each from where the one before said; *place moves on. */
uint64_t rl_canary_loads(void **place, uint64_t n_turns);

/* Links n cells, a cache line each, into one ring in a random but always the same order. */
void rl_canary_link(void *cells, uint32_t n);

/* --- canary_run.c --- */

/* Of one kind; of one operation, in millionths of a tick: an addition takes a fraction of one. */
struct rl_canary_reading {
    uint64_t best_uticks, median_uticks; /* over chunks */
    uint32_t n_chunks, n_quiet_chunks;   /* quiet: the sibling hyperthread was idle around it */
};

struct rl_canary {
    struct rl_canary_reading cpu, mem;
};

/* Half of the duration each, at least one chunk. 0; -EINVAL for a CPU that may not be used;
   -ENOMEM. */
int rl_canary_run(int cpu, uint64_t duration_ns, const struct rl_clock *clock,
                  struct rl_canary *out);

#endif
