#include "net/port/port_probe.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/bpf/redirect.h"

#ifndef AF_XDP /* Linux 4.18 */
#define AF_XDP 44
#endif
#define MODE 48

static int refuse(char why[RL_PORT_WHY], const char *what, int err, const char *right)
{
    if (err == EPERM || err == EACCES)
        snprintf(why, RL_PORT_WHY, "%s: needs %s", what, right);
    else if (err == EAFNOSUPPORT || err == EPROTONOSUPPORT)
        snprintf(why, RL_PORT_WHY, "%s: not in this kernel", what);
    else
        snprintf(why, RL_PORT_WHY, "%s: %s", what, strerror(err));
    return -err;
}

static int try_socket(int family, int type, const char *what, const char *right,
                      char why[RL_PORT_WHY])
{
    int fd = socket(family, type | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return refuse(why, what, errno, right);
    close(fd);
    return 0;
}

/* The socket alone is of no use: frames come to it through a program. */
static int try_xdp(char why[RL_PORT_WHY])
{
    char said[RL_BPF_WHY] = "";
    struct rl_redirect redirect;
    int err = try_socket(AF_XDP, SOCK_RAW, "AF_XDP", "CAP_NET_RAW", why);

    if (err)
        return err;
    err = rl_redirect_open(&redirect, &(struct rl_redirect_config){.n_queues = 1}, said);
    if (err)
        return refuse(why, "XDP programs", -err, "CAP_BPF and CAP_NET_ADMIN");
    rl_redirect_close(&redirect);
    return 0;
}

int rl_backend_probe(enum rl_backend backend, char mode[MODE], char why[RL_PORT_WHY])
{
    int err;

    why[0] = mode[0] = '\0';
    switch (backend) {
    case RL_BACKEND_UDP:
        err = try_socket(AF_INET, SOCK_DGRAM, "UDP", "nothing", why);
        snprintf(mode, MODE, "spin, block or busy-poll");
        break;
    case RL_BACKEND_TCP:
        err = try_socket(AF_INET, SOCK_STREAM, "TCP", "nothing", why);
        snprintf(mode, MODE, "spin, block or busy-poll");
        break;
    case RL_BACKEND_PACKET:
        err = try_socket(AF_PACKET, SOCK_RAW, "AF_PACKET", "CAP_NET_RAW", why);
        snprintf(mode, MODE, "receive ring, qdisc bypass");
        break;
    case RL_BACKEND_XDP:
        err = try_xdp(why);
        snprintf(mode, MODE, "zero-copy, native or generic: by the driver");
        break;
    default:
        snprintf(why, RL_PORT_WHY, "backend: no such one: %d", (int)backend);
        err = -EINVAL;
    }
    if (err)
        mode[0] = '\0';
    return err;
}
