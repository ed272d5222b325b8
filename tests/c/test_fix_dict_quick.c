/* The quick walk and the careful one say the same of any message, and the quick one of good ones.
 */
#include "fix_dict_spec.h"

#include "market/fix/dict_inner.h"

static struct rl_fix_dict dict;
static uint64_t seed = 7;

static uint32_t pick(uint32_t n)
{
    return (uint32_t)(check_random(&seed) >> 33) % n;
}

static const char *const pieces[] = {
    "11=id|",
    "21=1|",
    "21=4|",
    "55=MSFT|",
    "54=1|",
    "38=200.5|",
    "38=-7|",
    "60=20260921-13:55:15.038544|",
    "60=20240229-23:59:60|",
    "40=2|",
    "44=1.2.3|",
    "58=text|",
    "18=1 G|",
    "167=FUT|",
    "167=MULTILEGGED|",
    "167=x|",
    "200=202402|",
    "64=20260921|",
    "95=3|96=a~b|",
    "96=abc|",
    "371=10|",
    "453=0|",
    "453=1|448=a|452=1|",
    "453=2|448=a|452=1|448=b|447=D|452=2|44=5|",
    "453=1|448=a|452=1|802=1|523=s|20000=1|20001=1.5|",
    "453=1|448=a|452=1|447=D|",
    "453=2|448=a|452=1|",
    "448=a|",
    "452=1|",
    "802=1|",
    "523=s|",
    "20001=1|",
    "5005=12|",
    "9999=x|",
    "49=A|",
    "56=B|",
    "34=7|",
    "34=0|",
    "43=N|",
    "52=20260921-13:55:15|",
    "627=1|628=x|",
    "93=2|89=~~|",
    "112=x|",
    "36=5|",
    "10=000|",
    "999=x|",
    "38=12345678901234567|",
    "38=1234567890123456|",
    "5005=-1234567890123456|",
    "38=.|",
};

static const char *const heads[] = {
    "35=D|49=A|56=B|34=7|52=20260921-13:55:15|",
    "35=D|49=A|56=B|34=7|52=20260921-13:55:15|11=id|55=X|54=1|60=20260921-13:55:15|40=2|",
    "35=0|49=A|56=B|34=7|52=20260921-13:55:15|",
    "35=4|49=A|56=B|34=0|52=20260921-13:55:15|36=5|",
    "35=U99|49=A|56=B|34=7|52=20260921-13:55:15|",
    "35=Q|49=A|56=B|34=7|52=20260921-13:55:15|",
    "35=D|",
};

static void make(char *text, size_t n_max)
{
    size_t n = (size_t)snprintf(text, n_max, "%s", heads[pick(RL_COUNT(heads))]);
    uint32_t n_pieces = pick(pick(2) ? 3 : 8);

    for (uint32_t i = 0; i < n_pieces; i++)
        n += (size_t)snprintf(text + n, n_max - n, "%s", pieces[pick(RL_COUNT(pieces))]);
}

/* spec_validate compares the two walks. */
static void test_both_walks_say_the_same_of_any_message(void)
{
    uint32_t seen[20] = {0}, n_good = 0;

    for (uint32_t k = 0; k < 120000; k++) {
        char text[1024];
        struct rl_fix_msg m;
        enum rl_fix_level level = k % 4 ? RL_FIX_LEVEL_DICTIONARY : RL_FIX_LEVEL_HEADER;

        make(text, sizeof text);
        if (spec_validate(&dict, text, level, &m) == RL_FIX_OK)
            n_good++;
        else if (m.reason < RL_COUNT(seen))
            seen[m.reason]++;
    }
    CHECK(n_good > 5000);
    for (uint32_t reason = 0; reason <= 16; reason++) {
        bool can_be = reason == 0 || reason == 1 || reason == 2 || reason == 5 || reason == 6 ||
                      reason == 11 || (reason >= 13 && reason <= 16);

        CHECK(can_be ? seen[reason] > 20 : seen[reason] == 0);
    }
}

