/*
 * ledger_inline - the hot half of ledger.h, which includes it.
 *
 * Every call is planned first and written last: what a plan says is checked against every sum, so
 * that a refusal has nothing to take back.
 */
#ifndef RL_TRADE_LEDGER_INLINE_H
#define RL_TRADE_LEDGER_INLINE_H

/* What an instrument adds to the sums of an account, or what a change adds to that. */
struct rl_worth {
    rl_money unrealised, gross, net_high, net_low;
};

/* What is held when all buys fill and no sell does, and the other way round. */
struct rl_outcomes {
    int64_t longest, shortest;
};

/* False when one has no room. */
static inline bool rl_outcomes_of(int64_t net, uint64_t buys, uint64_t sells, struct rl_outcomes *o)
{
    bool is_beyond = __builtin_add_overflow(net, buys, &o->longest);

    is_beyond |= __builtin_sub_overflow(net, sells, &o->shortest);
    return !is_beyond && o->shortest != INT64_MIN;
}

/* The further one from zero. */
static inline int64_t rl_outcomes_most(const struct rl_outcomes *o)
{
    return o->longest > -o->shortest ? o->longest : -o->shortest;
}

/* |mark|, and 0 without one. */
static inline int64_t rl_mark_size(int64_t px_nano)
{
    int64_t mark = px_nano == RL_PX_NONE ? 0 : px_nano;

    return mark < 0 ? -mark : mark;
}

/* Nothing can overflow: lots and |px| are below 2^63, a cost below 2^126. */
static inline void rl_worth_of(int64_t px_nano, int64_t net, const struct rl_outcomes *o,
                               rl_money cost, struct rl_worth *w)
{
    rl_money size = rl_mark_size(px_nano);

    w->gross = size * rl_outcomes_most(o);
    w->net_high = size * o->longest;
    w->net_low = size * o->shortest;
    w->unrealised = px_nano == RL_PX_NONE ? 0 : (rl_money)net * px_nano - cost;
}

/*
 * rl_worth_of after a change minus rl_worth_of before it, for less than the two: net grew by d_net,
 * open buys and sells by d_work, the cost by d_cost; each below 2^63 (2^127) in size.
 */
static inline void rl_worth_change(int64_t px_nano, int64_t d_net, const int64_t d_work[2],
                                   rl_money d_cost, const struct rl_outcomes *was,
                                   const struct rl_outcomes *now, struct rl_worth *d)
{
    rl_money size = rl_mark_size(px_nano), d_value = size * d_net;

    d->gross = size * (rl_outcomes_most(now) - rl_outcomes_most(was)); /* both of 0 .. 2^63 */
    d->net_high = d_value + size * d_work[RL_BUY];
    d->net_low = d_value - size * d_work[RL_SELL];
    d->unrealised = px_nano == RL_PX_NONE ? 0 : (rl_money)d_net * px_nano - d_cost;
}

/* The sums of the account with a change in them; false when one leaves its range. */
static inline bool rl_account_revalue(const struct rl_account *a, const struct rl_worth *d,
                                      struct rl_worth *sums)
{
    bool is_beyond = __builtin_add_overflow(a->unrealised, d->unrealised, &sums->unrealised);

    is_beyond |= __builtin_add_overflow(a->gross, d->gross, &sums->gross);
    is_beyond |= __builtin_add_overflow(a->net_high, d->net_high, &sums->net_high);
    is_beyond |= __builtin_add_overflow(a->net_low, d->net_low, &sums->net_low);
    return !is_beyond;
}

static inline void rl_account_take(struct rl_account *a, const struct rl_worth *sums)
{
    a->unrealised = sums->unrealised;
    a->gross = sums->gross;
    a->net_high = sums->net_high;
    a->net_low = sums->net_low;
}

/* What an order reserves before and after. */
struct rl_reserving {
    uint64_t was_qty, now_qty;
    int64_t was_px_nano, now_px_nano;
    enum rl_side side;
};

/* What that makes of a position and its account. */
struct rl_reserved {
    uint64_t work;
    rl_money open_notional;
    uint32_t n_open, n_open_account;
};

static inline rl_money rl_reserved_notional(int64_t px_nano, uint64_t qty)
{
    return rl_notional(px_nano < 0 ? -px_nano : px_nano, (int64_t)qty);
}

static inline bool rl_ledger_reserve(const struct rl_account *a, const struct rl_position *p,
                                     const struct rl_reserving *r, struct rl_reserved *to)
{
    int32_t d_open = (r->now_qty != 0) - (r->was_qty != 0);
    rl_money was = 0, now = 0;

    if ((unsigned)r->side > RL_SELL || r->now_qty > INT64_MAX ||
        __builtin_sub_overflow(p->work[r->side], r->was_qty, &to->work) ||
        __builtin_add_overflow(to->work, r->now_qty, &to->work) || to->work > INT64_MAX ||
        (r->was_qty != 0 && r->was_px_nano == RL_PX_NONE) ||
        (r->now_qty != 0 && r->now_px_nano == RL_PX_NONE))
        return false;
    if (r->was_qty != 0)
        was = rl_reserved_notional(r->was_px_nano, r->was_qty);
    if (r->now_qty != 0)
        now = rl_reserved_notional(r->now_px_nano, r->now_qty);
    return !__builtin_add_overflow(a->open_notional, now - was, &to->open_notional) &&
           to->open_notional >= 0 && !__builtin_add_overflow(p->n_open, d_open, &to->n_open) &&
           !__builtin_add_overflow(a->n_open, d_open, &to->n_open_account);
}

