#include "base/clock.h"

#include "base/cpu.h"
#include "base/hist.h"

#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define NS_PER_S 1000000000ULL
#define N_BRACKETS 50 /* a bracket free of interrupts is among so many even on a busy guest */

static uint64_t mul_div(uint64_t a, uint64_t b, uint64_t divisor)
{
    return (uint64_t)(((unsigned __int128)a * b + divisor / 2) / divisor);
}

int rl_clock_from_hz(struct rl_clock *c, uint64_t hz)
{
    if (hz < 100000000ULL || hz > 100 * NS_PER_S) /* slower: tick_mult would be off by ppb */
        return -EINVAL;
    *c = (struct rl_clock){.tsc_hz = hz,
                           .ns_mult = mul_div(NS_PER_S, 1ULL << 32, hz),
                           .tick_mult = mul_div(hz, 1ULL << 32, NS_PER_S)};
    return 0;
}

int rl_clock_check(struct rl_clock_caps *caps)
{
    uint32_t a = 0, b = 0, c = 0, d = 0, highest_extended;

    memset(caps, 0, sizeof(*caps));
    __cpuid(0, a, b, c, d);
    memcpy(caps->vendor, &b, 4);
    memcpy(caps->vendor + 4, &d, 4);
    memcpy(caps->vendor + 8, &c, 4);
    __cpuid(1, a, b, c, d);
    caps->stepping = a & 0xf;
    caps->model = (a >> 4) & 0xf;
    caps->family = (a >> 8) & 0xf;
    if (caps->family == 6 || caps->family == 15) /* the two that use the extended model */
        caps->model |= (a >> 12) & 0xf0;
    if (caps->family == 15)
        caps->family += (a >> 20) & 0xff;
    caps->hypervisor = (c >> 31) != 0;
    __cpuid(0x80000000, highest_extended, b, c, d);
    if (highest_extended >= 0x80000001) {
        __cpuid(0x80000001, a, b, c, d);
        caps->rdtscp = ((d >> 27) & 1) != 0;
    }
    if (highest_extended >= 0x80000007) {
        __cpuid(0x80000007, a, b, c, d);
        caps->invariant_tsc = ((d >> 8) & 1) != 0;
    }
    if (highest_extended >= 0x80000004) {
        for (uint32_t i = 0; i < 3; i++) {
            uint32_t regs[4];

            __cpuid(0x80000002 + i, regs[0], regs[1], regs[2], regs[3]);
            memcpy(caps->brand + 16 * i, regs, sizeof(regs));
        }
    }
    return caps->invariant_tsc && caps->rdtscp ? 0 : -ENOTSUP;
}

uint64_t rl_clock_pair(clockid_t id, uint64_t *tsc, uint64_t *ns)
{
    uint64_t best = UINT64_MAX;

    for (int i = 0; i < N_BRACKETS; i++) {
        struct timespec now;
        uint64_t from = rl_tsc_begin();

        clock_gettime(id, &now);
        uint64_t width = rl_tsc_end() - from;

        if (width < best) {
            best = width;
            *tsc = from + width / 2;
            *ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
        }
    }
    return best / 2;
}

