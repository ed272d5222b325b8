#include "rig/exchange/md_fix.h"

#include <errno.h>

#include "rig/exchange/md_fix_inner.h"

#define DEFAULT_DEPTH 256
#define DEFAULT_TRADES 256
#define DEFAULT_ENTRIES 40

const char *const rl_md_fix_counter_names[] = {
#define NAME(name, what) #name,
    RL_MD_FIX_COUNTERS(NAME)
#undef NAME
        NULL};

enum rl_md_fix_version rl_md_fix_version_of(const char *begin_string, char appl_ver_id)
{
    static const char *const names[] = {
        [RL_MD_FIX_42] = "FIX.4.2", [RL_MD_FIX_43] = "FIX.4.3", [RL_MD_FIX_44] = "FIX.4.4"};

    for (int i = 0; i <= RL_MD_FIX_44; i++)
        if (strcmp(begin_string, names[i]) == 0)
            return (enum rl_md_fix_version)i;
    if (strcmp(begin_string, "FIXT.1.1") != 0)
        return RL_MD_FIX_N_VERSIONS;
    return appl_ver_id == '7'   ? RL_MD_FIX_50
           : appl_ver_id == '8' ? RL_MD_FIX_50SP1
                                : RL_MD_FIX_50SP2;
}

/* --- set-up ----------------------------------------------------------------------------------- */

static void complete(struct rl_md_fix_config *c)
{
    c->n_depth = c->n_depth ? c->n_depth : DEFAULT_DEPTH;
    c->n_per_session = c->n_per_session ? c->n_per_session : c->n_subscriptions;
    c->n_trades = c->n_trades ? c->n_trades : DEFAULT_TRADES;
    c->n_entries = c->n_entries ? c->n_entries : DEFAULT_ENTRIES;
}

static size_t side_bytes(const struct rl_md_fix_config *c)
{
    return c->n_depth * sizeof(struct rl_book_depth) + RL_CACHE_LINE;
}

size_t rl_md_fix_bytes(const struct rl_md_fix_config *config)
{
    struct rl_md_fix_config c = *config;

    complete(&c);
    return c.n_instruments * (sizeof(struct rl_md_fix_book) + sizeof(uint32_t)) +
           2 * (c.n_instruments + 1ull) * side_bytes(&c) +
           c.n_sessions * sizeof(struct rl_md_fix_session) +
           c.n_subscriptions * sizeof(struct rl_md_fix_subscription) +
           c.n_trades * sizeof(struct rl_md_fix_trade) + 8 * RL_CACHE_LINE;
}

static bool take_levels(struct rl_book_depth *levels[2], struct rl_arena *arena,
                        const struct rl_md_fix_config *c)
{
    for (int side = 0; side < 2; side++) {
        levels[side] = rl_arena_take(arena, c->n_depth * sizeof *levels[side], RL_CACHE_LINE);
        if (!levels[side])
            return false;
    }
    return true;
}

int rl_md_fix_init(struct rl_md_fix *md, struct rl_arena *arena,
                   const struct rl_md_fix_config *config)
{
    struct rl_md_fix_config c = *config;

    complete(&c);
    if (!c.venue || !c.books || !c.send || c.n_instruments == 0 || c.n_sessions == 0 ||
        c.n_subscriptions == 0 || c.n_entries > RL_MD_FIX_ENTRIES)
        return -EINVAL;
    memset(md, 0, sizeof *md);
    md->config = c;
    md->books = rl_arena_take(arena, c.n_instruments * sizeof *md->books, RL_CACHE_LINE);
    md->dirty = rl_arena_take(arena, c.n_instruments * sizeof *md->dirty, RL_CACHE_LINE);
    md->sessions = rl_arena_take(arena, c.n_sessions * sizeof *md->sessions, RL_CACHE_LINE);
    md->subscriptions =
        rl_arena_take(arena, c.n_subscriptions * sizeof *md->subscriptions, RL_CACHE_LINE);
    md->trades = rl_arena_take(arena, c.n_trades * sizeof *md->trades, RL_CACHE_LINE);
    if (!md->books || !md->dirty || !md->sessions || !md->subscriptions || !md->trades ||
        !take_levels(md->fresh, arena, &c))
        return -ENOMEM;
    for (uint32_t i = 0; i < c.n_instruments; i++)
        if (!take_levels(md->books[i].levels, arena, &c))
            return -ENOMEM;
    for (uint32_t i = c.n_subscriptions; i > 0; i--) {
        md->subscriptions[i - 1].next_of_session = md->free;
        md->free = i;
    }
    return 0;
}

