/* New orders, and requests that change or end one. */
#include "market/fix/value.h"
#include "rig/exchange/fix_gateway_inner.h"

static bool is_poss_resend(const struct rl_fix_work *w)
{
    return rl_fix_char(w->p->msg, rl_fix_picked(w->p, RL_FIX_ASK_POSS_RESEND)) == 'Y';
}

static void key_of(const struct rl_fix_work *w, enum rl_fix_ask_field which, struct rl_fix_key *key)
{
    const struct rl_fix_field *f = w->p->fields[which];

    rl_fix_key_make(&w->g->table, key, w->s->handle, rl_fix_value(w->p->msg, f), f->len);
}

static struct rl_fix_text key_text(const struct rl_fix_key *key)
{
    return (struct rl_fix_text){key->text, key->n};
}

/* --- new orders ------------------------------------------------------------------------------- */

/* What a NewOrderSingle says of itself, beside its terms. */
struct new_order {
    struct rl_fix_key key;
    char symbol[RL_FIX_GATEWAY_TEXT]; /* as it came, cut */
    uint32_t n_symbol;
    char side, type;
    struct rl_fix_ask ask;
};

static void describe(const struct rl_fix_work *w, const struct new_order *n, struct rl_fix_order *o)
{
    const struct rl_fix_field *account = rl_fix_picked(w->p, RL_FIX_ASK_ACCOUNT);
    char tif = (char)rl_fix_char(w->p->msg, rl_fix_picked(w->p, RL_FIX_ASK_TIF));
    const struct rl_match_request *r = &n->ask.terms;

    o->handle = w->s->handle;
    o->qty = r->qty;
    o->leaves = r->qty;
    o->px_nano = r->px_nano;
    o->type = r->type;
    o->stop_px_nano = r->type >= RL_MATCH_STOP ? r->stop_px_nano : RL_PX_NONE;
    o->show_qty = r->show_qty;
    o->expire_ns = r->expire_ns;
    o->is_special = r->type >= RL_MATCH_STOP || r->show_qty || r->expire_ns;
    o->side_char = n->side;
    o->type_char = n->type == 'P' || (n->type >= '1' && n->type <= '4') ? n->type : 0;
    o->tif_char = tif >= '0' && tif <= '6' ? tif : 0;
    if (RL_UNLIKELY(account != NULL && account->len <= RL_FIX_ACCOUNT)) {
        memcpy(o->account, rl_fix_value(w->p->msg, account), account->len);
        o->n_account = (uint8_t)account->len;
    }
}

static enum rl_fix_gateway_result reject(const struct rl_fix_work *w, const struct new_order *n,
                                         const struct rl_fix_why *why)
{
    struct rl_fix_order o = {0};

    describe(w, n, &o);
    w->g->n.rejected++;
    rl_fix_say_report(
        w->g, w->s,
        &(struct rl_fix_report){.order = &o,
                                .cl_ord_id = key_text(&n->key),
                                .symbol = {n->symbol, n->n_symbol},
                                .exec_id = rl_fix_exec_id(w->g, ++w->g->n_own, RL_FIX_EXEC_OWN),
                                .qty = o.qty,
                                .time_ns = w->now_ns,
                                .exec_type = '8',
                                .status = '8',
                                .rejected = why,
                                .text = why->text});
    return RL_FIX_GATEWAY_TAKEN;
}

/* The id is known: the state of its order, as a reject unless it may be a repetition. */
static enum rl_fix_gateway_result repeated(const struct rl_fix_work *w, const struct new_order *n,
                                           uint32_t id)
{
    uint32_t slot = rl_fix_order_of(&w->g->table, id);
    struct rl_fix_order *o;
    struct rl_fix_report r;

    w->g->n.duplicates++;
    if (slot == RL_FIX_NONE) /* known, but no more than that */
        return reject(w, n, &rl_fix_why_duplicate);
    o = &w->g->table.orders[slot];
    if (is_poss_resend(w)) {
        rl_fix_say_status(w->g, w->s, o, w->now_ns);
        return RL_FIX_GATEWAY_TAKEN;
    }
    rl_fix_report_of(w->g, w->s, o, '8', w->now_ns, &r);
    r.cl_ord_id = key_text(&n->key);
    r.exec_id = rl_fix_exec_id(w->g, ++w->g->n_own, RL_FIX_EXEC_OWN);
    r.rejected = &rl_fix_why_duplicate;
    r.text = rl_fix_why_duplicate.text;
    if (w->s->config.version == RL_FIX_40) /* has no ExecType to say so */
        r.status = '8';
    w->g->n.rejected++;
    rl_fix_say_report(w->g, w->s, &r);
    return RL_FIX_GATEWAY_TAKEN;
}

