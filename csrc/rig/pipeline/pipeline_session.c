/* The order session but for new orders: answers, and taking orders back after a
 * trip. */
#include "rig/pipeline/answer.h"
#include "rig/pipeline/pipeline_inner.h"

#include <string.h>

void rl_pipeline_on_answer(struct rl_pipeline *p, const struct rl_frame *frame, uint64_t now_tsc)
{
    struct rl_order_event event;

    rl_count(&p->n.answers, 1);
    switch (rl_answer_read(&p->answer, frame->data, frame->n_bytes, &event)) {
    case RL_ANSWER_EVENT:
        (void)rl_oms_event(&p->oms, &event, now_tsc);
        break;
    case RL_ANSWER_NOTICE:
        rl_count(&p->n.answers_notice, 1);
        break;
    case RL_ANSWER_UNUSABLE:
    default:
        rl_count(&p->n.answers_bad, 1);
        break;
    }
}

/* --- requests that end orders ----------------------------------------------------------------- */

/* Hands over what was encoded; false: nothing was. */
static bool send(struct rl_pipeline *p, uint32_t n_bytes)
{
    if (n_bytes == 0)
        return false;
    rl_port_tx_commit(p->session, n_bytes);
    rl_port_tx_flush(p->session);
    p->msg_seq++;
    rl_count(&p->n.requests_sent, 1);
    rl_vital_add(&p->kill->vitals, RL_VITAL_SENT_CANCELS, 1);
    return true;
}

static bool send_cancel(struct rl_pipeline *p, const struct rl_order *order, uint64_t now_tsc)
{
    const char *symbol = rl_feed_symbol(&p->feed, order->instrument);
    uint32_t n_symbol = (uint32_t)strlen(symbol), n_bytes;
    char text[RL_ID_TEXT_BYTES], orig_text[RL_ID_TEXT_BYTES];
    struct rl_ticket ticket;
    uint8_t *frame;

    if (rl_oms_check_cancel(&p->oms, order->id, now_tsc, &ticket) != RL_OMS_READY)
        return false;
    frame = rl_port_tx_reserve(p->session, rl_fix_template_bytes(&p->cancel, n_symbol));
    if (frame == NULL) {
        rl_count(&p->n.requests_unsent, 1);
        rl_oms_drop(&p->oms, &ticket, false);
        return false;
    }
    rl_id_to_text(ticket.id, text);
    rl_id_to_text(order->id, orig_text);
    n_bytes = rl_fix_cancel_write(&p->cancel,
                                  &(struct rl_fix_cancel){.msg_seq = p->msg_seq,
                                                          .time_ns = rl_pipeline_utc_ns(p, now_tsc),
                                                          .cl_ord_id = text,
                                                          .orig_cl_ord_id = orig_text,
                                                          .symbol = symbol,
                                                          .n_symbol = n_symbol,
                                                          .qty = order->qty,
                                                          .side = order->side},
                                  frame);
    if (n_bytes == 0) {
        rl_oms_drop(&p->oms, &ticket, true);
        return false;
    }
    (void)rl_oms_commit(&p->oms, &ticket);
    (void)send(p, n_bytes);
    rl_oms_sent(&p->oms, &ticket);
    return true;
}

static void send_mass_cancel(struct rl_pipeline *p, uint64_t now_tsc)
{
    static const char reason[] = "kill switch";
    uint64_t id = rl_orders_next_cancel_id(&p->oms.orders, &p->oms.ids);
    uint8_t *frame =
        rl_port_tx_reserve(p->session, rl_fix_template_bytes(&p->mass_cancel, sizeof reason - 1));
    char text[RL_ID_TEXT_BYTES];

    if (frame == NULL || id == RL_ID_NONE) { /* the second round asks order by order */
        rl_count(&p->n.requests_unsent, frame == NULL);
        return;
    }
    rl_id_to_text(id, text);
    (void)send(p, rl_fix_mass_cancel_write(
                      &p->mass_cancel,
                      &(struct rl_fix_mass_cancel){.msg_seq = p->msg_seq,
                                                   .time_ns = rl_pipeline_utc_ns(p, now_tsc),
                                                   .cl_ord_id = text,
                                                   .text = reason,
                                                   .n_text = sizeof reason - 1},
                      frame));
}

/* --- draining --------------------------------------------------------------------------------- */