/* --- subscriptions ---------------------------------------------------------------------------- */

struct rl_md_fix_subscription *rl_md_fix_add(struct rl_md_fix *md, const struct rl_md_fix_wish *w,
                                             uint32_t instrument)
{
    struct rl_md_fix_session *session = &md->sessions[w->handle];
    struct rl_md_fix_book *b = &md->books[instrument];
    struct rl_md_fix_subscription *s;
    uint32_t number = md->free, *at;

    if (number == 0 || session->n_subscriptions == md->config.n_per_session)
        return NULL;
    s = &md->subscriptions[number - 1];
    md->free = s->next_of_session;
    *s = (struct rl_md_fix_subscription){.kind = (uint8_t)w->kind,
                                         .types = w->types,
                                         .is_full = w->is_full,
                                         .handle = w->handle,
                                         .instrument = instrument,
                                         .depth = w->depth ? w->depth : UINT32_MAX,
                                         .n_id = (uint8_t)w->n_id};
    memcpy(s->id, w->id, w->n_id);
    /* At the ends: who came first is told first. */
    for (at = &b->first; *at; at = &md->subscriptions[*at - 1].next_of_book)
        ;
    *at = number;
    for (at = &session->first; *at; at = &md->subscriptions[*at - 1].next_of_session)
        ;
    *at = number;
    session->n_subscriptions++;
    return s;
}

void rl_md_fix_remove(struct rl_md_fix *md, struct rl_md_fix_subscription *s)
{
    struct rl_md_fix_session *session = &md->sessions[s->handle];
    uint32_t number = (uint32_t)(s - md->subscriptions) + 1;
    uint32_t *at = &md->books[s->instrument].first;

    while (*at != number)
        at = &md->subscriptions[*at - 1].next_of_book;
    *at = s->next_of_book;
    for (at = &session->first; *at != number; at = &md->subscriptions[*at - 1].next_of_session)
        ;
    *at = s->next_of_session;
    session->n_subscriptions--;
    session->n_stale -= s->is_stale;
    md->n_stale -= s->is_stale;
    s->kind = RL_MD_FIX_FREE;
    s->next_of_session = md->free;
    md->free = number;
}

struct rl_md_fix_subscription *rl_md_fix_named(struct rl_md_fix *md, uint32_t handle,
                                               enum rl_md_fix_kind kind, const uint8_t *id,
                                               uint32_t n_id)
{
    uint32_t i = md->sessions[handle].first;

    for (; i; i = md->subscriptions[i - 1].next_of_session) {
        struct rl_md_fix_subscription *s = &md->subscriptions[i - 1];

        if (s->kind == kind && s->n_id == n_id && memcmp(s->id, id, n_id) == 0)
            return s;
    }
    return NULL;
}

/* --- sessions --------------------------------------------------------------------------------- */

static void end_session(struct rl_md_fix *md, uint32_t handle)
{
    while (md->sessions[handle].first)
        rl_md_fix_remove(md, &md->subscriptions[md->sessions[handle].first - 1]);
    md->sessions[handle] = (struct rl_md_fix_session){0};
}

void rl_md_fix_close(struct rl_md_fix *md, uint32_t handle)
{
    struct rl_md_fix_session *session = &md->sessions[handle];

    if (handle >= md->config.n_sessions || session->is_closing)
        return;
    if (md->is_telling) { /* its subscriptions are being walked */
        session->is_closing = true;
        md->n_closing++;
    } else {
        end_session(md, handle);
    }
}

void rl_md_fix_tells(struct rl_md_fix *md, bool is_telling)
{
    md->is_telling = is_telling;
    for (uint32_t h = 0; !is_telling && md->n_closing > 0; h++)
        if (md->sessions[h].is_closing) {
            end_session(md, h);
            md->n_closing--;
        }
}

int rl_md_fix_open(struct rl_md_fix *md, uint32_t handle, enum rl_md_fix_version version)
{
    if (handle >= md->config.n_sessions || version >= RL_MD_FIX_N_VERSIONS || md->is_telling)
        return -EINVAL;
    end_session(md, handle);
    md->sessions[handle].is_open = true;
    md->sessions[handle].version = (uint8_t)version;
    return 0;
}

