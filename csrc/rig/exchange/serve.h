/*
 * serve - an exchange as a process has it: sockets, sessions, gateways, matching, market data, all
 * of it on one thread.
 *
 *     rl_serve_open(&s, &config, &why);
 *     while (goes on)
 *         rl_serve_turn(s, timeout_ns);
 *     rl_serve_stop(s);                      nobody is accepted; sessions are logged out
 *     while (!rl_serve_is_quiet(s) && patience)
 *         rl_serve_turn(s, timeout_ns);
 *     rl_serve_close(s);
 *
 * Whatever comes from outside, it goes on: what is not understood ends the connection it came on,
 * or is answered as its protocol has it, and is counted by its reason.
 *
 * Threads:  one. serve_thread.h gives it one, and lets others look at it.
 * Memory:   all of it is mapped at open (rl_serve_n_bytes) and touched when first used.
 * Cost:     two clock readings and one epoll_wait a turn; see bench_fix_loopback for an order.
 */
#ifndef RL_RIG_EXCHANGE_SERVE_H
#define RL_RIG_EXCHANGE_SERVE_H

#include "market/fix/dict.h"
#include "market/replay/replay.h"
#include "net/loop/tcp.h"
#include "rig/exchange/crowd.h"
#include "rig/exchange/fix_gateway.h"
#include "rig/exchange/mischief.h"
#include "rig/exchange/venue.h"
#include "session/fix_session.h"
#include "session/soup_session.h"

#define RL_SERVE_ID (RL_FIX_ID_MAX + 1) /* a comp id and its zero */

/* --- config ----------------------------------------------------------------------------------- */

/* What a member may do, and what happens to its orders. */
struct rl_serve_rules {
    bool cancels_on_disconnect;
    uint32_t rate_per_s; /* new orders and changes; 0: any */
    uint32_t burst;
    uint8_t stp; /* enum rl_match_stp; orders that say nothing themselves */
};

/* A FIX session that is known before anybody logs on. */
struct rl_serve_identity {
    char begin_string[16];    /* "FIX.4.2", "FIXT.1.1" ... */
    char sender[RL_SERVE_ID]; /* ours */
    char target[RL_SERVE_ID]; /* theirs */
    char appl_ver_id;         /* FIXT: '7' '8' '9'; 0: as their Logon says */
    struct rl_serve_rules rules;
};

struct rl_serve_ouch_identity {
    char username[RL_SOUP_USERNAME + 1];
    char password[RL_SOUP_PASSWORD + 1];
    char firm[5];
    struct rl_serve_rules rules;
};

struct rl_serve_config {
    const struct rl_venue_instrument *symbols; /* listed at the start */
    uint32_t n_symbols;
    bool lists_any; /* a new order names what is listed from then on, while there is room */
    struct rl_match_config match; /* n_owners: set by open */

    /* TCP, both protocols together. Addresses of 0 bytes: not served. */
    struct rl_address fix, ouch;
    uint32_t n_connections;
    uint32_t n_bytes_rx, n_bytes_tx; /* of each connection; powers of two */
    uint64_t stall_ns;               /* rl_tcp_config */
    uint64_t logon_ns;               /* a connection is somebody's after so long, or is closed */
    bool spins;                      /* never sleeps */

    /* FIX */
    const struct rl_serve_identity *identities;
    uint32_t n_identities;
    uint32_t n_fix_sessions;     /* known and others together */
    bool takes_any;              /* whoever logs on is given a session */
    struct rl_serve_rules rules; /* of those */
    uint32_t max_message;        /* bytes; longer ones end the connection */
    uint32_t max_garbage;        /* so many bytes that are no message end it too */
    uint64_t store_bytes;        /* of each session: what it can send again; powers of two */
    uint64_t store_messages;
    const char *store_dir; /* NULL: numbers are forgotten when the process ends */
    const struct rl_fix_dict *dicts[RL_FIX_N_VERSIONS]; /* NULL: what a session needs only */
    bool resets_on_logon; /* sessions start from 1 whenever somebody logs on */

    /* OUCH */
    const struct rl_serve_ouch_identity *ouch_identities;
    uint32_t n_ouch_identities, n_ouch_sessions;
    bool takes_any_ouch; /* any user name, and the password that it came with first */

    /* Market data: ITCH over UDP; lines of 0 bytes: none. FIX sessions may subscribe in any case.
     */
    struct rl_address md_lines[2];
    struct rl_address md_requests; /* retransmission and snapshots */
    const char *md_session;        /* NULL: as md_itch has it */

    const struct rl_mischief_config *mischief; /* NULL: behaves */

    /* Everybody else (crowd.h): ITCH messages, so many a second, once. The caller's memory. */
    const uint8_t *crowd;
    const struct rl_stream_rec *crowd_recs;
    uint64_t n_crowd; /* 0: nobody else */
    uint64_t crowd_rate_per_s;
};

/* What an exchange on a bench has; symbols, addresses and identities are left to be filled in. */
void rl_serve_config_init(struct rl_serve_config *config);

/* --- counters --------------------------------------------------------------------------------- */

/* X(NAME, text): why a connection was dropped by us, besides what session and socket say. */
#define RL_SERVE_DROPS(X)                                   \
    X(LOGON_TIMEOUT, "nobody logged on in time")            \
    X(OVERSIZE, "a message longer than the maximum")        \
    X(GARBAGE, "too many bytes that are no message")        \
    X(NO_SESSION, "no room for another session")            \
    X(NO_MEMBER, "no room for another member of the venue") \
    X(STORE, "the session's file cannot be used")           \
    X(MISCHIEF, "misbehaviour that was asked for")          \
    X(CLOSING, "the exchange closed")

