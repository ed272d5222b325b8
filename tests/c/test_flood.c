/* The open-loop flood: what was done to its frames is what its receiver says, frame by frame. */
#include <errno.h>
#include <time.h>

#include "base/mem.h"
#include "net/port/port_shm.h"
#include "rig/traffic/flood.h"
#include "rig/traffic/flood_content.h"
#include "unkind_port.h"

#define WIRE_BYTES (4U << 20)

static struct rl_clock ticks;

/* A cable, and both ends of a flood on it, turned by the test itself. */
struct bed {
    struct rl_arena arena;
    struct rl_cable cable;
    struct unkind unkind;
    struct rl_flood_sender sender;
    struct rl_flood_receiver receiver;
};

static struct bed *bed_new(uint64_t n_wire_bytes, uint64_t seed)
{
    static struct bed bed;
    struct bed *b = &bed;

    memset(b, 0, sizeof *b);
    CHECK_EQ(rl_arena_open(&b->arena, 2 * n_wire_bytes + (4U << 20), 0), 0);
    CHECK_EQ(rl_cable_open(&b->cable, &b->arena, n_wire_bytes), 0);
    unkind_open(&b->unkind, b->cable.end[0], seed);
    return b;
}

static const struct rl_flood_traffic plain = {
    .n_frames = 3000, .n_bytes = 100, .flow = 7, .seed = 42};

static void bed_listen(struct bed *b, const struct rl_flood_traffic *t, uint64_t n_window)
{
    struct rl_flood_receive_config receive = {.n_window = n_window, .n_log = 10000};

    CHECK_EQ(rl_flood_receiver_init(&b->receiver, t, &receive, b->cable.end[1], &ticks, &b->arena),
             0);
}

/* All frames through `port` to the receiver. */
static void bed_flood(struct bed *b, const struct rl_flood_traffic *t, struct rl_port *port)
{
    struct rl_flood_send_config send = {.n_batch = 16};

    CHECK_EQ(rl_flood_sender_init(&b->sender, t, &send, port, &ticks, &b->arena), 0);
    rl_flood_sender_start(&b->sender, rl_tsc());
    while (!rl_flood_sender_is_done(&b->sender)) {
        CHECK(rl_flood_sender_turn(&b->sender) <= 16);
        while (rl_flood_receiver_turn(&b->receiver) > 0)
            ;
    }
}

#define IN(b, counter) rl_counted(&(b)->receiver.n.counter)
#define OUT(b, counter) rl_counted(&(b)->sender.n.counter)

static void check_against_the_truth(struct bed *b)
{
    struct unkind_account a = unkind_account(&b->unkind);

    CHECK_EQ(IN(b, frames_in), b->unkind.n_truth);
    CHECK_EQ(IN(b, ahead), a.ahead);
    CHECK_EQ(IN(b, reordered), a.reordered);
    CHECK_EQ(IN(b, duplicates), a.duplicates);
    CHECK_EQ(IN(b, corrupt), a.corrupt);
    CHECK_EQ(IN(b, gaps), a.gaps);
    CHECK_EQ(IN(b, skipped), a.skipped);
    CHECK_EQ(IN(b, foreign) + IN(b, too_old) + IN(b, beyond), 0);
    CHECK_EQ(b->receiver.n_logged, b->unkind.n_truth);
    for (uint32_t i = 0; i < b->unkind.n_truth; i++)
        CHECK_EQ(b->receiver.log[i], b->unkind.truth[i]);
    CHECK_EQ(b->receiver.from_sent.n_total, a.ahead + a.reordered);
    CHECK_EQ(b->receiver.from_intended.n_total, a.ahead + a.reordered);
    CHECK_EQ(a.corrupt, b->unkind.n_damaged);
    CHECK_EQ(a.duplicates, b->unkind.n_repeated);
    CHECK_EQ(a.ahead + a.reordered + b->unkind.n_lost + b->unkind.n_damaged, OUT(b, frames_sent));
}

