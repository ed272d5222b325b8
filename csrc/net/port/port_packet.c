#include "net/port/port_packet.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/port/packet_socket.h"

#define BYTES_FRAME_DEFAULT \
    9216U            /* jumbo; slots of loopback's 64 KiB would make a ring of 128 MiB */
#define TX_SLOTS 64U /* frames of one system call */
#define BLOCK_MS 5
#define FULL_WAITS 10 /* milliseconds that a flush gives a full send buffer */

struct packet_port {
    struct rl_port port; /* first: the ops cast back */
    struct rl_arena arena;
    struct rl_raw_ears ears;
    struct rl_packet_socket socket;
    bool blocks;
    /* The receiving thread's. Positions run on for ever; the slot is their lower bits. */
    RL_ALIGNED uint8_t *ring;
    uint32_t slot_shift, slot_mask;
    int fd;
    uint32_t rx_next, rx_released;
    uint32_t n_held; /* of the slots between them, how many the caller has */
    bool wants_stamps;
    uint32_t stamp_status; /* all bits of which a frame's status has when its stamp counts */
    /* The sending thread's: frames between tx_sent and tx_next wait to be flushed. */
    RL_ALIGNED struct mmsghdr *messages;
    struct iovec *pieces;
    int tx_fd; /* the same socket: its number on the sender's own line */
    uint32_t tx_next, tx_sent;
    uint32_t n_bytes_untagged;
};

static struct tpacket2_hdr *slot_at(const struct packet_port *pp, uint32_t position)
{
    return (struct tpacket2_hdr *)(pp->ring +
                                   ((size_t)(position & pp->slot_mask) << pp->slot_shift));
}

/* Pairs with the barrier by which the kernel writes the status after the frame. */
static uint32_t slot_status(const struct tpacket2_hdr *slot)
{
    return atomic_load_explicit((const _Atomic uint32_t *)&slot->tp_status, memory_order_acquire);
}

static void give_back_slots(struct packet_port *pp)
{
    for (; pp->rx_released != pp->rx_next; pp->rx_released++)
        atomic_store_explicit((_Atomic uint32_t *)&slot_at(pp, pp->rx_released)->tp_status,
                              TP_STATUS_KERNEL, memory_order_release);
    pp->n_held = 0;
}

/* The kernel takes the tag off before packet sockets see the frame, and tells it beside it. */
static void put_back_tag(const struct tpacket2_hdr *slot, uint32_t status, struct rl_frame *frame)
{
    uint8_t *from = (uint8_t *)slot + slot->tp_mac, *to = from - RL_VLAN_TAG;
    uint16_t type = status & TP_STATUS_VLAN_TPID_VALID ? slot->tp_vlan_tpid : RL_ETHERTYPE_VLAN;

    if (slot->tp_snaplen < RL_ETHERNET_HEADER)
        return;
    memmove(to, from, 12);
    rl_net16_put(to + 12, type);
    rl_net16_put(to + 14, slot->tp_vlan_tci);
    frame->data = to;
    frame->n_bytes += RL_VLAN_TAG;
}

/* 0 for a frame that the NIC did not stamp where others are stamped by it: clocks never mix. */
static uint64_t stamp_of(const struct packet_port *pp, const struct tpacket2_hdr *slot,
                         uint32_t status)
{
    if ((status & pp->stamp_status) != pp->stamp_status)
        return 0;
    return (uint64_t)slot->tp_sec * 1000000000 + slot->tp_nsec;
}

static uint32_t packet_rx_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    struct packet_port *pp = (struct packet_port *)p;
    uint64_t n_bytes = 0;
    uint32_t n = 0, n_invalid = 0;

    /* Slots that are held still say that they are ours, so a ring that is all held must end it. */
    while (n < max && pp->rx_next - pp->rx_released <= pp->slot_mask) {
        struct tpacket2_hdr *slot = slot_at(pp, pp->rx_next);
        uint32_t status = slot_status(slot);

        if (!(status & TP_STATUS_USER))
            break;
        pp->rx_next++;
        if (RL_UNLIKELY(slot->tp_snaplen < slot->tp_len)) {
            n_invalid++;
            continue;
        }
        frames[n].data = (uint8_t *)slot + slot->tp_mac;
        frames[n].n_bytes = slot->tp_snaplen;
        if (RL_UNLIKELY(status & TP_STATUS_VLAN_VALID))
            put_back_tag(slot, status, &frames[n]);
        if (pp->wants_stamps)
            frames[n].stamp_ns = stamp_of(pp, slot, status);
        n_bytes += frames[n++].n_bytes;
    }
    if (n > 0) {
        pp->n_held += n;
        rl_port_count(&p->rx.rx_frames, n);
        rl_port_count(&p->rx.rx_bytes, n_bytes);
    }
    if (RL_UNLIKELY(n_invalid > 0)) {
        rl_port_count(&p->rx.rx_invalid, n_invalid);
        if (pp->n_held == 0) /* a caller that has no frame will not release any */
            give_back_slots(pp);
    }
    return n;
}

static void packet_rx_release(struct rl_port *p)
{
    give_back_slots((struct packet_port *)p);
}

