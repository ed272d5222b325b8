#include "rig/component.h"

#include "base/cpu.h"
#include "base/stats.h"
#include "rig/component_ops.h"

#include <errno.h>
#include <pthread.h>

#define CHUNK_NS 150000    /* between two neighbour probes */
#define BLOCK_NS 5000000   /* of warm-up */
#define BATCH_MIN_NS 10000 /* and 1000 quanta: the counter's step is a thousandth of a batch */
#define N_AGREEING_BLOCKS 5
#define AGREEMENT_PCT 2
#define MAX_SAMPLES 4096 /* a chunk: 16 KiB, half of a first-level cache */
#define N_PAIRS 64       /* empty pairs a chunk of per_op */
#define N_FLOOR_BATCHES 200

enum chunk_kind { CHUNK_PER_OP, CHUNK_CHAIN, CHUNK_TPUT, N_CHUNK_KINDS };

struct bench {
    const struct rl_component_config *config;
    struct rl_component_result *out;
    struct rl_job job;
    struct rl_neighbour neighbour;
    uint64_t position; /* the next step's */
    uint64_t n_steps;  /* since position 0 of the first cycle */
    uint64_t sum;      /* of all answers */
    uint64_t first_sum;
    uint64_t batch_n_ops;
    uint64_t chunk_ticks, block_ticks, batch_ticks;
    uint32_t n_samples, n_pairs;
    uint32_t samples[MAX_SAMPLES];
    uint32_t pairs[N_PAIRS];
    int err;
};

typedef uint64_t step_fn(void *state, uint64_t i);

#define INLINE static inline __attribute__((always_inline))

/* 0, but not before `answer` is known: neither compiler nor core sees through the AND. */
INLINE uint64_t zero_after(uint64_t answer)
{
    __asm__ volatile("andq $0, %0" : "+r"(answer) : : "cc");
    return answer;
}

/* The answer must be computed before what follows, and its computation cannot be left out. */
INLINE void use(uint64_t answer)
{
    __asm__ volatile("" : : "r"(answer) : "memory");
}

INLINE uint64_t run_steps(step_fn *step, void *state, uint64_t from, uint64_t n, bool is_chained)
{
    uint64_t answer = 0, sum = 0;

    for (uint64_t i = from; i < from + n; i++) {
        answer = step(state, is_chained ? i + zero_after(answer) : i);
        sum += answer;
        if (!is_chained)
            use(sum); /* or the loop would be vectorised, or folded */
    }
    use(sum);
    return sum;
}

static void settle(struct bench *b)
{
    if (b->job.settle != NULL)
        b->job.settle(&b->job.state);
}

static void account(struct bench *b, uint64_t n, uint64_t sum)
{
    b->position += n;
    b->n_steps += n;
    b->sum += sum;
}

/* Room for n steps in this cycle: what is left of it is done untimed when there is less. */
INLINE void make_room(struct bench *b, step_fn *step, uint64_t n)
{
    if (RL_LIKELY(b->job.n_cycle - b->position >= n))
        return;
    n = b->job.n_cycle - b->position;
    account(b, n, run_steps(step, &b->job.state, b->position, n, false));
    b->job.turn_over(&b->job.state);
    b->position = 0;
}

INLINE uint64_t timed_batch(struct bench *b, step_fn *step, bool is_chained)
{
    uint64_t n = b->batch_n_ops, sum, from, ticks;

    make_room(b, step, n);
    from = rl_tsc_begin();
    sum = run_steps(step, &b->job.state, b->position, n, is_chained);
    ticks = rl_tsc_end() - from;
    account(b, n, sum);
    settle(b);
    return ticks;
}

static uint32_t mean_mticks(const struct bench *b, uint64_t ticks)
{
    uint64_t mticks = (ticks * 1000 + b->batch_n_ops / 2) / b->batch_n_ops;

    return mticks < UINT32_MAX ? (uint32_t)mticks : UINT32_MAX;
}

