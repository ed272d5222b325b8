#include "net/loop/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ULL
#define NS_PER_MS 1000000ULL
#define LONGEST_NS (24 * 3600 * NS_PER_S) /* fits what any kernel takes */

uint64_t rl_loop_clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void woken(struct rl_watch *w, uint32_t events)
{
    uint64_t n;

    (void)events;
    while (read(w->fd, &n, sizeof n) < 0 && errno == EINTR)
        ;
}

int rl_loop_open(struct rl_loop *l)
{
    int fd, err;

    memset(l, 0, sizeof *l);
    l->waker.fd = -1;
    l->now_ns = rl_loop_clock_ns();
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll_fd < 0)
        return -errno;
    fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    err = fd < 0 ? -errno : 0;
    l->waker.ready = woken;
    if (!err && (err = rl_loop_watch(l, &l->waker, fd, EPOLLIN)) < 0)
        close(fd);
    if (err)
        rl_loop_close(l);
    return err;
}

void rl_loop_close(struct rl_loop *l)
{
    if (l->waker.fd >= 0)
        close(l->waker.fd);
    if (l->epoll_fd >= 0)
        close(l->epoll_fd);
    l->waker.fd = l->epoll_fd = -1;
}

static int control(struct rl_loop *l, int op, struct rl_watch *w, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = w};

    if (epoll_ctl(l->epoll_fd, op, fd, &event) < 0)
        return -errno;
    w->events = events;
    return 0;
}

int rl_loop_watch(struct rl_loop *l, struct rl_watch *w, int fd, uint32_t events)
{
    int err = control(l, EPOLL_CTL_ADD, w, fd, events);

    w->fd = err ? -1 : fd;
    return err;
}

int rl_loop_change(struct rl_loop *l, struct rl_watch *w, uint32_t events)
{
    return events == w->events ? 0 : control(l, EPOLL_CTL_MOD, w, w->fd, events);
}

void rl_loop_drop(struct rl_loop *l, struct rl_watch *w)
{
    if (w->fd < 0)
        return;
    epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL); /* a copy of the fd would keep it there */
    close(w->fd);
    w->fd = -1;
    for (uint32_t i = l->i_ready; i < l->n_ready; i++) {
        if (l->ready[i].data.ptr == w)
            l->ready[i].data.ptr = NULL;
    }
}

static int wait_for(struct rl_loop *l, uint64_t timeout_ns)
{
    uint64_t ms;

    if (timeout_ns > LONGEST_NS)
        timeout_ns = LONGEST_NS;
    if (timeout_ns != 0 && !l->lacks_pwait2) {
        struct timespec t = {.tv_sec = (time_t)(timeout_ns / NS_PER_S),
                             .tv_nsec = (long)(timeout_ns % NS_PER_S)};
        int n = epoll_pwait2(l->epoll_fd, l->ready, RL_LOOP_EVENTS, &t, NULL);

        if (n >= 0 || errno != ENOSYS)
            return n;
        l->lacks_pwait2 = true; /* before Linux 5.11, and in some sandboxes */
    }
    ms = timeout_ns / NS_PER_MS + (timeout_ns % NS_PER_MS != 0);
    return epoll_wait(l->epoll_fd, l->ready, RL_LOOP_EVENTS, (int)ms);
}

int rl_loop_turn(struct rl_loop *l, uint64_t timeout_ns)
{
    int n = wait_for(l, timeout_ns);

    l->now_ns = rl_loop_clock_ns();
    if (n <= 0) /* nothing, or EINTR: the turn is over, its caller looks what it was */
        return 0;
    l->n_ready = (uint32_t)n;
    for (l->i_ready = 0; l->i_ready < l->n_ready;) {
        struct epoll_event event = l->ready[l->i_ready++];
        struct rl_watch *w = event.data.ptr;

        if (w)
            w->ready(w, event.events);
    }
    l->n_ready = 0;
    return n;
}

void rl_loop_wake(struct rl_loop *l)
{
    uint64_t one = 1;
    int was = errno; /* a signal handler leaves no trace */
    ssize_t n = write(l->waker.fd, &one, sizeof one);

    (void)n; /* full: it is awake already */
    errno = was;
}
