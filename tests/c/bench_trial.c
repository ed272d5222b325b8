/*
 * Figures of whole trials, printed: wire and service times of the engine and of the null bench.
 * Usage: bench_trial [messages a second] [seconds] [each n-th signal]
 */
#include "trial_bench.h"

static void print_hist(const char *name, const struct rl_hist *h)
{
    printf("  %-9s n %9" PRIu64 "  min %7" PRIu64 "  p50 %7" PRIu64 "  p90 %7" PRIu64
           "  p99 %8" PRIu64 "  p99.9 %8" PRIu64 "  max %9" PRIu64 " ns\n",
           name, h->n_total, h->n_total ? h->min : 0, rl_hist_percentile(h, 50),
           rl_hist_percentile(h, 90), rl_hist_percentile(h, 99), rl_hist_percentile(h, 99.9),
           h->max);
}

static void run(const char *title, struct rl_trial_config *c)
{
    struct rl_trial *t = trial_open(c);
    struct rl_identity broken;
    struct rl_usage engine = {0}, rig = {0};
    const char *name;

    CHECK_EQ(rl_trial_start(t), 0);
    trial_wait(t);
    name = rl_trial_check(t, &broken);
    printf("%s: %" PRIu64 " frames, %" PRIu64 " lost, %" PRIu64 " orders\n", title,
           rl_counted(&t->blast.n.frames_sent), rl_counted(&t->blast.n.frames_unsent),
           rl_counted(&t->engine.oms.n.orders_sent));
    if (name)
        printf("  BROKEN: %s: %" PRIu64 " and %" PRIu64 "\n", name, broken.left, broken.right);
    for (unsigned i = 0; i < RL_TRIAL_N_HISTS; i++)
        if (rl_trial_hist(t, i)->n_total > 0)
            print_hist(rl_trial_hist_names[i], rl_trial_hist(t, i));
    if (rl_trial_usage(t, &engine, &rig))
        printf("  engine: %" PRIu64 " allocs, %" PRIu64 " faults, %" PRIu64
               " involuntary switches; "
               "rig: %" PRIu64 ", %" PRIu64 ", %" PRIu64 "\n",
               engine.n_allocs, engine.minflt + engine.majflt, engine.nivcsw, rig.n_allocs,
               rig.minflt + rig.majflt, rig.nivcsw);
    rl_trial_close(t);
}

int main(int argc, char **argv)
{
    static const enum rl_feed_kind formats[] = {RL_FEED_ITCH, RL_FEED_FIX};
    static const char *const names[] = {"itch", "fix"};
    uint64_t rate = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 2;
    uint32_t every = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 5;

    for (int i = 0; i < 2; i++) {
        struct market m = {.format = formats[i], .n_instruments = 100, .n_body = 200000, .seed = 3};
        struct rl_stream stream = market_stream(&m);
        struct rl_trial_config c = trial_config(stream, (uint64_t)((double)rate * seconds));
        static uint64_t due_ns[1000];
        char title[64];

        for (uint64_t k = 0; k < RL_COUNT(due_ns); k++)
            due_ns[k] = k * 1000000000ULL / rate;
        c.schedule =
            (struct rl_schedule){due_ns, RL_COUNT(due_ns), RL_COUNT(due_ns) * 1000000000ULL / rate};
        c.n_instruments = 128;
        c.n_market_bytes = 4 << 20;
        c.n_session_bytes = 1 << 20;
        c.n_audit_slots = 1 << 21;
        c.strategy.every = every;
        c.arena_flags = RL_ARENA_ALL;
        for (int timed = 0; timed < 2; timed++) {
            snprintf(title, sizeof title, "%s%s", names[i], timed ? ", stages timed" : "");
            c.stage_timing = timed;
            run(title, &c);
        }
        c.stage_timing = false;
        c.mode = RL_TRIAL_REFLECT;
        c.reflect_every = 20;
        snprintf(title, sizeof title, "%s, null bench", names[i]);
        run(title, &c);
        stream_free(&stream);
    }
    return 0;
}
