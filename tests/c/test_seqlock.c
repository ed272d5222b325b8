/*
 * A seqlock's reader gets every word from one write, or is told that it did not.
 */
#include <pthread.h>

#include "base/seqlock.h"
#include "spin.h"

#define N_WORDS 5
#define N_WRITES 300000
#define N_READERS 2

static struct rl_seqlock lock;
static _Atomic uint64_t words[N_WORDS];

static void write_value(uint64_t value)
{
    uint64_t src[N_WORDS];

    for (uint64_t i = 0; i < N_WORDS; i++)
        src[i] = value * N_WORDS + i;
    rl_seqlock_write(&lock, words, src, N_WORDS);
}

/* Checks that all words are of one write and returns which. */
static uint64_t value_of(const uint64_t *seen)
{
    CHECK_EQ(seen[0] % N_WORDS, 0);
    for (uint64_t i = 0; i < N_WORDS; i++)
        CHECK_EQ(seen[i], seen[0] + i);
    return seen[0] / N_WORDS;
}

static void test_a_reader_gets_what_was_written_last(void)
{
    uint64_t seen[N_WORDS];

    rl_seqlock_init(&lock);
    for (uint64_t value = 1; value < 10; value++) {
        write_value(value);
        CHECK(rl_seqlock_read(&lock, words, seen, N_WORDS));
        CHECK_EQ(value_of(seen), value);
    }
}

static void test_a_reader_in_the_middle_of_a_write_is_turned_away(void)
{
    uint64_t seen[N_WORDS];

    rl_seqlock_init(&lock);
    atomic_store(&lock.sequence, 1); /* a writer that stopped half way, or died */
    CHECK(!rl_seqlock_read(&lock, words, seen, N_WORDS));
    CHECK(!rl_seqlock_read_retry(&lock, words, seen, N_WORDS, 100));
    atomic_store(&lock.sequence, 2);
    CHECK(rl_seqlock_read_retry(&lock, words, seen, N_WORDS, 1));
}

static _Atomic bool done;

static void *read_all_the_time(void *arg)
{
    uint64_t seen[N_WORDS], last = 0, *n_reads = arg;
    uint32_t n_turns = 0;
    bool was_done;

    do {
        was_done = atomic_load(&done);
        if (rl_seqlock_read(&lock, words, seen, N_WORDS)) {
            uint64_t value = value_of(seen);

            CHECK(value >= last); /* time does not run backwards */
            last = value;
            ++*n_reads;
        } else {
            spin_wait(&n_turns);
        }
    } while (!was_done);
    CHECK_EQ(last, N_WRITES); /* the last write is not lost */
    return NULL;
}

static void test_no_reader_ever_sees_words_of_two_writes(void)
{
    pthread_t reader[N_READERS];
    uint64_t n_reads[N_READERS] = {0}, random = 3;

    rl_seqlock_init(&lock);
    write_value(0);
    for (int i = 0; i < N_READERS; i++)
        CHECK_EQ(pthread_create(&reader[i], NULL, read_all_the_time, &n_reads[i]), 0);
    for (uint64_t value = 1; value <= N_WRITES; value++) {
        write_value(value);
        spin_dawdle(PACE_BURSTS, &random);
    }
    atomic_store(&done, true);
    for (int i = 0; i < N_READERS; i++) {
        CHECK_EQ(pthread_join(reader[i], NULL), 0);
        CHECK(n_reads[i] > 0);
    }
}

int main(void)
{
    test_a_reader_gets_what_was_written_last();
    test_a_reader_in_the_middle_of_a_write_is_turned_away();
    test_no_reader_ever_sees_words_of_two_writes();
    return 0;
}
