/* What the matching engine says, as OUCH messages. */
#include "rig/exchange/ouch_gateway_inner.h"

/* --- telling ---------------------------------------------------------------------------------- */

static uint64_t since_midnight(struct rl_ouch_gateway *g)
{
    uint64_t at = g->now_ns + (uint64_t)g->utc_offset_ns;

    if (RL_UNLIKELY(at - g->midnight_ns >= RL_OUCH_DAY_NS))
        g->midnight_ns = at - at % RL_OUCH_DAY_NS;
    return at - g->midnight_ns;
}

void rl_ouch_tell(struct rl_ouch_gateway *g, uint32_t member, struct rl_ouch_out *m)
{
    uint8_t bytes[RL_OUCH_MAX_MESSAGE];
    uint32_t n;

    m->ts_ns = since_midnight(g);
    n = rl_ouch_write_out(bytes, sizeof bytes, m);
    if (RL_UNLIKELY(n == 0)) {
        g->n.unsent++;
        return;
    }
    g->n.sent++;
    g->send(g->context, member, bytes, n);
}

void rl_ouch_reject(struct rl_ouch_gateway *g, uint32_t member, uint32_t ref, uint16_t code,
                    const uint8_t *cl_ord_id)
{
    struct rl_ouch_out m = {.type = 'J', .ref = ref, .reject = code};

    memcpy(m.cl_ord_id, cl_ord_id, sizeof m.cl_ord_id);
    g->n.rejected++;
    rl_ouch_tell(g, member, &m);
}

void rl_ouch_tell_modified(struct rl_ouch_gateway *g, const struct rl_ouch_order *o)
{
    rl_ouch_tell(
        g, o->member,
        &(struct rl_ouch_out){.type = 'M', .ref = o->ref, .side = o->side, .qty = o->total});
}

static void tell_symbol(const struct rl_ouch_gateway *g, const struct rl_ouch_order *o,
                        struct rl_ouch_out *m)
{
    const char *symbol = g->venue->instruments[o->instrument].symbol;

    for (uint32_t i = 0; i < RL_OUCH_SYMBOL; i++)
        m->symbol[i] = symbol[i] != '\0' ? (uint8_t)symbol[i] : ' ';
}

/* Accepted or Replaced: they say the same of the order. */
static void tell_order(struct rl_ouch_gateway *g, const struct rl_ouch_order *o, uint8_t type,
                       uint32_t orig_ref, uint32_t qty)
{
    struct rl_ouch_out m = {.type = type,
                            .ref = o->ref,
                            .orig_ref = orig_ref,
                            .side = o->side,
                            .qty = qty,
                            .px_nano = o->px_nano,
                            .tif = o->tif,
                            .display = o->display,
                            .order_ref = o->id,
                            .capacity = o->capacity,
                            .sweep = o->sweep,
                            .cross = o->cross,
                            .state = 'L'};

    tell_symbol(g, o, &m);
    memcpy(m.cl_ord_id, o->cl_ord_id, sizeof m.cl_ord_id);
    if (o->n_options > 0)
        m.options = (struct rl_ouch_options){
            .bytes = g->options[o - g->orders], .n_bytes = o->n_options, .is_present = true};
    rl_ouch_tell(g, o->member, &m);
}

/* --- words ------------------------------------------------------------------------------------ */