/* --- chunks --- */

INLINE void chunk_of_batches(struct bench *b, step_fn *step, bool is_chained)
{
    uint64_t start = rl_tsc();
    uint32_t n = 0;

    while (n < MAX_SAMPLES && rl_tsc() - start < b->chunk_ticks)
        b->samples[n++] = mean_mticks(b, timed_batch(b, step, is_chained));
    b->n_samples = n;
    b->out->n_ops += n * b->batch_n_ops;
}

static uint32_t held_32(uint64_t ticks)
{
    return ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX;
}

INLINE void chunk_of_single_ops(struct bench *b, step_fn *step)
{
    uint64_t start, from, to, answer, sum = 0;
    uint32_t n = 0;

    make_room(b, step, MAX_SAMPLES < b->job.n_cycle ? MAX_SAMPLES : b->job.n_cycle);
    start = rl_tsc();
    do {
        uint64_t i = b->position + n;

        if (RL_UNLIKELY(i >= b->job.n_cycle))
            break;
        from = rl_tsc_begin();
        answer = step(&b->job.state, i);
        use(answer);
        to = rl_tsc_end();
        b->samples[n++] = held_32(to - from);
        sum += answer;
    } while (n < MAX_SAMPLES && to - start < b->chunk_ticks);
    account(b, n, sum);
    settle(b);
    for (uint32_t i = 0; i < N_PAIRS; i++) {
        from = rl_tsc_begin();
        b->pairs[i] = held_32(rl_tsc_end() - from);
    }
    b->n_samples = n;
    b->n_pairs = N_PAIRS;
    b->out->n_ops += n;
}

INLINE void run_chunk(struct bench *b, step_fn *step, enum chunk_kind kind)
{
    b->n_pairs = 0;
    if (kind == CHUNK_PER_OP)
        chunk_of_single_ops(b, step);
    else if (kind == CHUNK_CHAIN)
        chunk_of_batches(b, step, true);
    else
        chunk_of_batches(b, step, false);
}

static void record_chunk(struct bench *b, enum chunk_kind kind, bool is_quiet)
{
    static const enum rl_component_hist hists[N_CHUNK_KINDS] = {
        RL_COMPONENT_HIST_PER_OP, RL_COMPONENT_HIST_CHAIN, RL_COMPONENT_HIST_TPUT};
    struct rl_hist *hist = &b->out->hist[hists[kind]]; /* the next one is its quiet twin */
    struct rl_hist *pair = &b->out->hist[RL_COMPONENT_HIST_PAIR];

    for (int twin = 0; twin <= is_quiet; twin++) {
        for (uint32_t i = 0; i < b->n_samples; i++)
            rl_hist_record(hist + twin, b->samples[i]);
        for (uint32_t i = 0; i < b->n_pairs; i++)
            rl_hist_record(pair + twin, b->pairs[i]);
    }
}

/* Full speed turned out to be faster than thought: what was called quiet may not have been. */
static __attribute__((noinline)) void forget_quiet(struct bench *b)
{
    for (int i = 0; i < RL_N_COMPONENT_HISTS; i += 2)
        rl_hist_reset(&b->out->hist[i + 1]);
    b->out->n_quiet_chunks = 0;
}

static bool is_stopped(const struct bench *b)
{
    return b->config->stop != NULL &&
           atomic_load_explicit(b->config->stop, memory_order_relaxed) != 0;
}

