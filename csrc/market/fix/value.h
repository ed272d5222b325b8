/*
 * value - what FIX values say: integers, decimals without floats, times, characters.
 *
 * Threads:  functions of their arguments.
 * Memory:   rl_fix_read_* look at exactly the bytes they are given. The readers of a field
 *           (rl_fix_uint, rl_fix_px ...) know that a message goes on behind a value, and load eight
 *           bytes at once where the message has them.
 * Cost:     a field of at most 8 digits, or a price of at most 8 and 8, is read without a branch on
 *           its length; anything else goes the careful way. Both ways say the same.
 *
 * Nothing here skips blanks, takes an exponent or a '+', or reads a number that does not fit.
 */
#ifndef RL_MARKET_FIX_VALUE_H
#define RL_MARKET_FIX_VALUE_H

#ifdef __SSE4_1__
#include <smmintrin.h>
#endif

#include "base/money.h"
#include "market/fix/parse.h"

/* --- bytes given ------------------------------------------------------------------------------ */

/* Digits only, leading zeros allowed; false when empty, not digits, or beyond 64 bits. */
bool rl_fix_read_uint(const uint8_t *s, uint32_t n, uint64_t *out);

/* The same after an optional '-' (the type `int` of FIX); INT64_MIN does not fit. */
bool rl_fix_read_int(const uint8_t *s, uint32_t n, int64_t *out);

/*
 * A decimal as a count of 10^-n_decimals (at most 18), without floats: "-8.539999999999" at 9 is
 * -8540000000. Beyond the last decimal it is rounded to nearest, halves away from zero; *inexact
 * (may be NULL) says whether anything was cut. False when it is no FIX float or does not fit.
 */
bool rl_fix_read_decimal(const uint8_t *s, uint32_t n, unsigned n_decimals, int64_t *out,
                         bool *inexact);

static inline bool rl_fix_read_px(const uint8_t *s, uint32_t n, int64_t *px_nano)
{
    return rl_fix_read_decimal(s, n, 9, px_nano, NULL);
}

/* UTCTimestamp "YYYYMMDD-HH:MM:SS" with 0 to 9 decimals -> ns since 1970; false when it is none. */
bool rl_fix_read_time(const uint8_t *s, uint32_t n, uint64_t *ns);

/* UTCTimeOnly "HH:MM:SS" with 0 to 9 decimals -> ns since midnight (a leap second is 86400 s). */
bool rl_fix_read_time_only(const uint8_t *s, uint32_t n, uint64_t *ns);

/* UTCDateOnly, LocalMktDate "YYYYMMDD", 1970 to 2500 -> days since 1970. */
bool rl_fix_read_date(const uint8_t *s, uint32_t n, uint32_t *days);

/* MonthYear: "YYYYMM", "YYYYMMDD" or "YYYYMMw1" to "w5"; what is not given is 0. */
struct rl_fix_month {
    uint16_t year;
    uint8_t month, day, week;
};
bool rl_fix_read_month(const uint8_t *s, uint32_t n, struct rl_fix_month *out);

/* "Y" or "N" */
static inline bool rl_fix_read_bool(const uint8_t *s, uint32_t n, bool *out)
{
    if (n != 1 || (s[0] != 'Y' && s[0] != 'N'))
        return false;
    *out = s[0] == 'Y';
    return true;
}

/* --- fields of a message: false (or 0) when `f` is NULL --------------------------------------- */

/* Eight digits in a word: the first character is the lowest byte, '0' was taken off each. */
static inline bool rl_fix_is_digits8(uint64_t digits)
{
    return (((digits + 0x7676767676767676ULL) | digits) & 0x8080808080808080ULL) == 0;
}

/* Pairs, then fours, then eight: D. Lemire's "Quickly parsing eight digits" in two multiplies. */
static inline uint64_t rl_fix_digits8(uint64_t digits)
{
    digits = digits * 10 + (digits >> 8);
    return ((digits & 0x000000FF000000FFULL) * 0x000F424000000064ULL +
            ((digits >> 16) & 0x000000FF000000FFULL) * 0x0000271000000001ULL) >>
           32;
}

static inline uint64_t rl_fix_load8(const uint8_t *s)
{
    uint64_t v;

    memcpy(&v, s, sizeof v);
    return v ^ 0x3030303030303030ULL;
}

static inline bool rl_fix_uint(const struct rl_fix_msg *m, const struct rl_fix_field *f,
                               uint64_t *out)
{
    uint64_t digits;

    if (RL_UNLIKELY(!f))
        return false;
    /* Behind every value but CheckSum's there are SOH and seven bytes of trailer. */
    if (RL_UNLIKELY(f->len - 1 > 7 || f->tag == RL_FIX_CheckSum))
        return rl_fix_read_uint(m->bytes + f->off, f->len, out);
    digits = rl_fix_load8(m->bytes + f->off) << (64 - 8 * f->len);
    if (RL_UNLIKELY(!rl_fix_is_digits8(digits)))
        return false;
    *out = rl_fix_digits8(digits);
    return true;
}

/* A price that the short way does not read. */
bool rl_fix_px_careful(const struct rl_fix_msg *m, const struct rl_fix_field *f, int64_t *px_nano);

#ifdef __SSE4_1__
/*
 * A price in nano is a number of 16 digits, 7 before the point and 9 behind it: one shuffle puts
 * each digit where it belongs, wherever the point is, and three multiply-adds make the number.
 */
