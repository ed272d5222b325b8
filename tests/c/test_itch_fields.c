/* ITCH 5.0: every field of every message is read and written as Nasdaq lays it out. */
#include "hex.h"

#include "market/codec/itch_fields.h"

#define CENT (RL_NANO_PER_UNIT / 100)
/* locate 7, tracking 2, 09:30:00.000000123 after midnight */
#define HEAD "0007 0002 1F1ACED9F07B "
#define H .head = {.locate = 7, .tracking = 2, .ts_ns = 34200000000123ULL}

static const struct {
    const char *wire;
    struct rl_itch_value v;
} cases[] = {
    {"'S' " HEAD "'Q'", {H, .type = 'S', .system_event = {.event = 'Q'}}},
    {"'R' " HEAD "'AAPL    ' 'QN' 00000064 'NCZ PNN1N' 00000000 'N'",
     {H, .type = 'R',
      .stock_directory = {.symbol = "AAPL    ",
                          .market_category = 'Q',
                          .financial_status = 'N',
                          .round_lot = 100,
                          .round_lots_only = 'N',
                          .classification = 'C',
                          .sub_type = "Z ",
                          .authenticity = 'P',
                          .short_sale_threshold = 'N',
                          .ipo_flag = 'N',
                          .luld_tier = '1',
                          .etp_flag = 'N',
                          .inverse = 'N'}}},
    {"'R' " HEAD "'TQQQ    ' 'GN' 00000001 'YQEGTY 2Y' 00000003 'Y'",
     {H, .type = 'R',
      .stock_directory = {.symbol = "TQQQ    ",
                          .market_category = 'G',
                          .financial_status = 'N',
                          .round_lot = 1,
                          .round_lots_only = 'Y',
                          .classification = 'Q',
                          .sub_type = "EG",
                          .authenticity = 'T',
                          .short_sale_threshold = 'Y',
                          .ipo_flag = ' ',
                          .luld_tier = '2',
                          .etp_flag = 'Y',
                          .etp_leverage = 3,
                          .inverse = 'Y'}}},
    {"'H' " HEAD "'AAPL    ' 'H' ' ' 'T1  '",
     {H, .type = 'H',
      .trading_action = {.symbol = "AAPL    ", .state = 'H', .reserved = ' ', .reason = "T1  "}}},
    {"'Y' " HEAD "'AAPL    ' '1'",
     {H, .type = 'Y', .reg_sho_restriction = {.symbol = "AAPL    ", .action = '1'}}},
    {"'L' " HEAD "'MAXM' 'FGMC    ' 'YNA'",
     {H, .type = 'L',
      .participant_position =
          {.mpid = "MAXM", .symbol = "FGMC    ", .is_primary = 'Y', .mode = 'N', .state = 'A'}}},
    {"'V' " HEAD "0000006CF1036700 0000006559E6E100 0000005D21DBA000",
     {H, .type = 'V',
      .mwcb_decline_level = {.level1_px_nano = 4679 * RL_NANO_PER_UNIT,
                             .level2_px_nano = 4353 * RL_NANO_PER_UNIT,
                             .level3_px_nano = 4000 * RL_NANO_PER_UNIT}}},
    {"'W' " HEAD "'1'", {H, .type = 'W', .mwcb_status = {.breached_level = '1'}}},
    {"'K' " HEAD "'NEWC    ' 00008CA0 'A' 0002BF20",
     {H, .type = 'K',
      .ipo_quoting_period =
          {.symbol = "NEWC    ", .release_s = 36000, .qualifier = 'A', .px_nano = 1800 * CENT}}},
    {"'J' " HEAD "'AAPL    ' 000F4240 00100590 000E7EF0 00000001",
     {H, .type = 'J',
      .luld_auction_collar = {.symbol = "AAPL    ",
                              .reference_px_nano = 10000 * CENT,
                              .upper_px_nano = 10500 * CENT,
                              .lower_px_nano = 9500 * CENT,
                              .extension = 1}}},
    {"'h' " HEAD "'AAPL    ' 'BH'",
     {H, .type = 'h', .operational_halt = {.symbol = "AAPL    ", .market = 'B', .action = 'H'}}},
    {"'A' " HEAD "0000000000003039 'S' 00000064 'ABC     ' 00F449E4",
     {H, .type = 'A',
      .add_order =
          {.id = 12345, .side = 'S', .qty = 100, .symbol = "ABC     ", .px_nano = 160097 * CENT}}},
    {"'F' " HEAD "0000000000003039 'B' 00000064 'ABC     ' 00F449E4 'UBSS'",
     {H, .type = 'F',
      .add_order_mpid = {.id = 12345,
                         .side = 'B',
                         .qty = 100,
                         .symbol = "ABC     ",
                         .px_nano = 160097 * CENT,
                         .mpid = "UBSS"}}},
    {"'E' " HEAD "0000000000003039 00000019 000000000003E63B",
     {H, .type = 'E', .order_executed = {.id = 12345, .qty = 25, .match = 255547}}},
    {"'C' " HEAD "0000000000003039 00000019 000000000003E63B 'Y' 00F449E4",
     {H, .type = 'C',
      .order_executed_price =
          {.id = 12345, .qty = 25, .match = 255547, .printable = 'Y', .px_nano = 160097 * CENT}}},
    {"'X' " HEAD "0000000000003039 00000019",
     {H, .type = 'X', .order_cancel = {.id = 12345, .qty = 25}}},
    {"'D' " HEAD "0000000000003039", {H, .type = 'D', .order_delete = {.id = 12345}}},
    {"'U' " HEAD "0000000000003039 000000000000303A 00000064 FFFFFFFF",
     {H, .type = 'U',
      .order_replace =
          {.id = 12345, .new_id = 12346, .qty = 100, .px_nano = UINT32_MAX * 100000LL}}},
    {"'P' " HEAD "0000000000000000 'B' 00000064 'ABC     ' 00F449E4 000000000003E63B",
     {H, .type = 'P',
      .trade = {.side = 'B',
                .qty = 100,
                .symbol = "ABC     ",
                .px_nano = 160097 * CENT,
                .match = 255547}}},
    {"'Q' " HEAD "0000000100000000 'ABC     ' 00F449E4 000000000003E63B 'O'",
     {H, .type = 'Q',
      .cross_trade = {.qty = 1ULL << 32,
                      .symbol = "ABC     ",
                      .px_nano = 160097 * CENT,
                      .match = 255547,
                      .cross = 'O'}}},
    {"'B' " HEAD "000000000003E63B", {H, .type = 'B', .broken_trade = {.match = 255547}}},
    {"'I' " HEAD "0000000000000001 0000000000000002 'N' 'DMDC    ' 00071610 00071611 00071612 'OL'",
     {H, .type = 'I',
      .net_order_imbalance = {.paired_qty = 1,
                              .imbalance_qty = 2,
                              .direction = 'N',
                              .symbol = "DMDC    ",
                              .far_px_nano = 464400 * 100000LL,
                              .near_px_nano = 464401 * 100000LL,
                              .reference_px_nano = 464402 * 100000LL,
                              .cross = 'O',
                              .variation = 'L'}}},
    {"'N' " HEAD "'ABC     ' 'A'",
     {H, .type = 'N', .retail_price_improvement = {.symbol = "ABC     ", .interest = 'A'}}},
    {"'O' " HEAD "'NEWC    ' 'Y' 0000000A 0000000B 0000000C 00001F1ACED9F07B 0000000D 0000000E",
     {H, .type = 'O',
      .direct_listing_price = {.symbol = "NEWC    ",
                               .open_eligibility = 'Y',
                               .min_px_nano = 10 * 100000LL,
                               .max_px_nano = 11 * 100000LL,
                               .near_px_nano = 12 * 100000LL,
                               .near_time_ns = 34200000000123ULL,
                               .lower_px_nano = 13 * 100000LL,
                               .upper_px_nano = 14 * 100000LL}}},
};

