#include "market/codec/ouch.h"

#include "market/codec/field.h"

/* --- fields: one reader, one writer and one size for each kind -------------------------------- */

enum {
    SIZE_CHAR = 1,
    SIZE_U16 = 2,
    SIZE_U32 = 4,
    SIZE_U64 = 8,
    SIZE_PX = 8,
    SIZE_SYMBOL = RL_OUCH_SYMBOL,
    SIZE_FIRM = RL_OUCH_FIRM,
    SIZE_ID = RL_OUCH_CL_ORD_ID,
};

#define PX_MAX (INT64_MAX / RL_OUCH_NANO_PER_TICK)

/* The fields of a type fill its size to the byte. */
#define ADD_SIZE(kind, member) +SIZE_##kind
#define CHECK_IN(type, n_bytes, appends, name) \
    _Static_assert(1 RL_OUCH_IN_##name(ADD_SIZE) == n_bytes, #name);
#define CHECK_OUT(type, n_bytes, appends, name) \
    _Static_assert(1 RL_OUCH_OUT_##name(ADD_SIZE) == n_bytes, #name);
RL_OUCH_IN_TYPES(CHECK_IN)
RL_OUCH_OUT_TYPES(CHECK_OUT)

static inline bool read_PX(const uint8_t *p, int64_t *x)
{
    uint64_t raw = rl_be64(p);

    if (RL_UNLIKELY(raw > PX_MAX))
        return false;
    *x = raw == RL_OUCH_PX_MARKET ? RL_PX_NONE : (int64_t)raw * RL_OUCH_NANO_PER_TICK;
    return true;
}

RL_FIELD_TEXT(SYMBOL, RL_OUCH_SYMBOL)
RL_FIELD_TEXT(FIRM, RL_OUCH_FIRM)
RL_FIELD_TEXT(ID, RL_OUCH_CL_ORD_ID)

static inline bool write_PX(uint8_t *p, const int64_t *x)
{
    uint64_t raw = RL_OUCH_PX_MARKET;

    if (*x != RL_PX_NONE) {
        raw = (uint64_t)*x / RL_OUCH_NANO_PER_TICK;
        /* A limit of 214,748.3647 would be read as the market. */
        if (*x < 0 || *x % RL_OUCH_NANO_PER_TICK != 0 || raw == RL_OUCH_PX_MARKET)
            return false;
    }
    rl_put_be64(p, raw);
    return true;
}

/* --- tables ----------------------------------------------------------------------------------- */

#define SIZE(type, n_bytes, appends, name) [type] = n_bytes,
#define APPENDS(type, n_bytes, appends, name) [type] = RL_OUCH_##appends,
#define NAME(type, n_bytes, appends, name) [type] = #name,

const uint8_t rl_ouch_in_sizes[256] = {RL_OUCH_IN_TYPES(SIZE)};
const uint8_t rl_ouch_out_sizes[256] = {RL_OUCH_OUT_TYPES(SIZE)};
static const uint8_t in_appends[256] = {RL_OUCH_IN_TYPES(APPENDS)};
static const uint8_t out_appends[256] = {RL_OUCH_OUT_TYPES(APPENDS)};
static const char *const in_names[256] = {RL_OUCH_IN_TYPES(NAME)};
static const char *const out_names[256] = {RL_OUCH_OUT_TYPES(NAME)};

enum kind { NONE, CHAR, U8, U16, U32, U64, PX, OFFSET, TEXT2, TEXT4 };

static const uint8_t kind_sizes[] = {[CHAR] = 1, [U8] = 1,     [U16] = 2,   [U32] = 4,  [U64] = 8,
                                     [PX] = 8,   [OFFSET] = 4, [TEXT2] = 2, [TEXT4] = 4};

static const struct {
    const char *name;
    uint8_t kind;
} options[256] = {
#define OPTION(tag, kind, name) [tag] = {#name, kind},
    RL_OUCH_OPTIONS(OPTION)
#undef OPTION
};

const char *rl_ouch_in_name(uint8_t type)
{
    return in_names[type] ? in_names[type] : "unknown";
}

const char *rl_ouch_out_name(uint8_t type)
{
    return out_names[type] ? out_names[type] : "unknown";
}

uint32_t rl_ouch_option_size(uint8_t tag)
{
    return kind_sizes[options[tag].kind];
}

const char *rl_ouch_option_name(uint8_t tag)
{
    return options[tag].name ? options[tag].name : "unknown";
}

const char *rl_ouch_reject_name(uint16_t code)
{
    switch (code) {
#define REJECT(code, NAME, text) \
    case code:                   \
        return text;
        RL_OUCH_REJECTS(REJECT)
#undef REJECT
    default:
        return "unknown";
    }
}

/* --- appendages ------------------------------------------------------------------------------- */

/* True when the options end where they say, and each known one has its tag's size. */
static bool options_are_whole(const uint8_t *p, uint32_t n)
{
    while (n > 0) {
        uint32_t length = p[0], wanted;

        /* the length counts the tag: 1 is an option without a value */
        if (length == 0 || length >= n)
            return false;
        wanted = rl_ouch_option_size(p[1]);
        if (wanted != 0 && wanted != length - 1)
            return false;
        p += 1 + length;
        n -= 1 + length;
    }
    return true;
}

/* The `n` bytes behind the fixed part. */
static bool read_options(const uint8_t *p, uint32_t n, enum rl_ouch_appends appends,
                         struct rl_ouch_options *o)
{
    *o = (struct rl_ouch_options){0};
    if (n == 0)
        return appends != RL_OUCH_ALWAYS;
    if (appends == RL_OUCH_NEVER || n < 2 || rl_be16(p) != n - 2)
        return false;
    *o = (struct rl_ouch_options){.bytes = p + 2, .n_bytes = (uint16_t)(n - 2), .is_present = true};
    return options_are_whole(p + 2, n - 2);
}

/* Returns the bytes behind the fixed part, which has `at`; -1 when they cannot be. */
static int write_options(uint8_t *p, uint32_t n_max, enum rl_ouch_appends appends,
                         const struct rl_ouch_options *o)
{
    bool is_written = appends == RL_OUCH_ALWAYS || o->is_present || o->n_bytes > 0;

    if (!is_written)
        return 0;
    if (appends == RL_OUCH_NEVER || n_max < 2u + o->n_bytes ||
        !options_are_whole(o->bytes, o->n_bytes))
        return -1;
    rl_put_be16(p, o->n_bytes);
    if (o->n_bytes > 0)
        memcpy(p + 2, o->bytes, o->n_bytes);
    return 2 + o->n_bytes;
}

/* --- messages --------------------------------------------------------------------------------- */

#define READ_FIELD(kind, member)        \
    fits &= read_##kind(p, &v->member); \
    p += SIZE_##kind;
#define WRITE_FIELD(kind, member)        \
    fits &= write_##kind(p, &v->member); \
    p += SIZE_##kind;

bool rl_ouch_read_in(const uint8_t *m, uint32_t n_bytes, struct rl_ouch_in *v)
{
    const uint8_t *p = m + 1;
    bool fits = true;

    *v = (struct rl_ouch_in){0};
    if (n_bytes == 0 || rl_ouch_in_sizes[m[0]] == 0 || n_bytes < rl_ouch_in_sizes[m[0]])
        return false;
    v->type = m[0];
    switch (m[0]) {
#define READ_IN(type, size, appends, name) \
    case type:                             \
        RL_OUCH_IN_##name(READ_FIELD) break;
        RL_OUCH_IN_TYPES(READ_IN)
    }
    return fits && read_options(p, n_bytes - (uint32_t)(p - m), in_appends[m[0]], &v->options);
}

bool rl_ouch_read_out(const uint8_t *m, uint32_t n_bytes, struct rl_ouch_out *v)
{
    const uint8_t *p = m + 1;
    bool fits = true;

    *v = (struct rl_ouch_out){0};
    if (n_bytes == 0 || rl_ouch_out_sizes[m[0]] == 0 || n_bytes < rl_ouch_out_sizes[m[0]])
        return false;
    v->type = m[0];
    switch (m[0]) {
#define READ_OUT(type, size, appends, name) \
    case type:                              \
        RL_OUCH_OUT_##name(READ_FIELD) break;
        RL_OUCH_OUT_TYPES(READ_OUT)
    }
    return fits && read_options(p, n_bytes - (uint32_t)(p - m), out_appends[m[0]], &v->options);
}

uint32_t rl_ouch_write_in(uint8_t *out, uint32_t n_max, const struct rl_ouch_in *v)
{
    uint32_t size = rl_ouch_in_sizes[v->type];
    uint8_t *p = out + 1;
    bool fits = true;
    int n_options;

    if (size == 0 || n_max < size)
        return 0;
    out[0] = v->type;
    switch (v->type) {
#define WRITE_IN(type, n_bytes, appends, name) \
    case type:                                 \
        RL_OUCH_IN_##name(WRITE_FIELD) break;
        RL_OUCH_IN_TYPES(WRITE_IN)
    }
    n_options = write_options(p, n_max - size, in_appends[v->type], &v->options);
    return fits && n_options >= 0 ? size + (uint32_t)n_options : 0;
}

uint32_t rl_ouch_write_out(uint8_t *out, uint32_t n_max, const struct rl_ouch_out *v)
{
    uint32_t size = rl_ouch_out_sizes[v->type];
    uint8_t *p = out + 1;
    bool fits = true;
    int n_options;

    if (size == 0 || n_max < size)
        return 0;
    out[0] = v->type;
    switch (v->type) {
#define WRITE_OUT(type, n_bytes, appends, name) \
    case type:                                  \
        RL_OUCH_OUT_##name(WRITE_FIELD) break;
        RL_OUCH_OUT_TYPES(WRITE_OUT)
    }
    n_options = write_options(p, n_max - size, out_appends[v->type], &v->options);
    return fits && n_options >= 0 ? size + (uint32_t)n_options : 0;
}

/* --- options one by one ----------------------------------------------------------------------- */

bool rl_ouch_find_option(const struct rl_ouch_options *o, uint8_t tag,
                         struct rl_ouch_option *option)
{
    uint32_t at = 0;

    while (rl_ouch_next_option(o, &at, option))
        if (option->tag == tag)
            return true;
    return false;
}

bool rl_ouch_option_uint(const struct rl_ouch_option *option, uint64_t *value)
{
    switch (options[option->tag].kind) {
    case CHAR:
    case U8:
        *value = option->value[0];
        return true;
    case U16:
        *value = rl_be16(option->value);
        return true;
    case U32:
        *value = rl_be32(option->value);
        return true;
    case U64:
        *value = rl_be64(option->value);
        return true;
    default:
        return false;
    }
}

bool rl_ouch_option_px(const struct rl_ouch_option *option, int64_t *px_nano)
{
    switch (options[option->tag].kind) {
    case PX:
        return read_PX(option->value, px_nano);
    case OFFSET:
        *px_nano = (int32_t)rl_be32(option->value) * RL_OUCH_NANO_PER_TICK;
        return true;
    default:
        return false;
    }
}

bool rl_ouch_put_option(struct rl_ouch_option_writer *w, uint8_t tag, const void *value,
                        uint32_t n_bytes)
{
    uint8_t *p = w->bytes + w->n_bytes;

    if (n_bytes == 0 || n_bytes != rl_ouch_option_size(tag) || w->n_max - w->n_bytes < 2 + n_bytes)
        return false;
    p[0] = (uint8_t)(1 + n_bytes);
    p[1] = tag;
    memcpy(p + 2, value, n_bytes);
    w->n_bytes += 2 + n_bytes;
    return true;
}

bool rl_ouch_put_option_uint(struct rl_ouch_option_writer *w, uint8_t tag, uint64_t value)
{
    uint32_t size = rl_ouch_option_size(tag);
    uint8_t bytes[8];

    switch (options[tag].kind) {
    case CHAR:
    case U8:
    case U16:
    case U32:
    case U64:
        break;
    default:
        return false;
    }
    if (size < 8 && value >> (8 * size) != 0)
        return false;
    rl_put_be64(bytes, value);
    return rl_ouch_put_option(w, tag, bytes + 8 - size, size);
}

bool rl_ouch_put_option_px(struct rl_ouch_option_writer *w, uint8_t tag, int64_t px_nano)
{
    int64_t ticks = px_nano / RL_OUCH_NANO_PER_TICK;
    uint8_t bytes[8];

    switch (options[tag].kind) {
    case PX:
        return write_PX(bytes, &px_nano) && rl_ouch_put_option(w, tag, bytes, 8);
    case OFFSET:
        if (px_nano % RL_OUCH_NANO_PER_TICK != 0 || ticks != (int32_t)ticks)
            return false;
        rl_put_be32(bytes, (uint32_t)(int32_t)ticks);
        return rl_ouch_put_option(w, tag, bytes, 4);
    default:
        return false;
    }
}

bool rl_ouch_put_option_text(struct rl_ouch_option_writer *w, uint8_t tag, const char *text)
{
    uint32_t size = rl_ouch_option_size(tag);
    uint8_t bytes[4];

    if ((options[tag].kind != TEXT2 && options[tag].kind != TEXT4) || strlen(text) > size)
        return false;
    rl_put_alpha(bytes, text, size);
    return rl_ouch_put_option(w, tag, bytes, size);
}
