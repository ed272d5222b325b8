/*
 * The messages of the session itself, in words that a counterparty made for QuickFIX expects: which
 * fields, which texts, and which of them a version does not have yet.
 */
#include <errno.h>

#include "session/fix_inner.h"

static struct rl_fix_pen pen_of(struct rl_fix_inner *in)
{
    return (struct rl_fix_pen){in->body, in->body + sizeof in->body, false};
}

/*
 * Sends what the pen has written. Here and below: nothing is said any more once the connection was
 * given up, which the store or the message before may have done a moment ago.
 */
static void say(struct rl_fix_session *s, const char *type, const struct rl_fix_pen *pen,
                const struct rl_fix_piece *extras, uint32_t n_extras)
{
    struct rl_fix_inner *in = s->inner;
    struct rl_fix_draft draft = {
        .type = type,
        .n_type = 1,
        .extras = extras,
        .n_extras = n_extras,
        .body = {in->body, (uint32_t)(pen->at - in->body)},
    };

    if (in->is_connected && rl_fix_send_new(s, &draft, true, false) == -EMSGSIZE)
        s->why = "a message of the session did not fit";
}

/* --- session state ---------------------------------------------------------------------------- */

void rl_fix_say_logon(struct rl_fix_session *s, bool with_reset, uint64_t next_expected)
{
    const struct rl_fix_session_config *c = &s->config;
    struct rl_fix_inner *in = s->inner;
    struct rl_fix_pen pen = pen_of(in);

    if (!in->is_connected)
        return;
    rl_fix_pen_uint(&pen, TAG_EncryptMethod, 0);
    rl_fix_pen_uint(&pen, TAG_HeartBtInt, s->heartbeat_s);
    if (with_reset)
        rl_fix_pen_text(&pen, RL_FIX_ResetSeqNumFlag, "Y");
    if (c->is_initiator && c->username)
        rl_fix_pen_text(&pen, TAG_Username, c->username);
    if (c->is_initiator && c->password)
        rl_fix_pen_text(&pen, TAG_Password, c->password);
    if (c->sends_next_expected)
        rl_fix_pen_uint(&pen, TAG_NextExpectedMsgSeqNum, next_expected);
    if (in->version == RL_FIX_T11)
        rl_fix_pen_put(&pen, TAG_DefaultApplVerID, &c->appl_ver_id, 1);
    in->has_sent_logon = true;
    say(s, "A", &pen, NULL, 0);
}

void rl_fix_say_logout(struct rl_fix_session *s, const char *text)
{
    struct rl_fix_inner *in = s->inner;
    struct rl_fix_pen pen = pen_of(in);

    if (!in->is_connected)
        return;
    if (text && text[0])
        rl_fix_pen_text(&pen, RL_FIX_Text, text);
    in->idle_until = 0;
    if (!in->has_sent_logout)
        in->logout_at = in->now;
    in->has_sent_logout = true;
    say(s, "5", &pen, NULL, 0);
}

void rl_fix_say_heartbeat(struct rl_fix_session *s, struct rl_fix_view test_req_id)
{
    struct rl_fix_inner *in = s->inner;
    struct rl_fix_pen pen = pen_of(in);

    /* One that does not fit is not repeated; the heartbeat is a sign of life all the same. */
    if (test_req_id.p)
        rl_fix_pen_put(&pen, TAG_TestReqID, test_req_id.p, test_req_id.n);
    say(s, "0", &pen, NULL, 0);
}

void rl_fix_say_test_request(struct rl_fix_session *s)
{
    struct rl_fix_pen pen = pen_of(s->inner);

    rl_fix_pen_text(&pen, TAG_TestReqID, "TEST");
    say(s, "1", &pen, NULL, 0);
}

void rl_fix_say_resend_request(struct rl_fix_session *s, uint64_t seq)
{
    struct rl_fix_inner *in = s->inner;
    struct rl_fix_pen pen = pen_of(in);

    rl_fix_pen_uint(&pen, TAG_BeginSeqNo, s->store->next_in);
    rl_fix_pen_uint(&pen, TAG_EndSeqNo, in->version >= RL_FIX_42 ? 0 : 999999);
    in->asked_from = in->asked_next_in = s->store->next_in;
    in->asked_to = seq - 1;
    in->asked_at = in->now;
    s->counts.n_asked_again++;
    say(s, "2", &pen, NULL, 0);
}

