/*
 * slow_match_arrive - the arriving order: what it meets, what it trades, where it ends. And what
 * follows: crossed books, stops.
 */
#ifndef RL_TESTS_SLOW_MATCH_ARRIVE_H
#define RL_TESTS_SLOW_MATCH_ARRIVE_H

#include "slow_match.h"

/* --- arrival ---------------------------------------------------------------------------------- */

static inline bool slow_ends_at_once(const struct slow_order *t)
{
    return t->type == RL_MATCH_MARKET || t->tif == RL_MATCH_IOC || t->tif == RL_MATCH_FOK;
}

static inline int64_t slow_limit(struct slow_match *s, const struct slow_order *t)
{
    struct slow_order *best = slow_best(s, t->instrument, 1u - t->side);
    int64_t any = t->side == RL_BUY ? INT64_MAX : INT64_MIN + 1;
    __int128 limit;

    if (t->type != RL_MATCH_MARKET)
        return t->px;
    if (t->slippage < 0 || !best || s->wrong == SLOW_SLIPPAGE_FREE)
        return any;
    limit = t->side == RL_BUY ? (__int128)best->px + t->slippage : (__int128)best->px - t->slippage;
    return limit > INT64_MAX || limit <= INT64_MIN ? any : (int64_t)limit;
}

static inline unsigned slow_stp(const struct slow_match *s, const struct slow_order *older,
                                const struct slow_order *younger)
{
    if (older->owner != younger->owner || s->wrong == SLOW_STP_IGNORED)
        return RL_MATCH_STP_NONE;
    return s->wrong == SLOW_STP_OLDER ? older->stp : younger->stp;
}

/*
 * How much t would trade: its arrival played through on a copy of what opposes it, where every
 * order, in the order of the queue, is one entry that comes again at the end of its price when it
 * has a hidden part.
 */
static inline uint64_t slow_count(struct slow_match *s, const struct slow_order *t, int64_t limit)
{
    struct slow_match copy = {.wrong = s->wrong, .n_orders = s->n_orders};
    struct slow_order *orders = calloc(s->n_orders + 1, sizeof *orders), *o;
    uint64_t left = t->open, place = s->next_place;

    memcpy(orders, s->orders, s->n_orders * sizeof *orders);
    copy.orders = orders;
    while (left > 0 && (o = slow_best(&copy, t->instrument, 1u - t->side)) &&
           slow_accepts(t->side, limit, o->px)) {
        unsigned stp = s->wrong == SLOW_STP_COUNTED ? RL_MATCH_STP_NONE : slow_stp(s, o, t);
        uint64_t qty = o->shown < left ? o->shown : left;

        if (stp == RL_MATCH_STP_OLDEST) {
            slow_remove(&copy, o);
            continue;
        }
        if (stp != RL_MATCH_STP_NONE)
            break;
        if (slow_is_whole(o) && o->open > left) {
            if (s->wrong != SLOW_WHOLE_PASSED)
                break;
            slow_remove(&copy, o);
            continue;
        }
        left -= qty;
        o->open -= qty;
        o->shown -= qty;
        if (o->open == 0) {
            slow_remove(&copy, o);
        } else if (o->shown == 0) {
            o->shown = o->show_qty < o->open ? o->show_qty : o->open;
            o->place = s->wrong == SLOW_REFILL_STAYS ? o->place : ++place;
        }
    }
    free(orders);
    return t->open - left;
}

/* t arrives at o, or both rest, and their owner does not want them to trade. */
static inline void slow_prevent(struct slow_match *s, struct slow_order *o, struct slow_order *t,
                                unsigned stp)
{
    const unsigned reason = RL_MATCH_REASON_SELF_TRADE, kind = RL_MATCH_EVENT_CANCELLED;
    uint32_t instrument = t->instrument;
    uint64_t id = t->id, qty = o->open < t->open ? o->open : t->open;
    bool t_rests = t->shown > 0;
    bool ends_o = stp == RL_MATCH_STP_OLDEST || stp == RL_MATCH_STP_BOTH;
    bool ends_t = stp == RL_MATCH_STP_NEWEST || stp == RL_MATCH_STP_BOTH;

    if (stp == RL_MATCH_STP_DECREMENT) {
        ends_o = o->open == qty;
        ends_t = t->open == qty;
        if (!ends_o && s->wrong != SLOW_STP_SMALLER_ONLY)
            slow_take_off(s, o, qty, reason);
    }
    if (ends_o)
        slow_end(s, o, kind, reason);
    if (t_rests)
        t = slow_find(s, instrument, id);
    if (ends_t && t_rests) {
        slow_end(s, t, kind, reason);
    } else if (ends_t) {
        slow_drop(s, t, kind, reason);
    } else if (stp == RL_MATCH_STP_DECREMENT && t_rests) {
        slow_take_off(s, t, qty, reason);
    } else if (stp == RL_MATCH_STP_DECREMENT) {
        struct rl_match_event *e;

        t->open -= qty;
        e = slow_tell_order(s, RL_MATCH_EVENT_REDUCED, t, 0);
        e->qty = qty;
        e->reason = (uint8_t)reason;
    }
}

