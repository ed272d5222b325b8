/* What subscribers hear: levels compared with what was told before, trades, phases. */
#include "rig/exchange/md_fix_inner.h"

static bool is_same(const struct rl_book_depth *a, const struct rl_book_depth *b)
{
    return a->px_nano == b->px_nano && a->qty == b->qty && a->n_orders == b->n_orders;
}

static bool are_same(const struct rl_book_depth *a, uint32_t n_a, const struct rl_book_depth *b,
                     uint32_t n_b)
{
    if (n_a != n_b)
        return false;
    for (uint32_t i = 0; i < n_a; i++)
        if (!is_same(&a[i], &b[i]))
            return false;
    return true;
}

/* --- one side of one subscription ---------------------------------------------------------------
 */

/* Both are sorted, best first: what only one of them has went or came. */
static void tell_side(struct rl_md_fix *md, unsigned side, const struct rl_book_depth *old,
                      uint32_t n_old, const struct rl_book_depth *now, uint32_t n_now)
{
    uint32_t i = 0, k = 0;

    while (i < n_old || k < n_now) {
        int64_t was = i < n_old ? rl_book_rank(side, old[i].px_nano) : RL_PX_NONE;
        int64_t is = k < n_now ? rl_book_rank(side, now[k].px_nano) : RL_PX_NONE;

        if (k == n_now || (i < n_old && was > is)) {
            rl_md_fix_level(md, '2', side, &old[i++]);
        } else if (i == n_old || is > was) {
            rl_md_fix_level(md, '0', side, &now[k++]);
        } else {
            if (!is_same(&old[i], &now[k]))
                rl_md_fix_level(md, '1', side, &now[k]);
            i++;
            k++;
        }
    }
}

static bool hears_change(const struct rl_md_fix_subscription *s, const struct rl_md_fix_book *b,
                         struct rl_book_depth *const now[2], const uint32_t n_now[2])
{
    for (unsigned side = RL_BUY; side <= RL_SELL; side++) {
        uint32_t n_old, n = n_now[side] < s->depth ? n_now[side] : s->depth;
        const struct rl_book_depth *old = rl_md_fix_levels(b, side, s->depth, &n_old);

        if (s->types & 1u << side && !are_same(old, n_old, now[side], n))
            return true;
    }
    return false;
}

/* A subscriber who gets no X now: its book is told as a whole when its time comes. */
static bool is_late(struct rl_md_fix *md, struct rl_md_fix_subscription *s)
{
    struct rl_md_fix_session *session = &md->sessions[s->handle];

    if (!s->is_full && !s->is_stale && !session->is_held && session->interval_ns == 0)
        return false;
    if (!s->is_stale) {
        s->is_stale = true;
        session->n_stale++;
        md->n_stale++;
    }
    return true;
}

/* What was just said to somebody with the same wishes is said again: only the head differs. */
static bool repeat(struct rl_md_fix *md, struct rl_md_fix_subscription *s)
{
    struct rl_md_fix_writer *w = &md->out;

    if (!w->is_whole || w->types != s->types || w->depth != s->depth)
        return false;
    if (is_late(md, s))
        return true;
    w->type = 'X';
    w->subscription = (uint32_t)(s - md->subscriptions);
    rl_md_fix_end(md);
    return true;
}

static void tell(struct rl_md_fix *md, struct rl_md_fix_subscription *s,
                 const struct rl_md_fix_book *b, const uint32_t n_now[2])
{
    if (repeat(md, s) || !hears_change(s, b, md->fresh, n_now) || is_late(md, s))
        return;
    rl_md_fix_begin(md, s, 'X');
    md->out.is_whole = true; /* until it is found too long */
    for (unsigned side = RL_BUY; side <= RL_SELL; side++) {
        uint32_t n_old, n = n_now[side] < s->depth ? n_now[side] : s->depth;
        const struct rl_book_depth *old = rl_md_fix_levels(b, side, s->depth, &n_old);

        if (s->types & 1u << side)
            tell_side(md, side, old, n_old, md->fresh[side], n);
    }
    rl_md_fix_end(md);
}

/* --- a book -------------------------------------------------------------------------------------
 */

static void phase_changed(struct rl_md_fix *md, uint32_t instrument)
{
    for (uint32_t i = md->books[instrument].first; i; i = md->subscriptions[i - 1].next_of_book) {
        const struct rl_md_fix_subscription *s = &md->subscriptions[i - 1];

        if (s->kind == RL_MD_FIX_STATUS)
            rl_md_fix_status(md, s->handle, (const uint8_t *)s->id, s->n_id, NULL, 0, instrument);
    }
}

