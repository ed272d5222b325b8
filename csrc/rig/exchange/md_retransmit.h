/*
 * md_retransmit - the last messages of a MoldUDP64 stream, for those who missed some.
 *
 * A request is a datagram as rl_mold_put_request makes it. The answer is one datagram with as many
 * of the messages asked for as fit, from the first on; who wants the rest asks again. Whoever asks
 * for what is too old or not sent yet, for another session, or more often than the budget of a turn
 * allows, hears nothing and is counted: silence is what a subscriber on UDP must be able to bear
 * anyway, and it cannot be used to make us send.
 *
 * Threads:  one, the publisher's.
 * Memory:   64 bytes a message from the arena, at init.
 * Cost:     keeping is writing the message where it is kept; an answer is a copy.
 */
#ifndef RL_RIG_EXCHANGE_MD_RETRANSMIT_H
#define RL_RIG_EXCHANGE_MD_RETRANSMIT_H

#include "base/mem.h"
#include "market/codec/mold.h"

#define RL_MD_MESSAGE 62      /* bytes of a message at most */
#define RL_MD_PACKET_MIN 128  /* bytes of a packet that one may ask for: any message fits ... */
#define RL_MD_PACKET_MAX 8972 /* ... and the most, a jumbo frame's */

/* Sends a datagram to whoever `handle` stands for; the bytes are valid until it returns. */
typedef void rl_md_answer(void *context, uint64_t handle, const uint8_t *bytes, uint32_t n_bytes);

/* A message as it stands in a packet: its length, big endian, and its bytes. */
struct rl_md_kept {
    uint8_t n_bytes[RL_MOLD_BLOCK];
    uint8_t bytes[RL_MD_MESSAGE];
};
_Static_assert(sizeof(struct rl_md_kept) == RL_CACHE_LINE, "a message, a line");

/* X(name, what it counts) */
#define RL_MD_RETRANSMIT_COUNTERS(X)                               \
    X(requests, "requests that came")                              \
    X(answers, "packets sent in answer")                           \
    X(messages, "messages in them")                                \
    X(too_old, "requests for what is no longer kept: silence")     \
    X(too_new, "requests for what has not been sent yet: silence") \
    X(strangers, "requests that name another session: silence")    \
    X(garbled, "datagrams that are no request: silence")           \
    X(over_budget, "requests beyond the packets of a turn: silence")

struct rl_md_retransmit_counters {
#define RL_MD_MEMBER(name, what) uint64_t name;
    RL_MD_RETRANSMIT_COUNTERS(RL_MD_MEMBER)
#undef RL_MD_MEMBER
};
extern const char *const rl_md_retransmit_counter_names[]; /* NULL ends it */

struct rl_md_retransmit_config {
    char session[RL_MOLD_SESSION]; /* space padded */
    uint32_t n_messages;           /* so many are kept; a power of two */
    uint32_t n_packet_bytes;       /* of an answer at most */
    uint32_t n_packets_per_turn;   /* 0: as many as are asked for */
    rl_md_answer *answer;
    void *context;
};

struct rl_md_retransmit {
    struct rl_md_kept *kept;
    uint32_t mask;
    uint32_t n_left;    /* packets that this turn may still send */
    uint64_t next;      /* the number of the next message kept */
    uint64_t published; /* messages below this one have been sent to the lines */
    struct rl_md_retransmit_config config;
    struct rl_md_retransmit_counters n;
    uint8_t packet[RL_MD_PACKET_MAX];
};

size_t rl_md_retransmit_bytes(const struct rl_md_retransmit_config *config);
/* -EINVAL, -ENOMEM. Numbers begin with 1. */
int rl_md_retransmit_init(struct rl_md_retransmit *r, struct rl_arena *arena,
                          const struct rl_md_retransmit_config *config);

/* Where the next message is to be written; it counts once rl_md_retransmit_keep is told. */
static inline uint8_t *rl_md_retransmit_slot(struct rl_md_retransmit *r)
{
    return r->kept[r->next & r->mask].bytes;
}

/* The message in the slot is complete; as it goes into a packet. `n_bytes` <= RL_MD_MESSAGE. */
static inline const struct rl_md_kept *rl_md_retransmit_keep(struct rl_md_retransmit *r,
                                                             uint32_t n_bytes)
{
    struct rl_md_kept *k = &r->kept[r->next++ & r->mask];

    rl_put_be16(k->n_bytes, (uint16_t)n_bytes);
    return k;
}

/* The first number that is still kept. */
static inline uint64_t rl_md_retransmit_first(const struct rl_md_retransmit *r)
{
    return r->next - 1 > r->mask ? r->next - 1 - r->mask : 1;
}

/* A datagram that came from `handle`; answered before this returns, or never. */
void rl_md_retransmit_request(struct rl_md_retransmit *r, uint64_t handle, const uint8_t *bytes,
                              uint32_t n_bytes);
/* A new turn: the budget is whole again. */
void rl_md_retransmit_turn(struct rl_md_retransmit *r);

#endif
