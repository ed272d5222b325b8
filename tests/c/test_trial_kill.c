/*
 * The kill switch in whole trials: tripped in the middle of the stream by the rig's thread, by
 * another thread and by another process. The venue sees no order come after; what rested is gone;
 * the engine trades again when it is armed; and everything is accounted for.
 */
#include "kill_bench.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_TRIPS 12

/* Whatever the clock does, these hold of every trip. */
static void nothing_left_after(struct rl_trial *t, uint64_t n_trips)
{
    bool is_good = N_JUDGED(t, trips) == n_trips && N_JUDGED(t, orders_after_trip) == 0 &&
                   N_JUDGED(t, trips_unseen) == 0 && N_JUDGED(t, trips_residual) == 0;

    if (!is_good)
        kill_show(t);
    CHECK(is_good);
    CHECK_EQ(t->kill_trial.judge.hist[RL_JUDGE_trip_to_seen].n_total, n_trips);
    CHECK_EQ(t->kill_trial.judge.hist[RL_JUDGE_trip_to_last_order].n_total, n_trips);
    CHECK_EQ(t->kill_trial.judge.hist[RL_JUDGE_trip_to_all_cancelled].n_total,
             N_JUDGED(t, trips_with_orders));
}

static void test_no_order_leaves_after_a_trip(enum rl_tripper tripper)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = kill_config(stream, 1ULL << 40, tripper, N_TRIPS);
    struct rl_trial *t = trial_open(&c);
    uint64_t n_orders;

    CHECK_EQ(rl_trial_start(t), 0);
    while (N_JUDGED(t, trips) < N_TRIPS)
        trial_sleep_ms(1);
    n_orders = rl_counted(&t->exchange.n.orders_valid);
    while (rl_counted(&t->exchange.n.orders_valid) < n_orders + 10) /* armed, it trades again */
        trial_sleep_ms(1);
    rl_trial_stop(t);
    trial_wait(t);
    trial_holds(t);
    nothing_left_after(t, N_TRIPS);
    /* Whether something rests at the moment of a trip is the scheduler's; most times it does. */
    CHECK(N_JUDGED(t, trips_with_orders) >= N_TRIPS / 2);
    CHECK(rl_kill_is_clear(t->kill));
    CHECK(rl_counted(&t->exchange.n.mass_cancels_done) > 0);
    CHECK(rl_counted(&t->engine.oms.n.kill_blocks) > 0); /* the market never stopped */
    rl_trial_close(t);
    stream_free(&stream);
}

/* Another process with nothing but the board: trips whenever it finds it armed. */
static void trip_from_outside(const char *dir)
{
    struct rl_board board;
    const char *why = NULL;

    if (rl_board_open(&board, dir, &why) != 0)
        _exit(1);
    for (;;) {
        struct timespec time = {.tv_nsec = 3000000};

        nanosleep(&time, NULL);
        if (rl_kill_is_clear(board.kill))
            (void)rl_kill_trip(board.kill, RL_SCOPE_GLOBAL, 0, RL_KILL_SOCKET, (uint32_t)getpid());
    }
}

static void test_another_process_trips_through_the_board(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = kill_config(stream, 1ULL << 40, RL_TRIPPER_OTHERS, 5);
    char dir[] = "/tmp/rl_trial_XXXXXX", path[64];
    struct rl_trial *t;
    int status;
    pid_t child;

    CHECK(mkdtemp(dir) != NULL);
    c.board_dir = dir;
    t = trial_open(&c);
    child = fork(); /* before any thread */
    CHECK(child >= 0);
    if (child == 0)
        trip_from_outside(dir);
    CHECK_EQ(rl_trial_start(t), 0);
    while (N_JUDGED(t, trips) < 5)
        trial_sleep_ms(1);
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    rl_trial_stop(t);
    trial_wait(t);
    trial_holds(t);
    nothing_left_after(t, 5);
    rl_trial_close(t);
    stream_free(&stream);
    for (size_t i = 0; i < 3; i++) {
        static const char *const names[] = {RL_BOARD_FILE, RL_BOARD_LOCK, "kill.latch"};

        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    CHECK_EQ(rmdir(dir), 0);
}

/* A venue that does not react: the session is dropped, which ends what rests, and taken up again.
 */
static void test_a_venue_that_ignores_cancels_is_disconnected(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = kill_config(stream, 1ULL << 40, RL_TRIPPER_RIG, 1);
    struct rl_trial *t;
    uint64_t n_orders;

    c.rules.ignores_cancels = true;
    t = trial_open(&c);
    CHECK_EQ(rl_trial_start(t), 0);
    while (N_JUDGED(t, trips) == 0)
        trial_sleep_ms(1);
    n_orders = rl_counted(&t->exchange.n.orders_valid);
    while (rl_counted(&t->exchange.n.orders_valid) < n_orders + 10) /* under a new session */
        trial_sleep_ms(1);
    rl_trial_stop(t);
    trial_wait(t);
    trial_holds(t);
    nothing_left_after(t, 1);
    CHECK_EQ(N_JUDGED(t, trips_with_orders), 1);
    CHECK_EQ(rl_counted(&t->exchange.n.sessions_lost), 1);
    CHECK(rl_counted(&t->exchange.n.requests_ignored) >= 2); /* asked, and asked again */
    CHECK_EQ(rl_counted(&t->exchange.n.orders_cancelled), 0);
    CHECK_EQ(rl_counted(&t->engine.n.reconciled), rl_counted(&t->exchange.n.orders_dropped));
    rl_trial_close(t);
    stream_free(&stream);
}

/* Trips with nobody to watch change nothing of a trial but that orders stop. */
static void test_a_trial_without_a_plan_watches_nothing(void)
{
    struct rl_stream stream = small_stream(RL_FEED_ITCH);
    struct rl_trial_config c = trial_config(stream, 4000);
    struct rl_trial *t = trial_run(&c);

    CHECK_EQ(N_JUDGED(t, trips), 0);
    CHECK_EQ(t->kill_trial.judge.hist[RL_JUDGE_trip_to_seen].n_total, 0);
    CHECK(t->exchange.judge == NULL);
    rl_trial_close(t);
    stream_free(&stream);
}

int main(void)
{
    test_no_order_leaves_after_a_trip(RL_TRIPPER_RIG);
    test_no_order_leaves_after_a_trip(RL_TRIPPER_THREAD);
    test_another_process_trips_through_the_board();
    test_a_venue_that_ignores_cancels_is_disconnected();
    test_a_trial_without_a_plan_watches_nothing();
    return 0;
}
