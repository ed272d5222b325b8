/*
 * ouch - Nasdaq OUCH 5.0: every message in and out, with its optional appendage.
 *
 * Threads:  functions of their arguments.
 * Memory:   decoding fills a plain struct; its options stay a view into the message. Encoding
 *           fills the caller's buffer.
 * Cost:     a switch, byte swaps and one walk over the appendage; no copies of it.
 *
 * Names are the venue's: `in` goes to the exchange, `out` comes from it. Integers are big endian,
 * prices are u64 counts of 1e-4, texts are alpha.h's. A message is its fixed part, and in most
 * types an appendage: its length u16, then options {length u8 of what follows, tag u8, value}. The
 * layout is that of Nasdaq's "O*U*C*H Version 5.0"; OUCH travels in SoupBinTCP packets (soup.h).
 */
#ifndef RL_MARKET_OUCH_H
#define RL_MARKET_OUCH_H

#include "base/defs.h"
#include "base/money.h"
#include "market/codec/alpha.h"
#include "market/codec/mold.h"

#define RL_OUCH_SYMBOL 8
#define RL_OUCH_FIRM 4
#define RL_OUCH_CL_ORD_ID 14
#define RL_OUCH_NANO_PER_TICK 100000LL
/* The largest fixed part, its appendage length, and every option once. */
#define RL_OUCH_MAX_MESSAGE 256

/*
 * A price that says "market" in a cross: 214,748.3647. Decoded to RL_PX_NONE, and RL_PX_NONE is
 * encoded to it. Two other values mean the same to the exchange, but keep their number here, so
 * that a message can be written again as it was: see rl_ouch_is_market.
 */
#define RL_OUCH_PX_MARKET 0x7FFFFFFFULL

/* --- messages --------------------------------------------------------------------------------- */

/*
 * The fields of each message behind its type, in the order of the wire: F(kind, member). The kinds
 * are CHAR, U16, U32, U64, PX, SYMBOL, FIRM and ID (a ClOrdID); the members are those of rl_ouch_in
 * and rl_ouch_out.
 */
/* clang-format off */
#define RL_OUCH_IN_enter(F)                                                             \
    F(U32, ref) F(CHAR, side) F(U32, qty) F(SYMBOL, symbol) F(PX, px_nano) F(CHAR, tif) \
    F(CHAR, display) F(CHAR, capacity) F(CHAR, sweep) F(CHAR, cross) F(ID, cl_ord_id)
#define RL_OUCH_IN_replace(F)                                                             \
    F(U32, orig_ref) F(U32, ref) F(U32, qty) F(PX, px_nano) F(CHAR, tif) F(CHAR, display) \
    F(CHAR, sweep) F(ID, cl_ord_id)
#define RL_OUCH_IN_cancel(F) F(U32, ref) F(U32, qty)
#define RL_OUCH_IN_modify(F) F(U32, ref) F(CHAR, side) F(U32, qty)
#define RL_OUCH_IN_mass_cancel(F) F(U32, ref) F(FIRM, firm) F(SYMBOL, symbol)
#define RL_OUCH_IN_disable_entry(F) F(U32, ref) F(FIRM, firm)
#define RL_OUCH_IN_enable_entry(F) F(U32, ref) F(FIRM, firm)
#define RL_OUCH_IN_account_query(F)

#define RL_OUCH_OUT_system_event(F) F(U64, ts_ns) F(CHAR, event)
#define RL_OUCH_OUT_accepted(F)                                                          \
    F(U64, ts_ns) F(U32, ref) F(CHAR, side) F(U32, qty) F(SYMBOL, symbol) F(PX, px_nano) \
    F(CHAR, tif) F(CHAR, display) F(U64, order_ref) F(CHAR, capacity) F(CHAR, sweep)     \
    F(CHAR, cross) F(CHAR, state) F(ID, cl_ord_id)
#define RL_OUCH_OUT_replaced(F)                                                            \
    F(U64, ts_ns) F(U32, orig_ref) F(U32, ref) F(CHAR, side) F(U32, qty) F(SYMBOL, symbol) \
    F(PX, px_nano) F(CHAR, tif) F(CHAR, display) F(U64, order_ref) F(CHAR, capacity)       \
    F(CHAR, sweep) F(CHAR, cross) F(CHAR, state) F(ID, cl_ord_id)
#define RL_OUCH_OUT_canceled(F) F(U64, ts_ns) F(U32, ref) F(U32, qty) F(CHAR, reason)
#define RL_OUCH_OUT_aiq_canceled(F)                                                            \
    F(U64, ts_ns) F(U32, ref) F(U32, qty) F(CHAR, reason) F(U32, prevented_qty) F(PX, px_nano) \
    F(CHAR, liquidity) F(CHAR, aiq_strategy)