static bool read_new(const struct rl_fix_work *w, struct new_order *n)
{
    const struct rl_fix_field *symbol;

    if (!rl_fix_ask_text(w->p, RL_FIX_ASK_CL_ORD_ID, RL_FIX_CL_ORD_ID, w->why))
        return false;
    key_of(w, RL_FIX_ASK_CL_ORD_ID, &n->key); /* first: its memory is fetched meanwhile */
    if (!rl_fix_ask_text(w->p, RL_FIX_ASK_SYMBOL, UINT32_MAX, w->why))
        return false;
    n->side = rl_fix_ask_char(w->p, RL_FIX_ASK_SIDE, w->why);
    n->type = n->side ? rl_fix_ask_char(w->p, RL_FIX_ASK_TYPE, w->why) : 0;
    if (!n->type)
        return false;
    symbol = w->p->fields[RL_FIX_ASK_SYMBOL];
    n->n_symbol = symbol->len < sizeof n->symbol ? symbol->len : sizeof n->symbol;
    memset(n->symbol, 0, sizeof n->symbol);
    memcpy(n->symbol, rl_fix_value(w->p->msg, symbol), n->n_symbol);
    return true;
}

static void say_pending(const struct rl_fix_work *w, const struct rl_fix_order *o, char exec_type,
                        uint32_t id)
{
    struct rl_fix_report r;

    rl_fix_report_of(w->g, w->s, o, exec_type, w->now_ns, &r);

    r.exec_id = rl_fix_exec_id(w->g, ++w->g->n_own, RL_FIX_EXEC_OWN);
    if (exec_type != 'A') {
        r.orig = r.cl_ord_id;
        r.cl_ord_id = rl_fix_id_text(w->g, id);
    }
    rl_fix_say_report(w->g, w->s, &r);
}

enum rl_fix_gateway_result rl_fix_take_order(const struct rl_fix_work *w)
{
    struct rl_fix_table *t = &w->g->table;
    const struct rl_fix_field *symbol;
    const struct rl_fix_why *why;
    struct new_order n;
    struct rl_match_request *r = &n.ask.terms;
    struct rl_fix_order *o;
    uint32_t id, slot;
    int instrument;

    if (!read_new(w, &n))
        return RL_FIX_GATEWAY_REFUSED;
    symbol = w->p->fields[RL_FIX_ASK_SYMBOL];
    instrument =
        rl_venue_find(w->g->venue, (const char *)rl_fix_value(w->p->msg, symbol), symbol->len);
    why = rl_fix_ask_order(w->p, n.side, n.type, w->s->config.stp, &n.ask);
    id = rl_fix_id_find(t, &n.key);
    if (id != RL_FIX_NONE)
        return repeated(w, &n, id);
    if (instrument < 0)
        why = &rl_fix_why_symbol;
    if (why)
        return reject(w, &n, why);

    slot = rl_fix_order_take(t);
    r->id = rl_venue_take_id(w->g->venue);
    id = slot == RL_FIX_NONE ? RL_FIX_NONE
                             : rl_fix_id_take(t, &n.key, 'D', RL_FIX_ID_CURRENT, slot, r->id);
    if (id == RL_FIX_NONE) {
        if (slot != RL_FIX_NONE)
            rl_fix_order_drop(t, slot);
        w->g->n.full++;
        return reject(w, &n, &rl_fix_why_full);
    }
    o = &t->orders[slot];
    describe(w, &n, o);
    o->id = r->id;
    o->current = id;
    o->instrument = (uint32_t)instrument;
    memcpy(o->symbol, w->g->venue->instruments[instrument].symbol, RL_FIX_SYMBOL);
    o->n_symbol = (uint8_t)strnlen(o->symbol, RL_FIX_SYMBOL);
    r->instrument = (uint32_t)instrument;
    r->owner = w->s->member;
    r->user = rl_fix_word(slot, id);
    if (!rl_venue_ask(w->g->venue, r, w->now_ns)) {
        rl_fix_id_drop(t, id);
        rl_fix_order_drop(t, slot);
        return reject(w, &n, &rl_fix_why_throttled);
    }
    w->g->n.orders++;
    if (RL_UNLIKELY(w->s->config.says_pending && o->state == RL_FIX_ORDER_ASKED))
        say_pending(w, o, 'A', id);
    return RL_FIX_GATEWAY_TAKEN;
}

/* --- requests about an order ------------------------------------------------------------------ */

