/*
 * match - price-time matching on the order book: requests in, events out, nothing else.
 *
 * Deterministic: the same requests at the same times give the same events, whose hash is kept. The
 * clock is the caller's; orders expire when rl_match_take is told of a later time. Prices and
 * quantities are integers; an order is named by an id that the caller chooses.
 *
 *   type        on arrival                                  afterwards
 *   LIMIT       trades down to its price                    rests (DAY GTC GTD), ends (IOC FOK)
 *   MARKET      trades at any price, or within slippage     ends
 *   STOP        waits for a trade at its stop price         as MARKET, when triggered
 *   STOP_LIMIT  the same                                    as LIMIT
 *   trailing    its stop price follows the market by steps  as the above
 *
 * A modification keeps its place in the queue only when the price stays and neither the quantity
 * nor what is shown of it grows. Trades happen at the price of the order that was there first.
 *
 * IOC, FOK, minimum quantity: count at the moment of arrival; of a stop, when it is triggered. They
 * and market orders find nothing in an auction and end. A stop waits until its instrument is open.
 *
 * Post-only: refused when the best price opposite is within its limit, whoever stands there.
 *
 * Iceberg: shows `show_qty`; when that has traded, the next part goes to the back. As an arriving
 * order, in an auction and in a chain it counts whole. It may have RL_MATCH_PARTS parts at most, so
 * that one request cannot lead to trades without end.
 *
 * All-or-none: may rest even inside the other side's prices; then the book is crossed. It keeps its
 * priority: who meets it and is too small for it waits behind it. When the first orders of the
 * crossed sides, whole ones where they must be, add up to the same quantity (a chain), and there is
 * a price that all of them accept, they trade: at the price of the first buy if that is
 * all-or-none, else of the first sell, or at the nearest to it that all accept. Such an order takes
 * no part in auctions.
 *
 * Self-trade prevention: the wish of the younger order counts. Orders of the same owner do not
 * count as being there for FOK, all-or-none and minimum quantity: with OLDEST they are passed over,
 * with another wish counting ends before them. A chain in which somebody would trade with himself
 * against his wish is none. Auctions do not ask.
 *
 * Stops are triggered one after the other: buys first, nearest stop price first, oldest first.
 *   LAST  a buy by a trade at or above its stop price, a sell at or below; a new one whose price
 *         the last trade has passed is rejected.
 *   BEST  a buy when the best offer is at or above its stop price, a sell when the best bid is at
 *         or below, or when nobody is there; at once, if so.
 *
 * Trailing: a sell's stop price rises to the lower of last price and best bid, less the distance,
 * when that is at least a step higher; a buy's falls, mirrored. The limit follows by as much.
 *
 * Auction: when OPEN follows. Of the prices in the crossed part of the book that at which most
 * trades, then that with the smallest surplus, then the nearest to the last price, then the lower.
 * All trade at that price, in order of their priority.
 *
 * Threads:  one. The sink must not ask for anything before it returns.
 * Memory:   from the caller's arena, at init.
 * Cost:     see bench_match: one update of the book, and an event. No allocation, lock, system
 *           call. Mass cancels, day ends and auctions walk the books; all-or-none, fill-or-kill and
 *           trailing orders walk what they need to know.
 */
#ifndef RL_RIG_EXCHANGE_MATCH_H
#define RL_RIG_EXCHANGE_MATCH_H

#include "base/mem.h"
#include "market/book/book.h"

/* X(NAME, text) */
#define RL_MATCH_OPS(X)                                                                            \
    X(NEW, "new")                                                                                  \
    X(CANCEL, "cancel")   /* id, reason */                                                         \
    X(REDUCE, "reduce")   /* id qty: takes so much off, hidden part first; keeps its place */      \
    X(REPLACE, "replace") /* id new_id user px qty show, of a waiting stop also stop_px: qty is */ \
                          /* what shall be open */                                                 \
    X(MODIFY, "modify")   /* the same, but qty is the total: what has traded is taken off */       \
    X(MASS_CANCEL, "mass cancel") /* owner or RL_MATCH_ANYBODY, instrument or _ALL, side or 2, */  \
                                  /* reason: buys before sells, best price first, then stops */    \
    X(PHASE, "phase")             /* instrument or _ALL, phase: halts, auctions, resumption */     \
    X(DAY_END, "day end")         /* DAY orders expire */                                          \
    X(BUST, "bust")               /* match: the trade is taken back; both owners are told */       \
    X(TIME, "time")               /* nothing but the time */                                       \
    X(MATCHING, "matching") /* instrument or _ALL, qty 0: orders rest and may cross; 1: they */    \
                            /* trade again, one by one, in order of their priority */

