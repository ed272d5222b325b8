/*
 * match_inner - what the parts of the matching engine share: numbers of orders, events, updates.
 *
 * An order has one number for everything that is known of it: its slot in `books`, or n_orders plus
 * its slot in `stops` while it waits. It changes when a stop is triggered, and with nothing else.
 */
#ifndef RL_RIG_EXCHANGE_MATCH_INNER_H
#define RL_RIG_EXCHANGE_MATCH_INNER_H

#include "market/book/ladder.h"
#include "market/book/table.h"
#include "rig/exchange/match.h"

#define RL_MATCH_RARE __attribute__((noinline))

/* An order that is in no book now: arriving, triggered, or taken out to be changed. */
struct rl_match_taker {
    uint64_t id, user, leaves, done;
    uint64_t show_qty, min_qty, expire_ns, born;
    int64_t px_nano; /* its limit; a market order's is found on arrival */
    int64_t slippage_nano;
    uint32_t instrument, owner;
    uint8_t side, type, tif, stp, flags;
};

/* --- match.c ---------------------------------------------------------------------------------- */

/* Tells what is not told yet. */
void rl_match_flush(struct rl_match *m);

/* --- match_order.c: new orders, and what happens on arrival ------------------------------------
 */

/* A new order of any kind. */
void rl_match_new(struct rl_match *m, const struct rl_match_request *r);
/* Trades, then rests or ends. It has been accepted, triggered or replaced. */
void rl_match_arrive(struct rl_match *m, struct rl_match_taker *t);

/* --- match_change.c --------------------------------------------------------------------------- */

void rl_match_cancel(struct rl_match *m, const struct rl_match_request *r);
void rl_match_reduce(struct rl_match *m, const struct rl_match_request *r);
void rl_match_replace(struct rl_match *m, const struct rl_match_request *r); /* or MODIFY */
void rl_match_refuse(struct rl_match *m, const struct rl_match_request *r, unsigned reason);

/* --- match_trade.c: two resting orders, and the end of one --------------------------------------
 */

/* One trade of two resting orders, at most what both show. In no auction the younger arrived. */
void rl_match_trade_pair(struct rl_match *m, uint32_t buy, uint32_t sell, uint64_t qty,
                         int64_t px_nano, unsigned flags);
/* FILL of a resting order, at most what it shows. True: rl_match_refill, behind the other's FILL.
 */
bool rl_match_fill(struct rl_match *m, uint32_t n, const struct rl_match_trade *trade,
                   unsigned flags);
/* An iceberg shows its next part, at the back. */
void rl_match_refill(struct rl_match *m, uint32_t n);
/* A live order, resting or waiting, ends with CANCELLED or EXPIRED. */
void rl_match_end(struct rl_match *m, uint32_t n, enum rl_match_kind kind, unsigned reason);
/* A live order loses so much, hidden part first, and something is left. */
void rl_match_take_off(struct rl_match *m, uint32_t n, uint64_t qty, unsigned reason);
/* What was kept of a live order is forgotten; it is still in its book. */
void rl_match_release(struct rl_match *m, uint32_t n);
/* The opposite. Its flags are set. */
void rl_match_hold(struct rl_match *m, uint32_t n, const struct rl_match_taker *t);

/* --- match_stop.c ----------------------------------------------------------------------------- */

/* Makes it wait; there is room. */
void rl_match_wait(struct rl_match *m, const struct rl_match_request *r,
                   const struct rl_match_taker *t, int64_t stop_px_nano);
/* What a trailing stop's price would be now: `px_nano` or better. */
int64_t rl_match_trailed(const struct rl_match *m, uint32_t instrument, unsigned side,
                         int64_t px_nano, int64_t trail_nano, int64_t step_nano);
/* The last trade has passed a stop price, so that nobody could say what triggers it. */
bool rl_match_is_passed(const struct rl_match *m, uint32_t instrument, unsigned side,
                        int64_t stop_px_nano);
