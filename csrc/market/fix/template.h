/*
 * template - a message rendered once; sending it copies the bytes and patches what changes.
 *
 * All that changes has a slot of fixed width (numbers with leading zeros, which FIX allows) except
 * the last field, a text. So nothing moves, BodyLength changes by the length of that text alone,
 * and CheckSum is the sum of the constant bytes, kept, plus that of the patches, each of which
 * returns what it wrote. Where a counterparty's rules forbid leading zeros, `is_short` has them
 * taken out of the finished message, at the price of moving what is behind them.
 *
 *     struct rl_fix_template t;
 *     rl_fix_template_begin(&t, "FIX.4.4", "D", "ME", "YOU");      34 and 52 have slots already
 *     int qty = rl_fix_template_slot(&t, 38, RL_FIX_SLOT_UINT, 9);
 *     rl_fix_template_end(&t, 55);
 *     ...
 *     sum = rl_fix_template_start(&t, out, msg_seq, time_ns);
 *     sum += rl_fix_patch_uint(out + t.slots[qty].at, 9, 100);
 *     n = rl_fix_template_finish(&t, out, "MSFT", 4, sum);
 *
 * Threads:  a template belongs to one thread (it remembers the second that it showed last).
 * Memory:   the caller's; messages go into the caller's buffer of rl_fix_template_bytes.
 * Cost:     a copy of the constant part, and a few operations for eight digits at once.
 */
#ifndef RL_MARKET_FIX_TEMPLATE_H
#define RL_MARKET_FIX_TEMPLATE_H

#include <emmintrin.h>

#include "base/money.h"
#include "market/fix/parse.h"

#define RL_FIX_TEMPLATE_MAX 640 /* no message of a template is longer */
#define RL_FIX_TEMPLATE_SLOTS 24
#define RL_FIX_TEXT_MAX 31        /* the last field */
#define RL_FIX_SEQ_DIGITS 10      /* the width of a number that will be patched */
#define RL_FIX_SLOT_PX_CHARS 21   /* sign or 0, ten digits, point, nine digits */
#define RL_FIX_SLOT_TIME_CHARS 24 /* "20260921-13:55:15.038544" */

enum rl_fix_slot_kind {
    RL_FIX_SLOT_TEXT, /* as it is patched */
    RL_FIX_SLOT_UINT, /* leading zeros can go */
    RL_FIX_SLOT_PX,   /* and zeros behind the point, and the point */
};

struct rl_fix_slot {
    uint16_t at;
    uint8_t n_bytes;
    uint8_t kind;
};

struct rl_fix_template {
    RL_ALIGNED uint8_t bytes[RL_FIX_TEMPLATE_MAX]; /* up to the last value; slots are zero */
    uint32_t n_prefix;                             /* bytes before the last value */
    uint32_t at_body;                              /* MsgType: from here BodyLength counts */
    uint32_t sum;                                  /* of the bytes above */
    uint32_t n_slots;
    struct rl_fix_slot slots[RL_FIX_TEMPLATE_SLOTS]; /* ascending; see below for the first */
    bool is_short;                                   /* set by the caller after _end */
    int err;                                         /* the first of _text and _slot */
    uint64_t second; /* since 1970: what `clock` shows; UINT64_MAX: nothing yet */
    uint32_t clock_sum;
    uint8_t clock[24]; /* "YYYYMMDD-HH:MM:SS." and zeros */
};

/* What every template has: BodyLength (three digits), MsgSeqNum, SendingTime. */
enum { RL_FIX_SLOT_LENGTH, RL_FIX_SLOT_SEQ, RL_FIX_SLOT_SENT, RL_FIX_SLOT_FIRST };

/* --- making one ------------------------------------------------------------------------------- */

/* 8, 9, 35, 34, 49, 56, 52. -EINVAL when a name is empty, too long, or holds a control character.
 */
int rl_fix_template_begin(struct rl_fix_template *t, const char *begin_string, const char *type,
                          const char *sender, const char *target);
/* A field that never changes. */
void rl_fix_template_text(struct rl_fix_template *t, uint32_t tag, const char *text);
/* A field that does; the slot's number. */
int rl_fix_template_slot(struct rl_fix_template *t, uint32_t tag, enum rl_fix_slot_kind kind,
                         uint32_t n_bytes);
/* The last field, of any length. -ENOSPC when it all became too much, or what _text had. */
int rl_fix_template_end(struct rl_fix_template *t, uint32_t last_tag);

/* Room that a message takes; a short one takes less in the end. */
static inline uint32_t rl_fix_template_bytes(const struct rl_fix_template *t, uint32_t n_text)
{
    return t->n_prefix + n_text + 8; /* SOH "10=nnn" SOH */
}

