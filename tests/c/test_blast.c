/* The open-loop sender: every frame when it is due, numbered, and what it could not send counted.
 */
#include <string.h>

#include "base/mem.h"
#include "market.h"
#include "market/codec/mold.h"
#include "net/port/port_shm.h"
#include "rig/trial/blast.h"
#include "rig/trial/worker.h"

#define HZ 1000000000ULL /* one tick a nanosecond */

struct sender {
    struct rl_arena arena;
    struct rl_clock clock;
    struct rl_cable cable;
    struct rl_sent sent;
    struct rl_blast blast;
};

static struct sender *sender_pack(const struct rl_stream *stream, struct rl_schedule schedule,
                                  uint64_t n_frames, uint64_t n_warmup, uint64_t n_ring_bytes,
                                  const uint64_t *record_seqs, uint32_t n_pack)
{
    static struct sender sender;
    struct sender *s = &sender;
    size_t n_bytes = rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);

    memset(s, 0, sizeof *s);
    CHECK_EQ(rl_clock_from_hz(&s->clock, HZ), 0);
    CHECK_EQ(rl_arena_open(&s->arena, 8 << 20, 0), 0);
    CHECK_EQ(rl_cable_open(&s->cable, &s->arena, n_ring_bytes), 0);
    s->sent.slots = rl_arena_take(&s->arena, 4096 * sizeof *s->sent.slots, 0);
    s->sent.mask = 4095;
    CHECK_EQ(rl_hist_init(&s->blast.lateness, RL_HIST_HIGHEST, RL_HIST_DIGITS,
                          rl_arena_take(&s->arena, n_bytes, 0), n_bytes),
             0);
    rl_blast_init(&s->blast, stream, &schedule, &s->clock, s->cable.end[0], &s->sent, record_seqs,
                  n_frames, n_warmup, n_pack, 1);
    return s;
}

static struct sender *sender_open(const struct rl_stream *stream, struct rl_schedule schedule,
                                  uint64_t n_frames, uint64_t n_warmup, uint64_t n_ring_bytes,
                                  const uint64_t *record_seqs)
{
    return sender_pack(stream, schedule, n_frames, n_warmup, n_ring_bytes, record_seqs, 1);
}

static struct rl_stream small(enum rl_feed_kind format)
{
    struct market m = {.format = format, .n_instruments = 2, .n_body = 50, .seed = 1};

    return market_stream(&m);
}

/* One frame at the far end; NULL when there is none. Valid until the next call. */
static const uint8_t *receive(struct sender *s, uint32_t *n_bytes)
{
    struct rl_frame frame;

    rl_port_rx_release(s->cable.end[1]);
    if (rl_port_rx_burst(s->cable.end[1], &frame, 1) == 0)
        return NULL;
    *n_bytes = frame.n_bytes;
    return frame.data;
}

#define COUNTED(s, counter) rl_counted(&(s)->blast.n.counter)
#define WHENEVER 100000 /* more frames than any stream here has */

static const uint64_t at_once[] = {0};
static const struct rl_schedule everything_now = {at_once, 1, 0};

static void test_frames_leave_when_they_are_due_and_not_before(void)
{
    static const uint64_t due_ns[] = {0, 10, 500};
    struct rl_stream stream = small(RL_FEED_ITCH);
    struct sender *s =
        sender_open(&stream, (struct rl_schedule){due_ns, 3, 1000}, 7, 0, 1 << 16, NULL);
    /* Far ahead of the real clock: only the time we say is it can make a frame due. */
    uint64_t start = rl_tsc() + 1000000000000000ULL;

    rl_blast_start(&s->blast, start);
    CHECK_EQ(rl_blast_turn(&s->blast, start - 1, WHENEVER), 0);
    CHECK_EQ(s->blast.due_tsc, start);
    /* After a frame the time is read again, and it is long before the next. */
    CHECK_EQ(rl_blast_turn(&s->blast, start, WHENEVER), 1);
    CHECK_EQ(s->blast.due_tsc, start + 10);
    CHECK_EQ(rl_blast_turn(&s->blast, start + 9, WHENEVER), 0);
    CHECK_EQ(rl_blast_turn(&s->blast, start + 10, WHENEVER), 1);
    CHECK_EQ(s->blast.due_tsc, start + 500);
    CHECK_EQ(rl_blast_turn(&s->blast, start + 500, WHENEVER), 1);
    CHECK_EQ(s->blast.due_tsc, start + 1000); /* the next cycle */
    CHECK_EQ(rl_blast_turn(&s->blast, start + 1000, WHENEVER), 1);
    CHECK_EQ(rl_blast_turn(&s->blast, start + 1010, WHENEVER), 1);
    CHECK_EQ(rl_blast_turn(&s->blast, start + 1500, WHENEVER), 1);
    CHECK_EQ(s->blast.due_tsc, start + 2000);
    CHECK_EQ(rl_blast_turn(&s->blast, start + 2000, WHENEVER), 1);
    CHECK(rl_blast_is_done(&s->blast));
    CHECK_EQ(rl_blast_turn(&s->blast, start + 90000, WHENEVER), 0);
    rl_arena_close(&s->arena);
    stream_free(&stream);
}

