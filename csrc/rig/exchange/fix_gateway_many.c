/* What is asked about: the state of an order, of many; and the end of many. */
#include "market/fix/value.h"
#include "rig/exchange/fix_gateway_inner.h"
#include "session/fix_session.h"

/* --- status ----------------------------------------------------------------------------------- */

/* Who asks is told of a request that waits in any case: nobody knows yet what the order will be. */
static void describe(const struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                     const struct rl_fix_order *o, uint64_t now_ns, struct rl_fix_report *r)
{
    char pending = rl_fix_pending_of(g, o);

    rl_fix_report_of(g, s, o, 'I', now_ns, r);
    if (pending)
        r->status = pending;
}

void rl_fix_say_status(struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                       const struct rl_fix_order *o, uint64_t now_ns)
{
    struct rl_fix_report r;

    describe(g, s, o, now_ns, &r);
    g->n.status++;
    rl_fix_say_report(g, s, &r);
}

/* A text that is given back, cut and padded. */
struct kept {
    char text[RL_FIX_GATEWAY_TEXT];
    uint32_t n;
};

static struct rl_fix_text keep(const struct rl_fix_work *w, enum rl_fix_ask_field which,
                               struct kept *k)
{
    const struct rl_fix_field *f = rl_fix_picked(w->p, which);

    memset(k, 0, sizeof *k);
    if (f) {
        k->n = f->len < sizeof k->text ? f->len : sizeof k->text;
        memcpy(k->text, rl_fix_value(w->p->msg, f), k->n);
    }
    return (struct rl_fix_text){k->text, k->n};
}

/* There is no such order. */
static void say_unknown(const struct rl_fix_work *w, char side, struct rl_fix_report *r)
{
    struct rl_fix_order o = {.side_char = side};
    struct kept symbol;

    /* cppcheck-suppress autoVariables; taken back below */
    r->order = &o;
    r->symbol = keep(w, RL_FIX_ASK_SYMBOL, &symbol);
    r->time_ns = w->now_ns;
    r->exec_type = 'I';
    r->status = '8';
    r->rejected = &rl_fix_why_unknown;
    if (!r->text)
        r->text = rl_fix_why_unknown.text;
    w->g->n.status++;
    rl_fix_say_report(w->g, w->s, r);
    r->order = NULL;
}

enum rl_fix_gateway_result rl_fix_take_status(const struct rl_fix_work *w)
{
    const struct rl_fix_table *t = &w->g->table;
    struct kept status_id, cl_ord_id;
    struct rl_fix_report r = {.status_id = keep(w, RL_FIX_ASK_STATUS_ID, &status_id)};
    struct rl_fix_key key;
    uint32_t id, slot;
    char side;

    if (!rl_fix_ask_text(w->p, RL_FIX_ASK_CL_ORD_ID, RL_FIX_CL_ORD_ID, w->why))
        return RL_FIX_GATEWAY_REFUSED;
    side = rl_fix_ask_char(w->p, RL_FIX_ASK_SIDE, w->why);
    if (!side || (w->s->config.version < RL_FIX_43 &&
                  !rl_fix_ask_text(w->p, RL_FIX_ASK_SYMBOL, UINT32_MAX, w->why)))
        return RL_FIX_GATEWAY_REFUSED;
    r.cl_ord_id = keep(w, RL_FIX_ASK_CL_ORD_ID, &cl_ord_id);
    rl_fix_key_make(t, &key, w->s->handle, r.cl_ord_id.at, r.cl_ord_id.n);
    id = rl_fix_id_find(t, &key);
    slot = id == RL_FIX_NONE || (!t->ids[id].was_order && t->ids[id].state != RL_FIX_ID_PENDING)
               ? RL_FIX_NONE
               : rl_fix_order_of(t, id);
    if (slot == RL_FIX_NONE) {
        say_unknown(w, side, &r);
        return RL_FIX_GATEWAY_TAKEN;
    }
    describe(w->g, w->s, &t->orders[slot], w->now_ns, &r);
    if (t->ids[id].state == RL_FIX_ID_PENDING) { /* the request itself is asked about */
        r.orig = r.cl_ord_id;
        r.cl_ord_id = rl_fix_id_text(w->g, id);
    }
    r.status_id = (struct rl_fix_text){status_id.text, status_id.n};
    w->g->n.status++;
    rl_fix_say_report(w->g, w->s, &r);
    return RL_FIX_GATEWAY_TAKEN;
}

/* --- many ------------------------------------------------------------------------------------- */

/* What requests about many orders have in common: all of them, or those of one instrument. */
struct scope {
    uint32_t instrument; /* or RL_INSTRUMENT_ALL */
    uint8_t side;        /* enum rl_side, or RL_MATCH_BOTH_SIDES */
    bool is_known;       /* its symbol */
    bool is_served;
};

static struct scope scope_of(const struct rl_fix_work *w, char type)
{
    const struct rl_fix_field *symbol = rl_fix_picked(w->p, RL_FIX_ASK_SYMBOL);
    const struct rl_fix_field *side = rl_fix_picked(w->p, RL_FIX_ASK_SIDE);
    struct scope s = {
        .instrument = RL_INSTRUMENT_ALL, .side = RL_MATCH_BOTH_SIDES, .is_known = true};
    int instrument;

