#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rig/exchange/serve_inner.h"

#define PATH_MAX_BYTES 4096

/* The names count for the size: the longest ones. */
static const char longest_name[RL_SERVE_ID] =
    "................................................................";

static struct rl_fix_session_config fix_config(const struct rl_serve_config *c,
                                               const struct rl_serve_identity *id)
{
    return (struct rl_fix_session_config){
        .begin_string = id->begin_string,
        .sender = id->sender,
        .target = id->target,
        .appl_ver_id = id->appl_ver_id,
        .reset_on_logon = c->resets_on_logon,
        .max_message = c->max_message,
    };
}

static struct rl_soup_session_config soup_config(const struct rl_serve_ouch_identity *id)
{
    return (struct rl_soup_session_config){
        .username = id->username, .password = id->password, .session = "REDLINE"};
}

static size_t store_bytes(const struct rl_serve_config *c)
{
    return c->store_dir ? 0 : rl_memory_store_bytes(c->store_bytes, c->store_messages);
}

size_t rl_serve_fix_peer_bytes(const struct rl_serve_config *c)
{
    struct rl_serve_identity id = {.begin_string = "FIXT.1.1", .appl_ver_id = '9'};
    struct rl_fix_session_config config;

    memcpy(id.sender, longest_name, sizeof id.sender);
    memcpy(id.target, longest_name, sizeof id.target);
    config = fix_config(c, &id);
    return rl_fix_session_bytes(&config) + store_bytes(c) + 4 * RL_CACHE_LINE;
}

size_t rl_serve_ouch_peer_bytes(const struct rl_serve_config *c)
{
    struct rl_serve_ouch_identity id = {.username = "......", .password = ".........."};
    struct rl_soup_session_config config = soup_config(&id);

    return rl_soup_session_bytes(&config) + store_bytes(c) + 4 * RL_CACHE_LINE;
}

/* --- stores ----------------------------------------------------------------------------------- */

/*
 * A file name made of names that somebody else chose: what is no letter, digit, '-' or '_' is
 * written as its code, and what gets too long ends with its hash.
 */
static void put_name(char *out, size_t n_max, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325ULL;
    size_t n = 0;

    for (const char *p = name; *p; p++) {
        uint8_t c = (uint8_t)*p;

        hash = (hash ^ c) * 0x100000001b3ULL;
        if (n + 24 > n_max)
            continue;
        if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '_')
            out[n++] = (char)c;
        else
            n += (size_t)snprintf(out + n, n_max - n, ".%02x", c);
    }
    if (n + 24 > n_max)
        n += (size_t)snprintf(out + n, n_max - n, ".%016llx", (unsigned long long)hash);
    out[n] = '\0';
}

/* A file of its own, or a piece of the arena. -errno: s->why says more. */
static int open_store(struct rl_serve *s, struct rl_serve_peer *p, const char *whose)
{
    const struct rl_serve_config *c = &s->config;
    char path[PATH_MAX_BYTES], name[160];
    const char *why = NULL;
    int err;

    if (!c->store_dir)
        return rl_memory_store_init(&p->memory, &s->arena, c->store_bytes, c->store_messages,
                                    rl_serve_utc(s));
    put_name(name, sizeof name, whose);
    if (snprintf(path, sizeof path, "%s/%s.store", c->store_dir, name) >= (int)sizeof path)
        return -ENAMETOOLONG;
    err = rl_file_store_open(&p->file, path, whose, c->store_bytes, c->store_messages,
                             rl_serve_utc(s), &why);
    if (err)
        snprintf(s->why, sizeof s->why, "%s.store: %s", name, why ? why : strerror(-err));
    return err;
}

static void close_store(struct rl_serve *s, struct rl_serve_peer *p)
{
    if (s->config.store_dir)
        rl_file_store_close(&p->file);
}

/* --- sessions --------------------------------------------------------------------------------- */

static void start_peer(struct rl_serve *s, struct rl_serve_peer *p, uint32_t number,
                       enum rl_serve_protocol protocol, const struct rl_serve_rules *rules)
{
    *p = (struct rl_serve_peer){.protocol = (uint8_t)protocol,
                                .number = number,
                                .handle = RL_SERVE_NOBODY,
                                .armed_ns = RL_NEVER,
                                .serve = s,
                                .rules = *rules};
}

