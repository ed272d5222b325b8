/*
 * kill_trial - trips the kill switch again and again under full load, and has the judge watch.
 *
 *     ARMED -> a trip is seen -> WATCH -> all settled -> LATE -> nothing came late -> rule, re-arm
 *
 * The market data goes on throughout, so the strategy wants orders all the time. A trip falls
 * between two frames drawn from a seed, which is in the middle of a burst more often than not. It
 * is made by the rig thread itself, by a thread that it wakes, or by anybody else who has the board
 * (another process): then it is only watched. The rig arms again, as the owner of the bench; in
 * earnest two people do.
 *
 * Threads:  the rig thread; open and close belong to the trial's owner.
 * Memory:   the caller's.
 * Cost:     a compare a turn while armed.
 */
#ifndef RL_RIG_KILL_TRIAL_H
#define RL_RIG_KILL_TRIAL_H

#include <semaphore.h>

#include "rig/trial/judge.h"

/* X(NAME, number, text) */
#define RL_TRIPPERS(X)                            \
    X(RIG, 0, "rig")       /* the rig thread */   \
    X(THREAD, 1, "thread") /* woken by the rig */ \
    X(OTHERS, 2, "others") /* whenever they like */

enum rl_tripper {
#define RL_TRIPPER_ENUM(name, number, text) RL_TRIPPER_##name = (number),
    RL_TRIPPERS(RL_TRIPPER_ENUM)
#undef RL_TRIPPER_ENUM
};

struct rl_kill_plan {
    uint32_t n_trips; /* 0: none, nothing is watched */
    enum rl_tripper tripper;
    uint64_t first_frame;  /* the first trip comes after so many frames ... */
    uint64_t every_frames; /* ... the next after so many more, and up to as many again */
    uint64_t seed;
    uint64_t min_resting; /* and no trip of ours comes before so many orders rest with the venue */
    uint64_t late_ns;     /* how long to watch for what comes late, when all is settled */
    uint64_t timeout_ns;  /* a trip that is not settled by then is given up, and no other follows */
};

enum rl_kill_stage { RL_KILL_ARMED, RL_KILL_WATCH, RL_KILL_LATE, RL_KILL_OVER };

struct rl_kill_trial {
    struct rl_kill_plan plan;
    struct rl_kill *kill;
    struct rl_shared *shared;
    const struct rl_clock *clock;
    struct rl_judge judge;
    enum rl_kill_stage stage;
    bool is_asked;       /* the thread was told to trip */
    uint64_t next_frame; /* the trip comes when so many are sent */
    uint64_t since_tsc;  /* when the stage began */
    uint64_t random;
    pthread_t thread;
    sem_t wanted;
    _Atomic bool is_closing;
    bool has_thread;
};

/*
 * `judge` gets its histograms from the caller. Starts the tripping thread when the plan wants it.
 * 0 or -errno.
 */
int rl_kill_trial_open(struct rl_kill_trial *k, const struct rl_kill_plan *plan,
                       struct rl_kill *kill, struct rl_shared *shared,
                       const struct rl_clock *clock);
void rl_kill_trial_close(struct rl_kill_trial *k);

/* Of `max` frames to send next, when n_sent were: no more than there are before the trip. */
static inline uint32_t rl_kill_trial_limit(const struct rl_kill_trial *k, uint64_t n_sent,
                                           uint32_t max)
{
    uint64_t n_left = k->next_frame > n_sent ? k->next_frame - n_sent : 0;

    if (k->stage != RL_KILL_ARMED || k->plan.tripper == RL_TRIPPER_OTHERS || n_left == 0)
        return max;
    return n_left < max ? (uint32_t)n_left : max;
}

/* After frames were sent, n_sent in all, and before the exchange's turn. */
void rl_kill_trial_turn(struct rl_kill_trial *k, uint64_t n_sent, uint64_t n_resting,
                        uint64_t now_tsc);

/* A trip is being watched. */
static inline bool rl_kill_trial_is_busy(const struct rl_kill_trial *k)
{
    return k->stage == RL_KILL_WATCH || k->stage == RL_KILL_LATE;
}

/*
 * Makes the board ACTIVE, whatever it is: for whoever owns a bench, before an engine runs or when
 * it has drained. 0 or -errno as rl_kill_arm.
 */
int rl_bench_arm(struct rl_kill *kill);

#endif
