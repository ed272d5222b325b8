/*
 * component_plain - messages read by the schoolbook: what the right answer to a step is.
 *
 * Written from the formats' specifications and shares no code with what is measured. Byte by byte,
 * slow, before anything is timed.
 */
#ifndef RL_RIG_COMPONENT_PLAIN_H
#define RL_RIG_COMPONENT_PLAIN_H

#include "base/defs.h"

/* How a field's value goes into the answer. */
enum rl_job_value {
    RL_JOB_SKIPPED = 0,
    RL_JOB_UINT,
    RL_JOB_PX,
    RL_JOB_CHAR,
    RL_JOB_TEXT, /* its length, first and last byte */
};

/*
 * The fields that are converted, by tag, for messages of this type (RL_FIX_TYPE1 ...): eight of an
 * order or a report, the sequence number, the count and four an entry of market data, the sequence
 * number alone of any other. A table of RL_JOB_N_TAGS.
 */
const uint8_t *rl_job_values_of(uint32_t type);
#define RL_JOB_N_TAGS 1216

/* The folded values of a message; RL_JOB_NOT_PARSED when its sum is wrong or a field is none. */
uint64_t rl_plain_fix(const uint8_t *bytes, uint32_t n_bytes);

/* The value of the first field of that tag; false when there is none. */
bool rl_plain_fix_find(const uint8_t *bytes, uint32_t n_bytes, uint32_t tag, const uint8_t **value,
                       uint32_t *n_value);
bool rl_plain_uint(const uint8_t *s, uint32_t n, uint64_t *out);
/* A decimal in units of 1e-9, rounded to nearest, halves away from zero. */
bool rl_plain_px(const uint8_t *s, uint32_t n, int64_t *out);

/* What an ITCH 5.0 message says to a book, folded; its stamp when that is nothing;
 * RL_JOB_NOT_PARSED when it is too short to be one. */
uint64_t rl_plain_itch(const uint8_t *bytes, uint32_t n_bytes);

#endif
