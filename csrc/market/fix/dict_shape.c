/*
 * Messages that look like an earlier one. Whether parts are in order, tags come once, nothing is
 * missing and groups split as they should depends on the tags and the counts alone: with the same
 * ones of the same dictionary it was found right before, and only values are left to look at.
 */
#include "market/fix/dict_quick.h"

/* Any place will do: a collision makes a message pay for the whole walk again. */
static inline struct rl_fix_shape *shape_of(struct rl_fix_shapes *shapes,
                                            const struct rl_fix_msg *m)
{
    uint32_t middle = m->fields[m->n_fields / 2].tag, last = m->fields[m->n_fields - 2].tag;
    uint64_t h =
        (m->type ^ (uint64_t)m->n_fields << 16 ^ (uint64_t)middle << 24 ^ (uint64_t)last << 40) *
        0x9E3779B97F4A7C15ULL;

    return &shapes->shapes[h >> 32 & (RL_FIX_SHAPES - 1)];
}

static inline bool is_of(const struct rl_fix_shape *shape, const struct rl_fix_dict *d,
                         const struct rl_fix_msg *m)
{
    const struct look l = look_at(d, m);
    const struct rl_fix_member *e = shape->fields;

    if (shape->kinds != d->kinds || shape->type != m->type || shape->n_fields != m->n_fields ||
        !is_begin(d, m))
        return false;
    for (const struct rl_fix_field *f = l.fields + 3; f < l.fields + l.last; f++, e++)
        if (RL_UNLIKELY(e->tag != f->tag || !quick_value(&l, e, f)))
            return false;
    return true;
}

/* The members of the field `i` and, when it counts a group, of its entries; where to go on. */
static uint32_t learn_field(struct rl_fix_shape *shape, const struct look *l,
                            const struct rl_fix_member *e, uint32_t i)
{
    const struct rl_fix_scope *group;
    struct rl_fix_member *at = &shape->fields[i - 3];
    uint32_t count;

    *at = *e;
    i++;
    if (e->group == 0)
        return i;
    group = &l->groups[e->group - 1];
    count = quick_count(l->bytes + l->fields[i - 1].off, l->fields[i - 1].len);
    at->how = count <= UINT16_MAX ? RL_FIX_H_COUNT : RL_FIX_H_ASK;
    at->at = (uint16_t)count;
    while (i < l->last && (e = rl_fix_scope_get(group, l->fields[i].tag)))
        i = learn_field(shape, l, e, i);
    return i;
}

/* From a message that the quick walk found right: every tag has a member. */
static void learn(struct rl_fix_shape *shape, const struct rl_fix_dict *d,
                  const struct rl_fix_msg *m)
{
    const struct look l = look_at(d, m);
    const struct rl_fix_scope *kind = rl_fix_dict_kind(d, m);

    shape->kinds = d->kinds;
    shape->type = m->type;
    shape->n_fields = m->n_fields;
    for (uint32_t i = 3; i < l.last;)
        i = learn_field(shape, &l, rl_fix_scope_find(kind, l.fields[i].tag), i);
}

enum rl_fix_result rl_fix_validate_known(const struct rl_fix_dict *d, struct rl_fix_shapes *shapes,
                                         struct rl_fix_msg *m)
{
    struct rl_fix_shape *shape = shape_of(shapes, m);

    if (RL_UNLIKELY(!rl_fix_has_names(d, m)))
        return rl_fix_validate_carefully(d, m, RL_FIX_LEVEL_DICTIONARY);
    if (RL_LIKELY(is_of(shape, d, m))) {
        shapes->n_known++;
        return RL_FIX_OK;
    }
    /* A type of three characters has no number to know it by. */
    if (m->type == 0 || m->n_fields - 4 > RL_FIX_SHAPE_FIELDS || !rl_fix_quick_all(d, m))
        return rl_fix_validate(d, m, RL_FIX_LEVEL_DICTIONARY);
    shapes->n_new++;
    learn(shape, d, m);
    return RL_FIX_OK;
}
