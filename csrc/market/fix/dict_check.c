/*
 * The quick walk over a message: it says that all is well, or that it does not know. What it
 * accepts the careful walk (dict_careful.c) accepts too; what it does not, the careful walk
 * decides. So the rules, their options and the order of errors are written once, there, and this is
 * only fast.
 */
#include "market/fix/dict_quick.h"

static uint32_t quick_group(const struct look *from, const struct rl_fix_scope *scope,
                            const struct rl_fix_field *count, uint32_t i);

/*
 * Entries whose fields come in any order, as QuickFIX splits them: one begins with the delimiter,
 * or with a member that it has already. `seen` is of the entry.
 */
static uint32_t quick_any_order(const struct look *from, const struct rl_fix_scope *scope,
                                uint32_t n_left, uint32_t i)
{
    const struct look l = *from;
    const struct rl_fix_scope group = *scope;
    uint32_t n_required = group.n_required;
    uint64_t seen[RL_FIX_DICT_WIDTH / 64];
    bool is_first = true;

    while (i < l.last) {
        const struct rl_fix_field *f = &l.fields[i];
        const struct rl_fix_member *e = rl_fix_scope_find(&group, f->tag);

        if (e->tag != f->tag)
            break;
        if (is_first || e->at == 0 || rl_fix_bit(seen, e->at)) {
            if (RL_UNLIKELY(n_required != group.n_required || n_left == 0))
                return 0;
            n_left--;
            n_required = 0;
            is_first = false;
            for (uint32_t k = 0; k < group.n_words; k++)
                seen[k] = 0;
        }
        rl_fix_bit_set(seen, e->at);
        n_required += e->is_required;
        if (RL_UNLIKELY(!quick_value(&l, e, f)))
            return 0;
        i++;
        if (e->group != 0) {
            i = quick_group(from, &l.groups[e->group - 1], f, i);
            if (RL_UNLIKELY(i == 0))
                return 0;
        }
    }
    return n_left == 0 && n_required == group.n_required ? i : 0;
}

/*
 * The entries behind the count field `count`, from the field `i` on. Where the group ends, 0 when
 * it is not as it should be. Members of an entry come in order, so that nothing can be there twice
 * and what is required needs only counting.
 */
static uint32_t quick_group(const struct look *from, const struct rl_fix_scope *scope,
                            const struct rl_fix_field *count, uint32_t i)
{
    const struct look l = *from;
    const struct rl_fix_scope group = *scope;
    uint32_t n_left = quick_count(l.bytes + count->off, count->len);
    uint32_t n_required = group.n_required; /* as if an entry had just ended well */
    uint32_t at = UINT32_MAX;

    if (l.d->flags & RL_FIX_ANY_GROUP_ORDER)
        return quick_any_order(from, scope, n_left, i);
    while (i < l.last) {
        const struct rl_fix_field *f = &l.fields[i];
        const struct rl_fix_member *e = rl_fix_scope_find(&group, f->tag);

        if (e->tag != f->tag)
            break;
        if (e->at <= at) {
            if (RL_UNLIKELY(e->at != 0 || n_required != group.n_required || n_left == 0))
                return 0;
            n_left--;
            n_required = 0;
        }
        at = e->at;
        n_required += e->is_required;
        if (RL_UNLIKELY(!quick_value(&l, e, f)))
            return 0;
        i++;
        if (e->group != 0) {
            i = quick_group(from, &l.groups[e->group - 1], f, i);
            if (RL_UNLIKELY(i == 0))
                return 0;
        }
    }
    return n_left == 0 && n_required == group.n_required ? i : 0;
}

static bool is_name(const struct rl_fix_msg *m, uint32_t tag, const char *name, uint32_t n)
{
    const struct rl_fix_field *f = rl_fix_find(m, tag, 3);

    return f && f->len == n && memcmp(m->bytes + f->off, name, n) == 0;
}

