/* A spec that makes no sense is refused with a sentence, and a small arena with -ENOMEM. */
#include <errno.h>

#include "fix_dict_spec.h"

static struct spec s;
static struct rl_arena arena;

/* Builds what `s` says; what is wrong with it, NULL when nothing is. */
static const char *refusal(void)
{
    struct rl_fix_dict d;
    size_t before = arena.n_used;
    int err = rl_fix_dict_build(&d, &arena, &s.out);

    CHECK((rl_fix_dict_bytes(&s.out) == 0) == (err != 0 && arena.n_used == before) ||
          d.what != NULL);
    if (err == 0)
        return NULL;
    CHECK_EQ(err, -EINVAL);
    CHECK(d.what != NULL);
    CHECK(arena.n_used == before); /* nothing is left behind */
    return d.what;
}

static void check_refused(const char *words)
{
    const char *what = refusal();

    if (!what || !strstr(what, words)) {
        fprintf(stderr, "refused with '%s', wanted '%s'\n", what ? what : "nothing", words);
        exit(1);
    }
    spec_small(&s);
    CHECK(refusal() == NULL); /* the same without the fault */
}

static void test_indexes_out_of_range_are_refused(void)
{
    s.fields[3].first_value = s.out.n_values;
    s.fields[3].n_values = 1;
    check_refused("outside of the values");
    s.fields[3].first_value = UINT32_MAX;
    s.fields[3].n_values = 2; /* wraps around */
    check_refused("outside of the values");
    s.members[5].field = s.out.n_fields;
    check_refused("a field that is not there");
    s.members[5].group = s.out.n_groups;
    check_refused("a group that is not there");
    s.groups[0].first = s.out.n_members;
    check_refused("a group is outside");
    s.groups[1].n = UINT32_MAX;
    check_refused("a group is outside");
    s.messages[2].first = UINT32_MAX;
    check_refused("a message is outside");
    s.messages[2].n = s.out.n_members;
    check_refused("a message is outside");
    s.out.header.n = UINT32_MAX;
    check_refused("the header or the trailer is outside");
    s.out.trailer.first = UINT32_MAX;
    check_refused("the header or the trailer is outside");
}

static void test_groups_in_a_ring_are_refused(void)
{
    /* the innermost group's field counts the outermost */
    s.members[s.groups[1].first].group = 3;
    s.members[s.groups[3].first].group = 1;
    check_refused("in a ring");
    s.members[s.groups[2].first].group = 2;
    check_refused("in a ring");
}

