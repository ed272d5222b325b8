/*
 * md_world - a venue, its market data publisher, and subscribers that must end up with its book.
 *
 * Everything that happens goes through rl_venue; packets are kept in order for each line, and a
 * subscriber is the product's own feed handler with the product's own books.
 */
#ifndef RL_TESTS_MD_WORLD_H
#define RL_TESTS_MD_WORLD_H

#include <string.h>

#include "check.h"

#include "market/feed/feed.h"
#include "rig/exchange/md_itch.h"
#include "rig/exchange/md_join.h"

#define WORLD_ORDERS 4096
#define WORLD_LEVELS 512
#define WORLD_OWNERS 4
#define WORLD_SPARE 2         /* instruments that can be listed later */
#define WORLD_TICK 10000000LL /* a cent */
#define WORLD_PACKETS 65536
#define WORLD_T0 1790000000000000000ULL
#define WORLD_IMAGE_MAX 4096 /* orders that a joiner takes */

struct world_packet {
    uint32_t at, n_bytes;
};

struct world {
    struct rl_arena arena;
    struct rl_venue venue;
    struct rl_md_itch md;
    uint32_t n_instruments;
    uint64_t now_ns;
    uint64_t random;
    /* What line A carried; B is checked to be the same. */
    struct world_packet packets[WORLD_PACKETS];
    uint32_t n_packets, n_on_b;
    uint8_t *bytes;
    uint32_t n_bytes, n_bytes_max;
    /* The last answer of the request port. */
    uint8_t answer[RL_MD_PACKET_MAX];
    uint32_t n_answer;
    uint64_t answered; /* handle */
    uint32_t n_answers;
    /* Events that the publisher is told otherwise than they were, or not at all (false). */
    bool (*lie)(struct rl_match_event *e);
    uint64_t n_kinds[RL_MATCH_N_EVENTS];
};

static void world_send(void *context, uint32_t line, const uint8_t *bytes, uint32_t n_bytes)
{
    struct world *w = context;
    struct world_packet *p;

    if (line == 1) { /* A first: B is its twin */
        CHECK_EQ(w->n_on_b + 1, w->n_packets);
        p = &w->packets[w->n_on_b++];
        CHECK(p->n_bytes == n_bytes && memcmp(w->bytes + p->at, bytes, n_bytes) == 0);
        return;
    }
    CHECK(w->n_packets < WORLD_PACKETS);
    if (w->n_bytes + n_bytes > w->n_bytes_max) {
        w->n_bytes_max = 2 * (w->n_bytes_max + n_bytes);
        w->bytes = realloc(w->bytes, w->n_bytes_max);
        CHECK(w->bytes != NULL);
    }
    w->packets[w->n_packets++] = (struct world_packet){w->n_bytes, n_bytes};
    memcpy(w->bytes + w->n_bytes, bytes, n_bytes);
    w->n_bytes += n_bytes;
}

static void world_answer(void *context, uint64_t handle, const uint8_t *bytes, uint32_t n_bytes)
{
    struct world *w = context;

    memcpy(w->answer, bytes, n_bytes);
    w->n_answer = n_bytes;
    w->answered = handle;
    w->n_answers++;
}

static void world_told(void *context, const struct rl_match_event *e)
{
    struct world *w = context;
    struct rl_match_event told = *e;

    w->n_kinds[e->kind]++;
    if (!w->lie || w->lie(&told))
        rl_md_itch_told(&w->md, &told);
}

static inline struct rl_md_itch_config world_md_config(struct world *w)
{
    return (struct rl_md_itch_config){.venue = &w->venue,
                                      .session = "20260922A",
                                      .n_orders = WORLD_ORDERS,
                                      .n_levels_per_side = WORLD_LEVELS,
                                      .send = world_send,
                                      .answer = world_answer,
                                      .context = w};
}

