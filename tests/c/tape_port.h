/*
 * tape_port - a port whose frames are written down beforehand and whose sent frames are written
 * down with their time: what a test feeds to something that has a clock of its own.
 */
#ifndef RL_TESTS_TAPE_PORT_H
#define RL_TESTS_TAPE_PORT_H

#include <string.h>

#include "check.h"
#include "net/frame.h"
#include "net/port/port.h"

#define TAPE_MAX 4096  /* frames */
#define TAPE_BYTES 256 /* of a frame */

struct tape_frame {
    uint8_t bytes[TAPE_BYTES];
    uint32_t n_bytes;
    uint64_t at; /* when it left */
};

struct tape {
    struct rl_port port; /* first: the ops cast back */
    uint32_t n_in, n_handed, n_released;
    uint32_t n_out, n_flushed;
    uint32_t n_room; /* frames it takes before it is full; counted down */
    const uint64_t *now;
    struct tape_frame in[TAPE_MAX], out[TAPE_MAX];
    uint8_t reserved[TAPE_BYTES];
    bool is_reserved;
};

static inline uint32_t tape_rx_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    struct tape *t = (struct tape *)p;
    uint32_t n = 0;

    for (; n < max && t->n_handed < t->n_in; n++, t->n_handed++)
        frames[n] = (struct rl_frame){t->in[t->n_handed].bytes, t->in[t->n_handed].n_bytes, 0};
    return n;
}

/* What was read is overwritten: a frame that was kept without a copy shows. */
static inline void tape_rx_release(struct rl_port *p)
{
    struct tape *t = (struct tape *)p;

    for (; t->n_released < t->n_handed; t->n_released++)
        memset(t->in[t->n_released].bytes, 0xEE, TAPE_BYTES);
}

static inline uint8_t *tape_tx_reserve(struct rl_port *p, uint32_t n_bytes)
{
    struct tape *t = (struct tape *)p;

    CHECK(!t->is_reserved && n_bytes <= TAPE_BYTES);
    if (t->n_room == 0)
        return NULL;
    t->is_reserved = true;
    return t->reserved;
}

static inline void tape_tx_commit(struct rl_port *p, uint32_t n_bytes)
{
    struct tape *t = (struct tape *)p;
    struct tape_frame *to = &t->out[t->n_out++];

    CHECK(t->is_reserved && t->n_out <= TAPE_MAX);
    t->is_reserved = false;
    t->n_room--;
    memcpy(to->bytes, t->reserved, n_bytes);
    to->n_bytes = n_bytes;
    to->at = *t->now;
}

static inline void tape_tx_flush(struct rl_port *p)
{
    struct tape *t = (struct tape *)p;

    t->n_flushed = t->n_out;
}

static const struct rl_port_ops tape_ops = {
    .name = "tape",
    .rx_burst = tape_rx_burst,
    .rx_release = tape_rx_release,
    .tx_reserve = tape_tx_reserve,
    .tx_commit = tape_tx_commit,
    .tx_flush = tape_tx_flush,
};

static inline void tape_init(struct tape *t, const uint64_t *now)
{
    memset(t, 0, sizeof *t);
    t->port.ops = &tape_ops;
    t->port.caps.n_bytes_frame_max = TAPE_BYTES;
    t->port.caps.is_ethernet = true;
    t->n_room = TAPE_MAX;
    t->now = now;
}

#define TAPE_UDP_PORT 5000

/* A datagram to `port` that carries `number`, eight times over. */
static inline void tape_arrive(struct tape *t, uint64_t number, uint16_t port)
{
    struct rl_flow flow = {.from_mac = {2, 0, 0, 0, 0, 1},
                           .to_mac = {2, 0, 0, 0, 0, 2},
                           .from_ip = 0x0A000001,
                           .to_ip = 0x0A000002,
                           .from_port = 4000,
                           .to_port = port,
                           .has_checksum = true};
    struct tape_frame *f = &t->in[t->n_in++];
    struct rl_frame_template head;

    CHECK(t->n_in <= TAPE_MAX);
    CHECK_EQ(rl_frame_template_init(&head, &flow), 0);
    for (int i = 0; i < 8; i++)
        memcpy(f->bytes + head.n_header + 8 * i, &number, 8);
    f->n_bytes = rl_frame_write(&head, f->bytes, 64, 0);
}

/* The number of a frame that left; the last of its copies, which no test changes. */
static inline uint64_t tape_number(const struct tape_frame *f)
{
    uint64_t number;

    memcpy(&number, f->bytes + f->n_bytes - 8, 8);
    return number;
}

#endif
