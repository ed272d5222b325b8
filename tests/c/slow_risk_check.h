/*
 * slow_risk_check - the decision itself; a part of slow_risk.h.
 */
#ifndef RL_TESTS_SLOW_RISK_CHECK_H
#define RL_TESTS_SLOW_RISK_CHECK_H

static inline bool slow_rate_missing(const struct rl_limit_rate *r)
{
    return r->per_s == 0 || r->burst == 0 || r->reserve == 0;
}

/* Every member that is zero and may not be, whatever it is: R21. */
static inline bool slow_any_zero(const void *row, const struct rl_limit_table *table)
{
    for (uint32_t i = 0; i < table->n_members; i++)
        if (rl_limit_get(row, &table->members[i]) == 0 &&
            (table->members[i].flags & RL_LIMIT_MAY_BE_ZERO) == 0)
            return true;
    return false;
}

/* All the sums over orders and positions that a decision needs. */
struct slow_sums {
    wide work[2]; /* lots open in the account and symbol, by side */
    wide n_pair, n_account, n_strategy, n_venue, n_all;
    wide open_notional, buys; /* of the account */
    wide gross, high, low;    /* of the account, at marks */
    wide profit;
    bool is_unmarked, is_stale, meets_own;
};

static inline bool slow_meets(unsigned side, int64_t px, int64_t own_px, bool own_is_market)
{
    return px == RL_PX_NONE || own_is_market || (side == RL_BUY ? px >= own_px : px <= own_px);
}

static inline struct slow_sums slow_sum(const struct world *w, const struct rl_request *q)
{
    const struct rl_scopes *s = &q->scopes;
    struct slow_sums sums = {.n_all = 0};

    for (uint32_t instrument = 0; instrument < N_INSTRUMENTS; instrument++) {
        const struct rl_mark *mark = &w->ledger.marks[instrument];
        wide net = slow.net[s->account][instrument], work[2] = {0, 0}, size;

        for (uint32_t i = 0; i < slow.n_orders; i++) {
            const struct slow_order *o = &slow.orders[i];

            if (o->q.scopes.account == s->account && o->q.scopes.instrument == instrument)
                work[o->q.side] += slow_leaves(o);
        }
        if (instrument == s->instrument)
            memcpy(sums.work, work, sizeof(work));
        if (mark->px_nano == RL_PX_NONE) {
            sums.is_unmarked |= net != 0 || work[0] != 0 || work[1] != 0;
            continue;
        }
        size = slow_size(mark->px_nano);
        sums.gross += size * slow_max(net + work[RL_BUY], work[RL_SELL] - net);
        sums.high += size * (net + work[RL_BUY]);
        sums.low += size * (net - work[RL_SELL]);
        sums.profit += net * mark->px_nano;
        sums.is_stale |= net != 0 && w->now > mark->tsc &&
                         w->now - mark->tsc > w->set->accounts[s->account].mark_age_ns &&
                         w->set->accounts[s->account].mark_age_ns != RL_LIMIT_OFF;
    }
    sums.profit += slow.cash[s->account] - slow.fees[s->account];
    for (uint32_t i = 0; i < slow.n_orders; i++) {
        const struct slow_order *o = &slow.orders[i];
        wide leaves = slow_leaves(o), money = leaves * slow_worst_px(o);

        if (leaves == 0)
            continue;
        sums.n_all++;
        sums.n_venue += o->q.scopes.venue == s->venue;
        sums.n_strategy += o->q.scopes.strategy == s->strategy;
        if (o->q.scopes.account == s->account) {
            sums.n_account++;
            sums.n_pair += o->q.scopes.instrument == s->instrument;
            sums.open_notional += money;
            sums.buys += o->q.side == RL_BUY ? money : 0;
        }
        if (o->q.scopes.instrument == s->instrument && o->q.side != q->side &&
            o->q.time_in_force != RL_TIF_IOC && o->q.time_in_force != RL_TIF_FOK)
            sums.meets_own |=
                slow_meets(q->side, q->px_nano, o->q.px_nano, o->is_market) ||
                (o->is_replacing && slow_meets(q->side, q->px_nano, o->new_px, false));
    }
    return sums;
}

static inline uint32_t slow_if(bool failed, uint32_t reason)
{
    return failed ? reason : 0;
}

