/*
 * order_inner - what the templates of orders and of cancels have in common.
 */
#ifndef RL_MARKET_FIX_ORDER_INNER_H
#define RL_MARKET_FIX_ORDER_INNER_H

#include "market/fix/order.h"

#define RL_FIX_ID_DIGITS 20

static inline void rl_fix_text_slot(struct rl_fix_template *t, uint32_t tag, uint32_t n)
{
    rl_fix_template_slot(t, tag, RL_FIX_SLOT_TEXT, n);
}

static inline void rl_fix_uint_slot(struct rl_fix_template *t, uint32_t tag, uint32_t n_digits)
{
    rl_fix_template_slot(t, tag, RL_FIX_SLOT_UINT, n_digits);
}

static inline void rl_fix_px_slot(struct rl_fix_template *t, uint32_t tag)
{
    rl_fix_template_slot(t, tag, RL_FIX_SLOT_PX, RL_FIX_SLOT_PX_CHARS);
}

/* The number and the last text of a message fit. */
static inline bool rl_fix_head_fits(uint64_t msg_seq, uint32_t n_text)
{
    return n_text - 1 < RL_FIX_TEXT_MAX && msg_seq <= 9999999999ULL;
}

static inline bool rl_fix_qty_fits(uint64_t qty)
{
    return qty <= 9999999999999999ULL;
}

static inline uint8_t rl_fix_side_char(uint8_t side)
{
    return side == RL_BUY ? '1' : '2';
}

/* Thirteen characters as two words that overlap. */
static inline uint32_t rl_fix_patch_id(uint8_t *p, const char *id)
{
    uint64_t head, tail;

    memcpy(&head, id, 8);
    memcpy(&tail, id + RL_FIX_CLORDID_CHARS - 8, 8);
    memcpy(p, &head, 8);
    memcpy(p + RL_FIX_CLORDID_CHARS - 8, &tail, 8);
    return rl_fix_sum_of_8(head) + rl_fix_sum_of_8(tail >> 24); /* three bytes are in both */
}

#endif
