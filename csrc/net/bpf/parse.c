#include "net/bpf/parse.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include "net/bpf/sys.h"

#define N_TAGS 2
#define FRAGMENT 0x3fff /* more fragments, or an offset */

void rl_bpf_begin_xdp(struct rl_bpf_code *c)
{
    rl_bpf_move(c, RL_R_CONTEXT, BPF_REG_1);
    rl_bpf_load_from(c, RL_BPF_U32, RL_R_FRAME, RL_R_CONTEXT, offsetof(struct xdp_md, data));
    rl_bpf_load_from(c, RL_BPF_U32, RL_R_END, RL_R_CONTEXT, offsetof(struct xdp_md, data_end));
}

/* Jumps unless n bytes from RL_R_UDP on are there. */
static void need(struct rl_bpf_code *c, int32_t n_bytes, const char *other)
{
    rl_bpf_move(c, BPF_REG_1, RL_R_UDP);
    rl_bpf_alu_by(c, BPF_ADD, BPF_REG_1, n_bytes);
    rl_bpf_jump_if_reg(c, BPF_JGT, BPF_REG_1, RL_R_END, other);
}

/* Over the tags; r2 = the EtherType behind them, RL_R_UDP at it. */
static void skip_tags(struct rl_bpf_code *c, const char *other)
{
    static const char *const tagged[N_TAGS] = {"tag 1", "tag 2"};

    for (int i = 0; i < N_TAGS; i++) {
        rl_bpf_load_from(c, RL_BPF_U16, BPF_REG_2, RL_R_UDP, 0);
        rl_bpf_jump_if(c, BPF_JEQ, BPF_REG_2, rl_on_wire(ETH_P_8021Q), tagged[i]);
        rl_bpf_jump_if(c, BPF_JNE, BPF_REG_2, rl_on_wire(ETH_P_8021AD), "no more tags");
        rl_bpf_label(c, tagged[i]);
        need(c, 6, other);
        rl_bpf_alu_by(c, BPF_ADD, RL_R_UDP, 4);
        rl_bpf_alu_by(c, BPF_ADD, RL_R_AT, 4);
    }
    rl_bpf_load_from(c, RL_BPF_U16, BPF_REG_2, RL_R_UDP, 0);
    rl_bpf_label(c, "no more tags");
}

/*
 * Over the IP header, whose first byte is r2. Step by step: without CAP_PERFMON the verifier lets
 * nobody add an unknown number to a pointer into a frame. Most headers leave at the first step.
 */
static void skip_ip(struct rl_bpf_code *c)
{
    rl_bpf_alu_by(c, BPF_ADD, RL_R_UDP, 20);
    rl_bpf_alu_by(c, BPF_ADD, RL_R_AT, 20);
    for (int first_byte = 0x46; first_byte <= 0x4f; first_byte++) {
        rl_bpf_jump_if(c, BPF_JLT, BPF_REG_2, first_byte, "no more options");
        rl_bpf_alu_by(c, BPF_ADD, RL_R_UDP, 4);
        rl_bpf_alu_by(c, BPF_ADD, RL_R_AT, 4);
    }
    rl_bpf_label(c, "no more options");
}

void rl_bpf_parse(struct rl_bpf_code *c, const char *other)
{
    rl_bpf_move(c, RL_R_UDP, RL_R_FRAME);
    need(c, ETH_HLEN, other);
    rl_bpf_alu_by(c, BPF_ADD, RL_R_UDP, 12);
    rl_bpf_set(c, RL_R_AT, ETH_HLEN);
    skip_tags(c, other);
    rl_bpf_jump_if(c, BPF_JNE, BPF_REG_2, rl_on_wire(ETH_P_IP), other);
    rl_bpf_alu_by(c, BPF_ADD, RL_R_UDP, 2);

    need(c, 20, other);
    rl_bpf_load_from(c, RL_BPF_U8, BPF_REG_2, RL_R_UDP, 9);
    rl_bpf_jump_if(c, BPF_JNE, BPF_REG_2, IPPROTO_UDP, other);
    rl_bpf_load_from(c, RL_BPF_U16, BPF_REG_2, RL_R_UDP, 6);
    rl_bpf_alu_by(c, BPF_AND, BPF_REG_2, rl_on_wire(FRAGMENT));
    rl_bpf_jump_if(c, BPF_JNE, BPF_REG_2, 0, other);
    rl_bpf_load_from(c, RL_BPF_U8, BPF_REG_2, RL_R_UDP, 0);
    rl_bpf_jump_if(c, BPF_JLT, BPF_REG_2, 0x45, other); /* not version 4, or a header too short */
    rl_bpf_jump_if(c, BPF_JGT, BPF_REG_2, 0x4f, other);
    rl_bpf_move(c, RL_R_IP, RL_R_UDP);
    skip_ip(c);

    need(c, 8, other);
    rl_bpf_load_from(c, RL_BPF_U16, RL_R_PORT, RL_R_UDP, 2);
}

void rl_bpf_count(struct rl_bpf_code *c, int map_fd, uint32_t at)
{
    rl_bpf_load_map_value(c, BPF_REG_1, map_fd, at);
    rl_bpf_set(c, BPF_REG_2, 1);
    rl_bpf_atomic_add(c, BPF_REG_1, 0, BPF_REG_2);
}

int rl_bpf_load_code(struct rl_bpf_code *c, enum bpf_prog_type type, const char *name, char *why)
{
    struct rl_bpf_program program = {.type = type, .insns = c->insns, .name = name};
    char wrong[64];
    int err = rl_bpf_finish(c, wrong, sizeof(wrong));

    if (err != 0)
        return rl_bpf_refuse(why, err, "BPF program %s: %s", name, wrong);
    program.n_insns = c->n_insns;
    program.attach_type = type == BPF_PROG_TYPE_XDP ? BPF_XDP : 0;
    return rl_bpf_load(&program, why);
}
