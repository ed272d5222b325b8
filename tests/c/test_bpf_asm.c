/*
 * Programs for the kernel are written by name: jumps find their labels, and what is wrong is said
 * before the kernel sees it. Needs no rights.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "check.h"
#include "net/bpf/asm.h"

#define MAX_INSNS 40000

static struct bpf_insn insns[MAX_INSNS];
static struct rl_bpf_code code;
static char why[80];

static void start(uint32_t n_max)
{
    memset(why, 0, sizeof(why));
    rl_bpf_start(&code, insns, n_max);
}

static void check_insn(uint32_t at, int op, int dst, int src, int off, int64_t imm)
{
    CHECK(at < code.n_insns);
    CHECK_EQ(insns[at].code, op);
    CHECK_EQ(insns[at].dst_reg, dst);
    CHECK_EQ(insns[at].src_reg, src);
    CHECK_EQ(insns[at].off, off);
    CHECK_EQ(insns[at].imm, (int32_t)imm);
}

/* Codes as the kernel's instruction set document has them, in numbers. */
static void test_every_instruction_is_encoded_as_the_kernel_reads_it(void)
{
    start(64);
    rl_bpf_set(&code, 3, -2);
    rl_bpf_set64(&code, 4, 0x1122334455667788);
    rl_bpf_move(&code, 1, 9);
    rl_bpf_alu(&code, BPF_ADD, 2, 3);
    rl_bpf_alu_by(&code, BPF_RSH, 2, 16);
    rl_bpf_swap16(&code, 5);
    rl_bpf_load_from(&code, RL_BPF_U16, 2, 7, 12);
    rl_bpf_store(&code, RL_BPF_U64, 10, -8, 6);
    rl_bpf_store_value(&code, RL_BPF_U8, 7, 5, 0x7f);
    rl_bpf_atomic_add(&code, 1, 24, 2);
    rl_bpf_atomic_fetch_add(&code, 1, 0, 2);
    rl_bpf_load_map(&code, 1, 77);
    rl_bpf_load_map_value(&code, 1, 77, 64);
    rl_bpf_call(&code, BPF_FUNC_redirect_map);
    rl_bpf_return(&code, 2);
    CHECK_EQ(rl_bpf_finish(&code, why, sizeof(why)), 0);

    check_insn(0, 0xb7, 3, 0, 0, -2);
    check_insn(1, 0x18, 4, 0, 0, 0x55667788);
    check_insn(2, 0, 0, 0, 0, 0x11223344);
    check_insn(3, 0xbf, 1, 9, 0, 0);
    check_insn(4, 0x0f, 2, 3, 0, 0);
    check_insn(5, 0x77, 2, 0, 0, 16);
    check_insn(6, 0xdc, 5, 0, 0, 16);
    check_insn(7, 0x69, 2, 7, 12, 0);
    check_insn(8, 0x7b, 10, 6, -8, 0);
    check_insn(9, 0x72, 7, 0, 5, 0x7f);
    check_insn(10, 0xdb, 1, 2, 24, 0);
    check_insn(11, 0xdb, 1, 2, 0, 1);
    check_insn(12, 0x18, 1, 1, 0, 77);
    check_insn(14, 0x18, 1, 2, 0, 77);
    check_insn(15, 0, 0, 0, 0, 64);
    check_insn(16, 0x85, 0, 0, 0, 51);
    check_insn(17, 0xb7, 0, 0, 0, 2);
    check_insn(18, 0x95, 0, 0, 0, 0);
    CHECK_EQ(code.n_insns, 19);
}

static void test_jumps_find_labels_before_and_behind_them(void)
{
    start(16);
    rl_bpf_label(&code, "top");
    rl_bpf_jump_if(&code, BPF_JEQ, 2, 7, "end"); /* 0 */
    rl_bpf_set64(&code, 1, 1);                   /* 1, 2: two places */
    rl_bpf_jump_if_reg(&code, BPF_JGT, 1, 8, "end");
    rl_bpf_jump(&code, "top"); /* 4 */
    rl_bpf_label(&code, "end");
    rl_bpf_label(&code, "end too");
    rl_bpf_exit(&code); /* 5 */
    CHECK_EQ(rl_bpf_finish(&code, why, sizeof(why)), 0);
    check_insn(0, 0x15, 2, 0, 4, 7);
    check_insn(3, 0x2d, 1, 8, 1, 0);
    check_insn(4, 0x05, 0, 0, -5, 0);
}

static void test_an_unknown_label_is_named(void)
{
    start(16);
    rl_bpf_jump(&code, "nowhere");
    rl_bpf_exit(&code);
    CHECK_EQ(rl_bpf_finish(&code, why, sizeof(why)), -EINVAL);
    CHECK(strcmp(why, "no such label: nowhere") == 0);
}

