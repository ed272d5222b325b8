/*
 * component_risk - the pre-trade chain on orders whose answer is known by construction: accepted,
 * refused, or both mixed.
 */
#ifndef RL_RIG_COMPONENT_RISK_H
#define RL_RIG_COMPONENT_RISK_H

#include "rig/component/component_job.h"
#include "trade/risk/risk.h"

#define RL_JOB_N_CASES (1U << 15) /* a power of two, so that a position wraps by a mask */

/*
 * The ways to be refused that one check can find, and the whole answer to each. The others are no
 * part of a new order's check: R19 is a replace's, NO_ID the order manager's. An altered set
 * refuses everything, so it is measured alone and takes no turn. X(NAME, name, mask)
 */
#define RL_RISK_WAYS(X)                                                   \
    X(HALTED, "halted", RL_RISK_STATE)                                    \
    X(REDUCE_ONLY, "reduce-only", RL_RISK_STATE)                          \
    X(SESSION, "session", RL_RISK_SESSION)                                \
    X(PERMISSION, "permission", RL_RISK_PERMISSION)                       \
    X(FIELD, "field", RL_RISK_FIELD)                                      \
    X(QTY, "qty", RL_RISK_QTY)                                            \
    X(NOTIONAL, "notional", RL_RISK_NOTIONAL)                             \
    X(COLLAR, "collar", RL_RISK_COLLAR)                                   \
    X(CROSS, "cross", RL_RISK_CROSS)                                      \
    X(DUPLICATE, "duplicate", RL_RISK_DUPLICATE)                          \
    X(RATE, "rate", RL_RISK_RATE)                                         \
    X(EXECUTIONS, "executions", RL_RISK_EXECUTIONS)                       \
    X(POSITION, "position", RL_RISK_POSITION)                             \
    X(EXPOSURE, "exposure", RL_RISK_EXPOSURE)                             \
    X(LOSS, "loss", RL_RISK_LOSS)                                         \
    X(OPEN, "open", RL_RISK_OPEN)                                         \
    X(SELF_TRADE, "self-trade", RL_RISK_SELF_TRADE)                       \
    X(SHORT_SALE, "short-sale", RL_RISK_SHORT_SALE)                       \
    X(RATIO, "ratio", RL_RISK_RATIO)                                      \
    X(FRESHNESS, "freshness", RL_RISK_FRESHNESS)                          \
    X(SEVERAL, "several", RL_RISK_SESSION | RL_RISK_QTY | RL_RISK_COLLAR) \
    X(ALTERED, "altered", RL_RISK_LIMITS)

enum rl_risk_way {
    RL_RISK_WAY_NONE, /* accepted */
#define RL_RISK_WAY_ENUM(id, name, mask) RL_RISK_WAY_##id,
    RL_RISK_WAYS(RL_RISK_WAY_ENUM)
#undef RL_RISK_WAY_ENUM
        RL_RISK_N_WAYS
};

struct rl_risk_case {
    RL_ALIGNED struct rl_request request;
    struct rl_risk_input input;
    uint32_t answer; /* mask of rl_risk_reason */
};

struct rl_risk_job {
    struct rl_risk risk;
    struct rl_ledger ledger;
    struct rl_orders orders;
    struct rl_risk_case *cases;
    uint64_t mask;
    uint64_t now_tsc;
    uint32_t n_usual; /* instruments, before the special ones */
};

RL_STEP uint64_t rl_risk_step(void *state, uint64_t i)
{
    struct rl_risk_job *s = state;
    const struct rl_risk_case *c = &s->cases[i & s->mask];

    return rl_risk_check(&s->risk, &c->request, &c->input, s->now_tsc);
}

#endif
