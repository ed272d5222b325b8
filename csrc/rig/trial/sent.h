/*
 * sent - when each message was due and when it left, found by its sequence number.
 *
 * A table of a power of two slots, larger than what can be under way: a younger message takes the
 * slot of one that is n_slots older, and asking for the older one then says so.
 *
 * Threads:  the rig thread alone.
 * Memory:   32 bytes a slot, the caller's.
 * Cost:     one store or load of half a cache line, mostly sequential.
 */
#ifndef RL_RIG_SENT_H
#define RL_RIG_SENT_H

#include "base/defs.h"

struct rl_sent_slot {
    uint64_t seq;          /* 0: none yet */
    uint64_t intended_tsc; /* when the schedule wanted it */
    uint64_t actual_tsc;   /* just before its bytes were committed */
    uint64_t is_measured;  /* sent after the warm-up */
};

struct rl_sent {
    struct rl_sent_slot *slots;
    uint64_t mask;
    uint64_t last_seq; /* the highest number sent */
};

enum rl_sent_state {
    RL_SENT_KNOWN,
    RL_SENT_LATE,   /* was sent so long ago that its slot is taken */
    RL_SENT_UNKNOWN /* never sent: beyond the last one, lost at the sender, or 0 */
};

static inline void rl_sent_put(struct rl_sent *s, uint64_t seq, uint64_t intended_tsc,
                               uint64_t actual_tsc, bool is_measured)
{
    if (RL_UNLIKELY(seq <= s->last_seq))
        return; /* a repeated message: the first sending counts */
    s->slots[seq & s->mask] = (struct rl_sent_slot){seq, intended_tsc, actual_tsc, is_measured};
    s->last_seq = seq;
}

/* The slot of `seq` when the state is KNOWN. */
static inline enum rl_sent_state rl_sent_get(const struct rl_sent *s, uint64_t seq,
                                             const struct rl_sent_slot **slot)
{
    *slot = &s->slots[seq & s->mask];
    if (RL_LIKELY((*slot)->seq == seq && seq != 0))
        return RL_SENT_KNOWN;
    return seq != 0 && (*slot)->seq > seq ? RL_SENT_LATE : RL_SENT_UNKNOWN;
}

#endif
