/* What a trial has to say when it is over. */
#include "rig/trial/trial.h"

#include <errno.h>
#include <string.h>

#include "rig/pipeline/learn.h"

const char *const rl_trial_hist_names[RL_TRIAL_N_HISTS + 1] = {
#define RL_TRIAL_HIST_NAME(name, what) #name,
    RL_TRIAL_HISTS(RL_TRIAL_HIST_NAME)
#undef RL_TRIAL_HIST_NAME
};

#define SWAP_SLICE_NS 5000000 /* between looks whether there still is a rig to wait for */

int rl_trial_swap(struct rl_trial *t, uint64_t timeout_ns, const struct rl_hist **interval)
{
    struct rl_hist *done = NULL;
    uint64_t slice_ns;
    int err;

    do {
        slice_ns = timeout_ns < SWAP_SLICE_NS ? timeout_ns : SWAP_SLICE_NS;
        err = rl_hist_pair_swap(&t->wire, t->is_done ? 0 : slice_ns, &done);
        /* The rig may have ended before it could turn: then its turn is ours to take. */
        if (err == -ETIMEDOUT && (t->is_done || rl_trial_wait(t, 0) == 0)) {
            (void)rl_hist_pair_writer(&t->wire);
            err = rl_hist_pair_swap(&t->wire, 0, &done);
        }
        timeout_ns -= slice_ns;
    } while (err == -ETIMEDOUT && timeout_ns > 0);
    *interval = done;
    return err;
}

const struct rl_hist *rl_trial_hist(const struct rl_trial *t, unsigned which)
{
    switch (which) {
    case RL_TRIAL_HIST_wire:
        return &t->wire.hist[atomic_load_explicit(&t->wire.in_use, memory_order_relaxed)];
    case RL_TRIAL_HIST_service:
        return &t->exchange.service;
    case RL_TRIAL_HIST_lateness:
        return &t->blast.lateness;
    case RL_TRIAL_HIST_buf:
        return &t->engine.buf;
    case RL_TRIAL_HIST_gap:
        return &t->engine.gap;
    default:
        break;
    }
    if (which >= RL_TRIAL_N_HISTS)
        return NULL;
    return which < RL_TRIAL_HIST_decode
               ? &t->kill_trial.judge.hist[which - RL_TRIAL_HIST_trip_to_seen]
               : &t->engine.stages[which - RL_TRIAL_HIST_decode];
}

bool rl_trial_usage(const struct rl_trial *t, struct rl_usage *engine, struct rl_usage *rig)
{
    bool is_engine = t->config.mode == RL_TRIAL_ENGINE;

    if (!t->is_done || !t->has_rig_usage ||
        !(is_engine ? t->engine.has_usage : t->reflect.has_usage))
        return false;
    *engine = is_engine ? rl_usage_diff(t->engine.usage_begin, t->engine.usage_end)
                        : rl_usage_diff(t->reflect.usage_begin, t->reflect.usage_end);
    *rig = rl_usage_diff(t->rig_usage_begin, t->rig_usage_end);
    return true;
}

#define RL_ADD(name, what) sum += rl_counted(&n->name);
static uint64_t add_faults(const struct rl_counterparty_counters *n)
{
    uint64_t sum = 0;

    RL_COUNTERPARTY_FAULTS(RL_ADD)
    return sum;
}

static uint64_t add_outcomes(const struct rl_counterparty_counters *n)
{
    uint64_t sum = 0;

    RL_COUNTERPARTY_OUTCOMES(RL_ADD)
    return sum;
}

static uint64_t add_requests(const struct rl_counterparty_counters *n)
{
    uint64_t sum = 0;

    RL_COUNTERPARTY_REQUESTS(RL_ADD)
    return sum;
}
#undef RL_ADD

/* What left one port and is known not to have come to the other. */
static uint64_t lost_between(const struct rl_port *from, const struct rl_port *to)
{
    if (from == NULL || to == NULL)
        return 0; /* a foreign engine's end: nobody here can ask it */
    return rl_port_stats_now(from).tx_lost + rl_port_stats_now(to).rx_dropped;
}

