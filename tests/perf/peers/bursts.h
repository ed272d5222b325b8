/*
 * bursts - times what a log call costs its caller, the same way for every log: bursts of 20 calls
 * after pauses, as orders come, while the log's own thread takes the records away.
 *
 *     PROGRAM MODE PREFIX CPU TSC_HZ SECONDS
 *
 * A log is a struct burst_log, and main() is `return bursts_main(...)` with its append, which is
 * compiled into the loops. It may write to files whose names begin with PREFIX. In every second
 * burst each call is timed alone, between fences; the others are timed whole. In the pauses an
 * empty pair is timed and other memory is touched, as an engine does between two orders. Calls are
 * made on CPU, everything else runs on another one where there is one.
 *
 * Prints one JSON object: ticks of single calls, of whole bursts and of empty pairs (value: count),
 * the middle whole burst by its calls, how many records were appended and not found afterwards, how
 * many calls were refused, and the answer: the sum of what was found. Fences are those of
 * csrc/rig/component/component.h. For C and C++.
 */
#ifndef RL_PERF_BURSTS_H
#define RL_PERF_BURSTS_H

#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST 20
#define BURST_PAUSE_NS 100000
#define BURSTS_TO_WARM_UP 200
#define BURST_OTHER_BYTES (256u << 10)
#define BURST_INLINE static inline __attribute__((always_inline))

/* What every log is given: enough for an order. */
struct burst_order {
    uint64_t id, ref;
    int64_t px_nano;
    uint64_t qty;
    uint32_t instrument;
};

struct burst_found {
    uint64_t n_records; /* that came out at the other end */
    uint64_t sum;       /* of their ids */
    uint64_t n_bad;     /* of them not what was appended, or not in order */
};

struct burst_log {
    const char *about;
    /* Threads of the log run on `cpu`. False: said on stderr. */
    bool (*open)(const char *prefix, int cpu, uint64_t tsc_hz);
    /* Everything is written; reads it back. */
    struct burst_found (*close)(void);
};

/* One call, which false refuses. */
typedef bool burst_append(const struct burst_order *order);

BURST_INLINE uint64_t burst_begin(void)
{
    uint64_t ticks;

    __asm__ volatile("lfence\n\trdtsc\n\tlfence\n\tshlq $32, %%rdx\n\torq %%rdx, %%rax"
                     : "=a"(ticks)
                     :
                     : "rdx", "memory", "cc");
    return ticks;
}

BURST_INLINE uint64_t burst_end(void)
{
    uint64_t ticks;

    __asm__ volatile("rdtscp\n\tlfence\n\tshlq $32, %%rdx\n\torq %%rdx, %%rax"
                     : "=a"(ticks)
                     :
                     : "rcx", "rdx", "memory", "cc");
    return ticks;
}

/* The first CPU but this one that may be used, or this one. */
static inline int burst_other_cpu(int cpu)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    sched_getaffinity(0, sizeof cpus, &cpus);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (i != cpu && CPU_ISSET(i, &cpus))
            return i;
    return cpu;
}

static inline bool burst_pin(int cpu)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    return sched_setaffinity(0, sizeof cpus, &cpus) == 0;
}

static inline int burst_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* "name": {"value": count, ...}; sorts. */
static inline void burst_print_counts(const char *name, uint64_t *ticks, size_t n)
{
    size_t first = 0;

    qsort(ticks, n, sizeof *ticks, burst_compare);
    printf(", \"%s\": {", name);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && ticks[i + 1] == ticks[i])
            continue;
        printf("%s\"%" PRIu64 "\": %zu", first == 0 ? "" : ", ", ticks[i], i + 1 - first);
        first = i + 1;
    }
    printf("}");
}

struct burst_ticks {
    uint64_t *calls, *wholes, *pairs;
    size_t n_bursts, n_calls, n_wholes;
};

/* One burst from id on; the number of calls refused. */
BURST_INLINE unsigned burst_once(burst_append *append, uint64_t id, uint64_t *calls,
                                 uint64_t *whole)
{
    struct burst_order order = {id, id ^ 0x55, (int64_t)(100000000000 + id), 100, 7};
    unsigned n_refused = 0;
    uint64_t begin = burst_begin();

    for (unsigned i = 0; i < BURST; i++, order.id++, order.px_nano++) {
        if (calls != NULL)
            begin = burst_begin();
        n_refused += !append(&order);
        if (calls != NULL)
            calls[i] = burst_end() - begin;
    }
    if (whole != NULL)
        *whole = burst_end() - begin;
    return n_refused;
}

