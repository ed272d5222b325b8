/*
 * pipeline_bench - an engine with both far ends in the test's hands, one turn at a time on its
 * thread.
 */
#ifndef RL_TESTS_PIPELINE_BENCH_H
#define RL_TESTS_PIPELINE_BENCH_H

#include <string.h>

#include "check.h"
#include "market/codec/itch.h"
#include "net/port/port_shm.h"
#include "rig/pipeline/pipeline.h"
#include "rig/trial/bench_limits.h"
#include "rig/trial/kill_trial.h"
#include "trade/risk/limits_build.h"

#define UNIT RL_NANO_PER_UNIT
#define CENT (UNIT / 100)
#define N_FIELDS 64

/* An engine with both far ends in our hands. */
struct bench {
    struct rl_arena arena;
    struct rl_clock clock;
    struct rl_cable market, session;
    struct rl_shared shared;
    struct rl_kill kill;
    struct rl_pipeline engine;
    struct rl_fix_template report;
    uint64_t seq;        /* of the next market data packet */
    uint64_t answer_seq; /* of the next answer */
};

static inline struct rl_pipeline_config config_of(enum rl_feed_kind kind)
{
    return (struct rl_pipeline_config){
        .feed = {.kind = kind, .mold = kind != RL_FEED_FIX, .n_instruments = 4, .first_seq = 1},
        .books = {.n_instruments = 4, .n_orders = 256, .n_levels_per_side = 64},
        .oms = {.ledger = {.n_accounts = 1, .n_instruments = 4},
                .n_order_slots = 256,
                .n_execs = 64,
                .n_audit_slots = 1024,
                .n_venues = 1,
                .n_strategies = 1,
                .n_repeats = 64,
                .n_fills = 64,
                .epoch = 9,
                .tsc_hz = 2000000000},
        .strategy = {.threshold_permille = 500,
                     .every = 1,
                     .order_qty = 10,
                     .max_spread_nano = UNIT},
        .measure_from = 1,
    };
}

/* What the bench of these tests is held to; wide enough for all that they do. */
static const struct rl_bench_limits usual_limits = {.max_qty = 100,
                                                    .max_notional = 1000000,
                                                    .max_position = 1000,
                                                    .band_bps = 1000,
                                                    .rate_per_s = 1000000000,
                                                    .rate_burst = 1000000000,
                                                    .max_open = 64};

/* The set of these limits; the next call overwrites it. */
static inline const struct rl_limit_set *limits_of(const struct rl_bench_limits *limits)
{
    static RL_ALIGNED uint8_t memory[64 << 10];
    char why[RL_LIMITS_WHY] = "";

    CHECK(rl_limits_bytes(1, 4, 1, 1) <= sizeof memory);
    CHECK_EQ(rl_bench_limits_build(memory, rl_limits_bytes(1, 4, 1, 1), limits, 4, why), 0);
    return (const struct rl_limit_set *)memory;
}

static inline struct bench *bench_open(const struct rl_pipeline_config *config,
                                       uint64_t n_session_bytes)
{
    static struct bench bench;
    struct bench *b = &bench;
    struct rl_pipeline_config mine = *config;
    const char *why;

    if (mine.limits == NULL)
        mine.limits = limits_of(&usual_limits);
    memset(b, 0, sizeof *b);
    CHECK_EQ(rl_clock_from_hz(&b->clock, 2000000000), 0);
    CHECK_EQ(rl_arena_open(&b->arena, rl_pipeline_bytes(config) + (1 << 20), 0), 0);
    CHECK_EQ(rl_cable_open(&b->market, &b->arena, 1 << 16), 0);
    CHECK_EQ(rl_cable_open(&b->session, &b->arena, n_session_bytes), 0);
    rl_shared_init(&b->shared);
    rl_kill_init(&b->kill, 0);
    why = NULL;
    CHECK_EQ(rl_pipeline_init(&b->engine, &b->arena, &mine, &b->clock, b->market.end[1],
                              b->session.end[1], &b->shared, &b->kill, &why),
             0);
    CHECK_EQ(rl_fix_er_init(&b->report, "FIX.4.4", "VENUE", "REDLINE"), 0);
    b->seq = 1;
    b->answer_seq = 1;
    CHECK_EQ(rl_oms_set_state(&b->engine.oms, RL_SCOPE_GLOBAL, 0, RL_RISK_ACTIVE, rl_tsc()), 0);
    CHECK_EQ(rl_bench_arm(&b->kill), 0);
    return b;
}

