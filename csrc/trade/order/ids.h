/*
 * ids - order ids that never repeat, and their text form for the wire.
 *
 * An id is epoch (24 bits, one per start of the engine) and counter (40 bits, from 1). Its text is
 * 13 characters of base32hex, most significant first: five for the epoch, eight for the counter, so
 * text order is number order and the way back is arithmetic. 40 bits last 12 days at a million
 * orders a second; when they are used up no more ids are given (0), because a repeated id is worse
 * than none.
 *
 * Threads:  the order thread alone.
 * Memory:   two words, the caller's.
 * Cost:     taking is an add and a compare; text is two bit deposits and a few word operations.
 */
#ifndef RL_TRADE_ORDER_IDS_H
#define RL_TRADE_ORDER_IDS_H

#include <string.h>
#ifdef __BMI2__
#include <immintrin.h>
#endif

#include "base/defs.h"

#define RL_ID_COUNTER_BITS 40
#define RL_ID_EPOCH_BITS 24
#define RL_ID_EPOCH_MAX ((1u << RL_ID_EPOCH_BITS) - 1)
#define RL_ID_TEXT_BYTES 13
#define RL_ID_NONE 0ULL

struct rl_ids {
    uint64_t next; /* order thread */
    uint64_t last; /* the highest id of this epoch */
};

/* -EINVAL unless 1 <= epoch <= RL_ID_EPOCH_MAX: epoch 0 would make 0 a valid prefix of "no id". */
int rl_ids_init(struct rl_ids *ids, uint32_t epoch);

/* The id that the next take returns; RL_ID_NONE when the epoch is used up. */
static inline uint64_t rl_ids_peek(const struct rl_ids *ids)
{
    return RL_LIKELY(ids->next <= ids->last) ? ids->next : RL_ID_NONE;
}

static inline uint64_t rl_ids_take(struct rl_ids *ids)
{
    uint64_t id = rl_ids_peek(ids);

    ids->next += id != RL_ID_NONE;
    return id;
}

static inline uint64_t rl_id_counter(uint64_t id)
{
    return id & ((1ULL << RL_ID_COUNTER_BITS) - 1);
}

static inline uint32_t rl_id_epoch(uint64_t id)
{
    return (uint32_t)(id >> RL_ID_COUNTER_BITS);
}

/* Eight 5-bit digits of the low 40 bits, one a byte, the most significant in the lowest byte. */
static inline uint64_t rl_id_spread(uint64_t bits40)
{
#ifdef __BMI2__
    return __builtin_bswap64(_pdep_u64(bits40, 0x1f1f1f1f1f1f1f1fULL));
#else
    uint64_t digits = 0;

    for (int i = 0; i < 8; i++)
        digits |= ((bits40 >> (5 * (7 - i))) & 31) << (8 * i);
    return digits;
#endif
}

/* 0..9 -> '0'..'9', 10..31 -> 'A'..'V', eight at once. */
static inline uint64_t rl_id_to_ascii(uint64_t digits)
{
    /* Adding 118 sets bit 7 of each byte that is 10 or more; no byte carries (31 + 118 < 256). */
    uint64_t is_letter = ((digits + 0x7676767676767676ULL) >> 7) & 0x0101010101010101ULL;

    return digits + 0x3030303030303030ULL + is_letter * ('A' - '0' - 10);
}

/* Writes exactly RL_ID_TEXT_BYTES characters, no terminating zero. */
static inline void rl_id_to_text(uint64_t id, char *text)
{
    uint64_t low = rl_id_to_ascii(rl_id_spread(rl_id_counter(id)));
    /* 24 bits fill the last five of eight digits: the first three bytes are dropped. */
    uint64_t high = rl_id_to_ascii(rl_id_spread(rl_id_epoch(id))) >> 24;

    memcpy(text, &high, 5);
    memcpy(text + 5, &low, 8);
}

/* False unless the text is 13 characters of the alphabet that name an id, as ours do. */
bool rl_id_from_text(const char *text, size_t n_bytes, uint64_t *id);

/* The same text by the schoolbook way: what the fast one is tested against. */
void rl_id_to_text_plain(uint64_t id, char *text);

#endif
