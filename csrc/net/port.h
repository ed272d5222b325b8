/*
 * port - one end of a network path: frames in, frames out, whatever carries them.
 *
 * Threads:  one thread receives, one sends; they may be the same. Any may read the counters.
 * Memory:   received frames stay in the backend's memory (zero copy) until rl_port_rx_release; a
 *           reserved send buffer is the backend's too, and the frame is written in place.
 * Cost:     one indirect call more than the backend; no allocation and, on `shm`, no system call.
 *
 * A backend fills in a struct rl_port_ops and embeds a struct rl_port as its first member.
 */
#ifndef RL_NET_PORT_H
#define RL_NET_PORT_H

#include <stdatomic.h>

#include "base/defs.h"

struct rl_port;

/* One received frame; valid until the next rl_port_rx_release of its port. */
struct rl_frame {
    const uint8_t *data;
    uint32_t n_bytes;
};

struct rl_port_ops {
    const char *name; /* "shm", "udp", ... */
    uint32_t (*rx_burst)(struct rl_port *p, struct rl_frame *frames, uint32_t max);
    void (*rx_release)(struct rl_port *p);
    uint8_t *(*tx_reserve)(struct rl_port *p, uint32_t n_bytes);
    void (*tx_commit)(struct rl_port *p, uint32_t n_bytes);
};

/* What the backend obtained, so that a report can say what was measured. */
struct rl_port_caps {
    uint32_t n_bytes_frame_max; /* the longest frame tx_reserve can ever grant */
    bool zero_copy_rx;
    bool zero_copy_tx;
    bool needs_syscall; /* receiving or sending enters the kernel */
};

/* One writer each; X(name, what it counts). */
#define RL_PORT_RX_COUNTERS(X)      \
    X(rx_frames, "frames received") \
    X(rx_bytes, "bytes received")
#define RL_PORT_TX_COUNTERS(X)                      \
    X(tx_frames, "frames sent")                     \
    X(tx_bytes, "bytes sent")                       \
    X(tx_full, "reservations refused: no room now") \
    X(tx_too_large, "reservations refused: longer than the port can ever take")

#define RL_PORT_COUNTER_MEMBER(name, what) _Atomic uint64_t name;
struct rl_port_rx_counters {
    RL_PORT_RX_COUNTERS(RL_PORT_COUNTER_MEMBER)
};
struct rl_port_tx_counters {
    RL_PORT_TX_COUNTERS(RL_PORT_COUNTER_MEMBER)
};
#undef RL_PORT_COUNTER_MEMBER

struct rl_port {
    const struct rl_port_ops *ops;
    struct rl_port_caps caps;
    RL_ALIGNED struct rl_port_rx_counters rx; /* the receiving thread's line */
    RL_ALIGNED struct rl_port_tx_counters tx; /* the sending thread's line */
};

/* One-writer counter: a plain add whose value other threads may read at any time. */
static inline void rl_port_count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/*
 * Up to `max` frames, oldest first, without waiting; 0 when there are none. Frames of earlier
 * bursts stay valid until rl_port_rx_release.
 */
static inline uint32_t rl_port_rx_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    return p->ops->rx_burst(p, frames, max);
}

/* Gives back every frame received so far. */
static inline void rl_port_rx_release(struct rl_port *p)
{
    p->ops->rx_release(p);
}

/* Room to write one frame of up to n_bytes in place; NULL when full or too large, and counted. */
static inline uint8_t *rl_port_tx_reserve(struct rl_port *p, uint32_t n_bytes)
{
    return p->ops->tx_reserve(p, n_bytes);
}

/* Sends the first n_bytes of the reserved frame. The bytes have left when this returns. */
static inline void rl_port_tx_commit(struct rl_port *p, uint32_t n_bytes)
{
    p->ops->tx_commit(p, n_bytes);
}

/* A copy for reports: each number is whole, together they may be a frame apart. */
struct rl_port_stats {
    uint64_t rx_frames, rx_bytes;
    uint64_t tx_frames, tx_bytes, tx_full, tx_too_large;
};
struct rl_port_stats rl_port_stats_now(const struct rl_port *p);

#endif
