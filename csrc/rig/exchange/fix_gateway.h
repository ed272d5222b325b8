/*
 * fix_gateway - order entry by FIX: application messages in, requests to the venue, reports out.
 *
 *     struct rl_fix_gateway g;
 *     rl_fix_gateway_init(&g, arena, &config, venue, send, context);
 *     handle = rl_fix_gateway_join(&g, &session_config);
 *     rl_fix_gateway_message(&g, handle, msg, now_ns, &why);   what its session DELIVERs
 *     rl_fix_gateway_disconnect(&g, handle, now_ns);           LOGGED_OUT
 *     rl_fix_gateway_connect(&g, handle);                      LOGGED_ON
 *
 * It knows no sockets and no session numbers: `send` gets the body of each message for a session,
 * logged on or not, and the session numbers and keeps it (RL_FIX_EV_SEND): so a client that was cut
 * off gets what it missed by resend. A field that cannot be read is REFUSED, for the session to say
 * so (RL_FIX_EV_REFUSE); a message of another kind is NOT_MINE.
 *
 *   D  NewOrderSingle             8 new, then executions; or 8 rejected
 *   F  OrderCancelRequest         8 cancelled; or 9
 *   G  OrderCancelReplaceRequest  8 replaced; or 9. OrderQty is the new total, executions included;
 *                                 no more than was executed: 8 replaced, filled, OrderQty = CumQty
 *   H  OrderStatusRequest         8 status
 *   q  OrderMassCancelRequest     an 8 cancelled for each order (ClOrdID: the order's), then r
 *   AF OrderMassStatusRequest     an 8 status for each order that is live
 *
 *   read: 1 11 18 37 38 40 41 44 54 55 59 97 99 110 111 126 211 432 530 584 585 790 836 1094 1138,
 *   and 8000. Anything else is let by. No field that is read may be there twice.
 *     OrdType 40     1 market, 2 limit, 3 stop, 4 stop limit; P (pegged) with ExecInst a: trailing
 *                    stop, a trailing stop limit when there is a Price. 3 and 4 trail as well with
 *                    PegPriceType 1094=8. PegOffsetValue 211 is the distance, its sign is of no
 *                    consequence; PegOffsetType 836: 0 price, 1 basis points; StopPx, if there, is
 *                    where it starts.
 *     TimeInForce 59 0 day, 1 GTC, 2 at the opening, 3 IOC, 4 FOK, 6 GTD (126, or 432: that day is
 *                    the last one, UTC)
 *     ExecInst 18    6 post-only, G all or none, a trailing; 1 2 5 (held, work ...) change nothing
 *     iceberg        MaxFloor 111 or DisplayQty 1138; MinQty 110
 *     8000           self-trade prevention instead of the session's: 0 none, N newest, O oldest, B
 *                    both, D decrement
 *     Side 54        1 buys; 2, 5 and 6 sell; of another kind: rejected
 *     Account 1      up to 32 characters are given back
 *   Quantities are whole numbers ("100", "100.0"), prices positive and exact to 9 decimals.
 *
 * A ClOrdID has 1 to 64 characters, and names one request of its session: a second order with it is
 * rejected, with the state of the first one (OrdRejReason 6); with PossResend=Y the answer is that
 * state alone. Ids of ended orders and answered requests are kept until their room is needed.
 *
 * Reports of 4.0 to 4.2 have ExecTransType, and '1' and '2' as ExecType of fills; from 4.3 it is
 * 'F'. IOC, FOK, minimum quantity and market remainders end as cancelled (4), days and dates as
 * expired (C). OrderID stays the same over replaces. ExecID is the same number when the venue tells
 * the same event twice (a mischief hook does), never otherwise, and "0" in status reports. A trade
 * that is taken back also takes its quantity off the order: OrderQty = CumQty + LeavesQty. What the
 * venue takes off by itself (self-trade prevention), or prices anew (a trailing stop limit that is
 * triggered), is restated (D; a status report before 4.2). Status reports name a request that the
 * venue has not answered yet: OrdStatus A, 6, E.
 *
 * Threads:  the venue's.
 * Memory:   from the caller's arena. Orders live in one bounded table, all sessions together; no
 *           room: rejected, with a text.
 * Cost:     see bench_fix_gateway: one pass over the fields, one look-up, the venue, one body
 *           written. No allocation, lock or system call.
 */
#ifndef RL_RIG_EXCHANGE_FIX_GATEWAY_H
#define RL_RIG_EXCHANGE_FIX_GATEWAY_H

#include "market/fix/parse.h"
#include "rig/exchange/fix_gateway_table.h"
#include "rig/exchange/venue.h"

#define RL_FIX_GATEWAY_BODY 1024 /* no body is longer */
#define RL_FIX_GATEWAY_TEXT 64   /* characters of a ClOrdID; of other texts that are given back */

enum rl_fix_version {
    RL_FIX_40,
    RL_FIX_41,
    RL_FIX_42,
    RL_FIX_43,
    RL_FIX_44,
    RL_FIX_50,
    RL_FIX_50SP1,
    RL_FIX_50SP2,
    RL_FIX_N_VERSIONS
};

/* "FIX.4.0" ... and, for "FIXT.1.1", ApplVerID '7' to '9' (0: '7'); -EINVAL. */
int rl_fix_version_of(const char *begin_string, char appl_ver_id);

/*
 * A message for a session: `type` is MsgType, the body is fields "tag=value" SOH, and holds until
 * it returns; it must not call the gateway. False: it is lost, and counted.
 */
