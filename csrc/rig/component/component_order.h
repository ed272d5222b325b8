/*
 * component_order - the order side's operations: an id, a position, an order sent, an execution
 * booked.
 */
#ifndef RL_RIG_COMPONENT_ORDER_H
#define RL_RIG_COMPONENT_ORDER_H

#include <string.h>

#include "rig/component/component_job.h"
#include "trade/oms/oms.h"

/* --- order.id --- */

struct rl_ids_job {
    struct rl_ids ids;
    struct rl_orders orders; /* empty: every slot is free */
    char text[16];
};

RL_STEP uint64_t rl_ids_step(void *state, uint64_t i)
{
    struct rl_ids_job *s = state;

    return rl_orders_next_id(&s->orders, &s->ids) + (i >> 63); /* i < 2^63: only a dependency */
}

RL_STEP uint64_t rl_ids_text_step(void *state, uint64_t i)
{
    struct rl_ids_job *s = state;
    uint64_t last;

    rl_id_to_text(rl_ids_take(&s->ids) + (i >> 63), s->text);
    memcpy(&last, s->text + RL_ID_TEXT_BYTES - sizeof(last), sizeof(last));
    return last;
}

/* --- position.update --- */

/* An execution; its position is that of instrument and account. */
struct rl_position_case {
    uint64_t qty;
    int64_t px_nano;
    uint32_t instrument;
    uint8_t account, side;
};

struct rl_position_job {
    struct rl_ledger ledger;
    struct rl_position_case *cases;
    int64_t *net; /* [account][instrument], counted by hand as steps are checked */
    uint64_t mask;
};

RL_STEP uint64_t rl_position_step(void *state, uint64_t i)
{
    struct rl_position_job *s = state;
    const struct rl_position_case *c = &s->cases[i & s->mask];

    if (RL_UNLIKELY(!rl_ledger_fill(&s->ledger, c->account, c->instrument, (enum rl_side)c->side,
                                    c->px_nano, c->qty)))
        return UINT64_MAX;
    return (uint64_t)rl_ledger_at(&s->ledger, c->account, c->instrument)->net;
}

/* --- oms.fill, oms.send --- */

struct rl_oms_job {
    struct rl_oms oms;
    struct rl_kill kill;
    uint64_t *ids;     /* fill: of the open orders; in the order of the regime */
    uint32_t *symbols; /* send: of the orders; in the order of the regime */
    uint64_t mask;
    uint64_t now_tsc;
    struct rl_risk_input input;
    uint64_t n_records, n_bad; /* taken from the log, and of these not what was done */
    uint64_t n_done;
};

/* An execution of one lot, as the session decoded it: order, position, money, risk, record. */
RL_STEP uint64_t rl_oms_fill_step(void *state, uint64_t i)
{
    struct rl_oms_job *s = state;

    s->n_done++;
    return rl_oms_event(&s->oms,
                        &(struct rl_order_event){.id = s->ids[i & s->mask],
                                                 .exec = i + 1,
                                                 .qty = 1,
                                                 .px_nano = 100 * RL_NANO_PER_UNIT,
                                                 .kind = RL_EVENT_FILL},
                        s->now_tsc);
}

/* One order through check, commit and sent; nothing is encoded. */
RL_STEP uint64_t rl_oms_send_step(void *state, uint64_t i)
{
    struct rl_oms_job *s = state;
    struct rl_request q = {.scopes = {.instrument = s->symbols[i & s->mask]},
                           .px_nano = 100 * RL_NANO_PER_UNIT,
                           .qty = 1,
                           .trigger = i,
                           .side = (uint8_t)(i & 1),
                           .type = RL_TYPE_LIMIT,
                           .time_in_force = RL_TIF_IOC};
    struct rl_ticket t;

    s->n_done++;
    if (rl_oms_check(&s->oms, &q, &s->input, s->now_tsc, &t) != RL_OMS_READY ||
        !rl_oms_commit(&s->oms, &t))
        return UINT64_MAX;
    rl_oms_sent(&s->oms, &t);
    return t.reasons;
}

#endif
