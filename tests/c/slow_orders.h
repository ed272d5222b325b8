/*
 * slow_orders - orders kept the plain way, from the rules in words, for tests to compare with.
 *
 * A list of orders and requests that is searched from end to end, a list of executions, and one
 * function an event that asks what the rules of order.h ask. No table, no slots but the rule that
 * an id pushes out the one whose counter has the same remainder, no state that is stored: the state
 * of an order is told from how it ended, what was asked of it and what was executed.
 * What the venue says is in slow_orders_event.h.
 */
#ifndef RL_TESTS_SLOW_ORDERS_H
#define RL_TESTS_SLOW_ORDERS_H

#include <string.h>

#include "check.h"
#include "trade/order/order.h"

#define SLOW_ORDERS_MAX 64
#define SLOW_EXECS_MAX 16

enum slow_end {
    SLOW_LIVES,
    SLOW_FILLED,
    SLOW_CANCELLED,
    SLOW_REPLACED,
    SLOW_REJECTED,
    SLOW_EXPIRED
};
enum slow_what { SLOW_ORDER, SLOW_CANCEL, SLOW_REPLACE };

struct slow_order {
    uint64_t id;
    enum slow_what what;
    struct rl_request as; /* quantity and price as now in force */
    enum slow_end end;
    bool is_acked, is_lost;
    uint64_t executed;
    uint64_t cancel, replace; /* ids that wait for an answer; 0 none */
    uint64_t by;              /* SLOW_REPLACED: this one */
    uint64_t of;              /* requests: about this order */
    bool waits, was_answered, was_granted;
};

struct slow_exec {
    uint8_t venue;
    uint64_t exec, id, qty, by;
    int64_t px;
    bool is_gone; /* taken back; `by` what stands in its place, 0 nothing */
};

/* What came of something, in words that both sides can be asked for. */
struct slow_said {
    uint64_t flags, id, state, was_id, was_state, kind, exec;
    int64_t d_qty, px, undo_qty, undo_px;
    uint64_t was_qty, now_qty;
    int64_t was_px, now_px;
};

struct slow_orders {
    struct slow_order orders[SLOW_ORDERS_MAX];
    struct slow_exec execs[SLOW_EXECS_MAX]; /* from old to young */
    uint32_t n_orders, n_execs;
    uint64_t n_slots, n_execs_max;
    struct slow_said said;
};

static inline void slow_init(struct slow_orders *s, uint64_t n_slots, uint64_t n_execs)
{
    CHECK(n_slots <= SLOW_ORDERS_MAX && n_execs <= SLOW_EXECS_MAX);
    memset(s, 0, sizeof(*s));
    s->n_slots = n_slots;
    s->n_execs_max = n_execs;
}

/* ---- Looking -------------------------------------------------------------------------------- */

static inline struct slow_order *slow_find(struct slow_orders *s, uint64_t id)
{
    for (uint32_t i = 0; i < s->n_orders; i++)
        if (s->orders[i].id == id && id != 0)
            return &s->orders[i];
    return NULL;
}

static inline struct slow_exec *slow_exec(struct slow_orders *s, uint8_t venue, uint64_t exec)
{
    for (uint32_t i = 0; i < s->n_execs; i++)
        if (s->execs[i].exec == exec && s->execs[i].venue == venue && exec != 0)
            return &s->execs[i];
    return NULL;
}

/* The largest quantity that the venue may hold the order to be of. */
static inline uint64_t slow_most(struct slow_orders *s, const struct slow_order *o)
{
    uint64_t asked = o->replace == 0 ? 0 : slow_find(s, o->replace)->as.qty;

    return asked > o->as.qty ? asked : o->as.qty;
}

