#include "rig/pipeline/answer.h"

#include "trade/order/ids.h"

/* Fields that a kind of answer must have. */
enum { HAS_ID = 1 << 0, HAS_EXEC = 1 << 1, HAS_TYPE = 1 << 2, HAS_STATUS = 1 << 3 };

struct fields {
    struct rl_order_event event;
    uint64_t order_qty;    /* 38 */
    int64_t order_px_nano; /* 44 */
    uint32_t seen;
    uint8_t exec_type, status, response_to;
};

/* False when the value of a field that we use cannot be read. */
static bool read_field(const struct rl_fix_msg *m, const struct rl_fix_field *f, struct fields *out)
{
    const char *value = (const char *)rl_fix_value(m, f);

    switch (f->tag) {
    case RL_FIX_ClOrdID:
        out->seen |= HAS_ID;
        return rl_id_from_text(value, f->len, &out->event.id);
    case RL_FIX_OrigClOrdID:
        return rl_id_from_text(value, f->len, &out->event.orig_id);
    case RL_FIX_ExecID:
        out->seen |= HAS_EXEC;
        return rl_fix_uint(m, f, &out->event.exec);
    case RL_FIX_ExecRefID:
        return rl_fix_uint(m, f, &out->event.ref_exec);
    case RL_FIX_ExecType:
        out->seen |= HAS_TYPE;
        out->exec_type = rl_fix_char(m, f);
        return true;
    case RL_FIX_OrdStatus:
        out->seen |= HAS_STATUS;
        out->status = rl_fix_char(m, f);
        return true;
    case RL_FIX_CxlRejResponseTo:
        out->response_to = rl_fix_char(m, f);
        return true;
    case RL_FIX_OrderQty:
        return rl_fix_uint(m, f, &out->order_qty);
    case RL_FIX_Price:
        return rl_fix_px(m, f, &out->order_px_nano);
    case RL_FIX_LastQty:
        return rl_fix_uint(m, f, &out->event.qty);
    case RL_FIX_LastPx:
        return rl_fix_px(m, f, &out->event.px_nano);
    default:
        return true;
    }
}

/* OrdStatus (39) of an order that is over: filled, done for the day, cancelled, rejected, expired.
 */
static bool is_over(uint8_t status)
{
    return status == '2' || status == '3' || status == '4' || status == '8' || status == 'C';
}

/* ... of one about which the venue has not decided: new, cancel or replace pending. */
static bool is_pending(uint8_t status)
{
    return status == 'A' || status == '6' || status == 'E';
}

/* ExecType (150) of FIX 4.4. */
static enum rl_answer_kind report_kind(const struct fields *f, struct rl_order_event *event)
{
    bool is_execution = false;

    switch (f->exec_type) {
    case '0':
        event->kind = RL_EVENT_ACK;
        break;
    case '4':
        event->kind = RL_EVENT_CANCELLED;
        break;
    case '5':
        event->kind = RL_EVENT_REPLACED;
        break;
    case '8':
        event->kind = RL_EVENT_REJECT;
        break;
    case 'C':
        event->kind = RL_EVENT_EXPIRED;
        break;
    case 'F':
        event->kind = RL_EVENT_FILL;
        is_execution = true;
        break;
    case 'G':
        event->kind = RL_EVENT_CORRECT;
        is_execution = true;
        break;
    case 'H':
        event->kind = RL_EVENT_BUST;
        break;
    case 'I': /* status, asked for after the session was lost */
        if (is_pending(f->status))
            return RL_ANSWER_NOTICE; /* the venue does not know yet: to be asked again */
        event->kind = is_over(f->status) ? RL_EVENT_STATUS_GONE : RL_EVENT_STATUS_OPEN;
        break;
    case '6': /* pending cancel */
    case 'A': /* pending new */
    case 'E': /* pending replace */
        return RL_ANSWER_NOTICE;
    default:
        return RL_ANSWER_UNUSABLE;
    }
    if (!is_execution) { /* 31 and 32 of other reports repeat an old execution, or are 0 */
        event->qty = 0;
        event->px_nano = RL_PX_NONE;
    }
    if (event->kind == RL_EVENT_REPLACED) { /* the venue may grant less than was asked */
        event->qty = f->order_qty;
        event->px_nano = f->order_px_nano;
    }
    if (event->kind == RL_EVENT_BUST) /* what the order comes to without it */
        event->qty = f->order_qty;
    if (is_execution && (event->qty == 0 || event->px_nano == RL_PX_NONE))
        return RL_ANSWER_UNUSABLE;
    return RL_ANSWER_EVENT;
}

enum rl_answer_kind rl_answer_of(const struct rl_fix_msg *m, struct rl_order_event *event)
{
    struct fields f = {.event = {.px_nano = RL_PX_NONE}, .order_px_nano = RL_PX_NONE};
    bool is_reject;

    if (m->type == RL_FIX_TYPE1('r'))
        return RL_ANSWER_NOTICE; /* the reports of the orders follow one by one */
    is_reject = m->type == RL_FIX_TYPE1('9');
    if (!is_reject && m->type != RL_FIX_TYPE1('8'))
        return RL_ANSWER_UNUSABLE;
    for (uint32_t i = 3; i < m->n_fields; i++) /* behind BeginString, BodyLength and MsgType */
        if (!read_field(m, &m->fields[i], &f))
            return RL_ANSWER_UNUSABLE;
    if (is_reject) {
        if ((f.seen & (HAS_ID | HAS_STATUS)) != (HAS_ID | HAS_STATUS) ||
            (f.response_to != '1' && f.response_to != '2'))
            return RL_ANSWER_UNUSABLE;
        f.event.kind = f.response_to == '1' ? RL_EVENT_CANCEL_REJECT : RL_EVENT_REPLACE_REJECT;
        *event = f.event;
        return RL_ANSWER_EVENT;
    }
    if (f.seen != (HAS_ID | HAS_EXEC | HAS_TYPE | HAS_STATUS))
        return RL_ANSWER_UNUSABLE;
    *event = f.event;
    return report_kind(&f, event);
}

enum rl_answer_kind rl_answer_read(struct rl_fix_msg *m, const uint8_t *bytes, uint32_t n_bytes,
                                   struct rl_order_event *event)
{
    if (rl_fix_parse(m, bytes, n_bytes) != RL_FIX_OK)
        return RL_ANSWER_UNUSABLE;
    return rl_answer_of(m, event);
}
