/* For each reason the limit and what would be: the decision's arithmetic once more, one at a time.
 */
#include "trade/risk/risk_inner.h"

/* What a reason is about: each as wide as it comes. */
struct pair_of {
    rl_money limit, actual;
};

static int64_t saturated(rl_money x)
{
    return x > INT64_MAX ? INT64_MAX : x < INT64_MIN ? INT64_MIN : (int64_t)x;
}

/* Whole units, away from zero: what is a nano above a limit shows as above it. */
static rl_money units(rl_money nano)
{
    rl_money whole = nano / RL_NANO_PER_UNIT;

    return nano % RL_NANO_PER_UNIT == 0 ? whole : whole + (nano < 0 ? -1 : 1);
}

/* limit of what is switched off: the largest there is. */
static rl_money units_of_limit(rl_money nano)
{
    return nano == RL_MONEY_MAX ? RL_MONEY_MAX : nano / RL_NANO_PER_UNIT;
}

/* Everything that an explanation needs. */
struct about {
    struct rl_risk *r;
    const struct rl_request *q;
    const struct rl_risk_input *in;
    uint64_t now_tsc;
    const struct rl_risk_pair *pair;
    const struct rl_position *position;
    const struct rl_account *sums;
    const struct rl_risk_account *account;
    const struct rl_risk_strategy *strategy;
    const struct rl_risk_venue *venue;
    struct rl_priced p;
    struct rl_more more;
    rl_money size;
};

static rl_money bps_away(uint64_t away2, uint64_t mid2)
{
    return mid2 == 0 ? 0 : ((rl_money)away2 * RL_BPS + mid2 - 1) / mid2;
}

static struct pair_of explain_collar(const struct about *a)
{
    const struct rl_risk_symbol *symbol = &a->r->symbols[a->q->scopes.instrument];
    uint64_t px2 = 2 * a->p.px, away2 = rl_distance(px2, a->p.mid2);
    struct rl_px_reach reach = symbol->reach;
    rl_money up, down; /* from the lowest reference, from the highest */

    if (!a->p.has_book)
        return (struct pair_of){0, 0};
    if (a->p.is_old)
        return (struct pair_of){a->pair->md_age_ticks, rl_distance(a->now_tsc, a->in->bbo_tsc)};
    if (a->pair->collar_bps != RL_LIMIT_OFF_32 &&
        (rl_money)away2 * RL_BPS > (rl_money)((unsigned __int128)a->p.mid2 * a->pair->collar_bps))
        return (struct pair_of){a->pair->collar_bps, bps_away(away2, a->p.mid2)};
    if (away2 > a->pair->collar_ticks2)
        return (struct pair_of){a->pair->collar_ticks2 / 2, away2 / 2 + away2 % 2};
    if (a->now_tsc > reach.until_tsc)
        reach = rl_px_window_later(&symbol->window, &reach, a->now_tsc, symbol->window_ticks);
    up = px2 > reach.low2 ? bps_away(px2 - reach.low2, reach.low2) : 0;
    down = px2 < reach.high2 ? bps_away(reach.high2 - px2, reach.high2) : 0;
    return (struct pair_of){a->pair->moved_bps, up > down ? up : down};
}

/* The messages that must be in the first bucket that has too few, and those that are in it. */
static struct pair_of explain_rate(const struct about *a)
{
    const struct rl_bucket *buckets[] = {&a->pair->bucket, &a->strategy->bucket,
                                         &a->account->bucket, &a->venue->bucket,
                                         &a->r->global.bucket};
    const struct rl_rate *rates[] = {&a->pair->rate, &a->strategy->rate, &a->account->rate,
                                     &a->venue->rate, &a->r->global.rate};
    unsigned i = 0;

    while (i < RL_COUNT(rates) - 1 &&
           rl_bucket_level(buckets[i], rates[i], a->now_tsc) >= rates[i]->order)
        i++;
    return (struct pair_of){rates[i]->order / a->r->tsc_hz,
                            rl_bucket_level(buckets[i], rates[i], a->now_tsc) / a->r->tsc_hz};
}

static struct pair_of explain_exposure(const struct about *a)
{
    int64_t mark = a->r->ledger->marks[a->q->scopes.instrument].px_nano;
    uint64_t size = mark < 0 ? 0 - (uint64_t)mark : (uint64_t)mark;
    struct pair_of gross, net, credit;

    if (mark == RL_PX_NONE)
        return (struct pair_of){0, 0};
    gross.limit = units_of_limit(a->account->max_gross);
    gross.actual = units(a->sums->gross) + units((rl_money)size * a->more.worst);
    net.limit = units_of_limit(a->account->max_net);
    net.actual = units(a->q->side == RL_BUY ? a->sums->net_high : -a->sums->net_low) +
                 units((rl_money)size * a->more.lots);
    credit.limit = units_of_limit(a->account->max_credit);
    credit.actual = units(a->account->credit) + units(a->size);
    if (gross.actual > gross.limit)
        return gross;
    if (net.actual > net.limit)
        return net;
    return a->q->side == RL_BUY && credit.actual > credit.limit ? credit : gross;
}

static struct pair_of explain_open(const struct about *a)
{
    const struct pair_of counts[] = {
        {a->pair->max_open, (rl_money)a->position->n_open + 1},
        {a->account->max_open, (rl_money)a->sums->n_open + 1},
        {a->strategy->max_open, (rl_money)a->strategy->n_open + 1},
        {a->venue->max_open, (rl_money)a->venue->n_open + 1},
        {a->r->global.max_open, (rl_money)a->r->global.n_open + 1},
        {units_of_limit(a->account->max_open_notional),
         units(a->sums->open_notional) + units(a->size)},
    };

