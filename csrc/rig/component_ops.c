#include "rig/component_ops.h"

#include <errno.h>

/* --- shared by the set-ups --- */

uint64_t rl_job_draw(uint64_t *seed)
{
    *seed += 0x9E3779B97F4A7C15ULL; /* splitmix64 */
    return rl_books_mix(*seed);
}

uint64_t rl_job_draw_below(uint64_t *seed, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)rl_job_draw(seed) * n) >> 64);
}

int rl_job_take_memory(struct rl_job *job, size_t n_bytes)
{
    /* Room for the alignment of a dozen pieces. */
    return rl_arena_open(&job->arena, n_bytes + 16 * 4096, RL_ARENA_ALL);
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

static int open_hist(struct rl_job *job, const struct rl_component_config *config,
                     struct rl_component_result *out)
{
    struct rl_hist_job *s = &job->state.hist;
    uint64_t n = config->regime == RL_REGIME_HOT ? RL_JOB_HOT_INPUTS : 4096, seed = config->seed;
    size_t n_bytes = rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);
    int err = rl_job_take_memory(job, n_bytes + n * sizeof(uint64_t));

    if (err != 0)
        return err;
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
    job->wanted = hist_wanted;
    job->n_wrong = hist_n_wrong;
    return err;
}

/* --- all --- */

int rl_job_open(struct rl_job *job, const struct rl_component_config *config,
                struct rl_component_result *out)
{
    int err = 0;

    memset(job, 0, sizeof(*job));
    job->n_cycle = UINT64_MAX;
    job->n_first = RL_JOB_HOT_INPUTS;
    job->max_burst = UINT64_MAX;
    switch (config->component) {
    case RL_COMPONENT_FIX_PARSE:
        err = rl_job_open_fix(job, config, out);
        break;
    case RL_COMPONENT_BOOK_UPDATE:
    case RL_COMPONENT_FEED_BOOK:
        err = rl_job_open_book(job, config, out);
        break;
    case RL_COMPONENT_RISK_CHECK:
        err = rl_job_open_risk(job, config, out);
        break;
    case RL_COMPONENT_HIST_RECORD:
        err = open_hist(job, config, out);
        break;
    case RL_COMPONENT_ORDER_ID:
    case RL_COMPONENT_AUDIT_APPEND:
    case RL_COMPONENT_CLOCK_PAIR:
    case RL_COMPONENT_CLOCK_GETTIME:
        if (config->regime != RL_REGIME_HOT)
            err = -EINVAL;
        else if (config->component == RL_COMPONENT_ORDER_ID)
            err = rl_job_open_ids(job);
        else if (config->component == RL_COMPONENT_AUDIT_APPEND)
            err = rl_job_open_audit(job);
        break;
    case RL_N_COMPONENTS:
    default:
        err = -EINVAL;
    }
    if (err != 0)
        rl_job_close(job);
    return err;
}

void rl_job_close(struct rl_job *job)
{
    rl_arena_close(&job->arena);
}
