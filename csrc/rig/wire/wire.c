#include "rig/wire/wire.h"

#include <errno.h>
#include <string.h>

#include "rig/wire/wire_inner.h"

#define N_SLOTS 1024
#define N_BYTES_FRAME 2048U
#define BURST 32 /* frames put out before the other ways are looked at */

const char *const rl_wire_counter_names[] = {
#define NAME(name, what) #name,
    RL_WIRE_COUNTERS(NAME)
#undef NAME
        NULL,
};

static uint32_t n_slots(const struct rl_wire_way_config *c)
{
    return c->n_slots != 0 ? c->n_slots : N_SLOTS;
}

/* Rounded up, so that no two frames share a line. */
static uint32_t n_bytes_frame(const struct rl_wire_way_config *c)
{
    uint32_t n = c->n_bytes_frame != 0 ? c->n_bytes_frame : N_BYTES_FRAME;

    return (n + RL_CACHE_LINE - 1) / RL_CACHE_LINE * RL_CACHE_LINE;
}

static const char *refusal(const struct rl_wire_config *config)
{
    if (config->n_ways == 0 || config->n_ways > RL_WIRE_MAX_WAYS)
        return "a wire has 1 to 8 ways";
    if (config->clock.tick_mult == 0)
        return "no clock";
    for (uint32_t i = 0; i < config->n_ways; i++) {
        const struct rl_wire_way_config *way = &config->ways[i];
        const char *why = rl_wire_plan_refusal(&way->plan);

        if (why != NULL)
            return why;
        if (way->in == NULL || way->out == NULL)
            return "a way has a port at each end";
        if (way->n_slots > RL_WIRE_MAX_SLOTS || way->n_bytes_frame > RL_WIRE_FRAME_MAX)
            return "more than 1048576 slots a way, or a frame of more than 65535 bytes";
        for (uint32_t j = 0; j < i; j++) {
            if (config->ways[j].in == way->in)
                return "two ways take from the same port";
        }
    }
    return NULL;
}

size_t rl_wire_bytes(const struct rl_wire_config *config)
{
    size_t n = RL_CACHE_LINE + config->n_ways * sizeof(struct rl_wire_way);

    if (refusal(config) != NULL)
        return 0;
    for (uint32_t i = 0; i < config->n_ways; i++) {
        const struct rl_wire_way_config *way = &config->ways[i];
        size_t a_slot = n_bytes_frame(way) + sizeof(struct rl_wire_slot) + sizeof(uint32_t) +
                        sizeof(struct rl_wire_due) + sizeof(struct rl_wire_held);

        n += n_slots(way) * a_slot + rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS) +
             (size_t)6 * RL_CACHE_LINE;
    }
    return n;
}

static int open_slots(struct rl_wire_way *way, struct rl_arena *arena)
{
    uint8_t *bytes = rl_arena_take(arena, (size_t)way->n_slots * way->n_bytes_frame, 0);

    way->slots = rl_arena_take(arena, way->n_slots * sizeof *way->slots, 0);
    way->free = rl_arena_take(arena, way->n_slots * sizeof *way->free, 0);
    way->heap = rl_arena_take(arena, way->n_slots * sizeof *way->heap, 0);
    way->held = rl_arena_take(arena, way->n_slots * sizeof *way->held, 0);
    if (bytes == NULL || way->slots == NULL || way->free == NULL || way->heap == NULL ||
        way->held == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < way->n_slots; i++) {
        way->slots[i].bytes = bytes + (size_t)i * way->n_bytes_frame;
        way->free[i] = way->n_slots - 1 - i; /* the lowest is taken first */
    }
    way->n_free = way->n_slots;
    return 0;
}

static int open_way(struct rl_wire_way *way, const struct rl_wire_way_config *config,
                    const struct rl_clock *clock, struct rl_arena *arena)
{
    const struct rl_wire_plan *plan = &config->plan;
    size_t n_hist = rl_hist_bytes(RL_HIST_HIGHEST, RL_HIST_DIGITS);
    uint64_t *counts = rl_arena_take(arena, n_hist, 0);

    if (counts == NULL)
        return -ENOMEM;
    way->in = config->in;
    way->out = config->out;
    way->clock = clock;
    way->plan = *plan;
    way->delay_ticks = rl_ns_to_ticks(clock, plan->delay_ns + plan->skew_ns);
    way->hold_ticks = rl_ns_to_ticks(clock, plan->hold_ns != 0 ? plan->hold_ns : RL_WIRE_HOLD_NS);
    way->queue_ticks = rl_ns_to_ticks(clock, plan->queue_ns);
    way->tolerance_ns = plan->tolerance_ns;
    for (uint32_t i = 0; i < plan->n_pauses; i++) {
        const struct rl_wire_pause *p = &plan->pauses[i];

        way->pauses[i] =
            (struct rl_wire_pause){rl_ns_to_ticks(clock, p->at), rl_ns_to_ticks(clock, p->length),
                                   rl_ns_to_ticks(clock, p->every)};
    }
    way->n_slots = n_slots(config);
    way->n_bytes_frame = n_bytes_frame(config);
    if (rl_hist_init(&way->errors, RL_HIST_HIGHEST, RL_HIST_DIGITS, counts, n_hist) != 0)
        return -EINVAL;
    return open_slots(way, arena);
}

