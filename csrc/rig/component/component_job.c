#include "rig/component/component_job.h"

#include <errno.h>
#include <string.h>

/* RANDOM: more than any last-level cache that one core fills, and few enough to set up at once. */
#define RANDOM_BYTES (64ULL << 20)
#define MAX_MESSAGES (1ULL << 21)

uint64_t rl_job_draw(uint64_t *seed)
{
    *seed += 0x9E3779B97F4A7C15ULL; /* splitmix64 */
    return rl_mix(*seed);
}

uint64_t rl_job_draw_below(uint64_t *seed, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)rl_job_draw(seed) * n) >> 64);
}

void rl_job_shuffled(uint32_t *out, uint64_t n, uint64_t *seed)
{
    for (uint64_t i = 0; i < n; i++) { /* Fisher and Yates, inside out */
        uint64_t k = rl_job_draw_below(seed, i + 1);

        out[i] = out[k];
        out[k] = (uint32_t)i;
    }
}

int rl_job_take_memory(struct rl_job *job, size_t n_state, size_t n_bytes)
{
    /* Room for the alignment of a dozen pieces. */
    int err = rl_arena_open(&job->arena, n_state + n_bytes + 16 * 4096, RL_ARENA_ALL);

    if (err == 0)
        job->state = rl_arena_take(&job->arena, n_state, 0);
    return err;
}

/* --- messages of a stream --- */

struct choice {
    uint64_t n_distinct; /* records taken */
    uint64_t stride;     /* each so many-th of the wanted ones is */
    uint64_t n_bytes;    /* of the distinct ones */
    uint64_t n_copies;   /* of each */
};

static bool is_wanted(const struct rl_job_reader *reader, const struct rl_stream *s, uint64_t i)
{
    return reader->is_wanted == NULL ||
           reader->is_wanted(s->bytes + s->recs[i].offset, s->recs[i].n_bytes);
}

static struct choice choose(const struct rl_component_config *config,
                            const struct rl_job_reader *reader)
{
    const struct rl_stream *s = config->stream;
    struct choice c = {.stride = 1, .n_copies = 1};
    uint64_t n_wanted = 0, k = 0;

    for (uint64_t i = 0; i < s->n_recs; i++)
        n_wanted += is_wanted(reader, s, i);
    if (n_wanted < RL_JOB_HOT_INPUTS)
        return c;
    c.n_distinct = n_wanted < MAX_MESSAGES ? n_wanted : MAX_MESSAGES;
    if (config->regime == RL_REGIME_HOT) {
        c.stride = n_wanted / RL_JOB_HOT_INPUTS;
        c.n_distinct = RL_JOB_HOT_INPUTS;
    }
    for (uint64_t i = 0; i < s->n_recs; i++) {
        if (is_wanted(reader, s, i) && k++ % c.stride == 0 && (k - 1) / c.stride < c.n_distinct)
            c.n_bytes += s->recs[i].n_bytes;
    }
    if (config->regime == RL_REGIME_RANDOM) {
        c.n_copies =
            (config->random_bytes > 0 ? config->random_bytes : RANDOM_BYTES) / (c.n_bytes + 1) + 1;
        if (c.n_copies * c.n_distinct > MAX_MESSAGES)
            c.n_copies = MAX_MESSAGES / c.n_distinct;
    }
    return c;
}

size_t rl_job_messages_bytes(const struct rl_component_config *config,
                             const struct rl_job_reader *reader)
{
    const struct rl_stream *s = config->stream;
    struct choice c;

    if (s == NULL || s->feed != reader->feed || s->framing == RL_FRAMING_MOLD)
        return 0;
    c = choose(config, reader);
    if (c.n_distinct == 0)
        return 0;
    return c.n_copies *
               (c.n_bytes + c.n_distinct * (sizeof(struct rl_job_message) + sizeof(uint32_t))) +
           RL_JOB_SLACK;
}

static void nothing(void *state)
{
    (void)state;
}

void rl_job_take_messages(struct rl_job *job, const struct rl_component_config *config,
                          const struct rl_job_reader *reader, struct rl_job_messages *taken,
                          struct rl_component_result *out)
{
    const struct rl_stream *s = config->stream;
    struct choice c = choose(config, reader);
    uint64_t n = c.n_distinct * c.n_copies, n_taken = 0, seed = config->seed;
    uint32_t *order = rl_arena_take(&job->arena, n * sizeof(*order), 0);
    uint8_t *to;

