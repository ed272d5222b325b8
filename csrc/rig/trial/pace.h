/*
 * pace - when each record of a recording is due: as it was, scaled, at a rate, or at once.
 *
 * Arithmetic on what the recording says and nothing else: no clock is read here. Due times count ns
 * from the start and are computed from the start, never from the record before, so that no rounding
 * or lateness adds up; they never fall.
 *
 * Threads:  one thread owns a pace.
 * Memory:   the caller's.
 * Cost:     a 128-bit division a record, none at full speed.
 */
#ifndef RL_RIG_PACE_H
#define RL_RIG_PACE_H

#include "market/replay/replay.h"

#define RL_PACES(X)                                                             \
    X(MAX, "max")           /* at once */                                       \
    X(RECORDED, "recorded") /* by the stamps of the records, times num / den */ \
    X(RATE, "rate")         /* so many messages a second */

enum rl_pace_mode {
#define RL_PACE_ENUM(name, text) RL_PACE_##name,
    RL_PACES(RL_PACE_ENUM)
#undef RL_PACE_ENUM
        RL_N_PACES
};

struct rl_pace_config {
    enum rl_pace_mode mode;
    uint32_t speed_num, speed_den; /* RECORDED: 2/1 is twice as fast; neither is 0 */
    uint64_t rate_per_s;           /* RATE: at least 1 */
};

struct rl_pace {
    struct rl_pace_config config;
    uint64_t loop_ns;    /* RECORDED: when the loop under way began, in recorded time */
    uint64_t first_ns;   /* RECORDED: the first stamp of the loop; has_first: once there was one */
    uint64_t latest_ns;  /* the latest so far: a stamp that falls back is taken as equal */
    uint64_t n_messages; /* RATE: due before the next record */
    bool has_first;
};

/* False for a config that makes no sense. */
static inline bool rl_pace_is_good(const struct rl_pace_config *c)
{
    switch (c->mode) {
    case RL_PACE_MAX:
        return true;
    case RL_PACE_RECORDED:
        return c->speed_num > 0 && c->speed_den > 0;
    case RL_PACE_RATE:
        return c->rate_per_s > 0;
    default:
        return false;
    }
}

static inline void rl_pace_init(struct rl_pace *p, const struct rl_pace_config *config)
{
    *p = (struct rl_pace){.config = *config};
}

/* a * b / c, held to 64 bits. */
static inline uint64_t rl_pace_scale(uint64_t a, uint64_t b, uint64_t c)
{
    unsigned __int128 wide = (unsigned __int128)a * b / c;

    return wide > UINT64_MAX ? UINT64_MAX : (uint64_t)wide;
}

/* When the next record is due; records come in their order. */
static inline uint64_t rl_pace_next(struct rl_pace *p, const struct rl_stream_rec *rec)
{
    uint64_t due = 0;

    switch (p->config.mode) {
    case RL_PACE_RECORDED:
        if (rec->ts_ns != 0 && !p->has_first) {
            p->first_ns = p->latest_ns = rec->ts_ns;
            p->has_first = true;
        }
        if (rec->ts_ns > p->latest_ns)
            p->latest_ns = rec->ts_ns;
        due = rl_pace_scale(p->loop_ns + (p->latest_ns - p->first_ns), p->config.speed_den,
                            p->config.speed_num);
        break;
    case RL_PACE_RATE:
        due = rl_pace_scale(p->n_messages, 1000000000, p->config.rate_per_s);
        p->n_messages += rec->n_messages;
        break;
    default:
        break;
    }
    return due;
}

/*
 * The recording begins again: one mean gap after its last record, so that n records take n gaps.
 * `n_recs` is how many it has.
 */
static inline void rl_pace_loop(struct rl_pace *p, uint64_t n_recs)
{
    uint64_t took = p->latest_ns - p->first_ns;

    if (n_recs > 1)
        p->loop_ns += took + took / (n_recs - 1);
    p->has_first = false;
}

#endif
