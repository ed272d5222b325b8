/* Whether everything that is known of the orders hangs together. */
#include <errno.h>

#include "rig/exchange/match_inner.h"

/* One live order, resting or waiting. NULL when all is well. */
static const char *check_order(const struct rl_match *m, uint32_t n)
{
    const struct rl_match_order *a = &m->orders[n];
    const struct rl_match_extra *x = &m->extras[n];
    bool waits = rl_match_waits(m, n);

    if (a->owner >= m->config.n_owners)
        return "an order's owner is out of range";
    if (waits ? a->type < RL_MATCH_STOP || a->type >= RL_MATCH_N_TYPES : a->type != RL_MATCH_LIMIT)
        return "an order of this type can neither rest nor wait there";
    if (!waits && (a->tif == RL_MATCH_IOC || a->tif == RL_MATCH_FOK))
        return "an order rests that was to end at once";
    if (a->flags & RL_MATCH_ICEBERG && (waits || x->show_qty == 0))
        return "an iceberg waits, or shows nothing";
    if (a->flags & RL_MATCH_ICEBERG && rl_match_node(m, n)->qty > x->show_qty)
        return "an iceberg shows more than it may";
    if (rl_match_node(m, n)->qty + rl_match_hidden(m, n) > m->max_qty ||
        a->done > m->max_qty - rl_match_node(m, n)->qty - rl_match_hidden(m, n))
        return "an order is larger than any may be";
    if ((a->tif == RL_MATCH_GTD) != ((a->flags & RL_MATCH_DATED) != 0))
        return "an order with a date is not marked so, or another is";
    if (a->flags & RL_MATCH_DATED && (x->heap_at >= m->n_heap || m->heap[x->heap_at] != n))
        return "an order's date is not where it says";
    if (a->flags & RL_MATCH_DATED && x->expire_ns < m->next_expiry_ns)
        return "a date comes before the next one";
    if (rl_match_is_live(m, rl_match_node(m, n)->instrument) && a->tif == RL_MATCH_AT_OPEN)
        return "an order for an auction outlived it";
    return NULL;
}

/* All orders of an instrument; adds up whose they are, how many have dates and are all-or-none. */
struct totals {
    uint64_t n_dated, n_whole, n_trailing;
};

static const char *check_side(const struct rl_match *m, bool waiting, uint32_t instrument,
                              unsigned side, struct totals *t)
{
    const struct rl_books *b = waiting ? &m->stops : &m->books;
    const struct rl_book *book = &b->books[instrument];
    const uint32_t *slots = b->slots + rl_ladder_keys(book, side);

    for (uint32_t i = 0; i < book->n_levels[side]; i++) {
        const struct rl_book_level *l = &b->nodes[slots[i]].level;
        uint64_t since = 0;

        for (uint32_t at = l->head; at < b->n_orders_max; at = b->nodes[at].order.next) {
            uint32_t n = waiting ? m->config.n_orders + at : at;
            const struct rl_match_order *a = &m->orders[n];
            const char *what = check_order(m, n);

            if (what)
                return what;
            if (a->since < since || a->since > m->seq)
                return "an order stands before an older one";
            since = a->since;
            t->n_dated += (a->flags & RL_MATCH_DATED) != 0;
            t->n_whole += !waiting && a->flags & RL_MATCH_ALL_OR_NONE;
            t->n_trailing += waiting && a->type >= RL_MATCH_TRAILING_STOP;
        }
    }
    return NULL;
}

static const char *check_trailing(const struct rl_match *m, const struct rl_match_instrument *i,
                                  uint64_t n_expected)
{
    uint64_t n_seen = 0;

    for (unsigned side = 0; side < 2; side++) {
        uint32_t prev = RL_SLOT_NONE, n = i->trailing[side];

        for (; n != RL_SLOT_NONE; prev = n, n = m->waits[n - m->config.n_orders].next) {
            if (n < m->config.n_orders || n - m->config.n_orders >= m->n_stops ||
                ++n_seen > n_expected)
                return "the list of trailing stops leads elsewhere";
            if (m->orders[n].type < RL_MATCH_TRAILING_STOP || rl_match_side(m, n) != side ||
                m->waits[n - m->config.n_orders].prev != prev)
                return "the list of trailing stops has others in it";
        }
        if (i->trailing_tail[side] != prev)
            return "the list of trailing stops ends elsewhere";
    }
    return n_seen == n_expected ? NULL : "a trailing stop is not in their list";
}

static const char *check_instrument(const struct rl_match *m, uint32_t instrument,
                                    uint64_t *n_dated)
{
    const struct rl_match_instrument *i = &m->instruments[instrument];
    const struct rl_book_level *bid = rl_match_best(&m->books, instrument, RL_BUY);
    const struct rl_book_level *offer = rl_match_best(&m->books, instrument, RL_SELL);
    uint32_t n_waiting = rl_books_n_orders(&m->stops, instrument, RL_BUY) +
                         rl_books_n_orders(&m->stops, instrument, RL_SELL);
    struct totals t = {0, 0, 0};
    bool shut = i->phase != RL_MATCH_OPEN || i->is_off;

    for (unsigned k = 0; k < 4; k++) {
        const char *what = check_side(m, k >= 2, instrument, k & 1, &t);

        if (what)
            return what;
    }
    *n_dated += t.n_dated;
    if (t.n_whole != i->n_whole || n_waiting != i->n_waiting)
        return "all-or-none orders or stops are not as many as counted";
    if (shut != ((i->rules & RL_MATCH_RULE_SHUT) != 0) ||
        (n_waiting > 0) != ((i->rules & RL_MATCH_RULE_STOPS) != 0) ||
        (t.n_whole > 0 && !(i->rules & RL_MATCH_RULE_WHOLE)))
        return "an instrument's rules are not what they should be";
    if (!shut && bid->px_nano != RL_PX_NONE && offer->px_nano != RL_PX_NONE &&
        bid->px_nano >= offer->px_nano &&
        !((m->orders[bid->head].flags | m->orders[offer->head].flags) & RL_MATCH_ALL_OR_NONE))
        return "two orders cross that could trade";
    return check_trailing(m, i, t.n_trailing);
}

static const char *check_all(const struct rl_match *m)
{
    uint64_t n_dated = 0, n_live = 0;

    for (uint32_t i = 0; i < m->config.n_instruments; i++) {
        const char *what = check_instrument(m, i, &n_dated);

        if (what)
            return what;
    }
    if (n_dated != m->n_heap)
        return "a date belongs to no order";
    if ((m->n_heap == 0) != (m->next_expiry_ns == UINT64_MAX) && m->n_heap == 0)
        return "there is a next date without any";
    for (uint32_t i = 0; i < m->config.n_owners; i++)
        n_live += m->n_live[i];
    if (n_live != (uint64_t)m->books.n_orders + m->stops.n_orders || n_live > m->config.n_orders)
        return "the owners have not as many orders as there are";
    if (m->n_events != 0)
        return "events have not been told";
    return NULL;
}

int rl_match_check(const struct rl_match *m, const char **what)
{
    const char *seen = NULL;
    int err = rl_books_check(&m->books, &seen);

    if (err == 0)
        err = rl_books_check(&m->stops, &seen);
    if (err == 0)
        seen = check_all(m);
    if (what)
        *what = seen;
    return seen ? -EBADMSG : 0;
}