static void test_both_walks_agree_on_groups_in_any_order(void)
{
    static const char *const members[] = {
        "448=a|",
        "448=b|",
        "447=D|",
        "452=1|",
        "452=x|",
        "44=1|",
        "802=1|523=s|",
        "802=1|803=4|",
        "802=2|523=s|523=t|",
        "802=1|523=s|20000=1|58=x|20001=1|",
    };
    static struct spec s;
    struct rl_arena arena;
    struct rl_fix_dict d;
    uint32_t n_good = 0;

    spec_small(&s);
    s.out.flags = RL_FIX_ANY_GROUP_ORDER;
    spec_build(&s, &d, &arena);
    for (uint32_t k = 0; k < 60000; k++) {
        char text[1024];
        struct rl_fix_msg m;
        size_t n = (size_t)snprintf(text, sizeof text, "%s453=%u|", heads[1], pick(4));

        for (uint32_t i = pick(8); i > 0; i--)
            n +=
                (size_t)snprintf(text + n, sizeof text - n, "%s", members[pick(RL_COUNT(members))]);
        n_good += spec_validate(&d, text, RL_FIX_LEVEL_DICTIONARY, &m) == RL_FIX_OK;
    }
    CHECK(n_good > 500);
    rl_arena_close(&arena);
}

/* Random bytes as values: of every type, the quick check of a value never says more than the exact
 * one, and it does say yes to what is usual. */
static void test_values_of_random_bytes_are_judged_alike(void)
{
    static const char alphabet[] = "0123456789012345678901234567890123456789--..::+ YNZw\xFF\x80";
    static const uint32_t tags[] = {38, 5005, 34, 60, 21, 54, 371, 452, 52, 64, 200, 43, 273};
    uint32_t n_good = 0;

    for (uint32_t k = 0; k < 120000; k++) {
        char value[32], text[512];
        uint32_t n = 1 + pick(pick(3) ? 8 : 28), tag = tags[pick(RL_COUNT(tags))];
        struct rl_fix_msg m;

        for (uint32_t i = 0; i < n; i++)
            value[i] = alphabet[pick(RL_COUNT(alphabet) - 1)];
        value[n] = 0;
        if (tag == 273 && pick(2))
            snprintf(value, sizeof value, "%02u:%02u:%02u%.*s", pick(26), pick(62), pick(63),
                     (int)pick(12), ".1234567890");
        else if (pick(2)) /* near a good timestamp */
            snprintf(value, sizeof value, "%04u%02u%02u-%02u:%02u:%02u%.*s", pick(10000), pick(14),
                     pick(34), pick(26), pick(62), pick(63), (int)pick(11), ".1234567890");
        if (tag == 34 || tag == 52 || tag == 43)
            snprintf(text, sizeof text, "35=0|49=A|56=B|%s%s%u=%s|", tag == 34 ? "" : "34=7|",
                     tag == 52 ? "" : "52=20260921-13:55:15|", tag, value);
        else
            snprintf(text, sizeof text,
                     "35=D|49=A|56=B|34=7|52=20260921-13:55:15|11=i|55=X|%s%s40=2|%s%u=%s|%s",
                     tag == 54 ? "" : "54=1|", tag == 60 ? "" : "60=20260921-13:55:15|",
                     tag == 452 ? "453=1|448=a|" : "", tag, value, tag == 200 ? "58=x|" : "");
        if (spec_validate(&dict, text, RL_FIX_LEVEL_DICTIONARY, &m) == RL_FIX_OK)
            n_good++;
        else
            CHECK(m.ref_tag == tag && (m.reason == 5 || m.reason == 6));
    }
    CHECK(n_good > 8000);
}