struct rl_serve_peer *rl_serve_add_fix(struct rl_serve *s, const struct rl_serve_identity *id,
                                       enum rl_serve_drop *why)
{
    struct rl_fix_session_config config = fix_config(&s->config, id);
    struct rl_serve_peer *p = &s->peers[s->n_fix_peers];
    int version = rl_fix_version_of(id->begin_string, id->appl_ver_id);
    size_t n_used = s->arena.n_used;
    char whose[RL_STORE_NAME];

    *why = RL_SERVE_DROP_NO_SESSION;
    if (s->n_fix_peers == s->config.n_fix_sessions || version < 0)
        return NULL;
    start_peer(s, p, s->n_fix_peers, RL_SERVE_FIX, &id->rules);
    p->version = (uint8_t)version;
    config.dict = s->config.dicts[version];
    snprintf(whose, sizeof whose, "%s %s %s", id->begin_string, id->sender, id->target);
    if (open_store(s, p, whose) < 0) {
        *why = RL_SERVE_DROP_STORE;
        s->arena.n_used = n_used;
        return NULL;
    }
    if (rl_fix_session_init(&p->fix, &s->arena, &config, &p->store, NULL) < 0 ||
        rl_fix_acceptor_add(&s->acceptor, &p->fix) < 0) {
        close_store(s, p);
        s->arena.n_used = n_used;
        return NULL;
    }
    p->fix.user = p;
    s->n_fix_peers++;
    return p;
}

struct rl_serve_peer *rl_serve_add_ouch(struct rl_serve *s, const struct rl_serve_ouch_identity *id,
                                        enum rl_serve_drop *why)
{
    struct rl_soup_session_config config = soup_config(id);
    uint32_t number = s->config.n_fix_sessions + s->n_ouch_peers;
    struct rl_serve_peer *p = &s->peers[number];
    size_t n_used = s->arena.n_used;
    char whose[RL_STORE_NAME];

    *why = RL_SERVE_DROP_NO_SESSION;
    if (s->n_ouch_peers == s->config.n_ouch_sessions)
        return NULL;
    start_peer(s, p, number, RL_SERVE_OUCH, &id->rules);
    snprintf(p->firm, sizeof p->firm, "%s", id->firm[0] ? id->firm : "RDLN");
    snprintf(whose, sizeof whose, "OUCH %s", id->username);
    if (open_store(s, p, whose) < 0) {
        *why = RL_SERVE_DROP_STORE;
        s->arena.n_used = n_used;
        return NULL;
    }
    if (rl_soup_session_init(&p->soup, &s->arena, &config, &p->store) < 0) {
        close_store(s, p);
        s->arena.n_used = n_used;
        return NULL;
    }
    p->soup.user = p;
    s->soups[s->n_ouch_peers++] = &p->soup;
    return p;
}

void rl_serve_close_peers(struct rl_serve *s)
{
    for (uint32_t i = 0; s->peers && i < s->n_fix_peers; i++)
        close_store(s, &s->peers[i]);
    for (uint32_t i = 0; s->peers && i < s->n_ouch_peers; i++)
        close_store(s, &s->peers[s->config.n_fix_sessions + i]);
}

/* --- connections ------------------------------------------------------------------------------ */

void rl_serve_greet(struct rl_serve *s, struct rl_tcp_conn *c, enum rl_serve_protocol protocol)
{
    *rl_serve_link_of(s, c) = (struct rl_serve_link){.protocol = (uint8_t)protocol};
    if (s->config.logon_ns > 0)
        rl_tcp_wake_at(c, rl_tcp_now_ns(&s->tcp) + s->config.logon_ns);
}

struct rl_serve_peer *rl_serve_due(struct rl_serve *s, struct rl_tcp_conn *c)
{
    struct rl_serve_link *link = rl_serve_link_of(s, c);

    if (link->deaf_until_ns && link->deaf_until_ns <= rl_tcp_now_ns(&s->tcp)) {
        link->deaf_until_ns = 0;
        rl_tcp_deafen(c, false);
    }
    if (link->peer)
        link->peer->armed_ns = RL_NEVER;
    else
        rl_serve_drop(s, c, RL_SERVE_BY_US, RL_SERVE_DROP_LOGON_TIMEOUT);
    return link->peer;
}

struct rl_serve_peer *rl_serve_part(struct rl_serve *s, struct rl_tcp_conn *c, enum rl_tcp_end why)
{
    struct rl_serve_link *link = rl_serve_link_of(s, c);
    struct rl_serve_peer *p = link->peer;

    rl_serve_count_end(s, link, why);
    link->is_over = true;
    link->peer = NULL;
    if (p) {
        p->conn = NULL;
        p->armed_ns = RL_NEVER;
    }
    return p;
}
