#include "rig/exchange/fix_gateway_table.h"

#include <errno.h>
#include <stddef.h>

/* --- names ------------------------------------------------------------------------------------ */

static void name(struct rl_fix_table *t, uint32_t id)
{
    uint32_t at = t->ids[id].hash & t->name_mask;

    while (t->names[at].id)
        at = (at + 1) & t->name_mask;
    t->names[at] = (struct rl_fix_slot_id){t->ids[id].hash, id + 1};
    t->ids[id].is_named = true;
}

/* What is behind in the row moves up, unless it would get before its home. */
static void unname(struct rl_fix_table *t, uint32_t id)
{
    uint32_t mask = t->name_mask, at = t->ids[id].hash & mask, next;

    if (!t->ids[id].is_named)
        return;
    t->ids[id].is_named = false;
    while (t->names[at].id != id + 1)
        at = (at + 1) & mask;
    for (next = (at + 1) & mask; t->names[next].id; next = (next + 1) & mask) {
        uint32_t home = t->names[next].hash & mask;

        if (((next - home) & mask) < ((next - at) & mask))
            continue;
        t->names[at] = t->names[next];
        at = next;
    }
    t->names[at].id = 0;
}

/* --- ids -------------------------------------------------------------------------------------- */

static void free_id(struct rl_fix_table *t, uint32_t id)
{
    unname(t, id);
    t->ids[id].state = RL_FIX_ID_FREE;
    t->ids[id].next = t->free_id;
    t->free_id = id;
}

void rl_fix_id_drop(struct rl_fix_table *t, uint32_t id)
{
    free_id(t, id);
}

void rl_fix_id_over(struct rl_fix_table *t, uint32_t id)
{
    t->ids[id].state = RL_FIX_ID_OVER;
    t->ids[id].next = RL_FIX_NONE;
    if (t->over_first == RL_FIX_NONE)
        t->over_first = id;
    else
        t->ids[t->over_last].next = id;
    t->over_last = id;
}

void rl_fix_id_forget(struct rl_fix_table *t, uint32_t id)
{
    unname(t, id);
}

static bool give_up_id(struct rl_fix_table *t)
{
    uint32_t id = t->over_first;

    if (id == RL_FIX_NONE)
        return false;
    t->over_first = t->ids[id].next;
    free_id(t, id);
    return true;
}

static bool give_up_order(struct rl_fix_table *t)
{
    uint32_t slot = t->ended_first;
    struct rl_fix_order *o;

    if (slot == RL_FIX_NONE)
        return false;
    o = &t->orders[slot];
    t->ended_first = o->next;
    while (o->pending != RL_FIX_NONE) { /* whose answer was lost */
        uint32_t id = o->pending;

        o->pending = t->ids[id].next;
        rl_fix_id_over(t, id);
    }
    free_id(t, o->current);
    o->state = RL_FIX_ORDER_FREE;
    o->next = t->free_order;
    t->free_order = slot;
    return true;
}

/* The same for the next id, and for where its old name is. */
static void expect_id(const struct rl_fix_table *t)
{
    uint32_t slot = t->free_id != RL_FIX_NONE ? t->free_id : t->over_first, next;

    if (slot == RL_FIX_NONE)
        return;
    if (t->ids[slot].is_named) /* fetched when the one before was taken */
        __builtin_prefetch(&t->names[t->ids[slot].hash & t->name_mask], 1);
    next = t->ids[slot].next;
    if (next == RL_FIX_NONE)
        return;
    __builtin_prefetch(&t->ids[next], 1);
    __builtin_prefetch((const char *)&t->ids[next] + RL_CACHE_LINE, 1);
}

uint32_t rl_fix_id_take(struct rl_fix_table *t, const struct rl_fix_key *k, char type,
                        enum rl_fix_id_state state, uint32_t order, uint64_t order_id)
{
    uint32_t slot;
    struct rl_fix_id *id;

    if (t->free_id == RL_FIX_NONE && !give_up_id(t) && !give_up_order(t))
        return RL_FIX_NONE;
    slot = t->free_id;
    id = &t->ids[slot];
    t->free_id = id->next;
    memcpy(id->text, k->text, sizeof id->text);
    id->order_id = order_id;
    id->order = order;
    id->hash = k->hash;
    id->handle = k->handle;
    id->next = RL_FIX_NONE;
    id->n = (uint8_t)k->n;
    id->state = (uint8_t)state;
    id->type = type;
    id->scope = 0;
    id->was_order = state == RL_FIX_ID_CURRENT;
    name(t, slot);
    expect_id(t);
    return slot;
}

