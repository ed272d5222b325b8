/* Positions and money at average cost: integers that prove each other. */
#include "slow_positions.h"
#include "trade/position/position.h"

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

static void test_a_cost_that_does_not_divide_leaves_its_remainder_to_the_last_lot(void)
{
    struct rl_position p = {0};

    CHECK(rl_position_fill(&p, RL_BUY, 1, 1));
    CHECK(rl_position_fill(&p, RL_BUY, 2, 2)); /* cost 5 for 3 */
    CHECK(rl_position_fill(&p, RL_SELL, 3, 1));
    CHECK_EQ(p.cost, 4); /* 5/3 is 1, towards zero */
    CHECK(rl_position_holds(&p));
    CHECK(rl_position_fill(&p, RL_SELL, 3, 1));
    CHECK_EQ(p.cost, 2);
    CHECK(rl_position_fill(&p, RL_SELL, 3, 1));
    CHECK_EQ(p.cost, 0);
    CHECK_EQ(p.realised, 9 - 5);
    CHECK(rl_position_holds(&p));
}

static void test_a_price_below_zero_is_a_price(void)
{
    struct rl_position p = {0};

    CHECK(rl_position_fill(&p, RL_BUY, -37 * UNIT, 2)); /* paid to take it */
    CHECK_EQ(p.cash / UNIT, 74);
    CHECK_EQ(p.cost / UNIT, -74);
    CHECK(rl_position_fill(&p, RL_SELL, 10 * UNIT, 1));
    CHECK_EQ(p.realised / UNIT, 47);
    CHECK_EQ(rl_position_unrealised(&p, -40 * UNIT) / UNIT, -3);
    CHECK(rl_position_holds(&p));
}

static void test_fees_come_out_of_cash_and_rebates_go_into_it(void)
{
    struct rl_position p = {0};

    CHECK(rl_position_fill(&p, RL_BUY, 100, 10));
    CHECK(rl_position_fee(&p, 7));
    CHECK_EQ(p.cash, -1007);
    CHECK(rl_position_fee(&p, -9));
    CHECK_EQ(p.fees, -2);
    CHECK_EQ(p.realised, 0);
    CHECK(rl_position_holds(&p));
}

/* --- executions taken back -------------------------------------------------------------------- */

static void test_a_bust_of_the_last_execution_leaves_a_position_as_it_was_but_for_its_trace(void)
{
    struct rl_position p = {0}, was;

    CHECK(rl_position_fill(&p, RL_BUY, 100, 10));
    was = p;
    CHECK(rl_position_fill(&p, RL_BUY, 100, 5));
    CHECK(rl_position_bust(&p, RL_BUY, 100, 5));
    CHECK_EQ(p.busted, 5);
    was.busted = 5;
    CHECK(memcmp(&p, &was, sizeof p) == 0);
}

static void test_what_was_earned_in_between_stays_earned_when_an_execution_is_taken_back(void)
{
    struct rl_position with = {0}, without = {0};

    CHECK(rl_position_fill(&with, RL_BUY, 100, 10));
    CHECK(rl_position_fill(&with, RL_BUY, 130, 10));  /* the one taken back */
    CHECK(rl_position_fill(&with, RL_SELL, 140, 10)); /* at an average of 115 */
    CHECK(rl_position_bust(&with, RL_BUY, 130, 10));
    CHECK(rl_position_fill(&without, RL_BUY, 100, 10));
    CHECK(rl_position_fill(&without, RL_SELL, 140, 10));
    CHECK_EQ(with.net, without.net);
    CHECK(with.cash == without.cash);
    CHECK_EQ(with.realised, 250 + 150);
    CHECK(with.realised == without.realised); /* flat: there is nothing else to be */
    CHECK(rl_position_fill(&with, RL_SELL, 140, 0) == false);
    CHECK(rl_position_holds(&with));
}

