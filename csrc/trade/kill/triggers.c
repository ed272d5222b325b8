#include "trade/kill/triggers.h"

#include <string.h>

void rl_kill_look(const struct rl_kill *k, const struct rl_kill_snapshot *before,
                  struct rl_kill_snapshot *now)
{
    uint64_t was_sent = before ? before->vitals[RL_VITAL_SENT_ORDERS] : 0;

    for (size_t i = 0; i < RL_N_BEATS; i++) {
        const struct rl_vital_beat *beat = &k->vitals.beats[i];

        now->beat_tsc[i] = atomic_load_explicit(&beat->tsc, memory_order_relaxed);
        now->waiting_tsc[i] = atomic_load_explicit(&beat->waiting_tsc, memory_order_relaxed);
    }
    now->vitals[RL_VITAL_SENT_QTY] = rl_vitals_sent_qty(&k->vitals); /* first: see K8 */
    for (uint32_t i = 0; i < RL_N_VITALS; i++) {
        if (i != RL_VITAL_SENT_QTY)
            now->vitals[i] = rl_vital(&k->vitals, (enum rl_vital)i);
    }
    now->was_sent_orders = before ? was_sent : now->vitals[RL_VITAL_SENT_ORDERS];
    now->n_dead = 0;
}

static uint64_t age(uint64_t since_tsc, uint64_t now_tsc)
{
    /* A counter read later, or on another core, may lie a little in the future. */
    return now_tsc > since_tsc ? now_tsc - since_tsc : 0;
}

static uint64_t beyond(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* How long something lasts that began at `since_tsc`; 0: it does not. */
static uint64_t lasting(uint64_t since_tsc, uint64_t now_tsc)
{
    return since_tsc ? age(since_tsc, now_tsc) : 0;
}

bool rl_kill_reading(const struct rl_kill_rule *rule, const struct rl_kill_snapshot *s,
                     uint64_t now_tsc, uint64_t *reading)
{
    const uint64_t *v = s->vitals;
    uint64_t since, backlog = beyond(v[RL_VITAL_AUDIT_WRITTEN], v[RL_VITAL_AUDIT_DURABLE]);

    *reading = 0;
    switch (rule->trigger) {
    case RL_TRIGGER_BEAT:
        since = s->beat_tsc[rule->beat];
        *reading = lasting(since, now_tsc);
        return since != 0;
    case RL_TRIGGER_STUCK:
        *reading = lasting(s->waiting_tsc[rule->beat], now_tsc);
        return s->beat_tsc[rule->beat] != 0;
    case RL_TRIGGER_DEAD:
        *reading = s->n_dead;
        return true;
    case RL_TRIGGER_FEED_STALE:
        *reading = lasting(v[RL_VITAL_FEED_TSC], now_tsc);
        return v[RL_VITAL_FEED_TSC] != 0;
    case RL_TRIGGER_FEED_GAP:
        *reading = lasting(v[RL_VITAL_GAP_TSC], now_tsc);
        return true;
    case RL_TRIGGER_FEED_CROSSED:
        *reading = lasting(v[RL_VITAL_CROSSED_TSC], now_tsc);
        return true;
    case RL_TRIGGER_AUDIT_BACKLOG:
        *reading = backlog;
        return true;
    case RL_TRIGGER_AUDIT_STALL:
        *reading = backlog ? lasting(v[RL_VITAL_AUDIT_TSC], now_tsc) : 0;
        return v[RL_VITAL_AUDIT_TSC] != 0 || backlog == 0;
    case RL_TRIGGER_AUDIT_FAILED:
        *reading = v[RL_VITAL_AUDIT_FAILED];
        return true;
    case RL_TRIGGER_DISK_LOW:
        *reading = v[RL_VITAL_DISK_FREE];
        return v[RL_VITAL_DISK_FREE] != 0;
    case RL_TRIGGER_CLOCK_ERROR:
        *reading = v[RL_VITAL_CLOCK_ERROR_NS];
        return true;
    case RL_TRIGGER_CLOCK_STEPS:
        *reading = v[RL_VITAL_CLOCK_STEPS];
        return true;
    case RL_TRIGGER_LIMITS_ALTERED:
        *reading = v[RL_VITAL_LIMITS_ALTERED];
        return true;
    case RL_TRIGGER_BUILD:
        *reading = v[RL_VITAL_BUILD_MISMATCHES];
        return true;
    case RL_TRIGGER_RECONCILE:
        *reading = v[RL_VITAL_MISMATCHES];
        return true;
    case RL_TRIGGER_SENT_OVER:
        *reading = beyond(v[RL_VITAL_SENT_QTY], v[RL_VITAL_APPROVED_QTY]);
        return true;
    case RL_TRIGGER_REJECTS_IN_ROW:
        *reading = v[RL_VITAL_REJECTS_IN_ROW];
        return true;
    case RL_TRIGGER_LOSS:
        *reading = v[RL_VITAL_LOSS];
        return true;
    case RL_TRIGGER_EXPOSURE:
        *reading = v[RL_VITAL_EXPOSURE];
        return true;
    case RL_TRIGGER_POSITION:
        *reading = v[RL_VITAL_POSITION];
        return true;
    case RL_TRIGGER_SENT_RATE:
        *reading = beyond(v[RL_VITAL_SENT_ORDERS], s->was_sent_orders);
        return true;
    default:
        return false; /* a rule of another build: with `must` it trips */
    }
}

bool rl_kill_breaks(const struct rl_kill_rule *rule, const struct rl_kill_snapshot *s,
                    uint64_t now_tsc)
{
    uint64_t reading;

    if (!rl_kill_reading(rule, s, now_tsc, &reading))
        return rule->must;
    return rl_trigger_unit(rule->trigger) == RL_TRIGGER_AT_LEAST ? reading < rule->limit
                                                                 : reading > rule->limit;
}

uint64_t rl_kill_judge(const struct rl_kill_rule *rules, size_t n_rules,
                       const struct rl_kill_snapshot *s, uint64_t now_tsc, uint16_t *broken,
                       size_t *n_broken)
{
    uint64_t causes = 0;

    *n_broken = 0;
    for (size_t i = 0; i < n_rules; i++) {
        if (rl_kill_breaks(&rules[i], s, now_tsc)) {
            broken[(*n_broken)++] = (uint16_t)i;
            causes |= 1ULL << rl_trigger_cause(rules[i].trigger);
        }
    }
    return causes;
}
