/* OUCH 5.0: every message is read and written as Nasdaq lays it out, and no other size is taken. */
#include "hex.h"

#include "market/codec/ouch.h"

#define CENT (RL_NANO_PER_UNIT / 100)
/* 09:30:00.000000123 after midnight, as it stands on the wire */
#define TS_NS 34200000000123ULL
#define TS "00001F1ACED9F07B "
#define ID_1 .cl_ord_id = "CLORD1        "

/* --- known answers ---------------------------------------------------------------------------- */

struct in_case {
    const char *wire;
    const char *options; /* as hex; NULL when the message has no appendage length */
    struct rl_ouch_in v;
};

static const struct in_case in_cases[] = {
    {"'O' 00000001 'B' 00000064 'AAPL    ' 000000000016F0A8 '0YANN' 'CLORD1        ' 0003 021C05",
     "021C05",
     {.type = 'O',
      .ref = 1,
      .side = RL_OUCH_BUY,
      .qty = 100,
      .symbol = "AAPL    ",
      .px_nano = 15034 * CENT,
      .tif = RL_OUCH_DAY,
      .display = RL_OUCH_VISIBLE,
      .capacity = RL_OUCH_AGENCY,
      .sweep = 'N',
      .cross = RL_OUCH_CONTINUOUS,
      ID_1}},
    {"'O' 0A0B0C0D 'E' 000F423F 'BRK A   ' 000000007FFFFFFF '3NPYO' 'ID-1          ' 0000",
     "",
     {.type = 'O',
      .ref = 0x0A0B0C0D,
      .side = RL_OUCH_SELL_SHORT_EXEMPT,
      .qty = 999999,
      .symbol = "BRK A   ",
      .px_nano = RL_PX_NONE,
      .tif = RL_OUCH_IOC,
      .display = RL_OUCH_HIDDEN,
      .capacity = RL_OUCH_PRINCIPAL,
      .sweep = 'Y',
      .cross = RL_OUCH_OPENING,
      .cl_ord_id = "ID-1          "}},
    {"'U' 00000001 00000002 000001F4 000000000016F10C '6AN' 'CLORD1        ' 0009 050F00000E10 "
     "02194E",
     "050F00000E10 02194E",
     {.type = 'U',
      .orig_ref = 1,
      .ref = 2,
      .qty = 500,
      .px_nano = 15035 * CENT,
      .tif = RL_OUCH_GTT,
      .display = RL_OUCH_ATTRIBUTABLE,
      .sweep = 'N',
      ID_1}},
    {"'X' 0000004D 00000000", NULL, {.type = 'X', .ref = 77}},
    {"'X' 0000004D 00000019 0000", "", {.type = 'X', .ref = 77, .qty = 25}},
    {"'X' 0000004D 00000019 0003 021C07", "021C07", {.type = 'X', .ref = 77, .qty = 25}},
    {"'M' 00000003 'T' 00000032",
     NULL,
     {.type = 'M', .ref = 3, .side = RL_OUCH_SELL_SHORT, .qty = 50}},
    {"'M' 00000003 'T' 00000032 0009 021959 051A 'LCTB'",
     "021959 051A 'LCTB'",
     {.type = 'M', .ref = 3, .side = RL_OUCH_SELL_SHORT, .qty = 50}},
    {"'C' 0000000A 'FIRM' '        ' 0007 03180007 021B53",
     "03180007 021B53",
     {.type = 'C', .ref = 10, .firm = "FIRM", .symbol = "        "}},
    {"'D' 0000000B 'FRMA' 0000", "", {.type = 'D', .ref = 11, .firm = "FRMA"}},
    {"'E' 0000000C 'FRMA' 0003 021C01", "021C01", {.type = 'E', .ref = 12, .firm = "FRMA"}},
    {"'Q'", NULL, {.type = 'Q'}},
    {"'Q' 0003 021C03", "021C03", {.type = 'Q'}},
};

