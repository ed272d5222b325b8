/*
 * ladder - the levels of a side as two arrays sorted towards the best price: ranks, and whose.
 *
 * Threads:  the books' writer.
 * Memory:   blocks of keys cut from rl_books.ranks and .slots; a side that outgrows one takes the
 *           next size, and gives the old one back.
 * Cost:     a search compares the RL_NEAR_RANKS best at once, without a branch that depends on
 *           where it ends; what lies deeper is quartered. Insertion and removal shift what
 *           is better.
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

/* rl_book.keys of a side that never had any: behind the first margin, where none counts. */
#define RL_LADDER_NO_KEYS (1u | (uint32_t)RL_BOOK_KEY_CLASSES << RL_BOOK_KEYS_BITS)

/* Where the keys of a side begin. */
static inline uint64_t rl_ladder_keys(const struct rl_book *book, unsigned side)
{
    return (uint64_t)(book->keys[side] & ((1u << RL_BOOK_KEYS_BITS) - 1)) * RL_BOOK_KEYS_MIN;
}

/* The size of its block; RL_BOOK_KEY_CLASSES: it has none. */
static inline unsigned rl_ladder_class(const struct rl_book *book, unsigned side)
{
    return book->keys[side] >> RL_BOOK_KEYS_BITS;
}