#define RL_OUCH_OUT_executed(F)                                                           \
    F(U64, ts_ns) F(U32, ref) F(U32, qty) F(PX, px_nano) F(CHAR, liquidity) F(U64, match)
#define RL_OUCH_OUT_broken_trade(F)                                          \
    F(U64, ts_ns) F(U32, ref) F(U64, match) F(CHAR, reason) F(ID, cl_ord_id)
#define RL_OUCH_OUT_trade_correction(F)                                                   \
    F(U64, ts_ns) F(U32, ref) F(U32, qty) F(PX, px_nano) F(CHAR, liquidity) F(U64, match) \
    F(CHAR, reason) F(ID, cl_ord_id)
#define RL_OUCH_OUT_rejected(F) F(U64, ts_ns) F(U32, ref) F(U16, reject) F(ID, cl_ord_id)
#define RL_OUCH_OUT_cancel_pending(F) F(U64, ts_ns) F(U32, ref)
#define RL_OUCH_OUT_cancel_reject(F) F(U64, ts_ns) F(U32, ref)
#define RL_OUCH_OUT_priority_update(F)                                          \
    F(U64, ts_ns) F(U32, ref) F(PX, px_nano) F(CHAR, display) F(U64, order_ref)
#define RL_OUCH_OUT_modified(F) F(U64, ts_ns) F(U32, ref) F(CHAR, side) F(U32, qty)
#define RL_OUCH_OUT_restated(F) F(U64, ts_ns) F(U32, ref) F(CHAR, reason)
#define RL_OUCH_OUT_mass_cancel_response(F)                   \
    F(U64, ts_ns) F(U32, ref) F(FIRM, firm) F(SYMBOL, symbol)
#define RL_OUCH_OUT_disable_response(F) F(U64, ts_ns) F(U32, ref) F(FIRM, firm)
#define RL_OUCH_OUT_enable_response(F) F(U64, ts_ns) F(U32, ref) F(FIRM, firm)
#define RL_OUCH_OUT_account_response(F) F(U64, ts_ns) F(U32, ref)
/* clang-format on */

/* NEVER: no appendage. MAYBE: nothing, or a length (perhaps 0) and options. ALWAYS: a length. */
enum rl_ouch_appends { RL_OUCH_NEVER, RL_OUCH_MAYBE, RL_OUCH_ALWAYS };

/* X(type, bytes of the fixed part with the type and without the appendage, appends, name) */
#define RL_OUCH_IN_TYPES(X)          \
    X('O', 45, ALWAYS, enter)        \
    X('U', 38, ALWAYS, replace)      \
    X('X', 9, MAYBE, cancel)         \
    X('M', 10, MAYBE, modify)        \
    X('C', 17, ALWAYS, mass_cancel)  \
    X('D', 9, ALWAYS, disable_entry) \
    X('E', 9, ALWAYS, enable_entry)  \
    X('Q', 1, MAYBE, account_query)

#define RL_OUCH_OUT_TYPES(X)                 \
    X('S', 10, NEVER, system_event)          \
    X('A', 62, ALWAYS, accepted)             \
    X('U', 66, ALWAYS, replaced)             \
    X('C', 18, MAYBE, canceled)              \
    X('D', 32, MAYBE, aiq_canceled)          \
    X('E', 34, ALWAYS, executed)             \
    X('B', 36, MAYBE, broken_trade)          \
    X('F', 49, MAYBE, trade_correction)      \
    X('J', 29, MAYBE, rejected)              \
    X('P', 13, MAYBE, cancel_pending)        \
    X('I', 13, MAYBE, cancel_reject)         \
    X('T', 30, MAYBE, priority_update)       \
    X('M', 18, MAYBE, modified)              \
    X('R', 14, ALWAYS, restated)             \
    X('X', 25, ALWAYS, mass_cancel_response) \
    X('G', 17, ALWAYS, disable_response)     \
    X('K', 17, ALWAYS, enable_response)      \
    X('Q', 13, MAYBE, account_response)

/* The options of a message, checked as a whole when it was decoded. */
struct rl_ouch_options {
    const uint8_t *bytes;
    uint16_t n_bytes;
    bool is_present; /* the length is on the wire, even if it is 0; only MAYBE types ask for it */
};

