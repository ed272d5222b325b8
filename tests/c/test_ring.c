/*
 * The ring keeps order and content at every size and pace, and never hands out an unread slot.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ring.h"
#include "spin.h"

#define MAX_SLOTS 1024
#define N_WORDS 7

/* A record that shows where it was torn: each word depends on the position and on its place. */
struct record {
    uint64_t ring_s;
    uint64_t word[N_WORDS];
};

static _Alignas(64) uint8_t slots[MAX_SLOTS * RL_RING_SLOT_BYTES];
static struct rl_ring ring;

static uint64_t word_of(uint64_t position, int i)
{
    return (position + 1) * 0x9E3779B97F4A7C15ULL + (uint64_t)i;
}

static bool try_push(uint64_t position)
{
    struct record *record = rl_ring_claim(&ring);

    if (record == NULL)
        return false;
    for (int i = 0; i < N_WORDS; i++)
        record->word[i] = word_of(position, i);
    rl_ring_commit(&ring);
    return true;
}

static void check_record(const struct record *record, uint64_t position)
{
    for (int i = 0; i < N_WORDS; i++)
        CHECK_EQ(record->word[i], word_of(position, i));
}

static bool try_pop(uint64_t position)
{
    const struct record *record = rl_ring_peek(&ring);

    if (record == NULL)
        return false;
    check_record(record, position);
    rl_ring_release(&ring);
    return true;
}

static void test_a_size_that_is_no_power_of_two_is_refused(void)
{
    CHECK_EQ(rl_ring_init(&ring, slots, 0), -EINVAL);
    CHECK_EQ(rl_ring_init(&ring, slots, 3), -EINVAL);
    CHECK_EQ(rl_ring_init(&ring, slots, (UINT64_C(1) << 32) + 1), -EINVAL);
    CHECK_EQ(rl_ring_init(&ring, slots, UINT64_C(1) << 33), -EINVAL);
    CHECK_EQ(rl_ring_init(&ring, slots, 1), 0);
}

static void test_slots_that_straddle_cache_lines_are_refused(void)
{
    CHECK_EQ(rl_ring_init(&ring, slots + 8, 8), -EINVAL);
    CHECK_EQ(rl_ring_init(&ring, NULL, 8), -EINVAL);
}

static void test_a_ring_takes_exactly_its_slots(uint64_t n_slots)
{
    uint64_t n = 0;

    CHECK_EQ(rl_ring_init(&ring, slots, n_slots), 0);
    CHECK(!try_pop(0));
    while (try_push(n))
        n++;
    CHECK_EQ(n, n_slots);
    CHECK(rl_ring_claim(&ring) == NULL); /* still full */
    for (uint64_t i = 0; i < n_slots; i++)
        CHECK(try_pop(i));
    CHECK(!try_pop(n_slots));
    CHECK_EQ(rl_ring_n_free(&ring), n_slots);
}

static void test_a_slot_claimed_twice_is_the_same_slot(void)
{
    CHECK_EQ(rl_ring_init(&ring, slots, 8), 0);
    CHECK(rl_ring_claim(&ring) == rl_ring_claim(&ring));
    CHECK(rl_ring_peek(&ring) == NULL); /* claimed is not committed */
}

static void test_a_peeked_record_stays_until_it_is_released(void)
{
    CHECK_EQ(rl_ring_init(&ring, slots, 4), 0);
    for (uint64_t i = 0; i < 4; i++)
        CHECK(try_push(i));
    CHECK(rl_ring_peek(&ring) == rl_ring_peek(&ring));
    CHECK(!try_push(4)); /* peeking freed nothing */
    rl_ring_release(&ring);
    rl_ring_publish(&ring);
    CHECK(try_push(4));
    CHECK(!try_push(5));
    check_record(rl_ring_peek(&ring), 1);
}

