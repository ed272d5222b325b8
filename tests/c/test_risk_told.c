/* What answers and marks call for: strategies that stop, accounts and engines that trip. */
#include "risk_world.h"

static struct world w;

static uint32_t check_one(void)
{
    struct rl_request q = world_request(RL_BUY, 10, 100 * UNIT);

    return world_check(&w, &q);
}

static void activate(void)
{
    CHECK_EQ(rl_risk_set_state(&w.risk, RL_SCOPE_STRATEGY, STRATEGY, RL_RISK_ACTIVE), 0);
}

static void test_one_execution_too_many_halts_the_strategy_until_a_human_lets_it_run(void)
{
    world_open(&w);
    for (int i = 0; i < 10; i++) {
        world_pass(&w, 10 * MS);
        world_trade(&w, i % 2 ? RL_SELL : RL_BUY, 10, 100 * UNIT);
    }
    CHECK_EQ(w.n_trips, 0);
    world_trade(&w, RL_BUY, 10, 100 * UNIT);
    CHECK_EQ(w.n_trips, 1);
    CHECK_EQ(w.trip.scope, RL_SCOPE_STRATEGY);
    CHECK_EQ(w.trip.index, STRATEGY);
    CHECK_EQ(w.trip.cause, RL_KILL_EXECUTIONS);
    CHECK_EQ(check_one(), RL_RISK_EXECUTIONS | RL_RISK_STATE);
    world_pass(&w, 100 * SECOND); /* time alone heals nothing */
    CHECK_EQ(check_one(), RL_RISK_EXECUTIONS | RL_RISK_STATE);
    activate();
    CHECK_EQ(check_one(), 0);
    world_trade(&w, RL_BUY, 10, 100 * UNIT); /* and the window begins anew */
    CHECK_EQ(w.n_trips, 1);
}

static void test_executions_a_window_apart_count_together_and_a_tick_more_does_not(void)
{
    for (int more = 0; more <= 1; more++) {
        world_open(&w);
        world_trade(&w, RL_BUY, 10, 100 * UNIT);
        world_pass(&w, SECOND + (uint64_t)more);
        for (int i = 0; i < 10; i++)
            world_trade(&w, i % 2 ? RL_BUY : RL_SELL, 10, 100 * UNIT);
        CHECK_EQ(w.n_trips, more == 0);
    }
}

static void reject_one(void)
{
    struct rl_request q = world_request(RL_BUY, 10, 100 * UNIT);

    world_says(&w, RL_EVENT_REJECT, world_send(&w, &q));
}

static uint64_t ack_one(void)
{
    struct rl_request q = world_request(RL_BUY, 10, 100 * UNIT);
    uint64_t id = world_send(&w, &q);

    world_says(&w, RL_EVENT_ACK, id);
    return id;
}

/* The other ratios, without executions, would have their say. */
static void judge_only(unsigned ratio)
{
    for (unsigned i = 0; i < RL_N_LIMIT_RATIOS; i++)
        if (i != ratio)
            w.set->strategies[STRATEGY].ratios[i].min_sample = RL_LIMIT_OFF_32;
    world_limits_changed(&w);
}

static void test_rejects_in_a_row_stop_the_strategy_and_an_answer_between_them_does_not(void)
{
    world_open(&w);
    judge_only(RL_N_LIMIT_RATIOS);
    for (int i = 0; i < 3; i++)
        reject_one();
    world_says(&w, RL_EVENT_CANCELLED, ack_one());
    for (int i = 0; i < 3; i++)
        reject_one();
    CHECK_EQ(w.n_trips, 0);
    reject_one();
    CHECK_EQ(w.n_trips, 1);
    CHECK_EQ(w.trip.cause, RL_KILL_REJECTS);
    CHECK_EQ(check_one(), RL_RISK_RATIO | RL_RISK_STATE);
}