/* What a member means, and which messages have it, stands in the lists above. */
struct rl_ouch_in {
    uint8_t type;
    uint8_t side;    /* enum rl_ouch_side */
    uint8_t tif;     /* enum rl_ouch_tif */
    uint8_t display; /* enum rl_ouch_display */
    uint8_t capacity;
    uint8_t sweep; /* intermarket sweep: 'Y' eligible, 'N' not */
    uint8_t cross; /* enum rl_ouch_cross */
    uint32_t ref;  /* UserRefNum: day unique and rising */
    uint32_t orig_ref;
    uint32_t qty;
    int64_t px_nano; /* RL_PX_NONE is the market */
    uint8_t symbol[RL_OUCH_SYMBOL];
    uint8_t firm[RL_OUCH_FIRM];
    uint8_t cl_ord_id[RL_OUCH_CL_ORD_ID];
    struct rl_ouch_options options;
};

struct rl_ouch_out {
    uint8_t type;
    uint8_t side;
    uint8_t tif;
    uint8_t display;
    uint8_t capacity;
    uint8_t sweep;
    uint8_t cross;
    uint8_t state;  /* 'L' live, 'D' dead: entered and gone at once */
    uint8_t reason; /* of a cancel, a broken or corrected trade, a restatement */
    uint8_t liquidity;
    uint8_t event; /* 'S' start of day, 'E' end of day */
    uint8_t aiq_strategy;
    uint16_t reject; /* enum rl_ouch_reject */
    uint32_t ref;    /* of an account response: the next one */
    uint32_t orig_ref;
    uint32_t qty;
    uint32_t prevented_qty;
    uint64_t ts_ns; /* since midnight */
    uint64_t order_ref;
    uint64_t match;
    int64_t px_nano;
    uint8_t symbol[RL_OUCH_SYMBOL];
    uint8_t firm[RL_OUCH_FIRM];
    uint8_t cl_ord_id[RL_OUCH_CL_ORD_ID];
    struct rl_ouch_options options;
};

/*
 * False when the type is unknown to that direction, the size is not that type's, an option is cut
 * or has not its tag's size, or a price does not fit 64 bits of 1e-9. Members that the type does
 * not have are zero; options whose tag is unknown are kept.
 */
bool rl_ouch_read_in(const uint8_t *m, uint32_t n_bytes, struct rl_ouch_in *v);
bool rl_ouch_read_out(const uint8_t *m, uint32_t n_bytes, struct rl_ouch_out *v);

/*
 * Returns the message's size. 0, with nothing said about `out`, when it is longer than `n_max`, the
 * type is unknown, the options do not hold together or the type takes none, or the price is not on
 * the grid of 1e-4: an order must not be sent at a price that nobody asked for.
 */
uint32_t rl_ouch_write_in(uint8_t *out, uint32_t n_max, const struct rl_ouch_in *v);
uint32_t rl_ouch_write_out(uint8_t *out, uint32_t n_max, const struct rl_ouch_out *v);

/* The size of the fixed part; 0 for a type that the direction does not have. */
extern const uint8_t rl_ouch_in_sizes[256];
extern const uint8_t rl_ouch_out_sizes[256];
/* "enter", "accepted" ..., or "unknown". */
const char *rl_ouch_in_name(uint8_t type);
const char *rl_ouch_out_name(uint8_t type);

/* --- options ---------------------------------------------------------------------------------- */

/*
 * What the value of an option is: CHAR a character, U8 to U64 numbers, PX a price, OFFSET a signed
 * price of 32 bits, TEXT4 and TEXT2 padded texts. 8 is not given out; 19 and 20 are of the first
 * revisions of OUCH 5.0.
 *
 * X(tag, kind, name)
 */
#define RL_OUCH_OPTIONS(X)               \
    X(1, U64, secondary_order_ref)       \
    X(2, TEXT4, firm)                    \
    X(3, U32, min_qty)                   \
    X(4, CHAR, customer_type)            \
    X(5, U32, max_floor)                 \
    X(6, CHAR, price_type)               \
    X(7, OFFSET, peg_offset)             \
    X(9, PX, discretion_price)           \
    X(10, CHAR, discretion_price_type)   \
    X(11, OFFSET, discretion_peg_offset) \
    X(12, CHAR, post_only)               \
    X(13, U32, random_reserves)          \
    X(14, TEXT4, route)                  \
    X(15, U32, expire_time)              \
    X(16, CHAR, trade_now)               \
    X(17, CHAR, handle_inst)             \
    X(18, CHAR, bbo_weight)              \
    X(19, PX, reference_price)           \
    X(20, CHAR, reference_price_type)    \
    X(22, U32, display_qty)              \
    X(23, PX, display_price)             \
    X(24, U16, group_id)                 \
    X(25, CHAR, shares_located)          \
    X(26, TEXT4, locate_broker)          \
    X(27, CHAR, side)                    \
    X(28, U8, ref_index)                 \
    X(29, CHAR, aiq_strategy)            \
    X(30, TEXT2, aiq_group)

