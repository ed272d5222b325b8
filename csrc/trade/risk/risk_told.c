/* What is remembered of messages that left and of answers, and what the answers call for. */
#include "trade/risk/risk.h"

static rl_money money_of(int64_t px_nano, uint64_t qty)
{
    return qty == 0 ? 0 : (rl_money)px_nano * (rl_money)qty;
}

/* A sum that has left its range is taken for the worst. */
static void add_credit(struct rl_risk_account *a, rl_money more)
{
    if (__builtin_add_overflow(a->credit, more, &a->credit))
        a->credit = RL_MONEY_MAX;
}

/* The order that a change is about: of one that is unknown, what it was. */
static const struct rl_order *order_of(const struct rl_order_change *c)
{
    return c->order != NULL ? c->order : &c->was;
}

static void move_own(struct rl_risk_symbol *s, const struct rl_order_change *c,
                     const struct rl_order *o)
{
    bool was_open = c->was_reserved_qty != 0, is_open = c->now_reserved_qty != 0;

    if (!rl_tif_may_rest(o->time_in_force))
        return;
    if (!was_open && is_open) {
        rl_own_came(s, o->side, o->px_nano);
    } else if (was_open) {
        bool has_changed = o->px_nano != c->was.px_nano || o->link != c->was.link;

        s->n_own[o->side] -= !is_open;
        if (!is_open || has_changed)
            rl_own_left(s, o->side, c->was.px_nano, c->was.link != RL_ID_NONE);
        if (is_open && has_changed)
            rl_own_works(s, o->side, o->px_nano);
    }
}

/* The reservation of an order moved: counts of open orders, credit, own best prices. */
static void move(struct rl_risk *r, const struct rl_order_change *c, const struct rl_order *o)
{
    uint32_t d_open = (uint32_t)(c->now_reserved_qty != 0) - (uint32_t)(c->was_reserved_qty != 0);

    r->global.n_open += d_open;
    r->venues[o->venue].n_open += d_open;
    r->strategies[o->strategy].n_open += d_open;
    if (o->side == RL_BUY)
        add_credit(&r->accounts[o->account],
                   money_of(c->now_reserved_px_nano, c->now_reserved_qty) -
                       money_of(c->was_reserved_px_nano, c->was_reserved_qty));
    move_own(&r->symbols[o->instrument], c, o);
}

/* A message uses up budget everywhere, whichever it is. */
static void take(struct rl_risk *r, const struct rl_scopes *s, uint64_t now_tsc)
{
    struct rl_risk_pair *pair = rl_risk_pair_at(r, s->account, s->instrument);
    struct rl_risk_strategy *strategy = &r->strategies[s->strategy];
    struct rl_risk_account *account = &r->accounts[s->account];
    struct rl_risk_venue *venue = &r->venues[s->venue];

    rl_bucket_take(&pair->bucket, &pair->rate, r->tsc_hz, now_tsc);
    rl_bucket_take(&strategy->bucket, &strategy->rate, r->tsc_hz, now_tsc);
    rl_bucket_take(&account->bucket, &account->rate, r->tsc_hz, now_tsc);
    rl_bucket_take(&venue->bucket, &venue->rate, r->tsc_hz, now_tsc);
    rl_bucket_take(&r->global.bucket, &r->global.rate, r->tsc_hz, now_tsc);
}

static void count(struct rl_risk_strategy *s, unsigned ratio, struct rl_tally_counts add,
                  uint64_t now_tsc)
{
    rl_tally_add(&s->tallies[ratio], add, now_tsc, s->ratio_ticks[ratio]);
}

static void count_order(struct rl_risk_strategy *s, uint64_t now_tsc)
{
    count(s, RL_LIMIT_RATIO_REJECTS, (struct rl_tally_counts){0, 1, 1}, now_tsc);
    count(s, RL_LIMIT_RATIO_CANCELS, (struct rl_tally_counts){0, 0, 1}, now_tsc);
    count(s, RL_LIMIT_RATIO_MESSAGES, (struct rl_tally_counts){1, 0, 1}, now_tsc);
}

static void spend_overrides(struct rl_risk *r, const struct rl_scopes *s)
{
    for (uint32_t i = 0; i < r->n_overrides; i++) {
        struct rl_override *o = &r->overrides[i];

        o->n_orders -= o->n_orders != 0 && rl_override_is_of(o, s);
    }
}

void rl_risk_sent(struct rl_risk *r, const struct rl_request *q,
                  const struct rl_order_change *change, uint64_t now_tsc)
{
    if (!rl_risk_knows(r, &q->scopes) || q->side > RL_SELL || change->order == NULL)
        return;
    take(r, &q->scopes, now_tsc);
    rl_repeats_add(&r->repeats, q, now_tsc);
    count_order(&r->strategies[q->scopes.strategy], now_tsc);
    move(r, change, change->order);
    if (RL_UNLIKELY(r->n_overrides != 0))
        spend_overrides(r, &q->scopes);
}

