/* Stops: how they wait, follow the market, and are triggered. */
#include "rig/exchange/match_inner.h"

static struct rl_match_stop *stop_of(const struct rl_match *m, uint32_t n)
{
    return &m->waits[n - m->config.n_orders];
}

static bool trails(const struct rl_match *m, uint32_t n)
{
    return m->orders[n].type >= RL_MATCH_TRAILING_STOP;
}

bool rl_match_is_passed(const struct rl_match *m, uint32_t instrument, unsigned side,
                        int64_t stop_px_nano)
{
    int64_t last = m->instruments[instrument].last_px_nano;

    if (m->config.trigger == RL_MATCH_TRIGGER_BEST || last == RL_PX_NONE)
        return false;
    return side == RL_BUY ? last >= stop_px_nano : last <= stop_px_nano;
}

/* --- following the market --------------------------------------------------------------------- */

/* What trailing stops of a side keep their distance from; RL_PX_NONE while that is unknown. */
static int64_t market(const struct rl_match *m, uint32_t instrument, unsigned side)
{
    int64_t last = m->instruments[instrument].last_px_nano;
    int64_t best = rl_match_best(&m->books, instrument, 1 - side)->px_nano;

    if (last == RL_PX_NONE || best == RL_PX_NONE)
        return RL_PX_NONE;
    if (side == RL_BUY)
        return last > best ? last : best;
    return last < best ? last : best;
}

/* A distance that is given in 0.01 %, as a price. */
static int64_t share_of(int64_t px_nano, int64_t hundredths_percent)
{
    return (int64_t)((__int128)px_nano * -hundredths_percent / 10000);
}

int64_t rl_match_trailed(const struct rl_match *m, uint32_t instrument, unsigned side,
                         int64_t px_nano, int64_t trail_nano, int64_t step_nano)
{
    int64_t from = market(m, instrument, side), tick = m->config.tick_nano, to;
    uint64_t gain;

    if (px_nano == RL_PX_NONE) /* as far away as can be */
        px_nano = side == RL_BUY ? INT64_MAX : INT64_MIN + 1;
    if (from == RL_PX_NONE || (trail_nano < 0 && from <= 0))
        return px_nano;
    if (trail_nano < 0) {
        trail_nano = share_of(from, trail_nano) / tick * tick;
        trail_nano = trail_nano > 0 ? trail_nano : tick;
        step_nano = share_of(from, step_nano);
    }
    if (side == RL_BUY ? __builtin_add_overflow(from, trail_nano, &to)
                       : __builtin_sub_overflow(from, trail_nano, &to))
        return px_nano;
    if (!rl_match_price_is_good(m, to) || (side == RL_BUY ? to >= px_nano : to <= px_nano))
        return px_nano;
    gain = side == RL_BUY ? (uint64_t)px_nano - (uint64_t)to : (uint64_t)to - (uint64_t)px_nano;
    return gain >= (uint64_t)step_nano ? to : px_nano;
}

/* A limit that moves along with its stop price, unless that led out of all prices. */
static int64_t follow(const struct rl_match *m, int64_t px_nano, int64_t from, int64_t to)
{
    int64_t by, px;

    if (__builtin_sub_overflow(to, from, &by) || __builtin_add_overflow(px_nano, by, &px) ||
        !rl_match_price_is_good(m, px))
        return px_nano;
    return px;
}

static void trail_one(struct rl_match *m, uint32_t instrument, unsigned side, uint32_t n)
{
    struct rl_match_stop *s = stop_of(m, n);
    const struct rl_book_order *o = rl_match_node(m, n);
    int64_t from = rl_match_level(m, n)->px_nano;
    int64_t to = rl_match_trailed(m, instrument, side, from, s->trail_nano, s->trail_step_nano);

    if (to == from)
        return;
    if (!rl_match_has_room_at(&m->stops, instrument, 1 - side, to)) {
        m->instruments[instrument].trail_nano[side] = RL_PX_NONE; /* tried again next time */
        return;
    }
    rl_match_apply(m, &m->stops, RL_OP_REPLACE, instrument, o->id, o->id, 0, to, o->qty);
    if (m->orders[n].type == RL_MATCH_TRAILING_STOP_LIMIT)
        s->px_nano = follow(m, s->px_nano, from, to);
    m->orders[n].since = m->seq;
    rl_match_tell_order(m, RL_MATCH_EVENT_TRAILED, n);
}

