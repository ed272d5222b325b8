/* The venue's decisions: phases and auctions, mass cancels, ends of days, busts. */
#include "rig/exchange/match_inner.h"

/* --- many orders end ---------------------------------------------------------------------------
 */

/* Which orders end, and how that is told. */
struct sweep {
    uint32_t owner; /* or RL_MATCH_ANYBODY */
    bool tifs[RL_MATCH_N_TIFS];
    uint8_t kind, reason;
    uint64_t n_left; /* ends early when so many are done */
    uint64_t n_done;
};

static void sweep_side(struct rl_match *m, struct sweep *s, bool waiting, uint32_t instrument,
                       unsigned side)
{
    const struct rl_books *b = waiting ? &m->stops : &m->books;
    const struct rl_book *book = &b->books[instrument];
    const uint32_t *slots = b->slots + rl_ladder_keys(book, side);

    for (uint32_t i = 0; i < book->n_levels[side] && s->n_left > 0;) {
        uint32_t n_levels = book->n_levels[side];
        uint32_t at = b->nodes[slots[n_levels - 1 - i]].level.head, next;

        for (; at < b->n_orders_max; at = next) {
            uint32_t n = waiting ? m->config.n_orders + at : at;
            const struct rl_match_order *a = &m->orders[n];

            next = b->nodes[at].order.next;
            if (!s->tifs[a->tif] || (s->owner != RL_MATCH_ANYBODY && s->owner != a->owner))
                continue;
            rl_match_end(m, n, s->kind, s->reason);
            s->n_left--;
            s->n_done++;
        }
        i += book->n_levels[side] == n_levels; /* else the next level is where this one was */
    }
}

static void sweep(struct rl_match *m, struct sweep *s, uint32_t instrument, unsigned sides)
{
    for (unsigned side = 0; side < 2; side++)
        if (sides == side || sides == RL_MATCH_BOTH_SIDES)
            sweep_side(m, s, false, instrument, side);
    for (unsigned side = 0; side < 2; side++)
        if (sides == side || sides == RL_MATCH_BOTH_SIDES)
            sweep_side(m, s, true, instrument, 1 - side);
}

/* The instruments that a request means: [*first, *end). False, refused: none. */
static bool meant(struct rl_match *m, const struct rl_match_request *r, uint32_t *first,
                  uint32_t *end)
{
    *first = r->instrument == RL_INSTRUMENT_ALL ? 0 : r->instrument;
    *end = r->instrument == RL_INSTRUMENT_ALL ? m->config.n_instruments : r->instrument + 1;
    if (*first < m->config.n_instruments)
        return true;
    rl_match_refuse(m, r, RL_MATCH_REASON_UNKNOWN_INSTRUMENT);
    return false;
}

void rl_match_mass_cancel(struct rl_match *m, const struct rl_match_request *r)
{
    struct sweep s = {.owner = r->owner,
                      .tifs = {true, true, true, true, true, true},
                      .kind = RL_MATCH_EVENT_CANCELLED,
                      .reason = r->reason,
                      .n_left = UINT64_MAX};
    struct rl_match_event *e;
    uint32_t first, end;

    if (!meant(m, r, &first, &end))
        return;
    if (r->side > RL_MATCH_BOTH_SIDES ||
        (r->owner >= m->config.n_owners && r->owner != RL_MATCH_ANYBODY)) {
        rl_match_refuse(m, r, RL_MATCH_REASON_BAD_ORDER);
        return;
    }
    if (s.reason == RL_MATCH_REASON_NONE || s.reason >= RL_MATCH_N_REASONS)
        s.reason = RL_MATCH_REASON_MASS_CANCEL;
    if (r->owner != RL_MATCH_ANYBODY)
        s.n_left = m->n_live[r->owner];
    for (uint32_t i = first; i < end && s.n_left > 0; i++)
        sweep(m, &s, i, r->side);
    e = rl_match_tell(m, RL_MATCH_EVENT_MASS_CANCELLED);
    e->id = r->id;
    e->user = r->user;
    e->owner = r->owner;
    e->instrument = r->instrument;
    e->side = r->side;
    e->reason = s.reason;
    e->qty = s.n_done;
    for (uint32_t i = first; i < end && s.n_done > 0; i++)
        rl_match_settle(m, i);
}

