/* From a spec to the tables. */
#include "market/fix/dict_inner.h"

#include <errno.h>
#include <stdlib.h>

#define N_TYPE_CODES (1u << 14) /* two characters of 7 bits */

/* --- enumerations ----------------------------------------------------------------------------- */

/* How each field of the spec is checked; enumerations are shared by all members of a field. */
struct checks {
    uint8_t *listed;
    uint32_t *values; /* an index; of raw data: the tag of its length */
    bool *is_data;
};

struct build {
    struct rl_fix_dict *d;
    struct rl_arena *arena;
    const struct rl_fix_dict_spec *spec;
    struct checks checks;
    struct rl_fix_mask *masks;
    struct rl_fix_set *sets;
    uint32_t n_masks, n_sets;
    struct rl_fix_member *members; /* one scope at a time, RL_FIX_DICT_WIDTH or all fields */
    uint32_t n_members;
};

static void *take(struct build *b, size_t n_bytes)
{
    void *p = rl_arena_take(b->arena, n_bytes ? n_bytes : 1, 0);

    if (p)
        memset(p, 0, n_bytes);
    return p;
}

static enum rl_fix_type type_of(const struct build *b, const struct rl_fix_spec_field *f)
{
    if ((b->spec->flags & RL_FIX_ANY_STRING) && f->type >= RL_FIX_T_LOCAL_DATE)
        return RL_FIX_T_ANY;
    return (enum rl_fix_type)f->type;
}

/* A value that the type refuses can never be sent: QuickFIX looks at the type first. */
static bool is_possible(const struct build *b, const struct rl_fix_spec_field *f, const char *value)
{
    return rl_fix_type_holds(type_of(b, f), (const uint8_t *)value, (uint32_t)strlen(value));
}

static int add_set(struct build *b, const struct rl_fix_spec_field *f, struct rl_fix_set *set)
{
    const char *const *values = b->spec->values + f->first_value;
    uint32_t n_slots = 4, n_long = 0;
    struct rl_fix_set_slot *slots;
    const char **long_values;

    while (n_slots < 2 * f->n_values + 1) /* one stays empty, where searches end */
        n_slots *= 2;
    for (uint32_t i = 0; i < f->n_values; i++)
        n_long += strlen(values[i]) > 8;
    slots = take(b, n_slots * sizeof(*slots));
    long_values = take(b, n_long * sizeof(*long_values));
    if (!slots || !long_values)
        return -ENOMEM;
    set->slots = slots;
    set->long_values = long_values;
    set->mask = n_slots - 1;
    for (uint32_t i = 0; i < f->n_values; i++) {
        uint32_t n = (uint32_t)strlen(values[i]), at;
        uint8_t padded[8] = {0};
        uint64_t key;

        if (!is_possible(b, f, values[i]))
            continue;
        if (n > 8) {
            char *copy = take(b, n + 1);

            if (!copy)
                return -ENOMEM;
            memcpy(copy, values[i], n);
            long_values[set->n_long++] = copy;
            continue;
        }
        memcpy(padded, values[i], n);
        key = rl_fix_key(padded, n);
        at = rl_fix_set_hash(key);
        while (slots[at & set->mask].n != 0)
            at++;
        slots[at & set->mask] = (struct rl_fix_set_slot){.key = key, .n = n};
    }
    return 0;
}

static bool is_mask(const struct build *b, const struct rl_fix_spec_field *f)
{
    for (uint32_t i = 0; i < f->n_values; i++) {
        const char *value = b->spec->values[f->first_value + i];

        if (value[1] != 0 || (uint8_t)value[0] > 127)
            return false;
    }
    return true;
}

/* Raw data whose length has a tag that the parser knows too; others are strings like any other. */
static void add_data(struct build *b)
{
    const struct rl_fix_dict_spec *spec = b->spec;

    for (uint32_t i = 0; i < spec->n_fields; i++) {
        const struct rl_fix_spec_field *f = &spec->fields[i];

        if (!(f->flags & RL_FIX_FIELD_DATA) || f->n_values > 0 || f->type != RL_FIX_T_ANY)
            continue;
        for (uint32_t k = 0; k < spec->n_fields && !b->checks.is_data[i]; k++) {
            if (rl_fix_data_tag(spec->fields[k].tag) != f->tag)
                continue;
            b->checks.is_data[i] = true;
            b->checks.values[i] = spec->fields[k].tag;
        }
    }
}

