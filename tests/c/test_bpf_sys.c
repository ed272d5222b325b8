/*
 * What the kernel refuses is told in a sentence: the verifier's own line, or the capability that is
 * missing; and the programs load with no more rights than they are said to need.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bpf_frames.h"
#include "bpf_rights.h"
#include "net/bpf/asm.h"
#include "net/bpf/count.h"
#include "net/bpf/echo.h"
#include "net/bpf/impair.h"
#include "net/bpf/impair_inner.h"
#include "net/bpf/live.h"
#include "net/bpf/redirect.h"

static int load(const struct bpf_insn *insns, uint32_t n)
{
    struct rl_bpf_program program = {.type = BPF_PROG_TYPE_XDP,
                                     .insns = insns,
                                     .n_insns = n,
                                     .attach_type = BPF_XDP,
                                     .name = "rl_test"};

    memset(why, 0, sizeof(why));
    return rl_bpf_load(&program, why);
}

static void test_a_refused_program_gives_the_line_of_the_verifier_that_says_why(void)
{
    struct bpf_insn insns[8];
    struct rl_bpf_code c;

    rl_bpf_start(&c, insns, RL_COUNT(insns));
    rl_bpf_load_from(&c, RL_BPF_U32, 2, 1, 0);
    rl_bpf_load_from(&c, RL_BPF_U8, 0, 2, 0); /* a byte of the frame, whose end nobody looked at */
    rl_bpf_exit(&c);
    CHECK_EQ(rl_bpf_finish(&c, why, sizeof(why)), 0);
    CHECK_EQ(load(insns, c.n_insns), -EACCES);
    CHECK(strstr(why, "BPF program rl_test: the verifier refuses it: ") == why);
    CHECK(strstr(why, "invalid access to packet") != NULL || strstr(why, "R2 ") != NULL);
    CHECK(strstr(why, "processed") == NULL);
}

static void test_a_jump_out_of_the_program_is_refused_with_its_place(void)
{
    struct bpf_insn insns[] = {
        {.code = BPF_JMP | BPF_JA, .off = 7},
        {.code = BPF_JMP | BPF_EXIT},
    };

    CHECK_EQ(load(insns, RL_COUNT(insns)), -EINVAL);
    CHECK(strstr(why, "jump out of range from insn 0 to 8") != NULL);
}

static void test_a_jump_that_is_one_off_is_refused_where_it_matters(void)
{
    struct bpf_insn insns[8];
    struct rl_bpf_code c;

    rl_bpf_start(&c, insns, RL_COUNT(insns));
    rl_bpf_jump_if(&c, BPF_JEQ, 1, 0, "end");
    rl_bpf_set(&c, 0, XDP_PASS);
    rl_bpf_label(&c, "end");
    rl_bpf_exit(&c); /* reached by the jump with nothing in r0 */
    CHECK_EQ(rl_bpf_finish(&c, why, sizeof(why)), 0);
    CHECK(load(insns, c.n_insns) < 0);
    CHECK(strstr(why, "R0 !read_ok") != NULL);
}

/* What a program finds at the array's first byte. */
static uint32_t found_by_a_program(int map_fd)
{
    uint8_t frame[60] = {0};
    struct rl_bpf_run run = {.frame = frame, .n_bytes = sizeof(frame)};
    struct bpf_insn insns[8];
    struct rl_bpf_code c;
    int prog_fd;

    rl_bpf_start(&c, insns, RL_COUNT(insns));
    rl_bpf_load_map_value(&c, 1, map_fd, 0);
    rl_bpf_load_from(&c, RL_BPF_U32, 0, 1, 0);
    rl_bpf_exit(&c);
    CHECK_EQ(rl_bpf_finish(&c, why, sizeof(why)), 0);
    OPENED(prog_fd = load(insns, c.n_insns));
    CHECK_EQ(rl_bpf_run(prog_fd, &run), 0);
    close(prog_fd);
    return run.verdict;
}

