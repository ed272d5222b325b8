#include "net/bpf/asm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Older headers call it BPF_XADD and know no fetch. */
#define ATOMIC 0xc0
#define ADD_AND_FETCH 0x01

void rl_bpf_start(struct rl_bpf_code *c, struct bpf_insn *insns, uint32_t n_insns_max)
{
    memset(c, 0, sizeof(*c));
    c->insns = insns;
    c->n_insns_max = n_insns_max;
}

static void fail(struct rl_bpf_code *c, int err, const char *wrong, const char *label)
{
    if (c->err != 0)
        return; /* what follows a first error is often its consequence */
    c->err = err;
    c->wrong = wrong;
    c->label = label;
}

static void put(struct rl_bpf_code *c, int code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
    if (c->n_insns == c->n_insns_max)
        fail(c, -ENOSPC, "too many instructions", NULL);
    else
        c->insns[c->n_insns++] = (struct bpf_insn){.code = (uint8_t)code,
                                                   .dst_reg = dst & 0xfU,
                                                   .src_reg = src & 0xfU,
                                                   .off = off,
                                                   .imm = imm};
}

static const struct rl_bpf_place *find(const struct rl_bpf_code *c, const char *label)
{
    for (uint32_t i = 0; i < c->n_labels; i++) {
        if (strcmp(c->labels[i].label, label) == 0)
            return &c->labels[i];
    }
    return NULL;
}

void rl_bpf_label(struct rl_bpf_code *c, const char *label)
{
    if (find(c, label) != NULL)
        fail(c, -EINVAL, "label set twice", label);
    else if (c->n_labels == RL_BPF_MAX_LABELS)
        fail(c, -ENOSPC, "too many labels", label);
    else
        c->labels[c->n_labels++] = (struct rl_bpf_place){.label = label, .at = c->n_insns};
}

static void put_jump(struct rl_bpf_code *c, int code, uint8_t dst, uint8_t src, int32_t value,
                     const char *label)
{
    if (c->n_jumps == RL_BPF_MAX_JUMPS) {
        fail(c, -ENOSPC, "too many jumps", label);
        return;
    }
    c->jumps[c->n_jumps++] = (struct rl_bpf_place){.label = label, .at = c->n_insns};
    put(c, code, dst, src, 0, value);
}

static void patch(struct rl_bpf_code *c, const struct rl_bpf_place *jump)
{
    const struct rl_bpf_place *to = find(c, jump->label);
    int64_t distance;

    if (to == NULL) {
        fail(c, -EINVAL, "no such label", jump->label);
        return;
    }
    if (to->at == c->n_insns) {
        fail(c, -EINVAL, "nothing behind the label", jump->label);
        return;
    }
    distance = (int64_t)to->at - (int64_t)jump->at - 1;
    if (distance < INT16_MIN || distance > INT16_MAX)
        fail(c, -ERANGE, "jump too far to label", jump->label);
    else
        c->insns[jump->at].off = (int16_t)distance;
}

int rl_bpf_finish(struct rl_bpf_code *c, char *why, size_t n)
{
    for (uint32_t i = 0; i < c->n_jumps && c->err == 0; i++)
        patch(c, &c->jumps[i]);
    if (c->err != 0 && c->label != NULL)
        snprintf(why, n, "%s: %s", c->wrong, c->label);
    else if (c->err != 0)
        snprintf(why, n, "%s", c->wrong);
    return c->err;
}

void rl_bpf_set(struct rl_bpf_code *c, uint8_t dst, int32_t value)
{
    put(c, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value);
}

/* The one instruction that takes two slots; what `src` says the value is, if it is not a number. */
static void put_wide(struct rl_bpf_code *c, uint8_t dst, uint8_t src, uint32_t low, uint32_t high)
{
    /* NOLINTNEXTLINE(misc-redundant-expression): two of them are 0, and are meant */
    put(c, BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, (int32_t)low);
    put(c, 0, 0, 0, 0, (int32_t)high);
}

