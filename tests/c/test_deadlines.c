/*
 * The next deadline is the earliest one, whatever was set, moved and cleared before.
 */
#include <errno.h>

#include "check.h"
#include "net/loop/deadlines.h"

#define N 37

static struct rl_arena arena;
static struct rl_deadlines d;

static void open_deadlines(void)
{
    CHECK_EQ(rl_arena_open(&arena, rl_deadlines_bytes(N), 0), 0);
    CHECK_EQ(rl_deadlines_init(&d, &arena, N), 0);
    CHECK_EQ(rl_deadlines_next(&d), RL_NEVER);
}

static void test_nothing_is_taken_before_its_time(void)
{
    uint32_t thing;

    open_deadlines();
    rl_deadlines_set(&d, 3, 100);
    CHECK(!rl_deadlines_take(&d, 99, &thing));
    CHECK(rl_deadlines_take(&d, 100, &thing));
    CHECK_EQ(thing, 3);
    CHECK(!rl_deadlines_take(&d, 1000, &thing)); /* once */
    rl_deadlines_set(&d, 3, 100);
    rl_deadlines_set(&d, 3, RL_NEVER);
    rl_deadlines_set(&d, 4, RL_NEVER); /* was not there */
    CHECK(!rl_deadlines_take(&d, 1000, &thing));
    rl_arena_close(&arena);
}

static void test_too_little_memory_is_refused(void)
{
    CHECK_EQ(rl_arena_open(&arena, 4096, 0), 0);
    CHECK_EQ(rl_deadlines_init(&d, &arena, 4096), -ENOMEM);
    rl_arena_close(&arena);
}

static void test_any_sequence_agrees_with_a_plain_list(void)
{
    uint64_t plain[N], seed = 7, now = 0;

    open_deadlines();
    for (int i = 0; i < N; i++)
        plain[i] = RL_NEVER;
    for (int step = 0; step < 200000; step++) {
        uint32_t thing = (uint32_t)(check_random(&seed) % N), taken;
        uint64_t earliest = RL_NEVER;

        if (check_random(&seed) % 3 == 0) {
            now += check_random(&seed) % 20;
            while (rl_deadlines_take(&d, now, &taken)) {
                CHECK(plain[taken] <= now);
                for (int i = 0; i < N; i++)
                    CHECK(plain[i] >= plain[taken]);
                plain[taken] = RL_NEVER;
            }
        } else {
            plain[thing] =
                check_random(&seed) % 5 ? now + check_random(&seed) % 100 : (uint64_t)RL_NEVER;
            rl_deadlines_set(&d, thing, plain[thing]);
        }
        for (int i = 0; i < N; i++)
            earliest = plain[i] < earliest ? plain[i] : earliest;
        CHECK_EQ(rl_deadlines_next(&d), earliest);
    }
    rl_arena_close(&arena);
}

int main(void)
{
    test_nothing_is_taken_before_its_time();
    test_too_little_memory_is_refused();
    test_any_sequence_agrees_with_a_plain_list();
    return 0;
}
