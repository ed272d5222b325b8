/*
 * probe_header - what a frame of our own traffic says about itself, in front of its content.
 *
 * All fields are in host order, little endian: both ends share one time stamp counter and so one
 * machine. A program in the kernel writes its number and its clock at the same places.
 *
 * Threads:  functions of their arguments.
 * Memory:   the caller's; the bytes may lie anywhere.
 * Cost:     a copy of half a cache line and one compare.
 */
#ifndef RL_RIG_PROBE_HEADER_H
#define RL_RIG_PROBE_HEADER_H

#include <string.h>

#include "base/defs.h"
#include "base/random.h"

#define RL_PROBE_MAGIC 0x42504C52U /* "RLPB" in memory */

struct rl_probe_header {
    uint32_t magic;
    uint32_t flow; /* tells the runs and directions that share a wire apart */
    uint64_t seq;
    uint64_t intended_tsc; /* when the schedule wanted it; of live frames CLOCK_MONOTONIC, ns */
    uint64_t sent_tsc;     /* just before its bytes were committed; of live frames 0 */
};

#define RL_PROBE_SEQ_AT 8
#define RL_PROBE_INTENDED_AT 16
#define RL_PROBE_SENT_AT 24
_Static_assert(sizeof(struct rl_probe_header) == 32, "a header without holes");
_Static_assert(offsetof(struct rl_probe_header, seq) == RL_PROBE_SEQ_AT, "seq");
_Static_assert(offsetof(struct rl_probe_header, intended_tsc) == RL_PROBE_INTENDED_AT, "intended");
_Static_assert(offsetof(struct rl_probe_header, sent_tsc) == RL_PROBE_SENT_AT, "sent");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the header is in host order");

/* Behind the header: a word that depends on the seed and on every field, then the content. */
#define RL_PROBE_CHECK_AT ((uint32_t)sizeof(struct rl_probe_header))
#define RL_PROBE_CONTENT_AT (RL_PROBE_CHECK_AT + 8)
/* The longest that anything here sends; a datagram cannot be longer. */
#define RL_PROBE_MAX 65507U

static inline void rl_probe_write(uint8_t *bytes, const struct rl_probe_header *h)
{
    memcpy(bytes, h, sizeof *h);
}

/* False: too short for a header, or not one of ours. *h is set whenever there are bytes enough. */
static inline bool rl_probe_read(struct rl_probe_header *h, const uint8_t *bytes, uint32_t n_bytes)
{
    if (RL_UNLIKELY(n_bytes < sizeof *h))
        return false;
    memcpy(h, bytes, sizeof *h);
    return h->magic == RL_PROBE_MAGIC;
}

static inline uint64_t rl_probe_check(const struct rl_probe_header *h, uint64_t seed)
{
    uint64_t x = rl_mix(seed ^ h->seq * RL_MIX_STEP ^ ((uint64_t)h->flow << 32 | h->magic));

    return rl_mix(x ^ h->intended_tsc * 3 ^ rl_rotate(h->sent_tsc, 29) * 5);
}

/* Check word and seeded content of a datagram of n_bytes that begins with *h. */
void rl_probe_fill(uint8_t *bytes, uint32_t n_bytes, const struct rl_probe_header *h,
                   uint64_t seed);
/* Whether they are, bit for bit, what rl_probe_fill writes. */
bool rl_probe_is_whole(const uint8_t *bytes, uint32_t n_bytes, const struct rl_probe_header *h,
                       uint64_t seed);

/*
 * A frame that is not what was sent: was it ours before somebody changed it? Either magic and flow
 * are as they should be, or all else says that they were.
 */
bool rl_probe_was_ours(const uint8_t *bytes, uint32_t n_bytes, uint32_t flow, uint64_t seed);

#endif
