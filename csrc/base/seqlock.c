#include "base/seqlock.h"

bool rl_seqlock_read_retry(const struct rl_seqlock *s, const _Atomic uint64_t *words, uint64_t *dst,
                           size_t n_words, uint64_t n_tries)
{
    for (uint64_t i = 0; i < n_tries; i++) {
        if (rl_seqlock_read(s, words, dst, n_words))
            return true;
        rl_pause();
    }
    return false;
}
