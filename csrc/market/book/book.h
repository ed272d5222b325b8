/*
 * book - the order books of all instruments of a feed: queues of orders and anonymous levels.
 *
 * Threads:  one writer, who is the only one to read this; other threads read the views (view.h).
 * Memory:   everything is taken from the arena by init; nothing is allocated afterwards. Full pools
 *           refuse the update and count it.
 * Cost:     an update touches a table line, an order, its level, the queue neighbours and the
 *           book's line. Levels of a side are an array sorted towards the best price, searched from
 *           there: most updates fall on the first few ranks. Any price of 64 bits has its place;
 *           nothing recentres.
 *
 * What a hostile or damaged feed says is survived and counted: unknown and duplicate ids,
 * reductions beyond the quantity, quantities of zero, instruments out of range. No such update
 * changes the book, except that a reduction beyond the quantity deletes the order.
 */
#ifndef RL_MARKET_BOOK_H
#define RL_MARKET_BOOK_H

#include <stdatomic.h>

#include "base/defs.h"
#include "base/mix.h"
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
    X(bad_ops, "updates with an unknown operation or side")                                  \
    X(locked, "times that the best bid came to equal the best offer")                        \
    X(crossed, "times that the best bid came to exceed the best offer")

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
    uint64_t seed;              /* of the table's second look (table.h); 0: drawn by init */
};

/* No order, no level. */
#define RL_SLOT_NONE UINT32_MAX

/* An order's number has so many bits. */
#define RL_BOOK_ORDER_BITS 28

/* Price and side are its level's. Two to a cache line. */
struct rl_book_order {
    uint64_t id;
    uint64_t qty;
    uint32_t instrument;
    uint32_t level; /* free: the next free order */
    uint32_t prev;  /* towards the front of the queue */
    uint32_t next;
};

/* One price of one side. `qty` beyond the sum of its orders is anonymous. Two to a cache line. */
struct rl_book_level {
    int64_t px_nano;
    uint64_t qty;
    uint32_t n_orders;
    uint32_t owner : 27; /* instrument * 2 + side */
    uint32_t cell : 5;   /* where a view shows it: view.h */
    uint32_t tail;       /* last in the queue */
    uint32_t head;       /* first in the queue; free: the next free level */
};

/*
 * A queue is a ring of node numbers that passes through its level: before the first order and
 * behind the last one is the level. So nothing that is linked in or out need ask whether it stands
 * at an end. An order's number is below n_orders_max, a level's is not.
 */
union rl_book_node {
    struct rl_book_order order;
    struct rl_book_level level;
};
_Static_assert(sizeof(union rl_book_node) == 32, "two to a line");
_Static_assert(offsetof(struct rl_book_order, prev) == offsetof(struct rl_book_level, tail) &&
                   offsetof(struct rl_book_order, next) == offsetof(struct rl_book_level, head),
               "a level is linked as an order is");

/* How many levels of a side readers see; view.h says how. */
#define RL_VIEW_LEVELS 10

/* The cell of all levels beyond them: no rank names it, so what is told it nobody sees. */
#define RL_CELL_NONE (2u * RL_VIEW_LEVELS)

static inline uint32_t rl_level_instrument(const struct rl_book_level *l)
{
    return (uint32_t)l->owner >> 1;
}

static inline unsigned rl_level_side(const struct rl_book_level *l)
{
    return l->owner & 1u;
}

/* What the best prices say about a market. */
enum rl_book_state {
    RL_BOOK_EMPTY = 0,
    RL_BOOK_ONE_SIDED,
    RL_BOOK_OPEN,
    RL_BOOK_LOCKED, /* bid equals offer */
    RL_BOOK_CROSSED /* bid above offer */
};

/* "empty", "one-sided" ...; "?" for a number that is no state. */
const char *rl_book_state_name(unsigned state);

