/*
 * md_refs - the reference under which an order is known, when it is not its id.
 *
 * Only orders that changed their id and kept their place are in here: few, and gone with the order.
 *
 * Threads:  one.
 * Memory:   24 bytes for twice as many as may be there, from the arena, at init.
 * Cost:     one cache line, where the caller has not seen that it is empty.
 */
#ifndef RL_RIG_EXCHANGE_MD_REFS_H
#define RL_RIG_EXCHANGE_MD_REFS_H

#include "base/mem.h"
#include "base/mix.h"

struct rl_md_ref {
    uint64_t id;
    uint64_t ref; /* 0: free */
    uint32_t instrument;
};

struct rl_md_refs {
    struct rl_md_ref *table;
    uint32_t mask;
    uint32_t n, n_max;
};

size_t rl_md_refs_bytes(uint32_t n_max);
/* -ENOMEM. */
int rl_md_refs_init(struct rl_md_refs *r, struct rl_arena *arena, uint32_t n_max);

/* Ids that follow each other lie beside each other: the next is written where the last one was. */
static inline uint32_t rl_md_refs_home(const struct rl_md_refs *r, uint32_t instrument, uint64_t id)
{
    return ((uint32_t)(id ^ id >> 32) + instrument * (uint32_t)RL_MIX_STEP) & r->mask;
}

/* The id itself when it is not in there. */
static inline uint64_t rl_md_refs_find(const struct rl_md_refs *r, uint32_t instrument, uint64_t id)
{
    for (uint32_t i = rl_md_refs_home(r, instrument, id); r->table[i].ref != 0;
         i = (i + 1) & r->mask)
        if (r->table[i].id == id && r->table[i].instrument == instrument)
            return r->table[i].ref;
    return id;
}

/* False when it is full. `ref` is not 0; the id is not in there yet. */
bool rl_md_refs_put(struct rl_md_refs *r, uint32_t instrument, uint64_t id, uint64_t ref);
/* Harmless when it is not there. */
void rl_md_refs_drop(struct rl_md_refs *r, uint32_t instrument, uint64_t id);

#endif
