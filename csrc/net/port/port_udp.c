#include "net/port/port_udp.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/port/port_socket.h"
#include "net/port/udp_inner.h"
#include "net/stamp.h"

#ifndef UDP_SEGMENT /* Linux 4.18 */
#define UDP_SEGMENT 103
#endif
#ifndef SO_MEMINFO /* Linux 4.12 */
#define SO_MEMINFO 55
#endif
#define MEMINFO_DROPS 8 /* SK_MEMINFO_DROPS of linux/sock_diag.h */
#define N_MEMINFO 16    /* more than any kernel tells */

#define N_SLOTS 256            /* when none is asked for */
#define N_BYTES 2048           /* of a datagram, likewise */
#define N_SEGMENT_BYTES 60000U /* of one super datagram: below what IPv4 can carry */
#define GSO ", gso"

/* --- receiving, the rest of it (udp_receive.c) ------------------------------------------------ */

static void udp_rx_release(struct rl_port *p)
{
    ((struct rl_udp_port *)p)->n_held = 0;
}

static void udp_rx_wait(struct rl_port *p)
{
    rl_socket_wait(((struct rl_udp_port *)p)->fd);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* Of the last refusal: what it says about datagrams to come. */
static void learn_segments(struct rl_udp_port *u, uint16_t n_bytes)
{
    switch (errno) {
    case EINVAL: /* longer than the route's MTU: shorter ones may do */
    case EMSGSIZE:
        u->n_segment_max = n_bytes - 1U;
        break;
    case EIO: /* the device computes no checksums */
    case EOPNOTSUPP:
        u->n_segment_max = 0;
        break;
    default: /* no room now, nobody there: nothing to do with segments */
        return;
    }
    if (u->n_segment_max == 0)
        atomic_store_explicit(&u->cannot_segment, true, memory_order_relaxed);
}

/* One system call for all: the kernel cuts them apart. False: it cannot, and nothing was sent. */
static bool send_segmented(struct rl_udp_port *u)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
    } control = {0};
    struct msghdr h = {.msg_iov = u->out.pieces,
                       .msg_iovlen = u->n_queued,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    uint16_t n_bytes = (uint16_t)u->out.pieces[0].iov_len;

    control.header.cmsg_level = SOL_UDP;
    control.header.cmsg_type = UDP_SEGMENT;
    control.header.cmsg_len = CMSG_LEN(sizeof n_bytes);
    memcpy(CMSG_DATA(&control.header), &n_bytes, sizeof n_bytes);
    for (int i = 0; i < 2; i++) { /* the first answer may be about an earlier datagram */
        rl_port_count(&u->port.tx.tx_syscalls, 1);
        if (sendmsg(u->fd, &h, MSG_DONTWAIT) >= 0)
            return true;
        if (errno != ECONNREFUSED)
            break;
    }
    learn_segments(u, n_bytes);
    return false;
}

static uint32_t send_each(struct rl_udp_port *u)
{
    uint32_t n_sent = 0, n_told = 0;

    while (n_sent < u->n_queued) {
        int n = sendmmsg(u->fd, u->out.messages + n_sent, u->n_queued - n_sent, MSG_DONTWAIT);

        rl_port_count(&u->port.tx.tx_syscalls, 1);
        if (n < 0 && errno == ECONNREFUSED && n_told++ < u->n_queued)
            continue; /* nobody listened to an earlier one: told once, and read away by this call */
        if (n <= 0)
            break;
        n_sent += (uint32_t)n;
    }
    return n_sent;
}

static uint32_t send_one(struct rl_udp_port *u)
{
    const struct iovec *piece = &u->out.pieces[0];

    for (int i = 0; i < 2; i++) { /* the first answer may be about an earlier datagram */
        rl_port_count(&u->port.tx.tx_syscalls, 1);
        if (send(u->fd, piece->iov_base, piece->iov_len, MSG_DONTWAIT) >= 0)
            return 1;
        if (errno != ECONNREFUSED)
            return 0;
    }
    return 0;
}

static void udp_tx_flush(struct rl_port *p)
{
    struct rl_udp_port *u = (struct rl_udp_port *)p;
    uint32_t n_sent;

    if (u->n_queued == 0)
        return;
    if (u->n_queued == 1)
        n_sent = send_one(u);
    else if (u->is_even && u->out.pieces[0].iov_len <= u->n_segment_max && send_segmented(u))
        n_sent = u->n_queued;
    else
        n_sent = send_each(u);
    if (RL_UNLIKELY(n_sent < u->n_queued))
        rl_port_count(&p->tx.tx_lost, u->n_queued - n_sent);
    u->n_queued = u->n_queued_bytes = 0;
}

