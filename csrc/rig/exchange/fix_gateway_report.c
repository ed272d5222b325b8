#include "rig/exchange/fix_gateway_report.h"

#include "market/fix/encode.h"
#include "rig/exchange/fix_gateway_write.h"

/*
 * The longest report: three ids of 64, a symbol of 64, a text of 64, an account of 32, a dozen
 * numbers of 20, a few prices of 21, two times of 24, and thirty tags of 5.
 */
_Static_assert(3 * 64 + 64 + 64 + 32 + 12 * 20 + 5 * 21 + 2 * 24 + 30 * 5 + RL_FIX_WRITE_SLACK <=
                   RL_FIX_GATEWAY_BODY,
               "a body has room for every report");

/* --- parts ------------------------------------------------------------------------------------ */

/* To the second before 4.2, to the millisecond before 5.0. */
static uint8_t *write_time(struct rl_fix_gateway *g, uint8_t *p, enum rl_fix_version version,
                           uint64_t ns)
{
    uint64_t second = ns / 1000000000ULL;
    uint32_t us = (uint32_t)(ns % 1000000000ULL) / 1000;
    uint64_t digits;

    if (RL_UNLIKELY(second != g->clock_second)) {
        char text[RL_FIX_TIME_CHARS] = {0};

        rl_fix_print_time(text, second * 1000000000ULL, 3);
        memcpy(g->clock, text, 18);
        g->clock_second = second;
    }
    memcpy(p, g->clock, sizeof g->clock);
    if (version < RL_FIX_42)
        return p + 17;
    digits = rl_fix_text_of_8(us) >> 16; /* six of them */
    memcpy(p + 18, &digits, sizeof digits);
    return p + (version < RL_FIX_50 ? 21 : 24);
}

static uint8_t *write_id(uint8_t *p, struct rl_fix_text id)
{
    return rl_fix_write_padded(p, id.at, id.n);
}

/* Of a constant, or of somebody else: cut when it is too long. */
static uint8_t *write_text(uint8_t *p, const char *text)
{
    uint32_t n = (uint32_t)strnlen(text, RL_FIX_GATEWAY_TEXT);

    memcpy(p, text, n);
    return p + n;
}

static void send(struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s, const char *type,
                 uint8_t *end)
{
    *end++ = RL_FIX_SOH;
    /* Every field begins with the SOH of the one before; the first one has none. */
    if (g->send(g->context, s->handle, type, g->body + 1, (uint32_t)(end - g->body) - 1))
        g->n.sent++;
    else
        g->n.unsent++;
}

/* --- status ----------------------------------------------------------------------------------- */

char rl_fix_status_of(const struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                      const struct rl_fix_order *o)
{
    if (RL_UNLIKELY(o->pending != RL_FIX_NONE) && s->config.says_pending)
        return rl_fix_pending_of(g, o);
    if (o->state == RL_FIX_ORDER_ENDED)
        return o->status;
    if (o->state == RL_FIX_ORDER_ASKED)
        return 'A';
    if (o->cum > 0)
        return '1';
    return o->is_replaced && s->config.version < RL_FIX_43 ? '5' : '0';
}

char rl_fix_pending_of(const struct rl_fix_gateway *g, const struct rl_fix_order *o)
{
    uint32_t slot = (uint32_t)(o - g->table.orders);

    if (o->pending == RL_FIX_NONE)
        return 0;
    return rl_fix_order_waiting(&g->table, slot, 'F') != RL_FIX_NONE ? '6' : 'E';
}

int64_t rl_fix_avg_px(const struct rl_fix_order *o)
{
    if (o->told_qty == 0)
        return 0;
    if (RL_LIKELY((uint64_t)(o->told_notional >> 63) == 0)) /* a division of 64 bits */
        return (int64_t)(((uint64_t)o->told_notional + o->told_qty / 2) / o->told_qty);
    return (int64_t)((o->told_notional + o->told_qty / 2) / o->told_qty);
}

/* 4.0 and 4.1 have one state for both kinds of requests that wait. */
static char status_char(char status, enum rl_fix_version version)
{
    return status == 'E' && version < RL_FIX_42 ? '6' : status;
}

