#include "rig/trial/probe.h"

#include "base/cpu.h"
#include "base/stats.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* --- a team: threads on CPUs of their own that start together --- */

#define MAX_TEAM 256

enum gate { GATE_CLOSED, GATE_WORK, GATE_GO_HOME };

struct team {
    const int *cpus;
    void (*prepare)(void *context, uint32_t index); /* on the CPU, before the start; may be NULL */
    void (*work)(void *context, uint32_t index);
    void *context;
    _Atomic uint32_t n_ready;
    _Atomic uint32_t gate; /* enum gate */
    _Atomic int err;       /* of a member that could not take its place */
};

struct member {
    pthread_t thread;
    struct team *team;
    uint32_t index;
};

static void note_error(struct team *team, int err)
{
    if (err != 0)
        atomic_store_explicit(&team->err, err, memory_order_relaxed); /* T1 carries it */
}

static void *run_member(void *arg)
{
    struct member *m = arg;
    struct team *team = m->team;
    uint32_t gate;

    note_error(team, rl_cpu_pin(team->cpus[m->index]));
    note_error(team, rl_cpu_block_signals());
    if (team->prepare != NULL)
        team->prepare(team->context, m->index);
    /* T1 release, pairs with the acquire in run_team: arrival brings this member's error. */
    atomic_fetch_add_explicit(&team->n_ready, 1, memory_order_release);
    /* T2 acquire, pairs with the release in run_team: what others prepared is seen. */
    while ((gate = atomic_load_explicit(&team->gate, memory_order_acquire)) == GATE_CLOSED)
        sched_yield();
    if (gate == GATE_WORK)
        team->work(team->context, m->index);
    return NULL;
}

/* Runs work(context, i) on cpus[i], all at once; 0 or an error, and then no work has been done. */
static int run_team(struct team *team, const int *cpus, uint32_t n)
{
    struct member members[MAX_TEAM];
    const struct timespec nap = {.tv_nsec = 100000};
    uint32_t n_started = 0;
    int err = 0;

    if (n == 0 || n > MAX_TEAM)
        return -EINVAL;
    for (uint32_t i = 1; i < n; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (cpus[k] == cpus[i])
                return -EINVAL; /* two spinners on one CPU would measure each other */
        }
    }
    team->cpus = cpus;
    while (n_started < n && err == 0) {
        members[n_started] = (struct member){.team = team, .index = n_started};
        err = -pthread_create(&members[n_started].thread, NULL, run_member, &members[n_started]);
        n_started += err == 0;
    }
    /* T1 acquire, pairs with the release in run_member. */
    while (atomic_load_explicit(&team->n_ready, memory_order_acquire) < n_started)
        nanosleep(&nap, NULL);
    if (err == 0)
        err = atomic_load_explicit(&team->err, memory_order_relaxed);
    /* T2 release, pairs with the acquire in run_member. */
    atomic_store_explicit(&team->gate, err == 0 ? GATE_WORK : GATE_GO_HOME, memory_order_release);
    for (uint32_t i = 0; i < n_started; i++)
        pthread_join(members[i].thread, NULL);
    return err;
}

/* --- noise --- */

struct noise_job {
    struct rl_noise *probes;
    uint64_t duration_ticks, quantum_ticks;
    const _Atomic uint32_t *stop;
};

/* Watches for gaps until duration_ticks have passed. */
static void noise_watch(struct rl_noise *p, uint64_t duration_ticks, const _Atomic uint32_t *stop)
{
    uint64_t threshold = p->threshold_ticks, n_iterations = 0;
    uint64_t start = rl_tsc(), previous = start, now;

    do {
        now = rl_tsc();
        uint64_t ticks = now - previous;

        n_iterations++;
        if (RL_UNLIKELY(ticks > threshold)) {
            if (p->n_gaps - p->n_dropped < p->max_gaps)
                p->gaps[p->n_gaps - p->n_dropped] =
                    (struct rl_gap){.tsc = previous, .ticks = ticks};
            else
                p->n_dropped++;
            p->n_gaps++;
            p->lost_ticks += ticks;
            if (ticks > p->max_ticks)
                p->max_ticks = ticks;
            if (stop != NULL && atomic_load_explicit(stop, memory_order_relaxed) != 0)
                break;
        }
        /* Not a new reading: a stall while the gap is written down must show as the next gap. */
        previous = now;
    } while (now - start < duration_ticks);
    p->tsc_start = start;
    p->elapsed_ticks = now - start;
    p->n_iterations = n_iterations;
}

