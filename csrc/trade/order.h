/*
 * order - the orders that are open at the exchange, found by id without a search.
 *
 * The low bits of the id's counter are the slot. An order that stays open while n_slots younger
 * ones are sent keeps its slot: the next id that falls there is refused (rl_orders_has_room), never
 * mixed up. Executions are judged here: of an order that is open, repeated, of too much, or of no
 * order we know.
 *
 * Threads:  the order thread alone.
 * Memory:   one cache line a slot, the caller's (rl_orders_bytes).
 * Cost:     one line touched an operation.
 */
#ifndef RL_TRADE_ORDER_H
#define RL_TRADE_ORDER_H

#include "base/defs.h"
#include "base/money.h"
#include "trade/ids.h"

struct rl_order {
    RL_ALIGNED uint64_t id; /* RL_ID_NONE: the slot is free */
    uint64_t trigger;       /* sequence number of the market data message that caused it */
    int64_t px_nano;
    uint64_t qty;
    uint64_t leaves;    /* not yet executed */
    uint64_t last_exec; /* number of the last execution booked; they rise */
    uint32_t instrument;
    uint8_t side; /* enum rl_side */
};
_Static_assert(sizeof(struct rl_order) == RL_CACHE_LINE, "one order, one line");

struct rl_orders {
    struct rl_order *slots;
    uint64_t mask;
    uint64_t n_open;
};

enum rl_exec_result {
    RL_EXEC_PARTIAL,   /* booked, the order stays open */
    RL_EXEC_DONE,      /* booked, the order is closed */
    RL_EXEC_DUPLICATE, /* this execution was booked before: nothing changed */
    RL_EXEC_UNKNOWN,   /* no such open order: nothing changed */
    RL_EXEC_OVERFILL   /* more than was left: the order is closed, the caller books what came */
};

static inline size_t rl_orders_bytes(uint64_t n_slots)
{
    return n_slots * sizeof(struct rl_order);
}

/* `slots` is cache-line aligned; -EINVAL unless n_slots is a power of two below 2^32. */
int rl_orders_init(struct rl_orders *o, struct rl_order *slots, uint64_t n_slots);

static inline bool rl_orders_has_room(const struct rl_orders *o, uint64_t id)
{
    return o->slots[id & o->mask].id == RL_ID_NONE;
}

/* The open order of this id, or NULL. Valid until the order is closed. */
static inline const struct rl_order *rl_orders_find(const struct rl_orders *o, uint64_t id)
{
    const struct rl_order *order = &o->slots[id & o->mask];

    return RL_LIKELY(order->id == id && id != RL_ID_NONE) ? order : NULL;
}

/* Enters a copy of `order` (leaves = qty); false when its slot is taken, it has no id or no
 * quantity. */
static inline bool rl_orders_open(struct rl_orders *o, const struct rl_order *order)
{
    struct rl_order *slot = &o->slots[order->id & o->mask];

    if (RL_UNLIKELY(order->id == RL_ID_NONE || order->qty == 0 || slot->id != RL_ID_NONE))
        return false;
    *slot = *order;
    slot->leaves = order->qty;
    slot->last_exec = 0;
    o->n_open++;
    return true;
}

/*
 * Books execution number `exec` (from 1, rising within an order) of `qty`. Unless the result is
 * UNKNOWN, *was is the order as it stood before, so that the caller knows what to release.
 */
static inline enum rl_exec_result rl_orders_fill(struct rl_orders *o, uint64_t id, uint64_t exec,
                                                 uint64_t qty, struct rl_order *was)
{
    struct rl_order *order = &o->slots[id & o->mask];

    if (RL_UNLIKELY(id == RL_ID_NONE || order->id != id))
        return RL_EXEC_UNKNOWN;
    *was = *order;
    if (RL_UNLIKELY(exec <= order->last_exec))
        return RL_EXEC_DUPLICATE;
    order->last_exec = exec;
    if (qty < order->leaves) {
        order->leaves -= qty;
        return RL_EXEC_PARTIAL;
    }
    order->id = RL_ID_NONE;
    o->n_open--;
    return RL_LIKELY(qty == was->leaves) ? RL_EXEC_DONE : RL_EXEC_OVERFILL;
}

/* The exchange ended the order (cancelled, rejected, expired): *was->leaves is what to release. */
static inline bool rl_orders_end(struct rl_orders *o, uint64_t id, struct rl_order *was)
{
    struct rl_order *order = &o->slots[id & o->mask];

    if (RL_UNLIKELY(id == RL_ID_NONE || order->id != id))
        return false;
    *was = *order;
    order->id = RL_ID_NONE;
    o->n_open--;
    return true;
}

#endif
