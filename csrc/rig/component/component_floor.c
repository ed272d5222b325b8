/*
 * The floor of FIX parsing: what a plain AVX2 pass over the bytes takes that still finds every
 * field, adds up the checksum and converts the same values. It believes whatever it reads: no frame
 * is verified, no field's shape, no raw data, no room for another field; a hostile message makes it
 * read and write out of bounds. A parser that verifies all of that and is as fast has lost nothing.
 */
#include "rig/component/component_fix.h"

#include <immintrin.h>

#define BLOCK 64
#define AT_ONCE 12 /* delimiters of most blocks */
#define MAX_DELIMITERS (2 * RL_FIX_MAX_FIELDS)

/* From mask + BLOCK - n on, n bytes are kept and the others are not. */
static const uint8_t mask[2 * BLOCK + BLOCK] = {
#define KEPT_8 255, 255, 255, 255, 255, 255, 255, 255
    KEPT_8, KEPT_8, KEPT_8, KEPT_8, KEPT_8, KEPT_8, KEPT_8, KEPT_8,
};

/* Up to four digits before `end`, without a branch on how many. */
static inline uint32_t tag_before(const uint8_t *end, uint32_t n)
{
    uint32_t v;

    memcpy(&v, end - sizeof(v), sizeof(v));
    v = (v ^ 0x30303030U) & UINT32_MAX << (32 - 8 * n);
    v = v * 10 + (v >> 8);
    return (v & 0xFF) * 100 + (v >> 16 & 0xFF);
}

static inline __attribute__((target("avx2"))) __m256i load(const uint8_t *s)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)s);
}

static inline __attribute__((target("avx2"))) uint32_t delimiters(__m256i v)
{
    return (uint32_t)_mm256_movemask_epi8(
        _mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8(RL_FIX_SOH)),
                        _mm256_cmpeq_epi8(v, _mm256_set1_epi8('='))));
}

/* Where '=' and SOH stand, and the sum of the bytes. */
__attribute__((target("avx2,bmi"))) static uint32_t delimit(const uint8_t *bytes, uint32_t n_bytes,
                                                            uint32_t *at, uint32_t *sum)
{
    __m256i sums = _mm256_setzero_si256();
    uint32_t n = 0;

    for (uint32_t i = 0; i < n_bytes; i += BLOCK) {
        __m256i low = load(bytes + i), high = load(bytes + i + BLOCK / 2);
        uint32_t *to = at + n;
        uint64_t found;

        if (i + BLOCK > n_bytes) { /* the bytes after the message are not its own */
            low = _mm256_and_si256(low, load(mask + BLOCK - (n_bytes - i)));
            high = _mm256_and_si256(high, load(mask + BLOCK + BLOCK / 2 - (n_bytes - i)));
        }
        found = delimiters(low) | (uint64_t)delimiters(high) << 32;
        sums =
            _mm256_add_epi64(sums, _mm256_add_epi64(_mm256_sad_epu8(low, _mm256_setzero_si256()),
                                                    _mm256_sad_epu8(high, _mm256_setzero_si256())));
        n += (uint32_t)__builtin_popcountll(found);
        for (uint32_t k = 0; k < AT_ONCE; k++, found &= found - 1) /* some are too many: cheaper */
            to[k] = i + (uint32_t)_tzcnt_u64(found);               /* than a branch that is wrong */
        for (uint32_t k = AT_ONCE; found != 0; k++, found &= found - 1)
            to[k] = i + (uint32_t)_tzcnt_u64(found);
    }
    *sum = (uint32_t)(_mm256_extract_epi64(sums, 0) + _mm256_extract_epi64(sums, 1) +
                      _mm256_extract_epi64(sums, 2) + _mm256_extract_epi64(sums, 3));
    return n;
}

/* '=' and SOH take turns, or so it believes: pairs of them are fields, the third is MsgType. */
uint64_t rl_fix_floor(const uint8_t *bytes, uint32_t n_bytes)
{
    const struct rl_fix_msg m = {.bytes = bytes, .n_bytes = n_bytes};
    uint32_t at[MAX_DELIMITERS + BLOCK], sum, n = delimit(bytes, n_bytes, at, &sum);
    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): fed whole messages */
    const uint8_t *values = rl_job_values_of(at[5] - at[4] == 2 ? bytes[at[4] + 1] : 0);
    const uint8_t *end = bytes + n_bytes;
    uint64_t answer = 0;

    for (int i = 1; i <= 7; i++) /* "10=nnn|" is not summed */
        sum -= end[-i];
    if ((sum & 255) != (end[-4] - 48U) * 100 + (end[-3] - 48U) * 10 + (end[-2] - 48U))
        return RL_JOB_NOT_PARSED;
    for (uint32_t k = 6; k + 1 < n; k += 2) {
        uint32_t tag = tag_before(bytes + at[k], at[k] - at[k - 1] - 1);
        struct rl_fix_field f = {.tag = (__typeof__(f.tag))tag,
                                 .off = (__typeof__(f.off))(at[k] + 1),
                                 .len = (__typeof__(f.len))(at[k + 1] - at[k] - 1)};

        answer = rl_fix_value_folded(answer, &m, &f, tag < RL_JOB_N_TAGS ? values[tag] : 0);
    }
    return answer;
}