static int add_checks(struct build *b)
{
    const struct rl_fix_dict_spec *spec = b->spec;

    for (uint32_t i = 0; i < spec->n_fields; i++) {
        const struct rl_fix_spec_field *f = &spec->fields[i];
        uint8_t list = f->flags & RL_FIX_FIELD_MULTIPLE ? RL_FIX_LIST : 0;
        int err;

        if (f->n_values == 0 || (spec->flags & RL_FIX_ANY_VALUE))
            continue;
        if (is_mask(b, f)) {
            struct rl_fix_mask *mask = &b->masks[b->n_masks];

            for (uint32_t k = 0; k < f->n_values; k++) {
                const char *value = spec->values[f->first_value + k];

                if (is_possible(b, f, value))
                    rl_fix_bit_set(mask->bits, (uint8_t)value[0]);
            }
            b->checks.listed[i] = RL_FIX_IN_MASK | list;
            b->checks.values[i] = b->n_masks++;
            continue;
        }
        err = add_set(b, f, &b->sets[b->n_sets]);
        if (err)
            return err;
        b->checks.listed[i] = RL_FIX_IN_SET | list;
        b->checks.values[i] = b->n_sets++;
    }
    return 0;
}

/* --- scopes ----------------------------------------------------------------------------------- */

static enum rl_fix_how how_by_type(enum rl_fix_type type)
{
    switch (type) {
    case RL_FIX_T_ANY:
        return RL_FIX_H_ANY;
    case RL_FIX_T_CHAR:
        return RL_FIX_H_ONE;
    case RL_FIX_T_INT:
        return RL_FIX_H_INT;
    case RL_FIX_T_UINT:
        return RL_FIX_H_UINT;
    case RL_FIX_T_FLOAT:
        return RL_FIX_H_FLOAT;
    case RL_FIX_T_TIMESTAMP:
        return RL_FIX_H_TIMESTAMP;
    case RL_FIX_T_TIME:
    case RL_FIX_T_LOCAL_TIME:
        return RL_FIX_H_TIME;
    default:
        return RL_FIX_H_TYPE;
    }
}

static enum rl_fix_how how_of(const struct rl_fix_member *e)
{
    enum rl_fix_type type = rl_fix_type_of(e);
    uint32_t listed = rl_fix_listed_of(e);
    bool is_count = (type == RL_FIX_T_INT || type == RL_FIX_T_UINT) && listed == RL_FIX_NOT_LISTED;

    if (rl_fix_is_data(e))
        return RL_FIX_H_DATA;
    if (e->part == RL_FIX_IN_HEADER && e->tag == RL_FIX_MsgSeqNum)
        return is_count ? RL_FIX_H_SEQ : RL_FIX_H_ASK;
    if (e->part == RL_FIX_IN_HEADER && e->tag == RL_FIX_ApplVerID)
        return RL_FIX_H_VERSION;
    if (e->group != 0) /* its number is read by who walks the group */
        return is_count ? RL_FIX_H_INT : RL_FIX_H_ASK;
    switch (listed) {
    case RL_FIX_NOT_LISTED:
        return how_by_type(type);
    case RL_FIX_IN_MASK:
        return RL_FIX_H_MASK;
    case RL_FIX_IN_SET:
        return RL_FIX_H_SET;
    default:
        return RL_FIX_H_LIST;
    }
}

/* The field with that index, as a member. */
static struct rl_fix_member member_of(const struct build *b, uint32_t field)
{
    const struct rl_fix_spec_field *f = &b->spec->fields[field];

    return (struct rl_fix_member){
        .tag = f->tag,
        .values = b->checks.values[field],
        .careful = rl_fix_careful(type_of(b, f), b->checks.listed[field], b->checks.is_data[field]),
    };
}

