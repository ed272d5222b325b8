/* Messages to the venue: check, commit, sent. */
#include "trade/oms/inner.h"

/* --- refusals: cold, but never slow enough to be a way of stopping the engine ----------------- */

static void count_reasons(struct rl_oms *o, uint32_t reasons)
{
    rl_count(&o->n.risk_rejects, 1);
    for (int i = 0; i < RL_RISK_N; i++)
        rl_count(&o->n.refused_for[i], reasons >> i & 1);
}

/* The claimed record becomes that of a message which does not leave. */
static void record_refusal(struct rl_oms *o, const struct rl_ticket *t, enum rl_audit_kind kind,
                           uint32_t detail)
{
    t->record->kind = (uint8_t)kind;
    t->record->id = RL_ID_NONE;
    t->record->detail = detail;
    rl_oms_commit_record(o);
}

static __attribute__((noinline)) void refuse(struct rl_oms *o, const struct rl_ticket *t,
                                             const struct rl_risk_input *input)
{
    uint32_t named = t->reasons;
    struct rl_audit_record *r;
    int64_t limit = 0, actual = 0;

    count_reasons(o, t->reasons);
    record_refusal(o, t, RL_AUDIT_RISK_REJECT, t->reasons);
    r = named != 0 && input != NULL ? rl_audit_claim(&o->audit, 0) : NULL;
    if (r == NULL) /* the refusal stands in the log; its numbers may be left out */
        return;
    rl_risk_explain(&o->risk, &t->request, input, t->now_tsc, named & -named, &limit, &actual);
    rl_oms_fill_record(r, RL_AUDIT_RISK_DETAIL, t->now_tsc);
    rl_oms_put_scopes(r, &t->request.scopes);
    r->detail = (uint32_t)__builtin_ctz(named);
    r->px_nano = limit;
    r->qty = (uint64_t)actual;
    rl_oms_commit_record(o);
}

/* --- check ------------------------------------------------------------------------------------ */

/* Takes the newest set before a decision, so that the decision sees exactly one. */
static inline void take_limits(struct rl_oms *o, uint64_t now_tsc)
{
    const struct rl_limit_set *set;

    if (o->limits == NULL)
        return;
    set = rl_limits_current(o->limits, o->risk.set);
    if (RL_UNLIKELY(set != o->risk.set))
        rl_oms_use_limits(o, set, now_tsc);
}

/* A record with what the request says; room stays behind it for the answers to all open orders. */
static inline bool claim(struct rl_oms *o, struct rl_ticket *t, uint64_t ref)
{
    struct rl_audit_record *r =
        rl_audit_claim(&o->audit, RL_OMS_RECORDS_AN_ORDER * (o->orders.n_open + 1) + 1);

    if (RL_UNLIKELY(r == NULL)) {
        rl_count(&o->n.audit_full, 1);
        return false;
    }
    rl_oms_fill_record(r, (enum rl_audit_kind)t->kind, t->now_tsc);
    rl_oms_put_scopes(r, &t->request.scopes);
    r->ref = ref;
    r->px_nano = t->request.px_nano;
    r->qty = t->request.qty;
    r->flags =
        RL_AUDIT_FLAGS(t->request.side & 1, t->request.type & 7, t->request.time_in_force & 15);
    t->record = r;
    return true;
}

/* What the caller says of the session is not enough: it must be reconciled here as well. */
static inline struct rl_risk_input with_session(const struct rl_oms *o,
                                                const struct rl_request *request,
                                                const struct rl_risk_input *input)
{
    struct rl_risk_input in = *input;
    bool is_ready = request->scopes.venue < RL_MAX_VENUES &&
                    o->sessions[request->scopes.venue] == RL_SESSION_RECONCILED;

    in.ready &= is_ready ? RL_READY_ALL : ~(uint32_t)RL_READY_SESSION;
    return in;
}

static inline bool has_id(const struct rl_oms *o)
{
    return o->orders.n_open + o->orders.n_replaces < o->orders.mask / 2 &&
           rl_ids_peek(&o->ids) != RL_ID_NONE;
}

enum rl_oms_answer rl_oms_check(struct rl_oms *o, const struct rl_request *request,
                                const struct rl_risk_input *input, uint64_t now_tsc,
                                struct rl_ticket *t)
{
    struct rl_risk_input in = with_session(o, request, input);

