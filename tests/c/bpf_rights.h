/*
 * bpf_rights - tests that load BPF programs: they need the right to, and some are run by a child
 * that has a few capabilities and no other.
 */
#ifndef RL_TESTS_BPF_RIGHTS_H
#define RL_TESTS_BPF_RIGHTS_H

#include <linux/bpf.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "net/bpf/sys.h"
#include "net/bpf/uapi.h"

static char why[RL_BPF_WHY];

/* A call that gives a sentence in `why` when it fails; a descriptor is a success, too. */
#define OPENED(call)                      \
    do {                                  \
        if ((call) < 0) {                 \
            fprintf(stderr, "%s\n", why); \
            exit(1);                      \
        }                                 \
    } while (0)

/* 0: this process may make maps and load programs; else -errno and why not. */
static inline int bpf_try(void)
{
    const struct bpf_insn insns[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
        {.code = BPF_JMP | BPF_EXIT},
    };
    struct rl_bpf_program program = {.type = BPF_PROG_TYPE_XDP,
                                     .insns = insns,
                                     .n_insns = RL_COUNT(insns),
                                     .attach_type = BPF_XDP,
                                     .name = "rl_test"};
    void *memory;
    int map_fd = rl_bpf_shared_open(8, "rl_test", &memory, why), prog_fd;

    if (map_fd < 0)
        return map_fd;
    prog_fd = rl_bpf_load(&program, why);
    rl_bpf_shared_close(map_fd, memory, 8);
    if (prog_fd < 0)
        return prog_fd;
    close(prog_fd);
    return 0;
}

static inline void bpf_or_skip(void)
{
    if (bpf_try() != 0) {
        printf("skipped: %s\n", why);
        exit(RL_SKIP);
    }
}

/* Leaves this process with these capabilities alone. */
static inline void keep_only(uint64_t caps)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        {.effective = (uint32_t)caps, .permitted = (uint32_t)caps},
        {.effective = (uint32_t)(caps >> 32), .permitted = (uint32_t)(caps >> 32)}};

    CHECK_EQ(syscall(SYS_capset, &header, data), 0);
}

/* In a child with these capabilities. */
static inline void run_with(uint64_t caps, void (*promise)(void))
{
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        keep_only(caps);
        promise();
        exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define BPF_ALONE (1ULL << RL_CAP_BPF)
#define NET_ADMIN_ALONE (1ULL << RL_CAP_NET_ADMIN)

#endif