void rl_md_fix_update(struct rl_md_fix *md, uint32_t instrument)
{
    struct rl_md_fix_book *b = &md->books[instrument];
    uint32_t n_now[2];

    for (unsigned side = RL_BUY; side <= RL_SELL; side++) {
        n_now[side] = rl_books_depth(md->config.books, instrument, (enum rl_side)side,
                                     md->fresh[side], md->config.n_depth);
        md->n.levels_cut += rl_books_n_levels(md->config.books, instrument, (enum rl_side)side) >
                            md->config.n_depth;
    }
    md->out.is_whole = false;
    for (uint32_t i = b->first; i; i = md->subscriptions[i - 1].next_of_book)
        if (md->subscriptions[i - 1].kind == RL_MD_FIX_PRICES)
            tell(md, &md->subscriptions[i - 1], b, n_now);
    for (unsigned side = RL_BUY; side <= RL_SELL; side++) {
        struct rl_book_depth *old = b->levels[side];

        b->levels[side] = md->fresh[side]; /* what is now is what was, the next time */
        b->n_levels[side] = n_now[side];
        md->fresh[side] = old;
    }
    if (b->is_phased)
        phase_changed(md, instrument);
    b->is_phased = false;
}

void rl_md_fix_snapshot(struct rl_md_fix *md, const struct rl_md_fix_subscription *s)
{
    const struct rl_md_fix_book *b = &md->books[s->instrument];

    rl_md_fix_begin(md, s, 'W');
    for (unsigned side = RL_BUY; side <= RL_SELL; side++) {
        uint32_t n;
        const struct rl_book_depth *levels = rl_md_fix_levels(b, side, s->depth, &n);

        for (uint32_t i = 0; s->types & 1u << side && i < n; i++)
            rl_md_fix_level(md, '0', side, &levels[i]);
    }
    if (s->types & RL_MD_FIX_TRADES && b->last.qty != 0)
        rl_md_fix_trade(md, &b->last);
    rl_md_fix_end(md);
}

/* --- trades -------------------------------------------------------------------------------------
 */

static void tell_trades(struct rl_md_fix *md, struct rl_md_fix_subscription *s)
{
    bool late = is_late(md, s);

    if (!late)
        rl_md_fix_begin(md, s, 'X');
    for (uint32_t i = 0; i < md->n_trades; i++) {
        if (md->trades[i].instrument != s->instrument)
            continue;
        if (late)
            md->n.trades_missed++;
        else
            rl_md_fix_trade(md, &md->trades[i]);
    }
    if (!late)
        rl_md_fix_end(md);
}

void rl_md_fix_trades(struct rl_md_fix *md)
{
    for (uint32_t k = 0; k < md->n_trades; k++) {
        struct rl_md_fix_book *b = &md->books[md->trades[k].instrument];

        if (!b->has_trades) /* told with the first of its trades */
            continue;
        b->has_trades = false;
        for (uint32_t i = b->first; i; i = md->subscriptions[i - 1].next_of_book)
            if (md->subscriptions[i - 1].kind == RL_MD_FIX_PRICES &&
                md->subscriptions[i - 1].types & RL_MD_FIX_TRADES)
                tell_trades(md, &md->subscriptions[i - 1]);
    }
    md->n_trades = 0;
}

/* --- phases -------------------------------------------------------------------------------------
 */

/* SecurityTradingStatus; before 4.3 there is no word for an auction but the delayed opening. */
static uint32_t status_of(const struct rl_md_fix *md, uint32_t handle, uint32_t instrument)
{
    enum { DELAYED = 1, HALT = 2, READY = 17, NOT_AVAILABLE = 18, UNKNOWN = 20, PRE_OPEN = 21 };

    if (instrument == RL_INSTRUMENT_ALL)
        return UNKNOWN;
    switch (md->config.venue->instruments[instrument].phase) {
    case RL_MATCH_OPEN:
        return READY;
    case RL_MATCH_HALTED:
        return HALT;
    case RL_MATCH_AUCTION:
        return md->sessions[handle].version >= RL_MD_FIX_43 ? PRE_OPEN : DELAYED;
    default:
        return NOT_AVAILABLE;
    }
}

void rl_md_fix_status(struct rl_md_fix *md, uint32_t handle, const uint8_t *id, uint32_t n_id,
                      const uint8_t *symbol, uint32_t n_symbol, uint32_t instrument)
{
    struct rl_fix_enc *e = rl_md_fix_body(md);

    rl_fix_put(e, TAG_SecurityStatusReqID, id, n_id);
    if (symbol)
        rl_fix_put(e, RL_FIX_Symbol, symbol, n_symbol);
    else
        rl_md_fix_put_symbol(md, e, instrument);
    rl_fix_put_char(e, TAG_UnsolicitedIndicator, symbol ? 'N' : 'Y');
    rl_fix_put_uint(e, TAG_SecurityTradingStatus, status_of(md, handle, instrument));
    md->n.statuses++;
    rl_md_fix_post(md, handle, "f");
}
