/*
 * view - positions, accounts and marks for any number of other threads and processes to read.
 *
 * Threads:  the ledger's writer shows; any number of readers, which never write and never make it
 *           wait. Every order sits in base/seqlock.h; this file has none of its own.
 * Memory:   one block without pointers that may lie in a mapping shared with other processes, which
 *           map it readable and no more. rl_ledger_view_check says whether it is one. Python reads
 *           it as arrays of the rows below (engine/trade/positions.py).
 * Cost:     a position and its account are 31 words, five lines; a reader copies as many.
 *
 * Nothing is shown by itself: the writer says when, at the end of a change, so that no reader sees
 * an execution booked and its order's lots still reserved. A copy is of one moment; two copies are
 * of two.
 */
#ifndef RL_TRADE_POSITION_VIEW_H
#define RL_TRADE_POSITION_VIEW_H

#include "base/seqlock.h"
#include "trade/position/ledger.h"

#define RL_LEDGER_VIEW_MAGIC 0x31726764656C6C72ULL /* "rlledgr1" */

/* A sequence and the words that it guards; the lock's line has room for seven of them. */
#define RL_SHOWN_ROW(name, n)            \
    union name {                         \
        struct rl_seqlock lock;          \
        struct {                         \
            uint64_t sequence;           \
            _Atomic uint64_t words[(n)]; \
        };                               \
    }

/* struct rl_position from `net` on: what it has before that leads to lots, and stays at home. */
enum { RL_SHOWN_POSITION_WORDS = 15, RL_SHOWN_ACCOUNT_WORDS = 16, RL_SHOWN_MARK_WORDS = 2 };
RL_SHOWN_ROW(rl_shown_position, RL_SHOWN_POSITION_WORDS);
RL_SHOWN_ROW(rl_shown_account, RL_SHOWN_ACCOUNT_WORDS);
RL_SHOWN_ROW(rl_shown_mark, RL_SHOWN_MARK_WORDS);

/* Followed by the accounts, the marks [instrument] and the positions [account][instrument]. */
struct rl_ledger_view {
    RL_ALIGNED uint64_t magic;
    uint64_t n_bytes; /* of everything */
    uint32_t n_accounts, n_instruments;
};

/* --- the writer ------------------------------------------------------------------------------- */

/* 0 when it is no ledger's size. */
size_t rl_ledger_view_bytes(uint32_t n_accounts, uint32_t n_instruments);

/*
 * Formats n_bytes at `memory`, aligned to a cache line; nothing is held and nothing is marked. NULL
 * when that is too few. Not while anybody reads it: a new writer takes a new block.
 */
struct rl_ledger_view *rl_ledger_view_init(void *memory, size_t n_bytes, uint32_t n_accounts,
                                           uint32_t n_instruments);

static inline union rl_shown_account *rl_shown_accounts(const struct rl_ledger_view *v)
{
    return (union rl_shown_account *)(v + 1);
}

static inline union rl_shown_mark *rl_shown_marks(const struct rl_ledger_view *v)
{
    return (union rl_shown_mark *)(rl_shown_accounts(v) + v->n_accounts);
}

static inline union rl_shown_position *rl_shown_positions(const struct rl_ledger_view *v)
{
    return (union rl_shown_position *)(rl_shown_marks(v) + v->n_instruments);
}

static inline void rl_shown_write_account(struct rl_ledger_view *v, const struct rl_account *a,
                                          uint32_t account)
{
    union rl_shown_account *row = &rl_shown_accounts(v)[account];
    uint64_t words[RL_SHOWN_ACCOUNT_WORDS];

    __builtin_memcpy(words, a, sizeof words);
    rl_seqlock_write(&row->lock, row->words, words, RL_SHOWN_ACCOUNT_WORDS);
}

/* Shows a position and its account: after each change. Sizes are the ledger's. */
static inline void rl_ledger_show(struct rl_ledger_view *v, const struct rl_ledger *l,
                                  uint32_t account, uint32_t instrument)
{
    size_t at = (size_t)account * l->n_instruments + instrument;
    union rl_shown_position *row = &rl_shown_positions(v)[at];
    uint64_t words[RL_SHOWN_POSITION_WORDS];

    __builtin_memcpy(words, &l->positions[at].net, sizeof words);
    rl_seqlock_write(&row->lock, row->words, words, RL_SHOWN_POSITION_WORDS);
    rl_shown_write_account(v, &l->accounts[account], account);
}

/* Shows a mark and every account that has anything in its instrument: after rl_ledger_mark. */
void rl_ledger_show_mark(struct rl_ledger_view *v, const struct rl_ledger *l, uint32_t instrument);

/* Everything, as after a replay. -EINVAL when the sizes are not the ledger's. */
int rl_ledger_show_all(struct rl_ledger_view *v, const struct rl_ledger *l);

/* --- readers ---------------------------------------------------------------------------------- */

/* Whether these bytes, mapped from elsewhere, are a view of this build: 0, -EINVAL or -EPROTO. */
int rl_ledger_view_check(const struct rl_ledger_view *v, size_t n_bytes);

/*
 * Consistent copies, in up to a thousand tries: false when the writer was at it in all of them,
 * died in a write, or there is no such row. A copied position leads to no lots.
 */
bool rl_ledger_read_position(const struct rl_ledger_view *v, uint32_t account, uint32_t instrument,
                             struct rl_position *out);
bool rl_ledger_read_account(const struct rl_ledger_view *v, uint32_t account,
                            struct rl_account *out);
/* `accounts` of a copied mark is 0: that is the writer's. */
bool rl_ledger_read_mark(const struct rl_ledger_view *v, uint32_t instrument, struct rl_mark *out);

#endif
