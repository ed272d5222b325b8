/* Trials over captured input, and configs that make no sense. */
#include "trial_bench.h"

#include "market/codec/mold.h"

static void test_configs_that_make_no_sense_are_refused_with_a_sentence(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH), fix = small_stream(RL_FEED_FIX);
    const struct rl_trial_config good = trial_config(stream, 1000);
    struct {
        struct rl_trial_config c;
        const char *word;
    } cases[40];
    static const uint64_t falling[] = {5, 4}, beyond[] = {0, 11};
    struct rl_stream_rec *recs = malloc(stream.n_recs * sizeof *recs);
    struct rl_trial *t;
    const char *why;
    size_t n = 0;

    CHECK(recs != NULL);
    memcpy(recs, stream.recs, stream.n_recs * sizeof *recs);
    recs[7].offset = stream.n_bytes - 1;
#define BAD(text, ...)                           \
    do {                                         \
        struct rl_trial_config *b = &cases[n].c; \
        *b = good;                               \
        cases[n++].word = text;                  \
        __VA_ARGS__;                             \
    } while (0)
    BAD("share", b->cpu_rig = b->cpu_engine);
    BAD("cpu_engine", b->cpu_engine = 9999);
    BAD("cpu_rig", b->cpu_rig = -1);
    BAD("empty", b->stream.n_recs = 0);
    BAD("its end", b->stream.loop_from = b->stream.n_recs + 1);
    BAD("does not loop", b->stream.loop_from = b->stream.n_recs;
        b->n_frames = b->stream.n_recs + 1);
    BAD("cannot loop", b->stream.framing = RL_FRAMING_MOLD);
    BAD("outside", b->stream.recs = recs);
    BAD("schedule", b->schedule.n_due = 0);
    BAD("fall", b->schedule = (struct rl_schedule){falling, 2, 10});
    BAD("span", b->schedule = (struct rl_schedule){beyond, 2, 10});
    BAD("warm-up", b->n_warmup_frames = b->n_frames);
    BAD("warm-up", b->n_frames = 0);
    BAD("mode", b->mode = (enum rl_trial_mode)9);
    BAD("two ends", b->mode = RL_TRIAL_FOREIGN); /* brings no ports */
    BAD("stop", b->stop_pid = 1);                /* of our own engine */
    BAD("reflect_every", b->mode = RL_TRIAL_REFLECT; b->reflect_every = 0);
    BAD("powers of two", b->n_order_slots = 1000);
    BAD("powers of two", b->n_audit_slots = 0);
    BAD("powers of two", b->n_market_bytes = 3 << 20);
    BAD("powers of two", b->n_session_bytes = 12345);
    BAD("audit", b->n_audit_slots = 2);
    BAD("longest frame", b->n_market_bytes = 128);
    BAD("orders", b->n_session_bytes = 1024);
    BAD("strategy", b->strategy.order_qty = 0);
    BAD("epoch", b->epoch = 0);
    BAD("books", b->n_instruments = 0);
    BAD("books", b->n_orders = 0);
    BAD("n_instruments", b->n_instruments = 2); /* the stream has three */
    BAD("framing", b->stream.feed = RL_FEED_FIX; b->stream.framing = RL_FRAMING_FIX_STAMP);
    BAD("names no instrument", b->stream = fix; b->stream.feed = RL_FEED_ITCH;
        b->stream.framing = RL_FRAMING_MOLD_WRAP);
#undef BAD
    for (size_t i = 0; i < n; i++) {
        int err = rl_trial_open(&t, &cases[i].c, trial_clock(), &why);

        if (err != -EINVAL || why == NULL || strstr(why, cases[i].word) == NULL)
            fprintf(stderr, "case %zu: wanted '%s', saw %d: %s\n", i, cases[i].word, err,
                    why ? why : "nothing");
        CHECK_EQ(err, -EINVAL);
        CHECK(why != NULL && strstr(why, cases[i].word) != NULL);
        CHECK(t == NULL);
    }
    t = trial_open(&good);
    rl_trial_close(t);
    free(recs);
    stream_free(&stream);
    stream_free(&fix);
}

