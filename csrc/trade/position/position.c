#include "trade/position/position.h"

bool rl_position_bust(struct rl_position *p, enum rl_side side, int64_t px_nano, uint64_t qty)
{
    enum rl_side back = rl_side_opposite(side);
    struct rl_booking to;
    uint64_t closing, busted;

    if (!rl_is_execution(side, px_nano, qty) || qty > p->done[side] ||
        __builtin_add_overflow(p->busted, qty, &busted))
        return false;
    closing = rl_position_closing(p, back, qty);
    if (!rl_position_plan(
            p, back, px_nano, qty, closing,
            closing != 0 ? rl_position_share(p->cost, closing, rl_lots_held(p->net)) : 0, &to))
        return false;
    rl_position_take(p, &to);
    p->done[side] -= qty;
    p->busted = busted;
    return true;
}

bool rl_position_correct(struct rl_position *p, enum rl_side side, int64_t was_px_nano,
                         uint64_t was_qty, int64_t px_nano, uint64_t qty)
{
    struct rl_position was = *p;

    if (rl_position_bust(p, side, was_px_nano, was_qty) && rl_position_fill(p, side, px_nano, qty))
        return true;
    *p = was;
    return false;
}

rl_money rl_position_unrealised(const struct rl_position *p, int64_t mark_nano)
{
    rl_money gain;

    if (__builtin_sub_overflow((rl_money)p->net * mark_nano, p->cost, &gain))
        return RL_MONEY_MIN;
    return gain;
}
