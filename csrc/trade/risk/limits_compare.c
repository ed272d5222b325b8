#include "trade/risk/limits_compare.h"

#include <string.h>

#define BOTH (RL_LIMITS_TIGHTER | RL_LIMITS_LOOSER)

uint32_t rl_limit_compare(const struct rl_limit_member *m, uint64_t was, uint64_t now)
{
    uint64_t off = m->flags & RL_LIMIT_MAY_BE_OFF ? rl_limit_off(m) : 0;

    if (was == now)
        return 0;
    if (m->direction == RL_LIMIT_BITS)
        return (was & ~now ? RL_LIMITS_TIGHTER : 0) | (now & ~was ? RL_LIMITS_LOOSER : 0);
    /* Missing refuses everything, off nothing, whichever way the numbers between them go. */
    if (now == 0 || (off && was == off))
        return RL_LIMITS_TIGHTER;
    if (was == 0 || (off && now == off))
        return RL_LIMITS_LOOSER;
    switch ((enum rl_limit_direction)m->direction) {
    case RL_LIMIT_LESS:
        return now < was ? RL_LIMITS_TIGHTER : RL_LIMITS_LOOSER;
    case RL_LIMIT_MORE:
        return now > was ? RL_LIMITS_TIGHTER : RL_LIMITS_LOOSER;
    case RL_LIMIT_GRID:
        return now % was == 0 ? RL_LIMITS_TIGHTER : was % now == 0 ? RL_LIMITS_LOOSER : BOTH;
    case RL_LIMIT_BITS:
    case RL_LIMIT_EITHER:
        break;
    }
    return BOTH;
}

static bool have_same_rows(const struct rl_limit_set *a, const struct rl_limit_set *b)
{
    return a->n_accounts == b->n_accounts && a->n_instruments == b->n_instruments &&
           a->n_strategies == b->n_strategies && a->n_venues == b->n_venues &&
           memcmp(a->names, b->names, sizeof(a->names)) == 0;
}

uint32_t rl_limits_compare(const struct rl_limit_set *was, const struct rl_limit_set *now,
                           struct rl_limit_change *changes, size_t n_max, size_t *n_changes)
{
    uint32_t all = 0;
    size_t n = 0;

    if (n_changes)
        *n_changes = 0;
    if (!was)
        return RL_LIMITS_LOOSER;
    if (!have_same_rows(was, now))
        return RL_LIMITS_OTHER | BOTH;
    for (int scope = 0; scope < RL_N_SCOPES; scope++) {
        const struct rl_limit_table *t = &rl_limit_tables[scope];
        size_t n_rows;
        const char *row_was = rl_limits_rows(was, (enum rl_scope)scope, &n_rows);
        const char *row_now = rl_limits_rows(now, (enum rl_scope)scope, &n_rows);

        for (size_t i = 0; i < n_rows; i++, row_was += t->row_bytes, row_now += t->row_bytes) {
            if (memcmp(row_was, row_now, t->row_bytes) == 0)
                continue;
            for (uint32_t j = 0; j < t->n_members; j++) {
                uint64_t a = rl_limit_get(row_was, &t->members[j]);
                uint64_t b = rl_limit_get(row_now, &t->members[j]);
                uint32_t how = rl_limit_compare(&t->members[j], a, b);

                if (!how)
                    continue;
                if (changes && n < n_max)
                    changes[n] = (struct rl_limit_change){.was = a,
                                                          .now = b,
                                                          .row = (uint32_t)i,
                                                          .member = (uint16_t)j,
                                                          .scope = (uint8_t)scope,
                                                          .how = (uint8_t)how};
                n++;
                all |= how;
            }
        }
    }
    if (n_changes)
        *n_changes = n;
    return all;
}
