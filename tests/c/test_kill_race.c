/* Trips, questions and resets at the same time: by threads and by processes. */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "trade/kill/kill.h"

#define N_PROCESSES 8
#define N_ROUNDS 100

static const struct rl_scopes order = {.account = 1};

static void begin_active(struct rl_kill *k)
{
    uint32_t epoch;

    rl_kill_init(k, 7);
    CHECK_EQ(rl_kill_request(k, &epoch), 0);
    CHECK_EQ(rl_kill_arm(k, epoch, RL_KILL_ALL, 0), 0);
}

/* ---- Processes ----------------------------------------------------------------------------------
 */

struct shared {
    struct rl_kill kill;
    _Atomic int round, n_done, n_kept;
    _Atomic uint32_t kept_cause;
};

static void trip_in_each_round(struct shared *s, uint32_t cause)
{
    for (int round = 1; round <= N_ROUNDS; round++) {
        while (atomic_load(&s->round) < round)
            sched_yield();
        if (rl_kill_trip(&s->kill, RL_SCOPE_GLOBAL, 0, (enum rl_kill_cause)cause,
                         (uint32_t)getpid())) {
            atomic_fetch_add(&s->n_kept, 1);
            atomic_store(&s->kept_cause, cause);
        }
        atomic_fetch_add(&s->n_done, 1);
    }
    _exit(0);
}

static void test_of_many_processes_one_cause_is_first_all_are_kept_in_one_epoch(void)
{
    struct shared *s =
        mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[N_PROCESSES];
    uint64_t all = 0;

    CHECK(s != MAP_FAILED);
    for (uint32_t i = 0; i < N_PROCESSES; i++) {
        all |= 1ULL << (RL_KILL_MANUAL + i);
        children[i] = fork();
        if (children[i] == 0)
            trip_in_each_round(s, RL_KILL_MANUAL + i);
    }
    for (int round = 1; round <= N_ROUNDS; round++) {
        struct rl_kill_why why;
        uint32_t epoch;

        begin_active(&s->kill);
        epoch = rl_kill_epoch_of(rl_kill_word(&s->kill));
        atomic_store(&s->n_kept, 0);
        atomic_store(&s->round, round);
        while (atomic_load(&s->n_done) < round * N_PROCESSES)
            sched_yield();
        rl_kill_cause(&s->kill, &why);
        CHECK_EQ(why.epoch, epoch);
        CHECK_EQ(why.causes, all);
        CHECK_EQ(atomic_load(&s->n_kept), 1);
        CHECK_EQ(why.cause, atomic_load(&s->kept_cause));
        CHECK_EQ(why.who, children[why.cause - RL_KILL_MANUAL]);
        CHECK_EQ(why.state, RL_KILL_IS_TRIPPED);
    }
    for (int i = 0; i < N_PROCESSES; i++) {
        int status;

        CHECK_EQ(waitpid(children[i], &status, 0), children[i]);
        CHECK_EQ(status, 0);
    }
    munmap(s, sizeof(*s));
}

/* ---- Threads ------------------------------------------------------------------------------------
 */

static struct rl_kill k;
static _Atomic int turn, n_ready, n_done;
static uint32_t epoch;
static int arm_result;
static uint64_t led_here; /* written before the trip, read by who sees it: TSan looks on */

static void meet(int round)
{
    atomic_fetch_add(&n_ready, 1);
    while (atomic_load(&turn) < round)
        sched_yield();
}

static void *trips(void *unused)
{
    (void)unused;
    for (int round = 1; round <= N_ROUNDS; round++) {
        meet(round);
        led_here = (uint64_t)round;
        rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 1, RL_KILL_LOSS, 2);
        atomic_fetch_add(&n_done, 1);
    }
    return NULL;
}

static void *resets(void *unused)
{
    (void)unused;
    for (int round = 1; round <= N_ROUNDS; round++) {
        meet(round);
        arm_result = rl_kill_arm(&k, epoch, RL_SCOPE_ACCOUNT, 1);
        atomic_fetch_add(&n_done, 1);
    }
    return NULL;
}

/* The account is tripped before; the reset may succeed, then the trip came after it. */
static void test_a_trip_beside_a_reset_is_never_lost(void)
{
    pthread_t threads[2];
    int n_reset = 0;

    CHECK_EQ(pthread_create(&threads[0], NULL, trips, NULL), 0);
    CHECK_EQ(pthread_create(&threads[1], NULL, resets, NULL), 0);
    for (int round = 1; round <= N_ROUNDS; round++) {
        struct rl_kill_why why;

        begin_active(&k);
        rl_kill_trip(&k, RL_SCOPE_ACCOUNT, 1, RL_KILL_REJECTS, 1);
        CHECK_EQ(rl_kill_request(&k, &epoch), 0);
        while (atomic_load(&n_ready) < 2 * round)
            sched_yield();
        atomic_store(&turn, round);
        while (atomic_load(&n_done) < 2 * round) {
            /* A gap that a reset leaves while it is under way is never taken for permission. */
            if (rl_kill_allows(&k, &order))
                CHECK(rl_kill_arms_of(rl_kill_word(&k)) == 2);
            if (rl_kill_word(&k) & RL_KILL_SINCE)
                CHECK_EQ(led_here, round);
        }
        CHECK(rl_kill_is_tripped(&k, RL_SCOPE_ACCOUNT, 1));
        CHECK(!rl_kill_is_clear(&k));
        CHECK(!rl_kill_allows(&k, &order));
        CHECK(rl_kill_allows(&k, &(struct rl_scopes){.account = 2}));
        n_reset += arm_result == 0;
        CHECK(rl_kill_cause(&k, &why) == RL_KILL_REJECTS || arm_result == 0);
        CHECK(why.causes & 1ULL << RL_KILL_LOSS);
    }
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    fprintf(stderr, "of %d resets beside a trip %d came first\n", N_ROUNDS, n_reset);
}

int main(void)
{
    test_of_many_processes_one_cause_is_first_all_are_kept_in_one_epoch();
    test_a_trip_beside_a_reset_is_never_lost();
    return 0;
}