static inline void slow_trade_all(struct slow_match *s, struct slow_order *t, int64_t limit)
{
    struct slow_order *o, *passed = NULL;

    while (t->open > 0 && (o = slow_next(s, t->instrument, 1u - t->side, false, passed)) &&
           slow_accepts(t->side, limit, o->px)) {
        unsigned stp = slow_stp(s, o, t);
        uint64_t qty = o->shown < t->open ? o->shown : t->open, id = o->id;
        int64_t px = s->wrong == SLOW_OWN_PRICE && t->type == RL_MATCH_LIMIT ? t->px : o->px;
        struct slow_trade trade;

        if (stp != RL_MATCH_STP_NONE) {
            slow_prevent(s, o, t, stp);
            if (passed) /* the array has moved */
                return;
            continue;
        }
        if (slow_is_whole(o) && o->open > t->open) {
            if (s->wrong != SLOW_WHOLE_PASSED)
                return;
            passed = o;
            continue;
        }
        trade = t->side == RL_BUY ? slow_count_trade(s, t, o, qty, px)
                                  : slow_count_trade(s, o, t, qty, px);
        slow_fill(s, o, &trade, 0);
        slow_fill(s, t, &trade, RL_MATCH_AGGRESSOR);
        slow_after_fill(s, t->instrument, id);
        if (passed)
            return;
    }
}

static inline void slow_rest(struct slow_match *s, struct slow_order *t)
{
    struct rl_match_event *e;

    if (!slow_has_level(s, t->instrument, t->side, false, t->px)) {
        slow_drop(s, t, RL_MATCH_EVENT_CANCELLED, RL_MATCH_REASON_BOOK_FULL);
        return;
    }
    t->shown = t->show_qty > 0 && t->show_qty < t->open ? t->show_qty : t->open;
    t->place = ++s->next_place;
    CHECK(s->n_orders < s->config.n_orders);
    s->orders[s->n_orders++] = *t;
    e = slow_tell_order(s, RL_MATCH_EVENT_RESTED, t, 0);
    e->qty = t->open;
}

static inline void slow_arrive(struct slow_match *s, struct slow_order t)
{
    const unsigned expired = RL_MATCH_EVENT_EXPIRED;
    int64_t limit = slow_limit(s, &t);
    struct slow_order *best = slow_best(s, t.instrument, 1u - t.side);
    bool meets = slow_is_live(s, t.instrument) && best && slow_accepts(t.side, limit, best->px);
    uint64_t there = meets ? slow_count(s, &t, limit) : 0;
    bool must_be_whole =
        (t.tif == RL_MATCH_FOK && s->wrong != SLOW_FOK_TRADES) || slow_is_whole(&t);

    if (t.flags & RL_MATCH_POST_ONLY && meets && s->wrong != SLOW_POST_ONLY_TRADES) {
        slow_drop(s, &t, expired, RL_MATCH_REASON_WOULD_TRADE);
        return;
    }
    if (must_be_whole && there < t.open)
        meets = false;
    if (t.min_qty > 0 && t.tif != RL_MATCH_FOK && s->wrong != SLOW_MIN_QTY_IGNORED &&
        (!meets || there < t.min_qty)) {
        slow_drop(s, &t, expired, RL_MATCH_REASON_MIN_QTY_UNMET);
        return;
    }
    if (meets)
        slow_trade_all(s, &t, limit);
    if (t.open == 0)
        return;
    if (!slow_ends_at_once(&t))
        slow_rest(s, &t);
    else if (t.tif == RL_MATCH_FOK)
        slow_drop(s, &t, expired, RL_MATCH_REASON_FOK_UNFILLED);
    else if (t.type == RL_MATCH_MARKET)
        slow_drop(s, &t, expired, RL_MATCH_REASON_MARKET_REMAINDER);
    else
        slow_drop(s, &t, expired, RL_MATCH_REASON_IOC_REMAINDER);
}

/* --- crossed books ---------------------------------------------------------------------------- */

