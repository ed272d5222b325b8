/* Binance's JSON: the documented shapes are read to the last digit, everything else is refused. */
#include "check.h"

#include <string.h>

#include "base/defs.h"
#include "market/codec/binance.h"

static struct rl_binance b;

/* In memory of exactly its size. The views stay valid until the next read. */
static bool read_n(const char *text, uint32_t n)
{
    static uint8_t *copy;

    free(copy);
    copy = malloc(n ? n : 1);
    CHECK(copy != NULL);
    memcpy(copy, text, n);
    return rl_binance_read(&b, copy, n);
}

static bool read(const char *text)
{
    return read_n(text, (uint32_t)strlen(text));
}

static uint64_t decimal(struct rl_binance_text t, uint32_t n)
{
    uint64_t v = 0;

    CHECK(rl_binance_decimal(&b, t, n, &v));
    return v;
}

static const char usdm_depth[] =
    "{\"stream\":\"btcusdt@depth@0ms\",\"data\":{\"e\":\"depthUpdate\",\"E\":1723161256299,"
    "\"T\":1723161256298,\"s\":\"BTCUSDT\",\"U\":10,\"u\":15,\"pu\":8,"
    "\"b\":[[\"58710.20\",\"0.014\"],[\"61496.50\",\"0\"]],\"a\":[[\"61800.3\",\"3.33\"]]}}";
static const char spot_depth[] = "{ \"e\": \"depthUpdate\", \"E\": 1672515782136, "
                                 "\"s\": \"BNBBTC\", \"U\": 157, \"u\": 160,\n"
                                 " \"b\": [ [ \"0.0024\" , \"10\" ] ], \"a\": [ ] }";
static const char snapshot[] =
    "{\"lastUpdateId\":1027024,\"E\":7,\"T\":6,\"symbol\":\"BTCUSD_PERP\",\"pair\":\"BTCUSD\","
    "\"bids\":[[\"4.00000000\",\"431.00000000\"]],\"asks\":[[\"4.00000200\",\"12.00000000\"]]}";
static const char ticker[] =
    "{\"u\":400900217,\"s\":\"BNBUSDT\",\"b\":\"25.35190000\",\"B\":\"31.21000000\","
    "\"a\":\"25.36520000\",\"A\":\"40.66000000\"}";
static const char trade[] =
    "{\"e\":\"trade\",\"E\":123456789,\"T\":123456785,\"s\":\"BNBBTC\",\"t\":12345,"
    "\"p\":\"0.001\",\"q\":\"100\",\"b\":88,\"a\":50,\"X\":\"MARKET\",\"m\":true,\"M\":true}";
static const char *const shapes[] = {usdm_depth, spot_depth, snapshot, ticker, trade};

static void test_diffs_say_what_they_cover_and_continue(void)
{
    struct rl_binance_text at;
    int64_t px;
    uint64_t qty;
    bool is_good;

    CHECK(read(usdm_depth));
    CHECK_EQ(b.kind, RL_BINANCE_DEPTH);
    CHECK(b.first == 10 && b.last == 15 && b.previous == 8);
    CHECK_EQ(b.ts_ns, 1723161256298000000); /* the transaction's time, not the event's */
    CHECK(b.symbol.n == 7 && memcmp(b.text + b.symbol.at, "BTCUSDT", 7) == 0);
    CHECK(b.n_levels[RL_BUY] == 2 && b.n_levels[RL_SELL] == 1);
    at = b.levels[RL_BUY];
    CHECK(rl_binance_level(&b, &at, 3, &px, &qty, &is_good));
    CHECK(is_good && px == 58710200000000 && qty == 14);
    CHECK(rl_binance_level(&b, &at, 3, &px, &qty, &is_good));
    CHECK(is_good && px == 61496500000000 && qty == 0);
    CHECK(!rl_binance_level(&b, &at, 3, &px, &qty, &is_good));
    at = b.levels[RL_SELL];
    CHECK(rl_binance_level(&b, &at, 1, &px, &qty, &is_good)); /* 3.33 in tenths */
    CHECK(!is_good);
    CHECK(!rl_binance_level(&b, &at, 1, &px, &qty, &is_good));
    CHECK(read(spot_depth));
    CHECK(b.kind == RL_BINANCE_DEPTH && b.first == 157 && b.last == 160 && b.previous == 156);
    CHECK_EQ(b.ts_ns, 1672515782136000000);
    CHECK_EQ(b.n_levels[RL_SELL], 0);
}

static void test_snapshots_best_prices_and_trades_are_read(void)
{
    CHECK(read(snapshot));
    CHECK(b.kind == RL_BINANCE_SNAPSHOT && b.last == 1027024 && b.symbol.n == 11);
    CHECK(b.n_levels[RL_BUY] == 1 && b.n_levels[RL_SELL] == 1);
    CHECK(read(ticker));
    CHECK(b.kind == RL_BINANCE_TICKER && b.last == 400900217);
    CHECK_EQ(decimal(b.px[RL_BUY], 9), 25351900000);
    CHECK_EQ(decimal(b.qty[RL_SELL], 2), 4066);
    CHECK(read(trade));
    CHECK(b.kind == RL_BINANCE_TRADE && b.is_buyer_maker);
    CHECK_EQ(decimal(b.px[0], 9), 1000000);
    CHECK_EQ(decimal(b.qty[0], 0), 100);
    CHECK(read("{\"result\":null,\"id\":312}"));
    CHECK_EQ(b.kind, RL_BINANCE_OTHER);
    CHECK(read("{}"));
    CHECK(read("{\"e\":\"kline\",\"k\":{\"t\":[1,-2.5e3,{\"x\":\"a\\\"b\"}],\"o\":{}},\"z\":[]}"));
    CHECK_EQ(b.kind, RL_BINANCE_OTHER);
}

