#include "base/ring.h"

#include <errno.h>

_Static_assert(sizeof(struct rl_ring_slot) == RL_RING_SLOT_BYTES, "one slot, one line");

/* 64 records between two looks at the head cost the producer next to nothing already. */
#define STRIDE_MAX 64

int rl_ring_init(struct rl_ring *r, void *slots, uint64_t n_slots)
{
    uint64_t stride = n_slots / 4;

    if (slots == NULL || (uintptr_t)slots % RL_RING_SLOT_BYTES != 0)
        return -EINVAL;
    if (n_slots == 0 || (n_slots & (n_slots - 1)) != 0 || n_slots > UINT64_C(1) << 32)
        return -EINVAL;
    if (stride < 1)
        stride = 1;
    if (stride > STRIDE_MAX)
        stride = STRIDE_MAX;
    *r = (struct rl_ring){
        .limit = n_slots,
        .slots = slots,
        .mask = n_slots - 1,
        .head_due = stride,
        .stride = stride,
        .slots_seen = slots,
        .mask_seen = n_slots - 1,
    };
    /* Position p waits for sequence p + 1, so 0 is "not yet" for every slot of the first lap. */
    for (uint64_t i = 0; i < n_slots; i++)
        atomic_store_explicit(&r->slots[i].sequence, 0, memory_order_relaxed);
    return 0;
}
