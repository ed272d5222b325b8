/*
 * feed_inner - what the files of a feed share among themselves; nobody else includes it.
 */
#ifndef RL_MARKET_FEED_INNER_H
#define RL_MARKET_FEED_INNER_H

#include <string.h>

#include "market/feed/feed.h"

#define RL_FEED_LOCATES 65536u

static inline bool rl_feed_none(struct rl_update *u)
{
    u->op = RL_OP_NONE;
    u->instrument = 0;
    return true;
}

/* From here on the books may be wrong: something was not heard, or not understood. */
static inline void rl_feed_doubt(struct rl_feed *f)
{
    f->certain_since++;
    f->n.desyncs++;
}

/* The instrument is told anew from here on. */
static inline void rl_feed_snapshot_begins(struct rl_feed *f, uint32_t instrument)
{
    f->n.snapshots++;
    f->synced[instrument] = f->certain_since;
}

/* Numbers of instruments, given out on first sight; RL_FEED_NONE when the table is full. */
uint32_t rl_feed_locate_new(struct rl_feed *f, uint32_t locate, const uint8_t *symbol);
uint32_t rl_feed_locate_find(struct rl_feed *f, const uint8_t *message);
uint32_t rl_feed_number_find(struct rl_feed *f, uint32_t key);
/* FIX, Binance: also NONE when the symbol is empty or too long. */
uint32_t rl_feed_symbol_number(struct rl_feed *f, const uint8_t *text, uint32_t n);

/* Names an instrument that has a number; false when the text is empty or too long for a symbol. */
bool rl_feed_symbol_set(struct rl_feed *f, uint32_t instrument, const uint8_t *text, uint32_t n);

/* The rows of the table, each with its protocol's file. */
extern const struct rl_protocol rl_protocol_itch;
extern const struct rl_protocol rl_protocol_itch_bare;
extern const struct rl_protocol rl_protocol_dbn;
extern const struct rl_protocol rl_protocol_dbn_bare;
extern const struct rl_protocol rl_protocol_fix;
extern const struct rl_protocol rl_protocol_mdp3;
extern const struct rl_protocol rl_protocol_ice;
extern const struct rl_protocol rl_protocol_binance;

/* MoldUDP64 packets, whatever rides in them; bare messages. */
enum rl_read rl_read_mold(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes, bool is_whole,
                          struct rl_packet *p);
enum rl_read rl_read_bare(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes, bool is_whole,
                          struct rl_packet *p);
/* Points `m` behind the first `skip` messages; false when the packet ends in them. */
bool rl_start_mold(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes, uint64_t skip,
                   struct rl_mold *m);

#endif
