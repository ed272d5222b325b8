#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "net/loop/tcp_inner.h"

bool rl_tcp_takes_bytes(const struct rl_tcp_conn *c)
{
    return c->state == RL_TCP_OPEN && !c->is_deaf && !c->is_choked &&
           (c->rx_from > 0 || c->rx_to < c->tcp->config.n_bytes_rx);
}

/* Waits for what it can do something about, and for nothing else. */
static void rearm(struct rl_tcp_conn *c)
{
    uint32_t events = 0;

    if (c->watch.fd < 0)
        return;
    if (rl_tcp_takes_bytes(c) || c->state == RL_TCP_DRAINING)
        events |= EPOLLIN;
    if (c->state == RL_TCP_CONNECTING || (c->is_blocked && !c->is_deaf))
        events |= EPOLLOUT;
    if (rl_loop_change(&c->tcp->loop, &c->watch, events) < 0)
        rl_tcp_condemn(c, RL_TCP_NO_EPOLL, 0);
}

/* --- bytes in --------------------------------------------------------------------------------- */

void rl_tcp_deliver(struct rl_tcp_conn *c)
{
    uint32_t n = c->rx_to - c->rx_from, taken;

    if (c->state != RL_TCP_OPEN || c->is_deaf)
        return;
    if (c->is_choked) /* again when it is not */
        return;
    taken = c->handler->received(c->handler->context, c, c->rx + c->rx_from, n);
    c->rx_from += taken < n ? taken : n;
    if (c->rx_from == c->rx_to)
        c->rx_from = c->rx_to = 0;
    if (taken == 0 && n == c->tcp->config.n_bytes_rx && !c->is_choked && !c->is_again)
        rl_tcp_condemn(c, RL_TCP_TOO_LONG, 0);
    if (!c->is_dirty)
        rearm(c);
}

void rl_tcp_receive(struct rl_tcp_conn *c)
{
    struct rl_tcp *t = c->tcp;
    uint32_t size = t->config.n_bytes_rx;
    ssize_t n;

    if (c->rx_from > 0 && size - c->rx_to < size / 2) {
        memmove(c->rx, c->rx + c->rx_from, c->rx_to - c->rx_from);
        c->rx_to -= c->rx_from;
        c->rx_from = 0;
    }
    n = recv(c->watch.fd, c->rx + c->rx_to, size - c->rx_to, 0);
    if (n > 0) {
        c->rx_to += (uint32_t)n;
        t->n.receives++;
        t->n.bytes_in += (uint64_t)n;
        rl_tcp_deliver(c);
    } else if (n == 0) {
        rl_tcp_condemn(c, RL_TCP_PEER_CLOSED, 0);
    } else if (errno != EAGAIN && errno != EINTR) {
        rl_tcp_condemn(c, RL_TCP_PEER_RESET, errno);
    }
}

void rl_tcp_again(struct rl_tcp_conn *c)
{
    if (c->is_again)
        return;
    c->is_again = true;
    c->tcp->again[c->tcp->n_again++] = c->number;
}

/* --- bytes out -------------------------------------------------------------------------------- */

void rl_tcp_soil(struct rl_tcp_conn *c)
{
    if (c->is_dirty)
        return;
    c->is_dirty = true;
    c->tcp->dirty[c->tcp->n_dirty++] = c->number;
}

/* Who is behind gets stall_ns for what waits now, then again for what waits then. */
static void watch_stall(struct rl_tcp_conn *c)
{
    struct rl_tcp *t = c->tcp;
    bool is_owing = rl_tcp_unsent(c) > 0 && !c->is_deaf && t->config.stall_ns > 0;

    if (is_owing && (!c->is_stalling || c->tx_sent >= c->tx_owed)) {
        c->tx_owed = c->tx_head;
        rl_deadlines_set(&t->deadlines, rl_tcp_our_deadline(c),
                         t->loop.now_ns + t->config.stall_ns);
    } else if (!is_owing && c->is_stalling) {
        rl_deadlines_set(&t->deadlines, rl_tcp_our_deadline(c), RL_NEVER);
    }
    c->is_stalling = is_owing;
}

/* As much as the kernel takes. */
void rl_tcp_send_some(struct rl_tcp_conn *c)
{
    struct rl_tcp *t = c->tcp;
    uint32_t size = t->config.n_bytes_tx, at = (uint32_t)c->tx_sent & (size - 1);
    uint32_t n_unsent = rl_tcp_unsent(c), first = n_unsent < size - at ? n_unsent : size - at;
    struct iovec pieces[] = {{c->tx + at, first}, {c->tx, n_unsent - first}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = first < n_unsent ? 2 : 1};
    ssize_t n;

    do
        n = sendmsg(c->watch.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        c->is_blocked = true;
        if (errno != EAGAIN && c->state == RL_TCP_OPEN)
            rl_tcp_condemn(c, RL_TCP_PEER_RESET, errno);
        return;
    }
    t->n.sends++;
    t->n.bytes_out += (uint64_t)n;
    c->tx_sent += (uint64_t)n;
    c->is_blocked = (uint32_t)n < n_unsent;
}

bool rl_tcp_send(struct rl_tcp_conn *c, const void *bytes, uint32_t n_bytes)
{
    uint32_t size = c->tcp->config.n_bytes_tx, at = (uint32_t)c->tx_head & (size - 1), first;

    if (c->state != RL_TCP_OPEN)
        return false;
    /* Many messages in one turn: what the kernel takes now need not fit the buffer. */
    if (n_bytes > rl_tcp_room(c) && !c->is_blocked && !c->is_deaf)
        rl_tcp_send_some(c);
    if (c->state != RL_TCP_OPEN)
        return false;
    if (n_bytes > rl_tcp_room(c)) {
        rl_tcp_condemn(c, RL_TCP_SEND_FULL, 0);
        return false;
    }
    first = n_bytes < size - at ? n_bytes : size - at;
    memcpy(c->tx + at, bytes, first);
    memcpy(c->tx, (const uint8_t *)bytes + first, n_bytes - first);
    c->tx_head += n_bytes;
    /* Its handler may leave bytes because of that: it is called again even if all leaves soon. */
    c->is_choked |= rl_tcp_is_choked(c);
    rl_tcp_soil(c);
    return true;
}

void rl_tcp_flush(struct rl_tcp_conn *c)
{
    if (c->state != RL_TCP_OPEN && c->state != RL_TCP_DRAINING)
        return;
    if (rl_tcp_unsent(c) > 0 && !c->is_deaf)
        rl_tcp_send_some(c);
    if (c->state == RL_TCP_DRAINING && rl_tcp_unsent(c) == 0 && !c->has_shut) {
        shutdown(c->watch.fd, SHUT_WR);
        c->has_shut = true;
    }
    if (c->state == RL_TCP_OPEN) {
        watch_stall(c);
        if (c->is_choked && rl_tcp_is_choked(c)) {
            c->tcp->n.blocked++;
        } else if (c->is_choked) {
            c->is_choked = false;
            rl_tcp_again(c);
        }
    }
    rearm(c);
}
