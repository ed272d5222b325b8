/* FIX: groups are walked entry by entry, wrong ones end with the reason; an index finds tags. */
#include "fix_message.h"

#include "market/fix/fix.h"
#include "market/fix/group.h"
#include "market/fix/index.h"

static struct rl_fix_field fields[128];
static struct rl_fix_msg msg;

/* NoPartyIDs (453) with NoPartySubIDs (802) in it, in NoSides (552) */
static const uint32_t sub_tags[] = {523, 803}, party_tags[] = {448, 447, 452},
                      side_tags[] = {54, 37, 11};
static const struct rl_fix_group_spec subs = {
    .count_tag = 802, .delimiter = 523, .tags = sub_tags, .n_tags = 2};
static const struct rl_fix_group_spec parties = {.count_tag = 453,
                                                 .delimiter = 448,
                                                 .tags = party_tags,
                                                 .n_tags = 3,
                                                 .nested = &subs,
                                                 .n_nested = 1};
static const struct rl_fix_group_spec sides = {
    .count_tag = 552, .tags = side_tags, .n_tags = 3, .nested = &parties, .n_nested = 1};

static void parse(const char *body)
{
    static struct message m;
    uint8_t bytes[1024];
    uint32_t n = (uint32_t)strlen(body);

    memcpy(bytes, body, n);
    for (uint32_t i = 0; i < n; i++)
        bytes[i] = bytes[i] == '|' ? RL_FIX_SOH : bytes[i];
    message_frame(&m, "FIX.4.4", bytes, n, 0);
    rl_fix_init(&msg, fields, RL_COUNT(fields));
    CHECK_EQ(rl_fix_parse(&msg, m.bytes, m.n), RL_FIX_OK);
}

static uint32_t index_of(uint32_t tag)
{
    const struct rl_fix_field *f = rl_fix_find(&msg, tag, 0);

    CHECK(f != NULL);
    return (uint32_t)(f - fields);
}

/* All entries as text "from-to ", then the outcome: "." or the reason and its tag. */
static void check_walk(const char *body, uint32_t count_tag, const struct rl_fix_group_spec *spec,
                       const char *wanted)
{
    struct rl_fix_group g;
    struct rl_fix_entry entry;
    char seen[256] = "";
    size_t n = 0;

    parse(body);
    if (rl_fix_group_open(&g, &msg, index_of(count_tag), msg.n_fields - 1, spec))
        while (rl_fix_group_next(&g, &entry)) {
            CHECK(entry.from < entry.to && entry.to <= msg.n_fields - 1);
            n += (size_t)snprintf(seen + n, sizeof seen - n, "%u-%u ", entry.from, entry.to);
        }
    CHECK(!rl_fix_group_next(&g, &entry)); /* and it stays ended */
    if (g.result == RL_FIX_OK)
        snprintf(seen + n, sizeof seen - n, ".");
    else
        snprintf(seen + n, sizeof seen - n, "%d %u", (int)g.reason, g.ref_tag);
    if (strcmp(seen, wanted) != 0) {
        fprintf(stderr, "%s: saw '%s', wanted '%s'\n", body, seen, wanted);
        exit(1);
    }
}

static void test_entries_begin_at_the_delimiter_and_the_last_one_runs_to_the_end(void)
{
    check_walk("35=X|268=2|279=0|270=1|279=1|270=2|58=x|", 268, NULL, "4-6 6-9 .");
    check_walk("35=X|268=1|279=0|", 268, NULL, "4-5 .");
    check_walk("35=X|268=0|58=x|", 268, NULL, ".");
    check_walk("35=X|268=3|279=0|279=0|279=0|", 268, NULL, "4-5 5-6 6-7 .");
}

static void test_members_tell_where_the_last_entry_ends(void)
{
    check_walk("35=D|453=2|448=A|447=D|448=B|452=1|44=5|", 453, &parties, "4-6 6-8 .");
    check_walk("35=D|453=1|448=A|802=2|523=x|803=1|523=y|452=3|44=5|", 453, &parties, "4-10 .");
    check_walk("35=D|453=0|44=5|", 453, &parties, ".");
}

static void test_a_count_that_is_not_kept_is_noticed(void)
{
    check_walk("35=X|268=3|279=0|270=1|279=1|270=2|", 268, NULL, "4-6 6-8 16 268");
    check_walk("35=X|268=1|279=0|270=1|279=1|270=2|", 268, NULL, "4-6 16 268");
    check_walk("35=X|268=2|", 268, NULL, "16 268");
    check_walk("35=X|268=4000000000|279=0|", 268, NULL, "16 268");
    check_walk("35=X|268=x|279=0|", 268, NULL, "6 268");
    check_walk("35=X|268=-1|279=0|", 268, NULL, "6 268");
    check_walk("35=D|453=3|448=A|447=D|448=B|44=5|448=C|", 453, &parties, "4-6 6-7 16 453");
    check_walk("35=D|453=1|448=A|448=B|44=5|", 453, &parties, "4-5 16 453");
}

static void test_an_entry_that_begins_with_another_tag_is_out_of_order(void)
{
    check_walk("35=D|453=1|447=D|448=A|44=5|", 453, &parties, "15 447");
    check_walk("35=D|453=1|44=5|448=A|", 453, &parties, "15 44");
    check_walk("35=8|552=1|44=5|", 552, &sides, "15 44"); /* whatever comes first, but a member */
}

