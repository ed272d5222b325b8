/*
 * md_fix_world - a venue whose market data goes out over FIX: sessions that ask, what they are
 * sent as text, and clients that read it with the product's own parser, feed handler and books.
 */
#ifndef RL_TESTS_MD_FIX_WORLD_H
#define RL_TESTS_MD_FIX_WORLD_H

#include "md_world.h"

#include "market/fix/fix.h"
#include "rig/exchange/md_fix.h"
#include "session/fix_session.h"

#define SESSIONS 4
#define DEPTH 64

static struct world w;
static struct rl_arena arena;
static struct rl_md_fix md;

/* What was sent since, as text with '|' for SOH: "h TYPE body\n". */
static char log_text[1 << 20];
static size_t n_log;
static uint32_t n_sent[SESSIONS];
static char last_type[SESSIONS];

/* A client: a session's messages as the feed handler reads them. */
static struct client {
    struct rl_arena arena;
    struct rl_feed feed;
    struct rl_books books;
    bool is_open;
    uint64_t seq;
    uint64_t n_trades, traded_qty;
} clients[SESSIONS];
static uint32_t closes_when_told = UINT32_MAX;

static inline void client_hear(struct client *c, const char *type, const uint8_t *body,
                               uint32_t n_bytes)
{
    static uint8_t message[65536];
    struct rl_feed_cursor cursor;
    struct rl_fix_enc e;
    struct rl_update u;
    uint32_t n;

    rl_fix_begin(&e, message, sizeof message, "FIX.4.4");
    rl_fix_put_text(&e, RL_FIX_MsgType, type);
    rl_fix_put_uint(&e, RL_FIX_MsgSeqNum, ++c->seq);
    rl_fix_put_text(&e, RL_FIX_SenderCompID, "VENUE");
    rl_fix_put_text(&e, RL_FIX_TargetCompID, "CLIENT");
    rl_fix_put_time(&e, RL_FIX_SendingTime, w.now_ns, 3);
    memcpy(message + e.at, body, n_bytes);
    e.at += n_bytes;
    n = rl_fix_finish(&e);
    CHECK(n > 0);
    if (rl_feed_open(&c->feed, message, n, &cursor))
        while (rl_feed_next(&c->feed, &cursor, &u)) {
            c->n_trades += u.op == RL_OP_TRADE;
            c->traded_qty += u.op == RL_OP_TRADE ? u.qty : 0;
            (void)rl_books_apply(&c->books, &u);
        }
    CHECK(c->feed.n.bad_frames == 0 && c->feed.n.bad_messages == 0 && c->feed.n.bad_entries == 0);
    CHECK(c->feed.n.lost == 0 && c->feed.n.sizeless_entries == 0 && c->feed.n.other_entries == 0);
}

static void sent(void *context, uint32_t handle, const char *type, const uint8_t *body,
                 uint32_t n_bytes)
{
    CHECK(context == &w && handle < SESSIONS);
    CHECK(n_log + n_bytes + 16 < sizeof log_text);
    n_log += (size_t)sprintf(log_text + n_log, "%u %s ", handle, type);
    for (uint32_t i = 0; i < n_bytes; i++)
        log_text[n_log++] = body[i] == RL_FIX_SOH ? '|' : (char)body[i];
    log_text[n_log++] = '\n';
    log_text[n_log] = 0;
    n_sent[handle]++;
    last_type[handle] = *type;
    if (clients[handle].is_open)
        client_hear(&clients[handle], type, body, n_bytes);
    if (handle == closes_when_told)
        rl_md_fix_close(&md, handle);
}

static const char *take_log(void)
{
    static char text[sizeof log_text];

    memcpy(text, log_text, n_log);
    text[n_log] = 0;
    n_log = 0;
    return text;
}

static inline void client_open(uint32_t handle)
{
    struct client *c = &clients[handle];
    struct rl_feed_config feed = {.kind = RL_FEED_FIX, .n_instruments = 8};
    struct rl_books_config books = {
        .n_instruments = 8, .n_orders = 16, .n_levels_per_side = 2 * WORLD_LEVELS, .seed = 1};

    memset(c, 0, sizeof *c);
    CHECK_EQ(rl_arena_open(&c->arena, rl_feed_bytes(&feed) + rl_books_bytes(&books), 0), 0);
    CHECK_EQ(rl_feed_init(&c->feed, &c->arena, &feed), 0);
    CHECK_EQ(rl_books_init(&c->books, &c->arena, &books), 0);
    c->is_open = true;
}

