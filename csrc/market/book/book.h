/*
 * book - the order books of all instruments of a feed: queues of orders and anonymous levels.
 *
 * Threads:  one writer, who is the only reader.
 * Memory:   everything is taken from the arena by init; nothing is allocated afterwards. Full pools
 *           refuse the update and count it.
 * Cost:     an update touches one index line, one order, one level and the queue neighbours. Levels
 *           of a side are an array sorted towards the best price, searched from there: most updates
 *           fall on the first few ranks. Any price of 64 bits has its place; nothing recentres.
 *
 * What a hostile or damaged feed says is survived and counted: unknown and duplicate ids,
 * reductions beyond the quantity, quantities of zero, instruments out of range. No such update
 * changes the book, except that a reduction beyond the quantity deletes the order.
 */
#ifndef RL_MARKET_BOOK_H
#define RL_MARKET_BOOK_H

#include "base/defs.h"
#include "base/money.h"
#include "market/update.h"

struct rl_arena;

/* X(name, what was seen) */
#define RL_BOOKS_COUNTERS(X)                                                                 \
    X(updates, "updates applied or refused")                                                 \
    X(unknown_ids, "reduce, delete, replace or modify of an order that is not there")        \
    X(duplicate_ids, "add or replace to an id that is live; refused")                        \
    X(over_reduced, "reductions beyond the order's quantity; the order is deleted")          \
    X(unknown_levels, "removals of an anonymous level that is not there")                    \
    X(orders_full, "orders refused: the order pool is full")                                 \
    X(levels_full, "orders or levels refused: the level pool or the side is full")           \
    X(bad_instruments, "updates of an instrument out of range")                              \
    X(bad_values, "orders of quantity 0 or without price, levels that would exceed 64 bits") \
    X(bad_ops, "updates with an unknown operation or side")

struct rl_books_counters {
#define RL_BOOKS_MEMBER(name, text) uint64_t name;
    RL_BOOKS_COUNTERS(RL_BOOKS_MEMBER)
#undef RL_BOOKS_MEMBER
};

struct rl_books_config {
    uint32_t n_instruments;
    uint32_t n_orders;          /* live at once, all instruments together */
    uint32_t n_levels_per_side; /* most price levels that one side may have */
    uint32_t n_levels;          /* live at once, all together; 0: what the others suggest */
};

/* No order, no level. */
#define RL_SLOT_NONE UINT32_MAX

/* Price and side are its level's. Two to a cache line. */
struct rl_book_order {
    uint64_t id;
    uint64_t qty;
    uint32_t instrument;
    uint32_t level; /* free: the next free slot */
    uint32_t prev;  /* towards the front of the queue */
    uint32_t next;
};
_Static_assert(sizeof(struct rl_book_order) == 32, "two orders to a line");

/* One price of one side. `qty` beyond the sum of its orders is anonymous. Two to a cache line. */
struct rl_book_level {
    int64_t px_nano;
    uint64_t qty;
    uint32_t n_orders;
    uint32_t head; /* first in the queue */
    uint32_t tail;
    uint32_t owner; /* instrument * 2 + side; free: the next free slot */
};
_Static_assert(sizeof(struct rl_book_level) == 32, "two levels to a line");

/*
 * An element of a side's sorted array: how good a price is, and where its level lies. The rank of a
 * bid is its price, that of an offer the price's complement: on both sides the array ascends, the
 * best is the last, and no price overflows.
 */
struct rl_book_key {
    int64_t rank;
    uint32_t level;
    uint32_t unused;
};

static inline int64_t rl_book_rank(unsigned side, int64_t px_nano)
{
    return side == RL_BUY ? px_nano : ~px_nano;
}

/* One instrument, one line. */
struct rl_book {
    RL_ALIGNED struct rl_bbo bbo;
    uint32_t n_levels[2];
    uint32_t n_orders[2];
    struct rl_book_key *keys[2];
};
_Static_assert(sizeof(struct rl_book) == RL_CACHE_LINE, "what an update asks first is one line");

/* Keys lie in blocks of RL_BOOK_KEYS_MIN << class; a side that outgrows one takes the next. */
#define RL_BOOK_KEYS_MIN 16
#define RL_BOOK_KEY_CLASSES 28
#define RL_BOOK_NO_KEYS 0xFF

/* The id index: linear probing, at most half full, deleted by shifting back (no tombstones). */
struct rl_book_slot {
    uint64_t id;
    uint32_t instrument;
    uint32_t order; /* RL_SLOT_NONE: free */
};

