#include "net/port/port_open.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/netns.h"
#include "net/port/port_framed.h"
#include "net/port/port_packet.h"
#include "net/port/port_tcp.h"
#include "net/port/port_udp.h"
#include "net/port/port_xdp.h"

#define NAME(name, text) text,
static const char *const backend_names[] = {RL_BACKENDS(NAME)};
static const char *const wait_names[] = {RL_WAITS(NAME)};
static const char *const xdp_mode_names[] = {RL_XDP_MODES(NAME)};
#undef NAME

const char *rl_backend_name(enum rl_backend backend)
{
    return (unsigned)backend < RL_N_BACKENDS ? backend_names[backend] : "?";
}

const char *rl_wait_name(enum rl_wait wait)
{
    return (unsigned)wait < RL_N_WAITS ? wait_names[wait] : "?";
}

const char *rl_xdp_mode_name(enum rl_xdp_mode mode)
{
    return (unsigned)mode < RL_N_XDP_MODES ? xdp_mode_names[mode] : "?";
}

bool rl_backend_read(enum rl_backend *backend, const char *text)
{
    for (unsigned i = 0; i < RL_N_BACKENDS; i++)
        if (strcmp(text, backend_names[i]) == 0) {
            *backend = (enum rl_backend)i;
            return true;
        }
    return false;
}

static bool is_raw(const struct rl_port_config *c)
{
    return c->backend == RL_BACKEND_PACKET || c->backend == RL_BACKEND_XDP;
}

static int open_backend(struct rl_port **port, const struct rl_port_config *c,
                        char why[RL_PORT_WHY])
{
    switch (c->backend) {
    case RL_BACKEND_UDP:
        return rl_udp_port_open(port, c, why);
    case RL_BACKEND_TCP:
        return rl_tcp_port_open(port, c, why);
    case RL_BACKEND_PACKET:
        return rl_packet_port_open(port, c, why);
    case RL_BACKEND_XDP:
        return rl_xdp_port_open(port, c, why);
    default:
        snprintf(why, RL_PORT_WHY, "backend: no such one: %d", (int)c->backend);
        return -EINVAL;
    }
}

/* Datagrams over the raw port, which it takes over. */
static int frame_it(struct rl_port **port, const struct rl_port_config *c, char why[RL_PORT_WHY])
{
    struct rl_flow_filter hears = c->hears;
    struct rl_port *raw = *port;
    int err;

    if (hears.port == 0) {
        hears = rl_flow_mirror(&c->flow);
        hears.verifies_checksum = c->hears.verifies_checksum;
    }
    err = rl_framed_port_open(port, raw, &c->flow, &hears, c->n_slots, why);
    if (err)
        rl_port_close(raw);
    return err;
}

int rl_port_open(struct rl_port **port, const struct rl_port_config *config, char why[RL_PORT_WHY])
{
    int back, err;

    *port = NULL;
    why[0] = '\0';
    if (is_raw(config) && config->accel != RL_ACCEL_NONE) {
        snprintf(why, RL_PORT_WHY, "%s: %s takes over sockets of udp and tcp alone",
                 rl_backend_name(config->backend), rl_accel_name(config->accel));
        return -EINVAL;
    }
    err = rl_netns_enter(config->netns_fd, &back);
    if (err) {
        snprintf(why, RL_PORT_WHY, "namespace: cannot be entered: %s",
                 err == -EPERM ? "needs CAP_SYS_ADMIN" : strerror(-err));
        return err;
    }
    err = open_backend(port, config, why);
    if (!err && is_raw(config) && config->is_framed)
        err = frame_it(port, config, why);
    rl_netns_leave(back);
    if (err)
        *port = NULL;
    return err;
}
