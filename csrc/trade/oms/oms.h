/*
 * oms - the order manager: the one way by which orders leave, and by which answers come back.
 *
 * It binds what is each for itself elsewhere: risk decides, the store knows the orders, the ledger
 * what they come to, the kill word has the last say, and the audit log has a record of everything
 * before it takes effect. A message leaves in three steps, since its bytes are made in between:
 *
 *     check    claims its record, asks risk, takes an id     refused: recorded, it is over
 *     (encode)
 *     commit   the kill word, last; commits the record       blocked: recorded, it is over
 *     (the bytes leave)
 *     sent     orders, reservations, what risk remembers     after the bytes: nobody waits for it
 *
 * or, after check, drop when there was no room for the bytes. Between check and the end of a
 * message nothing else may be called. Cancels take the same steps and are asked neither by limits
 * nor by the kill word.
 *
 * An answer (rl_oms_event) is a fact: it is booked whatever the limits or the kill word say. One
 * that cannot be right trips the switch, and so does one that finds no room in the log. Listeners
 * hear of a change when all of it is booked.
 *
 * The log is complete: fed to a fresh order manager it leads to the same orders, executions,
 * positions, money and states (replay.h), which rl_oms_hash shows.
 *
 * Threads:  the order thread alone; the log's writer, the limit cell's publisher and whoever trips
 *           the kill word are others.
 * Memory:   from the caller's arena.
 * Cost:     see `make perf` (oms.send, oms.fill). No allocation, lock or system call.
 */
#ifndef RL_TRADE_OMS_OMS_H
#define RL_TRADE_OMS_OMS_H

#include "base/counter.h"
#include "trade/audit/audit.h"
#include "trade/kill/kill.h"
#include "trade/order/order.h"
#include "trade/position/view.h"
#include "trade/risk/limits_cell.h"
#include "trade/risk/risk.h"

/* X(name, what it counts) */
#define RL_OMS_COUNTERS(X)                                                             \
    X(orders_wanted, "orders and replaces asked for")                                  \
    X(orders_sent, "new orders sent")                                                  \
    X(replaces_sent, "replaces sent")                                                  \
    X(cancels_sent, "cancels sent")                                                    \
    X(cancels_refused, "cancels refused: no such order, rate, or no room on the wire") \
    X(risk_rejects, "orders and replaces refused by risk")                             \
    X(kill_blocks, "orders and replaces refused by the kill word")                     \
    X(tx_full, "orders and replaces dropped after the check: no room on the wire")     \
    X(audit_full, "orders and replaces refused unrecorded: no room in the log")        \
    X(events, "answers of the venue")                                                  \
    X(fills, "executions booked")                                                      \
    X(busts, "executions taken back or corrected")                                     \
    X(orders_ended, "orders that ended")                                               \
    X(events_unknown, "answers of orders that we do not know")                         \
    X(events_illegal, "answers that are not legal in the order's state")               \
    X(fills_duplicate, "executions booked before, or booked otherwise before")         \
    X(fills_late, "executions of orders that had ended")                               \
    X(overfills, "executions of more than was open")                                   \
    X(unsolicited, "orders cancelled without being asked")                             \
    X(trips, "trips of the kill word from here")                                       \
    X(alerts, "ratios above their alert level")                                        \
    X(unbooked, "facts that no sum could hold; trips the kill word")                   \
    X(audit_records, "audit records written")                                          \
    X(audit_lost, "facts that found no room in the log; trips the kill word")

#define RL_OMS_COUNTER_MEMBER(name, what) _Atomic uint64_t name;
struct rl_oms_counters {
    RL_OMS_COUNTERS(RL_OMS_COUNTER_MEMBER)
    _Atomic uint64_t refused_for[RL_RISK_N]; /* by bit of rl_risk_reason; several may hold */
};
#undef RL_OMS_COUNTER_MEMBER
/* The names of the counters in the order of the struct, refused_for as refused_r01 ...; NULL ends
 * it. */
extern const char *const rl_oms_counter_names[];

