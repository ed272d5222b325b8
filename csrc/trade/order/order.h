/*
 * order - every order of ours and what became of it, found by id without a search.
 *
 * The low bits of an id's counter are its slot. Each ClOrdID has one: of an order, or of a request
 * to cancel or replace one. An order that ended stays in its slot until a new id needs it, so that
 * late, repeated and wrong answers are told apart; one that lives, or a request without an answer,
 * never gives its slot away. At most half of the slots go to orders and replaces: so there is
 * always an id to cancel with, for each of them and to try again.
 *
 * A replace takes a new id and slot. Accepted, the new slot is the order and inherits what was
 * executed; the old one is REPLACED and points to it. Until the answer comes the order has both
 * quantities and both prices: reserved is the larger quantity less what was executed, and the price
 * farther from zero, which values it higher on either side (R19). An order of which nobody knows
 * whether it works (UNKNOWN, after a disconnect) stays reserved. One that ended reserves nothing,
 * even when a bust later takes back what it executed: a venue does not work an order again unless
 * it says so (STATUS_OPEN).
 *
 * Answers may name the order's id, the request's, or an older id of a chain of replaces, and come
 * in any order. transition.h says which are legal; what is not changes nothing and is counted.
 *
 * Threads:  the order thread alone.
 * Memory:   a line a slot, a bit or two, and the executions; the caller's (rl_orders_bytes).
 * Cost:     an answer touches the order's line, and an execution one or two lines more (execs.h).
 */
#ifndef RL_TRADE_ORDER_ORDER_H
#define RL_TRADE_ORDER_ORDER_H

#include "trade/order/event.h"
#include "trade/order/execs.h"
#include "trade/order/ids.h"
#include "trade/order/request.h"
#include "trade/order/transition.h"

/* Of rl_order.flags. A replace that is granted becomes an order, and loses its bit. */
#define RL_SLOT_CANCEL 1   /* a request to cancel the order `link` */
#define RL_SLOT_REPLACE 2  /* a request to replace the order `link` */
#define RL_SLOT_ANSWERED 4 /* a request that the venue has answered */
#define RL_SLOT_ACKED 8    /* the venue has acknowledged the order */
#define RL_SLOT_REQUEST (RL_SLOT_CANCEL | RL_SLOT_REPLACE)

/* How many replaces old an id may be that an answer names. One that is older, or from which the way
 * to the living end leads over a slot that was needed since, is booked where the way ends, as LATE:
 * what was executed is then right, and too much stays reserved. */
#define RL_ORDER_HOPS 64

/* An order; or a request, which has the state PENDING_CANCEL or PENDING_REPLACE until it is
 * answered or overtaken, then CANCELLED (granted) or REJECTED. */
struct rl_order {
    RL_ALIGNED uint64_t id; /* RL_ID_NONE: never used */
    uint64_t link;          /* pending replace, RL_ID_NONE: none; REPLACED: what replaced it */
    int64_t px_nano;        /* RL_PX_NONE: a market order */
    uint64_t qty;           /* lots, all that were ordered */
    uint64_t cum;           /* of these executed, over the whole chain; busts taken off */
    uint64_t trigger;       /* sequence number of the market data message that caused it */
    uint32_t instrument;
    uint32_t cancel; /* slot of the pending cancel, plus 1; 0: none */
    uint8_t venue, account, strategy;
    uint8_t state; /* enum rl_order_state */
    uint8_t side;  /* enum rl_side */
    uint8_t type;  /* enum rl_order_type */
    uint8_t time_in_force;
    uint8_t flags; /* RL_SLOT_* */
};
_Static_assert(sizeof(struct rl_order) == RL_CACHE_LINE, "one order, one line");

