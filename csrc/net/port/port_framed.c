#include "net/port/port_framed.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"

#define LOOKS_DEFAULT 256

struct framed {
    struct rl_port port; /* first: the ops cast back */
    struct rl_port_ops ops;
    struct rl_port *raw;
    struct rl_arena arena;
    struct rl_flow_filter want;
    /* The receiving thread's. */
    RL_ALIGNED uint32_t n_looks_max; /* frames of one burst */
    bool holds_frames;               /* the caller has some that were not released */
    _Atomic uint64_t refused[RL_N_FRAME_REASONS];
    uint64_t n_refused;
    /* The sending thread's. */
    RL_ALIGNED struct rl_frame_template headers;
    uint8_t *reserved; /* whole frame; NULL: none */
    uint64_t n_too_large;
};

static void put(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/*
 * What the port below knows better: lost frames and system calls. Its counters may move only in
 * calls of this port, so whoever made the call carries them up.
 */
static void carry_rx(struct framed *f)
{
    put(&f->port.rx.rx_invalid, f->n_refused + get(&f->raw->rx.rx_invalid));
    put(&f->port.rx.rx_dropped, get(&f->raw->rx.rx_dropped));
    put(&f->port.rx.rx_syscalls, get(&f->raw->rx.rx_syscalls));
}

static void carry_tx(struct framed *f)
{
    uint64_t n_frames = get(&f->raw->tx.tx_frames);

    put(&f->port.tx.tx_frames, n_frames);
    put(&f->port.tx.tx_bytes, get(&f->raw->tx.tx_bytes) - n_frames * f->headers.n_header);
    put(&f->port.tx.tx_lost, get(&f->raw->tx.tx_lost));
    put(&f->port.tx.tx_syscalls, get(&f->raw->tx.tx_syscalls));
}

/* Frames become datagrams in place; those refused are squeezed out. Returns how many are left. */
static uint32_t keep_wanted(struct framed *f, struct rl_frame *frames, uint32_t n)
{
    uint32_t n_kept = 0;
    uint64_t n_bytes = 0;

    for (uint32_t i = 0; i < n; i++) {
        struct rl_datagram d;
        enum rl_frame_reason reason =
            rl_frame_read(frames[i].data, frames[i].n_bytes, &f->want, &d);

        if (RL_UNLIKELY(reason != RL_FRAME_OK)) {
            rl_port_count(&f->refused[reason], 1);
            f->n_refused++;
            continue;
        }
        frames[n_kept++] = (struct rl_frame){
            .data = d.payload, .n_bytes = d.n_bytes, .stamp_ns = frames[i].stamp_ns};
        n_bytes += d.n_bytes;
    }
    if (n_kept > 0) {
        rl_port_count(&f->port.rx.rx_frames, n_kept);
        rl_port_count(&f->port.rx.rx_bytes, n_bytes);
    }
    return n_kept;
}

static uint32_t framed_rx_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    struct framed *f = (struct framed *)p;
    uint32_t n, n_kept = 0;

    for (uint32_t n_looks = 0; n_looks < f->n_looks_max; n_looks += n) {
        n = rl_port_rx_burst(f->raw, frames, max);
        if (n == 0)
            break;
        n_kept = keep_wanted(f, frames, n);
        if (RL_LIKELY(n_kept > 0)) {
            f->holds_frames = true;
            break;
        }
        if (!f->holds_frames) /* the caller got nothing, so it has no reason to release */
            rl_port_rx_release(f->raw);
    }
    carry_rx(f);
    return n_kept;
}

static void framed_rx_release(struct rl_port *p)
{
    struct framed *f = (struct framed *)p;

    f->holds_frames = false;
    rl_port_rx_release(f->raw);
}

static void framed_rx_wait(struct rl_port *p)
{
    rl_port_rx_wait(((struct framed *)p)->raw);
}

static uint8_t *framed_tx_reserve(struct rl_port *p, uint32_t n_bytes)
{
    struct framed *f = (struct framed *)p;

    f->reserved = NULL;
    if (RL_LIKELY(n_bytes <= p->caps.n_bytes_frame_max))
        f->reserved = rl_port_tx_reserve(f->raw, f->headers.n_header + n_bytes);
    else
        f->n_too_large++;
    if (RL_LIKELY(f->reserved != NULL))
        return f->reserved + f->headers.n_header;
    put(&p->tx.tx_full, get(&f->raw->tx.tx_full));
    put(&p->tx.tx_too_large, f->n_too_large + get(&f->raw->tx.tx_too_large));
    carry_tx(f); /* making room may have lost frames */
    return NULL;
}

