/*
 * fix_dict_spec - dictionaries written in a few lines, and messages as text with '|' for SOH.
 *
 * A dictionary is a list of fields ("44 FLOAT") and of members by tag; a group's members stand in
 * braces behind its count, '!' marks what is required: "11! 453 { 448! 447 }".
 */
#ifndef RL_TESTS_FIX_DICT_SPEC_H
#define RL_TESTS_FIX_DICT_SPEC_H

#include <ctype.h>
#include <string.h>

#include "check.h"
#include "market/fix/dict.h"

#define SPEC_MAX 256

struct spec {
    struct rl_fix_dict_spec out;
    struct rl_fix_spec_field fields[SPEC_MAX];
    struct rl_fix_spec_member members[SPEC_MAX];
    struct rl_fix_spec_run groups[SPEC_MAX];
    struct rl_fix_spec_message messages[SPEC_MAX];
    const char *types[SPEC_MAX];
    const char *values[SPEC_MAX];
    char text[2048]; /* the values' */
    size_t n_text;
};

struct spec_field {
    uint32_t tag;
    enum rl_fix_type type;
    const char *values; /* one character each, or words between commas; NULL: any */
    uint32_t flags;
};

static inline void spec_begin(struct spec *s, const char *begin_string)
{
    memset(s, 0, sizeof(*s));
    s->out = (struct rl_fix_dict_spec){
        .begin_string = begin_string,
        .values = s->values,
        .message_types = s->types,
        .fields = s->fields,
        .members = s->members,
        .groups = s->groups,
        .messages = s->messages,
    };
}

static inline void spec_field(struct spec *s, struct spec_field f)
{
    struct rl_fix_spec_field *out = &s->fields[s->out.n_fields++];
    bool has_words = f.values && strchr(f.values, ',');

    *out = (struct rl_fix_spec_field){
        .tag = f.tag, .type = f.type, .flags = f.flags, .first_value = s->out.n_values};
    for (const char *at = f.values; at && *at;) {
        size_t n = has_words ? strcspn(at, ",") : 1;
        char *word = s->text + s->n_text;

        CHECK(s->n_text + n < sizeof(s->text));
        memcpy(word, at, n);
        s->n_text += n + 1;
        s->values[s->out.n_values++] = word;
        at += n + (at[n] == ',');
        out->n_values++;
    }
}

static inline uint32_t spec_index(const struct spec *s, uint32_t tag)
{
    for (uint32_t i = 0; i < s->out.n_fields; i++)
        if (s->fields[i].tag == tag)
            return i;
    fprintf(stderr, "no field %u in the spec\n", tag);
    exit(1);
}

/* Reads members up to the end or '}'; groups inside are added before the run that they are in. */
static inline struct rl_fix_spec_run spec_run(struct spec *s, const char **text)
{
    struct rl_fix_spec_member own[64];
    struct rl_fix_spec_run run;
    uint32_t n = 0;

    for (;;) {
        while (**text == ' ')
            (*text)++;
        if (!isdigit((unsigned char)**text))
            break;
        own[n] = (struct rl_fix_spec_member){
            .field = spec_index(s, (uint32_t)strtoul(*text, NULL, 10)), .group = RL_FIX_NO_GROUP};
        while (isdigit((unsigned char)**text))
            (*text)++;
        own[n].is_required = **text == '!';
        *text += own[n].is_required;
        while (**text == ' ')
            (*text)++;
        if (**text == '{') {
            struct rl_fix_spec_run inner;

            (*text)++;
            inner = spec_run(s, text);
            CHECK(**text == '}');
            (*text)++;
            own[n].group = s->out.n_groups;
            s->groups[s->out.n_groups++] = inner;
        }
        n++;
    }
    run = (struct rl_fix_spec_run){.first = s->out.n_members, .n = n};
    memcpy(&s->members[run.first], own, n * sizeof(own[0]));
    s->out.n_members += n;
    return run;
}

static inline void spec_header(struct spec *s, const char *members)
{
    s->out.header = spec_run(s, &members);
}

static inline void spec_trailer(struct spec *s, const char *members)
{
    s->out.trailer = spec_run(s, &members);
}

