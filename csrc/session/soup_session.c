#include "session/soup_session.h"

#include <errno.h>

#define NS_PER_MS 1000000ULL
/* Of one step, kept for what ends it: END, DISCONNECT, LOGGED_OUT, or a heartbeat. */
#define RESERVED_ACTIONS 3

const char *rl_soup_cause_text(enum rl_soup_cause cause)
{
    static const char *const texts[] = {
#define TEXT(name, text) text,
        RL_SOUP_CAUSES(TEXT)
#undef TEXT
    };

    return (unsigned)cause < RL_SOUP_BYE_N ? texts[cause] : "?";
}

/* --- actions ---------------------------------------------------------------------------------- */

static struct rl_soup_action *act(struct rl_soup_session *s, enum rl_soup_action_kind kind)
{
    struct rl_soup_action *a = &s->actions[s->n_actions++];

    *a = (struct rl_soup_action){.kind = kind};
    return a;
}

static void send_bytes(struct rl_soup_session *s, const uint8_t *bytes, uint32_t n_bytes,
                       uint64_t seq, uint64_t now_ns)
{
    struct rl_soup_action *a = act(s, RL_SOUP_DO_SEND);

    a->bytes = bytes;
    a->n_bytes = n_bytes;
    a->seq = seq;
    s->sent_ns = now_ns;
    s->counts.n_out++;
}

/* A packet of our own making; one a step, since it lies in `out`. */
static void send_packet(struct rl_soup_session *s, uint8_t type, uint64_t now_ns)
{
    send_bytes(s, s->out, rl_soup_write(s->out, s->n_out_max, type, NULL, 0), 0, now_ns);
}

static void deliver(struct rl_soup_session *s, const struct rl_soup *p, uint64_t seq)
{
    struct rl_soup_action *a = act(s, RL_SOUP_DO_DELIVER);

    a->bytes = p->payload;
    a->n_bytes = p->n_bytes;
    a->seq = seq;
    s->counts.n_delivered++;
}

static void log_on(struct rl_soup_session *s, uint64_t seq)
{
    s->state = RL_SOUP_LOGGED_ON;
    s->counts.n_logins++;
    act(s, RL_SOUP_DO_LOGGED_ON)->seq = seq;
}

static void forget(struct rl_soup_session *s, enum rl_soup_cause cause)
{
    bool was_on = s->state == RL_SOUP_LOGGED_ON;

    s->state = RL_SOUP_AWAY;
    s->cause = cause;
    s->more = false;
    s->is_held = false;
    if (was_on)
        act(s, RL_SOUP_DO_LOGGED_OUT);
}

static void leave(struct rl_soup_session *s, enum rl_soup_cause cause)
{
    if (s->state == RL_SOUP_AWAY)
        return;
    act(s, RL_SOUP_DO_DISCONNECT)->cause = cause;
    forget(s, cause);
}

/* --- server ----------------------------------------------------------------------------------- */

/* What waits in the store, as much as a step takes. */
static void pump(struct rl_soup_session *s, uint64_t now_ns)
{
    uint32_t n_bytes = 0;

    s->more = false;
    if (s->state != RL_SOUP_LOGGED_ON || s->is_held)
        return;
    while (s->next_send < s->store->next_out &&
           s->n_actions < RL_SOUP_SESSION_ACTIONS - RESERVED_ACTIONS) {
        const uint8_t *packet = s->store->ops->get(s->store, s->next_send, &n_bytes);

        if (!packet) {
            leave(s, RL_SOUP_BYE_SLOW);
            return;
        }
        send_bytes(s, packet, n_bytes, s->next_send++, now_ns);
        s->counts.n_resent++;
    }
    s->more = s->next_send < s->store->next_out;
    if (!s->more && s->is_ending) {
        send_packet(s, 'Z', now_ns);
        s->is_over = true;
        leave(s, RL_SOUP_BYE_END);
    }
}

static int send_sequenced(struct rl_soup_session *s, const struct rl_soup_event *e, uint64_t now_ns)
{
    uint64_t seq = s->store->next_out;
    uint32_t n;
    int err;

    if (s->is_ending)
        return -ESHUTDOWN;
    n = rl_soup_write(s->out, s->n_out_max, 'S', e->bytes, e->n_bytes);
    if (n == 0)
        return -EMSGSIZE;
    err = s->store->ops->put(s->store, seq, s->out, n);
    if (err) {
        s->counts.n_store_errors++;
        leave(s, RL_SOUP_BYE_STORE);
        return err;
    }
    if (s->state == RL_SOUP_LOGGED_ON && !s->is_held && s->next_send == seq) {
        s->next_send++;
        send_bytes(s, s->out, n, seq, now_ns);
    } else if (s->state == RL_SOUP_LOGGED_ON && !s->is_held) {
        s->more = true; /* behind what waits */
    }
    return 0;
}

