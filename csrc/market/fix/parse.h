/*
 * parse - FIX tag=value bytes to messages and fields, any version, no dictionary.
 *
 * Threads:  functions of their arguments; a message belongs to one thread. rl_fix_use is for tests
 *           and benches, before other threads parse.
 * Memory:   fields are offsets into the caller's bytes, which must outlive the message; the table
 *           of fields is the caller's too. No byte outside of what is given is read.
 * Cost:     one pass finds the separators, the fields and the checksum, 64 bytes at a time. An
 *           ordinary message takes no branch that depends on its fields; what is not ordinary (raw
 *           data, tags of nine digits, anything wrong) goes to a careful walk that decides alone.
 *
 * A value ends at SOH, except the value of a raw data field (RawData, EncodedText ...) whose length
 * the field before it states: it may hold any byte. '=' in a value is part of the value. A tag is
 * 1 to 2^31-1 without leading zeros.
 *
 * Outcomes follow the FIX rules: a message whose frame does not hold together (BeginString,
 * BodyLength, MsgType first, CheckSum last and right) is garbled and to be ignored; one that frames
 * but holds a field that is no field is to be rejected, with the reason that tag 373 wants.
 */
#ifndef RL_MARKET_FIX_PARSE_H
#define RL_MARKET_FIX_PARSE_H

#include <string.h>

#include "base/defs.h"
#include "market/fix/tags.h"

#define RL_FIX_SOH 0x01
#define RL_FIX_MAX_MESSAGE (1u << 20) /* a larger BodyLength is taken for garbage */
#define RL_FIX_MAX_FIELDS 512         /* a good size for the caller's table */
#define RL_FIX_TRAILER_BYTES 7        /* bytes of "10=nnn" SOH */

enum rl_fix_result {
    RL_FIX_OK = 0,
    RL_FIX_PARTIAL, /* framing only: more bytes are needed */
    RL_FIX_REJECT,  /* frames, but `reason`, `ref_tag`, `ref_off` say what is wrong */
    RL_FIX_GARBLED, /* to be ignored */
};

/* SessionRejectReason (373). The parser alone finds INVALID_TAG, NO_VALUE, BAD_FORMAT and OTHER. */
enum rl_fix_reason {
    RL_FIX_INVALID_TAG = 0,
    RL_FIX_REQUIRED_MISSING = 1,
    RL_FIX_NOT_FOR_THIS_TYPE = 2,
    RL_FIX_UNDEFINED_TAG = 3,
    RL_FIX_NO_VALUE = 4,
    RL_FIX_WRONG_VALUE = 5,
    RL_FIX_BAD_FORMAT = 6,
    RL_FIX_DECRYPTION = 7,
    RL_FIX_SIGNATURE = 8,
    RL_FIX_COMP_ID = 9,
    RL_FIX_SENDING_TIME = 10,
    RL_FIX_INVALID_TYPE = 11,
    RL_FIX_XML = 12,
    RL_FIX_TAG_TWICE = 13,
    RL_FIX_TAG_ORDER = 14,
    RL_FIX_GROUP_ORDER = 15,
    RL_FIX_GROUP_COUNT = 16,
    RL_FIX_SOH_IN_VALUE = 17,
    RL_FIX_OTHER = 99,
};

/* The value is `len` bytes at `off` from the start of the message. */
struct rl_fix_field {
    uint32_t tag;
    uint32_t off;
    uint32_t len;
};

/* MsgType as a number: RL_FIX_TYPE1('X'), RL_FIX_TYPE2('A', 'E'); longer types are 0. */
#define RL_FIX_TYPE1(a) ((uint32_t)(uint8_t)(a))
#define RL_FIX_TYPE2(a, b) ((uint32_t)(uint8_t)(a) << 8 | (uint32_t)(uint8_t)(b))

