#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "net/loop/tcp_inner.h"

#define NS_PER_MS 1000000ULL
#define ACCEPTS_A_TURN 64 /* who is here already waits no longer than for these */
#define BACKLOG 1024      /* 1,000 that come at once are held by the kernel until their turn */
#define PAUSE_NS (100 * NS_PER_MS)

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

/* A refusal costs latency or a later notice, never the connection. */
static void prepare(const struct rl_tcp *t, int fd)
{
    /* For what the kernel holds; later than our own stall_ns, which names the reason. */
    uint64_t lost_ms = 3 * t->config.stall_ns / NS_PER_MS;

    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    if (lost_ms > 0 && lost_ms < 1U << 30)
        set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)lost_ms);
}

/* Before listen or connect, or the window would not go by it. Accepted ones inherit it. */
static void bound_kernel(const struct rl_tcp *t, int fd)
{
    if (t->config.n_bytes_sndbuf > 0)
        set(fd, SOL_SOCKET, SO_SNDBUF, (int)t->config.n_bytes_sndbuf);
    if (t->config.n_bytes_rcvbuf > 0)
        set(fd, SOL_SOCKET, SO_RCVBUF, (int)t->config.n_bytes_rcvbuf);
}

static void accept_pause(struct rl_tcp *t)
{
    t->n.accept_pauses++;
    for (uint32_t i = 0; i < t->n_listeners; i++) {
        if (t->listeners[i].watch.fd >= 0)
            rl_loop_change(&t->loop, &t->listeners[i].watch, 0);
    }
    rl_deadlines_set(&t->deadlines, rl_tcp_accept_deadline(t), t->loop.now_ns + PAUSE_NS);
}

void rl_tcp_accept_on(struct rl_tcp *t)
{
    for (uint32_t i = 0; i < t->n_listeners; i++) {
        if (t->listeners[i].watch.fd >= 0)
            rl_loop_change(&t->loop, &t->listeners[i].watch, EPOLLIN);
    }
}

/*
 * No descriptor is left. One that nobody accepts would make every wait end at once, so the spare
 * one is given up to take it and to close it.
 */
static void turn_away(struct rl_tcp *t, int listener)
{
    int fd;

    if (t->spare_fd >= 0)
        close(t->spare_fd);
    fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        close(fd);
        t->n.refused_files++;
    }
    t->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || t->spare_fd < 0)
        accept_pause(t); /* somebody else took it */
}

static void welcome(struct rl_tcp_listener *l, int fd, const struct rl_address *peer)
{
    struct rl_tcp *t = l->tcp;
    struct rl_tcp_conn *c;

    if (t->n_free == 0) {
        close(fd);
        t->n.refused_full++;
        return;
    }
    prepare(t, fd);
    c = rl_tcp_adopt(t, fd, &l->handler, NULL, RL_TCP_OPEN, peer);
    if (!c) {
        t->n.refused_files++;
        return;
    }
    t->n.accepted++;
    l->handler.opened(l->handler.context, c);
}

static void listener_ready(struct rl_watch *w, uint32_t events)
{
    struct rl_tcp_listener *l = (struct rl_tcp_listener *)w;
    struct rl_tcp *t = l->tcp;

    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN && w->fd >= 0; i++) {
        struct rl_address peer = {.n_bytes = sizeof peer.at};
        int fd = accept4(w->fd, &peer.at.any, &peer.n_bytes, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            welcome(l, fd, &peer);
            continue;
        }
        switch (errno) {
        case EAGAIN:
            return;
        case EMFILE:
        case ENFILE:
            turn_away(t, w->fd);
            return;
        case ENOBUFS:
        case ENOMEM:
            accept_pause(t);
            return;
        default: /* that one has gone before it was taken: ECONNABORTED, EINTR, ENETDOWN ... */
            break;
        }
    }
}

int rl_tcp_listen(struct rl_tcp *t, const struct rl_address *address,
                  const struct rl_tcp_handler *handler, struct rl_address *at)
{
    struct rl_tcp_listener *l = &t->listeners[t->n_listeners];
    int fd, err = 0;

    if (t->n_listeners == t->config.n_listeners)
        return -ENOSPC;
    fd = socket(address->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    /* Or a restart would wait a minute for the connections of its predecessor to be forgotten. */
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    bound_kernel(t, fd);
    *l = (struct rl_tcp_listener){
        .watch = {.ready = listener_ready, .fd = -1}, .tcp = t, .handler = *handler};
    if (bind(fd, &address->at.any, address->n_bytes) < 0 || listen(fd, BACKLOG) < 0)
        err = -errno;
    if (!err)
        err = rl_address_of(&l->address, fd);
    if (!err)
        err = rl_loop_watch(&t->loop, &l->watch, fd, EPOLLIN);
    if (err) {
        close(fd);
        return err;
    }
    t->n_listeners++;
    if (at)
        *at = l->address;
    return 0;
}

void rl_tcp_stop_listening(struct rl_tcp *t)
{
    for (uint32_t i = 0; i < t->n_listeners; i++)
        rl_loop_drop(&t->loop, &t->listeners[i].watch);
    if (t->n_listeners > 0)
        rl_deadlines_set(&t->deadlines, rl_tcp_accept_deadline(t), RL_NEVER);
}

struct rl_tcp_conn *rl_tcp_connect(struct rl_tcp *t, const struct rl_address *address,
                                   const struct rl_tcp_handler *handler, void *user)
{
    struct rl_tcp_conn *c;
    int fd;

    if (t->n_free == 0) {
        errno = ENOSPC;
        return NULL;
    }
    fd = socket(address->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return NULL;
    prepare(t, fd);
    bound_kernel(t, fd);
    if (connect(fd, &address->at.any, address->n_bytes) < 0 && errno != EINPROGRESS) {
        int err = errno;

        close(fd);
        errno = err;
        return NULL;
    }
    c = rl_tcp_adopt(t, fd, handler, user, RL_TCP_CONNECTING, address);
    if (c && t->config.connect_ns > 0)
        rl_deadlines_set(&t->deadlines, rl_tcp_our_deadline(c),
                         rl_loop_clock_ns() + t->config.connect_ns);
    return c;
}

void rl_tcp_connect_ready(struct rl_tcp_conn *c)
{
    int error = 0;
    socklen_t n = sizeof error;

    if (getsockopt(c->watch.fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
        error = errno;
    if (error) {
        rl_tcp_condemn(c, RL_TCP_CONNECT_FAILED, error);
        return;
    }
    rl_deadlines_set(&c->tcp->deadlines, rl_tcp_our_deadline(c), RL_NEVER);
    c->state = RL_TCP_OPEN;
    rl_loop_change(&c->tcp->loop, &c->watch, EPOLLIN);
    c->tcp->n.connected++;
    c->handler->opened(c->handler->context, c);
}
