/*
 * lossy_wire - two ports with a wire between them that loses, repeats, reorders and damages frames,
 * by seed; or does nothing of the kind.
 */
#ifndef RL_TESTS_LOSSY_WIRE_H
#define RL_TESTS_LOSSY_WIRE_H

#include <string.h>

#include "check.h"
#include "net/port/port.h"

enum { WIRE_FRAMES = 4096, WIRE_BYTES = 1500, WIRE_BURST = 64 };

struct wire_frame {
    uint32_t n_bytes;
    uint8_t bytes[WIRE_BYTES];
};

struct wire_port {
    struct rl_port port; /* first: the ops cast back */
    struct wire *wire;
    struct wire_frame *frames; /* on their way to this end: a ring */
    uint32_t head, tail;
    uint8_t out[WIRE_BYTES];
    struct wire_frame *burst; /* what the receiver looks at */
};

/* Chances are of 1000. */
struct wire {
    struct wire_port end[2];
    uint64_t random;
    uint32_t loses, repeats, reorders, damages;
    bool is_full; /* nothing can be sent now */
    uint32_t n_lost, n_repeated, n_reordered, n_damaged;
};

static inline uint8_t *wire_reserve(struct rl_port *p, uint32_t n_bytes)
{
    struct wire_port *w = (struct wire_port *)p;

    return n_bytes <= WIRE_BYTES && !w->wire->is_full ? w->out : NULL;
}

static inline bool wire_strikes(struct wire *w, uint32_t chance, uint32_t *n)
{
    bool strikes = (check_random(&w->random) >> 32) % 1000 < chance;

    *n += strikes;
    return strikes;
}

static inline void wire_put(struct wire_port *to, const uint8_t *bytes, uint32_t n_bytes)
{
    struct wire_frame *f;

    if (to->tail - to->head == WIRE_FRAMES)
        return;
    f = &to->frames[to->tail++ % WIRE_FRAMES];
    f->n_bytes = n_bytes;
    memcpy(f->bytes, bytes, n_bytes);
}

static inline void wire_commit(struct rl_port *p, uint32_t n_bytes)
{
    struct wire_port *from = (struct wire_port *)p;
    struct wire *w = from->wire;
    struct wire_port *to = &w->end[from == &w->end[0]];

    if (wire_strikes(w, w->loses, &w->n_lost))
        return;
    if (wire_strikes(w, w->damages, &w->n_damaged))
        n_bytes -= 1 + (uint32_t)(check_random(&w->random) >> 32) % n_bytes;
    wire_put(to, from->out, n_bytes);
    if (wire_strikes(w, w->repeats, &w->n_repeated))
        wire_put(to, from->out, n_bytes);
    if (to->tail - to->head > 1 && wire_strikes(w, w->reorders, &w->n_reordered)) {
        uint32_t back = 1 + (uint32_t)(check_random(&w->random) >> 32) % (to->tail - to->head - 1);
        struct wire_frame *a = &to->frames[(to->tail - 1) % WIRE_FRAMES];
        struct wire_frame *b = &to->frames[(to->tail - 1 - back) % WIRE_FRAMES];
        struct wire_frame f = *a;

        *a = *b;
        *b = f;
    }
}

static inline uint32_t wire_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    struct wire_port *w = (struct wire_port *)p;
    uint32_t n = 0;

    for (; n < max && n < WIRE_BURST && w->head != w->tail; n++) {
        w->burst[n] = w->frames[w->head++ % WIRE_FRAMES];
        frames[n] = (struct rl_frame){.data = w->burst[n].bytes, .n_bytes = w->burst[n].n_bytes};
    }
    return n;
}

static inline void wire_release(struct rl_port *p)
{
    (void)p;
}

static const struct rl_port_ops wire_ops = {.name = "wire",
                                            .rx_burst = wire_burst,
                                            .rx_release = wire_release,
                                            .tx_reserve = wire_reserve,
                                            .tx_commit = wire_commit};

static inline void wire_open(struct wire *w, uint64_t seed)
{
    *w = (struct wire){.random = seed};
    for (int i = 0; i < 2; i++) {
        w->end[i].port.ops = &wire_ops;
        w->end[i].port.caps.n_bytes_frame_max = WIRE_BYTES;
        w->end[i].wire = w;
        w->end[i].frames = calloc(WIRE_FRAMES, sizeof(struct wire_frame));
        w->end[i].burst = calloc(WIRE_BURST, sizeof(struct wire_frame));
        CHECK(w->end[i].frames && w->end[i].burst);
    }
}

static inline void wire_close(struct wire *w)
{
    for (int i = 0; i < 2; i++) {
        free(w->end[i].frames);
        free(w->end[i].burst);
    }
}

#endif