/* Appends the run, except tags that header or trailer took already. */
static void add_run(struct build *b, uint32_t first, uint32_t n, enum rl_fix_part part,
                    uint32_t n_taken)
{
    for (uint32_t i = first; i < first + n; i++) {
        const struct rl_fix_spec_member *from = &b->spec->members[i];
        struct rl_fix_member e = member_of(b, from->field);
        bool is_taken = false;

        for (uint32_t k = 0; k < n_taken && !is_taken; k++)
            is_taken = b->members[k].tag == e.tag;
        if (is_taken)
            continue;
        e.part = (uint8_t)part;
        e.is_required = from->is_required != 0;
        if (from->group != RL_FIX_NO_GROUP)
            e.group = (uint16_t)(from->group + 1);
        e.how = (uint8_t)how_of(&e);
        b->members[b->n_members++] = e;
    }
}

static int rank_of(const struct rl_fix_member *e)
{
    static const uint32_t first[RL_FIX_FRAME_FIELDS] = {RL_FIX_BeginString, RL_FIX_BodyLength,
                                                        RL_FIX_MsgType, RL_FIX_CheckSum};

    for (uint32_t i = 0; i < RL_FIX_FRAME_FIELDS; i++)
        if (e->tag == first[i])
            return (int)i;
    return e->is_required ? 10 + (int)e->part : 20;
}

/* Bits of a message: the four that every message has, what header, body, trailer require, rest. */
static void number_members(struct build *b)
{
    uint16_t at = 0;

    for (int rank = 0; rank <= 20; rank++)
        for (uint32_t i = 0; i < b->n_members; i++)
            if (rank_of(&b->members[i]) == rank) {
                b->members[i].at = at++;
                b->members[i].is_required &= at > RL_FIX_FRAME_FIELDS; /* those are never missing */
            }
}

static int add_scope(struct build *b, struct rl_fix_scope *s)
{
    int err = rl_fix_scope_build(s, b->arena, b->members, b->n_members);

    if (err == -EINVAL)
        b->d->what = "a message or a group has a tag twice";
    return err;
}

/* The header and trailer, and the body [first, first + n). */
static int add_kind(struct build *b, struct rl_fix_scope *s, uint32_t first, uint32_t n)
{
    const struct rl_fix_dict_spec *spec = b->spec;

    b->n_members = 0;
    add_run(b, spec->header.first, spec->header.n, RL_FIX_IN_HEADER, 0);
    add_run(b, spec->trailer.first, spec->trailer.n, RL_FIX_IN_TRAILER, 0);
    add_run(b, first, n, RL_FIX_IN_BODY, b->n_members);
    number_members(b);
    return add_scope(b, s);
}

static int add_groups(struct build *b)
{
    struct rl_fix_scope *groups = take(b, b->spec->n_groups * sizeof(*groups));

    if (!groups)
        return -ENOMEM;
    b->d->groups = groups;
    for (uint32_t i = 0; i < b->spec->n_groups; i++) {
        int err;

        b->n_members = 0;
        add_run(b, b->spec->groups[i].first, b->spec->groups[i].n, RL_FIX_IN_BODY, 0);
        for (uint32_t k = 0; k < b->n_members; k++)
            b->members[k].at = (uint16_t)k;
        err = add_scope(b, &groups[i]);
        if (err)
            return err;
    }
    return 0;
}

