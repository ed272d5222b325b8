#include "rig/trial/counterparty_answer.h"

#include <string.h>

static uint64_t utc_ns(const struct rl_counterparty *x, uint64_t now_tsc)
{
    return x->unix_base_ns + rl_ticks_to_ns(x->clock, now_tsc - x->tsc_base);
}

/* Room for an answer by this template; NULL, and counted, when there is none. */
static uint8_t *claim(struct rl_counterparty *x, const struct rl_fix_template *t, uint32_t n_text)
{
    uint8_t *frame = rl_port_tx_reserve(x->port, rl_fix_template_bytes(t, n_text));

    rl_count(&x->n.answers_due, 1);
    if (RL_UNLIKELY(frame == NULL))
        rl_count(&x->n.answers_unsent, 1);
    return frame;
}

static bool send(struct rl_counterparty *x, uint32_t n_bytes)
{
    rl_port_tx_commit(x->port, n_bytes);
    x->answer_seq++;
    rl_count(&x->n.answers_sent, 1);
    return true;
}

bool rl_answer_report(struct rl_counterparty *x, const struct rl_report *report, uint64_t now_tsc)
{
    const struct rl_rest *o = report->order;
    struct rl_fix_template *t = report->orig_text ? &x->report_orig : &x->report;
    uint8_t *frame = claim(x, t, o->n_symbol);
    bool is_over = report->exec_type == '4' || report->exec_type == '8' || report->exec_type == 'C';
    struct rl_fix_er er;

    if (RL_UNLIKELY(frame == NULL))
        return false;
    er = (struct rl_fix_er){
        .msg_seq = x->answer_seq,
        .time_ns = utc_ns(x, now_tsc),
        .cl_ord_id = report->id_text,
        .orig_cl_ord_id = report->orig_text,
        .secondary_id = o->trigger,
        .order_id = o->order_id,
        .exec_id = ++x->n_executions,
        .symbol = o->symbol,
        .n_symbol = o->n_symbol,
        .qty = o->qty,
        .last_qty = report->last_qty,
        .cum_qty = o->cum,
        .leaves_qty = is_over ? 0 : o->qty - o->cum,
        .px_nano = o->px_nano,
        .last_px_nano = report->last_qty ? o->px_nano : 0,
        .avg_px_nano = o->cum ? o->px_nano : 0,
        .side = o->side,
        .exec_type = report->exec_type,
        .ord_status = report->ord_status,
    };
    return send(x, report->orig_text ? rl_fix_er_orig_write(t, &er, frame)
                                     : rl_fix_er_write(t, &er, frame));
}

bool rl_answer_refusal(struct rl_counterparty *x, const char *id_text, const char *orig_text,
                       const struct rl_rest *order, bool is_replace, uint64_t now_tsc)
{
    char number[20] = "NONE";
    uint32_t n = order ? rl_fix_print_uint(number, order->order_id) : 4;
    uint8_t *frame = claim(x, &x->refusal, n);

    if (RL_UNLIKELY(frame == NULL))
        return false;
    return send(x, rl_fix_cancel_reject_write(
                       &x->refusal,
                       &(struct rl_fix_cancel_reject){
                           .msg_seq = x->answer_seq,
                           .time_ns = utc_ns(x, now_tsc),
                           .cl_ord_id = id_text,
                           .orig_cl_ord_id = orig_text,
                           .order_id = number,
                           .n_order_id = n,
                           .ord_status = !order       ? '8'
                                         : order->cum ? '1'
                                                      : '0',
                           .response_to = is_replace ? '2' : '1',
                           .reason = order ? '0' : '1', /* too late: so much is filled; unknown */
                       },
                       frame));
}

bool rl_answer_mass(struct rl_counterparty *x, const char *id_text, const char *symbol,
                    uint32_t n_symbol, uint64_t n_affected, bool is_accepted, uint64_t now_tsc)
{
    static const char all[] = "all orders";
    struct rl_fix_template *t = symbol ? &x->mass_symbol : &x->mass_all;
    const char *text = symbol ? symbol : all;
    uint32_t n_text = symbol ? n_symbol : sizeof all - 1;
    uint8_t *frame = claim(x, t, n_text);

    if (RL_UNLIKELY(frame == NULL))
        return false;
    return send(x, rl_fix_mass_report_write(t,
                                            &(struct rl_fix_mass_report){
                                                .msg_seq = x->answer_seq,
                                                .time_ns = utc_ns(x, now_tsc),
                                                .cl_ord_id = id_text,
                                                .order_id = ++x->n_executions,
                                                .n_affected = n_affected,
                                                .text = text,
                                                .n_text = n_text,
                                                .response = !is_accepted ? '0'
                                                            : symbol     ? '1'
                                                                         : '7',
                                            },
                                            frame));
}
