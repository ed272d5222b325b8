/* A recording played: at any pace and through any path it ends the same, and nothing is lost
 * unsaid. */
#include "replay_packets.h"

#include "base/cpu.h"
#include "market/codec/itch.h"
#include "market/fix/fix.h"
#include "rig/player/player.h"

static struct rl_player *player;
static struct rl_player_answer answer;

#define N(counter) rl_counted(&player->counter)

static void open_it(const struct rl_player_config *c)
{
    const char *why;
    int err = rl_player_open(&player, c, &why);

    if (err) {
        fprintf(stderr, "open: %d: %s\n", err, why);
        exit(1);
    }
}

static void look(void)
{
    rl_player_answer(player, &answer);
    if (answer.damage) {
        fprintf(stderr, "damage: %s\n", answer.damage);
        exit(1);
    }
}

/* --- recordings ------------------------------------------------------------------------------- */

static struct rl_stream_rec many[4096];

/* An ITCH file: orders 1..n of two instruments, every third cancelled in part, the last deleted. */
static struct rl_player_config itch_recording(uint32_t n)
{
    struct rl_player_config c;
    uint64_t n_found;

    file_begin();
    for (uint32_t i = 1; i <= n; i++) {
        struct rl_itch_head h = {.locate = (uint16_t)(i % 2), .ts_ns = 1000 + 10 * i};
        uint8_t m[2 + RL_ITCH_MAX_MESSAGE];
        uint32_t size;

        if (i == n)
            size = rl_itch_put_delete(m + 2, &h, n - 2); /* of the same instrument */
        else if (i % 3 == 0 && i > 2)
            size = rl_itch_put_cancel(m + 2, &h, i - 2, 1);
        else
            size = rl_itch_put_add(m + 2, &h, i, i % 4 < 2 ? RL_BUY : RL_SELL, 5,
                                   i % 2 ? "AAA" : "BBB", 1000000000LL + (i % 4 < 2 ? -1 : 1) * i);
        rl_put_be16(m, (uint16_t)size);
        put(m, 2 + size);
    }
    CHECK_EQ(
        rl_replay_index(RL_SOURCE_ITCH_FILE, file, n_file, many, RL_COUNT(many), &n_found, &error),
        0);
    CHECK_EQ(n_found, n);
    rl_player_config_init(&c);
    c.bytes = file;
    c.n_bytes = n_file;
    c.recs = many;
    c.n_recs = n;
    c.protocol = RL_FEED_ITCH;
    c.n_orders = 4096;
    return c;
}

/* Bits of `made`: which lines bring a packet. */
#define ON_A 1
#define ON_B 2

/*
 * The messages of itch_recording(n), two a packet, from number 1 on, on the lines that `on` says
 * for each packet (the last entry again and again); B comes 3 us after A.
 */
static struct rl_player_config line_recording(uint32_t n, const uint8_t *on, uint32_t n_on)
{
    static uint8_t packets[65536];
    static struct rl_stream_rec recs_of[4096];
    struct rl_player_config c = itch_recording(n);
    uint32_t n_bytes = 0, n_out = 0, k = 0;

    for (uint32_t i = 0; i < n; i += 2, k++) {
        uint8_t lines = on[k < n_on ? k : n_on - 1];
        struct rl_mold_writer w;
        uint32_t size;

        rl_mold_begin(&w, packets + n_bytes, 512, "SESSION  1", 1 + i);
        for (uint32_t m = i; m < i + 2 && m < n; m++)
            CHECK(rl_mold_add(&w, file + many[m].offset, many[m].n_bytes));
        size = rl_mold_finish(&w);
        for (uint8_t line = 0; line < 2; line++)
            if (lines & (1u << line))
                recs_of[n_out++] = (struct rl_stream_rec){
                    .offset = n_bytes,
                    .n_bytes = size,
                    .n_messages = (uint16_t)(n - i < 2 ? n - i : 2),
                    .line = line,
                    .ts_ns = 1000000000ULL + k * 100000 + line * 3000,
                };
        n_bytes += size;
        CHECK(n_bytes + 512 <= sizeof packets && n_out + 2 <= RL_COUNT(recs_of));
    }
    c.bytes = packets;
    c.n_bytes = n_bytes;
    c.recs = recs_of;
    c.n_recs = n_out;
    c.is_packets = true;
    c.n_lines = 2;
    return c;
}

