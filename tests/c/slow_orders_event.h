/*
 * slow_orders_event - what the venue says, to orders kept the plain way (slow_orders.h).
 */
#ifndef RL_TESTS_SLOW_ORDERS_EVENT_H
#define RL_TESTS_SLOW_ORDERS_EVENT_H

#include "slow_orders.h"

static inline void slow_remember(struct slow_orders *s, struct slow_exec x)
{
    if (x.exec == 0)
        return;
    if (s->n_execs == s->n_execs_max) {
        memmove(&s->execs[0], &s->execs[1], (s->n_execs - 1) * sizeof(s->execs[0]));
        s->n_execs--;
    }
    s->execs[s->n_execs++] = x;
}

/* 0: the execution is new. */
static inline uint32_t slow_repeated(struct slow_orders *s, struct slow_order *o,
                                     const struct rl_order_event *e)
{
    struct slow_exec *x = slow_exec(s, o->as.scopes.venue, e->exec);
    struct slow_order *on;
    bool is_same;

    if (x == NULL)
        return 0;
    on = slow_find(s, x->id);
    is_same = x->qty == e->qty;
    if (x->by == 0)
        is_same = is_same && x->px == e->px_nano && (on == NULL || slow_latest(s, on) == o);
    return is_same ? RL_ORDER_DUPLICATE : RL_ORDER_CONFLICT;
}

static inline uint32_t slow_fill(struct slow_orders *s, struct slow_order *o,
                                 const struct rl_order_event *e)
{
    uint32_t flags;

    if (e->qty < 1 || e->px_nano == RL_PX_NONE ||
        (unsigned __int128)e->qty + o->executed > INT64_MAX)
        return slow_refuse(s, RL_ORDER_ILLEGAL);
    flags = slow_repeated(s, o, e);
    if (flags != 0)
        return slow_refuse(s, flags);
    if (o->end != SLOW_LIVES)
        flags |= RL_ORDER_LATE;
    else if (!o->is_acked)
        flags |= RL_ORDER_EARLY;
    if (o->executed + e->qty > slow_most(s, o))
        flags |= RL_ORDER_OVERFILL;
    o->executed += e->qty;
    slow_remember(s, (struct slow_exec){.venue = o->as.scopes.venue,
                                        .exec = e->exec,
                                        .id = o->id,
                                        .qty = e->qty,
                                        .px = e->px_nano});
    s->said.d_qty = (int64_t)e->qty;
    s->said.px = e->px_nano;
    return slow_done(s, o, flags);
}

static inline uint32_t slow_undo(struct slow_orders *s, struct slow_order *o,
                                 const struct rl_order_event *e)
{
    uint8_t venue = o->as.scopes.venue;
    bool is_bust = e->kind == RL_EVENT_BUST;
    bool is_renamed = !is_bust && e->exec != 0 && e->exec != e->ref_exec;
    struct slow_exec *x = slow_exec(s, venue, e->ref_exec);
    uint32_t flags = 0;
    uint64_t rest;

    if (!is_bust && (e->qty < 1 || e->qty > INT64_MAX || e->px_nano == RL_PX_NONE))
        return slow_refuse(s, RL_ORDER_ILLEGAL);
    if (is_renamed && slow_repeated(s, o, e) != 0)
        return slow_refuse(s, slow_repeated(s, o, e));
    while (x != NULL && x->by != 0)
        x = slow_exec(s, venue, x->by);
    if (x == NULL)
        return slow_refuse(s, RL_ORDER_UNKNOWN_EXEC);
    if (x->is_gone)
        return slow_refuse(s, is_bust ? RL_ORDER_DUPLICATE : RL_ORDER_CONFLICT);
    if (slow_find(s, x->id) == NULL) /* forgotten: it may have been of anybody */
        return slow_refuse(s, RL_ORDER_UNKNOWN_EXEC);
    if (slow_latest(s, slow_find(s, x->id)) != o)
        return slow_refuse(s, RL_ORDER_CONFLICT);
    if (!is_bust && !is_renamed && x->qty == e->qty && x->px == e->px_nano)
        return slow_refuse(s, RL_ORDER_DUPLICATE);
    rest = o->executed < x->qty ? 0 : o->executed - x->qty;
    if (!is_bust && (unsigned __int128)rest + e->qty > INT64_MAX)
        return slow_refuse(s, RL_ORDER_ILLEGAL);
    if (is_bust) {
        s->said.d_qty = 0 - (int64_t)x->qty;
        s->said.px = x->px;
        x->is_gone = true;
        o->executed = rest;
        if (o->end == SLOW_LIVES && e->qty != 0 && e->qty < o->as.qty) /* taken off the order */
            o->as.qty = e->qty < rest ? rest : e->qty;
        return slow_done(s, o, 0);
    }
    s->said.undo_qty = (int64_t)x->qty;
    s->said.undo_px = x->px;
    s->said.d_qty = (int64_t)e->qty;
    s->said.px = e->px_nano;
    if (e->qty > x->qty && rest + e->qty > slow_most(s, o))
        flags |= RL_ORDER_OVERFILL;
    if (is_renamed) {
        x->is_gone = true;
        x->by = e->exec;
        slow_remember(
            s, (struct slow_exec){
                   .venue = venue, .exec = e->exec, .id = o->id, .qty = e->qty, .px = e->px_nano});
    } else {
        x->qty = e->qty;
        x->px = e->px_nano;
    }
    o->executed = rest + e->qty;
    return slow_done(s, o, flags);
}

