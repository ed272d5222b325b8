/* Orders and execution reports by patching a template: the bytes that leave on the hot path. */
#include "market/fix/fix.h"

#include <errno.h>

#define ZEROS 0x3030303030303030ULL
#define SYMBOL_TRAILER 8 /* SOH "10=nnn" SOH */

/* --- patches: each writes a fixed width and returns the sum of the bytes that it wrote -------- */

static inline uint32_t sum_of_8(uint64_t x)
{
    const uint64_t even = 0x00FF00FF00FF00FFULL;

    x = (x & even) + (x >> 8 & even);
    return (uint32_t)((x * 0x0001000100010001ULL) >> 48);
}

/* `v` is below 10^8: pairs of digits, then digits, are split in parallel. */
static inline uint32_t put_8(uint8_t *p, uint32_t v)
{
    uint64_t x = (v / 10000) | (uint64_t)(v % 10000) << 32;
    uint64_t hundreds = (x * 10486 >> 20) & 0x0000007F0000007FULL;
    uint64_t tens;

    x = hundreds | (x - hundreds * 100) << 16;
    tens = (x * 103 >> 10) & 0x000F000F000F000FULL;
    x = tens | (x - tens * 10) << 8;
    x += ZEROS;
    memcpy(p, &x, sizeof x);
    return sum_of_8(x);
}

static inline uint32_t put_1(uint8_t *p, uint8_t c)
{
    *p = c;
    return c;
}

/* `v` is below 100. */
static inline uint32_t put_2(uint8_t *p, uint32_t v)
{
    return put_1(p, (uint8_t)('0' + v / 10)) + put_1(p + 1, (uint8_t)('0' + v % 10));
}

static inline uint32_t put_10(uint8_t *p, uint64_t v)
{
    return put_2(p, (uint32_t)(v / 100000000)) + put_8(p + 2, (uint32_t)(v % 100000000));
}

static inline uint32_t put_16(uint8_t *p, uint64_t v)
{
    return put_8(p, (uint32_t)(v / 100000000)) + put_8(p + 8, (uint32_t)(v % 100000000));
}

static inline uint32_t put_20(uint8_t *p, uint64_t v)
{
    uint32_t high = (uint32_t)(v / 10000000000000000ULL); /* at most 1844 */

    return put_2(p, high / 100) + put_2(p + 2, high % 100) +
           put_16(p + 4, v % 10000000000000000ULL);
}

static inline uint32_t put_px(uint8_t *p, int64_t px_nano)
{
    bool is_negative = px_nano < 0 && px_nano != RL_PX_NONE;
    uint64_t v = px_nano == RL_PX_NONE ? 0 : is_negative ? -(uint64_t)px_nano : (uint64_t)px_nano;
    uint64_t units = v / RL_NANO_PER_UNIT;
    uint32_t rest = (uint32_t)(v % RL_NANO_PER_UNIT);

    return put_1(p, is_negative ? '-' : '0') + put_10(p + 1, units) + put_1(p + 11, '.') +
           put_1(p + 12, (uint8_t)('0' + rest / 100000000)) + put_8(p + 13, rest % 100000000);
}

static inline uint32_t put_bytes(uint8_t *p, const void *bytes, uint32_t n)
{
    const uint8_t *from = bytes;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        p[i] = from[i];
        sum += from[i];
    }
    return sum;
}

static inline uint32_t put_id(uint8_t *p, const char *id)
{
    uint64_t head, tail;

    memcpy(&head, id, 8);
    memcpy(&tail, id + RL_FIX_CLORDID_CHARS - 8, 8);
    memcpy(p, &head, 8);
    memcpy(p + RL_FIX_CLORDID_CHARS - 8, &tail, 8);
    return sum_of_8(head) + sum_of_8(tail >> 24); /* three bytes are in both */
}

/* Date and time to the second change rarely: they are kept as text. */
static void clock_show(struct rl_fix_template *t, uint64_t second)
{
    char text[RL_FIX_TIME_CHARS];

    rl_fix_print_time(text, second * 1000000000ULL, 6);
    memcpy(t->clock, text, 18);
    t->second = second;
    t->clock_sum = 0;
    for (int i = 0; i < 18; i++)
        t->clock_sum += t->clock[i];
}

static inline uint32_t put_time(struct rl_fix_template *t, uint8_t *p, uint64_t second, uint32_t us)
{
    if (RL_UNLIKELY(second != t->second))
        clock_show(t, second);
    memcpy(p, t->clock, 18);
    return t->clock_sum + put_2(p + 18, us / 10000) + put_2(p + 20, us / 100 % 100) +
           put_2(p + 22, us % 100);
}

