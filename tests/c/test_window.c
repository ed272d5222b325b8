/* Parked packets come back in the order of their numbers, whole, whatever order they came in. */
#include "check.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "market/feed/window.h"

static struct rl_arena arena;
static struct rl_window window;

static void open_with(uint32_t n_packets, uint64_t n_bytes)
{
    CHECK_EQ(rl_arena_open(&arena, rl_window_bytes(n_packets, n_bytes), 0), 0);
    CHECK_EQ(rl_window_init(&window, &arena, n_packets, n_bytes), 0);
}

static enum rl_park park(uint64_t first, uint64_t n, uint32_t n_bytes)
{
    struct rl_packet p = {.previous = first - 1, .next = first + n};
    const struct rl_parked *twin = NULL;
    uint8_t *bytes = malloc(n_bytes ? n_bytes : 1);
    enum rl_park result;

    CHECK(bytes != NULL);
    memset(bytes, (int)(first * 7 + n) & 0xFF, n_bytes);
    result = rl_window_park(&window, &p, bytes, n_bytes, (uint8_t)(first % 4), first * 10, &twin);
    free(bytes);
    CHECK(result != RL_PARK_THERE ||
          (twin->head.previous == p.previous && twin->head.next == p.next));
    return result;
}

/* The front is that packet, byte for byte; then it goes. */
static void check_pop(uint64_t first, uint64_t n, uint32_t n_bytes)
{
    const struct rl_parked *e = rl_window_front(&window);
    const uint8_t *bytes;

    CHECK(e != NULL);
    CHECK_EQ(e->head.previous + 1, first);
    CHECK_EQ(e->head.next, first + n);
    CHECK_EQ(e->n_bytes, n_bytes);
    CHECK_EQ(e->at_ns, first * 10);
    CHECK_EQ(e->line, first % 4);
    bytes = rl_window_packet(&window, e);
    for (uint32_t i = 0; i < n_bytes; i++)
        CHECK_EQ(bytes[i], (first * 7 + n) & 0xFF);
    rl_window_pop(&window);
}

static void test_packets_leave_in_the_order_of_their_numbers(void)
{
    static const uint64_t order[] = {5, 3, 9, 1, 7};

    open_with(8, 4096);
    CHECK(rl_window_front(&window) == NULL);
    for (unsigned i = 0; i < RL_COUNT(order); i++)
        CHECK_EQ(park(order[i], 2, 100), RL_PARK_OK);
    CHECK_EQ(park(3, 2, 100), RL_PARK_THERE);
    CHECK_EQ(park(3, 1, 50), RL_PARK_OK); /* begins alike, ends earlier: another packet */
    check_pop(1, 2, 100);
    check_pop(3, 1, 50);
    check_pop(3, 2, 100);
    check_pop(5, 2, 100);
    rl_window_clear(&window);
    CHECK(rl_window_front(&window) == NULL);
    CHECK_EQ(window.n_high, 6);
    rl_arena_close(&arena);
}

static void test_what_does_not_fit_is_refused_and_nothing_else_changes(void)
{
    open_with(3, 4096);
    CHECK_EQ(park(1, 1, 5000), RL_PARK_FULL);
    CHECK_EQ(park(1, 1, 4080), RL_PARK_OK); /* with its header, the whole ring */
    CHECK_EQ(park(2, 1, 0), RL_PARK_FULL);
    check_pop(1, 1, 4080);
    for (uint64_t i = 0; i < 3; i++)
        CHECK_EQ(park(10 + i, 1, 10), RL_PARK_OK);
    CHECK_EQ(park(20, 1, 10), RL_PARK_FULL);
    CHECK_EQ(park(11, 1, 10), RL_PARK_THERE);
    check_pop(10, 1, 10);
    CHECK_EQ(park(20, 1, 10), RL_PARK_OK);
    rl_arena_close(&arena);
}

/* Random parking and popping beside a sorted list: sizes that wrap the ring at every place. */
static void test_a_window_agrees_with_a_sorted_list(void)
{
    struct {
        uint64_t first;
        uint32_t n_bytes;
    } list[64];
    uint64_t random = 7, n_full = 0, n_there = 0, n_popped = 0;
    uint32_t n = 0;

    open_with(40, 4096);
    for (uint32_t step = 0; step < 200000; step++) {
        if (n > 0 && check_random(&random) % 16 < 7 + (step / 1000) % 3) {
            check_pop(list[0].first, 1, list[0].n_bytes);
            memmove(list, list + 1, --n * sizeof list[0]);
            n_popped++;
        } else {
            uint64_t first = 1 + step / 100 + check_random(&random) % 200;
            uint32_t n_bytes = (uint32_t)(check_random(&random) % 400), at = 0;
            enum rl_park result;

            if (step % 50 == 0)
                n_bytes *= 8;
            while (at < n && list[at].first < first)
                at++;
            result = park(first, 1, n_bytes);
            n_full += result == RL_PARK_FULL;
            n_there += result == RL_PARK_THERE;
            CHECK_EQ(result == RL_PARK_THERE, at < n && list[at].first == first);
            if (result == RL_PARK_OK) {
                memmove(list + at + 1, list + at, (n - at) * sizeof list[0]);
                list[at].first = first;
                list[at].n_bytes = n_bytes;
                n++;
            }
        }
        CHECK_EQ(window.n, n);
    }
    CHECK(n_full > 1000 && n_there > 1000 && n_popped > 10000);
    rl_arena_close(&arena);
}

static void test_sizes_that_cannot_be_are_refused(void)
{
    struct rl_arena small;

    CHECK_EQ(rl_window_bytes(0, 100), 0);
    CHECK_EQ(rl_window_bytes(100, 0), 0);
    CHECK_EQ(rl_window_bytes(1, 1ULL << 40), 0);
    CHECK_EQ(rl_arena_open(&small, 4096, 0), 0);
    CHECK_EQ(rl_window_init(&window, &small, 0, 1), -EINVAL);
    CHECK_EQ(rl_window_init(&window, &small, 1000, 1 << 20), -ENOMEM);
    rl_arena_close(&small);
}

int main(void)
{
    test_packets_leave_in_the_order_of_their_numbers();
    test_what_does_not_fit_is_refused_and_nothing_else_changes();
    test_a_window_agrees_with_a_sorted_list();
    test_sizes_that_cannot_be_are_refused();
    return 0;
}
