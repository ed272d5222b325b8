/*
 * checksum - the Internet checksum (RFC 1071): ones' complement sums of 16-bit words.
 *
 * Sums are kept unfolded, in the byte order of memory: such a sum does not depend on the order (RFC
 * 1071, 2B), so a word that is stored back needs no swap, and parts of a packet are summed apart.
 *
 * Threads:  functions of their arguments.
 * Memory:   reads the n bytes it is given and nothing behind them.
 */
#ifndef RL_NET_CHECKSUM_H
#define RL_NET_CHECKSUM_H

#include <string.h>

#include "base/defs.h"

/* Big endian words of the wire, at any address. */
static inline uint16_t rl_net16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof(v));
    return __builtin_bswap16(v);
}

static inline uint32_t rl_net32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return __builtin_bswap32(v);
}

static inline void rl_net16_put(uint8_t *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof(v));
}

static inline void rl_net32_put(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof(v));
}

/* What a word of value v adds to a sum. */
static inline uint64_t rl_sum16(uint16_t v)
{
    return __builtin_bswap16(v);
}

typedef uint64_t rl_sum_lanes __attribute__((vector_size(32)));

/*
 * The sum of n bytes, an odd last one filled up with a zero behind it. Start the next part at an
 * even offset of the packet.
 */
static inline uint64_t rl_sum_bytes(const uint8_t *p, uint32_t n)
{
    uint64_t sum = 0;

    if (n >= sizeof(rl_sum_lanes)) {
        rl_sum_lanes lanes = {0}, words;

        do { /* 32-bit halves in 64-bit lanes: no carry is lost in any packet */
            memcpy(&words, p, sizeof(words));
            lanes += (words & 0xFFFFFFFF) + (words >> 32);
            p += sizeof(words);
            n -= (uint32_t)sizeof(words);
        } while (n >= sizeof(words));
        sum = lanes[0] + lanes[1] + lanes[2] + lanes[3];
    }
    for (; n >= 4; n -= 4, p += 4) {
        uint32_t word;

        memcpy(&word, p, sizeof(word));
        sum += word;
    }
    if (n >= 2) {
        uint16_t word;

        memcpy(&word, p, sizeof(word));
        sum += word;
        p += 2;
    }
    return n & 1 ? sum + *p : sum; /* little endian: the zero behind it is the high byte */
}

/* Of an IPv4 header without options: rl_sum_bytes of 20 bytes, without its loops. */
static inline uint64_t rl_sum_20_bytes(const uint8_t *p)
{
    uint64_t words[2];
    uint32_t last;

    memcpy(words, p, sizeof(words));
    memcpy(&last, p + sizeof(words), sizeof(last));
    return (words[0] & 0xFFFFFFFF) + (words[0] >> 32) + (words[1] & 0xFFFFFFFF) + (words[1] >> 32) +
           last;
}

/* 16 bits, of the same value modulo 65535; 0 only for a sum of zeros. */
static inline uint16_t rl_sum_fold(uint64_t sum)
{
    sum = (sum >> 32) + (sum & 0xFFFFFFFF);
    sum = (sum >> 32) + (sum & 0xFFFFFFFF);
    sum = (sum >> 16) + (sum & 0xFFFF);
    sum = (sum >> 16) + (sum & 0xFFFF);
    return (uint16_t)sum;
}

/* The checksum over what was summed, into its two bytes. */
static inline void rl_sum_put(uint8_t *p, uint64_t sum)
{
    uint16_t v = (uint16_t)~rl_sum_fold(sum);

    memcpy(p, &v, sizeof(v));
}

/* Of bytes that include their checksum: true when it is right. */
static inline bool rl_sum_is_right(uint64_t sum)
{
    return rl_sum_fold(sum) == 0xFFFF;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rl_net16 and the odd byte of a sum");

#endif
