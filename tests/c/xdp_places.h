/*
 * xdp_places - where each frame of an AF_XDP port's memory is: in one place, whatever sender,
 * receiver, kernel and interface did. Looks inside the port.
 */
#ifndef RL_TESTS_XDP_PLACES_H
#define RL_TESTS_XDP_PLACES_H

#include <string.h>

#include "check.h"
#include "net/port/xdp_inner.h"

/* Where the frames of a UMEM are. */
struct xdp_places {
    uint32_t rx_fill;     /* waiting for the kernel to write into them */
    uint32_t rx_ready;    /* written, not yet received */
    uint32_t rx_held;     /* the receiver's until it releases them */
    uint32_t rx_kernel;   /* none of these: in the kernel's hands */
    uint32_t tx_free;     /* can be reserved */
    uint32_t tx_reserved; /* the sender's; 0 or 1 */
    uint32_t tx_queued;   /* committed, and not taken by the kernel */
    uint32_t tx_done;     /* sent, and not taken back */
    uint32_t tx_kernel;   /* none of these: on its way */
};

/* Which frames were seen. */
struct xdp_roll {
    uint8_t *seen; /* by number within the direction */
    uint64_t first, n_frames, n_bytes_chunk;
};

static inline void xdp_see(struct xdp_roll *roll, uint64_t address)
{
    uint64_t frame = address / roll->n_bytes_chunk - roll->first;

    CHECK(frame < roll->n_frames);  /* one of this direction */
    CHECK_EQ(roll->seen[frame], 0); /* and in one place alone */
    roll->seen[frame] = 1;
}

/* Of a ring of addresses, what lies between two positions. */
static inline uint32_t xdp_see_addresses(struct xdp_roll *roll, const struct rl_xdp_ring *ring,
                                         uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i != to; i++)
        xdp_see(roll, *rl_xdp_address(ring, i));
    return to - from;
}

static inline uint32_t xdp_see_descs(struct xdp_roll *roll, const struct rl_xdp_ring *ring,
                                     uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i != to; i++)
        xdp_see(roll, rl_xdp_desc(ring, i)->addr);
    return to - from;
}

/* How many of the direction were seen nowhere. */
static inline uint32_t xdp_n_unseen(const struct xdp_roll *roll)
{
    uint32_t n = 0;

    for (uint64_t i = 0; i < roll->n_frames; i++)
        n += roll->seen[i] == 0;
    return n;
}

static inline void xdp_count_rx(const struct rl_xdp_port *x, struct xdp_roll *roll,
                                struct xdp_places *n)
{
    n->rx_fill = xdp_see_addresses(roll, &x->fill, rl_xdp_read(x->fill.consumer), x->fill_next);
    n->rx_held = xdp_see_descs(roll, &x->rx, x->rx_released, x->rx_next);
    n->rx_ready = xdp_see_descs(roll, &x->rx, x->rx_next, rl_xdp_read(x->rx.producer));
    n->rx_kernel = xdp_n_unseen(roll);
}

static inline void xdp_count_tx(const struct rl_xdp_port *x, struct xdp_roll *roll,
                                struct xdp_places *n)
{
    n->tx_free = x->n_free;
    for (uint32_t i = 0; i < x->n_free; i++)
        xdp_see(roll, x->free[i]);
    if (x->reserved != RL_XDP_NO_FRAME) {
        n->tx_reserved = 1;
        xdp_see(roll, x->reserved);
    }
    n->tx_queued = xdp_see_descs(roll, &x->tx, rl_xdp_read(x->tx.consumer), x->tx_next);
    n->tx_done = xdp_see_addresses(roll, &x->done, x->done_next, rl_xdp_read(x->done.producer));
    n->tx_kernel = xdp_n_unseen(roll);
}

/* Counts while nothing is received or sent. */
static inline struct xdp_places xdp_places(const struct rl_port *port)
{
    const struct rl_xdp_port *x = (const struct rl_xdp_port *)port;
    uint32_t n_slots = x->memory.n_slots;
    struct xdp_places n = {0};
    struct xdp_roll roll = {
        .seen = calloc(n_slots, 1), .n_frames = n_slots, .n_bytes_chunk = x->memory.n_bytes_chunk};

    CHECK(roll.seen != NULL);
    xdp_count_rx(x, &roll, &n);
    CHECK_EQ(n.rx_fill + n.rx_ready + n.rx_held + n.rx_kernel, n_slots);
    memset(roll.seen, 0, n_slots);
    roll.first = n_slots;
    xdp_count_tx(x, &roll, &n);
    CHECK_EQ(n.tx_free + n.tx_reserved + n.tx_queued + n.tx_done + n.tx_kernel, n_slots);
    free(roll.seen);
    return n;
}

#endif
