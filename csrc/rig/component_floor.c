/*
 * The floor of FIX parsing: what the fastest plain pass over the bytes takes that still finds every
 * field, adds up the checksum and converts the same values. It believes whatever it reads: no frame
 * is verified, no field's shape, no raw data, no room for another field; a hostile message makes it
 * read and write out of bounds. A parser that verifies all of that and is as fast has lost nothing.
 */
#include "rig/component_fix.h"

#include <immintrin.h>

#define BLOCK 64
#define AT_ONCE 12 /* delimiters of most blocks */
#define MAX_DELIMITERS (2 * RL_FIX_MAX_FIELDS)

/* Eight digits in three multiplications: D. Lemire, "Quickly parsing eight digits". */
static inline uint64_t digits(const uint8_t *s, uint32_t n)
{
    uint64_t v;

    if (n > 8)
        return digits(s, n - 8) * 100000000 + digits(s + n - 8, 8);
    if (n == 0)
        return 0;
    memcpy(&v, s, sizeof(v));
    v = (v - 0x3030303030303030ULL) << (64 - 8 * n);
    v = v * 10 + (v >> 8);
    return ((v & 0x000000FF000000FFULL) * 0x000F424000000064ULL +
            (v >> 16 & 0x000000FF000000FFULL) * 0x0000271000000001ULL) >>
           32;
}

/* From mask + BLOCK - n on, n bytes are kept and the others are not. */
static const uint8_t mask[2 * BLOCK + BLOCK] = {
#define KEPT_8 255, 255, 255, 255, 255, 255, 255, 255
    KEPT_8, KEPT_8, KEPT_8, KEPT_8, KEPT_8, KEPT_8, KEPT_8, KEPT_8,
};

static inline uint64_t nanos(const uint8_t *s, uint32_t n)
{
    static const uint64_t scale[] = {1000000000, 100000000, 10000000, 1000000, 100000,
                                     10000,      1000,      100,      10,      1};
    uint32_t is_negative = s[0] == '-', n_int;
    uint64_t v;

    s += is_negative;
    n -= is_negative;
    n_int = (uint32_t)__builtin_ctz(
        (uint32_t)_mm_movemask_epi8(
            _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)s), _mm_set1_epi8('.'))) |
        1U << n);
    v = digits(s, n_int) * 1000000000;
    if (n_int < n) {
        uint32_t n_frac = n - n_int - 1;

        if (RL_UNLIKELY(n_frac > 9)) { /* rounded, as everywhere */
            v += s[n_int + 10] >= '5';
            n_frac = 9;
        }
        v += digits(s + n_int + 1, n_frac) * scale[n_frac];
    }
    return is_negative ? 0 - v : v;
}

static uint32_t tag_of(const uint8_t *s, uint32_t n)
{
    switch (n) {
    case 1:
        return s[0] - (uint32_t)'0';
    case 2:
        return s[0] * 10U + s[1] - 11U * '0';
    case 3:
        return s[0] * 100U + s[1] * 10U + s[2] - 111U * '0';
    default:
        return (uint32_t)digits(s, n);
    }
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

/* '=' and SOH take turns, or so it believes: pairs of them are fields. */
__attribute__((target("avx2,bmi"))) static uint32_t
split(const uint8_t *bytes, uint32_t n_bytes, struct rl_fix_field *fields, uint32_t *sum)
{
    __m256i sums = _mm256_setzero_si256();
    uint32_t at[MAX_DELIMITERS + BLOCK], n = 0, start = 0;

    for (uint32_t i = 0; i < n_bytes; i += BLOCK) {
        __m256i low = load(bytes + i), high = load(bytes + i + BLOCK / 2);
        uint64_t found;

        if (i + BLOCK > n_bytes) { /* the bytes after the message are not its own */
            low = _mm256_and_si256(low, load(mask + BLOCK - (n_bytes - i)));
            high = _mm256_and_si256(high, load(mask + BLOCK + BLOCK / 2 - (n_bytes - i)));
        }
        found = delimiters(low) | (uint64_t)delimiters(high) << 32;
        sums =
            _mm256_add_epi64(sums, _mm256_add_epi64(_mm256_sad_epu8(low, _mm256_setzero_si256()),
                                                    _mm256_sad_epu8(high, _mm256_setzero_si256())));
        uint32_t *to = at + n, n_found = (uint32_t)__builtin_popcountll(found);

        n += n_found;
        for (uint32_t k = 0; k < AT_ONCE; k++, found &= found - 1) /* some are too many: cheaper */
            to[k] = i + (uint32_t)_tzcnt_u64(found);               /* than a branch that is wrong */
        for (uint32_t k = AT_ONCE; found != 0; k++, found &= found - 1)
            to[k] = i + (uint32_t)_tzcnt_u64(found);
    }
    for (uint32_t k = 0; k + 1 < n; k += 2) {
        struct rl_fix_field *f = &fields[k / 2];

        f->tag = (__typeof__(f->tag))tag_of(bytes + start, at[k] - start);
        f->off = (__typeof__(f->off))(at[k] + 1);
        f->len = (__typeof__(f->len))(at[k + 1] - at[k] - 1);
        start = at[k + 1] + 1;
    }
    *sum = (uint32_t)(_mm256_extract_epi64(sums, 0) + _mm256_extract_epi64(sums, 1) +
                      _mm256_extract_epi64(sums, 2) + _mm256_extract_epi64(sums, 3));
    return n / 2;
}

uint64_t rl_fix_floor(const uint8_t *bytes, uint32_t n_bytes, struct rl_fix_field *fields)
{
    uint32_t sum, n = split(bytes, n_bytes, fields, &sum);
    const uint8_t *end = bytes + n_bytes, *values;
    uint64_t answer = 0;

    for (int i = 1; i <= 7; i++) /* "10=nnn|" is not summed */
        sum -= end[-i];
    if ((sum & 255) != digits(end - 4, 3))
        return RL_JOB_NOT_PARSED;
    values = rl_job_values_of(fields[2].len == 1 ? bytes[fields[2].off] : 0);
    for (uint32_t k = 0; k < n; k++) {
        const struct rl_fix_field *f = &fields[k];
        const uint8_t *s = bytes + f->off;

        if (f->tag >= RL_JOB_N_TAGS)
            continue;
        switch (values[f->tag]) {
        case RL_JOB_UINT:
            answer = rl_job_fold(answer, f->tag, digits(s, f->len));
            break;
        case RL_JOB_PX:
            answer = rl_job_fold(answer, f->tag, nanos(s, f->len));
            break;
        case RL_JOB_CHAR:
            answer = rl_job_fold(answer, f->tag, s[0]);
            break;
        case RL_JOB_TEXT:
            answer = rl_job_fold(answer, f->tag,
                                 (uint32_t)f->len << 16 | (uint32_t)s[0] << 8 | s[f->len - 1]);
            break;
        default:
            break;
        }
    }
    return answer;
}
