/* New orders: whether they are accepted, what they meet, where they rest. */
#include "rig/exchange/match_inner.h"

/* --- acceptance ------------------------------------------------------------------------------- */

static bool waits(unsigned type)
{
    return type >= RL_MATCH_STOP;
}

static bool trails(unsigned type)
{
    return type >= RL_MATCH_TRAILING_STOP;
}

/* It has a limit, so it may rest. */
static bool has_limit(unsigned type)
{
    return type == RL_MATCH_LIMIT || type == RL_MATCH_STOP_LIMIT ||
           type == RL_MATCH_TRAILING_STOP_LIMIT;
}

static bool ends_at_once(unsigned type, unsigned tif)
{
    return type == RL_MATCH_MARKET || tif == RL_MATCH_IOC || tif == RL_MATCH_FOK;
}

static bool prices_are_good(const struct rl_match *m, const struct rl_match_request *r)
{
    if (has_limit(r->type) && !rl_match_price_is_good(m, r->px_nano))
        return false;
    if (r->type == RL_MATCH_TRAILING_STOP && r->stop_px_nano == RL_PX_NONE)
        return true;
    if (trails(r->type) && r->trail_nano > 0 && !rl_match_price_is_good(m, r->trail_nano))
        return false;
    return !waits(r->type) || rl_match_price_is_good(m, r->stop_px_nano);
}

static bool trail_is_good(const struct rl_match_request *r)
{
    if (r->trail_nano > 0)
        return r->trail_step_nano >= 0;
    return r->trail_nano < 0 && r->trail_nano >= -10000 && r->trail_step_nano <= 0 &&
           r->trail_step_nano >= -10000;
}

static bool conditions_agree(const struct rl_match *m, const struct rl_match_request *r)
{
    bool is_post_only = r->flags & RL_MATCH_POST_ONLY, is_whole = r->flags & RL_MATCH_ALL_OR_NONE;

    if (r->flags & ~(RL_MATCH_POST_ONLY | RL_MATCH_ALL_OR_NONE))
        return false;
    if (!has_limit(r->type) && (is_post_only || is_whole || r->show_qty > 0))
        return false;
    if (is_post_only && (ends_at_once(r->type, r->tif) || r->min_qty > 0))
        return false;
    if (!rl_match_shows_enough(r->qty, r->show_qty))
        return false;
    if (is_whole && (r->min_qty > 0 || (r->show_qty > 0 && r->show_qty < r->qty)))
        return false;
    if (r->tif == RL_MATCH_AT_OPEN && (r->type != RL_MATCH_LIMIT || is_whole || r->min_qty > 0 ||
                                       m->instruments[r->instrument].phase != RL_MATCH_AUCTION))
        return false;
    return !trails(r->type) || trail_is_good(r);
}

/* Whether the order has a place to be in, if it needs one. */
static bool has_room(struct rl_match *m, const struct rl_match_request *r, int64_t stop_px_nano)
{
    if (!waits(r->type) && ends_at_once(r->type, r->tif))
        return true;
    if (m->books.n_orders + m->stops.n_orders >= m->config.n_orders)
        return false;
    return waits(r->type) ? rl_match_has_room(&m->stops, r->instrument, 1u - r->side, stop_px_nano)
                          : rl_match_has_room(&m->books, r->instrument, r->side, r->px_nano);
}

