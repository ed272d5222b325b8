/*
 * SoupBinTCP sessions: logins, heartbeats, replays. A server and a client talk over a pipe that is
 * cut wherever a test likes; whatever is cut, the client gets each message once and in order.
 */
#include <errno.h>

#include "check.h"
#include "session/soup_session.h"

#define MS 1000000ULL
enum { PIPE = 1 << 14, MAX_TEXTS = 4096 };

/* One side: its session, and the bytes that it has sent. */
struct side {
    struct rl_soup_session s;
    struct rl_soup_stream in;
    uint8_t buffer[PIPE];
    uint8_t out[PIPE];
    uint32_t n_out;
    bool is_connected;
    uint32_t n_on, n_off, n_disconnects;
    enum rl_soup_cause cause;
    /* what was delivered: numbers in messages of four bytes */
    uint32_t texts[MAX_TEXTS];
    uint64_t seqs[MAX_TEXTS];
    uint32_t n_texts;
};

static struct rl_arena arena;
static struct rl_memory_store store;
static struct side server, client;
static uint64_t now;

static void on_text(struct side *x, uint32_t number);

static int step(struct side *x, const struct rl_soup_event *event);

static void act(struct side *x, const struct rl_soup_action *a)
{
    switch (a->kind) {
    case RL_SOUP_DO_SEND:
        CHECK(x->is_connected);
        CHECK(x->n_out + a->n_bytes <= PIPE);
        memcpy(x->out + x->n_out, a->bytes, a->n_bytes);
        x->n_out += a->n_bytes;
        break;
    case RL_SOUP_DO_DELIVER:
        CHECK_EQ(a->n_bytes, 4);
        CHECK(x->n_texts < MAX_TEXTS);
        x->seqs[x->n_texts] = a->seq;
        x->texts[x->n_texts++] = rl_be32(a->bytes);
        on_text(x, rl_be32(a->bytes));
        break;
    case RL_SOUP_DO_DISCONNECT:
        CHECK(x->is_connected);
        x->is_connected = false;
        x->n_disconnects++;
        x->cause = a->cause;
        break;
    case RL_SOUP_DO_LOGGED_ON:
        x->n_on++;
        break;
    case RL_SOUP_DO_LOGGED_OUT:
        x->n_off++;
        break;
    }
}

static int step(struct side *x, const struct rl_soup_event *event)
{
    int err = rl_soup_session_step(&x->s, event, now);

    for (;;) {
        for (uint32_t i = 0, n = x->s.n_actions; i < n; i++) {
            struct rl_soup_action a = x->s.actions[i];

            if (a.kind == RL_SOUP_DO_DELIVER || a.kind >= RL_SOUP_DO_LOGGED_ON)
                CHECK_EQ(i + 1, n); /* what may be answered is last */
            act(x, &a);
        }
        if (!x->s.more)
            return err;
        (void)rl_soup_session_step(&x->s, &(struct rl_soup_event){.kind = RL_SOUP_EV_CONTINUE},
                                   now);
    }
}

static int event_of(struct side *x, enum rl_soup_event_kind kind)
{
    return step(x, &(struct rl_soup_event){.kind = kind});
}

static int send_text(struct side *x, uint32_t number)
{
    uint8_t bytes[4];

    rl_put_be32(bytes, number);
    return step(x, &(struct rl_soup_event){.kind = RL_SOUP_EV_SEND, .bytes = bytes, .n_bytes = 4});
}

static bool answers; /* the server says each number back, and its negative */
static uint32_t n_answered;

static void on_text(struct side *x, uint32_t number)
{
    if (x != &server || !answers || number != n_answered + 1)
        return; /* known: it came again since it might have been lost */
    n_answered = number;
    CHECK_EQ(send_text(&server, number), 0);
    CHECK_EQ(send_text(&server, number | 1u << 31), 0);
}

/* --- the pipe --------------------------------------------------------------------------------- */

