/*
 * ledger - the positions of all accounts in all instruments, what the accounts have earned, and
 * how exposed they are if every open order fills.
 *
 * Every sum of an account is kept up to date by each call, so that asking costs a load. Per
 * instrument, with m its mark, n = net, b and s the lots of open buys and sells:
 *   unrealised     n * m - cost
 *   gross          max(|n + b|, |n - s|) * |m|    the most we can hold, whatever fills
 *   net_high       (n + b) * |m|                  all buys fill and no sell does
 *   net_low        (n - s) * |m|                  all sells fill and no buy does
 * and the account's are the sums over its instruments. Since each order fills or not, no outcome
 * leaves [net_low, net_high], and both ends are reached. A price below zero is as much of an
 * exposure as one above: hence |m|.
 *   open_notional  the sum over open orders of |px| * qty that they reserve
 * An instrument without a mark adds nothing to the first four and, when the account has anything in
 * it, one to n_unmarked: what the sums leave out is never silently 0. A position whose mark is old
 * shows in oldest_mark_tsc. Callers fail closed on both: rl_ledger_is_marked.
 *
 * An order reserves (qty, px) from send to end; rl_ledger_move says what it reserved before and
 * what it reserves now, rl_ledger_execute the same together with an execution, so that the lots
 * move from the order to the position at once. All return false and change nothing when a sum would
 * leave its range, a lot is not to be had, more is released than is reserved, or there is no such
 * account or instrument. No |n + b| or |n - s| goes beyond INT64_MAX.
 *
 * Threads:  one writer, the order thread. Other threads and processes read the views (view.h).
 * Memory:   from an arena: 136 bytes an account and instrument, 24 an instrument, 24 a FIFO lot.
 * Cost:     no loop but over the lots that an execution closes (FIFO) and, for a mark, over the
 *           accounts that have anything in the instrument. A position that opens or closes moves
 *           log2(positions of the account) heap entries. Measured: bench_ledger.
 */
#ifndef RL_TRADE_LEDGER_H
#define RL_TRADE_LEDGER_H

#include "base/mem.h"
#include "trade/position/fifo.h"
#include "trade/position/oldest.h"
#include "trade/position/position.h"
#include "trade/scope.h"

/* Numbers are stored in limit sets: append, never renumber. */
enum rl_method { RL_METHOD_AVERAGE = 0, RL_METHOD_FIFO = 1 };

/* The sums of one account; profit = realised + unrealised - fees. */
struct rl_account {
    RL_ALIGNED rl_money realised;
    rl_money unrealised;
    rl_money fees;
    rl_money gross;
    rl_money net_high, net_low;
    rl_money open_notional;
    uint64_t oldest_mark_tsc; /* of what is held; 0: never marked; UINT64_MAX: nothing held */
    uint32_t n_open;          /* orders that reserve anything */
    uint32_t n_unmarked;      /* instruments with anything in them and no mark */
};

/* What an instrument is worth. */
struct rl_mark {
    int64_t px_nano; /* RL_PX_NONE: never marked */
    uint64_t tsc;
    uint64_t accounts; /* bit a: account a holds or has open orders here */
};

struct rl_ledger {
    struct rl_account *accounts;
    struct rl_position *positions; /* [account][instrument] */
    struct rl_mark *marks;         /* [instrument] */
    struct rl_oldest *oldest;      /* [account]: held instruments by age of their mark */
    struct rl_fifo fifo;
    uint64_t is_fifo; /* bit a: account a */
    uint32_t n_accounts, n_instruments;
};

struct rl_ledger_config {
    uint32_t n_accounts;    /* 1 .. RL_MAX_ACCOUNTS */
    uint32_t n_instruments; /* 1 .. RL_MAX_SYMBOLS */
    uint32_t n_fifo_lots;   /* of all accounts together; below 2^31 */
    uint8_t method[RL_MAX_ACCOUNTS];
};

/* What rl_ledger_init takes from its arena; 0 for a configuration out of range. */
size_t rl_ledger_bytes(const struct rl_ledger_config *config);

/* Everything flat and nothing marked. -EINVAL, -ENOMEM (the arena is too small). */
int rl_ledger_init(struct rl_ledger *l, struct rl_arena *arena,
                   const struct rl_ledger_config *config);

/* No check: account and instrument are in range. */
static inline struct rl_position *rl_ledger_at(const struct rl_ledger *l, uint32_t account,
                                               uint32_t instrument)
{
    return &l->positions[(size_t)account * l->n_instruments + instrument];
}

