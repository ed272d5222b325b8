/*
 * md_fix - market data over FIX sessions: price levels and trades for those who ask.
 *
 *     rl_md_fix_open(&md, handle, version);        a session that logged on; handle: the caller's
 *     if (rl_md_fix_take(&md, handle, msg, &refusal) == ...)      a delivered message
 *     rl_venue_feed(&venue, rl_md_fix_told, &md);
 *     due_ns = rl_md_fix_turn(&md, now_ns);        what has changed is sent
 *     rl_md_fix_close(&md, handle);
 *
 *   V  MarketDataRequest       W, then X (263=1) or nothing more (263=0); 263=2 ends it. Or Y.
 *                              264 (depth) 0: all levels, n: the best n. 269: 0 1 2.
 *                              265=1: X; 265=0: a W whenever something changes.
 *   x  SecurityListRequest     y with all symbols (559=4) or the one named (559=0)
 *   e  SecurityStatusRequest   f, and again at each change of phase (263=1), until 263=2
 *
 * Levels are named by their price: an X says 0 (new), 1 (change) or 2 (delete) with side, price
 * and, but for a delete, size and number of orders. A level that leaves the best n is deleted, one
 * that comes in is new. Trades (269=2) are named by their match number (278), and deleted by it
 * when they are busted. What happened to a level between two turns is one entry: what it is now.
 * What is more than n_entries is said by several messages: a W is then followed by X's with the
 * levels (new) that it had no room for.
 *
 * Who is slow (rl_md_fix_hold, or an interval of its own) gets no X meanwhile; afterwards one W of
 * each book that has changed replaces all it missed. Its trades are missed, and counted.
 *
 * Threads:  one, the venue's.
 * Memory:   from the arena, at init; everything is bounded, and refused beyond (Y, 281=2).
 * Cost:     an event marks its instrument; the turn compares the levels of marked instruments that
 *           somebody hears, and writes what has changed: see bench_md, about 100 ns a message.
 */
#ifndef RL_RIG_EXCHANGE_MD_FIX_H
#define RL_RIG_EXCHANGE_MD_FIX_H

#include "market/fix/fix.h"
#include "rig/exchange/venue.h"

#define RL_MD_FIX_ID 64      /* bytes of MDReqID and the like */
#define RL_MD_FIX_SYMBOLS 64 /* of one request */

enum rl_md_fix_version {
    RL_MD_FIX_42,
    RL_MD_FIX_43,
    RL_MD_FIX_44,
    RL_MD_FIX_50,
    RL_MD_FIX_50SP1,
    RL_MD_FIX_50SP2,
    RL_MD_FIX_N_VERSIONS /* what knows no market data: 4.0, 4.1 */
};

/* Of BeginString, and of ApplVerID ('7' '8' '9'; 0: as 9) behind FIXT.1.1. */
enum rl_md_fix_version rl_md_fix_version_of(const char *begin_string, char appl_ver_id);

/*
 * Sends a message: body fields "tag=value" SOH ..., valid until it returns. It may hold or close
 * sessions, and nothing else of what is here.
 */
typedef void rl_md_fix_send(void *context, uint32_t handle, const char *type, const uint8_t *body,
                            uint32_t n_bytes);

enum rl_md_fix_result {
    RL_MD_FIX_NOT_MINE, /* another type: somebody else's */
    RL_MD_FIX_TAKEN,    /* and answered, if only by Y */
    RL_MD_FIX_REFUSED,  /* the session should say so: see struct rl_md_fix_refusal */
};

/* As the session's REFUSE event wants it. */
struct rl_md_fix_refusal {
    uint32_t reason; /* enum rl_fix_refusal, or 1000 + enum rl_fix_reason */
    uint32_t tag;
    const char *text;
};

/* X(name, what it counts) */
#define RL_MD_FIX_COUNTERS(X)                                            \
    X(requests, "messages that asked for something")                     \
    X(rejects, "market data requests rejected (Y)")                      \
    X(refused, "messages refused: a field is missing or makes no sense") \
    X(snapshots, "W sent")                                               \
    X(increments, "X sent")                                              \
    X(entries, "entries in them")                                        \
    X(lists, "y sent")                                                   \
    X(statuses, "f sent")                                                \
    X(conflated, "books sent anew to who was slow")                      \
    X(trades_missed, "trades that a slow subscriber was not told")       \
    X(levels_cut, "times that a side had more levels than are kept")

struct rl_md_fix_counters {
#define RL_MD_MEMBER(name, what) uint64_t name;
    RL_MD_FIX_COUNTERS(RL_MD_MEMBER)
#undef RL_MD_MEMBER
};
extern const char *const rl_md_fix_counter_names[]; /* NULL ends it */

