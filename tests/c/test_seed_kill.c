/*
 * The proof of "no order after a trip" is proved: an engine that sends what the kill word has
 * blocked must be caught by the venue. As in test_seed_alloc.c, this file compiles the engine's
 * loop again, with the seed.
 */
#define RL_SEED_KILL
#include "rig/pipeline/pipeline.c"

#include "kill_bench.h"

static void test_an_engine_that_does_not_heed_the_kill_word_is_caught(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = kill_config(stream, 1ULL << 40, RL_TRIPPER_RIG, 1);
    struct rl_trial *t;

    c.kill.timeout_ns = 1000000000; /* thousands of signals; what they send never ceases to rest */
    t = trial_open(&c);
    CHECK_EQ(rl_trial_start(t), 0);
    while (N_JUDGED(t, trips) == 0)
        trial_sleep_ms(1);
    rl_trial_stop(t);
    trial_wait(t);
    if (N_JUDGED(t, orders_after_trip) == 0)
        kill_show(t);
    CHECK(N_JUDGED(t, orders_after_trip) > 0);
    CHECK_EQ(N_JUDGED(t, trips_residual), 1);
    rl_trial_close(t);
    stream_free(&stream);
}

int main(void)
{
    test_an_engine_that_does_not_heed_the_kill_word_is_caught();
    return 0;
}
