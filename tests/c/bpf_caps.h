/*
 * bpf_caps - a promise kept by a child that has a few capabilities and no other.
 */
#ifndef RL_TESTS_BPF_CAPS_H
#define RL_TESTS_BPF_CAPS_H

#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "net/bpf/uapi.h"

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
