/*
 * The record ring gives back every record whole and in order, at every length and position, and
 * never writes where an unread record lies.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/record_ring.h"
#include "spin.h"

#define MAX_BYTES 65536

static _Alignas(64) uint8_t bytes[MAX_BYTES];
static struct rl_record_ring ring;

/* Content that looks like headers: a consumer that reads payload as a header goes astray. */
static void fill(uint8_t *payload, uint32_t n_bytes, uint64_t id)
{
    for (uint32_t i = 0; i < n_bytes; i += 8) {
        uint64_t word = (id % 3 == 0 ? RL_RECORD_SKIP : RL_RECORD_HERE) | ((id + i) & 0xFF);

        memcpy(payload + i, &word, n_bytes - i < 8 ? n_bytes - i : 8);
    }
}

static void check_filled(const uint8_t *payload, uint32_t n_bytes, uint64_t id)
{
    for (uint32_t i = 0; i < n_bytes; i += 8) {
        uint64_t word = (id % 3 == 0 ? RL_RECORD_SKIP : RL_RECORD_HERE) | ((id + i) & 0xFF);

        CHECK(memcmp(payload + i, &word, n_bytes - i < 8 ? n_bytes - i : 8) == 0);
    }
}

/* Scribbles over all that was claimed, as a careless user may, before it writes the record. */
static const uint8_t *try_push(uint32_t n_claim, uint32_t n_used, uint64_t id)
{
    uint8_t *payload = rl_record_ring_claim(&ring, n_claim);

    if (payload == NULL)
        return NULL;
    CHECK_EQ((uintptr_t)payload % 8, 0);
    CHECK(payload >= bytes && payload + n_claim <= bytes + ring.mask + 1);
    memset(payload, 0xEE, n_claim);
    fill(payload, n_used, id);
    rl_record_ring_commit(&ring, n_used);
    return payload;
}

static void test_a_bad_size_is_refused(void)
{
    CHECK_EQ(rl_record_ring_init(&ring, bytes, 0), -EINVAL);
    CHECK_EQ(rl_record_ring_init(&ring, bytes, 32), -EINVAL);
    CHECK_EQ(rl_record_ring_init(&ring, bytes, 96), -EINVAL);
    CHECK_EQ(rl_record_ring_init(&ring, bytes, UINT64_C(1) << 33), -EINVAL);
    CHECK_EQ(rl_record_ring_init(&ring, bytes + 8, 64), -EINVAL);
    CHECK_EQ(rl_record_ring_init(&ring, NULL, 64), -EINVAL);
    CHECK_EQ(rl_record_ring_init(&ring, bytes, 64), 0);
}

static void test_the_largest_record_fits_wherever_the_tail_is(uint64_t n_bytes)
{
    uint32_t n_max, n_seen;

    CHECK_EQ(rl_record_ring_init(&ring, bytes, n_bytes), 0);
    n_max = rl_record_ring_max(&ring);
    CHECK_EQ(n_max, n_bytes / 2 - 8);
    for (uint64_t i = 0; i < 4 * n_bytes / 8; i++) {
        /* Steps of 24 bytes, three words, visit every position of a power of two. */
        CHECK(try_push(16, 16, i));
        check_filled(rl_record_ring_peek(&ring, &n_seen), 16, i);
        rl_record_ring_release(&ring);
        CHECK(rl_record_ring_peek(&ring, &n_seen) == NULL);

        CHECK(try_push(n_max, n_max, i + 1));
        check_filled(rl_record_ring_peek(&ring, &n_seen), n_max, i + 1);
        CHECK_EQ(n_seen, n_max);
        rl_record_ring_release(&ring);
        CHECK(rl_record_ring_peek(&ring, &n_seen) == NULL);
    }
    CHECK_EQ(ring.n_full, 0);
    CHECK_EQ(ring.n_too_large, 0);
}

static void test_a_record_that_can_never_fit_is_refused_and_told_from_a_full_ring(void)
{
    uint32_t n_max;

    CHECK_EQ(rl_record_ring_init(&ring, bytes, 1024), 0);
    n_max = rl_record_ring_max(&ring);
    CHECK(rl_record_ring_claim(&ring, n_max + 1) == NULL);
    CHECK(rl_record_ring_claim(&ring, UINT32_MAX) == NULL);
    CHECK_EQ(ring.n_too_large, 2);
    CHECK_EQ(ring.n_full, 0);
    CHECK(try_push(n_max, n_max, 1)); /* the refusal changed nothing */
    CHECK(rl_record_ring_claim(&ring, n_max) == NULL);
    CHECK_EQ(ring.n_too_large, 2);
    CHECK_EQ(ring.n_full, 1);
}

