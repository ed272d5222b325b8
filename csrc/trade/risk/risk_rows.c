#include "trade/risk/risk_rows.h"

#define NS_PER_S 1000000000ULL

/* Twice as many right bits each time; an odd number is its own inverse to three bits. */
struct rl_divisor rl_divisor_of(uint64_t d, uint8_t *shift)
{
    uint64_t odd, inverse;

    *shift = (uint8_t)__builtin_ctzll(d);
    odd = d >> *shift;
    inverse = odd;
    for (int n_bits = 3; n_bits < 64; n_bits *= 2)
        inverse *= 2 - odd * inverse;
    return (struct rl_divisor){.inverse = inverse, .most = UINT64_MAX / d};
}

/* An age that may not be exceeded: rounded down. Off stays off. */
static uint64_t age_ticks(uint64_t ns, uint64_t tsc_hz)
{
    unsigned __int128 ticks = (unsigned __int128)ns * tsc_hz / NS_PER_S;

    return ns == RL_LIMIT_OFF || ticks > UINT64_MAX ? UINT64_MAX : (uint64_t)ticks;
}

uint64_t rl_risk_window_ticks(uint64_t ns, uint64_t tsc_hz)
{
    unsigned __int128 ticks = ((unsigned __int128)ns * tsc_hz + NS_PER_S - 1) / NS_PER_S;

    return ns == RL_LIMIT_OFF || ticks > UINT64_MAX ? UINT64_MAX : (uint64_t)ticks;
}

static rl_money money(uint64_t units)
{
    return units == RL_LIMIT_OFF ? RL_MONEY_MAX : (rl_money)units * RL_NANO_PER_UNIT;
}

static uint64_t ticks_to_nano(uint32_t ticks, int64_t tick_nano, unsigned factor)
{
    unsigned __int128 nano = (unsigned __int128)ticks * (uint64_t)tick_nano * factor;

    return ticks == RL_LIMIT_OFF_32 || nano > UINT64_MAX ? UINT64_MAX : (uint64_t)nano;
}

static bool rate_is_missing(const struct rl_limit_rate *rate)
{
    return rate->per_s == 0 || rate->burst == 0 || rate->reserve == 0;
}

static uint64_t short_most(const struct rl_limit_pair *limits)
{
    switch (limits->short_rule) {
    case RL_SHORT_LOCATED:
        return limits->located;
    case RL_SHORT_FREE:
        return UINT64_MAX;
    default:
        return 0;
    }
}

static bool pair_is_missing(const struct rl_limit_pair *p)
{
    return p->tick_nano <= 0 || p->max_qty == 0 || p->max_notional == 0 || p->max_long == 0 ||
           p->max_short == 0 || p->strategies == 0 || p->lot == 0 || p->collar_bps == 0 ||
           p->collar_ticks == 0 || p->cross_ticks == 0 || p->md_age_ns == 0 ||
           p->moved_window_ns == 0 || p->moved_bps == 0 || p->duplicates_window_ns == 0 ||
           p->duplicates == 0 || p->max_open == 0 || rate_is_missing(&p->rate) || p->venues == 0 ||
           p->sides == 0 || p->short_rule < RL_SHORT_FORBIDDEN || p->short_rule > RL_SHORT_FREE ||
           p->self_trade < RL_SELF_TRADE_CANCEL_NEW ||
           (p->self_trade > RL_SELF_TRADE_CANCEL_BOTH && p->self_trade != RL_SELF_TRADE_OFF);
}

void rl_risk_make_pair(struct rl_risk_pair *row, const struct rl_limit_pair *limits,
                       struct rl_risk_units units)
{
    bool is_missing = pair_is_missing(limits);
    uint64_t tick = limits->tick_nano > 0 ? (uint64_t)limits->tick_nano : 1;

