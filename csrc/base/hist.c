#include "base/hist.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* log2 of half the linear buckets: the smallest power of two that tells 10^digits values apart. */
static uint32_t half_bits_of(uint32_t digits)
{
    uint64_t wanted = 2;
    uint32_t bits = 0;

    for (uint32_t i = 0; i < digits; i++)
        wanted *= 10;
    while ((1ULL << bits) < wanted)
        bits++;
    return bits - 1;
}

static uint32_t n_counts_of(uint64_t highest, uint32_t digits)
{
    uint32_t half_bits = half_bits_of(digits);
    uint64_t first_beyond = 2ULL << half_bits;
    uint32_t n_octaves = 1;

    while (first_beyond <= highest) {
        first_beyond <<= 1;
        n_octaves++;
    }
    return (n_octaves + 1) << half_bits;
}

static bool is_possible(uint64_t highest, uint32_t digits)
{
    return digits >= 1 && digits <= 5 && highest >= 2 && highest <= 1ULL << 62;
}

size_t rl_hist_bytes(uint64_t highest, uint32_t digits)
{
    return is_possible(highest, digits) ? n_counts_of(highest, digits) * sizeof(uint64_t) : 0;
}

int rl_hist_init(struct rl_hist *h, uint64_t highest, uint32_t digits, uint64_t *counts,
                 size_t n_bytes)
{
    if (!is_possible(highest, digits))
        return -EINVAL;
    if (n_bytes < rl_hist_bytes(highest, digits))
        return -ENOSPC;
    *h = (struct rl_hist){.highest = highest,
                          .n_counts = n_counts_of(highest, digits),
                          .half_bits = (uint16_t)half_bits_of(digits),
                          .digits = (uint16_t)digits,
                          .counts = counts};
    rl_hist_reset(h);
    return 0;
}

void rl_hist_reset(struct rl_hist *h)
{
    h->n_total = 0;
    h->min = UINT64_MAX;
    h->max = 0;
    h->n_saturated = 0;
    memset(h->counts, 0, h->n_counts * sizeof(h->counts[0]));
}

int rl_hist_add(struct rl_hist *dst, const struct rl_hist *src)
{
    if (dst->highest != src->highest || dst->digits != src->digits)
        return -EINVAL;
    for (uint32_t i = 0; i < dst->n_counts; i++)
        dst->counts[i] += src->counts[i];
    dst->n_total += src->n_total;
    dst->n_saturated += src->n_saturated;
    if (src->min < dst->min)
        dst->min = src->min;
    if (src->max > dst->max)
        dst->max = src->max;
    return 0;
}

/* Ceiling of n * pct / 100, where a product that is whole but for rounding counts as whole. */
static uint64_t rank_of(uint64_t n, double pct)
{
    double exact = pct <= 0 ? 0 : pct >= 100 ? (double)n : (double)n * pct / 100;
    double whole = floor(exact);
    uint64_t rank = (uint64_t)whole;

    if (exact - whole > exact * 1e-12) /* 4500 times the error of the two operations above */
        rank++;
    return rank == 0 ? 1 : rank > n ? n : rank;
}

uint64_t rl_hist_percentile(const struct rl_hist *h, double pct)
{
    uint64_t rank, seen = 0, edge;

    if (h->n_total == 0)
        return 0;
    rank = rank_of(h->n_total, pct);
    if (rank > h->n_total - h->n_saturated)
        return h->max; /* all that is known of a saturated record */
    for (uint32_t i = 0; i < h->n_counts; i++) {
        seen += h->counts[i];
        if (seen >= rank) {
            edge = rl_hist_upper_edge(h, i);
            return edge < h->max ? edge : h->max;
        }
    }
    return h->max; /* counts of a live histogram may trail n_total */
}

uint64_t rl_hist_count_above(const struct rl_hist *h, uint64_t value)
{
    uint64_t n = 0;

    if (value >= h->highest)
        return h->n_saturated;
    for (uint32_t i = rl_hist_index(h, value) + 1; i < h->n_counts; i++)
        n += h->counts[i];
    return n;
}

uint64_t rl_hist_lower_edge(const struct rl_hist *h, uint32_t index)
{
    uint32_t octave = index >> h->half_bits;
    uint32_t shift = octave == 0 ? 0 : octave - 1; /* the first two halves have buckets of one */

    return (uint64_t)(index - (shift << h->half_bits)) << shift;
}

uint64_t rl_hist_upper_edge(const struct rl_hist *h, uint32_t index)
{
    return rl_hist_lower_edge(h, index + 1) - 1;
}

int rl_hist_pair_init(struct rl_hist_pair *pair, uint64_t highest, uint32_t digits,
                      uint64_t *counts, size_t n_bytes)
{
    size_t n_each = rl_hist_bytes(highest, digits);
    int err = rl_hist_init(&pair->hist[0], highest, digits, counts, n_bytes);

    if (err != 0)
        return err;
    if (n_bytes < 2 * n_each)
        return -ENOSPC;
    err =
        rl_hist_init(&pair->hist[1], highest, digits, counts + n_each / sizeof(counts[0]), n_each);
    atomic_init(&pair->wanted, 0);
    atomic_init(&pair->in_use, 0);
    pair->pending = false;
    return err;
}

static uint64_t mono_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

int rl_hist_pair_swap(struct rl_hist_pair *pair, uint64_t timeout_ns, struct rl_hist **done)
{
    /* The writer takes a turn in microseconds; sleeping leaves it the core when they share one. */
    const struct timespec nap = {.tv_nsec = 20000};
    uint64_t start_ns = mono_ns();
    uint32_t wanted = atomic_load_explicit(&pair->wanted, memory_order_relaxed);

    if (!pair->pending) {
        wanted = 1 - wanted;
        rl_hist_reset(&pair->hist[wanted]);
        pair->pending = true;
        /* H1 release, pairs with the acquire in rl_hist_pair_writer: the reset comes first. */
        atomic_store_explicit(&pair->wanted, wanted, memory_order_release);
    }
    /* H2 acquire, pairs with the release in rl_hist_pair_writer: the interval is complete. */
    while (atomic_load_explicit(&pair->in_use, memory_order_acquire) != wanted) {
        if (mono_ns() - start_ns >= timeout_ns)
            return -ETIMEDOUT;
        nanosleep(&nap, NULL);
    }
    pair->pending = false;
    *done = &pair->hist[1 - wanted];
    return 0;
}
