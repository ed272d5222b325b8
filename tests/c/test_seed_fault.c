/*
 * The proof of "no page fault" is proved: an engine built with seeded faults must be caught.
 * This file compiles the engine's loop again, with the seed; the linker takes it instead of the
 * library's.
 */
#define RL_SEED_FAULT
#include "rig/pipeline/pipeline.c"

#include "trial_bench.h"

#define N_FRAMES 8192

static void test_seeded_page_faults_are_caught_by_the_usage(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, N_FRAMES);
    struct rl_usage engine, rig;
    struct rl_trial *t = trial_run(&c);

    CHECK(rl_trial_usage(t, &engine, &rig));
    CHECK(engine.minflt > 0);
    if (!UNDER_SANITIZER) {
        CHECK(engine.minflt <= N_FRAMES / RL_SEED_EVERY);
        CHECK_EQ(rig.minflt, 0); /* the other thread is not accused */
    }
    CHECK_EQ(engine.n_allocs, 0);
    rl_trial_close(t);
    stream_free(&stream);
}

int main(void)
{
    test_seeded_page_faults_are_caught_by_the_usage();
    return 0;
}
