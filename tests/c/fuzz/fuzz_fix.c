/*
 * The FIX parser against a plain one that looks at a byte at a time, and the feed and books behind
 * it: first with the input as a message, then with the input as the body of a message that frames.
 */
#include <string.h>

#include "../check.h"
#include "base/mem.h"
#include "fuzz.h"
#include "market/book/book.h"
#include "market/feed/feed.h"
#include "market/fix/fix.h"

enum { MAX_FIELDS = 64 };

/* --- the plain parser: the rules as they are written down ------------------------------------- */

static bool plain_tag(const uint8_t *s, uint32_t n, uint32_t *at, uint32_t *tag)
{
    uint32_t v = 0, i = 0;

    for (; i < n && s[i] >= '0' && s[i] <= '9' && i < 7; i++)
        v = v * 10 + (s[i] - (uint32_t)'0');
    *at = i + 1;
    *tag = v;
    return i > 0 && i < n && s[0] != '0' && s[i] == '=';
}

static enum rl_fix_result plain_fields(const uint8_t *b, uint32_t trailer, struct rl_fix_field *f,
                                       uint32_t *n_fields)
{
    uint32_t at = 0, data_tag = 0;
    uint64_t n_data = 0;

    *n_fields = 0;
    while (at < trailer) {
        uint32_t value, tag, end;

        if (!plain_tag(b + at, trailer - at, &value, &tag))
            return RL_FIX_REJECT;
        value += at;
        if (data_tag == tag) {
            if (n_data >= trailer - value)
                return RL_FIX_REJECT;
            end = value + (uint32_t)n_data;
            if (b[end] != RL_FIX_SOH)
                return RL_FIX_REJECT;
        } else {
            for (end = value; b[end] != RL_FIX_SOH;)
                end++; /* the body ends in SOH: the frame was checked */
        }
        if (end == value || *n_fields + 1 >= MAX_FIELDS)
            return RL_FIX_REJECT;
        f[(*n_fields)++] = (struct rl_fix_field){tag, value, end - value};
        data_tag = rl_fix_data_tag(tag);
        if (data_tag != 0 && !rl_fix_read_uint(b + value, end - value, &n_data))
            return RL_FIX_REJECT;
        at = end + 1;
    }
    return at == trailer ? RL_FIX_OK : RL_FIX_REJECT;
}

static enum rl_fix_result plain_parse(const uint8_t *b, uint32_t n, struct rl_fix_field *f,
                                      uint32_t *n_fields)
{
    uint32_t n_message, sum = 0, check = 0;
    enum rl_fix_result result;

    if (rl_fix_frame(b, n, &n_message) != RL_FIX_OK || n_message != n)
        return RL_FIX_GARBLED;
    for (uint32_t i = 0; i < n - 7; i++)
        sum += b[i];
    for (uint32_t i = n - 4; i < n - 1; i++) {
        if (b[i] < '0' || b[i] > '9')
            return RL_FIX_GARBLED;
        check = check * 10 + (b[i] - (uint32_t)'0');
    }
    if (check != sum % 256)
        return RL_FIX_GARBLED;
    result = plain_fields(b, n - 7, f, n_fields);
    /*
     * 8, 9 and the third tag: looked at as bytes, since what is no field is a frame problem here.
     */
    for (uint32_t i = 0, k = 0; i < n - 7; i++)
        if (b[i] == RL_FIX_SOH && ++k == 2)
            return memcmp(b + i + 1, "35=", 3) == 0 ? result : RL_FIX_GARBLED;
    return RL_FIX_GARBLED;
}

/* --- values ----------------------------------------------------------------------------------- */

