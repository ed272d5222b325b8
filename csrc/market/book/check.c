/* The state of the books as one number, and whether it hangs together. */
#include "market/book/book.h"

#include <errno.h>

#include "market/book/ladder.h"
#include "market/book/table.h"
#include "market/book/view_write.h"

uint64_t rl_books_hash(const struct rl_books *b)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < 2 * b->n_instruments; i++) {
        const struct rl_book *book = &b->books[i >> 1];
        const uint32_t *slots = b->slots + rl_ladder_keys(book, i & 1);

        for (uint32_t k = 0; k < book->n_levels[i & 1]; k++) {
            const struct rl_book_level *l = &b->nodes[slots[k]].level;
            uint64_t rest = l->qty;

            for (uint32_t n = l->head; n < b->n_orders_max; n = b->nodes[n].order.next) {
                const struct rl_book_order *o = &b->nodes[n].order;

                rest -= o->qty;
                hash += rl_books_hash_one(i >> 1, o->id, i & 1, l->px_nano, o->qty);
            }
            if (rest > 0)
                hash += rl_books_hash_one(i >> 1, 0, i & 1, l->px_nano, rest);
        }
    }
    return hash;
}

/* --- integrity -------------------------------------------------------------------------------- */

/* Not a number of a level that may be live or free. */
static bool level_is_wild(const struct rl_books *b, uint32_t level)
{
    return level <= b->nobody || level - b->nobody > b->n_levels_max;
}

/* One level: its queue, sums and links. Adds its orders to *n_orders; NULL when all is well. */
static const char *check_level(const struct rl_books *b, uint32_t level, uint32_t *n_orders)
{
    const struct rl_book_level *l = &b->nodes[level].level;
    uint32_t prev = level, n = 0;
    uint64_t sum = 0;

    for (uint32_t i = l->head; i != level; prev = i, i = b->nodes[i].order.next) {
        const struct rl_book_order *o;

        if (i >= b->n_orders_max || ++n > b->n_orders)
            return "a queue leads out of the pool or in a circle";
        o = &b->nodes[i].order;
        if (o->prev != prev || o->level != level || o->instrument != rl_level_instrument(l))
            return "an order does not link back to its level or neighbour";
        if (o->qty == 0 || __builtin_add_overflow(sum, o->qty, &sum))
            return "an order of no quantity, or a sum beyond 64 bits";
        if (rl_table_find(b, rl_books_home(b, o->id), o->instrument, o->id) != i)
            return "a live order is not found by its id";
    }
    if (l->tail != prev || l->n_orders != n)
        return "a queue's tail or count is wrong";
    if (l->qty < sum || l->qty == 0)
        return "a level's quantity is not the sum of its orders";
    *n_orders += n;
    return NULL;
}

/* The level of rank r and the view show the same; r as in rl_book_view. */
static const char *check_shown(const struct rl_book *v, unsigned side, uint32_t r,
                               const struct rl_book_level *l)
{
    const struct rl_view_cell *c = &v->cells[l->cell % (2 * RL_VIEW_LEVELS)];
    uint64_t ranks = atomic_load_explicit(&v->ranks[side], memory_order_relaxed);

    if (r >= RL_VIEW_LEVELS)
        return l->cell == RL_CELL_NONE ? NULL : "a level beyond the view has a cell";
    if ((ranks >> 4 * r & 15) + side * RL_VIEW_LEVELS != l->cell)
        return "a level is not where the view shows it";
    if ((int64_t)atomic_load_explicit(&c->px_nano, memory_order_relaxed) != l->px_nano ||
        atomic_load_explicit(&c->qty, memory_order_relaxed) != l->qty ||
        atomic_load_explicit(&c->n_orders, memory_order_relaxed) != l->n_orders)
        return "the view shows another price, quantity or number of orders";
    return NULL;
}

