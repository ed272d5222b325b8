/*
 * The proof of "no allocation" is proved: an engine built with a seeded malloc must be caught.
 * This file compiles the engine's loop again, with the seed; the linker takes it instead of the
 * library's.
 */
#define RL_SEED_ALLOC
#include "rig/pipeline/pipeline.c"

#include "trial_bench.h"

#define N_FRAMES 8192

static void test_a_seeded_allocation_is_caught_by_the_trap(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, N_FRAMES);
    struct rl_usage engine, rig;
    struct rl_trial *t = trial_run(&c);

    CHECK(rl_trial_usage(t, &engine, &rig));
    /* malloc and free each 256th frame. When the engine sees the phase change is up to the
     * scheduler. */
    CHECK(engine.n_allocs > 0);
    CHECK(engine.n_allocs <= 2 * N_FRAMES / RL_SEED_EVERY);
    CHECK_EQ(rig.n_allocs, 0); /* the other thread is not accused */
    rl_trial_close(t);
    stream_free(&stream);
}

int main(void)
{
    test_a_seeded_allocation_is_caught_by_the_trap();
    return 0;
}