/* The same decimal with 128 bits; false when this cannot tell. */
static bool plain_decimal(const uint8_t *s, uint32_t n, int64_t *out)
{
    __int128 v = 0;
    uint32_t i = n > 0 && s[0] == '-', n_decimals = 0, digits = 0;
    bool point = false, up = false;

    for (; i < n; i++) {
        if (s[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (s[i] < '0' || s[i] > '9')
            return false;
        digits++;
        if (point && n_decimals >= 9) {
            up |= n_decimals++ == 9 && s[i] >= '5';
            continue;
        }
        n_decimals += point;
        v = v * 10 + (s[i] - '0');
        if (v > (__int128)INT64_MAX * 1000)
            return false;
    }
    for (; n_decimals < 9; n_decimals++)
        v *= 10;
    v += up;
    if (digits == 0 || v > INT64_MAX)
        return false;
    *out = s[0] == '-' ? (int64_t)-v : (int64_t)v;
    return true;
}

static void check_values(const struct rl_fix_msg *m)
{
    for (uint32_t i = 0; i < m->n_fields; i++) {
        const struct rl_fix_field *f = &m->fields[i];
        int64_t px = 0, wanted = 0;
        uint64_t v, ns;
        bool is_px = rl_fix_px(m, f, &px);

        CHECK_EQ(is_px, plain_decimal(rl_fix_value(m, f), f->len, &wanted));
        CHECK_EQ(px, wanted);
        if (rl_fix_uint(m, f, &v) && v <= INT64_MAX / RL_NANO_PER_UNIT)
            CHECK(is_px && px == (int64_t)v * RL_NANO_PER_UNIT);
        (void)rl_fix_read_time(rl_fix_value(m, f), f->len, &ns);
        (void)rl_fix_char(m, f);
    }
}

static enum rl_fix_result check_parse(const uint8_t *bytes, uint32_t n)
{
    static struct rl_fix_field fields[MAX_FIELDS], plain[MAX_FIELDS];
    struct rl_fix_msg m;
    uint32_t n_plain = 0;
    enum rl_fix_result result;

    rl_fix_init(&m, fields, MAX_FIELDS);
    result = rl_fix_parse(&m, bytes, n);
    CHECK_EQ(result, plain_parse(bytes, n, plain, &n_plain));
    if (result != RL_FIX_OK) {
        CHECK(m.what != NULL && m.ref_off <= n);
        return result;
    }
    CHECK_EQ(m.n_fields, n_plain + 1);
    CHECK(memcmp(fields, plain, n_plain * sizeof *fields) == 0);
    check_values(&m);
    return result;
}

/* --- the target ------------------------------------------------------------------------------- */

static struct rl_arena arena;
static struct rl_books books;
static struct rl_feed feed;

static void play(const uint8_t *bytes, uint32_t n)
{
    struct rl_feed_cursor c;
    struct rl_update u;
    uint32_t n_updates = 0;

    if (!rl_feed_open(&feed, bytes, n, &c))
        return;
    while (rl_feed_next(&feed, &c, &u)) {
        CHECK(++n_updates <= n); /* it ends */
        CHECK(u.op < RL_N_OPS);
        CHECK((u.op != RL_OP_ADD && u.op != RL_OP_LEVEL && u.op != RL_OP_MODIFY) ||
              u.side <= RL_SELL);
        CHECK(u.op == RL_OP_NONE || u.instrument < feed.n_instruments);
        rl_books_apply(&books, &u);
    }
}

static void open_once(void)
{
    struct rl_books_config books_config = {
        .n_instruments = 3, .n_orders = 64, .n_levels_per_side = 32};
    struct rl_feed_config feed_config = {.kind = RL_FEED_FIX, .n_instruments = 3};

    if (arena.base)
        return;
    CHECK_EQ(rl_arena_open(&arena, rl_books_bytes(&books_config) + rl_feed_bytes(&feed_config), 0),
             0);
    CHECK_EQ(rl_books_init(&books, &arena, &books_config), 0);
    CHECK_EQ(rl_feed_init(&feed, &arena, &feed_config), 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t n = size > FUZZ_MAX ? FUZZ_MAX : (uint32_t)size, n_head, n_message;
    uint8_t *framed;

    open_once();
    (void)check_parse(data, n);
    play(data, n);

    /* Within a frame that holds: what passes the checksum reaches the fields, the feed and the
     * books. */
    framed = malloc(n + 64);
    CHECK(framed != NULL);
    n_head = (uint32_t)snprintf((char *)framed, 64, "8=FIX.4.4\0019=%u\001", n);
    memcpy(framed + n_head, data, n);
    n_message = n_head + n;
    n_message += (uint32_t)snprintf((char *)framed + n_message, 8, "10=%03u\001",
                                    rl_fix_sum(framed, n_message));
    framed = realloc(framed, n_message);
    CHECK(framed != NULL);
    if (check_parse(framed, n_message) == RL_FIX_OK)
        play(framed, n_message);
    free(framed);
    feed.next_seq = 0; /* or one large number would make the rest repeats */
    feed.next_appl_seq = 0;
    CHECK_EQ(rl_books_check(&books, NULL), 0);
    return 0;
}

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    static const char *const bodies[] = {
        "35=X|34=5|52=20260921-13:55:15.123|268=2|279=0|269=0|278=17|55=ABC|270=10.25|271=100|279="
        "1|"
        "269=1|278=17|55=ABC|270=10.5|271=50|",
        "35=X|34=6|268=2|279=2|269=0|278=17|55=ABC|279=0|269=1|55=DEF|270=40707.160000000006|271="
        "3|",
        "35=W|34=7|55=ABC|268=3|269=0|270=10|271=5|269=1|278=E0000888|270=11|271=6|269=J|",
        "35=B|34=8|95=9|96=a|b=c|10=|58=x=y=z|354=2|355=||148=-8.539999999999|",
        "35=4|34=9|36=20|123=N|",
        "35=A|34=1|141=Y|98=0|108=30|1181=77|",
        "35=D|34=1|11=ORDER|55=MSFT|54=1|38=100|44=682.5358|40=2|59=0|60=20260921-13:24:22|",
    };
    uint32_t n, n_body;
    bool is_framed = i >= RL_COUNT(bodies); /* each once as a body, once as a message */

    if (i >= 2 * RL_COUNT(bodies))
        return 0;
    i %= RL_COUNT(bodies);
    n_body = (uint32_t)strlen(bodies[i]);
    n = is_framed ? (uint32_t)snprintf((char *)out, FUZZ_MAX, "8=FIX.4.4|9=%u|", n_body) : 0;
    memcpy(out + n, bodies[i], n_body);
    n += n_body;
    for (uint32_t k = 0; k < n; k++)
        out[k] = out[k] == '|' ? RL_FIX_SOH : out[k];
    if (is_framed)
        n += (uint32_t)snprintf((char *)out + n, FUZZ_MAX - n, "10=%03u\001", rl_fix_sum(out, n));
    return n;
}