    row->generation = units.generation;
    row->venues = limits->venues;
    row->sides = limits->sides;
    row->strategies = limits->strategies;
    row->max_qty = limits->max_qty;
    row->max_long = limits->max_long;
    row->max_short = limits->max_short;
    row->short_most = short_most(limits);
    row->max_notional = money(limits->max_notional);
    row->tick = rl_divisor_of(tick, &row->tick_shift);
    row->lot = rl_divisor_of(limits->lot != 0 ? limits->lot : 1, &row->lot_shift);
    row->collar_ticks2 = ticks_to_nano(limits->collar_ticks, (int64_t)tick, 2);
    row->cross_nano = ticks_to_nano(limits->cross_ticks, (int64_t)tick, 1);
    row->md_age_ticks = age_ticks(limits->md_age_ns, units.tsc_hz);
    row->collar_bps = limits->collar_bps;
    row->moved_bps = limits->moved_bps;
    row->duplicates_ticks = rl_risk_window_ticks(limits->duplicates_window_ns, units.tsc_hz);
    row->duplicates = limits->duplicates;
    row->max_open = limits->max_open;
    row->rate = rl_rate_of(&limits->rate, units.tsc_hz);
    row->self_trade = limits->self_trade;
    row->reasons = is_missing ? RL_RISK_LIMITS : 0;
}

void rl_risk_make_account(struct rl_risk_account *row, const struct rl_limit_account *limits,
                          struct rl_risk_units units)
{
    bool is_missing = limits->max_gross == 0 || limits->max_net == 0 || limits->max_credit == 0 ||
                      limits->max_loss == 0 || limits->mark_age_ns == 0 ||
                      limits->max_open_notional == 0 || limits->max_open == 0 ||
                      rate_is_missing(&limits->rate);

    row->max_gross = money(limits->max_gross);
    row->max_net = money(limits->max_net);
    row->max_credit = money(limits->max_credit);
    row->max_loss = money(limits->max_loss);
    row->max_open_notional = money(limits->max_open_notional);
    row->mark_age_ticks = age_ticks(limits->mark_age_ns, units.tsc_hz);
    row->max_open = limits->max_open;
    row->rate = rl_rate_of(&limits->rate, units.tsc_hz);
    row->reasons = is_missing ? RL_RISK_LIMITS : 0;
}

void rl_risk_make_strategy(struct rl_risk_strategy *row, const struct rl_limit_strategy *limits,
                           struct rl_risk_units units)
{
    bool is_missing = rate_is_missing(&limits->rate) || limits->executions == 0 ||
                      limits->executions_window_ns == 0 || limits->rejects_in_row == 0 ||
                      limits->max_open == 0;

    row->rate = rl_rate_of(&limits->rate, units.tsc_hz);
    row->executions = limits->executions;
    row->executions_ticks = rl_risk_window_ticks(limits->executions_window_ns, units.tsc_hz);
    row->rejects_in_row = limits->rejects_in_row;
    row->max_open = limits->max_open;
    for (int i = 0; i < RL_N_LIMIT_RATIOS; i++) {
        const struct rl_limit_ratio *ratio = &limits->ratios[i];

        row->ratios[i] = *ratio;
        row->ratio_ticks[i] = rl_risk_window_ticks(ratio->window_ns, units.tsc_hz);
        is_missing |= ratio->alert_permille == 0 || ratio->trip_permille == 0 ||
                      ratio->min_sample == 0 || ratio->window_ns == 0;
    }
    row->reasons = is_missing ? RL_RISK_LIMITS : 0;
}

void rl_risk_make_venue(struct rl_risk_venue *row, const struct rl_limit_venue *limits,
                        struct rl_risk_units units)
{
    bool is_missing = rate_is_missing(&limits->rate) || limits->max_open == 0;

    row->rate = rl_rate_of(&limits->rate, units.tsc_hz);
    row->max_open = limits->max_open;
    row->reasons = is_missing ? RL_RISK_LIMITS : 0;
}

void rl_risk_make_global(struct rl_risk_global *row, const struct rl_limit_global *limits,
                         struct rl_risk_units units)
{
    bool is_missing =
        rate_is_missing(&limits->rate) || limits->max_open == 0 || limits->queue_delay_ns == 0;

    row->rate = rl_rate_of(&limits->rate, units.tsc_hz);
    row->queue_delay_ticks = age_ticks(limits->queue_delay_ns, units.tsc_hz);
    row->max_open = limits->max_open;
    row->reasons = is_missing ? RL_RISK_LIMITS : 0;
}
