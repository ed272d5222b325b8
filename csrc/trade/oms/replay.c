#include "trade/oms/replay.h"

#include "trade/oms/inner.h"

#include <errno.h>
#include <string.h>

void rl_replay_init(struct rl_replay *r, uint32_t n_fifo_lots)
{
    *r = (struct rl_replay){.n_fifo_lots = n_fifo_lots};
}

void rl_replay_fini(struct rl_replay *r)
{
    if (r->oms != NULL)
        rl_arena_close(&r->arena);
    r->oms = NULL;
}

/* --- START ------------------------------------------------------------------------------------ */

static struct rl_oms_config config_of(const struct rl_replay *r,
                                      const struct rl_audit_record *start)
{
    struct rl_oms_config config = {
        .ledger = {.n_accounts = start->account,
                   .n_instruments = start->detail,
                   .n_fifo_lots = r->n_fifo_lots},
        .n_order_slots = start->id,
        .n_execs = start->qty,
        .n_audit_slots = 64, /* for the START it writes itself; nothing else is
                                recorded again */
        .n_venues = start->venue,
        .n_strategies = start->strategy,
        .n_repeats = 2,
        .n_fills = 2,
        .epoch = (uint32_t)start->ref,
        .tsc_hz = 1000000000,
    };

    for (uint32_t a = 0; a < RL_MAX_ACCOUNTS; a++)
        if ((uint64_t)start->px_nano >> a & 1)
            config.ledger.method[a] = RL_METHOD_FIFO;
    return config;
}

static int start(struct rl_replay *r, const struct rl_audit_record *record, const char **why)
{
    struct rl_oms_config config = config_of(r, record);
    size_t n_bytes = rl_oms_bytes(&config);
    int err;

    rl_replay_fini(r);
    r->has_ref = false;
    *why = "a start whose sizes make no sense";
    if (n_bytes == 0)
        return -EINVAL;
    *why = "memory: not enough for the order side";
    err = rl_arena_open(&r->arena, n_bytes + sizeof(struct rl_oms) + sizeof(struct rl_kill) + 4096,
                        0);
    if (err)
        return err;
    r->oms = rl_arena_take(&r->arena, sizeof *r->oms, _Alignof(struct rl_oms));
    r->kill = rl_arena_take(&r->arena, sizeof *r->kill, _Alignof(struct rl_kill));
    rl_kill_init(r->kill, 0);
    err = rl_oms_init(r->oms, &r->arena, &config, r->kill, record->tsc, why);
    if (err)
        rl_replay_fini(r);
    else
        r->n_starts++;
    return err;
}

/* --- what happened ---------------------------------------------------------------------------- */

static struct rl_scopes scopes_of(const struct rl_audit_record *record)
{
    return (struct rl_scopes){.instrument = record->instrument,
                              .venue = record->venue,
                              .account = record->account,
                              .strategy = record->strategy};
}

static int sent(struct rl_replay *r, const struct rl_audit_record *record, const char **why)
{
    bool is_market = RL_AUDIT_TYPE(record->flags) == RL_TYPE_MARKET;
    struct rl_ticket t = {
        .request = {.scopes = scopes_of(record),
                    .px_nano = is_market ? RL_PX_NONE : record->px_nano,
                    .qty = record->qty,
                    .trigger = record->kind == RL_AUDIT_SENT ? record->ref : 0,
                    .side = RL_AUDIT_SIDE(record->flags),
                    .type = RL_AUDIT_TYPE(record->flags),
                    .time_in_force = RL_AUDIT_TIF(record->flags)},
        .id = record->id,
        .order_id = record->kind == RL_AUDIT_SENT ? RL_ID_NONE : record->ref,
        .valued_px_nano = record->px_nano,
        .kind = record->kind,
    };
    struct rl_order_change c;

    *why = "a message that could not have been sent";
    return rl_oms_enter(r->oms, &t, &c) ? 0 : -EBADMSG;
}

static int event(struct rl_replay *r, const struct rl_audit_record *record, const char **why)
{
    struct rl_order_event e = {.id = record->id,
                               .orig_id = r->has_ref ? r->ref.id : RL_ID_NONE,
                               .exec = record->ref,
                               .ref_exec = r->has_ref ? r->ref.ref : 0,
                               .qty = record->qty,
                               .px_nano = record->px_nano,
                               .kind = record->event};
    struct rl_order_change c;

    r->has_ref = false;
    (void)rl_oms_take(r->oms, &e, &c); /* what no sum could hold then, none can now */
    *why = "an answer that met another state than the log says";
    return c.flags == record->detail ? 0 : -EBADMSG;
}

static int fee(struct rl_replay *r, const struct rl_audit_record *record, const char **why)
{
    *why = "a fee of an account or instrument that the engine did not have";
    return record->account < r->oms->ledger.n_accounts &&
                   record->instrument < r->oms->ledger.n_instruments &&
                   rl_ledger_fee(&r->oms->ledger, record->account, record->instrument,
                                 record->px_nano)
               ? 0
               : -EBADMSG;
}

int rl_replay_record(struct rl_replay *r, const struct rl_audit_record *record, const char **why)
{
    int err = 0;

    r->n_records++;
    if (record->kind == RL_AUDIT_START)
        return start(r, record, why);
    if (record->kind == RL_AUDIT_STALL || record->kind == RL_AUDIT_LOG_FAILED)
        return 0; /* the writer's own: about the log, and wherever it was */
    *why = "a record before the engine's start";
    if (r->oms == NULL)
        return -EBADMSG;
    switch (record->kind) {
    case RL_AUDIT_SENT:
    case RL_AUDIT_REPLACE_SENT:
    case RL_AUDIT_CANCEL_SENT:
        err = sent(r, record, why);
        break;
    case RL_AUDIT_EVENT_REF:
        r->ref = *record;
        r->has_ref = true;
        break;
    case RL_AUDIT_EVENT:
        err = event(r, record, why);
        break;
    case RL_AUDIT_FEE:
        err = fee(r, record, why);
        break;
    case RL_AUDIT_SESSION:
        *why = "a session that the engine did not have";
        if (record->venue >= r->oms->config.n_venues || record->event > RL_SESSION_RECONCILED)
            return -EBADMSG;
        rl_oms_enter_session(r->oms, record->venue, (enum rl_session_event)record->event);
        break;
    case RL_AUDIT_STATE:
        *why = "a trading state that the engine did not have";
        err = record->event < RL_N_SCOPES && record->ref <= UINT32_MAX &&
                      rl_risk_set_state(&r->oms->risk, (enum rl_scope)record->event,
                                        (uint32_t)record->ref,
                                        (enum rl_risk_state)record->detail) == 0
                  ? 0
                  : -EBADMSG;
        break;
    case RL_AUDIT_STOP:
        r->n_stops++;
        *why = "the state at the end is not the one that the engine had";
        err = rl_oms_hash(r->oms) == record->qty ? 0 : -EBADMSG;
        break;
    default: /* decisions that changed nothing, and notes */
        break;
    }
    if (err == 0)
        *why = NULL;
    return err;
}
