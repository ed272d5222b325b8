/*
 * Requests come in here. What most of them are - limit orders that rest, replacements that meet
 * nobody, cancels, in an instrument without stops and all-or-none orders - is done on the spot;
 * everything else, and everything that might be refused, is done as the others do it.
 */
#include "rig/exchange/match_inner.h"

typedef void taking(struct rl_match *m, const struct rl_match_request *r);

/* A limit order of good price and quantity that nobody meets, and an instrument without rules. */
static inline bool is_plain(const struct rl_match *m, const struct rl_match_request *r)
{
    return ((r->type ^ RL_MATCH_LIMIT) | r->flags | m->instruments[r->instrument].rules) == 0 &&
           r->tif <= RL_MATCH_GTC && r->side <= RL_SELL && r->stp < RL_MATCH_N_STPS &&
           (r->show_qty | r->min_qty) == 0;
}

static void take_new(struct rl_match *m, const struct rl_match_request *r)
{
    struct rl_match_order *a;
    struct rl_match_event *e;
    uint32_t n = m->books.free_order;

    if (RL_UNLIKELY(r->instrument >= m->config.n_instruments || !is_plain(m, r) ||
                    r->owner >= m->config.n_owners || r->qty - 1 >= m->max_qty ||
                    !rl_match_price_is_good(m, r->px_nano) ||
                    rl_match_crosses(m, r->instrument, r->side, r->px_nano) ||
                    m->books.n_orders + m->stops.n_orders >= m->config.n_orders)) {
        rl_match_new(m, r);
        return;
    }
    rl_match_apply(m, &m->books, RL_OP_ADD, r->instrument, r->id, 0, r->side, r->px_nano, r->qty);
    if (RL_UNLIKELY(m->books.free_order == n)) { /* refused: the long way finds out why */
        rl_match_new(m, r);
        return;
    }
    a = &m->orders[n];
    a->user = r->user;
    a->done = 0;
    a->owner = r->owner;
    a->type = r->type;
    a->tif = r->tif;
    a->stp = r->stp;
    a->flags = 0;
    m->n_live[r->owner]++;
    for (unsigned kind = RL_MATCH_EVENT_ACCEPTED;; kind = RL_MATCH_EVENT_RESTED) {
        bool rests = kind == RL_MATCH_EVENT_RESTED;

        e = rl_match_tell(m, kind);
        e->id = r->id;
        e->user = r->user;
        e->px_nano = r->px_nano;
        e->qty = r->qty;
        e->leaves = r->qty;
        e->shown = rests ? r->qty : 0;
        e->instrument = r->instrument;
        e->owner = r->owner;
        e->side = r->side;
        e->flags = rests ? RL_MATCH_SHOWN : 0;
        e->type = r->type;
        if (rests)
            break;
        a->since = m->seq;
    }
}

static void take_cancel(struct rl_match *m, const struct rl_match_request *r)
{
    struct rl_match_event *e;
    struct rl_update u;
    const struct rl_match_order *a;
    uint32_t n;

    if (RL_UNLIKELY(r->instrument >= m->config.n_instruments ||
                    m->instruments[r->instrument].rules != 0 || r->reason != 0)) {
        rl_match_cancel(m, r);
        return;
    }
    n = rl_table_find(&m->books, rl_books_home(&m->books, r->id), r->instrument, r->id);
    if (RL_UNLIKELY(n == RL_SLOT_NONE || m->orders[n].owner != r->owner ||
                    m->orders[n].flags != 0)) {
        rl_match_cancel(m, r);
        return;
    }
    a = &m->orders[n];
    e = rl_match_tell_order(m, RL_MATCH_EVENT_CANCELLED, n);
    e->reason = RL_MATCH_REASON_REQUESTED;
    e->qty = e->leaves;
    e->leaves = 0;
    e->shown = 0;
    m->n_live[a->owner]--;
    u = rl_match_update(m, RL_OP_DELETE, r->instrument, r->id, 0, 0, 0, 0);
    rl_books_delete(&m->books, n, &u);
}

