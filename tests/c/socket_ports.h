/*
 * socket_ports - two ports over sockets of the loopback, and frames that say which one they are.
 */
#ifndef RL_TESTS_SOCKET_PORTS_H
#define RL_TESTS_SOCKET_PORTS_H

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "net/port/port_open.h"
#include "net/port/port_socket.h"

#define PATIENCE_NS 5000000000LL /* the loopback delivers at once, unless the host is away */

static inline int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static inline struct rl_port_config port_config(enum rl_backend backend, const char *local,
                                                const char *peer)
{
    struct rl_port_config c = {.backend = backend, .netns_fd = -1};

    if (local)
        CHECK_EQ(rl_address_read(&c.local, local), 0);
    if (peer)
        CHECK_EQ(rl_address_read(&c.peer, peer), 0);
    return c;
}

static inline struct rl_port *port_open(const struct rl_port_config *c)
{
    char why[RL_PORT_WHY];
    struct rl_port *p;
    int err = rl_port_open(&p, c, why);

    if (err)
        fprintf(stderr, "%d: %s\n", err, why);
    CHECK_EQ(err, 0);
    return p;
}

static inline void port_refuses(const struct rl_port_config *c, int wanted, const char *says)
{
    char why[RL_PORT_WHY];
    struct rl_port *p;
    int err = rl_port_open(&p, c, why);

    if (strstr(why, says) == NULL)
        fprintf(stderr, "said: %s\n", why);
    CHECK_EQ(err, wanted);
    CHECK(strstr(why, says) != NULL);
    CHECK(p == NULL);
}

/* Frame i: n bytes, of which the first four are its number. */
static inline bool port_put(struct rl_port *p, uint32_t i, uint32_t n)
{
    uint8_t *frame = rl_port_tx_reserve(p, n);

    if (frame == NULL)
        return false;
    memset(frame, (int)i, n);
    memcpy(frame, &i, sizeof i);
    rl_port_tx_commit(p, n);
    return true;
}

/* Waits for a burst; how many frames, 0 when none came for a long time. */
static inline uint32_t port_get(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    int64_t end = now_ns() + PATIENCE_NS;
    uint32_t n;

    while ((n = rl_port_rx_burst(p, frames, max)) == 0 && now_ns() < end)
        rl_port_rx_wait(p);
    return n;
}

static inline void frame_is(const struct rl_frame *frame, uint32_t i, uint32_t n)
{
    uint32_t number;

    CHECK_EQ(frame->n_bytes, n);
    memcpy(&number, frame->data, sizeof number);
    CHECK_EQ(number, i);
    for (uint32_t k = sizeof number; k < n; k++)
        CHECK_EQ(frame->data[k], (uint8_t)i);
}

static inline const char *local_of(const struct rl_port *p, char text[RL_ADDRESS_TEXT])
{
    struct rl_address a;

    CHECK_EQ(rl_port_local(p, &a), 0);
    return rl_address_write(&a, text);
}

#endif
