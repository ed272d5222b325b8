/*
 * order_pair - the order table and its slow reference, given the same and asked the same.
 */
#ifndef RL_TESTS_ORDER_PAIR_H
#define RL_TESTS_ORDER_PAIR_H

#include "slow_orders_event.h"

#define PAIR_SLOTS 64
#define PAIR_EXECS 16

enum pair_what { PAIR_SEND, PAIR_CANCEL, PAIR_REPLACE, PAIR_EVENT, PAIR_DISCONNECT };

/* One thing to do; which members count depends on `what`. */
struct pair_op {
    enum pair_what what;
    uint64_t id, order_id;
    struct rl_request request; /* SEND; REPLACE: quantity and price; DISCONNECT: venue */
    struct rl_order_event event;
};

struct pair {
    RL_ALIGNED uint8_t memory[6144];
    struct rl_orders o;
    struct slow_orders s;
    struct rl_order_change c; /* of the last step */
    const char *differs;      /* what disagreed, NULL: nothing did */
};

static inline void pair_init(struct pair *p)
{
    CHECK(rl_orders_bytes(PAIR_SLOTS, PAIR_EXECS) <= sizeof(p->memory));
    CHECK_EQ(rl_orders_init(&p->o, p->memory, PAIR_SLOTS, PAIR_EXECS), 0);
    slow_init(&p->s, PAIR_SLOTS, PAIR_EXECS);
    p->o.execs.next = UINT32_MAX - 5; /* the count of executions wraps soon */
    p->differs = NULL;
}

/* Both as 64-bit integers; a difference is noted in words. */
#define PAIR_SAME(p, ours, theirs)                   \
    do {                                             \
        if ((uint64_t)(ours) != (uint64_t)(theirs))  \
            (p)->differs = #ours " is not " #theirs; \
    } while (0)

static inline void pair_compare_said(struct pair *p)
{
    const struct rl_order_change *c = &p->c;
    const struct slow_said *said = &p->s.said;

    PAIR_SAME(p, c->flags, said->flags);
    PAIR_SAME(p, c->kind, said->kind);
    PAIR_SAME(p, c->exec, said->exec);
    PAIR_SAME(p, c->d_qty, said->d_qty);
    PAIR_SAME(p, c->px_nano, said->px);
    PAIR_SAME(p, c->undo_qty, said->undo_qty);
    PAIR_SAME(p, c->undo_px_nano, said->undo_px);
    PAIR_SAME(p, c->was.id, said->was_id);
    PAIR_SAME(p, c->was.state, said->was_state);
    PAIR_SAME(p, c->order == NULL ? 0 : c->order->id, said->id);
    PAIR_SAME(p, c->order == NULL ? 0 : c->order->state, said->state);
    PAIR_SAME(p, c->was_reserved_qty, said->was_qty);
    PAIR_SAME(p, c->now_reserved_qty, said->now_qty);
    PAIR_SAME(p, c->was_reserved_px_nano, said->was_px);
    PAIR_SAME(p, c->now_reserved_px_nano, said->now_px);
}

static inline void pair_compare_slots(struct pair *p)
{
    uint64_t n_known = 0;

    for (uint64_t at = 0; at <= p->o.mask; at++)
        n_known += p->o.slots[at].id != RL_ID_NONE;
    PAIR_SAME(p, n_known, p->s.n_orders);
    PAIR_SAME(p, p->o.execs.n, p->s.n_execs);
    for (uint32_t i = 0; i < p->s.n_orders; i++) {
        const struct slow_order *theirs = &p->s.orders[i];
        const struct rl_order *ours = rl_orders_slot(&p->o, theirs->id);

        PAIR_SAME(p, ours->id, theirs->id);
        PAIR_SAME(p, ours->state, slow_state(theirs));
        PAIR_SAME(p, ours->qty, theirs->as.qty);
        PAIR_SAME(p, ours->px_nano, theirs->as.px_nano);
        PAIR_SAME(p, ours->side, theirs->as.side);
        PAIR_SAME(p, ours->trigger, theirs->as.trigger);
        PAIR_SAME(p, ours->instrument, theirs->as.scopes.instrument);
        PAIR_SAME(p, (ours->flags & RL_SLOT_CANCEL) != 0, theirs->what == SLOW_CANCEL);
        PAIR_SAME(p, (ours->flags & RL_SLOT_REPLACE) != 0, theirs->what == SLOW_REPLACE);
        PAIR_SAME(p, (ours->flags & RL_SLOT_ANSWERED) != 0, theirs->was_answered);
        if (theirs->what != SLOW_ORDER)
            continue;
        PAIR_SAME(p, ours->cum, theirs->executed);
        PAIR_SAME(p, (ours->flags & RL_SLOT_ACKED) != 0, theirs->is_acked);
    }
}

/* The disconnect of a venue, an order at a time as the table tells it. */
struct pair_told {
    struct pair *p;
    uint64_t n;
};

static inline void pair_on_told(void *context, const struct rl_order_change *c)
{
    struct pair_told *told = context;
    struct rl_order_event e = {.id = c->was.id, .kind = RL_EVENT_DISCONNECT};

    told->n++;
    slow_event(&told->p->s, &e);
    told->p->c = *c;
    pair_compare_said(told->p);
}

