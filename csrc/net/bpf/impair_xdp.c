/*
 * The impairment table in front of an AF_XDP socket.
 */
#include <linux/bpf.h>

#include "net/bpf/impair_inner.h"
#include "net/bpf/parse.h"

void rl_impair_emit_number(struct rl_bpf_code *c, const struct rl_impair *im)
{
    rl_bpf_load_map_value(c, BPF_REG_1, im->shared_fd, offsetof(struct rl_impair_shared, n_seen));
    rl_bpf_set(c, BPF_REG_2, 1);
    rl_bpf_atomic_fetch_add(c, BPF_REG_1, 0, BPF_REG_2);
    rl_bpf_alu_by(c, BPF_AND, BPF_REG_2, (int32_t)(im->n_actions - 1));
    rl_bpf_load_map_value(c, BPF_REG_1, im->table_fd, 0);
    rl_bpf_alu(c, BPF_ADD, BPF_REG_1, BPF_REG_2);
    rl_bpf_load_from(c, RL_BPF_U8, BPF_REG_7, BPF_REG_1, 0);
    /* The table is memory that we could write anything into. */
    rl_bpf_jump_if(c, BPF_JLT, BPF_REG_7, RL_N_IMPAIR_ACTIONS, "numbered");
    rl_bpf_set(c, BPF_REG_7, RL_IMPAIR_PASS);
    rl_bpf_label(c, "numbered");
}

void rl_impair_emit_done(struct rl_bpf_code *c, const struct rl_impair *im)
{
    rl_bpf_load_map_value(c, BPF_REG_1, im->shared_fd, offsetof(struct rl_impair_shared, n_done));
    /* Step by step: without CAP_PERFMON no number that differs from path to path may be added. */
    for (int32_t i = 1; i < RL_IMPAIR_N_ENDS; i++) {
        rl_bpf_jump_if(c, BPF_JLT, BPF_REG_7, i, "its counter");
        rl_bpf_alu_by(c, BPF_ADD, BPF_REG_1, sizeof(uint64_t));
    }
    rl_bpf_label(c, "its counter");
    rl_bpf_set(c, BPF_REG_2, 1);
    rl_bpf_atomic_add(c, BPF_REG_1, 0, BPF_REG_2);
}

/* r2 = the one's complement sum of r2 in 16 bits. */
static void fold(struct rl_bpf_code *c)
{
    for (int i = 0; i < 2; i++) {
        rl_bpf_move(c, BPF_REG_1, BPF_REG_2);
        rl_bpf_alu_by(c, BPF_RSH, BPF_REG_1, 16);
        rl_bpf_alu_by(c, BPF_AND, BPF_REG_2, 0xffff);
        rl_bpf_alu(c, BPF_ADD, BPF_REG_2, BPF_REG_1);
    }
}

/* After the byte was r3 and became r4: the checksum by the difference (RFC 1624, equation 3). */
static void mend_checksum(struct rl_bpf_code *c, uint32_t corrupt_at)
{
    rl_bpf_load_from(c, RL_BPF_U16, BPF_REG_2, RL_R_UDP, 6);
    rl_bpf_jump_if(c, BPF_JEQ, BPF_REG_2, 0, "acted"); /* it has none */
    if (corrupt_at % 2 != 0) {                         /* the second byte of its word */
        rl_bpf_alu_by(c, BPF_LSH, BPF_REG_3, 8);
        rl_bpf_alu_by(c, BPF_LSH, BPF_REG_4, 8);
    }
    rl_bpf_alu_by(c, BPF_XOR, BPF_REG_2, 0xffff);
    rl_bpf_alu_by(c, BPF_XOR, BPF_REG_3, 0xffff);
    rl_bpf_alu(c, BPF_ADD, BPF_REG_2, BPF_REG_3);
    rl_bpf_alu(c, BPF_ADD, BPF_REG_2, BPF_REG_4);
    fold(c);
    rl_bpf_alu_by(c, BPF_XOR, BPF_REG_2, 0xffff);
    rl_bpf_jump_if(c, BPF_JNE, BPF_REG_2, 0, "not none");
    rl_bpf_set(c, BPF_REG_2, 0xffff); /* 0 would say that there is none */
    rl_bpf_label(c, "not none");
    rl_bpf_store(c, RL_BPF_U16, RL_R_UDP, 6, BPF_REG_2);
}

static void corrupt(struct rl_bpf_code *c, uint32_t corrupt_at)
{
    int16_t at = (int16_t)(8 + corrupt_at);

    /* Inside the datagram and not in the padding behind it, and inside the frame. */
    rl_bpf_load_from(c, RL_BPF_U16, BPF_REG_2, RL_R_UDP, 4);
    rl_bpf_swap16(c, BPF_REG_2);
    rl_bpf_jump_if(c, BPF_JLE, BPF_REG_2, at, "undone");
    rl_bpf_move(c, BPF_REG_1, RL_R_UDP);
    rl_bpf_alu_by(c, BPF_ADD, BPF_REG_1, at + 1);
    rl_bpf_jump_if_reg(c, BPF_JGT, BPF_REG_1, RL_R_END, "undone");
    rl_bpf_load_from(c, RL_BPF_U8, BPF_REG_3, RL_R_UDP, at);
    rl_bpf_move(c, BPF_REG_4, BPF_REG_3);
    rl_bpf_alu_by(c, BPF_XOR, BPF_REG_4, RL_IMPAIR_FLIP);
    rl_bpf_store(c, RL_BPF_U8, RL_R_UDP, at, BPF_REG_4);
    rl_bpf_jump_if(c, BPF_JNE, BPF_REG_7, RL_IMPAIR_CORRUPT, "acted");
    mend_checksum(c, corrupt_at);
    rl_bpf_jump(c, "acted");
}

void rl_impair_emit_xdp(struct rl_bpf_code *c, const struct rl_impair *im, const char *dropped)
{
    enum { SAVED_PORT = -8 };

    rl_bpf_store(c, RL_BPF_U64, BPF_REG_10, SAVED_PORT, RL_R_PORT);
    if (im->udp_port != 0)
        rl_bpf_jump_if(c, BPF_JNE, RL_R_PORT, rl_on_wire(im->udp_port), "not of the flow");
    rl_impair_emit_number(c, im);
    rl_bpf_jump_if(c, BPF_JEQ, BPF_REG_7, RL_IMPAIR_CORRUPT, "corrupt");
    rl_bpf_jump_if(c, BPF_JEQ, BPF_REG_7, RL_IMPAIR_CORRUPT_FRAME, "corrupt");
    rl_bpf_jump_if(c, BPF_JNE, BPF_REG_7, RL_IMPAIR_DUPLICATE, "acted");
    rl_bpf_label(c, "undone");
    rl_bpf_set(c, BPF_REG_7, RL_IMPAIR_UNDONE);
    rl_bpf_jump(c, "acted");
    rl_bpf_label(c, "corrupt");
    corrupt(c, im->corrupt_at);
    rl_bpf_label(c, "acted");
    rl_impair_emit_done(c, im);
    rl_bpf_jump_if(c, BPF_JEQ, BPF_REG_7, RL_IMPAIR_DROP, dropped);
    rl_bpf_label(c, "not of the flow");
    rl_bpf_load_from(c, RL_BPF_U64, BPF_REG_7, BPF_REG_10, SAVED_PORT);
}
