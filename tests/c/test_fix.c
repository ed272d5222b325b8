/* FIX: frames, fields and values are read exactly, and nothing that is wrong is taken for right. */
#include "check.h"

#include <string.h>

#include "market/fix/fix.h"

static struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
static struct rl_fix_msg msg = {.fields = fields, .n_fields_max = RL_FIX_MAX_FIELDS};

/* A message whose bytes end where the memory ends: a sanitizer sees one byte too many. */
struct message {
    uint8_t *bytes;
    uint32_t n;
};

/* "|" stands for SOH; BodyLength and CheckSum are put around the body unless `frame` is false. */
static struct message make(const char *body, size_t n_body)
{
    struct message m;
    char text[4096], head[64];
    uint32_t n_head, sum = 0, n = 0;

    n_head = (uint32_t)snprintf(head, sizeof head, "8=FIX.4.4|9=%zu|", n_body);
    memcpy(text, head, n_head);
    memcpy(text + n_head, body, n_body);
    n = n_head + (uint32_t)n_body;
    for (uint32_t i = 0; i < n; i++) {
        text[i] = text[i] == '|' ? RL_FIX_SOH : text[i];
        sum += (uint8_t)text[i];
    }
    n += (uint32_t)snprintf(text + n, sizeof text - n, "10=%03u\001", sum % 256);
    m.bytes = malloc(n);
    CHECK(m.bytes != NULL);
    memcpy(m.bytes, text, n);
    m.n = n;
    return m;
}

static enum rl_fix_result parse(const char *body)
{
    static struct message last;

    free(last.bytes); /* the one before: what was parsed last can still be looked at */
    last = make(body, strlen(body));
    return rl_fix_parse(&msg, last.bytes, last.n);
}

static enum rl_fix_result parse_raw(const char *text)
{
    struct message m = {.n = (uint32_t)strlen(text)};
    enum rl_fix_result result;

    m.bytes = malloc(m.n ? m.n : 1);
    CHECK(m.bytes != NULL);
    memcpy(m.bytes, text, m.n);
    for (uint32_t i = 0; i < m.n; i++)
        m.bytes[i] = m.bytes[i] == '|' ? RL_FIX_SOH : m.bytes[i];
    result = rl_fix_parse(&msg, m.bytes, m.n);
    free(m.bytes);
    return result;
}

static bool value_is(uint32_t tag, const char *text)
{
    const struct rl_fix_field *f = rl_fix_find(&msg, tag, 0);

    return f && f->len == strlen(text) && memcmp(rl_fix_value(&msg, f), text, f->len) == 0;
}

static void test_a_message_is_read_field_by_field(void)
{
    uint64_t v;

    CHECK_EQ(parse("35=X|34=1000|49=A|268=2|279=0|270=1.5|279=1|270=-2|"), RL_FIX_OK);
    CHECK_EQ(msg.n_fields, 11);
    CHECK_EQ(msg.type, RL_FIX_TYPE1('X'));
    CHECK_EQ(msg.fields[0].tag, RL_FIX_BeginString);
    CHECK_EQ(msg.fields[1].tag, RL_FIX_BodyLength);
    CHECK_EQ(msg.fields[2].tag, RL_FIX_MsgType);
    CHECK_EQ(msg.fields[10].tag, RL_FIX_CheckSum);
    CHECK(value_is(8, "FIX.4.4") && value_is(34, "1000") && value_is(270, "1.5"));
    CHECK(rl_fix_uint(&msg, rl_fix_find(&msg, 34, 0), &v) && v == 1000);
    CHECK(rl_fix_find(&msg, 270, 9) == &msg.fields[9]); /* the second entry's */
    CHECK(rl_fix_find(&msg, 44, 0) == NULL);
    CHECK_EQ(parse("35=AE|571=x|"), RL_FIX_OK);
    CHECK_EQ(msg.type, RL_FIX_TYPE2('A', 'E'));
    CHECK_EQ(parse("35=UXYZ|"), RL_FIX_OK);
    CHECK_EQ(msg.type, 0);
    CHECK_EQ(parse("35=0|"), RL_FIX_OK); /* the shortest */
}

