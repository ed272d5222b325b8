#include "market/book/book.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

/*
 * Levels that are searched one by one from the best before halving: p75 of real updates is rank 9.
 */
#define NEAR_RANKS 16

/* --- sizes ------------------------------------------------------------------------------------ */

struct sizes {
    uint64_t n_levels, n_keys, n_index;
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t pow2_at_least(uint64_t n)
{
    uint64_t p = 1;

    while (p < n)
        p <<= 1;
    return p;
}

static bool sizes_of(const struct rl_books_config *c, struct sizes *s)
{
    uint64_t n_sides = 2 * (uint64_t)c->n_instruments;
    uint64_t most_levels = n_sides * c->n_levels_per_side;
    uint64_t block = pow2_at_least(most(c->n_levels_per_side, RL_BOOK_KEYS_MIN));

    if (c->n_instruments == 0 || c->n_orders == 0 || c->n_levels_per_side == 0)
        return false;
    if (c->n_instruments > 1u << 24 || c->n_orders > 1u << 30 || c->n_levels_per_side > 1u << 30)
        return false;
    s->n_levels = c->n_levels ? c->n_levels : least(most_levels, most(c->n_orders, 1u << 16));
    if (s->n_levels >= RL_SLOT_NONE)
        return false;
    /*
     * A side's block is at most twice its levels, and the blocks it outgrew are together smaller
     * than that. Twice as much again lets sides be deep at different times; more than all at once
     * is waste.
     */
    s->n_keys = least(n_sides * block * 2, n_sides * RL_BOOK_KEYS_MIN * 2 + 8 * s->n_levels);
    s->n_index = pow2_at_least(2 * (uint64_t)c->n_orders);
    return true;
}

size_t rl_books_bytes(const struct rl_books_config *c)
{
    struct sizes s;

    if (!sizes_of(c, &s))
        return 0;
    return c->n_instruments * sizeof(struct rl_book) + c->n_orders * sizeof(struct rl_book_order) +
           s.n_levels * sizeof(struct rl_book_level) + s.n_index * sizeof(struct rl_book_slot) +
           s.n_keys * sizeof(struct rl_book_key) + 2 * (size_t)c->n_instruments + 6 * RL_CACHE_LINE;
}

static void free_all(struct rl_books *b)
{
    for (uint32_t i = 0; i < b->n_instruments; i++) {
        struct rl_book *book = &b->books[i];

        book->bbo = (struct rl_bbo){{RL_PX_NONE, RL_PX_NONE}, {0, 0}};
        memset(book->n_levels, 0, sizeof book->n_levels);
        memset(book->n_orders, 0, sizeof book->n_orders);
    }
    memset(b->index, 0xFF, ((size_t)b->index_mask + 1) * sizeof *b->index);
    for (uint32_t i = 0; i < b->n_orders_max; i++)
        b->orders[i].level = i + 1 < b->n_orders_max ? i + 1 : RL_SLOT_NONE;
    for (uint32_t i = 0; i < b->n_levels_max; i++)
        b->levels[i].owner = i + 1 < b->n_levels_max ? i + 1 : RL_SLOT_NONE;
    b->free_order = 0;
    b->free_level = 0;
    b->n_orders = 0;
    b->n_levels = 0;
}

int rl_books_init(struct rl_books *b, struct rl_arena *arena, const struct rl_books_config *c)
{
    struct sizes s;

    if (!sizes_of(c, &s))
        return -EINVAL;
    memset(b, 0, sizeof *b);
    b->books = rl_arena_take(arena, c->n_instruments * sizeof *b->books, RL_CACHE_LINE);
    b->orders = rl_arena_take(arena, c->n_orders * sizeof *b->orders, RL_CACHE_LINE);
    b->levels = rl_arena_take(arena, s.n_levels * sizeof *b->levels, RL_CACHE_LINE);
    b->index = rl_arena_take(arena, s.n_index * sizeof *b->index, RL_CACHE_LINE);
    b->keys = rl_arena_take(arena, s.n_keys * sizeof *b->keys, RL_CACHE_LINE);
    b->key_classes = rl_arena_take(arena, 2 * (size_t)c->n_instruments, RL_CACHE_LINE);
    if (!b->books || !b->orders || !b->levels || !b->index || !b->keys || !b->key_classes)
        return -ENOMEM;
    memset(b->key_classes, RL_BOOK_NO_KEYS, 2 * (size_t)c->n_instruments);
    b->index_mask = (uint32_t)(s.n_index - 1);
    b->n_instruments = c->n_instruments;
    b->n_orders_max = c->n_orders;
    b->n_levels_max = (uint32_t)s.n_levels;
    b->n_levels_per_side = c->n_levels_per_side;
    b->n_keys_max = s.n_keys;
    free_all(b);
    return 0;
}

/* --- the id index ----------------------------------------------------------------------------- */

/* The slot that holds the order, or the free one where it would go. */
static inline uint32_t index_find(const struct rl_books *b, uint32_t instrument, uint64_t id)
{
    uint32_t at = rl_books_slot_of(b, instrument, id);

    while (b->index[at].order != RL_SLOT_NONE &&
           (b->index[at].id != id || b->index[at].instrument != instrument))
        at = (at + 1) & b->index_mask;
    return at;
}

static inline void index_put(struct rl_books *b, uint32_t at, uint32_t instrument, uint64_t id,
                             uint32_t order)
{
    b->index[at] = (struct rl_book_slot){.id = id, .instrument = instrument, .order = order};
}

/* Frees a slot and moves back what had been pushed past it: searches stop at a free slot. */
static inline void index_remove(struct rl_books *b, uint32_t hole)
{
    uint32_t mask = b->index_mask;

    for (uint32_t at = (hole + 1) & mask; b->index[at].order != RL_SLOT_NONE;
         at = (at + 1) & mask) {
        uint32_t home = rl_books_slot_of(b, b->index[at].instrument, b->index[at].id);

        /* It may fill the hole unless its home lies behind the hole, cyclically. */
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            b->index[hole] = b->index[at];
            hole = at;
        }
    }
    b->index[hole].order = RL_SLOT_NONE;
}