/* `md` may be NULL: the usual one. */
static inline void world_open(struct world *w, uint32_t n_instruments,
                              const struct rl_md_itch_config *md)
{
    struct rl_venue_config config = {.match = {.n_instruments = n_instruments + WORLD_SPARE,
                                               .n_orders = WORLD_ORDERS,
                                               .n_levels_per_side = WORLD_LEVELS,
                                               .n_owners = WORLD_OWNERS,
                                               .n_trades = 1024,
                                               .tick_nano = WORLD_TICK,
                                               .max_qty = 1000000,
                                               .seed = 1}};
    struct rl_md_itch_config c;
    uint64_t random = w->random;

    memset(w, 0, sizeof *w);
    c = md ? *md : world_md_config(w);
    w->random = random ? random : 1;
    w->now_ns = WORLD_T0;
    w->n_instruments = n_instruments;
    c.n_instruments = n_instruments + WORLD_SPARE;
    c.books = (const struct rl_books *)w; /* some, for the size */
    CHECK_EQ(rl_arena_open(&w->arena, rl_venue_bytes(&config) + rl_md_itch_bytes(&c), 0), 0);
    CHECK_EQ(rl_venue_init(&w->venue, &w->arena, &config), 0);
    for (uint32_t i = 0; i < n_instruments; i++) {
        char symbol[16];

        snprintf(symbol, sizeof symbol, "S%03u", i);
        CHECK_EQ(rl_venue_list(&w->venue, symbol), i);
    }
    for (int i = 0; i < WORLD_OWNERS; i++)
        CHECK_EQ(rl_venue_join(&w->venue, &(struct rl_venue_member_config){0}), i);
    c.books = rl_match_books(w->venue.match);
    CHECK(rl_md_itch_objection(&config.match) == NULL);
    CHECK_EQ(rl_md_itch_init(&w->md, &w->arena, &c), 0);
    CHECK_EQ(rl_venue_feed(&w->venue, world_told, w), 0);
    rl_md_itch_start(&w->md, w->now_ns);
}

static inline void world_close(struct world *w)
{
    rl_arena_close(&w->arena);
    free(w->bytes);
    w->bytes = NULL;
}

static inline uint64_t world_turn(struct world *w)
{
    return rl_md_itch_turn(&w->md, w->now_ns);
}

static inline void world_ask(struct world *w, struct rl_match_request r)
{
    w->now_ns += 1000;
    CHECK(rl_venue_ask(&w->venue, &r, w->now_ns));
}

/* --- requests --------------------------------------------------------------------------------- */

static inline int64_t world_px(int64_t ticks)
{
    return ticks * WORLD_TICK;
}

static inline struct rl_match_request world_limit(struct world *w, enum rl_side side, int64_t ticks,
                                                  uint64_t qty)
{
    return (struct rl_match_request){.op = RL_MATCH_NEW,
                                     .id = rl_venue_take_id(&w->venue),
                                     .type = RL_MATCH_LIMIT,
                                     .tif = RL_MATCH_GTC,
                                     .side = (uint8_t)side,
                                     .px_nano = world_px(ticks),
                                     .qty = qty};
}

static inline uint64_t world_roll(struct world *w, uint64_t n)
{
    return check_random(&w->random) % n;
}

/* A new order of any kind, most of them limit orders near 100.00. */
static inline struct rl_match_request world_random_new(struct world *w)
{
    static const uint8_t types[] = {RL_MATCH_LIMIT,
                                    RL_MATCH_LIMIT,
                                    RL_MATCH_LIMIT,
                                    RL_MATCH_LIMIT,
                                    RL_MATCH_LIMIT,
                                    RL_MATCH_LIMIT,
                                    RL_MATCH_MARKET,
                                    RL_MATCH_STOP,
                                    RL_MATCH_STOP_LIMIT,
                                    RL_MATCH_TRAILING_STOP,
                                    RL_MATCH_TRAILING_STOP_LIMIT};
    static const uint8_t tifs[] = {RL_MATCH_DAY, RL_MATCH_GTC, RL_MATCH_GTC, RL_MATCH_GTC,
                                   RL_MATCH_IOC, RL_MATCH_FOK, RL_MATCH_GTD, RL_MATCH_AT_OPEN};
    enum rl_side side = (enum rl_side)world_roll(w, 2);
    int64_t away = (int64_t)world_roll(w, 12) - 3;
    struct rl_match_request r =
        world_limit(w, side, 10000 + (side == RL_BUY ? -away : away), 1 + world_roll(w, 100));

    r.type = types[world_roll(w, sizeof types)];
    r.tif = tifs[world_roll(w, sizeof tifs)];
    r.stp = world_roll(w, 4) ? RL_MATCH_STP_NONE : (uint8_t)world_roll(w, RL_MATCH_N_STPS);
    r.expire_ns = w->now_ns + world_roll(w, 2000000);
    r.stop_px_nano = r.px_nano + (int64_t)(world_roll(w, 9))*WORLD_TICK - 4 * WORLD_TICK;
    r.slippage_nano = world_roll(w, 2) ? -1 : (int64_t)world_roll(w, 5) * WORLD_TICK;
    r.trail_nano = (int64_t)(1 + world_roll(w, 5)) * WORLD_TICK;
    r.trail_step_nano = WORLD_TICK;
    if (r.type == RL_MATCH_LIMIT && world_roll(w, 5) == 0)
        r.show_qty = 1 + world_roll(w, 20);
    if (r.type == RL_MATCH_LIMIT && world_roll(w, 12) == 0)
        r.flags = RL_MATCH_ALL_OR_NONE;
    if (r.type == RL_MATCH_LIMIT && world_roll(w, 12) == 0)
        r.flags |= RL_MATCH_POST_ONLY;
    if (world_roll(w, 12) == 0)
        r.min_qty = 1 + world_roll(w, r.qty);
    return r;
}