void rl_md_fix_hold(struct rl_md_fix *md, uint32_t handle, bool is_held)
{
    if (handle < md->config.n_sessions)
        md->sessions[handle].is_held = is_held;
}

void rl_md_fix_pace(struct rl_md_fix *md, uint32_t handle, uint64_t interval_ns)
{
    if (handle < md->config.n_sessions)
        md->sessions[handle].interval_ns = interval_ns;
}

/* --- events ----------------------------------------------------------------------------------- */

static void mark(struct rl_md_fix *md, uint32_t instrument)
{
    struct rl_md_fix_book *b = &md->books[instrument];

    if (b->is_dirty)
        return;
    b->is_dirty = true;
    md->dirty[md->n_dirty++] = instrument;
}

/* Both sides of a trade are told, one after the other; it is one trade. */
static void traded(struct rl_md_fix *md, const struct rl_match_event *e, bool is_bust)
{
    uint64_t *told = is_bust ? &md->busted : &md->traded;
    struct rl_md_fix_book *b = &md->books[e->instrument];
    struct rl_md_fix_trade *t;

    if (*told == e->match)
        return;
    *told = e->match;
    if (md->n_trades == md->config.n_trades) {
        rl_md_fix_tells(md, true);
        rl_md_fix_trades(md);
        rl_md_fix_tells(md, false);
    }
    t = &md->trades[md->n_trades];
    *t = (struct rl_md_fix_trade){.match = e->match,
                                  .qty = e->qty,
                                  .ts_ns = e->ts_ns,
                                  .px_nano = e->px_nano,
                                  .instrument = e->instrument,
                                  .is_bust = is_bust};
    if (!is_bust)
        b->last = *t;
    else if (b->last.match == e->match)
        b->last.qty = 0; /* it never was */
    if (b->first == 0)
        return;
    b->has_trades = true;
    md->n_trades++;
}

void rl_md_fix_told(void *context, const struct rl_match_event *e)
{
    struct rl_md_fix *md = context;

    md->now_ns = e->ts_ns > md->now_ns ? e->ts_ns : md->now_ns;
    if (e->instrument >= md->config.n_instruments)
        return;
    if (e->kind == RL_MATCH_EVENT_FILL || e->kind == RL_MATCH_EVENT_BUSTED)
        traded(md, e, e->kind == RL_MATCH_EVENT_BUSTED);
    if (e->shown_before != 0 || e->shown != 0)
        mark(md, e->instrument);
    if (e->kind == RL_MATCH_EVENT_PHASED) {
        md->books[e->instrument].is_phased = true;
        mark(md, e->instrument);
    }
}

/* Whole books for those who missed something and may have them now; when the next may. */
static uint64_t catch_up(struct rl_md_fix *md, uint64_t now_ns)
{
    uint64_t due_ns = UINT64_MAX;

    for (uint32_t h = 0; h < md->config.n_sessions && md->n_stale > 0; h++) {
        struct rl_md_fix_session *session = &md->sessions[h];
        uint32_t i = session->first;

        if (session->n_stale == 0 || session->is_held)
            continue;
        if (now_ns < session->due_ns) {
            due_ns = due_ns < session->due_ns ? due_ns : session->due_ns;
            continue;
        }
        session->due_ns = now_ns + session->interval_ns;
        for (; i && session->n_stale > 0; i = md->subscriptions[i - 1].next_of_session) {
            struct rl_md_fix_subscription *s = &md->subscriptions[i - 1];

            if (!s->is_stale)
                continue;
            s->is_stale = false;
            session->n_stale--;
            md->n_stale--;
            md->n.conflated += !s->is_full;
            rl_md_fix_snapshot(md, s);
        }
    }
    return due_ns;
}

uint64_t rl_md_fix_turn(struct rl_md_fix *md, uint64_t now_ns)
{
    uint64_t due_ns;

    md->now_ns = now_ns > md->now_ns ? now_ns : md->now_ns;
    rl_md_fix_tells(md, true);
    rl_md_fix_trades(md);
    for (uint32_t i = 0; i < md->n_dirty; i++) {
        struct rl_md_fix_book *b = &md->books[md->dirty[i]];

        b->is_dirty = false;
        if (b->first)
            rl_md_fix_update(md, md->dirty[i]);
        b->is_phased = false;
    }
    md->n_dirty = 0;
    due_ns = md->n_stale > 0 ? catch_up(md, md->now_ns) : UINT64_MAX;
    rl_md_fix_tells(md, false);
    return due_ns;
}
