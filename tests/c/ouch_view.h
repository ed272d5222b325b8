/*
 * ouch_view - what members can know of their orders by the messages that they were told: the books
 * as the members together see them, to be compared with the venue's.
 */
#ifndef RL_TESTS_OUCH_VIEW_H
#define RL_TESTS_OUCH_VIEW_H

#include "ouch_world.h"

struct ouch_view_order {
    uint64_t order_ref;
    int64_t px_nano;
    uint32_t open, shown, floor, done;
    int32_t instrument;
    uint8_t side;
};

struct ouch_view {
    const struct rl_venue *venue; /* for names alone */
    struct ouch_view_order *orders;
    uint32_t n_members, n_refs;
    uint64_t n_executed; /* lots, counted on both sides */
};

static inline void ouch_view_open(struct ouch_view *v, const struct rl_venue *venue,
                                  uint32_t n_members, uint32_t n_refs)
{
    *v = (struct ouch_view){.venue = venue, .n_members = n_members, .n_refs = n_refs};
    v->orders = calloc((size_t)n_members * n_refs, sizeof *v->orders);
    CHECK(v->orders != NULL);
}

static inline struct ouch_view_order *ouch_view_of(struct ouch_view *v, uint32_t member,
                                                   uint32_t ref)
{
    CHECK(member < v->n_members && ref < v->n_refs);
    return &v->orders[(size_t)member * v->n_refs + ref];
}

static inline uint32_t ouch_least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* It rests, or would if it were not gone at once. */
static inline void ouch_view_rests(struct ouch_view_order *o)
{
    o->shown = o->floor > 0 ? ouch_least(o->floor, o->open) : o->open;
}

static inline void ouch_view_enters(struct ouch_view *v, struct ouch_view_order *o,
                                    const struct rl_ouch_out *m)
{
    struct rl_ouch_option option;
    uint64_t value = 0;

    *o = (struct ouch_view_order){.order_ref = m->order_ref,
                                  .px_nano = m->px_nano,
                                  .open = m->qty,
                                  .side = (uint8_t)rl_ouch_side(m->side)};
    o->instrument = rl_venue_find(v->venue, (const char *)m->symbol, RL_OUCH_SYMBOL);
    CHECK(o->instrument >= 0);
    if (rl_ouch_find_option(&m->options, RL_OUCH_OPTION_max_floor, &option)) {
        CHECK(rl_ouch_option_uint(&option, &value));
        o->floor = (uint32_t)value;
    }
    ouch_view_rests(o);
}

static inline void ouch_view_told(struct ouch_view *v, uint32_t member, const struct rl_ouch_out *m)
{
    struct ouch_view_order *o, *old;
    struct rl_ouch_option option;
    uint64_t shown = 0;
    uint32_t done;

    if (m->type == 'S' || m->type == 'Q' || m->type == 'J' || m->type == 'I' || m->type == 'X' ||
        m->type == 'G' || m->type == 'K' || m->type == 'B')
        return;
    o = ouch_view_of(v, member, m->ref);
    switch (m->type) {
    case 'A':
        CHECK_EQ(o->order_ref, 0); /* once */
        ouch_view_enters(v, o, m);
        break;
    case 'U':
        old = ouch_view_of(v, member, m->orig_ref);
        CHECK(old->open > 0 && o->order_ref == 0);
        done = old->done;
        old->open = old->shown = 0;
        ouch_view_enters(v, o, m);
        o->done = done;
        break;
    case 'E':
        CHECK(m->qty > 0 && o->open >= m->qty);
        v->n_executed += m->qty;
        o->open -= m->qty;
        o->done += m->qty;
        if (m->liquidity == 'R') {
            ouch_view_rests(o);
        } else {
            CHECK(o->shown >= m->qty);
            o->shown -= m->qty;
        }
        break;
    case 'C':
    case 'D':
        CHECK(m->qty > 0 && o->open >= m->qty);
        o->open -= m->qty;
        o->shown = ouch_least(o->shown, o->open);
        break;
    case 'M':
        CHECK(m->qty > o->done && o->open >= m->qty - o->done);
        o->open = m->qty - o->done;
        o->shown = ouch_least(o->shown, o->open);
        break;
    case 'R':
        CHECK(rl_ouch_find_option(&m->options, RL_OUCH_OPTION_display_qty, &option));
        CHECK(rl_ouch_option_uint(&option, &shown));
        o->shown = (uint32_t)shown;
        CHECK(o->shown <= o->open);
        break;
    default:
        CHECK(false);
    }
}

/* As rl_books_hash. */
static inline uint64_t ouch_view_hash(const struct ouch_view *v)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < (size_t)v->n_members * v->n_refs; i++) {
        const struct ouch_view_order *o = &v->orders[i];

        if (o->open > 0 && o->shown > 0)
            hash += rl_books_hash_one((uint32_t)o->instrument, o->order_ref, o->side, o->px_nano,
                                      o->shown);
    }
    return hash;
}

#endif