/* The order that is shown `n` places into some queue, 0: there is none. */
static inline uint64_t world_shown(struct world *w, uint32_t instrument, uint32_t *owner)
{
    const struct rl_books *b = rl_match_books(w->venue.match);
    struct rl_book_depth levels[8];
    enum rl_side side = (enum rl_side)world_roll(w, 2);
    uint32_t n = rl_books_depth(b, instrument, side, levels, 8);
    const struct rl_book_order *o;
    struct rl_match_view view;

    if (n == 0)
        return 0;
    o = rl_books_front_at(b, instrument, side, levels[world_roll(w, n)].px_nano);
    for (uint64_t k = world_roll(w, 4); k > 0 && rl_books_behind(b, o); k--)
        o = rl_books_behind(b, o);
    CHECK(rl_match_find(w->venue.match, instrument, o->id, &view));
    *owner = view.owner;
    return o->id;
}

/* One random request of somebody, or of the venue itself. */
static inline void world_random_request(struct world *w)
{
    uint32_t instrument = (uint32_t)world_roll(w, w->n_instruments);
    struct rl_match_request r = {.instrument = instrument};
    uint64_t what = world_roll(w, 1000);
    struct rl_match_view view;
    int64_t away;

    if (what < 450) {
        r = world_random_new(w);
        r.instrument = instrument;
        r.owner = (uint32_t)world_roll(w, WORLD_OWNERS);
        world_ask(w, r);
    } else if (what < 978) {
        r.id = world_shown(w, instrument, &r.owner);
        if (r.id == 0)
            return;
        r.op = what < 700   ? RL_MATCH_REPLACE
               : what < 850 ? RL_MATCH_MODIFY
               : what < 910 ? RL_MATCH_REDUCE
                            : RL_MATCH_CANCEL;
        r.new_id = world_roll(w, 3) ? rl_venue_take_id(&w->venue) : r.id;
        r.qty = 1 + world_roll(w, r.op == RL_MATCH_REDUCE ? 20 : 100);
        r.show_qty = world_roll(w, 4) ? 0 : 1 + world_roll(w, 20);
        CHECK(rl_match_find(w->venue.match, instrument, r.id, &view));
        away = (int64_t)world_roll(w, 14) - 2;
        r.px_nano = world_px(10000 + (view.side == RL_BUY ? -away : away));
        if (world_roll(w, 2)) { /* where it is: it may keep its place */
            r.px_nano = view.px_nano;
            r.qty = 1 + world_roll(w, view.leaves);
        }
        world_ask(w, r);
    } else {
        w->now_ns += 1000;
        r.op = what < 980                             ? RL_MATCH_MATCHING
               : what < 994                           ? RL_MATCH_PHASE
               : what == 994 && world_roll(w, 4) == 0 ? RL_MATCH_MASS_CANCEL
               : what < 999                           ? RL_MATCH_BUST
                                                      : RL_MATCH_DAY_END;
        r.qty = world_roll(w, 4) > 0; /* matching: mostly on */
        if (r.op == RL_MATCH_PHASE)
            r.phase = w->venue.instruments[instrument].phase != RL_MATCH_OPEN || world_roll(w, 2)
                          ? RL_MATCH_OPEN
                          : (uint8_t)world_roll(w, RL_MATCH_N_PHASES);
        r.owner = (uint32_t)world_roll(w, WORLD_OWNERS);
        r.side = RL_MATCH_BOTH_SIDES;
        r.match = 1 + world_roll(w, 400);
        rl_venue_decide(&w->venue, &r, w->now_ns);
    }
}

/* --- subscribers ------------------------------------------------------------------------------ */

struct subscriber {
    struct rl_arena arena;
    struct rl_feed feed;
    struct rl_books books;
    struct rl_md_join join;
    uint32_t n_read;    /* packets of the world, for who reads them in order */
    uint64_t n_refused; /* updates that the books did not like */
};