static void test_an_equals_sign_in_a_value_belongs_to_the_value(void)
{
    CHECK_EQ(parse("35=B|58=a=b==|148==|"), RL_FIX_OK);
    CHECK(value_is(58, "a=b==") && value_is(148, "="));
}

static void test_raw_data_may_hold_any_byte(void)
{
    static const uint32_t pairs[][2] = {
        {95, 96},   {93, 89},   {90, 91},     {212, 213},   {348, 349},   {350, 351},    {352, 353},
        {354, 355}, {356, 357}, {358, 359},   {360, 361},   {362, 363},   {364, 365},    {445, 446},
        {618, 619}, {621, 622}, {1184, 1185}, {1525, 1527}, {2372, 2371}, {43111, 42982}};

    for (uint32_t i = 0; i < RL_COUNT(pairs); i++) {
        char body[256];

        CHECK_EQ(rl_fix_data_tag(pairs[i][0]), pairs[i][1]);
        snprintf(body, sizeof body, "35=B|%u=28|%u=a|b=c|10=000|8=FIX.4.4|9=1|z|58=text|",
                 pairs[i][0], pairs[i][1]);
        CHECK_EQ(parse(body), RL_FIX_OK);
        CHECK_EQ(msg.n_fields, 7);
        CHECK_EQ(msg.fields[4].tag, pairs[i][1]);
        CHECK_EQ(msg.fields[4].len, 28);
        CHECK(value_is(58, "text"));
    }
    CHECK_EQ(parse("35=B|95=1|96=||58=x|"), RL_FIX_OK); /* one SOH */
    CHECK_EQ(msg.fields[4].len, 1);
    CHECK_EQ(parse("35=B|95=5|58=x|"), RL_FIX_OK); /* a length that nothing follows */
    CHECK_EQ(rl_fix_data_tag(383), 0);
}

static void test_raw_data_that_lies_about_its_length_is_rejected(void)
{
    CHECK_EQ(parse("35=B|95=3|96=ab|58=x|"), RL_FIX_REJECT);
    CHECK_EQ(msg.reason, RL_FIX_BAD_FORMAT);
    CHECK_EQ(msg.ref_tag, 96);
    CHECK_EQ(parse("35=B|95=1|96=ab|58=x|"), RL_FIX_REJECT);
    CHECK_EQ(parse("35=B|95=4000000000|96=ab|58=x|"), RL_FIX_REJECT);
    CHECK_EQ(parse("35=B|95=99999999999999999999|96=ab|"), RL_FIX_REJECT);
    CHECK_EQ(parse("35=B|95=x|96=ab|58=x|"), RL_FIX_REJECT);
    CHECK_EQ(msg.ref_tag, 95);
    CHECK_EQ(parse("35=B|95=2|96=ab|58=x|"), RL_FIX_OK);
    CHECK_EQ(parse("35=B|95=3|96=ab|"), RL_FIX_REJECT); /* would take the trailer in */
}

static void test_a_field_that_is_none_is_rejected_with_its_place(void)
{
    CHECK_EQ(parse("35=D|44=|"), RL_FIX_REJECT);
    CHECK_EQ(msg.reason, RL_FIX_NO_VALUE);
    CHECK_EQ(msg.ref_tag, 44);
    CHECK_EQ(parse("35=D|44|38=1|"), RL_FIX_REJECT);
    CHECK_EQ(msg.reason, RL_FIX_INVALID_TAG);
    CHECK_EQ(parse("35=D|=5|"), RL_FIX_REJECT);
    CHECK_EQ(parse("35=D|0=5|"), RL_FIX_REJECT);
    CHECK_EQ(parse("35=D|044=5|"), RL_FIX_REJECT);
    CHECK_EQ(parse("35=D|4x=5|"), RL_FIX_REJECT);
    CHECK_EQ(parse("35=D|-4=5|"), RL_FIX_REJECT);
    CHECK_EQ(parse("35=D||44=5|"), RL_FIX_REJECT);
    CHECK_EQ(parse("35=D|\xFF\x34=5|"), RL_FIX_REJECT);
    CHECK_EQ(parse("35=D|12345678=5|"), RL_FIX_REJECT); /* no tag has eight digits */
    CHECK_EQ(parse("35=D|1234567=5|"), RL_FIX_OK);
    CHECK_EQ(msg.fields[3].tag, 1234567);
}

