/* R16, the cold half: looking at the open orders themselves. */
#include "trade/risk/risk.h"

/*
 * The prices at which an order works: its own, and that of a replace without an answer. How many;
 * 0: nothing of it can be met, or it is of another symbol or side.
 */
static int prices_of(const struct rl_orders *orders, const struct rl_order *order,
                     uint32_t instrument, unsigned side, int64_t px[2])
{
    int64_t reserved_px;

    if (order->instrument != instrument || order->side != side ||
        !rl_tif_may_rest(order->time_in_force) ||
        rl_orders_reserved(orders, order, &reserved_px) == 0)
        return 0;
    px[0] = rl_px_limit(side, order->px_nano);
    if (order->link == RL_ID_NONE)
        return 1;
    px[1] = rl_px_limit(side, rl_orders_slot(orders, order->link)->px_nano);
    return 2;
}

bool rl_risk_self_scan(struct rl_risk *r, uint32_t instrument, unsigned side, int64_t px)
{
    unsigned other = RL_SELL - side;
    int64_t best = other == RL_BUY ? INT64_MIN : INT64_MAX, prices[2];
    struct rl_risk_symbol *symbol = &r->symbols[instrument];
    const struct rl_orders *orders = r->orders;
    bool is_any = false;

    for (uint64_t slot = rl_orders_next_open(orders, 0); slot <= orders->mask;
         slot = rl_orders_next_open(orders, slot + 1)) {
        int n = prices_of(orders, &orders->slots[slot], instrument, other, prices);

        for (int i = 0; i < n; i++)
            best = (other == RL_BUY ? prices[i] > best : prices[i] < best) ? prices[i] : best;
        is_any |= n > 0;
    }
    symbol->own_px[other] = best;
    symbol->is_exact[other] = is_any;
    return is_any && rl_px_meets(side, px, best);
}

const struct rl_order *rl_risk_self_next(const struct rl_risk *r, const struct rl_request *q,
                                         uint64_t *from)
{
    int64_t px = rl_px_limit(q->side, q->px_nano), prices[2];
    const struct rl_orders *orders = r->orders;

    if (q->side > RL_SELL)
        return NULL;
    while ((*from = rl_orders_next_open(orders, *from)) <= orders->mask) {
        const struct rl_order *order = &orders->slots[(*from)++];
        int n = prices_of(orders, order, q->scopes.instrument, RL_SELL - q->side, prices);

        for (int i = 0; i < n; i++)
            if (rl_px_meets(q->side, px, prices[i]))
                return order;
    }
    return NULL;
}

unsigned rl_risk_self_policy(const struct rl_risk *r, const struct rl_scopes *scopes)
{
    return rl_limits_pair(r->set, scopes->account, scopes->instrument)->self_trade;
}
