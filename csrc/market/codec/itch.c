#include "market/codec/itch.h"

const uint8_t rl_itch_sizes[256] = {
#define SIZE(type, n_bytes, name) [type] = n_bytes,
    RL_ITCH_TYPES(SIZE)
#undef SIZE
};

#define BYTES(type, bytes, name) BYTES_##name = (bytes),
enum { RL_ITCH_TYPES(BYTES) };
#undef BYTES

/* clang-format off */
#define NOTHING(name) {BYTES_##name, RL_OP_NONE, 0, 0, 0, 0}
const struct rl_itch_layout rl_itch_layouts[256] = {
    /*      bytes                       operation      side qty px new_id */
    ['A'] = {BYTES_add_order,            RL_OP_ADD,     19, 20, 32,  0},
    ['F'] = {BYTES_add_order_mpid,       RL_OP_ADD,     19, 20, 32,  0},
    ['E'] = {BYTES_order_executed,       RL_OP_REDUCE,   0, 19,  0,  0},
    ['C'] = {BYTES_order_executed_price, RL_OP_REDUCE,   0, 19,  0,  0},
    ['X'] = {BYTES_order_cancel,         RL_OP_REDUCE,   0, 19,  0,  0},
    ['D'] = {BYTES_order_delete,         RL_OP_DELETE,   0,  0,  0,  0},
    ['U'] = {BYTES_order_replace,        RL_OP_REPLACE,  0, 27, 31, 19},
    ['P'] = {BYTES_trade,                RL_OP_TRADE,   19, 20, 32,  0},
    ['S'] = NOTHING(system_event),         ['R'] = NOTHING(stock_directory),
    ['H'] = NOTHING(trading_action),       ['Y'] = NOTHING(reg_sho_restriction),
    ['L'] = NOTHING(participant_position), ['V'] = NOTHING(mwcb_decline_level),
    ['W'] = NOTHING(mwcb_status),          ['K'] = NOTHING(ipo_quoting_period),
    ['J'] = NOTHING(luld_auction_collar),  ['h'] = NOTHING(operational_halt),
    ['Q'] = NOTHING(cross_trade),          ['B'] = NOTHING(broken_trade),
    ['I'] = NOTHING(net_order_imbalance),  ['N'] = NOTHING(retail_price_improvement),
    ['O'] = NOTHING(direct_listing_price),
};
/* clang-format on */

const char *rl_itch_name(uint8_t type)
{
    switch (type) {
#define NAME(type, n_bytes, name) \
    case type:                    \
        return #name;
        RL_ITCH_TYPES(NAME)
#undef NAME
    default:
        return "unknown";
    }
}

/* Starts a message of that type, zeroed; returns its size. */
static uint32_t start(uint8_t *out, const struct rl_itch_head *h, uint8_t type)
{
    memset(out, 0, rl_itch_sizes[type]);
    out[0] = type;
    rl_put_be16(out + 1, h->locate);
    rl_put_be64(out + 3, h->ts_ns); /* its two high bytes make room for the tracking number */
    rl_put_be16(out + 3, h->tracking);
    return rl_itch_sizes[type];
}

static void put_padded(uint8_t *out, const char *text, size_t width)
{
    size_t n = strnlen(text, width);

    memset(out, ' ', width);
    memcpy(out, text, n);
}

static void put_px(uint8_t *out, int64_t px_nano)
{
    rl_put_be32(out, (uint32_t)(px_nano / RL_ITCH_NANO_PER_TICK));
}

uint32_t rl_itch_put_system(uint8_t *out, const struct rl_itch_head *h, char event)
{
    uint32_t n = start(out, h, 'S');

    out[11] = (uint8_t)event;
    return n;
}

