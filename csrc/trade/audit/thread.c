/* A thread that steps a writer and does nothing else. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "trade/audit/writer.h"

#define POLL_NS 100000

struct rl_audit_thread {
    struct rl_audit_writer *writer;
    uint64_t poll_ns;
    pthread_t thread;
    _Atomic bool is_stopping; /* relaxed: joining the thread orders all else */
};

static void *run(void *arg)
{
    struct rl_audit_thread *t = arg;
    struct timespec poll = {.tv_sec = (time_t)(t->poll_ns / 1000000000u),
                            .tv_nsec = (long)(t->poll_ns % 1000000000u)};

    rl_cpu_block_signals();
    while (!atomic_load_explicit(&t->is_stopping, memory_order_relaxed)) {
        if (rl_audit_writer_step(t->writer, rl_tsc()) <= 0)
            nanosleep(&poll, NULL);
    }
    return NULL;
}

int rl_audit_thread_start(struct rl_audit_thread **t, struct rl_audit_writer *w, int cpu,
                          uint64_t poll_ns)
{
    struct rl_audit_thread *new = calloc(1, sizeof *new);
    pthread_attr_t attributes;
    cpu_set_t cpus;
    int err;

    *t = NULL;
    if (new == NULL)
        return -ENOMEM;
    new->writer = w;
    new->poll_ns = poll_ns ? poll_ns : POLL_NS;
    pthread_attr_init(&attributes);
    if (cpu >= 0 && cpu < CPU_SETSIZE) {
        CPU_ZERO(&cpus);
        CPU_SET(cpu, &cpus);
        pthread_attr_setaffinity_np(&attributes, sizeof cpus, &cpus);
    }
    err = cpu >= CPU_SETSIZE ? EINVAL : pthread_create(&new->thread, &attributes, run, new);
    pthread_attr_destroy(&attributes);
    if (err)
        free(new);
    else
        *t = new;
    return -err;
}

int rl_audit_thread_stop(struct rl_audit_thread *t)
{
    int err;

    if (t == NULL)
        return 0;
    atomic_store_explicit(&t->is_stopping, true, memory_order_relaxed);
    pthread_join(t->thread, NULL);
    err = rl_audit_writer_close(t->writer, rl_tsc());
    free(t);
    return err;
}
