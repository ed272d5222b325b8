/* Whole trials on two threads: conservation, determinism, and every way to end. */
#include <signal.h>
#include <sys/time.h>

#include "base/mix.h"
#include "trial_bench.h"

#define N_FRAMES 12000

static void test_a_trial_loses_nothing_and_decides_what_a_slow_sequential_run_decides(void)
{
    static const enum rl_feed_kind formats[] = {RL_FEED_ITCH, RL_FEED_FIX};
    struct decisions made[2];

    for (int i = 0; i < 2; i++) {
        struct rl_stream stream = small_stream(formats[i]);
        struct rl_trial_config c = trial_config(stream, N_FRAMES); /* the body several times over */
        struct rl_trial *t = trial_run(&c);
        struct decisions expected;
        struct rl_trial_answer answer;
        uint64_t hash;

        expected = decisions_expected(&c, &hash);
        made[i] = decisions_made(t);
        CHECK(expected.n > N_FRAMES / 50);
        decisions_equal(&made[i], &expected);
        rl_trial_answer(t, &answer);
        CHECK(answer.hash == hash);
        CHECK(answer.damage == NULL);
        CHECK_EQ(answer.last_seq, N_FRAMES);
        CHECK_EQ(answer.n_instruments, 3);

        CHECK_EQ(rl_counted(&t->blast.n.frames_sent), N_FRAMES);
        CHECK_EQ(rl_counted(&t->exchange.n.orders_valid), expected.n);
        CHECK_EQ(rl_counted(&t->engine.oms.n.fills), expected.n);
        CHECK_EQ(t->engine.oms.orders.n_open, 0);
        CHECK(rl_kill_is_clear(t->kill));
        rl_trial_close(t);
        free(expected.list);
        stream_free(&stream);
    }
    /* ITCH and FIX told the same story. */
    decisions_equal(&made[0], &made[1]);
    free(made[0].list);
    free(made[1].list);
}

/* After 71 minutes of a million a second: nobody should have to wait for it. */
static void test_numbers_beyond_32_bits_change_nothing(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, N_FRAMES);
    struct rl_trial *t = trial_run(&c);
    uint64_t n_valid = rl_counted(&t->exchange.n.orders_valid);

    rl_trial_close(t);
    c.first_seq = (1ULL << 32) - N_FRAMES / 2;
    t = trial_run(&c);
    CHECK_EQ(t->engine.feed.n.gaps + t->engine.feed.n.lost + t->engine.feed.n.duplicates, 0);
    CHECK_EQ(rl_counted(&t->exchange.n.orders_valid), n_valid);
    CHECK_EQ(rl_counted(&t->exchange.n.orders_received), n_valid);
    CHECK_EQ(t->sent.last_seq, c.first_seq + N_FRAMES - 1);
    rl_trial_close(t);
    stream_free(&stream);
}

static void test_every_decision_is_in_the_audit_log(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, N_FRAMES);
    struct rl_trial *t;
    struct rl_audit_record *records;
    uint64_t n, counts[UINT8_MAX + 1] = {0};
    const struct rl_oms_counters *o;
    const char *why = "";

    c.limits.max_position = 20; /* some are refused, by luck of the answers' timing how many */
    t = trial_run(&c);
    o = &t->engine.oms.n;
    records = trial_audit(t, &n);
    for (uint64_t i = 0; i < n; i++)
        counts[records[i].kind]++;
    CHECK_EQ(n, rl_counted(&o->audit_records));
    CHECK_EQ(counts[RL_AUDIT_SENT], rl_counted(&o->orders_sent));
    CHECK_EQ(counts[RL_AUDIT_RISK_REJECT], rl_counted(&o->risk_rejects));
    CHECK_EQ(counts[RL_AUDIT_EVENT], rl_counted(&o->fills));
    CHECK_EQ(counts[RL_AUDIT_SENT] + counts[RL_AUDIT_RISK_REJECT],
             rl_counted(&t->engine.n.intents));
    for (uint32_t i = 0; i < 3; i++) {
        const struct rl_position *p = rl_ledger_at(&t->engine.oms.ledger, 0, i);

        CHECK(p->net >= -20 && p->net <= 20);
        CHECK(rl_position_holds(p));
        CHECK_EQ(p->work[RL_BUY] + p->work[RL_SELL], 0);
    }
    if (rl_oms_verify(&t->engine.oms, &why) != 0)
        fprintf(stderr, "%s\n", why);
    CHECK_EQ(rl_oms_verify(&t->engine.oms, &why), 0);
    free(records);
    rl_trial_close(t);
    stream_free(&stream);
}

