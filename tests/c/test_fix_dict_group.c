/* Groups are held to their count, their delimiter, their order and what they require; nested too.
 */
#include "fix_dict_spec.h"

#define HEAD "35=D|49=A|56=B|34=7|52=20260921-13:55:15|"
#define BODY "11=id|55=MSFT|54=1|60=20260921-13:55:15|40=2|"
#define OK (-1)

static struct rl_fix_dict dict;

struct sample {
    const char *group;
    int reason;
    uint32_t tag;
};

static void check(const struct rl_fix_dict *d, const char *before, const struct sample *c,
                  const char *after)
{
    char fields[1024];
    struct rl_fix_msg m;
    int reason;

    snprintf(fields, sizeof fields, "%s%s%s", before, c->group, after);
    reason =
        spec_validate(d, fields, RL_FIX_LEVEL_DICTIONARY, &m) == RL_FIX_OK ? OK : (int)m.reason;
    if (reason != c->reason || (reason != OK && m.ref_tag != c->tag)) {
        fprintf(stderr, "%s\n  saw %d, tag %u (%s); wanted %d, tag %u\n", fields, reason,
                reason == OK ? 0 : m.ref_tag, reason == OK ? "" : m.what, c->reason, c->tag);
        exit(1);
    }
}

/* A group may stand anywhere in the body: what is before and behind it is not its own. */
static void check_all(const struct sample *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        check(&dict, HEAD BODY, &cases[i], "");
        check(&dict, HEAD BODY, &cases[i], "21=1|");
        check(&dict, HEAD, &cases[i], BODY);
    }
}