struct out_case {
    const char *wire;
    const char *options;
    struct rl_ouch_out v;
};

static const struct out_case out_cases[] = {
    {"'S' " TS "'S'", NULL, {.type = 'S', .ts_ns = TS_NS, .event = 'S'}},
    {"'A' " TS "00000001 'B' 00000064 'AAPL    ' 000000000016F0A8 '0Z' 00000000075BCD15 'ANCL' "
     "'CLORD1        ' 0015 0502 'FIRM' 02064C 050E 'RTE1' 021232 021C05",
     "0502 'FIRM' 02064C 050E 'RTE1' 021232 021C05",
     {.type = 'A',
      .ts_ns = TS_NS,
      .ref = 1,
      .side = RL_OUCH_BUY,
      .qty = 100,
      .symbol = "AAPL    ",
      .px_nano = 15034 * CENT,
      .tif = RL_OUCH_DAY,
      .display = RL_OUCH_CONFORMANT,
      .order_ref = 123456789,
      .capacity = RL_OUCH_AGENCY,
      .sweep = 'N',
      .cross = RL_OUCH_CLOSING,
      .state = 'L',
      ID_1}},
    {"'U' " TS "00000001 00000002 'S' 00000190 'MSFT    ' 00000000003D0900 '3N' 00000000075BCD16 "
     "'PYND' 'CLORD1        ' 0000",
     "",
     {.type = 'U',
      .ts_ns = TS_NS,
      .orig_ref = 1,
      .ref = 2,
      .side = RL_OUCH_SELL,
      .qty = 400,
      .symbol = "MSFT    ",
      .px_nano = 40000 * CENT,
      .tif = RL_OUCH_IOC,
      .display = RL_OUCH_HIDDEN,
      .order_ref = 123456790,
      .capacity = RL_OUCH_PRINCIPAL,
      .sweep = 'Y',
      .cross = RL_OUCH_CONTINUOUS,
      .state = 'D',
      ID_1}},
    {"'C' " TS "00000002 00000064 'U'",
     NULL,
     {.type = 'C', .ts_ns = TS_NS, .ref = 2, .qty = 100, .reason = RL_OUCH_CANCEL_USER}},
    {"'C' " TS "00000002 00000064 'I' 0003 021C05",
     "021C05",
     {.type = 'C', .ts_ns = TS_NS, .ref = 2, .qty = 100, .reason = RL_OUCH_CANCEL_IOC}},
    {"'D' " TS "00000004 00000064 'Q' 0000003C 000000000016F0A8 'RO'",
     NULL,
     {.type = 'D',
      .ts_ns = TS_NS,
      .ref = 4,
      .qty = 100,
      .reason = RL_OUCH_CANCEL_SELF_MATCH,
      .prevented_qty = 60,
      .px_nano = 15034 * CENT,
      .liquidity = 'R',
      .aiq_strategy = 'O'}},
    {"'E' " TS "00000001 00000064 000000000016F0A8 'A' 000000003ADE68B1 0000",
     "",
     {.type = 'E',
      .ts_ns = TS_NS,
      .ref = 1,
      .qty = 100,
      .px_nano = 15034 * CENT,
      .liquidity = 'A',
      .match = 987654321}},
    {"'B' " TS "00000001 000000003ADE68B1 'E' 'CLORD1        '",
     NULL,
     {.type = 'B', .ts_ns = TS_NS, .ref = 1, .match = 987654321, .reason = 'E', ID_1}},
    {"'F' " TS "00000001 00000064 000000000016F0A8 'A' 000000003ADE68B1 'N' 'CLORD1        '",
     NULL,
     {.type = 'F',
      .ts_ns = TS_NS,
      .ref = 1,
      .qty = 100,
      .px_nano = 15034 * CENT,
      .liquidity = 'A',
      .match = 987654321,
      .reason = 'N',
      ID_1}},
    {"'J' " TS "00000009 001D 'CLORD1        '",
     NULL,
     {.type = 'J', .ts_ns = TS_NS, .ref = 9, .reject = RL_OUCH_REJECT_INVALID_PRICE, ID_1}},
    {"'P' " TS "00000005", NULL, {.type = 'P', .ts_ns = TS_NS, .ref = 5}},
    {"'I' " TS "00000006 0003 021C09", "021C09", {.type = 'I', .ts_ns = TS_NS, .ref = 6}},
    {"'T' " TS "00000007 000000000016F044 'Y' 000000000000022B",
     NULL,
     {.type = 'T',
      .ts_ns = TS_NS,
      .ref = 7,
      .px_nano = 15033 * CENT,
      .display = RL_OUCH_VISIBLE,
      .order_ref = 555}},
    {"'M' " TS "00000003 'E' 00000032 0006 021959 021C04",
     "021959 021C04",
     {.type = 'M', .ts_ns = TS_NS, .ref = 3, .side = RL_OUCH_SELL_SHORT_EXEMPT, .qty = 50}},
    {"'R' " TS "00000008 'R' 0010 09010000000000000309 051600000064",
     "09010000000000000309 051600000064",
     {.type = 'R', .ts_ns = TS_NS, .ref = 8, .reason = 'R'}},
    {"'X' " TS "0000000A 'FIRM' 'MSFT    ' 0000",
     "",
     {.type = 'X', .ts_ns = TS_NS, .ref = 10, .firm = "FIRM", .symbol = "MSFT    "}},
    {"'G' " TS "0000000B 'FRMA' 0000",
     "",
     {.type = 'G', .ts_ns = TS_NS, .ref = 11, .firm = "FRMA"}},
    {"'K' " TS "0000000C 'FRMA' 0003 021C01",
     "021C01",
     {.type = 'K', .ts_ns = TS_NS, .ref = 12, .firm = "FRMA"}},
    {"'Q' " TS "0000000D", NULL, {.type = 'Q', .ts_ns = TS_NS, .ref = 13}},
};

