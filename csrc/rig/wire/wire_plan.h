/*
 * wire_plan - what a wire does to the frames of one direction: decided by the number of the frame
 * and a seed alone, so that it can be told beforehand.
 *
 * Only the frames of the chosen flow take numbers, from 0. Frame n
 *  - meets actions[n mod n_actions], the actions of net/bpf/impair.h;
 *  - is due delay + skew + jitter(n) after it came, not before what came before it, unless
 *    `overtakes` is set; at a rate, when the line is free for it;
 *  - when it is reordered, is held back until frame n + reorder_by has come, and leaves right
 *    behind that one; if nothing comes for hold_ns it leaves all the same.
 * All else takes the same way without a number: delay, skew, rate and pauses, nothing by chance.
 *
 * Threads:  pure functions.
 * Cost:     two multiplications a draw; a kind that is off draws nothing.
 */
#ifndef RL_RIG_WIRE_PLAN_H
#define RL_RIG_WIRE_PLAN_H

#include "base/clock.h"
#include "base/mix.h"
#include "net/bpf/impair.h"

#define RL_WIRE_MILLION 1000000U
#define RL_WIRE_PAUSES 16
#define RL_WIRE_MAX_NS 60000000000ULL /* no time of a plan is longer: a minute */
#define RL_WIRE_MAX_BY 1024U
#define RL_WIRE_MAX_BURST (1U << 30)
#define RL_WIRE_MIN_BPS 1000U

/* How jitter spreads over 0 .. jitter_ns. X(NAME, text) */
#define RL_WIRE_SHAPES(X)                           \
    X(UNIFORM, "uniform") /* each value as often */ \
    X(NORMAL, "normal")   /* a bell: the mean of four uniform draws */

enum rl_wire_shape {
#define RL_WIRE_SHAPE_ENUM(NAME, text) RL_WIRE_##NAME,
    RL_WIRE_SHAPES(RL_WIRE_SHAPE_ENUM)
#undef RL_WIRE_SHAPE_ENUM
        RL_N_WIRE_SHAPES
};

/*
 * Nothing leaves from `at` to at + length, counted from the start: what is due then leaves at its
 * end. With `every` again and again; at most one pause of a plan does that. In ns.
 */
struct rl_wire_pause {
    uint64_t at, length, every; /* every: 0, once */
};

/* All zeros: a wire that passes every frame on as soon as it can. */
struct rl_wire_plan {
    uint64_t seed;
    /* Which frames are numbered: IPv4/UDP to udp_port (0: to any), or every frame. */
    bool counts_all;
    uint16_t udp_port;
    const uint8_t *actions; /* enum rl_impair_action; the caller's. NULL: all pass */
    uint32_t n_actions;     /* a power of two */
    uint32_t corrupt_at;    /* which byte of the UDP payload is changed; of what is not UDP, behind
                             * the Ethernet header, and only CORRUPT_FRAME */

    uint64_t delay_ns;
    uint64_t skew_ns;   /* on top: how far this line trails another */
    uint64_t jitter_ns; /* at most so much later */
    enum rl_wire_shape shape;
    bool overtakes; /* jitter alone says who leaves first */

    uint32_t reorder_ppm;   /* chance of a frame, of a million */
    uint32_t reorder_every; /* or each n-th: frames every - 1, 2 every - 1, ... */
    uint32_t reorder_by;    /* 0: 1 */
    uint64_t hold_ns;       /* 0: RL_WIRE_HOLD_NS */

    uint64_t rate_bps;    /* 0: no limit */
    uint64_t burst_bytes; /* which may leave at once */
    uint64_t queue_ns;    /* who would wait longer than this for the line is lost; 0: nobody */

    struct rl_wire_pause pauses[RL_WIRE_PAUSES];
    uint32_t n_pauses;

    uint64_t tolerance_ns; /* what leaves later than so much behind its time counts as late */
};

#define RL_WIRE_HOLD_NS 10000000ULL

/* NULL, or what is wrong with it. */
const char *rl_wire_plan_refusal(const struct rl_wire_plan *plan);

/* What is drawn for; each kind has numbers of its own. Part of the contract: the same seed must
 * give the same decisions wherever they are computed. */
enum rl_wire_draw { RL_WIRE_DRAW_JITTER = 1, RL_WIRE_DRAW_REORDER = 2 };

static inline uint64_t rl_wire_drawn(uint64_t seed, uint32_t kind, uint64_t index)
{
    return rl_mix(rl_mix(seed + kind * RL_MIX_STEP) + (index + 1) * RL_MIX_STEP);
}

/* True for `ppm` of a million indexes. */
static inline bool rl_wire_chance(uint64_t seed, uint32_t kind, uint64_t index, uint32_t ppm)
{
    return (rl_wire_drawn(seed, kind, index) >> 32) * RL_WIRE_MILLION >> 32 < ppm;
}

struct rl_wire_decision {
    enum rl_impair_action action;
    uint64_t jitter_ns;
    uint32_t behind; /* leaves right behind the frame so many numbers on; 0: in its place */
};

/* The fate of frame `index` of the flow, a pure function. */
struct rl_wire_decision rl_wire_decide(const struct rl_wire_plan *plan, uint64_t index);

/* When something that is due at `at` after the start may leave: then, or when a pause ends. */
uint64_t rl_wire_after_pauses(const struct rl_wire_pause *pauses, uint32_t n_pauses, uint64_t at);

/* How long a frame of n bytes occupies the line, in ns; never less than it does. */
static inline uint64_t rl_wire_line_ns(uint64_t rate_bps, uint64_t n_bytes)
{
    return (n_bytes * 8 * 1000000000 + rate_bps - 1) / rate_bps;
}

const char *rl_wire_shape_name(enum rl_wire_shape shape);

#endif
