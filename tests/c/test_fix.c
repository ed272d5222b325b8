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

/* Every length field of FIX and the data field that belongs to it, as the dictionaries pair them;
 * and no other tag is taken for a length. */
static void test_raw_data_may_hold_any_byte(void)
{
    static uint32_t wanted[1 << 17];
    enum rl_fix_path best = rl_fix_path();
    FILE *pairs = fopen(RL_SOURCE_DIR "/tests/reference/fix_data_tags.txt", "r");
    uint32_t length, data, n_pairs = 0;

    CHECK(pairs != NULL);
    while (fscanf(pairs, "%u %u", &length, &data) == 2) {
        char body[256];

        CHECK(length < RL_COUNT(wanted));
        wanted[length] = data;
        n_pairs++;
        snprintf(body, sizeof body, "35=B|%u=28|%u=a|b=c|10=000|8=FIX.4.4|9=1|z|58=text|", length,
                 data);
        for (enum rl_fix_path path = RL_FIX_SCALAR; path < RL_FIX_N_PATHS; path++) {
            if (rl_fix_use(path) != 0)
                continue;
            CHECK_EQ(parse(body), RL_FIX_OK);
            CHECK_EQ(msg.n_fields, 7);
            CHECK_EQ(msg.fields[4].tag, data);
            CHECK_EQ(msg.fields[4].len, 28);
            CHECK(value_is(58, "text"));
        }
    }
    fclose(pairs);
    CHECK_EQ(rl_fix_use(best), 0);
    CHECK(n_pairs > 70);
    for (uint32_t tag = 0; tag < RL_COUNT(wanted); tag++)
        CHECK_EQ(rl_fix_data_tag(tag), wanted[tag]);
    CHECK_EQ(rl_fix_data_tag(UINT32_MAX), 0);
    CHECK_EQ(parse("35=B|95=1|96=||58=x|"), RL_FIX_OK); /* one SOH */
    CHECK_EQ(msg.fields[4].len, 1);
    CHECK_EQ(parse("35=B|95=5|58=x|"), RL_FIX_OK); /* a length that nothing follows */
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
    CHECK(strcmp(msg.what, "raw data is longer than the message") == 0);
    CHECK_EQ(msg.ref_off, rl_fix_find(&msg, 95, 0)->off + 5); /* where the value begins */
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
    CHECK_EQ(msg.ref_off, 20);
    CHECK_EQ(msg.n_fields, 3);             /* what was right so far */
    CHECK_EQ(msg.type, RL_FIX_TYPE1('D')); /* a Reject says the type */
    CHECK_EQ(parse("35=|44=5|"), RL_FIX_REJECT);
    CHECK_EQ(msg.ref_tag, RL_FIX_MsgType);
    CHECK_EQ(msg.type, 0);
}

static void test_every_tag_up_to_the_largest_int_is_read_and_no_other(void)
{
    static const struct {
        const char *text;
        uint32_t tag; /* 0: rejected */
    } cases[] = {{"1", 1},
                 {"9999", 9999},
                 {"10000", 10000},
                 {"1234567", 1234567},
                 {"12345678", 12345678},
                 {"123456789", 123456789},
                 {"2147483647", 2147483647},
                 {"2147483648", 0},
                 {"4294967297", 0},
                 {"9999999999", 0},
                 {"10000000000", 0},
                 {"18446744073709551617", 0},
                 {"00000000000000000001", 0}};

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        char body[64];

        snprintf(body, sizeof body, "35=D|%s=5|", cases[i].text);
        CHECK_EQ(parse(body), cases[i].tag ? RL_FIX_OK : RL_FIX_REJECT);
        CHECK(cases[i].tag ? msg.fields[3].tag == cases[i].tag : msg.reason == RL_FIX_INVALID_TAG);
    }
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

