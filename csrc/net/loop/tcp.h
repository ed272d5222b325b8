/*
 * tcp - byte streams of many peers on one thread: listening, connecting, bounded in every way.
 *
 * What a handler sends is collected and leaves at the end of the turn, so that many answers are one
 * system call. Nobody can make the server wait or grow: a turn takes at most one buffer of bytes
 * from each connection; who does not read what is sent to him is not read from, and is
 * disconnected when his send buffer is full or makes no progress for `stall_ns`.
 *
 * Threads:  one.
 * Memory:   all of it from the caller's arena at open: n_connections times both buffers. Pages are
 *           touched when a connection first uses them, if the arena did not do so.
 * Cost:     a turn is one epoll_wait, and for each ready connection one recv and one send.
 */
#ifndef RL_NET_TCP_H
#define RL_NET_TCP_H

#include "base/mem.h"
#include "net/address.h"
#include "net/loop/deadlines.h"
#include "net/loop/loop.h"

struct rl_tcp;
struct rl_tcp_conn;

/* X(NAME, text): why a connection ended. */
#define RL_TCP_ENDS(X)                                                \
    X(ASKED, "closed by us")                                          \
    X(PEER_CLOSED, "closed by the peer")                              \
    X(PEER_RESET, "reset by the peer, or lost")                       \
    X(SLOW_READER, "the peer did not read what was sent for a time")  \
    X(SEND_FULL, "the peer did not read, and the send buffer filled") \
    X(TOO_LONG, "a message longer than the receive buffer")           \
    X(CONNECT_FAILED, "no connection was made")                       \
    X(NO_EPOLL, "the kernel watches no more sockets")

enum rl_tcp_end {
#define RL_TCP_ENUM(name, text) RL_TCP_##name,
    RL_TCP_ENDS(RL_TCP_ENUM)
#undef RL_TCP_ENUM
        RL_TCP_N_ENDS
};
const char *rl_tcp_end_text(enum rl_tcp_end why);

/*
 * All are called from rl_tcp_turn alone, and `closed` exactly once for each connection that was
 * opened, or asked for by rl_tcp_connect; never from inside another call. The connection is gone
 * for the handler when `closed` returns. `due` may be NULL.
 */
struct rl_tcp_handler {
    void (*opened)(void *context, struct rl_tcp_conn *c);
    /*
     * All bytes that are here and not yet taken; returns how many are taken now. The others come
     * again with more behind them. Also called, maybe without bytes, after rl_tcp_again and when a
     * send buffer that was more than half full is so no more.
     */
    uint32_t (*received)(void *context, struct rl_tcp_conn *c, const uint8_t *bytes,
                         uint32_t n_bytes);
    void (*due)(void *context, struct rl_tcp_conn *c); /* the time of rl_tcp_wake_at has come */
    void (*closed)(void *context, struct rl_tcp_conn *c, enum rl_tcp_end why);
    void *context;
};

struct rl_tcp_config {
    uint32_t n_connections;
    uint32_t n_listeners;
    uint32_t n_bytes_rx; /* a power of two, from 4096: the longest message */
    uint32_t n_bytes_tx; /* a power of two, from 4096 */
    /* Of the kernel for each connection, besides; 0: as it says, which may be megabytes. */
    uint32_t n_bytes_sndbuf, n_bytes_rcvbuf;
    uint64_t stall_ns;   /* what is in the send buffer has left after this time, or he goes */
    uint64_t linger_ns;  /* a connection that we close sends what is left for so long */
    uint64_t connect_ns; /* a connection that we make is made in this time */
    bool spins;          /* a turn never sleeps: for measurements */
    /* Called in each turn behind all that was received, before anything is sent; or NULL. */
    void (*work)(void *context);
    void *context;
};

/* X(name, what it counts) */
#define RL_TCP_COUNTERS(X)                                                  \
    X(turns, "turns")                                                       \
    X(accepted, "connections accepted")                                     \
    X(connected, "connections made")                                        \
    X(refused_full, "connections closed at once: no room for more")         \
    X(refused_files, "connections closed at once: no file descriptor left") \
    X(accept_pauses, "times that accepting rested after an error")          \
    X(closed, "connections that ended")                                     \
    X(receives, "receive calls that gave bytes")                            \
    X(bytes_in, "bytes received")                                           \
    X(sends, "send calls that took bytes")                                  \
    X(bytes_out, "bytes sent")                                              \
    X(blocked, "times that a peer was not read from because he did not read")

struct rl_tcp_counters {
#define RL_TCP_MEMBER(name, what) uint64_t name;
    RL_TCP_COUNTERS(RL_TCP_MEMBER)
#undef RL_TCP_MEMBER
    uint64_t ended[RL_TCP_N_ENDS]; /* by enum rl_tcp_end */
};
extern const char *const rl_tcp_counter_names[]; /* without `ended`; NULL ends it */