void rl_risk_replace_sent(struct rl_risk *r, const struct rl_request *q,
                          const struct rl_order_change *change, uint64_t now_tsc)
{
    if (!rl_risk_knows(r, &q->scopes) || q->side > RL_SELL || change->order == NULL)
        return;
    take(r, &q->scopes, now_tsc);
    count_order(&r->strategies[q->scopes.strategy], now_tsc);
    move(r, change, change->order);
    if (rl_tif_may_rest(change->order->time_in_force))
        rl_own_works(&r->symbols[q->scopes.instrument], q->side, q->px_nano);
    if (RL_UNLIKELY(r->n_overrides != 0))
        spend_overrides(r, &q->scopes);
}

void rl_risk_cancel_sent(struct rl_risk *r, const struct rl_scopes *scopes, uint64_t now_tsc)
{
    struct rl_risk_strategy *s;

    if (!rl_risk_knows(r, scopes))
        return;
    s = &r->strategies[scopes->strategy];
    take(r, scopes, now_tsc);
    count(s, RL_LIMIT_RATIO_CANCELS, (struct rl_tally_counts){1, 0, 0}, now_tsc);
    count(s, RL_LIMIT_RATIO_MESSAGES, (struct rl_tally_counts){1, 0, 0}, now_tsc);
}

static bool call(struct rl_risk_trip *trip, enum rl_scope scope, uint32_t index,
                 enum rl_kill_cause cause, bool is_alert)
{
    *trip = (struct rl_risk_trip){
        .index = index, .scope = (uint8_t)scope, .cause = (uint8_t)cause, .is_alert = is_alert};
    return true;
}

static bool stop(struct rl_risk *r, struct rl_risk_trip *trip, uint32_t strategy, uint32_t reason,
                 enum rl_kill_cause cause)
{
    r->strategies[strategy].latched |= reason;
    r->strategies[strategy].state = RL_RISK_HALTED;
    return call(trip, RL_SCOPE_STRATEGY, strategy, cause, false);
}

/* R11, and what else an execution can show. */
static bool executed(struct rl_risk *r, const struct rl_order_change *c, const struct rl_order *o,
                     uint64_t now_tsc, struct rl_risk_trip *trip)
{
    const struct rl_position *position = rl_ledger_at(r->ledger, o->account, o->instrument);
    const struct rl_risk_pair *pair = rl_risk_pair_at(r, o->account, o->instrument);
    struct rl_risk_strategy *s = &r->strategies[o->strategy];
    int64_t sign = o->side == RL_BUY ? 1 : -1;
    bool is_repeated = false;

    add_credit(&r->accounts[o->account], sign * (rl_money)c->d_qty * c->px_nano);
    if (c->undo_qty != 0)
        add_credit(&r->accounts[o->account], -sign * (rl_money)c->undo_qty * c->undo_px_nano);
    if (c->kind == RL_EVENT_FILL) {
        count(s, RL_LIMIT_RATIO_CANCELS, (struct rl_tally_counts){0, 1, 0}, now_tsc);
        count(s, RL_LIMIT_RATIO_MESSAGES, (struct rl_tally_counts){0, 1, 0}, now_tsc);
        is_repeated = rl_spell_add(&s->fills, now_tsc, s->executions, s->executions_ticks) &&
                      s->executions != RL_LIMIT_OFF_32;
    }
    /* One is told of, the worst; that the strategy stops holds in any case. */
    if (is_repeated)
        stop(r, trip, o->strategy, RL_RISK_EXECUTIONS, RL_KILL_EXECUTIONS);
    if ((c->flags & RL_ORDER_OVERFILL) != 0)
        return call(trip, RL_SCOPE_GLOBAL, 0, RL_KILL_OVERFILL, false);
    if (((pair->reasons | r->accounts[o->account].reasons) & RL_RISK_LIMITS) != 0)
        return call(trip, RL_SCOPE_GLOBAL, 0, RL_KILL_UNBOUND, false);
    if (is_repeated)
        return true;
    if (position->net > 0 ? (uint64_t)position->net > pair->max_long
                          : rl_lots_held(position->net) > pair->max_short)
        return call(trip, RL_SCOPE_ACCOUNT, o->account, RL_KILL_POSITION, false);
    return false;
}

static enum rl_kill_cause cause_of(unsigned ratio)
{
    return ratio == RL_LIMIT_RATIO_REJECTS ? RL_KILL_REJECTS : RL_KILL_RATE;
}

