/*
 * record - the audit record: 64 bytes for every decision and every event of the order side.
 *
 * The same bytes lie in the ring, in the files and in Python (engine/trade/audit.py). Records are
 * complete: a fresh order side that is fed the records of a log ends in the state of the one that
 * wrote it (trade/oms/replay.h).
 */
#ifndef RL_TRADE_AUDIT_RECORD_H
#define RL_TRADE_AUDIT_RECORD_H

#include "base/defs.h"

/*
 * X(NAME, number, text). Numbers are stored in files: append, never renumber. 13 and 23 are not
 * used.
 *
 * Members by kind; those not named are 0, and scopes are in every record that has an order:
 * - SENT: id, ref = trigger, px (market orders: what it is valued at), qty, flags
 * - RISK_REJECT: as SENT without id, detail = mask of rl_risk_reason
 * - RISK_DETAIL, after it: detail = bit of the first reason, px = limit, qty = actual
 * - KILL_BLOCK: as SENT without id, detail = rl_kill_cause
 * - TX_FULL: as SENT without id; detail 1: not for want of room, it could not be encoded
 * - CANCEL_SENT: id of the request, ref = the order
 * - REPLACE_SENT: id of the request (the new order), ref = order replaced, px, qty = new ones
 * - EVENT_REF, before the EVENT of an answer with two ids or executions: id = orig_id, ref =
 *   ref_exec
 * - EVENT: id, ref = exec, px, qty, event = rl_order_event_kind, detail = mask of rl_order_flag
 * - FEE, after the EVENT of an execution: id, px = 1e-9 of the currency, charged above 0
 * - STATE: event = rl_scope, ref = index in it, detail = rl_risk_state
 * - LIMITS: ref = version of the set now in force, id = first 8 bytes of its SHA-256
 * - OVERRIDE: event = rl_scope, id = index in it, detail = reasons, ref = expiry (UTC ns), qty =
 *   orders
 * - KILL: event = rl_scope, ref = index in it, detail = rl_kill_cause, qty = epoch
 * - ARM: qty = epoch, detail = cause cleared
 * - SESSION: venue, event = 0 lost, 1 logged on, 2 reconciled
 * - FEED: instrument or none for all, event = 1 in step, 0 in doubt
 * - START: ref = epoch of the order ids, id = order slots, qty = executions remembered, px = bit of
 *   each account with FIFO positions, detail = instruments; account, strategy, venue = how many
 * - STOP: ref = epoch of the order ids, qty = hash of the final state (rl_oms_hash)
 * - STALL: qty = ns that the writer was late, ref = records waiting
 * - CLOCK: ref = UTC ns, px = offset to the reference in ns, event = is synchronised
 * - LOG_FAILED: detail = errno; by the writer, from here on into its emergency space
 */
#define RL_AUDIT_KINDS(X)                                \
    X(SENT, 1, "order sent")                             \
    X(RISK_REJECT, 2, "order refused by risk")           \
    X(RISK_DETAIL, 3, "the first limit that refused it") \
    X(KILL_BLOCK, 4, "order refused by the kill word")   \
    X(TX_FULL, 5, "order refused: no room on the wire")  \
    X(CANCEL_SENT, 6, "cancel sent")                     \
    X(REPLACE_SENT, 7, "replace sent")                   \
    X(EVENT, 8, "answer of the venue")                   \
    X(EVENT_REF, 9, "what the answer refers to")         \
    X(FEE, 10, "fee charged")                            \
    X(STATE, 11, "trading state changed")                \
    X(LIMITS, 12, "limit set in force")                  \
    X(OVERRIDE, 14, "limits overridden by two people")   \
    X(KILL, 15, "kill switch tripped")                   \
    X(ARM, 16, "kill switch reset by two people")        \
    X(SESSION, 17, "order session changed")              \
    X(FEED, 18, "market data in step or in doubt")       \
    X(START, 19, "engine started")                       \
    X(STOP, 20, "engine stopped")                        \
    X(STALL, 21, "the log's writer was late")            \
    X(CLOCK, 22, "clock compared with its reference")    \
    X(LOG_FAILED, 24, "the log ran out of space")

enum rl_audit_kind {
#define RL_AUDIT_ENUM(name, number, text) RL_AUDIT_##name = (number),
    RL_AUDIT_KINDS(RL_AUDIT_ENUM)
#undef RL_AUDIT_ENUM
};

/* Of `flags`: side, type and time in force as in order/request.h; 1, 3 and 4 bits. */
#define RL_AUDIT_FLAGS(side, type, time_in_force) \
    ((uint8_t)((side) | (type) << 1 | (time_in_force) << 4))
#define RL_AUDIT_SIDE(flags) ((flags) & 1)
#define RL_AUDIT_TYPE(flags) ((flags) >> 1 & 7)
#define RL_AUDIT_TIF(flags) ((flags) >> 4)
#define RL_AUDIT_NO_SYMBOL UINT16_MAX

struct rl_audit_record {
    RL_ALIGNED uint64_t number; /* gapless from 1 over all segments; set by the writer */
    uint64_t tsc;               /* when it was decided, raw ticks */
    uint64_t id;
    uint64_t ref;
    int64_t px_nano;
    uint64_t qty;
    uint32_t detail;
    uint16_t instrument; /* RL_AUDIT_NO_SYMBOL: none, or all of them */
    uint8_t kind;        /* enum rl_audit_kind */
    uint8_t event;       /* by kind */
    uint8_t flags;       /* side, type and time in force of an order: rl_audit_flags */
    uint8_t venue, account, strategy;
    uint32_t crc; /* CRC-32C of the previous record's crc and this record; set by the writer */
};
_Static_assert(sizeof(struct rl_audit_record) == 64, "one record, one line");

#endif
