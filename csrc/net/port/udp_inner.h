/*
 * udp_inner - what the two halves of the udp port share: port_udp.c opens and sends, udp_receive.c
 * receives.
 */
#ifndef RL_NET_UDP_INNER_H
#define RL_NET_UDP_INNER_H

#include <sys/socket.h>

#include "base/mem.h"
#include "net/port/port_open.h"

#define RL_UDP_BATCH 64 /* datagrams a system call: what UDP_SEGMENT takes */

/* Datagrams one way; slot i lies at bytes + i * n_bytes. */
struct rl_udp_slots {
    uint8_t *bytes;
    struct mmsghdr *messages;
    struct iovec *pieces;
    uint8_t *control;
};

struct rl_udp_port {
    struct rl_port port; /* first: the ops cast back */
    int fd;              /* second: struct rl_socket_port */
    struct rl_arena arena;
    uint32_t n_bytes; /* the longest datagram */
    uint32_t n_slots;
    bool stamps;
    _Atomic bool has_peer;             /* learned by the receiving thread */
    RL_ALIGNED struct rl_udp_slots in; /* receiving thread */
    struct rl_address *from;           /* RL_UDP_BATCH senders, looked at until is_alone */
    struct rl_address peer;
    uint32_t n_held;
    uint32_t streak;
    bool is_alone;                      /* nothing of a stranger can be in the queue any more */
    RL_ALIGNED struct rl_udp_slots out; /* sending thread */
    uint32_t n_queued;
    uint32_t n_queued_bytes;
    bool is_even;                /* all queued datagrams have one length */
    uint32_t n_segment_max;      /* the longest that the kernel cuts out of one call; 0: none */
    _Atomic bool cannot_segment; /* found out by sending */
};

uint32_t rl_udp_rx_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max);

#endif
