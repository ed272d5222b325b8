#include "rig/exchange/fix_gateway.h"

#include <errno.h>

#include "market/fix/value.h"
#include "rig/exchange/fix_gateway_inner.h"

const char *const rl_fix_gateway_counter_names[] = {
#define NAME(name, what) #name,
    RL_FIX_GATEWAY_COUNTERS(NAME)
#undef NAME
        NULL};

int rl_fix_version_of(const char *begin_string, char appl_ver_id)
{
    static const char *const names[] = {"FIX.4.0", "FIX.4.1", "FIX.4.2", "FIX.4.3", "FIX.4.4"};

    for (uint32_t i = 0; i < RL_COUNT(names); i++)
        if (strcmp(begin_string, names[i]) == 0)
            return RL_FIX_40 + (int)i;
    if (strcmp(begin_string, "FIXT.1.1") != 0)
        return -EINVAL;
    if (appl_ver_id == 0)
        return RL_FIX_50;
    return appl_ver_id >= '7' && appl_ver_id <= '9' ? RL_FIX_50 + (appl_ver_id - '7') : -EINVAL;
}

/* --- messages --------------------------------------------------------------------------------- */

typedef enum rl_fix_gateway_result take(const struct rl_fix_work *w);

static take *taker_of(uint32_t type)
{
    switch (type) {
    case RL_FIX_TYPE1('D'):
        return rl_fix_take_order;
    case RL_FIX_TYPE1('F'):
        return rl_fix_take_cancel;
    case RL_FIX_TYPE1('G'):
        return rl_fix_take_replace;
    case RL_FIX_TYPE1('H'):
        return rl_fix_take_status;
    case RL_FIX_TYPE1('q'):
        return rl_fix_take_mass_cancel;
    case RL_FIX_TYPE2('A', 'F'):
        return rl_fix_take_mass_status;
    default:
        return NULL;
    }
}

enum rl_fix_gateway_result rl_fix_gateway_message(struct rl_fix_gateway *g, uint32_t handle,
                                                  const struct rl_fix_msg *msg, uint64_t now_ns,
                                                  struct rl_fix_gateway_refusal *why)
{
    struct rl_fix_picked picked;
    struct rl_fix_work w = {.g = g, .p = &picked, .now_ns = now_ns, .why = why};
    take *taker = taker_of(msg->type);
    enum rl_fix_gateway_result result;

    if (handle >= g->n_sessions || !taker)
        return RL_FIX_GATEWAY_NOT_MINE;
    w.s = &g->sessions[handle];
    g->n.messages++;
    result = rl_fix_pick(&picked, msg, why) ? taker(&w) : RL_FIX_GATEWAY_REFUSED;
    g->n.refused += result == RL_FIX_GATEWAY_REFUSED;
    return result;
}

/* --- sessions --------------------------------------------------------------------------------- */

int rl_fix_gateway_join(struct rl_fix_gateway *g,
                        const struct rl_fix_gateway_session_config *config)
{
    struct rl_fix_gateway_session *s = &g->sessions[g->n_sessions];
    int member;

    if (config->version >= RL_FIX_N_VERSIONS || config->stp >= RL_MATCH_N_STPS)
        return -EINVAL;
    if (g->n_sessions == g->n_sessions_max)
        return -ENOSPC;
    member = rl_venue_join(g->venue, &(struct rl_venue_member_config){
                                         .told = rl_fix_gateway_told,
                                         .context = s,
                                         .cancels_on_disconnect = config->cancels_on_disconnect,
                                         .rate_per_s = config->rate_per_s,
                                         .burst = config->burst});
    if (member < 0)
        return member;
    *s = (struct rl_fix_gateway_session){
        .gateway = g, .config = *config, .handle = g->n_sessions, .member = (uint32_t)member};
    return (int)g->n_sessions++;
}

void rl_fix_gateway_connect(struct rl_fix_gateway *g, uint32_t handle)
{
    if (handle < g->n_sessions)
        rl_venue_connect(g->venue, g->sessions[handle].member);
}

void rl_fix_gateway_disconnect(struct rl_fix_gateway *g, uint32_t handle, uint64_t now_ns)
{
    if (handle < g->n_sessions)
        rl_venue_disconnect(g->venue, g->sessions[handle].member, now_ns);
}

void rl_fix_gateway_forget(struct rl_fix_gateway *g, uint32_t handle)
{
    struct rl_fix_table *t = &g->table;

    for (uint32_t i = 0; i < t->n_ids; i++) {
        const struct rl_fix_id *id = &t->ids[i];

        if (!id->is_named || id->handle != handle)
            continue;
        if (id->state == RL_FIX_ID_OVER ||
            (id->state == RL_FIX_ID_CURRENT && t->orders[id->order].state == RL_FIX_ORDER_ENDED))
            rl_fix_id_forget(t, i);
    }
}

/* --- set-up ----------------------------------------------------------------------------------- */

static uint32_t ids_of(const struct rl_fix_gateway_config *config)
{
    return config->n_ids > 0 ? config->n_ids : 4 * config->n_orders;
}

size_t rl_fix_gateway_bytes(const struct rl_fix_gateway_config *config)
{
    return rl_fix_table_bytes(config->n_orders, ids_of(config)) +
           config->n_sessions * sizeof(struct rl_fix_gateway_session) + RL_CACHE_LINE;
}

int rl_fix_gateway_init(struct rl_fix_gateway *g, struct rl_arena *arena,
                        const struct rl_fix_gateway_config *config, struct rl_venue *venue,
                        rl_fix_gateway_send *send, void *context)
{
    *g = (struct rl_fix_gateway){.venue = venue,
                                 .send = send,
                                 .context = context,
                                 .n_sessions_max = config->n_sessions,
                                 .first_id = config->first_id,
                                 .clock_second = UINT64_MAX};
    if (config->n_sessions == 0)
        return -EINVAL;
    g->sessions = rl_arena_take(arena, config->n_sessions * sizeof *g->sessions, RL_CACHE_LINE);
    if (!g->sessions)
        return -ENOMEM;
    return rl_fix_table_init(&g->table, arena, config->n_orders, ids_of(config), config->seed);
}

int rl_fix_gateway_check(const struct rl_fix_gateway *g, const char **what)
{
    return rl_fix_table_check(&g->table, what);
}