static struct rl_ouch_options case_options(const char *text, uint8_t *bytes)
{
    uint32_t n = text ? hex_bytes(text, bytes) : 0;

    return (struct rl_ouch_options){bytes, (uint16_t)n, text != NULL};
}

static void check_options(const struct rl_ouch_options *seen, const char *text)
{
    uint8_t bytes[RL_OUCH_MAX_MESSAGE];
    struct rl_ouch_options wanted = case_options(text, bytes);

    CHECK_EQ(seen->is_present, wanted.is_present);
    hex_check(seen->bytes, seen->n_bytes, wanted.bytes, wanted.n_bytes, "options");
}

static void test_every_message_in_has_the_published_layout(void)
{
    bool is_seen[256] = {false};

    for (size_t i = 0; i < RL_COUNT(in_cases); i++) {
        const struct in_case *c = &in_cases[i];
        uint8_t wire[RL_OUCH_MAX_MESSAGE], out[RL_OUCH_MAX_MESSAGE], options[RL_OUCH_MAX_MESSAGE];
        uint32_t n = hex_bytes(c->wire, wire);
        struct rl_ouch_in wanted = c->v, seen;

        is_seen[wire[0]] = true;
        CHECK(rl_ouch_read_in(wire, n, &seen));
        CHECK_EQ(seen.type, wanted.type);
        CHECK_EQ(seen.side, wanted.side);
        CHECK_EQ(seen.tif, wanted.tif);
        CHECK_EQ(seen.display, wanted.display);
        CHECK_EQ(seen.capacity, wanted.capacity);
        CHECK_EQ(seen.sweep, wanted.sweep);
        CHECK_EQ(seen.cross, wanted.cross);
        CHECK_EQ(seen.ref, wanted.ref);
        CHECK_EQ(seen.orig_ref, wanted.orig_ref);
        CHECK_EQ(seen.qty, wanted.qty);
        CHECK_EQ(seen.px_nano, wanted.px_nano);
        CHECK(memcmp(seen.symbol, wanted.symbol, sizeof seen.symbol) == 0);
        CHECK(memcmp(seen.firm, wanted.firm, sizeof seen.firm) == 0);
        CHECK(memcmp(seen.cl_ord_id, wanted.cl_ord_id, sizeof seen.cl_ord_id) == 0);
        check_options(&seen.options, c->options);
        wanted.options = case_options(c->options, options);
        hex_check(out, rl_ouch_write_in(out, sizeof out, &wanted), wire, n, c->wire);
        hex_check(out, rl_ouch_write_in(out, n, &seen), wire, n, c->wire);
        CHECK_EQ(rl_ouch_write_in(out, n - 1, &seen), 0); /* no room for the last byte */
    }
    for (uint32_t type = 0; type < 256; type++)
        CHECK_EQ(is_seen[type], rl_ouch_in_sizes[type] != 0);
}

