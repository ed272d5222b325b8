/* Events that answer a request, and are of no order: refusals, the end of a mass cancel. */
#include "rig/exchange/fix_gateway_inner.h"

/* The request that an event answers; RL_FIX_NONE: it is none of this session that waits. */
static uint32_t request_of(const struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                           const struct rl_match_event *e)
{
    uint32_t id = (uint32_t)(e->user >> 32);

    return id < g->table.n_ids && g->table.ids[id].state == RL_FIX_ID_PENDING &&
                   g->table.ids[id].order_id == e->id && g->table.ids[id].handle == s->handle
               ? id
               : RL_FIX_NONE;
}

void rl_fix_on_refused(struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                       const struct rl_match_event *e)
{
    struct rl_fix_table *t = &g->table;
    uint32_t id = request_of(g, s, e), slot;
    struct rl_fix_why why = rl_fix_why_of(e->reason);
    const struct rl_fix_order *o;

    slot = id == RL_FIX_NONE ? RL_FIX_NONE : rl_fix_order_of(t, id);
    if (slot == RL_FIX_NONE) {
        g->n.events_odd++;
        return;
    }
    o = &t->orders[slot];
    rl_fix_order_answered(t, slot, id);
    rl_fix_say_cancel_reject(
        g, s,
        &(struct rl_fix_refusal_report){.cl_ord_id = rl_fix_id_text(g, id),
                                        .orig = rl_fix_id_text(g, o->current),
                                        .order_id = o->id,
                                        .time_ns = e->ts_ns,
                                        .status = rl_fix_status_of(g, s, o),
                                        .response_to = t->ids[id].type == 'F' ? '1' : '2',
                                        .why = &why});
    rl_fix_id_over(t, id);
}

void rl_fix_on_mass_cancelled(struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                              const struct rl_match_event *e)
{
    uint32_t id = request_of(g, s, e);

    if (id == RL_FIX_NONE || g->table.ids[id].type != 'q')
        return; /* the venue's own, or of a disconnect */
    rl_fix_say_mass(g, s,
                    &(struct rl_fix_mass_said){.cl_ord_id = rl_fix_id_text(g, id),
                                               .number = e->id,
                                               .scope = g->table.ids[id].scope,
                                               .is_done = true,
                                               .n_orders = e->qty,
                                               .time_ns = e->ts_ns});
    rl_fix_id_over(&g->table, id);
}
