/*
 * component_trade - the operations that are not about market data: risk check, order id, audit
 * record, recorder, clocks.
 */
#ifndef RL_RIG_COMPONENT_TRADE_H
#define RL_RIG_COMPONENT_TRADE_H

#include "rig/component_job.h"
#include "trade/audit.h"
#include "trade/ids.h"
#include "trade/risk.h"

#include <string.h>
#include <time.h>

/* Powers of two, so that a position wraps by a mask. */
#define RL_JOB_N_CASES (1U << 17)
#define RL_JOB_AUDIT_SLOTS (1U << 14)
_Static_assert(RL_JOB_MAX_UNSETTLED <= RL_JOB_AUDIT_SLOTS / 4, "the log holds them");

/* --- risk.check --- */

enum {
    RL_JOB_RISK_OPEN,
    RL_JOB_RISK_HALTED,
    RL_JOB_RISK_MISSING,
    RL_JOB_RISK_FULL,
    RL_JOB_N_RISKS
};

struct rl_risk_case {
    RL_ALIGNED struct rl_risk_order order;
    uint64_t now_tsc;
    uint32_t which;  /* of the risk states */
    uint32_t answer; /* the mask, by construction */
};

struct rl_risk_job {
    struct rl_risk risks[RL_JOB_N_RISKS];
    struct rl_risk_case *cases;
    struct rl_position *positions;
    uint64_t mask;
};

RL_STEP uint64_t rl_risk_step(void *state, uint64_t i)
{
    const struct rl_risk_job *s = state;
    const struct rl_risk_case *c = &s->cases[i & s->mask];

    return rl_risk_check(&s->risks[c->which], &c->order, c->now_tsc);
}

/* --- order.id, audit.append, hist.record, clocks --- */

struct rl_ids_job {
    struct rl_ids ids;
    char text[16];
};

RL_STEP uint64_t rl_ids_step(void *state, uint64_t i)
{
    struct rl_ids_job *s = state;
    uint64_t last;

    rl_id_to_text(rl_ids_take(&s->ids) + (i >> 63), s->text); /* i < 2^63: only a dependency */
    memcpy(&last, s->text + RL_ID_TEXT_BYTES - sizeof(last), sizeof(last));
    return last;
}

struct rl_audit_job {
    struct rl_audit audit;
    struct rl_audit_reader reader;
    struct rl_audit_record *drained;
    uint64_t n_drained, n_bad;
    uint32_t crc;
};

RL_STEP uint64_t rl_audit_step(void *state, uint64_t i)
{
    struct rl_audit_job *s = state;
    struct rl_audit_record *r = rl_audit_claim(&s->audit, 1);

    if (RL_UNLIKELY(r == NULL))
        return UINT64_MAX;
    r->tsc = i;
    r->id = i + 1;
    r->trigger = i;
    r->px_nano = (int64_t)i;
    r->qty = 100;
    r->instrument = (uint32_t)i & 7;
    r->reasons = 0;
    r->kind = RL_AUDIT_SENT;
    r->side = RL_BUY;
    r->zero = 0;
    rl_audit_commit(&s->audit);
    return s->audit.ring.tail;
}

struct rl_hist_job {
    struct rl_hist hist;
    uint64_t *values;
    uint64_t mask;
};

RL_STEP uint64_t rl_hist_step(void *state, uint64_t i)
{
    struct rl_hist_job *s = state;

    rl_hist_record(&s->hist, s->values[i & s->mask]);
    return s->hist.n_total;
}

RL_STEP uint64_t rl_pair_step(void *state, uint64_t i)
{
    uint64_t from = rl_tsc_begin();

    (void)state;
    return rl_tsc_end() - from + (i >> 63);
}

RL_STEP uint64_t rl_gettime_step(void *state, uint64_t i)
{
    struct timespec now;

    (void)state;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_nsec + (i >> 63);
}

#endif
