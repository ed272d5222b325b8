#include "net/bpf/tc.h"

static void load_frame(struct rl_bpf_code *c)
{
    rl_bpf_load_from(c, RL_BPF_U32, RL_R_FRAME, RL_R_CONTEXT, RL_SKB(data));
    rl_bpf_load_from(c, RL_BPF_U32, RL_R_END, RL_R_CONTEXT, RL_SKB(data_end));
}

void rl_bpf_begin_tc(struct rl_bpf_code *c)
{
    load_frame(c);
    rl_bpf_move(c, BPF_REG_1, RL_R_FRAME);
    rl_bpf_alu_by(c, BPF_ADD, BPF_REG_1, RL_BYTES_OF_HEADERS);
    rl_bpf_jump_if_reg(c, BPF_JLE, BPF_REG_1, RL_R_END, "in reach");
    rl_bpf_load_from(c, RL_BPF_U32, BPF_REG_2, RL_R_CONTEXT, RL_SKB(len));
    rl_bpf_jump_if(c, BPF_JLE, BPF_REG_2, RL_BYTES_OF_HEADERS, "short");
    rl_bpf_set(c, BPF_REG_2, RL_BYTES_OF_HEADERS);
    rl_bpf_label(c, "short");
    rl_bpf_move(c, BPF_REG_1, RL_R_CONTEXT);
    rl_bpf_call(c, BPF_FUNC_skb_pull_data);
    load_frame(c);
    rl_bpf_label(c, "in reach");
}