static uint8_t *udp_tx_reserve(struct rl_port *p, uint32_t n_bytes)
{
    struct rl_udp_port *u = (struct rl_udp_port *)p;

    if (RL_UNLIKELY(n_bytes > u->n_bytes)) {
        rl_port_count(&p->tx.tx_too_large, 1);
        return NULL;
    }
    /* U1: pairs with the release in learn_peer. */
    if (RL_UNLIKELY(!atomic_load_explicit(&u->has_peer, memory_order_acquire))) {
        rl_port_count(&p->tx.tx_full, 1);
        return NULL;
    }
    return u->out.bytes + (size_t)u->n_queued * u->n_bytes;
}

static void udp_tx_commit(struct rl_port *p, uint32_t n_bytes)
{
    struct rl_udp_port *u = (struct rl_udp_port *)p;

    if (n_bytes == 0)
        return;
    u->is_even = u->n_queued == 0 || (u->is_even && u->out.pieces[0].iov_len == n_bytes);
    u->out.pieces[u->n_queued++].iov_len = n_bytes;
    u->n_queued_bytes += n_bytes;
    rl_port_count(&p->tx.tx_frames, 1);
    rl_port_count(&p->tx.tx_bytes, n_bytes);
    if (u->n_queued == RL_UDP_BATCH || u->n_queued_bytes + u->n_bytes > N_SEGMENT_BYTES)
        udp_tx_flush(p);
}

/* --- life ------------------------------------------------------------------------------------- */

/* How the port is, once what it did has shown what it can. */
static void udp_ask_kernel(struct rl_port *p)
{
    struct rl_udp_port *u = (struct rl_udp_port *)p;
    uint32_t info[N_MEMINFO] = {0};
    socklen_t n = sizeof info;
    char *gso;

    if (getsockopt(u->fd, SOL_SOCKET, SO_MEMINFO, info, &n) == 0)
        atomic_store_explicit(&p->rx.rx_dropped, info[MEMINFO_DROPS], memory_order_relaxed);
    gso = strstr(p->caps.mode, GSO);
    if (gso && atomic_load_explicit(&u->cannot_segment, memory_order_relaxed))
        memmove(gso, gso + strlen(GSO), strlen(gso + strlen(GSO)) + 1);
}

static void udp_close(struct rl_port *p)
{
    struct rl_udp_port *u = (struct rl_udp_port *)p;
    struct rl_arena arena = u->arena;

    udp_tx_flush(p);
    close(u->fd);
    rl_arena_close(&arena);
}

static const struct rl_port_ops udp_ops = {
    .name = "udp",
    .rx_burst = rl_udp_rx_burst,
    .rx_release = udp_rx_release,
    .tx_reserve = udp_tx_reserve,
    .tx_commit = udp_tx_commit,
    .tx_flush = udp_tx_flush,
    .ask_kernel = udp_ask_kernel,
    .close = udp_close,
};
static const struct rl_port_ops udp_blocking_ops = {
    .name = "udp",
    .rx_burst = rl_udp_rx_burst,
    .rx_release = udp_rx_release,
    .tx_reserve = udp_tx_reserve,
    .tx_commit = udp_tx_commit,
    .tx_flush = udp_tx_flush,
    .rx_wait = udp_rx_wait,
    .ask_kernel = udp_ask_kernel,
    .close = udp_close,
};

static bool take_slots(struct rl_udp_slots *s, struct rl_arena *arena, uint32_t n, uint32_t n_bytes,
                       bool stamps)
{
    s->bytes = rl_arena_take(arena, (size_t)n * n_bytes, 0);
    s->messages = rl_arena_take(arena, n * sizeof *s->messages, 0);
    s->pieces = rl_arena_take(arena, n * sizeof *s->pieces, 0);
    s->control = stamps ? rl_arena_take(arena, (size_t)n * RL_STAMP_CONTROL, 0) : NULL;
    if (!s->bytes || !s->messages || !s->pieces || (stamps && !s->control))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        s->pieces[i] = (struct iovec){s->bytes + (size_t)i * n_bytes, n_bytes};
        s->messages[i].msg_hdr.msg_iov = &s->pieces[i];
        s->messages[i].msg_hdr.msg_iovlen = 1;
        if (stamps)
            s->messages[i].msg_hdr.msg_control = s->control + (size_t)i * RL_STAMP_CONTROL;
    }
    return true;
}

