#include "base/hist.h"
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

static uint64_t counts[2 * RL_HIST_N_COUNTS];

static struct rl_hist fresh(void)
{
    struct rl_hist h;

    CHECK_EQ(rl_hist_init(&h, RL_HIST_HIGHEST, RL_HIST_DIGITS, counts, sizeof(counts)), 0);
    return h;
}

/* HdrHistogram's index in its own words (getBucketIndex, getSubBucketIndex, countsArrayIndex). */
static uint32_t hdr_index(uint64_t value, uint32_t half_bits)
{
    int32_t half_count = 1 << half_bits, mask = 2 * half_count - 1;
    int32_t ceiling = 64 - __builtin_clzll(value | (uint64_t)mask);
    int32_t bucket = ceiling - ((int32_t)half_bits + 1);
    int32_t sub_bucket = (int32_t)(value >> bucket);

    return (uint32_t)(((bucket + 1) << half_bits) + (sub_bucket - half_count));
}

static void test_the_default_geometry_is_the_published_one(void)
{
    struct rl_hist h = fresh();

    CHECK_EQ(h.n_counts, RL_HIST_N_COUNTS);
    CHECK_EQ(h.half_bits, 10);
    CHECK_EQ(rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS), RL_HIST_N_COUNTS * 8);
}

static void test_every_bucket_edge_has_the_index_of_hdrhistogram(void)
{
    for (uint32_t digits = 1; digits <= 5; digits++) {
        size_t n_bytes = rl_hist_bytes(RL_HIST_HIGHEST, digits);
        uint64_t *mine = malloc(n_bytes);
        struct rl_hist h;

        CHECK_EQ(rl_hist_init(&h, RL_HIST_HIGHEST, digits, mine, n_bytes), 0);
        for (uint32_t i = 0; i < h.n_counts; i++) {
            uint64_t low = rl_hist_lower_edge(&h, i), high = rl_hist_upper_edge(&h, i);

            CHECK(low <= high);
            CHECK_EQ(rl_hist_index(&h, low), i);
            CHECK_EQ(rl_hist_index(&h, high), i);
            CHECK_EQ(hdr_index(low, h.half_bits), i);
            CHECK_EQ(hdr_index(high, h.half_bits), i);
            if (i > 0)
                CHECK_EQ(rl_hist_upper_edge(&h, i - 1) + 1, low);
        }
        free(mine);
    }
}

static void test_a_bucket_is_never_wider_than_its_digits_promise(void)
{
    struct rl_hist h = fresh();

    for (uint32_t i = 0; i < h.n_counts; i++)
        CHECK((rl_hist_upper_edge(&h, i) - rl_hist_lower_edge(&h, i)) * 1000 <=
              rl_hist_upper_edge(&h, i));
}

static void test_an_impossible_geometry_or_too_little_memory_is_refused(void)
{
    struct rl_hist h;

    CHECK_EQ(rl_hist_bytes(1000, 0), 0);
    CHECK_EQ(rl_hist_bytes(1000, 6), 0);
    CHECK_EQ(rl_hist_bytes(1, 3), 0);
    CHECK_EQ(rl_hist_init(&h, 1, 3, counts, sizeof(counts)), -EINVAL);
    CHECK_EQ(rl_hist_init(&h, RL_HIST_HIGHEST, 3, counts, RL_HIST_N_COUNTS * 8 - 1), -ENOSPC);
}

static void test_a_value_above_the_highest_is_kept_counted_and_exact_in_max(void)
{
    struct rl_hist h = fresh();

    rl_hist_record(&h, RL_HIST_HIGHEST);
    CHECK_EQ(h.n_saturated, 0);
    rl_hist_record(&h, RL_HIST_HIGHEST + 1);
    rl_hist_record(&h, UINT64_MAX);
    CHECK_EQ(h.n_saturated, 2);
    CHECK_EQ(h.n_total, 3);
    CHECK_EQ(h.counts[rl_hist_index(&h, RL_HIST_HIGHEST)], 3);
    CHECK(h.max == UINT64_MAX);
    CHECK(rl_hist_percentile(&h, 99) == UINT64_MAX); /* a rank among the saturated has no bucket */
    CHECK_EQ(rl_hist_count_above(&h, RL_HIST_HIGHEST), 2);
}

