/*
 * ouch_client - an engine's side of OUCH: what the order manager wants becomes messages, what the
 * venue says becomes events of the order side.
 *
 * A UserRefNum is an order id by arithmetic: base + counter of the id. The base is what the venue
 * said comes next when the session began (account query), less one: so an engine that starts anew
 * on the same day goes on above what it used before. Messages about UserRefNums below are of an
 * engine that is no more, and are counted (foreign).
 *
 *     rl_ouch_client_init(&c, arena, &config);
 *     n = rl_ouch_client_query(out, n_max);                   ask, and start with the answer
 *     rl_ouch_client_start(&c, epoch, next_ref);
 *     n = rl_ouch_client_enter(&c, &request, id, symbol, out, n_max);
 *     n = rl_ouch_client_replace(&c, new_id, order_id, ...);  cancel(&c, order_id, ...)
 *     n = rl_ouch_client_read(&c, bytes, n_bytes, events);    then rl_oms_event for each
 *
 * An execution is named by its match number and the side of ours, so that one against ourselves is
 * two. A fill or kill order is an immediate one whose minimum is all of it.
 *
 * An order may lose quantity at the venue without ending (a self-match that was prevented): the
 * order manager knows no such thing and goes on reserving it. When what is left at the venue is
 * gone the order is told CANCELLED, so it never stays open.
 *
 * The venue says nothing of a replacement that came too late, since the end of the order was told.
 * The order manager waits for an answer: it gets REPLACE_REJECT behind that end.
 *
 * Threads:  the order thread.
 * Memory:   40 bytes a UserRefNum, from the caller's arena: the newest n_refs are remembered.
 * Cost:     encoding or decoding a message, one line touched. No allocation, lock or system call.
 */
#ifndef RL_RIG_EXCHANGE_OUCH_CLIENT_H
#define RL_RIG_EXCHANGE_OUCH_CLIENT_H

#include "base/mem.h"
#include "market/codec/ouch.h"
#include "trade/order/event.h"
#include "trade/order/ids.h"
#include "trade/order/request.h"

struct rl_ouch_client_config {
    uint32_t n_refs; /* a power of two: UserRefNums between the oldest live order and the newest */
    char firm[RL_OUCH_FIRM + 1]; /* "": the session's own */
    uint8_t capacity;            /* enum rl_ouch_capacity; 0: principal */
};

/* X(name, what it counts) */
#define RL_OUCH_CLIENT_COUNTERS(X)                                       \
    X(written, "messages written")                                       \
    X(unwritable, "requests that OUCH cannot say")                       \
    X(read, "messages read")                                             \
    X(unreadable, "of these, none that we know")                         \
    X(notices, "of these, such as change nothing for the order manager") \
    X(foreign, "of these, about UserRefNums of an engine before")        \
    X(lessened, "of these, orders that lost quantity without ending")

struct rl_ouch_client_counters {
#define RL_OUCH_CLIENT_MEMBER(name, what) uint64_t name;
    RL_OUCH_CLIENT_COUNTERS(RL_OUCH_CLIENT_MEMBER)
#undef RL_OUCH_CLIENT_MEMBER
};
extern const char *const rl_ouch_client_counter_names[]; /* NULL ends it */

/* What is known of a UserRefNum. */
struct rl_ouch_client_ref {
    uint64_t order_ref;   /* the venue's */
    uint32_t ref;         /* 0: free */
    uint32_t orig;        /* of a replacement: what it replaces; 0: a new order */
    uint32_t replaced_by; /* what was last asked to replace it; 0: nothing */
    uint32_t open;        /* as the venue sees it */
    uint32_t lost;        /* quantity that went without an end */
    uint32_t expire_s;
    uint8_t state; /* enum rl_ouch_client_state */
    uint8_t side;  /* enum rl_side */
    uint8_t tif;   /* enum rl_ouch_tif */
};
_Static_assert(sizeof(struct rl_ouch_client_ref) == 40, "what the memory is counted by");

enum rl_ouch_client_state {
    RL_OUCH_CLIENT_NONE, /* not remembered */
    RL_OUCH_CLIENT_NEW,
    RL_OUCH_CLIENT_REPLACING,
    RL_OUCH_CLIENT_LIVE,
    RL_OUCH_CLIENT_ENDED,
    RL_OUCH_CLIENT_OTHER /* no order: a mass cancel */
};

struct rl_ouch_client {
    struct rl_ouch_client_ref *refs; /* by ref & mask */
    uint32_t mask;
    uint32_t epoch;
    uint32_t base;
    uint32_t next_ref; /* as the last account query said */
    uint8_t event;     /* of the last system event; 0: none */
    uint8_t firm[RL_OUCH_FIRM];
    bool has_firm;
    uint8_t capacity;
    struct rl_ouch_client_counters n;
};

size_t rl_ouch_client_bytes(const struct rl_ouch_client_config *config);
/* -EINVAL, -ENOMEM. Starts with epoch 1 and UserRefNum 1. */
int rl_ouch_client_init(struct rl_ouch_client *c, struct rl_arena *arena,
                        const struct rl_ouch_client_config *config);
/* Ids of this epoch become UserRefNums from next_ref on; nothing is remembered. */
void rl_ouch_client_start(struct rl_ouch_client *c, uint32_t epoch, uint32_t next_ref);

/* 0: an id of another epoch, or beyond what 32 bits hold. */
uint32_t rl_ouch_client_ref(const struct rl_ouch_client *c, uint64_t id);
/* RL_ID_NONE: of another engine. */
uint64_t rl_ouch_client_id(const struct rl_ouch_client *c, uint32_t ref);

/*
 * The message's size. 0: OUCH cannot say it, or `out` is too short - a price off the grid of 1e-4,
 * a quantity of a million and more, a name of more than 8 characters, a time in force that there is
 * none of (good till cancelled), an id out of range - and nothing may be sent.
 *
 * GTD becomes GTT with the second of the day (`midnight_ns`: UTC of the venue's midnight).
 */
uint32_t rl_ouch_client_enter(struct rl_ouch_client *c, const struct rl_request *r, uint64_t id,
                              const char *symbol, uint64_t midnight_ns, uint8_t *out,
                              uint32_t n_max);
/* `qty` is the new total, executions included. Of an order that is remembered alone. */
uint32_t rl_ouch_client_replace(struct rl_ouch_client *c, uint64_t new_id, uint64_t order_id,
                                uint64_t qty, int64_t px_nano, uint8_t *out, uint32_t n_max);
uint32_t rl_ouch_client_cancel(struct rl_ouch_client *c, uint64_t order_id, uint8_t *out,
                               uint32_t n_max);
/* All orders, of a symbol or (NULL) of all. `id` is taken as for a cancel. */
uint32_t rl_ouch_client_mass_cancel(struct rl_ouch_client *c, uint64_t id, const char *symbol,
                                    uint8_t *out, uint32_t n_max);
uint32_t rl_ouch_client_query(struct rl_ouch_client *c, uint8_t *out, uint32_t n_max);

#define RL_OUCH_CLIENT_EVENTS 3 /* of one message */

/*
 * How many events came of it: 0 for a notice, 1, or more (an execution, the end of what is left,
 * the refusal of a replacement that came too late); -EBADMSG for bytes that are no message. `type`
 * of the message in *type, when not NULL.
 */
int rl_ouch_client_read(struct rl_ouch_client *c, const uint8_t *message, uint32_t n_bytes,
                        struct rl_order_event events[RL_OUCH_CLIENT_EVENTS], uint8_t *type);

#endif
