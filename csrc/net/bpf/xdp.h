/*
 * xdp - one XDP program on one interface, held by a link: it goes away with the process.
 *
 * Errors:   -errno and a sentence: a second program on an interface is refused by the kernel
 *           (-EBUSY), a driver may lack native XDP (-EOPNOTSUPP) or want a smaller MTU (-EINVAL).
 */
#ifndef RL_NET_BPF_XDP_H
#define RL_NET_BPF_XDP_H

#include "net/bpf/sys.h"

/* X(name, text); AUTO is native where the driver can, else generic. */
#define RL_XDP_HOOKS(X)                       \
    X(AUTO, "auto")                           \
    X(NATIVE, "native")   /* in the driver */ \
    X(GENERIC, "generic") /* after the kernel made a buffer */

enum rl_xdp_hook {
#define RL_XDP_HOOK_ENUM(name, text) RL_XDP_HOOK_##name,
    RL_XDP_HOOKS(RL_XDP_HOOK_ENUM)
#undef RL_XDP_HOOK_ENUM
        RL_N_XDP_HOOKS
};

const char *rl_xdp_hook_name(enum rl_xdp_hook hook);

struct rl_xdp_link {
    int fd;
    enum rl_xdp_hook hook; /* NATIVE or GENERIC: what was obtained */
};

/* Interfaces are those of the namespace in which the calling thread is. */
int rl_xdp_attach(struct rl_xdp_link *link, int prog_fd, uint32_t ifindex, enum rl_xdp_hook hook,
                  char why[RL_BPF_WHY]);

#endif