static void test_min_and_max_are_exact_and_reset_forgets_them(void)
{
    struct rl_hist h = fresh();

    CHECK(h.min == UINT64_MAX && h.max == 0);
    CHECK_EQ(rl_hist_percentile(&h, 50), 0);
    rl_hist_record(&h, 1234567);
    rl_hist_record(&h, 7654321);
    CHECK_EQ(h.min, 1234567);
    CHECK_EQ(h.max, 7654321);
    CHECK_EQ(rl_hist_percentile(&h, 100), 7654321); /* the bucket's edge lies above it */
    rl_hist_reset(&h);
    CHECK(h.min == UINT64_MAX && h.max == 0 && h.n_total == 0);
    for (uint32_t i = 0; i < h.n_counts; i++)
        CHECK_EQ(h.counts[i], 0);
}

static void test_a_percentile_is_the_ceiling_rank_at_the_upper_edge(void)
{
    struct rl_hist h = fresh();

    for (uint64_t v = 1; v <= 1000; v++)
        rl_hist_record(&h, v);
    CHECK_EQ(rl_hist_percentile(&h, 0), 1);
    CHECK_EQ(rl_hist_percentile(&h, 0.1), 1);
    CHECK_EQ(rl_hist_percentile(&h, 0.11), 2);
    CHECK_EQ(rl_hist_percentile(&h, 50), 500);
    CHECK_EQ(rl_hist_percentile(&h, 50.01), 501);
    CHECK_EQ(rl_hist_percentile(&h, 99.9), 999); /* 0.999 * 1000 is not whole in binary */
    CHECK_EQ(rl_hist_percentile(&h, 99.99), 1000);
    CHECK_EQ(rl_hist_count_above(&h, 990), 10);
    rl_hist_reset(&h);
    rl_hist_record_n(&h, 10000, 99);
    rl_hist_record(&h, 20000);
    CHECK_EQ(rl_hist_percentile(&h, 99), rl_hist_upper_edge(&h, rl_hist_index(&h, 10000)));
    CHECK_EQ(rl_hist_percentile(&h, 99.5), 20000);
}

static void test_adding_keeps_every_record_and_refuses_another_geometry(void)
{
    static uint64_t other_counts[RL_HIST_N_COUNTS];
    struct rl_hist h = fresh(), other, coarse;
    uint64_t seed = 7, n = 0;

    CHECK_EQ(rl_hist_init(&other, RL_HIST_HIGHEST, 3, other_counts, sizeof(other_counts)), 0);
    for (int i = 0; i < 10000; i++) {
        rl_hist_record(&h, check_random(&seed) >> 20);
        rl_hist_record(&other, check_random(&seed) >> 18);
    }
    uint64_t max = h.max > other.max ? h.max : other.max;

    CHECK(other.n_saturated > 0);
    CHECK_EQ(rl_hist_add(&h, &other), 0);
    CHECK_EQ(h.n_total, 20000);
    CHECK_EQ(h.max, max);
    for (uint32_t i = 0; i < h.n_counts; i++)
        n += h.counts[i];
    CHECK_EQ(n, 20000);
    CHECK_EQ(rl_hist_init(&coarse, RL_HIST_HIGHEST, 2, other_counts, sizeof(other_counts)), 0);
    CHECK_EQ(rl_hist_add(&h, &coarse), -EINVAL);
    CHECK_EQ(h.n_total, 20000);
}

#define N_PAIR_RECORDS 3000000

static void *record_in_turns(void *arg)
{
    struct rl_hist_pair *pair = arg;

    for (uint64_t i = 0; i < N_PAIR_RECORDS;) {
        struct rl_hist *h = rl_hist_pair_writer(pair);

        for (uint64_t turn_end = i + 10; i < turn_end; i++)
            rl_hist_record(h, i);
    }
    return NULL;
}

