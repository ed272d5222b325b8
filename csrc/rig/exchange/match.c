#include "rig/exchange/match.h"

#include <errno.h>
#include <string.h>
#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

#include "rig/exchange/match_inner.h"

/* --- memory ----------------------------------------------------------------------------------- */

static uint32_t n_stops_of(const struct rl_match_config *c)
{
    return c->n_stops > 0 && c->n_stops < c->n_orders ? c->n_stops : c->n_orders;
}

static struct rl_books_config books_config(const struct rl_match_config *c, uint32_t n_orders)
{
    return (struct rl_books_config){.n_instruments = c->n_instruments,
                                    .n_orders = n_orders,
                                    .n_levels_per_side = c->n_levels_per_side,
                                    .seed = c->seed};
}

/* Bytes of n elements, as the arena counts them. */
static size_t piece(uint64_t n, size_t n_bytes)
{
    return n * n_bytes + RL_CACHE_LINE;
}

size_t rl_match_bytes(const struct rl_match_config *c)
{
    uint32_t n_stops = n_stops_of(c);
    struct rl_books_config shown = books_config(c, c->n_orders), waiting = books_config(c, n_stops);
    uint64_t n_orders = (uint64_t)c->n_orders + n_stops;
    size_t n_shown = rl_books_bytes(&shown), n_waiting = rl_books_bytes(&waiting);

    if (n_shown == 0 || n_waiting == 0 || c->n_owners == 0 || c->n_owners == RL_MATCH_ANYBODY ||
        (c->n_trades & (c->n_trades - 1)) != 0 || c->tick_nano <= 0 ||
        c->trigger > RL_MATCH_TRIGGER_BEST)
        return 0;
    return n_shown + n_waiting + piece(c->n_instruments, sizeof(struct rl_match_instrument)) +
           piece(n_orders, sizeof(struct rl_match_order)) +
           piece(n_orders, sizeof(struct rl_match_extra)) +
           piece(n_stops, sizeof(struct rl_match_stop)) +
           piece(c->n_trades + 1ULL, sizeof(struct rl_match_trade)) +
           piece(c->n_orders, sizeof(uint32_t)) + piece(c->n_owners, sizeof(uint32_t)) +
           8 * RL_CACHE_LINE;
}

/* For rl_match_price_is_good: multiples of an odd number times its inverse are small. */
static void set_tick(struct rl_match *m, uint64_t tick)
{
    uint64_t odd, inverse;

    m->tick_shift = (uint32_t)__builtin_ctzll(tick);
    odd = tick >> m->tick_shift;
    inverse = odd; /* right in 3 bits; each step doubles them */
    for (int i = 0; i < 5; i++)
        inverse *= 2 - odd * inverse;
    m->tick_inverse = inverse;
    m->tick_limit = UINT64_MAX / tick;
}

int rl_match_init(struct rl_match *m, struct rl_arena *arena, const struct rl_match_config *c,
                  struct rl_match_sink sink)
{
    uint64_t n_orders;
    struct rl_books_config config;
    int err;

    if (rl_match_bytes(c) == 0)
        return -EINVAL;
    memset(m, 0, sizeof *m);
    m->config = *c;
    m->sink = sink;
    m->n_stops = n_stops_of(c);
    n_orders = (uint64_t)c->n_orders + m->n_stops;
    config = books_config(c, c->n_orders);
    err = rl_books_init(&m->books, arena, &config);
    if (err < 0)
        return err;
    config = books_config(c, m->n_stops);
    err = rl_books_init(&m->stops, arena, &config);
    if (err < 0)
        return err;
    m->instruments = rl_arena_take(arena, c->n_instruments * sizeof *m->instruments, RL_CACHE_LINE);
    m->orders = rl_arena_take(arena, n_orders * sizeof *m->orders, RL_CACHE_LINE);
    m->extras = rl_arena_take(arena, n_orders * sizeof *m->extras, RL_CACHE_LINE);
    m->waits = rl_arena_take(arena, m->n_stops * sizeof *m->waits, RL_CACHE_LINE);
    m->trades = rl_arena_take(arena, (c->n_trades + 1ULL) * sizeof *m->trades, RL_CACHE_LINE);
    m->heap = rl_arena_take(arena, c->n_orders * sizeof *m->heap, RL_CACHE_LINE);
    m->n_live = rl_arena_take(arena, c->n_owners * sizeof *m->n_live, RL_CACHE_LINE);
    if (!m->instruments || !m->orders || !m->extras || !m->waits || !m->trades || !m->heap ||
        !m->n_live)
        return -ENOMEM;
    for (uint32_t i = 0; i < c->n_instruments; i++)
        m->instruments[i] = (struct rl_match_instrument){
            .last_px_nano = RL_PX_NONE,
            .high_nano = INT64_MIN,
            .low_nano = INT64_MAX,
            .trail_nano = {RL_PX_NONE, RL_PX_NONE},
            .trailing = {RL_SLOT_NONE, RL_SLOT_NONE},
            .trailing_tail = {RL_SLOT_NONE, RL_SLOT_NONE},
        };
    m->next_expiry_ns = UINT64_MAX;
    set_tick(m, (uint64_t)c->tick_nano);
    /* What is open in all orders together is a number of 64 bits, at any price. */
    m->max_qty = UINT64_MAX / c->n_orders;
    if (c->max_qty > 0 && c->max_qty < m->max_qty)
        m->max_qty = c->max_qty;
    return 0;
}

