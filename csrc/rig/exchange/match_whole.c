/*
 * Crossed books: what all-or-none orders leave, or matching that was off.
 *
 * A chain is found by walking both sides in the order of their priority and always taking the next
 * order on the side that has less so far, until both have the same: all of them trade whole, but
 * the last if it need not.
 */
#include "rig/exchange/match_inner.h"

uint32_t rl_match_behind(const struct rl_match *m, uint32_t n)
{
    const struct rl_books *b = &m->books;
    const struct rl_book_order *o = &b->nodes[n].order;
    const struct rl_book_level *l;
    const struct rl_book *book;
    uint64_t keys;
    uint32_t at;
    unsigned side;

    if (o->next < b->n_orders_max)
        return o->next;
    l = &b->nodes[o->level].level;
    side = rl_level_side(l);
    book = &b->books[o->instrument];
    keys = rl_ladder_keys(book, side);
    at = rl_ladder_search(b->ranks + keys, book->n_levels[side], rl_book_rank(side, l->px_nano));
    return at > 0 ? b->nodes[b->slots[keys + at - 1]].level.head : RL_SLOT_NONE;
}

static bool is_whole(const struct rl_match *m, uint32_t n)
{
    return m->orders[n].flags & RL_MATCH_ALL_OR_NONE;
}