enum rl_serve_drop {
#define RL_SERVE_ENUM(name, text) RL_SERVE_DROP_##name,
    RL_SERVE_DROPS(RL_SERVE_ENUM)
#undef RL_SERVE_ENUM
        RL_SERVE_N_DROPS
};
const char *rl_serve_drop_text(enum rl_serve_drop why);

/* X(name, what it counts) */
#define RL_SERVE_COUNTERS(X)                                           \
    X(connections, "connections accepted")                             \
    X(refused, "connections closed at once: no room")                  \
    X(sessions, "sessions that logged on at least once")               \
    X(logons, "logons")                                                \
    X(messages_in, "messages of logged on members, session's own too") \
    X(messages_out, "messages to members, sent again included")        \
    X(resent, "messages sent again")                                   \
    X(garbled, "messages that could not be read, and were ignored")    \
    X(session_rejects, "messages refused by a session")                \
    X(orders, "new orders asked for")                                  \
    X(rejects, "orders, changes and cancels refused")                  \
    X(trades, "trades")                                                \
    X(events, "events of matching")                                    \
    X(throttled, "requests above a member's rate")                     \
    X(bytes_in, "bytes received")                                      \
    X(bytes_out, "bytes sent")                                         \
    X(md_packets, "market data packets, each line")                    \
    X(md_messages, "market data messages")                             \
    X(md_lost, "market data datagrams that the kernel did not take")   \
    X(md_requests, "requests for retransmission and snapshots")

struct rl_serve_counters {
#define RL_SERVE_MEMBER(name, what) uint64_t name;
    RL_SERVE_COUNTERS(RL_SERVE_MEMBER)
#undef RL_SERVE_MEMBER
};
extern const char *const rl_serve_counter_names[]; /* NULL ends it */

/* Ends of connections by reason; a connection is counted once. */
struct rl_serve_ends {
    uint64_t drops[RL_SERVE_N_DROPS];
    uint64_t fix[RL_FIX_BYE_N];   /* by the session: enum rl_fix_cause */
    uint64_t soup[RL_SOUP_BYE_N]; /* enum rl_soup_cause */
    uint64_t tcp[RL_TCP_N_ENDS];  /* by the socket: enum rl_tcp_end, but for ASKED */
};

enum rl_serve_protocol { RL_SERVE_FIX, RL_SERVE_OUCH };

/* One session, as it stands. */
struct rl_serve_status {
    uint8_t protocol; /* enum rl_serve_protocol */
    uint8_t state;    /* 0 away, 1 connected, 2 logged on, 3 logging out */
    char appl_ver_id;
    char begin_string[16];    /* OUCH: empty */
    char sender[RL_SERVE_ID]; /* OUCH: the Soup session */
    char target[RL_SERVE_ID]; /* OUCH: user name */
    char peer[RL_ADDRESS_TEXT];
    uint32_t member; /* UINT32_MAX: none yet */
    uint64_t next_in, next_out;
    uint64_t messages_in, messages_out, resent, logons;
};

/* --- the exchange ----------------------------------------------------------------------------- */

struct rl_serve; /* serve_inner.h */

/*
 * 0, or -errno with a sentence in *why (constant, or the serving address's): -EINVAL a config that
 * makes no sense, -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, -ENOMEM ... *where says what it concerns:
 * "fix", "ouch", "market data A" ..., or "".
 */
int rl_serve_open(struct rl_serve **s, const struct rl_serve_config *config, const char **where,
                  const char **why);
/* Ends everything at once. NULL is harmless. */
void rl_serve_close(struct rl_serve *s);

/* Waits at most so long, and does what there is to do. True when there was something. */
bool rl_serve_turn(struct rl_serve *s, uint64_t timeout_ns);
/* Any thread, or a signal handler: the wait ends now. */
void rl_serve_wake(struct rl_serve *s);

/* Nobody is accepted any more; who is logged on is logged out. Harmless when done before. */
void rl_serve_stop(struct rl_serve *s);
/* No connection is left. */
bool rl_serve_is_quiet(const struct rl_serve *s);

/* The venue's own decisions: halts, busts, the end of a day. */
void rl_serve_decide(struct rl_serve *s, const struct rl_match_request *r);

/* --- looking at it ---------------------------------------------------------------------------- */

size_t rl_serve_n_bytes(const struct rl_serve *s); /* of its memory, the most it can touch */
/* The address obtained; 0 bytes when not served. */
struct rl_address rl_serve_address(const struct rl_serve *s, enum rl_serve_protocol protocol);
struct rl_address rl_serve_md_requests(const struct rl_serve *s);
void rl_serve_count(const struct rl_serve *s, struct rl_serve_counters *n,
                    struct rl_serve_ends *ends);
/* The first n_max sessions; how many there are. */
uint32_t rl_serve_sessions(const struct rl_serve *s, struct rl_serve_status *out, uint32_t n_max);
const struct rl_venue *rl_serve_venue(const struct rl_serve *s);
/* NULL: none was asked for. */
const struct rl_mischief_counters *rl_serve_mischief(const struct rl_serve *s);

#endif
