/* The table of open orders: every execution is booked once, or told apart. */
#include <errno.h>

#include "check.h"
#include "trade/order.h"

#define N_SLOTS 8
static struct rl_order slots[N_SLOTS];

static struct rl_orders new_orders(void)
{
    struct rl_orders o;

    CHECK_EQ(rl_orders_init(&o, slots, N_SLOTS), 0);
    return o;
}

static struct rl_order order(uint64_t id, uint64_t qty)
{
    return (struct rl_order){
        .id = id, .trigger = id * 10, .px_nano = 5, .qty = qty, .instrument = 3};
}

static void test_an_opened_order_is_found_by_its_id_alone(void)
{
    struct rl_orders o = new_orders();
    struct rl_order a = order(17, 100);

    CHECK(rl_orders_find(&o, 17) == NULL);
    CHECK(rl_orders_open(&o, &a));
    CHECK_EQ(rl_orders_find(&o, 17)->trigger, 170);
    CHECK_EQ(rl_orders_find(&o, 17)->leaves, 100);
    CHECK(rl_orders_find(&o, 17 + N_SLOTS) == NULL); /* same slot, another id */
    CHECK(rl_orders_find(&o, RL_ID_NONE) == NULL);
    CHECK_EQ(o.n_open, 1);
}

static void test_a_slot_that_is_taken_refuses_the_next_id_that_falls_there(void)
{
    struct rl_orders o = new_orders();
    struct rl_order a = order(1, 5), b = order(1 + N_SLOTS, 5), was;

    CHECK(rl_orders_open(&o, &a));
    CHECK(!rl_orders_has_room(&o, b.id));
    CHECK(!rl_orders_open(&o, &b));
    CHECK_EQ(rl_orders_find(&o, 1)->qty, 5);
    CHECK_EQ(rl_orders_fill(&o, 1, 1, 5, &was), RL_EXEC_DONE);
    CHECK(rl_orders_has_room(&o, b.id));
    CHECK(rl_orders_open(&o, &b));
}

static void test_an_order_without_id_or_quantity_is_not_opened(void)
{
    struct rl_orders o = new_orders();
    struct rl_order a = order(RL_ID_NONE, 5), b = order(2, 0);

    CHECK(!rl_orders_open(&o, &a));
    CHECK(!rl_orders_open(&o, &b));
    CHECK_EQ(o.n_open, 0);
}

static void test_partial_fills_add_up_to_done(void)
{
    struct rl_orders o = new_orders();
    struct rl_order a = order(1, 10), was;

    CHECK(rl_orders_open(&o, &a));
    CHECK_EQ(rl_orders_fill(&o, 1, 1, 3, &was), RL_EXEC_PARTIAL);
    CHECK_EQ(was.leaves, 10);
    CHECK_EQ(rl_orders_fill(&o, 1, 2, 3, &was), RL_EXEC_PARTIAL);
    CHECK_EQ(was.leaves, 7);
    CHECK_EQ(rl_orders_fill(&o, 1, 5, 4, &was), RL_EXEC_DONE);
    CHECK_EQ(was.leaves, 4);
    CHECK_EQ(o.n_open, 0);
    CHECK(rl_orders_find(&o, 1) == NULL);
}

static void test_an_execution_is_booked_only_once(void)
{
    struct rl_orders o = new_orders();
    struct rl_order a = order(1, 10), was;

    CHECK(rl_orders_open(&o, &a));
    CHECK_EQ(rl_orders_fill(&o, 1, 4, 3, &was), RL_EXEC_PARTIAL);
    CHECK_EQ(rl_orders_fill(&o, 1, 4, 3, &was), RL_EXEC_DUPLICATE);
    CHECK_EQ(rl_orders_fill(&o, 1, 3, 3, &was), RL_EXEC_DUPLICATE);
    CHECK_EQ(rl_orders_find(&o, 1)->leaves, 7);
}

static void test_a_fill_of_no_open_order_is_unknown(void)
{
    struct rl_orders o = new_orders();
    struct rl_order a = order(1, 10), was;

    CHECK_EQ(rl_orders_fill(&o, 1, 1, 10, &was), RL_EXEC_UNKNOWN);
    CHECK_EQ(rl_orders_fill(&o, RL_ID_NONE, 1, 10, &was), RL_EXEC_UNKNOWN);
    CHECK(rl_orders_open(&o, &a));
    CHECK_EQ(rl_orders_fill(&o, 1, 1, 10, &was), RL_EXEC_DONE);
    CHECK_EQ(rl_orders_fill(&o, 1, 2, 10, &was), RL_EXEC_UNKNOWN); /* closed */
    CHECK(!rl_orders_end(&o, 1, &was));
    CHECK_EQ(o.n_open, 0);
}

static void test_more_than_was_left_closes_the_order_and_says_so(void)
{
    struct rl_orders o = new_orders();
    struct rl_order a = order(1, 10), was;

    CHECK(rl_orders_open(&o, &a));
    CHECK_EQ(rl_orders_fill(&o, 1, 1, 4, &was), RL_EXEC_PARTIAL);
    CHECK_EQ(rl_orders_fill(&o, 1, 2, 7, &was), RL_EXEC_OVERFILL);
    CHECK_EQ(was.leaves, 6);
    CHECK_EQ(o.n_open, 0);
}

static void test_an_order_that_the_exchange_ends_returns_what_was_left(void)
{
    struct rl_orders o = new_orders();
    struct rl_order a = order(1, 10), was;

    CHECK(rl_orders_open(&o, &a));
    CHECK_EQ(rl_orders_fill(&o, 1, 1, 4, &was), RL_EXEC_PARTIAL);
    CHECK(rl_orders_end(&o, 1, &was));
    CHECK_EQ(was.leaves, 6);
    CHECK_EQ(o.n_open, 0);
    CHECK(!rl_orders_end(&o, RL_ID_NONE, &was));
}

static void test_a_table_size_that_is_no_power_of_two_is_refused(void)
{
    struct rl_orders o;

    CHECK_EQ(rl_orders_init(&o, slots, 0), -EINVAL);
    CHECK_EQ(rl_orders_init(&o, slots, 6), -EINVAL);
}

int main(void)
{
    test_an_opened_order_is_found_by_its_id_alone();
    test_a_slot_that_is_taken_refuses_the_next_id_that_falls_there();
    test_an_order_without_id_or_quantity_is_not_opened();
    test_partial_fills_add_up_to_done();
    test_an_execution_is_booked_only_once();
    test_a_fill_of_no_open_order_is_unknown();
    test_more_than_was_left_closes_the_order_and_says_so();
    test_an_order_that_the_exchange_ends_returns_what_was_left();
    test_a_table_size_that_is_no_power_of_two_is_refused();
    return 0;
}
