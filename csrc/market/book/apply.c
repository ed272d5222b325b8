/*
 * The updates. Each operation is a function of its own, reached by a jump through a table: the
 * common ones save no registers for the rare ones.
 */
#include "market/book/book.h"
#include "market/book/ladder.h"
#include "market/book/table.h"
#include "market/book/view_write.h"

#define RL_RARE __attribute__((noinline))

static inline struct rl_book_order *order_of(struct rl_books *b, uint32_t order)
{
    return &b->nodes[order].order;
}

static inline struct rl_book_level *level_of(struct rl_books *b, uint32_t level)
{
    return &b->nodes[level].level;
}

/* --- levels ----------------------------------------------------------------------------------- */

/* Whether one more level fits; counted when it does not. */
static inline bool level_fits(struct rl_books *b, struct rl_book *book, unsigned side)
{
    uint32_t n = book->n_levels[side];

    if (RL_LIKELY(b->free_level != RL_SLOT_NONE && n < b->n_levels_per_side) &&
        (RL_LIKELY(rl_ladder_has_room(book, side, n)) || rl_books_grow_keys(b, book, side)))
        return true;
    b->n.levels_full++;
    return false;
}

/* A level at keys[at]; RL_SLOT_NONE, counted, when there is no room. */
static RL_RARE uint32_t level_make(struct rl_books *b, unsigned side, uint32_t at,
                                   const struct rl_update *u)
{
    struct rl_book *book = &b->books[u->instrument];
    uint32_t n = book->n_levels[side], level = b->free_level;

    if (RL_UNLIKELY(!level_fits(b, book, side)))
        return RL_SLOT_NONE;
    b->free_level = level_of(b, level)->head;
    *level_of(b, level) = (struct rl_book_level){.px_nano = u->px_nano,
                                                 .owner = (u->instrument * 2 + side) & 0x7FFFFFF,
                                                 .cell = RL_CELL_NONE,
                                                 .tail = level,
                                                 .head = level};
    rl_ladder_insert(b, rl_ladder_keys(book, side), n, at, rl_book_rank(side, u->px_nano), level);
    book->n_levels[side] = n + 1;
    b->n_levels++;
    if (at == n)
        book->best[side] = level;
    rl_view_level_made(b, book, side, at, u);
    return level;
}

/*
 * The level of that price, made when it is not there; RL_SLOT_NONE, counted, when there is no room.
 */
static inline uint32_t level_get(struct rl_books *b, const struct rl_book *book, unsigned side,
                                 const struct rl_update *u)
{
    uint64_t keys = rl_ladder_keys(book, side);
    int64_t rank = rl_book_rank(side, u->px_nano);
    uint32_t n = book->n_levels[side], at = rl_ladder_search(b->ranks + keys, n, rank);

    if (RL_LIKELY(at < n && b->ranks[keys + at] == rank))
        return b->slots[keys + at];
    return level_make(b, side, at, u);
}

/*
 * Whether the level of an order that leaves it may go with it: nothing else is in it, and no view
 * shows it. A full side refuses as ever: whether a price finds room is no matter of who asks.
 */
static inline bool level_may_move(const struct rl_books *b, const struct rl_book *book,
                                  unsigned side, uint32_t level)
{
    const struct rl_book_level *l = &b->nodes[level].level;
    uint32_t n = book->n_levels[side];

    return l->n_orders == 1 && l->qty == b->nodes[l->head].order.qty && rl_level_side(l) == side &&
           b->views == b->own && b->free_level != RL_SLOT_NONE && n < b->n_levels_per_side &&
           rl_ladder_has_room(book, side, n);
}

/* A level moves from its key to where keys[to] is now. True when it was or is the best. */
static RL_RARE bool level_move_far(struct rl_books *b, const struct rl_book *book, uint32_t level,
                                   uint32_t to, int64_t was, int64_t rank)
{
    unsigned side = rl_level_side(level_of(b, level));
    uint64_t keys = rl_ladder_keys(book, side);
    uint32_t n = book->n_levels[side];
    uint32_t from = rl_ladder_search_near(b->ranks + keys, n, was, to);

    to -= to > from;
    rl_ladder_move(b, keys, from, to, rank, level);
    return from == n - 1 || to == n - 1;
}

