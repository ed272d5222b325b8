/*
 * mold - MoldUDP64: a packet is a session, the sequence of its first message, and counted messages.
 *
 * Threads:  functions of their arguments.
 * Memory:   views into the packet; the writer fills the caller's buffer.
 * Cost:     one bounds check a message.
 *
 * Layout, big endian: session char[10], sequence u64, count u16, and as often {length u16, bytes}.
 * Count 0 is a heartbeat, 0xFFFF the end of the session; both carry the next number expected.
 */
#ifndef RL_MARKET_MOLD_H
#define RL_MARKET_MOLD_H

#include <string.h>

#include "base/defs.h"

#define RL_MOLD_HEADER 20
#define RL_MOLD_SESSION 10
#define RL_MOLD_END 0xFFFF
#define RL_MOLD_BLOCK 2 /* the length before each message */

static inline uint16_t rl_be16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof v);
    return __builtin_bswap16(v);
}

static inline uint32_t rl_be32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

static inline uint64_t rl_be64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

static inline void rl_put_be16(uint8_t *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof v);
}

static inline void rl_put_be32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}

static inline void rl_put_be64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}

/* The session's name as two numbers, to be compared. */
static inline void rl_mold_session(const uint8_t *packet, uint64_t *session, uint32_t *rest)
{
    *session = rl_be64(packet);
    *rest = rl_be16(packet + 8);
}

struct rl_mold {
    const uint8_t *session; /* RL_MOLD_SESSION bytes in the packet */
    const uint8_t *at;      /* the next block */
    const uint8_t *end;     /* of the packet */
    uint64_t seq;           /* of the next message */
    uint32_t n_left;        /* messages; 0 in a heartbeat */
    bool is_end;            /* end of session */
};

/* False when the packet is shorter than its header; blocks are checked as they are read. */
static inline bool rl_mold_open(struct rl_mold *m, const uint8_t *packet, uint32_t n_bytes)
{
    uint32_t count;

    if (RL_UNLIKELY(n_bytes < RL_MOLD_HEADER))
        return false;
    count = rl_be16(packet + 18);
    m->session = packet;
    m->seq = rl_be64(packet + 10);
    m->is_end = count == RL_MOLD_END;
    m->n_left = m->is_end ? 0 : count;
    m->at = packet + RL_MOLD_HEADER;
    m->end = packet + n_bytes;
    return true;
}

/* The next message, or NULL: none left (n_left is 0) or the packet lies (n_left is not). */
static inline const uint8_t *rl_mold_next(struct rl_mold *m, uint32_t *n_bytes)
{
    const uint8_t *message;
    uint32_t n;

    if (m->n_left == 0 || RL_UNLIKELY(m->end - m->at < RL_MOLD_BLOCK))
        return NULL;
    n = rl_be16(m->at);
    if (RL_UNLIKELY((size_t)(m->end - m->at) < RL_MOLD_BLOCK + (size_t)n))
        return NULL;
    message = m->at + RL_MOLD_BLOCK;
    m->at = message + n;
    m->n_left--;
    m->seq++;
    *n_bytes = n;
    return message;
}

/* A packet under construction in the caller's buffer. */
struct rl_mold_writer {
    uint8_t *packet;
    uint32_t n_bytes;
    uint32_t n_max;
    uint16_t count;
};

/* `n_max` is at least RL_MOLD_HEADER; `session` is RL_MOLD_SESSION bytes, space padded. */
void rl_mold_begin(struct rl_mold_writer *w, uint8_t *packet, uint32_t n_max, const char *session,
                   uint64_t seq);
/* False when the message does not fit any more: the packet is as it was. */
bool rl_mold_add(struct rl_mold_writer *w, const void *message, uint32_t n_bytes);
/* Writes the count; returns the packet's length. No messages make a heartbeat. */
uint32_t rl_mold_finish(struct rl_mold_writer *w);

/* The whole packet at once, for one message: what a generator that never batches sends. */
static inline uint32_t rl_mold_wrap(uint8_t *packet, const char *session, uint64_t seq,
                                    const uint8_t *message, uint32_t n_bytes)
{
    memcpy(packet, session, RL_MOLD_SESSION);
    rl_put_be64(packet + 10, seq);
    rl_put_be16(packet + 18, 1);
    rl_put_be16(packet + RL_MOLD_HEADER, (uint16_t)n_bytes);
    memcpy(packet + RL_MOLD_HEADER + RL_MOLD_BLOCK, message, n_bytes);
    return RL_MOLD_HEADER + RL_MOLD_BLOCK + n_bytes;
}

/*
 * A request to a retransmission server looks like a header alone: the session, the first number
 * wanted and how many. The server answers with one packet, which may hold fewer.
 */
#define RL_MOLD_MAX_REQUEST (RL_MOLD_END - 1)
/* Writes RL_MOLD_HEADER bytes; more than RL_MOLD_MAX_REQUEST messages are cut to that. */
void rl_mold_put_request(uint8_t *packet, const uint8_t *session, uint64_t seq, uint64_t n);
/* False when it is none: another length, or no messages asked for. */
bool rl_mold_read_request(const uint8_t *packet, uint32_t n_bytes, const uint8_t **session,
                          uint64_t *seq, uint32_t *n);

/* True when header, lengths and count tell the same story to the last byte. */
bool rl_mold_is_whole(const uint8_t *packet, uint32_t n_bytes, uint32_t *n_messages);

#endif
