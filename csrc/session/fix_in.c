/*
 * Messages in. In this order, as QuickFIX has it: what cannot be read is ignored; what is not from
 * this session ends it; what is no valid message is rejected whatever its number; then the state,
 * the time, the names and the number; then what the message says.
 */
#include "session/fix_inner.h"

/* --- fields ----------------------------------------------------------------------------------- */

bool rl_fix_in_uint(const struct rl_fix_inner *in, uint32_t tag, uint64_t *v)
{
    return rl_fix_uint(&in->msg, rl_fix_find(&in->msg, tag, 3), v) && *v <= RL_FIX_SEQ_MAX;
}

bool rl_fix_in_flag(const struct rl_fix_inner *in, uint32_t tag)
{
    return rl_fix_char(&in->msg, rl_fix_find(&in->msg, tag, 3)) == 'Y';
}

static struct rl_fix_view view_of(const struct rl_fix_msg *m, const struct rl_fix_field *f)
{
    return f ? (struct rl_fix_view){m->bytes + f->off, f->len} : (struct rl_fix_view){0};
}

struct rl_fix_view rl_fix_in_text(const struct rl_fix_inner *in, uint32_t tag)
{
    return view_of(&in->msg, rl_fix_find(&in->msg, tag, 3));
}

struct rl_fix_view rl_fix_raw_field(const uint8_t *bytes, uint32_t n_bytes, uint32_t tag)
{
    char text[24] = {RL_FIX_SOH};
    uint32_t n = 1 + rl_fix_print_uint(text + 1, tag);
    const uint8_t *end = bytes + n_bytes, *p, *stop;

    text[n++] = '=';
    p = memmem(bytes, n_bytes, text, n);
    if (!p)
        return (struct rl_fix_view){0};
    p += n;
    stop = memchr(p, RL_FIX_SOH, (size_t)(end - p));
    return (struct rl_fix_view){p, (uint32_t)((stop ? stop : end) - p)};
}

/* --- the header ------------------------------------------------------------------------------- */

static void read_numbers(struct rl_fix_head *h, struct rl_fix_view time)
{
    h->has_seq = h->seq_text.p && rl_fix_read_uint(h->seq_text.p, h->seq_text.n, &h->seq) &&
                 h->seq <= RL_FIX_SEQ_MAX;
    h->seq = h->has_seq ? h->seq : 0;
    h->time_text = time;
    h->has_time = time.p && rl_fix_read_time(time.p, time.n, &h->time_ns);
}

/* Of a message that was read. Header fields come first, unless it is out of order. */
static void read_head(struct rl_fix_inner *in)
{
    const struct rl_fix_msg *m = &in->msg;
    struct rl_fix_head *h = &in->head;
    struct rl_fix_view time = {0};

    *h = (struct rl_fix_head){.type = view_of(m, &m->fields[2])};
    for (uint32_t i = 3; i < m->n_fields; i++) {
        const struct rl_fix_field *f = &m->fields[i];

        switch (f->tag) {
        case RL_FIX_MsgSeqNum:
            h->seq_text = view_of(m, f);
            break;
        case RL_FIX_SenderCompID:
            h->sender = view_of(m, f);
            break;
        case RL_FIX_TargetCompID:
            h->target = view_of(m, f);
            break;
        case RL_FIX_SendingTime:
            time = view_of(m, f);
            break;
        case TAG_OrigSendingTime:
            h->orig_time = view_of(m, f);
            break;
        case TAG_PossDupFlag:
            h->is_poss_dup = rl_fix_char(m, f) == 'Y';
            break;
        case TAG_PossResend:
            h->is_poss_resend = rl_fix_char(m, f) == 'Y';
            break;
        default:
            if (RL_LIKELY(!rl_fix_is_head_tag(f->tag) && h->seq_text.p && h->sender.p &&
                          h->target.p && time.p))
                i = m->n_fields;
        }
    }
    read_numbers(h, time);
}

/* Of one that has a field which is none: the fields behind that one were not cut. */
static void read_head_raw(struct rl_fix_inner *in)
{
    const struct rl_fix_msg *m = &in->msg;
    struct rl_fix_head *h = &in->head;
    struct rl_fix_view flag = rl_fix_raw_field(m->bytes, m->n_bytes, TAG_PossDupFlag);

    *h = (struct rl_fix_head){
        .type = rl_fix_raw_field(m->bytes, m->n_bytes, RL_FIX_MsgType),
        .seq_text = rl_fix_raw_field(m->bytes, m->n_bytes, RL_FIX_MsgSeqNum),
        .sender = rl_fix_raw_field(m->bytes, m->n_bytes, RL_FIX_SenderCompID),
        .target = rl_fix_raw_field(m->bytes, m->n_bytes, RL_FIX_TargetCompID),
        .orig_time = rl_fix_raw_field(m->bytes, m->n_bytes, TAG_OrigSendingTime),
        .is_poss_dup = flag.n == 1 && flag.p[0] == 'Y',
    };
    read_numbers(h, rl_fix_raw_field(m->bytes, m->n_bytes, RL_FIX_SendingTime));
}

