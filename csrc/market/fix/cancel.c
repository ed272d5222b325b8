/* Which fields the messages that end orders have, and in which order. */
#include "market/fix/cancel.h"

#include <errno.h>

#include "market/fix/order_inner.h"

#define N_AFFECTED_DIGITS 9

enum { CANCEL_CL_ORD_ID = RL_FIX_SLOT_FIRST, CANCEL_ORIG, CANCEL_SIDE, CANCEL_TIME, CANCEL_QTY };
enum {
    REJECT_CL_ORD_ID = RL_FIX_SLOT_FIRST,
    REJECT_ORIG,
    REJECT_STATUS,
    REJECT_TO,
    REJECT_REASON,
    REJECT_TIME
};
enum { MASS_CL_ORD_ID = RL_FIX_SLOT_FIRST, MASS_TIME };
enum {
    REPORT_CL_ORD_ID = RL_FIX_SLOT_FIRST,
    REPORT_ORDER_ID,
    REPORT_RESPONSE,
    REPORT_AFFECTED,
    REPORT_TIME
};

int rl_fix_cancel_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                       const char *target)
{
    int err = rl_fix_template_begin(t, begin_string, "F", sender, target);

    if (err)
        return err;
    rl_fix_text_slot(t, RL_FIX_ClOrdID, RL_FIX_CLORDID_CHARS);
    rl_fix_text_slot(t, RL_FIX_OrigClOrdID, RL_FIX_CLORDID_CHARS);
    rl_fix_text_slot(t, RL_FIX_Side, 1);
    rl_fix_text_slot(t, RL_FIX_TransactTime, RL_FIX_SLOT_TIME_CHARS);
    rl_fix_uint_slot(t, RL_FIX_OrderQty, RL_FIX_QTY_DIGITS);
    return rl_fix_template_end(t, RL_FIX_Symbol);
}

int rl_fix_cancel_reject_init(struct rl_fix_template *t, const char *begin_string,
                              const char *sender, const char *target)
{
    int err = rl_fix_template_begin(t, begin_string, "9", sender, target);

    if (err)
        return err;
    rl_fix_text_slot(t, RL_FIX_ClOrdID, RL_FIX_CLORDID_CHARS);
    rl_fix_text_slot(t, RL_FIX_OrigClOrdID, RL_FIX_CLORDID_CHARS);
    rl_fix_text_slot(t, RL_FIX_OrdStatus, 1);
    rl_fix_text_slot(t, RL_FIX_CxlRejResponseTo, 1);
    rl_fix_text_slot(t, RL_FIX_CxlRejReason, 1);
    rl_fix_text_slot(t, RL_FIX_TransactTime, RL_FIX_SLOT_TIME_CHARS);
    return rl_fix_template_end(t, RL_FIX_OrderID);
}

static const char *mass_type(enum rl_fix_mass of)
{
    return of == RL_FIX_MASS_ALL ? "7" : "1";
}

static uint32_t mass_last(enum rl_fix_mass of)
{
    return of == RL_FIX_MASS_ALL ? RL_FIX_Text : RL_FIX_Symbol;
}

int rl_fix_mass_cancel_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                            const char *target, enum rl_fix_mass of)
{
    int err = rl_fix_template_begin(t, begin_string, "q", sender, target);

    if (err)
        return err;
    rl_fix_text_slot(t, RL_FIX_ClOrdID, RL_FIX_CLORDID_CHARS);
    rl_fix_template_text(t, RL_FIX_MassCancelRequestType, mass_type(of));
    rl_fix_text_slot(t, RL_FIX_TransactTime, RL_FIX_SLOT_TIME_CHARS);
    return rl_fix_template_end(t, mass_last(of));
}

int rl_fix_mass_report_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                            const char *target, enum rl_fix_mass of)
{
    int err = rl_fix_template_begin(t, begin_string, "r", sender, target);

    if (err)
        return err;
    rl_fix_text_slot(t, RL_FIX_ClOrdID, RL_FIX_CLORDID_CHARS);
    rl_fix_uint_slot(t, RL_FIX_OrderID, RL_FIX_ID_DIGITS);
    rl_fix_template_text(t, RL_FIX_MassCancelRequestType, mass_type(of));
    rl_fix_text_slot(t, RL_FIX_MassCancelResponse, 1);
    rl_fix_uint_slot(t, RL_FIX_TotalAffectedOrders, N_AFFECTED_DIGITS);
    rl_fix_text_slot(t, RL_FIX_TransactTime, RL_FIX_SLOT_TIME_CHARS);
    return rl_fix_template_end(t, mass_last(of));
}