struct request {
    struct rl_fix_key key, orig;
    char type;                        /* F, G */
    uint32_t named;                   /* id of `orig`; RL_FIX_NONE: unknown */
    uint32_t slot;                    /* of the order; RL_FIX_NONE: unknown */
    const struct rl_fix_order *order; /* NULL: unknown */
};

static enum rl_fix_gateway_result refuse(const struct rl_fix_work *w, const struct request *q,
                                         const struct rl_fix_why *why)
{
    rl_fix_say_cancel_reject(w->g, w->s,
                             &(struct rl_fix_refusal_report){
                                 .cl_ord_id = key_text(&q->key),
                                 .orig = key_text(&q->orig),
                                 .order_id = q->order ? q->order->id : 0,
                                 .time_ns = w->now_ns,
                                 .status = q->order ? rl_fix_status_of(w->g, w->s, q->order) : '8',
                                 .response_to = q->type == 'F' ? '1' : '2',
                                 .why = why});
    return RL_FIX_GATEWAY_TAKEN;
}

/* The message says whose Side and Symbol it means, and maybe which OrderID. */
static bool is_of_order(const struct rl_fix_work *w, const struct rl_fix_order *o)
{
    const struct rl_fix_field *side = rl_fix_picked(w->p, RL_FIX_ASK_SIDE);
    const struct rl_fix_field *symbol = rl_fix_picked(w->p, RL_FIX_ASK_SYMBOL);

    if (side && rl_fix_side_of((char)rl_fix_char(w->p->msg, side)) != rl_fix_side_of(o->side_char))
        return false;
    return !symbol || rl_fix_is_text(w->p->msg, symbol, o->symbol, o->n_symbol);
}

static bool has_other_order_id(const struct rl_fix_work *w, const struct rl_fix_order *o)
{
    const struct rl_fix_field *f = rl_fix_picked(w->p, RL_FIX_ASK_ORDER_ID);
    uint64_t id;

    return f && (!rl_fix_uint(w->p->msg, f, &id) || id != w->g->first_id + o->id);
}

/* Why the order that is named cannot be asked about; NULL: it can. */
static const struct rl_fix_why *judge_order(const struct rl_fix_work *w, struct request *q)
{
    const struct rl_fix_table *t = &w->g->table;
    uint32_t orig = q->named;

    q->slot = orig == RL_FIX_NONE ? RL_FIX_NONE : rl_fix_order_of(t, orig);
    if (q->slot == RL_FIX_NONE || (t->ids[orig].type != 'D' && t->ids[orig].type != 'G') ||
        (t->ids[orig].state == RL_FIX_ID_OVER && !t->ids[orig].was_order)) {
        q->slot = RL_FIX_NONE;
        return &rl_fix_why_unknown;
    }
    q->order = &t->orders[q->slot];
    if (has_other_order_id(w, q->order)) {
        q->order = NULL;
        return &rl_fix_why_unknown;
    }
    if (q->order->state == RL_FIX_ORDER_ENDED)
        return &rl_fix_why_too_late;
    if (t->ids[orig].state == RL_FIX_ID_OVER)
        return &rl_fix_why_replaced;
    return is_of_order(w, q->order) ? NULL : &rl_fix_why_other_order;
}

/* False: refused. The ids are being fetched from here on. */
static bool read_request(const struct rl_fix_work *w, struct request *q, char type)
{
    if (!rl_fix_ask_text(w->p, RL_FIX_ASK_CL_ORD_ID, RL_FIX_CL_ORD_ID, w->why) ||
        !rl_fix_ask_text(w->p, RL_FIX_ASK_ORIG, RL_FIX_CL_ORD_ID, w->why))
        return false;
    key_of(w, RL_FIX_ASK_ORIG, &q->orig);
    key_of(w, RL_FIX_ASK_CL_ORD_ID, &q->key);
    q->type = type;
    q->order = NULL;
    return true;
}

/* The order's memory is on its way when its id is known. */
static void look_up(const struct rl_fix_work *w, struct request *q)
{
    const struct rl_fix_table *t = &w->g->table;
    const char *order;

    q->named = rl_fix_id_find(t, &q->orig);
    if (q->named == RL_FIX_NONE || t->ids[q->named].order >= t->n_orders)
        return;
    order = (const char *)&t->orders[t->ids[q->named].order];
    __builtin_prefetch(order, 1);
    __builtin_prefetch(order + RL_CACHE_LINE, 1);
}

