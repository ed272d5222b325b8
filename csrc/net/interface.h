/*
 * interface - what the kernel says of a network interface of the current namespace.
 *
 * Threads:  functions of their arguments; they see the namespace of the calling thread.
 * Cost:     a socket and a handful of ioctls: for set-up.
 */
#ifndef RL_NET_INTERFACE_H
#define RL_NET_INTERFACE_H

#include "base/defs.h"

#define RL_INTERFACE_NAME 16 /* with the zero: IFNAMSIZ */

struct rl_interface {
    char name[RL_INTERFACE_NAME];
    char driver[32]; /* "veth", "ixgbe", ...; empty: the driver does not tell */
    uint32_t index;
    uint32_t mtu; /* bytes after the Ethernet header */
    uint8_t mac[6];
    bool is_up;        /* the administrator's word */
    bool has_carrier;  /* and the cable's */
    bool is_ethernet;  /* frames have Ethernet headers: loopback's have, a tunnel's have not */
    uint32_t n_queues; /* to receive on; 1 where the driver does not tell */
};

/* 0; -errno with a sentence in `why`: no such interface here, its name is longer than 15, ... */
int rl_interface_read(struct rl_interface *i, const char *name, char *why, size_t n_why);

/*
 * Makes the interface accept frames to `mac`, a multicast MAC or a second one of its own, for as
 * long as the returned descriptor is open. -errno; needs CAP_NET_RAW.
 */
int rl_interface_hear(uint32_t index, const uint8_t mac[6]);

#endif