    rl_count(&o->n.orders_wanted, 1);
    t->request = *request;
    t->order_id = RL_ID_NONE;
    t->now_tsc = now_tsc;
    t->kind = RL_AUDIT_SENT;
    t->valued_px_nano = request->px_nano;
    t->reasons = 0;
    take_limits(o, now_tsc);
    if (!claim(o, t, request->trigger))
        return RL_OMS_NO_RECORD;
    t->reasons =
        rl_risk_check(&o->risk, request, &in, now_tsc) | (has_id(o) ? 0 : (uint32_t)RL_RISK_NO_ID);
    if (RL_UNLIKELY(t->reasons != 0)) {
        refuse(o, t, &in);
        return RL_OMS_REFUSED;
    }
    if (RL_UNLIKELY(request->type == RL_TYPE_MARKET)) {
        t->valued_px_nano = rl_risk_px_to_reserve(&o->risk, request, &in);
        t->record->px_nano = t->valued_px_nano;
    }
    t->id = rl_orders_next_id(&o->orders, &o->ids);
    t->record->id = t->id;
    return RL_OMS_READY;
}

/*
 * A request with the scopes, side and type of an order. An expiry stays what it was: it was judged
 * when the order was sent, and is the venue's to keep.
 */
static struct rl_request request_of(const struct rl_order *order)
{
    return (struct rl_request){.scopes = rl_order_scopes(order),
                               .px_nano = order->px_nano,
                               .qty = order->qty,
                               .trigger = order->trigger,
                               .expire_ns = order->time_in_force == RL_TIF_GTD ? UINT64_MAX : 0,
                               .side = order->side,
                               .type = order->type,
                               .time_in_force = order->time_in_force};
}

static bool is_legal(const struct rl_order *order, enum rl_order_event_kind kind)
{
    return rl_order_next[order->state][kind] != RL_NEXT_ILLEGAL;
}

enum rl_oms_answer rl_oms_check_replace(struct rl_oms *o, uint64_t order_id, uint64_t qty,
                                        int64_t px_nano, const struct rl_risk_input *input,
                                        uint64_t now_tsc, struct rl_ticket *t)
{
    const struct rl_order *order = rl_orders_live(&o->orders, order_id);
    bool is_possible = order != NULL && is_legal(order, RL_EVENT_REPLACE_SENT);
    struct rl_risk_input in;

    rl_count(&o->n.orders_wanted, 1);
    *t =
        (struct rl_ticket){.order_id = order_id, .now_tsc = now_tsc, .kind = RL_AUDIT_REPLACE_SENT};
    if (order != NULL)
        t->request = request_of(order);
    t->request.qty = qty;
    t->request.px_nano = px_nano;
    t->valued_px_nano = px_nano;
    in = with_session(o, &t->request, input);
    take_limits(o, now_tsc);
    if (!claim(o, t, order_id))
        return RL_OMS_NO_RECORD;
    t->reasons = is_possible ? rl_risk_check_replace(&o->risk, order, qty, px_nano, &t->request,
                                                     &in, now_tsc)
                             : (uint32_t)RL_RISK_REPLACE;
    t->reasons |= has_id(o) ? 0 : (uint32_t)RL_RISK_NO_ID;
    if (RL_UNLIKELY(t->reasons != 0)) {
        refuse(o, t, is_possible ? &in : NULL);
        return RL_OMS_REFUSED;
    }
    t->id = rl_orders_next_id(&o->orders, &o->ids);
    t->record->id = t->id;
    return RL_OMS_READY;
}

enum rl_oms_answer rl_oms_check_cancel(struct rl_oms *o, uint64_t order_id, uint64_t now_tsc,
                                       struct rl_ticket *t)
{
    const struct rl_order *order = rl_orders_live(&o->orders, order_id);

