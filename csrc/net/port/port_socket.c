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
    const char *right = err == EACCES || err == EPERM ? " (a port below 1024 needs "
                                                        "CAP_NET_BIND_SERVICE)"
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
    int one = 1, fd, err;

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
    err = rl_accel_check(fd, config->accel, why, RL_PORT_WHY);
    if (err) {
        close(fd);
        return err;
    }
    return fd;
}

int rl_socket_bind(int fd, const struct rl_address *address, char why[RL_PORT_WHY])
{
    if (address->n_bytes == 0 || bind(fd, &address->at.any, address->n_bytes) == 0)
        return 0;
    return rl_socket_refused(why, "bind", address, errno);
}

void rl_socket_wait(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    (void)poll(&one, 1, RL_SOCKET_WAIT_MS);
}