void rl_match_trail(struct rl_match *m, uint32_t instrument)
{
    struct rl_match_instrument *i = &m->instruments[instrument];

    for (unsigned side = 0; side < 2; side++) {
        int64_t now = market(m, instrument, side);

        if (i->trailing[side] == RL_SLOT_NONE || now == RL_PX_NONE || now == i->trail_nano[side])
            continue;
        i->trail_nano[side] = now;
        for (uint32_t n = i->trailing[side]; n != RL_SLOT_NONE; n = stop_of(m, n)->next)
            trail_one(m, instrument, side, n);
    }
}

/* --- waiting ---------------------------------------------------------------------------------- */

void rl_match_wait(struct rl_match *m, const struct rl_match_request *r,
                   const struct rl_match_taker *t, int64_t stop_px_nano)
{
    struct rl_match_instrument *i = &m->instruments[t->instrument];
    uint32_t slot = m->stops.free_order, n = m->config.n_orders + slot;
    struct rl_match_stop *s = &m->waits[slot];

    rl_match_apply(m, &m->stops, RL_OP_ADD, t->instrument, t->id, 0, 1u - t->side, stop_px_nano,
                   t->leaves);
    rl_match_hold(m, n, t);
    m->extras[n].show_qty = t->show_qty;
    *s = (struct rl_match_stop){.px_nano = t->px_nano,
                                .slippage_nano = t->slippage_nano,
                                .min_qty = t->min_qty,
                                .prev = RL_SLOT_NONE,
                                .next = RL_SLOT_NONE};
    if (i->n_waiting++ == 0) { /* trades from here on are what it waits for */
        i->high_nano = INT64_MIN;
        i->low_nano = INT64_MAX;
    }
    rl_match_set_rule(i, RL_MATCH_RULE_STOPS, true);
    if (!trails(m, n))
        return;
    s->trail_nano = r->trail_nano;
    s->trail_step_nano = r->trail_step_nano;
    if (t->type == RL_MATCH_TRAILING_STOP_LIMIT)
        s->px_nano = follow(m, s->px_nano, r->stop_px_nano, stop_px_nano);
    s->prev = i->trailing_tail[t->side];
    if (s->prev == RL_SLOT_NONE)
        i->trailing[t->side] = n;
    else
        stop_of(m, s->prev)->next = n;
    i->trailing_tail[t->side] = n;
    i->trail_nano[t->side] = RL_PX_NONE; /* has not seen what the others have */
}

void rl_match_stop_unlink(struct rl_match *m, uint32_t n)
{
    struct rl_match_instrument *i = &m->instruments[rl_match_node(m, n)->instrument];
    const struct rl_match_stop *s = stop_of(m, n);
    unsigned side = rl_match_side(m, n);

    rl_match_set_rule(i, RL_MATCH_RULE_STOPS, --i->n_waiting > 0);
    if (!trails(m, n))
        return;
    if (s->prev == RL_SLOT_NONE)
        i->trailing[side] = s->next;
    else
        stop_of(m, s->prev)->next = s->next;
    if (s->next == RL_SLOT_NONE)
        i->trailing_tail[side] = s->prev;
    else
        stop_of(m, s->next)->prev = s->prev;
}

