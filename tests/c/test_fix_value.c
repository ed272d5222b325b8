/* FIX: what a value says is read exactly, by the short way and by the careful one. */
#include "fix_message.h"

#include <string.h>

#include "market/fix/fix.h"

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
    CHECK(rl_fix_read_decimal((const uint8_t *)"1", 1, 18, &px, NULL) && px == 1000000000000000000);
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

/* --- fields of a message: the short ways against plain ones ----------------------------------- */

static struct rl_fix_field fields[16];
static struct rl_fix_msg msg = {.fields = fields, .n_fields_max = 16};

/* A message whose value of 44 is `text`; `behind` more fields follow. */
static const struct rl_fix_field *in_message(const char *text, uint32_t n_text, unsigned behind)
{
    static uint8_t *last;
    uint8_t out[512];
    struct rl_fix_enc e;
    uint32_t n;

    rl_fix_begin(&e, out, sizeof out, "FIX.4.4");
    rl_fix_put_char(&e, RL_FIX_MsgType, 'D');
    rl_fix_put(&e, RL_FIX_Price, text, n_text);
    for (unsigned i = 0; i < behind; i++)
        rl_fix_put_text(&e, 58, "behind");
    n = rl_fix_finish(&e);
    free(last); /* of exactly its size: a sanitizer sees one byte too many */
    last = malloc(n);
    CHECK(last != NULL);
    memcpy(last, out, n);
    CHECK_EQ(rl_fix_parse(&msg, last, n), RL_FIX_OK);
    return &fields[3];
}

