/*
 * fix_acceptor - to which of the configured sessions a new connection belongs.
 *
 * The first message decides. It must be a Logon of a session that is known here, by BeginString,
 * SenderCompID and TargetCompID (its TargetCompID is our name), and that no other connection has.
 *
 *     cause = rl_fix_admit(acceptor, frame, n_bytes, &session);
 *     if (cause)
 *         close the connection; rl_fix_cause_text(cause) says why
 *     else
 *         step the session with CONNECTED, then with MESSAGE: the same frame
 *
 * Garbage is no first message: what rl_fix_frame calls garbled is to be shown to rl_fix_admit too,
 * and it says RL_FIX_BYE_BAD_LOGON. A connection that shows nothing for the logon time-out is the
 * caller's to close.
 *
 * Threads:  one.
 * Memory:   a table of pointers, the caller's.
 * Cost:     a walk over the sessions that have the same names' hash: once a connection.
 */
#ifndef RL_SESSION_FIX_ACCEPTOR_H
#define RL_SESSION_FIX_ACCEPTOR_H

#include "session/fix_session.h"

struct rl_fix_acceptor {
    struct rl_fix_session **slots; /* by hash, open addressing; NULL: none */
    uint32_t n_slots, n_sessions, n_max;
    uint64_t n_admitted, n_refused;
};

size_t rl_fix_acceptor_bytes(uint32_t n_max);
/* -EINVAL for n_max of 0, -ENOMEM. */
int rl_fix_acceptor_init(struct rl_fix_acceptor *a, struct rl_arena *arena, uint32_t n_max);
/*
 * -EINVAL for an initiator, -EEXIST when a session of the same names and BeginString is there,
 * -ENOSPC.
 */
int rl_fix_acceptor_add(struct rl_fix_acceptor *a, struct rl_fix_session *s);

/* RL_FIX_BYE_NONE and *session, or why the connection is to be closed (*session is NULL then). */
enum rl_fix_cause rl_fix_admit(struct rl_fix_acceptor *a, const uint8_t *bytes, uint32_t n_bytes,
                               struct rl_fix_session **session);

#endif
