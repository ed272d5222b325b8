/*
 * soup_session - one side of a SoupBinTCP 3.00 session as a step function: an event goes in,
 * actions come out. Shaped as fix_session.h.
 *
 *     rl_soup_session_step(s, &event, now_ns);
 *     for (;;) {
 *         for (uint32_t i = 0, n = s->n_actions; i < n; i++)
 *             do what s->actions[i] says, in this order;
 *         if (!s->more)
 *             break;
 *         rl_soup_session_step(s, &(struct rl_soup_event){.kind = RL_SOUP_EV_CONTINUE}, now_ns);
 *     }
 *
 * What an application may answer to at once (DELIVER, LOGGED_ON, LOGGED_OUT) is the last action of
 * its step, so that it may SEND while actions are done (n is read before: SEND is a step, too).
 *
 * The server numbers what it sends and keeps it (store.h), logged on or not; a client that comes
 * back says which number it wants next, and gets everything from there. What a client sends has no
 * number and may be lost with its connection: OUCH messages may be sent again, and do no harm.
 *
 * A login asks for
 *   0              nothing of before: only what is sent from now on
 *   1 to the next  everything from that number on
 *   more           rejected ('S'): who expects what was never sent is in another session; so is who
 *                  asks for what the store does not keep any more, since a hole must not be silent
 * and names the session, or no session (spaces): the one that is on.
 *
 * A slow reader: while its socket takes no more the caller sets `is_held`. What is sent meanwhile
 * waits in the store; CONTINUE, with is_held cleared, goes on from there. One that is so slow that
 * the store has dropped what it needs is disconnected, and can never be served with a hole.
 *
 * Threads:  one at a time.
 * Memory:   the arena given to init, one message; the store. Actions point into the session, the
 *           store and the bytes of the event, and hold until the next step.
 * Cost:     a message: a copy, the store's copy. No allocation, clock or system call.
 */
#ifndef RL_SESSION_SOUP_SESSION_H
#define RL_SESSION_SOUP_SESSION_H

#include "market/codec/soup.h"
#include "session/store.h"

/* --- config ----------------------------------------------------------------------------------- */

/* Zero is the usual value of everything but the names. Names are cut to their field's width. */
struct rl_soup_session_config {
    bool is_client;
    const char *username; /* 6 characters at most; of either case, as the protocol has it */
    const char *password; /* 10 */
    /*
     * Server: what this session is called, 10 characters. Client: the one that is wanted, or
     * NULL for the one that is on; after the first login it is that one.
     */
    const char *session;
    uint32_t heartbeat_ms;     /* after so long without a packet of ours we say so; 0: 1000 */
    uint32_t silence_ms;       /* ... without one of theirs they are gone; 0: 15000 */
    uint32_t login_timeout_ms; /* server: without a login; client: an answer; 0: 10000 */
    uint32_t max_message;      /* bytes of a payload that we send; 0: 1024 */
};

/* --- events ----------------------------------------------------------------------------------- */

enum rl_soup_event_kind {
    RL_SOUP_EV_CONNECTED,    /* a client sends its login; a server waits for one */
    RL_SOUP_EV_DISCONNECTED, /* by the other side; harmless after our own DISCONNECT */
    RL_SOUP_EV_PACKET,       /* packet: as rl_soup_stream_next cuts it */
    RL_SOUP_EV_LIAR,         /* what came was no packet: the connection cannot go on */
    RL_SOUP_EV_TIMER,        /* rl_soup_session_deadline() has come; harmless before */
    RL_SOUP_EV_SEND,         /* bytes: a message. Server: sequenced; client: unsequenced */
    RL_SOUP_EV_LOGOUT,       /* client: says so, and disconnects; server: disconnects */
    RL_SOUP_EV_END,          /* server: when all is sent the session ends for ever */
    RL_SOUP_EV_CONTINUE,     /* `more` was set, or is_held was cleared */
};

struct rl_soup_event {
    enum rl_soup_event_kind kind;
    const uint8_t *bytes; /* SEND */
    uint32_t n_bytes;
    struct rl_soup packet; /* PACKET */
};

/* --- actions ---------------------------------------------------------------------------------- */

enum rl_soup_action_kind {
    RL_SOUP_DO_SEND,       /* `bytes`: whole packets */
    RL_SOUP_DO_DELIVER,    /* `bytes`: a message; when `seq` is set exactly once, in order */
    RL_SOUP_DO_DISCONNECT, /* `cause`; it takes nothing but CONNECTED, SEND and END from here on */
    RL_SOUP_DO_LOGGED_ON,
    RL_SOUP_DO_LOGGED_OUT, /* as often as LOGGED_ON, behind the DISCONNECT that goes with it */
};

/* Why a connection ends. X(NAME, text) */
#define RL_SOUP_CAUSES(X)                                               \
    X(NONE, "")                                                         \
    X(LOGOUT, "logged out")                                             \
    X(NOT_AUTHORIZED, "login rejected: name or password")               \
    X(NO_SESSION, "login rejected: no such session, or not from there") \
    X(LOGIN_TIMEOUT, "no login in time")                                \
    X(SILENCE, "nothing heard, not even a heartbeat")                   \
    X(PROTOCOL, "a packet that cannot come now")                        \
    X(LIAR, "bytes that are no packet")                                 \
    X(SLOW, "reads so slowly that messages are no longer kept")         \
    X(STORE, "messages cannot be kept")                                 \
    X(END, "end of session")                                            \
    X(PEER, "disconnected by the other side")                           \
    X(TWICE, "login rejected: connected already")