/*
 * Gives the level of a lone order another price, at which there is none: what moves by a tick or
 * two in a deep book would otherwise shift all that is better, twice. Its new key would go to
 * keys[to]; most often there is no other price on its way, and it stays where it is. True when it
 * was or is the best.
 */
static inline bool level_move(struct rl_books *b, struct rl_book *book, unsigned side,
                              uint32_t level, uint32_t to, int64_t px_nano)
{
    struct rl_book_level *l = level_of(b, level);
    uint64_t keys = rl_ladder_keys(book, side);
    uint32_t n = book->n_levels[side];
    int64_t was = rl_book_rank(side, l->px_nano), rank = rl_book_rank(side, px_nano);
    uint32_t at = to - (b->ranks[keys + to - 1] == was); /* a margin lies before keys[0] */

    l->px_nano = px_nano;
    if (RL_UNLIKELY(at >= n || b->ranks[keys + at] != was)) {
        bool is_best = level_move_far(b, book, level, to, was, rank);

        book->best[side] = b->slots[keys + n - 1];
        return is_best;
    }
    b->ranks[keys + at] = rank;
    return at == n - 1;
}

/* Where the price of an update has its key, or would have it. */
static inline uint32_t price_place(const struct rl_books *b, unsigned side,
                                   const struct rl_update *u)
{
    const struct rl_book *book = &b->books[u->instrument];

    return rl_ladder_search(b->ranks + rl_ladder_keys(book, side), book->n_levels[side],
                            rl_book_rank(side, u->px_nano));
}

/*
 * The level of the price whose place is `at`, for an order that leaves the level `old`. If it was
 * alone there, that level itself may go to the price: nobody else stood in it.
 */
static inline uint32_t level_get_for(struct rl_books *b, struct rl_book *book, unsigned side,
                                     const struct rl_update *u, uint32_t old, uint32_t at)
{
    uint64_t keys = rl_ladder_keys(book, side);
    int64_t rank = rl_book_rank(side, u->px_nano);

    if (at < book->n_levels[side] && b->ranks[keys + at] == rank)
        return b->slots[keys + at];
    if (!level_may_move(b, book, side, old))
        return level_make(b, side, at, u);
    level_move(b, book, side, old, at, u->px_nano);
    return old;
}

/* Takes out a level at whose price nothing is left. Its key may be near keys[near], or anywhere. */
static RL_RARE void level_drop(struct rl_books *b, uint32_t level, uint32_t near,
                               const struct rl_update *u)
{
    struct rl_book_level *l = level_of(b, level);
    unsigned side = rl_level_side(l);
    struct rl_book *book = &b->books[u->instrument];
    uint32_t cell = l->cell;
    uint32_t n = book->n_levels[side] - 1;
    uint64_t keys = rl_ladder_keys(book, side);
    uint32_t at =
        rl_ladder_search_near(b->ranks + keys, n + 1, rl_book_rank(side, l->px_nano), near);

    rl_ladder_remove(b, keys, n, at);
    book->n_levels[side] = n;
    b->n_levels--;
    l->head = b->free_level;
    b->free_level = level;
    if (at == n)
        book->best[side] = n > 0 ? b->slots[keys + n - 1] : b->nobody;
    rl_view_level_dropped(b, book, side, at, cell, u);
}

/* After an update that changed a best price. */
static RL_RARE void state_refresh(struct rl_books *b, uint32_t instrument)
{
    enum rl_book_state state, was = (enum rl_book_state)b->states[instrument];
    struct rl_bbo bbo;

    rl_books_bbo(b, instrument, &bbo);
    state = rl_bbo_state(&bbo);
    b->n.locked += state == RL_BOOK_LOCKED && was != RL_BOOK_LOCKED;
    b->n.crossed += state == RL_BOOK_CROSSED && was != RL_BOOK_CROSSED;
    b->states[instrument] = (uint8_t)state;
}

/* --- orders ----------------------------------------------------------------------------------- */

