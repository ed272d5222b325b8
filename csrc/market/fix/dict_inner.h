/*
 * dict_inner - what building and checking a dictionary share; of no use to others.
 *
 * Threads, Memory:  see dict.h.
 * Cost:     rl_fix_scope_find is two dependent loads; for high tags a multiply more.
 */
#ifndef RL_MARKET_FIX_DICT_INNER_H
#define RL_MARKET_FIX_DICT_INNER_H

#include <string.h>

#include "market/fix/dict.h"
#include "market/fix/tags.h"
#include "market/fix/value.h"

#define RL_FIX_ApplVerID 1128u

/* Parts of a message, in the order that they come; the last in the scope of all tags only: one that
 * messages of the session do not know. */
enum rl_fix_part { RL_FIX_IN_HEADER, RL_FIX_IN_BODY, RL_FIX_IN_TRAILER, RL_FIX_OF_APPLICATION };

/* 8, 9, 35 and 10, which every parsed message has, are the members 0 to 3 of every kind. */
#define RL_FIX_FRAME_FIELDS 4u
/* Tags from the lowest of a scope that have a place in its direct table. */
#define RL_FIX_DIRECT 1024u

/*
 * The quick check of a value. True means that the careful one (type, then enumeration, then what is
 * special about the tag) would be content as well; false means that it has to be asked.
 */
enum rl_fix_how {
    RL_FIX_H_ANY,
    RL_FIX_H_ONE,  /* one byte */
    RL_FIX_H_MASK, /* one byte out of a mask */
    RL_FIX_H_INT,
    RL_FIX_H_UINT,
    RL_FIX_H_FLOAT,
    RL_FIX_H_TIMESTAMP,
    RL_FIX_H_TIME,
    RL_FIX_H_SET,     /* a string out of a set */
    RL_FIX_H_LIST,    /* several of a mask or a set */
    RL_FIX_H_TYPE,    /* the other types */
    RL_FIX_H_SEQ,     /* MsgSeqNum: no 0 */
    RL_FIX_H_VERSION, /* ApplVerID: the dictionary's own */
    RL_FIX_H_DATA,    /* raw data: right behind its length */
    RL_FIX_H_COUNT,   /* of a shape: this number of entries */
    RL_FIX_H_ASK,     /* always the careful one */
};

_Static_assert(RL_FIX_N_TYPES <= 16, "rl_fix_careful has four bits for a type");

enum rl_fix_listed { RL_FIX_NOT_LISTED, RL_FIX_IN_MASK, RL_FIX_IN_SET, RL_FIX_LIST = 4 };

/* Up to eight bytes as a number beside their length; longer values are few and compared in turn. */
struct rl_fix_set_slot {
    uint64_t key;
    uint32_t n; /* 0: empty */
    uint32_t unused;
};

struct rl_fix_set {
    const struct rl_fix_set_slot *slots;
    const char *const *long_values; /* beyond eight characters */
    uint32_t mask;
    uint32_t n_long;
};

/* The slot where the tag is if the scope has it: the slot's own tag says whether. */
static inline const struct rl_fix_member *rl_fix_scope_find(const struct rl_fix_scope *s,
                                                            uint32_t tag)
{
    uint32_t at = tag - s->lowest;

    if (RL_LIKELY(at < s->n_direct)) {
        at = s->direct[at];
    } else {
        uint64_t h = tag * s->multiplier;

        at = ((uint32_t)(h >> 48) ^ s->shifts[(uint32_t)(h >> 32) & s->row_mask]) & s->slot_mask;
    }
    return &s->slots[at];
}

/* The same, NULL when the scope does not have the tag. */
static inline const struct rl_fix_member *rl_fix_scope_get(const struct rl_fix_scope *s,
                                                           uint32_t tag)
{
    const struct rl_fix_member *e = rl_fix_scope_find(s, tag);

    return e->tag == tag ? e : NULL;
}

/* What member.careful holds. */
static inline uint8_t rl_fix_careful(enum rl_fix_type type, uint32_t listed, bool is_data)
{
    return (uint8_t)((uint32_t)type | listed << 4 | (uint32_t)is_data << 7);
}

static inline enum rl_fix_type rl_fix_type_of(const struct rl_fix_member *e)
{
    return (enum rl_fix_type)(e->careful & 15);
}

/* enum rl_fix_listed, more than one of them */
static inline uint32_t rl_fix_listed_of(const struct rl_fix_member *e)
{
    return e->careful >> 4 & 7;
}

static inline bool rl_fix_is_data(const struct rl_fix_member *e)
{
    return e->careful >> 7;
}

static inline bool rl_fix_bit(const uint64_t *words, uint32_t at)
{
    return words[at / 64] >> (at % 64) & 1;
}

static inline void rl_fix_bit_set(uint64_t *words, uint32_t at)
{
    words[at / 64] |= 1ULL << (at % 64);
}

/* n <= 8 bytes as a number, from memory that has eight. */
static inline uint64_t rl_fix_key(const uint8_t *s, uint32_t n)
{
    uint64_t v;

    memcpy(&v, s, sizeof v);
    return v & (~0ULL >> (64 - 8 * n)); /* n is not 0 */
}

static inline uint32_t rl_fix_set_hash(uint64_t key)
{
    return (uint32_t)((key * 0x9E3779B97F4A7C15ULL) >> 32);
}

/* dict_spec.c: a sentence, NULL when the spec is good. */
const char *rl_fix_spec_wrong(const struct rl_fix_dict_spec *spec);
/* Printable ASCII, 1 to `n_max` characters. */
bool rl_fix_is_plain(const char *s, size_t n_max);

/* Members with `at` set become the tables of s: -ENOMEM, -EINVAL (a tag twice). dict_scope.c */
int rl_fix_scope_build(struct rl_fix_scope *s, struct rl_arena *arena,
                       const struct rl_fix_member *members, uint32_t n);
/* No scope of n members takes more. */
size_t rl_fix_scope_bytes(uint32_t n);

/* dict_type.c: exactly these bytes are looked at. */
bool rl_fix_type_holds(enum rl_fix_type type, const uint8_t *s, uint32_t n);
bool rl_fix_is_listed(const struct rl_fix_dict *d, const struct rl_fix_member *e, const uint8_t *s,
                      uint32_t n);

/* dict_check.c: the careful walk would be content with the whole message; false: it must be asked.
 */
bool rl_fix_quick_all(const struct rl_fix_dict *d, const struct rl_fix_msg *m);
bool rl_fix_has_names(const struct rl_fix_dict *d, const struct rl_fix_msg *m);

/* The application version that this message is for: d, another one, or NULL: not supported. */
const struct rl_fix_dict *rl_fix_dict_for(const struct rl_fix_dict *d, const struct rl_fix_msg *m);

/* The scope of the message's type; kinds[0] when it is not known. */
const struct rl_fix_scope *rl_fix_dict_kind(const struct rl_fix_dict *d,
                                            const struct rl_fix_msg *m);

#endif
