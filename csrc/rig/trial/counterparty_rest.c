/* What rests with the exchange: how orders come to rest, change, and end. */
#include <string.h>

#include "rig/trial/counterparty_inner.h"
#include "trade/order/ids.h"

void rl_counterparty_by_rule(struct rl_counterparty *x, struct rl_rest *order,
                             const struct rl_request_read *r, bool is_held, uint64_t now)
{
    bool rests = r->time_in_force == '0';

    if (rests && !rl_resting_put(&x->resting, order)) {
        rl_counterparty_say(x, order, r->id_text, '8', '8', 0, now);
        rl_count(&x->n.orders_rejected, 1);
        return;
    }
    if (is_held) {
        rl_counterparty_say(x, order, r->id_text, '0', '0', 0, now);
    } else {
        order->cum = order->qty / 2;
        if (rests)
            rl_resting_find(&x->resting, order->id)->cum = order->cum;
        rl_counterparty_say(x, order, r->id_text, 'F', '1', order->cum, now);
    }
    if (!rests)
        rl_counterparty_say(x, order, r->id_text, 'C', 'C', 0, now);
    rl_count(rests ? &x->n.orders_rested : &x->n.orders_expired, 1);
}

/* --- cancels and replacements ---------------------------------------------------------------- */

/* The order ends on request, whether or not the answer finds room. */
static void end_order(struct rl_counterparty *x, struct rl_rest *order, const char *request_text,
                      uint64_t now)
{
    char text[RL_ID_TEXT_BYTES];

    rl_id_to_text(order->id, text);
    (void)rl_answer_report(x,
                           &(struct rl_report){.order = order,
                                               .id_text = request_text,
                                               .orig_text = text,
                                               .exec_type = '4',
                                               .ord_status = '4'},
                           now);
    rl_resting_drop(&x->resting, order);
    rl_count(&x->n.orders_cancelled, 1);
}

void rl_counterparty_cancel(struct rl_counterparty *x, const struct rl_request_read *r,
                            uint64_t now)
{
    struct rl_rest *order = rl_resting_find(&x->resting, r->orig_id);

    if (order == NULL) {
        (void)rl_answer_refusal(x, r->id_text, r->orig_text, NULL, false, now);
        rl_count(&x->n.cancels_refused, 1);
        return;
    }
    end_order(x, order, r->id_text, now);
    rl_count(&x->n.cancels_done, 1);
}

void rl_counterparty_replace(struct rl_counterparty *x, const struct rl_request_read *r,
                             uint64_t now)
{
    struct rl_rest *order = rl_resting_find(&x->resting, r->orig_id);
    struct rl_rest next;

    if (order == NULL || r->qty <= order->cum) {
        (void)rl_answer_refusal(x, r->id_text, r->orig_text, order, true, now);
        rl_count(&x->n.replaces_refused, 1);
        return;
    }
    next = *order;
    next.id = r->id;
    next.trigger = r->trigger;
    next.qty = r->qty;
    next.px_nano = r->px_nano;
    rl_resting_drop(&x->resting, order);
    (void)rl_resting_put(&x->resting, &next); /* where there was room for the old one */
    (void)rl_answer_report(x,
                           &(struct rl_report){.order = &next,
                                               .id_text = r->id_text,
                                               .orig_text = r->orig_text,
                                               .exec_type = '5',
                                               .ord_status = next.cum ? '1' : '0'},
                           now);
    rl_count(&x->n.replaces_done, 1);
}

/* --- mass cancels ---------------------------------------------------------------------------- */

/* Room for an answer on the wire, without counting one as lost. */
static bool has_room(struct rl_counterparty *x)
{
    return rl_port_tx_reserve(x->port, RL_FIX_ORDER_MAX) != NULL;
}

/* `is_last`: whether or not there is room for the answers. */
static void go_on(struct rl_counterparty *x, bool is_last, uint64_t now)
{
    struct rl_mass *mass = &x->mass;

    while (mass->cursor <= x->resting.mask) {
        struct rl_rest *order = &x->resting.slots[mass->cursor];

        if (order->id == 0 || (mass->symbol != NULL && order->symbol != mass->symbol))
            mass->cursor++;
        else if (is_last || has_room(x))
            end_order(x, order, mass->id_text, now); /* another may come into its slot */
        else
            return; /* and again when there is room */
    }
    mass->is_on = false;
}

void rl_counterparty_go_on(struct rl_counterparty *x, uint64_t now)
{
    go_on(x, false, now);
}

static uint64_t count_affected(const struct rl_counterparty *x, const char *symbol)
{
    uint64_t n = 0;

    for (uint64_t i = 0; symbol != NULL && i <= x->resting.mask; i++)
        n += x->resting.slots[i].id != 0 && x->resting.slots[i].symbol == symbol;
    return symbol != NULL ? n : x->resting.n;
}

void rl_counterparty_mass_cancel(struct rl_counterparty *x, const struct rl_request_read *r,
                                 uint64_t now)
{
    const char *symbol = r->symbol ? rl_counterparty_symbol(x, r->symbol, r->n_symbol) : NULL;
    bool is_known = symbol == NULL || symbol[0] != '\0';

    (void)rl_answer_mass(x, r->id_text, r->symbol, r->n_symbol,
                         is_known ? count_affected(x, symbol) : 0, is_known, now);
    rl_count(is_known ? &x->n.mass_cancels_done : &x->n.mass_cancels_refused, 1);
    if (!is_known)
        return;
    if (x->mass.is_on)
        go_on(x, true, now); /* one at a time */
    x->mass = (struct rl_mass){.is_on = true, .symbol = symbol};
    memcpy(x->mass.id_text, r->id_text, sizeof x->mass.id_text);
    rl_counterparty_go_on(x, now);
}

void rl_counterparty_lose(struct rl_counterparty *x)
{
    rl_count(&x->n.sessions_lost, 1);
    rl_count(&x->n.orders_dropped, x->resting.n);
    rl_resting_init(&x->resting, x->resting.slots, x->rules.n_resting);
    x->was_dropped = x->shared != NULL && rl_session_is_dropped(x->shared);
    x->mass.is_on = false;
}
