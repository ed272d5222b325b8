/*
 * echo - frames of one UDP port are sent back where they came from, inside the driver: the far end
 * of a round trip that needs no thread.
 *
 * MAC addresses, IP addresses and UDP ports are exchanged, in place; sums stay right because they
 * do not depend on the order. Frames to a multicast address, fragments and all else go to the
 * kernel.
 *
 * Native on veth the other end must take XDP frames: an XDP program there, or GRO.
 */
#ifndef RL_NET_BPF_ECHO_H
#define RL_NET_BPF_ECHO_H

#include "net/bpf/xdp.h"

struct rl_xdp_echo_shared {
    _Atomic uint64_t n_frames; /* sent back */
};

struct rl_xdp_echo {
    int map_fd, prog_fd;
    struct rl_xdp_link link;
    struct rl_xdp_echo_shared *shared;
};

/* With ifindex 0 the program is loaded and attached nowhere. 0 or -errno with a sentence. */
int rl_xdp_echo_open(struct rl_xdp_echo *echo, uint32_t ifindex, enum rl_xdp_hook hook,
                     uint16_t udp_port, char why[RL_BPF_WHY]);
uint64_t rl_xdp_echo_n_frames(const struct rl_xdp_echo *echo);
void rl_xdp_echo_close(struct rl_xdp_echo *echo); /* once; also after an open that failed */

#endif
