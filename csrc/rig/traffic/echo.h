/*
 * echo - sends back what comes.
 *
 * A datagram goes back as it is. On a port of whole frames the MAC addresses change places, and
 * under IPv4 the addresses and UDP ports too (that leaves every checksum right); only frames of our
 * experimental type and UDP in unfragmented IPv4, addressed to one station, are answered: whoever
 * answers a broadcast or an ARP starts a storm.
 *
 * Threads:  one turns it; any may read the counters.
 * Memory:   frames are copied once, from the receiving port's memory into the sending port's.
 * Cost:     that copy, and what the port costs.
 */
#ifndef RL_RIG_ECHO_H
#define RL_RIG_ECHO_H

#include "base/counter.h"
#include "net/port/port.h"

/* X(name, what it counts) */
#define RL_ECHO_COUNTERS(X)                                             \
    X(frames_in, "frames received")                                     \
    X(frames_back, "frames sent back")                                  \
    X(frames_unsent, "frames not sent back: no room")                   \
    X(frames_ignored, "frames not answered: empty, or not for an echo") \
    X(bytes_back, "bytes sent back")

#define RL_ECHO_MEMBER(name, what) _Atomic uint64_t name;
struct rl_echo_counters {
    RL_ECHO_COUNTERS(RL_ECHO_MEMBER)
};
#undef RL_ECHO_MEMBER

#define RL_ECHO_BURST 32

struct rl_echo {
    struct rl_port *port;
    uint64_t n_max;    /* sends back so many and then ignores the rest; 0: no end */
    bool only_probes;  /* ignores datagrams without our header */
    uint32_t n_prefix; /* only_probes on a port of whole frames: where the header is */
    RL_ALIGNED struct rl_echo_counters n;
};

void rl_echo_init(struct rl_echo *e, struct rl_port *port);

/* What has come so far, at most RL_ECHO_BURST frames; how many. */
uint32_t rl_echo_turn(struct rl_echo *e);

extern const char *const rl_echo_counter_names[]; /* NULL ends it */

#endif