/* --- templates -------------------------------------------------------------------------------- */

static bool is_name(const char *text, size_t n_max)
{
    size_t n = strnlen(text, n_max + 1);

    for (size_t i = 0; i < n; i++)
        if ((uint8_t)text[i] < ' ' || (uint8_t)text[i] > '~')
            return false;
    return n > 0 && n <= n_max;
}

/* Appends "tag=" and room for a value; returns where the value begins. */
static uint16_t room(struct rl_fix_template *t, uint32_t tag, uint32_t n_bytes)
{
    uint32_t at = t->n_prefix;

    at += rl_fix_print_uint((char *)t->bytes + at, tag);
    t->bytes[at++] = '=';
    t->n_prefix = at + n_bytes;
    t->bytes[t->n_prefix++] = RL_FIX_SOH;
    return (uint16_t)at;
}

static void constant(struct rl_fix_template *t, uint32_t tag, const char *text)
{
    size_t n = strlen(text);

    memcpy(t->bytes + room(t, tag, (uint32_t)n), text, n);
}

static int template_begin(struct rl_fix_template *t, const char *begin_string, const char *type,
                          const char *sender, const char *target)
{
    memset(t, 0, sizeof *t);
    if (!is_name(begin_string, 16) || strncmp(begin_string, "FIX", 3) != 0 ||
        !is_name(sender, RL_FIX_COMP_MAX) || !is_name(target, RL_FIX_COMP_MAX))
        return -EINVAL;
    t->second = UINT64_MAX;
    constant(t, RL_FIX_BeginString, begin_string);
    t->at_length = room(t, RL_FIX_BodyLength, 3);
    t->at_body = t->n_prefix;
    constant(t, RL_FIX_MsgType, type);
    t->at_seq = room(t, RL_FIX_MsgSeqNum, RL_FIX_SEQ_DIGITS);
    constant(t, RL_FIX_SenderCompID, sender);
    constant(t, RL_FIX_TargetCompID, target);
    t->at_sent = room(t, RL_FIX_SendingTime, RL_FIX_ORDER_TIME_CHARS);
    return 0;
}

static void template_end(struct rl_fix_template *t)
{
    room(t, RL_FIX_Symbol, 0);
    t->n_prefix--; /* its SOH follows the symbol */
    t->sum = rl_fix_sum(t->bytes, t->n_prefix);
}

int rl_fix_nos_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                    const char *target)
{
    int err = template_begin(t, begin_string, "D", sender, target);

    if (err)
        return err;
    t->at_cl_ord_id = room(t, RL_FIX_ClOrdID, RL_FIX_CLORDID_CHARS);
    t->at_secondary = room(t, RL_FIX_SecondaryClOrdID, 20);
    t->at_side = room(t, RL_FIX_Side, 1);
    t->at_time = room(t, RL_FIX_TransactTime, RL_FIX_ORDER_TIME_CHARS);
    t->at_qty = room(t, RL_FIX_OrderQty, RL_FIX_QTY_DIGITS);
    constant(t, RL_FIX_OrdType, "2"); /* limit */
    t->at_px = room(t, RL_FIX_Price, RL_FIX_ORDER_PX_CHARS);
    t->at_tif = room(t, RL_FIX_TimeInForce, 1);
    template_end(t);
    return 0;
}

int rl_fix_er_init(struct rl_fix_template *t, const char *begin_string, const char *sender,
                   const char *target)
{
    int err = template_begin(t, begin_string, "8", sender, target);

    if (err)
        return err;
    t->at_order_id = room(t, RL_FIX_OrderID, 20);
    t->at_cl_ord_id = room(t, RL_FIX_ClOrdID, RL_FIX_CLORDID_CHARS);
    t->at_secondary = room(t, RL_FIX_SecondaryClOrdID, 20);
    t->at_exec_id = room(t, RL_FIX_ExecID, 20);
    t->at_exec_type = room(t, RL_FIX_ExecType, 1);
    t->at_status = room(t, RL_FIX_OrdStatus, 1);
    t->at_side = room(t, RL_FIX_Side, 1);
    t->at_qty = room(t, RL_FIX_OrderQty, RL_FIX_QTY_DIGITS);
    t->at_px = room(t, RL_FIX_Price, RL_FIX_ORDER_PX_CHARS);
    t->at_last_qty = room(t, RL_FIX_LastQty, RL_FIX_QTY_DIGITS);
    t->at_last_px = room(t, RL_FIX_LastPx, RL_FIX_ORDER_PX_CHARS);
    t->at_leaves = room(t, RL_FIX_LeavesQty, RL_FIX_QTY_DIGITS);
    t->at_cum = room(t, RL_FIX_CumQty, RL_FIX_QTY_DIGITS);
    t->at_avg = room(t, 6 /* AvgPx */, RL_FIX_ORDER_PX_CHARS);
    t->at_time = room(t, RL_FIX_TransactTime, RL_FIX_ORDER_TIME_CHARS);
    template_end(t);
    return 0;
}

