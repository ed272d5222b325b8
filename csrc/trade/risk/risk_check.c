/*
 * The decision. Everything is judged, whatever failed before: the checks are independent and the
 * processor does them side by side.
 */
#include "trade/risk/risk_inner.h"

/* What a replace adds to a new order: what is there already. */
struct old {
    uint64_t qty, cum, leaves;
    int64_t px_nano;
    uint32_t reasons;
};

static inline uint32_t bit_if(bool failed, uint32_t reason)
{
    return failed ? reason : 0;
}

/* R04 */
static inline bool is_nonsense(const struct rl_request *q, const struct rl_risk_pair *pair,
                               const struct rl_risk_input *in)
{
    bool is_limit = q->type == RL_TYPE_LIMIT, is_gtd = q->time_in_force == RL_TIF_GTD;
    bool has_px =
        RL_RISK_ABOVE(PX, q->px_nano, 0) &&
        !RL_RISK_FAILS(TICK, !rl_divides(pair->tick, pair->tick_shift, (uint64_t)q->px_nano));
    bool has_no_px = q->px_nano == RL_PX_NONE && q->type == RL_TYPE_MARKET;

    return RL_RISK_FAILS(QTY_RANGE, q->qty - 1 >= INT64_MAX) |
           RL_RISK_FAILS(LOT, !rl_divides(pair->lot, pair->lot_shift, q->qty)) |
           RL_RISK_FAILS(TYPE, !(is_limit ? has_px : has_no_px)) |
           RL_RISK_FAILS(TIF, q->time_in_force >= RL_N_TIMES_IN_FORCE) |
           (is_gtd ? !RL_RISK_ABOVE(EXPIRE, q->expire_ns, in->utc_ns) ||
                         RL_RISK_FAILS(UTC, in->utc_ns == 0)
                   : RL_RISK_FAILS(NO_EXPIRE, q->expire_ns != 0));
}

/* R07: bps and ticks from the reference. */
static inline bool is_outside(const struct rl_risk_pair *pair, const struct rl_priced *p)
{
    uint64_t away2 = rl_distance(2 * p->px, p->mid2);
    bool has_bps = pair->collar_bps != RL_LIMIT_OFF_32;

    return (has_bps & RL_RISK_ABOVE(COLLAR_BPS, (unsigned __int128)away2 * RL_BPS,
                                    (unsigned __int128)p->mid2 * pair->collar_bps)) |
           RL_RISK_ABOVE(COLLAR_TICKS, away2, pair->collar_ticks2);
}

/* R07: bps from every reference of the period; without one even a price of a nano is above. */
static inline bool has_moved(const struct rl_risk_pair *pair, const struct rl_risk_symbol *symbol,
                             const struct rl_priced *p, uint64_t now_tsc)
{
    uint64_t down = pair->moved_bps < RL_BPS ? RL_BPS - pair->moved_bps : 0;
    struct rl_px_reach reach = symbol->reach;
    unsigned __int128 px2 = (unsigned __int128)p->px * (2 * RL_BPS);

    if (RL_UNLIKELY(now_tsc > reach.until_tsc))
        reach = rl_px_window_later(&symbol->window, &reach, now_tsc, symbol->window_ticks);
    return (pair->moved_bps != RL_LIMIT_OFF_32) &
           (RL_RISK_ABOVE(MOVED_UP, px2,
                          (unsigned __int128)reach.low2 * ((uint64_t)RL_BPS + pair->moved_bps)) |
            RL_RISK_ABOVE(MOVED_DOWN, (unsigned __int128)reach.high2 * down, px2));
}

/* R08 */
static inline bool is_through(const struct rl_request *q, const struct rl_risk_pair *pair,
                              const struct rl_priced *p)
{
    int64_t px = (int64_t)p->px, touch = p->has_book ? p->touch : px;
    int64_t through = q->side == RL_BUY ? px - touch : touch - px;

    return RL_RISK_FAILS(CROSS_BOOK, !p->has_book) ||
           RL_RISK_ABOVE(CROSS, through > 0 ? (uint64_t)through : 0, pair->cross_nano);
}

/* R01, some scope is not ACTIVE: closing is what is left, and no more than there is to close. */
__attribute__((noinline)) static uint32_t
refused_by_state(unsigned state, const struct rl_position *position, unsigned side, uint64_t more)
{
    rl_money closable = side == RL_SELL ? position->net : -(rl_money)position->net;

    if (RL_RISK_FAILS(HALTED, state != RL_RISK_REDUCE_ONLY))
        return RL_RISK_STATE;
    closable -= position->work[side];
    return bit_if(RL_RISK_ABOVE(REDUCE, (rl_money)more, closable), RL_RISK_STATE);
}

