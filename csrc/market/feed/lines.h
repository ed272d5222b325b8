/*
 * lines - several lines that carry the same stream, made one: whoever comes first is heard.
 *
 * A packet in order goes straight through (nothing is copied). One that comes too early is parked;
 * when what is missing arrives on any line the window drains. What stays missing longer than the
 * lines are known to differ is asked for again, a few times, with back-off; then a snapshot is
 * waited for where the protocol has them; else the loss is declared and the stream goes on.
 *
 *   in order --ahead--> gap --time--> asking --tries used up--> recovering | loss declared
 *       ^________________|______________|__________________________|__ what was missing came
 *
 * The clock comes with each call, so that a capture replays as it happened. Requests are pulled:
 * rl_lines_request says what to ask for, the caller sends it and pushes the answer as
 * RL_LINE_RECOVERY. A snapshot is pushed as a packet where the protocol has it as one (Binance), or
 * adopted by its number when the caller has read it elsewhere (rl_lines_adopt).
 *
 *     if (rl_lines_push(l, line, packet, n_bytes, now_ns))
 *         while (rl_lines_next(l, &d))
 *             ... d.bytes, without the d.n_skip messages in front ...
 *
 * Threads:  one thread owns the lines.
 * Memory:   window, table of recent packets, histograms and loss list from the arena at init.
 *           Packets pushed must live until rl_lines_next has returned false.
 * Cost:     in order: header, two compares, one entry of the recent table. Hostile input: a jump,
 *           a lie or a session that flaps costs a counter and at most a window.
 */
#ifndef RL_MARKET_LINES_H
#define RL_MARKET_LINES_H

#include "base/hist.h"
#include "market/feed/sequence.h"
#include "market/feed/window.h"

#define RL_LINES_MAX 4
#define RL_LINE_RECOVERY RL_LINES_MAX /* answers to requests */
#define RL_LINE_ANY (RL_LINES_MAX + 1)
#define RL_LINES_OLD_SESSIONS 4 /* ended sessions that are remembered, so that they stay ended */

/* X(name, what was seen), each a line's own. */
#define RL_LINE_COUNTERS(X)                                                    \
    X(packets, "packets that came on the line")                                \
    X(bytes, "their bytes")                                                    \
    X(wins, "packets that it brought first")                                   \
    X(duplicates, "packets that another line had brought before")              \
    X(repeats, "packets that it had brought before itself")                    \
    X(late, "packets whose numbers were delivered too long ago to tell whose") \
    X(conflicts, "repeats of another length or with other last bytes")         \
    X(heartbeats, "packets without messages")                                  \
    X(bad, "packets that do not read, or with numbers that cannot be")         \
    X(stale, "packets of a session that has ended")

struct rl_line_counters {
#define RL_LINE_MEMBER(name, text) uint64_t name;
    RL_LINE_COUNTERS(RL_LINE_MEMBER)
#undef RL_LINE_MEMBER
};

/* X(name, what was seen) by all lines together. Every gap ends in one of the five ways, or is open.
 */
#define RL_LINES_COUNTERS(X)                                                              \
    X(delivered, "packets delivered")                                                     \
    X(parked, "packets that came too early and were kept")                                \
    X(gaps, "times that something was missing")                                           \
    X(recovered_other, "gaps closed by another line than the one that showed them")       \
    X(recovered_late, "gaps closed by the same line: packets out of order")               \
    X(recovered_request, "gaps closed by an answer to a request")                         \
    X(recovered_snapshot, "gaps closed by a snapshot")                                    \
    X(gaps_lost, "gaps given up")                                                         \
    X(lost, "numbers given up with them")                                                 \
    X(requests, "requests handed out, repeats included")                                  \
    X(snapshots, "snapshots that the stream was joined to")                               \
    X(snapshots_old, "snapshots too old to be joined to what was kept")                   \
    X(snapshots_unused, "snapshots while nothing was missing")                            \
    X(recoveries, "times that a snapshot had to be waited for")                           \
    X(overflows, "packets for which the window had no room: the oldest gap was given up") \
    X(evicted, "packets that left a full window while a snapshot was waited for")         \
    X(sessions, "changes of session")                                                     \
    X(ends, "end-of-session packets")                                                     \
    X(plain, "packets without a number")                                                  \
    X(clock_back, "packets stamped earlier than one before; taken as of the same moment") \
    X(losses_unlisted, "losses beyond the list's length")