/* The members of the type, one by one: what a value holds beside them is nobody's business. */
static void check_same(const struct rl_itch_value *a, const struct rl_itch_value *b)
{
    CHECK_EQ(a->type, b->type);
    CHECK_EQ(a->head.locate, b->head.locate);
    CHECK_EQ(a->head.tracking, b->head.tracking);
    CHECK_EQ(a->head.ts_ns, b->head.ts_ns);
    switch (a->type) {
#define SAME_FIELD(kind, member) CHECK(memcmp(&x->member, &y->member, sizeof x->member) == 0);
#define SAME(type, n_bytes, name)                                 \
    case type: {                                                  \
        const struct rl_itch_##name *x = &a->name, *y = &b->name; \
                                                                  \
        RL_ITCH_FIELDS_##name(SAME_FIELD) break;                  \
    }
        RL_ITCH_TYPES(SAME)
    default:
        CHECK(false);
    }
}

static void test_every_message_has_the_published_layout(void)
{
    bool is_seen[256] = {false};

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        uint8_t wire[RL_ITCH_MAX_MESSAGE] = {0}, out[RL_ITCH_MAX_MESSAGE];
        uint32_t n = hex_bytes(cases[i].wire, wire);
        struct rl_itch_value seen;

        is_seen[wire[0]] = true;
        CHECK_EQ(n, rl_itch_sizes[wire[0]]);
        hex_check(out, rl_itch_write(out, &cases[i].v), wire, n, cases[i].wire);
        CHECK(rl_itch_read(wire, n, &seen));
        check_same(&seen, &cases[i].v);
        hex_check(out, rl_itch_write(out, &seen), wire, n, cases[i].wire);
    }
    for (uint32_t type = 0; type < 256; type++)
        CHECK_EQ(is_seen[type], rl_itch_sizes[type] != 0);
}