static void test_a_shared_array_is_seen_by_both_sides(void)
{
    void *memory;
    uint64_t *mine;
    uint64_t theirs = 43;
    uint32_t key = 0;
    int fd = rl_bpf_shared_open(8, "rl_test", &memory, why);

    CHECK(fd >= 0);
    mine = memory;
    CHECK_EQ(*mine, 0);
    *mine = 42;
    CHECK_EQ(found_by_a_program(fd), 42);
    CHECK_EQ(rl_bpf_map_put(fd, &key, &theirs), 0);
    CHECK_EQ(*mine, 43);
    key = 1;
    CHECK_EQ(rl_bpf_map_put(fd, &key, &theirs), -E2BIG);
    rl_bpf_shared_close(fd, memory, 8);
}

static void wants_both(void)
{
    CHECK_EQ(bpf_try(), -EPERM);
    CHECK(strstr(why, "CAP_BPF and CAP_NET_ADMIN are missing") != NULL);
}

static void wants_bpf(void)
{
    CHECK_EQ(bpf_try(), -EPERM);
    CHECK(strstr(why, "CAP_BPF is missing") != NULL);
}

static void wants_net_admin(void)
{
    CHECK_EQ(bpf_try(), -EPERM);
    CHECK(strstr(why, "CAP_NET_ADMIN is missing") != NULL);
}

static void test_a_missing_capability_is_named(void)
{
    run_with(0, wants_both);
    run_with(NET_ADMIN_ALONE, wants_bpf);
    run_with(BPF_ALONE, wants_net_admin);
}

static void load_impairments(void)
{
    static uint8_t actions[1024] = {RL_IMPAIR_DROP, RL_IMPAIR_CORRUPT, RL_IMPAIR_CORRUPT_FRAME};

    for (uint32_t corrupt_at = 0; corrupt_at < 2; corrupt_at++) {
        struct rl_impair_config config = {.actions = actions,
                                          .n_actions = sizeof(actions),
                                          .udp_port = FRAME_PORT,
                                          .corrupt_at = corrupt_at};
        struct rl_redirect_config redirect = {.ports = {FRAME_PORT}, .n_ports = 1};
        struct rl_impair im;
        struct rl_redirect r;
        int fd;

        OPENED(rl_impair_open(&im, &config, why));
        OPENED(fd = rl_impair_load_tc(&im, false, why));
        close(fd);
        OPENED(fd = rl_impair_load_tc(&im, true, why));
        close(fd);
        redirect.impair = &im;
        OPENED(rl_redirect_open(&r, &redirect, why));
        rl_redirect_close(&r);
        rl_impair_close(&im);
    }
}

static void load_everything(void)
{
    struct frame f = make_frame((struct frame_spec){.n_tags = 1});
    struct rl_live_config live_config = {.frame = f.bytes,
                                         .n_bytes = f.n_bytes,
                                         .ifindex = 1,
                                         .at_sequence = f.payload,
                                         .at_stamp = f.payload + 8};
    struct rl_xdp_count_config count_config = {.udp_port = FRAME_PORT, .drops = true};
    struct rl_live live;
    struct rl_xdp_echo echo;
    struct rl_xdp_count count;

    OPENED(bpf_try());
    OPENED(rl_live_open(&live, &live_config, why));
    rl_live_close(&live);
    OPENED(rl_xdp_echo_open(&echo, 0, RL_XDP_HOOK_AUTO, FRAME_PORT, why));
    rl_xdp_echo_close(&echo);
    OPENED(rl_xdp_count_open(&count, &count_config, why));
    rl_xdp_count_close(&count);
    load_impairments();
}

static void test_cap_bpf_and_cap_net_admin_suffice_for_every_program(void)
{
    run_with(BPF_ALONE | NET_ADMIN_ALONE, load_everything);
}

int main(void)
{
    bpf_or_skip();
    test_a_refused_program_gives_the_line_of_the_verifier_that_says_why();
    test_a_jump_out_of_the_program_is_refused_with_its_place();
    test_a_jump_that_is_one_off_is_refused_where_it_matters();
    test_a_shared_array_is_seen_by_both_sides();
    test_a_missing_capability_is_named();
    test_cap_bpf_and_cap_net_admin_suffice_for_every_program();
    return 0;
}