static void test_an_empty_record_is_a_record(void)
{
    uint32_t n_bytes = 9;

    CHECK_EQ(rl_record_ring_init(&ring, bytes, 64), 0);
    for (int i = 0; i < 100; i++) {
        CHECK(try_push(0, 0, 0));
        CHECK(rl_record_ring_peek(&ring, &n_bytes) != NULL);
        CHECK_EQ(n_bytes, 0);
        rl_record_ring_release(&ring);
        CHECK(rl_record_ring_peek(&ring, &n_bytes) == NULL);
    }
}

static void test_a_dropped_claim_leaves_no_trace(void)
{
    uint32_t n_bytes;

    CHECK_EQ(rl_record_ring_init(&ring, bytes, 256), 0);
    for (uint64_t i = 0; i < 200; i++) {
        CHECK(rl_record_ring_claim(&ring, 100) != NULL);
        CHECK(rl_record_ring_peek(&ring, &n_bytes) == NULL);
        CHECK(try_push(40, 5, i)); /* and the rest of a claim is given back */
        check_filled(rl_record_ring_peek(&ring, &n_bytes), 5, i);
        CHECK_EQ(n_bytes, 5);
        rl_record_ring_release(&ring);
    }
    CHECK_EQ(ring.tail, ring.head);
}

static void test_a_burst_is_read_before_any_of_it_is_released(void)
{
    uint32_t n_bytes;

    CHECK_EQ(rl_record_ring_init(&ring, bytes, 1024), 0);
    for (uint64_t i = 0; i < 3; i++)
        CHECK(try_push(100, 100, i));
    for (uint64_t i = 0; i < 3; i++)
        check_filled(rl_record_ring_next(&ring, &n_bytes), 100, i);
    CHECK(rl_record_ring_next(&ring, &n_bytes) == NULL);
    CHECK_EQ(atomic_load(&ring.head_published), 0); /* reading on frees nothing */
    rl_record_ring_release(&ring);
    rl_record_ring_release(&ring); /* nothing new was read: nothing happens */
    CHECK(rl_record_ring_peek(&ring, &n_bytes) == NULL);
    CHECK_EQ(atomic_load(&ring.head_published), ring.tail);
}

static void expect_trap(void (*misuse)(void))
{
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};

        setrlimit(RLIMIT_CORE, &no_core);
        misuse();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    /* A sanitizer may turn the trap into an exit. */
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}

static void commit_without_a_claim(void)
{
    rl_record_ring_commit(&ring, 0);
}

static void commit_more_than_was_claimed(void)
{
    rl_record_ring_claim(&ring, 8);
    rl_record_ring_commit(&ring, 9);
}

static void test_a_commit_beyond_the_claim_stops_the_process(void)
{
    CHECK_EQ(rl_record_ring_init(&ring, bytes, 1024), 0);
    expect_trap(commit_without_a_claim);
    expect_trap(commit_more_than_was_claimed);
}

/*
 * Against a plain queue: after every push all unread records are looked at where they lie. The
 * producer pushes until it is refused, so the ring is nearly full whenever it wraps.
 */
