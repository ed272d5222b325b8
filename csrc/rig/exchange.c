#include "rig/exchange.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "rig/worker.h"
#include "trade/ids.h"

#define RL_VENUE_COMP "VENUE"
#define RL_ENGINE_COMP "REDLINE"

const char *const rl_exchange_counter_names[] = {
#define RL_EXCHANGE_NAME(name, what) #name,
    RL_EXCHANGE_COUNTERS(RL_EXCHANGE_NAME)
#undef RL_EXCHANGE_NAME
        NULL,
};

/* --- symbols --------------------------------------------------------------------------------- */

/* At most half full; a power of two. */
static uint64_t table_slots(uint32_t n_symbols)
{
    uint64_t n = 4;

    while (n < 2 * (uint64_t)n_symbols)
        n *= 2;
    return n;
}

static uint64_t hash_symbol(const char *symbol, uint32_t n)
{
    uint64_t h = 0xCBF29CE484222325ULL; /* FNV-1a */

    for (uint32_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)symbol[i]) * 0x100000001B3ULL;
    return h ^ h >> 32;
}

/* The slot that holds the symbol, or the free one where it would be. */
static char *find_slot(const struct rl_exchange *x, const char *symbol, uint32_t n)
{
    for (uint64_t i = hash_symbol(symbol, n);; i++) {
        char *slot = x->symbols[i & x->symbol_mask];

        if (slot[0] == '\0' || (memcmp(slot, symbol, n) == 0 && slot[n] == '\0'))
            return slot;
    }
}

void rl_exchange_list(struct rl_exchange *x, const char *symbol)
{
    uint32_t n = (uint32_t)strnlen(symbol, RL_FEED_SYMBOL);
    char *slot;

    if (n == 0 || n >= RL_FEED_SYMBOL)
        return;
    slot = find_slot(x, symbol, n);
    if (slot[0] == '\0')
        memcpy(slot, symbol, n);
}

size_t rl_exchange_bytes(uint32_t n_symbols)
{
    return table_slots(n_symbols) * RL_FEED_SYMBOL + 2 * RL_CACHE_LINE;
}

int rl_exchange_init(struct rl_exchange *x, struct rl_arena *arena, uint32_t n_symbols,
                     uint64_t max_qty, const struct rl_clock *clock, struct rl_port *port,
                     const struct rl_sent *sent)
{
    struct timespec utc;

    x->clock = clock;
    x->port = port;
    x->sent = sent;
    x->max_qty = max_qty;
    x->symbol_mask = table_slots(n_symbols) - 1;
    x->symbols = rl_arena_take(arena, (x->symbol_mask + 1) * RL_FEED_SYMBOL, RL_CACHE_LINE);
    if (x->symbols == NULL)
        return -ENOMEM;
    x->order_seq = 1;
    x->answer_seq = 1;
    clock_gettime(CLOCK_REALTIME, &utc);
    x->tsc_base = rl_tsc();
    x->unix_base_ns = (uint64_t)utc.tv_sec * 1000000000ULL + (uint64_t)utc.tv_nsec;
    rl_fix_init(&x->order, x->fields, RL_EXCHANGE_FIELDS);
    return rl_fix_er_init(&x->report, "FIX.4.4", RL_VENUE_COMP, RL_ENGINE_COMP);
}

/* --- orders ---------------------------------------------------------------------------------- */

/* The fields an order must have, each once. */
enum {
    HAS_SEQ = 1 << 0,
    HAS_SENDER = 1 << 1,
    HAS_TARGET = 1 << 2,
    HAS_SENT = 1 << 3,
    HAS_ID = 1 << 4,
    HAS_TRIGGER = 1 << 5,
    HAS_SYMBOL = 1 << 6,
    HAS_SIDE = 1 << 7,
    HAS_TIME = 1 << 8,
    HAS_QTY = 1 << 9,
    HAS_TYPE = 1 << 10,
    HAS_PX = 1 << 11,
    HAS_TIF = 1 << 12,
    HAS_ALL = (1 << 13) - 1,
};