static void test_times_are_recorded_for_measured_messages_only(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, N_FRAMES);
    struct rl_trial *t;
    struct decisions expected;
    uint64_t hash, n_measured = 0;

    c.stage_timing = true;
    t = trial_run(&c);
    expected = decisions_expected(&c, &hash);
    for (uint64_t i = 0; i < expected.n; i++)
        n_measured += expected.list[i].trigger > c.n_warmup_frames;
    CHECK_EQ(rl_trial_hist(t, RL_TRIAL_HIST_wire)->n_total, n_measured);
    CHECK_EQ(rl_trial_hist(t, RL_TRIAL_HIST_service)->n_total, n_measured);
    CHECK_EQ(rl_trial_hist(t, RL_TRIAL_HIST_buf)->n_total, n_measured);
    CHECK_EQ(rl_trial_hist(t, RL_TRIAL_HIST_lateness)->n_total, N_FRAMES - c.n_warmup_frames);
    CHECK(rl_trial_hist(t, RL_TRIAL_N_HISTS) == NULL);
    for (unsigned i = 0; i < RL_TRIAL_N_HISTS; i++)
        CHECK(rl_trial_hist_names[i] != NULL && rl_trial_hist(t, i) != NULL);
    /* The clock of the wire starts no later than that of the service. */
    CHECK(rl_trial_hist(t, RL_TRIAL_HIST_wire)->max >=
          rl_trial_hist(t, RL_TRIAL_HIST_service)->max);
    free(expected.list);
    rl_trial_close(t);
    stream_free(&stream);
}

/* An engine that the host stops for the whole of a window times nothing in it: then once more. */
static void test_stages_are_timed_where_it_is_asked_for(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, N_FRAMES);
    uint64_t n_timed = 0;

    for (uint32_t i = 0; i < 50 && n_timed == 0; i++) {
        struct rl_trial *t;

        c.stage_timing = i % 2 == 1;
        t = trial_run(&c);
        n_timed = rl_trial_hist(t, RL_TRIAL_HIST_decode)->n_total;
        CHECK(c.stage_timing || n_timed == 0);
        rl_trial_close(t);
    }
    CHECK(n_timed > 0);
    stream_free(&stream);
}

static void test_the_measured_window_allocates_nothing_and_faults_nothing(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, N_FRAMES);
    struct rl_usage engine, rig;
    struct rl_trial *t;

    CHECK(rl_trap_is_linked());
    t = trial_run(&c);
    CHECK(rl_trial_usage(t, &engine, &rig));
    CHECK_EQ(engine.n_allocs, 0);
    CHECK_EQ(rig.n_allocs, 0);
    if (!UNDER_SANITIZER) { /* their shadow memory faults by itself */
        CHECK_EQ(engine.minflt + engine.majflt, 0);
        CHECK_EQ(rig.minflt + rig.majflt, 0);
    }
    rl_trial_close(t);
    stream_free(&stream);
}

static void test_an_engine_that_is_not_armed_sends_no_order(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, N_FRAMES);
    struct rl_trial *t;

    c.stay_halted = true;
    t = trial_run(&c);
    CHECK_EQ(rl_counted(&t->engine.oms.n.orders_sent), 0);
    CHECK_EQ(rl_counted(&t->exchange.n.orders_received), 0);
    CHECK(rl_counted(&t->engine.n.intents) > 0);
    CHECK_EQ(rl_counted(&t->engine.oms.n.kill_blocks), rl_counted(&t->engine.n.intents));
    rl_trial_close(t);
    stream_free(&stream);
}

