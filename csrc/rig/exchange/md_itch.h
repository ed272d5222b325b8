/*
 * md_itch - what the exchange shows, as ITCH 5.0 in MoldUDP64 packets on two lines.
 *
 *     rl_md_itch_init(&md, &arena, &config);         config.send: a packet for line 0 (A) or 1 (B)
 *     rl_venue_feed(&venue, rl_md_itch_told, &md);
 *     rl_md_itch_start(&md, now_ns);                 start of day, directory
 *     ... rl_venue_ask(...) as often as there are requests, then
 *     due_ns = rl_md_itch_turn(&md, now_ns);         what is written goes out; heartbeats
 *     rl_md_itch_request(&md, who, bytes, n, now_ns);    a datagram on the request port
 *     rl_md_itch_end(&md, now_ns);
 *
 * An event says what its order had in the book before it and has there after it, and that alone
 * decides what is sent, whatever kind of event it is:
 *
 *   nothing -> n    A: the order enters, behind all others at its price
 *   n -> nothing    E for a fill, C for one that may be at another price than its own; else D
 *   n -> m          E or C for a fill; X when it shrinks in place; U when a replacement loses its
 *                   place, or D and A when it keeps its id
 *
 * An iceberg's next part is therefore an A with the id of the part that E has just removed: the
 * order reference comes back, with the priority of a new order, and the hidden rest is never seen.
 * Two shown orders that trade with each other (the book was crossed) are two C, the second not
 * printable; a trade that touches no shown order is one P. Fills of an auction are C and not
 * printable, followed by one Q with the whole quantity. A bust is one B.
 *
 * An order that is replaced in place under a new id keeps its reference: ITCH has no word for
 * that. rl_md_itch_ref says which reference an id has; for most orders it is the id itself. So ids
 * must not be used again on the same day (rl_venue_take_id never does).
 *
 * Stamps count from midnight UTC. Prices count 1e-4 and quantities have 32 bits: rl_md_itch_init
 * refuses a venue that could match anything else (tick, largest quantity).
 *
 * Threads:  one, the venue's.
 * Memory:   from the arena, at init; packets are valid until send returns.
 * Cost:     see bench_md: about 20 ns an event. No allocation, lock or system call
 *           (but what `send` does).
 */
#ifndef RL_RIG_EXCHANGE_MD_ITCH_H
#define RL_RIG_EXCHANGE_MD_ITCH_H

#include "market/codec/itch.h"
#include "rig/exchange/md_refs.h"
#include "rig/exchange/md_retransmit.h"
#include "rig/exchange/md_snapshot.h"
#include "rig/exchange/venue.h"

#define RL_MD_LINES 2

/* Sends a packet on a line: every packet goes to both, A first. */
typedef void rl_md_send(void *context, uint32_t line, const uint8_t *bytes, uint32_t n_bytes);

/* X(name, what it counts) */
#define RL_MD_ITCH_COUNTERS(X)                                                 \
    X(events, "events heard")                                                  \
    X(messages, "messages written")                                            \
    X(packets, "packets with messages, sent to each line")                     \
    X(heartbeats, "packets without messages, sent to each line")               \
    X(trades, "trades shown: E, C and P")                                      \
    X(crosses, "auctions: Q")                                                  \
    X(refills, "icebergs that showed their next part")                         \
    X(odd, "events that no message can tell: price or quantity beyond ITCH's") \
    X(refs_full, "orders renamed in place without room to remember their names")

struct rl_md_itch_counters {
#define RL_MD_MEMBER(name, what) uint64_t name;
    RL_MD_ITCH_COUNTERS(RL_MD_MEMBER)
#undef RL_MD_MEMBER
};
extern const char *const rl_md_itch_counter_names[]; /* NULL ends it */

