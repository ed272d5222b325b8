#include "rig/component/component_record.h"

#include "rig/component/component_loops.h"

#include <errno.h>

RL_LOOPS(audit_loops, rl_audit_step);
RL_LOOPS(hist_loops, rl_hist_step);
RL_LOOPS(pair_loops, rl_pair_step);
RL_LOOPS(gettime_loops, rl_gettime_step);

/* --- audit.append --- */

static void audit_settle(void *state)
{
    struct rl_audit_job *s = state;
    const struct rl_audit_record *r;

    while ((r = rl_ring_peek(&s->audit.ring)) != NULL) {
        s->n_bad += r->id != ++s->n_drained || r->qty != 100 || r->kind != RL_AUDIT_SENT;
        rl_ring_release(&s->audit.ring);
    }
    rl_ring_publish(&s->audit.ring);
}

static uint64_t audit_wanted(void *state, uint64_t i)
{
    (void)state;
    return i + 1;
}

static uint64_t audit_n_wrong(void *state, uint64_t n_steps)
{
    struct rl_audit_job *s = state;

    audit_settle(s);
    return s->n_bad + (s->n_drained != n_steps);
}

int rl_job_open_audit(struct rl_job *job)
{
    size_t n_bytes = RL_JOB_AUDIT_SLOTS * sizeof(struct rl_audit_record);
    struct rl_audit_job *s;
    int err = rl_job_take_memory(job, sizeof(*s), n_bytes + RL_CACHE_LINE);

    if (err != 0)
        return err;
    s = job->state;
    err = rl_audit_init(&s->audit, rl_arena_take(&job->arena, n_bytes, RL_CACHE_LINE),
                        RL_JOB_AUDIT_SLOTS);
    job->n_first = 1U << 16;
    job->max_burst = RL_JOB_AUDIT_SLOTS / 2; /* the ring hides up to a quarter from the writer */
    job->loops = &audit_loops;
    job->wanted = audit_wanted;
    job->settle = audit_settle;
    job->n_wrong = audit_n_wrong;
    return err;
}

/* --- hist.record --- */

static uint64_t hist_wanted(void *state, uint64_t i)
{
    (void)state;
    return i + 1;
}

static uint64_t hist_n_wrong(void *state, uint64_t n_steps)
{
    struct rl_hist_job *s = state;
    uint64_t n = 0, n_wrong = 0;

    /* At the end of a whole number of cycles every bucket holds that many times its values. */
    for (uint64_t i = 0; i <= s->mask; i++)
        s->hist.counts[rl_hist_index(&s->hist, s->values[i])] -= n_steps / (s->mask + 1);
    for (uint32_t i = 0; i < s->hist.n_counts; i++) {
        n_wrong += s->hist.counts[i] != 0;
        n += s->hist.counts[i];
    }
    return n_wrong + (n != 0) + (s->hist.n_total != n_steps);
}

int rl_job_open_hist(struct rl_job *job, const struct rl_component_config *config,
                     struct rl_component_result *out)
{
    struct rl_hist_job *s;
    uint64_t n = config->regime == RL_REGIME_HOT ? RL_JOB_HOT_INPUTS : 4096, seed = config->seed;
    size_t n_bytes = rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);
    int err = rl_job_take_memory(job, sizeof(*s), n_bytes + n * sizeof(uint64_t));

    if (err != 0)
        return err;
    s = job->state;
    err = rl_hist_init(&s->hist, RL_HIST_HIGHEST, RL_HIST_DIGITS,
                       rl_arena_take(&job->arena, n_bytes, 0), n_bytes);
    s->values = rl_arena_take(&job->arena, n * sizeof(uint64_t), 0);
    s->mask = n - 1;
    /* Latencies: most within a factor of two, one in 16 in a tail of three decades. */
    for (uint64_t i = 0; i < n; i++) {
        s->values[i] = 800 + rl_job_draw_below(&seed, 800);
        if (rl_job_draw_below(&seed, 16) == 0)
            s->values[i] <<= rl_job_draw_below(&seed, 11);
    }
    out->n_inputs = n;
    out->n_input_bytes = n * sizeof(uint64_t);
    job->n_first = n;
    job->loops = &hist_loops;
    job->wanted = hist_wanted;
    job->n_wrong = hist_n_wrong;
    return err;
}

/* --- clocks --- */

int rl_job_open_clock(struct rl_job *job, const struct rl_component_config *config)
{
    job->loops = config->component == RL_COMPONENT_CLOCK_PAIR ? &pair_loops : &gettime_loops;
    return 0;
}
