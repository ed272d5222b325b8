/*
 * fix_session - one side of a FIX session as a step function: an event goes in, actions come out.
 *
 *     rl_fix_session_step(s, &event, now_utc_ns);
 *     for (;;) {
 *         for (uint32_t i = 0; i < s->n_actions; i++)
 *             do what s->actions[i] says, in this order;
 *         if (!s->more)
 *             break;
 *         rl_fix_session_step(s, &(struct rl_fix_event){RL_FIX_EV_CONTINUE}, now_utc_ns);
 *     }
 *
 * There is no socket, clock or heap in here: time is an argument (UTC, ns since 1970), memory is
 * the caller's arena, numbers and sent messages are in a store. What it answers to a counterparty,
 * in which order and in which words, is what QuickFIX answers.
 *
 * DELIVER is always the last action of its step, and `more` follows it: CONTINUE says that the
 * application has taken the message, and only then does its number count as received. Between the
 * two the application may SEND (answers go out before anything else), or REFUSE the message. When
 * the process dies in between, the counterparty sends it again. So the caller keeps the bytes of a
 * MESSAGE in place until `more` is false.
 *
 * Threads:  one at a time.
 * Memory:   the arena given to init; bounded by the config. Actions point into the session and into
 *           the bytes of the event. They hold until the next step; a delivered message also over
 *           SEND and REFUSE, until CONTINUE.
 * Cost:     a message in order: parse, one look at each header field, the dictionary by its shape.
 *           One to be sent: a copy, a few patches, a checksum, and the store's copy.
 */
#ifndef RL_SESSION_FIX_SESSION_H
#define RL_SESSION_FIX_SESSION_H

#include "market/fix/dict.h"
#include "market/fix/parse.h"
#include "session/store.h"

/* --- config ----------------------------------------------------------------------------------- */

/* Of SendingTime; before FIX.4.2 it is seconds whatever this says. */
enum rl_fix_precision {
    RL_FIX_MILLIS,
    RL_FIX_SECONDS,
    RL_FIX_MICROS,
    RL_FIX_NANOS,
};

#define RL_FIX_ID_MAX 64 /* characters of a comp id, sub id, user name ... */

/* Zero is the usual value of everything but the names, which are kept by copy. */
struct rl_fix_session_config {
    const char *begin_string;            /* "FIX.4.0" to "FIX.4.4", "FIXT.1.1" */
    const char *sender, *target;         /* our comp id (49 of what we send), and theirs */
    const char *sender_sub, *target_sub; /* 50, 57 of what we send; NULL: none */
    const char *sender_location, *target_location; /* 142, 143 */
    const char *username, *password;               /* 553, 554 of an initiator's Logon; NULL */
    /*
     * DefaultApplVerID (1137) of our Logon, FIXT only: '7' 5.0 (also when 0), '8' SP1, '9' SP2.
     */
    char appl_ver_id;
    const struct rl_fix_dict *dict; /* NULL: header fields and what a session message needs only */

    bool is_initiator;
    bool reset_on_logon;      /* a Logon starts from 1 (an initiator says so by 141=Y) */
    bool reset_on_logout;     /* ... after a Logout */
    bool reset_on_disconnect; /* ... whenever the connection ends */
    bool sends_next_expected; /* 789 in our Logon; theirs is obeyed in any case */
    bool ignores_comp_ids;    /* CheckCompID=N */
    bool ignores_time;        /* CheckLatency=N */
    bool allows_empty;        /* ValidateFieldsHaveValues=N: a tag without a value is let by */
    bool never_resends;    /* PersistMessages=N: what is asked for again is skipped by gap fills */
    bool asks_redundantly; /* a ResendRequest for every message that is too high */

    enum rl_fix_precision precision;
    uint32_t heartbeat_s;     /* 108 of an initiator; 0: 30 */
    uint32_t heartbeat_min_s; /* an acceptor refuses a Logon with less, or more; 0: any */
    uint32_t heartbeat_max_s;
    uint32_t tolerance_s;          /* of SendingTime; 0: 120 */
    uint32_t logon_timeout_s;      /* 0: 10 */
    uint32_t logout_timeout_s;     /* 0: 2 */
    uint32_t test_request_percent; /* of the heartbeat interval without a message; 0: 120 */
    uint32_t silence_percent;      /* ... until the connection is given up; 0: 240 */