static void framed_tx_commit(struct rl_port *p, uint32_t n_bytes)
{
    struct framed *f = (struct framed *)p;
    uint32_t n_frame = 0;

    if (RL_LIKELY(n_bytes > 0)) /* 0 gives the reservation back, below as here */
        n_frame = rl_frame_write(&f->headers, f->reserved, n_bytes, 0);
    rl_port_tx_commit(f->raw, n_frame);
    carry_tx(f);
}

static void framed_tx_flush(struct rl_port *p)
{
    struct framed *f = (struct framed *)p;

    rl_port_tx_flush(f->raw);
    carry_tx(f);
}

static void framed_ask_kernel(struct rl_port *p)
{
    struct framed *f = (struct framed *)p;

    f->raw->ops->ask_kernel(f->raw);
    carry_rx(f);
}

static void framed_close(struct rl_port *p)
{
    struct rl_arena arena = ((struct framed *)p)->arena; /* it lies in the arena itself */

    rl_port_close(((struct framed *)p)->raw);
    rl_arena_close(&arena);
}

/* The name stays that of the port below: it is what carries the frames. */
static struct rl_port_ops ops_over(const struct rl_port_ops *raw)
{
    return (struct rl_port_ops){
        .name = raw->name,
        .rx_burst = framed_rx_burst,
        .rx_release = framed_rx_release,
        .tx_reserve = framed_tx_reserve,
        .tx_commit = framed_tx_commit,
        .tx_flush = raw->tx_flush != NULL ? framed_tx_flush : NULL,
        .rx_wait = raw->rx_wait != NULL ? framed_rx_wait : NULL,
        .ask_kernel = raw->ask_kernel != NULL ? framed_ask_kernel : NULL,
        .close = framed_close,
    };
}

static struct rl_port_caps caps_over(const struct rl_port_caps *raw, uint32_t n_header)
{
    struct rl_port_caps caps = *raw;

    caps.is_ethernet = false;
    caps.n_bytes_frame_max = raw->n_bytes_frame_max - n_header;
    if (caps.n_bytes_frame_max > RL_FRAME_PAYLOAD_MAX)
        caps.n_bytes_frame_max = RL_FRAME_PAYLOAD_MAX;
    return caps;
}

static bool only_receives(const struct rl_flow *tx)
{
    return tx->to_ip == 0 && tx->to_port == 0;
}

static int refuse(char *why, const char *what)
{
    snprintf(why, RL_PORT_WHY, "framed: %s", what);
    return -EINVAL;
}

int rl_framed_port_open(struct rl_port **port, struct rl_port *raw, const struct rl_flow *tx,
                        const struct rl_flow_filter *rx, uint32_t n_slots, char why[RL_PORT_WHY])
{
    struct rl_flow_filter want = rx != NULL ? *rx : rl_flow_mirror(tx);
    struct rl_frame_template headers = {.n_header = 0};
    struct rl_arena arena;
    struct framed *f;
    int err;

    if (!only_receives(tx) && rl_frame_template_init(&headers, tx) != 0)
        return refuse(why, rl_flow_refusal(tx));
    if (rl_flow_filter_refusal(&want) != NULL)
        return refuse(why, rl_flow_filter_refusal(&want));
    if (!raw->caps.is_ethernet)
        return refuse(why, "the port below carries no Ethernet frames");
    if (raw->caps.n_bytes_frame_max <= headers.n_header)
        return refuse(why, "the frames of the port below are shorter than the headers");
    err = rl_arena_open(&arena, sizeof(*f), RL_ARENA_PREFAULT | RL_ARENA_LOCK);
    if (err) {
        snprintf(why, RL_PORT_WHY, "framed: no memory for a port");
        return err;
    }
    f = rl_arena_take(&arena, sizeof(*f), 0);
    f->ops = ops_over(raw->ops);
    f->port.ops = &f->ops;
    f->port.caps = caps_over(&raw->caps, headers.n_header);
    if (only_receives(tx))
        f->port.caps.n_bytes_frame_max = 0;
    f->raw = raw;
    f->arena = arena;
    f->want = want;
    f->headers = headers;
    f->n_looks_max = n_slots > 0 ? n_slots : LOOKS_DEFAULT;
    *port = &f->port;
    return 0;
}

bool rl_framed_port_reasons(const struct rl_port *port, uint64_t counts[RL_N_FRAME_REASONS])
{
    const struct framed *f = (const struct framed *)port;

    if (port->ops->close != framed_close)
        return false;
    for (uint32_t i = 0; i < RL_N_FRAME_REASONS; i++)
        counts[i] = get(&f->refused[i]);
    return true;
}