typedef bool rl_fix_gateway_send(void *context, uint32_t handle, const char *type,
                                 const uint8_t *body, uint32_t n_bytes);

enum rl_fix_gateway_result {
    RL_FIX_GATEWAY_NOT_MINE, /* another type: nothing was done */
    RL_FIX_GATEWAY_TAKEN,    /* and answered, if only by a reject */
    RL_FIX_GATEWAY_REFUSED,  /* nothing was done; the session should say so */
};

/* As the session's REFUSE event wants it. */
struct rl_fix_gateway_refusal {
    uint32_t reason; /* enum rl_fix_refusal of fix_session.h, RL_FIX_REFUSE_FIELD + rl_fix_reason */
    uint32_t tag;
    const char *text; /* constant, or NULL: the usual one */
};

/* Zero is the usual value of everything. */
struct rl_fix_gateway_session_config {
    uint8_t version;            /* enum rl_fix_version */
    uint8_t stp;                /* enum rl_match_stp of orders without 8000 */
    bool cancels_on_disconnect; /* the reports are sent, for when it is back */
    bool says_pending;          /* 150=A, 6, E while the venue keeps a request waiting */
    uint32_t rate_per_s, burst; /* as in rl_venue_member_config */
};

struct rl_fix_gateway_config {
    uint32_t n_orders;   /* live, and ended ones for status */
    uint32_t n_ids;      /* ClOrdIDs; 0: four for each order */
    uint32_t n_sessions; /* at most the venue's match.n_owners */
    uint64_t seed;       /* of the hash of ClOrdIDs: unknown to clients */
    uint64_t first_id;   /* added to OrderIDs and ExecIDs, so that two runs of a day differ */
};

/* X(name, what it counts) */
#define RL_FIX_GATEWAY_COUNTERS(X)                                         \
    X(messages, "application messages of sessions")                        \
    X(refused, "of these, with a field that cannot be read")               \
    X(orders, "new orders that were passed to the venue")                  \
    X(rejected, "new orders answered with a reject, by gateway or venue")  \
    X(duplicates, "requests with a ClOrdID that is known")                 \
    X(cancels, "cancels and mass cancels that were passed to the venue")   \
    X(replaces, "replaces that were passed to the venue")                  \
    X(cancel_rejects, "cancels and replaces refused, by gateway or venue") \
    X(status, "status reports")                                            \
    X(executions, "fills reported")                                        \
    X(busts, "trades taken back that were reported")                       \
    X(full, "requests rejected: no room for order or ClOrdID")             \
    X(sent, "messages to sessions")                                        \
    X(unsent, "messages to sessions that were lost")                       \
    X(events_odd, "events of orders that are not known any more")          \
    X(events_again, "events told a second time, and reported so")

struct rl_fix_gateway_counters {
#define RL_FIX_GATEWAY_MEMBER(name, what) uint64_t name;
    RL_FIX_GATEWAY_COUNTERS(RL_FIX_GATEWAY_MEMBER)
#undef RL_FIX_GATEWAY_MEMBER
};
extern const char *const rl_fix_gateway_counter_names[]; /* NULL ends it */

struct rl_fix_gateway;

struct rl_fix_gateway_session {
    struct rl_fix_gateway *gateway;
    struct rl_fix_gateway_session_config config;
    uint32_t handle;
    uint32_t member; /* the venue's number */
};

struct rl_fix_gateway {
    struct rl_venue *venue;
    rl_fix_gateway_send *send;
    void *context;
    struct rl_fix_gateway_session *sessions; /* by handle */
    uint32_t n_sessions, n_sessions_max;
    struct rl_fix_table table; /* orders and ClOrdIDs */
    uint64_t first_id;
    uint64_t n_own;        /* numbers reports that no event led to */
    uint64_t clock_second; /* that clock shows */
    uint8_t clock[24];     /* "YYYYMMDD-HH:MM:SS." */
    uint8_t body[RL_FIX_GATEWAY_BODY];
    struct rl_fix_gateway_counters n;
};

size_t rl_fix_gateway_bytes(const struct rl_fix_gateway_config *config);
/* -EINVAL, -ENOMEM. The venue is listed and joined by others, too. */
int rl_fix_gateway_init(struct rl_fix_gateway *g, struct rl_arena *arena,
                        const struct rl_fix_gateway_config *config, struct rl_venue *venue,
                        rl_fix_gateway_send *send, void *context);

/* The session's handle, connected; -ENOSPC, -EINVAL. */
int rl_fix_gateway_join(struct rl_fix_gateway *g,
                        const struct rl_fix_gateway_session_config *config);
void rl_fix_gateway_connect(struct rl_fix_gateway *g, uint32_t handle);
void rl_fix_gateway_disconnect(struct rl_fix_gateway *g, uint32_t handle, uint64_t now_ns);
/*
 * A new day for that session, as when its numbers start over: ids of what is over may be used
 * again. Live orders stay, and so do their ids.
 */
void rl_fix_gateway_forget(struct rl_fix_gateway *g, uint32_t handle);

/* A message that parsed, with any fields at all. `why` is filled when it is REFUSED. */
enum rl_fix_gateway_result rl_fix_gateway_message(struct rl_fix_gateway *g, uint32_t handle,
                                                  const struct rl_fix_msg *msg, uint64_t now_ns,
                                                  struct rl_fix_gateway_refusal *why);

/* Integrity of orders, ids and hash. 0, or -EBADMSG and a sentence. Cold. */
int rl_fix_gateway_check(const struct rl_fix_gateway *g, const char **what);

#endif
