/*
 * redirect - the XDP program in front of AF_XDP sockets: frames of a few UDP ports, or every frame,
 * go to the socket of their receive queue; all else (ARP, other ports, fragments) to the kernel.
 *
 * A frame for a queue that has no socket goes to the kernel as well. Before that, an impairment
 * table may lose or corrupt frames of its flow, so that a socket which sits before tc sees faults
 * too.
 *
 * Frames:   Ethernet with up to two VLAN tags, IPv4 with options, UDP.
 * Threads:  opened in the namespace of the interface; closing detaches.
 */
#ifndef RL_NET_BPF_REDIRECT_H
#define RL_NET_BPF_REDIRECT_H

#include "net/bpf/xdp.h"

struct rl_impair; /* net/bpf/impair.h */

#define RL_REDIRECT_MAX_PORTS 8
#define RL_REDIRECT_QUEUES 64 /* when n_queues is 0 */

struct rl_redirect_config {
    uint32_t ifindex; /* 0: loaded, attached nowhere */
    enum rl_xdp_hook hook;
    uint32_t n_queues;                     /* sockets of queues 0 .. n_queues - 1 can be added */
    uint16_t ports[RL_REDIRECT_MAX_PORTS]; /* UDP destination ports, host order */
    uint32_t n_ports;                      /* 0: every frame */
    /*
     * Asked first; NULL: no faults. Outlives the program. XDP cannot duplicate a frame: a table
     * that does is refused (-EOPNOTSUPP).
     */
    const struct rl_impair *impair;
};

struct rl_redirect {
    int map_fd, prog_fd;
    struct rl_xdp_link link;
};

/* 0 or -errno with a sentence; nothing is left open then. */
int rl_redirect_open(struct rl_redirect *r, const struct rl_redirect_config *config,
                     char why[RL_BPF_WHY]);
/* From now on frames of this queue go to the AF_XDP socket, which must be bound to it. */
int rl_redirect_add(struct rl_redirect *r, uint32_t queue, int socket_fd, char why[RL_BPF_WHY]);
/* Once; also after an open that failed. */
void rl_redirect_close(struct rl_redirect *r);

#endif
