/*
 * protocol - what a wire format must tell the feed handler, and the table of those it knows.
 *
 * A protocol is one file (feed_<name>.c) and one row: how to read a packet's header into a struct
 * rl_packet, and how to turn its messages into updates. Numbering, arbitration between lines, gaps,
 * recovery and counting are the same for all of them and live elsewhere (sequence.h, lines.h,
 * feed.h). docs/guides/adding-a-protocol.md walks through one.
 *
 * Threads:  the table is constant; a row's functions work on their arguments.
 * Memory:   a packet is read in place.
 * Cost:     one indirect call a packet for `read`, one for `start`; `next` is called once an update
 *           except for ITCH, whose decoder feed.h has inline.
 */
#ifndef RL_MARKET_PROTOCOL_H
#define RL_MARKET_PROTOCOL_H

#include "base/defs.h"

struct rl_feed;
struct rl_feed_cursor;
struct rl_update;

/* X(NAME, "text"): the text is what users say, the number is a feed's kind. */
#define RL_PROTOCOLS(X)                                                              \
    X(ITCH, "itch")       /* Nasdaq ITCH 5.0, in MoldUDP64 packets or bare */        \
    X(DBN, "dbn")         /* DBN market-by-order records, in MoldUDP64 or bare */    \
    X(FIX, "fix")         /* FIX market data, a message a packet */                  \
    X(MDP3, "mdp3")       /* CME MDP 3.0, to the sequence level: no book */          \
    X(ICE, "ice")         /* ICE iMpact multicast, to the sequence level: no book */ \
    X(BINANCE, "binance") /* Binance depth stream and snapshot, a line of JSON each */

enum rl_feed_kind {
#define RL_PROTOCOL_ENUM(name, text) RL_FEED_##name,
    RL_PROTOCOLS(RL_PROTOCOL_ENUM)
#undef RL_PROTOCOL_ENUM
        RL_N_PROTOCOLS
};

enum rl_packet_kind {
    RL_PACKET_DATA = 0,
    RL_PACKET_HEARTBEAT, /* no messages; its number is the next one to come */
    RL_PACKET_END,       /* the session is over; numbered as a heartbeat */
    RL_PACKET_PLAIN,     /* has no number: delivered as it comes */
    RL_PACKET_SNAPSHOT,  /* the state after every message below `next` */
    RL_PACKET_RESTART,   /* the numbering starts anew with this very packet */
    RL_PACKET_JUMP,      /* has no number itself; what comes next has `next`, and nothing is lost */
};

/*
 * A packet as sequencing sees it: it may be delivered when everything up to `previous` was, and
 * afterwards everything below `next` has been. Numbers that count messages make previous the first
 * message's number less one. A stream that numbers otherwise says what it continues: a Binance
 * depth event covers U..u and continues `pu`. A packet is new when previous < expected < next; this
 * one rule is also how a stream is joined to a snapshot.
 */
struct rl_packet {
    uint64_t previous;
    uint64_t next;
    uint64_t session;      /* whatever names the session; 0 where there are none */
    uint64_t ts_ns;        /* when it was sent; 0 unknown */
    uint32_t session_rest; /* what of the name does not fit above */
    uint32_t n_messages;   /* as the header says */
    uint32_t body;         /* offset of the first message */
    uint8_t kind;          /* enum rl_packet_kind */
    uint8_t number_bits;   /* 64, or 32: the number wraps and is extended to 64 bits */
    uint8_t is_counted;    /* next - previous - 1 messages: an overlap can be skipped by counting */
    uint8_t numbering;     /* streams with two: a packet of the higher one puts the lower to rest */
};

/* What `read` made of the bytes. */
enum rl_read {
    RL_READ_OK = 0,
    RL_READ_BAD_FRAME,   /* shorter than it claims, or no packet of this protocol */
    RL_READ_BAD_MESSAGE, /* framed well, but refused: FIX rejects */
};

struct rl_protocol {
    const char *name;
    /*
     * The header. `is_whole` asks to walk the messages too, so that a packet that lies about its
     * content is refused; else only the header need be true. `f` is for what a protocol keeps
     * between read and start (a FIX message that was parsed already); NULL is allowed.
     */
    enum rl_read (*read)(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes, bool is_whole,
                         struct rl_packet *p);
    /* Points the cursor at the first message after the `skip` that were delivered before. */
    bool (*start)(struct rl_feed *f, const uint8_t *packet, uint32_t n_bytes,
                  const struct rl_packet *p, uint64_t skip, struct rl_feed_cursor *c);
    /* The next update of the started packet, false at its end. */
    bool (*next)(struct rl_feed *f, struct rl_feed_cursor *c, struct rl_update *u);
    bool is_bare;       /* without a header: a packet is a message, and numbered as it comes */
    bool has_snapshots; /* what is lost is made good by a snapshot, and before one nothing counts */
};

/* NULL for a kind that is none. `in_mold`: ITCH and DBN in MoldUDP64 packets, else bare. */
const struct rl_protocol *rl_protocol_of(enum rl_feed_kind kind, bool in_mold);
/* "itch" ...; NULL for a number that is no kind. */
const char *rl_protocol_name(unsigned kind);
/* The kind of that name; RL_N_PROTOCOLS when there is none. */
enum rl_feed_kind rl_protocol_find(const char *name);

#endif
