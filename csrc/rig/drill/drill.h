/*
 * drill - a day at an exchange that misbehaves, in virtual time: everything real but the clock.
 *
 * Desks (desk.h: feed, books, order manager, FIX session) trade with each other and with a house
 * that quotes, at a venue with FIX sessions, gateway, matching and market data on two lines. All of
 * it is what runs over sockets; here bytes go through buffers, a step of the clock at a time. What
 * goes wrong is the mischief's config, and a seed says when. The same config leads to the same
 * event hash.
 *
 * At the end trading stops, mischief too, and what is under way settles. Then it is asked:
 *   rows     what was injected, by the venue's count, and what the desks saw of it
 *   checks   do both sides have the same orders, executions, positions, cash and books
 *
 * Threads:  one.
 * Memory:   its own arena, mapped by open.
 * Cost:     a second of a busy day takes about a second; nothing waits for a real clock.
 */
#ifndef RL_RIG_DRILL_DRILL_H
#define RL_RIG_DRILL_DRILL_H

#include "rig/exchange/mischief.h"

#define RL_DRILL_DESKS 16
#define RL_DRILL_INSTRUMENTS 64

struct rl_drill_config {
    uint64_t seed;
    uint32_t n_desks;
    uint32_t n_instruments;
    uint64_t duration_ns;    /* in which desks trade */
    uint64_t step_ns;        /* of the clock; bytes take one step to the other side */
    uint32_t actions_per_s;  /* orders, replaces, cancels of a desk */
    uint32_t md_loss_chance; /* of a market data packet, on each line by itself; of a million */
    uint32_t heartbeat_s;    /* of the sessions */
    struct rl_mischief_config mischief;
};

/* X(NAME, what was injected and seen) */
#define RL_DRILL_ROWS(X)                                               \
    X(SLOW, "executions told slow_ns or more after they happened")     \
    X(LATE, "executions told late")                                    \
    X(DUPLICATE, "executions told twice")                              \
    X(SWAPPED, "executions told after what followed them")             \
    X(BUST, "executions taken back")                                   \
    X(REJECT, "orders refused in bursts")                              \
    X(HALT, "halts, in market data")                                   \
    X(GARBAGE, "runs of garbage in front of a message")                \
    X(CUT, "connections that ended because they were reset or silent") \
    X(SKEW, "ns that the venue's clock was ahead at the end")          \
    X(MD_LOSS, "market data packets lost on a line")

enum rl_drill_row {
#define RL_DRILL_ENUM(name, text) RL_DRILL_##name,
    RL_DRILL_ROWS(RL_DRILL_ENUM)
#undef RL_DRILL_ENUM
        RL_DRILL_N_ROWS
};
extern const char *const rl_drill_row_names[], *const rl_drill_row_texts[];

/* X(NAME, what must hold at the end) */
#define RL_DRILL_CHECKS(X)                                                          \
    X(SETTLED, "every desk is logged on and reconciled, nothing is under way")      \
    X(ORDERS, "open orders: each desk's = the venue's, price and quantity")         \
    X(EXECUTIONS, "executed and not taken back: each desk's = the venue's")         \
    X(POSITIONS, "positions and cash: each desk's ledger = what the venue matched") \
    X(BOOKS, "books: each desk's, from market data = what the venue shows")         \
    X(BALANCE, "what all members bought = what all members sold")                   \
    X(INTEGRITY, "matching, gateway and order managers hold together")              \
    X(ARMED, "no desk's kill switch was tripped")

enum rl_drill_check {
#define RL_DRILL_ENUM(name, text) RL_DRILL_CHECK_##name,
    RL_DRILL_CHECKS(RL_DRILL_ENUM)
#undef RL_DRILL_ENUM
        RL_DRILL_N_CHECKS
};
extern const char *const rl_drill_check_names[], *const rl_drill_check_texts[];

/* X(name, what it counts) */
#define RL_DRILL_COUNTERS(X)                                     \
    X(steps, "steps of the clock")                               \
    X(orders, "orders that left the desks")                      \
    X(replaces, "replaces that left the desks")                  \
    X(cancels, "cancels that left the desks")                    \
    X(refused, "of all wishes, such as the desk itself refused") \
    X(events, "events of matching")                              \
    X(trades, "trades")                                          \
    X(executions, "executions booked by desks")                  \
    X(resent, "messages that the venue sent again")              \
    X(asked, "orders whose fate a desk had to ask for")          \
    X(md_packets, "market data packets that reached a desk")     \
    X(md_requests, "retransmissions that desks asked for")

struct rl_drill_counters {
#define RL_DRILL_MEMBER(name, what) uint64_t name;
    RL_DRILL_COUNTERS(RL_DRILL_MEMBER)
#undef RL_DRILL_MEMBER
};
extern const char *const rl_drill_counter_names[]; /* NULL ends it */

struct rl_drill_result {
    struct {
        uint64_t injected, observed;
    } rows[RL_DRILL_N_ROWS];
    struct {
        bool holds;
        char what[160]; /* of what does not: the first difference */
    } checks[RL_DRILL_N_CHECKS];
    struct rl_drill_counters n;
    uint64_t hash; /* of the venue's events */
    bool holds;    /* every row is equal, every check holds */
};

/*
 * Runs all of it. 0, or with a sentence in *why: -EINVAL a config that makes no sense or whose rows
 * could not be told apart, -ENOMEM.
 */
int rl_drill_run(const struct rl_drill_config *config, struct rl_drill_result *result,
                 const char **why);

#endif
