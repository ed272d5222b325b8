/*
 * FIX: every path of the parser against a plain one that looks at a byte at a time, first with the
 * input as a message, then with the input as the body of a message that frames. What parses is
 * walked by its groups, held against a dictionary, and encoded again to the same bytes. As a
 * stream, the input gives the same messages wherever it is split.
 */
#include "fuzz.h"
#include "fuzz_dict.h"
#include "market/fix/fix.h"
#include "market/fix/group.h"

enum { MAX_FIELDS = 64 };

/* --- the plain parser: the rules as they are written down ------------------------------------- */

static bool plain_tag(const uint8_t *s, uint32_t n, uint32_t *at, uint32_t *tag)
{
    uint64_t v = 0;
    uint32_t i = 0;

    for (; i < n && s[i] >= '0' && s[i] <= '9' && i < 10; i++)
        v = v * 10 + (s[i] - (uint32_t)'0');
    *at = i + 1;
    *tag = (uint32_t)v;
    return i > 0 && i < n && s[0] != '0' && s[i] == '=' && v <= INT32_MAX;
}

static enum rl_fix_result plain_fields(const uint8_t *b, uint32_t trailer, struct rl_fix_field *f,
                                       uint32_t n_max, uint32_t *n_fields)
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
        if (end == value || *n_fields + 1 >= n_max)
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
                                      uint32_t n_max, uint32_t *n_fields)
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
    result = plain_fields(b, n - 7, f, n_max, n_fields);
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
        (void)rl_fix_char(m, f);
        /* The readers of a field may look beyond the value; those of bytes may not. */
        {
            uint8_t *copy = fuzz_exactly(rl_fix_value(m, f), f->len);
            int64_t again = 0, number, number_again;
            uint64_t u = 0;
            bool is_int = rl_fix_int(m, f, &number);

            CHECK_EQ(rl_fix_read_px(copy, f->len, &again), is_px);
            CHECK(!is_px || again == px);
            CHECK_EQ(rl_fix_read_uint(copy, f->len, &u), rl_fix_uint(m, f, &v));
            CHECK(!rl_fix_uint(m, f, &v) || u == v);
            CHECK_EQ(rl_fix_read_int(copy, f->len, &number_again), is_int);
            CHECK(!is_int || number == number_again);
            if (rl_fix_read_time(copy, f->len, &ns)) {
                char text[RL_FIX_TIME_CHARS];
                uint64_t ns_again = 0;
                uint32_t n_text = rl_fix_print_time(text, ns, 9);

                CHECK(rl_fix_read_time((const uint8_t *)text, n_text, &ns_again));
                CHECK_EQ(ns_again, ns);
            }
            if (is_px) {
                char text[RL_FIX_PX_CHARS];
                uint32_t n_text = rl_fix_print_px(text, px);

                CHECK(rl_fix_read_px((const uint8_t *)text, n_text, &again) && again == px);
            }
            free(copy);
        }
    }
}

/* --- groups ----------------------------------------------------------------------------------- */

/* Entries follow each other from the count on, none is empty, and a good walk has all of them. */
static void check_group(const struct rl_fix_msg *m, uint32_t count_at,
                        const struct rl_fix_group_spec *spec)
{
    uint32_t end = m->n_fields - 1, n = 0, at = count_at + 1;
    struct rl_fix_group g;
    struct rl_fix_entry e;

    if (!rl_fix_group_open(&g, m, count_at, end, spec)) {
        CHECK_EQ(g.result, RL_FIX_REJECT);
        return;
    }
    while (rl_fix_group_next(&g, &e)) {
        CHECK(e.from == at && e.to > e.from && e.to <= end);
        CHECK_EQ(m->fields[e.from].tag, g.delimiter);
        CHECK(rl_fix_entry_find(m, &e, g.delimiter) == &m->fields[e.from]);
        at = e.to;
        n++;
    }
    CHECK(n <= g.n_entries);
    CHECK_EQ(g.result == RL_FIX_OK,
             n == g.n_entries && !(n > 0 && at < end && m->fields[at].tag == g.delimiter));
    CHECK(!rl_fix_group_next(&g, &e)); /* and stays at its end */
}

