#include "net/bpf/xdp.h"

#include <errno.h>
#include <linux/if_link.h>
#include <string.h>

const char *rl_xdp_hook_name(enum rl_xdp_hook hook)
{
    static const char *const names[] = {
#define HOOK_NAME(name, text) text,
        RL_XDP_HOOKS(HOOK_NAME)
#undef HOOK_NAME
    };

    return hook < RL_N_XDP_HOOKS ? names[hook] : "?";
}

static int refused(char why[RL_BPF_WHY], int err, enum rl_xdp_hook hook)
{
    const char *name = rl_xdp_hook_name(hook);

    switch (err) {
    case -EBUSY:
    case -EEXIST:
        return rl_bpf_refuse(why, err, "XDP (%s): the interface has an XDP program already", name);
    case -EOPNOTSUPP:
        return rl_bpf_refuse(why, err, "XDP (%s): the driver cannot", name);
    case -ENODEV:
        return rl_bpf_refuse(why, err, "XDP (%s): no such interface in this namespace", name);
    case -EINVAL:
    case -ERANGE:
        return rl_bpf_refuse(why, err, "XDP (%s): the driver refuses; is the MTU above 3 KB?",
                             name);
    default:
        return rl_bpf_refused(why, err, "XDP link");
    }
}

static int try_attach(struct rl_xdp_link *link, int prog_fd, uint32_t ifindex,
                      enum rl_xdp_hook hook)
{
    uint32_t flags = hook == RL_XDP_HOOK_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
    int fd = rl_bpf_link(prog_fd, ifindex, BPF_XDP, flags);

    if (fd < 0)
        return fd;
    *link = (struct rl_xdp_link){.fd = fd, .hook = hook};
    return 0;
}

int rl_xdp_attach(struct rl_xdp_link *link, int prog_fd, uint32_t ifindex, enum rl_xdp_hook hook,
                  char why[RL_BPF_WHY])
{
    enum rl_xdp_hook first = hook == RL_XDP_HOOK_AUTO ? RL_XDP_HOOK_NATIVE : hook;
    int err;

    *link = (struct rl_xdp_link){.fd = -1};
    err = try_attach(link, prog_fd, ifindex, first);
    if (err != 0 && hook == RL_XDP_HOOK_AUTO && err != -EBUSY && err != -EPERM) {
        first = RL_XDP_HOOK_GENERIC;
        err = try_attach(link, prog_fd, ifindex, first);
    }
    return err == 0 ? 0 : refused(why, err, first);
}
