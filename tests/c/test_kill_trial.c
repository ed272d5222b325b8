/*
 * The judge of the kill switch and the course of a kill trial, with an engine played by hand: each
 * lapse that an engine could have is seen, and none is seen where there is none.
 */
#include "counterparty_bench.h"
#include "rig/trial/kill_trial.h"

#define COUNTED(v, counter) rl_counted(&(v)->exchange.n.counter)
#define N_JUDGED(k, counter) rl_counted(&(k)->judge.n.counter)

static const struct rl_counterparty_rules hold_all = {.hold_every = 1, .n_resting = 64};
static const struct rl_kill_plan one_trip = {.n_trips = 2,
                                             .tripper = RL_TRIPPER_RIG,
                                             .first_frame = 100,
                                             .every_frames = 50,
                                             .seed = 3,
                                             .late_ns = 1000,
                                             .timeout_ns = 1000000};

/* A venue with a board; the test is the engine. */
struct bench {
    struct venue *v;
    struct rl_kill kill;
    struct rl_shared shared;
    struct rl_kill_trial trial;
    uint64_t now_tsc; /* the rig's clock, for its patience alone */
};

static struct bench *bench_open(const struct rl_kill_plan *plan)
{
    static struct bench bench;
    struct bench *b = &bench;

    memset(b, 0, sizeof *b);
    b->v = venue_with(1 << 16, &hold_all);
    rl_kill_init(&b->kill, 1);
    rl_shared_init(&b->shared);
    for (int i = 0; i < RL_N_JUDGE_HISTS; i++)
        take_hist(&b->trial.judge.hist[i], &b->v->arena);
    CHECK_EQ(rl_bench_arm(&b->kill), 0);
    CHECK_EQ(rl_kill_trial_open(&b->trial, plan, &b->kill, &b->shared, &b->v->clock), 0);
    rl_counterparty_watch(&b->v->exchange, &b->shared, NULL);
    b->v->exchange.judge = &b->trial.judge;
    return b;
}

static void bench_close(struct bench *b)
{
    rl_kill_trial_close(&b->trial);
    rl_arena_close(&b->v->arena);
}

/* The rig's turn when n_sent frames are out, ns later. */
static void rig(struct bench *b, uint64_t n_sent, uint64_t ns)
{
    b->now_tsc += rl_ns_to_ticks(&b->v->clock, ns);
    rl_kill_trial_turn(&b->trial, n_sent, b->v->exchange.resting.n, b->now_tsc);
    (void)rl_counterparty_turn(&b->v->exchange, &b->v->wire);
    (void)answers(b->v);
}

/* The engine commits a day order; its id. */
static uint64_t commit_order(struct bench *b)
{
    uint8_t bytes[1024];
    struct fields f = good(b->v);

    f.tif = "0";
    send_bytes(b->v, bytes, encode(&f, bytes, sizeof bytes));
    return b->v->next_id - 1;
}

static void commit_mass_cancel(struct bench *b)
{
    uint8_t bytes[1024];
    struct fields f = good(b->v);

    f.type = "q";
    f.mass = "7";
    f.symbol = f.trigger = f.side = f.qty = f.ord_type = f.px = f.tif = NULL;
    send_bytes(b->v, bytes, encode(&f, bytes, sizeof bytes));
}

/* The engine sees the trip, and has taken its orders back when this returns. */
static void acknowledge(struct bench *b)
{
    CHECK(rl_kill_draining(&b->kill));
    (void)rl_kill_acknowledge(&b->kill, rl_tsc());
}

static void finish(struct bench *b)
{
    commit_mass_cancel(b);
    rig(b, 100, 0);
    rig(b, 100, 0);
    CHECK(rl_kill_drained(&b->kill, 0));
}

static bool is_active(const struct bench *b)
{
    return rl_kill_state_of(rl_kill_word(&b->kill)) == RL_KILL_IS_ACTIVE;
}

