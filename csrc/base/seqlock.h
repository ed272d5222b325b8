/*
 * seqlock - one writer publishes a few 64-bit words; readers get them all from one write, or know.
 *
 * Threads:  one writer, which never waits; any number of readers, which never write.
 * Memory:   the caller owns the lock and the words; both may lie in a mapping shared with Python.
 * Cost:     plain moves on x86: a write is n + 2 stores, a read n + 2 loads.
 *
 * The words are atomics of their own. Orders sit on them and not on fences: ThreadSanitizer sees
 * them, and on x86 they cost nothing. tests/model/ shows that none may be weaker:
 *   S1  the last store of the sequence releases, the first load acquires: a reader that starts at
 *       an even sequence sees every word of that write.
 *   S2  each word is stored with release and loaded with acquire: a reader that sees a word of a
 *       later write also sees that the sequence moved, so its second look at it differs.
 */
#ifndef RL_BASE_SEQLOCK_H
#define RL_BASE_SEQLOCK_H

#include <stdatomic.h>

#include "base/defs.h"

struct rl_seqlock {
    RL_ALIGNED _Atomic uint64_t sequence; /* odd while a write is under way */
};

/* An all-zero lock is ready too. */
static inline void rl_seqlock_init(struct rl_seqlock *s)
{
    atomic_store_explicit(&s->sequence, 0, memory_order_relaxed);
}

static inline void rl_seqlock_write(struct rl_seqlock *s, _Atomic uint64_t *words,
                                    const uint64_t *src, size_t n_words)
{
    uint64_t sequence = atomic_load_explicit(&s->sequence, memory_order_relaxed);

    atomic_store_explicit(&s->sequence, sequence + 1, memory_order_relaxed);
    for (size_t i = 0; i < n_words; i++) /* S2: the odd sequence is visible before any word */
        atomic_store_explicit(&words[i], src[i], memory_order_release);
    /* S1: pairs with the first load in rl_seqlock_read - every word is visible. */
    atomic_store_explicit(&s->sequence, sequence + 2, memory_order_release);
}

/* One try: true when dst holds all words of one write, false when a write was under way. */
static inline bool rl_seqlock_read(const struct rl_seqlock *s, const _Atomic uint64_t *words,
                                   uint64_t *dst, size_t n_words)
{
    /* S1: pairs with the last store in rl_seqlock_write. */
    uint64_t sequence = atomic_load_explicit(&s->sequence, memory_order_acquire);

    if (sequence & 1)
        return false;
    for (size_t i = 0; i < n_words; i++) /* S2: pairs with the word stores in rl_seqlock_write */
        dst[i] = atomic_load_explicit(&words[i], memory_order_acquire);
    return atomic_load_explicit(&s->sequence, memory_order_relaxed) == sequence;
}

/* Up to n_tries tries; false when none succeeded: the writer is faster, or died in a write. */
bool rl_seqlock_read_retry(const struct rl_seqlock *s, const _Atomic uint64_t *words, uint64_t *dst,
                           size_t n_words, uint64_t n_tries);

#endif
