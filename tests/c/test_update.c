/* An update that is shown or compared holds nothing but what its operation reads. */
#include <string.h>

#include "check.h"
#include "market/update.h"

enum { ID = 1, NEW_ID = 2, SIDE = 4, PX = 8, QTY = 16 };

static const unsigned kept[RL_N_OPS] = {
    [RL_OP_NONE] = ID,
    [RL_OP_ADD] = ID | SIDE | PX | QTY,
    [RL_OP_REDUCE] = ID | QTY,
    [RL_OP_DELETE] = ID,
    [RL_OP_REPLACE] = ID | NEW_ID | PX | QTY,
    [RL_OP_MODIFY] = ID | SIDE | PX | QTY,
    [RL_OP_LEVEL] = SIDE | PX | QTY,
    [RL_OP_CLEAR] = 0,
    [RL_OP_RESET] = 0,
    [RL_OP_TRADE] = ID | SIDE | PX | QTY,
};

int main(void)
{
    for (unsigned op = 0; op < RL_N_OPS; op++) {
        struct rl_update u = {.seq = 7,
                              .id = 1,
                              .new_id = 2,
                              .px_nano = 3,
                              .qty = 4,
                              .ts_ns = 8,
                              .instrument = 9,
                              .op = (uint8_t)op,
                              .side = RL_SELL};

        rl_update_tidy(&u);
        CHECK_EQ(u.id, kept[op] & ID ? 1 : 0);
        CHECK_EQ(u.new_id, kept[op] & NEW_ID ? 2 : 0);
        CHECK_EQ(u.px_nano, kept[op] & PX ? 3 : 0);
        CHECK_EQ(u.qty, kept[op] & QTY ? 4 : 0);
        CHECK_EQ(u.side, kept[op] & SIDE ? RL_SELL : 0);
        CHECK(u.seq == 7 && u.ts_ns == 8 && u.instrument == 9 && u.op == op);
        CHECK(strcmp(rl_op_name(op), "?") != 0);
    }
    CHECK(strcmp(rl_op_name(RL_N_OPS), "?") == 0);
    return 0;
}