static const char *check_side(const struct rl_books *b, uint32_t instrument, unsigned side,
                              uint64_t *n_orders_seen)
{
    const struct rl_book *book = &b->books[instrument];
    uint64_t keys = rl_ladder_keys(book, side);
    uint32_t n = book->n_levels[side], n_orders = 0;
    const struct rl_book *view = b->views != b->own ? book : NULL;
    uint32_t best = b->nobody;
    struct rl_bbo bbo;

    if (n > 0 && !rl_ladder_has_room(book, side, n - 1))
        return "a side has more levels than keys";
    if (view &&
        atomic_load_explicit(&view->ranks[side], memory_order_relaxed) >> 4 * RL_VIEW_LEVELS !=
            (n < RL_VIEW_LEVELS ? n : RL_VIEW_LEVELS))
        return "a view shows more levels than there are, or fewer";
    for (uint32_t i = 0; i < n; i++) {
        uint32_t level = b->slots[keys + i];
        const struct rl_book_level *l = &b->nodes[level].level;
        const char *what;

        if (level_is_wild(b, level) || l->owner != instrument * 2 + side)
            return "a key leads to another side's level";
        if (b->ranks[keys + i] != rl_book_rank(side, l->px_nano) ||
            (i > 0 && b->ranks[keys + i - 1] >= b->ranks[keys + i]))
            return "the levels of a side are not in order";
        what = check_level(b, level, &n_orders);
        if (!what && view)
            what = check_shown(view, side, n - 1 - i, l);
        if (what)
            return what;
        best = level;
    }
    *n_orders_seen += n_orders;
    if (book->best[side] != best)
        return "the best price kept is not the best level";
    rl_books_bbo(b, instrument, &bbo);
    if (b->states[instrument] != rl_bbo_state(&bbo))
        return "the market state kept is not that of the best prices";
    return NULL;
}

static const char *check_pools(const struct rl_books *b)
{
    uint64_t n_levels = 0, n_taken = 0, n_free = 0, n_passed = 0, n_stuck = 0;

    for (uint32_t i = 0; i < b->n_instruments; i++)
        n_levels += (uint64_t)b->books[i].n_levels[0] + b->books[i].n_levels[1];
    if (n_levels != b->n_levels)
        return "the count of all levels is wrong";
    for (uint64_t i = 0; i <= b->mask; i++) {
        uint32_t order = (b->table[i] & RL_PLACE_ORDER) - 1;
        const struct rl_book_order *o;

        n_passed += b->table[i] / RL_PLACE_PASSED_1;
        n_stuck += b->table[i] >= RL_PLACE_PASSED_MOST;
        if (order == RL_SLOT_NONE)
            continue;
        n_taken++;
        if (order >= b->n_orders_max)
            return "the table leads out of the pool of orders";
        o = &b->nodes[order].order;
        n_passed -= rl_books_probes(b, o->instrument, o->id) - 1;
    }
    if (n_taken != b->n_orders)
        return "the table holds an order that is in no queue";
    if (n_passed != 0 && n_stuck == 0)
        return "a place counts orders that did not pass it";
    for (uint32_t i = b->free_order; i != RL_SLOT_NONE; i = b->nodes[i].order.level)
        if (i >= b->n_orders_max || ++n_free > b->n_orders_max)
            return "the list of free orders is broken";
    if (n_free + b->n_orders != b->n_orders_max)
        return "an order is neither free nor live";
    n_free = 0;
    for (uint32_t i = b->free_level; i != RL_SLOT_NONE; i = b->nodes[i].level.head)
        if (level_is_wild(b, i) || ++n_free > b->n_levels_max)
            return "the list of free levels is broken";
    if (n_free + b->n_levels != b->n_levels_max)
        return "a level is neither free nor live";
    return NULL;
}

int rl_books_check(const struct rl_books *b, const char **what)
{
    const char *seen = check_pools(b);
    uint64_t n_orders = 0;

    for (uint32_t i = 0; !seen && i < 2 * b->n_instruments; i++)
        seen = check_side(b, i >> 1, i & 1, &n_orders);
    if (!seen && n_orders != b->n_orders)
        seen = "the queues do not have all orders";
    if (what)
        *what = seen;
    return seen ? -EBADMSG : 0;
}
