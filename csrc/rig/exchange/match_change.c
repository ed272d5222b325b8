/* Cancels, reductions, replacements. */
#include "rig/exchange/match_inner.h"

RL_MATCH_RARE void rl_match_refuse(struct rl_match *m, const struct rl_match_request *r,
                                   unsigned reason)
{
    struct rl_match_event *e = rl_match_tell(m, RL_MATCH_EVENT_REFUSED);

    e->id = r->id;
    if (r->op == RL_MATCH_REPLACE || r->op == RL_MATCH_MODIFY)
        e->other_id = r->new_id;
    if (r->op == RL_MATCH_BUST)
        e->match = r->match;
    e->user = r->user;
    e->instrument = r->instrument;
    e->owner = r->owner;
    e->reason = (uint8_t)reason;
}

/* The order that a request names; RL_SLOT_NONE, refused, when it may not be touched. */
static uint32_t named(struct rl_match *m, const struct rl_match_request *r)
{
    uint32_t n = RL_SLOT_NONE;

    if (r->instrument < m->config.n_instruments) {
        n = rl_match_lookup(m, r->instrument, r->id);
    } else if (r->instrument == RL_INSTRUMENT_ALL) {
        for (uint32_t i = 0; i < m->config.n_instruments && n == RL_SLOT_NONE; i++)
            n = rl_match_lookup(m, i, r->id);
    } else {
        rl_match_refuse(m, r, RL_MATCH_REASON_UNKNOWN_INSTRUMENT);
        return RL_SLOT_NONE;
    }
    if (n == RL_SLOT_NONE) {
        rl_match_refuse(m, r, RL_MATCH_REASON_UNKNOWN_ORDER);
    } else if (m->orders[n].owner != r->owner && r->owner != RL_MATCH_ANYBODY) {
        rl_match_refuse(m, r, RL_MATCH_REASON_NOT_OWNER);
        n = RL_SLOT_NONE;
    }
    return n;
}

void rl_match_cancel(struct rl_match *m, const struct rl_match_request *r)
{
    uint32_t n = named(m, r), instrument;
    unsigned reason = r->reason;

    if (n == RL_SLOT_NONE)
        return;
    instrument = rl_match_node(m, n)->instrument;
    if (reason == RL_MATCH_REASON_NONE || reason >= RL_MATCH_N_REASONS)
        reason = RL_MATCH_REASON_REQUESTED;
    rl_match_end(m, n, RL_MATCH_EVENT_CANCELLED, reason);
    rl_match_settle(m, instrument);
}

void rl_match_reduce(struct rl_match *m, const struct rl_match_request *r)
{
    uint32_t n = named(m, r), instrument;

    if (n == RL_SLOT_NONE)
        return;
    instrument = rl_match_node(m, n)->instrument;
    if (r->qty == 0) {
        rl_match_refuse(m, r, RL_MATCH_REASON_BAD_QUANTITY);
        return;
    }
    if (r->qty >= rl_match_node(m, n)->qty + rl_match_hidden(m, n))
        rl_match_end(m, n, RL_MATCH_EVENT_CANCELLED, RL_MATCH_REASON_REQUESTED);
    else
        rl_match_take_off(m, n, r->qty, RL_MATCH_REASON_REQUESTED);
    rl_match_settle(m, instrument);
}

/* --- replacement ------------------------------------------------------------------------------ */

/* Why a live order cannot be changed so that `qty` is open; NONE: it can, as far as is known. */
static unsigned judge(const struct rl_match *m, const struct rl_match_request *r, uint32_t n,
                      uint64_t qty)
{
    const struct rl_match_order *a = &m->orders[n];
    uint32_t instrument = rl_match_node(m, n)->instrument;
    bool has_limit = a->type == RL_MATCH_LIMIT || a->type == RL_MATCH_STOP_LIMIT ||
                     a->type == RL_MATCH_TRAILING_STOP_LIMIT;

    if (r->qty == 0 || qty > m->max_qty || a->done > m->max_qty - qty)
        return RL_MATCH_REASON_BAD_QUANTITY;
    if (has_limit && !rl_match_price_is_good(m, r->px_nano))
        return RL_MATCH_REASON_BAD_PRICE;
    if (r->show_qty > 0 && (!has_limit || !rl_match_shows_enough(qty, r->show_qty) ||
                            (a->flags & RL_MATCH_ALL_OR_NONE && r->show_qty < qty)))
        return RL_MATCH_REASON_BAD_ORDER;
    if (r->new_id != r->id && rl_match_lookup(m, instrument, r->new_id) != RL_SLOT_NONE)
        return RL_MATCH_REASON_DUPLICATE_ID;
    return RL_MATCH_REASON_NONE;
}

static struct rl_match_taker taken_out(const struct rl_match *m, uint32_t n)
{
    const struct rl_match_order *a = &m->orders[n];
    const struct rl_match_extra *x = &m->extras[n];
    const struct rl_book_order *o = rl_match_node(m, n);

    return (struct rl_match_taker){
        .id = o->id,
        .user = a->user,
        .done = a->done,
        .expire_ns = x->expire_ns,
        .born = x->born,
        .instrument = o->instrument,
        .owner = a->owner,
        .side = (uint8_t)rl_match_side(m, n),
        .type = a->type,
        .tif = a->tif,
        .stp = a->stp,
        .flags = a->flags & (RL_MATCH_POST_ONLY | RL_MATCH_ALL_OR_NONE),
    };
}