/* --- levels ----------------------------------------------------------------------------------- */

/* How many keys rank at or below `rank`: the key itself, if it is there, is the last of them. */
static inline uint32_t keys_up_to(const struct rl_book_key *keys, uint32_t n, int64_t rank)
{
    uint32_t low = 0;

    for (uint32_t i = 0; i < NEAR_RANKS; i++, n--)
        if (n == 0 || keys[n - 1].rank <= rank)
            return n;
    while (low < n) {
        uint32_t mid = low + (n - low) / 2;

        if (keys[mid].rank <= rank)
            low = mid + 1;
        else
            n = mid;
    }
    return low;
}

static inline uint32_t level_find(const struct rl_book *book, unsigned side, int64_t px_nano)
{
    int64_t rank = rl_book_rank(side, px_nano);
    uint32_t n = keys_up_to(book->keys[side], book->n_levels[side], rank);

    return n > 0 && book->keys[side][n - 1].rank == rank ? book->keys[side][n - 1].level
                                                         : RL_SLOT_NONE;
}

/* A block of the next size for a side that is full; false when none is left. */
static bool keys_grow(struct rl_books *b, uint32_t instrument, unsigned side)
{
    struct rl_book *book = &b->books[instrument];
    uint8_t *class = &b->key_classes[2 * (size_t)instrument + side];
    unsigned next = *class == RL_BOOK_NO_KEYS ? 0 : *class + 1u;
    uint64_t n_keys = (uint64_t)RL_BOOK_KEYS_MIN << next;
    struct rl_book_key *block;

    if (next >= RL_BOOK_KEY_CLASSES)
        return false;
    if (b->free_keys[next] != 0) {
        block = &b->keys[b->free_keys[next] - 1];
        b->free_keys[next] = (uint64_t)block[0].rank; /* a free block's first rank is the link */
    } else if (b->n_keys_max - b->n_keys_cut >= n_keys) {
        block = &b->keys[b->n_keys_cut];
        b->n_keys_cut += n_keys;
    } else {
        return false;
    }
    if (next > 0) {
        struct rl_book_key *old = book->keys[side];

        memcpy(block, old, book->n_levels[side] * sizeof *block);
        old[0].rank = (int64_t)b->free_keys[*class];
        b->free_keys[*class] = (uint64_t)(old - b->keys) + 1;
    }
    book->keys[side] = block;
    *class = (uint8_t)next;
    return true;
}

/*
 * The level of that price, made when it is not there; RL_SLOT_NONE, counted, when there is no room.
 */
