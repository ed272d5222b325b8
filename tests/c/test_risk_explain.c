/*
 * Where a reason has several limits the one that fails is told, each for itself; and each thing
 * that is counted is in the hash.
 */
#include "risk_world.h"

static struct world w;

static struct rl_request ask(unsigned side, int64_t px_nano)
{
    return world_request(side, 10, px_nano);
}

static void test_each_count_of_open_orders_is_told(void)
{
    struct rl_request q = ask(RL_BUY, 100 * UNIT);

    for (int i = 0; i < 5; i++) { /* the others allow 20 and more */
        world_open(&w);
        *(i == 0   ? &world_the_pair(&w)->max_open
          : i == 1 ? &w.set->accounts[ACCOUNT].max_open
          : i == 2 ? &w.set->strategies[STRATEGY].max_open
          : i == 3 ? &w.set->venues[VENUE].max_open
                   : &w.set->global.max_open) = 3;
        world_limits_changed(&w);
        for (int k = 0; k < 3; k++)
            world_send(&w, &q);
        world_must_explain(&w, RL_RISK_OPEN, q, 3, 4);
    }
    world_open(&w);
    w.set->accounts[ACCOUNT].max_open_notional = 2999;
    world_limits_changed(&w);
    for (int k = 0; k < 2; k++)
        world_send(&w, &q);
    world_must_explain(&w, RL_RISK_OPEN, q, 2999, 3000);
}

static void test_the_first_bucket_that_has_too_few_is_told(void)
{
    static const struct rl_limit_rate small = {.per_s = 1000, .burst = 7, .reserve = 5};
    struct rl_request q = ask(RL_BUY, 100 * UNIT);

    for (int i = 0; i < 5; i++) {
        world_open(&w);
        *(i == 0   ? &world_the_pair(&w)->rate
          : i == 1 ? &w.set->strategies[STRATEGY].rate
          : i == 2 ? &w.set->accounts[ACCOUNT].rate
          : i == 3 ? &w.set->venues[VENUE].rate
                   : &w.set->global.rate) = small;
        if (i > 0) /* the one before has just enough */
            world_the_pair(&w)->rate = (struct rl_limit_rate){1000, 8, 5};
        world_limits_changed(&w);
        for (int k = 0; k < 2; k++)
            world_send(&w, &q);
        world_must_explain(&w, RL_RISK_RATE, q, 6, 5);
    }
}

static void test_each_side_of_the_collar_is_told(void)
{
    world_open(&w);
    world_the_pair(&w)->collar_bps = RL_LIMIT_OFF_32;
    world_the_pair(&w)->collar_ticks = 200;
    world_limits_changed(&w);
    world_must_explain(&w, RL_RISK_COLLAR, ask(RL_BUY, 103 * UNIT), 2 * UNIT, 3 * UNIT);
    w.in.bbo.px_nano[RL_SELL]++; /* a half of the smallest step: away from zero */
    world_must_explain(&w, RL_RISK_COLLAR, ask(RL_BUY, 103 * UNIT), 2 * UNIT, 3 * UNIT);
    world_must_explain(&w, RL_RISK_COLLAR, ask(RL_SELL, 97 * UNIT), 2 * UNIT, 3 * UNIT + 1);
    world_the_pair(&w)->collar_bps = 1000; /* a part that is not reached does not stop it */
    world_limits_changed(&w);
    world_must_explain(&w, RL_RISK_COLLAR, ask(RL_BUY, 103 * UNIT), 2 * UNIT, 3 * UNIT);
    w.in.bbo_tsc = w.now - 51 * MS;
    world_must_explain(&w, RL_RISK_COLLAR, ask(RL_BUY, 103 * UNIT), 50 * MS, 51 * MS);
    w.in.bbo.px_nano[RL_BUY] = RL_PX_NONE; /* nothing to be measured against */
    world_must_explain(&w, RL_RISK_COLLAR, ask(RL_BUY, 103 * UNIT), 0, 0);
    world_must_explain(&w, RL_RISK_CROSS, ask(RL_BUY, 103 * UNIT), 0, 0);
}

static void test_our_own_best_of_the_other_side_is_told(void)
{
    struct rl_request sell = ask(RL_SELL, 101 * UNIT), buy = ask(RL_BUY, 99 * UNIT);

    world_open(&w);
    world_send(&w, &sell);
    world_send(&w, &buy);
    world_must_explain(&w, RL_RISK_SELF_TRADE, ask(RL_BUY, 102 * UNIT), 101 * UNIT, 102 * UNIT);
    world_must_explain(&w, RL_RISK_SELF_TRADE, ask(RL_SELL, 98 * UNIT), 99 * UNIT, 98 * UNIT);
}

