/*
 * ethernet_pair - two ports of Ethernet frames joined by memory, strict about the contract of
 * csrc/net/port/port.h: every frame lies in memory of exactly its size and is gone once released,
 * what is committed leaves with a flush, and both ends refuse, lose and count when told to.
 */
#ifndef RL_TESTS_ETHERNET_PAIR_H
#define RL_TESTS_ETHERNET_PAIR_H

#include <string.h>

#include "check.h"
#include "net/port/port.h"

#define PAIR_SLOTS 16
#define PAIR_MAX 2048 /* bytes of a frame */

struct pair_frame {
    uint8_t *bytes;
    uint32_t n_bytes;
    uint64_t stamp_ns;
};

struct pair_end {
    struct rl_port port; /* first: the ops cast back */
    struct pair_end *other;
    struct pair_frame arrived[PAIR_SLOTS], queued[PAIR_SLOTS];
    uint32_t n_arrived, n_handed, n_queued; /* handed: of the arrived, to the receiver */
    uint8_t *reserved;
    uint32_t n_reserved;
    uint32_t n_to_lose;                /* of those that leave next */
    uint32_t n_released, n_given_back; /* calls; reservations */
    uint64_t now_ns;                   /* stamp of the next arrival */
    bool is_closed;
};

struct pair {
    struct pair_end end[2];
};

/* Puts a frame before a receiver, as a stranger could; false: its ring is full. */
static inline bool pair_arrive(struct pair_end *e, const uint8_t *bytes, uint32_t n)
{
    struct pair_frame *to = &e->arrived[e->n_arrived];

    if (e->n_arrived == PAIR_SLOTS) {
        rl_port_count(&e->port.rx.rx_dropped, 1);
        return false;
    }
    *to = (struct pair_frame){.bytes = malloc(n ? n : 1), .n_bytes = n, .stamp_ns = e->now_ns++};
    CHECK(to->bytes != NULL);
    if (n > 0)
        memcpy(to->bytes, bytes, n);
    e->n_arrived++;
    return true;
}

static inline uint32_t pair_rx_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    struct pair_end *e = (struct pair_end *)p;
    uint32_t n = 0;

    rl_port_count(&p->rx.rx_syscalls, 1);
    for (; n < max && e->n_handed < e->n_arrived; n++) {
        const struct pair_frame *from = &e->arrived[e->n_handed++];

        frames[n] = (struct rl_frame){from->bytes, from->n_bytes, from->stamp_ns};
        rl_port_count(&p->rx.rx_frames, 1);
        rl_port_count(&p->rx.rx_bytes, from->n_bytes);
    }
    return n;
}

static inline void pair_rx_release(struct rl_port *p)
{
    struct pair_end *e = (struct pair_end *)p;

    for (uint32_t i = 0; i < e->n_handed; i++)
        free(e->arrived[i].bytes);
    memmove(e->arrived, e->arrived + e->n_handed,
            (e->n_arrived - e->n_handed) * sizeof e->arrived[0]);
    e->n_arrived -= e->n_handed;
    e->n_handed = 0;
    e->n_released++;
}

static inline uint8_t *pair_tx_reserve(struct rl_port *p, uint32_t n_bytes)
{
    struct pair_end *e = (struct pair_end *)p;

    if (n_bytes > PAIR_MAX || e->n_queued == PAIR_SLOTS) {
        rl_port_count(n_bytes > PAIR_MAX ? &p->tx.tx_too_large : &p->tx.tx_full, 1);
        return NULL;
    }
    CHECK(e->reserved == NULL);
    e->reserved = malloc(n_bytes ? n_bytes : 1);
    CHECK(e->reserved != NULL);
    e->n_reserved = n_bytes;
    return e->reserved;
}

static inline void pair_tx_commit(struct rl_port *p, uint32_t n_bytes)
{
    struct pair_end *e = (struct pair_end *)p;

    CHECK(e->reserved != NULL && n_bytes <= e->n_reserved);
    if (n_bytes > 0) {
        e->queued[e->n_queued++] = (struct pair_frame){.bytes = e->reserved, .n_bytes = n_bytes};
    } else {
        free(e->reserved);
        e->n_given_back++;
    }
    e->reserved = NULL;
}

static inline void pair_tx_flush(struct rl_port *p)
{
    struct pair_end *e = (struct pair_end *)p;

    for (uint32_t i = 0; i < e->n_queued; i++) {
        const struct pair_frame *frame = &e->queued[i];

        if (e->n_to_lose > 0) {
            e->n_to_lose--;
            rl_port_count(&p->tx.tx_lost, 1);
        } else {
            pair_arrive(e->other, frame->bytes, frame->n_bytes);
            rl_port_count(&p->tx.tx_frames, 1);
            rl_port_count(&p->tx.tx_bytes, frame->n_bytes);
        }
        free(frame->bytes);
    }
    e->n_queued = 0;
    rl_port_count(&p->tx.tx_syscalls, 1);
}

static inline void pair_close(struct rl_port *p)
{
    struct pair_end *e = (struct pair_end *)p;

    CHECK(!e->is_closed);
    e->n_handed = e->n_arrived;
    pair_rx_release(p);
    for (uint32_t i = 0; i < e->n_queued; i++)
        free(e->queued[i].bytes);
    free(e->reserved);
    e->is_closed = true;
}

static const struct rl_port_ops pair_ops = {
    .name = "pair",
    .rx_burst = pair_rx_burst,
    .rx_release = pair_rx_release,
    .tx_reserve = pair_tx_reserve,
    .tx_commit = pair_tx_commit,
    .tx_flush = pair_tx_flush,
    .close = pair_close,
};

static inline void pair_open(struct pair *pair)
{
    *pair = (struct pair){0};
    for (int i = 0; i < 2; i++) {
        struct pair_end *e = &pair->end[i];

        e->port.ops = &pair_ops;
        e->port.caps = (struct rl_port_caps){.n_bytes_frame_max = PAIR_MAX,
                                             .is_ethernet = true,
                                             .zero_copy_rx = true,
                                             .zero_copy_tx = true,
                                             .needs_syscall = true,
                                             .stamp = RL_STAMP_SOFTWARE,
                                             .mode = "memory"};
        e->other = &pair->end[1 - i];
    }
}

#endif