/* Why it is rejected; NONE: it is not. */
static unsigned judge(struct rl_match *m, const struct rl_match_request *r, int64_t *stop_px_nano)
{
    const struct rl_match_instrument *i = &m->instruments[r->instrument];

    if (r->side > RL_SELL || r->type >= RL_MATCH_N_TYPES || r->tif >= RL_MATCH_N_TIFS ||
        r->stp >= RL_MATCH_N_STPS || r->owner >= m->config.n_owners)
        return RL_MATCH_REASON_BAD_ORDER;
    if (i->phase == RL_MATCH_HALTED)
        return RL_MATCH_REASON_HALTED;
    if (i->phase == RL_MATCH_CLOSED)
        return RL_MATCH_REASON_CLOSED;
    if (r->qty == 0 || r->qty > m->max_qty || r->min_qty > r->qty)
        return RL_MATCH_REASON_BAD_QUANTITY;
    if (!prices_are_good(m, r))
        return RL_MATCH_REASON_BAD_PRICE;
    if (!conditions_agree(m, r))
        return RL_MATCH_REASON_BAD_ORDER;
    if (r->tif == RL_MATCH_GTD && r->expire_ns <= m->now_ns)
        return RL_MATCH_REASON_DATE_REACHED;
    if (rl_match_lookup(m, r->instrument, r->id) != RL_SLOT_NONE)
        return RL_MATCH_REASON_DUPLICATE_ID;
    if (waits(r->type)) {
        *stop_px_nano = r->stop_px_nano;
        if (trails(r->type))
            *stop_px_nano = rl_match_trailed(m, r->instrument, r->side, r->stop_px_nano,
                                             r->trail_nano, r->trail_step_nano);
        if (rl_match_is_passed(m, r->instrument, r->side, *stop_px_nano))
            return RL_MATCH_REASON_STOP_PASSED;
    }
    if (!has_room(m, r, *stop_px_nano))
        return RL_MATCH_REASON_BOOK_FULL;
    if (r->type == RL_MATCH_LIMIT && r->flags & RL_MATCH_POST_ONLY &&
        rl_match_is_live(m, r->instrument) &&
        rl_match_crosses(m, r->instrument, r->side, r->px_nano))
        return RL_MATCH_REASON_WOULD_TRADE;
    return RL_MATCH_REASON_NONE;
}

static RL_MATCH_RARE void reject(struct rl_match *m, const struct rl_match_request *r,
                                 unsigned reason)
{
    struct rl_match_event *e = rl_match_tell(m, RL_MATCH_EVENT_REJECTED);

    e->id = r->id;
    e->user = r->user;
    e->px_nano = r->px_nano;
    e->qty = r->qty;
    e->instrument = r->instrument;
    e->owner = r->owner;
    e->side = r->side;
    e->type = r->type;
    e->reason = (uint8_t)reason;
}

void rl_match_new(struct rl_match *m, const struct rl_match_request *r)
{
    struct rl_match_event *e;
    struct rl_match_taker t;
    int64_t stop_px_nano = RL_PX_NONE;
    unsigned reason = RL_MATCH_REASON_UNKNOWN_INSTRUMENT;

    if (r->instrument < m->config.n_instruments)
        reason = judge(m, r, &stop_px_nano);
    if (RL_UNLIKELY(reason != RL_MATCH_REASON_NONE)) {
        reject(m, r, reason);
        return;
    }
    t = (struct rl_match_taker){
        .id = r->id,
        .user = r->user,
        .leaves = r->qty,
        .show_qty = r->show_qty < r->qty ? r->show_qty : 0,
        .min_qty = r->min_qty,
        .expire_ns = r->expire_ns,
        .born = m->seq,
        .px_nano = has_limit(r->type) ? r->px_nano : RL_PX_NONE,
        .slippage_nano = r->slippage_nano,
        .instrument = r->instrument,
        .owner = r->owner,
        .side = r->side,
        .type = r->type,
        .tif = r->tif,
        .stp = r->stp,
        .flags = r->flags,
    };
    e = rl_match_tell_taker(m, RL_MATCH_EVENT_ACCEPTED, &t);
    e->qty = r->qty;
    if (waits(r->type)) {
        e->px_nano = stop_px_nano;
        rl_match_wait(m, r, &t, stop_px_nano);
    } else {
        rl_match_arrive(m, &t);
    }
    rl_match_settle(m, r->instrument);
}

/* --- arrival ---------------------------------------------------------------------------------- */

/* The worst price at which it trades. */
static int64_t limit_of(const struct rl_match *m, const struct rl_match_taker *t)
{
    int64_t worst = t->side == RL_BUY ? INT64_MAX : INT64_MIN + 1, best, limit;

    if (t->type != RL_MATCH_MARKET)
        return t->px_nano;
    best = rl_match_best(&m->books, t->instrument, 1u - t->side)->px_nano;
    if (t->slippage_nano < 0 || best == RL_PX_NONE)
        return worst;
    if (t->side == RL_BUY ? __builtin_add_overflow(best, t->slippage_nano, &limit)
                          : __builtin_sub_overflow(best, t->slippage_nano, &limit))
        return worst;
    return limit == RL_PX_NONE ? worst : limit;
}

