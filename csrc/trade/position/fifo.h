/*
 * fifo - the lots of positions whose account closes the oldest first: a bounded pool of lists.
 *
 * A lot is what one execution opened and nobody closed yet. A closing execution takes the oldest
 * lots whole and a part of the next; a part costs px * qty like the whole, so nothing is rounded.
 * An execution at the price of the newest lot joins it: in money that makes no difference, and it
 * saves a lot. An execution that would need a lot when the pool has none left is refused, and
 * nothing changed; one that frees a lot before it needs one is not.
 *
 * Threads:  one writer, the order thread.
 * Memory:   the caller's, 24 bytes a lot; lot 0 is nobody's, so that all zero is an empty list.
 * Cost:     each lot is opened once and closed once; an execution that closes n lots walks n.
 */
#ifndef RL_TRADE_FIFO_H
#define RL_TRADE_FIFO_H

#include "trade/position/position.h"

struct rl_lot {
    uint64_t qty;
    int64_t px_nano;
    uint32_t next; /* newer, or free; 0: none */
    uint32_t zero;
};

struct rl_fifo {
    struct rl_lot *lots; /* [1 .. n_lots] */
    uint32_t n_lots, n_free;
    uint32_t free; /* 0: none */
};

/* What an execution does to the lots of a position, before anything is written. */
struct rl_fifo_plan {
    rl_money taken;     /* out of the cost, signed as it is */
    uint32_t last_gone; /* the oldest lots up to this one go; 0: none */
    uint32_t first;     /* then this is the oldest; 0: none is left */
    uint32_t n_gone;
    uint64_t first_qty; /* and this is what stays of it */
    uint64_t opening;   /* lots that the rest of the execution opens */
};

/* What a plan overwrote: enough to go back. */
struct rl_fifo_undo {
    struct {
        uint32_t at;
        struct rl_lot was;
    } lots[2]; /* an execution writes no more: it shortens a list, or grows it by one */
    uint32_t n, n_free, free;
};

size_t rl_fifo_bytes(uint32_t n_lots);

/* `memory`: rl_fifo_bytes(n_lots), aligned as a lot. Every lot is free. */
void rl_fifo_init(struct rl_fifo *f, void *memory, uint32_t n_lots);

/* False when the pool has no lot for what is opened. */
bool rl_fifo_plan(const struct rl_fifo *f, const struct rl_position *p, enum rl_side side,
                  int64_t px_nano, uint64_t qty, struct rl_fifo_plan *plan);

/* Writes the lots, and only those members of the position that lead to them. `undo` may be NULL. */
void rl_fifo_take(struct rl_fifo *f, struct rl_position *p, int64_t px_nano,
                  const struct rl_fifo_plan *plan, struct rl_fifo_undo *undo);

/* Takes back the last rl_fifo_take; the position is the caller's to restore. */
void rl_fifo_undo(struct rl_fifo *f, const struct rl_fifo_undo *undo);

/* As rl_position_fill, _bust and _correct, at the price of the oldest lots. */
bool rl_fifo_fill(struct rl_fifo *f, struct rl_position *p, enum rl_side side, int64_t px_nano,
                  uint64_t qty);
bool rl_fifo_bust(struct rl_fifo *f, struct rl_position *p, enum rl_side side, int64_t px_nano,
                  uint64_t qty);
bool rl_fifo_correct(struct rl_fifo *f, struct rl_position *p, enum rl_side side,
                     int64_t was_px_nano, uint64_t was_qty, int64_t px_nano, uint64_t qty);

/* Walks the list: its lots add up to the position. */
bool rl_fifo_holds(const struct rl_fifo *f, const struct rl_position *p);

#endif