static inline void rl_ledger_take_reserved(struct rl_account *a, struct rl_position *p,
                                           enum rl_side side, const struct rl_reserved *to)
{
    p->work[side] = to->work;
    p->n_open = to->n_open;
    a->open_notional = to->open_notional;
    a->n_open = to->n_open_account;
}

static inline bool rl_position_is_active(const struct rl_position *p)
{
    return (p->net | p->work[RL_BUY] | p->work[RL_SELL]) != 0;
}

static inline bool rl_ledger_has(const struct rl_ledger *l, uint32_t account, uint32_t instrument)
{
    return account < l->n_accounts && instrument < l->n_instruments;
}

/* The account came to this instrument, or left it; or its position opened or closed. */
void rl_ledger_came_or_went(struct rl_ledger *l, uint32_t account, uint32_t instrument,
                            bool was_active, bool was_held);

static inline void rl_ledger_changed(struct rl_ledger *l, uint32_t account, uint32_t instrument,
                                     const struct rl_position *p, bool was_active, bool was_held)
{
    if (was_active != rl_position_is_active(p) || was_held != (p->net != 0))
        rl_ledger_came_or_went(l, account, instrument, was_active, was_held);
}

/*
 * Books an execution in direction `side` and what an order reserves, all but `done` and `busted`.
 * `undo` may be NULL.
 */
__attribute__((always_inline)) static inline bool
rl_ledger_book(struct rl_ledger *l, uint32_t account, uint32_t instrument, enum rl_side side,
               int64_t px_nano, uint64_t qty, const struct rl_reserving *r,
               struct rl_fifo_undo *undo)
{
    struct rl_position *p = rl_ledger_at(l, account, instrument);
    struct rl_account *a = &l->accounts[account];
    bool was_active = rl_position_is_active(p), was_held = p->net != 0;
    bool is_fifo = l->is_fifo >> account & 1;
    uint64_t closing = rl_position_closing(p, side, qty);
    int64_t d_work[2] = {0, 0};
    struct rl_outcomes was, now;
    struct rl_worth change, sums;
    struct rl_fifo_plan plan;
    struct rl_reserved reserved;
    struct rl_booking to;
    rl_money taken = 0, realised;

    if (is_fifo) {
        if (!rl_fifo_plan(&l->fifo, p, side, px_nano, qty, &plan))
            return false;
        taken = plan.taken;
    } else if (closing != 0) {
        taken = rl_position_share(p->cost, closing, rl_lots_held(p->net));
    }
    if (!rl_position_plan(p, side, px_nano, qty, closing, taken, &to) ||
        !rl_ledger_reserve(a, p, r, &reserved))
        return false;
    d_work[r->side] = (int64_t)(reserved.work - p->work[r->side]);
    rl_outcomes_of(p->net, p->work[RL_BUY], p->work[RL_SELL], &was);
    if (!rl_outcomes_of(to.net, p->work[RL_BUY] + d_work[RL_BUY],
                        p->work[RL_SELL] + d_work[RL_SELL], &now))
        return false;
    rl_worth_change(l->marks[instrument].px_nano, to.net - p->net, d_work, to.cost - p->cost, &was,
                    &now, &change);
    if (!rl_account_revalue(a, &change, &sums) ||
        __builtin_add_overflow(a->realised, to.realised - p->realised, &realised))
        return false;
    if (is_fifo)
        rl_fifo_take(&l->fifo, p, px_nano, &plan, undo);
    rl_position_take(p, &to);
    rl_ledger_take_reserved(a, p, r->side, &reserved);
    rl_account_take(a, &sums);
    a->realised = realised;
    rl_ledger_changed(l, account, instrument, p, was_active, was_held);
    return true;
}

__attribute__((always_inline)) static inline bool
rl_ledger_execute(struct rl_ledger *l, uint32_t account, uint32_t instrument, enum rl_side side,
                  int64_t px_nano, uint64_t qty, uint64_t was_qty, int64_t was_px_nano,
                  uint64_t now_qty, int64_t now_px_nano)
{
    struct rl_reserving r = {was_qty, now_qty, was_px_nano, now_px_nano, side};
    struct rl_position *p;
    uint64_t done;

    if (!rl_ledger_has(l, account, instrument) || !rl_is_execution(side, px_nano, qty))
        return false;
    p = rl_ledger_at(l, account, instrument);
    if (__builtin_add_overflow(p->done[side], qty, &done) ||
        !rl_ledger_book(l, account, instrument, side, px_nano, qty, &r, NULL))
        return false;
    p->done[side] = done;
    return true;
}

