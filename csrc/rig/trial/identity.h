/* identity - something counted twice, on both ends of a way: both sides must be equal. */
#ifndef RL_RIG_IDENTITY_H
#define RL_RIG_IDENTITY_H

#include <stdint.h>

struct rl_identity {
    const char *name; /* a sentence */
    uint64_t left, right;
};

#endif