/* A request that is known: refused, or answered with what has become of its order. */
static bool was_repeated(const struct rl_fix_work *w, struct request *q)
{
    struct rl_fix_table *t = &w->g->table;
    uint32_t id = rl_fix_id_find(t, &q->key), slot;

    if (RL_LIKELY(id == RL_FIX_NONE))
        return false;
    w->g->n.duplicates++;
    slot = rl_fix_order_of(t, id);
    if (slot != RL_FIX_NONE && is_poss_resend(w)) {
        rl_fix_say_status(w->g, w->s, &t->orders[slot], w->now_ns);
        return true;
    }
    (void)judge_order(w, q); /* for its state */
    refuse(w, q, &rl_fix_why_duplicate);
    return true;
}

/* To the venue, under an id of its own. */
static enum rl_fix_gateway_result pass(const struct rl_fix_work *w, const struct request *q,
                                       struct rl_match_request *r)
{
    struct rl_fix_table *t = &w->g->table;
    uint32_t id = rl_fix_id_take(t, &q->key, q->type, RL_FIX_ID_PENDING, q->slot, q->order->id);

    if (id == RL_FIX_NONE) {
        w->g->n.full++;
        return refuse(w, q, &rl_fix_why_full);
    }
    t->ids[id].px_nano = r->px_nano;
    t->ids[id].stop_px_nano = r->stop_px_nano;
    t->ids[id].show_qty = r->show_qty;
    rl_fix_order_wait(t, q->slot, id);
    r->id = r->new_id = q->order->id;
    r->user = rl_fix_word(q->slot, id);
    r->instrument = q->order->instrument;
    r->owner = w->s->member;
    if (!rl_venue_ask(w->g->venue, r, w->now_ns)) {
        rl_fix_order_answered(t, q->slot, id);
        rl_fix_id_drop(t, id);
        return refuse(w, q, &rl_fix_why_throttled);
    }
    if (RL_UNLIKELY(w->s->config.says_pending && t->ids[id].state == RL_FIX_ID_PENDING))
        say_pending(w, q->order, q->type == 'F' ? '6' : 'E', id);
    return RL_FIX_GATEWAY_TAKEN;
}

enum rl_fix_gateway_result rl_fix_take_cancel(const struct rl_fix_work *w)
{
    struct rl_match_request r = {.op = RL_MATCH_CANCEL};
    const struct rl_fix_why *why;
    struct request q;

    if (!read_request(w, &q, 'F'))
        return RL_FIX_GATEWAY_REFUSED;
    look_up(w, &q);
    if (was_repeated(w, &q))
        return RL_FIX_GATEWAY_TAKEN;
    why = judge_order(w, &q);
    if (why)
        return refuse(w, &q, why);
    w->g->n.cancels++;
    return pass(w, &q, &r);
}

/* What a replacement cannot change, and what it must say. */
static const struct rl_fix_why *judge_replace(const struct rl_fix_work *w,
                                              const struct rl_fix_order *o, struct rl_fix_ask *ask)
{
    const struct rl_fix_field *type = rl_fix_picked(w->p, RL_FIX_ASK_TYPE);
    const struct rl_fix_field *tif = rl_fix_picked(w->p, RL_FIX_ASK_TIF);
    bool has_limit = o->type == RL_MATCH_LIMIT || o->type == RL_MATCH_STOP_LIMIT ||
                     o->type == RL_MATCH_TRAILING_STOP_LIMIT;

    if (type && (char)rl_fix_char(w->p->msg, type) != o->type_char)
        return &rl_fix_why_type;
    if (tif && (char)rl_fix_char(w->p->msg, tif) != (o->tif_char ? o->tif_char : '0'))
        return &rl_fix_why_tif;
    if (!has_limit)
        ask->terms.px_nano = o->px_nano;
    else if (!ask->has_px)
        return &rl_fix_why_no_px;
    ask->terms.qty += o->busted; /* which the venue counts as executed */
    return NULL;
}

enum rl_fix_gateway_result rl_fix_take_replace(const struct rl_fix_work *w)
{
    struct rl_fix_ask ask;
    const struct rl_fix_why *why, *why_numbers;
    struct request q;

    if (!read_request(w, &q, 'G'))
        return RL_FIX_GATEWAY_REFUSED;
    why_numbers = rl_fix_ask_replace(w->p, &ask); /* while the ids are fetched */
    look_up(w, &q);
    if (was_repeated(w, &q))
        return RL_FIX_GATEWAY_TAKEN;
    why = judge_order(w, &q);
    if (!why)
        why = why_numbers ? why_numbers : judge_replace(w, q.order, &ask);
    if (why)
        return refuse(w, &q, why);
    w->g->n.replaces++;
    return pass(w, &q, &ask.terms);
}
