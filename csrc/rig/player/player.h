/*
 * player - plays a recording: its records, at their pace, through arbitration, feed and books.
 *
 *     BOOK   records ---------------------------------> lines -> feed -> books -> views
 *     PORT   records -> a cable for each line -> burst -> lines -> feed -> books -> views
 *
 * Into the book there is one thread, and arbitration sees the recorded times: the same file ends
 * the same way on any machine at any speed. Into a port there is a sender and a reader as in
 * production: the reader sees what the cables bring, when they bring it, by the host's clock. There
 * the sender never waits for the reader, except at full speed, which is as fast as the reader
 * takes: a record that finds no room when it is due is lost, and counted.
 *
 * A recording may be played again and again. Each time books and sequences begin anew; how it ended
 * is held against how the first time ended. Between two times the sender puts an empty frame on
 * every cable, which no feed has.
 *
 *     open -> start -> wait (again and again) -> inspect -> close
 *
 * Threads:  open, start, wait, inspection and close belong to one thread; stop to any. Progress may
 *           be read while it plays, everything else when wait has returned 0.
 * Memory:   one arena; recording and index stay the caller's.
 * Cost:     nothing is allocated once it plays; waiting for a record that is due later sleeps.
 */
#ifndef RL_RIG_PLAYER_H
#define RL_RIG_PLAYER_H

#include <stdatomic.h>

#include "base/hist.h"
#include "base/mem.h"
#include "market/book/book.h"
#include "market/book/view.h"
#include "market/feed/feed.h"
#include "market/feed/lines.h"
#include "net/port/port_shm.h"
#include "rig/trial/pace.h"
#include "rig/trial/worker.h"

enum rl_player_into { RL_PLAYER_BOOK = 0, RL_PLAYER_PORT };

/* Whose time it is; tests bring their own. */
struct rl_player_clock {
    uint64_t (*now_ns)(void *arg);
    void (*sleep_ns)(void *arg, uint64_t ns); /* at most; it may come back earlier */
    void *arg;
};

struct rl_player_config {
    const uint8_t *bytes; /* of the recording */
    uint64_t n_bytes;
    const struct rl_stream_rec *recs;
    uint64_t n_recs;
    enum rl_feed_kind protocol;
    bool is_packets;  /* records are packets as the protocol frames them; else bare messages */
    uint32_t n_lines; /* that records name: 1 .. RL_LINES_MAX, of one stream */
    struct rl_pace_config pace;
    uint64_t n_loops; /* 0: until somebody stops it */
    enum rl_player_into into;
    uint32_t n_instruments;
    uint32_t n_orders; /* live at once */
    uint32_t n_levels_per_side;
    uint8_t n_qty_decimals;              /* where quantities are decimals: they count 10^-n */
    uint32_t n_cable_bytes;              /* PORT: a power of two, of each line's cable */
    int cpu_reader;                      /* of the thread that has the books */
    int cpu_sender;                      /* PORT; may be the same */
    const struct rl_player_clock *clock; /* NULL: the host's */
};

/* Zeroes *c and sets what has a sensible default: full speed, once, into the book. */
void rl_player_config_init(struct rl_player_config *c);

/* Who sends: the sender, or the only thread. X(name, what it counts) */
#define RL_PLAYER_SENT(X)                                                        \
    X(records, "records that were due")                                          \
    X(records_unsent, "of these, lost: no room on the cable when they were due") \
    X(messages, "messages in the records that were due")                         \
    X(messages_unsent, "messages in the records that were lost")                 \
    X(bytes, "bytes of the records that were due")                               \
    X(loops_sent, "times that the recording was sent whole")