static void take(struct side *x, const uint8_t *bytes, uint32_t n)
{
    struct rl_soup p;
    size_t room;
    uint8_t *at = rl_soup_stream_room(&x->in, &room);
    enum rl_soup_result result;

    CHECK(n <= room);
    memcpy(at, bytes, n);
    rl_soup_stream_filled(&x->in, n);
    while (x->is_connected && (result = rl_soup_stream_next(&x->in, &p)) != RL_SOUP_MORE) {
        if (result == RL_SOUP_LIAR)
            event_of(x, RL_SOUP_EV_LIAR);
        else
            step(x, &(struct rl_soup_event){.kind = RL_SOUP_EV_PACKET, .packet = p});
    }
}

static void disconnected(struct side *x)
{
    if (x->is_connected) {
        x->is_connected = false;
        event_of(x, RL_SOUP_EV_DISCONNECTED);
    }
    x->n_out = 0;
}

/* Moves what was sent, at most *budget bytes of it. False: cut, or nothing moved. */
static bool pass(struct side *from, struct side *to, uint32_t *budget)
{
    uint32_t n = from->n_out < *budget ? from->n_out : *budget;
    uint8_t bytes[PIPE];

    memcpy(bytes, from->out, n);
    memmove(from->out, from->out + n, from->n_out - n);
    from->n_out -= n;
    *budget -= n;
    if (n > 0 && to->is_connected)
        take(to, bytes, n);
    return n > 0;
}

/* Until nothing moves, or the budget is used up: then the connection is cut. */
static bool talk(uint32_t *budget)
{
    bool moves = true;

    while (moves && *budget > 0) {
        moves = pass(&client, &server, budget);
        moves |= pass(&server, &client, budget);
    }
    if (*budget > 0 && client.is_connected && server.is_connected)
        return true;
    disconnected(&client);
    disconnected(&server);
    return false;
}

static void connect_sides(void)
{
    rl_soup_stream_init(&server.in, server.buffer, PIPE);
    rl_soup_stream_init(&client.in, client.buffer, PIPE);
    server.n_out = client.n_out = 0;
    server.is_connected = client.is_connected = true;
    event_of(&server, RL_SOUP_EV_CONNECTED);
    event_of(&client, RL_SOUP_EV_CONNECTED);
}

static void talk_on(void)
{
    uint32_t budget = UINT32_MAX;

    (void)talk(&budget);
}

static void open_with(const char *password, const char *session, uint64_t n_store)
{
    struct rl_soup_session_config s = {
        .username = "TRADER", .password = "secret", .session = "DAY1", .max_message = 64};
    struct rl_soup_session_config c = {
        .is_client = true, .username = "trader", .password = password, .session = session};

    if (arena.base)
        rl_arena_close(&arena);
    now = 1000 * MS;
    server = client = (struct side){0};
    answers = false;
    n_answered = 0;
    CHECK_EQ(rl_arena_open(&arena,
                           rl_memory_store_bytes(n_store * 8, n_store) + rl_soup_session_bytes(&s) +
                               rl_soup_session_bytes(&c),
                           0),
             0);
    CHECK_EQ(rl_memory_store_init(&store, &arena, n_store * 8, n_store, now), 0);
    CHECK_EQ(rl_soup_session_init(&server.s, &arena, &s, &store.store), 0);
    CHECK_EQ(rl_soup_session_init(&client.s, &arena, &c, NULL), 0);
}

static void open_sides(void)
{
    open_with("secret", NULL, 1024);
}

static void log_on(void)
{
    connect_sides();
    talk_on();
    CHECK(rl_soup_session_is_logged_on(&server.s));
    CHECK(rl_soup_session_is_logged_on(&client.s));
}

/* The client has exactly the numbers 1, 2 ... n, each once. */
static void check_has(uint32_t n)
{
    CHECK_EQ(client.n_texts, n);
    for (uint32_t i = 0; i < n; i++) {
        CHECK_EQ(client.texts[i], i + 1);
        CHECK_EQ(client.seqs[i], i + 1);
    }
}

/* --- logins ----------------------------------------------------------------------------------- */