static void test_intervals_swapped_while_the_writer_runs_lose_no_record(void)
{
    static struct rl_hist_pair pair;
    static uint64_t sum_counts[RL_HIST_N_COUNTS], want_counts[RL_HIST_N_COUNTS];
    struct rl_hist sum, want, *done;
    uint64_t next = 0;
    int n_intervals = 0;
    pthread_t writer;

    CHECK_EQ(rl_hist_init(&sum, RL_HIST_HIGHEST, 3, sum_counts, sizeof(sum_counts)), 0);
    CHECK_EQ(rl_hist_init(&want, RL_HIST_HIGHEST, 3, want_counts, sizeof(want_counts)), 0);
    CHECK_EQ(rl_hist_pair_init(&pair, RL_HIST_HIGHEST, 3, counts, sizeof(counts)), 0);
    CHECK_EQ(pthread_create(&writer, NULL, record_in_turns, &pair), 0);
    while (sum.n_total < N_PAIR_RECORDS) {
        int err = rl_hist_pair_swap(&pair, 1000000, &done);

        if (err == -ETIMEDOUT) { /* the writer has ended, or was not scheduled: both are fine */
            if (pthread_tryjoin_np(writer, NULL) == 0) {
                rl_hist_pair_writer(&pair);
                writer = 0;
            }
            continue;
        }
        CHECK_EQ(err, 0);
        if (done->n_total > 0) { /* records come in order, so intervals must adjoin */
            CHECK_EQ(done->min, next);
            CHECK_EQ(done->max, next + done->n_total - 1);
            next = done->max + 1;
            n_intervals++;
        }
        CHECK_EQ(rl_hist_add(&sum, done), 0);
        if (writer == 0)
            rl_hist_pair_writer(&pair);
    }
    if (writer != 0)
        pthread_join(writer, NULL);
    for (uint64_t i = 0; i < N_PAIR_RECORDS; i++)
        rl_hist_record(&want, i);
    CHECK(memcmp(sum_counts, want_counts, sizeof(sum_counts)) == 0);
    CHECK(n_intervals > 0);
}

static void test_a_swap_that_timed_out_is_finished_by_the_next_and_loses_nothing(void)
{
    static struct rl_hist_pair pair;
    struct rl_hist *done = NULL;

    CHECK_EQ(rl_hist_pair_init(&pair, RL_HIST_HIGHEST, 3, counts, sizeof(counts)), 0);
    rl_hist_record(rl_hist_pair_writer(&pair), 42);
    CHECK_EQ(rl_hist_pair_swap(&pair, 0, &done), -ETIMEDOUT);
    CHECK_EQ(rl_hist_pair_swap(&pair, 0, &done), -ETIMEDOUT);
    CHECK(done == NULL);
    rl_hist_record(rl_hist_pair_writer(&pair),
                   43); /* the late turn: belongs to the next interval */
    CHECK_EQ(rl_hist_pair_swap(&pair, 0, &done), 0);
    CHECK_EQ(done->n_total, 1);
    CHECK_EQ(done->max, 42);
    CHECK_EQ(rl_hist_pair_swap(&pair, 0, &done), -ETIMEDOUT);
    rl_hist_pair_writer(&pair);
    CHECK_EQ(rl_hist_pair_swap(&pair, 0, &done), 0);
    CHECK_EQ(done->n_total, 1);
    CHECK_EQ(done->max, 43);
}

int main(void)
{
    test_the_default_geometry_is_the_published_one();
    test_every_bucket_edge_has_the_index_of_hdrhistogram();
    test_a_bucket_is_never_wider_than_its_digits_promise();
    test_an_impossible_geometry_or_too_little_memory_is_refused();
    test_a_value_above_the_highest_is_kept_counted_and_exact_in_max();
    test_min_and_max_are_exact_and_reset_forgets_them();
    test_a_percentile_is_the_ceiling_rank_at_the_upper_edge();
    test_adding_keeps_every_record_and_refuses_another_geometry();
    test_intervals_swapped_while_the_writer_runs_lose_no_record();
    test_a_swap_that_timed_out_is_finished_by_the_next_and_loses_nothing();
    return 0;
}
