/* What happens to an order that rests or waits: it trades, shrinks, shows its next part, ends. */
#include "rig/exchange/match_inner.h"

void rl_match_hold(struct rl_match *m, uint32_t n, const struct rl_match_taker *t)
{
    struct rl_match_order *a = &m->orders[n];
    struct rl_match_extra *x = &m->extras[n];

    a->user = t->user;
    a->done = t->done;
    a->since = m->seq;
    a->owner = t->owner;
    a->type = t->type;
    a->tif = t->tif;
    a->stp = t->stp;
    a->flags = t->flags;
    m->n_live[t->owner]++;
    if (t->tif == RL_MATCH_GTD) {
        a->flags |= RL_MATCH_DATED;
        x->expire_ns = t->expire_ns;
        x->born = t->born;
        rl_match_date_put(m, n);
    }
    if (!rl_match_waits(m, n) && t->flags & RL_MATCH_ALL_OR_NONE) {
        struct rl_match_instrument *i = &m->instruments[t->instrument];

        i->n_whole++;
        rl_match_set_rule(i, RL_MATCH_RULE_WHOLE, true);
    }
}

static RL_MATCH_RARE void release_rare(struct rl_match *m, uint32_t n)
{
    struct rl_match_instrument *i = &m->instruments[rl_match_node(m, n)->instrument];
    unsigned flags = m->orders[n].flags;

    if (flags & RL_MATCH_DATED)
        rl_match_date_drop(m, n);
    if (rl_match_waits(m, n)) {
        rl_match_stop_unlink(m, n);
        return;
    }
    if (flags & RL_MATCH_ALL_OR_NONE)
        i->n_whole--; /* the rule stays until others that it kept apart have met */
}

void rl_match_release(struct rl_match *m, uint32_t n)
{
    m->n_live[m->orders[n].owner]--;
    if (RL_UNLIKELY(m->orders[n].flags != 0 || rl_match_waits(m, n)))
        release_rare(m, n);
}

static void leave(struct rl_match *m, uint32_t n)
{
    const struct rl_book_order *o = rl_match_node(m, n);

    rl_match_release(m, n);
    rl_match_delete(m, rl_match_books_of(m, n), o->instrument, o->id);
}

void rl_match_end(struct rl_match *m, uint32_t n, enum rl_match_kind kind, unsigned reason)
{
    struct rl_match_event *e = rl_match_tell_order(m, kind, n);

    e->reason = (uint8_t)reason;
    e->qty = e->leaves;
    e->leaves = 0;
    e->shown = 0;
    leave(m, n);
}

void rl_match_take_off(struct rl_match *m, uint32_t n, uint64_t qty, unsigned reason)
{
    const struct rl_book_order *o = rl_match_node(m, n);
    uint64_t hidden = rl_match_hidden(m, n), from_hidden = qty < hidden ? qty : hidden;
    struct rl_match_event *e = rl_match_tell_order(m, RL_MATCH_EVENT_REDUCED, n);

    e->reason = (uint8_t)reason;
    e->qty = qty;
    e->leaves -= qty;
    if (!rl_match_waits(m, n))
        e->shown -= qty - from_hidden;
    if (from_hidden > 0)
        m->extras[n].hidden -= from_hidden;
    if (qty > from_hidden)
        rl_match_apply(m, rl_match_books_of(m, n), RL_OP_REDUCE, o->instrument, o->id, 0, 0, 0,
                       qty - from_hidden);
}

bool rl_match_fill(struct rl_match *m, uint32_t n, const struct rl_match_trade *trade,
                   unsigned flags)
{
    const struct rl_book_order *o = rl_match_node(m, n);
    struct rl_match_event *e;

    m->orders[n].done += trade->qty;
    e = rl_match_tell_order(m, RL_MATCH_EVENT_FILL, n);
    e->other_id = trade->ids[1 - e->side];
    e->match = trade->match;
    e->px_nano = trade->px_nano;
    e->qty = trade->qty;
    e->leaves -= trade->qty;
    e->shown -= trade->qty;
    e->flags |= (uint8_t)flags;
    if (e->shown > 0)
        rl_match_apply(m, &m->books, RL_OP_REDUCE, o->instrument, o->id, 0, 0, 0, trade->qty);
    else if (e->leaves > 0)
        return true;
    else
        leave(m, n);
    return false;
}

void rl_match_refill(struct rl_match *m, uint32_t n)
{
    const struct rl_book_order *o = rl_match_node(m, n);
    struct rl_match_extra *x = &m->extras[n];
    uint64_t shown = x->show_qty < x->hidden ? x->show_qty : x->hidden;
    struct rl_match_event *e;

    x->hidden -= shown;
    rl_match_apply(m, &m->books, RL_OP_REPLACE, o->instrument, o->id, o->id, 0,
                   rl_match_level(m, n)->px_nano, shown);
    m->orders[n].since = m->seq;
    e = rl_match_tell_order(m, RL_MATCH_EVENT_REFILLED, n);
    e->shown_before = 0;
}

void rl_match_trade_pair(struct rl_match *m, uint32_t buy, uint32_t sell, uint64_t qty,
                         int64_t px_nano, unsigned flags)
{
    const uint32_t n[2] = {buy, sell};
    const struct rl_match_order *b = &m->orders[buy], *s = &m->orders[sell];
    unsigned first = b->since < s->since ? RL_BUY : RL_SELL, second = 1 - first;
    unsigned arrived = flags & RL_MATCH_IN_AUCTION ? 0 : RL_MATCH_AGGRESSOR;
    uint32_t instrument = rl_match_node(m, buy)->instrument;
    struct rl_match_trade trade = {
        .match = rl_match_count_trade(m, instrument, px_nano),
        .ids = {rl_match_node(m, buy)->id, rl_match_node(m, sell)->id},
        .users = {b->user, s->user},
        .px_nano = px_nano,
        .qty = qty,
        .owners = {b->owner, s->owner},
        .instrument = instrument,
    };
    bool refill_first, refill_second;

    rl_match_keep_trade(m, &trade);
    refill_first = rl_match_fill(m, n[first], &trade, flags);
    refill_second = rl_match_fill(m, n[second], &trade, flags | arrived);
    if (refill_first)
        rl_match_refill(m, n[first]);
    if (refill_second)
        rl_match_refill(m, n[second]);
}
