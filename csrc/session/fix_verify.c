/*
 * What every message that is a message at all is checked for: may it come now, is it of this
 * minute, from the right party to the right one, and is it its turn.
 */
#include "session/fix_inner.h"

bool rl_fix_count_in(struct rl_fix_session *s)
{
    const struct rl_fix_head *h = &s->inner->head;

    return !h->has_seq || h->seq != s->store->next_in || rl_fix_set_next_in(s, h->seq + 1);
}

void rl_fix_too_high(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;
    const struct rl_fix_head *h = &in->head;
    uint64_t next_in = s->store->next_in;
    uint64_t patience = in->heartbeat_ns ? in->heartbeat_ns : 30 * RL_FIX_NS;

    rl_fix_queue_put(s, h->seq, in->msg.bytes, in->msg.n_bytes);
    s->why = "MsgSeqNum too high";
    if (in->asked_from != 0 && h->seq >= in->asked_from && !s->config.asks_redundantly) {
        /*
         * It was asked for. Once more only when what came had a hole, or nothing comes: never for
         * each message, since each request brings all of them.
         */
        bool has_hole = h->is_poss_dup && h->seq <= in->asked_to && next_in > in->asked_next_in;
        bool is_slow = in->now >= in->asked_at + patience;

        if (!has_hole && is_slow && next_in > in->asked_next_in) {
            in->asked_next_in = next_in;
            in->asked_at = in->now;
            return;
        }
        if (!has_hole && !is_slow)
            return;
    }
    rl_fix_say_resend_request(s, h->seq);
}

/* A number that was there before: an honest copy is ignored, anything else is the end. */
static void too_low(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;
    const struct rl_fix_head *h = &in->head;
    uint64_t orig_ns;
    char text[96];
    struct rl_fix_pen pen = {(uint8_t *)text, (uint8_t *)text + sizeof text - 1, false};

    if (h->is_poss_dup) {
        if (in->msg.type == RL_FIX_TYPE1('4'))
            return;
        if (!h->orig_time.p) {
            rl_fix_say_reject(s, RL_FIX_REQUIRED_MISSING, TAG_OrigSendingTime);
        } else if (!rl_fix_read_time(h->orig_time.p, h->orig_time.n, &orig_ns)) {
            rl_fix_say_reject(s, RL_FIX_BAD_FORMAT, TAG_OrigSendingTime);
        } else if (orig_ns > h->time_ns) {
            rl_fix_say_reject(s, RL_FIX_SENDING_TIME, 0);
            rl_fix_say_logout(s, NULL);
        } else {
            s->counts.n_duplicates++;
        }
        return;
    }
    rl_fix_pen_bytes(&pen, "MsgSeqNum too low, expecting ", 29);
    pen.at += rl_fix_print_uint((char *)pen.at, s->store->next_in);
    rl_fix_pen_bytes(&pen, " but received ", 14);
    pen.at += rl_fix_print_uint((char *)pen.at, h->seq);
    *pen.at = 0;
    rl_fix_say_logout(s, text);
    rl_fix_hang_up(s, RL_FIX_BYE_TOO_LOW, "MsgSeqNum too low");
}

/* Whether a message of that type can come now. */
static bool is_state_right(const struct rl_fix_inner *in)
{
    uint32_t type = in->msg.type;

    if (type == RL_FIX_TYPE1('A'))
        return !in->has_received_logon || in->has_sent_reset || in->has_received_reset;
    return in->has_received_logon || (type == RL_FIX_TYPE1('5') && in->has_sent_logon);
}

static bool is_id(struct rl_fix_view v, const char *id)
{
    return v.p && strncmp((const char *)v.p, id, v.n) == 0 && id[v.n] == 0;
}

bool rl_fix_verify(struct rl_fix_session *s, bool checks_high, bool checks_low)
{
    const struct rl_fix_session_config *c = &s->config;
    struct rl_fix_inner *in = s->inner;
    const struct rl_fix_head *h = &in->head;
    uint64_t next_in = s->store->next_in;
    uint64_t off = in->now > h->time_ns ? in->now - h->time_ns : h->time_ns - in->now;

    if (RL_UNLIKELY(!is_state_right(in))) {
        rl_fix_hang_up(s, RL_FIX_BYE_STATE, "a message that cannot come now");
        return false;
    }
    /* In whole seconds; and one that waited in the queue was looked at when it came. */
    if (RL_UNLIKELY(!c->ignores_time && !in->is_queued && off / RL_FIX_NS > c->tolerance_s)) {
        rl_fix_say_reject(s, RL_FIX_SENDING_TIME, 0);
        rl_fix_say_logout(s, NULL);
        return false;
    }
    if (RL_UNLIKELY(!c->ignores_comp_ids &&
                    (!is_id(h->sender, c->target) || !is_id(h->target, c->sender)))) {
        rl_fix_say_reject(s, RL_FIX_COMP_ID, 0);
        rl_fix_say_logout(s, NULL);
        return false;
    }
    if (RL_UNLIKELY(checks_high && h->seq > next_in)) {
        rl_fix_too_high(s);
        return false;
    }
    if (RL_UNLIKELY(checks_low && h->seq < next_in)) {
        too_low(s);
        return false;
    }
    if (RL_UNLIKELY(in->asked_from != 0 && (checks_high || checks_low) && h->seq >= in->asked_to))
        in->asked_from = 0;
    in->received_at = in->now;
    if (RL_UNLIKELY(in->n_test_requests > 0)) {
        in->n_test_requests = 0;
        in->idle_until = 0;
    }
    return true;
}