/* A capture of ITCH packets with everything that can happen to a line. */
static struct rl_stream captured_line(uint64_t *n_messages)
{
    static const struct {
        uint64_t seq;
        uint32_t n;
    } packets[] = {
        {500, 3}, {503, 2}, {505, 1}, /* whole */
        {505, 1},                     /* again */
        {510, 4},                     /* 506 to 509 never came */
        {512, 4},                     /* 512 and 513 again, 514 and 515 new */
        {516, 0},                     /* a heartbeat */
        {516, 3},
    };
    struct stream_builder b = stream_builder(RL_COUNT(packets), 1024);
    uint8_t packet[1024], m[RL_ITCH_MAX_MESSAGE];

    *n_messages = 0;
    for (size_t i = 0; i < RL_COUNT(packets); i++) {
        struct rl_mold_writer w;

        rl_mold_begin(&w, packet, sizeof packet, "CAPTURED01", packets[i].seq);
        for (uint64_t seq = packets[i].seq; seq < packets[i].seq + packets[i].n; seq++) {
            /* Bids and offers in turn, each larger than all before: many signals. */
            enum rl_side side = seq % 2 ? RL_SELL : RL_BUY;
            uint32_t qty = 1u << (seq - 500);

            CHECK(rl_mold_add(&w, m,
                              rl_itch_put_add(m, &(struct rl_itch_head){.locate = 1}, seq, side,
                                              qty, "ABC", market_px(side, 0))));
        }
        stream_push(&b, packet, rl_mold_finish(&w));
        b.recs[b.n_recs - 1].n_messages = (uint16_t)packets[i].n;
        *n_messages += packets[i].n;
    }
    return (struct rl_stream){.bytes = b.bytes,
                              .n_bytes = b.n_bytes,
                              .recs = b.recs,
                              .n_recs = b.n_recs,
                              .loop_from = b.n_recs,
                              .framing = RL_FRAMING_MOLD,
                              .feed = RL_FEED_ITCH};
}

static void test_gaps_and_repeats_of_a_captured_line_are_counted_and_its_orders_known(void)
{
    uint64_t n_messages;
    struct rl_stream stream = captured_line(&n_messages);
    struct rl_trial_config c = trial_config(stream, stream.n_recs);
    struct rl_trial_answer answer;
    struct rl_trial *t;

    c.n_warmup_frames = 2; /* measured from 505 on */
    c.strategy.threshold_permille = 100;
    t = trial_run(&c);
    CHECK_EQ(rl_counted(&t->blast.n.messages_sent), n_messages);
    CHECK_EQ(t->engine.feed.n.gaps, 1);
    CHECK_EQ(t->engine.feed.n.lost, 4);
    CHECK_EQ(t->engine.feed.n.duplicates, 3);
    CHECK_EQ(t->engine.feed.n.heartbeats, 1);
    CHECK_EQ(t->engine.feed.n.messages, n_messages - 3);
    CHECK(rl_counted(&t->exchange.n.orders_valid) > 3);
    CHECK_EQ(rl_counted(&t->exchange.n.orders_valid), rl_counted(&t->engine.oms.n.orders_sent));
    CHECK(rl_counted(&t->exchange.n.orders_measured) < rl_counted(&t->exchange.n.orders_valid));
    CHECK_EQ(t->engine.buf.n_total, rl_counted(&t->exchange.n.orders_measured));
    rl_trial_answer(t, &answer);
    CHECK_EQ(answer.last_seq, 518);
    CHECK_EQ(answer.n_orders, n_messages - 3);
    rl_trial_close(t);
    stream_free(&stream);
}