static void test_a_login_names_the_session_and_the_next_number(void)
{
    open_sides();
    log_on();
    CHECK_EQ(server.n_on, 1);
    CHECK_EQ(client.n_on, 1);
    CHECK(rl_alpha_is(client.s.session, RL_SOUP_SESSION, "DAY1"));
    CHECK_EQ(send_text(&server, 1), 0);
    CHECK_EQ(send_text(&client, 77), 0);
    talk_on();
    check_has(1);
    CHECK_EQ(server.n_texts, 1);
    CHECK_EQ(server.texts[0], 77);
    CHECK_EQ(server.seqs[0], 0); /* what a client sends has no number */
}

static void test_a_wrong_name_password_or_session_is_rejected(void)
{
    static const struct {
        const char *password, *session;
        enum rl_soup_cause cause;
    } cases[] = {{"wrong", NULL, RL_SOUP_BYE_NOT_AUTHORIZED},
                 {"", NULL, RL_SOUP_BYE_NOT_AUTHORIZED},
                 {"secret", "DAY2", RL_SOUP_BYE_NO_SESSION},
                 {"SECRET", "day1", RL_SOUP_BYE_NONE},        /* either case will do */
                 {"secret", "      DAY1", RL_SOUP_BYE_NONE}}; /* and either padding */

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        open_with(cases[i].password, cases[i].session, 16);
        connect_sides();
        talk_on();
        CHECK_EQ(client.s.cause, cases[i].cause);
        CHECK_EQ(server.s.cause, cases[i].cause);
        CHECK_EQ(client.n_on, cases[i].cause == RL_SOUP_BYE_NONE);
        CHECK_EQ(server.n_on, client.n_on);
        CHECK_EQ(server.n_off, 0);
    }
    open_sides();
    memcpy(client.s.username, "NOBODY", 6);
    connect_sides();
    talk_on();
    CHECK_EQ(client.s.cause, RL_SOUP_BYE_NOT_AUTHORIZED);
}

static void test_a_login_gets_what_it_asks_for(void)
{
    /* wanted, first number got of 5 that were sent; 0: rejected */
    static const struct {
        uint64_t wanted, first;
    } cases[] = {{0, 6}, {1, 1}, {3, 3}, {6, 6}, {7, 0}, {UINT64_MAX, 0}};

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        uint64_t first = cases[i].first;

        open_sides();
        for (uint32_t n = 1; n <= 5; n++)
            CHECK_EQ(send_text(&server, n), 0); /* nobody is there: kept */
        client.s.next_expected = cases[i].wanted;
        connect_sides();
        talk_on();
        if (first == 0) {
            CHECK_EQ(client.s.cause, RL_SOUP_BYE_NO_SESSION);
            continue;
        }
        CHECK_EQ(send_text(&server, 6), 0);
        talk_on();
        CHECK_EQ(client.n_texts, 7 - first);
        for (uint32_t n = 0; n < client.n_texts; n++) {
            CHECK_EQ(client.texts[n], first + n);
            CHECK_EQ(client.seqs[n], first + n);
        }
    }
}

static void test_what_is_no_longer_kept_is_never_a_silent_hole(void)
{
    open_with("secret", NULL, 8);
    for (uint32_t n = 1; n <= 20; n++)
        CHECK_EQ(send_text(&server, n), 0);
    client.s.next_expected = 5;
    connect_sides();
    talk_on();
    CHECK_EQ(client.s.cause, RL_SOUP_BYE_NO_SESSION);
    client.s.next_expected = 15; /* the negative: what is kept is given */
    log_on();
    CHECK_EQ(client.n_texts, 6);
    CHECK_EQ(client.texts[0], 15);
}

static void test_a_server_that_gives_less_or_more_than_was_asked_is_seen_through(void)
{
    static const uint8_t four[] = {0, 5, 'S', 0, 0, 0, 4};
    uint8_t bytes[64];
    struct rl_soup_accepted a = {.session = "DAY1      ", .seq = 3};

    open_sides();
    client.s.next_expected = 4;
    connect_sides();
    take(&client, bytes, rl_soup_write_accepted(bytes, sizeof bytes, &a));
    take(&client, four, sizeof four); /* number 3: known */
    CHECK_EQ(client.n_texts, 0);
    take(&client, four, sizeof four);
    CHECK_EQ(client.n_texts, 1);
    CHECK_EQ(client.seqs[0], 4);
    CHECK_EQ(client.s.counts.n_duplicates, 1);

    open_sides();
    client.s.next_expected = 4;
    connect_sides();
    a.seq = 9;
    take(&client, bytes, rl_soup_write_accepted(bytes, sizeof bytes, &a));
    CHECK_EQ(client.s.counts.n_missed, 5);
    take(&client, four, sizeof four);
    CHECK_EQ(client.seqs[0], 9);
}