static void test_a_frame_that_does_not_hold_together_is_garbled(void)
{
    CHECK_EQ(parse_raw("8=FIX.4.4|9=5|35=0|10=163|"), RL_FIX_OK);
    CHECK_EQ(parse_raw("8=FIX.4.4|9=5|35=0|10=164|"), RL_FIX_GARBLED);
    CHECK(strcmp(msg.what, "CheckSum is wrong") == 0);
    CHECK_EQ(parse_raw("8=FIX.4.4|9=6|35=0|10=164|"), RL_FIX_GARBLED);
    CHECK_EQ(parse_raw("8=FIX.4.4|9=4|35=0|10=162|"), RL_FIX_GARBLED);
    CHECK_EQ(parse_raw("8=FIX.4.4|9=5|35=0|10=63|"), RL_FIX_GARBLED);
    CHECK_EQ(parse_raw("8=FIX.4.4|9=5|35=0|10=1 3|"), RL_FIX_GARBLED);
    CHECK_EQ(parse_raw("8=FIX.4.4|9=5|35=0|10=163|x"), RL_FIX_GARBLED);
    CHECK_EQ(parse_raw("8=FIX.4.4|9=5|35=0|10=163"), RL_FIX_GARBLED);
    CHECK_EQ(parse_raw("9=5|8=FIX.4.4|35=0|10=163|"), RL_FIX_GARBLED);
    CHECK_EQ(parse_raw("8=FIX.4.4|35=0|9=5|10=163|"), RL_FIX_GARBLED);
    CHECK_EQ(parse_raw("8=FIX.4.4|9=5|34=0|10=162|"), RL_FIX_GARBLED); /* MsgType is third */
    CHECK_EQ(parse_raw("8=FIX.4.4|9=|35=0|10=110|"), RL_FIX_GARBLED);
    CHECK_EQ(parse_raw("8=FIX.4.4|9=-5|35=0|10=208|"), RL_FIX_GARBLED);
    CHECK_EQ(parse_raw("8=FIX.4.4|9=99999999999|35=0|10=000|"), RL_FIX_GARBLED);
    CHECK_EQ(parse_raw("8=FIX.4.4.4.4.4.4.4.4.4|9=5|35=0|10=000|"), RL_FIX_GARBLED);
    CHECK_EQ(parse_raw(""), RL_FIX_GARBLED);
    CHECK_EQ(parse_raw("8"), RL_FIX_GARBLED);
    /* A wrong checksum weighs more than a wrong field: the bytes cannot be trusted at all. */
    CHECK_EQ(parse_raw("8=FIX.4.4|9=9|35=0|1=||10=000|"), RL_FIX_GARBLED);
}

static void test_every_flipped_byte_and_every_cut_is_noticed(void)
{
    static const char body[] = "35=D|11=ORDER1|55=MSFT|54=1|38=100|44=12.5|95=3|96=a|b|";
    struct message m = make(body, sizeof body - 1);

    CHECK_EQ(rl_fix_parse(&msg, m.bytes, m.n), RL_FIX_OK);
    for (uint32_t i = 0; i < m.n; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            m.bytes[i] ^= (uint8_t)(1u << bit);
            CHECK_EQ(rl_fix_parse(&msg, m.bytes, m.n), RL_FIX_GARBLED);
            m.bytes[i] ^= (uint8_t)(1u << bit);
        }
    }
    for (uint32_t n = 0; n < m.n; n++) {
        uint8_t *cut = malloc(n ? n : 1);

        CHECK(cut != NULL);
        memcpy(cut, m.bytes, n);
        CHECK_EQ(rl_fix_parse(&msg, cut, n), RL_FIX_GARBLED);
        free(cut);
    }
    free(m.bytes);
}