/* A replace that is granted is an answer between them, the end of an order is none. */
static void test_what_ends_a_row_of_rejects_is_something_granted(void)
{
    for (int is_replaced = 0; is_replaced <= 1; is_replaced++) {
        uint64_t id;

        world_open(&w);
        judge_only(RL_N_LIMIT_RATIOS);
        id = ack_one();
        if (is_replaced) {
            id = world_replace(&w, id, 20, 100 * UNIT);
        } else {
            world_cancel(&w, id);
        }
        for (int i = 0; i < 3; i++)
            reject_one();
        world_says(&w, is_replaced ? RL_EVENT_REPLACED : RL_EVENT_CANCELLED, id);
        CHECK_EQ(w.n_trips, 0);
        reject_one();
        CHECK_EQ(w.n_trips, !is_replaced);
    }
}

/* 400 permille alert, 500 trip, with 8 orders at least. */
static void test_a_ratio_alerts_once_and_then_trips(void)
{
    world_open(&w);
    w.set->strategies[STRATEGY].rejects_in_row = RL_LIMIT_OFF_32;
    judge_only(RL_LIMIT_RATIO_REJECTS);
    for (int i = 0; i < 4; i++)
        world_says(&w, RL_EVENT_CANCELLED, ack_one());
    for (int i = 0; i < 2; i++)
        reject_one();
    CHECK_EQ(w.n_alerts, 4); /* the cancels that nobody asked for */
    world_says(&w, RL_EVENT_CANCELLED, ack_one());
    reject_one(); /* 3 of 8: 375 */
    CHECK_EQ(w.n_alerts, 5);
    reject_one(); /* 4 of 9: 444 */
    CHECK_EQ(w.n_alerts, 6);
    CHECK_EQ(w.trip.cause, RL_KILL_REJECTS);
    CHECK_EQ(w.trip.is_alert, true);
    CHECK_EQ(check_one(), 0);
    reject_one(); /* 5 of 10: 500, at the limit, and told of already */
    CHECK_EQ(w.n_alerts, 6);
    CHECK_EQ(w.n_trips, 0);
    reject_one(); /* 6 of 11 */
    CHECK_EQ(w.n_trips, 1);
    CHECK_EQ(check_one() & RL_RISK_RATIO, RL_RISK_RATIO);
    reject_one(); /* latched: told of once */
    CHECK_EQ(w.n_trips, 1);
}

static void test_messages_without_executions_trip_their_ratio(void)
{
    world_open(&w);
    w.set->strategies[STRATEGY].ratios[RL_LIMIT_RATIO_MESSAGES] = (struct rl_limit_ratio){
        .alert_permille = 4000, .trip_permille = 6000, .min_sample = 2, .window_ns = SECOND};
    judge_only(RL_LIMIT_RATIO_MESSAGES);
    world_trade(&w, RL_BUY, 10, 100 * UNIT); /* one execution: six messages for it */
    for (int i = 0; i < 5; i++)
        ack_one();
    CHECK_EQ(w.n_trips, 0);
    CHECK_EQ(w.n_alerts, 1);
    ack_one();
    CHECK_EQ(w.n_trips, 1);
    CHECK_EQ(w.trip.cause, RL_KILL_RATE);
}

static void test_cancels_without_executions_trip_their_ratio(void)
{
    uint64_t ids[7];

    world_open(&w);
    w.set->strategies[STRATEGY].ratios[RL_LIMIT_RATIO_CANCELS] = (struct rl_limit_ratio){
        .alert_permille = 4000, .trip_permille = 6000, .min_sample = 2, .window_ns = SECOND};
    judge_only(RL_LIMIT_RATIO_CANCELS);
    world_trade(&w, RL_BUY, 10, 100 * UNIT); /* one execution: six cancels for it */
    for (int i = 0; i < 7; i++)
        ids[i] = ack_one();
    for (int i = 0; i < 7; i++) {
        CHECK_EQ(w.n_trips, 0);
        CHECK_EQ(w.n_alerts, i > 4);
        world_cancel(&w, ids[i]);
        world_says(&w, RL_EVENT_CANCELLED, ids[i]);
    }
    CHECK_EQ(w.n_trips, 1);
    CHECK_EQ(w.trip.cause, RL_KILL_RATE);
}

