/* DBN: market-by-order records to updates, and the names that the metadata gives. */
#include "check.h"

#include <string.h>

#include "market/codec/dbn.h"

static struct rl_update decode(char action, char side)
{
    struct rl_dbn_mbo r = {.ts_event_ns = 11,
                           .ts_recv_ns = 12,
                           .id = 13,
                           .px_nano = -14,
                           .instrument = 15,
                           .qty = 16,
                           .sequence = 17,
                           .action = action,
                           .side = side,
                           .flags = RL_DBN_FLAG_LAST};
    uint8_t bytes[RL_DBN_MBO_BYTES];
    struct rl_update u = {0};
    bool is_good;

    CHECK_EQ(rl_dbn_put_mbo(bytes, &r), RL_DBN_MBO_BYTES);
    is_good = rl_dbn_decode(bytes, sizeof bytes, &u);
    CHECK_EQ(rl_dbn_instrument(bytes), 15);
    CHECK_EQ(rl_dbn_flags(bytes), RL_DBN_FLAG_LAST);
    u.new_id = is_good; /* unused by DBN: carries the answer out */
    return u;
}

static void test_each_action_is_its_operation(void)
{
    struct rl_update u = decode('A', 'B');

    CHECK(u.new_id && u.op == RL_OP_ADD && u.side == RL_BUY);
    CHECK(u.id == 13 && u.px_nano == -14 && u.qty == 16 && u.seq == 17 && u.ts_ns == 11);
    CHECK_EQ(decode('A', 'A').side, RL_SELL);
    CHECK_EQ(decode('M', 'A').op, RL_OP_MODIFY);
    CHECK_EQ(decode('C', 'N').op, RL_OP_REDUCE);
    CHECK_EQ(decode('T', 'N').op, RL_OP_TRADE);
    CHECK_EQ(decode('R', 'N').op, RL_OP_CLEAR);
    u = decode('F', 'A'); /* a fill is followed by its cancel or modify */
    CHECK(u.new_id && u.op == RL_OP_NONE);
}

static void test_what_is_no_record_is_refused(void)
{
    uint8_t bytes[RL_DBN_MBO_BYTES];
    struct rl_dbn_mbo r = {.action = 'A', .side = 'B', .px_nano = RL_DBN_PX_NONE};
    struct rl_update u;

    CHECK(!decode('A', 'N').new_id);
    CHECK(!decode('Z', 'A').new_id);
    rl_dbn_put_mbo(bytes, &r);
    CHECK(!rl_dbn_decode(bytes, sizeof bytes, &u)); /* an order without a price */
    CHECK_EQ(u.op, RL_OP_NONE);
    r.px_nano = 1;
    rl_dbn_put_mbo(bytes, &r);
    CHECK(rl_dbn_decode(bytes, sizeof bytes, &u));
    CHECK(!rl_dbn_decode(bytes, sizeof bytes - 1, &u));
    bytes[1] = 0x01;
    CHECK(!rl_dbn_decode(bytes, sizeof bytes, &u));
}

/* Metadata as version `version` writes it: one instrument, 17077, called ESH4. */
static uint32_t metadata(uint8_t *out, uint8_t version)
{
    uint32_t width = version == 1 ? 22 : 71, at = 8 + 100, one = 1, n;

    memset(out, 0, 512);
    memcpy(out, "DBN", 3);
    out[3] = version;
    if (version > 1)
        out[8 + 45] = (uint8_t)width;
    at += 4; /* no schema definition */
    memcpy(out + at, &one, 4);
    memcpy(out + at + 4, "ESH4", 4);
    at += 4 + width + 8; /* one symbol, none partial, none not found */
    memcpy(out + at, &one, 4);
    memcpy(out + at + 4, "ESH4", 4);
    at += 4 + width;
    memcpy(out + at, &one, 4);
    at += 4 + 8;
    memcpy(out + at, "17077", 5);
    at += width;
    n = at - 8;
    memcpy(out + 4, &n, 4);
    return at;
}

static void test_the_metadata_names_the_instrument(void)
{
    for (uint8_t version = 1; version <= 3; version++) {
        uint8_t file[512];
        uint32_t n = metadata(file, version);
        char symbol[32];

        CHECK(rl_dbn_symbol(file, n, 17077, symbol, sizeof symbol));
        CHECK(strcmp(symbol, "ESH4") == 0);
        CHECK(rl_dbn_symbol(file, n, 17077, symbol, 3)); /* cut to what fits */
        CHECK(strcmp(symbol, "ES") == 0);
        CHECK(!rl_dbn_symbol(file, n, 17078, symbol, sizeof symbol));
        for (uint32_t cut = 0; cut < n; cut++) {
            uint8_t *part = malloc(cut ? cut : 1);

            CHECK(part != NULL);
            memcpy(part, file, cut);
            CHECK(!rl_dbn_symbol(part, cut, 17077, symbol, sizeof symbol));
            free(part);
        }
    }
}

int main(void)
{
    test_each_action_is_its_operation();
    test_what_is_no_record_is_refused();
    test_the_metadata_names_the_instrument();
    return 0;
}
