/*
 * kill_bench - trials in which the kill switch is tripped again and again, and what must come of
 * it.
 */
#ifndef RL_TESTS_KILL_BENCH_H
#define RL_TESTS_KILL_BENCH_H

#include "trial_bench.h"

/* Every fourth order rests; a trip about every 100 to 200 frames of 5 us; patient. */
static inline struct rl_trial_config kill_config(struct rl_stream stream, uint64_t n_frames,
                                                 enum rl_tripper tripper, uint32_t n_trips)
{
    struct rl_trial_config c = trial_config(stream, n_frames);

    c.n_warmup_frames = 100;
    c.strategy.is_day = true;
    c.rules = (struct rl_counterparty_rules){.hold_every = 4, .n_resting = 1024};
    c.kill = (struct rl_kill_plan){.n_trips = n_trips,
                                   .tripper = tripper,
                                   .first_frame = 2000,
                                   .every_frames = 500,
                                   .seed = 77,
                                   .min_resting = 1,
                                   .late_ns = 100000,
                                   .timeout_ns = 60000000000ULL};
    return c;
}

#define N_JUDGED(t, counter) rl_counted(&(t)->kill_trial.judge.n.counter)

static inline void kill_show(const struct rl_trial *t)
{
    for (int i = 0; rl_judge_counter_names[i]; i++)
        fprintf(stderr, "%s %" PRIu64 "\n", rl_judge_counter_names[i],
                rl_counted((const _Atomic uint64_t *)&t->kill_trial.judge.n + i));
    for (int i = 0; i < RL_N_JUDGE_HISTS; i++) {
        const struct rl_hist *h = &t->kill_trial.judge.hist[i];

        fprintf(stderr, "%s n %" PRIu64 " p50 %" PRIu64 " p99 %" PRIu64 " max %" PRIu64 " ns\n",
                rl_trial_hist_names[RL_TRIAL_HIST_trip_to_seen + i], h->n_total,
                rl_hist_percentile(h, 50), rl_hist_percentile(h, 99), h->max);
    }
}

#endif
