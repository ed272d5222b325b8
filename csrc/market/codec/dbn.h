/*
 * dbn - Databento Binary Encoding: market-by-order records to updates.
 *
 * Threads:  functions of their arguments.
 * Memory:   reads the record in place.
 * Cost:     a switch and a few loads; the record is little endian, like us.
 *
 * A file is "DBN", version u8, length u32 of the metadata, the metadata, records. The MBO record is
 * the same 56 bytes in versions 1 to 3:
 *    0 length u8 (in 4-byte words), type u8 (0xA0), publisher u16, instrument u32, ts_event u64
 *   16 order id u64, price i64 (1e-9), size u32, flags u8, channel u8, action char, side char
 *   40 ts_recv u64, ts_in_delta i32, sequence u32
 */
#ifndef RL_MARKET_DBN_H
#define RL_MARKET_DBN_H

#include <string.h>

#include "base/defs.h"
#include "market/update.h"

#define RL_DBN_MBO_BYTES 56
#define RL_DBN_MBO_TYPE 0xA0
#define RL_DBN_PX_NONE INT64_MAX  /* "undefined price" */
#define RL_DBN_FLAG_SNAPSHOT 0x20 /* part of a snapshot, not of the live stream */
#define RL_DBN_FLAG_LAST 0x80     /* last record of its event */

static inline uint32_t rl_dbn_u32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t rl_dbn_u64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t rl_dbn_instrument(const uint8_t *r)
{
    return rl_dbn_u32(r + 4);
}

static inline uint8_t rl_dbn_flags(const uint8_t *r)
{
    return r[36];
}

static inline uint32_t rl_dbn_sequence(const uint8_t *r)
{
    return rl_dbn_u32(r + 52);
}

/*
 * Fills all of `u` that its operation uses except instrument; seq is the venue's. Fills (F) have no
 * book effect: the venue sends the cancel or modify that follows from them. False when this is no
 * MBO record, its action is unknown or an action that needs a side has none: u->op is then NONE.
 */
static inline bool rl_dbn_decode(const uint8_t *r, uint32_t n_bytes, struct rl_update *u)
{
    u->op = RL_OP_NONE;
    if (RL_UNLIKELY(n_bytes != RL_DBN_MBO_BYTES || r[0] * 4u != RL_DBN_MBO_BYTES ||
                    r[1] != RL_DBN_MBO_TYPE))
        return false;
    u->seq = rl_dbn_sequence(r);
    u->ts_ns = rl_dbn_u64(r + 8);
    u->id = rl_dbn_u64(r + 16);
    u->px_nano = (int64_t)rl_dbn_u64(r + 24);
    u->qty = rl_dbn_u32(r + 32);
    u->side = r[39] == 'A' ? RL_SELL : RL_BUY;
    switch (r[38]) {
    case 'A':
    case 'M':
        if (RL_UNLIKELY((r[39] != 'A' && r[39] != 'B') || u->px_nano == RL_DBN_PX_NONE))
            return false;
        u->op = r[38] == 'A' ? RL_OP_ADD : RL_OP_MODIFY;
        return true;
    case 'C':
        u->op = RL_OP_REDUCE;
        return true;
    case 'T':
        u->op = RL_OP_TRADE;
        return true;
    case 'R':
        u->op = RL_OP_CLEAR;
        return true;
    case 'F':
    case 'N':
        return true;
    default:
        return false;
    }
}

/* One record as the decoder reads it: for tests and generators. `out` has RL_DBN_MBO_BYTES. */
struct rl_dbn_mbo {
    uint64_t ts_event_ns, ts_recv_ns, id;
    int64_t px_nano;
    uint32_t instrument, qty, sequence;
    char action, side;
    uint8_t flags;
};
uint32_t rl_dbn_put_mbo(uint8_t *out, const struct rl_dbn_mbo *r);

/*
 * The raw symbol that the metadata of a DBN file (versions 1 to 3) gives to an instrument number,
 * as a C string in `out`. False when the metadata does not name it or does not read as metadata.
 */
bool rl_dbn_symbol(const uint8_t *file, uint64_t n_bytes, uint32_t instrument, char *out,
                   uint32_t n_out);

#endif
