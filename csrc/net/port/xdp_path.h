/*
 * xdp_path - frames of an interface's queue on their way to a socket of ours: a program attached, a
 * socket bound, and the best mode of those that are allowed.
 *
 * Threads:  the opener's, inside the interface's namespace.
 */
#ifndef RL_NET_XDP_PATH_H
#define RL_NET_XDP_PATH_H

#include "net/bpf/redirect.h"
#include "net/port/port_raw.h"
#include "net/port/xdp_socket.h"

struct rl_xdp_path {
    struct rl_redirect redirect;
    struct rl_xdp_socket socket;
    enum rl_xdp_mode mode; /* obtained: never AUTO */
};

/* 0; -errno with a sentence in `why`, and nothing is left open. */
int rl_xdp_path_open(struct rl_xdp_path *path, const struct rl_raw_plan *plan,
                     const struct rl_port_config *config, const struct rl_xdp_memory *memory,
                     char why[RL_PORT_WHY]);
void rl_xdp_path_close(struct rl_xdp_path *path);

#endif
