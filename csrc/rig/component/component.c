#include "rig/component/component.h"

#include "base/cpu.h"
#include "base/stats.h"
#include "rig/component/component_bench.h"
#include "rig/component/component_loops.h"

#include <errno.h>
#include <pthread.h>

#define CHUNK_NS 150000    /* between two neighbour probes */
#define BLOCK_NS 5000000   /* of warm-up */
#define BATCH_MIN_NS 10000 /* and 1000 quanta: the counter's step is a thousandth of a batch */
#define N_AGREEING_BLOCKS 5
#define AGREEMENT_PCT 2
#define N_FLOOR_BATCHES 200

static void record_chunk(struct rl_bench *b, enum rl_chunk_kind kind, bool is_quiet)
{
    static const enum rl_component_hist hists[RL_N_CHUNK_KINDS] = {
        RL_COMPONENT_HIST_PER_OP, RL_COMPONENT_HIST_CHAIN, RL_COMPONENT_HIST_TPUT};
    struct rl_hist *hist = &b->out->hist[hists[kind]]; /* the next one is its quiet twin */
    struct rl_hist *pair = &b->out->hist[RL_COMPONENT_HIST_PAIR];

    for (int twin = 0; twin <= (is_quiet ? 1 : 0); twin++) {
        for (uint32_t i = 0; i < b->n_samples; i++)
            rl_hist_record(hist + twin, b->samples[i]);
        for (uint32_t i = 0; i < b->n_pairs; i++)
            rl_hist_record(pair + twin, b->pairs[i]);
    }
}

/* Full speed turned out to be faster than thought: what was called quiet may not have been. */
static __attribute__((noinline)) void forget_quiet(struct rl_bench *b)
{
    for (int i = 0; i < RL_N_COMPONENT_HISTS; i += 2)
        rl_hist_reset(&b->out->hist[i + 1]);
    b->out->n_quiet_chunks = 0;
}

/* Nothing has been measured yet: forgets the rehearsal. */
static void start_counting(struct rl_bench *b)
{
    for (int i = 0; i < RL_N_COMPONENT_HISTS; i++)
        rl_hist_reset(&b->out->hist[i]);
    forget_quiet(b); /* mapped, should it be needed */
    b->out->n_ops = b->out->n_chunks = 0;
}

/*
 * Two passes through the same code, and only the second counts. Code that runs for the first time
 * may take a page fault to be mapped, and one inside the measured part would be charged to the
 * operation. So nothing below may ask which pass it is, and no condition may be skipped in the
 * first.
 */
static void measure(struct rl_bench *b)
{
    const uint64_t durations[] = {0, rl_ns_to_ticks(b->config->clock, b->config->duration_ns)};
    const uint32_t n_replays[] = {1, RL_COMPONENT_REPLAYS};
    uint32_t n_passes = RL_COUNT(durations);
    /* Cold operations come one by one: nothing to chain, nothing to overlap. */
    uint64_t n_kinds = b->config->regime == RL_REGIME_COLD ? 1 : RL_N_CHUNK_KINDS;

    __asm__ volatile("" : "+r"(n_passes)); /* or the compiler may make two copies of the loop */
    for (uint32_t pass = 0; pass < n_passes; pass++) {
        uint64_t start, full, before, after, chunk = 0;
        struct rl_usage usage, used;

        start_counting(b);
        before = rl_neighbour_probe(&b->neighbour);
        full = b->neighbour.full_ticks;
        start = rl_tsc();
        rl_trap_arm();
        usage = rl_usage_now();
        do { /* all kinds get their chunk, however short the run */
            enum rl_chunk_kind kind = (enum rl_chunk_kind)(chunk % n_kinds);

            rl_bench_chunk(b, kind);
            after = rl_neighbour_probe(&b->neighbour);
            if (b->neighbour.full_ticks * 100 < full * (100 - RL_NEIGHBOUR_SLACK_PCT / 2)) {
                forget_quiet(b);
                full = b->neighbour.full_ticks;
            }
            bool is_quiet = rl_neighbour_is_quiet(&b->neighbour, before) &&
                            rl_neighbour_is_quiet(&b->neighbour, after);

            record_chunk(b, kind, is_quiet);
            b->out->n_chunks++;
            b->out->n_quiet_chunks += is_quiet;
            before = after;
        } while (++chunk < n_kinds ||
                 (!rl_bench_is_stopped(b) && rl_tsc() - start < durations[pass]));
        if (b->n_replay_chunks > 0)
            rl_bench_replay(b, n_replays[pass]);
        used = rl_usage_now();
        rl_trap_disarm();
        b->out->usage = rl_usage_diff(usage, used);
    }
    b->out->neighbour_best_ticks = b->neighbour.best_ticks;
    b->out->neighbour_full_ticks = b->neighbour.full_ticks;
}

/* --- before and after --- */