static void test_the_fast_path_and_the_fields_agree(void)
{
    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        const struct rl_itch_value *v = &cases[i].v;
        uint8_t wire[RL_ITCH_MAX_MESSAGE];
        uint32_t n = hex_bytes(cases[i].wire, wire);
        struct rl_update u = {0};

        CHECK(rl_itch_decode(wire, n, &u));
        CHECK_EQ(u.ts_ns, v->head.ts_ns);
        switch (u.op) {
        case RL_OP_ADD:
        case RL_OP_TRADE: /* the three begin alike */
            CHECK_EQ(u.id, v->add_order.id);
            CHECK_EQ(u.side, rl_itch_side(v->add_order.side));
            CHECK_EQ(u.qty, v->add_order.qty);
            CHECK_EQ(u.px_nano, v->add_order.px_nano);
            break;
        case RL_OP_REDUCE:
            CHECK_EQ(u.id, v->order_cancel.id);
            CHECK_EQ(u.qty, v->order_cancel.qty);
            break;
        case RL_OP_DELETE:
            CHECK_EQ(u.id, v->order_delete.id);
            break;
        case RL_OP_REPLACE:
            CHECK_EQ(u.id, v->order_replace.id);
            CHECK_EQ(u.new_id, v->order_replace.new_id);
            CHECK_EQ(u.qty, v->order_replace.qty);
            CHECK_EQ(u.px_nano, v->order_replace.px_nano);
            break;
        default:
            CHECK(strchr("AFECXDUP", v->type) == NULL);
            break;
        }
    }
}

static void test_the_short_encoders_and_the_fields_agree(void)
{
    const struct rl_itch_head *h = &cases[0].v.head;
    uint8_t wire[RL_ITCH_MAX_MESSAGE], out[RL_ITCH_MAX_MESSAGE];

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        const struct rl_itch_value *v = &cases[i].v;
        uint32_t n = 0;

        switch (v->type) {
        case 'S':
            n = rl_itch_put_system(out, h, (char)v->system_event.event);
            break;
        case 'R':
            if (v->stock_directory.symbol[0] == 'A') /* its fields are those of the common stock */
                n = rl_itch_put_directory(out, h, "AAPL");
            break;
        case 'A':
            n = rl_itch_put_add(out, h, 12345, RL_SELL, 100, "ABC", v->add_order.px_nano);
            break;
        case 'F':
            n = rl_itch_put_add_mpid(out, h, 12345, RL_BUY, 100, "ABC", v->add_order.px_nano,
                                     "UBSS");
            break;
        case 'E':
            n = rl_itch_put_executed(out, h, 12345, 25, 255547);
            break;
        case 'C':
            n = rl_itch_put_executed_price(out, h, 12345, 25, 255547, true,
                                           v->order_executed_price.px_nano);
            break;
        case 'X':
            n = rl_itch_put_cancel(out, h, 12345, 25);
            break;
        case 'D':
            n = rl_itch_put_delete(out, h, 12345);
            break;
        case 'U':
            n = rl_itch_put_replace(out, h, 12345, 12346, 100, v->order_replace.px_nano);
            break;
        case 'P':
            n = rl_itch_put_trade(out, h, 0, RL_BUY, 100, "ABC", v->trade.px_nano, 255547);
            break;
        default:
            break;
        }
        if (n > 0)
            hex_check(out, n, wire, hex_bytes(cases[i].wire, wire), cases[i].wire);
    }
}

