/* Which fields orders and execution reports have, and in which order. */
#include "market/fix/order.h"

#include <errno.h>

#define CL_ORD_ID RL_FIX_CLORDID_CHARS
#define ID_DIGITS 20

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
    ER_TIME
};

static void text(struct rl_fix_template *t, uint32_t tag, uint32_t n)
{
    rl_fix_template_slot(t, tag, RL_FIX_SLOT_TEXT, n);
}

static void number(struct rl_fix_template *t, uint32_t tag, uint32_t n_digits)
{
    rl_fix_template_slot(t, tag, RL_FIX_SLOT_UINT, n_digits);
}

static void price(struct rl_fix_template *t, uint32_t tag)
{
    rl_fix_template_slot(t, tag, RL_FIX_SLOT_PX, RL_FIX_SLOT_PX_CHARS);
}

int rl_fix_nos_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                    const char *target)
{
    int err = rl_fix_template_begin(t, begin_string, "D", sender, target);

    if (err)
        return err;
    text(t, RL_FIX_ClOrdID, CL_ORD_ID);
    number(t, RL_FIX_SecondaryClOrdID, ID_DIGITS);
    text(t, RL_FIX_Side, 1);
    text(t, RL_FIX_TransactTime, RL_FIX_SLOT_TIME_CHARS);
    number(t, RL_FIX_OrderQty, RL_FIX_QTY_DIGITS);
    rl_fix_template_text(t, RL_FIX_OrdType, "2"); /* limit */
    price(t, RL_FIX_Price);
    text(t, RL_FIX_TimeInForce, 1);
    return rl_fix_template_end(t, RL_FIX_Symbol);
}

int rl_fix_er_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                   const char *target)
{
    int err = rl_fix_template_begin(t, begin_string, "8", sender, target);

    if (err)
        return err;
    number(t, RL_FIX_OrderID, ID_DIGITS);
    text(t, RL_FIX_ClOrdID, CL_ORD_ID);
    number(t, RL_FIX_SecondaryClOrdID, ID_DIGITS);
    number(t, RL_FIX_ExecID, ID_DIGITS);
    text(t, RL_FIX_ExecType, 1);
    text(t, RL_FIX_OrdStatus, 1);
    text(t, RL_FIX_Side, 1);
    number(t, RL_FIX_OrderQty, RL_FIX_QTY_DIGITS);
    price(t, RL_FIX_Price);
    number(t, RL_FIX_LastQty, RL_FIX_QTY_DIGITS);
    price(t, RL_FIX_LastPx);
    number(t, RL_FIX_LeavesQty, RL_FIX_QTY_DIGITS);
    number(t, RL_FIX_CumQty, RL_FIX_QTY_DIGITS);
    price(t, RL_FIX_AvgPx);
    text(t, RL_FIX_TransactTime, RL_FIX_SLOT_TIME_CHARS);
    return rl_fix_template_end(t, RL_FIX_Symbol);
}

/* --- messages --------------------------------------------------------------------------------- */

static inline bool head_fits(uint64_t msg_seq, uint32_t n_symbol)
{
    return n_symbol - 1 < RL_FIX_SYMBOL_MAX && msg_seq <= 9999999999ULL;
}

static inline bool qty_fits(uint64_t qty)
{
    return qty <= 9999999999999999ULL;
}

static inline uint8_t side_char(uint8_t side)
{
    return side == RL_BUY ? '1' : '2';
}

/* Thirteen characters as two words that overlap. */
static inline uint32_t patch_id(uint8_t *p, const char *id)
{
    uint64_t head, tail;

    memcpy(&head, id, 8);
    memcpy(&tail, id + CL_ORD_ID - 8, 8);
    memcpy(p, &head, 8);
    memcpy(p + CL_ORD_ID - 8, &tail, 8);
    return rl_fix_sum_of_8(head) + rl_fix_sum_of_8(tail >> 24); /* three bytes are in both */
}

