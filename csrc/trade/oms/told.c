/* What the venue says, and what it comes to. */
#include "trade/oms/inner.h"

struct rl_audit_record *rl_oms_fact(struct rl_oms *o, enum rl_audit_kind kind, uint64_t now_tsc)
{
    struct rl_audit_record *r = rl_audit_claim(&o->audit, 0);

    if (RL_UNLIKELY(r == NULL)) {
        rl_count(&o->n.audit_lost, 1);
        /* Without a record: this very trip is why there is none. */
        if (rl_kill_trip(o->kill, RL_SCOPE_GLOBAL, 0, RL_KILL_AUDIT, 0))
            rl_count(&o->n.trips, 1);
        return NULL;
    }
    rl_oms_fill_record(r, kind, now_tsc);
    return r;
}

void rl_oms_tell(struct rl_oms *o, const struct rl_order_change *c)
{
    for (uint32_t i = 0; i < o->n_listeners; i++)
        o->listeners[i].told(o->listeners[i].context, c);
}

void rl_oms_value(const struct rl_oms *o, struct rl_order_change *c)
{
    uint64_t was_id = c->was.id != RL_ID_NONE || c->order == NULL ? c->was.id : c->order->id;

    if (RL_LIKELY(c->was_reserved_px_nano != RL_PX_NONE && c->now_reserved_px_nano != RL_PX_NONE))
        return;
    if (c->was_reserved_qty != 0 && c->was_reserved_px_nano == RL_PX_NONE)
        c->was_reserved_px_nano = o->valued_px_nano[was_id & o->orders.mask];
    if (c->now_reserved_qty != 0 && c->now_reserved_px_nano == RL_PX_NONE)
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): who reserves is an order */
        c->now_reserved_px_nano = o->valued_px_nano[c->order->id & o->orders.mask];
}

static bool book(struct rl_oms *o, const struct rl_order_change *c)
{
    const struct rl_order *order = c->order;
    uint32_t account, instrument;
    enum rl_side side;

    if (order == NULL)
        return true;
    account = order->account;
    instrument = order->instrument;
    side = (enum rl_side)order->side;
    if (RL_LIKELY(c->d_qty > 0 && c->undo_qty == 0))
        return rl_ledger_execute(&o->ledger, account, instrument, side, c->px_nano,
                                 (uint64_t)c->d_qty, c->was_reserved_qty, c->was_reserved_px_nano,
                                 c->now_reserved_qty, c->now_reserved_px_nano);
    if (!rl_ledger_move(&o->ledger, account, instrument, side, c->was_reserved_qty,
                        c->was_reserved_px_nano, c->now_reserved_qty, c->now_reserved_px_nano))
        return false;
    if (c->undo_qty != 0)
        return rl_ledger_correct(&o->ledger, account, instrument, side, c->undo_px_nano,
                                 (uint64_t)c->undo_qty, c->px_nano, (uint64_t)c->d_qty);
    return c->d_qty == 0 ||
           rl_ledger_bust(&o->ledger, account, instrument, side, c->px_nano, (uint64_t)-c->d_qty);
}

bool rl_oms_book(struct rl_oms *o, const struct rl_order_change *c)
{
    bool is_booked = book(o, c);

    if (o->shown != NULL && c->order != NULL)
        rl_ledger_show(o->shown, &o->ledger, c->order->account, c->order->instrument);
    return is_booked;
}

/* --- events ----------------------------------------------------------------------------------- */

static void count_event(struct rl_oms *o, const struct rl_order_change *c)
{
    static const struct {
        uint32_t flag;
        size_t counter;
    } counted[] = {
        {RL_ORDER_UNKNOWN_ORDER, offsetof(struct rl_oms_counters, events_unknown)},
        {RL_ORDER_ILLEGAL, offsetof(struct rl_oms_counters, events_illegal)},
        {RL_ORDER_DUPLICATE | RL_ORDER_CONFLICT, offsetof(struct rl_oms_counters, fills_duplicate)},
        {RL_ORDER_LATE, offsetof(struct rl_oms_counters, fills_late)},
        {RL_ORDER_OVERFILL, offsetof(struct rl_oms_counters, overfills)},
        {RL_ORDER_UNSOLICITED, offsetof(struct rl_oms_counters, unsolicited)},
    };

    rl_count(&o->n.events, 1);
    rl_count(&o->n.fills, c->kind == RL_EVENT_FILL && c->d_qty > 0);
    rl_count(&o->n.busts, c->kind != RL_EVENT_FILL && c->d_qty != 0);
    rl_count(&o->n.orders_ended, (c->flags & RL_ORDER_CLOSED) != 0);
    if (RL_LIKELY((c->flags & ~(uint32_t)(RL_ORDER_CLOSED | RL_ORDER_EARLY)) == 0))
        return;
    for (size_t i = 0; i < RL_COUNT(counted); i++)
        if (c->flags & counted[i].flag)
            rl_count((_Atomic uint64_t *)((char *)&o->n + counted[i].counter), 1);
}