void rl_match_replace_stop(struct rl_match *m, const struct rl_match_request *r, uint32_t n,
                           uint64_t qty);
/* For rl_match_release: it is no longer among those that trail. */
void rl_match_stop_unlink(struct rl_match *m, uint32_t n);
/* Triggers what is due, and lets the others follow the market. False: nothing was triggered. */
bool rl_match_trigger(struct rl_match *m, uint32_t instrument);
void rl_match_trail(struct rl_match *m, uint32_t instrument);

/* --- match_whole.c: books that are crossed ------------------------------------------------------
 */

/* Trades what crosses, one by one and in chains, as far as it goes. */
void rl_match_resolve(struct rl_match *m, uint32_t instrument);
/* The orders from `buy` and `sell` on trade `qty` at one price; all-or-none ones may be skipped. */
void rl_match_pair_up(struct rl_match *m, uint32_t buy, uint32_t sell, uint64_t qty,
                      int64_t px_nano, unsigned flags);
/* The next in priority; RL_SLOT_NONE. */
uint32_t rl_match_behind(const struct rl_match *m, uint32_t n);

/* --- match_phase.c: phases, auctions, mass cancels, ends of days and dates
 * ------------------------ */

void rl_match_phase(struct rl_match *m, const struct rl_match_request *r);
void rl_match_matching(struct rl_match *m, const struct rl_match_request *r);
void rl_match_mass_cancel(struct rl_match *m, const struct rl_match_request *r);
void rl_match_day_end(struct rl_match *m, const struct rl_match_request *r);
void rl_match_bust(struct rl_match *m, const struct rl_match_request *r);

/* --- match_date.c ----------------------------------------------------------------------------- */

void rl_match_date_put(struct rl_match *m, uint32_t n);
void rl_match_date_drop(struct rl_match *m, uint32_t n);
/* What has reached its date ends. */
void rl_match_expire(struct rl_match *m);

/* --- orders ----------------------------------------------------------------------------------- */

static inline bool rl_match_waits(const struct rl_match *m, uint32_t n)
{
    return n >= m->config.n_orders;
}

static inline struct rl_books *rl_match_books_of(struct rl_match *m, uint32_t n)
{
    return rl_match_waits(m, n) ? &m->stops : &m->books;
}

static inline struct rl_book_order *rl_match_node(const struct rl_match *m, uint32_t n)
{
    return rl_match_waits(m, n) ? &m->stops.nodes[n - m->config.n_orders].order
                                : &m->books.nodes[n].order;
}

static inline const struct rl_book_level *rl_match_level(const struct rl_match *m, uint32_t n)
{
    uint32_t level = rl_match_node(m, n)->level;

    return rl_match_waits(m, n) ? &m->stops.nodes[level].level : &m->books.nodes[level].level;
}

/* Its own side: a stop that waits lies on the other one. */
static inline unsigned rl_match_side(const struct rl_match *m, uint32_t n)
{
    return rl_level_side(rl_match_level(m, n)) ^ rl_match_waits(m, n);
}

static inline uint64_t rl_match_hidden(const struct rl_match *m, uint32_t n)
{
    return m->orders[n].flags & RL_MATCH_ICEBERG ? m->extras[n].hidden : 0;
}

/* The live order of that id; RL_SLOT_NONE. The instrument is one. */
static inline uint32_t rl_match_lookup(const struct rl_match *m, uint32_t instrument, uint64_t id)
{
    uint32_t n = rl_table_find(&m->books, rl_books_home(&m->books, id), instrument, id);

    if (n != RL_SLOT_NONE || !(m->instruments[instrument].rules & RL_MATCH_RULE_STOPS))
        return n;
    n = rl_table_find(&m->stops, rl_books_home(&m->stops, id), instrument, id);
    return n == RL_SLOT_NONE ? n : m->config.n_orders + n;
}

/* The best level of a side; one of RL_PX_NONE when there is none. */
static inline const struct rl_book_level *rl_match_best(const struct rl_books *b,
                                                        uint32_t instrument, unsigned side)
{
    return &b->nodes[b->books[instrument].best[side]].level;
}

