#include "rig/trial/outliers.h"

static void rise(struct rl_outlier *heap, uint32_t i)
{
    while (i > 0 && heap[i].ns < heap[(i - 1) / 2].ns) {
        struct rl_outlier other = heap[(i - 1) / 2];

        heap[(i - 1) / 2] = heap[i];
        heap[i] = other;
        i = (i - 1) / 2;
    }
}

static void sink(struct rl_outlier *heap, uint32_t n)
{
    for (uint32_t i = 0, least;; i = least) {
        uint32_t left = 2 * i + 1, right = left + 1;
        struct rl_outlier other = heap[i];

        least = i;
        if (left < n && heap[left].ns < heap[least].ns)
            least = left;
        if (right < n && heap[right].ns < heap[least].ns)
            least = right;
        if (least == i)
            return;
        heap[i] = heap[least];
        heap[least] = other;
    }
}

void rl_outliers_put(struct rl_outliers *o, const struct rl_outlier *one)
{
    if (o->n < o->max) {
        o->heap[o->n] = *one;
        rise(o->heap, o->n++);
    } else {
        o->heap[0] = *one;
        sink(o->heap, o->n);
    }
}
