/*
 * feed - frames of one market data line to book updates: framing, sequence, decoding, numbering.
 *
 * Threads:  one thread owns a feed.
 * Memory:   tables from the arena at init; an update is a value; the frame must live until its last
 *           rl_feed_next. Nothing is allocated afterwards.
 * Cost:     ITCH: header check, two loads and a switch a message; FIX: one parse a frame.
 *
 * ITCH and DBN messages ride in MoldUDP64 packets, or a frame is one message; a FIX frame is one
 * message. Instruments are numbered in order of appearance; what names them on the wire (stock
 * locate, instrument number, symbol) is looked up here and nowhere else.
 *
 * A DBN snapshot (records with that flag) yields CLEAR before its first record, so that one file
 * may follow another, or itself.
 *
 * A line that loses, repeats or damages messages is survived and counted. After a gap the stream
 * goes on at the new number (recovery is somebody else's work); a repeated message yields nothing;
 * the part of an overlapping packet that is new is delivered. A new session means RESET first.
 */
#ifndef RL_MARKET_FEED_H
#define RL_MARKET_FEED_H

#include "base/defs.h"
#include "market/codec/dbn.h"
#include "market/codec/itch.h"
#include "market/codec/mold.h"
#include "market/fix/fix.h"
#include "market/update.h"

struct rl_arena;

enum rl_feed_kind { RL_FEED_ITCH = 0, RL_FEED_DBN, RL_FEED_FIX };

/* X(name, what was seen) */
#define RL_FEED_COUNTERS(X)                                                          \
    X(frames, "frames opened")                                                       \
    X(messages, "messages delivered to the decoder")                                 \
    X(updates, "updates yielded")                                                    \
    X(heartbeats, "packets without messages; FIX heartbeats")                        \
    X(ends, "end-of-session packets")                                                \
    X(sessions, "session changes")                                                   \
    X(gaps, "jumps of the sequence number")                                          \
    X(lost, "messages that the jumps skipped")                                       \
    X(duplicates, "messages delivered before, dropped")                              \
    X(unsequenced, "messages without a sequence number")                             \
    X(bad_frames, "frames shorter than they claim; FIX: garbled")                    \
    X(bad_messages, "unknown type, wrong size; FIX: rejected")                       \
    X(no_instrument, "updates of an instrument beyond the table, yielded as none")   \
    X(snapshots, "snapshots begun: the instrument was cleared")                      \
    X(entries, "FIX market data entries")                                            \
    X(other_entries, "entries that are neither bid, offer, trade nor empty book")    \
    X(sizeless_entries, "bid or offer entries without quantity")                     \
    X(bad_entries, "entries whose price, quantity, action or symbol cannot be read") \
    X(level_entries, "entries without a usable id, taken as price levels")

struct rl_feed_counters {
#define RL_FEED_MEMBER(name, text) uint64_t name;
    RL_FEED_COUNTERS(RL_FEED_MEMBER)
#undef RL_FEED_MEMBER
};

struct rl_feed_config {
    enum rl_feed_kind kind;
    bool mold;              /* ITCH, DBN: frames are MoldUDP64 packets */
    uint8_t n_qty_decimals; /* FIX: quantities count 10^-n; a finer one is a bad entry */
    uint32_t n_instruments; /* most that are numbered */
    uint64_t first_seq;     /* the first message that counts; 0: whatever comes first */
};

#define RL_FEED_SYMBOL 32 /* with the terminator */
#define RL_FEED_UNNAMED 0x80000000U

struct rl_feed {
    enum rl_feed_kind kind;
    bool mold;
    bool has_session;
    uint8_t n_qty_decimals;
    uint32_t n_instruments; /* numbered so far */
    uint32_t n_instruments_max;
    uint64_t next_seq;      /* expected; 0: not known yet */
    uint64_t next_appl_seq; /* FIX: the same for ApplSeqNum (1181), once one was seen */
    uint64_t venue_seq;     /* DBN: the venue's own number in the last record */
    uint32_t *locates; /* ITCH: stock locate -> instrument; RL_FEED_UNNAMED is set until named */
    uint32_t *slots;   /* DBN, FIX: hash table of instruments */
    uint32_t slot_mask;
    uint32_t last_key;               /* DBN: the instrument of the last record ... */
    uint32_t last_instrument;        /* ... and its number */
    uint32_t *keys;                  /* DBN: what the wire calls each instrument */
    char (*symbols)[RL_FEED_SYMBOL]; /* zero padded; "" until the wire has named it */
    uint8_t *in_snapshot;            /* DBN: the last record was part of one */
    struct rl_fix_msg fix;           /* the open FIX frame */
    struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
    uint8_t session[RL_MOLD_SESSION];
    struct rl_feed_counters n;
};

/* Where a frame is being read; only the feed looks inside. */
struct rl_feed_cursor {
    struct rl_mold mold; /* ITCH, DBN: the packet; n_left is 0 or 1 when the frame is a message */
    const uint8_t *message; /* decoded once more after `pending`; NULL: the next one */
    uint64_t ts_ns;         /* FIX: SendingTime */
    uint32_t n_message;
    uint32_t field;      /* FIX: the first field of the next entry */
    uint32_t n_entries;  /* FIX: entries left */
    uint32_t opening;    /* FIX: the tag that opens an entry */
    uint32_t instrument; /* FIX: of the entry before: an entry may leave it out */
    uint8_t pending;     /* enum rl_op to yield before anything else */
    bool is_snapshot;    /* FIX: 35=W */
    bool is_done;        /* FIX: everything was yielded */
};

size_t rl_feed_bytes(const struct rl_feed_config *config);
/* -EINVAL for a kind that is none or no instruments, -ENOMEM when the arena has too little left. */
int rl_feed_init(struct rl_feed *f, struct rl_arena *arena, const struct rl_feed_config *config);

/* True when rl_feed_next may yield something. */
bool rl_feed_open(struct rl_feed *f, const uint8_t *frame, uint32_t n_bytes,
                  struct rl_feed_cursor *c);

/*
 * The next update of the frame, false at its end. Updates that concern no book (op NONE) are
 * yielded too, so that every message can be timed and answered; `instrument` is then 0.
 */
bool rl_feed_next(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u);

/* A C string; "" when the number is not given out or the wire has not named it yet. */
const char *rl_feed_symbol(const struct rl_feed *f, uint32_t instrument);
/*
 * Names an instrument for lines that do not name it themselves, numbering it when it is new. `key`
 * is what the wire calls it: the locate (ITCH) or instrument number (DBN); FIX goes by the symbol.
 * -EINVAL for a symbol that is empty or too long or a locate beyond 16 bits, -ENOSPC when the table
 * is full.
 */
int rl_feed_name(struct rl_feed *f, uint32_t key, const char *symbol);
/* The instrument of that symbol, RL_INSTRUMENT_ALL when there is none. A search: not while hot. */
uint32_t rl_feed_find(const struct rl_feed *f, const char *symbol);

#endif
