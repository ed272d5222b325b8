/* A whole trial over a day of CME ES futures ends with the book that is known of it. */
#include "capture.h"
#include "trial_bench.h"

static void test_a_real_day_traded_ends_with_the_known_book(void)
{
    struct capture file = capture_read("l3/esh4-20231225.mbo.dbn.zst");
    static const uint64_t every_2_us[] = {0};
    struct rl_replay_error error;
    struct rl_stream_rec *recs;
    struct rl_trial_config c;
    struct rl_trial_answer answer;
    struct rl_trial_book book;
    struct rl_trial *t;
    uint64_t n_recs;

    CHECK_EQ(rl_replay_index(RL_SOURCE_DBN, file.bytes, file.n_bytes, NULL, 0, &n_recs, &error), 0);
    CHECK_EQ(n_recs, 68792);
    recs = malloc(n_recs * sizeof *recs);
    CHECK(recs != NULL);
    CHECK_EQ(
        rl_replay_index(RL_SOURCE_DBN, file.bytes, file.n_bytes, recs, n_recs, &n_recs, &error), 0);
    c = trial_config((struct rl_stream){.bytes = file.bytes,
                                        .n_bytes = file.n_bytes,
                                        .recs = recs,
                                        .n_recs = n_recs,
                                        .loop_from = n_recs,
                                        .framing = RL_FRAMING_MOLD_WRAP,
                                        .feed = RL_FEED_DBN},
                     n_recs);
    c.schedule = (struct rl_schedule){every_2_us, 1, 2000};
    c.n_orders = 1 << 15;
    c.n_levels_per_side = 4096;
    t = trial_run(&c); /* the ring holds the whole day: nothing depends on the scheduler */
    CHECK_EQ(rl_counted(&t->blast.n.frames_unsent), 0);

    rl_trial_answer(t, &answer);
    CHECK(answer.damage == NULL);
    CHECK_EQ(answer.n_instruments, 1);
    CHECK_EQ(answer.n_orders, 11217);
    CHECK_EQ(answer.last_seq, 59585);
    CHECK_EQ(rl_trial_book(t, 0, &book), 0);
    CHECK_EQ(book.n_levels[RL_BUY], 922);
    CHECK_EQ(book.n_levels[RL_SELL], 565);
    CHECK_EQ(book.bbo.px_nano[RL_BUY], 4810 * RL_NANO_PER_UNIT);
    CHECK_EQ(book.bbo.px_nano[RL_SELL], 4810 * RL_NANO_PER_UNIT + RL_NANO_PER_UNIT / 4);
    CHECK(rl_counted(&t->exchange.n.orders_valid) > 100);
    CHECK_EQ(rl_counted(&t->exchange.n.orders_valid), rl_counted(&t->engine.oms.n.orders_sent));
    printf("%" PRIu64 " intents, %" PRIu64 " orders sent\n", rl_counted(&t->engine.n.intents),
           rl_counted(&t->engine.oms.n.orders_sent));
    rl_trial_close(t);
    free(recs);
    free(file.bytes);
}

int main(void)
{
    test_a_real_day_traded_ends_with_the_known_book();
    return 0;
}
