/*
 * wire_inner - one way of a wire: where its frames wait.
 *
 * Threads:  the wire's.
 * Memory:   every slot is free, held back for reordering, or in the heap.
 */
#ifndef RL_RIG_WIRE_INNER_H
#define RL_RIG_WIRE_INNER_H

#include "rig/wire/wire.h"

struct rl_wire_slot {
    uint8_t *bytes;
    uint32_t n_bytes;
    uint32_t n_copies; /* that have to leave */
};

/* Waits in the heap; of two that are due together the one that was scheduled first leaves first. */
struct rl_wire_due {
    uint64_t tsc;
    uint64_t order;
    uint32_t slot;
};

/* Held back: leaves behind frame `behind` of the flow, or at the latest at give_up_tsc. */
struct rl_wire_held {
    uint64_t behind;
    uint64_t give_up_tsc;
    uint32_t slot;
};

struct rl_wire_way {
    struct rl_port *in, *out;
    const struct rl_clock *clock;
    struct rl_wire_plan plan;
    struct rl_wire_pause pauses[RL_WIRE_PAUSES]; /* in ticks */
    uint64_t delay_ticks, hold_ticks, queue_ticks;
    uint64_t tolerance_ns;
    uint64_t start_tsc;
    uint64_t next_index; /* of the flow */
    uint64_t last_due;   /* nothing that keeps its order is due before */
    uint64_t line_free;  /* rate: when all that is scheduled would have left, bursts disregarded */
    uint64_t next_order;
    uint32_t n_slots, n_bytes_frame;
    struct rl_wire_slot *slots;
    uint32_t *free;
    uint32_t n_free;
    struct rl_wire_due *heap; /* the root is due first */
    uint32_t n_heap;
    struct rl_wire_held *held; /* a ring; oldest first, also in `behind` and in give_up_tsc */
    uint32_t held_at, n_held;
    struct rl_hist errors;
    RL_ALIGNED struct {
#define RL_WIRE_MEMBER(name, what) _Atomic uint64_t name;
        RL_WIRE_COUNTERS(RL_WIRE_MEMBER)
#undef RL_WIRE_MEMBER
    } n;
};

/* All that has come, at most a burst; how many. */
uint32_t rl_wire_way_take(struct rl_wire_way *way, uint64_t now);
/* Held frames that waited long enough are due. */
void rl_wire_way_let_go(struct rl_wire_way *way, uint64_t now);

void rl_wire_heap_push(struct rl_wire_way *way, struct rl_wire_due due); /* there is room */
struct rl_wire_due rl_wire_heap_pop(struct rl_wire_way *way);            /* it is not empty */

#endif
