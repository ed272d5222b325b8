#include "rig/synth/synth_repair.h"

#include <errno.h>
#include <string.h>

static size_t n_orders_max(const struct rl_synth_config *config)
{
    size_t n = 0;

    for (uint32_t i = 0; i < config->n_instruments; i++)
        n += rl_synth_market_orders_max(config, i);
    return n;
}

/* Of the book of the first instrument, the largest: survivors that go, and all that come back. */
static size_t n_steps_max(const struct rl_synth_config *config)
{
    return 2 * rl_synth_market_orders_max(config, 0);
}

size_t rl_synth_repairs_bytes(const struct rl_synth_config *config)
{
    return n_orders_max(config) * sizeof(struct rl_synth_origin) +
           2 * config->n_instruments * sizeof(uint32_t) +
           rl_synth_market_orders_max(config, 0) * sizeof(uint32_t) +
           n_steps_max(config) * sizeof(struct rl_synth_repair) +
           5 * RL_CACHE_LINE; /* five pieces, each on a line of its own */
}

int rl_synth_repairs_init(struct rl_synth_repairs *r, const struct rl_synth_config *config,
                          struct rl_arena *arena)
{
    uint32_t n = config->n_instruments;

    memset(r, 0, sizeof(*r));
    r->origins = rl_arena_take(arena, n_orders_max(config) * sizeof(*r->origins), 0);
    r->n_origins[RL_BUY] = rl_arena_take(arena, n * sizeof(uint32_t), 0);
    r->n_origins[RL_SELL] = rl_arena_take(arena, n * sizeof(uint32_t), 0);
    r->doomed = rl_arena_take(arena, rl_synth_market_orders_max(config, 0) * sizeof(*r->doomed), 0);
    r->steps = rl_arena_take(arena, n_steps_max(config) * sizeof(*r->steps), 0);
    if (!r->origins || !r->n_origins[RL_BUY] || !r->n_origins[RL_SELL] || !r->doomed || !r->steps)
        return -ENOMEM;
    return 0;
}

void rl_synth_repairs_remember(struct rl_synth_repairs *r, const struct rl_synth_market *m)
{
    struct rl_synth_origin *out = r->origins;

    r->last_id = m->last_id;
    for (uint32_t i = 0; i < m->config->n_instruments; i++) {
        const struct rl_synth_book *b = &m->books[i];

        for (int side = 0; side < 2; side++) {
            r->n_origins[side][i] = b->n_side[side];
            for (uint32_t n = 0; n < b->n_levels[side]; n++) {
                uint32_t at = b->levels[side][n].head;

                for (; at != RL_SYNTH_NIL; at = b->orders[at].next) {
                    const struct rl_synth_order *o = &b->orders[at];

                    *out++ = (struct rl_synth_origin){.id = o->id, .key = o->key, .qty = o->qty};
                }
            }
        }
    }
}

static uint32_t next_survivor(const struct rl_synth_repairs *r, const struct rl_synth_book *b,
                              uint32_t order)
{
    while (order != RL_SYNTH_NIL && b->orders[order].id > r->last_id)
        order = b->orders[order].next;
    return order;
}

/*
 * Appends the steps of one level of the prefix, n orders. Survivors keep their order among
 * themselves, so the queue is right up to the first order that went or shrank; what survives behind
 * that one must leave and come back.
 */
static void plan_level(struct rl_synth_repairs *r, const struct rl_synth_book *b, enum rl_side side,
                       const struct rl_synth_origin *origins, uint32_t n, uint32_t *n_steps)
{
    const struct rl_synth_level *level = rl_synth_book_at(b, side, origins->key);
    uint32_t at = level ? next_survivor(r, b, level->head) : RL_SYNTH_NIL, i = 0;

    for (; i < n && at != RL_SYNTH_NIL; i++) {
        if (b->orders[at].id != origins[i].id || b->orders[at].qty != origins[i].qty)
            break;
        at = next_survivor(r, b, b->orders[at].next);
    }
    for (; at != RL_SYNTH_NIL; at = next_survivor(r, b, b->orders[at].next))
        r->steps[(*n_steps)++] = (struct rl_synth_repair){.doomed = at};
    for (; i < n; i++)
        r->steps[(*n_steps)++] =
            (struct rl_synth_repair){.doomed = RL_SYNTH_NIL, .side = side, .origin = origins[i]};
}

