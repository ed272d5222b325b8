/*
 * wire - a cable of software between ports of whole frames: what comes in at one end leaves at the
 * other, when and in which order its plan says, and the wire says how well it kept to it.
 *
 * A wire has ways; each takes frames from one port and puts them out at another by a plan of its
 * own. A line is two ways, A/B lines are four. A way owns room for n_slots frames: they wait in a
 * heap by the time they are due. A frame that finds no room is lost and counted; it keeps its
 * number.
 *
 *     frames_in = forwarded - duplicated + lost + overflow + queue_full + too_large + waiting
 *
 * Threads:  one takes turns; any may read the counters; histograms when the turns are over.
 * Memory:   from the caller's arena (rl_wire_bytes).
 * Cost:     a frame: two copies, a look at its headers, a flush of its port.
 */
#ifndef RL_RIG_WIRE_H
#define RL_RIG_WIRE_H

#include <stdatomic.h>

#include "base/counter.h"
#include "base/hist.h"
#include "base/mem.h"
#include "net/port/port.h"
#include "rig/wire/wire_plan.h"

#define RL_WIRE_MAX_WAYS 8
#define RL_WIRE_MAX_SLOTS (1U << 20)
#define RL_WIRE_FRAME_MAX 65535U
#define RL_WIRE_NEVER UINT64_MAX

/* X(name, what it counts) */
#define RL_WIRE_COUNTERS(X)                                                \
    X(frames_in, "frames taken from the port")                             \
    X(numbered, "of these, of the flow")                                   \
    X(forwarded, "frames put out, both copies of a duplicate")             \
    X(delayed, "frames that had to wait")                                  \
    X(reordered, "held back until the frames behind them had come")        \
    X(let_go, "held back for that, but too little followed in time")       \
    X(lost, "dropped, as the table said")                                  \
    X(duplicated, "put out twice")                                         \
    X(corrupted, "one byte changed, the checksum too")                     \
    X(corrupted_frame, "one byte changed, the checksum left")              \
    X(undone, "passed because it could not be done: too short to corrupt") \
    X(overflow, "lost: no slot was free")                                  \
    X(queue_full, "lost: would have waited too long for the line")         \
    X(too_large, "lost: longer than the way or the port takes")            \
    X(late, "put out later than the tolerance behind their time")          \
    X(port_full, "turns that a frame waited because the port took no more")

struct rl_wire_way_config {
    struct rl_port *in, *out; /* may be the ends of the other direction, too */
    struct rl_wire_plan plan;
    uint32_t n_slots;       /* 0: 1024 */
    uint32_t n_bytes_frame; /* the longest; 0: 2048 */
};

struct rl_wire_config {
    struct rl_wire_way_config ways[RL_WIRE_MAX_WAYS];
    uint32_t n_ways;
    struct rl_clock clock;
    /* Achieved times are what a turn is told (a virtual clock), not what the counter says when the
     * port has sent. */
    bool has_virtual_clock;
};

struct rl_wire_way; /* wire_inner.h */

struct rl_wire {
    struct rl_wire_way *ways;
    uint32_t n_ways;
    struct rl_clock clock;
    bool has_virtual_clock, has_begun;
};

struct rl_wire_counts {
#define RL_WIRE_MEMBER(name, what) uint64_t name;
    RL_WIRE_COUNTERS(RL_WIRE_MEMBER)
#undef RL_WIRE_MEMBER
};
extern const char *const rl_wire_counter_names[]; /* NULL ends it; in the order of the struct */

/* 0 for a configuration that rl_wire_open refuses. */
size_t rl_wire_bytes(const struct rl_wire_config *config);
/* 0; -EINVAL with a sentence in *why, -ENOMEM. */
int rl_wire_open(struct rl_wire *w, const struct rl_wire_config *config, struct rl_arena *arena,
                 const char **why);

/*
 * Takes what has come, puts out what is due at now_tsc. Time counts from the first turn. Returns
 * how many frames came and left: 0 is a turn with nothing to do.
 */
uint32_t rl_wire_turn(struct rl_wire *w, uint64_t now_tsc);
/* When something is to be done even if nothing comes; RL_WIRE_NEVER: nothing waits. */
uint64_t rl_wire_next_due(const struct rl_wire *w);
uint32_t rl_wire_waiting(const struct rl_wire *w, uint32_t way); /* by the thread of the turns */

struct rl_wire_counts rl_wire_counts_now(const struct rl_wire *w, uint32_t way);
/* How far behind its time each frame was put out, in ns: achieved - intended. */
const struct rl_hist *rl_wire_errors(const struct rl_wire *w, uint32_t way);

#endif
