/*
 * What time alone does: heartbeats, test requests, and giving up - on a Logon, on the answer to a
 * Logout, on a counterparty that is silent.
 */
#include "session/fix_inner.h"

static uint64_t percent_of(uint64_t ns, uint32_t percent)
{
    return ns / 100 * percent;
}

/* Of them all, what comes first; UINT64_MAX: nothing. */
uint64_t rl_fix_due(const struct rl_fix_session *s)
{
    const struct rl_fix_session_config *c = &s->config;
    const struct rl_fix_inner *in = s->inner;
    uint64_t due = UINT64_MAX, at;

    if (!in->is_connected)
        return due;
    if (!in->has_received_logon)
        return in->connected_at + c->logon_timeout_s * RL_FIX_NS;
    if (in->has_sent_logout)
        due = in->logout_at + c->logout_timeout_s * RL_FIX_NS;
    if (in->heartbeat_ns == 0)
        return due;
    at = in->received_at + percent_of(in->heartbeat_ns, c->silence_percent);
    due = at < due ? at : due;
    at = in->received_at +
         percent_of(in->heartbeat_ns, c->test_request_percent) * (in->n_test_requests + 1);
    due = at < due ? at : due;
    at = in->sent_at + in->heartbeat_ns;
    return in->n_test_requests == 0 && at < due ? at : due;
}

void rl_fix_on_time(struct rl_fix_session *s)
{
    const struct rl_fix_session_config *c = &s->config;
    struct rl_fix_inner *in = s->inner;
    uint64_t now = in->now;

    if (RL_LIKELY(now < in->idle_until))
        return;
    if (now >= rl_fix_due(s)) {
        if (!in->has_received_logon)
            rl_fix_hang_up(s, RL_FIX_BYE_LOGON_TIMEOUT, "no Logon in time");
        else if (in->has_sent_logout && now >= in->logout_at + c->logout_timeout_s * RL_FIX_NS)
            rl_fix_hang_up(s, RL_FIX_BYE_LOGOUT_ALONE, "no answer to a Logout in time");
        else if (now >= in->received_at + percent_of(in->heartbeat_ns, c->silence_percent))
            rl_fix_hang_up(s, RL_FIX_BYE_SILENCE, "no message in time");
        else if (now >= in->received_at + percent_of(in->heartbeat_ns, c->test_request_percent) *
                                              (in->n_test_requests + 1)) {
            in->n_test_requests++;
            rl_fix_say_test_request(s);
        } else {
            rl_fix_say_heartbeat(s, (struct rl_fix_view){0});
        }
    }
    /* Times only move on when something happens: later, but never earlier than this. */
    in->idle_until = rl_fix_due(s);
}
