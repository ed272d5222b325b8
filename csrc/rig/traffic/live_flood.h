/*
 * live_flood - frames made inside the kernel (net/bpf/live.h) into a receiving port of ours: the
 * fastest sender there is here, for the receiver to show what it can take.
 *
 * Each frame is a whole UDP frame whose datagram begins with our header; the program in the kernel
 * writes its number and CLOCK_MONOTONIC in nanoseconds. The latency is taken against the same
 * clock, read by the receiver once a burst, so that nothing is converted. Everything else of the
 * frame is the same in each and compared with what was handed to the kernel.
 *
 * Threads:  the caller waits; one worker calls into the kernel, one receives.
 * Memory:   the result owns an arena; it is a struct rl_flood_result like any other flood's.
 * Rights:   CAP_BPF and CAP_NET_ADMIN (-EPERM), CAP_SYS_ADMIN to enter another namespace.
 */
#ifndef RL_RIG_LIVE_FLOOD_H
#define RL_RIG_LIVE_FLOOD_H

#include "net/bpf/live.h"
#include "net/frame.h"
#include "rig/traffic/flood.h"

struct rl_live_flood_config {
    struct rl_flow flow; /* of the datagrams */
    uint32_t n_bytes; /* of a datagram, our header included: 32 .. RL_LIVE_MAX_BYTES less headers */
    uint32_t flow_number; /* in our header */
    uint64_t n_frames;
    uint32_t n_batch; /* frames the kernel makes at a time: 1 for latency, 64 for rate */
    /* Frames leave through this interface of this namespace (-1: where the caller is). */
    int netns_fd;
    char interface[16];
    struct rl_port *rx; /* datagrams (framed), or whole frames: then with n_prefix bytes skipped */
    uint32_t n_prefix;
    uint64_t n_window, n_log; /* as in rl_flood_receive_config */
    bool blocks;
    int cpu_tx, cpu_rx;
    uint64_t settle_ns;
    uint32_t n_placement_batches;
    const struct rl_clock *clock;
    struct rl_run_bounds bounds;
};

/* 64 bytes, 1 000 000 frames in batches of 64, 20 ms to settle. */
void rl_live_flood_config_init(struct rl_live_flood_config *c);

/*
 * 0, or -errno with a sentence in *why, which lives until the result is closed. `from_intended` of
 * the result is the one way latency, `from_sent`, `lateness` are empty.
 */
int rl_live_flood_run(struct rl_flood_result *result, const struct rl_live_flood_config *config,
                      const char **why);

#endif
