/* FIX frames, the careful walk that has the last word, and which path reads a message. */
#include "market/fix/parse_inner.h"

#include <emmintrin.h>
#include <errno.h>

#define MAX_BEGIN 16 /* of BeginString's value */
#define MAX_LENGTH 7 /* digits of BodyLength */
#define LEAST_BODY 5 /* "35=x" SOH */

/* --- framing ---------------------------------------------------------------------------------- */

struct frame {
    uint32_t body;    /* where MsgType begins */
    uint32_t trailer; /* where CheckSum begins */
    uint32_t where;   /* after an error */
    const char *what;
};

static enum rl_fix_result frame_error(struct frame *f, uint32_t where, const char *what)
{
    f->where = where;
    f->what = what;
    return RL_FIX_GARBLED;
}

/* The header as far as it is there; the trailer is looked at when the bytes reach that far. */
static enum rl_fix_result frame_find(struct frame *f, const uint8_t *bytes, size_t n_bytes)
{
    static const char start[] = "8=FIX";
    uint32_t at = sizeof start - 1, digits;
    uint64_t length = 0;

    if (memcmp(bytes, start, n_bytes < at ? n_bytes : at) != 0)
        return frame_error(f, 0, "a message begins with 8=FIX");
    if (n_bytes < at)
        return RL_FIX_PARTIAL;
    for (;; at++) {
        if (at == n_bytes)
            return RL_FIX_PARTIAL;
        if (bytes[at] == RL_FIX_SOH)
            break;
        if (at == 2 + MAX_BEGIN)
            return frame_error(f, 2, "BeginString is too long");
    }
    at++;
    for (uint32_t i = 0; i < 2; i++, at++) {
        if (at == n_bytes)
            return RL_FIX_PARTIAL;
        if (bytes[at] != (uint8_t)"9="[i])
            return frame_error(f, at, "the second field is BodyLength");
    }
    for (digits = 0;; digits++, at++) {
        if (at == n_bytes)
            return RL_FIX_PARTIAL;
        if (bytes[at] == RL_FIX_SOH)
            break;
        if (bytes[at] < '0' || bytes[at] > '9' || digits == MAX_LENGTH)
            return frame_error(f, at, "BodyLength is no number");
        length = length * 10 + (bytes[at] - (unsigned)'0');
    }
    if (digits == 0 || length < LEAST_BODY || length > RL_FIX_MAX_MESSAGE)
        return frame_error(f, at, "BodyLength is out of range");
    f->body = at + 1;
    f->trailer = f->body + (uint32_t)length;
    if (n_bytes < (size_t)f->trailer + RL_FIX_TRAILER_BYTES)
        return RL_FIX_PARTIAL;
    if (bytes[f->trailer - 1] != RL_FIX_SOH || memcmp(bytes + f->trailer, "10=", 3) != 0 ||
        bytes[f->trailer + RL_FIX_TRAILER_BYTES - 1] != RL_FIX_SOH)
        return frame_error(f, f->trailer, "BodyLength does not lead to CheckSum");
    return RL_FIX_OK;
}

enum rl_fix_result rl_fix_frame(const uint8_t *bytes, size_t n_bytes, uint32_t *n_message)
{
    struct frame f;
    enum rl_fix_result result;
    uint32_t check;

    if (RL_LIKELY(rl_fix_quick_frame(bytes, n_bytes, &f.body, &f.trailer, &check))) {
        *n_message = f.trailer + RL_FIX_TRAILER_BYTES;
        return RL_FIX_OK;
    }
    result = n_bytes > 0 ? frame_find(&f, bytes, n_bytes) : RL_FIX_PARTIAL;
    *n_message = 0;
    if (result == RL_FIX_OK) {
        *n_message = f.trailer + RL_FIX_TRAILER_BYTES;
    } else if (result == RL_FIX_GARBLED) {
        /* The next start may itself be cut off by the end of what is there. */
        size_t skip = 1;

        while (skip < n_bytes &&
               memcmp(bytes + skip, "8=FIX", n_bytes - skip < 5 ? n_bytes - skip : 5) != 0)
            skip++;
        *n_message = skip < UINT32_MAX ? (uint32_t)skip : UINT32_MAX;
    }
    return result;
}

/* --- the careful walk ------------------------------------------------------------------------- */

static enum rl_fix_result garbled(struct rl_fix_msg *m, uint32_t where, const char *what)
{
    m->n_fields = 0;
    m->ref_off = where;
    m->what = what;
    return RL_FIX_GARBLED;
}

