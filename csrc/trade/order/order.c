#include <errno.h>
#include <string.h>

#include "trade/order/order_inner.h"

#define N_SLOTS_MIN 64
#define N_SLOTS_MAX (1ULL << 24)

/* Words of each of the three bit sets, whole lines. */
static uint64_t n_words(uint64_t n_bits)
{
    return (n_bits + 511) / 512 * 8;
}

size_t rl_orders_bytes(uint64_t n_slots, uint64_t n_execs)
{
    size_t n_execs_bytes = rl_execs_bytes(n_execs);

    if (n_slots < N_SLOTS_MIN || n_slots > N_SLOTS_MAX || (n_slots & (n_slots - 1)) != 0 ||
        n_execs_bytes == 0)
        return 0;
    return n_slots * sizeof(struct rl_order) +
           (2 * n_words(n_slots) + n_words(n_slots / 64)) * sizeof(uint64_t) + n_execs_bytes;
}

int rl_orders_init(struct rl_orders *o, void *memory, uint64_t n_slots, uint64_t n_execs)
{
    uint64_t *words;

    if (rl_orders_bytes(n_slots, n_execs) == 0)
        return -EINVAL;
    memset(memory, 0, rl_orders_bytes(n_slots, n_execs));
    *o = (struct rl_orders){.slots = memory, .next = &rl_order_next, .mask = n_slots - 1};
    words = (uint64_t *)(o->slots + n_slots);
    o->open = words;
    o->taken = o->open + n_words(n_slots);
    o->open_words = o->taken + n_words(n_slots);
    return rl_execs_init(&o->execs, o->open_words + n_words(n_slots / 64), n_execs);
}

uint64_t rl_orders_reserved(const struct rl_orders *o, const struct rl_order *order,
                            int64_t *px_nano)
{
    const struct rl_order *replace = rl_orders_replace_of(o, order);
    int64_t px = order->px_nano;

    *px_nano = px;
    if (rl_state_is_terminal(order->state))
        return 0;
    if (replace == NULL)
        return rl_order_leaves(order);
    /* The price of a market order is the smallest integer: it has no limit, so it comes first. */
    if (px != RL_PX_NONE && (replace->px_nano == RL_PX_NONE ||
                             (__int128)replace->px_nano * replace->px_nano > (__int128)px * px))
        *px_nano = replace->px_nano;
    return rl_orders_total(o, order) - order->cum;
}

uint64_t rl_orders_skip(const struct rl_orders *o, struct rl_ids *ids)
{
    uint64_t slot = ids->next & o->mask, n_skipped = 0;

    if (rl_ids_peek(ids) == RL_ID_NONE)
        return RL_ID_NONE;
    while (n_skipped <= o->mask) {
        uint64_t at = (slot + n_skipped) & o->mask;
        uint64_t free_bits = ~o->taken[at / 64] >> at % 64;

        if (free_bits != 0) {
            n_skipped += (uint64_t)__builtin_ctzll(free_bits);
            break;
        }
        n_skipped += 64 - at % 64;
    }
    if (n_skipped > o->mask || n_skipped > ids->last - ids->next)
        return RL_ID_NONE;
    ids->next += n_skipped;
    return rl_ids_take(ids);
}

/* A slot for this id, or NULL: it is no id, its slot is not free, or it was used before. */
static struct rl_order *free_slot(const struct rl_orders *o, uint64_t id)
{
    struct rl_order *slot = rl_orders_slot(o, id);

    return id == RL_ID_NONE || rl_orders_is_taken(o, id) || slot->id == id ? NULL : slot;
}

uint32_t rl_orders_sent(struct rl_orders *o, uint64_t id, const struct rl_request *request,
                        struct rl_order_change *c)
{
    struct rl_order *order = free_slot(o, id);
    unsigned cell = (*o->next)[RL_STATE_NONE][RL_EVENT_SEND];

    rl_change_of_nothing(c, RL_EVENT_SEND);
    if (order == NULL || request->qty == 0 || request->qty > INT64_MAX || cell == RL_NEXT_ILLEGAL)
        return rl_change_refuse(o, c, RL_ORDER_ILLEGAL);
    *order = (struct rl_order){
        .id = id,
        .px_nano = request->px_nano,
        .qty = request->qty,
        .trigger = request->trigger,
        .instrument = request->scopes.instrument,
        .venue = request->scopes.venue,
        .account = request->scopes.account,
        .strategy = request->scopes.strategy,
        .side = request->side,
        .type = request->type,
        .time_in_force = request->time_in_force,
    };
    rl_orders_settle(o, order, rl_orders_next(o, order, cell));
    return rl_change_end(o, c, order, 0);
}

