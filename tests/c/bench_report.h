/*
 * bench_report - the figures of a bench as lines of JSON beside its text, for `make perf`.
 *
 *     report_options(&argc, argv);   takes --json out of the arguments
 *     report_clock(&clock);          once it is calibrated, on the thread that is timed
 *     report_from(); ... report_chunk(); ... report_chunk();
 *     report_row(row, input, ns, n); report_chunks(ticks, n_chunks, n_ops); report_end();
 *     report_state(input, answer, wrong, equals);
 *
 * A row line is one run: ns an operation, over n of them; several lines of one name are several
 * runs. A state line says whether what the runs over an input left behind was right (`wrong` is
 * empty), and what it was compared with. Without --json nothing is printed, probed or counted.
 */
#ifndef RL_TESTS_BENCH_REPORT_H
#define RL_TESTS_BENCH_REPORT_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hist.h"
#include "rig/trial/probe.h"

static struct {
    struct rl_neighbour neighbour;
    uint64_t n_chunks, n_quiet; /* between two probes at full speed */
    double ns_per_tick;
    bool is_on, has_clock, was_quiet;
} reported;

static inline void report_options(int *argc, char **argv)
{
    int n = 1;

    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            reported.is_on = true;
        else
            argv[n++] = argv[i];
    }
    argv[n] = NULL;
    *argc = n;
}

/* Takes NAME VALUE out of the arguments: the value, or NULL. */
static inline const char *report_option(int *argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < *argc; i++) {
        const char *value = argv[i + 1];

        if (strcmp(argv[i], name) != 0)
            continue;
        *argc -= 2;
        for (; i <= *argc; i++)
            argv[i] = argv[i + 2];
        return value;
    }
    return NULL;
}

static inline void report_clock(const struct rl_clock *clock)
{
    if (!reported.is_on)
        return;
    reported.ns_per_tick = 1e9 / (double)clock->tsc_hz;
    reported.has_clock = true;
    rl_neighbour_init(&reported.neighbour, clock);
}

static inline bool report_is_quiet(void)
{
    struct rl_neighbour *nb = &reported.neighbour;

    return rl_neighbour_is_quiet(nb, rl_neighbour_probe(nb));
}

/* Before the first chunk of a row. */
static inline void report_from(void)
{
    if (!reported.has_clock)
        return;
    reported.n_chunks = reported.n_quiet = 0;
    reported.was_quiet = report_is_quiet();
}

/* Behind each chunk, outside of what is timed. */
static inline void report_chunk(void)
{
    bool is_quiet;

    if (!reported.has_clock)
        return;
    is_quiet = report_is_quiet();
    reported.n_chunks++;
    reported.n_quiet += is_quiet && reported.was_quiet;
    reported.was_quiet = is_quiet;
}

/* ns 0: there are only single operations (report_hist). */
static inline void report_row(const char *row, const char *input, double ns, uint64_t n)
{
    if (!reported.is_on)
        return;
    printf("{\"row\": \"%s\", \"input\": \"%s\", \"n\": %" PRIu64 ", \"ns\": %.4f", row, input, n,
           ns);
}

/* Of chunks of so many operations, in the order in which they ran: ns an operation of each. */
static inline void report_chunks(const uint64_t *ticks, uint64_t n_chunks, double n_ops)
{
    if (!reported.is_on)
        return;
    printf(", \"n_probed\": %" PRIu64 ", \"n_quiet\": %" PRIu64 ", \"chunks\": [",
           reported.n_chunks, reported.n_quiet);
    for (uint64_t i = 0; i < n_chunks; i++)
        printf("%s%.2f", i ? "," : "", (double)ticks[i] * reported.ns_per_tick / n_ops);
    printf("]");
}

/* Of single operations: how often each value was seen, in units of so many ns. */
static inline void report_hist(const struct rl_hist *h, double ns_per_unit)
{
    const char *comma = "";

    if (!reported.is_on)
        return;
    printf(", \"ns_per_unit\": %.9f, \"max\": %" PRIu64 ", \"per_op\": {", ns_per_unit, h->max);
    for (uint32_t i = 0; i < h->n_counts; i++) {
        if (h->counts[i] == 0)
            continue;
        printf("%s\"%" PRIu64 "\": %" PRIu64, comma, rl_hist_lower_edge(h, i), h->counts[i]);
        comma = ", ";
    }
    printf("}");
}

static inline void report_end(void)
{
    if (reported.is_on)
        printf("}\n");
}

/* `answer`: the same in every run; 0: there is none. */
static inline void report_state(const char *input, uint64_t answer, const char *wrong,
                                const char *equals)
{
    if (reported.is_on)
        printf("{\"state\": \"%s\", \"answer\": \"%016" PRIx64
               "\", \"wrong\": \"%s\", \"equals\": \"%s\"}\n",
               input, answer, wrong, equals);
}

#endif
