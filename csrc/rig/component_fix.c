#include "rig/component_ops.h"

#include <errno.h>

/* --- the plain reader: what a FIX message says, by the schoolbook --- */

static bool plain_uint(const uint8_t *s, uint32_t n, uint64_t *out)
{
    unsigned __int128 v = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (s[i] - '0');
        if (v > UINT64_MAX)
            return false;
    }
    *out = (uint64_t)v;
    return n > 0;
}

/* A decimal in units of 1e-9, rounded to nearest, halves away from zero. */
static bool plain_px(const uint8_t *s, uint32_t n, uint64_t *out)
{
    bool is_negative = n > 0 && s[0] == '-', has_point = false;
    uint32_t n_decimals = 0, n_digits = 0;
    __int128 v = 0;

    for (uint32_t i = is_negative; i < n; i++) {
        if (s[i] == '.' && !has_point) {
            has_point = true;
            continue;
        }
        if (s[i] < '0' || s[i] > '9')
            return false;
        n_digits++;
        n_decimals += has_point;
        if (n_decimals <= 9)
            v = v * 10 + (s[i] - '0');
        else if (n_decimals == 10 && s[i] >= '5')
            v++;
        if (v > (__int128)UINT64_MAX)
            return false;
    }
    for (; n_decimals < 9; n_decimals++)
        v *= 10;
    if (n_digits == 0 || v > INT64_MAX)
        return false;
    *out = (uint64_t)(is_negative ? -(int64_t)v : (int64_t)v);
    return true;
}

static uint64_t plain_fix(const uint8_t *bytes, uint32_t n_bytes)
{
    uint64_t answer = 0, value, tag, sum = 0, said;
    uint32_t at = 0, n_raw = 0;

    if (n_bytes < 8 || !plain_uint(bytes + n_bytes - 4, 3, &said))
        return RL_JOB_NOT_PARSED;
    for (uint32_t i = 0; i < n_bytes - 7; i++)
        sum += bytes[i];
    if (sum % 256 != said)
        return RL_JOB_NOT_PARSED;
    while (at < n_bytes) {
        uint32_t equals = at, end;

        while (equals < n_bytes && bytes[equals] != '=')
            equals++;
        end = equals + 1 + n_raw; /* raw data may hold the separator */
        while (end < n_bytes && bytes[end] != RL_FIX_SOH)
            end++;
        if (end >= n_bytes || !plain_uint(bytes + at, equals - at, &tag))
            return RL_JOB_NOT_PARSED;
        const uint8_t *s = bytes + equals + 1;
        uint32_t n = end - equals - 1;

        n_raw =
            rl_fix_data_tag((uint32_t)tag) != 0 && plain_uint(s, n, &value) ? (uint32_t)value : 0;
        at = end + 1;
        if (tag == 34 || tag == 38 || tag == 271 || tag == 278 || tag == 1181) {
            if (plain_uint(s, n, &value))
                answer = rl_job_fold(answer, (uint32_t)tag, value);
        } else if (tag == 44 || tag == 270) {
            if (plain_px(s, n, &value))
                answer = rl_job_fold(answer, (uint32_t)tag, value);
        } else if (tag == 54 || tag == 279 || tag == 269) {
            answer = rl_job_fold(answer, (uint32_t)tag, n == 1 ? s[0] : 0);
        }
    }
    return answer;
}

static uint64_t power_of_two_up_to(uint64_t n)
{
    return n == 0 ? 0 : 1ULL << (63 - __builtin_clzll(n));
}

/* --- fix.parse --- */

static uint64_t fix_wanted(void *state, uint64_t i)
{
    struct rl_fix_job *s = state;

    return s->messages[i & s->mask].answer;
}

int rl_job_open_fix(struct rl_job *job, const struct rl_component_config *config,
                    struct rl_component_result *out)
{
    const struct rl_stream *stream = config->stream;
    struct rl_fix_job *s = &job->state.fix;
    uint64_t seed = config->seed, n, n_bytes = 0, at = 0;
    uint8_t *bytes;
    int err;

    if (stream == NULL || stream->feed != RL_FEED_FIX || stream->n_recs < RL_JOB_HOT_INPUTS)
        return -EINVAL;
    n = config->regime == RL_REGIME_HOT ? RL_JOB_HOT_INPUTS : power_of_two_up_to(stream->n_recs);
    for (uint64_t i = 0; i < n; i++)
        n_bytes += stream->recs[i].n_bytes;
    err = rl_job_take_memory(job, n_bytes + n * sizeof(s->messages[0]));
    if (err != 0)
        return err;
    bytes = rl_arena_take(&job->arena, n_bytes, 0);
    s->messages = rl_arena_take(&job->arena, n * sizeof(s->messages[0]), 0);
    s->mask = n - 1;
    rl_fix_init(&s->parsed, s->fields, RL_FIX_MAX_FIELDS);
    for (uint64_t i = 0; i < n; i++) {
        const struct rl_stream_rec *rec = &stream->recs[i];

        memcpy(bytes + at, stream->bytes + rec->offset, rec->n_bytes);
        if (stream->framing == RL_FRAMING_FIX_STAMP)
            rl_stream_stamp_fix(bytes + at, rec->n_bytes, i + 1);
        s->messages[i] = (struct rl_fix_input){.bytes = bytes + at,
                                               .n_bytes = rec->n_bytes,
                                               .answer = plain_fix(bytes + at, rec->n_bytes)};
        at += rec->n_bytes;
    }
    for (uint64_t i = n - 1; config->regime == RL_REGIME_RANDOM && i > 0; i--) {
        uint64_t k = rl_job_draw_below(&seed, i + 1);
        struct rl_fix_input other = s->messages[k];

        s->messages[k] = s->messages[i];
        s->messages[i] = other;
    }
    out->n_inputs = n;
    out->n_input_bytes = n_bytes;
    job->n_first = n;
    job->is_periodic = true;
    job->wanted = fix_wanted;
    return 0;
}
