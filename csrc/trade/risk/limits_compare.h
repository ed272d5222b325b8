/*
 * limits_compare - what changed between two sets, and whether it lets more pass.
 *
 * Tighter may be done by anybody at once; looser needs two people. A change that is neither clearly
 * (another tick, another set of names) counts as both.
 */
#ifndef RL_TRADE_RISK_LIMITS_COMPARE_H
#define RL_TRADE_RISK_LIMITS_COMPARE_H

#include "trade/risk/limits_members.h"

#define RL_LIMITS_TIGHTER 1U
#define RL_LIMITS_LOOSER 2U
#define RL_LIMITS_OTHER 4U /* not the same rows: counts or names differ; always with both */

/* One member of one row. */
struct rl_limit_change {
    uint64_t was, now;
    uint32_t row;
    uint16_t member; /* index in rl_limit_tables[scope].members */
    uint8_t scope;   /* enum rl_scope */
    uint8_t how;     /* RL_LIMITS_TIGHTER, RL_LIMITS_LOOSER or both */
};

/* RL_LIMITS_* of one value; 0: equal. */
uint32_t rl_limit_compare(const struct rl_limit_member *m, uint64_t was, uint64_t now);

/*
 * All that changed: RL_LIMITS_* or-ed, 0 when only the version differs. The first n_max changes are
 * written to `changes`, all are counted in *n_changes; both may be NULL. `was` may be NULL: no set,
 * than which every set is looser.
 */
uint32_t rl_limits_compare(const struct rl_limit_set *was, const struct rl_limit_set *now,
                           struct rl_limit_change *changes, size_t n_max, size_t *n_changes);

#endif
