/*
 * feed - packets of a market data stream to book updates, whatever protocol it speaks.
 *
 * One line:   if (rl_feed_open(f, packet, n, &c))
 *                 while (rl_feed_next(f, &c, &u)) ...
 * A and B:    if (rl_feed_push(f, line, packet, n, now_ns, &c))
 *                 while (rl_feed_next(f, &c, &u)) ...
 *             and rl_feed_poll / rl_lines_request(f->lines, ...) when nothing comes.
 *
 * One line that loses, repeats or damages messages is survived and counted. After a gap the stream
 * goes on at the new number; a repeated message yields nothing; the part of an overlapping packet
 * that is new is delivered. A new session means RESET first. With `lines` in the config, packets go
 * through arbitration first (lines.h) and what is delivered comes in order.
 *
 * What is lost may leave a book wrong for good. rl_feed_is_synced says whether an instrument's book
 * can be trusted: no longer after a loss, again after a snapshot of that instrument or a new
 * session. Nothing is held back: whether to trade on a doubtful book is the risk check's decision.
 *
 * ITCH and DBN messages ride in MoldUDP64 packets, or a packet is one message; a FIX packet is one
 * message. A DBN snapshot (records with that flag) yields CLEAR before its first record, so that
 * one file may follow another, or itself. A Binance feed is one symbol's depth stream, diffs and
 * snapshots on one line (with the local stamp of a capture before each, or without): it yields
 * nothing until a snapshot was joined to the stream, and after a gap until the next one is.
 *
 * Instruments are numbered in order of appearance; what names them on the wire (stock locate,
 * instrument number, symbol) is looked up here and nowhere else.
 *
 * Threads:  one thread owns a feed.
 * Memory:   tables from the arena at init; an update is a value, so decoding may run ahead of the
 *           books (rl_feed_batch, rl_books_prefetch); a packet must live until its last
 *           rl_feed_next. Nothing is allocated afterwards.
 * Cost:     ITCH is inline: a header check a packet, a bounds check, a table and two loads a
 *           message. The others: an indirect call an update.
 */
#ifndef RL_MARKET_FEED_H
#define RL_MARKET_FEED_H

#include "base/defs.h"
#include "market/codec/binance.h"
#include "market/codec/dbn.h"
#include "market/codec/itch.h"
#include "market/codec/mold.h"
#include "market/feed/lines.h"
#include "market/feed/protocol.h"
#include "market/feed/sequence.h"
#include "market/fix/fix.h"
#include "market/update.h"

struct rl_arena;

/* X(name, what was seen) */
#define RL_FEED_COUNTERS(X)                                                          \
    X(frames, "frames opened")                                                       \
    X(messages, "messages delivered to the decoder")                                 \
    X(updates, "updates yielded")                                                    \
    X(heartbeats, "packets without messages; FIX heartbeats")                        \
    X(ends, "end-of-session packets")                                                \
    X(sessions, "session changes")                                                   \
    X(gaps, "jumps of the sequence number")                                          \
    X(lost, "numbers that the jumps skipped: messages, CME packets, Binance events") \
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
    X(level_entries, "entries without a usable id, taken as price levels")           \
    X(desyncs, "times that the books of this feed ceased to be certain")

struct rl_feed_counters {
#define RL_FEED_MEMBER(name, text) uint64_t name;
    RL_FEED_COUNTERS(RL_FEED_MEMBER)
#undef RL_FEED_MEMBER
};

struct rl_feed_config {
    enum rl_feed_kind kind;
    bool mold;              /* ITCH, DBN: frames are MoldUDP64 packets */
    uint8_t n_qty_decimals; /* FIX, Binance: quantities count 10^-n; a finer one is a bad entry */
    uint32_t n_instruments; /* most that are numbered */
    uint64_t first_seq;     /* the first message that counts; 0: whatever comes first */
    /* NULL: one line without arbitration (Binance: one line that waits for snapshots). The
     * protocol and the feed in it are filled in by init. */
    const struct rl_lines_config *lines;
};

#define RL_FEED_SYMBOL 32 /* with the terminator */
#define RL_FEED_UNNAMED 0x80000000U
#define RL_FEED_NONE UINT32_MAX /* no instrument */

/* One line of ITCH: what comes in order is opened inline. */
enum rl_feed_quick { RL_QUICK_NONE = 0, RL_QUICK_MOLD, RL_QUICK_MESSAGE };