static void test_a_label_set_twice_is_named(void)
{
    start(16);
    rl_bpf_label(&code, "here");
    rl_bpf_exit(&code);
    rl_bpf_label(&code, "here");
    rl_bpf_exit(&code);
    CHECK_EQ(rl_bpf_finish(&code, why, sizeof(why)), -EINVAL);
    CHECK(strcmp(why, "label set twice: here") == 0);
}

static void test_a_jump_behind_the_last_instruction_is_refused(void)
{
    start(16);
    rl_bpf_jump(&code, "end");
    rl_bpf_exit(&code);
    rl_bpf_label(&code, "end");
    CHECK_EQ(rl_bpf_finish(&code, why, sizeof(why)), -EINVAL);
    CHECK(strcmp(why, "nothing behind the label: end") == 0);
}

static void jump_over(uint32_t n)
{
    start(MAX_INSNS);
    rl_bpf_jump(&code, "far");
    for (uint32_t i = 0; i < n; i++)
        rl_bpf_set(&code, 0, 0);
    rl_bpf_label(&code, "far");
    rl_bpf_exit(&code);
}

static void jump_back_over(uint32_t n)
{
    start(MAX_INSNS);
    rl_bpf_label(&code, "far");
    for (uint32_t i = 0; i < n; i++)
        rl_bpf_set(&code, 0, 0);
    rl_bpf_jump(&code, "far");
}

static void test_a_jump_reaches_32767_instructions_and_not_one_more(void)
{
    jump_over(INT16_MAX);
    CHECK_EQ(rl_bpf_finish(&code, why, sizeof(why)), 0);
    CHECK_EQ(insns[0].off, INT16_MAX);
    jump_over(INT16_MAX + 1);
    CHECK_EQ(rl_bpf_finish(&code, why, sizeof(why)), -ERANGE);
    CHECK(strcmp(why, "jump too far to label: far") == 0);
    jump_back_over(INT16_MAX);
    CHECK_EQ(rl_bpf_finish(&code, why, sizeof(why)), 0);
    CHECK_EQ(insns[INT16_MAX].off, INT16_MIN);
    jump_back_over(INT16_MAX + 1);
    CHECK_EQ(rl_bpf_finish(&code, why, sizeof(why)), -ERANGE);
}

static void test_too_many_instructions_are_refused_and_none_is_written_behind_the_last(void)
{
    memset(&insns[4], 0xaa, sizeof(insns[4]));
    start(4);
    for (int i = 0; i < 5; i++)
        rl_bpf_exit(&code);
    CHECK_EQ(rl_bpf_finish(&code, why, sizeof(why)), -ENOSPC);
    CHECK(strcmp(why, "too many instructions") == 0);
    CHECK_EQ(code.n_insns, 4);
    CHECK_EQ(insns[4].code, 0xaa);
}

static void test_too_many_labels_or_jumps_are_refused(void)
{
    char labels[RL_BPF_MAX_LABELS + 1][12];

    start(MAX_INSNS);
    for (int i = 0; i <= RL_BPF_MAX_LABELS; i++) {
        snprintf(labels[i], sizeof(labels[i]), "%d", i);
        rl_bpf_label(&code, labels[i]);
    }
    rl_bpf_exit(&code);
    CHECK_EQ(rl_bpf_finish(&code, why, sizeof(why)), -ENOSPC);
    start(MAX_INSNS);
    rl_bpf_label(&code, "top");
    for (int i = 0; i <= RL_BPF_MAX_JUMPS; i++)
        rl_bpf_jump(&code, "top");
    CHECK_EQ(rl_bpf_finish(&code, why, sizeof(why)), -ENOSPC);
    CHECK(strcmp(why, "too many jumps: top") == 0);
}

static void test_the_first_error_is_the_one_that_is_told(void)
{
    start(1);
    rl_bpf_label(&code, "a");
    rl_bpf_label(&code, "a");
    for (int i = 0; i < 3; i++)
        rl_bpf_jump(&code, "b");
    CHECK_EQ(rl_bpf_finish(&code, why, sizeof(why)), -EINVAL);
    CHECK(strcmp(why, "label set twice: a") == 0);
}

int main(void)
{
    test_every_instruction_is_encoded_as_the_kernel_reads_it();
    test_jumps_find_labels_before_and_behind_them();
    test_an_unknown_label_is_named();
    test_a_label_set_twice_is_named();
    test_a_jump_behind_the_last_instruction_is_refused();
    test_a_jump_reaches_32767_instructions_and_not_one_more();
    test_too_many_instructions_are_refused_and_none_is_written_behind_the_last();
    test_too_many_labels_or_jumps_are_refused();
    test_the_first_error_is_the_one_that_is_told();
    return 0;
}
