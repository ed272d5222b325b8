/*
 * slow_match_take - requests, as slow_match understands them.
 */
#ifndef RL_TESTS_SLOW_MATCH_TAKE_H
#define RL_TESTS_SLOW_MATCH_TAKE_H

#include "slow_match_arrive.h"

/* --- new orders ------------------------------------------------------------------------------- */

static inline bool slow_has_limit(unsigned type)
{
    return type == RL_MATCH_LIMIT || type == RL_MATCH_STOP_LIMIT ||
           type == RL_MATCH_TRAILING_STOP_LIMIT;
}

static inline unsigned slow_judge(struct slow_match *s, const struct rl_match_request *r,
                                  struct slow_order *t)
{
    bool waits = r->type >= RL_MATCH_STOP, trails = r->type >= RL_MATCH_TRAILING_STOP;
    bool has_limit = slow_has_limit(r->type), ends = slow_ends_at_once(t);
    bool post = r->flags & RL_MATCH_POST_ONLY, whole = r->flags & RL_MATCH_ALL_OR_NONE;
    const struct slow_instrument *i;
    struct slow_order *best;

    if (r->instrument >= s->config.n_instruments)
        return RL_MATCH_REASON_UNKNOWN_INSTRUMENT;
    i = &s->instruments[r->instrument];
    if (r->side > 1 || r->type >= RL_MATCH_N_TYPES || r->tif >= RL_MATCH_N_TIFS ||
        r->stp >= RL_MATCH_N_STPS || r->owner >= s->config.n_owners)
        return RL_MATCH_REASON_BAD_ORDER;
    if (i->phase == RL_MATCH_HALTED && s->wrong != SLOW_HALT_TRADES)
        return RL_MATCH_REASON_HALTED;
    if (i->phase == RL_MATCH_CLOSED)
        return RL_MATCH_REASON_CLOSED;
    if (r->qty == 0 || r->qty > s->max_qty || r->min_qty > r->qty)
        return RL_MATCH_REASON_BAD_QUANTITY;
    if (has_limit && !slow_price_is_good(s, r->px_nano))
        return RL_MATCH_REASON_BAD_PRICE;
    if (waits && !slow_price_is_good(s, r->stop_px_nano) &&
        (r->type != RL_MATCH_TRAILING_STOP || r->stop_px_nano != RL_PX_NONE))
        return RL_MATCH_REASON_BAD_PRICE;
    if (trails && r->trail_nano > 0 && !slow_price_is_good(s, r->trail_nano) &&
        (r->type != RL_MATCH_TRAILING_STOP || r->stop_px_nano != RL_PX_NONE))
        return RL_MATCH_REASON_BAD_PRICE;
    if (r->flags > 3 || (!has_limit && (post || whole || r->show_qty)) ||
        (post && (ends || r->min_qty)) ||
        (whole && (r->min_qty || (r->show_qty && r->show_qty < r->qty))))
        return RL_MATCH_REASON_BAD_ORDER;
    if (r->show_qty && (r->qty + (__int128)r->show_qty - 1) / r->show_qty > RL_MATCH_PARTS)
        return RL_MATCH_REASON_BAD_ORDER;
    if (r->tif == RL_MATCH_AT_OPEN &&
        (r->type != RL_MATCH_LIMIT || whole || r->min_qty || i->phase != RL_MATCH_AUCTION))
        return RL_MATCH_REASON_BAD_ORDER;
    if (trails && (r->trail_nano == 0 || r->trail_nano < -10000 ||
                   (r->trail_nano > 0 && r->trail_step_nano < 0) ||
                   (r->trail_nano < 0 && (r->trail_step_nano > 0 || r->trail_step_nano < -10000))))
        return RL_MATCH_REASON_BAD_ORDER;
    if (r->tif == RL_MATCH_GTD && r->expire_ns <= s->now_ns)
        return RL_MATCH_REASON_DATE_REACHED;
    if (slow_find(s, r->instrument, r->id))
        return RL_MATCH_REASON_DUPLICATE_ID;
    if (trails) {
        t->stop = slow_trailed(s, t, t->stop);
        if (has_limit)
            t->px = slow_follow(s, t->px, r->stop_px_nano, t->stop);
    }
    if (waits && s->config.trigger == RL_MATCH_TRIGGER_LAST && i->last != RL_PX_NONE &&
        (r->side == RL_BUY ? i->last >= t->stop : i->last <= t->stop))
        return RL_MATCH_REASON_STOP_PASSED;
    if (waits ? s->n_orders >= s->config.n_orders || slow_n_waiting(s) >= s->config.n_stops ||
                    !slow_has_level(s, r->instrument, r->side, true, t->stop)
              : !ends && (s->n_orders >= s->config.n_orders ||
                          !slow_has_level(s, r->instrument, r->side, false, r->px_nano)))
        return RL_MATCH_REASON_BOOK_FULL;
    best = slow_best(s, r->instrument, 1u - r->side);
    if (r->type == RL_MATCH_LIMIT && post && slow_is_live(s, r->instrument) && best &&
        slow_accepts(r->side, r->px_nano, best->px) && s->wrong != SLOW_POST_ONLY_TRADES)
        return RL_MATCH_REASON_WOULD_TRADE;
    return RL_MATCH_REASON_NONE;
}