/* --- messages --------------------------------------------------------------------------------- */

/* The copy and the patches that both kinds have; the sum so far, 0 when something does not fit. */
static inline uint32_t head_write(struct rl_fix_template *t, uint8_t *out, uint64_t msg_seq,
                                  uint64_t time_ns, uint32_t n_symbol)
{
    uint64_t second = time_ns / 1000000000ULL;
    uint32_t us = (uint32_t)(time_ns % 1000000000ULL) / 1000;
    uint32_t n_body = t->n_prefix - t->at_body + n_symbol + 1;

    if (RL_UNLIKELY(n_symbol == 0 || n_symbol > RL_FIX_SYMBOL_MAX || msg_seq > 9999999999ULL))
        return 0;
    memcpy(out, t->bytes, t->n_prefix);
    return t->sum + put_1(out + t->at_length, (uint8_t)('0' + n_body / 100)) +
           put_2(out + t->at_length + 1, n_body % 100) + put_10(out + t->at_seq, msg_seq) +
           put_time(t, out + t->at_sent, second, us) + put_time(t, out + t->at_time, second, us);
}

static inline uint32_t tail_write(const struct rl_fix_template *t, uint8_t *out, const char *symbol,
                                  uint32_t n_symbol, uint32_t sum)
{
    uint8_t *p = out + t->n_prefix;

    sum += put_bytes(p, symbol, n_symbol);
    p += n_symbol;
    *p++ = RL_FIX_SOH;
    sum = (sum + RL_FIX_SOH) & 0xFF;
    memcpy(p, "10=", 3);
    p[3] = (uint8_t)('0' + sum / 100);
    put_2(p + 4, sum % 100);
    p[6] = RL_FIX_SOH;
    return t->n_prefix + n_symbol + SYMBOL_TRAILER;
}

static inline bool qty_fits(uint64_t qty)
{
    return qty <= 9999999999999999ULL;
}

static inline uint8_t side_char(uint8_t side)
{
    return side == RL_BUY ? '1' : '2';
}

uint32_t rl_fix_nos_write(struct rl_fix_template *t, const struct rl_fix_nos *o, uint8_t *out)
{
    uint32_t sum = head_write(t, out, o->msg_seq, o->time_ns, o->n_symbol);

    if (RL_UNLIKELY(sum == 0 || !qty_fits(o->qty)))
        return 0;
    sum += put_id(out + t->at_cl_ord_id, o->cl_ord_id);
    sum += put_20(out + t->at_secondary, o->secondary_id);
    sum += put_1(out + t->at_side, side_char(o->side));
    sum += put_16(out + t->at_qty, o->qty);
    sum += put_px(out + t->at_px, o->px_nano);
    sum += put_1(out + t->at_tif, (uint8_t)o->time_in_force);
    return tail_write(t, out, o->symbol, o->n_symbol, sum);
}

uint32_t rl_fix_er_write(struct rl_fix_template *t, const struct rl_fix_er *r, uint8_t *out)
{
    uint32_t sum = head_write(t, out, r->msg_seq, r->time_ns, r->n_symbol);

    if (RL_UNLIKELY(sum == 0 || !qty_fits(r->qty) || !qty_fits(r->last_qty) ||
                    !qty_fits(r->cum_qty) || !qty_fits(r->leaves_qty)))
        return 0;
    sum += put_20(out + t->at_order_id, r->order_id);
    sum += put_id(out + t->at_cl_ord_id, r->cl_ord_id);
    sum += put_20(out + t->at_secondary, r->secondary_id);
    sum += put_20(out + t->at_exec_id, r->exec_id);
    sum += put_1(out + t->at_exec_type, (uint8_t)r->exec_type);
    sum += put_1(out + t->at_status, (uint8_t)r->ord_status);
    sum += put_1(out + t->at_side, side_char(r->side));
    sum += put_16(out + t->at_qty, r->qty);
    sum += put_px(out + t->at_px, r->px_nano);
    sum += put_16(out + t->at_last_qty, r->last_qty);
    sum += put_px(out + t->at_last_px, r->last_px_nano);
    sum += put_16(out + t->at_leaves, r->leaves_qty);
    sum += put_16(out + t->at_cum, r->cum_qty);
    sum += put_px(out + t->at_avg, r->avg_px_nano);
    return tail_write(t, out, r->symbol, r->n_symbol, sum);
}
