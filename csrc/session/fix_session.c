#include <errno.h>

#include "session/fix_inner.h"

/* --- actions and state ------------------------------------------------------------------------ */

const char *rl_fix_cause_text(enum rl_fix_cause cause)
{
    static const char *const texts[RL_FIX_BYE_N] = {
        [RL_FIX_BYE_NONE] = "none",
        [RL_FIX_BYE_LOGOUT] = "logged out",
        [RL_FIX_BYE_LOGOUT_ALONE] = "no answer to a Logout",
        [RL_FIX_BYE_LOGON_TIMEOUT] = "no Logon in time",
        [RL_FIX_BYE_SILENCE] = "no message in time",
        [RL_FIX_BYE_NO_LOGON] = "the first message is no Logon",
        [RL_FIX_BYE_BAD_LOGON] = "a Logon that is no good",
        [RL_FIX_BYE_STATE] = "a message that cannot come now",
        [RL_FIX_BYE_TOO_LOW] = "MsgSeqNum too low",
        [RL_FIX_BYE_TOO_HIGH] = "NextExpectedMsgSeqNum too high",
        [RL_FIX_BYE_HEARTBEAT] = "HeartBtInt out of bounds",
        [RL_FIX_BYE_STORE] = "the store failed",
        [RL_FIX_BYE_PEER] = "closed by the other side",
        [RL_FIX_BYE_UNKNOWN] = "no such session",
        [RL_FIX_BYE_TWICE] = "the session is connected already",
    };

    return cause < RL_FIX_BYE_N ? texts[cause] : "";
}

struct rl_fix_action *rl_fix_act(struct rl_fix_session *s, enum rl_fix_action_kind kind)
{
    struct rl_fix_action *a = &s->actions[s->n_actions++];

    *a = (struct rl_fix_action){.kind = kind};
    return a;
}

bool rl_fix_has_room(const struct rl_fix_session *s)
{
    const struct rl_fix_inner *in = s->inner;

    return s->n_actions + RL_FIX_STEP_ACTIONS <= RL_FIX_SESSION_ACTIONS &&
           in->out_max - in->out_at >= in->message_max + RL_FIX_SMALL_MAX;
}

void rl_fix_hang_up(struct rl_fix_session *s, enum rl_fix_cause cause, const char *why)
{
    struct rl_fix_inner *in = s->inner;
    bool was_connected = in->is_connected;

    s->why = why;
    in->is_connected = false;
    if (in->is_announced)
        rl_fix_act(s, RL_FIX_DO_LOGGED_OUT);
    if (was_connected)
        rl_fix_act(s, RL_FIX_DO_DISCONNECT)->cause = cause;
    in->is_announced = false;
    in->has_received_logon = in->has_sent_logon = in->has_sent_logout = false;
    in->has_sent_reset = in->has_received_reset = false;
    in->is_delivered = in->is_resending = false;
    in->asked_from = 0;
    rl_fix_queue_clear(in);
    if (s->config.reset_on_disconnect && cause != RL_FIX_BYE_STORE)
        rl_fix_reset_numbers(s);
}

void rl_fix_store_failed(struct rl_fix_session *s, int err)
{
    s->inner->err = err;
    s->counts.n_store_errors++;
    rl_fix_hang_up(s, RL_FIX_BYE_STORE, "the store failed");
}

bool rl_fix_set_next_in(struct rl_fix_session *s, uint64_t seq)
{
    int err = s->store->ops->set_next(s->store, s->store->next_out, seq);

    if (RL_UNLIKELY(err < 0))
        rl_fix_store_failed(s, err);
    return err >= 0;
}

bool rl_fix_reset_numbers(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;
    int err = s->store->ops->reset(s->store, in->now);

    in->asked_from = 0;
    in->is_resending = false;
    rl_fix_queue_clear(in);
    if (err < 0)
        rl_fix_store_failed(s, err);
    return err >= 0;
}

uint64_t rl_fix_session_deadline(const struct rl_fix_session *s)
{
    return rl_fix_due(s);
}

/* --- events ----------------------------------------------------------------------------------- */

static void on_connected(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;

    if (in->is_connected)
        return;
    in->is_connected = true;
    in->has_received_logon = in->has_sent_logon = in->has_sent_logout = false;
    in->is_delivered = in->is_resending = false;
    in->asked_from = 0;
    rl_fix_queue_clear(in);
    in->connected_at = in->sent_at = in->received_at = in->now;
    in->n_test_requests = 0;
    in->idle_until = 0;
    in->dict = s->config.dict;
    if (!s->config.is_initiator)
        return;
    s->heartbeat_s = s->config.heartbeat_s;
    in->heartbeat_ns = s->heartbeat_s * RL_FIX_NS;
    rl_fix_start_logon(s);
}

static void on_disconnected(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;

    if (!in->is_connected)
        return;
    in->is_connected = false; /* nothing to close any more */
    rl_fix_hang_up(s, RL_FIX_BYE_PEER, "closed by the other side");
}

static void on_logout_wanted(struct rl_fix_session *s, const char *text)
{
    struct rl_fix_inner *in = s->inner;

    if (!in->is_connected || in->has_sent_logout)
        return;
    if (rl_fix_is_on(in))
        rl_fix_say_logout(s, text);
    else
        rl_fix_hang_up(s, RL_FIX_BYE_LOGOUT_ALONE, "ended before the Logon was answered");
}

