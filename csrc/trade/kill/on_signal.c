#include "trade/kill/on_signal.h"

#include <errno.h>
#include <signal.h>

/* Read by the handler. The release and acquire of K9 let it see a board that is whole. */
static struct rl_kill *_Atomic tripped_by_signal;

static void trip(int signo, siginfo_t *info, void *context)
{
    int saved = errno;
    /* K9: pairs with the release in rl_kill_on_signal. */
    struct rl_kill *k = atomic_load_explicit(&tripped_by_signal, memory_order_acquire);

    (void)signo;
    (void)context;
    if (k)
        rl_kill_trip(k, RL_SCOPE_GLOBAL, 0, RL_KILL_SIGNAL, (uint32_t)info->si_pid);
    errno = saved;
}

int rl_kill_on_signal(struct rl_kill *k, int signo)
{
    struct sigaction action = {.sa_sigaction = trip, .sa_flags = SA_SIGINFO | SA_RESTART};

    sigemptyset(&action.sa_mask);
    /* K9: pairs with the acquire in trip - the board is whole. */
    atomic_store_explicit(&tripped_by_signal, k, memory_order_release);
    return sigaction(signo, &action, NULL) < 0 ? -errno : 0;
}

void rl_kill_off_signal(const struct rl_kill *k)
{
    if (atomic_load_explicit(&tripped_by_signal, memory_order_relaxed) == k)
        atomic_store_explicit(&tripped_by_signal, NULL, memory_order_relaxed);
}