static inline bool rl_fix_px(const struct rl_fix_msg *m, const struct rl_fix_field *f,
                             int64_t *px_nano)
{
    const __m128i from = _mm_setr_epi8(-7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    const __m128i place = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    uint32_t is_negative, n, n_int;
    __m128i text, x;
    const uint8_t *s;
    int64_t px;

    if (RL_UNLIKELY(!f))
        return false;
    if (RL_UNLIKELY(f->len - 1 > 15 || m->n_bytes - f->off < 17))
        return rl_fix_px_careful(m, f, px_nano);
    s = m->bytes + f->off;
    is_negative = s[0] == '-';
    n = f->len - is_negative;
    text = _mm_loadu_si128((const __m128i *)(const void *)(s + is_negative));
    n_int = (uint32_t)__builtin_ctz(
        (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8('.'))) | 1u << n);
    x = _mm_and_si128(_mm_xor_si128(text, _mm_set1_epi8('0')),
                      _mm_cmplt_epi8(place, _mm_set1_epi8((char)n)));
    /* Places outside of the text, either way, get the top bit: the shuffle makes them 0. */
    x = _mm_shuffle_epi8(
        x, _mm_adds_epu8(_mm_add_epi8(from, _mm_set1_epi8((char)n_int)), _mm_set1_epi8(0x70)));
    /* As one branch: no digits before the point, more than 7 before it or 9 behind, no digits. */
    if (RL_UNLIKELY((n_int - 1 > 6) | (n > n_int + 10) |
                    !_mm_testz_si128(_mm_or_si128(_mm_add_epi8(x, _mm_set1_epi8(0x76)), x),
                                     _mm_set1_epi8((char)0x80))))
        return rl_fix_px_careful(m, f, px_nano);
    x = _mm_madd_epi16(_mm_maddubs_epi16(x, _mm_set1_epi16(0x010A)), _mm_set1_epi32(0x00010064));
    x = _mm_madd_epi16(_mm_packus_epi32(x, x), _mm_set1_epi32(0x00012710));
    px = (int64_t)(uint32_t)_mm_cvtsi128_si32(x) * 100000000 + (uint32_t)_mm_extract_epi32(x, 1);
    *px_nano = is_negative ? -px : px;
    return true;
}
#else
/* The digits before the point and those behind it, eight at a time in a word. */
static inline bool rl_fix_px(const struct rl_fix_msg *m, const struct rl_fix_field *f,
                             int64_t *px_nano)
{
    const uint64_t ones = 0x0101010101010101ULL;
    uint32_t is_negative, n, n_int, n_frac, at_frac;
    uint64_t v, x, whole, part;
    const uint8_t *s;
    int64_t px;

    if (RL_UNLIKELY(!f))
        return false;
    if (RL_UNLIKELY(f->len == 0 || f->tag == RL_FIX_CheckSum))
        return rl_fix_px_careful(m, f, px_nano);
    s = m->bytes + f->off;
    is_negative = s[0] == '-';
    s += is_negative;
    n = f->len - is_negative;
    v = rl_fix_load8(s);
    x = v ^ ones * ('.' ^ '0');
    x = (x - ones) & ~x & ones * 0x80; /* the lowest bit set is exact: the first point */
    n_int = x ? (uint32_t)__builtin_ctzll(x) / 8 : 8;
    n_int = n_int < n ? n_int : n;
    at_frac = n_int < n ? n_int + 1 : n;
    n_frac = n - at_frac;
    /* As one branch: no digits before the point, more than 8 before or behind it. */
    if (RL_UNLIKELY(n_int - 1 > 7 || n_frac > 8 || (x == 0 && n > 8)))
        return rl_fix_px_careful(m, f, px_nano);
    whole = v << (64 - 8 * n_int);
    part = rl_fix_load8(s + at_frac);
    part = n_frac ? part << (64 - 8 * n_frac) >> (64 - 8 * n_frac) : 0;
    px = (int64_t)(rl_fix_digits8(whole) * RL_NANO_PER_UNIT + rl_fix_digits8(part) * 10);
    if (RL_UNLIKELY(!rl_fix_is_digits8(whole) || !rl_fix_is_digits8(part)))
        return rl_fix_px_careful(m, f, px_nano);
    *px_nano = is_negative ? -px : px;
    return true;
}
#endif

static inline bool rl_fix_int(const struct rl_fix_msg *m, const struct rl_fix_field *f,
                              int64_t *out)
{
    return f && rl_fix_read_int(m->bytes + f->off, f->len, out);
}

static inline bool rl_fix_time(const struct rl_fix_msg *m, const struct rl_fix_field *f,
                               uint64_t *ns)
{
    return f && rl_fix_read_time(m->bytes + f->off, f->len, ns);
}

static inline bool rl_fix_bool(const struct rl_fix_msg *m, const struct rl_fix_field *f, bool *out)
{
    return f && rl_fix_read_bool(m->bytes + f->off, f->len, out);
}

/* The single character of a field; 0 when `f` is NULL or its value has not one byte. */
static inline uint8_t rl_fix_char(const struct rl_fix_msg *m, const struct rl_fix_field *f)
{
    return f && f->len == 1 ? m->bytes[f->off] : 0;
}

/* A string is a view: `text` in the message, f->len bytes. */
static inline bool rl_fix_is_text(const struct rl_fix_msg *m, const struct rl_fix_field *f,
                                  const char *text, uint32_t n)
{
    return f && f->len == n && memcmp(m->bytes + f->off, text, n) == 0;
}

#endif
