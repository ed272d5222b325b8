/* Members, slots, time. What comes in is in ouch_gateway_in.c, what goes out in ..._out.c. */
#include "rig/exchange/ouch_gateway.h"

#include <errno.h>

#include "rig/exchange/ouch_gateway_inner.h"

const char *const rl_ouch_gateway_counter_names[] = {
#define NAME(name, what) #name,
    RL_OUCH_GATEWAY_COUNTERS(NAME)
#undef NAME
        NULL};

/* --- slots ------------------------------------------------------------------------------------ */

static void push_free(struct rl_ouch_gateway *g, uint32_t slot)
{
    g->orders[slot].next = RL_OUCH_NO_SLOT;
    if (g->free_first == RL_OUCH_NO_SLOT)
        g->free_first = slot;
    else
        g->orders[g->free_last].next = slot;
    g->free_last = slot;
}

struct rl_ouch_order *rl_ouch_take(struct rl_ouch_gateway *g, uint32_t member, uint32_t ref)
{
    uint32_t slot = g->free_first, at;
    struct rl_ouch_order *o;

    if (RL_UNLIKELY(slot == RL_OUCH_NO_SLOT))
        return NULL;
    o = &g->orders[slot];
    g->free_first = o->next;
    if (o->next != RL_OUCH_NO_SLOT)
        __builtin_prefetch(&g->orders[o->next], 1);
    *o = (struct rl_ouch_order){.ref = ref, .member = member, .next = RL_OUCH_NO_SLOT};
    at = rl_ouch_home(g, member, ref);
    while (g->table[at] != 0)
        at = (at + 1) & g->table_mask;
    g->table[at] = slot + 1;
    g->n_taken++;
    return o;
}

/* Takes the slot out of the table; what follows it moves up, so that no search ends too early. */
static void unlist(struct rl_ouch_gateway *g, const struct rl_ouch_order *o)
{
    uint32_t mask = g->table_mask, hole = rl_ouch_home(g, o->member, o->ref);

    while (g->table[hole] != 1 + (uint32_t)(o - g->orders))
        hole = (hole + 1) & mask;
    for (uint32_t at = (hole + 1) & mask; g->table[at] != 0; at = (at + 1) & mask) {
        const struct rl_ouch_order *other = &g->orders[g->table[at] - 1];
        uint32_t home = rl_ouch_home(g, other->member, other->ref);

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            g->table[hole] = g->table[at];
            hole = at;
        }
    }
    g->table[hole] = 0;
}

void rl_ouch_release(struct rl_ouch_gateway *g, struct rl_ouch_order *o)
{
    if (o->state == RL_OUCH_FREE)
        return;
    unlist(g, o);
    o->state = RL_OUCH_FREE;
    g->n_taken--;
    push_free(g, (uint32_t)(o - g->orders));
}

/* --- members ---------------------------------------------------------------------------------- */

int rl_ouch_gateway_join(struct rl_ouch_gateway *g, const struct rl_ouch_member_config *config)
{
    struct rl_venue_member_config joins = {.told = rl_ouch_hear,
                                           .context = g,
                                           .cancels_on_disconnect = config->cancels_on_disconnect,
                                           .rate_per_s = config->rate_per_s,
                                           .burst = config->burst};
    struct rl_ouch_member *m;
    int member;

    if (config->firms[0][0] == '\0' || config->stp >= RL_MATCH_N_STPS)
        return -EINVAL;
    if (g->venue->n_members >= g->n_members) /* asked first: a member of the venue stays one */
        return -ENOSPC;
    member = rl_venue_join(g->venue, &joins);
    if (member < 0)
        return member;
    m = &g->members[member];
    *m = (struct rl_ouch_member){.config = *config, .is_joined = true, .is_connected = true};
    if (m->config.max_shares == 0 || m->config.max_shares > RL_OUCH_QTY_MAX)
        m->config.max_shares = RL_OUCH_QTY_MAX;
    while (m->n_firms < RL_OUCH_GATEWAY_FIRMS && config->firms[m->n_firms][0] != '\0') {
        rl_put_alpha(m->firms[m->n_firms], config->firms[m->n_firms], RL_OUCH_FIRM);
        m->n_firms++;
    }
    return member;
}

static bool is_ours(const struct rl_ouch_gateway *g, uint32_t member)
{
    return member < g->n_members && g->members[member].is_joined;
}

void rl_ouch_gateway_connect(struct rl_ouch_gateway *g, uint32_t member)
{
    if (!is_ours(g, member))
        return;
    g->members[member].is_connected = true;
    rl_venue_connect(g->venue, member);
}

void rl_ouch_gateway_disconnect(struct rl_ouch_gateway *g, uint32_t member, uint64_t now_ns)
{
    if (!is_ours(g, member) || !g->members[member].is_connected)
        return;
    g->now_ns = now_ns > g->now_ns ? now_ns : g->now_ns;
    g->members[member].is_connected = false;
    rl_venue_disconnect(g->venue, member, now_ns);
}