void rl_match_day_end(struct rl_match *m, const struct rl_match_request *r)
{
    struct sweep s = {.owner = RL_MATCH_ANYBODY,
                      .tifs = {[RL_MATCH_DAY] = true,
                               [RL_MATCH_IOC] = true, /* of stops that were never triggered */
                               [RL_MATCH_FOK] = true,
                               [RL_MATCH_AT_OPEN] = true},
                      .kind = RL_MATCH_EVENT_EXPIRED,
                      .reason = RL_MATCH_REASON_DAY_OVER,
                      .n_left = UINT64_MAX};

    (void)r;
    for (uint32_t i = 0; i < m->config.n_instruments; i++)
        sweep(m, &s, i, RL_MATCH_BOTH_SIDES);
    for (uint32_t i = 0; i < m->config.n_instruments; i++)
        rl_match_settle(m, i);
}

/* --- auctions --------------------------------------------------------------------------------- */

/* What takes part at a level. */
static uint64_t auctioned(const struct rl_match *m, uint32_t level)
{
    uint64_t sum = 0;

    for (uint32_t n = m->books.nodes[level].level.head; n < m->config.n_orders;
         n = m->books.nodes[n].order.next)
        if (!(m->orders[n].flags & RL_MATCH_ALL_OR_NONE))
            sum += m->books.nodes[n].order.qty + rl_match_hidden(m, n);
    return sum;
}

/* The levels of a side by their distance from the best. */
struct levels {
    const uint32_t *slots;
    uint32_t n;
};

static struct levels levels_of(const struct rl_match *m, uint32_t instrument, unsigned side)
{
    const struct rl_book *book = &m->books.books[instrument];

    return (struct levels){m->books.slots + rl_ladder_keys(book, side), book->n_levels[side]};
}

static uint32_t level_at(const struct levels *l, uint32_t i)
{
    return l->slots[l->n - 1 - i];
}

static int64_t price_at(const struct rl_match *m, const struct levels *l, uint32_t i)
{
    return m->books.nodes[level_at(l, i)].level.px_nano;
}

struct outcome {
    int64_t px_nano;
    uint64_t qty, surplus, distance;
};

static bool is_better(const struct outcome *a, const struct outcome *b)
{
    if (a->qty != b->qty)
        return a->qty > b->qty;
    if (a->surplus != b->surplus)
        return a->surplus < b->surplus;
    return a->distance < b->distance;
}

/* The best price of those between best offer and best bid, which cross. Prices ascend. */
static struct outcome best_outcome(const struct rl_match *m, uint32_t instrument)
{
    struct levels bids = levels_of(m, instrument, RL_BUY);
    struct levels offers = levels_of(m, instrument, RL_SELL);
    int64_t highest = price_at(m, &bids, 0), lowest = price_at(m, &offers, 0);
    int64_t last = m->instruments[instrument].last_px_nano;
    struct outcome best = {.qty = 0};
    uint64_t demand = 0, supply = 0;
    uint32_t n_bids = 0, k = 0;

    for (; n_bids < bids.n && price_at(m, &bids, n_bids) >= lowest; n_bids++)
        demand += auctioned(m, level_at(&bids, n_bids));
    while (n_bids > 0 || (k < offers.n && price_at(m, &offers, k) <= highest)) {
        bool has_offer = k < offers.n && price_at(m, &offers, k) <= highest;
        int64_t px = has_offer ? price_at(m, &offers, k) : INT64_MAX;
        struct outcome o;

        if (n_bids > 0 && price_at(m, &bids, n_bids - 1) < px)
            px = price_at(m, &bids, n_bids - 1);
        if (has_offer && price_at(m, &offers, k) == px)
            supply += auctioned(m, level_at(&offers, k++));
        o = (struct outcome){
            .px_nano = px,
            .qty = demand < supply ? demand : supply,
            .surplus = demand < supply ? supply - demand : demand - supply,
            .distance = last == RL_PX_NONE ? 0
                        : last < px        ? (uint64_t)px - (uint64_t)last
                                           : (uint64_t)last - (uint64_t)px,
        };
        if (o.qty > 0 && (best.qty == 0 || is_better(&o, &best)))
            best = o;
        if (n_bids > 0 && price_at(m, &bids, n_bids - 1) == px)
            demand -= auctioned(m, level_at(&bids, --n_bids));
    }
    return best;
}

/* The first of a side that takes part; there is one. */
static uint32_t first_of(const struct rl_match *m, uint32_t instrument, unsigned side)
{
    uint32_t n = rl_match_best(&m->books, instrument, side)->head;

    while (m->orders[n].flags & RL_MATCH_ALL_OR_NONE)
        n = rl_match_behind(m, n);
    return n;
}