static void test_what_is_sent_of_scopes_that_do_not_exist_is_not_counted(void)
{
    struct rl_order_change change = {0};
    struct rl_request good, bad[3];
    uint64_t hash;

    world_open(&w);
    change.order = rl_orders_live(&w.orders, ack_one());
    good = bad[0] = bad[1] = bad[2] = world_changed(change.order, 20, 100 * UNIT);
    bad[0].scopes.account = N_ACCOUNTS;
    bad[1].scopes.strategy = N_STRATEGIES;
    bad[2].side = RL_SELL + 1;
    hash = rl_risk_hash(&w.risk);
    for (size_t i = 0; i < RL_COUNT(bad); i++) {
        rl_risk_sent(&w.risk, &bad[i], &change, w.now);
        rl_risk_replace_sent(&w.risk, &bad[i], &change, w.now);
        if (i < 2) /* a cancel has no side */
            rl_risk_cancel_sent(&w.risk, &bad[i].scopes, w.now);
        CHECK_EQ(rl_risk_hash(&w.risk), hash);
    }
    change.order = NULL;
    rl_risk_sent(&w.risk, &good, &change, w.now);
    rl_risk_replace_sent(&w.risk, &good, &change, w.now);
    CHECK_EQ(rl_risk_hash(&w.risk), hash);
    rl_risk_cancel_sent(&w.risk, &good.scopes, w.now);
    CHECK(rl_risk_hash(&w.risk) != hash);
}

/* The first ratio has something to say, the last one has more to do. */
static void test_an_alert_of_one_ratio_does_not_hide_the_trip_of_another(void)
{
    world_open(&w);
    w.set->strategies[STRATEGY].rejects_in_row = RL_LIMIT_OFF_32;
    w.set->strategies[STRATEGY].ratios[RL_LIMIT_RATIO_REJECTS].min_sample = 1;
    w.set->strategies[STRATEGY].ratios[RL_LIMIT_RATIO_REJECTS].alert_permille = 1;
    w.set->strategies[STRATEGY].ratios[RL_LIMIT_RATIO_REJECTS].trip_permille = 1000000;
    w.set->strategies[STRATEGY].ratios[RL_LIMIT_RATIO_MESSAGES].min_sample = 1;
    w.set->strategies[STRATEGY].ratios[RL_LIMIT_RATIO_MESSAGES].trip_permille = 1;
    world_limits_changed(&w);
    reject_one();
    CHECK_EQ(w.n_trips, 1);
    CHECK_EQ(check_one() & RL_RISK_RATIO, RL_RISK_RATIO);
}

static void test_old_windows_are_forgotten(void)
{
    world_open(&w);
    w.set->strategies[STRATEGY].rejects_in_row = RL_LIMIT_OFF_32;
    w.set->strategies[STRATEGY].ratios[RL_LIMIT_RATIO_REJECTS].min_sample = 1;
    w.set->strategies[STRATEGY].ratios[RL_LIMIT_RATIO_REJECTS].trip_permille = 999;
    judge_only(RL_LIMIT_RATIO_REJECTS);
    reject_one();
    CHECK_EQ(w.n_trips, 1);
    activate();
    CHECK_EQ(check_one(), 0); /* with an empty count */
    world_pass(&w, 3 * SECOND);
    world_says(&w, RL_EVENT_CANCELLED, ack_one());
    CHECK_EQ(w.n_trips, 1);
}

static void test_more_than_was_ordered_trips_the_engine(void)
{
    world_open(&w);
    world_fills(&w, ack_one(), 11, 100 * UNIT);
    CHECK_EQ(w.n_trips, 1);
    CHECK_EQ(w.trip.scope, RL_SCOPE_GLOBAL);
    CHECK_EQ(w.trip.cause, RL_KILL_OVERFILL);
}

static void test_an_execution_of_nobody_trips_the_engine_and_other_news_of_nobody_does_not(void)
{
    world_open(&w);
    CHECK(!world_says(&w, RL_EVENT_CANCELLED, 12345));
    CHECK(world_fills(&w, 12345, 1, UNIT));
    CHECK_EQ(w.trip.cause, RL_KILL_UNKNOWN_FILL);
    CHECK_EQ(w.trip.scope, RL_SCOPE_GLOBAL);
    CHECK_EQ(w.trip.index, 0);
}

