/*
 * OUCH: packets of a connection through their Soup session to the gateway, and back.
 */
#include <string.h>
#include <strings.h>

#include "rig/exchange/serve_inner.h"

#define AT_SYMBOL 10 /* of an Enter Order: type, UserRefNum, side, quantity, symbol */
#define N_SYMBOL 8

static void do_actions(struct rl_serve_peer *p);

static int step(struct rl_serve_peer *p, const struct rl_soup_event *event)
{
    return rl_soup_session_step(&p->soup, event, rl_serve_utc(p->serve));
}

/* --- actions of a session --------------------------------------------------------------------- */

static void join(struct rl_serve_peer *p)
{
    struct rl_serve *s = p->serve;
    struct rl_ouch_member_config config = {
        .cancels_on_disconnect = p->rules.cancels_on_disconnect,
        .rate_per_s = p->rules.rate_per_s,
        .burst = p->rules.burst,
        .stp = p->rules.stp,
    };
    int member;

    s->n.logons++;
    s->n.sessions += p->logons++ == 0;
    if (p->handle != RL_SERVE_NOBODY) {
        rl_ouch_gateway_connect(&s->ouch, p->handle);
        return;
    }
    memcpy(config.firms[0], p->firm, sizeof config.firms[0]);
    member = rl_ouch_gateway_join(&s->ouch, &config);
    if (member < 0) {
        rl_serve_drop(s, p->conn, RL_SERVE_BY_US, RL_SERVE_DROP_NO_MEMBER);
        return;
    }
    p->handle = (uint32_t)member;
    s->by_member[member] = p;
}

static void part(struct rl_serve_peer *p, enum rl_soup_cause cause)
{
    struct rl_tcp_conn *c = p->conn;

    if (!c)
        return;
    p->conn = NULL;
    p->armed_ns = RL_NEVER;
    rl_serve_link_of(p->serve, c)->peer = NULL;
    rl_serve_drop(p->serve, c, RL_SERVE_BY_SOUP, (uint8_t)cause);
}

static void deliver(struct rl_serve_peer *p, const uint8_t *bytes, uint32_t n_bytes)
{
    struct rl_serve *s = p->serve;

    if (n_bytes > AT_SYMBOL + N_SYMBOL && bytes[0] == 'O') {
        s->n_ouch_orders++;
        rl_serve_list_any(s, bytes + AT_SYMBOL, N_SYMBOL);
    }
    if (p->handle != RL_SERVE_NOBODY)
        rl_ouch_gateway_message(&s->ouch, p->handle, bytes, n_bytes, rl_serve_utc(s));
}

static void do_actions(struct rl_serve_peer *p)
{
    struct rl_serve *s = p->serve;

    for (uint32_t i = 0; i < p->soup.n_actions; i++) {
        const struct rl_soup_action *a = &p->soup.actions[i];

        switch (a->kind) {
        case RL_SOUP_DO_SEND:
            if (!p->conn)
                break;
            rl_serve_put(s, p->conn, a->bytes, a->n_bytes);
            if (p->conn)
                p->soup.is_held = rl_tcp_is_choked(p->conn);
            break;
        case RL_SOUP_DO_DISCONNECT:
            part(p, a->cause);
            break;
        /* The last ones of their step: what they lead to steps the session again. */
        case RL_SOUP_DO_LOGGED_ON:
            join(p);
            return;
        case RL_SOUP_DO_LOGGED_OUT:
            if (p->handle != RL_SERVE_NOBODY)
                rl_ouch_gateway_disconnect(&s->ouch, p->handle, rl_serve_utc(s));
            return;
        case RL_SOUP_DO_DELIVER:
            deliver(p, a->bytes, a->n_bytes);
            return;
        }
    }
}

/* Until the session has said all that its connection takes. */
static void go_on(struct rl_serve_peer *p)
{
    do_actions(p);
    while (p->soup.more && !p->soup.is_held) {
        step(p, &(struct rl_soup_event){.kind = RL_SOUP_EV_CONTINUE});
        do_actions(p);
    }
}

static void arm(struct rl_serve_peer *p)
{
    uint64_t deadline_ns = rl_soup_session_deadline(&p->soup);
    struct rl_serve *s = p->serve;

    /* Soup's clock is not skewed: it is shown to nobody. */
    if (deadline_ns != UINT64_MAX)
        deadline_ns += rl_serve_stamp(s) - rl_serve_utc(s);
    rl_serve_arm(p, deadline_ns);
}

void rl_serve_ouch_send(void *context, uint32_t member, const uint8_t *message, uint32_t n_bytes)
{
    struct rl_serve *s = context;
    struct rl_serve_peer *p = s->by_member[member];

    if (!p)
        return;
    step(p, &(struct rl_soup_event){.kind = RL_SOUP_EV_SEND, .bytes = message, .n_bytes = n_bytes});
    do_actions(p);
}

/* --- login ------------------------------------------------------------------------------------ */

static void trim(char *out, const uint8_t *padded, size_t n)
{
    while (n > 0 && padded[n - 1] == ' ')
        n--;
    while (n > 0 && *padded == ' ') {
        padded++;
        n--;
    }
    memcpy(out, padded, n);
    out[n] = '\0';
}

