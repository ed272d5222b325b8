/* Which fields orders, replacements and execution reports have, and in which order. */
#include "market/fix/order_inner.h"

/* Slots behind those that every template has, as the init functions take them. */
enum {
    NOS_CL_ORD_ID = RL_FIX_SLOT_FIRST,
    NOS_SECONDARY,
    NOS_SIDE,
    NOS_TIME,
    NOS_QTY,
    NOS_PX,
    NOS_TIF
};
enum {
    REPLACE_CL_ORD_ID = RL_FIX_SLOT_FIRST,
    REPLACE_ORIG,
    REPLACE_SECONDARY,
    REPLACE_SIDE,
    REPLACE_TIME,
    REPLACE_QTY,
    REPLACE_PX,
    REPLACE_TIF
};
enum {
    ER_ORDER_ID = RL_FIX_SLOT_FIRST,
    ER_CL_ORD_ID,
    ER_SECONDARY,
    ER_EXEC_ID,
    ER_EXEC_TYPE,
    ER_STATUS,
    ER_SIDE,
    ER_QTY,
    ER_PX,
    ER_LAST_QTY,
    ER_LAST_PX,
    ER_LEAVES,
    ER_CUM,
    ER_AVG,
    ER_TIME,
    ER_MORE /* what some reports have besides */
};

int rl_fix_nos_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                    const char *target)
{
    int err = rl_fix_template_begin(t, begin_string, "D", sender, target);

    if (err)
        return err;
    rl_fix_text_slot(t, RL_FIX_ClOrdID, RL_FIX_CLORDID_CHARS);
    rl_fix_uint_slot(t, RL_FIX_SecondaryClOrdID, RL_FIX_ID_DIGITS);
    rl_fix_text_slot(t, RL_FIX_Side, 1);
    rl_fix_text_slot(t, RL_FIX_TransactTime, RL_FIX_SLOT_TIME_CHARS);
    rl_fix_uint_slot(t, RL_FIX_OrderQty, RL_FIX_QTY_DIGITS);
    rl_fix_template_text(t, RL_FIX_OrdType, "2"); /* limit */
    rl_fix_px_slot(t, RL_FIX_Price);
    rl_fix_text_slot(t, RL_FIX_TimeInForce, 1);
    return rl_fix_template_end(t, RL_FIX_Symbol);
}

int rl_fix_replace_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                        const char *target)
{
    int err = rl_fix_template_begin(t, begin_string, "G", sender, target);

    if (err)
        return err;
    rl_fix_text_slot(t, RL_FIX_ClOrdID, RL_FIX_CLORDID_CHARS);
    rl_fix_text_slot(t, RL_FIX_OrigClOrdID, RL_FIX_CLORDID_CHARS);
    rl_fix_uint_slot(t, RL_FIX_SecondaryClOrdID, RL_FIX_ID_DIGITS);
    rl_fix_text_slot(t, RL_FIX_Side, 1);
    rl_fix_text_slot(t, RL_FIX_TransactTime, RL_FIX_SLOT_TIME_CHARS);
    rl_fix_uint_slot(t, RL_FIX_OrderQty, RL_FIX_QTY_DIGITS);
    rl_fix_template_text(t, RL_FIX_OrdType, "2"); /* limit */
    rl_fix_px_slot(t, RL_FIX_Price);
    rl_fix_text_slot(t, RL_FIX_TimeInForce, 1);
    return rl_fix_template_end(t, RL_FIX_Symbol);
}