void rl_fix_say_gap_fill(struct rl_fix_session *s, uint64_t from, uint64_t to)
{
    struct rl_fix_inner *in = s->inner;
    struct rl_fix_pen pen = pen_of(in);
    struct rl_fix_draft draft = {.type = "4", .n_type = 1, .is_poss_dup = true};
    uint8_t time[32];
    struct rl_fix_view now = rl_fix_clock_text(in);

    memcpy(time, now.p, now.n);
    rl_fix_pen_uint(&pen, RL_FIX_NewSeqNo, to);
    rl_fix_pen_text(&pen, TAG_GapFillFlag, "Y");
    draft.orig_time = (struct rl_fix_view){time, now.n};
    draft.body = (struct rl_fix_view){in->body, (uint32_t)(pen.at - in->body)};
    rl_fix_send_again(s, &draft, from);
}

/* --- refusals --------------------------------------------------------------------------------- */

#define ROUTE_VALUE_MAX 200 /* a longer one is not repeated */
#define ROUTE_TAGS 6

/*
 * Where a message was sent on behalf of somebody, the answer is to be delivered to them, and the
 * other way round. Ascending by the tag of the answer. Empty ones are left out.
 */
static uint32_t reverse_route(const struct rl_fix_inner *in, struct rl_fix_piece *pieces,
                              uint8_t *text, uint32_t n_text)
{
    static const uint32_t tags[ROUTE_TAGS][2] = {
        {TAG_OnBehalfOfCompID, TAG_DeliverToCompID}, /* ours, theirs */
        {TAG_OnBehalfOfSubID, TAG_DeliverToSubID},
        {TAG_DeliverToCompID, TAG_OnBehalfOfCompID},
        {TAG_DeliverToSubID, TAG_OnBehalfOfSubID},
        {TAG_OnBehalfOfLocationID, TAG_DeliverToLocationID},
        {TAG_DeliverToLocationID, TAG_OnBehalfOfLocationID}};
    struct rl_fix_pen pen = {text, text + n_text, false};
    uint32_t n = 0;

    for (uint32_t i = 0; i < ROUTE_TAGS; i++) {
        struct rl_fix_view value = rl_fix_raw_field(in->msg.bytes, in->msg.n_bytes, tags[i][1]);
        uint8_t *from = pen.at;

        if (!value.p || value.n == 0 || value.n > ROUTE_VALUE_MAX)
            continue;
        if (tags[i][0] >= TAG_OnBehalfOfLocationID && in->version < RL_FIX_41)
            continue;
        rl_fix_pen_put(&pen, tags[i][0], value.p, value.n);
        pieces[n++] = (struct rl_fix_piece){tags[i][0], {from, (uint32_t)(pen.at - from)}};
    }
    return n;
}

static void put_text_and_tag(struct rl_fix_pen *pen, const char *text, struct rl_fix_view tag,
                             bool in_text)
{
    char line[256];
    size_t n = strlen(text);

    if (tag.p && in_text && n + tag.n + 3 < sizeof line) {
        memcpy(line, text, n);
        memcpy(line + n, " (", 2);
        memcpy(line + n + 2, tag.p, tag.n);
        memcpy(line + n + 2 + tag.n, ")", 2);
        text = line;
    }
    if (text[0])
        rl_fix_pen_text(pen, RL_FIX_Text, text);
    if (tag.p && !in_text)
        rl_fix_pen_put(pen, TAG_RefTagID, tag.p, tag.n);
}