enum rl_ouch_option_tag {
#define RL_OUCH_OPTION_ENUM(tag, kind, name) RL_OUCH_OPTION_##name = tag,
    RL_OUCH_OPTIONS(RL_OUCH_OPTION_ENUM)
#undef RL_OUCH_OPTION_ENUM
};

struct rl_ouch_option {
    uint8_t tag;
    uint8_t n_bytes; /* of the value */
    const uint8_t *value;
};

/* The bytes that the value of a known tag has; 0 for an unknown one. */
uint32_t rl_ouch_option_size(uint8_t tag);
/* "min_qty" ..., or "unknown". */
const char *rl_ouch_option_name(uint8_t tag);

/*
 * Walks the options: start with *at = 0. False at the end. Only for options that rl_ouch_read_*
 * accepted: nothing is checked again.
 */
static inline bool rl_ouch_next_option(const struct rl_ouch_options *o, uint32_t *at,
                                       struct rl_ouch_option *option)
{
    const uint8_t *p;

    if (*at >= o->n_bytes)
        return false;
    p = o->bytes + *at;
    *option = (struct rl_ouch_option){.tag = p[1], .n_bytes = (uint8_t)(p[0] - 1), .value = p + 2};
    *at += 1u + p[0];
    return true;
}

/* The first option of that tag. */
bool rl_ouch_find_option(const struct rl_ouch_options *o, uint8_t tag,
                         struct rl_ouch_option *option);
/* The value as an unsigned number: CHAR and U kinds; false for another kind or an unknown tag. */
bool rl_ouch_option_uint(const struct rl_ouch_option *option, uint64_t *value);
/* The value as a price: PX (market included, see above) and OFFSET; false for another kind. */
bool rl_ouch_option_px(const struct rl_ouch_option *option, int64_t *px_nano);

/* Options under construction in the caller's buffer. */
struct rl_ouch_option_writer {
    uint8_t *bytes;
    uint32_t n_max;
    uint32_t n_bytes;
};

/* Each is false, and the options are as they were, when it does not fit the tag or the buffer. */
bool rl_ouch_put_option(struct rl_ouch_option_writer *w, uint8_t tag, const void *value,
                        uint32_t n_bytes);
bool rl_ouch_put_option_uint(struct rl_ouch_option_writer *w, uint8_t tag, uint64_t value);
bool rl_ouch_put_option_px(struct rl_ouch_option_writer *w, uint8_t tag, int64_t px_nano);
bool rl_ouch_put_option_text(struct rl_ouch_option_writer *w, uint8_t tag, const char *text);

/* What rl_ouch_in and rl_ouch_out take. */
static inline struct rl_ouch_options rl_ouch_options_of(const struct rl_ouch_option_writer *w)
{
    return (struct rl_ouch_options){
        .bytes = w->bytes, .n_bytes = (uint16_t)w->n_bytes, .is_present = w->n_bytes > 0};
}

/* --- what the characters say ------------------------------------------------------------------ */

enum rl_ouch_side {
    RL_OUCH_BUY = 'B',
    RL_OUCH_SELL = 'S',
    RL_OUCH_SELL_SHORT = 'T',
    RL_OUCH_SELL_SHORT_EXEMPT = 'E',
};

enum rl_ouch_tif {
    RL_OUCH_DAY = '0',
    RL_OUCH_IOC = '3',
    RL_OUCH_GTX = '5',
    RL_OUCH_GTT = '6',
    RL_OUCH_AFTER_HOURS = 'E',
};

enum rl_ouch_display {
    RL_OUCH_VISIBLE = 'Y',
    RL_OUCH_HIDDEN = 'N',
    RL_OUCH_ATTRIBUTABLE = 'A',
    RL_OUCH_CONFORMANT = 'Z', /* out only */
};

enum rl_ouch_capacity {
    RL_OUCH_AGENCY = 'A',
    RL_OUCH_PRINCIPAL = 'P',
    RL_OUCH_RISKLESS = 'R',
    RL_OUCH_OTHER = 'O',
};

enum rl_ouch_cross {
    RL_OUCH_CONTINUOUS = 'N',
    RL_OUCH_OPENING = 'O',
    RL_OUCH_CLOSING = 'C',
    RL_OUCH_HALT = 'H',
    RL_OUCH_SUPPLEMENTAL = 'S',
    RL_OUCH_RETAIL = 'R',
    RL_OUCH_EXTENDED = 'E',
    RL_OUCH_AFTER_HOURS_CLOSE = 'A',
};

