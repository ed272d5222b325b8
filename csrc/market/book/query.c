/* Questions to the books: depth, quantity at a price, cost of a quantity, queues. */
#include "market/book/book.h"
#include "market/book/ladder.h"
#include "market/book/table.h"

const char *rl_book_state_name(unsigned state)
{
    static const char *const names[] = {[RL_BOOK_EMPTY] = "empty",
                                        [RL_BOOK_ONE_SIDED] = "one-sided",
                                        [RL_BOOK_OPEN] = "open",
                                        [RL_BOOK_LOCKED] = "locked",
                                        [RL_BOOK_CROSSED] = "crossed"};

    return state < RL_COUNT(names) ? names[state] : "?";
}

/* The level of rank i (0 the best) of a side that has one. */
static const struct rl_book_level *level_at(const struct rl_books *b, uint32_t instrument,
                                            unsigned side, uint32_t i)
{
    const struct rl_book *book = &b->books[instrument];

    return &b->nodes[b->slots[rl_ladder_keys(book, side) + book->n_levels[side] - 1 - i]].level;
}

uint32_t rl_books_depth(const struct rl_books *b, uint32_t instrument, enum rl_side side,
                        struct rl_book_depth *out, uint32_t n)
{
    uint32_t n_levels = rl_books_n_levels(b, instrument, side);

    n = n < n_levels ? n : n_levels;
    for (uint32_t i = 0; i < n; i++) {
        const struct rl_book_level *l = level_at(b, instrument, side, i);

        out[i] = (struct rl_book_depth){l->px_nano, l->qty, l->n_orders};
    }
    return n;
}

uint32_t rl_books_n_orders(const struct rl_books *b, uint32_t instrument, enum rl_side side)
{
    uint32_t n_levels = rl_books_n_levels(b, instrument, side), n = 0;

    for (uint32_t i = 0; i < n_levels; i++)
        n += level_at(b, instrument, side, i)->n_orders;
    return n;
}

static const struct rl_book_level *level_of(const struct rl_books *b, uint32_t instrument,
                                            enum rl_side side, int64_t px_nano)
{
    uint32_t level;

    if (instrument >= b->n_instruments || px_nano == RL_PX_NONE)
        return NULL;
    level = rl_ladder_find(b, &b->books[instrument], side, px_nano);
    return level == RL_SLOT_NONE ? NULL : &b->nodes[level].level;
}

uint64_t rl_books_qty_at(const struct rl_books *b, uint32_t instrument, enum rl_side side,
                         int64_t px_nano)
{
    const struct rl_book_level *l = level_of(b, instrument, side, px_nano);

    return l ? l->qty : 0;
}

bool rl_books_vwap(const struct rl_books *b, uint32_t instrument, enum rl_side side, uint64_t qty,
                   uint64_t *filled_qty, __int128 *notional)
{
    uint32_t n_levels = rl_books_n_levels(b, instrument, side);
    uint64_t left = qty;
    __int128 sum = 0; /* at most 2^64 times 2^63 */

    for (uint32_t i = 0; i < n_levels && left > 0; i++) {
        const struct rl_book_level *l = level_at(b, instrument, side, i);
        uint64_t taken = l->qty < left ? l->qty : left;

        sum += (__int128)l->px_nano * (__int128)taken;
        left -= taken;
    }
    *filled_qty = qty - left;
    *notional = sum;
    return left == 0;
}

int64_t rl_books_vwap_px(__int128 notional, uint64_t qty)
{
    unsigned __int128 size =
        notional < 0 ? -(unsigned __int128)notional : (unsigned __int128)notional;
    int64_t px;

    if (qty == 0)
        return RL_PX_NONE;
    px = (int64_t)((size + qty / 2) / qty);
    return notional < 0 ? -px : px;
}

/* --- orders ----------------------------------------------------------------------------------- */

const struct rl_book_order *rl_books_find(const struct rl_books *b, uint32_t instrument,
                                          uint64_t id, int64_t *px_nano, enum rl_side *side)
{
    uint32_t order = rl_table_find(b, rl_books_home(b, id), instrument, id);
    const struct rl_book_level *l;

    if (order == RL_SLOT_NONE)
        return NULL;
    l = &b->nodes[b->nodes[order].order.level].level;
    if (px_nano)
        *px_nano = l->px_nano;
    if (side)
        *side = (enum rl_side)rl_level_side(l);
    return &b->nodes[order].order;
}

uint32_t rl_books_probes(const struct rl_books *b, uint32_t instrument, uint64_t id)
{
    struct rl_table_path p = rl_table_path(b, instrument, id);
    uint32_t place = b->table[rl_books_home(b, id)], n = 1;

    for (; !rl_table_is(b, place, instrument, id) && place >= RL_PLACE_PASSED_1; n++) {
        place = b->table[p.at];
        p.at = (p.at + p.stride) & b->mask;
    }
    return n;
}

uint32_t rl_books_queue_ahead(const struct rl_books *b, uint32_t instrument, uint64_t id,
                              uint64_t *qty_ahead)
{
    const struct rl_book_order *o = rl_books_find(b, instrument, id, NULL, NULL);
    uint64_t qty = 0;
    uint32_t n = 0;

    if (o)
        for (uint32_t at = o->prev; at < b->n_orders_max; at = b->nodes[at].order.prev) {
            qty += b->nodes[at].order.qty;
            n++;
        }
    if (qty_ahead)
        *qty_ahead = qty;
    return o ? n : RL_SLOT_NONE;
}

uint32_t rl_books_queue_rank(const struct rl_books *b, uint32_t instrument, uint64_t id)
{
    return rl_books_queue_ahead(b, instrument, id, NULL);
}

static const struct rl_book_order *front_of(const struct rl_books *b, const struct rl_book_level *l)
{
    return l == NULL || l->head >= b->n_orders_max ? NULL : &b->nodes[l->head].order;
}

const struct rl_book_order *rl_books_front(const struct rl_books *b, uint32_t instrument,
                                           enum rl_side side)
{
    if (rl_books_n_levels(b, instrument, side) == 0)
        return NULL;
    return front_of(b, level_at(b, instrument, side, 0));
}

const struct rl_book_order *rl_books_front_at(const struct rl_books *b, uint32_t instrument,
                                              enum rl_side side, int64_t px_nano)
{
    return front_of(b, level_of(b, instrument, side, px_nano));
}
