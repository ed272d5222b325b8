/*
 * ice - ICE iMpact multicast: the block header and the frames of its messages.
 *
 * Threads:  functions of their arguments.
 * Memory:   views into the packet.
 * Cost:     one bounds check a message.
 *
 * Layout, big endian: session u16, sequence of the first message u32, count u16, sent u64 (ms since
 * 1970), then as often: type char, length of the body u16, body. Count 0 is a heartbeat, which
 * carries the next number expected. Source: "ICE iMpact Multicast Feed Message Specification",
 * message block.
 */
#ifndef RL_MARKET_ICE_H
#define RL_MARKET_ICE_H

#include "base/defs.h"
#include "market/codec/mold.h"

#define RL_ICE_HEADER 16
#define RL_ICE_FRAME 3 /* type and length before each body */

struct rl_ice {
    const uint8_t *at; /* the next message */
    const uint8_t *end;
    uint64_t ts_ns; /* when the block was sent; the wire counts ms */
    uint32_t seq;   /* of the next message */
    uint16_t session;
    uint16_t n_left; /* messages; 0 in a heartbeat */
};

/* False when the packet is shorter than its header; messages are checked as they are read. */
static inline bool rl_ice_open(struct rl_ice *b, const uint8_t *packet, uint32_t n_bytes)
{
    uint64_t ms;

    if (RL_UNLIKELY(n_bytes < RL_ICE_HEADER))
        return false;
    b->session = rl_be16(packet);
    b->seq = rl_be32(packet + 2);
    b->n_left = rl_be16(packet + 6);
    ms = rl_be64(packet + 8);
    b->ts_ns = ms <= UINT64_MAX / 1000000 ? ms * 1000000 : 0;
    b->at = packet + RL_ICE_HEADER;
    b->end = packet + n_bytes;
    return true;
}

/* The next message, type first, or NULL: none left (n_left is 0) or the packet lies. */
static inline const uint8_t *rl_ice_next(struct rl_ice *b, uint32_t *n_bytes)
{
    const uint8_t *message = b->at;
    uint32_t n;

    if (b->n_left == 0 || RL_UNLIKELY(b->end - message < RL_ICE_FRAME))
        return NULL;
    n = RL_ICE_FRAME + (uint32_t)rl_be16(message + 1);
    if (RL_UNLIKELY(n > (size_t)(b->end - message)))
        return NULL;
    b->at += n;
    b->n_left--;
    b->seq++;
    *n_bytes = n;
    return message;
}

/* True when header, lengths and count tell the same story to the last byte. */
bool rl_ice_is_whole(const uint8_t *packet, uint32_t n_bytes, uint32_t *n_messages);

/* A block of `n` messages of that type without body, for tests; at most UINT16_MAX. */
uint32_t rl_ice_put(uint8_t *packet, uint16_t session, uint32_t seq, uint64_t sent_ms, uint8_t type,
                    uint16_t n);

#endif