/* Whether the wish of an arriving order forbids it to trade with that one. */
static bool is_own(const struct rl_match *m, const struct rl_match_taker *t, uint32_t n)
{
    return m->orders[n].owner == t->owner && t->stp != RL_MATCH_STP_NONE;
}

/* How much it would trade now, at least if it is not `enough`: trade_all without doing it. */
static uint64_t count(const struct rl_match *m, const struct rl_match_taker *t, int64_t limit,
                      uint64_t enough)
{
    unsigned side = 1u - t->side;
    const struct rl_book *book = &m->books.books[t->instrument];
    const uint32_t *slots = m->books.slots + rl_ladder_keys(book, side);
    uint64_t left = t->leaves, spare = t->leaves - enough;

    for (uint32_t i = book->n_levels[side]; i > 0 && left > spare; i--) {
        const struct rl_book_level *l = &m->books.nodes[slots[i - 1]].level;
        uint64_t hidden = 0;

        if (rl_book_rank(side, l->px_nano) < rl_book_rank(side, limit))
            break;
        for (uint32_t n = l->head; n < m->config.n_orders && left > spare;
             n = m->books.nodes[n].order.next) {
            uint64_t qty = m->books.nodes[n].order.qty;

            if (is_own(m, t, n)) {
                if (t->stp == RL_MATCH_STP_OLDEST)
                    continue;
                return t->leaves - left;
            }
            if (m->orders[n].flags & RL_MATCH_ALL_OR_NONE && qty > left)
                return t->leaves - left;
            left -= qty < left ? qty : left;
            hidden += rl_match_hidden(m, n);
        }
        left -= hidden < left ? hidden : left; /* shown later, behind all who stand there now */
    }
    return t->leaves - left;
}

static void cancel_taker(struct rl_match *m, struct rl_match_taker *t, unsigned kind,
                         unsigned reason)
{
    struct rl_match_event *e = rl_match_tell_taker(m, kind, t);

    e->reason = (uint8_t)reason;
    e->qty = t->leaves;
    e->leaves = 0;
    t->leaves = 0;
}

/* It met an order of its own owner, which it must not trade with. */
static RL_MATCH_RARE void prevent(struct rl_match *m, struct rl_match_taker *t, uint32_t n)
{
    uint64_t open = rl_match_node(m, n)->qty + rl_match_hidden(m, n);
    struct rl_match_event *e;

    if (t->stp == RL_MATCH_STP_DECREMENT) {
        uint64_t qty = open < t->leaves ? open : t->leaves;

        if (qty == open)
            rl_match_end(m, n, RL_MATCH_EVENT_CANCELLED, RL_MATCH_REASON_SELF_TRADE);
        else
            rl_match_take_off(m, n, qty, RL_MATCH_REASON_SELF_TRADE);
        if (qty == t->leaves) {
            cancel_taker(m, t, RL_MATCH_EVENT_CANCELLED, RL_MATCH_REASON_SELF_TRADE);
            return;
        }
        t->leaves -= qty;
        e = rl_match_tell_taker(m, RL_MATCH_EVENT_REDUCED, t);
        e->reason = RL_MATCH_REASON_SELF_TRADE;
        e->qty = qty;
        return;
    }
    if (t->stp != RL_MATCH_STP_NEWEST)
        rl_match_end(m, n, RL_MATCH_EVENT_CANCELLED, RL_MATCH_REASON_SELF_TRADE);
    if (t->stp != RL_MATCH_STP_OLDEST)
        cancel_taker(m, t, RL_MATCH_EVENT_CANCELLED, RL_MATCH_REASON_SELF_TRADE);
}

static void trade_one(struct rl_match *m, struct rl_match_taker *t, uint32_t n, uint64_t qty,
                      int64_t px_nano)
{
    const struct rl_book_order *o = &m->books.nodes[n].order;
    const struct rl_match_order *a = &m->orders[n];
    unsigned side = t->side, other = 1 - side;
    struct rl_match_event *e;
    struct rl_match_trade trade;
    bool refill;

    trade.match = rl_match_count_trade(m, t->instrument, px_nano);
    trade.ids[side] = t->id;
    trade.ids[other] = o->id;
    trade.users[side] = t->user;
    trade.users[other] = a->user;
    trade.owners[side] = t->owner;
    trade.owners[other] = a->owner;
    trade.px_nano = px_nano;
    trade.qty = qty;
    trade.instrument = t->instrument;
    rl_match_keep_trade(m, &trade);
    refill = rl_match_fill(m, n, &trade, 0);
    t->leaves -= qty;
    t->done += qty;
    e = rl_match_tell_taker(m, RL_MATCH_EVENT_FILL, t);
    e->other_id = trade.ids[other];
    e->match = trade.match;
    e->px_nano = px_nano;
    e->qty = qty;
    e->flags = RL_MATCH_AGGRESSOR;
    if (refill)
        rl_match_refill(m, n);
}