/* --- without a dictionary --------------------------------------------------------------------- */

/* What the session itself reads; false: it was rejected. */
static bool has_what_it_needs(struct rl_fix_session *s)
{
    static const struct {
        char type;
        uint32_t tag;
    } needs[] = {{'1', TAG_TestReqID}, {'2', TAG_BeginSeqNo},  {'2', TAG_EndSeqNo},
                 {'3', TAG_RefSeqNum}, {'4', RL_FIX_NewSeqNo}, {'A', TAG_HeartBtInt}};
    struct rl_fix_inner *in = s->inner;
    const struct rl_fix_head *h = &in->head;
    uint64_t v;

    if (!h->seq_text.p) {
        rl_fix_say_reject(s, RL_FIX_REQUIRED_MISSING, RL_FIX_MsgSeqNum);
        return false;
    }
    if (!h->time_text.p) {
        rl_fix_say_reject(s, RL_FIX_REQUIRED_MISSING, RL_FIX_SendingTime);
        return false;
    }
    for (uint32_t i = 0; i < RL_COUNT(needs); i++) {
        if (in->msg.type != RL_FIX_TYPE1(needs[i].type))
            continue;
        if (!rl_fix_find(&in->msg, needs[i].tag, 3)) {
            rl_fix_say_reject(s, RL_FIX_REQUIRED_MISSING, needs[i].tag);
            return false;
        }
        if (needs[i].type != '1' && !rl_fix_in_uint(in, needs[i].tag, &v)) {
            rl_fix_say_reject(s, RL_FIX_BAD_FORMAT, needs[i].tag);
            return false;
        }
    }
    return true;
}

/* The quick checks of a dictionary know no empty values. */
static enum rl_fix_result validate(struct rl_fix_inner *in)
{
    struct rl_fix_msg *m = &in->msg;

    for (uint32_t i = 0; m->allows_empty && i < m->n_fields; i++)
        if (m->fields[i].len == 0)
            return rl_fix_validate_carefully(in->dict, m, RL_FIX_LEVEL_DICTIONARY);
    return rl_fix_validate_known(in->dict, in->shapes, m);
}

static bool is_valid(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;
    const struct rl_fix_head *h = &in->head;
    struct rl_fix_msg *m = &in->msg;

    if (in->dict && validate(in) != RL_FIX_OK) {
        /* A number of 0 is for a SequenceReset, and otherwise just too low. */
        bool is_zero = m->reason == RL_FIX_WRONG_VALUE && m->ref_tag == RL_FIX_MsgSeqNum &&
                       h->has_seq && h->seq == 0;

        if (!is_zero) {
            rl_fix_say_reject(s, m->reason, m->ref_tag);
            return false;
        }
    }
    /* A dictionary looks at the form of numbers; it does not know how large they may be. */
    if (RL_UNLIKELY(h->seq_text.p && !h->has_seq)) {
        rl_fix_say_reject(s, RL_FIX_BAD_FORMAT, RL_FIX_MsgSeqNum);
        return false;
    }
    if (RL_UNLIKELY(h->time_text.p && !h->has_time)) {
        rl_fix_say_reject(s, RL_FIX_BAD_FORMAT, RL_FIX_SendingTime);
        return false;
    }
    return in->dict && h->seq_text.p && h->time_text.p ? true : has_what_it_needs(s);
}

/* --- by type ---------------------------------------------------------------------------------- */

static void deliver(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;
    struct rl_fix_action *a = rl_fix_act(s, RL_FIX_DO_DELIVER);

    a->msg = &in->msg;
    a->seq = in->head.seq;
    a->is_poss_dup = in->head.is_poss_dup;
    a->is_poss_resend = in->head.is_poss_resend;
    in->is_delivered = true;
    s->counts.n_delivered++;
}

static void dispatch(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;

    switch (in->msg.type) {
    case RL_FIX_TYPE1('A'):
        rl_fix_on_logon(s);
        break;
    case RL_FIX_TYPE1('5'):
        rl_fix_on_logout(s);
        break;
    case RL_FIX_TYPE1('2'):
        rl_fix_on_resend_request(s);
        break;
    case RL_FIX_TYPE1('4'):
        rl_fix_on_sequence_reset(s);
        break;
    case RL_FIX_TYPE1('0'):
        if (rl_fix_verify(s, true, true))
            rl_fix_count_in(s);
        break;
    case RL_FIX_TYPE1('3'):
        if (rl_fix_verify(s, false, true))
            rl_fix_count_in(s);
        break;
    case RL_FIX_TYPE1('1'):
        if (rl_fix_verify(s, true, true) && rl_fix_count_in(s))
            rl_fix_say_heartbeat(s, rl_fix_in_text(in, TAG_TestReqID));
        break;
    default:
        if (rl_fix_verify(s, true, true))
            deliver(s);
    }
}