enum rl_match_op {
#define RL_MATCH_ENUM(name, text) RL_MATCH_##name,
    RL_MATCH_OPS(RL_MATCH_ENUM)
#undef RL_MATCH_ENUM
        RL_MATCH_N_OPS
};

enum rl_match_type {
    RL_MATCH_LIMIT,
    RL_MATCH_MARKET,
    RL_MATCH_STOP,
    RL_MATCH_STOP_LIMIT,
    RL_MATCH_TRAILING_STOP,
    RL_MATCH_TRAILING_STOP_LIMIT,
    RL_MATCH_N_TYPES
};

enum rl_match_tif {
    RL_MATCH_DAY,
    RL_MATCH_GTC,
    RL_MATCH_IOC,
    RL_MATCH_FOK,
    RL_MATCH_GTD,
    RL_MATCH_AT_OPEN, /* takes part in the next auction only */
    RL_MATCH_N_TIFS
};

/* What happens instead of a trade between two orders of one owner (STP). */
enum rl_match_stp {
    RL_MATCH_STP_NONE,      /* they trade */
    RL_MATCH_STP_NEWEST,    /* the arriving order is cancelled */
    RL_MATCH_STP_OLDEST,    /* the resting order is cancelled, the arriving one goes on */
    RL_MATCH_STP_BOTH,      /* both are cancelled */
    RL_MATCH_STP_DECREMENT, /* both lose the smaller quantity; what is left goes on */
    RL_MATCH_N_STPS
};

enum rl_match_phase {
    RL_MATCH_OPEN,
    RL_MATCH_HALTED,  /* cancels only; nothing trades */
    RL_MATCH_AUCTION, /* orders rest and may cross; the next OPEN trades them at one price */
    RL_MATCH_CLOSED,
    RL_MATCH_N_PHASES
};

/* Bits of rl_match_request.flags. */
#define RL_MATCH_POST_ONLY 1u   /* refused if it would trade on arrival */
#define RL_MATCH_ALL_OR_NONE 2u /* trades whole or not at all, may rest */
#define RL_MATCH_TO_BACK 4u     /* REPLACE, MODIFY: it loses its place in any case */

/* As the owner of a request: the venue itself, who may do everything but own an order. */
#define RL_MATCH_ANYBODY UINT32_MAX
#define RL_MATCH_BOTH_SIDES 2
#define RL_MATCH_PARTS 1000

/*
 * Members that an op does not read may hold rubbish. Times are UTC nanoseconds.
 *
 * Every op that names an order reads owner, user (told in its REFUSED) and instrument: ids are
 * unique among the live orders of one instrument, and any number will do. RL_INSTRUMENT_ALL there:
 * it is looked for in all of them, which takes its time.
 */
struct rl_match_request {
    uint64_t id;
    uint64_t new_id;       /* REPLACE, MODIFY: its id afterwards; may stay the same */
    uint64_t user;         /* the owner's word for the order, given back in events */
    int64_t px_nano;       /* LIMIT, STOP_LIMIT; else ignored */
    int64_t stop_px_nano;  /* REPLACE of a waiting stop, RL_PX_NONE: stays; new trailing STOP: */
                           /* RL_PX_NONE: as soon as there is a market */
    int64_t slippage_nano; /* MARKET, STOP: no worse than the best price by this; <0: any price */
    int64_t trail_nano;    /* trailing: distance of the stop from the market; <0: of 0.01 % each */
    int64_t trail_step_nano; /* ... and by how much it moves at least, in the same unit */
    uint64_t qty;
    uint64_t show_qty;  /* iceberg: so much is shown at a time; 0: all of it */
    uint64_t min_qty;   /* so much trades on arrival, or the order ends; 0: no such wish */
    uint64_t expire_ns; /* GTD */
    uint64_t match;     /* BUST */
    uint32_t instrument;
    uint32_t owner;
    uint8_t op, side, type, tif, stp, flags, phase;
    uint8_t reason; /* CANCEL, MASS_CANCEL: told in CANCELLED; 0: REQUESTED, MASS_CANCEL */
};

