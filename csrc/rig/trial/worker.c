#include "rig/trial/worker.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/cpu.h"

/* More than any of our call chains needs: a fault for stack in the loop would be counted against
 * it. */
#define RL_STACK_TOUCHED (64 * 1024)

static __attribute__((noinline)) void touch_stack(void)
{
    volatile uint8_t bytes[RL_STACK_TOUCHED];

    for (size_t i = 0; i < sizeof bytes; i += 1024)
        bytes[i] = 0;
}

static void *worker_main(void *arg)
{
    struct rl_worker *w = arg;
    int err = rl_cpu_pin(w->cpu);

    if (!err) {
        (void)pthread_setname_np(pthread_self(), w->name);
        touch_stack();
    }
    w->err = err;
    sem_post(&w->ready); /* `w->err` is the starter's from here on */
    if (err)
        return NULL;
    w->run(w->arg);
    sem_post(w->finished);
    return NULL;
}

int rl_worker_start(struct rl_worker *w, const char *name, int cpu, void (*run)(void *arg),
                    void *arg, sem_t *finished)
{
    sigset_t all, old;
    int err;

    *w = (struct rl_worker){.run = run, .arg = arg, .finished = finished, .name = name, .cpu = cpu};
    if (sem_init(&w->ready, 0, 0) != 0)
        return -errno;
    /* Blocked here and inherited: there is no moment at which the new thread could take a signal.
     */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    err = -pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!err) {
        while (sem_wait(&w->ready) != 0)
            ; /* EINTR: the thread answers at once, a signal can wait that long */
        err = w->err;
        if (err)
            pthread_join(w->thread, NULL);
        else
            w->is_running = true;
    }
    sem_destroy(&w->ready);
    return err;
}

void rl_worker_join(struct rl_worker *w)
{
    if (!w->is_running)
        return;
    pthread_join(w->thread, NULL);
    w->is_running = false;
}

const char *rl_phase_name(uint32_t phase)
{
    static const char *const names[] = {
#define RL_PHASE_NAME(name, text) text,
        RL_PHASES(RL_PHASE_NAME)
#undef RL_PHASE_NAME
    };

    return phase < RL_COUNT(names) ? names[phase] : "?";
}
