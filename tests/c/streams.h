/*
 * streams - small seeded streams that end where their body began, for tests and benches of
 * components.
 *
 * The prefix enters n_live orders; the body goes through rounds in which some of them are replaced,
 * reduced or deleted and, at the end of the round, put back. Order ids are 1 .. n_live.
 */
#ifndef RL_TESTS_STREAMS_H
#define RL_TESTS_STREAMS_H

#include "check.h"
#include "market/codec/itch.h"
#include "rig/synth/stream.h"

#include <string.h>

#define STREAM_INSTRUMENTS 16
#define STREAM_ROUND 64

struct stream_builder {
    uint8_t *bytes;
    struct rl_stream_rec *recs;
    uint64_t n_bytes, n_recs, max_bytes, max_recs;
};

static inline struct stream_builder stream_builder(uint64_t max_recs, uint64_t bytes_a_record)
{
    struct stream_builder b = {.max_recs = max_recs, .max_bytes = max_recs * bytes_a_record};

    b.bytes = malloc(b.max_bytes);
    b.recs = malloc(max_recs * sizeof(b.recs[0]));
    CHECK(b.bytes != NULL && b.recs != NULL);
    return b;
}

static inline void stream_push(struct stream_builder *b, const uint8_t *bytes, uint32_t n_bytes)
{
    CHECK(b->n_recs < b->max_recs && b->n_bytes + n_bytes <= b->max_bytes);
    memcpy(b->bytes + b->n_bytes, bytes, n_bytes);
    b->recs[b->n_recs++] =
        (struct rl_stream_rec){.offset = b->n_bytes, .n_bytes = n_bytes, .n_messages = 1};
    b->n_bytes += n_bytes;
}

static inline void stream_free(struct rl_stream *s)
{
    free((void *)(uintptr_t)s->bytes);
    free((void *)(uintptr_t)s->recs);
}

struct stream_order {
    uint16_t locate;
    enum rl_side side;
    uint32_t qty;
    int64_t px_nano;
};

static inline struct stream_order stream_order(uint64_t id)
{
    uint64_t seed = id * 0x9E3779B97F4A7C15ULL + 1, r = check_random(&seed);
    struct stream_order o = {.locate = (uint16_t)(1 + r % STREAM_INSTRUMENTS),
                             .side = (r >> 8) % 2 ? RL_SELL : RL_BUY,
                             .qty = (uint32_t)(100 + (r >> 16) % 900)};
    /* Most orders near the best price, some far: the square of a uniform rank. */
    uint64_t rank = (r >> 32) % 40;
    int64_t away = (int64_t)(1 + rank * rank / 4) * 10000000; /* cents */

    o.px_nano = 100 * RL_NANO_PER_UNIT + (o.side == RL_BUY ? -away : away);
    return o;
}

static inline struct rl_stream itch_stream(uint64_t n_live, uint64_t n_rounds, uint64_t seed)
{
    struct stream_builder b = stream_builder(n_live + n_rounds * STREAM_ROUND * 2, 40);
    uint8_t m[RL_ITCH_MAX_MESSAGE];

    for (uint64_t id = 1; id <= n_live; id++) {
        struct stream_order o = stream_order(id);
        struct rl_itch_head head = {.locate = o.locate, .ts_ns = id};

        stream_push(&b, m, rl_itch_put_add(m, &head, id, o.side, o.qty, "TEST", o.px_nano));
    }
    for (uint64_t round = 0; round < n_rounds; round++) {
        uint64_t first = check_random(&seed) % (n_live - STREAM_ROUND), step = 1 + round % 3;

        step = first + step * STREAM_ROUND < n_live ? step : 1;
        for (int pass = 0; pass < 2; pass++) {
            for (uint64_t k = 0; k < STREAM_ROUND; k++) {
                uint64_t id = 1 + first + k * step, other = id + (1ULL << 32);
                struct stream_order o = stream_order(id);
                struct rl_itch_head head = {.locate = o.locate, .ts_ns = n_live + round};
                int64_t px = o.px_nano + (o.side == RL_BUY ? -20000000 : 20000000);
                uint32_t n;

                if (k % 4 != 0) /* replaced, and replaced back */
                    n = pass == 0 ? rl_itch_put_replace(m, &head, id, other, o.qty / 2, px)
                                  : rl_itch_put_replace(m, &head, other, id, o.qty, o.px_nano);
                else /* deleted, and entered again */
                    n = pass == 0 ? rl_itch_put_delete(m, &head, id)
                                  : rl_itch_put_add(m, &head, id, o.side, o.qty, "TEST", o.px_nano);
                stream_push(&b, m, n);
            }
        }
    }
    return (struct rl_stream){.bytes = b.bytes,
                              .n_bytes = b.n_bytes,
                              .recs = b.recs,
                              .n_recs = b.n_recs,
                              .loop_from = n_live,
                              .framing = RL_FRAMING_MOLD_WRAP,
                              .feed = RL_FEED_ITCH};
}

