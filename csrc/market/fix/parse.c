#include "market/fix/fix.h"

#include <immintrin.h>

#define BLOCK 32
#define TRAILER 7    /* "10=nnn" SOH */
#define MAX_BEGIN 16 /* of BeginString's value */
#define MAX_LENGTH 7 /* digits of BodyLength */
#define LEAST_BODY 5 /* "35=x" SOH */

/* --- bytes, 32 at a time ---------------------------------------------------------------------- */

/*
 * A block's SOH as bits, and its bytes' sum added to four 64-bit lanes. Without AVX2 the compiler
 * makes what it can of the plain loop.
 */
#ifdef __AVX2__
typedef __m256i rl_fix_sums;

static inline rl_fix_sums sums_zero(void)
{
    return _mm256_setzero_si256();
}

static inline uint8_t sums_total(rl_fix_sums s)
{
    __m128i both = _mm_add_epi64(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));

    return (uint8_t)(_mm_cvtsi128_si32(both) + _mm_extract_epi32(both, 2));
}

static inline __m256i load_block(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline uint32_t block_soh(const uint8_t *p, rl_fix_sums *sums)
{
    __m256i bytes = load_block(p);

    *sums = _mm256_add_epi64(*sums, _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(RL_FIX_SOH)));
}
#else
typedef uint64_t rl_fix_sums;

static inline rl_fix_sums sums_zero(void)
{
    return 0;
}

static inline uint8_t sums_total(rl_fix_sums s)
{
    return (uint8_t)s;
}

static inline uint32_t block_soh(const uint8_t *p, rl_fix_sums *sums)
{
    uint32_t soh = 0;

    for (uint32_t i = 0; i < BLOCK; i++) {
        soh |= (uint32_t)(p[i] == RL_FIX_SOH) << i;
        *sums += p[i];
    }
    return soh;
}
#endif

uint8_t rl_fix_sum(const uint8_t *bytes, size_t n_bytes)
{
    rl_fix_sums sums = sums_zero();
    uint8_t tail[BLOCK] = {0};
    size_t i = 0;

    for (; i + BLOCK <= n_bytes; i += BLOCK)
        (void)block_soh(bytes + i, &sums);
    memcpy(tail, bytes + i, n_bytes - i);
    (void)block_soh(tail, &sums);
    return sums_total(sums);
}

/* The frequent tags of a header are below the lowest length. */
static inline uint32_t data_tag_after(uint32_t tag)
{
    return tag < 90 ? 0 : rl_fix_data_tag(tag);
}

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
    if (n_bytes < (size_t)f->trailer + TRAILER)
        return RL_FIX_PARTIAL;
    if (bytes[f->trailer - 1] != RL_FIX_SOH || memcmp(bytes + f->trailer, "10=", 3) != 0 ||
        bytes[f->trailer + TRAILER - 1] != RL_FIX_SOH)
        return frame_error(f, f->trailer, "BodyLength does not lead to CheckSum");
    return RL_FIX_OK;
}

enum rl_fix_result rl_fix_frame(const uint8_t *bytes, size_t n_bytes, uint32_t *n_message)
{
    struct frame f;
    enum rl_fix_result result = n_bytes > 0 ? frame_find(&f, bytes, n_bytes) : RL_FIX_PARTIAL;

