/*
 * FIX: bytes of a connection to messages, messages through their session to the gateways, and what
 * these say back through the session to the connection.
 */
#include <string.h>

#include "rig/exchange/serve_inner.h"
#include "session/fix_frame.h"

#define CLOSING_TEXT "the exchange closes"

/* --- actions of a session --------------------------------------------------------------------- */

static bool do_actions(struct rl_serve_peer *p);

static int step(struct rl_serve_peer *p, const struct rl_fix_event *event)
{
    return rl_fix_session_step(&p->fix, event, rl_serve_stamp(p->serve));
}

/* The session is over for its members: orders are cancelled where that was agreed. */
static void leave(struct rl_serve_peer *p)
{
    struct rl_serve *s = p->serve;

    if (p->handle == RL_SERVE_NOBODY)
        return;
    rl_md_fix_close(s->md_fix, p->number);
    rl_fix_gateway_disconnect(&s->fix, p->handle, rl_serve_utc(s));
}

static void join(struct rl_serve_peer *p)
{
    struct rl_serve *s = p->serve;
    struct rl_fix_gateway_session_config config = {
        .version = p->version,
        .stp = p->rules.stp,
        .cancels_on_disconnect = p->rules.cancels_on_disconnect,
        .rate_per_s = p->rules.rate_per_s,
        .burst = p->rules.burst,
    };
    int handle;

    s->n.logons++;
    s->n.sessions += p->logons++ == 0;
    if (p->handle == RL_SERVE_NOBODY) {
        handle = rl_fix_gateway_join(&s->fix, &config);
        if (handle < 0) {
            rl_serve_drop(s, p->conn, RL_SERVE_BY_US, RL_SERVE_DROP_NO_MEMBER);
            return;
        }
        p->handle = (uint32_t)handle;
        s->by_handle[handle] = p;
    } else {
        if (p->store.created_utc_ns != p->created_ns) /* numbers began anew: so does the day */
            rl_fix_gateway_forget(&s->fix, p->handle);
        rl_fix_gateway_connect(&s->fix, p->handle);
    }
    p->created_ns = p->store.created_utc_ns;
    rl_md_fix_open(s->md_fix, p->number,
                   rl_md_fix_version_of(p->fix.config.begin_string, p->fix.config.appl_ver_id));
}

static void put_refusal(struct rl_serve_peer *p, uint32_t reason, uint32_t tag, const char *text)
{
    step(p, &(struct rl_fix_event){
                .kind = RL_FIX_EV_REFUSE, .reason = reason, .tag = tag, .text = text});
    do_actions(p);
}

/* What a new order or a subscription names. */
static void list_symbols(struct rl_serve *s, const struct rl_fix_msg *msg)
{
    if (msg->type != RL_FIX_TYPE1('D') && msg->type != RL_FIX_TYPE1('V'))
        return;
    for (uint32_t i = 0; i < msg->n_fields; i++) {
        const struct rl_fix_field *f = &msg->fields[i];

        if (f->tag == RL_FIX_Symbol)
            rl_serve_list_any(s, msg->bytes + f->off, f->len);
    }
}

static void deliver(struct rl_serve_peer *p, const struct rl_fix_msg *msg)
{
    struct rl_serve *s = p->serve;
    struct rl_fix_gateway_refusal why = {0};
    struct rl_md_fix_refusal md_why = {0};

    if (p->handle == RL_SERVE_NOBODY)
        return;
    if (s->config.lists_any)
        list_symbols(s, msg);
    switch (rl_fix_gateway_message(&s->fix, p->handle, msg, rl_serve_utc(s), &why)) {
    case RL_FIX_GATEWAY_TAKEN:
        return;
    case RL_FIX_GATEWAY_REFUSED:
        put_refusal(p, why.reason, why.tag, why.text);
        return;
    case RL_FIX_GATEWAY_NOT_MINE:
        break;
    }
    switch (rl_md_fix_take(s->md_fix, p->number, msg, &md_why)) {
    case RL_MD_FIX_TAKEN:
        break;
    case RL_MD_FIX_REFUSED:
        put_refusal(p, md_why.reason, md_why.tag, md_why.text);
        break;
    case RL_MD_FIX_NOT_MINE:
        put_refusal(p, RL_FIX_REFUSE_TYPE, 0, NULL);
        break;
    }
}

