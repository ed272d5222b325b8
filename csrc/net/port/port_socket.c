#include "net/port/port_socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef SO_PREFER_BUSY_POLL /* Linux 5.11; headers of some distributions are older */
#define SO_PREFER_BUSY_POLL 69
#endif

int rl_socket_refused(char why[RL_PORT_WHY], const char *what, const struct rl_address *address,
                      int err)
{
    char text[RL_ADDRESS_TEXT];
    bool is_low = rl_address_port(address) > 0 && rl_address_port(address) < IPPORT_RESERVED;
    const char *right = err == EACCES && is_low && strcmp(what, "bind") == 0
                            ? " (a port below 1024 needs CAP_NET_BIND_SERVICE)"
                            : "";

    snprintf(why, RL_PORT_WHY, "%s %s: %s%s", what, rl_address_write(address, text), strerror(err),
             right);
    return -err;
}

int rl_port_local(const struct rl_port *port, struct rl_address *address)
{
    bool has_socket = strcmp(port->ops->name, rl_backend_name(RL_BACKEND_UDP)) == 0 ||
                      strcmp(port->ops->name, rl_backend_name(RL_BACKEND_TCP)) == 0;

    return has_socket ? rl_address_of(address, ((const struct rl_socket_port *)port)->fd)
                      : -ENOTSUP;
}

static void ask(int fd, int option, int force, int value)
{
    if (setsockopt(fd, SOL_SOCKET, force, &value, sizeof value) < 0) /* needs CAP_NET_ADMIN */
        (void)setsockopt(fd, SOL_SOCKET, option, &value, sizeof value);
}

static bool poll_busily(int fd)
{
    int us = RL_SOCKET_BUSY_POLL_US, one = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof us) < 0)
        return false;
    (void)setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &one, sizeof one);
    return true;
}

int rl_socket_open(const struct rl_port_config *config, int type, bool *is_polled,
                   char why[RL_PORT_WHY])
{
    const struct rl_address *of = config->local.n_bytes ? &config->local : &config->peer;
    int one = 1, fd;

    *is_polled = false;
    if (of->n_bytes == 0) {
        snprintf(why, RL_PORT_WHY, "%s: neither a local address nor a peer",
                 rl_backend_name(config->backend));
        return -EINVAL;
    }
    fd = socket(of->at.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return rl_socket_refused(why, rl_backend_name(config->backend), of, errno);
    ask(fd, SO_RCVBUF, SO_RCVBUFFORCE, RL_SOCKET_BUFFER);
    ask(fd, SO_SNDBUF, SO_SNDBUFFORCE, RL_SOCKET_BUFFER);
    if (type == SOCK_STREAM || rl_address_is_multicast(of))
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (config->wait == RL_WAIT_BUSY_POLL)
        *is_polled = poll_busily(fd);
    return fd;
}

int rl_socket_bind(int fd, const struct rl_address *address, char why[RL_PORT_WHY])
{
    if (address->n_bytes == 0 || bind(fd, &address->at.any, address->n_bytes) == 0)
        return 0;
    return rl_socket_refused(why, "bind", address, errno);
}

static int set(int fd, int option, const void *value, size_t n)
{
    return setsockopt(fd, IPPROTO_IP, option, value, (socklen_t)n) < 0 ? errno : 0;
}

int rl_socket_join(int fd, const struct rl_port_config *config, char why[RL_PORT_WHY])
{
    const struct rl_address *on = &config->multicast_interface;
    bool is_v4 = on->n_bytes == 0 || on->at.any.sa_family == AF_INET;
    struct in_addr through = {htonl(INADDR_LOOPBACK)};
    int err = 0;

    if (on->n_bytes && is_v4)
        through = on->at.v4.sin_addr;
    if (rl_address_is_multicast(&config->local)) {
        struct ip_mreq group = {config->local.at.v4.sin_addr, through};

        is_v4 = is_v4 && config->local.at.any.sa_family == AF_INET;
        err = is_v4 ? set(fd, IP_ADD_MEMBERSHIP, &group, sizeof group) : EAFNOSUPPORT;
        if (err)
            return rl_socket_refused(why, "join", &config->local, err);
    }
    if (rl_address_is_multicast(&config->peer)) {
        is_v4 = is_v4 && config->peer.at.any.sa_family == AF_INET;
        err = is_v4 ? set(fd, IP_MULTICAST_IF, &through, sizeof through) : EAFNOSUPPORT;
        if (err)
            return rl_socket_refused(why, "send to group", &config->peer, err);
    }
    return 0;
}

void rl_socket_mode(char mode[RL_SOCKET_MODE], const struct rl_port_config *config, bool is_polled,
                    const char *special, int fd)
{
    static const char *const accelerated[] = {
        [RL_ACCEL_NONE] = "",
        [RL_ACCEL_ONLOAD] = ", onload",
        [RL_ACCEL_VMA] = ", vma present", /* whether it has this socket is not known */
    };
    const char *wait = config->wait == RL_WAIT_BUSY_POLL && !is_polled ? "spin, no busy-poll"
                                                                       : rl_wait_name(config->wait);
    socklen_t n = sizeof(int);
    int n_bytes = 0;

    (void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &n_bytes, &n);
    snprintf(mode, RL_SOCKET_MODE, "%s%s%s, buf %d%s", wait, special,
             (unsigned)config->accel < RL_N_ACCELS ? accelerated[config->accel] : "",
             n_bytes >> (n_bytes >= 1 << 20 ? 20 : 10), n_bytes >= 1 << 20 ? "M" : "K");
}

void rl_socket_wait(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    (void)poll(&one, 1, RL_SOCKET_WAIT_MS);
}
