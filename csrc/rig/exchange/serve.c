#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rig/exchange/serve_inner.h"

#define NS_PER_S 1000000000ULL
#define SOON_NS 100000000ULL /* a session that waits for its connection is asked again */
#define GARBAGE_MAX 512

/* --- clocks and timers ------------------------------------------------------------------------ */

static uint64_t utc_clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void rl_serve_arm(struct rl_serve_peer *p, uint64_t deadline_ns)
{
    struct rl_serve *s = p->serve;
    uint64_t stamp_ns = rl_serve_stamp(s), at_ns = RL_NEVER, mono_ns = rl_tcp_now_ns(&s->tcp);
    struct rl_serve_link *link;

    if (!p->conn)
        return;
    link = rl_serve_link_of(s, p->conn);
    if (deadline_ns != UINT64_MAX)
        at_ns = mono_ns + (deadline_ns > stamp_ns ? deadline_ns - stamp_ns : 0);
    if (p->is_waiting) /* its step cannot be interrupted by a timer */
        at_ns = mono_ns + SOON_NS;
    if (link->deaf_until_ns && link->deaf_until_ns < at_ns)
        at_ns = link->deaf_until_ns;
    if (at_ns >= p->armed_ns) /* it is woken earlier, and looks again then */
        return;
    p->armed_ns = at_ns;
    rl_tcp_wake_at(p->conn, at_ns);
}

/* --- connections ------------------------------------------------------------------------------ */

void rl_serve_drop(struct rl_serve *s, struct rl_tcp_conn *c, enum rl_serve_ended by, uint8_t why)
{
    struct rl_serve_link *link = rl_serve_link_of(s, c);

    if (link->is_over)
        return;
    link->is_over = true;
    link->ended = (uint8_t)by;
    link->why = why;
    rl_tcp_end(c);
}

static void be_silent(struct rl_serve *s, struct rl_tcp_conn *c)
{
    struct rl_serve_link *link = rl_serve_link_of(s, c);

    link->deaf_until_ns = rl_tcp_now_ns(&s->tcp) + s->mischief->config.silence_ns;
    rl_tcp_deafen(c, true);
    rl_tcp_wake_at(c, link->deaf_until_ns);
    if (link->peer)
        link->peer->armed_ns = link->deaf_until_ns;
}

void rl_serve_put(struct rl_serve *s, struct rl_tcp_conn *c, const uint8_t *bytes, uint32_t n_bytes)
{
    uint8_t garbage[GARBAGE_MAX];

    if (s->mischief && !rl_serve_link_of(s, c)->is_over) {
        switch (rl_mischief_wire(s->mischief)) {
        case RL_MISCHIEF_GARBAGE:
            rl_tcp_send(c, garbage, rl_mischief_garbage(s->mischief, garbage, GARBAGE_MAX));
            break;
        case RL_MISCHIEF_RESET:
            rl_serve_drop(s, c, RL_SERVE_BY_US, RL_SERVE_DROP_MISCHIEF);
            rl_tcp_reset(c);
            return;
        case RL_MISCHIEF_SILENCE:
            be_silent(s, c);
            break;
        default:
            break;
        }
    }
    rl_tcp_send(c, bytes, n_bytes);
}

void rl_serve_list_any(struct rl_serve *s, const uint8_t *symbol, uint32_t n_bytes)
{
    char name[RL_VENUE_SYMBOL + 1];

    while (n_bytes > 0 && symbol[n_bytes - 1] == ' ')
        n_bytes--;
    if (!s->config.lists_any || n_bytes == 0 || n_bytes > RL_VENUE_SYMBOL ||
        rl_venue_find(&s->venue, (const char *)symbol, n_bytes) >= 0)
        return;
    for (uint32_t i = 0; i < n_bytes; i++) {
        if (symbol[i] <= ' ' || symbol[i] > '~') /* nothing that a report would stumble over */
            return;
    }
    memcpy(name, symbol, n_bytes);
    name[n_bytes] = '\0';
    rl_venue_list(&s->venue, name); /* no room: the gateway says that it is unknown */
}

/* --- a turn ----------------------------------------------------------------------------------- */

static void work(void *context)
{
    struct rl_serve *s = context;
    uint64_t utc_ns = rl_serve_utc(s), other_ns, due_ns = rl_venue_turn(&s->venue, utc_ns);

    other_ns = rl_serve_crowd_turn(s, utc_ns);
    due_ns = other_ns < due_ns ? other_ns : due_ns;
    other_ns = rl_md_fix_turn(s->md_fix, utc_ns);
    due_ns = other_ns < due_ns ? other_ns : due_ns;
    if (s->md_itch) {
        other_ns = rl_md_itch_turn(s->md_itch, utc_ns);
        due_ns = other_ns < due_ns ? other_ns : due_ns;
    }
    s->due_utc_ns = due_ns;
}

