/* Questions to the books that are not asked on the hot path: depth, hash, integrity. */
#include "market/book/book.h"

#include <errno.h>

uint32_t rl_books_depth(const struct rl_books *b, uint32_t instrument, enum rl_side side,
                        struct rl_book_depth *out, uint32_t n)
{
    const struct rl_book *book;
    uint32_t n_out;

    if (instrument >= b->n_instruments)
        return 0;
    book = &b->books[instrument];
    n_out = n < book->n_levels[side] ? n : book->n_levels[side];
    for (uint32_t i = 0; i < n_out; i++) {
        const struct rl_book_level *l =
            &b->levels[book->keys[side][book->n_levels[side] - 1 - i].level];

        out[i] = (struct rl_book_depth){l->px_nano, l->qty, l->n_orders};
    }
    return n_out;
}

uint32_t rl_books_queue_rank(const struct rl_books *b, uint32_t instrument, uint64_t id)
{
    const struct rl_book_order *o = rl_books_find(b, instrument, id, NULL, NULL);
    uint32_t rank = 0;

    if (!o)
        return RL_SLOT_NONE;
    for (; o->prev != RL_SLOT_NONE; o = &b->orders[o->prev])
        rank++;
    return rank;
}

uint64_t rl_books_hash(const struct rl_books *b)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < 2 * b->n_instruments; i++) {
        const struct rl_book *book = &b->books[i >> 1];

        for (uint32_t k = 0; k < book->n_levels[i & 1]; k++) {
            const struct rl_book_level *l = &b->levels[book->keys[i & 1][k].level];
            uint64_t rest = l->qty;

            for (uint32_t o = l->head; o != RL_SLOT_NONE; o = b->orders[o].next) {
                rest -= b->orders[o].qty;
                hash +=
                    rl_books_hash_one(i >> 1, b->orders[o].id, i & 1, l->px_nano, b->orders[o].qty);
            }
            if (rest > 0)
                hash += rl_books_hash_one(i >> 1, 0, i & 1, l->px_nano, rest);
        }
    }
    return hash;
}

/* --- integrity -------------------------------------------------------------------------------- */

/* One level: its queue, sums and links. Adds its orders to *n_orders; NULL when all is well. */
static const char *check_level(const struct rl_books *b, uint32_t level, uint32_t *n_orders)
{
    const struct rl_book_level *l = &b->levels[level];
    uint32_t prev = RL_SLOT_NONE, n = 0;
    uint64_t sum = 0;

    for (uint32_t i = l->head; i != RL_SLOT_NONE; prev = i, i = b->orders[i].next) {
        const struct rl_book_order *o;

        if (i >= b->n_orders_max || ++n > b->n_orders)
            return "a queue leads out of the pool or in a circle";
        o = &b->orders[i];
        if (o->prev != prev || o->level != level || o->instrument != l->owner >> 1)
            return "an order does not link back to its level or neighbour";
        if (o->qty == 0 || __builtin_add_overflow(sum, o->qty, &sum))
            return "an order of no quantity, or a sum beyond 64 bits";
        if (rl_books_find(b, o->instrument, o->id, NULL, NULL) != o)
            return "a live order is not found by its id";
    }
    if (l->tail != prev || l->n_orders != n)
        return "a queue's tail or count is wrong";
    if (l->qty < sum || l->qty == 0)
        return "a level's quantity is not the sum of its orders";
    *n_orders += n;
    return NULL;
}

static const char *check_side(const struct rl_books *b, uint32_t instrument, unsigned side)
{
    const struct rl_book *book = &b->books[instrument];
    const struct rl_book_key *keys = book->keys[side];
    uint8_t class = b->key_classes[2 * (size_t)instrument + side];
    uint32_t n = book->n_levels[side], n_orders = 0;
    int64_t px_nano = RL_PX_NONE;
    uint64_t qty = 0;

    if (n > 0 && (class >= RL_BOOK_KEY_CLASSES || n > (uint32_t)RL_BOOK_KEYS_MIN << class))
        return "a side has more levels than keys";
    for (uint32_t i = 0; i < n; i++) {
        const struct rl_book_level *l = &b->levels[keys[i].level];
        const char *what;

        if (keys[i].level >= b->n_levels_max || l->owner != instrument * 2 + side)
            return "a key leads to another side's level";
        if (keys[i].rank != rl_book_rank(side, l->px_nano) ||
            (i > 0 && keys[i - 1].rank >= keys[i].rank))
            return "the levels of a side are not in order";
        what = check_level(b, keys[i].level, &n_orders);
        if (what)
            return what;
        px_nano = l->px_nano;
        qty = l->qty;
    }
    if (book->n_orders[side] != n_orders)
        return "a side's count of orders is wrong";
    if (book->bbo.px_nano[side] != px_nano || book->bbo.qty[side] != qty)
        return "the best price kept is not the best level";
    return NULL;
}

static const char *check_pools(const struct rl_books *b)
{
    uint64_t n_levels = 0, n_orders = 0, n_slots = 0, n_free = 0;

    for (uint32_t i = 0; i < b->n_instruments; i++) {
        n_levels += (uint64_t)b->books[i].n_levels[0] + b->books[i].n_levels[1];
        n_orders += (uint64_t)b->books[i].n_orders[0] + b->books[i].n_orders[1];
    }
    if (n_levels != b->n_levels || n_orders != b->n_orders)
        return "the counts of all levels or orders are wrong";
    for (uint64_t i = 0; i <= b->index_mask; i++)
        n_slots += b->index[i].order != RL_SLOT_NONE;
    if (n_slots != b->n_orders)
        return "the index holds an id that has no order";
    for (uint32_t i = b->free_order; i != RL_SLOT_NONE; i = b->orders[i].level)
        if (i >= b->n_orders_max || ++n_free > b->n_orders_max)
            return "the list of free orders is broken";
    if (n_free + b->n_orders != b->n_orders_max)
        return "an order is neither free nor live";
    n_free = 0;
    for (uint32_t i = b->free_level; i != RL_SLOT_NONE; i = b->levels[i].owner)
        if (i >= b->n_levels_max || ++n_free > b->n_levels_max)
            return "the list of free levels is broken";
    if (n_free + b->n_levels != b->n_levels_max)
        return "a level is neither free nor live";
    return NULL;
}

int rl_books_check(const struct rl_books *b, const char **what)
{
    const char *seen = check_pools(b);

    for (uint32_t i = 0; !seen && i < 2 * b->n_instruments; i++)
        seen = check_side(b, i >> 1, i & 1);
    if (what)
        *what = seen;
    return seen ? -EBADMSG : 0;
}
