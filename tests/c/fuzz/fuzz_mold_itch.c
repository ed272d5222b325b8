/*
 * MoldUDP64 and ITCH, from packets to books: the input is a series of frames {length u16, bytes},
 * played as packets of one line, as packets of two lines that arbitrate, and as bare messages. The
 * books must be whole at the end, and a packet that is whole is written again to the same bytes.
 */
#include "fuzz_play.h"

enum { N_FEEDS = 3 };

static struct rl_feed feeds[N_FEEDS];

static void open_all(void)
{
    static struct rl_lines_config lines;
    static const struct rl_feed_config configs[N_FEEDS] = {
        {.kind = RL_FEED_ITCH, .n_instruments = FUZZ_N_INSTRUMENTS, .mold = true},
        {.kind = RL_FEED_ITCH, .n_instruments = FUZZ_N_INSTRUMENTS},
        {.kind = RL_FEED_ITCH, .n_instruments = FUZZ_N_INSTRUMENTS, .mold = true, .lines = &lines}};

    lines = rl_lines_defaults(rl_protocol_of(RL_FEED_ITCH, true), 2);
    lines.n_window = 8;
    lines.n_window_bytes = 4096;
    fuzz_open(feeds, configs, N_FEEDS);
}

static void check_packet(const uint8_t *bytes, uint32_t n)
{
    uint8_t *packet = fuzz_exactly(bytes, n), *again;
    const uint8_t *message;
    struct rl_mold_writer w;
    struct rl_mold m;
    uint32_t n_messages, n_bytes;

    if (rl_mold_is_whole(packet, n, &n_messages) && rl_mold_open(&m, packet, n) && !m.is_end) {
        again = malloc(n);
        CHECK(again != NULL);
        rl_mold_begin(&w, again, n, (const char *)m.session, m.seq);
        while ((message = rl_mold_next(&m, &n_bytes)) != NULL)
            CHECK(rl_mold_add(&w, message, n_bytes));
        CHECK_EQ(rl_mold_finish(&w), n);
        CHECK(memcmp(again, packet, n) == 0 && w.count == n_messages);
        free(again);
    }
    free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t now_ns = 1000000;
    struct rl_feed_cursor c;
    size_t at = 0;

    if (size > FUZZ_MAX)
        return 0;
    open_all();
    while (size - at >= 2) {
        uint32_t n = rl_be16(data + at) & 0x7FFF, line = data[at] >> 7; /* the top bit: the line */
        uint8_t *copy;

        at += 2;
        n = n < size - at ? n : (uint32_t)(size - at);
        check_packet(data + at, n);
        fuzz_play(&feeds[0], data + at, n);
        fuzz_play(&feeds[1], data + at, n);
        copy = fuzz_exactly(data + at, n);
        now_ns += n;
        if (rl_feed_push(&feeds[2], line, copy, n, now_ns, &c))
            fuzz_drain(&feeds[2], &c, 4 * FUZZ_MAX);
        free(copy);
        at += n;
    }
    if (rl_feed_poll(&feeds[2], now_ns + 1000000000, &c)) /* what is missing now stays missing */
        fuzz_drain(&feeds[2], &c, 4 * FUZZ_MAX);
    CHECK(rl_lines_is_synced(feeds[2].lines));
    CHECK_EQ(rl_books_check(&fuzz_books, NULL), 0);
    return 0;
}

/* --- seeds ------------------------------------------------------------------------------------ */

static uint32_t itch_message(uint8_t *m, unsigned k)
{
    struct rl_itch_head h = {.locate = (uint16_t)(k % 4), .ts_ns = k};

    switch (k % 9) {
    case 0:
        return rl_itch_put_directory(m, &h, "SYM");
    case 1:
    case 2:
    case 3:
        return rl_itch_put_add(m, &h, k % 5, k & 1, 10 + k, "ABC", 100000 * (int64_t)(1 + k % 7));
    case 4:
        return rl_itch_put_add_mpid(m, &h, k % 5, k & 1, 10, "ABC", 100000, "MPID");
    case 5:
        return rl_itch_put_executed(m, &h, k % 5, 3, 1);
    case 6:
        return rl_itch_put_cancel(m, &h, k % 5, 2);
    case 7:
        return rl_itch_put_replace(m, &h, k % 5, k % 7, 5, 200000);
    default:
        return rl_itch_put_delete(m, &h, k % 5);
    }
}

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    uint32_t n = 0, seq = 1;

    if (i >= 12)
        return 0;
    for (unsigned frame = 0; frame < 8; frame++) {
        uint8_t *packet = out + n + 2, m[RL_ITCH_MAX_MESSAGE];
        uint32_t n_packet;
        struct rl_mold_writer w;

        if (i % 3 == 1) { /* bare messages */
            n_packet = itch_message(packet, frame + i);
        } else {
            rl_mold_begin(&w, packet, 512, i % 6 == 5 && frame > 3 ? "SESSION  2" : "SESSION  1",
                          seq);
            for (unsigned k = 0; k < frame % 5 + i % 2; k++, seq++)
                CHECK(rl_mold_add(&w, m, itch_message(m, seq + i)));
            n_packet = rl_mold_finish(&w);
            if (i % 4 == 3 && frame % 3 == 2) /* this one is lost on the way */
                continue;
        }
        rl_put_be16(out + n, (uint16_t)(n_packet | (frame % 2) << 15));
        n += 2 + n_packet;
    }
    return n;
}