static void test_the_count_is_the_number_of_entries(void)
{
    static const struct sample cases[] = {
        {"453=1|448=a|452=1|", OK, 0},
        {"453=2|448=a|452=1|448=b|452=2|", OK, 0},
        {"453=02|448=a|452=1|448=b|452=2|", OK, 0},
        {"453=0|", OK, 0},
        {"453=3|448=a|452=1|448=b|452=2|", 16, 453},
        {"453=1|448=a|452=1|448=b|452=2|", 16, 453},
        {"453=0|448=a|452=1|", 16, 453},
        {"453=1|", 16, 453},
        {"453=-1|448=a|452=1|", 16, 453},
        {"453=4294967297|448=a|452=1|", 16, 453}, /* 1 in 32 bits */
        {"453=x|448=a|452=1|", 6, 453},
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_an_entry_begins_with_the_delimiter(void)
{
    static const struct sample cases[] = {
        {"453=1|452=1|", 1, 448},       /* missing altogether: it is required */
        {"453=2|452=1|448=a|", 1, 448}, /* two entries, the first without */
        {"453=1|448=a|452=1|447=D|", 15, 447},
        {"453=1|448=a|44=1|452=1|", 15, 452},
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_a_field_twice_in_an_entry_is_another_entry(void)
{
    static const struct sample cases[] = {
        {"453=1|448=a|452=1|452=2|", 1, 448},
        {"453=2|448=a|452=1|452=2|", 1, 448},
        {"453=1|448=a|448=b|452=1|", 1, 452},
        /* the same tag inside and outside of the group is no repetition */
        {"453=1|448=a|452=1|44=5|", OK, 0},
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_what_an_entry_requires_is_there_in_each(void)
{
    static const struct sample cases[] = {
        {"453=2|448=a|452=1|448=b|", 1, 452},
        {"453=2|448=a|448=b|452=1|", 1, 452},
        {"453=1|448=a|447=D|", 1, 452},
        /* before the count, as what is required comes before what is wrong */
        {"453=5|448=a|", 1, 452},
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_values_inside_are_looked_at_too(void)
{
    static const struct sample cases[] = {
        {"453=1|448=a|452=x|", 6, 452},
        {"453=1|448=a|447=DD|452=1|", 6, 447},
        {"453=1|448=a|452=1|44=1.2.3|", 6, 44},
        {"453=2|448=a|452=x|", 16, 453}, /* the count comes before what is behind it */
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_groups_nest_three_deep(void)
{
    static const struct sample cases[] = {
        {"453=1|448=a|452=1|802=1|523=s|803=4|20000=1|20001=1.5|", OK, 0},
        {"453=2|448=a|452=1|802=2|523=s|803=4|523=t|448=b|452=1|", OK, 0},
        {"453=1|448=a|452=1|802=1|523=s|20000=2|20001=1|58=x|20001=2|44=1.5|", OK, 0},
        {"453=2|448=a|452=1|802=1|523=s|20000=1|20001=1|448=b|452=3|802=1|523=t|", OK, 0},
        {"453=1|448=a|452=1|802=2|523=s|803=4|", 16, 802},
        {"453=1|448=a|452=1|802=1|523=s|523=t|", 16, 802},
        {"453=1|448=a|452=1|802=1|523=s|20000=1|", 16, 20000},
        {"453=1|448=a|452=1|802=1|523=s|20000=1|20001=1|20001=2|", 16, 20000},
        {"453=1|448=a|452=1|802=1|523=s|20000=1|20001=x|", 6, 20001},
        {"453=1|448=a|452=1|802=1|523=s|20000=1|58=x|", 1, 20001},
        {"453=1|448=a|452=1|802=1|803=4|", 1, 523},
        /* behind an inner group its entry goes on, in its order */
        {"453=1|448=a|452=1|802=1|523=s|20000=1|20001=1|803=4|", 15, 803},
        {"453=1|448=a|802=1|523=s|452=1|", 15, 452},
        /* an outer group with too few entries, and an inner one: the outer one first */
        {"453=2|448=a|452=1|802=2|523=s|", 16, 453},
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_what_is_no_member_ends_the_group(void)
{
    static const struct sample cases[] = {
        {"453=2|448=a|452=1|38=5|448=b|452=1|", 2, 448}, /* the lowest tag of those in error */
        {"453=2|448=a|452=1|38=5|", 16, 453},
        {"453=1|448=a|452=1|38=5|447=D|", 2, 447},
        {"453=1|448=a|452=1|999=5|", 0, 999},
        {"453=1|448=a|452=1|453=1|448=a|452=1|", 13, 453},
        {"453=1|448=a|452=1|802=1|523=s|38=5|803=4|", 2, 803},
    };

    check_all(cases, RL_COUNT(cases));
}

static void test_a_user_tag_that_is_let_by_ends_the_group_as_well(void)
{
    static struct spec s;
    struct rl_arena arena;
    struct rl_fix_dict d;

    spec_small(&s);
    s.out.flags = RL_FIX_ANY_USER_TAG;
    spec_build(&s, &d, &arena);
    check(&d, HEAD BODY, &(struct sample){"453=1|448=a|452=1|9999=x|", OK, 0}, "");
    check(&d, HEAD BODY, &(struct sample){"453=2|448=a|452=1|9999=x|448=b|452=1|", 2, 448}, "");
    rl_arena_close(&arena);
}

static void test_the_header_may_have_a_group(void)
{
    static const struct sample cases[] = {
        {"627=1|628=x|", OK, 0},
        {"627=2|628=x|628=y|", OK, 0},
        {"627=2|628=x|", 16, 627},
        {"627=x|628=x|", 6, 627},
    };

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        check(&dict, "35=D|49=A|56=B|", &cases[i], "34=7|52=20260921-13:55:15|" BODY);
        check(&dict, HEAD, &cases[i], BODY);
    }
}

static void test_a_member_is_found_wherever_its_hash_puts_it(void)
{
    /* Tags far apart, of which a direct table has only the first. */
    static struct spec s;
    struct rl_arena arena;
    struct rl_fix_dict d;
    char members[4096] = "", text[4096] = HEAD;
    size_t n = 0, n_text = strlen(text);
    struct rl_fix_msg m;

    spec_small(&s);
    for (uint32_t i = 0; i < 60; i++) {
        uint32_t tag = 100000 + i * 7919 + i * i * 104729;

        spec_field(&s, (struct spec_field){tag, RL_FIX_T_INT, NULL, 0});
        n += (size_t)snprintf(members + n, sizeof members - n, "%u ", tag);
        n_text += (size_t)snprintf(text + n_text, sizeof text - n_text, "%u=%u|", tag, i);
    }
    text[3] = 'X';
    spec_message(&s, "X", false, members);
    spec_build(&s, &d, &arena);
    CHECK_EQ(spec_validate(&d, text, RL_FIX_LEVEL_DICTIONARY, &m), RL_FIX_OK);
    snprintf(text + n_text, sizeof text - n_text, "99999=1|");
    CHECK_EQ(spec_validate(&d, text, RL_FIX_LEVEL_DICTIONARY, &m), RL_FIX_REJECT);
    CHECK_EQ(m.ref_tag, 99999);
    CHECK_EQ(m.reason, RL_FIX_INVALID_TAG);
    rl_arena_close(&arena);
}

int main(void)
{
    static struct spec s;
    struct rl_arena arena;

    spec_small(&s);
    spec_build(&s, &dict, &arena);
    test_the_count_is_the_number_of_entries();
    test_an_entry_begins_with_the_delimiter();
    test_a_field_twice_in_an_entry_is_another_entry();
    test_what_an_entry_requires_is_there_in_each();
    test_values_inside_are_looked_at_too();
    test_groups_nest_three_deep();
    test_what_is_no_member_ends_the_group();
    test_a_user_tag_that_is_let_by_ends_the_group_as_well();
    test_the_header_may_have_a_group();
    test_a_member_is_found_wherever_its_hash_puts_it();
    rl_arena_close(&arena);
    return 0;
}