static void test_each_kind_of_exposure_is_told(void)
{
    for (int i = 0; i < 4; i++) {
        struct rl_limit_account *account;

        world_open(&w);
        account = &w.set->accounts[ACCOUNT];
        account->max_gross = account->max_net = 1000; /* exactly at a limit passes */
        *(i == 0 ? &account->max_gross : i < 3 ? &account->max_net : &account->max_credit) = 999;
        world_limits_changed(&w);
        world_must_explain(&w, RL_RISK_EXPOSURE, ask(i == 2 ? RL_SELL : RL_BUY, 100 * UNIT), 999,
                           1000);
    }
    world_open_bare(&w);
    w.in.ready = RL_READY_ALL;
    rl_risk_use(&w.risk, w.set);
    world_must_explain(&w, RL_RISK_EXPOSURE, ask(RL_BUY, 100 * UNIT), 0, 0); /* no mark at all */
}

/* It is the size of a mark that counts, and a nano above a unit is a unit more. */
static void test_a_mark_below_zero_is_exposure_too(void)
{
    struct rl_request q = ask(RL_BUY, 100 * UNIT);

    world_open(&w);
    w.set->accounts[ACCOUNT].max_gross = 500;
    world_limits_changed(&w);
    CHECK(rl_ledger_mark(&w.ledger, INSTRUMENT, -100 * UNIT, w.now));
    world_must_explain(&w, RL_RISK_EXPOSURE, q, 500, 1000);
}

/* A loss that is within its limit is not known when its marks are too old. */
static void test_old_marks_are_told_unless_the_loss_is_too_large_anyway(void)
{
    struct rl_request q = ask(RL_BUY, 100 * UNIT);

    world_open(&w);
    world_trade(&w, RL_BUY, 10, 100 * UNIT);
    w.now += 11 * SECOND;
    world_must_explain(&w, RL_RISK_LOSS, q, 10 * SECOND, 11 * SECOND);
    w.set->accounts[ACCOUNT].max_loss = 99;
    world_limits_changed(&w);
    w.now -= 11 * SECOND;
    world_market(&w, 90 * UNIT);
    w.now += 11 * SECOND;
    world_must_explain(&w, RL_RISK_LOSS, q, 99, 100);
}

/* A price between two references is further from the lower one: a part of it is more. */
static void test_the_reference_of_the_period_that_fails_is_told(void)
{
    world_open(&w);
    world_the_pair(&w)->moved_bps = 195;
    world_limits_changed(&w);
    world_market(&w, 104 * UNIT);
    world_must_explain(&w, RL_RISK_COLLAR, ask(RL_BUY, 102 * UNIT), 195, 200);
    world_must_explain(&w, RL_RISK_COLLAR, ask(RL_BUY, 103 * UNIT), 195, 300);
    world_must_explain(&w, RL_RISK_COLLAR, ask(RL_SELL, 101 * UNIT), 195, 289); /* 288.46 */
}

/* A ratio of too few orders, or one that is off, did not stop anybody. */
static void test_rejects_are_told_as_a_row_or_as_a_ratio_by_what_stopped(void)
{
    struct rl_request q = ask(RL_BUY, 100 * UNIT);

    for (int is_off = 0; is_off < 2; is_off++) {
        world_open(&w);
        for (int i = 0; is_off && i < RL_N_LIMIT_RATIOS; i++)
            w.set->strategies[STRATEGY].ratios[i].trip_permille = RL_LIMIT_OFF_32;
        world_limits_changed(&w);
        for (int i = 0; i < 4; i++) /* one more than may follow each other */
            world_says(&w, RL_EVENT_REJECT, world_send(&w, &q));
        world_must_explain(&w, RL_RISK_RATIO, q, 3, 4);
    }
    world_open(&w);
    w.set->strategies[STRATEGY].rejects_in_row = RL_LIMIT_OFF_32;
    world_limits_changed(&w);
    for (int i = 0; i < 8; i++)
        world_says(&w, RL_EVENT_REJECT, world_send(&w, &q));
    world_must_explain(&w, RL_RISK_RATIO, q, 500, 1000);
}

static void test_nothing_is_told_of_what_is_not_known(void)
{
    struct rl_request q = world_request(RL_SELL + 1, 20000, 100 * UNIT);
    int64_t limit = 7, actual = 7;

    world_open(&w);
    rl_risk_explain(&w.risk, &q, &w.in, w.now, RL_RISK_QTY, &limit, &actual);
    CHECK(limit == 0 && actual == 0);
    q = world_request(RL_BUY, 20000, 100 * UNIT);
    rl_risk_explain(&w.risk, &q, &w.in, w.now, 0, &limit, &actual);
    CHECK(limit == 0 && actual == 0);
    q.scopes.account = N_ACCOUNTS;
    rl_risk_explain(&w.risk, &q, &w.in, w.now, RL_RISK_QTY, &limit, &actual);
    CHECK(limit == 0 && actual == 0);
}