static void test_every_message_out_has_the_published_layout(void)
{
    bool is_seen[256] = {false};

    for (size_t i = 0; i < RL_COUNT(out_cases); i++) {
        const struct out_case *c = &out_cases[i];
        uint8_t wire[RL_OUCH_MAX_MESSAGE], out[RL_OUCH_MAX_MESSAGE], options[RL_OUCH_MAX_MESSAGE];
        uint32_t n = hex_bytes(c->wire, wire);
        struct rl_ouch_out wanted = c->v, seen;

        is_seen[wire[0]] = true;
        CHECK(rl_ouch_read_out(wire, n, &seen));
        CHECK_EQ(seen.type, wanted.type);
        CHECK_EQ(seen.side, wanted.side);
        CHECK_EQ(seen.tif, wanted.tif);
        CHECK_EQ(seen.display, wanted.display);
        CHECK_EQ(seen.capacity, wanted.capacity);
        CHECK_EQ(seen.sweep, wanted.sweep);
        CHECK_EQ(seen.cross, wanted.cross);
        CHECK_EQ(seen.state, wanted.state);
        CHECK_EQ(seen.reason, wanted.reason);
        CHECK_EQ(seen.liquidity, wanted.liquidity);
        CHECK_EQ(seen.event, wanted.event);
        CHECK_EQ(seen.aiq_strategy, wanted.aiq_strategy);
        CHECK_EQ(seen.reject, wanted.reject);
        CHECK_EQ(seen.ref, wanted.ref);
        CHECK_EQ(seen.orig_ref, wanted.orig_ref);
        CHECK_EQ(seen.qty, wanted.qty);
        CHECK_EQ(seen.prevented_qty, wanted.prevented_qty);
        CHECK_EQ(seen.ts_ns, wanted.ts_ns);
        CHECK_EQ(seen.order_ref, wanted.order_ref);
        CHECK_EQ(seen.match, wanted.match);
        CHECK_EQ(seen.px_nano, wanted.px_nano);
        CHECK(memcmp(seen.symbol, wanted.symbol, sizeof seen.symbol) == 0);
        CHECK(memcmp(seen.firm, wanted.firm, sizeof seen.firm) == 0);
        CHECK(memcmp(seen.cl_ord_id, wanted.cl_ord_id, sizeof seen.cl_ord_id) == 0);
        check_options(&seen.options, c->options);
        wanted.options = case_options(c->options, options);
        hex_check(out, rl_ouch_write_out(out, sizeof out, &wanted), wire, n, c->wire);
        hex_check(out, rl_ouch_write_out(out, n, &seen), wire, n, c->wire);
        CHECK_EQ(rl_ouch_write_out(out, n - 1, &seen), 0);
    }
    for (uint32_t type = 0; type < 256; type++)
        CHECK_EQ(is_seen[type], rl_ouch_out_sizes[type] != 0);
}

