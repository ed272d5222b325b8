/*
 * execs - the executions that were booked: what tells a repeated one, and what a bust takes back.
 *
 * A ring of the last n executions, found by venue and exec id. The window is exact: the n youngest
 * are known, the one before them is forgotten when the next is added. Executions with equal hash
 * hang on each other from young to old, so nothing is ever unlinked: a link that leads out of the
 * window ends the search.
 *
 * Threads:  the order thread alone.
 * Memory:   40 bytes a remembered execution and 16 for the heads, the caller's (rl_execs_bytes).
 * Cost:     asking for an execution that is new touches one line, which its neighbours in number
 *           share; where a venue draws numbers at random, in a fifth of the cases a second one.
 *           Adding writes the ring in sequence.
 */
#ifndef RL_TRADE_ORDER_EXECS_H
#define RL_TRADE_ORDER_EXECS_H

#include "base/defs.h"

enum rl_exec_state {
    RL_EXEC_STANDS = 0,
    RL_EXEC_BUSTED,   /* taken back */
    RL_EXEC_CORRECTED /* taken back, and booked again as execution `by` */
};

struct rl_exec {
    uint64_t exec;
    uint64_t id; /* the order that it was booked on */
    uint64_t qty;
    union {
        int64_t px_nano;
        uint64_t by; /* CORRECTED: the execution that stands in its place */
    };
    uint32_t older; /* number of the next older one with the same head */
    uint8_t venue;
    uint8_t state; /* enum rl_exec_state */
};
_Static_assert(sizeof(struct rl_exec) == 40, "what the memory is counted by");

struct rl_execs {
    uint32_t *heads; /* number of the youngest of each hash */
    struct rl_exec *ring;
    uint32_t mask; /* of the ring: n - 1 */
    uint32_t heads_mask;
    uint32_t next; /* number of the next one, wraps; number & mask is its place */
    uint32_t n;    /* remembered */
};

/* Bytes for a memory of n; 0 unless n is a power of two from 2 to 2^28. */
size_t rl_execs_bytes(uint64_t n);

/* `memory` is aligned to a cache line; -EINVAL for an n without bytes. */
int rl_execs_init(struct rl_execs *x, void *memory, uint64_t n);

/* Venues number their executions in sequence: neighbours share a line, pages of them are scattered.
 */
static inline uint32_t *rl_execs_head(const struct rl_execs *x, unsigned venue, uint64_t exec)
{
    uint64_t page = (exec >> 12) + venue * 0xD1B54A32D192ED03ULL;

    return &x->heads[(exec + (page * 0x9E3779B97F4A7C15ULL >> 32)) & x->heads_mask];
}

static inline void rl_execs_prefetch(const struct rl_execs *x, unsigned venue, uint64_t exec)
{
    __builtin_prefetch(rl_execs_head(x, venue, exec), 1);
}

/* The execution, or NULL when it never was or is out of the window. */
static inline struct rl_exec *rl_execs_find(const struct rl_execs *x, unsigned venue, uint64_t exec)
{
    uint32_t number = *rl_execs_head(x, venue, exec);
    uint32_t age = x->next - number, seen = 0; /* 1: the youngest */

    /* Ages rise along the links; one that does not is a link of an execution long forgotten. */
    while (age > seen && age <= x->n) {
        struct rl_exec *e = &x->ring[number & x->mask];

        if (e->exec == exec && e->venue == venue)
            return e;
        seen = age;
        number = e->older;
        age = x->next - number;
    }
    return NULL;
}

/* Remembers an execution that rl_execs_find does not find; forgets the oldest when full. */
static inline void rl_execs_add(struct rl_execs *x, unsigned venue, uint64_t exec, uint64_t id,
                                uint64_t qty, int64_t px_nano)
{
    uint32_t *head = rl_execs_head(x, venue, exec);
    struct rl_exec *e = &x->ring[x->next & x->mask];

    e->exec = exec;
    e->id = id;
    e->qty = qty;
    e->px_nano = px_nano;
    e->older = *head;
    e->venue = (uint8_t)venue;
    e->state = RL_EXEC_STANDS;
    *head = x->next++;
    x->n += x->n <= x->mask;
}

/* Integrity: every remembered execution is found. 0, or -EBADMSG and a sentence. */
int rl_execs_check(const struct rl_execs *x, const char **why);

/* What is remembered, as one number. */
uint64_t rl_execs_hash(const struct rl_execs *x);

#endif
