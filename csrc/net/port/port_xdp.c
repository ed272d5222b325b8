#include "net/port/port_xdp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "net/port/xdp_inner.h"

#define PAGE_BYTES 4096U
#define HEADROOM 256U   /* of each frame, which the kernel keeps for the program */
#define TX_BATCH 64U    /* committed frames that leave without a flush */
#define STUCK_KICKS 16U /* system calls without any progress that a flush makes */
#define BLOCK_MS 5

static void kick_rx(struct rl_xdp_port *x)
{
    rl_port_count(&x->port.rx.rx_syscalls, 1);
    recvfrom(x->rx_fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

static uint32_t xdp_rx_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    struct rl_xdp_port *x = (struct rl_xdp_port *)p;
    uint64_t n_bytes = 0;
    uint32_t n;

    if (x->rx_next == x->rx_seen) {
        x->rx_seen = rl_xdp_read(x->rx.producer);
        if (x->rx_next == x->rx_seen) {
            if (x->polls_rx || (x->wakes_rx && rl_xdp_needs_wakeup(&x->fill)))
                kick_rx(x);
            return 0;
        }
    }
    n = x->rx_seen - x->rx_next;
    if (n > max)
        n = max;
    for (uint32_t i = 0; i < n; i++) {
        const struct xdp_desc *desc = rl_xdp_desc(&x->rx, x->rx_next + i);

        frames[i].data = x->rx_umem + desc->addr;
        frames[i].n_bytes = desc->len;
        n_bytes += desc->len;
    }
    x->rx_next += n;
    rl_port_count(&p->rx.rx_frames, n);
    rl_port_count(&p->rx.rx_bytes, n_bytes);
    return n;
}

static void xdp_rx_release(struct rl_port *p)
{
    struct rl_xdp_port *x = (struct rl_xdp_port *)p;

    if (x->rx_released == x->rx_next)
        return;
    for (; x->rx_released != x->rx_next; x->rx_released++)
        *rl_xdp_address(&x->fill, x->fill_next++) =
            rl_xdp_desc(&x->rx, x->rx_released)->addr & x->chunk_mask;
    rl_xdp_publish(x->rx.consumer, x->rx_released);
    rl_xdp_publish(x->fill.producer, x->fill_next);
}

static void xdp_rx_wait(struct rl_port *p)
{
    struct rl_xdp_port *x = (struct rl_xdp_port *)p;

    if (!x->blocks)
        return;
    rl_port_count(&p->rx.rx_syscalls, 1);
    poll(&(struct pollfd){.fd = x->rx_fd, .events = POLLIN}, 1, BLOCK_MS);
}

/* The kernel's numbers run on, so they are put, not added. */
static void xdp_ask_kernel(struct rl_port *p)
{
    struct rl_xdp_port *x = (struct rl_xdp_port *)p;
    struct xdp_statistics stats = {0};
    socklen_t n_bytes = sizeof(stats);

    rl_port_count(&p->rx.rx_syscalls, 1);
    if (getsockopt(x->rx_fd, SOL_XDP, XDP_STATISTICS, &stats, &n_bytes) == 0)
        atomic_store_explicit(&p->rx.rx_dropped, stats.rx_dropped + stats.rx_ring_full,
                              memory_order_relaxed);
}

/* What the kernel has sent can be reserved again. */
static void reap(struct rl_xdp_port *x)
{
    uint32_t n_done = rl_xdp_read(x->done.producer);

    if (x->done_next == n_done)
        return;
    while (x->done_next != n_done)
        x->free[x->n_free++] = *rl_xdp_address(&x->done, x->done_next++) & x->chunk_mask;
    rl_xdp_publish(x->done.consumer, n_done);
}

/* Descriptors before `until` are the kernel's or the NIC's now. */
static void count_sent(struct rl_xdp_port *x, uint32_t until)
{
    uint32_t n = until - x->tx_counted;
    uint64_t n_bytes = 0;

    for (; x->tx_counted != until; x->tx_counted++)
        n_bytes += rl_xdp_desc(&x->tx, x->tx_counted)->len;
    rl_port_count(&x->port.tx.tx_frames, n);
    rl_port_count(&x->port.tx.tx_bytes, n_bytes);
}

static int kick_tx(struct rl_xdp_port *x)
{
    rl_port_count(&x->port.tx.tx_syscalls, 1);
    return sendto(x->tx_fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 ? errno : 0;
}

/*
 * Copy modes: the system call itself sends, some tens of frames at a time. It ends early after a
 * frame that the device dropped (EBUSY: it is gone, and was consumed) and when the device or the
 * send buffer is full (EAGAIN: nothing is gone).
 */
static void send_copies(struct rl_xdp_port *x)
{
    uint32_t n_stuck = 0, taken = rl_xdp_read(x->tx.consumer);

    while (taken != x->tx_published && n_stuck < STUCK_KICKS) {
        uint32_t before = taken;
        int err = kick_tx(x);

        taken = rl_xdp_read(x->tx.consumer);
        n_stuck = taken == before ? n_stuck + 1 : 0;
        if (RL_UNLIKELY(err == EBUSY && taken != before)) { /* the last one of those it took */
            count_sent(x, taken - 1);
            x->tx_counted = taken;
            rl_port_count(&x->port.tx.tx_lost, 1);
        }
        if (err == ENETDOWN || err == ENXIO)
            break;
    }
    count_sent(x, taken);
}

static void push(struct rl_xdp_port *x)
{
    if (x->tx_published != x->tx_next) {
        x->tx_published = x->tx_next;
        rl_xdp_publish(x->tx.producer, x->tx_published);
    }
    if (!x->is_zero_copy) {
        send_copies(x);
    } else {
        if (rl_xdp_needs_wakeup(&x->tx))
            kick_tx(x);
        count_sent(x, x->tx_published);
    }
    reap(x);
}

static uint8_t *xdp_tx_reserve(struct rl_port *p, uint32_t n_bytes)
{
    struct rl_xdp_port *x = (struct rl_xdp_port *)p;

    if (RL_UNLIKELY(n_bytes > p->caps.n_bytes_frame_max)) {
        rl_port_count(&p->tx.tx_too_large, 1);
        return NULL;
    }
    if (x->reserved == RL_XDP_NO_FRAME) {
        reap(x);
        if (RL_UNLIKELY(x->n_free == 0)) {
            push(x);
            if (x->n_free == 0) {
                rl_port_count(&p->tx.tx_full, 1);
                return NULL;
            }
        }
        x->reserved = x->free[--x->n_free];
    }
    return x->tx_umem + x->reserved;
}

static void xdp_tx_commit(struct rl_port *p, uint32_t n_bytes)
{
    struct rl_xdp_port *x = (struct rl_xdp_port *)p;

    if (n_bytes == 0) {
        x->free[x->n_free++] = x->reserved;
    } else if (RL_UNLIKELY(
                   !rl_raw_can_send(x->tx_umem + x->reserved, n_bytes, x->n_bytes_untagged))) {
        x->free[x->n_free++] = x->reserved;
        rl_port_count(&p->tx.tx_lost, 1);
    } else {
        *rl_xdp_desc(&x->tx, x->tx_next++) = (struct xdp_desc){.addr = x->reserved, .len = n_bytes};
    }
    x->reserved = RL_XDP_NO_FRAME;
    if (RL_UNLIKELY(x->tx_next - x->tx_published >= TX_BATCH))
        push(x);
}

static void xdp_tx_flush(struct rl_port *p)
{
    struct rl_xdp_port *x = (struct rl_xdp_port *)p;

    if (x->tx_counted != x->tx_next)
        push(x);
}

static void xdp_close(struct rl_port *p)
{
    struct rl_xdp_port *x = (struct rl_xdp_port *)p;
    struct rl_arena arena = x->arena; /* it lies in the arena itself */

    rl_xdp_path_close(&x->path);
    rl_raw_ears_close(&x->ears);
    rl_arena_close(&arena);
}

static const struct rl_port_ops xdp_ops = {
    .name = "afxdp",
    .rx_burst = xdp_rx_burst,
    .rx_release = xdp_rx_release,
    .tx_reserve = xdp_tx_reserve,
    .tx_commit = xdp_tx_commit,
    .tx_flush = xdp_tx_flush,
    .rx_wait = xdp_rx_wait,
    .ask_kernel = xdp_ask_kernel,
    .close = xdp_close,
};

/* The UMEM first: it must lie on a page. */
static struct rl_xdp_port *lay_out(const struct rl_raw_plan *plan)
{
    uint32_t n_bytes_chunk = plan->n_bytes_frame <= PAGE_BYTES / 2 - HEADROOM ? 2048 : 4096;
    size_t n_bytes_umem = 2 * (size_t)plan->n_slots * n_bytes_chunk;
    struct rl_arena arena;
    struct rl_xdp_port *x;
    uint8_t *umem;

    n_bytes_umem = (n_bytes_umem + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
    if (rl_arena_open(&arena,
                      n_bytes_umem + sizeof(*x) + plan->n_slots * sizeof(uint64_t) + PAGE_BYTES,
                      RL_ARENA_ALL) != 0)
        return NULL;
    umem = rl_arena_take(&arena, n_bytes_umem, PAGE_BYTES);
    x = rl_arena_take(&arena, sizeof(*x), 0);
    x->free = rl_arena_take(&arena, plan->n_slots * sizeof(uint64_t), 0);
    x->memory = (struct rl_xdp_memory){.umem = umem,
                                       .n_bytes = n_bytes_umem,
                                       .n_bytes_chunk = n_bytes_chunk,
                                       .n_slots = plan->n_slots};
    x->rx_umem = x->tx_umem = umem;
    x->chunk_mask = ~((uint64_t)n_bytes_chunk - 1);
    x->arena = arena;
    return x;
}

/* The first half of the frames is the kernel's already; the second half is to send. */
static void deal_frames(struct rl_xdp_port *x)
{
    uint32_t n_slots = x->memory.n_slots;

    x->fill_next = n_slots;
    for (x->n_free = 0; x->n_free < n_slots; x->n_free++)
        x->free[x->n_free] = (2 * (uint64_t)n_slots - 1 - x->n_free) * x->memory.n_bytes_chunk;
    x->reserved = RL_XDP_NO_FRAME;
}

static void say_mode(struct rl_port_caps *caps, const struct rl_xdp_path *path, enum rl_wait wait)
{
    snprintf(caps->mode, sizeof(caps->mode), "%s%s, need-wakeup%s%s", rl_xdp_mode_name(path->mode),
             path->mode == RL_XDP_ZERO_COPY ? "" : " copy", wait == RL_WAIT_SPIN ? "" : ", ",
             wait == RL_WAIT_SPIN ? "" : rl_wait_name(wait));
}

static void wire_up(struct rl_xdp_port *x, const struct rl_raw_plan *plan, enum rl_wait wait)
{
    const struct rl_xdp_socket *s = &x->path.socket;

    x->rx = s->rx;
    x->fill = s->fill;
    x->tx = s->tx;
    x->done = s->done;
    x->rx_fd = x->tx_fd = s->fd;
    x->is_zero_copy = x->path.mode == RL_XDP_ZERO_COPY;
    x->polls_rx = wait == RL_WAIT_BUSY_POLL;
    x->wakes_rx = x->is_zero_copy;
    x->blocks = wait == RL_WAIT_BLOCK;
    x->n_bytes_untagged = plan->n_bytes_untagged;
    x->port.ops = &xdp_ops;
    x->port.caps = (struct rl_port_caps){
        .n_bytes_frame_max = plan->n_bytes_send,
        .is_ethernet = true,
        .zero_copy_rx = x->is_zero_copy,
        .zero_copy_tx = x->is_zero_copy,
        .needs_syscall = true,
        .stamp = RL_STAMP_NONE,
    };
    say_mode(&x->port.caps, &x->path, wait);
}

int rl_xdp_port_open(struct rl_port **port, const struct rl_port_config *c, char why[RL_PORT_WHY])
{
    struct rl_raw_plan plan;
    struct rl_xdp_port *x;
    struct rl_arena arena;
    int err = rl_raw_plan(&plan, c, RL_XDP_FRAME_MAX, why);

    if (err)
        return err;
    x = lay_out(&plan);
    if (x == NULL) {
        snprintf(why, RL_PORT_WHY, "%s: afxdp: no memory for frames", plan.interface.name);
        return -ENOMEM;
    }
    arena = x->arena;
    err = rl_raw_ears_open(&x->ears, &plan, why);
    if (err)
        goto out_arena;
    err = rl_xdp_path_open(&x->path, &plan, c, &x->memory, why);
    if (err)
        goto out_ears;
    wire_up(x, &plan, c->wait);
    deal_frames(x);
    *port = &x->port;
    return 0;
out_ears:
    rl_raw_ears_close(&x->ears);
out_arena:
    rl_arena_close(&arena);
    return err;
}
