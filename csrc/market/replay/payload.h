/*
 * payload - what a UDP packet of a capture carries: market data packets framed by one of these.
 *
 * Threads:  functions of their arguments.
 * Memory:   reads the payload in place.
 * Cost:     one bounds check a message.
 *
 * A payload is whole when its header, its counts and its lengths tell the same story to the last
 * byte. That is strict enough to tell the protocols apart by looking at some packets.
 */
#ifndef RL_MARKET_REPLAY_PAYLOAD_H
#define RL_MARKET_REPLAY_PAYLOAD_H

#include "base/defs.h"

/* X(name, protocol as feeds and users call it, title for people, sentence when a payload is not) */
#define RL_PAYLOADS(X)                                                     \
    X(MOLD, "itch", "MoldUDP64", "a UDP packet that is not MoldUDP64")     \
    X(MDP3, "mdp3", "CME MDP 3.0", "a UDP packet that is not CME MDP 3.0") \
    X(ICE, "ice", "ICE iMpact", "a UDP packet that is not ICE iMpact")

enum rl_payload {
    RL_PAYLOAD_GUESS = 0, /* not known, or not said */
#define RL_PAYLOAD_ENUM(name, protocol, title, wrong) RL_PAYLOAD_##name,
    RL_PAYLOADS(RL_PAYLOAD_ENUM)
#undef RL_PAYLOAD_ENUM
        RL_N_PAYLOADS
};

/* True when it is whole; then `*n_messages` is how many messages it has (0: a heartbeat). */
bool rl_payload_is_whole(enum rl_payload payload, const uint8_t *bytes, uint32_t n_bytes,
                         uint16_t *n_messages);

/*
 * A guess under construction: how many packets would be whole as each payload, and how many
 * messages they would have. Zeroed: nothing seen.
 */
struct rl_payload_votes {
    uint32_t n_seen;
    uint32_t n_whole[RL_N_PAYLOADS];
    uint64_t n_messages[RL_N_PAYLOADS];
};
void rl_payload_vote(struct rl_payload_votes *votes, const uint8_t *bytes, uint32_t n_bytes);

/* The payload as which most packets are whole; RL_PAYLOAD_GUESS when none is as any. */
enum rl_payload rl_payload_elected(const struct rl_payload_votes *votes);

/* "itch", "MoldUDP64", the sentence; "?" for GUESS. */
const char *rl_payload_protocol(enum rl_payload payload);
const char *rl_payload_title(enum rl_payload payload);
const char *rl_payload_wrong(enum rl_payload payload);

#endif