    uint32_t max_message; /* bytes, either way; 0: 16 KiB; at most RL_FIX_MAX_MESSAGE */
    /* Of messages that came too early; what does not fit is asked for again when its turn comes. */
    uint32_t queue_bytes;    /* 0: 64 KiB */
    uint32_t queue_messages; /* a power of two; 0: 256 */
};

/* --- events ----------------------------------------------------------------------------------- */

enum rl_fix_event_kind {
    RL_FIX_EV_CONNECTED,    /* an initiator sends its Logon; an acceptor waits for one */
    RL_FIX_EV_DISCONNECTED, /* by the other side; harmless after our own DISCONNECT */
    RL_FIX_EV_MESSAGE,      /* bytes: a piece of the stream as rl_fix_cut (fix_frame.h) cuts it */
    RL_FIX_EV_TIMER,        /* rl_fix_session_deadline() has come; harmless before */
    RL_FIX_EV_SEND,         /* an application message; see below */
    RL_FIX_EV_LOGOUT,       /* ends the session: Logout, their Logout or a time-out, DISCONNECT */
    RL_FIX_EV_CONTINUE,     /* `more` was set */
    RL_FIX_EV_REFUSE,       /* the message just delivered is wrong; then CONTINUE as ever */
};

/*
 * SEND: `type` is MsgType; `bytes` are body fields, each "tag=value" SOH, in the order in which
 * they shall go out; `head` are header fields besides those of the session, ascending by tag
 * (PossResend 97=Y, OnBehalfOfCompID, ApplVerID 1128 ...), or none. The message gets a number and
 * is stored; when the session is not logged on it is not sent now but with the first resend.
 * s->seq_sent is its number.
 *
 * REFUSE: `reason` is an enum rl_fix_refusal.
 */
struct rl_fix_event {
    enum rl_fix_event_kind kind;
    const uint8_t *bytes; /* MESSAGE, SEND */
    uint32_t n_bytes;
    const char *type;    /* SEND */
    const uint8_t *head; /* SEND; NULL: none */
    uint32_t n_head;
    const char *text; /* LOGOUT: Text (58); REFUSE: instead of the usual one; NULL */
    uint32_t reason;  /* REFUSE */
    uint32_t tag;     /* REFUSE: RefTagID; 0: none */
};

/*
 * Business reasons (380) become a BusinessMessageReject, in versions before 4.2 a Reject; with
 * RL_FIX_REFUSE_FIELD added, an enum rl_fix_reason (373) becomes a Reject.
 */
enum rl_fix_refusal {
    RL_FIX_REFUSE_OTHER = 0,
    RL_FIX_REFUSE_UNKNOWN_ID = 1,
    RL_FIX_REFUSE_UNKNOWN_SECURITY = 2,
    RL_FIX_REFUSE_TYPE = 3, /* Unsupported Message Type */
    RL_FIX_REFUSE_NOT_AVAILABLE = 4,
    RL_FIX_REFUSE_MISSING = 5, /* Conditionally Required Field Missing: `tag` */
    RL_FIX_REFUSE_NOT_AUTHORIZED = 6,
    RL_FIX_REFUSE_FIELD = 1000, /* + RL_FIX_WRONG_VALUE and so on */
};

/* --- actions ---------------------------------------------------------------------------------- */

enum rl_fix_action_kind {
    RL_FIX_DO_SEND,       /* `bytes`: one message, stored already */
    RL_FIX_DO_DELIVER,    /* `msg`: an application message, in order, exactly once */
    RL_FIX_DO_DISCONNECT, /* `cause`; the session takes nothing but CONNECTED and SEND from here on
                           */
    RL_FIX_DO_LOGGED_ON,
    RL_FIX_DO_LOGGED_OUT, /* as often as LOGGED_ON; comes before the DISCONNECT that goes with it */
};

/* Why a connection ends. */
enum rl_fix_cause {
    RL_FIX_BYE_NONE,
    RL_FIX_BYE_LOGOUT,        /* both said so */
    RL_FIX_BYE_LOGOUT_ALONE,  /* no answer to our Logout */
    RL_FIX_BYE_LOGON_TIMEOUT, /* no Logon, or no answer to ours */
    RL_FIX_BYE_SILENCE,       /* no answer to a TestRequest */
    RL_FIX_BYE_NO_LOGON,      /* a message before the Logon */
    RL_FIX_BYE_BAD_LOGON,     /* garbled, invalid, or refused */
    RL_FIX_BYE_STATE,         /* a message that cannot come now: a second Logon ... */
    RL_FIX_BYE_TOO_LOW,       /* MsgSeqNum too low without PossDupFlag */
    RL_FIX_BYE_TOO_HIGH,      /* NextExpectedMsgSeqNum beyond what was sent */
    RL_FIX_BYE_HEARTBEAT,     /* HeartBtInt out of bounds */
    RL_FIX_BYE_STORE,         /* the store failed: nothing can be sent */
    RL_FIX_BYE_PEER,          /* DISCONNECTED */
    RL_FIX_BYE_UNKNOWN,       /* fix_acceptor: no such session */
    RL_FIX_BYE_TWICE,         /* fix_acceptor: it is connected already */
    RL_FIX_BYE_N,
};