static void test_types_have_the_names_and_counts_of_the_specification(void)
{
    uint32_t n_in = 0, n_out = 0, n_options = 0, n_rejects = 0;

    for (uint32_t i = 0; i < 256; i++) {
        n_in += rl_ouch_in_sizes[i] != 0;
        n_out += rl_ouch_out_sizes[i] != 0;
        n_options += rl_ouch_option_size((uint8_t)i) != 0;
        n_rejects += strcmp(rl_ouch_reject_name((uint16_t)i), "unknown") != 0;
        CHECK_EQ(strcmp(rl_ouch_in_name((uint8_t)i), "unknown") == 0, rl_ouch_in_sizes[i] == 0);
        CHECK_EQ(strcmp(rl_ouch_out_name((uint8_t)i), "unknown") == 0, rl_ouch_out_sizes[i] == 0);
        CHECK_EQ(strcmp(rl_ouch_option_name((uint8_t)i), "unknown") == 0,
                 rl_ouch_option_size((uint8_t)i) == 0);
    }
    CHECK_EQ(n_in, 8);
    CHECK_EQ(n_out, 18);
    CHECK_EQ(n_options, 28);
    CHECK_EQ(n_rejects, 32);
    CHECK(strcmp(rl_ouch_in_name('E'), "enable_entry") == 0);
    CHECK(strcmp(rl_ouch_out_name('E'), "executed") == 0);
    CHECK(strcmp(rl_ouch_option_name(3), "min_qty") == 0);
    CHECK(strcmp(rl_ouch_reject_name(6), "fat finger") == 0);
}

/* --- hostile sizes ---------------------------------------------------------------------------- */

/* What may follow the fixed part when all of it is zero: nothing, or a length of 0. */
static bool zeros_fit(uint32_t n, uint32_t fixed, enum rl_ouch_appends appends)
{
    return (n == fixed && appends != RL_OUCH_ALWAYS) ||
           (n == fixed + 2 && appends != RL_OUCH_NEVER);
}

static void test_every_type_takes_its_sizes_and_no_other(void)
{
#define APPENDS(type, n_bytes, appends, name) [type] = RL_OUCH_##appends,
    static const uint8_t in_appends[256] = {RL_OUCH_IN_TYPES(APPENDS)};
    static const uint8_t out_appends[256] = {RL_OUCH_OUT_TYPES(APPENDS)};
    uint8_t zeros[128] = {0};

    for (uint32_t type = 0; type < 256; type++)
        for (uint32_t n = 0; n <= 66 + 8; n++) {
            uint32_t in = rl_ouch_in_sizes[type], out = rl_ouch_out_sizes[type];
            struct rl_ouch_out vo;
            struct rl_ouch_in vi;
            uint8_t *m;

            zeros[0] = (uint8_t)type;
            m = hex_exactly(zeros, n);
            CHECK_EQ(rl_ouch_read_in(m, n, &vi), in && zeros_fit(n, in, in_appends[type]));
            CHECK_EQ(rl_ouch_read_out(m, n, &vo), out && zeros_fit(n, out, out_appends[type]));
            free(m);
        }
}

/* An Enter Order with these bytes behind its fixed part, read from memory of that size. */
static bool reads_with(const char *appendage, struct rl_ouch_in *v, uint8_t **m)
{
    uint8_t wire[RL_OUCH_MAX_MESSAGE] = {'O'};
    uint32_t n = rl_ouch_in_sizes['O'] + hex_bytes(appendage, wire + rl_ouch_in_sizes['O']);

    *m = hex_exactly(wire, n);
    return rl_ouch_read_in(*m, n, v);
}