uint32_t rl_trial_identities(const struct rl_trial *t,
                             struct rl_identity out[RL_TRIAL_MAX_IDENTITIES])
{
    const struct rl_engine_counters *e = &t->engine.n;
    const struct rl_oms_counters *o = &t->engine.oms.n;
    const struct rl_blast_counters *b = &t->blast.n;
    const struct rl_counterparty_counters *x = &t->exchange.n;
    const struct rl_feed_counters *f = &t->engine.feed.n;
    bool is_engine = t->config.mode == RL_TRIAL_ENGINE;
    bool is_fix = t->config.stream.feed == RL_FEED_FIX;
    bool is_numbered_by_us = t->config.stream.framing == RL_FRAMING_MOLD_WRAP ||
                             t->config.stream.framing == RL_FRAMING_FIX_STAMP;
    bool is_foreign = t->config.mode == RL_TRIAL_FOREIGN;       /* counts, if at all, for itself */
    bool is_whole = !t->config.lines_are_faulty && !is_foreign; /* what is sent arrives, once */
    uint64_t n_market_lost = lost_between(t->market.rig, t->market.engine);
    uint64_t n_requests_lost = lost_between(t->session.engine, t->session.rig);
    uint64_t n_answers_lost = lost_between(t->session.rig, t->session.engine);
    uint32_t n = 0;

#define C(counter) rl_counted(&(counter))
#define HOLDS(sentence, l, r)       \
    out[n++] = (struct rl_identity) \
    {                               \
        sentence, l, r              \
    }
    HOLDS("frames planned = sent + lost at the sender + cut off by a stop", C(b->frames_planned),
          C(b->frames_sent) + C(b->frames_unsent) + t->blast.n_frames - t->blast.n_next);
    if (is_whole)
        HOLDS("frames sent = received by the engine + lost on the line", C(b->frames_sent),
              C(e->frames) + n_market_lost);
    if (is_whole && n_market_lost == 0)
        HOLDS("bytes sent = bytes received by the engine", C(b->bytes_sent), C(e->bytes));
    if (is_whole)
        HOLDS("frames on the order session: sent = received + lost on the line",
              C(e->requests_sent), C(x->requests_received) + n_requests_lost);
    HOLDS("orders received = valid + faulty", C(x->orders_received),
          C(x->orders_valid) + add_faults(x));
    HOLDS("frames on the order session = orders received + requests about orders",
          C(x->requests_received), C(x->orders_received) + add_requests(x));
    HOLDS("orders valid = filled + resting + expired + rejected", C(x->orders_valid),
          add_outcomes(x));
    HOLDS("orders that came to rest = ended on request + by a lost session + still resting",
          C(x->orders_rested),
          C(x->orders_cancelled) + C(x->orders_dropped) + t->exchange.resting.n);
    HOLDS("answers due = answers sent + answers lost", C(x->answers_due),
          C(x->answers_sent) + C(x->answers_unsent));
    if (is_whole)
        HOLDS("answers sent = received by the engine + lost on the line", C(x->answers_sent),
              C(e->answers) + n_answers_lost);
    if (is_foreign)
        return n;
    if (!is_engine) {
        HOLDS("intents = sent + no room on the wire", C(e->intents),
              C(e->requests_sent) + C(e->requests_unsent));
        return n;
    }
    /* A truncated packet hides how many messages it had. */
    if (is_whole && n_market_lost == 0 && (is_fix || f->bad_frames == 0))
        HOLDS("messages sent = messages decoded, repeated or refused", C(b->messages_sent),
              f->messages + f->duplicates + (is_fix ? f->bad_messages + f->bad_frames : 0));
    if (is_whole && is_numbered_by_us && n_market_lost == 0)
        HOLDS("messages lost at the sender = missed by the feed + lost after the last one sent",
              C(b->messages_unsent), f->lost + (t->blast.seq - 1 - t->sent.last_seq));
    HOLDS("intents = sent + refused by risk, kill word, wire and audit log", C(e->intents),
          C(o->orders_sent) + C(o->risk_rejects) + C(o->kill_blocks) + C(o->tx_full) +
              C(o->audit_full));
    if (is_whole && n_requests_lost == 0)
        HOLDS("orders sent = orders received by the exchange", C(o->orders_sent),
              C(x->orders_received));
    HOLDS("answers and reconciled orders = events + notices + unreadable",
          C(e->answers) + C(e->reconciled),
          C(o->events) + C(e->answers_notice) + C(e->answers_bad));
    HOLDS("audit records counted = records committed", C(o->audit_records),
          rl_audit_position(&t->engine.oms.audit));
    if (is_whole && n_requests_lost + n_answers_lost == 0)
        HOLDS("open orders: ours = resting at the exchange", t->engine.oms.orders.n_open,
              t->exchange.resting.n);
    HOLDS("measured orders = records of the service time", C(x->orders_measured),
          t->exchange.service.n_total);
#undef HOLDS
#undef C
    return n;
}

const char *rl_trial_check(const struct rl_trial *t, struct rl_identity *broken)
{
    struct rl_identity all[RL_TRIAL_MAX_IDENTITIES];
    uint32_t n = rl_trial_identities(t, all);

    for (uint32_t i = 0; i < n; i++)
        if (all[i].left != all[i].right) {
            *broken = all[i];
            return all[i].name;
        }
    return NULL;
}

void rl_trial_answer(const struct rl_trial *t, struct rl_trial_answer *answer)
{
    const struct rl_pipeline *e = &t->engine;

    *answer = (struct rl_trial_answer){
        .n_instruments = e->feed.n_instruments,
        .n_orders = e->books.n_orders,
        .n_levels = e->books.n_levels,
        .hash = rl_books_hash(&e->books),
        .last_seq = rl_learn_last_seq(&e->feed),
    };
    if (rl_books_check(&e->books, &answer->damage) == 0 && t->config.mode == RL_TRIAL_ENGINE)
        (void)rl_oms_verify(&e->oms, &answer->damage);
}

int rl_trial_book(const struct rl_trial *t, uint32_t instrument, struct rl_trial_book *book)
{
    const struct rl_books *books = &t->engine.books;

    if (instrument >= t->engine.feed.n_instruments)
        return -ERANGE;
    memset(book, 0, sizeof *book);
    memcpy(book->symbol, rl_feed_symbol(&t->engine.feed, instrument), RL_FEED_SYMBOL);
    rl_books_bbo(books, instrument, &book->bbo);
    for (int side = RL_BUY; side <= RL_SELL; side++) {
        book->n_levels[side] = rl_books_n_levels(books, instrument, (enum rl_side)side);
        book->n_orders[side] = rl_books_n_orders(books, instrument, (enum rl_side)side);
    }
    return 0;
}
