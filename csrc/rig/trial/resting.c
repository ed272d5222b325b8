#include "rig/trial/resting.h"

/* At most half full, so that there is always a free slot and searches end. */
static uint64_t n_slots(uint64_t n_max)
{
    uint64_t n = 4;

    while (n < 2 * n_max)
        n *= 2;
    return n;
}

size_t rl_resting_bytes(uint64_t n_max)
{
    return n_slots(n_max) * sizeof(struct rl_rest);
}

void rl_resting_init(struct rl_resting *r, void *memory, uint64_t n_max)
{
    r->slots = memory;
    r->mask = n_slots(n_max) - 1;
    r->n = 0;
    for (uint64_t i = 0; i <= r->mask; i++)
        r->slots[i].id = 0;
}

/* Ids rise by one: neighbours take neighbouring slots. */
struct rl_rest *rl_resting_find(struct rl_resting *r, uint64_t id)
{
    for (uint64_t i = id;; i++) {
        struct rl_rest *order = &r->slots[i & r->mask];

        if (order->id == id)
            return id ? order : NULL;
        if (order->id == 0)
            return NULL;
    }
}

bool rl_resting_put(struct rl_resting *r, const struct rl_rest *order)
{
    uint64_t i = order->id;

    if (2 * (r->n + 1) > r->mask + 1)
        return false;
    while (r->slots[i & r->mask].id != 0)
        i++;
    r->slots[i & r->mask] = *order;
    r->n++;
    return true;
}

void rl_resting_drop(struct rl_resting *r, struct rl_rest *order)
{
    uint64_t hole = (uint64_t)(order - r->slots), i = hole;

    r->n--;
    /* What was put behind the hole because it was taken moves up, so that no search ends early. */
    for (;;) {
        struct rl_rest *next = &r->slots[++i & r->mask];

        if (next->id == 0)
            break;
        if (((i - next->id) & r->mask) < ((i - hole) & r->mask))
            continue; /* its own place lies behind the hole */
        r->slots[hole] = *next;
        hole = i & r->mask;
    }
    r->slots[hole].id = 0;
}
