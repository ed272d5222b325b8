/*
 * slow_match - price-time matching as a list of orders that is searched from end to end for every
 * question: what the matching engine must agree with, event by event.
 *
 * Every live order is in one array; what is first in a queue is found by comparing prices and
 * places. `wrong` breaks one rule at a time, so that a test can show that breaking it is noticed.
 */
#ifndef RL_TESTS_SLOW_MATCH_H
#define RL_TESTS_SLOW_MATCH_H

#include <string.h>

#include "check.h"
#include "rig/exchange/match.h"

/* X(NAME, what is wrong) */
#define SLOW_WRONGS(X)                                                                \
    X(RIGHT, "nothing")                                                               \
    X(NEWEST_FIRST, "at one price the newest order trades first")                     \
    X(OWN_PRICE, "trades happen at the arriving order's limit")                       \
    X(GROWN_STAYS, "an order that grows keeps its place")                             \
    X(SHRUNK_MOVES, "an order that shrinks loses its place")                          \
    X(REDUCED_MOVES, "a reduced order loses its place")                               \
    X(REFILL_STAYS, "an iceberg's next part keeps its place")                         \
    X(REDUCE_SHOWN_FIRST, "a reduction takes the shown part first")                   \
    X(FOK_TRADES, "fill-or-kill trades what is there")                                \
    X(MIN_QTY_IGNORED, "the minimum quantity is not asked")                           \
    X(POST_ONLY_TRADES, "post-only orders trade")                                     \
    X(SLIPPAGE_FREE, "market orders slip as far as they like")                        \
    X(STP_IGNORED, "orders of one owner trade")                                       \
    X(STP_OLDER, "the older order's wish counts")                                     \
    X(STP_COUNTED, "own orders count as being there")                                 \
    X(STP_SMALLER_ONLY, "of two own orders the larger is not decremented")            \
    X(WHOLE_PASSED, "who is too small for an all-or-none order passes it")            \
    X(CHAIN_PRICE, "a chain trades at the sell's price")                              \
    X(CHAIN_ANY_PRICE, "a chain needs no price that all accept")                      \
    X(CHAIN_CUT, "a chain may cut an all-or-none order")                              \
    X(STOP_LATE, "a stop waits for a trade beyond its price")                         \
    X(STOP_SELLS_FIRST, "sells are triggered first")                                  \
    X(STOP_ANY_ORDER, "the youngest stop is triggered first")                         \
    X(STOP_FORGETS, "only the last trade can trigger")                                \
    X(TRAIL_BACK, "a trailing stop moves away from the market too")                   \
    X(TRAIL_NO_STEP, "a trailing stop does not wait for its step")                    \
    X(TRAIL_LIMIT_STAYS, "the limit does not follow the stop price")                  \
    X(AUCTION_LAST, "of equal auction prices the last trade's distance is no matter") \
    X(AUCTION_SURPLUS, "the surplus of an auction is no matter")                      \
    X(AUCTION_LIMITS, "auction trades happen at the sell's limit")                    \
    X(AUCTION_WHOLE, "all-or-none orders take part in auctions")                      \
    X(AT_OPEN_STAYS, "what was for the auction stays")                                \
    X(HALT_TRADES, "new orders are accepted while halted")                            \
    X(DAY_STAYS, "day orders outlive the day")                                        \
    X(DATE_LATE, "dates are reached one nanosecond late")                             \
    X(OWNER_FREE, "anybody may cancel")                                               \
    X(BUST_TWICE, "a trade can be taken back twice")                                  \
    X(MODIFY_OPEN, "a modification's total is taken for what is open")                \
    X(MASS_ALL, "a mass cancel takes everybody's orders")

enum slow_wrong {
#define SLOW_ENUM(name, text) SLOW_##name,
    SLOW_WRONGS(SLOW_ENUM)
#undef SLOW_ENUM
        SLOW_N_WRONGS
};

enum { SLOW_MAX_INSTRUMENTS = 4, SLOW_EVENTS = 65536 };