static enum rl_fix_result reject(struct rl_fix_msg *m, enum rl_fix_reason reason, uint32_t tag,
                                 uint32_t where, const char *what)
{
    m->reason = reason;
    m->ref_tag = tag;
    m->ref_off = where;
    m->what = what;
    return RL_FIX_REJECT;
}

/* The tag in front of '=' at `s`, of at most `n` bytes; 0 when there is none. */
static uint32_t read_tag(const uint8_t *s, uint32_t n, uint32_t *n_digits)
{
    uint64_t v = 0;
    uint32_t i = 0;

    for (; i < n && i < 10 && s[i] >= '0' && s[i] <= '9'; i++)
        v = v * 10 + (s[i] - (unsigned)'0');
    *n_digits = i;
    return i == n || s[i] != '=' || s[0] == '0' || v > INT32_MAX ? 0 : (uint32_t)v;
}

/* All fields before the trailer, which follows the SOH of the last one. */
static enum rl_fix_result walk(struct rl_fix_msg *m, uint32_t trailer)
{
    const uint8_t *b = m->bytes;
    uint32_t data_tag = 0; /* the field before stated the length of this tag's value ... */
    uint64_t n_data = 0;   /* ... as this many bytes */

    for (uint32_t at = 0; at < trailer;) {
        uint32_t n_digits, end, tag = read_tag(b + at, trailer - at, &n_digits);
        uint32_t value = at + n_digits + 1;

        if (tag == 0)
            return reject(m, RL_FIX_INVALID_TAG, 0, at, "a field does not begin with a tag and =");
        if (data_tag == tag) {
            if (n_data >= trailer - value)
                return reject(m, RL_FIX_BAD_FORMAT, tag, value,
                              "raw data is longer than the message");
            end = value + (uint32_t)n_data;
            if (b[end] != RL_FIX_SOH)
                return reject(m, RL_FIX_BAD_FORMAT, tag, end,
                              "raw data does not end where its length says");
        } else {
            end =
                value + (uint32_t)((const uint8_t *)memchr(b + value, RL_FIX_SOH, trailer - value) -
                                   (b + value));
        }
        if (end == value && !m->allows_empty)
            return reject(m, RL_FIX_NO_VALUE, tag, at, "a tag without a value");
        if (m->n_fields + 1 >= m->n_fields_max) /* one is kept for CheckSum */
            return reject(m, RL_FIX_OTHER, tag, at, "more fields than the table holds");
        m->fields[m->n_fields++] =
            (struct rl_fix_field){.tag = tag, .off = value, .len = end - value};
        data_tag = rl_fix_data_tag(tag);
        if (data_tag != 0 && !rl_fix_read_uint(b + value, end - value, &n_data))
            return reject(m, RL_FIX_BAD_FORMAT, tag, value, "a data length is no number");
        at = end + 1;
    }
    return RL_FIX_OK;
}

enum rl_fix_result rl_fix_parse_careful(struct rl_fix_msg *m, const uint8_t *bytes,
                                        uint32_t n_bytes)
{
    struct frame f = {0};
    enum rl_fix_result result = n_bytes > 0 ? frame_find(&f, bytes, n_bytes) : RL_FIX_PARTIAL;
    uint32_t check = 0;

    m->bytes = bytes;
    m->n_bytes = n_bytes;
    m->n_fields = 0;
    m->type = 0;
    m->what = NULL;
    if (result == RL_FIX_GARBLED)
        return garbled(m, f.where, f.what);
    if (result == RL_FIX_PARTIAL)
        return garbled(m, n_bytes, "the message is cut off");
    if (f.trailer + RL_FIX_TRAILER_BYTES != n_bytes)
        return garbled(m, f.trailer + RL_FIX_TRAILER_BYTES, "bytes after the message");
    if (memcmp(bytes + f.body, "35=", 3) != 0)
        return garbled(m, f.body, "the third field is MsgType");
    for (uint32_t i = 3; i < 6; i++) {
        if (bytes[f.trailer + i] < '0' || bytes[f.trailer + i] > '9')
            return garbled(m, f.trailer, "CheckSum is not three digits");
        check = check * 10 + (bytes[f.trailer + i] - (unsigned)'0');
    }
    /* A wrong sum counts for more than a wrong field: the bytes cannot be trusted at all. */
    if (rl_fix_sum(bytes, f.trailer) != check)
        return garbled(m, f.trailer, "CheckSum is wrong");
    m->type = bytes[f.body + 3] == RL_FIX_SOH ? 0 : rl_fix_type_at(bytes + f.body);
    result = walk(m, f.trailer);
    if (result == RL_FIX_OK)
        m->fields[m->n_fields++] =
            (struct rl_fix_field){.tag = RL_FIX_CheckSum, .off = f.trailer + 3, .len = 3};
    return result;
}