static inline enum rl_book_state rl_bbo_state(const struct rl_bbo *bbo)
{
    int64_t bid = bbo->px_nano[RL_BUY], offer = bbo->px_nano[RL_SELL];

    if (bid == RL_PX_NONE || offer == RL_PX_NONE)
        return bid == offer ? RL_BOOK_EMPTY : RL_BOOK_ONE_SIDED;
    return bid < offer ? RL_BOOK_OPEN : bid == offer ? RL_BOOK_LOCKED : RL_BOOK_CROSSED;
}

/*
 * How good a price is, as a number that ascends towards the best on both sides: a bid's price, an
 * offer's negated. No price has the rank of RL_PX_NONE.
 */
static inline int64_t rl_book_rank(unsigned side, int64_t px_nano)
{
    uint64_t is_offer = -(uint64_t)side;

    return (int64_t)(((uint64_t)px_nano ^ is_offer) - is_offer);
}

struct rl_view_cell {
    _Atomic uint64_t px_nano;
    _Atomic uint64_t qty;
    _Atomic uint64_t n_orders;
};

/*
 * One instrument. What an update asks first, and what it tells readers first, is one line: so being
 * read costs the writer the line of one cell and no more. The plain members are the writer's.
 */
struct rl_book {
    RL_ALIGNED _Atomic uint64_t sequence; /* odd while the writer is at it */
    _Atomic uint64_t seq;      /* rl_update.seq of the last update that changed the book */
    _Atomic uint64_t ts_ns;    /* ... and its ts_ns */
    _Atomic uint64_t ranks[2]; /* nibble i: the cell of the i-th best; from bit 40: how many */
    uint32_t best[2];          /* levels; of an empty side, rl_books.nobody */
    uint32_t n_levels[2];
    uint32_t keys[2];                            /* where its keys are: ladder.h */
    struct rl_view_cell cells[RL_CELL_NONE + 1]; /* of the bids, of the offers, of the rest */
};
_Static_assert(offsetof(struct rl_book, cells) == RL_CACHE_LINE, "what is asked first is one line");

/* All books, and what readers map: no pointers, and of one size for so many instruments. */
struct rl_views {
    RL_ALIGNED uint64_t magic;
    uint64_t n_bytes; /* of all */
    uint32_t n_instruments;
    uint32_t n_levels;                     /* RL_VIEW_LEVELS of the writer's build */
    RL_ALIGNED _Atomic uint64_t published; /* the number that rl_views_publish was last told */
    struct rl_book books[];
};

/*
 * A key is a rank and the number of its level, in two arrays with the same places: a search reads
 * ranks only. Keys lie in blocks of RL_BOOK_KEYS_MIN << class behind as many RL_PX_NONE as a search
 * looks at together; a side that outgrows a block takes the next size. rl_book.keys has where the
 * keys begin, in RL_BOOK_KEYS_MIN, below the class.
 */
#define RL_BOOK_KEYS_MIN 32
#define RL_BOOK_KEY_CLASSES 26
#define RL_BOOK_KEYS_BITS 27

struct rl_books {
    struct rl_book *books;     /* views->books */
    union rl_book_node *nodes; /* n_orders_max orders, `nobody`, n_levels_max levels */
    uint32_t *table;           /* table.h; mask + 1 places */
    int64_t *ranks;
    uint32_t *slots;        /* the level that has ranks[i] */
    uint8_t *states;        /* enum rl_book_state of each instrument */
    struct rl_views *views; /* that `books` are in: shown to readers, or our own */
    struct rl_views *own;
    struct rl_book **unpublished; /* whose views are being written */
    bool is_held;                 /* rl_views_hold */
    uint64_t seed;
    uint32_t mask;
    uint32_t n_instruments;
    uint32_t n_orders_max;
    uint32_t n_levels_max;
    uint32_t n_levels_per_side;
    uint32_t nobody; /* a level without price and quantity */
    uint32_t n_unpublished;
    uint32_t free_order;
    uint32_t free_level;
    uint32_t n_orders; /* live */
    uint32_t n_levels; /* live */
    uint32_t touched;  /* the instrument of the last update; RL_INSTRUMENT_ALL after a reset */
    uint64_t n_keys_max;
    uint64_t n_keys_cut;                     /* blocks of keys are cut off here ... */
    uint64_t free_keys[RL_BOOK_KEY_CLASSES]; /* ... and come back here: their `keys`, 0 none */
    struct rl_books_counters n;
};

