/*
 * md_fix_inner - what the files of md_fix share: who hears what, and the writing of messages.
 */
#ifndef RL_RIG_EXCHANGE_MD_FIX_INNER_H
#define RL_RIG_EXCHANGE_MD_FIX_INNER_H

#include "rig/exchange/md_fix.h"

enum rl_md_fix_types { RL_MD_FIX_BIDS = 1, RL_MD_FIX_OFFERS = 2, RL_MD_FIX_TRADES = 4 };

enum rl_md_fix_tag {
    TAG_MDReqID = 262,
    TAG_SubscriptionRequestType = 263,
    TAG_MarketDepth = 264,
    TAG_MDUpdateType = 265,
    TAG_AggregatedBook = 266,
    TAG_NoMDEntryTypes = 267,
    TAG_MDEntryDate = 272,
    TAG_MDEntryTime = 273,
    TAG_MDReqRejReason = 281,
    TAG_NoRelatedSym = 146,
    TAG_SecurityReqID = 320,
    TAG_SecurityResponseID = 322,
    TAG_SecurityStatusReqID = 324,
    TAG_UnsolicitedIndicator = 325,
    TAG_SecurityTradingStatus = 326,
    TAG_NumberOfOrders = 346,
    TAG_TotNoRelatedSym = 393,
    TAG_SecurityListRequestType = 559,
    TAG_SecurityRequestResult = 560,
    TAG_LastUpdateTime = 779,
    TAG_LastFragment = 893,
};

/* What a subscription is to be. */
struct rl_md_fix_wish {
    enum rl_md_fix_kind kind;
    uint32_t handle;
    uint8_t types;
    bool is_full;
    uint32_t depth;
    const uint8_t *id;
    uint32_t n_id;
};

static inline const struct rl_book_depth *
rl_md_fix_levels(const struct rl_md_fix_book *b, unsigned side, uint32_t depth, uint32_t *n)
{
    *n = b->n_levels[side] < depth ? b->n_levels[side] : depth;
    return b->levels[side];
}

/* --- md_fix.c --- */

/* The subscription, or NULL: there is no room. */
struct rl_md_fix_subscription *rl_md_fix_add(struct rl_md_fix *md, const struct rl_md_fix_wish *w,
                                             uint32_t instrument);
void rl_md_fix_remove(struct rl_md_fix *md, struct rl_md_fix_subscription *s);
/* The first of the session's with that id; NULL. */
struct rl_md_fix_subscription *rl_md_fix_named(struct rl_md_fix *md, uint32_t handle,
                                               enum rl_md_fix_kind kind, const uint8_t *id,
                                               uint32_t n_id);

/* While this lasts, sessions that are closed stay until its end. */
void rl_md_fix_tells(struct rl_md_fix *md, bool is_telling);

/* --- md_fix_tell.c: what subscribers hear --- */

/* Reads the levels of a book as they are; says what has changed to those who hear it. */
void rl_md_fix_update(struct rl_md_fix *md, uint32_t instrument);
/* Tells the trades that are kept. */
void rl_md_fix_trades(struct rl_md_fix *md);
/* The whole book, and the last trade. */
void rl_md_fix_snapshot(struct rl_md_fix *md, const struct rl_md_fix_subscription *s);
/* SecurityStatus; `symbol` as it was asked for, NULL: unasked. */
void rl_md_fix_status(struct rl_md_fix *md, uint32_t handle, const uint8_t *id, uint32_t n_id,
                      const uint8_t *symbol, uint32_t n_symbol, uint32_t instrument);

/* --- md_fix_write.c: messages --- */

void rl_md_fix_begin(struct rl_md_fix *md, const struct rl_md_fix_subscription *s, char type);
void rl_md_fix_level(struct rl_md_fix *md, char action, unsigned side,
                     const struct rl_book_depth *level);
void rl_md_fix_trade(struct rl_md_fix *md, const struct rl_md_fix_trade *t);
/* Sends what has been begun. An X without entries is not sent. */
void rl_md_fix_end(struct rl_md_fix *md);
/* Field by field, for all other messages; rl_md_fix_post sends the body. */
struct rl_fix_enc *rl_md_fix_body(struct rl_md_fix *md);
void rl_md_fix_post(struct rl_md_fix *md, uint32_t handle, const char *type);
void rl_md_fix_put_symbol(struct rl_md_fix *md, struct rl_fix_enc *e, uint32_t instrument);

#endif
