/*
 * learn - reads a stream once before it is sent: which symbols it names, how its records are
 * numbered.
 *
 * Threads:  one.
 * Memory:   an arena of its own, freed by rl_learnt_free.
 * Cost:     one pass of a feed over the stream.
 */
#ifndef RL_RIG_LEARN_H
#define RL_RIG_LEARN_H

#include "base/mem.h"
#include "market/feed/feed.h"
#include "rig/synth/stream.h"

struct rl_learnt {
    struct rl_arena arena;
    uint32_t n_symbols;
    char (*symbols)[RL_FEED_SYMBOL]; /* those that are not empty */
};

/* The feed that reads this stream's frames; first_seq is left at 0. */
void rl_learn_feed_config(const struct rl_stream *stream, uint32_t n_instruments,
                          uint8_t n_qty_decimals, struct rl_feed_config *config);

/*
 * 0; -EINVAL with a sentence in *why when a record is not what the framing says, or the stream has
 * more instruments than the config or none with a name; -ENOMEM. `record_seqs` (n_recs, may be
 * NULL) gets the sequence number under which an engine will know each record sent as it is, 0 for a
 * record that changes no book.
 */
int rl_learn(struct rl_learnt *learnt, const struct rl_stream *stream,
             const struct rl_feed_config *config, uint64_t *record_seqs, const char **why);
void rl_learnt_free(struct rl_learnt *learnt);

/*
 * DBN: gives a fresh feed the symbols that the file's metadata has for the instruments of the
 * stream, in order of appearance; an instrument that it does not name keeps its number. Others:
 * nothing.
 */
void rl_learn_names(struct rl_feed *f, const struct rl_stream *stream);

/* MOLD: the sequence of a captured packet; 0 when it is shorter than its header. */
uint64_t rl_stream_record_seq(const struct rl_stream *stream, uint64_t record);

/* The number of the last message a feed saw; DBN: the venue's own. 0 before the first. */
uint64_t rl_learn_last_seq(const struct rl_feed *f);

#endif