/* The rules with 128 bits and no cleverness: digits, one point at most, rounded at the ninth. */
static bool plain_px(const char *s, uint32_t n, int64_t *out)
{
    __int128 v = 0;
    uint32_t i = n > 0 && s[0] == '-', n_decimals = 0, n_digits = 0;
    bool point = false, up = false;

    for (; i < n; i++) {
        if (s[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (s[i] < '0' || s[i] > '9')
            return false;
        n_digits++;
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
    if (n_digits == 0 || v > INT64_MAX)
        return false;
    *out = n > 0 && s[0] == '-' ? (int64_t)-v : (int64_t)v;
    return true;
}

static bool plain_uint(const char *s, uint32_t n, uint64_t *out)
{
    unsigned __int128 v = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (unsigned)(s[i] - '0');
        if (v > UINT64_MAX)
            return false;
    }
    *out = (uint64_t)v;
    return n > 0;
}

static void check_value(const char *text, uint32_t n, unsigned behind)
{
    const struct rl_fix_field *f = in_message(text, n, behind);
    int64_t px = -77, px_wanted = -77;
    uint64_t v = 77, v_wanted = 77;

    if (rl_fix_px(&msg, f, &px) != plain_px(text, n, &px_wanted) || px != px_wanted) {
        fprintf(stderr, "price '%.*s': %lld, wanted %lld\n", (int)n, text, (long long)px,
                (long long)px_wanted);
        exit(1);
    }
    if (rl_fix_uint(&msg, f, &v) != plain_uint(text, n, &v_wanted) || v != v_wanted) {
        fprintf(stderr, "number '%.*s'\n", (int)n, text);
        exit(1);
    }
}

static void test_every_shape_of_a_price_is_read_wherever_it_is(void)
{
    static const char digits[] = "71836405928374651029384756";

    for (uint32_t n_int = 0; n_int <= 20; n_int++)
        for (uint32_t n_frac = 0; n_frac <= 20; n_frac++)
            for (unsigned kind = 0; kind < 8; kind++) {
                char text[64];
                uint32_t n = 0;

                if (kind & 1)
                    text[n++] = '-';
                memcpy(text + n, digits + (kind & 2 ? 3 : 0), n_int);
                n += n_int;
                if (n_frac > 0 || kind & 2)
                    text[n++] = '.';
                memcpy(text + n, digits + 2, n_frac);
                n += n_frac;
                if (n > 0)
                    check_value(text, n, kind & 4 ? 3 : 0); /* followed by much, or the trailer */
            }
}

static void test_every_wrong_byte_in_a_number_is_noticed(void)
{
    static const char *const numbers[] = {"682.5358", "1033.3245",         "-8.54",    "12345",
                                          "1",        "1234567.123456789", "12345678", "123456789",
                                          "29019",    "25707.169999999996"};

    for (uint32_t i = 0; i < RL_COUNT(numbers); i++)
        for (uint32_t at = 0; at < strlen(numbers[i]); at++)
            for (unsigned c = 2; c < 256; c++) { /* SOH would end the value */
                char text[32];
                uint32_t n = (uint32_t)strlen(numbers[i]);

                memcpy(text, numbers[i], n);
                text[at] = (char)c;
                check_value(text, n, c & 1);
            }
}

static void test_random_text_is_a_number_only_when_it_is_one(void)
{
    uint64_t random = 7;

    for (uint32_t i = 0; i < 200000; i++) {
        char text[40];
        uint32_t n = 1 + (uint32_t)(check_random(&random) % 24);

        for (uint32_t k = 0; k < n; k++) {
            uint64_t c = check_random(&random);

            text[k] = c % 8 == 0    ? '.'
                      : c % 64 == 9 ? (char)(' ' + (c >> 8) % 90)
                                    : (char)('0' + (c >> 8) % 10);
        }
        if (check_random(&random) % 4 == 0)
            text[0] = '-';
        check_value(text, n, i & 1);
    }
}

static void test_no_field_is_no_value(void)
{
    uint64_t v;
    int64_t px;
    bool is_yes;

    (void)in_message("1", 1, 0);
    CHECK(!rl_fix_uint(&msg, NULL, &v) && !rl_fix_px(&msg, NULL, &px) &&
          !rl_fix_int(&msg, NULL, &px) && !rl_fix_time(&msg, NULL, &v) &&
          !rl_fix_bool(&msg, NULL, &is_yes) && rl_fix_char(&msg, NULL) == 0 &&
          !rl_fix_is_text(&msg, NULL, "", 0));
}

static void test_the_checksum_field_is_a_number_like_any_other(void)
{
    const struct rl_fix_field *check;
    uint64_t v;
    int64_t px;

    (void)in_message("1", 1, 0);
    check = &fields[msg.n_fields - 1];
    CHECK(rl_fix_uint(&msg, check, &v) && v < 256);
    CHECK(rl_fix_px(&msg, check, &px) && px == (int64_t)v * RL_NANO_PER_UNIT);
}

static void test_integers_have_a_sign_and_an_end(void)
{
    static const struct {
        const char *text;
        bool is_one;
        int64_t v;
    } cases[] = {{"0", true, 0},
                 {"-0", true, 0},
                 {"-17", true, -17},
                 {"9223372036854775807", true, INT64_MAX},
                 {"-9223372036854775807", true, -INT64_MAX},
                 {"9223372036854775808", false, 0},
                 {"", false, 0},
                 {"-", false, 0},
                 {"+1", false, 0},
                 {"1.0", false, 0}};
    uint64_t u;

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        int64_t v = 0;

        CHECK_EQ(
            rl_fix_read_int((const uint8_t *)cases[i].text, (uint32_t)strlen(cases[i].text), &v),
            cases[i].is_one);
        CHECK_EQ(v, cases[i].v);
    }
    CHECK(rl_fix_read_uint((const uint8_t *)"18446744073709551615", 20, &u) && u == UINT64_MAX);
    CHECK(!rl_fix_read_uint((const uint8_t *)"18446744073709551616", 20, &u));
    CHECK(rl_fix_read_uint((const uint8_t *)"000000000000000000000000000001", 30, &u) && u == 1);
}

static void test_times_of_day_dates_and_months_are_read(void)
{
    static const struct {
        const char *text;
        bool is_time, is_date, is_month;
    } cases[] = {
        {"07:58:00", true, false, false},   {"07:58:00.000", true, false, false},
        {"23:59:60.5", true, false, false}, {"24:00:00", false, false, false},
        {"07:58", false, false, false},     {"07:58:00.", false, false, false},
        {"07-58-00", false, false, false},  {"20240229", false, true, true},
        {"20230229", false, false, false},  {"202402", false, false, true},
        {"202413", false, false, false},    {"202402w1", false, false, true},
        {"202402w5", false, false, true},   {"202402w6", false, false, false},
        {"202402w0", false, false, false},  {"2024", false, false, false},
        {"20240200", false, false, false},  {"", false, false, false},
    };
    struct rl_fix_month month;
    uint64_t ns;
    uint32_t days;

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        const uint8_t *s = (const uint8_t *)cases[i].text;
        uint32_t n = (uint32_t)strlen(cases[i].text);

        CHECK_EQ(rl_fix_read_time_only(s, n, &ns), cases[i].is_time);
        CHECK_EQ(rl_fix_read_date(s, n, &days), cases[i].is_date);
        CHECK_EQ(rl_fix_read_month(s, n, &month), cases[i].is_month);
    }
    CHECK(rl_fix_read_time_only((const uint8_t *)"07:58:00.123456789", 18, &ns) &&
          ns == 28680123456789ULL);
    CHECK(rl_fix_read_date((const uint8_t *)"19700101", 8, &days) && days == 0);
    CHECK(rl_fix_read_date((const uint8_t *)"20260921", 8, &days) && days == 20717);
    CHECK(rl_fix_read_month((const uint8_t *)"202402w3", 8, &month) && month.year == 2024 &&
          month.month == 2 && month.day == 0 && month.week == 3);
    CHECK(rl_fix_read_month((const uint8_t *)"20240229", 8, &month) && month.day == 29 &&
          month.week == 0);
}

