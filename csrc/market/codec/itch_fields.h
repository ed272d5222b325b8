/*
 * itch_fields - every field of every ITCH 5.0 message, read and written; itch.h is the fast path.
 *
 * Threads:  functions of their arguments.
 * Memory:   reading fills a plain struct; writing fills the caller's buffer.
 * Cost:     a size check and the byte swaps of the message.
 *
 * The fields are those of Nasdaq's "TotalView-ITCH 5.0" behind the head that all messages share, in
 * the order of the wire: F(kind, member). CHAR, U32 and U64 are what they say; PX is a price of
 * 1e-4 in u32, PX8 one of 1e-8 in u64; SYMBOL, TEXT2 and TEXT4 are texts padded with spaces.
 */
#ifndef RL_MARKET_ITCH_FIELDS_H
#define RL_MARKET_ITCH_FIELDS_H

#include "market/codec/itch.h"

#define RL_ITCH_HEAD 11
#define RL_ITCH_NANO_PER_TICK8 10LL

/* clang-format off */
#define RL_ITCH_FIELDS_system_event(F) F(CHAR, event) /* O S Q M E C: from start to end */
#define RL_ITCH_FIELDS_stock_directory(F)                                                     \
    F(SYMBOL, symbol) F(CHAR, market_category) F(CHAR, financial_status) F(U32, round_lot)    \
    F(CHAR, round_lots_only) F(CHAR, classification) F(TEXT2, sub_type) F(CHAR, authenticity) \
    F(CHAR, short_sale_threshold) F(CHAR, ipo_flag) F(CHAR, luld_tier) F(CHAR, etp_flag)      \
    F(U32, etp_leverage) F(CHAR, inverse)
#define RL_ITCH_FIELDS_trading_action(F)                                \
    F(SYMBOL, symbol) F(CHAR, state) F(CHAR, reserved) F(TEXT4, reason)
#define RL_ITCH_FIELDS_reg_sho_restriction(F) F(SYMBOL, symbol) F(CHAR, action)
#define RL_ITCH_FIELDS_participant_position(F)                                        \
    F(TEXT4, mpid) F(SYMBOL, symbol) F(CHAR, is_primary) F(CHAR, mode) F(CHAR, state)
#define RL_ITCH_FIELDS_mwcb_decline_level(F)                             \
    F(PX8, level1_px_nano) F(PX8, level2_px_nano) F(PX8, level3_px_nano)
#define RL_ITCH_FIELDS_mwcb_status(F) F(CHAR, breached_level)
#define RL_ITCH_FIELDS_ipo_quoting_period(F)                              \
    F(SYMBOL, symbol) F(U32, release_s) F(CHAR, qualifier) F(PX, px_nano)
#define RL_ITCH_FIELDS_luld_auction_collar(F)                                            \
    F(SYMBOL, symbol) F(PX, reference_px_nano) F(PX, upper_px_nano) F(PX, lower_px_nano) \
    F(U32, extension)
#define RL_ITCH_FIELDS_operational_halt(F) F(SYMBOL, symbol) F(CHAR, market) F(CHAR, action)
#define RL_ITCH_FIELDS_add_order(F)                                       \
    F(U64, id) F(CHAR, side) F(U32, qty) F(SYMBOL, symbol) F(PX, px_nano)
#define RL_ITCH_FIELDS_add_order_mpid(F)                                                 \
    F(U64, id) F(CHAR, side) F(U32, qty) F(SYMBOL, symbol) F(PX, px_nano) F(TEXT4, mpid)
#define RL_ITCH_FIELDS_order_executed(F) F(U64, id) F(U32, qty) F(U64, match)
#define RL_ITCH_FIELDS_order_executed_price(F)                             \
    F(U64, id) F(U32, qty) F(U64, match) F(CHAR, printable) F(PX, px_nano)
#define RL_ITCH_FIELDS_order_cancel(F) F(U64, id) F(U32, qty)
#define RL_ITCH_FIELDS_order_delete(F) F(U64, id)
#define RL_ITCH_FIELDS_order_replace(F) F(U64, id) F(U64, new_id) F(U32, qty) F(PX, px_nano)
#define RL_ITCH_FIELDS_trade(F)                                                         \
    F(U64, id) F(CHAR, side) F(U32, qty) F(SYMBOL, symbol) F(PX, px_nano) F(U64, match)
#define RL_ITCH_FIELDS_cross_trade(F)                                         \
    F(U64, qty) F(SYMBOL, symbol) F(PX, px_nano) F(U64, match) F(CHAR, cross)
#define RL_ITCH_FIELDS_broken_trade(F) F(U64, match)
#define RL_ITCH_FIELDS_net_order_imbalance(F)                                      \
    F(U64, paired_qty) F(U64, imbalance_qty) F(CHAR, direction) F(SYMBOL, symbol)  \
    F(PX, far_px_nano) F(PX, near_px_nano) F(PX, reference_px_nano) F(CHAR, cross) \
    F(CHAR, variation)
#define RL_ITCH_FIELDS_retail_price_improvement(F) F(SYMBOL, symbol) F(CHAR, interest)
#define RL_ITCH_FIELDS_direct_listing_price(F)                                         \
    F(SYMBOL, symbol) F(CHAR, open_eligibility) F(PX, min_px_nano) F(PX, max_px_nano)  \
    F(PX, near_px_nano) F(U64, near_time_ns) F(PX, lower_px_nano) F(PX, upper_px_nano)
/* clang-format on */

/* How each kind lies in a struct: DECLARE(kind, member) is its declaration. */
#define RL_ITCH_DECLARE_CHAR(member) uint8_t member;
#define RL_ITCH_DECLARE_U32(member) uint32_t member;
#define RL_ITCH_DECLARE_U64(member) uint64_t member;
#define RL_ITCH_DECLARE_PX(member) int64_t member;
#define RL_ITCH_DECLARE_PX8(member) int64_t member;
#define RL_ITCH_DECLARE_SYMBOL(member) uint8_t member[RL_ITCH_SYMBOL];
#define RL_ITCH_DECLARE_TEXT2(member) uint8_t member[2];
#define RL_ITCH_DECLARE_TEXT4(member) uint8_t member[4];
#define RL_ITCH_DECLARE(kind, member) RL_ITCH_DECLARE_##kind(member)

/* struct rl_itch_system_event, struct rl_itch_stock_directory ... */
#define RL_ITCH_STRUCT(type, n_bytes, name)    \
    struct rl_itch_##name {                    \
        RL_ITCH_FIELDS_##name(RL_ITCH_DECLARE) \
    };
RL_ITCH_TYPES(RL_ITCH_STRUCT)
#undef RL_ITCH_STRUCT

/* Any message: the head, and the member of the union that carries its type's name. */
struct rl_itch_value {
    struct rl_itch_head head;
    uint8_t type;
    union {
#define RL_ITCH_MEMBER(type, n_bytes, name) struct rl_itch_##name name;
        RL_ITCH_TYPES(RL_ITCH_MEMBER)
#undef RL_ITCH_MEMBER
    };
};

/*
 * False when the type is unknown, the size is not that type's, or a price of 1e-8 does not fit 64
 * bits of 1e-9 (92 milliards and more: no index is there).
 */
bool rl_itch_read(const uint8_t *m, uint32_t n_bytes, struct rl_itch_value *v);

/*
 * Returns the message's size; `out` has RL_ITCH_MAX_MESSAGE. 0 when the type is unknown, the stamp
 * has more than 48 bits, or a price is not on its grid: what is written reads back as it was given.
 */
uint32_t rl_itch_write(uint8_t *out, const struct rl_itch_value *v);

#endif