static void test_a_good_engine_is_found_without_fault(void)
{
    struct bench *b = bench_open(&one_trip);

    (void)commit_order(b);
    rig(b, 99, 10);
    CHECK(is_active(b));
    (void)commit_order(b); /* before the trip: nobody's fault */
    rig(b, 100, 10);
    CHECK(!is_active(b));
    (void)commit_order(b); /* was decided when the trip came */
    rig(b, 101, 10);
    acknowledge(b);
    rig(b, 101, 10);
    finish(b);
    rig(b, 102, 10);
    CHECK_EQ(b->trial.stage, RL_KILL_LATE);
    rig(b, 103, 2000);
    CHECK(is_active(b));
    CHECK_EQ(b->trial.stage, RL_KILL_ARMED);
    CHECK_EQ(N_JUDGED(&b->trial, trips), 1);
    CHECK_EQ(N_JUDGED(&b->trial, trips_with_orders), 1);
    CHECK_EQ(N_JUDGED(&b->trial, orders_in_flight), 1);
    CHECK_EQ(N_JUDGED(&b->trial, orders_after_trip), 0);
    CHECK_EQ(N_JUDGED(&b->trial, trips_unseen) + N_JUDGED(&b->trial, trips_residual), 0);
    for (int i = 0; i < RL_N_JUDGE_HISTS; i++)
        CHECK_EQ(b->trial.judge.hist[i].n_total, 1);
    CHECK(b->trial.judge.hist[RL_JUDGE_trip_to_last_order].max > 0);
    bench_close(b);
}

static void test_an_order_after_the_acknowledgement_is_a_violation(void)
{
    struct bench *b = bench_open(&one_trip);

    rig(b, 100, 10);
    acknowledge(b);
    rig(b, 101, 10);
    (void)commit_order(b);
    (void)commit_order(b);
    rig(b, 102, 10);
    finish(b);
    rig(b, 103, 10);
    rig(b, 104, 2000);
    CHECK_EQ(N_JUDGED(&b->trial, trips), 1);
    CHECK_EQ(N_JUDGED(&b->trial, orders_after_trip), 2);
    CHECK_EQ(N_JUDGED(&b->trial, orders_in_flight), 0);
    bench_close(b);
}

static void test_an_order_that_comes_when_all_seemed_over_is_a_violation(void)
{
    struct bench *b = bench_open(&one_trip);

    rig(b, 100, 10);
    acknowledge(b);
    rig(b, 101, 10);
    finish(b);
    rig(b, 102, 10);
    CHECK_EQ(b->trial.stage, RL_KILL_LATE);
    (void)commit_order(b);
    rig(b, 103, 500);
    rig(b, 104, 2000);
    CHECK_EQ(N_JUDGED(&b->trial, orders_after_trip), 1);
    CHECK_EQ(N_JUDGED(&b->trial, trips_residual), 1); /* and it still rests */
    bench_close(b);
}

static void test_orders_between_trip_and_acknowledgement_are_counted(void)
{
    struct bench *b = bench_open(&one_trip);

    rig(b, 100, 10);
    rig(b, 101, 10);
    for (int i = 0; i < 3; i++)
        (void)commit_order(b);
    rig(b, 102, 10);
    acknowledge(b);
    rig(b, 103, 10);
    finish(b);
    rig(b, 104, 10);
    rig(b, 105, 2000);
    CHECK_EQ(N_JUDGED(&b->trial, orders_in_flight), 3);
    CHECK_EQ(N_JUDGED(&b->trial, orders_in_flight_most), 3);
    CHECK_EQ(N_JUDGED(&b->trial, orders_after_trip), 0);
    bench_close(b);
}

static void test_a_trip_that_nobody_acknowledges_is_given_up(void)
{
    struct bench *b = bench_open(&one_trip);

    (void)commit_order(b);
    rig(b, 99, 10);
    rig(b, 100, 10);
    rig(b, 101, 10);
    rig(b, 102, 2000000);
    CHECK_EQ(b->trial.stage, RL_KILL_OVER);
    CHECK_EQ(N_JUDGED(&b->trial, trips), 1);
    CHECK_EQ(N_JUDGED(&b->trial, trips_unseen), 1);
    CHECK_EQ(N_JUDGED(&b->trial, trips_residual), 1);
    CHECK(!is_active(b)); /* and nothing is armed again */
    bench_close(b);
}

