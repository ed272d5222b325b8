/*
 * slow_wire - what a way of a wire does, told again without a heap, a ring or a mask: lists that
 * are searched from end to end.
 */
#ifndef RL_TESTS_SLOW_WIRE_H
#define RL_TESTS_SLOW_WIRE_H

#include "check.h"
#include "rig/wire/wire.h"

#define SLOW_MAX 4096

struct slow_frame {
    uint64_t number, due, give_up, behind;
    uint32_t n_bytes, n_copies;
};

struct slow_wire {
    const struct rl_wire_plan *plan;
    uint32_t n_slots;
    uint64_t start, next_index, last_due, line_free;
    struct slow_frame waiting[SLOW_MAX]; /* sorted by due, stable */
    struct slow_frame held[SLOW_MAX];    /* in the order in which they came */
    uint32_t n_waiting, n_held;
    uint64_t out[SLOW_MAX], out_at[SLOW_MAX], out_due[SLOW_MAX];
    uint32_t n_out;
    struct rl_wire_counts n;
};

static inline uint64_t slow_drawn(uint64_t seed, uint64_t kind, uint64_t index)
{
    const uint64_t step = 0x9E3779B97F4A7C15ULL;
    uint64_t x = seed;

    for (int round = 0; round < 2; round++) {
        x += round == 0 ? kind * step : (index + 1) * step;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
        x = x ^ (x >> 31);
    }
    return x;
}

static inline uint64_t slow_jitter(const struct rl_wire_plan *plan, uint64_t index)
{
    uint64_t drawn = slow_drawn(plan->seed, RL_WIRE_DRAW_JITTER, index), sum = 0;

    if (plan->shape == RL_WIRE_UNIFORM)
        return (uint64_t)(((unsigned __int128)(drawn / 0x100000000) * (plan->jitter_ns + 1)) /
                          0x100000000);
    for (int i = 0; i < 4; i++, drawn /= 0x10000)
        sum += drawn % 0x10000;
    return sum * plan->jitter_ns / (4 * 65535);
}

static inline bool slow_is_reordered(const struct rl_wire_plan *plan, uint64_t index)
{
    uint64_t drawn = slow_drawn(plan->seed, RL_WIRE_DRAW_REORDER, index) / 0x100000000;

    if (plan->reorder_every != 0)
        return (index + 1) % plan->reorder_every == 0;
    return drawn * 1000000 / 0x100000000 < plan->reorder_ppm;
}

/* Step by step: while the moment lies in a pause, it moves to the end of that one. */
static inline uint64_t slow_after_pauses(const struct rl_wire_plan *plan, uint64_t at)
{
    for (uint32_t i = 0; i < plan->n_pauses; i++) {
        const struct rl_wire_pause *p = &plan->pauses[i];

        for (uint64_t from = p->at; from <= at; from += p->every) {
            if (at < from + p->length)
                return slow_after_pauses(plan, from + p->length);
            if (p->every == 0)
                break;
        }
    }
    return at;
}

static inline void slow_schedule(struct slow_wire *w, struct slow_frame f, uint64_t due)
{
    const struct rl_wire_plan *plan = w->plan;
    uint32_t at = w->n_waiting;

    uint64_t wanted = w->start + slow_after_pauses(plan, due - w->start);

    due = wanted;
    if (!plan->overtakes && due < w->last_due)
        due = w->last_due;
    if (plan->rate_bps != 0) {
        /* Ceiling of bytes * 8 / rate, in ns. */
        uint64_t bits = f.n_bytes * UINT64_C(8000000000);
        uint64_t cost = bits / plan->rate_bps + (bits % plan->rate_bps != 0);
        uint64_t spare =
            plan->burst_bytes > f.n_bytes
                ? ((plan->burst_bytes - f.n_bytes) * UINT64_C(8000000000) + plan->rate_bps - 1) /
                      plan->rate_bps
                : 0;

        while (w->line_free > due + spare) /* wait until the bucket holds enough */
            due += w->line_free - due - spare;
        if (plan->queue_ns != 0 && due - wanted > plan->queue_ns) {
            w->n.queue_full++;
            return;
        }
        w->line_free = cost + (w->line_free > due ? w->line_free : due);
        due = w->start + slow_after_pauses(plan, due - w->start);
    }
    if (due > w->last_due)
        w->last_due = due;
    f.due = due;
    while (at > 0 && w->waiting[at - 1].due > due) {
        w->waiting[at] = w->waiting[at - 1];
        at--;
    }
    w->waiting[at] = f;
    w->n_waiting++;
}

static inline void slow_unhold(struct slow_wire *w, uint32_t at, uint64_t due)
{
    struct slow_frame f = w->held[at];

    w->n_held--;
    for (uint32_t i = at; i < w->n_held; i++)
        w->held[i] = w->held[i + 1];
    slow_schedule(w, f, due);
}

/* Every frame is of the flow. */
static inline void slow_arrive(struct slow_wire *w, uint64_t number, uint32_t n_bytes, uint64_t now)
{
    const struct rl_wire_plan *plan = w->plan;
    uint64_t index = w->next_index++;
    uint64_t due = now + plan->delay_ns + plan->skew_ns + slow_jitter(plan, index);
    uint8_t action = plan->actions != NULL ? plan->actions[index % plan->n_actions] : 0;
    struct slow_frame f = {
        .number = number, .n_bytes = n_bytes, .n_copies = action == RL_IMPAIR_DUPLICATE ? 2 : 1};

    w->n.frames_in++;
    w->n.numbered++;
    if (action == RL_IMPAIR_DROP) {
        w->n.lost++;
    } else if (w->n_waiting + w->n_held == w->n_slots) {
        w->n.overflow++;
    } else {
        w->n.duplicated += f.n_copies - 1;
        w->n.corrupted += action == RL_IMPAIR_CORRUPT;
        w->n.corrupted_frame += action == RL_IMPAIR_CORRUPT_FRAME;
        if (slow_is_reordered(plan, index)) {
            f.behind = index + (plan->reorder_by ? plan->reorder_by : 1);
            f.give_up = due + (plan->hold_ns ? plan->hold_ns : RL_WIRE_HOLD_NS);
            if (w->n_held > 0 && f.give_up < w->held[w->n_held - 1].give_up)
                f.give_up = w->held[w->n_held - 1].give_up;
            w->held[w->n_held++] = f;
        } else {
            slow_schedule(w, f, due);
        }
    }
    while (w->n_held > 0 && w->held[0].behind <= index) {
        w->n.reordered++;
        slow_unhold(w, 0, due);
    }
}

static inline void slow_leave(struct slow_wire *w, uint64_t now)
{
    while (w->n_held > 0 && w->held[0].give_up <= now) {
        w->n.let_go++;
        slow_unhold(w, 0, w->held[0].give_up);
    }
    while (w->n_waiting > 0 && w->waiting[0].due <= now) {
        for (uint32_t i = 0; i < w->waiting[0].n_copies; i++) {
            CHECK(w->n_out < SLOW_MAX);
            w->out[w->n_out] = w->waiting[0].number;
            w->out_due[w->n_out] = w->waiting[0].due;
            w->out_at[w->n_out++] = now;
            w->n.forwarded++;
        }
        w->n_waiting--;
        for (uint32_t i = 0; i < w->n_waiting; i++)
            w->waiting[i] = w->waiting[i + 1];
    }
}

#endif