struct rl_feed {
    enum rl_feed_kind kind;
    bool mold;
    uint8_t quick; /* enum rl_feed_quick: which short way rl_feed_open may take */
    uint8_t n_qty_decimals;
    uint8_t numbering;      /* of the line: 1 once FIX ApplSeqNum was seen */
    uint32_t n_instruments; /* numbered so far */
    uint32_t n_instruments_max;
    const struct rl_protocol *protocol;
    struct rl_lines *lines;    /* NULL: one line */
    struct rl_sequence seq[2]; /* one line: where it stands; FIX: MsgSeqNum and ApplSeqNum */
    uint64_t venue_seq;        /* DBN: the venue's own number in the last record */
    uint64_t certain_since;    /* counts desyncs and new sessions ... */
    uint64_t *synced;          /* ... an instrument is certain when its snapshot was as late */
    uint64_t base_synced;      /* ... or when this is: no loss since the session began */
    uint64_t n_recoveries;     /* of the lines, as far as they are in certain_since */
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
    struct rl_binance binance; /* the open Binance line */
    const uint8_t *parsed;     /* the packet that `fix` or `binance` holds; NULL: parse again */
    struct rl_feed_counters n;
};

/* Where a packet is being read; only the feed and its protocols look inside. */
struct rl_feed_cursor {
    const uint8_t *at;      /* the next message, or its block */
    const uint8_t *end;     /* of the packet */
    uint64_t seq;           /* of the next message */
    uint32_t n_held;        /* of them, as long as `pending` goes first */
    uint32_t n_itch;        /* ITCH messages that rl_feed_next may decode at once */
    uint32_t n_left;        /* other protocols: messages or entries left */
    uint8_t block;          /* bytes of length before each message */
    bool has_more;          /* when those are done there may be others */
    bool is_open;           /* the protocol's `next` is to be asked */
    uint8_t pending;        /* enum rl_op to yield before anything else */
    bool is_snapshot;       /* FIX: 35=W */
    bool is_done;           /* FIX: everything was yielded; Binance: something was */
    uint64_t ts_ns;         /* FIX: SendingTime; CME, ICE: when the packet was sent */
    uint32_t n_message;     /* DBN: bytes of ... */
    uint32_t field;         /* FIX: the first field of the next entry */
    uint32_t opening;       /* FIX: the tag that opens an entry */
    uint32_t instrument;    /* of the entry before: an entry may leave it out */
    const uint8_t *message; /* ... the record decoded once more after `pending`; NULL: the next */
    struct rl_binance_text levels[2]; /* Binance: what is left of them */
};

size_t rl_feed_bytes(const struct rl_feed_config *config);
/* -EINVAL for a kind that is none, no instruments or lines that cannot be; -ENOMEM. */
int rl_feed_init(struct rl_feed *f, struct rl_arena *arena, const struct rl_feed_config *config);

/* The next packet may have any number and session: another recording, or the same again. */
void rl_feed_forget(struct rl_feed *f);
/* The number expected next; 0: not known yet. FIX: of ApplSeqNum once one was seen. */
uint64_t rl_feed_next_seq(const struct rl_feed *f);

/* What rl_feed_open does not do at once. */
bool rl_feed_open_any(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                      struct rl_feed_cursor *c);
bool rl_feed_next_any(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u);
/* An ITCH message whose locate has no named instrument yet, or that is none. */
void rl_feed_itch_odd(struct rl_feed *f, const uint8_t *message, bool is_good, struct rl_update *u);
/* A packet that ends before its messages do. */
void rl_feed_itch_cut(struct rl_feed *f, struct rl_feed_cursor *c);

/* A packet of the only line. True when rl_feed_next may yield something. */
static inline bool rl_feed_open(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                                struct rl_feed_cursor *c)
{
    struct rl_sequence *s = &f->seq[0];
    uint32_t count = 1;

    /* The packet that comes in order, which nearly all do; anything else goes the long way. */
    if (f->quick == RL_QUICK_MOLD) {
        struct rl_packet p;

        if (RL_UNLIKELY(n_bytes < RL_MOLD_HEADER))
            return rl_feed_open_any(f, packet, n_bytes, c);
        rl_mold_session(packet, &p.session, &p.session_rest);
        count = rl_be16(packet + 18);
        if (RL_UNLIKELY(rl_be64(packet + 10) != s->next || s->next - 1 >= UINT64_MAX >> 1 ||
                        count - 1 >= RL_MOLD_END - 1 || !rl_sequence_is_session(s, &p)))
            return rl_feed_open_any(f, packet, n_bytes, c);
        c->at = packet + RL_MOLD_HEADER;
        c->block = RL_MOLD_BLOCK;
    } else if (RL_LIKELY(f->quick == RL_QUICK_MESSAGE)) {
        c->at = packet;
        c->block = 0;
    } else {
        return rl_feed_open_any(f, packet, n_bytes, c);
    }
    c->end = packet + n_bytes;
    c->seq = s->next;
    c->n_itch = count;
    c->has_more = false;
    s->next += count;
    f->n.frames++;
    f->n.messages += count;
    f->n.updates += count;
    return true;
}