static void test_a_fix_log_is_sent_as_it_is_and_its_orders_known_by_its_own_numbers(void)
{
    for (int mode = RL_TRIAL_ENGINE; mode <= RL_TRIAL_REFLECT; mode++) {
        struct rl_stream stream = small_stream(RL_FEED_FIX);
        struct rl_trial_config c;
        struct rl_trial *t;

        stream.framing = RL_FRAMING_RAW;
        stream.loop_from = stream.n_recs;
        c = trial_config(stream, stream.n_recs);
        c.mode = (enum rl_trial_mode)mode;
        t = trial_run(&c);
        CHECK(rl_counted(&t->exchange.n.orders_valid) > 100);
        CHECK_EQ(rl_counted(&t->exchange.n.orders_valid), rl_counted(&t->engine.n.requests_sent));
        if (mode == RL_TRIAL_ENGINE)
            CHECK_EQ(t->engine.buf.n_total, rl_counted(&t->exchange.n.orders_measured));
        rl_trial_close(t);
        stream_free(&stream);
    }
}

static void test_dbn_records_ride_in_packets_and_orders_carry_the_instruments_number(void)
{
    enum { N = 2000 };
    struct stream_builder b = stream_builder(N, RL_DBN_MBO_BYTES);
    uint64_t random = 5;
    struct rl_stream stream;
    struct rl_trial_config c;
    struct rl_trial_answer answer;
    struct rl_trial_book book;
    struct rl_trial *t;

    for (uint32_t i = 0; i < N; i++) {
        struct rl_dbn_mbo r = {.instrument = 17077,
                               .id = 1 + i % 2, /* one bid, one offer, modified all the time */
                               .px_nano = market_px((int)i % 2, 0),
                               .qty = 1 + (uint32_t)(check_random(&random) >> 20) % 1000,
                               .action = i < 2 ? 'A' : 'M',
                               .side = i % 2 ? 'A' : 'B',
                               .sequence = 9000 + i};
        uint8_t record[RL_DBN_MBO_BYTES];

        stream_push(&b, record, rl_dbn_put_mbo(record, &r));
    }
    stream = (struct rl_stream){.bytes = b.bytes,
                                .n_bytes = b.n_bytes,
                                .recs = b.recs,
                                .n_recs = N,
                                .loop_from = N,
                                .framing = RL_FRAMING_MOLD_WRAP,
                                .feed = RL_FEED_DBN};
    c = trial_config(stream, N);
    t = trial_run(&c);
    CHECK(rl_counted(&t->exchange.n.orders_valid) > 50);
    CHECK_EQ(rl_counted(&t->exchange.n.orders_valid), rl_counted(&t->engine.n.intents));
    rl_trial_answer(t, &answer);
    CHECK_EQ(answer.last_seq, 9000 + N - 1); /* the venue's number, not the packet's */
    CHECK_EQ(answer.n_orders, 2);
    CHECK_EQ(rl_trial_book(t, 0, &book), 0);
    CHECK(strcmp(book.symbol, "17077") == 0);
    rl_trial_close(t);
    stream_free(&stream);
}

static void test_an_epoch_keeps_the_ids_of_two_trials_apart(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    uint64_t last = 0;

    for (uint32_t epoch = 1; epoch <= 2; epoch++) {
        struct rl_trial_config c = trial_config(stream, 2000);
        struct rl_trial *t;
        struct rl_audit_record *records;
        uint64_t n;

        c.epoch = epoch;
        t = trial_run(&c);
        records = trial_audit(t, &n);
        for (uint64_t i = 0; i < n; i++) {
            if (records[i].kind != RL_AUDIT_SENT)
                continue;
            CHECK(records[i].id > last);
            CHECK_EQ(rl_id_epoch(records[i].id), epoch);
            last = records[i].id;
        }
        free(records);
        rl_trial_close(t);
    }
    stream_free(&stream);
}

int main(void)
{
    test_configs_that_make_no_sense_are_refused_with_a_sentence();
    test_gaps_and_repeats_of_a_captured_line_are_counted_and_its_orders_known();
    test_a_fix_log_is_sent_as_it_is_and_its_orders_known_by_its_own_numbers();
    test_dbn_records_ride_in_packets_and_orders_carry_the_instruments_number();
    test_an_epoch_keeps_the_ids_of_two_trials_apart();
    return 0;
}