enum rl_ouch_cancel_reason {
    RL_OUCH_CANCEL_USER = 'U',
    RL_OUCH_CANCEL_IOC = 'I',
    RL_OUCH_CANCEL_TIMEOUT = 'T',
    RL_OUCH_CANCEL_SUPERVISORY = 'S',
    RL_OUCH_CANCEL_REGULATORY = 'D',
    RL_OUCH_CANCEL_SELF_MATCH = 'Q',
    RL_OUCH_CANCEL_SYSTEM = 'Z',
    RL_OUCH_CANCEL_CROSS = 'C',
    RL_OUCH_CANCEL_NOT_EXECUTABLE = 'K',
    RL_OUCH_CANCEL_HALTED = 'H',
    RL_OUCH_CANCEL_OPEN_PROTECTION = 'X',
    RL_OUCH_CANCEL_CLOSED = 'E',
    RL_OUCH_CANCEL_POST_ONLY = 'F',
    RL_OUCH_CANCEL_POST_ONLY_CONTRA = 'G',
};

/* X(code, NAME, text) */
#define RL_OUCH_REJECTS(X)                                               \
    X(0x01, QUOTE_UNAVAILABLE, "quote unavailable")                      \
    X(0x02, DESTINATION_CLOSED, "destination closed")                    \
    X(0x03, INVALID_DISPLAY, "invalid display")                          \
    X(0x04, INVALID_MAX_FLOOR, "invalid max floor")                      \
    X(0x05, INVALID_PEG_TYPE, "invalid peg type")                        \
    X(0x06, FAT_FINGER, "fat finger")                                    \
    X(0x07, HALTED, "halted")                                            \
    X(0x08, SWEEP_NOT_ALLOWED, "ISO not allowed")                        \
    X(0x09, INVALID_SIDE, "invalid side")                                \
    X(0x0A, PROCESSING_ERROR, "processing error")                        \
    X(0x0B, CANCEL_PENDING, "cancel pending")                            \
    X(0x0C, FIRM_NOT_AUTHORIZED, "firm not authorized")                  \
    X(0x0D, INVALID_MIN_QTY, "invalid min quantity")                     \
    X(0x0E, NO_CLOSING_REFERENCE, "no closing reference price")          \
    X(0x0F, OTHER, "other")                                              \
    X(0x10, CANCEL_NOT_ALLOWED, "cancel not allowed")                    \
    X(0x11, PEGGING_NOT_ALLOWED, "pegging not allowed")                  \
    X(0x12, CROSSED_MARKET, "crossed market")                            \
    X(0x13, INVALID_QTY, "invalid quantity")                             \
    X(0x14, INVALID_CROSS, "invalid cross order")                        \
    X(0x15, REPLACE_NOT_ALLOWED, "replace not allowed")                  \
    X(0x16, ROUTING_NOT_ALLOWED, "routing not allowed")                  \
    X(0x17, INVALID_SYMBOL, "invalid symbol")                            \
    X(0x18, TEST, "test")                                                \
    X(0x19, LATE_LOC, "late LOC too aggressive")                         \
    X(0x1A, RETAIL_NOT_ALLOWED, "retail not allowed")                    \
    X(0x1B, INVALID_MIDPOINT_PRICE, "invalid midpoint post only price")  \
    X(0x1C, INVALID_DESTINATION, "invalid destination")                  \
    X(0x1D, INVALID_PRICE, "invalid price")                              \
    X(0x1E, TOO_MANY_SHARES, "shares exceed threshold")                  \
    X(0x1F, TOO_MUCH_NOTIONAL, "exceeds maximum allowed notional value") \
    X(0x40, INVALID_AIQ, "invalid AIQ strategy")

enum rl_ouch_reject {
#define RL_OUCH_REJECT_ENUM(code, NAME, text) RL_OUCH_REJECT_##NAME = code,
    RL_OUCH_REJECTS(RL_OUCH_REJECT_ENUM)
#undef RL_OUCH_REJECT_ENUM
};

/* "fat finger" ..., or "unknown". */
const char *rl_ouch_reject_name(uint16_t code);

static inline enum rl_side rl_ouch_side(uint8_t c)
{
    return c == RL_OUCH_BUY ? RL_BUY : RL_SELL;
}

/* The value that flags the market, 200,000.00, and the largest u32: the venue treats all alike. */
static inline bool rl_ouch_is_market(int64_t px_nano)
{
    return px_nano == RL_PX_NONE || px_nano == 200000 * RL_NANO_PER_UNIT ||
           px_nano == (int64_t)UINT32_MAX * RL_OUCH_NANO_PER_TICK;
}

#endif
