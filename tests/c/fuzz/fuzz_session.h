/*
 * fuzz_session - a FIX session between a tape and a store that may fail, and what it may do.
 */
#ifndef RL_TESTS_FUZZ_SESSION_H
#define RL_TESTS_FUZZ_SESSION_H

#include "fuzz.h"

#include "../fix_session_dict.h"
#include "market/fix/encode.h"
#include "market/fix/value.h"
#include "session/fix_acceptor.h"

#define FUZZ_SECOND 1000000000ULL
#define FUZZ_START (1767225600ULL * FUZZ_SECOND)
enum { MAX_MESSAGE = 1024 };

/* --- the world -------------------------------------------------------------------------------- */

static struct world {
    struct rl_fix_session s;
    struct rl_memory_store store;
    struct rl_fix_acceptor acceptor;        /* knows the session, unless it is an initiator */
    const struct rl_session_store_ops *ops; /* the memory store's own */
    uint64_t now;
    uint32_t n_failures;      /* of the store, from now on */
    bool has_failed;          /* in this step */
    uint64_t next_new;        /* the number that must be given out next */
    uint64_t given[64];       /* out in this step ... */
    uint32_t n_given, n_sent; /* ... and how many of them were seen in actions */
    uint64_t last_delivered;
    bool is_announced, is_closed;
    uint32_t refuses; /* how the next deliveries are answered */
} w;

static int fail(void)
{
    if (w.n_failures == 0)
        return 0;
    w.n_failures--;
    w.has_failed = true;
    return -5;
}

static void give_out(uint64_t seq)
{
    CHECK_EQ(seq, w.next_new);
    CHECK(w.n_given < RL_COUNT(w.given));
    w.given[w.n_given++] = seq;
    w.next_new++;
}

static int put(struct rl_session_store *s, uint64_t seq, const uint8_t *bytes, uint32_t n)
{
    if (fail())
        return -5;
    give_out(seq);
    return w.ops->put(s, seq, bytes, n);
}

static const uint8_t *get(struct rl_session_store *s, uint64_t seq, uint32_t *n)
{
    CHECK(seq < s->next_out);
    return w.ops->get(s, seq, n);
}

static int set_next(struct rl_session_store *s, uint64_t next_out, uint64_t next_in)
{
    CHECK(next_out - s->next_out <= 1 && next_in >= s->next_in);
    if (fail())
        return -5;
    if (next_out > s->next_out)
        give_out(s->next_out);
    return w.ops->set_next(s, next_out, next_in);
}

static int reset(struct rl_session_store *s, uint64_t now)
{
    if (fail())
        return -5;
    w.next_new = 1;
    w.last_delivered = 0;
    return w.ops->reset(s, now);
}

static const struct rl_session_store_ops failing = {"failing", put, get, set_next, reset};

static void open_world(struct fuzz_tape *t)
{
    static const char *const begins[] = {"FIX.4.0", "FIX.4.1", "FIX.4.2",
                                         "FIX.4.3", "FIX.4.4", "FIXT.1.1"};
    static struct rl_arena arena;
    uint8_t how = fuzz_u8(t), more = fuzz_u8(t);
    struct rl_fix_session_config c = {
        .begin_string = begins[more % RL_COUNT(begins)],
        .sender = "ME",
        .target = "YOU",
        .is_initiator = how & 1,
        .reset_on_logon = how & 2,
        .reset_on_logout = how & 4,
        .reset_on_disconnect = how & 8,
        .sends_next_expected = how & 16,
        .never_resends = (how & 0xE0) == 0x20,
        .asks_redundantly = (how & 0xE0) == 0x40,
        .allows_empty = (how & 0xE0) == 0x60,
        .ignores_time = how & 0x80,
        .precision = more >> 6,
        .max_message = MAX_MESSAGE,
        .queue_bytes = 512,
        .queue_messages = 8,
    };

    if (strcmp(c.begin_string, "FIX.4.4") == 0 && (more & 0x20))
        c.dict = session_dict();
    /* Mapped once, empty and zero again for every input. */
    if (!arena.base)
        CHECK_EQ(rl_arena_open(&arena, 1 << 18, 0), 0);
    memset(arena.base, 0, arena.n_used);
    arena.n_used = 0;
    w = (struct world){.now = FUZZ_START, .next_new = 1, .is_closed = true};
    CHECK_EQ(rl_memory_store_init(&w.store, &arena, 8192, 64, w.now), 0);
    w.ops = w.store.store.ops;
    w.store.store.ops = &failing;
    CHECK_EQ(rl_fix_session_init(&w.s, &arena, &c, &w.store.store, NULL), 0);
    CHECK_EQ(rl_fix_acceptor_init(&w.acceptor, &arena, 1), 0);
    CHECK_EQ(rl_fix_acceptor_add(&w.acceptor, &w.s), c.is_initiator ? -22 : 0);
}