/* Puts an order at the back of a queue. */
static inline void queue_push(struct rl_books *b, uint32_t level, uint32_t order, uint64_t qty)
{
    struct rl_book_level *l = level_of(b, level);
    struct rl_book_order *o = order_of(b, order);
    uint32_t tail = l->tail;

    o->qty = qty;
    o->level = level;
    o->prev = tail;
    o->next = level;
    l->n_orders++;
    l->qty += qty;
    l->tail = order;
    b->nodes[tail].order.next = order; /* in an empty queue that is the level's head */
}

static inline void queue_unlink(struct rl_books *b, uint32_t order)
{
    const struct rl_book_order *o = order_of(b, order);
    struct rl_book_level *l = level_of(b, o->level);
    uint32_t prev = o->prev, next = o->next;

    l->n_orders--;
    l->qty -= o->qty;
    b->nodes[prev].order.next = next;
    b->nodes[next].order.prev = prev;
}

/* Gives an order's place in the pool back. */
static inline void order_free(struct rl_books *b, uint32_t order)
{
    order_of(b, order)->level = b->free_order;
    b->free_order = order;
}

static inline bool order_remove(struct rl_books *b, uint32_t home, uint32_t order,
                                const struct rl_update *u)
{
    uint32_t level = order_of(b, order)->level;
    struct rl_book_level *l = level_of(b, level);
    struct rl_book *book = &b->books[u->instrument];
    unsigned side = rl_level_side(l);
    bool is_best = book->best[side] == level;

    queue_unlink(b, order);
    rl_table_drop(b, home, u->instrument, u->id, order);
    order_free(b, order);
    b->n_orders--;
    if (l->qty > 0) {
        rl_view_level_changed_last(b, book, l, u);
        return is_best;
    }
    level_drop(b, level, book->n_levels[side], u);
    rl_view_settle(b);
    if (is_best)
        state_refresh(b, u->instrument);
    return is_best;
}

/* --- operations ------------------------------------------------------------------------------- */

static inline bool values_are_good(struct rl_books *b, const struct rl_update *u)
{
    if (RL_LIKELY(u->qty > 0 && u->px_nano != RL_PX_NONE))
        return true;
    b->n.bad_values++;
    return false;
}

static inline bool side_is_good(struct rl_books *b, const struct rl_update *u)
{
    if (RL_LIKELY(u->side <= RL_SELL))
        return true;
    b->n.bad_ops++;
    return false;
}

static bool add(struct rl_books *b, const struct rl_update *u)
{
    struct rl_book *book = &b->books[u->instrument];
    uint32_t home = rl_books_home(b, u->id), order = b->free_order, level, best;
    uint64_t sum;

    if (!side_is_good(b, u) || !values_are_good(b, u))
        return false;
    if (RL_UNLIKELY(rl_table_find(b, home, u->instrument, u->id) != RL_SLOT_NONE)) {
        b->n.duplicate_ids++;
        return false;
    }
    if (RL_UNLIKELY(order == RL_SLOT_NONE)) {
        b->n.orders_full++;
        return false;
    }
    best = book->best[u->side];
    level = level_get(b, book, u->side, u);
    if (RL_UNLIKELY(level == RL_SLOT_NONE))
        return false;
    if (RL_UNLIKELY(__builtin_add_overflow(level_of(b, level)->qty, u->qty, &sum))) {
        b->n.bad_values++;
        return false;
    }
    b->free_order = order_of(b, order)->level;
    order_of(b, order)->id = u->id;
    order_of(b, order)->instrument = u->instrument;
    rl_table_put(b, home, u->instrument, u->id, order);
    queue_push(b, level, order, u->qty);
    b->n_orders++;
    rl_view_level_changed_last(b, book, level_of(b, level), u);
    if (RL_UNLIKELY(book->best[u->side] != best))
        state_refresh(b, u->instrument);
    return book->best[u->side] == level;
}

