#include "tools/watch_engine.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static void forget(struct watch_engine *w)
{
    if (w->pidfd >= 0)
        close(w->pidfd);
    *w = (struct watch_engine){.pidfd = -1};
}

void watch_engine_follow(struct watch_engine *w, const struct rl_board_file *file)
{
    uint64_t process = atomic_load_explicit(&file->engine, memory_order_relaxed);
    int pid = rl_board_pid_of(process);

    if (process == w->process)
        return;
    forget(w);
    w->process = process;
    if (process == 0)
        return; /* it said good-bye */
    w->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    /* Held now, the number cannot pass to another: if it is still the engine's, it stays so. */
    if ((w->pidfd < 0 && errno == ESRCH) || rl_board_process(pid) != process)
        watch_engine_ended(w);
}

void watch_engine_ended(struct watch_engine *w)
{
    if (w->pidfd >= 0)
        close(w->pidfd);
    w->pidfd = -1;
    w->is_dead = true;
}
