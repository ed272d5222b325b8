#include "rig/exchange/venue.h"

#include <errno.h>
#include <string.h>

#include "base/mix.h"

#define NANO 1000000000LL

const char *const rl_venue_counter_names[] = {
#define NAME(name, what) #name,
    RL_VENUE_COUNTERS(NAME)
#undef NAME
        NULL};

/* --- events ----------------------------------------------------------------------------------- */

void rl_venue_pass_event(struct rl_venue *v, const struct rl_match_event *e)
{
    if (e->owner >= v->n_members || !v->members[e->owner].config.told)
        return;
    v->n.told++;
    v->members[e->owner].config.told(v->members[e->owner].config.context, e);
}

static void hear(struct rl_venue *v, const struct rl_match_event *e)
{
    v->n.trades += e->kind == RL_MATCH_EVENT_FILL && e->flags & RL_MATCH_AGGRESSOR;
    v->n.cancelled_on_disconnect += e->kind == RL_MATCH_EVENT_CANCELLED && v->on_leave != 0;
    if (e->kind == RL_MATCH_EVENT_PHASED && e->instrument < v->n_instruments)
        v->instruments[e->instrument].phase = e->reason;
    for (uint32_t i = 0; i < v->n_feeds; i++)
        v->feeds[i].told(v->feeds[i].context, e);
    if (v->hook.event && v->hook.event(v->hook.context, e, v->now_ns))
        return;
    rl_venue_pass_event(v, e);
}

static void told(void *context, const struct rl_match_event *events, uint32_t n)
{
    struct rl_venue *v = context;

    v->n.events += n;
    for (uint32_t i = 0; i < n; i++)
        hear(v, &events[i]);
}

/* --- instruments ------------------------------------------------------------------------------ */

static uint32_t home_of(const struct rl_venue *v, const char *name)
{
    uint64_t words[RL_VENUE_SYMBOL / 8];

    memcpy(words, name, sizeof words);
    return (uint32_t)rl_mix(words[0] ^ rl_mix(words[1])) & v->symbol_mask;
}

/* False for a name that is none: empty, too long, or padding only. */
static bool name_of(char *name, const char *text, size_t n_bytes)
{
    while (n_bytes > 0 && (text[n_bytes - 1] == ' ' || text[n_bytes - 1] == 0))
        n_bytes--;
    if (n_bytes == 0 || n_bytes > RL_VENUE_SYMBOL)
        return false;
    memset(name, 0, RL_VENUE_SYMBOL);
    memcpy(name, text, n_bytes);
    return true;
}

/* The place in the table where the name is, or would be. */
static uint32_t place_of(const struct rl_venue *v, const char *name)
{
    uint32_t place = home_of(v, name);

    while (v->symbols[place] &&
           memcmp(v->instruments[v->symbols[place] - 1].symbol, name, RL_VENUE_SYMBOL) != 0)
        place = (place + 1) & v->symbol_mask;
    return place;
}

int rl_venue_find(const struct rl_venue *v, const char *symbol, size_t n_bytes)
{
    char name[RL_VENUE_SYMBOL];

    if (!name_of(name, symbol, n_bytes))
        return -ENOENT;
    return v->symbols[place_of(v, name)] ? (int)v->symbols[place_of(v, name)] - 1 : -ENOENT;
}

int rl_venue_list(struct rl_venue *v, const char *symbol)
{
    char name[RL_VENUE_SYMBOL];
    uint32_t place;

    if (!name_of(name, symbol, strnlen(symbol, RL_VENUE_SYMBOL + 1)))
        return -EINVAL;
    place = place_of(v, name);
    if (!v->symbols[place]) {
        if (v->n_instruments == v->n_instruments_max)
            return -ENOSPC;
        memcpy(v->instruments[v->n_instruments].symbol, name, RL_VENUE_SYMBOL);
        v->instruments[v->n_instruments].phase = RL_MATCH_OPEN;
        v->symbols[place] = ++v->n_instruments;
    }
    return (int)v->symbols[place] - 1;
}

/* --- members ---------------------------------------------------------------------------------- */

int rl_venue_feed(struct rl_venue *v, rl_venue_told *feed, void *context)
{
    if (v->n_feeds == RL_VENUE_FEEDS)
        return -ENOSPC;
    v->feeds[v->n_feeds].told = feed;
    v->feeds[v->n_feeds++].context = context;
    return 0;
}

void rl_venue_hook(struct rl_venue *v, const struct rl_venue_hook *hook)
{
    v->hook = *hook;
}

static int64_t full_of(const struct rl_venue_member_config *c)
{
    return (c->burst > 0 ? (int64_t)c->burst : 1) * NANO;
}

int rl_venue_join(struct rl_venue *v, const struct rl_venue_member_config *config)
{
    if (v->n_members == v->n_members_max)
        return -ENOSPC;
    v->members[v->n_members] = (struct rl_venue_member){
        .config = *config, .is_connected = true, .tokens = full_of(config)};
    return (int)v->n_members++;
}

void rl_venue_connect(struct rl_venue *v, uint32_t member)
{
    if (member < v->n_members)
        v->members[member].is_connected = true;
}

