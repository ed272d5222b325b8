/*
 * What is wrong with a spec. Nothing in it is believed: after this every index is in range, groups
 * are trees of a bounded depth, and no scope is too wide.
 */
#include "market/fix/dict_inner.h"

static bool is_run(uint32_t first, uint32_t n, uint32_t n_all)
{
    return first <= n_all && n <= n_all - first;
}

bool rl_fix_is_plain(const char *s, size_t n_max)
{
    size_t n = s ? strnlen(s, n_max + 1) : 0;

    for (size_t i = 0; i < n; i++)
        if (s[i] < ' ' || s[i] > '~')
            return false;
    return n > 0 && n <= n_max;
}

static const char *wrong_fields(const struct rl_fix_dict_spec *spec)
{
    if (spec->n_fields == 0 || spec->n_fields > RL_FIX_DICT_FIELDS || !spec->fields)
        return "no fields, or too many";
    for (uint32_t i = 0; i < spec->n_fields; i++) {
        const struct rl_fix_spec_field *f = &spec->fields[i];

        if (f->tag == 0 || f->tag > INT32_MAX)
            return "a tag is not between 1 and 2147483647";
        if (f->type >= RL_FIX_N_TYPES)
            return "a field of an unknown type";
        if (f->flags & ~(RL_FIX_FIELD_MULTIPLE | RL_FIX_FIELD_DATA | RL_FIX_FIELD_APPL))
            return "a field has unknown flags";
        if (!is_run(f->first_value, f->n_values, spec->n_values))
            return "the values of a field are outside of the values";
    }
    for (uint32_t i = 0; i < spec->n_values; i++)
        if (!spec->values || !spec->values[i] || !spec->values[i][0])
            return "an enumerated value is empty";
    return NULL;
}

static const char *wrong_runs(const struct rl_fix_dict_spec *spec)
{
    if (!is_run(spec->header.first, spec->header.n, spec->n_members) ||
        !is_run(spec->trailer.first, spec->trailer.n, spec->n_members))
        return "the header or the trailer is outside of the members";
    for (uint32_t i = 0; i < spec->n_messages; i++)
        if (!is_run(spec->messages[i].first, spec->messages[i].n, spec->n_members))
            return "a message is outside of the members";
    for (uint32_t i = 0; i < spec->n_groups; i++) {
        if (!is_run(spec->groups[i].first, spec->groups[i].n, spec->n_members))
            return "a group is outside of the members";
        if (spec->groups[i].n == 0)
            return "a group has no members";
        if (spec->groups[i].n > RL_FIX_DICT_WIDTH)
            return "a group has too many members";
    }
    for (uint32_t i = 0; i < spec->n_members; i++) {
        if (spec->members[i].field >= spec->n_fields)
            return "a member names a field that is not there";
        if (spec->members[i].group != RL_FIX_NO_GROUP && spec->members[i].group >= spec->n_groups)
            return "a member names a group that is not there";
    }
    return NULL;
}

/* How deep groups go inside `group`, itself included; beyond RL_FIX_DICT_DEPTH: too deep or a ring.
 * `depths` remembers: 0 is not known yet. */
static uint32_t depth_of(const struct rl_fix_dict_spec *spec, uint8_t *depths, uint32_t group,
                         uint32_t level)
{
    const struct rl_fix_spec_run *run = &spec->groups[group];
    uint32_t deepest = 0;

    if (depths[group] != 0)
        return depths[group];
    if (level > RL_FIX_DICT_DEPTH)
        return level;
    for (uint32_t i = 0; i < run->n && deepest <= RL_FIX_DICT_DEPTH; i++) {
        uint32_t inner = spec->members[run->first + i].group, depth;

        if (inner == RL_FIX_NO_GROUP)
            continue;
        depth = depth_of(spec, depths, inner, level + 1);
        deepest = depth > deepest ? depth : deepest;
    }
    if (deepest >= RL_FIX_DICT_DEPTH)
        return RL_FIX_DICT_DEPTH + 1;
    depths[group] = (uint8_t)(deepest + 1);
    return deepest + 1;
}

static const char *wrong_groups(const struct rl_fix_dict_spec *spec)
{
    uint8_t depths[UINT16_MAX] = {0};

    for (uint32_t i = 0; i < spec->n_groups; i++) {
        const struct rl_fix_spec_run *run = &spec->groups[i];

        if (depth_of(spec, depths, i, 1) > RL_FIX_DICT_DEPTH)
            return "groups are inside each other in a ring, or too deep";
        for (uint32_t k = 0; k < run->n; k++) {
            uint32_t tag = spec->fields[spec->members[run->first + k].field].tag;

            if (tag == RL_FIX_BeginString || tag == RL_FIX_BodyLength || tag == RL_FIX_MsgType ||
                tag == RL_FIX_CheckSum)
                return "a group holds BeginString, BodyLength, MsgType or CheckSum";
        }
    }
    return NULL;
}

static const struct rl_fix_spec_field *field_of(const struct rl_fix_dict_spec *spec, uint32_t at)
{
    return &spec->fields[spec->members[at].field];
}

static bool run_has(const struct rl_fix_dict_spec *spec, struct rl_fix_spec_run run, uint32_t tag)
{
    for (uint32_t i = 0; i < run.n; i++)
        if (field_of(spec, run.first + i)->tag == tag)
            return true;
    return false;
}

static const char *wrong_frame(const struct rl_fix_dict_spec *spec)
{
    if (!rl_fix_is_plain(spec->begin_string, 8) || strlen(spec->begin_string) < 7)
        return "BeginString has 7 or 8 characters";
    if (spec->appl_ver_id != 0 && (spec->appl_ver_id < '0' || spec->appl_ver_id > '9'))
        return "ApplVerID is a digit";
    if (spec->header.n + spec->trailer.n > RL_FIX_DICT_WIDTH / 2)
        return "the header and the trailer have too many members";
    if (!run_has(spec, spec->header, RL_FIX_BeginString) ||
        !run_has(spec, spec->header, RL_FIX_BodyLength) ||
        !run_has(spec, spec->header, RL_FIX_MsgType))
        return "the header lacks BeginString, BodyLength or MsgType";
    if (!run_has(spec, spec->trailer, RL_FIX_CheckSum))
        return "the trailer lacks CheckSum";
    return NULL;
}

static const char *wrong_messages(const struct rl_fix_dict_spec *spec)
{
    uint32_t n_frame = spec->header.n + spec->trailer.n;

    if (spec->n_messages >= UINT16_MAX || (spec->n_messages > 0 && !spec->message_types))
        return "too many messages, or messages without a type";
    for (uint32_t i = 0; i < spec->n_messages; i++) {
        if (!rl_fix_is_plain(spec->message_types[i], 16))
            return "a message type is empty, too long, or no text";
        if (spec->messages[i].n > RL_FIX_DICT_WIDTH - n_frame)
            return "a message has too many members";
    }
    return NULL;
}

const char *rl_fix_spec_wrong(const struct rl_fix_dict_spec *spec)
{
    const char *what = wrong_fields(spec);

    if (!what && (spec->n_groups >= UINT16_MAX || (spec->n_groups > 0 && !spec->groups)))
        what = "too many groups";
    if (!what && (spec->n_members == 0 || !spec->members))
        what = "no members";
    if (!what && spec->n_messages > 0 && !spec->messages)
        what = "no messages";
    if (!what)
        what = wrong_runs(spec);
    if (!what)
        what = wrong_frame(spec);
    if (!what)
        what = wrong_messages(spec);
    return what ? what : wrong_groups(spec);
}