static uint8_t cancel_reason(uint8_t reason)
{
    switch (reason) {
    case RL_MATCH_REASON_REQUESTED:
    case RL_MATCH_REASON_MASS_CANCEL:
        return RL_OUCH_CANCEL_USER;
    case RL_MATCH_REASON_IOC_REMAINDER:
    case RL_MATCH_REASON_FOK_UNFILLED:
    case RL_MATCH_REASON_MIN_QTY_UNMET:
    case RL_MATCH_REASON_MARKET_REMAINDER:
        return RL_OUCH_CANCEL_IOC;
    case RL_MATCH_REASON_DATE_REACHED:
        return RL_OUCH_CANCEL_TIMEOUT;
    case RL_MATCH_REASON_VENUE:
        return RL_OUCH_CANCEL_SUPERVISORY;
    case RL_MATCH_REASON_AUCTION_OVER:
        return RL_OUCH_CANCEL_CROSS;
    case RL_MATCH_REASON_HALTED:
        return RL_OUCH_CANCEL_HALTED;
    case RL_MATCH_REASON_DAY_OVER:
    case RL_MATCH_REASON_CLOSED:
        return RL_OUCH_CANCEL_CLOSED;
    case RL_MATCH_REASON_WOULD_TRADE:
        return RL_OUCH_CANCEL_POST_ONLY;
    default: /* the member went away */
        return RL_OUCH_CANCEL_SYSTEM;
    }
}

static uint16_t reject_code(uint8_t reason)
{
    switch (reason) {
    case RL_MATCH_REASON_UNKNOWN_INSTRUMENT:
        return RL_OUCH_REJECT_INVALID_SYMBOL;
    case RL_MATCH_REASON_BAD_QUANTITY:
        return RL_OUCH_REJECT_INVALID_QTY;
    case RL_MATCH_REASON_BAD_PRICE:
        return RL_OUCH_REJECT_INVALID_PRICE;
    case RL_MATCH_REASON_HALTED:
        return RL_OUCH_REJECT_HALTED;
    case RL_MATCH_REASON_CLOSED:
        return RL_OUCH_REJECT_DESTINATION_CLOSED;
    case RL_MATCH_REASON_WOULD_TRADE: /* of a replacement: an order is accepted and canceled */
        return RL_OUCH_REJECT_CROSSED_MARKET;
    case RL_MATCH_REASON_DUPLICATE_ID:
    case RL_MATCH_REASON_BOOK_FULL:
        return RL_OUCH_REJECT_PROCESSING_ERROR;
    default:
        return RL_OUCH_REJECT_OTHER;
    }
}

static uint8_t liquidity(const struct rl_match_event *e)
{
    if (e->flags & RL_MATCH_IN_AUCTION)
        return 'O';
    return e->flags & RL_MATCH_AGGRESSOR ? 'R' : 'A';
}

/* --- events ----------------------------------------------------------------------------------- */

/* What is open and what was executed, as the event has it. */
static void note(struct rl_ouch_order *o, const struct rl_match_event *e)
{
    o->done = (uint32_t)e->done;
    o->total = (uint32_t)(e->done + e->leaves);
}

static void on_accepted(struct rl_ouch_gateway *g, struct rl_ouch_order *o,
                        const struct rl_match_event *e)
{
    if (o->state == RL_OUCH_ASKED)
        o->state = RL_OUCH_LIVE;
    else
        g->n.events_odd++;
    tell_order(g, o, 'A', 0, (uint32_t)e->qty);
}

static void tell_canceled(struct rl_ouch_gateway *g, uint32_t member, uint32_t ref, uint64_t qty,
                          uint8_t reason)
{
    rl_ouch_tell(
        g, member,
        &(struct rl_ouch_out){.type = 'C', .ref = ref, .qty = (uint32_t)qty, .reason = reason});
}

/* Arrived, and was not taken: what OUCH has no reject for was accepted, and ended at once. */
static void on_rejected(struct rl_ouch_gateway *g, struct rl_ouch_order *o,
                        const struct rl_match_event *e)
{
    if (o->state != RL_OUCH_ASKED)
        g->n.events_odd++;
    if (e->reason == RL_MATCH_REASON_WOULD_TRADE || e->reason == RL_MATCH_REASON_MIN_QTY_UNMET ||
        e->reason == RL_MATCH_REASON_FOK_UNFILLED) {
        tell_order(g, o, 'A', 0, o->total);
        tell_canceled(g, o->member, o->ref, o->total, cancel_reason(e->reason));
    } else {
        rl_ouch_reject(g, o->member, o->ref, reject_code(e->reason), o->cl_ord_id);
    }
    rl_ouch_release(g, o);
}

