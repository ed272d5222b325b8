/*
 * fix_gateway_write - appends to a message body: numbers and prices without leading or trailing
 * zeros, and without loops.
 *
 * Each function writes at `p` and returns where the next byte goes; it may scribble over up to 63
 * bytes behind that. The caller knows that there is room: everything that it writes is bounded.
 *
 * Threads:  functions of their arguments.
 * Memory:   the caller's.
 * Cost:     a few ns each.
 */
#ifndef RL_RIG_EXCHANGE_FIX_GATEWAY_WRITE_H
#define RL_RIG_EXCHANGE_FIX_GATEWAY_WRITE_H

#include "market/fix/template.h"

#define RL_FIX_WRITE_SLACK 64

/* A constant text. */
#define RL_FIX_LITERAL(p, text) \
    ((uint8_t *)memcpy((p), (text), sizeof(text) - 1) + (sizeof(text) - 1))
/* "tag=" behind the SOH of what was before. */
#define RL_FIX_FIELD(p, tag) RL_FIX_LITERAL(p, "\001" tag "=")
/* A field of one character. */
#define RL_FIX_CHAR(p, tag, c) rl_fix_write_char(RL_FIX_FIELD(p, tag), (c))

static inline uint8_t *rl_fix_write_char(uint8_t *p, char c)
{
    *p = (uint8_t)c;
    return p + 1;
}

/* At most 64 bytes, of which 64 may be read. */
static inline uint8_t *rl_fix_write_padded(uint8_t *p, const char *text, uint32_t n)
{
    memcpy(p, text, 16);
    if (RL_UNLIKELY(n > 16))
        memcpy(p + 16, text + 16, 48);
    return p + n;
}

/* Below 10^8, without leading zeros. */
static inline uint8_t *rl_fix_write_small(uint8_t *p, uint32_t v)
{
    uint64_t text = rl_fix_text_of_8(v);
    /* The highest byte is the last digit, and stays: 0 is "0". */
    uint32_t n_zeros = (uint32_t)__builtin_ctzll((text ^ 0x3030303030303030ULL) | 1ULL << 56) / 8;

    text >>= 8 * n_zeros;
    memcpy(p, &text, sizeof text);
    return p + 8 - n_zeros;
}

static inline uint8_t *rl_fix_write_8(uint8_t *p, uint32_t v)
{
    uint64_t text = rl_fix_text_of_8(v);

    memcpy(p, &text, sizeof text);
    return p + 8;
}

static inline uint8_t *rl_fix_write_uint(uint8_t *p, uint64_t v)
{
    uint64_t high;

    if (RL_LIKELY(v < 100000000))
        return rl_fix_write_small(p, (uint32_t)v);
    high = v / 100000000;
    if (RL_LIKELY(high < 100000000))
        p = rl_fix_write_small(p, (uint32_t)high);
    else
        p = rl_fix_write_8(rl_fix_write_small(p, (uint32_t)(high / 100000000)),
                           (uint32_t)(high % 100000000));
    return rl_fix_write_8(p, (uint32_t)(v % 100000000));
}

/* The shortest decimal: "40707.16", "-8.54", "0". RL_PX_NONE is 0. */
static inline uint8_t *rl_fix_write_px(uint8_t *p, int64_t px_nano)
{
    bool is_negative = px_nano < 0 && px_nano != RL_PX_NONE;
    uint64_t v = px_nano == RL_PX_NONE ? 0 : is_negative ? -(uint64_t)px_nano : (uint64_t)px_nano;
    uint32_t nano = (uint32_t)(v % RL_NANO_PER_UNIT), n;
    uint64_t text;

    *p = '-';
    p = rl_fix_write_uint(p + is_negative, v / RL_NANO_PER_UNIT);
    if (nano == 0)
        return p;
    *p = '.';
    /* Nine decimals: eight, whose zeros at the end go when the ninth is one. */
    text = rl_fix_text_of_8(nano / 10);
    memcpy(p + 1, &text, sizeof text);
    p[9] = (uint8_t)('0' + nano % 10);
    if (nano % 10 != 0)
        return p + 10;
    n = 8 - (uint32_t)__builtin_clzll(text ^ 0x3030303030303030ULL) / 8;
    return p + 1 + n;
}

#endif