/*
 * An order ends with CANCELLED, EXPIRED, REJECTED or a FILL that leaves nothing.
 *
 * Who follows the book needs `shown_before` and `shown`, which every event of an order has right.
 * 0 to n: it appears at px, at the back (RESTED, REFILLED). n to 0: it is gone, or about to come
 * back. n to m: it shrank in its place, unless REPLACED (other_id had n, id has m): then it is at
 * the back of px, or with RL_MATCH_KEPT_PLACE where it was, under its new name. FILLs of one trade
 * are neighbours, and so are BUSTED.
 *
 * X(NAME, text)
 */
#define RL_MATCH_EVENTS(X)                                                                       \
    X(ACCEPTED, "accepted")   /* new; may be followed by fills; qty; px: of a stop its stop */   \
    X(REJECTED, "rejected")   /* a new order; reason */                                          \
    X(FILL, "fill")           /* one for each of the two: other_id, match, px, qty, leaves */    \
    X(CANCELLED, "cancelled") /* by request or not: reason; qty: what was open */                \
    X(REDUCED, "reduced")     /* by request or STP (reason): qty: by how much; leaves */         \
    X(REPLACED, "replaced")   /* id: new, other_id: old, px, qty: open, leaves the same */       \
    X(REFUSED, "refused")     /* a cancel, reduce, replace ...: reason; other_id: new_id */      \
    X(EXPIRED, "expired")     /* reason: IOC, FOK, day, date, unfilled market ...; qty: open */  \
    X(TRIGGERED, "triggered") /* a stop: it is a market or limit order now; px: the stop */      \
    X(RESTED, "rested")       /* shown in the book now: px, shown */                             \
    X(REFILLED, "refilled")   /* an iceberg shows its next part, at the back: shown */           \
    X(TRAILED, "trailed")     /* a trailing stop has moved: px is the new stop price */          \
    X(PHASED, "phase")        /* phase in `reason`; qty 0: matching is off; before its trades */ \
    X(BUSTED, "busted")       /* one for each of the two: other_id, match, px, qty */            \
    X(MASS_CANCELLED, "mass cancelled") /* behind its CANCELLED events: qty says how many; */    \
                                        /* id, user, owner: of the request */

enum rl_match_kind {
#define RL_MATCH_ENUM(name, text) RL_MATCH_EVENT_##name,
    RL_MATCH_EVENTS(RL_MATCH_ENUM)
#undef RL_MATCH_ENUM
        RL_MATCH_N_EVENTS
};

/* X(NAME, text): why an order was rejected, refused, cancelled or expired. */
#define RL_MATCH_REASONS(X)                                      \
    X(NONE, "")                                                  \
    X(REQUESTED, "requested")                                    \
    X(UNKNOWN_ORDER, "unknown order")                            \
    X(DUPLICATE_ID, "an order with this id exists")              \
    X(UNKNOWN_INSTRUMENT, "unknown instrument")                  \
    X(BAD_QUANTITY, "quantity is 0 or too large")                \
    X(BAD_PRICE, "price is not a multiple of the tick, or none") \
    X(BAD_ORDER, "these conditions cannot be combined")          \
    X(NOT_OWNER, "the order is somebody else's")                 \
    X(HALTED, "the instrument is halted")                        \
    X(CLOSED, "the instrument is closed")                        \
    X(WOULD_TRADE, "post-only order would trade")                \
    X(IOC_REMAINDER, "immediate-or-cancel remainder")            \
    X(FOK_UNFILLED, "fill-or-kill quantity is not there")        \
    X(MIN_QTY_UNMET, "minimum quantity is not there")            \
    X(MARKET_REMAINDER, "market order found no more")            \
    X(SELF_TRADE, "self-trade prevention")                       \
    X(MASS_CANCEL, "mass cancel")                                \
    X(DISCONNECTED, "owner disconnected")                        \
    X(DAY_OVER, "day is over")                                   \
    X(DATE_REACHED, "date reached")                              \
    X(STOP_PASSED, "stop price has been passed already")         \
    X(BOOK_FULL, "no room in the book")                          \
    X(UNKNOWN_TRADE, "unknown trade, or too old")                \
    X(VENUE, "the venue's decision")                             \
    X(AUCTION_OVER, "the auction it was for is over")

enum rl_match_reason {
#define RL_MATCH_ENUM(name, text) RL_MATCH_REASON_##name,
    RL_MATCH_REASONS(RL_MATCH_ENUM)
#undef RL_MATCH_ENUM
        RL_MATCH_N_REASONS
};

