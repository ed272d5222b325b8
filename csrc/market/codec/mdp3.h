/*
 * mdp3 - CME MDP 3.0: the packet header and the frames of its SBE messages.
 *
 * Threads:  functions of their arguments.
 * Memory:   views into the packet.
 * Cost:     one bounds check a message.
 *
 * Layout, little endian: sequence u32, sending time u64 (ns since 1970), then messages up to the
 * end of the packet: size u16 (itself included), block length u16, template u16, schema u16,
 * version u16, fields. Every packet of a channel has its own number, heartbeats (template 12) too;
 * both lines carry the same numbers. Source: CME Globex "MDP 3.0 - Packet Structure", "Message
 * Schema".
 */
#ifndef RL_MARKET_MDP3_H
#define RL_MARKET_MDP3_H

#include <string.h>

#include "base/defs.h"

#define RL_MDP3_HEADER 12
#define RL_MDP3_FRAME 10 /* size and SBE header of each message */
#define RL_MDP3_CHANNEL_RESET 4
#define RL_MDP3_HEARTBEAT 12

static inline uint16_t rl_le16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t rl_le32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t rl_le64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

struct rl_mdp3 {
    const uint8_t *at; /* the next message */
    const uint8_t *end;
    uint64_t ts_ns; /* when the packet was sent */
    uint32_t seq;
};

/* False when the packet is shorter than its header; messages are checked as they are read. */
static inline bool rl_mdp3_open(struct rl_mdp3 *m, const uint8_t *packet, uint32_t n_bytes)
{
    if (RL_UNLIKELY(n_bytes < RL_MDP3_HEADER))
        return false;
    m->seq = rl_le32(packet);
    m->ts_ns = rl_le64(packet + 4);
    m->at = packet + RL_MDP3_HEADER;
    m->end = packet + n_bytes;
    return true;
}

/* The next message, size included, or NULL: all read (at == end) or the packet lies (at < end). */
static inline const uint8_t *rl_mdp3_next(struct rl_mdp3 *m, uint32_t *n_bytes)
{
    const uint8_t *message = m->at;
    uint32_t n;

    if (m->end - message < RL_MDP3_FRAME)
        return NULL;
    n = rl_le16(message);
    if (RL_UNLIKELY(n < RL_MDP3_FRAME || n > (size_t)(m->end - message)))
        return NULL;
    m->at += n;
    *n_bytes = n;
    return message;
}

static inline uint16_t rl_mdp3_template(const uint8_t *message)
{
    return rl_le16(message + 4);
}

/* True when the messages fill the packet to the last byte; `*n_messages` of them. */
bool rl_mdp3_is_whole(const uint8_t *packet, uint32_t n_bytes, uint32_t *n_messages);

/* A packet of that number with one message without fields, for tests; RL_MDP3_HEADER + FRAME. */
uint32_t rl_mdp3_put(uint8_t *packet, uint32_t seq, uint64_t ts_ns, uint16_t template_id);

#endif