/* --- messages --------------------------------------------------------------------------------- */

uint32_t rl_fix_cancel_write(struct rl_fix_template *t, const struct rl_fix_cancel *c, uint8_t *out)
{
    const struct rl_fix_slot *s = t->slots;
    const uint64_t time_ns = c->time_ns; /* here, so that its text is made once */
    uint32_t sum;

    if (RL_UNLIKELY(!rl_fix_head_fits(c->msg_seq, c->n_symbol) || !rl_fix_qty_fits(c->qty)))
        return 0;
    sum = rl_fix_template_start(t, out, c->msg_seq, time_ns);
    sum += rl_fix_patch_id(out + s[CANCEL_CL_ORD_ID].at, c->cl_ord_id);
    sum += rl_fix_patch_id(out + s[CANCEL_ORIG].at, c->orig_cl_ord_id);
    sum += rl_fix_patch_char(out + s[CANCEL_SIDE].at, rl_fix_side_char(c->side));
    sum += rl_fix_patch_time(t, out + s[CANCEL_TIME].at, time_ns);
    sum += rl_fix_patch_uint(out + s[CANCEL_QTY].at, RL_FIX_QTY_DIGITS, c->qty);
    return rl_fix_template_finish(t, out, c->symbol, c->n_symbol, sum);
}

uint32_t rl_fix_cancel_reject_write(struct rl_fix_template *t, const struct rl_fix_cancel_reject *r,
                                    uint8_t *out)
{
    const struct rl_fix_slot *s = t->slots;
    const uint64_t time_ns = r->time_ns;
    uint32_t sum;

    if (RL_UNLIKELY(!rl_fix_head_fits(r->msg_seq, r->n_order_id)))
        return 0;
    sum = rl_fix_template_start(t, out, r->msg_seq, time_ns);
    sum += rl_fix_patch_id(out + s[REJECT_CL_ORD_ID].at, r->cl_ord_id);
    sum += rl_fix_patch_id(out + s[REJECT_ORIG].at, r->orig_cl_ord_id);
    sum += rl_fix_patch_char(out + s[REJECT_STATUS].at, (uint8_t)r->ord_status);
    sum += rl_fix_patch_char(out + s[REJECT_TO].at, (uint8_t)r->response_to);
    sum += rl_fix_patch_char(out + s[REJECT_REASON].at, (uint8_t)r->reason);
    sum += rl_fix_patch_time(t, out + s[REJECT_TIME].at, time_ns);
    return rl_fix_template_finish(t, out, r->order_id, r->n_order_id, sum);
}

uint32_t rl_fix_mass_cancel_write(struct rl_fix_template *t, const struct rl_fix_mass_cancel *m,
                                  uint8_t *out)
{
    const struct rl_fix_slot *s = t->slots;
    const uint64_t time_ns = m->time_ns;
    uint32_t sum;

    if (RL_UNLIKELY(!rl_fix_head_fits(m->msg_seq, m->n_text)))
        return 0;
    sum = rl_fix_template_start(t, out, m->msg_seq, time_ns);
    sum += rl_fix_patch_id(out + s[MASS_CL_ORD_ID].at, m->cl_ord_id);
    sum += rl_fix_patch_time(t, out + s[MASS_TIME].at, time_ns);
    return rl_fix_template_finish(t, out, m->text, m->n_text, sum);
}

uint32_t rl_fix_mass_report_write(struct rl_fix_template *t, const struct rl_fix_mass_report *r,
                                  uint8_t *out)
{
    const struct rl_fix_slot *s = t->slots;
    const uint64_t time_ns = r->time_ns;
    uint32_t sum;

    if (RL_UNLIKELY(!rl_fix_head_fits(r->msg_seq, r->n_text) || r->n_affected > 999999999))
        return 0;
    sum = rl_fix_template_start(t, out, r->msg_seq, time_ns);
    sum += rl_fix_patch_id(out + s[REPORT_CL_ORD_ID].at, r->cl_ord_id);
    sum += rl_fix_patch_uint(out + s[REPORT_ORDER_ID].at, RL_FIX_ID_DIGITS, r->order_id);
    sum += rl_fix_patch_char(out + s[REPORT_RESPONSE].at, (uint8_t)r->response);
    sum += rl_fix_patch_uint(out + s[REPORT_AFFECTED].at, N_AFFECTED_DIGITS, r->n_affected);
    sum += rl_fix_patch_time(t, out + s[REPORT_TIME].at, time_ns);
    return rl_fix_template_finish(t, out, r->text, r->n_text, sum);
}