    if (type == '1') { /* of one security */
        instrument = symbol
                         ? rl_venue_find(w->g->venue, (const char *)rl_fix_value(w->p->msg, symbol),
                                         symbol->len)
                         : -1;
        s.is_known = instrument >= 0;
        s.instrument = (uint32_t)instrument;
    }
    s.is_served = type == '1' || type == '7';
    if (side) {
        s.side = rl_fix_side_of((char)rl_fix_char(w->p->msg, side));
        s.is_served = s.is_served && s.side != RL_FIX_NO_SIDE;
    }
    return s;
}

static bool is_asked_for(const struct rl_fix_work *w, const struct rl_fix_order *o,
                         const struct scope *s)
{
    return (o->state == RL_FIX_ORDER_LIVE || o->state == RL_FIX_ORDER_ASKED) &&
           o->handle == w->s->handle &&
           (s->instrument == RL_INSTRUMENT_ALL || o->instrument == s->instrument) &&
           (s->side == RL_MATCH_BOTH_SIDES || rl_fix_side_of(o->side_char) == s->side);
}

enum rl_fix_gateway_result rl_fix_take_mass_status(const struct rl_fix_work *w)
{
    const struct rl_fix_table *t = &w->g->table;
    struct kept mass_id;
    struct rl_fix_report r = {0};
    uint64_t n = 0, n_said = 0;
    struct scope s;
    char type;

    if (!rl_fix_ask_text(w->p, RL_FIX_ASK_MASS_STATUS_ID, RL_FIX_GATEWAY_TEXT, w->why))
        return RL_FIX_GATEWAY_REFUSED;
    type = rl_fix_ask_char(w->p, RL_FIX_ASK_MASS_STATUS, w->why);
    if (!type)
        return RL_FIX_GATEWAY_REFUSED;
    s = scope_of(w, type);
    for (uint32_t i = 0; s.is_served && s.is_known && i < t->n_orders; i++)
        n += is_asked_for(w, &t->orders[i], &s);
    for (uint32_t i = 0; n_said < n; i++) {
        if (!is_asked_for(w, &t->orders[i], &s))
            continue;
        describe(w->g, w->s, &t->orders[i], w->now_ns, &r);
        r.mass_id = keep(w, RL_FIX_ASK_MASS_STATUS_ID, &mass_id);
        r.n_mass = n;
        r.is_last = ++n_said == n;
        w->g->n.status++;
        rl_fix_say_report(w->g, w->s, &r);
    }
    if (n > 0)
        return RL_FIX_GATEWAY_TAKEN;
    r.mass_id = keep(w, RL_FIX_ASK_MASS_STATUS_ID, &mass_id);
    r.is_last = true;
    r.text = !s.is_served  ? rl_fix_why_scope.text
             : !s.is_known ? rl_fix_why_symbol.text
                           : "no orders";
    say_unknown(w, s.side == RL_SELL ? '2' : '1', &r);
    return RL_FIX_GATEWAY_TAKEN;
}

static enum rl_fix_gateway_result reject_mass(const struct rl_fix_work *w,
                                              const struct rl_fix_key *key, char type, char reject,
                                              const char *text)
{
    rl_fix_say_mass(w->g, w->s,
                    &(struct rl_fix_mass_said){.cl_ord_id = {key->text, key->n},
                                               .number = rl_venue_take_id(w->g->venue),
                                               .scope = type,
                                               .reject = reject,
                                               .time_ns = w->now_ns,
                                               .text = text});
    w->g->n.cancel_rejects++;
    return RL_FIX_GATEWAY_TAKEN;
}

enum rl_fix_gateway_result rl_fix_take_mass_cancel(const struct rl_fix_work *w)
{
    struct rl_fix_table *t = &w->g->table;
    const struct rl_fix_field *f;
    struct rl_fix_key key;
    struct scope s;
    uint64_t number;
    uint32_t id;
    char type;

    if (!rl_fix_ask_text(w->p, RL_FIX_ASK_CL_ORD_ID, RL_FIX_CL_ORD_ID, w->why))
        return RL_FIX_GATEWAY_REFUSED;
    type = rl_fix_ask_char(w->p, RL_FIX_ASK_MASS_CANCEL, w->why);
    if (!type)
        return RL_FIX_GATEWAY_REFUSED;
    f = w->p->fields[RL_FIX_ASK_CL_ORD_ID];
    rl_fix_key_make(t, &key, w->s->handle, rl_fix_value(w->p->msg, f), f->len);
    s = scope_of(w, type);
    if (rl_fix_id_find(t, &key) != RL_FIX_NONE) {
        w->g->n.duplicates++;
        return reject_mass(w, &key, type, 0, rl_fix_why_duplicate.text);
    }
    if (!s.is_served)
        return reject_mass(w, &key, type, '0', rl_fix_why_scope.text);
    if (!s.is_known)
        return reject_mass(w, &key, type, '1', rl_fix_why_symbol.text);
    number = rl_venue_take_id(w->g->venue);
    id = rl_fix_id_take(t, &key, 'q', RL_FIX_ID_PENDING, RL_FIX_NONE, number);
    if (id == RL_FIX_NONE) {
        w->g->n.full++;
        return reject_mass(w, &key, type, 0, rl_fix_why_full.text);
    }
    t->ids[id].scope = type;
    w->g->n.cancels++;
    rl_venue_ask(w->g->venue,
                 &(struct rl_match_request){.op = RL_MATCH_MASS_CANCEL,
                                            .id = number,
                                            .user = rl_fix_word(RL_FIX_NONE, id),
                                            .owner = w->s->member,
                                            .instrument = s.instrument,
                                            .side = s.side},
                 w->now_ns);
    return RL_FIX_GATEWAY_TAKEN;
}