struct order {
    uint64_t seq, id, trigger, qty, time_ns;
    int64_t px_nano;
    const char *symbol;
    uint32_t n_symbol;
    const char *id_text;
    char side, type, time_in_force;
};

static bool is_text(const struct rl_fix_msg *m, const struct rl_fix_field *f, const char *text)
{
    return f->len == strlen(text) && memcmp(rl_fix_value(m, f), text, f->len) == 0;
}

/* The bit of a required field, 0 for any other; *is_good says whether its value could be read. */
static uint32_t read_field(const struct rl_fix_msg *m, const struct rl_fix_field *f,
                           struct order *o, bool *is_good)
{
    switch (f->tag) {
    case RL_FIX_MsgSeqNum:
        *is_good = rl_fix_uint(m, f, &o->seq);
        return HAS_SEQ;
    case RL_FIX_SenderCompID:
        *is_good = is_text(m, f, RL_ENGINE_COMP);
        return HAS_SENDER;
    case RL_FIX_TargetCompID:
        *is_good = is_text(m, f, RL_VENUE_COMP);
        return HAS_TARGET;
    case RL_FIX_SendingTime:
        *is_good = rl_fix_read_time(rl_fix_value(m, f), f->len, &o->time_ns);
        return HAS_SENT;
    case RL_FIX_ClOrdID:
        o->id_text = (const char *)rl_fix_value(m, f);
        *is_good = rl_id_from_text(o->id_text, f->len, &o->id);
        return HAS_ID;
    case RL_FIX_SecondaryClOrdID:
        *is_good = rl_fix_uint(m, f, &o->trigger);
        return HAS_TRIGGER;
    case RL_FIX_Symbol:
        o->symbol = (const char *)rl_fix_value(m, f);
        o->n_symbol = f->len;
        *is_good = f->len > 0 && f->len < RL_FEED_SYMBOL;
        return HAS_SYMBOL;
    case RL_FIX_Side:
        o->side = (char)rl_fix_char(m, f);
        return HAS_SIDE;
    case RL_FIX_TransactTime:
        *is_good = rl_fix_read_time(rl_fix_value(m, f), f->len, &o->time_ns);
        return HAS_TIME;
    case RL_FIX_OrderQty:
        *is_good = rl_fix_uint(m, f, &o->qty);
        return HAS_QTY;
    case RL_FIX_OrdType:
        o->type = (char)rl_fix_char(m, f);
        return HAS_TYPE;
    case RL_FIX_Price:
        *is_good = rl_fix_px(m, f, &o->px_nano);
        return HAS_PX;
    case RL_FIX_TimeInForce:
        o->time_in_force = (char)rl_fix_char(m, f);
        return HAS_TIF;
    default:
        return 0;
    }
}

/* True when every required field is there once and can be read. */
static bool read_order(const struct rl_fix_msg *m, struct order *o)
{
    uint32_t seen = 0;

    *o = (struct order){0};
    for (uint32_t i = 0; i < m->n_fields; i++) {
        bool is_good = true;
        uint32_t bit = read_field(m, &m->fields[i], o, &is_good);

        if (!is_good || (seen & bit) != 0)
            return false;
        seen |= bit;
    }
    return seen == HAS_ALL;
}

