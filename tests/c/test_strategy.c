/* The reference rule: an imbalance at the best prices becomes an intent, once per change. */
#include <errno.h>

#include "check.h"
#include "trade/strategy.h"

#define UNIT RL_NANO_PER_UNIT

static struct rl_strategy_state states[2];

static struct rl_strategy new_strategy(uint32_t every)
{
    struct rl_strategy s;
    struct rl_strategy_config config = {
        .threshold_permille = 500, .every = every, .order_qty = 7, .max_spread_nano = UNIT};

    CHECK_EQ(rl_strategy_init(&s, &config, states, 2), 0);
    return s;
}

static struct rl_bbo bbo(uint64_t n_bid, uint64_t n_offer)
{
    return (struct rl_bbo){{100 * UNIT, 101 * UNIT}, {n_bid, n_offer}};
}

static bool on(struct rl_strategy *s, struct rl_bbo b, struct rl_intent *intent)
{
    return rl_strategy_on_bbo(s, 1, &b, intent);
}

static void test_more_bids_buy_at_the_offer_and_more_offers_sell_at_the_bid(void)
{
    struct rl_strategy s = new_strategy(1);
    struct rl_intent i;

    CHECK(on(&s, bbo(30, 10), &i)); /* (30 - 10) / 40 = 0.5: at the threshold */
    CHECK_EQ(i.side, RL_BUY);
    CHECK_EQ(i.px_nano, 101 * UNIT);
    CHECK_EQ(i.qty, 7);
    CHECK(on(&s, bbo(10, 30), &i));
    CHECK_EQ(i.side, RL_SELL);
    CHECK_EQ(i.px_nano, 100 * UNIT);
}

static void test_below_the_threshold_nothing_is_wanted(void)
{
    struct rl_strategy s = new_strategy(1);
    struct rl_intent i;

    CHECK(!on(&s, bbo(29, 10), &i));
    CHECK(!on(&s, bbo(10, 29), &i));
    CHECK(!on(&s, bbo(10, 10), &i));
}

static void test_a_signal_that_persists_is_one_signal(void)
{
    struct rl_strategy s = new_strategy(1);
    struct rl_intent i;

    CHECK(on(&s, bbo(30, 10), &i));
    CHECK(!on(&s, bbo(31, 10), &i));
    CHECK(!on(&s, bbo(10, 10), &i));
    CHECK(on(&s, bbo(30, 10), &i)); /* gone and back: a new one */
}

static void test_each_nth_signal_of_an_instrument_becomes_an_intent(void)
{
    struct rl_strategy s = new_strategy(3);
    struct rl_intent i;
    int n = 0;

    for (int k = 0; k < 30; k++)
        n += on(&s, k % 2 ? bbo(30, 10) : bbo(10, 30), &i);
    CHECK_EQ(n, 10);
    CHECK_EQ(states[0].n_signals, 0); /* the other instrument counts for itself */
}

static void test_an_unusable_book_gives_no_signal(void)
{
    struct rl_strategy s = new_strategy(1);
    struct rl_intent i;
    struct rl_bbo b = bbo(30, 10);

    b.px_nano[RL_SELL] = RL_PX_NONE;
    CHECK(!on(&s, b, &i));
    b = bbo(30, 10);
    b.px_nano[RL_BUY] = RL_PX_NONE;
    CHECK(!on(&s, b, &i));
    b = bbo(30, 10);
    b.px_nano[RL_BUY] = b.px_nano[RL_SELL]; /* locked */
    CHECK(!on(&s, b, &i));
    b.px_nano[RL_BUY] += 1; /* crossed */
    CHECK(!on(&s, b, &i));
}

static void test_a_spread_beyond_the_limit_gives_no_signal(void)
{
    struct rl_strategy s = new_strategy(1);
    struct rl_intent i;
    struct rl_bbo b = bbo(30, 10);

    b.px_nano[RL_SELL] = 101 * UNIT + 1;
    CHECK(!on(&s, b, &i));
    b.px_nano[RL_SELL] = 101 * UNIT; /* exactly the limit */
    CHECK(on(&s, b, &i));
    b.px_nano[RL_BUY] = INT64_MIN + 1; /* the difference needs 65 bits */
    b.px_nano[RL_SELL] = INT64_MAX;
    CHECK(!on(&s, b, &i));
}

static void test_quantities_of_64_bits_do_not_wrap(void)
{
    struct rl_strategy s = new_strategy(1);
    struct rl_intent i;

    CHECK(on(&s, bbo(UINT64_MAX, 1), &i));
    CHECK_EQ(i.side, RL_BUY);
    CHECK(on(&s, bbo(1, UINT64_MAX), &i));
    CHECK_EQ(i.side, RL_SELL);
}

static void test_a_config_outside_its_ranges_is_refused(void)
{
    const struct rl_strategy_config good = {500, 1, 7, UNIT, false};
    struct rl_strategy_config bad[] = {good, good, good, good, good};
    struct rl_strategy s;

    bad[0].threshold_permille = 0;
    bad[1].threshold_permille = 1001;
    bad[2].every = 0;
    bad[3].order_qty = 0;
    bad[4].max_spread_nano = 0;
    for (size_t i = 0; i < RL_COUNT(bad); i++)
        CHECK_EQ(rl_strategy_init(&s, &bad[i], states, 2), -EINVAL);
    CHECK_EQ(rl_strategy_init(&s, &good, states, 0), -EINVAL);
    CHECK_EQ(rl_strategy_init(&s, &good, states, 2), 0);
}

int main(void)
{
    test_more_bids_buy_at_the_offer_and_more_offers_sell_at_the_bid();
    test_below_the_threshold_nothing_is_wanted();
    test_a_signal_that_persists_is_one_signal();
    test_each_nth_signal_of_an_instrument_becomes_an_intent();
    test_an_unusable_book_gives_no_signal();
    test_a_spread_beyond_the_limit_gives_no_signal();
    test_quantities_of_64_bits_do_not_wrap();
    test_a_config_outside_its_ranges_is_refused();
    return 0;
}
