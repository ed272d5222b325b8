#include <string.h>

#include "net/frame.h"
#include "rig/wire/wire_inner.h"

#define BURST 32

/* ---- When it leaves ---------------------------------------------------------------------------*/

static uint64_t after_pauses(const struct rl_wire_way *way, uint64_t due)
{
    if (RL_LIKELY(way->plan.n_pauses == 0))
        return due;
    return way->start_tsc +
           rl_wire_after_pauses(way->pauses, way->plan.n_pauses, due - way->start_tsc);
}

/* A bucket of burst_bytes that fills at the rate, kept as the time at which it would be full.
 * False: too long after it was wanted. */
static bool find_room(struct rl_wire_way *way, uint32_t n_bytes, uint64_t wanted, uint64_t *due)
{
    const struct rl_wire_plan *plan = &way->plan;
    uint64_t cost = rl_wire_line_ns(plan->rate_bps, n_bytes);
    uint64_t burst = plan->burst_bytes > n_bytes
                         ? rl_wire_line_ns(plan->rate_bps, plan->burst_bytes - n_bytes)
                         : 0;
    uint64_t at = *due, burst_ticks = rl_ns_to_ticks(way->clock, burst);

    if (way->line_free > at + burst_ticks)
        at = way->line_free - burst_ticks;
    if (plan->queue_ns != 0 && at - wanted > way->queue_ticks)
        return false;
    *due = at;
    way->line_free = (way->line_free > at ? way->line_free : at) + rl_ns_to_ticks(way->clock, cost);
    return true;
}

static void free_slot(struct rl_wire_way *way, uint32_t slot)
{
    way->free[way->n_free++] = slot;
}

/* Into the heap, wanted at `due`; or lost. What time it got counts for those behind it. `came`: 0
 * for a frame that has waited already. */
static void schedule(struct rl_wire_way *way, uint32_t slot, uint64_t due, uint64_t came)
{
    uint64_t wanted = due = after_pauses(way, due);

    if (!way->plan.overtakes && due < way->last_due)
        due = way->last_due; /* in no pause either */
    if (way->plan.rate_bps != 0) {
        if (!find_room(way, way->slots[slot].n_bytes, wanted, &due)) {
            rl_count(&way->n.queue_full, 1);
            free_slot(way, slot);
            return;
        }
        due = after_pauses(way, due);
    }
    if (due > way->last_due)
        way->last_due = due;
    if (due > came)
        rl_count(&way->n.delayed, 1);
    rl_wire_heap_push(way, (struct rl_wire_due){due, way->next_order++, slot});
}

/* ---- Held back --------------------------------------------------------------------------------*/

static struct rl_wire_held *first_held(struct rl_wire_way *way)
{
    return &way->held[way->held_at];
}

static uint32_t take_held(struct rl_wire_way *way)
{
    uint32_t slot = first_held(way)->slot;

    way->held_at = way->held_at + 1 == way->n_slots ? 0 : way->held_at + 1;
    way->n_held--;
    return slot;
}

static void hold(struct rl_wire_way *way, uint32_t slot, uint64_t behind, uint64_t due)
{
    uint32_t at = way->held_at + way->n_held;
    uint64_t give_up = due + way->hold_ticks;

    if (way->n_held > 0) { /* jitter must not make it leave before an older one */
        uint32_t last = (at - 1) % way->n_slots;

        if (give_up < way->held[last].give_up_tsc)
            give_up = way->held[last].give_up_tsc;
    }
    way->held[at % way->n_slots] = (struct rl_wire_held){behind, give_up, slot};
    way->n_held++;
}

/* Frame `index`, due at `due`, has come: those that waited for it leave behind it. */
static void follow(struct rl_wire_way *way, uint64_t index, uint64_t due)
{
    while (way->n_held > 0 && first_held(way)->behind <= index) {
        rl_count(&way->n.reordered, 1);
        schedule(way, take_held(way), due, 0);
    }
}

void rl_wire_way_let_go(struct rl_wire_way *way, uint64_t now)
{
    while (way->n_held > 0 && first_held(way)->give_up_tsc <= now) {
        uint64_t due = first_held(way)->give_up_tsc;

        rl_count(&way->n.let_go, 1);
        schedule(way, take_held(way), due, 0);
    }
}

/* ---- What happens to it -----------------------------------------------------------------------*/

