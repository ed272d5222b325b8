/* FIX logs: whole, valid messages side by side or on lines. */
#include "market/replay/replay_inner.h"

#include "market/fix/fix.h"

int rl_replay_read_fix(struct rl_replay_pass *x)
{
    struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
    struct rl_fix_msg m;

    rl_fix_init(&m, fields, RL_FIX_MAX_FIELDS);
    for (uint64_t at = 0; at < x->n_bytes;) {
        const struct rl_fix_field *time;
        uint64_t ts_ns = 0;
        uint32_t n;
        int err;

        if (x->bytes[at] == '\n' || x->bytes[at] == '\r') {
            at++;
            continue;
        }
        switch (rl_fix_frame(x->bytes + at, x->n_bytes - at, &n)) {
        case RL_FIX_OK:
            break;
        case RL_FIX_PARTIAL:
            return rl_replay_damaged(x, at, "the file ends in a message");
        default:
            return rl_replay_damaged(
                x, at, "not a FIX message: 8=FIX, 9=length and 10= do not fit together");
        }
        if (rl_fix_parse(&m, x->bytes + at, n) != RL_FIX_OK)
            return rl_replay_damaged(x, at + m.ref_off, m.what);
        time = rl_fix_find(&m, RL_FIX_SendingTime, 3);
        if (time && !rl_fix_read_time(rl_fix_value(&m, time), time->len, &ts_ns))
            return rl_replay_damaged(x, at + time->off, "SendingTime is no time");
        err = rl_replay_record(x, at, ts_ns, n, 1, 0);
        if (err)
            return err;
        at += n;
    }
    return 0;
}
