/*
 * component_record - what is written down: audit records, latencies, times.
 */
#ifndef RL_RIG_COMPONENT_RECORD_H
#define RL_RIG_COMPONENT_RECORD_H

#include "rig/component/component_job.h"
#include "trade/audit/audit.h"

#include <time.h>

#define RL_JOB_AUDIT_SLOTS (1U << 14)
_Static_assert(RL_JOB_MAX_UNSETTLED <= RL_JOB_AUDIT_SLOTS / 4, "the log holds them");

/* --- audit.append, hist.record, clocks --- */

struct rl_audit_job {
    struct rl_audit audit;
    uint64_t n_drained, n_bad;
};

RL_STEP uint64_t rl_audit_step(void *state, uint64_t i)
{
    struct rl_audit_job *s = state;
    struct rl_audit_record *r = rl_audit_claim(&s->audit, 1);

    if (RL_UNLIKELY(r == NULL))
        return UINT64_MAX;
    r->tsc = i;
    r->number = 0;
    r->id = i + 1;
    r->ref = i;
    r->px_nano = (int64_t)i;
    r->qty = 100;
    r->detail = 0;
    r->instrument = (uint16_t)(i & 7);
    r->kind = RL_AUDIT_SENT;
    r->event = 0;
    r->flags = 0;
    r->venue = r->account = r->strategy = 0;
    r->crc = 0;
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