static inline void spec_message(struct spec *s, const char *type, bool is_admin,
                                const char *members)
{
    struct rl_fix_spec_run run = spec_run(s, &members);

    s->types[s->out.n_messages] = type;
    s->messages[s->out.n_messages++] =
        (struct rl_fix_spec_message){.is_admin = is_admin, .first = run.first, .n = run.n};
}

/* A dictionary with everything that the rules tell apart; the tests say what it has. */
static inline void spec_small(struct spec *s)
{
    static const struct spec_field fields[] = {
        {8, RL_FIX_T_ANY, NULL, 0},
        {9, RL_FIX_T_INT, NULL, 0},
        {35, RL_FIX_T_ANY, NULL, 0},
        {34, RL_FIX_T_UINT, NULL, 0},
        {49, RL_FIX_T_ANY, NULL, 0},
        {56, RL_FIX_T_ANY, NULL, 0},
        {52, RL_FIX_T_TIMESTAMP, NULL, 0},
        {43, RL_FIX_T_BOOLEAN, NULL, 0},
        {90, RL_FIX_T_INT, NULL, 0},
        {91, RL_FIX_T_ANY, NULL, RL_FIX_FIELD_DATA},
        {627, RL_FIX_T_INT, NULL, 0},
        {628, RL_FIX_T_ANY, NULL, 0},
        {93, RL_FIX_T_INT, NULL, 0},
        {89, RL_FIX_T_ANY, NULL, RL_FIX_FIELD_DATA},
        {10, RL_FIX_T_ANY, NULL, 0},
        {112, RL_FIX_T_ANY, NULL, 0},
        {36, RL_FIX_T_UINT, NULL, 0},
        {11, RL_FIX_T_ANY, NULL, 0},
        {21, RL_FIX_T_CHAR, "123", 0},
        {55, RL_FIX_T_ANY, NULL, 0},
        {54, RL_FIX_T_CHAR, "123456789AB", 0},
        {60, RL_FIX_T_TIMESTAMP, NULL, 0},
        {38, RL_FIX_T_FLOAT, NULL, 0},
        {40, RL_FIX_T_CHAR, "12345", 0},
        {44, RL_FIX_T_FLOAT, NULL, 0},
        {58, RL_FIX_T_ANY, NULL, 0},
        {18, RL_FIX_T_ANY, "123G", RL_FIX_FIELD_MULTIPLE},
        {167, RL_FIX_T_ANY, "CS,FUT,OPT,MULTILEGGED", 0},
        {200, RL_FIX_T_MONTH, NULL, 0},
        {64, RL_FIX_T_LOCAL_DATE, NULL, 0},
        {273, RL_FIX_T_TIME, NULL, 0},
        {1079, RL_FIX_T_TZ_TIME, NULL, 0},
        {1132, RL_FIX_T_TZ_TIMESTAMP, NULL, 0},
        {205, RL_FIX_T_DAY, NULL, 0},
        {432, RL_FIX_T_DATE, NULL, 0},
        {95, RL_FIX_T_INT, NULL, 0},
        {96, RL_FIX_T_ANY, NULL, RL_FIX_FIELD_DATA},
        {371, RL_FIX_T_INT, "1,2,10", 0},
        {453, RL_FIX_T_INT, NULL, 0},
        {448, RL_FIX_T_ANY, NULL, 0},
        {447, RL_FIX_T_CHAR, NULL, 0},
        {452, RL_FIX_T_INT, NULL, 0},
        {802, RL_FIX_T_INT, NULL, 0},
        {523, RL_FIX_T_ANY, NULL, 0},
        {803, RL_FIX_T_INT, NULL, 0},
        {20000, RL_FIX_T_INT, NULL, 0},
        {20001, RL_FIX_T_FLOAT, NULL, 0},
        {5005, RL_FIX_T_INT, NULL, 0},
    };

    spec_begin(s, "FIX.4.4");
    for (size_t i = 0; i < RL_COUNT(fields); i++)
        spec_field(s, fields[i]);
    spec_header(s, "8! 9! 35! 49! 56! 34! 52! 43 90 91 627 { 628! }");
    spec_trailer(s, "93 89 10!");
    spec_message(s, "0", true, "112");
    spec_message(s, "4", true, "36!");
    spec_message(s, "D", false,
                 "11! 21 55! 54! 60! 38 40! 44 58 18 167 200 64 273 1079 1132 205 432 95 96 371 "
                 "453 { 448! 447 452! 802 { 523! 803 20000 { 20001! 58 } } 44 } 5005");
    spec_message(s, "AE", false, "11! 58");
    spec_message(s, "U99", false, "58!");
}

