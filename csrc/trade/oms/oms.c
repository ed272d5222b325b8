/* Set-up of the order manager, and what can be asked of it as a whole. */
#include "trade/oms/inner.h"

#include <errno.h>
#include <string.h>

#include "base/mix.h"

const char *const rl_oms_counter_names[] = {
#define RL_OMS_NAME(name, what) #name,
    RL_OMS_COUNTERS(RL_OMS_NAME)
#undef RL_OMS_NAME
#define RL_REASON_NAME(name, bit, id, text) "refused_" #name,
        RL_RISK_REASONS(RL_REASON_NAME)
#undef RL_REASON_NAME
            NULL,
};

const char *const rl_session_event_texts[] = {
#define RL_SESSION_TEXT(name, number, text) [number] = (text),
    RL_SESSION_EVENTS(RL_SESSION_TEXT)
#undef RL_SESSION_TEXT
};

/* Alignment that a piece of the arena may cost. */
#define PIECE(n_bytes) ((n_bytes) + 2 * RL_CACHE_LINE)

static struct rl_risk_config risk_config(const struct rl_oms_config *config,
                                         const struct rl_ledger *ledger,
                                         const struct rl_orders *orders)
{
    return (struct rl_risk_config){.ledger = ledger,
                                   .orders = orders,
                                   .tsc_hz = config->tsc_hz,
                                   .n_venues = config->n_venues,
                                   .n_strategies = config->n_strategies,
                                   .n_repeats = config->n_repeats,
                                   .n_fills = config->n_fills};
}

size_t rl_oms_bytes(const struct rl_oms_config *config)
{
    /* Of the ledger, risk asks for the number of accounts and instruments. */
    struct rl_ledger shape = {.n_accounts = config->ledger.n_accounts,
                              .n_instruments = config->ledger.n_instruments};
    static const struct rl_orders any = {0}; /* and of the orders nothing, yet */
    struct rl_risk_config risk = risk_config(config, &shape, &any);
    size_t orders = rl_orders_bytes(config->n_order_slots, config->n_execs);
    size_t ledger = rl_ledger_bytes(&config->ledger);
    size_t rules = ledger ? rl_risk_bytes(&risk) : 0;

    if (orders == 0 || ledger == 0 || rules == 0)
        return 0;
    return PIECE(orders) + PIECE(ledger) + PIECE(rules) +
           PIECE(config->n_order_slots * sizeof(int64_t)) +
           PIECE(config->n_audit_slots * sizeof(struct rl_audit_record));
}

static int init_parts(struct rl_oms *o, struct rl_arena *arena, const char **why)
{
    const struct rl_oms_config *config = &o->config;
    struct rl_risk_config risk = risk_config(config, &o->ledger, &o->orders);
    int err;
    size_t n_order_bytes = rl_orders_bytes(config->n_order_slots, config->n_execs);
    void *orders, *records;

    *why = "order slots: not a power of two from 64, or executions to remember not one from 2";
    if (n_order_bytes == 0)
        return -EINVAL;
    *why = NULL;
    orders = rl_arena_take(arena, n_order_bytes, RL_CACHE_LINE);
    records =
        rl_arena_take(arena, config->n_audit_slots * sizeof(struct rl_audit_record), RL_CACHE_LINE);
    o->valued_px_nano =
        rl_arena_take(arena, config->n_order_slots * sizeof(int64_t), RL_CACHE_LINE);
    if (!orders || !records || !o->valued_px_nano)
        return -ENOMEM;
    if (rl_orders_init(&o->orders, orders, config->n_order_slots, config->n_execs))
        return -EINVAL;
    *why = "audit slots: not a power of two";
    if (rl_audit_init(&o->audit, records, config->n_audit_slots))
        return -EINVAL;
    *why = "order id epoch: not in 1..16777215";
    if (rl_ids_init(&o->ids, config->epoch))
        return -EINVAL;
    *why = "ledger: accounts or instruments out of range";
    err = rl_ledger_init(&o->ledger, arena, &config->ledger);
    if (err)
        return err;
    *why = "risk: venues, accounts, strategies or windows out of range, or no "
           "calibrated clock";
    err = rl_risk_init(&o->risk, arena, &risk);
    if (err == 0)
        *why = NULL;
    return err;
}

int rl_oms_init(struct rl_oms *o, struct rl_arena *arena, const struct rl_oms_config *config,
                struct rl_kill *kill, uint64_t now_tsc, const char **why)
{
    struct rl_audit_record *r;
    int err;

