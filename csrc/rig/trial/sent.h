/*
 * sent - when each message was due and when it left, found by its sequence number.
 *
 * A ring of a power of two slots in the order of sending, larger than what can be under way: the
 * youngest takes the slot of the oldest, and asking for that one then says so. Numbers go up, and
 * leave out what found no room on the line; however many those are, they take no slot.
 *
 * Threads:  the rig thread alone.
 * Memory:   32 bytes a slot, the caller's.
 * Cost:     one store or load of half a cache line, mostly sequential; where numbers were left out
 *           since the one that is looked for, a search by halving.
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
    uint64_t n;        /* put so far */
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
    s->slots[s->n++ & s->mask] = (struct rl_sent_slot){seq, intended_tsc, actual_tsc, is_measured};
    s->last_seq = seq;
}

/* The slot of `seq` when the state is KNOWN; it was put by now if ever. */
static inline enum rl_sent_state rl_sent_get(const struct rl_sent *s, uint64_t seq,
                                             const struct rl_sent_slot **slot)
{
    uint64_t low = s->n > s->mask ? s->n - s->mask - 1 : 0, high = s->n;
    bool has_older = low > 0;

    if (RL_UNLIKELY(seq == 0 || seq > s->last_seq))
        return RL_SENT_UNKNOWN;
    *slot = &s->slots[(s->n - 1 - (s->last_seq - seq)) & s->mask];
    if (RL_LIKELY((*slot)->seq == seq))
        return RL_SENT_KNOWN;
    while (low < high) { /* the first that is not below seq */
        uint64_t middle = low + (high - low) / 2;

        if (s->slots[middle & s->mask].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    *slot = &s->slots[low & s->mask]; /* there is one: last_seq is not below it */
    if ((*slot)->seq == seq)
        return RL_SENT_KNOWN;
    return has_older && low == s->n - s->mask - 1 ? RL_SENT_LATE : RL_SENT_UNKNOWN;
}

#endif