static inline void spec_build(struct spec *s, struct rl_fix_dict *d, struct rl_arena *arena)
{
    CHECK_EQ(rl_arena_open(arena, rl_fix_dict_bytes(&s->out), 0), 0);
    if (rl_fix_dict_build(d, arena, &s->out) != 0) {
        fprintf(stderr, "the spec was refused: %s\n", d->what);
        exit(1);
    }
}

/* "35=0|34=1|" between BeginString and CheckSum; the length. '~' stays for a SOH inside data. */
static inline uint32_t spec_encode(uint8_t *out, const char *begin_string, const char *fields)
{
    char head[64];
    size_t n = strlen(fields);
    uint32_t at = 0;
    unsigned sum = 0;

    at = (uint32_t)snprintf(head, sizeof head, "8=%s|9=%zu|", begin_string, n);
    memcpy(out, head, at);
    memcpy(out + at, fields, n);
    at += (uint32_t)n;
    for (uint32_t i = 0; i < at; i++) {
        if (out[i] == '|' || out[i] == '~')
            out[i] = RL_FIX_SOH;
        sum += out[i];
    }
    snprintf(head, sizeof head, "10=%03u|", sum % 256);
    memcpy(out + at, head, 7);
    out[at + 6] = RL_FIX_SOH;
    return at + 7;
}

/* What is wrong with a tag is said where the tag begins, what is wrong with a value at the value.
 */
static inline void spec_check_place(const struct rl_fix_msg *m)
{
    const char *text = (const char *)m->bytes + m->ref_off;
    char tag[16];
    size_t n = (size_t)snprintf(tag, sizeof tag, "%u=", m->ref_tag);

    switch (m->reason) {
    case RL_FIX_INVALID_TAG:
    case RL_FIX_NOT_FOR_THIS_TYPE:
    case RL_FIX_UNDEFINED_TAG:
    case RL_FIX_TAG_TWICE:
    case RL_FIX_TAG_ORDER:
    case RL_FIX_GROUP_ORDER:
        CHECK(memcmp(text, tag, n) == 0 && text[-1] == RL_FIX_SOH);
        break;
    case RL_FIX_WRONG_VALUE:
    case RL_FIX_BAD_FORMAT:
    case RL_FIX_GROUP_COUNT:
        CHECK(memcmp(text - n, tag, n) == 0);
        break;
    case RL_FIX_REQUIRED_MISSING: /* where it could still have come, or what lacks it */
        CHECK(text[-1] == RL_FIX_SOH && isdigit((unsigned char)text[0]));
        break;
    default:
        break;
    }
}

/* Encodes, parses (which must go well) and validates; quick and careful must say the same. */
static inline enum rl_fix_result spec_validate(const struct rl_fix_dict *d, const char *fields,
                                               enum rl_fix_level level, struct rl_fix_msg *m)
{
    static uint8_t bytes[8192];
    static struct rl_fix_field table[512];
    char begin[9] = {0};
    struct rl_fix_msg other;
    enum rl_fix_result result;
    uint32_t n;

    memcpy(begin, &d->begin_string, 8);
    n = spec_encode(bytes, begin, fields);
    rl_fix_init(m, table, RL_COUNT(table));
    result = rl_fix_parse(m, bytes, n);
    if (result != RL_FIX_OK) {
        fprintf(stderr, "not parsed: %s: %s\n", fields, m->what);
        exit(1);
    }
    other = *m;
    result = rl_fix_validate(d, m, level);
    CHECK_EQ(rl_fix_validate_carefully(d, &other, level), result);
    if (result == RL_FIX_REJECT) {
        CHECK_EQ(other.reason, m->reason);
        CHECK_EQ(other.ref_tag, m->ref_tag);
        CHECK_EQ(other.ref_off, m->ref_off);
        CHECK(other.what == m->what && m->what != NULL);
        CHECK(m->ref_off < n);
        spec_check_place(m);
    }
    return result;
}

#endif
