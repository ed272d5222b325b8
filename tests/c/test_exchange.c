/* The exchange: every fault of an order is found, counted once, and not answered. */
#include <string.h>

#include "check.h"
#include "net/port_shm.h"
#include "rig/exchange.h"
#include "rig/worker.h"
#include "trade/ids.h"

#define UNIT RL_NANO_PER_UNIT
#define N_SENT 64

struct venue {
    struct rl_arena arena;
    struct rl_clock clock;
    struct rl_cable session; /* end 0: exchange, end 1: the test */
    struct rl_sent sent;
    struct rl_exchange exchange;
    struct rl_hist wire;
    uint64_t next_id, next_seq;
};

static void take_hist(struct rl_hist *h, struct rl_arena *arena)
{
    size_t n_bytes = rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);
    uint64_t *counts = rl_arena_take(arena, n_bytes, 0);

    CHECK(counts != NULL);
    CHECK_EQ(rl_hist_init(h, RL_HIST_HIGHEST, RL_HIST_DIGITS, counts, n_bytes), 0);
}

/* Messages 100 .. 109 were sent, the first five in the warm-up. */
static struct venue *venue_open(uint64_t n_session_bytes)
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
    CHECK_EQ(
        rl_exchange_init(&v->exchange, &v->arena, 2, 1000, &v->clock, v->session.end[0], &v->sent),
        0);
    rl_exchange_list(&v->exchange, "ABC");
    rl_exchange_list(&v->exchange, "XY");
    for (uint64_t seq = 100; seq < 110; seq++)
        rl_sent_put(&v->sent, seq, rl_tsc(), rl_tsc(), seq >= 105);
    v->next_id = (1ULL << RL_ID_COUNTER_BITS) + 1;
    v->next_seq = 1;
    return v;
}

/* An order as text fields; NULL leaves the field out, `twice` repeats it. */
struct fields {
    const char *type, *seq, *sender, *target, *sent, *id, *trigger, *symbol, *side, *time, *qty,
        *ord_type, *px, *tif;
    uint32_t twice;
};

static struct fields good(struct venue *v)
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

static void put(struct rl_fix_enc *e, uint32_t tag, const char *text, uint32_t twice)
{
    if (text)
        rl_fix_put_text(e, tag, text);
    if (text && tag == twice)
        rl_fix_put_text(e, tag, text);
}

static uint32_t encode(const struct fields *f, uint8_t *out, uint32_t n_max)
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
    return rl_fix_finish(&e);
}

static void send_bytes(struct venue *v, const uint8_t *bytes, uint32_t n_bytes)
{
    uint8_t *frame = rl_port_tx_reserve(v->session.end[1], n_bytes);

    CHECK(frame != NULL);
    memcpy(frame, bytes, n_bytes);
    rl_port_tx_commit(v->session.end[1], n_bytes);
}

static void send_order(struct venue *v, const struct fields *f)
{
    uint8_t bytes[1024];
    uint32_t n_bytes = encode(f, bytes, sizeof bytes);

    CHECK(n_bytes > 0);
    send_bytes(v, bytes, n_bytes);
    CHECK_EQ(rl_exchange_turn(&v->exchange, &v->wire), 1);
}

/* Answers that have arrived, thrown away; how many. */
static uint32_t answers(struct venue *v)
{
    struct rl_frame frames[16];
    uint32_t n = rl_port_rx_burst(v->session.end[1], frames, 16);

    if (n > 0)
        rl_port_rx_release(v->session.end[1]);
    return n;
}

#define COUNTED(v, counter) rl_counted(&(v)->exchange.n.counter)

/* The fault is counted, alone, and there is no answer and no time. */
#define CHECK_FAULT(v, fields, counter)                                                       \
    do {                                                                                      \
        uint64_t before_fault = COUNTED(v, counter), before_valid = COUNTED(v, orders_valid); \
        send_order(v, &(fields));                                                             \
        CHECK_EQ(COUNTED(v, counter), before_fault + 1);                                      \
        CHECK_EQ(COUNTED(v, orders_valid), before_valid);                                     \
        CHECK_EQ(answers(v), 0);                                                              \
        CHECK_EQ((v)->wire.n_total, 0);                                                       \
    } while (0)