void rl_match_replace_stop(struct rl_match *m, const struct rl_match_request *r, uint32_t n,
                           uint64_t qty)
{
    struct rl_match_stop *s = stop_of(m, n);
    const struct rl_book_order *o = rl_match_node(m, n);
    uint32_t instrument = o->instrument;
    unsigned side = rl_match_side(m, n);
    int64_t was = rl_match_level(m, n)->px_nano;
    int64_t wanted = r->stop_px_nano == RL_PX_NONE ? was : r->stop_px_nano, stop = wanted;
    bool keeps;
    struct rl_match_event *e;

    if (wanted != was && !rl_match_price_is_good(m, wanted)) {
        rl_match_refuse(m, r, RL_MATCH_REASON_BAD_PRICE);
        return;
    }
    if (trails(m, n))
        stop = rl_match_trailed(m, instrument, side, wanted, s->trail_nano, s->trail_step_nano);
    if (rl_match_is_passed(m, instrument, side, stop)) {
        rl_match_refuse(m, r, RL_MATCH_REASON_STOP_PASSED);
        return;
    }
    if (!rl_match_has_room_at(&m->stops, instrument, 1 - side, stop)) {
        rl_match_refuse(m, r, RL_MATCH_REASON_BOOK_FULL);
        return;
    }
    keeps = stop == was && qty <= o->qty && !(r->flags & RL_MATCH_TO_BACK);
    if (!keeps) {
        rl_match_apply(m, &m->stops, RL_OP_REPLACE, instrument, r->id, r->new_id, 0, stop, qty);
        m->orders[n].since = m->seq;
    } else {
        if (r->new_id != r->id)
            rl_books_rename(&m->stops, instrument, r->id, r->new_id);
        if (qty < o->qty)
            rl_match_apply(m, &m->stops, RL_OP_REDUCE, instrument, r->new_id, 0, 0, 0,
                           o->qty - qty);
    }
    m->orders[n].user = r->user;
    m->extras[n].show_qty = r->show_qty < qty ? r->show_qty : 0;
    if (m->orders[n].type != RL_MATCH_STOP && m->orders[n].type != RL_MATCH_TRAILING_STOP)
        s->px_nano = follow(m, r->px_nano, wanted, stop);
    m->instruments[instrument].trail_nano[side] = RL_PX_NONE;
    e = rl_match_tell_order(m, RL_MATCH_EVENT_REPLACED, n);
    e->other_id = r->id;
    e->qty = qty;
    e->flags |= keeps ? RL_MATCH_KEPT_PLACE : 0;
}

/* --- triggering ------------------------------------------------------------------------------- */

static bool is_due(const struct rl_match *m, uint32_t instrument, unsigned side)
{
    const struct rl_match_instrument *i = &m->instruments[instrument];
    int64_t stop = rl_match_best(&m->stops, instrument, 1 - side)->px_nano, best;

    if (stop == RL_PX_NONE)
        return false;
    if (m->config.trigger == RL_MATCH_TRIGGER_LAST)
        return side == RL_BUY ? i->high_nano >= stop : i->low_nano <= stop;
    best = rl_match_best(&m->books, instrument, 1 - side)->px_nano;
    return best == RL_PX_NONE || (side == RL_BUY ? best >= stop : best <= stop);
}

/* The first of a side's stops becomes what it was to become, and arrives. */
static void trigger_first(struct rl_match *m, uint32_t instrument, unsigned side)
{
    const struct rl_book_level *l = rl_match_best(&m->stops, instrument, 1 - side);
    uint32_t n = m->config.n_orders + l->head;
    const struct rl_match_order *a = &m->orders[n];
    const struct rl_match_extra *x = &m->extras[n];
    const struct rl_match_stop *s = stop_of(m, n);
    const struct rl_book_order *o = rl_match_node(m, n);
    int64_t stop_px_nano = l->px_nano;
    bool to_market = a->type == RL_MATCH_STOP || a->type == RL_MATCH_TRAILING_STOP;
    struct rl_match_taker t = {
        .id = o->id,
        .user = a->user,
        .leaves = o->qty,
        .done = a->done,
        .show_qty = x->show_qty,
        .min_qty = s->min_qty,
        .expire_ns = x->expire_ns,
        .born = x->born,
        .px_nano = s->px_nano,
        .slippage_nano = s->slippage_nano,
        .instrument = instrument,
        .owner = a->owner,
        .side = (uint8_t)side,
        .type = to_market ? RL_MATCH_MARKET : RL_MATCH_LIMIT,
        .tif = a->tif,
        .stp = a->stp,
        .flags = a->flags & (RL_MATCH_POST_ONLY | RL_MATCH_ALL_OR_NONE),
    };

    rl_match_release(m, n);
    rl_match_delete(m, &m->stops, instrument, t.id);
    rl_match_tell_taker(m, RL_MATCH_EVENT_TRIGGERED, &t)->px_nano = stop_px_nano;
    rl_match_arrive(m, &t);
}

bool rl_match_trigger(struct rl_match *m, uint32_t instrument)
{
    struct rl_match_instrument *i = &m->instruments[instrument];

    for (unsigned side = 0; side < 2; side++) {
        if (is_due(m, instrument, side)) {
            trigger_first(m, instrument, side);
            return true;
        }
    }
    i->high_nano = INT64_MIN;
    i->low_nano = INT64_MAX;
    return false;
}