static void flood_unkindly(const struct rl_flood_traffic *t, uint64_t seed, bool is_ethernet)
{
    struct bed *b = bed_new(WIRE_BYTES, seed);

    b->cable.end[0]->caps.is_ethernet = b->cable.end[1]->caps.is_ethernet = is_ethernet;
    b->unkind.n_prefix = t->prefix.n_bytes;
    b->unkind.loses = b->unkind.repeats = b->unkind.delays = b->unkind.damages = 20;
    b->unkind.holds_below = t->n_frames - 2 * UNKIND_HOLD;
    bed_listen(b, t, 0);
    bed_flood(b, t, &b->unkind.port);
    CHECK_EQ(OUT(b, frames_sent), t->n_frames);
    CHECK_EQ(b->unkind.n_held, 0);
    CHECK(b->unkind.n_lost > 10 && b->unkind.n_repeated > 10 && b->unkind.n_delayed > 10 &&
          b->unkind.n_damaged > 10);
    check_against_the_truth(b);
    rl_arena_close(&b->arena);
}

static void test_whatever_the_wire_does_to_the_frames_is_counted_exactly(void)
{
    for (uint64_t seed = 1; seed <= 5; seed++)
        flood_unkindly(&plain, seed, false);
}

static void test_frames_with_headers_in_front_are_judged_alike(void)
{
    static const uint8_t to[6] = {2, 0, 0, 0, 0, 1}, from[6] = {2, 0, 0, 0, 0, 2};
    struct rl_flood_traffic t = plain;

    rl_prefix_ethernet(&t.prefix, to, from);
    flood_unkindly(&t, 11, true);
    t.prefix.n_bytes = 42; /* as many as down to UDP's */
    flood_unkindly(&t, 12, true);
}

/* 7 records of 10, 20 .. 70 bytes. */
static struct rl_stream stream_of_seven(void)
{
    static uint8_t bytes[280];
    static struct rl_stream_rec recs[7];
    uint64_t random = 99;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)check_random(&random);
    for (uint32_t i = 0, at = 0; i < 7; at += 10 * ++i)
        recs[i] = (struct rl_stream_rec){.offset = at, .n_bytes = 10 * (i + 1), .n_messages = 1};
    return (struct rl_stream){.bytes = bytes, .n_bytes = sizeof bytes, .recs = recs, .n_recs = 7};
}

static void test_messages_of_a_stream_travel_packed_and_are_compared(void)
{
    struct rl_stream stream = stream_of_seven();
    struct rl_flood_traffic t = plain;
    struct bed *b;

    t.stream = &stream;
    for (t.n_pack = 1; t.n_pack <= 9; t.n_pack += 4) {
        t.n_bytes = 40 + t.n_pack * 72;
        flood_unkindly(&t, 20 + t.n_pack, false);
    }
    t.n_pack = 3;
    t.n_bytes = 40 + 3 * 72;
    b = bed_new(WIRE_BYTES, 1);
    bed_listen(b, &t, 0);
    bed_flood(b, &t, b->cable.end[0]);
    CHECK_EQ(IN(b, ahead), 3000);
    CHECK_EQ(OUT(b, messages_sent), 9000);
    CHECK_EQ(OUT(b, bytes_sent), 3000 * 40 + 9000 * 2 + 1285 * 280 + 150); /* 9000 = 1285 * 7 + 5 */
    CHECK_EQ(IN(b, bytes_in), OUT(b, bytes_sent));
    rl_arena_close(&b->arena);
    t.n_bytes--; /* three of the longest no longer fit */
    b = bed_new(WIRE_BYTES, 1);
    CHECK_EQ(rl_flood_sender_init(&b->sender, &t, &(struct rl_flood_send_config){0},
                                  b->cable.end[0], &ticks, &b->arena),
             -EINVAL);
    rl_arena_close(&b->arena);
}