/* Nothing has been measured yet: forgets the rehearsal. */
static void start_counting(struct bench *b)
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
INLINE void measure(struct bench *b, step_fn *step)
{
    const uint64_t durations[] = {0, rl_ns_to_ticks(b->config->clock, b->config->duration_ns)};
    uint32_t n_passes = RL_COUNT(durations);

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
            enum chunk_kind kind = (enum chunk_kind)(chunk % N_CHUNK_KINDS);

            run_chunk(b, step, kind);
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
            used = rl_usage_now();
        } while (++chunk < N_CHUNK_KINDS || (!is_stopped(b) && rl_tsc() - start < durations[pass]));
        rl_trap_disarm();
        b->out->usage = rl_usage_diff(usage, used);
    }
    b->out->neighbour_best_ticks = b->neighbour.best_ticks;
    b->out->neighbour_full_ticks = b->neighbour.full_ticks;
}

/* --- before and after --- */

/* The first cycle, every answer checked, its first operation timed. */
INLINE void check_first(struct bench *b, step_fn *step)
{
    struct rl_job *job = &b->job;
    void *state = &job->state;

    for (uint64_t i = 0; i < job->n_first; i++) {
        uint64_t from = rl_tsc_begin(), answer = step(state, i);

        use(answer);
        if (i == 0)
            b->out->first_op_ticks = rl_tsc_end() - from;
        if (job->wanted != NULL)
            b->out->n_wrong += job->wanted(state, i) != answer;
        b->first_sum += answer;
        if ((i + 1) % (RL_JOB_AUDIT_SLOTS / 4) == 0)
            settle(b);
    }
    settle(b);
    account(b, job->n_first, b->first_sum);
    b->out->answer_hash = job->hash != NULL ? job->hash(state) : rl_books_mix(b->first_sum);
}

