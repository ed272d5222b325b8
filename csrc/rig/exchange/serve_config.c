#include "base/mix.h"
#include "rig/exchange/serve_inner.h"

#define MS 1000000ULL
#define S (1000 * MS)
#define NS_PER_MINUTE (60 * S)

void rl_serve_config_init(struct rl_serve_config *config)
{
    *config = (struct rl_serve_config){
        .match = {.n_instruments = 256,
                  .n_orders = 1 << 17,
                  .n_levels_per_side = 4096,
                  .n_trades = 1 << 16,
                  .tick_nano = 10000000, /* 0.01 */
                  .max_qty = 100000000},
        .n_connections = 1024,
        .n_bytes_rx = 1 << 16,
        .n_bytes_tx = 1 << 18,
        .stall_ns = 10 * S,
        .logon_ns = 10 * S,
        .n_fix_sessions = 256,
        .n_ouch_sessions = 64,
        .takes_any = true,
        .takes_any_ouch = true,
        .rules = {.stp = RL_MATCH_STP_NONE},
        .max_message = 1 << 14,
        .max_garbage = 1 << 16,
        .store_bytes = 1 << 20,
        .store_messages = 1 << 13,
    };
}

static bool is_power_of_two(uint64_t n)
{
    return n > 0 && (n & (n - 1)) == 0;
}

bool rl_serve_has_md_lines(const struct rl_serve_config *c)
{
    return c->md_lines[0].n_bytes > 0 || c->md_lines[1].n_bytes > 0;
}

const char *rl_serve_objection(const struct rl_serve_config *c)
{
    if (c->fix.n_bytes == 0 && c->ouch.n_bytes == 0)
        return "neither FIX nor OUCH is served: nobody could trade";
    if (c->n_connections == 0 || c->n_connections > 1 << 20)
        return "connections are 1 to 1,048,576";
    if (c->n_fix_sessions == 0 || c->n_ouch_sessions == 0)
        return "there must be room for a session";
    if (c->n_identities > c->n_fix_sessions || c->n_ouch_identities > c->n_ouch_sessions)
        return "more sessions are listed than there is room for";
    if (!is_power_of_two(c->n_bytes_rx) || !is_power_of_two(c->n_bytes_tx) ||
        c->n_bytes_rx < 4096 || c->n_bytes_tx < 4096)
        return "buffers are powers of two, from 4096 bytes";
    if (c->max_message < 1024 || c->max_message > c->n_bytes_rx)
        return "the longest message is 1024 bytes at least, and fits the receive buffer";
    if (!is_power_of_two(c->store_bytes) || !is_power_of_two(c->store_messages))
        return "what a session can send again: sizes are powers of two";
    if (c->n_crowd > 0 && (c->crowd_rate_per_s == 0 || c->crowd_rate_per_s > 1000000000))
        return "the crowd's rate is 1 to 1,000,000,000 messages a second";
    if (c->n_symbols > c->match.n_instruments)
        return "more symbols than the venue has room for";
    if (c->md_requests.n_bytes > 0 && !rl_serve_has_md_lines(c))
        return "retransmission without a line of market data";
    if (rl_serve_has_md_lines(c))
        return rl_md_itch_objection(&c->match);
    return NULL;
}

struct rl_tcp_config rl_serve_tcp_config(struct rl_serve *s)
{
    const struct rl_serve_config *c = &s->config;

    return (struct rl_tcp_config){
        .n_connections = c->n_connections,
        .n_listeners = 2,
        .n_bytes_rx = c->n_bytes_rx,
        .n_bytes_tx = c->n_bytes_tx,
        .n_bytes_sndbuf = c->n_bytes_tx, /* who reads nothing is noticed, and holds no more */
        .n_bytes_rcvbuf = 2 * c->n_bytes_rx,
        .stall_ns = c->stall_ns,
        .linger_ns = 1 * S,
        .spins = c->spins,
        .context = s,
    };
}