/* --- what a step may do ----------------------------------------------------------------------- */

static void look_at_sent(const struct rl_fix_action *a)
{
    struct rl_fix_field fields[128];
    struct rl_fix_msg m;
    uint64_t seq;

    rl_fix_init(&m, fields, RL_COUNT(fields));
    CHECK_EQ(rl_fix_parse(&m, a->bytes, a->n_bytes), RL_FIX_OK);
    CHECK(rl_fix_uint(&m, rl_fix_find(&m, 34, 3), &seq) && seq == a->seq);
    CHECK(rl_fix_is_text(&m, rl_fix_find(&m, 49, 3), "ME", 2));
    CHECK(rl_fix_is_text(&m, rl_fix_find(&m, 56, 3), "YOU", 3));
    CHECK(!w.is_closed);
    if (a->is_resent) {
        CHECK(a->seq < w.store.store.next_out);
        CHECK(rl_fix_char(&m, rl_fix_find(&m, 43, 3)) == 'Y' && rl_fix_find(&m, 122, 3));
    } else {
        CHECK(w.n_sent < w.n_given);
        CHECK_EQ(a->seq, w.given[w.n_sent++]);
        CHECK(!rl_fix_find(&m, 43, 3));
    }
}

static void look(bool was_kept)
{
    const struct rl_fix_session *s = &w.s;
    bool says_store = false;

    CHECK(s->n_actions <= RL_FIX_SESSION_ACTIONS);
    for (uint32_t i = 0; i < s->n_actions; i++) {
        const struct rl_fix_action *a = &s->actions[i];

        switch (a->kind) {
        case RL_FIX_DO_SEND:
            look_at_sent(a);
            was_kept = false;
            break;
        case RL_FIX_DO_DELIVER:
            CHECK(i + 1 == s->n_actions && s->more && w.is_announced);
            CHECK(a->seq > w.last_delivered && a->seq == w.store.store.next_in);
            w.last_delivered = a->seq;
            break;
        case RL_FIX_DO_DISCONNECT:
            CHECK(!w.is_closed && !w.is_announced);
            CHECK(rl_fix_cause_text(a->cause)[0] != 0);
            says_store = a->cause == RL_FIX_BYE_STORE;
            w.is_closed = true;
            break;
        case RL_FIX_DO_LOGGED_ON:
            CHECK(!w.is_announced && !w.is_closed);
            w.is_announced = true;
            break;
        case RL_FIX_DO_LOGGED_OUT:
            CHECK(w.is_announced);
            w.is_announced = false;
            break;
        }
    }
    w.n_sent += was_kept; /* without a connection: the first resend brings it */
    CHECK_EQ(w.n_sent, w.n_given);
    w.n_sent = w.n_given = 0;
    CHECK_EQ(w.store.store.next_out, w.next_new);
    CHECK_EQ(w.is_closed, s->state == RL_FIX_AWAY);
    /* What could not be stored ends the connection, if there still was one. */
    CHECK(!w.has_failed || (w.is_closed && s->counts.n_store_errors > 0));
    CHECK(!says_store || w.has_failed);
    if (w.is_closed)
        CHECK(!s->more && !w.is_announced && rl_fix_session_deadline(s) == UINT64_MAX);
    w.has_failed = false;
}

static void event(const struct rl_fix_event *e)
{
    int err = rl_fix_session_step(&w.s, e, w.now);

    look(e->kind == RL_FIX_EV_SEND && err == 0);
}

static void answer(void)
{
    static const uint8_t body[] = "11=answer\x01";
    uint32_t how = w.refuses++ % 8;

    if (how < 3)
        event(&(struct rl_fix_event){
            .kind = RL_FIX_EV_SEND, .type = "8", .bytes = body, .n_bytes = sizeof body - 1});
    else if (how == 3)
        event(&(struct rl_fix_event){.kind = RL_FIX_EV_REFUSE, .reason = RL_FIX_REFUSE_TYPE});
    else if (how == 4)
        event(&(struct rl_fix_event){.kind = RL_FIX_EV_REFUSE,
                                     .reason = RL_FIX_REFUSE_FIELD + RL_FIX_WRONG_VALUE,
                                     .tag = 11});
}

static void step(const struct rl_fix_event *e)
{
    event(e);
    for (int i = 0; w.s.more; i++) {
        CHECK(i < 4096);
        if (w.s.n_actions > 0 && w.s.actions[w.s.n_actions - 1].kind == RL_FIX_DO_DELIVER)
            answer();
        event(&(struct rl_fix_event){.kind = RL_FIX_EV_CONTINUE});
    }
}

#endif
