/*
 * The feeds that are not ITCH, from packets to books: DBN (bare and in MoldUDP64), FIX, Binance,
 * and the two that are read to the sequence level. The input is one byte for the feed, then frames
 * {length u16, bytes}. The books must be whole after it.
 */
#include "fuzz_play.h"
#include "market/codec/ice.h"
#include "market/codec/mdp3.h"

static const struct rl_feed_config configs[] = {
    {.kind = RL_FEED_DBN, .n_instruments = FUZZ_N_INSTRUMENTS, .mold = true},
    {.kind = RL_FEED_DBN, .n_instruments = FUZZ_N_INSTRUMENTS},
    {.kind = RL_FEED_FIX, .n_instruments = FUZZ_N_INSTRUMENTS, .n_qty_decimals = 2},
    {.kind = RL_FEED_BINANCE, .n_instruments = FUZZ_N_INSTRUMENTS, .n_qty_decimals = 8},
    {.kind = RL_FEED_MDP3, .n_instruments = FUZZ_N_INSTRUMENTS},
    {.kind = RL_FEED_ICE, .n_instruments = FUZZ_N_INSTRUMENTS},
};

static struct rl_feed feeds[RL_COUNT(configs)];

/* FIX is only read behind a checksum that nobody guesses: the frame is put around the body. */
static uint32_t frame_fix(const uint8_t *body, uint32_t n, uint8_t *out)
{
    uint32_t at = (uint32_t)snprintf((char *)out, 64, "8=FIX.4.4\0019=%u\001", n);

    memcpy(out + at, body, n);
    at += n;
    return at + (uint32_t)snprintf((char *)out + at, 8, "10=%03u\001", rl_fix_sum(out, at));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t framed[FUZZ_MAX + 128];
    struct rl_feed *feed;
    size_t at = 1;

    if (size < 1 || size > FUZZ_MAX)
        return 0;
    fuzz_open(feeds, configs, RL_COUNT(configs));
    feed = &feeds[data[0] % RL_COUNT(configs)];
    while (size - at >= 2) {
        uint32_t n = rl_be16(data + at);

        at += 2;
        n = n < size - at ? n : (uint32_t)(size - at);
        fuzz_play(feed, data + at, n);
        if (feed->kind == RL_FEED_FIX)
            fuzz_play(feed, framed, frame_fix(data + at, n, framed));
        at += n;
    }
    CHECK_EQ(rl_books_check(&fuzz_books, NULL), 0);
    return 0;
}

/* --- seeds ------------------------------------------------------------------------------------ */

static uint32_t dbn_record(uint8_t *m, unsigned k)
{
    struct rl_dbn_mbo r = {.id = k % 5,
                           .px_nano = 1 + k % 3,
                           .qty = 1 + k,
                           .instrument = k % 2,
                           .sequence = k,
                           .action = "AAMCRTF"[k % 7],
                           .side = k & 1 ? 'A' : 'B',
                           .flags = k < 4 ? RL_DBN_FLAG_SNAPSHOT : 0};

    return rl_dbn_put_mbo(m, &r);
}

static uint32_t text_frame(uint8_t *out, const char *text)
{
    uint32_t n = (uint32_t)strlen(text);

    for (uint32_t i = 0; i < n; i++)
        out[i] = text[i] == '|' ? RL_FIX_SOH : (uint8_t)text[i];
    return n;
}

static uint32_t seed_frame(unsigned feed, unsigned k, uint8_t *out)
{
    static const char *const fix[] = {
        "35=X|34=5|52=20260921-13:55:15.123|268=2|279=0|269=0|278=17|55=ABC|270=10.25|271=100|279="
        "1|269=1|278=17|55=ABC|270=10.5|271=50|",
        "35=X|34=6|268=2|279=2|269=0|278=17|55=ABC|279=0|269=1|55=DEF|270=40707.160000000006|271="
        "3|",
        "35=W|34=7|55=ABC|268=3|269=0|270=10|271=5|269=1|278=E0000888|270=11|271=6|269=J|",
        "35=X|34=8|1181=77|268=1|279=0|269=0|55=ABC|270=1|271=2|", "35=0|34=9|112=T|"};
    static const char *const binance[] = {
        "{\"e\":\"depthUpdate\",\"E\":1,\"s\":\"BTCUSDT\",\"U\":8,\"u\":10,\"pu\":7,\"b\":[[\"1."
        "5\",\"2\"]],\"a\":[]}",
        "{\"lastUpdateId\":9,\"bids\":[[\"1.0\",\"2\"],[\"0.9\",\"3\"]],\"asks\":[[\"1.1\","
        "\"4\"]]}",
        "1723075200021000000 {\"stream\":\"btcusdt@depth\",\"data\":{\"e\":\"depthUpdate\",\"E\":2,"
        "\"s\":\"BTCUSDT\",\"U\":11,\"u\":12,\"pu\":10,\"b\":[[\"1.0\",\"0\"]],\"a\":[[\"1.2\","
        "\"1\"]]}}",
        "{\"e\":\"bookTicker\",\"u\":12,\"s\":\"BTCUSDT\",\"b\":\"1.0\",\"B\":\"2\",\"a\":\"1.1\","
        "\"A\":\"4\",\"T\":6,\"E\":7}",
        "{\"e\":\"trade\",\"E\":8,\"T\":8,\"s\":\"BTCUSDT\",\"t\":77,\"p\":\"1.05\",\"q\":\"0."
        "001\",\"m\":true}"};
    uint8_t m[RL_DBN_MBO_BYTES];
    struct rl_mold_writer w;

    switch (configs[feed].kind) {
    case RL_FEED_DBN:
        if (!configs[feed].mold)
            return dbn_record(out, k);
        rl_mold_begin(&w, out, 512, k < 4 ? "SESSION  1" : "SESSION  2", k < 4 ? 2 * k + 1 : 1);
        for (unsigned i = 0; i < 2; i++)
            CHECK(rl_mold_add(&w, m, dbn_record(m, 2 * k + i)));
        return rl_mold_finish(&w);
    case RL_FEED_FIX:
        return text_frame(out, fix[k % RL_COUNT(fix)]);
    case RL_FEED_BINANCE:
        return text_frame(out, binance[k % RL_COUNT(binance)]);
    case RL_FEED_ICE:
        return rl_ice_put(out, 7, 100 + 2 * k, 1234567, 3, 2);
    default:
        return rl_mdp3_put(out, 1 + k + (k > 3), 1000 * k, 2);
    }
}

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    size_t n = 1;

    if (i >= RL_COUNT(configs))
        return 0;
    out[0] = (uint8_t)i;
    for (unsigned k = 0; k < 6; k++) {
        uint32_t n_frame = seed_frame(i, k, out + n + 2);

        rl_put_be16(out + n, (uint16_t)n_frame);
        n += 2 + n_frame;
    }
    return n;
}