uint32_t rl_fix_nos_write(struct rl_fix_template *t, const struct rl_fix_nos *o, uint8_t *out)
{
    const struct rl_fix_slot *s = t->slots;
    const uint64_t time_ns = o->time_ns; /* here, so that its text is made once */
    uint32_t sum;

    if (RL_UNLIKELY(!head_fits(o->msg_seq, o->n_symbol) || !qty_fits(o->qty)))
        return 0;
    sum = rl_fix_template_start(t, out, o->msg_seq, time_ns);
    sum += patch_id(out + s[NOS_CL_ORD_ID].at, o->cl_ord_id);
    sum += rl_fix_patch_uint(out + s[NOS_SECONDARY].at, ID_DIGITS, o->secondary_id);
    sum += rl_fix_patch_char(out + s[NOS_SIDE].at, side_char(o->side));
    sum += rl_fix_patch_time(t, out + s[NOS_TIME].at, time_ns);
    sum += rl_fix_patch_uint(out + s[NOS_QTY].at, RL_FIX_QTY_DIGITS, o->qty);
    sum += rl_fix_patch_px(out + s[NOS_PX].at, o->px_nano);
    sum += rl_fix_patch_char(out + s[NOS_TIF].at, (uint8_t)o->time_in_force);
    return rl_fix_template_finish(t, out, o->symbol, o->n_symbol, sum);
}

uint32_t rl_fix_er_write(struct rl_fix_template *t, const struct rl_fix_er *r, uint8_t *out)
{
    const struct rl_fix_slot *s = t->slots;
    const uint64_t time_ns = r->time_ns; /* here, so that its text is made once */
    uint32_t sum;

    if (RL_UNLIKELY(!head_fits(r->msg_seq, r->n_symbol) || !qty_fits(r->qty) ||
                    !qty_fits(r->last_qty) || !qty_fits(r->cum_qty) || !qty_fits(r->leaves_qty)))
        return 0;
    sum = rl_fix_template_start(t, out, r->msg_seq, time_ns);
    sum += rl_fix_patch_uint(out + s[ER_ORDER_ID].at, ID_DIGITS, r->order_id);
    sum += patch_id(out + s[ER_CL_ORD_ID].at, r->cl_ord_id);
    sum += rl_fix_patch_uint(out + s[ER_SECONDARY].at, ID_DIGITS, r->secondary_id);
    sum += rl_fix_patch_uint(out + s[ER_EXEC_ID].at, ID_DIGITS, r->exec_id);
    sum += rl_fix_patch_char(out + s[ER_EXEC_TYPE].at, (uint8_t)r->exec_type);
    sum += rl_fix_patch_char(out + s[ER_STATUS].at, (uint8_t)r->ord_status);
    sum += rl_fix_patch_char(out + s[ER_SIDE].at, side_char(r->side));
    sum += rl_fix_patch_uint(out + s[ER_QTY].at, RL_FIX_QTY_DIGITS, r->qty);
    sum += rl_fix_patch_px(out + s[ER_PX].at, r->px_nano);
    sum += rl_fix_patch_uint(out + s[ER_LAST_QTY].at, RL_FIX_QTY_DIGITS, r->last_qty);
    sum += rl_fix_patch_px(out + s[ER_LAST_PX].at, r->last_px_nano);
    sum += rl_fix_patch_uint(out + s[ER_LEAVES].at, RL_FIX_QTY_DIGITS, r->leaves_qty);
    sum += rl_fix_patch_uint(out + s[ER_CUM].at, RL_FIX_QTY_DIGITS, r->cum_qty);
    sum += rl_fix_patch_px(out + s[ER_AVG].at, r->avg_px_nano);
    sum += rl_fix_patch_time(t, out + s[ER_TIME].at, time_ns);
    return rl_fix_template_finish(t, out, r->symbol, r->n_symbol, sum);
}
