/*
 * A stream joined to a snapshot. What came while the snapshot was waited for lies in the window;
 * the snapshot says the last number that is in it, L. Packets with nothing beyond L are dropped;
 * the first that is left must continue L or something before it (previous <= L < last), else what
 * lies between is in neither and a newer snapshot is needed.
 */
#include "market/feed/lines_inner.h"

bool rl_lines_join(struct rl_lines *l, uint64_t last)
{
    const struct rl_window *w = &l->window;
    uint32_t at = w->first, end = at + w->n;

    if (l->state == RL_LINES_IN_ORDER && l->seq.next != 0) {
        l->n.snapshots_unused++;
        return false;
    }
    while (at < end && w->entries[at].head.next <= last + 1)
        at++; /* the snapshot has it */
    if (last == UINT64_MAX || last + 1 < l->seq.next ||
        (at < end && w->entries[at].head.previous > last)) {
        l->n.snapshots_old++;
        if (l->state == RL_LINES_RECOVERING)
            l->due_ns = l->due_ns < l->now_ns ? l->due_ns : l->now_ns; /* a newer one, please */
        return false;
    }
    l->seq.next = last + 1;
    l->n.snapshots++;
    rl_lines_gap_close(l, &l->n.recovered_snapshot);
    return true;
}

bool rl_lines_adopt(struct rl_lines *l, uint64_t last, uint64_t now_ns)
{
    (void)rl_lines_poll(l, now_ns);
    if (rl_lines_join(l, last))
        rl_lines_settle(l, &l->n.recovered_snapshot);
    return rl_lines_poll(l, now_ns);
}