/* Names are of either case, and padded on either side. */
static bool is_same(const uint8_t *a, const uint8_t *b, size_t width)
{
    size_t i = 0, j = 0;

    while (i < width && a[i] == ' ')
        i++;
    while (j < width && b[j] == ' ')
        j++;
    while (i < width || j < width) {
        uint8_t x = i < width ? a[i++] : ' ', y = j < width ? b[j++] : ' ';

        x = x >= 'a' && x <= 'z' ? (uint8_t)(x - 32) : x;
        y = y >= 'a' && y <= 'z' ? (uint8_t)(y - 32) : y;
        if (x != y)
            return false;
    }
    return true;
}

static bool is_blank(const uint8_t *name, size_t width)
{
    return rl_alpha_len(name, width) == 0;
}

static enum rl_soup_cause judge(const struct rl_soup_session *s, const struct rl_soup_login *l)
{
    uint32_t n_bytes;

    if (!is_same(l->username, s->username, RL_SOUP_USERNAME) ||
        !is_same(l->password, s->password, RL_SOUP_PASSWORD))
        return RL_SOUP_BYE_NOT_AUTHORIZED;
    if (s->is_over || l->seq > s->store->next_out ||
        (!is_blank(l->session, RL_SOUP_SESSION) &&
         !is_same(l->session, s->session, RL_SOUP_SESSION)))
        return RL_SOUP_BYE_NO_SESSION;
    /* What is dropped is the oldest: the rest is there when the first one is. */
    if (l->seq > 0 && l->seq < s->store->next_out &&
        !s->store->ops->get(s->store, l->seq, &n_bytes))
        return RL_SOUP_BYE_NO_SESSION;
    return RL_SOUP_BYE_NONE;
}

static void server_login(struct rl_soup_session *s, const struct rl_soup *p, uint64_t now_ns)
{
    struct rl_soup_login login;
    struct rl_soup_accepted accepted;
    enum rl_soup_cause cause;

    if (!rl_soup_read_login(p, &login)) {
        leave(s, RL_SOUP_BYE_PROTOCOL);
        return;
    }
    cause = judge(s, &login);
    if (cause != RL_SOUP_BYE_NONE) {
        enum rl_soup_reject why =
            cause == RL_SOUP_BYE_NO_SESSION ? RL_SOUP_NO_SESSION : RL_SOUP_NOT_AUTHORIZED;

        s->counts.n_rejected++;
        send_bytes(s, s->out, rl_soup_write_rejected(s->out, s->n_out_max, why), 0, now_ns);
        leave(s, cause);
        return;
    }
    s->next_send = login.seq > 0 ? login.seq : s->store->next_out;
    memcpy(accepted.session, s->session, RL_SOUP_SESSION);
    accepted.seq = s->next_send;
    send_bytes(s, s->out, rl_soup_write_accepted(s->out, s->n_out_max, &accepted), 0, now_ns);
    log_on(s, s->next_send);
    s->more = s->next_send < s->store->next_out || s->is_ending;
}

static void server_packet(struct rl_soup_session *s, const struct rl_soup *p, uint64_t now_ns)
{
    bool is_on = s->state == RL_SOUP_LOGGED_ON;

    if (p->type == '+')
        return;
    if (!is_on && p->type == 'L')
        server_login(s, p, now_ns);
    else if (is_on && p->type == 'U')
        deliver(s, p, 0);
    else if (is_on && p->type == 'O')
        leave(s, RL_SOUP_BYE_LOGOUT);
    else if (!is_on || p->type != 'R')
        leave(s, RL_SOUP_BYE_PROTOCOL);
}

/* --- client ----------------------------------------------------------------------------------- */

static void client_login(struct rl_soup_session *s, uint64_t now_ns)
{
    struct rl_soup_login login = {.seq = s->next_expected};

    memcpy(login.username, s->username, RL_SOUP_USERNAME);
    memcpy(login.password, s->password, RL_SOUP_PASSWORD);
    memcpy(login.session, s->session, RL_SOUP_SESSION);
    send_bytes(s, s->out, rl_soup_write_login(s->out, s->n_out_max, &login), 0, now_ns);
}

static void client_accepted(struct rl_soup_session *s, const struct rl_soup *p)
{
    struct rl_soup_accepted a;

    if (!rl_soup_read_accepted(p, &a) || a.seq == 0 ||
        (!is_blank(s->session, RL_SOUP_SESSION) &&
         !is_same(s->session, a.session, RL_SOUP_SESSION))) {
        leave(s, RL_SOUP_BYE_PROTOCOL);
        return;
    }
    memcpy(s->session, a.session, RL_SOUP_SESSION);
    if (s->next_expected > 0 && a.seq > s->next_expected)
        s->counts.n_missed += a.seq - s->next_expected;
    if (a.seq > s->next_expected)
        s->next_expected = a.seq;
    s->next_in = a.seq; /* may be lower: then what we know comes again */
    log_on(s, s->next_expected);
}