static int compare_ticks(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/*
 * What a turn of noise_watch that writes down a gap takes here: the median of the means of short
 * watches to which each turn is a gap. Under a threshold that it exceeds, one gap would bring
 * forth the next without end.
 */
static uint64_t noise_turn_ticks(void)
{
    enum { N_WATCHES = 33, WATCH_TICKS = 4096, ROOM = 256 };
    struct rl_gap room[ROOM];
    uint64_t turns[N_WATCHES];

    for (uint32_t i = 0; i < N_WATCHES; i++) {
        struct rl_noise p = {.gaps = room, .max_gaps = ROOM};

        noise_watch(&p, WATCH_TICKS, NULL);
        turns[i] = p.elapsed_ticks / p.n_iterations + 1;
    }
    qsort(turns, N_WATCHES, sizeof(turns[0]), compare_ticks);
    return turns[N_WATCHES / 2];
}

static void noise_prepare(void *context, uint32_t index)
{
    struct noise_job *job = context;
    struct rl_noise *p = &job->probes[index];

    if (p->max_gaps > 0)
        memset(p->gaps, 0, p->max_gaps * sizeof(p->gaps[0])); /* its pages, on this CPU's node */
    if (p->threshold_ticks == 0) {
        uint64_t turn = noise_turn_ticks();

        /* Where a step is finer than a turn is long, three steps would be less than one turn. */
        p->threshold_ticks = 3 * (turn > job->quantum_ticks ? turn : job->quantum_ticks);
    }
}

static void noise_work(void *context, uint32_t index)
{
    const struct noise_job *job = context;
    struct rl_noise *p = &job->probes[index];
    struct rl_usage before = rl_usage_now();

    noise_watch(p, job->duration_ticks, job->stop);
    p->usage = rl_usage_diff(before, rl_usage_now());
}

int rl_noise_probe(struct rl_noise *probes, uint32_t n, uint64_t duration_ns,
                   const struct rl_clock *clock, const _Atomic uint32_t *stop)
{
    struct noise_job job = {.probes = probes,
                            .duration_ticks = rl_ns_to_ticks(clock, duration_ns),
                            .quantum_ticks = rl_clock_quantum_ticks(),
                            .stop = stop};
    struct team team = {.prepare = noise_prepare, .work = noise_work, .context = &job};
    int cpus[MAX_TEAM], err;

    if (n > MAX_TEAM)
        return -EINVAL;
    for (uint32_t i = 0; i < n; i++) {
        struct rl_noise *p = &probes[i];

        if (p->max_gaps > 0 && p->gaps == NULL)
            return -EINVAL;
        cpus[i] = p->cpu;
        *p = (struct rl_noise){.cpu = p->cpu,
                               .max_gaps = p->max_gaps,
                               .gaps = p->gaps,
                               .threshold_ticks = p->threshold_ticks};
    }
    err = run_team(&team, cpus, n);
    for (uint32_t i = 0; i < n; i++)
        probes[i].err = err;
    return err;
}

/* --- neighbour --- */

/*
 * Twelve additions a turn, none waiting for another: more than any core's adders take in one cycle,
 * so the rate is the share of the adders that this thread gets.
 */
static uint64_t run_adds(uint64_t n_turns)
{
    uint64_t a = 1, b = 2, c = 3, d = 4;
    uint64_t from = rl_tsc_begin();

    for (uint64_t i = 0; i < n_turns; i++) {
        __asm__ volatile("add $1, %0\n\tadd $3, %1\n\tadd $5, %2\n\tadd $7, %3\n\t"
                         "lea 1(%4), %%r8\n\tlea 2(%4), %%r9\n\tlea 3(%4), %%r10\n\t"
                         "lea 4(%4), %%r11\n\tlea 5(%4), %%r8\n\tlea 6(%4), %%r9\n\t"
                         "lea 7(%4), %%r10\n\tlea 8(%4), %%r11"
                         : "+r"(a), "+r"(b), "+r"(c), "+r"(d)
                         : "r"(i)
                         : "r8", "r9", "r10", "r11", "cc");
    }
    return rl_tsc_end() - from;
}

uint64_t rl_neighbour_probe(struct rl_neighbour *nb)
{
    uint64_t ticks = run_adds(nb->n_turns), bucket = ticks / nb->bucket_ticks, n_faster = 0;

    if (ticks < nb->best_ticks)
        nb->best_ticks = ticks;
    nb->counts[bucket < RL_NEIGHBOUR_BUCKETS ? bucket : RL_NEIGHBOUR_BUCKETS - 1]++;
    nb->n_probes++;
    for (bucket = 0; bucket < RL_NEIGHBOUR_BUCKETS; bucket++) {
        n_faster += nb->counts[bucket];
        if (n_faster * 100 >= nb->n_probes)
            break;
    }
    nb->full_ticks = (bucket + 1) * nb->bucket_ticks;
    return ticks;
}

void rl_neighbour_init(struct rl_neighbour *nb, const struct rl_clock *clock)
{
    const uint64_t n_first = 4096, wanted = rl_ns_to_ticks(clock, RL_NEIGHBOUR_NS);
    uint64_t best = UINT64_MAX;

    for (int i = 0; i < 100; i++) {
        uint64_t ticks = run_adds(n_first);

        best = ticks < best ? ticks : best;
    }
    *nb = (struct rl_neighbour){.n_turns = 1 + n_first * wanted / (best + 1),
                                .best_ticks = UINT64_MAX,
                                .bucket_ticks = wanted / 128 + 1};
    for (int i = 0; i < 150; i++)
        rl_neighbour_probe(nb);
}

struct survey {
    uint64_t *ticks;
    uint32_t n;
    const struct rl_clock *clock;
    struct rl_neighbour *nb;
};

static void survey_work(void *context, uint32_t index)
{
    struct survey *s = context;
    uint64_t apart = rl_ns_to_ticks(s->clock, 150000); /* as in a component benchmark */

    (void)index;
    rl_neighbour_init(s->nb, s->clock);
    for (uint32_t i = 0; i < s->n; i++) {
        uint64_t from = rl_tsc();

        s->ticks[i] = rl_neighbour_probe(s->nb);
        while (rl_tsc() - from < apart)
            rl_pause();
    }
}

int rl_neighbour_survey(int cpu, uint64_t *ticks, uint32_t n, const struct rl_clock *clock,
                        struct rl_neighbour *nb)
{
    struct survey survey = {.ticks = ticks, .n = n, .clock = clock, .nb = nb};
    struct team team = {.work = survey_work, .context = &survey};

    return run_team(&team, &cpu, 1);
}

/* --- placement --- */

struct bounce {
    RL_ALIGNED _Atomic uint32_t ball; /* even: with side 0; odd: with side 1 */
    RL_ALIGNED uint32_t n_batches;
    uint64_t mticks[RL_PLACEMENT_MAX_BATCHES]; /* side 0 writes */
};

static void bounce_work(void *context, uint32_t side)
{
    struct bounce *b = context;
    uint32_t ball = side; /* the value that means: my turn */

    for (uint32_t batch = 0; batch < b->n_batches; batch++) {
        uint64_t from = rl_tsc_begin();

        for (uint32_t i = 0; i < RL_PLACEMENT_BATCH; i++) {
            /* Relaxed: nothing but the ball itself is handed over. */
            while (atomic_load_explicit(&b->ball, memory_order_relaxed) != ball)
                ;
            atomic_store_explicit(&b->ball, ball + 1, memory_order_relaxed);
            ball += 2;
        }
        if (side == 0)
            b->mticks[batch] = (rl_tsc_end() - from) * 1000 / RL_PLACEMENT_BATCH;
    }
}

int rl_placement_probe(int cpu_a, int cpu_b, uint32_t n_batches, struct rl_placement *out)
{
    struct bounce bounce = {.n_batches = n_batches};
    struct team team = {.work = bounce_work, .context = &bounce};
    const int cpus[2] = {cpu_a, cpu_b};
    int err;

    if (n_batches == 0 || n_batches > RL_PLACEMENT_MAX_BATCHES)
        return -EINVAL;
    err = run_team(&team, cpus, 2);
    if (err != 0)
        return err;
    *out = (struct rl_placement){.min_mticks = UINT64_MAX, .n_batches = n_batches};
    for (uint32_t i = 0; i < n_batches; i++) {
        if (bounce.mticks[i] < out->min_mticks)
            out->min_mticks = bounce.mticks[i];
        if (bounce.mticks[i] > out->max_mticks)
            out->max_mticks = bounce.mticks[i];
    }
    out->median_mticks = rl_stats_median(bounce.mticks, n_batches);
    return 0;
}
