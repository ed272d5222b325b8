/* DBN files: a header, metadata of a stated length, market-by-order records to the end. */
#include "market/replay/replay_inner.h"

#include "market/codec/dbn.h"

#define DBN_HEADER 8

int rl_replay_read_dbn(struct rl_replay_pass *x)
{
    uint64_t at;

    if (x->n_bytes < DBN_HEADER || memcmp(x->bytes, "DBN", 3) != 0)
        return rl_replay_damaged(x, 0, "not an uncompressed DBN file");
    if (x->bytes[3] < 1 || x->bytes[3] > 3)
        return rl_replay_damaged(x, 3, "a DBN version other than 1 to 3");
    if (x->n_bytes - DBN_HEADER < rl_dbn_u32(x->bytes + 4))
        return rl_replay_damaged(x, 4, "the file ends in its metadata");
    for (at = DBN_HEADER + (uint64_t)rl_dbn_u32(x->bytes + 4); at < x->n_bytes;
         at += RL_DBN_MBO_BYTES) {
        const uint8_t *r = x->bytes + at;
        int err;

        if (x->n_bytes - at < 2)
            return rl_replay_damaged(x, at, "the file ends in a record");
        if (r[1] != RL_DBN_MBO_TYPE || r[0] != RL_DBN_MBO_BYTES / 4)
            return rl_replay_damaged(x, at, "not a market-by-order record");
        if (x->n_bytes - at < RL_DBN_MBO_BYTES)
            return rl_replay_damaged(x, at, "the file ends in a record");
        err = rl_replay_record(x, at, rl_dbn_u64(r + 40), RL_DBN_MBO_BYTES, 1, 0);
        if (err)
            return err;
    }
    return 0;
}