/* --- what cannot be read ---------------------------------------------------------------------- */

static void on_garbled(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;
    struct rl_fix_view type = rl_fix_raw_field(in->msg.bytes, in->msg.n_bytes, RL_FIX_MsgType);

    s->counts.n_garbled++;
    s->why = in->msg.what ? in->msg.what : "garbled";
    if (!in->has_received_logon || (type.n == 1 && type.p[0] == 'A'))
        rl_fix_hang_up(s, RL_FIX_BYE_BAD_LOGON, "a Logon that cannot be read");
}

/* What stands where a tag should: a number, perhaps negative; else it is garbled. */
static bool tag_text_at(const struct rl_fix_msg *m, struct rl_fix_view *tag)
{
    const uint8_t *from = m->bytes + m->ref_off, *end = m->bytes + m->n_bytes, *p = from;

    if (p < end && *p == '-')
        p++;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    *tag = (struct rl_fix_view){from, (uint32_t)(p - from)};
    return p < end && *p == '=' && tag->n > 0 && tag->n <= 11 && p[-1] != '-';
}

static void on_misread(struct rl_fix_session *s)
{
    struct rl_fix_msg *m = &s->inner->msg;
    struct rl_fix_view tag;

    if (m->reason == RL_FIX_INVALID_TAG && tag_text_at(m, &tag))
        rl_fix_say_reject_tag(s, m->reason, tag);
    else
        rl_fix_say_reject(s, m->reason, m->ref_tag);
}

/* The pieces of a message that frames, or GARBLED. */
static enum rl_fix_result read_message(struct rl_fix_session *s, const uint8_t *bytes,
                                       uint32_t n_bytes)
{
    struct rl_fix_inner *in = s->inner;
    enum rl_fix_result result = RL_FIX_GARBLED;
    struct rl_fix_view tag;

    in->msg.what = NULL;
    if (n_bytes <= s->config.max_message)
        result = rl_fix_parse(&in->msg, bytes, n_bytes);
    if (RL_LIKELY(result == RL_FIX_OK)) {
        read_head(in);
    } else if (result == RL_FIX_REJECT &&
               (in->msg.reason != RL_FIX_INVALID_TAG || tag_text_at(&in->msg, &tag))) {
        read_head_raw(in);
    } else {
        in->msg.bytes = bytes;
        in->msg.n_bytes = n_bytes;
        result = RL_FIX_GARBLED;
    }
    return result;
}

/* --- one message ------------------------------------------------------------------------------ */

static bool is_missing_a_name(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;
    uint32_t tag = !in->head.sender.p   ? RL_FIX_SenderCompID
                   : !in->head.target.p ? RL_FIX_TargetCompID
                                        : 0;
    uint32_t type = in->msg.type;
    bool is_admin = type == 'A' || (type >= '0' && type <= '5');

    if (RL_LIKELY(tag == 0))
        return false;
    if (in->version >= RL_FIX_42 && !is_admin && in->has_received_logon)
        rl_fix_say_business_reject(s, RL_FIX_REFUSE_MISSING, tag, NULL);
    else
        rl_fix_say_reject(s, RL_FIX_REQUIRED_MISSING, tag);
    return true;
}

static void on_other_version(struct rl_fix_session *s)
{
    struct rl_fix_inner *in = s->inner;

    if (in->msg.type == RL_FIX_TYPE1('5')) {
        rl_fix_on_logout(s);
        return;
    }
    if (!in->has_received_logon) {
        rl_fix_hang_up(s, RL_FIX_BYE_BAD_LOGON, "Incorrect BeginString");
        return;
    }
    rl_fix_say_logout(s, "Incorrect BeginString");
    rl_fix_count_in(s);
}

void rl_fix_take_in(struct rl_fix_session *s, const uint8_t *bytes, uint32_t n_bytes,
                    bool is_queued)
{
    struct rl_fix_inner *in = s->inner;
    enum rl_fix_result result = read_message(s, bytes, n_bytes);
    uint32_t type = in->msg.type;

    in->is_queued = is_queued;
    if (RL_UNLIKELY(result == RL_FIX_GARBLED)) {
        on_garbled(s);
        return;
    }
    s->counts.n_in += !is_queued;
    if (RL_UNLIKELY(!in->has_received_logon) && type != RL_FIX_TYPE1('A') &&
        !(type == RL_FIX_TYPE1('5') && in->has_sent_logon)) {
        rl_fix_hang_up(s, RL_FIX_BYE_NO_LOGON, "the first message is no Logon");
        return;
    }
    if (RL_UNLIKELY(is_missing_a_name(s)))
        return;
    /* "8=FIX.4.4" SOH, without the "9=" behind it */
    if (RL_UNLIKELY(memcmp(bytes, in->begin, in->n_begin - 2) != 0))
        on_other_version(s);
    else if (RL_UNLIKELY(result == RL_FIX_REJECT))
        on_misread(s);
    else if (RL_LIKELY(is_valid(s)))
        dispatch(s);
}
