/*
 * fix - FIX tag=value messages of any version: framing, fields, values, encoding. No dictionary.
 *
 * Threads:  functions of their arguments; a message or an encoder belongs to one thread.
 * Memory:   fields are offsets into the caller's bytes, which must outlive the message; the table
 *           of fields is the caller's too. Encoders write into the caller's buffer.
 * Cost:     one pass over the bytes finds the fields and adds up the checksum.
 *
 * A value ends at SOH, except the value of a raw data field (RawData, EncodedText ...) whose length
 * the field before it states: it may hold any byte. '=' in a value is part of the value.
 *
 * Outcomes follow the FIX rules: a message whose frame does not hold together (BeginString,
 * BodyLength, MsgType first, CheckSum last and right) is garbled and to be ignored; one that frames
 * but holds a field that is no field is to be rejected, with the reason that tag 373 wants.
 */
#ifndef RL_MARKET_FIX_H
#define RL_MARKET_FIX_H

#include <string.h>

#include "base/defs.h"
#include "base/money.h"

#define RL_FIX_SOH 0x01
#define RL_FIX_MAX_MESSAGE (1u << 20) /* a larger BodyLength is taken for garbage */
#define RL_FIX_MAX_FIELDS 512         /* a good size for the caller's table */

/* The tags that the code here knows; any other is read and written just as well. */
enum rl_fix_tag {
    RL_FIX_BeginString = 8,
    RL_FIX_BodyLength = 9,
    RL_FIX_CheckSum = 10,
    RL_FIX_ClOrdID = 11,
    RL_FIX_CumQty = 14,
    RL_FIX_ExecID = 17,
    RL_FIX_LastPx = 31,
    RL_FIX_LastQty = 32,
    RL_FIX_MsgSeqNum = 34,
    RL_FIX_MsgType = 35,
    RL_FIX_NewSeqNo = 36,
    RL_FIX_OrderID = 37,
    RL_FIX_OrderQty = 38,
    RL_FIX_OrdStatus = 39,
    RL_FIX_OrdType = 40,
    RL_FIX_Price = 44,
    RL_FIX_SecurityID = 48,
    RL_FIX_SenderCompID = 49,
    RL_FIX_SendingTime = 52,
    RL_FIX_Side = 54,
    RL_FIX_Symbol = 55,
    RL_FIX_TargetCompID = 56,
    RL_FIX_TimeInForce = 59,
    RL_FIX_TransactTime = 60,
    RL_FIX_ResetSeqNumFlag = 141,
    RL_FIX_ExecType = 150,
    RL_FIX_LeavesQty = 151,
    RL_FIX_NoMDEntries = 268,
    RL_FIX_MDEntryType = 269,
    RL_FIX_MDEntryPx = 270,
    RL_FIX_MDEntrySize = 271,
    RL_FIX_MDEntryID = 278,
    RL_FIX_MDUpdateAction = 279,
    RL_FIX_SecondaryClOrdID = 526,
    RL_FIX_ApplSeqNum = 1181,
};

enum rl_fix_result {
    RL_FIX_OK = 0,
    RL_FIX_PARTIAL, /* framing only: more bytes are needed */
    RL_FIX_REJECT,  /* frames, but `reason`, `ref_tag`, `ref_off` say what is wrong */
    RL_FIX_GARBLED, /* to be ignored */
};

/* SessionRejectReason (373): the values that a parser without a dictionary can find. */
enum rl_fix_reason {
    RL_FIX_INVALID_TAG = 0,
    RL_FIX_NO_VALUE = 4,
    RL_FIX_BAD_FORMAT = 6,
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
    struct rl_fix_field *fields; /* the caller's */
    uint32_t n_fields_max;
    uint32_t type;    /* RL_FIX_TYPE1, RL_FIX_TYPE2 */
    uint32_t reason;  /* after REJECT: enum rl_fix_reason */
    uint32_t ref_tag; /* after REJECT: the tag, 0 when it has none */
    uint32_t ref_off; /* after REJECT or GARBLED: where */
    const char *what; /* after REJECT or GARBLED: a sentence, constant */
};

static inline void rl_fix_init(struct rl_fix_msg *m, struct rl_fix_field *fields, uint32_t n_max)
{
    *m = (struct rl_fix_msg){.fields = fields, .n_fields_max = n_max};
}

/*
 * Where the first message of a byte stream ends, by BodyLength. OK: *n_message bytes are one frame
 * (the checksum is not verified yet). PARTIAL: it may become one. GARBLED: skip *n_message bytes,
 * up to what looks like the next start.
 */
enum rl_fix_result rl_fix_frame(const uint8_t *bytes, size_t n_bytes, uint32_t *n_message);

/* Reads exactly one message, which must fill the bytes: frame, checksum and every field. */
enum rl_fix_result rl_fix_parse(struct rl_fix_msg *m, const uint8_t *bytes, uint32_t n_bytes);

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

