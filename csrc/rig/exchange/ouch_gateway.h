/*
 * ouch_gateway - order entry by OUCH 5.0: messages in, requests to the venue, messages out.
 *
 *     struct rl_ouch_gateway g;
 *     rl_ouch_gateway_init(&g, arena, &config, venue, send, context);
 *     member = rl_ouch_gateway_join(&g, &member_config);
 *     rl_ouch_gateway_message(&g, member, bytes, n_bytes, now_ns);  each message of its session
 *     rl_ouch_gateway_disconnect(&g, member, now_ns);               its session is gone
 *     rl_ouch_gateway_connect(&g, member);                          ... and back
 *
 * It knows no sockets: `send` gets each message for a member, connected or not, and the session
 * that carries it numbers and keeps it (soup_session.h, ouch_port.h).
 *
 * UserRefNums rise through the day. One that does not is a repetition and is ignored, so a client
 * may send again whatever it is in doubt about; account query says which number comes next.
 *
 *   enter    Accepted, then executions; or Rejected. What ends on arrival (post only that would
 *            trade, a minimum that is not there) is Accepted and Canceled.
 *   replace  price and quantity, and how much of it is shown; the rest as before, or it is
 * Rejected: the venue has no such replacement. Quantity is the new total, executions of the whole
 * chain included. Replaced says how much is open. An order that is gone: ignored, its end was told.
 * A replacement that is no good: Rejected under the new number; the order stays as it was. cancel
 * quantity is the new total; 0, or no more than was executed, cancels what is left. Canceled says
 * by how much. Nothing to cancel: ignored. Refused: Cancel Reject. modify   less quantity, or
 * another kind of sale: Modified. Anything else is ignored. mass cancel   by firm, symbol (spaces:
 * all), side and group options: the response first, then a Canceled for each order. disable, enable
 * order entry   of a firm: its new orders and replacements are Rejected.
 *
 *   options read: firm, min_qty, max_floor and display_qty (iceberg), price_type, post_only,
 *   expire_time, group_id, aiq_strategy; the rest says what this venue does not do, and is either
 *   of no consequence here or Rejected. Market prices are market orders.
 *
 * A hook of the venue may delay, repeat or lose events; what comes of it is told as far as it makes
 * sense, and counted (events_odd).
 *
 * Threads:  the venue's.
 * Memory:   from the caller's arena. An order has a slot until it has ended and a later one needs
 *           it; no slot left: Rejected.
 * Cost:     a message: decoding, one look-up, the venue, a message out. No allocation, lock or
 *           system call.
 */
#ifndef RL_RIG_EXCHANGE_OUCH_GATEWAY_H
#define RL_RIG_EXCHANGE_OUCH_GATEWAY_H

#include "market/codec/ouch.h"
#include "rig/exchange/venue.h"

#define RL_OUCH_GATEWAY_FIRMS 4
#define RL_OUCH_QTY_MAX 999999 /* the protocol's: less than a million */

/* A message for a member. The bytes hold until it returns; it must not call the gateway. */
typedef void rl_ouch_gateway_send(void *context, uint32_t member, const uint8_t *message,
                                  uint32_t n_bytes);

/* Zero is the usual value of everything but the firms. */
struct rl_ouch_member_config {
    char firms[RL_OUCH_GATEWAY_FIRMS][RL_OUCH_FIRM + 1]; /* the first one is the default */
    bool cancels_on_disconnect;
    uint32_t rate_per_s, burst; /* as in rl_venue_member_config */
    uint64_t max_shares;        /* of one order; 0: the protocol's */
    uint64_t max_notional_nano; /* of one order with a price, 1e-9; 0: any */
    uint8_t stp;                /* enum rl_match_stp of orders without aiq_strategy */
};

/* X(name, what it counts) */
#define RL_OUCH_GATEWAY_COUNTERS(X)                                     \
    X(messages, "messages of members")                                  \
    X(malformed, "of these, none that can be read")                     \
    X(repeated, "of these, with a UserRefNum that does not rise")       \
    X(ignored, "of these, about orders that are gone, or of no effect") \
    X(rejected, "of these, answered with Rejected")                     \
    X(cancel_rejects, "of these, answered with Cancel Reject")          \
    X(sent, "messages to members")                                      \
    X(unsent, "messages to members that could not be written")          \
    X(executions, "executions told")                                    \
    X(events_odd, "events of orders that are not known any more")       \
    X(full, "orders rejected: no slot left")

struct rl_ouch_gateway_counters {
#define RL_OUCH_GATEWAY_MEMBER(name, what) uint64_t name;
    RL_OUCH_GATEWAY_COUNTERS(RL_OUCH_GATEWAY_MEMBER)
#undef RL_OUCH_GATEWAY_MEMBER
};
extern const char *const rl_ouch_gateway_counter_names[]; /* NULL ends it */

