/*
 * counterparty_inner - what the parts of the exchange share: exchange.c takes requests and judges
 * orders, exchange_rest.c keeps what rests.
 */
#ifndef RL_RIG_COUNTERPARTY_INNER_H
#define RL_RIG_COUNTERPARTY_INNER_H

#include "rig/trial/counterparty_answer.h"
#include "rig/trial/counterparty_read.h"

static inline uint64_t rl_hash_symbol(const char *symbol, uint32_t n)
{
    uint64_t h = 0xCBF29CE484222325ULL; /* FNV-1a */

    for (uint32_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)symbol[i]) * 0x100000001B3ULL;
    return h ^ h >> 32;
}

/* The slot that holds the symbol, or the free one where it would be. */
static inline char *rl_counterparty_symbol(const struct rl_counterparty *x, const char *symbol,
                                           uint32_t n)
{
    for (uint64_t i = rl_hash_symbol(symbol, n);; i++) {
        char *slot = x->symbols[i & x->symbol_mask];

        if (slot[0] == '\0' || (memcmp(slot, symbol, n) == 0 && slot[n] == '\0'))
            return slot;
    }
}

static inline void rl_counterparty_say(struct rl_counterparty *x, const struct rl_rest *order,
                                       const char *id_text, char exec_type, char ord_status,
                                       uint64_t last_qty, uint64_t now)
{
    (void)rl_answer_report(x,
                           &(struct rl_report){.order = order,
                                               .id_text = id_text,
                                               .last_qty = last_qty,
                                               .exec_type = exec_type,
                                               .ord_status = ord_status},
                           now);
}

/* The order meets a rule: acknowledged or filled in part, and what is left rests or expires. */
void rl_counterparty_by_rule(struct rl_counterparty *x, struct rl_rest *order,
                             const struct rl_request_read *r, bool is_held, uint64_t now);

/* The three kinds of requests about orders that rest. */
void rl_counterparty_cancel(struct rl_counterparty *x, const struct rl_request_read *r,
                            uint64_t now);
void rl_counterparty_replace(struct rl_counterparty *x, const struct rl_request_read *r,
                             uint64_t now);
void rl_counterparty_mass_cancel(struct rl_counterparty *x, const struct rl_request_read *r,
                                 uint64_t now);

/* A mass cancel: ends orders until all are looked at or the wire is full. */
void rl_counterparty_go_on(struct rl_counterparty *x, uint64_t now);

/* Cancel on disconnect; whatever was sent before has been taken. */
void rl_counterparty_lose(struct rl_counterparty *x);

#endif