struct rl_oms_config {
    struct rl_ledger_config ledger;
    uint64_t n_order_slots; /* powers of two: order/order.h */
    uint64_t n_execs;       /* order/execs.h */
    uint64_t n_audit_slots; /* records that may wait for the writer */
    uint32_t n_venues, n_strategies;
    uint32_t n_repeats, n_fills; /* risk/risk.h */
    uint32_t epoch;              /* of the order ids: order/epoch.h */
    uint64_t tsc_hz;
    int64_t fee_nano_per_lot[RL_MAX_VENUES]; /* charged above 0; 1e-9 of the currency */
};

/* Hears of every change of an order, after all of it is booked; must not call back. */
struct rl_oms_listener {
    void (*told)(void *context, const struct rl_order_change *change);
    void *context;
};
#define RL_OMS_N_LISTENERS 4

/* Numbers are stored in audit files. X(NAME, number, text) */
#define RL_SESSION_EVENTS(X)     \
    X(LOST, 0, "lost")           \
    X(LOGGED_ON, 1, "logged on") \
    X(RECONCILED, 2, "reconciled")

enum rl_session_event {
#define RL_SESSION_ENUM(name, number, text) RL_SESSION_##name = (number),
    RL_SESSION_EVENTS(RL_SESSION_ENUM)
#undef RL_SESSION_ENUM
};

struct rl_oms {
    struct rl_ids ids;
    struct rl_orders orders;
    struct rl_ledger ledger;
    struct rl_risk risk;
    struct rl_audit audit;
    struct rl_kill *kill;
    struct rl_ledger_view *shown;  /* positions for readers; NULL: rl_oms_show was not called */
    struct rl_limits_cell *limits; /* NULL: the set is given by rl_oms_use_limits */
    int64_t *valued_px_nano;       /* by slot: what a market order is valued at */
    struct rl_oms_listener listeners[RL_OMS_N_LISTENERS];
    uint32_t n_listeners;
    uint8_t sessions[RL_MAX_VENUES]; /* enum rl_session_event */
    int64_t fee_nano_per_lot[RL_MAX_VENUES];
    struct rl_oms_config config;
    RL_ALIGNED struct rl_oms_counters n;
};

/* Bytes taken from the arena; 0 for a config that cannot be served. */
size_t rl_oms_bytes(const struct rl_oms_config *config);

/*
 * Flat, no orders, every session lost, risk HALTED and without limits: nothing leaves until all of
 * these are set and the kill word is clear. Writes START. -EINVAL with a sentence in *why, -ENOMEM.
 */
int rl_oms_init(struct rl_oms *o, struct rl_arena *arena, const struct rl_oms_config *config,
                struct rl_kill *kill, uint64_t now_tsc, const char **why);

/* -ENOSPC when there are RL_OMS_N_LISTENERS. */
int rl_oms_listen(struct rl_oms *o, void (*told)(void *, const struct rl_order_change *),
                  void *context);

/*
 * From now on positions, accounts and marks are shown in this block (position/view.h), which other
 * threads and processes may read at any time. -EINVAL when its sizes are not those of the ledger.
 */
int rl_oms_show(struct rl_oms *o, struct rl_ledger_view *view);

/* --- messages to the venue -------------------------------------------------------------------- */

enum rl_oms_answer {
    RL_OMS_READY = 0, /* encode, then commit or drop */
    RL_OMS_REFUSED,   /* by risk: ticket.reasons */
    RL_OMS_NO_RECORD  /* no room in the log: refused and counted */
};

/* A message on its way; the caller's, one at a time. */
struct rl_ticket {
    struct rl_request request; /* replace: the new price and quantity; cancel: of the order */
    struct rl_audit_record *record;
    uint64_t id;       /* of this message: order, replace or cancel request */
    uint64_t order_id; /* replace, cancel: of the order that is meant; else RL_ID_NONE */
    uint64_t now_tsc;
    int64_t valued_px_nano; /* market orders: what they are valued at */
    uint32_t reasons;       /* mask of rl_risk_reason */
    uint8_t kind;           /* SENT, REPLACE_SENT or CANCEL_SENT of rl_audit_kind */
};

