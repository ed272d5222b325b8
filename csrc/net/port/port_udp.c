#include "net/port/port_udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/port/port_socket.h"
#include "net/stamp.h"

#ifndef UDP_SEGMENT /* Linux 4.18 */
#define UDP_SEGMENT 103
#endif

#define N_SLOTS 256            /* when none is asked for */
#define N_BYTES 2048           /* of a datagram, likewise */
#define N_BATCH 64             /* datagrams a system call: what UDP_SEGMENT takes */
#define N_SEGMENT_BYTES 60000U /* of one super datagram: below what IPv4 can carry */
#define STREAK 2               /* bursts in a row that found something: now there may be more */

/* Datagrams one way; slot i lies at bytes + i * n_bytes. */
struct slots {
    uint8_t *bytes;
    struct mmsghdr *messages;
    struct iovec *pieces;
    uint8_t *control;
};

struct udp_port {
    struct rl_port port; /* first: the ops cast back */
    int fd;              /* second: struct rl_socket_port */
    struct rl_arena arena;
    uint32_t n_bytes; /* the longest datagram */
    uint32_t n_slots;
    bool has_peer, stamps;
    RL_ALIGNED struct slots in; /* receiving thread */
    uint32_t n_held;
    uint32_t streak;
    RL_ALIGNED struct slots out; /* sending thread */
    uint32_t n_queued;
    uint32_t n_queued_bytes;
    bool is_even; /* all queued datagrams have one length */
    bool can_segment;
};

/* --- receiving -------------------------------------------------------------------------------- */

/* The first that sends becomes the peer: everything else is then the kernel's to keep away. */
static void learn_peer(struct udp_port *u, const struct sockaddr *from, socklen_t n)
{
    if (connect(u->fd, from, n) == 0)
        u->has_peer = true;
}