/* --- orders ----------------------------------------------------------------------------------- */

/*
 * The next orders will have the slots that are free, or have been over for longest. Nobody has
 * looked at those for long, so they are fetched while there is time: the one after the next, and
 * the ClOrdID of the next, which is given up with it.
 */
static void expect_order(const struct rl_fix_table *t)
{
    uint32_t slot = t->free_order != RL_FIX_NONE ? t->free_order : t->ended_first, next;

    if (slot == RL_FIX_NONE)
        return;
    if (t->free_order == RL_FIX_NONE)
        __builtin_prefetch((const char *)&t->ids[t->orders[slot].current] + RL_CACHE_LINE, 1);
    next = t->orders[slot].next;
    if (next == RL_FIX_NONE)
        return;
    __builtin_prefetch(&t->orders[next], 1);
    __builtin_prefetch((const char *)&t->orders[next] + RL_CACHE_LINE, 1);
}

uint32_t rl_fix_order_take(struct rl_fix_table *t)
{
    struct rl_fix_order *o;
    uint32_t slot;

    if (t->free_order == RL_FIX_NONE && !give_up_order(t))
        return RL_FIX_NONE;
    slot = t->free_order;
    o = &t->orders[slot];
    t->free_order = o->next;
    memset(o, 0, offsetof(struct rl_fix_order, stop_px_nano));
    o->state = RL_FIX_ORDER_ASKED;
    o->current = o->pending = o->next = RL_FIX_NONE;
    t->n_live++;
    expect_order(t);
    return slot;
}

void rl_fix_order_drop(struct rl_fix_table *t, uint32_t order)
{
    t->orders[order].state = RL_FIX_ORDER_FREE;
    t->orders[order].next = t->free_order;
    t->free_order = order;
    t->n_live--;
}

void rl_fix_order_end(struct rl_fix_table *t, uint32_t order, char status)
{
    struct rl_fix_order *o = &t->orders[order];

    o->state = RL_FIX_ORDER_ENDED;
    o->status = status;
    o->leaves = 0;
    o->next = RL_FIX_NONE;
    if (t->ended_first == RL_FIX_NONE)
        t->ended_first = order;
    else
        t->orders[t->ended_last].next = order;
    t->ended_last = order;
    t->n_live--;
}

void rl_fix_order_wait(struct rl_fix_table *t, uint32_t order, uint32_t id)
{
    uint32_t *at = &t->orders[order].pending;

    while (*at != RL_FIX_NONE)
        at = &t->ids[*at].next;
    t->ids[id].next = RL_FIX_NONE;
    *at = id;
}

void rl_fix_order_answered(struct rl_fix_table *t, uint32_t order, uint32_t id)
{
    uint32_t *at = &t->orders[order].pending;

    while (*at != RL_FIX_NONE && *at != id)
        at = &t->ids[*at].next;
    if (*at == id)
        *at = t->ids[id].next;
}

uint32_t rl_fix_order_waiting(const struct rl_fix_table *t, uint32_t order, char type)
{
    uint32_t id = t->orders[order].pending;

    while (id != RL_FIX_NONE && t->ids[id].type != type)
        id = t->ids[id].next;
    return id;
}

/* --- set-up ----------------------------------------------------------------------------------- */

/* At most half full. */
static uint32_t name_slots(uint32_t n_ids)
{
    uint32_t n = 16;

    while (n < 2 * (uint64_t)n_ids && n < 1u << 31)
        n *= 2;
    return n;
}

size_t rl_fix_table_bytes(uint32_t n_orders, uint32_t n_ids)
{
    return n_orders * sizeof(struct rl_fix_order) + n_ids * sizeof(struct rl_fix_id) +
           name_slots(n_ids) * sizeof(struct rl_fix_slot_id) + 3 * RL_FIX_PAIR;
}

int rl_fix_table_init(struct rl_fix_table *t, struct rl_arena *arena, uint32_t n_orders,
                      uint32_t n_ids, uint64_t seed)
{
    uint32_t n_names = name_slots(n_ids);

    if (n_orders == 0 || n_orders > 1u << 28 || n_ids / 2 < n_orders || n_ids > 1u << 30)
        return -EINVAL;
    *t = (struct rl_fix_table){.n_orders = n_orders,
                               .n_ids = n_ids,
                               .name_mask = n_names - 1,
                               .ended_first = RL_FIX_NONE,
                               .over_first = RL_FIX_NONE,
                               .seed = seed};
    t->orders = rl_arena_take(arena, n_orders * sizeof *t->orders, RL_FIX_PAIR);
    t->ids = rl_arena_take(arena, n_ids * sizeof *t->ids, RL_FIX_PAIR);
    t->names = rl_arena_take(arena, n_names * sizeof *t->names, RL_CACHE_LINE);
    if (!t->orders || !t->ids || !t->names)
        return -ENOMEM;
    for (uint32_t i = 0; i < n_orders; i++) {
        t->orders[i].state = RL_FIX_ORDER_FREE;
        t->orders[i].next = i + 1 < n_orders ? i + 1 : RL_FIX_NONE;
    }
    for (uint32_t i = 0; i < n_ids; i++) {
        t->ids[i].state = RL_FIX_ID_FREE;
        t->ids[i].next = i + 1 < n_ids ? i + 1 : RL_FIX_NONE;
    }
    memset(t->names, 0, n_names * sizeof *t->names);
    return 0;
}