static bool reduce(struct rl_books *b, const struct rl_update *u)
{
    uint32_t home = rl_books_home(b, u->id);
    uint32_t order = rl_table_find(b, home, u->instrument, u->id);
    struct rl_book *book = &b->books[u->instrument];
    struct rl_book_order *o;
    struct rl_book_level *l;

    if (RL_UNLIKELY(order == RL_SLOT_NONE)) {
        b->n.unknown_ids++;
        return false;
    }
    o = order_of(b, order);
    if (u->qty >= o->qty) {
        b->n.over_reduced += u->qty > o->qty;
        return order_remove(b, home, order, u);
    }
    if (RL_UNLIKELY(u->qty == 0))
        return false;
    l = level_of(b, o->level);
    o->qty -= u->qty;
    l->qty -= u->qty;
    rl_view_level_changed_last(b, book, l, u);
    return book->best[rl_level_side(l)] == o->level;
}

static bool delete(struct rl_books *b, const struct rl_update *u)
{
    uint32_t home = rl_books_home(b, u->id);
    uint32_t order = rl_table_find(b, home, u->instrument, u->id);

    if (RL_UNLIKELY(order == RL_SLOT_NONE)) {
        b->n.unknown_ids++;
        return false;
    }
    return order_remove(b, home, order, u);
}

/* The best price of a side and its quantity. */
struct best {
    int64_t px_nano;
    uint64_t qty;
};

static inline struct best best_of(const struct rl_books *b, const struct rl_book *book,
                                  unsigned side)
{
    const struct rl_book_level *l = &b->nodes[book->best[side]].level;

    return (struct best){l->px_nano, l->qty};
}

/* Whether an update made them others than they were; the market's state follows. */
static inline bool best_changed(struct rl_books *b, const struct rl_update *u, unsigned side,
                                struct best was)
{
    struct best is = best_of(b, &b->books[u->instrument], side);

    if (RL_UNLIKELY(is.px_nano != was.px_nano))
        state_refresh(b, u->instrument);
    return is.px_nano != was.px_nano || is.qty != was.qty;
}

/* What came of an amendment; news are those of the best price. */
enum amended { REFUSED, NO_NEWS, NEWS };

/*
 * Gives an order another price, quantity, side or name. Its values are good, and its price has or
 * would have its key at keys[at] of its side. It goes to the back of the queue unless `may_stay`
 * and it neither moves nor grows. What cannot be done is refused before anything changes.
 */
static inline enum amended amend(struct rl_books *b, const struct rl_update *u, uint32_t home,
                                 uint32_t order, unsigned side, uint64_t new_id, bool may_stay,
                                 uint32_t at)
{
    struct rl_book *book = &b->books[u->instrument];
    struct rl_book_order *o = order_of(b, order);
    uint32_t old_level = o->level, level;
    struct rl_book_level *old_l = level_of(b, old_level), *l;
    bool is_renamed = new_id != o->id;
    uint32_t new_home = is_renamed ? rl_books_home(b, new_id) : home;
    unsigned old_side = rl_level_side(old_l);
    struct best before = best_of(b, book, side), old_before = best_of(b, book, old_side);
    uint64_t rest, sum;
    bool is_news;

    if (is_renamed &&
        RL_UNLIKELY(rl_table_find(b, new_home, u->instrument, new_id) != RL_SLOT_NONE)) {
        b->n.duplicate_ids++;
        return REFUSED;
    }
    level = level_get_for(b, book, side, u, old_level, at);
    if (RL_UNLIKELY(level == RL_SLOT_NONE))
        return REFUSED;
    l = level_of(b, level);
    rest = l->qty - (level == old_level ? o->qty : 0);
    if (RL_UNLIKELY(__builtin_add_overflow(rest, u->qty, &sum))) {
        b->n.bad_values++;
        return REFUSED;
    }
    if (may_stay && level == old_level && u->qty <= o->qty) {
        l->qty = sum;
        o->qty = u->qty;
    } else {
        queue_unlink(b, order);
        queue_push(b, level, order, u->qty);
        if (is_renamed) {
            rl_table_drop(b, home, u->instrument, o->id, order);
            o->id = new_id;
            rl_table_put(b, new_home, u->instrument, new_id, order);
        }
        if (old_l->qty == 0)
            level_drop(b, old_level, at, u);
        else if (level != old_level)
            rl_view_level_changed(b, book, old_l, u);
    }
    rl_view_level_changed(b, book, l, u);
    rl_view_settle(b);
    is_news = best_changed(b, u, side, before);
    if (RL_UNLIKELY(side != old_side))
        is_news |= best_changed(b, u, old_side, old_before);
    return is_news ? NEWS : NO_NEWS;
}

