/*
 * flood_receive - the receiver that believes nothing: every frame is numbered, whole and ours, or
 * counted as what it is.
 *
 * A frame counts in exactly one of RL_FLOOD_FATES. `ahead` and `reordered` together are the
 * different frames that arrived whole. A frame that was damaged tells nothing that can be trusted,
 * its number included: its number is missing, unless it arrived whole as well.
 *
 * Latencies are taken when the burst that holds the frame has returned, one clock read a burst;
 * duplicates and damaged frames are not in them.
 *
 * Threads:  one turns it; any may read the counters.
 * Memory:   the caller's; see rl_flood_receiver_init.
 * Cost:     the frame's bytes are read once, two records, one bit.
 */
#ifndef RL_RIG_FLOOD_RECEIVE_H
#define RL_RIG_FLOOD_RECEIVE_H

#include "rig/traffic/flood_send.h"
#include "rig/traffic/seq_window.h"

/* X(name, what it counts); each frame received is in exactly one. */
#define RL_FLOOD_FATES(X)                                                         \
    X(ahead, "frames above all numbers so far")                                   \
    X(reordered, "frames that came after a higher number, for the first time")    \
    X(duplicates, "frames that had come before")                                  \
    X(too_old, "frames so far behind that nobody knows whether they came before") \
    X(beyond, "frames with a number that was never planned")                      \
    X(corrupt, "frames of ours with a byte or a length that was not sent")        \
    X(foreign, "frames that are not of this run")

#define RL_FLOOD_RECEIVE_COUNTERS(X)                                              \
    X(frames_in, "frames received")                                               \
    RL_FLOOD_FATES(X)                                                             \
    X(gaps, "times that numbers were passed over")                                \
    X(skipped, "numbers passed over; those that come later are reordered")        \
    X(bytes_in, "bytes of the datagrams that arrived whole, duplicates left out") \
    X(clock_backwards, "frames stamped later than they were received")            \
    X(bursts, "turns with frames")                                                \
    X(polls, "turns without")                                                     \
    X(log_full, "numbers that the log had no room for")

#define RL_FLOOD_RECEIVE_MEMBER(name, what) _Atomic uint64_t name;
struct rl_flood_receive_counters {
    RL_FLOOD_RECEIVE_COUNTERS(RL_FLOOD_RECEIVE_MEMBER)
};
#undef RL_FLOOD_RECEIVE_MEMBER

#define RL_FLOOD_RX_BURST 64
#define RL_FLOOD_WINDOW 65536 /* the default of n_window */
/* In the log, with the number as it was read: the frame was damaged. */
#define RL_FLOOD_LOG_CORRUPT (UINT64_C(1) << 63)

/* How far it can be trusted and what its stamps are. */
enum rl_flood_source {
    RL_FLOOD_OURS, /* check word and content, stamps in ticks */
    RL_FLOOD_LIVE  /* made in the kernel: number and CLOCK_MONOTONIC ns, no check word */
};

struct rl_flood_receive_config {
    enum rl_flood_source source;
    uint64_t n_window; /* a power of two of at least 64; 0: RL_FLOOD_WINDOW */
    uint64_t n_log;    /* numbers that the log can hold; 0: none is kept */
    bool blocks;       /* sleeps in the kernel when there is nothing: rl_port_rx_wait */
};

struct rl_flood_receiver {
    struct rl_flood_traffic traffic;
    struct rl_flood_receive_config config;
    struct rl_port *port;
    const struct rl_clock *clock;
    struct rl_hist from_intended, from_sent; /* ns, one way */
    struct rl_seq_window seen;
    uint64_t *log; /* numbers in the order of arrival, duplicates and damaged frames included */
    uint64_t n_logged;
    uint8_t *live;       /* LIVE: the datagram as the kernel was given it */
    uint64_t end_seq;    /* one above the last that is planned */
    uint64_t next_frame; /* stream: the frame after the last one, and its first record */
    uint64_t next_record;
    uint64_t n_first;             /* frames of ours in the first burst */
    uint64_t first_tsc, last_tsc; /* bursts with frames of ours */
    uint64_t handle_ticks;        /* spent on the frames of all bursts, polling left out */
    RL_ALIGNED struct rl_flood_receive_counters n;
};

/* 0, -EINVAL for what makes no sense, or -ENOMEM. n_frames 0: no number is beyond (LIVE). */
int rl_flood_receiver_init(struct rl_flood_receiver *r, const struct rl_flood_traffic *traffic,
                           const struct rl_flood_receive_config *config, struct rl_port *port,
                           const struct rl_clock *clock, struct rl_arena *arena);
/* What it takes from the arena. */
size_t rl_flood_receiver_bytes(const struct rl_flood_traffic *traffic,
                               const struct rl_flood_receive_config *config);

/* One burst; how many frames. */
uint32_t rl_flood_receiver_turn(struct rl_flood_receiver *r);

/* Different frames that arrived whole. */
static inline uint64_t rl_flood_arrived(const struct rl_flood_receiver *r)
{
    return rl_counted(&r->n.ahead) + rl_counted(&r->n.reordered);
}

extern const char *const rl_flood_receive_counter_names[]; /* NULL ends it */

#endif