/* The first orders of both sides trade `qty` at one price. */
static inline void slow_pair_up(struct slow_match *s, uint32_t instrument, uint64_t qty, int64_t px,
                                unsigned flags)
{
    bool skips = flags & RL_MATCH_IN_AUCTION && s->wrong != SLOW_AUCTION_WHOLE;
    struct slow_order list[2][256];
    uint32_t n[2] = {0, 0}, at[2] = {0, 0};

    for (unsigned side = 0; side < 2; side++)
        for (struct slow_order *o = slow_best(s, instrument, side); o;
             o = slow_next(s, instrument, side, false, o))
            if (!skips || !slow_is_whole(o)) {
                CHECK(n[side] < 256);
                list[side][n[side]++] = *o;
            }
    while (qty > 0) {
        struct slow_order *buy = slow_find(s, instrument, list[0][at[0]].id);
        struct slow_order *sell = slow_find(s, instrument, list[1][at[1]].id);
        uint64_t part = qty;
        int64_t at_px = px;

        part = buy->shown < part ? buy->shown : part;
        part = sell->shown < part ? sell->shown : part;
        qty -= part;
        at[0] += part == buy->open;
        at[1] += part == sell->open;
        if (s->wrong == SLOW_AUCTION_LIMITS && flags & RL_MATCH_IN_AUCTION)
            at_px = sell->px;
        slow_trade_pair(s, buy, sell, part, at_px, flags);
    }
}

/*
 * The chain: for each number of buys the sum of their quantities, for each number of sells the sum
 * of theirs; the shortest pair that is equal, where the last order may be cut if it is not
 * all-or-none. 0: there is none.
 */
static inline uint64_t slow_chain(struct slow_match *s, uint32_t instrument, int64_t *px)
{
    struct slow_order *buy = slow_best(s, instrument, RL_BUY);
    struct slow_order *sell = slow_best(s, instrument, RL_SELL);
    bool buy_rules = slow_is_whole(buy);
    uint64_t bought = 0, sold = 0;
    int64_t lowest = buy->px, highest = sell->px;
    struct slow_order *b = buy, *o = sell;

    *px = buy_rules && s->wrong != SLOW_CHAIN_PRICE ? buy->px : sell->px;
    if (buy_rules)
        bought = buy->open, b = slow_next(s, instrument, RL_BUY, false, buy);
    else
        sold = sell->open, o = slow_next(s, instrument, RL_SELL, false, sell);
    while (bought != sold) {
        bool takes_buy = bought < sold;
        struct slow_order *next = takes_buy ? b : o;
        uint64_t need = takes_buy ? sold - bought : bought - sold;
        uint64_t qty;

        if (!next)
            return 0;
        if (takes_buy)
            lowest = next->px;
        else
            highest = next->px;
        if (lowest < highest && s->wrong != SLOW_CHAIN_ANY_PRICE)
            return 0;
        qty = next->open > need && (!slow_is_whole(next) || s->wrong == SLOW_CHAIN_CUT)
                  ? need
                  : next->open;
        if (takes_buy)
            bought += qty, b = slow_next(s, instrument, RL_BUY, false, next);
        else
            sold += qty, o = slow_next(s, instrument, RL_SELL, false, next);
    }
    *px = *px > lowest ? lowest : *px < highest ? highest : *px;
    /* Who trades with whom: unit by unit. */
    b = buy;
    o = sell;
    for (uint64_t left = bought, x = b->open, y = o->open; left > 0;) {
        uint64_t part = x < y ? x : y;

        part = part < left ? part : left;
        if (slow_stp(s, b->place < o->place ? b : o, b->place < o->place ? o : b))
            return 0;
        left -= part;
        x -= part;
        y -= part;
        if (left > 0 && x == 0)
            b = slow_next(s, instrument, RL_BUY, false, b), x = b->open;
        if (left > 0 && y == 0)
            o = slow_next(s, instrument, RL_SELL, false, o), y = o->open;
    }
    return bought;
}

static inline void slow_resolve(struct slow_match *s, uint32_t instrument)
{
    struct slow_order *buy, *sell;

    while ((buy = slow_best(s, instrument, RL_BUY)) && (sell = slow_best(s, instrument, RL_SELL)) &&
           buy->px >= sell->px) {
        struct slow_order *older = buy->place < sell->place ? buy : sell;
        struct slow_order *younger = older == buy ? sell : buy;
        unsigned stp = slow_stp(s, older, younger);

        if (slow_is_whole(buy) || slow_is_whole(sell)) {
            int64_t px;
            uint64_t qty = slow_chain(s, instrument, &px);

            if (qty == 0)
                return;
            slow_pair_up(s, instrument, qty, px, 0);
        } else if (stp != RL_MATCH_STP_NONE) {
            slow_prevent(s, older, younger, stp);
        } else {
            slow_trade_pair(s, buy, sell, buy->shown < sell->shown ? buy->shown : sell->shown,
                            older->px, 0);
        }
    }
}

/* --- stops ------------------------------------------------------------------------------------ */

static inline bool slow_price_is_good(const struct slow_match *s, int64_t px)
{
    return px != INT64_MAX && px > INT64_MIN + 1 && px % s->config.tick_nano == 0;
}

