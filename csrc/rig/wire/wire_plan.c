#include "rig/wire/wire_plan.h"

static bool pauses_are_good(const struct rl_wire_plan *plan)
{
    uint32_t n_periodic = 0;

    if (plan->n_pauses > RL_WIRE_PAUSES)
        return false;
    for (uint32_t i = 0; i < plan->n_pauses; i++) {
        const struct rl_wire_pause *p = &plan->pauses[i];

        n_periodic += p->every != 0;
        if (p->length == 0 || p->length > RL_WIRE_MAX_NS || p->every > RL_WIRE_MAX_NS ||
            p->at > RL_WIRE_MAX_NS || (p->every != 0 && p->every <= p->length))
            return false;
    }
    return n_periodic <= 1; /* two could cover all time between them */
}

static bool actions_are_good(const struct rl_wire_plan *plan)
{
    uint32_t n = plan->n_actions;

    if (plan->actions == NULL)
        return n == 0;
    if (n == 0 || n > RL_IMPAIR_MAX_ACTIONS || (n & (n - 1)) != 0)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (plan->actions[i] >= RL_N_IMPAIR_ACTIONS)
            return false;
    }
    return true;
}

const char *rl_wire_plan_refusal(const struct rl_wire_plan *plan)
{
    if (!actions_are_good(plan))
        return "actions: not a power of two of them, or one that is none";
    if (plan->delay_ns > RL_WIRE_MAX_NS || plan->skew_ns > RL_WIRE_MAX_NS ||
        plan->jitter_ns > UINT32_MAX || plan->hold_ns > RL_WIRE_MAX_NS ||
        plan->queue_ns > RL_WIRE_MAX_NS)
        return "delay, skew, hold, queue: longer than a minute, or jitter longer than 4 s";
    if (plan->shape >= RL_N_WIRE_SHAPES)
        return "jitter: no such shape";
    if (plan->reorder_ppm > RL_WIRE_MILLION || plan->reorder_by > RL_WIRE_MAX_BY)
        return "reorder: a chance above one, or by more than 1024 frames";
    if (plan->reorder_ppm != 0 && plan->reorder_every != 0)
        return "reorder: by chance, or every so many, not both";
    if (plan->rate_bps == 0
            ? plan->burst_bytes != 0 || plan->queue_ns != 0
            : plan->rate_bps < RL_WIRE_MIN_BPS || plan->burst_bytes > RL_WIRE_MAX_BURST)
        return "rate: below 1000 bit/s, burst or queue without one, or a burst above 1 GiB";
    if (!pauses_are_good(plan))
        return "pauses: too many or too long, as long as their period, or more than one with a "
               "period";
    return NULL;
}

static uint64_t jitter_ns(const struct rl_wire_plan *plan, uint64_t index)
{
    uint64_t drawn, sum;

    if (plan->jitter_ns == 0)
        return 0;
    drawn = rl_wire_drawn(plan->seed, RL_WIRE_DRAW_JITTER, index);
    if (plan->shape == RL_WIRE_UNIFORM)
        return (drawn >> 32) * (plan->jitter_ns + 1) >> 32;
    sum = (drawn & 0xFFFF) + (drawn >> 16 & 0xFFFF) + (drawn >> 32 & 0xFFFF) + (drawn >> 48);
    return sum * plan->jitter_ns / (UINT64_C(4) * 0xFFFF);
}

static bool is_reordered(const struct rl_wire_plan *plan, uint64_t index)
{
    if (plan->reorder_every != 0)
        return index % plan->reorder_every == plan->reorder_every - 1;
    return plan->reorder_ppm != 0 &&
           rl_wire_chance(plan->seed, RL_WIRE_DRAW_REORDER, index, plan->reorder_ppm);
}

struct rl_wire_decision rl_wire_decide(const struct rl_wire_plan *plan, uint64_t index)
{
    uint32_t by = plan->reorder_by != 0 ? plan->reorder_by : 1;

    return (struct rl_wire_decision){
        .action = plan->actions == NULL
                      ? RL_IMPAIR_PASS
                      : (enum rl_impair_action)plan->actions[index & (plan->n_actions - 1)],
        .jitter_ns = jitter_ns(plan, index),
        .behind = is_reordered(plan, index) ? by : 0,
    };
}

uint64_t rl_wire_after_pauses(const struct rl_wire_pause *pauses, uint32_t n_pauses, uint64_t at)
{
    bool has_moved;

    do { /* the end of one may lie in another */
        has_moved = false;
        for (uint32_t i = 0; i < n_pauses; i++) {
            const struct rl_wire_pause *p = &pauses[i];
            uint64_t into;

            if (at < p->at)
                continue;
            into = p->every == 0 ? at - p->at : (at - p->at) % p->every;
            if (into < p->length) {
                at += p->length - into;
                has_moved = true;
            }
        }
    } while (has_moved);
    return at;
}

const char *rl_wire_shape_name(enum rl_wire_shape shape)
{
    static const char *const names[] = {
#define NAME(NAME, text) text,
        RL_WIRE_SHAPES(NAME)
#undef NAME
    };

    return shape < RL_N_WIRE_SHAPES ? names[shape] : "?";
}