static inline unsigned slow_state(const struct slow_order *o)
{
    if (o->what == SLOW_CANCEL)
        return o->waits         ? RL_STATE_PENDING_CANCEL
               : o->was_granted ? RL_STATE_CANCELLED
                                : RL_STATE_REJECTED;
    if (o->what == SLOW_REPLACE)
        return o->waits ? RL_STATE_PENDING_REPLACE : RL_STATE_REJECTED;
    switch (o->end) {
    case SLOW_FILLED:
        return RL_STATE_FILLED;
    case SLOW_CANCELLED:
        return RL_STATE_CANCELLED;
    case SLOW_REPLACED:
        return RL_STATE_REPLACED;
    case SLOW_REJECTED:
        return RL_STATE_REJECTED;
    case SLOW_EXPIRED:
        return RL_STATE_EXPIRED;
    case SLOW_LIVES:
        break;
    }
    /* FIX: pending cancel before pending replace before what was executed. */
    if (o->is_lost)
        return RL_STATE_UNKNOWN;
    if (o->cancel != 0)
        return RL_STATE_PENDING_CANCEL;
    if (o->replace != 0)
        return RL_STATE_PENDING_REPLACE;
    if (o->executed > 0)
        return RL_STATE_PARTIAL;
    return o->is_acked ? RL_STATE_WORKING : RL_STATE_PENDING_NEW;
}

/* Lots that may still be executed, and the larger of the two prices, whatever their sign. */
static inline uint64_t slow_reserved(struct slow_orders *s, const struct slow_order *o, int64_t *px)
{
    *px = o->as.px_nano;
    if (o->end != SLOW_LIVES)
        return 0;
    if (o->replace != 0) {
        int64_t other = slow_find(s, o->replace)->as.px_nano;
        uint64_t size = *px < 0 ? 0 - (uint64_t)*px : (uint64_t)*px;
        uint64_t other_size = other < 0 ? 0 - (uint64_t)other : (uint64_t)other;

        if (other_size > size) /* of RL_PX_NONE it is 2^63: more than any price */
            *px = other;
    }
    return slow_most(s, o) > o->executed ? slow_most(s, o) - o->executed : 0;
}

/* The order into which this one was replaced, as far as that is known. */
static inline struct slow_order *slow_latest(struct slow_orders *s, struct slow_order *o)
{
    for (int i = 0; i < RL_ORDER_HOPS && o->end == SLOW_REPLACED && slow_find(s, o->by) != NULL;
         i++)
        o = slow_find(s, o->by);
    return o;
}

/* The order that an id is or asks about. */
static inline struct slow_order *slow_meant(struct slow_orders *s, struct slow_order *o)
{
    if (o == NULL || o->what == SLOW_ORDER)
        return o;
    o = slow_find(s, o->of);
    return o == NULL ? NULL : slow_latest(s, o);
}

/* ---- Saying --------------------------------------------------------------------------------- */

static inline void slow_begin(struct slow_orders *s, const struct slow_order *o, unsigned kind)
{
    s->said = (struct slow_said){.kind = kind};
    if (o == NULL)
        return;
    s->said.id = s->said.was_id = o->id;
    s->said.state = s->said.was_state = slow_state(o);
    s->said.was_qty = s->said.now_qty = slow_reserved(s, o, &s->said.was_px);
    s->said.now_px = s->said.was_px;
}

static inline uint32_t slow_refuse(struct slow_orders *s, uint32_t flag)
{
    return (uint32_t)(s->said.flags = flag);
}

/* Nothing of it waits any more. */
static inline void slow_forget_requests(struct slow_orders *s, struct slow_order *o)
{
    if (o->cancel != 0)
        slow_find(s, o->cancel)->waits = false;
    if (o->replace != 0)
        slow_find(s, o->replace)->waits = false;
    o->cancel = o->replace = 0;
}

static inline void slow_end(struct slow_orders *s, struct slow_order *o, enum slow_end end)
{
    slow_forget_requests(s, o);
    o->end = end;
    o->is_lost = false;
}

