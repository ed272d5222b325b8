#include "net/bpf/deaf.h"

#include <errno.h>
#include <linux/if_packet.h>

#include "net/bpf/tc.h"
#include "net/bpf/uapi.h"

static int load(uint16_t udp_port, char why[RL_BPF_WHY])
{
    struct bpf_insn insns[RL_BPF_MAX_INSNS];
    struct rl_bpf_code code, *c = &code;

    rl_bpf_start(c, insns, RL_COUNT(insns));
    rl_bpf_move(c, RL_R_CONTEXT, BPF_REG_1);
    rl_bpf_begin_tc(c);
    rl_bpf_parse(c, "next");
    rl_bpf_jump_if(c, BPF_JNE, RL_R_PORT, rl_on_wire(udp_port), "next");
    rl_bpf_move(c, BPF_REG_1, RL_R_CONTEXT);
    rl_bpf_set(c, BPF_REG_2, PACKET_OTHERHOST);
    rl_bpf_call(c, BPF_FUNC_skb_change_type);
    rl_bpf_label(c, "next");
    rl_bpf_return(c, RL_TCX_NEXT);
    return rl_bpf_load_code(c, BPF_PROG_TYPE_SCHED_CLS, "rl_deaf", why);
}

int rl_deaf_open(struct rl_deaf *deaf, uint32_t ifindex, uint16_t udp_port, char why[RL_BPF_WHY])
{
    int err;

    *deaf = (struct rl_deaf){.prog_fd = -1, .link_fd = -1};
    deaf->prog_fd = load(udp_port, why);
    if (deaf->prog_fd < 0)
        return deaf->prog_fd;
    deaf->link_fd = rl_bpf_link(deaf->prog_fd, ifindex, RL_BPF_TCX_INGRESS, 0);
    if (deaf->link_fd >= 0)
        return 0;
    err = deaf->link_fd;
    rl_deaf_close(deaf);
    if (err == -EINVAL)
        return rl_bpf_refuse(why, err, "tcx link: the kernel has none (Linux 6.6 has)");
    return rl_bpf_refused(why, err, "tcx link");
}

void rl_deaf_close(struct rl_deaf *deaf)
{
    rl_bpf_close(&deaf->link_fd);
    rl_bpf_close(&deaf->prog_fd);
}