static void part(struct rl_serve_peer *p, enum rl_fix_cause cause)
{
    struct rl_tcp_conn *c = p->conn;

    if (!c)
        return;
    p->conn = NULL;
    p->armed_ns = RL_NEVER;
    p->is_waiting = p->is_md_held = false;
    rl_serve_link_of(p->serve, c)->peer = NULL;
    rl_serve_drop(p->serve, c, RL_SERVE_BY_FIX, (uint8_t)cause);
}

/* What the last step said. True: it ended with a message for the application, which was taken. */
static bool do_actions(struct rl_serve_peer *p)
{
    bool has_left = false;

    for (uint32_t i = 0; i < p->fix.n_actions; i++) {
        const struct rl_fix_action *a = &p->fix.actions[i];

        switch (a->kind) {
        case RL_FIX_DO_SEND:
            if (p->conn)
                rl_serve_put(p->serve, p->conn, a->bytes, a->n_bytes);
            break;
        case RL_FIX_DO_LOGGED_ON:
            join(p);
            break;
        case RL_FIX_DO_LOGGED_OUT: /* may send him what becomes of his orders: a step, so later */
            has_left = true;
            break;
        case RL_FIX_DO_DISCONNECT:
            part(p, a->cause);
            break;
        case RL_FIX_DO_DELIVER: /* the last one: what it leads to steps the session again */
            deliver(p, a->msg);
            return true;
        }
    }
    if (has_left)
        leave(p);
    return false;
}

/* Until the session has said all. False: its connection takes no more now; to be gone on with. */
static bool go_on(struct rl_serve_peer *p)
{
    p->is_waiting = false;
    for (;;) {
        bool has_delivered = do_actions(p);

        if (!has_delivered && !p->fix.more)
            return true;
        if (!has_delivered && p->conn && rl_tcp_is_choked(p->conn)) {
            p->is_waiting = true;
            p->fix.n_actions = 0;
            return false;
        }
        step(p, &(struct rl_fix_event){.kind = RL_FIX_EV_CONTINUE});
    }
}

static void arm(struct rl_serve_peer *p)
{
    rl_serve_arm(p, rl_fix_session_deadline(&p->fix));
}

/* --- what gateways say ------------------------------------------------------------------------ */

static bool put_message(struct rl_serve_peer *p, const char *type, const uint8_t *body,
                        uint32_t n_bytes)
{
    int err = step(p, &(struct rl_fix_event){
                          .kind = RL_FIX_EV_SEND, .type = type, .bytes = body, .n_bytes = n_bytes});

    do_actions(p);
    if (p->conn && rl_tcp_is_choked(p->conn) && !p->is_md_held) {
        p->is_md_held = true;
        rl_md_fix_hold(p->serve->md_fix, p->number, true);
    }
    return err == 0;
}

bool rl_serve_fix_send(void *context, uint32_t handle, const char *type, const uint8_t *body,
                       uint32_t n_bytes)
{
    struct rl_serve *s = context;

    return put_message(s->by_handle[handle], type, body, n_bytes);
}

void rl_serve_md_fix_send(void *context, uint32_t handle, const char *type, const uint8_t *body,
                          uint32_t n_bytes)
{
    struct rl_serve *s = context;

    put_message(&s->peers[handle], type, body, n_bytes);
}

/* --- logon ------------------------------------------------------------------------------------ */