/* What the careful walk costs is paid by none of these: seen, not timed. */
static void check_usual(const struct rl_fix_dict *d)
{
    static const char *const usual[] = {
        "35=D|49=A|56=B|34=1000|52=20260921-13:55:15.038544|11=ORD1|21=1|55=MSFT|54=1|"
        "60=20260921-13:24:22.197211|38=12345|40=2|44=682.5358|",
        "35=D|49=A|56=B|34=7|52=20260921-13:55:15|11=id|55=X|54=1|60=20260921-13:55:15|40=2|"
        "44=-1.5|453=2|448=a|452=1|448=b|447=D|452=2|802=1|523=s|20000=2|20001=1|20001=2|58=x|",
        "35=0|49=A|56=B|34=7|52=20260921-13:55:15.123456789|112=x|",
    };

    static uint64_t all_bits[8][RL_FIX_DICT_WIDTH / 64];
    struct rl_fix_scope kinds[8];
    struct rl_fix_dict broken = *d;
    struct rl_fix_msg m;

    /* Only the careful walk reads these: to it, everything is required now. */
    CHECK(d->n_messages < RL_COUNT(kinds));
    memcpy(kinds, d->kinds, (d->n_messages + 1) * sizeof(kinds[0]));
    for (uint32_t k = 0; k <= d->n_messages; k++) {
        for (uint32_t at = 0; at < kinds[k].n; at++)
            rl_fix_bit_set(all_bits[k], at);
        kinds[k].required = all_bits[k];
    }
    broken.kinds = kinds;
    for (size_t i = 0; i < RL_COUNT(usual); i++) {
        CHECK_EQ(spec_validate(d, usual[i], RL_FIX_LEVEL_DICTIONARY, &m), RL_FIX_OK);
        CHECK_EQ(rl_fix_validate(&broken, &m, RL_FIX_LEVEL_DICTIONARY), RL_FIX_OK);
        CHECK_EQ(rl_fix_validate_carefully(&broken, &m, RL_FIX_LEVEL_DICTIONARY), RL_FIX_REJECT);
    }
}

static void test_what_is_usual_needs_no_careful_walk(void)
{
    static struct spec s;
    struct rl_arena arena;
    struct rl_fix_dict d;

    check_usual(&dict);
    spec_small(&s);
    s.out.flags = RL_FIX_ANY_GROUP_ORDER;
    spec_build(&s, &d, &arena);
    check_usual(&d);
    rl_arena_close(&arena);
}

/* Parsed anew and validated with what `shapes` has learned; compared with the plain answer. */
static void check_known(const struct rl_fix_dict *d, struct rl_fix_shapes *shapes, const char *text)
{
    static uint8_t bytes[4096];
    static struct rl_fix_field table[512];
    struct rl_fix_msg m, known;
    enum rl_fix_result result;

    rl_fix_init(&m, table, RL_COUNT(table));
    CHECK_EQ(rl_fix_parse(&m, bytes, spec_encode(bytes, "FIX.4.4", text)), RL_FIX_OK);
    known = m;
    result = rl_fix_validate(d, &m, RL_FIX_LEVEL_DICTIONARY);
    CHECK_EQ(rl_fix_validate_known(d, shapes, &known), result);
    CHECK_EQ(known.reason, m.reason);
    CHECK_EQ(known.ref_tag, m.ref_tag);
    CHECK_EQ(known.ref_off, m.ref_off);
}

static void test_a_known_shape_changes_no_answer(void)
{
    static struct rl_fix_shapes shapes;

    for (uint32_t k = 0; k < 120000; k++) {
        char text[1024];

        make(text, sizeof text);
        check_known(&dict, &shapes, text);
        if (k % 2)
            check_known(&dict, &shapes, text);
    }
    CHECK(shapes.n_known > 5000 && shapes.n_new > 500);
}