/* --- into the book ---------------------------------------------------------------------------- */

static struct rl_player_end play_once(const struct rl_player_config *c)
{
    open_it(c);
    CHECK_EQ(rl_player_run(player), 0);
    look();
    return answer.end;
}

static void test_a_recording_ends_with_its_book_and_its_counts(void)
{
    struct rl_player_config c = itch_recording(1000);
    struct rl_book_top top;
    struct rl_bbo bbo;

    (void)play_once(&c);
    CHECK_EQ(answer.end.n_messages, 1000);
    CHECK_EQ(answer.n_instruments, 2);
    CHECK_EQ(answer.end.last_seq, 1000);
    CHECK_EQ(N(read.updates), 1000);
    CHECK_EQ(N(read.frames), 1000);
    CHECK_EQ(N(sent.records), 1000);
    CHECK_EQ(N(sent.bytes) + 2 * 1000, c.n_bytes);
    CHECK_EQ(N(read.loops), 1);
    CHECK_EQ(player->books.n.unknown_ids, 0);
    CHECK_EQ(answer.n_orders, 1000 - 333 - 1 - 1); /* adds less the deleted one */
    /* Readers of the views see what the writer has. */
    rl_books_bbo(&player->books, 0, &bbo);
    CHECK(rl_views_read(player->views, 0, &top));
    CHECK_EQ(top.levels[RL_BUY][0].px_nano, bbo.px_nano[RL_BUY]);
    CHECK_EQ(top.levels[RL_SELL][0].qty, bbo.qty[RL_SELL]);
    rl_player_close(player);
}

static void test_the_message_hash_knows_every_byte_and_the_order(void)
{
    struct rl_player_config c = itch_recording(50);
    struct rl_player_end good = play_once(&c), other;
    struct rl_stream_rec kept;

    rl_player_close(player);
    file[many[20].offset + 3] ^= 1; /* tracking number: no book is changed by it */
    other = play_once(&c);
    CHECK(other.message_hash != good.message_hash);
    CHECK_EQ(other.book_hash, good.book_hash);
    rl_player_close(player);
    file[many[20].offset + 3] ^= 1;
    kept = many[10];
    many[10] = many[11];
    many[11] = kept;
    other = play_once(&c);
    CHECK(other.message_hash != good.message_hash);
    rl_player_close(player);
}

static void test_two_lines_that_lose_different_packets_end_like_the_file(void)
{
    static const uint8_t all[] = {ON_A | ON_B};
    static const uint8_t some[] = {ON_A | ON_B, ON_B, ON_A, ON_B,       ON_B,
                                   ON_A | ON_B, ON_A, ON_A, ON_A | ON_B};
    static const uint8_t one[] = {ON_B};
    static const struct {
        const uint8_t *on;
        uint32_t n_on;
        uint64_t wins_a;
    } cases[] = {{all, 1, 100}, {some, RL_COUNT(some), 97}, {one, 1, 0}};
    struct rl_player_config c = itch_recording(199);
    struct rl_player_end file_end = play_once(&c);

    rl_player_close(player);
    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        struct rl_player_end end;

        c = line_recording(199, cases[i].on, cases[i].n_on);
        end = play_once(&c);
        CHECK_EQ(end.message_hash, file_end.message_hash);
        CHECK_EQ(end.book_hash, file_end.book_hash);
        CHECK_EQ(end.last_seq, 199);
        CHECK_EQ(player->lines.line[0].wins, cases[i].wins_a);
        CHECK_EQ(player->lines.n.lost, 0);
        CHECK_EQ(N(read.left_waiting), 0);
        rl_player_close(player);
    }
}