/* Bytes that init takes from the arena, alignment included; 0 when the config cannot be served. */
size_t rl_books_bytes(const struct rl_books_config *config);

/* -EINVAL for zeros or more than can be numbered, -ENOMEM when the arena has too little left. */
int rl_books_init(struct rl_books *b, struct rl_arena *arena, const struct rl_books_config *config);

/* For apply.c: every order and level is free, every book empty. */
void rl_books_free_all(struct rl_books *b);

/* For apply.c: a block of the next size for a side that is full; false when none is left. */
bool rl_books_grow_keys(struct rl_books *b, struct rl_book *book, unsigned side);

/* True when the best price or its quantity, on either side, of instrument b->touched changed. */
bool rl_books_apply(struct rl_books *b, const struct rl_update *u);

/*
 * As rl_books_apply of REPLACE and DELETE, for those who know already which order it is: u->id and
 * u->instrument are its, `order` is its place in b->nodes. Made for moves of any depth. replace is
 * false when it was refused, delete when the best price and its quantity stayed.
 */
bool rl_books_replace(struct rl_books *b, uint32_t order, const struct rl_update *u);
bool rl_books_delete(struct rl_books *b, uint32_t order, const struct rl_update *u);

/*
 * Gives a live order another id; it keeps its place. False when it is not there, or another has
 * that id. No view shows ids.
 */
bool rl_books_rename(struct rl_books *b, uint32_t instrument, uint64_t id, uint64_t new_id);

/* Integrity: every queue, level, key, place, sum, list, view. 0, or -EBADMSG and a sentence. */
int rl_books_check(const struct rl_books *b, const char **what);

/*
 * The state as one number, independent of the order in which orders came to be: the wrapping sum of
 * rl_books_hash_one over all live orders, and over the anonymous rest of each level with id 0.
 */
uint64_t rl_books_hash(const struct rl_books *b);

static inline uint64_t rl_books_hash_one(uint32_t instrument, uint64_t id, unsigned side,
                                         int64_t px_nano, uint64_t qty)
{
    uint64_t h = rl_mix(((uint64_t)instrument << 1 | side) + 0x9E3779B97F4A7C15ULL);

    h = rl_mix(h ^ id);
    h = rl_mix(h + (uint64_t)px_nano);
    return rl_mix(h ^ qty);
}

/*
 * The place of the table that names an order unless another was there first. Ids that follow each
 * other lie beside each other; folding the high bits in serves venues that count in those.
 */
static inline uint32_t rl_books_home(const struct rl_books *b, uint64_t id)
{
    uint64_t folded = id ^ id >> 32;

    return (uint32_t)(folded ^ folded >> 16) & b->mask;
}

/* --- looking ahead: hints to the caches, which change nothing --------------------------------- */

/*
 * The order in the home of `id`: most often that id's; a number that is no order's when it is free.
 */
static inline uint32_t rl_books_guess(const struct rl_books *b, uint64_t id)
{
    return (b->table[rl_books_home(b, id)] & ((1U << RL_BOOK_ORDER_BITS) - 1)) - 1;
}

/* Starts fetching element i; an i of rubbish is harmless, since hints never fault. */
static inline void rl_books_hint(const void *array, size_t n_bytes, uint32_t i)
{
    __builtin_prefetch((const void *)((uintptr_t)array + i * n_bytes), 1);
}

/* Starts fetching the order `id` and its book: about four messages ahead, when it is in sight. */
static inline void rl_books_prefetch_id(const struct rl_books *b, uint32_t instrument, uint64_t id)
{
    rl_books_hint(b->nodes, sizeof *b->nodes, rl_books_guess(b, id));
    rl_books_hint(b->books, sizeof *b->books, instrument);
}

