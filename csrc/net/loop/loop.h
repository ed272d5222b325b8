/*
 * loop - waits for sockets to become ready and calls whoever watches them; epoll, level-triggered.
 *
 * Threads:  one; rl_loop_wake is for any other one, and for signal handlers.
 * Memory:   none of its own: a watch is the caller's, and must not move while it watches.
 * Cost:     one system call a turn, whatever the number of sockets.
 *
 * A watch may be closed at any time, also by another one's `ready`: events of the same turn that
 * are left for it are forgotten.
 */
#ifndef RL_NET_LOOP_H
#define RL_NET_LOOP_H

#include <sys/epoll.h>

#include "base/defs.h"

#define RL_LOOP_EVENTS                                                        \
    128 /* of one turn; the kernel hands out the others first in the next one \
         */

struct rl_watch {
    void (*ready)(struct rl_watch *w, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP */
    int fd;                                             /* -1: does not watch */
    uint32_t events;                                    /* waited for */
};

struct rl_loop {
    int epoll_fd; /* -1: closed */
    struct rl_watch waker;
    bool lacks_pwait2; /* then a wait is a whole number of milliseconds */
    uint64_t now_ns;   /* CLOCK_MONOTONIC behind the wait of this turn */
    uint32_t n_ready, i_ready;
    struct epoll_event ready[RL_LOOP_EVENTS];
};

uint64_t rl_loop_clock_ns(void); /* CLOCK_MONOTONIC */

int rl_loop_open(struct rl_loop *l);
void rl_loop_close(struct rl_loop *l);
/* 0 or -errno: -ENOSPC, -ENOMEM ... */
int rl_loop_watch(struct rl_loop *l, struct rl_watch *w, int fd, uint32_t events);
int rl_loop_change(struct rl_loop *l, struct rl_watch *w, uint32_t events);
/* Closes the socket as well. */
void rl_loop_drop(struct rl_loop *l, struct rl_watch *w);
/*
 * Waits, at most so long (0: not at all), then calls the watches that are ready. Returns how many;
 * 0 also when a signal came.
 */
int rl_loop_turn(struct rl_loop *l, uint64_t timeout_ns);
/* The wait of this turn, or of the next one, ends now. */
void rl_loop_wake(struct rl_loop *l);

#endif