/* The reports differ by one field, `more` of n_more bytes, or 0. */
static int er_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                   const char *target, uint32_t more, enum rl_fix_slot_kind kind, uint32_t n_more)
{
    int err = rl_fix_template_begin(t, begin_string, "8", sender, target);

    if (err)
        return err;
    rl_fix_uint_slot(t, RL_FIX_OrderID, RL_FIX_ID_DIGITS);
    rl_fix_text_slot(t, RL_FIX_ClOrdID, RL_FIX_CLORDID_CHARS);
    rl_fix_uint_slot(t, RL_FIX_SecondaryClOrdID, RL_FIX_ID_DIGITS);
    rl_fix_uint_slot(t, RL_FIX_ExecID, RL_FIX_ID_DIGITS);
    rl_fix_text_slot(t, RL_FIX_ExecType, 1);
    rl_fix_text_slot(t, RL_FIX_OrdStatus, 1);
    rl_fix_text_slot(t, RL_FIX_Side, 1);
    rl_fix_uint_slot(t, RL_FIX_OrderQty, RL_FIX_QTY_DIGITS);
    rl_fix_px_slot(t, RL_FIX_Price);
    rl_fix_uint_slot(t, RL_FIX_LastQty, RL_FIX_QTY_DIGITS);
    rl_fix_px_slot(t, RL_FIX_LastPx);
    rl_fix_uint_slot(t, RL_FIX_LeavesQty, RL_FIX_QTY_DIGITS);
    rl_fix_uint_slot(t, RL_FIX_CumQty, RL_FIX_QTY_DIGITS);
    rl_fix_px_slot(t, RL_FIX_AvgPx);
    rl_fix_text_slot(t, RL_FIX_TransactTime, RL_FIX_SLOT_TIME_CHARS);
    if (more != 0)
        rl_fix_template_slot(t, more, kind, n_more);
    return rl_fix_template_end(t, RL_FIX_Symbol);
}

int rl_fix_er_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                   const char *target)
{
    return er_init(t, begin_string, sender, target, 0, RL_FIX_SLOT_TEXT, 0);
}

int rl_fix_er_orig_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                        const char *target)
{
    return er_init(t, begin_string, sender, target, RL_FIX_OrigClOrdID, RL_FIX_SLOT_TEXT,
                   RL_FIX_CLORDID_CHARS);
}

int rl_fix_er_ref_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                       const char *target)
{
    return er_init(t, begin_string, sender, target, RL_FIX_ExecRefID, RL_FIX_SLOT_UINT,
                   RL_FIX_ID_DIGITS);
}

/* --- messages --------------------------------------------------------------------------------- */

uint32_t rl_fix_nos_write(struct rl_fix_template *t, const struct rl_fix_nos *o, uint8_t *out)
{
    const struct rl_fix_slot *s = t->slots;
    const uint64_t time_ns = o->time_ns; /* here, so that its text is made once */
    uint32_t sum;

    if (RL_UNLIKELY(!rl_fix_head_fits(o->msg_seq, o->n_symbol) || !rl_fix_qty_fits(o->qty)))
        return 0;
    sum = rl_fix_template_start(t, out, o->msg_seq, time_ns);
    sum += rl_fix_patch_id(out + s[NOS_CL_ORD_ID].at, o->cl_ord_id);
    sum += rl_fix_patch_uint(out + s[NOS_SECONDARY].at, RL_FIX_ID_DIGITS, o->secondary_id);
    sum += rl_fix_patch_char(out + s[NOS_SIDE].at, rl_fix_side_char(o->side));
    sum += rl_fix_patch_time(t, out + s[NOS_TIME].at, time_ns);
    sum += rl_fix_patch_uint(out + s[NOS_QTY].at, RL_FIX_QTY_DIGITS, o->qty);
    sum += rl_fix_patch_px(out + s[NOS_PX].at, o->px_nano);
    sum += rl_fix_patch_char(out + s[NOS_TIF].at, (uint8_t)o->time_in_force);
    return rl_fix_template_finish(t, out, o->symbol, o->n_symbol, sum);
}

uint32_t rl_fix_replace_write(struct rl_fix_template *t, const struct rl_fix_replace *r,
                              uint8_t *out)
{
    const struct rl_fix_slot *s = t->slots;
    const uint64_t time_ns = r->time_ns;
    uint32_t sum;

    if (RL_UNLIKELY(!rl_fix_head_fits(r->msg_seq, r->n_symbol) || !rl_fix_qty_fits(r->qty)))
        return 0;
    sum = rl_fix_template_start(t, out, r->msg_seq, time_ns);
    sum += rl_fix_patch_id(out + s[REPLACE_CL_ORD_ID].at, r->cl_ord_id);
    sum += rl_fix_patch_id(out + s[REPLACE_ORIG].at, r->orig_cl_ord_id);
    sum += rl_fix_patch_uint(out + s[REPLACE_SECONDARY].at, RL_FIX_ID_DIGITS, r->secondary_id);
    sum += rl_fix_patch_char(out + s[REPLACE_SIDE].at, rl_fix_side_char(r->side));
    sum += rl_fix_patch_time(t, out + s[REPLACE_TIME].at, time_ns);
    sum += rl_fix_patch_uint(out + s[REPLACE_QTY].at, RL_FIX_QTY_DIGITS, r->qty);
    sum += rl_fix_patch_px(out + s[REPLACE_PX].at, r->px_nano);
    sum += rl_fix_patch_char(out + s[REPLACE_TIF].at, (uint8_t)r->time_in_force);
    return rl_fix_template_finish(t, out, r->symbol, r->n_symbol, sum);
}

