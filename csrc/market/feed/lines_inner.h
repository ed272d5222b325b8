/*
 * lines_inner - what the files of the lines share among themselves; nobody else includes it.
 *
 * lines.c takes packets in and gives them out, gaps.c is the state of what is missing, recovery.c
 * joins the stream to snapshots, skew.c knows who was first and by how much.
 */
#ifndef RL_MARKET_LINES_INNER_H
#define RL_MARKET_LINES_INNER_H

#include "market/feed/lines.h"

/* Lags beyond a minute are no lags: the line is down. One percent is exact enough. */
#define RL_LAG_HIGHEST_NS 60000000000ULL
#define RL_LAG_DIGITS 2
#define RL_LINES_RECENT 4096u /* packets of which the second copy is recognised */

/* --- skew.c --- */

/* Notes who brings the packet. False when this is its first sight. */
bool rl_lines_note(struct rl_lines *l, const struct rl_delivery *a);
/* How long a gap waits for another line. A walk over the histograms: gaps are rare. */
uint64_t rl_lines_gap_wait_ns(const struct rl_lines *l);

/* --- gaps.c --- */

static inline bool rl_lines_may_deliver(const struct rl_lines *l, const struct rl_packet *p)
{
    return l->seq.next != 0 && p->previous + 1 <= l->seq.next;
}

/* Forgets what is parked but was delivered meanwhile; what then lies in front, or NULL. */
const struct rl_parked *rl_lines_front(struct rl_lines *l);
/* After the stream moved on by what `how` counts: is the gap closed, is there another? */
void rl_lines_settle(struct rl_lines *l, uint64_t *how);
/* Does what is due by now: asks, waits for a snapshot, or gives up. */
void rl_lines_expire(struct rl_lines *l);
/* Asks at once, as for the first time. */
void rl_lines_ask_anew(struct rl_lines *l);
/* Goes on with `p`, the lowest packet at hand. */
void rl_lines_give_up(struct rl_lines *l, const struct rl_packet *p);
void rl_lines_gap_close(struct rl_lines *l, uint64_t *how);
/* The counter that a gap goes to when `line` brought what was missing. */
uint64_t *rl_lines_closed_by(struct rl_lines *l, uint32_t line);
/* The stream ends here: what is parked, and what is missing before it, will not come out. */
void rl_lines_drop_parked(struct rl_lines *l);

/* --- recovery.c --- */

/* Whether the stream can go on from a snapshot of everything up to `last`; then it does. */
bool rl_lines_join(struct rl_lines *l, uint64_t last);

#endif