static uint64_t open_qty(const struct rl_match *m, uint32_t n)
{
    return m->books.nodes[n].order.qty + rl_match_hidden(m, n);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The next that takes part. */
static uint32_t next_of(const struct rl_match *m, uint32_t n, unsigned flags)
{
    do
        n = rl_match_behind(m, n);
    while (n != RL_SLOT_NONE && flags & RL_MATCH_IN_AUCTION && is_whole(m, n));
    return n;
}

void rl_match_pair_up(struct rl_match *m, uint32_t buy, uint32_t sell, uint64_t qty,
                      int64_t px_nano, unsigned flags)
{
    uint32_t at[2] = {buy, sell}, next[2] = {buy, sell};
    uint64_t left[2] = {0, 0};

    while (qty > 0) {
        uint64_t part = qty;

        for (unsigned side = 0; side < 2; side++) {
            if (left[side] == 0) { /* what is behind it is asked before it moves or goes */
                at[side] = next[side];
                left[side] = open_qty(m, at[side]);
                next[side] = next_of(m, at[side], flags);
            }
            part = least(part, least(left[side], m->books.nodes[at[side]].order.qty));
        }
        rl_match_trade_pair(m, at[RL_BUY], at[RL_SELL], part, px_nano, flags);
        left[RL_BUY] -= part;
        left[RL_SELL] -= part;
        qty -= part;
    }
}

/* --- chains ----------------------------------------------------------------------------------- */

/* The younger of two has the wish that counts. */
static unsigned stp_of(const struct rl_match *m, uint32_t a, uint32_t b)
{
    const struct rl_match_order *x = &m->orders[a], *y = &m->orders[b];

    if (x->owner != y->owner)
        return RL_MATCH_STP_NONE;
    return x->since > y->since ? x->stp : y->stp;
}

/* Whether in a chain nobody trades with himself against his wish: the pairs of rl_match_pair_up. */
static bool is_allowed(const struct rl_match *m, uint32_t buy, uint32_t sell, uint64_t qty)
{
    uint64_t bought = open_qty(m, buy), sold = open_qty(m, sell);

    for (;;) {
        uint64_t part = least(qty, least(bought, sold));

        if (stp_of(m, buy, sell) != RL_MATCH_STP_NONE)
            return false;
        qty -= part;
        bought -= part;
        sold -= part;
        if (qty == 0)
            return true;
        if (bought == 0)
            bought = open_qty(m, buy = rl_match_behind(m, buy));
        if (sold == 0)
            sold = open_qty(m, sell = rl_match_behind(m, sell));
    }
}

/* The quantity of the chain that begins with these two, one of them all-or-none; 0: there is none.
 */
static uint64_t find_chain(const struct rl_match *m, uint32_t buy, uint32_t sell, int64_t *px_nano)
{
    unsigned side = is_whole(m, buy) ? RL_BUY : RL_SELL;
    uint32_t next[2] = {buy, sell};
    uint64_t sum[2] = {0, 0};
    int64_t lowest_bid = INT64_MAX, highest_offer = INT64_MIN;

    *px_nano = rl_match_level(m, side == RL_BUY ? buy : sell)->px_nano;
    do {
        uint32_t n = next[side];
        uint64_t need = sum[1 - side] - sum[side], qty;
        int64_t px;

        if (n == RL_SLOT_NONE)
            return 0;
        px = rl_match_level(m, n)->px_nano;
        if (side == RL_BUY)
            lowest_bid = px;
        else
            highest_offer = px;
        if (lowest_bid < highest_offer)
            return 0;
        qty = open_qty(m, n);
        sum[side] += is_whole(m, n) ? qty : least(qty, need);
        next[side] = rl_match_behind(m, n);
        side = sum[RL_BUY] > sum[RL_SELL] ? RL_SELL : RL_BUY;
    } while (sum[RL_BUY] != sum[RL_SELL]);
    if (*px_nano > lowest_bid)
        *px_nano = lowest_bid;
    if (*px_nano < highest_offer)
        *px_nano = highest_offer;
    return is_allowed(m, buy, sell, sum[RL_BUY]) ? sum[RL_BUY] : 0;
}

/* --- all that crosses ------------------------------------------------------------------------- */

/* Two resting orders of one owner meet, and the younger does not want that. */
static void prevent(struct rl_match *m, uint32_t older, uint32_t younger)
{
    const unsigned reason = RL_MATCH_REASON_SELF_TRADE;
    unsigned stp = m->orders[younger].stp;
    uint64_t a = open_qty(m, older), b = open_qty(m, younger);

    if (stp == RL_MATCH_STP_DECREMENT) {
        if (a <= b)
            rl_match_end(m, older, RL_MATCH_EVENT_CANCELLED, reason);
        else
            rl_match_take_off(m, older, b, reason);
        if (b <= a)
            rl_match_end(m, younger, RL_MATCH_EVENT_CANCELLED, reason);
        else
            rl_match_take_off(m, younger, a, reason);
        return;
    }
    if (stp != RL_MATCH_STP_NEWEST)
        rl_match_end(m, older, RL_MATCH_EVENT_CANCELLED, reason);
    if (stp != RL_MATCH_STP_OLDEST)
        rl_match_end(m, younger, RL_MATCH_EVENT_CANCELLED, reason);
}

/* Two that need not trade whole. */
static void trade_fronts(struct rl_match *m, uint32_t buy, uint32_t sell)
{
    bool buy_is_older = m->orders[buy].since < m->orders[sell].since;
    uint32_t older = buy_is_older ? buy : sell, younger = buy_is_older ? sell : buy;

    if (stp_of(m, buy, sell) != RL_MATCH_STP_NONE)
        prevent(m, older, younger);
    else
        rl_match_trade_pair(m, buy, sell,
                            least(m->books.nodes[buy].order.qty, m->books.nodes[sell].order.qty),
                            rl_match_level(m, older)->px_nano, 0);
}

void rl_match_resolve(struct rl_match *m, uint32_t instrument)
{
    for (;;) {
        const struct rl_book_level *bid = rl_match_best(&m->books, instrument, RL_BUY);
        const struct rl_book_level *offer = rl_match_best(&m->books, instrument, RL_SELL);
        uint32_t buy = bid->head, sell = offer->head;
        int64_t px_nano;
        uint64_t qty;

        if (bid->px_nano == RL_PX_NONE || offer->px_nano == RL_PX_NONE ||
            bid->px_nano < offer->px_nano)
            return;
        if (!is_whole(m, buy) && !is_whole(m, sell)) {
            trade_fronts(m, buy, sell);
            continue;
        }
        qty = find_chain(m, buy, sell, &px_nano);
        if (qty == 0)
            return;
        rl_match_pair_up(m, buy, sell, qty, px_nano, 0);
    }
}