static void test_a_late_sender_skips_nothing_and_keeps_the_intended_times(void)
{
    static const uint64_t due_ns[] = {0};
    struct rl_stream stream = small(RL_FEED_ITCH);
    struct sender *s =
        sender_open(&stream, (struct rl_schedule){due_ns, 1, 100}, 50, 10, 1 << 16, NULL);
    uint64_t start = rl_tsc() - 10000000; /* ten milliseconds late */
    const struct rl_sent_slot *slot;

    rl_blast_start(&s->blast, start);
    CHECK_EQ(rl_blast_turn(&s->blast, rl_tsc(), 20), 20); /* bounded */
    CHECK_EQ(rl_blast_turn(&s->blast, rl_tsc(), WHENEVER), 30);
    CHECK_EQ(COUNTED(s, frames_sent), 50);
    for (uint64_t seq = 1; seq <= 50; seq++) {
        CHECK_EQ(rl_sent_get(&s->sent, seq, &slot), RL_SENT_KNOWN);
        CHECK_EQ(slot->intended_tsc, start + (seq - 1) * 100);
        CHECK(slot->actual_tsc >= slot->intended_tsc);
        CHECK_EQ(slot->is_measured, seq > 10);
    }
    CHECK_EQ(s->blast.lateness.n_total, 40);
    CHECK(s->blast.lateness.min >= 9990000); /* the last was due after 4.9 us */
    rl_arena_close(&s->arena);
    stream_free(&stream);
}

static void test_packed_messages_keep_their_order_and_numbers_through_every_loop(void)
{
    struct rl_stream stream = small(RL_FEED_ITCH);
    /* Packets reach across the seam. */
    uint32_t n_pack = stream.n_recs % 7 != 0 ? 7 : 6;
    uint64_t n_frames = 3 * stream.n_recs / n_pack, at = 0, seq = 1;
    struct sender *s = sender_pack(&stream, everything_now, n_frames, 1, 1 << 16, NULL, n_pack);
    const struct rl_sent_slot *slot;
    uint32_t n_bytes, n_message;
    const uint8_t *message;
    struct rl_mold packet;

    rl_blast_start(&s->blast, 0);
    CHECK_EQ(rl_blast_turn(&s->blast, 1, WHENEVER), n_frames);
    for (uint64_t i = 0; i < n_frames; i++) {
        const uint8_t *frame = receive(s, &n_bytes);

        CHECK(frame != NULL && n_bytes <= rl_blast_frame_max(&stream, n_pack));
        CHECK(rl_mold_open(&packet, frame, n_bytes));
        CHECK_EQ(packet.seq, seq);
        CHECK_EQ(packet.n_left, n_pack);
        while ((message = rl_mold_next(&packet, &n_message)) != NULL) {
            CHECK_EQ(n_message, stream.recs[at].n_bytes);
            CHECK(memcmp(message, stream.bytes + stream.recs[at].offset, n_message) == 0);
            CHECK_EQ(rl_sent_get(&s->sent, seq, &slot), RL_SENT_KNOWN);
            CHECK_EQ(slot->is_measured, i > 0);
            at = at + 1 == stream.n_recs ? stream.loop_from : at + 1;
            seq++;
        }
        CHECK_EQ(packet.n_left, 0);
    }
    CHECK_EQ(COUNTED(s, frames_sent), n_frames);
    CHECK_EQ(COUNTED(s, messages_sent), n_frames * n_pack);
    rl_arena_close(&s->arena);
    stream_free(&stream);
}