/* --- the sum ---------------------------------------------------------------------------------- */

uint8_t rl_fix_sum(const uint8_t *bytes, size_t n_bytes)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i a = zero, b = zero;
    uint32_t total = 0;
    size_t i = 0;

    for (; i + 32 <= n_bytes; i += 32) {
        const __m128i *p = (const __m128i *)(const void *)(bytes + i);

        a = _mm_add_epi64(a, _mm_sad_epu8(_mm_loadu_si128(p), zero));
        b = _mm_add_epi64(b, _mm_sad_epu8(_mm_loadu_si128(p + 1), zero));
    }
    for (; i + 8 <= n_bytes; i += 8)
        b = _mm_add_epi64(
            b, _mm_sad_epu8(_mm_loadl_epi64((const __m128i *)(const void *)(bytes + i)), zero));
    for (; i < n_bytes; i++)
        total += bytes[i];
    a = _mm_add_epi64(a, b);
    return (uint8_t)(total + (uint32_t)_mm_cvtsi128_si32(a) +
                     (uint32_t)_mm_cvtsi128_si32(_mm_unpackhi_epi64(a, a)));
}

/* --- which path ------------------------------------------------------------------------------- */

uint32_t rl_fix_is_length[RL_FIX_LENGTH_TAGS / 32];
RL_ALIGNED uint32_t rl_fix_length_map[32];

typedef enum rl_fix_result parse_fn(struct rl_fix_msg *m, const uint8_t *bytes, uint32_t n_bytes);

static const struct {
    const char *name;
    parse_fn *parse;
} paths[RL_FIX_N_PATHS] = {
    [RL_FIX_SCALAR] = {"scalar", rl_fix_parse_scalar},
    [RL_FIX_SSE2] = {"sse2", rl_fix_parse_sse2},
    [RL_FIX_AVX2] = {"avx2", rl_fix_parse_avx2},
    [RL_FIX_AVX512] = {"avx512", rl_fix_parse_avx512},
};
static enum rl_fix_path chosen;
static parse_fn *chosen_parse = rl_fix_parse_careful;

uint32_t rl_fix_paths(void)
{
    uint32_t can = 1u << RL_FIX_SCALAR | 1u << RL_FIX_SSE2; /* part of every x86-64 */

    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
        __builtin_cpu_supports("bmi2"))
        can |= 1u << RL_FIX_AVX2;
    if ((can & 1u << RL_FIX_AVX2) && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2"))
        can |= 1u << RL_FIX_AVX512;
    return can;
}

enum rl_fix_path rl_fix_path(void)
{
    return chosen;
}

const char *rl_fix_path_name(enum rl_fix_path path)
{
    return (unsigned)path < RL_FIX_N_PATHS ? paths[path].name : "?";
}

int rl_fix_use(enum rl_fix_path path)
{
    if ((unsigned)path >= RL_FIX_N_PATHS || !(rl_fix_paths() & 1u << path))
        return -ENOTSUP;
    chosen = path;
    chosen_parse = paths[path].parse;
    return 0;
}

/* Before main and before any thread: the hot path finds a plain pointer that nobody writes. */
__attribute__((constructor)) static void choose(void)
{
    enum rl_fix_path best = RL_FIX_N_PATHS;

    __builtin_cpu_init();
    rl_fix_length_map[0] = 1; /* what came out as no tag is looked at, too */
    for (uint32_t tag = 1; tag < RL_FIX_LENGTH_TAGS; tag++)
        if (rl_fix_data_tag(tag) != 0) {
            rl_fix_is_length[tag / 32] |= 1u << tag % 32;
            rl_fix_length_map[tag / 32 % 32] |= 1u << tag % 32;
        }
    while (rl_fix_use(--best) != 0)
        ;
}

enum rl_fix_result rl_fix_parse(struct rl_fix_msg *m, const uint8_t *bytes, uint32_t n_bytes)
{
    return chosen_parse(m, bytes, n_bytes);
}

enum rl_fix_result rl_fix_next(struct rl_fix_msg *m, const uint8_t *bytes, size_t n_bytes,
                               uint32_t *n_used)
{
    enum rl_fix_result result = rl_fix_frame(bytes, n_bytes, n_used);

    if (RL_LIKELY(result == RL_FIX_OK))
        return rl_fix_parse(m, bytes, *n_used);
    m->bytes = bytes;
    m->n_bytes = *n_used;
    m->n_fields = 0;
    m->type = 0;
    m->ref_off = 0;
    m->what = result == RL_FIX_PARTIAL ? "more bytes are needed" : "no message begins here";
    return result;
}