static void test_after_the_kill_word_is_tripped_no_order_leaves_any_more(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, 1ULL << 40);
    struct rl_trial *t;
    struct rl_audit_record *records;
    uint64_t n, sent_at_block, first_block = UINT64_MAX;

    c.n_warmup_frames = 100;
    t = trial_open(&c);
    CHECK_EQ(rl_trial_start(t), 0);
    while (rl_counted(&t->engine.oms.n.orders_sent) < 10)
        trial_sleep_ms(1);
    CHECK(rl_trial_kill(t, RL_KILL_MANUAL));
    while (rl_counted(&t->engine.oms.n.kill_blocks) < 1)
        trial_sleep_ms(1);
    sent_at_block = rl_counted(&t->engine.oms.n.orders_sent);
    while (rl_counted(&t->engine.oms.n.kill_blocks) < 10)
        trial_sleep_ms(1);
    rl_trial_stop(t);
    trial_wait(t);
    trial_holds(t);
    CHECK_EQ(rl_counted(&t->engine.oms.n.orders_sent), sent_at_block);
    CHECK_EQ(rl_counted(&t->exchange.n.orders_received), sent_at_block);
    records = trial_audit(t, &n);
    for (uint64_t i = 0; i < n; i++) {
        if (records[i].kind == RL_AUDIT_KILL_BLOCK && first_block == UINT64_MAX)
            first_block = i;
        if (i > first_block)
            CHECK(records[i].kind != RL_AUDIT_SENT);
    }
    CHECK(first_block != UINT64_MAX);
    CHECK_EQ(records[first_block].detail, RL_KILL_MANUAL);
    free(records);
    rl_trial_close(t);
    stream_free(&stream);
}

static void test_a_trial_that_was_killed_before_its_start_does_not_start(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, N_FRAMES);
    struct rl_trial *t = trial_open(&c);

    CHECK_EQ(rl_bench_arm(t->kill), 0);
    CHECK(rl_trial_kill(t, RL_KILL_MANUAL));
    CHECK_EQ(rl_trial_start(t), -ECANCELED);
    CHECK_EQ(rl_trial_wait(t, 0), -EINVAL);
    rl_trial_close(t);
    stream_free(&stream);
}

static void test_a_stopped_trial_ends_early_and_still_conserves(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, 1ULL << 40);
    struct rl_trial *t = trial_open(&c);

    CHECK_EQ(rl_trial_start(t), 0);
    CHECK_EQ(rl_trial_start(t), -EALREADY);
    CHECK_EQ(rl_trial_wait(t, 20000000), -ETIMEDOUT);
    rl_trial_stop(t);
    trial_wait(t);
    CHECK_EQ(rl_trial_wait(t, 0), 0); /* asking again is harmless */
    trial_holds(t);
    CHECK(rl_counted(&t->blast.n.frames_sent) < c.n_frames);
    CHECK_EQ(rl_counted(&t->blast.n.frames_planned), c.n_frames);
    rl_trial_close(t);
    stream_free(&stream);
}

static void test_closing_a_running_trial_ends_it(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, 1ULL << 40);
    struct rl_trial *t = trial_open(&c);

    CHECK_EQ(rl_trial_start(t), 0);
    rl_trial_close(t);
    rl_trial_close(NULL);
    t = trial_open(&c); /* and one that never started */
    rl_trial_close(t);
    stream_free(&stream);
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
}

static void test_a_signal_interrupts_the_wait_and_not_the_trial(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, 1ULL << 40);
    struct sigaction handler = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 10000}, {0, 10000}}, never = {{0, 0}, {0, 0}};
    struct rl_trial *t = trial_open(&c);
    uint64_t n_sent;

    CHECK_EQ(sigaction(SIGALRM, &handler, NULL), 0);
    CHECK_EQ(rl_trial_start(t), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    CHECK_EQ(rl_trial_wait(t, 3600000000000ULL), -EINTR);
    CHECK_EQ(setitimer(ITIMER_REAL, &never, NULL), 0);
    n_sent = rl_counted(&t->blast.n.frames_sent);
    while (rl_counted(&t->blast.n.frames_sent) <= n_sent) /* it goes on */
        trial_sleep_ms(1);
    rl_trial_stop(t);
    trial_wait(t);
    trial_holds(t);
    rl_trial_close(t);
    stream_free(&stream);
}