int rl_wire_open(struct rl_wire *w, const struct rl_wire_config *config, struct rl_arena *arena,
                 const char **why)
{
    int err = 0;

    memset(w, 0, sizeof *w);
    *why = refusal(config);
    if (*why != NULL)
        return -EINVAL;
    w->ways = rl_arena_take(arena, config->n_ways * sizeof *w->ways, 0);
    if (w->ways == NULL) {
        *why = "no memory for the wire";
        return -ENOMEM;
    }
    w->n_ways = config->n_ways;
    w->clock = config->clock;
    w->has_virtual_clock = config->has_virtual_clock;
    for (uint32_t i = 0; i < w->n_ways && !err; i++)
        err = open_way(&w->ways[i], &config->ways[i], &w->clock, arena);
    if (err)
        *why = "no memory for the frames of a way";
    return err;
}

/* Ports cost time: who is asked next sees a later clock. */
static uint64_t time_now(const struct rl_wire *w, uint64_t told)
{
    return w->has_virtual_clock ? told : rl_tsc();
}

static void record(struct rl_wire_way *way, uint64_t due, uint64_t achieved)
{
    uint64_t ns = rl_ticks_to_ns(way->clock, achieved - due);

    rl_hist_record(&way->errors, ns);
    if (RL_UNLIKELY(ns > way->tolerance_ns))
        rl_count(&way->n.late, 1);
}

/* False: the port has no room now. */
static bool put_copy(struct rl_wire_way *way, struct rl_wire_slot *slot)
{
    uint8_t *to = rl_port_tx_reserve(way->out, slot->n_bytes);

    if (to == NULL) {
        rl_count(&way->n.port_full, 1);
        return false;
    }
    memcpy(to, slot->bytes, slot->n_bytes);
    rl_port_tx_commit(way->out, slot->n_bytes);
    slot->n_copies--;
    rl_count(&way->n.forwarded, 1);
    return true;
}

/* All copies that are left of a frame; false: one is left still. */
static bool put_copies(struct rl_wire_way *way, struct rl_wire_slot *slot)
{
    uint32_t n_before = slot->n_copies;
    bool has_room = true;

    while (slot->n_copies > 0 && has_room)
        has_room = put_copy(way, slot);
    if (slot->n_copies < n_before)
        rl_port_tx_flush(way->out);
    return has_room;
}

/* Each frame is flushed alone: behind a batch it would leave at the time of the last. */
static uint32_t put(const struct rl_wire *w, struct rl_wire_way *way, uint64_t told)
{
    uint64_t now = time_now(w, told);
    uint32_t n = 0;

    rl_wire_way_let_go(way, now);
    for (; n < BURST && way->n_heap > 0 && way->heap[0].tsc <= now; n++) {
        struct rl_wire_due first = way->heap[0];

        if (!put_copies(way, &way->slots[first.slot]))
            break;
        record(way, first.tsc, time_now(w, told));
        way->free[way->n_free++] = rl_wire_heap_pop(way).slot;
    }
    return n;
}

uint32_t rl_wire_turn(struct rl_wire *w, uint64_t now_tsc)
{
    uint32_t n = 0;

    if (RL_UNLIKELY(!w->has_begun)) {
        w->has_begun = true;
        for (uint32_t i = 0; i < w->n_ways; i++)
            w->ways[i].start_tsc = now_tsc;
    }
    for (uint32_t i = 0; i < w->n_ways; i++)
        n += rl_wire_way_take(&w->ways[i], time_now(w, now_tsc));
    for (uint32_t i = 0; i < w->n_ways; i++)
        n += put(w, &w->ways[i], now_tsc);
    return n;
}

uint64_t rl_wire_next_due(const struct rl_wire *w)
{
    uint64_t next = RL_WIRE_NEVER;

    for (uint32_t i = 0; i < w->n_ways; i++) {
        const struct rl_wire_way *way = &w->ways[i];

        if (way->n_heap > 0 && way->heap[0].tsc < next)
            next = way->heap[0].tsc;
        if (way->n_held > 0 && way->held[way->held_at].give_up_tsc < next)
            next = way->held[way->held_at].give_up_tsc;
    }
    return next;
}

uint32_t rl_wire_waiting(const struct rl_wire *w, uint32_t way)
{
    return w->ways[way].n_heap + w->ways[way].n_held;
}

struct rl_wire_counts rl_wire_counts_now(const struct rl_wire *w, uint32_t way)
{
    return (struct rl_wire_counts){
#define COPY(name, what) .name = rl_counted(&w->ways[way].n.name),
        RL_WIRE_COUNTERS(COPY)
#undef COPY
    };
}

const struct rl_hist *rl_wire_errors(const struct rl_wire *w, uint32_t way)
{
    return &w->ways[way].errors;
}