static size_t slots_bytes(uint32_t n, uint32_t n_bytes)
{
    return (size_t)n *
               (n_bytes + sizeof(struct mmsghdr) + sizeof(struct iovec) + RL_STAMP_CONTROL) +
           4 * RL_CACHE_LINE;
}

static int set_up(struct rl_udp_port *u, const struct rl_port_config *c, char why[RL_PORT_WHY])
{
    int zero = 0, segment = 64, err = rl_socket_bind(u->fd, &c->local, why);

    if (!err)
        err = rl_socket_join(u->fd, c, why);
    if (!err && c->peer.n_bytes && connect(u->fd, &c->peer.at.any, c->peer.n_bytes) < 0)
        err = rl_socket_refused(why, "connect", &c->peer, errno);
    if (!err)
        err = rl_accel_check(u->fd, c->accel, why, RL_PORT_WHY);
    if (err)
        return err;
    u->peer = c->peer;
    atomic_init(&u->has_peer, c->peer.n_bytes > 0);
    /* A group hears whoever sends to it: one that starts again has another port. */
    u->is_alone = rl_address_is_multicast(&c->local) && c->peer.n_bytes == 0;
    /* A whole socket can be told to segment where a message can: asked and taken back. */
    if (setsockopt(u->fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) == 0 &&
        setsockopt(u->fd, SOL_UDP, UDP_SEGMENT, &zero, sizeof zero) == 0)
        u->n_segment_max = u->n_bytes;
    if (c->wants_stamps)
        u->port.caps.stamp = rl_stamp_arm(u->fd, c->interface[0] ? c->interface : NULL);
    u->stamps = u->port.caps.stamp != RL_STAMP_NONE;
    return 0;
}

int rl_udp_port_open(struct rl_port **port, const struct rl_port_config *c, char why[RL_PORT_WHY])
{
    uint32_t n_slots = c->n_slots ? c->n_slots : N_SLOTS;
    uint32_t n_bytes = c->n_bytes_frame ? c->n_bytes_frame : N_BYTES;
    struct rl_arena arena;
    struct rl_udp_port *u;
    bool is_polled;
    int fd, err;

    if (n_bytes > 65507 || n_slots > 1 << 16 || (size_t)n_slots * n_bytes > INT32_MAX) {
        snprintf(why, RL_PORT_WHY,
                 "udp: a datagram has at most 65507 bytes, a port 65536 slots, all of them below "
                 "2 GiB");
        return -EINVAL;
    }
    fd = rl_socket_open(c, SOCK_DGRAM, &is_polled, why);
    if (fd < 0)
        return fd;
    err = rl_arena_open(&arena,
                        sizeof *u + slots_bytes(n_slots, n_bytes) +
                            slots_bytes(RL_UDP_BATCH, n_bytes) + RL_UDP_BATCH * sizeof *u->from +
                            4 * RL_CACHE_LINE,
                        RL_ARENA_PREFAULT);
    if (err) {
        snprintf(why, RL_PORT_WHY, "udp: no memory for %u datagrams", n_slots);
        close(fd);
        return err;
    }
    u = rl_arena_take(&arena, sizeof *u, 0);
    u->fd = fd;
    u->n_bytes = n_bytes;
    u->n_slots = n_slots;
    u->port.ops = c->wait == RL_WAIT_BLOCK ? &udp_blocking_ops : &udp_ops;
    u->port.caps = (struct rl_port_caps){.n_bytes_frame_max = n_bytes, .needs_syscall = true};
    u->from = rl_arena_take(&arena, RL_UDP_BATCH * sizeof *u->from, 0);
    err = set_up(u, c, why);
    if (!err && (!u->from || !take_slots(&u->in, &arena, n_slots, n_bytes, u->stamps) ||
                 !take_slots(&u->out, &arena, RL_UDP_BATCH, n_bytes, false))) {
        snprintf(why, RL_PORT_WHY, "udp: no memory for %u datagrams", n_slots);
        err = -ENOMEM;
    }
    if (err) {
        close(fd);
        rl_arena_close(&arena);
        return err;
    }
    rl_socket_mode(u->port.caps.mode, c, is_polled, u->n_segment_max ? GSO : "", fd);
    u->arena = arena;
    *port = &u->port;
    return 0;
}
