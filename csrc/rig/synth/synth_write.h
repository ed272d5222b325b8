/*
 * synth_write - operations of the synthetic market as messages: ITCH 5.0 or FIX 4.4.
 *
 * Threads:  one.
 * Memory:   fills the caller's bytes and records; a message that does not fit sets `is_full`, and
 * from then on nothing is written. Cost:     20 ns (ITCH) to 100 ns (FIX) a message.
 */
#ifndef RL_RIG_SYNTH_WRITE_H
#define RL_RIG_SYNTH_WRITE_H

#include "base/money.h"
#include "rig/synth/synth.h"

#define RL_SYNTH_TICK_NANO (RL_NANO_PER_UNIT / 100) /* one cent */
#define RL_SYNTH_SYMBOL 7                           /* "SYN000" and its end */

/* Upper bounds of what one operation, and one directory entry, takes. */
#define RL_SYNTH_ITCH_BYTES 40
#define RL_SYNTH_FIX_BYTES 256
/* What a FIX message must find free; most take half of it. */
#define RL_SYNTH_FIX_ROOM 512

/* One operation on one order. */
struct rl_synth_event {
    enum { RL_SYNTH_EV_ADD, RL_SYNTH_EV_REPLACE, RL_SYNTH_EV_TAKE, RL_SYNTH_EV_FILL } kind;
    uint32_t instrument;
    enum rl_side side;
    bool is_special;  /* an attributed add; a priced fill */
    bool has_more;    /* the next operation belongs to the same trade */
    int32_t tick;     /* the order's price; of a replacement: of the order that goes */
    int32_t new_tick; /* REPLACE */
    uint32_t qty;     /* before the operation; of an ADD: the order's */
    uint32_t new_qty; /* after it; TAKE and FILL: 0 removes the order */
    uint64_t id;
    uint64_t new_id; /* REPLACE */
    uint64_t ts_ns;
};

struct rl_synth_writer {
    enum rl_synth_format format;
    bool is_full;
    uint8_t *bytes;
    size_t n_bytes, n_bytes_max;
    struct rl_stream_rec *recs;
    uint64_t n_recs, n_recs_max;
    uint64_t n_matches;
    /* FIX: entries that wait for the rest of their trade. */
    uint32_t n_entries;
    uint32_t n_entry_bytes;
    uint64_t entries_ts_ns;
    uint8_t entries[RL_SYNTH_FIX_BYTES];
};

void rl_synth_writer_init(struct rl_synth_writer *w, enum rl_synth_format format, uint8_t *bytes,
                          size_t n_bytes, struct rl_stream_rec *recs, uint64_t n_recs);
/* ITCH: a stock directory message; FIX names its instruments in every entry and needs none. */
void rl_synth_write_directory(struct rl_synth_writer *w, uint32_t instrument, uint64_t ts_ns);
void rl_synth_write_event(struct rl_synth_writer *w, const struct rl_synth_event *event);
/* Ends a message that still waits for the rest of its trade. */
void rl_synth_write_flush(struct rl_synth_writer *w);

/* "SYN000" ... "SYN999" */
void rl_synth_symbol(char symbol[RL_SYNTH_SYMBOL], uint32_t instrument);

#endif
