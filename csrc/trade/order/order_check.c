/* What must hold of an order table at all times, and the table as one number. Cold. */
#include <errno.h>

#include "base/mix.h"
#include "trade/order/order_inner.h"

static const char *slot_is_wrong(const struct rl_orders *o, uint64_t at)
{
    const struct rl_order *s = &o->slots[at];
    bool is_live = !rl_state_is_terminal(s->state);

    if (rl_orders_is_taken(o, at) != is_live)
        return "the bit `taken` of a slot is wrong";
    if (s->id == RL_ID_NONE)
        return s->state == RL_STATE_NONE ? NULL : "a slot without an id has a state";
    if ((s->id & o->mask) != at)
        return "an id is not in its slot";
    if (s->state == RL_STATE_NONE)
        return "a slot with an id has no state";
    if (s->qty == 0 || s->qty > INT64_MAX || s->cum > INT64_MAX)
        return "a quantity is out of range";
    if (rl_order_is_request(s))
        return NULL;
    if (is_live && s->state != RL_STATE_UNKNOWN && s->state != rl_order_rest(o, s))
        return "a state is not the one that quantities and requests say";
    if (s->state == RL_STATE_UNKNOWN && s->cum >= rl_orders_total(o, s))
        return "an order with nothing left has not ended";
    if (!is_live && s->cancel != 0)
        return "an order that ended has a pending cancel";
    if (!is_live && s->state != RL_STATE_REPLACED && s->link != RL_ID_NONE)
        return "an order that ended has a pending replace";
    if (s->state == RL_STATE_REPLACED && s->link <= s->id)
        return "an order was replaced by an older one";
    return NULL;
}

/* Whether a request without an answer and its order name each other. */
static const char *request_is_wrong(const struct rl_orders *o, uint64_t at)
{
    const struct rl_order *s = &o->slots[at], *order = rl_orders_known(o, s->link);
    bool is_cancel = (s->flags & RL_SLOT_CANCEL) != 0;

    if ((s->flags & RL_SLOT_ANSWERED) != 0)
        return "a request that was answered is pending";
    if (s->state != (is_cancel ? RL_STATE_PENDING_CANCEL : RL_STATE_PENDING_REPLACE))
        return "a request is pending in the state of an order";
    if (order == NULL || rl_order_is_request(order) || rl_state_is_terminal(order->state))
        return "a request is pending for an order that does not live";
    if (is_cancel ? order->cancel != at + 1 : order->link != s->id)
        return "an order does not know of its pending request";
    return NULL;
}

int rl_orders_check(const struct rl_orders *o, const char **why)
{
    uint64_t n_open = 0, n_requests[2] = {0}, n_named[2] = {0};

    for (uint64_t at = 0; at <= o->mask; at++) {
        const struct rl_order *s = &o->slots[at];
        bool is_live, is_open;

        *why = "a slot has a state that is none";
        if (s->state >= RL_N_ORDER_STATES)
            return -EBADMSG;
        is_live = !rl_state_is_terminal(s->state);
        is_open = is_live && !rl_order_is_request(s);
        *why = slot_is_wrong(o, at);
        if (*why == NULL && is_live && !is_open)
            *why = request_is_wrong(o, at);
        if (*why == NULL && ((o->open[at / 64] >> at % 64 & 1) != 0) != is_open)
            *why = "the bit `open` of a slot is wrong";
        if (*why != NULL)
            return -EBADMSG;
        n_open += is_open;
        n_requests[0] += is_live && (s->flags & RL_SLOT_CANCEL) != 0;
        n_requests[1] += is_live && (s->flags & RL_SLOT_REPLACE) != 0;
        n_named[0] += is_open && s->cancel != 0;
        n_named[1] += is_open && s->link != RL_ID_NONE;
    }
    *why = "a bit of `open_words` is wrong";
    for (uint64_t word = 0; word < (o->mask + 1) / 64; word++)
        if (((o->open_words[word / 64] >> word % 64 & 1) != 0) != (o->open[word] != 0))
            return -EBADMSG;
    *why = "orders or requests were counted wrongly";
    if (n_open != o->n_open || n_requests[0] != o->n_cancels || n_requests[1] != o->n_replaces)
        return -EBADMSG;
    *why = "an order names a request that is not pending";
    if (n_named[0] != n_requests[0] || n_named[1] != n_requests[1])
        return -EBADMSG;
    return rl_execs_check(&o->execs, why);
}

uint64_t rl_orders_hash(const struct rl_orders *o)
{
    uint64_t hash = rl_execs_hash(&o->execs);

    for (uint64_t at = 0; at <= o->mask; at++) {
        const struct rl_order *s = &o->slots[at];
        uint64_t scopes = (uint64_t)s->instrument << 32 | (uint64_t)s->venue << 16 |
                          (uint64_t)s->account << 8 | s->strategy;
        uint64_t kinds = (uint64_t)s->state << 32 | (uint64_t)s->side << 24 |
                         (uint64_t)s->type << 16 | (uint64_t)s->time_in_force << 8 | s->flags;
        uint64_t words[] = {s->id,  s->link, (uint64_t)s->px_nano,
                            s->qty, s->cum,  s->trigger,
                            scopes, kinds,   s->cancel};
        uint64_t one = 0;

        if (s->id == RL_ID_NONE)
            continue;
        for (size_t i = 0; i < RL_COUNT(words); i++)
            one = rl_mix(one ^ words[i]) + i;
        hash += one;
    }
    return hash;
}