static void test_what_both_lines_lose_is_given_up_and_counted(void)
{
    static const uint8_t on[] = {ON_A | ON_B, 0, ON_A | ON_B};
    struct rl_player_config c = line_recording(200, on, RL_COUNT(on));

    (void)play_once(&c);
    CHECK_EQ(answer.end.n_messages, 198);
    CHECK_EQ(player->lines.n.lost, 2);
    CHECK_EQ(player->lines.n.gaps_lost, 1);
    rl_player_close(player);
}

static void test_a_gap_at_the_very_end_of_a_recording_is_given_up_too(void)
{
    static const uint8_t on[] = {ON_A, ON_A, 0, ON_A};
    struct rl_player_config c = line_recording(8, on, RL_COUNT(on));

    (void)play_once(&c);
    CHECK_EQ(answer.end.n_messages, 6);
    CHECK_EQ(player->lines.n.lost, 2);
    CHECK_EQ(N(read.left_waiting), 0);
    rl_player_close(player);
}

static void test_every_loop_ends_like_the_first(void)
{
    static const uint8_t on[] = {ON_A | ON_B, ON_B};
    struct rl_player_config c = line_recording(200, on, RL_COUNT(on));
    struct rl_player_end once = play_once(&c);

    rl_player_close(player);
    c.n_loops = 5;
    (void)play_once(&c);
    CHECK_EQ(answer.end.message_hash, once.message_hash);
    CHECK_EQ(answer.end.book_hash, once.book_hash);
    CHECK_EQ(answer.end.last_seq, 200);
    CHECK_EQ(N(read.loops), 5);
    CHECK_EQ(N(sent.loops_sent), 5);
    CHECK_EQ(N(read.loops_different), 0);
    CHECK_EQ(N(read.delivered), 1000);
    CHECK_EQ(player->lines.n.lost, 0);
    rl_player_close(player);
}

/* A clock that changes the recording after its first loop: what a soak must notice. */
static uint64_t changing_now(void *arg)
{
    uint64_t *n = arg;

    if (++*n == 120) /* twice a record, 50 records a loop, and the start */
        file[many[20].offset + 3] ^= 1;
    return 1000000000ULL * *n; /* always late: nobody sleeps */
}

static void test_a_loop_that_ends_otherwise_is_counted(void)
{
    uint64_t n_calls = 0;
    const struct rl_player_clock clock = {.now_ns = changing_now, .arg = &n_calls};
    struct rl_player_config c = itch_recording(50);

    c.pace = (struct rl_pace_config){.mode = RL_PACE_RATE, .rate_per_s = 1000000};
    c.clock = &clock;
    c.n_loops = 4;
    (void)play_once(&c);
    CHECK_EQ(N(read.loops), 4);
    CHECK(N(read.loops_different) > 0 && N(read.loops_different) < 4);
    rl_player_close(player);
}

/* --- pace ------------------------------------------------------------------------------------- */

/* A clock that only moves when somebody sleeps, and oversleeps by `over` ns, or looks at it. */
#define LOOK_NS 100
struct fake_clock {
    uint64_t now, slept, over, n_sleeps;
    struct rl_player *stops; /* stopped at the third sleep */
};

static uint64_t fake_now(void *arg)
{
    struct fake_clock *f = arg;

    f->now += LOOK_NS;
    return f->now;
}

static void fake_sleep(void *arg, uint64_t ns)
{
    struct fake_clock *f = arg;

    f->now += ns + f->over;
    f->slept += ns;
    if (++f->n_sleeps == 3 && f->stops)
        rl_player_stop(f->stops);
}

static struct rl_player_config paced(struct rl_player_config c, struct rl_pace_config pace,
                                     struct rl_player_clock *clock, struct fake_clock *fake)
{
    *clock = (struct rl_player_clock){.now_ns = fake_now, .sleep_ns = fake_sleep, .arg = fake};
    c.pace = pace;
    c.clock = clock;
    return c;
}