/* The byte at `at` of a payload; with its UDP checksum, when there is one. */
static void change_payload(uint8_t *payload, uint32_t n_bytes, uint32_t at, bool mends)
{
    uint8_t *check = payload - RL_UDP_HEADER + 6, *word = payload + (at & ~1U);
    uint32_t n_word = (at | 1) < n_bytes ? 2 : 1;
    uint64_t sum = rl_sum_bytes(word, n_word) ^ 0xFFFF;
    uint16_t old;

    payload[at] ^= RL_IMPAIR_FLIP;
    memcpy(&old, check, sizeof old);
    if (!mends || old == 0)
        return;
    /* RFC 1624, equation 3: HC' = ~(~HC + ~m + m'). */
    rl_sum_put(check, sum + (uint16_t)~old + rl_sum_bytes(word, n_word));
    if (rl_net16(check) == 0)
        memset(check, 0xFF, 2);
}

/* False: too short. `d` is of the bytes, when they are UDP. */
static bool corrupt(const struct rl_wire_way *way, struct rl_wire_slot *slot,
                    const struct rl_datagram *d, bool mends)
{
    uint32_t at = way->plan.corrupt_at;

    if (d != NULL) {
        if (at >= d->n_bytes)
            return false;
        change_payload(slot->bytes + (d->payload - slot->bytes), d->n_bytes, at, mends);
        return true;
    }
    if (mends || (uint64_t)RL_ETHERNET_HEADER + at >= slot->n_bytes)
        return false;
    slot->bytes[RL_ETHERNET_HEADER + at] ^= RL_IMPAIR_FLIP;
    return true;
}

static void corrupt_and_count(struct rl_wire_way *way, struct rl_wire_slot *slot,
                              const struct rl_datagram *d, bool mends)
{
    if (!corrupt(way, slot, d, mends))
        rl_count(&way->n.undone, 1);
    else
        rl_count(mends ? &way->n.corrupted : &way->n.corrupted_frame, 1);
}

/* A slot with a copy of the frame in it; false: lost. */
static bool copy_in(struct rl_wire_way *way, const struct rl_frame *f, uint32_t *slot)
{
    struct rl_wire_slot *s;

    if (f->n_bytes > way->n_bytes_frame || f->n_bytes > way->out->caps.n_bytes_frame_max) {
        rl_count(&way->n.too_large, 1);
        return false;
    }
    if (way->n_free == 0) {
        rl_count(&way->n.overflow, 1);
        return false;
    }
    *slot = way->free[--way->n_free];
    s = &way->slots[*slot];
    memcpy(s->bytes, f->data, f->n_bytes);
    s->n_bytes = f->n_bytes;
    s->n_copies = 1;
    return true;
}

static bool is_of_the_flow(const struct rl_wire_plan *plan, const struct rl_datagram *d)
{
    return plan->counts_all || (d != NULL && (plan->udp_port == 0 || d->to_port == plan->udp_port));
}

static void take_numbered(struct rl_wire_way *way, const struct rl_frame *f,
                          const struct rl_datagram *seen, uint64_t now)
{
    uint64_t index = way->next_index++;
    struct rl_wire_decision what = rl_wire_decide(&way->plan, index);
    uint64_t due = now + way->delay_ticks + rl_ns_to_ticks(way->clock, what.jitter_ns);
    uint32_t slot;

    rl_count(&way->n.numbered, 1);
    if (what.action == RL_IMPAIR_DROP) {
        rl_count(&way->n.lost, 1);
    } else if (copy_in(way, f, &slot)) {
        struct rl_wire_slot *s = &way->slots[slot];

        if (what.action == RL_IMPAIR_DUPLICATE) {
            s->n_copies = 2;
            rl_count(&way->n.duplicated, 1);
        } else if (what.action != RL_IMPAIR_PASS) {
            struct rl_datagram d;

            if (seen != NULL) {
                d = *seen;
                d.payload = s->bytes + (seen->payload - f->data);
            }
            corrupt_and_count(way, s, seen != NULL ? &d : NULL, what.action == RL_IMPAIR_CORRUPT);
        }
        if (what.behind != 0)
            hold(way, slot, index + what.behind, due);
        else
            schedule(way, slot, due, now);
    }
    follow(way, index, due);
}

static void take(struct rl_wire_way *way, const struct rl_frame *f, uint64_t now)
{
    struct rl_datagram seen;
    bool is_udp = rl_frame_read(f->data, f->n_bytes, NULL, &seen) == RL_FRAME_OK;
    uint32_t slot;

    if (is_of_the_flow(&way->plan, is_udp ? &seen : NULL))
        take_numbered(way, f, is_udp ? &seen : NULL, now);
    else if (copy_in(way, f, &slot))
        schedule(way, slot, now + way->delay_ticks, now);
}

uint32_t rl_wire_way_take(struct rl_wire_way *way, uint64_t now)
{
    struct rl_frame frames[BURST];
    uint32_t n = rl_port_rx_burst(way->in, frames, BURST);

    if (n == 0)
        return 0;
    for (uint32_t i = 0; i < n; i++)
        take(way, &frames[i], now);
    rl_port_rx_release(way->in);
    rl_count(&way->n.frames_in, n);
    return n;
}