static bool replace(struct rl_books *b, const struct rl_update *u)
{
    uint32_t home = rl_books_home(b, u->id);
    uint32_t order = rl_table_find(b, home, u->instrument, u->id);
    unsigned side;

    if (RL_UNLIKELY(order == RL_SLOT_NONE)) {
        b->n.unknown_ids++;
        return false;
    }
    if (!values_are_good(b, u))
        return false;
    side = rl_level_side(level_of(b, order_of(b, order)->level));
    return amend(b, u, home, order, side, u->new_id, false, price_place(b, side, u)) == NEWS;
}

static bool modify(struct rl_books *b, const struct rl_update *u)
{
    uint32_t home = rl_books_home(b, u->id), order;

    if (!side_is_good(b, u))
        return false;
    order = rl_table_find(b, home, u->instrument, u->id);
    if (RL_UNLIKELY(order == RL_SLOT_NONE)) {
        b->n.unknown_ids++;
        return false;
    }
    if (!values_are_good(b, u))
        return false;
    return amend(b, u, home, order, u->side, u->id, true, price_place(b, u->side, u)) == NEWS;
}

static uint64_t queue_qty(struct rl_books *b, const struct rl_book_level *l)
{
    uint64_t sum = 0;

    for (uint32_t i = l->head; i < b->n_orders_max; i = order_of(b, i)->next)
        sum += order_of(b, i)->qty;
    return sum;
}

static bool set_level(struct rl_books *b, const struct rl_update *u)
{
    struct rl_book *book = &b->books[u->instrument];
    uint32_t best = book->best[u->side & 1], level;
    struct rl_book_level *l;
    uint64_t sum;

    if (!side_is_good(b, u))
        return false;
    if (RL_UNLIKELY(u->px_nano == RL_PX_NONE)) {
        b->n.bad_values++;
        return false;
    }
    level =
        u->qty > 0 ? level_get(b, book, u->side, u) : rl_ladder_find(b, book, u->side, u->px_nano);
    if (RL_UNLIKELY(level == RL_SLOT_NONE)) {
        b->n.unknown_levels += u->qty == 0;
        return false;
    }
    l = level_of(b, level);
    if (RL_UNLIKELY(__builtin_add_overflow(queue_qty(b, l), u->qty, &sum))) {
        b->n.bad_values++;
        return false;
    }
    if (sum == l->qty)
        return false;
    l->qty = sum;
    if (sum > 0)
        rl_view_level_changed(b, book, l, u);
    else
        level_drop(b, level, book->n_levels[u->side], u);
    rl_view_settle(b);
    if (book->best[u->side] != best)
        state_refresh(b, u->instrument);
    return level == best || book->best[u->side] != best;
}

static bool clear(struct rl_books *b, const struct rl_update *u)
{
    struct rl_book *book = &b->books[u->instrument];
    bool is_news = b->states[u->instrument] != RL_BOOK_EMPTY;

    for (unsigned side = 0; side < 2; side++) {
        const uint32_t *slots = b->slots + rl_ladder_keys(book, side);

        for (uint32_t i = 0; i < book->n_levels[side]; i++) {
            struct rl_book_level *l = level_of(b, slots[i]);

            for (uint32_t order = l->head; order < b->n_orders_max;) {
                struct rl_book_order *o = order_of(b, order);
                uint32_t next = o->next;

                rl_table_drop(b, rl_books_home(b, o->id), u->instrument, o->id, order);
                order_free(b, order);
                b->n_orders--;
                order = next;
            }
            l->head = b->free_level;
            b->free_level = slots[i];
        }
        b->n_levels -= book->n_levels[side];
        book->n_levels[side] = 0;
        book->best[side] = b->nobody;
    }
    b->states[u->instrument] = RL_BOOK_EMPTY;
    if (is_news)
        rl_view_cleared(b, book, u);
    rl_view_settle(b);
    return is_news;
}