/* --- integrity -------------------------------------------------------------------------------- */

static int bad(const char **what, const char *why)
{
    *what = why;
    return -EBADMSG;
}

static int check_names(const struct rl_fix_table *t, const char **what)
{
    uint32_t n_named = 0, n_names = 0;

    for (uint32_t i = 0; i < t->n_ids; i++) {
        const struct rl_fix_id *id = &t->ids[i];
        struct rl_fix_key k;

        if (!id->is_named)
            continue;
        n_named++;
        rl_fix_key_make(t, &k, id->handle, id->text, id->n);
        if (id->state == RL_FIX_ID_FREE || id->hash != k.hash || rl_fix_id_find(t, &k) != i)
            return bad(what, "an id is not where its name says");
    }
    for (uint32_t i = 0; i <= t->name_mask; i++)
        n_names += t->names[i].id != 0;
    return n_names == n_named ? 0 : bad(what, "names of no id");
}

static int check_order(const struct rl_fix_table *t, uint32_t slot, uint32_t *n_pending,
                       const char **what)
{
    const struct rl_fix_order *o = &t->orders[slot];

    if (o->current >= t->n_ids || t->ids[o->current].state != RL_FIX_ID_CURRENT ||
        rl_fix_order_of(t, o->current) != slot)
        return bad(what, "an order without ClOrdID");
    if (o->state != RL_FIX_ORDER_ENDED && o->leaves + o->cum != o->qty)
        return bad(what, "OrderQty is not LeavesQty and CumQty");
    for (uint32_t id = o->pending; id != RL_FIX_NONE; id = t->ids[id].next) {
        if (++*n_pending > t->n_ids || t->ids[id].state != RL_FIX_ID_PENDING)
            return bad(what, "a request of an order that does not wait");
        if (rl_fix_order_of(t, id) != slot)
            return bad(what, "a request that waits for another order");
    }
    return 0;
}

int rl_fix_table_check(const struct rl_fix_table *t, const char **what)
{
    uint32_t n_live = 0, n_queued = 0, n_used = 0, n_pending = 0, n_ended = 0, n_listed = 0;
    uint32_t n_over = 0, n_free = 0, states[4] = {0};

    for (uint32_t i = 0; i < t->n_orders; i++) {
        unsigned state = t->orders[i].state;

        if (state == RL_FIX_ORDER_FREE)
            continue;
        n_used++;
        n_live += state != RL_FIX_ORDER_ENDED;
        n_ended += state == RL_FIX_ORDER_ENDED;
        if (check_order(t, i, &n_pending, what))
            return -EBADMSG;
    }
    if (n_live != t->n_live)
        return bad(what, "live orders are miscounted");
    for (uint32_t i = t->ended_first; i != RL_FIX_NONE && n_queued <= n_ended;
         i = t->orders[i].next)
        n_queued++;
    for (uint32_t i = t->free_order; i != RL_FIX_NONE && n_listed <= t->n_orders;
         i = t->orders[i].next)
        n_listed++;
    if (n_queued != n_ended || n_listed + n_used != t->n_orders)
        return bad(what, "an order is in no list, or in two");
    for (uint32_t i = 0; i < t->n_ids; i++)
        states[t->ids[i].state & 3]++;
    for (uint32_t i = t->over_first; i != RL_FIX_NONE && n_over <= t->n_ids; i = t->ids[i].next)
        n_over++;
    for (uint32_t i = t->free_id; i != RL_FIX_NONE && n_free <= t->n_ids; i = t->ids[i].next)
        n_free++;
    if (n_over != states[RL_FIX_ID_OVER] || n_free != states[RL_FIX_ID_FREE] ||
        n_used != states[RL_FIX_ID_CURRENT])
        return bad(what, "an id is in no list, or in two");
    return check_names(t, what);
}
