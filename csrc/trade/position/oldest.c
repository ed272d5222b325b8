#include "trade/position/oldest.h"

#include <string.h>

#include "trade/position/ledger.h"

size_t rl_oldest_bytes(uint32_t n_instruments)
{
    return 2 * (size_t)n_instruments * sizeof(uint32_t);
}

void rl_oldest_init(struct rl_oldest *o, void *memory, uint32_t n_instruments)
{
    memset(memory, 0, rl_oldest_bytes(n_instruments));
    o->heap = memory;
    o->at = o->heap + n_instruments;
    o->n = 0;
}

static uint64_t answer(const struct rl_oldest *o, const struct rl_mark *marks)
{
    return o->n > 0 ? marks[o->heap[0]].tsc : UINT64_MAX;
}

static void put(struct rl_oldest *o, uint32_t place, uint32_t instrument)
{
    o->heap[place] = instrument;
    o->at[instrument] = place + 1;
}

/* Finds the instrument its place, which was near `place`. */
static void settle(struct rl_oldest *o, const struct rl_mark *marks, uint32_t place,
                   uint32_t instrument)
{
    uint64_t tsc = marks[instrument].tsc;

    while (place > 0 && marks[o->heap[(place - 1) / 2]].tsc > tsc) {
        put(o, place, o->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * place + 1;

        if (child >= o->n)
            break;
        if (child + 1 < o->n && marks[o->heap[child + 1]].tsc < marks[o->heap[child]].tsc)
            child++;
        if (marks[o->heap[child]].tsc >= tsc)
            break;
        put(o, place, o->heap[child]);
        place = child;
    }
    put(o, place, instrument);
}

uint64_t rl_oldest_enter(struct rl_oldest *o, const struct rl_mark *marks, uint32_t instrument)
{
    o->n++;
    settle(o, marks, o->n - 1, instrument);
    return answer(o, marks);
}

uint64_t rl_oldest_leave(struct rl_oldest *o, const struct rl_mark *marks, uint32_t instrument)
{
    uint32_t place = o->at[instrument] - 1;

    o->at[instrument] = 0;
    o->n--;
    if (place < o->n)
        settle(o, marks, place, o->heap[o->n]);
    return answer(o, marks);
}

uint64_t rl_oldest_marked(struct rl_oldest *o, const struct rl_mark *marks, uint32_t instrument)
{
    if (o->at[instrument] != 0)
        settle(o, marks, o->at[instrument] - 1, instrument);
    return answer(o, marks);
}

bool rl_oldest_holds(const struct rl_oldest *o, const struct rl_mark *marks, uint32_t n_instruments)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < n_instruments; i++) {
        if (o->at[i] == 0)
            continue;
        if (o->at[i] > o->n || o->heap[o->at[i] - 1] != i)
            return false;
        n++;
    }
    if (n != o->n)
        return false;
    for (uint32_t place = 1; place < n; place++)
        if (marks[o->heap[(place - 1) / 2]].tsc > marks[o->heap[place]].tsc)
            return false;
    return true;
}