static void packet_rx_wait(struct rl_port *p)
{
    struct packet_port *pp = (struct packet_port *)p;
    struct pollfd wait = {.fd = pp->fd, .events = POLLIN};

    if (!pp->blocks)
        return;
    rl_port_count(&p->rx.rx_syscalls, 1);
    if (poll(&wait, 1, BLOCK_MS) > 0 && wait.revents & POLLERR) {
        int trouble; /* the interface went down: asking forgets it, or poll would never sleep */
        socklen_t n = sizeof(trouble);

        getsockopt(pp->fd, SOL_SOCKET, SO_ERROR, &trouble, &n);
        poll(&wait, 1, BLOCK_MS);
    }
}

static void packet_ask_kernel(struct rl_port *p)
{
    struct packet_port *pp = (struct packet_port *)p;
    struct tpacket_stats stats;
    socklen_t n = sizeof(stats);

    rl_port_count(&p->rx.rx_syscalls, 1);
    if (getsockopt(pp->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &n) == 0)
        rl_port_count(&p->rx.rx_dropped, stats.tp_drops); /* asking sets the kernel's to zero */
}

/* Sends the waiting frames from slot `first` on; how many the kernel took, or -1. */
static int send_run(struct packet_port *pp, uint32_t first, uint32_t n)
{
    const struct iovec *piece = &pp->pieces[first];

    rl_port_count(&pp->port.tx.tx_syscalls, 1);
    if (RL_LIKELY(n == 1)) /* spares the kernel a header to copy */
        return send(pp->tx_fd, piece->iov_base, piece->iov_len, MSG_DONTWAIT) < 0 ? -1 : 1;
    return sendmmsg(pp->tx_fd, pp->messages + first, n, MSG_DONTWAIT);
}

static void count_sent(struct packet_port *pp, uint32_t first, uint32_t n)
{
    uint64_t n_bytes = 0;

    for (uint32_t i = 0; i < n; i++)
        n_bytes += pp->pieces[first + i].iov_len;
    rl_port_count(&pp->port.tx.tx_frames, n);
    rl_port_count(&pp->port.tx.tx_bytes, n_bytes);
    pp->tx_sent += n;
}

/*
 * What waits is sent or lost; while the send buffer is full it may wait on, unless `is_last`: then
 * the buffer gets some milliseconds to drain, all in all.
 */
static void push(struct packet_port *pp, bool is_last)
{
    uint32_t n_waits = 0;

    while (pp->tx_sent != pp->tx_next) {
        uint32_t first = pp->tx_sent % TX_SLOTS, n = pp->tx_next - pp->tx_sent;
        int n_sent = send_run(pp, first, n < TX_SLOTS - first ? n : TX_SLOTS - first);

        if (RL_LIKELY(n_sent > 0)) {
            count_sent(pp, first, (uint32_t)n_sent);
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN && !is_last)
            return;
        if (errno == EAGAIN && n_waits < FULL_WAITS) {
            n_waits++;
            rl_port_count(&pp->port.tx.tx_syscalls, 1);
            poll(&(struct pollfd){.fd = pp->tx_fd, .events = POLLOUT}, 1, 1);
            continue;
        }
        rl_port_count(&pp->port.tx.tx_lost, 1); /* the device was full, is down, ... */
        pp->tx_sent++;
    }
}

static uint8_t *packet_tx_reserve(struct rl_port *p, uint32_t n_bytes)
{
    struct packet_port *pp = (struct packet_port *)p;

    if (RL_UNLIKELY(n_bytes > p->caps.n_bytes_frame_max)) {
        rl_port_count(&p->tx.tx_too_large, 1);
        return NULL;
    }
    if (RL_UNLIKELY(pp->tx_next - pp->tx_sent == TX_SLOTS)) {
        push(pp, false);
        if (pp->tx_next - pp->tx_sent == TX_SLOTS) {
            rl_port_count(&p->tx.tx_full, 1);
            return NULL;
        }
    }
    if (pp->tx_sent == pp->tx_next)
        pp->tx_sent = pp->tx_next = 0; /* the first slot again: it is warm */
    return pp->pieces[pp->tx_next % TX_SLOTS].iov_base;
}

static void packet_tx_commit(struct rl_port *p, uint32_t n_bytes)
{
    struct packet_port *pp = (struct packet_port *)p;
    struct iovec *piece = &pp->pieces[pp->tx_next % TX_SLOTS];

    if (n_bytes == 0)
        return;
    if (RL_UNLIKELY(!rl_raw_can_send(piece->iov_base, n_bytes, pp->n_bytes_untagged))) {
        rl_port_count(&p->tx.tx_lost, 1);
        return;
    }
    piece->iov_len = n_bytes;
    pp->tx_next++;
    if (pp->tx_next - pp->tx_sent == TX_SLOTS)
        push(pp, false);
}

static void packet_tx_flush(struct rl_port *p)
{
    push((struct packet_port *)p, true);
}

static void packet_close(struct rl_port *p)
{
    struct packet_port *pp = (struct packet_port *)p;
    struct rl_arena arena = pp->arena; /* it lies in the arena itself */

    rl_packet_socket_close(&pp->socket);
    rl_raw_ears_close(&pp->ears);
    rl_arena_close(&arena);
}

