/*
 * port_shm - a cable inside one process: two record rings, crossed, and a port on each end.
 *
 * Threads:  each end belongs to one thread (or one receiving and one sending thread).
 * Memory:   rings live in the caller's arena; received frames are read where the sender wrote them.
 * Cost:     a frame is the ring's: its own cache lines move between the cores, and nothing else.
 */
#ifndef RL_NET_PORT_SHM_H
#define RL_NET_PORT_SHM_H

#include "base/record_ring.h"
#include "net/port/port.h"

struct rl_arena;

struct rl_shm_port {
    struct rl_port port; /* first: the ops cast back */
    struct rl_record_ring *rx;
    struct rl_record_ring *tx;
};

struct rl_cable {
    struct rl_port *end[2]; /* what end[0] sends, end[1] receives, and the other way round */
    struct rl_shm_port shm[2];
    struct rl_record_ring ring[2]; /* ring[i] carries what end[i] sends */
};

/*
 * Returns 0; -EINVAL when n_bytes_each_way is not a power of two of at least 64, -ENOMEM when the
 * arena is exhausted. The cable must not move afterwards, and lives as long as its arena.
 */
int rl_cable_open(struct rl_cable *cable, struct rl_arena *arena, uint64_t n_bytes_each_way);

#endif
