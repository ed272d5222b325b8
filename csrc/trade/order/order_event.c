/* What the venue says. The table decides what is legal; here is what it means. */
#include "trade/order/order_inner.h"

/* Whom an answer names. */
struct named {
    struct rl_order *order;
    struct rl_order *request; /* that it answers, or NULL: it names the order itself */
};

/* The living end of a chain of replaces; or as far as it is known, and RL_ORDER_HOPS go. */
static struct rl_order *chain_end(const struct rl_orders *o, struct rl_order *order)
{
    for (int i = 0; i < RL_ORDER_HOPS && order->state == RL_STATE_REPLACED; i++) {
        struct rl_order *next = rl_orders_known(o, order->link);

        if (next == NULL)
            break;
        order = next;
    }
    return order;
}

/* The order that this id is, or asks about; NULL when its slot was needed since. */
static struct rl_order *order_of(const struct rl_orders *o, struct rl_order *slot)
{
    struct rl_order *order;

    if (slot == NULL || !rl_order_is_request(slot))
        return slot;
    order = rl_orders_known(o, slot->link);
    return order == NULL ? NULL : chain_end(o, order);
}

/* False: the two ids of the answer are of two orders. */
static bool resolve(const struct rl_orders *o, const struct rl_order_event *e, struct named *named)
{
    struct rl_order *slot = rl_orders_known(o, e->id);
    struct rl_order *orig = order_of(o, rl_orders_known(o, e->orig_id));

    named->order = slot != NULL ? order_of(o, slot) : orig;
    named->request = slot != NULL && rl_order_is_request(slot) ? slot : NULL;
    return orig == NULL || named->order == NULL || chain_end(o, orig) == chain_end(o, named->order);
}

static void book(struct rl_order_change *c, const struct rl_order_event *e, uint64_t qty)
{
    c->d_qty = (int64_t)qty;
    c->px_nano = e->px_nano;
}

/* A quantity and a price that can be booked beside what was executed already. */
static bool is_bookable(const struct rl_order_event *e, uint64_t cum)
{
    return e->qty != 0 && e->qty <= (uint64_t)INT64_MAX - cum && e->px_nano != RL_PX_NONE;
}

/* The event repeats an execution that is remembered: 0 when it does not. */
static uint32_t repeats(const struct rl_orders *o, const struct rl_order *order,
                        const struct rl_order_event *e)
{
    const struct rl_exec *x;
    struct rl_order *of;

    if (RL_UNLIKELY(e->exec == 0))
        return 0;
    x = rl_execs_find(&o->execs, order->venue, e->exec);
    if (RL_LIKELY(x == NULL))
        return 0;
    if (x->state == RL_EXEC_CORRECTED) /* the price is no longer there to compare with */
        return x->qty == e->qty ? RL_ORDER_DUPLICATE : RL_ORDER_CONFLICT;
    of = rl_orders_known(o, x->id);
    if (x->qty != e->qty || x->px_nano != e->px_nano || (of != NULL && chain_end(o, of) != order))
        return RL_ORDER_CONFLICT;
    return RL_ORDER_DUPLICATE;
}

static uint32_t on_fill(struct rl_orders *o, struct rl_order *order, unsigned cell,
                        const struct rl_order_event *e, struct rl_order_change *c)
{
    uint32_t flags;

    if (RL_UNLIKELY(cell == RL_NEXT_ILLEGAL || !is_bookable(e, order->cum)))
        return rl_change_refuse(o, c, RL_ORDER_ILLEGAL);
    flags = repeats(o, order, e);
    if (RL_UNLIKELY(flags != 0))
        return rl_change_refuse(o, c, flags);
    if (RL_UNLIKELY(rl_state_is_terminal(order->state)))
        flags = RL_ORDER_LATE;
    else if ((order->flags & RL_SLOT_ACKED) == 0)
        flags = RL_ORDER_EARLY;
    order->cum += e->qty;
    if (RL_UNLIKELY(order->cum > rl_orders_total(o, order)))
        flags |= RL_ORDER_OVERFILL;
    if (RL_LIKELY(e->exec != 0))
        rl_execs_add(&o->execs, order->venue, e->exec, order->id, e->qty, e->px_nano);
    book(c, e, e->qty);
    rl_orders_settle(o, order, rl_orders_next(o, order, cell));
    return rl_change_end(o, c, order, flags);
}

/* The execution that stands for this id, through its corrections; NULL: not known. */
static struct rl_exec *standing(const struct rl_orders *o, unsigned venue, uint64_t exec)
{
    struct rl_exec *x = rl_execs_find(&o->execs, venue, exec);

