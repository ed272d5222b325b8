#include "net/port/packet_bypass.h"

#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <unistd.h>

#include "net/bpf/sys.h"
#include "net/bpf/tc.h"
#include "net/bpf/uapi.h"

/* To "ours" when the destination is this address; 0: none. */
static void is_address(struct rl_bpf_code *c, uint32_t ip)
{
    if (ip == 0)
        return;
    rl_bpf_set64(c, BPF_REG_3, __builtin_bswap32(ip));
    rl_bpf_jump_if_reg(c, BPF_JEQ, BPF_REG_2, BPF_REG_3, "ours");
}

/* Frames with a mark are somebody's: an impairment's copies on their way round, for one. */
static void write_program(struct rl_bpf_code *c, const struct rl_flow_filter *hears)
{
    rl_bpf_move(c, RL_R_CONTEXT, BPF_REG_1);
    rl_bpf_load_from(c, RL_BPF_U32, BPF_REG_2, RL_R_CONTEXT, RL_SKB(mark));
    rl_bpf_jump_if(c, BPF_JNE, BPF_REG_2, 0, "next");
    rl_bpf_load_from(c, RL_BPF_U32, BPF_REG_2, RL_R_CONTEXT, RL_SKB(vlan_present));
    rl_bpf_jump_if(c, BPF_JNE, BPF_REG_2, 0, "next");
    rl_bpf_begin_tc(c);
    rl_bpf_parse(c, "next");
    rl_bpf_jump_if(c, BPF_JNE, RL_R_PORT, rl_on_wire(hears->port), "next");
    rl_bpf_load_from(c, RL_BPF_U32, BPF_REG_2, RL_R_IP, 16); /* the destination */
    is_address(c, hears->ip);
    is_address(c, hears->group);
    rl_bpf_jump(c, "next");
    rl_bpf_label(c, "ours");
    rl_bpf_set(c, BPF_REG_2, RL_PACKET_BYPASS_MARK);
    rl_bpf_store(c, RL_BPF_U32, RL_R_CONTEXT, RL_SKB(mark), BPF_REG_2);
    rl_bpf_move(c, BPF_REG_1, RL_R_CONTEXT);
    rl_bpf_set(c, BPF_REG_2, PACKET_OTHERHOST);
    rl_bpf_call(c, BPF_FUNC_skb_change_type);
    rl_bpf_label(c, "next");
    rl_bpf_return(c, RL_TCX_NEXT);
}

int rl_packet_bypass_open(uint32_t ifindex, const struct rl_flow_filter *hears)
{
    struct bpf_insn insns[RL_BPF_MAX_INSNS];
    struct rl_bpf_code code;
    char why[RL_BPF_WHY];
    int prog, link;

    rl_bpf_start(&code, insns, RL_COUNT(insns));
    write_program(&code, hears);
    prog = rl_bpf_load_code(&code, BPF_PROG_TYPE_SCHED_CLS, "rl_bypass", why);
    if (prog < 0)
        return prog;
    link = rl_bpf_link(prog, ifindex, RL_BPF_TCX_INGRESS, 0);
    close(prog); /* the link holds it */
    return link;
}
