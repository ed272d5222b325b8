#include "rig/exchange/md_refs.h"

#include <errno.h>

static uint32_t places_of(uint32_t n_max)
{
    uint32_t n = 16;

    while (n / 2 < n_max && n < 1u << 31)
        n *= 2;
    return n;
}

size_t rl_md_refs_bytes(uint32_t n_max)
{
    return places_of(n_max) * sizeof(struct rl_md_ref) + RL_CACHE_LINE;
}

int rl_md_refs_init(struct rl_md_refs *r, struct rl_arena *arena, uint32_t n_max)
{
    uint32_t n = places_of(n_max);

    *r = (struct rl_md_refs){.mask = n - 1, .n_max = n_max};
    r->table = rl_arena_take(arena, n * sizeof *r->table, RL_CACHE_LINE);
    return r->table ? 0 : -ENOMEM;
}

bool rl_md_refs_put(struct rl_md_refs *r, uint32_t instrument, uint64_t id, uint64_t ref)
{
    uint32_t i = rl_md_refs_home(r, instrument, id);

    if (r->n == r->n_max)
        return false;
    while (r->table[i].ref != 0)
        i = (i + 1) & r->mask;
    r->table[i] = (struct rl_md_ref){id, ref, instrument};
    r->n++;
    return true;
}

void rl_md_refs_drop(struct rl_md_refs *r, uint32_t instrument, uint64_t id)
{
    uint32_t i = rl_md_refs_home(r, instrument, id), hole;

    while (r->table[i].ref != 0 && (r->table[i].id != id || r->table[i].instrument != instrument))
        i = (i + 1) & r->mask;
    if (r->table[i].ref == 0)
        return;
    r->n--;
    /* What follows without a gap moves up when it may stand there: no marks are left behind. */
    for (hole = i, i = (i + 1) & r->mask; r->table[i].ref != 0; i = (i + 1) & r->mask) {
        uint32_t home = rl_md_refs_home(r, r->table[i].instrument, r->table[i].id);

        if (((i - home) & r->mask) >= ((i - hole) & r->mask)) {
            r->table[hole] = r->table[i];
            hole = i;
        }
    }
    r->table[hole] = (struct rl_md_ref){0, 0, 0};
}