/* Bits of rl_match_event.flags. */
#define RL_MATCH_AGGRESSOR 1u /* FILL: of the order that arrived */
#define RL_MATCH_SHOWN 2u     /* the order is (FILL, CANCELLED ...: was) in the book: market data */
#define RL_MATCH_KEPT_PLACE 4u /* REPLACED: priority is as it was */
#define RL_MATCH_IN_AUCTION 8u

struct rl_match_event {
    RL_ALIGNED uint64_t seq; /* from 1 */
    uint64_t ts_ns;          /* of the request */
    uint64_t id;
    uint64_t other_id;
    uint64_t user; /* the owner's word for the order */
    uint64_t match;
    int64_t px_nano;
    uint64_t qty;
    uint64_t leaves;       /* open afterwards, hidden part included */
    uint64_t shown;        /* in the book afterwards */
    uint64_t done;         /* executed so far */
    uint64_t shown_before; /* in the book until this event */
    uint32_t instrument;
    uint32_t owner;
    uint8_t kind, side, reason, flags, type, op; /* op: of the request that led to it */
    uint8_t unused[2];                           /* 0 */
};
_Static_assert(sizeof(struct rl_match_event) == 2 * RL_CACHE_LINE, "two lines an event");

/* Gets events in order, some at a time, at the latest when the request has been taken. */
struct rl_match_sink {
    void (*told)(void *context, const struct rl_match_event *events, uint32_t n);
    void *context;
};

/* What triggers stops: see above. */
enum rl_match_trigger { RL_MATCH_TRIGGER_LAST, RL_MATCH_TRIGGER_BEST };

struct rl_match_config {
    uint32_t n_instruments;
    uint32_t n_orders; /* live at once, all together, waiting stops included */
    uint32_t n_stops;  /* ... and so many of them stops that wait; 0: all of them */
    uint32_t n_levels_per_side;
    uint32_t n_owners;
    uint32_t n_trades; /* remembered for busts; a power of two, 0: none */
    int64_t tick_nano; /* every price is a multiple; 1: any */
    uint64_t max_qty;  /* of one order; 0: as much as n_orders of it add up to in 64 bits */
    uint8_t trigger;   /* enum rl_match_trigger */
    uint64_t seed;     /* of the books' tables (rl_books_config); no event depends on it */
};

/* --- what it is made of: for match*.c alone --------------------------------------------------- */

/* Of a live order beside its place in the books; parallel to their orders. Two to a line. */
struct rl_match_order {
    uint64_t user;
    uint64_t done;
    uint64_t since; /* the event behind which it took its place: the older one has the smaller */
    uint32_t owner;
    uint8_t type, tif, stp;
    uint8_t flags; /* of the request, and: */
};
_Static_assert(sizeof(struct rl_match_order) == 32, "two to a line");

#define RL_MATCH_ICEBERG 0x40u /* flags: `hidden` and `show_qty` are its */
#define RL_MATCH_DATED 0x80u   /* flags: `expire_ns` and `heap_at` are its */

/* What only some orders have. */
struct rl_match_extra {
    uint64_t hidden;
    uint64_t show_qty;
    uint64_t expire_ns;
    uint64_t born; /* the event that accepted it: of equal dates the older goes first */
    uint32_t heap_at;
};

/* What only waiting stops have; parallel to the orders of `stops`. */
struct rl_match_stop {
    int64_t px_nano; /* its limit */
    int64_t slippage_nano;
    int64_t trail_nano;
    int64_t trail_step_nano;
    uint64_t min_qty;
    uint32_t prev, next; /* trailing: others of that instrument and side */
};

/* Of an instrument. What an order on the fast path asks is that `rules` is 0. */
#define RL_MATCH_RULE_SHUT 1u  /* not open, or matching is off */
#define RL_MATCH_RULE_STOPS 2u /* stops wait */
#define RL_MATCH_RULE_WHOLE 4u /* all-or-none orders rest */

struct rl_match_instrument {
    uint32_t n_whole;   /* all-or-none orders in the book */
    uint32_t n_waiting; /* stops */
    int64_t last_px_nano;
    int64_t high_nano, low_nano; /* of the trades that stops have not been asked about */
    int64_t trail_nano[2];       /* the market that trailing stops of a side have seen */
    uint32_t trailing[2];        /* the first to come of them, RL_SLOT_NONE */
    uint32_t trailing_tail[2];   /* ... and the last */
    uint8_t rules;               /* RL_MATCH_RULE_* */
    uint8_t phase;
    bool is_off; /* matching */
};