static inline void slow_new(struct slow_match *s, const struct rl_match_request *r)
{
    struct slow_order t = {
        .id = r->id,
        .user = r->user,
        .open = r->qty,
        .show_qty = r->show_qty < r->qty ? r->show_qty : 0,
        .expire_ns = r->expire_ns,
        .min_qty = r->min_qty,
        .px = slow_has_limit(r->type) ? r->px_nano : RL_PX_NONE,
        .stop = r->stop_px_nano,
        .slippage = r->slippage_nano,
        .trail = r->trail_nano,
        .step = r->trail_step_nano,
        .instrument = r->instrument,
        .owner = r->owner,
        .side = r->side,
        .type = r->type,
        .tif = r->tif,
        .stp = r->stp,
        .flags = r->flags,
    };
    unsigned reason = slow_judge(s, r, &t);
    struct rl_match_event *e;

    if (reason != RL_MATCH_REASON_NONE) {
        e = slow_tell(s, RL_MATCH_EVENT_REJECTED);
        e->id = r->id;
        e->user = r->user;
        e->px_nano = r->px_nano;
        e->qty = r->qty;
        e->instrument = r->instrument;
        e->owner = r->owner;
        e->side = r->side;
        e->type = r->type;
        e->reason = (uint8_t)reason;
        return;
    }
    t.waits = r->type >= RL_MATCH_STOP;
    e = slow_tell_order(s, RL_MATCH_EVENT_ACCEPTED, &t, 0);
    e->qty = r->qty;
    t.born = e->seq;
    if (t.waits) {
        t.place = ++s->next_place;
        s->orders[s->n_orders++] = t;
    } else {
        slow_arrive(s, t);
    }
    slow_settle(s, r->instrument);
}

/* --- changes ---------------------------------------------------------------------------------- */

static inline void slow_refuse(struct slow_match *s, const struct rl_match_request *r,
                               unsigned reason)
{
    struct rl_match_event *e = slow_tell(s, RL_MATCH_EVENT_REFUSED);

    e->id = r->id;
    e->other_id = r->op == RL_MATCH_REPLACE || r->op == RL_MATCH_MODIFY ? r->new_id : 0;
    e->match = r->op == RL_MATCH_BUST ? r->match : 0;
    e->user = r->user;
    e->instrument = r->instrument;
    e->owner = r->owner;
    e->reason = (uint8_t)reason;
}

