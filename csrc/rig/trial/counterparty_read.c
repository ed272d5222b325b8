#include "rig/trial/counterparty_read.h"

#include "market/feed/feed.h"
#include "trade/order/ids.h"

/* The fields a request may need, each once. */
enum {
    HAS_SEQ = 1 << 0,
    HAS_SENDER = 1 << 1,
    HAS_TARGET = 1 << 2,
    HAS_SENT = 1 << 3,
    HAS_ID = 1 << 4,
    HAS_TRIGGER = 1 << 5,
    HAS_SYMBOL = 1 << 6,
    HAS_SIDE = 1 << 7,
    HAS_TIME = 1 << 8,
    HAS_QTY = 1 << 9,
    HAS_TYPE = 1 << 10,
    HAS_PX = 1 << 11,
    HAS_TIF = 1 << 12,
    HAS_ORIG = 1 << 13,
    HAS_MASS = 1 << 14,

    HAS_HEAD = HAS_SEQ | HAS_SENDER | HAS_TARGET | HAS_SENT | HAS_ID | HAS_TIME,
    HAS_TERMS = HAS_SYMBOL | HAS_SIDE | HAS_QTY,
    ORDER_HAS = HAS_HEAD | HAS_TERMS | HAS_TRIGGER | HAS_TYPE | HAS_PX | HAS_TIF,
    CANCEL_HAS = HAS_HEAD | HAS_TERMS | HAS_ORIG,
    REPLACE_HAS = ORDER_HAS | HAS_ORIG,
    MASS_HAS = HAS_HEAD | HAS_MASS,
};

static bool is_text(const struct rl_fix_msg *m, const struct rl_fix_field *f, const char *text)
{
    return f->len == strlen(text) && memcmp(rl_fix_value(m, f), text, f->len) == 0;
}

/* The bit of a field that counts, 0 for any other; *is_good says whether its value could be read.
 */
static uint32_t read_field(const struct rl_fix_msg *m, const struct rl_fix_field *f,
                           struct rl_request_read *o, bool *is_good)
{
    switch (f->tag) {
    case RL_FIX_MsgSeqNum:
        *is_good = rl_fix_uint(m, f, &o->seq);
        return HAS_SEQ;
    case RL_FIX_SenderCompID:
        *is_good = is_text(m, f, RL_ENGINE_COMP);
        return HAS_SENDER;
    case RL_FIX_TargetCompID:
        *is_good = is_text(m, f, RL_VENUE_COMP);
        return HAS_TARGET;
    case RL_FIX_SendingTime:
        *is_good = rl_fix_read_time(rl_fix_value(m, f), f->len, &o->time_ns);
        return HAS_SENT;
    case RL_FIX_ClOrdID:
        o->id_text = (const char *)rl_fix_value(m, f);
        *is_good = rl_id_from_text(o->id_text, f->len, &o->id);
        return HAS_ID;
    case RL_FIX_OrigClOrdID:
        o->orig_text = (const char *)rl_fix_value(m, f);
        *is_good = rl_id_from_text(o->orig_text, f->len, &o->orig_id);
        return HAS_ORIG;
    case RL_FIX_SecondaryClOrdID:
        *is_good = rl_fix_uint(m, f, &o->trigger);
        return HAS_TRIGGER;
    case RL_FIX_Symbol:
        o->symbol = (const char *)rl_fix_value(m, f);
        o->n_symbol = f->len;
        *is_good = f->len > 0 && f->len < RL_FEED_SYMBOL;
        return HAS_SYMBOL;
    case RL_FIX_Side:
        o->side = (char)rl_fix_char(m, f);
        return HAS_SIDE;
    case RL_FIX_TransactTime:
        *is_good = rl_fix_read_time(rl_fix_value(m, f), f->len, &o->time_ns);
        return HAS_TIME;
    case RL_FIX_OrderQty:
        *is_good = rl_fix_uint(m, f, &o->qty);
        return HAS_QTY;
    case RL_FIX_OrdType:
        o->type = (char)rl_fix_char(m, f);
        return HAS_TYPE;
    case RL_FIX_Price:
        *is_good = rl_fix_px(m, f, &o->px_nano);
        return HAS_PX;
    case RL_FIX_TimeInForce:
        o->time_in_force = (char)rl_fix_char(m, f);
        return HAS_TIF;
    case RL_FIX_MassCancelRequestType:
        o->mass_type = (char)rl_fix_char(m, f);
        *is_good = o->mass_type == '7' || o->mass_type == '1';
        return HAS_MASS;
    default:
        return 0;
    }
}

bool rl_request_read(const struct rl_fix_msg *m, struct rl_request_read *o)
{
    uint32_t seen = 0;

    *o = (struct rl_request_read){0};
    for (uint32_t i = 0; i < m->n_fields; i++) {
        bool is_good = true;
        uint32_t bit = read_field(m, &m->fields[i], o, &is_good);

        if (!is_good || (seen & bit) != 0)
            return false;
        seen |= bit;
    }
    switch (m->type) {
    case RL_FIX_TYPE1('D'):
        return seen == ORDER_HAS;
    case RL_FIX_TYPE1('F'):
        return seen == CANCEL_HAS;
    case RL_FIX_TYPE1('G'):
        return seen == REPLACE_HAS;
    case RL_FIX_TYPE1('q'):
        return seen == (MASS_HAS | (o->mass_type == '1' ? HAS_SYMBOL : 0));
    default:
        return false;
    }
}