/* The venue says no to a cancel (or else to a replace). */
static inline uint32_t slow_refusal(struct slow_orders *s, struct slow_order *o,
                                    struct slow_order *request, bool is_cancel)
{
    uint64_t pending = is_cancel ? o->cancel : o->replace;

    if (request != NULL && request->id != pending) { /* an old story, which is heard once */
        if (request->was_answered)
            return slow_refuse(s, RL_ORDER_ILLEGAL);
        request->was_answered = true;
        return slow_done(s, o, 0);
    }
    if (pending == 0)
        return slow_refuse(s, RL_ORDER_ILLEGAL);
    slow_find(s, pending)->was_answered = true;
    slow_find(s, pending)->waits = false;
    if (is_cancel)
        o->cancel = 0;
    else
        o->replace = 0;
    return slow_done(s, o, 0);
}

/* From now on `to` is the order. */
static inline uint32_t slow_become(struct slow_orders *s, struct slow_order *o,
                                   struct slow_order *to, uint32_t flags)
{
    uint64_t cancel = o->cancel;
    bool is_lost = o->is_lost;

    if (o->replace != 0)
        slow_find(s, o->replace)->waits = false;
    to->what = SLOW_ORDER;
    to->waits = to->was_answered = false;
    to->of = 0;
    to->is_acked = true;
    to->executed = o->executed;
    to->cancel = cancel;
    to->is_lost = is_lost;
    if (cancel != 0)
        slow_find(s, cancel)->of = to->id;
    o->cancel = o->replace = 0;
    o->end = SLOW_REPLACED;
    o->is_lost = false;
    o->by = to->id;
    return slow_done(s, to, flags);
}

static inline uint32_t slow_open(struct slow_orders *s, struct slow_order *o,
                                 struct slow_order *request)
{
    bool had_ended = o->end != SLOW_LIVES, was_lost = o->is_lost;

    if (o->end == SLOW_REPLACED)
        return slow_refuse(s, RL_ORDER_ILLEGAL);
    if (had_ended || was_lost) {
        bool is_new = request != NULL && request->what == SLOW_REPLACE && !request->was_answered;
        struct slow_order *works = is_new ? request : o;
        uint32_t flags = had_ended ? RL_ORDER_REOPENED : 0;

        if (works->as.qty <= o->executed)
            return slow_refuse(s, RL_ORDER_ILLEGAL);
        if (o->cancel != 0)
            slow_find(s, o->cancel)->waits = false;
        o->cancel = 0;
        o->is_lost = false;
        o->end = SLOW_LIVES;
        if (is_new)
            return slow_become(s, o, works, flags);
        slow_forget_requests(s, o);
        o->is_acked = true;
        return slow_done(s, o, flags);
    }
    o->is_acked = true;
    return slow_done(s, o, 0);
}

static inline uint32_t slow_about(struct slow_orders *s, struct slow_order *o,
                                  struct slow_order *request, const struct rl_order_event *e)
{
    bool is_rest = o->end == SLOW_FILLED && o->executed < o->as.qty; /* a bust gave it back */
    bool lives = o->end == SLOW_LIVES;

