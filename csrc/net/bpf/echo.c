#include "net/bpf/echo.h"

#include <stdatomic.h>

#include "net/bpf/parse.h"

/* Exchanges two fields of the same size; changes r0 and r1. */
static void swap(struct rl_bpf_code *c, enum rl_bpf_size size, uint8_t base, int16_t a, int16_t b)
{
    rl_bpf_load_from(c, size, BPF_REG_0, base, a);
    rl_bpf_load_from(c, size, BPF_REG_1, base, b);
    rl_bpf_store(c, size, base, a, BPF_REG_1);
    rl_bpf_store(c, size, base, b, BPF_REG_0);
}

static int load(const struct rl_xdp_echo *echo, uint16_t udp_port, char why[RL_BPF_WHY])
{
    struct bpf_insn insns[RL_BPF_MAX_INSNS];
    struct rl_bpf_code code, *c = &code;

    rl_bpf_start(c, insns, RL_COUNT(insns));
    rl_bpf_begin_xdp(c);
    rl_bpf_parse(c, "pass");
    rl_bpf_jump_if(c, BPF_JNE, RL_R_PORT, rl_on_wire(udp_port), "pass");
    rl_bpf_load_from(c, RL_BPF_U8, BPF_REG_1, RL_R_FRAME, 0);
    rl_bpf_alu_by(c, BPF_AND, BPF_REG_1, 1); /* a group is nobody's source address */
    rl_bpf_jump_if(c, BPF_JNE, BPF_REG_1, 0, "pass");

    swap(c, RL_BPF_U16, RL_R_UDP, 0, 2);
    swap(c, RL_BPF_U32, RL_R_FRAME, 0, 6); /* MAC addresses, 4 + 2 bytes */
    swap(c, RL_BPF_U16, RL_R_FRAME, 4, 10);
    swap(c, RL_BPF_U32, RL_R_IP, 12, 16);
    rl_bpf_count(c, echo->map_fd, offsetof(struct rl_xdp_echo_shared, n_frames));
    rl_bpf_return(c, XDP_TX);

    rl_bpf_label(c, "pass");
    rl_bpf_return(c, XDP_PASS);
    return rl_bpf_load_code(c, BPF_PROG_TYPE_XDP, "rl_echo", why);
}

int rl_xdp_echo_open(struct rl_xdp_echo *echo, uint32_t ifindex, enum rl_xdp_hook hook,
                     uint16_t udp_port, char why[RL_BPF_WHY])
{
    void *memory;
    int err = 0;

    *echo = (struct rl_xdp_echo){.map_fd = -1, .prog_fd = -1, .link.fd = -1};
    echo->map_fd = rl_bpf_shared_open(sizeof(*echo->shared), "rl_echo", &memory, why);
    if (echo->map_fd < 0)
        return echo->map_fd;
    echo->shared = memory;
    echo->prog_fd = load(echo, udp_port, why);
    if (echo->prog_fd < 0)
        err = echo->prog_fd;
    else if (ifindex != 0)
        err = rl_xdp_attach(&echo->link, echo->prog_fd, ifindex, hook, why);
    if (err != 0)
        rl_xdp_echo_close(echo);
    return err;
}

uint64_t rl_xdp_echo_n_frames(const struct rl_xdp_echo *echo)
{
    return atomic_load_explicit(&echo->shared->n_frames, memory_order_relaxed);
}

void rl_xdp_echo_close(struct rl_xdp_echo *echo)
{
    rl_bpf_close(&echo->link.fd);
    rl_bpf_close(&echo->prog_fd);
    rl_bpf_shared_close(echo->map_fd, echo->shared, sizeof(*echo->shared));
    echo->map_fd = -1;
    echo->shared = NULL;
}
