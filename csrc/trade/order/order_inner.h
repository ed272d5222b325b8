/*
 * order_inner - what order.c and order_event.c share: bits, counts and the ends of orders.
 */
#ifndef RL_TRADE_ORDER_ORDER_INNER_H
#define RL_TRADE_ORDER_ORDER_INNER_H

#include "trade/order/order.h"

static inline struct rl_order *rl_orders_known(const struct rl_orders *o, uint64_t id)
{
    struct rl_order *slot = rl_orders_slot(o, id);

    return RL_LIKELY(slot->id == id && id != RL_ID_NONE) ? slot : NULL;
}

static inline bool rl_order_is_request(const struct rl_order *slot)
{
    return (slot->flags & RL_SLOT_REQUEST) != 0;
}

static inline bool rl_orders_is_taken(const struct rl_orders *o, uint64_t id)
{
    uint64_t slot = id & o->mask;

    return (o->taken[slot / 64] >> slot % 64 & 1) != 0;
}

/* All lots that the order may come to, whichever way its pending replace is answered. */
static inline uint64_t rl_orders_total(const struct rl_orders *o, const struct rl_order *order)
{
    const struct rl_order *replace = rl_orders_replace_of(o, order);

    return RL_UNLIKELY(replace != NULL) && replace->qty > order->qty ? replace->qty : order->qty;
}

/* The state that quantities and pending requests say. */
static inline uint8_t rl_order_rest(const struct rl_orders *o, const struct rl_order *order)
{
    if (order->cum >= rl_orders_total(o, order))
        return RL_STATE_FILLED;
    if (RL_UNLIKELY(order->cancel != 0))
        return RL_STATE_PENDING_CANCEL;
    if (RL_UNLIKELY(order->link != RL_ID_NONE))
        return RL_STATE_PENDING_REPLACE;
    if (order->cum != 0)
        return RL_STATE_PARTIAL;
    return (order->flags & RL_SLOT_ACKED) != 0 ? RL_STATE_WORKING : RL_STATE_PENDING_NEW;
}

static inline void rl_orders_set_taken(struct rl_orders *o, uint64_t slot)
{
    o->taken[slot / 64] |= 1ULL << slot % 64;
}

static inline void rl_orders_clear_taken(struct rl_orders *o, uint64_t slot)
{
    o->taken[slot / 64] &= ~(1ULL << slot % 64);
}

static inline void rl_orders_set_open(struct rl_orders *o, uint64_t slot)
{
    o->open[slot / 64] |= 1ULL << slot % 64;
    o->open_words[slot / 4096] |= 1ULL << slot / 64 % 64;
    rl_orders_set_taken(o, slot);
    o->n_open++;
}

static inline void rl_orders_clear_open(struct rl_orders *o, uint64_t slot)
{
    o->open[slot / 64] &= ~(1ULL << slot % 64);
    if (o->open[slot / 64] == 0)
        o->open_words[slot / 4096] &= ~(1ULL << slot / 64 % 64);
    rl_orders_clear_taken(o, slot);
    o->n_open--;
}

/* A request is no longer pending: it is granted (CANCELLED of a cancel) or REJECTED, and its slot
 * may be needed. */
static inline void rl_orders_close_request(struct rl_orders *o, struct rl_order *request,
                                           enum rl_order_state state)
{
    if (request->state != RL_STATE_PENDING_CANCEL && request->state != RL_STATE_PENDING_REPLACE)
        return;
    if ((request->flags & RL_SLOT_CANCEL) != 0)
        o->n_cancels--;
    else
        o->n_replaces--;
    request->state = (uint8_t)state;
    rl_orders_clear_taken(o, request->id & o->mask);
}

/* Nothing of the order is asked any more; answers that still come are heard (ANSWERED is not set).
 */