static const struct rl_port_ops packet_ops = {
    .name = "afpacket",
    .rx_burst = packet_rx_burst,
    .rx_release = packet_rx_release,
    .tx_reserve = packet_tx_reserve,
    .tx_commit = packet_tx_commit,
    .tx_flush = packet_tx_flush,
    .rx_wait = packet_rx_wait,
    .ask_kernel = packet_ask_kernel,
    .close = packet_close,
};

/* Everything in one arena, the port first; frames to send on pages of their own. */
static struct packet_port *lay_out(struct rl_arena *arena, uint32_t n_bytes_send)
{
    size_t n_bytes_slot = (n_bytes_send + RL_CACHE_LINE - 1) & ~(size_t)(RL_CACHE_LINE - 1);
    size_t n_bytes = sizeof(struct packet_port) +
                     TX_SLOTS * (sizeof(struct mmsghdr) + sizeof(struct iovec) + n_bytes_slot) +
                     4 * RL_CACHE_LINE;
    struct packet_port *pp;
    uint8_t *frames;

    if (rl_arena_open(arena, n_bytes, RL_ARENA_PREFAULT | RL_ARENA_LOCK) != 0)
        return NULL;
    pp = rl_arena_take(arena, sizeof(*pp), 0);
    pp->messages = rl_arena_take(arena, TX_SLOTS * sizeof(*pp->messages), 0);
    pp->pieces = rl_arena_take(arena, TX_SLOTS * sizeof(*pp->pieces), 0);
    frames = rl_arena_take(arena, TX_SLOTS * n_bytes_slot, 0);
    for (uint32_t i = 0; i < TX_SLOTS; i++) {
        pp->pieces[i].iov_base = frames + i * n_bytes_slot;
        pp->messages[i].msg_hdr.msg_iov = &pp->pieces[i];
        pp->messages[i].msg_hdr.msg_iovlen = 1;
    }
    pp->arena = *arena;
    return pp;
}

static struct rl_port_caps caps_of(const struct packet_port *pp, const struct rl_raw_plan *plan)
{
    struct rl_port_caps caps = {
        .n_bytes_frame_max = plan->n_bytes_send,
        .is_ethernet = true,
        .needs_syscall = true,
        .stamp = pp->socket.stamp,
    };

    snprintf(caps.mode, sizeof(caps.mode), "tpacket v2, qdisc%s%s%s",
             pp->socket.bypasses_qdisc ? " bypass" : "",
             pp->socket.bypass_fd >= 0 ? ", stack bypass" : "", pp->blocks ? ", block" : "");
    return caps;
}

static int open_port(struct rl_port **port, const struct rl_raw_plan *plan,
                     const struct rl_packet_socket *s, const struct rl_raw_ears *ears, bool blocks)
{
    struct rl_arena arena;
    struct packet_port *pp = lay_out(&arena, plan->n_bytes_send);

    if (pp == NULL)
        return -ENOMEM;
    pp->socket = *s;
    pp->ears = *ears;
    pp->blocks = blocks;
    pp->ring = s->ring;
    pp->slot_shift = s->slot_shift;
    pp->slot_mask = s->n_slots - 1;
    pp->fd = pp->tx_fd = s->fd;
    pp->wants_stamps = s->stamp != RL_STAMP_NONE;
    pp->stamp_status = s->stamp == RL_STAMP_HARDWARE ? TP_STATUS_TS_RAW_HARDWARE : 0;
    pp->n_bytes_untagged = plan->n_bytes_untagged;
    pp->port.ops = &packet_ops;
    pp->port.caps = caps_of(pp, plan);
    *port = &pp->port;
    return 0;
}

int rl_packet_port_open(struct rl_port **port, const struct rl_port_config *c,
                        char why[RL_PORT_WHY])
{
    struct rl_raw_plan plan;
    struct rl_raw_ears ears;
    struct rl_packet_socket s;
    uint32_t n_bytes_max = c->n_bytes_frame > 0 ? RL_PACKET_FRAME_MAX : BYTES_FRAME_DEFAULT;
    int err;

    if (c->wait == RL_WAIT_BUSY_POLL) {
        snprintf(why, RL_PORT_WHY, "%.15s: afpacket: cannot busy-poll; udp and afxdp can",
                 c->interface);
        return -EOPNOTSUPP;
    }
    err = rl_raw_plan(&plan, c, n_bytes_max, why);
    if (err)
        return err;
    err = rl_packet_socket_open(&s, &plan, c->wants_stamps, why);
    if (err)
        return err;
    err = rl_raw_ears_open(&ears, &plan, why);
    if (err)
        goto out_socket;
    err = open_port(port, &plan, &s, &ears, c->wait == RL_WAIT_BLOCK);
    if (err == 0)
        return 0;
    snprintf(why, RL_PORT_WHY, "%s: afpacket: no memory for a port", plan.interface.name);
    rl_raw_ears_close(&ears);
out_socket:
    rl_packet_socket_close(&s);
    return err;
}