bool rl_fix_has_names(const struct rl_fix_dict *d, const struct rl_fix_msg *m)
{
    return !d->expects_names || (is_name(m, RL_FIX_SenderCompID, d->sender, d->n_sender) &&
                                 is_name(m, RL_FIX_TargetCompID, d->target, d->n_target));
}

const struct rl_fix_scope *rl_fix_dict_kind(const struct rl_fix_dict *d, const struct rl_fix_msg *m)
{
    const struct rl_fix_field *f = &m->fields[2];

    if (RL_LIKELY(m->type != 0 && (m->type & ~0x7F7Fu) == 0))
        return &d->kinds[d->kind_of[(m->type >> 1 & 0x3F80) | (m->type & 0x7F)]];
    for (uint32_t i = 0; i < d->n_long_types; i++)
        if (strlen(d->long_types[i]) == f->len &&
            memcmp(d->long_types[i], m->bytes + f->off, f->len) == 0)
            return &d->kinds[d->long_kinds[i]];
    return &d->kinds[0];
}

/* All of the message, or what comes before the first field that is not of the header. */
INLINE bool quick(const struct rl_fix_dict *d, const struct rl_fix_msg *m,
                  const struct rl_fix_scope *scope, bool is_header_only)
{
    const struct look l = look_at(d, m);
    const struct rl_fix_scope kind = *scope;
    uint32_t part = RL_FIX_IN_HEADER, i = 3, n_required = 0;
    uint8_t seen[RL_FIX_DICT_WIDTH + 64];

    for (uint32_t k = 0; k < kind.n; k += 64)
        memset(seen + k, 0, 64);
    memset(seen, 1, RL_FIX_FRAME_FIELDS); /* the parser found them */
    while (i < l.last) {
        const struct rl_fix_field *f = &l.fields[i];
        const struct rl_fix_member *e = rl_fix_scope_find(&kind, f->tag);

        if (is_header_only && (e->tag != f->tag || e->part != RL_FIX_IN_HEADER))
            break;
        if (RL_UNLIKELY(e->tag != f->tag || e->part < part || seen[e->at]))
            return false;
        seen[e->at] = 1;
        part = e->part;
        n_required += e->is_required;
        if (RL_UNLIKELY(!quick_value(&l, e, f)))
            return false;
        i++;
        if (e->group != 0) {
            i = quick_group(&l, &l.groups[e->group - 1], f, i);
            if (RL_UNLIKELY(i == 0))
                return false;
        }
    }
    return n_required == (is_header_only ? d->n_header_required : kind.n_required);
}

bool rl_fix_quick_all(const struct rl_fix_dict *d, const struct rl_fix_msg *m)
{
    const struct rl_fix_scope *kind = rl_fix_dict_kind(d, m);

    return RL_LIKELY(is_begin(d, m) && kind != d->kinds) && quick(d, m, kind, false);
}

static bool quick_header(const struct rl_fix_dict *d, const struct rl_fix_msg *m)
{
    return RL_LIKELY(is_begin(d, m)) && quick(d, m, d->kinds, true);
}

enum rl_fix_result rl_fix_validate(const struct rl_fix_dict *d, struct rl_fix_msg *m,
                                   enum rl_fix_level level)
{
    const struct rl_fix_dict *other;
    bool is_good;

    if (level <= RL_FIX_LEVEL_CHECKSUM)
        return RL_FIX_OK;
    if (RL_UNLIKELY(!rl_fix_has_names(d, m)))
        return rl_fix_validate_carefully(d, m, level);
    is_good = level == RL_FIX_LEVEL_HEADER ? quick_header(d, m) : rl_fix_quick_all(d, m);
    if (RL_LIKELY(is_good))
        return RL_FIX_OK;
    if (level == RL_FIX_LEVEL_DICTIONARY && d->appl_ver_id != 0) {
        other = rl_fix_dict_for(d, m);
        if (other && other != d && rl_fix_quick_all(other, m))
            return RL_FIX_OK;
    }
    return rl_fix_validate_carefully(d, m, level);
}