static void test_an_appendage_that_lies_is_refused(void)
{
    static const struct {
        const char *appendage;
        bool is_right;
    } cases[] = {
        {"0000", true},
        {"0003 021C05", true},
        {"0009 021C05 050300000064", true},
        {"0004 03FF0102", true}, /* a tag that nobody knows yet */
        {"0002 01FF", true},     /* ... without a value */
        {"00", false},
        {"0001", false},            /* one byte too few */
        {"0003 021C", false},       /* ... of an option */
        {"0002 021C05", false},     /* one too many */
        {"0003 001C05", false},     /* an option of no length */
        {"0001 01", false},         /* a length without its tag */
        {"0003 031C05", false},     /* beyond the end */
        {"0004 031C0505", false},   /* an index has one byte */
        {"0005 0403000064", false}, /* a quantity has four */
        {"0002 0103", false},
        {"0006 021C05 02 03 00", false},
        {"FFFF", false},
        {"FFFF 021C05", false},
    };

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        struct rl_ouch_in v;
        uint8_t *m;

        if (reads_with(cases[i].appendage, &v, &m) != cases[i].is_right) {
            fprintf(stderr, "appendage: %s\n", cases[i].appendage);
            exit(1);
        }
        free(m);
    }
}

static void test_options_that_do_not_hold_together_are_not_written(void)
{
    const uint8_t cut[] = {5, 3, 0};
    struct rl_ouch_in v = {.type = 'O', .options = {cut, sizeof cut, true}};
    struct rl_ouch_out event = {.type = 'S', .options = {cut, 0, true}};
    uint8_t out[RL_OUCH_MAX_MESSAGE];

    CHECK_EQ(rl_ouch_write_in(out, sizeof out, &v), 0);
    v.options.n_bytes = 0;
    CHECK_EQ(rl_ouch_write_in(out, sizeof out, &v), 47);
    CHECK_EQ(rl_ouch_write_out(out, sizeof out, &event), 0); /* a system event takes none */
    event.options.is_present = false;
    CHECK_EQ(rl_ouch_write_out(out, sizeof out, &event), 10);
    v.type = 'A'; /* a type of the other direction */
    CHECK_EQ(rl_ouch_write_in(out, sizeof out, &v), 0);
}

/* --- prices ----------------------------------------------------------------------------------- */

static void test_prices_are_exact_or_refused(void)
{
    static const struct {
        uint64_t raw;
        int64_t px_nano;
        bool is_right;
    } wire[] = {
        {0, 0, true},
        {1, 100000, true},
        {1999999900, 199999990000000LL, true}, /* the largest that the venue takes */
        {RL_OUCH_PX_MARKET, RL_PX_NONE, true},
        {2000000000, 200000 * RL_NANO_PER_UNIT, true},
        {UINT32_MAX, (int64_t)UINT32_MAX * 100000, true},
        {INT64_MAX / 100000, INT64_MAX / 100000 * 100000, true},
        {INT64_MAX / 100000 + 1, 0, false},
        {UINT64_MAX, 0, false},
    };
    static const int64_t off_grid[] = {-100000, 1,         99999,
                                       100001,  INT64_MAX, (int64_t)RL_OUCH_PX_MARKET * 100000};
    struct rl_ouch_in v = {.type = 'O'};
    uint8_t m[47];

    for (size_t i = 0; i < RL_COUNT(wire); i++) {
        struct rl_ouch_in seen;
        uint8_t order[47] = {'O'}, again[47];

        rl_put_be64(order + 18, wire[i].raw);
        CHECK_EQ(rl_ouch_read_in(order, sizeof order, &seen), wire[i].is_right);
        if (!wire[i].is_right)
            continue;
        CHECK_EQ(seen.px_nano, wire[i].px_nano);
        hex_check(again, rl_ouch_write_in(again, sizeof again, &seen), order, sizeof order,
                  "price");
    }
    for (size_t i = 0; i < RL_COUNT(off_grid); i++) {
        v.px_nano = off_grid[i];
        CHECK_EQ(rl_ouch_write_in(m, sizeof m, &v), 0);
    }
}

static void test_three_prices_mean_the_market(void)
{
    CHECK(rl_ouch_is_market(RL_PX_NONE));
    CHECK(rl_ouch_is_market(200000 * RL_NANO_PER_UNIT));
    CHECK(rl_ouch_is_market((int64_t)UINT32_MAX * RL_OUCH_NANO_PER_TICK));
    CHECK(!rl_ouch_is_market(0));
    CHECK(!rl_ouch_is_market(199999990000000LL));
    CHECK_EQ(rl_ouch_side('B'), RL_BUY);
    CHECK_EQ(rl_ouch_side('S') + rl_ouch_side('T') + rl_ouch_side('E'), 3 * RL_SELL);
}