static void test_each_record_goes_when_it_is_due_whatever_came_before(void)
{
    static const struct {
        struct rl_pace_config pace;
        uint64_t span_ns; /* from the first to the last of 100 packets, 100 us apart as recorded */
    } cases[] = {
        {{.mode = RL_PACE_RECORDED, .speed_num = 1, .speed_den = 1}, 9900000},
        {{.mode = RL_PACE_RECORDED, .speed_num = 2, .speed_den = 1}, 4950000},
        {{.mode = RL_PACE_RECORDED, .speed_num = 1, .speed_den = 100}, 990000000},
        {{.mode = RL_PACE_RATE, .rate_per_s = 1000}, 198000000}, /* 2 messages each */
    };
    static const uint8_t on[] = {ON_A};

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        struct fake_clock fake = {.now = 77};
        struct rl_player_clock clock;
        struct rl_player_config c = paced(line_recording(200, on, 1), cases[i].pace, &clock, &fake);

        (void)play_once(&c);
        CHECK_EQ(answer.end.n_messages, 200);
        CHECK_EQ(player->lateness.n_total, 100);
        CHECK(player->lateness.max <= 2 * LOOK_NS);
        CHECK(answer.elapsed_ns >= cases[i].span_ns);
        CHECK(answer.elapsed_ns <= cases[i].span_ns + 4 * LOOK_NS);
        rl_player_close(player);
    }
}

static void test_lateness_is_told_and_does_not_add_up(void)
{
    static const uint8_t on[] = {ON_A};
    struct fake_clock fake = {.over = 1000000}; /* 800 us beyond the spinning before each record */
    struct rl_player_clock clock;
    struct rl_player_config c =
        paced(line_recording(200, on, 1),
              (struct rl_pace_config){.mode = RL_PACE_RATE, .rate_per_s = 200}, &clock, &fake);

    (void)play_once(&c);
    CHECK_EQ(player->lateness.n_total, 100);
    CHECK(player->lateness.max >= 800000 && player->lateness.max <= 800000 + 4 * LOOK_NS);
    CHECK(answer.elapsed_ns >= 990000000 && answer.elapsed_ns <= 990800000 + 8 * LOOK_NS);
    rl_player_close(player);
}

static void test_playing_allocates_nothing(void)
{
    static const uint8_t on[] = {ON_A | ON_B, ON_B, ON_A};
    struct rl_player_config c = line_recording(200, on, RL_COUNT(on));
    void *volatile heap;

    CHECK(rl_trap_is_linked());
    c.n_loops = 3;
    open_it(&c);
    rl_trap_arm();
    CHECK_EQ(rl_player_run(player), 0);
    rl_trap_disarm();
    CHECK_EQ(rl_trap_count(), 0);
    rl_trap_arm();
    heap = malloc(1);
    free(heap); /* one would have been seen */
    rl_trap_disarm();
    CHECK(rl_trap_count() > 0);
    rl_player_close(player);
}

static void test_full_speed_reads_no_clock_and_keeps_no_lateness(void)
{
    struct fake_clock fake = {0};
    struct rl_player_clock clock;
    struct rl_player_config c =
        paced(itch_recording(100), (struct rl_pace_config){.mode = RL_PACE_MAX}, &clock, &fake);

    (void)play_once(&c);
    CHECK_EQ(player->lateness.n_total, 0);
    CHECK_EQ(fake.now, 2 * LOOK_NS); /* begin and end */
    CHECK_EQ(fake.n_sleeps, 0);
    rl_player_close(player);
}

static void test_a_player_that_is_stopped_ends_with_what_was_played(void)
{
    struct fake_clock fake = {0};
    struct rl_player_clock clock;
    struct rl_player_config c =
        paced(itch_recording(100), (struct rl_pace_config){.mode = RL_PACE_RATE, .rate_per_s = 10},
              &clock, &fake);

    c.n_loops = 0; /* for ever, but for the stop */
    open_it(&c);
    fake.stops = player;
    CHECK_EQ(rl_player_run(player), 0);
    look();
    /* No sleep is longer than 50 ms, so that a stop is seen in time; three of them are 150 ms. */
    CHECK(fake.slept > 149790000 && fake.slept <= 99800000 + 50000000);
    CHECK_EQ(answer.end.n_messages, 2);
    CHECK_EQ(N(sent.records), 2);
    CHECK_EQ(N(read.loops), 0);
    rl_player_close(player);
}