/* At the very end of the memory: one byte more that is looked at is a fault. */
static void test_a_value_is_read_to_its_end_and_no_further(void)
{
    struct fence fence = fence_open();
    static const char *const months[] = {"202402", "202402w3", "20240229"};
    static const char *const times[] = {"20260921-13:55:15", "20260921-13:55:15.1",
                                        "20260921-13:55:15.123456789"};
    struct rl_fix_month month;
    uint64_t ns;
    int64_t px;

    for (uint32_t i = 0; i < RL_COUNT(months); i++) {
        uint32_t n = (uint32_t)strlen(months[i]);

        CHECK(rl_fix_read_month(fence_last(&fence, (const uint8_t *)months[i], n), n, &month));
    }
    for (uint32_t i = 0; i < RL_COUNT(times); i++) {
        uint32_t n = (uint32_t)strlen(times[i]);
        const uint8_t *s = fence_last(&fence, (const uint8_t *)times[i], n);

        CHECK(rl_fix_read_time(s, n, &ns));
        CHECK(rl_fix_read_time_only(s + 9, n - 9, &ns));
    }
    for (uint32_t n = 1; n <= 19; n++) {
        const uint8_t *s = fence_last(&fence, (const uint8_t *)"1234567.12345678901", n);

        CHECK(rl_fix_read_px(s, n, &px));
        CHECK_EQ(rl_fix_read_uint(s, n, &ns), n < 8);
    }
    /* Nor is a sign that lies behind the end of a value of no length. */
    CHECK(!rl_fix_read_int(fence_last(&fence, (const uint8_t *)"-", 1), 0, &px));
    CHECK(!rl_fix_read_px(fence_last(&fence, (const uint8_t *)"-", 1), 0, &px));
    fence_close(&fence);
}

static void test_every_day_has_its_number_and_what_is_no_day_has_none(void)
{
    static const uint32_t days_in[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t wanted = 0, days;

    for (uint32_t year = 1969; year <= 2501; year++)
        for (uint32_t month = 0; month <= 13; month++) {
            bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
            bool is_month = year >= 1970 && year <= 2500 && month >= 1 && month <= 12;

            for (uint32_t day = 0; day <= 33; day++) {
                char text[16];
                bool is_day =
                    is_month && day >= 1 && day <= days_in[month - 1] + (month == 2 && is_leap);

                snprintf(text, sizeof text, "%04u%02u%02u", year, month, day);
                CHECK_EQ(rl_fix_read_date((const uint8_t *)text, 8, &days), is_day);
                if (is_day)
                    CHECK_EQ(days, wanted++);
            }
        }
}

static void test_yes_is_y_and_no_is_n(void)
{
    bool is_yes = false;

    CHECK(rl_fix_read_bool((const uint8_t *)"Y", 1, &is_yes) && is_yes);
    CHECK(rl_fix_read_bool((const uint8_t *)"N", 1, &is_yes) && !is_yes);
    CHECK(!rl_fix_read_bool((const uint8_t *)"y", 1, &is_yes));
    CHECK(!rl_fix_read_bool((const uint8_t *)"YN", 2, &is_yes));
    CHECK(!rl_fix_read_bool((const uint8_t *)"", 0, &is_yes));
}

int main(void)
{
    test_decimals_are_read_exactly_and_rounded_to_nearest();
    test_prices_are_printed_shortest_and_read_back();
    test_times_are_read_and_printed();
    test_every_shape_of_a_price_is_read_wherever_it_is();
    test_every_wrong_byte_in_a_number_is_noticed();
    test_random_text_is_a_number_only_when_it_is_one();
    test_no_field_is_no_value();
    test_the_checksum_field_is_a_number_like_any_other();
    test_integers_have_a_sign_and_an_end();
    test_times_of_day_dates_and_months_are_read();
    test_a_value_is_read_to_its_end_and_no_further();
    test_every_day_has_its_number_and_what_is_no_day_has_none();
    test_yes_is_y_and_no_is_n();
    return 0;
}