static inline void pair_disconnect(struct pair *p, uint8_t venue)
{
    struct pair_told told = {.p = p};
    uint64_t n_live = 0;

    for (uint32_t i = 0; i < p->s.n_orders; i++) {
        const struct slow_order *o = &p->s.orders[i];

        n_live += o->what == SLOW_ORDER && o->end == SLOW_LIVES && o->as.scopes.venue == venue;
    }
    PAIR_SAME(p, rl_orders_disconnect(&p->o, venue, pair_on_told, &told), n_live);
    PAIR_SAME(p, told.n, n_live);
}

/* Does it on both sides; false when they disagree or the table is not sound (p->differs). */
static inline bool pair_step(struct pair *p, const struct pair_op *op)
{
    const struct rl_request *r = &op->request;
    const char *why = NULL;
    uint32_t flags = 0;

    p->differs = NULL;
    switch (op->what) {
    case PAIR_SEND:
        flags = rl_orders_sent(&p->o, op->id, r, &p->c);
        slow_sent(&p->s, op->id, r);
        break;
    case PAIR_CANCEL:
        flags = rl_orders_cancel_sent(&p->o, op->id, op->order_id, &p->c);
        slow_cancel_sent(&p->s, op->id, op->order_id);
        break;
    case PAIR_REPLACE:
        flags = rl_orders_replace_sent(&p->o, op->id, op->order_id, r->qty, r->px_nano, &p->c);
        slow_replace_sent(&p->s, op->id, op->order_id, r->qty, r->px_nano);
        break;
    case PAIR_EVENT:
        flags = rl_orders_event(&p->o, &op->event, &p->c);
        slow_event(&p->s, &op->event);
        break;
    case PAIR_DISCONNECT:
        pair_disconnect(p, r->scopes.venue);
        break;
    }
    if (op->what != PAIR_DISCONNECT) {
        PAIR_SAME(p, flags, p->c.flags);
        pair_compare_said(p);
    }
    if (p->differs == NULL)
        pair_compare_slots(p);
    if (rl_orders_check(&p->o, &why) != 0)
        p->differs = why;
    return p->differs == NULL;
}

static inline void pair_print(const struct pair *p, const struct pair_op *op, const char *where)
{
    const struct rl_order_event *e = &op->event;
    const struct slow_said *said = &p->s.said;

    fprintf(stderr, "%s: %s\n", where, p->differs);
    fprintf(stderr,
            "  what %d id %" PRIx64 " order %" PRIx64 " qty %" PRIu64 " px %" PRId64
            "\n  event '%s' id %" PRIx64 " orig %" PRIx64 " exec %" PRIu64 " ref %" PRIu64
            " qty %" PRIu64 " px %" PRId64 "\n",
            op->what, op->id, op->order_id, op->request.qty, op->request.px_nano,
            rl_order_event_name(e->kind), e->id, e->orig_id, e->exec, e->ref_exec, e->qty,
            e->px_nano);
    fprintf(stderr, "  ours: '%s' -> '%s' flags %x; reference: '%s' -> '%s' flags %x\n",
            rl_order_state_name(p->c.was.state),
            rl_order_state_name(p->c.order == NULL ? 0 : p->c.order->state), p->c.flags,
            rl_order_state_name((unsigned)said->was_state),
            rl_order_state_name((unsigned)said->state), (unsigned)said->flags);
}

/* The same, where a difference ends the test. */
static inline uint32_t pair_do(struct pair *p, struct pair_op op)
{
    if (!pair_step(p, &op)) {
        pair_print(p, &op, "the order table and its reference disagree");
        exit(1);
    }
    return p->c.flags;
}

/* ---- Scripts read better so ----------------------------------------------------------------- */

#define PAIR_PX 100

static inline uint32_t pair_send(struct pair *p, uint64_t id, uint64_t qty)
{
    return pair_do(
        p,
        (struct pair_op){.what = PAIR_SEND, .id = id, .request = {.qty = qty, .px_nano = PAIR_PX}});
}

static inline uint32_t pair_cancel(struct pair *p, uint64_t id, uint64_t order_id)
{
    return pair_do(p, (struct pair_op){.what = PAIR_CANCEL, .id = id, .order_id = order_id});
}

static inline uint32_t pair_replace(struct pair *p, uint64_t id, uint64_t order_id, uint64_t qty,
                                    int64_t px)
{
    return pair_do(p, (struct pair_op){.what = PAIR_REPLACE,
                                       .id = id,
                                       .order_id = order_id,
                                       .request = {.qty = qty, .px_nano = px}});
}

static inline uint32_t pair_event(struct pair *p, struct rl_order_event e)
{
    return pair_do(p, (struct pair_op){.what = PAIR_EVENT, .event = e});
}

/* An answer without quantity and price: (id), or (id, orig). */
static inline uint32_t pair_says(struct pair *p, unsigned kind, uint64_t id, uint64_t orig_id)
{
    return pair_event(
        p, (struct rl_order_event){
               .kind = (uint8_t)kind, .id = id, .orig_id = orig_id, .px_nano = RL_PX_NONE});
}

static inline uint32_t pair_fill(struct pair *p, uint64_t id, uint64_t exec, uint64_t qty)
{
    return pair_event(
        p, (struct rl_order_event){
               .kind = RL_EVENT_FILL, .id = id, .exec = exec, .qty = qty, .px_nano = PAIR_PX});
}

static inline unsigned pair_state(struct pair *p, uint64_t id)
{
    const struct rl_order *order = rl_orders_find(&p->o, id);

    return order == NULL ? RL_STATE_NONE : order->state;
}

static inline uint64_t pair_cum(struct pair *p, uint64_t id)
{
    const struct rl_order *order = rl_orders_find(&p->o, id);

    CHECK(order != NULL);
    return order->cum;
}

#endif
