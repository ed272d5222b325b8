/*
 * match_world - a matching engine with its events kept, and requests as short as a test likes them.
 *
 * Prices are counted in units of 5 ticks of the engine's 1e-9, so that some are off the tick.
 */
#ifndef RL_TESTS_MATCH_WORLD_H
#define RL_TESTS_MATCH_WORLD_H

#include <string.h>

#include "base/mem.h"
#include "check.h"
#include "rig/exchange/match.h"

enum { WORLD_EVENTS = 65536, TICK = 5 };

struct world {
    struct rl_arena arena;
    struct rl_match m;
    uint64_t now_ns;
    uint32_t n_events; /* of the last request */
    struct rl_match_event events[WORLD_EVENTS];
};

static inline void world_told(void *context, const struct rl_match_event *events, uint32_t n)
{
    struct world *w = context;

    CHECK(w->n_events + n <= WORLD_EVENTS);
    memcpy(&w->events[w->n_events], events, n * sizeof *events);
    w->n_events += n;
}

static inline void world_open(struct world *w, const struct rl_match_config *config)
{
    struct rl_match_sink sink = {world_told, w};

    w->n_events = 0;
    w->now_ns = 0;
    CHECK_EQ(rl_arena_open(&w->arena, rl_match_bytes(config), 0), 0);
    CHECK_EQ(rl_match_init(&w->m, &w->arena, config, sink), 0);
}

static inline void world_close(struct world *w)
{
    rl_arena_close(&w->arena);
}

static inline void world_check(const struct world *w)
{
    const char *what = NULL;

    if (rl_match_check(&w->m, &what) != 0) {
        fprintf(stderr, "rl_match_check: %s\n", what);
        exit(1);
    }
}

/* What comes of the request is in w->events. */
static inline void world_take(struct world *w, struct rl_match_request r)
{
    w->n_events = 0;
    rl_match_take(&w->m, &r, w->now_ns);
}

#endif
