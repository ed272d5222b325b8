/* The ledger from its positions alone: what its sums, lists and heaps must be, and its hash. */
#include "trade/position/ledger.h"

#include <errno.h>
#include <string.h>

#include "base/mix.h"

/* --- check ------------------------------------------------------------------------------------ */

/* Sums wrap on the way: the account's are in range, so they agree exactly when these do. */
static void add(rl_money *sum, rl_money part)
{
    *sum = (rl_money)((unsigned __int128)*sum + (unsigned __int128)part);
}

/* Adds what one position brings to its account; what is wrong with it, or NULL. */
static const char *recount(const struct rl_ledger *l, uint32_t account, uint32_t instrument,
                           struct rl_account *sums, uint64_t *n_lots)
{
    const struct rl_position *p = rl_ledger_at(l, account, instrument);
    const struct rl_mark *m = &l->marks[instrument];
    bool is_active = rl_position_is_active(p), is_held = p->net != 0;
    bool is_fifo = l->is_fifo >> account & 1;
    struct rl_outcomes o;
    struct rl_worth w;

    if (!rl_position_holds(p))
        return "a position: cash and cost, realised and fees do not agree";
    if ((p->n_open == 0) != (p->work[RL_BUY] == 0 && p->work[RL_SELL] == 0))
        return "a position: lots of open orders and their number";
    if (is_fifo ? !rl_fifo_holds(&l->fifo, p) : (p->n_lots | p->first_lot | p->last_lot) != 0)
        return "a position: its lots";
    if ((m->accounts >> account & 1) != is_active)
        return "a mark: the accounts in its instrument";
    if ((l->oldest[account].at[instrument] != 0) != is_held)
        return "a heap: the instruments in it";
    if (!rl_outcomes_of(p->net, p->work[RL_BUY], p->work[RL_SELL], &o))
        return "a position: an outcome beyond 64 bits";
    rl_worth_of(m->px_nano, p->net, &o, p->cost, &w);
    add(&sums->unrealised, w.unrealised);
    add(&sums->gross, w.gross);
    add(&sums->net_high, w.net_high);
    add(&sums->net_low, w.net_low);
    add(&sums->realised, p->realised);
    add(&sums->fees, p->fees);
    sums->n_open += p->n_open;
    sums->n_unmarked += is_active && m->px_nano == RL_PX_NONE;
    if (is_held && m->tsc < sums->oldest_mark_tsc)
        sums->oldest_mark_tsc = m->tsc;
    *n_lots += p->n_lots;
    return NULL;
}

static const char *check_account(const struct rl_ledger *l, uint32_t account, uint64_t *n_lots)
{
    const struct rl_account *a = &l->accounts[account];
    struct rl_account sums = {.oldest_mark_tsc = UINT64_MAX};

    if (!rl_oldest_holds(&l->oldest[account], l->marks, l->n_instruments))
        return "a heap: its order";
    for (uint32_t i = 0; i < l->n_instruments; i++) {
        const char *what = recount(l, account, i, &sums, n_lots);

        if (what)
            return what;
    }
    if (a->realised != sums.realised || a->fees != sums.fees)
        return "an account: realised or fees";
    if (a->unrealised != sums.unrealised)
        return "an account: unrealised";
    if (a->gross != sums.gross || a->net_high != sums.net_high || a->net_low != sums.net_low)
        return "an account: exposure";
    if (a->n_open != sums.n_open || a->open_notional < 0 ||
        (a->n_open == 0 && a->open_notional != 0))
        return "an account: open orders";
    if (a->n_unmarked != sums.n_unmarked || a->oldest_mark_tsc != sums.oldest_mark_tsc)
        return "an account: marks";
    return NULL;
}

/* Every lot is in one list or free: the lists' lengths are known, and no list can close on itself
 * or on another without one of them being too long. */
static bool free_lots_hold(const struct rl_fifo *f, uint64_t n_used)
{
    uint64_t n = 0;

    for (uint32_t at = f->free; at != 0; at = f->lots[at].next)
        if (at > f->n_lots || ++n > f->n_lots)
            return false;
    return n == f->n_free && n + n_used == f->n_lots;
}

int rl_ledger_check(const struct rl_ledger *l, const char **why)
{
    const char *what = NULL;
    uint64_t n_lots = 0;

    for (uint32_t i = 0; i < l->n_accounts && !what; i++)
        what = check_account(l, i, &n_lots);
    for (uint32_t i = 0; i < l->n_instruments && !what; i++)
        if (l->n_accounts < 64 && l->marks[i].accounts >> l->n_accounts != 0)
            what = "a mark: an account that does not exist";
    if (!what && !free_lots_hold(&l->fifo, n_lots))
        what = "the pool of lots";
    if (why)
        *why = what;
    return what ? -EBADMSG : 0;
}

/* --- hash ------------------------------------------------------------------------------------- */

/* One step of splitmix64. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    return rl_mix(hash + word + RL_MIX_STEP);
}

static uint64_t mix_money(uint64_t hash, rl_money money)
{
    return mix(mix(hash, (uint64_t)money), (uint64_t)(money >> 64));
}

static uint64_t hash_position(const struct rl_ledger *l, const struct rl_position *p, uint64_t hash)
{
    hash = mix(hash, (uint64_t)p->net);
    for (unsigned side = 0; side < 2; side++)
        hash = mix(mix(hash, p->work[side]), p->done[side]);
    hash = mix(mix(hash, p->busted), p->n_open);
    hash = mix_money(mix_money(hash, p->cash), p->cost);
    hash = mix_money(mix_money(hash, p->realised), p->fees);
    for (uint32_t at = p->first_lot; at != 0; at = l->fifo.lots[at].next)
        hash = mix(mix(hash, l->fifo.lots[at].qty), (uint64_t)l->fifo.lots[at].px_nano);
    return hash;
}

uint64_t rl_ledger_hash(const struct rl_ledger *l)
{
    static const struct rl_position flat;
    uint64_t hash = mix(l->n_accounts, l->n_instruments);

    for (uint32_t i = 0; i < l->n_accounts; i++) {
        hash = mix_money(hash, l->accounts[i].open_notional);
        for (uint32_t k = 0; k < l->n_instruments; k++) {
            const struct rl_position *p = rl_ledger_at(l, i, k);

            if (memcmp(p, &flat, sizeof flat) != 0)
                hash = hash_position(l, p, mix(hash, (uint64_t)i << 32 | k));
        }
    }
    return hash;
}
