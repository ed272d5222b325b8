#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "net/port/udp_inner.h"
#include "net/stamp.h"

#define STREAK 2 /* bursts in a row that found something: now there may be more */

/* Everything that arrives from now on is of this peer: the kernel keeps the others away. */
static void learn_peer(struct rl_udp_port *u, const struct rl_address *from)
{
    if (connect(u->fd, &from->at.any, from->n_bytes) < 0)
        return; /* the next one may do */
    u->peer = *from;
    /* U1: pairs with the acquire in udp_tx_reserve - the socket has a peer to send to. */
    atomic_store_explicit(&u->has_peer, true, memory_order_release);
}

static bool is_same(const struct rl_address *a, const struct rl_address *b)
{
    if (a->at.any.sa_family != b->at.any.sa_family || a->n_bytes != b->n_bytes)
        return false;
    if (a->at.any.sa_family == AF_INET)
        return a->at.v4.sin_port == b->at.v4.sin_port &&
               a->at.v4.sin_addr.s_addr == b->at.v4.sin_addr.s_addr;
    return a->at.v6.sin6_port == b->at.v6.sin6_port &&
           memcmp(&a->at.v6.sin6_addr, &b->at.v6.sin6_addr, sizeof a->at.v6.sin6_addr) == 0;
}

/* What had been queued before the peer was known may be anybody's. */
static bool is_ours(struct rl_udp_port *u, const struct rl_address *from)
{
    if (u->is_alone)
        return true;
    if (!atomic_load_explicit(&u->has_peer, memory_order_relaxed))
        learn_peer(u, from);
    return atomic_load_explicit(&u->has_peer, memory_order_relaxed) && is_same(from, &u->peer);
}

static bool take(struct rl_udp_port *u, struct rl_frame *frame, uint32_t slot, uint32_t n_bytes)
{
    if (RL_UNLIKELY(n_bytes == 0 || n_bytes > u->n_bytes)) { /* no frame, or cut off */
        rl_port_count(&u->port.rx.rx_invalid, 1);
        return false;
    }
    frame->data = u->in.bytes + (size_t)slot * u->n_bytes;
    frame->n_bytes = n_bytes;
    if (u->stamps)
        frame->stamp_ns = rl_stamp_read(&u->in.messages[slot].msg_hdr, u->port.caps.stamp);
    return true;
}

/* One datagram, the cheapest way. */
static uint32_t receive_one(struct rl_udp_port *u, struct rl_frame *frame)
{
    ssize_t n = recv(u->fd, u->in.bytes + (size_t)u->n_held * u->n_bytes, u->n_bytes,
                     MSG_DONTWAIT | MSG_TRUNC);

    rl_port_count(&u->port.rx.rx_syscalls, 1);
    if (n < 0 || !take(u, frame, u->n_held, (uint32_t)n))
        return 0;
    u->n_held++;
    return 1;
}

static uint32_t receive_many(struct rl_udp_port *u, struct rl_frame *frames, uint32_t max)
{
    struct mmsghdr *messages = u->in.messages + u->n_held;
    bool has_names = !u->is_alone;
    uint32_t n_taken = 0;
    int n;

    for (uint32_t i = 0; i < max; i++) {
        messages[i].msg_hdr.msg_controllen = u->stamps ? RL_STAMP_CONTROL : 0;
        messages[i].msg_hdr.msg_name = has_names ? &u->from[i].at : NULL;
        messages[i].msg_hdr.msg_namelen = has_names ? sizeof u->from[i].at : 0;
        messages[i].msg_hdr.msg_flags = 0;
    }
    n = recvmmsg(u->fd, messages, max, MSG_DONTWAIT | MSG_TRUNC, NULL);
    rl_port_count(&u->port.rx.rx_syscalls, 1);
    if (n < 0 && errno == EAGAIN) /* empty, and only the peer can fill it */
        u->is_alone = u->is_alone || atomic_load_explicit(&u->has_peer, memory_order_relaxed);
    for (int i = 0; i < n; i++) {
        if (has_names) {
            u->from[i].n_bytes = messages[i].msg_hdr.msg_namelen;
            if (!is_ours(u, &u->from[i])) {
                rl_port_count(&u->port.rx.rx_invalid, 1);
                continue;
            }
        }
        n_taken += take(u, &frames[n_taken], u->n_held + (uint32_t)i, messages[i].msg_len);
    }
    if (n_taken > 0) /* who is given nothing gives nothing back */
        u->n_held += (uint32_t)n;
    return n_taken;
}

uint32_t rl_udp_rx_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    struct rl_udp_port *u = (struct rl_udp_port *)p;
    uint32_t room = u->n_slots - u->n_held, n;
    uint64_t n_bytes = 0;

    max = max < room ? max : room;
    max = max < RL_UDP_BATCH ? max : RL_UDP_BATCH;
    if (max == 0)
        return 0;
    if (u->streak < STREAK) /* asking for many costs more: only where there have been many */
        max = 1;
    n = u->stamps || !u->is_alone || max > 1 ? receive_many(u, frames, max)
                                             : receive_one(u, frames);
    u->streak = n > 0 ? u->streak + 1 : 0;
    for (uint32_t i = 0; i < n; i++)
        n_bytes += frames[i].n_bytes;
    if (n > 0) {
        rl_port_count(&p->rx.rx_frames, n);
        rl_port_count(&p->rx.rx_bytes, n_bytes);
    }
    return n;
}
