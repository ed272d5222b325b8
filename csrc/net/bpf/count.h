/*
 * count - frames of one UDP port (0: every frame) are counted inside the driver, and dropped or
 * passed on: the cheapest receiver there is, and what lets a veth end take XDP frames.
 */
#ifndef RL_NET_BPF_COUNT_H
#define RL_NET_BPF_COUNT_H

#include "net/bpf/xdp.h"

struct rl_xdp_count_shared {
    _Atomic uint64_t n_frames;
};

struct rl_xdp_count {
    int map_fd, prog_fd;
    struct rl_xdp_link link;
    struct rl_xdp_count_shared *shared;
};

struct rl_xdp_count_config {
    uint32_t ifindex; /* 0: loaded, attached nowhere */
    enum rl_xdp_hook hook;
    uint16_t udp_port; /* destination, host order; 0: every frame, whatever it is */
    bool drops;        /* what is counted ends here; else it goes to the kernel, as all else does */
};

int rl_xdp_count_open(struct rl_xdp_count *count, const struct rl_xdp_count_config *config,
                      char why[RL_BPF_WHY]);
uint64_t rl_xdp_count_n_frames(const struct rl_xdp_count *count);
void rl_xdp_count_close(struct rl_xdp_count *count); /* once; also after an open that failed */

#endif