static void test_a_shape_is_its_tags_and_its_counts(void)
{
    static struct rl_fix_shapes shapes;
    static const char head[] = "35=D|49=A|56=B|34=7|52=20260921-13:55:15|11=id|55=X|54=1|"
                               "60=20260921-13:55:15|40=2|";
    static const struct {
        const char *body;
        bool is_known, is_new;
    } cases[] = {
        {"453=2|448=a|452=1|448=b|452=2|", false, true},
        {"453=2|448=c|452=3|448=d|452=4|", true, false},
        {"453=02|448=c|452=3|448=d|452=4|", true, false},
        {"453=1|448=c|452=3|448=d|452=4|", false, false}, /* wrong: not to be learned */
        {"453=2|448=c|452=x|448=d|452=4|", false, false},
        {"453=2|448=c|452=3|452=4|448=d|", false, false},
        {"453=2|448=c|452=3|448=d|452=4|", true, false},
        {"453=0|", false, true},
        {"453=0|", true, false},
        {"453=1|", false, false},
        {"38=5|", false, true},
        {"38=-5.25|", true, false},
        {"38=5.2.5|", false, false},
    };
    struct rl_fix_dict other;
    struct rl_arena arena;
    static struct spec s;

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        uint64_t n_known = shapes.n_known, n_new = shapes.n_new;
        char text[512];

        snprintf(text, sizeof text, "%s%s", head, cases[i].body);
        check_known(&dict, &shapes, text);
        CHECK_EQ(shapes.n_known - n_known, cases[i].is_known);
        CHECK_EQ(shapes.n_new - n_new, cases[i].is_new);
    }
    /* Another dictionary has other shapes: there the field is not even known. */
    spec_small(&s);
    s.fields[spec_index(&s, 38)].tag = 39;
    spec_build(&s, &other, &arena);
    check_known(&dict, &shapes, "35=AE|49=A|56=B|34=7|52=20260921-13:55:15|11=id|");
    check_known(&other, &shapes, "35=AE|49=A|56=B|34=7|52=20260921-13:55:15|11=id|");
    CHECK_EQ(shapes.n_known, 5);
    check_known(&other, &shapes, "35=AE|49=A|56=B|34=7|52=20260921-13:55:15|11=id|");
    CHECK_EQ(shapes.n_known, 6);
    rl_arena_close(&arena);
}

static void test_what_has_no_shape_is_validated_as_ever(void)
{
    static struct rl_fix_shapes shapes;
    static char text[3000] = "35=D|49=A|56=B|34=7|52=20260921-13:55:15|11=id|55=X|54=1|"
                             "60=20260921-13:55:15|40=2|453=28|";
    struct rl_fix_dict mine = dict;
    size_t n = strlen(text);

    for (uint32_t i = 0; i < 28; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "448=a|452=1|");
    for (uint32_t i = 0; i < 2; i++) {
        check_known(&dict, &shapes, text); /* 66 fields */
        check_known(&dict, &shapes, "35=U99|49=A|56=B|34=7|52=20260921-13:55:15|58=x|");
        check_known(&dict, &shapes, "35=0|");
    }
    CHECK_EQ(shapes.n_known + shapes.n_new, 0);
    CHECK_EQ(rl_fix_dict_expect(&mine, "A", "B"), 0);
    for (uint32_t i = 0; i < 2; i++) {
        check_known(&mine, &shapes, "35=0|49=A|56=B|34=7|52=20260921-13:55:15|");
        check_known(&mine, &shapes, "35=0|49=A|56=C|34=7|52=20260921-13:55:15|");
    }
    CHECK_EQ(shapes.n_known, 1);
}

int main(void)
{
    static struct spec s;
    struct rl_arena arena;

    spec_small(&s);
    spec_build(&s, &dict, &arena);
    test_both_walks_say_the_same_of_any_message();
    test_both_walks_agree_on_groups_in_any_order();
    test_values_of_random_bytes_are_judged_alike();
    test_what_is_usual_needs_no_careful_walk();
    test_a_known_shape_changes_no_answer();
    test_a_shape_is_its_tags_and_its_counts();
    test_what_has_no_shape_is_validated_as_ever();
    rl_arena_close(&arena);
    return 0;
}
