/*
 * limits_build - plain rows into a limit set: checked completely, then hashed.
 *
 * Missing limits are no error here, they refuse; what makes no sense is: numbers out of range, half
 * a group, permissions for what does not exist, padding that is not zero.
 *
 * Threads:  none; the memory is the caller's until the set is published.
 * Cost:     set-up: a pass over the rows, and the hash.
 */
#ifndef RL_TRADE_RISK_LIMITS_BUILD_H
#define RL_TRADE_RISK_LIMITS_BUILD_H

#include "trade/risk/limits.h"

/* Arrays of as many rows as the counts say; pairs by account, then by instrument. */
struct rl_limits_config {
    uint64_t version; /* above 0 */
    uint32_t n_accounts, n_instruments, n_strategies, n_venues;
    const uint8_t *names; /* RL_SHA256_BYTES; NULL: the indices have no names */
    const struct rl_limit_global *global;
    const struct rl_limit_venue *venues;
    const struct rl_limit_account *accounts;
    const struct rl_limit_strategy *strategies;
    const struct rl_limit_pair *pairs;
};

#define RL_LIMITS_WHY 200 /* bytes that hold any sentence of rl_limits_build */

/*
 * Writes the set into `memory` of rl_limits_bytes, aligned to a cache line. -EINVAL with one
 * sentence in `why` (RL_LIMITS_WHY bytes, or NULL) that names the row and the limit: nothing was
 * written then.
 */
int rl_limits_build(void *memory, size_t n_bytes, const struct rl_limits_config *config, char *why);

#endif