struct rl_lines_counters {
#define RL_LINES_MEMBER(name, text) uint64_t name;
    RL_LINES_COUNTERS(RL_LINES_MEMBER)
#undef RL_LINES_MEMBER
};

/* Start from rl_lines_defaults: a zero here means zero. */
struct rl_lines_config {
    const struct rl_protocol *protocol;
    struct rl_feed *feed;      /* handed to protocol->read; NULL unless a feed owns the lines */
    uint32_t n_lines;          /* 1 .. RL_LINES_MAX */
    uint32_t n_window;         /* packets parked at once ... */
    uint64_t n_window_bytes;   /* ... and their bytes */
    uint32_t n_losses;         /* how many losses the list remembers */
    uint64_t first_seq;        /* the first number that counts; 0: whatever comes first */
    uint64_t gap_floor_ns;     /* a gap waits at least this long for the other lines ... */
    uint64_t gap_ceiling_ns;   /* ... at most this, and in between ... */
    uint32_t gap_skews;        /* ... as many times the p99.9 of what the lines differ */
    uint32_t n_requests;       /* how often a gap is asked for; 0: there is nobody to ask */
    uint64_t request_wait_ns;  /* for the first answer; twice as long for each further one */
    uint32_t n_request_max;    /* numbers in one request */
    bool has_snapshots;        /* a gap that nobody fills waits for a snapshot */
    bool starts_with_snapshot; /* nothing is delivered before the first snapshot */
};

enum rl_lines_state {
    RL_LINES_IN_ORDER = 0,
    RL_LINES_GAP,        /* waits for another line */
    RL_LINES_ASKING,     /* waits for the answer to a request */
    RL_LINES_RECOVERING, /* waits for a snapshot */
};

/* Numbers [first, first + n) that were given up. */
struct rl_loss {
    uint64_t first, n;
};

/* One packet of the stream, in order. */
struct rl_delivery {
    const uint8_t *bytes; /* as pushed, or the window's copy: valid until the next call */
    uint32_t n_bytes;
    struct rl_packet head; /* numbers extended to 64 bits */
    uint64_t n_skip;       /* messages in front that were delivered before */
    uint64_t n_lost;       /* numbers given up just before it */
    uint8_t line;
    bool is_new_session; /* the first of its session: what was known is void */
};

/* What the caller should ask the venue for. */
struct rl_lines_request {
    bool is_snapshot;  /* else: numbers [first, first + n) again */
    uint64_t first, n; /* for a snapshot: what is missing first; n is 0 */
    uint32_t attempt;  /* 1 for the first */
    uint64_t session;  /* as rl_packet has it */
    uint32_t session_rest;
};

/* A packet that was seen first not long ago. */
struct rl_recent {
    uint64_t next;
    uint64_t at_ns;
    uint64_t sample; /* of its bytes */
    uint64_t epoch;  /* of its numbers */
    uint32_t n_bytes;
    uint8_t seen; /* bit a line */
};