static void test_trips_come_when_planned_and_no_more_than_planned(void)
{
    struct bench *b = bench_open(&one_trip);
    uint64_t n_sent = 0, at[3] = {0}, n_trips = 0;

    for (int i = 0; i < 400; i++) {
        n_sent += rl_kill_trial_limit(&b->trial, n_sent, 16);
        rig(b, n_sent, 10);
        if (is_active(b))
            continue;
        CHECK(n_trips < 2);
        at[n_trips++] = n_sent;
        rig(b, n_sent, 10);
        acknowledge(b);
        rig(b, n_sent, 10);
        finish(b);
        rig(b, n_sent, 10);
        rig(b, n_sent, 2000);
    }
    CHECK_EQ(n_trips, 2);
    CHECK_EQ(at[0], 100); /* not 112: the burst was cut */
    CHECK(at[1] >= 150 && at[1] < 200);
    CHECK_EQ(N_JUDGED(&b->trial, trips), 2);
    CHECK(is_active(b));
    bench_close(b);
}

static void test_a_trip_waits_for_orders_to_take_back(void)
{
    struct rl_kill_plan plan = one_trip;
    struct bench *b;

    plan.min_resting = 2;
    b = bench_open(&plan);
    (void)commit_order(b);
    rig(b, 100, 10);
    rig(b, 200, 10);
    CHECK(is_active(b));
    (void)commit_order(b);
    rig(b, 201, 10);
    rig(b, 202, 10);
    CHECK(!is_active(b));
    bench_close(b);
}

static void test_a_trip_by_others_is_watched_just_the_same(enum rl_tripper tripper)
{
    struct rl_kill_plan plan = one_trip;
    struct bench *b;

    plan.tripper = tripper;
    b = bench_open(&plan);
    rig(b, 200, 10);
    if (tripper == RL_TRIPPER_OTHERS) {
        CHECK(is_active(b)); /* it makes none of its own */
        CHECK(rl_kill_trip(&b->kill, RL_SCOPE_GLOBAL, 0, RL_KILL_SOCKET, 1));
    }
    while (is_active(b)) /* the thread needs its time */
        rl_pause();
    rig(b, 201, 10);
    rig(b, 201, 10);
    CHECK_EQ(b->trial.stage, RL_KILL_WATCH);
    acknowledge(b);
    rig(b, 202, 10);
    rig(b, 202, 10);
    CHECK(rl_kill_drained(&b->kill, 0));
    rig(b, 203, 10);
    rig(b, 204, 2000);
    CHECK_EQ(N_JUDGED(&b->trial, trips), 1);
    CHECK_EQ(N_JUDGED(&b->trial, trips_with_orders), 0);
    CHECK_EQ(b->trial.judge.hist[RL_JUDGE_trip_to_seen].n_total, 1);
    CHECK_EQ(b->trial.judge.hist[RL_JUDGE_trip_to_all_cancelled].n_total, 0); /* nothing was */
    bench_close(b);
}

static void test_a_dropped_session_counts_as_all_cancelled_and_is_resumed(void)
{
    struct bench *b = bench_open(&one_trip);

    (void)commit_order(b);
    rig(b, 99, 10);
    rig(b, 100, 10);
    acknowledge(b);
    rig(b, 101, 10);
    CHECK(!rl_judge_is_settled(&b->trial.judge)); /* it rests */
    rl_session_drop(&b->shared);
    rig(b, 102, 10);
    CHECK(rl_judge_is_settled(&b->trial.judge));
    CHECK(rl_kill_drained(&b->kill, 1));
    rig(b, 103, 10);
    rig(b, 104, 2000);
    CHECK(is_active(b));
    CHECK(!rl_session_is_dropped(&b->shared));
    CHECK_EQ(COUNTED(b->v, orders_dropped), 1);
    CHECK_EQ(N_JUDGED(&b->trial, trips_residual), 0);
    bench_close(b);
}

int main(void)
{
    test_a_good_engine_is_found_without_fault();
    test_an_order_after_the_acknowledgement_is_a_violation();
    test_an_order_that_comes_when_all_seemed_over_is_a_violation();
    test_orders_between_trip_and_acknowledgement_are_counted();
    test_a_trip_that_nobody_acknowledges_is_given_up();
    test_trips_come_when_planned_and_no_more_than_planned();
    test_a_trip_waits_for_orders_to_take_back();
    test_a_trip_by_others_is_watched_just_the_same(RL_TRIPPER_OTHERS);
    test_a_trip_by_others_is_watched_just_the_same(RL_TRIPPER_THREAD);
    test_a_dropped_session_counts_as_all_cancelled_and_is_resumed();
    return 0;
}
