/* The memory of executions: exactly the last n, whatever their numbers, also when counts wrap. */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "trade/order/execs.h"

#define N_MAX 256

static struct rl_execs x;

static void new_memory(uint64_t n, uint32_t next)
{
    static RL_ALIGNED uint8_t memory[N_MAX * 64];

    CHECK(rl_execs_bytes(n) <= sizeof(memory));
    CHECK_EQ(rl_execs_init(&x, memory, n), 0);
    x.next = next;
}

static void check_sound(void)
{
    const char *why;

    CHECK_EQ(rl_execs_check(&x, &why), 0);
}

/* How a venue may number its executions. */
static uint64_t in_sequence(uint64_t i)
{
    return i;
}

static uint64_t by_the_page(uint64_t i)
{
    return i << 20;
}

static uint64_t from_the_top(uint64_t i)
{
    return ~i;
}

static uint64_t at_random(uint64_t i)
{
    uint64_t state = i * 0x9E3779B97F4A7C15ULL + 1;

    return check_random(&state);
}

/* The i-th number that hashes to the same head as 0: what a hostile venue would draw. */
static uint64_t all_to_one(uint64_t i)
{
    static uint64_t seen[N_MAX], n_seen;
    static uint32_t heads_mask;

    if (heads_mask != x.heads_mask) /* another table: other numbers */
        n_seen = 0;
    heads_mask = x.heads_mask;
    for (uint64_t exec = n_seen == 0 ? 0 : seen[n_seen - 1] + 1; n_seen <= i; exec++)
        if (rl_execs_head(&x, 0, exec) == rl_execs_head(&x, 0, 0))
            seen[n_seen++] = exec;
    return seen[i];
}

static unsigned venue_of(uint64_t i)
{
    return (unsigned)(i % 3);
}

typedef uint64_t numbering(uint64_t i);
static numbering *const NUMBERINGS[] = {in_sequence, by_the_page, from_the_top, at_random,
                                        all_to_one};

static void the_last_n_are_known_and_no_others(uint64_t n, numbering *number, uint32_t next)
{
    new_memory(n, next);
    CHECK(rl_execs_find(&x, 0, number(0)) == NULL);
    for (uint64_t i = 1; i <= 3 * n + 3; i++) {
        CHECK(rl_execs_find(&x, venue_of(i), number(i)) == NULL);
        rl_execs_add(&x, venue_of(i), number(i), 1000 + i, i, -(int64_t)i);
        for (uint64_t j = i > n + 3 ? i - n - 3 : 1; j <= i; j++) {
            const struct rl_exec *e = rl_execs_find(&x, venue_of(j), number(j));

            CHECK_EQ(e != NULL, j + n > i);
            if (e != NULL)
                CHECK(e->id == 1000 + j && e->qty == j && e->px_nano == -(int64_t)j &&
                      e->state == RL_EXEC_STANDS);
            CHECK(rl_execs_find(&x, venue_of(j + 1), number(j)) == NULL); /* other venue */
        }
        check_sound();
    }
    CHECK_EQ(x.n, n);
}

/* A head that was last written 2^32 executions ago looks young again: it must not mislead. */
static void a_head_from_before_the_count_wrapped_finds_nothing(void)
{
    new_memory(8, 100);
    for (uint64_t i = 0; i < 8; i++)
        rl_execs_add(&x, 0, i, 1, 1, 1);
    for (uint64_t i = 0; i < 8; i++) { /* as if 2^32 others had come between */
        struct rl_execs before = x;

        rl_execs_add(&x, 0, 1000 + i, 1, 1, 1);
        CHECK(rl_execs_find(&x, 0, i) == NULL);
        CHECK(rl_execs_find(&x, 0, 1000 + i) != NULL);
        CHECK_EQ(x.next, before.next + 1);
    }
    /* Heads that point anywhere, links that point to each other: the search ends. */
    for (uint32_t h = 0; h < 32; h++)
        x.heads[h] = x.next - 1 - h % 8;
    for (uint32_t i = 0; i < 8; i++)
        x.ring[i].older = x.next - 1 - (i * 5) % 8;
    for (uint64_t i = 0; i < 100; i++)
        CHECK(rl_execs_find(&x, 1, i) == NULL);
}

static void a_new_execution_is_told_by_one_head(numbering *number, uint64_t n_others_max)
{
    uint64_t n_others = 0;

    new_memory(N_MAX, 1);
    for (uint64_t i = 1; i <= 4000; i++) {
        n_others += x.next - *rl_execs_head(&x, 0, number(i)) <= x.n;
        rl_execs_add(&x, 0, number(i), 1, 1, 1);
    }
    CHECK(n_others <= n_others_max);
}

static void the_hash_is_of_what_is_remembered(void)
{
    uint64_t hash;

    new_memory(4, 1);
    for (uint64_t i = 0; i < 9; i++)
        rl_execs_add(&x, 0, i, 1, 1, 1);
    hash = rl_execs_hash(&x);
    new_memory(4, UINT32_MAX); /* another history, the same end */
    for (uint64_t i = 5; i < 9; i++)
        rl_execs_add(&x, 0, i, 1, 1, 1);
    CHECK(rl_execs_hash(&x) == hash);
    rl_execs_add(&x, 0, 9, 1, 1, 1);
    CHECK(rl_execs_hash(&x) != hash);
}

int main(void)
{
    for (size_t i = 0; i < RL_COUNT(NUMBERINGS); i++) {
        the_last_n_are_known_and_no_others(2, NUMBERINGS[i], 1);
        the_last_n_are_known_and_no_others(64, NUMBERINGS[i], 1);
        the_last_n_are_known_and_no_others(64, NUMBERINGS[i], UINT32_MAX - 70);
    }
    a_head_from_before_the_count_wrapped_finds_nothing();
    a_new_execution_is_told_by_one_head(in_sequence, 0);
    a_new_execution_is_told_by_one_head(at_random, 1000);
    the_hash_is_of_what_is_remembered();
    return 0;
}
