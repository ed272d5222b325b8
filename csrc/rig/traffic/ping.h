/*
 * ping - the closed loop: a frame goes out, its answer is awaited, then the next.
 *
 * rtt     from before the frame is reserved and written until the burst that holds its answer has
 *         returned; never halved. The other end's work is in it.
 * handle  what one received frame costs us: from the return of rx_burst until its header is read,
 *         its content compared and its bytes are committed to a record ring that another thread
 *         could read. Fenced on both sides, one record a frame; the fences are in it, nothing is
 *         subtracted (rl_clock_cost says what an empty pair costs).
 *
 * An answer is known by its sequence number and must equal what was sent to the last bit. One that
 * comes after its round was given up is counted as late and never taken for a later round's.
 *
 * Threads:  one turns it; any may read the counters.
 * Memory:   the caller's; see rl_ping_init.
 * Cost:     spinning reads the clock every RL_PING_POLLS polls.
 */
#ifndef RL_RIG_PING_H
#define RL_RIG_PING_H

#include "base/counter.h"
#include "base/hist.h"
#include "base/record_ring.h"
#include "rig/traffic/probe_header.h"
#include "rig/traffic/run.h"
#include "rig/traffic/seq_window.h"

/* X(name, what it counts). rounds = answered + lost + unsent; late <= lost. */
#define RL_PING_COUNTERS(X)                                                             \
    X(rounds, "rounds begun, the warm-up's included")                                   \
    X(answered, "rounds answered in time")                                              \
    X(lost, "rounds given up at their time limit, or at the end of the run")            \
    X(unsent, "rounds without a frame: no room to send")                                \
    X(late, "answers to rounds that had been given up")                                 \
    X(duplicates, "answers to rounds that had been answered, or that nobody remembers") \
    X(corrupt, "answers that are not what was sent")                                    \
    X(foreign, "frames that are not of this run")                                       \
    X(polls, "times the port was asked and had nothing")

#define RL_PING_MEMBER(name, what) _Atomic uint64_t name;
struct rl_ping_counters {
    RL_PING_COUNTERS(RL_PING_MEMBER)
};
#undef RL_PING_MEMBER

#define RL_PING_BURST 16
#define RL_PING_POLLS 64
#define RL_PING_WINDOW 4096 /* rounds for which late and duplicate are told apart */

struct rl_ping_config {
    uint64_t n_rounds; /* measured */
    uint64_t n_warmup; /* before them */
    uint32_t n_bytes;  /* of the datagram, our header included: 32 .. RL_PROBE_MAX */
    uint32_t flow;
    uint64_t seed;       /* of the content */
    uint64_t timeout_ns; /* a round */
    uint64_t gap_ns;     /* between an answer and the next round; 0: at once */
    bool blocks;         /* sleeps in the kernel for the answer: rl_port_rx_wait */
    struct rl_prefix prefix;
};

struct rl_ping {
    struct rl_ping_config config;
    struct rl_port *port;
    const struct rl_clock *clock;
    struct rl_hist rtt, handle; /* ns, measured rounds */
    struct rl_seq_window answered;
    struct rl_record_ring hand_on;
    uint8_t *sent; /* the frame under way, as it was sent */
    uint64_t seq;  /* of the round under way */
    uint64_t sent_tsc, limit_tsc, next_tsc;
    uint32_t n_polls;
    bool is_under_way;
    RL_ALIGNED struct rl_ping_counters n;
};

/* 0, -EINVAL for a config that makes no sense or does not fit the port, or -ENOMEM. */
int rl_ping_init(struct rl_ping *p, const struct rl_ping_config *config, struct rl_port *port,
                 const struct rl_clock *clock, struct rl_arena *arena);
/* What rl_ping_init takes from the arena. */
size_t rl_ping_bytes(const struct rl_ping_config *config);

/* Begins a round, or looks once for its answer; false when all rounds are over. */
bool rl_ping_turn(struct rl_ping *p);
/* The round under way, if any, is lost. */
void rl_ping_give_up(struct rl_ping *p);

extern const char *const rl_ping_counter_names[]; /* NULL ends it */

#endif