static void test_a_bust_of_a_flip_comes_back_through_zero(void)
{
    struct rl_position p = {0};

    CHECK(rl_position_fill(&p, RL_BUY, 100, 10));
    CHECK(rl_position_fill(&p, RL_SELL, 120, 25));
    CHECK_EQ(p.net, -15);
    CHECK_EQ(p.realised, 200);
    CHECK(rl_position_bust(&p, RL_SELL, 120, 25));
    CHECK_EQ(p.net, 10);
    CHECK_EQ(p.cash, -1000);
    CHECK_EQ(p.cost, 1200);    /* bought back at 120 ... */
    CHECK_EQ(p.realised, 200); /* ... since 200 stay earned */
    CHECK_EQ(p.done[RL_SELL], 0);
    for (int64_t mark = 80; mark < 140; mark++) /* the profit is that of 10 bought at 100 */
        CHECK(p.realised + rl_position_unrealised(&p, mark) == 10 * (mark - 100));
    CHECK(rl_position_holds(&p));
}

static void test_more_is_never_taken_back_than_was_executed_on_that_side(void)
{
    struct rl_position p = {0}, was;

    CHECK(rl_position_fill(&p, RL_BUY, 100, 10));
    was = p;
    CHECK(!rl_position_bust(&p, RL_SELL, 100, 1));
    CHECK(!rl_position_bust(&p, RL_BUY, 100, 11));
    CHECK(memcmp(&p, &was, sizeof p) == 0);
    CHECK(rl_position_bust(&p, RL_BUY, 100, 10));
    CHECK(!rl_position_bust(&p, RL_BUY, 100, 1));
}

static void test_a_correction_is_both_of_its_halves_or_neither(void)
{
    struct rl_position p = {0}, was;

    CHECK(rl_position_fill(&p, RL_BUY, 100, 10));
    CHECK(rl_position_correct(&p, RL_BUY, 100, 10, 101, 9));
    CHECK_EQ(p.net, 9);
    CHECK_EQ(p.cash, -909);
    CHECK_EQ(p.busted, 10);
    was = p;
    CHECK(!rl_position_correct(&p, RL_BUY, 101, 10, 101, 9)); /* never executed */
    CHECK(!rl_position_correct(&p, RL_BUY, 101, 9, 101, 0));  /* no execution */
    CHECK(!rl_position_correct(&p, RL_BUY, 101, 9, RL_PX_NONE, 9));
    CHECK(memcmp(&p, &was, sizeof p) == 0);
}

/* --- ranges ----------------------------------------------------------------------------------- */

struct refusal {
    enum rl_side side;
    int64_t px;
    uint64_t qty;
};

static void test_what_is_no_execution_changes_nothing(void)
{
    static const struct refusal cases[] = {
        {RL_BUY, 1, 0},           {RL_BUY, 1, (uint64_t)INT64_MAX + 1},
        {RL_SELL, 1, UINT64_MAX}, {RL_BUY, RL_PX_NONE, 1},
        {(enum rl_side)2, 1, 1},
    };
    struct rl_position p = {0}, was;

    CHECK(rl_position_fill(&p, RL_BUY, 5, 5));
    was = p;
    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        CHECK(!rl_position_fill(&p, cases[i].side, cases[i].px, cases[i].qty));
        CHECK(!rl_position_bust(&p, cases[i].side, cases[i].px, cases[i].qty));
        CHECK(memcmp(&p, &was, sizeof p) == 0);
    }
}