/* A packet of one of several lines, that came at `now_ns`; true as rl_feed_open. */
bool rl_feed_push(struct rl_feed *f, uint32_t line, const uint8_t *packet, uint32_t n_bytes,
                  uint64_t now_ns, struct rl_feed_cursor *c);
/* Lets time pass without a packet: a gap may have waited long enough. True as rl_feed_open. */
bool rl_feed_poll(struct rl_feed *f, uint64_t now_ns, struct rl_feed_cursor *c);

/*
 * The next update of what was opened, false at its end. Updates that concern no book (op NONE) are
 * yielded too, so that every message can be timed and answered; `instrument` is then 0.
 */
static inline bool rl_feed_next(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u)
{
    if (RL_LIKELY(c->n_itch > 0)) {
        const uint8_t *m = c->at + c->block;
        uint32_t n_bytes = (uint32_t)(c->end - c->at), instrument;
        bool is_good;

        if (RL_LIKELY(c->block != 0)) {
            if (RL_UNLIKELY(n_bytes < RL_MOLD_BLOCK || n_bytes - RL_MOLD_BLOCK < rl_be16(c->at))) {
                rl_feed_itch_cut(f, c);
                return c->has_more && rl_feed_next_any(f, c, u);
            }
            n_bytes = rl_be16(c->at);
        }
        c->at = m + n_bytes;
        c->n_itch--;
        u->seq = c->seq++;
        is_good = rl_itch_decode(m, n_bytes, u);
        if (RL_UNLIKELY(u->op == RL_OP_NONE)) {
            rl_feed_itch_odd(f, m, is_good, u);
            return true;
        }
        instrument = f->locates[rl_itch_locate(m)];
        u->instrument = instrument;
        if (RL_UNLIKELY(instrument >= RL_FEED_UNNAMED))
            rl_feed_itch_odd(f, m, true, u);
        return true;
    }
    return c->has_more && rl_feed_next_any(f, c, u);
}

/*
 * Up to `max` updates at once; 0 at the end. An update is a value: a caller that decodes a few
 * ahead can prefetch what the books will touch before it applies the first.
 */
static inline uint32_t rl_feed_batch(struct rl_feed *f, struct rl_feed_cursor *c,
                                     struct rl_update *out, uint32_t max)
{
    uint32_t n = 0;

    while (n < max && rl_feed_next(f, c, &out[n]))
        n++;
    return n;
}

/*
 * Whether the instrument's book holds all that the venue said: false from a loss on until a
 * snapshot of the instrument, or a new session. RL_INSTRUMENT_ALL: whether nothing is in doubt at
 * all, gaps that still wait for another line included.
 */
static inline bool rl_feed_is_synced(const struct rl_feed *f, uint32_t instrument)
{
    const struct rl_lines *l = f->lines;

    if (l && (l->state == RL_LINES_RECOVERING || l->n_lost_before > 0 ||
              (instrument == RL_INSTRUMENT_ALL && !rl_lines_is_synced(l))))
        return false;
    if (f->base_synced == f->certain_since)
        return true;
    return instrument < f->n_instruments && f->synced[instrument] == f->certain_since;
}

/* A C string; "" when the number is not given out or the wire has not named it yet. */
const char *rl_feed_symbol(const struct rl_feed *f, uint32_t instrument);
/*
 * Names an instrument for lines that do not name it themselves, numbering it when it is new. `key`
 * is what the wire calls it: the locate (ITCH) or instrument number (DBN); FIX and Binance go by
 * the symbol. -EINVAL for a symbol that is empty or too long or a locate beyond 16 bits, -ENOSPC
 * when the table is full.
 */
int rl_feed_name(struct rl_feed *f, uint32_t key, const char *symbol);
/* The instrument of that symbol, RL_INSTRUMENT_ALL when there is none. A search: not while hot. */
uint32_t rl_feed_find(const struct rl_feed *f, const char *symbol);

#endif