/* Where a trailing stop's price is now, if it was at `stop`. */
static inline int64_t slow_trailed(struct slow_match *s, const struct slow_order *o, int64_t stop)
{
    int64_t last = s->instruments[o->instrument].last, tick = s->config.tick_nano;
    struct slow_order *best = slow_best(s, o->instrument, 1u - o->side); /* whom it would meet */
    unsigned sell = o->side == RL_SELL;
    __int128 from, by = o->trail, step = o->step, to;

    if (stop == RL_PX_NONE)
        stop = sell ? INT64_MIN + 1 : INT64_MAX;
    if (last == RL_PX_NONE || !best)
        return stop;
    from = sell ? (last < best->px ? last : best->px) : (last > best->px ? last : best->px);
    if (o->trail < 0) {
        if (from <= 0)
            return stop;
        by = from * -o->trail / 10000;
        by -= by % tick;
        by = by < tick ? tick : by;
        step = from * -o->step / 10000;
    }
    if (s->wrong == SLOW_TRAIL_NO_STEP)
        step = 0;
    to = sell ? from - by : from + by;
    if (to >= INT64_MAX || to <= INT64_MIN + 1)
        return stop;
    if (s->wrong == SLOW_TRAIL_BACK)
        return (int64_t)to;
    if (sell ? to <= stop || to - stop < step : to >= stop || stop - to < step)
        return stop;
    return (int64_t)to;
}

static inline int64_t slow_follow(const struct slow_match *s, int64_t px, int64_t from, int64_t to)
{
    __int128 by = (__int128)to - from, moved = px + by;

    if (by > INT64_MAX || by < INT64_MIN || moved > INT64_MAX || moved < INT64_MIN ||
        !slow_price_is_good(s, (int64_t)moved) || s->wrong == SLOW_TRAIL_LIMIT_STAYS)
        return px;
    return (int64_t)moved;
}

static inline bool slow_is_due(struct slow_match *s, const struct slow_order *o)
{
    const struct slow_instrument *i = &s->instruments[o->instrument];
    int64_t slack = s->wrong == SLOW_STOP_LATE ? 1 : 0;
    struct slow_order *best = slow_best(s, o->instrument, 1u - o->side);

    if (s->config.trigger == RL_MATCH_TRIGGER_LAST) {
        if (o->side == RL_BUY)
            return i->high != INT64_MIN && i->high - slack >= o->stop;
        return i->low != INT64_MAX && i->low + slack <= o->stop;
    }
    if (!best)
        return true;
    return o->side == RL_BUY ? best->px - slack >= o->stop : best->px + slack <= o->stop;
}

static inline bool slow_trigger(struct slow_match *s, uint32_t instrument)
{
    for (unsigned k = 0; k < 2; k++) {
        unsigned side = s->wrong == SLOW_STOP_SELLS_FIRST ? 1 - k : k;
        struct slow_order *o = slow_next(s, instrument, side, true, NULL), t;

        if (!o || !slow_is_due(s, o))
            continue;
        t = *o;
        slow_remove(s, o);
        t.waits = false;
        t.type = t.type == RL_MATCH_STOP || t.type == RL_MATCH_TRAILING_STOP ? RL_MATCH_MARKET
                                                                             : RL_MATCH_LIMIT;
        slow_tell_order(s, RL_MATCH_EVENT_TRIGGERED, &t, 0)->px_nano = t.stop;
        slow_arrive(s, t);
        return true;
    }
    s->instruments[instrument].high = INT64_MIN;
    s->instruments[instrument].low = INT64_MAX;
    return false;
}

static inline void slow_trail(struct slow_match *s, uint32_t instrument)
{
    for (unsigned side = 0; side < 2; side++) {
        uint64_t since = 0; /* trailing stops in the order in which they were accepted */

        for (;;) {
            struct slow_order *next = NULL;
            int64_t to;

            for (uint32_t i = 0; i < s->n_orders; i++) {
                struct slow_order *o = &s->orders[i];

                if (o->instrument == instrument && o->side == side && o->waits &&
                    o->type >= RL_MATCH_TRAILING_STOP && o->born > since &&
                    (!next || o->born < next->born))
                    next = o;
            }
            if (!next)
                break;
            since = next->born;
            to = slow_trailed(s, next, next->stop);
            if (to == next->stop || !slow_has_level(s, instrument, side, true, to))
                continue;
            if (next->type == RL_MATCH_TRAILING_STOP_LIMIT)
                next->px = slow_follow(s, next->px, next->stop, to);
            next->stop = to;
            next->place = ++s->next_place;
            slow_tell_order(s, RL_MATCH_EVENT_TRAILED, next, 0);
        }
    }
}

/* After whatever changed a book. */
static inline void slow_settle(struct slow_match *s, uint32_t instrument)
{
    if (!slow_is_live(s, instrument))
        return;
    do
        slow_resolve(s, instrument);
    while (slow_trigger(s, instrument));
    slow_trail(s, instrument);
}

#endif
