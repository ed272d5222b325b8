/*
 * group - repeating groups of a parsed message, walked entry by entry, nested to any depth.
 *
 * A group is a count field (268=2), then that many entries; each begins with the same tag, the
 * delimiter, which is the first tag behind the count. Without a dictionary nobody can tell where
 * the last entry ends, only where the next begins: it runs to the end of what the group lies in.
 * With the members given (rl_fix_group_spec) it ends before the first tag that is none of them,
 * and what is wrong with the group is said as a dictionary would say it.
 *
 * Threads:  a walk belongs to one thread; the message and the spec are only read.
 * Memory:   none of its own: entries are ranges of the message's fields.
 * Cost:     one look at each field; with members, times their number (a handful).
 */
#ifndef RL_MARKET_FIX_GROUP_H
#define RL_MARKET_FIX_GROUP_H

#include "market/fix/parse.h"

/* Fields [from, to) of the message. */
struct rl_fix_entry {
    uint32_t from;
    uint32_t to;
};

/* What belongs to a group. Constant; a tag belongs to one level only. */
struct rl_fix_group_spec {
    uint32_t count_tag;
    uint32_t delimiter;   /* 0: whatever comes first */
    const uint32_t *tags; /* of an entry itself, with the delimiter, without those nested deeper */
    uint32_t n_tags;
    const struct rl_fix_group_spec *nested; /* groups within an entry */
    uint32_t n_nested;
};

struct rl_fix_group {
    const struct rl_fix_msg *msg;
    const struct rl_fix_group_spec *spec; /* NULL: no dictionary */
    uint32_t count_at;                    /* the index of the count field */
    uint32_t at;                          /* the field where the next entry begins */
    uint32_t end;                         /* no entry reaches beyond */
    uint32_t delimiter;
    uint32_t n_entries; /* promised */
    uint32_t n_left;
    /* Why the walk ended: RL_FIX_OK, or REJECT with these. */
    enum rl_fix_result result;
    enum rl_fix_reason reason;
    uint32_t ref_tag;
};

/*
 * Starts at the count field with index `count_at`; the group ends before the field with index `end`
 * (m->n_fields - 1, CheckSum, or the end of an entry that this group is nested in). `spec` may be
 * NULL. False, with `result` and its reasons set, when the count is no number, more entries are
 * promised than there are fields, or the first field is not the delimiter. A count of 0 is a group
 * without entries.
 */
bool rl_fix_group_open(struct rl_fix_group *g, const struct rl_fix_msg *m, uint32_t count_at,
                       uint32_t end, const struct rl_fix_group_spec *spec);

/*
 * The next entry. False after the last one (result OK), or when fewer entries are there than were
 * promised, or one more begins behind the last (GROUP_COUNT).
 */
bool rl_fix_group_next(struct rl_fix_group *g, struct rl_fix_entry *entry);

/* The first field of that tag in an entry; NULL when there is none. */
static inline const struct rl_fix_field *
rl_fix_entry_find(const struct rl_fix_msg *m, const struct rl_fix_entry *entry, uint32_t tag)
{
    for (uint32_t i = entry->from; i < entry->to; i++)
        if (m->fields[i].tag == tag)
            return &m->fields[i];
    return NULL;
}

/* The member group of that count tag; NULL when the spec has none. */
const struct rl_fix_group_spec *rl_fix_group_nested(const struct rl_fix_group_spec *spec,
                                                    uint32_t count_tag);

#endif