static void test_more_fields_than_the_table_holds_are_rejected(void)
{
    struct rl_fix_msg small;

    rl_fix_init(&small, fields, 5);
    CHECK_EQ(parse("35=D|1=a|2=b|"), RL_FIX_OK);
    CHECK_EQ(rl_fix_parse(&small, msg.bytes, msg.n_bytes), RL_FIX_REJECT);
    CHECK_EQ(small.reason, RL_FIX_OTHER);
    rl_fix_init(&small, fields, 6);
    CHECK_EQ(rl_fix_parse(&small, msg.bytes, msg.n_bytes), RL_FIX_OK);
}

static void test_a_byte_stream_is_cut_into_frames_and_found_again_after_garbage(void)
{
    struct message a = make("35=0|34=1|", 10), b = make("35=B|95=6|96=8=FIX.|", 20);
    uint8_t stream[512];
    uint32_t n = 0, n_message;

    memcpy(stream, a.bytes, a.n);
    n = a.n;
    memcpy(stream + n, "garbage8=FI", 11);
    n += 11;
    memcpy(stream + n, b.bytes, b.n);
    n += b.n;
    for (uint32_t i = 0; i < a.n; i++)
        CHECK_EQ(rl_fix_frame(stream, i, &n_message), RL_FIX_PARTIAL);
    CHECK_EQ(rl_fix_frame(stream, n, &n_message), RL_FIX_OK);
    CHECK_EQ(n_message, a.n);
    CHECK_EQ(rl_fix_frame(stream + a.n, n - a.n, &n_message), RL_FIX_GARBLED);
    CHECK_EQ(n_message, 11);
    CHECK_EQ(rl_fix_frame(stream + a.n + 11, b.n, &n_message), RL_FIX_OK);
    CHECK_EQ(n_message, b.n);
    /* What may be the beginning of a message is kept until the rest is there. */
    CHECK_EQ(rl_fix_frame((const uint8_t *)"xx8=F", 5, &n_message), RL_FIX_GARBLED);
    CHECK_EQ(n_message, 2);
    CHECK_EQ(rl_fix_frame((const uint8_t *)"xxxxx", 5, &n_message), RL_FIX_GARBLED);
    CHECK_EQ(n_message, 5);
    free(a.bytes);
    free(b.bytes);
}

static void test_decimals_are_read_exactly_and_rounded_to_nearest(void)
{
    static const struct {
        const char *text;
        int64_t px;
        bool inexact;
    } cases[] = {
        {"0", 0, false},
        {"1", 1000000000, false},
        {"-1", -1000000000, false},
        {"40707.160000000006", 40707160000000, true},
        {"-8.539999999999", -8540000000, true},
        {"25707.169999999996", 25707170000000, true},
        {"0.000000001", 1, false},
        {"0.0000000005", 1, true},
        {"-0.0000000005", -1, true},
        {"0.00000000049999999999999", 0, true},
        {"0023.2300", 23230000000, false},
        {"23.", 23000000000, false},
        {".5", 500000000, false},
        {"-.5", -500000000, false},
        {"-0", 0, false},
        {"1.1000000000000", 1100000000, false},
        {"9223372036.854775807", INT64_MAX, false},
        {"-9223372036.854775807", -INT64_MAX, false},
        {"00000000000000000000000000000001", 1000000000, false},
    };
    static const char *const bad[] = {"",
                                      "-",
                                      ".",
                                      "-.",
                                      "+1",
                                      "1e5",
                                      "1.2.3",
                                      " 1",
                                      "1 ",
                                      "1,5",
                                      "--1",
                                      "1-",
                                      "abc",
                                      "0x1",
                                      "1.x",
                                      "NaN",
                                      "inf",
                                      "9223372036.854775808",
                                      "9223372036.8547758075",
                                      "99999999999999999999",
                                      "1.0000000000000000000x"};
    int64_t px;
    bool inexact;

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        CHECK(rl_fix_read_decimal((const uint8_t *)cases[i].text, (uint32_t)strlen(cases[i].text),
                                  9, &px, &inexact));
        CHECK_EQ(px, cases[i].px);
        CHECK_EQ(inexact, cases[i].inexact);
    }
    for (uint32_t i = 0; i < RL_COUNT(bad); i++)
        if (rl_fix_read_px((const uint8_t *)bad[i], (uint32_t)strlen(bad[i]), &px)) {
            fprintf(stderr, "taken for a price: '%s'\n", bad[i]);
            exit(1);
        }
    CHECK(rl_fix_read_decimal((const uint8_t *)"12.5", 4, 0, &px, &inexact) && px == 13 && inexact);
    CHECK(rl_fix_read_decimal((const uint8_t *)"12.5", 4, 1, &px, &inexact) && px == 125 &&
          !inexact);
    CHECK(!rl_fix_read_decimal((const uint8_t *)"1", 1, 19, &px, NULL));
}

