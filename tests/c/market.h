/*
 * market - a small market whose best quantities change all the time, as ITCH and as FIX.
 *
 * Every instrument has one order a side at the best price and three behind it. Each message of the
 * body gives one best order a new quantity, so nearly every message changes a best; at the end of
 * the body the first quantities and ids are back, so it can loop. Both formats tell the same story,
 * one operation a message.
 */
#ifndef RL_TESTS_MARKET_H
#define RL_TESTS_MARKET_H

#include "streams.h"

#define MARKET_DEPTH 4
#define MARKET_CENT (RL_NANO_PER_UNIT / 100)

/* What a test says about its market. */
struct market {
    enum rl_feed_kind format; /* ITCH or FIX */
    uint32_t n_instruments;
    uint32_t n_body;
    uint64_t seed;
};

static inline void market_symbol(uint32_t instrument, char symbol[16])
{
    snprintf(symbol, 16, "M%03u", instrument);
}

static inline uint64_t market_id(uint32_t instrument, int side, uint32_t depth)
{
    return 1 + (instrument * 2 + (uint32_t)side) * MARKET_DEPTH + depth;
}

static inline int64_t market_px(int side, uint32_t depth)
{
    int64_t away = (int64_t)(1 + depth) * MARKET_CENT;

    return 100 * RL_NANO_PER_UNIT + (side == RL_BUY ? -away : away);
}

static inline void market_put_fix(struct stream_builder *b, char action, uint32_t instrument,
                                  int side, uint64_t id, int64_t px_nano, uint32_t qty)
{
    struct rl_fix_md head = {.begin_string = "FIX.4.4",
                             .sender = "EXCHANGE",
                             .target = "REDLINE",
                             .seq = b->n_recs + 1,
                             .sending_time_ns = 1700000000000000000ULL + b->n_recs * 1000};
    char symbol[16];
    struct rl_fix_md_entry entry = {.action = action,
                                    .type = side == RL_BUY ? '0' : '1',
                                    .id = id,
                                    .px_nano = px_nano,
                                    .qty = qty,
                                    .symbol = symbol};
    uint8_t m[512];
    uint32_t n;

    market_symbol(instrument, symbol);
    n = rl_fix_put_md(m, sizeof m, &head, &entry, 1);
    CHECK(n > 0);
    stream_push(b, m, n);
}

static inline void market_add(struct stream_builder *b, const struct market *m, uint32_t instrument,
                              int side, uint32_t depth, uint32_t qty)
{
    uint64_t id = market_id(instrument, side, depth);
    uint8_t message[RL_ITCH_MAX_MESSAGE];
    char symbol[16];

    if (m->format == RL_FEED_FIX) {
        market_put_fix(b, '0', instrument, side, id, market_px(side, depth), qty);
        return;
    }
    market_symbol(instrument, symbol);
    stream_push(b, message,
                rl_itch_put_add(message,
                                &(struct rl_itch_head){.locate = (uint16_t)(instrument + 1)}, id,
                                (enum rl_side)side, qty, symbol, market_px(side, depth)));
}

/* The best order's new quantity: in ITCH a replacement by `new_id` at the same price. */
static inline void market_change(struct stream_builder *b, const struct market *m,
                                 uint32_t instrument, int side, uint64_t id, uint64_t new_id,
                                 uint32_t qty)
{
    uint8_t message[RL_ITCH_MAX_MESSAGE];

    if (m->format == RL_FEED_FIX)
        market_put_fix(b, '1', instrument, side, market_id(instrument, side, 0), market_px(side, 0),
                       qty);
    else
        stream_push(b, message,
                    rl_itch_put_replace(
                        message, &(struct rl_itch_head){.locate = (uint16_t)(instrument + 1)}, id,
                        new_id, qty, market_px(side, 0)));
}

static inline struct rl_stream market_stream(const struct market *m)
{
    uint32_t n_prefix = m->n_instruments * 2 * MARKET_DEPTH;
    struct stream_builder b = stream_builder(n_prefix + m->n_body + m->n_instruments * 2, 200);
    uint64_t *ids = calloc(m->n_instruments * 2, sizeof *ids), random = m->seed;
    uint64_t next_id = 1ULL << 32;

    CHECK(ids != NULL);
    for (uint32_t i = 0; i < m->n_instruments; i++)
        for (int side = 0; side < 2; side++)
            for (uint32_t depth = 0; depth < MARKET_DEPTH; depth++)
                market_add(&b, m, i, side, depth, 100);
    for (uint32_t k = 0; k < m->n_body; k++) {
        uint32_t which = (uint32_t)(check_random(&random) >> 20) % (m->n_instruments * 2);
        uint64_t *id = &ids[which], new_id = next_id++;

        *id = *id ? *id : market_id(which / 2, (int)which % 2, 0);
        market_change(&b, m, which / 2, (int)which % 2, *id, new_id,
                      1 + (uint32_t)(check_random(&random) >> 20) % 1000);
        *id = new_id;
    }
    for (uint32_t which = 0; which < m->n_instruments * 2; which++)
        if (ids[which] != 0)
            market_change(&b, m, which / 2, (int)which % 2, ids[which],
                          market_id(which / 2, (int)which % 2, 0), 100);
    free(ids);
    return (struct rl_stream){.bytes = b.bytes,
                              .n_bytes = b.n_bytes,
                              .recs = b.recs,
                              .n_recs = b.n_recs,
                              .loop_from = n_prefix,
                              .framing = m->format == RL_FEED_FIX ? RL_FRAMING_FIX_STAMP
                                                                  : RL_FRAMING_MOLD_WRAP,
                              .feed = m->format};
}

#endif