static bool reset(struct rl_books *b, const struct rl_update *u)
{
    b->touched = RL_INSTRUMENT_ALL;
    for (uint32_t i = 0; i < b->n_instruments; i++)
        if (b->states[i] != RL_BOOK_EMPTY)
            rl_view_cleared(b, &b->books[i], u);
    rl_view_settle(b);
    rl_books_free_all(b);
    return true;
}

static bool ignore(struct rl_books *b, const struct rl_update *u)
{
    (void)b;
    (void)u;
    return false;
}

static bool bad_op(struct rl_books *b, const struct rl_update *u)
{
    (void)u;
    b->n.bad_ops++;
    return false;
}

static RL_RARE bool apply_nowhere(struct rl_books *b, const struct rl_update *u)
{
    if (u->op == RL_OP_RESET)
        return reset(b, u);
    b->n.bad_instruments += u->op != RL_OP_NONE && u->op != RL_OP_TRADE;
    return false;
}

bool rl_books_apply(struct rl_books *b, const struct rl_update *u)
{
    static bool (*const ops[RL_N_OPS + 1])(struct rl_books *, const struct rl_update *) = {
        [RL_OP_NONE] = ignore,     [RL_OP_ADD] = add,         [RL_OP_REDUCE] = reduce,
        [RL_OP_DELETE] = delete,   [RL_OP_REPLACE] = replace, [RL_OP_MODIFY] = modify,
        [RL_OP_LEVEL] = set_level, [RL_OP_CLEAR] = clear,     [RL_OP_RESET] = reset,
        [RL_OP_TRADE] = ignore,    [RL_N_OPS] = bad_op};

    b->n.updates++;
    b->touched = u->instrument;
    if (RL_UNLIKELY(u->instrument >= b->n_instruments))
        return apply_nowhere(b, u);
    return ops[u->op < RL_N_OPS ? u->op : RL_N_OPS](b, u);
}

static inline void begin(struct rl_books *b, const struct rl_update *u)
{
    b->n.updates++;
    b->touched = u->instrument;
}

/* rl_books_replace, when more than a level's price changes. */
static RL_RARE bool replace_order(struct rl_books *b, uint32_t order, unsigned side, uint32_t at,
                                  const struct rl_update *u)
{
    return amend(b, u, rl_books_home(b, u->id), order, side, u->new_id, false, at) != REFUSED;
}

bool rl_books_replace(struct rl_books *b, uint32_t order, const struct rl_update *u)
{
    struct rl_book *book = &b->books[u->instrument];
    struct rl_book_order *o = order_of(b, order);
    uint32_t level = o->level;
    struct rl_book_level *l = level_of(b, level);
    unsigned side = rl_level_side(l);
    uint64_t keys = rl_ladder_keys(book, side);
    int64_t rank = rl_book_rank(side, u->px_nano);
    uint32_t n = book->n_levels[side], at;

    begin(b, u);
    if (!values_are_good(b, u))
        return false;
    at = rl_ladder_search_deep(b->ranks + keys, n, rank);
    if ((at < n && b->ranks[keys + at] == rank) || u->new_id != u->id ||
        !level_may_move(b, book, side, level))
        return replace_order(b, order, side, at, u);
    l->qty = o->qty = u->qty;
    if (RL_UNLIKELY(level_move(b, book, side, level, at, u->px_nano)))
        state_refresh(b, u->instrument);
    return true;
}

bool rl_books_delete(struct rl_books *b, uint32_t order, const struct rl_update *u)
{
    begin(b, u);
    return order_remove(b, rl_books_home(b, u->id), order, u);
}

bool rl_books_rename(struct rl_books *b, uint32_t instrument, uint64_t id, uint64_t new_id)
{
    uint32_t home = rl_books_home(b, id), new_home = rl_books_home(b, new_id);
    uint32_t order = rl_table_find(b, home, instrument, id);

    if (order == RL_SLOT_NONE || rl_table_find(b, new_home, instrument, new_id) != RL_SLOT_NONE)
        return false;
    rl_table_drop(b, home, instrument, id, order);
    order_of(b, order)->id = new_id;
    rl_table_put(b, new_home, instrument, new_id, order);
    return true;
}
