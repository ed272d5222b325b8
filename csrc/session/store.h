/*
 * store - what a session must not forget: the numbers that come next, and what it sent.
 *
 * A number is given out once. So what is sent is stored before its bytes leave, and a store that
 * cannot says so, and the message is not sent. What is asked for again is read from here.
 *
 * Threads:  the session's.
 * Memory:   the implementation's. Bytes that get returns stay valid until the next put or reset.
 * Cost:     `memory`: a copy. `file` (store_file.h): the same into a mapping.
 */
#ifndef RL_SESSION_STORE_H
#define RL_SESSION_STORE_H

#include "base/defs.h"
#include "base/mem.h"

struct rl_session_store;

struct rl_session_store_ops {
    const char *name; /* "memory", "file" */
    /* The message that was given number `seq`, which is next_out; next_out is seq + 1 then. */
    int (*put)(struct rl_session_store *s, uint64_t seq, const uint8_t *bytes, uint32_t n_bytes);
    /* NULL when it is not kept (any more), or nothing was stored under that number. */
    const uint8_t *(*get)(struct rl_session_store *s, uint64_t seq, uint32_t *n_bytes);
    /* Numbers that are given out or taken without a message: gap fills, received messages. */
    int (*set_next)(struct rl_session_store *s, uint64_t next_out, uint64_t next_in);
    /* A new session: both numbers are 1, nothing is kept. */
    int (*reset)(struct rl_session_store *s, uint64_t now_utc_ns);
};

/* The first member of an implementation. Numbers are read directly, and changed through ops only.
 */
struct rl_session_store {
    const struct rl_session_store_ops *ops;
    uint64_t next_out;       /* MsgSeqNum of the next message sent */
    uint64_t next_in;        /* ... and of the next one expected */
    uint64_t created_utc_ns; /* of the session that the numbers count */
};

/*
 * Keeps the newest messages that fit `n_bytes`, at most `n_messages` (a power of two). Numbers are
 * lost with the process.
 */
struct rl_memory_store {
    struct rl_session_store store;
    uint8_t *bytes; /* a ring */
    uint64_t n_bytes;
    uint64_t head; /* bytes ever written, padding included */
    struct rl_memory_slot {
        uint64_t seq, at;
        uint32_t n;
    } *slots; /* by seq & (n_messages - 1) */
    uint64_t n_messages;
};

size_t rl_memory_store_bytes(uint64_t n_bytes, uint64_t n_messages);
/* -EINVAL unless both are powers of two, -ENOMEM. */
int rl_memory_store_init(struct rl_memory_store *m, struct rl_arena *arena, uint64_t n_bytes,
                         uint64_t n_messages, uint64_t now_utc_ns);

#endif