/* What a resting order is to show when `qty` of it is open, and what it shows at a time. */
struct showing {
    uint64_t shown, show_qty;
};

static struct showing showing_of(const struct rl_match *m, const struct rl_match_request *r,
                                 uint32_t n, uint64_t qty)
{
    uint64_t was = m->orders[n].flags & RL_MATCH_ICEBERG ? m->extras[n].show_qty : 0;
    uint64_t shown = rl_match_node(m, n)->qty, wish = r->show_qty < qty ? r->show_qty : 0;

    if (wish > 0 && wish == was) /* what has traded of the shown part is not shown again */
        return (struct showing){shown < qty ? shown : qty, wish};
    return (struct showing){wish > 0 ? wish : qty, wish};
}

/* The order has another quantity, shown part and name, whatever its place. */
static void change_attributes(struct rl_match *m, const struct rl_match_request *r, uint32_t n,
                              uint64_t qty, struct showing s)
{
    struct rl_match_order *a = &m->orders[n];

    a->user = r->user;
    a->flags &= (uint8_t)~RL_MATCH_ICEBERG;
    if (s.shown < qty) {
        a->flags |= RL_MATCH_ICEBERG;
        m->extras[n].hidden = qty - s.shown;
        m->extras[n].show_qty = s.show_qty;
    }
}

static void tell_replaced(struct rl_match *m, const struct rl_match_request *r, uint32_t n,
                          uint64_t shown_before, unsigned flags)
{
    struct rl_match_event *e = rl_match_tell_order(m, RL_MATCH_EVENT_REPLACED, n);

    e->other_id = r->id;
    e->qty = e->leaves;
    e->shown_before = shown_before;
    e->flags |= (uint8_t)flags;
}

static void replace_resting(struct rl_match *m, const struct rl_match_request *r, uint32_t n,
                            uint64_t qty)
{
    const struct rl_book_order *o = rl_match_node(m, n);
    uint32_t instrument = o->instrument;
    uint64_t was = o->qty, open = was + rl_match_hidden(m, n);
    struct showing s = showing_of(m, r, n, qty);
    struct rl_match_taker t = taken_out(m, n);
    bool meets =
        rl_match_is_live(m, instrument) && rl_match_crosses(m, instrument, t.side, r->px_nano);

    if (r->px_nano == rl_match_level(m, n)->px_nano && qty <= open && s.shown <= was &&
        !(r->flags & RL_MATCH_TO_BACK)) {
        if (r->new_id != r->id)
            rl_books_rename(&m->books, instrument, r->id, r->new_id);
        if (s.shown < was)
            rl_match_apply(m, &m->books, RL_OP_REDUCE, instrument, r->new_id, 0, 0, 0,
                           was - s.shown);
        change_attributes(m, r, n, qty, s);
        tell_replaced(m, r, n, was, RL_MATCH_KEPT_PLACE);
    } else if (meets && t.flags & RL_MATCH_POST_ONLY) {
        rl_match_refuse(m, r, RL_MATCH_REASON_WOULD_TRADE);
    } else if (!rl_match_has_room_at(&m->books, instrument, t.side, r->px_nano)) {
        rl_match_refuse(m, r, RL_MATCH_REASON_BOOK_FULL);
    } else if (meets) {
        struct rl_match_event *e;

        rl_match_release(m, n);
        rl_match_delete(m, &m->books, instrument, r->id);
        t.id = r->new_id;
        t.user = r->user;
        t.leaves = qty;
        t.px_nano = r->px_nano;
        t.show_qty = s.show_qty;
        e = rl_match_tell_taker(m, RL_MATCH_EVENT_REPLACED, &t);
        e->other_id = r->id;
        e->qty = qty;
        e->shown_before = was;
        e->flags = RL_MATCH_SHOWN;
        rl_match_arrive(m, &t);
    } else {
        if (s.show_qty > 0)
            s.shown = s.show_qty;
        rl_match_apply(m, &m->books, RL_OP_REPLACE, instrument, r->id, r->new_id, 0, r->px_nano,
                       s.shown);
        change_attributes(m, r, n, qty, s);
        m->orders[n].since = m->seq;
        tell_replaced(m, r, n, was, 0);
    }
}

void rl_match_replace(struct rl_match *m, const struct rl_match_request *r)
{
    uint32_t n = named(m, r), instrument;
    uint64_t qty = r->qty;
    unsigned reason;

    if (n == RL_SLOT_NONE)
        return;
    instrument = rl_match_node(m, n)->instrument;
    switch (m->instruments[instrument].phase) {
    case RL_MATCH_HALTED:
        rl_match_refuse(m, r, RL_MATCH_REASON_HALTED);
        return;
    case RL_MATCH_CLOSED:
        rl_match_refuse(m, r, RL_MATCH_REASON_CLOSED);
        return;
    default:
        break;
    }
    if (r->op == RL_MATCH_MODIFY && qty > 0) {
        if (qty <= m->orders[n].done) { /* more has traded already than it is to be */
            rl_match_end(m, n, RL_MATCH_EVENT_CANCELLED, RL_MATCH_REASON_REQUESTED);
            rl_match_settle(m, instrument);
            return;
        }
        qty -= m->orders[n].done;
    }
    reason = judge(m, r, n, qty);
    if (reason != RL_MATCH_REASON_NONE) {
        rl_match_refuse(m, r, reason);
        return;
    }
    if (rl_match_waits(m, n))
        rl_match_replace_stop(m, r, n, qty);
    else
        replace_resting(m, r, n, qty);
    rl_match_settle(m, instrument);
}
