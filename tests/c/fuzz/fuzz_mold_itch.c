/*
 * Packets to books: the input is a series of frames {length u16, bytes}, played as MoldUDP64 with
 * ITCH, as bare ITCH messages, and as MoldUDP64 with DBN. The books must be whole after every
 * frame.
 */
#include <string.h>

#include "../check.h"
#include "base/mem.h"
#include "fuzz.h"
#include "market/book/book.h"
#include "market/feed/feed.h"

static struct rl_arena arena;
static struct rl_books books;
static struct rl_feed feeds[3];

static void open_all(void)
{
    struct rl_books_config books_config = {
        .n_instruments = 3, .n_orders = 48, .n_levels_per_side = 20};
    static const struct rl_feed_config configs[] = {
        {.kind = RL_FEED_ITCH, .n_instruments = 3, .mold = true},
        {.kind = RL_FEED_ITCH, .n_instruments = 3},
        {.kind = RL_FEED_DBN, .n_instruments = 3, .mold = true}};
    size_t n_bytes = rl_books_bytes(&books_config);

    for (unsigned i = 0; i < RL_COUNT(configs); i++)
        n_bytes += rl_feed_bytes(&configs[i]);
    if (!arena.base)
        CHECK_EQ(rl_arena_open(&arena, n_bytes, 0), 0);
    arena.n_used = 0; /* every input begins with empty books and feeds that know nothing */
    CHECK_EQ(rl_books_init(&books, &arena, &books_config), 0);
    for (unsigned i = 0; i < RL_COUNT(configs); i++)
        CHECK_EQ(rl_feed_init(&feeds[i], &arena, &configs[i]), 0);
}

static void play(struct rl_feed *feed, const uint8_t *frame, uint32_t n_bytes)
{
    uint8_t *copy = malloc(n_bytes ? n_bytes : 1);
    struct rl_feed_cursor c;
    struct rl_update u;
    uint64_t n = 0;

    CHECK(copy != NULL);
    memcpy(copy, frame, n_bytes);
    if (rl_feed_open(feed, copy, n_bytes, &c))
        while (rl_feed_next(feed, &c, &u)) {
            CHECK(++n <= 2 * (uint64_t)n_bytes + 2);
            CHECK(u.op < RL_N_OPS);
            CHECK(u.op == RL_OP_NONE || u.op == RL_OP_RESET || u.instrument < feed->n_instruments);
            rl_books_apply(&books, &u);
        }
    free(copy);
    CHECK(feed->n_instruments <= 3);
    for (uint32_t i = 0; i < feed->n_instruments; i++)
        CHECK(strlen(rl_feed_symbol(feed, i)) < RL_FEED_SYMBOL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0;

    open_all();
    while (size - at >= 2) {
        uint32_t n = rl_be16(data + at);

        at += 2;
        n = n < size - at ? n : (uint32_t)(size - at);
        for (unsigned i = 0; i < RL_COUNT(feeds); i++)
            play(&feeds[i], data + at, n);
        at += n;
    }
    CHECK_EQ(rl_books_check(&books, NULL), 0);
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

static uint32_t dbn_record(uint8_t *m, unsigned k)
{
    struct rl_dbn_mbo r = {.id = k % 5,
                           .px_nano = 1 + k % 3,
                           .qty = 1 + k,
                           .instrument = k % 2,
                           .sequence = k,
                           .action = "AAMCRTF"[k % 7],
                           .side = k & 1 ? 'A' : 'B',
                           .flags = k < 4 ? RL_DBN_FLAG_SNAPSHOT : 0};

    return rl_dbn_put_mbo(m, &r);
}

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    uint32_t n = 0, seq = 1;

    if (i >= 12)
        return 0;
    for (unsigned frame = 0; frame < 6; frame++) {
        uint8_t *packet = out + n + 2, m[RL_DBN_MBO_BYTES];
        uint32_t n_packet;
        struct rl_mold_writer w;

        if (i % 3 == 1) { /* bare messages */
            n_packet = itch_message(packet, frame + i);
        } else {
            rl_mold_begin(&w, packet, 512, i % 6 == 5 && frame > 3 ? "SESSION  2" : "SESSION  1",
                          seq);
            for (unsigned k = 0; k < frame + i % 2; k++, seq++)
                CHECK(rl_mold_add(&w, m,
                                  i % 3 == 0 ? itch_message(m, seq + i) : dbn_record(m, seq + i)));
            n_packet = rl_mold_finish(&w);
        }
        rl_put_be16(out + n, (uint16_t)n_packet);
        n += 2 + n_packet;
    }
    return n;
}