/* Somebody unknown logs in: from now on this is his password. */
static bool add_unknown(struct rl_serve *s, const struct rl_soup *packet, enum rl_serve_drop *why)
{
    struct rl_serve_ouch_identity id = {.rules = s->config.rules};
    struct rl_soup_login login;

    *why = RL_SERVE_N_DROPS;
    if (!s->config.takes_any_ouch || !rl_soup_read_login(packet, &login))
        return false;
    trim(id.username, login.username, RL_SOUP_USERNAME);
    trim(id.password, login.password, RL_SOUP_PASSWORD);
    if (!id.username[0])
        return false;
    for (uint32_t i = 0; i < s->n_ouch_peers; i++) { /* known: it was something else */
        char known[RL_SOUP_USERNAME + 1];

        trim(known, s->soups[i]->username, RL_SOUP_USERNAME);
        if (strcasecmp(known, id.username) == 0)
            return false;
    }
    return rl_serve_add_ouch(s, &id, why) != NULL;
}

static bool admit(struct rl_serve *s, struct rl_tcp_conn *c, const struct rl_soup *packet)
{
    struct rl_serve_link *link = rl_serve_link_of(s, c);
    uint8_t reply[RL_SOUP_REPLY_MAX];
    enum rl_soup_cause cause;
    enum rl_serve_drop why = RL_SERVE_N_DROPS;
    uint32_t n_reply;
    struct rl_soup_session *session =
        rl_soup_accept(s->soups, s->n_ouch_peers, packet, &cause, reply, &n_reply);

    if (!session && cause == RL_SOUP_BYE_NOT_AUTHORIZED && add_unknown(s, packet, &why))
        session = rl_soup_accept(s->soups, s->n_ouch_peers, packet, &cause, reply, &n_reply);
    if (!session) {
        rl_tcp_send(c, reply, n_reply);
        if (why != RL_SERVE_N_DROPS)
            rl_serve_drop(s, c, RL_SERVE_BY_US, (uint8_t)why);
        else
            rl_serve_drop(s, c, RL_SERVE_BY_SOUP, (uint8_t)cause);
        return false;
    }
    link->peer = session->user;
    link->peer->conn = c;
    link->peer->armed_ns = RL_NEVER;
    session->is_held = false;
    rl_tcp_wake_at(c, RL_NEVER);
    step(link->peer, &(struct rl_soup_event){.kind = RL_SOUP_EV_CONNECTED});
    go_on(link->peer);
    return link->peer != NULL;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void lied(struct rl_serve *s, struct rl_tcp_conn *c)
{
    struct rl_serve_peer *p = rl_serve_link_of(s, c)->peer;

    if (!p) {
        rl_serve_drop(s, c, RL_SERVE_BY_SOUP, RL_SOUP_BYE_LIAR);
        return;
    }
    step(p, &(struct rl_soup_event){.kind = RL_SOUP_EV_LIAR});
    go_on(p);
}

static uint32_t received(void *context, struct rl_tcp_conn *c, const uint8_t *bytes,
                         uint32_t n_bytes)
{
    struct rl_serve *s = context;
    struct rl_serve_link *link = rl_serve_link_of(s, c);
    struct rl_serve_peer *p = link->peer;
    uint32_t taken = 0;

    if (p && p->soup.is_held) {
        p->soup.is_held = false;
        step(p, &(struct rl_soup_event){.kind = RL_SOUP_EV_CONTINUE});
        go_on(p);
    }
    while (taken < n_bytes && !link->is_over && !rl_tcp_is_choked(c)) {
        struct rl_soup packet;
        enum rl_soup_result r = rl_soup_read(bytes + taken, n_bytes - taken, &packet);

        if (r == RL_SOUP_MORE)
            break;
        if (r == RL_SOUP_LIAR) {
            lied(s, c);
            break;
        }
        taken += RL_SOUP_HEADER + (uint32_t)packet.n_bytes;
        if (!link->peer && !admit(s, c, &packet))
            break;
        p = link->peer;
        step(p, &(struct rl_soup_event){.kind = RL_SOUP_EV_PACKET, .packet = packet});
        go_on(p);
    }
    if (link->peer)
        arm(link->peer);
    return taken;
}

/* --- connections ------------------------------------------------------------------------------ */

static void opened(void *context, struct rl_tcp_conn *c)
{
    rl_serve_greet(context, c, RL_SERVE_OUCH);
}

static void due(void *context, struct rl_tcp_conn *c)
{
    struct rl_serve *s = context;
    struct rl_serve_peer *p = rl_serve_due(s, c);

    if (!p)
        return;
    if (rl_soup_session_deadline(&p->soup) <= rl_serve_utc(s)) {
        step(p, &(struct rl_soup_event){.kind = RL_SOUP_EV_TIMER});
        go_on(p);
    }
    arm(p);
}

static void closed(void *context, struct rl_tcp_conn *c, enum rl_tcp_end why)
{
    struct rl_serve_peer *p = rl_serve_part(context, c, why);

    if (!p)
        return;
    step(p, &(struct rl_soup_event){.kind = RL_SOUP_EV_DISCONNECTED});
    go_on(p);
}

void rl_serve_ouch_logout(struct rl_serve_peer *p)
{
    step(p, &(struct rl_soup_event){.kind = RL_SOUP_EV_END});
    go_on(p);
    arm(p);
}

const struct rl_tcp_handler rl_serve_ouch_handler = {
    .opened = opened, .received = received, .due = due, .closed = closed};
