/* ITCH 5.0 files: messages behind 2-byte lengths, which generators like to leave zero. */
#include "market/replay/replay_inner.h"

#include "market/codec/itch.h"

int rl_replay_read_itch(struct rl_replay_pass *x)
{
    for (uint64_t at = 0; at < x->n_bytes;) {
        const uint8_t *message = x->bytes + at + 2;
        uint32_t n, size;
        int err;

        if (x->n_bytes - at < 3)
            return rl_replay_damaged(x, at, "the file ends in a length prefix");
        n = rl_be16(x->bytes + at);
        size = rl_itch_sizes[message[0]];
        if (size == 0)
            return rl_replay_damaged(x, at + 2, "not a message type of ITCH 5.0");
        if (n != 0 && n != size)
            return rl_replay_damaged(x, at,
                                     "the length prefix is not the size of that message type");
        if (x->n_bytes - at - 2 < size)
            return rl_replay_damaged(x, at, "the file ends in a message");
        err = rl_replay_record(x, at + 2, rl_itch_ts_ns(message), size, 1, 0);
        if (err)
            return err;
        at += 2 + (uint64_t)size;
    }
    return 0;
}
