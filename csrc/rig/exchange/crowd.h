/*
 * crowd - everybody else in the market: an ITCH stream, replayed into the exchange as orders.
 *
 * So a client's order stands in a real queue, behind the orders that were there before it and in
 * front of those that came later, and is filled when its turn comes: not by chance, and not at a
 * touch of its price.
 *
 *   stream says             the crowd asks
 *   add A F                 a new limit order, with the stream's id above RL_CROWD_ID
 *   executed E C            an immediate order against the queue, of that quantity: what stands in
 *                           front of the order that the stream names is filled first; then the
 *                           order is reduced to what the stream says it has left
 *   cancel X, delete D      the same
 *   replace U               the same; a place in the queue is lost, as the stream's was
 *   trade P                 nothing: it met no shown order
 *
 * Where clients have taken part the market is no longer the stream's: orders of the stream that are
 * gone already are passed over and counted, its adds that meet a client's order trade with it.
 *
 * Threads:  the venue's.
 * Memory:   from the caller's arena: a number for each of ITCH's 65,536 locates.
 * Cost:     a request a message, two or three for an execution.
 */
#ifndef RL_RIG_EXCHANGE_CROWD_H
#define RL_RIG_EXCHANGE_CROWD_H

#include "market/codec/itch.h"
#include "rig/exchange/venue.h"

#define RL_CROWD_ID (1ULL << 62) /* its orders' ids begin here: no other member's come so far */

/* X(name, what it counts) */
#define RL_CROWD_COUNTERS(X)                                                                \
    X(messages, "messages of the stream")                                                   \
    X(bad, "of these, such as do not read, or of instruments that the venue does not list") \
    X(orders, "orders entered")                                                             \
    X(executions, "executions replayed")                                                    \
    X(gone, "changes of orders that clients, or their own trades, had taken away")          \
    X(filled_others, "quantity of executions that went to orders of members")

struct rl_crowd_counters {
#define RL_CROWD_MEMBER(name, what) uint64_t name;
    RL_CROWD_COUNTERS(RL_CROWD_MEMBER)
#undef RL_CROWD_MEMBER
};
extern const char *const rl_crowd_counter_names[]; /* NULL ends it */

struct rl_crowd {
    struct rl_venue *venue;
    uint32_t member;
    int32_t *instruments; /* by locate; -1: not named yet, -2: the venue does not list it */
    bool lists;           /* names that the stream brings are listed */
    uint64_t n_takers;    /* numbers the immediate orders */
    bool is_taking;
    struct rl_crowd_counters n;
};

size_t rl_crowd_bytes(void);

/* Joins the venue. `lists`: what the stream names is listed as long as there is room. -ENOSPC. */
int rl_crowd_init(struct rl_crowd *c, struct rl_arena *arena, struct rl_venue *venue, bool lists);

/* One ITCH message of the stream, as of now. False: it was bad, and counted. */
bool rl_crowd_message(struct rl_crowd *c, const uint8_t *message, uint32_t n_bytes,
                      uint64_t now_ns);

#endif
