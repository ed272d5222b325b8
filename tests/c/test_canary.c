#include "base/cpu.h"
#include "check.h"
#include "rig/component/canary.h"

#include <errno.h>
#include <stdlib.h>

#define CELL 64
#define N_CELLS 1024

static struct rl_clock hertz;
static _Alignas(CELL) uint8_t cells[N_CELLS * CELL], again[N_CELLS * CELL];

static void *next_of(void *cell)
{
    return *(void **)cell;
}

/* Shorter rings would be walked within a near cache, and read as a faster memory. */
static void test_the_ring_visits_every_cell_before_it_returns(void)
{
    void *at = cells;
    uint32_t n = 0;

    rl_canary_link(cells, N_CELLS);
    do {
        at = next_of(at);
        n++;
    } while (at != (void *)cells && n <= N_CELLS);
    CHECK_EQ(n, N_CELLS);
}

/* Only so are figures of two days those of the same walk. */
static void test_the_order_of_the_ring_is_always_the_same(void)
{
    rl_canary_link(cells, N_CELLS);
    rl_canary_link(again, N_CELLS);
    for (uint32_t i = 0; i < N_CELLS; i++)
        CHECK_EQ((uint8_t *)next_of(cells + i * CELL) - cells,
                 (uint8_t *)next_of(again + i * CELL) - again);
}

/* A prefetcher would run ahead of neighbours. */
static void test_the_ring_jumps(void)
{
    uint32_t n_near = 0;

    rl_canary_link(cells, N_CELLS);
    for (uint32_t i = 0; i < N_CELLS; i++) {
        ptrdiff_t jump = (uint8_t *)next_of(cells + i * CELL) - (cells + i * CELL);

        n_near += labs((long)jump) <= 2 * CELL;
    }
    CHECK(n_near < N_CELLS / 50);
}

static void test_each_turn_follows_eight_links(void)
{
    void *place = cells, *walked = cells;

    rl_canary_link(cells, N_CELLS);
    CHECK(rl_canary_loads(&place, 5) > 0);
    for (int i = 0; i < 5 * RL_CANARY_LOADS; i++)
        walked = next_of(walked);
    CHECK(place == walked);
}

static void test_a_run_reads_both_kinds(int cpu)
{
    struct rl_canary seen;

    CHECK_EQ(rl_canary_run(cpu, 4000000, &hertz, &seen), 0);
    const struct rl_canary_reading *const both[] = {&seen.cpu, &seen.mem};

    for (size_t i = 0; i < RL_COUNT(both); i++) {
        CHECK(both[i]->n_chunks > 0);
        CHECK(both[i]->n_quiet_chunks <= both[i]->n_chunks);
        CHECK(both[i]->best_uticks > 0 && both[i]->best_uticks <= both[i]->median_uticks);
    }
    CHECK(seen.mem.best_uticks > seen.cpu.best_uticks); /* a miss costs more than an addition */
}

static void test_even_no_time_at_all_is_one_chunk(int cpu)
{
    struct rl_canary seen;

    CHECK_EQ(rl_canary_run(cpu, 0, &hertz, &seen), 0);
    CHECK_EQ(seen.cpu.n_chunks, 1);
    CHECK_EQ(seen.mem.n_chunks, 1);
}

static void test_a_cpu_that_is_not_there_is_refused(void)
{
    struct rl_canary seen;

    CHECK_EQ(rl_canary_run(1023, 1000, &hertz, &seen), -EINVAL);
}

int main(void)
{
    int64_t ppb;
    int cpu;

    CHECK(rl_cpu_allowed(&cpu, 1) >= 1);
    CHECK_EQ(rl_clock_calibrate(&hertz, 10000000, &ppb), 0);
    test_the_ring_visits_every_cell_before_it_returns();
    test_the_order_of_the_ring_is_always_the_same();
    test_the_ring_jumps();
    test_each_turn_follows_eight_links();
    test_a_run_reads_both_kinds(cpu);
    test_even_no_time_at_all_is_one_chunk(cpu);
    test_a_cpu_that_is_not_there_is_refused();
    return 0;
}