static void record_event(struct rl_oms *o, const struct rl_order_event *e,
                         const struct rl_order_change *c, uint64_t now_tsc)
{
    struct rl_audit_record *r;

    if (e->orig_id != RL_ID_NONE || e->ref_exec != 0) {
        r = rl_oms_fact(o, RL_AUDIT_EVENT_REF, now_tsc);
        if (r == NULL)
            return;
        r->id = e->orig_id;
        r->ref = e->ref_exec;
        rl_oms_commit_record(o);
    }
    r = rl_oms_fact(o, RL_AUDIT_EVENT, now_tsc);
    if (r == NULL)
        return;
    r->id = e->id;
    r->ref = e->exec;
    r->px_nano = e->px_nano;
    r->qty = e->qty;
    r->event = e->kind;
    r->detail = c->flags;
    if (c->order != NULL) {
        r->instrument = (uint16_t)c->order->instrument;
        r->venue = c->order->venue;
        r->account = c->order->account;
        r->strategy = c->order->strategy;
        r->flags = RL_AUDIT_FLAGS(c->order->side, c->order->type, c->order->time_in_force);
    }
    rl_oms_commit_record(o);
}

/* What cannot be right, of the answer itself: 0, or why trading stops. */
static enum rl_kill_cause suspicion(const struct rl_order_event *e, uint32_t flags)
{
    bool is_execution =
        e->kind == RL_EVENT_FILL || e->kind == RL_EVENT_BUST || e->kind == RL_EVENT_CORRECT;

    if (is_execution && (flags & (RL_ORDER_UNKNOWN_ORDER | RL_ORDER_UNKNOWN_EXEC |
                                  RL_ORDER_CONFLICT | RL_ORDER_ILLEGAL)))
        return RL_KILL_UNKNOWN_FILL;
    if (flags & RL_ORDER_OVERFILL)
        return RL_KILL_OVERFILL;
    return RL_KILL_NONE;
}

static void charge(struct rl_oms *o, const struct rl_order_change *c, uint64_t now_tsc)
{
    int64_t per_lot = o->fee_nano_per_lot[c->order->venue & (RL_MAX_VENUES - 1)];
    struct rl_scopes scopes = rl_order_scopes(c->order);
    int64_t fee_nano;

    if (per_lot == 0)
        return;
    if (__builtin_mul_overflow(per_lot, c->d_qty - c->undo_qty, &fee_nano)) {
        rl_count(&o->n.unbooked, 1);
        rl_oms_trip(o, RL_SCOPE_GLOBAL, 0, RL_KILL_RANGE, now_tsc);
        return;
    }
    rl_oms_fee(o, &scopes, fee_nano, now_tsc);
}

static bool is_stopped(const struct rl_oms *o, const struct rl_order_change *c)
{
    struct rl_scopes scopes = rl_order_scopes(c->order);

    return !rl_kill_allows(o->kill, &scopes);
}

bool rl_oms_take(struct rl_oms *o, const struct rl_order_event *e, struct rl_order_change *c)
{
    (void)rl_orders_event(&o->orders, e, c);
    rl_oms_value(o, c);
    return rl_oms_book(o, c);
}

