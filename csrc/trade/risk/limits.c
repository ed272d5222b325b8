#include "trade/risk/limits.h"

#include <string.h>

const struct rl_limit_pair rl_limit_no_pair;
const struct rl_limit_account rl_limit_no_account;
const struct rl_limit_strategy rl_limit_no_strategy;
const struct rl_limit_venue rl_limit_no_venue;

size_t rl_limits_bytes(uint32_t n_accounts, uint32_t n_instruments, uint32_t n_strategies,
                       uint32_t n_venues)
{
    if (n_accounts == 0 || n_accounts > RL_MAX_ACCOUNTS || n_instruments == 0 ||
        n_instruments > RL_MAX_SYMBOLS || n_strategies == 0 || n_strategies > RL_MAX_STRATEGIES ||
        n_venues == 0 || n_venues > RL_MAX_VENUES)
        return 0;
    return sizeof(struct rl_limit_set) +
           (size_t)n_accounts * n_instruments * sizeof(struct rl_limit_pair);
}

void rl_limits_hash(const struct rl_limit_set *s, size_t n_bytes, uint8_t out[RL_SHA256_BYTES])
{
    size_t from = offsetof(struct rl_limit_set, version);

    rl_sha256((const char *)s + from, n_bytes - from, out);
}

const char *rl_limits_why_not_whole(const void *memory, size_t n_bytes)
{
    const struct rl_limit_set *s = memory;
    uint8_t hash[RL_SHA256_BYTES];

    if (!s)
        return "there is no limit set";
    if (n_bytes < sizeof(*s))
        return "the limit set is shorter than an empty one";
    if (s->magic != RL_LIMITS_MAGIC)
        return "this is not a limit set of this format";
    if (n_bytes != rl_limits_bytes(s->n_accounts, s->n_instruments, s->n_strategies, s->n_venues))
        return "the limit set has another length than its counts say";
    rl_limits_hash(s, n_bytes, hash);
    if (memcmp(hash, s->sha256, sizeof(hash)) != 0)
        return "the limit set was altered: its hash is not that of its rows";
    if (s->version == 0)
        return "the limit set has no version";
    return NULL;
}