bool rl_serve_turn(struct rl_serve *s, uint64_t timeout_ns)
{
    uint64_t utc_ns = utc_clock_ns(), wait_ns;

    s->utc_ahead_ns = utc_ns - rl_loop_clock_ns();
    wait_ns = s->due_utc_ns > utc_ns ? s->due_utc_ns - utc_ns : 0;
    return rl_tcp_turn(&s->tcp, wait_ns < timeout_ns ? wait_ns : timeout_ns);
}

void rl_serve_wake(struct rl_serve *s)
{
    rl_loop_wake(&s->tcp.loop);
}

void rl_serve_decide(struct rl_serve *s, const struct rl_match_request *r)
{
    rl_venue_decide(&s->venue, r, rl_serve_utc(s));
    s->due_utc_ns = 0; /* market data has something to say */
}

/* --- the end ---------------------------------------------------------------------------------- */

void rl_serve_stop(struct rl_serve *s)
{
    if (s->is_stopping)
        return;
    s->is_stopping = true;
    rl_tcp_stop_listening(&s->tcp);
    if (s->ouch_at.n_bytes > 0)
        rl_ouch_gateway_system(&s->ouch, 'E', rl_serve_utc(s));
    for (uint32_t i = 0; i < s->config.n_connections; i++) {
        struct rl_tcp_conn *c = &s->tcp.conns[i];
        struct rl_serve_link *link = &s->links[i];

        if (c->watch.fd < 0 || link->is_over)
            continue;
        if (!link->peer)
            rl_serve_drop(s, c, RL_SERVE_BY_US, RL_SERVE_DROP_CLOSING);
        else if (link->protocol == RL_SERVE_FIX)
            rl_serve_fix_logout(link->peer);
        else
            rl_serve_ouch_logout(link->peer);
    }
    if (s->md_itch)
        rl_md_itch_end(s->md_itch, rl_serve_utc(s));
}

bool rl_serve_is_quiet(const struct rl_serve *s)
{
    return s->tcp.n_free == s->config.n_connections;
}

void rl_serve_close(struct rl_serve *s)
{
    if (!s)
        return;
    rl_serve_md_close(s);
    rl_tcp_close(&s->tcp);
    rl_serve_close_peers(s);
    rl_arena_close(&s->arena);
    free(s);
}

/* --- opening ---------------------------------------------------------------------------------- */

static int take_tables(struct rl_serve *s)
{
    const struct rl_serve_config *c = &s->config;
    size_t n_peers = (size_t)c->n_fix_sessions + c->n_ouch_sessions;

    s->links = rl_arena_take(&s->arena, c->n_connections * sizeof *s->links, 0);
    s->peers = rl_arena_take(&s->arena, n_peers * sizeof *s->peers, 0);
    s->soups = rl_arena_take(&s->arena, c->n_ouch_sessions * sizeof *s->soups, 0);
    s->by_handle = rl_arena_take(&s->arena, c->n_fix_sessions * sizeof *s->by_handle, 0);
    s->by_member = rl_arena_take(&s->arena, c->match.n_owners * sizeof *s->by_member, 0);
    s->md_fix = rl_arena_take(&s->arena, sizeof *s->md_fix, 0);
    return s->links && s->peers && s->soups && s->by_handle && s->by_member && s->md_fix
               ? rl_fix_acceptor_init(&s->acceptor, &s->arena, c->n_fix_sessions)
               : -ENOMEM;
}

static int open_venue(struct rl_serve *s)
{
    const struct rl_serve_config *c = &s->config;
    struct rl_venue_config venue = {.match = c->match};
    struct rl_fix_gateway_config fix = rl_serve_fix_config(s);
    struct rl_ouch_gateway_config ouch = rl_serve_ouch_config(c);
    struct rl_md_fix_config md;
    int err = rl_venue_init(&s->venue, &s->arena, &venue);

    for (uint32_t i = 0; !err && i < c->n_symbols; i++) {
        struct rl_match_request phase = {.op = RL_MATCH_PHASE, .phase = c->symbols[i].phase};
        char name[RL_VENUE_SYMBOL + 1] = "";
        int n;

        memcpy(name, c->symbols[i].symbol, RL_VENUE_SYMBOL);
        n = rl_venue_list(&s->venue, name);
        err = n < 0 ? n : 0;
        phase.instrument = (uint32_t)n;
        if (!err && phase.phase != RL_MATCH_OPEN)
            rl_venue_decide(&s->venue, &phase, rl_serve_utc(s));
    }
    if (!err)
        err = rl_fix_gateway_init(&s->fix, &s->arena, &fix, &s->venue, rl_serve_fix_send, s);
    if (!err)
        err = rl_ouch_gateway_init(&s->ouch, &s->arena, &ouch, &s->venue, rl_serve_ouch_send, s);
    if (err)
        return err;
    md = rl_serve_md_fix_config(s);
    err = rl_md_fix_init(s->md_fix, &s->arena, &md);
    return err ? err : rl_venue_feed(&s->venue, rl_md_fix_told, s->md_fix);
}

