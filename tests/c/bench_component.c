/*
 * Every component in every regime it knows, on this machine: the figures of the report, in text.
 *
 *     bench_component [seconds [name-prefix [capture]]]
 *
 * A capture is a path below ../shared/data or $REDLINE_DATA ("fix/nos_1k.fix",
 * "itch/itch50-1m.bin.zst"); without one the streams are synthetic. `quiet` is of the chunks
 * between two neighbour probes at full speed. chain and tput are means of batches; per_op is each
 * operation between fences, and so includes the empty pair; replay is the whole input in chunks of
 * a thousand, the fastest of nine and the mean of all. `make perf` sets peers beside these.
 */
#include "base/cpu.h"
#include "capture.h"
#include "rig/component/component.h"
#include "streams.h"

static uint64_t counts[RL_N_COMPONENT_HISTS * RL_HIST_N_COUNTS];
static struct rl_clock hertz;

static double ns(uint64_t ticks)
{
    return (double)ticks * 1e9 / (double)hertz.tsc_hz;
}

static void print_result(const struct rl_component_config *config,
                         const struct rl_component_result *r)
{
    printf("%s %s: %" PRIu64 " ops, %" PRIu64 " inputs (%" PRIu64 " KiB), %" PRIu64
           " live orders, quiet %.0f %%, hash %016" PRIx64 "%s\n",
           rl_component_name(config->component), rl_regime_name(config->regime), r->n_ops,
           r->n_inputs, r->n_input_bytes / 1024, r->n_live_orders,
           100.0 * (double)r->n_quiet_chunks / (double)r->n_chunks, r->answer_hash,
           r->n_wrong == 0 ? "" : "  WRONG ANSWERS");
    for (int i = 0; i < RL_N_COMPONENT_HISTS; i++) {
        const struct rl_hist *h = &r->hist[i];
        double unit = rl_component_hist_unit((unsigned)i)[0] == 'm' ? 1e-3 : 1;

        if (h->n_total > 0)
            printf("  %-13s n %8" PRIu64
                   "  min %8.2f  p50 %8.2f  p99 %8.2f  p99.9 %9.2f  max %9.0f ns\n",
                   rl_component_hist_name((unsigned)i), h->n_total, unit * ns(h->min),
                   unit * ns(rl_hist_percentile(h, 50)), unit * ns(rl_hist_percentile(h, 99)),
                   unit * ns(rl_hist_percentile(h, 99.9)), unit * ns(h->max));
    }
    if (r->n_replay_ops > 0)
        printf("  replay        n %8" PRIu64 "  fastest %.2f  mean %.2f ns\n", r->n_replay_ops,
               1e-3 * ns(r->replay_fastest_mticks), 1e-3 * ns(r->replay_mean_mticks));
    printf("  floor chain %.2f tput %.2f ns, batch %" PRIu64
           ", first op %.0f ns, warm-up %.0f ms %s; "
           "%" PRIu64 " allocations, %" PRIu64 " faults, %" PRIu64 " switches\n",
           1e-3 * ns(r->floor_chain_mticks), 1e-3 * ns(r->floor_tput_mticks), r->batch_n_ops,
           ns(r->first_op_ticks), (double)r->warmup_ns * 1e-6,
           r->warmup_settled ? "settled" : "NOT settled", r->usage.n_allocs,
           r->usage.minflt + r->usage.majflt, r->usage.nvcsw + r->usage.nivcsw);
}

/* What components read, by how their names begin; order.id and others read nothing. */
struct inputs {
    struct rl_stream itch, market_data, orders, capture;
};

static const struct rl_stream *input_of(const struct inputs *in, const char *name)
{
    if (in->capture.n_recs > 0)
        return &in->capture;
    if (strcmp(name, "fix.encode") == 0)
        return &in->orders;
    return strncmp(name, "fix.", 4) == 0 ? &in->market_data : &in->itch;
}

static struct rl_stream capture_stream(const char *name)
{
    static const enum rl_feed_kind feeds[] = {
        [RL_SOURCE_ITCH_FILE] = RL_FEED_ITCH,
        [RL_SOURCE_DBN] = RL_FEED_DBN,
        [RL_SOURCE_FIX_LOG] = RL_FEED_FIX,
    };
    struct capture c = capture_read(name);
    enum rl_source source = rl_replay_guess(c.bytes, c.n_bytes);
    struct rl_replay_error error;
    struct rl_stream_rec *recs;
    uint64_t n = 0;

    if (source >= RL_COUNT(feeds) ||
        rl_replay_index(source, c.bytes, c.n_bytes, NULL, 0, &n, &error) != 0) {
        fprintf(stderr, "%s: neither ITCH, DBN nor FIX messages\n", name);
        exit(2);
    }
    recs = calloc(n, sizeof(*recs));
    CHECK(recs != NULL);
    CHECK_EQ(rl_replay_index(source, c.bytes, c.n_bytes, recs, n, &n, &error), 0);
    return (struct rl_stream){.bytes = c.bytes,
                              .n_bytes = c.n_bytes,
                              .recs = recs,
                              .n_recs = n,
                              .loop_from = n,
                              .framing = RL_FRAMING_RAW,
                              .feed = feeds[source]};
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 0.5;
    const char *prefix = argc > 2 ? argv[2] : "";
    struct inputs in = {.itch = itch_stream(20000, 2000, 1),
                        .market_data = fix_stream(131072, 2),
                        .orders = order_stream(1000, 3)};
    int64_t ppb;
    int cpu;

    if (argc > 3)
        in.capture = capture_stream(argv[3]);
    CHECK(rl_cpu_allowed(&cpu, 1) >= 1);
    CHECK_EQ(rl_clock_calibrate(&hertz, 200000000, &ppb), 0);
    for (unsigned component = 0; component < RL_N_COMPONENTS; component++) {
        for (unsigned regime = 0; regime < RL_N_REGIMES; regime++) {
            const char *name = rl_component_name(component);
            struct rl_component_config config = {
                .component = component,
                .regime = regime,
                .cpu = cpu,
                .seed = 1,
                .clock = &hertz,
                .stream = input_of(&in, name),
                .books = {.n_instruments = 256, .n_orders = 1U << 17, .n_levels_per_side = 4096},
                .warmup_min_ns = 50000000,
                .warmup_max_ns = 1000000000,
                .duration_ns = (uint64_t)(seconds * 1e9),
            };
            struct rl_component_result r;

            if (strncmp(name, prefix, strlen(prefix)) != 0)
                continue;
            CHECK_EQ(rl_component_result_init(&r, counts, sizeof(counts)), 0);
            if (rl_component_run(&config, &r) == 0)
                print_result(&config, &r);
        }
    }
    stream_free(&in.itch);
    stream_free(&in.market_data);
    stream_free(&in.orders);
    stream_free(&in.capture);
    return 0;
}