static void sleep_ns(uint64_t ns)
{
    struct timespec left = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

int rl_clock_calibrate(struct rl_clock *c, uint64_t window_ns, int64_t *disagree_ppb)
{
    uint64_t tsc[3], ns[3];
    double hz[2];
    int err;

    if (window_ns < 1000000)
        return -EINVAL;
    for (int i = 0; i < 3; i++) {
        if (i > 0)
            sleep_ns(window_ns);
        rl_clock_pair(CLOCK_MONOTONIC_RAW, &tsc[i], &ns[i]);
    }
    for (int i = 0; i < 2; i++)
        hz[i] = (double)(tsc[i + 1] - tsc[i]) / (double)(ns[i + 1] - ns[i]);
    *disagree_ppb = (int64_t)((hz[1] / hz[0] - 1) * 1e9);
    err = rl_clock_from_hz(c, mul_div(tsc[2] - tsc[0], NS_PER_S, ns[2] - ns[0]));
    c->tsc_base = tsc[2];
    c->raw_base_ns = ns[2];
    return err;
}

/* --- quantum --- */

#define N_DIFFERENCES 2048 /* ticks; an undisturbed pair of reads is far below on any CPU */
#define N_QUANTUM_READS 100000
/* Not 1: cores bump the second of two reads inside one step, so that no reading repeats. */
#define FIRST_DIFFERENCE 2

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* Work of varied length between two reads, so that a constant distance cannot look like a step. */
static inline void linger(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        __asm__ volatile("" : "+r"(i));
}

/*
 * The distance of neighbouring clusters of differences. A counter that the hypervisor scales rounds
 * each of its steps up or down, so a cluster is up to three ticks wide and the gcd sees only 1. A
 * wider cluster belongs to a counter without steps: 0.
 */
static uint64_t cluster_step(const uint32_t *counts, uint32_t rare)
{
    uint64_t first = 0, last = 0, step = 0;

    for (uint64_t i = FIRST_DIFFERENCE; i < N_DIFFERENCES; i++) {
        if (counts[i] < rare)
            continue;
        if (last == 0 || i - last > 1) {
            if (last != 0 && (step == 0 || i - last < step))
                step = i - last;
            first = i;
        }
        last = i;
        if (last - first > 2)
            return 0;
    }
    return step;
}

void rl_clock_quantum(struct rl_clock_quantum *q)
{
    const uint32_t rare = N_QUANTUM_READS / 500; /* fewer are disturbances, not steps */
    uint32_t close[N_DIFFERENCES] = {0}, varied[N_DIFFERENCES] = {0};
    uint64_t mode = 0, divisor = 0, step;

    for (uint32_t i = 0; i < N_QUANTUM_READS; i++) {
        uint64_t from = rl_tsc(), ticks = rl_tsc() - from;

        if (ticks < N_DIFFERENCES)
            close[ticks]++;
        from = rl_tsc();
        linger(i * 7 % 61); /* coprime: every length 0..60 equally often */
        ticks = rl_tsc() - from;
        if (ticks < N_DIFFERENCES)
            varied[ticks]++;
    }
    for (uint64_t i = FIRST_DIFFERENCE; i < N_DIFFERENCES; i++) {
        if (close[i] > close[mode])
            mode = i;
        if (varied[i] >= rare)
            divisor = gcd(i, divisor);
    }
    step = cluster_step(varied, rare);
    *q = (struct rl_clock_quantum){
        .mode_ticks = mode, .gcd_ticks = divisor == 0 ? 1 : divisor, .n_reads = N_QUANTUM_READS};
    q->quantum_ticks = step > q->gcd_ticks ? step : q->gcd_ticks;
}

uint64_t rl_clock_quantum_ticks(void)
{
    struct rl_clock_quantum q;

    rl_clock_quantum(&q);
    return q.quantum_ticks;
}

/* --- costs --- */

const char *rl_clock_cost_name(enum rl_clock_cost which)
{
    static const char *const names[] = {
#define X(id, name) [id] = name,
        RL_CLOCK_COSTS(X)
#undef X
    };

    return (uint32_t)which < RL_N_CLOCK_COSTS ? names[which] : "?";
}

static inline uint64_t rdtscp_alone(void)
{
    uint32_t tag;

    return __builtin_ia32_rdtscp(&tag);
}

static inline void gettime_once(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    __asm__ volatile("" : : "m"(now));
}

uint64_t rl_clock_cost(enum rl_clock_cost which, uint64_t n, struct rl_hist *ticks)
{
    uint64_t n_cut = 0;
    uint32_t tag_before, tag_after;

    rl_tsc_end_tag(&tag_before);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t from = 0, to = 0;

        switch (which) {
        case RL_COST_FENCED:
            from = rl_tsc_begin();
            to = rl_tsc_end();
            break;
        case RL_COST_RDTSC:
            from = rl_tsc();
            to = rl_tsc();
            break;
        case RL_COST_RDTSCP:
            from = rdtscp_alone();
            to = rdtscp_alone();
            break;
        case RL_COST_CLOCK_GETTIME:
            from = rl_tsc_begin();
            gettime_once();
            to = rl_tsc_end();
            break;
        case RL_N_CLOCK_COSTS:
            break;
        }
        rl_tsc_end_tag(&tag_after);
        if (tag_after != tag_before || to < from)
            n_cut++;
        else
            rl_hist_record(ticks, to - from);
        tag_before = tag_after;
    }
    return n_cut;
}

#define TIME_BATCH(statement)              \
    do {                                   \
        uint64_t from = rl_tsc_begin();    \
                                           \
        for (uint32_t i = 0; i < n; i++) { \
            statement;                     \
        }                                  \
        ticks = rl_tsc_end() - from;       \
    } while (0)

