/*
 * traffic_link - both ends of a path for frames, by its name: shared memory, sockets, packet
 * sockets and AF_XDP over a virtual cable.
 */
#ifndef RL_TESTS_TRAFFIC_LINK_H
#define RL_TESTS_TRAFFIC_LINK_H

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "check.h"
#include "net/port/port_open.h"
#include "net/port/port_shm.h"
#include "net/port/port_socket.h"
#include "rig/traffic/run.h"
#include "veth.h"

/* X(name, text) */
#define LINKS(X)                                  \
    X(SHM, "shm")                                 \
    X(TCP_LO, "tcp, loopback")                    \
    X(UDP_LO, "udp, loopback, spin")              \
    X(UDP_LO_BLOCK, "udp, loopback, block")       \
    X(UDP_VETH, "udp, veth, spin")                \
    X(PACKET, "afpacket, veth")                   \
    X(XDP_GENERIC, "afxdp generic, veth")         \
    X(XDP_NATIVE, "afxdp native, veth")           \
    X(PACKET_RAW, "afpacket raw, veth")           \
    X(XDP_GENERIC_RAW, "afxdp generic raw, veth") \
    X(XDP_NATIVE_RAW, "afxdp native raw, veth")

enum link_kind {
#define LINK_ENUM(name, text) LINK_##name,
    LINKS(LINK_ENUM)
#undef LINK_ENUM
        N_LINKS
};

static const char *const link_names[] = {
#define LINK_NAME(name, text) text,
    LINKS(LINK_NAME)
#undef LINK_NAME
};

struct link {
    struct rl_port *end[2];
    struct rl_arena arena; /* shm */
    struct rl_cable *cable;
};

/* Whole frames of our own type: nothing above Ethernet looks at them. */
static inline bool link_is_raw(enum link_kind kind)
{
    return kind >= LINK_PACKET_RAW;
}

#define LINK_PORT 7001 /* of end 0; end 1 has the next */

static inline bool link_blocks(enum link_kind kind)
{
    return kind == LINK_UDP_LO_BLOCK;
}

/* A UDP port of the loopback interface that nobody has now. */
static inline uint16_t link_free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, n) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&a, &n) == 0);
    close(fd);
    return ntohs(a.sin_port);
}

static inline struct rl_address link_address(uint32_t ip, uint16_t port)
{
    return (struct rl_address){
        .at.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(ip), .sin_port = htons(port)},
        .n_bytes = sizeof(struct sockaddr_in)};
}

/* Datagrams from end i to the other one. */
static inline struct rl_flow link_flow(const struct veth *veth, int i)
{
    return veth_flow(veth, i, (uint16_t)(LINK_PORT + i), (uint16_t)(LINK_PORT + 1 - i));
}

static inline struct rl_port_config link_config(enum link_kind kind, const struct veth *veth, int i,
                                                const uint16_t ports[2], uint32_t n_slots)
{
    struct rl_port_config c = {.netns_fd = -1, .n_slots = n_slots, .n_bytes_frame = 1518};

    if (kind <= LINK_UDP_VETH) {
        bool is_lo = kind != LINK_UDP_VETH;

        c.backend = kind == LINK_TCP_LO ? RL_BACKEND_TCP : RL_BACKEND_UDP;
        c.is_listener = kind == LINK_TCP_LO && i == 1;
        c.wait = link_blocks(kind) ? RL_WAIT_BLOCK : RL_WAIT_SPIN;
        c.local = link_address(is_lo ? INADDR_LOOPBACK : veth->end[i].ip, ports[i]);
        c.peer = link_address(is_lo ? INADDR_LOOPBACK : veth->end[1 - i].ip, ports[1 - i]);
        c.netns_fd = is_lo ? -1 : veth->end[i].netns_fd;
        return c;
    }
    c.backend = kind == LINK_PACKET || kind == LINK_PACKET_RAW ? RL_BACKEND_PACKET : RL_BACKEND_XDP;
    c.xdp_mode =
        kind == LINK_XDP_GENERIC || kind == LINK_XDP_GENERIC_RAW ? RL_XDP_GENERIC : RL_XDP_NATIVE;
    c.netns_fd = veth->end[i].netns_fd;
    memcpy(c.interface, veth->end[i].interface, sizeof c.interface);
    c.is_framed = !link_is_raw(kind);
    c.flow = link_flow(veth, i);
    return c;
}

/* What stands before the datagrams of end i. */
static inline struct rl_prefix link_prefix(enum link_kind kind, const struct veth *veth, int i)
{
    struct rl_prefix prefix = {.n_bytes = 0};

    if (link_is_raw(kind))
        rl_prefix_ethernet(&prefix, veth->end[1 - i].mac, veth->end[i].mac);
    return prefix;
}

static inline void link_close(struct link *l)
{
    for (int i = 0; i < 2; i++) {
        rl_port_close(l->end[i]);
        l->end[i] = NULL;
    }
    rl_arena_close(&l->arena);
}

/* Where end 1 listens, when it is open; end 0 connects. */
static inline void link_tcp_peer(const struct link *l, struct rl_port_config *c)
{
    c->local = link_address(INADDR_LOOPBACK, 0);
    if (!c->is_listener)
        CHECK_EQ(rl_port_local(l->end[1], &c->peer), 0);
}

/*
 * 0, or -errno with a sentence. `veth` is asked by those links alone whose names say so; n_slots
 * frames can wait each way, where that can be chosen.
 */
static inline int link_open(struct link *l, enum link_kind kind, const struct veth *veth,
                            uint32_t n_slots, char why[RL_PORT_WHY])
{
    uint16_t ports[2] = {LINK_PORT, LINK_PORT + 1};

    memset(l, 0, sizeof *l);
    if (kind == LINK_SHM) {
        CHECK_EQ(rl_arena_open(&l->arena, 5 << 19, RL_ARENA_ALL), 0);
        l->cable = rl_arena_take(&l->arena, sizeof *l->cable, _Alignof(struct rl_cable));
        CHECK_EQ(rl_cable_open(l->cable, &l->arena, 1 << 20), 0);
        memcpy(l->end, l->cable->end, sizeof l->end);
        return 0;
    }
    if (kind == LINK_UDP_LO || kind == LINK_UDP_LO_BLOCK) {
        ports[0] = link_free_port();
        do
            ports[1] = link_free_port();
        while (ports[1] == ports[0]);
    }
    for (int i = 1; i >= 0; i--) { /* who listens before who connects */
        struct rl_port_config c = link_config(kind, veth, i, ports, n_slots);
        int err;

        if (kind == LINK_TCP_LO)
            link_tcp_peer(l, &c);
        err = rl_port_open(&l->end[i], &c, why);
        if (err) {
            link_close(l);
            return err;
        }
    }
    return 0;
}

static inline struct link link_or_skip(enum link_kind kind, const struct veth *veth,
                                       uint32_t n_slots)
{
    char why[RL_PORT_WHY];
    struct link link;

    if (link_open(&link, kind, veth, n_slots, why) != 0) {
        printf("skipped: %s: %s\n", link_names[kind], why);
        exit(RL_SKIP);
    }
    return link;
}

#endif
