#include <string.h>

#include "rig/exchange/serve_inner.h"

const char *const rl_serve_counter_names[] = {
#define RL_SERVE_NAME(name, what) #name,
    RL_SERVE_COUNTERS(RL_SERVE_NAME)
#undef RL_SERVE_NAME
        NULL};

const char *rl_serve_drop_text(enum rl_serve_drop why)
{
    static const char *const texts[] = {
#define RL_SERVE_TEXT(name, text) text,
        RL_SERVE_DROPS(RL_SERVE_TEXT)
#undef RL_SERVE_TEXT
    };

    return why < RL_SERVE_N_DROPS ? texts[why] : "?";
}

void rl_serve_count_end(struct rl_serve *s, const struct rl_serve_link *link, enum rl_tcp_end why)
{
    if (why != RL_TCP_ASKED || link->ended == RL_SERVE_BY_TCP)
        s->ends.tcp[why]++;
    else if (link->ended == RL_SERVE_BY_US)
        s->ends.drops[link->why]++;
    else if (link->ended == RL_SERVE_BY_FIX)
        s->ends.fix[link->why]++;
    else
        s->ends.soup[link->why]++;
}

size_t rl_serve_n_bytes(const struct rl_serve *s)
{
    return s->arena.n_bytes;
}

struct rl_address rl_serve_address(const struct rl_serve *s, enum rl_serve_protocol protocol)
{
    return protocol == RL_SERVE_FIX ? s->fix_at : s->ouch_at;
}

struct rl_address rl_serve_md_requests(const struct rl_serve *s)
{
    struct rl_address none = {.n_bytes = 0};

    return s->md_requests.watch.fd >= 0 ? s->md_requests.address : none;
}

const struct rl_venue *rl_serve_venue(const struct rl_serve *s)
{
    return &s->venue;
}

const struct rl_mischief_counters *rl_serve_mischief(const struct rl_serve *s)
{
    return s->mischief ? &s->mischief->n : NULL;
}

static void count_sessions(const struct rl_serve *s, struct rl_serve_counters *n)
{
    for (uint32_t i = 0; i < s->n_fix_peers; i++) {
        const struct rl_fix_session_counts *c = &s->peers[i].fix.counts;

        n->messages_in += c->n_in;
        n->messages_out += c->n_out;
        n->resent += c->n_resent;
        n->garbled += c->n_garbled;
        n->session_rejects += c->n_rejected;
    }
    for (uint32_t i = 0; i < s->n_ouch_peers; i++) {
        const struct rl_soup_session_counts *c = &s->soups[i]->counts;

        n->messages_in += c->n_in;
        n->messages_out += c->n_out;
        n->resent += c->n_resent;
        n->session_rejects += c->n_rejected;
    }
}

void rl_serve_count(const struct rl_serve *s, struct rl_serve_counters *n,
                    struct rl_serve_ends *ends)
{
    *n = s->n;
    count_sessions(s, n);
    n->connections = s->tcp.n.accepted;
    n->refused = s->tcp.n.refused_full + s->tcp.n.refused_files;
    n->bytes_in = s->tcp.n.bytes_in;
    n->bytes_out = s->tcp.n.bytes_out;
    n->orders = s->fix.n.orders + s->n_ouch_orders;
    n->rejects =
        s->fix.n.rejected + s->fix.n.cancel_rejects + s->ouch.n.rejected + s->ouch.n.cancel_rejects;
    n->trades = s->venue.n.trades;
    n->events = s->venue.n.events;
    n->throttled = s->venue.n.throttled;
    n->garbled += s->ouch.n.malformed;
    for (int i = 0; i < RL_MD_LINES; i++)
        n->md_lost += s->md_lines[i].n.lost;
    if (s->md_itch) {
        n->md_packets = s->md_itch->n.packets;
        n->md_messages = s->md_itch->n.messages;
        n->md_requests = s->md_itch->retransmit.n.requests + s->md_itch->snapshot.n.requests;
    }
    *ends = s->ends;
}

static void fix_status(const struct rl_serve_peer *p, struct rl_serve_status *out)
{
    const struct rl_fix_session *f = &p->fix;

    out->state = (uint8_t)f->state;
    out->appl_ver_id = f->config.appl_ver_id;
    strncpy(out->begin_string, f->config.begin_string, sizeof out->begin_string - 1);
    strncpy(out->sender, f->config.sender, sizeof out->sender - 1);
    strncpy(out->target, f->config.target, sizeof out->target - 1);
    out->messages_in = f->counts.n_in;
    out->messages_out = f->counts.n_out;
    out->resent = f->counts.n_resent;
    if (p->handle != RL_SERVE_NOBODY)
        out->member = p->serve->fix.sessions[p->handle].member;
}

static void soup_status(const struct rl_serve_peer *p, struct rl_serve_status *out)
{
    const struct rl_soup_session *f = &p->soup;

    out->state = (uint8_t)f->state;
    memcpy(out->sender, f->session, RL_SOUP_SESSION);
    memcpy(out->target, f->username, RL_SOUP_USERNAME);
    out->messages_in = f->counts.n_in;
    out->messages_out = f->counts.n_out;
    out->resent = f->counts.n_resent;
    out->member = p->handle;
}

uint32_t rl_serve_sessions(const struct rl_serve *s, struct rl_serve_status *out, uint32_t n_max)
{
    uint32_t n = s->n_fix_peers + s->n_ouch_peers;

    for (uint32_t i = 0; i < n && i < n_max; i++) {
        const struct rl_serve_peer *p =
            i < s->n_fix_peers ? &s->peers[i]
                               : &s->peers[s->config.n_fix_sessions + i - s->n_fix_peers];

        out[i] = (struct rl_serve_status){.protocol = p->protocol,
                                          .member = RL_SERVE_NOBODY,
                                          .next_in = p->store.next_in,
                                          .next_out = p->store.next_out,
                                          .logons = p->logons};
        if (p->protocol == RL_SERVE_FIX)
            fix_status(p, &out[i]);
        else
            soup_status(p, &out[i]);
        if (p->conn)
            rl_address_write(&p->conn->peer, out[i].peer);
    }
    return n;
}