static inline struct bench *bench_itch(void)
{
    struct rl_pipeline_config config = config_of(RL_FEED_ITCH);

    return bench_open(&config, 1 << 16);
}

static inline void bench_close(struct bench *b)
{
    rl_arena_close(&b->arena);
}

/* --- the far end of the market data line ----------------------------------------------------- */

static inline uint64_t send_frame(struct bench *b, const uint8_t *bytes, uint32_t n_bytes)
{
    uint8_t *frame = rl_port_tx_reserve(b->market.end[0], n_bytes);

    CHECK(frame != NULL);
    memcpy(frame, bytes, n_bytes);
    rl_port_tx_commit(b->market.end[0], n_bytes);
    return b->seq++;
}

/* An order enters the book; returns the number of its message. */
static inline uint64_t add(struct bench *b, uint64_t id, enum rl_side side, uint32_t qty,
                           int64_t px_nano)
{
    uint8_t message[RL_ITCH_MAX_MESSAGE], packet[128];
    uint32_t n = rl_itch_put_add(message, &(struct rl_itch_head){.locate = 5}, id, side, qty, "ABC",
                                 px_nano);

    return send_frame(b, packet, rl_mold_wrap(packet, "SESSION001", b->seq, message, n));
}

/* Two-sided and balanced: no signal. */
static inline void quote(struct bench *b)
{
    add(b, 1, RL_BUY, 100, 99 * UNIT + 90 * CENT);
    add(b, 2, RL_SELL, 100, 100 * UNIT);
    CHECK(rl_pipeline_turn(&b->engine));
}

static uint64_t n_extra;

/* A signal to buy: many more bids. Undone by lean_back. Returns the trigger's number. */
static inline uint64_t lean(struct bench *b)
{
    uint64_t seq = add(b, 100 + n_extra++, RL_BUY, 900, 99 * UNIT + 90 * CENT);

    CHECK(rl_pipeline_turn(&b->engine));
    return seq;
}

static inline void lean_back(struct bench *b)
{
    uint8_t message[RL_ITCH_MAX_MESSAGE], packet[128];
    uint32_t n =
        rl_itch_put_delete(message, &(struct rl_itch_head){.locate = 5}, 100 + n_extra - 1);

    send_frame(b, packet, rl_mold_wrap(packet, "SESSION001", b->seq, message, n));
    CHECK(rl_pipeline_turn(&b->engine));
}

/* --- the far end of the order session -------------------------------------------------------- */

struct order {
    uint64_t id, trigger, qty, msg_seq;
    int64_t px_nano;
    char side, tif;
    char symbol[32];
};

