/*
 * fix_gateway_table - the orders of FIX sessions, and the ClOrdIDs that name them.
 *
 * An order is one OrderID, whatever replaces it went through; an id is one ClOrdID of one session:
 * of an order, or of a request about one. Both are kept when they are over, and given up, oldest
 * first, when a new one needs the room. An id may outlive its order; it then says so (order_of).
 *
 * Threads:  one.
 * Memory:   from the caller's arena, at init.
 * Cost:     a look-up: a hash of the text, mostly one probe, one comparison.
 */
#ifndef RL_RIG_EXCHANGE_FIX_GATEWAY_TABLE_H
#define RL_RIG_EXCHANGE_FIX_GATEWAY_TABLE_H

#include <string.h>

#include "base/mem.h"
#include "base/mix.h"

#define RL_FIX_CL_ORD_ID 64
#define RL_FIX_SYMBOL 16
#define RL_FIX_PAIR (2 * RL_CACHE_LINE) /* what comes from memory together */
#define RL_FIX_ACCOUNT 32
#define RL_FIX_NONE UINT32_MAX
#define RL_FIX_TOLD                                                                            \
    8 /* a power of two below 128: trades of an order that are remembered, to know one that is \
         told again */

enum rl_fix_id_state {
    RL_FIX_ID_FREE,
    RL_FIX_ID_CURRENT, /* the order's ClOrdID */
    RL_FIX_ID_PENDING, /* a request that the venue has not answered */
    RL_FIX_ID_OVER,    /* answered, or replaced by another */
};

struct rl_fix_id {
    _Alignas(RL_FIX_PAIR) char text[RL_FIX_CL_ORD_ID]; /* padded with zeros */
    uint64_t order_id; /* of `order`; of a mass cancel: its own number */
    int64_t px_nano;   /* G: what it asks for */
    int64_t stop_px_nano;
    uint64_t show_qty;
    uint32_t order; /* slot; RL_FIX_NONE: it is about none */
    uint32_t hash;
    uint32_t handle;
    uint32_t next;  /* free ones, those that are over, pending ones of an order */
    uint8_t n;      /* characters */
    uint8_t state;  /* enum rl_fix_id_state */
    char type;      /* MsgType: D F G q */
    char scope;     /* q: MassCancelRequestType */
    bool is_named;  /* in the hash */
    bool was_order; /* it is or was the order's ClOrdID */
};

enum rl_fix_order_state {
    RL_FIX_ORDER_FREE,
    RL_FIX_ORDER_ASKED, /* the venue has not answered */
    RL_FIX_ORDER_LIVE,
    RL_FIX_ORDER_ENDED,
};

struct rl_fix_order {
    /* what every report needs */
    _Alignas(RL_FIX_PAIR) uint64_t id; /* the venue's */
    uint64_t seq;                      /* of the last event */
    uint64_t qty;                      /* 38 */
    uint64_t cum;                      /* 14 */
    uint64_t leaves;                   /* 151 */
    int64_t px_nano;                   /* 44 */
    uint64_t busted;                   /* executed and taken back */
    uint64_t told_qty;                 /* executions reported, less those taken back */
    __int128 told_notional;            /* ... times their prices */
    uint32_t handle;
    uint32_t instrument;
    uint32_t current;                    /* id: its ClOrdID */
    uint32_t pending;                    /* ids of requests about it, oldest first */
    uint32_t next;                       /* free ones, those that ended */
    uint8_t state;                       /* enum rl_fix_order_state */
    uint8_t type;                        /* enum rl_match_type */
    char status;                         /* 39 of an order that ended */
    char side_char, type_char, tif_char; /* 54 40 59, as they came */
    uint8_t n_symbol, n_account, n_told;
    bool is_replaced;
    bool is_special; /* has a stop price, shows a part, or expires */
    char symbol[RL_FIX_SYMBOL];
    /* what some need; not set by rl_fix_order_take */
    _Alignas(RL_FIX_PAIR) int64_t stop_px_nano; /* 99 */
    uint64_t show_qty;
    uint64_t expire_ns;
    uint64_t told[RL_FIX_TOLD]; /* the last trades that were reported: n_told counts them */
    char account[RL_FIX_ACCOUNT];
};
_Static_assert(sizeof(struct rl_fix_order) == 2 * RL_FIX_PAIR, "two pairs of lines an order");
_Static_assert(sizeof(struct rl_fix_id) == RL_FIX_PAIR, "one pair an id");

struct rl_fix_slot_id {
    uint32_t hash;
    uint32_t id; /* 1 + slot; 0: nothing */
};

