/*
 * FIX fields with AVX-512: the up to 15 fields that end in a block of 64 bytes are taken at once,
 * one a lane, without a loop over fields and without a branch on what they are.
 *
 * SOH and '=' become bit masks; of the '=' only the first of each field counts, which one addition
 * finds: a bit at each field's start, added to "not an =", is carried to the first '=' behind it.
 * The masks are compressed into positions (VBMI2), the bytes of all tags are fetched by one permute
 * of the block and the one before (VBMI), and two multiply-adds make numbers of them.
 */
#include "market/fix/parse_inner.h"

#include <immintrin.h>

#define TARGET                                                                                \
    __attribute__((                                                                           \
        target("avx512f,avx512bw,avx512vl,avx512dq,avx512cd,avx512vbmi,avx512vbmi2,avx2,bmi," \
               "bmi2,lzcnt,popcnt")))
#define INLINE static inline __attribute__((always_inline)) TARGET

/* Four times one byte a lane. */
#define FOUR(x) (0x01010101 * (x))

/* Constants as the loop wants them: in registers, which a compiler does not see by itself. */
static const struct constants {
    uint32_t spread[16];  /* a lane's lowest byte to all four */
    uint8_t position[64]; /* 64 and up */
    uint8_t behind[64];   /* 65 and up */
    /* Lanes of three vectors (tag, offset, length) as fields: first of tag (0..) and offset (16..),
     * then of that and length (16..). */
    uint32_t pick[3][16];
    uint32_t more[3][16];
    uint32_t index, zeros, tens, hundreds, sohs, equal_signs, behind_before, block;
} constants __attribute__((aligned(64))) = {
#define ROW4(f, x) f(x), f((x) + 1), f((x) + 2), f((x) + 3)
#define ROW16(f, x) ROW4(f, x), ROW4(f, (x) + 4), ROW4(f, (x) + 8), ROW4(f, (x) + 12)
#define ROW64(f, x) ROW16(f, x), ROW16(f, (x) + 16), ROW16(f, (x) + 32), ROW16(f, (x) + 48)
#define SPREAD(x) FOUR(4 * ((x) % 4))
#define SAME(x) (x)
    .spread = {ROW16(SPREAD, 0)},
    .position = {ROW64(SAME, 64)},
    .behind = {ROW64(SAME, 65)},
    .pick = {{0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5},
             {21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26},
             {0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0}},
    .more = {{0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15},
             {0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15},
             {26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31}},
    .index = 0x03020100,
    .zeros = FOUR('0'),
    .tens = 0x010A010A,
    .hundreds = 0x00010064,
    .sohs = FOUR(RL_FIX_SOH),
    .equal_signs = FOUR('='),
    .behind_before = (uint32_t)-63,
    .block = 64,
};

INLINE __m512i keep(__m512i v)
{
    __asm__("" : "+v"(v));
    return v;
}

INLINE __m512i load(const void *p)
{
    return keep(_mm512_load_si512(p));
}

/* The same word in all lanes, loaded: a compiler would rather make it from an immediate. */
INLINE __m512i same(const uint32_t *word)
{
    __m512i v;

    __asm__("vpbroadcastd %1, %0" : "=v"(v) : "m"(*word));
    return v;
}

INLINE __m512i lanes(uint32_t v)
{
    return _mm512_set1_epi32((int)v);
}

/* Tags of four digits from `at` on; the bytes less '0'. */
INLINE __m512i four_digits(__m512i before, __m512i block, __m512i at, __m512i spread, __m512i bytes,
                           __m512i zeros)
{
    __m512i index = _mm512_add_epi8(_mm512_shuffle_epi8(at, spread), bytes);

    return _mm512_xor_si512(_mm512_permutex2var_epi8(before, index, block), zeros);
}

/* Four digits a lane as numbers. */
INLINE __m512i numbers(__m512i x, __m512i tens, __m512i hundreds)
{
    return _mm512_madd_epi16(_mm512_maddubs_epi16(x, tens), hundreds);
}

/* The lanes' last n digits of four, the others zero; nothing when n is not 1 to 4. */
INLINE __m512i last_digits(__mmask16 which, __m512i digits, __m512i n)
{
    return _mm512_maskz_sllv_epi32(which, digits,
                                   _mm512_sub_epi32(lanes(32), _mm512_slli_epi32(n, 3)));
}

/*
 * Lanes whose tag may state the length of raw data, or came out as 0. True when they are tags of
 * five to eight digits, put right here, or no length tags after all.
 */