/* R18: what calls for anything new; a trip before any alert, so that none hides one. */
static bool judge_ratios(struct rl_risk *r, uint32_t strategy, struct rl_risk_trip *trip)
{
    struct rl_risk_strategy *s = &r->strategies[strategy];

    if ((s->latched & RL_RISK_RATIO) != 0)
        return false;
    for (unsigned i = 0; i < RL_N_LIMIT_RATIOS; i++)
        if (rl_risk_ratio_is_above(s, i, s->ratios[i].trip_permille))
            return stop(r, trip, strategy, RL_RISK_RATIO, cause_of(i));
    for (unsigned i = 0; i < RL_N_LIMIT_RATIOS; i++) {
        uint8_t bit = (uint8_t)(1U << i);

        if (!rl_risk_ratio_is_above(s, i, s->ratios[i].alert_permille)) {
            s->alerted &= (uint8_t)~bit;
        } else if ((s->alerted & bit) == 0) {
            s->alerted |= bit;
            return call(trip, RL_SCOPE_STRATEGY, strategy, cause_of(i), true);
        }
    }
    return false;
}

static bool answered(struct rl_risk *r, const struct rl_order_change *c, const struct rl_order *o,
                     uint64_t now_tsc, struct rl_risk_trip *trip)
{
    struct rl_risk_strategy *s = &r->strategies[o->strategy];

    if (c->kind == RL_EVENT_REJECT || c->kind == RL_EVENT_REPLACE_REJECT) {
        count(s, RL_LIMIT_RATIO_REJECTS, (struct rl_tally_counts){1, 0, 0}, now_tsc);
        s->n_rejects += s->n_rejects != UINT32_MAX;
        if (s->n_rejects > s->rejects_in_row && (s->latched & RL_RISK_RATIO) == 0)
            return stop(r, trip, o->strategy, RL_RISK_RATIO, RL_KILL_REJECTS);
    } else if (c->kind == RL_EVENT_ACK || c->kind == RL_EVENT_REPLACED) {
        s->n_rejects = 0;
    }
    if (judge_ratios(r, o->strategy, trip))
        return true;
    if ((c->flags & RL_ORDER_UNSOLICITED) != 0)
        return call(trip, RL_SCOPE_VENUE, o->venue, RL_KILL_UNSOLICITED, true);
    return false;
}

bool rl_risk_told(struct rl_risk *r, const struct rl_order_change *change, uint64_t now_tsc,
                  struct rl_risk_trip *trip)
{
    const struct rl_order *o = order_of(change);
    struct rl_scopes scopes = rl_order_scopes(o);

    if ((change->flags & RL_ORDER_UNKNOWN_ORDER) != 0)
        return (change->kind == RL_EVENT_FILL || change->kind == RL_EVENT_CORRECT) &&
               call(trip, RL_SCOPE_GLOBAL, 0, RL_KILL_UNKNOWN_FILL, false);
    if ((change->flags & RL_ORDER_CONFLICT) != 0)
        return call(trip, RL_SCOPE_GLOBAL, 0, RL_KILL_RECONCILE, true);
    if ((change->flags & (RL_ORDER_ILLEGAL | RL_ORDER_DUPLICATE | RL_ORDER_UNKNOWN_EXEC)) != 0 ||
        o->id == RL_ID_NONE || !rl_risk_knows(r, &scopes) || o->side > RL_SELL)
        return false;
    move(r, change, o);
    if (change->d_qty != 0 || change->undo_qty != 0) {
        r->strategies[o->strategy].n_rejects = 0;
        return executed(r, change, o, now_tsc, trip);
    }
    return answered(r, change, o, now_tsc, trip);
}

bool rl_risk_poll(struct rl_risk *r, uint64_t now_tsc, struct rl_risk_trip *trip)
{
    uint64_t n_pairs = (uint64_t)r->n_accounts * r->n_instruments, n = r->poll_next % n_pairs;
    uint32_t index = (uint32_t)(n % r->n_accounts), instrument = (uint32_t)(n / r->n_accounts);
    const struct rl_risk_pair *pair = rl_risk_pair_at(r, index, instrument);
    const struct rl_risk_account *limits = &r->accounts[index];
    int64_t net = rl_ledger_at(r->ledger, index, instrument)->net;

    r->poll_next = n + 1;
    if (rl_ledger_loss(r->ledger, index) > limits->max_loss ||
        !rl_ledger_is_marked(r->ledger, index, now_tsc, limits->mark_age_ticks))
        return call(trip, RL_SCOPE_ACCOUNT, index, RL_KILL_LOSS, false);
    if (rl_ledger_gross(r->ledger, index) > limits->max_gross ||
        rl_ledger_net(r->ledger, index) > limits->max_net || limits->credit > limits->max_credit)
        return call(trip, RL_SCOPE_ACCOUNT, index, RL_KILL_EXPOSURE, false);
    if (net > 0 ? (uint64_t)net > pair->max_long : rl_lots_held(net) > pair->max_short)
        return call(trip, RL_SCOPE_ACCOUNT, index, RL_KILL_POSITION, false);
    return false;
}