/* Its price is nobody's: the largest, which no limit lets pass. */
static void test_a_market_order_of_nothing_known_is_reserved_at_the_largest_price(void)
{
    struct rl_request q = ask(RL_BUY, RL_PX_NONE);

    world_open(&w);
    CHECK(rl_risk_px_to_reserve(&w.risk, &q, &w.in) < INT64_MAX);
    q.side = RL_SELL + 1;
    CHECK_EQ(rl_risk_px_to_reserve(&w.risk, &q, &w.in), INT64_MAX);
    q = ask(RL_BUY, RL_PX_NONE);
    q.scopes.instrument = N_INSTRUMENTS;
    CHECK_EQ(rl_risk_px_to_reserve(&w.risk, &q, &w.in), INT64_MAX);
    q.type = RL_TYPE_LIMIT; /* of any other order it is its own */
    q.px_nano = 5;
    CHECK_EQ(rl_risk_px_to_reserve(&w.risk, &q, &w.in), 5);
}

/* ---- The hash -----------------------------------------------------------------------------------
 */

#define BIT_IS_IN_HASH(member, bit)           \
    do {                                      \
        (member) ^= (bit);                    \
        CHECK(rl_risk_hash(&w.risk) != hash); \
        (member) ^= (bit);                    \
        CHECK(rl_risk_hash(&w.risk) == hash); \
    } while (0)
#define IS_IN_HASH(member) BIT_IS_IN_HASH(member, 1)

static void test_all_that_is_counted_is_in_the_hash(void)
{
    struct rl_request q = ask(RL_BUY, 100 * UNIT);
    struct rl_risk *r = &w.risk;
    uint64_t hash;

    world_open(&w);
    for (int i = 0; i < 3; i++)
        world_fills(&w, world_send(&w, &q), 10, 100 * UNIT);
    hash = rl_risk_hash(r);
    IS_IN_HASH(r->global.state);
    IS_IN_HASH(r->global.bucket.credit);
    IS_IN_HASH(r->global.n_open);
    for (int i = 0; i < N_VENUES; i++) {
        IS_IN_HASH(r->venues[i].bucket.tsc);
        IS_IN_HASH(r->venues[i].state);
        IS_IN_HASH(r->venues[i].n_open);
    }
    for (int i = 0; i < N_ACCOUNTS; i++) {
        IS_IN_HASH(r->accounts[i].bucket.credit);
        IS_IN_HASH(r->accounts[i].state);
        IS_IN_HASH(r->accounts[i].credit);
        BIT_IS_IN_HASH(r->accounts[i].credit, (rl_money)1 << 64);
    }
    for (int i = 0; i < N_STRATEGIES; i++) {
        IS_IN_HASH(r->strategies[i].latched);
        IS_IN_HASH(r->strategies[i].n_rejects);
        IS_IN_HASH(r->strategies[i].alerted);
        for (int k = 0; k < RL_N_LIMIT_RATIOS; k++) {
            IS_IN_HASH(r->strategies[i].tallies[k].now.part);
            IS_IN_HASH(r->strategies[i].tallies[k].was.whole);
            IS_IN_HASH(r->strategies[i].tallies[k].until_tsc);
        }
    }
    CHECK_EQ(r->strategies[STRATEGY].fills.n, 3);
    for (uint64_t i = 0; i < 3; i++)
        IS_IN_HASH(r->strategies[STRATEGY].fills.stamps[i]);
    for (int i = 0; i < N_INSTRUMENTS; i++) {
        IS_IN_HASH(r->symbols[i].state);
        IS_IN_HASH(r->symbols[i].reach.low2);
        IS_IN_HASH(r->symbols[i].window.last2);
    }
    for (int i = 0; i < N_ACCOUNTS * N_INSTRUMENTS; i++)
        IS_IN_HASH(r->pairs[i].bucket.credit);
    CHECK_EQ(r->repeats.n, 3);
    for (uint64_t i = 1; i <= 3; i++)
        IS_IN_HASH(r->repeats.ring[i].qty);
}

int main(void)
{
    test_each_count_of_open_orders_is_told();
    test_the_first_bucket_that_has_too_few_is_told();
    test_each_side_of_the_collar_is_told();
    test_our_own_best_of_the_other_side_is_told();
    test_each_kind_of_exposure_is_told();
    test_a_mark_below_zero_is_exposure_too();
    test_old_marks_are_told_unless_the_loss_is_too_large_anyway();
    test_the_reference_of_the_period_that_fails_is_told();
    test_rejects_are_told_as_a_row_or_as_a_ratio_by_what_stopped();
    test_nothing_is_told_of_what_is_not_known();
    test_a_market_order_of_nothing_known_is_reserved_at_the_largest_price();
    test_all_that_is_counted_is_in_the_hash();
    world_close(&w);
    return 0;
}