/* The order as it now is; `o` may be another one than it was. */
static inline uint32_t slow_done(struct slow_orders *s, struct slow_order *o, uint32_t flags)
{
    if (o->end == SLOW_LIVES && o->executed >= slow_most(s, o))
        slow_end(s, o, SLOW_FILLED);
    if (!rl_state_is_terminal((unsigned)s->said.was_state) && o->end != SLOW_LIVES)
        flags |= RL_ORDER_CLOSED;
    s->said.id = o->id;
    s->said.state = slow_state(o);
    s->said.now_qty = slow_reserved(s, o, &s->said.now_px);
    s->said.flags = flags;
    return flags;
}

/* ---- What we do ----------------------------------------------------------------------------- */

static inline bool slow_can_use(struct slow_orders *s, uint64_t id)
{
    if (id == 0 || slow_find(s, id) != NULL)
        return false;
    for (uint32_t i = 0; i < s->n_orders; i++) {
        const struct slow_order *o = &s->orders[i];

        if (o->id % s->n_slots == id % s->n_slots &&
            (o->what == SLOW_ORDER ? o->end == SLOW_LIVES : o->waits))
            return false;
    }
    return true;
}

static inline struct slow_order *slow_new(struct slow_orders *s, struct slow_order o)
{
    uint32_t at = 0;

    while (at < s->n_orders && s->orders[at].id % s->n_slots != o.id % s->n_slots)
        at++;
    CHECK(at < SLOW_ORDERS_MAX);
    s->n_orders += at == s->n_orders;
    s->orders[at] = o;
    return &s->orders[at];
}

static inline uint32_t slow_sent(struct slow_orders *s, uint64_t id, const struct rl_request *r)
{
    slow_begin(s, NULL, RL_EVENT_SEND);
    if (!slow_can_use(s, id) || r->qty < 1 || r->qty > INT64_MAX)
        return slow_refuse(s, RL_ORDER_ILLEGAL);
    return slow_done(s, slow_new(s, (struct slow_order){.id = id, .as = *r}), 0);
}

static inline uint32_t slow_cancel_sent(struct slow_orders *s, uint64_t id, uint64_t of)
{
    struct slow_order *o = slow_find(s, of);

    slow_begin(s, NULL, RL_EVENT_CANCEL_SENT);
    if (o == NULL || o->what != SLOW_ORDER)
        return slow_refuse(s, RL_ORDER_UNKNOWN_ORDER);
    slow_begin(s, o, RL_EVENT_CANCEL_SENT);
    /* Nothing but the order's end stands in the way of a cancel. */
    if (o->end != SLOW_LIVES || !slow_can_use(s, id))
        return slow_refuse(s, RL_ORDER_ILLEGAL);
    if (o->cancel != 0)
        slow_find(s, o->cancel)->waits = false;
    slow_new(s, (struct slow_order){
                    .id = id, .what = SLOW_CANCEL, .as = o->as, .of = of, .waits = true});
    o = slow_find(s, of);
    o->cancel = id;
    return slow_done(s, o, 0);
}

static inline uint32_t slow_replace_sent(struct slow_orders *s, uint64_t id, uint64_t of,
                                         uint64_t qty, int64_t px)
{
    struct slow_order *o = slow_find(s, of), ask;

    slow_begin(s, NULL, RL_EVENT_REPLACE_SENT);
    if (o == NULL || o->what != SLOW_ORDER)
        return slow_refuse(s, RL_ORDER_UNKNOWN_ORDER);
    slow_begin(s, o, RL_EVENT_REPLACE_SENT);
    /* Only an order that is known to work, and of which nothing else is asked. */
    if (o->end != SLOW_LIVES || o->is_lost || o->cancel != 0 || o->replace != 0 ||
        (!o->is_acked && o->executed == 0) || !slow_can_use(s, id) || id <= of || qty < 1 ||
        qty > INT64_MAX)
        return slow_refuse(s, RL_ORDER_ILLEGAL);
    ask = (struct slow_order){.id = id, .what = SLOW_REPLACE, .as = o->as, .of = of, .waits = true};
    ask.as.qty = qty;
    ask.as.px_nano = px;
    slow_new(s, ask);
    o = slow_find(s, of);
    o->replace = id;
    return slow_done(s, o, 0);
}

#endif
