/*
 * itch - Nasdaq TotalView-ITCH 5.0: message sizes, decoding to updates, encoding.
 *
 * Threads:  functions of their arguments.
 * Memory:   reads the message in place; encoders fill the caller's buffer.
 * Cost:     a switch and a few byte swaps; no copies.
 *
 * Every message starts with type char, stock locate u16, tracking number u16, timestamp u48 (ns
 * since midnight); integers are big endian, prices count 1e-4. Sizes exclude the length prefix.
 */
#ifndef RL_MARKET_ITCH_H
#define RL_MARKET_ITCH_H

#include <string.h>

#include "base/defs.h"
#include "market/codec/mold.h"
#include "market/update.h"

#define RL_ITCH_MAX_MESSAGE 50
#define RL_ITCH_SYMBOL 8 /* left aligned, space padded */
#define RL_ITCH_NANO_PER_TICK 100000LL

/* X(type, bytes, name) */
#define RL_ITCH_TYPES(X)                 \
    X('S', 12, system_event)             \
    X('R', 39, stock_directory)          \
    X('H', 25, trading_action)           \
    X('Y', 20, reg_sho_restriction)      \
    X('L', 26, participant_position)     \
    X('V', 35, mwcb_decline_level)       \
    X('W', 12, mwcb_status)              \
    X('K', 28, ipo_quoting_period)       \
    X('J', 35, luld_auction_collar)      \
    X('h', 21, operational_halt)         \
    X('A', 36, add_order)                \
    X('F', 40, add_order_mpid)           \
    X('E', 31, order_executed)           \
    X('C', 36, order_executed_price)     \
    X('X', 23, order_cancel)             \
    X('D', 19, order_delete)             \
    X('U', 35, order_replace)            \
    X('P', 44, trade)                    \
    X('Q', 40, cross_trade)              \
    X('B', 19, broken_trade)             \
    X('I', 50, net_order_imbalance)      \
    X('N', 20, retail_price_improvement) \
    X('O', 48, direct_listing_price)

/* 0 for a type that ITCH 5.0 does not have. */
extern const uint8_t rl_itch_sizes[256];
/* "add_order" ..., or "unknown". */
const char *rl_itch_name(uint8_t type);

static inline uint16_t rl_itch_locate(const uint8_t *m)
{
    return rl_be16(m + 1);
}

static inline uint64_t rl_itch_ts_ns(const uint8_t *m)
{
    return rl_be64(m + 3) & 0xFFFFFFFFFFFFULL; /* two bytes of tracking number before it */
}

static inline int64_t rl_itch_px_nano(const uint8_t *p)
{
    return (int64_t)rl_be32(p) * RL_ITCH_NANO_PER_TICK;
}

static inline uint8_t rl_itch_side(uint8_t c)
{
    return c == 'S' ? RL_SELL : RL_BUY;
}

/* The symbol's place in the messages that name it (R A F P ...); NULL in the others. */
static inline const uint8_t *rl_itch_symbol(const uint8_t *m)
{
    switch (m[0]) {
    case 'R':
    case 'H':
    case 'Y':
        return m + 11;
    case 'A':
    case 'F':
    case 'P':
        return m + 24;
    default:
        return NULL;
    }
}

/* Where a type has what the book needs; an offset of 0 stands for what it does not have. */
struct rl_itch_layout {
    uint8_t n_bytes; /* 0 for a type that ITCH 5.0 does not have */
    uint8_t op;      /* enum rl_op */
    uint8_t side, qty, px, new_id;
};
extern const struct rl_itch_layout rl_itch_layouts[256];

/*
 * Fills all of `u` that its operation uses except seq and instrument (see rl_itch_locate). False
 * when the type is unknown or the size is not that type's: u->op is then NONE.
 *
 * A table and not a switch: the types of a stream come in no order that could be predicted. Loads
 * at offset 0 lie within the shortest message and fill members that the operation does not read.
 */
static inline bool rl_itch_decode(const uint8_t *m, uint32_t n_bytes, struct rl_update *u)
{
    const struct rl_itch_layout *at = &rl_itch_layouts[n_bytes ? m[0] : 0];

    u->op = RL_OP_NONE;
    if (RL_UNLIKELY(n_bytes == 0 || at->n_bytes != n_bytes))
        return false;
    u->ts_ns = rl_itch_ts_ns(m);
    u->op = at->op;
    if (RL_UNLIKELY(at->op == RL_OP_NONE))
        return true;
    u->id = rl_be64(m + 11);
    u->new_id = rl_be64(m + at->new_id);
    u->qty = rl_be32(m + at->qty);
    u->px_nano = rl_itch_px_nano(m + at->px);
    u->side = rl_itch_side(m[at->side]);
    return true;
}

/* What all encoders need; the encoders return the message's size. `out` has RL_ITCH_MAX_MESSAGE. */
struct rl_itch_head {
    uint16_t locate;
    uint16_t tracking;
    uint64_t ts_ns; /* below 2^48 */
};

/* `symbol` is a C string of at most 8 characters; the price is rounded down to ITCH's grid. */
uint32_t rl_itch_put_system(uint8_t *out, const struct rl_itch_head *h, char event);
uint32_t rl_itch_put_directory(uint8_t *out, const struct rl_itch_head *h, const char *symbol);
uint32_t rl_itch_put_add(uint8_t *out, const struct rl_itch_head *h, uint64_t id, enum rl_side side,
                         uint32_t qty, const char *symbol, int64_t px_nano);
/* `mpid` is 4 characters. */
uint32_t rl_itch_put_add_mpid(uint8_t *out, const struct rl_itch_head *h, uint64_t id,
                              enum rl_side side, uint32_t qty, const char *symbol, int64_t px_nano,
                              const char *mpid);
uint32_t rl_itch_put_executed(uint8_t *out, const struct rl_itch_head *h, uint64_t id, uint32_t qty,
                              uint64_t match);
uint32_t rl_itch_put_executed_price(uint8_t *out, const struct rl_itch_head *h, uint64_t id,
                                    uint32_t qty, uint64_t match, bool printable, int64_t px_nano);
uint32_t rl_itch_put_cancel(uint8_t *out, const struct rl_itch_head *h, uint64_t id, uint32_t qty);
uint32_t rl_itch_put_delete(uint8_t *out, const struct rl_itch_head *h, uint64_t id);
uint32_t rl_itch_put_replace(uint8_t *out, const struct rl_itch_head *h, uint64_t id,
                             uint64_t new_id, uint32_t qty, int64_t px_nano);
uint32_t rl_itch_put_trade(uint8_t *out, const struct rl_itch_head *h, uint64_t id,
                           enum rl_side side, uint32_t qty, const char *symbol, int64_t px_nano,
                           uint64_t match);

#endif