/* --- time ------------------------------------------------------------------------------------- */

static void test_heartbeats_go_both_ways_when_there_is_nothing_to_say(void)
{
    open_sides();
    log_on();
    CHECK_EQ(rl_soup_session_deadline(&server.s), now + 1000 * MS);
    now += 999 * MS;
    event_of(&server, RL_SOUP_EV_TIMER);
    event_of(&client, RL_SOUP_EV_TIMER);
    CHECK_EQ(server.n_out + client.n_out, 0);
    for (int i = 0; i < 40; i++) { /* longer than any silence: both stay */
        now += 1000 * MS;
        event_of(&server, RL_SOUP_EV_TIMER);
        event_of(&client, RL_SOUP_EV_TIMER);
        CHECK_EQ(server.n_out, 3);
        CHECK_EQ(server.out[2], 'H');
        CHECK_EQ(client.n_out, 3);
        CHECK_EQ(client.out[2], 'R');
        talk_on();
    }
    CHECK_EQ(server.n_texts + client.n_texts, 0);
    CHECK_EQ(server.n_disconnects + client.n_disconnects, 0);
}

static void test_who_says_nothing_is_gone(void)
{
    for (int i = 0; i < 2; i++) {
        struct side *x = i ? &server : &client;

        open_sides();
        log_on();
        for (int s = 0; s < 14; s++) {
            now += 1000 * MS;
            event_of(x, RL_SOUP_EV_TIMER);
        }
        CHECK_EQ(x->n_disconnects, 0);
        now += 1000 * MS;
        event_of(x, RL_SOUP_EV_TIMER);
        CHECK_EQ(x->n_disconnects, 1);
        CHECK_EQ(x->cause, RL_SOUP_BYE_SILENCE);
        CHECK_EQ(x->n_off, 1);
        CHECK_EQ(rl_soup_session_deadline(&x->s), UINT64_MAX);
    }
}

static void test_who_does_not_log_in_is_gone(void)
{
    open_sides();
    connect_sides();
    for (int i = 0; i < 2; i++) {
        struct side *x = i ? &server : &client;

        CHECK_EQ(rl_soup_session_deadline(&x->s), 11000 * MS);
        now = 10999 * MS;
        event_of(x, RL_SOUP_EV_TIMER);
        CHECK_EQ(x->n_disconnects, 0);
        now = 11000 * MS;
        event_of(x, RL_SOUP_EV_TIMER);
        CHECK_EQ(x->cause, RL_SOUP_BYE_LOGIN_TIMEOUT);
        CHECK_EQ(x->n_off, 0);
    }
}

/* --- ends ------------------------------------------------------------------------------------- */

static void test_a_logout_ends_the_connection_and_not_the_session(void)
{
    open_sides();
    log_on();
    CHECK_EQ(send_text(&server, 1), 0);
    talk_on();
    event_of(&client, RL_SOUP_EV_LOGOUT);
    CHECK_EQ(client.cause, RL_SOUP_BYE_LOGOUT);
    talk_on();
    CHECK_EQ(server.cause, RL_SOUP_BYE_LOGOUT);
    CHECK_EQ(send_text(&server, 2), 0);
    log_on();
    check_has(2);
    CHECK_EQ(server.n_on, 2);
    CHECK_EQ(server.n_off, 1);
}

static void test_an_ended_session_gives_what_is_left_and_is_over(void)
{
    open_sides();
    log_on();
    for (uint32_t n = 1; n <= 40; n++)
        CHECK_EQ(send_text(&server, n), 0);
    disconnected(&client);
    disconnected(&server);
    event_of(&server, RL_SOUP_EV_END);
    CHECK_EQ(send_text(&server, 99), -ESHUTDOWN);
    connect_sides();
    talk_on();
    check_has(40);
    CHECK_EQ(client.cause, RL_SOUP_BYE_END);
    CHECK_EQ(server.cause, RL_SOUP_BYE_END);
    CHECK_EQ(client.n_on, client.n_off);
    connect_sides();
    talk_on();
    CHECK_EQ(client.cause, RL_SOUP_BYE_NO_SESSION);
}