/* An open order of what is tripped: it has to go. */
static bool must_go(const struct rl_pipeline *p, const struct rl_order *order)
{
    struct rl_scopes scopes = rl_order_scopes(order);

    return !rl_kill_allows(p->kill, &scopes);
}

/* Orders that have to go from this slot on. */
static uint32_t count_open(const struct rl_pipeline *p, uint64_t from)
{
    const struct rl_orders *o = &p->oms.orders;
    uint32_t n = 0;

    for (uint64_t s = rl_orders_next_open(o, from); s <= o->mask; s = rl_orders_next_open(o, s + 1))
        n += must_go(p, &o->slots[s]);
    return n;
}

static void send_cancels(struct rl_pipeline *p, uint32_t n, uint64_t now_tsc)
{
    const struct rl_orders *o = &p->oms.orders;

    while (n > 0) {
        p->drain_slot = rl_orders_next_open(o, p->drain_slot);
        if (p->drain_slot > o->mask)
            return;
        if (must_go(p, &o->slots[p->drain_slot])) {
            if (!send_cancel(p, &o->slots[p->drain_slot], now_tsc))
                return; /* no room or no budget now: this one again, next time */
            n--;
        }
        p->drain_slot++;
    }
}

/* How long each step of a drain may take; a thousand orders are cancelled in one of these. */
#define RL_DRAIN_SEND_NS 10000000
#define RL_DRAIN_ANSWER_NS 100000000
#define RL_DRAIN_DISCONNECT_NS 100000000

static void start_drain(struct rl_pipeline *p, uint64_t now_tsc)
{
    p->is_drain_global = (rl_kill_word(p->kill) & RL_KILL_GLOBAL) != 0;
    if (p->is_drain_global)
        (void)rl_kill_draining(p->kill);
    p->drain_slot = 0;
    rl_drain_start(&p->drain,
                   &(struct rl_drain_config){
                       .send_ticks = rl_ns_to_ticks(p->clock, RL_DRAIN_SEND_NS),
                       .answer_ticks = rl_ns_to_ticks(p->clock, RL_DRAIN_ANSWER_NS),
                       .disconnect_ticks = rl_ns_to_ticks(p->clock, RL_DRAIN_DISCONNECT_NS),
                       .has_mass_cancel = p->is_drain_global,
                       .may_disconnect = p->is_drain_global},
                   now_tsc);
}

static void drop_session(struct rl_pipeline *p, uint64_t now_tsc)
{
    p->is_session_up = false;
    rl_session_drop(p->shared);
    rl_oms_session(&p->oms, 0, RL_SESSION_LOST, now_tsc);
}

static void drain(struct rl_pipeline *p, uint64_t now_tsc)
{
    struct rl_drain_input in = {.n_open = count_open(p, 0),
                                .n_unasked = count_open(p, p->drain_slot),
                                .budget = RL_PIPELINE_BURST,
                                .is_persisted = true, /* by the board's watchdog, if there is one */
                                .is_connected = p->is_session_up};
    struct rl_drain_step step = rl_drain_step(&p->drain, &in, now_tsc);

    if (step.is_new_round)
        p->drain_slot = 0;
    switch (step.action) {
    case RL_DRAIN_MASS_CANCEL:
        send_mass_cancel(p, now_tsc);
        break;
    case RL_DRAIN_CANCEL:
        send_cancels(p, step.n, now_tsc);
        break;
    case RL_DRAIN_DISCONNECT:
        drop_session(p, now_tsc);
        break;
    case RL_DRAIN_PUBLISH:
        if (p->is_drain_global)
            (void)rl_kill_drained(p->kill, step.n);
        rl_count(&p->n.drains, 1);
        break;
    case RL_DRAIN_NONE:
    case RL_DRAIN_WAIT:
    case RL_DRAIN_PERSIST:
    default:
        break;
    }
}

/* --- watching --------------------------------------------------------------------------------- */

/*
 * The venue has taken up the session again. It cancelled on disconnect: what was open is gone, and
 * each order is told so.
 */