/* --- options ---------------------------------------------------------------------------------- */

/* One option of each tag, as the appendix of the specification sizes them. */
static const struct {
    uint8_t tag;
    const char *wire;
    enum { UINT, PRICE, TEXT } as;
    uint64_t uint_value;
    int64_t px_nano;
    const char *text;
} options[] = {
    {1, "0901 0102030405060708", UINT, 0x0102030405060708, 0, NULL},
    {2, "0502 'ABCD'", TEXT, 0, 0, "ABCD"},
    {3, "0503 000000C8", UINT, 200, 0, NULL},
    {4, "0204 'R'", UINT, 'R', 0, NULL},
    {5, "0505 00000064", UINT, 100, 0, NULL},
    {6, "0206 'M'", UINT, 'M', 0, NULL},
    {7, "0507 FFFFFF9C", PRICE, 0, -CENT, NULL},
    {9, "0909 000000000016E360", PRICE, 0, 150 * RL_NANO_PER_UNIT, NULL},
    {10, "020A 'P'", UINT, 'P', 0, NULL},
    {11, "050B FFFFFFFF", PRICE, 0, -100000, NULL},
    {12, "020C 'P'", UINT, 'P', 0, NULL},
    {13, "050D 0000012C", UINT, 300, 0, NULL},
    {14, "050E 'RT  '", TEXT, 0, 0, "RT"},
    {15, "050F 00000E10", UINT, 3600, 0, NULL},
    {16, "0210 'Y'", UINT, 'Y', 0, NULL},
    {17, "0211 'I'", UINT, 'I', 0, NULL},
    {18, "0212 '2'", UINT, '2', 0, NULL},
    {19, "0913 000000007FFFFFFF", PRICE, 0, RL_PX_NONE, NULL},
    {20, "0214 'L'", UINT, 'L', 0, NULL},
    {22, "0516 00000064", UINT, 100, 0, NULL},
    {23, "0917 000000000016F0A8", PRICE, 0, 15034 * CENT, NULL},
    {24, "0318 0201", UINT, 513, 0, NULL},
    {25, "0219 'Y'", UINT, 'Y', 0, NULL},
    {26, "051A 'LCTB'", TEXT, 0, 0, "LCTB"},
    {27, "021B 'T'", UINT, 'T', 0, NULL},
    {28, "021C 05", UINT, 5, 0, NULL},
    {29, "021D 'O'", UINT, 'O', 0, NULL},
    {30, "031E 'AB'", TEXT, 0, 0, "AB"},
};

