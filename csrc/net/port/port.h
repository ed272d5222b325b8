/*
 * port - one end of a network path: frames in, frames out, whatever carries them.
 *
 * Threads:  one thread receives, one sends; they may be the same. Any may read the counters.
 * Memory:   received frames stay in the backend's memory (zero copy) until rl_port_rx_release; a
 *           reserved send buffer is the backend's too, and the frame is written in place.
 * Cost:     one indirect call more than the backend; no allocation and, on `shm`, no system call.
 *
 * A backend fills in a struct rl_port_ops and embeds a struct rl_port as its first member. What a
 * frame is depends on it: a record (shm), a datagram (udp, framed), a message of a stream (tcp) or
 * a whole Ethernet frame (packet, xdp). Who speaks through a port does not know which.
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
    uint64_t stamp_ns; /* when it arrived, by the clock that caps.stamp names; set only by those */
};

/* Optional members are NULL in a backend that has nothing to do there. */
struct rl_port_ops {
    const char *name; /* "shm", "udp", ... */
    uint32_t (*rx_burst)(struct rl_port *p, struct rl_frame *frames, uint32_t max);
    void (*rx_release)(struct rl_port *p);
    uint8_t *(*tx_reserve)(struct rl_port *p, uint32_t n_bytes);
    void (*tx_commit)(struct rl_port *p, uint32_t n_bytes);
    void (*tx_flush)(struct rl_port *p);   /* optional: what is committed leaves with the commit */
    void (*rx_wait)(struct rl_port *p);    /* optional: sleeps for a while, or until a frame came */
    void (*ask_kernel)(struct rl_port *p); /* optional: brings counters that the kernel keeps */
    void (*close)(struct rl_port *p);      /* optional: the arena of its owner takes it away */
};

/* Whose clock stamped a frame. X(name, text) */
#define RL_STAMPS(X)                                                          \
    X(NONE, "none")                                                           \
    X(SOFTWARE, "software") /* the kernel's, CLOCK_REALTIME, in the driver */ \
    X(HARDWARE, "hardware") /* the NIC's own clock */

enum rl_stamp {
#define RL_STAMP_ENUM(name, text) RL_STAMP_##name,
    RL_STAMPS(RL_STAMP_ENUM)
#undef RL_STAMP_ENUM
        RL_N_STAMPS
};

/* What the backend obtained, so that a report can say what was measured. */
struct rl_port_caps {
    uint32_t n_bytes_frame_max; /* the longest frame tx_reserve can ever grant */
    bool is_ethernet;           /* frames are Ethernet frames, with all their headers */
    bool zero_copy_rx;
    bool zero_copy_tx;
    bool needs_syscall; /* receiving or sending enters the kernel */
    enum rl_stamp stamp;
    char mode[48]; /* how it was done here: "generic copy, need-wakeup", "spin", ... */
};

/* One writer each; X(name, what it counts). */
#define RL_PORT_RX_COUNTERS(X)                                                                 \
    X(rx_frames, "frames received")                                                            \
    X(rx_bytes, "bytes received")                                                              \
    X(rx_invalid, "frames thrown away: malformed, cut off, or not what this port listens for") \
    X(rx_dropped, "frames that the kernel had no room for, as far as it tells")                \
    X(rx_syscalls, "system calls to receive")
#define RL_PORT_TX_COUNTERS(X)                                                  \
    X(tx_frames, "frames sent")                                                 \
    X(tx_bytes, "bytes sent")                                                   \
    X(tx_full, "reservations refused: no room now")                             \
    X(tx_too_large, "reservations refused: longer than the port can ever take") \
    X(tx_lost, "frames committed that the kernel did not take")                 \
    X(tx_syscalls, "system calls to send")

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

/*
 * For a receiver that has nothing else to do: a port that was opened to block sleeps until a frame
 * is there, at most some milliseconds; any other returns at once, to spin.
 */
static inline void rl_port_rx_wait(struct rl_port *p)
{
    if (p->ops->rx_wait != NULL)
        p->ops->rx_wait(p);
}

/* Room to write one frame of up to n_bytes in place; NULL when full or too large, and counted. */
static inline uint8_t *rl_port_tx_reserve(struct rl_port *p, uint32_t n_bytes)
{
    return p->ops->tx_reserve(p, n_bytes);
}

/*
 * Sends the first n_bytes of the reserved frame: now, or at the latest with the next
 * rl_port_tx_flush. With 0 bytes the reservation is given back and nothing is sent.
 */
static inline void rl_port_tx_commit(struct rl_port *p, uint32_t n_bytes)
{
    p->ops->tx_commit(p, n_bytes);
}

/* All that was committed has left when this returns, or is counted as lost. */
static inline void rl_port_tx_flush(struct rl_port *p)
{
    if (p->ops->tx_flush != NULL)
        p->ops->tx_flush(p);
}

/* Closes a port that was opened alone (port_open.h); harmless for NULL. */
void rl_port_close(struct rl_port *p);

/* A copy for reports: each number is whole, together they may be a frame apart. */
#define RL_PORT_STATS_MEMBER(name, what) uint64_t name;
struct rl_port_stats {
    RL_PORT_RX_COUNTERS(RL_PORT_STATS_MEMBER)
    RL_PORT_TX_COUNTERS(RL_PORT_STATS_MEMBER)
};
#undef RL_PORT_STATS_MEMBER
extern const char *const rl_port_counter_names[]; /* NULL ends it; in the order of the struct */
struct rl_port_stats rl_port_stats_now(const struct rl_port *p);
/* The same, of the kernel's own counters too: a system call, by the receiving thread. */
struct rl_port_stats rl_port_stats_ask(struct rl_port *p);

const char *rl_stamp_name(enum rl_stamp stamp); /* "none", "software", "hardware" */

#endif