static void put(struct rl_port *port, const uint8_t *bytes, uint32_t n_bytes)
{
    uint8_t *frame = rl_port_tx_reserve(port, n_bytes);

    CHECK(frame != NULL);
    memcpy(frame, bytes, n_bytes);
    rl_port_tx_commit(port, n_bytes);
}

/* A frame as the sender would write it, with any field a liar likes. */
static void put_probe(struct bed *b, struct rl_probe_header h, uint32_t n_bytes, uint64_t seed)
{
    uint8_t bytes[2048];

    rl_probe_write(bytes, &h);
    rl_probe_fill(bytes, n_bytes, &h, seed);
    put(b->cable.end[0], bytes, n_bytes);
}

static struct rl_probe_header probe(uint64_t seq)
{
    return (struct rl_probe_header){RL_PROBE_MAGIC, plain.flow, seq, rl_tsc(), rl_tsc()};
}

static void receive_all(struct bed *b)
{
    while (rl_flood_receiver_turn(&b->receiver) > 0)
        ;
}

static void test_hostile_frames_are_counted_and_change_nothing(void)
{
    struct bed *b = bed_new(WIRE_BYTES, 1);
    struct rl_probe_header h;
    uint8_t junk[1500];
    uint64_t random = 5;

    bed_listen(b, &plain, 0);
    put_probe(b, probe(0), 100, 42);
    for (int i = 0; i < 500; i++) { /* any bytes of any length */
        for (size_t at = 0; at < sizeof junk; at++)
            junk[at] = (uint8_t)check_random(&random);
        put(b->cable.end[0], junk, 1 + (uint32_t)(check_random(&random) >> 32) % sizeof junk);
    }
    h = probe(1);
    h.flow = 8; /* another run's */
    put_probe(b, h, 100, 42);
    receive_all(b);
    CHECK_EQ(IN(b, foreign), 501);
    put_probe(b, probe(1), 100, 43); /* another seed: content that was never sent */
    put_probe(b, probe(1), 99, 42);
    put_probe(b, probe(1), 101, 42);
    put_probe(b, probe(1), 32, 42);
    h = probe(1);
    put(b->cable.end[0], (const uint8_t *)&h, 8); /* cut off behind the flow */
    receive_all(b);
    CHECK_EQ(IN(b, corrupt), 5);
    put_probe(b, probe(3000), 100, 42); /* right in itself, and never planned */
    put_probe(b, probe(UINT64_MAX), 100, 42);
    receive_all(b);
    CHECK_EQ(IN(b, beyond), 2);
    h = probe(1);
    h.sent_tsc = h.intended_tsc = UINT64_MAX;
    put_probe(b, h, 100, 42);
    receive_all(b);
    CHECK_EQ(IN(b, clock_backwards), 2);
    CHECK_EQ(IN(b, ahead), 2);
    CHECK_EQ(IN(b, gaps) + IN(b, duplicates) + IN(b, reordered), 0);
    CHECK_EQ(IN(b, frames_in), 2 + 501 + 5 + 2);
    rl_arena_close(&b->arena);
}

static void test_what_a_nic_pads_is_whole_and_what_is_longer_is_not(void)
{
    static const uint8_t to[6] = {2, 0, 0, 0, 0, 1}, from[6] = {2, 0, 0, 0, 0, 2};
    struct rl_flood_traffic t = plain;
    struct bed *b = bed_new(WIRE_BYTES, 1);
    uint8_t frame[100] = {0};

    t.n_bytes = 40;
    rl_prefix_ethernet(&t.prefix, to, from);
    bed_listen(b, &t, 0);
    for (uint32_t n = 53; n <= 61; n++) { /* 54 were sent, 60 are the least on a cable */
        struct rl_probe_header h = probe(n);

        rl_probe_write(frame + 14, &h);
        rl_probe_fill(frame + 14, 40, &h, 42);
        put(b->cable.end[0], frame, n);
    }
    receive_all(b);
    CHECK_EQ(IN(b, ahead), 7);
    CHECK_EQ(IN(b, corrupt), 2);
    rl_arena_close(&b->arena);
}