struct rl_md_fix_config {
    const struct rl_venue *venue;
    const struct rl_books *books; /* what is shown: rl_match_books */
    uint32_t n_instruments;
    uint32_t n_depth;         /* levels of a side that are told at most; 0: 256 */
    uint32_t n_sessions;      /* handles are below this */
    uint32_t n_subscriptions; /* one a symbol; all sessions together */
    uint32_t n_per_session;   /* 0: n_subscriptions */
    uint32_t n_trades;        /* of one turn before they are sent; 0: 256 */
    uint32_t n_entries;       /* of one message; 0: 40, at most 50 */
    rl_md_fix_send *send;
    void *context;
};

struct rl_md_fix_trade {
    uint64_t match, qty, ts_ns;
    int64_t px_nano;
    uint32_t instrument;
    bool is_bust;
};

/* What one instrument has told, and who hears it. */
struct rl_md_fix_book {
    struct rl_book_depth *levels[2]; /* as told; of an instrument that somebody hears */
    uint32_t n_levels[2];
    uint32_t first; /* subscription + 1; 0: nobody */
    bool is_dirty, is_phased, has_trades;
    struct rl_md_fix_trade last; /* qty 0: none */
};

enum rl_md_fix_kind { RL_MD_FIX_FREE, RL_MD_FIX_PRICES, RL_MD_FIX_STATUS };

struct rl_md_fix_subscription {
    uint8_t kind;  /* enum rl_md_fix_kind */
    uint8_t types; /* bit 0: bid, 1: offer, 2: trade */
    bool is_full;  /* W at each change */
    bool is_stale; /* missed something: a W is due */
    uint32_t handle;
    uint32_t instrument;
    uint32_t depth;
    uint32_t next_of_book, next_of_session; /* subscription + 1; free: the next free one */
    uint8_t n_id;
    char id[RL_MD_FIX_ID];
};

struct rl_md_fix_session {
    bool is_open, is_held;
    bool is_closing; /* closed while it was being told something */
    uint8_t version;
    uint32_t first; /* subscription + 1 */
    uint32_t n_subscriptions;
    uint32_t n_stale;
    uint64_t interval_ns, due_ns;
};

#define RL_MD_FIX_HEAD 512  /* bytes for what comes before the entries */
#define RL_MD_FIX_ENTRY 192 /* of one entry at most */
#define RL_MD_FIX_ENTRIES 50

/* A W or X under construction: the head is written when the number of entries is known. */
struct rl_md_fix_writer {
    uint32_t subscription;
    uint32_t n_entries;
    char type;     /* 'W', 'X'; 0: none begun */
    bool is_whole; /* the entries are all that the last update says to `types` and `depth` */
    uint8_t types;
    uint32_t depth;
    struct rl_fix_enc entries;
    uint8_t bytes[RL_MD_FIX_HEAD + RL_MD_FIX_ENTRIES * RL_MD_FIX_ENTRY];
};

struct rl_md_fix {
    struct rl_md_fix_book *books;
    struct rl_md_fix_session *sessions;
    struct rl_md_fix_subscription *subscriptions;
    struct rl_md_fix_trade *trades;
    uint32_t *dirty; /* instruments marked */
    uint32_t n_dirty, n_trades;
    uint32_t free;      /* subscription + 1 */
    uint32_t n_stale;   /* subscriptions that missed something */
    uint32_t n_closing; /* sessions */
    bool is_telling;
    uint64_t now_ns;                /* of the last turn or event */
    uint64_t traded, busted;        /* match of the last one told */
    struct rl_book_depth *fresh[2]; /* the levels of a book as they are now */
    struct rl_md_fix_config config;
    struct rl_md_fix_counters n;
    struct rl_md_fix_writer out;
};

size_t rl_md_fix_bytes(const struct rl_md_fix_config *config);
/* -EINVAL, -ENOMEM. */
int rl_md_fix_init(struct rl_md_fix *md, struct rl_arena *arena,
                   const struct rl_md_fix_config *config);

/* A session is there; what it had before is gone. -EINVAL. */
int rl_md_fix_open(struct rl_md_fix *md, uint32_t handle, enum rl_md_fix_version version);
void rl_md_fix_close(struct rl_md_fix *md, uint32_t handle);
/* Its connection cannot take more now, or can again. */
void rl_md_fix_hold(struct rl_md_fix *md, uint32_t handle, bool is_held);
/* At most one W of a book in so much time, instead of every X; 0: every X. */
void rl_md_fix_pace(struct rl_md_fix *md, uint32_t handle, uint64_t interval_ns);

/* A message delivered by the session. `why` is filled when it is REFUSED. */
enum rl_md_fix_result rl_md_fix_take(struct rl_md_fix *md, uint32_t handle,
                                     const struct rl_fix_msg *m, struct rl_md_fix_refusal *why);
/* For rl_venue_feed: `md` is a struct rl_md_fix. */
void rl_md_fix_told(void *md, const struct rl_match_event *e);
/* Sends what has changed. When to call again at the latest; UINT64_MAX: when there was an event. */
uint64_t rl_md_fix_turn(struct rl_md_fix *md, uint64_t now_ns);

#endif