/* Doubles the batch until it lasts long enough. */
INLINE void size_batch(struct bench *b, step_fn *step)
{
    uint64_t most = b->job.max_burst < b->job.n_cycle ? b->job.max_burst : b->job.n_cycle;

    if (most > 1U << 20)
        most = 1U << 20;
    b->batch_n_ops = 8;
    for (;;) {
        uint64_t fastest = UINT64_MAX;

        for (int i = 0; i < 5; i++) {
            uint64_t ticks = timed_batch(b, step, true);

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

INLINE void warm_up(struct bench *b, step_fn *step)
{
    struct rl_component_result *out = b->out;
    uint64_t least = rl_ns_to_ticks(b->config->clock, b->config->warmup_min_ns);
    uint64_t most = rl_ns_to_ticks(b->config->clock, b->config->warmup_max_ns);
    uint64_t start = rl_tsc(), spent = 0, n_ops;
    uint64_t *means = NULL;

    size_batch(b, step);
    n_ops = out->n_ops;
    means = out->hist[RL_COMPONENT_HIST_CHAIN].counts; /* room for a block; emptied below */
    while (out->n_warmup_blocks < RL_COMPONENT_MAX_BLOCKS && spent < most && !is_stopped(b)) {
        uint64_t block_start = rl_tsc();
        size_t n = 0;

        do {
            means[n++] = mean_mticks(b, timed_batch(b, step, true));
        } while (n < MAX_SAMPLES && rl_tsc() - block_start < b->block_ticks);
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

static void measure_floor(struct bench *b)
{
    uint64_t best[2] = {UINT64_MAX, UINT64_MAX}, from, ticks;

    for (int i = 0; i < N_FLOOR_BATCHES; i++) {
        from = rl_tsc_begin();
        run_steps(rl_empty_step, NULL, 0, b->batch_n_ops, true);
        ticks = rl_tsc_end() - from;
        best[0] = ticks < best[0] ? ticks : best[0];
        from = rl_tsc_begin();
        run_steps(rl_empty_step, NULL, 0, b->batch_n_ops, false);
        ticks = rl_tsc_end() - from;
        best[1] = ticks < best[1] ? ticks : best[1];
    }
    b->out->floor_chain_mticks = mean_mticks(b, best[0]);
    b->out->floor_tput_mticks = mean_mticks(b, best[1]);
}

/* Ends on a whole cycle, and asks whether everything that was timed was also right. */
INLINE void check_last(struct bench *b, step_fn *step)
{
    struct rl_job *job = &b->job;
    uint64_t rest = (job->n_first - b->n_steps % job->n_first) % job->n_first;

    while (rest > 0) {
        uint64_t n = rest < RL_JOB_AUDIT_SLOTS / 4 ? rest : RL_JOB_AUDIT_SLOTS / 4;

        make_room(b, step, n);
        account(b, n, run_steps(step, &job->state, b->position, n, false));
        settle(b);
        rest -= n;
    }
    if (job->is_periodic)
        b->out->n_wrong += b->sum != b->n_steps / job->n_first * b->first_sum;
    if (job->n_wrong != NULL)
        b->out->n_wrong += job->n_wrong(&job->state, b->n_steps);
}

INLINE void run_all(struct bench *b, step_fn *step)
{
    check_first(b, step);
    warm_up(b, step);
    if (is_stopped(b)) {
        b->err = -EINTR;
        return;
    }
    measure_floor(b);
    measure(b, step);
    check_last(b, step);
}

/* One compiled copy of all of the above an operation: the step is a constant there. */
static void run_component(struct bench *b)
{
    switch (b->config->component) {
    case RL_COMPONENT_FIX_PARSE:
        run_all(b, rl_fix_step);
        break;
    case RL_COMPONENT_BOOK_UPDATE:
        run_all(b, rl_book_step);
        break;
    case RL_COMPONENT_FEED_BOOK:
        run_all(b, rl_feed_step);
        break;
    case RL_COMPONENT_RISK_CHECK:
        run_all(b, rl_risk_step);
        break;
    case RL_COMPONENT_ORDER_ID:
        run_all(b, rl_ids_step);
        break;
    case RL_COMPONENT_AUDIT_APPEND:
        run_all(b, rl_audit_step);
        break;
    case RL_COMPONENT_HIST_RECORD:
        run_all(b, rl_hist_step);
        break;
    case RL_COMPONENT_CLOCK_PAIR:
        run_all(b, rl_pair_step);
        break;
    case RL_COMPONENT_CLOCK_GETTIME:
        run_all(b, rl_gettime_step);
        break;
    case RL_N_COMPONENTS:
        break;
    }
}

static void *run_thread(void *arg)
{
    struct bench *b = arg;
    uint64_t batch_ns = BATCH_MIN_NS;

    b->err = rl_cpu_pin(b->config->cpu);
    if (b->err == 0)
        b->err = rl_cpu_block_signals();
    if (b->err == 0)
        b->err = rl_job_open(&b->job, b->config, b->out);
    if (b->err != 0)
        return NULL;
    b->out->quantum_ticks = rl_clock_quantum_ticks();
    b->chunk_ticks = rl_ns_to_ticks(b->config->clock, CHUNK_NS);
    b->block_ticks = rl_ns_to_ticks(b->config->clock, BLOCK_NS);
    b->batch_ticks = rl_ns_to_ticks(b->config->clock, batch_ns);
    if (b->batch_ticks < 1000 * b->out->quantum_ticks)
        b->batch_ticks = 1000 * b->out->quantum_ticks;
    rl_neighbour_init(&b->neighbour, b->config->clock);
    run_component(b);
    b->out->batch_n_ops = b->batch_n_ops;
    rl_job_close(&b->job);
    return NULL;
}

int rl_component_run(const struct rl_component_config *config, struct rl_component_result *out)
{
    struct rl_arena arena;
    struct bench *b;
    pthread_t thread;
    int err;

    if ((unsigned)config->component >= RL_N_COMPONENTS ||
        (unsigned)config->regime >= RL_N_REGIMES || config->clock == NULL)
        return -EINVAL;
    err = rl_arena_open(&arena, sizeof(*b), RL_ARENA_PREFAULT | RL_ARENA_LOCK);
    if (err != 0)
        return err;
    b = rl_arena_take(&arena, sizeof(*b), _Alignof(struct bench));
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