static inline wide slow_collar_px(const struct rl_limit_pair *pair, wide mid2)
{
    wide away2 = mid2 * pair->collar_bps / 10000, ticks2 = 2 * (wide)pair->collar_ticks;
    wide px;

    ticks2 *= pair->tick_nano > 0 ? pair->tick_nano : 1;
    if (pair->collar_ticks == RL_LIMIT_OFF_32 || ticks2 > UINT64_MAX)
        ticks2 = UINT64_MAX;
    if (pair->collar_bps == RL_LIMIT_OFF_32 || away2 > ticks2)
        away2 = ticks2;
    px = (mid2 + away2 + 1) / 2;
    return px < INT64_MAX ? px : INT64_MAX;
}

/* The lowest and the highest reference of the period; false: there is none. */
static inline bool slow_reach(const struct world *w, uint32_t instrument, wide *low, wide *high)
{
    const struct slow_windows *mids = &slow.mids[instrument];
    uint64_t longest = 0, from;

    if (slow.last_mid2[instrument] == 0)
        return false;
    for (uint32_t a = 0; a < N_ACCOUNTS; a++) {
        uint64_t ticks = slow_ticks(w->set->pairs[a * N_INSTRUMENTS + instrument].moved_window_ns);

        longest = ticks > longest ? ticks : longest;
    }
    *low = *high = slow.last_mid2[instrument];
    if (w->now > mids->until && w->now - mids->until > longest)
        return true; /* nothing was seen for so long that only the last one is left */
    from = w->now > mids->until ? mids->number : mids->number - 1;
    for (uint32_t i = 0; i < mids->n; i++)
        if (mids->list[i].number >= from) {
            *low = mids->list[i].a < *low ? mids->list[i].a : *low;
            *high = slow_max(*high, mids->list[i].a);
        }
    return true;
}

static inline bool slow_nonsense(const struct world *w, const struct rl_request *q,
                                 const struct rl_limit_pair *pair)
{
    if (q->qty == 0 || q->qty > INT64_MAX || (pair->lot != 0 && q->qty % pair->lot != 0))
        return true;
    if (q->type == RL_TYPE_MARKET
            ? q->px_nano != RL_PX_NONE
            : q->px_nano <= 0 || (pair->tick_nano > 0 && q->px_nano % pair->tick_nano != 0))
        return true;
    if (q->type > RL_TYPE_MARKET || q->time_in_force > RL_TIF_GTD)
        return true;
    if (q->time_in_force == RL_TIF_GTD)
        return w->in.utc_ns == 0 || q->expire_ns <= w->in.utc_ns;
    return q->expire_ns != 0;
}