static void on_refused(struct rl_fix_session *s, const struct rl_fix_event *e)
{
    if (!s->inner->is_delivered)
        return;
    s->inner->is_delivered = false; /* the reject counts it */
    if (e->reason >= RL_FIX_REFUSE_FIELD)
        rl_fix_say_reject(s, e->reason - RL_FIX_REFUSE_FIELD, e->tag);
    else
        rl_fix_say_business_reject(s, e->reason, e->tag, e->text);
}

/* Header fields that only the session writes. */
static bool is_ours_alone(uint32_t tag)
{
    return tag == RL_FIX_MsgSeqNum || tag == RL_FIX_MsgType || tag == RL_FIX_SendingTime ||
           tag == RL_FIX_BeginString || tag == RL_FIX_BodyLength || tag == TAG_PossDupFlag ||
           tag == TAG_OrigSendingTime || !rl_fix_is_head_tag(tag);
}

static int on_send(struct rl_fix_session *s, const struct rl_fix_event *e)
{
    const struct rl_fix_session_config *c = &s->config;
    struct rl_fix_inner *in = s->inner;
    struct rl_fix_piece extras[RL_FIX_EXTRAS];
    struct rl_fix_draft draft = {.type = e->type, .extras = extras, .body = {e->bytes, e->n_bytes}};
    struct rl_fix_view rest = {e->head, e->n_head};
    bool is_on = rl_fix_is_on(in);
    size_t n_type = e->type ? strlen(e->type) : 0;

    if (n_type == 0 || n_type > 8 || memchr(e->type, RL_FIX_SOH, n_type) ||
        (n_type == 1 && (e->type[0] == 'A' || (e->type[0] >= '0' && e->type[0] <= '5'))) ||
        (e->n_bytes > 0 && e->bytes[e->n_bytes - 1] != RL_FIX_SOH))
        return -EINVAL;
    while (rest.n > 0) {
        struct rl_fix_piece piece = rl_fix_next_piece(&rest);

        if (is_ours_alone(piece.tag) || draft.n_extras == RL_FIX_EXTRAS ||
            (draft.n_extras > 0 && extras[draft.n_extras - 1].tag > piece.tag))
            return -EINVAL;
        extras[draft.n_extras++] = piece;
    }
    if (RL_UNLIKELY(!is_on) &&
        (c->reset_on_logon || ((c->reset_on_logout || c->reset_on_disconnect) &&
                               s->store->next_out == 1 && s->store->next_in == 1)))
        return -EAGAIN;
    draft.n_type = (uint32_t)n_type;
    return rl_fix_send_new(s, &draft, false, !is_on);
}

/* --- the step --------------------------------------------------------------------------------- */

/* The application has what it was given. */
static void taken(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;

    if (!in->is_delivered)
        return;
    in->is_delivered = false;
    rl_fix_count_in(s);
}

/* Logons and ResendRequests were answered when they came; their numbers are all that is left. */
static void take_waiting(struct rl_fix_session *s, uint64_t seq)
{
    struct rl_fix_view waiting = rl_fix_queue_take(s, seq);
    struct rl_fix_view type = rl_fix_raw_field(waiting.p, waiting.n, RL_FIX_MsgType);

    if (type.n == 1 && (type.p[0] == 'A' || type.p[0] == '2'))
        rl_fix_set_next_in(s, seq + 1);
    else
        rl_fix_take_in(s, waiting.p, waiting.n, true);
}

/* What can go on goes on, until a message is delivered or the step is full. */
static void go_on(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;

    if (!in->is_connected)
        return;
    if (in->is_resending)
        rl_fix_resend_some(s);
    while (!in->is_delivered && !in->is_resending && rl_fix_queue_has(s, s->store->next_in) &&
           rl_fix_has_room(s))
        take_waiting(s, s->store->next_in);
    if (!in->is_delivered && in->is_connected && rl_fix_has_room(s))
        rl_fix_on_time(s);
}

int rl_fix_session_step(struct rl_fix_session *s, const struct rl_fix_event *event,
                        uint64_t now_utc_ns)
{
    struct rl_fix_inner *in = s->inner;
    int err = 0;

    s->n_actions = 0;
    in->out_at = 0;
    in->err = 0;
    in->now = now_utc_ns;
    if (RL_LIKELY(event->kind != RL_FIX_EV_SEND && event->kind != RL_FIX_EV_REFUSE)) {
        taken(s);
        if (event->kind == RL_FIX_EV_MESSAGE && in->is_connected)
            rl_fix_take_in(s, event->bytes, event->n_bytes, false);
        else if (event->kind == RL_FIX_EV_CONNECTED)
            on_connected(s);
        else if (event->kind == RL_FIX_EV_DISCONNECTED)
            on_disconnected(s);
        else if (event->kind == RL_FIX_EV_LOGOUT)
            on_logout_wanted(s, event->text);
        go_on(s);
    } else if (event->kind == RL_FIX_EV_SEND) {
        err = on_send(s, event);
    } else {
        on_refused(s, event);
    }
    s->more = in->is_connected &&
              (in->is_delivered || in->is_resending || rl_fix_queue_has(s, s->store->next_in));
    s->state = !in->is_connected     ? RL_FIX_AWAY
               : in->has_sent_logout ? RL_FIX_LOGGING_OUT
               : rl_fix_is_on(in)    ? RL_FIX_LOGGED_ON
                                     : RL_FIX_CONNECTED;
    return err < 0 ? err : in->err;
}
