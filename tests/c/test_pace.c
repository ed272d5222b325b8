/* When records are due: by arithmetic on what the recording says, never by a clock. */
#include "check.h"

#include "rig/trial/pace.h"

static struct rl_pace pace;

static void begin(struct rl_pace_config config)
{
    CHECK(rl_pace_is_good(&config));
    rl_pace_init(&pace, &config);
}

static uint64_t due(uint64_t ts_ns, uint16_t n_messages)
{
    struct rl_stream_rec rec = {.ts_ns = ts_ns, .n_messages = n_messages};

    return rl_pace_next(&pace, &rec);
}

static void test_at_full_speed_everything_is_due_at_once(void)
{
    begin((struct rl_pace_config){.mode = RL_PACE_MAX});
    CHECK_EQ(due(1000, 1), 0);
    CHECK_EQ(due(999999999, 50), 0);
    rl_pace_loop(&pace, 2);
    CHECK_EQ(due(1000, 1), 0);
}

static void test_a_recording_is_due_by_its_own_gaps(void)
{
    begin((struct rl_pace_config){.mode = RL_PACE_RECORDED, .speed_num = 1, .speed_den = 1});
    CHECK_EQ(due(5000, 1), 0);
    CHECK_EQ(due(5003, 1), 3);
    CHECK_EQ(due(5003, 1), 3);
    CHECK_EQ(due(4000, 1), 3); /* a stamp that falls back is taken as equal */
    CHECK_EQ(due(0, 1), 3);    /* and so is one that is not known */
    CHECK_EQ(due(5010, 1), 10);
}

static void test_a_recording_without_stamps_at_its_begin_starts_with_the_first(void)
{
    begin((struct rl_pace_config){.mode = RL_PACE_RECORDED, .speed_num = 1, .speed_den = 1});
    CHECK_EQ(due(0, 1), 0);
    CHECK_EQ(due(7000, 1), 0);
    CHECK_EQ(due(7009, 1), 9);
}

static void test_speed_scales_every_gap_from_the_start(void)
{
    static const struct {
        uint32_t num, den;
        uint64_t ts, due;
    } cases[] = {
        {2, 1, 1000, 500},
        {1, 2, 1000, 2000},
        {3, 1, 1000, 333},
        {3, 1, 2000, 666},
        {3, 1, 3000000000000, 1000000000000}, /* three roundings would have lost one */
        {1000000, 1, 999999, 0},
        {1, 4000000000, UINT64_MAX - 1, UINT64_MAX}, /* held, not wrapped */
    };

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        begin((struct rl_pace_config){
            .mode = RL_PACE_RECORDED, .speed_num = cases[i].num, .speed_den = cases[i].den});
        CHECK_EQ(due(1, 1), 0);
        CHECK_EQ(due(1 + cases[i].ts, 1), cases[i].due);
    }
}

static void test_a_loop_begins_one_mean_gap_after_the_last_record(void)
{
    begin((struct rl_pace_config){.mode = RL_PACE_RECORDED, .speed_num = 2, .speed_den = 1});
    for (uint64_t loop = 0; loop < 3; loop++) {
        CHECK_EQ(due(100, 1), loop * 20);
        CHECK_EQ(due(120, 1), loop * 20 + 10);
        CHECK_EQ(due(130, 1), loop * 20 + 15);
        rl_pace_loop(&pace, 4); /* the fourth came with the third: 30 in 3 gaps, then one more */
    }
}

static void test_one_record_loops_without_a_gap(void)
{
    begin((struct rl_pace_config){.mode = RL_PACE_RECORDED, .speed_num = 1, .speed_den = 1});
    CHECK_EQ(due(100, 1), 0);
    rl_pace_loop(&pace, 1);
    CHECK_EQ(due(100, 1), 0);
}

static void test_a_rate_counts_messages_and_not_packets(void)
{
    begin((struct rl_pace_config){.mode = RL_PACE_RATE, .rate_per_s = 3});
    CHECK_EQ(due(0, 1), 0);
    CHECK_EQ(due(0, 5), 333333333);
    CHECK_EQ(due(0, 0), 2000000000); /* a heartbeat goes with what follows */
    CHECK_EQ(due(0, 1), 2000000000);
    rl_pace_loop(&pace, 4);
    CHECK_EQ(due(0, 1), 2333333333); /* the count goes on */
}

static void test_no_rounding_adds_up_over_a_million_messages(void)
{
    uint64_t last = 0;

    begin((struct rl_pace_config){.mode = RL_PACE_RATE, .rate_per_s = 3000001});
    for (uint64_t i = 0; i < 1000000; i++) {
        uint64_t d = due(0, 1);

        CHECK(d >= last);
        CHECK_EQ(d, i * 1000000000 / 3000001);
        last = d;
    }
}

static void test_a_pace_that_makes_no_sense_is_refused(void)
{
    static const struct rl_pace_config bad[] = {
        {.mode = RL_PACE_RECORDED, .speed_den = 1},
        {.mode = RL_PACE_RECORDED, .speed_num = 1},
        {.mode = RL_PACE_RATE},
        {.mode = RL_N_PACES},
    };

    for (uint32_t i = 0; i < RL_COUNT(bad); i++)
        CHECK(!rl_pace_is_good(&bad[i]));
}

int main(void)
{
    test_at_full_speed_everything_is_due_at_once();
    test_a_recording_is_due_by_its_own_gaps();
    test_a_recording_without_stamps_at_its_begin_starts_with_the_first();
    test_speed_scales_every_gap_from_the_start();
    test_a_loop_begins_one_mean_gap_after_the_last_record();
    test_one_record_loops_without_a_gap();
    test_a_rate_counts_messages_and_not_packets();
    test_no_rounding_adds_up_over_a_million_messages();
    test_a_pace_that_makes_no_sense_is_refused();
    return 0;
}
