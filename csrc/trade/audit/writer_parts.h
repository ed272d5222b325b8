/*
 * writer_parts - what opening, stepping and closing a writer share; for writer*.c alone.
 */
#ifndef RL_TRADE_AUDIT_WRITER_PARTS_H
#define RL_TRADE_AUDIT_WRITER_PARTS_H

#include "trade/audit/writer.h"

/* Names the prepared file and goes on in it, behind what w->header says of the segment before. */
int rl_audit_begin_segment(struct rl_audit_writer *w, bool replaces, uint64_t now_tsc);

/*
 * Writes the footer, syncs and closes `file`, whose last unit `at` names. All that it has is
 * durable by then, and the segment after it has no record yet.
 */
int rl_audit_end_segment(struct rl_audit_writer *w, struct rl_audit_file *file,
                         const struct rl_audit_chain *at, enum rl_audit_end end);

/* Takes what waits in the ring, at most once around it, committing by number on the way. */
int64_t rl_audit_take(struct rl_audit_writer *w, uint64_t now_tsc);

/* Seals, writes and syncs what was taken. */
int rl_audit_commit_taken(struct rl_audit_writer *w, uint64_t now_tsc);

#endif
