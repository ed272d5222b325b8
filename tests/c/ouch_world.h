/*
 * ouch_world - a venue with an OUCH gateway, and a log of what its members are told.
 */
#ifndef RL_TESTS_OUCH_WORLD_H
#define RL_TESTS_OUCH_WORLD_H

#include <string.h>

#include "check.h"
#include "rig/exchange/ouch_gateway.h"

#define OUCH_LOG 4096
#define OUCH_NANO(px) ((int64_t)((px) * 1e4 + 0.5) * RL_OUCH_NANO_PER_TICK)
#define OUCH_NOW 1700000000000000000ULL /* 2023-11-14 22:13:20 UTC */

/* What was told, decoded; its options are a copy. */
struct ouch_told {
    uint32_t member;
    struct rl_ouch_out m;
    uint8_t options[RL_OUCH_MAX_MESSAGE];
};

struct ouch_world {
    struct rl_arena arena;
    struct rl_venue venue;
    struct rl_ouch_gateway g;
    uint64_t now_ns;
    struct ouch_told log[OUCH_LOG];
    uint32_t n_told, n_read;
    /* Instead of the log. */
    void (*hears)(void *context, uint32_t member, const uint8_t *message, uint32_t n_bytes);
    void *context;
};

static inline void ouch_hear(void *context, uint32_t member, const uint8_t *message,
                             uint32_t n_bytes)
{
    struct ouch_world *w = context;
    struct ouch_told *t = &w->log[w->n_told % OUCH_LOG];

    if (w->hears) {
        w->hears(w->context, member, message, n_bytes);
        return;
    }
    t->member = member;
    CHECK(rl_ouch_read_out(message, n_bytes, &t->m));
    CHECK(t->m.options.n_bytes <= sizeof t->options);
    if (t->m.options.n_bytes > 0)
        memcpy(t->options, t->m.options.bytes, t->m.options.n_bytes);
    t->m.options.bytes = t->options;
    w->n_told++;
    CHECK(w->n_told - w->n_read <= OUCH_LOG);
}

static inline void ouch_open_sized(struct ouch_world *w, uint32_t n_slots, uint32_t n_orders)
{
    struct rl_venue_config venue = {.match = {.n_instruments = 4,
                                              .n_orders = n_orders,
                                              .n_levels_per_side = 1024,
                                              .n_owners = 8,
                                              .n_trades = 1024,
                                              .tick_nano = RL_OUCH_NANO_PER_TICK}};
    struct rl_ouch_gateway_config config = {.n_slots = n_slots, .n_members = 8};

    *w = (struct ouch_world){.now_ns = OUCH_NOW};
    CHECK_EQ(rl_arena_open(&w->arena,
                           rl_venue_bytes(&venue) + rl_ouch_gateway_bytes(&config) + 65536, 0),
             0);
    CHECK_EQ(rl_venue_init(&w->venue, &w->arena, &venue), 0);
    CHECK_EQ(rl_venue_list(&w->venue, "AAPL"), 0);
    CHECK_EQ(rl_venue_list(&w->venue, "MSFT"), 1);
    CHECK_EQ(rl_venue_list(&w->venue, "X"), 2);
    CHECK_EQ(rl_ouch_gateway_init(&w->g, &w->arena, &config, &w->venue, ouch_hear, w), 0);
}

static inline void ouch_open(struct ouch_world *w)
{
    ouch_open_sized(w, 1024, 1024);
}

static inline void ouch_check(struct ouch_world *w)
{
    const char *what = "";
    int err = rl_ouch_gateway_check(&w->g, &what);

    if (err == 0)
        err = rl_match_check(w->venue.match, &what);
    if (err != 0)
        fprintf(stderr, "%s\n", what);
    CHECK_EQ(err, 0);
}

static inline void ouch_close(struct ouch_world *w)
{
    ouch_check(w);
    CHECK_EQ(w->g.n.unsent, 0);
    rl_arena_close(&w->arena);
}

static inline uint32_t ouch_join(struct ouch_world *w)
{
    int member =
        rl_ouch_gateway_join(&w->g, &(struct rl_ouch_member_config){.firms = {"FIRM", "OTHR"}});

    CHECK(member >= 0);
    return (uint32_t)member;
}

/* --- messages in ------------------------------------------------------------------------------ */

static inline struct rl_ouch_in ouch_order(uint32_t ref, uint8_t side, uint32_t qty, double px)
{
    struct rl_ouch_in in = {.type = 'O',
                            .ref = ref,
                            .side = side,
                            .qty = qty,
                            .px_nano = OUCH_NANO(px),
                            .tif = RL_OUCH_DAY,
                            .display = RL_OUCH_VISIBLE,
                            .capacity = RL_OUCH_AGENCY,
                            .sweep = 'N',
                            .cross = RL_OUCH_CONTINUOUS};

    rl_put_alpha(in.symbol, "AAPL", RL_OUCH_SYMBOL);
    rl_put_alpha(in.cl_ord_id, "my order", RL_OUCH_CL_ORD_ID);
    return in;
}

static inline struct rl_ouch_in ouch_replacement(uint32_t orig, uint32_t ref, uint32_t qty,
                                                 double px)
{
    struct rl_ouch_in in = ouch_order(ref, RL_OUCH_BUY, qty, px);

    in.type = 'U';
    in.orig_ref = orig;
    return in;
}