static void on_fill(struct rl_ouch_gateway *g, struct rl_ouch_order *o, uint32_t ref,
                    const struct rl_match_event *e)
{
    g->n.executions++;
    rl_ouch_tell(g, e->owner,
                 &(struct rl_ouch_out){.type = 'E',
                                       .ref = ref,
                                       .qty = (uint32_t)e->qty,
                                       .px_nano = e->px_nano,
                                       .liquidity = liquidity(e),
                                       .match = e->match});
    if (!o || o->state == RL_OUCH_FREE)
        return;
    note(o, e);
    if (e->leaves == 0)
        rl_ouch_release(g, o);
}

static void tell_self_match(struct rl_ouch_gateway *g, const struct rl_ouch_order *o,
                            const struct rl_match_event *e)
{
    rl_ouch_tell(g, o->member,
                 &(struct rl_ouch_out){.type = 'D',
                                       .ref = o->ref,
                                       .qty = (uint32_t)e->qty,
                                       .reason = RL_OUCH_CANCEL_SELF_MATCH,
                                       .prevented_qty = (uint32_t)e->qty,
                                       .px_nano = e->px_nano,
                                       .liquidity = liquidity(e),
                                       .aiq_strategy = o->aiq});
}

static void on_ended(struct rl_ouch_gateway *g, struct rl_ouch_order *o,
                     const struct rl_match_event *e)
{
    struct rl_ouch_order *new = &g->orders[o->replaced_by];

    if (o->state == RL_OUCH_FREE)
        g->n.events_odd++;
    if (e->reason == RL_MATCH_REASON_SELF_TRADE)
        tell_self_match(g, o, e);
    else
        tell_canceled(g, o->member, o->ref, e->qty, cancel_reason(e->reason));
    /* More had been executed than the replacement would have: that is its answer, too. */
    if (e->op == RL_MATCH_MODIFY &&
        new->state == RL_OUCH_REPLACING &&new->member == o->member &&new->orig_ref == o->ref)
        rl_ouch_release(g, new);
    rl_ouch_release(g, o);
}

/* The oldest reduction that was asked for has its answer; true: it was a modification. */
static bool take_asked(struct rl_ouch_order *o)
{
    bool is_modify = o->asked_bits & 1;

    o->asked_bits >>= 1;
    o->n_asked = o->n_asked > 0 ? o->n_asked - 1 : 0;
    return is_modify;
}

static void on_reduced(struct rl_ouch_gateway *g, struct rl_ouch_order *o,
                       const struct rl_match_event *e)
{
    bool is_live = o->state != RL_OUCH_FREE;

    g->n.events_odd += !is_live;
    if (is_live)
        note(o, e);
    if (e->reason == RL_MATCH_REASON_SELF_TRADE) {
        tell_self_match(g, o, e);
        o->asked_total -= (uint32_t)e->qty < o->asked_total ? (uint32_t)e->qty : o->asked_total;
    } else if (take_asked(o)) {
        rl_ouch_tell_modified(g, o);
    } else {
        tell_canceled(g, o->member, o->ref, e->qty, RL_OUCH_CANCEL_USER);
    }
    if (is_live && e->leaves == 0)
        rl_ouch_release(g, o);
}

static void on_refilled(struct rl_ouch_gateway *g, const struct rl_ouch_order *o,
                        const struct rl_match_event *e)
{
    uint8_t bytes[8];
    struct rl_ouch_option_writer w = {.bytes = bytes, .n_max = sizeof bytes};

    (void)rl_ouch_put_option_uint(&w, RL_OUCH_OPTION_display_qty, e->shown);
    rl_ouch_tell(g, o->member,
                 &(struct rl_ouch_out){
                     .type = 'R', .ref = o->ref, .reason = 'R', .options = rl_ouch_options_of(&w)});
}