static void put_live(struct bed *b, uint64_t seq, uint64_t stamp_ns, uint32_t n_changed)
{
    uint8_t bytes[100];

    rl_flood_write_live(&plain, bytes); /* as the kernel is given it */
    memcpy(bytes + RL_PROBE_SEQ_AT, &seq, 8);
    memcpy(bytes + RL_PROBE_INTENDED_AT, &stamp_ns, 8);
    if (n_changed != 0)
        bytes[n_changed] ^= 1;
    put(b->cable.end[0], bytes, 100);
}

static void test_frames_of_the_kernel_are_compared_and_timed_by_its_clock(void)
{
    struct rl_flood_receive_config receive = {.source = RL_FLOOD_LIVE};
    struct rl_flood_traffic t = plain;
    struct bed *b = bed_new(WIRE_BYTES, 1);
    struct timespec now;
    uint64_t ns;

    t.n_frames = 0; /* nobody knows how many */
    CHECK_EQ(rl_flood_receiver_init(&b->receiver, &t, &receive, b->cable.end[1], &ticks, &b->arena),
             0);
    clock_gettime(CLOCK_MONOTONIC, &now);
    ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    put_live(b, 0, ns - 5000000, 0);
    put_live(b, 2, ns, 0);
    put_live(b, 1, ns + 3600000000000, 0); /* from an hour ahead */
    for (uint32_t at = RL_PROBE_SENT_AT; at < 100; at++)
        put_live(b, 3, ns, at);
    put_live(b, UINT64_MAX, ns, 0);
    put_live(b, UINT64_C(1) << 40, ns, 0); /* far beyond what can have been lost */
    receive_all(b);
    CHECK_EQ(IN(b, ahead), 2);
    CHECK_EQ(IN(b, reordered), 1);
    CHECK_EQ(IN(b, corrupt), 76);
    CHECK_EQ(IN(b, beyond), 2);
    CHECK_EQ(IN(b, clock_backwards), 1);
    CHECK_EQ(b->receiver.from_intended.n_total, 3);
    CHECK(b->receiver.from_intended.max >= 5000000);
    CHECK(b->receiver.from_intended.max < 60000000000);
    rl_arena_close(&b->arena);
}

static void test_what_is_older_than_the_window_is_neither_new_nor_a_duplicate(void)
{
    struct bed *b = bed_new(WIRE_BYTES, 1);

    bed_listen(b, &plain, 64);
    put_probe(b, probe(0), 100, 42);
    put_probe(b, probe(100), 100, 42); /* the window is 37 .. 100 */
    put_probe(b, probe(36), 100, 42);
    put_probe(b, probe(0), 100, 42);
    put_probe(b, probe(37), 100, 42);
    put_probe(b, probe(37), 100, 42);
    receive_all(b);
    CHECK_EQ(IN(b, too_old), 2);
    CHECK_EQ(IN(b, reordered), 1);
    CHECK_EQ(IN(b, duplicates), 1);
    CHECK_EQ(IN(b, skipped), 99);
    rl_arena_close(&b->arena);
}

static void test_the_window_agrees_with_a_list_of_all_numbers(void)
{
    enum { N = 4000, WINDOW = 128 };
    uint64_t bits[WINDOW / 64], next = 50, random = 3, n_skipped;
    struct rl_seq_window w;
    static bool seen[N + 200];

    rl_seq_window_init(&w, bits, WINDOW, 50);
    while (next < N) {
        uint64_t draw = check_random(&random) >> 32;
        uint64_t seq = draw % 16 == 0 ? next + draw / 16 % 200 : next + 3 - draw / 16 % 150;
        enum rl_seq_kind kind;

        if (seq > next + 199) /* below 0 */
            continue;
        kind = rl_seq_window_see(&w, seq, &n_skipped);
        if (seq >= next) {
            CHECK_EQ(kind, RL_SEQ_NEW);
            CHECK_EQ(n_skipped, seq - next);
            next = seq + 1;
        } else if (seq < 50 || next - seq > WINDOW) {
            CHECK_EQ(kind, RL_SEQ_TOO_OLD);
            continue;
        } else {
            CHECK_EQ(kind, seen[seq] ? RL_SEQ_AGAIN : RL_SEQ_OLD);
        }
        seen[seq] = true;
    }
}