static void test_wrapped_messages_are_numbered_through_every_loop(void)
{
    struct rl_stream stream = small(RL_FEED_ITCH);
    uint64_t n_frames = 3 * stream.n_recs, at = 0;
    struct sender *s = sender_open(&stream, everything_now, n_frames, 0, 1 << 16, NULL);
    uint32_t n_bytes, n_messages;

    rl_blast_start(&s->blast, 0);
    CHECK_EQ(rl_blast_turn(&s->blast, 1, WHENEVER), n_frames);
    for (uint64_t i = 0; i < n_frames; i++) {
        const uint8_t *frame = receive(s, &n_bytes);
        const struct rl_stream_rec *rec = &stream.recs[at];

        CHECK(frame != NULL && rl_mold_is_whole(frame, n_bytes, &n_messages));
        CHECK_EQ(rl_be64(frame + RL_MOLD_SESSION), i + 1);
        CHECK_EQ(n_bytes, rec->n_bytes + 22);
        CHECK_EQ(memcmp(frame + 22, stream.bytes + rec->offset, rec->n_bytes), 0);
        at = at + 1 == stream.n_recs ? stream.loop_from : at + 1;
    }
    CHECK(receive(s, &n_bytes) == NULL);
    rl_arena_close(&s->arena);
    stream_free(&stream);
}

static void test_stamped_messages_stay_valid_fix(void)
{
    struct rl_stream stream = small(RL_FEED_FIX);
    struct sender *s = sender_open(&stream, everything_now, 150, 0, 1 << 17, NULL);
    struct rl_fix_field fields[64];
    struct rl_fix_msg m;
    uint32_t n_bytes;
    uint64_t seq;

    rl_fix_init(&m, fields, 64);
    rl_blast_start(&s->blast, 0);
    CHECK_EQ(rl_blast_turn(&s->blast, 1, WHENEVER), 150);
    for (uint64_t i = 0; i < 150; i++) {
        const uint8_t *frame = receive(s, &n_bytes);

        CHECK(frame != NULL);
        CHECK_EQ(rl_fix_parse(&m, frame, n_bytes), RL_FIX_OK);
        CHECK(rl_fix_uint(&m, rl_fix_find(&m, RL_FIX_MsgSeqNum, 0), &seq));
        CHECK_EQ(seq, i + 1);
    }
    rl_arena_close(&s->arena);
    stream_free(&stream);
}

static void test_a_full_ring_loses_exactly_what_it_cannot_take_and_its_numbers_stay_used(void)
{
    struct rl_stream stream = small(RL_FEED_ITCH);
    struct sender *s = sender_open(&stream, everything_now, 100, 0, 1024, NULL);
    const struct rl_sent_slot *slot;
    uint64_t n_sent, n_received = 0;
    uint32_t n_bytes;
    const uint8_t *frame;

    rl_blast_start(&s->blast, 0);
    CHECK_EQ(rl_blast_turn(&s->blast, 1, 60), 60); /* nobody receives */
    n_sent = COUNTED(s, frames_sent);
    CHECK(n_sent > 5 && n_sent < 20);
    CHECK_EQ(COUNTED(s, frames_unsent), 60 - n_sent);
    CHECK_EQ(COUNTED(s, messages_unsent), 60 - n_sent);
    while ((frame = receive(s, &n_bytes)) != NULL)
        CHECK_EQ(rl_be64(frame + RL_MOLD_SESSION), ++n_received);
    CHECK_EQ(n_received, n_sent);
    CHECK_EQ(rl_sent_get(&s->sent, n_sent, &slot), RL_SENT_KNOWN);
    CHECK_EQ(rl_sent_get(&s->sent, n_sent + 1, &slot), RL_SENT_UNKNOWN); /* never left */
    /* There is room again: the numbers go on behind the lost ones. */
    CHECK_EQ(rl_blast_turn(&s->blast, 1, 1), 1);
    frame = receive(s, &n_bytes);
    CHECK(frame != NULL);
    CHECK_EQ(rl_be64(frame + RL_MOLD_SESSION), 61);
    CHECK_EQ(s->blast.lateness.n_total, 61); /* the lost ones were late as well */
    rl_arena_close(&s->arena);
    stream_free(&stream);
}