/* As long as BeginString may be, as many digits as BodyLength may have, and one more of each. */
static void test_a_header_has_room_to_its_bounds_and_no_further(void)
{
    CHECK_EQ(parse_raw("8=FIX.4.4|9=0000005|35=0|10=195|"), RL_FIX_OK);
    CHECK_EQ(parse_raw("8=FIX.4.4|9=00000005|35=0|10=243|"), RL_FIX_GARBLED);
    CHECK(strcmp(msg.what, "BodyLength is no number") == 0);
    CHECK_EQ(parse_raw("8=FIX4567890123456|9=5|35=0|10=139|"), RL_FIX_OK);
    CHECK_EQ(parse_raw("8=FIX45678901234567|9=5|35=0|10=194|"), RL_FIX_GARBLED);
    CHECK(strcmp(msg.what, "BeginString is too long") == 0);
    CHECK_EQ(msg.ref_off, 2);
    CHECK_EQ(parse_raw("8=FIX.4.4|9=1048576|35=0|"), RL_FIX_GARBLED);
    CHECK(strcmp(msg.what, "the message is cut off") == 0);
    CHECK_EQ(parse_raw("8=FIX.4.4|9=1048577|35=0|"), RL_FIX_GARBLED);
    CHECK(strcmp(msg.what, "BodyLength is out of range") == 0);
    CHECK_EQ(parse_raw("8=FIX.4.4|9=5|35=0|10=163|xyz"), RL_FIX_GARBLED);
    CHECK(strcmp(msg.what, "bytes after the message") == 0);
    CHECK_EQ(msg.ref_off, 26);
}

/* Neither the characters beside the digits, nor three digits that mean the sum and another 256. */
static void test_a_checksum_is_three_digits_of_that_number(void)
{
    static const char *const cases[] = {"/63", ":63", "1/3", "1:3", "16/", "16:", "163", "419"};

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        char text[64];

        snprintf(text, sizeof text, "8=FIX.4.4|9=5|35=0|10=%s|", cases[i]);
        CHECK_EQ(parse_raw(text), i == 6 ? RL_FIX_OK : RL_FIX_GARBLED);
        CHECK(i >= 6 || strcmp(msg.what, "CheckSum is not three digits") == 0);
    }
    CHECK(strcmp(msg.what, "CheckSum is wrong") == 0);
    CHECK_EQ(msg.n_fields, 0);
}

/* A frame is what BodyLength and the places say; whether its sum is right, parse says. */
static void test_a_frame_that_takes_the_long_way_is_as_long(void)
{
    static const char *const cases[] = {"8=FIX.4.4|9=5|35=0|10=163|", "8=FIX.4.4|9=5|35=0|10=1x3|",
                                        "8=FIX.5.0SP2|9=5|35=0|10=163|"};

    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        uint8_t bytes[64];
        uint32_t n = 0, n_message = 0;

        for (; cases[i][n] != '\0'; n++)
            bytes[n] = cases[i][n] == '|' ? RL_FIX_SOH : (uint8_t)cases[i][n];
        memcpy(bytes + n, "8=FIX", 5); /* the next one begins */
        CHECK_EQ(rl_fix_frame(bytes, n + 5, &n_message), RL_FIX_OK);
        CHECK_EQ(n_message, n);
        CHECK_EQ(rl_fix_frame(bytes, n - 1, &n_message), RL_FIX_PARTIAL);
        CHECK_EQ(n_message, 0);
    }
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

int main(void)
{
    test_a_message_is_read_field_by_field();
    test_an_equals_sign_in_a_value_belongs_to_the_value();
    test_every_tag_up_to_the_largest_int_is_read_and_no_other();
    test_raw_data_may_hold_any_byte();
    test_raw_data_that_lies_about_its_length_is_rejected();
    test_a_field_that_is_none_is_rejected_with_its_place();
    test_a_frame_that_does_not_hold_together_is_garbled();
    test_a_header_has_room_to_its_bounds_and_no_further();
    test_a_checksum_is_three_digits_of_that_number();
    test_a_frame_that_takes_the_long_way_is_as_long();
    test_every_flipped_byte_and_every_cut_is_noticed();
    test_more_fields_than_the_table_holds_are_rejected();
    test_the_sum_is_the_sum();
    return 0;
}
