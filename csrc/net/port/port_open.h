/*
 * port_open - a port by its name: what is wanted in one struct, and what was obtained in its caps.
 *
 * Threads:  opening enters the wanted network namespace on the calling thread and leaves it again;
 *           a socket stays in the namespace in which it was made.
 * Memory:   a port opened here owns its memory and gives it back in rl_port_close.
 */
#ifndef RL_NET_PORT_OPEN_H
#define RL_NET_PORT_OPEN_H

#include "net/accel.h"
#include "net/address.h"
#include "net/frame.h"
#include "net/port/port.h"

struct rl_impair; /* net/bpf/impair.h */

/* X(name, text); `shm` is a cable of two ends and opened as such (port_shm.h). */
#define RL_BACKENDS(X)                                                   \
    X(UDP, "udp")                                                        \
    X(TCP, "tcp") /* each frame behind its length, 2 bytes big endian */ \
    X(PACKET, "afpacket")                                                \
    X(XDP, "afxdp")

enum rl_backend {
#define RL_BACKEND_ENUM(name, text) RL_BACKEND_##name,
    RL_BACKENDS(RL_BACKEND_ENUM)
#undef RL_BACKEND_ENUM
        RL_N_BACKENDS
};

/* How a receiver waits. X(name, text) */
#define RL_WAITS(X)                                                       \
    X(SPIN, "spin")           /* never asks to be woken */                \
    X(BLOCK, "block")         /* sleeps in the kernel: rl_port_rx_wait */ \
    X(BUSY_POLL, "busy-poll") /* the kernel polls the NIC on our behalf */

enum rl_wait {
#define RL_WAIT_ENUM(name, text) RL_WAIT_##name,
    RL_WAITS(RL_WAIT_ENUM)
#undef RL_WAIT_ENUM
        RL_N_WAITS
};

/* X(name, text); AUTO takes the first of the others that the driver grants. */
#define RL_XDP_MODES(X)                                            \
    X(AUTO, "auto")                                                \
    X(ZERO_COPY, "zero-copy") /* the NIC writes into our memory */ \
    X(NATIVE, "native")       /* in the driver, one copy */        \
    X(GENERIC, "generic")     /* after the kernel made a buffer, one copy */

enum rl_xdp_mode {
#define RL_XDP_MODE_ENUM(name, text) RL_XDP_##name,
    RL_XDP_MODES(RL_XDP_MODE_ENUM)
#undef RL_XDP_MODE_ENUM
        RL_N_XDP_MODES
};

/*
 * Where the first message of a stream ends: its length with all that frames it, or 0 while more
 * bytes are needed. Bytes that are no message are handed out as one, for the reader to refuse. At
 * most n_max, and never 0 when n_bytes is n_max.
 */
typedef uint32_t (*rl_port_cut)(const uint8_t *bytes, uint32_t n_bytes, uint32_t n_max);

/* Zeroed, with netns_fd -1, is a start: sizes that are 0 get their defaults. */
struct rl_port_config {
    enum rl_backend backend;
    int netns_fd; /* of /run/netns/...; -1: where the caller is */
    enum rl_wait wait;
    bool wants_stamps;      /* of arrival: the NIC's where it can, else the kernel's */
    uint32_t n_slots;       /* frames that wait each way, a power of two */
    uint32_t n_bytes_frame; /* the longest frame, headers included */
    enum rl_accel accel;    /* UDP, TCP: opening fails unless the socket was taken over by it */

    /*
     * UDP, TCP. Without a peer the first that sends becomes it, except where `local` is a multicast
     * group: that is joined, hears every sender and sends to none.
     */
    struct rl_address local, peer;
    struct rl_address multicast_interface;
    bool is_listener; /* TCP: waits to be connected to */
    rl_port_cut cut;  /* TCP: messages that frame themselves; NULL: each behind its length */

    /* PACKET, XDP. */
    char interface[16];
    bool is_framed; /* datagrams of `flow` in and out (port_framed.h); else whole frames */
    struct rl_flow flow;
    struct rl_flow_filter hears; /* port 0: what answers `flow`, with these verifies_checksum */
    uint32_t queue;              /* XDP: of the NIC */
    enum rl_xdp_mode xdp_mode;   /* XDP */
    /* XDP: what happens to arriving frames before they are delivered; NULL: nothing. */
    const struct rl_impair *impair;
};

#define RL_PORT_WHY 160

/* 0 and *port; -errno with a sentence in `why`: where, what, and which right or feature is missing.
 */
int rl_port_open(struct rl_port **port, const struct rl_port_config *config, char why[RL_PORT_WHY]);

const char *rl_backend_name(enum rl_backend backend);
/* False: no such backend. `shm` is none here. */
bool rl_backend_read(enum rl_backend *backend, const char *text);
const char *rl_wait_name(enum rl_wait wait);
const char *rl_xdp_mode_name(enum rl_xdp_mode mode);

#endif
