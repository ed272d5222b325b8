/*
 * worker - a thread with a CPU of its own, and the words by which the threads of a trial understand
 * each other: the phase, the stop request, the progress, and counters that anyone may read.
 *
 * Threads:  start, wait and join belong to the thread that owns the worker. A worker blocks every
 *           signal, so that Ctrl-C lands on the thread that waits.
 * Memory:   the caller's; the thread's stack is touched before `run` is entered.
 * Cost:     asking for the phase is a load of a line that is written four times in a trial.
 */
#ifndef RL_RIG_WORKER_H
#define RL_RIG_WORKER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/counter.h"
#include "base/defs.h"

/* In this order, never back; the rig thread moves on. X(name, text) */
#define RL_PHASES(X)                                                 \
    X(WARMUP, "warm-up") /* frames are sent, nothing is recorded */  \
    X(MEASURE, "measure")                                            \
    X(DRAIN, "drain") /* every frame is sent: answers are awaited */ \
    X(STOP, "stop")   /* threads leave their loops */

enum rl_phase {
#define RL_PHASE_ENUM(name, text) RL_PHASE_##name,
    RL_PHASES(RL_PHASE_ENUM)
#undef RL_PHASE_ENUM
};

/* What the threads of a trial share. Each line has one writer. */
struct rl_shared {
    RL_ALIGNED _Atomic uint32_t phase; /* rig thread; enum rl_phase */
    RL_ALIGNED _Atomic bool stop;      /* whoever wants the trial to end now */
    RL_ALIGNED _Atomic bool
        is_dropped; /* the order session: the engine drops it, the rig resumes */
    /* Engine thread: how far it is, for the rig to know when nothing more will come. */
    RL_ALIGNED _Atomic uint64_t frames_done;
    _Atomic uint64_t requests_sent; /* frames sent on the order session */
    _Atomic uint64_t answers_done;
};

static inline void rl_shared_init(struct rl_shared *s)
{
    atomic_init(&s->phase, (uint32_t)RL_PHASE_WARMUP);
    atomic_init(&s->stop, false);
    atomic_init(&s->is_dropped, false);
    atomic_init(&s->frames_done, 0);
    atomic_init(&s->requests_sent, 0);
    atomic_init(&s->answers_done, 0);
}

static inline uint32_t rl_phase_now(const struct rl_shared *s)
{
    /* P1: pairs with the release in rl_phase_enter - what the rig did before is visible. */
    return atomic_load_explicit(&s->phase, memory_order_acquire);
}

static inline void rl_phase_enter(struct rl_shared *s, enum rl_phase phase)
{
    /* P1: pairs with the acquire in rl_phase_now. */
    atomic_store_explicit(&s->phase, (uint32_t)phase, memory_order_release);
}

/* The engine's side: frames, requests and answers so far, told after each turn that did something.
 */
static inline void rl_progress_tell(struct rl_shared *s, uint64_t frames, uint64_t requests,
                                    uint64_t answers)
{
    atomic_store_explicit(&s->requests_sent, requests, memory_order_relaxed);
    atomic_store_explicit(&s->answers_done, answers, memory_order_relaxed);
    /* P2: pairs with the acquire in rl_progress_is - the requests of these frames are counted. */
    atomic_store_explicit(&s->frames_done, frames, memory_order_release);
}

/* True when the engine has finished so many frames, sent so many requests and read so many answers.
 */
static inline bool rl_progress_is(const struct rl_shared *s, uint64_t frames, uint64_t requests,
                                  uint64_t answers)
{
    /* P2: pairs with the release in rl_progress_tell. */
    return atomic_load_explicit(&s->frames_done, memory_order_acquire) == frames &&
           atomic_load_explicit(&s->requests_sent, memory_order_relaxed) == requests &&
           atomic_load_explicit(&s->answers_done, memory_order_relaxed) == answers;
}

/* How many frames it has finished, for who wants to see that it goes on. */
static inline uint64_t rl_progress_frames(const struct rl_shared *s)
{
    return atomic_load_explicit(&s->frames_done, memory_order_relaxed);
}

/* The engine gives up the order session: nothing more will come, nothing more will be read. */
static inline void rl_session_drop(struct rl_shared *s)
{
    /* P3: pairs with the acquire in rl_session_is_dropped - all that was sent is in the queue. */
    atomic_store_explicit(&s->is_dropped, true, memory_order_release);
}

static inline bool rl_session_is_dropped(const struct rl_shared *s)
{
    /* P3: pairs with the release in rl_session_drop. */
    return atomic_load_explicit(&s->is_dropped, memory_order_acquire);
}

/* The rig: both sides begin anew. The engine may send when it sees the session up again. */
static inline void rl_session_resume(struct rl_shared *s)
{
    /* Relaxed: the engine asks nothing of what was before. */
    atomic_store_explicit(&s->is_dropped, false, memory_order_relaxed);
}

struct rl_worker {
    pthread_t thread;
    sem_t ready;
    sem_t *finished; /* posted once, when `run` has returned */
    void (*run)(void *arg);
    void *arg;
    const char *name; /* at most 15 characters: shown by ps and perf */
    int cpu;
    int err;
    bool is_running;
};

/*
 * Starts a thread on `cpu` and returns when it is there: 0; -EINVAL when the CPU is absent or not
 * allowed; -errno when there is no thread to be had. `run` is entered only after a success.
 */
int rl_worker_start(struct rl_worker *w, const char *name, int cpu, void (*run)(void *arg),
                    void *arg, sem_t *finished);

/* Waits for `run` to return. Harmless when the worker was never started or is joined. */
void rl_worker_join(struct rl_worker *w);

/* "warm-up", "measure", "drain", "stop"; "?" for a number that is no phase. */
const char *rl_phase_name(uint32_t phase);

#endif