    while (x != NULL && x->state == RL_EXEC_CORRECTED) {
        struct rl_exec *next = rl_execs_find(&o->execs, venue, x->by);

        if (next != NULL && next->state == RL_EXEC_CORRECTED)
            x->by = next->by;
        x = next;
    }
    return x;
}

/*
 * A venue that takes back an execution may take its quantity off the order, too, and says so by
 * what the order comes to now. Never to less than is executed, and never to more than we asked for.
 */
static void lessen(struct rl_order *order, uint64_t qty, uint64_t cum)
{
    if (qty == 0 || rl_state_is_terminal(order->state) || qty >= order->qty)
        return;
    order->qty = qty > cum ? qty : cum;
}

/* BUST and CORRECT: the execution goes; of a CORRECT another one comes in its place. */
static uint32_t on_undo(struct rl_orders *o, struct rl_order *order, unsigned cell,
                        const struct rl_order_event *e, struct rl_order_change *c)
{
    bool is_correct = e->kind == RL_EVENT_CORRECT;
    bool is_in_place = e->exec == 0 || e->exec == e->ref_exec;
    uint32_t flags = is_correct && !is_in_place ? repeats(o, order, e) : 0;
    uint64_t cum, undone;
    struct rl_exec *x;
    struct rl_order *of;

    if (cell == RL_NEXT_ILLEGAL || (is_correct && !is_bookable(e, 0)))
        return rl_change_refuse(o, c, RL_ORDER_ILLEGAL);
    if (flags != 0)
        return rl_change_refuse(o, c, flags);
    x = e->ref_exec == 0 ? NULL : standing(o, order->venue, e->ref_exec);
    if (x == NULL)
        return rl_change_refuse(o, c, RL_ORDER_UNKNOWN_EXEC);
    if (x->state == RL_EXEC_BUSTED)
        return rl_change_refuse(o, c, is_correct ? RL_ORDER_CONFLICT : RL_ORDER_DUPLICATE);
    of = rl_orders_known(o, x->id);
    if (of == NULL) /* its slot was needed since: nobody can say that it was of this order */
        return rl_change_refuse(o, c, RL_ORDER_UNKNOWN_EXEC);
    if (chain_end(o, of) != order)
        return rl_change_refuse(o, c, RL_ORDER_CONFLICT);
    if (is_correct && is_in_place && x->qty == e->qty && x->px_nano == e->px_nano)
        return rl_change_refuse(o, c, RL_ORDER_DUPLICATE);
    undone = x->qty;
    cum = order->cum > undone ? order->cum - undone : 0;
    if (is_correct && !is_bookable(e, cum))
        return rl_change_refuse(o, c, RL_ORDER_ILLEGAL);

    if (is_correct) {
        c->undo_qty = (int64_t)undone;
        c->undo_px_nano = x->px_nano;
        book(c, e, e->qty);
        cum += e->qty;
        if (is_in_place) {
            x->qty = e->qty;
            x->px_nano = e->px_nano;
        } else {
            x->state = RL_EXEC_CORRECTED;
            x->by = e->exec;
            rl_execs_add(&o->execs, order->venue, e->exec, order->id, e->qty, e->px_nano);
        }
    } else {
        c->d_qty = -(int64_t)undone;
        c->px_nano = x->px_nano;
        x->state = RL_EXEC_BUSTED;
        lessen(order, e->qty, cum);
    }
    order->cum = cum;
    if (is_correct && e->qty > undone && cum > rl_orders_total(o, order))
        flags |= RL_ORDER_OVERFILL;
    rl_orders_settle(o, order, rl_orders_next(o, order, cell));
    return rl_change_end(o, c, order, flags);
}

/* The slot of a replace becomes the order. */
static uint32_t become(struct rl_orders *o, struct rl_order *order, struct rl_order *now,
                       unsigned cell, uint32_t flags, struct rl_order_change *c)
{
    uint32_t cancel = order->cancel;

    order->cancel = 0; /* what was asked of the old one goes on for the new one */
    if (cancel != 0)
        o->slots[cancel - 1].link = now->id;
    rl_orders_close_request(o, now, RL_STATE_REPLACED);
    now->flags = RL_SLOT_ACKED;
    now->cum = order->cum;
    now->link = RL_ID_NONE;
    now->cancel = cancel;
    now->state = RL_STATE_NONE;
    rl_orders_settle(o, now,
                     order->state == RL_STATE_UNKNOWN ? RL_STATE_UNKNOWN : RL_STATE_WORKING);
    rl_orders_settle(o, order, RL_STATE_REPLACED);
    order->link = now->id;
    rl_orders_settle(o, now, rl_orders_next(o, now, cell));
    return rl_change_end(o, c, now, flags);
}

