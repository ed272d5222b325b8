/*
 * field - the big-endian field kinds that Nasdaq's protocols share, read and written by name.
 *
 * A codec lists a message's fields as X(kind, member); read_<kind> and write_<kind> move one
 * between the wire and the struct, and say whether its value fits. Kinds of one protocol alone
 * (prices, symbols) stand beside its lists. Included by the .c files of codecs only: the names have
 * no prefix.
 *
 * Threads:  functions of their arguments.
 * Memory:   the caller has checked the message's size.
 * Cost:     a load, a byte swap and a store.
 */
#ifndef RL_MARKET_FIELD_H
#define RL_MARKET_FIELD_H

#include "market/codec/mold.h"

static inline bool read_CHAR(const uint8_t *p, uint8_t *x)
{
    *x = *p;
    return true;
}

static inline bool write_CHAR(uint8_t *p, const uint8_t *x)
{
    *p = *x;
    return true;
}

#define RL_FIELD_UINT(KIND, type, get, put)                    \
    static inline bool read_##KIND(const uint8_t *p, type *x)  \
    {                                                          \
        *x = get(p);                                           \
        return true;                                           \
    }                                                          \
    static inline bool write_##KIND(uint8_t *p, const type *x) \
    {                                                          \
        put(p, *x);                                            \
        return true;                                           \
    }
RL_FIELD_UINT(U16, uint16_t, rl_be16, rl_put_be16)
RL_FIELD_UINT(U32, uint32_t, rl_be32, rl_put_be32)
RL_FIELD_UINT(U64, uint64_t, rl_be64, rl_put_be64)
#undef RL_FIELD_UINT

/* Text of n bytes, padded as it came. */
#define RL_FIELD_TEXT(KIND, n)                                        \
    static inline bool read_##KIND(const uint8_t *p, uint8_t(*x)[n])  \
    {                                                                 \
        memcpy(x, p, n);                                              \
        return true;                                                  \
    }                                                                 \
    static inline bool write_##KIND(uint8_t *p, const uint8_t(*x)[n]) \
    {                                                                 \
        memcpy(p, x, n);                                              \
        return true;                                                  \
    }

#endif