/* Starts fetching the order's level and neighbours: about two messages after prefetch_id. */
static inline void rl_books_prefetch_level(const struct rl_books *b, uint64_t id)
{
    uint32_t order = rl_books_guess(b, id);
    const struct rl_book_order *o = &b->nodes[order < b->n_orders_max ? order : 0].order;

    rl_books_hint(b->nodes, sizeof *b->nodes, o->level);
    rl_books_hint(b->nodes, sizeof *b->nodes, o->prev);
    rl_books_hint(b->nodes, sizeof *b->nodes, o->next);
}

/* The first of the two for a decoded update. */
static inline void rl_books_prefetch(const struct rl_books *b, const struct rl_update *u)
{
    rl_books_prefetch_id(b, u->instrument, u->id);
}

/* --- questions: an instrument out of range has an empty book ---------------------------------- */

static inline void rl_books_bbo(const struct rl_books *b, uint32_t instrument, struct rl_bbo *bbo)
{
    const struct rl_book_level *bid = &b->nodes[b->nobody].level, *offer = bid;

    if (RL_LIKELY(instrument < b->n_instruments)) {
        bid = &b->nodes[b->books[instrument].best[RL_BUY]].level;
        offer = &b->nodes[b->books[instrument].best[RL_SELL]].level;
    }
    *bbo = (struct rl_bbo){{bid->px_nano, offer->px_nano}, {bid->qty, offer->qty}};
}

static inline enum rl_book_state rl_books_state(const struct rl_books *b, uint32_t instrument)
{
    return instrument < b->n_instruments ? (enum rl_book_state)b->states[instrument]
                                         : RL_BOOK_EMPTY;
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

/* The live orders of a side, counted level by level. */
uint32_t rl_books_n_orders(const struct rl_books *b, uint32_t instrument, enum rl_side side);

/* The quantity of a side at a price; 0 when nobody is there. */
uint64_t rl_books_qty_at(const struct rl_books *b, uint32_t instrument, enum rl_side side,
                         int64_t px_nano);

/*
 * What taking `qty` from a side costs, best price first: *filled_qty is how much of it is there and
 * *notional the exact sum of price (1e-9) times quantity. True when all of it is there.
 */
bool rl_books_vwap(const struct rl_books *b, uint32_t instrument, enum rl_side side, uint64_t qty,
                   uint64_t *filled_qty, __int128 *notional);

/* notional / qty in 1e-9, rounded to nearest, halves away from zero; RL_PX_NONE for quantity 0. */
int64_t rl_books_vwap_px(__int128 notional, uint64_t qty);

/* A live order, or NULL. `*px_nano` and `*side` may be NULL. */
const struct rl_book_order *rl_books_find(const struct rl_books *b, uint32_t instrument,
                                          uint64_t id, int64_t *px_nano, enum rl_side *side);

/*
 * How many places a search for that id looks at, whether or not the order is there: 1 unless ids
 * share a home (table.h).
 */
uint32_t rl_books_probes(const struct rl_books *b, uint32_t instrument, uint64_t id);

/* How many orders stand before this one in its queue; RL_SLOT_NONE when it is not there. */
uint32_t rl_books_queue_rank(const struct rl_books *b, uint32_t instrument, uint64_t id);

/* The same, and the sum of their quantities, which may be NULL. */
uint32_t rl_books_queue_ahead(const struct rl_books *b, uint32_t instrument, uint64_t id,
                              uint64_t *qty_ahead);

/*
 * Walking a queue in the order of its priority:
 *     for (o = rl_books_front(b, i, side); o; o = rl_books_behind(b, o))
 * NULL at its end. An order stays where it is until an update removes it, renames it, or sends it
 * to the back of a queue: take rl_books_behind first.
 */
const struct rl_book_order *rl_books_front(const struct rl_books *b, uint32_t instrument,
                                           enum rl_side side); /* of the best price */
const struct rl_book_order *rl_books_front_at(const struct rl_books *b, uint32_t instrument,
                                              enum rl_side side, int64_t px_nano);

static inline const struct rl_book_order *rl_books_behind(const struct rl_books *b,
                                                          const struct rl_book_order *o)
{
    return o->next >= b->n_orders_max ? NULL : &b->nodes[o->next].order;
}

#endif
