/*
 * port_raw - what the packet and the XDP port have in common: a configuration made whole before
 * anything is opened, and which frames an interface takes.
 *
 * Threads:  the opener's.
 */
#ifndef RL_NET_PORT_RAW_H
#define RL_NET_PORT_RAW_H

#include "net/frame.h"
#include "net/interface.h"
#include "net/port/port_open.h"

struct rl_raw_plan {
    struct rl_interface interface;
    uint32_t n_slots;
    uint32_t n_bytes_frame;    /* the longest to receive */
    uint32_t n_bytes_send;     /* the longest to send: not more than the interface takes of us */
    uint32_t n_bytes_untagged; /* and without a VLAN tag */
    bool is_framed;
    struct rl_flow_filter hears; /* framed: what the datagrams are for */
};

/* What a framed port of this configuration hears. */
struct rl_flow_filter rl_raw_hears(const struct rl_port_config *config);

#define RL_RAW_N_SLOTS 1024 /* when none is asked for */

/*
 * 0; -errno with a sentence in `why`: no such interface, it is down, it carries no Ethernet, sizes.
 * n_bytes_max is the longest frame the backend can receive. Inside the interface's namespace.
 */
int rl_raw_plan(struct rl_raw_plan *plan, const struct rl_port_config *config, uint32_t n_bytes_max,
                char why[RL_PORT_WHY]);

/* MACs besides its own that an interface accepts on behalf of a port: another one, a group's. */
struct rl_raw_ears {
    int fds[2]; /* rl_interface_hear; -1: not needed */
};

/* What plan->hears wants; 0 or -errno with a sentence. Closing is right after a failure, too. */
int rl_raw_ears_open(struct rl_raw_ears *ears, const struct rl_raw_plan *plan,
                     char why[RL_PORT_WHY]);
void rl_raw_ears_close(struct rl_raw_ears *ears);

/* A frame that an interface can carry: the kernel's answers to others differ from backend to
 * backend. */
static inline bool rl_raw_can_send(const uint8_t *frame, uint32_t n_bytes,
                                   uint32_t n_bytes_untagged)
{
    if (RL_LIKELY(n_bytes <= n_bytes_untagged))
        return n_bytes >= RL_ETHERNET_HEADER;
    return rl_net16(frame + 12) == RL_ETHERTYPE_VLAN; /* reservations end 4 bytes above */
}

#endif