/* --- days ------------------------------------------------------------------------------------- */

void rl_ouch_gateway_system(struct rl_ouch_gateway *g, uint8_t event, uint64_t now_ns)
{
    g->now_ns = now_ns > g->now_ns ? now_ns : g->now_ns;
    for (uint32_t i = 0; i < g->n_members; i++) {
        if (!g->members[i].is_joined)
            continue;
        if (event == 'S')
            g->members[i].last_ref = 0;
        rl_ouch_tell(g, i, &(struct rl_ouch_out){.type = 'S', .event = event});
    }
}

/* --- set-up ----------------------------------------------------------------------------------- */

static uint32_t table_size(uint32_t n_slots)
{
    uint32_t n = 64;

    while (n < 4 * (uint64_t)n_slots)
        n *= 2;
    return n;
}

/* The table's numbers have 32 bits, and its size four times as many places. */
#define MAX_SLOTS (1u << 28)

size_t rl_ouch_gateway_bytes(const struct rl_ouch_gateway_config *config)
{
    if (config->n_slots == 0 || config->n_slots > MAX_SLOTS || config->n_members == 0)
        return 0;
    return config->n_slots * (sizeof(struct rl_ouch_order) + (size_t)RL_OUCH_GATEWAY_OPTIONS) +
           table_size(config->n_slots) * sizeof(uint32_t) +
           config->n_members * sizeof(struct rl_ouch_member) + 5 * RL_CACHE_LINE;
}

int rl_ouch_gateway_init(struct rl_ouch_gateway *g, struct rl_arena *arena,
                         const struct rl_ouch_gateway_config *config, struct rl_venue *venue,
                         rl_ouch_gateway_send *send, void *context)
{
    uint32_t n_table;

    if (rl_ouch_gateway_bytes(config) == 0 || !send || config->utc_offset_s <= -86400 ||
        config->utc_offset_s >= 86400)
        return -EINVAL;
    n_table = table_size(config->n_slots);
    *g = (struct rl_ouch_gateway){.venue = venue,
                                  .send = send,
                                  .context = context,
                                  .n_members = config->n_members,
                                  .n_slots = config->n_slots,
                                  .free_first = RL_OUCH_NO_SLOT,
                                  .free_last = RL_OUCH_NO_SLOT,
                                  .table_mask = n_table - 1,
                                  .utc_offset_ns = (int64_t)config->utc_offset_s * 1000000000};
    g->members = rl_arena_take(arena, g->n_members * sizeof *g->members, RL_CACHE_LINE);
    g->orders = rl_arena_take(arena, g->n_slots * sizeof *g->orders, RL_CACHE_LINE);
    g->options = rl_arena_take(arena, g->n_slots * sizeof *g->options, RL_CACHE_LINE);
    g->table = rl_arena_take(arena, n_table * sizeof *g->table, RL_CACHE_LINE);
    if (!g->members || !g->orders || !g->options || !g->table)
        return -ENOMEM;
    memset(g->members, 0, g->n_members * sizeof *g->members);
    memset(g->orders, 0, g->n_slots * sizeof *g->orders);
    memset(g->table, 0, n_table * sizeof *g->table);
    for (uint32_t i = 0; i < g->n_slots; i++)
        push_free(g, i);
    return 0;
}

/* --- integrity -------------------------------------------------------------------------------- */

static const char *check_orders(const struct rl_ouch_gateway *g, uint32_t *n_taken)
{
    for (uint32_t i = 0; i < g->n_slots; i++) {
        const struct rl_ouch_order *o = &g->orders[i];

        if (o->state > RL_OUCH_REPLACING)
            return "an order has a state that is none";
        if (o->state == RL_OUCH_FREE)
            continue;
        ++*n_taken;
        if (rl_ouch_find((struct rl_ouch_gateway *)g, o->member, o->ref) != o)
            return "an order is not found by its UserRefNum";
        if (!is_ours(g, o->member))
            return "an order is nobody's";
        if (o->done > o->total)
            return "more was executed than was ordered";
    }
    return NULL;
}

int rl_ouch_gateway_check(const struct rl_ouch_gateway *g, const char **what)
{
    uint32_t n_taken = 0, n_free = 0, n_listed = 0;

    *what = check_orders(g, &n_taken);
    for (uint32_t i = 0; i <= g->table_mask; i++)
        n_listed += g->table[i] != 0;
    for (uint32_t i = g->free_first; i != RL_OUCH_NO_SLOT && n_free <= g->n_slots;
         i = g->orders[i].next) {
        n_free++;
        if (g->orders[i].state != RL_OUCH_FREE)
            *what = "an order in the list of free slots lives";
    }
    if (!*what && n_taken != g->n_taken)
        *what = "the count of slots taken is wrong";
    if (!*what && n_listed != n_taken)
        *what = "the table names orders that have ended";
    if (!*what && n_free + n_taken != g->n_slots)
        *what = "slots are neither free nor taken";
    return *what ? -EBADMSG : 0;
}