static void test_a_player_that_is_stopped_between_loops_still_shows_the_last(void)
{
    struct fake_clock fake = {0};
    struct rl_player_clock clock;
    struct rl_player_config c =
        paced(itch_recording(4), (struct rl_pace_config){.mode = RL_PACE_RATE, .rate_per_s = 40},
              &clock, &fake);

    c.n_recs = 3; /* 25 ms apart: two sleeps, and a third before the next loop */
    c.n_loops = 0;
    open_it(&c);
    fake.stops = player;
    CHECK_EQ(rl_player_run(player), 0);
    look();
    CHECK_EQ(N(read.loops), 1);
    CHECK_EQ(N(read.frames), 3);
    CHECK_EQ(answer.end.n_messages, 3);
    CHECK(answer.n_orders > 0 && answer.end.book_hash != 0);
    rl_player_close(player);
}

/* --- into a port ------------------------------------------------------------------------------ */

/* CPUs for two threads, or for both the same one. */
static void use_cpus(struct rl_player_config *c)
{
    int cpus[1024], n = rl_cpu_allowed(cpus, (int)RL_COUNT(cpus));

    CHECK(n > 0);
    c->into = RL_PLAYER_PORT;
    c->cpu_reader = cpus[0];
    c->cpu_sender = cpus[n > 1 ? 1 : 0];
}

static struct rl_player_end play_port(const struct rl_player_config *c)
{
    open_it(c);
    CHECK_EQ(rl_player_wait(player, 0), -EINVAL);
    CHECK_EQ(rl_player_start(player), 0);
    CHECK_EQ(rl_player_start(player), -EALREADY);
    CHECK_EQ(rl_player_wait(player, 60000000000ULL), 0);
    look();
    CHECK_EQ(N(sent.records), N(read.frames) + N(sent.records_unsent));
    return answer.end;
}

static void test_a_port_brings_the_same_as_the_file(void)
{
    struct rl_player_config c = itch_recording(1000);
    struct rl_player_end file_end = play_once(&c), end;

    rl_player_close(player);
    use_cpus(&c);
    c.n_cable_bytes = 1024; /* full again and again: at full speed the sender waits */
    c.n_loops = 3;
    end = play_port(&c);
    CHECK_EQ(end.message_hash, file_end.message_hash);
    CHECK_EQ(end.book_hash, file_end.book_hash);
    CHECK_EQ(N(sent.records_unsent), 0);
    CHECK_EQ(N(read.loops), 3);
    CHECK_EQ(N(read.loops_different), 0);
    CHECK_EQ(N(read.frames), 3000);
    rl_player_close(player);
}

static void test_two_lines_are_two_cables_and_end_like_the_file(void)
{
    static const uint8_t all[] = {ON_A | ON_B};
    struct rl_player_config c = itch_recording(1000);
    struct rl_player_end file_end = play_once(&c), end;

    rl_player_close(player);
    c = line_recording(1000, all, 1);
    use_cpus(&c);
    c.n_loops = 2;
    end = play_port(&c);
    CHECK_EQ(end.message_hash, file_end.message_hash);
    CHECK_EQ(end.book_hash, file_end.book_hash);
    CHECK_EQ(N(read.frames), 2000);
    CHECK_EQ(player->lines.line[0].packets + player->lines.line[1].packets, 2000);
    CHECK_EQ(player->lines.n.lost, 0);
    CHECK_EQ(N(read.loops_different), 0);
    rl_player_close(player);
}