    taken->messages = rl_arena_take(&job->arena, n * sizeof(taken->messages[0]), 0);
    to = rl_arena_take(&job->arena, c.n_bytes * c.n_copies + RL_JOB_SLACK, 0);
    if (config->regime == RL_REGIME_RANDOM)
        rl_job_shuffled(order, n, &seed);
    for (uint64_t i = 0; i < n && config->regime != RL_REGIME_RANDOM; i++)
        order[i] = (uint32_t)i;
    for (uint64_t copy = 0; copy < c.n_copies; copy++) {
        for (uint64_t i = 0, k = 0; n_taken < (copy + 1) * c.n_distinct; i++) {
            uint32_t n_bytes = s->recs[i].n_bytes;

            if (!is_wanted(reader, s, i) || k++ % c.stride != 0)
                continue;
            memcpy(to, s->bytes + s->recs[i].offset, n_bytes);
            if (s->framing == RL_FRAMING_FIX_STAMP)
                rl_stream_stamp_fix(to, n_bytes, i + 1);
            taken->messages[order[n_taken]] = (struct rl_job_message){
                .bytes = to,
                .n_bytes = n_bytes,
                .answer = copy == 0 ? reader->answer(to, n_bytes)
                                    : taken->messages[order[n_taken - c.n_distinct]].answer};
            n_taken++;
            to += n_bytes;
        }
    }
    taken->n = n;
    taken->mask = UINT64_MAX;
    job->n_first = job->n_cycle = n;
    job->turn_over = nothing; /* no state: the next cycle finds all as the first one did */
    if (config->regime == RL_REGIME_HOT) {
        taken->mask = RL_JOB_HOT_INPUTS - 1;
        job->n_cycle = UINT64_MAX;
    }
    job->is_periodic = true;
    out->n_inputs = n;
    out->n_input_bytes = c.n_bytes * c.n_copies;
}

/* --- all --- */

int rl_job_open(struct rl_job *job, const struct rl_component_config *config,
                struct rl_component_result *out)
{
    bool is_hot = config->regime == RL_REGIME_HOT;
    bool is_without_order = is_hot || config->regime == RL_REGIME_COLD; /* inputs have none */
    int err = -EINVAL;

    memset(job, 0, sizeof(*job));
    job->n_cycle = UINT64_MAX;
    job->n_first = RL_JOB_HOT_INPUTS;
    job->max_burst = UINT64_MAX;
    switch (config->component) {
    case RL_COMPONENT_FIX_PARSE:
    case RL_COMPONENT_FIX_FLOOR:
    case RL_COMPONENT_FIX_CHECKSUM:
    case RL_COMPONENT_FIX_VALIDATE:
        err = rl_job_open_fix(job, config, out);
        break;
    case RL_COMPONENT_FIX_ENCODE:
        err = rl_job_open_encode(job, config, out);
        break;
    case RL_COMPONENT_ITCH_DECODE:
        err = rl_job_open_itch(job, config, out);
        break;
    case RL_COMPONENT_FEED_DECODE:
    case RL_COMPONENT_BOOK_UPDATE:
    case RL_COMPONENT_FEED_BOOK:
    case RL_COMPONENT_FEED_BOOK_VIEW:
        err = rl_job_open_book(job, config, out);
        break;
    case RL_COMPONENT_RISK_CHECK:
    case RL_COMPONENT_RISK_ACCEPT:
    case RL_COMPONENT_RISK_REFUSE:
        err = rl_job_open_risk(job, config, out);
        break;
    case RL_COMPONENT_HIST_RECORD:
        err = rl_job_open_hist(job, config, out);
        break;
    case RL_COMPONENT_ORDER_ID:
    case RL_COMPONENT_ORDER_TEXT:
        err = is_without_order ? rl_job_open_ids(job, config) : -EINVAL;
        break;
    case RL_COMPONENT_POSITION_UPDATE:
        err = rl_job_open_position(job, config, out);
        break;
    case RL_COMPONENT_OMS_SEND:
    case RL_COMPONENT_OMS_FILL:
        err = rl_job_open_oms(job, config, out);
        break;
    case RL_COMPONENT_AUDIT_APPEND:
        err = is_without_order ? rl_job_open_audit(job) : -EINVAL;
        break;
    case RL_COMPONENT_CLOCK_PAIR:
    case RL_COMPONENT_CLOCK_GETTIME:
        err = is_hot ? rl_job_open_clock(job, config) : -EINVAL;
        break;
    case RL_N_COMPONENTS:
        break;
    }
    if (err != 0)
        rl_job_close(job);
    return err;
}

void rl_job_close(struct rl_job *job)
{
    rl_arena_close(&job->arena);
}