static bool TARGET take_rare(__mmask16 rare, __m512i before, __m512i block, __m512i starts,
                             __m512i equals, __m512i *tags)
{
    const __m512i spread = load(constants.spread), bytes = same(&constants.index);
    const __m512i zeros = same(&constants.zeros), tens = same(&constants.tens);
    const __m512i hundreds = same(&constants.hundreds);
    __m512i n_digits = _mm512_sub_epi32(equals, starts), low, high;
    __mmask16 is_long = _mm512_mask_cmpgt_epu32_mask(rare, n_digits, lanes(4));
    uint32_t tag[16];

    if (is_long != 0) {
        if (_mm512_mask_cmpgt_epu32_mask(is_long, n_digits, lanes(8)) != 0)
            return false;
        low = four_digits(before, block, _mm512_sub_epi32(equals, lanes(4)), spread, bytes, zeros);
        high = last_digits(is_long, four_digits(before, block, starts, spread, bytes, zeros),
                           _mm512_sub_epi32(n_digits, lanes(4)));
        if (_mm512_mask_cmpgt_epu8_mask(_mm512_movepi8_mask(_mm512_movm_epi32(is_long)),
                                        _mm512_max_epu8(low, high), _mm512_set1_epi8(9)) != 0)
            return false;
        *tags =
            _mm512_mask_add_epi32(*tags, is_long, numbers(low, tens, hundreds),
                                  _mm512_mullo_epi32(numbers(high, tens, hundreds), lanes(10000)));
    }
    _mm512_storeu_si512(tag, *tags);
    for (uint32_t left = rare; left != 0; left &= left - 1) {
        uint32_t t = tag[__builtin_ctz(left)];

        if (t == 0 || (t < RL_FIX_LENGTH_TAGS && (rl_fix_is_length[t / 32] >> t % 32 & 1)))
            return false;
    }
    return true;
}

