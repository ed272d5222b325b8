/*
 * The impairment table at tc, where packets can be copied as well.
 *
 * Order at ingress: bpf_clone_redirect puts the copy at the end of the CPU's backlog, behind
 * packets that wait there already. So while a copy is under way, whatever comes meanwhile is sent
 * round the same way, at its end: what arrived later stays later, and a copy is right behind its
 * original. What comes round carries the mark and passes. At egress the copy leaves before the call
 * returns.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "net/bpf/impair_inner.h"
#include "net/bpf/tc.h"
#include "net/bpf/uapi.h"

/* After parsing, registers of the frame are free: helpers forget pointers into it. */
enum {
    R_ACTION = BPF_REG_7,
    R_AT = BPF_REG_8,      /* offset of the UDP header */
    R_WAITING = BPF_REG_9, /* ingress: packets under way before this one acted */
};
/* On the stack. */
enum { S_MARK = -8, S_LENGTH = -16, S_OLD = -24, S_NEW = -32 };

static void add_waiting(struct rl_bpf_code *c, const struct rl_impair *im, int32_t n)
{
    rl_bpf_load_map_value(c, BPF_REG_1, im->shared_fd,
                          offsetof(struct rl_impair_shared, n_waiting));
    rl_bpf_set(c, BPF_REG_2, n);
    rl_bpf_atomic_add(c, BPF_REG_1, 0, BPF_REG_2);
}

/* A marked copy goes round (ingress) or out (egress); r0 = 0: it is on its way. */
static void send_copy(struct rl_bpf_code *c, bool is_egress)
{
    rl_bpf_load_from(c, RL_BPF_U32, BPF_REG_1, RL_R_CONTEXT, RL_SKB(mark));
    rl_bpf_store(c, RL_BPF_U64, BPF_REG_10, S_MARK, BPF_REG_1);
    rl_bpf_set(c, BPF_REG_1, RL_IMPAIR_MARK);
    rl_bpf_store(c, RL_BPF_U32, RL_R_CONTEXT, RL_SKB(mark), BPF_REG_1);
    rl_bpf_move(c, BPF_REG_1, RL_R_CONTEXT);
    rl_bpf_load_from(c, RL_BPF_U32, BPF_REG_2, RL_R_CONTEXT, RL_SKB(ifindex));
    rl_bpf_set(c, BPF_REG_3, is_egress ? 0 : BPF_F_INGRESS);
    rl_bpf_call(c, BPF_FUNC_clone_redirect);
    rl_bpf_load_from(c, RL_BPF_U64, BPF_REG_1, BPF_REG_10, S_MARK);
    rl_bpf_store(c, RL_BPF_U32, RL_R_CONTEXT, RL_SKB(mark), BPF_REG_1);
}

/* helper(skb, UDP header + at, stack, n_bytes, ...) */
static void call_on_bytes(struct rl_bpf_code *c, enum bpf_func_id helper, uint32_t at,
                          int16_t stack, int32_t n_bytes)
{
    rl_bpf_move(c, BPF_REG_1, RL_R_CONTEXT);
    rl_bpf_move(c, BPF_REG_2, R_AT);
    rl_bpf_alu_by(c, BPF_ADD, BPF_REG_2, (int32_t)at);
    rl_bpf_move(c, BPF_REG_3, BPF_REG_10);
    rl_bpf_alu_by(c, BPF_ADD, BPF_REG_3, stack);
    rl_bpf_set(c, BPF_REG_4, n_bytes);
    rl_bpf_call(c, helper);
}

static void corrupt(struct rl_bpf_code *c, uint32_t corrupt_at)
{
    uint32_t at = 8 + corrupt_at;

    /* Inside the datagram and not in the padding behind it. */
    call_on_bytes(c, BPF_FUNC_skb_load_bytes, 4, S_LENGTH, 2);
    rl_bpf_jump_if(c, BPF_JNE, BPF_REG_0, 0, "undone");
    rl_bpf_load_from(c, RL_BPF_U16, BPF_REG_1, BPF_REG_10, S_LENGTH);
    rl_bpf_swap16(c, BPF_REG_1);
    rl_bpf_jump_if(c, BPF_JLE, BPF_REG_1, (int32_t)at, "undone");
    call_on_bytes(c, BPF_FUNC_skb_load_bytes, at, S_OLD, 1);
    rl_bpf_jump_if(c, BPF_JNE, BPF_REG_0, 0, "undone");
    rl_bpf_load_from(c, RL_BPF_U8, BPF_REG_1, BPF_REG_10, S_OLD);
    rl_bpf_alu_by(c, BPF_XOR, BPF_REG_1, RL_IMPAIR_FLIP);
    rl_bpf_store(c, RL_BPF_U8, BPF_REG_10, S_NEW, BPF_REG_1);

    /*
     * A sum over the whole packet that the NIC gave must follow the byte only when the checksum
     * does not: mended, both changes cancel out in it.
     */
    rl_bpf_set(c, BPF_REG_5, 0);
    rl_bpf_jump_if(c, BPF_JEQ, R_ACTION, RL_IMPAIR_CORRUPT, "sum stays");
    rl_bpf_set(c, BPF_REG_5, BPF_F_RECOMPUTE_CSUM);
    rl_bpf_label(c, "sum stays");
    call_on_bytes(c, BPF_FUNC_skb_store_bytes, at, S_NEW, 1);
    rl_bpf_jump_if(c, BPF_JNE, BPF_REG_0, 0, "undone");
    rl_bpf_jump_if(c, BPF_JEQ, R_ACTION, RL_IMPAIR_CORRUPT, "mend");
    /* "The NIC has checked it" is true no more. */
    rl_bpf_move(c, BPF_REG_1, RL_R_CONTEXT);
    rl_bpf_set(c, BPF_REG_2, BPF_CSUM_LEVEL_RESET);
    rl_bpf_call(c, BPF_FUNC_csum_level);
    rl_bpf_jump(c, "acted");

    rl_bpf_label(c, "mend");
    rl_bpf_move(c, BPF_REG_1, RL_R_CONTEXT);
    rl_bpf_move(c, BPF_REG_2, R_AT);
    rl_bpf_alu_by(c, BPF_ADD, BPF_REG_2, 6);
    rl_bpf_load_from(c, RL_BPF_U8, BPF_REG_3, BPF_REG_10, S_OLD);
    rl_bpf_load_from(c, RL_BPF_U8, BPF_REG_4, BPF_REG_10, S_NEW);
    if (corrupt_at % 2 != 0) { /* the second byte of its word */
        rl_bpf_alu_by(c, BPF_LSH, BPF_REG_3, 8);
        rl_bpf_alu_by(c, BPF_LSH, BPF_REG_4, 8);
    }
    rl_bpf_set(c, BPF_REG_5, BPF_F_MARK_MANGLED_0 | 2);
    rl_bpf_call(c, BPF_FUNC_l4_csum_replace);
    rl_bpf_jump(c, "acted");
}