static inline struct slow_order *slow_named(struct slow_match *s, const struct rl_match_request *r)
{
    struct slow_order *o = slow_find(s, r->instrument, r->id);

    if (r->instrument >= s->config.n_instruments && r->instrument != RL_INSTRUMENT_ALL)
        slow_refuse(s, r, RL_MATCH_REASON_UNKNOWN_INSTRUMENT);
    else if (!o)
        slow_refuse(s, r, RL_MATCH_REASON_UNKNOWN_ORDER);
    else if (r->owner == o->owner || r->owner == RL_MATCH_ANYBODY || s->wrong == SLOW_OWNER_FREE)
        return o;
    else
        slow_refuse(s, r, RL_MATCH_REASON_NOT_OWNER);
    return NULL;
}

static inline void slow_cancel(struct slow_match *s, const struct rl_match_request *r)
{
    struct slow_order *o = slow_named(s, r);
    uint32_t instrument;

    if (!o)
        return;
    instrument = o->instrument;
    slow_end(s, o, RL_MATCH_EVENT_CANCELLED,
             r->reason && r->reason < RL_MATCH_N_REASONS ? r->reason : RL_MATCH_REASON_REQUESTED);
    slow_settle(s, instrument);
}

static inline void slow_reduce(struct slow_match *s, const struct rl_match_request *r)
{
    struct slow_order *o = slow_named(s, r);
    uint32_t instrument;

    if (!o)
        return;
    instrument = o->instrument;
    if (r->qty == 0) {
        slow_refuse(s, r, RL_MATCH_REASON_BAD_QUANTITY);
        return;
    }
    if (s->wrong == SLOW_REDUCED_MOVES)
        o->place = ++s->next_place;
    if (r->qty >= o->open)
        slow_end(s, o, RL_MATCH_EVENT_CANCELLED, RL_MATCH_REASON_REQUESTED);
    else
        slow_take_off(s, o, r->qty, RL_MATCH_REASON_REQUESTED);
    slow_settle(s, instrument);
}

static inline void slow_tell_replaced(struct slow_match *s, const struct rl_match_request *r,
                                      const struct slow_order *o, uint64_t shown_before,
                                      unsigned flags)
{
    struct rl_match_event *e = slow_tell_order(s, RL_MATCH_EVENT_REPLACED, o, shown_before);

    e->other_id = r->id;
    e->qty = o->open;
    e->flags |= (uint8_t)flags;
}

static inline void slow_replace_stop(struct slow_match *s, const struct rl_match_request *r,
                                     struct slow_order *o, uint64_t qty)
{
    int64_t wanted = r->stop_px_nano == RL_PX_NONE ? o->stop : r->stop_px_nano, stop = wanted;
    int64_t last = s->instruments[o->instrument].last;
    bool keeps;

    if (wanted != o->stop && !slow_price_is_good(s, wanted)) {
        slow_refuse(s, r, RL_MATCH_REASON_BAD_PRICE);
        return;
    }
    if (o->type >= RL_MATCH_TRAILING_STOP)
        stop = slow_trailed(s, o, wanted);
    if (s->config.trigger == RL_MATCH_TRIGGER_LAST && last != RL_PX_NONE &&
        (o->side == RL_BUY ? last >= stop : last <= stop)) {
        slow_refuse(s, r, RL_MATCH_REASON_STOP_PASSED);
        return;
    }
    if (!slow_has_level(s, o->instrument, o->side, true, stop)) {
        slow_refuse(s, r, RL_MATCH_REASON_BOOK_FULL);
        return;
    }
    keeps = stop == o->stop && (qty <= o->open || s->wrong == SLOW_GROWN_STAYS) &&
            !(r->flags & RL_MATCH_TO_BACK) && !(s->wrong == SLOW_SHRUNK_MOVES && qty < o->open);
    o->id = r->new_id;
    o->user = r->user;
    o->open = qty;
    o->stop = stop;
    o->show_qty = r->show_qty < qty ? r->show_qty : 0;
    if (slow_has_limit(o->type))
        o->px = slow_follow(s, r->px_nano, wanted, stop);
    if (!keeps)
        o->place = ++s->next_place;
    slow_tell_replaced(s, r, o, 0, keeps ? RL_MATCH_KEPT_PLACE : 0);
}