/* --- patches: each writes a fixed width and returns the sum of the bytes that it wrote -------- */

static inline uint32_t rl_fix_sum_of_8(uint64_t x)
{
    const uint64_t even = 0x00FF00FF00FF00FFULL;

    x = (x & even) + (x >> 8 & even);
    return (uint32_t)((x * 0x0001000100010001ULL) >> 48);
}

/* Eight digits of `v`, below 10^8, as a word in text order: split in parallel, as fours, twos,
 * ones. */
static inline uint64_t rl_fix_text_of_8(uint32_t v)
{
    uint64_t x = (v / 10000) | (uint64_t)(v % 10000) << 32;
    uint64_t hundreds = (x * 10486 >> 20) & 0x0000007F0000007FULL;
    uint64_t tens;

    x = hundreds | (x - hundreds * 100) << 16;
    tens = (x * 103 >> 10) & 0x000F000F000F000FULL;
    x = tens | (x - tens * 10) << 8;
    return x + 0x3030303030303030ULL;
}

static inline uint32_t rl_fix_patch_8(uint8_t *p, uint32_t v)
{
    uint64_t x = rl_fix_text_of_8(v);

    memcpy(p, &x, sizeof x);
    return rl_fix_sum_of_8(x);
}

static inline uint32_t rl_fix_patch_char(uint8_t *p, uint8_t c)
{
    *p = c;
    return c;
}

/* `v` is below 100. */
static inline uint32_t rl_fix_patch_2(uint8_t *p, uint32_t v)
{
    uint32_t tens = v * 103 >> 10, ones = v - tens * 10;
    uint16_t text = (uint16_t)(0x3030 + (tens | ones << 8));

    memcpy(p, &text, sizeof text);
    return 2 * '0' + tens + ones;
}

/* Twice eight digits at once, the same way. */
static inline __m128i rl_fix_text_of_16(uint32_t high, uint32_t low)
{
    __m128i v = _mm_set_epi64x((int64_t)low, (int64_t)high);
    __m128i q = _mm_srli_epi64(_mm_mul_epu32(v, _mm_set1_epi32((int)3518437209u)), 45);

    v = _mm_sub_epi32(v, _mm_mul_epu32(q, _mm_set1_epi32(10000)));
    v = _mm_or_si128(q, _mm_slli_epi64(v, 32));
    q = _mm_srli_epi16(_mm_mulhi_epu16(v, _mm_set1_epi32(5243)), 3);
    v = _mm_sub_epi16(v, _mm_mullo_epi16(q, _mm_set1_epi32(100)));
    v = _mm_or_si128(q, _mm_slli_epi32(v, 16));
    q = _mm_mulhi_epu16(v, _mm_set1_epi16(6554));
    v = _mm_sub_epi16(v, _mm_mullo_epi16(q, _mm_set1_epi16(10)));
    v = _mm_or_si128(q, _mm_slli_epi16(v, 8));
    return _mm_add_epi8(v, _mm_set1_epi8('0'));
}

static inline uint32_t rl_fix_sum_of_16(__m128i x)
{
    x = _mm_sad_epu8(x, _mm_setzero_si128());
    return (uint32_t)(_mm_cvtsi128_si32(x) + _mm_cvtsi128_si32(_mm_unpackhi_epi64(x, x)));
}

static inline void rl_fix_store_low(uint8_t *p, __m128i x)
{
    _mm_storel_epi64((__m128i *)(void *)p, x);
}

static inline void rl_fix_store_high(uint8_t *p, __m128i x)
{
    _mm_storel_epi64((__m128i *)(void *)p, _mm_unpackhi_epi64(x, x));
}

/* The lowest `width` digits of `v`, at most 20; always inline: a constant width is straight code.
 */
static inline __attribute__((always_inline)) uint32_t rl_fix_patch_uint(uint8_t *p, uint32_t width,
                                                                        uint64_t v)
{
    uint32_t sum = 0, rest;

    if (width >= 16) {
        __m128i x =
            rl_fix_text_of_16((uint32_t)(v / 100000000 % 100000000), (uint32_t)(v % 100000000));

        width -= 16;
        _mm_storeu_si128((__m128i *)(void *)(p + width), x);
        sum = rl_fix_sum_of_16(x);
        rest = (uint32_t)(v / 10000000000000000ULL);
    } else if (width >= 8) {
        width -= 8;
        sum = rl_fix_patch_8(p + width, (uint32_t)(v % 100000000));
        rest = (uint32_t)(v / 100000000 % 10000000);
    } else {
        rest = (uint32_t)(v % 10000000);
    }
    for (int i = 0; i < 3; i++)
        if (width >= 2) {
            width -= 2;
            sum += rl_fix_patch_2(p + width, rest % 100);
            rest /= 100;
        }
    if (width > 0)
        sum += rl_fix_patch_char(p, (uint8_t)('0' + rest % 10));
    return sum;
}

