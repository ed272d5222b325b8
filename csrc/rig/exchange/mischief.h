/*
 * mischief - a venue that misbehaves on command: what goes wrong is data, when is a seed.
 *
 * Stands between the members of a venue and its matching (rl_venue_hook), and beside the sockets
 * (rl_mischief_wire, rl_mischief_stamp). Each thing that is done is counted when it takes effect,
 * so that whoever watches from outside can be asked whether it saw the same number. Market data is
 * left alone: it says what was matched.
 *
 * Requests of a member never overtake each other, nor do events told to it, unless `swapped` says
 * so. What finds no room to wait goes through at once and is counted as `no_room`.
 *
 * Threads:  the venue's.
 * Memory:   from the caller's arena: a heap of what waits. Latency tables stay the caller's.
 * Cost:     a random number a kind that is on, a copy into a heap for what waits.
 */
#ifndef RL_RIG_EXCHANGE_MISCHIEF_H
#define RL_RIG_EXCHANGE_MISCHIEF_H

#include "base/random.h"
#include "rig/exchange/venue.h"

#define RL_MISCHIEF_MILLION 1000000u
#define RL_MISCHIEF_HALTS 16

/* X(name, what was done) */
#define RL_MISCHIEF_COUNTERS(X)                                                         \
    X(requests_held, "requests that reached matching after the venue's latency")        \
    X(answers_held, "answers told after the venue's latency")                           \
    X(slow_fills, "executions told slow_ns or more after they happened")                \
    X(late_fills, "executions told late, other answers before them")                    \
    X(duplicate_fills, "executions told twice")                                         \
    X(swapped, "executions told after the answer that followed them")                   \
    X(busts, "trades taken back")                                                       \
    X(rejects, "orders refused in a burst")                                             \
    X(halts, "halts of all trading")                                                    \
    X(garbage, "runs of garbage bytes sent in front of a message")                      \
    X(resets, "connections reset")                                                      \
    X(silences, "connections left half open: nothing read, nothing sent, nothing said") \
    X(no_room, "delays that were not made: too much was waiting")

struct rl_mischief_counters {
#define RL_MISCHIEF_MEMBER(name, what) uint64_t name;
    RL_MISCHIEF_COUNTERS(RL_MISCHIEF_MEMBER)
#undef RL_MISCHIEF_MEMBER
};
extern const char *const rl_mischief_counter_names[]; /* NULL ends it */

/*
 * How long something takes: `fixed_ns`, or one of `n` values drawn at random. A histogram is
 * replayed by a table of its quantiles, an empirical sample by itself.
 */
struct rl_latency {
    uint64_t fixed_ns;
    const uint64_t *values_ns;
    uint32_t n;
};

/* Chances are of a million. All zeros: a venue that behaves. */
struct rl_mischief_config {
    uint64_t seed;
    struct rl_latency request; /* order entry to matching */
    struct rl_latency answer;  /* matching to the session */
    uint32_t slow_chance;      /* of an answer to take slow_ns longer */
    uint64_t slow_ns;
    uint32_t late_fill_chance;
    uint64_t late_fill_ns;
    uint32_t duplicate_fill_chance;
    uint32_t swap_chance; /* of a fill to change places with the answer behind it */
    uint32_t bust_chance; /* of a trade */
    uint64_t bust_after_ns;
    uint32_t reject_burst_chance; /* of a new order to begin one */
    uint32_t reject_burst;        /* orders in it */
    struct {
        uint64_t at_ns, for_ns; /* from the start */
    } halts[RL_MISCHIEF_HALTS];
    uint32_t n_halts;
    uint32_t garbage_chance; /* of a message sent */
    uint32_t garbage_bytes;  /* at most */
    uint32_t reset_chance;   /* of a message sent */
    uint32_t silence_chance; /* of a message sent */
    uint64_t silence_ns;
    int64_t skew_ns;        /* the venue's clock: ahead by so much ... */
    uint64_t skew_at_ns;    /* ... from here on: a step, so long after the start ... */
    int64_t drift_per_mega; /* ... and so many ns a ms more: parts of a million */
    uint32_t n_waiting;     /* requests and answers at a time */
};

/* One thing that waits. */
struct rl_mischief_wait {
    uint64_t due_ns, order; /* of equals, the first comes first */
    union {
        struct rl_match_request request;
        struct rl_match_event event;
    };
    uint8_t what;
};

struct rl_mischief {
    struct rl_venue *venue;
    struct rl_mischief_config config;
    struct rl_random random;
    uint64_t start_ns;
    uint64_t n_made; /* numbers what waits */
    struct rl_mischief_wait *heap;
    uint32_t n_heap;
    struct rl_mischief_member {
        uint64_t request_ns, answer_ns; /* nothing of the member is due earlier */
        uint32_t n_requests, n_answers; /* that wait: who comes behind them waits, too */
        struct rl_match_event swapped;  /* a fill that waits for the next answer */
        bool has_swapped;
    } *members;
    uint32_t n_members;
    uint32_t n_rejecting; /* orders left in the burst */
    uint32_t next_halt;
    bool is_halted;
    uint64_t resume_ns;
    struct rl_mischief_counters n;
};

size_t rl_mischief_bytes(const struct rl_mischief_config *config, uint32_t n_members);

/* Hooks itself into the venue. Time counts from now_ns. -EINVAL for a chance above a million. */
int rl_mischief_init(struct rl_mischief *m, struct rl_arena *arena, struct rl_venue *venue,
                     const struct rl_mischief_config *config, uint64_t now_ns);

/* --- beside the sockets ----------------------------------------------------------------------- */

enum rl_mischief_act {
    RL_MISCHIEF_SEND,
    RL_MISCHIEF_GARBAGE,
    RL_MISCHIEF_RESET,
    RL_MISCHIEF_SILENCE
};

/* What shall be done instead of, or before, sending the next message. Counts it as done. */
enum rl_mischief_act rl_mischief_wire(struct rl_mischief *m);
/* Fills garbage, never "8=FIX": its length, 1 .. n_max. */
uint32_t rl_mischief_garbage(struct rl_mischief *m, uint8_t *bytes, uint32_t n_max);
/* What the venue's clock says when it is now_ns. */
uint64_t rl_mischief_stamp(const struct rl_mischief *m, uint64_t now_ns);

#endif
