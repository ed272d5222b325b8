#include "base/cpu.h"
#include "base/stats.h"
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static void test_a_pinned_thread_runs_where_it_was_put(void)
{
    int cpus[1024], n = rl_cpu_allowed(cpus, 1024);

    CHECK(n >= 1);
    for (int i = 0; i < n; i++) {
        int only;

        CHECK_EQ(rl_cpu_pin(cpus[i]), 0);
        CHECK_EQ(rl_cpu_current(), cpus[i]);
        CHECK_EQ(rl_cpu_allowed(&only, 1), 1);
        CHECK_EQ(only, cpus[i]);
    }
}

static void test_a_cpu_that_is_not_there_is_refused_and_changes_nothing(void)
{
    int before = rl_cpu_current(); /* pinned by the test before */

    CHECK_EQ(rl_cpu_pin(-1), -EINVAL);
    CHECK_EQ(rl_cpu_pin(1023), -EINVAL);
    CHECK_EQ(rl_cpu_pin(1 << 20), -EINVAL);
    CHECK_EQ(rl_cpu_current(), before);
}

static void test_this_cpu_runs_this_build(void)
{
    CHECK(rl_cpu_supports_build()); /* or this line would not have been reached with certainty */
    CHECK(rl_cpu_missing() == NULL);
}

static volatile sig_atomic_t n_signals;

static void on_signal(int number)
{
    (void)number;
    n_signals++;
}

static void *signal_self(void *arg)
{
    (void)arg;
    CHECK_EQ(rl_cpu_block_signals(), 0);
    pthread_kill(pthread_self(), SIGUSR1);
    CHECK_EQ(n_signals, 0);
    sigset_t set;

    pthread_sigmask(SIG_BLOCK, NULL, &set);
    CHECK(sigismember(&set, SIGINT) == 1 && sigismember(&set, SIGTERM) == 1);
    CHECK(sigismember(&set, SIGSEGV) == 0 && sigismember(&set, SIGBUS) == 0);
    return NULL;
}

static void test_a_thread_that_blocked_signals_is_not_interrupted_and_others_are(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t thread;

    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(pthread_create(&thread, NULL, signal_self, NULL), 0);
    pthread_join(thread, NULL);
    CHECK_EQ(n_signals, 0);
    raise(SIGUSR1);
    CHECK_EQ(n_signals, 1);
}

static void test_the_median_of_an_even_count_is_the_lower_one(void)
{
    uint64_t odd[] = {5, 1, 9}, even[] = {UINT64_MAX, 3, 0, 7};

    CHECK_EQ(rl_stats_median(odd, 3), 5);
    CHECK_EQ(rl_stats_median(even, 4), 3);
    CHECK_EQ(rl_stats_median(even, 0), 0);
}

int main(void)
{
    test_a_pinned_thread_runs_where_it_was_put();
    test_a_cpu_that_is_not_there_is_refused_and_changes_nothing();
    test_this_cpu_runs_this_build();
    test_a_thread_that_blocked_signals_is_not_interrupted_and_others_are();
    test_the_median_of_an_even_count_is_the_lower_one();
    return 0;
}