static bool (*md_lie)(struct rl_match_event *);

static inline void told(void *context, const struct rl_match_event *e)
{
    struct rl_match_event copy = *e;

    (void)context;
    if (!md_lie || md_lie(&copy))
        rl_md_fix_told(&md, &copy);
}

static inline void open_with(uint32_t n_instruments, const struct rl_md_fix_config *changes)
{
    struct rl_md_fix_config c = *changes;

    world_open(&w, n_instruments, NULL);
    c.venue = &w.venue;
    c.books = rl_match_books(w.venue.match);
    c.n_instruments = n_instruments;
    c.n_sessions = SESSIONS;
    c.n_subscriptions = c.n_subscriptions ? c.n_subscriptions : 16;
    c.n_depth = c.n_depth ? c.n_depth : DEPTH;
    c.send = sent;
    c.context = &w;
    CHECK_EQ(rl_arena_open(&arena, rl_md_fix_bytes(&c), 0), 0);
    CHECK_EQ(rl_md_fix_init(&md, &arena, &c), 0);
    CHECK_EQ(rl_venue_feed(&w.venue, told, NULL), 0);
    md_lie = NULL;
    n_log = 0;
    memset(n_sent, 0, sizeof n_sent);
    closes_when_told = UINT32_MAX;
}

static inline void open_all(uint32_t n_instruments)
{
    open_with(n_instruments, &(struct rl_md_fix_config){0});
}

static inline void close_all(void)
{
    for (int i = 0; i < SESSIONS; i++)
        if (clients[i].is_open) {
            rl_arena_close(&clients[i].arena);
            clients[i].is_open = false;
        }
    rl_arena_close(&arena);
    world_close(&w);
}

static uint64_t turn(void)
{
    return rl_md_fix_turn(&md, w.now_ns);
}

/* A message from the session: `text` is its body with '|' for SOH. */
static struct rl_md_fix_refusal refusal;

static inline int say_if_it_parses(uint32_t handle, const char *type, const char *text)
{
    static struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
    static uint8_t bytes[8192];
    struct rl_fix_msg m;
    struct rl_fix_enc e;
    uint32_t n;

    rl_fix_begin(&e, bytes, sizeof bytes, "FIX.4.4");
    rl_fix_put_text(&e, RL_FIX_MsgType, type);
    rl_fix_put_uint(&e, RL_FIX_MsgSeqNum, 2);
    rl_fix_put_text(&e, RL_FIX_SenderCompID, "CLIENT");
    rl_fix_put_text(&e, RL_FIX_TargetCompID, "VENUE");
    rl_fix_put_time(&e, RL_FIX_SendingTime, w.now_ns, 3);
    for (; *text; text++)
        e.bytes[e.at++] = *text == '|' ? RL_FIX_SOH : (uint8_t)*text;
    n = rl_fix_finish(&e);
    rl_fix_init(&m, fields, RL_FIX_MAX_FIELDS);
    if (rl_fix_parse(&m, bytes, n) != RL_FIX_OK)
        return -1;
    return (int)rl_md_fix_take(&md, handle, &m, &refusal);
}

static inline enum rl_md_fix_result say(uint32_t handle, const char *type, const char *text)
{
    int result = say_if_it_parses(handle, type, text);

    CHECK(result >= 0);
    return (enum rl_md_fix_result)result;
}

#define CHECK_LOG(wanted)                                                                        \
    do {                                                                                         \
        const char *check_log = take_log();                                                      \
        if (strcmp(check_log, wanted) != 0) {                                                    \
            fprintf(stderr, "%s:%d: sent\n%swanted\n%s", __FILE__, __LINE__, check_log, wanted); \
            exit(1);                                                                             \
        }                                                                                        \
    } while (0)

#define TYPES "267=3|269=0|269=1|269=2|"

static uint64_t rest(enum rl_side side, int64_t ticks, uint64_t qty)
{
    struct rl_match_request r = world_limit(&w, side, ticks, qty);

    world_ask(&w, r);
    return r.id;
}

#endif