struct rl_ouch_gateway_config {
    uint32_t n_slots;     /* UserRefNums at work at once: live orders and replaces, all members */
    uint32_t n_members;   /* as many as the venue has: match.n_owners */
    int32_t utc_offset_s; /* of the venue's midnight, from which messages count time */
};

/* Options come back as they were sent, so many bytes of them. */
#define RL_OUCH_GATEWAY_OPTIONS 128

/* One UserRefNum: an order, or a replacement that waits for the venue's word. */
struct rl_ouch_order {
    RL_ALIGNED uint64_t id; /* at the venue: the order reference number */
    int64_t px_nano;
    uint32_t ref;
    uint32_t member;
    uint32_t total;       /* what may be executed at most, executions of the chain included */
    uint32_t asked_total; /* ... when all that was asked for is granted */
    uint32_t done;
    uint32_t floor;       /* shown at a time; 0: all of it */
    uint32_t replaced_by; /* slot of the last replacement that was asked for */
    uint32_t orig;        /* replacement: slot of the order */
    uint32_t orig_ref;    /* ... and its UserRefNum */
    uint32_t next;        /* in the list of free slots */
    uint32_t expire_s;
    uint32_t instrument;
    uint16_t group;
    uint8_t state; /* enum rl_ouch_order_state */
    uint8_t side, tif, display, capacity, sweep, cross;
    uint8_t firm; /* of the member's */
    uint8_t aiq;
    uint8_t n_asked;    /* reductions under way */
    uint8_t asked_bits; /* ... the oldest in bit 0; 1: by modify, 0: by cancel */
    uint8_t n_options;
    bool is_post_only;
    uint8_t cl_ord_id[RL_OUCH_CL_ORD_ID];
};

enum rl_ouch_order_state {
    RL_OUCH_FREE,     /* or ended: known until the slot is needed */
    RL_OUCH_ASKED,    /* the venue has it, and has not answered */
    RL_OUCH_LIVE,     /* accepted */
    RL_OUCH_REPLACING /* a replacement; the order it replaces has a slot of its own */
};

struct rl_ouch_member {
    struct rl_ouch_member_config config;
    uint8_t firms[RL_OUCH_GATEWAY_FIRMS][RL_OUCH_FIRM];
    uint32_t n_firms;
    uint32_t disabled; /* bit: firm whose order entry is disabled */
    uint32_t last_ref; /* the highest UserRefNum seen today */
    bool is_joined;    /* it came through this gateway */
    bool is_connected;
    bool has_other_firms; /* orders not of the default one */
};

struct rl_ouch_gateway {
    struct rl_venue *venue;
    rl_ouch_gateway_send *send;
    void *context;
    struct rl_ouch_member *members; /* by the venue's number */
    uint32_t n_members;
    struct rl_ouch_order *orders;
    uint8_t (*options)[RL_OUCH_GATEWAY_OPTIONS]; /* of each slot */
    uint32_t n_slots;
    uint32_t free_first, free_last; /* the longest free is taken first: late events find it */
    uint32_t *table;                /* hash of member and ref: 1 + slot */
    uint32_t table_mask;
    int64_t utc_offset_ns;
    uint64_t midnight_ns; /* UTC of the day's beginning at the venue */
    uint64_t now_ns;
    uint32_t n_taken; /* slots */
    struct rl_ouch_gateway_counters n;
};

size_t rl_ouch_gateway_bytes(const struct rl_ouch_gateway_config *config);
/* -EINVAL, -ENOMEM. The venue is listed and joined by others, too. */
int rl_ouch_gateway_init(struct rl_ouch_gateway *g, struct rl_arena *arena,
                         const struct rl_ouch_gateway_config *config, struct rl_venue *venue,
                         rl_ouch_gateway_send *send, void *context);

/* The member's number, connected; -ENOSPC, -EINVAL (no firm). */
int rl_ouch_gateway_join(struct rl_ouch_gateway *g, const struct rl_ouch_member_config *config);
void rl_ouch_gateway_connect(struct rl_ouch_gateway *g, uint32_t member);
/* Its orders are cancelled if it wished so; the messages are sent, for when it is back. */
void rl_ouch_gateway_disconnect(struct rl_ouch_gateway *g, uint32_t member, uint64_t now_ns);

/* Any bytes at all: what is no message is counted, or rejected when it has a UserRefNum. */
void rl_ouch_gateway_message(struct rl_ouch_gateway *g, uint32_t member, const uint8_t *message,
                             uint32_t n_bytes, uint64_t now_ns);

/* 'S' start of day (UserRefNums begin anew), 'E' end of day: told to every member. */
void rl_ouch_gateway_system(struct rl_ouch_gateway *g, uint8_t event, uint64_t now_ns);

/* Integrity of slots, lists and table. 0, or -EBADMSG and a sentence. Cold. */
int rl_ouch_gateway_check(const struct rl_ouch_gateway *g, const char **what);

#endif
