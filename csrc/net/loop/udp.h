/*
 * udp - datagrams: one socket, connected or not, single or multicast; bounded work a turn.
 *
 * Threads:  one, that of the loop.
 * Memory:   the receive buffers from the caller's arena at open, when something is to be received.
 * Cost:     sending is a system call a datagram, or one for up to RL_UDP_BATCH that were queued;
 *           receiving one for up to RL_UDP_BATCH.
 *
 * A datagram that the kernel does not take is lost and counted: nothing waits.
 */
#ifndef RL_NET_UDP_H
#define RL_NET_UDP_H

#include "base/mem.h"
#include "net/address.h"
#include "net/loop/loop.h"

#define RL_UDP_BATCH 32
#define RL_UDP_MAX_BYTES 65507 /* of one datagram over IPv4 */

struct rl_udp;

typedef void rl_udp_received(void *context, struct rl_udp *u, const uint8_t *bytes,
                             uint32_t n_bytes, const struct rl_address *from);

struct rl_udp_config {
    struct rl_address bind;      /* n_bytes 0: not bound; a multicast group is joined */
    struct rl_address to;        /* where rl_udp_send goes; n_bytes 0: not connected */
    struct rl_address interface; /* of multicast; n_bytes 0: loopback */
    uint32_t n_bytes_datagram;   /* the longest one, sent or received */
    uint32_t n_bytes_socket;     /* SO_RCVBUF and SO_SNDBUF; 0: as the system says */
    rl_udp_received *received;   /* NULL: nothing is received */
    void *context;
};

/* X(name, what it counts) */
#define RL_UDP_COUNTERS(X)                              \
    X(sent, "datagrams sent")                           \
    X(bytes_out, "bytes sent")                          \
    X(lost, "datagrams that the kernel did not take")   \
    X(received, "datagrams received")                   \
    X(bytes_in, "bytes received")                       \
    X(too_long, "datagrams received that were cut off") \
    X(errors, "errors told by the network: nobody listens there")

struct rl_udp_counters {
#define RL_UDP_MEMBER(name, what) uint64_t name;
    RL_UDP_COUNTERS(RL_UDP_MEMBER)
#undef RL_UDP_MEMBER
};
extern const char *const rl_udp_counter_names[]; /* NULL ends it */

struct rl_udp {
    struct rl_watch watch;
    struct rl_loop *loop; /* NULL: only sends */
    struct rl_udp_config config;
    struct rl_address address; /* bound to, with the port obtained */
    struct rl_udp_batch *in, *out;
    uint32_t n_queued;
    struct rl_udp_counters n;
};

size_t rl_udp_bytes(const struct rl_udp_config *config);
/* 0 or -errno; `loop` may be NULL when nothing is received. */
int rl_udp_open(struct rl_udp *u, struct rl_loop *loop, struct rl_arena *arena,
                const struct rl_udp_config *config);
void rl_udp_close(struct rl_udp *u);

/* To whom it is connected. False: lost, and counted. */
bool rl_udp_send(struct rl_udp *u, const void *bytes, uint32_t n_bytes);
bool rl_udp_send_to(struct rl_udp *u, const struct rl_address *to, const void *bytes,
                    uint32_t n_bytes);
/* As rl_udp_send, at the next flush, or when RL_UDP_BATCH of them wait. */
void rl_udp_queue(struct rl_udp *u, const void *bytes, uint32_t n_bytes);
void rl_udp_flush(struct rl_udp *u);

#endif