static inline struct rl_stream fix_stream(uint64_t n_messages, uint64_t seed)
{
    struct stream_builder b = stream_builder(n_messages, 400);
    struct rl_fix_md_entry entries[3];
    uint8_t m[1024];

    for (uint64_t i = 0; i < n_messages; i++) {
        uint32_t n_entries = 1 + (uint32_t)(check_random(&seed) % 3);
        struct rl_fix_md head = {.begin_string = "FIX.4.4",
                                 .sender = "EXCH",
                                 .target = "REDLINE",
                                 .seq = i + 1,
                                 .sending_time_ns = 1700000000000000000ULL + i * 1000};

        for (uint32_t k = 0; k < n_entries; k++) {
            uint64_t id = 1 + check_random(&seed) % 20000;
            struct stream_order o = stream_order(id);

            entries[k] = (struct rl_fix_md_entry){.action = (char)('0' + check_random(&seed) % 3),
                                                  .type = o.side == RL_BUY ? '0' : '1',
                                                  .id = id,
                                                  .px_nano = o.px_nano,
                                                  .qty = o.qty,
                                                  .symbol = "TEST"};
        }
        uint32_t n = rl_fix_put_md(m, sizeof(m), &head, entries, n_entries);

        CHECK(n > 0);
        stream_push(&b, m, n);
    }
    return (struct rl_stream){.bytes = b.bytes,
                              .n_bytes = b.n_bytes,
                              .recs = b.recs,
                              .n_recs = b.n_recs,
                              .loop_from = b.n_recs,
                              .framing = RL_FRAMING_RAW,
                              .feed = RL_FEED_FIX};
}

/* NewOrderSingle, values of varied lengths. */
static inline struct rl_stream order_stream(uint64_t n_messages, uint64_t seed)
{
    static const char *const symbols[] = {"T", "GE", "XOM", "MSFT", "BRKB"};
    struct stream_builder b = stream_builder(n_messages, 300);
    struct rl_fix_enc e;
    uint8_t m[512];

    for (uint64_t i = 0; i < n_messages; i++) {
        struct stream_order o = stream_order(1 + check_random(&seed) % 20000);
        uint64_t now_ns = 1790000000000000000ULL + check_random(&seed) % 3600000000000ULL;
        char id[20];

        id[rl_fix_print_uint(id, check_random(&seed) % 1000000000)] = 0;
        rl_fix_begin(&e, m, sizeof(m), "FIX.4.4");
        rl_fix_put_char(&e, RL_FIX_MsgType, 'D');
        rl_fix_put_uint(&e, RL_FIX_MsgSeqNum, 1 + i);
        rl_fix_put_text(&e, RL_FIX_SenderCompID, "BUYSIDE");
        rl_fix_put_text(&e, RL_FIX_TargetCompID, "EXCHANGE");
        rl_fix_put_time(&e, RL_FIX_SendingTime, now_ns, 6);
        rl_fix_put_text(&e, RL_FIX_ClOrdID, id);
        rl_fix_put_text(&e, RL_FIX_Symbol, symbols[check_random(&seed) % RL_COUNT(symbols)]);
        rl_fix_put_char(&e, RL_FIX_Side, o.side == RL_BUY ? '1' : '2');
        rl_fix_put_time(&e, RL_FIX_TransactTime, now_ns, 6);
        rl_fix_put_uint(&e, RL_FIX_OrderQty, o.qty);
        rl_fix_put_char(&e, RL_FIX_OrdType, '2');
        rl_fix_put_px(&e, RL_FIX_Price, o.px_nano + (int64_t)(check_random(&seed) % 100000000));
        rl_fix_put_char(&e, RL_FIX_TimeInForce, (char)('0' + check_random(&seed) % 5));
        stream_push(&b, m, rl_fix_finish(&e));
    }
    return (struct rl_stream){.bytes = b.bytes,
                              .n_bytes = b.n_bytes,
                              .recs = b.recs,
                              .n_recs = b.n_recs,
                              .loop_from = b.n_recs,
                              .framing = RL_FRAMING_RAW,
                              .feed = RL_FEED_FIX};
}

#endif
