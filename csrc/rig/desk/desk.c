/* What the desk hears: set-up, session, market data. What it says is in desk_send.c. */
#include "rig/desk/desk.h"

#include <errno.h>
#include <string.h>

#include "rig/desk/desk_inner.h"
#include "rig/pipeline/answer.h"

const char *const rl_desk_counter_names[] = {
#define NAME(name, what) #name,
    RL_DESK_COUNTERS(NAME)
#undef NAME
        NULL};

/* Between two times that the venue is asked for what it did not know. */
#define ASK_AGAIN_NS 50000000ULL

/* --- the session ------------------------------------------------------------------------------ */

static void lose(struct rl_desk *d, uint64_t now_ns)
{
    if (d->state == RL_DESK_AWAY)
        return;
    d->state = RL_DESK_AWAY;
    d->n_awaited = 0;
    d->n.losses++;
    rl_oms_session(&d->oms, 0, RL_SESSION_LOST, now_ns);
}

/*
 * What the venue had sent meanwhile comes before the answers: numbers are in order. Of an order
 * whose replacement is under way the replacement is asked for: it is what works, or nothing came
 * of it, and then the order is asked for the next time.
 */
static uint32_t ask_for_the_unknown(struct rl_desk *d, uint64_t now_ns)
{
    const struct rl_orders *o = &d->oms.orders;
    const struct rl_order *replacement;
    uint32_t n = 0;

    for (uint64_t s = rl_orders_next_open(o, 0); s <= o->mask; s = rl_orders_next_open(o, s + 1)) {
        if (o->slots[s].state != RL_STATE_UNKNOWN)
            continue;
        n++;
        replacement = rl_orders_replace_of(o, &o->slots[s]);
        if (rl_desk_ask(d, replacement ? replacement->id : o->slots[s].id, &o->slots[s], now_ns)) {
            d->n.asked++;
            d->n_awaited++;
        }
    }
    return n;
}

/* When all that was asked is answered: ready, or what is still unknown is asked again. */
static void settle(struct rl_desk *d, uint64_t now_ns)
{
    if (d->state != RL_DESK_RECONCILING || d->n_awaited > 0 || now_ns < d->ask_ns)
        return;
    d->ask_ns = now_ns + ASK_AGAIN_NS;
    if (ask_for_the_unknown(d, now_ns) > 0)
        return;
    d->state = RL_DESK_READY;
    rl_oms_session(&d->oms, 0, RL_SESSION_RECONCILED, now_ns);
}

static void logged_on(struct rl_desk *d, uint64_t now_ns)
{
    d->n.logons++;
    d->state = RL_DESK_RECONCILING;
    d->ask_ns = now_ns;
    rl_oms_session(&d->oms, 0, RL_SESSION_LOGGED_ON, now_ns);
}

static void heard(struct rl_desk *d, const struct rl_fix_msg *m, uint64_t now_ns)
{
    struct rl_order_event event;

    switch (rl_answer_of(m, &event)) {
    case RL_ANSWER_EVENT:
        d->n.answers++;
        (void)rl_oms_event(&d->oms, &event, now_ns);
        if (event.kind == RL_EVENT_STATUS_OPEN || event.kind == RL_EVENT_STATUS_GONE)
            d->n_awaited -= d->n_awaited > 0;
        return;
    case RL_ANSWER_NOTICE: /* with us: that the venue does not know yet */
        d->n.notices++;
        d->n_awaited -= d->n_awaited > 0;
        return;
    case RL_ANSWER_UNUSABLE:
    default:
        d->n.unusable++;
    }
}

static void act(struct rl_desk *d, const struct rl_fix_action *a, uint64_t now_ns)
{
    switch (a->kind) {
    case RL_FIX_DO_SEND:
        if (!d->wire.send(d->wire.context, a->bytes, a->n_bytes))
            d->n.unsent++;
        return;
    case RL_FIX_DO_DELIVER:
        heard(d, a->msg, now_ns);
        if (d->wire.heard)
            d->wire.heard(d->wire.context, a->msg);
        return;
    case RL_FIX_DO_LOGGED_ON:
        logged_on(d, now_ns);
        return;
    case RL_FIX_DO_LOGGED_OUT:
        lose(d, now_ns);
        return;
    case RL_FIX_DO_DISCONNECT:
        lose(d, now_ns);
        d->wire.hang_up(d->wire.context, a->cause);
        return;
    }
}

int rl_desk_step(struct rl_desk *d, const struct rl_fix_event *event, uint64_t now_ns)
{
    static const struct rl_fix_event go_on = {.kind = RL_FIX_EV_CONTINUE};
    struct rl_fix_session *s = &d->session;
    int err = rl_fix_session_step(s, event, now_ns);

    for (;;) {
        for (uint32_t i = 0; i < s->n_actions; i++)
            act(d, &s->actions[i], now_ns);
        if (!s->more)
            break;
        (void)rl_fix_session_step(s, &go_on, now_ns);
    }
    return err;
}

void rl_desk_connected(struct rl_desk *d, uint64_t now_ns)
{
    d->state = RL_DESK_LOGGING_ON;
    (void)rl_desk_step(d, &(struct rl_fix_event){.kind = RL_FIX_EV_CONNECTED}, now_ns);
}

void rl_desk_disconnected(struct rl_desk *d, uint64_t now_ns)
{
    (void)rl_desk_step(d, &(struct rl_fix_event){.kind = RL_FIX_EV_DISCONNECTED}, now_ns);
    lose(d, now_ns);
}

