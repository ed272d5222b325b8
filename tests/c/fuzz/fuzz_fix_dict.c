/*
 * Dictionaries built from specs that lie: the input is a tape of fields, members, groups and
 * messages with indices that may be out of range, rings of groups and tags that come twice. What
 * is refused says why; what is built validates messages of its own tags, and the quick way and the
 * careful one agree on every one of them.
 */
#include <errno.h>

#include "fuzz.h"
#include "fuzz_dict.h"
#include "market/fix/fix.h"

enum { N_FIELDS = 24, N_MEMBERS = 40, N_GROUPS = 5, N_MESSAGES = 5, N_VALUES = 6, N_TEXT = 4 };

struct lie {
    struct rl_fix_dict_spec spec;
    struct rl_fix_spec_field fields[N_FIELDS];
    struct rl_fix_spec_member members[N_MEMBERS];
    struct rl_fix_spec_run groups[N_GROUPS];
    struct rl_fix_spec_message messages[N_MESSAGES];
    const char *values[N_VALUES];
    const char *types[N_MESSAGES];
    char texts[N_VALUES + N_MESSAGES][N_TEXT];
};

/* A byte is the value itself, but for the last few, which are large. */
static uint32_t number(struct fuzz_tape *t)
{
    uint8_t x = fuzz_u8(t);

    return x < 250 ? x : UINT32_MAX >> (x - 250);
}

static const char *text(struct fuzz_tape *t, char *out)
{
    uint32_t n = fuzz_u8(t) % N_TEXT;

    for (uint32_t i = 0; i < n; i++)
        out[i] = (char)fuzz_u8(t);
    out[n] = '\0';
    return out;
}

/* Tags that the header and the rules of FIX know, and a few that they do not. */
static uint32_t tag(struct fuzz_tape *t)
{
    static const uint32_t known[] = {8,  9,  35, 34, 49,   56,   52,  10, 95,
                                     96, 55, 54, 38, 1128, 5001, 268, 43, 11};
    uint32_t x = number(t);

    return x < RL_COUNT(known) ? known[x] : x * 37;
}

static bool is_frame(uint32_t x)
{
    return x == 8 || x == 9 || x == 35 || x == 10;
}

static void tell_lies(struct lie *l, struct fuzz_tape *t)
{
    static const char *const begins[] = {"FIX.4.4", "FIXT.1.1", "FIX", NULL};
    uint8_t begin = fuzz_u8(t), header = fuzz_u8(t);

    memset(l, 0, sizeof *l);
    l->spec = (struct rl_fix_dict_spec){
        .begin_string = begins[begin < 200 ? begin % 2 : begin % 4],
        .appl_ver_id = begin & 4 ? (char)fuzz_u8(t) : '\0',
        .flags = fuzz_u8(t) & 0x7F,
        .values = l->values,
        .message_types = l->types,
        .fields = l->fields,
        .members = l->members,
        .groups = l->groups,
        .messages = l->messages,
        .header = {0, header % 8},
        .trailer = {header % 8, 1},
        .n_values = fuzz_u8(t) % (N_VALUES + 1),
        .n_fields = fuzz_u8(t) % (N_FIELDS + 1),
        .n_members = fuzz_u8(t) % (N_MEMBERS + 1),
        .n_groups = fuzz_u8(t) % (N_GROUPS + 1),
        .n_messages = fuzz_u8(t) % (N_MESSAGES + 1),
    };
    if (header > 250) {
        l->spec.header.n = number(t);
        l->spec.trailer.first = number(t);
    }
    for (uint32_t i = 0; i < l->spec.n_values; i++)
        l->values[i] = text(t, l->texts[i]);
    for (uint32_t i = 0; i < l->spec.n_messages; i++)
        l->types[i] = text(t, l->texts[N_VALUES + i]);
    for (uint32_t i = 0; i < l->spec.n_fields; i++) {
        uint8_t how = fuzz_u8(t);

        l->fields[i] =
            (struct rl_fix_spec_field){.tag = tag(t), .type = how & 15u, .flags = how >> 4 & 3u};
        if (how & 0x40) {
            l->fields[i].first_value = number(t);
            l->fields[i].n_values = number(t);
        }
        if (how & 0x80)
            l->fields[i].type = number(t);
        /* What frames a message was read by the parser, which knows what it looks like. */
        if (is_frame(l->fields[i].tag))
            l->fields[i] = (struct rl_fix_spec_field){.tag = l->fields[i].tag};
    }
    for (uint32_t i = 0; i < l->spec.n_members; i++) {
        uint8_t how = fuzz_u8(t);

        l->members[i] = (struct rl_fix_spec_member){
            .field = number(t), .group = RL_FIX_NO_GROUP, .is_required = how & 1u};
        if (how & 6)
            l->members[i].group = how & 2 ? fuzz_u8(t) % N_GROUPS : number(t);
        if (l->members[i].field < l->spec.n_fields && is_frame(l->fields[l->members[i].field].tag))
            l->members[i].group = RL_FIX_NO_GROUP;
    }
    for (uint32_t i = 0; i < l->spec.n_groups; i++) {
        l->groups[i].first = number(t);
        l->groups[i].n = number(t);
    }
    for (uint32_t i = 0; i < l->spec.n_messages; i++) {
        l->messages[i].is_admin = fuzz_u8(t) & 1;
        l->messages[i].first = number(t);
        l->messages[i].n = number(t);
    }
}

