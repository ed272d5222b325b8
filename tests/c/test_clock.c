#include "base/clock.h"
#include "base/cpu.h"
#include "base/hist.h"
#include "check.h"

#include <errno.h>
#include <string.h>

static uint64_t counts[RL_HIST_N_COUNTS];

static void test_a_trusted_counter_is_invariant_and_has_rdtscp(void)
{
    struct rl_clock_caps caps;
    int err = rl_clock_check(&caps);

    CHECK(strlen(caps.vendor) > 0);
    CHECK_EQ(err, caps.invariant_tsc && caps.rdtscp ? 0 : -ENOTSUP);
}

static void test_conversions_are_exact_to_a_part_in_a_billion_and_round_trip(void)
{
    static const uint64_t hz[] = {100000000, 1000000000, 2596138000, 5700000000};
    struct rl_clock c;

    for (size_t i = 0; i < RL_COUNT(hz); i++) {
        CHECK_EQ(rl_clock_from_hz(&c, hz[i]), 0);
        uint64_t hour = rl_ticks_to_ns(&c, hz[i] * 3600);

        CHECK(hour >= 3599999996000ULL && hour <= 3600000004000ULL);
        CHECK_EQ(rl_ticks_to_ns(&c, 0), 0);
        for (uint64_t ns = 1000000; ns < 1000000000000ULL; ns *= 10) {
            int64_t back = (int64_t)rl_ticks_to_ns(&c, rl_ns_to_ticks(&c, ns));
            int64_t slack = 2 + (int64_t)(1000000000 / hz[i]) + (int64_t)(ns / 500000000);

            CHECK(back <= (int64_t)ns + slack && back >= (int64_t)ns - slack);
        }
    }
}

static void test_a_frequency_that_no_cpu_has_is_refused(void)
{
    struct rl_clock c;
    int64_t ppb;

    CHECK_EQ(rl_clock_from_hz(&c, 0), -EINVAL);
    CHECK_EQ(rl_clock_from_hz(&c, 99999999), -EINVAL);
    CHECK_EQ(rl_clock_from_hz(&c, 100000000001ULL), -EINVAL);
    CHECK_EQ(rl_clock_calibrate(&c, 999999, &ppb), -EINVAL);
}

static void test_calibration_agrees_with_a_kernel_clock_over_another_interval(void)
{
    struct timespec nap = {.tv_nsec = 20000000};
    uint64_t tsc[2], ns[2];
    struct rl_clock c;
    int64_t ppb;

    rl_clock_pair(CLOCK_MONOTONIC_RAW, &tsc[0], &ns[0]);
    CHECK_EQ(rl_clock_calibrate(&c, 20000000, &ppb), 0);
    nanosleep(&nap, NULL);
    rl_clock_pair(CLOCK_MONOTONIC_RAW, &tsc[1], &ns[1]);
    int64_t error = (int64_t)rl_ticks_to_ns(&c, tsc[1] - tsc[0]) - (int64_t)(ns[1] - ns[0]);

    /* One part in 1000: far above what a stalled bracket could do, far below a wrong unit. */
    CHECK(error < (int64_t)(ns[1] - ns[0]) / 1000 && -error < (int64_t)(ns[1] - ns[0]) / 1000);
    CHECK(c.tsc_base >= tsc[0] && c.tsc_base <= tsc[1]);
    CHECK(c.raw_base_ns >= ns[0] && c.raw_base_ns <= ns[1]);
}

static void test_the_quantum_is_a_multiple_of_the_gcd_and_never_zero(void)
{
    struct rl_clock_quantum q;

    rl_clock_quantum(&q);
    CHECK(q.gcd_ticks >= 1);
    CHECK(q.quantum_ticks >= q.gcd_ticks);
    CHECK(q.mode_ticks > 0);
    CHECK(rl_clock_quantum_ticks() >= 1);
}

static void test_costs_are_recorded_one_a_reading_or_counted_as_cut(void)
{
    for (int which = 0; which < RL_N_CLOCK_COSTS; which++) {
        struct rl_hist h;

        CHECK_EQ(rl_hist_init(&h, RL_HIST_HIGHEST, 3, counts, sizeof(counts)), 0);
        uint64_t n_cut = rl_clock_cost((enum rl_clock_cost)which, 1000, &h);

        CHECK_EQ(h.n_total + n_cut, 1000);
        CHECK(rl_clock_batch_cost((enum rl_clock_cost)which, 100) > 0);
        CHECK(strlen(rl_clock_cost_name((enum rl_clock_cost)which)) > 1);
    }
    CHECK(strcmp(rl_clock_cost_name(RL_N_CLOCK_COSTS), "?") == 0);
    CHECK_EQ(rl_clock_batch_cost(RL_COST_RDTSC, 0), 0);
}

static void test_fenced_readings_on_one_thread_never_run_backwards(void)
{
    uint32_t tag;
    uint64_t before = rl_tsc_begin();

    for (int i = 0; i < 10000; i++) {
        uint64_t now = rl_tsc_end_tag(&tag);

        CHECK(now >= before);
        before = now;
    }
}

static void test_the_offset_of_two_cpus_is_bounded_by_half_a_round_trip(void)
{
    struct rl_clock_offset o;
    int cpus[2], n = rl_cpu_allowed(cpus, 2);

    CHECK_EQ(rl_clock_offset(cpus[0], cpus[0], 100, &o), -EINVAL);
    CHECK_EQ(rl_clock_offset(cpus[0], 1023, 100, &o), -EINVAL);
    CHECK_EQ(rl_clock_offset(1023, cpus[0], 100, &o), -EINVAL);
    if (n < 2) {
        fprintf(stderr, "one CPU: no offset to measure\n");
        return;
    }
    CHECK_EQ(rl_clock_offset(cpus[0], cpus[1], 0, &o), -EINVAL);
    CHECK_EQ(rl_clock_offset(cpus[0], cpus[1], 200, &o), 0);
    CHECK(o.rtt_ticks > 0);
    CHECK_EQ(o.bound_ticks, (o.rtt_ticks + 1) / 2);
    if (o.n_violations == 0) /* stamped inside its round trip, so no further off than the bound */
        CHECK(o.offset_ticks <= (int64_t)o.bound_ticks &&
              -o.offset_ticks <= (int64_t)o.bound_ticks);
}

int main(void)
{
    test_a_trusted_counter_is_invariant_and_has_rdtscp();
    test_conversions_are_exact_to_a_part_in_a_billion_and_round_trip();
    test_a_frequency_that_no_cpu_has_is_refused();
    test_calibration_agrees_with_a_kernel_clock_over_another_interval();
    test_the_quantum_is_a_multiple_of_the_gcd_and_never_zero();
    test_costs_are_recorded_one_a_reading_or_counted_as_cut();
    test_fenced_readings_on_one_thread_never_run_backwards();
    test_the_offset_of_two_cpus_is_bounded_by_half_a_round_trip();
    return 0;
}