static void resume_session(struct rl_pipeline *p, uint64_t now_tsc)
{
    struct rl_orders *o = &p->oms.orders;

    p->is_session_up = true;
    p->msg_seq = 1;
    rl_oms_session(&p->oms, 0, RL_SESSION_LOGGED_ON, now_tsc);
    for (uint64_t s = rl_orders_next_open(o, 0); s <= o->mask; s = rl_orders_next_open(o, s + 1)) {
        rl_count(&p->n.reconciled, 1);
        (void)rl_oms_event(&p->oms,
                           &(struct rl_order_event){.id = o->slots[s].id,
                                                    .px_nano = RL_PX_NONE,
                                                    .kind = RL_EVENT_STATUS_GONE},
                           now_tsc);
    }
    rl_oms_session(&p->oms, 0, RL_SESSION_RECONCILED, now_tsc);
}

/* One instrument a look: a book that did not change is as right as the last message. */
static void refresh_mark(struct rl_pipeline *p)
{
    uint32_t n = p->feed.n_instruments;
    struct rl_bbo bbo;

    if (n == 0 || p->last_market_tsc == 0)
        return;
    p->mark_next = p->mark_next + 1 < n ? p->mark_next + 1 : 0;
    if (!rl_feed_is_synced(&p->feed, p->mark_next))
        return;
    rl_books_bbo(&p->books, p->mark_next, &bbo);
    rl_oms_mark(&p->oms, p->mark_next, &bbo, p->last_market_tsc);
}

/*
 * Something was tripped since this was last asked, while the engine was running. Asked of what was
 * acknowledged: news that come between a look and the acknowledgement are not lost.
 */
static bool has_been_tripped(struct rl_pipeline *p, uint64_t word)
{
    uint64_t notes = atomic_load_explicit(&p->kill->seen_notes, memory_order_relaxed);
    enum rl_kill_state state = rl_kill_state_of(word);
    bool is_new = word != p->acted_word || notes != p->acted_notes;

    p->acted_word = word;
    p->acted_notes = notes;
    return is_new && (word & RL_KILL_SCOPES) != 0 &&
           (state == RL_KILL_IS_TRIPPED || state == RL_KILL_IS_ACTIVE);
}

/* Since when something has held: 0 while it does not. */
static uint64_t since(uint64_t began_tsc, bool holds, uint64_t now_tsc)
{
    return !holds ? 0 : began_tsc != 0 ? began_tsc : now_tsc;
}

/*
 * What the watchdog judges us by (kill/triggers.h). The feed and the log have no threads of their
 * own to tell it: the numbers are those that this thread sees.
 */
static void show_vitals(struct rl_pipeline *p, uint64_t now_tsc)
{
    struct rl_vitals *v = &p->kill->vitals;
    const struct rl_audit *audit = &p->oms.audit;
    bool is_synced = rl_feed_is_synced(&p->feed, RL_INSTRUMENT_ALL);
    uint64_t durable = rl_audit_durable(audit), written = rl_audit_position(audit);

    if (is_synced != p->was_synced)
        rl_oms_note_feed(&p->oms, RL_INSTRUMENT_ALL, is_synced, now_tsc);
    p->was_synced = is_synced;
    rl_vital_set(v, RL_VITAL_FEED_TSC, p->last_market_tsc);
    rl_vital_set(v, RL_VITAL_GAP_TSC, since(rl_vital(v, RL_VITAL_GAP_TSC), !is_synced, now_tsc));
    rl_vital_set(v, RL_VITAL_AUDIT_WRITTEN, written);
    if (durable != rl_vital(v, RL_VITAL_AUDIT_DURABLE) || durable == written)
        rl_vital_set(v, RL_VITAL_AUDIT_TSC, now_tsc);
    rl_vital_set(v, RL_VITAL_AUDIT_DURABLE, durable);
    rl_vital_set(v, RL_VITAL_AUDIT_FAILED, rl_audit_error(audit) != 0);
}

void rl_pipeline_watch(struct rl_pipeline *p, uint64_t now_tsc)
{
    uint64_t word;

    refresh_mark(p);
    word = rl_oms_poll(&p->oms, now_tsc);
    rl_kill_beat(p->kill, RL_BEAT_ENGINE, now_tsc);
    show_vitals(p, now_tsc);
    if (!p->is_session_up && !rl_session_is_dropped(p->shared))
        resume_session(p, now_tsc);
    if (has_been_tripped(p, word))
        start_drain(p, now_tsc);
    if (rl_drain_is_busy(&p->drain))
        drain(p, now_tsc);
}