static inline unsigned worse(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* R10 */
static inline bool is_empty(const struct rl_bucket *bucket, const struct rl_rate *rate,
                            uint64_t now_tsc)
{
    return rl_bucket_level(bucket, rate, now_tsc) < rate->order;
}

/* R16. Where our best price is only known to be no better than a bound, orders are looked at. */
static inline bool meets_own(struct rl_risk *r, const struct rl_request *q,
                             const struct rl_risk_symbol *symbol)
{
    unsigned other = RL_SELL - q->side;
    int64_t px = rl_px_limit(q->side, q->px_nano);

    if (RL_LIKELY(symbol->n_own[other] == 0 || !rl_px_meets(q->side, px, symbol->own_px[other])))
        return false;
    return symbol->is_exact[other] || rl_risk_self_scan(r, q->scopes.instrument, q->side, px);
}

/* Sums that leave their range fail: nobody knows what they would have been. */
static inline bool is_above_open(rl_money sum, rl_money more, rl_money limit)
{
    rl_money total;

    return __builtin_add_overflow(sum, more, &total) || RL_RISK_ABOVE(OPEN_NOTIONAL, total, limit);
}

static inline bool is_exposed(const struct rl_account *sums, const struct rl_risk_account *account,
                              const struct rl_more *more, int64_t mark, unsigned side,
                              rl_money cost)
{
    uint64_t size = mark < 0 ? 0 - (uint64_t)mark : (uint64_t)mark;
    rl_money lots = (rl_money)((unsigned __int128)size * more->lots), far, net;
    rl_money worst = (rl_money)((unsigned __int128)size * more->worst);
    bool is_lost = __builtin_sub_overflow((rl_money)0, sums->net_low, &far);

    is_lost |= __builtin_add_overflow(side == RL_BUY ? sums->net_high : far, lots, &net);
    return RL_RISK_FAILS(MARK, mark == RL_PX_NONE) |
           RL_RISK_FAILS(ROOM, is_lost | (more->reach > INT64_MAX)) |
           ((more->worst != 0) & RL_RISK_ABOVE(GROSS, sums->gross, account->max_gross - worst)) |
           ((more->lots != 0) & RL_RISK_ABOVE(NET, net, account->max_net)) |
           ((side == RL_BUY) & (cost != 0) &
            RL_RISK_ABOVE(CREDIT, account->credit, account->max_credit - cost));
}

/* R15. */
static inline bool is_too_open(const struct rl_risk *r, const struct rl_scopes *s,
                               const struct rl_risk_pair *pair, const struct rl_position *position,
                               const struct rl_account *sums)
{
    const struct rl_risk_strategy *strategy = &r->strategies[s->strategy];
    const struct rl_risk_account *account = &r->accounts[s->account];
    const struct rl_risk_venue *venue = &r->venues[s->venue];

    return RL_RISK_ABOVE(OPEN_PAIR, position->n_open + 1ULL, pair->max_open) |
           RL_RISK_ABOVE(OPEN_ACCOUNT, sums->n_open + 1ULL, account->max_open) |
           RL_RISK_ABOVE(OPEN_STRATEGY, strategy->n_open + 1ULL, strategy->max_open) |
           RL_RISK_ABOVE(OPEN_VENUE, venue->n_open + 1ULL, venue->max_open) |
           RL_RISK_ABOVE(OPEN_ENGINE, r->global.n_open + 1ULL, r->global.max_open);
}

__attribute__((noinline)) static uint32_t overridden(struct rl_risk *r, const struct rl_scopes *s,
                                                     uint64_t now_tsc)
{
    uint32_t mask = 0;

    for (uint32_t i = 0; i < r->n_overrides; i++) {
        const struct rl_override *o = &r->overrides[i];

        if (o->n_orders != 0 && !RL_RISK_ABOVE(OVERRIDE, now_tsc, o->until_tsc) &&
            rl_override_is_of(o, s))
            mask |= o->mask;
    }
    return mask;
}

__attribute__((always_inline)) static inline uint32_t
judge(struct rl_risk *r, const struct rl_request *q, const struct old *old,
      const struct rl_risk_input *in, uint64_t now_tsc)
{
    const struct rl_scopes *s = &q->scopes;

    /* Without rows and a side there is nothing to judge by: no more than this is known. */
    if (RL_UNLIKELY(RL_RISK_FAILS(SIDE, q->side > RL_SELL)))
        return RL_RISK_FIELD;
    if (RL_UNLIKELY(RL_RISK_FAILS(KNOWN, !rl_risk_knows(r, s))))
        return RL_RISK_PERMISSION | RL_RISK_LIMITS;

    struct rl_risk_pair *pair = rl_risk_pair_at(r, s->account, s->instrument);
    const struct rl_position *position = rl_ledger_at(r->ledger, s->account, s->instrument);
    const struct rl_account *sums = &r->ledger->accounts[s->account];
    const struct rl_risk_symbol *symbol = &r->symbols[s->instrument];
    const struct rl_risk_account *account = &r->accounts[s->account];
    const struct rl_risk_strategy *strategy = &r->strategies[s->strategy];
    const struct rl_risk_venue *venue = &r->venues[s->venue];
    struct rl_priced p = rl_price(q, pair, in, now_tsc);
    uint64_t size_px = p.value_px, size_qty = q->qty, lots = q->qty;
    rl_money size, cost;
    struct rl_more more;
    unsigned state;
    uint32_t mask = strategy->latched | strategy->reasons | pair->reasons | account->reasons |
                    venue->reasons | r->global.reasons;

    if (old != NULL) {
        uint64_t leaves = q->qty > old->cum ? q->qty - old->cum : 0;

        size_px = (uint64_t)old->px_nano > size_px ? (uint64_t)old->px_nano : size_px;
        size_qty = old->qty > size_qty ? old->qty : size_qty;
        lots = leaves > old->leaves ? leaves - old->leaves : 0;
        mask |= old->reasons;
    }
    size = (rl_money)((unsigned __int128)size_px * size_qty);
    cost = size;
    if (old != NULL)
        cost = (rl_money)((unsigned __int128)size_px * (old->leaves + lots) -
                          (unsigned __int128)(uint64_t)old->px_nano * old->leaves);
    more = rl_more_of(position, q->side, lots);

    state =
        worse(worse(worse(r->global.state, venue->state), worse(account->state, strategy->state)),
              symbol->state);
    if (RL_UNLIKELY(state != RL_RISK_ACTIVE))
        mask |= refused_by_state(state, position, q->side, lots);
    mask |= bit_if(RL_RISK_FAILS(SESSION, (~in->ready & (RL_READY_SESSION | RL_READY_CLOCK)) != 0),
                   RL_RISK_SESSION);
    mask |= bit_if(RL_RISK_FAILS(STRATEGIES, !(pair->strategies >> s->strategy & 1)) |
                       RL_RISK_FAILS(VENUES, !(pair->venues >> s->venue & 1)) |
                       RL_RISK_FAILS(SIDES, !(pair->sides >> q->side & 1)) |
                       RL_RISK_FAILS(PHASE, !(in->ready & RL_READY_PHASE)),
                   RL_RISK_PERMISSION);
    mask |= bit_if(is_nonsense(q, pair, in), RL_RISK_FIELD);
    mask |= bit_if(RL_RISK_ABOVE(QTY, size_qty, pair->max_qty), RL_RISK_QTY);
    mask |= bit_if(RL_RISK_ABOVE(NOTIONAL, size, pair->max_notional), RL_RISK_NOTIONAL);
    mask |= bit_if(RL_RISK_FAILS(BOOK, !p.has_book) | p.is_old | is_outside(pair, &p) |
                       has_moved(pair, symbol, &p, now_tsc),
                   RL_RISK_COLLAR);
    mask |= bit_if(is_through(q, pair, &p), RL_RISK_CROSS);
    if (old == NULL && pair->duplicates != RL_LIMIT_OFF_32)
        mask |= bit_if(!RL_RISK_ABOVE(REPEATS, (uint64_t)pair->duplicates,
                                      rl_repeats_count(&r->repeats, q, pair->duplicates, now_tsc,
                                                       pair->duplicates_ticks)) ||
                           RL_RISK_FAILS(REPEATS_FULL, rl_repeats_is_full(&r->repeats, now_tsc,
                                                                          pair->duplicates_ticks)),
                       RL_RISK_DUPLICATE);
    mask |= bit_if(
        RL_RISK_FAILS(RATE_PAIR, is_empty(&pair->bucket, &pair->rate, now_tsc)) |
            RL_RISK_FAILS(RATE_STRATEGY, is_empty(&strategy->bucket, &strategy->rate, now_tsc)) |
            RL_RISK_FAILS(RATE_ACCOUNT, is_empty(&account->bucket, &account->rate, now_tsc)) |
            RL_RISK_FAILS(RATE_VENUE, is_empty(&venue->bucket, &venue->rate, now_tsc)) |
            RL_RISK_FAILS(RATE_ENGINE, is_empty(&r->global.bucket, &r->global.rate, now_tsc)),
        RL_RISK_RATE);
    mask |= bit_if(q->side == RL_BUY ? RL_RISK_ABOVE(LONG, more.reach, (rl_money)pair->max_long)
                                     : RL_RISK_ABOVE(SHORT, more.reach, (rl_money)pair->max_short),
                   RL_RISK_POSITION);
    mask |= bit_if(
        is_exposed(sums, account, &more, r->ledger->marks[s->instrument].px_nano, q->side, cost),
        RL_RISK_EXPOSURE);
    mask |= bit_if(RL_RISK_ABOVE(LOSS, rl_ledger_loss(r->ledger, s->account), account->max_loss) |
                       RL_RISK_FAILS(MARK_AGE, !rl_ledger_is_marked(r->ledger, s->account, now_tsc,
                                                                    account->mark_age_ticks)),
                   RL_RISK_LOSS);
    mask |= bit_if((old == NULL && is_too_open(r, s, pair, position, sums)) |
                       is_above_open(sums->open_notional, cost, account->max_open_notional),
                   RL_RISK_OPEN);
    mask |= bit_if(pair->self_trade != RL_SELF_TRADE_OFF &&
                       RL_RISK_FAILS(SELF_TRADE, meets_own(r, q, symbol)),
                   RL_RISK_SELF_TRADE);
    mask |= bit_if((q->side == RL_SELL) &
                       RL_RISK_ABOVE(SHORT_SALE, more.reach, (rl_money)pair->short_most),
                   RL_RISK_SHORT_SALE);
    mask |= bit_if(
        p.is_old | RL_RISK_FAILS(BOOK_IN_STEP, !(in->ready & RL_READY_BOOK)) |
            RL_RISK_ABOVE(DELAY, (uint64_t)in->queue_delay_ticks, r->global.queue_delay_ticks),
        RL_RISK_FRESHNESS);
    mask |= bit_if(RL_RISK_FAILS(ALTERED, r->set->version != r->set_version), RL_RISK_LIMITS);
    if (RL_UNLIKELY(mask != 0 && r->n_overrides != 0))
        mask &= ~overridden(r, s, now_tsc);
    return mask;
}

uint32_t rl_risk_check(struct rl_risk *r, const struct rl_request *q,
                       const struct rl_risk_input *in, uint64_t now_tsc)
{
    return judge(r, q, NULL, in, now_tsc);
}

/* R19: only what works as we know it can be changed, and only into what it was. */
static bool is_another(const struct rl_order *order, uint64_t qty, int64_t px_nano,
                       const struct rl_request *q)
{
    return q->qty != qty || q->px_nano != px_nano || q->side != order->side ||
           q->type != order->type || q->scopes.instrument != order->instrument ||
           q->scopes.venue != order->venue || q->scopes.account != order->account ||
           q->scopes.strategy != order->strategy;
}

uint32_t rl_risk_check_replace(struct rl_risk *r, const struct rl_order *order, uint64_t qty,
                               int64_t px_nano, const struct rl_request *q,
                               const struct rl_risk_input *in, uint64_t now_tsc)
{
    struct old old = {.qty = order->qty,
                      .cum = order->cum,
                      .leaves = rl_order_leaves(order),
                      .px_nano = order->px_nano > 0 ? order->px_nano : 0};
    bool is_working = order->state == RL_STATE_WORKING || order->state == RL_STATE_PARTIAL;

    old.reasons = bit_if(RL_RISK_FAILS(REPLACE_STATE, !is_working) |
                             RL_RISK_FAILS(REPLACE_MARKET, order->px_nano <= 0) |
                             RL_RISK_FAILS(REPLACE_OTHER, is_another(order, qty, px_nano, q)) |
                             !RL_RISK_ABOVE(REPLACE_CUM, qty, order->cum),
                         RL_RISK_REPLACE);
    return judge(r, q, &old, in, now_tsc) | old.reasons;
}

uint32_t rl_risk_check_cancel(struct rl_risk *r, const struct rl_scopes *scopes, uint64_t now_tsc)
{
    const struct rl_risk_venue *venue;

    /* Of a session that we do not have nothing can be cancelled, nor could anything be sent. */
    if (RL_UNLIKELY(scopes->venue >= r->n_venues))
        return RL_RISK_RATE;
    venue = &r->venues[scopes->venue];
    return bit_if(RL_RISK_ABOVE(CANCEL_RATE, rl_rate_cancel(&venue->rate, r->tsc_hz),
                                rl_bucket_level(&venue->bucket, &venue->rate, now_tsc)),
                  RL_RISK_RATE);
}

int64_t rl_risk_px_to_reserve(struct rl_risk *r, const struct rl_request *q,
                              const struct rl_risk_input *in)
{
    if (q->type != RL_TYPE_MARKET)
        return q->px_nano;
    if (!rl_risk_knows(r, &q->scopes) || q->side > RL_SELL)
        return INT64_MAX;
    return (int64_t)rl_price(q, rl_risk_pair_at(r, q->scopes.account, q->scopes.instrument), in,
                             in->bbo_tsc)
        .value_px;
}
