/*
 * FIX fields with AVX2: masks of 64 bytes to positions, then eight fields at a time.
 *
 * The first loop writes positions of separators in steps of eight, the second takes tags of up to
 * four digits from eight places at once. Neither branches on what the fields are; what is rare
 * (longer tags, raw data) goes field by field.
 */
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))
#define FIELDS rl_fix_fields_avx2

#include "market/fix/parse_inner.h"

struct sums {
    __m256i lanes;
};

RL_FIX_INLINE TARGET struct sums sums_zero(void)
{
    return (struct sums){_mm256_setzero_si256()};
}

RL_FIX_INLINE TARGET uint32_t sums_total(struct sums s)
{
    __m128i both =
        _mm_add_epi64(_mm256_castsi256_si128(s.lanes), _mm256_extracti128_si256(s.lanes, 1));

    return (uint32_t)(_mm_cvtsi128_si32(both) + _mm_extract_epi32(both, 2));
}

RL_FIX_INLINE TARGET uint64_t mask(__m256i low, __m256i high, char c)
{
    const __m256i wanted = _mm256_set1_epi8(c);

    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)) << 32;
}

RL_FIX_INLINE TARGET __m256i load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

RL_FIX_INLINE TARGET void block_masks(const uint8_t *p, const uint8_t *keep, uint64_t *soh,
                                      uint64_t *eq, struct sums *sums)
{
    __m256i low = load(p), high = load(p + 32);

    if (keep) {
        low = _mm256_and_si256(low, load(keep));
        high = _mm256_and_si256(high, load(keep + 32));
    }
    sums->lanes = _mm256_add_epi64(sums->lanes, _mm256_sad_epu8(low, _mm256_setzero_si256()));
    sums->lanes = _mm256_add_epi64(sums->lanes, _mm256_sad_epu8(high, _mm256_setzero_si256()));
    *soh = mask(low, high, RL_FIX_SOH);
    *eq = mask(low, high, '=');
}

RL_FIX_INLINE TARGET uint32_t first_bit(uint64_t bits)
{
    return (uint32_t)_tzcnt_u64(bits); /* 64 for none, which no one reads */
}

/* Eight fields whose separators are at eqs[0..7] and sohs[0..7]; sohs[-1] ends the one before. */
RL_FIX_INLINE TARGET bool take_eight(struct rl_fix_field *f, const uint8_t *bytes,
                                     const uint32_t *eqs, const uint32_t *sohs, __m256i *digit_max,
                                     __m256i *bad)
{
    const __m256i one = _mm256_set1_epi32(1);
    __m256i eq = load((const uint8_t *)eqs);
    __m256i soh = load((const uint8_t *)sohs);
    __m256i start = _mm256_add_epi32(load((const uint8_t *)(sohs - 1)), one);
    __m256i n_digits = _mm256_sub_epi32(eq, start), off = _mm256_add_epi32(eq, one);
    __m256i len = _mm256_sub_epi32(soh, off);
    __m256i text = _mm256_i32gather_epi32((const int *)(const void *)bytes, start, 1);
    __m256i digits, tag, word, rare;

    text = _mm256_xor_si256(text, _mm256_set1_epi8('0'));
    digits = _mm256_sllv_epi32(
        text, _mm256_sub_epi32(_mm256_set1_epi32(32), _mm256_slli_epi32(n_digits, 3)));
    tag = _mm256_madd_epi16(_mm256_maddubs_epi16(digits, _mm256_set1_epi16(0x010A)),
                            _mm256_set1_epi32(0x00010064));
    word = _mm256_i32gather_epi32(
        (const int *)rl_fix_is_length,
        _mm256_min_epu32(_mm256_srli_epi32(tag, 5), _mm256_set1_epi32(RL_FIX_LENGTH_TAGS / 32 - 1)),
        4);
    rare = _mm256_and_si256(_mm256_srlv_epi32(word, _mm256_and_si256(tag, _mm256_set1_epi32(31))),
                            one);
    rare = _mm256_or_si256(rare, _mm256_cmpeq_epi32(tag, _mm256_setzero_si256()));
    if (RL_UNLIKELY(!_mm256_testz_si256(rare, rare)))
        return false;
    *digit_max = _mm256_max_epu8(*digit_max, digits);
    /* A first digit of 0; no value. */
    *bad = _mm256_or_si256(*bad, _mm256_cmpeq_epi32(_mm256_and_si256(text, _mm256_set1_epi32(0xFF)),
                                                    _mm256_setzero_si256()));
    *bad = _mm256_or_si256(*bad, _mm256_cmpgt_epi32(one, len));
    {
        __m256i *out = (__m256i *)(void *)f;
        /* Eight of three kinds as triples: each to its places, then put together. */
        const __m256i t0 = _mm256_setr_epi32(0, 0, 0, 1, 0, 0, 2, 0);
        const __m256i t1 = _mm256_setr_epi32(0, 3, 0, 0, 4, 0, 0, 5);
        const __m256i t2 = _mm256_setr_epi32(0, 0, 6, 0, 0, 7, 0, 0);
        const __m256i o0 = _mm256_setr_epi32(0, 0, 0, 0, 1, 0, 0, 2);
        const __m256i o1 = _mm256_setr_epi32(0, 0, 3, 0, 0, 4, 0, 0);
        const __m256i o2 = _mm256_setr_epi32(5, 0, 0, 6, 0, 0, 7, 0);
        const __m256i l0 = _mm256_setr_epi32(0, 0, 0, 0, 0, 1, 0, 0);
        const __m256i l1 = _mm256_setr_epi32(2, 0, 0, 3, 0, 0, 4, 0);
        const __m256i l2 = _mm256_setr_epi32(0, 5, 0, 0, 6, 0, 0, 7);
        __m256i v;

        v = _mm256_blend_epi32(_mm256_permutevar8x32_epi32(tag, t0),
                               _mm256_permutevar8x32_epi32(off, o0), 0x92);
        _mm256_storeu_si256(out, _mm256_blend_epi32(v, _mm256_permutevar8x32_epi32(len, l0), 0x24));
        v = _mm256_blend_epi32(_mm256_permutevar8x32_epi32(tag, t1),
                               _mm256_permutevar8x32_epi32(off, o1), 0x24);
        _mm256_storeu_si256(out + 1,
                            _mm256_blend_epi32(v, _mm256_permutevar8x32_epi32(len, l1), 0x49));
        v = _mm256_blend_epi32(_mm256_permutevar8x32_epi32(tag, t2),
                               _mm256_permutevar8x32_epi32(off, o2), 0x49);
        _mm256_storeu_si256(out + 2,
                            _mm256_blend_epi32(v, _mm256_permutevar8x32_epi32(len, l2), 0x92));
    }
    return true;
}

#define FIRST_BIT first_bit
#define FIELDS_AT_ONCE take_eight
#include "market/fix/parse_masks.h"

TARGET enum rl_fix_result rl_fix_parse_avx2(struct rl_fix_msg *m, const uint8_t *bytes,
                                            uint32_t n_bytes)
{
    return rl_fix_parse_by(m, bytes, n_bytes, rl_fix_fields_avx2);
}
