/*
 * asm - eBPF instructions written by name, with jumps to labels that may come later.
 *
 * Hand-counted jumps are wrong sooner or later; here a label that is unknown, set twice or too far
 * away is an error with its name. Only the first error is kept; what follows it is ignored, so that
 * a program is written without a test behind every line.
 *
 * Threads:  one writes a program.
 * Memory:   the caller's, bounded: instructions, labels and jumps have their maximum.
 */
#ifndef RL_NET_BPF_ASM_H
#define RL_NET_BPF_ASM_H

#include <linux/bpf.h>

#include "base/defs.h"

#define RL_BPF_MAX_LABELS 32
#define RL_BPF_MAX_JUMPS 96

struct rl_bpf_place {
    const char *label; /* lives as long as the program is written */
    uint32_t at;       /* instruction */
};

struct rl_bpf_code {
    struct bpf_insn *insns; /* the caller's */
    uint32_t n_insns, n_insns_max, n_labels, n_jumps;
    int err;           /* the first one, or 0 */
    const char *wrong; /* what it was */
    const char *label; /* which label, or NULL */
    struct rl_bpf_place labels[RL_BPF_MAX_LABELS];
    struct rl_bpf_place jumps[RL_BPF_MAX_JUMPS];
};

enum rl_bpf_size { RL_BPF_U8 = BPF_B, RL_BPF_U16 = BPF_H, RL_BPF_U32 = BPF_W, RL_BPF_U64 = BPF_DW };

void rl_bpf_start(struct rl_bpf_code *c, struct bpf_insn *insns, uint32_t n_insns_max);
/*
 * Fills in the jumps. 0; -EINVAL: a label is unknown or was set twice; -ERANGE: a jump is too far;
 * -ENOSPC: too many instructions, labels or jumps. `why`, of n characters, says which.
 */
int rl_bpf_finish(struct rl_bpf_code *c, char *why, size_t n);

void rl_bpf_label(struct rl_bpf_code *c, const char *label);

/* dst = ..., 64 bits. */
void rl_bpf_set(struct rl_bpf_code *c, uint8_t dst, int32_t value); /* sign extended */
void rl_bpf_set64(struct rl_bpf_code *c, uint8_t dst, uint64_t value);
void rl_bpf_move(struct rl_bpf_code *c, uint8_t dst, uint8_t src);
/* dst = dst OP ...; op is BPF_ADD, BPF_SUB, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH, ... */
void rl_bpf_alu(struct rl_bpf_code *c, uint8_t op, uint8_t dst, uint8_t src);
void rl_bpf_alu_by(struct rl_bpf_code *c, uint8_t op, uint8_t dst, int32_t value);
void rl_bpf_swap16(struct rl_bpf_code *c, uint8_t dst); /* network order to host order and back */

/* dst = *(size *)(src + at); *(size *)(dst + at) = ... */
void rl_bpf_load_from(struct rl_bpf_code *c, enum rl_bpf_size size, uint8_t dst, uint8_t src,
                      int16_t at);
void rl_bpf_store(struct rl_bpf_code *c, enum rl_bpf_size size, uint8_t dst, int16_t at,
                  uint8_t src);
void rl_bpf_store_value(struct rl_bpf_code *c, enum rl_bpf_size size, uint8_t dst, int16_t at,
                        int32_t value);
/* *(u64 *)(dst + at) += src, atomically; with fetch src becomes what was there. */
void rl_bpf_atomic_add(struct rl_bpf_code *c, uint8_t dst, int16_t at, uint8_t src);
void rl_bpf_atomic_fetch_add(struct rl_bpf_code *c, uint8_t dst, int16_t at, uint8_t src);

/* if (dst OP ...) goto label, unsigned; op is BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, ... */
void rl_bpf_jump(struct rl_bpf_code *c, const char *label);
void rl_bpf_jump_if(struct rl_bpf_code *c, uint8_t op, uint8_t dst, int32_t value,
                    const char *label);
void rl_bpf_jump_if_reg(struct rl_bpf_code *c, uint8_t op, uint8_t dst, uint8_t src,
                        const char *label);

void rl_bpf_load_map(struct rl_bpf_code *c, uint8_t dst, int map_fd); /* dst = the map */
/* dst = the address of byte `at` of the only value of an array */
void rl_bpf_load_map_value(struct rl_bpf_code *c, uint8_t dst, int map_fd, uint32_t at);
void rl_bpf_call(struct rl_bpf_code *c, enum bpf_func_id helper);
void rl_bpf_exit(struct rl_bpf_code *c);               /* returns r0 */
void rl_bpf_return(struct rl_bpf_code *c, int32_t r0); /* r0 = ..., exit */

#endif