/* `lines` NULL: one line without arbitration. */
static inline void subscriber_open(struct subscriber *s, uint32_t n_instruments,
                                   const struct rl_lines_config *lines)
{
    struct rl_feed_config feed = {
        .kind = RL_FEED_ITCH, .mold = true, .n_instruments = n_instruments, .lines = lines};
    struct rl_books_config books = {.n_instruments = n_instruments,
                                    .n_orders = WORLD_ORDERS,
                                    .n_levels_per_side = WORLD_LEVELS,
                                    .seed = 1};

    memset(s, 0, sizeof *s);
    CHECK_EQ(rl_arena_open(&s->arena,
                           rl_feed_bytes(&feed) + rl_books_bytes(&books) +
                               rl_md_join_bytes(WORLD_IMAGE_MAX),
                           0),
             0);
    CHECK_EQ(rl_feed_init(&s->feed, &s->arena, &feed), 0);
    CHECK_EQ(rl_books_init(&s->books, &s->arena, &books), 0);
    CHECK_EQ(rl_md_join_init(&s->join, &s->arena, &s->feed, &s->books, WORLD_IMAGE_MAX), 0);
}

static inline void subscriber_close(struct subscriber *s)
{
    rl_arena_close(&s->arena);
}

static inline uint64_t books_complaints(const struct rl_books *b)
{
    return b->n.unknown_ids + b->n.duplicate_ids + b->n.over_reduced + b->n.unknown_levels +
           b->n.orders_full + b->n.levels_full + b->n.bad_instruments + b->n.bad_values +
           b->n.bad_ops;
}

static inline void subscriber_read(struct subscriber *s, struct rl_feed_cursor *c)
{
    struct rl_update u;

    while (rl_feed_next(&s->feed, c, &u))
        (void)rl_books_apply(&s->books, &u);
    s->n_refused = books_complaints(&s->books);
}

static inline void subscriber_push(struct subscriber *s, uint32_t line, const void *packet,
                                   uint32_t n_bytes, uint64_t now_ns)
{
    struct rl_feed_cursor c;

    if (rl_feed_push(&s->feed, line, packet, n_bytes, now_ns, &c))
        subscriber_read(s, &c);
}

static inline void subscriber_poll(struct subscriber *s, uint64_t now_ns)
{
    struct rl_feed_cursor c;

    if (rl_feed_poll(&s->feed, now_ns, &c))
        subscriber_read(s, &c);
}

/* All packets that the world has sent since. */
static inline void subscriber_follow(struct subscriber *s, const struct world *w)
{
    for (; s->n_read < w->n_packets; s->n_read++) {
        const struct world_packet *p = &w->packets[s->n_read];

        subscriber_push(s, 0, w->bytes + p->at, p->n_bytes, w->now_ns);
    }
}

/* --- agreement -------------------------------------------------------------------------------- */

static inline uint64_t world_hash(const struct world *w)
{
    const struct rl_books *b = rl_match_books(w->venue.match);
    struct rl_book_depth levels[WORLD_LEVELS];
    uint64_t h = 0;

    for (uint32_t i = 0; i < w->n_instruments; i++)
        for (int side = RL_BUY; side <= RL_SELL; side++) {
            uint32_t n = rl_books_depth(b, i, (enum rl_side)side, levels, WORLD_LEVELS);

            for (uint32_t k = 0; k < n; k++) {
                const struct rl_book_order *o =
                    rl_books_front_at(b, i, (enum rl_side)side, levels[k].px_nano);

                for (; o; o = rl_books_behind(b, o))
                    h += rl_books_hash_one(i, rl_md_itch_ref(&w->md, i, o->id), (unsigned)side,
                                           levels[k].px_nano, o->qty);
            }
        }
    return h;
}

/* Every queue in its order. */
static inline bool queues_agree(const struct world *w, const struct subscriber *s)
{
    const struct rl_books *b = rl_match_books(w->venue.match);
    struct rl_book_depth levels[WORLD_LEVELS];

    for (uint32_t i = 0; i < w->n_instruments; i++)
        for (int side = RL_BUY; side <= RL_SELL; side++) {
            uint32_t n = rl_books_depth(b, i, (enum rl_side)side, levels, WORLD_LEVELS);

            if (n != rl_books_n_levels(&s->books, i, (enum rl_side)side))
                return false;
            for (uint32_t k = 0; k < n; k++) {
                const struct rl_book_order *o =
                    rl_books_front_at(b, i, (enum rl_side)side, levels[k].px_nano);
                const struct rl_book_order *heard =
                    rl_books_front_at(&s->books, i, (enum rl_side)side, levels[k].px_nano);

                for (; o && heard; o = rl_books_behind(b, o)) {
                    if (rl_md_itch_ref(&w->md, i, o->id) != heard->id || o->qty != heard->qty)
                        return false;
                    heard = rl_books_behind(&s->books, heard);
                }
                if (o || heard)
                    return false;
            }
        }
    return true;
}

static inline bool books_agree(const struct world *w, const struct subscriber *s)
{
    return s->n_refused == 0 && rl_books_hash(&s->books) == world_hash(w) && queues_agree(w, s);
}

#endif
