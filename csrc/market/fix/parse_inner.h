/*
 * parse_inner - what parse.c and its paths (one file an instruction set) share; nobody else.
 *
 * A path finds the fields of an ordinary message; of anything else it says so, and the careful walk
 * of parse.c starts again from the first byte. Only the walk rejects, so that no two paths can
 * differ in what they say about a bad message.
 */
#ifndef RL_MARKET_FIX_PARSE_INNER_H
#define RL_MARKET_FIX_PARSE_INNER_H

#include "market/fix/parse.h"
#include "market/fix/value.h"

#define RL_FIX_INLINE static inline __attribute__((always_inline))
#define RL_FIX_ONES 0x0101010101010101ULL

/*
 * True: all fields of [0, trailer) are in the table, which has room for CheckSum too, and *sum is
 * the sum of these bytes, in its lowest 8 bits. False: not ordinary; the table holds rubbish. The
 * frame was checked: SOH is at trailer - 1.
 */
typedef bool rl_fix_fields_fn(struct rl_fix_msg *m, uint32_t trailer, uint32_t *sum);

/* Of each path, so that a test can tell that it does not leave ordinary messages to the walk. */
rl_fix_fields_fn rl_fix_fields_scalar, rl_fix_fields_sse2, rl_fix_fields_avx2, rl_fix_fields_avx512;

enum rl_fix_result rl_fix_parse_scalar(struct rl_fix_msg *m, const uint8_t *bytes,
                                       uint32_t n_bytes);
enum rl_fix_result rl_fix_parse_sse2(struct rl_fix_msg *m, const uint8_t *bytes, uint32_t n_bytes);
enum rl_fix_result rl_fix_parse_avx2(struct rl_fix_msg *m, const uint8_t *bytes, uint32_t n_bytes);
enum rl_fix_result rl_fix_parse_avx512(struct rl_fix_msg *m, const uint8_t *bytes,
                                       uint32_t n_bytes);

/* Any message, a byte at a time: the outcome, with its reasons. */
enum rl_fix_result rl_fix_parse_careful(struct rl_fix_msg *m, const uint8_t *bytes,
                                        uint32_t n_bytes);

/* Bit `tag` of the lowest 65536: the tag states the length of raw data. No larger tag does. */
#define RL_FIX_LENGTH_TAGS 65536
extern uint32_t rl_fix_is_length[RL_FIX_LENGTH_TAGS / 32];
/* The same folded: a bit that is not set at `tag` modulo 1024 says that the tag is none of them. */
extern uint32_t rl_fix_length_map[32]; /* on a cache line */

/* Where the first byte `c` is, as the top bit of that byte: the lowest bit set is exact. */
RL_FIX_INLINE uint64_t rl_fix_zero_bytes(uint64_t x)
{
    return (x - RL_FIX_ONES) & ~x & RL_FIX_ONES * 0x80;
}

RL_FIX_INLINE uint64_t rl_fix_word(const uint8_t *s)
{
    uint64_t v;

    memcpy(&v, s, sizeof v);
    return v;
}

#define RL_FIX_DIGIT_ZEROS (RL_FIX_ONES * '0')

/*
 * The frame of a message as most are: BeginString of at most 10 characters, all bytes there. False
 * says nothing: the careful frame decides. *check is what CheckSum states.
 */
RL_FIX_INLINE bool rl_fix_quick_frame(const uint8_t *b, size_t n_bytes, uint32_t *body,
                                      uint32_t *trailer, uint32_t *check)
{
    const uint64_t begin = 0x5849463D38ULL;        /* "8=FIX" */
    const uint64_t around = 0x010000003D303101ULL; /* SOH "10=" ... SOH */
    uint64_t v, soh, length;
    uint32_t at, n_digits, c;

    if (RL_UNLIKELY(n_bytes < 24))
        return false;
    soh = rl_fix_zero_bytes(rl_fix_word(b + 5) ^ RL_FIX_ONES * RL_FIX_SOH);
    if (RL_UNLIKELY((rl_fix_word(b) & 0xFFFFFFFFFFULL) != begin || soh == 0))
        return false;
    at = 6 + (uint32_t)__builtin_ctzll(soh) / 8; /* at most 13 */
    v = rl_fix_word(b + at + 2);
    soh = rl_fix_zero_bytes(v ^ RL_FIX_ONES * RL_FIX_SOH);
    if (RL_UNLIKELY(b[at] != '9' || b[at + 1] != '=' || soh == 0 || (soh & 0x80)))
        return false;
    n_digits = (uint32_t)__builtin_ctzll(soh) / 8; /* 1 to 7 */
    v = (v ^ RL_FIX_DIGIT_ZEROS) << (64 - 8 * n_digits);
    length = rl_fix_digits8(v);
    *body = at + 3 + n_digits;
    if (RL_UNLIKELY(!rl_fix_is_digits8(v) || length < 5 || length > RL_FIX_MAX_MESSAGE ||
                    n_bytes - *body < length + RL_FIX_TRAILER_BYTES))
        return false;
    *trailer = *body + (uint32_t)length;
    v = rl_fix_word(b + *trailer - 1);
    c = (uint32_t)(v >> 32) ^ 0x01303030;
    *check = (c & 0xFF) * 100 + (c >> 8 & 0xFF) * 10 + (c >> 16);
    return (v & 0xFF000000FFFFFFFFULL) == around && (((c + 0x767676) | c) & 0x808080) == 0;
}

/* The MsgType at `body`, which is not empty, as a number. */
RL_FIX_INLINE uint32_t rl_fix_type_at(const uint8_t *body)
{
    if (body[4] == RL_FIX_SOH)
        return RL_FIX_TYPE1(body[3]);
    return body[5] == RL_FIX_SOH ? RL_FIX_TYPE2(body[3], body[4]) : 0;
}

/* A whole message by the given path; the careful walk where that is not enough. */
RL_FIX_INLINE enum rl_fix_result rl_fix_parse_by(struct rl_fix_msg *m, const uint8_t *bytes,
                                                 uint32_t n_bytes, rl_fix_fields_fn *fields)
{
    /* Not what BodyLength says, though it must be the same: the pass need not wait for it. */
    const uint32_t trailer = n_bytes - RL_FIX_TRAILER_BYTES;
    uint32_t body, said, check, sum;

    if (RL_UNLIKELY(!rl_fix_quick_frame(bytes, n_bytes, &body, &said, &check) || said != trailer ||
                    bytes[body] != '3' || bytes[body + 1] != '5' || bytes[body + 2] != '='))
        return rl_fix_parse_careful(m, bytes, n_bytes);
    m->bytes = bytes;
    m->n_bytes = n_bytes;
    m->what = NULL;
    m->type = rl_fix_type_at(bytes + body);
    if (RL_UNLIKELY(!fields(m, trailer, &sum) || (uint8_t)sum != check))
        return rl_fix_parse_careful(m, bytes, n_bytes);
    m->fields[m->n_fields++] =
        (struct rl_fix_field){.tag = RL_FIX_CheckSum, .off = trailer + 3, .len = 3};
    return RL_FIX_OK;
}

#endif
