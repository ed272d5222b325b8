#include "rig/trial/bench_limits.h"

#include <errno.h>
#include <stdlib.h>

#include "trade/risk/limits_build.h"

/* Wide: a second is an age at which no bench trades, and these counts end in no run. */
#define WIDE_NS 10000000000ULL
#define WIDE_COUNT 1000000000U

static uint64_t wide_money(const struct rl_bench_limits *limits)
{
    return limits->max_notional < RL_LIMIT_MAX >> 20 ? limits->max_notional << 20 : RL_LIMIT_MAX;
}

static struct rl_limit_rate rate_of(const struct rl_bench_limits *limits)
{
    uint32_t burst = limits->rate_burst < RL_LIMIT_MAX_32 ? limits->rate_burst : RL_LIMIT_MAX_32;

    return (struct rl_limit_rate){
        .per_s = limits->rate_per_s < RL_LIMIT_MAX_32 ? limits->rate_per_s : RL_LIMIT_MAX_32,
        .burst = burst,
        .reserve = RL_LIMIT_OFF_32, /* nothing is kept back: a burst of 1 is one order */
    };
}

static struct rl_limit_pair pair_of(const struct rl_bench_limits *limits)
{
    return (struct rl_limit_pair){
        .tick_nano = 1,
        .max_qty = limits->max_qty,
        .max_notional = limits->max_notional,
        .max_long = limits->max_position,
        .max_short = limits->max_position,
        .strategies = 1,
        .lot = 1,
        .collar_bps = limits->band_bps,
        .collar_ticks = RL_LIMIT_OFF_32,
        .cross_ticks = RL_LIMIT_OFF_32,
        .md_age_ns = WIDE_NS,
        .moved_window_ns = RL_LIMIT_OFF,
        .moved_bps = RL_LIMIT_OFF_32,
        .duplicates_window_ns = RL_LIMIT_OFF, /* a bench sends the same order again and again */
        .duplicates = RL_LIMIT_OFF_32,
        .max_open = limits->max_open,
        .rate = rate_of(limits),
        .venues = 1,
        .sides = RL_SIDES_BOTH,
        .short_rule = RL_SHORT_FREE,
        .self_trade = limits->may_meet_own ? RL_SELF_TRADE_OFF : RL_SELF_TRADE_CANCEL_NEW,
    };
}

int rl_bench_limits_build(void *memory, size_t n_bytes, const struct rl_bench_limits *limits,
                          uint32_t n_instruments, char *why)
{
    struct rl_limit_pair pair = pair_of(limits), *pairs = calloc(n_instruments, sizeof *pairs);
    struct rl_limit_rate rate = rate_of(limits);
    struct rl_limit_global global = {
        .queue_delay_ns = WIDE_NS, .max_open = limits->max_open, .rate = rate};
    struct rl_limit_venue venue = {.rate = rate, .max_open = limits->max_open};
    struct rl_limit_account account = {.max_gross = wide_money(limits),
                                       .max_net = wide_money(limits),
                                       .max_credit = wide_money(limits),
                                       .max_loss = wide_money(limits),
                                       .mark_age_ns = WIDE_NS,
                                       .max_open_notional = wide_money(limits),
                                       .max_open = limits->max_open,
                                       .rate = rate};
    struct rl_limit_strategy strategy = {.rate = rate,
                                         .executions = RL_LIMIT_OFF_32,
                                         .max_open = limits->max_open,
                                         .executions_window_ns = RL_LIMIT_OFF,
                                         .rejects_in_row = WIDE_COUNT};
    int err;

    if (pairs == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < n_instruments; i++)
        pairs[i] = pair;
    for (int i = 0; i < RL_N_LIMIT_RATIOS; i++)
        strategy.ratios[i] = (struct rl_limit_ratio){.alert_permille = RL_LIMIT_OFF_32,
                                                     .trip_permille = RL_LIMIT_OFF_32,
                                                     .min_sample = RL_LIMIT_OFF_32,
                                                     .window_ns = RL_LIMIT_OFF};
    err = rl_limits_build(memory, n_bytes,
                          &(struct rl_limits_config){.version = 1,
                                                     .n_accounts = 1,
                                                     .n_instruments = n_instruments,
                                                     .n_strategies = 1,
                                                     .n_venues = 1,
                                                     .global = &global,
                                                     .venues = &venue,
                                                     .accounts = &account,
                                                     .strategies = &strategy,
                                                     .pairs = pairs},
                          why);
    free(pairs);
    return err;
}