static void test_intervals_of_a_long_run_lose_no_record(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, 1ULL << 40);
    const struct rl_hist *interval;
    struct rl_trial *t;
    uint64_t n = 0, n_before;

    c.n_warmup_frames = 0;
    c.n_audit_slots = 1 << 20;
    t = trial_open(&c);
    CHECK_EQ(rl_trial_start(t), 0);
    for (int i = 0; i < 3; i++) {
        n_before = rl_counted(&t->exchange.n.orders_measured);
        while (rl_counted(&t->exchange.n.orders_measured) < n_before + 10)
            trial_sleep_ms(1);
        while (rl_trial_swap(t, 1000000000, &interval) == -ETIMEDOUT)
            ;
        CHECK(interval->n_total > 0);
        n += interval->n_total;
    }
    rl_trial_stop(t);
    trial_wait(t);
    CHECK_EQ(rl_trial_swap(t, 0, &interval), 0); /* the last one, its writer is gone */
    n += interval->n_total;
    CHECK_EQ(n, rl_counted(&t->exchange.n.orders_measured));
    CHECK_EQ(n, rl_trial_hist(t, RL_TRIAL_HIST_service)->n_total);
    CHECK_EQ(rl_trial_swap(t, 0, &interval), 0);
    CHECK_EQ(interval->n_total, 0);
    rl_trial_close(t);
    stream_free(&stream);
}

/* The rig is gone, and nobody has waited for it yet. */
static void test_an_interval_that_ends_with_the_trial_is_given_out(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, N_FRAMES);
    struct rl_trial *t = trial_open(&c);
    const struct rl_hist *interval;
    int n_finished = 0;

    CHECK_EQ(rl_trial_start(t), 0);
    while (n_finished < 2) {
        CHECK_EQ(sem_getvalue(&t->finished, &n_finished), 0);
        trial_sleep_ms(1);
    }
    CHECK_EQ(rl_trial_swap(t, 10000000000ULL, &interval), 0);
    CHECK_EQ(interval->n_total, rl_counted(&t->exchange.n.orders_measured));
    trial_wait(t);
    trial_holds(t);
    rl_trial_close(t);
    stream_free(&stream);
}

static void test_a_ring_that_overflows_is_counted_on_both_sides(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, 200000);
    struct rl_trial *t;

    c.schedule = (struct rl_schedule){AT_ONCE, 1, 0}; /* everything is due at once */
    c.n_market_bytes = 1024;
    c.n_audit_slots = 1 << 18;
    t = trial_run(&c); /* all identities hold: the feed missed what the sender could not send */
    CHECK_EQ(rl_counted(&t->blast.n.frames_sent) + rl_counted(&t->blast.n.frames_unsent), 200000);
    CHECK_EQ(t->engine.feed.n.messages, rl_counted(&t->blast.n.frames_sent));
    CHECK_EQ(rl_trial_hist(t, RL_TRIAL_HIST_lateness)->n_total, 200000 - c.n_warmup_frames);
    rl_trial_close(t);
    stream_free(&stream);
}

static void test_the_null_bench_answers_every_kth_frame(void)
{
    static const enum rl_feed_kind formats[] = {RL_FEED_ITCH, RL_FEED_FIX};

    for (int i = 0; i < 2; i++) {
        struct rl_stream stream = small_stream(formats[i]);
        struct rl_trial_config c = trial_config(stream, N_FRAMES);
        struct rl_usage engine, rig;
        struct rl_trial *t;

        c.mode = RL_TRIAL_REFLECT;
        c.reflect_every = 7;
        t = trial_run(&c);
        CHECK_EQ(rl_counted(&t->exchange.n.orders_valid), N_FRAMES / 7);
        CHECK_EQ(rl_counted(&t->exchange.n.answers_sent), N_FRAMES / 7);
        CHECK_EQ(rl_trial_hist(t, RL_TRIAL_HIST_wire)->n_total,
                 N_FRAMES / 7 - c.n_warmup_frames / 7);
        CHECK(rl_trial_usage(t, &engine, &rig));
        CHECK_EQ(engine.n_allocs, 0);
        rl_trial_close(t);
        stream_free(&stream);
    }
}

