/*
 * Binance JSON, alone and as a file of lines: what is read is JSON by a plain reader too, what it
 * points at lies in the text, and the levels are as many as were counted.
 */
#include "fuzz_file.h"
#include "market/codec/binance.h"

/*
 * --- the plain reader ---------------------------------------------------------------------------
 *
 * JSON's structure, one rule a function. As loose as the reader on the inside of what the books do
 * not need: what follows a backslash, and the shape of a number.
 */

struct plain {
    const uint8_t *at;
    const uint8_t *end;
};

static bool plain_value(struct plain *p, unsigned depth);

static void plain_blanks(struct plain *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
}

static bool plain_char(struct plain *p, char c)
{
    plain_blanks(p);
    if (p->at == p->end || *p->at != (uint8_t)c)
        return false;
    p->at++;
    return true;
}

static bool plain_string(struct plain *p)
{
    if (!plain_char(p, '"'))
        return false;
    while (p->at < p->end && *p->at != '"') {
        if (*p->at < 0x20)
            return false;
        if (*p->at++ == '\\' && p->at++ == p->end)
            return false;
    }
    return p->at++ < p->end;
}

static bool plain_number(struct plain *p)
{
    if (p->at < p->end && *p->at == '-')
        p->at++;
    if (p->at == p->end || *p->at < '0' || *p->at > '9')
        return false;
    while (p->at < p->end && *p->at != '\0' && strchr("0123456789.eE+-", *p->at) != NULL)
        p->at++;
    return true;
}

static bool plain_word(struct plain *p, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0)
        return false;
    p->at += n;
    return true;
}

/* After the opening bracket: members of an object, or values of an array. */
static bool plain_list(struct plain *p, bool is_object, unsigned depth)
{
    char end = is_object ? '}' : ']';

    if (plain_char(p, end))
        return true;
    do {
        if (is_object && (!plain_string(p) || !plain_char(p, ':')))
            return false;
        if (!plain_value(p, depth))
            return false;
    } while (plain_char(p, ','));
    return plain_char(p, end);
}

static bool plain_value(struct plain *p, unsigned depth)
{
    if (depth > 200)
        return false;
    plain_blanks(p);
    if (p->at == p->end)
        return false;
    switch (*p->at) {
    case '{':
    case '[':
        return plain_list(p, *p->at++ == '{', depth + 1);
    case '"':
        return plain_string(p);
    case 't':
        return plain_word(p, "true");
    case 'f':
        return plain_word(p, "false");
    case 'n':
        return plain_word(p, "null");
    default:
        return plain_number(p);
    }
}

static bool plain_is_object(const uint8_t *text, uint32_t n)
{
    struct plain p = {text, text + n};

    plain_blanks(&p);
    if (p.at == p.end || *p.at != '{' || !plain_value(&p, 0))
        return false;
    plain_blanks(&p);
    return p.at == p.end;
}

/* --- what was read ---------------------------------------------------------------------------- */

static void check_text(struct rl_binance_text t, uint32_t n)
{
    CHECK(t.at <= n && t.n <= n - t.at);
}

static void check_levels(const struct rl_binance *b, unsigned side, uint32_t n)
{
    struct rl_binance_text at = b->levels[side];
    uint32_t n_levels = 0, before = at.n;
    int64_t px_nano;
    uint64_t qty;
    bool is_good;

    check_text(at, n);
    while (rl_binance_level(b, &at, 8, &px_nano, &qty, &is_good)) {
        check_text(at, n);
        CHECK(at.n < before); /* it ends */
        before = at.n;
        CHECK(!is_good || px_nano >= 0);
        n_levels++;
    }
    CHECK_EQ(n_levels, b->n_levels[side]);
}

static void check_json(const uint8_t *text, uint32_t n)
{
    uint8_t *copy = fuzz_exactly(text, n);
    struct rl_binance b;
    uint64_t value;

    if (rl_binance_read(&b, copy, n)) {
        CHECK(plain_is_object(copy, n));
        CHECK(b.kind <= RL_BINANCE_TRADE);
        check_text(b.symbol, n);
        if (b.kind == RL_BINANCE_DEPTH || b.kind == RL_BINANCE_SNAPSHOT)
            for (unsigned side = 0; side < 2; side++)
                check_levels(&b, side, n);
        if (b.kind == RL_BINANCE_DEPTH)
            CHECK(b.first <= b.last);
        for (unsigned i = 0; i < 2; i++) {
            check_text(b.px[i], n);
            check_text(b.qty[i], n);
            if (b.kind == RL_BINANCE_TICKER || (b.kind == RL_BINANCE_TRADE && i == 0)) {
                (void)rl_binance_decimal(&b, b.px[i], 9, &value);
                (void)rl_binance_decimal(&b, b.qty[i], 8, &value);
            }
        }
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t n;

    if (size > FUZZ_MAX)
        return 0;
    check_json(data, (uint32_t)size);
    n = fuzz_file(RL_SOURCE_BINANCE, data, size);
    for (uint64_t i = 0; i < n; i++) {
        CHECK(memchr(data + fuzz_recs[i].offset, '\n', fuzz_recs[i].n_bytes) == NULL);
        check_json(data + fuzz_recs[i].offset, fuzz_recs[i].n_bytes);
    }
    return 0;
}

/* --- seeds ------------------------------------------------------------------------------------ */

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    static const char *const texts[] = {
        "{\"e\":\"depthUpdate\",\"E\":1723075200021,\"T\":1723075200010,\"s\":\"BTCUSDT\",\"U\":10,"
        "\"u\":12,\"pu\":9,\"b\":[[\"55010.10\",\"1.500\"],[\"55010.00\",\"0\"]],\"a\":[[\"55010."
        "20\",\"2\"]]}",
        "{\"stream\":\"btcusdt@depth@0ms\",\"data\":{\"e\":\"depthUpdate\",\"E\":1,\"s\":\"X\","
        "\"U\":13,\"u\":13,\"b\":[],\"a\":[]}}",
        "{\"lastUpdateId\":9,\"E\":5,\"T\":4,\"bids\":[[\"1.0\",\"2\"],[\"0.9\",\"3\"]],\"asks\":[["
        "\"1.1\",\"4\"]]}",
        "{\"stream\":\"btcusdt@bookTicker\",\"data\":{\"e\":\"bookTicker\",\"u\":12,\"s\":"
        "\"BTCUSDT\",\"b\":\"1.0\",\"B\":\"2\",\"a\":\"1.1\",\"A\":\"4\",\"T\":6,\"E\":7}}",
        "{\"e\":\"trade\",\"E\":8,\"T\":8,\"s\":\"BTCUSDT\",\"t\":77,\"p\":\"1.05\",\"q\":\"0.001\""
        ",\"X\":\"MARKET\",\"m\":true}",
        "{\"result\":null,\"id\":1,\"x\":[1,-2.5e3,{\"y\":\"\\u00e9\\n\"}],\"z\":false}",
    };
    size_t n = 0;

    if (i < RL_COUNT(texts)) {
        n = strlen(texts[i]);
        memcpy(out, texts[i], n);
        return n;
    }
    if (i > RL_COUNT(texts))
        return 0;
    for (unsigned k = 0; k < RL_COUNT(texts); k++)
        n += (size_t)snprintf((char *)out + n, FUZZ_MAX - n, "17230752000210000%02u %s\n", k,
                              texts[k]);
    return n;
}
