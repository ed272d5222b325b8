#include "rig/trial/counterparty.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "rig/trial/counterparty_inner.h"
#include "rig/trial/judge.h"
#include "trade/order/ids.h"

const char *const rl_counterparty_counter_names[] = {
#define RL_COUNTERPARTY_NAME(name, what) #name,
    RL_COUNTERPARTY_COUNTERS(RL_COUNTERPARTY_NAME)
#undef RL_COUNTERPARTY_NAME
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

void rl_counterparty_list(struct rl_counterparty *x, const char *symbol)
{
    uint32_t n = (uint32_t)strnlen(symbol, RL_FEED_SYMBOL);
    char *slot;

    if (n == 0 || n >= RL_FEED_SYMBOL)
        return;
    slot = rl_counterparty_symbol(x, symbol, n);
    if (slot[0] == '\0')
        memcpy(slot, symbol, n);
}

size_t rl_counterparty_bytes(uint32_t n_symbols, const struct rl_counterparty_rules *rules)
{
    return table_slots(n_symbols) * RL_FEED_SYMBOL + 4 * RL_CACHE_LINE +
           (rules ? rl_resting_bytes(rules->n_resting) : rl_resting_bytes(0));
}

static int init_templates(struct rl_counterparty *x)
{
    static const char version[] = "FIX.4.4";
    int err = rl_fix_er_init(&x->report, version, RL_VENUE_COMP, RL_ENGINE_COMP);

    if (!err)
        err = rl_fix_er_orig_init(&x->report_orig, version, RL_VENUE_COMP, RL_ENGINE_COMP);
    if (!err)
        err = rl_fix_cancel_reject_init(&x->refusal, version, RL_VENUE_COMP, RL_ENGINE_COMP);
    if (!err)
        err = rl_fix_mass_report_init(&x->mass_all, version, RL_VENUE_COMP, RL_ENGINE_COMP,
                                      RL_FIX_MASS_ALL);
    if (!err)
        err = rl_fix_mass_report_init(&x->mass_symbol, version, RL_VENUE_COMP, RL_ENGINE_COMP,
                                      RL_FIX_MASS_SYMBOL);
    return err;
}

int rl_counterparty_init(struct rl_counterparty *x, struct rl_arena *arena, uint32_t n_symbols,
                         uint64_t max_qty, const struct rl_counterparty_rules *rules,
                         const struct rl_clock *clock, struct rl_port *port,
                         const struct rl_sent *sent)
{
    struct timespec utc;
    void *resting;

    if (rules != NULL)
        x->rules = *rules;
    x->has_rules = x->rules.reject_every || x->rules.hold_every || x->rules.part_every;
    x->clock = clock;
    x->port = port;
    x->sent = sent;
    x->max_qty = max_qty;
    x->symbol_mask = table_slots(n_symbols) - 1;
    x->symbols = rl_arena_take(arena, (x->symbol_mask + 1) * RL_FEED_SYMBOL, RL_CACHE_LINE);
    resting = rl_arena_take(arena, rl_resting_bytes(x->rules.n_resting), RL_CACHE_LINE);
    if (x->symbols == NULL || resting == NULL)
        return -ENOMEM;
    rl_resting_init(&x->resting, resting, x->rules.n_resting);
    x->order_seq = 1;
    x->answer_seq = 1;
    clock_gettime(CLOCK_REALTIME, &utc);
    x->tsc_base = rl_tsc();
    x->unix_base_ns = (uint64_t)utc.tv_sec * 1000000000ULL + (uint64_t)utc.tv_nsec;
    rl_fix_init(&x->order, x->fields, RL_COUNTERPARTY_FIELDS);
    return init_templates(x);
}

void rl_counterparty_watch(struct rl_counterparty *x, struct rl_shared *shared,
                           const _Atomic uint64_t *beat)
{
    x->shared = shared;
    x->beat = beat;
    x->beat_tsc = rl_tsc();
}

/* --- faults ---------------------------------------------------------------------------------- */

/* What every request must have; the counter of the first fault. */
static inline _Atomic uint64_t *find_head_fault(struct rl_counterparty *x,
                                                const struct rl_request_read *r)
{
    if (r->id <= x->last_id)
        return &x->n.orders_repeated;
    x->last_id = r->id; /* used up from here on, whatever else is wrong with it */
    if (r->seq != x->order_seq) {
        x->order_seq = r->seq + 1; /* the gap is counted once */
        return &x->n.orders_misnumbered;
    }
    x->order_seq++;
    return NULL;
}

static inline bool terms_are_sane(const struct rl_counterparty *x, const struct rl_request_read *r)
{
    return r->qty != 0 && r->qty <= x->max_qty && r->px_nano > 0 && r->type == '2' &&
           (r->time_in_force == '3' || r->time_in_force == '0') &&
           (r->side == '1' || r->side == '2');
}

/* The counter of an order's first fault; NULL and the slot of its trigger when there is none. */
static inline _Atomic uint64_t *find_fault(struct rl_counterparty *x, struct rl_request_read *r,
                                           const struct rl_sent_slot **slot)
{
    _Atomic uint64_t *fault;

    if (!rl_request_read(&x->order, r))
        return &x->n.orders_incomplete;
    if (!terms_are_sane(x, r))
        return &x->n.orders_insane;
    fault = find_head_fault(x, r);
    if (fault != NULL)
        return fault;
    if (rl_counterparty_symbol(x, r->symbol, r->n_symbol)[0] == '\0')
        return &x->n.orders_bad_symbol;
    switch (rl_sent_get(x->sent, r->trigger, slot)) {
    case RL_SENT_KNOWN:
        return NULL;
    case RL_SENT_LATE:
        return &x->n.orders_late;
    case RL_SENT_UNKNOWN:
    default:
        return &x->n.orders_unknown;
    }
}

/* --- orders ---------------------------------------------------------------------------------- */

static bool is_hit(uint64_t n, uint32_t every)
{
    return every != 0 && n % every == 0;
}

static inline void answer_order(struct rl_counterparty *x, const struct rl_request_read *r,
                                uint64_t now)
{
    const struct rl_counterparty_rules *rules = &x->rules;
    struct rl_rest order = {.id = r->id,
                            .order_id = x->n_executions + 1,
                            .trigger = r->trigger,
                            .qty = r->qty,
                            .px_nano = r->px_nano,
                            .symbol = r->symbol,
                            .n_symbol = (uint8_t)r->n_symbol,
                            .side = r->side == '1' ? RL_BUY : RL_SELL};

    if (RL_UNLIKELY(x->has_rules)) {
        uint64_t n = rl_counted(&x->n.orders_valid);
        bool is_held = is_hit(n, rules->hold_every);

        order.symbol = rl_counterparty_symbol(x, r->symbol, r->n_symbol); /* outlives the frame */
        if (is_hit(n, rules->reject_every)) {
            rl_counterparty_say(x, &order, r->id_text, '8', '8', 0, now);
            rl_count(&x->n.orders_rejected, 1);
            return;
        }
        if (is_held || (is_hit(n, rules->part_every) && r->qty > 1)) {
            rl_counterparty_by_rule(x, &order, r, is_held, now);
            return;
        }
    }
    order.cum = r->qty;
    rl_counterparty_say(x, &order, r->id_text, 'F', '2', r->qty, now);
    rl_count(&x->n.orders_filled, 1);
}

static uint64_t ns_since(const struct rl_counterparty *x, uint64_t then_tsc, uint64_t now_tsc)
{
    return now_tsc > then_tsc ? rl_ticks_to_ns(x->clock, now_tsc - then_tsc) : 0;
}

static __attribute__((noinline)) void
keep_outlier(struct rl_counterparty *x, const struct rl_sent_slot *slot, uint64_t ns, uint64_t now)
{
    struct rl_outlier one = {.ns = ns,
                             .seq = slot->seq,
                             .intended_tsc = slot->intended_tsc,
                             .actual_tsc = slot->actual_tsc,
                             .received_tsc = now};

    rl_outliers_put(&x->outliers, &one);
}

static __attribute__((noinline)) void put_on_tape(struct rl_counterparty *x,
                                                  const struct rl_request_read *r,
                                                  const struct rl_sent_slot *slot, uint64_t now)
{
    struct rl_taped *one;

    if (x->tape.n == x->tape.max) {
        x->tape.n_beyond++;
        return;
    }
    one = &x->tape.orders[x->tape.n++];
    *one = (struct rl_taped){.trigger = r->trigger,
                             .sent_tsc = slot->actual_tsc,
                             .received_tsc = now,
                             .px_nano = r->px_nano,
                             .qty = r->qty,
                             .side = (uint64_t)r->side};
    memcpy(one->symbol, r->symbol, r->n_symbol);
}

static inline void on_order(struct rl_counterparty *x, struct rl_hist *wire, uint64_t now)
{
    const struct rl_sent_slot *slot = NULL;
    struct rl_request_read r;
    _Atomic uint64_t *fault = find_fault(x, &r, &slot);

    rl_count(&x->n.orders_received, 1);
    if (RL_UNLIKELY(fault != NULL)) {
        rl_count(fault, 1);
        return;
    }
    rl_count(&x->n.orders_valid, 1);
    if (RL_UNLIKELY(x->tape.max > 0))
        put_on_tape(x, &r, slot, now);
    if (slot->is_measured) {
        uint64_t ns = ns_since(x, slot->intended_tsc, now);

        rl_count(&x->n.orders_measured, 1);
        rl_hist_record(wire, ns);
        if (RL_UNLIKELY(rl_outliers_wants(&x->outliers, ns)))
            keep_outlier(x, slot, ns, now);
        rl_hist_record(&x->service, ns_since(x, slot->actual_tsc, now));
    }
    answer_order(x, &r, now);
}

/* --- the session ----------------------------------------------------------------------------- */

/* A cancel, a replacement or a mass cancel. */
static __attribute__((noinline)) void on_request(struct rl_counterparty *x, uint64_t now)
{
    struct rl_request_read r;
    bool is_good = rl_request_read(&x->order, &r);

    if (is_good && x->order.type == RL_FIX_TYPE1('G'))
        is_good = terms_are_sane(x, &r);
    if (!is_good || find_head_fault(x, &r) != NULL) {
        rl_count(&x->n.requests_bad, 1);
        return;
    }
    if (RL_UNLIKELY(x->rules.ignores_cancels && x->order.type != RL_FIX_TYPE1('G'))) {
        rl_count(&x->n.requests_ignored, 1);
        return;
    }
    switch (x->order.type) {
    case RL_FIX_TYPE1('F'):
        rl_counterparty_cancel(x, &r, now);
        break;
    case RL_FIX_TYPE1('G'):
        rl_counterparty_replace(x, &r, now);
        break;
    default:
        rl_counterparty_mass_cancel(x, &r, now);
        break;
    }
}

static inline void on_frame(struct rl_counterparty *x, const struct rl_frame *frame,
                            struct rl_hist *wire, uint64_t now)
{
    rl_count(&x->n.requests_received, 1);
    if (RL_UNLIKELY(rl_fix_parse(&x->order, frame->data, frame->n_bytes) != RL_FIX_OK)) {
        rl_count(&x->n.orders_received, 1);
        rl_count(&x->n.orders_garbled, 1);
        return;
    }
    switch (x->order.type) {
    case RL_FIX_TYPE1('D'):
        if (RL_UNLIKELY(x->judge != NULL))
            rl_judge_order(x->judge, now);
        on_order(x, wire, now);
        break;
    case RL_FIX_TYPE1('G'):
        if (x->judge != NULL)
            rl_judge_order(x->judge, now);
        on_request(x, now);
        break;
    case RL_FIX_TYPE1('F'):
    case RL_FIX_TYPE1('q'):
        on_request(x, now);
        break;
    default:
        rl_count(&x->n.orders_received, 1);
        rl_count(&x->n.orders_garbled, 1);
        break;
    }
}

/* The engine has dropped the session, or shows no life. */
static bool is_gone(struct rl_counterparty *x)
{
    uint64_t beat, now;

    if (x->shared != NULL && rl_session_is_dropped(x->shared))
        return true;
    if (x->beat == NULL || x->rules.silence_ns == 0)
        return false;
    beat = atomic_load_explicit(x->beat, memory_order_relaxed); /* any change is a sign of life */
    now = rl_tsc();
    if (beat != x->beat_seen) {
        x->beat_seen = beat;
        x->beat_tsc = now;
    }
    return ns_since(x, x->beat_tsc, now) > x->rules.silence_ns;
}

/* After the requests of a turn; true when there was something to do. */
static __attribute__((noinline)) bool look_after(struct rl_counterparty *x, bool is_gone_now,
                                                 bool is_empty)
{
    bool did = x->mass.is_on;

    if (x->mass.is_on)
        rl_counterparty_go_on(x, rl_tsc());
    if (is_empty && is_gone_now != x->is_lost) {
        x->is_lost = is_gone_now;
        if (is_gone_now)
            rl_counterparty_lose(x);
        else if (x->was_dropped)
            x->order_seq = x->answer_seq = 1; /* a new session */
        did = true;
    }
    if (x->judge != NULL)
        rl_judge_done(x->judge, is_empty, x->resting.n);
    return did;
}

uint32_t rl_counterparty_turn(struct rl_counterparty *x, struct rl_hist *wire)
{
    struct rl_frame frames[RL_COUNTERPARTY_BURST];
    bool is_watched = x->shared != NULL || x->beat != NULL || x->judge != NULL, gone = false;
    uint64_t now;
    uint32_t n;

    if (RL_UNLIKELY(is_watched)) { /* before the burst: what was sent by then is in it */
        gone = is_gone(x);
        if (x->judge != NULL)
            rl_judge_look(x->judge, x->resting.n);
    }
    n = rl_port_rx_burst(x->port, frames, RL_COUNTERPARTY_BURST);
    if (n > 0) {
        now = rl_tsc(); /* received: before anything is done with them */
        for (uint32_t i = 0; i < n; i++)
            on_frame(x, &frames[i], wire, now);
        rl_port_rx_release(x->port);
    }
    if (RL_UNLIKELY(is_watched || x->mass.is_on) &&
        look_after(x, gone, n < RL_COUNTERPARTY_BURST) && n == 0)
        n = 1;
    if (n > 0)
        rl_port_tx_flush(x->port);
    return n;
}
