/*
 * fix_inner - what the files of the FIX session share; nobody else includes this.
 *
 * fix_config.c sets up, fix_session.c takes events apart, fix_in.c reads what came, fix_verify.c
 * says whether it may come now, fix_logon.c is the hand-shake at both ends, fix_resend.c the gaps,
 * fix_queue.c what came too early, fix_time.c the clock, fix_say.c words the messages of the
 * session itself, fix_out.c writes, numbers and stores.
 */
#ifndef RL_SESSION_FIX_INNER_H
#define RL_SESSION_FIX_INNER_H

#include <string.h>

#include "market/fix/encode.h"
#include "market/fix/value.h"
#include "session/fix_session.h"

/* Tags of a session that market/fix does not name. */
enum {
    TAG_BeginSeqNo = 7,
    TAG_EndSeqNo = 16,
    TAG_PossDupFlag = 43,
    TAG_RefSeqNum = 45,
    TAG_SenderSubID = 50,
    TAG_TargetSubID = 57,
    TAG_PossResend = 97,
    TAG_EncryptMethod = 98,
    TAG_HeartBtInt = 108,
    TAG_TestReqID = 112,
    TAG_OnBehalfOfCompID = 115,
    TAG_OnBehalfOfSubID = 116,
    TAG_OrigSendingTime = 122,
    TAG_GapFillFlag = 123,
    TAG_DeliverToCompID = 128,
    TAG_DeliverToSubID = 129,
    TAG_SenderLocationID = 142,
    TAG_TargetLocationID = 143,
    TAG_OnBehalfOfLocationID = 144,
    TAG_DeliverToLocationID = 145,
    TAG_RefTagID = 371,
    TAG_RefMsgType = 372,
    TAG_SessionRejectReason = 373,
    TAG_BusinessRejectReason = 380,
    TAG_Username = 553,
    TAG_Password = 554,
    TAG_NextExpectedMsgSeqNum = 789,
    TAG_DefaultApplVerID = 1137,
};

enum rl_fix_version { /* in the order in which they came */
                      RL_FIX_40,
                      RL_FIX_41,
                      RL_FIX_42,
                      RL_FIX_43,
                      RL_FIX_44,
                      RL_FIX_T11,
};

#define RL_FIX_HEAD_MAX 1024  /* what a header of ours takes beyond what a peer's may */
#define RL_FIX_SMALL_MAX 4096 /* the messages of a step besides the largest one */
#define RL_FIX_STEP_ACTIONS 6 /* what one message can lead to */
#define RL_FIX_SEQ_MAX 999999999999999999ULL /* more is no number of ours */
#define RL_FIX_EXTRAS 32                     /* header fields of one message besides ours */
#define RL_FIX_NS 1000000000ULL

struct rl_fix_view {
    const uint8_t *p; /* NULL: there is none */
    uint32_t n;
};

/* "tag=value" SOH */
struct rl_fix_piece {
    uint32_t tag;
    struct rl_fix_view text;
};

/* The header of the message that was read last. */
struct rl_fix_head {
    struct rl_fix_view type, seq_text, sender, target, time_text, orig_time;
    uint64_t seq; /* 0 also when there is none: see has_seq */
    uint64_t time_ns;
    bool has_seq, has_time, is_poss_dup, is_poss_resend;
};

/* A message to be written. */
struct rl_fix_draft {
    const char *type;
    uint32_t n_type;
    bool is_poss_dup;
    struct rl_fix_view orig_time;      /* 122 */
    const struct rl_fix_piece *extras; /* further header fields, ascending; they replace ours */
    uint32_t n_extras;
    struct rl_fix_view body;
};

/* Body fields of a message of the session itself. */
struct rl_fix_pen {
    uint8_t *at, *end;
    bool is_full;
};

struct rl_fix_waiting {
    uint64_t seq; /* 0: none */
    uint32_t at, n;
};

struct rl_fix_inner {
    /* --- the hand-shake */
    bool is_connected;
    bool has_received_logon, has_sent_logon, has_sent_logout;
    bool has_sent_reset, has_received_reset; /* 141=Y, until the hand-shake is over */
    bool is_announced;                       /* LOGGED_ON went out, LOGGED_OUT did not */
    enum rl_fix_version version;
    int err; /* of the store, in this step */

