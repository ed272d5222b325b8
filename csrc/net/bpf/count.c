#include "net/bpf/count.h"

#include <stdatomic.h>

#include "net/bpf/parse.h"

static int load(struct rl_xdp_count *count, const struct rl_xdp_count_config *config,
                char why[RL_BPF_WHY])
{
    struct bpf_insn insns[RL_BPF_MAX_INSNS];
    struct rl_bpf_code code, *c = &code;

    rl_bpf_start(c, insns, RL_COUNT(insns));
    rl_bpf_begin_xdp(c);
    if (config->udp_port != 0) {
        rl_bpf_parse(c, "pass");
        rl_bpf_jump_if(c, BPF_JNE, RL_R_PORT, rl_on_wire(config->udp_port), "pass");
    }
    rl_bpf_count(c, count->map_fd, offsetof(struct rl_xdp_count_shared, n_frames));
    if (config->drops)
        rl_bpf_return(c, XDP_DROP);
    if (!config->drops || config->udp_port != 0) { /* the verifier wants no dead instructions */
        rl_bpf_label(c, "pass");
        rl_bpf_return(c, XDP_PASS);
    }
    return rl_bpf_load_code(c, BPF_PROG_TYPE_XDP, "rl_count", why);
}

int rl_xdp_count_open(struct rl_xdp_count *count, const struct rl_xdp_count_config *config,
                      char why[RL_BPF_WHY])
{
    void *memory;
    int err = 0;

    *count = (struct rl_xdp_count){.map_fd = -1, .prog_fd = -1, .link.fd = -1};
    count->map_fd = rl_bpf_shared_open(sizeof(*count->shared), "rl_count", &memory, why);
    if (count->map_fd < 0)
        return count->map_fd;
    count->shared = memory;
    count->prog_fd = load(count, config, why);
    if (count->prog_fd < 0)
        err = count->prog_fd;
    else if (config->ifindex != 0)
        err = rl_xdp_attach(&count->link, count->prog_fd, config->ifindex, config->hook, why);
    if (err != 0)
        rl_xdp_count_close(count);
    return err;
}

uint64_t rl_xdp_count_n_frames(const struct rl_xdp_count *count)
{
    return atomic_load_explicit(&count->shared->n_frames, memory_order_relaxed);
}

void rl_xdp_count_close(struct rl_xdp_count *count)
{
    rl_bpf_close(&count->link.fd);
    rl_bpf_close(&count->prog_fd);
    rl_bpf_shared_close(count->map_fd, count->shared, sizeof(*count->shared));
    count->map_fd = -1;
    count->shared = NULL;
}