    for (unsigned i = 0; i < RL_COUNT(counts); i++)
        if (counts[i].actual > counts[i].limit)
            return counts[i];
    return counts[0];
}

static struct pair_of explain_loss(const struct about *a)
{
    rl_money loss = rl_ledger_loss(a->r->ledger, a->q->scopes.account);

    if (loss <= a->account->max_loss &&
        !rl_ledger_is_marked(a->r->ledger, a->q->scopes.account, a->now_tsc,
                             a->account->mark_age_ticks))
        return (struct pair_of){a->account->mark_age_ticks,
                                rl_distance(a->now_tsc, a->sums->oldest_mark_tsc)};
    return (struct pair_of){units_of_limit(a->account->max_loss), units(loss)};
}

static struct pair_of explain_ratio(const struct about *a)
{
    for (unsigned i = 0; i < RL_N_LIMIT_RATIOS; i++) {
        struct rl_tally_counts sum = rl_tally_sum(&a->strategy->tallies[i]);
        uint32_t trip = a->strategy->ratios[i].trip_permille;

        if (rl_risk_ratio_is_above(a->strategy, i, trip))
            return (struct pair_of){trip, sum.whole == 0 ? INT64_MAX
                                                         : (rl_money)sum.part * 1000 / sum.whole};
    }
    return (struct pair_of){a->strategy->rejects_in_row, a->strategy->n_rejects};
}

static struct pair_of explain_one(const struct about *a, uint32_t reason)
{
    const struct rl_request *q = a->q;
    int64_t px = (int64_t)a->p.px, touch = a->p.has_book ? a->p.touch : px;
    int64_t through = q->side == RL_BUY ? px - touch : touch - px;
    unsigned other = RL_SELL - q->side;

    switch (reason) {
    case RL_RISK_STATE:
        return (struct pair_of){RL_RISK_ACTIVE, rl_risk_state_of(a->r, &q->scopes)};
    case RL_RISK_SESSION:
        return (struct pair_of){RL_READY_SESSION | RL_READY_CLOCK,
                                a->in->ready & (RL_READY_SESSION | RL_READY_CLOCK)};
    case RL_RISK_QTY:
        return (struct pair_of){a->pair->max_qty, q->qty};
    case RL_RISK_NOTIONAL:
        return (struct pair_of){units_of_limit(a->pair->max_notional), units(a->size)};
    case RL_RISK_COLLAR:
        return explain_collar(a);
    case RL_RISK_CROSS:
        return a->p.has_book ? (struct pair_of){a->pair->cross_nano, through}
                             : (struct pair_of){0, 0};
    case RL_RISK_DUPLICATE:
        return (struct pair_of){
            a->pair->duplicates,
            rl_repeats_count(&a->r->repeats, q, UINT64_MAX, a->now_tsc, a->pair->duplicates_ticks) +
                1};
    case RL_RISK_RATE:
        return explain_rate(a);
    case RL_RISK_EXECUTIONS:
        return (struct pair_of){a->strategy->executions, (rl_money)a->strategy->executions + 1};
    case RL_RISK_POSITION:
        return (struct pair_of){q->side == RL_BUY ? a->pair->max_long : a->pair->max_short,
                                a->more.reach};
    case RL_RISK_EXPOSURE:
        return explain_exposure(a);
    case RL_RISK_LOSS:
        return explain_loss(a);
    case RL_RISK_OPEN:
        return explain_open(a);
    case RL_RISK_SELF_TRADE:
        return (struct pair_of){a->r->symbols[q->scopes.instrument].own_px[other],
                                rl_px_limit(q->side, q->px_nano)};
    case RL_RISK_SHORT_SALE:
        return (struct pair_of){a->pair->short_most, a->more.reach};
    case RL_RISK_RATIO:
        return explain_ratio(a);
    case RL_RISK_FRESHNESS:
        if (a->p.is_old)
            return (struct pair_of){a->pair->md_age_ticks, rl_distance(a->now_tsc, a->in->bbo_tsc)};
        return (struct pair_of){a->r->global.queue_delay_ticks, a->in->queue_delay_ticks};
    case RL_RISK_LIMITS:
        return (struct pair_of){a->r->set_version, a->r->set->version};
    default:
        return (struct pair_of){0, 0};
    }
}

void rl_risk_explain(struct rl_risk *r, const struct rl_request *q, const struct rl_risk_input *in,
                     uint64_t now_tsc, uint32_t reason, int64_t *limit, int64_t *actual)
{
    struct about a = {.r = r, .q = q, .in = in, .now_tsc = now_tsc};
    struct pair_of found;

    *limit = *actual = 0;
    if (!rl_risk_knows(r, &q->scopes) || q->side > RL_SELL)
        return;
    a.pair = rl_risk_pair_at(r, q->scopes.account, q->scopes.instrument);
    a.position = rl_ledger_at(r->ledger, q->scopes.account, q->scopes.instrument);
    a.sums = &r->ledger->accounts[q->scopes.account];
    a.account = &r->accounts[q->scopes.account];
    a.strategy = &r->strategies[q->scopes.strategy];
    a.venue = &r->venues[q->scopes.venue];
    a.p = rl_price(q, a.pair, in, now_tsc);
    a.more = rl_more_of(a.position, q->side, q->qty);
    a.size = (rl_money)((unsigned __int128)a.p.value_px * q->qty);
    found = explain_one(&a, reason);
    *limit = saturated(found.limit);
    *actual = saturated(found.actual);
}
