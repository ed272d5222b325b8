/*
 * order_table - one table of orders and what its tests do to it all the time.
 */
#ifndef RL_TESTS_ORDER_TABLE_H
#define RL_TESTS_ORDER_TABLE_H

#include "check.h"
#include "trade/order/order.h"

#define N_EXECS 64
#define EPOCH(n) ((uint64_t)(n) << RL_ID_COUNTER_BITS)

static struct rl_orders o;
static struct rl_ids ids;
static struct rl_order_change c;

static inline void check_sound(void)
{
    const char *why;

    if (rl_orders_check(&o, &why) != 0) {
        fprintf(stderr, "not sound: %s\n", why);
        exit(1);
    }
}

static inline uint64_t send(void)
{
    struct rl_request request = {.qty = 10, .px_nano = 100};
    uint64_t id = rl_orders_next_id(&o, &ids);

    CHECK_EQ(rl_orders_sent(&o, id, &request, &c), 0);
    return id;
}

static inline uint32_t says(unsigned kind, uint64_t id)
{
    struct rl_order_event e = {.id = id, .kind = (uint8_t)kind, .px_nano = RL_PX_NONE};

    return rl_orders_event(&o, &e, &c);
}

#endif