/* Zero is the usual value of all numbers. */
struct rl_md_itch_config {
    const struct rl_venue *venue; /* its instruments are listed by and by */
    const struct rl_books *books; /* what is shown: rl_match_books; NULL: no snapshots */
    const char *session;          /* at most RL_MOLD_SESSION characters; NULL: "REDLINE" */
    const char *mpid;             /* orders are attributed (F) to these 4 characters; NULL: A */
    uint32_t n_instruments;       /* at most 65,535; 0: as many as the venue has room for */
    uint32_t n_orders;            /* live at once */
    uint32_t n_levels_per_side;   /* for snapshots */
    uint32_t n_packet_bytes;      /* 0: 1,400 */
    uint32_t n_kept;              /* messages for retransmission, a power of two; 0: 65,536 */
    uint32_t n_answers_per_turn;  /* packets of retransmission, of snapshots; 0: 64 each */
    uint64_t heartbeat_ns;        /* of silence; 0: 1 s */
    uint64_t hold_ns;             /* md_snapshot.h; 0: 1 s */
    rl_md_send *send;
    rl_md_answer *answer; /* NULL: requests are ignored */
    void *context;        /* of both */
};

/* An auction whose fills are being told. */
struct rl_md_cross {
    uint64_t qty;
    uint64_t match; /* the first of its trades */
    uint64_t last;
    int64_t px_nano;
    uint32_t instrument;
    bool is_open;
};

/* A fill of a shown order whose partner has not been told yet. */
struct rl_md_fill {
    uint64_t ref;
    uint64_t match;
    int64_t px_nano;
    uint32_t qty; /* 0: none */
    uint32_t instrument;
};

struct rl_md_itch {
    struct rl_mold_writer packet;
    uint64_t sent_ns; /* when something was sent last */
    uint64_t now_ns;
    uint64_t busted; /* match that the last B named */
    uint32_t n_listed;
    uint8_t *phases;                  /* as shown, of each instrument */
    uint8_t (*names)[RL_ITCH_SYMBOL]; /* as messages have them: padded with spaces */
    struct rl_md_fill fill;
    struct rl_md_cross cross;
    bool is_started, is_ended;
    char session[RL_MOLD_SESSION];
    char mpid[4 + 1];
    struct rl_md_itch_config config;
    struct rl_md_itch_counters n;
    struct rl_md_refs refs;
    struct rl_md_retransmit retransmit;
    struct rl_md_snapshot snapshot;
    uint8_t bytes[RL_MD_PACKET_MAX + sizeof(struct rl_md_kept)];
};

/* NULL when the venue's orders fit into ITCH; else a sentence that says why not. */
const char *rl_md_itch_objection(const struct rl_match_config *match);

size_t rl_md_itch_bytes(const struct rl_md_itch_config *config);
/* -EINVAL, -ENOMEM. */
int rl_md_itch_init(struct rl_md_itch *md, struct rl_arena *arena,
                    const struct rl_md_itch_config *config);

/* The day begins: system events, and what is listed so far. The rest is named when it comes up. */
void rl_md_itch_start(struct rl_md_itch *md, uint64_t now_ns);
/* For rl_venue_feed: `md` is a struct rl_md_itch. */
void rl_md_itch_told(void *md, const struct rl_match_event *e);
/* Sends what is written, or a heartbeat when it is time. When to call again at the latest. */
uint64_t rl_md_itch_turn(struct rl_md_itch *md, uint64_t now_ns);
/* The day is over: system events, end of session; further turns repeat the latter as heartbeats. */
void rl_md_itch_end(struct rl_md_itch *md, uint64_t now_ns);

/* A datagram of a subscriber: retransmission or snapshot; what it wants goes to config.answer. */
void rl_md_itch_request(struct rl_md_itch *md, uint64_t handle, const uint8_t *bytes,
                        uint32_t n_bytes, uint64_t now_ns);
/* An image for who carries it otherwise (Soup); sends what is written first. NULL: no snapshots. */
const struct rl_md_image *rl_md_itch_image(struct rl_md_itch *md, uint64_t now_ns);

/* The reference under which an order is shown. */
static inline uint64_t rl_md_itch_ref(const struct rl_md_itch *md, uint32_t instrument, uint64_t id)
{
    return md->refs.n == 0 ? id : rl_md_refs_find(&md->refs, instrument, id);
}

/* The number of the next message. */
static inline uint64_t rl_md_itch_next(const struct rl_md_itch *md)
{
    return md->retransmit.next;
}

#endif
