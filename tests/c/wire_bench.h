/*
 * wire_bench - a wire between tapes, by a virtual clock that shows ns.
 */
#ifndef RL_TESTS_WIRE_BENCH_H
#define RL_TESTS_WIRE_BENCH_H

#include "base/mem.h"
#include "rig/wire/wire.h"
#include "tape_port.h"

static uint64_t now; /* ns: the virtual clock runs at 1 GHz */
static struct tape ends[4];
static struct rl_arena arena;
static struct rl_wire wire;

/* Way i from tape 2 i to tape 2 i + 1. */
static inline struct rl_wire_config plain(uint32_t n_ways)
{
    struct rl_wire_config config = {.n_ways = n_ways, .has_virtual_clock = true};

    CHECK_EQ(rl_clock_from_hz(&config.clock, 1000000000), 0);
    now = 1000;
    for (uint32_t i = 0; i < n_ways; i++) {
        tape_init(&ends[2 * i], &now);
        tape_init(&ends[2 * i + 1], &now);
        config.ways[i].in = &ends[2 * i].port;
        config.ways[i].out = &ends[2 * i + 1].port;
        config.ways[i].plan.udp_port = TAPE_UDP_PORT;
        config.ways[i].n_bytes_frame = TAPE_BYTES;
    }
    return config;
}

static inline void open_wire(const struct rl_wire_config *config)
{
    const char *why;

    CHECK_EQ(rl_arena_open(&arena, rl_wire_bytes(config), 0), 0);
    CHECK_EQ(rl_wire_open(&wire, config, &arena, &why), 0);
    CHECK_EQ(rl_wire_turn(&wire, now), 0);
}

static inline void close_wire(void)
{
    for (uint32_t i = 0; i < wire.n_ways; i++) {
        struct rl_wire_counts n = rl_wire_counts_now(&wire, i);

        CHECK_EQ(n.frames_in, n.forwarded - n.duplicated + n.lost + n.overflow + n.queue_full +
                                  n.too_large + rl_wire_waiting(&wire, i));
    }
    rl_arena_close(&arena);
}

static inline void arrive(uint64_t number)
{
    tape_arrive(&ends[0], number, TAPE_UDP_PORT);
}

/* Turns until nothing waits, at the moments at which something is due. */
static inline void run_dry(void)
{
    while (rl_wire_turn(&wire, now) > 0 || rl_wire_next_due(&wire) != RL_WIRE_NEVER) {
        if (rl_wire_next_due(&wire) != RL_WIRE_NEVER && rl_wire_next_due(&wire) > now)
            now = rl_wire_next_due(&wire);
    }
}

/* Frames 0 .. n - 1, a microsecond apart, and all that they lead to. */
static inline void send_numbered(uint64_t n)
{
    uint64_t start = now;

    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = start + i * 1000;

        while (rl_wire_next_due(&wire) < at) {
            now = rl_wire_next_due(&wire) > now ? rl_wire_next_due(&wire) : now;
            rl_wire_turn(&wire, now);
        }
        now = at;
        arrive(i);
        rl_wire_turn(&wire, now);
    }
    run_dry();
}

static inline void numbers_are(const struct tape *t, const uint64_t *wanted, uint32_t n)
{
    CHECK_EQ(t->n_out, n);
    CHECK_EQ(t->n_flushed, n);
    for (uint32_t i = 0; i < n; i++)
        CHECK_EQ(tape_number(&t->out[i]), wanted[i]);
}

#endif