/* Whether an order of that limit meets somebody. */
static inline bool rl_match_crosses(const struct rl_match *m, uint32_t instrument, unsigned side,
                                    int64_t px_nano)
{
    unsigned other = 1 - side;

    /* Nobody's RL_PX_NONE ranks below every price on both sides. */
    return rl_book_rank(other, rl_match_best(&m->books, instrument, other)->px_nano) >=
           rl_book_rank(other, px_nano);
}

/* Whether an order of that price finds its level, or a new one can be made. */
static inline bool rl_match_has_room_at(struct rl_books *b, uint32_t instrument, unsigned side,
                                        int64_t px_nano)
{
    struct rl_book *book = &b->books[instrument];
    uint32_t n = book->n_levels[side];

    if (rl_ladder_find(b, book, side, px_nano) != RL_SLOT_NONE)
        return true;
    return n < b->n_levels_per_side && b->free_level != RL_SLOT_NONE &&
           (rl_ladder_has_room(book, side, n) || rl_books_grow_keys(b, book, side));
}

/* ... and whether one more order fits at all. */
static inline bool rl_match_has_room(struct rl_books *b, uint32_t instrument, unsigned side,
                                     int64_t px_nano)
{
    return b->free_order != RL_SLOT_NONE && rl_match_has_room_at(b, instrument, side, px_nano);
}

/* The price is a multiple of the tick and not at the very end of all numbers. */
static inline bool rl_match_price_is_good(const struct rl_match *m, int64_t px_nano)
{
    uint64_t size = px_nano < 0 ? -(uint64_t)px_nano : (uint64_t)px_nano,
             x = size * m->tick_inverse;

    /* The outermost numbers stand for any price, and for none. */
    return px_nano > INT64_MIN + 1 && px_nano < INT64_MAX &&
           (x >> m->tick_shift | x << (-m->tick_shift & 63)) <= m->tick_limit;
}

/* Whether an iceberg of that quantity has no more parts than it may. */
static inline bool rl_match_shows_enough(uint64_t qty, uint64_t show_qty)
{
    return show_qty == 0 || (qty - 1) / show_qty < RL_MATCH_PARTS;
}

/* Whether orders of that instrument trade when they meet. */
static inline bool rl_match_is_live(const struct rl_match *m, uint32_t instrument)
{
    return !(m->instruments[instrument].rules & RL_MATCH_RULE_SHUT);
}

static inline void rl_match_set_rule(struct rl_match_instrument *i, unsigned rule, bool holds)
{
    i->rules = (uint8_t)(holds ? i->rules | rule : i->rules & ~rule);
}

/* --- updates ---------------------------------------------------------------------------------- */

static inline struct rl_update rl_match_update(const struct rl_match *m, unsigned op,
                                               uint32_t instrument, uint64_t id, uint64_t new_id,
                                               unsigned side, int64_t px_nano, uint64_t qty)
{
    struct rl_update u;

    u.seq = m->seq;
    u.id = id;
    u.new_id = new_id;
    u.px_nano = px_nano;
    u.qty = qty;
    u.ts_ns = m->now_ns;
    u.instrument = instrument;
    u.op = (uint8_t)op;
    u.side = (uint8_t)side;
    return u;
}

static inline void rl_match_apply(struct rl_match *m, struct rl_books *b, unsigned op,
                                  uint32_t instrument, uint64_t id, uint64_t new_id, unsigned side,
                                  int64_t px_nano, uint64_t qty)
{
    struct rl_update u = rl_match_update(m, op, instrument, id, new_id, side, px_nano, qty);

    rl_books_apply(b, &u);
}

static inline void rl_match_delete(struct rl_match *m, struct rl_books *b, uint32_t instrument,
                                   uint64_t id)
{
    rl_match_apply(m, b, RL_OP_DELETE, instrument, id, 0, 0, 0, 0);
}

/* --- events ----------------------------------------------------------------------------------- */

