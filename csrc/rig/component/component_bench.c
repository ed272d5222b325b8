#include "rig/component/component_bench.h"

bool rl_bench_is_stopped(const struct rl_bench *b)
{
    return b->config->stop != NULL &&
           atomic_load_explicit(b->config->stop, memory_order_relaxed) != 0;
}

void rl_bench_settle(struct rl_bench *b)
{
    if (b->job.settle != NULL)
        b->job.settle(b->job.state);
}

void rl_bench_account(struct rl_bench *b, uint64_t n, uint64_t sum)
{
    b->position += n;
    b->n_steps += n;
    b->sum += sum;
}

void rl_bench_make_room(struct rl_bench *b, uint64_t n)
{
    if (RL_LIKELY(b->job.n_cycle - b->position >= n))
        return;
    n = b->job.n_cycle - b->position;
    rl_bench_account(b, n, b->job.loops->overlapping(b->job.state, b->position, n));
    b->job.turn_over(b->job.state);
    b->position = 0;
}

uint64_t rl_bench_batch(struct rl_bench *b, bool is_chained)
{
    const struct rl_loops *loops = b->job.loops;
    uint64_t (*run)(void *, uint64_t, uint64_t) = is_chained ? loops->chained : loops->overlapping;
    uint64_t n = b->batch_n_ops, sum, from, ticks;

    rl_bench_make_room(b, n);
    from = rl_tsc_begin();
    sum = run(b->job.state, b->position, n);
    ticks = rl_tsc_end() - from;
    rl_bench_account(b, n, sum);
    rl_bench_settle(b);
    return ticks;
}

static uint32_t held_32(uint64_t ticks)
{
    return ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX;
}

uint32_t rl_bench_mean_mticks(const struct rl_bench *b, uint64_t ticks)
{
    return held_32((ticks * 1000 + b->batch_n_ops / 2) / b->batch_n_ops);
}

/* --- chunks --- */

static void chunk_of_batches(struct rl_bench *b, bool is_chained)
{
    uint64_t start = rl_tsc();
    uint32_t n = 0;

    while (n < RL_BENCH_MAX_SAMPLES && rl_tsc() - start < b->chunk_ticks)
        b->samples[n++] = rl_bench_mean_mticks(b, rl_bench_batch(b, is_chained));
    b->n_samples = n;
    b->out->n_ops += n * b->batch_n_ops;
}

static void time_pairs(struct rl_bench *b)
{
    for (uint32_t i = 0; i < RL_BENCH_N_PAIRS; i++) {
        uint64_t from = rl_tsc_begin();

        b->pairs[i] = held_32(rl_tsc_end() - from);
    }
    b->n_pairs = RL_BENCH_N_PAIRS;
}

/* Other work takes longer than a chunk: most hold one operation. */
static void chunk_of_cold_ops(struct rl_bench *b)
{
    uint64_t start = rl_tsc();
    uint32_t n = 0, n_done;

    while (n == 0 || (n < RL_BENCH_MAX_SAMPLES && rl_tsc() - start < b->chunk_ticks)) {
        struct rl_job_bytes input = {NULL, 0};
        uint64_t sum;

        rl_bench_make_room(b, 1);
        if (b->job.input != NULL)
            input = b->job.input(b->job.state, b->position);
        rl_other_work_do(&b->other);
        rl_flush_bytes(input.bytes, input.n_bytes);
        sum = b->job.loops->singly(b->job.state, b->position, 1, 0, &b->samples[n++], &n_done);
        rl_bench_account(b, 1, sum);
        rl_bench_settle(b);
    }
    time_pairs(b);
    b->n_samples = n;
    b->out->n_ops += n;
}

static void chunk_of_single_ops(struct rl_bench *b)
{
    uint64_t n_left, sum;
    uint32_t n;

    rl_bench_make_room(b, RL_BENCH_MAX_SAMPLES < b->job.n_cycle ? RL_BENCH_MAX_SAMPLES
                                                                : b->job.n_cycle);
    n_left = b->job.n_cycle - b->position;
    n = n_left < RL_BENCH_MAX_SAMPLES ? (uint32_t)n_left : RL_BENCH_MAX_SAMPLES;
    sum = b->job.loops->singly(b->job.state, b->position, n, b->chunk_ticks, b->samples, &n);
    rl_bench_account(b, n, sum);
    rl_bench_settle(b);
    time_pairs(b);
    b->n_samples = n;
    b->out->n_ops += n;
}

void rl_bench_chunk(struct rl_bench *b, enum rl_chunk_kind kind)
{
    b->n_pairs = 0;
    if (b->config->regime == RL_REGIME_COLD)
        chunk_of_cold_ops(b);
    else if (kind == RL_CHUNK_PER_OP)
        chunk_of_single_ops(b);
    else
        chunk_of_batches(b, kind == RL_CHUNK_CHAIN);
}

/* --- replays --- */

uint64_t rl_bench_n_replay_chunks(const struct rl_bench *b)
{
    if (b->config->regime != RL_REGIME_STREAM || b->config->is_not_replayed ||
        b->job.n_cycle == UINT64_MAX)
        return 0;
    return (b->job.n_cycle + RL_COMPONENT_REPLAY_OPS - 1) / RL_COMPONENT_REPLAY_OPS;
}

void rl_bench_replay(struct rl_bench *b, uint32_t n_replays)
{
    uint32_t *to = b->replayed;

    for (b->n_replays = 0; b->n_replays < n_replays && !rl_bench_is_stopped(b); b->n_replays++) {
        rl_bench_make_room(b, b->job.n_cycle);
        while (b->position < b->job.n_cycle) {
            uint64_t left = b->job.n_cycle - b->position, sum, from;
            uint64_t n = left < RL_COMPONENT_REPLAY_OPS ? left : RL_COMPONENT_REPLAY_OPS;

            from = rl_tsc_begin();
            sum = b->job.loops->overlapping(b->job.state, b->position, n);
            *to++ = held_32(rl_tsc_end() - from);
            rl_bench_account(b, n, sum);
        }
    }
}