/* Reject (35=3) of the message at hand; `reason` UINT32_MAX: in words only. */
static void reject(struct rl_fix_session *s, uint32_t reason, struct rl_fix_view tag,
                   const char *text)
{
    struct rl_fix_inner *in = s->inner;
    const struct rl_fix_head *h = &in->head;
    struct rl_fix_piece route[ROUTE_TAGS];
    uint8_t route_text[ROUTE_TAGS * (ROUTE_VALUE_MAX + 8)];
    struct rl_fix_pen pen = pen_of(in);
    bool is_logon = in->msg.type == RL_FIX_TYPE1('A');

    if (!in->has_received_logon) {
        rl_fix_hang_up(s, RL_FIX_BYE_BAD_LOGON, text);
        return;
    }
    if (h->has_seq)
        rl_fix_pen_uint(&pen, TAG_RefSeqNum, h->seq);
    put_text_and_tag(&pen, text, tag, in->version < RL_FIX_42);
    if (in->version >= RL_FIX_42 && h->type.n > 0 && h->type.n < 64)
        rl_fix_pen_put(&pen, TAG_RefMsgType, h->type.p, h->type.n);
    if (reason != UINT32_MAX &&
        (in->version > RL_FIX_42 || (in->version == RL_FIX_42 && reason <= RL_FIX_INVALID_TYPE)))
        rl_fix_pen_uint(&pen, TAG_SessionRejectReason, reason);
    s->counts.n_rejected++;
    s->why = text;
    if (!is_logon && in->msg.type != RL_FIX_TYPE1('4') && !rl_fix_count_in(s))
        return;
    say(s, "3", &pen, route, reverse_route(in, route, route_text, sizeof route_text));
}

void rl_fix_say_reject_tag(struct rl_fix_session *s, uint32_t reason, struct rl_fix_view tag)
{
    const char *text = rl_fix_reason_text(reason);

    reject(s, reason, tag, text[0] ? text : s->inner->msg.what ? s->inner->msg.what : "");
}

void rl_fix_say_reject(struct rl_fix_session *s, uint32_t reason, uint32_t tag)
{
    char digits[20];
    struct rl_fix_view view = {(const uint8_t *)digits, rl_fix_print_uint(digits, tag)};

    if (tag == 0 && reason != RL_FIX_INVALID_TAG)
        view.p = NULL;
    rl_fix_say_reject_tag(s, reason, view);
}

void rl_fix_say_business_reject(struct rl_fix_session *s, uint32_t reason, uint32_t tag,
                                const char *text)
{
    static const char *const texts[] = {"Other",
                                        "Unknown ID",
                                        "Unknown Security",
                                        "Unsupported Message Type",
                                        "Application not available",
                                        "Conditionally Required Field Missing",
                                        "Not authorized",
                                        "DeliverTo firm not available at this time"};
    struct rl_fix_inner *in = s->inner;
    const struct rl_fix_head *h = &in->head;
    struct rl_fix_pen pen = pen_of(in);
    char digits[20];
    struct rl_fix_view view = {(const uint8_t *)digits, rl_fix_print_uint(digits, tag)};

    if (tag == 0)
        view.p = NULL;
    if (in->version < RL_FIX_42 && !text && reason == RL_FIX_REFUSE_TYPE)
        text = "Unsupported message type";
    if (!text)
        text = reason < RL_COUNT(texts) ? texts[reason] : texts[0];
    if (in->version < RL_FIX_42) {
        if (reason == RL_FIX_REFUSE_MISSING)
            rl_fix_say_reject(s, RL_FIX_REQUIRED_MISSING, tag);
        else
            reject(s, UINT32_MAX, view, text);
        return;
    }
    if (h->has_seq)
        rl_fix_pen_uint(&pen, TAG_RefSeqNum, h->seq);
    put_text_and_tag(&pen, text, view, true);
    if (h->type.n > 0 && h->type.n < 64)
        rl_fix_pen_put(&pen, TAG_RefMsgType, h->type.p, h->type.n);
    rl_fix_pen_uint(&pen, TAG_BusinessRejectReason, reason);
    if (in->version == RL_FIX_T11)
        rl_fix_pen_put(&pen, TAG_DefaultApplVerID, &s->config.appl_ver_id, 1);
    s->counts.n_rejected++;
    s->why = texts[reason < RL_COUNT(texts) ? reason : 0];
    if (rl_fix_count_in(s))
        say(s, "j", &pen, NULL, 0);
}
