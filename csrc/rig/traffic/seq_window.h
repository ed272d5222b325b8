/*
 * seq_window - which sequence numbers have been seen, for the last so many of them.
 *
 * Threads:  one.
 * Memory:   a bit a number, the caller's; a power of two of at least 64.
 * Cost:     one bit set; going ahead by n numbers clears n bits, at most the whole window.
 */
#ifndef RL_RIG_SEQ_WINDOW_H
#define RL_RIG_SEQ_WINDOW_H

#include <string.h>

#include "base/defs.h"

struct rl_seq_window {
    uint64_t *bits;
    uint64_t n_slots; /* a power of two of at least 64 */
    uint64_t next;    /* one above the highest number seen */
    uint64_t first;   /* numbers start here */
};

enum rl_seq_kind {
    RL_SEQ_NEW, /* above all so far */
    RL_SEQ_OLD, /* below the highest, and seen for the first time */
    RL_SEQ_AGAIN,
    RL_SEQ_TOO_OLD /* nobody knows any more; or below the first */
};

static inline void rl_seq_window_init(struct rl_seq_window *w, uint64_t *bits, uint64_t n_slots,
                                      uint64_t first)
{
    *w = (struct rl_seq_window){.bits = bits, .n_slots = n_slots, .next = first, .first = first};
    memset(bits, 0, n_slots / 8);
}

static inline uint64_t *rl_seq_word(const struct rl_seq_window *w, uint64_t seq)
{
    return &w->bits[(seq & (w->n_slots - 1)) / 64];
}

/* Marks it seen; *n_skipped is how many were passed over, for NEW. */
static inline enum rl_seq_kind rl_seq_window_see(struct rl_seq_window *w, uint64_t seq,
                                                 uint64_t *n_skipped)
{
    uint64_t bit = UINT64_C(1) << (seq & 63);

    if (RL_LIKELY(seq >= w->next)) {
        *n_skipped = seq - w->next;
        if (RL_UNLIKELY(*n_skipped >= w->n_slots)) {
            memset(w->bits, 0, w->n_slots / 8);
        } else {
            for (uint64_t i = w->next; i < seq; i++)
                *rl_seq_word(w, i) &= ~(UINT64_C(1) << (i & 63));
        }
        *rl_seq_word(w, seq) |= bit;
        w->next = seq + 1;
        return RL_SEQ_NEW;
    }
    *n_skipped = 0;
    if (seq < w->first || w->next - seq > w->n_slots)
        return RL_SEQ_TOO_OLD;
    if (*rl_seq_word(w, seq) & bit)
        return RL_SEQ_AGAIN;
    *rl_seq_word(w, seq) |= bit;
    return RL_SEQ_OLD;
}

#endif