    memset(o, 0, sizeof *o);
    o->config = *config;
    o->kill = kill;
    memcpy(o->fee_nano_per_lot, config->fee_nano_per_lot, sizeof o->fee_nano_per_lot);
    *why = NULL;
    err = init_parts(o, arena, why);
    if (err)
        return err;
    r = rl_oms_fact(o, RL_AUDIT_START, now_tsc);
    if (r != NULL) { /* all that a replay needs to know */
        r->id = config->n_order_slots;
        r->ref = config->epoch;
        r->px_nano = (int64_t)o->ledger.is_fifo;
        r->qty = config->n_execs;
        r->detail = config->ledger.n_instruments;
        r->account = (uint8_t)config->ledger.n_accounts;
        r->strategy = (uint8_t)config->n_strategies;
        r->venue = (uint8_t)config->n_venues;
        rl_oms_commit_record(o);
    }
    return 0;
}

int rl_oms_listen(struct rl_oms *o, void (*told)(void *, const struct rl_order_change *),
                  void *context)
{
    if (o->n_listeners == RL_OMS_N_LISTENERS)
        return -ENOSPC;
    o->listeners[o->n_listeners++] = (struct rl_oms_listener){.told = told, .context = context};
    return 0;
}

int rl_oms_show(struct rl_oms *o, struct rl_ledger_view *view)
{
    int err = rl_ledger_show_all(view, &o->ledger);

    if (err == 0)
        o->shown = view;
    return err;
}

void rl_oms_stop(struct rl_oms *o, uint64_t now_tsc)
{
    struct rl_audit_record *r = rl_oms_fact(o, RL_AUDIT_STOP, now_tsc);

    if (r == NULL)
        return;
    r->ref = o->config.epoch;
    r->qty = rl_oms_hash(o);
    rl_oms_commit_record(o);
}

/* One step of a hash that sees order. */
static uint64_t mix(uint64_t hash, uint64_t value)
{
    return rl_mix((hash ^ value) + RL_MIX_STEP);
}

static uint64_t hash_states(const struct rl_oms *o, uint64_t hash)
{
    const struct rl_risk *r = &o->risk;
    const uint32_t n[RL_N_SCOPES] = {[RL_SCOPE_GLOBAL] = 1,
                                     [RL_SCOPE_VENUE] = r->n_venues,
                                     [RL_SCOPE_ACCOUNT] = r->n_accounts,
                                     [RL_SCOPE_STRATEGY] = r->n_strategies,
                                     [RL_SCOPE_SYMBOL] = r->n_instruments};

    for (int scope = 0; scope < RL_N_SCOPES; scope++)
        for (uint32_t i = 0; i < n[scope]; i++)
            hash = mix(hash, (uint64_t)rl_risk_state(r, (enum rl_scope)scope, i));
    return hash;
}

uint64_t rl_oms_hash(const struct rl_oms *o)
{
    uint64_t hash = mix(rl_orders_hash(&o->orders), rl_ledger_hash(&o->ledger));

    for (uint32_t i = 0; i < o->config.n_venues; i++)
        hash = mix(hash, o->sessions[i]);
    return hash_states(o, hash);
}

/* What the orders reserve, counted anew, is what the ledger holds reserved. */
static int verify_reservations(const struct rl_oms *o, const char **why)
{
    const struct rl_ledger *l = &o->ledger;
    unsigned __int128 lots[2] = {0, 0}, held[2] = {0, 0};
    uint64_t n_reserving = 0, n_held = 0;

    for (uint64_t s = rl_orders_next_open(&o->orders, 0); s <= o->orders.mask;
         s = rl_orders_next_open(&o->orders, s + 1)) {
        const struct rl_order *order = &o->orders.slots[s];
        int64_t px_nano;
        uint64_t qty = rl_orders_reserved(&o->orders, order, &px_nano);

        lots[order->side] += qty;
        n_reserving += qty != 0;
    }
    for (uint32_t a = 0; a < l->n_accounts; a++) {
        n_held += l->accounts[a].n_open;
        for (uint32_t i = 0; i < l->n_instruments; i++)
            for (int side = RL_BUY; side <= RL_SELL; side++)
                held[side] += rl_ledger_at(l, a, i)->work[side];
    }
    if (lots[0] != held[0] || lots[1] != held[1] || n_reserving != n_held) {
        *why = "the ledger's reservations are not those of the open orders";
        return -EBADMSG;
    }
    return 0;
}

int rl_oms_verify(const struct rl_oms *o, const char **why)
{
    const char *unused;
    int err;

    if (why == NULL)
        why = &unused;
    err = rl_orders_check(&o->orders, why);
    if (!err)
        err = rl_ledger_check(&o->ledger, why);
    if (!err)
        err = verify_reservations(o, why);
    return err;
}
