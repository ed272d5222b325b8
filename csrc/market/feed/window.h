/*
 * window - packets that came too early, copied and kept in the order of their numbers.
 *
 * Threads:  one thread owns a window.
 * Memory:   a ring of bytes and a table of entries from the arena; both bounded, nothing else.
 * Cost:     a copy and an insertion from the back (packets mostly come in order behind a gap);
 *           hostile disorder moves at most the whole table.
 */
#ifndef RL_MARKET_WINDOW_H
#define RL_MARKET_WINDOW_H

#include "market/feed/protocol.h"

struct rl_arena;

struct rl_parked {
    struct rl_packet head;
    uint64_t at_ns; /* when it came */
    uint64_t place; /* in the ring: counts bytes since the beginning */
    uint32_t n_bytes;
    uint8_t line;
};

struct rl_window {
    struct rl_parked *entries; /* [first, first + n), ascending by what they continue */
    uint8_t *bytes;
    uint32_t first, n, n_max;
    uint32_t n_high; /* most at once */
    uint64_t n_ring; /* bytes of the ring, a power of two */
    uint64_t head;   /* of the oldest byte in use */
    uint64_t tail;   /* of the next free one */
};

enum rl_park { RL_PARK_OK, RL_PARK_THERE, RL_PARK_FULL };

size_t rl_window_bytes(uint32_t n_packets, uint64_t n_bytes);
/* -EINVAL for zeros, -ENOMEM when the arena has too little left. */
int rl_window_init(struct rl_window *w, struct rl_arena *arena, uint32_t n_packets,
                   uint64_t n_bytes);
void rl_window_clear(struct rl_window *w);

/* THERE: one with these numbers is parked already, `*twin` says which. */
enum rl_park rl_window_park(struct rl_window *w, const struct rl_packet *p, const uint8_t *bytes,
                            uint32_t n_bytes, uint8_t line, uint64_t now_ns,
                            const struct rl_parked **twin);

/* The packet with the lowest number; NULL when nothing is parked. */
static inline const struct rl_parked *rl_window_front(const struct rl_window *w)
{
    return w->n ? &w->entries[w->first] : NULL;
}

const uint8_t *rl_window_packet(const struct rl_window *w, const struct rl_parked *e);

/* Forgets the front; its bytes stay as they are until the next packet is parked. */
void rl_window_pop(struct rl_window *w);

#endif