struct rl_fix_msg {
    const uint8_t *bytes;
    uint32_t n_bytes;
    uint32_t n_fields;           /* 8, 9 and 35 are the first three, 10 is the last */
    struct rl_fix_field *fields; /* the caller's; those from n_fields on are scratch */
    uint32_t n_fields_max;
    bool allows_empty; /* the caller's: a tag without a value is a field of no bytes */
    uint32_t type;     /* RL_FIX_TYPE1, RL_FIX_TYPE2 */
    uint32_t reason;   /* after REJECT: enum rl_fix_reason */
    uint32_t ref_tag;  /* after REJECT: the tag, 0 when it has none */
    uint32_t ref_off;  /* after REJECT or GARBLED: where */
    const char *what;  /* after REJECT or GARBLED: a sentence, constant */
};

static inline void rl_fix_init(struct rl_fix_msg *m, struct rl_fix_field *fields, uint32_t n_max)
{
    *m = (struct rl_fix_msg){.fields = fields, .n_fields_max = n_max};
}

/*
 * Where the first message of a byte stream ends, by BodyLength. OK: *n_message bytes are one frame
 * (the checksum is not verified yet). PARTIAL: it may become one. GARBLED: skip *n_message bytes,
 * up to what looks like the next start. However a stream is split, the same messages come out.
 */
enum rl_fix_result rl_fix_frame(const uint8_t *bytes, size_t n_bytes, uint32_t *n_message);

/*
 * Reads exactly one message, which must fill the bytes: frame, checksum and every field. After
 * REJECT the fields before the wrong one are there (n_fields), and the type; a length of raw data
 * that is no number counts as read, what follows it as wrong. After GARBLED there are none.
 */
enum rl_fix_result rl_fix_parse(struct rl_fix_msg *m, const uint8_t *bytes, uint32_t n_bytes);

/*
 * Both for a stream: the first message of the bytes, framed and read. *n_used bytes are done with:
 * the message (OK, REJECT, or GARBLED by its checksum or MsgType), garbage before the next start
 * (GARBLED), or nothing (PARTIAL).
 */
enum rl_fix_result rl_fix_next(struct rl_fix_msg *m, const uint8_t *bytes, size_t n_bytes,
                               uint32_t *n_used);

/* The sum of the bytes, modulo 256. */
uint8_t rl_fix_sum(const uint8_t *bytes, size_t n_bytes);

/* The raw data tag whose value's length this tag states (95 -> 96); 0 when it states none. */
uint32_t rl_fix_data_tag(uint32_t length_tag);

/* The first field of that tag at index `from` or later; NULL when there is none. */
static inline const struct rl_fix_field *rl_fix_find(const struct rl_fix_msg *m, uint32_t tag,
                                                     uint32_t from)
{
    for (uint32_t i = from; i < m->n_fields; i++)
        if (m->fields[i].tag == tag)
            return &m->fields[i];
    return NULL;
}

static inline const uint8_t *rl_fix_value(const struct rl_fix_msg *m, const struct rl_fix_field *f)
{
    return m->bytes + f->off;
}

/* --- the instruction sets --------------------------------------------------------------------- */

/* All give the same answer to every input; the best one that the CPU has is chosen at load time. */
enum rl_fix_path {
    RL_FIX_SCALAR, /* eight bytes at a time, any CPU */
    RL_FIX_SSE2,
    RL_FIX_AVX2,
    RL_FIX_AVX512, /* with VBMI2: 16 fields at a time */
    RL_FIX_N_PATHS,
};

/* Bit `1u << path` for each that this CPU can run. */
uint32_t rl_fix_paths(void);
enum rl_fix_path rl_fix_path(void);
/* "scalar", "sse2", "avx2", "avx512" */
const char *rl_fix_path_name(enum rl_fix_path path);
/* From now on that one; -ENOTSUP, and nothing changed, when this CPU cannot run it. */
int rl_fix_use(enum rl_fix_path path);

#endif
