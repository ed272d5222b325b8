/*
 * packet_socket - a packet socket with a ring to receive in, bound to an interface.
 *
 * Threads:  the opener's.
 * Memory:   the ring is the kernel's, mapped; closing unmaps it.
 */
#ifndef RL_NET_PACKET_SOCKET_H
#define RL_NET_PACKET_SOCKET_H

#include "net/port/port_raw.h"

#define RL_PACKET_FRAME_MAX 65536 /* to receive: more than any NIC carries */

struct rl_packet_socket {
    int fd;
    int bypass_fd; /* the kernel's IP stack leaves our frames alone; < 0: it does not */
    uint8_t *ring; /* NULL: none */
    size_t n_ring_bytes;
    uint32_t slot_shift; /* a slot has 1 << slot_shift bytes: struct tpacket2_hdr, then a frame */
    uint32_t n_slots;    /* a power of two, at least what was asked for */
    enum rl_stamp stamp; /* of frames, when any was wanted */
    bool bypasses_qdisc;
};

/* 0; -errno with a sentence in `why`, and nothing is left open. */
int rl_packet_socket_open(struct rl_packet_socket *s, const struct rl_raw_plan *plan,
                          bool wants_stamps, char why[RL_PORT_WHY]);
void rl_packet_socket_close(struct rl_packet_socket *s);

#endif
