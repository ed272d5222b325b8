/* flood_holds - what must be equal in every flood's result. */
#ifndef RL_TESTS_FLOOD_HOLDS_H
#define RL_TESTS_FLOOD_HOLDS_H

#include "check.h"
#include "rig/traffic/flood.h"

/* How many identities there were; they all hold. */
static inline uint32_t flood_holds(const struct rl_flood_result *r)
{
    struct rl_identity identities[RL_FLOOD_MAX_IDENTITIES];
    uint32_t n = rl_flood_identities(r, identities);

    for (uint32_t i = 0; i < n; i++) {
        if (identities[i].left != identities[i].right)
            fprintf(stderr, "%s\n", identities[i].name);
        CHECK_EQ(identities[i].left, identities[i].right);
    }
    return n;
}

#endif
