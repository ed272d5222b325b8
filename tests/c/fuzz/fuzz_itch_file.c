/*
 * ITCH files, and every message in them: the fast path and the fields agree, and what was read is
 * written again to the same bytes.
 */
#include "fuzz_file.h"
#include "market/codec/itch_fields.h"

static void check_message(const uint8_t *message, uint32_t n)
{
    uint8_t *m = fuzz_exactly(message, n), again[RL_ITCH_MAX_MESSAGE];
    struct rl_itch_value v;
    struct rl_update u = {0};
    bool decodes = rl_itch_decode(m, n, &u), reads = rl_itch_read(m, n, &v);

    CHECK_EQ(decodes, n > 0 && rl_itch_sizes[m[0]] == n);
    CHECK(u.op < RL_N_OPS && (decodes || u.op == RL_OP_NONE));
    /* only a level beyond all prices decodes (to nothing for the book) and does not read */
    CHECK(reads == decodes || (decodes && m[0] == 'V'));
    if (reads) {
        CHECK_EQ(rl_itch_write(again, &v), n);
        CHECK(memcmp(again, m, n) == 0);
        CHECK_EQ(v.head.ts_ns, u.ts_ns);
    }
    if (u.op != RL_OP_NONE) {
        CHECK(reads && u.id == v.order_delete.id); /* all of them begin with the order */
        CHECK(u.op != RL_OP_ADD || (u.qty == v.add_order.qty && u.px_nano == v.add_order.px_nano));
        CHECK(u.op != RL_OP_REDUCE || u.qty == v.order_cancel.qty);
        CHECK(u.op != RL_OP_REPLACE || u.new_id == v.order_replace.new_id);
    }
    free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t n;

    if (size > FUZZ_MAX)
        return 0;
    check_message(data, (uint32_t)size);
    n = fuzz_file(RL_SOURCE_ITCH_FILE, data, size);
    for (uint64_t i = 0; i < n; i++) {
        CHECK_EQ(rl_itch_sizes[data[fuzz_recs[i].offset]], fuzz_recs[i].n_bytes);
        CHECK_EQ(fuzz_recs[i].n_messages, 1);
        check_message(data + fuzz_recs[i].offset, fuzz_recs[i].n_bytes);
    }
    return 0;
}

/* --- seeds ------------------------------------------------------------------------------------ */

static const char types[] = "SRHYLVWKJhAFECXDUPQBINO";

static uint32_t message(uint8_t *out, unsigned i)
{
    struct rl_itch_value v = {.head = {.locate = (uint16_t)i, .tracking = 1, .ts_ns = 1000 + i},
                              .type = (uint8_t)types[i % (sizeof types - 1)]};
    uint32_t n = rl_itch_write(out, &v);

    CHECK(n > RL_ITCH_HEAD - 1);
    for (uint32_t k = RL_ITCH_HEAD; k < n; k++)
        out[k] = (uint8_t)("A B1\0\0\0\1"[k % 8]);
    return n;
}

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    size_t n = 0;

    if (i < sizeof types - 1)
        return message(out, i);
    if (i >= sizeof types + 3)
        return 0;
    for (unsigned k = 0; k < 8; k++) { /* a file; some say 0 for "the size of the type" */
        uint32_t size = message(out + n + 2, 5 * i + k);

        rl_put_be16(out + n, k % 3 == 2 ? 0 : (uint16_t)size);
        n += 2 + size;
    }
    return n;
}