static void test_every_option_is_written_and_read_in_one_message(void)
{
    uint8_t bytes[RL_OUCH_MAX_MESSAGE], wanted[RL_OUCH_MAX_MESSAGE], wire[RL_OUCH_MAX_MESSAGE];
    struct rl_ouch_option_writer w = {.bytes = bytes, .n_max = sizeof bytes};
    struct rl_ouch_in v = {.type = 'O'}, seen;
    struct rl_ouch_option o;
    uint32_t n_wanted = 0, at = 0;

    for (size_t i = 0; i < RL_COUNT(options); i++) {
        n_wanted += hex_bytes(options[i].wire, wanted + n_wanted);
        switch (options[i].as) {
        case UINT:
            CHECK(rl_ouch_put_option_uint(&w, options[i].tag, options[i].uint_value));
            break;
        case PRICE:
            CHECK(rl_ouch_put_option_px(&w, options[i].tag, options[i].px_nano));
            break;
        case TEXT:
            CHECK(rl_ouch_put_option_text(&w, options[i].tag, options[i].text));
            break;
        }
        hex_check(bytes, w.n_bytes, wanted, n_wanted, options[i].wire);
    }
    v.options = rl_ouch_options_of(&w);
    CHECK(rl_ouch_read_in(wire, rl_ouch_write_in(wire, sizeof wire, &v), &seen));
    for (size_t i = 0; i < RL_COUNT(options); i++) {
        uint64_t value = 0;
        int64_t px_nano = 0;

        CHECK(rl_ouch_next_option(&seen.options, &at, &o));
        CHECK_EQ(o.tag, options[i].tag);
        CHECK_EQ(o.n_bytes, rl_ouch_option_size(o.tag));
        CHECK_EQ(rl_ouch_option_uint(&o, &value), options[i].as == UINT);
        CHECK_EQ(rl_ouch_option_px(&o, &px_nano), options[i].as == PRICE);
        CHECK_EQ(value, options[i].uint_value);
        CHECK_EQ(px_nano, options[i].px_nano);
        if (options[i].as == TEXT)
            CHECK(rl_alpha_is(o.value, o.n_bytes, options[i].text));
        CHECK(rl_ouch_find_option(&seen.options, options[i].tag, &o));
    }
    CHECK(!rl_ouch_next_option(&seen.options, &at, &o));
    CHECK(!rl_ouch_find_option(&seen.options, 99, &o));
}

static void test_an_option_that_does_not_fit_is_not_written(void)
{
    uint8_t bytes[8];
    struct rl_ouch_option_writer w = {.bytes = bytes, .n_max = sizeof bytes};

    CHECK(!rl_ouch_put_option(&w, RL_OUCH_OPTION_min_qty, "123", 3));
    CHECK(!rl_ouch_put_option(&w, 99, "1", 1));
    CHECK(!rl_ouch_put_option(&w, 99, "", 0));
    CHECK(!rl_ouch_put_option_uint(&w, RL_OUCH_OPTION_ref_index, 256));
    CHECK(!rl_ouch_put_option_uint(&w, RL_OUCH_OPTION_min_qty, 1ULL << 32));
    CHECK(!rl_ouch_put_option_uint(&w, RL_OUCH_OPTION_firm, 1));
    CHECK(!rl_ouch_put_option_px(&w, RL_OUCH_OPTION_min_qty, 100000));
    CHECK(!rl_ouch_put_option_px(&w, RL_OUCH_OPTION_peg_offset, 99999));
    CHECK(!rl_ouch_put_option_px(&w, RL_OUCH_OPTION_peg_offset, (1LL << 31) * 100000));
    CHECK(!rl_ouch_put_option_px(&w, RL_OUCH_OPTION_peg_offset, RL_PX_NONE));
    CHECK(!rl_ouch_put_option_px(&w, RL_OUCH_OPTION_display_price, -100000));
    CHECK(!rl_ouch_put_option_text(&w, RL_OUCH_OPTION_firm, "FIRMS"));
    CHECK(!rl_ouch_put_option_text(&w, RL_OUCH_OPTION_side, "B"));
    CHECK_EQ(w.n_bytes, 0);
    CHECK(rl_ouch_put_option_px(&w, RL_OUCH_OPTION_peg_offset, -(1LL << 31) * 100000));
    CHECK(!rl_ouch_put_option_uint(&w, RL_OUCH_OPTION_ref_index, 5)); /* one byte too few is left */
    CHECK_EQ(w.n_bytes, 6);
}

int main(void)
{
    test_every_message_in_has_the_published_layout();
    test_every_message_out_has_the_published_layout();
    test_types_have_the_names_and_counts_of_the_specification();
    test_every_type_takes_its_sizes_and_no_other();
    test_an_appendage_that_lies_is_refused();
    test_options_that_do_not_hold_together_are_not_written();
    test_prices_are_exact_or_refused();
    test_three_prices_mean_the_market();
    test_every_option_is_written_and_read_in_one_message();
    test_an_option_that_does_not_fit_is_not_written();
    return 0;
}