static void test_prices_are_printed_shortest_and_read_back(void)
{
    static const struct {
        int64_t px;
        const char *text;
    } cases[] = {{0, "0"},
                 {1, "0.000000001"},
                 {-8540000000, "-8.54"},
                 {40707160000000, "40707.16"},
                 {100000000000, "100"},
                 {INT64_MAX, "9223372036.854775807"},
                 {-INT64_MAX, "-9223372036.854775807"},
                 {RL_PX_NONE, "0"}};
    uint64_t random = 3;
    char text[RL_FIX_PX_CHARS];
    int64_t px;

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        CHECK_EQ(rl_fix_print_px(text, cases[i].px), strlen(cases[i].text));
        CHECK(memcmp(text, cases[i].text, strlen(cases[i].text)) == 0);
    }
    for (uint32_t i = 0; i < 100000; i++) {
        int64_t v = (int64_t)check_random(&random) >> (check_random(&random) % 60);
        uint32_t n = rl_fix_print_px(text, v);

        CHECK(rl_fix_read_px((const uint8_t *)text, n, &px));
        CHECK_EQ(px, v);
    }
}

static void test_times_are_read_and_printed(void)
{
    static const char *const bad[] = {"",
                                      "20260921",
                                      "20260921-13:55:1",
                                      "20260921-13:55:15.",
                                      "20261321-13:55:15",
                                      "20260230-13:55:15",
                                      "20250229-13:55:15",
                                      "20260921-24:55:15",
                                      "20260921-13:60:15",
                                      "20260921-13:55:61",
                                      "20260921 13:55:15",
                                      "2026092x-13:55:15",
                                      "20260921-13:55:15.0385441234",
                                      "19691231-23:59:59"};
    uint64_t ns, random = 5;
    char text[RL_FIX_TIME_CHARS];

    CHECK(rl_fix_read_time((const uint8_t *)"19700101-00:00:00", 17, &ns) && ns == 0);
    CHECK(rl_fix_read_time((const uint8_t *)"20260921-13:55:15.038544", 24, &ns));
    CHECK(ns == 1789998915038544000ULL);
    CHECK(rl_fix_read_time((const uint8_t *)"20240229-23:59:60.5", 19,
                           &ns)); /* leap day, leap second */
    CHECK(ns == 1709251200500000000ULL);
    for (uint32_t i = 0; i < RL_COUNT(bad); i++)
        CHECK(!rl_fix_read_time((const uint8_t *)bad[i], (uint32_t)strlen(bad[i]), &ns));
    for (uint32_t i = 0; i < 100000; i++) {
        uint64_t v = check_random(&random) % 16000000000000000000ULL;
        static const unsigned decimals[] = {0, 3, 6, 9};
        static const uint64_t grids[] = {1000000000, 1000000, 1000, 1};
        uint32_t k = i % 4, n = rl_fix_print_time(text, v, decimals[k]);

        CHECK(rl_fix_read_time((const uint8_t *)text, n, &ns));
        CHECK(ns == v - v % grids[k]);
    }
}

static void test_the_sum_is_the_sum(void)
{
    uint8_t bytes[200];
    uint64_t random = 11;

    for (uint32_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)check_random(&random);
    for (uint32_t from = 0; from < 40; from++) {
        uint8_t plain = 0;

        for (uint32_t n = 0; from + n < sizeof bytes; n++) {
            CHECK_EQ(rl_fix_sum(bytes + from, n), plain);
            plain = (uint8_t)(plain + bytes[from + n]);
        }
    }
}

