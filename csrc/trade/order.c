#include "trade/order.h"

#include <errno.h>
#include <string.h>

int rl_orders_init(struct rl_orders *o, struct rl_order *slots, uint64_t n_slots)
{
    if (n_slots == 0 || (n_slots & (n_slots - 1)) != 0 || n_slots > UINT32_MAX)
        return -EINVAL;
    memset(slots, 0, rl_orders_bytes(n_slots));
    *o = (struct rl_orders){.slots = slots, .mask = n_slots - 1};
    return 0;
}
