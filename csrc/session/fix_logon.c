/*
 * The beginning and the end of a session: who says Logon and Logout when, whose numbers start over,
 * and what was missed since the last time.
 */
#include "session/fix_inner.h"

#define HEARTBEAT_MAX_S 1000000 /* beyond that it is no interval: sums of it stay far from 2^64 */

/* Both sides start from 1: worth saying when that is the rule here. */
static bool is_reset_to_be_said(const struct rl_fix_session *s)
{
    const struct rl_fix_session_config *c = &s->config;

    return s->inner->version >= RL_FIX_41 &&
           (c->reset_on_logon || c->reset_on_logout || c->reset_on_disconnect) &&
           s->store->next_out == 1 && s->store->next_in == 1;
}

void rl_fix_start_logon(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;

    if (s->config.reset_on_logon && !rl_fix_reset_numbers(s))
        return;
    in->has_sent_reset = is_reset_to_be_said(s);
    if (in->has_sent_reset && !rl_fix_reset_numbers(s)) /* what is kept of a time before */
        return;
    in->received_at = in->now;
    in->n_test_requests = 0;
    rl_fix_say_logon(s, in->has_sent_reset, s->store->next_in);
}

/* HeartBtInt of an initiator; false: the connection was ended. */
static bool take_heartbeat(struct rl_fix_session *s)
{
    const struct rl_fix_session_config *c = &s->config;
    struct rl_fix_inner *in = s->inner;
    uint64_t v;

    if (!rl_fix_in_uint(in, TAG_HeartBtInt, &v) || v > HEARTBEAT_MAX_S || v < c->heartbeat_min_s ||
        (c->heartbeat_max_s && (v == 0 || v > c->heartbeat_max_s))) {
        rl_fix_say_logout(s, "HeartBtInt is out of bounds");
        rl_fix_hang_up(s, RL_FIX_BYE_HEARTBEAT, "HeartBtInt is out of bounds");
        return false;
    }
    s->heartbeat_s = (uint32_t)v;
    in->heartbeat_ns = v * RL_FIX_NS;
    return true;
}

static bool is_text(struct rl_fix_view v, const char *text)
{
    return v.p && v.n == strlen(text) && memcmp(v.p, text, v.n) == 0;
}

static bool is_let_in(struct rl_fix_session *s)
{
    const struct rl_fix_session_config *c = &s->config;
    const struct rl_fix_inner *in = s->inner;

    if (c->is_initiator ||
        ((!c->username || is_text(rl_fix_in_text(in, TAG_Username), c->username)) &&
         (!c->password || is_text(rl_fix_in_text(in, TAG_Password), c->password))))
        return true;
    rl_fix_say_logout(s, "Username or Password is wrong");
    rl_fix_hang_up(s, RL_FIX_BYE_BAD_LOGON, "Username or Password is wrong");
    return false;
}

/* What their application messages are when they do not say so. */
static void take_version(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;
    struct rl_fix_view v = rl_fix_in_text(in, TAG_DefaultApplVerID);
    const struct rl_fix_dict *d = s->config.dict;

    if (!d || in->version != RL_FIX_T11 || v.n != 1 || v.p[0] < '0' || v.p[0] > '9')
        return;
    in->dict = (char)v.p[0] != d->appl_ver_id && d->apps[v.p[0] - '0'] ? d->apps[v.p[0] - '0'] : d;
}

/* NextExpectedMsgSeqNum (789). What they lack goes out behind our Logon; false: the end. */
static bool take_next_expected(struct rl_fix_session *s, uint64_t *from)
{
    uint64_t next_out = s->store->next_out, next;
    char text[128];
    struct rl_fix_pen pen = {(uint8_t *)text, (uint8_t *)text + sizeof text - 1, false};

    *from = 0;
    if (!rl_fix_in_uint(s->inner, TAG_NextExpectedMsgSeqNum, &next))
        return true;
    if (next <= next_out) {
        *from = next < next_out ? (next ? next : 1) : 0;
        return true;
    }
    rl_fix_pen_bytes(&pen, "NextExpectedMsgSeqNum too high, expecting ", 42);
    pen.at += rl_fix_print_uint((char *)pen.at, next_out);
    rl_fix_pen_bytes(&pen, " but received ", 14);
    pen.at += rl_fix_print_uint((char *)pen.at, next);
    *pen.at = 0;
    rl_fix_say_logout(s, text);
    rl_fix_hang_up(s, RL_FIX_BYE_TOO_HIGH, "NextExpectedMsgSeqNum too high");
    return false;
}

void rl_fix_on_logon(struct rl_fix_session *s)
{
    const struct rl_fix_session_config *c = &s->config;
    struct rl_fix_inner *in = s->inner;
    const struct rl_fix_head *h = &in->head;
    bool is_reset = rl_fix_in_flag(in, RL_FIX_ResetSeqNumFlag);
    bool is_high, is_asking;
    uint64_t missing_from, last;

    if (in->version == RL_FIX_T11 && !rl_fix_find(&in->msg, TAG_DefaultApplVerID, 3)) {
        rl_fix_say_reject(s, RL_FIX_REQUIRED_MISSING, TAG_DefaultApplVerID);
        rl_fix_hang_up(s, RL_FIX_BYE_BAD_LOGON, "a Logon without DefaultApplVerID");
        return;
    }
    in->has_received_reset = is_reset;
    /* The numbers are not touched for a Logon that is refused: first the other checks. */
    if (!rl_fix_verify(s, false, false)) {
        in->has_received_reset = false;
        return;
    }
    if ((is_reset && !in->has_sent_reset) ||
        (!c->is_initiator && c->reset_on_logon && !in->has_received_logon)) {
        if (!rl_fix_reset_numbers(s))
            return;
    }
    if (!rl_fix_verify(s, false, true) || !is_let_in(s))
        return;
    take_version(s);

    is_asking = !c->is_initiator || (is_reset && !in->has_sent_reset);
    if (is_asking && !take_heartbeat(s))
        return;
    in->has_received_logon = true;
    if (!take_next_expected(s, &missing_from))
        return;
    last = s->store->next_out - 1;
    is_high = h->seq > s->store->next_in && !is_reset;
    if (is_asking) /* theirs is not counted yet */
        rl_fix_say_logon(s, is_reset, s->store->next_in + !is_high);
    in->has_sent_reset = in->has_received_reset = false;
    in->idle_until = 0;

    if (is_high && c->sends_next_expected && rl_fix_find(&in->msg, TAG_NextExpectedMsgSeqNum, 3)) {
        /* They know from ours what is missing, and send it unasked. */
        rl_fix_queue_put(s, h->seq, in->msg.bytes, in->msg.n_bytes);
        in->asked_from = in->asked_next_in = s->store->next_in;
        in->asked_to = h->seq - 1;
        in->asked_at = in->now;
    } else if (is_high) {
        rl_fix_too_high(s);
    } else if (!rl_fix_count_in(s)) {
        return;
    }
    if (rl_fix_is_on(in) && !in->is_announced) {
        in->is_announced = true;
        rl_fix_act(s, RL_FIX_DO_LOGGED_ON);
    }
    if (missing_from)
        rl_fix_start_resend(s, missing_from, last);
}

void rl_fix_on_logout(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;

    if (!rl_fix_verify(s, false, false))
        return;
    if (!in->has_sent_logout)
        rl_fix_say_logout(s, NULL);
    if (!in->is_connected || !rl_fix_count_in(s))
        return;
    if (s->config.reset_on_logout && !rl_fix_reset_numbers(s))
        return;
    rl_fix_hang_up(s, RL_FIX_BYE_LOGOUT, "");
}