uint32_t rl_oms_event(struct rl_oms *o, const struct rl_order_event *e, uint64_t now_tsc)
{
    struct rl_order_change c;
    struct rl_risk_trip trip;
    enum rl_kill_cause cause;
    bool is_booked = rl_oms_take(o, e, &c);
    uint32_t said = c.flags;

    record_event(o, e, &c, now_tsc);
    if (RL_UNLIKELY((said & RL_ORDER_UNSOLICITED) != 0) && is_stopped(o, &c))
        c.flags &= ~(uint32_t)RL_ORDER_UNSOLICITED; /* a mass cancel asked for it: no suspicion */
    count_event(o, &c);
    if (c.order != NULL && c.d_qty != 0)
        charge(o, &c, now_tsc);
    rl_vital_set(&o->kill->vitals, RL_VITAL_OPEN_ORDERS, o->orders.n_open);
    if (RL_UNLIKELY(!is_booked)) {
        rl_count(&o->n.unbooked, 1);
        rl_oms_trip(o, RL_SCOPE_GLOBAL, 0, RL_KILL_RANGE, now_tsc);
    }
    cause = suspicion(e, c.flags);
    if (RL_UNLIKELY(cause != RL_KILL_NONE))
        rl_oms_trip(o, RL_SCOPE_GLOBAL, 0, cause, now_tsc);
    if (c.order == NULL)
        return said;
    if (RL_UNLIKELY(rl_risk_told(&o->risk, &c, now_tsc, &trip))) {
        if (trip.is_alert)
            rl_count(&o->n.alerts, 1);
        else
            rl_oms_trip(o, (enum rl_scope)trip.scope, trip.index, (enum rl_kill_cause)trip.cause,
                        now_tsc);
    }
    c.flags = said;
    rl_oms_tell(o, &c);
    return said;
}

/* --- sessions, fees, marks -------------------------------------------------------------------- */

static void told_disconnect(void *context, const struct rl_order_change *c)
{
    rl_oms_tell(context, c);
}

void rl_oms_enter_session(struct rl_oms *o, uint32_t venue, enum rl_session_event event)
{
    o->sessions[venue] = (uint8_t)event;
    if (event == RL_SESSION_LOST)
        (void)rl_orders_disconnect(&o->orders, venue, told_disconnect, o);
}

void rl_oms_session(struct rl_oms *o, uint32_t venue, enum rl_session_event event, uint64_t now_tsc)
{
    struct rl_audit_record *r;

    if (venue >= o->config.n_venues || event > RL_SESSION_RECONCILED)
        return;
    r = rl_oms_fact(o, RL_AUDIT_SESSION, now_tsc);
    if (r != NULL) {
        r->venue = (uint8_t)venue;
        r->event = (uint8_t)event;
        rl_oms_commit_record(o);
    }
    rl_oms_enter_session(o, venue, event);
}

void rl_oms_fee(struct rl_oms *o, const struct rl_scopes *scopes, int64_t fee_nano,
                uint64_t now_tsc)
{
    struct rl_audit_record *r;

    if (scopes->account >= o->ledger.n_accounts || scopes->instrument >= o->ledger.n_instruments ||
        !rl_ledger_fee(&o->ledger, scopes->account, scopes->instrument, fee_nano)) {
        rl_count(&o->n.unbooked, 1);
        rl_oms_trip(o, RL_SCOPE_GLOBAL, 0, RL_KILL_RANGE, now_tsc);
        return;
    }
    if (o->shown != NULL)
        rl_ledger_show(o->shown, &o->ledger, scopes->account, scopes->instrument);
    r = rl_oms_fact(o, RL_AUDIT_FEE, now_tsc);
    if (r == NULL)
        return;
    rl_oms_put_scopes(r, scopes);
    r->px_nano = fee_nano;
    rl_oms_commit_record(o);
}

void rl_oms_mark(struct rl_oms *o, uint32_t instrument, const struct rl_bbo *bbo, uint64_t now_tsc)
{
    int64_t bid = bbo->px_nano[RL_BUY], offer = bbo->px_nano[RL_SELL], mid;

    rl_risk_see(&o->risk, instrument, bbo, now_tsc);
    if (bid == RL_PX_NONE || offer == RL_PX_NONE || bid > offer)
        return;                                                   /* the mark stays, and ages */
    mid = bid + (int64_t)(((uint64_t)offer - (uint64_t)bid) / 2); /* the spread may need 64 bits */
    if (!rl_ledger_mark(&o->ledger, instrument, mid, now_tsc))
        rl_oms_trip(o, RL_SCOPE_GLOBAL, 0, RL_KILL_RANGE, now_tsc);
    else if (o->shown != NULL)
        rl_ledger_show_mark(o->shown, &o->ledger, instrument);
}
