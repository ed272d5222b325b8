#include "trade/risk.h"

#include <errno.h>
#include <string.h>

#define RL_RISK_TEXT(name, bit, text) [bit] = (text),
const char *const rl_risk_reason_texts[RL_RISK_N] = {RL_RISK_REASONS(RL_RISK_TEXT)};
#define RL_RISK_NAME(name, bit, text) [bit] = #name,
const char *const rl_risk_reason_names[RL_RISK_N] = {RL_RISK_REASONS(RL_RISK_NAME)};

void rl_risk_set_limits(struct rl_risk *r, const struct rl_risk_limits *limits, uint64_t tsc_hz)
{
    bool is_whole = limits->max_qty && limits->max_notional && limits->max_position &&
                    limits->band_bps && limits->rate_per_s && limits->rate_burst &&
                    limits->max_open;

    r->limits = *limits;
    r->blocked &= ~(uint32_t)RL_RISK_LIMIT_MISSING;
    r->blocked |= is_whole ? 0 : RL_RISK_LIMIT_MISSING;
    /* Without a rate nothing passes anyway; one order in a second keeps the arithmetic defined. */
    r->ticks_an_order =
        limits->rate_per_s ? (tsc_hz + limits->rate_per_s - 1) / limits->rate_per_s : tsc_hz;
    if (__builtin_mul_overflow(r->ticks_an_order, limits->rate_burst ? limits->rate_burst - 1 : 0,
                               &r->ticks_of_burst))
        r->ticks_of_burst = INT64_MAX; /* a burst of more than a century: no less, and no wrap */
}

int rl_risk_init(struct rl_risk *r, const struct rl_risk_limits *limits,
                 struct rl_position *positions, uint32_t n_instruments, uint64_t tsc_hz)
{
    if (n_instruments == 0 || tsc_hz == 0)
        return -EINVAL;
    memset(positions, 0, n_instruments * sizeof(*positions));
    *r = (struct rl_risk){
        .positions = positions, .n_instruments = n_instruments, .blocked = RL_RISK_HALTED};
    rl_risk_set_limits(r, limits, tsc_hz);
    return 0;
}
