#include "market/codec/itch_fields.h"

#include "market/codec/field.h"

/* One reader, one writer and one size for each kind of field; false when the value does not fit. */

enum {
    SIZE_CHAR = 1,
    SIZE_U32 = 4,
    SIZE_U64 = 8,
    SIZE_PX = 4,
    SIZE_PX8 = 8,
    SIZE_SYMBOL = RL_ITCH_SYMBOL,
    SIZE_TEXT2 = 2,
    SIZE_TEXT4 = 4,
};

/* The fields of a type fill its size to the byte. */
#define ADD_SIZE(kind, member) +SIZE_##kind
#define CHECK_SIZE(type, n_bytes, name)                                             \
    _Static_assert(RL_ITCH_HEAD RL_ITCH_FIELDS_##name(ADD_SIZE) == n_bytes, #name); \
    _Static_assert(n_bytes <= RL_ITCH_MAX_MESSAGE, #name);
RL_ITCH_TYPES(CHECK_SIZE)

static inline bool read_PX(const uint8_t *p, int64_t *x)
{
    *x = rl_itch_px_nano(p);
    return true;
}

static inline bool read_PX8(const uint8_t *p, int64_t *x)
{
    uint64_t n = rl_be64(p);

    *x = n <= INT64_MAX / RL_ITCH_NANO_PER_TICK8 ? (int64_t)n * RL_ITCH_NANO_PER_TICK8 : 0;
    return n <= INT64_MAX / RL_ITCH_NANO_PER_TICK8;
}

RL_FIELD_TEXT(SYMBOL, RL_ITCH_SYMBOL)
RL_FIELD_TEXT(TEXT2, 2)
RL_FIELD_TEXT(TEXT4, 4)

static inline bool write_PX(uint8_t *p, const int64_t *x)
{
    rl_put_be32(p, (uint32_t)(*x / RL_ITCH_NANO_PER_TICK));
    return *x >= 0 && *x % RL_ITCH_NANO_PER_TICK == 0 && *x / RL_ITCH_NANO_PER_TICK <= UINT32_MAX;
}

static inline bool write_PX8(uint8_t *p, const int64_t *x)
{
    rl_put_be64(p, (uint64_t)(*x / RL_ITCH_NANO_PER_TICK8));
    return *x >= 0 && *x % RL_ITCH_NANO_PER_TICK8 == 0;
}

bool rl_itch_read(const uint8_t *m, uint32_t n_bytes, struct rl_itch_value *v)
{
    const uint8_t *p = m + RL_ITCH_HEAD;
    bool fits = true;

    if (n_bytes == 0 || rl_itch_sizes[m[0]] != n_bytes)
        return false;
    v->type = m[0];
    v->head = (struct rl_itch_head){
        .locate = rl_itch_locate(m), .tracking = rl_be16(m + 3), .ts_ns = rl_itch_ts_ns(m)};
    switch (m[0]) {
#define READ_FIELD(kind, member)        \
    fits &= read_##kind(p, &f->member); \
    p += SIZE_##kind;
#define READ_MESSAGE(type, size, name)           \
    case type: {                                 \
        struct rl_itch_##name *f = &v->name;     \
                                                 \
        RL_ITCH_FIELDS_##name(READ_FIELD) break; \
    }
        RL_ITCH_TYPES(READ_MESSAGE)
    default:
        return false; /* the sizes name no other type */
    }
    return fits;
}

uint32_t rl_itch_write(uint8_t *out, const struct rl_itch_value *v)
{
    uint8_t *p = out + RL_ITCH_HEAD;
    bool fits = v->head.ts_ns < 1ULL << 48;

    out[0] = v->type;
    rl_put_be16(out + 1, v->head.locate);
    rl_put_be64(out + 3, v->head.ts_ns); /* its two high bytes make room for the tracking number */
    rl_put_be16(out + 3, v->head.tracking);
    switch (v->type) {
#define WRITE_FIELD(kind, member)        \
    fits &= write_##kind(p, &f->member); \
    p += SIZE_##kind;
#define WRITE_MESSAGE(type, size, name)            \
    case type: {                                   \
        const struct rl_itch_##name *f = &v->name; \
                                                   \
        RL_ITCH_FIELDS_##name(WRITE_FIELD) break;  \
    }
        RL_ITCH_TYPES(WRITE_MESSAGE)
    default:
        return 0;
    }
    return fits ? (uint32_t)(p - out) : 0;
}