uint64_t rl_clock_batch_cost(enum rl_clock_cost which, uint32_t n)
{
    uint64_t best = UINT64_MAX, ticks = 0, sink = 0;

    if (n == 0)
        return 0;
    for (int batch = 0; batch < N_BRACKETS; batch++) {
        switch (which) {
        case RL_COST_FENCED:
            TIME_BATCH(sink += rl_tsc_begin(); sink += rl_tsc_end());
            break;
        case RL_COST_RDTSC:
            TIME_BATCH(sink += rl_tsc());
            break;
        case RL_COST_RDTSCP:
            TIME_BATCH(sink += rdtscp_alone());
            break;
        case RL_COST_CLOCK_GETTIME:
            TIME_BATCH(gettime_once());
            break;
        case RL_N_CLOCK_COSTS:
            return 0;
        }
        __asm__ volatile("" : : "r"(sink));
        if (ticks < best)
            best = ticks;
    }
    return mul_div(best, 1000, n);
}

/* --- offset between two CPUs --- */

struct ping_pong {
    RL_ALIGNED _Atomic uint32_t ping; /* a writes: number of the round */
    RL_ALIGNED _Atomic uint32_t pong; /* b writes: number answered */
    uint64_t stamp;                   /* b writes before pong: b's counter when it saw the ping */
    RL_ALIGNED uint32_t n_rounds;
    int cpu[2], err[2];
    pthread_barrier_t pinned;
    struct rl_clock_offset *out;
};

static bool both_pinned(struct ping_pong *p, int side)
{
    p->err[side] = rl_cpu_pin(p->cpu[side]);
    pthread_barrier_wait(&p->pinned);
    return p->err[0] == 0 && p->err[1] == 0;
}

static void *answer_pings(void *arg)
{
    struct ping_pong *p = arg;

    if (!both_pinned(p, 1))
        return NULL;
    for (uint32_t round = 1; round <= p->n_rounds; round++) {
        /* O1 acquire, pairs with the release in send_pings: the stamp is later than the ping. */
        while (atomic_load_explicit(&p->ping, memory_order_acquire) != round)
            ;
        p->stamp = rl_tsc_begin();
        /* O2 release, pairs with the acquire in send_pings: the stamp travels with the answer. */
        atomic_store_explicit(&p->pong, round, memory_order_release);
    }
    return NULL;
}

static void *send_pings(void *arg)
{
    struct ping_pong *p = arg;
    struct rl_clock_offset best = {.rtt_ticks = UINT64_MAX};

    if (!both_pinned(p, 0))
        return NULL;
    for (uint32_t round = 1; round <= p->n_rounds; round++) {
        uint64_t from = rl_tsc_begin();

        atomic_store_explicit(&p->ping, round, memory_order_release);         /* O1 */
        while (atomic_load_explicit(&p->pong, memory_order_acquire) != round) /* O2 */
            ;
        uint64_t to = rl_tsc_end();

        if (p->stamp < from || p->stamp > to)
            best.n_violations++;
        if (to - from < best.rtt_ticks) {
            best.rtt_ticks = to - from;
            best.bound_ticks = (to - from + 1) / 2;
            best.offset_ticks = (int64_t)(p->stamp - (from + (to - from) / 2));
        }
    }
    *p->out = best;
    return NULL;
}

int rl_clock_offset(int cpu_a, int cpu_b, uint32_t n_rounds, struct rl_clock_offset *out)
{
    struct ping_pong p = {.n_rounds = n_rounds, .cpu = {cpu_a, cpu_b}, .out = out};
    pthread_t a, b;
    int err;

    if (cpu_a == cpu_b || n_rounds == 0)
        return -EINVAL;
    pthread_barrier_init(&p.pinned, NULL, 2);
    err = -pthread_create(&a, NULL, send_pings, &p);
    if (err != 0)
        goto out_barrier;
    err = -pthread_create(&b, NULL, answer_pings, &p);
    if (err != 0) {
        /* a waits for b in the barrier: take b's place and refuse. */
        p.err[1] = err;
        pthread_barrier_wait(&p.pinned);
    } else {
        pthread_join(b, NULL);
    }
    pthread_join(a, NULL);
    if (err == 0)
        err = p.err[0] != 0 ? p.err[0] : p.err[1];
out_barrier:
    pthread_barrier_destroy(&p.pinned);
    return err;
}
