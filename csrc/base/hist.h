/*
 * hist - a recorder of values over nine decades that costs about a nanosecond a record.
 *
 * The geometry is HdrHistogram's with lowest discernible value 1: values below 2 * 10^digits have a
 * bucket each, above them every power of two is cut into the same number of buckets, so a value is
 * known to one part in 10^digits. Index for index it equals the counts array of the public
 * packages; a test compares them. Values are whole units of whatever the caller records: ns, or
 * ticks for operations shorter than a microsecond.
 *
 * Nothing is lost in silence: a value above `highest` is counted in the bucket of `highest` and in
 * n_saturated, while min and max stay exact.
 *
 * Threads:  one writer. A reader of a live histogram sees counts that may trail each other by one
 *           record; rl_hist_pair hands finished intervals over without that.
 * Memory:   the caller's; rl_hist_bytes says how much. The default geometry takes 264 KiB, of which
 *           a record touches one line besides the header.
 * Cost:     one record: leading-zero count, two shifts, two counters, two predicted compares.
 */
#ifndef RL_BASE_HIST_H
#define RL_BASE_HIST_H

#include "base/defs.h"

#include <stdatomic.h>

#define RL_HIST_HIGHEST 3600000000000ULL /* one hour in ns */
#define RL_HIST_DIGITS 3
#define RL_HIST_N_COUNTS 33792 /* of that default geometry: (32 + 1) * 1024 */

struct rl_hist {
    uint64_t n_total;     /* records, saturated ones included */
    uint64_t min;         /* exact; UINT64_MAX while empty */
    uint64_t max;         /* exact, also above `highest`; 0 while empty */
    uint64_t n_saturated; /* records above `highest` */
    uint64_t highest;     /* largest value with a bucket of its own */
    uint32_t n_counts;
    uint16_t half_bits; /* log2 of half the buckets of an octave pair: 10 for three digits */
    uint16_t digits;
    uint64_t *counts; /* n_counts, the caller's memory */
};

/* Bytes of counts for this geometry; 0 unless digits are 1..5 and 2 <= highest <= 2^62. */
size_t rl_hist_bytes(uint64_t highest, uint32_t digits);

/* Empties the histogram. -EINVAL for an impossible geometry, -ENOSPC when n_bytes is too small. */
int rl_hist_init(struct rl_hist *h, uint64_t highest, uint32_t digits, uint64_t *counts,
                 size_t n_bytes);

/* Forgets every record and keeps the geometry. */
void rl_hist_reset(struct rl_hist *h);

/* Adds every record of src to dst. -EINVAL, and nothing is changed, when the geometries differ. */
int rl_hist_add(struct rl_hist *dst, const struct rl_hist *src);

/*
 * The value at or below which pct percent of the records lie, by ceiling rank: the upper edge of
 * the bucket that holds the ranked record, never above the exact max. 0 when empty. pct is held to
 * 0..100.
 */
uint64_t rl_hist_percentile(const struct rl_hist *h, double pct);

/* Records in buckets that lie wholly above the bucket of `value`. */
uint64_t rl_hist_count_above(const struct rl_hist *h, uint64_t value);

/* Smallest and largest value that fall into bucket `index` (< n_counts). */
uint64_t rl_hist_lower_edge(const struct rl_hist *h, uint32_t index);
uint64_t rl_hist_upper_edge(const struct rl_hist *h, uint32_t index);

/* The bucket of a value; the value must not be above h->highest. */
static inline uint32_t rl_hist_index(const struct rl_hist *h, uint64_t value)
{
    uint32_t half_bits = h->half_bits;
    uint64_t linear = ((uint64_t)2 << half_bits) - 1; /* up to here a bucket a value */
    uint32_t shift = 63 - (uint32_t)__builtin_clzll(value | linear) - half_bits;

    return (shift << half_bits) + (uint32_t)(value >> shift);
}

/* n equal records at once. */
static inline void rl_hist_record_n(struct rl_hist *h, uint64_t value, uint64_t n)
{
    uint64_t kept = value;

    if (RL_UNLIKELY(value > h->highest)) {
        kept = h->highest;
        h->n_saturated += n;
    }
    h->counts[rl_hist_index(h, kept)] += n;
    h->n_total += n;
    if (RL_UNLIKELY(value < h->min))
        h->min = value;
    if (RL_UNLIKELY(value > h->max))
        h->max = value;
}

static inline void rl_hist_record(struct rl_hist *h, uint64_t value)
{
    rl_hist_record_n(h, value, 1);
}

/*
 * rl_hist_pair - finished intervals from one writer to one reader, without a lock or a lost record.
 *
 * The writer asks once per turn of its loop which histogram to fill. The reader flips the choice
 * and waits until the writer has been seen on the new one; the old one is then nobody's but the
 * reader's until its next swap, which empties it before handing it out again.
 */
struct rl_hist_pair {
    RL_ALIGNED _Atomic uint32_t wanted; /* the reader writes: histogram the writer shall fill */
    bool pending;                       /* the reader's own: a swap that timed out is unfinished */
    RL_ALIGNED _Atomic uint32_t in_use; /* the writer writes: histogram it fills */
    RL_ALIGNED struct rl_hist hist[2];
};

/* Two histograms over caller's memory of twice rl_hist_bytes(); errors as rl_hist_init. */
int rl_hist_pair_init(struct rl_hist_pair *pair, uint64_t highest, uint32_t digits,
                      uint64_t *counts, size_t n_bytes);

/* Writer: the histogram for this turn of the loop. One load of a line that rarely changes. */
static inline struct rl_hist *rl_hist_pair_writer(struct rl_hist_pair *pair)
{
    /* H1 acquire, pairs with the release in rl_hist_pair_swap: the spare is empty before use. */
    uint32_t wanted = atomic_load_explicit(&pair->wanted, memory_order_acquire);

    if (RL_UNLIKELY(wanted != atomic_load_explicit(&pair->in_use, memory_order_relaxed))) {
        /* H2 release, pairs with the acquire in rl_hist_pair_swap: all records of the turn before
         * are in the histogram that is given up here. */
        atomic_store_explicit(&pair->in_use, wanted, memory_order_release);
    }
    return &pair->hist[wanted];
}

/*
 * Reader: ends the interval. 0 and *done (valid until the next swap), or -ETIMEDOUT when the writer
 * did not take a turn in time; calling again then goes on waiting for the same interval. Once the
 * writer's thread has been joined the reader may take the missing turn by rl_hist_pair_writer.
 */
int rl_hist_pair_swap(struct rl_hist_pair *pair, uint64_t timeout_ns, struct rl_hist **done);

#endif