static void test_a_sender_on_time_never_waits_and_what_finds_no_room_is_counted(void)
{
    struct rl_player_config c = itch_recording(1000);

    use_cpus(&c);
    c.cpu_sender = c.cpu_reader; /* the reader stands still while the sender has their CPU */
    c.n_cable_bytes = 1024;
    c.pace = (struct rl_pace_config){.mode = RL_PACE_RATE, .rate_per_s = 1000000000};
    (void)play_port(&c);
    CHECK_EQ(N(sent.records), 1000);
    CHECK(N(sent.records_unsent) > 0);
    CHECK_EQ(answer.end.n_messages, 1000 - N(sent.messages_unsent));
    rl_player_close(player);
}

static void test_stopping_a_port_reads_what_was_sent(void)
{
    struct rl_player_config c = itch_recording(1000);

    use_cpus(&c);
    c.n_loops = 0;
    open_it(&c);
    CHECK_EQ(rl_player_start(player), 0);
    CHECK_EQ(rl_player_wait(player, 1000000), -ETIMEDOUT);
    while (N(read.loops) < 2)
        (void)rl_player_wait(player, 1000000); /* progress is read while it plays */
    rl_player_stop(player);
    CHECK_EQ(rl_player_wait(player, 60000000000ULL), 0);
    look();
    CHECK_EQ(N(sent.records), N(read.frames));
    CHECK_EQ(N(read.loops_different), 0);
    CHECK_EQ(N(read.delivered), N(read.frames));
    rl_player_close(player);
}

/* --- what makes no sense ---------------------------------------------------------------------- */

static void check_why(const struct rl_player_config *c, const char *words)
{
    const char *why;

    CHECK_EQ(rl_player_open(&player, c, &why), -EINVAL);
    CHECK(player == NULL);
    if (strstr(why, words) == NULL) {
        fprintf(stderr, "wanted: %s; saw: %s\n", words, why);
        exit(1);
    }
}

static void test_what_makes_no_sense_is_refused_with_a_sentence(void)
{
    const struct rl_player_config good = itch_recording(10);
    struct rl_player_config c = good;

    c.n_recs = 0;
    check_why(&c, "empty");
    c = good;
    c.n_lines = RL_LINES_MAX + 1;
    check_why(&c, "lines");
    c = good;
    c.pace.mode = RL_PACE_RATE;
    check_why(&c, "pace");
    c = good;
    c.n_bytes = 20;
    check_why(&c, "outside");
    c = good;
    many[3].line = 1;
    check_why(&c, "line");
    many[3].line = 0;
    c = good;
    c.n_orders = 0;
    check_why(&c, "sizes");
    c = good;
    c.into = RL_PLAYER_PORT;
    c.n_cable_bytes = 1000;
    check_why(&c, "power of two");
    c.n_cable_bytes = 128;
    check_why(&c, "longest record");
    rl_player_close(NULL);
}

int main(void)
{
    test_a_recording_ends_with_its_book_and_its_counts();
    test_the_message_hash_knows_every_byte_and_the_order();
    test_two_lines_that_lose_different_packets_end_like_the_file();
    test_what_both_lines_lose_is_given_up_and_counted();
    test_a_gap_at_the_very_end_of_a_recording_is_given_up_too();
    test_every_loop_ends_like_the_first();
    test_a_loop_that_ends_otherwise_is_counted();
    test_each_record_goes_when_it_is_due_whatever_came_before();
    test_lateness_is_told_and_does_not_add_up();
    test_playing_allocates_nothing();
    test_full_speed_reads_no_clock_and_keeps_no_lateness();
    test_a_player_that_is_stopped_ends_with_what_was_played();
    test_a_player_that_is_stopped_between_loops_still_shows_the_last();
    test_a_port_brings_the_same_as_the_file();
    test_two_lines_are_two_cables_and_end_like_the_file();
    test_a_sender_on_time_never_waits_and_what_finds_no_room_is_counted();
    test_stopping_a_port_reads_what_was_sent();
    test_what_makes_no_sense_is_refused_with_a_sentence();
    return 0;
}