static void test_text_that_is_cut_or_changed_anywhere_is_no_other_message(void)
{
    for (unsigned i = 0; i < RL_COUNT(shapes); i++) {
        uint32_t n = (uint32_t)strlen(shapes[i]);
        char text[512];

        CHECK(n < sizeof text);
        for (uint32_t cut = 0; cut < n; cut++)
            CHECK(!read_n(shapes[i], cut));
        memcpy(text, shapes[i], n);
        text[n] = 'x';
        CHECK(!read_n(text, n + 1));        /* something follows */
        for (uint32_t at = 0; at < n; at++) /* any byte for another: read or refused, never worse */
            for (int c = 0; c < 256; c++) {
                text[at] = (char)c;
                (void)read_n(text, n);
                text[at] = shapes[i][at];
            }
    }
}

static void test_what_is_no_json_or_says_too_little_is_refused(void)
{
    static const char *const bad[] = {
        "",
        "[]",
        "null",
        "{",
        "}",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"x\":1,}",
        "{\"x\":1 \"y\":2}",
        "{x:1}",
        "{\"x\":tru}",
        "{\"x\":[1,]}",
        "{\"x\":[1}",
        "{\"x\":{\"y\":1]}",
        "{\"x\":\"\n\"}",
        "{\"x\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}", /* deeper than anything is */
        "{\"u\":-1}",
        "{\"u\":1.5}",
        "{\"u\":\"1\"}",
        "{\"u\":18446744073709551616}",
        "{\"u\":1,\"u\":2}", /* which one? */
        "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1,\"u\":2,\"b\":[]}",
        "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1,\"u\":2,\"b\":\"1\",\"a\":[]}",
        "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":3,\"u\":2,\"b\":[],\"a\":[]}",
        "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":0,\"u\":2,\"b\":[],\"a\":[]}",
        "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":3,\"u\":4,\"pu\":3,\"b\":[],\"a\":[]}",
        "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":3,\"u\":18446744073709551615,\"b\":[],\"a\":[]}",
        "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1,\"u\":2,\"b\":[[\"1\"]],\"a\":[]}",
        "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1,\"u\":2,\"b\":[[\"1\",\"2\",[]]],\"a\":[]}",
        "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1,\"u\":2,\"b\":[[1,2]],\"a\":[]}",
        "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1,\"u\":2,\"b\":[[\"-1\",\"2\"]],\"a\":[]}",
        "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1,\"u\":2,\"b\":[[\"1e3\",\"2\"]],\"a\":[]}",
        "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1,\"u\":2,\"b\":[[\".5\",\"2\"]],\"a\":[]}",
        "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1,\"u\":2,\"b\":[[\"5.\",\"2\"]],\"a\":[]}",
        "{\"lastUpdateId\":5,\"bids\":[]}",
        "{\"lastUpdateId\":18446744073709551615,\"bids\":[],\"asks\":[]}",
        "{\"e\":\"trade\",\"s\":\"A\",\"p\":\"1\",\"q\":\"1\"}",
        "{\"e\":\"bookTicker\",\"s\":\"A\",\"u\":1,\"b\":\"1\",\"B\":\"1\",\"a\":\"1\"}",
        "{\"u\":1,\"data\":{\"u\":2}}",
        "{\"data\":{},\"data\":{}}",
    };

    for (unsigned i = 0; i < RL_COUNT(bad); i++)
        if (read(bad[i])) {
            fprintf(stderr, "was read: %s\n", bad[i]);
            exit(1);
        }
}

static void test_decimals_are_exact_or_refused(void)
{
    static const struct {
        const char *text;
        uint32_t n_decimals;
        int64_t value; /* -1: refused */
    } cases[] = {
        {"0", 9, 0},
        {"61800.20", 9, 61800200000000},
        {"0.000000001", 9, 1},
        {"0.0000000010", 9, 1},
        {"0.0000000001", 9, -1},
        {"9223372036.854775807", 9, INT64_MAX},
        {"9223372036.854775808", 9, -1},
        {"99999999999999999999", 0, -1},
        {"5.0", 0, 5},
        {"5.5", 0, -1},
        {"12", 18, -1},
        {"9", 18, 9000000000000000000},
        {"1", 19, -1},
        {"", 3, -1},
        {"1.", 3, -1},
        {".1", 3, -1},
        {"1.2.3", 3, -1},
        {"+1", 3, -1},
    };

    for (unsigned i = 0; i < RL_COUNT(cases); i++) {
        uint64_t v = 0;
        bool is_good;

        b.text = (const uint8_t *)cases[i].text;
        is_good =
            rl_binance_decimal(&b, (struct rl_binance_text){0, (uint32_t)strlen(cases[i].text)},
                               cases[i].n_decimals, &v);
        CHECK_EQ(is_good, cases[i].value >= 0);
        CHECK(!is_good || v == (uint64_t)cases[i].value);
    }
}

int main(void)
{
    test_diffs_say_what_they_cover_and_continue();
    test_snapshots_best_prices_and_trades_are_read();
    test_text_that_is_cut_or_changed_anywhere_is_no_other_message();
    test_what_is_no_json_or_says_too_little_is_refused();
    test_decimals_are_exact_or_refused();
    return 0;
}
