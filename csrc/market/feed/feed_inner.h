/*
 * feed_inner - what the files of a feed share among themselves; nobody else includes it.
 */
#ifndef RL_MARKET_FEED_INNER_H
#define RL_MARKET_FEED_INNER_H

#include "market/feed/feed.h"

#define RL_FEED_NONE UINT32_MAX
/* A number that far ahead is damage, not a gap: following it would deafen the feed. */
#define RL_FEED_MAX_JUMP (1ULL << 32)

static inline bool rl_feed_none(struct rl_update *u)
{
    u->op = RL_OP_NONE;
    u->instrument = 0;
    return true;
}

/* FIX: the instrument of a symbol, numbered when it is new; RL_FEED_NONE when that cannot be. */
uint32_t rl_feed_symbol_number(struct rl_feed *f, const uint8_t *text, uint32_t n);

bool rl_feed_fix_open(struct rl_feed *f, const uint8_t *frame, uint32_t n_bytes,
                      struct rl_feed_cursor *c);
bool rl_feed_fix_next(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u);

#endif