/* What a call did. All members are set, whatever happened. */
struct rl_order_change {
    struct rl_order was;          /* the order as it stood; zero when there was none */
    const struct rl_order *order; /* as it stands, after a replace the new one; NULL: unknown */
    uint32_t flags;               /* RL_ORDER_* */
    uint8_t kind;                 /* enum rl_order_event_kind */
    int64_t d_qty;                /* lots executed: above 0 booked, below 0 taken back, else 0 */
    int64_t px_nano;              /* ... at this price */
    uint64_t exec;                /* the event's exec id */
    int64_t undo_qty;             /* CORRECT: lots taken back, before d_qty are booked; else 0 */
    int64_t undo_px_nano;         /* ... at this price */
    uint64_t was_reserved_qty, now_reserved_qty; /* lots that may still be executed */
    int64_t was_reserved_px_nano, now_reserved_px_nano;
};

struct rl_orders {
    struct rl_order *slots;
    const rl_transitions *next; /* rl_order_next */
    uint64_t mask;              /* n_slots - 1 */
    uint64_t *open;             /* bit: an order that lives is in the slot */
    uint64_t *open_words;       /* bit: that word of `open` is not zero */
    uint64_t *taken;            /* bit: open, or a request without an answer */
    uint64_t n_open;
    uint64_t n_replaces, n_cancels; /* requests without an answer */
    struct rl_execs execs;
    uint64_t n_flags[RL_N_ORDER_FLAGS]; /* events by flag */
    uint64_t n_illegal[RL_N_ORDER_STATES][RL_N_ORDER_EVENTS];
};

/* 0 unless n_slots is a power of two from 64 to 2^24, and n_execs as in rl_execs_bytes. */
size_t rl_orders_bytes(uint64_t n_slots, uint64_t n_execs);

/* `memory` has rl_orders_bytes, aligned to a cache line; -EINVAL for numbers without bytes. */
int rl_orders_init(struct rl_orders *o, void *memory, uint64_t n_slots, uint64_t n_execs);

static inline struct rl_order *rl_orders_slot(const struct rl_orders *o, uint64_t id)
{
    return &o->slots[id & o->mask];
}

/* Before an answer is decoded to the end: what it will touch. */
static inline void rl_orders_prefetch(const struct rl_orders *o, uint64_t id)
{
    __builtin_prefetch(rl_orders_slot(o, id), 1);
}

/* The order of this id, also one that ended; NULL when it is none that we know, or a request.
 * Valid until its slot is needed. */
static inline const struct rl_order *rl_orders_find(const struct rl_orders *o, uint64_t id)
{
    const struct rl_order *order = rl_orders_slot(o, id);

    return order->id == id && id != RL_ID_NONE && (order->flags & RL_SLOT_REQUEST) == 0 ? order
                                                                                        : NULL;
}

/* The same, only while it lives. */
static inline const struct rl_order *rl_orders_live(const struct rl_orders *o, uint64_t id)
{
    const struct rl_order *order = rl_orders_find(o, id);

    return order != NULL && !rl_state_is_terminal(order->state) ? order : NULL;
}

static inline uint64_t rl_order_leaves(const struct rl_order *order)
{
    return order->qty > order->cum ? order->qty - order->cum : 0;
}

static inline struct rl_scopes rl_order_scopes(const struct rl_order *order)
{
    return (struct rl_scopes){.instrument = order->instrument,
                              .venue = order->venue,
                              .account = order->account,
                              .strategy = order->strategy};
}

/* The request that would replace the order, or NULL. */
static inline struct rl_order *rl_orders_replace_of(const struct rl_orders *o,
                                                    const struct rl_order *order)
{
    if (RL_LIKELY(order->link == RL_ID_NONE) || order->state == RL_STATE_REPLACED)
        return NULL;
    return rl_orders_slot(o, order->link);
}

/* Lots that may still be executed, and the price to value them at (RL_PX_NONE: at market). */
uint64_t rl_orders_reserved(const struct rl_orders *o, const struct rl_order *order,
                            int64_t *px_nano);

/* For rl_orders_next_id: the next id from ids->next whose slot is free. Cold. */
uint64_t rl_orders_skip(const struct rl_orders *o, struct rl_ids *ids);