static void check_groups(const struct rl_fix_msg *m)
{
    static const uint32_t entry_tags[] = {279, 269, 55, 270, 271}, party_tags[] = {448, 452};
    static const struct rl_fix_group_spec parties = {
        .count_tag = 453, .delimiter = 448, .tags = party_tags, .n_tags = 2};
    static const struct rl_fix_group_spec entries = {
        .count_tag = 268, .tags = entry_tags, .n_tags = 5, .nested = &parties, .n_nested = 1};

    for (uint32_t i = 3; i + 1 < m->n_fields; i++) {
        check_group(m, i, NULL);
        check_group(m, i, &entries);
    }
}

/* --- encoding --------------------------------------------------------------------------------- */

/* Field by field through the general encoder: the same bytes, unless the length has zeros ahead. */
static void check_encode(const struct rl_fix_msg *m)
{
    const struct rl_fix_field *f = m->fields;
    uint32_t n_max = m->n_bytes + 2 * RL_FIX_HEAD_ROOM;
    char begin[32] = {0};
    struct rl_fix_enc e;
    uint8_t *out;

    if (f[0].len > 16 || rl_fix_value(m, &f[1])[0] == '0')
        return;
    out = malloc(n_max);
    CHECK(out != NULL);
    memcpy(begin, rl_fix_value(m, &f[0]), f[0].len);
    if (strlen(begin) == f[0].len) { /* the encoder takes a C string */
        rl_fix_begin(&e, out, n_max, begin);
        for (uint32_t i = 2; i + 1 < m->n_fields; i++)
            rl_fix_put(&e, f[i].tag, rl_fix_value(m, &f[i]), f[i].len);
        CHECK_EQ(rl_fix_finish(&e), m->n_bytes);
        CHECK(memcmp(out, m->bytes, m->n_bytes) == 0);
    }
    free(out);
}

/* --- parsing ---------------------------------------------------------------------------------- */

static struct rl_arena arena;
static struct rl_fix_dict dict;

/* A table of `n_max` fields; by every path that this CPU has. */
static enum rl_fix_result check_parse(const uint8_t *bytes, uint32_t n, uint32_t n_max)
{
    static struct rl_fix_field fields[MAX_FIELDS], plain[MAX_FIELDS];
    enum rl_fix_path best = rl_fix_path();
    enum rl_fix_result wanted;
    struct rl_fix_msg m = {0}, first = {0};
    uint32_t n_plain = 0;

    wanted = plain_parse(bytes, n, plain, n_max, &n_plain);
    for (unsigned path = 0; path < RL_FIX_N_PATHS; path++) {
        if (rl_fix_use((enum rl_fix_path)path) != 0)
            continue;
        memset(fields, 0xEE, sizeof fields);
        rl_fix_init(&m, fields, n_max);
        CHECK_EQ(rl_fix_parse(&m, bytes, n), wanted);
        if (first.bytes == NULL)
            first = m;
        CHECK_EQ(m.type, first.type);
        if (wanted == RL_FIX_GARBLED)
            CHECK_EQ(m.n_fields, 0);
        else
            CHECK_EQ(m.n_fields, n_plain + (wanted == RL_FIX_OK));
        CHECK(memcmp(fields, plain, n_plain * sizeof *fields) == 0 || wanted == RL_FIX_GARBLED);
        if (wanted == RL_FIX_OK) {
            CHECK(fields[n_plain].tag == 10 && fields[n_plain].off == n - 4 &&
                  fields[n_plain].len == 3);
        } else {
            CHECK(m.what != NULL && m.ref_off <= n);
            CHECK_EQ(m.ref_off, first.ref_off);
            CHECK(wanted != RL_FIX_REJECT ||
                  (m.reason == first.reason && m.ref_tag == first.ref_tag));
        }
    }
    CHECK_EQ(rl_fix_use(best), 0);
    if (wanted == RL_FIX_OK) {
        check_values(&m);
        check_groups(&m);
        check_encode(&m);
        fuzz_validate(&dict, &m);
    }
    return wanted;
}

