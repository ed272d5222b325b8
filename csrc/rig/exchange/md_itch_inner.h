/*
 * md_itch_inner - what the files of md_itch share: writing a message of the stream.
 */
#ifndef RL_RIG_EXCHANGE_MD_ITCH_INNER_H
#define RL_RIG_EXCHANGE_MD_ITCH_INNER_H

#include "rig/exchange/md_itch.h"

#define RL_MD_DAY_NS 86400000000000ULL

/* The message before the packets: RL_ITCH_MAX_MESSAGE bytes may be written there. */
static inline uint8_t *rl_md_itch_slot(struct rl_md_itch *md)
{
    return rl_md_retransmit_slot(&md->retransmit);
}

/* Locate 0 is nobody's. */
static inline struct rl_itch_head rl_md_itch_head(const struct rl_md_itch *md, uint32_t instrument)
{
    return (struct rl_itch_head){.locate = (uint16_t)(instrument + 1),
                                 .ts_ns = md->now_ns % RL_MD_DAY_NS};
}

/* Written over whatever symbol a message has at that place. */
static inline void rl_md_itch_name(const struct rl_md_itch *md, uint8_t *at, uint32_t instrument)
{
    memcpy(at, md->names[instrument], RL_ITCH_SYMBOL);
}

/* Sends the packet under construction to both lines. */
void rl_md_itch_flush(struct rl_md_itch *md);

/* The message in the slot is complete: it gets a number and goes into the packet. */
static inline void rl_md_itch_put(struct rl_md_itch *md, uint32_t n_bytes)
{
    struct rl_mold_writer *w = &md->packet;
    const struct rl_md_kept *k;

    if (RL_UNLIKELY(w->n_max - w->n_bytes < RL_MOLD_BLOCK + n_bytes))
        rl_md_itch_flush(md);
    k = rl_md_retransmit_keep(&md->retransmit, n_bytes);
    memcpy(w->packet + w->n_bytes, k, sizeof *k); /* of one size: what is too much is overwritten */
    w->n_bytes += RL_MOLD_BLOCK + n_bytes;
    w->count++;
    md->n.messages++;
}

/* --- md_itch_write.c: what codec/itch.h does not write ------------------------------------------
 */

/* `name` is RL_ITCH_SYMBOL bytes. */
uint32_t rl_md_put_action(uint8_t *out, const struct rl_itch_head *h, const uint8_t *name,
                          uint8_t phase);
uint32_t rl_md_put_cross(uint8_t *out, const struct rl_itch_head *h, const uint8_t *name,
                         const struct rl_md_cross *cross);
uint32_t rl_md_put_broken(uint8_t *out, const struct rl_itch_head *h, uint64_t match);

/* --- md_itch_told.c -----------------------------------------------------------------------------
 */

uint32_t rl_md_itch_directory(struct rl_md_itch *md, uint8_t *out, uint32_t instrument);
uint32_t rl_md_itch_action(struct rl_md_itch *md, uint8_t *out, uint32_t instrument);
/* Names what was listed since. */
void rl_md_itch_list(struct rl_md_itch *md);
/* No more events will come of what is being told: a trade, an auction. */
void rl_md_itch_settle(struct rl_md_itch *md);
/* Writes an add, attributed unless `mpid` is empty; 0: ITCH cannot say it. */
uint32_t rl_md_itch_order(struct rl_md_itch *md, uint8_t *out, uint32_t instrument, uint64_t ref,
                          enum rl_side side, uint64_t qty, int64_t px_nano, const char *mpid);

#endif
