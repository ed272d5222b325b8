/* DBN files: metadata, symbols and records; what a record decodes to is what was encoded. */
#include "fuzz_file.h"
#include "market/codec/dbn.h"

/* A record that decodes, encoded again: it decodes to the same. */
static void check_record(const uint8_t *r, uint32_t n)
{
    uint8_t again[RL_DBN_MBO_BYTES];
    struct rl_update u, v;
    struct rl_dbn_mbo mbo;

    if (!rl_dbn_decode(r, n, &u))
        CHECK_EQ(u.op, RL_OP_NONE);
    if (n != RL_DBN_MBO_BYTES || u.op == RL_OP_NONE)
        return;
    mbo = (struct rl_dbn_mbo){.ts_recv_ns = rl_dbn_u64(r + 40),
                              .ts_event_ns = u.ts_ns,
                              .id = rl_dbn_u64(r + 16),
                              .px_nano = u.px_nano,
                              .instrument = rl_dbn_instrument(r),
                              .qty = (uint32_t)u.qty,
                              .sequence = rl_dbn_sequence(r),
                              .action = (char)r[38],
                              .side = (char)r[39],
                              .flags = rl_dbn_flags(r)};
    CHECK_EQ(rl_dbn_put_mbo(again, &mbo), n);
    CHECK(rl_dbn_decode(again, n, &v));
    CHECK(u.op == v.op && u.id == v.id && u.px_nano == v.px_nano && u.qty == v.qty);
    CHECK(u.side == v.side && u.seq == v.seq && u.ts_ns == v.ts_ns);
    CHECK_EQ(rl_dbn_instrument(again), rl_dbn_instrument(r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char symbol[16];
    uint64_t n;

    if (size > FUZZ_MAX)
        return 0;
    check_record(data, (uint32_t)size);
    if (rl_dbn_symbol(data, size, 17077, symbol, sizeof symbol))
        CHECK(strnlen(symbol, sizeof symbol) < sizeof symbol);
    n = fuzz_file(RL_SOURCE_DBN, data, size);
    for (uint64_t i = 0; i < n; i++)
        check_record(data + fuzz_recs[i].offset, fuzz_recs[i].n_bytes);
    return 0;
}

/* --- seeds ------------------------------------------------------------------------------------ */

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    const uint32_t one = 1, n_metadata = 100 + 4 + 3 * 4 + 4 + 22 + 4 + 8 + 22;
    struct rl_dbn_mbo r = {.id = 7, .px_nano = 4810250000000, .qty = 3, .instrument = 17077};
    size_t n = 8 + n_metadata;

    if (i < 8) { /* a record alone */
        r.action = "AMCRTFNX"[i];
        r.side = "ABN"[i % 3];
        return rl_dbn_put_mbo(out, &r);
    }
    if (i >= 11)
        return 0;
    memset(out, 0, n);
    memcpy(out, i == 8 ? "DBN\001" : i == 9 ? "DBN\002" : "DBN\003", 4);
    memcpy(out + 4, &n_metadata, 4);
    memcpy(out + 124, &one, 4); /* one mapping of one interval */
    memcpy(out + 128, "ESH4", 4);
    memcpy(out + 150, &one, 4);
    memcpy(out + 162, "17077", 5);
    for (unsigned k = 0; k < 4; k++) {
        r.action = "RAMC"[k];
        r.side = 'B';
        r.sequence = k;
        n += rl_dbn_put_mbo(out + n, &r);
    }
    return n;
}
