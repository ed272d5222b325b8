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

void rl_update_tidy(struct rl_update *u)
{
    bool has_id = u->op != RL_OP_LEVEL && u->op != RL_OP_CLEAR && u->op != RL_OP_RESET;
    bool has_qty = u->op != RL_OP_NONE && u->op != RL_OP_DELETE && u->op != RL_OP_CLEAR &&
                   u->op != RL_OP_RESET;
    bool has_px = has_qty && u->op != RL_OP_REDUCE;

    u->id = has_id ? u->id : 0;
    u->new_id = u->op == RL_OP_REPLACE ? u->new_id : 0;
    u->qty = has_qty ? u->qty : 0;
    u->px_nano = has_px ? u->px_nano : 0;
    u->side = has_px && u->op != RL_OP_REPLACE ? u->side : 0;
}
