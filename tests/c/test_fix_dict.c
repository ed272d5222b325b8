/* A dictionary finds each kind of error, names the tag, and lets by what is right. */
#include "fix_dict_spec.h"

#define HEAD "35=D|49=A|56=B|34=7|52=20260921-13:55:15.038|"
#define BODY "11=id|55=MSFT|54=1|60=20260921-13:55:15|40=2|"
#define OK (-1)

static struct rl_fix_dict dict;

struct sample {
    const char *fields;
    int reason; /* OK, or SessionRejectReason */
    uint32_t tag;
};

static void check(const struct rl_fix_dict *d, const struct sample *c, enum rl_fix_level level)
{
    struct rl_fix_msg m;
    enum rl_fix_result result = spec_validate(d, c->fields, level, &m);
    int reason = result == RL_FIX_OK ? OK : (int)m.reason;

    if (reason != c->reason || (reason != OK && m.ref_tag != c->tag)) {
        fprintf(stderr, "%s\n  saw %d, tag %u (%s); wanted %d, tag %u\n", c->fields, reason,
                reason == OK ? 0 : m.ref_tag, reason == OK ? "" : m.what, c->reason, c->tag);
        exit(1);
    }
}

static void check_all(const struct sample *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(&dict, &cases[i], RL_FIX_LEVEL_DICTIONARY);
}

