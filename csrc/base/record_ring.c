#include "base/record_ring.h"

#include <errno.h>
#include <string.h>

/* Fewer publications than this a lap would leave a producer waiting that could go on. */
#define PUBLICATIONS_A_LAP 8

int rl_record_ring_init(struct rl_record_ring *r, void *bytes, uint64_t n_bytes)
{
    if (bytes == NULL || (uintptr_t)bytes % RL_CACHE_LINE != 0)
        return -EINVAL;
    if (n_bytes < RL_RECORD_RING_MIN_BYTES || n_bytes > UINT64_C(1) << 32 ||
        (n_bytes & (n_bytes - 1)) != 0)
        return -EINVAL;
    memset(bytes, 0, n_bytes); /* the first header reads "nothing here" */
    *r = (struct rl_record_ring){
        .limit = n_bytes,
        .bytes = bytes,
        .mask = n_bytes - 1,
        /*
         * The worst position wants the whole ring for a record of half of it: skipped bytes (one
         * header less than the span), the span, and the terminator.
         */
        .n_bytes_max = (uint32_t)(n_bytes / 2 - RL_RECORD_HEADER_BYTES),
        .head_due = n_bytes / PUBLICATIONS_A_LAP,
        .stride = n_bytes / PUBLICATIONS_A_LAP,
        .bytes_seen = bytes,
        .mask_seen = n_bytes - 1,
    };
    return 0;
}
