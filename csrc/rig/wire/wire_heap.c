#include "rig/wire/wire_inner.h"

static bool is_before(const struct rl_wire_due *a, const struct rl_wire_due *b)
{
    return a->tsc != b->tsc ? a->tsc < b->tsc : a->order < b->order;
}

void rl_wire_heap_push(struct rl_wire_way *way, struct rl_wire_due due)
{
    struct rl_wire_due *heap = way->heap;
    uint32_t at = way->n_heap++;

    /* Frames mostly come in the order in which they leave: the loop ends at once. */
    while (at > 0 && is_before(&due, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = due;
}

struct rl_wire_due rl_wire_heap_pop(struct rl_wire_way *way)
{
    struct rl_wire_due *heap = way->heap, first = heap[0], last = heap[--way->n_heap];
    uint32_t at = 0, child;

    while ((child = 2 * at + 1) < way->n_heap) {
        if (child + 1 < way->n_heap && is_before(&heap[child + 1], &heap[child]))
            child++;
        if (!is_before(&heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}
