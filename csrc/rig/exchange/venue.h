/*
 * venue - the exchange as its gateways see it: who takes part, what they ask, what they are told.
 *
 * A member is one order session (FIX, OUCH). What it asks goes to the matching engine, and events
 * of its orders come back to its sink; market data sinks hear all events of all members. A member
 * that goes away loses its orders when it asked for that (cancel on disconnect). Requests above a
 * member's rate are refused here, cancels excepted.
 *
 * A hook may stand between (mischief.h): it can hold requests and events back, drop or repeat them.
 * Market data never lies: it hears what was matched, when it was matched.
 *
 * Threads:  one.
 * Memory:   from the caller's arena, at init.
 * Cost:     two indirect calls an event. No allocation, lock or system call.
 */
#ifndef RL_RIG_EXCHANGE_VENUE_H
#define RL_RIG_EXCHANGE_VENUE_H

#include "rig/exchange/match.h"

#define RL_VENUE_SYMBOL 16 /* bytes of a symbol's name, padded with zeros */
#define RL_VENUE_FEEDS 4

struct rl_venue_instrument {
    char symbol[RL_VENUE_SYMBOL];
    uint8_t phase; /* enum rl_match_phase */
};

/* Hears an event; must not ask the venue anything before it returns. */
typedef void rl_venue_told(void *context, const struct rl_match_event *e);

struct rl_venue_member_config {
    rl_venue_told *told;
    void *context;
    bool cancels_on_disconnect;
    uint32_t rate_per_s; /* new orders and modifications; 0: as many as it likes */
    uint32_t burst;      /* so many at once before the rate counts */
};

struct rl_venue_member {
    struct rl_venue_member_config config;
    bool is_connected;
    int64_t tokens; /* of 1e-9 request */
    uint64_t tokens_ns;
};

/* X(name, what it counts) */
#define RL_VENUE_COUNTERS(X)                                  \
    X(requests, "requests of members")                        \
    X(throttled, "requests refused: above the member's rate") \
    X(events, "events of the matching engine")                \
    X(told, "events told to members")                         \
    X(untold, "events of members that were not connected")    \
    X(trades, "trades")                                       \
    X(disconnects, "members that went away")                  \
    X(cancelled_on_disconnect, "orders cancelled because a member went away")

struct rl_venue_counters {
#define RL_VENUE_MEMBER(name, what) uint64_t name;
    RL_VENUE_COUNTERS(RL_VENUE_MEMBER)
#undef RL_VENUE_MEMBER
};
extern const char *const rl_venue_counter_names[]; /* NULL ends it */

/* What stands between members and matching. NULL members let everything pass. */
struct rl_venue_hook {
    /* True: kept; it comes back by rl_venue_pass_request, or never. */
    bool (*request)(void *context, const struct rl_match_request *r, uint64_t now_ns);
    /* True: kept; it comes back by rl_venue_pass_event, or never. */
    bool (*event)(void *context, const struct rl_match_event *e, uint64_t now_ns);
    /* What is due is passed on; returns when to call again, UINT64_MAX: nothing is kept. */
    uint64_t (*turn)(void *context, uint64_t now_ns);
    void *context;
};

struct rl_venue_config {
    struct rl_match_config match; /* n_owners: members at most */
};

struct rl_venue {
    struct rl_match *match;
    struct rl_venue_instrument *instruments;
    uint32_t n_instruments, n_instruments_max;
    uint32_t *symbols; /* hash table of 1 + instrument */
    uint32_t symbol_mask;
    struct rl_venue_member *members;
    uint32_t n_members, n_members_max;
    struct {
        rl_venue_told *told;
        void *context;
    } feeds[RL_VENUE_FEEDS];
    uint32_t n_feeds;
    struct rl_venue_hook hook;
    uint64_t now_ns;
    uint64_t next_id;  /* of the next order */
    uint32_t on_leave; /* 1 + the member whose orders are being cancelled; 0: nobody's */
    struct rl_venue_counters n;
};

size_t rl_venue_bytes(const struct rl_venue_config *config);
/* -EINVAL, -ENOMEM. */
int rl_venue_init(struct rl_venue *v, struct rl_arena *arena, const struct rl_venue_config *config);

/* The number of the instrument, listed now or before; -ENOSPC, -EINVAL for an empty or long name.
 */
int rl_venue_list(struct rl_venue *v, const char *symbol);
/* -ENOENT. The name need not end with a zero; padding spaces are not part of it. */
int rl_venue_find(const struct rl_venue *v, const char *symbol, size_t n_bytes);

/* Every event from now on; -ENOSPC. */
int rl_venue_feed(struct rl_venue *v, rl_venue_told *told, void *context);
void rl_venue_hook(struct rl_venue *v, const struct rl_venue_hook *hook);

/* The member's number (the owner of its orders), connected; -ENOSPC. */
int rl_venue_join(struct rl_venue *v, const struct rl_venue_member_config *config);
/* The member is back after a disconnection. */
void rl_venue_connect(struct rl_venue *v, uint32_t member);
/*
 * Its session is gone: orders are cancelled if it wished so. Its sink goes on hearing what becomes
 * of them: what the member must know when it is back.
 */
void rl_venue_disconnect(struct rl_venue *v, uint32_t member, uint64_t now_ns);

/* An id for a new order, never given out before. */
static inline uint64_t rl_venue_take_id(struct rl_venue *v)
{
    return v->next_id++;
}

/*
 * Takes a request of r->owner. False: above its rate, nothing was done. What comes of it is told
 * through the sink, before this returns unless a hook holds it back.
 */
bool rl_venue_ask(struct rl_venue *v, const struct rl_match_request *r, uint64_t now_ns);
/* The venue's own requests: phases, busts, day end, mass cancels. Never held back. */
void rl_venue_decide(struct rl_venue *v, const struct rl_match_request *r, uint64_t now_ns);
/* Time passes: orders expire, a hook lets go. Returns when to call again at the latest. */
uint64_t rl_venue_turn(struct rl_venue *v, uint64_t now_ns);

/* For hooks: what was kept goes on its way. */
void rl_venue_pass_request(struct rl_venue *v, const struct rl_match_request *r, uint64_t now_ns);
void rl_venue_pass_event(struct rl_venue *v, const struct rl_match_event *e);

#endif