    /* --- the clock: all UTC ns */
    uint64_t now, connected_at, sent_at, received_at, logout_at;
    uint64_t idle_until; /* nothing is due before */
    uint32_t n_test_requests;
    uint64_t heartbeat_ns;

    /* --- a delivered message waits for CONTINUE */
    bool is_delivered;

    /* --- what we asked for again: [asked_from, asked_to], 0: nothing */
    uint64_t asked_from, asked_to, asked_at, asked_next_in;

    /* --- what they asked for again: resend_next .. resend_last; gap_from 0: no gap yet */
    bool is_resending;
    uint64_t resend_next, resend_last, gap_from;

    /* --- the message at hand */
    struct rl_fix_msg msg;
    struct rl_fix_head head;
    bool is_queued; /* it was in the queue */

    /* --- validation */
    const struct rl_fix_dict *dict;
    struct rl_fix_shapes *shapes;

    /* --- came too early: by seq & (n_waiting_max - 1) */
    struct rl_fix_waiting *waiting;
    uint8_t *waiting_bytes;
    uint32_t n_waiting, waiting_used;

    /* --- writing */
    uint8_t *out;
    uint32_t out_at, out_max, message_max;
    uint64_t clock_second; /* what `clock` shows */
    uint32_t n_clock, n_decimals;
    uint8_t clock[32];
    uint32_t n_begin, n_before, n_after, n_last;
    uint8_t begin[32];   /* "8=FIX.4.4|9=" */
    uint8_t before[192]; /* "49=ME|50=SUB|52=" */
    uint8_t after[192];  /* "56=YOU|57=SUB|" */
    uint8_t last[192];   /* "142=HERE|143=THERE|" */
    uint8_t body[RL_FIX_SMALL_MAX];

    struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
};

/* --- fix_session.c ---------------------------------------------------------------------------- */

struct rl_fix_action *rl_fix_act(struct rl_fix_session *s, enum rl_fix_action_kind kind);
/* Ends the connection; nothing is pending afterwards. */
void rl_fix_hang_up(struct rl_fix_session *s, enum rl_fix_cause cause, const char *why);
/* The store said `err`. */
void rl_fix_store_failed(struct rl_fix_session *s, int err);
/* False when the store failed, here and below. */
bool rl_fix_set_next_in(struct rl_fix_session *s, uint64_t seq);
bool rl_fix_reset_numbers(struct rl_fix_session *s);
/* There is room for what one more message may lead to. */
bool rl_fix_has_room(const struct rl_fix_session *s);

static inline bool rl_fix_is_on(const struct rl_fix_inner *in)
{
    return in->has_received_logon && in->has_sent_logon;
}

/* --- fix_out.c -------------------------------------------------------------------------------- */

int rl_fix_out_init(struct rl_fix_session *s);
/* A new message: numbered, stored, and sent unless `is_kept_only`. 0 or -errno. */
int rl_fix_send_new(struct rl_fix_session *s, const struct rl_fix_draft *draft, bool is_admin,
                    bool is_kept_only);
/* One that has a number already, which is not stored. False when it did not fit. */
bool rl_fix_send_again(struct rl_fix_session *s, const struct rl_fix_draft *draft, uint64_t seq);
/* SendingTime as it would be written now; holds until the next message. */
struct rl_fix_view rl_fix_clock_text(struct rl_fix_inner *in);
bool rl_fix_is_head_tag(uint32_t tag);
/* The next "tag=value" SOH of `rest`, which moves on; tag 0: there is none, or it is no field. */
struct rl_fix_piece rl_fix_next_piece(struct rl_fix_view *rest);

static inline void rl_fix_pen_bytes(struct rl_fix_pen *pen, const void *bytes, uint32_t n)
{
    if (n > (size_t)(pen->end - pen->at)) {
        pen->is_full = true;
        return;
    }
    memcpy(pen->at, bytes, n);
    pen->at += n;
}

void rl_fix_pen_put(struct rl_fix_pen *pen, uint32_t tag, const void *value, uint32_t n);
void rl_fix_pen_text(struct rl_fix_pen *pen, uint32_t tag, const char *text);
void rl_fix_pen_uint(struct rl_fix_pen *pen, uint32_t tag, uint64_t v);