/* Whose connection it is from now on. False: nobody's, it is dropped. */
static bool admit(struct rl_serve *s, struct rl_tcp_conn *c, const uint8_t *bytes, uint32_t n_bytes)
{
    struct rl_serve_link *link = rl_serve_link_of(s, c);
    struct rl_fix_session *session;
    enum rl_fix_cause cause = rl_fix_admit(&s->acceptor, bytes, n_bytes, &session);
    struct rl_serve_identity id;
    enum rl_serve_drop why;

    if (cause == RL_FIX_BYE_UNKNOWN && s->config.takes_any &&
        rl_serve_read_logon(s, bytes, n_bytes, &id) &&
        rl_fix_version_of(id.begin_string, id.appl_ver_id) >= 0) {
        if (!rl_serve_add_fix(s, &id, &why)) {
            rl_serve_drop(s, c, RL_SERVE_BY_US, (uint8_t)why);
            return false;
        }
        cause = rl_fix_admit(&s->acceptor, bytes, n_bytes, &session);
    }
    if (cause != RL_FIX_BYE_NONE) {
        rl_serve_drop(s, c, RL_SERVE_BY_FIX, (uint8_t)cause);
        return false;
    }
    link->peer = session->user;
    link->peer->conn = c;
    link->peer->armed_ns = RL_NEVER;
    rl_tcp_wake_at(c, RL_NEVER);
    step(link->peer, &(struct rl_fix_event){.kind = RL_FIX_EV_CONNECTED});
    return go_on(link->peer);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void count_garbage(struct rl_serve *s, struct rl_tcp_conn *c, uint32_t n_bytes)
{
    struct rl_serve_link *link = rl_serve_link_of(s, c);

    link->n_garbage += n_bytes;
    if (link->n_garbage > s->config.max_garbage)
        rl_serve_drop(s, c, RL_SERVE_BY_US, RL_SERVE_DROP_GARBAGE);
}

/* False: the message is not done with, and stays where it is. */
static bool take_message(struct rl_serve *s, struct rl_tcp_conn *c, const uint8_t *bytes,
                         uint32_t n_bytes)
{
    struct rl_serve_link *link = rl_serve_link_of(s, c);

    if (!link->peer && !admit(s, c, bytes, n_bytes))
        return true;
    if (!link->peer) /* what it was connected for has ended it */
        return true;
    step(link->peer,
         &(struct rl_fix_event){.kind = RL_FIX_EV_MESSAGE, .bytes = bytes, .n_bytes = n_bytes});
    return go_on(link->peer);
}

static uint32_t received(void *context, struct rl_tcp_conn *c, const uint8_t *bytes,
                         uint32_t n_bytes)
{
    struct rl_serve *s = context;
    struct rl_serve_link *link = rl_serve_link_of(s, c);
    uint32_t taken = 0, n;

    if (link->peer && link->peer->is_md_held) {
        link->peer->is_md_held = false;
        rl_md_fix_hold(s->md_fix, link->peer->number, false);
    }
    if (link->peer && link->peer->is_waiting) {
        struct rl_serve_peer *p = link->peer;

        if (!go_on(p))
            return 0;
        taken = p->n_waited;
        p->n_waited = 0;
    }
    while (taken < n_bytes && !link->is_over && !rl_tcp_is_choked(c)) {
        enum rl_fix_result r =
            rl_fix_cut(bytes + taken, n_bytes - taken, s->config.max_message, &n);

        if (r == RL_FIX_OK)
            link->n_garbage = 0;
        else if (rl_serve_is_oversize(bytes + taken, n_bytes - taken, s->config.max_message))
            rl_serve_drop(s, c, RL_SERVE_BY_US, RL_SERVE_DROP_OVERSIZE);
        else if (r == RL_FIX_GARBLED)
            count_garbage(s, c, n);
        if (r == RL_FIX_PARTIAL || link->is_over)
            break;
        if (!take_message(s, c, bytes + taken, n)) {
            if (link->peer)
                link->peer->n_waited = n;
            break;
        }
        taken += n;
    }
    if (link->peer)
        arm(link->peer);
    return taken;
}

/* --- connections ------------------------------------------------------------------------------ */

static void opened(void *context, struct rl_tcp_conn *c)
{
    rl_serve_greet(context, c, RL_SERVE_FIX);
}

static void due(void *context, struct rl_tcp_conn *c)
{
    struct rl_serve *s = context;
    struct rl_serve_peer *p = rl_serve_due(s, c);

    if (!p)
        return;
    if (!p->is_waiting && rl_fix_session_deadline(&p->fix) <= rl_serve_stamp(s)) {
        step(p, &(struct rl_fix_event){.kind = RL_FIX_EV_TIMER});
        go_on(p);
    }
    arm(p);
}

static void closed(void *context, struct rl_tcp_conn *c, enum rl_tcp_end why)
{
    struct rl_serve_peer *p = rl_serve_part(context, c, why);

    if (!p)
        return;
    p->is_waiting = p->is_md_held = false;
    step(p, &(struct rl_fix_event){.kind = RL_FIX_EV_DISCONNECTED});
    go_on(p);
}

void rl_serve_fix_logout(struct rl_serve_peer *p)
{
    step(p, &(struct rl_fix_event){.kind = RL_FIX_EV_LOGOUT, .text = CLOSING_TEXT});
    go_on(p);
    arm(p);
}

const struct rl_tcp_handler rl_serve_fix_handler = {
    .opened = opened, .received = received, .due = due, .closed = closed};