struct slow_order {
    uint64_t id, user, open, shown, show_qty, done, expire_ns, born, min_qty;
    uint64_t place; /* smaller: there earlier */
    int64_t px, stop, slippage, trail, step;
    uint32_t instrument, owner;
    uint8_t side, type, tif, stp, flags;
    bool waits;
};

struct slow_trade {
    uint64_t match, ids[2], users[2], qty;
    int64_t px;
    uint32_t owners[2], instrument;
};

struct slow_match {
    struct rl_match_config config;
    enum slow_wrong wrong;
    struct slow_order *orders; /* config.n_orders and one that arrives */
    uint32_t n_orders;
    struct slow_trade *trades; /* the last config.n_trades, the newest last */
    uint32_t n_trades;
    struct slow_instrument {
        uint8_t phase;
        bool is_off;
        int64_t last, high, low;
    } instruments[SLOW_MAX_INSTRUMENTS];
    uint64_t now_ns, seq, n_matches, max_qty, next_place;
    uint8_t op;
    uint32_t n_events; /* of this request */
    struct rl_match_event *events;
};

static inline void slow_init(struct slow_match *s, const struct rl_match_config *config,
                             enum slow_wrong wrong)
{
    memset(s, 0, sizeof *s);
    CHECK(config->n_instruments <= SLOW_MAX_INSTRUMENTS);
    s->config = *config;
    s->wrong = wrong;
    s->orders = calloc(config->n_orders + 1, sizeof *s->orders);
    s->trades = calloc(config->n_trades + 1, sizeof *s->trades);
    s->events = aligned_alloc(RL_CACHE_LINE, SLOW_EVENTS * sizeof *s->events);
    CHECK(s->orders && s->trades && s->events);
    s->max_qty = UINT64_MAX / config->n_orders;
    if (config->max_qty && config->max_qty < s->max_qty)
        s->max_qty = config->max_qty;
    for (int i = 0; i < SLOW_MAX_INSTRUMENTS; i++)
        s->instruments[i] =
            (struct slow_instrument){.last = RL_PX_NONE, .high = INT64_MIN, .low = INT64_MAX};
}

static inline void slow_fini(struct slow_match *s)
{
    free(s->orders);
    free(s->trades);
    free(s->events);
}

/* --- questions -------------------------------------------------------------------------------- */

static inline bool slow_is_whole(const struct slow_order *o)
{
    return o->flags & RL_MATCH_ALL_OR_NONE;
}

static inline bool slow_is_live(const struct slow_match *s, uint32_t instrument)
{
    return s->instruments[instrument].phase == RL_MATCH_OPEN && !s->instruments[instrument].is_off;
}

static inline struct slow_order *slow_find(struct slow_match *s, uint32_t instrument, uint64_t id)
{
    for (uint32_t i = 0; i < s->n_orders; i++)
        if (s->orders[i].id == id &&
            (instrument == RL_INSTRUMENT_ALL || s->orders[i].instrument == instrument)) {
            struct slow_order *first = &s->orders[i];

            for (uint32_t k = i; k < s->n_orders; k++) /* of several the lowest instrument's */
                if (s->orders[k].id == id && s->orders[k].instrument < first->instrument &&
                    instrument == RL_INSTRUMENT_ALL)
                    first = &s->orders[k];
            return first;
        }
    return NULL;
}

/* a before b in the queues of their side: of the book by limits, of stops by stop prices. */
static inline bool slow_is_before(const struct slow_match *s, const struct slow_order *a,
                                  const struct slow_order *b)
{
    int64_t p = a->waits ? a->stop : a->px, q = b->waits ? b->stop : b->px;
    bool lower_is_first = (a->side == RL_SELL) != a->waits;

    if (p != q)
        return lower_is_first ? p < q : p > q;
    if ((s->wrong == SLOW_NEWEST_FIRST && !a->waits) ||
        (s->wrong == SLOW_STOP_ANY_ORDER && a->waits))
        return a->place > b->place;
    return a->place < b->place;
}