static bool take(struct udp_port *u, struct rl_frame *frame, uint32_t slot, uint32_t n_bytes)
{
    if (RL_UNLIKELY(n_bytes > u->n_bytes)) { /* cut off */
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
static uint32_t receive_one(struct udp_port *u, struct rl_frame *frame)
{
    ssize_t n = recv(u->fd, u->in.bytes + (size_t)u->n_held * u->n_bytes, u->n_bytes,
                     MSG_DONTWAIT | MSG_TRUNC);

    rl_port_count(&u->port.rx.rx_syscalls, 1);
    if (n < 0)
        return 0;
    return take(u, frame, u->n_held++, (uint32_t)n);
}

static uint32_t receive_many(struct udp_port *u, struct rl_frame *frames, uint32_t max)
{
    struct mmsghdr *messages = u->in.messages + u->n_held;
    struct sockaddr_storage from;
    uint32_t n_taken = 0;
    int n;

    for (uint32_t i = 0; i < max; i++) {
        messages[i].msg_hdr.msg_controllen = u->stamps ? RL_STAMP_CONTROL : 0;
        messages[i].msg_hdr.msg_name = u->has_peer ? NULL : &from;
        messages[i].msg_hdr.msg_namelen = u->has_peer ? 0 : sizeof from;
        messages[i].msg_hdr.msg_flags = 0;
    }
    n = recvmmsg(u->fd, messages, u->has_peer ? max : 1, MSG_DONTWAIT | MSG_TRUNC, NULL);
    rl_port_count(&u->port.rx.rx_syscalls, 1);
    if (n > 0 && !u->has_peer)
        learn_peer(u, (struct sockaddr *)&from, messages[0].msg_hdr.msg_namelen);
    for (int i = 0; i < n; i++)
        n_taken += take(u, &frames[n_taken], u->n_held++, messages[i].msg_len);
    return n_taken;
}

static uint32_t udp_rx_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    struct udp_port *u = (struct udp_port *)p;
    uint32_t room = u->n_slots - u->n_held, n;
    uint64_t n_bytes = 0;

    max = max < room ? max : room;
    max = max < N_BATCH ? max : N_BATCH;
    if (max == 0)
        return 0;
    /* Asking for many costs more than asking for one: only where there have been many. */
    n = u->stamps || !u->has_peer || u->streak >= STREAK ? receive_many(u, frames, max)
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

static void udp_rx_release(struct rl_port *p)
{
    ((struct udp_port *)p)->n_held = 0;
}

static void udp_rx_wait(struct rl_port *p)
{
    rl_socket_wait(((struct udp_port *)p)->fd);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* One system call for all: the kernel cuts them apart. False: it cannot, and nothing was sent. */
static bool send_segmented(struct udp_port *u)
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
    rl_port_count(&u->port.tx.tx_syscalls, 1);
    if (sendmsg(u->fd, &h, MSG_DONTWAIT) >= 0)
        return true;
    if (errno != EAGAIN && errno != ENOBUFS)
        u->can_segment = false; /* longer than the route's MTU, or not known here */
    return false;
}

static uint32_t send_each(struct udp_port *u)
{
    uint32_t n_sent = 0;

    while (n_sent < u->n_queued) {
        int n = sendmmsg(u->fd, u->out.messages + n_sent, u->n_queued - n_sent, MSG_DONTWAIT);

        rl_port_count(&u->port.tx.tx_syscalls, 1);
        if (n < 0 && errno == ECONNREFUSED)
            continue; /* nobody listened to an earlier one: told once, and read away by this call */
        if (n <= 0)
            break;
        n_sent += (uint32_t)n;
    }
    return n_sent;
}

static uint32_t send_one(struct udp_port *u)
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
    struct udp_port *u = (struct udp_port *)p;
    uint32_t n_sent;

    if (u->n_queued == 0)
        return;
    if (u->n_queued == 1)
        n_sent = send_one(u);
    else if (u->is_even && u->can_segment && send_segmented(u))
        n_sent = u->n_queued;
    else
        n_sent = send_each(u);
    if (RL_UNLIKELY(n_sent < u->n_queued))
        rl_port_count(&p->tx.tx_lost, u->n_queued - n_sent);
    u->n_queued = u->n_queued_bytes = 0;
}

static uint8_t *udp_tx_reserve(struct rl_port *p, uint32_t n_bytes)
{
    struct udp_port *u = (struct udp_port *)p;

    if (RL_UNLIKELY(n_bytes > u->n_bytes)) {
        rl_port_count(&p->tx.tx_too_large, 1);
        return NULL;
    }
    if (RL_UNLIKELY(!u->has_peer)) { /* nobody to send to yet */
        rl_port_count(&p->tx.tx_full, 1);
        return NULL;
    }
    return u->out.bytes + (size_t)u->n_queued * u->n_bytes;
}

static void udp_tx_commit(struct rl_port *p, uint32_t n_bytes)
{
    struct udp_port *u = (struct udp_port *)p;

    if (n_bytes == 0)
        return;
    u->is_even = u->n_queued == 0 || (u->is_even && u->out.pieces[0].iov_len == n_bytes);
    u->out.pieces[u->n_queued++].iov_len = n_bytes;
    u->n_queued_bytes += n_bytes;
    rl_port_count(&p->tx.tx_frames, 1);
    rl_port_count(&p->tx.tx_bytes, n_bytes);
    if (u->n_queued == N_BATCH || u->n_queued_bytes + u->n_bytes > N_SEGMENT_BYTES)
        udp_tx_flush(p);
}

/* --- life ------------------------------------------------------------------------------------- */

static void udp_close(struct rl_port *p)
{
    struct udp_port *u = (struct udp_port *)p;
    struct rl_arena arena = u->arena;

    udp_tx_flush(p);
    close(u->fd);
    rl_arena_close(&arena);
}

static const struct rl_port_ops udp_ops = {
    .name = "udp",
    .rx_burst = udp_rx_burst,
    .rx_release = udp_rx_release,
    .tx_reserve = udp_tx_reserve,
    .tx_commit = udp_tx_commit,
    .tx_flush = udp_tx_flush,
    .close = udp_close,
};
static const struct rl_port_ops udp_blocking_ops = {
    .name = "udp",
    .rx_burst = udp_rx_burst,
    .rx_release = udp_rx_release,
    .tx_reserve = udp_tx_reserve,
    .tx_commit = udp_tx_commit,
    .tx_flush = udp_tx_flush,
    .rx_wait = udp_rx_wait,
    .close = udp_close,
};

static bool take_slots(struct slots *s, struct rl_arena *arena, uint32_t n, uint32_t n_bytes,
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

static int set(int fd, int option, const void *value, size_t n)
{
    return setsockopt(fd, IPPROTO_IP, option, value, (socklen_t)n) < 0 ? -errno : 0;
}

static int join_groups(int fd, const struct rl_port_config *c, char why[RL_PORT_WHY])
{
    struct in_addr through = {htonl(INADDR_LOOPBACK)};
    int err = 0;

    if (c->multicast_interface.n_bytes)
        through = c->multicast_interface.at.v4.sin_addr;
    if (rl_address_is_multicast(&c->local)) {
        struct ip_mreq group = {c->local.at.v4.sin_addr, through};

        err = c->local.at.any.sa_family == AF_INET
                  ? set(fd, IP_ADD_MEMBERSHIP, &group, sizeof group)
                  : -EAFNOSUPPORT;
        if (err)
            return rl_socket_refused(why, "join", &c->local, -err);
    }
    if (rl_address_is_multicast(&c->peer)) {
        err = c->peer.at.any.sa_family == AF_INET
                  ? set(fd, IP_MULTICAST_IF, &through, sizeof through)
                  : -EAFNOSUPPORT;
        if (err)
            return rl_socket_refused(why, "send to group", &c->peer, -err);
    }
    return 0;
}

static int set_up(struct udp_port *u, const struct rl_port_config *c, char why[RL_PORT_WHY])
{
    int zero = 0, err = rl_socket_bind(u->fd, &c->local, why);
    uint16_t segment = 64;

    if (!err)
        err = join_groups(u->fd, c, why);
    if (!err && c->peer.n_bytes && connect(u->fd, &c->peer.at.any, c->peer.n_bytes) < 0)
        err = rl_socket_refused(why, "connect", &c->peer, errno);
    if (err)
        return err;
    u->has_peer = c->peer.n_bytes > 0;
    /* A whole socket can be told to segment where a message can: asked and taken back. */
    u->can_segment = setsockopt(u->fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) == 0 &&
                     setsockopt(u->fd, SOL_UDP, UDP_SEGMENT, &zero, sizeof zero) == 0;
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
    struct udp_port *u;
    bool is_polled;
    int fd, err;

    if (n_bytes > 65507 || n_slots > 1 << 16) {
        snprintf(why, RL_PORT_WHY, "udp: a datagram has at most 65507 bytes, a port 65536 slots");
        return -EINVAL;
    }
    fd = rl_socket_open(c, SOCK_DGRAM, &is_polled, why);
    if (fd < 0)
        return fd;
    err = rl_arena_open(&arena,
                        sizeof *u + slots_bytes(n_slots, n_bytes) + slots_bytes(N_BATCH, n_bytes) +
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
    err = set_up(u, c, why);
    if (!err && (!take_slots(&u->in, &arena, n_slots, n_bytes, u->stamps) ||
                 !take_slots(&u->out, &arena, N_BATCH, n_bytes, false)))
        err = -ENOMEM;
    if (err) {
        close(fd);
        rl_arena_close(&arena);
        return err;
    }
    snprintf(u->port.caps.mode, sizeof u->port.caps.mode, "%s%s%s",
             c->wait == RL_WAIT_BUSY_POLL && !is_polled ? "spin, busy-poll refused"
                                                        : rl_wait_name(c->wait),
             u->can_segment ? ", gso" : "", c->accel ? ", accelerated" : "");
    u->arena = arena;
    *port = &u->port;
    return 0;
}
