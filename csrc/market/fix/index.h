/*
 * index - where a tag is in a message, without looking through its fields.
 *
 * One slot for each of 1024 tags modulo 1024 says which message it was written for and where the
 * first such field is; a slot of another message is an absent tag, so nothing is ever cleared. Two
 * tags that share a slot are told apart by the field itself, and then looked for the long way.
 *
 * It earns its place from three lookups of absent tags on, or ten of present ones in a message of
 * 18 fields and four in one of 34 (measured; rl_fix_find is cheaper below that). A walk over all
 * fields needs neither.
 *
 * Threads:  an index belongs to one thread.
 * Memory:   4 KB of the caller's.
 * Cost:     a store a field to make, two loads a lookup.
 */
#ifndef RL_MARKET_FIX_INDEX_H
#define RL_MARKET_FIX_INDEX_H

#include "market/fix/parse.h"

#define RL_FIX_INDEX_SLOTS 1024

/* Zero is an index of nothing. */
struct rl_fix_index {
    const struct rl_fix_msg *msg;
    uint32_t generation;                /* 1 to 65535, then the slots are cleared once */
    uint32_t slots[RL_FIX_INDEX_SLOTS]; /* generation << 16 | index of the field */
};

/* For the message as it is now; fields from 65536 on are not in it, and are found the long way. */
static inline void rl_fix_index_make(struct rl_fix_index *x, const struct rl_fix_msg *m)
{
    uint32_t n = m->n_fields < 65536 ? m->n_fields : 65536;

    if (RL_UNLIKELY(++x->generation > UINT16_MAX)) {
        memset(x->slots, 0, sizeof x->slots);
        x->generation = 1;
    }
    x->msg = m;
    while (n-- > 0) /* from the end: the first of a tag is written last */
        x->slots[m->fields[n].tag % RL_FIX_INDEX_SLOTS] = x->generation << 16 | n;
}

/* The first field of that tag; NULL when there is none. */
static inline const struct rl_fix_field *rl_fix_index_find(const struct rl_fix_index *x,
                                                           uint32_t tag)
{
    uint32_t slot = x->slots[tag % RL_FIX_INDEX_SLOTS];
    const struct rl_fix_msg *m = x->msg;

    if (RL_LIKELY(slot >> 16 != x->generation))
        return RL_LIKELY(m->n_fields <= 65536) ? NULL : rl_fix_find(m, tag, 65536);
    slot &= 0xFFFF;
    return RL_LIKELY(m->fields[slot].tag == tag) ? &m->fields[slot] : rl_fix_find(m, tag, slot + 1);
}

#endif