static inline uint32_t level_get(struct rl_books *b, uint32_t instrument, unsigned side,
                                 int64_t px_nano)
{
    struct rl_book *book = &b->books[instrument];
    int64_t rank = rl_book_rank(side, px_nano);
    uint32_t n_levels = book->n_levels[side];
    uint32_t at = keys_up_to(book->keys[side], n_levels, rank);
    uint8_t class = b->key_classes[2 * (size_t)instrument + side];
    uint32_t level = b->free_level;
    struct rl_book_key *keys;

    if (at > 0 && book->keys[side][at - 1].rank == rank)
        return book->keys[side][at - 1].level;
    if (RL_UNLIKELY(level == RL_SLOT_NONE || n_levels == b->n_levels_per_side)) {
        b->n.levels_full++;
        return RL_SLOT_NONE;
    }
    if (RL_UNLIKELY(class == RL_BOOK_NO_KEYS || n_levels == (uint32_t)RL_BOOK_KEYS_MIN << class) &&
        !keys_grow(b, instrument, side)) {
        b->n.levels_full++;
        return RL_SLOT_NONE;
    }
    b->free_level = b->levels[level].owner;
    b->levels[level] = (struct rl_book_level){.px_nano = px_nano,
                                              .head = RL_SLOT_NONE,
                                              .tail = RL_SLOT_NONE,
                                              .owner = instrument * 2 + side};
    keys = book->keys[side];
    memmove(&keys[at + 1], &keys[at], (n_levels - at) * sizeof *keys);
    keys[at] = (struct rl_book_key){.rank = rank, .level = level};
    book->n_levels[side]++;
    b->n_levels++;
    return level;
}

/* Takes a level out when nothing is left at its price. */
static inline void level_drop_if_empty(struct rl_books *b, uint32_t level)
{
    struct rl_book_level *l = &b->levels[level];
    unsigned side = l->owner & 1;
    struct rl_book *book = &b->books[l->owner >> 1];
    struct rl_book_key *keys = book->keys[side];
    uint32_t at;

    if (l->n_orders > 0 || l->qty > 0)
        return;
    at = keys_up_to(keys, book->n_levels[side], rl_book_rank(side, l->px_nano)) - 1;
    memmove(&keys[at], &keys[at + 1], (book->n_levels[side] - at - 1) * sizeof *keys);
    book->n_levels[side]--;
    b->n_levels--;
    l->owner = b->free_level;
    b->free_level = level;
}

/* --- orders ----------------------------------------------------------------------------------- */

static inline void queue_push(struct rl_books *b, uint32_t level, uint32_t order)
{
    struct rl_book_level *l = &b->levels[level];
    struct rl_book_order *o = &b->orders[order];

    o->level = level;
    o->prev = l->tail;
    o->next = RL_SLOT_NONE;
    if (l->tail == RL_SLOT_NONE)
        l->head = order;
    else
        b->orders[l->tail].next = order;
    l->tail = order;
    l->n_orders++;
    l->qty += o->qty;
    b->books[l->owner >> 1].n_orders[l->owner & 1]++;
}

static inline void queue_unlink(struct rl_books *b, uint32_t order)
{
    struct rl_book_order *o = &b->orders[order];
    struct rl_book_level *l = &b->levels[o->level];

    if (o->prev == RL_SLOT_NONE)
        l->head = o->next;
    else
        b->orders[o->prev].next = o->next;
    if (o->next == RL_SLOT_NONE)
        l->tail = o->prev;
    else
        b->orders[o->next].prev = o->prev;
    l->n_orders--;
    l->qty -= o->qty;
    b->books[l->owner >> 1].n_orders[l->owner & 1]--;
}

static inline void order_free(struct rl_books *b, uint32_t order)
{
    b->orders[order].level = b->free_order;
    b->free_order = order;
    b->n_orders--;
}

/* Writes the best of a side into the book's first line; true when it is news. */
static inline bool bbo_refresh(struct rl_books *b, uint32_t instrument, unsigned side)
{
    struct rl_book *book = &b->books[instrument];
    int64_t px_nano = RL_PX_NONE;
    uint64_t qty = 0;

    if (book->n_levels[side] > 0) {
        const struct rl_book_level *l =
            &b->levels[book->keys[side][book->n_levels[side] - 1].level];

        px_nano = l->px_nano;
        qty = l->qty;
    }
    if (px_nano == book->bbo.px_nano[side] && qty == book->bbo.qty[side])
        return false;
    book->bbo.px_nano[side] = px_nano;
    book->bbo.qty[side] = qty;
    return true;
}

/* --- operations ------------------------------------------------------------------------------- */

static inline bool values_are_good(struct rl_books *b, const struct rl_update *u)
{
    if (RL_LIKELY(u->qty > 0 && u->px_nano != RL_PX_NONE))
        return true;
    b->n.bad_values++;
    return false;
}

