/*
 * sys - bpf(2) without a library: maps, programs, links, test runs.
 *
 * Threads:  any; what is made belongs to the process and goes away with its last descriptor.
 * Errors:   -errno, and in `why` a sentence: what was tried, and the capability that is missing or
 *           the line of the verifier's log that refuses the program.
 */
#ifndef RL_NET_BPF_SYS_H
#define RL_NET_BPF_SYS_H

#include <linux/bpf.h>

#include "base/defs.h"

#define RL_BPF_WHY 160 /* characters of a reason, with the zero: as many as RL_PORT_WHY */

/* Writes a sentence into `why`, cut off at its end; returns err. */
__attribute__((format(printf, 3, 4))) int rl_bpf_refuse(char why[RL_BPF_WHY], int err,
                                                        const char *format, ...);
/* Of a refusal of the kernel: "WHAT: " and the missing capability, or the error's own words. */
int rl_bpf_refused(char why[RL_BPF_WHY], int err, const char *what);

struct rl_bpf_map_spec {
    enum bpf_map_type type;
    uint32_t n_bytes_key, n_bytes_value, n_entries;
    uint32_t flags;   /* BPF_F_*, RL_BPF_F_MMAPABLE */
    const char *name; /* up to 15 letters, digits, '_' */
};

/* A descriptor or -errno. */
int rl_bpf_map_create(const struct rl_bpf_map_spec *spec, char why[RL_BPF_WHY]);
int rl_bpf_map_put(int map_fd, const void *key, const void *value); /* 0 or -errno */

/*
 * An array of one value, mapped into the process: programs reach it without a look-up
 * (rl_bpf_load_map_value), we without a system call. In *memory its first byte, zeroed.
 */
int rl_bpf_shared_open(uint32_t n_bytes, const char *name, void **memory, char why[RL_BPF_WHY]);
void rl_bpf_shared_close(int map_fd, void *memory, uint32_t n_bytes); /* harmless for -1, NULL */

struct rl_bpf_program {
    enum bpf_prog_type type;
    const struct bpf_insn *insns;
    uint32_t n_insns;
    uint32_t attach_type; /* expected_attach_type: BPF_XDP for XDP, 0 for tc */
    const char *name;     /* as of a map; begins every reason */
};

/* A descriptor or -errno. */
int rl_bpf_load(const struct rl_bpf_program *program, char why[RL_BPF_WHY]);

/* A descriptor whose closing detaches, or -errno. Type: BPF_XDP, RL_BPF_TCX_*. */
int rl_bpf_link(int prog_fd, uint32_t ifindex, uint32_t attach_type, uint32_t flags);

struct rl_bpf_run {
    const void *frame; /* in */
    uint32_t n_bytes;
    void *out; /* may be NULL */
    uint32_t n_bytes_out_max;
    uint32_t n_repeats;   /* 0: one */
    uint32_t flags;       /* RL_BPF_F_TEST_XDP_LIVE_FRAMES */
    uint32_t batch_size;  /* of live frames; 0: the kernel's */
    uint32_t n_bytes_out; /* out: how long the frame is now */
    uint32_t verdict;     /* what the program returned */
};

/* One BPF_PROG_TEST_RUN: 0 or -errno (-EINTR: a signal ended it early). */
int rl_bpf_run(int prog_fd, struct rl_bpf_run *run);

void rl_bpf_close(int *fd); /* harmless for -1, which it leaves there */

#endif
