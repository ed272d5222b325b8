/*
 * dict_quick - the quick checks of values, for the walks that answer yes or "ask somebody else".
 *
 * Threads, Memory:  see dict.h.
 * Cost:     a value is loaded once, as eight or sixteen bytes; no check has a loop for what is
 * usual.
 *
 * Bytes around a value may be read: a message whose BeginString is the dictionary's has at least 16
 * bytes before the end of any field from the fourth on ("8=FIX.4.4|9=5|35=0|"), and behind every
 * value but CheckSum's there are SOH and seven bytes of trailer.
 */
#ifndef RL_MARKET_FIX_DICT_QUICK_H
#define RL_MARKET_FIX_DICT_QUICK_H

#include <immintrin.h>

#include "market/fix/dict_inner.h"

#define INLINE static inline __attribute__((always_inline))

/* What the walk holds in registers: what it writes is bytes, which could be any of these. */
struct look {
    const struct rl_fix_dict *d;
    const uint8_t *bytes;
    const struct rl_fix_field *fields;
    const struct rl_fix_mask *masks;
    const struct rl_fix_scope *groups;
    uint32_t last;    /* CheckSum's place */
    __m128i to_least; /* see not_digits */
    __m128i most;
};

/*
 * Which of the last 16 bytes of a value are no digits, shifted so that what lies before the value
 * is gone and bit 0 is its first byte; n is 1 to 16. With 0x50 added, '0' to '9' are the ten least
 * of all signed bytes: one comparison.
 */
INLINE uint32_t not_digits(const struct look *l, const uint8_t *s, uint32_t n)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + n - 16));
    __m128i others = _mm_cmpgt_epi8(_mm_add_epi8(v, l->to_least), l->most);

    return (uint32_t)_mm_movemask_epi8(others) >> (16 - n);
}

/* 1 to 16 digits. */
INLINE bool quick_uint(const struct look *l, const uint8_t *s, uint32_t n)
{
    return RL_LIKELY(n - 1 <= 15) && not_digits(l, s, n) == 0;
}

INLINE bool quick_seq(const struct look *l, const uint8_t *s, uint32_t n)
{
    if (!quick_uint(l, s, n))
        return false;
    for (uint32_t i = 0; i < n; i++) /* one turn, but for leading zeros */
        if (s[i] != '0')
            return true;
    return false;
}

/* 1 to 16 digits, or 2 to 16 bytes that are digits but for one point; no sign. */
INLINE bool quick_float(const struct look *l, const uint8_t *s, uint32_t n)
{
    uint32_t others;

    if (RL_UNLIKELY(n - 1 > 15))
        return false;
    others = not_digits(l, s, n);
    if (others == 0)
        return true;
    return (others & (others - 1)) == 0 && n > 1 && s[__builtin_ctz(others)] == '.';
}

/* The days that not every month has; February is left to the exact check. */
INLINE bool quick_late_day(const uint8_t *s)
{
    const uint32_t long_months = 0x15AA; /* bits 1 3 5 7 8 10 12 */
    uint32_t month = (s[4] - (uint32_t)'0') * 10 + s[5] - '0';

    return month != 2 && (s[6] != '3' || s[7] == '0' || (long_months >> month & 1));
}

#ifdef __SSSE3__
/*
 * YYYYMMDD-HH:MM:SS, perhaps '.' and 1 to 9 digits. All but the first byte at once: each byte
 * within its bounds, then month, day, hour and second as numbers of two characters within theirs.
 */