static void client_sequenced(struct rl_soup_session *s, const struct rl_soup *p)
{
    uint64_t seq = s->next_in++;

    if (seq < s->next_expected) {
        s->counts.n_duplicates++;
        return;
    }
    s->next_expected = seq + 1;
    s->is_unconfirmed = s->store != NULL;
    deliver(s, p, seq);
}

static void client_packet(struct rl_soup_session *s, const struct rl_soup *p)
{
    bool is_on = s->state == RL_SOUP_LOGGED_ON;

    if (p->type == '+')
        return;
    if (!is_on && p->type == 'A') {
        client_accepted(s, p);
    } else if (!is_on && p->type == 'J') {
        s->counts.n_rejected++;
        leave(s, p->n_bytes == 1 && p->payload[0] == RL_SOUP_NO_SESSION
                     ? RL_SOUP_BYE_NO_SESSION
                     : RL_SOUP_BYE_NOT_AUTHORIZED);
    } else if (is_on && p->type == 'S') {
        client_sequenced(s, p);
    } else if (is_on && p->type == 'U') {
        deliver(s, p, 0);
    } else if (is_on && p->type == 'Z') { /* the next login is to another session */
        memset(s->session, ' ', RL_SOUP_SESSION);
        s->next_expected = 1;
        s->is_unconfirmed = s->store != NULL;
        leave(s, RL_SOUP_BYE_END);
    } else if (!is_on || p->type != 'H') {
        leave(s, RL_SOUP_BYE_PROTOCOL);
    }
}

static int send_unsequenced(struct rl_soup_session *s, const struct rl_soup_event *e,
                            uint64_t now_ns)
{
    uint32_t n;

    if (s->state != RL_SOUP_LOGGED_ON)
        return -ENOTCONN;
    n = rl_soup_write(s->out, s->n_out_max, 'U', e->bytes, e->n_bytes);
    if (n == 0)
        return -EMSGSIZE;
    send_bytes(s, s->out, n, 0, now_ns);
    return 0;
}

/* Whoever asked for the next step has done with the message before. */
static void confirm(struct rl_soup_session *s)
{
    s->is_unconfirmed = false;
    if (s->store->ops->set_next(s->store, s->store->next_out, s->next_expected) != 0)
        s->counts.n_store_errors++;
}

/* --- both ------------------------------------------------------------------------------------- */

static void on_timer(struct rl_soup_session *s, uint64_t now_ns)
{
    if (s->state == RL_SOUP_CONNECTED && now_ns >= s->connected_ns + s->login_timeout_ns)
        leave(s, RL_SOUP_BYE_LOGIN_TIMEOUT);
    else if (s->state == RL_SOUP_LOGGED_ON && now_ns >= s->heard_ns + s->silence_ns)
        leave(s, RL_SOUP_BYE_SILENCE);
    else if (s->state == RL_SOUP_LOGGED_ON && !s->is_held && now_ns >= s->sent_ns + s->heartbeat_ns)
        send_packet(s, s->is_client ? 'R' : 'H', now_ns);
}

static void on_connected(struct rl_soup_session *s, uint64_t now_ns)
{
    if (s->state != RL_SOUP_AWAY)
        forget(s, RL_SOUP_BYE_PEER);
    s->state = RL_SOUP_CONNECTED;
    s->is_held = false;
    s->connected_ns = s->heard_ns = s->sent_ns = now_ns;
    if (s->is_client)
        client_login(s, now_ns);
}

static void on_packet(struct rl_soup_session *s, const struct rl_soup *p, uint64_t now_ns)
{
    if (s->state == RL_SOUP_AWAY)
        return;
    s->counts.n_in++;
    s->heard_ns = now_ns;
    if (s->is_client)
        client_packet(s, p);
    else
        server_packet(s, p, now_ns);
}

static void on_logout(struct rl_soup_session *s, uint64_t now_ns)
{
    if (s->is_client && s->state == RL_SOUP_LOGGED_ON)
        send_packet(s, 'O', now_ns);
    leave(s, RL_SOUP_BYE_LOGOUT);
}