/* The next after `after` in a queue (NULL: the first); NULL at the end. */
static inline struct slow_order *slow_next(struct slow_match *s, uint32_t instrument, unsigned side,
                                           bool waits, const struct slow_order *after)
{
    struct slow_order *next = NULL;

    for (uint32_t i = 0; i < s->n_orders; i++) {
        struct slow_order *o = &s->orders[i];

        if (o->instrument == instrument && o->side == side && o->waits == waits &&
            (!after || slow_is_before(s, after, o)) && (!next || slow_is_before(s, o, next)))
            next = o;
    }
    return next;
}

static inline struct slow_order *slow_best(struct slow_match *s, uint32_t instrument, unsigned side)
{
    return slow_next(s, instrument, side, false, NULL);
}

/* Whether an order of that side and limit accepts a price. */
static inline bool slow_accepts(unsigned side, int64_t limit, int64_t px)
{
    return side == RL_BUY ? px <= limit : px >= limit;
}

static inline uint32_t slow_n_waiting(const struct slow_match *s)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->n_orders; i++)
        n += s->orders[i].waits;
    return n;
}

/* Whether a price of a side of the book, or of the stops, is there or may come to be. */
static inline bool slow_has_level(const struct slow_match *s, uint32_t instrument, unsigned side,
                                  bool waits, int64_t px)
{
    uint32_t n = 0;

    if (s->n_orders < s->config.n_levels_per_side)
        return true;
    for (uint32_t i = 0; i < s->n_orders; i++) {
        const struct slow_order *o = &s->orders[i];
        int64_t p = waits ? o->stop : o->px;
        bool is_first = true;

        if (o->instrument != instrument || o->side != side || o->waits != waits)
            continue;
        if (p == px)
            return true;
        for (uint32_t k = 0; k < i; k++) {
            const struct slow_order *x = &s->orders[k];

            if (x->instrument == instrument && x->side == side && x->waits == waits &&
                (waits ? x->stop : x->px) == p)
                is_first = false;
        }
        n += is_first;
    }
    return n < s->config.n_levels_per_side;
}

/* --- events ----------------------------------------------------------------------------------- */

static inline struct rl_match_event *slow_tell(struct slow_match *s, unsigned kind)
{
    struct rl_match_event *e = &s->events[s->n_events++];

    CHECK(s->n_events < SLOW_EVENTS);
    memset(e, 0, sizeof *e);
    e->seq = ++s->seq;
    e->ts_ns = s->now_ns;
    e->kind = (uint8_t)kind;
    e->op = s->op;
    return e;
}

/* Of an order as it is; `shown_before` is what it showed until then. */
static inline struct rl_match_event *slow_tell_order(struct slow_match *s, unsigned kind,
                                                     const struct slow_order *o,
                                                     uint64_t shown_before)
{
    struct rl_match_event *e = slow_tell(s, kind);

    e->id = o->id;
    e->user = o->user;
    e->px_nano = o->waits ? o->stop : o->px;
    e->leaves = o->open;
    e->shown = o->shown;
    e->done = o->done;
    e->shown_before = shown_before;
    e->instrument = o->instrument;
    e->owner = o->owner;
    e->side = o->side;
    e->flags = o->shown > 0 || shown_before > 0 ? RL_MATCH_SHOWN : 0;
    e->type = o->type;
    return e;
}

static inline void slow_remove(struct slow_match *s, struct slow_order *o)
{
    s->n_orders--;
    memmove(o, o + 1, (size_t)(&s->orders[s->n_orders] - o) * sizeof *o);
}

/* An order in the array ends. */
static inline void slow_end(struct slow_match *s, struct slow_order *o, unsigned kind,
                            unsigned reason)
{
    uint64_t open = o->open, shown = o->shown;
    struct rl_match_event *e;

    o->open = o->shown = 0;
    e = slow_tell_order(s, kind, o, shown);
    e->qty = open;
    e->reason = (uint8_t)reason;
    slow_remove(s, o);
}

/* An order, in the array or not, ends: one that arrives shows nothing. */
static inline void slow_drop(struct slow_match *s, struct slow_order *t, unsigned kind,
                             unsigned reason)
{
    struct rl_match_event *e;
    uint64_t open = t->open;

    t->open = 0;
    e = slow_tell_order(s, kind, t, 0);
    e->qty = open;
    e->reason = (uint8_t)reason;
}