static void test_every_type_takes_its_size_and_no_other(void)
{
    uint8_t zeros[RL_ITCH_MAX_MESSAGE + 8] = {0};

    for (uint32_t type = 0; type < 256; type++)
        for (uint32_t n = 0; n <= RL_ITCH_MAX_MESSAGE + 8; n++) {
            struct rl_itch_value v;
            struct rl_update u;
            uint8_t *m;

            zeros[0] = (uint8_t)type;
            m = hex_exactly(zeros, n);
            CHECK_EQ(rl_itch_read(m, n, &v), n > 0 && n == rl_itch_sizes[type]);
            CHECK_EQ(rl_itch_decode(m, n, &u), n > 0 && n == rl_itch_sizes[type]);
            free(m);
        }
}

static void test_what_does_not_fit_its_field_is_not_written(void)
{
    uint8_t out[RL_ITCH_MAX_MESSAGE];
    struct rl_itch_value v = {.type = 'U'};

    CHECK_EQ(rl_itch_write(out, &v), 35);
    v.order_replace.px_nano = 1; /* between two ticks */
    CHECK_EQ(rl_itch_write(out, &v), 0);
    v.order_replace.px_nano = -100000;
    CHECK_EQ(rl_itch_write(out, &v), 0);
    v.order_replace.px_nano = (1LL << 32) * 100000;
    CHECK_EQ(rl_itch_write(out, &v), 0);
    v.order_replace.px_nano = 0;
    v.head.ts_ns = 1ULL << 48;
    CHECK_EQ(rl_itch_write(out, &v), 0);
    v = (struct rl_itch_value){.type = 'V', .mwcb_decline_level = {.level2_px_nano = 5}};
    CHECK_EQ(rl_itch_write(out, &v), 0);
    v.mwcb_decline_level.level2_px_nano = -10;
    CHECK_EQ(rl_itch_write(out, &v), 0);
    v.mwcb_decline_level.level2_px_nano = INT64_MAX / 10 * 10;
    CHECK_EQ(rl_itch_write(out, &v), 35);
    v.type = 'Z';
    CHECK_EQ(rl_itch_write(out, &v), 0);
}

static void test_a_level_that_no_price_can_hold_is_refused(void)
{
    uint8_t m[35] = {'V'};
    struct rl_itch_value v;

    rl_put_be64(m + 27, INT64_MAX / 10);
    CHECK(rl_itch_read(m, sizeof m, &v));
    CHECK_EQ(v.mwcb_decline_level.level3_px_nano, INT64_MAX / 10 * 10);
    rl_put_be64(m + 27, INT64_MAX / 10 + 1);
    CHECK(!rl_itch_read(m, sizeof m, &v));
    rl_put_be64(m + 27, UINT64_MAX);
    CHECK(!rl_itch_read(m, sizeof m, &v));
}

int main(void)
{
    test_every_message_has_the_published_layout();
    test_the_fast_path_and_the_fields_agree();
    test_the_short_encoders_and_the_fields_agree();
    test_every_type_takes_its_size_and_no_other();
    test_what_does_not_fit_its_field_is_not_written();
    test_a_level_that_no_price_can_hold_is_refused();
    return 0;
}