void rl_venue_disconnect(struct rl_venue *v, uint32_t member, uint64_t now_ns)
{
    if (member >= v->n_members || !v->members[member].is_connected)
        return;
    v->members[member].is_connected = false;
    v->n.disconnects++;
    if (!v->members[member].config.cancels_on_disconnect)
        return;
    v->on_leave = 1 + member;
    rl_venue_pass_request(v,
                          &(struct rl_match_request){.op = RL_MATCH_MASS_CANCEL,
                                                     .owner = member,
                                                     .instrument = RL_INSTRUMENT_ALL,
                                                     .side = RL_MATCH_BOTH_SIDES,
                                                     .reason = RL_MATCH_REASON_DISCONNECTED},
                          now_ns);
    v->on_leave = 0;
}

/* Cancels take risk off the market: no rate holds them back. */
static bool is_limited(const struct rl_match_request *r)
{
    return r->op == RL_MATCH_NEW || r->op == RL_MATCH_REPLACE || r->op == RL_MATCH_MODIFY;
}

static bool is_within_rate(struct rl_venue_member *m, uint64_t now_ns)
{
    int64_t full = full_of(&m->config);
    uint64_t gone_ns = now_ns > m->tokens_ns ? now_ns - m->tokens_ns : 0;
    /* Longer than this fills the bucket from empty: so the product below stays small. */
    uint64_t enough_ns = (uint64_t)full / m->config.rate_per_s + 1;

    if (gone_ns > 0) {
        m->tokens_ns = now_ns;
        m->tokens += (int64_t)((gone_ns < enough_ns ? gone_ns : enough_ns) * m->config.rate_per_s);
        m->tokens = m->tokens < full ? m->tokens : full;
    }
    if (m->tokens < NANO)
        return false;
    m->tokens -= NANO;
    return true;
}

/* --- requests --------------------------------------------------------------------------------- */

void rl_venue_pass_request(struct rl_venue *v, const struct rl_match_request *r, uint64_t now_ns)
{
    v->now_ns = now_ns > v->now_ns ? now_ns : v->now_ns;
    rl_match_take(v->match, r, v->now_ns);
}

bool rl_venue_ask(struct rl_venue *v, const struct rl_match_request *r, uint64_t now_ns)
{
    struct rl_venue_member *m = r->owner < v->n_members ? &v->members[r->owner] : NULL;

    v->n.requests++;
    if (m && m->config.rate_per_s > 0 && is_limited(r) && !is_within_rate(m, now_ns)) {
        v->n.throttled++;
        return false;
    }
    if (!v->hook.request || !v->hook.request(v->hook.context, r, now_ns))
        rl_venue_pass_request(v, r, now_ns);
    return true;
}

void rl_venue_decide(struct rl_venue *v, const struct rl_match_request *r, uint64_t now_ns)
{
    struct rl_match_request own = *r;

    if (own.op != RL_MATCH_MASS_CANCEL) /* whose orders are meant */
        own.owner = RL_MATCH_ANYBODY;
    rl_venue_pass_request(v, &own, now_ns);
}

uint64_t rl_venue_turn(struct rl_venue *v, uint64_t now_ns)
{
    uint64_t hook_ns = v->hook.turn ? v->hook.turn(v->hook.context, now_ns) : UINT64_MAX;
    uint64_t expiry_ns = rl_match_next_expiry_ns(v->match);

    if (expiry_ns <= now_ns) {
        rl_venue_pass_request(v, &(struct rl_match_request){.op = RL_MATCH_TIME}, now_ns);
        expiry_ns = rl_match_next_expiry_ns(v->match);
    }
    return hook_ns < expiry_ns ? hook_ns : expiry_ns;
}

/* --- set-up ----------------------------------------------------------------------------------- */

static uint32_t table_size(uint32_t n_instruments)
{
    uint32_t n = 16;

    while (n < 2 * n_instruments && n < 1u << 31)
        n *= 2;
    return n;
}

size_t rl_venue_bytes(const struct rl_venue_config *config)
{
    const struct rl_match_config *m = &config->match;
    size_t match = rl_match_bytes(m);

    if (match == 0)
        return 0;
    return match + sizeof(struct rl_match) + m->n_instruments * sizeof(struct rl_venue_instrument) +
           table_size(m->n_instruments) * sizeof(uint32_t) +
           m->n_owners * sizeof(struct rl_venue_member) + 4 * RL_CACHE_LINE;
}

int rl_venue_init(struct rl_venue *v, struct rl_arena *arena, const struct rl_venue_config *config)
{
    const struct rl_match_config *m = &config->match;
    uint32_t n_symbols = table_size(m->n_instruments);

    *v = (struct rl_venue){.next_id = 1,
                           .n_instruments_max = m->n_instruments,
                           .n_members_max = m->n_owners,
                           .symbol_mask = n_symbols - 1};
    v->match = rl_arena_take(arena, sizeof *v->match, RL_CACHE_LINE);
    v->instruments = rl_arena_take(arena, m->n_instruments * sizeof *v->instruments, RL_CACHE_LINE);
    v->symbols = rl_arena_take(arena, n_symbols * sizeof *v->symbols, RL_CACHE_LINE);
    v->members = rl_arena_take(arena, m->n_owners * sizeof *v->members, RL_CACHE_LINE);
    if (!v->match || !v->instruments || !v->symbols || !v->members)
        return -ENOMEM;
    memset(v->symbols, 0, n_symbols * sizeof *v->symbols);
    return rl_match_init(v->match, arena, m, (struct rl_match_sink){told, v});
}
