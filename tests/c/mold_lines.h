/*
 * mold_lines - MoldUDP64 packets whose messages say their own number, and a stream of them heard.
 */
#ifndef RL_TESTS_MOLD_LINES_H
#define RL_TESTS_MOLD_LINES_H

#include "packets.h"

#include "market/codec/mold.h"

#define PACKET_MAX 1400

/* Session `session`, messages seq .. seq + n: each is its number, twice. */
static inline uint32_t mold_packet(uint8_t *out, uint32_t session, uint64_t seq, uint32_t n)
{
    struct rl_mold_writer w;
    char name[RL_MOLD_SESSION + 1];

    snprintf(name, sizeof name, "S%09u", session);
    rl_mold_begin(&w, out, PACKET_MAX, name, seq);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t m[2] = {seq + i, seq + i};

        CHECK(rl_mold_add(&w, m, sizeof m));
    }
    return rl_mold_finish(&w);
}

/* What came out of the lines: numbers in order, and where something was missing. */
struct stream_heard {
    uint64_t next; /* 0: nothing yet */
    uint64_t n_messages, n_lost, n_sessions, n_packets;
    uint64_t hash; /* of every number, session change and loss, in order */
};

static inline void hear_packet(const struct rl_delivery *d, struct stream_heard *h)
{
    struct rl_mold m;
    const uint8_t *message;
    uint32_t n;
    uint64_t skip = d->n_skip;

    if (d->is_new_session) {
        h->n_sessions++;
        h->next = 0;
        h->hash = (h->hash ^ 0x5E55) * 0x9E3779B97F4A7C15ULL;
    }
    if (d->n_lost > 0)
        h->hash = (h->hash ^ d->n_lost) * 0xBF58476D1CE4E5B9ULL;
    h->n_lost += d->n_lost;
    h->n_packets++;
    CHECK(rl_mold_open(&m, d->bytes, d->n_bytes));
    while ((message = rl_mold_next(&m, &n)) != NULL) {
        uint64_t number;

        if (skip > 0) {
            skip--;
            continue;
        }
        memcpy(&number, message, sizeof number);
        CHECK(n == 16 && memcmp(message, message + 8, 8) == 0);
        CHECK_EQ(number, m.seq - 1);
        h->hash = (h->hash ^ number) * 0x9E3779B97F4A7C15ULL;
        h->n_messages++;
        h->next = number + 1;
    }
    CHECK_EQ(skip, 0);
}

static inline void hear_all(struct rl_lines *l, struct stream_heard *h)
{
    struct rl_delivery d;

    while (rl_lines_next(l, &d)) {
        uint64_t first = d.head.previous + 1 + d.n_skip;

        CHECK(h->next == 0 || d.is_new_session || first == h->next + d.n_lost ||
              d.head.n_messages == 0);
        hear_packet(&d, h);
    }
}

static inline void push_mold(struct rl_lines *l, struct stream_heard *h, uint32_t line,
                             uint32_t session, uint64_t seq, uint32_t n, uint64_t now_ns)
{
    uint8_t bytes[PACKET_MAX], *exact;
    uint32_t n_bytes = mold_packet(bytes, session, seq, n);

    exact = malloc(n_bytes); /* a sanitizer sees one byte too many, or one too late */
    CHECK(exact != NULL);
    memcpy(exact, bytes, n_bytes);
    if (rl_lines_push(l, line, exact, n_bytes, now_ns))
        hear_all(l, h);
    free(exact);
    check_gaps_add_up(l);
}

static inline void poll_mold(struct rl_lines *l, struct stream_heard *h, uint64_t now_ns)
{
    if (rl_lines_poll(l, now_ns))
        hear_all(l, h);
    check_gaps_add_up(l);
}

/* Two lines, a fixed wait of 100 ns, nobody to ask: what a test does not say is simple. */
static inline struct rl_lines_config mold_config(void)
{
    struct rl_lines_config c = rl_lines_defaults(rl_protocol_of(RL_FEED_ITCH, true), 2);

    c.gap_floor_ns = 100;
    c.gap_skews = 0;
    return c;
}

#endif
