/*
 * fix_gateway_inner - what the parts of the gateway share: fix_gateway.c sets up and knows message
 * types, _ask.c takes orders and what changes them, _many.c questions and what concerns many,
 * _told.c turns events of orders into reports, _refused.c those of requests.
 */
#ifndef RL_RIG_EXCHANGE_FIX_GATEWAY_INNER_H
#define RL_RIG_EXCHANGE_FIX_GATEWAY_INNER_H

#include "rig/exchange/fix_gateway_report.h"

/* A message at work. */
struct rl_fix_work {
    struct rl_fix_gateway *g;
    const struct rl_fix_gateway_session *s;
    const struct rl_fix_picked *p;
    uint64_t now_ns;
    struct rl_fix_gateway_refusal *why;
};

enum rl_fix_gateway_result rl_fix_take_order(const struct rl_fix_work *w);       /* D */
enum rl_fix_gateway_result rl_fix_take_cancel(const struct rl_fix_work *w);      /* F */
enum rl_fix_gateway_result rl_fix_take_replace(const struct rl_fix_work *w);     /* G */
enum rl_fix_gateway_result rl_fix_take_status(const struct rl_fix_work *w);      /* H */
enum rl_fix_gateway_result rl_fix_take_mass_cancel(const struct rl_fix_work *w); /* q */
enum rl_fix_gateway_result rl_fix_take_mass_status(const struct rl_fix_work *w); /* AF */

/* What the venue tells a session; `context` is the session. */
void rl_fix_gateway_told(void *context, const struct rl_match_event *e);
void rl_fix_on_refused(struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                       const struct rl_match_event *e);
void rl_fix_on_mass_cancelled(struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                              const struct rl_match_event *e);

/*
 * The word for an order at the venue: its slot and the id of the request. Events of the order have
 * the last word that it got, refusals that of the request.
 */
static inline uint64_t rl_fix_word(uint32_t order, uint32_t id)
{
    return (uint64_t)id << 32 | order;
}

static inline struct rl_fix_text rl_fix_id_text(const struct rl_fix_gateway *g, uint32_t id)
{
    return (struct rl_fix_text){g->table.ids[id].text, g->table.ids[id].n};
}

/* A report on an order as it is, without any event. */
static inline void rl_fix_report_of(const struct rl_fix_gateway *g,
                                    const struct rl_fix_gateway_session *s,
                                    const struct rl_fix_order *o, char exec_type, uint64_t time_ns,
                                    struct rl_fix_report *r)
{
    memset(r, 0, sizeof *r);
    r->order = o;
    r->cl_ord_id = rl_fix_id_text(g, o->current);
    r->symbol = (struct rl_fix_text){o->symbol, o->n_symbol};
    r->order_id = o->id;
    r->qty = o->qty;
    r->cum = o->cum;
    r->leaves = o->leaves;
    r->avg_px_nano = rl_fix_avg_px(o);
    r->time_ns = time_ns;
    r->exec_type = exec_type;
    r->status = rl_fix_status_of(g, s, o);
}

/* The state of an order, for whoever asked. */
void rl_fix_say_status(struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                       const struct rl_fix_order *o, uint64_t now_ns);

#endif