/* A new order, or with `old` the change of one. */
static inline uint32_t slow_check(const struct world *w, const struct rl_request *q,
                                  const struct slow_order *old)
{
    const struct rl_scopes *s = &q->scopes;
    const struct rl_limit_set *set = w->set;
    uint32_t mask = 0;

    if (q->side > RL_SELL)
        return RL_RISK_FIELD;
    if (s->instrument >= N_INSTRUMENTS || s->account >= N_ACCOUNTS || s->strategy >= N_STRATEGIES ||
        s->venue >= N_VENUES)
        return RL_RISK_PERMISSION | RL_RISK_LIMITS;

    const struct rl_limit_pair *pair = &set->pairs[s->account * N_INSTRUMENTS + s->instrument];
    const struct rl_limit_account *account = &set->accounts[s->account];
    const struct rl_limit_strategy *strategy = &set->strategies[s->strategy];
    const struct rl_limit_venue *venue = &set->venues[s->venue];
    const struct rl_mark *mark = &w->ledger.marks[s->instrument];
    struct slow_sums sums = slow_sum(w, q);
    wide net = slow.net[s->account][s->instrument], sign = q->side == RL_BUY ? 1 : -1;
    wide bid = w->in.bbo.px_nano[RL_BUY], offer = w->in.bbo.px_nano[RL_SELL];
    bool has_book = bid > 0 && offer >= bid, is_market = q->type == RL_TYPE_MARKET;
    wide mid2 = has_book ? bid + offer : 0, far = q->side == RL_BUY ? offer : bid;
    wide px = is_market ? (has_book ? far : 0) : slow_max(q->px_nano, 0);
    wide value_px = !is_market ? px : has_book ? slow_collar_px(pair, mid2) : INT64_MAX;
    wide age = slow_size((wide)w->now - w->in.bbo_tsc), through = sign * (px - far);
    bool is_old = slow_above(age, pair->md_age_ns, RL_LIMIT_OFF);
    wide tick = pair->tick_nano > 0 ? pair->tick_nano : 1, lots = q->qty, qty = q->qty;
    wide size_px = value_px, more_money, reach, mine, other, worst, low, high, away2;
    unsigned state = RL_RISK_ACTIVE;

    if (old != NULL) {
        wide was = slow_leaves(old), now = (wide)q->qty - old->cum;

        lots = slow_max(now - was, 0);
        qty = slow_max(qty, old->q.qty);
        size_px = slow_max(size_px, old->q.px_nano);
        more_money = size_px * slow_max(now, was) - (wide)old->q.px_nano * was;
        mask |= slow_if((!old->is_acked && old->cum == 0) || old->is_replacing ||
                            old->is_cancelling || old->is_market || (wide)q->qty <= (wide)old->cum,
                        RL_RISK_REPLACE);
    } else {
        more_money = size_px * qty;
    }
    mine = sign * net + sums.work[q->side];
    other = -sign * net + sums.work[RL_SELL - q->side];
    reach = mine + lots;
    worst = slow_max(reach, other) - slow_max(mine, other);

    /* R01 */
    state = (unsigned)slow_max(state, slow.states[RL_SCOPE_GLOBAL][0]);
    state = (unsigned)slow_max(state, slow.states[RL_SCOPE_VENUE][s->venue]);
    state = (unsigned)slow_max(state, slow.states[RL_SCOPE_ACCOUNT][s->account]);
    state = (unsigned)slow_max(state, slow.states[RL_SCOPE_STRATEGY][s->strategy]);
    state = (unsigned)slow_max(state, slow.states[RL_SCOPE_SYMBOL][s->instrument]);
    mask |= slow_if(state == RL_RISK_HALTED || (state == RL_RISK_REDUCE_ONLY && reach > 0),
                    RL_RISK_STATE);
    /* R02, R03, R04 */
    mask |= slow_if(!(w->in.ready & RL_READY_SESSION) || !(w->in.ready & RL_READY_CLOCK),
                    RL_RISK_SESSION);
    mask |= slow_if((pair->strategies & (1ULL << s->strategy)) == 0 ||
                        (pair->venues & (1U << s->venue)) == 0 ||
                        (pair->sides & (1U << q->side)) == 0 || !(w->in.ready & RL_READY_PHASE),
                    RL_RISK_PERMISSION);
    mask |= slow_if(slow_nonsense(w, q, pair), RL_RISK_FIELD);
    /* R05, R06 */
    mask |= slow_if(slow_above(qty, pair->max_qty, RL_LIMIT_OFF), RL_RISK_QTY);
    mask |= slow_if(slow_money_above(size_px * qty, pair->max_notional), RL_RISK_NOTIONAL);
    /* R07 */
    away2 = slow_size(2 * px - mid2);
    mask |= slow_if(!has_book || is_old, RL_RISK_COLLAR);
    mask |= slow_if(pair->collar_bps != RL_LIMIT_OFF_32 && away2 * 10000 > mid2 * pair->collar_bps,
                    RL_RISK_COLLAR);
    mask |= slow_if(pair->collar_ticks != RL_LIMIT_OFF_32 && away2 > 2 * tick * pair->collar_ticks,
                    RL_RISK_COLLAR);
    if (pair->moved_bps != RL_LIMIT_OFF_32) {
        if (!slow_reach(w, s->instrument, &low, &high))
            mask |= slow_if(px > 0, RL_RISK_COLLAR);
        else
            mask |= slow_if(2 * px * 10000 > low * (10000 + (wide)pair->moved_bps) ||
                                2 * px * 10000 < high * (10000 - (wide)pair->moved_bps),
                            RL_RISK_COLLAR);
    }
    /* R08 */
    mask |= slow_if(!has_book || (pair->cross_ticks != RL_LIMIT_OFF_32 &&
                                  through > slow_max(tick * pair->cross_ticks, 0)),
                    RL_RISK_CROSS);
    /* R09 */
    if (old == NULL && pair->duplicates != RL_LIMIT_OFF_32) {
        uint64_t last = slow.n_sends > 0 ? slow.sends[slow.n_sends - 1].tsc : 0;
        uint64_t now = w->now > last ? w->now : last;
        uint32_t n_same = 0, n_within = 0;

        for (uint32_t i = 0; i < slow.n_sends; i++) {
            const struct rl_request *was = &slow.sends[i].q;

            if (now - slow.sends[i].tsc > slow_ticks(pair->duplicates_window_ns))
                continue;
            n_within++;
            n_same += was->scopes.account == s->account &&
                      was->scopes.instrument == s->instrument && was->side == q->side &&
                      was->qty == q->qty && was->px_nano == q->px_nano;
        }
        mask |= slow_if(n_same >= pair->duplicates || n_within == SLOW_SENDS, RL_RISK_DUPLICATE);
    }
    /* R10 */
    mask |= slow_if(
        slow_empty(&slow.pairs[s->account][s->instrument], &pair->rate, w->now, false) ||
            slow_empty(&slow.accounts[s->account], &account->rate, w->now, false) ||
            slow_empty(&slow.venues[s->venue], &venue->rate, w->now, false) ||
            slow_empty(&slow.strategies[s->strategy].bucket, &strategy->rate, w->now, false) ||
            slow_empty(&slow.engine, &set->global.rate, w->now, false),
        RL_RISK_RATE);
    /* R11, R18 */
    mask |= slow.strategies[s->strategy].latched;
    /* R12, R17 */
    mask |=
        slow_if(q->side == RL_BUY ? reach > (wide)pair->max_long : reach > (wide)pair->max_short,
                RL_RISK_POSITION);
    mask |= slow_if(q->side == RL_SELL &&
                        reach > (pair->short_rule == RL_SHORT_FREE      ? (wide)UINT64_MAX
                                 : pair->short_rule == RL_SHORT_LOCATED ? (wide)pair->located
                                                                        : 0),
                    RL_RISK_SHORT_SALE);
    /* R13 */
    if (mark->px_nano == RL_PX_NONE) {
        mask |= RL_RISK_EXPOSURE;
    } else {
        wide size = slow_size(mark->px_nano), side_net = q->side == RL_BUY ? sums.high : -sums.low;

        mask |= slow_if(reach > INT64_MAX, RL_RISK_EXPOSURE);
        mask |=
            slow_if(worst != 0 && slow_money_above(sums.gross + size * worst, account->max_gross),
                    RL_RISK_EXPOSURE);
        mask |= slow_if(lots != 0 && slow_money_above(side_net + size * lots, account->max_net),
                        RL_RISK_EXPOSURE);
    }
    mask |= slow_if(
        q->side == RL_BUY && more_money != 0 &&
            slow_money_above(-slow.cash[s->account] + sums.buys + more_money, account->max_credit),
        RL_RISK_EXPOSURE);
    /* R14 */
    mask |= slow_if(slow_money_above(-sums.profit, account->max_loss) || sums.is_unmarked ||
                        sums.is_stale,
                    RL_RISK_LOSS);
    /* R15 */
    if (old == NULL)
        mask |= slow_if(slow_above(sums.n_pair + 1, pair->max_open, RL_LIMIT_OFF_32) ||
                            slow_above(sums.n_account + 1, account->max_open, RL_LIMIT_OFF_32) ||
                            slow_above(sums.n_strategy + 1, strategy->max_open, RL_LIMIT_OFF_32) ||
                            slow_above(sums.n_venue + 1, venue->max_open, RL_LIMIT_OFF_32) ||
                            slow_above(sums.n_all + 1, set->global.max_open, RL_LIMIT_OFF_32),
                        RL_RISK_OPEN);
    mask |= slow_if(slow_money_above(sums.open_notional + more_money, account->max_open_notional),
                    RL_RISK_OPEN);
    /* R16 */
    mask |= slow_if(pair->self_trade != RL_SELF_TRADE_OFF && sums.meets_own, RL_RISK_SELF_TRADE);
    /* R20 */
    mask |=
        slow_if(is_old || !(w->in.ready & RL_READY_BOOK) ||
                    slow_above(w->in.queue_delay_ticks, set->global.queue_delay_ns, RL_LIMIT_OFF),
                RL_RISK_FRESHNESS);
    /* R21 */
    mask |= slow_if(slow_any_zero(pair, &rl_limit_tables[RL_SCOPE_SYMBOL]) ||
                        slow_any_zero(account, &rl_limit_tables[RL_SCOPE_ACCOUNT]) ||
                        slow_any_zero(strategy, &rl_limit_tables[RL_SCOPE_STRATEGY]) ||
                        slow_any_zero(venue, &rl_limit_tables[RL_SCOPE_VENUE]) ||
                        slow_any_zero(&set->global, &rl_limit_tables[RL_SCOPE_GLOBAL]),
                    RL_RISK_LIMITS);
    return mask;
}

#endif