static void test_groups_nest_as_deep_as_the_bound_and_no_deeper(void)
{
    for (uint32_t depth = RL_FIX_DICT_DEPTH; depth <= RL_FIX_DICT_DEPTH + 1; depth++) {
        char text[1024];
        size_t n = 0;

        spec_begin(&s, "FIX.4.4");
        for (uint32_t tag = 8; tag <= 100; tag++)
            spec_field(&s, (struct spec_field){tag, RL_FIX_T_INT, NULL, 0});
        spec_header(&s, "8 9 35");
        spec_trailer(&s, "10");
        for (uint32_t i = 0; i < depth; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%u { ", 40 + i);
        n += (size_t)snprintf(text + n, sizeof text - n, "%u ", 40 + depth);
        for (uint32_t i = 0; i < depth; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "} ");
        spec_message(&s, "D", false, text);
        if (depth == RL_FIX_DICT_DEPTH)
            CHECK(refusal() == NULL);
        else
            CHECK(refusal() != NULL);
    }
    spec_small(&s);
}

static void test_a_tag_twice_in_a_scope_is_refused(void)
{
    s.members[s.groups[2].first + 1] = s.members[s.groups[2].first];
    check_refused("a tag twice");
    s.members[s.messages[2].first + 1] = s.members[s.messages[2].first];
    check_refused("a tag twice");
    s.members[s.out.header.first + 4] = s.members[s.out.header.first + 5];
    check_refused("a tag twice");
}

static void test_what_frames_a_message_has_its_place(void)
{
    s.members[s.out.header.first] = s.members[s.out.header.first + 3];
    check_refused("lacks BeginString");
    s.out.trailer.n--;
    check_refused("lacks CheckSum");
    for (size_t i = 0; i < 4; i++) {
        static const uint32_t frame[] = {8, 9, 35, 10};

        s.members[s.groups[2].first + 1].field = spec_index(&s, frame[i]);
        check_refused("a group holds");
    }
    s.out.begin_string = "FIX.4";
    check_refused("BeginString");
    s.out.begin_string = "FIX.4.4.4";
    check_refused("BeginString");
    s.out.begin_string = "FIX\n4.4";
    check_refused("BeginString");
    s.out.begin_string = NULL;
    check_refused("BeginString");
    s.out.appl_ver_id = 'A';
    check_refused("ApplVerID");
}

static void test_fields_and_messages_must_make_sense(void)
{
    s.fields[0].tag = 0;
    check_refused("a tag is not between");
    s.fields[0].tag = 1u << 31;
    check_refused("a tag is not between");
    s.fields[0].type = RL_FIX_N_TYPES;
    check_refused("unknown type");
    s.fields[0].flags = 8;
    check_refused("unknown flags");
    s.values[0] = "";
    check_refused("value is empty");
    s.values[0] = NULL;
    check_refused("value is empty");
    s.out.values = NULL;
    check_refused("value is empty");
    s.fields[s.out.n_fields - 1].tag = INT32_MAX;
    CHECK(refusal() == NULL);
    s.out.n_messages = 0;
    s.out.messages = NULL;
    s.out.message_types = NULL;
    CHECK(refusal() == NULL);
    s.out.n_messages = 1;
    check_refused("no messages");
    s.out.message_types = NULL;
    check_refused("messages without a type");
    s.types[0] = "";
    check_refused("a message type");
    s.types[0] = "12345678901234567";
    check_refused("a message type");
    s.types[0] = "\x80";
    check_refused("a message type");
    s.types[0] = s.types[1];
    check_refused("there twice");
    s.types[0] = "U99";
    check_refused("there twice");
    s.out.n_fields = 0;
    check_refused("no fields");
    s.out.n_fields = RL_FIX_DICT_FIELDS + 1;
    check_refused("no fields, or too many");
    s.groups[0].n = 0;
    check_refused("no members");
}

static void test_a_message_wider_than_the_bound_is_refused(void)
{
    static struct rl_fix_spec_field fields[RL_FIX_DICT_WIDTH + 8];
    static struct rl_fix_spec_member members[RL_FIX_DICT_WIDTH + 8];

    for (uint32_t n = RL_FIX_DICT_WIDTH - 4; n <= RL_FIX_DICT_WIDTH - 3; n++) {
        spec_small(&s);
        for (uint32_t i = 0; i < n + 4; i++) {
            static const uint32_t frame[] = {8, 9, 35, 10};

            fields[i] = (struct rl_fix_spec_field){.tag = i < 4 ? frame[i] : 100 + i};
            members[i] = (struct rl_fix_spec_member){.field = i, .group = RL_FIX_NO_GROUP};
        }
        s.out.fields = fields;
        s.out.n_fields = n + 4;
        s.out.members = members;
        s.out.n_members = n + 4;
        s.out.header = (struct rl_fix_spec_run){0, 3};
        s.out.trailer = (struct rl_fix_spec_run){3, 1};
        s.out.n_groups = 0;
        s.out.n_messages = 1;
        s.messages[0] = (struct rl_fix_spec_message){.first = 4, .n = n};
        if (n == RL_FIX_DICT_WIDTH - 4)
            CHECK(refusal() == NULL);
        else
            check_refused("too many members");
    }
    spec_small(&s);
}

static void test_an_arena_of_any_size_holds_the_tables_or_says_so(void)
{
    size_t enough = rl_fix_dict_bytes(&s.out), least = 0;
    struct rl_fix_dict d;

    for (size_t n = 1; n <= enough; n = n < enough / 64 ? n * 2 : n + enough / 64) {
        struct rl_arena small;
        int err;

        CHECK_EQ(rl_arena_open(&small, n, 0), 0);
        small.n_bytes = n; /* not rounded up to pages */
        err = rl_fix_dict_build(&d, &small, &s.out);
        CHECK(err == 0 || err == -ENOMEM);
        CHECK(err == 0 || small.n_used == 0);
        CHECK(err == 0 || least == 0); /* a larger arena never holds less */
        least = err == 0 && least == 0 ? n : least;
        rl_arena_close(&small);
    }
    CHECK(least > 0 && least < enough);
}

static void test_other_versions_are_of_the_same_transport(void)
{
    struct rl_fix_dict a, b, c;

    CHECK_EQ(rl_fix_dict_build(&a, &arena, &s.out), 0);
    s.out.appl_ver_id = '9';
    CHECK_EQ(rl_fix_dict_build(&b, &arena, &s.out), 0);
    s.out.appl_ver_id = '7';
    s.out.begin_string = "FIXT.1.1";
    CHECK_EQ(rl_fix_dict_build(&c, &arena, &s.out), 0);
    CHECK_EQ(rl_fix_dict_add(&a, &b), -EINVAL); /* no version of its own */
    CHECK_EQ(rl_fix_dict_add(&b, &a), -EINVAL);
    CHECK_EQ(rl_fix_dict_add(&b, &b), -EINVAL);
    CHECK_EQ(rl_fix_dict_add(&b, &c), -EINVAL); /* another BeginString */
    spec_small(&s);
}

/* Random damage to the arrays: built or refused, never out of bounds. */
static void test_random_nonsense_is_refused_or_built(void)
{
    uint64_t seed = 20261122;
    uint32_t n_built = 0, n_refused = 0;

    for (uint32_t k = 0; k < 20000; k++) {
        uint32_t n_changes = 1 + (uint32_t)(check_random(&seed) % 3);

        spec_small(&s);
        for (uint32_t c = 0; c < n_changes; c++) {
            struct {
                void *words;
                size_t n;
            } places[] = {
                {s.fields, s.out.n_fields * sizeof(s.fields[0]) / 4},
                {s.members, s.out.n_members * sizeof(s.members[0]) / 4},
                {s.groups, s.out.n_groups * sizeof(s.groups[0]) / 4},
                {s.messages, s.out.n_messages * sizeof(s.messages[0]) / 4},
                {&s.out.header, 4},
                {&s.out.flags, 1},
            };
            uint64_t random = check_random(&seed);
            size_t which = random % RL_COUNT(places);
            uint32_t *word = (uint32_t *)places[which].words + (random >> 8) % places[which].n;

            switch (random >> 40 & 3) {
            case 0:
                *word = (uint32_t)check_random(&seed);
                break;
            case 1:
                *word = (uint32_t)check_random(&seed) % 64;
                break;
            default:
                *word += (uint32_t)(random >> 44 & 3) - 1;
            }
        }
        if (refusal())
            n_refused++;
        else
            n_built++;
        arena.n_used = 0;
    }
    CHECK(n_built > 1000 && n_refused > 1000);
    spec_small(&s);
}

int main(void)
{
    CHECK_EQ(rl_arena_open(&arena, 64 << 20, 0), 0);
    spec_small(&s);
    CHECK(refusal() == NULL);
    test_indexes_out_of_range_are_refused();
    test_groups_in_a_ring_are_refused();
    test_groups_nest_as_deep_as_the_bound_and_no_deeper();
    test_a_tag_twice_in_a_scope_is_refused();
    test_what_frames_a_message_has_its_place();
    test_fields_and_messages_must_make_sense();
    test_a_message_wider_than_the_bound_is_refused();
    test_an_arena_of_any_size_holds_the_tables_or_says_so();
    test_other_versions_are_of_the_same_transport();
    test_random_nonsense_is_refused_or_built();
    rl_arena_close(&arena);
    return 0;
}