struct rl_lines {
    struct rl_sequence seq;
    struct rl_lines_config config;
    struct rl_delivery direct; /* what was just pushed or drained, when it is its turn */
    struct rl_delivery held;   /* pushed, but the window was full: judged again once it drained */
    bool has_direct, has_held;
    bool is_new_session; /* the next delivery is the first of its session */
    bool has_gap;        /* a gap was counted and not yet closed */
    bool wants_request;
    uint8_t state;     /* enum rl_lines_state */
    uint8_t gap_line;  /* the line that showed the gap */
    uint8_t numbering; /* the highest seen */
    uint32_t attempt;
    uint64_t now_ns;        /* the latest moment that a call named */
    uint64_t due_ns;        /* when something must be done about the gap */
    uint64_t n_lost_before; /* numbers given up since the last delivery */
    uint64_t epoch;         /* counts the times that numbers began anew */
    struct rl_window window;
    struct rl_recent *recent;
    struct rl_loss *losses; /* in the order in which they were given up */
    uint32_t n_losses;
    uint32_t n_old_sessions;
    struct {
        uint64_t session;
        uint32_t session_rest;
    } old_sessions[RL_LINES_OLD_SESSIONS];
    bool was_heard[RL_LINES_MAX + 1];
    uint64_t heard_ns[RL_LINES_MAX + 1]; /* when the line last brought a packet that reads */
    struct rl_hist lag[RL_LINES_MAX];    /* ns behind the line that was first, when it was not */
    struct rl_line_counters line[RL_LINES_MAX + 1]; /* the last: RL_LINE_RECOVERY */
    struct rl_lines_counters n;
};

/*
 * Two lines of a multicast feed: 1,024 packets of 1.5 kB parked, gaps wait four times the p99.9
 * skew but 50 us at least and 100 ms at most, five requests from 1 ms on when somebody is there to
 * ask (n_requests is 0 until the caller says so). One line of a protocol with snapshots waits for
 * nobody.
 */
struct rl_lines_config rl_lines_defaults(const struct rl_protocol *protocol, uint32_t n_lines);

/* Bytes that init takes from the arena, alignment included; 0 when the config cannot be served. */
size_t rl_lines_bytes(const struct rl_lines_config *config);
/* -EINVAL for what cannot be served (a bare protocol, no line), -ENOMEM. */
int rl_lines_init(struct rl_lines *l, struct rl_arena *arena, const struct rl_lines_config *config);

/* As after init, but for counters and histograms: another recording, or the same again. */
void rl_lines_forget(struct rl_lines *l);

/*
 * A packet of `line` (any number beyond the lines is RL_LINE_RECOVERY), that came at `now_ns`. True
 * when rl_lines_next has something; it must then be called until it has not, before anything else
 * is pushed.
 */
bool rl_lines_push(struct rl_lines *l, uint32_t line, const uint8_t *packet, uint32_t n_bytes,
                   uint64_t now_ns);
/* Lets time pass without a packet; true as above. */
bool rl_lines_poll(struct rl_lines *l, uint64_t now_ns);
/* The caller has read a snapshot of everything up to and including `last`; true as above. */
bool rl_lines_adopt(struct rl_lines *l, uint64_t last, uint64_t now_ns);
bool rl_lines_next(struct rl_lines *l, struct rl_delivery *d);

/* True once for each request that is due: what to send. */
bool rl_lines_request(struct rl_lines *l, uint64_t now_ns, struct rl_lines_request *request);
/* When rl_lines_poll or rl_lines_request should be called at the latest; UINT64_MAX: no need. */
uint64_t rl_lines_due_ns(const struct rl_lines *l);

/* True when nothing is missing and nothing waits for a snapshot. */
static inline bool rl_lines_is_synced(const struct rl_lines *l)
{
    return l->state == RL_LINES_IN_ORDER;
}

/* ns since the line, or with RL_LINE_ANY any of them, was heard; UINT64_MAX: never. */
uint64_t rl_lines_silent_ns(const struct rl_lines *l, uint32_t line, uint64_t now_ns);

/*
 * How much later line `a` brings a packet than line `b`, in ns, by ceiling rank over the packets
 * that both brought: negative when it is earlier. `pct` 0 is the least, 100 the greatest; 0 when
 * there are none. With two lines; with more, over the packets that either of them brought first.
 */
int64_t rl_lines_skew_ns(const struct rl_lines *l, uint32_t a, uint32_t b, double pct);

#endif
