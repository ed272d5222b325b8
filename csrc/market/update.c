#include "market/update.h"

const char *rl_op_name(unsigned op)
{
    static const char *const names[] = {
#define RL_OP_TEXT(name, text) text,
        RL_OPS(RL_OP_TEXT)
#undef RL_OP_TEXT
    };

    return op < RL_N_OPS ? names[op] : "?";
}
