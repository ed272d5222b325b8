/*
 * judge - the venue's verdict on the kill switch: what came over the wire after a trip, and when.
 *
 * It knows nothing of the engine but its acknowledgement on the board. The session is a queue, so
 * where an order stands in it says whether it was committed before or after something: whatever is
 * in the queue when the judge looks was committed before he looked. An order that comes later than
 * - the trip's being visible was in flight: decided before, committed after; there can be one;
 * - the engine's acknowledgement is a violation.
 *
 * Threads:  the rig thread.
 * Memory:   the histograms' counts are the caller's.
 * Cost:     armed, a load of the board's word a turn.
 */
#ifndef RL_RIG_JUDGE_H
#define RL_RIG_JUDGE_H

#include "base/clock.h"
#include "base/hist.h"
#include "rig/trial/worker.h"
#include "trade/kill/kill.h"

/* X(name, what it is), ns since the trip was made */
#define RL_JUDGE_HISTS(X)                                                               \
    X(trip_to_seen, "trip acknowledgement seen by the venue - trip")                    \
    X(trip_to_last_order, "last order or replacement received by the exchange, or the " \
                          "acknowledgement if it was later - trip")                     \
    X(trip_to_all_cancelled, "nothing rests with the exchange any more - trip")

enum rl_judge_hist {
#define RL_JUDGE_ENUM(name, what) RL_JUDGE_##name,
    RL_JUDGE_HISTS(RL_JUDGE_ENUM)
#undef RL_JUDGE_ENUM
        RL_N_JUDGE_HISTS
};

/* X(name, what it counts) */
#define RL_JUDGE_COUNTERS(X)                                                            \
    X(trips, "trips of everything that were followed to their end")                     \
    X(trips_unseen, "of these, not acknowledged in time")                               \
    X(trips_residual, "of these, with orders that still rested when time was up")       \
    X(trips_with_orders, "of these, with orders at rest when the trip came")            \
    X(orders_in_flight, "orders committed after a trip and before its acknowledgement") \
    X(orders_in_flight_most, "the most of these after one trip")                        \
    X(orders_after_trip, "orders committed after the engine had acknowledged a trip: violations")

#define RL_JUDGE_MEMBER(name, what) _Atomic uint64_t name;
struct rl_judge_counters {
    RL_JUDGE_COUNTERS(RL_JUDGE_MEMBER)
};
#undef RL_JUDGE_MEMBER

struct rl_judge {
    const struct rl_kill *kill;
    const struct rl_clock *clock;
    bool is_tripped;   /* the trip was visible when a turn began ... */
    bool is_past_trip; /* ... and the queue has been emptied since */
    bool is_seen;      /* the same for the acknowledgement */
    bool is_past_seen;
    bool had_orders; /* some rested when the trip was seen */
    struct rl_kill_mark mark;
    uint64_t n_notes; /* trips noted on the board before this armed period */
    uint64_t trip_tsc, seen_tsc, last_order_tsc, cancelled_tsc;
    uint64_t n_in_flight, n_after;
    struct rl_hist hist[RL_N_JUDGE_HISTS];
    RL_ALIGNED struct rl_judge_counters n;
};

/* `hist` must be initialised. */
void rl_judge_init(struct rl_judge *j, const struct rl_kill *kill, const struct rl_clock *clock);

/*
 * An armed period begins: forgets the trip before. `n_notes`: trips noted on the board so far, as
 * rl_kill_mark had it before the board was armed.
 */
void rl_judge_begin(struct rl_judge *j, uint64_t n_notes);

/* Before the venue asks its port for requests. */
static inline void rl_judge_look(struct rl_judge *j, uint64_t n_resting)
{
    if (RL_LIKELY(!j->is_tripped)) {
        if (RL_LIKELY((rl_kill_word(j->kill) & RL_KILL_GLOBAL) == 0))
            return;
        j->is_tripped = true;
        j->had_orders = n_resting > 0;
        j->mark = rl_kill_mark(j->kill);
        /* What made the word what it is was noted before: K1. */
        j->trip_tsc = atomic_load_explicit(&j->kill->notes[j->n_notes % RL_KILL_N_NOTES].tsc,
                                           memory_order_relaxed);
    }
    if (!j->is_seen && rl_kill_is_seen(j->kill, j->mark)) {
        j->is_seen = true;
        j->seen_tsc = rl_tsc(); /* by this clock: the engine's is that of its turn's beginning */
    }
}

/* An order or a replacement was received, whatever is in it. */
static inline void rl_judge_order(struct rl_judge *j, uint64_t now_tsc)
{
    if (RL_LIKELY(!j->is_tripped))
        return;
    j->last_order_tsc = now_tsc;
    j->n_after += j->is_past_seen;
    j->n_in_flight += j->is_past_trip && !j->is_past_seen;
}

/* After the requests of a turn: `is_empty` when its port held no more than these. */
static inline void rl_judge_done(struct rl_judge *j, bool is_empty, uint64_t n_resting)
{
    if (RL_LIKELY(!j->is_tripped))
        return;
    if (is_empty) {
        j->is_past_trip = true;
        j->is_past_seen = j->is_seen;
    }
    if (n_resting > 0)
        j->cancelled_tsc = 0;
    else if (j->cancelled_tsc == 0)
        j->cancelled_tsc = rl_tsc();
}

/* All that a trip can show has been seen: acknowledged, queue emptied since, nothing rests. */
static inline bool rl_judge_is_settled(const struct rl_judge *j)
{
    return j->is_past_seen && j->cancelled_tsc != 0;
}

/* Writes down what came of the trip; the caller has waited long enough. */
void rl_judge_rule(struct rl_judge *j);

extern const char *const rl_judge_counter_names[]; /* NULL ends it */

#endif