/* A pending request beside its order. */
static void open_request(struct rl_orders *o, struct rl_order *slot, const struct rl_order *order,
                         uint64_t id, unsigned flag)
{
    *slot = *order;
    slot->id = id;
    slot->link = order->id;
    slot->cum = 0;
    slot->cancel = 0;
    slot->flags = (uint8_t)flag;
    rl_orders_set_taken(o, id & o->mask);
}

uint32_t rl_orders_cancel_sent(struct rl_orders *o, uint64_t request_id, uint64_t order_id,
                               struct rl_order_change *c)
{
    struct rl_order *order = rl_orders_known(o, order_id), *slot;
    unsigned cell;

    rl_change_of_nothing(c, RL_EVENT_CANCEL_SENT);
    if (order == NULL || rl_order_is_request(order))
        return rl_change_refuse(o, c, RL_ORDER_UNKNOWN_ORDER);
    rl_change_begin(o, c, order, RL_EVENT_CANCEL_SENT);
    cell = (*o->next)[order->state][RL_EVENT_CANCEL_SENT];
    slot = free_slot(o, request_id);
    if (cell == RL_NEXT_ILLEGAL || slot == NULL || slot == order)
        return rl_change_refuse(o, c, RL_ORDER_ILLEGAL);
    if (order->cancel != 0) /* asked again: the older request is overtaken */
        rl_orders_close_request(o, &o->slots[order->cancel - 1], RL_STATE_REJECTED);
    open_request(o, slot, order, request_id, RL_SLOT_CANCEL);
    slot->state = RL_STATE_PENDING_CANCEL;
    o->n_cancels++;
    order->cancel = (uint32_t)(request_id & o->mask) + 1;
    rl_orders_settle(o, order, rl_orders_next(o, order, cell));
    return rl_change_end(o, c, order, 0);
}

uint32_t rl_orders_replace_sent(struct rl_orders *o, uint64_t new_id, uint64_t order_id,
                                uint64_t new_qty, int64_t new_px_nano, struct rl_order_change *c)
{
    struct rl_order *order = rl_orders_known(o, order_id), *slot;
    unsigned cell;

    rl_change_of_nothing(c, RL_EVENT_REPLACE_SENT);
    if (order == NULL || rl_order_is_request(order))
        return rl_change_refuse(o, c, RL_ORDER_UNKNOWN_ORDER);
    rl_change_begin(o, c, order, RL_EVENT_REPLACE_SENT);
    cell = (*o->next)[order->state][RL_EVENT_REPLACE_SENT];
    slot = free_slot(o, new_id);
    /* A chain of replaces only leads to younger ids: so it ends. */
    if (cell == RL_NEXT_ILLEGAL || slot == NULL || new_id <= order_id || new_qty == 0 ||
        new_qty > INT64_MAX || order->link != RL_ID_NONE)
        return rl_change_refuse(o, c, RL_ORDER_ILLEGAL);
    open_request(o, slot, order, new_id, RL_SLOT_REPLACE);
    slot->qty = new_qty;
    slot->px_nano = new_px_nano;
    slot->state = RL_STATE_PENDING_REPLACE;
    o->n_replaces++;
    order->link = new_id;
    rl_orders_settle(o, order, rl_orders_next(o, order, cell));
    return rl_change_end(o, c, order, 0);
}

uint64_t rl_orders_next_open(const struct rl_orders *o, uint64_t from)
{
    uint64_t word = from / 64, n_words_all = (o->mask + 1) / 64, bits;

    if (from > o->mask)
        return o->mask + 1;
    bits = o->open[word] & ~0ULL << from % 64;
    while (bits == 0) {
        uint64_t group = ++word / 64;

        if (word >= n_words_all)
            return o->mask + 1;
        bits = o->open_words[group] & ~0ULL << word % 64;
        if (bits == 0) { /* nothing in the rest of these 4096 */
            word = group * 64 + 63;
            continue;
        }
        word = group * 64 + (uint64_t)__builtin_ctzll(bits);
        bits = o->open[word];
    }
    return word * 64 + (uint64_t)__builtin_ctzll(bits);
}

uint64_t rl_orders_disconnect(struct rl_orders *o, unsigned venue,
                              void (*told)(void *context, const struct rl_order_change *c),
                              void *context)
{
    uint64_t n = 0;

    for (uint64_t slot = rl_orders_next_open(o, 0); slot <= o->mask;
         slot = rl_orders_next_open(o, slot + 1)) {
        struct rl_order_event e = {.id = o->slots[slot].id, .kind = RL_EVENT_DISCONNECT};
        struct rl_order_change c;

        if (o->slots[slot].venue != venue)
            continue;
        rl_orders_event(o, &e, &c);
        n++;
        if (told != NULL)
            told(context, &c);
    }
    return n;
}
