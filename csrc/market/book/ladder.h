/*
 * ladder - the levels of a side as two arrays sorted towards the best price: ranks, and whose.
 *
 * Threads:  the books' writer.
 * Memory:   blocks of keys cut from rl_books.ranks and .slots; a side that outgrows one takes the
 *           next size, and gives the old one back.
 * Cost:     a search compares the RL_NEAR_RANKS best at once, without a branch that depends on
 *           where it ends; what lies deeper is halved. Insertion and removal shift what is better.
 */
#ifndef RL_MARKET_BOOK_LADDER_H
#define RL_MARKET_BOOK_LADDER_H

#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "market/book/book.h"

/* p75 of real updates is rank 9; a branch predicted wrong costs as much as eight compares more. */
#define RL_NEAR_RANKS 32
_Static_assert(RL_NEAR_RANKS <= RL_BOOK_KEYS_MIN,
               "the margin before a block is one RL_BOOK_KEYS_MIN");

static inline uint64_t rl_ladder_keys(const struct rl_book *book, unsigned side)
{
    return (uint64_t)book->keys[side] * RL_BOOK_KEYS_MIN;
}

/* How many of the RL_NEAR_RANKS that end before `end` are below `rank`. */
static inline uint32_t rl_ladder_below(const int64_t *end, int64_t rank)
{
    const int64_t *near = end - RL_NEAR_RANKS;

#ifdef __AVX2__
    __m256i wanted = _mm256_set1_epi64x(rank), n = _mm256_setzero_si256(), m = n;
    __m128i sum;

    for (unsigned i = 0; i < RL_NEAR_RANKS; i += 8) { /* a compare yields -1 where it holds */
        const __m256i *p = (const __m256i *)(near + i);

        n = _mm256_sub_epi64(n, _mm256_cmpgt_epi64(wanted, _mm256_loadu_si256(p)));
        m = _mm256_sub_epi64(m, _mm256_cmpgt_epi64(wanted, _mm256_loadu_si256(p + 1)));
    }
    n = _mm256_add_epi64(n, m);
    sum = _mm_add_epi64(_mm256_castsi256_si128(n), _mm256_extracti128_si256(n, 1));
    return (uint32_t)(_mm_extract_epi64(sum, 0) + _mm_extract_epi64(sum, 1));
#else
    uint32_t n = 0;

    for (unsigned i = 0; i < RL_NEAR_RANKS; i++)
        n += near[i] < rank;
    return n;
#endif
}

/*
 * How many of n ascending ranks are below `rank`: where it is, or where it would go. Before them
 * lie RL_NEAR_RANKS times RL_PX_NONE, which is below every rank.
 */
static inline uint32_t rl_ladder_search(const int64_t *ranks, uint32_t n, int64_t rank)
{
    uint32_t below = rl_ladder_below(ranks + n, rank);
    const int64_t *low = ranks;

    if (RL_LIKELY(below > 0))
        return n - RL_NEAR_RANKS + below;
    /* Not among the nearest; halve until what is left is one look. All before `low` is below. */
    for (n -= RL_NEAR_RANKS; n > RL_NEAR_RANKS;) {
        uint32_t half = n / 2;

        low += low[half - 1] < rank ? half : 0;
        n -= half;
    }
    return (uint32_t)(low - ranks) + n - RL_NEAR_RANKS + rl_ladder_below(low + n, rank);
}

/* The level of that price, or RL_SLOT_NONE. */
static inline uint32_t rl_ladder_find(const struct rl_books *b, const struct rl_book *book,
                                      unsigned side, int64_t px_nano)
{
    uint64_t keys = rl_ladder_keys(book, side);
    int64_t rank = rl_book_rank(side, px_nano);
    uint32_t n = book->n_levels[side], at = rl_ladder_search(b->ranks + keys, n, rank);

    return at < n && b->ranks[keys + at] == rank ? b->slots[keys + at] : RL_SLOT_NONE;
}

/* Makes room at `at` among n keys and fills it; the block has room. */
static inline void rl_ladder_insert(struct rl_books *b, uint64_t keys, uint32_t n, uint32_t at,
                                    int64_t rank, uint32_t level)
{
    int64_t *ranks = b->ranks + keys;
    uint32_t *slots = b->slots + keys;

    memmove(&ranks[at + 1], &ranks[at], (n - at) * sizeof *ranks);
    memmove(&slots[at + 1], &slots[at], (n - at) * sizeof *slots);
    ranks[at] = rank;
    slots[at] = level;
}

/* Takes the key at `at` out; n are left. */
static inline void rl_ladder_remove(struct rl_books *b, uint64_t keys, uint32_t n, uint32_t at)
{
    int64_t *ranks = b->ranks + keys;
    uint32_t *slots = b->slots + keys;

    memmove(&ranks[at], &ranks[at + 1], (n - at) * sizeof *ranks);
    memmove(&slots[at], &slots[at + 1], (n - at) * sizeof *slots);
}

#endif
