#include <string.h>

#include "net/port/xdp_inner.h"

/* Which frames were seen, and whether one was seen twice or is none of this direction. */
struct roll {
    uint8_t *seen; /* by number within the direction */
    uint64_t first, n_frames, n_bytes_chunk;
    bool is_right;
};

static void see(struct roll *roll, uint64_t address)
{
    uint64_t frame = address / roll->n_bytes_chunk - roll->first;

    if (frame >= roll->n_frames || roll->seen[frame] != 0)
        roll->is_right = false;
    else
        roll->seen[frame] = 1;
}

/* Of a ring of addresses, what lies between two positions. */
static uint32_t see_addresses(struct roll *roll, const struct rl_xdp_ring *ring, uint32_t from,
                              uint32_t to)
{
    for (uint32_t i = from; i != to; i++)
        see(roll, *rl_xdp_address(ring, i));
    return to - from;
}

static uint32_t see_descs(struct roll *roll, const struct rl_xdp_ring *ring, uint32_t from,
                          uint32_t to)
{
    for (uint32_t i = from; i != to; i++)
        see(roll, rl_xdp_desc(ring, i)->addr);
    return to - from;
}

/* How many of the direction were seen nowhere. */
static uint32_t n_unseen(const struct roll *roll)
{
    uint32_t n = 0;

    for (uint64_t i = 0; i < roll->n_frames; i++)
        n += roll->seen[i] == 0;
    return n;
}

static void count_rx(const struct rl_xdp_port *x, struct roll *roll, struct rl_xdp_places *n)
{
    n->rx_fill = see_addresses(roll, &x->fill, rl_xdp_read(x->fill.consumer), x->fill_next);
    n->rx_held = see_descs(roll, &x->rx, x->rx_released, x->rx_next);
    n->rx_ready = see_descs(roll, &x->rx, x->rx_next, rl_xdp_read(x->rx.producer));
    n->rx_kernel = n_unseen(roll);
}

static void count_tx(const struct rl_xdp_port *x, struct roll *roll, struct rl_xdp_places *n)
{
    n->tx_free = x->n_free;
    for (uint32_t i = 0; i < x->n_free; i++)
        see(roll, x->free[i]);
    if (x->reserved != RL_XDP_NO_FRAME) {
        n->tx_reserved = 1;
        see(roll, x->reserved);
    }
    n->tx_queued = see_descs(roll, &x->tx, rl_xdp_read(x->tx.consumer), x->tx_next);
    n->tx_done = see_addresses(roll, &x->done, x->done_next, rl_xdp_read(x->done.producer));
    n->tx_kernel = n_unseen(roll);
}

bool rl_xdp_port_count(const struct rl_port *port, struct rl_xdp_places *places)
{
    const struct rl_xdp_port *x = (const struct rl_xdp_port *)port;
    uint32_t n_slots;
    struct roll roll;
    struct rl_arena arena;

    *places = (struct rl_xdp_places){0};
    if (!rl_port_is_xdp(port))
        return false;
    n_slots = x->memory.n_slots;
    if (rl_arena_open(&arena, n_slots, 0) != 0)
        return false;
    roll = (struct roll){.seen = rl_arena_take(&arena, n_slots, 0),
                         .n_frames = n_slots,
                         .n_bytes_chunk = x->memory.n_bytes_chunk,
                         .is_right = true};
    places->n_frames = n_slots;
    count_rx(x, &roll, places);
    memset(roll.seen, 0, n_slots);
    roll.first = n_slots;
    count_tx(x, &roll, places);
    rl_arena_close(&arena);
    return roll.is_right;
}