static void test_a_valid_order_is_timed_and_filled_whole(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f = good(v);
    struct rl_fix_field table[64];
    struct rl_fix_msg m;
    struct rl_frame frame;
    uint64_t n;
    int64_t px;

    send_order(v, &f);
    CHECK_EQ(COUNTED(v, orders_valid), 1);
    CHECK_EQ(COUNTED(v, orders_measured), 1);
    CHECK_EQ(v->wire.n_total, 1);
    CHECK_EQ(v->exchange.service.n_total, 1);
    CHECK_EQ(rl_port_rx_burst(v->session.end[1], &frame, 1), 1);
    rl_fix_init(&m, table, 64);
    CHECK_EQ(rl_fix_parse(&m, frame.data, frame.n_bytes), RL_FIX_OK);
    CHECK_EQ(m.type, '8');
    CHECK_EQ(rl_fix_char(&m, rl_fix_find(&m, RL_FIX_ExecType, 0)), 'F');
    CHECK_EQ(rl_fix_char(&m, rl_fix_find(&m, RL_FIX_OrdStatus, 0)), '2');
    CHECK(rl_fix_uint(&m, rl_fix_find(&m, RL_FIX_LastQty, 0), &n) && n == 10);
    CHECK(rl_fix_uint(&m, rl_fix_find(&m, RL_FIX_LeavesQty, 0), &n) && n == 0);
    CHECK(rl_fix_uint(&m, rl_fix_find(&m, RL_FIX_SecondaryClOrdID, 0), &n) && n == 107);
    CHECK(rl_fix_px(&m, rl_fix_find(&m, RL_FIX_LastPx, 0), &px) && px == 100 * UNIT + UNIT / 4);
    CHECK(memcmp(rl_fix_value(&m, rl_fix_find(&m, RL_FIX_ClOrdID, 0)), f.id, RL_ID_TEXT_BYTES) ==
          0);
    rl_arena_close(&v->arena);
}

static void test_an_order_of_the_warm_up_is_filled_but_not_timed(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f = good(v);

    f.trigger = "104";
    send_order(v, &f);
    CHECK_EQ(COUNTED(v, orders_valid), 1);
    CHECK_EQ(COUNTED(v, orders_measured), 0);
    CHECK_EQ(v->wire.n_total, 0);
    CHECK_EQ(answers(v), 1);
    rl_arena_close(&v->arena);
}

static void test_bytes_that_are_no_new_order_are_garbled(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f = good(v);
    uint8_t bytes[1024];
    uint32_t n = encode(&f, bytes, sizeof bytes);

    bytes[n - 2] = (uint8_t)(bytes[n - 2] == '9' ? '0' : bytes[n - 2] + 1); /* the checksum */
    send_bytes(v, bytes, n);
    send_bytes(v, (const uint8_t *)"hello", 5);
    CHECK_EQ(rl_exchange_turn(&v->exchange, &v->wire), 2);
    CHECK_EQ(COUNTED(v, orders_garbled), 2);
    f = good(v);
    f.type = "F"; /* a cancel request */
    CHECK_FAULT(v, f, orders_garbled);
    rl_arena_close(&v->arena);
}

static void test_a_missing_field_makes_an_order_incomplete(void)
{
    struct venue *v = venue_open(1 << 16);

    for (int i = 0; i < 13; i++) {
        struct fields f = good(v);
        const char **members[] = {&f.seq,     &f.sender,   &f.target, &f.sent, &f.id,
                                  &f.trigger, &f.symbol,   &f.side,   &f.time, &f.qty,
                                  &f.px,      &f.ord_type, &f.tif};

        *members[i] = NULL;
        CHECK_FAULT(v, f, orders_incomplete);
    }
    rl_arena_close(&v->arena);
}

static void test_a_repeated_field_makes_an_order_incomplete(void)
{
    static const uint32_t tags[] = {RL_FIX_ClOrdID,  RL_FIX_Symbol, RL_FIX_Side,
                                    RL_FIX_OrderQty, RL_FIX_Price,  RL_FIX_SecondaryClOrdID};
    struct venue *v = venue_open(1 << 16);

    for (size_t i = 0; i < RL_COUNT(tags); i++) {
        struct fields f = good(v);

        f.twice = tags[i];
        CHECK_FAULT(v, f, orders_incomplete);
    }
    rl_arena_close(&v->arena);
}

static void test_a_field_that_cannot_be_read_makes_an_order_incomplete(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f;

#define UNREADABLE(member, text) \
    f = good(v);                 \
    f.member = text;             \
    CHECK_FAULT(v, f, orders_incomplete)
    UNREADABLE(seq, "x");
    UNREADABLE(sender, "SOMEBODY");
    UNREADABLE(target, "SOMEBODY");
    UNREADABLE(sent, "yesterday");
    UNREADABLE(id, "short");
    UNREADABLE(trigger, "-1");
    UNREADABLE(time, "20260102");
    UNREADABLE(qty, "ten");
    UNREADABLE(px, "1e3");
#undef UNREADABLE
    rl_arena_close(&v->arena);
}