/* Digits only, leading zeros allowed; false when empty, not digits, or beyond 64 bits. */
static inline bool rl_fix_read_uint(const uint8_t *s, uint32_t n, uint64_t *out)
{
    uint64_t v = 0;

    if (n == 0)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        unsigned digit = s[i] - (unsigned)'0';

        if (RL_UNLIKELY(digit > 9 || v > (UINT64_MAX - digit) / 10))
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

/*
 * A decimal as a count of 10^-n_decimals (at most 18), without floats: "-8.539999999999" at 9 is
 * -8540000000. Beyond the last decimal it is rounded to nearest, halves away from zero; *inexact
 * (may be NULL) says whether anything was cut. False when it is no FIX float or does not fit.
 */
bool rl_fix_read_decimal(const uint8_t *s, uint32_t n, unsigned n_decimals, int64_t *out,
                         bool *inexact);

static inline bool rl_fix_read_px(const uint8_t *s, uint32_t n, int64_t *px_nano)
{
    return rl_fix_read_decimal(s, n, 9, px_nano, NULL);
}

/* UTCTimestamp "YYYYMMDD-HH:MM:SS" with 0 to 9 decimals -> ns since 1970; false when it is none. */
bool rl_fix_read_time(const uint8_t *s, uint32_t n, uint64_t *ns);

/* The same on a field; false when `f` is NULL. */
static inline bool rl_fix_uint(const struct rl_fix_msg *m, const struct rl_fix_field *f,
                               uint64_t *out)
{
    return f && rl_fix_read_uint(m->bytes + f->off, f->len, out);
}

static inline bool rl_fix_px(const struct rl_fix_msg *m, const struct rl_fix_field *f,
                             int64_t *px_nano)
{
    return f && rl_fix_read_px(m->bytes + f->off, f->len, px_nano);
}

/* The single character of a field; 0 when `f` is NULL or its value has not one byte. */
static inline uint8_t rl_fix_char(const struct rl_fix_msg *m, const struct rl_fix_field *f)
{
    return f && f->len == 1 ? m->bytes[f->off] : 0;
}

/* --- encoding: any message -------------------------------------------------------------------- */

/* Appends fields to a buffer; what does not fit sets `full` and is remembered until finish. */
struct rl_fix_enc {
    uint8_t *bytes;
    const char *begin_string;
    uint32_t at;
    uint32_t n_max;
    bool full;
};

#define RL_FIX_HEAD_ROOM \
    40 /* kept free for BeginString and BodyLength: a message needs it to spare */
#define RL_FIX_PX_CHARS 21   /* "-9223372036.854775807" */
#define RL_FIX_TIME_CHARS 27 /* "20260921-13:55:15.038544123" */
#define RL_FIX_SEQ_DIGITS 10 /* the width of a number that will be patched */

/*
 * The fields begin with MsgType: the caller appends 35 and so on, but neither 8, 9 nor 10. The text
 * is kept by reference; longer than 16 characters, or a buffer of no use, counts as full.
 */
void rl_fix_begin(struct rl_fix_enc *e, uint8_t *bytes, uint32_t n_max, const char *begin_string);
void rl_fix_put(struct rl_fix_enc *e, uint32_t tag, const void *value, uint32_t n_bytes);
void rl_fix_put_text(struct rl_fix_enc *e, uint32_t tag, const char *text);
void rl_fix_put_char(struct rl_fix_enc *e, uint32_t tag, char c);
void rl_fix_put_uint(struct rl_fix_enc *e, uint32_t tag, uint64_t v);
/* With leading zeros to `width` digits (at most 20); a wider number keeps its digits. */
void rl_fix_put_uint_wide(struct rl_fix_enc *e, uint32_t tag, uint64_t v, uint32_t width);
void rl_fix_put_px(struct rl_fix_enc *e, uint32_t tag, int64_t px_nano);
/* `n_decimals` 0, 3, 6 or 9. */
void rl_fix_put_time(struct rl_fix_enc *e, uint32_t tag, uint64_t ns, unsigned n_decimals);
/* Writes 8, 9 and 10 around the fields; the message starts at `bytes`. Its length, 0 when full. */
uint32_t rl_fix_finish(struct rl_fix_enc *e);

/* The shortest decimal, "40707.16", "-8.54", "0"; returns the characters written, no terminator. */
uint32_t rl_fix_print_px(char out[RL_FIX_PX_CHARS], int64_t px_nano);
uint32_t rl_fix_print_uint(char out[20], uint64_t v);
uint32_t rl_fix_print_time(char out[RL_FIX_TIME_CHARS], uint64_t ns, unsigned n_decimals);

/* --- encoding: market data for generators ----------------------------------------------------- */

struct rl_fix_md_entry {
    char action;     /* 279: '0' new, '1' change, '2' delete */
    char type;       /* 269: '0' bid, '1' offer, '2' trade */
    uint64_t id;     /* 278 in digits; 0: left out */
    int64_t px_nano; /* RL_PX_NONE: left out */
    uint64_t qty;    /* 0: left out */
    const char *symbol;
};

struct rl_fix_md {
    const char *begin_string;
    const char *sender;
    const char *target;
    uint64_t seq; /* 34, RL_FIX_SEQ_DIGITS wide: can be renumbered in place */
    uint64_t sending_time_ns;
};

/* MarketDataIncrementalRefresh (35=X); the length, 0 when it does not fit. */
uint32_t rl_fix_put_md(uint8_t *out, uint32_t n_max, const struct rl_fix_md *head,
                       const struct rl_fix_md_entry *entries, uint32_t n_entries);

/* --- encoding: orders, by patching a template ------------------------------------------------- */

#define RL_FIX_CLORDID_CHARS 13
#define RL_FIX_SYMBOL_MAX 31
#define RL_FIX_COMP_MAX 32
/* No message of a template is longer. */
#define RL_FIX_ORDER_MAX 640

/*
 * NewOrderSingle (35=D), limit. All that changes has a fixed width (numbers with leading zeros,
 * which FIX allows) except the symbol, which is last: an order is one copy and a few patches, its
 * checksum the sum of the template's constant bytes and of the patches.
 */
struct rl_fix_nos {
    uint64_t msg_seq;      /* 34 */
    uint64_t time_ns;      /* 52 and 60, since 1970 */
    const char *cl_ord_id; /* 11: RL_FIX_CLORDID_CHARS characters, no terminator needed */
    uint64_t secondary_id; /* 526: the sequence number of the message that triggered the order */
    const char *symbol;    /* 55 */
    uint32_t n_symbol;     /* its length, at most RL_FIX_SYMBOL_MAX */
    uint64_t qty;          /* 38 */
    int64_t px_nano;       /* 44 */
    uint8_t side;          /* enum rl_side */
    char time_in_force;    /* 59: '0' day, '3' IOC, '4' FOK */
};

/* ExecutionReport (35=8), the exchange's answer. Built the same way. */
struct rl_fix_er {
    uint64_t msg_seq;
    uint64_t time_ns;
    const char *cl_ord_id; /* RL_FIX_CLORDID_CHARS characters */
    uint64_t secondary_id;
    uint64_t order_id; /* 37 */
    uint64_t exec_id;  /* 17 */
    const char *symbol;
    uint32_t n_symbol;
    uint64_t qty;         /* 38 */
    uint64_t last_qty;    /* 32 */
    uint64_t cum_qty;     /* 14 */
    uint64_t leaves_qty;  /* 151 */
    int64_t px_nano;      /* 44 */
    int64_t last_px_nano; /* 31 */
    int64_t avg_px_nano;  /* 6 */
    uint8_t side;
    char exec_type;  /* 150: '0' new, 'F' trade, '8' rejected */
    char ord_status; /* 39: '0' new, '1' partly filled, '2' filled, '8' rejected */
};

#define RL_FIX_QTY_DIGITS 16
#define RL_FIX_ORDER_PX_CHARS 21   /* sign or 0, ten digits, point, nine digits */
#define RL_FIX_ORDER_TIME_CHARS 24 /* "20260921-13:55:15.038544" */

/* Both kinds. Offsets are those of the values that are patched; 0: this kind has none. */
struct rl_fix_template {
    RL_ALIGNED uint8_t bytes[RL_FIX_ORDER_MAX]; /* up to the symbol; what is patched is zero */
    uint32_t n_prefix;                          /* bytes before the symbol */
    uint32_t at_body;                           /* MsgType: from here BodyLength counts */
    uint32_t sum;                               /* of the bytes above */
    uint16_t at_length, at_seq, at_sent, at_cl_ord_id, at_secondary, at_side, at_qty, at_px,
        at_time;
    uint16_t at_tif;
    uint16_t at_order_id, at_exec_id, at_exec_type, at_status, at_last_qty, at_last_px, at_leaves;
    uint16_t at_cum, at_avg;
    uint64_t second; /* since 1970: what `clock` shows; UINT64_MAX: nothing yet */
    uint32_t clock_sum;
    uint8_t clock[24]; /* "YYYYMMDD-HH:MM:SS." and room */
};

/* -EINVAL when a name is empty, too long, or holds a control character. */
int rl_fix_nos_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                    const char *target);
int rl_fix_er_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                   const char *target);

/*
 * Write one message to `out`, which has room for rl_fix_template_bytes, and return that length; 0,
 * and nothing useful written, when a symbol is empty or too long, a quantity has more than
 * RL_FIX_QTY_DIGITS or a sequence number more than RL_FIX_SEQ_DIGITS. Every price fits; RL_PX_NONE
 * is written as 0.
 */
uint32_t rl_fix_nos_write(struct rl_fix_template *t, const struct rl_fix_nos *order, uint8_t *out);
uint32_t rl_fix_er_write(struct rl_fix_template *t, const struct rl_fix_er *report, uint8_t *out);

static inline uint32_t rl_fix_template_bytes(const struct rl_fix_template *t, uint32_t n_symbol)
{
    return t->n_prefix + n_symbol + 8; /* SOH "10=nnn" SOH */
}

#endif
