/* Positions and money: integers that prove each other. */
#include "check.h"
#include "trade/position.h"

#define UNIT RL_NANO_PER_UNIT

static void test_a_round_trip_earns_the_difference(void)
{
    struct rl_position p = {0};

    CHECK(rl_position_fill(&p, RL_BUY, 100 * UNIT, 10));
    CHECK_EQ(p.net, 10);
    CHECK_EQ(p.cash / UNIT, -1000);
    CHECK_EQ(rl_position_unrealised(&p, 103 * UNIT) / UNIT, 30);
    CHECK(rl_position_fill(&p, RL_SELL, 103 * UNIT, 10));
    CHECK_EQ(p.net, 0);
    CHECK_EQ(p.realised / UNIT, 30);
    CHECK_EQ(p.cash / UNIT, 30);
    CHECK_EQ(p.cost, 0);
    CHECK(rl_position_holds(&p));
}

static void test_a_short_round_trip_earns_when_the_price_falls(void)
{
    struct rl_position p = {0};

    CHECK(rl_position_fill(&p, RL_SELL, 100 * UNIT, 10));
    CHECK_EQ(p.net, -10);
    CHECK_EQ(rl_position_unrealised(&p, 97 * UNIT) / UNIT, 30);
    CHECK(rl_position_fill(&p, RL_BUY, 97 * UNIT, 10));
    CHECK_EQ(p.realised / UNIT, 30);
    CHECK(rl_position_holds(&p));
}

static void test_going_through_zero_closes_and_opens(void)
{
    struct rl_position p = {0};

    CHECK(rl_position_fill(&p, RL_BUY, 100 * UNIT, 10));
    CHECK(rl_position_fill(&p, RL_SELL, 101 * UNIT, 25));
    CHECK_EQ(p.net, -15);
    CHECK_EQ(p.realised / UNIT, 10);
    CHECK_EQ(p.cost / UNIT, -1515);
    CHECK(rl_position_holds(&p));
}

static void test_a_cost_that_does_not_divide_leaves_no_nano_behind(void)
{
    struct rl_position p = {0};

    CHECK(rl_position_fill(&p, RL_BUY, 1, 1));
    CHECK(rl_position_fill(&p, RL_BUY, 2, 2)); /* cost 5 for 3 */
    CHECK(rl_position_fill(&p, RL_SELL, 3, 1));
    CHECK(rl_position_holds(&p));
    CHECK(rl_position_fill(&p, RL_SELL, 3, 1));
    CHECK(rl_position_holds(&p));
    CHECK(rl_position_fill(&p, RL_SELL, 3, 1));
    CHECK_EQ(p.cost, 0);
    CHECK_EQ(p.realised, 9 - 5);
    CHECK(rl_position_holds(&p));
}

static void test_any_sequence_of_fills_keeps_cash_plus_cost_equal_to_realised(void)
{
    uint64_t random = 7;

    for (int run = 0; run < 200; run++) {
        struct rl_position p = {0};
        rl_money flow = 0;

        for (int i = 0; i < 500; i++) {
            uint64_t r = check_random(&random);
            enum rl_side side = (enum rl_side)(r & 1);
            uint64_t qty = 1 + (r >> 1) % (run % 2 ? 1000 : 1000000000);
            int64_t px = 1 + (int64_t)((r >> 20) % (5000ULL * UNIT));

            CHECK(rl_position_fill(&p, side, px, qty));
            flow += (side == RL_BUY ? -1 : 1) * (rl_money)px * (rl_money)qty;
            CHECK(rl_position_holds(&p));
            CHECK(p.cash == flow);
            CHECK((p.net > 0) == (p.cost > 0) || p.net == 0);
        }
    }
}

static void test_sums_that_would_leave_their_range_change_nothing(void)
{
    struct rl_position p = {0}, before;

    CHECK(rl_position_fill(&p, RL_BUY, 1, INT64_MAX));
    before = p;
    CHECK(!rl_position_fill(&p, RL_BUY, 1, 1));
    CHECK(!rl_position_fill(&p, RL_SELL, 1, (uint64_t)INT64_MAX + 1));
    CHECK(p.net == before.net && p.cash == before.cash && p.cost == before.cost);
    CHECK(p.done[RL_BUY] == before.done[RL_BUY] && p.done[RL_SELL] == 0);
    CHECK(rl_position_holds(&p));

    p = (struct rl_position){0};
    CHECK(rl_position_fill(&p, RL_SELL, 1, INT64_MAX));
    CHECK(!rl_position_fill(&p, RL_SELL, 1, 1)); /* INT64_MIN has no opposite */
    CHECK(rl_position_holds(&p));
}

static void test_the_largest_price_and_quantity_still_divide_exactly(void)
{
    struct rl_position p = {0};

    CHECK(rl_position_fill(&p, RL_BUY, INT64_MAX, INT64_MAX));
    CHECK(rl_position_fill(&p, RL_SELL, INT64_MAX, INT64_MAX - 1));
    CHECK_EQ(p.net, 1);
    CHECK(rl_position_holds(&p));
    CHECK(p.cost == INT64_MAX);
    CHECK(rl_position_fill(&p, RL_SELL, INT64_MAX, 1));
    CHECK(p.realised == 0);
}

int main(void)
{
    test_a_round_trip_earns_the_difference();
    test_a_short_round_trip_earns_when_the_price_falls();
    test_going_through_zero_closes_and_opens();
    test_a_cost_that_does_not_divide_leaves_no_nano_behind();
    test_any_sequence_of_fills_keeps_cash_plus_cost_equal_to_realised();
    test_sums_that_would_leave_their_range_change_nothing();
    test_the_largest_price_and_quantity_still_divide_exactly();
    return 0;
}