static uint32_t plan_side(struct rl_synth_repairs *r, const struct rl_synth_book *b,
                          enum rl_side side, const struct rl_synth_origin *origins, uint32_t n,
                          uint32_t n_steps)
{
    for (uint32_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && origins[end].key == origins[i].key;)
            end++;
        plan_level(r, b, side, &origins[i], end - i, &n_steps);
    }
    return n_steps;
}

/* Appends the body's orders: those that the prefix's best orders would cross, or the others. */
static uint32_t doom_newcomers(struct rl_synth_repairs *r, const struct rl_synth_book *b,
                               const int32_t best[2], bool crossing, uint32_t n_doomed)
{
    for (int side = 0; side < 2; side++) {
        for (uint32_t n = b->n_levels[side]; n--;) {
            const struct rl_synth_level *level = &b->levels[side][n];

            if ((level->key + best[1 - side] >= 0) != crossing)
                continue;
            for (uint32_t at = level->head; at != RL_SYNTH_NIL; at = b->orders[at].next) {
                if (b->orders[at].id > r->last_id)
                    r->doomed[n_doomed++] = at;
            }
        }
    }
    return n_doomed;
}

static bool would_cross(const struct rl_synth_book *b, const struct rl_synth_repair *step)
{
    enum rl_side other = rl_side_opposite(step->side);

    return step->doomed == RL_SYNTH_NIL && b->n_side[other] &&
           rl_synth_book_best(b, other)->key + step->origin.key >= 0;
}

static void take_step(struct rl_synth_market *m, uint32_t instrument,
                      const struct rl_synth_repair *step)
{
    const struct rl_synth_origin *o = &step->origin;

    m->stats->n_fixups++;
    if (step->doomed != RL_SYNTH_NIL)
        rl_synth_market_cancel(m, instrument, step->doomed);
    else
        rl_synth_market_add(m, instrument, step->side, o->id, o->key, o->qty);
}

/*
 * Newcomers leave, those first that stand in the way of an order that comes back; in step with them
 * the prefix's orders come back, the deepest first: the book keeps its size and never crosses.
 */
static void repair_book(struct rl_synth_repairs *r, struct rl_synth_market *m, uint32_t instrument,
                        const struct rl_synth_origin *bids)
{
    const uint32_t n_bids = r->n_origins[RL_BUY][instrument];
    const uint32_t n_offers = r->n_origins[RL_SELL][instrument];
    const struct rl_synth_origin *offers = bids + n_bids;
    const int32_t best[2] = {bids[n_bids - 1].key, offers[n_offers - 1].key};
    const struct rl_synth_book *b = &m->books[instrument];
    uint32_t n_doomed, n_steps, gone = 0, taken = 0;

    n_steps = plan_side(r, b, RL_BUY, bids, n_bids, 0);
    n_steps = plan_side(r, b, RL_SELL, offers, n_offers, n_steps);
    n_doomed = doom_newcomers(r, b, best, true, 0);
    n_doomed = doom_newcomers(r, b, best, false, n_doomed);
    while (gone < n_doomed || taken < n_steps) {
        if (gone < n_doomed)
            take_step(m, instrument, &(struct rl_synth_repair){.doomed = r->doomed[gone++]});
        if (taken < n_steps && !would_cross(b, &r->steps[taken])) {
            /* Survivors that must requeue count as one: their level is complete again at once. */
            do
                take_step(m, instrument, &r->steps[taken++]);
            while (taken < n_steps && r->steps[taken - 1].doomed != RL_SYNTH_NIL &&
                   !would_cross(b, &r->steps[taken]));
        }
    }
}

void rl_synth_repairs_apply(struct rl_synth_repairs *r, struct rl_synth_market *m)
{
    const struct rl_synth_origin *origins = r->origins;

    for (uint32_t i = 0; i < m->config->n_instruments; i++) {
        repair_book(r, m, i, origins);
        origins += r->n_origins[RL_BUY][i] + r->n_origins[RL_SELL][i];
    }
}
