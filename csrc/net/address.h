/*
 * address - where a socket is: an IP address and a port, read from text and written as text.
 *
 * Threads:  functions of their arguments.
 * Memory:   a value; nothing is allocated and no name is looked up (that may take for ever).
 */
#ifndef RL_NET_ADDRESS_H
#define RL_NET_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/defs.h"

#define RL_ADDRESS_TEXT 64 /* enough for any address with its port, and the zero */

struct rl_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    socklen_t n_bytes; /* 0: none */
};

/*
 * "127.0.0.1:9878", "[::1]:9878", "localhost:9878"; without a host (":9878", "9878") the loopback
 * address: who wants to be reached from elsewhere says so ("0.0.0.0:9878"). Port 0 is any free one.
 * -EINVAL.
 */
int rl_address_read(struct rl_address *a, const char *text);
/* Into RL_ADDRESS_TEXT characters; returns `text`. */
const char *rl_address_write(const struct rl_address *a, char *text);
bool rl_address_is_multicast(const struct rl_address *a);
uint16_t rl_address_port(const struct rl_address *a);
/* Of the socket itself; of what it is connected to. 0 or -errno. */
int rl_address_of(struct rl_address *a, int fd);
int rl_address_of_peer(struct rl_address *a, int fd);

#endif