/* The first cycle, every answer checked, its first operation timed. */
static void check_first(struct rl_bench *b)
{
    struct rl_job *job = &b->job;
    void *state = job->state;

    for (uint64_t i = 0; i < job->n_first; i++) {
        uint64_t from = rl_tsc_begin(), answer = job->loops->overlapping(state, i, 1);

        if (i == 0)
            b->out->first_op_ticks = rl_tsc_end() - from;
        if (job->wanted != NULL)
            b->out->n_wrong += job->wanted(state, i) != answer;
        b->first_sum += answer;
        if ((i + 1) % RL_JOB_MAX_UNSETTLED == 0)
            rl_bench_settle(b);
    }
    rl_bench_settle(b);
    rl_bench_account(b, job->n_first, b->first_sum);
    b->out->answer_hash = job->hash != NULL ? job->hash(state) : rl_mix(b->first_sum);
}

/* Doubles the batch until it lasts long enough. */
static void size_batch(struct rl_bench *b)
{
    uint64_t most = b->job.max_burst < b->job.n_cycle ? b->job.max_burst : b->job.n_cycle;

    if (most > 1U << 20)
        most = 1U << 20;
    b->batch_n_ops = 8;
    for (;;) {
        uint64_t fastest = UINT64_MAX;

        for (int i = 0; i < 5; i++) {
            uint64_t ticks = rl_bench_batch(b, true);

            fastest = ticks < fastest ? ticks : fastest;
        }
        if (fastest >= b->batch_ticks || b->batch_n_ops >= most)
            return;
        b->batch_n_ops *= 2;
        if (b->batch_n_ops > most)
            b->batch_n_ops = most;
    }
}

static bool blocks_agree(const struct rl_component_result *out)
{
    uint64_t low = UINT64_MAX, high = 0;

    if (out->n_warmup_blocks < N_AGREEING_BLOCKS)
        return false;
    for (uint32_t i = out->n_warmup_blocks - N_AGREEING_BLOCKS; i < out->n_warmup_blocks; i++) {
        uint64_t median = out->warmup_mticks[i];

        low = median < low ? median : low;
        high = median > high ? median : high;
    }
    return high * 100 <= low * (100 + AGREEMENT_PCT);
}

static void warm_up(struct rl_bench *b)
{
    struct rl_component_result *out = b->out;
    uint64_t least = rl_ns_to_ticks(b->config->clock, b->config->warmup_min_ns);
    uint64_t most = rl_ns_to_ticks(b->config->clock, b->config->warmup_max_ns);
    uint64_t start = rl_tsc(), spent = 0, n_ops;
    uint64_t *means = NULL;

    size_batch(b);
    n_ops = out->n_ops;
    means = out->hist[RL_COMPONENT_HIST_CHAIN].counts; /* room for a block; emptied below */
    while (out->n_warmup_blocks < RL_COMPONENT_MAX_BLOCKS && spent < most &&
           !rl_bench_is_stopped(b)) {
        uint64_t block_start = rl_tsc();
        size_t n = 0;

        do {
            means[n++] = rl_bench_mean_mticks(b, rl_bench_batch(b, true));
        } while (n < RL_BENCH_MAX_SAMPLES && rl_tsc() - block_start < b->block_ticks);
        out->warmup_mticks[out->n_warmup_blocks++] = rl_stats_median(means, n);
        spent = rl_tsc() - start;
        out->warmup_settled = blocks_agree(out);
        if (spent >= least && out->warmup_settled)
            break;
    }
    rl_hist_reset(&out->hist[RL_COMPONENT_HIST_CHAIN]);
    out->n_ops = n_ops;
    out->warmup_ns = rl_ticks_to_ns(b->config->clock, spent);
}

RL_STEP uint64_t empty_step(void *state, uint64_t i)
{
    (void)state;
    return i;
}

RL_LOOPS(empty, empty_step);

static void measure_floor(struct rl_bench *b)
{
    uint64_t best[2] = {UINT64_MAX, UINT64_MAX}, from, ticks;

    for (int i = 0; i < N_FLOOR_BATCHES; i++) {
        from = rl_tsc_begin();
        empty.chained(NULL, 0, b->batch_n_ops);
        ticks = rl_tsc_end() - from;
        best[0] = ticks < best[0] ? ticks : best[0];
        from = rl_tsc_begin();
        empty.overlapping(NULL, 0, b->batch_n_ops);
        ticks = rl_tsc_end() - from;
        best[1] = ticks < best[1] ? ticks : best[1];
    }
    b->out->floor_chain_mticks = rl_bench_mean_mticks(b, best[0]);
    b->out->floor_tput_mticks = rl_bench_mean_mticks(b, best[1]);
}