/* What the lazy head may hide, and the two ways in which it comes out. */
static void test_a_lagging_head_hides_less_than_a_stride_and_shows_on_request(uint64_t n_slots)
{
    uint64_t stride, n = 0;

    CHECK_EQ(rl_ring_init(&ring, slots, n_slots), 0);
    stride = ring.stride;
    CHECK(stride >= 1 && (stride == 1 || stride <= n_slots / 4));
    while (try_push(n))
        n++;
    for (uint64_t i = 0; i < stride - 1; i++)
        CHECK(try_pop(i));
    CHECK_EQ(rl_ring_n_free(&ring), 0);
    rl_ring_publish(&ring);
    CHECK_EQ(rl_ring_n_free(&ring), stride - 1);
    for (uint64_t i = stride - 1; i < n; i++)
        CHECK(try_pop(i));
    CHECK(!try_pop(n)); /* finding the ring empty publishes, too */
    CHECK_EQ(rl_ring_n_free(&ring), n_slots);
}

/* The producer fills the ring to the brim: each push overwrites the slot that was just read. */
static void test_wrapping_with_the_reader_close_behind_loses_nothing(uint64_t n_slots)
{
    uint64_t random = 7 + n_slots, pushed = 0, popped = 0;

    CHECK_EQ(rl_ring_init(&ring, slots, n_slots), 0);
    while (popped < 20 * n_slots + 1000) {
        while (try_push(pushed))
            pushed++;
        CHECK(pushed - popped <= n_slots);
        for (uint64_t n = check_random(&random) % (n_slots + 2); n > 0 && try_pop(popped); n--)
            popped++;
        CHECK(popped <= pushed);
    }
    while (try_pop(popped))
        popped++;
    CHECK_EQ(popped, pushed);
}

static void test_a_commit_into_a_full_ring_stops_the_process(void)
{
    int status;
    pid_t child;

    CHECK_EQ(rl_ring_init(&ring, slots, 2), 0);
    CHECK(try_push(0) && try_push(1));
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};

        setrlimit(RLIMIT_CORE, &no_core);
        rl_ring_commit(&ring);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    /* A sanitizer may turn the trap into an exit. */
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
    CHECK(try_pop(0) && try_pop(1));
}

struct race {
    uint64_t n_records;
    enum spin_pace pace;
};

static void *consume(void *arg)
{
    const struct race *race = arg;
    uint64_t random = 11;
    uint32_t n_turns = 0;

    for (uint64_t i = 0; i < race->n_records; i++) {
        while (!try_pop(i))
            spin_wait(&n_turns);
        spin_dawdle(race->pace, &random);
    }
    return NULL;
}

static void test_two_threads_agree_on_every_record(uint64_t n_slots, enum spin_pace producer,
                                                   enum spin_pace consumer)
{
    /* Many laps; few enough that a busy machine, where each full ring costs a turn, gets there. */
    struct race race = {.n_records = 1000 + 16 * n_slots, .pace = consumer};
    uint64_t random = 13;
    uint32_t n_turns = 0;
    pthread_t thread;

    CHECK_EQ(rl_ring_init(&ring, slots, n_slots), 0);
    CHECK_EQ(pthread_create(&thread, NULL, consume, &race), 0);
    for (uint64_t i = 0; i < race.n_records; i++) {
        while (!try_push(i))
            spin_wait(&n_turns);
        spin_dawdle(producer, &random);
    }
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(!try_pop(race.n_records));
}

int main(void)
{
    static const uint64_t sizes[] = {1, 2, 4, 8, 16, 64, MAX_SLOTS};

    test_a_size_that_is_no_power_of_two_is_refused();
    test_slots_that_straddle_cache_lines_are_refused();
    test_a_slot_claimed_twice_is_the_same_slot();
    test_a_peeked_record_stays_until_it_is_released();
    test_a_commit_into_a_full_ring_stops_the_process();
    for (size_t i = 0; i < RL_COUNT(sizes); i++) {
        test_a_ring_takes_exactly_its_slots(sizes[i]);
        test_a_lagging_head_hides_less_than_a_stride_and_shows_on_request(sizes[i]);
        test_wrapping_with_the_reader_close_behind_loses_nothing(sizes[i]);
        for (int pace = 0; pace < N_PACES * N_PACES; pace++)
            test_two_threads_agree_on_every_record(sizes[i], (enum spin_pace)(pace / N_PACES),
                                                   (enum spin_pace)(pace % N_PACES));
    }
    return 0;
}
