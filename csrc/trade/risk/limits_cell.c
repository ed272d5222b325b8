#include "trade/risk/limits_cell.h"

#include <errno.h>
#include <string.h>

#include "trade/risk/limits_compare.h"

static bool approves(const struct rl_limits_approval *a, const struct rl_limit_set *was,
                     const struct rl_limit_set *now)
{
    static const uint8_t none[RL_SHA256_BYTES];

    return a && memcmp(a->was, was ? was->sha256 : none, sizeof(a->was)) == 0 &&
           memcmp(a->now, now->sha256, sizeof(a->now)) == 0;
}

int rl_limits_publish(struct rl_limits_cell *c, const struct rl_limit_set *set,
                      const struct rl_limits_approval *approval, const char **why)
{
    const struct rl_limit_set *was = rl_limits_in_force(c);
    const char *sentence = NULL;
    int err = 0;

    if (!rl_limits_is_whole(set)) {
        err = -EBADMSG;
        sentence =
            set ? rl_limits_why_not_whole(set, rl_limits_bytes(set->n_accounts, set->n_instruments,
                                                               set->n_strategies, set->n_venues))
                : "there is no limit set";
    } else if (was && set->version <= was->version) {
        err = -ESTALE;
        sentence = "the limit set is not newer than the one in force";
    } else if (rl_limits_compare(was, set, NULL, 0, NULL) & RL_LIMITS_LOOSER &&
               !approves(approval, was, set)) {
        err = -EPERM;
        sentence = was ? "the limit set is looser than the one in force; two people must approve it"
                       : "two people must approve the first limit set";
    }
    if (err == 0)
        rl_limits_hang(c, set);
    if (why)
        *why = sentence;
    return err;
}
