/* ITCH 5.0: what is encoded is decoded, byte for byte as Nasdaq lays it out. */
#include "check.h"

#include <string.h>

#include "market/codec/itch.h"

static const struct rl_itch_head head = {.locate = 7, .tracking = 2, .ts_ns = 34200000000123ULL};

static void test_an_add_has_the_published_layout(void)
{
    static const uint8_t wanted[36] = {
        'A',  0,   7, 0, 2, 0x1F, 0x1A, 0xCE, 0xD9, 0xF0, 0x7B, 0,   0,   0,   0, 0,    0,    0x30,
        0x39, 'S', 0, 0, 0, 100,  'A',  'B',  'C',  ' ',  ' ',  ' ', ' ', ' ', 0, 0x18, 0x6D, 0xC4};
    uint8_t m[RL_ITCH_MAX_MESSAGE];

    CHECK_EQ(rl_itch_put_add(m, &head, 12345, RL_SELL, 100, "ABC", 160097ll * 10000000), 36);
    CHECK_EQ(rl_be32(m + 32), 16009700);
    rl_put_be32(m + 32, 0x00186DC4);
    CHECK(memcmp(m, wanted, sizeof wanted) == 0);
}

/* Nasdaq TotalView-ITCH 5.0, 1.2.1: where each code lies, and that the rest is zero. */
static void test_a_directory_has_the_published_layout(void)
{
    static const uint8_t wanted[39] = {'R',  0,   7,   0,   2,   0x1F, 0x1A, 0xCE, 0xD9, 0xF0,
                                       0x7B, 'A', 'B', 'C', ' ', ' ',  ' ',  ' ',  ' ',  'Q',
                                       'N',  0,   0,   0,   100, 'N',  'C',  'Z',  ' ',  'P',
                                       'N',  'N', '1', 'N', 0,   0,    0,    0,    'N'};
    uint8_t m[RL_ITCH_MAX_MESSAGE];

    memset(m, 0xFF, sizeof m);
    CHECK_EQ(rl_itch_put_directory(m, &head, "ABC"), sizeof wanted);
    CHECK(memcmp(m, wanted, sizeof wanted) == 0);
    CHECK_EQ(m[sizeof wanted], 0xFF);
}

static void test_every_encoder_is_decoded_to_what_it_was_given(void)
{
    uint8_t m[RL_ITCH_MAX_MESSAGE];
    struct rl_update u;
    uint32_t n;

    n = rl_itch_put_add(m, &head, 1ULL << 60, RL_BUY, 4000000000u, "ABCDEFGH", 1234500000);
    CHECK(rl_itch_decode(m, n, &u));
    CHECK_EQ(u.op, RL_OP_ADD);
    CHECK(u.id == 1ULL << 60 && u.side == RL_BUY && u.qty == 4000000000u);
    CHECK_EQ(u.px_nano, 1234500000);
    CHECK_EQ(u.ts_ns, head.ts_ns);
    CHECK_EQ(rl_itch_locate(m), 7);
    CHECK(memcmp(rl_itch_symbol(m), "ABCDEFGH", 8) == 0);

    memset(m, 0xFF, sizeof m);
    n = rl_itch_put_add_mpid(m, &head, 5, RL_SELL, 10, "Z", 100000, "MPID");
    CHECK(rl_itch_decode(m, n, &u));
    CHECK_EQ(n, 40);
    CHECK(u.op == RL_OP_ADD && u.side == RL_SELL && memcmp(m + 36, "MPID", 4) == 0);
    CHECK_EQ(m[n], 0xFF); /* nothing behind it is touched */

    n = rl_itch_put_executed(m, &head, 5, 3, 99);
    CHECK(rl_itch_decode(m, n, &u));
    CHECK(u.op == RL_OP_REDUCE && u.id == 5 && u.qty == 3 && rl_be64(m + 23) == 99);

    n = rl_itch_put_executed_price(m, &head, 5, 4, 99, true, 1000000000);
    CHECK(rl_itch_decode(m, n, &u));
    CHECK(u.op == RL_OP_REDUCE && u.qty == 4 && m[31] == 'Y' && rl_be32(m + 32) == 10000);

    n = rl_itch_put_cancel(m, &head, 5, 6);
    CHECK(rl_itch_decode(m, n, &u));
    CHECK(u.op == RL_OP_REDUCE && u.qty == 6);

    n = rl_itch_put_delete(m, &head, 77);
    CHECK(rl_itch_decode(m, n, &u));
    CHECK(u.op == RL_OP_DELETE && u.id == 77);

    n = rl_itch_put_replace(m, &head, 77, 78, 50, 2000000000);
    CHECK(rl_itch_decode(m, n, &u));
    CHECK(u.op == RL_OP_REPLACE && u.id == 77 && u.new_id == 78 && u.qty == 50);
    CHECK_EQ(u.px_nano, 2000000000);

    n = rl_itch_put_trade(m, &head, 0, RL_BUY, 50, "ABC", 2000000000, 1);
    CHECK(rl_itch_decode(m, n, &u));
    CHECK(u.op == RL_OP_TRADE && u.qty == 50 && u.side == RL_BUY);
    n = rl_itch_put_trade(m, &head, 0, RL_SELL, 51, "ABC", 2000000000, 1);
    CHECK(rl_itch_decode(m, n, &u));
    CHECK(u.op == RL_OP_TRADE && u.qty == 51 && u.side == RL_SELL);

    n = rl_itch_put_system(m, &head, 'O');
    CHECK(rl_itch_decode(m, n, &u));
    CHECK(u.op == RL_OP_NONE && m[11] == 'O');

    n = rl_itch_put_directory(m, &head, "ABC");
    CHECK(rl_itch_decode(m, n, &u));
    CHECK(u.op == RL_OP_NONE && memcmp(rl_itch_symbol(m), "ABC     ", 8) == 0);
}

static void test_every_type_has_one_size_and_no_other_is_taken(void)
{
    uint8_t m[256] = {0};
    struct rl_update u;
    uint32_t n_types = 0;

    for (uint32_t type = 0; type < 256; type++) {
        m[0] = (uint8_t)type;
        n_types += rl_itch_sizes[type] != 0;
        CHECK((strcmp(rl_itch_name((uint8_t)type), "unknown") == 0) == (rl_itch_sizes[type] == 0));
        for (uint32_t n = 0; n < 64; n++) {
            bool is_right = n > 0 && n == rl_itch_sizes[type];

            CHECK_EQ(rl_itch_decode(m, n, &u), is_right);
            if (!is_right)
                CHECK_EQ(u.op, RL_OP_NONE);
        }
    }
    CHECK_EQ(n_types, 23);
}

static void test_a_price_beyond_four_decimals_is_cut_to_the_grid(void)
{
    uint8_t m[RL_ITCH_MAX_MESSAGE];

    rl_itch_put_add(m, &head, 1, RL_BUY, 1, "A", 1234567890);
    CHECK_EQ(rl_itch_px_nano(m + 32), 1234500000);
}

int main(void)
{
    test_an_add_has_the_published_layout();
    test_a_directory_has_the_published_layout();
    test_every_encoder_is_decoded_to_what_it_was_given();
    test_every_type_has_one_size_and_no_other_is_taken();
    test_a_price_beyond_four_decimals_is_cut_to_the_grid();
    return 0;
}
