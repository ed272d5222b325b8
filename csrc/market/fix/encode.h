/*
 * encode - any FIX message, field by field: for what is not on the hot path, and to check what is.
 *
 * Threads:  an encoder belongs to one thread.
 * Memory:   writes into the caller's buffer; BeginString is kept by reference.
 * Cost:     a copy a field, one more of the whole body at the end, and one pass for the checksum.
 */
#ifndef RL_MARKET_FIX_ENCODE_H
#define RL_MARKET_FIX_ENCODE_H

#include "base/money.h"
#include "market/fix/parse.h"
#include "market/fix/template.h"

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

/* --- market data for generators --------------------------------------------------------------- */

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

#endif