static void uncross(struct rl_match *m, uint32_t instrument)
{
    int64_t bid = rl_match_best(&m->books, instrument, RL_BUY)->px_nano;
    int64_t offer = rl_match_best(&m->books, instrument, RL_SELL)->px_nano;
    struct outcome o;

    if (bid == RL_PX_NONE || offer == RL_PX_NONE || bid < offer)
        return;
    o = best_outcome(m, instrument);
    if (o.qty > 0)
        rl_match_pair_up(m, first_of(m, instrument, RL_BUY), first_of(m, instrument, RL_SELL),
                         o.qty, o.px_nano, RL_MATCH_IN_AUCTION);
}

/* --- phases ----------------------------------------------------------------------------------- */

static void tell_phase(struct rl_match *m, uint32_t instrument)
{
    const struct rl_match_instrument *i = &m->instruments[instrument];
    struct rl_match_event *e = rl_match_tell(m, RL_MATCH_EVENT_PHASED);

    e->instrument = instrument;
    e->owner = RL_MATCH_ANYBODY;
    e->px_nano = i->last_px_nano;
    e->reason = i->phase;
    e->qty = !i->is_off;
}

static void set_phase(struct rl_match *m, uint32_t instrument, uint8_t phase)
{
    struct rl_match_instrument *i = &m->instruments[instrument];
    bool opens = phase == RL_MATCH_OPEN && i->phase != RL_MATCH_OPEN;
    struct sweep s = {.owner = RL_MATCH_ANYBODY,
                      .tifs = {[RL_MATCH_AT_OPEN] = true},
                      .kind = RL_MATCH_EVENT_EXPIRED,
                      .reason = RL_MATCH_REASON_AUCTION_OVER,
                      .n_left = UINT64_MAX};

    i->phase = phase;
    rl_match_set_rule(i, RL_MATCH_RULE_SHUT, phase != RL_MATCH_OPEN || i->is_off);
    tell_phase(m, instrument);
    if (!opens)
        return;
    if (!i->is_off)
        uncross(m, instrument);
    sweep(m, &s, instrument, RL_MATCH_BOTH_SIDES);
    rl_match_settle(m, instrument);
}

void rl_match_phase(struct rl_match *m, const struct rl_match_request *r)
{
    uint32_t first, end;

    if (!meant(m, r, &first, &end))
        return;
    if (r->phase >= RL_MATCH_N_PHASES) {
        rl_match_refuse(m, r, RL_MATCH_REASON_BAD_ORDER);
        return;
    }
    for (uint32_t i = first; i < end; i++)
        set_phase(m, i, r->phase);
}

void rl_match_matching(struct rl_match *m, const struct rl_match_request *r)
{
    uint32_t first, end;

    if (!meant(m, r, &first, &end))
        return;
    for (uint32_t n = first; n < end; n++) {
        struct rl_match_instrument *i = &m->instruments[n];

        i->is_off = r->qty == 0;
        rl_match_set_rule(i, RL_MATCH_RULE_SHUT, i->phase != RL_MATCH_OPEN || i->is_off);
        tell_phase(m, n);
        if (!rl_match_is_live(m, n))
            continue;
        rl_match_resolve(m, n);
        rl_match_settle(m, n);
    }
}

/* --- busts ------------------------------------------------------------------------------------ */

void rl_match_bust(struct rl_match *m, const struct rl_match_request *r)
{
    struct rl_match_trade *t = NULL;

    if (m->config.n_trades > 0)
        t = &m->trades[r->match & (m->config.n_trades - 1)];
    if (t == NULL || r->match == 0 || t->match != r->match) {
        rl_match_refuse(m, r, RL_MATCH_REASON_UNKNOWN_TRADE);
        return;
    }
    if (r->owner != RL_MATCH_ANYBODY && r->owner != t->owners[RL_BUY] &&
        r->owner != t->owners[RL_SELL]) {
        rl_match_refuse(m, r, RL_MATCH_REASON_NOT_OWNER);
        return;
    }
    for (unsigned side = 0; side < 2; side++) {
        struct rl_match_event *e = rl_match_tell(m, RL_MATCH_EVENT_BUSTED);

        e->id = t->ids[side];
        e->other_id = t->ids[1 - side];
        e->user = t->users[side];
        e->match = t->match;
        e->px_nano = t->px_nano;
        e->qty = t->qty;
        e->instrument = t->instrument;
        e->owner = t->owners[side];
        e->side = (uint8_t)side;
        e->reason = RL_MATCH_REASON_VENUE;
    }
    t->match = 0;
}
