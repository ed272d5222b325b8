#include "market/codec/dbn.h"

static uint16_t u16_at(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

uint32_t rl_dbn_put_mbo(uint8_t *out, const struct rl_dbn_mbo *r)
{
    memset(out, 0, RL_DBN_MBO_BYTES);
    out[0] = RL_DBN_MBO_BYTES / 4;
    out[1] = RL_DBN_MBO_TYPE;
    memcpy(out + 4, &r->instrument, 4);
    memcpy(out + 8, &r->ts_event_ns, 8);
    memcpy(out + 16, &r->id, 8);
    memcpy(out + 24, &r->px_nano, 8);
    memcpy(out + 32, &r->qty, 4);
    out[36] = r->flags;
    out[38] = (uint8_t)r->action;
    out[39] = (uint8_t)r->side;
    memcpy(out + 40, &r->ts_recv_ns, 8);
    memcpy(out + 52, &r->sequence, 4);
    return RL_DBN_MBO_BYTES;
}

/* The metadata from here on; reading past its end is remembered and yields zeros. */
struct reader {
    const uint8_t *at, *end;
    bool is_short;
};

static const uint8_t *take(struct reader *r, uint64_t n)
{
    const uint8_t *p = r->at;

    if (r->is_short || (uint64_t)(r->end - r->at) < n) {
        r->is_short = true;
        return NULL;
    }
    r->at += n;
    return p;
}

static uint32_t take_u32(struct reader *r)
{
    const uint8_t *p = take(r, 4);

    return p ? rl_dbn_u32(p) : 0;
}

/* "17077" is the number 17077, padded with zeros. */
static bool is_number(const uint8_t *text, uint32_t width, uint32_t wanted)
{
    uint64_t v = 0;
    uint32_t n = 0;

    for (; n < width && text[n] != 0; n++) {
        if (text[n] < '0' || text[n] > '9' || v > UINT32_MAX)
            return false;
        v = v * 10 + (text[n] - (unsigned)'0');
    }
    return n > 0 && v == wanted;
}

bool rl_dbn_symbol(const uint8_t *file, uint64_t n_bytes, uint32_t instrument, char *out,
                   uint32_t n_out)
{
    struct reader r = {0};
    uint32_t width = 22; /* of a symbol, in version 1 */
    uint32_t n_mappings;
    uint8_t version;

    if (n_bytes < 8 || memcmp(file, "DBN", 3) != 0 || n_out == 0)
        return false;
    version = file[3];
    if (rl_dbn_u32(file + 4) > n_bytes - 8)
        return false;
    r.at = file + 8;
    r.end = r.at + rl_dbn_u32(file + 4);
    if (version == 1) {
        take(&r, 100); /* dataset, schema, range, limit, count, symbol types, reserved */
    } else {
        const uint8_t *fixed = take(&r, 100); /* no count, but the width of a symbol */

        width = fixed ? u16_at(fixed + 45) : 0;
    }
    take(&r, take_u32(&r));              /* schema definition */
    for (int list = 0; list < 3; list++) /* symbols, partial, not found */
        take(&r, (uint64_t)take_u32(&r) * width);
    n_mappings = take_u32(&r);
    for (uint32_t i = 0; i < n_mappings && !r.is_short; i++) {
        const uint8_t *raw = take(&r, width);
        uint32_t n_intervals = take_u32(&r);

        for (uint32_t k = 0; k < n_intervals && !r.is_short; k++) {
            const uint8_t *number;

            take(&r, 8); /* first and last day */
            number = take(&r, width);
            if (raw && number && is_number(number, width, instrument)) {
                uint32_t n = (uint32_t)strnlen((const char *)raw, width);

                n = n < n_out - 1 ? n : n_out - 1;
                memcpy(out, raw, n);
                out[n] = '\0';
                return true;
            }
        }
    }
    return false;
}