/* The next event; everything but its number, time, kind and op is 0. */
static inline struct rl_match_event *rl_match_tell(struct rl_match *m, unsigned kind)
{
    struct rl_match_event *e;

    if (RL_UNLIKELY(m->n_events == RL_MATCH_BATCH))
        rl_match_flush(m);
    e = &m->events[m->n_events++];
    e->seq = ++m->seq;
    e->ts_ns = m->now_ns;
    e->id = 0;
    e->other_id = 0;
    e->user = 0;
    e->match = 0;
    e->px_nano = 0;
    e->qty = 0;
    e->leaves = 0;
    e->shown = 0;
    e->done = 0;
    e->shown_before = 0;
    e->instrument = 0;
    e->owner = 0;
    e->kind = (uint8_t)kind;
    e->side = 0;
    e->reason = 0;
    e->flags = 0;
    e->type = 0;
    e->op = m->op;
    return e;
}

/* ... of a live order, as it is: nothing has happened to what it shows. */
static inline struct rl_match_event *rl_match_tell_order(struct rl_match *m, unsigned kind,
                                                         uint32_t n)
{
    struct rl_match_event *e = rl_match_tell(m, kind);
    const struct rl_match_order *a = &m->orders[n];
    const struct rl_book_order *o = rl_match_node(m, n);
    const struct rl_book_level *l = rl_match_level(m, n);
    bool waits = rl_match_waits(m, n);

    e->id = o->id;
    e->user = a->user;
    e->px_nano = l->px_nano;
    e->leaves = o->qty + rl_match_hidden(m, n);
    e->shown = e->shown_before = waits ? 0 : o->qty;
    e->done = a->done;
    e->instrument = o->instrument;
    e->owner = a->owner;
    e->side = (uint8_t)(rl_level_side(l) ^ waits);
    e->flags = waits ? 0 : RL_MATCH_SHOWN;
    e->type = a->type;
    return e;
}

/* ... of one that is in no book. */
static inline struct rl_match_event *rl_match_tell_taker(struct rl_match *m, unsigned kind,
                                                         const struct rl_match_taker *t)
{
    struct rl_match_event *e = rl_match_tell(m, kind);

    e->id = t->id;
    e->user = t->user;
    e->px_nano = t->px_nano;
    e->leaves = t->leaves;
    e->done = t->done;
    e->instrument = t->instrument;
    e->owner = t->owner;
    e->side = t->side;
    e->type = t->type;
    return e;
}

/* --- trades ----------------------------------------------------------------------------------- */

/* A trade happened; its number. */
static inline uint64_t rl_match_count_trade(struct rl_match *m, uint32_t instrument,
                                            int64_t px_nano)
{
    struct rl_match_instrument *i = &m->instruments[instrument];

    i->last_px_nano = px_nano;
    i->high_nano = px_nano > i->high_nano ? px_nano : i->high_nano;
    i->low_nano = px_nano < i->low_nano ? px_nano : i->low_nano;
    return ++m->n_matches;
}

/* Kept for busts. */
static inline void rl_match_keep_trade(struct rl_match *m, const struct rl_match_trade *trade)
{
    if (m->config.n_trades > 0)
        m->trades[trade->match & (m->config.n_trades - 1)] = *trade;
}

/* At the end of whatever changed a book: what follows from that. */
static inline void rl_match_settle(struct rl_match *m, uint32_t instrument)
{
    struct rl_match_instrument *i = &m->instruments[instrument];

    if (i->rules == 0 || i->rules & RL_MATCH_RULE_SHUT)
        return;
    do {
        if (!(i->rules & RL_MATCH_RULE_WHOLE))
            continue;
        rl_match_resolve(m, instrument);
        rl_match_set_rule(i, RL_MATCH_RULE_WHOLE, i->n_whole > 0);
    } while (i->rules & RL_MATCH_RULE_STOPS && rl_match_trigger(m, instrument));
    if (i->rules & RL_MATCH_RULE_STOPS)
        rl_match_trail(m, instrument);
}

#endif
