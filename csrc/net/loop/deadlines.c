#include "net/loop/deadlines.h"

#include <errno.h>

size_t rl_deadlines_bytes(uint32_t n)
{
    return (size_t)n * (sizeof(uint64_t) + 2 * sizeof(uint32_t)) + 3 * RL_CACHE_LINE;
}

int rl_deadlines_init(struct rl_deadlines *d, struct rl_arena *arena, uint32_t n)
{
    *d = (struct rl_deadlines){.n_max = n};
    d->at_ns = rl_arena_take(arena, n * sizeof *d->at_ns, 0);
    d->heap = rl_arena_take(arena, n * sizeof *d->heap, 0);
    d->places = rl_arena_take(arena, n * sizeof *d->places, 0);
    if (!d->at_ns || !d->heap || !d->places)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        d->at_ns[i] = RL_NEVER;
    return 0;
}

static void put(struct rl_deadlines *d, uint32_t place, uint32_t thing)
{
    d->heap[place] = thing;
    d->places[thing] = place + 1;
}

static bool is_earlier(const struct rl_deadlines *d, uint32_t a, uint32_t b)
{
    return d->at_ns[a] < d->at_ns[b];
}

/* The thing at `place` goes to where it belongs, above or below. */
static void settle(struct rl_deadlines *d, uint32_t place)
{
    uint32_t thing = d->heap[place];

    for (uint32_t up; place > 0 && is_earlier(d, thing, d->heap[up = (place - 1) / 2]); place = up)
        put(d, place, d->heap[up]);
    for (;;) {
        uint32_t down = 2 * place + 1;

        if (down + 1 < d->n && is_earlier(d, d->heap[down + 1], d->heap[down]))
            down++;
        if (down >= d->n || !is_earlier(d, d->heap[down], thing))
            break;
        put(d, place, d->heap[down]);
        place = down;
    }
    put(d, place, thing);
}

static void forget(struct rl_deadlines *d, uint32_t thing)
{
    uint32_t place = d->places[thing] - 1, last = d->heap[--d->n];

    d->places[thing] = 0;
    d->at_ns[thing] = RL_NEVER;
    if (last == thing)
        return;
    put(d, place, last);
    settle(d, place);
}

void rl_deadlines_set(struct rl_deadlines *d, uint32_t thing, uint64_t at_ns)
{
    if (at_ns == RL_NEVER) {
        if (d->places[thing] != 0)
            forget(d, thing);
        return;
    }
    d->at_ns[thing] = at_ns;
    if (d->places[thing] == 0)
        put(d, d->n++, thing);
    settle(d, d->places[thing] - 1);
}

bool rl_deadlines_take(struct rl_deadlines *d, uint64_t now_ns, uint32_t *thing)
{
    if (d->n == 0 || d->at_ns[d->heap[0]] > now_ns)
        return false;
    *thing = d->heap[0];
    forget(d, *thing);
    return true;
}