enum rl_soup_cause {
#define RL_SOUP_CAUSE_ENUM(name, text) RL_SOUP_BYE_##name,
    RL_SOUP_CAUSES(RL_SOUP_CAUSE_ENUM)
#undef RL_SOUP_CAUSE_ENUM
        RL_SOUP_BYE_N
};
const char *rl_soup_cause_text(enum rl_soup_cause cause);

struct rl_soup_action {
    enum rl_soup_action_kind kind;
    enum rl_soup_cause cause; /* DISCONNECT */
    const uint8_t *bytes;     /* SEND, DELIVER */
    uint32_t n_bytes;
    uint64_t
        seq; /* sequenced data: its number; LOGGED_ON: of the message that comes next; else 0 */
};

#define RL_SOUP_SESSION_ACTIONS 16 /* of one step */

/* --- the session ------------------------------------------------------------------------------ */

struct rl_soup_session_counts {
    uint64_t n_in, n_out;  /* packets, any kind */
    uint64_t n_delivered;  /* messages */
    uint64_t n_resent;     /* of n_out: messages that were given their number earlier */
    uint64_t n_duplicates; /* client: numbers that were delivered before: ignored */
    uint64_t n_missed;     /* client: numbers that the server did not give us any more */
    uint64_t n_logins, n_rejected;
    uint64_t n_store_errors;
};

enum rl_soup_session_state {
    RL_SOUP_AWAY,      /* no connection */
    RL_SOUP_CONNECTED, /* no login yet, or sent and not answered */
    RL_SOUP_LOGGED_ON,
};

struct rl_soup_session {
    /* of the last step */
    uint32_t n_actions;
    bool more;
    struct rl_soup_action actions[RL_SOUP_SESSION_ACTIONS];

    bool is_held; /* the caller's: see above */
    enum rl_soup_session_state state;
    struct rl_session_store *store; /* server: next_out; client: next_in, may be NULL */
    struct rl_soup_session_counts counts;
    enum rl_soup_cause cause; /* of the last DISCONNECT */

    /* Space padded, as on the wire. */
    uint8_t username[RL_SOUP_USERNAME];
    uint8_t password[RL_SOUP_PASSWORD];
    uint8_t session[RL_SOUP_SESSION];
    bool is_client;
    bool is_ending;      /* server: END was asked for */
    bool is_over;        /* server: it was told; nobody logs on any more */
    bool is_unconfirmed; /* client: a delivered number that the store has not got yet */
    uint64_t next_send;  /* server: the number that this connection gets next */
    /*
     * Client: the number of the message that is delivered next, 1 at first. The caller may set it
     * before a login: 0 asks for what is new only.
     */
    uint64_t next_expected;
    uint64_t next_in; /* client: number of the next one on the wire */
    uint64_t heartbeat_ns, silence_ns, login_timeout_ns;
    uint64_t sent_ns, heard_ns, connected_ns;
    uint8_t *out; /* a packet under way */
    uint32_t n_out_max;
    void *user; /* the caller's */
};

/* Arena bytes that init takes. */
size_t rl_soup_session_bytes(const struct rl_soup_session_config *config);

/*
 * A server needs a store; its numbers go on where they stood. -EINVAL for one without, for an empty
 * name of user or session (a client need not name one), or a max_message too large; -ENOMEM.
 */
int rl_soup_session_init(struct rl_soup_session *s, struct rl_arena *arena,
                         const struct rl_soup_session_config *config,
                         struct rl_session_store *store);

/*
 * 0, or for SEND why it was not sent and took no number: -EMSGSIZE, -ENOTCONN (client, not logged
 * on), -ESHUTDOWN (the session has ended), or what the store said, then with a DISCONNECT. Bytes
 * from outside never make it fail.
 */
int rl_soup_session_step(struct rl_soup_session *s, const struct rl_soup_event *event,
                         uint64_t now_ns);

/* When TIMER is due; UINT64_MAX: not before another event. */
uint64_t rl_soup_session_deadline(const struct rl_soup_session *s);

static inline bool rl_soup_session_is_logged_on(const struct rl_soup_session *s)
{
    return s->state == RL_SOUP_LOGGED_ON;
}

/* --- acceptor: one port, many sessions -------------------------------------------------------- */

/*
 * Whose login the first packet of a connection is. Then that session gets CONNECTED and the PACKET,
 * and judges password, session and number itself. NULL: nobody's (*cause NOT_AUTHORIZED, or
 * PROTOCOL when it is no login), or of one that is connected (TWICE): `reply` has *n_reply bytes to
 * be sent before the connection is closed, perhaps none.
 */
#define RL_SOUP_REPLY_MAX 8
struct rl_soup_session *rl_soup_accept(struct rl_soup_session *const *sessions, uint32_t n,
                                       const struct rl_soup *packet, enum rl_soup_cause *cause,
                                       uint8_t reply[RL_SOUP_REPLY_MAX], uint32_t *n_reply);

#endif