static inline bool add(struct rl_books *b, const struct rl_update *u)
{
    uint32_t at, order = b->free_order, level;
    uint64_t sum;

    if (!values_are_good(b, u))
        return false;
    at = index_find(b, u->instrument, u->id);
    if (RL_UNLIKELY(b->index[at].order != RL_SLOT_NONE)) {
        b->n.duplicate_ids++;
        return false;
    }
    if (RL_UNLIKELY(order == RL_SLOT_NONE)) {
        b->n.orders_full++;
        return false;
    }
    level = level_get(b, u->instrument, u->side, u->px_nano);
    if (RL_UNLIKELY(level == RL_SLOT_NONE))
        return false;
    if (RL_UNLIKELY(__builtin_add_overflow(b->levels[level].qty, u->qty, &sum))) {
        b->n.bad_values++;
        return false;
    }
    b->free_order = b->orders[order].level;
    b->n_orders++;
    b->orders[order].id = u->id;
    b->orders[order].qty = u->qty;
    b->orders[order].instrument = u->instrument;
    index_put(b, at, u->instrument, u->id, order);
    queue_push(b, level, order);
    return bbo_refresh(b, u->instrument, u->side);
}

static inline bool order_remove(struct rl_books *b, uint32_t at)
{
    uint32_t order = b->index[at].order;
    uint32_t level = b->orders[order].level;
    uint32_t owner = b->levels[level].owner;

    queue_unlink(b, order);
    index_remove(b, at);
    order_free(b, order);
    level_drop_if_empty(b, level);
    return bbo_refresh(b, owner >> 1, owner & 1);
}

static inline bool reduce(struct rl_books *b, const struct rl_update *u)
{
    uint32_t at = index_find(b, u->instrument, u->id);
    uint32_t order = b->index[at].order;
    struct rl_book_order *o;
    struct rl_book_level *l;

    if (RL_UNLIKELY(order == RL_SLOT_NONE)) {
        b->n.unknown_ids++;
        return false;
    }
    o = &b->orders[order];
    if (u->qty >= o->qty) {
        b->n.over_reduced += u->qty > o->qty;
        return order_remove(b, at);
    }
    l = &b->levels[o->level];
    o->qty -= u->qty;
    l->qty -= u->qty;
    return bbo_refresh(b, l->owner >> 1, l->owner & 1);
}

static inline bool delete(struct rl_books *b, const struct rl_update *u)
{
    uint32_t at = index_find(b, u->instrument, u->id);

    if (RL_UNLIKELY(b->index[at].order == RL_SLOT_NONE)) {
        b->n.unknown_ids++;
        return false;
    }
    return order_remove(b, at);
}

/*
 * Gives an order another price, quantity, side or name. It goes to the back of the queue unless
 * `may_stay` and it neither moves nor grows. What cannot be done is refused before anything
 * changes.
 */
static inline bool amend(struct rl_books *b, const struct rl_update *u, uint32_t at, unsigned side,
                         uint64_t new_id, bool may_stay)
{
    uint32_t order = b->index[at].order;
    struct rl_book_order *o = &b->orders[order];
    uint32_t old_level = o->level, level;
    unsigned old_side = b->levels[old_level].owner & 1;
    uint64_t rest, sum;
    bool is_news;

    if (!values_are_good(b, u))
        return false;
    if (new_id != o->id && b->index[index_find(b, u->instrument, new_id)].order != RL_SLOT_NONE) {
        b->n.duplicate_ids++;
        return false;
    }
    level = level_get(b, u->instrument, side, u->px_nano);
    if (RL_UNLIKELY(level == RL_SLOT_NONE))
        return false;
    rest = b->levels[level].qty - (level == old_level ? o->qty : 0);
    if (RL_UNLIKELY(__builtin_add_overflow(rest, u->qty, &sum))) {
        b->n.bad_values++;
        return false;
    }
    if (may_stay && level == old_level && u->qty <= o->qty) {
        b->levels[level].qty = sum;
        o->qty = u->qty;
        return bbo_refresh(b, u->instrument, side);
    }
    queue_unlink(b, order);
    o->qty = u->qty;
    queue_push(b, level, order);
    if (level != old_level)
        level_drop_if_empty(b, old_level);
    if (new_id != o->id) {
        index_remove(b, at);
        o->id = new_id;
        index_put(b, index_find(b, u->instrument, new_id), u->instrument, new_id, order);
    }
    is_news = bbo_refresh(b, u->instrument, side);
    if (old_side != side)
        is_news |= bbo_refresh(b, u->instrument, old_side);
    return is_news;
}