static void duplicate(struct rl_bpf_code *c, const struct rl_impair *im, bool is_egress)
{
    if (!is_egress)
        add_waiting(c, im, 1); /* before the copy can be back */
    send_copy(c, is_egress);
    rl_bpf_jump_if(c, BPF_JEQ, BPF_REG_0, 0, "acted");
    if (!is_egress)
        add_waiting(c, im, -1);
}

/* The packet itself goes round too when others that came before it are still under way. */
static void deliver(struct rl_bpf_code *c, const struct rl_impair *im, bool is_egress)
{
    if (is_egress)
        return;
    rl_bpf_jump_if(c, BPF_JEQ, R_WAITING, 0, "next");
    add_waiting(c, im, 1);
    send_copy(c, is_egress);
    rl_bpf_jump_if(c, BPF_JEQ, BPF_REG_0, 0, "drop"); /* its copy is what will be delivered */
    add_waiting(c, im, -1);
}

static void write_program(struct rl_bpf_code *c, const struct rl_impair *im, bool is_egress)
{
    rl_bpf_move(c, RL_R_CONTEXT, BPF_REG_1);
    rl_bpf_load_from(c, RL_BPF_U32, BPF_REG_2, RL_R_CONTEXT, RL_SKB(mark));
    rl_bpf_jump_if(c, BPF_JEQ, BPF_REG_2, RL_IMPAIR_MARK, "again");
    rl_bpf_begin_tc(c);
    rl_bpf_parse(c, "next");
    if (im->udp_port != 0)
        rl_bpf_jump_if(c, BPF_JNE, RL_R_PORT, rl_on_wire(im->udp_port), "next");
    rl_bpf_move(c, R_AT, RL_R_AT);
    rl_bpf_load_map_value(c, BPF_REG_1, im->shared_fd,
                          offsetof(struct rl_impair_shared, n_waiting));
    rl_bpf_load_from(c, RL_BPF_U64, R_WAITING, BPF_REG_1, 0);
    rl_impair_emit_number(c, im);
    rl_bpf_jump_if(c, BPF_JLE, R_ACTION, RL_IMPAIR_DROP, "acted");
    rl_bpf_jump_if(c, BPF_JNE, R_ACTION, RL_IMPAIR_DUPLICATE, "corrupt");
    duplicate(c, im, is_egress);
    rl_bpf_label(c, "undone");
    rl_bpf_set(c, R_ACTION, RL_IMPAIR_UNDONE);
    rl_bpf_jump(c, "acted");
    rl_bpf_label(c, "corrupt");
    corrupt(c, im->corrupt_at);

    rl_bpf_label(c, "acted");
    rl_impair_emit_done(c, im);
    rl_bpf_jump_if(c, BPF_JEQ, R_ACTION, RL_IMPAIR_DROP, "drop");
    deliver(c, im, is_egress);
    rl_bpf_jump(c, "next");

    rl_bpf_label(c, "again");
    rl_bpf_set(c, BPF_REG_1, 0);
    rl_bpf_store(c, RL_BPF_U32, RL_R_CONTEXT, RL_SKB(mark), BPF_REG_1);
    if (!is_egress)
        add_waiting(c, im, -1);
    rl_bpf_label(c, "next");
    rl_bpf_return(c, RL_TCX_NEXT); /* TC_ACT_UNSPEC, in clsact: whoever comes next decides */
    rl_bpf_label(c, "drop");
    rl_bpf_return(c, TC_ACT_SHOT);
}

int rl_impair_load_tc(const struct rl_impair *im, bool is_egress, char why[RL_BPF_WHY])
{
    struct bpf_insn insns[RL_BPF_MAX_INSNS];
    struct rl_bpf_code code;

    rl_bpf_start(&code, insns, RL_COUNT(insns));
    write_program(&code, im, is_egress);
    return rl_bpf_load_code(&code, BPF_PROG_TYPE_SCHED_CLS, "rl_impair", why);
}
