/*
 * soup - SoupBinTCP 3.00: packets in a byte stream, cut anywhere; OUCH travels in them.
 *
 * Threads:  functions of their arguments; a stream belongs to one thread.
 * Memory:   packets are views; a stream keeps the caller's buffer, into which a socket is read.
 * Cost:     a bounds check a packet; the unfinished end of the buffer is moved when room is asked.
 *
 * A packet is its length u16 (big endian, of what follows), its type and a payload. Numbers in the
 * login packets are ASCII digits, padded with spaces on the left.
 */
#ifndef RL_MARKET_SOUP_H
#define RL_MARKET_SOUP_H

#include "base/defs.h"
#include "market/codec/alpha.h"
#include "market/codec/mold.h"

#define RL_SOUP_HEADER 3 /* length and type */
#define RL_SOUP_MAX_PAYLOAD (UINT16_MAX - 1)
#define RL_SOUP_MAX_PACKET (2 + UINT16_MAX)
#define RL_SOUP_USERNAME 6
#define RL_SOUP_PASSWORD 10
#define RL_SOUP_SESSION 10
#define RL_SOUP_NUMBER 20
#define RL_SOUP_ANY (-1)

/* X(type, bytes of the payload, name) */
#define RL_SOUP_TYPES(X)                  \
    X('+', RL_SOUP_ANY, debug)            \
    X('A', 30, login_accepted)            \
    X('J', 1, login_rejected)             \
    X('S', RL_SOUP_ANY, sequenced_data)   \
    X('H', 0, server_heartbeat)           \
    X('Z', 0, end_of_session)             \
    X('L', 46, login_request)             \
    X('U', RL_SOUP_ANY, unsequenced_data) \
    X('R', 0, client_heartbeat)           \
    X('O', 0, logout_request)

struct rl_soup {
    uint8_t type;
    uint16_t n_bytes; /* of the payload */
    const uint8_t *payload;
};

/* LIAR: no such type, or not that type's size; nobody can say where the next packet begins. */
enum rl_soup_result { RL_SOUP_OK, RL_SOUP_MORE, RL_SOUP_LIAR };

/* "sequenced_data" ..., or "unknown". */
const char *rl_soup_name(uint8_t type);
/* True when a payload of that size may follow that type. */
bool rl_soup_fits(uint8_t type, uint32_t n_payload);

/* The packet at the start of the bytes, which has RL_SOUP_HEADER + n_bytes of them. */
static inline enum rl_soup_result rl_soup_read(const uint8_t *bytes, size_t n, struct rl_soup *p)
{
    uint32_t length;

    if (n < 2)
        return RL_SOUP_MORE;
    length = rl_be16(bytes);
    if (RL_UNLIKELY(length == 0))
        return RL_SOUP_LIAR;
    /* Told from the header alone: who waits for 64 KB of a type that is none waits for nothing. */
    if (n >= RL_SOUP_HEADER && RL_UNLIKELY(!rl_soup_fits(bytes[2], length - 1)))
        return RL_SOUP_LIAR;
    if (n < 2 + (size_t)length)
        return RL_SOUP_MORE;
    p->type = bytes[2];
    p->n_bytes = (uint16_t)(length - 1);
    p->payload = bytes + RL_SOUP_HEADER;
    return RL_SOUP_OK;
}

/*
 * Returns the packet's size; 0 when it is longer than `n_max`, or the payload does not fit the
 * type.
 */
uint32_t rl_soup_write(uint8_t *out, uint32_t n_max, uint8_t type, const void *payload,
                       uint32_t n_payload);

/* --- login ------------------------------------------------------------------------------------ */

struct rl_soup_login {
    uint8_t username[RL_SOUP_USERNAME]; /* alpha */
    uint8_t password[RL_SOUP_PASSWORD]; /* alpha */
    uint8_t session[RL_SOUP_SESSION];   /* alpha; all spaces: the one that is on */
    uint64_t seq;                       /* the first message wanted; 0: only new ones */
};

struct rl_soup_accepted {
    uint8_t session[RL_SOUP_SESSION];
    uint64_t seq; /* of the next sequenced message */
};

enum rl_soup_reject { RL_SOUP_NOT_AUTHORIZED = 'A', RL_SOUP_NO_SESSION = 'S' };

/* False when the packet is not of that type, or its number is none. */
bool rl_soup_read_login(const struct rl_soup *p, struct rl_soup_login *v);
bool rl_soup_read_accepted(const struct rl_soup *p, struct rl_soup_accepted *v);
/* As rl_soup_write. */
uint32_t rl_soup_write_login(uint8_t *out, uint32_t n_max, const struct rl_soup_login *v);
uint32_t rl_soup_write_accepted(uint8_t *out, uint32_t n_max, const struct rl_soup_accepted *v);
uint32_t rl_soup_write_rejected(uint8_t *out, uint32_t n_max, enum rl_soup_reject reason);

/* --- stream ----------------------------------------------------------------------------------- */

struct rl_soup_stream {
    uint8_t *bytes;
    size_t n_max;
    size_t begin; /* of what was not taken yet */
    size_t end;   /* of what was received */
};

/* A packet longer than `n_max` never comes out: RL_SOUP_MAX_PACKET holds any. */
static inline void rl_soup_stream_init(struct rl_soup_stream *s, uint8_t *bytes, size_t n_max)
{
    *s = (struct rl_soup_stream){.bytes = bytes, .n_max = n_max};
}

/* Where the next bytes belong, and how many fit; views of packets taken before become rubbish. */
static inline uint8_t *rl_soup_stream_room(struct rl_soup_stream *s, size_t *n_room)
{
    memmove(s->bytes, s->bytes + s->begin, s->end - s->begin);
    s->end -= s->begin;
    s->begin = 0;
    *n_room = s->n_max - s->end;
    return s->bytes + s->end;
}

/* `n` bytes were put there. */
static inline void rl_soup_stream_filled(struct rl_soup_stream *s, size_t n)
{
    s->end += n;
}

/* MORE with no room left: a packet too long for the buffer, as good as a LIAR. */
static inline enum rl_soup_result rl_soup_stream_next(struct rl_soup_stream *s, struct rl_soup *p)
{
    enum rl_soup_result result = rl_soup_read(s->bytes + s->begin, s->end - s->begin, p);

    if (result == RL_SOUP_OK)
        s->begin += RL_SOUP_HEADER + (size_t)p->n_bytes;
    else if (result == RL_SOUP_MORE && s->end - s->begin == s->n_max)
        result = RL_SOUP_LIAR;
    return result;
}

#endif
