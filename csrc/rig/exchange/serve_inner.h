/*
 * serve_inner - what the files of the exchange's process share; nobody else includes this.
 *
 * serve.c opens, turns and closes; serve_config.c says what a sound config is; serve_look.c counts;
 * serve_peer.c makes sessions; serve_fix.c (with serve_fix_read.c) and serve_ouch.c tie connections
 * to them; serve_md.c is the lines of market data.
 *
 * A link is what stands behind a connection, a peer is a session: it is there before its first
 * connection and after the last one. A connection belongs to a peer from its logon on.
 */
#ifndef RL_RIG_EXCHANGE_SERVE_INNER_H
#define RL_RIG_EXCHANGE_SERVE_INNER_H

#include "net/loop/udp.h"
#include "rig/exchange/fix_gateway.h"
#include "rig/exchange/md_fix.h"
#include "rig/exchange/md_itch.h"
#include "rig/exchange/ouch_gateway.h"
#include "rig/exchange/serve.h"
#include "session/fix_acceptor.h"
#include "session/store_file.h"

#define RL_SERVE_NOBODY UINT32_MAX

/* Who counts the end of a connection. */
enum rl_serve_ended { RL_SERVE_BY_TCP, RL_SERVE_BY_US, RL_SERVE_BY_FIX, RL_SERVE_BY_SOUP };

struct rl_serve_peer {
    uint8_t protocol; /* enum rl_serve_protocol */
    bool is_waiting;  /* FIX: its step goes on when its connection takes more */
    bool is_md_held;
    uint32_t number;     /* of the peer; its handle for market data */
    uint32_t handle;     /* of its gateway; RL_SERVE_NOBODY before the first logon */
    uint32_t n_waited;   /* bytes of the message that the step is about */
    uint64_t armed_ns;   /* when its connection is woken; RL_NEVER */
    uint64_t created_ns; /* of the numbers at the last logon: other numbers, another day */
    uint64_t logons;
    struct rl_serve *serve;
    struct rl_tcp_conn *conn; /* NULL: away */
    struct rl_serve_rules rules;
    char firm[5];
    uint8_t version; /* enum rl_fix_version */
    union {
        struct rl_fix_session fix;
        struct rl_soup_session soup;
    };
    union {
        struct rl_session_store store;
        struct rl_memory_store memory;
        struct rl_file_store file;
    };
};

struct rl_serve_link {
    struct rl_serve_peer *peer; /* NULL: nobody has logged on */
    uint8_t protocol;
    uint8_t ended; /* enum rl_serve_ended */
    uint8_t why;   /* of that */
    bool is_over;
    uint32_t n_garbage;
    uint64_t deaf_until_ns;
};

struct rl_serve {
    struct rl_serve_config config;
    struct rl_arena arena;
    struct rl_tcp tcp;
    struct rl_venue venue;
    struct rl_fix_gateway fix;
    struct rl_fix_acceptor acceptor;
    struct rl_ouch_gateway ouch;
    struct rl_md_fix *md_fix;
    struct rl_md_itch *md_itch;   /* NULL: no lines */
    struct rl_mischief *mischief; /* NULL: none */
    struct rl_crowd *crowd;       /* NULL: nobody else */
    uint64_t crowd_at;            /* the next message */
    uint64_t crowd_start_ns;      /* UTC of the first */
    struct rl_udp md_lines[RL_MD_LINES], md_requests;
    struct rl_address fix_at, ouch_at;
    struct rl_serve_link *links; /* by number of the connection */
    struct rl_serve_peer *peers; /* FIX from the front, OUCH behind n_fix_sessions */
    uint32_t n_fix_peers, n_ouch_peers;
    struct rl_soup_session **soups;   /* of the OUCH peers */
    struct rl_serve_peer **by_handle; /* FIX: by handle of the gateway */
    struct rl_serve_peer **by_member; /* OUCH: by member */
    uint64_t n_ouch_orders;           /* 'O' messages of members */
    bool is_stopping;
    uint64_t due_utc_ns;   /* venue or market data want a turn then */
    uint64_t utc_ahead_ns; /* of CLOCK_MONOTONIC, as read once a turn */
    struct rl_serve_counters n;
    struct rl_serve_ends ends;
    char why[256];
};

/* CLOCK_REALTIME of this turn. */
static inline uint64_t rl_serve_utc(const struct rl_serve *s)
{
    return rl_tcp_now_ns(&s->tcp) + s->utc_ahead_ns;
}

/* What the venue's clock says to its members: mischief may skew it. */
static inline uint64_t rl_serve_stamp(const struct rl_serve *s)
{
    uint64_t utc_ns = rl_serve_utc(s);

    return s->mischief ? rl_mischief_stamp(s->mischief, utc_ns) : utc_ns;
}