/* An order in the array loses so much, and something is left. */
static inline void slow_take_off(struct slow_match *s, struct slow_order *o, uint64_t qty,
                                 unsigned reason)
{
    uint64_t shown = o->shown, hidden = o->open - o->shown;
    struct rl_match_event *e;

    o->open -= qty;
    if (!o->waits) {
        o->shown = qty > hidden ? o->open : o->shown;
        if (s->wrong == SLOW_REDUCE_SHOWN_FIRST && qty < shown)
            o->shown = shown - qty;
    }
    e = slow_tell_order(s, RL_MATCH_EVENT_REDUCED, o, shown);
    e->qty = qty;
    e->reason = (uint8_t)reason;
}

/* --- trades ----------------------------------------------------------------------------------- */

static inline struct slow_trade slow_count_trade(struct slow_match *s, const struct slow_order *buy,
                                                 const struct slow_order *sell, uint64_t qty,
                                                 int64_t px)
{
    struct slow_instrument *i = &s->instruments[buy->instrument];
    struct slow_trade t = {
        .match = ++s->n_matches,
        .ids = {buy->id, sell->id},
        .users = {buy->user, sell->user},
        .qty = qty,
        .px = px,
        .owners = {buy->owner, sell->owner},
        .instrument = buy->instrument,
    };

    i->last = px;
    i->high = s->wrong == SLOW_STOP_FORGETS || px > i->high ? px : i->high;
    i->low = s->wrong == SLOW_STOP_FORGETS || px < i->low ? px : i->low;
    if (s->config.n_trades > 0 && s->n_trades == s->config.n_trades)
        memmove(s->trades, s->trades + 1, --s->n_trades * sizeof *s->trades);
    if (s->config.n_trades > 0)
        s->trades[s->n_trades++] = t;
    return t;
}

/* One half of a trade; what it leaves of `o` is not settled yet. */
static inline void slow_fill(struct slow_match *s, struct slow_order *o, const struct slow_trade *t,
                             unsigned flags)
{
    uint64_t shown = o->shown;
    struct rl_match_event *e;

    o->open -= t->qty;
    o->shown -= shown > 0 ? t->qty : 0;
    o->done += t->qty;
    e = slow_tell_order(s, RL_MATCH_EVENT_FILL, o, shown);
    e->other_id = t->ids[1 - o->side];
    e->match = t->match;
    e->px_nano = t->px;
    e->qty = t->qty;
    e->flags |= (uint8_t)flags;
}

/* After a trade: what shows nothing any more goes, or shows its next part. */
static inline void slow_after_fill(struct slow_match *s, uint32_t instrument, uint64_t id)
{
    struct slow_order *o = slow_find(s, instrument, id);

    if (o->open == 0) {
        slow_remove(s, o);
    } else if (o->shown == 0) {
        o->shown = o->show_qty < o->open ? o->show_qty : o->open;
        if (s->wrong != SLOW_REFILL_STAYS)
            o->place = ++s->next_place;
        slow_tell_order(s, RL_MATCH_EVENT_REFILLED, o, 0);
    }
}

/* Two resting orders; the older is told first. */
static inline void slow_trade_pair(struct slow_match *s, struct slow_order *buy,
                                   struct slow_order *sell, uint64_t qty, int64_t px,
                                   unsigned flags)
{
    struct slow_order *older = buy->place < sell->place ? buy : sell;
    struct slow_order *younger = older == buy ? sell : buy;
    struct slow_trade t = slow_count_trade(s, buy, sell, qty, px);
    uint64_t first = older->id, second = younger->id;
    uint32_t instrument = buy->instrument;

    slow_fill(s, older, &t, flags);
    slow_fill(s, younger, &t, flags & RL_MATCH_IN_AUCTION ? flags : flags | RL_MATCH_AGGRESSOR);
    slow_after_fill(s, instrument, first);
    slow_after_fill(s, instrument, second);
}

#endif