static inline void slow_replace_resting(struct slow_match *s, const struct rl_match_request *r,
                                        struct slow_order *o, uint64_t qty)
{
    struct slow_order *best = slow_best(s, o->instrument, 1u - o->side);
    bool meets =
        slow_is_live(s, o->instrument) && best && slow_accepts(o->side, r->px_nano, best->px);
    uint64_t show_qty = r->show_qty < qty ? r->show_qty : 0, was = o->shown, shown;
    bool was_iceberg = o->shown < o->open || o->show_qty > 0;

    /* An iceberg of the same size goes on showing what is left of the part that it shows. */
    shown = show_qty ? show_qty : qty;
    if (show_qty && was_iceberg && show_qty == o->show_qty)
        shown = o->shown < qty ? o->shown : qty;
    if (o->px == r->px_nano && ((qty <= o->open && shown <= was) || s->wrong == SLOW_GROWN_STAYS) &&
        !(r->flags & RL_MATCH_TO_BACK) && !(s->wrong == SLOW_SHRUNK_MOVES && qty < o->open)) {
        o->id = r->new_id;
        o->user = r->user;
        o->open = qty;
        o->shown = shown;
        o->show_qty = shown < qty ? show_qty : 0;
        slow_tell_replaced(s, r, o, was, RL_MATCH_KEPT_PLACE);
    } else if (meets && o->flags & RL_MATCH_POST_ONLY && s->wrong != SLOW_POST_ONLY_TRADES) {
        slow_refuse(s, r, RL_MATCH_REASON_WOULD_TRADE);
    } else if (!slow_has_level(s, o->instrument, o->side, false, r->px_nano)) {
        slow_refuse(s, r, RL_MATCH_REASON_BOOK_FULL);
    } else {
        struct slow_order t = *o;

        t.id = r->new_id;
        t.user = r->user;
        t.open = qty;
        t.px = r->px_nano;
        t.show_qty = show_qty;
        t.min_qty = 0;
        t.shown = meets ? 0 : show_qty ? show_qty : qty;
        t.place = ++s->next_place;
        slow_tell_replaced(s, r, &t, was, 0);
        if (meets) {
            slow_remove(s, o);
            slow_arrive(s, t);
        } else {
            *o = t;
        }
    }
}

static inline void slow_replace(struct slow_match *s, const struct rl_match_request *r)
{
    struct slow_order *o = slow_named(s, r);
    uint64_t qty = r->qty;
    uint32_t instrument;
    unsigned reason = RL_MATCH_REASON_NONE;

    if (!o)
        return;
    instrument = o->instrument;
    if (s->instruments[instrument].phase == RL_MATCH_HALTED)
        reason = RL_MATCH_REASON_HALTED;
    else if (s->instruments[instrument].phase == RL_MATCH_CLOSED)
        reason = RL_MATCH_REASON_CLOSED;
    if (!reason && r->op == RL_MATCH_MODIFY && qty > 0 && s->wrong != SLOW_MODIFY_OPEN) {
        if (qty <= o->done) {
            slow_end(s, o, RL_MATCH_EVENT_CANCELLED, RL_MATCH_REASON_REQUESTED);
            slow_settle(s, instrument);
            return;
        }
        qty -= o->done;
    }
    if (reason)
        ;
    else if (r->qty == 0 || qty > s->max_qty || o->done > s->max_qty - qty)
        reason = RL_MATCH_REASON_BAD_QUANTITY;
    else if (slow_has_limit(o->type) && !slow_price_is_good(s, r->px_nano))
        reason = RL_MATCH_REASON_BAD_PRICE;
    else if (r->show_qty && (!slow_has_limit(o->type) || (slow_is_whole(o) && r->show_qty < qty) ||
                             (qty + (__int128)r->show_qty - 1) / r->show_qty > RL_MATCH_PARTS))
        reason = RL_MATCH_REASON_BAD_ORDER;
    else if (r->new_id != r->id && slow_find(s, instrument, r->new_id))
        reason = RL_MATCH_REASON_DUPLICATE_ID;
    if (reason) {
        slow_refuse(s, r, reason);
        return;
    }
    if (o->waits)
        slow_replace_stop(s, r, o, qty);
    else
        slow_replace_resting(s, r, o, qty);
    slow_settle(s, instrument);
}

