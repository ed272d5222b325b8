/*
 * component_bench - a job under the clock: batches, chunks, replays.
 *
 * Threads:  the thread that rl_component_run starts; it alone includes this.
 * Memory:   struct bench is one mapping, touched before anything is timed.
 */
#ifndef RL_RIG_COMPONENT_BENCH_H
#define RL_RIG_COMPONENT_BENCH_H

#include "rig/component/component_cold.h"
#include "rig/component/component_job.h"

#define RL_BENCH_MAX_SAMPLES 4096 /* a chunk: 16 KiB, half of a first-level cache */
#define RL_BENCH_N_PAIRS 64       /* empty pairs a chunk of single operations */

enum rl_chunk_kind { RL_CHUNK_PER_OP, RL_CHUNK_CHAIN, RL_CHUNK_TPUT, RL_N_CHUNK_KINDS };

struct rl_bench {
    const struct rl_component_config *config;
    struct rl_component_result *out;
    struct rl_job job;
    struct rl_neighbour neighbour;
    struct rl_other_work other; /* regime COLD only */
    uint64_t position;          /* the next step's */
    uint64_t n_steps;           /* since position 0 of the first cycle */
    uint64_t sum;               /* of all answers */
    uint64_t first_sum;
    uint64_t batch_n_ops;
    uint64_t chunk_ticks, block_ticks, batch_ticks;
    uint32_t *replayed;       /* ticks of each chunk of the first replay, then of the second ... */
    uint64_t n_replay_chunks; /* of one replay; 0: there is nothing to replay */
    uint32_t n_replays;       /* done */
    uint32_t n_samples, n_pairs;
    uint32_t samples[RL_BENCH_MAX_SAMPLES];
    uint32_t pairs[RL_BENCH_N_PAIRS];
    int err;
};

bool rl_bench_is_stopped(const struct rl_bench *b);

/* n operations from the position on were done, with that sum of answers. */
void rl_bench_account(struct rl_bench *b, uint64_t n, uint64_t sum);
void rl_bench_settle(struct rl_bench *b);

/* Room for n steps in this cycle: what is left of it is done untimed when there is less. */
void rl_bench_make_room(struct rl_bench *b, uint64_t n);

/* Ticks of one batch, and what that makes of one operation. */
uint64_t rl_bench_batch(struct rl_bench *b, bool is_chained);
uint32_t rl_bench_mean_mticks(const struct rl_bench *b, uint64_t ticks);

/* Fills samples, and pairs for single operations. */
void rl_bench_chunk(struct rl_bench *b, enum rl_chunk_kind kind);

/* Chunks of one replay of the cycle; 0 when there is nothing to replay. */
uint64_t rl_bench_n_replay_chunks(const struct rl_bench *b);
/* The whole cycle, from its first position to its last, in timed chunks; n_replays times. */
void rl_bench_replay(struct rl_bench *b, uint32_t n_replays);

#endif