static void test_a_trial_shows_its_books(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, stream.n_recs); /* once: as after the prefix */
    struct rl_trial *t = trial_run(&c);
    struct rl_trial_book book;

    for (uint32_t i = 0; i < 3; i++) {
        char symbol[16];

        market_symbol(i, symbol);
        CHECK_EQ(rl_trial_book(t, i, &book), 0);
        CHECK(strcmp(book.symbol, symbol) == 0);
        for (int side = 0; side < 2; side++) {
            CHECK_EQ(book.bbo.px_nano[side], market_px(side, 0));
            CHECK_EQ(book.bbo.qty[side], 100);
            CHECK_EQ(book.n_levels[side], MARKET_DEPTH);
            CHECK_EQ(book.n_orders[side], MARKET_DEPTH);
        }
    }
    CHECK_EQ(rl_trial_book(t, 3, &book), -ERANGE);
    rl_trial_close(t);
    stream_free(&stream);
}

/* All of a whole engine's work on a made market that could differ between builds, a line a feed. */
static void print_day(uint64_t seed)
{
    static const enum rl_feed_kind formats[] = {RL_FEED_ITCH, RL_FEED_FIX};

    for (int i = 0; i < 2; i++) {
        struct market m = {.format = formats[i], .n_instruments = 3, .n_body = 2000, .seed = seed};
        struct rl_stream stream = market_stream(&m);
        struct rl_trial_config c = trial_config(stream, N_FRAMES);
        struct rl_trial *t = trial_run(&c);
        struct decisions made = decisions_made(t);
        uint64_t hash = 0;

        for (uint64_t d = 0; d < made.n; d++) {
            const struct decision *one = &made.list[d];

            hash = rl_mix(hash ^ one->trigger) + rl_mix(one->qty);
            hash = rl_mix(hash ^ (uint64_t)one->px_nano);
            hash = rl_mix(hash ^ ((uint64_t)one->instrument << 1 | one->side));
        }
        printf("%016" PRIx64 " books %016" PRIx64 " orders %" PRIu64 " fills %" PRIu64 "\n", hash,
               trial_hash(t), made.n, rl_counted(&t->engine.oms.n.fills));
        free(made.list);
        rl_trial_close(t);
        stream_free(&stream);
    }
}

/* `test_trial day SEED`: the work of one day, printed. */
int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "day") == 0) {
        print_day(strtoull(argv[2], NULL, 10));
        return 0;
    }

    test_a_trial_loses_nothing_and_decides_what_a_slow_sequential_run_decides();
    test_numbers_beyond_32_bits_change_nothing();
    test_every_decision_is_in_the_audit_log();
    test_times_are_recorded_for_measured_messages_only();
    test_stages_are_timed_where_it_is_asked_for();
    test_the_measured_window_allocates_nothing_and_faults_nothing();
    test_an_engine_that_is_not_armed_sends_no_order();
    test_after_the_kill_word_is_tripped_no_order_leaves_any_more();
    test_a_trial_that_was_killed_before_its_start_does_not_start();
    test_a_stopped_trial_ends_early_and_still_conserves();
    test_closing_a_running_trial_ends_it();
    test_a_signal_interrupts_the_wait_and_not_the_trial();
    test_intervals_of_a_long_run_lose_no_record();
    test_an_interval_that_ends_with_the_trial_is_given_out();
    test_a_ring_that_overflows_is_counted_on_both_sides();
    test_the_null_bench_answers_every_kth_frame();
    test_a_trial_shows_its_books();
    return 0;
}