bool TARGET rl_fix_fields_avx512(struct rl_fix_msg *m, uint32_t trailer, uint32_t *sum)
{
    const __m512i spread = load(constants.spread), bytes = same(&constants.index);
    const __m512i position = load(constants.position), behind = load(constants.behind);
    const __m512i pick0 = load(constants.pick[0]), more0 = load(constants.more[0]);
    const __m512i pick1 = load(constants.pick[1]), more1 = load(constants.more[1]);
    const __m512i map_low = load(rl_fix_length_map), map_high = load(rl_fix_length_map + 16);
    const __m512i zeros = same(&constants.zeros), tens = same(&constants.tens);
    const __m512i hundreds = same(&constants.hundreds), sohs = same(&constants.sohs);
    const __m512i equal_signs = same(&constants.equal_signs), block_bytes = same(&constants.block);
    const __m512i none = _mm512_setzero_si512();
    const uint8_t *p = m->bytes;
    uint32_t *out = (uint32_t *)(void *)m->fields;
    uint32_t n_fields = 0;
    const uint32_t n_max = m->n_fields_max;
    /*
     * Of the field that is open at the end of a block: where it began, and when its '=' was seen
     * (in_value is 1) where that is, and its tag. All lanes the same, of the tag only the first.
     */
    __m512i open_at = block_bytes, open_eq = none, open_tag = none;
    uint32_t in_value = 0;
    __m512i before = none, sums = none, digit_max = none, at_field = same(&constants.behind_before);
    __mmask16 bad = 0;
    uint64_t is_open = 1; /* a field began before the block, its '=' did not */

    for (uint32_t at = 0; at < trailer; at += 64) {
        uint32_t n_soh, n_eq;
        __m512i block, next, equals, starts, n_digits, digits, tags, len, off;
        __mmask16 with_tag, rare;
        uint64_t soh, eq, first;

        if (RL_LIKELY(trailer - at >= 64))
            block = _mm512_loadu_si512(p + at);
        else
            block = _mm512_maskz_loadu_epi8(~0ULL >> (64 - (trailer - at)), p + at);
        soh = _mm512_cmpeq_epi8_mask(block, sohs);
        eq = _mm512_cmpeq_epi8_mask(block, equal_signs);
        __asm__("" : "+r"(soh), "+r"(eq));
        sums = _mm512_add_epi64(sums, _mm512_sad_epu8(block, none));
        /* Of each field's '=' only the first, where a bit at its start is carried to. */
        is_open = __builtin_add_overflow(~eq, soh << 1 | is_open, &first) | soh >> 63;
        eq &= first;
        n_soh = (uint32_t)__builtin_popcountll(soh);
        n_eq = (uint32_t)__builtin_popcountll(eq);
        /* 16 fields of four bytes would fit; as many, or more, are left to the careful walk. */
        if (RL_UNLIKELY(n_soh > 15 || n_fields + n_soh >= n_max))
            return false;

        next = _mm512_cvtepu8_epi32(
            _mm512_castsi512_si128(_mm512_mask_compress_epi8(_mm512_set1_epi8(-1), soh, behind)));
        equals =
            _mm512_cvtepu8_epi32(_mm512_castsi512_si128(_mm512_maskz_compress_epi8(eq, position)));
        starts = _mm512_alignr_epi32(next, open_at, 15);
        equals = _mm512_mask_alignr_epi32(equals, (__mmask16)-in_value, equals, open_eq, 15);
        with_tag = (__mmask16)(_bzhi_u32(0xFFFF, n_eq) << in_value);

        n_digits = _mm512_sub_epi32(equals, starts);
        digits = four_digits(before, block, starts, spread, bytes, zeros);
        bad = _kor_mask16(bad, _mm512_mask_testn_epi32_mask(with_tag, digits, lanes(0xFF)));
        digits = last_digits(with_tag, digits, n_digits);
        digit_max = _mm512_max_epu8(digit_max, digits);
        tags = numbers(digits, tens, hundreds);
        rare = _mm512_mask_test_epi32_mask(
            with_tag, lanes(1),
            _mm512_rorv_epi32(
                _mm512_permutex2var_epi32(map_low, _mm512_srli_epi32(tags, 5), map_high), tags));
        if (RL_UNLIKELY(!_kortestz_mask16_u8(rare, rare)) &&
            !take_rare(rare, before, block, starts, equals, &tags))
            return false;
        tags = _mm512_or_si512(tags, open_tag);

        len = _mm512_sub_epi32(next, equals);
        bad = _kor_mask16(bad, _mm512_cmplt_epu32_mask(len, lanes(3)));
        len = _mm512_sub_epi32(len, lanes(2));
        off = _mm512_add_epi32(equals, at_field);
        if (RL_LIKELY(n_fields + 16 <= n_max)) {
            uint32_t *f = out + 3 * (size_t)n_fields;

            _mm512_storeu_si512(f, _mm512_permutex2var_epi32(
                                       _mm512_permutex2var_epi32(tags, pick0, off), more0, len));
            _mm512_storeu_si512(
                f + 16,
                _mm512_permutex2var_epi32(_mm512_permutex2var_epi32(tags, pick1, off), more1, len));
            if (RL_UNLIKELY(n_soh > 10))
                _mm512_storeu_si512(
                    f + 32,
                    _mm512_permutex2var_epi32(
                        _mm512_permutex2var_epi32(tags, _mm512_load_si512(constants.pick[2]), off),
                        _mm512_load_si512(constants.more[2]), len));
        } else { /* the table ends here: no lane more than there are fields */
            for (uint32_t i = 0; i < 3; i++)
                _mm512_mask_storeu_epi32(
                    out + 3 * (size_t)n_fields + 16 * i,
                    (__mmask16)(((1ULL << (3 * n_soh)) - 1) >> (16 * i)),
                    _mm512_permutex2var_epi32(
                        _mm512_permutex2var_epi32(tags, _mm512_load_si512(constants.pick[i]), off),
                        _mm512_load_si512(constants.more[i]), len));
        }
        n_fields += n_soh;
        in_value += n_eq - n_soh;
        if (RL_UNLIKELY(in_value > 1)) /* fields without '='; never 1 at the trailer's SOH */
            return false;
        open_at = _mm512_sub_epi32(_mm512_permutexvar_epi32(lanes(n_soh), starts), block_bytes);
        open_eq = _mm512_sub_epi32(_mm512_permutexvar_epi32(lanes(n_soh), equals), block_bytes);
        open_tag = _mm512_maskz_permutexvar_epi32(1, lanes(n_soh), tags);
        at_field = _mm512_add_epi32(at_field, block_bytes);
        before = block;
    }
    m->n_fields = n_fields;
    *sum = (uint32_t)_mm512_reduce_add_epi64(sums);
    return _kortestz_mask16_u8(bad, bad) &&
           _mm512_cmpgt_epu8_mask(digit_max, _mm512_set1_epi8(9)) == 0;
}

enum rl_fix_result TARGET rl_fix_parse_avx512(struct rl_fix_msg *m, const uint8_t *bytes,
                                              uint32_t n_bytes)
{
    return rl_fix_parse_by(m, bytes, n_bytes, rl_fix_fields_avx512);
}