static inline struct rl_serve_link *rl_serve_link_of(const struct rl_serve *s,
                                                     const struct rl_tcp_conn *c)
{
    return &s->links[c->number];
}

/* --- serve.c ---------------------------------------------------------------------------------- */

/* The connection ends, and that is the reason which counts. */
void rl_serve_drop(struct rl_serve *s, struct rl_tcp_conn *c, enum rl_serve_ended by, uint8_t why);
/* A message of a member, past whatever mischief makes of it. */
void rl_serve_put(struct rl_serve *s, struct rl_tcp_conn *c, const uint8_t *bytes,
                  uint32_t n_bytes);
/* Its session wants a TIMER at that time of its clock; UINT64_MAX: not. */
void rl_serve_arm(struct rl_serve_peer *p, uint64_t deadline_ns);
/* A new order names this symbol: it is listed, where anything is. */
void rl_serve_list_any(struct rl_serve *s, const uint8_t *symbol, uint32_t n_bytes);

/* --- serve_look.c ----------------------------------------------------------------------------- */

void rl_serve_count_end(struct rl_serve *s, const struct rl_serve_link *link, enum rl_tcp_end why);

/* --- serve_config.c --------------------------------------------------------------------------- */

/* NULL, or a sentence that says what makes no sense. */
const char *rl_serve_objection(const struct rl_serve_config *config);
struct rl_tcp_config rl_serve_tcp_config(struct rl_serve *s);
struct rl_fix_gateway_config rl_serve_fix_config(const struct rl_serve *s);
struct rl_ouch_gateway_config rl_serve_ouch_config(const struct rl_serve_config *c);
struct rl_md_fix_config rl_serve_md_fix_config(struct rl_serve *s);
struct rl_md_itch_config rl_serve_md_itch_config(struct rl_serve *s);
bool rl_serve_has_md_lines(const struct rl_serve_config *c);
/* Of everything. */
size_t rl_serve_arena_bytes(struct rl_serve *s);

/* --- serve_peer.c ----------------------------------------------------------------------------- */

/* A new connection: somebody's within the time for that, or closed. */
void rl_serve_greet(struct rl_serve *s, struct rl_tcp_conn *c, enum rl_serve_protocol protocol);
/* Its time has come: hearing again, or too late to log on. The peer that may want a TIMER, NULL. */
struct rl_serve_peer *rl_serve_due(struct rl_serve *s, struct rl_tcp_conn *c);
/* It has ended; the peer that was on it, NULL. */
struct rl_serve_peer *rl_serve_part(struct rl_serve *s, struct rl_tcp_conn *c, enum rl_tcp_end why);

/* Arena bytes of one session, store included. */
size_t rl_serve_fix_peer_bytes(const struct rl_serve_config *c);
size_t rl_serve_ouch_peer_bytes(const struct rl_serve_config *c);
/* A session more; NULL, and why not: enum rl_serve_drop. */
struct rl_serve_peer *rl_serve_add_fix(struct rl_serve *s, const struct rl_serve_identity *id,
                                       enum rl_serve_drop *why);
struct rl_serve_peer *rl_serve_add_ouch(struct rl_serve *s, const struct rl_serve_ouch_identity *id,
                                        enum rl_serve_drop *why);
void rl_serve_close_peers(struct rl_serve *s);

/* --- serve_fix_read.c ------------------------------------------------------------------------- */

/* A Logon of somebody unknown: who he says he is. False: he does not say. */
bool rl_serve_read_logon(const struct rl_serve *s, const uint8_t *bytes, uint32_t n_bytes,
                         struct rl_serve_identity *id);
/* The length that a message states in its second field is beyond what is taken here. */
bool rl_serve_is_oversize(const uint8_t *bytes, uint32_t n_bytes, uint32_t max);

/* --- serve_crowd.c ---------------------------------------------------------------------------- */

int rl_serve_crowd_open(struct rl_serve *s);
/* Asks what is due of the stream; when the next is. */
uint64_t rl_serve_crowd_turn(struct rl_serve *s, uint64_t utc_ns);

/* --- serve_fix.c, serve_ouch.c, serve_md.c ---------------------------------------------------- */

extern const struct rl_tcp_handler rl_serve_fix_handler, rl_serve_ouch_handler; /* no context */
rl_fix_gateway_send rl_serve_fix_send;
/* Ends what it has begun: Logout, or the end of the session. */
void rl_serve_fix_logout(struct rl_serve_peer *p);
void rl_serve_ouch_logout(struct rl_serve_peer *p);
rl_md_fix_send rl_serve_md_fix_send;
rl_ouch_gateway_send rl_serve_ouch_send;

int rl_serve_md_open(struct rl_serve *s, const char **where);
void rl_serve_md_close(struct rl_serve *s);
rl_md_send rl_serve_md_send;
rl_md_answer rl_serve_md_answer;

#endif