void rl_desk_message(struct rl_desk *d, const uint8_t *bytes, uint32_t n_bytes, uint64_t now_ns)
{
    (void)rl_desk_step(
        d, &(struct rl_fix_event){.kind = RL_FIX_EV_MESSAGE, .bytes = bytes, .n_bytes = n_bytes},
        now_ns);
}

void rl_desk_logout(struct rl_desk *d, uint64_t now_ns)
{
    (void)rl_desk_step(d, &(struct rl_fix_event){.kind = RL_FIX_EV_LOGOUT}, now_ns);
}

/* --- market data ------------------------------------------------------------------------------ */

static void apply(struct rl_desk *d, struct rl_feed_cursor *c, uint64_t now_ns)
{
    struct rl_update u;
    struct rl_bbo bbo;

    while (rl_feed_next(&d->feed, c, &u)) {
        d->n.updates++;
        if (u.op == RL_OP_NONE || u.op == RL_OP_TRADE)
            continue;
        if (u.instrument < d->books.n_instruments)
            d->seen_ns[u.instrument] = now_ns;
        if (!rl_books_apply(&d->books, &u) || u.instrument >= d->books.n_instruments)
            continue;
        rl_books_bbo(&d->books, u.instrument, &bbo);
        rl_oms_mark(&d->oms, u.instrument, &bbo, now_ns);
    }
}

void rl_desk_packet(struct rl_desk *d, uint32_t line, const uint8_t *bytes, uint32_t n_bytes,
                    uint64_t now_ns)
{
    struct rl_feed_cursor c;

    d->n.packets++;
    if (rl_feed_push(&d->feed, line, bytes, n_bytes, now_ns, &c))
        apply(d, &c, now_ns);
}

/* --- time ------------------------------------------------------------------------------------- */

uint64_t rl_desk_turn(struct rl_desk *d, uint64_t now_ns)
{
    struct rl_feed_cursor c;
    uint64_t due_ns, lines_ns;

    if (d->feed.lines && rl_feed_poll(&d->feed, now_ns, &c))
        apply(d, &c, now_ns);
    if (rl_fix_session_deadline(&d->session) <= now_ns)
        (void)rl_desk_step(d, &(struct rl_fix_event){.kind = RL_FIX_EV_TIMER}, now_ns);
    settle(d, now_ns);
    (void)rl_oms_poll(&d->oms, now_ns);
    due_ns = rl_fix_session_deadline(&d->session);
    lines_ns = d->feed.lines ? rl_lines_due_ns(d->feed.lines) : UINT64_MAX;
    due_ns = due_ns < lines_ns ? due_ns : lines_ns;
    return d->state == RL_DESK_RECONCILING && d->ask_ns < due_ns ? d->ask_ns : due_ns;
}

void rl_desk_take_audit(struct rl_desk *d,
                        void (*take)(void *context, const struct rl_audit_record *r), void *context)
{
    struct rl_ring *ring = &d->oms.audit.ring;
    const struct rl_audit_record *next;

    while ((next = rl_ring_peek(ring)) != NULL) {
        if (take)
            take(context, next);
        d->n.audited++;
        rl_ring_release(ring);
    }
    rl_ring_publish(ring);
}

/* --- set-up ----------------------------------------------------------------------------------- */

static size_t seen_bytes(const struct rl_desk_config *config)
{
    return config->feed.n_instruments * sizeof(uint64_t);
}

size_t rl_desk_bytes(const struct rl_desk_config *config)
{
    size_t feed = rl_feed_bytes(&config->feed), books = rl_books_bytes(&config->books);
    size_t oms = rl_oms_bytes(&config->oms), session = rl_fix_session_bytes(&config->session);

    if (feed == 0 || books == 0 || oms == 0 || session == 0)
        return 0;
    return feed + books + oms + session + seen_bytes(config) + 8 * RL_CACHE_LINE;
}

int rl_desk_init(struct rl_desk *d, struct rl_arena *arena, const struct rl_desk_config *config,
                 struct rl_session_store *store, struct rl_kill *kill,
                 const struct rl_desk_wire *wire, uint64_t now_ns, const char **why)
{
    struct rl_fix_session_config session = config->session;
    int err;

    *why = "books, feed and ledger: different numbers of instruments";
    if (config->books.n_instruments != config->feed.n_instruments ||
        config->oms.ledger.n_instruments != config->feed.n_instruments)
        return -EINVAL;
    memset(d, 0, sizeof *d);
    d->wire = *wire;
    session.is_initiator = true;
    d->seen_ns = rl_arena_take(arena, seen_bytes(config), RL_CACHE_LINE);
    if (!d->seen_ns)
        return -ENOMEM;
    *why = "feed: unknown kind, or no instruments";
    err = rl_feed_init(&d->feed, arena, &config->feed);
    if (err)
        return err;
    *why = "books: no instruments, orders or levels, or too many";
    err = rl_books_init(&d->books, arena, &config->books);
    if (!err)
        err = rl_fix_session_init(&d->session, arena, &session, store, why);
    if (!err)
        err = rl_oms_init(&d->oms, arena, &config->oms, kill, now_ns, why);
    if (err)
        return err;
    *why = NULL;
    rl_oms_use_limits(&d->oms, config->limits, now_ns);
    return 0;
}