/* --- the venue's ------------------------------------------------------------------------------ */

static inline bool slow_meant(struct slow_match *s, const struct rl_match_request *r,
                              uint32_t *first, uint32_t *end)
{
    *first = r->instrument == RL_INSTRUMENT_ALL ? 0 : r->instrument;
    *end = r->instrument == RL_INSTRUMENT_ALL ? s->config.n_instruments : r->instrument + 1;
    if (r->instrument == RL_INSTRUMENT_ALL || r->instrument < s->config.n_instruments)
        return true;
    slow_refuse(s, r, RL_MATCH_REASON_UNKNOWN_INSTRUMENT);
    return false;
}

/* Everything of an instrument that `matches` says ends, in the order of the books. */
static inline uint64_t slow_sweep(struct slow_match *s, uint32_t instrument, unsigned sides,
                                  uint32_t owner, unsigned tifs, unsigned kind, unsigned reason)
{
    uint64_t n = 0;

    for (unsigned k = 0; k < 4; k++) {
        unsigned side = k & 1;
        struct slow_order *o = NULL, at;

        if (sides != RL_MATCH_BOTH_SIDES && sides != side)
            continue;
        while ((o = slow_next(s, instrument, side, k >= 2, o)) != NULL) {
            if (!(tifs >> o->tif & 1) || (owner != RL_MATCH_ANYBODY && owner != o->owner))
                continue;
            at = *o;
            slow_end(s, o, kind, reason);
            n++;
            o = &at;
        }
    }
    return n;
}

static inline void slow_mass_cancel(struct slow_match *s, const struct rl_match_request *r)
{
    uint32_t owner = s->wrong == SLOW_MASS_ALL ? RL_MATCH_ANYBODY : r->owner, first, end;
    unsigned reason =
        r->reason && r->reason < RL_MATCH_N_REASONS ? r->reason : RL_MATCH_REASON_MASS_CANCEL;
    struct rl_match_event *e;
    uint64_t n = 0;

    if (!slow_meant(s, r, &first, &end))
        return;
    if (r->side > 2 || (r->owner >= s->config.n_owners && r->owner != RL_MATCH_ANYBODY)) {
        slow_refuse(s, r, RL_MATCH_REASON_BAD_ORDER);
        return;
    }
    for (uint32_t i = first; i < end; i++)
        n += slow_sweep(s, i, r->side, owner, ~0u, RL_MATCH_EVENT_CANCELLED, reason);
    e = slow_tell(s, RL_MATCH_EVENT_MASS_CANCELLED);
    e->id = r->id;
    e->user = r->user;
    e->owner = r->owner;
    e->instrument = r->instrument;
    e->side = r->side;
    e->reason = (uint8_t)reason;
    e->qty = n;
    for (uint32_t i = first; i < end && n > 0; i++)
        slow_settle(s, i);
}

static inline void slow_day_end(struct slow_match *s)
{
    unsigned tifs = 1u << RL_MATCH_IOC | 1u << RL_MATCH_FOK | 1u << RL_MATCH_AT_OPEN;

    if (s->wrong != SLOW_DAY_STAYS)
        tifs |= 1u << RL_MATCH_DAY;
    for (uint32_t i = 0; i < s->config.n_instruments; i++)
        slow_sweep(s, i, RL_MATCH_BOTH_SIDES, RL_MATCH_ANYBODY, tifs, RL_MATCH_EVENT_EXPIRED,
                   RL_MATCH_REASON_DAY_OVER);
    for (uint32_t i = 0; i < s->config.n_instruments; i++)
        slow_settle(s, i);
}