static void test_the_log_is_bounded_and_says_so(void)
{
    struct bed *b = bed_new(WIRE_BYTES, 1);
    struct rl_flood_receive_config receive = {.n_log = 10};

    CHECK_EQ(
        rl_flood_receiver_init(&b->receiver, &plain, &receive, b->cable.end[1], &ticks, &b->arena),
        0);
    bed_flood(b, &plain, b->cable.end[0]);
    CHECK_EQ(b->receiver.n_logged, 10);
    CHECK_EQ(IN(b, log_full), 2990);
    CHECK_EQ(b->receiver.log[9], 9);
    rl_arena_close(&b->arena);
}

static void test_by_a_schedule_nothing_waits_and_what_has_no_room_is_unsent(void)
{
    static const uint64_t due_ns[] = {0, 10, 500};
    struct rl_flood_traffic t = {.n_frames = 60, .n_bytes = 64, .seed = 1};
    struct rl_flood_send_config send = {.schedule = {due_ns, 3, 1000}, .n_batch = 64};
    struct bed *b = bed_new(4096, 1); /* room for fewer than 60 */
    uint64_t start = rl_tsc() + 1000000000000ULL;

    CHECK_EQ(rl_flood_sender_init(&b->sender, &t, &send, b->cable.end[0], &ticks, &b->arena), 0);
    rl_flood_sender_start(&b->sender, start);
    CHECK_EQ(rl_flood_sender_turn(&b->sender), 0); /* nothing is due for minutes */
    start = rl_tsc() - rl_ns_to_ticks(&ticks, 10000000);
    rl_flood_sender_start(&b->sender, start); /* ten milliseconds late */
    CHECK_EQ(rl_flood_sender_turn(&b->sender), 60);
    CHECK(rl_flood_sender_is_done(&b->sender));
    CHECK_EQ(b->sender.lateness.n_total, 60);
    CHECK(b->sender.lateness.min >= 9900000);
    CHECK_EQ(OUT(b, frames_sent) + OUT(b, frames_unsent), 60);
    CHECK(OUT(b, frames_unsent) > 0);
    CHECK_EQ(OUT(b, flushes), 1);
    bed_listen(b, &t, 0);
    receive_all(b);
    CHECK_EQ(IN(b, ahead), OUT(b, frames_sent));
    CHECK(b->receiver.from_intended.min >= 9900000); /* waiting for the sender counts */
    CHECK(b->receiver.from_sent.min <= b->receiver.from_intended.min);
    rl_arena_close(&b->arena);
}

int main(void)
{
    CHECK_EQ(rl_clock_from_hz(&ticks, 1000000000), 0);
    test_whatever_the_wire_does_to_the_frames_is_counted_exactly();
    test_frames_with_headers_in_front_are_judged_alike();
    test_messages_of_a_stream_travel_packed_and_are_compared();
    test_hostile_frames_are_counted_and_change_nothing();
    test_what_a_nic_pads_is_whole_and_what_is_longer_is_not();
    test_frames_of_the_kernel_are_compared_and_timed_by_its_clock();
    test_what_is_older_than_the_window_is_neither_new_nor_a_duplicate();
    test_the_window_agrees_with_a_list_of_all_numbers();
    test_the_log_is_bounded_and_says_so();
    test_by_a_schedule_nothing_waits_and_what_has_no_room_is_unsent();
    return 0;
}