/* Between two bursts: other work, an empty pair, and time. */
static inline uint64_t burst_pause(uint64_t pause_ticks, uint64_t *random)
{
    static uint8_t other_work[BURST_OTHER_BYTES];
    uint64_t until = burst_end() + pause_ticks, begin, pair;

    for (unsigned i = 0; i < 512; i++) {
        *random = *random * 6364136223846793005u + 1442695040888963407u;
        other_work[(*random >> 33) % BURST_OTHER_BYTES]++;
    }
    begin = burst_begin();
    pair = burst_end() - begin;
    while (burst_end() < until)
        __asm__ volatile("pause");
    return pair;
}

/* All bursts; the number of calls refused. */
BURST_INLINE uint64_t burst_all(burst_append *append, struct burst_ticks *t, uint64_t pause_ticks)
{
    uint64_t id = 1, random = 1, n_refused = 0, scrap[BURST];

    for (size_t i = 0; i < BURSTS_TO_WARM_UP + t->n_bursts; i++, id += BURST) {
        uint64_t pair = burst_pause(pause_ticks, &random);
        bool counts = i >= BURSTS_TO_WARM_UP;

        if (counts)
            t->pairs[i - BURSTS_TO_WARM_UP] = pair;
        if (i % 2 == 0) {
            n_refused += burst_once(append, id, NULL, counts ? &t->wholes[t->n_wholes] : scrap);
            t->n_wholes += counts;
        } else {
            n_refused += burst_once(append, id, counts ? &t->calls[t->n_calls] : scrap, NULL);
            t->n_calls += counts ? BURST : 0;
        }
    }
    return n_refused;
}

static inline void burst_report(const struct burst_log *log, struct burst_ticks *t,
                                uint64_t n_refused, struct burst_found found)
{
    uint64_t n = (BURSTS_TO_WARM_UP + t->n_bursts) * BURST - n_refused;

    printf("{\"about\": \"%s\", \"n_wrong\": %" PRIu64 ", \"n_refused\": %" PRIu64
           ", \"n_lost\": %" PRIu64 ", \"n_records\": %" PRIu64 ", \"answer\": \"%016" PRIx64 "\"",
           log->about, found.n_bad + (found.n_records > n), n_refused,
           found.n_records < n ? n - found.n_records : 0, n, found.sum);
    burst_print_counts("per_op", t->calls, t->n_calls);
    burst_print_counts("per_burst", t->wholes, t->n_wholes);
    burst_print_counts("pair", t->pairs, t->n_bursts);
    printf(", \"n_ops\": %d, \"fastest_ticks\": null, \"mean_ticks\": %" PRIu64 "}\n", BURST,
           t->wholes[t->n_wholes / 2]); /* sorted by now */
}

/* argv as above without MODE. */
BURST_INLINE int bursts_main(char **argv, const struct burst_log *log, burst_append *append)
{
    const int cpu = atoi(argv[1]);
    const double tsc_hz = atof(argv[2]), seconds = atof(argv[3]);
    struct burst_ticks t = {NULL, NULL, NULL, 0, 0, 0};
    struct burst_found found;
    uint64_t n_refused;

    t.n_bursts = 2 * (size_t)(seconds * 1e9 / BURST_PAUSE_NS) + 20;
    t.calls = (uint64_t *)malloc(t.n_bursts * BURST * sizeof *t.calls);
    t.wholes = (uint64_t *)malloc(t.n_bursts * sizeof *t.wholes);
    t.pairs = (uint64_t *)malloc(t.n_bursts * sizeof *t.pairs);
    if (t.calls == NULL || t.wholes == NULL || t.pairs == NULL) {
        fprintf(stderr, "no memory\n");
        return 2;
    }
    memset(t.calls, 0, t.n_bursts * BURST * sizeof *t.calls); /* no page is missing later */
    memset(t.wholes, 0, t.n_bursts * sizeof *t.wholes);
    memset(t.pairs, 0, t.n_bursts * sizeof *t.pairs);
    if (!log->open(argv[0], burst_other_cpu(cpu), (uint64_t)tsc_hz))
        return 2;
    if (!burst_pin(cpu)) {
        fprintf(stderr, "CPU %d may not be used\n", cpu);
        return 2;
    }
    n_refused = burst_all(append, &t, (uint64_t)(tsc_hz * BURST_PAUSE_NS / 1e9));
    found = log->close();
    burst_report(log, &t, n_refused, found);
    free(t.calls);
    free(t.wholes);
    free(t.pairs);
    return 0;
}

#endif