/* --- what cannot come ------------------------------------------------------------------------- */

static void test_packets_that_cannot_come_end_the_connection(void)
{
    /* by the state of who receives: packets that are of no harm */
    static const struct {
        bool is_client, is_on;
        const char *harmless;
    } cases[] = {
        {false, false, "+L"}, {false, true, "+UR"}, {true, false, "+AJ"}, {true, true, "+SUHZ"}};
    uint8_t payload[64];

    for (size_t i = 0; i < RL_COUNT(cases); i++)
        for (const char *type = "+AJSHZLURO"; *type != '\0'; type++) {
            struct side *x;
            uint8_t bytes[128];
            uint32_t n_payload = *type == 'L' ? 46 : *type == 'A' ? 30 : *type == 'J' ? 1 : 0;

            if (*type == '+' || *type == 'U' || *type == 'S')
                n_payload = 4;
            memset(payload, ' ', sizeof payload);
            payload[*type == 'L' ? 45 : 29] = '1'; /* their numbers */
            open_sides();
            if (cases[i].is_on)
                log_on();
            else
                connect_sides();
            x = cases[i].is_client ? &client : &server;
            x->n_disconnects = 0;
            take(x, bytes, rl_soup_write(bytes, sizeof bytes, (uint8_t)*type, payload, n_payload));
            if (strchr(cases[i].harmless, *type)) {
                CHECK(x->n_disconnects == 0 || x->cause != RL_SOUP_BYE_PROTOCOL);
            } else {
                CHECK_EQ(x->n_disconnects, 1);
                CHECK_EQ(x->cause, *type == 'O' && !cases[i].is_client && cases[i].is_on
                                       ? RL_SOUP_BYE_LOGOUT
                                       : RL_SOUP_BYE_PROTOCOL);
            }
        }
    open_sides();
    log_on();
    take(&server, (const uint8_t *)"GET / HTTP/1.0", 14);
    CHECK_EQ(server.cause, RL_SOUP_BYE_LIAR);
}

static void test_what_cannot_be_sent_is_refused_and_takes_no_number(void)
{
    uint8_t bytes[100] = {0};
    struct rl_soup_event e = {.kind = RL_SOUP_EV_SEND, .bytes = bytes, .n_bytes = 65};

    open_sides();
    CHECK_EQ(send_text(&client, 1), -ENOTCONN);
    log_on();
    CHECK_EQ(step(&server, &e), -EMSGSIZE);
    CHECK_EQ(store.store.next_out, 1);
    CHECK_EQ(send_text(&server, 1), 0);
    talk_on();
    check_has(1);
}

static int failing_put(struct rl_session_store *s, uint64_t seq, const uint8_t *bytes,
                       uint32_t n_bytes)
{
    (void)s, (void)seq, (void)bytes, (void)n_bytes;
    return -ENOSPC;
}

static void test_what_cannot_be_kept_is_not_sent(void)
{
    struct rl_session_store_ops ops;

    open_sides();
    log_on();
    ops = *store.store.ops;
    ops.put = failing_put;
    store.store.ops = &ops;
    CHECK_EQ(send_text(&server, 1), -ENOSPC);
    CHECK_EQ(server.cause, RL_SOUP_BYE_STORE);
    CHECK_EQ(server.n_out, 0);
}

static void test_a_config_that_makes_no_sense_is_refused(void)
{
    struct rl_soup_session s;
    struct rl_soup_session_config c = {.username = "A", .session = "B"};

    open_sides();
    CHECK_EQ(rl_soup_session_init(&s, &arena, &c, NULL), -EINVAL);
    c.username = "";
    CHECK_EQ(rl_soup_session_init(&s, &arena, &c, &store.store), -EINVAL);
    c = (struct rl_soup_session_config){.username = "A"};
    CHECK_EQ(rl_soup_session_init(&s, &arena, &c, &store.store), -EINVAL);
    c = (struct rl_soup_session_config){.is_client = true, .username = "A", .max_message = 65535};
    CHECK_EQ(rl_soup_session_init(&s, &arena, &c, NULL), -EINVAL);
}

