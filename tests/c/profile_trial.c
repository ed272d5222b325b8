/*
 * One whole trial for a profiler: `profile_trial FRAMES`. ITCH at a million frames a second; under
 * a tool that is slower than that, frames that find no room are told and the identities still hold.
 */
#include "trial_bench.h"

int main(int argc, char **argv)
{
    struct market m = {.format = RL_FEED_ITCH, .n_instruments = 64, .n_body = 20000, .seed = 3};
    uint64_t n_frames = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
    struct rl_trial_config c;
    struct rl_stream stream;
    struct rl_trial *t;

    if (n_frames == 0) {
        fprintf(stderr, "profile_trial: wants a number of frames\n");
        return 2;
    }
    stream = market_stream(&m);
    c = trial_config(stream, n_frames);
    c.schedule = (struct rl_schedule){AT_ONCE, 1, 1000};
    c.n_instruments = 64;
    c.n_audit_slots = 1 << 20;
    c.strategy.every = 5;
    t = trial_run(&c);
    printf("%" PRIu64 " frames, %" PRIu64 " unsent, %" PRIu64 " orders\n",
           rl_counted(&t->blast.n.frames_sent), rl_counted(&t->blast.n.frames_unsent),
           rl_counted(&t->exchange.n.orders_valid));
    rl_trial_close(t);
    stream_free(&stream);
    return 0;
}
