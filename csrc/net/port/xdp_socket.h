/*
 * xdp_socket - an AF_XDP socket by system calls: the UMEM registered, the four rings mapped.
 *
 * Threads:  the opener's. Fill and rx are the receiving thread's rings, done and tx the sending
 *           one's.
 * Memory:   the UMEM is the caller's; closing unmaps the rings. What the kernel still holds of the
 *           UMEM then keeps its pages, not its addresses.
 *
 * A ring has one producer and one consumer, each with a position that runs on for ever and is
 * written by its side alone; the slot is its lower bits. Publishing a position releases what is in
 * the slots before it; reading the other side's acquires it (the kernel's xsk_queue.h pairs).
 */
#ifndef RL_NET_XDP_SOCKET_H
#define RL_NET_XDP_SOCKET_H

#include <linux/if_xdp.h>
#include <stdatomic.h>

#include "net/port/port_open.h"

#ifndef SOL_XDP
#define SOL_XDP 283 /* Linux 4.18 */
#endif

struct rl_xdp_ring {
    _Atomic uint32_t *producer, *consumer;
    const _Atomic uint32_t *flags; /* the kernel's words to us */
    void *entries;                 /* of fill and done: addresses; of rx and tx: descriptors */
    uint32_t mask;
    void *map;
    size_t n_map_bytes;
};

static inline uint32_t rl_xdp_read(const _Atomic uint32_t *position)
{
    return atomic_load_explicit(position, memory_order_acquire);
}

static inline void rl_xdp_publish(_Atomic uint32_t *position, uint32_t value)
{
    atomic_store_explicit(position, value, memory_order_release);
}

static inline uint64_t *rl_xdp_address(const struct rl_xdp_ring *ring, uint32_t position)
{
    return (uint64_t *)ring->entries + (position & ring->mask);
}

static inline struct xdp_desc *rl_xdp_desc(const struct rl_xdp_ring *ring, uint32_t position)
{
    return (struct xdp_desc *)ring->entries + (position & ring->mask);
}

/* The kernel sleeps over this ring until a system call wakes it. */
static inline bool rl_xdp_needs_wakeup(const struct rl_xdp_ring *ring)
{
    return (atomic_load_explicit(ring->flags, memory_order_relaxed) & XDP_RING_NEED_WAKEUP) != 0;
}

struct rl_xdp_memory {
    uint8_t *umem; /* page-aligned */
    size_t n_bytes;
    uint32_t n_bytes_chunk; /* 2048 or 4096: one frame */
    uint32_t n_slots;       /* of each ring, a power of two */
};

struct rl_xdp_socket {
    int fd;
    struct rl_xdp_ring fill, done, rx, tx;
};

/*
 * 0, and the fill ring holds the first n_slots frames; -errno with a sentence in `why`, which
 * begins with `name`, and nothing is left open.
 */
int rl_xdp_socket_open(struct rl_xdp_socket *s, const struct rl_xdp_memory *memory,
                       const char *name, char why[RL_PORT_WHY]);
/* The kernel polls the NIC's queue inside our receiving and sending system calls. 0 or -errno. */
int rl_xdp_socket_busy_poll(struct rl_xdp_socket *s);
/* To a queue, with XDP_ZEROCOPY or XDP_COPY; wakeups on demand. 0 or -errno. */
int rl_xdp_socket_bind(struct rl_xdp_socket *s, uint32_t ifindex, uint32_t queue, uint16_t how);
bool rl_xdp_socket_is_zero_copy(const struct rl_xdp_socket *s); /* bound: as the kernel tells */
void rl_xdp_socket_close(struct rl_xdp_socket *s);

#endif