static void test_a_required_field_is_missed_wherever_it_belongs(void)
{
    static const struct sample cases[] = {
        {HEAD BODY, OK, 0},
        {"35=D|49=A|34=7|52=20260921-13:55:15|" BODY, 1, 56},
        {HEAD "55=MSFT|54=1|60=20260921-13:55:15|40=2|", 1, 11},
        {HEAD "11=id|55=MSFT|60=20260921-13:55:15|40=2|", 1, 54},
        /* the lowest tag of several, the header before the body */
        {HEAD "55=MSFT|", 1, 11},
        {"35=D|49=A|56=B|34=7|55=MSFT|", 1, 52},
        {"35=0|49=A|56=B|34=7|52=20260921-13:55:15|", OK, 0},
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_a_tag_must_be_known_and_allowed_for_the_type(void)
{
    static const struct sample cases[] = {
        {"35=0|49=A|56=B|34=7|52=20260921-13:55:15|112=x|", OK, 0},
        {"35=0|49=A|56=B|34=7|52=20260921-13:55:15|55=MSFT|", 2, 55},
        {HEAD BODY "999=HI|", 0, 999},
        {HEAD BODY "5000=HI|", 0, 5000},
        {HEAD BODY "2147483647=HI|", 0, 2147483647},
        {HEAD BODY "5005=1|", OK, 0}, /* the users' tags count once they are in the dictionary */
        {HEAD BODY "448=party|", 2, 448}, /* belongs to a group that is not there */
        /* what the tag would have to look like comes first, as in QuickFIX */
        {"35=0|49=A|56=B|34=7|52=20260921-13:55:15|38=x|", 6, 38},
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_a_message_type_must_be_known(void)
{
    static const struct sample cases[] = {
        {"35=*|49=A|56=B|34=7|52=20260921-13:55:15|", 11, 0},
        {"35=DD|49=A|56=B|34=7|52=20260921-13:55:15|", 11, 0},
        {"35=U98|49=A|56=B|34=7|52=20260921-13:55:15|58=x|", 11, 0},
        {"35=U99|49=A|56=B|34=7|52=20260921-13:55:15|58=x|", OK, 0},
        {"35=AE|49=A|56=B|34=7|52=20260921-13:55:15|11=x|", OK, 0},
        {"35=\xC4|49=A|56=B|34=7|52=20260921-13:55:15|11=x|", 11, 0},
        {"35=*|49=A|34=7|52=20260921-13:55:15|", 11, 0}, /* before what is missing */
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_a_value_is_one_of_those_listed(void)
{
    static const struct sample cases[] = {
        {HEAD BODY "21=3|", OK, 0},
        {HEAD BODY "21=4|", 5, 21},
        {HEAD BODY "167=FUT|", OK, 0},
        {HEAD BODY "167=MULTILEGGED|", OK, 0}, /* more than eight characters */
        {HEAD BODY "167=MULTILEGGES|", 5, 167},
        {HEAD BODY "167=FU|", 5, 167},
        {HEAD BODY "167=FUTU|", 5, 167},
        {HEAD BODY "167=fut|", 5, 167},
        {HEAD BODY "371=10|", OK, 0},
        {HEAD BODY "371=3|", 5, 371},
        {HEAD BODY "371=x|", 6, 371}, /* no number at all: the format comes first */
        {HEAD BODY "18=1|", OK, 0},
        {HEAD BODY "18=1 G 3|", OK, 0},
        {HEAD BODY "18=1  G|", 5, 18},
        {HEAD BODY "18=1 X|", 5, 18},
        {HEAD BODY "18=1 |", 5, 18},
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_a_value_is_of_its_type(void)
{
    static const struct sample cases[] = {
        {HEAD BODY "38=200|", OK, 0},
        {HEAD BODY "38=200.00|", OK, 0},
        {HEAD BODY "38=-200.5|", OK, 0},
        {HEAD BODY "38=.5|", OK, 0},
        {HEAD BODY "38=5.|", OK, 0},
        {HEAD BODY "38=12345678901234567890.123|", OK, 0},
        {HEAD BODY "38=+200|", 6, 38},
        {HEAD BODY "38=2 00|", 6, 38},
        {HEAD BODY "38=1.2.3|", 6, 38},
        {HEAD BODY "38=1e5|", 6, 38},
        {HEAD BODY "38=.|", 6, 38},
        {HEAD BODY "38=-|", 6, 38},
        {HEAD BODY "5005=-12|", OK, 0},
        {HEAD BODY "5005=1.0|", 6, 5005},
        {HEAD BODY "5005=123456789012345678|", OK, 0},
        {HEAD BODY "5005=1234567890123456789|", 6, 5005},
        {HEAD BODY "54=11|", 13, 54},
        {HEAD "11=id|55=MSFT|54=11|60=20260921-13:55:15|40=2|", 6, 54},
        {"35=D|49=A|56=B|34=7|52=20260921-13:55:15|43=y|" BODY, 6, 43},
        {"35=D|49=A|56=B|34=-7|52=20260921-13:55:15|" BODY, 6, 34},
        {"35=D|49=A|56=B|34=0007|52=20260921-13:55:15|" BODY, OK, 0},
        {HEAD BODY "200=202402|64=20240229|", OK, 0},
        {HEAD BODY "200=202402w5|", OK, 0},
        {HEAD BODY "200=202402w6|", 6, 200},
        {HEAD BODY "200=202413|", 6, 200},
        {HEAD BODY "64=20230229|", 6, 64},
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_a_timestamp_is_a_moment_that_the_calendar_has(void)
{
    static const char *const good[] = {
        "20260921-13:55:15",     "20260921-13:55:15.0",         "20260921-13:55:15.038",
        "20260921-13:55:15.038", "20260921-13:55:15.123456789", "20240229-23:59:60",
        "00010101-00:00:00",     "20261231-23:59:59.1234567",   "20260131-00:00:00.12345678",
    };
    static const char *const bad[] = {
        "20260921-13:55:15.",
        "20260921-13:55:15.1234567890",
        "20260921 13:55:15",
        "20260921-13:55",
        "20260921-24:00:00",
        "20260921-13:60:00",
        "20260921-13:55:61",
        "20261321-13:55:15",
        "20260021-13:55:15",
        "20260900-13:55:15",
        "20260931-13:55:15",
        "20230229-13:55:15",
        "2026092a-13:55:15",
        "20260921-1a:55:15",
        "20260921-13.55:15",
        "20260921-13:55:15,038",
        "20260921-13:55:15.0a8",
        "x0260921-13:55:15",
        "20260921-13:55:1\xFF",
        "\xB2"
        "0260921-13:55:15",
    };
    char text[128];

    for (size_t i = 0; i < RL_COUNT(good); i++) {
        struct sample c = {text, OK, 0};

        snprintf(text, sizeof text, "35=0|49=A|56=B|34=7|52=%s|", good[i]);
        check(&dict, &c, RL_FIX_LEVEL_DICTIONARY);
        check(&dict, &c, RL_FIX_LEVEL_HEADER);
    }
    for (size_t i = 0; i < RL_COUNT(bad); i++) {
        struct sample c = {text, 6, 52};

        snprintf(text, sizeof text, "35=0|49=A|56=B|34=7|52=%s|", bad[i]);
        check(&dict, &c, RL_FIX_LEVEL_DICTIONARY);
        check(&dict, &c, RL_FIX_LEVEL_HEADER);
    }
}

static void test_times_dates_and_zones_have_their_grammar(void)
{
    static const struct {
        uint32_t tag;
        const char *good[8], *bad[12];
    } types[] = {
        {273,
         {"00:00:00", "23:59:60", "12:34:56.1", "12:34:56.123456789"},
         {"24:00:00", "12:60:00", "12:00:61", "12:00", "12:00:00.", "12:00:00.1234567890",
          "12.00:00", "1a:00:00", "12:00:0a", "12:00:00,1", "12:00:00.x", "29:00:00"}},
        {1079,
         {"23:59Z", "12:34+01", "12:34:56-05:30", "12:34:56.789Z", "23:59:60+14:59"},
         {"12:34", "12:34Z1", "12:34+1", "12:34+15", "12:34+01:60", "12:34+0130", "24:34Z", "Z",
          "12:34:56.Z", "12:34 Z", "+01:00", "12:6Z"}},
        {1132,
         {"20240229-12:34Z", "20260921-12:34:56.123-03"},
         {"20230229-12:34Z", "20260921 12:34Z", "20260921-12:34", "2026-12:34Z", "20260921-Z"}},
        {205, {"1", "01", "31", "9"}, {"0", "00", "32", "1.", "001", "-1", "x"}},
        {432, {"20240229", "00010101"}, {"20240230", "2024022", "202402290", "2024-2-9", "x"}},
        {200, {"202402", "20240229", "202402w1"}, {"2024", "202400", "202402w0", "202402W1"}},
    };

    for (size_t t = 0; t < RL_COUNT(types); t++) {
        char text[256];
        struct sample c = {text, OK, types[t].tag};

        for (size_t i = 0; i < RL_COUNT(types[t].good) && types[t].good[i]; i++) {
            snprintf(text, sizeof text, HEAD BODY "%u=%s|", types[t].tag, types[t].good[i]);
            check(&dict, &c, RL_FIX_LEVEL_DICTIONARY);
        }
        c.reason = 6;
        for (size_t i = 0; i < RL_COUNT(types[t].bad) && types[t].bad[i]; i++) {
            snprintf(text, sizeof text, HEAD BODY "%u=%s|", types[t].tag, types[t].bad[i]);
            check(&dict, &c, RL_FIX_LEVEL_DICTIONARY);
        }
    }
}

static void test_a_tag_comes_once_outside_of_groups(void)
{
    static const struct sample cases[] = {
        {HEAD BODY "40=1|", 13, 40},
        {HEAD BODY "38=1|38=1|", 13, 38},
        {"35=D|49=A|49=A|56=B|34=7|52=20260921-13:55:15|" BODY, 13, 49},
        {"35=D|9=1|49=A|56=B|34=7|52=20260921-13:55:15|" BODY, 13, 9},
        /* the first of two is looked at before the second */
        {HEAD BODY "38=x|38=1|", 6, 38},
        {HEAD BODY "38=1|38=x|", 13, 38},
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_header_body_and_trailer_keep_their_order(void)
{
    static const struct sample cases[] = {
        {"35=D|11=id|49=A|56=B|34=7|52=20260921-13:55:15|55=X|54=1|60=20260921-13:55:15|40=2|", 14,
         49},
        {"35=D|" BODY "34=7|49=A|56=B|52=20260921-13:55:15|", 14, 34},
        {HEAD "93=3|89=abc|" BODY, 14, 11},
        {HEAD BODY "93=3|89=abc|", OK, 0},
        /* inside the header and the body any order will do */
        {"35=D|34=7|52=20260921-13:55:15|56=B|49=A|" BODY, OK, 0},
        {HEAD "40=2|60=20260921-13:55:15|54=1|55=MSFT|11=id|", OK, 0},
        /* before everything else that may be wrong */
        {"35=*|11=id|34=7|", 14, 34},
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_raw_data_may_hold_anything_but_follows_its_length(void)
{
    static const struct sample cases[] = {
        {HEAD BODY "95=9|96=a~55=b~=c|", OK, 0},
        {HEAD BODY "96=abc|", 1, 95},
        {HEAD BODY "95=3|58=x|96=abc|", 1, 95},
        {HEAD BODY "95=3|", OK, 0}, /* a length without data hurts nobody */
        {"35=D|49=A|56=B|34=7|52=20260921-13:55:15|90=3|91=a~b|" BODY "93=2|89=~~|", OK, 0},
    };

    check_all(cases, RL_COUNT(cases));
}

/* QuickFIX sorts by tag and looks at header, trailer, body in turn: the first error is its first.
 */
static void test_of_several_errors_the_first_in_quickfix_order_is_told(void)
{
    static const struct sample cases[] = {
        {HEAD "11=id|55=MSFT|54=x|60=20260921-13:55:15|40=x|", 5, 40},
        {HEAD BODY "999=x|38=y|", 6, 38},
        {HEAD BODY "58=x|21=9|", 5, 21},
        {"35=D|49=A|56=B|34=7|52=never|43=Z|" BODY "38=x|", 6, 43},
        {HEAD BODY "371=x|93=1|89=x|", 6, 371},
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_the_sequence_number_is_not_0_but_in_a_reset(void)
{
    static const struct sample cases[] = {
        {"35=0|49=A|56=B|34=0|52=20260921-13:55:15|", 5, 34},
        {"35=0|49=A|56=B|34=000|52=20260921-13:55:15|", 5, 34},
        {"35=0|49=A|56=B|34=00100|52=20260921-13:55:15|", OK, 0},
        {"35=0|49=A|56=B|34=12345678901234567890|52=20260921-13:55:15|", 6, 34},
        {"35=4|49=A|56=B|34=0|52=20260921-13:55:15|36=5|", OK, 0},
        /* the session looks at it after the dictionary */
        {"35=0|49=A|56=B|34=0|52=20260921-13:55:15|112=1|112=2|", 13, 112},
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_the_header_level_looks_at_the_header_alone(void)
{
    static const struct sample cases[] = {
        {HEAD "999=x|38=y|", OK, 0},
        {"35=*|49=A|56=B|34=7|52=20260921-13:55:15|", OK, 0},
        {"35=D|49=A|34=7|52=20260921-13:55:15|11=x|", 1, 56},
        {"35=D|49=A|56=B|34=7|11=x|52=20260921-13:55:15|", 1, 52},
        {"35=D|49=A|56=B|34=x|52=20260921-13:55:15|", 6, 34},
        {"35=D|49=A|56=B|34=0|52=20260921-13:55:15|", 5, 34},
        {"35=D|49=A|56=B|34=1|34=2|52=20260921-13:55:15|", 13, 34},
        {"35=D|49=A|56=B|34=1|52=20260921-13:55:15|627=2|628=x|", 16, 627},
    };

    for (size_t i = 0; i < RL_COUNT(cases); i++)
        check(&dict, &cases[i], RL_FIX_LEVEL_HEADER);
}

static void test_the_levels_below_leave_everything_to_the_parser(void)
{
    static const struct sample nonsense = {"35=*|999=x|38=y|", OK, 0};

    check(&dict, &nonsense, RL_FIX_LEVEL_FRAME);
    check(&dict, &nonsense, RL_FIX_LEVEL_CHECKSUM);
}

static void test_names_are_compared_when_somebody_expects_some(void)
{
    static const struct sample cases[] = {
        {HEAD BODY, OK, 0},
        {"35=D|49=AA|56=B|34=7|52=20260921-13:55:15|" BODY, 9, 0},
        {"35=D|49=A|56=b|34=7|52=20260921-13:55:15|" BODY, 9, 0},
        {"35=D|49=A|56=b|34=7|52=20260921-13:55:15|" BODY "40=1|", 13, 40}, /* that comes first */
        {"35=D|49=A|34=7|52=20260921-13:55:15|" BODY, 1, 56},
        {"35=D|56=B|34=7|52=20260921-13:55:15|" BODY, 1, 49},
    };
    struct rl_fix_dict mine = dict; /* the tables are shared */

    CHECK_EQ(rl_fix_dict_expect(&mine, "A", "B"), 0);
    for (size_t i = 0; i < RL_COUNT(cases); i++)
        check(&mine, &cases[i], RL_FIX_LEVEL_DICTIONARY);
    check(&mine, &cases[1], RL_FIX_LEVEL_HEADER);
    CHECK_EQ(rl_fix_dict_expect(&mine, "", "B"), -22);
    CHECK_EQ(rl_fix_dict_expect(&mine, "A", NULL), -22);
    CHECK_EQ(rl_fix_dict_expect(&mine, "A\n", "B"), -22);
    CHECK_EQ(rl_fix_dict_expect(&mine, NULL, NULL), 0);
    check(&mine, &(struct sample){"35=D|49=Q|56=R|34=7|52=20260921-13:55:15|" BODY, OK, 0},
          RL_FIX_LEVEL_DICTIONARY);
}

static void test_another_begin_string_is_no_matter_of_the_dictionary(void)
{
    static struct spec s;
    struct rl_arena arena;
    struct rl_fix_dict other;
    struct rl_fix_field table[64];
    struct rl_fix_msg m;
    uint8_t bytes[256];
    uint32_t n = spec_encode(bytes, "FIX.4.2", HEAD BODY);

    rl_fix_init(&m, table, RL_COUNT(table));
    CHECK_EQ(rl_fix_parse(&m, bytes, n), RL_FIX_OK);
    CHECK_EQ(rl_fix_validate(&dict, &m, RL_FIX_LEVEL_HEADER), RL_FIX_REJECT);
    CHECK_EQ(m.reason, RL_FIX_OTHER);
    CHECK_EQ(m.ref_tag, 8);
    spec_small(&s);
    s.out.begin_string = "FIX.4.2";
    spec_build(&s, &other, &arena);
    CHECK_EQ(rl_fix_validate(&other, &m, RL_FIX_LEVEL_DICTIONARY), RL_FIX_OK);
    rl_arena_close(&arena);
}

static void test_each_option_lets_by_what_it_says_and_nothing_else(void)
{
    static const struct {
        uint32_t flags;
        struct sample c;
    } cases[] = {
        {RL_FIX_ANY_USER_TAG, {HEAD BODY "5000=HI|", OK, 0}},
        {RL_FIX_ANY_USER_TAG, {HEAD BODY "4999=HI|", 0, 4999}},
        {RL_FIX_ANY_USER_TAG, {HEAD BODY "5000=HI|5000=HO|", 13, 5000}},
        {RL_FIX_ANY_USER_TAG, {HEAD BODY "5000=HI|5001=HO|", OK, 0}},
        {RL_FIX_ANY_TAG, {HEAD BODY "4999=HI|", OK, 0}},
        {RL_FIX_ANY_TAG, {HEAD BODY "112=HI|", OK, 0}},
        {RL_FIX_ANY_TAG, {HEAD BODY "5000=HI|", 0, 5000}},
        {RL_FIX_ANY_TAG, {HEAD BODY "453=1|448=a|452=1|4999=x|453=9|", 13, 453}},
        {RL_FIX_ANY_ORDER, {"35=D|" BODY "34=7|49=A|56=B|52=20260921-13:55:15|", OK, 0}},
        {RL_FIX_ANY_ORDER, {"35=D|" BODY "34=7|49=A|56=B|", 1, 52}},
        {RL_FIX_ANY_VALUE, {HEAD BODY "21=4|167=x|18=?|", OK, 0}},
        {RL_FIX_ANY_VALUE, {HEAD BODY "21=44|", 6, 21}},
        {RL_FIX_ANY_STRING, {HEAD BODY "64=soon|200=later|", OK, 0}},
        {RL_FIX_ANY_STRING, {HEAD BODY "38=x|", 6, 38}},
        {RL_FIX_SAY_UNDEFINED, {HEAD BODY "999=HI|", 3, 999}},
        {RL_FIX_SAY_UNDEFINED, {HEAD BODY "112=HI|", 2, 112}},
        {RL_FIX_ANY_GROUP_ORDER, {HEAD BODY "453=1|448=a|452=1|447=D|", OK, 0}},
        {RL_FIX_ANY_GROUP_ORDER, {HEAD BODY "453=2|452=1|448=a|", 1, 448}},
    };

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        static struct spec s;
        struct rl_arena arena;
        struct rl_fix_dict d;

        spec_small(&s);
        s.out.flags = cases[i].flags;
        spec_build(&s, &d, &arena);
        check(&d, &cases[i].c, RL_FIX_LEVEL_DICTIONARY);
        rl_arena_close(&arena);
    }
}

static void test_unknown_tags_that_are_let_by_are_remembered_up_to_a_bound(void)
{
    static struct spec s;
    static char text[8000];
    struct rl_arena arena;
    struct rl_fix_dict d;
    size_t n = 0;

    spec_small(&s);
    s.out.flags = RL_FIX_ANY_USER_TAG;
    spec_build(&s, &d, &arena);
    n = (size_t)snprintf(text, sizeof text, "%s", HEAD BODY);
    for (uint32_t tag = 6000; tag < 6256; tag++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%u=x|", tag);
    check(&d, &(struct sample){text, OK, 0}, RL_FIX_LEVEL_DICTIONARY);
    snprintf(text + n, sizeof text - n, "6000=x|");
    check(&d, &(struct sample){text, 13, 6000}, RL_FIX_LEVEL_DICTIONARY);
    snprintf(text + n, sizeof text - n, "7000=x|");
    check(&d, &(struct sample){text, 99, 7000}, RL_FIX_LEVEL_DICTIONARY);
    rl_arena_close(&arena);
}

/* A transport's dictionary of one application version, which knows field 58 or does not. */
static void build_version(struct rl_fix_dict *d, struct rl_arena *arena, char version,
                          bool has_text)
{
    static struct spec s;

    spec_begin(&s, "FIXT.1.1");
    for (uint32_t tag = 8; tag < 60; tag++)
        spec_field(&s, (struct spec_field){tag, RL_FIX_T_ANY, NULL, 0});
    spec_field(&s, (struct spec_field){1128, RL_FIX_T_ANY, "789x", 0});
    spec_header(&s, "8! 9! 35! 1128");
    spec_trailer(&s, "10!");
    spec_message(&s, "0", true, "");
    spec_message(&s, "D", false, has_text ? "11! 58" : "11!");
    s.out.appl_ver_id = version;
    spec_build(&s, d, arena);
}

static void test_a_message_may_name_its_application_version(void)
{
    static const struct sample cases[] = {
        {"35=D|11=id|58=x|", 2, 58}, /* the first one's, as none is named */
        {"35=D|1128=7|11=id|58=x|", 2, 58},
        {"35=D|1128=7|11=id|", OK, 0},
        {"35=D|1128=9|11=id|58=x|", OK, 0},
        {"35=D|1128=9|58=x|", 1, 11},
        {"35=D|1128=8|11=id|", 18, 1128}, /* enumerated, and not there */
        {"35=D|1128=x|11=id|", 18, 1128},
        {"35=D|1128=\x7F|11=id|", 5, 1128},
        {"35=D|1128=99|11=id|58=x|", 5, 1128},
        {"35=D|1128=!|11=id|58=x|", 5, 1128},
        {"35=D|1128=8|", 18, 1128}, /* of the body nothing can be said */
        {"35=D|1128=8|1128=8|11=id|", 18, 1128},
        {"35=0|1128=8|", OK, 0}, /* session messages are of no version */
        {"35=D|11=id|1128=9|58=x|", 14, 1128},
    };
    struct rl_fix_dict seven, nine;
    struct rl_arena arena, other_arena;

    build_version(&seven, &arena, '7', false);
    build_version(&nine, &other_arena, '9', true);
    CHECK_EQ(rl_fix_dict_add(&seven, &nine), 0);
    for (size_t i = 0; i < RL_COUNT(cases); i++)
        check(&seven, &cases[i], RL_FIX_LEVEL_DICTIONARY);
    check(&seven, &(struct sample){"35=D|1128=8|", OK, 0}, RL_FIX_LEVEL_HEADER);
    rl_arena_close(&arena);
    rl_arena_close(&other_arena);
}

static void test_sending_time_is_held_against_a_clock_by_who_has_one(void)
{
    static const uint64_t s = 1000000000ULL, sent = 1789998915ULL * 1000000000ULL;
    struct rl_fix_msg m;

    spec_validate(&dict, "35=0|49=A|56=B|34=7|52=20260921-13:55:15|", RL_FIX_LEVEL_FRAME, &m);
    CHECK_EQ(rl_fix_check_sending_time(&m, sent, 120 * s), RL_FIX_OK);
    CHECK_EQ(rl_fix_check_sending_time(&m, sent + 120 * s, 120 * s), RL_FIX_OK);
    CHECK_EQ(rl_fix_check_sending_time(&m, sent - 120 * s, 120 * s), RL_FIX_OK);
    CHECK_EQ(rl_fix_check_sending_time(&m, sent - 121 * s, 120 * s), RL_FIX_REJECT);
    CHECK_EQ(rl_fix_check_sending_time(&m, sent + 121 * s, 120 * s), RL_FIX_REJECT);
    CHECK_EQ(m.reason, RL_FIX_SENDING_TIME);
    CHECK_EQ(m.ref_tag, 0);
    spec_validate(&dict, "35=0|49=A|", RL_FIX_LEVEL_FRAME, &m);
    CHECK_EQ(rl_fix_check_sending_time(&m, sent, 120 * s), RL_FIX_REJECT);
}

static void test_every_reason_has_the_words_of_the_specification(void)
{
    CHECK(strcmp(rl_fix_reason_text(0), "Invalid tag number") == 0);
    CHECK(strcmp(rl_fix_reason_text(5), "Value is incorrect (out of range) for this tag") == 0);
    CHECK(strcmp(rl_fix_reason_text(16), "Incorrect NumInGroup count for repeating group") == 0);
    for (uint32_t reason = 0; reason <= 18; reason++)
        CHECK(rl_fix_reason_text(reason)[0] != 0);
    CHECK(rl_fix_reason_text(19)[0] == 0);
    CHECK(rl_fix_reason_text(UINT32_MAX)[0] == 0);
}

int main(void)
{
    static struct spec s;
    struct rl_arena arena;

    spec_small(&s);
    spec_build(&s, &dict, &arena);
    test_a_required_field_is_missed_wherever_it_belongs();
    test_a_tag_must_be_known_and_allowed_for_the_type();
    test_a_message_type_must_be_known();
    test_a_value_is_one_of_those_listed();
    test_a_value_is_of_its_type();
    test_a_timestamp_is_a_moment_that_the_calendar_has();
    test_times_dates_and_zones_have_their_grammar();
    test_a_tag_comes_once_outside_of_groups();
    test_header_body_and_trailer_keep_their_order();
    test_raw_data_may_hold_anything_but_follows_its_length();
    test_of_several_errors_the_first_in_quickfix_order_is_told();
    test_the_sequence_number_is_not_0_but_in_a_reset();
    test_the_header_level_looks_at_the_header_alone();
    test_the_levels_below_leave_everything_to_the_parser();
    test_names_are_compared_when_somebody_expects_some();
    test_another_begin_string_is_no_matter_of_the_dictionary();
    test_each_option_lets_by_what_it_says_and_nothing_else();
    test_unknown_tags_that_are_let_by_are_remembered_up_to_a_bound();
    test_a_message_may_name_its_application_version();
    test_sending_time_is_held_against_a_clock_by_who_has_one();
    test_every_reason_has_the_words_of_the_specification();
    rl_arena_close(&arena);
    return 0;
}
