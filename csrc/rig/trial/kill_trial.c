#include "rig/trial/kill_trial.h"

#include <errno.h>
#include <unistd.h>

static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state; /* xorshift64* */

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545F4914F6CDD1DULL;
}

static void trip(struct rl_kill_trial *k)
{
    (void)rl_kill_trip(k->kill, RL_SCOPE_GLOBAL, 0, RL_KILL_MANUAL, (uint32_t)getpid());
}

/* Trips as often as it is asked to. */
static void *tripper_main(void *arg)
{
    struct rl_kill_trial *k = arg;

    for (;;) {
        while (sem_wait(&k->wanted) != 0)
            ; /* EINTR */
        /* Relaxed: the semaphore orders it. */
        if (atomic_load_explicit(&k->is_closing, memory_order_relaxed))
            return NULL;
        trip(k);
    }
}

int rl_kill_trial_open(struct rl_kill_trial *k, const struct rl_kill_plan *plan,
                       struct rl_kill *kill, struct rl_shared *shared, const struct rl_clock *clock)
{
    int err;

    k->plan = *plan;
    k->kill = kill;
    k->shared = shared;
    k->clock = clock;
    k->stage = plan->n_trips ? RL_KILL_ARMED : RL_KILL_OVER;
    k->random = plan->seed ? plan->seed : 1;
    k->next_frame = plan->first_frame;
    atomic_init(&k->is_closing, false);
    rl_judge_init(&k->judge, kill, clock);
    if (plan->n_trips == 0 || plan->tripper != RL_TRIPPER_THREAD)
        return 0;
    if (sem_init(&k->wanted, 0, 0) != 0)
        return -errno;
    err = -pthread_create(&k->thread, NULL, tripper_main, k);
    if (err)
        sem_destroy(&k->wanted);
    k->has_thread = err == 0;
    return err;
}

void rl_kill_trial_close(struct rl_kill_trial *k)
{
    if (!k->has_thread)
        return;
    atomic_store_explicit(&k->is_closing, true, memory_order_relaxed);
    sem_post(&k->wanted);
    pthread_join(k->thread, NULL);
    sem_destroy(&k->wanted);
    k->has_thread = false;
}

int rl_bench_arm(struct rl_kill *kill)
{
    uint32_t epoch;
    int err;

    /* Tripped before any engine ran: there is nothing to take back. */
    if (rl_kill_draining(kill))
        (void)rl_kill_drained(kill, 0);
    err = rl_kill_request(kill, &epoch);
    return err ? err : rl_kill_arm(kill, epoch, RL_KILL_ALL, 0);
}

static void enter(struct rl_kill_trial *k, enum rl_kill_stage stage, uint64_t now_tsc)
{
    k->stage = stage;
    k->since_tsc = now_tsc;
}

static bool has_lasted(const struct rl_kill_trial *k, uint64_t ns, uint64_t now_tsc)
{
    return now_tsc - k->since_tsc > rl_ns_to_ticks(k->clock, ns);
}

/* The verdict stands; on with the next trip, or none. */
static void go_on(struct rl_kill_trial *k, uint64_t n_sent, uint64_t now_tsc)
{
    uint64_t every = k->plan.every_frames;
    uint64_t n_notes = rl_kill_mark(k->kill).n_notes; /* before arming: the next trip's is new */
    uint32_t epoch;

    if (rl_kill_request(k->kill, &epoch) != 0 || rl_kill_arm(k->kill, epoch, RL_KILL_ALL, 0) != 0)
        return; /* tripped by somebody in this very moment: that is watched as part of this one */
    if (rl_session_is_dropped(k->shared))
        rl_session_resume(k->shared);
    rl_judge_rule(&k->judge);
    rl_judge_begin(&k->judge, n_notes);
    k->is_asked = false;
    k->next_frame = n_sent + every + (every ? next_random(&k->random) % every : 0);
    enter(k, rl_counted(&k->judge.n.trips) < k->plan.n_trips ? RL_KILL_ARMED : RL_KILL_OVER,
          now_tsc);
}

void rl_kill_trial_turn(struct rl_kill_trial *k, uint64_t n_sent, uint64_t n_resting,
                        uint64_t now_tsc)
{
    switch (k->stage) {
    case RL_KILL_ARMED:
        if (k->judge.is_tripped) {
            enter(k, RL_KILL_WATCH, now_tsc);
        } else if (n_sent >= k->next_frame && n_resting >= k->plan.min_resting && !k->is_asked) {
            k->is_asked = true;
            if (k->plan.tripper == RL_TRIPPER_RIG)
                trip(k);
            else if (k->plan.tripper == RL_TRIPPER_THREAD)
                sem_post(&k->wanted);
        }
        break;
    case RL_KILL_WATCH:
        if (rl_judge_is_settled(&k->judge) &&
            rl_kill_state_of(rl_kill_word(k->kill)) == RL_KILL_IS_DRAINED)
            enter(k, RL_KILL_LATE, now_tsc);
        else if (has_lasted(k, k->plan.timeout_ns, now_tsc)) {
            rl_judge_rule(&k->judge);
            enter(k, RL_KILL_OVER, now_tsc);
        }
        break;
    case RL_KILL_LATE:
        if (has_lasted(k, k->plan.late_ns, now_tsc))
            go_on(k, n_sent, now_tsc);
        break;
    case RL_KILL_OVER:
    default:
        break;
    }
}
