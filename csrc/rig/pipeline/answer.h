/*
 * answer - what the venue says of an order, from FIX to an event of the order side.
 *
 * Execution reports (35=8) and cancel rejects (35=9) of FIX 4.4. Nothing is looked up here: whether
 * the order exists and whether the answer makes sense is judged where the orders are.
 *
 * Threads:  any; the message is the caller's.
 * Memory:   none.
 * Cost:     one pass over the fields of a parsed message.
 */
#ifndef RL_RIG_ANSWER_H
#define RL_RIG_ANSWER_H

#include "market/fix/fix.h"
#include "trade/order/event.h"

enum rl_answer_kind {
    RL_ANSWER_EVENT,   /* *event holds it */
    RL_ANSWER_NOTICE,  /* readable, and changes nothing: pending states, mass cancel reports */
    RL_ANSWER_UNUSABLE /* not a message that we know, or a field missing or unreadable */
};

enum rl_answer_kind rl_answer_of(const struct rl_fix_msg *m, struct rl_order_event *event);
/* Reads frame bytes; `m` is the caller's parsed-message workspace. */
enum rl_answer_kind rl_answer_read(struct rl_fix_msg *m, const uint8_t *bytes, uint32_t n_bytes,
                                   struct rl_order_event *event);

#endif
