#include "market/replay/payload.h"

#include <string.h>

#include "market/codec/ice.h"
#include "market/codec/mdp3.h"
#include "market/codec/mold.h"

bool rl_payload_is_whole(enum rl_payload payload, const uint8_t *bytes, uint32_t n_bytes,
                         uint16_t *n_messages)
{
    uint32_t n = 0;
    bool is_whole;

    switch (payload) {
    case RL_PAYLOAD_MOLD:
        is_whole = rl_mold_is_whole(bytes, n_bytes, &n);
        break;
    case RL_PAYLOAD_MDP3:
        is_whole = rl_mdp3_is_whole(bytes, n_bytes, &n);
        break;
    case RL_PAYLOAD_ICE:
        is_whole = rl_ice_is_whole(bytes, n_bytes, &n);
        break;
    case RL_PAYLOAD_GUESS:
    case RL_N_PAYLOADS:
    default:
        is_whole = false;
        break;
    }
    *n_messages = (uint16_t)n;
    return is_whole && n <= UINT16_MAX;
}

void rl_payload_vote(struct rl_payload_votes *votes, const uint8_t *bytes, uint32_t n_bytes)
{
    votes->n_seen++;
    for (unsigned p = RL_PAYLOAD_GUESS + 1; p < RL_N_PAYLOADS; p++) {
        uint16_t n;

        if (rl_payload_is_whole((enum rl_payload)p, bytes, n_bytes, &n)) {
            votes->n_whole[p]++;
            votes->n_messages[p] += n;
        }
    }
}

enum rl_payload rl_payload_elected(const struct rl_payload_votes *votes)
{
    unsigned best = RL_PAYLOAD_GUESS;

    for (unsigned p = RL_PAYLOAD_GUESS + 1; p < RL_N_PAYLOADS; p++) {
        /* Of packets without messages only the header is left to look at: 12 bytes of anything are
         * an empty MDP 3.0 packet. The first in the table has the strictest header. */
        if (p != RL_PAYLOAD_MOLD && votes->n_messages[p] == 0)
            continue;
        if (votes->n_whole[p] > votes->n_whole[best])
            best = p;
    }
    return (enum rl_payload)best;
}

static const struct {
    const char *protocol, *title, *wrong;
} about[RL_N_PAYLOADS] = {
    [RL_PAYLOAD_GUESS] = {"?", "?",
                          "a UDP packet that is neither MoldUDP64, CME MDP 3.0 nor ICE iMpact"},
#define X(name, protocol, title, wrong) [RL_PAYLOAD_##name] = {protocol, title, wrong},
    RL_PAYLOADS(X)
#undef X
};

const char *rl_payload_protocol(enum rl_payload payload)
{
    return about[payload < RL_N_PAYLOADS ? payload : RL_PAYLOAD_GUESS].protocol;
}

const char *rl_payload_title(enum rl_payload payload)
{
    return about[payload < RL_N_PAYLOADS ? payload : RL_PAYLOAD_GUESS].title;
}

const char *rl_payload_wrong(enum rl_payload payload)
{
    return about[payload < RL_N_PAYLOADS ? payload : RL_PAYLOAD_GUESS].wrong;
}
