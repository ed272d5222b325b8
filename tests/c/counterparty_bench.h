/*
 * exchange_bench - a venue with the engine's end of its session in the test's hands.
 */
#ifndef RL_TESTS_EXCHANGE_BENCH_H
#define RL_TESTS_EXCHANGE_BENCH_H

#include <string.h>

#include "check.h"
#include "net/port/port_shm.h"
#include "rig/trial/counterparty.h"
#include "rig/trial/worker.h"
#include "trade/order/ids.h"

#define UNIT RL_NANO_PER_UNIT
#define N_SENT 64

struct venue {
    struct rl_arena arena;
    struct rl_clock clock;
    struct rl_cable session; /* end 0: exchange, end 1: the test */
    struct rl_sent sent;
    struct rl_counterparty exchange;
    struct rl_hist wire;
    uint64_t next_id, next_seq;
};

static inline void take_hist(struct rl_hist *h, struct rl_arena *arena)
{
    size_t n_bytes = rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);
    uint64_t *counts = rl_arena_take(arena, n_bytes, 0);

    CHECK(counts != NULL);
    CHECK_EQ(rl_hist_init(h, RL_HIST_HIGHEST, RL_HIST_DIGITS, counts, n_bytes), 0);
}

/* Messages 100 .. 109 were sent, the first five in the warm-up. */
static inline struct venue *venue_with(uint64_t n_session_bytes,
                                       const struct rl_counterparty_rules *rules)
{
    static struct venue venue;
    struct venue *v = &venue;

    memset(v, 0, sizeof *v);
    CHECK_EQ(rl_clock_from_hz(&v->clock, 2000000000), 0);
    CHECK_EQ(rl_arena_open(&v->arena, 4 << 20, 0), 0);
    CHECK_EQ(rl_cable_open(&v->session, &v->arena, n_session_bytes), 0);
    v->sent.slots = rl_arena_take(&v->arena, N_SENT * sizeof *v->sent.slots, 0);
    v->sent.mask = N_SENT - 1;
    take_hist(&v->wire, &v->arena);
    take_hist(&v->exchange.service, &v->arena);
    CHECK_EQ(rl_counterparty_init(&v->exchange, &v->arena, 2, 1000, rules, &v->clock,
                                  v->session.end[0], &v->sent),
             0);
    rl_counterparty_list(&v->exchange, "ABC");
    rl_counterparty_list(&v->exchange, "XY");
    for (uint64_t seq = 100; seq < 110; seq++)
        rl_sent_put(&v->sent, seq, rl_tsc(), rl_tsc(), seq >= 105);
    v->next_id = (1ULL << RL_ID_COUNTER_BITS) + 1;
    v->next_seq = 1;
    return v;
}

/* Without rules: every order is filled whole. */
static inline struct venue *venue_open(uint64_t n_session_bytes)
{
    return venue_with(n_session_bytes, NULL);
}

/* An order as text fields; NULL leaves the field out, `twice` repeats it. */
struct fields {
    const char *type, *seq, *sender, *target, *sent, *id, *trigger, *symbol, *side, *time, *qty,
        *ord_type, *px, *tif, *orig, *mass;
    uint32_t twice;
};

static inline struct fields good(struct venue *v)
{
    static char id[RL_ID_TEXT_BYTES + 1], seq[24];

    rl_id_to_text(v->next_id++, id);
    snprintf(seq, sizeof seq, "%" PRIu64, v->next_seq++);
    return (struct fields){.type = "D",
                           .seq = seq,
                           .sender = "REDLINE",
                           .target = "VENUE",
                           .sent = "20260102-03:04:05.678",
                           .id = id,
                           .trigger = "107",
                           .symbol = "ABC",
                           .side = "1",
                           .time = "20260102-03:04:05.678",
                           .qty = "10",
                           .ord_type = "2",
                           .px = "100.25",
                           .tif = "3"};
}

static inline void put(struct rl_fix_enc *e, uint32_t tag, const char *text, uint32_t twice)
{
    if (text)
        rl_fix_put_text(e, tag, text);
    if (text && tag == twice)
        rl_fix_put_text(e, tag, text);
}

static inline uint32_t encode(const struct fields *f, uint8_t *out, uint32_t n_max)
{
    struct rl_fix_enc e;

    rl_fix_begin(&e, out, n_max, "FIX.4.4");
    put(&e, RL_FIX_MsgType, f->type, f->twice);
    put(&e, RL_FIX_MsgSeqNum, f->seq, f->twice);
    put(&e, RL_FIX_SenderCompID, f->sender, f->twice);
    put(&e, RL_FIX_TargetCompID, f->target, f->twice);
    put(&e, RL_FIX_SendingTime, f->sent, f->twice);
    put(&e, RL_FIX_ClOrdID, f->id, f->twice);
    put(&e, RL_FIX_SecondaryClOrdID, f->trigger, f->twice);
    put(&e, RL_FIX_Symbol, f->symbol, f->twice);
    put(&e, RL_FIX_Side, f->side, f->twice);
    put(&e, RL_FIX_TransactTime, f->time, f->twice);
    put(&e, RL_FIX_OrderQty, f->qty, f->twice);
    put(&e, RL_FIX_OrdType, f->ord_type, f->twice);
    put(&e, RL_FIX_Price, f->px, f->twice);
    put(&e, RL_FIX_TimeInForce, f->tif, f->twice);
    put(&e, RL_FIX_OrigClOrdID, f->orig, f->twice);
    put(&e, RL_FIX_MassCancelRequestType, f->mass, f->twice);
    return rl_fix_finish(&e);
}

static inline void send_bytes(struct venue *v, const uint8_t *bytes, uint32_t n_bytes)
{
    uint8_t *frame = rl_port_tx_reserve(v->session.end[1], n_bytes);

    CHECK(frame != NULL);
    memcpy(frame, bytes, n_bytes);
    rl_port_tx_commit(v->session.end[1], n_bytes);
}

static inline void send_order(struct venue *v, const struct fields *f)
{
    uint8_t bytes[1024];
    uint32_t n_bytes = encode(f, bytes, sizeof bytes);

    CHECK(n_bytes > 0);
    send_bytes(v, bytes, n_bytes);
    CHECK_EQ(rl_counterparty_turn(&v->exchange, &v->wire), 1);
}

/* Answers that have arrived, thrown away; how many. */
static inline uint32_t answers(struct venue *v)
{
    struct rl_frame frames[16];
    uint32_t n = rl_port_rx_burst(v->session.end[1], frames, 16);

    if (n > 0)
        rl_port_rx_release(v->session.end[1]);
    return n;
}

#define COUNTED(v, counter) rl_counted(&(v)->exchange.n.counter)

#endif