/* ExecType of versions that had ExecTransType: fills say how much, and there are fewer events. */
static char old_exec_type(const struct rl_fix_report *r, enum rl_fix_version version)
{
    switch (r->exec_type) {
    case 'F':
        return r->leaves == 0 ? '2' : '1';
    case 'H':
    case 'I':
        return status_char(r->status, version);
    case 'D':
        return version < RL_FIX_42 ? status_char(r->status, version) : 'D';
    default:
        return status_char(r->exec_type, version);
    }
}

/* 1: takes back, 3: status, 0: new. */
static char trans_type(const struct rl_fix_report *r, enum rl_fix_version version)
{
    if (r->exec_type == 'H')
        return '1';
    return r->exec_type == 'I' || (r->exec_type == 'D' && version < RL_FIX_42) ? '3' : '0';
}

/* --- reports ---------------------------------------------------------------------------------- */

/* What not every report has, tags above 150. */
static uint8_t *write_rare(uint8_t *p, const struct rl_fix_report *r, enum rl_fix_version version)
{
    if (r->restated && version >= RL_FIX_42)
        p = RL_FIX_CHAR(p, "378", r->restated);
    if (version < RL_FIX_44)
        return p;
    if (r->mass_id.n)
        p = write_id(RL_FIX_FIELD(p, "584"), r->mass_id);
    if (r->status_id.n)
        p = write_id(RL_FIX_FIELD(p, "790"), r->status_id);
    if (r->liquidity)
        p = RL_FIX_CHAR(p, "851", r->liquidity);
    if (r->mass_id.n) {
        p = rl_fix_write_uint(RL_FIX_FIELD(p, "911"), r->n_mass);
        p = RL_FIX_CHAR(p, "912", r->is_last ? 'Y' : 'N');
    }
    return p;
}

static bool has_limit(const struct rl_fix_order *o)
{
    return o->type == RL_MATCH_LIMIT || o->type == RL_MATCH_STOP_LIMIT ||
           o->type == RL_MATCH_TRAILING_STOP_LIMIT;
}

void rl_fix_say_report(struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                       const struct rl_fix_report *r)
{
    const enum rl_fix_version version = s->config.version;
    const struct rl_fix_order *o = r->order;
    char trans = version < RL_FIX_43 ? trans_type(r, version) : 0;
    uint8_t *p = g->body;

    if (RL_UNLIKELY(o->n_account))
        p = (uint8_t *)memcpy(RL_FIX_FIELD(p, "1"), o->account, o->n_account) + o->n_account;
    p = rl_fix_write_px(RL_FIX_FIELD(p, "6"), r->avg_px_nano);
    if (RL_LIKELY(r->cl_ord_id.n))
        p = write_id(RL_FIX_FIELD(p, "11"), r->cl_ord_id);
    p = rl_fix_write_uint(RL_FIX_FIELD(p, "14"), r->cum);
    p = rl_fix_write_uint(RL_FIX_FIELD(p, "17"), trans == '3' ? 0 : r->exec_id);
    if (RL_UNLIKELY(r->ref_id))
        p = rl_fix_write_uint(RL_FIX_FIELD(p, "19"), r->ref_id);
    if (trans)
        p = RL_FIX_CHAR(p, "20", trans);
    if (r->last_qty || version < RL_FIX_42) {
        p = rl_fix_write_px(RL_FIX_FIELD(p, "31"), r->last_px_nano);
        p = rl_fix_write_uint(RL_FIX_FIELD(p, "32"), r->last_qty);
    }
    if (RL_LIKELY(r->order_id))
        p = rl_fix_write_uint(RL_FIX_FIELD(p, "37"), g->first_id + r->order_id);
    else
        p = RL_FIX_LITERAL(p, "\00137=NONE");
    p = rl_fix_write_uint(RL_FIX_FIELD(p, "38"), r->qty);
    p = RL_FIX_CHAR(p, "39", status_char(r->status, version));
    if (RL_LIKELY(o->type_char))
        p = RL_FIX_CHAR(p, "40", o->type_char);
    if (r->orig.n && version > RL_FIX_40)
        p = write_id(RL_FIX_FIELD(p, "41"), r->orig);
    if (RL_LIKELY(has_limit(o) && o->px_nano != RL_PX_NONE))
        p = rl_fix_write_px(RL_FIX_FIELD(p, "44"), o->px_nano);
    p = RL_FIX_CHAR(p, "54", o->side_char);
    if (RL_LIKELY(r->symbol.n))
        p = write_id(RL_FIX_FIELD(p, "55"), r->symbol);
    if (r->text)
        p = write_text(RL_FIX_FIELD(p, "58"), r->text);
    if (o->tif_char)
        p = RL_FIX_CHAR(p, "59", o->tif_char);
    p = write_time(g, RL_FIX_FIELD(p, "60"), version, r->time_ns);
    if (RL_UNLIKELY(o->is_special && o->stop_px_nano != RL_PX_NONE))
        p = rl_fix_write_px(RL_FIX_FIELD(p, "99"), o->stop_px_nano);
    if (r->rejected)
        p = rl_fix_write_uint(RL_FIX_FIELD(p, "103"),
                              (uint64_t)rl_fix_reject_code(r->rejected, version));
    if (RL_UNLIKELY(o->is_special && o->show_qty) && version >= RL_FIX_42)
        p = rl_fix_write_uint(RL_FIX_FIELD(p, "111"), o->show_qty);
    if (RL_UNLIKELY(o->is_special && o->expire_ns))
        p = write_time(g, RL_FIX_FIELD(p, "126"), version, o->expire_ns);
    if (version > RL_FIX_40) {
        p = RL_FIX_CHAR(p, "150", version < RL_FIX_43 ? old_exec_type(r, version) : r->exec_type);
        p = rl_fix_write_uint(RL_FIX_FIELD(p, "151"), r->leaves);
    }
    send(g, s, "8", write_rare(p, r, version));
}

