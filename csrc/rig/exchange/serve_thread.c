#include "rig/exchange/serve_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/cpu.h"

#define TURN_NS 1000000000ULL /* the longest wait: a lost wake-up would be over then */

struct rl_serve_thread {
    struct rl_serve *serve;
    pthread_t thread;
    int cpu, err;
    bool is_started; /* and not joined */

    pthread_mutex_t owner; /* one asks at a time */
    pthread_mutex_t lock;  /* of all below */
    pthread_cond_t changed;
    void (*what)(struct rl_serve *s, void *context); /* NULL: nothing is asked */
    void *context;
    bool has_begun, has_ended, is_stopping;
    uint64_t patience_ns;  /* CLOCK_MONOTONIC, when stopping */
    _Atomic bool has_mail; /* any of the above is new: read once a turn */
};

static bool read_mail(struct rl_serve_thread *t)
{
    bool is_stopping;

    pthread_mutex_lock(&t->lock);
    atomic_store_explicit(&t->has_mail, false, memory_order_relaxed);
    if (t->what) {
        t->what(t->serve, t->context);
        t->what = NULL;
        pthread_cond_broadcast(&t->changed);
    }
    is_stopping = t->is_stopping;
    pthread_mutex_unlock(&t->lock);
    return is_stopping;
}

static void serve_until_told(struct rl_serve_thread *t)
{
    bool is_stopping = false;

    while (!is_stopping) {
        rl_serve_turn(t->serve, TURN_NS);
        if (atomic_load_explicit(&t->has_mail, memory_order_relaxed))
            is_stopping = read_mail(t);
    }
    rl_serve_stop(t->serve);
    while (!rl_serve_is_quiet(t->serve)) {
        uint64_t now_ns = rl_loop_clock_ns();

        if (atomic_load_explicit(&t->has_mail, memory_order_relaxed))
            read_mail(t);
        if (now_ns >= t->patience_ns)
            break;
        rl_serve_turn(t->serve, t->patience_ns - now_ns);
    }
}

static void *run(void *arg)
{
    struct rl_serve_thread *t = arg;
    int err = rl_cpu_block_signals();

    if (!err && t->cpu >= 0)
        err = rl_cpu_pin(t->cpu);
    pthread_mutex_lock(&t->lock);
    t->err = err;
    t->has_begun = true;
    t->has_ended = err != 0;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    if (err)
        return NULL;
    serve_until_told(t);
    pthread_mutex_lock(&t->lock);
    t->has_ended = true;
    if (t->what) { /* asked in the last moment */
        t->what(t->serve, t->context);
        t->what = NULL;
    }
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

int rl_serve_thread_start(struct rl_serve_thread **out, struct rl_serve *s, int cpu)
{
    struct rl_serve_thread *t = calloc(1, sizeof *t);
    int err;

    *out = NULL;
    if (!t)
        return -ENOMEM;
    t->serve = s;
    t->cpu = cpu;
    pthread_mutex_init(&t->owner, NULL);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, NULL);
    err = -pthread_create(&t->thread, NULL, run, t);
    t->is_started = err == 0;
    if (!err) {
        pthread_mutex_lock(&t->lock);
        while (!t->has_begun)
            pthread_cond_wait(&t->changed, &t->lock);
        err = t->err;
        pthread_mutex_unlock(&t->lock);
    }
    if (err) {
        rl_serve_thread_close(t);
        return err;
    }
    *out = t;
    return 0;
}

void rl_serve_thread_do(struct rl_serve_thread *t, void (*what)(struct rl_serve *s, void *context),
                        void *context)
{
    pthread_mutex_lock(&t->owner);
    pthread_mutex_lock(&t->lock);
    if (t->has_ended) {
        what(t->serve, context);
    } else {
        t->what = what;
        t->context = context;
        atomic_store_explicit(&t->has_mail, true, memory_order_relaxed);
        rl_serve_wake(t->serve);
        while (t->what)
            pthread_cond_wait(&t->changed, &t->lock);
    }
    pthread_mutex_unlock(&t->lock);
    pthread_mutex_unlock(&t->owner);
}

void rl_serve_thread_stop(struct rl_serve_thread *t, uint64_t grace_ns)
{
    if (!t->is_started)
        return;
    pthread_mutex_lock(&t->lock);
    if (!t->is_stopping) {
        t->patience_ns = rl_loop_clock_ns() + grace_ns;
        t->is_stopping = true;
        atomic_store_explicit(&t->has_mail, true, memory_order_relaxed);
    }
    pthread_mutex_unlock(&t->lock);
    rl_serve_wake(t->serve);
    pthread_join(t->thread, NULL);
    t->is_started = false;
}

void rl_serve_thread_close(struct rl_serve_thread *t)
{
    if (!t)
        return;
    rl_serve_thread_stop(t, 0);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    pthread_mutex_destroy(&t->owner);
    free(t);
}