static uint32_t on_replaced(struct rl_orders *o, const struct named *named, unsigned cell,
                            const struct rl_order_event *e, struct rl_order_change *c)
{
    struct rl_order *order = named->order, *replace = rl_orders_replace_of(o, order);

    if (replace == NULL || (named->request != NULL && named->request != replace) ||
        e->qty > INT64_MAX)
        return rl_change_refuse(o, c, RL_ORDER_ILLEGAL);
    if (e->qty != 0)
        replace->qty = e->qty;
    if (e->px_nano != RL_PX_NONE)
        replace->px_nano = e->px_nano;
    return become(o, order, replace, cell, 0, c);
}

/* CANCEL_REJECT, REPLACE_REJECT. */
static uint32_t on_refusal(struct rl_orders *o, const struct named *named, unsigned kind,
                           unsigned cell, struct rl_order_change *c)
{
    struct rl_order *order = named->order, *request = named->request, *pending;

    if (kind == RL_EVENT_CANCEL_REJECT)
        pending = order->cancel != 0 ? &o->slots[order->cancel - 1] : NULL;
    else
        pending = rl_orders_replace_of(o, order);
    if (request != NULL && request != pending) {
        if ((request->flags & RL_SLOT_ANSWERED) != 0)
            return rl_change_refuse(o, c, RL_ORDER_ILLEGAL);
        request->flags |= RL_SLOT_ANSWERED;
        return rl_change_end(o, c, order, 0);
    }
    if (cell == RL_NEXT_ILLEGAL || pending == NULL)
        return rl_change_refuse(o, c, RL_ORDER_ILLEGAL);
    pending->flags |= RL_SLOT_ANSWERED;
    rl_orders_close_request(o, pending, RL_STATE_REJECTED);
    if (kind == RL_EVENT_CANCEL_REJECT)
        order->cancel = 0;
    else
        order->link = RL_ID_NONE;
    rl_orders_settle(o, order, rl_orders_next(o, order, cell));
    return rl_change_end(o, c, order, 0);
}

static uint32_t on_cancelled(struct rl_orders *o, const struct named *named, unsigned cell,
                             struct rl_order_change *c)
{
    struct rl_order *order = named->order, *request = named->request;
    bool is_asked = order->cancel != 0 || order->time_in_force == RL_TIF_IOC ||
                    order->time_in_force == RL_TIF_FOK || order->type == RL_TYPE_MARKET;

    if (request != NULL && (request->flags & RL_SLOT_ANSWERED) == 0) {
        request->flags |= RL_SLOT_ANSWERED;
        if ((request->flags & RL_SLOT_CANCEL) != 0) {
            is_asked = true;
            rl_orders_close_request(o, request, RL_STATE_CANCELLED);
        }
    }
    is_asked |= rl_state_is_terminal(order->state); /* the rest of a bust: nobody could ask */
    rl_orders_settle(o, order, rl_orders_next(o, order, cell));
    return rl_change_end(o, c, order, is_asked ? 0 : RL_ORDER_UNSOLICITED);
}

static uint32_t on_status_open(struct rl_orders *o, const struct named *named, unsigned cell,
                               struct rl_order_change *c)
{
    struct rl_order *order = named->order, *works = order, *request = named->request;
    bool was_terminal = rl_state_is_terminal(order->state);
    uint32_t flags = was_terminal ? RL_ORDER_REOPENED : 0;

    if (order->state == RL_STATE_UNKNOWN || was_terminal) {
        /* What was asked before is answered by what is: the replace too, when its id works. */
        if (request != NULL &&
            (request->flags & (RL_SLOT_REPLACE | RL_SLOT_ANSWERED)) == RL_SLOT_REPLACE)
            works = request;
        if (works->qty <= order->cum)
            return rl_change_refuse(o, c, RL_ORDER_ILLEGAL);
        if (order->cancel != 0)
            rl_orders_close_request(o, &o->slots[order->cancel - 1], RL_STATE_REJECTED);
        order->cancel = 0;
        if (works != order)
            return become(o, order, works, cell, flags, c);
        rl_orders_overtake(o, order);
    }
    order->flags |= RL_SLOT_ACKED;
    rl_orders_settle(o, order, rl_orders_next(o, order, cell));
    return rl_change_end(o, c, order, flags);
}