/* What both sides of the crossed part have at a price. */
static inline uint64_t slow_interest(struct slow_match *s, uint32_t instrument, unsigned side,
                                     int64_t px)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < s->n_orders; i++) {
        const struct slow_order *o = &s->orders[i];

        if (o->instrument == instrument && o->side == side && !o->waits &&
            (!slow_is_whole(o) || s->wrong == SLOW_AUCTION_WHOLE) && slow_accepts(side, o->px, px))
            sum += o->open;
    }
    return sum;
}

static inline void slow_uncross(struct slow_match *s, uint32_t instrument)
{
    struct slow_order *bid = slow_best(s, instrument, RL_BUY);
    struct slow_order *offer = slow_best(s, instrument, RL_SELL);
    int64_t last = s->instruments[instrument].last, best_px = 0;
    uint64_t best_qty = 0, best_surplus = 0;
    __int128 best_distance = 0;

    if (!bid || !offer || bid->px < offer->px)
        return;
    for (uint32_t i = 0; i < s->n_orders; i++) {
        const struct slow_order *o = &s->orders[i];
        uint64_t d, a, qty, surplus;
        __int128 distance;

        if (o->instrument != instrument || o->waits || o->px < offer->px || o->px > bid->px)
            continue;
        d = slow_interest(s, instrument, RL_BUY, o->px);
        a = slow_interest(s, instrument, RL_SELL, o->px);
        qty = d < a ? d : a;
        surplus = s->wrong == SLOW_AUCTION_SURPLUS ? 0 : d < a ? a - d : d - a;
        distance = last == RL_PX_NONE || s->wrong == SLOW_AUCTION_LAST
                       ? 0
                       : (__int128)o->px - (__int128)last;
        distance = distance < 0 ? -distance : distance;
        if (qty < best_qty || qty == 0)
            continue;
        if (qty == best_qty &&
            (surplus > best_surplus ||
             (surplus == best_surplus &&
              (distance > best_distance || (distance == best_distance && o->px >= best_px)))))
            continue;
        best_qty = qty;
        best_surplus = surplus;
        best_distance = distance;
        best_px = o->px;
    }
    if (best_qty > 0)
        slow_pair_up(s, instrument, best_qty, best_px, RL_MATCH_IN_AUCTION);
}

static inline void slow_tell_phase(struct slow_match *s, uint32_t instrument)
{
    struct rl_match_event *e = slow_tell(s, RL_MATCH_EVENT_PHASED);

    e->instrument = instrument;
    e->owner = RL_MATCH_ANYBODY;
    e->px_nano = s->instruments[instrument].last;
    e->reason = s->instruments[instrument].phase;
    e->qty = !s->instruments[instrument].is_off;
}

static inline void slow_phase(struct slow_match *s, const struct rl_match_request *r)
{
    uint32_t first, end;

    if (!slow_meant(s, r, &first, &end))
        return;
    if (r->phase >= RL_MATCH_N_PHASES) {
        slow_refuse(s, r, RL_MATCH_REASON_BAD_ORDER);
        return;
    }
    for (uint32_t i = first; i < end; i++) {
        bool opens = r->phase == RL_MATCH_OPEN && s->instruments[i].phase != RL_MATCH_OPEN;

        s->instruments[i].phase = r->phase;
        slow_tell_phase(s, i);
        if (!opens)
            continue;
        if (!s->instruments[i].is_off)
            slow_uncross(s, i);
        if (s->wrong != SLOW_AT_OPEN_STAYS)
            slow_sweep(s, i, RL_MATCH_BOTH_SIDES, RL_MATCH_ANYBODY, 1u << RL_MATCH_AT_OPEN,
                       RL_MATCH_EVENT_EXPIRED, RL_MATCH_REASON_AUCTION_OVER);
        slow_settle(s, i);
    }
}