/* --- streams ---------------------------------------------------------------------------------- */

/* The messages of a stream of which more and more bytes are there; returns how many are good. */
static uint32_t read_stream(const uint8_t *bytes, size_t n, size_t piece, uint64_t *sum)
{
    static struct rl_fix_field fields[MAX_FIELDS];
    size_t at = 0, there = 0;
    uint32_t n_good = 0, n_used;
    struct rl_fix_msg m;

    *sum = 0;
    rl_fix_init(&m, fields, MAX_FIELDS);
    while (there < n) {
        there = there + piece < n ? there + piece : n;
        for (;;) {
            uint8_t *copy = fuzz_exactly(bytes + at, there - at);
            enum rl_fix_result result = rl_fix_next(&m, copy, there - at, &n_used);

            CHECK(n_used <= there - at);
            CHECK_EQ(result == RL_FIX_PARTIAL, n_used == 0);
            free(copy);
            if (result == RL_FIX_PARTIAL)
                break;
            if (result == RL_FIX_OK || result == RL_FIX_REJECT) {
                *sum = *sum * 31 + at * 7 + n_used + (result == RL_FIX_OK);
                n_good++;
            }
            at += n_used;
        }
    }
    return n_good;
}

static void check_stream(const uint8_t *bytes, size_t n)
{
    uint64_t sum_whole, sum_pieces;
    uint32_t n_whole = read_stream(bytes, n, n, &sum_whole);
    size_t piece = 1 + (n > 0 ? bytes[n - 1] % 97 : 0);

    CHECK_EQ(read_stream(bytes, n, piece, &sum_pieces), n_whole);
    CHECK_EQ(sum_pieces, sum_whole);
}

/* --- the target ------------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t n = (uint32_t)size, n_head, n_message;
    uint8_t *framed;

    if (size > FUZZ_MAX)
        return 0;
    if (!arena.base) {
        size_t n_bytes = rl_fix_dict_bytes(&fuzz_spec);

        CHECK(n_bytes > 0);
        CHECK_EQ(rl_arena_open(&arena, n_bytes, 0), 0);
        CHECK_EQ(rl_fix_dict_build(&dict, &arena, &fuzz_spec), 0);
    }
    (void)check_parse(data, n, MAX_FIELDS);
    check_stream(data, n);

    /* Within a frame that holds: what passes the checksum reaches the fields. */
    framed = malloc(n + 64);
    CHECK(framed != NULL);
    n_head = (uint32_t)snprintf((char *)framed, 64, "8=FIX.4.4\0019=%u\001", n);
    memcpy(framed + n_head, data, n);
    n_message = n_head + n;
    n_message += (uint32_t)snprintf((char *)framed + n_message, 8, "10=%03u\001",
                                    rl_fix_sum(framed, n_message));
    framed = realloc(framed, n_message);
    CHECK(framed != NULL);
    (void)check_parse(framed, n_message, MAX_FIELDS);
    (void)check_parse(framed, n_message, 6); /* a table that is soon full */
    free(framed);
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
        "35=X|34=7|49=S|56=T|52=20260921-13:24:22.123456789|268=2|279=0|269=1|453=2|448=A|452=7|"
        "448="
        "B|452=12|279=1|55=MSFT|270=-1.5|271=3|200=202612w5|",
        "35=D|34=1|43=Y|11=1|55=A|54=2|18=A BC A|453=1|448=X|",
        "35=0|34=2|112=TEST|",
        "35=B|34=2147483647|95=3|96=a|b|2147483647=x|",
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
