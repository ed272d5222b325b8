/*
 * inner - what the files of the order manager share: records, trips, what a change comes to.
 */
#ifndef RL_TRADE_OMS_INNER_H
#define RL_TRADE_OMS_INNER_H

#include "trade/oms/oms.h"

/* Records that the answers to one open order may need: what it refers to, the event, the fee. */
#define RL_OMS_RECORDS_AN_ORDER 3

static inline void rl_oms_commit_record(struct rl_oms *o)
{
    rl_audit_commit(&o->audit);
    rl_count(&o->n.audit_records, 1);
}

/* Sets every member of a claimed record: the ring gives it back as an older one left it. */
static inline void rl_oms_fill_record(struct rl_audit_record *r, enum rl_audit_kind kind,
                                      uint64_t now_tsc)
{
    *r = (struct rl_audit_record){
        .tsc = now_tsc, .kind = (uint8_t)kind, .instrument = RL_AUDIT_NO_SYMBOL};
}

static inline void rl_oms_put_scopes(struct rl_audit_record *r, const struct rl_scopes *s)
{
    r->instrument = (uint16_t)s->instrument;
    r->venue = s->venue;
    r->account = s->account;
    r->strategy = s->strategy;
}

/*
 * The record of a fact: never refused. NULL when the log has no room, which is counted and trips
 * the switch: the fact itself still holds.
 */
struct rl_audit_record *rl_oms_fact(struct rl_oms *o, enum rl_audit_kind kind, uint64_t now_tsc);

/* Market orders: puts what they are valued at in the place of the price that they do not have. */
void rl_oms_value(const struct rl_oms *o, struct rl_order_change *c);

/* Books what a change of an order comes to. False when a sum cannot hold it. */
bool rl_oms_book(struct rl_oms *o, const struct rl_order_change *c);

/*
 * The part of a message, an answer and a session's event that is the state of orders and positions
 * and nothing else: what a replay of the log repeats. False: it could not be entered or booked.
 */
bool rl_oms_enter(struct rl_oms *o, const struct rl_ticket *t, struct rl_order_change *c);
bool rl_oms_take(struct rl_oms *o, const struct rl_order_event *e, struct rl_order_change *c);
void rl_oms_enter_session(struct rl_oms *o, uint32_t venue, enum rl_session_event event);

void rl_oms_tell(struct rl_oms *o, const struct rl_order_change *c);

#endif
