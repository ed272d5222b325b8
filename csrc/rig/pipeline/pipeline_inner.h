/*
 * pipeline_inner - what the files of the engine share.
 */
#ifndef RL_RIG_PIPELINE_INNER_H
#define RL_RIG_PIPELINE_INNER_H

#include "rig/pipeline/pipeline.h"

/* Turns between two looks at marks, limits and the log when there is always
 * something to do. */
#define RL_WATCH_EVERY 64

static inline uint64_t rl_pipeline_utc_ns(const struct rl_pipeline *p, uint64_t tsc)
{
    return p->unix_base_ns + rl_ticks_to_ns(p->clock, tsc - p->tsc_base);
}

/* A new order has left: counted at the port, for those who watch what was
 * approved and what left. */
static inline void rl_pipeline_count_sent(struct rl_pipeline *p, uint64_t qty, uint64_t now_tsc)
{
    rl_count(&p->n.requests_sent, 1);
    rl_vitals_sent(&p->kill->vitals, qty, now_tsc);
}

/* A trip, a drain or a session's end wait for nothing; the rest is looked at
 * when there is time. */
static inline bool rl_pipeline_must_watch(const struct rl_pipeline *p)
{
    return p->was_idle || rl_kill_has_news(p->kill) || rl_drain_is_busy(&p->drain) ||
           !p->is_session_up || rl_counted(&p->n.turns) % RL_WATCH_EVERY == 0;
}

void rl_pipeline_on_answer(struct rl_pipeline *p, const struct rl_frame *frame, uint64_t now_tsc);
void rl_pipeline_watch(struct rl_pipeline *p, uint64_t now_tsc);

#endif