struct rl_fix_gateway_config rl_serve_fix_config(const struct rl_serve *s)
{
    const struct rl_serve_config *c = &s->config;
    uint64_t utc_ns = rl_serve_utc(s);

    return (struct rl_fix_gateway_config){
        /* More than can be live, so that the status of what has ended can be asked for. */
        .n_orders = c->match.n_orders + c->match.n_orders / 2,
        .n_sessions = c->n_fix_sessions,
        .seed = rl_mix(utc_ns),
        .first_id = utc_ns / NS_PER_MINUTE << 34, /* numbers of today are none of yesterday's */
    };
}

struct rl_ouch_gateway_config rl_serve_ouch_config(const struct rl_serve_config *c)
{
    return (struct rl_ouch_gateway_config){
        .n_slots = c->ouch.n_bytes > 0 ? c->match.n_orders : 16,
        .n_members = c->match.n_owners,
    };
}

struct rl_md_fix_config rl_serve_md_fix_config(struct rl_serve *s)
{
    const struct rl_serve_config *c = &s->config;

    return (struct rl_md_fix_config){
        .venue = &s->venue,
        .books = s->venue.match ? rl_match_books(s->venue.match) : NULL,
        .n_instruments = c->match.n_instruments,
        .n_sessions = c->n_fix_sessions,
        .n_subscriptions = 16 * c->n_fix_sessions + 2 * c->match.n_instruments,
        .send = rl_serve_md_fix_send,
        .context = s,
    };
}

struct rl_md_itch_config rl_serve_md_itch_config(struct rl_serve *s)
{
    const struct rl_serve_config *c = &s->config;

    return (struct rl_md_itch_config){
        .venue = &s->venue,
        .books = s->venue.match ? rl_match_books(s->venue.match) : NULL,
        .session = c->md_session,
        .n_instruments = c->match.n_instruments,
        .n_orders = c->match.n_orders,
        .n_levels_per_side = c->match.n_levels_per_side,
        .send = rl_serve_md_send,
        .answer = rl_serve_md_answer,
        .context = s,
    };
}

size_t rl_serve_arena_bytes(struct rl_serve *s)
{
    const struct rl_serve_config *c = &s->config;
    struct rl_venue_config venue = {.match = c->match};
    struct rl_tcp_config tcp = rl_serve_tcp_config(s);
    struct rl_fix_gateway_config fix = rl_serve_fix_config(s);
    struct rl_ouch_gateway_config ouch = rl_serve_ouch_config(c);
    struct rl_md_fix_config md_fix = rl_serve_md_fix_config(s);
    struct rl_md_itch_config md_itch = rl_serve_md_itch_config(s);
    struct rl_udp_config udp = {.n_bytes_datagram = RL_MD_PACKET_MAX};
    size_t n_peers = (size_t)c->n_fix_sessions + c->n_ouch_sessions;
    size_t n = rl_venue_bytes(&venue) + rl_tcp_bytes(&tcp) + rl_fix_gateway_bytes(&fix) +
               rl_ouch_gateway_bytes(&ouch) + rl_fix_acceptor_bytes(c->n_fix_sessions) +
               rl_md_fix_bytes(&md_fix) + sizeof(struct rl_md_fix);

    n += c->n_connections * sizeof(struct rl_serve_link);
    n += n_peers * (sizeof(struct rl_serve_peer) + 3 * sizeof(void *));
    n += c->n_fix_sessions * rl_serve_fix_peer_bytes(c);
    n += c->n_ouch_sessions * rl_serve_ouch_peer_bytes(c);
    if (rl_serve_has_md_lines(c))
        n += rl_md_itch_bytes(&md_itch) + sizeof(struct rl_md_itch) + 3 * rl_udp_bytes(&udp);
    if (c->n_crowd > 0)
        n += rl_crowd_bytes() + sizeof(struct rl_crowd);
    if (c->mischief)
        n += rl_mischief_bytes(c->mischief, c->match.n_owners) + sizeof(struct rl_mischief);
    return n + 64 * RL_CACHE_LINE;
}