static inline struct rl_ouch_in ouch_group(uint8_t type, uint32_t ref, const char *firm,
                                           const char *symbol)
{
    struct rl_ouch_in in = {.type = type, .ref = ref};

    rl_put_alpha(in.firm, firm, RL_OUCH_FIRM);
    rl_put_alpha(in.symbol, symbol, RL_OUCH_SYMBOL);
    return in;
}

static inline void ouch_in(struct ouch_world *w, uint32_t member, const struct rl_ouch_in *in)
{
    uint8_t bytes[RL_OUCH_MAX_MESSAGE];
    uint32_t n = rl_ouch_write_in(bytes, sizeof bytes, in);

    CHECK(n > 0);
    rl_ouch_gateway_message(&w->g, member, bytes, n, w->now_ns++);
}

static inline void ouch_enter(struct ouch_world *w, uint32_t member, uint32_t ref, uint8_t side,
                              uint32_t qty, double px)
{
    struct rl_ouch_in in = ouch_order(ref, side, qty, px);

    ouch_in(w, member, &in);
}

static inline void ouch_replace(struct ouch_world *w, uint32_t member, uint32_t orig, uint32_t ref,
                                uint32_t qty, double px)
{
    struct rl_ouch_in in = ouch_replacement(orig, ref, qty, px);

    ouch_in(w, member, &in);
}

static inline void ouch_cancel(struct ouch_world *w, uint32_t member, uint32_t ref, uint32_t qty)
{
    ouch_in(w, member, &(struct rl_ouch_in){.type = 'X', .ref = ref, .qty = qty});
}

/* An option more; `bytes` has room for all of them, and starts as zeros. */
struct ouch_options {
    uint8_t bytes[RL_OUCH_MAX_MESSAGE];
    struct rl_ouch_option_writer w;
};

static inline void ouch_wish(struct rl_ouch_in *in, struct ouch_options *o, uint8_t tag,
                             uint64_t value)
{
    if (!o->w.bytes)
        o->w = (struct rl_ouch_option_writer){.bytes = o->bytes, .n_max = sizeof o->bytes};
    CHECK(rl_ouch_put_option_uint(&o->w, tag, value));
    in->options = rl_ouch_options_of(&o->w);
}

/* --- messages out ----------------------------------------------------------------------------- */

static inline const struct rl_ouch_out *ouch_next(struct ouch_world *w, uint32_t member,
                                                  uint8_t type)
{
    const struct ouch_told *t = &w->log[w->n_read % OUCH_LOG];

    if (w->n_read == w->n_told) {
        fprintf(stderr, "nothing was told, wanted '%c' for %u\n", type, member);
        exit(1);
    }
    w->n_read++;
    if (t->m.type != type || t->member != member) {
        fprintf(stderr, "told '%c' to %u (ref %u, reason %c, code %u), wanted '%c' to %u\n",
                t->m.type, t->member, t->m.ref, t->m.reason ? t->m.reason : '-', t->m.reject, type,
                member);
        exit(1);
    }
    return &t->m;
}

static inline void ouch_silence(const struct ouch_world *w)
{
    CHECK_EQ(w->n_told - w->n_read, 0);
}

static inline void ouch_rejected(struct ouch_world *w, uint32_t member, uint32_t ref, uint16_t code)
{
    const struct rl_ouch_out *m = ouch_next(w, member, 'J');

    CHECK_EQ(m->ref, ref);
    if (m->reject != code)
        fprintf(stderr, "%s, wanted %s\n", rl_ouch_reject_name(m->reject),
                rl_ouch_reject_name(code));
    CHECK_EQ(m->reject, code);
}

static inline void ouch_canceled(struct ouch_world *w, uint32_t member, uint32_t ref, uint32_t qty,
                                 uint8_t reason)
{
    const struct rl_ouch_out *m = ouch_next(w, member, 'C');

    CHECK_EQ(m->ref, ref);
    CHECK_EQ(m->qty, qty);
    CHECK_EQ(m->reason, reason);
}

static inline void ouch_executed(struct ouch_world *w, uint32_t member, uint32_t ref, uint32_t qty,
                                 double px, uint8_t liquidity)
{
    const struct rl_ouch_out *m = ouch_next(w, member, 'E');

    CHECK_EQ(m->ref, ref);
    CHECK_EQ(m->qty, qty);
    CHECK_EQ(m->px_nano, OUCH_NANO(px));
    CHECK_EQ(m->liquidity, liquidity);
}

static inline const struct rl_ouch_out *ouch_accepted(struct ouch_world *w, uint32_t member,
                                                      uint32_t ref)
{
    const struct rl_ouch_out *m = ouch_next(w, member, 'A');

    CHECK_EQ(m->ref, ref);
    CHECK_EQ(m->state, 'L');
    return m;
}

/* Entered, and it rests. */
static inline void ouch_rest(struct ouch_world *w, uint32_t member, uint32_t ref, uint8_t side,
                             uint32_t qty, double px)
{
    ouch_enter(w, member, ref, side, qty, px);
    CHECK_EQ(ouch_accepted(w, member, ref)->qty, qty);
    ouch_silence(w);
}

#endif