/* Ends on a whole cycle, and asks whether everything that was timed was also right. */
static void check_last(struct rl_bench *b)
{
    struct rl_job *job = &b->job;
    uint64_t rest = (job->n_first - b->n_steps % job->n_first) % job->n_first;

    while (rest > 0) {
        uint64_t n = rest < RL_JOB_MAX_UNSETTLED ? rest : RL_JOB_MAX_UNSETTLED;

        rl_bench_make_room(b, n);
        rl_bench_account(b, n, job->loops->overlapping(job->state, b->position, n));
        rl_bench_settle(b);
        rest -= n;
    }
    if (job->is_periodic)
        b->out->n_wrong += b->sum != b->n_steps / job->n_first * b->first_sum;
    if (job->n_wrong != NULL)
        b->out->n_wrong += job->n_wrong(job->state, b->n_steps);
}

/* What the replays say of one operation; nothing unless all of them were done. */
static void record_replays(struct rl_bench *b)
{
    uint64_t n_ops = b->job.n_cycle, total = 0;

    if (b->n_replay_chunks == 0 || b->n_replays < RL_COMPONENT_REPLAYS)
        return;
    for (uint64_t i = 0; i < b->n_replay_chunks * RL_COMPONENT_REPLAYS; i++)
        total += b->replayed[i];
    b->out->n_replay_ops = n_ops;
    b->out->replay_fastest_mticks =
        rl_component_fastest(b->replayed, b->n_replay_chunks, RL_COMPONENT_REPLAYS) * 1000 / n_ops;
    b->out->replay_mean_mticks = total * 1000 / RL_COMPONENT_REPLAYS / n_ops;
}

static void run_component(struct rl_bench *b)
{
    check_first(b);
    warm_up(b);
    if (rl_bench_is_stopped(b)) {
        b->err = -EINTR;
        return;
    }
    measure_floor(b);
    measure(b);
    record_replays(b);
    check_last(b);
}

/* Room for the ticks of every replay, touched: none of them may take a fault. */
static int open_replays(struct rl_bench *b, struct rl_arena *arena)
{
    uint64_t n = rl_bench_n_replay_chunks(b);
    int err = 0;

    if (n > 0)
        err = rl_arena_open(arena, n * RL_COMPONENT_REPLAYS * sizeof(uint32_t),
                            RL_ARENA_PREFAULT | RL_ARENA_LOCK);
    if (n > 0 && err == 0)
        b->replayed = rl_arena_take(arena, n * RL_COMPONENT_REPLAYS * sizeof(uint32_t), 0);
    b->n_replay_chunks = n;
    return err;
}

static void *run_thread(void *arg)
{
    struct rl_bench *b = arg;
    uint64_t batch_ns = BATCH_MIN_NS;
    struct rl_arena replays = {0};

    b->err = rl_cpu_pin(b->config->cpu);
    if (b->err == 0)
        b->err = rl_cpu_block_signals();
    if (b->err == 0)
        b->err = rl_job_open(&b->job, b->config, b->out);
    if (b->err != 0)
        return NULL;
    b->err = open_replays(b, &replays);
    if (b->err == 0 && b->config->regime == RL_REGIME_COLD)
        b->err = rl_other_work_open(&b->other);
    if (b->err != 0)
        goto out_job;
    b->out->quantum_ticks = rl_clock_quantum_ticks();
    b->chunk_ticks = rl_ns_to_ticks(b->config->clock, CHUNK_NS);
    b->block_ticks = rl_ns_to_ticks(b->config->clock, BLOCK_NS);
    b->batch_ticks = rl_ns_to_ticks(b->config->clock, batch_ns);
    if (b->batch_ticks < 1000 * b->out->quantum_ticks)
        b->batch_ticks = 1000 * b->out->quantum_ticks;
    rl_neighbour_init(&b->neighbour, b->config->clock);
    run_component(b);
    b->out->batch_n_ops = b->batch_n_ops;
out_job:
    rl_other_work_close(&b->other);
    rl_arena_close(&replays);
    rl_job_close(&b->job);
    return NULL;
}

int rl_component_run(const struct rl_component_config *config, struct rl_component_result *out)
{
    struct rl_arena arena;
    struct rl_bench *b;
    pthread_t thread;
    int err;

    if ((unsigned)config->component >= RL_N_COMPONENTS ||
        (unsigned)config->regime >= RL_N_REGIMES || config->clock == NULL)
        return -EINVAL;
    err = rl_arena_open(&arena, sizeof(*b), RL_ARENA_PREFAULT | RL_ARENA_LOCK);
    if (err != 0)
        return err;
    b = rl_arena_take(&arena, sizeof(*b), _Alignof(struct rl_bench));
    b->config = config;
    b->out = out;
    err = -pthread_create(&thread, NULL, run_thread, b);
    if (err == 0) {
        pthread_join(thread, NULL);
        err = b->err;
    }
    rl_arena_close(&arena);
    return err;
}