/* RL_FIX_SLOT_PX_CHARS; every price fits, RL_PX_NONE is 0. */
static inline uint32_t rl_fix_patch_px(uint8_t *p, int64_t px_nano)
{
    bool is_negative = px_nano < 0 && px_nano != RL_PX_NONE;
    uint64_t v = px_nano == RL_PX_NONE ? 0 : is_negative ? -(uint64_t)px_nano : (uint64_t)px_nano;
    uint64_t units = v / RL_NANO_PER_UNIT;
    uint32_t nano = (uint32_t)(v % RL_NANO_PER_UNIT);
    __m128i x = rl_fix_text_of_16((uint32_t)(units % 100000000), nano % 100000000);

    rl_fix_store_low(p + 3, x);
    rl_fix_store_high(p + 13, x);
    return rl_fix_sum_of_16(x) + rl_fix_patch_char(p, is_negative ? '-' : '0') +
           rl_fix_patch_2(p + 1, (uint32_t)(units / 100000000)) + rl_fix_patch_char(p + 11, '.') +
           rl_fix_patch_char(p + 12, (uint8_t)('0' + nano / 100000000));
}

static inline uint32_t rl_fix_patch_text(uint8_t *p, const void *bytes, uint32_t n)
{
    const uint8_t *from = bytes;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        p[i] = from[i];
        sum += from[i];
    }
    return sum;
}

/* Date and time to the second change rarely: they are kept as text. */
void rl_fix_template_clock(struct rl_fix_template *t, uint64_t second);

/* RL_FIX_SLOT_TIME_CHARS, to the microsecond; what is finer is cut. */
static inline uint32_t rl_fix_patch_time(struct rl_fix_template *t, uint8_t *p, uint64_t time_ns)
{
    uint64_t second = time_ns / 1000000000ULL;
    uint32_t us = (uint32_t)(time_ns % 1000000000ULL) / 1000;
    uint64_t text, digits;

    if (RL_UNLIKELY(second != t->second))
        rl_fix_template_clock(t, second);
    /* The clock's last two characters ("5.") and six digits are one word. */
    text = rl_fix_text_of_8(us);
    digits = text & ~0xFFFFULL;
    memcpy(&text, t->clock + 16, sizeof text);
    text |= digits;
    memcpy(p, t->clock, 16);
    memcpy(p + 16, &text, sizeof text);
    return t->clock_sum + rl_fix_sum_of_8(digits);
}

/* --- sending one ------------------------------------------------------------------------------ */

/* The copy, and the slots that every template has; the sum so far. `msg_seq` is below 10^10. */
static inline uint32_t rl_fix_template_start(struct rl_fix_template *t, uint8_t *out,
                                             uint64_t msg_seq, uint64_t time_ns)
{
    /* In steps of 64 with the last one ending where the bytes end: the header alone is longer. */
    for (uint32_t i = 0; i + 64 < t->n_prefix; i += 64)
        memcpy(out + i, t->bytes + i, 64);
    memcpy(out + t->n_prefix - 64, t->bytes + t->n_prefix - 64, 64);
    return t->sum +
           rl_fix_patch_uint(out + t->slots[RL_FIX_SLOT_SEQ].at, RL_FIX_SEQ_DIGITS, msg_seq) +
           rl_fix_patch_time(t, out + t->slots[RL_FIX_SLOT_SENT].at, time_ns);
}

/* Takes the zeros out of a finished message; its new length. */
uint32_t rl_fix_template_shorten(const struct rl_fix_template *t, uint8_t *out, uint32_t n_bytes);

/* The last text (1 to RL_FIX_TEXT_MAX bytes), BodyLength and CheckSum; the message's length. */
static inline uint32_t rl_fix_template_finish(const struct rl_fix_template *t, uint8_t *out,
                                              const char *text, uint32_t n_text, uint32_t sum)
{
    uint32_t n_body = t->n_prefix - t->at_body + n_text + 1, n;
    uint8_t *p = out + t->n_prefix;

    sum += rl_fix_patch_uint(out + t->slots[RL_FIX_SLOT_LENGTH].at, 3, n_body);
    sum += rl_fix_patch_text(p, text, n_text) + RL_FIX_SOH;
    p += n_text;
    *p++ = RL_FIX_SOH;
    memcpy(p, "10=", 3);
    rl_fix_patch_uint(p + 3, 3, sum & 0xFF);
    p[6] = RL_FIX_SOH;
    n = t->n_prefix + n_text + 8;
    return RL_UNLIKELY(t->is_short) ? rl_fix_template_shorten(t, out, n) : n;
}

#endif