struct rl_tcp_conn {
    struct rl_watch watch;
    struct rl_tcp *tcp;
    const struct rl_tcp_handler *handler;
    void *user; /* the handler's own; NULL at first */
    uint8_t *rx, *tx;
    uint32_t rx_from, rx_to;   /* received and not taken: rx[from .. to) */
    uint64_t tx_head, tx_sent; /* bytes ever put and sent; the ring is indexed by a mask */
    uint64_t tx_owed;          /* tx_sent reaches this before the stall deadline */
    uint32_t number;           /* of the slot: 0 .. n_connections - 1 */
    int error;                 /* errno behind the end; 0: none */
    uint8_t state, why;
    bool is_dirty, is_again, is_choked, is_blocked, is_stalling, is_deaf, is_reset, has_shut;
    struct rl_address peer;
};

struct rl_tcp_listener {
    struct rl_watch watch;
    struct rl_tcp *tcp;
    struct rl_tcp_handler handler;
    struct rl_address address; /* with the port that was obtained */
};

struct rl_tcp {
    struct rl_tcp_config config;
    struct rl_loop loop;
    struct rl_tcp_conn *conns;
    struct rl_tcp_listener *listeners;
    uint32_t n_listeners;
    uint32_t *free, n_free;
    /* Connections with something to send; with bytes to look at again; that are to end. */
    uint32_t *dirty, *again, *again_next, *ending, n_dirty, n_again, n_ending;
    struct rl_deadlines deadlines; /* handler's, ours of each connection; accepting */
    int spare_fd;                  /* given up to accept, and to close, when there is no other */
    struct rl_tcp_counters n;
};

size_t rl_tcp_bytes(const struct rl_tcp_config *config);
/* -EINVAL, -ENOMEM, or why there is no epoll. */
int rl_tcp_open(struct rl_tcp *t, struct rl_arena *arena, const struct rl_tcp_config *config);
/* Everything is closed at once; nobody is told. */
void rl_tcp_close(struct rl_tcp *t);

/*
 * Connections that come to `address` are the handler's from now on. 0 and in *at (may be NULL) the
 * address obtained; -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, -ENOSPC (n_listeners) ...
 */
int rl_tcp_listen(struct rl_tcp *t, const struct rl_address *address,
                  const struct rl_tcp_handler *handler, struct rl_address *at);
/* From now on nobody is accepted; those who are here stay. */
void rl_tcp_stop_listening(struct rl_tcp *t);
/*
 * A connection that is being made: `opened` says that it was, `closed` that it was not. The handler
 * must outlive it. NULL when there is no room or no socket (errno).
 */
struct rl_tcp_conn *rl_tcp_connect(struct rl_tcp *t, const struct rl_address *address,
                                   const struct rl_tcp_handler *handler, void *user);

/* Waits for something to do, at most so long, and does it. Returns whether there was something. */
bool rl_tcp_turn(struct rl_tcp *t, uint64_t timeout_ns);

/* CLOCK_MONOTONIC at the start of this turn. */
static inline uint64_t rl_tcp_now_ns(const struct rl_tcp *t)
{
    return t->loop.now_ns;
}

/* --- one connection --------------------------------------------------------------------------- */

/* All of it or nothing. False: it is ending, or there was no room, and it ends for that. */
bool rl_tcp_send(struct rl_tcp_conn *c, const void *bytes, uint32_t n_bytes);

static inline uint32_t rl_tcp_unsent(const struct rl_tcp_conn *c)
{
    return (uint32_t)(c->tx_head - c->tx_sent);
}

static inline uint32_t rl_tcp_room(const struct rl_tcp_conn *c)
{
    return c->tcp->config.n_bytes_tx - rl_tcp_unsent(c);
}

/*
 * More than half of the send buffer is full. A handler that answers stops taking bytes then, and
 * is called again when the peer has read.
 */
static inline bool rl_tcp_is_choked(const struct rl_tcp_conn *c)
{
    return rl_tcp_unsent(c) > c->tcp->config.n_bytes_tx / 2;
}

/* `received` is called in the next turn, which comes at once. */
void rl_tcp_again(struct rl_tcp_conn *c);
/* `due` is called then, once; RL_NEVER: not at all. A later call replaces the earlier one's. */
void rl_tcp_wake_at(struct rl_tcp_conn *c, uint64_t at_ns);
/* Ends it: what was sent leaves first. Nothing is received any more. */
void rl_tcp_end(struct rl_tcp_conn *c);
/* Ends it with a reset: what was sent may be lost. */
void rl_tcp_reset(struct rl_tcp_conn *c);
/* Neither receives nor sends, as a peer seems whose cable was pulled. For misbehaviour. */
void rl_tcp_deafen(struct rl_tcp_conn *c, bool is_deaf);

#endif