/* The counter of the first fault; NULL and the slot of its trigger when there is none. */
static _Atomic uint64_t *find_fault(struct rl_exchange *x, const struct rl_frame *frame,
                                    struct order *o, const struct rl_sent_slot **slot)
{
    if (rl_fix_parse(&x->order, frame->data, frame->n_bytes) != RL_FIX_OK ||
        x->order.type != RL_FIX_TYPE1('D'))
        return &x->n.orders_garbled;
    if (!read_order(&x->order, o))
        return &x->n.orders_incomplete;
    if (o->qty == 0 || o->qty > x->max_qty || o->px_nano <= 0 || o->type != '2' ||
        o->time_in_force != '3' || (o->side != '1' && o->side != '2'))
        return &x->n.orders_insane;
    if (o->id <= x->last_id)
        return &x->n.orders_repeated;
    x->last_id = o->id; /* used up from here on, whatever else is wrong with it */
    if (o->seq != x->order_seq) {
        x->order_seq = o->seq + 1; /* the gap is counted once */
        return &x->n.orders_misnumbered;
    }
    x->order_seq++;
    if (find_slot(x, o->symbol, o->n_symbol)[0] == '\0')
        return &x->n.orders_bad_symbol;
    switch (rl_sent_get(x->sent, o->trigger, slot)) {
    case RL_SENT_KNOWN:
        return NULL;
    case RL_SENT_LATE:
        return &x->n.orders_late;
    case RL_SENT_UNKNOWN:
    default:
        return &x->n.orders_unknown;
    }
}

static void fill(struct rl_exchange *x, const struct order *o, uint64_t now_tsc)
{
    uint8_t *frame = rl_port_tx_reserve(x->port, rl_fix_template_bytes(&x->report, o->n_symbol));
    uint64_t number = x->n_executions + 1;
    uint32_t n_bytes;

    if (RL_UNLIKELY(frame == NULL)) {
        rl_count(&x->n.answers_unsent, 1);
        return;
    }
    n_bytes = rl_fix_er_write(
        &x->report,
        &(struct rl_fix_er){
            .msg_seq = x->answer_seq,
            .time_ns = x->unix_base_ns + rl_ticks_to_ns(x->clock, now_tsc - x->tsc_base),
            .cl_ord_id = o->id_text,
            .secondary_id = o->trigger,
            .order_id = number,
            .exec_id = number,
            .symbol = o->symbol,
            .n_symbol = o->n_symbol,
            .qty = o->qty,
            .last_qty = o->qty,
            .cum_qty = o->qty,
            .px_nano = o->px_nano,
            .last_px_nano = o->px_nano,
            .avg_px_nano = o->px_nano,
            .side = o->side == '1' ? RL_BUY : RL_SELL,
            .exec_type = 'F',
            .ord_status = '2',
        },
        frame);
    rl_port_tx_commit(x->port, n_bytes);
    x->n_executions = number;
    x->answer_seq++;
    rl_count(&x->n.answers_sent, 1);
}

static uint64_t ns_since(const struct rl_exchange *x, uint64_t then_tsc, uint64_t now_tsc)
{
    return now_tsc > then_tsc ? rl_ticks_to_ns(x->clock, now_tsc - then_tsc) : 0;
}

uint32_t rl_exchange_turn(struct rl_exchange *x, struct rl_hist *wire)
{
    struct rl_frame frames[RL_EXCHANGE_BURST];
    uint32_t n = rl_port_rx_burst(x->port, frames, RL_EXCHANGE_BURST);
    uint64_t now;

    if (n == 0)
        return 0;
    now = rl_tsc(); /* received: before anything is done with them */
    for (uint32_t i = 0; i < n; i++) {
        const struct rl_sent_slot *slot = NULL;
        struct order o;
        _Atomic uint64_t *fault = find_fault(x, &frames[i], &o, &slot);

        rl_count(&x->n.orders_received, 1);
        if (RL_UNLIKELY(fault != NULL)) {
            rl_count(fault, 1);
            continue;
        }
        rl_count(&x->n.orders_valid, 1);
        if (slot->is_measured) {
            rl_count(&x->n.orders_measured, 1);
            rl_hist_record(wire, ns_since(x, slot->intended_tsc, now));
            rl_hist_record(&x->service, ns_since(x, slot->actual_tsc, now));
        }
        fill(x, &o, now);
    }
    rl_port_rx_release(x->port);
    return n;
}
