/* Repeating groups: where entries begin and end, and whether as many are there as were promised. */
#include "market/fix/group.h"

#include "market/fix/value.h"

const struct rl_fix_group_spec *rl_fix_group_nested(const struct rl_fix_group_spec *spec,
                                                    uint32_t count_tag)
{
    for (uint32_t i = 0; i < spec->n_nested; i++)
        if (spec->nested[i].count_tag == count_tag)
            return &spec->nested[i];
    return NULL;
}

/* Of an entry itself, or of any group within it: nested entries are passed over as one. */
static bool is_member(const struct rl_fix_group_spec *spec, uint32_t tag)
{
    for (uint32_t i = 0; i < spec->n_tags; i++)
        if (spec->tags[i] == tag)
            return true;
    for (uint32_t i = 0; i < spec->n_nested; i++)
        if (spec->nested[i].count_tag == tag || is_member(&spec->nested[i], tag))
            return true;
    return false;
}

static bool fail(struct rl_fix_group *g, enum rl_fix_reason reason, uint32_t tag)
{
    g->result = RL_FIX_REJECT;
    g->reason = reason;
    g->ref_tag = tag;
    g->n_left = 0;
    return false;
}

bool rl_fix_group_open(struct rl_fix_group *g, const struct rl_fix_msg *m, uint32_t count_at,
                       uint32_t end, const struct rl_fix_group_spec *spec)
{
    const struct rl_fix_field *count = &m->fields[count_at];
    uint64_t n;

    *g = (struct rl_fix_group){
        .msg = m, .spec = spec, .count_at = count_at, .at = count_at + 1, .end = end};
    if (!rl_fix_uint(m, count, &n))
        return fail(g, RL_FIX_BAD_FORMAT, count->tag);
    if (n > end - g->at) /* an entry has at least one field */
        return fail(g, RL_FIX_GROUP_COUNT, count->tag);
    g->n_entries = g->n_left = (uint32_t)n;
    if (n == 0)
        return true;
    g->delimiter = spec && spec->delimiter ? spec->delimiter : m->fields[g->at].tag;
    if (spec && (m->fields[g->at].tag != g->delimiter || !is_member(spec, g->delimiter)))
        return fail(g, RL_FIX_GROUP_ORDER, m->fields[g->at].tag);
    return true;
}

bool rl_fix_group_next(struct rl_fix_group *g, struct rl_fix_entry *entry)
{
    const struct rl_fix_field *f = g->msg->fields;
    uint32_t i = g->at;

    if (g->result != RL_FIX_OK)
        return false;
    if (g->n_left == 0) {
        if (i < g->end && g->n_entries > 0 && f[i].tag == g->delimiter)
            return fail(g, RL_FIX_GROUP_COUNT, f[g->count_at].tag); /* more than promised */
        return false;
    }
    if (i >= g->end || f[i].tag != g->delimiter)
        return fail(g, RL_FIX_GROUP_COUNT, f[g->count_at].tag); /* fewer */
    do
        i++;
    while (i < g->end && f[i].tag != g->delimiter && (!g->spec || is_member(g->spec, f[i].tag)));
    *entry = (struct rl_fix_entry){.from = g->at, .to = i};
    g->at = i;
    g->n_left--;
    return true;
}