static void test_captured_packets_go_out_as_they_are_under_their_own_numbers(void)
{
    struct stream_builder b = stream_builder(2, 256);
    uint8_t packet[256], message[RL_ITCH_MAX_MESSAGE];
    struct rl_mold_writer w;
    struct rl_stream stream;
    const struct rl_sent_slot *slot;
    struct sender *s;
    uint32_t n_bytes, n;

    n = rl_itch_put_delete(message, &(struct rl_itch_head){.locate = 1}, 7);
    for (uint64_t first = 1000; first <= 1010; first += 10) {
        rl_mold_begin(&w, packet, sizeof packet, "CAPTURED01", first);
        for (int i = 0; i < 3; i++)
            CHECK(rl_mold_add(&w, message, n));
        stream_push(&b, packet, rl_mold_finish(&w));
        b.recs[b.n_recs - 1].n_messages = 3;
    }
    stream = (struct rl_stream){.bytes = b.bytes,
                                .n_bytes = b.n_bytes,
                                .recs = b.recs,
                                .n_recs = 2,
                                .loop_from = 2,
                                .framing = RL_FRAMING_MOLD,
                                .feed = RL_FEED_ITCH};
    s = sender_open(&stream, everything_now, 2, 1, 1 << 16, NULL);
    rl_blast_start(&s->blast, 0);
    CHECK_EQ(rl_blast_turn(&s->blast, 1, WHENEVER), 2);
    CHECK_EQ(COUNTED(s, messages_sent), 6);
    CHECK_EQ(memcmp(receive(s, &n_bytes), stream.bytes, stream.recs[0].n_bytes), 0);
    CHECK_EQ(rl_sent_get(&s->sent, 1002, &slot), RL_SENT_KNOWN);
    CHECK(!slot->is_measured);
    CHECK_EQ(rl_sent_get(&s->sent, 1003, &slot), RL_SENT_UNKNOWN);
    CHECK_EQ(rl_sent_get(&s->sent, 1012, &slot), RL_SENT_KNOWN);
    CHECK(slot->is_measured);
    CHECK_EQ(rl_sent_get(&s->sent, 1013, &slot), RL_SENT_UNKNOWN);
    rl_arena_close(&s->arena);
    stream_free(&stream);
}

static void test_raw_messages_are_known_by_the_numbers_that_were_learnt(void)
{
    static const uint64_t seqs[] = {0, 500, 501};
    struct rl_stream stream = small(RL_FEED_FIX);
    const struct rl_sent_slot *slot;
    struct sender *s;

    stream.framing = RL_FRAMING_RAW;
    stream.n_recs = stream.loop_from = 3;
    s = sender_open(&stream, everything_now, 3, 0, 1 << 16, seqs);
    rl_blast_start(&s->blast, 0);
    CHECK_EQ(rl_blast_turn(&s->blast, 1, WHENEVER), 3);
    CHECK_EQ(rl_sent_get(&s->sent, 1, &slot), RL_SENT_UNKNOWN);
    CHECK_EQ(rl_sent_get(&s->sent, 500, &slot), RL_SENT_KNOWN);
    CHECK_EQ(rl_sent_get(&s->sent, 501, &slot), RL_SENT_KNOWN);
    rl_arena_close(&s->arena);
    stream_free(&stream);
}

int main(void)
{
    test_frames_leave_when_they_are_due_and_not_before();
    test_a_late_sender_skips_nothing_and_keeps_the_intended_times();
    test_wrapped_messages_are_numbered_through_every_loop();
    test_packed_messages_keep_their_order_and_numbers_through_every_loop();
    test_stamped_messages_stay_valid_fix();
    test_a_full_ring_loses_exactly_what_it_cannot_take_and_its_numbers_stay_used();
    test_captured_packets_go_out_as_they_are_under_their_own_numbers();
    test_raw_messages_are_known_by_the_numbers_that_were_learnt();
    return 0;
}