INLINE bool quick_timestamp(const struct look *l, const uint8_t *s, uint32_t n)
{
    const __m128i least = _mm_setr_epi8('0', '0', '0', '0', '0', '0', '0', '-', '0', '0', ':', '0',
                                        '0', ':', '0', '0');
    const __m128i room = _mm_setr_epi8(9, 9, 9, 1, 9, 3, 9, 0, 2, 9, 0, 5, 9, 0, 6, 9);
    /* The first character of two is the higher byte. */
    const __m128i twos = _mm_setr_epi8(4, 3, 6, 5, 9, 8, 15, 14, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m128i least_two = _mm_setr_epi16(0x3031, 0x3031, 0x3030, 0x3030, 0, 0, 0, 0);
    const __m128i room_two = _mm_setr_epi16(0x3132 - 0x3031, 0x3331 - 0x3031, 0x3233 - 0x3030,
                                            0x3630 - 0x3030, 0, 0, 0, 0);
    __m128i v, pairs, wrong;

    if (RL_UNLIKELY(n < 17 || n == 18 || n > 27))
        return false;
    v = _mm_loadu_si128((const __m128i *)(const void *)(s + 1));
    pairs = _mm_shuffle_epi8(v, twos);
    wrong = _mm_or_si128(_mm_subs_epu8(_mm_sub_epi8(v, least), room),
                         _mm_subs_epu16(_mm_sub_epi16(pairs, least_two), room_two));
    if (RL_UNLIKELY(_mm_movemask_epi8(_mm_cmpeq_epi8(wrong, _mm_setzero_si128())) != 0xFFFF))
        return false;
    if (RL_UNLIKELY((uint8_t)(s[0] - '0') > 9))
        return false;
    if (RL_UNLIKELY(s[6] == '3' || (s[6] == '2' && s[7] == '9')) && !quick_late_day(s))
        return false;
    return n == 17 || (s[17] == '.' && quick_uint(l, s + 18, n - 18));
}

/* HH:MM:SS and the same decimals, in the same way. */
INLINE bool quick_time(const struct look *l, const uint8_t *s, uint32_t n)
{
    const __m128i least =
        _mm_setr_epi8('0', '0', ':', '0', '0', ':', '0', '0', 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i room = _mm_setr_epi8(2, 9, 0, 5, 9, 0, 6, 9, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i twos = _mm_setr_epi8(1, 0, 7, 6, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m128i least_two = _mm_setr_epi16(0x3030, 0x3030, 0, 0, 0, 0, 0, 0);
    const __m128i room_two = _mm_setr_epi16(0x3233 - 0x3030, 0x3630 - 0x3030, 0, 0, 0, 0, 0, 0);
    __m128i v, pairs, wrong;

    if (RL_UNLIKELY(n < 8 || n == 9 || n > 18))
        return false;
    v = _mm_loadl_epi64((const __m128i *)(const void *)s);
    pairs = _mm_shuffle_epi8(v, twos);
    wrong = _mm_or_si128(_mm_subs_epu8(_mm_sub_epi8(v, least), room),
                         _mm_subs_epu16(_mm_sub_epi16(pairs, least_two), room_two));
    if (RL_UNLIKELY(_mm_movemask_epi8(_mm_cmpeq_epi8(wrong, _mm_setzero_si128())) != 0xFFFF))
        return false;
    return n == 8 || (s[8] == '.' && quick_uint(l, s + 9, n - 9));
}
#else
INLINE bool quick_time(const struct look *l, const uint8_t *s, uint32_t n)
{
    (void)l;
    (void)s;
    (void)n;
    return false; /* the exact check serves */
}

INLINE bool quick_timestamp(const struct look *l, const uint8_t *s, uint32_t n)
{
    (void)l;
    (void)s;
    (void)n;
    return false;
}
#endif

INLINE bool quick_set(const struct rl_fix_set *set, const uint8_t *s, uint32_t n)
{
    uint64_t key;

    if (RL_UNLIKELY(n > 8))
        return false;
    key = rl_fix_key(s, n);
    for (uint32_t i = rl_fix_set_hash(key);; i++) {
        const struct rl_fix_set_slot *slot = &set->slots[i & set->mask];

        if (slot->key == key && slot->n == n)
            return true;
        if (slot->n == 0)
            return false;
    }
}

/* A count of at most eight digits, which quick_int saw; more than can be when it is negative. */
INLINE uint32_t quick_count(const uint8_t *s, uint32_t n)
{
    uint32_t count = 0;

    if (RL_UNLIKELY(n > 8 || s[0] == '-'))
        return UINT32_MAX;
    for (uint32_t i = 0; i < n; i++)
        count = count * 10 + (s[i] - (uint32_t)'0');
    return count;
}

INLINE bool quick_value(const struct look *l, const struct rl_fix_member *e,
                        const struct rl_fix_field *f)
{
    const uint8_t *s = l->bytes + f->off;
    uint32_t n = f->len;

    switch ((enum rl_fix_how)e->how) {
    case RL_FIX_H_ANY:
        return true;
    case RL_FIX_H_ONE:
        return n == 1;
    case RL_FIX_H_MASK:
        return n == 1 && s[0] < 128 && rl_fix_bit(l->masks[e->values].bits, s[0]);
    case RL_FIX_H_INT:
    case RL_FIX_H_UINT:
        if (RL_LIKELY(quick_uint(l, s, n)))
            return true;
        break;
    case RL_FIX_H_FLOAT:
        if (RL_LIKELY(quick_float(l, s, n)))
            return true;
        break;
    case RL_FIX_H_TIMESTAMP:
        if (RL_LIKELY(quick_timestamp(l, s, n)))
            return true;
        break;
    case RL_FIX_H_TIME:
        if (RL_LIKELY(quick_time(l, s, n)))
            return true;
        break;
    case RL_FIX_H_SEQ:
        return quick_seq(l, s, n);
    case RL_FIX_H_SET:
        return quick_set(&l->d->sets[e->values], s, n);
    case RL_FIX_H_LIST:
        return rl_fix_is_listed(l->d, e, s, n);
    case RL_FIX_H_TYPE:
        break;
    case RL_FIX_H_VERSION:
        return n == 1 && s[0] == (uint8_t)l->d->appl_ver_id;
    case RL_FIX_H_DATA:
        return f[-1].tag == e->values;
    case RL_FIX_H_COUNT:
        return quick_uint(l, s, n) && quick_count(s, n) == e->at;
    case RL_FIX_H_ASK:
        return false;
    default:
        __builtin_unreachable(); /* built by us: saves a comparison */
    }
    return rl_fix_type_holds(rl_fix_type_of(e), s, n); /* signs, days that few months have ... */
}

INLINE struct look look_at(const struct rl_fix_dict *d, const struct rl_fix_msg *m)
{
    struct look l = {.d = d,
                     .bytes = m->bytes,
                     .fields = m->fields,
                     .masks = d->masks,
                     .groups = d->groups,
                     .last = m->n_fields - 1,
                     .to_least = _mm_set1_epi8(0x50),
                     .most = _mm_set1_epi8(-128 + 9)};

    /* Or the compiler makes the constants anew for every value, six instructions each time. */
    __asm__("" : "+x"(l.to_least), "+x"(l.most));
    return l;
}

INLINE bool is_begin(const struct rl_fix_dict *d, const struct rl_fix_msg *m)
{
    const struct rl_fix_field *f = &m->fields[0];

    return f->len == d->n_begin_string && rl_fix_key(m->bytes + f->off, f->len) == d->begin_string;
}

#endif