static inline bool replace_or_modify(struct rl_books *b, const struct rl_update *u)
{
    uint32_t at = index_find(b, u->instrument, u->id);
    uint32_t order = b->index[at].order;

    if (RL_UNLIKELY(order == RL_SLOT_NONE)) {
        b->n.unknown_ids++;
        return false;
    }
    if (u->op == RL_OP_MODIFY)
        return amend(b, u, at, u->side, u->id, true);
    return amend(b, u, at, b->levels[b->orders[order].level].owner & 1, u->new_id, false);
}

static uint64_t queue_qty(const struct rl_books *b, const struct rl_book_level *l)
{
    uint64_t sum = 0;

    for (uint32_t i = l->head; i != RL_SLOT_NONE; i = b->orders[i].next)
        sum += b->orders[i].qty;
    return sum;
}

static bool set_level(struct rl_books *b, const struct rl_update *u)
{
    struct rl_book *book = &b->books[u->instrument];
    uint32_t level;
    uint64_t sum;

    if (RL_UNLIKELY(u->px_nano == RL_PX_NONE)) {
        b->n.bad_values++;
        return false;
    }
    level = u->qty > 0 ? level_get(b, u->instrument, u->side, u->px_nano)
                       : level_find(book, u->side, u->px_nano);
    if (RL_UNLIKELY(level == RL_SLOT_NONE)) {
        b->n.unknown_levels += u->qty == 0;
        return false;
    }
    if (RL_UNLIKELY(__builtin_add_overflow(queue_qty(b, &b->levels[level]), u->qty, &sum))) {
        b->n.bad_values++;
        return false;
    }
    b->levels[level].qty = sum;
    level_drop_if_empty(b, level);
    return bbo_refresh(b, u->instrument, u->side);
}

static bool clear(struct rl_books *b, uint32_t instrument)
{
    struct rl_book *book = &b->books[instrument];
    bool is_news = false;

    for (unsigned side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < book->n_levels[side]; i++) {
            uint32_t level = book->keys[side][i].level;

            for (uint32_t order = b->levels[level].head; order != RL_SLOT_NONE;) {
                uint32_t next = b->orders[order].next;

                index_remove(b, index_find(b, instrument, b->orders[order].id));
                order_free(b, order);
                order = next;
            }
            b->levels[level].owner = b->free_level;
            b->free_level = level;
            b->n_levels--;
        }
        book->n_levels[side] = 0;
        book->n_orders[side] = 0;
        is_news |= bbo_refresh(b, instrument, side);
    }
    return is_news;
}

bool rl_books_apply(struct rl_books *b, const struct rl_update *u)
{
    b->n.updates++;
    b->touched = u->instrument;
    if (RL_UNLIKELY(u->op == RL_OP_NONE || u->op == RL_OP_TRADE))
        return false;
    if (RL_UNLIKELY(u->op == RL_OP_RESET)) {
        b->touched = RL_INSTRUMENT_ALL;
        free_all(b);
        return true;
    }
    if (RL_UNLIKELY(u->instrument >= b->n_instruments)) {
        b->n.bad_instruments++;
        return false;
    }
    switch (u->op) {
    case RL_OP_REDUCE:
        return reduce(b, u);
    case RL_OP_DELETE:
        return delete (b, u);
    case RL_OP_REPLACE:
        return replace_or_modify(b, u);
    case RL_OP_CLEAR:
        return clear(b, u->instrument);
    default:
        break;
    }
    if (RL_UNLIKELY(u->side > RL_SELL)) {
        b->n.bad_ops++;
        return false;
    }
    switch (u->op) {
    case RL_OP_ADD:
        return add(b, u);
    case RL_OP_MODIFY:
        return replace_or_modify(b, u);
    case RL_OP_LEVEL:
        return set_level(b, u);
    default:
        b->n.bad_ops++;
        return false;
    }
}

/* --- the one question that needs the index ---------------------------------------------------- */

const struct rl_book_order *rl_books_find(const struct rl_books *b, uint32_t instrument,
                                          uint64_t id, int64_t *px_nano, enum rl_side *side)
{
    uint32_t order = b->index[index_find(b, instrument, id)].order;
    const struct rl_book_level *l;

    if (order == RL_SLOT_NONE)
        return NULL;
    l = &b->levels[b->orders[order].level];
    if (px_nano)
        *px_nano = l->px_nano;
    if (side)
        *side = (enum rl_side)(l->owner & 1);
    return &b->orders[order];
}
