/* Everybody else: the messages of a stream, at their rate. */
#include "rig/exchange/serve_inner.h"

#include <errno.h>

#define NS_PER_S 1000000000ULL
#define BURST 256 /* messages a turn: members wait no longer for the crowd than for each other */

int rl_serve_crowd_open(struct rl_serve *s)
{
    if (s->config.n_crowd == 0)
        return 0;
    s->crowd = rl_arena_take(&s->arena, sizeof *s->crowd, 0);
    if (!s->crowd)
        return -ENOMEM;
    s->crowd_start_ns = rl_serve_utc(s);
    return rl_crowd_init(s->crowd, &s->arena, &s->venue, s->config.lists_any);
}

static uint64_t due_ns(const struct rl_serve *s, uint64_t at)
{
    uint64_t rate = s->config.crowd_rate_per_s;

    return s->crowd_start_ns + at / rate * NS_PER_S + at % rate * NS_PER_S / rate;
}

uint64_t rl_serve_crowd_turn(struct rl_serve *s, uint64_t utc_ns)
{
    const struct rl_serve_config *c = &s->config;

    if (!s->crowd || s->is_stopping)
        return UINT64_MAX;
    for (uint32_t n = 0; n < BURST && s->crowd_at < c->n_crowd; n++) {
        const struct rl_stream_rec *rec = &c->crowd_recs[s->crowd_at];

        if (due_ns(s, s->crowd_at) > utc_ns)
            break;
        (void)rl_crowd_message(s->crowd, c->crowd + rec->offset, rec->n_bytes, utc_ns);
        s->crowd_at++;
    }
    return s->crowd_at < c->n_crowd ? due_ns(s, s->crowd_at) : UINT64_MAX;
}
