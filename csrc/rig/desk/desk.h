/*
 * desk - our engine at the other end of a real exchange: feed, books, order manager, FIX session.
 *
 * What the pipeline does in a hurry, this does with everything that a day brings: logon, recovery
 * by resend, a lost connection, orders whose fate is unknown until the venue has said it, lost
 * market data. Bytes come and go through the caller, who also brings the clock; so the same desk
 * trades over sockets, over a wire that cuts and delays, and in virtual time.
 *
 *   connection  away -> logging on -> reconciling -> ready -> away
 *
 * When the session is lost every open order is UNKNOWN. After the next logon what was missed is
 * sent again by the venue; each order that is unknown is asked for (35=H), again and again while
 * the venue says that it does not know yet, and when none is left the desk may trade again.
 *
 * Threads:  one.
 * Memory:   from the caller's arena, at init; the store is the caller's.
 * Cost:     not on the hot path: a message is encoded field by field and copied twice.
 */
#ifndef RL_RIG_DESK_DESK_H
#define RL_RIG_DESK_DESK_H

#include "market/book/book.h"
#include "market/feed/feed.h"
#include "market/fix/fix.h"
#include "session/fix_session.h"
#include "trade/oms/oms.h"

/* How the desk's bytes leave. */
struct rl_desk_wire {
    /* All of it or nothing; false: there is no connection, or no room. */
    bool (*send)(void *context, const uint8_t *bytes, uint32_t n_bytes);
    void (*hang_up)(void *context, enum rl_fix_cause cause);
    /* Looks at each application message after it was booked; NULL: nobody does. */
    void (*heard)(void *context, const struct rl_fix_msg *msg);
    void *context;
};

struct rl_desk_config {
    struct rl_fix_session_config session; /* is_initiator is taken for granted */
    struct rl_oms_config oms;             /* tsc_hz: ns, 1e9 */
    const struct rl_limit_set *limits;
    struct rl_feed_config feed;
    struct rl_books_config books;
};

/* X(name, what it counts) */
#define RL_DESK_COUNTERS(X)                                        \
    X(logons, "sessions that were logged on")                      \
    X(losses, "connections that ended")                            \
    X(answers, "answers of the venue that were booked")            \
    X(notices, "answers that change nothing")                      \
    X(unusable, "answers that no order manager can use")           \
    X(asked, "orders asked for after the session was lost")        \
    X(unsent, "messages that had no connection, or no room on it") \
    X(packets, "market data packets")                              \
    X(updates, "book updates")                                     \
    X(audited, "audit records taken")

struct rl_desk_counters {
#define RL_DESK_MEMBER(name, what) uint64_t name;
    RL_DESK_COUNTERS(RL_DESK_MEMBER)
#undef RL_DESK_MEMBER
};
extern const char *const rl_desk_counter_names[]; /* NULL ends it */

enum rl_desk_state { RL_DESK_AWAY, RL_DESK_LOGGING_ON, RL_DESK_RECONCILING, RL_DESK_READY };

#define RL_DESK_BODY 512 /* bytes of an application message's fields */

struct rl_desk {
    struct rl_oms oms;
    struct rl_fix_session session;
    struct rl_feed feed;
    struct rl_books books;
    uint64_t *seen_ns; /* when an instrument's book was heard of last */
    struct rl_desk_wire wire;
    enum rl_desk_state state;
    uint32_t n_awaited; /* answers to what was asked */
    uint64_t ask_ns;    /* not before: what is unknown is asked for */
    uint8_t body[RL_DESK_BODY];
    struct rl_desk_counters n;
};

size_t rl_desk_bytes(const struct rl_desk_config *config);
/* -EINVAL with a sentence in *why, -ENOMEM. Trading states and the kill word are the caller's. */
int rl_desk_init(struct rl_desk *d, struct rl_arena *arena, const struct rl_desk_config *config,
                 struct rl_session_store *store, struct rl_kill *kill,
                 const struct rl_desk_wire *wire, uint64_t now_ns, const char **why);

/* --- what the caller hears -------------------------------------------------------------------- */

void rl_desk_connected(struct rl_desk *d, uint64_t now_ns);
void rl_desk_disconnected(struct rl_desk *d, uint64_t now_ns);
/* One frame of the session's stream (session/fix_frame.h), or what is garbled in it. */
void rl_desk_message(struct rl_desk *d, const uint8_t *bytes, uint32_t n_bytes, uint64_t now_ns);
/* A market data packet on a line; RL_LINE_RECOVERY: an answer to a request. */
void rl_desk_packet(struct rl_desk *d, uint32_t line, const uint8_t *bytes, uint32_t n_bytes,
                    uint64_t now_ns);
/* Timers of session, feed and order manager. When to call again at the latest. */
uint64_t rl_desk_turn(struct rl_desk *d, uint64_t now_ns);

/* --- what it is asked to do ------------------------------------------------------------------- */

/*
 * The id of the order that left; RL_ID_NONE when it was refused (d->oms.n says by what) or there is
 * no session. Instruments are the feed's.
 */
uint64_t rl_desk_order(struct rl_desk *d, const struct rl_request *r, uint64_t now_ns);
/* The new id. `qty` is the new total, executions included. */
uint64_t rl_desk_replace(struct rl_desk *d, uint64_t id, uint64_t qty, int64_t px_nano,
                         uint64_t now_ns);
/* The id of the request. */
uint64_t rl_desk_cancel(struct rl_desk *d, uint64_t id, uint64_t now_ns);
/* Ends the session in good order. */
void rl_desk_logout(struct rl_desk *d, uint64_t now_ns);

/* The instrument's number, -ENOENT before the feed has named it. */
int rl_desk_instrument(const struct rl_desk *d, const char *symbol);

/*
 * Takes the audit records that wait, oldest first; `take` may be NULL: they are dropped. Without
 * this (or a writer) the log is full one day, and no order leaves any more.
 */
void rl_desk_take_audit(struct rl_desk *d,
                        void (*take)(void *context, const struct rl_audit_record *r),
                        void *context);

#endif