struct rl_match_trade {
    uint64_t match; /* 0: none, or taken back */
    uint64_t ids[2], users[2];
    int64_t px_nano;
    uint64_t qty;
    uint32_t owners[2];
    uint32_t instrument;
};

#define RL_MATCH_BATCH 32 /* events that are told at once at most */

/* Plain and the caller's, like rl_books. Read it through the functions below. */
struct rl_match {
    struct rl_match_event events[RL_MATCH_BATCH];
    uint32_t n_events; /* not told yet */
    uint8_t op;        /* of the request that is being taken */
    uint64_t now_ns;
    uint64_t seq;
    uint64_t lanes[4]; /* of the hash; 32 bits each */
    uint64_t next_expiry_ns;
    struct rl_match_instrument *instruments;
    struct rl_match_order *orders; /* n_orders of the book, then n_stops that wait */
    struct rl_match_extra *extras; /* the same */
    struct rl_match_stop *waits;   /* n_stops */
    struct rl_match_trade *trades;
    uint32_t *heap;   /* dated orders, earliest first */
    uint32_t *n_live; /* orders of each owner */
    uint32_t n_heap;
    uint32_t n_stops;
    uint64_t n_matches;
    uint64_t max_qty;                  /* of one order */
    uint64_t tick_inverse, tick_limit; /* see rl_match_price_is_good */
    uint32_t tick_shift;
    struct rl_match_sink sink;
    struct rl_match_config config;
    struct rl_books books; /* what is shown */
    struct rl_books stops; /* what waits: prices are stop prices, buys on side RL_SELL and v.v. */
};

/* --- for everybody ---------------------------------------------------------------------------- */

size_t rl_match_bytes(const struct rl_match_config *config);
int rl_match_init(struct rl_match *m, struct rl_arena *arena, const struct rl_match_config *config,
                  struct rl_match_sink sink);
/* Takes one request at `now_ns`, which never goes back (a smaller one counts as the last). */
void rl_match_take(struct rl_match *m, const struct rl_match_request *r, uint64_t now_ns);
/*
 * Hints for those who have several requests in hand: which order one will touch, about four
 * requests ahead, and its price and neighbours, about two. They change nothing.
 */
static inline void rl_match_prefetch(const struct rl_match *m, uint64_t id)
{
    uint32_t n = rl_books_guess(&m->books, id);

    rl_books_hint(m->books.nodes, sizeof *m->books.nodes, n);
    rl_books_hint(m->orders, sizeof *m->orders, n);
}

static inline void rl_match_prefetch_level(const struct rl_match *m, uint64_t id)
{
    rl_books_prefetch_level(&m->books, id);
}

/* Over all events so far: what two runs compare. */
uint64_t rl_match_hash(const struct rl_match *m);
/* What is shown, as any feed would: depth, queues, hash, integrity. Read only. */
const struct rl_books *rl_match_books(const struct rl_match *m);
/* What waits for its stop price; a level's price is that. Buys are on side RL_SELL, sells on
 * RL_BUY: so the best level is the one that is triggered first. Read only. */
const struct rl_books *rl_match_stops(const struct rl_match *m);

/* A live order. */
struct rl_match_view {
    uint64_t user, leaves, shown, done, expire_ns;
    int64_t px_nano;      /* RL_PX_NONE: at any */
    int64_t stop_px_nano; /* RL_PX_NONE: it does not wait */
    uint32_t instrument, owner;
    uint8_t side, type, tif, stp, flags;
};
/* False: there is none. `instrument` may be RL_INSTRUMENT_ALL. Cold. */
bool rl_match_find(const struct rl_match *m, uint32_t instrument, uint64_t id,
                   struct rl_match_view *out);

/* RL_PX_NONE before the first trade, or for an instrument that is none. */
int64_t rl_match_last_px(const struct rl_match *m, uint32_t instrument);
enum rl_match_phase rl_match_phase_of(const struct rl_match *m, uint32_t instrument);

/* When the next order reaches its date; UINT64_MAX: none. TIME then makes it expire. */
static inline uint64_t rl_match_next_expiry_ns(const struct rl_match *m)
{
    return m->next_expiry_ns;
}

/* Integrity of all parts. 0, or -EBADMSG and a sentence. Cold. */
int rl_match_check(const struct rl_match *m, const char **what);

const char *rl_match_op_name(unsigned op);
const char *rl_match_event_name(unsigned kind);
const char *rl_match_reason_text(unsigned reason);

#endif
