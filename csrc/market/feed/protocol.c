#include "market/feed/protocol.h"

#include <string.h>

#include "market/feed/feed_inner.h"

static const struct rl_protocol *const rows[RL_N_PROTOCOLS] = {
    [RL_FEED_ITCH] = &rl_protocol_itch, [RL_FEED_DBN] = &rl_protocol_dbn,
    [RL_FEED_FIX] = &rl_protocol_fix,   [RL_FEED_MDP3] = &rl_protocol_mdp3,
    [RL_FEED_ICE] = &rl_protocol_ice,   [RL_FEED_BINANCE] = &rl_protocol_binance,
};

const struct rl_protocol *rl_protocol_of(enum rl_feed_kind kind, bool in_mold)
{
    if ((unsigned)kind >= RL_N_PROTOCOLS)
        return NULL;
    if (!in_mold && kind == RL_FEED_ITCH)
        return &rl_protocol_itch_bare;
    if (!in_mold && kind == RL_FEED_DBN)
        return &rl_protocol_dbn_bare;
    return rows[kind];
}

const char *rl_protocol_name(unsigned kind)
{
    static const char *const names[] = {
#define RL_PROTOCOL_TEXT(name, text) text,
        RL_PROTOCOLS(RL_PROTOCOL_TEXT)
#undef RL_PROTOCOL_TEXT
    };

    return kind < RL_N_PROTOCOLS ? names[kind] : NULL;
}

enum rl_feed_kind rl_protocol_find(const char *name)
{
    unsigned kind = 0;

    while (kind < RL_N_PROTOCOLS && strcmp(rl_protocol_name(kind), name) != 0)
        kind++;
    return (enum rl_feed_kind)kind;
}