    *n_message = 0;
    if (result == RL_FIX_OK) {
        *n_message = f.trailer + TRAILER;
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

/* --- fields ----------------------------------------------------------------------------------- */

static enum rl_fix_result garbled(struct rl_fix_msg *m, uint32_t where, const char *what)
{
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

/*
 * The digits before '=' in the eight bytes from `s`, and how many; 0 when these are no tag: no '=',
 * no or other characters before it, a leading zero. Eight bytes can be read from anywhere in the
 * body, since the trailer follows it. Longer tags than seven digits do not exist.
 */
static inline uint32_t read_tag(const uint8_t *s, uint32_t *n_digits)
{
    const uint64_t ones = 0x0101010101010101ULL;
    uint64_t v, x, n_bits, digits;

    memcpy(&v, s, sizeof v);
    x = v ^ ones * '=';
    x = (x - ones) & ~x & ones * 0x80; /* the lowest bit set is exact: the first '=' */
    if (RL_UNLIKELY(x == 0 || (x & 0x80)))
        return 0;
    n_bits = (uint64_t)__builtin_ctzll(x) - 7;
    /* Right-aligned: what is before the first digit becomes zero. */
    digits = (v ^ ones * '0') << (64 - n_bits);
    if (RL_UNLIKELY(((digits + ones * 0x76) | digits) & ones * 0x80)) /* some byte is above 9 */
        return 0;
    if (RL_UNLIKELY(s[0] == '0'))
        return 0;
    *n_digits = (uint32_t)n_bits / 8;
    digits = digits * 10 + (digits >> 8);
    digits = ((digits & 0x000000FF000000FFULL) * 0x000F424000000064ULL +
              ((digits >> 16) & 0x000000FF000000FFULL) * 0x0000271000000001ULL) >>
             32;
    return (uint32_t)digits;
}

/* Where the walk stands: the field that begins at `start` is waiting for its SOH. */
struct walk {
    uint32_t start;
    uint32_t data_tag; /* the field before stated the length of this one ... */
    uint32_t n_data;   /* ... as this many bytes */
    uint32_t skip;     /* SOH before here belong to raw data */
};

/* One field ends (or seems to end) at the SOH at `p`. OK, or why not. */
static inline enum rl_fix_result take_field(struct rl_fix_msg *m, struct walk *w, uint32_t p)
{
    struct rl_fix_field *f = &m->fields[m->n_fields];
    uint32_t n_digits = 0;
    uint32_t tag = read_tag(m->bytes + w->start, &n_digits);
    uint32_t value = w->start + n_digits + 1;

    if (RL_UNLIKELY(tag == 0 || value > p))
        return reject(m, RL_FIX_INVALID_TAG, 0, w->start,
                      "a field does not begin with a tag and =");
    if (RL_UNLIKELY(w->data_tag != 0)) {
        if (w->data_tag == tag) {
            if (value + (uint64_t)w->n_data > p) { /* this SOH is data: wait for the right one */
                w->skip = value + w->n_data;
                if (m->n_bytes - TRAILER - value <= w->n_data)
                    return reject(m, RL_FIX_BAD_FORMAT, tag, value,
                                  "raw data is longer than the message");
                return RL_FIX_PARTIAL;
            }
            if (value + w->n_data < p)
                return reject(m, RL_FIX_BAD_FORMAT, tag, value + w->n_data,
                              "raw data does not end where its length says");
        }
    }
    if (RL_UNLIKELY(value == p))
        return reject(m, RL_FIX_NO_VALUE, tag, w->start, "a tag without a value");
    if (RL_UNLIKELY(m->n_fields + 1 >= m->n_fields_max)) /* one is kept for CheckSum */
        return reject(m, RL_FIX_OTHER, tag, w->start, "more fields than the table holds");
    *f = (struct rl_fix_field){.tag = tag, .off = value, .len = p - value};
    m->n_fields++;
    w->start = p + 1;
    w->data_tag = data_tag_after(tag);
    if (RL_UNLIKELY(w->data_tag != 0)) {
        uint64_t n;

        if (!rl_fix_read_uint(m->bytes + value, p - value, &n))
            return reject(m, RL_FIX_BAD_FORMAT, tag, value, "a data length is no number");
        w->n_data = n < m->n_bytes ? (uint32_t)n : m->n_bytes;
    }
    return RL_FIX_OK;
}

static inline enum rl_fix_result take_block(struct rl_fix_msg *m, struct walk *w, uint32_t at,
                                            uint32_t soh, uint32_t trailer)
{
    for (; soh != 0; soh &= soh - 1) {
        uint32_t p = at + (uint32_t)__builtin_ctz(soh);
        enum rl_fix_result result;

        if (RL_UNLIKELY(p < w->skip))
            continue;
        if (RL_UNLIKELY(p > trailer))
            break;
        result = take_field(m, w, p);
        if (RL_UNLIKELY(result == RL_FIX_REJECT))
            return result;
    }
    return RL_FIX_OK;
}

/* All fields before the trailer; the sum of all bytes in *sum when it comes to the end. */
static enum rl_fix_result take_fields(struct rl_fix_msg *m, uint32_t trailer, uint8_t *sum)
{
    rl_fix_sums sums = sums_zero();
    struct walk w = {0};
    uint8_t tail[BLOCK] = {0};
    uint32_t at = 0;

    for (; at + BLOCK <= m->n_bytes; at += BLOCK) {
        enum rl_fix_result result = take_block(m, &w, at, block_soh(m->bytes + at, &sums), trailer);

        if (RL_UNLIKELY(result != RL_FIX_OK))
            return result;
    }
    if (at < m->n_bytes) {
        enum rl_fix_result result;

        memcpy(tail, m->bytes + at, m->n_bytes - at);
        result = take_block(m, &w, at, block_soh(tail, &sums), trailer);
        if (RL_UNLIKELY(result != RL_FIX_OK))
            return result;
    }
    if (RL_UNLIKELY(w.start != trailer))
        return reject(m, RL_FIX_BAD_FORMAT, 0, w.start, "the last field runs into the trailer");
    *sum = sums_total(sums);
    return RL_FIX_OK;
}

static bool read_check(const uint8_t *s, uint32_t *check)
{
    for (uint32_t i = 0; i < 3; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    *check = (s[0] * 100u + s[1] * 10u + s[2]) - '0' * 111u;
    return true;
}

enum rl_fix_result rl_fix_parse(struct rl_fix_msg *m, const uint8_t *bytes, uint32_t n_bytes)
{
    struct frame f = {0};
    enum rl_fix_result result = n_bytes > 0 ? frame_find(&f, bytes, n_bytes) : RL_FIX_PARTIAL;
    const struct rl_fix_field *type;
    uint32_t check, trailer_sum = 0;
    uint8_t sum;

    m->bytes = bytes;
    m->n_bytes = n_bytes;
    m->n_fields = 0;
    m->type = 0;
    m->what = NULL;
    if (result == RL_FIX_GARBLED)
        return garbled(m, f.where, f.what);
    if (result == RL_FIX_PARTIAL)
        return garbled(m, n_bytes, "the message is cut off");
    if (f.trailer + TRAILER != n_bytes)
        return garbled(m, f.trailer + TRAILER, "bytes after the message");
    if (memcmp(bytes + f.body, "35=", 3) != 0)
        return garbled(m, f.body, "the third field is MsgType");
    if (!read_check(bytes + f.trailer + 3, &check))
        return garbled(m, f.trailer, "CheckSum is not three digits");

    result = take_fields(m, f.trailer, &sum);
    if (result == RL_FIX_OK) {
        for (uint32_t i = 0; i < TRAILER; i++)
            trailer_sum += bytes[f.trailer + i];
        sum = (uint8_t)(sum - trailer_sum);
    } else {
        sum = rl_fix_sum(bytes, f.trailer); /* a wrong sum counts for more than a wrong field */
    }
    if (sum != check)
        return garbled(m, f.trailer, "CheckSum is wrong");
    if (result != RL_FIX_OK)
        return result;
    m->fields[m->n_fields++] =
        (struct rl_fix_field){.tag = RL_FIX_CheckSum, .off = f.trailer + 3, .len = 3};
    type = &m->fields[2];
    if (type->len <= 2)
        m->type = type->len == 1 ? RL_FIX_TYPE1(bytes[type->off])
                                 : RL_FIX_TYPE2(bytes[type->off], bytes[type->off + 1]);
    return RL_FIX_OK;
}