int rl_soup_session_step(struct rl_soup_session *s, const struct rl_soup_event *event,
                         uint64_t now_ns)
{
    bool had_more = s->more;

    s->n_actions = 0;
    s->more = false;
    if (s->is_unconfirmed)
        confirm(s);
    switch (event->kind) {
    case RL_SOUP_EV_CONNECTED:
        on_connected(s, now_ns);
        return 0;
    case RL_SOUP_EV_DISCONNECTED:
        if (s->state != RL_SOUP_AWAY)
            forget(s, RL_SOUP_BYE_PEER);
        return 0;
    case RL_SOUP_EV_PACKET:
        on_packet(s, &event->packet, now_ns);
        break;
    case RL_SOUP_EV_LIAR:
        leave(s, RL_SOUP_BYE_LIAR);
        break;
    case RL_SOUP_EV_TIMER:
        on_timer(s, now_ns);
        break;
    case RL_SOUP_EV_SEND:
        s->more = had_more;
        return s->is_client ? send_unsequenced(s, event, now_ns) : send_sequenced(s, event, now_ns);
    case RL_SOUP_EV_LOGOUT:
        on_logout(s, now_ns);
        break;
    case RL_SOUP_EV_END:
        s->is_ending = !s->is_client;
        if (s->is_ending)
            pump(s, now_ns);
        return 0;
    case RL_SOUP_EV_CONTINUE:
        if (!s->is_client)
            pump(s, now_ns);
        return 0;
    }
    /* What the caller did not come to go on with is not forgotten. */
    s->more |= had_more && s->state == RL_SOUP_LOGGED_ON && !s->is_held;
    return 0;
}

uint64_t rl_soup_session_deadline(const struct rl_soup_session *s)
{
    uint64_t silent, idle;

    if (s->state == RL_SOUP_AWAY)
        return UINT64_MAX;
    if (s->state == RL_SOUP_CONNECTED)
        return s->connected_ns + s->login_timeout_ns;
    silent = s->heard_ns + s->silence_ns;
    idle = s->sent_ns + s->heartbeat_ns;
    return s->is_held || silent < idle ? silent : idle;
}

/* --- set-up ----------------------------------------------------------------------------------- */

/* A login is the longest packet of our own. */
#define OWN_MAX 64u

static uint32_t out_bytes(const struct rl_soup_session_config *config)
{
    uint32_t max = RL_SOUP_HEADER + (config->max_message ? config->max_message : 1024);

    return max < OWN_MAX ? OWN_MAX : max;
}

size_t rl_soup_session_bytes(const struct rl_soup_session_config *config)
{
    return out_bytes(config) + 2 * RL_CACHE_LINE;
}

int rl_soup_session_init(struct rl_soup_session *s, struct rl_arena *arena,
                         const struct rl_soup_session_config *config,
                         struct rl_session_store *store)
{
    const char *session = config->session ? config->session : "";

    if (config->max_message > RL_SOUP_MAX_PAYLOAD || !config->username || !config->username[0] ||
        (!config->is_client && (!store || !session[0])))
        return -EINVAL;
    *s = (struct rl_soup_session){.is_client = config->is_client, .store = store};
    s->n_out_max = out_bytes(config);
    s->out = rl_arena_take(arena, s->n_out_max, RL_CACHE_LINE);
    if (!s->out)
        return -ENOMEM;
    rl_put_alpha(s->username, config->username, RL_SOUP_USERNAME);
    rl_put_alpha(s->password, config->password ? config->password : "", RL_SOUP_PASSWORD);
    rl_put_alpha(s->session, session, RL_SOUP_SESSION);
    s->heartbeat_ns = (config->heartbeat_ms ? config->heartbeat_ms : 1000) * NS_PER_MS;
    s->silence_ns = (config->silence_ms ? config->silence_ms : 15000) * NS_PER_MS;
    s->login_timeout_ns = (config->login_timeout_ms ? config->login_timeout_ms : 10000) * NS_PER_MS;
    s->next_expected = store ? store->next_in : 1;
    return 0;
}

/* --- acceptor --------------------------------------------------------------------------------- */

struct rl_soup_session *rl_soup_accept(struct rl_soup_session *const *sessions, uint32_t n,
                                       const struct rl_soup *packet, enum rl_soup_cause *cause,
                                       uint8_t reply[RL_SOUP_REPLY_MAX], uint32_t *n_reply)
{
    struct rl_soup_login login;

    *n_reply = 0;
    *cause = RL_SOUP_BYE_PROTOCOL;
    if (!rl_soup_read_login(packet, &login))
        return NULL;
    *cause = RL_SOUP_BYE_NOT_AUTHORIZED;
    for (uint32_t i = 0; i < n; i++) {
        if (!is_same(login.username, sessions[i]->username, RL_SOUP_USERNAME))
            continue;
        if (sessions[i]->state == RL_SOUP_AWAY) {
            *cause = RL_SOUP_BYE_NONE;
            return sessions[i];
        }
        *cause = RL_SOUP_BYE_TWICE;
        break;
    }
    *n_reply = rl_soup_write_rejected(reply, RL_SOUP_REPLY_MAX, RL_SOUP_NOT_AUTHORIZED);
    return NULL;
}