/* --- slow readers ----------------------------------------------------------------------------- */

static void test_a_slow_reader_waits_in_the_store_and_not_in_memory(void)
{
    open_sides();
    log_on();
    server.s.is_held = true;
    for (uint32_t n = 1; n <= 500; n++)
        CHECK_EQ(send_text(&server, n), 0);
    CHECK_EQ(server.n_out, 0);
    server.s.is_held = false;
    event_of(&server, RL_SOUP_EV_CONTINUE);
    CHECK_EQ(send_text(&server, 501), 0);
    server.s.is_held = true;
    CHECK_EQ(send_text(&server, 502), 0);
    server.s.is_held = false;
    CHECK_EQ(send_text(&server, 503), 0); /* behind what waits, which goes with it */
    talk_on();
    check_has(503);
}

static void test_a_reader_too_slow_for_the_store_is_disconnected(void)
{
    open_with("secret", NULL, 8);
    log_on();
    server.s.is_held = true;
    for (uint32_t n = 1; n <= 50; n++)
        CHECK_EQ(send_text(&server, n), 0);
    server.s.is_held = false;
    event_of(&server, RL_SOUP_EV_CONTINUE);
    CHECK_EQ(server.cause, RL_SOUP_BYE_SLOW);
    CHECK_EQ(server.n_off, 1);
}

/* --- cuts ------------------------------------------------------------------------------------- */

enum { N_ASKED = 12 };

/* A client asks for numbers and gets two for each; what was not answered it asks again. */
static void ask(void)
{
    for (uint32_t n = client.n_texts / 2 + 1; n <= N_ASKED; n++)
        CHECK_EQ(send_text(&client, n), 0);
}

static void check_answers(void)
{
    CHECK_EQ(client.n_texts, 2 * N_ASKED);
    for (uint32_t i = 0; i < 2 * N_ASKED; i++) {
        CHECK_EQ(client.texts[i], (i / 2 + 1) | (i % 2) << 31);
        CHECK_EQ(client.seqs[i], i + 1);
    }
}

/* Returns how many bytes it took. The first connection is cut after `first` bytes, the second one
 * after `second`. */
static uint32_t converse(uint32_t first, uint32_t second)
{
    const uint32_t budgets[] = {first, second, UINT32_MAX};
    uint32_t left = 0;

    open_sides();
    answers = true;
    for (size_t i = 0; i < RL_COUNT(budgets); i++) {
        uint32_t budget = budgets[i];

        connect_sides();
        if (talk(&budget)) {
            ask();
            (void)talk(&budget);
        }
        left = budget;
        disconnected(&client);
        disconnected(&server);
    }
    check_answers();
    return UINT32_MAX - left;
}

static void test_a_conversation_that_is_cut_at_any_byte_goes_on_without_loss(void)
{
    uint32_t n = converse(0, 0);

    CHECK(n > 200);
    for (uint32_t first = 0; first <= n; first++)
        (void)converse(first, UINT32_MAX);
    for (uint32_t first = 0; first <= n; first += 7)
        for (uint32_t second = 0; second <= n; second += 5)
            (void)converse(first, second);
}

static void test_a_client_that_forgets_its_number_gets_things_twice(void)
{
    uint32_t budget = 300; /* the negative of the above */

    open_sides();
    answers = true;
    connect_sides();
    CHECK(talk(&budget));
    ask();
    (void)talk(&budget);
    CHECK(client.n_texts > 0);
    client.s.next_expected = 1;
    connect_sides();
    talk_on();
    CHECK_EQ(client.texts[0], 1);
    CHECK_EQ(client.seqs[client.n_texts - 1] < client.n_texts, 1);
}

/* --- the client's store, the acceptor --------------------------------------------------------- */

