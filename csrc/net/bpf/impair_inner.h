/*
 * impair_inner - what the table's programs and their owner share. Only csrc/net/bpf and its tests.
 */
#ifndef RL_NET_BPF_IMPAIR_INNER_H
#define RL_NET_BPF_IMPAIR_INNER_H

#include "net/bpf/asm.h"
#include "net/bpf/impair.h"

/* A copy that comes round again carries this mark and takes no second number. */
#define RL_IMPAIR_MARK 0x524c4d50

enum { RL_IMPAIR_UNDONE = RL_N_IMPAIR_ACTIONS, RL_IMPAIR_N_ENDS };

/* Written by programs on any CPU, atomically. */
struct rl_impair_shared {
    RL_ALIGNED _Atomic uint64_t n_seen; /* the number of the next packet */
    /* Ingress: packets that went round through the backlog and are not back yet. */
    _Atomic uint64_t n_waiting;
    RL_ALIGNED _Atomic uint64_t n_done[RL_IMPAIR_N_ENDS]; /* by action, then what was undone */
};

/*
 * What is to be done with this packet: takes its number, BPF_REG_7 = actions[number]. Changes r0 ..
 * r5. More than RL_N_IMPAIR_ACTIONS - 1 never comes out.
 */
void rl_impair_emit_number(struct rl_bpf_code *c, const struct rl_impair *im);
/* n_done[BPF_REG_7] += 1; changes r1 and r2. */
void rl_impair_emit_done(struct rl_bpf_code *c, const struct rl_impair *im);

/*
 * In XDP, after rl_bpf_parse: acts on a packet of the flow and goes to the label `dropped` or on to
 * the next instruction. RL_R_PORT survives in BPF_REG_7, where RL_R_FRAME was.
 */
void rl_impair_emit_xdp(struct rl_bpf_code *c, const struct rl_impair *im, const char *dropped);

/* The tc program of one side: a descriptor or -errno with a sentence. */
int rl_impair_load_tc(const struct rl_impair *im, bool is_egress, char why[RL_BPF_WHY]);

#endif