    switch (e->kind) {
    case RL_EVENT_ACK:
        if (o->is_acked || request != NULL || o->end == SLOW_REJECTED || o->end == SLOW_REPLACED)
            break;
        o->is_acked = true;
        return slow_done(s, o, 0);
    case RL_EVENT_REJECT:
        if (!lives || o->executed != 0)
            break;
        slow_end(s, o, SLOW_REJECTED);
        return slow_done(s, o, 0);
    case RL_EVENT_CANCELLED: {
        bool is_asked = o->cancel != 0 || o->as.type == RL_TYPE_MARKET ||
                        o->as.time_in_force == RL_TIF_IOC || o->as.time_in_force == RL_TIF_FOK;

        if (!lives && !is_rest)
            break;
        if (request != NULL && !request->was_answered) {
            request->was_answered = true;
            if (request->what == SLOW_CANCEL) {
                is_asked = true;
                request->was_granted = request->waits;
                request->waits = false;
            }
        }
        slow_end(s, o, SLOW_CANCELLED);
        return slow_done(s, o, is_asked || is_rest ? 0 : RL_ORDER_UNSOLICITED);
    }
    case RL_EVENT_REPLACED: {
        struct slow_order *to = slow_find(s, o->replace);

        if (to == NULL || (request != NULL && request != to) || e->qty > INT64_MAX)
            break;
        if (e->qty != 0)
            to->as.qty = e->qty;
        if (e->px_nano != RL_PX_NONE)
            to->as.px_nano = e->px_nano;
        return slow_become(s, o, to, 0);
    }
    case RL_EVENT_EXPIRED:
        if (!lives && !is_rest)
            break;
        slow_end(s, o, SLOW_EXPIRED);
        return slow_done(s, o, 0);
    case RL_EVENT_DISCONNECT:
        o->is_lost = lives;
        return slow_done(s, o, 0);
    case RL_EVENT_STATUS_OPEN:
        return slow_open(s, o, request);
    case RL_EVENT_STATUS_GONE:
        if (lives && (!o->is_lost || o->replace != 0))
            break;
        if (lives)
            slow_end(s, o, SLOW_CANCELLED);
        return slow_done(s, o, 0);
    default:
        break;
    }
    return slow_refuse(s, RL_ORDER_ILLEGAL);
}

static inline uint32_t slow_event(struct slow_orders *s, const struct rl_order_event *e)
{
    struct slow_order *named = slow_find(s, e->id);
    struct slow_order *orig = slow_meant(s, slow_find(s, e->orig_id));
    struct slow_order *o = named != NULL ? slow_meant(s, named) : orig;
    struct slow_order *request = named != NULL && named->what != SLOW_ORDER ? named : NULL;
    bool is_execution =
        e->kind == RL_EVENT_FILL || e->kind == RL_EVENT_BUST || e->kind == RL_EVENT_CORRECT;
    bool is_no = e->kind == RL_EVENT_CANCEL_REJECT || e->kind == RL_EVENT_REPLACE_REJECT;

    if (o == NULL) {
        slow_begin(s, NULL, e->kind);
        s->said.exec = e->exec;
        return slow_refuse(s, RL_ORDER_UNKNOWN_ORDER);
    }
    if (is_execution) /* counts for the order that works, under whichever of its ids */
        o = slow_latest(s, o);
    slow_begin(s, o, e->kind);
    s->said.exec = e->exec;
    if (orig != NULL && slow_latest(s, orig) != slow_latest(s, o))
        return slow_refuse(s, RL_ORDER_ILLEGAL);
    if (e->kind == RL_EVENT_FILL)
        return slow_fill(s, o, e);
    if (is_execution)
        return slow_undo(s, o, e);
    /* A request that is refused: by its own message, as if it were an order, or by nobody knowing
     * of it after the session was lost. */
    if (request != NULL &&
        (is_no || e->kind == RL_EVENT_REJECT || (e->kind == RL_EVENT_STATUS_GONE && o->is_lost)))
        return slow_refusal(s, o, request, request->what == SLOW_CANCEL);
    if (is_no)
        return slow_refusal(s, o, NULL, e->kind == RL_EVENT_CANCEL_REJECT);
    return slow_about(s, o, request, e);
}

#endif
