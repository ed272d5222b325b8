/*
 * port_socket - what the udp and the tcp port have in common: how a socket is made, what it is
 * bound to, how it waits.
 *
 * Threads:  the opener's; waiting is the receiver's.
 */
#ifndef RL_NET_PORT_SOCKET_H
#define RL_NET_PORT_SOCKET_H

#include "net/port/port_open.h"

#define RL_SOCKET_WAIT_MS 20        /* the longest that rl_port_rx_wait sleeps */
#define RL_SOCKET_BUSY_POLL_US 50   /* what the kernel polls the NIC for on behalf of a receiver */
#define RL_SOCKET_BUFFER (8U << 20) /* asked for each way */
#define RL_SOCKET_MODE sizeof(((struct rl_port_caps *)0)->mode)

/* How a port over a socket begins. */
struct rl_socket_port {
    struct rl_port port; /* first: the ops cast back */
    int fd;
};

/* Where a udp or tcp port is, with the number obtained. -ENOTSUP for any other port; -errno. */
int rl_port_local(const struct rl_port *port, struct rl_address *address);

/*
 * A non-blocking socket of this type with the buffers and the busy polling that the config wants,
 * not bound. The descriptor, or -errno with a sentence. *is_polled says whether the kernel agreed
 * to poll. Acceleration is checked by the caller once the socket is bound and connected: a library
 * may give a socket back to the kernel in either.
 */
int rl_socket_open(const struct rl_port_config *config, int type, bool *is_polled,
                   char why[RL_PORT_WHY]);
/* bind, with the address in the sentence when that fails; an address of 0 bytes is no address. */
int rl_socket_bind(int fd, const struct rl_address *address, char why[RL_PORT_WHY]);
/* Joins the group that the config's `local` is, and sends to the one its `peer` is, if any. */
int rl_socket_join(int fd, const struct rl_port_config *config, char why[RL_PORT_WHY]);
/* Writes "<what> <address>: <reason>" and returns -err. */
int rl_socket_refused(char why[RL_PORT_WHY], const char *what, const struct rl_address *address,
                      int err);
/* For caps.mode: how it waits, what is special to it (may be ""), the receive buffer obtained. */
void rl_socket_mode(char mode[RL_SOCKET_MODE], const struct rl_port_config *config, bool is_polled,
                    const char *special, int fd);
/* Sleeps until something can be read, at most RL_SOCKET_WAIT_MS. */
void rl_socket_wait(int fd);

#endif