static void test_values_that_make_no_sense_are_insane(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f;

#define INSANE(member, text) \
    f = good(v);             \
    f.member = text;         \
    CHECK_FAULT(v, f, orders_insane)
    INSANE(qty, "0");
    INSANE(qty, "1001"); /* the limit is 1000 */
    INSANE(px, "0");
    INSANE(px, "-5");
    INSANE(side, "3");
    INSANE(side, "12");
    INSANE(ord_type, "1");
    INSANE(tif, "0");
#undef INSANE
    rl_arena_close(&v->arena);
}

static void test_an_id_that_does_not_rise_is_repeated(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f = good(v), again;

    send_order(v, &f);
    CHECK_EQ(answers(v), 1);
    rl_hist_reset(&v->wire);
    v->next_id--;
    again = good(v);
    CHECK_FAULT(v, again, orders_repeated);
    v->next_id -= 2; /* older still */
    again = good(v);
    CHECK_FAULT(v, again, orders_repeated);
    rl_arena_close(&v->arena);
}

static void test_a_gap_in_the_message_numbers_is_counted_once(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f;

    v->next_seq = 3; /* 1 and 2 are missing */
    f = good(v);
    CHECK_FAULT(v, f, orders_misnumbered);
    f = good(v);
    send_order(v, &f);
    CHECK_EQ(COUNTED(v, orders_valid), 1);
    rl_arena_close(&v->arena);
}

static void test_an_unknown_symbol_is_refused(void)
{
    static const char *const symbols[] = {"ABD", "AB", "ABCD", "X"};
    struct venue *v = venue_open(1 << 16);
    struct fields f;

    for (size_t i = 0; i < RL_COUNT(symbols); i++) {
        f = good(v);
        f.symbol = symbols[i];
        CHECK_FAULT(v, f, orders_bad_symbol);
    }
    f = good(v);
    f.symbol = "XY";
    send_order(v, &f);
    CHECK_EQ(COUNTED(v, orders_valid), 1);
    rl_arena_close(&v->arena);
}

static void test_a_trigger_that_was_never_sent_is_unknown_and_an_old_one_late(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f;

    f = good(v);
    f.trigger = "110"; /* not yet */
    CHECK_FAULT(v, f, orders_unknown);
    f = good(v);
    f.trigger = "99"; /* before the first */
    CHECK_FAULT(v, f, orders_unknown);
    f = good(v);
    f.trigger = "0";
    CHECK_FAULT(v, f, orders_unknown);
    for (uint64_t seq = 110; seq < 110 + N_SENT; seq++)
        rl_sent_put(&v->sent, seq, rl_tsc(), rl_tsc(), true);
    f = good(v);
    f.trigger = "107"; /* its slot is another's now */
    CHECK_FAULT(v, f, orders_late);
    rl_arena_close(&v->arena);
}

static void test_answers_without_room_are_counted(void)
{
    struct venue *v = venue_open(2048);

    for (int i = 0; i < 20; i++) { /* nobody reads the answers */
        struct fields f = good(v);

        send_order(v, &f);
    }
    CHECK_EQ(COUNTED(v, orders_valid), 20);
    CHECK(COUNTED(v, answers_unsent) > 0);
    CHECK_EQ(COUNTED(v, answers_sent) + COUNTED(v, answers_unsent), 20);
    CHECK_EQ(answers(v), COUNTED(v, answers_sent));
    rl_arena_close(&v->arena);
}

static void test_a_message_that_was_sent_twice_keeps_its_first_time(void)
{
    struct venue *v = venue_open(1 << 16);
    const struct rl_sent_slot *slot;

    rl_sent_put(&v->sent, 107, 1, 2, false);
    CHECK_EQ(rl_sent_get(&v->sent, 107, &slot), RL_SENT_KNOWN);
    CHECK(slot->intended_tsc != 1 && slot->is_measured);
    rl_arena_close(&v->arena);
}

int main(void)
{
    test_a_valid_order_is_timed_and_filled_whole();
    test_an_order_of_the_warm_up_is_filled_but_not_timed();
    test_bytes_that_are_no_new_order_are_garbled();
    test_a_missing_field_makes_an_order_incomplete();
    test_a_repeated_field_makes_an_order_incomplete();
    test_a_field_that_cannot_be_read_makes_an_order_incomplete();
    test_values_that_make_no_sense_are_insane();
    test_an_id_that_does_not_rise_is_repeated();
    test_a_gap_in_the_message_numbers_is_counted_once();
    test_an_unknown_symbol_is_refused();
    test_a_trigger_that_was_never_sent_is_unknown_and_an_old_one_late();
    test_answers_without_room_are_counted();
    test_a_message_that_was_sent_twice_keeps_its_first_time();
    return 0;
}
