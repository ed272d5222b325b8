/*
 * unkind_port - a port in front of another that loses, repeats, delays and damages the frames of a
 * flood on their way out, by seed, and writes down what it did.
 */
#ifndef RL_TESTS_UNKIND_PORT_H
#define RL_TESTS_UNKIND_PORT_H

#include <string.h>

#include "check.h"
#include "net/port/port.h"
#include "rig/traffic/flood_receive.h"

enum { UNKIND_BYTES = 2048, UNKIND_TRUTH = 65536, UNKIND_HOLD = 40 };

struct unkind {
    struct rl_port port; /* first: the ops cast back */
    struct rl_port *to;
    uint64_t random;
    uint32_t n_prefix;
    uint32_t loses, repeats, delays, damages; /* chances of 1000 */
    uint64_t holds_below;                     /* numbers from here on are not delayed */
    uint8_t out[UNKIND_BYTES];
    /* A frame that waits until so many have passed it. */
    uint8_t held[UNKIND_BYTES];
    uint32_t n_held, n_to_pass;
    /* What went out, in order: the number, with RL_FLOOD_LOG_CORRUPT when it was damaged. */
    uint64_t truth[UNKIND_TRUTH];
    uint32_t n_truth;
    uint64_t n_lost, n_repeated, n_delayed, n_damaged;
};

static inline uint32_t unkind_below(struct unkind *u, uint32_t n)
{
    return (uint32_t)((check_random(&u->random) >> 32) % n);
}

static inline bool unkind_strikes(struct unkind *u, uint32_t chance, uint64_t *n)
{
    bool strikes = unkind_below(u, 1000) < chance;

    *n += strikes;
    return strikes;
}

static inline uint64_t unkind_seq(const struct unkind *u, const uint8_t *frame)
{
    uint64_t seq;

    memcpy(&seq, frame + u->n_prefix + RL_PROBE_SEQ_AT, 8);
    return seq;
}

static inline void unkind_put(struct unkind *u, const uint8_t *frame, uint32_t n_bytes,
                              uint64_t mark)
{
    uint8_t *to = rl_port_tx_reserve(u->to, n_bytes);
    uint64_t seq = 0;

    CHECK(to != NULL); /* the wire behind has room for all */
    memcpy(to, frame, n_bytes);
    rl_port_tx_commit(u->to, n_bytes);
    CHECK(u->n_truth < UNKIND_TRUTH);
    if (n_bytes >= u->n_prefix + RL_PROBE_SEQ_AT + 8)
        seq = unkind_seq(u, frame);
    u->truth[u->n_truth++] = seq | mark;
}

/* One bit, or some bytes less, or some more. At least magic and flow are left. */
static inline uint32_t unkind_damage(struct unkind *u, uint8_t *frame, uint32_t n_bytes)
{
    uint32_t n = n_bytes - u->n_prefix, at;

    switch (unkind_below(u, 4)) {
    case 0:
        return u->n_prefix + 8 + unkind_below(u, n - 8);
    case 1:
        at = 1 + unkind_below(u, 64);
        memset(frame + n_bytes, 0, at);
        return n_bytes + at;
    default:
        at = u->n_prefix + unkind_below(u, n);
        frame[at] ^= (uint8_t)(1U << unkind_below(u, 8));
        return n_bytes;
    }
}

static inline void unkind_let_go(struct unkind *u)
{
    if (u->n_held > 0 && u->n_to_pass-- == 0) {
        unkind_put(u, u->held, u->n_held, 0);
        u->n_held = 0;
    }
}

static inline uint8_t *unkind_reserve(struct rl_port *p, uint32_t n_bytes)
{
    return n_bytes <= UNKIND_BYTES - 64 ? ((struct unkind *)p)->out : NULL;
}

static inline void unkind_commit(struct rl_port *p, uint32_t n_bytes)
{
    struct unkind *u = (struct unkind *)p;
    uint64_t seq = unkind_seq(u, u->out);

    if (unkind_strikes(u, u->loses, &u->n_lost))
        return;
    if (u->n_held == 0 && seq < u->holds_below && unkind_strikes(u, u->delays, &u->n_delayed)) {
        memcpy(u->held, u->out, n_bytes);
        u->n_held = n_bytes;
        u->n_to_pass = unkind_below(u, UNKIND_HOLD);
        return;
    }
    if (unkind_strikes(u, u->damages, &u->n_damaged)) {
        n_bytes = unkind_damage(u, u->out, n_bytes);
        unkind_put(u, u->out, n_bytes, RL_FLOOD_LOG_CORRUPT);
    } else {
        unkind_put(u, u->out, n_bytes, 0);
        if (unkind_strikes(u, u->repeats, &u->n_repeated))
            unkind_put(u, u->out, n_bytes, 0);
    }
    unkind_let_go(u);
}

static inline uint32_t unkind_burst(struct rl_port *p, struct rl_frame *frames, uint32_t max)
{
    return rl_port_rx_burst(((struct unkind *)p)->to, frames, max);
}

static inline void unkind_release(struct rl_port *p)
{
    rl_port_rx_release(((struct unkind *)p)->to);
}

static const struct rl_port_ops unkind_ops = {.name = "unkind",
                                              .rx_burst = unkind_burst,
                                              .rx_release = unkind_release,
                                              .tx_reserve = unkind_reserve,
                                              .tx_commit = unkind_commit};

static inline void unkind_open(struct unkind *u, struct rl_port *to, uint64_t seed)
{
    memset(u, 0, sizeof *u);
    u->port.ops = &unkind_ops;
    u->port.caps = to->caps;
    u->port.caps.n_bytes_frame_max = UNKIND_BYTES - 64;
    u->to = to;
    u->random = seed;
}

/* What a receiver must have counted of the truth: told from the list alone, number by number. */
struct unkind_account {
    uint64_t ahead, reordered, duplicates, corrupt, gaps, skipped;
};

static inline struct unkind_account unkind_account(const struct unkind *u)
{
    struct unkind_account a = {0};
    bool *seen = calloc(UNKIND_TRUTH, 1);
    uint64_t next = 0;

    CHECK(seen != NULL);
    for (uint32_t i = 0; i < u->n_truth; i++) {
        uint64_t seq = u->truth[i];

        if (seq & RL_FLOOD_LOG_CORRUPT) {
            a.corrupt++;
            continue;
        }
        CHECK(seq < UNKIND_TRUTH);
        a.duplicates += seen[seq];
        a.reordered += !seen[seq] && seq < next;
        a.ahead += seq >= next;
        a.gaps += seq > next;
        a.skipped += seq > next ? seq - next : 0;
        next = seq >= next ? seq + 1 : next;
        seen[seq] = true;
    }
    free(seen);
    return a;
}

#endif
