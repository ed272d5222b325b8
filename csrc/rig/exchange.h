/*
 * exchange - the venue's side of the order session: checks every order to the last byte and fills
 * it.
 *
 * An order counts as valid only when it parses and its checksum is right, every field is there and
 * sane, its ClOrdID is new and larger than all before, its symbol is one of the stream's, and
 * SecondaryClOrdID (526) names a message that really was sent. Only such orders are timed and
 * answered, by a full fill.
 *
 * Threads:  the rig thread.
 * Memory:   the symbol table is taken from the arena by init.
 * Cost:     a FIX parse and an encoding an order; no allocation, lock or system call.
 */
#ifndef RL_RIG_EXCHANGE_H
#define RL_RIG_EXCHANGE_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/hist.h"
#include "base/mem.h"
#include "market/feed/feed.h"
#include "market/fix/fix.h"
#include "net/port.h"
#include "rig/sent.h"

/* Every order received is valid or has exactly one fault. X(name, what it counts) */
#define RL_EXCHANGE_FAULTS(X)                                                            \
    X(orders_garbled, "orders that are no FIX message, or not a NewOrderSingle")         \
    X(orders_incomplete, "orders with a required field missing, repeated or unreadable") \
    X(orders_insane, "orders with a quantity, price, side or type that makes no sense")  \
    X(orders_repeated, "orders whose ClOrdID is not larger than all before")             \
    X(orders_misnumbered, "orders whose MsgSeqNum is not the next")                      \
    X(orders_bad_symbol, "orders for a symbol the stream does not have")                 \
    X(orders_unknown, "orders that name a message which was never sent")                 \
    X(orders_late, "orders that name a message sent too long ago to be timed")

/* X(name, what it counts) */
#define RL_EXCHANGE_COUNTERS(X)                                           \
    X(orders_received, "frames received on the order session")            \
    X(orders_valid, "orders without fault")                               \
    X(orders_measured, "of these, caused by a message after the warm-up") \
    RL_EXCHANGE_FAULTS(X)                                                 \
    X(answers_sent, "execution reports sent")                             \
    X(answers_unsent, "execution reports lost: no room on the wire")

#define RL_EXCHANGE_MEMBER(name, what) _Atomic uint64_t name;
struct rl_exchange_counters {
    RL_EXCHANGE_COUNTERS(RL_EXCHANGE_MEMBER)
};
#undef RL_EXCHANGE_MEMBER

#define RL_EXCHANGE_BURST 16
#define RL_EXCHANGE_FIELDS 64

struct rl_exchange {
    const struct rl_clock *clock;
    struct rl_port *port; /* venue's end of the order session */
    const struct rl_sent *sent;
    char (*symbols)[RL_FEED_SYMBOL]; /* hash table, "" free */
    uint64_t symbol_mask;
    uint64_t max_qty;      /* a larger order makes no sense */
    uint64_t last_id;      /* largest ClOrdID so far */
    uint64_t order_seq;    /* MsgSeqNum of the next order */
    uint64_t answer_seq;   /* MsgSeqNum of the next report */
    uint64_t n_executions; /* numbers executions and orders */
    uint64_t unix_base_ns; /* UTC at tsc_base */
    uint64_t tsc_base;
    struct rl_fix_template report;
    struct rl_fix_msg order;
    struct rl_fix_field fields[RL_EXCHANGE_FIELDS];
    struct rl_hist service;                   /* ns, received - actually sent */
    RL_ALIGNED struct rl_exchange_counters n; /* rig thread */
};

size_t rl_exchange_bytes(uint32_t n_symbols);

/* `service` must be initialised. 0, or -ENOMEM when the arena is too small. */
int rl_exchange_init(struct rl_exchange *x, struct rl_arena *arena, uint32_t n_symbols,
                     uint64_t max_qty, const struct rl_clock *clock, struct rl_port *port,
                     const struct rl_sent *sent);

/* Lists a symbol; before the first order. Names beyond n_symbols are ignored. */
void rl_exchange_list(struct rl_exchange *x, const char *symbol);

/* Takes at most RL_EXCHANGE_BURST orders; how many. Response times (received - intended) go to
 * `wire`. */
uint32_t rl_exchange_turn(struct rl_exchange *x, struct rl_hist *wire);

extern const char *const rl_exchange_counter_names[]; /* NULL ends it */

#endif