static inline void slow_matching(struct slow_match *s, const struct rl_match_request *r)
{
    uint32_t first, end;

    if (!slow_meant(s, r, &first, &end))
        return;
    for (uint32_t i = first; i < end; i++) {
        s->instruments[i].is_off = r->qty == 0;
        slow_tell_phase(s, i);
        slow_settle(s, i);
    }
}

static inline void slow_bust(struct slow_match *s, const struct rl_match_request *r)
{
    for (uint32_t i = 0; i < s->n_trades; i++) {
        struct slow_trade *t = &s->trades[i];

        if (t->match != r->match || r->match == 0)
            continue;
        if (r->owner != RL_MATCH_ANYBODY && r->owner != t->owners[0] && r->owner != t->owners[1]) {
            slow_refuse(s, r, RL_MATCH_REASON_NOT_OWNER);
            return;
        }
        for (unsigned side = 0; side < 2; side++) {
            struct rl_match_event *e = slow_tell(s, RL_MATCH_EVENT_BUSTED);

            e->id = t->ids[side];
            e->other_id = t->ids[1 - side];
            e->user = t->users[side];
            e->match = t->match;
            e->px_nano = t->px;
            e->qty = t->qty;
            e->instrument = t->instrument;
            e->owner = t->owners[side];
            e->side = (uint8_t)side;
            e->reason = RL_MATCH_REASON_VENUE;
        }
        if (s->wrong != SLOW_BUST_TWICE)
            t->match = 0;
        return;
    }
    slow_refuse(s, r, RL_MATCH_REASON_UNKNOWN_TRADE);
}

static inline void slow_expire(struct slow_match *s)
{
    for (;;) {
        struct slow_order *first = NULL;
        uint32_t instrument;

        for (uint32_t i = 0; i < s->n_orders; i++) {
            struct slow_order *o = &s->orders[i];

            if (o->tif == RL_MATCH_GTD &&
                o->expire_ns + (s->wrong == SLOW_DATE_LATE) <= s->now_ns &&
                (!first || o->expire_ns < first->expire_ns ||
                 (o->expire_ns == first->expire_ns && o->born < first->born)))
                first = o;
        }
        if (!first)
            return;
        instrument = first->instrument;
        slow_end(s, first, RL_MATCH_EVENT_EXPIRED, RL_MATCH_REASON_DATE_REACHED);
        slow_settle(s, instrument);
    }
}

/* What comes of the request is in s->events. */
static inline void slow_take(struct slow_match *s, const struct rl_match_request *r,
                             uint64_t now_ns)
{
    s->n_events = 0;
    s->now_ns = now_ns > s->now_ns ? now_ns : s->now_ns;
    s->op = r->op;
    slow_expire(s);
    switch (r->op) {
    case RL_MATCH_NEW:
        slow_new(s, r);
        break;
    case RL_MATCH_CANCEL:
        slow_cancel(s, r);
        break;
    case RL_MATCH_REDUCE:
        slow_reduce(s, r);
        break;
    case RL_MATCH_REPLACE:
    case RL_MATCH_MODIFY:
        slow_replace(s, r);
        break;
    case RL_MATCH_MASS_CANCEL:
        slow_mass_cancel(s, r);
        break;
    case RL_MATCH_PHASE:
        slow_phase(s, r);
        break;
    case RL_MATCH_DAY_END:
        slow_day_end(s);
        break;
    case RL_MATCH_BUST:
        slow_bust(s, r);
        break;
    case RL_MATCH_TIME:
        break;
    case RL_MATCH_MATCHING:
        slow_matching(s, r);
        break;
    default:
        slow_refuse(s, r, RL_MATCH_REASON_BAD_ORDER);
    }
}

/* What rl_books_hash of the book must be. */
static inline uint64_t slow_books_hash(const struct slow_match *s)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < s->n_orders; i++) {
        const struct slow_order *o = &s->orders[i];

        if (!o->waits)
            hash += rl_books_hash_one(o->instrument, o->id, o->side, o->px, o->shown);
    }
    return hash;
}

#endif
