#include "base/cpu.h"
#include "check.h"
#include "rig/trial/probe.h"

#include <errno.h>
#include <pthread.h>

#define MAX_GAPS 20000

static struct rl_gap gaps[2][MAX_GAPS];
static struct rl_clock hertz;
static int cpus[2], n_cpus;

static void check_one(const struct rl_noise *p)
{
    uint64_t n_kept = p->n_gaps - p->n_dropped, lost = 0, max = 0, after = p->tsc_start;

    CHECK_EQ(p->err, 0);
    CHECK(n_kept <= p->max_gaps);
    for (uint64_t i = 0; i < n_kept; i++) {
        CHECK(p->gaps[i].ticks > p->threshold_ticks);
        CHECK(p->gaps[i].tsc >= after); /* in order of time and apart */
        after = p->gaps[i].tsc + p->gaps[i].ticks;
        lost += p->gaps[i].ticks;
        max = p->gaps[i].ticks > max ? p->gaps[i].ticks : max;
    }
    CHECK(after <= p->tsc_start + p->elapsed_ticks + p->max_ticks);
    CHECK(lost <= p->lost_ticks && max <= p->max_ticks);
    if (p->n_dropped == 0)
        CHECK(lost == p->lost_ticks && max == p->max_ticks);
    CHECK(p->lost_ticks <= p->elapsed_ticks);
    CHECK(p->n_iterations >= p->n_gaps);
}

static void test_gaps_of_all_cpus_are_recorded_at_the_same_time_and_add_up(void)
{
    const uint64_t duration_ns = 100000000;
    struct rl_noise p[2] = {{.cpu = cpus[0], .gaps = gaps[0], .max_gaps = MAX_GAPS},
                            {.cpu = cpus[n_cpus - 1], .gaps = gaps[1], .max_gaps = MAX_GAPS}};
    uint32_t n = n_cpus > 1 ? 2 : 1;

    CHECK_EQ(rl_noise_probe(p, n, duration_ns, &hertz, NULL), 0);
    for (uint32_t i = 0; i < n; i++) {
        check_one(&p[i]);
        CHECK(p[i].elapsed_ticks >= rl_ns_to_ticks(&hertz, duration_ns));
        CHECK(p[i].threshold_ticks >= 3);
    }
    if (n == 2) /* both ran inside one window */
        CHECK(p[0].tsc_start < p[1].tsc_start + p[1].elapsed_ticks &&
              p[1].tsc_start < p[0].tsc_start + p[0].elapsed_ticks);
}

/* Alone: two that count their lines for a coverage share the counters, and wait for each other. */
static void test_a_turn_of_the_loop_itself_is_no_gap(void)
{
    struct rl_noise p = {.cpu = cpus[0], .gaps = gaps[0], .max_gaps = MAX_GAPS};

    CHECK_EQ(rl_noise_probe(&p, 1, 50000000, &hertz, NULL), 0);
    CHECK(p.n_gaps < p.n_iterations / 10);
}

static void test_gaps_without_room_are_counted_and_still_lost_time(void)
{
    struct rl_noise p = {.cpu = cpus[0], .gaps = gaps[0], .max_gaps = 1, .threshold_ticks = 1};

    CHECK_EQ(rl_noise_probe(&p, 1, 5000000, &hertz, NULL), 0);
    check_one(&p);
    CHECK(p.n_gaps > 1);
    CHECK_EQ(p.n_dropped, p.n_gaps - 1);
    CHECK_EQ(p.threshold_ticks, 1);
    p.max_gaps = 0;
    p.gaps = NULL;
    CHECK_EQ(rl_noise_probe(&p, 1, 1000000, &hertz, NULL), 0);
    CHECK_EQ(p.n_dropped, p.n_gaps);
}

static void test_a_stop_word_ends_the_probe_at_the_next_gap(void)
{
    _Atomic uint32_t stop = 1;
    struct rl_noise p = {.cpu = cpus[0], .gaps = gaps[0], .max_gaps = 10, .threshold_ticks = 1};

    CHECK_EQ(rl_noise_probe(&p, 1, 3600000000000ULL, &hertz, &stop), 0);
    CHECK_EQ(p.n_gaps, 1);
}