struct rl_books {
    struct rl_book *books;
    struct rl_book_order *orders;
    struct rl_book_level *levels;
    struct rl_book_slot *index;
    struct rl_book_key *keys; /* blocks of keys are cut off here ... */
    uint8_t *key_classes;     /* of instrument * 2 + side; RL_BOOK_NO_KEYS: no block yet */
    uint32_t index_mask;
    uint32_t n_instruments;
    uint32_t n_orders_max;
    uint32_t n_levels_max;
    uint32_t n_levels_per_side;
    uint32_t free_order;
    uint32_t free_level;
    uint32_t n_orders; /* live */
    uint32_t n_levels; /* live */
    uint64_t n_keys_max;
    uint64_t n_keys_cut;
    uint64_t free_keys[RL_BOOK_KEY_CLASSES]; /* ... and come back here: 1 + the first's index */
    uint32_t touched; /* the instrument of the last update; RL_INSTRUMENT_ALL after a reset */
    struct rl_books_counters n;
};

/* Bytes that init takes from the arena, alignment included; 0 when the config cannot be served. */
size_t rl_books_bytes(const struct rl_books_config *config);

/* -EINVAL for zeros or numbers beyond 32-bit slots, -ENOMEM when the arena has too little left. */
int rl_books_init(struct rl_books *b, struct rl_arena *arena, const struct rl_books_config *config);

/* True when the best price or its quantity, on either side, of instrument b->touched changed. */
bool rl_books_apply(struct rl_books *b, const struct rl_update *u);

/* Integrity: every queue, level, key, index slot, sum, free list. 0, or -EBADMSG and a sentence. */
int rl_books_check(const struct rl_books *b, const char **what);

/*
 * The state as one number, independent of the order in which orders came to be: the wrapping sum of
 * rl_books_hash_one over all live orders, and over the anonymous rest of each level with id 0.
 */
uint64_t rl_books_hash(const struct rl_books *b);

static inline uint64_t rl_books_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xBF58476D1CE4E5B9ULL;
    x ^= x >> 27;
    x *= 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

static inline uint64_t rl_books_hash_one(uint32_t instrument, uint64_t id, unsigned side,
                                         int64_t px_nano, uint64_t qty)
{
    uint64_t h = rl_books_mix(((uint64_t)instrument << 1 | side) + 0x9E3779B97F4A7C15ULL);

    h = rl_books_mix(h ^ id);
    h = rl_books_mix(h + (uint64_t)px_nano);
    return rl_books_mix(h ^ qty);
}

static inline uint32_t rl_books_slot_of(const struct rl_books *b, uint32_t instrument, uint64_t id)
{
    /* Ids count up on most venues: a multiplication spreads them, its high half is the good one. */
    uint64_t h = (id ^ (uint64_t)instrument << 40) * 0x9E3779B97F4A7C15ULL;

    return (uint32_t)(h >> 32) & b->index_mask;
}

/* Starts fetching what `u` will touch: call it one or two updates ahead. */
static inline void rl_books_prefetch(const struct rl_books *b, const struct rl_update *u)
{
    __builtin_prefetch(&b->index[rl_books_slot_of(b, u->instrument, u->id)]);
    if (RL_LIKELY(u->instrument < b->n_instruments))
        __builtin_prefetch(&b->books[u->instrument]);
}

/* The best of both sides; an instrument out of range has an empty book. */
static inline void rl_books_bbo(const struct rl_books *b, uint32_t instrument, struct rl_bbo *bbo)
{
    if (RL_LIKELY(instrument < b->n_instruments))
        *bbo = b->books[instrument].bbo;
    else
        *bbo = (struct rl_bbo){{RL_PX_NONE, RL_PX_NONE}, {0, 0}};
}

struct rl_book_depth {
    int64_t px_nano;
    uint64_t qty;
    uint32_t n_orders;
};

/* The best `n` levels of a side, best first; returns how many there were. */
uint32_t rl_books_depth(const struct rl_books *b, uint32_t instrument, enum rl_side side,
                        struct rl_book_depth *out, uint32_t n);

static inline uint32_t rl_books_n_levels(const struct rl_books *b, uint32_t instrument,
                                         enum rl_side side)
{
    return instrument < b->n_instruments ? b->books[instrument].n_levels[side] : 0;
}

static inline uint32_t rl_books_n_orders(const struct rl_books *b, uint32_t instrument,
                                         enum rl_side side)
{
    return instrument < b->n_instruments ? b->books[instrument].n_orders[side] : 0;
}

/* A live order, or NULL. `*px_nano` and `*side` may be NULL. */
const struct rl_book_order *rl_books_find(const struct rl_books *b, uint32_t instrument,
                                          uint64_t id, int64_t *px_nano, enum rl_side *side);

/* How many orders stand before this one in its queue; RL_SLOT_NONE when it is not there. */
uint32_t rl_books_queue_rank(const struct rl_books *b, uint32_t instrument, uint64_t id);

#endif