/* Moves an order that nobody meets at its new price. False: not such a case, nothing was done. */
static inline bool move(struct rl_match *m, const struct rl_match_request *r)
{
    struct rl_match_order *a;
    struct rl_match_event *e;
    struct rl_update u;
    const struct rl_book_order *o;
    const struct rl_book_level *l;
    uint64_t qty = r->qty, was;
    uint32_t n;
    unsigned side;

    if (r->instrument >= m->config.n_instruments || m->instruments[r->instrument].rules != 0 ||
        r->show_qty != 0 || !rl_match_price_is_good(m, r->px_nano))
        return false;
    n = rl_table_find(&m->books, rl_books_home(&m->books, r->id), r->instrument, r->id);
    if (n == RL_SLOT_NONE)
        return false;
    a = &m->orders[n];
    o = &m->books.nodes[n].order;
    l = &m->books.nodes[o->level].level;
    side = rl_level_side(l);
    was = o->qty;
    if (r->op == RL_MATCH_MODIFY) {
        if (qty <= a->done)
            return false;
        qty -= a->done;
    }
    if (a->owner != r->owner || a->flags != 0 || qty - 1 >= m->max_qty ||
        a->done > m->max_qty - qty ||
        (l->px_nano == r->px_nano && qty <= was && !(r->flags & RL_MATCH_TO_BACK)) ||
        rl_match_crosses(m, r->instrument, side, r->px_nano))
        return false;
    u = rl_match_update(m, RL_OP_REPLACE, r->instrument, r->id, r->new_id, 0, r->px_nano, qty);
    if (RL_UNLIKELY(!rl_books_replace(&m->books, n, &u)))
        return false; /* the long way finds out why */
    a->user = r->user;
    a->since = m->seq;
    e = rl_match_tell(m, RL_MATCH_EVENT_REPLACED);
    e->id = r->new_id;
    e->other_id = r->id;
    e->user = r->user;
    e->px_nano = r->px_nano;
    e->qty = qty;
    e->leaves = qty;
    e->shown = qty;
    e->done = a->done;
    e->shown_before = was;
    e->instrument = r->instrument;
    e->owner = a->owner;
    e->side = (uint8_t)side;
    e->flags = RL_MATCH_SHOWN;
    e->type = a->type;
    return true;
}

static void take_replace(struct rl_match *m, const struct rl_match_request *r)
{
    if (RL_UNLIKELY(!move(m, r)))
        rl_match_replace(m, r);
}

static void take_time(struct rl_match *m, const struct rl_match_request *r)
{
    (void)m;
    (void)r;
}

static void take_unknown(struct rl_match *m, const struct rl_match_request *r)
{
    rl_match_refuse(m, r, RL_MATCH_REASON_BAD_ORDER);
}

void rl_match_take(struct rl_match *m, const struct rl_match_request *r, uint64_t now_ns)
{
    static taking *const ops[RL_MATCH_N_OPS + 1] = {
        [RL_MATCH_NEW] = take_new,
        [RL_MATCH_CANCEL] = take_cancel,
        [RL_MATCH_REDUCE] = rl_match_reduce,
        [RL_MATCH_REPLACE] = take_replace,
        [RL_MATCH_MODIFY] = take_replace,
        [RL_MATCH_MASS_CANCEL] = rl_match_mass_cancel,
        [RL_MATCH_PHASE] = rl_match_phase,
        [RL_MATCH_DAY_END] = rl_match_day_end,
        [RL_MATCH_BUST] = rl_match_bust,
        [RL_MATCH_TIME] = take_time,
        [RL_MATCH_MATCHING] = rl_match_matching,
        [RL_MATCH_N_OPS] = take_unknown,
    };

    m->now_ns = now_ns > m->now_ns ? now_ns : m->now_ns;
    m->op = r->op;
    if (RL_UNLIKELY(m->now_ns >= m->next_expiry_ns))
        rl_match_expire(m);
    ops[r->op < RL_MATCH_N_OPS ? r->op : RL_MATCH_N_OPS](m, r);
    if (RL_LIKELY(m->n_events > 0))
        rl_match_flush(m);
}
