/* Workers: pinned, deaf to signals, and their words. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "check.h"
#include "rig/trial/worker.h"

struct seen {
    int cpu;
    sigset_t blocked;
    char name[16];
};

static void look(void *arg)
{
    struct seen *seen = arg;

    seen->cpu = rl_cpu_current();
    pthread_sigmask(SIG_BLOCK, NULL, &seen->blocked);
    pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
}

static int allowed_cpu(int which)
{
    int cpus[1024], n = rl_cpu_allowed(cpus, 1024);

    return which < n ? cpus[which] : -1;
}

static void test_a_worker_runs_pinned_named_and_with_every_signal_blocked(void)
{
    for (int i = 0; i < 2 && allowed_cpu(i) >= 0; i++) {
        struct rl_worker w;
        struct seen seen = {.cpu = -1};
        sigset_t before, after;
        sem_t finished;

        CHECK_EQ(sem_init(&finished, 0, 0), 0);
        pthread_sigmask(SIG_BLOCK, NULL, &before);
        CHECK_EQ(rl_worker_start(&w, "rl-test", allowed_cpu(i), look, &seen, &finished), 0);
        CHECK_EQ(sem_wait(&finished), 0);
        rl_worker_join(&w);
        CHECK_EQ(seen.cpu, allowed_cpu(i));
        CHECK_EQ(sigismember(&seen.blocked, SIGINT), 1);
        CHECK_EQ(sigismember(&seen.blocked, SIGTERM), 1);
        CHECK_EQ(sigismember(&seen.blocked, SIGUSR1), 1);
        CHECK(strcmp(seen.name, "rl-test") == 0);
        pthread_sigmask(SIG_BLOCK, NULL, &after);
        for (int s = 1; s < 32; s++) /* the starter hears as before */
            CHECK_EQ(sigismember(&after, s), sigismember(&before, s));
        sem_destroy(&finished);
    }
}

static void test_a_cpu_that_is_not_there_is_an_error_and_nothing_runs(void)
{
    struct rl_worker w;
    struct seen seen = {.cpu = -1};
    sem_t finished;

    CHECK_EQ(sem_init(&finished, 0, 0), 0);
    CHECK(rl_worker_start(&w, "rl-test", 100000, look, &seen, &finished) < 0);
    CHECK(rl_worker_start(&w, "rl-test", -1, look, &seen, &finished) < 0);
    CHECK_EQ(seen.cpu, -1);
    CHECK_EQ(sem_trywait(&finished), -1);
    rl_worker_join(&w); /* harmless */
    sem_destroy(&finished);
}

static void test_joining_twice_is_harmless(void)
{
    struct rl_worker w;
    struct seen seen;
    sem_t finished;

    CHECK_EQ(sem_init(&finished, 0, 0), 0);
    CHECK_EQ(rl_worker_start(&w, "rl-test", allowed_cpu(0), look, &seen, &finished), 0);
    rl_worker_join(&w);
    rl_worker_join(&w);
    CHECK(!w.is_running);
    sem_destroy(&finished);
}

/* P1 and P2: what was done before the word was told is visible to who hears it. */
struct talk {
    struct rl_shared shared;
    uint64_t plain; /* written before MEASURE is entered */
    bool engine_ok;
};

static void engine_side(void *arg)
{
    struct talk *talk = arg;

    while (rl_phase_now(&talk->shared) != RL_PHASE_MEASURE)
        rl_pause();
    talk->engine_ok = talk->plain == 42;
    for (uint64_t frames = 1; frames <= 1000; frames++)
        rl_progress_tell(&talk->shared, frames, frames / 2, frames / 2);
}

static void test_phase_and_progress_carry_what_was_done_before(void)
{
    static struct talk talk;
    struct rl_worker w;
    sem_t finished;

    rl_shared_init(&talk.shared);
    CHECK_EQ(rl_phase_now(&talk.shared), RL_PHASE_WARMUP);
    CHECK_EQ(sem_init(&finished, 0, 0), 0);
    CHECK_EQ(rl_worker_start(&w, "rl-test", allowed_cpu(0), engine_side, &talk, &finished), 0);
    talk.plain = 42;
    rl_phase_enter(&talk.shared, RL_PHASE_MEASURE);
    while (!rl_progress_is(&talk.shared, 1000, 500, 500))
        sched_yield();
    CHECK(!rl_progress_is(&talk.shared, 999, 500, 500));
    CHECK(!rl_progress_is(&talk.shared, 1000, 499, 500));
    CHECK(!rl_progress_is(&talk.shared, 1000, 500, 501));
    rl_worker_join(&w);
    CHECK(talk.engine_ok);
    sem_destroy(&finished);
}

static void test_every_phase_has_a_name(void)
{
    CHECK(strcmp(rl_phase_name(RL_PHASE_WARMUP), "warm-up") == 0);
    CHECK(strcmp(rl_phase_name(RL_PHASE_STOP), "stop") == 0);
    CHECK(strcmp(rl_phase_name(17), "?") == 0);
}

int main(void)
{
    test_a_worker_runs_pinned_named_and_with_every_signal_blocked();
    test_a_cpu_that_is_not_there_is_an_error_and_nothing_runs();
    test_joining_twice_is_harmless();
    test_phase_and_progress_carry_what_was_done_before();
    test_every_phase_has_a_name();
    return 0;
}
