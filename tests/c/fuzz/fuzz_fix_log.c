/* FIX logs: every record frames, and nothing but line ends lies between two of them. */
#include "fuzz_file.h"
#include "market/fix/fix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t n, end = 0;

    if (size > FUZZ_MAX)
        return 0;
    n = fuzz_file(RL_SOURCE_FIX_LOG, data, size);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t n_message;

        CHECK_EQ(rl_fix_frame(data + fuzz_recs[i].offset, fuzz_recs[i].n_bytes, &n_message),
                 RL_FIX_OK);
        CHECK_EQ(n_message, fuzz_recs[i].n_bytes);
        for (; end < fuzz_recs[i].offset; end++)
            CHECK(data[end] == '\n' || data[end] == '\r');
        end = fuzz_recs[i].offset + fuzz_recs[i].n_bytes;
    }
    return 0;
}

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    struct rl_fix_enc e;
    size_t n = 0;

    if (i >= 3)
        return 0;
    for (unsigned k = 0; k <= i; k++) {
        rl_fix_begin(&e, out + n, 256, i == 2 ? "FIXT.1.1" : "FIX.4.4");
        rl_fix_put_char(&e, 35, 'B');
        rl_fix_put_time(&e, 52, 1789998915000000000ULL + k, 3 * k);
        rl_fix_put_uint(&e, 95, 3);
        rl_fix_put(&e, 96, "a\001b", 3);
        n += rl_fix_finish(&e);
        if (k == 1)
            out[n++] = '\r';
        if (k > 0)
            out[n++] = '\n';
    }
    return n;
}