static int open_mischief(struct rl_serve *s)
{
    if (!s->config.mischief)
        return 0;
    s->mischief = rl_arena_take(&s->arena, sizeof *s->mischief, 0);
    if (!s->mischief)
        return -ENOMEM;
    return rl_mischief_init(s->mischief, &s->arena, &s->venue, s->config.mischief, rl_serve_utc(s));
}

static int not_added(struct rl_serve *s, const char *whose, enum rl_serve_drop why)
{
    if (why != RL_SERVE_DROP_STORE) /* which has said more */
        snprintf(s->why, sizeof s->why, "%s: names that are no good, or there already", whose);
    return -EINVAL;
}

static int open_identities(struct rl_serve *s)
{
    const struct rl_serve_config *c = &s->config;
    enum rl_serve_drop why;

    for (uint32_t i = 0; i < c->n_identities; i++) {
        if (!rl_serve_add_fix(s, &c->identities[i], &why))
            return not_added(s, c->identities[i].target, why);
    }
    for (uint32_t i = 0; i < c->n_ouch_identities; i++) {
        if (!rl_serve_add_ouch(s, &c->ouch_identities[i], &why))
            return not_added(s, c->ouch_identities[i].username, why);
    }
    return 0;
}

static int open_listeners(struct rl_serve *s, const char **where)
{
    const struct rl_serve_config *c = &s->config;
    struct rl_tcp_handler fix = rl_serve_fix_handler, ouch = rl_serve_ouch_handler;
    int err = 0;

    fix.context = ouch.context = s;
    *where = "fix";
    if (c->fix.n_bytes > 0)
        err = rl_tcp_listen(&s->tcp, &c->fix, &fix, &s->fix_at);
    if (err)
        return err;
    *where = "ouch";
    if (c->ouch.n_bytes > 0)
        err = rl_tcp_listen(&s->tcp, &c->ouch, &ouch, &s->ouch_at);
    return err ? err : rl_serve_md_open(s, where);
}

static int open_parts(struct rl_serve *s, const char **where)
{
    struct rl_tcp_config tcp = rl_serve_tcp_config(s);
    int err = rl_arena_open(&s->arena, rl_serve_arena_bytes(s), 0);

    tcp.work = work;
    if (!err)
        err = take_tables(s);
    if (!err)
        err = rl_tcp_open(&s->tcp, &s->arena, &tcp);
    s->utc_ahead_ns = utc_clock_ns() - rl_loop_clock_ns();
    s->tcp.loop.now_ns = rl_loop_clock_ns();
    if (!err)
        err = open_venue(s);
    if (!err)
        err = open_mischief(s);
    if (!err)
        err = rl_serve_crowd_open(s);
    if (!err) {
        *where = "sessions";
        err = open_identities(s);
    }
    return err ? err : open_listeners(s, where);
}

int rl_serve_open(struct rl_serve **out, const struct rl_serve_config *config, const char **where,
                  const char **why)
{
    static _Thread_local char said[sizeof((struct rl_serve *)0)->why];
    const char *objection = rl_serve_objection(config);
    struct rl_serve *s;
    int err;

    *out = NULL;
    *where = "";
    *why = objection;
    if (objection)
        return -EINVAL;
    s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->config = *config;
    s->config.match.n_owners = config->n_fix_sessions + config->n_ouch_sessions + 1; /* the crowd */
    s->tcp.loop.epoll_fd = s->tcp.loop.waker.fd = s->tcp.spare_fd = -1;
    s->md_requests.watch.fd = s->md_lines[0].watch.fd = s->md_lines[1].watch.fd = -1;
    err = open_parts(s, where);
    if (err) {
        memcpy(said, s->why, sizeof said);
        *why = said[0] ? said : strerror(-err);
        rl_serve_close(s);
        return err;
    }
    *where = "";
    *out = s;
    return 0;
}