static void test_impossible_cpus_are_refused_and_nothing_runs(void)
{
    struct rl_noise p[2] = {{.cpu = cpus[0]}, {.cpu = 1023}};
    struct rl_placement placement;
    struct rl_neighbour nb;
    uint64_t ticks;

    CHECK_EQ(rl_noise_probe(p, 2, 1000000, &hertz, NULL), -EINVAL);
    CHECK_EQ(p[0].err, -EINVAL);
    CHECK_EQ(p[0].n_iterations, 0);
    p[1].cpu = cpus[0];
    CHECK_EQ(rl_noise_probe(p, 2, 1000000, &hertz, NULL), -EINVAL);
    CHECK_EQ(rl_noise_probe(p, 0, 1000000, &hertz, NULL), -EINVAL);
    p[0].max_gaps = 1;
    CHECK_EQ(rl_noise_probe(p, 1, 1000000, &hertz, NULL), -EINVAL); /* room without memory */
    CHECK_EQ(rl_placement_probe(cpus[0], cpus[0], 10, &placement), -EINVAL);
    CHECK_EQ(rl_placement_probe(cpus[0], 1023, 10, &placement), -EINVAL);
    CHECK_EQ(rl_placement_probe(cpus[0], cpus[n_cpus - 1], 0, &placement), -EINVAL);
    CHECK_EQ(
        rl_placement_probe(cpus[0], cpus[n_cpus - 1], RL_PLACEMENT_MAX_BATCHES + 1, &placement),
        -EINVAL);
    CHECK_EQ(rl_neighbour_survey(1023, &ticks, 1, &hertz, &nb), -EINVAL);
}

static void test_a_probe_is_quiet_only_near_full_speed(void)
{
    static uint64_t ticks[50];
    struct rl_neighbour nb;
    uint64_t best = UINT64_MAX;

    CHECK_EQ(rl_neighbour_survey(cpus[0], ticks, RL_COUNT(ticks), &hertz, &nb), 0);
    for (size_t i = 0; i < RL_COUNT(ticks); i++)
        best = ticks[i] < best ? ticks[i] : best;
    CHECK(nb.best_ticks <= best && nb.best_ticks > 0 && nb.n_turns > 0);
    CHECK(nb.full_ticks >= nb.best_ticks);
    CHECK(rl_neighbour_is_quiet(&nb, nb.best_ticks));
    CHECK(!rl_neighbour_is_quiet(&nb, nb.full_ticks * 5 / 4));
    CHECK(rl_neighbour_probe(&nb) >= nb.best_ticks);
}

static void test_one_moment_of_a_higher_clock_rate_does_not_make_all_others_noisy(void)
{
    struct rl_neighbour nb;

    rl_neighbour_init(&nb, &hertz);
    uint64_t full = nb.full_ticks, best = nb.best_ticks, n_turns = nb.n_turns;

    nb.n_turns = n_turns / 8; /* looks eight times as fast */
    rl_neighbour_probe(&nb);
    CHECK(nb.best_ticks <= best);
    CHECK(nb.full_ticks * 8 >= full * 7);
    for (int i = 0; i < 10; i++) /* more than a hundredth: a new full speed */
        rl_neighbour_probe(&nb);
    CHECK(nb.full_ticks * 2 < full ||
          nb.best_ticks == best); /* unless each of them was disturbed */
}

static void test_a_bounced_line_has_a_round_trip(void)
{
    struct rl_placement p;

    if (n_cpus < 2) {
        fprintf(stderr, "one CPU: no placement to probe\n");
        return;
    }
    CHECK_EQ(rl_placement_probe(cpus[0], cpus[1], 20, &p), 0);
    CHECK_EQ(p.n_batches, 20);
    CHECK(p.min_mticks > 0);
    CHECK(p.min_mticks <= p.median_mticks && p.median_mticks <= p.max_mticks);
}

int main(void)
{
    int64_t ppb;

    n_cpus = rl_cpu_allowed(cpus, 2) < 2 ? 1 : 2;
    CHECK_EQ(rl_clock_calibrate(&hertz, 10000000, &ppb), 0);
    test_gaps_of_all_cpus_are_recorded_at_the_same_time_and_add_up();
    test_a_turn_of_the_loop_itself_is_no_gap();
    test_gaps_without_room_are_counted_and_still_lost_time();
    test_a_stop_word_ends_the_probe_at_the_next_gap();
    test_impossible_cpus_are_refused_and_nothing_runs();
    test_a_probe_is_quiet_only_near_full_speed();
    test_one_moment_of_a_higher_clock_rate_does_not_make_all_others_noisy();
    test_a_bounced_line_has_a_round_trip();
    return 0;
}
