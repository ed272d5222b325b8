/* The slowest are kept, whatever the order in which they come. */
#include "rig/trial/outliers.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

static int by_ns_falling(const void *a, const void *b)
{
    uint64_t x = ((const struct rl_outlier *)a)->ns, y = ((const struct rl_outlier *)b)->ns;

    return (x < y) - (x > y);
}

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void offer(struct rl_outliers *o, uint64_t ns, uint64_t seq)
{
    struct rl_outlier one = {
        .ns = ns, .seq = seq, .intended_tsc = seq * 10, .received_tsc = seq * 10 + ns};

    if (rl_outliers_wants(o, ns))
        rl_outliers_put(o, &one);
}

static void test_of_many_the_largest_are_kept(uint32_t max, uint32_t n)
{
    struct rl_outlier heap[64], all[2000];
    struct rl_outliers o = {.heap = heap, .max = max};
    uint64_t state = 88172645463325252ULL + max;

    for (uint32_t i = 0; i < n; i++) {
        all[i] = (struct rl_outlier){.ns = next(&state) % 500, .seq = i};
        offer(&o, all[i].ns, i);
    }
    qsort(all, n, sizeof all[0], by_ns_falling);
    qsort(heap, o.n, sizeof heap[0], by_ns_falling);
    CHECK_EQ(o.n, n < max ? n : max);
    for (uint32_t i = 0; i < o.n; i++) {
        CHECK_EQ(heap[i].ns, all[i].ns);
        CHECK_EQ(heap[i].received_tsc - heap[i].intended_tsc, heap[i].ns); /* kept whole */
    }
}

static void test_rising_and_falling_runs_end_alike(void)
{
    struct rl_outlier up[8], down[8];
    struct rl_outliers a = {.heap = up, .max = 8}, b = {.heap = down, .max = 8};

    for (uint64_t i = 1; i <= 100; i++) {
        offer(&a, i, i);
        offer(&b, 101 - i, i);
    }
    qsort(up, 8, sizeof up[0], by_ns_falling);
    qsort(down, 8, sizeof down[0], by_ns_falling);
    for (uint32_t i = 0; i < 8; i++)
        CHECK_EQ(up[i].ns, down[i].ns);
    CHECK_EQ(up[7].ns, 93);
}

static void test_no_room_keeps_nothing(void)
{
    struct rl_outliers o = {0};

    CHECK(!rl_outliers_wants(&o, UINT64_MAX));
}

int main(void)
{
    test_of_many_the_largest_are_kept(1, 500);
    test_of_many_the_largest_are_kept(7, 2000);
    test_of_many_the_largest_are_kept(64, 2000);
    test_of_many_the_largest_are_kept(64, 10);
    test_rising_and_falling_runs_end_alike();
    test_no_room_keeps_nothing();
    return 0;
}
