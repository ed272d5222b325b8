/*
 * update - what every feed says to the books, whatever language it spoke on the wire.
 *
 * Threads:  a value; no sharing.
 * Memory:   one cache line, filled by a decoder and read by rl_books_apply.
 * Cost:     nothing; decoders write only the members that the operation uses (see the table).
 */
#ifndef RL_MARKET_UPDATE_H
#define RL_MARKET_UPDATE_H

#include "base/defs.h"
#include "base/money.h"

/*
 * The members that an operation reads beside `op` and `instrument`; the others may hold rubbish.
 *
 * X(name, text)
 */
#define RL_OPS(X)                                                                               \
    X(NONE, "none")       /* nothing: the message does not concern the book */                  \
    X(ADD, "add")         /* id side px qty: a new order at the back of its price's queue */    \
    X(REDUCE, "reduce")   /* id qty: takes qty off; the order goes when nothing is left */      \
    X(DELETE, "delete")   /* id */                                                              \
    X(REPLACE, "replace") /* id new_id px qty: same side, always to the back of the queue */    \
    X(MODIFY, "modify")   /* id side px qty: keeps its place unless price moves or qty grows */ \
    X(LEVEL, "level")     /* side px qty: anonymous quantity at a price, 0 removes it */        \
    X(CLEAR, "clear")     /* (instrument): its book is empty */                                 \
    X(RESET, "reset")     /* no instrument: every book is empty */                              \
    X(TRADE, "trade")     /* side px qty: a print; no effect on the book */

enum rl_op {
#define RL_OP_ENUM(name, text) RL_OP_##name,
    RL_OPS(RL_OP_ENUM)
#undef RL_OP_ENUM
        RL_N_OPS
};

/* The instrument of an update that concerns all of them (RESET). */
#define RL_INSTRUMENT_ALL UINT32_MAX

struct rl_update {
    RL_ALIGNED uint64_t seq; /* the feed's sequence number of the message */
    uint64_t id;             /* unique among the live orders of one instrument */
    uint64_t new_id;
    int64_t px_nano;
    uint64_t qty;
    uint64_t ts_ns; /* the venue's stamp; ITCH counts from midnight, DBN from 1970; 0 unknown */
    uint32_t instrument; /* dense, numbered by the feed from 0 */
    uint8_t op;          /* enum rl_op */
    uint8_t side;        /* enum rl_side */
};
_Static_assert(sizeof(struct rl_update) == RL_CACHE_LINE, "one update, one line");

/* "add", "reduce" ...; "?" for a number that is no operation. */
const char *rl_op_name(unsigned op);

/*
 * Zeroes the members that the operation does not read, for those who show or compare updates.
 * NONE and TRADE keep the id: feeds name the message or the order there.
 */
void rl_update_tidy(struct rl_update *u);

#endif