enum rl_oms_answer rl_oms_check(struct rl_oms *o, const struct rl_request *request,
                                const struct rl_risk_input *input, uint64_t now_tsc,
                                struct rl_ticket *t);
/* `qty` is the new total, executed lots included. Reason REPLACE for an order that does not live.
 */
enum rl_oms_answer rl_oms_check_replace(struct rl_oms *o, uint64_t order_id, uint64_t qty,
                                        int64_t px_nano, const struct rl_risk_input *input,
                                        uint64_t now_tsc, struct rl_ticket *t);
/* Reason REPLACE: no such order, or a cancel of it is pending; RATE; NO_ID. */
enum rl_oms_answer rl_oms_check_cancel(struct rl_oms *o, uint64_t order_id, uint64_t now_tsc,
                                       struct rl_ticket *t);
/* True: the bytes may leave now. False: blocked by the kill word, and over. */
bool rl_oms_commit(struct rl_oms *o, struct rl_ticket *t);
void rl_oms_sent(struct rl_oms *o, const struct rl_ticket *t);
/* After check, instead of commit. */
void rl_oms_drop(struct rl_oms *o, struct rl_ticket *t, bool is_unencodable);

/* --- what happens ----------------------------------------------------------------------------- */

/* The venue says this. Mask of rl_order_flag. */
uint32_t rl_oms_event(struct rl_oms *o, const struct rl_order_event *e, uint64_t now_tsc);

/* LOST: every open order of the venue becomes UNKNOWN, nothing leaves until RECONCILED. */
void rl_oms_session(struct rl_oms *o, uint32_t venue, enum rl_session_event event,
                    uint64_t now_tsc);

/* A fee that the venue charges (or pays, below 0) for an order of ours, known or not. */
void rl_oms_fee(struct rl_oms *o, const struct rl_scopes *scopes, int64_t fee_nano,
                uint64_t now_tsc);

/* Best prices changed: marks, and what the collar remembers. Not recorded: an input, as any. */
void rl_oms_mark(struct rl_oms *o, uint32_t instrument, const struct rl_bbo *bbo, uint64_t now_tsc);

/*
 * Once in a while, in idle turns at least: limits that marks and fills have broken, the health of
 * the log, trips by others. Acknowledges the kill word. Returns it.
 */
uint64_t rl_oms_poll(struct rl_oms *o, uint64_t now_tsc);

/* --- what people and watchers decide ---------------------------------------------------------- */

/* Trips the kill word, and records it. */
void rl_oms_trip(struct rl_oms *o, enum rl_scope scope, uint32_t index, enum rl_kill_cause cause,
                 uint64_t now_tsc);

/* As rl_risk_set_state; recorded. */
int rl_oms_set_state(struct rl_oms *o, enum rl_scope scope, uint32_t index,
                     enum rl_risk_state state, uint64_t now_tsc);

/* Decides by this set from now on, recorded. Whoever calls has seen to approvals. */
void rl_oms_use_limits(struct rl_oms *o, const struct rl_limit_set *set, uint64_t now_tsc);

/* As rl_risk_override; recorded. `until_utc_ns` is for the record. */
int rl_oms_override(struct rl_oms *o, const struct rl_override *override, uint64_t until_utc_ns,
                    uint64_t now_tsc);

/* Notes for whoever reads the log: market data in step or in doubt, the clock's offset. */
void rl_oms_note_feed(struct rl_oms *o, uint32_t instrument, bool is_in_step, uint64_t now_tsc);
void rl_oms_note_clock(struct rl_oms *o, uint64_t utc_ns, int64_t offset_ns, bool is_synced,
                       uint64_t now_tsc);

/* Writes STOP with the hash. The log's reader compares it with what a replay leads to. */
void rl_oms_stop(struct rl_oms *o, uint64_t now_tsc);

/* Orders, executions, positions, money, sessions and trading states, as one number. */
uint64_t rl_oms_hash(const struct rl_oms *o);

/* Integrity of all parts and between them. 0, or -EBADMSG and a sentence. Cold. */
int rl_oms_verify(const struct rl_oms *o, const char **why);

extern const char *const rl_session_event_texts[];

#endif