void rl_fix_say_cancel_reject(struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                              const struct rl_fix_refusal_report *r)
{
    const enum rl_fix_version version = s->config.version;
    int code = rl_fix_cancel_reject_code(r->why, version);
    uint8_t *p = write_id(RL_FIX_FIELD(g->body, "11"), r->cl_ord_id);

    if (r->order_id)
        p = rl_fix_write_uint(RL_FIX_FIELD(p, "37"), g->first_id + r->order_id);
    else
        p = RL_FIX_LITERAL(p, "\00137=NONE");
    if (version > RL_FIX_40) {
        p = RL_FIX_CHAR(p, "39", status_char(r->status, version));
        p = write_id(RL_FIX_FIELD(p, "41"), r->orig);
    }
    p = write_text(RL_FIX_FIELD(p, "58"), r->why->text);
    if (version >= RL_FIX_42)
        p = write_time(g, RL_FIX_FIELD(p, "60"), version, r->time_ns);
    if (code >= 0)
        p = rl_fix_write_uint(RL_FIX_FIELD(p, "102"), (uint64_t)code);
    if (version >= RL_FIX_42)
        p = RL_FIX_CHAR(p, "434", r->response_to);
    g->n.cancel_rejects++;
    send(g, s, "9", p);
}

void rl_fix_say_mass(struct rl_fix_gateway *g, const struct rl_fix_gateway_session *s,
                     const struct rl_fix_mass_said *r)
{
    const enum rl_fix_version version = s->config.version;
    uint8_t *p = write_id(RL_FIX_FIELD(g->body, "11"), r->cl_ord_id);

    p = rl_fix_write_uint(RL_FIX_FIELD(p, "37"), g->first_id + r->number);
    if (r->text)
        p = write_text(RL_FIX_FIELD(p, "58"), r->text);
    p = write_time(g, RL_FIX_FIELD(p, "60"), version, r->time_ns);
    p = RL_FIX_CHAR(p, "530", r->scope);
    p = RL_FIX_CHAR(p, "531", r->is_done ? r->scope : '0');
    if (r->is_done)
        p = rl_fix_write_uint(RL_FIX_FIELD(p, "533"), r->n_orders);
    else if (r->reject)
        p = RL_FIX_CHAR(p, "532", r->reject);
    else if (version >= RL_FIX_44)
        p = RL_FIX_LITERAL(p, "\001532=99");
    if (version >= RL_FIX_50SP1)
        p = rl_fix_write_uint(RL_FIX_FIELD(p, "1369"), g->first_id + r->number);
    send(g, s, "r", p);
}