/* --- what happens ----------------------------------------------------------------------------- */

/* An execution of an order, and what the order reserves before and after it. */
static inline bool rl_ledger_execute(struct rl_ledger *l, uint32_t account, uint32_t instrument,
                                     enum rl_side side, int64_t px_nano, uint64_t qty,
                                     uint64_t was_qty, int64_t was_px_nano, uint64_t now_qty,
                                     int64_t now_px_nano);

/* An execution that touches no reservation. */
static inline bool rl_ledger_fill(struct rl_ledger *l, uint32_t account, uint32_t instrument,
                                  enum rl_side side, int64_t px_nano, uint64_t qty);

/* The reservation of an order changes: 0 -> now at send, was -> 0 at the end. A price without a
 * quantity says nothing; RL_PX_NONE with one is refused. */
static inline bool rl_ledger_move(struct rl_ledger *l, uint32_t account, uint32_t instrument,
                                  enum rl_side side, uint64_t was_qty, int64_t was_px_nano,
                                  uint64_t now_qty, int64_t now_px_nano);

/* Charged above 0. */
static inline bool rl_ledger_fee(struct rl_ledger *l, uint32_t account, uint32_t instrument,
                                 rl_money fee);

/* Takes back an execution of `side`. */
bool rl_ledger_bust(struct rl_ledger *l, uint32_t account, uint32_t instrument, enum rl_side side,
                    int64_t px_nano, uint64_t qty);

/* The bust of what was told first, then the execution as told now: both or neither. */
bool rl_ledger_correct(struct rl_ledger *l, uint32_t account, uint32_t instrument,
                       enum rl_side side, int64_t was_px_nano, uint64_t was_qty, int64_t px_nano,
                       uint64_t qty);

/*
 * What an instrument is worth from now on; false, and the mark stays and ages, when a sum would
 * leave its range or the price is RL_PX_NONE. A mark at an unchanged price is as fresh as any.
 */
bool rl_ledger_mark(struct rl_ledger *l, uint32_t instrument, int64_t px_nano, uint64_t now_tsc);

/* --- what it comes to ------------------------------------------------------------------------- */

/* Exposure of an account. */
struct rl_exposure {
    rl_money gross, net_high, net_low;
    rl_money open_notional;
    int64_t longest, shortest; /* of the instrument: n + b, n - s */
};

/*
 * The exposure if the reservation moved as rl_ledger_move would move it; nothing changes. False
 * where that would be false, and when the instrument has no mark.
 */
static inline bool rl_ledger_foresee(const struct rl_ledger *l, uint32_t account,
                                     uint32_t instrument, enum rl_side side, uint64_t was_qty,
                                     int64_t was_px_nano, uint64_t now_qty, int64_t now_px_nano,
                                     struct rl_exposure *out);

/* -(realised + unrealised - fees): above 0 is a loss. RL_MONEY_MAX when the sum has no room. */
static inline rl_money rl_ledger_loss(const struct rl_ledger *l, uint32_t account);

/* The most that can be held, whatever fills: per symbol the worse side, summed. */
static inline rl_money rl_ledger_gross(const struct rl_ledger *l, uint32_t account)
{
    return l->accounts[account].gross;
}

/* The further from zero of net_high and net_low, as a magnitude; RL_MONEY_MAX: it has no room. */
static inline rl_money rl_ledger_net(const struct rl_ledger *l, uint32_t account);

/* Whether the sums can be trusted: nothing without a mark, no held mark older than `max_age`. */
static inline bool rl_ledger_is_marked(const struct rl_ledger *l, uint32_t account,
                                       uint64_t now_tsc, uint64_t max_age_ticks);

/* The sums over all accounts; false when one leaves its range on the way. A loop over accounts. */
bool rl_ledger_sum(const struct rl_ledger *l, struct rl_account *out);

/*
 * Everything that executions, fees and orders made of it, as 64 bits: positions, lots,
 * open_notional of accounts. Marks are an input and left out, and so is what depends on them.
 */
uint64_t rl_ledger_hash(const struct rl_ledger *l);

/* Recomputes every sum, list and heap: 0, or -EBADMSG and what is wrong (why may be NULL). */
int rl_ledger_check(const struct rl_ledger *l, const char **why);

#include "trade/position/ledger_inline.h"

#endif