static void test_a_number_counts_as_received_when_the_message_has_been_dealt_with(void)
{
    static uint8_t bytes[64];
    struct rl_memory_store numbers;
    struct rl_soup_session_config c = {
        .is_client = true, .username = "trader", .password = "secret"};
    struct rl_arena other;

    open_sides();
    CHECK_EQ(rl_arena_open(&other, 65536, 0), 0);
    CHECK_EQ(rl_memory_store_init(&numbers, &other, 64, 8, now), 0);
    CHECK_EQ(rl_soup_session_init(&client.s, &other, &c, &numbers.store), 0);
    log_on();
    CHECK_EQ(send_text(&server, 1), 0);
    memcpy(bytes, server.out, server.n_out);
    take(&client, bytes, server.n_out);
    CHECK_EQ(numbers.store.next_in, 1); /* it may still be lost with the process */
    event_of(&client, RL_SOUP_EV_TIMER);
    CHECK_EQ(numbers.store.next_in, 2);
    rl_arena_close(&other);
}

static void test_an_acceptor_finds_whose_login_it_is(void)
{
    struct rl_soup_session *sessions[] = {&server.s};
    uint8_t bytes[64], reply[RL_SOUP_REPLY_MAX];
    struct rl_soup_login login = {.seq = 1};
    enum rl_soup_cause cause;
    struct rl_soup p;
    uint32_t n_reply;

    open_sides();
    memset(&login, ' ', offsetof(struct rl_soup_login, seq));
    memcpy(login.username, "traDER", 6);
    CHECK_EQ(rl_soup_read(bytes, rl_soup_write_login(bytes, sizeof bytes, &login), &p), RL_SOUP_OK);
    CHECK(rl_soup_accept(sessions, 1, &p, &cause, reply, &n_reply) == &server.s);
    CHECK(cause == RL_SOUP_BYE_NONE && n_reply == 0);
    log_on();
    CHECK(rl_soup_accept(sessions, 1, &p, &cause, reply, &n_reply) == NULL);
    CHECK(cause == RL_SOUP_BYE_TWICE && n_reply == 4 && reply[3] == 'A');
    disconnected(&server);
    CHECK(rl_soup_accept(sessions, 1, &p, &cause, reply, &n_reply) == &server.s);
    memcpy(login.username, "OTHER ", 6);
    CHECK_EQ(rl_soup_read(bytes, rl_soup_write_login(bytes, sizeof bytes, &login), &p), RL_SOUP_OK);
    CHECK(rl_soup_accept(sessions, 1, &p, &cause, reply, &n_reply) == NULL);
    CHECK(cause == RL_SOUP_BYE_NOT_AUTHORIZED && n_reply == 4);
    p.type = 'U';
    CHECK(rl_soup_accept(sessions, 1, &p, &cause, reply, &n_reply) == NULL);
    CHECK(cause == RL_SOUP_BYE_PROTOCOL && n_reply == 0);
}

int main(void)
{
    test_a_login_names_the_session_and_the_next_number();
    test_a_wrong_name_password_or_session_is_rejected();
    test_a_login_gets_what_it_asks_for();
    test_what_is_no_longer_kept_is_never_a_silent_hole();
    test_a_server_that_gives_less_or_more_than_was_asked_is_seen_through();
    test_heartbeats_go_both_ways_when_there_is_nothing_to_say();
    test_who_says_nothing_is_gone();
    test_who_does_not_log_in_is_gone();
    test_a_logout_ends_the_connection_and_not_the_session();
    test_an_ended_session_gives_what_is_left_and_is_over();
    test_packets_that_cannot_come_end_the_connection();
    test_what_cannot_be_sent_is_refused_and_takes_no_number();
    test_what_cannot_be_kept_is_not_sent();
    test_a_config_that_makes_no_sense_is_refused();
    test_a_slow_reader_waits_in_the_store_and_not_in_memory();
    test_a_reader_too_slow_for_the_store_is_disconnected();
    test_a_conversation_that_is_cut_at_any_byte_goes_on_without_loss();
    test_a_client_that_forgets_its_number_gets_things_twice();
    test_a_number_counts_as_received_when_the_message_has_been_dealt_with();
    test_an_acceptor_finds_whose_login_it_is();
    rl_arena_close(&arena);
    return 0;
}