/* The next order on the wire; false when there is none. */
static inline bool receive(struct bench *b, struct order *o)
{
    struct rl_fix_field fields[N_FIELDS];
    struct rl_fix_msg m;
    struct rl_frame frame;
    const struct rl_fix_field *f;

    if (rl_port_rx_burst(b->session.end[0], &frame, 1) == 0)
        return false;
    rl_fix_init(&m, fields, N_FIELDS);
    CHECK_EQ(rl_fix_parse(&m, frame.data, frame.n_bytes), RL_FIX_OK);
    CHECK_EQ(m.type, 'D');
    memset(o, 0, sizeof *o);
    f = rl_fix_find(&m, RL_FIX_ClOrdID, 0);
    CHECK(f && rl_id_from_text((const char *)rl_fix_value(&m, f), f->len, &o->id));
    CHECK(rl_fix_uint(&m, rl_fix_find(&m, RL_FIX_SecondaryClOrdID, 0), &o->trigger));
    CHECK(rl_fix_uint(&m, rl_fix_find(&m, RL_FIX_OrderQty, 0), &o->qty));
    CHECK(rl_fix_uint(&m, rl_fix_find(&m, RL_FIX_MsgSeqNum, 0), &o->msg_seq));
    CHECK(rl_fix_px(&m, rl_fix_find(&m, RL_FIX_Price, 0), &o->px_nano));
    CHECK_EQ(rl_fix_char(&m, rl_fix_find(&m, RL_FIX_OrdType, 0)), '2');
    o->side = (char)rl_fix_char(&m, rl_fix_find(&m, RL_FIX_Side, 0));
    o->tif = (char)rl_fix_char(&m, rl_fix_find(&m, RL_FIX_TimeInForce, 0));
    f = rl_fix_find(&m, RL_FIX_Symbol, 0);
    CHECK(f != NULL);
    memcpy(o->symbol, rl_fix_value(&m, f), f->len);
    rl_port_rx_release(b->session.end[0]);
    return true;
}

static inline void respond(struct bench *b, uint64_t id, uint64_t exec, uint64_t qty,
                           char exec_type)
{
    uint8_t *frame = rl_port_tx_reserve(b->session.end[0], RL_FIX_ORDER_MAX);
    char text[RL_ID_TEXT_BYTES];

    CHECK(frame != NULL);
    rl_id_to_text(id, text);
    rl_port_tx_commit(b->session.end[0],
                      rl_fix_er_write(&b->report,
                                      &(struct rl_fix_er){.msg_seq = b->answer_seq++,
                                                          .cl_ord_id = text,
                                                          .order_id = exec,
                                                          .exec_id = exec,
                                                          .symbol = "ABC",
                                                          .n_symbol = 3,
                                                          .qty = 10,
                                                          .last_qty = qty,
                                                          .cum_qty = qty,
                                                          .px_nano = 100 * UNIT,
                                                          .last_px_nano = 100 * UNIT,
                                                          .avg_px_nano = 100 * UNIT,
                                                          .side = RL_BUY,
                                                          .exec_type = exec_type,
                                                          .ord_status = '2'},
                                      frame));
    CHECK(rl_pipeline_turn(&b->engine));
}

/* A record of a message or of an answer, and not one of a state or a number beside it. */
static inline bool is_decision(const struct rl_audit_record *record)
{
    switch (record->kind) {
    case RL_AUDIT_SENT:
    case RL_AUDIT_RISK_REJECT:
    case RL_AUDIT_KILL_BLOCK:
    case RL_AUDIT_TX_FULL:
    case RL_AUDIT_CANCEL_SENT:
    case RL_AUDIT_EVENT:
        return true;
    default:
        return false;
    }
}

/* The next record of a decision or an answer; kind 0 when there is none. */
static inline struct rl_audit_record recorded(struct bench *b)
{
    struct rl_ring *ring = &b->engine.oms.audit.ring;
    struct rl_audit_record record = {0};
    const struct rl_audit_record *next;

    while (!is_decision(&record)) {
        next = rl_ring_peek(ring);
        if (next == NULL)
            return (struct rl_audit_record){0};
        record = *next;
        rl_ring_release(ring);
        rl_ring_publish(ring);
    }
    return record;
}

#define COUNTED(b, counter) rl_counted(&(b)->engine.n.counter)
#define ORDERS(b, counter) rl_counted(&(b)->engine.oms.n.counter)
#define POSITION(b) rl_ledger_at(&(b)->engine.oms.ledger, 0, 0)

/* The first cause of a trip of everything; RL_KILL_NONE while nothing is tripped. */
static inline enum rl_kill_cause cause_of(const struct bench *b)
{
    return rl_kill_is_clear(&b->kill) ? RL_KILL_NONE : rl_kill_cause(&b->kill, NULL);
}

static inline void trip(struct bench *b)
{
    (void)rl_kill_trip(&b->kill, RL_SCOPE_GLOBAL, 0, RL_KILL_MANUAL, 1);
}

#endif