static void test_an_execution_told_twice_counts_once_and_another_of_its_number_alerts(void)
{
    struct rl_order_event e = {
        .orig_id = RL_ID_NONE, .exec = 7, .qty = 5, .px_nano = 100 * UNIT, .kind = RL_EVENT_FILL};

    world_open(&w);
    e.id = ack_one();
    CHECK(!world_event(&w, e));
    CHECK(!world_event(&w, e));
    CHECK_EQ(w.risk.strategies[STRATEGY].fills.n, 1);
    e.qty = 4;
    CHECK(world_event(&w, e));
    CHECK(w.trip.is_alert);
    CHECK_EQ(w.trip.cause, RL_KILL_RECONCILE);
    CHECK_EQ(w.trip.scope, RL_SCOPE_GLOBAL);
    CHECK_EQ(w.trip.index, 0);
}

static void test_an_execution_on_an_account_without_limits_trips_the_engine(void)
{
    uint64_t id;

    world_open(&w);
    id = ack_one();
    memset(&w.set->accounts[ACCOUNT], 0, sizeof(w.set->accounts[0]));
    world_limits_changed(&w);
    CHECK(world_fills(&w, id, 10, 100 * UNIT));
    CHECK_EQ(w.trip.cause, RL_KILL_UNBOUND);
    CHECK_EQ(w.trip.scope, RL_SCOPE_GLOBAL);
    CHECK_EQ(w.trip.index, 0);
}

static void test_a_position_past_its_limit_trips_the_account(void)
{
    for (unsigned side = RL_BUY; side <= RL_SELL; side++) {
        struct rl_request q = world_request(side, 100, 100 * UNIT);
        uint64_t id;

        world_open(&w);
        id = world_send(&w, &q);
        world_says(&w, RL_EVENT_ACK, id);
        world_the_pair(&w)->max_long = world_the_pair(&w)->max_short = 50;
        world_limits_changed(&w);
        CHECK(!world_fills(&w, id, 50, 100 * UNIT));
        CHECK(world_fills(&w, id, 1, 100 * UNIT));
        CHECK_EQ(w.trip.cause, RL_KILL_POSITION);
        CHECK_EQ(w.trip.scope, RL_SCOPE_ACCOUNT);
        CHECK_EQ(w.trip.index, ACCOUNT);
    }
}

/* Round and round: whatever it is, it is found in as many calls as there are pairs. */
static uint32_t poll_all(void)
{
    uint32_t causes = 0;

    for (int i = 0; i < N_ACCOUNTS * N_INSTRUMENTS; i++) {
        struct rl_risk_trip trip;

        if (!rl_risk_poll(&w.risk, w.now, &trip))
            continue;
        CHECK_EQ(trip.scope, RL_SCOPE_ACCOUNT);
        CHECK_EQ(trip.index, ACCOUNT);
        causes |= 1U << trip.cause;
    }
    return causes;
}

static void test_a_loss_at_marks_is_polled(void)
{
    world_open(&w);
    world_trade(&w, RL_BUY, 1000, 100 * UNIT);
    CHECK_EQ(poll_all(), 0);
    CHECK(rl_ledger_mark(&w.ledger, INSTRUMENT, 50 * UNIT, w.now));
    CHECK_EQ(poll_all(), 0); /* 50 000: at the limit */
    CHECK(rl_ledger_mark(&w.ledger, INSTRUMENT, 50 * UNIT - 1, w.now));
    CHECK_EQ(poll_all(), 1U << RL_KILL_LOSS);
}

static void test_old_marks_are_polled_as_a_loss(void)
{
    world_open(&w);
    world_trade(&w, RL_BUY, 10, 100 * UNIT);
    w.now += 10 * SECOND;
    CHECK_EQ(poll_all(), 0);
    w.now++;
    CHECK_EQ(poll_all(), 1U << RL_KILL_LOSS);
}