static int by_key(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Every tag; of two fields with one tag the last, which is the application's. */
static int add_fields(struct build *b)
{
    uint32_t n_fields = b->spec->n_fields;
    uint64_t *keys = malloc(n_fields * sizeof(*keys));

    if (!keys)
        return -ENOMEM;
    for (uint32_t i = 0; i < n_fields; i++)
        keys[i] = (uint64_t)b->spec->fields[i].tag << 32 | i;
    qsort(keys, n_fields, sizeof(*keys), by_key);
    b->n_members = 0;
    for (uint32_t i = 0; i < n_fields; i++) {
        if (i + 1 < n_fields && keys[i + 1] >> 32 == keys[i] >> 32)
            continue;
        b->members[b->n_members] = member_of(b, (uint32_t)keys[i]);
        b->members[b->n_members].at = (uint16_t)b->n_members;
        if (b->spec->fields[(uint32_t)keys[i]].flags & RL_FIX_FIELD_APPL)
            b->members[b->n_members].part = RL_FIX_OF_APPLICATION;
        b->n_members++;
    }
    free(keys);
    return rl_fix_scope_build(&b->d->fields, b->arena, b->members, b->n_members);
}

/* --- message types ---------------------------------------------------------------------------- */

static uint32_t code_of(const char *type)
{
    return type[1] == 0 ? (uint32_t)type[0] : (uint32_t)type[0] << 7 | (uint32_t)type[1];
}

static int add_kinds(struct build *b)
{
    const struct rl_fix_dict_spec *spec = b->spec;
    struct rl_fix_dict *d = b->d;
    struct rl_fix_scope *kinds = take(b, (spec->n_messages + 1) * sizeof(*kinds));
    uint16_t *kind_of = take(b, N_TYPE_CODES * sizeof(*kind_of));
    const char **long_types = take(b, spec->n_messages * sizeof(*long_types));
    uint16_t *long_kinds = take(b, spec->n_messages * sizeof(*long_kinds));
    int err;

    if (!kinds || !kind_of || !long_types || !long_kinds)
        return -ENOMEM;
    d->kinds = kinds;
    d->kind_of = kind_of;
    d->long_types = long_types;
    d->long_kinds = long_kinds;
    err = add_kind(b, &kinds[0], 0, 0);
    for (uint32_t i = 0; i < spec->n_messages && !err; i++) {
        const char *type = spec->message_types[i];
        bool is_twice = false;

        err = add_kind(b, &kinds[i + 1], spec->messages[i].first, spec->messages[i].n);
        kinds[i + 1].is_admin = spec->messages[i].is_admin != 0;
        if (err)
            break;
        if (strlen(type) > 2) {
            char *copy = take(b, strlen(type) + 1);

            if (!copy)
                return -ENOMEM;
            memcpy(copy, type, strlen(type));
            for (uint32_t k = 0; k < d->n_long_types && !is_twice; k++)
                is_twice = strcmp(long_types[k], type) == 0;
            long_types[d->n_long_types] = copy;
            long_kinds[d->n_long_types++] = (uint16_t)(i + 1);
        } else {
            is_twice = kind_of[code_of(type)] != 0;
            kind_of[code_of(type)] = (uint16_t)(i + 1);
        }
        if (is_twice) {
            d->what = "a message type is there twice";
            return -EINVAL;
        }
    }
    return err;
}

static void note_header(struct rl_fix_dict *d)
{
    const struct rl_fix_scope *any = &d->kinds[0];

    for (uint32_t i = 0; i < any->n; i++) {
        const struct rl_fix_member *e = rl_fix_scope_find(any, any->tags[i]);

        d->n_header_required += e->part == RL_FIX_IN_HEADER && e->is_required;
    }
}

/* A version that its own header does not enumerate could never be named by a message. */
static bool knows_its_version(const struct rl_fix_dict *d)
{
    const struct rl_fix_member *e = rl_fix_scope_get(&d->kinds[0], RL_FIX_ApplVerID);
    uint8_t version = (uint8_t)d->appl_ver_id;

    if (version == 0 || !e)
        return true;
    return rl_fix_type_holds(rl_fix_type_of(e), &version, 1) && rl_fix_is_listed(d, e, &version, 1);
}

size_t rl_fix_dict_bytes(const struct rl_fix_dict_spec *spec)
{
    uint32_t n_frame = spec->header.n + spec->trailer.n;
    size_t n = 4096 + N_TYPE_CODES * sizeof(uint16_t);

    if (rl_fix_spec_wrong(spec))
        return 0;
    n += rl_fix_scope_bytes(n_frame) + rl_fix_scope_bytes(spec->n_fields);
    for (uint32_t i = 0; i < spec->n_messages; i++)
        n += rl_fix_scope_bytes(n_frame + spec->messages[i].n) + sizeof(struct rl_fix_scope) +
             RL_CACHE_LINE;
    for (uint32_t i = 0; i < spec->n_groups; i++)
        n += rl_fix_scope_bytes(spec->groups[i].n) + sizeof(struct rl_fix_scope);
    for (uint32_t i = 0; i < spec->n_values; i++)
        n += strlen(spec->values[i]) + 2 * RL_CACHE_LINE;
    for (uint32_t i = 0; i < spec->n_fields; i++)
        n += 8 * sizeof(struct rl_fix_set_slot) + sizeof(struct rl_fix_set) +
             sizeof(struct rl_fix_mask) + 2 * RL_CACHE_LINE +
             4 * (size_t)spec->fields[i].n_values * sizeof(struct rl_fix_set_slot);
    return n;
}

int rl_fix_dict_build(struct rl_fix_dict *d, struct rl_arena *arena,
                      const struct rl_fix_dict_spec *spec)
{
    struct build b = {.d = d, .arena = arena, .spec = spec};
    size_t before = arena->n_used;
    int err = 0;

    memset(d, 0, sizeof(*d));
    d->what = rl_fix_spec_wrong(spec);
    if (d->what)
        return -EINVAL;
    b.checks.listed = calloc(spec->n_fields, sizeof(*b.checks.listed));
    b.checks.values = calloc(spec->n_fields, sizeof(*b.checks.values));
    b.checks.is_data = calloc(spec->n_fields, sizeof(*b.checks.is_data));
    b.members = calloc(spec->n_fields + RL_FIX_DICT_WIDTH, sizeof(*b.members));
    b.masks = take(&b, spec->n_fields * sizeof(*b.masks));
    b.sets = take(&b, spec->n_fields * sizeof(*b.sets));
    if (!b.checks.listed || !b.checks.values || !b.checks.is_data || !b.members || !b.masks ||
        !b.sets) {
        err = -ENOMEM;
        goto out;
    }
    memcpy(&d->begin_string, spec->begin_string, strlen(spec->begin_string));
    d->n_begin_string = (uint32_t)strlen(spec->begin_string);
    d->appl_ver_id = spec->appl_ver_id;
    d->flags = spec->flags;
    d->masks = b.masks;
    d->sets = b.sets;
    d->n_fields = spec->n_fields;
    d->n_messages = spec->n_messages;
    d->n_groups = spec->n_groups;
    add_data(&b);
    err = add_checks(&b);
    if (!err)
        err = add_fields(&b);
    if (!err)
        err = add_groups(&b);
    if (!err)
        err = add_kinds(&b);
    if (!err) {
        note_header(d);
        if (!knows_its_version(d)) {
            d->what = "the header's ApplVerID does not enumerate the dictionary's own";
            err = -EINVAL;
        }
    }
    d->n_table_bytes = arena->n_used - before;
out:
    free(b.checks.listed);
    free(b.checks.values);
    free(b.checks.is_data);
    free(b.members);
    if (err)
        arena->n_used = before;
    return err;
}

/* --- what a session adds ---------------------------------------------------------------------- */

int rl_fix_dict_add(struct rl_fix_dict *d, const struct rl_fix_dict *app)
{
    if (d->appl_ver_id == 0 || app->appl_ver_id == 0 || d->begin_string != app->begin_string ||
        d->appl_ver_id == app->appl_ver_id)
        return -EINVAL;
    d->apps[app->appl_ver_id - '0'] = app;
    return 0;
}

int rl_fix_dict_expect(struct rl_fix_dict *d, const char *sender, const char *target)
{
    if (!sender && !target) {
        d->expects_names = false;
        return 0;
    }
    if (!rl_fix_is_plain(sender, RL_FIX_DICT_NAME) || !rl_fix_is_plain(target, RL_FIX_DICT_NAME))
        return -EINVAL;
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): no name is not plain */
    d->n_sender = (uint8_t)strlen(sender);
    d->n_target = (uint8_t)strlen(target);
    memcpy(d->sender, sender, d->n_sender);
    memcpy(d->target, target, d->n_target);
    d->expects_names = true;
    return 0;
}
