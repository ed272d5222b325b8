/*
 * xdp_inner - what an AF_XDP port is made of, for the files that make it.
 *
 * Frames 0 .. n_slots - 1 of the UMEM are for receiving: in the fill ring, in the kernel, in the rx
 * ring or held, and from there to the fill ring again. The others are for sending: free, reserved,
 * in the tx ring, in the kernel or in the done ring. They never mix, so that each direction has one
 * thread, and every ring has a slot for every frame that could be in it: no ring is ever full.
 */
#ifndef RL_NET_XDP_INNER_H
#define RL_NET_XDP_INNER_H

#include "base/mem.h"
#include "net/port/port_xdp.h"
#include "net/port/xdp_path.h"

#define RL_XDP_NO_FRAME UINT64_MAX

struct rl_xdp_port {
    struct rl_port port; /* first: the ops cast back */
    struct rl_arena arena;
    struct rl_xdp_path path;
    struct rl_raw_ears ears;
    struct rl_xdp_memory memory;
    bool blocks;
    /* The receiving thread's. A received frame is held as long as its descriptor is not consumed:
     * those from rx_released to rx_next. */
    RL_ALIGNED struct rl_xdp_ring rx;
    struct rl_xdp_ring fill;
    uint8_t *rx_umem;
    uint64_t chunk_mask; /* of an address: the start of its frame */
    uint32_t rx_next, rx_released, rx_seen;
    uint32_t fill_next;
    int rx_fd;
    bool polls_rx; /* an empty ring is a reason for a system call, since nobody else polls */
    bool wakes_rx; /* and here only if the kernel says so */
    /* The sending thread's. Descriptors from tx_counted on are not yet counted as sent, those from
     * tx_published on the kernel does not know of. */
    RL_ALIGNED struct rl_xdp_ring tx;
    struct rl_xdp_ring done;
    uint8_t *tx_umem;
    uint64_t *free; /* a stack of addresses: the last one sent is the warmest */
    uint32_t n_free;
    uint32_t tx_next, tx_published, tx_counted;
    uint32_t done_next;
    uint64_t reserved; /* RL_XDP_NO_FRAME: none */
    uint32_t n_bytes_untagged;
    int tx_fd;
    bool is_zero_copy;
};

#endif
