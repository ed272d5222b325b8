#include "rig/component/canary.h"

#include "base/cpu.h"
#include "base/stats.h"
#include "rig/trial/probe.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#define CELL 64
#define UTICKS 1000000
struct canary_job {
    int cpu, err;
    uint64_t duration_ns;
    const struct rl_clock *clock;
    struct rl_canary *out;
    void *cells;
    void *place;
    struct rl_neighbour neighbour;
    uint64_t chunks[RL_CANARY_MAX_CHUNKS], sorted[RL_CANARY_MAX_CHUNKS];
    uint64_t probes[RL_CANARY_MAX_CHUNKS + 1];
};

static uint64_t run_adds(struct canary_job *job)
{
    (void)job;
    return rl_canary_adds(rl_canary_add_turns) * UTICKS /
           ((uint64_t)rl_canary_add_turns * RL_CANARY_ADDS);
}

static uint64_t run_loads(struct canary_job *job)
{
    return rl_canary_loads(&job->place, rl_canary_load_turns) * UTICKS /
           ((uint64_t)rl_canary_load_turns * RL_CANARY_LOADS);
}

/* What full speed is, is known when all probes have run: quiet chunks are counted afterwards. */
static void read_kind(struct canary_job *job, uint64_t (*chunk)(struct canary_job *),
                      struct rl_canary_reading *out)
{
    uint64_t duration = rl_ns_to_ticks(job->clock, job->duration_ns / 2), start = rl_tsc();
    uint32_t n = 0;

    *out = (struct rl_canary_reading){.best_uticks = UINT64_MAX};
    chunk(job); /* the first one finds nothing near */
    job->probes[0] = rl_neighbour_probe(&job->neighbour);
    do {
        job->chunks[n++] = chunk(job);
        job->probes[n] = rl_neighbour_probe(&job->neighbour);
    } while (n < RL_CANARY_MAX_CHUNKS && rl_tsc() - start < duration);
    for (uint32_t i = 0; i < n; i++) {
        if (job->chunks[i] < out->best_uticks)
            out->best_uticks = job->chunks[i];
        out->n_quiet_chunks += rl_neighbour_is_quiet(&job->neighbour, job->probes[i]) &&
                               rl_neighbour_is_quiet(&job->neighbour, job->probes[i + 1]);
        job->sorted[i] = job->chunks[i];
    }
    out->n_chunks = n;
    out->median_uticks = rl_stats_median(job->sorted, n);
}

static void *run_thread(void *arg)
{
    struct canary_job *job = arg;

    job->err = rl_cpu_pin(job->cpu);
    if (job->err == 0)
        job->err = rl_cpu_block_signals();
    if (job->err != 0)
        return NULL;
    rl_canary_link(job->cells, rl_canary_bytes / CELL); /* on this CPU: its pages lie near */
    job->place = job->cells;
    rl_neighbour_init(&job->neighbour, job->clock);
    read_kind(job, run_adds, &job->out->cpu);
    read_kind(job, run_loads, &job->out->mem);
    return NULL;
}

int rl_canary_run(int cpu, uint64_t duration_ns, const struct rl_clock *clock,
                  struct rl_canary *out)
{
    struct rl_arena arena;
    struct canary_job *job;
    pthread_t thread;
    int err = rl_arena_open(&arena, sizeof(*job), RL_ARENA_PREFAULT);

    if (err != 0)
        return err;
    job = rl_arena_take(&arena, sizeof(*job), 0);
    job->cpu = cpu;
    job->duration_ns = duration_ns;
    job->clock = clock;
    job->out = out;
    job->cells =
        mmap(NULL, rl_canary_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (job->cells == MAP_FAILED) {
        err = -errno;
        goto out_arena;
    }
    madvise(job->cells, rl_canary_bytes,
            MADV_NOHUGEPAGE); /* a kernel without them has plain ones */
    err = -pthread_create(&thread, NULL, run_thread, job);
    if (err == 0) {
        pthread_join(thread, NULL);
        err = job->err;
    }
    munmap(job->cells, rl_canary_bytes);
out_arena:
    rl_arena_close(&arena);
    return err;
}