static void test_exposure_that_prices_have_raised_is_polled(void)
{
    world_open(&w);
    world_trade(&w, RL_BUY, 1000, 100 * UNIT);
    CHECK(rl_ledger_mark(&w.ledger, INSTRUMENT, 2000 * UNIT, w.now));
    CHECK_EQ(poll_all(), 0);
    CHECK(rl_ledger_mark(&w.ledger, INSTRUMENT, 2000 * UNIT + 1, w.now));
    CHECK_EQ(poll_all(), 1U << RL_KILL_EXPOSURE);
}

static void test_a_position_that_another_set_forbids_is_polled(void)
{
    world_open(&w);
    for (unsigned side = RL_BUY; side <= RL_SELL; side++) {
        struct rl_limit_pair *pair;

        world_open(&w);
        pair = world_the_pair(&w);
        world_trade(&w, side, 500, 100 * UNIT);
        *(side == RL_BUY ? &pair->max_short : &pair->max_long) = 10; /* the other's is another's */
        *(side == RL_BUY ? &pair->max_long : &pair->max_short) = 500;
        world_limits_changed(&w);
        CHECK_EQ(poll_all(), 0);
        *(side == RL_BUY ? &pair->max_long : &pair->max_short) = 499;
        world_limits_changed(&w);
        CHECK_EQ(poll_all(), 1U << RL_KILL_POSITION);
    }
}

/* A cancel is one message, as an order is. */
static void test_cancels_are_messages_one_each(void)
{
    uint64_t ids[3];

    world_open(&w);
    w.set->strategies[STRATEGY].ratios[RL_LIMIT_RATIO_MESSAGES] = (struct rl_limit_ratio){
        .alert_permille = 6000, .trip_permille = 7000, .min_sample = 2, .window_ns = SECOND};
    judge_only(RL_LIMIT_RATIO_MESSAGES);
    world_trade(&w, RL_BUY, 10, 100 * UNIT);
    for (int i = 0; i < 3; i++)
        ids[i] = ack_one();
    for (int i = 0; i < 3; i++) {
        world_cancel(&w, ids[i]);
        world_says(&w, RL_EVENT_CANCELLED, ids[i]);
    }
    CHECK_EQ(w.n_trips, 0); /* four orders and three cancels for one execution */
    CHECK_EQ(w.n_alerts, 1);
    ack_one();
    CHECK_EQ(w.n_trips, 1);
    CHECK_EQ(w.trip.cause, RL_KILL_RATE);
}

static void test_a_strategy_that_may_run_again_has_nothing_left_of_its_ratios(void)
{
    static const struct rl_tally none[RL_N_LIMIT_RATIOS];

    world_open(&w);
    for (int i = 0; i < 4; i++)
        reject_one();
    CHECK_EQ(w.n_trips, 1);
    activate();
    CHECK(memcmp(w.risk.strategies[STRATEGY].tallies, none, sizeof none) == 0);
}

int main(void)
{
    test_one_execution_too_many_halts_the_strategy_until_a_human_lets_it_run();
    test_executions_a_window_apart_count_together_and_a_tick_more_does_not();
    test_rejects_in_a_row_stop_the_strategy_and_an_answer_between_them_does_not();
    test_what_ends_a_row_of_rejects_is_something_granted();
    test_a_ratio_alerts_once_and_then_trips();
    test_messages_without_executions_trip_their_ratio();
    test_cancels_without_executions_trip_their_ratio();
    test_what_is_sent_of_scopes_that_do_not_exist_is_not_counted();
    test_an_alert_of_one_ratio_does_not_hide_the_trip_of_another();
    test_old_windows_are_forgotten();
    test_more_than_was_ordered_trips_the_engine();
    test_an_execution_of_nobody_trips_the_engine_and_other_news_of_nobody_does_not();
    test_an_execution_told_twice_counts_once_and_another_of_its_number_alerts();
    test_an_execution_on_an_account_without_limits_trips_the_engine();
    test_a_position_past_its_limit_trips_the_account();
    test_a_loss_at_marks_is_polled();
    test_old_marks_are_polled_as_a_loss();
    test_exposure_that_prices_have_raised_is_polled();
    test_a_position_that_another_set_forbids_is_polled();
    test_cancels_are_messages_one_each();
    test_a_strategy_that_may_run_again_has_nothing_left_of_its_ratios();
    world_close(&w);
    return 0;
}