static void test_groups_within_groups_within_groups_are_walked(void)
{
    struct rl_fix_group side, party, sub;
    struct rl_fix_entry a, b, c;
    char seen[128] = "";
    size_t n = 0;

    parse("35=8|552=2|54=1|453=2|448=A|802=1|523=a1|803=1|448=B|37=O1|54=2|37=O2|453=1|448=C|"
          "802=2|523=c1|523=c2|803=9|11=Z|60=x|");
    CHECK(rl_fix_group_open(&side, &msg, index_of(552), msg.n_fields - 1, &sides));
    while (rl_fix_group_next(&side, &a)) {
        const struct rl_fix_field *count = rl_fix_entry_find(&msg, &a, 453);
        const struct rl_fix_group_spec *spec = rl_fix_group_nested(&sides, 453);

        n += (size_t)snprintf(seen + n, sizeof seen - n, "(");
        CHECK(spec == &parties && rl_fix_group_nested(&sides, 802) == NULL);
        CHECK(rl_fix_group_open(&party, &msg, (uint32_t)(count - fields), a.to, spec));
        while (rl_fix_group_next(&party, &b)) {
            count = rl_fix_entry_find(&msg, &b, 802);
            n += (size_t)snprintf(seen + n, sizeof seen - n, "%c",
                                  *rl_fix_value(&msg, &fields[b.from]));
            if (!count)
                continue;
            CHECK(rl_fix_group_open(&sub, &msg, (uint32_t)(count - fields), b.to, &subs));
            while (rl_fix_group_next(&sub, &c))
                n += (size_t)snprintf(seen + n, sizeof seen - n, "%.2s",
                                      (const char *)rl_fix_value(&msg, &fields[c.from]));
            CHECK_EQ(sub.result, RL_FIX_OK);
        }
        CHECK_EQ(party.result, RL_FIX_OK);
        n += (size_t)snprintf(seen + n, sizeof seen - n, ")");
    }
    CHECK_EQ(side.result, RL_FIX_OK);
    CHECK(strcmp(seen, "(Aa1B)(Cc1c2)") == 0);
}

static void test_an_index_finds_what_a_search_finds(void)
{
    static struct rl_fix_index index;
    static struct message m;
    uint64_t random = 31;

    CHECK_EQ(index.generation, 0);
    for (uint32_t i = 0; i < 70000; i++) { /* generations come round once */
        if (i % 16 == 0)
            do {
                message_random(&m, &random);
                rl_fix_init(&msg, fields, RL_COUNT(fields));
            } while (rl_fix_parse(&msg, m.bytes, m.n) != RL_FIX_OK);
        rl_fix_index_make(&index, &msg);
        for (uint32_t k = 0; k < 8; k++) {
            uint32_t tag =
                k < 4 ? fields[check_random(&random) % msg.n_fields].tag : message_tag(&random);

            CHECK(rl_fix_index_find(&index, tag) == rl_fix_find(&msg, tag, 0));
            CHECK(rl_fix_index_find(&index, tag + RL_FIX_INDEX_SLOTS) ==
                  rl_fix_find(&msg, tag + RL_FIX_INDEX_SLOTS, 0));
        }
    }
    CHECK(index.generation < 65535);
}

/* The table of fields still holds the longer message's when the generation's number comes round. */
static void test_an_index_forgets_a_message_of_long_ago(void)
{
    static struct rl_fix_index index;

    parse(
        "35=D|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|"
        "1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|1=a|777=old|");
    rl_fix_index_make(&index, &msg);
    CHECK(rl_fix_index_find(&index, 777) == &fields[44]);
    CHECK_EQ(index.generation, 1);
    parse("35=D|1=a|");
    CHECK_EQ(fields[44].tag, 777);
    do {
        rl_fix_index_make(&index, &msg);
        CHECK(rl_fix_index_find(&index, 777) == NULL);
    } while (index.generation != 1);
}

static void test_random_groups_are_walked_within_their_bounds(void)
{
    static struct message m;
    uint64_t random = 29;
    uint32_t n_walked = 0;

    for (uint32_t i = 0; i < 30000; i++) {
        message_random(&m, &random);
        rl_fix_init(&msg, fields, RL_COUNT(fields));
        if (rl_fix_parse(&msg, m.bytes, m.n) != RL_FIX_OK)
            continue;
        for (uint32_t at = 3; at + 1 < msg.n_fields; at++) {
            struct rl_fix_group g;
            struct rl_fix_entry e;
            uint32_t next = at + 1;

            if (!rl_fix_group_open(&g, &msg, at, msg.n_fields - 1, i % 2 ? &parties : NULL))
                continue;
            while (rl_fix_group_next(&g, &e)) {
                CHECK_EQ(e.from, next);
                CHECK(e.to > e.from && e.to < msg.n_fields);
                next = e.to;
                n_walked++;
            }
        }
    }
    CHECK(n_walked > 1000);
}

int main(void)
{
    test_entries_begin_at_the_delimiter_and_the_last_one_runs_to_the_end();
    test_members_tell_where_the_last_entry_ends();
    test_a_count_that_is_not_kept_is_noticed();
    test_an_entry_that_begins_with_another_tag_is_out_of_order();
    test_groups_within_groups_within_groups_are_walked();
    test_random_groups_are_walked_within_their_bounds();
    test_an_index_finds_what_a_search_finds();
    test_an_index_forgets_a_message_of_long_ago();
    return 0;
}
