/*
 * component_fix - the FIX operations: parse, floor, checksum, validate, encode.
 *
 * parse, floor and validate give the same answer to a valid message: the values of the fields that
 * rl_job_values_of names, folded. What differs is how much is verified on the way.
 */
#ifndef RL_RIG_COMPONENT_FIX_H
#define RL_RIG_COMPONENT_FIX_H

#include "market/fix/dict.h"
#include "market/fix/fix.h"
#include "rig/component/component_job.h"
#include "rig/component/component_plain.h"

struct rl_fix_job {
    struct rl_job_messages in;
    struct rl_fix_msg parsed;
    const struct rl_fix_dict *dict;
    struct rl_fix_shapes shapes; /* what a session remembers of its messages */
    struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
};

/* The answer with one field's value in it, converted as enum rl_job_value says. */
RL_STEP uint64_t rl_fix_value_folded(uint64_t answer, const struct rl_fix_msg *m,
                                     const struct rl_fix_field *f, uint8_t value)
{
    const uint8_t *s = m->bytes + f->off;
    uint64_t number;
    int64_t px_nano;

    switch (value) {
    case RL_JOB_UINT:
        return RL_LIKELY(rl_fix_uint(m, f, &number)) ? rl_job_fold(answer, f->tag, number) : answer;
    case RL_JOB_PX:
        return RL_LIKELY(rl_fix_px(m, f, &px_nano)) ? rl_job_fold(answer, f->tag, (uint64_t)px_nano)
                                                    : answer;
    case RL_JOB_CHAR:
        return rl_job_fold(answer, f->tag, rl_fix_char(m, f));
    case RL_JOB_TEXT:
        return rl_job_fold(answer, f->tag,
                           (uint32_t)f->len << 16 | (uint32_t)s[0] << 8 | s[f->len - 1]);
    default:
        return answer;
    }
}

/* The typed values of a parsed message. */
RL_STEP uint64_t rl_fix_values(const struct rl_fix_msg *m)
{
    const uint8_t *values = rl_job_values_of(m->type);
    uint64_t answer = 0;

    for (uint32_t k = 0; k < m->n_fields; k++) {
        const struct rl_fix_field *f = &m->fields[k];

        if (RL_LIKELY(f->tag < RL_JOB_N_TAGS))
            answer = rl_fix_value_folded(answer, m, f, values[f->tag]);
    }
    return answer;
}

RL_STEP uint64_t rl_fix_parse_step(void *state, uint64_t i)
{
    struct rl_fix_job *s = state;
    const struct rl_job_message *in = &s->in.messages[i & s->in.mask];

    if (RL_UNLIKELY(rl_fix_parse(&s->parsed, in->bytes, in->n_bytes) != RL_FIX_OK))
        return RL_JOB_NOT_PARSED;
    return rl_fix_values(&s->parsed);
}

RL_STEP uint64_t rl_fix_validate_step(void *state, uint64_t i)
{
    struct rl_fix_job *s = state;
    const struct rl_job_message *in = &s->in.messages[i & s->in.mask];

    if (RL_UNLIKELY(rl_fix_parse(&s->parsed, in->bytes, in->n_bytes) != RL_FIX_OK) ||
        RL_UNLIKELY(rl_fix_validate_known(s->dict, &s->shapes, &s->parsed) != RL_FIX_OK))
        return RL_JOB_NOT_PARSED;
    return rl_fix_values(&s->parsed);
}

/* Splits and converts without a second look, AVX2; reads RL_JOB_SLACK bytes too far. */
uint64_t rl_fix_floor(const uint8_t *bytes, uint32_t n_bytes);

RL_STEP uint64_t rl_fix_floor_step(void *state, uint64_t i)
{
    struct rl_fix_job *s = state;
    const struct rl_job_message *in = &s->in.messages[i & s->in.mask];

    return rl_fix_floor(in->bytes, in->n_bytes);
}

RL_STEP uint64_t rl_fix_checksum_step(void *state, uint64_t i)
{
    struct rl_fix_job *s = state;
    const struct rl_job_message *in = &s->in.messages[i & s->in.mask];

    return rl_fix_sum(in->bytes, in->n_bytes);
}

/* --- encode --- */

struct rl_encode_job {
    struct rl_fix_template template;
    struct rl_fix_nos *orders;
    uint64_t *wanted; /* the values of each, by the plain reader */
    uint64_t mask;
    uint32_t n_out;
    uint64_t values_hash; /* of what was read back in the first cycle */
    uint8_t out[RL_FIX_ORDER_MAX];
};

RL_STEP uint64_t rl_fix_encode_step(void *state, uint64_t i)
{
    struct rl_encode_job *s = state;
    uint64_t tail = 0;

    s->n_out = rl_fix_nos_write(&s->template, &s->orders[i & s->mask], s->out);
    if (RL_LIKELY(s->n_out >= sizeof(tail)))
        memcpy(&tail, s->out + s->n_out - sizeof(tail), sizeof(tail)); /* holds the checksum */
    return tail + s->n_out;
}

#endif