struct rl_fix_table {
    struct rl_fix_order *orders;
    struct rl_fix_id *ids;
    struct rl_fix_slot_id *names; /* hash table: linear probing */
    uint32_t n_orders, n_ids, name_mask;
    uint32_t free_order, free_id;     /* lists */
    uint32_t ended_first, ended_last; /* queue of orders */
    uint32_t over_first, over_last;   /* queue of ids */
    uint32_t n_live;                  /* asked and live */
    uint64_t seed;
};

/* A ClOrdID as it is looked for. */
struct rl_fix_key {
    char text[RL_FIX_CL_ORD_ID]; /* padded with zeros */
    uint32_t n, handle, hash;
};

size_t rl_fix_table_bytes(uint32_t n_orders, uint32_t n_ids);
/* -EINVAL unless there are two ids for each order, -ENOMEM. */
int rl_fix_table_init(struct rl_fix_table *t, struct rl_arena *arena, uint32_t n_orders,
                      uint32_t n_ids, uint64_t seed);
/* 0, or -EBADMSG and a sentence. Cold. */
int rl_fix_table_check(const struct rl_fix_table *t, const char **what);

/* `n` is 1 to RL_FIX_CL_ORD_ID. */
static inline void rl_fix_key_make(const struct rl_fix_table *t, struct rl_fix_key *k,
                                   uint32_t handle, const void *text, uint32_t n)
{
    uint64_t h = t->seed ^ ((uint64_t)handle << 8 | n), word;

    memset(k->text, 0, sizeof k->text);
    memcpy(k->text, text, n);
    for (uint32_t i = 0; i < n; i += 8) {
        memcpy(&word, k->text + i, sizeof word);
        h = rl_mix(h ^ word);
    }
    k->n = n;
    k->handle = handle;
    k->hash = (uint32_t)h;
    __builtin_prefetch(&t->names[k->hash & t->name_mask]); /* looked for in a moment */
}

/* RL_FIX_NONE when there is none. */
static inline uint32_t rl_fix_id_find(const struct rl_fix_table *t, const struct rl_fix_key *k)
{
    for (uint32_t at = k->hash & t->name_mask; t->names[at].id; at = (at + 1) & t->name_mask) {
        const struct rl_fix_id *id = &t->ids[t->names[at].id - 1];

        if (t->names[at].hash == k->hash && id->handle == k->handle && id->n == k->n &&
            memcmp(id->text, k->text, k->n) == 0)
            return t->names[at].id - 1;
    }
    return RL_FIX_NONE;
}

/* A free slot in state ASKED, zeroed but for what only some orders need; RL_FIX_NONE when all
 * orders are live. */
uint32_t rl_fix_order_take(struct rl_fix_table *t);
/* ... which was never asked for after all. */
void rl_fix_order_drop(struct rl_fix_table *t, uint32_t order);
/* It is over: kept for status, and given up when it is the oldest. */
void rl_fix_order_end(struct rl_fix_table *t, uint32_t order, char status);

/*
 * A new id of that order (RL_FIX_NONE: of none), in state PENDING or CURRENT. The key is not there
 * yet. RL_FIX_NONE when there is no room.
 */
uint32_t rl_fix_id_take(struct rl_fix_table *t, const struct rl_fix_key *k, char type,
                        enum rl_fix_id_state state, uint32_t order, uint64_t order_id);
/* ... which was never used after all: its text may be. */
void rl_fix_id_drop(struct rl_fix_table *t, uint32_t id);
/* It is answered, or replaced: kept to know it again, and given up when it is the oldest. */
void rl_fix_id_over(struct rl_fix_table *t, uint32_t id);
/* Its text may be used again. */
void rl_fix_id_forget(struct rl_fix_table *t, uint32_t id);

/* A request about an order waits for its answer, or does no more. */
void rl_fix_order_wait(struct rl_fix_table *t, uint32_t order, uint32_t id);
void rl_fix_order_answered(struct rl_fix_table *t, uint32_t order, uint32_t id);
/* The oldest request of that type that waits. */
uint32_t rl_fix_order_waiting(const struct rl_fix_table *t, uint32_t order, char type);

/* The slot, RL_FIX_NONE when it is another order's now. */
static inline uint32_t rl_fix_order_at(const struct rl_fix_table *t, uint32_t order, uint64_t id)
{
    return order < t->n_orders && t->orders[order].state != RL_FIX_ORDER_FREE &&
                   t->orders[order].id == id
               ? order
               : RL_FIX_NONE;
}

/* The order that an id was for. */
static inline uint32_t rl_fix_order_of(const struct rl_fix_table *t, uint32_t id)
{
    return rl_fix_order_at(t, t->ids[id].order, t->ids[id].order_id);
}

#endif
