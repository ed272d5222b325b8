/*
 * recover - finds where a log ended, and puts what a crash tore off aside.
 *
 * Nothing is deleted and no segment is changed: what lies behind the last good record is copied to
 * NNNNNNNN.audit.torn, and the next segment says in its header where its predecessor ended and
 * what lay behind. It may be done again after a crash in the middle of it.
 *
 * Threads:  the opener of a writer, which holds the directory's lock.
 */
#ifndef RL_TRADE_AUDIT_RECOVER_H
#define RL_TRADE_AUDIT_RECOVER_H

#include "trade/audit/read.h"
#include "trade/audit/segment.h"

struct rl_audit_recovered {
    struct rl_audit_verdict verdict;
    /* Of the next segment's header: segment, first_number and all that is named previous or torn;
     * the rest is zero. */
    struct rl_audit_header next;
    bool replaces; /* a segment of that number exists: nothing of it was good, it is in .torn */
};

/*
 * 0 also for a directory without a log; -EBADMSG for one that is damaged by more than a crash (the
 * verdict tells); else -errno.
 */
int rl_audit_recover(int dir_fd, const struct rl_audit_io *io, struct rl_audit_recovered *out);

#endif