/* Whether all that the table does not say holds. */
static bool is_possible(const struct rl_orders *o, const struct named *named, unsigned kind)
{
    const struct rl_order *order = named->order;

    switch (kind) {
    case RL_EVENT_ACK:
        return (order->flags & RL_SLOT_ACKED) == 0 && named->request == NULL;
    case RL_EVENT_REJECT:
        return order->cum == 0;
    case RL_EVENT_CANCELLED:
    case RL_EVENT_EXPIRED:
        return !rl_state_is_terminal(order->state) || rl_order_leaves(order) != 0;
    case RL_EVENT_STATUS_GONE: /* while a replace is pending, that it has been replaced is likely */
        return rl_orders_replace_of(o, order) == NULL;
    default:
        return kind > RL_EVENT_REPLACE_SENT; /* what we do, the venue cannot say */
    }
}

/* FIX has one message for a refused cancel and a refused replace, and some venues reject a request
 * as if it were an order: what is refused is what the id names. */
static unsigned kind_of(const struct named *named, unsigned kind)
{
    bool is_refusal = kind == RL_EVENT_REJECT || kind == RL_EVENT_CANCEL_REJECT ||
                      kind == RL_EVENT_REPLACE_REJECT ||
                      (kind == RL_EVENT_STATUS_GONE && named->order->state == RL_STATE_UNKNOWN);

    if (named->request == NULL || !is_refusal)
        return kind;
    return (named->request->flags & RL_SLOT_CANCEL) != 0 ? RL_EVENT_CANCEL_REJECT
                                                         : RL_EVENT_REPLACE_REJECT;
}

static __attribute__((noinline)) uint32_t any_event(struct rl_orders *o,
                                                    const struct rl_order_event *e,
                                                    struct rl_order_change *c)
{
    struct named named;
    bool is_consistent = resolve(o, e, &named);
    unsigned kind, cell;

    if (named.order == NULL) {
        rl_change_of_nothing(c, e->kind);
        c->exec = e->exec;
        return rl_change_refuse(o, c, RL_ORDER_UNKNOWN_ORDER);
    }
    kind = kind_of(&named, e->kind);
    if (kind < RL_N_ORDER_EVENTS && (*o->next)[named.order->state][kind] == RL_NEXT_FOLLOW)
        named.order = chain_end(o, named.order);
    rl_change_begin(o, c, named.order, e->kind);
    c->exec = e->exec;
    if (!is_consistent || kind >= RL_N_ORDER_EVENTS)
        return rl_change_refuse(o, c, RL_ORDER_ILLEGAL);
    cell = (*o->next)[named.order->state][kind];
    switch (kind) {
    case RL_EVENT_FILL:
        return on_fill(o, named.order, cell, e, c);
    case RL_EVENT_BUST:
    case RL_EVENT_CORRECT:
        return on_undo(o, named.order, cell, e, c);
    case RL_EVENT_CANCEL_REJECT:
    case RL_EVENT_REPLACE_REJECT:
        return on_refusal(o, &named, kind, cell, c);
    default:
        break;
    }
    if (cell == RL_NEXT_ILLEGAL || !is_possible(o, &named, kind))
        return rl_change_refuse(o, c, RL_ORDER_ILLEGAL);
    switch (kind) {
    case RL_EVENT_CANCELLED:
        return on_cancelled(o, &named, cell, c);
    case RL_EVENT_REPLACED:
        return on_replaced(o, &named, cell, e, c);
    case RL_EVENT_STATUS_OPEN:
        return on_status_open(o, &named, cell, c);
    case RL_EVENT_ACK:
        named.order->flags |= RL_SLOT_ACKED;
        break;
    default:
        break;
    }
    rl_orders_settle(o, named.order, rl_orders_next(o, named.order, cell));
    return rl_change_end(o, c, named.order, 0);
}

uint32_t rl_orders_event(struct rl_orders *o, const struct rl_order_event *e,
                         struct rl_order_change *c)
{
    struct rl_order *order = rl_orders_slot(o, e->id);
    unsigned cell;

    if (RL_UNLIKELY(e->kind != RL_EVENT_FILL || order->id != e->id || e->id == RL_ID_NONE ||
                    e->orig_id != RL_ID_NONE || rl_order_is_request(order)))
        return any_event(o, e, c);
    cell = (*o->next)[order->state][RL_EVENT_FILL];
    if (RL_UNLIKELY(cell == RL_NEXT_FOLLOW))
        return any_event(o, e, c);
    rl_change_begin(o, c, order, RL_EVENT_FILL);
    c->exec = e->exec;
    return on_fill(o, order, cell, e, c);
}