uint32_t rl_itch_put_directory(uint8_t *out, const struct rl_itch_head *h, const char *symbol)
{
    uint32_t n = start(out, h, 'R');

    put_padded(out + 11, symbol, RL_ITCH_SYMBOL);
    out[19] = 'Q'; /* Nasdaq Global Select */
    out[20] = 'N'; /* normal financial status */
    rl_put_be32(out + 21, 100);
    out[25] = 'N'; /* not round lots only */
    out[26] = 'C'; /* common stock */
    put_padded(out + 27, "Z", 2);
    out[29] = 'P'; /* production */
    out[30] = 'N';
    out[31] = 'N';
    out[32] = '1'; /* LULD tier 1 */
    out[33] = 'N';
    out[38] = 'N';
    return n;
}

static uint32_t put_add(uint8_t *out, const struct rl_itch_head *h, uint8_t type, uint64_t id,
                        enum rl_side side, uint32_t qty, const char *symbol, int64_t px_nano)
{
    uint32_t n = start(out, h, type);

    rl_put_be64(out + 11, id);
    out[19] = side == RL_BUY ? 'B' : 'S';
    rl_put_be32(out + 20, qty);
    put_padded(out + 24, symbol, RL_ITCH_SYMBOL);
    put_px(out + 32, px_nano);
    return n;
}

uint32_t rl_itch_put_add(uint8_t *out, const struct rl_itch_head *h, uint64_t id, enum rl_side side,
                         uint32_t qty, const char *symbol, int64_t px_nano)
{
    return put_add(out, h, 'A', id, side, qty, symbol, px_nano);
}

uint32_t rl_itch_put_add_mpid(uint8_t *out, const struct rl_itch_head *h, uint64_t id,
                              enum rl_side side, uint32_t qty, const char *symbol, int64_t px_nano,
                              const char *mpid)
{
    uint32_t n = put_add(out, h, 'F', id, side, qty, symbol, px_nano);

    put_padded(out + 36, mpid, 4);
    return n;
}

uint32_t rl_itch_put_executed(uint8_t *out, const struct rl_itch_head *h, uint64_t id, uint32_t qty,
                              uint64_t match)
{
    uint32_t n = start(out, h, 'E');

    rl_put_be64(out + 11, id);
    rl_put_be32(out + 19, qty);
    rl_put_be64(out + 23, match);
    return n;
}

uint32_t rl_itch_put_executed_price(uint8_t *out, const struct rl_itch_head *h, uint64_t id,
                                    uint32_t qty, uint64_t match, bool printable, int64_t px_nano)
{
    uint32_t n = start(out, h, 'C');

    rl_put_be64(out + 11, id);
    rl_put_be32(out + 19, qty);
    rl_put_be64(out + 23, match);
    out[31] = printable ? 'Y' : 'N';
    put_px(out + 32, px_nano);
    return n;
}

uint32_t rl_itch_put_cancel(uint8_t *out, const struct rl_itch_head *h, uint64_t id, uint32_t qty)
{
    uint32_t n = start(out, h, 'X');

    rl_put_be64(out + 11, id);
    rl_put_be32(out + 19, qty);
    return n;
}

uint32_t rl_itch_put_delete(uint8_t *out, const struct rl_itch_head *h, uint64_t id)
{
    uint32_t n = start(out, h, 'D');

    rl_put_be64(out + 11, id);
    return n;
}

uint32_t rl_itch_put_replace(uint8_t *out, const struct rl_itch_head *h, uint64_t id,
                             uint64_t new_id, uint32_t qty, int64_t px_nano)
{
    uint32_t n = start(out, h, 'U');

    rl_put_be64(out + 11, id);
    rl_put_be64(out + 19, new_id);
    rl_put_be32(out + 27, qty);
    put_px(out + 31, px_nano);
    return n;
}

uint32_t rl_itch_put_trade(uint8_t *out, const struct rl_itch_head *h, uint64_t id,
                           enum rl_side side, uint32_t qty, const char *symbol, int64_t px_nano,
                           uint64_t match)
{
    uint32_t n = put_add(out, h, 'P', id, side, qty, symbol, px_nano);

    rl_put_be64(out + 36, match);
    return n;
}
