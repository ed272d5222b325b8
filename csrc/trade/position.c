#include "trade/position.h"

rl_money rl_position_unrealised(const struct rl_position *p, int64_t mark_nano)
{
    return (rl_money)p->net * mark_nano - p->cost;
}
