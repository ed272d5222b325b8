/*
 * binance - what Binance says about a book, as JSON: depth diffs, snapshots, best prices, trades.
 *
 * Threads:  functions of their arguments.
 * Memory:   views into the text; nothing is copied or allocated.
 * Cost:     one pass over the text to check it whole, one more over the levels to read them.
 *
 * Read are the shapes of the venue's documentation ("Diff. Book Depth Streams", "Individual Symbol
 * Book Ticker Streams", "Trade Streams", "Order Book" of the REST interface; spot, USDM and COINM),
 * bare or wrapped as {"stream":...,"data":{...}}. Members that are not known are passed over;
 * a known one of another type, or twice, makes the text refused. Prices and quantities are decimals
 * in strings and become integers.
 */
#ifndef RL_MARKET_BINANCE_H
#define RL_MARKET_BINANCE_H

#include "base/defs.h"
#include "base/money.h"

enum rl_binance_kind {
    RL_BINANCE_OTHER = 0, /* reads as JSON, but says nothing that is read here */
    RL_BINANCE_DEPTH,     /* depthUpdate: covers the update ids first..last */
    RL_BINANCE_SNAPSHOT,  /* all levels after update id `last` */
    RL_BINANCE_TICKER,    /* bookTicker: best prices after update id `last` */
    RL_BINANCE_TRADE,
};

/* A piece of the text. */
struct rl_binance_text {
    uint32_t at, n;
};

struct rl_binance {
    const uint8_t *text;
    uint64_t first;    /* U */
    uint64_t last;     /* u, lastUpdateId */
    uint64_t previous; /* pu: the `last` before this one; spot has none, it is first - 1 there */
    uint64_t ts_ns;    /* T, else E; 0 unknown */
    struct rl_binance_text symbol;    /* s; the snapshots of some venues have none: n is 0 */
    struct rl_binance_text levels[2]; /* [RL_BUY] b, bids; [RL_SELL] a, asks: within the brackets */
    struct rl_binance_text px[2];     /* ticker: b, a; trade: p in [0] */
    struct rl_binance_text qty[2];    /* ticker: B, A; trade: q in [0] */
    uint32_t n_levels[2];
    uint8_t kind;        /* enum rl_binance_kind */
    bool is_buyer_maker; /* trade: m, the seller was the one who took */
};

/* False when the text is no JSON object, or one of the above with something missing or wrong. */
bool rl_binance_read(struct rl_binance *b, const uint8_t *text, uint32_t n_bytes);

/*
 * The next level of a side; `*at` begins as b->levels[side] and shrinks. False at the end. A price
 * finer than 1e-9, a quantity finer than 10^-n_qty_decimals or either beyond 63 bits makes
 * `*is_good` false: the level is passed over.
 */
bool rl_binance_level(const struct rl_binance *b, struct rl_binance_text *at,
                      uint32_t n_qty_decimals, int64_t *px_nano, uint64_t *qty, bool *is_good);

/* An unsigned decimal in units of 10^-n_decimals (0 to 18); false as above. */
bool rl_binance_decimal(const struct rl_binance *b, struct rl_binance_text text,
                        uint32_t n_decimals, uint64_t *value);

#endif