static inline uint64_t rl_orders_take_id(const struct rl_orders *o, struct rl_ids *ids)
{
    uint64_t slot = ids->next & o->mask;

    if (RL_UNLIKELY((o->taken[slot / 64] >> slot % 64 & 1) != 0))
        return rl_orders_skip(o, ids);
    return rl_ids_take(ids);
}

/*
 * An id for a new order or a replace, taken from `ids`: the next one whose slot is free. RL_ID_NONE
 * when half of the slots have orders and replaces, or the epoch is used up.
 */
static inline uint64_t rl_orders_next_id(const struct rl_orders *o, struct rl_ids *ids)
{
    if (RL_UNLIKELY(o->n_open + o->n_replaces >= o->mask / 2))
        return RL_ID_NONE;
    return rl_orders_take_id(o, ids);
}

/* The same for a cancel, from the other half: to be had as long as the epoch has ids, unless the
 * venue reopens thousands of orders that had ended. */
static inline uint64_t rl_orders_next_cancel_id(const struct rl_orders *o, struct rl_ids *ids)
{
    return rl_orders_take_id(o, ids);
}

/*
 * What we have sent. Flags: 0, UNKNOWN_ORDER, or ILLEGAL (the table, a slot that is taken, an id of
 * 0 or used before, a quantity of 0 or above INT64_MAX): then nothing changed and the message must
 * not go out - so ask before sending.
 * rl_orders_replace_sent: new_qty is the new total, executed lots included; new_id is above the id
 * of the order, as every id that was taken later is.
 */
uint32_t rl_orders_sent(struct rl_orders *o, uint64_t id, const struct rl_request *request,
                        struct rl_order_change *c);
uint32_t rl_orders_cancel_sent(struct rl_orders *o, uint64_t request_id, uint64_t order_id,
                               struct rl_order_change *c);
uint32_t rl_orders_replace_sent(struct rl_orders *o, uint64_t new_id, uint64_t order_id,
                                uint64_t new_qty, int64_t new_px_nano, struct rl_order_change *c);

/* What the venue says: whatever it is, and of whatever. Returns c->flags. */
uint32_t rl_orders_event(struct rl_orders *o, const struct rl_order_event *e,
                         struct rl_order_change *c);

/* The session to a venue is lost: each of its open orders becomes UNKNOWN, `told` (may be NULL)
 * hears of each. Returns how many. */
uint64_t rl_orders_disconnect(struct rl_orders *o, unsigned venue,
                              void (*told)(void *context, const struct rl_order_change *c),
                              void *context);

/*
 * Open orders by slot: the first slot at or after `from` with an order that lives, or n_slots
 * (o->mask + 1) when there is none. Orders may be changed between two calls.
 *     for (s = rl_orders_next_open(o, 0); s <= o->mask; s = rl_orders_next_open(o, s + 1))
 *         if (rl_order_is_in(&o->slots[s], scope, index)) ...
 */
uint64_t rl_orders_next_open(const struct rl_orders *o, uint64_t from);

/* Whether an order falls under number `index` of a scope; GLOBAL has all. */
static inline bool rl_order_is_in(const struct rl_order *order, enum rl_scope scope, uint32_t index)
{
    switch (scope) {
    case RL_SCOPE_GLOBAL:
        return true;
    case RL_SCOPE_VENUE:
        return order->venue == index;
    case RL_SCOPE_ACCOUNT:
        return order->account == index;
    case RL_SCOPE_STRATEGY:
        return order->strategy == index;
    case RL_SCOPE_SYMBOL:
        return order->instrument == index;
    }
    return false;
}

/* The state as one number: all known orders, requests and executions. */
uint64_t rl_orders_hash(const struct rl_orders *o);

/* Integrity: every slot, link, bit, count, execution. 0, or -EBADMSG and a sentence. */
int rl_orders_check(const struct rl_orders *o, const char **why);

#endif