static void on_replaced(struct rl_ouch_gateway *g, struct rl_ouch_order *o,
                        const struct rl_match_event *e)
{
    struct rl_ouch_order *old = &g->orders[o->orig];

    if (o->state == RL_OUCH_REPLACING) {
        o->state = RL_OUCH_LIVE;
        note(o, e);
    } else {
        g->n.events_odd++;
    }
    tell_order(g, o, 'U', o->orig_ref, (uint32_t)e->leaves);
    if (o->floor > 0 && e->shown > 0 && e->shown != (o->floor < e->leaves ? o->floor : e->leaves))
        on_refilled(g, o, e); /* part of what it shows had been executed */
    if (old->id == e->other_id && old->member == o->member)
        rl_ouch_release(g, old);
}

static void on_refused(struct rl_ouch_gateway *g, struct rl_ouch_order *o,
                       const struct rl_match_event *e)
{
    bool is_gone = e->reason == RL_MATCH_REASON_UNKNOWN_ORDER;

    g->n.ignored += is_gone; /* its end was told */
    if (e->op == RL_MATCH_REPLACE || e->op == RL_MATCH_MODIFY) {
        if (!is_gone)
            rl_ouch_reject(g, o->member, o->ref, reject_code(e->reason), o->cl_ord_id);
        if (o->state == RL_OUCH_REPLACING)
            rl_ouch_release(g, o);
        return;
    }
    if (e->op == RL_MATCH_REDUCE) {
        (void)take_asked(o);
        o->asked_total = o->total;
    }
    if (!is_gone) {
        g->n.cancel_rejects++;
        rl_ouch_tell(g, o->member, &(struct rl_ouch_out){.type = 'I', .ref = o->ref});
    }
}

static void on_busted(struct rl_ouch_gateway *g, const struct rl_ouch_order *o, uint32_t ref,
                      const struct rl_match_event *e)
{
    struct rl_ouch_out m = {.type = 'B', .ref = ref, .match = e->match, .reason = 'S'};

    if (o)
        memcpy(m.cl_ord_id, o->cl_ord_id, sizeof m.cl_ord_id);
    else
        memset(m.cl_ord_id, ' ', sizeof m.cl_ord_id);
    rl_ouch_tell(g, e->owner, &m);
}

void rl_ouch_hear(void *gateway, const struct rl_match_event *e)
{
    struct rl_ouch_gateway *g = gateway;
    struct rl_ouch_order *o = rl_ouch_of_user(g, e->owner, e->user);

    if (e->kind == RL_MATCH_EVENT_FILL) { /* a fact, whether we know the order or not */
        g->n.events_odd += !o || o->state == RL_OUCH_FREE;
        on_fill(g, o, (uint32_t)(e->user >> 32), e);
        return;
    }
    if (e->kind == RL_MATCH_EVENT_BUSTED) {
        on_busted(g, o, (uint32_t)(e->user >> 32), e);
        return;
    }
    if (e->kind == RL_MATCH_EVENT_MASS_CANCELLED)
        return; /* each of its orders was told */
    if (RL_UNLIKELY(!o)) {
        g->n.events_odd++;
        return;
    }
    switch (e->kind) {
    case RL_MATCH_EVENT_ACCEPTED:
        on_accepted(g, o, e);
        break;
    case RL_MATCH_EVENT_REJECTED:
        on_rejected(g, o, e);
        break;
    case RL_MATCH_EVENT_CANCELLED:
    case RL_MATCH_EVENT_EXPIRED:
        on_ended(g, o, e);
        break;
    case RL_MATCH_EVENT_REDUCED:
        on_reduced(g, o, e);
        break;
    case RL_MATCH_EVENT_REPLACED:
        on_replaced(g, o, e);
        break;
    case RL_MATCH_EVENT_REFUSED:
        on_refused(g, o, e);
        break;
    case RL_MATCH_EVENT_REFILLED:
        on_refilled(g, o, e);
        break;
    default: /* rested, triggered, trailed: the book's concern */
        break;
    }
}