/* A message of one of the types, with the spec's own fields in whatever order, and a stray one. */
static uint32_t some_message(const struct lie *l, struct fuzz_tape *t, uint8_t *out, uint32_t n_max)
{
    struct rl_fix_enc e;
    uint32_t n = 1 + fuzz_u8(t) % 12;

    rl_fix_begin(&e, out, n_max, fuzz_u8(t) & 7 ? l->spec.begin_string : "FIX.4.2");
    rl_fix_put_text(&e, 35, l->spec.n_messages ? l->types[fuzz_u8(t) % l->spec.n_messages] : "D");
    for (uint32_t i = 0; i < n; i++) {
        const struct rl_fix_spec_field *f = &l->fields[fuzz_u8(t) % l->spec.n_fields];
        uint8_t how = fuzz_u8(t);

        if (is_frame(f->tag))
            continue;
        if (how == 255)
            rl_fix_put_text(&e, 7777, "stray");
        if (how & 1 && f->n_values)
            rl_fix_put_text(&e, f->tag, l->values[f->first_value + how / 2u % f->n_values]);
        else if (how & 2)
            rl_fix_put_uint(&e, f->tag, how >> 4);
        else
            rl_fix_put_text(&e, f->tag, how & 4 ? "20261122-17:00:00.5" : how & 8 ? "Y" : "1.5");
    }
    return rl_fix_finish(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rl_fix_field fields[64];
    static struct rl_arena arena;
    static struct lie l;
    struct fuzz_tape t = {data, data + size};
    struct rl_fix_dict d;
    uint8_t message[1024];
    size_t n_bytes;

    if (size > FUZZ_MAX)
        return 0;
    if (!arena.base)
        CHECK_EQ(rl_arena_open(&arena, 32u << 20, 0), 0);
    arena.n_used = 0;
    tell_lies(&l, &t);
    n_bytes = rl_fix_dict_bytes(&l.spec);
    memset(&d, 0, sizeof d);
    if (rl_fix_dict_build(&d, &arena, &l.spec) != 0) {
        CHECK(d.what != NULL && d.what[0] != '\0');
        return 0;
    }
    CHECK(n_bytes >= arena.n_used); /* enough, whatever the tables turned out to be */
    CHECK_EQ(d.n_messages, l.spec.n_messages);
    for (unsigned i = 0; i < 8; i++) {
        uint32_t n = some_message(&l, &t, message, sizeof message);
        struct rl_fix_msg m;

        rl_fix_init(&m, fields, RL_COUNT(fields));
        if (n > 0 && rl_fix_parse(&m, message, n) == RL_FIX_OK)
            fuzz_validate(&d, &m);
    }
    return 0;
}

/* --- seeds ------------------------------------------------------------------------------------ */

/* The small dictionary of fuzz_dict.h, told as a tape; `i` says where it begins to lie. */
size_t fuzz_seed(unsigned i, uint8_t *out)
{
    size_t n = 0;

    if (i >= 6)
        return 0;
    out[n++] = (uint8_t)(i & 1); /* BeginString */
    out[n++] = 6;                /* header fields, then one of the trailer */
    out[n++] = (uint8_t)(i == 3 ? 0x1F : 0);
    out[n++] = 3; /* values */
    out[n++] = 16;
    out[n++] = 20;
    out[n++] = 2;
    out[n++] = 2;
    for (unsigned k = 0; k < 3; k++) {
        out[n++] = 1;
        out[n++] = (uint8_t)('1' + k);
    }
    out[n++] = 1;
    out[n++] = 'D';
    out[n++] = 1;
    out[n++] = 'X';
    for (uint8_t k = 0; k < 16; k++) { /* the known tags, in the order of the table */
        static const uint8_t types[] = {0, 3, 0, 4, 0, 0, 6, 0, 3, 0x20, 0, 0x41, 5, 0, 0, 3};

        out[n++] = types[k];
        out[n++] = k;
        if (types[k] & 0x40) {
            out[n++] = 0;
            out[n++] = 3;
        }
    }
    /* header 8 9 35 34 49 56, trailer 10; D: 55 54 38 95 96 268(group 0); X: 268(group 0) */
    for (uint8_t k = 0; k < 20; k++) {
        static const uint8_t field_of[] = {0, 1, 2,  3,  4, 5,  7,  10, 11, 12,
                                           8, 9, 15, 15, 6, 10, 11, 12, 15, 14};
        bool is_group = field_of[k] == 15;

        out[n++] = (uint8_t)((k < 4 || k == 7) | (is_group ? 2 : 0));
        out[n++] = field_of[k];
        if (is_group)
            out[n++] = (uint8_t)(k == 18);
    }
    out[n++] = 15; /* group 0: 55 54 38 268(group 1) */
    out[n++] = (uint8_t)(i == 4 ? 4 : 3);
    out[n++] = 19; /* group 1: 5001 */
    out[n++] = 1;
    out[n++] = 0;
    out[n++] = 7;
    out[n++] = 6;
    out[n++] = (uint8_t)(i == 5);
    out[n++] = 13;
    out[n++] = 2;
    for (unsigned k = 0; k < 120; k++) /* messages */
        out[n++] = (uint8_t)(k * 37 + i);
    return n;
}