/* --- events ----------------------------------------------------------------------------------- */

/* The words of an event that mean something: all before the end of `unused`. */
#define N_WORDS 14
_Static_assert(offsetof(struct rl_match_event, unused) + 2 == N_WORDS * sizeof(uint64_t), "words");

/* One step of CRC-32C over a word. */
static inline uint64_t crc_word(uint64_t crc, uint64_t word)
{
#ifdef __SSE4_2__
    return _mm_crc32_u64(crc, word);
#else
    crc ^= word;
    for (int i = 0; i < 64; i++)
        crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
    return crc;
#endif
}

/*
 * Four checksums over every fourth word, each of which goes on from event to event: as the words
 * of an event are spread, steps do not wait for each other.
 */
static inline void hash_event(uint64_t lanes[4], const struct rl_match_event *e)
{
    /* Not memcpy: what was just stored is there for loads of the same size only. */
    typedef const uint64_t __attribute__((may_alias)) words;
    words *w = (words *)e;

    for (unsigned i = 0; i < N_WORDS; i++)
        lanes[i % 4] = crc_word(lanes[i % 4], w[i]);
}

void rl_match_flush(struct rl_match *m)
{
    uint64_t lanes[4] = {m->lanes[0], m->lanes[1], m->lanes[2], m->lanes[3]};

    for (uint32_t i = 0; i < m->n_events; i++)
        hash_event(lanes, &m->events[i]);
    for (unsigned i = 0; i < 4; i++)
        m->lanes[i] = lanes[i];
    if (m->sink.told)
        m->sink.told(m->sink.context, m->events, m->n_events);
    m->n_events = 0;
}

/* --- questions -------------------------------------------------------------------------------- */

uint64_t rl_match_hash(const struct rl_match *m)
{
    uint64_t low = m->lanes[1] << 32 | m->lanes[0], high = m->lanes[3] << 32 | m->lanes[2];

    return rl_mix(low + rl_mix(high + m->seq));
}

const struct rl_books *rl_match_books(const struct rl_match *m)
{
    return &m->books;
}

const struct rl_books *rl_match_stops(const struct rl_match *m)
{
    return &m->stops;
}

bool rl_match_find(const struct rl_match *m, uint32_t instrument, uint64_t id,
                   struct rl_match_view *out)
{
    uint32_t n = RL_SLOT_NONE;
    const struct rl_match_order *a;
    uint64_t qty;
    bool waits;

    if (instrument < m->config.n_instruments)
        n = rl_match_lookup(m, instrument, id);
    if (instrument == RL_INSTRUMENT_ALL)
        for (uint32_t i = 0; i < m->config.n_instruments && n == RL_SLOT_NONE; i++)
            n = rl_match_lookup(m, i, id);
    if (n == RL_SLOT_NONE)
        return false;
    a = &m->orders[n];
    qty = rl_match_node(m, n)->qty;
    waits = rl_match_waits(m, n);
    *out = (struct rl_match_view){
        .user = a->user,
        .leaves = qty + rl_match_hidden(m, n),
        .shown = waits ? 0 : qty,
        .done = a->done,
        .expire_ns = a->flags & RL_MATCH_DATED ? m->extras[n].expire_ns : 0,
        .px_nano = waits ? m->waits[n - m->config.n_orders].px_nano : rl_match_level(m, n)->px_nano,
        .stop_px_nano = waits ? rl_match_level(m, n)->px_nano : RL_PX_NONE,
        .instrument = rl_match_node(m, n)->instrument,
        .owner = a->owner,
        .side = (uint8_t)rl_match_side(m, n),
        .type = a->type,
        .tif = a->tif,
        .stp = a->stp,
        .flags = a->flags & (RL_MATCH_POST_ONLY | RL_MATCH_ALL_OR_NONE),
    };
    return true;
}

int64_t rl_match_last_px(const struct rl_match *m, uint32_t instrument)
{
    return instrument < m->config.n_instruments ? m->instruments[instrument].last_px_nano
                                                : RL_PX_NONE;
}

enum rl_match_phase rl_match_phase_of(const struct rl_match *m, uint32_t instrument)
{
    return instrument < m->config.n_instruments
               ? (enum rl_match_phase)m->instruments[instrument].phase
               : RL_MATCH_CLOSED;
}

const char *rl_match_op_name(unsigned op)
{
    static const char *const names[] = {
#define RL_MATCH_NAME(name, text) text,
        RL_MATCH_OPS(RL_MATCH_NAME)};

    return op < RL_COUNT(names) ? names[op] : "?";
}

const char *rl_match_event_name(unsigned kind)
{
    static const char *const names[] = {RL_MATCH_EVENTS(RL_MATCH_NAME)};

    return kind < RL_COUNT(names) ? names[kind] : "?";
}

const char *rl_match_reason_text(unsigned reason)
{
    static const char *const texts[] = {RL_MATCH_REASONS(RL_MATCH_NAME)};
#undef RL_MATCH_NAME

    return reason < RL_COUNT(texts) ? texts[reason] : "?";
}
