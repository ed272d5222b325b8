#include "net/port/xdp_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define QUEUE_WAITS_MS 10000 /* a busy kernel may take seconds to get round to it */
#define CHARGE_WAITS_MS 1000

_Static_assert(RL_BPF_WHY == RL_PORT_WHY, "reasons are handed through");

static int attach(struct rl_xdp_path *path, const struct rl_raw_plan *plan,
                  const struct rl_port_config *c, enum rl_xdp_hook hook, char *why)
{
    struct rl_redirect_config redirect = {
        .ifindex = plan->interface.index,
        .hook = hook,
        .n_queues = c->queue + 1,
        .ports = {plan->hears.port},
        .n_ports = plan->is_framed ? 1 : 0,
        .impair = c->impair,
    };
    char because[RL_PORT_WHY];
    int err = rl_redirect_open(&path->redirect, &redirect, because);

    if (err)
        snprintf(why, RL_PORT_WHY, "%s: afxdp: %.120s", plan->interface.name, because);
    return err;
}

static int refuse_bind(char *why, const struct rl_raw_plan *plan, uint32_t queue, bool zero_copy,
                       int err)
{
    const char *name = plan->interface.name, *driver = plan->interface.driver;

    if (zero_copy && err == -EOPNOTSUPP)
        snprintf(why, RL_PORT_WHY,
                 "%s: afxdp: the driver %s has no zero-copy: ask for auto, native or generic", name,
                 driver);
    else if (err == -EINVAL)
        snprintf(why, RL_PORT_WHY, "%s: afxdp: cannot bind to queue %u, or frames are too long",
                 name, queue);
    else if (err == -EBUSY)
        snprintf(why, RL_PORT_WHY, "%s: afxdp: queue %u has a socket already", name, queue);
    else
        snprintf(why, RL_PORT_WHY, "%s: afxdp: cannot bind to queue %u: %s", name, queue,
                 strerror(-err));
    return err;
}

static void wait_ms(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/*
 * The kernel takes a closed socket apart some time later, and till then its memory is charged to
 * us, be it that of a mode that was refused just now.
 */
static int open_soon(struct rl_xdp_socket *s, const struct rl_xdp_memory *memory, const char *name,
                     char *why)
{
    int err = rl_xdp_socket_open(s, memory, name, why);

    for (uint32_t i = 0; err == -ENOBUFS && i < CHARGE_WAITS_MS; i++) {
        wait_ms();
        err = rl_xdp_socket_open(s, memory, name, why);
    }
    return err;
}

/*
 * And the queue is still its, even if its process is gone; whoever else could hold it would have
 * been refused its program before.
 */
static int bind_soon(struct rl_xdp_socket *s, uint32_t ifindex, uint32_t queue, uint16_t how)
{
    int err = rl_xdp_socket_bind(s, ifindex, queue, how);

    for (uint32_t i = 0; err == -EBUSY && i < QUEUE_WAITS_MS; i++) {
        wait_ms();
        err = rl_xdp_socket_bind(s, ifindex, queue, how);
    }
    return err;
}

/* A socket of its own for every try: one that was refused is not as good as new everywhere. */
static int bind_socket(struct rl_xdp_path *path, const struct rl_raw_plan *plan,
                       const struct rl_port_config *c, const struct rl_xdp_memory *memory,
                       bool zero_copy, char *why)
{
    char because[RL_PORT_WHY];
    int err = open_soon(&path->socket, memory, plan->interface.name, why);

    if (err)
        return err;
    if (c->wait == RL_WAIT_BUSY_POLL && (err = rl_xdp_socket_busy_poll(&path->socket)) != 0) {
        snprintf(why, RL_PORT_WHY, "%s: afxdp: cannot busy-poll: %s%s", plan->interface.name,
                 strerror(-err), err == -EPERM ? " (needs CAP_NET_ADMIN)" : "");
        goto out;
    }
    err = bind_soon(&path->socket, plan->interface.index, c->queue,
                    zero_copy ? XDP_ZEROCOPY : XDP_COPY);
    if (err) {
        refuse_bind(why, plan, c->queue, zero_copy, err);
        goto out;
    }
    err = rl_redirect_add(&path->redirect, c->queue, path->socket.fd, because);
    if (err)
        snprintf(why, RL_PORT_WHY, "%s: afxdp: %.120s", plan->interface.name, because);
out:
    if (err)
        rl_xdp_socket_close(&path->socket);
    return err;
}

/* In the driver; attached once for both ways to bind, since a NIC may restart its queues for it. */
static int open_native(struct rl_xdp_path *path, const struct rl_raw_plan *plan,
                       const struct rl_port_config *c, const struct rl_xdp_memory *memory,
                       char *why)
{
    int err = attach(path, plan, c, RL_XDP_HOOK_NATIVE, why);

    if (err)
        return err;
    err = -EOPNOTSUPP;
    if (c->xdp_mode == RL_XDP_AUTO || c->xdp_mode == RL_XDP_ZERO_COPY)
        err = bind_socket(path, plan, c, memory, true, why);
    if (err && c->xdp_mode != RL_XDP_ZERO_COPY)
        err = bind_socket(path, plan, c, memory, false, why);
    if (err) {
        rl_redirect_close(&path->redirect);
        return err;
    }
    path->mode = rl_xdp_socket_is_zero_copy(&path->socket) ? RL_XDP_ZERO_COPY : RL_XDP_NATIVE;
    return 0;
}

static int open_generic(struct rl_xdp_path *path, const struct rl_raw_plan *plan,
                        const struct rl_port_config *c, const struct rl_xdp_memory *memory,
                        char *why)
{
    int err = attach(path, plan, c, RL_XDP_HOOK_GENERIC, why);

    if (err)
        return err;
    err = bind_socket(path, plan, c, memory, false, why);
    if (err) {
        rl_redirect_close(&path->redirect);
        return err;
    }
    path->mode = RL_XDP_GENERIC;
    return 0;
}

/* What no other mode would change: a program of somebody else, a missing right, a limit. */
static bool is_final(int err)
{
    return err == -EBUSY || err == -EEXIST || err == -EPERM || err == -ENOBUFS;
}

static int open_best(struct rl_xdp_path *path, const struct rl_raw_plan *plan,
                     const struct rl_port_config *c, const struct rl_xdp_memory *memory, char *why)
{
    int err;

    if (c->xdp_mode == RL_XDP_GENERIC)
        return open_generic(path, plan, c, memory, why);
    err = open_native(path, plan, c, memory, why);
    if (err == 0 || c->xdp_mode != RL_XDP_AUTO || is_final(err))
        return err;
    return open_generic(path, plan, c, memory, why);
}

int rl_xdp_path_open(struct rl_xdp_path *path, const struct rl_raw_plan *plan,
                     const struct rl_port_config *c, const struct rl_xdp_memory *memory,
                     char why[RL_PORT_WHY])
{
    char because[RL_PORT_WHY]; /* also of modes that were tried on the way to a better end */
    int err;

    if (c->queue >= plan->interface.n_queues) {
        snprintf(why, RL_PORT_WHY, "%s: afxdp: no queue %u: it has %u", plan->interface.name,
                 c->queue, plan->interface.n_queues);
        return -EINVAL;
    }
    err = open_best(path, plan, c, memory, because);
    if (err)
        snprintf(why, RL_PORT_WHY, "%s", because);
    return err;
}

void rl_xdp_path_close(struct rl_xdp_path *path)
{
    rl_redirect_close(&path->redirect);
    rl_xdp_socket_close(&path->socket);
}
