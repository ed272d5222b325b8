/* What people and watchers decide, and the record of it. */
#include "trade/oms/inner.h"

#include <string.h>

void rl_oms_trip(struct rl_oms *o, enum rl_scope scope, uint32_t index, enum rl_kill_cause cause,
                 uint64_t now_tsc)
{
    struct rl_audit_record *r;

    /* Acknowledged here and now: this thread knows, and sends nothing more. */
    (void)rl_kill_trip(o->kill, scope, index, cause, 0);
    rl_count(&o->n.trips, 1);
    r = rl_oms_fact(o, RL_AUDIT_KILL, now_tsc);
    if (r == NULL)
        return;
    r->event = (uint8_t)scope;
    r->ref = index;
    r->detail = (uint32_t)cause;
    r->qty = rl_kill_epoch_of(rl_kill_word(o->kill));
    rl_oms_commit_record(o);
}

/* The word has changed since it was last acted on: by whoever it was. */
static uint64_t take_news(struct rl_oms *o, uint64_t now_tsc)
{
    uint64_t word = rl_kill_acknowledge(o->kill, now_tsc);
    struct rl_kill_why why;
    struct rl_audit_record *r;
    bool is_clear = (word & RL_KILL_BLOCKS) == 0;

    (void)rl_kill_cause(o->kill, &why);
    r = rl_oms_fact(o, is_clear ? RL_AUDIT_ARM : RL_AUDIT_KILL, now_tsc);
    if (r == NULL)
        return word;
    r->qty = rl_kill_epoch_of(word);
    r->detail = why.cause;
    r->event = is_clear ? 0 : why.scope;
    r->ref = is_clear ? 0 : why.index;
    rl_oms_commit_record(o);
    return word;
}

/* Of the currency, rounded up and at least 0; what does not fit is the most there is. */
static uint64_t whole_units(rl_money money)
{
    rl_money units = money / RL_NANO_PER_UNIT + (money % RL_NANO_PER_UNIT > 0);

    return units <= 0 ? 0 : units > (rl_money)UINT64_MAX ? UINT64_MAX : (uint64_t)units;
}

/* What a watchdog judges the engine by: the worst account. */
static void show_accounts(struct rl_oms *o)
{
    struct rl_vitals *v = &o->kill->vitals;
    uint64_t loss = 0, gross = 0;

    for (uint32_t i = 0; i < o->ledger.n_accounts; i++) {
        uint64_t mine = whole_units(rl_ledger_loss(&o->ledger, i));

        loss = mine > loss ? mine : loss;
        mine = whole_units(rl_ledger_gross(&o->ledger, i));
        gross = mine > gross ? mine : gross;
    }
    rl_vital_set(v, RL_VITAL_LOSS, loss);
    rl_vital_set(v, RL_VITAL_EXPOSURE, gross);
}

uint64_t rl_oms_poll(struct rl_oms *o, uint64_t now_tsc)
{
    struct rl_risk_trip trip;

    if (RL_UNLIKELY(rl_audit_error(&o->audit) != 0) &&
        (rl_kill_word(o->kill) & RL_KILL_GLOBAL) == 0)
        rl_oms_trip(o, RL_SCOPE_GLOBAL, 0, RL_KILL_AUDIT, now_tsc);
    if (RL_UNLIKELY(rl_risk_poll(&o->risk, now_tsc, &trip))) {
        if (trip.is_alert)
            rl_count(&o->n.alerts, 1);
        else if (!rl_kill_is_tripped(o->kill, (enum rl_scope)trip.scope, trip.index))
            rl_oms_trip(o, (enum rl_scope)trip.scope, trip.index, (enum rl_kill_cause)trip.cause,
                        now_tsc);
    }
    show_accounts(o);
    if (RL_UNLIKELY(rl_kill_has_news(o->kill)))
        return take_news(o, now_tsc);
    return rl_kill_word(o->kill);
}

static void record_state(struct rl_oms *o, enum rl_scope scope, uint32_t index,
                         enum rl_risk_state state, uint64_t now_tsc)
{
    struct rl_audit_record *r = rl_oms_fact(o, RL_AUDIT_STATE, now_tsc);

    if (r == NULL)
        return;
    r->event = (uint8_t)scope;
    r->ref = index;
    r->detail = (uint32_t)state;
    rl_oms_commit_record(o);
}

int rl_oms_set_state(struct rl_oms *o, enum rl_scope scope, uint32_t index,
                     enum rl_risk_state state, uint64_t now_tsc)
{
    int err = rl_risk_set_state(&o->risk, scope, index, state);

    if (err == 0)
        record_state(o, scope, index, state, now_tsc);
    return err;
}

void rl_oms_use_limits(struct rl_oms *o, const struct rl_limit_set *set, uint64_t now_tsc)
{
    struct rl_audit_record *r;

    rl_risk_use(&o->risk, set);
    rl_vital_set(&o->kill->vitals, RL_VITAL_LIMITS_VERSION, set != NULL ? set->version : 0);
    r = rl_oms_fact(o, RL_AUDIT_LIMITS, now_tsc);
    if (r == NULL)
        return;
    if (set != NULL) {
        r->ref = set->version;
        memcpy(&r->id, set->sha256, sizeof r->id);
    }
    rl_oms_commit_record(o);
}

int rl_oms_override(struct rl_oms *o, const struct rl_override *override, uint64_t until_utc_ns,
                    uint64_t now_tsc)
{
    int err = rl_risk_override(&o->risk, override, now_tsc);
    struct rl_audit_record *r;

    if (err != 0)
        return err;
    r = rl_oms_fact(o, RL_AUDIT_OVERRIDE, now_tsc);
    if (r != NULL) {
        r->event = override->scope;
        r->id = override->index;
        r->detail = override->mask;
        r->ref = until_utc_ns;
        r->qty = override->n_orders;
        rl_oms_commit_record(o);
    }
    return 0;
}

void rl_oms_note_feed(struct rl_oms *o, uint32_t instrument, bool is_in_step, uint64_t now_tsc)
{
    struct rl_audit_record *r = rl_oms_fact(o, RL_AUDIT_FEED, now_tsc);

    if (r == NULL)
        return;
    r->instrument =
        instrument < RL_AUDIT_NO_SYMBOL ? (uint16_t)instrument : (uint16_t)RL_AUDIT_NO_SYMBOL;
    r->event = is_in_step;
    rl_oms_commit_record(o);
}

void rl_oms_note_clock(struct rl_oms *o, uint64_t utc_ns, int64_t offset_ns, bool is_synced,
                       uint64_t now_tsc)
{
    struct rl_audit_record *r = rl_oms_fact(o, RL_AUDIT_CLOCK, now_tsc);

    if (r == NULL)
        return;
    r->ref = utc_ns;
    r->px_nano = offset_ns;
    r->event = is_synced;
    rl_oms_commit_record(o);
}
