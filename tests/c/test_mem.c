#include "base/mem.h"
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

static void test_an_arena_hands_out_aligned_zeroed_disjoint_pieces_until_it_is_exhausted(void)
{
    struct rl_arena a;

    CHECK_EQ(rl_arena_open(&a, 100000, RL_ARENA_PREFAULT), 0);
    CHECK(a.n_bytes >= 100000);
    CHECK((a.obtained & RL_ARENA_PREFAULT) != 0);
    uint8_t *one = rl_arena_take(&a, 3, 1), *two = rl_arena_take(&a, 100, 0);
    uint8_t *three = rl_arena_take(&a, 10, 4096);

    CHECK(one != NULL && two != NULL && three != NULL);
    CHECK_EQ((uintptr_t)two % 64, 0);
    CHECK_EQ((uintptr_t)three % 4096, 0);
    CHECK(two >= one + 3 && three >= two + 100);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(two[i], 0);
    CHECK(rl_arena_take(&a, rl_arena_left(&a) + 1, 1) == NULL);
    CHECK(rl_arena_take(&a, SIZE_MAX, 1) == NULL);
    CHECK(rl_arena_take(&a, rl_arena_left(&a), 1) != NULL);
    CHECK_EQ(rl_arena_left(&a), 0);
    CHECK(rl_arena_take(&a, 1, 1) == NULL);
    rl_arena_close(&a);
    rl_arena_close(&a);
    CHECK(rl_arena_take(&a, 1, 1) == NULL);
}

static void test_an_arena_of_nothing_or_of_everything_is_refused(void)
{
    struct rl_arena a;

    CHECK_EQ(rl_arena_open(&a, 0, 0), -EINVAL);
    CHECK_EQ(rl_arena_open(&a, SIZE_MAX, RL_ARENA_THP), -ENOMEM);
    CHECK_EQ(rl_arena_open(&a, (size_t)1 << 60, RL_ARENA_THP), -ENOMEM);
    CHECK(rl_arena_take(&a, 1, 1) == NULL);
    rl_arena_close(&a);
}

static void test_what_was_obtained_is_never_more_than_what_was_asked_or_implied(void)
{
    static const uint32_t flags[] = {0, RL_ARENA_PREFAULT, RL_ARENA_LOCK, RL_ARENA_ALL,
                                     RL_ARENA_ALL | RL_ARENA_HUGETLB};

    for (size_t i = 0; i < RL_COUNT(flags); i++) {
        struct rl_arena a;

        CHECK_EQ(rl_arena_open(&a, 4 << 20, flags[i]), 0);
        uint32_t implied = (flags[i] & RL_ARENA_LOCK) != 0 ? RL_ARENA_PREFAULT : 0;

        CHECK_EQ(a.obtained & ~(flags[i] | implied), 0);
        CHECK_EQ(a.asked, flags[i]);
        memset(a.base, 1, a.n_bytes);
        rl_arena_close(&a);
    }
}

/* Faults of this thread while it writes one byte a page. */
static uint64_t faults_of_touching(uint8_t *bytes, size_t n_bytes)
{
    struct rl_usage before = rl_usage_now();

    for (size_t i = 0; i < n_bytes; i += 4096)
        ((volatile uint8_t *)bytes)[i] = 1;
    return rl_usage_diff(before, rl_usage_now()).minflt;
}

static void test_a_prefaulted_arena_takes_no_page_fault_and_a_seeded_one_is_seen(void)
{
    const size_t n_bytes = 64 * 4096;
    struct rl_arena warm;
    void *cold = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(cold != MAP_FAILED);
    CHECK_EQ(madvise(cold, n_bytes, MADV_NOHUGEPAGE), 0);
    CHECK_EQ(rl_arena_open(&warm, n_bytes, RL_ARENA_PREFAULT | RL_ARENA_LOCK), 0);
    faults_of_touching(warm.base, 1); /* the sanitizers' shadow of this code path */
    CHECK_EQ(faults_of_touching(warm.base, warm.n_bytes), 0);
    CHECK(faults_of_touching(cold, n_bytes) >= 64);
    munmap(cold, n_bytes);
    rl_arena_close(&warm);
}

/* Out of the optimiser's sight: a malloc whose result is only freed may be removed. */
static void *volatile escaped;

static void test_a_seeded_allocation_is_caught_and_an_unarmed_one_is_not_counted(void)
{
    CHECK(rl_trap_is_linked());
    escaped = malloc(10);
    free(escaped);
    rl_trap_arm();
    CHECK_EQ(rl_trap_count(), 0);
    escaped = malloc(10);
    CHECK_EQ(rl_trap_count(), 1);
    escaped = realloc(escaped, 10000);
    CHECK_EQ(rl_trap_count(), 2);
    free(escaped);
    CHECK_EQ(rl_trap_count(), 3);
    escaped = calloc(3, 5);
    CHECK_EQ(rl_trap_count(), 4);
    rl_trap_disarm();
    free(escaped);
    escaped = aligned_alloc(64, 64);
    free(escaped);
    CHECK_EQ(rl_trap_count(), 4);
    CHECK_EQ(rl_usage_now().n_allocs, 4);
    rl_trap_arm();
    escaped = aligned_alloc(64, 64);
    free(escaped);
    free(NULL);
    rl_trap_disarm();
    CHECK_EQ(rl_trap_count(), 2);
}

static void test_bytes_that_were_not_given_back_are_counted_to_the_block(void)
{
    void *volatile before = malloc(24);

    rl_trap_arm();
    CHECK_EQ(rl_usage_now().n_heap_bytes, 0);
    escaped = malloc(24);
    int64_t n_one = rl_usage_now().n_heap_bytes;

    CHECK(n_one >= 24 && n_one < 64);
    escaped = realloc(escaped, 5000);
    CHECK(rl_usage_now().n_heap_bytes >= 5000);
    free(escaped);
    CHECK_EQ(rl_usage_now().n_heap_bytes, 0);
    escaped = calloc(3, 8);
    CHECK_EQ(rl_usage_now().n_heap_bytes, n_one);
    free(before); /* taken before it was armed */
    CHECK_EQ(rl_usage_now().n_heap_bytes, 0);
    rl_trap_disarm();
    free(escaped);
    CHECK_EQ(rl_usage_now().n_heap_bytes, 0);
}

static void *allocate_unarmed(void *arg)
{
    for (int i = 0; i < 100; i++) {
        escaped = malloc(10);
        free(escaped);
    }
    *(uint64_t *)arg = rl_trap_count();
    return NULL;
}

static void test_the_trap_of_one_thread_does_not_count_for_another(void)
{
    uint64_t seen = 99;
    pthread_t other;

    CHECK_EQ(pthread_create(&other, NULL, allocate_unarmed, &seen), 0);
    rl_trap_arm(); /* while the other one allocates */
    pthread_join(other, NULL);
    rl_trap_disarm();
    CHECK_EQ(seen, 0);
    CHECK_EQ(rl_trap_count(), 0);
}

int main(void)
{
    test_an_arena_hands_out_aligned_zeroed_disjoint_pieces_until_it_is_exhausted();
    test_an_arena_of_nothing_or_of_everything_is_refused();
    test_what_was_obtained_is_never_more_than_what_was_asked_or_implied();
    test_a_prefaulted_arena_takes_no_page_fault_and_a_seeded_one_is_seen();
    test_a_seeded_allocation_is_caught_and_an_unarmed_one_is_not_counted();
    test_bytes_that_were_not_given_back_are_counted_to_the_block();
    test_the_trap_of_one_thread_does_not_count_for_another();
    return 0;
}