/* --- fix_say.c -------------------------------------------------------------------------------- */

void rl_fix_say_logon(struct rl_fix_session *s, bool with_reset, uint64_t next_expected);
void rl_fix_say_logout(struct rl_fix_session *s, const char *text);
void rl_fix_say_heartbeat(struct rl_fix_session *s, struct rl_fix_view test_req_id);
void rl_fix_say_test_request(struct rl_fix_session *s);
/* Asks for everything from next_in to before `seq`. */
void rl_fix_say_resend_request(struct rl_fix_session *s, uint64_t seq);
/* The numbers from `from` to before `to` are filled. */
void rl_fix_say_gap_fill(struct rl_fix_session *s, uint64_t from, uint64_t to);
/* Of the message at hand, whose number then counts as taken. `tag` 0: none. */
void rl_fix_say_reject(struct rl_fix_session *s, uint32_t reason, uint32_t tag);
/* ... whose tag is no number, or none that would be printed as it came. */
void rl_fix_say_reject_tag(struct rl_fix_session *s, uint32_t reason, struct rl_fix_view tag);
void rl_fix_say_business_reject(struct rl_fix_session *s, uint32_t reason, uint32_t tag,
                                const char *text);

/* --- fix_in.c --------------------------------------------------------------------------------- */

/* One message, as it came or out of the queue. */
void rl_fix_take_in(struct rl_fix_session *s, const uint8_t *bytes, uint32_t n_bytes,
                    bool is_queued);
/* A field of the message at hand; false when it is not there or no number. */
bool rl_fix_in_uint(const struct rl_fix_inner *in, uint32_t tag, uint64_t *v);
bool rl_fix_in_flag(const struct rl_fix_inner *in, uint32_t tag);
struct rl_fix_view rl_fix_in_text(const struct rl_fix_inner *in, uint32_t tag);
/* By its bytes alone, in a message that is no good. */
struct rl_fix_view rl_fix_raw_field(const uint8_t *bytes, uint32_t n_bytes, uint32_t tag);

/* --- fix_verify.c ----------------------------------------------------------------------------- */

/* The checks that every message passes; false: it was dealt with. */
bool rl_fix_verify(struct rl_fix_session *s, bool checks_high, bool checks_low);
/* The message at hand is beyond what is expected: it is kept, and what is missing asked for. */
void rl_fix_too_high(struct rl_fix_session *s);
/* The message at hand counts as taken when it is the one that was expected. */
bool rl_fix_count_in(struct rl_fix_session *s);

/* --- fix_logon.c ------------------------------------------------------------------------------ */

void rl_fix_start_logon(struct rl_fix_session *s); /* an initiator's */
void rl_fix_on_logon(struct rl_fix_session *s);
void rl_fix_on_logout(struct rl_fix_session *s);

/* --- fix_resend.c ----------------------------------------------------------------------------- */

void rl_fix_on_resend_request(struct rl_fix_session *s);
void rl_fix_on_sequence_reset(struct rl_fix_session *s);
void rl_fix_start_resend(struct rl_fix_session *s, uint64_t from, uint64_t to);
/* As much as fits into this step. */
void rl_fix_resend_some(struct rl_fix_session *s);

/* --- fix_queue.c ------------------------------------------------------------------------------ */

void rl_fix_queue_clear(struct rl_fix_inner *in);
bool rl_fix_queue_put(struct rl_fix_session *s, uint64_t seq, const uint8_t *bytes, uint32_t n);
bool rl_fix_queue_has(const struct rl_fix_session *s, uint64_t seq);
/* Takes it out; its bytes hold until the next put. */
struct rl_fix_view rl_fix_queue_take(struct rl_fix_session *s, uint64_t seq);
void rl_fix_queue_drop_below(struct rl_fix_session *s, uint64_t seq);

/* --- fix_time.c ------------------------------------------------------------------------------- */

/* Whatever is due. */
void rl_fix_on_time(struct rl_fix_session *s);
uint64_t rl_fix_due(const struct rl_fix_session *s);

#endif
