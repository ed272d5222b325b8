/*
 * live - frames made inside the kernel: one template sent again and again through an interface,
 * each with its sequence number and the time, without a system call a frame.
 *
 * A test run with live frames (Linux 5.18) hands pages of its own to the driver's XDP transmit. The
 * other end must take XDP frames: on veth the peer needs an XDP program or GRO, on a NIC the driver
 * must have native XDP.
 *
 * Threads:  the sending thread must be in the network namespace of the interface. Several may send
 *           from one generator: sequence numbers are taken atomically.
 * Memory:   the template is copied. Counters are in memory that the program shares with us.
 * Cost:     a system call a burst, which sets up and tears down pages of the kernel (a grace
 *           period of RCU or two: many milliseconds, however short the burst): make bursts long.
 *           Its frames leave in batches of `batch`.
 */
#ifndef RL_NET_BPF_LIVE_H
#define RL_NET_BPF_LIVE_H

#include "net/bpf/sys.h"

#define RL_LIVE_MIN_BYTES 14 /* an Ethernet header */
#define RL_LIVE_MAX_BYTES 2048
#define RL_LIVE_MAX_BATCH 256 /* the kernel's */
#define RL_LIVE_BATCH 64      /* when batch is 0: throughput; 1 is the earliest each */
#define RL_LIVE_NOWHERE UINT32_MAX

struct rl_live_config {
    uint32_t ifindex;     /* out of which; 0: loaded only, each run passes (to test the bytes) */
    const uint8_t *frame; /* whole, Ethernet header first */
    uint32_t n_bytes;
    /*
     * Offsets in the frame, even, where 8 bytes are written, host order: the sequence number, and
     * CLOCK_MONOTONIC in nanoseconds. RL_LIVE_NOWHERE: not written. They lie in the payload of UDP
     * or behind the Ethernet header of anything else. A UDP checksum other than 0 is kept right.
     */
    uint32_t at_sequence, at_stamp;
    uint64_t first_sequence;
    uint32_t batch;
};

struct rl_live_shared {
    _Atomic uint64_t n_made; /* frames given to the driver's transmit, or refused by it */
};

struct rl_live {
    struct rl_live_config config; /* without the template */
    uint8_t frame[RL_LIVE_MAX_BYTES];
    int map_fd, prog_fd;
    struct rl_live_shared *shared;
};

/* 0; -EINVAL: lengths or offsets; -errno of the kernel; with a sentence. */
int rl_live_open(struct rl_live *live, const struct rl_live_config *config, char why[RL_BPF_WHY]);
/*
 * Makes n_frames; returns when they have left. 0, also when a signal ended it early
 * (rl_live_n_made tells), or -errno.
 */
int rl_live_send(struct rl_live *live, uint32_t n_frames);
uint64_t rl_live_n_made(const struct rl_live *live); /* by any thread, at any time */
void rl_live_close(struct rl_live *live);            /* once; also after an open that failed */

#endif