static inline void rl_orders_overtake(struct rl_orders *o, struct rl_order *order)
{
    struct rl_order *replace = rl_orders_replace_of(o, order);

    if (order->cancel != 0)
        rl_orders_close_request(o, &o->slots[order->cancel - 1], RL_STATE_REJECTED);
    order->cancel = 0;
    if (replace != NULL) {
        rl_orders_close_request(o, replace, RL_STATE_REJECTED);
        order->link = RL_ID_NONE;
    }
}

/* Gives the order its new state, with all that hangs on whether it lives. */
static inline void rl_orders_settle(struct rl_orders *o, struct rl_order *order, uint8_t state)
{
    bool was_live = !rl_state_is_terminal(order->state), is_live = !rl_state_is_terminal(state);

    if (was_live && !is_live) {
        if (RL_UNLIKELY(order->cancel != 0 || order->link != RL_ID_NONE))
            rl_orders_overtake(o, order);
        rl_orders_clear_open(o, order->id & o->mask);
    } else if (is_live && !was_live) {
        rl_orders_set_open(o, order->id & o->mask);
    }
    order->state = state;
}

/* What a cell of the table makes of the order's state. */
static inline uint8_t rl_orders_next(const struct rl_orders *o, const struct rl_order *order,
                                     unsigned cell)
{
    switch (cell) {
    case RL_NEXT_REST:
        return rl_order_rest(o, order);
    case RL_NEXT_KEEP:
        return order->cum >= rl_orders_total(o, order) ? RL_STATE_FILLED : order->state;
    case RL_NEXT_STAY:
    case RL_NEXT_FOLLOW:
        return order->state;
    default:
        return (uint8_t)cell;
    }
}

static inline uint64_t rl_orders_reserved_inline(const struct rl_orders *o,
                                                 const struct rl_order *order, int64_t *px_nano)
{
    const struct rl_order *replace = rl_orders_replace_of(o, order);

    *px_nano = order->px_nano;
    if (rl_state_is_terminal(order->state))
        return 0;
    if (RL_LIKELY(replace == NULL))
        return rl_order_leaves(order);
    return rl_orders_reserved(o, order, px_nano);
}

/* c as of an order before anything happened to it. */
static inline void rl_change_begin(const struct rl_orders *o, struct rl_order_change *c,
                                   const struct rl_order *order, unsigned kind)
{
    c->was = *order;
    c->order = order;
    c->flags = 0;
    c->kind = (uint8_t)kind;
    c->d_qty = 0;
    c->px_nano = 0;
    c->exec = 0;
    c->undo_qty = 0;
    c->undo_px_nano = 0;
    c->was_reserved_qty = rl_orders_reserved_inline(o, order, &c->was_reserved_px_nano);
    c->now_reserved_qty = c->was_reserved_qty;
    c->now_reserved_px_nano = c->was_reserved_px_nano;
}

/* The same when there is no order. */
static inline void rl_change_of_nothing(struct rl_order_change *c, unsigned kind)
{
    *c = (struct rl_order_change){.kind = (uint8_t)kind};
}

/* `order` is the one that stands now. */
static inline uint32_t rl_change_end(struct rl_orders *o, struct rl_order_change *c,
                                     const struct rl_order *order, uint32_t flags)
{
    c->order = order;
    c->now_reserved_qty = rl_orders_reserved_inline(o, order, &c->now_reserved_px_nano);
    if (!rl_state_is_terminal(c->was.state) && rl_state_is_terminal(order->state))
        flags |= RL_ORDER_CLOSED;
    c->flags = flags;
    for (uint32_t rest = flags; rest != 0; rest &= rest - 1)
        o->n_flags[__builtin_ctz(rest)]++;
    return flags;
}

/* Nothing changed, and why. */
static inline uint32_t rl_change_refuse(struct rl_orders *o, struct rl_order_change *c,
                                        uint32_t flag)
{
    if (flag == RL_ORDER_ILLEGAL && c->kind < RL_N_ORDER_EVENTS)
        o->n_illegal[c->was.state][c->kind]++;
    o->n_flags[__builtin_ctz(flag)]++;
    return c->flags = flag;
}

#endif
