/*
 * By a virtual clock every frame leaves a wire at the nanosecond at which its plan wants it.
 */
#include "wire_bench.h"

static void test_a_frame_leaves_its_delay_after_it_came_and_not_before(void)
{
    struct rl_wire_config config = plain(1);

    config.ways[0].plan.delay_ns = 10000;
    config.ways[0].plan.tolerance_ns = 5;
    open_wire(&config);
    arrive(7);
    rl_wire_turn(&wire, now);
    CHECK_EQ(rl_wire_next_due(&wire), 11000);
    now = 10999;
    rl_wire_turn(&wire, now);
    CHECK_EQ(ends[1].n_out, 0);
    now = 11000;
    rl_wire_turn(&wire, now);
    CHECK_EQ(ends[1].n_out, 1);
    CHECK_EQ(rl_wire_errors(&wire, 0)->max, 0);
    CHECK_EQ(rl_wire_counts_now(&wire, 0).late, 0);
    CHECK_EQ(rl_wire_counts_now(&wire, 0).delayed, 1);
    /* Turned too late: said so. */
    arrive(8);
    rl_wire_turn(&wire, now);
    now += 10000 + 6;
    rl_wire_turn(&wire, now);
    CHECK_EQ(rl_wire_errors(&wire, 0)->max, 6);
    CHECK_EQ(rl_wire_errors(&wire, 0)->n_total, 2);
    CHECK_EQ(rl_wire_counts_now(&wire, 0).late, 1);
    close_wire();
}

static void test_jitter_stays_in_its_bounds_and_keeps_the_order_unless_told_not_to(void)
{
    for (int overtakes = 0; overtakes < 2; overtakes++) {
        struct rl_wire_config config = plain(1);
        struct rl_wire_plan *plan = &config.ways[0].plan;
        uint32_t n_behind = 0;
        uint64_t last = 0;

        plan->seed = 3;
        plan->delay_ns = 2000;
        plan->jitter_ns = 5000;
        plan->overtakes = overtakes != 0;
        open_wire(&config);
        send_numbered(500);
        CHECK_EQ(ends[1].n_out, 500);
        for (uint32_t i = 0; i < 500; i++) {
            uint64_t number = tape_number(&ends[1].out[i]), way = ends[1].out[i].at;

            way -= 1000 + number * 1000;
            CHECK(way >= 2000 && way <= 7000);
            if (overtakes)
                CHECK_EQ(way, 2000 + rl_wire_decide(plan, number).jitter_ns);
            n_behind += number < last;
            last = number;
        }
        CHECK(overtakes ? n_behind > 50 : n_behind == 0);
        close_wire();
    }
}

static void test_both_shapes_of_jitter_are_centred_and_the_bell_is_narrower(void)
{
    struct rl_wire_plan plan = {.seed = 9, .jitter_ns = 1000};
    uint64_t sum[RL_N_WIRE_SHAPES] = {0}, n_outside[RL_N_WIRE_SHAPES] = {0};

    for (int shape = 0; shape < RL_N_WIRE_SHAPES; shape++) {
        plan.shape = (enum rl_wire_shape)shape;
        for (uint64_t i = 0; i < 10000; i++) {
            uint64_t ns = rl_wire_decide(&plan, i).jitter_ns;

            CHECK(ns <= 1000);
            sum[shape] += ns;
            n_outside[shape] += ns < 250 || ns > 750;
        }
        CHECK(sum[shape] / 10000 > 480 && sum[shape] / 10000 < 520);
    }
    CHECK(n_outside[RL_WIRE_UNIFORM] > 4500 && n_outside[RL_WIRE_UNIFORM] < 5500);
    CHECK(n_outside[RL_WIRE_NORMAL] < 1500);
}

static void test_nothing_leaves_during_a_pause(void)
{
    struct rl_wire_config config = plain(1);
    struct rl_wire_plan *plan = &config.ways[0].plan;

    plan->pauses[0] = (struct rl_wire_pause){.at = 5000, .length = 2000, .every = 10000};
    plan->pauses[1] = (struct rl_wire_pause){.at = 7000, .length = 500}; /* right behind it */
    plan->n_pauses = 2;
    open_wire(&config);
    send_numbered(30);
    CHECK_EQ(ends[1].n_out, 30);
    for (uint64_t i = 0; i < 30; i++) {
        uint64_t came = i * 1000, left = ends[1].out[i].at - 1000;
        bool waits = came % 10000 >= 5000 && came % 10000 < 7000;

        CHECK_EQ(tape_number(&ends[1].out[i]), i);
        if (came >= 5000 && came < 7500)
            CHECK_EQ(left, 7500);
        else
            CHECK_EQ(left, waits ? came / 10000 * 10000 + 7000 : came);
    }
    CHECK_EQ(rl_wire_errors(&wire, 0)->max, 0); /* the plan wanted it */
    close_wire();
}

static void test_one_line_trails_the_other_by_the_skew(void)
{
    struct rl_wire_config config = plain(2);

    config.ways[0].plan.delay_ns = config.ways[1].plan.delay_ns = 1000;
    config.ways[1].plan.skew_ns = 250;
    open_wire(&config);
    for (uint64_t i = 0; i < 20; i++) {
        tape_arrive(&ends[0], i, TAPE_UDP_PORT);
        tape_arrive(&ends[2], i, TAPE_UDP_PORT);
        rl_wire_turn(&wire, now);
        run_dry();
    }
    CHECK_EQ(ends[1].n_out, 20);
    CHECK_EQ(ends[3].n_out, 20);
    for (uint32_t i = 0; i < 20; i++)
        CHECK_EQ(ends[3].out[i].at, ends[1].out[i].at + 250);
    close_wire();
}

static void test_a_rate_spaces_frames_lets_a_burst_through_and_drops_the_tail(void)
{
    struct rl_wire_config config = plain(1);
    struct rl_wire_plan *plan = &config.ways[0].plan;

    plan->rate_bps = 106 * 8 * 1000; /* a frame of ours takes a millisecond */
    open_wire(&config);
    for (uint64_t i = 0; i < 5; i++)
        arrive(i);
    run_dry();
    for (uint32_t i = 0; i < 5; i++)
        CHECK_EQ(ends[1].out[i].at, 1000 + i * 1000000);
    close_wire();

    config = plain(1);
    plan->rate_bps = 106 * 8 * 1000;
    plan->burst_bytes = UINT64_C(3) * 106;
    plan->queue_ns = 2000000;
    open_wire(&config);
    for (uint64_t i = 0; i < 8; i++)
        arrive(i);
    run_dry();
    CHECK_EQ(ends[1].n_out, 5);
    CHECK_EQ(rl_wire_counts_now(&wire, 0).queue_full, 3);
    for (uint32_t i = 0; i < 5; i++)
        CHECK_EQ(ends[1].out[i].at, i < 3 ? 1000 : 1000 + (i - 2) * UINT64_C(1000000));
    close_wire();
}

int main(void)
{
    test_a_frame_leaves_its_delay_after_it_came_and_not_before();
    test_jitter_stays_in_its_bounds_and_keeps_the_order_unless_told_not_to();
    test_both_shapes_of_jitter_are_centred_and_the_bell_is_narrower();
    test_nothing_leaves_during_a_pause();
    test_one_line_trails_the_other_by_the_skew();
    test_a_rate_spaces_frames_lets_a_burst_through_and_drops_the_tail();
    return 0;
}