static void test_what_is_encoded_parses_and_what_does_not_fit_says_so(void)
{
    uint8_t out[256];
    struct rl_fix_enc e;
    uint32_t n;

    rl_fix_begin(&e, out, sizeof out, "FIX.4.4");
    rl_fix_put_char(&e, 35, 'D');
    rl_fix_put_uint_wide(&e, 34, 77, 10);
    rl_fix_put_text(&e, 55, "MSFT");
    rl_fix_put_px(&e, 44, 12500000000);
    rl_fix_put_uint(&e, 38, 100);
    rl_fix_put_time(&e, 60, 1789998915038544000ULL, 3);
    n = rl_fix_finish(&e);
    CHECK_EQ(rl_fix_parse(&msg, out, n), RL_FIX_OK);
    CHECK(value_is(34, "0000000077") && value_is(44, "12.5") && value_is(38, "100"));
    CHECK(value_is(60, "20260921-13:55:15.038"));
    /* Every smaller buffer is refused or still large enough, never overrun. */
    for (uint32_t n_max = 0; n_max <= n + RL_FIX_HEAD_ROOM; n_max++) {
        uint8_t *small = malloc(n_max ? n_max : 1);
        uint32_t n_small;

        CHECK(small != NULL);
        rl_fix_begin(&e, small, n_max, "FIX.4.4");
        rl_fix_put_char(&e, 35, 'D');
        rl_fix_put_uint_wide(&e, 34, 77, 10);
        rl_fix_put_text(&e, 55, "MSFT");
        rl_fix_put_px(&e, 44, 12500000000);
        rl_fix_put_uint(&e, 38, 100);
        rl_fix_put_time(&e, 60, 1789998915038544000ULL, 3);
        n_small = rl_fix_finish(&e);
        CHECK(n_small == 0 || (n_small == n && memcmp(small, out, n) == 0));
        free(small);
    }
    rl_fix_begin(&e, out, sizeof out, "FIX.4.4.and.much.more");
    CHECK_EQ(rl_fix_finish(&e), 0);
}

static void test_market_data_entries_are_written_as_given(void)
{
    static const struct rl_fix_md_entry entries[] = {{'0', '0', 17, 100250000000, 5, "ABC"},
                                                     {'2', '1', 18, RL_PX_NONE, 0, "ABC"}};
    struct rl_fix_md head = {"FIX.4.4", "EXCH", "FIRM", 42, 1789998915038544000ULL};
    uint8_t out[512];
    uint32_t n = rl_fix_put_md(out, sizeof out, &head, entries, 2);

    CHECK_EQ(rl_fix_parse(&msg, out, n), RL_FIX_OK);
    CHECK(value_is(268, "2") && value_is(278, "17") && value_is(270, "100.25") &&
          value_is(271, "5"));
    CHECK(value_is(34, "0000000042") && value_is(52, "20260921-13:55:15.038544"));
    CHECK_EQ(rl_fix_put_md(out, 100, &head, entries, 2), 0);
}

int main(void)
{
    test_a_message_is_read_field_by_field();
    test_an_equals_sign_in_a_value_belongs_to_the_value();
    test_raw_data_may_hold_any_byte();
    test_raw_data_that_lies_about_its_length_is_rejected();
    test_a_field_that_is_none_is_rejected_with_its_place();
    test_a_frame_that_does_not_hold_together_is_garbled();
    test_every_flipped_byte_and_every_cut_is_noticed();
    test_more_fields_than_the_table_holds_are_rejected();
    test_a_byte_stream_is_cut_into_frames_and_found_again_after_garbage();
    test_decimals_are_read_exactly_and_rounded_to_nearest();
    test_prices_are_printed_shortest_and_read_back();
    test_times_are_read_and_printed();
    test_the_sum_is_the_sum();
    test_what_is_encoded_parses_and_what_does_not_fit_says_so();
    test_market_data_entries_are_written_as_given();
    return 0;
}