/* Whether the block of a side of n levels has room for one more. */
static inline bool rl_ladder_has_room(const struct rl_book *book, unsigned side, uint32_t n)
{
    unsigned class = rl_ladder_class(book, side);

    return class < RL_BOOK_KEY_CLASSES && n < (uint64_t)RL_BOOK_KEYS_MIN << class;
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
 * lie RL_NEAR_RANKS times RL_PX_NONE, which is below every rank. Right where no rank is likelier
 * than another: they are quartered until what is left is one look.
 */
static inline uint32_t rl_ladder_search_deep(const int64_t *ranks, uint32_t n, int64_t rank)
{
    const int64_t *low = ranks; /* all before it is below */

    while (n > RL_NEAR_RANKS) {
        uint32_t part = n / 4;

        /* A sum, since of a choice gcc makes a branch that nobody can predict. */
        low += part * ((uint32_t)(low[part - 1] < rank) + (uint32_t)(low[2 * part - 1] < rank) +
                       (uint32_t)(low[3 * part - 1] < rank));
        n -= 3 * part;
    }
    return (uint32_t)(low - ranks) + n - RL_NEAR_RANKS + rl_ladder_below(low + n, rank);
}

/* The same where most are among the nearest. */
static inline uint32_t rl_ladder_search(const int64_t *ranks, uint32_t n, int64_t rank)
{
    uint32_t below = rl_ladder_below(ranks + n, rank);

    if (RL_LIKELY(below > 0))
        return n - RL_NEAR_RANKS + below;
    return rl_ladder_search_deep(ranks, n - RL_NEAR_RANKS, rank);
}

/* The same for a rank that is probably a few places from `near`. */
static inline uint32_t rl_ladder_search_near(const int64_t *ranks, uint32_t n, int64_t rank,
                                             uint32_t near)
{
    uint32_t end = near + RL_NEAR_RANKS / 2 < n ? near + RL_NEAR_RANKS / 2 : n;
    uint32_t below = rl_ladder_below(ranks + end, rank);

    if (RL_LIKELY(below > 0 && (below < RL_NEAR_RANKS || end == n)))
        return end - RL_NEAR_RANKS + below;
    return rl_ladder_search(ranks, n, rank);
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

#ifdef __AVX2__
/* Lane k of four ranks, or of eight slots: all ones when place + k is at or above `from`. */
static inline __m256i rl_ladder_from_4(int64_t place, int64_t from)
{
    __m256i places = _mm256_add_epi64(_mm256_set1_epi64x(place), _mm256_setr_epi64x(0, 1, 2, 3));

    return _mm256_cmpgt_epi64(places, _mm256_set1_epi64x(from - 1));
}

static inline __m256i rl_ladder_from_8(int32_t place, int32_t from)
{
    __m256i places =
        _mm256_add_epi32(_mm256_set1_epi32(place), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));

    return _mm256_cmpgt_epi32(places, _mm256_set1_epi32(from - 1));
}

/* 32 bytes that end up at `to`: what lies `by` elements further where the mask says so. */
#define RL_LADDER_SHIFT(to, by, mask)                                                          \
    _mm256_storeu_si256((__m256i *)(to),                                                       \
                        _mm256_blendv_epi8(_mm256_loadu_si256((const __m256i *)(to)),          \
                                           _mm256_loadu_si256((const __m256i *)((to) + (by))), \
                                           mask))
#endif

/*
 * Makes room at `at` among n keys and fills it; the block has room. Near the best the whole window
 * is rewritten, without a branch that depends on how much of it moves.
 */
static inline void rl_ladder_insert(struct rl_books *b, uint64_t keys, uint32_t n, uint32_t at,
                                    int64_t rank, uint32_t level)
{
    int64_t *ranks = b->ranks + keys;
    uint32_t *slots = b->slots + keys;

#ifdef __AVX2__
    if (RL_LIKELY(n - at < RL_NEAR_RANKS)) { /* places n - 31 .. n, from the best down */
        int32_t first = (int32_t)n + 1 - RL_NEAR_RANKS;

        for (int32_t i = RL_NEAR_RANKS - 4; i >= 0; i -= 4)
            RL_LADDER_SHIFT(ranks + first + i, -1, rl_ladder_from_4(first + i, (int64_t)at + 1));
        for (int32_t i = RL_NEAR_RANKS - 8; i >= 0; i -= 8)
            RL_LADDER_SHIFT(slots + first + i, -1, rl_ladder_from_8(first + i, (int32_t)at + 1));
    } else
#endif
    {
        memmove(&ranks[at + 1], &ranks[at], (n - at) * sizeof *ranks);
        memmove(&slots[at + 1], &slots[at], (n - at) * sizeof *slots);
    }
    ranks[at] = rank;
    slots[at] = level;
}

/* Gives the key at `from` the place `to`, counted without it, and another rank. */
static inline void rl_ladder_move(struct rl_books *b, uint64_t keys, uint32_t from, uint32_t to,
                                  int64_t rank, uint32_t level)
{
    int64_t *ranks = b->ranks + keys;
    uint32_t *slots = b->slots + keys;

    for (; from < to; from++) {
        ranks[from] = ranks[from + 1];
        slots[from] = slots[from + 1];
    }
    for (; from > to; from--) {
        ranks[from] = ranks[from - 1];
        slots[from] = slots[from - 1];
    }
    ranks[to] = rank;
    slots[to] = level;
}

/* Takes the key at `at` out; n are left. */
static inline void rl_ladder_remove(struct rl_books *b, uint64_t keys, uint32_t n, uint32_t at)
{
    int64_t *ranks = b->ranks + keys;
    uint32_t *slots = b->slots + keys;

#ifdef __AVX2__
    if (RL_LIKELY(n - at < RL_NEAR_RANKS)) { /* places n - 32 .. n - 1, towards the best */
        int32_t first = (int32_t)n - RL_NEAR_RANKS;

        for (int32_t i = 0; i < RL_NEAR_RANKS; i += 4)
            RL_LADDER_SHIFT(ranks + first + i, 1, rl_ladder_from_4(first + i, at));
        for (int32_t i = 0; i < RL_NEAR_RANKS; i += 8)
            RL_LADDER_SHIFT(slots + first + i, 1, rl_ladder_from_8(first + i, (int32_t)at));
        return;
    }
#endif
    memmove(&ranks[at], &ranks[at + 1], (n - at) * sizeof *ranks);
    memmove(&slots[at], &slots[at + 1], (n - at) * sizeof *slots);
}

#endif