/* The thread that has the books. */
#define RL_PLAYER_READ(X)                                                        \
    X(frames, "records that the reader got")                                     \
    X(packets, "packets delivered, in order; bare messages too")                 \
    X(delivered, "messages delivered, in order")                                 \
    X(updates, "updates applied")                                                \
    X(bbo_changes, "updates that changed a best price or its quantity")          \
    X(left_waiting, "packets that still waited for others when a loop was over") \
    X(loops, "times that the recording was played whole")                        \
    X(loops_different, "of these, that ended otherwise than the first time")

#define RL_PLAYER_MEMBER(name, what) _Atomic uint64_t name;
struct rl_player_sent {
    RL_PLAYER_SENT(RL_PLAYER_MEMBER)
};
struct rl_player_read {
    RL_PLAYER_READ(RL_PLAYER_MEMBER)
};
#undef RL_PLAYER_MEMBER
/* In the order of the structs; NULL ends them. */
extern const char *const rl_player_sent_names[];
extern const char *const rl_player_read_names[];

/* How a loop ended, or how far the one under way has come. */
struct rl_player_end {
    uint64_t n_messages;
    uint64_t message_hash; /* of the messages delivered: their bytes and their order */
    uint64_t book_hash;    /* rl_books_hash */
    uint64_t last_seq;     /* DBN: the venue's own */
};

#define RL_PLAYER_BURST 32

/* What came from one cable and is not dealt with yet. */
struct rl_player_burst {
    struct rl_frame frames[RL_PLAYER_BURST];
    uint32_t n, at;
    bool is_over; /* its loop is: what follows is the next one's */
};

struct rl_player {
    struct rl_player_config config;
    struct rl_player_clock clock;
    struct rl_arena arena; /* the player itself lies in it */

    /* The reader's. */
    bool is_bare;    /* no lines: records are messages without a number */
    bool is_between; /* a loop is over, and no record of the next one has come */
    struct rl_lines lines;
    struct rl_feed feed;
    struct rl_books books;
    struct rl_views *views;
    struct rl_player_burst bursts[RL_LINES_MAX];
    uint64_t message_hash; /* of the loop under way */
    uint64_t n_messages;
    uint64_t stamp_ns; /* BOOK: the latest recorded time */
    struct rl_player_end first, last;
    uint64_t read_end_ns; /* PORT */
    RL_ALIGNED struct rl_player_read read;

    /* The sender's. */
    struct rl_pace pace;
    struct rl_cable cables[RL_LINES_MAX]; /* end 0 sends, end 1 reads */
    struct rl_hist lateness;              /* ns, record sent - record due; empty at full speed */
    uint64_t start_ns, end_ns;
    RL_ALIGNED struct rl_player_sent sent;

    struct rl_shared shared; /* PORT: the sender's phase; both: the stop */
    struct rl_worker reader_worker, sender_worker;
    sem_t finished;
    uint32_t n_workers, n_finished;
    bool is_started, is_done;
};

/*
 * 0 and *p; -EINVAL, -ENOMEM or another -errno with a sentence in *why.
 */
int rl_player_open(struct rl_player **p, const struct rl_player_config *config, const char **why);

/* 0 or -errno; -EALREADY when it was started before. */
int rl_player_start(struct rl_player *p);

/* 0: it is over; -ETIMEDOUT; -EINTR: a signal handler ran; -EINVAL: not started. */
int rl_player_wait(struct rl_player *p, uint64_t timeout_ns);

/* Ends the playing now: no further record is sent, what was sent is still read. */
void rl_player_stop(struct rl_player *p);

/* Stops, waits and frees. Harmless for NULL. */
void rl_player_close(struct rl_player *p);

/* Both at once, on this thread, for one that plays into the book: no worker, no CPU is asked for.
 */
int rl_player_run(struct rl_player *p);

/* The state in which it ended; `damage` is NULL or what rl_books_check found. */
struct rl_player_answer {
    struct rl_player_end end;
    uint32_t n_instruments, n_orders, n_levels;
    uint64_t elapsed_ns;
    const char *damage;
};
void rl_player_answer(const struct rl_player *p, struct rl_player_answer *answer);

#endif