/* A few words, constant. */
const char *rl_fix_cause_text(enum rl_fix_cause cause);

struct rl_fix_action {
    enum rl_fix_action_kind kind;
    enum rl_fix_cause cause; /* DISCONNECT */
    const uint8_t *bytes;    /* SEND */
    uint32_t n_bytes;
    bool is_resent;      /* SEND: fills a gap; counted by nobody as new */
    bool is_poss_dup;    /* DELIVER: PossDupFlag (43) was Y; new by the numbers, all the same */
    bool is_poss_resend; /* DELIVER: PossResend (97): the application may know it */
    uint64_t seq;        /* SEND, DELIVER: MsgSeqNum */
    const struct rl_fix_msg *msg; /* DELIVER */
};

#define RL_FIX_SESSION_ACTIONS 16 /* of one step */

/* --- the session ------------------------------------------------------------------------------ */

struct rl_fix_session_counts {
    uint64_t n_in, n_out;   /* messages, any kind, sent again included */
    uint64_t n_delivered;   /* application messages */
    uint64_t n_resent;      /* of n_out */
    uint64_t n_garbled;     /* ignored */
    uint64_t n_rejected;    /* answered with Reject or BusinessMessageReject */
    uint64_t n_duplicates;  /* PossDup that was known: ignored */
    uint64_t n_queued;      /* came too early and kept */
    uint64_t n_dropped;     /* came too early, no room */
    uint64_t n_asked_again; /* ResendRequests sent */
    uint64_t n_store_errors;
};

enum rl_fix_session_state {                   /* for whoever looks */
                            RL_FIX_AWAY,      /* no connection */
                            RL_FIX_CONNECTED, /* no Logon yet, or sent and not answered */
                            RL_FIX_LOGGED_ON,
                            RL_FIX_LOGGING_OUT, /* our Logout is sent */
};

struct rl_fix_inner; /* fix_inner.h */

struct rl_fix_session {
    /* of the last step */
    uint32_t n_actions;
    bool more;
    struct rl_fix_action actions[RL_FIX_SESSION_ACTIONS];
    uint64_t seq_sent; /* number of the last new message */

    enum rl_fix_session_state state;
    struct rl_session_store *store; /* next_out, next_in: the numbers */
    uint32_t heartbeat_s;           /* as agreed; 0: none */
    struct rl_fix_session_counts counts;
    const char *why; /* a sentence about the last thing that was wrong, constant; or "" */

    struct rl_fix_session_config config; /* its names are copies, in the arena */
    struct rl_fix_inner *inner;
    void *user; /* the caller's */
};

/* Arena bytes that init takes for that config; 0 when it is no good. */
size_t rl_fix_session_bytes(const struct rl_fix_session_config *config);

/*
 * -EINVAL for a config that is no good (*what says why, when not NULL), -ENOMEM. The store must
 * outlive the session, the dictionary too.
 */
int rl_fix_session_init(struct rl_fix_session *s, struct rl_arena *arena,
                        const struct rl_fix_session_config *config, struct rl_session_store *store,
                        const char **what);

/*
 * 0, or for SEND why it was not sent and took no number: -EMSGSIZE, -EINVAL (no MsgType, a session
 * message's type, not fields), -EAGAIN (numbers start over at the next Logon: it would be lost); or
 * what the store said, then with a DISCONNECT. Bytes from outside never make it fail otherwise.
 */
int rl_fix_session_step(struct rl_fix_session *s, const struct rl_fix_event *event,
                        uint64_t now_utc_ns);

/* When TIMER is due; UINT64_MAX: not before another event. */
uint64_t rl_fix_session_deadline(const struct rl_fix_session *s);

static inline bool rl_fix_session_is_logged_on(const struct rl_fix_session *s)
{
    return s->state == RL_FIX_LOGGED_ON;
}

#endif