static inline bool rl_ledger_fill(struct rl_ledger *l, uint32_t account, uint32_t instrument,
                                  enum rl_side side, int64_t px_nano, uint64_t qty)
{
    return rl_ledger_execute(l, account, instrument, side, px_nano, qty, 0, 0, 0, 0);
}

/* The sums if the reservation moved; shared by the move itself and by rl_ledger_foresee. */
static inline bool rl_ledger_plan_move(const struct rl_ledger *l, uint32_t account,
                                       uint32_t instrument, const struct rl_reserving *r,
                                       struct rl_reserved *reserved, struct rl_outcomes *now,
                                       struct rl_worth *sums)
{
    const struct rl_position *p;
    const struct rl_account *a;
    struct rl_outcomes was;
    struct rl_worth change;
    int64_t d_work[2] = {0, 0};

    if (!rl_ledger_has(l, account, instrument))
        return false;
    p = rl_ledger_at(l, account, instrument);
    a = &l->accounts[account];
    if (!rl_ledger_reserve(a, p, r, reserved))
        return false;
    d_work[r->side] = (int64_t)(reserved->work - p->work[r->side]);
    rl_outcomes_of(p->net, p->work[RL_BUY], p->work[RL_SELL], &was);
    if (!rl_outcomes_of(p->net, p->work[RL_BUY] + d_work[RL_BUY],
                        p->work[RL_SELL] + d_work[RL_SELL], now))
        return false;
    rl_worth_change(l->marks[instrument].px_nano, 0, d_work, 0, &was, now, &change);
    return rl_account_revalue(a, &change, sums);
}

static inline bool rl_ledger_move(struct rl_ledger *l, uint32_t account, uint32_t instrument,
                                  enum rl_side side, uint64_t was_qty, int64_t was_px_nano,
                                  uint64_t now_qty, int64_t now_px_nano)
{
    struct rl_reserving r = {was_qty, now_qty, was_px_nano, now_px_nano, side};
    struct rl_reserved reserved;
    struct rl_outcomes now;
    struct rl_worth sums;
    struct rl_position *p;
    bool was_active;

    if (!rl_ledger_plan_move(l, account, instrument, &r, &reserved, &now, &sums))
        return false;
    p = rl_ledger_at(l, account, instrument);
    was_active = rl_position_is_active(p);
    rl_ledger_take_reserved(&l->accounts[account], p, side, &reserved);
    rl_account_take(&l->accounts[account], &sums);
    rl_ledger_changed(l, account, instrument, p, was_active, p->net != 0);
    return true;
}

static inline bool rl_ledger_foresee(const struct rl_ledger *l, uint32_t account,
                                     uint32_t instrument, enum rl_side side, uint64_t was_qty,
                                     int64_t was_px_nano, uint64_t now_qty, int64_t now_px_nano,
                                     struct rl_exposure *out)
{
    struct rl_reserving r = {was_qty, now_qty, was_px_nano, now_px_nano, side};
    struct rl_reserved reserved;
    struct rl_outcomes now;
    struct rl_worth sums;

    if (!rl_ledger_plan_move(l, account, instrument, &r, &reserved, &now, &sums) ||
        l->marks[instrument].px_nano == RL_PX_NONE)
        return false;
    *out = (struct rl_exposure){sums.gross,  sums.net_high, sums.net_low, reserved.open_notional,
                                now.longest, now.shortest};
    return true;
}

static inline bool rl_ledger_fee(struct rl_ledger *l, uint32_t account, uint32_t instrument,
                                 rl_money fee)
{
    rl_money fees;

    if (!rl_ledger_has(l, account, instrument) ||
        __builtin_add_overflow(l->accounts[account].fees, fee, &fees) ||
        !rl_position_fee(rl_ledger_at(l, account, instrument), fee))
        return false;
    l->accounts[account].fees = fees;
    return true;
}

static inline rl_money rl_ledger_loss(const struct rl_ledger *l, uint32_t account)
{
    const struct rl_account *a = &l->accounts[account];
    rl_money loss;

    /* Two that pull apart may cancel out only after a sum has left its range: a loss all the same,
     * since what cannot be told is taken for the worst. */
    if (__builtin_sub_overflow(a->fees, a->realised, &loss) ||
        __builtin_sub_overflow(loss, a->unrealised, &loss))
        return RL_MONEY_MAX;
    return loss;
}

static inline rl_money rl_ledger_net(const struct rl_ledger *l, uint32_t account)
{
    const struct rl_account *a = &l->accounts[account];
    /* net_low <= net_high, so the further one is above 0 or below it. */
    rl_money low = a->net_low == RL_MONEY_MIN ? RL_MONEY_MAX : -a->net_low;

    return a->net_high > low ? a->net_high : low;
}

static inline bool rl_ledger_is_marked(const struct rl_ledger *l, uint32_t account,
                                       uint64_t now_tsc, uint64_t max_age_ticks)
{
    const struct rl_account *a = &l->accounts[account];

    return a->n_unmarked == 0 &&
           (now_tsc <= a->oldest_mark_tsc || now_tsc - a->oldest_mark_tsc <= max_age_ticks);
}

#endif