static void test_no_unread_record_is_ever_overwritten(uint64_t n_bytes, uint64_t seed)
{
    static struct {
        const uint8_t *payload;
        uint32_t n_bytes;
    } unread[MAX_BYTES / 8];
    uint64_t random = seed, pushed = 0, popped = 0;
    uint32_t n_max, n_seen;

    CHECK_EQ(rl_record_ring_init(&ring, bytes, n_bytes), 0);
    n_max = rl_record_ring_max(&ring);
    while (popped < 2000) {
        for (;;) {
            uint32_t n_limit = check_random(&random) % 4 == 0 ? n_max : n_max / 4;
            uint32_t n_claim = (uint32_t)(check_random(&random) % (n_limit + 1));
            uint32_t n_used = n_claim - (uint32_t)(check_random(&random) % (n_claim / 4 + 1));
            const uint8_t *payload = try_push(n_claim, n_used, pushed);

            if (payload == NULL)
                break;
            unread[pushed % RL_COUNT(unread)].payload = payload;
            unread[pushed % RL_COUNT(unread)].n_bytes = n_used;
            pushed++;
            CHECK(pushed - popped < RL_COUNT(unread));
            for (uint64_t i = popped; i < pushed; i++)
                check_filled(unread[i % RL_COUNT(unread)].payload,
                             unread[i % RL_COUNT(unread)].n_bytes, i);
        }
        for (uint64_t n = check_random(&random) % 4; n > 0; n--) {
            const uint8_t *payload = rl_record_ring_peek(&ring, &n_seen);

            if (payload == NULL)
                break;
            CHECK(popped < pushed);
            CHECK(payload == unread[popped % RL_COUNT(unread)].payload);
            CHECK_EQ(n_seen, unread[popped % RL_COUNT(unread)].n_bytes);
            rl_record_ring_release(&ring);
            popped++;
        }
        if (check_random(&random) % 2 == 0)
            rl_record_ring_publish(&ring);
    }
    CHECK(ring.n_full > 100); /* it was full, again and again */
    while (rl_record_ring_peek(&ring, &n_seen) != NULL) {
        rl_record_ring_release(&ring);
        popped++;
    }
    CHECK_EQ(popped, pushed);
}

struct race {
    uint64_t n_records;
    enum spin_pace pace;
    bool in_bursts;
};

static uint32_t length_of(uint64_t id, uint32_t n_max)
{
    uint64_t state = id + 1;

    return (uint32_t)(check_random(&state) % (n_max + 1));
}

static void *consume(void *arg)
{
    const struct race *race = arg;
    uint64_t random = 11, i = 0;
    uint32_t n_turns = 0, n_seen, n_max = rl_record_ring_max(&ring);

    while (i < race->n_records) {
        const uint8_t *payload = rl_record_ring_next(&ring, &n_seen);

        if (payload != NULL) {
            CHECK_EQ(n_seen, length_of(i, n_max));
            check_filled(payload, n_seen, i);
            i++;
            if (race->in_bursts && i % 3 != 0)
                continue; /* reads on; the release below frees several */
            spin_dawdle(race->pace, &random);
        } else {
            spin_wait(&n_turns);
        }
        rl_record_ring_release(&ring);
    }
    return NULL;
}

static void test_two_threads_agree_on_every_record(uint64_t n_bytes, enum spin_pace producer,
                                                   enum spin_pace consumer)
{
    /* Many laps; few enough that a busy machine, where each full ring costs a turn, gets there. */
    struct race race = {
        .n_records = 1000 + 2 * n_bytes, .pace = consumer, .in_bursts = consumer == PACE_BURSTS};
    uint64_t random = 13;
    uint32_t n_turns = 0;
    pthread_t thread;

    CHECK_EQ(rl_record_ring_init(&ring, bytes, n_bytes), 0);
    CHECK_EQ(pthread_create(&thread, NULL, consume, &race), 0);
    for (uint64_t i = 0; i < race.n_records; i++) {
        uint32_t n = length_of(i, rl_record_ring_max(&ring));
        uint8_t *payload;

        while ((payload = rl_record_ring_claim(&ring, n)) == NULL)
            spin_wait(&n_turns);
        fill(payload, n, i);
        rl_record_ring_commit(&ring, n);
        spin_dawdle(producer, &random);
    }
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

int main(void)
{
    static const uint64_t sizes[] = {64, 128, 256, 1024, 4096};

    test_a_bad_size_is_refused();
    test_a_record_that_can_never_fit_is_refused_and_told_from_a_full_ring();
    test_an_empty_record_is_a_record();
    test_a_dropped_claim_leaves_no_trace();
    test_a_burst_is_read_before_any_of_it_is_released();
    test_a_commit_beyond_the_claim_stops_the_process();
    for (size_t i = 0; i < RL_COUNT(sizes); i++) {
        test_the_largest_record_fits_wherever_the_tail_is(sizes[i]);
        for (uint64_t seed = 1; seed <= 5; seed++)
            test_no_unread_record_is_ever_overwritten(sizes[i], seed);
        for (int pace = 0; pace < N_PACES * N_PACES; pace++)
            test_two_threads_agree_on_every_record(sizes[i], (enum spin_pace)(pace / N_PACES),
                                                   (enum spin_pace)(pace % N_PACES));
    }
    return 0;
}