void rl_bpf_set64(struct rl_bpf_code *c, uint8_t dst, uint64_t value)
{
    put_wide(c, dst, 0, (uint32_t)value, (uint32_t)(value >> 32));
}

void rl_bpf_load_map(struct rl_bpf_code *c, uint8_t dst, int map_fd)
{
    put_wide(c, dst, BPF_PSEUDO_MAP_FD, (uint32_t)map_fd, 0);
}

void rl_bpf_load_map_value(struct rl_bpf_code *c, uint8_t dst, int map_fd, uint32_t at)
{
    put_wide(c, dst, BPF_PSEUDO_MAP_VALUE, (uint32_t)map_fd, at);
}

void rl_bpf_move(struct rl_bpf_code *c, uint8_t dst, uint8_t src)
{
    put(c, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

void rl_bpf_alu(struct rl_bpf_code *c, uint8_t op, uint8_t dst, uint8_t src)
{
    put(c, BPF_ALU64 | op | BPF_X, dst, src, 0, 0);
}

void rl_bpf_alu_by(struct rl_bpf_code *c, uint8_t op, uint8_t dst, int32_t value)
{
    put(c, BPF_ALU64 | op | BPF_K, dst, 0, 0, value);
}

void rl_bpf_swap16(struct rl_bpf_code *c, uint8_t dst)
{
    put(c, BPF_ALU | BPF_END | BPF_TO_BE, dst, 0, 0, 16);
}

void rl_bpf_load_from(struct rl_bpf_code *c, enum rl_bpf_size size, uint8_t dst, uint8_t src,
                      int16_t at)
{
    put(c, BPF_LDX | BPF_MEM | (int)size, dst, src, at, 0);
}

void rl_bpf_store(struct rl_bpf_code *c, enum rl_bpf_size size, uint8_t dst, int16_t at,
                  uint8_t src)
{
    put(c, BPF_STX | BPF_MEM | (int)size, dst, src, at, 0);
}

void rl_bpf_store_value(struct rl_bpf_code *c, enum rl_bpf_size size, uint8_t dst, int16_t at,
                        int32_t value)
{
    put(c, BPF_ST | BPF_MEM | (int)size, dst, 0, at, value);
}

void rl_bpf_atomic_add(struct rl_bpf_code *c, uint8_t dst, int16_t at, uint8_t src)
{
    put(c, BPF_STX | ATOMIC | BPF_DW, dst, src, at, BPF_ADD);
}

void rl_bpf_atomic_fetch_add(struct rl_bpf_code *c, uint8_t dst, int16_t at, uint8_t src)
{
    put(c, BPF_STX | ATOMIC | BPF_DW, dst, src, at, BPF_ADD | ADD_AND_FETCH);
}

void rl_bpf_jump(struct rl_bpf_code *c, const char *label)
{
    put_jump(c, BPF_JMP | BPF_JA, 0, 0, 0, label);
}

void rl_bpf_jump_if(struct rl_bpf_code *c, uint8_t op, uint8_t dst, int32_t value,
                    const char *label)
{
    put_jump(c, BPF_JMP | op | BPF_K, dst, 0, value, label);
}

void rl_bpf_jump_if_reg(struct rl_bpf_code *c, uint8_t op, uint8_t dst, uint8_t src,
                        const char *label)
{
    put_jump(c, BPF_JMP | op | BPF_X, dst, src, 0, label);
}

void rl_bpf_call(struct rl_bpf_code *c, enum bpf_func_id helper)
{
    put(c, BPF_JMP | BPF_CALL, 0, 0, 0, (int32_t)helper);
}

void rl_bpf_exit(struct rl_bpf_code *c)
{
    put(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void rl_bpf_return(struct rl_bpf_code *c, int32_t r0)
{
    rl_bpf_set(c, BPF_REG_0, r0);
    rl_bpf_exit(c);
}