static inline bool er_fits(const struct rl_fix_er *r)
{
    return rl_fix_head_fits(r->msg_seq, r->n_symbol) && rl_fix_qty_fits(r->qty) &&
           rl_fix_qty_fits(r->last_qty) && rl_fix_qty_fits(r->cum_qty) &&
           rl_fix_qty_fits(r->leaves_qty);
}

/* All but the last field; the sum. */
static inline uint32_t er_write(struct rl_fix_template *t, const struct rl_fix_er *r, uint8_t *out)
{
    const struct rl_fix_slot *s = t->slots;
    const uint64_t time_ns = r->time_ns; /* here, so that its text is made once */
    uint32_t sum;

    sum = rl_fix_template_start(t, out, r->msg_seq, time_ns);
    sum += rl_fix_patch_uint(out + s[ER_ORDER_ID].at, RL_FIX_ID_DIGITS, r->order_id);
    sum += rl_fix_patch_id(out + s[ER_CL_ORD_ID].at, r->cl_ord_id);
    sum += rl_fix_patch_uint(out + s[ER_SECONDARY].at, RL_FIX_ID_DIGITS, r->secondary_id);
    sum += rl_fix_patch_uint(out + s[ER_EXEC_ID].at, RL_FIX_ID_DIGITS, r->exec_id);
    sum += rl_fix_patch_char(out + s[ER_EXEC_TYPE].at, (uint8_t)r->exec_type);
    sum += rl_fix_patch_char(out + s[ER_STATUS].at, (uint8_t)r->ord_status);
    sum += rl_fix_patch_char(out + s[ER_SIDE].at, rl_fix_side_char(r->side));
    sum += rl_fix_patch_uint(out + s[ER_QTY].at, RL_FIX_QTY_DIGITS, r->qty);
    sum += rl_fix_patch_px(out + s[ER_PX].at, r->px_nano);
    sum += rl_fix_patch_uint(out + s[ER_LAST_QTY].at, RL_FIX_QTY_DIGITS, r->last_qty);
    sum += rl_fix_patch_px(out + s[ER_LAST_PX].at, r->last_px_nano);
    sum += rl_fix_patch_uint(out + s[ER_LEAVES].at, RL_FIX_QTY_DIGITS, r->leaves_qty);
    sum += rl_fix_patch_uint(out + s[ER_CUM].at, RL_FIX_QTY_DIGITS, r->cum_qty);
    sum += rl_fix_patch_px(out + s[ER_AVG].at, r->avg_px_nano);
    return sum + rl_fix_patch_time(t, out + s[ER_TIME].at, time_ns);
}

uint32_t rl_fix_er_write(struct rl_fix_template *t, const struct rl_fix_er *r, uint8_t *out)
{
    if (RL_UNLIKELY(!er_fits(r)))
        return 0;
    return rl_fix_template_finish(t, out, r->symbol, r->n_symbol, er_write(t, r, out));
}

uint32_t rl_fix_er_orig_write(struct rl_fix_template *t, const struct rl_fix_er *r, uint8_t *out)
{
    uint32_t sum;

    if (RL_UNLIKELY(!er_fits(r)))
        return 0;
    sum = er_write(t, r, out);
    sum += rl_fix_patch_id(out + t->slots[ER_MORE].at, r->orig_cl_ord_id);
    return rl_fix_template_finish(t, out, r->symbol, r->n_symbol, sum);
}

uint32_t rl_fix_er_ref_write(struct rl_fix_template *t, const struct rl_fix_er *r, uint8_t *out)
{
    uint32_t sum;

    if (RL_UNLIKELY(!er_fits(r)))
        return 0;
    sum = er_write(t, r, out);
    sum += rl_fix_patch_uint(out + t->slots[ER_MORE].at, RL_FIX_ID_DIGITS, r->exec_ref_id);
    return rl_fix_template_finish(t, out, r->symbol, r->n_symbol, sum);
}