static void test_sums_that_would_leave_their_range_change_nothing(void)
{
    struct rl_position p = {0}, was;

    CHECK(rl_position_fill(&p, RL_BUY, 1, INT64_MAX));
    was = p;
    CHECK(!rl_position_fill(&p, RL_BUY, 1, 1)); /* net */
    CHECK(memcmp(&p, &was, sizeof p) == 0);

    p = (struct rl_position){0};
    CHECK(rl_position_fill(&p, RL_SELL, 1, INT64_MAX));
    was = p;
    CHECK(!rl_position_fill(&p, RL_SELL, 1, 1)); /* INT64_MIN has no opposite */
    CHECK(memcmp(&p, &was, sizeof p) == 0);

    p = (struct rl_position){0};
    for (int i = 0; i < 2; i++) { /* 2^126 each: realised and cash */
        CHECK(rl_position_fill(&p, RL_BUY, 1 - INT64_MAX, INT64_MAX));
        if (i == 0)
            CHECK(rl_position_fill(&p, RL_SELL, 1, INT64_MAX));
    }
    was = p;
    CHECK(!rl_position_fill(&p, RL_SELL, INT64_MAX, INT64_MAX));
    CHECK(memcmp(&p, &was, sizeof p) == 0);

    p = (struct rl_position){.cash = 5, .realised = 5};
    was = p;
    CHECK(!rl_position_fee(&p, RL_MONEY_MIN)); /* cash */
    CHECK(memcmp(&p, &was, sizeof p) == 0);
    CHECK(rl_position_fee(&p, RL_MONEY_MAX));
    was = p;
    CHECK(!rl_position_fee(&p, 1)); /* fees */
    CHECK(memcmp(&p, &was, sizeof p) == 0);

    p = (struct rl_position){.done = {UINT64_MAX - 1, UINT64_MAX - 1}};
    was = p;
    CHECK(!rl_position_fill(&p, RL_BUY, 1, 2)); /* done */
    CHECK(memcmp(&p, &was, sizeof p) == 0);
    p.busted = UINT64_MAX;
    was = p;
    CHECK(!rl_position_bust(&p, RL_BUY, 1, 1)); /* busted */
    CHECK(memcmp(&p, &was, sizeof p) == 0);
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

static void test_a_share_of_a_cost_is_the_one_that_long_division_gives(void)
{
    uint64_t random = 3, n_rests = 0;

    for (int i = 0; i < 200000; i++) {
        uint64_t held = 1 + (check_random(&random) >> (1 + check_random(&random) % 62)) % INT64_MAX;
        uint64_t closing = 1 + check_random(&random) % held;
        uint64_t px = check_random(&random) >> (1 + check_random(&random) % 63);
        rl_money cost = (rl_money)px * (rl_money)held;

        cost -= px > 0 ? (rl_money)(check_random(&random) % held) : 0; /* as remainders leave it */
        cost = i & 1 ? cost : -cost;
        CHECK(rl_position_share(cost, closing, held) == slow_share(cost, closing, held));
        n_rests += cost % (rl_money)held != 0;
    }
    CHECK(n_rests > 100000);
    /* Of no price at all: the plain way, which has no such bounds. */
    CHECK(rl_position_share((rl_money)1 << 100, 3, 7) == slow_share((rl_money)1 << 100, 3, 7));
    CHECK(rl_position_share(-((rl_money)1 << 66), 1, 2) == -((rl_money)1 << 65));
}

static void test_positions_that_do_not_add_up_do_not_hold(void)
{
    struct rl_position good = {0}, p;

    CHECK(rl_position_fill(&good, RL_BUY, 100, 10));
    CHECK(rl_position_fill(&good, RL_SELL, 110, 4));
    CHECK(rl_position_fee(&good, 3));
    CHECK(rl_position_holds(&good));
    for (unsigned i = 0; i < 7; i++) {
        p = good;
        p.cash += i == 0;
        p.cost += i == 1;
        p.realised += i == 2;
        p.fees += i == 3;
        p.net += i == 4;
        p.done[RL_BUY] += i == 5;
        p.done[RL_SELL] += i == 6;
        CHECK(!rl_position_holds(&p));
    }
    p = (struct rl_position){.cash = -1, .cost = 1}; /* flat, and yet it cost something */
    CHECK(!rl_position_holds(&p));
    p = (struct rl_position){.net = 3, .done = {3}, .cash = -RL_MONEY_MAX, .cost = RL_MONEY_MAX};
    CHECK(rl_position_unrealised(&p, -1) == RL_MONEY_MIN); /* has no room */
}

int main(void)
{
    test_a_round_trip_earns_the_difference();
    test_a_short_round_trip_earns_when_the_price_falls();
    test_going_through_zero_closes_and_opens();
    test_a_cost_that_does_not_divide_leaves_its_remainder_to_the_last_lot();
    test_a_price_below_zero_is_a_price();
    test_fees_come_out_of_cash_and_rebates_go_into_it();
    test_a_bust_of_the_last_execution_leaves_a_position_as_it_was_but_for_its_trace();
    test_what_was_earned_in_between_stays_earned_when_an_execution_is_taken_back();
    test_a_bust_of_a_flip_comes_back_through_zero();
    test_more_is_never_taken_back_than_was_executed_on_that_side();
    test_a_correction_is_both_of_its_halves_or_neither();
    test_what_is_no_execution_changes_nothing();
    test_sums_that_would_leave_their_range_change_nothing();
    test_the_largest_price_and_quantity_still_divide_exactly();
    test_a_share_of_a_cost_is_the_one_that_long_division_gives();
    test_positions_that_do_not_add_up_do_not_hold();
    return 0;
}