/* Trades with whoever stands within the limit, until it meets an order that it is too small for. */
static void trade_all(struct rl_match *m, struct rl_match_taker *t, int64_t limit)
{
    unsigned other = 1u - t->side;
    int64_t worst = rl_book_rank(other, limit);

    while (t->leaves > 0) {
        const struct rl_book_level *l = rl_match_best(&m->books, t->instrument, other);
        uint32_t n = l->head;
        uint64_t qty;

        if (rl_book_rank(other, l->px_nano) < worst)
            return;
        if (RL_UNLIKELY(is_own(m, t, n))) {
            prevent(m, t, n);
            continue;
        }
        qty = m->books.nodes[n].order.qty;
        if (m->orders[n].flags & RL_MATCH_ALL_OR_NONE && qty > t->leaves)
            return;
        trade_one(m, t, n, qty < t->leaves ? qty : t->leaves, l->px_nano);
    }
}

static void rest(struct rl_match *m, struct rl_match_taker *t)
{
    uint64_t shown = t->show_qty > 0 && t->show_qty < t->leaves ? t->show_qty : t->leaves;
    uint32_t n = m->books.free_order;
    struct rl_match_event *e;

    if (RL_UNLIKELY(!rl_match_has_room(&m->books, t->instrument, t->side, t->px_nano))) {
        cancel_taker(m, t, RL_MATCH_EVENT_CANCELLED, RL_MATCH_REASON_BOOK_FULL);
        return;
    }
    rl_match_apply(m, &m->books, RL_OP_ADD, t->instrument, t->id, 0, t->side, t->px_nano, shown);
    rl_match_hold(m, n, t);
    if (shown < t->leaves) {
        m->orders[n].flags |= RL_MATCH_ICEBERG;
        m->extras[n].hidden = t->leaves - shown;
        m->extras[n].show_qty = t->show_qty;
    }
    e = rl_match_tell_taker(m, RL_MATCH_EVENT_RESTED, t);
    e->qty = t->leaves;
    e->shown = shown;
    e->flags = RL_MATCH_SHOWN;
}

/* Why the rest of an order that ends at once is not there. */
static unsigned remainder_of(const struct rl_match_taker *t)
{
    if (t->tif == RL_MATCH_FOK)
        return RL_MATCH_REASON_FOK_UNFILLED;
    return t->type == RL_MATCH_MARKET ? RL_MATCH_REASON_MARKET_REMAINDER
                                      : RL_MATCH_REASON_IOC_REMAINDER;
}

void rl_match_arrive(struct rl_match *m, struct rl_match_taker *t)
{
    bool is_whole = t->tif == RL_MATCH_FOK || t->flags & RL_MATCH_ALL_OR_NONE;
    int64_t limit = limit_of(m, t);
    bool meets =
        rl_match_is_live(m, t->instrument) && rl_match_crosses(m, t->instrument, t->side, limit);

    if (t->flags & RL_MATCH_POST_ONLY && meets) {
        cancel_taker(m, t, RL_MATCH_EVENT_EXPIRED, RL_MATCH_REASON_WOULD_TRADE);
        return;
    }
    if (is_whole && meets && count(m, t, limit, t->leaves) < t->leaves)
        meets = false;
    if (t->min_qty > 0 && t->tif != RL_MATCH_FOK &&
        (!meets || count(m, t, limit, t->min_qty) < t->min_qty)) {
        cancel_taker(m, t, RL_MATCH_EVENT_EXPIRED, RL_MATCH_REASON_MIN_QTY_UNMET);
        return;
    }
    if (meets)
        trade_all(m, t, limit);
    if (t->leaves == 0)
        return;
    if (ends_at_once(t->type, t->tif))
        cancel_taker(m, t, RL_MATCH_EVENT_EXPIRED, remainder_of(t));
    else
        rest(m, t);
}