    *t = (struct rl_ticket){.order_id = order_id, .now_tsc = now_tsc, .kind = RL_AUDIT_CANCEL_SENT};
    if (order == NULL || !is_legal(order, RL_EVENT_CANCEL_SENT)) {
        t->reasons = RL_RISK_REPLACE;
    } else {
        t->request = request_of(order);
        t->reasons = rl_risk_check_cancel(&o->risk, &t->request.scopes, now_tsc);
    }
    if (t->reasons == 0) {
        t->id = rl_orders_next_cancel_id(&o->orders, &o->ids);
        t->reasons |= t->id != RL_ID_NONE ? 0 : (uint32_t)RL_RISK_NO_ID;
    }
    if (t->reasons != 0) {
        rl_count(&o->n.cancels_refused, 1);
        return RL_OMS_REFUSED;
    }
    /* A cancel takes away what the room is kept for, so it may use some of it. */
    t->record = rl_oms_fact(o, RL_AUDIT_CANCEL_SENT, now_tsc);
    if (t->record == NULL)
        return RL_OMS_NO_RECORD;
    rl_oms_put_scopes(t->record, &t->request.scopes);
    t->record->id = t->id;
    t->record->ref = order_id;
    return RL_OMS_READY;
}

/* --- commit, drop, sent ----------------------------------------------------------------------- */

bool rl_oms_commit(struct rl_oms *o, struct rl_ticket *t)
{
    /* Last: nothing can be decided between this answer and the bytes. */
    if (t->kind != RL_AUDIT_CANCEL_SENT &&
        RL_UNLIKELY(!rl_kill_allows(o->kill, &t->request.scopes))) {
        rl_count(&o->n.kill_blocks, 1);
        record_refusal(o, t, RL_AUDIT_KILL_BLOCK, (uint32_t)rl_kill_cause(o->kill, NULL));
        return false;
    }
    rl_oms_commit_record(o); /* before the bytes: no order without a record */
    return true;
}

void rl_oms_drop(struct rl_oms *o, struct rl_ticket *t, bool is_unencodable)
{
    rl_count(t->kind == RL_AUDIT_CANCEL_SENT ? &o->n.cancels_refused : &o->n.tx_full, 1);
    record_refusal(o, t, RL_AUDIT_TX_FULL, is_unencodable);
}

bool rl_oms_enter(struct rl_oms *o, const struct rl_ticket *t, struct rl_order_change *c)
{
    uint32_t flags;

    switch (t->kind) {
    case RL_AUDIT_SENT:
        o->valued_px_nano[t->id & o->orders.mask] = t->valued_px_nano;
        flags = rl_orders_sent(&o->orders, t->id, &t->request, c);
        break;
    case RL_AUDIT_REPLACE_SENT:
        o->valued_px_nano[t->id & o->orders.mask] = t->valued_px_nano;
        flags = rl_orders_replace_sent(&o->orders, t->id, t->order_id, t->request.qty,
                                       t->request.px_nano, c);
        break;
    default:
        flags = rl_orders_cancel_sent(&o->orders, t->id, t->order_id, c);
        break;
    }
    rl_oms_value(o, c);
    return flags == 0 && rl_oms_book(o, c);
}

void rl_oms_sent(struct rl_oms *o, const struct rl_ticket *t)
{
    struct rl_order_change c;
    bool is_entered = rl_oms_enter(o, t, &c);

    /* The check asked for all of this: what is impossible now is a mistake of ours. */
    if (RL_UNLIKELY(!is_entered)) {
        rl_count(&o->n.unbooked, 1);
        rl_oms_trip(o, RL_SCOPE_GLOBAL, 0, RL_KILL_RANGE, t->now_tsc);
    }
    switch (t->kind) {
    case RL_AUDIT_SENT:
        rl_risk_sent(&o->risk, &t->request, &c, t->now_tsc);
        rl_count(&o->n.orders_sent, 1);
        rl_vital_add(&o->kill->vitals, RL_VITAL_APPROVED_QTY, t->request.qty);
        break;
    case RL_AUDIT_REPLACE_SENT:
        rl_risk_replace_sent(&o->risk, &t->request, &c, t->now_tsc);
        rl_count(&o->n.replaces_sent, 1);
        rl_vital_add(&o->kill->vitals, RL_VITAL_APPROVED_QTY, t->request.qty);
        break;
    default:
        rl_risk_cancel_sent(&o->risk, &t->request.scopes, t->now_tsc);
        rl_count(&o->n.cancels_sent, 1);
        break;
    }
    rl_vital_set(&o->kill->vitals, RL_VITAL_OPEN_ORDERS, o->orders.n_open);
    if (RL_LIKELY(is_entered))
        rl_oms_tell(o, &c);
}
