/*
 * A FIX session: an input is a tape of events, most of them messages of a counterparty, honest or
 * not; time, the application and a store that fails are on the tape as well. Whatever comes: what
 * goes out is FIX, its numbers rise by one and are never given out twice, what is delivered is
 * delivered once and in order, and a step ends.
 */
#include "fuzz_session.h"

#include "session/fix_frame.h"

enum { MAX_EVENTS = 200 };

static const char *const types[] = {"0", "1", "2", "3", "4", "5", "A", "D"};
enum { N_TYPES = RL_COUNT(types) };

/* --- events from the tape --------------------------------------------------------------------- */

static void receive(const uint8_t *bytes, uint32_t n)
{
    uint8_t *copy = fuzz_exactly(bytes, n);
    struct rl_fix_session *found;
    enum rl_fix_cause cause = rl_fix_admit(&w.acceptor, copy, n, &found);

    CHECK_EQ(cause == RL_FIX_BYE_NONE, found != NULL);
    CHECK(!found || (w.is_closed && !w.s.config.is_initiator));
    step(&(struct rl_fix_event){.kind = RL_FIX_EV_MESSAGE, .bytes = copy, .n_bytes = n});
    free(copy);
}

static void put_number(struct rl_fix_enc *e, uint32_t tag, struct fuzz_tape *t, uint64_t near)
{
    uint8_t how = fuzz_u8(t);

    if (how < 128)
        rl_fix_put_uint(e, tag, near + how % 4 * (how >= 64));
    else if (how < 240)
        rl_fix_put_uint(e, tag, near + how % 16 < 8 ? 0 : near + how % 16 - 8);
    else
        rl_fix_put_uint(e, tag, fuzz_u64(t));
}

/* A message as a counterparty would write it, more or less. */
static void receive_message(struct fuzz_tape *t)
{
    const struct rl_session_store *store = &w.store.store;
    uint8_t type = fuzz_u8(t), flags = fuzz_u8(t), bytes[MAX_MESSAGE];
    struct rl_fix_enc e;

    rl_fix_begin(&e, bytes, sizeof bytes,
                 flags & 1 && type >= 128 ? "FIX.4.1" : w.s.config.begin_string);
    rl_fix_put_text(&e, 35, types[type % N_TYPES]);
    put_number(&e, 34, t, store->next_in);
    if (flags & 2)
        rl_fix_put_char(&e, 43, 'Y');
    rl_fix_put_text(&e, 49, flags & 4 && type >= 192 ? "HE" : "YOU");
    rl_fix_put_time(&e, 52, w.now + (flags & 8 && type >= 192 ? 200 * FUZZ_SECOND : 0), 3);
    rl_fix_put_text(&e, 56, "ME");
    if (flags & 16)
        rl_fix_put_text(&e, 115, "BEHALF");
    if (flags & 32)
        rl_fix_put_time(&e, 122, w.now - 1 + (type >= 192), 3);
    switch (types[type % N_TYPES][0]) {
    case '1':
        rl_fix_put_text(&e, 112, "ID");
        break;
    case '2':
        put_number(&e, 7, t, store->next_out / 2);
        put_number(&e, 16, t, flags & 64 ? 0 : store->next_out);
        break;
    case '3':
        rl_fix_put_uint(&e, 45, 1);
        break;
    case '4':
        put_number(&e, 36, t, store->next_in + 1);
        if (flags & 128)
            rl_fix_put_char(&e, 123, 'Y');
        break;
    case 'A':
        rl_fix_put_uint(&e, 98, 0);
        put_number(&e, 108, t, 30);
        if (flags & 64)
            rl_fix_put_char(&e, 141, 'Y');
        if (flags & 128)
            put_number(&e, 789, t, store->next_out);
        if (w.s.config.begin_string[3] == 'T')
            rl_fix_put_char(&e, 1137, '9');
        break;
    case 'D':
        rl_fix_put_uint(&e, 11, flags);
        break;
    default:
        break;
    }
    receive(bytes, rl_fix_finish(&e));
}

/* The pieces that a stream falls into; each is shown to the session. */
static void receive_stream(const uint8_t *bytes, uint32_t n)
{
    for (uint32_t at = 0, used; at < n; at += used) {
        enum rl_fix_result r = rl_fix_cut(bytes + at, n - at, MAX_MESSAGE, &used);

        CHECK(used <= n - at && (r == RL_FIX_PARTIAL) == (used == 0));
        if (r == RL_FIX_PARTIAL)
            break;
        receive(bytes + at, used);
    }
}

/* Bytes of the tape: as they are, or as the body of a frame that holds together, '|' for SOH. */
static void receive_bytes(struct fuzz_tape *t, bool is_framed)
{
    uint8_t body[256] = {0}, bytes[512];
    uint32_t n = fuzz_u8(t), at;

    for (uint32_t i = 0; i < n; i++) {
        body[i] = fuzz_u8(t);
        body[i] = is_framed && body[i] == '|' ? RL_FIX_SOH : body[i];
    }
    if (!is_framed) {
        receive(body, n);
        receive_stream(body, n);
        return;
    }
    at = (uint32_t)sprintf((char *)bytes,
                           "8=%s\x01"
                           "9=%u\x01",
                           w.s.config.begin_string, n);
    memcpy(bytes + at, body, n);
    at += n;
    at += (uint32_t)sprintf((char *)bytes + at, "10=%03u\x01", rl_fix_sum(bytes, at));
    receive(bytes, at);
}

static void wait(struct fuzz_tape *t)
{
    uint64_t due = rl_fix_session_deadline(&w.s);
    uint8_t how = fuzz_u8(t);

    if (how < 128 && due != UINT64_MAX)
        w.now = due > w.now ? due : w.now;
    else
        w.now += how * FUZZ_SECOND / 16;
    for (int i = 0; rl_fix_session_deadline(&w.s) <= w.now; i++) {
        CHECK(i < 8); /* whatever is due is done */
        step(&(struct rl_fix_event){.kind = RL_FIX_EV_TIMER});
    }
}

static void send(struct fuzz_tape *t)
{
    static const char *const heads[] = {"", "97=Y\x01",
                                        "50=S\x01"
                                        "128=T\x01",
                                        "97=Y", "34=1\x01"};
    uint8_t how = fuzz_u8(t), body[64];
    const char *head = heads[how % RL_COUNT(heads)];
    uint32_t n = (uint32_t)sprintf((char *)body, "11=%u\x01", how);

    step(&(struct rl_fix_event){.kind = RL_FIX_EV_SEND,
                                .type = how < 200 ? "D" : types[how % N_TYPES],
                                .bytes = body,
                                .n_bytes = n - (how == 255),
                                .head = (const uint8_t *)head,
                                .n_head = (uint32_t)strlen(head)});
}

static void connect(void)
{
    if (!w.is_closed)
        return;
    w.is_closed = false;
    step(&(struct rl_fix_event){.kind = RL_FIX_EV_CONNECTED});
}

static void disconnect(void)
{
    if (w.is_closed)
        return;
    w.is_closed = true;
    w.s.n_actions = 0;
    event(&(struct rl_fix_event){.kind = RL_FIX_EV_DISCONNECTED});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_tape t = {data, data + size};

    open_world(&t);
    connect();
    for (int i = 0; i < MAX_EVENTS && t.at < t.end; i++) {
        uint8_t what = fuzz_u8(&t) % 32;

        if (what < 18)
            receive_message(&t);
        else if (what < 20)
            receive_bytes(&t, false);
        else if (what < 22)
            receive_bytes(&t, true);
        else if (what < 24)
            wait(&t);
        else if (what < 27)
            send(&t);
        else if (what == 27)
            disconnect();
        else if (what < 30)
            connect();
        else if (what == 30)
            step(&(struct rl_fix_event){.kind = RL_FIX_EV_LOGOUT, .text = "bye"});
        else
            w.n_failures = fuzz_u8(&t) % 4;
    }
    return 0;
}

/* --- seeds ------------------------------------------------------------------------------------ */

/* Of receive_message: type by its place in `types`, flags, the number as expected. */
#define MESSAGE(type, flags) 0, type, flags, 0
#define LOGON MESSAGE(6, 0), 0
#define NEXT_NEW 26, 1
#define AHEAD(type, flags) 0, type, flags, 64 + 3
#define BEHIND(type, flags) 0, type, flags, 128 + 7

size_t fuzz_seed(unsigned i, uint8_t *out)
{
    static const uint8_t hows[][2] = {{0, 4}, {0, 0x24}, {1, 4}, {0x1E, 5}, {0x21, 3}, {0x48, 2}};
    static const uint8_t tapes[][48] = {
        {LOGON, MESSAGE(7, 0), MESSAGE(7, 0), MESSAGE(1, 0), NEXT_NEW, MESSAGE(5, 0)},
        /* too early, asked for, filled */
        {LOGON, AHEAD(7, 0), AHEAD(7, 0), MESSAGE(7, 2 + 32), MESSAGE(4, 2 + 128), 1,
         MESSAGE(0, 0)},
        /* copies: honest, without their time, from the future; and none */
        {LOGON, MESSAGE(7, 0), BEHIND(7, 2 + 32), BEHIND(7, 2), BEHIND(255, 2 + 32), BEHIND(7, 0)},
        /* sent, cut off, sent meanwhile, asked for again */
        {LOGON, NEXT_NEW, NEXT_NEW, 27, NEXT_NEW, 28, LOGON, MESSAGE(2, 64), 0, 0, NEXT_NEW,
         MESSAGE(2, 0), 0, 0},
        /* time */
        {LOGON, 22, 0, 22, 0, MESSAGE(0, 0), 22, 0, 22, 0, 22, 0, 28, 22, 200, 22, 0},
        /* the store fails */
        {LOGON, 31, 1, NEXT_NEW, 28, LOGON, 31, 1, MESSAGE(7, 0), 28, 31, 2, LOGON, 28, LOGON},
        /* resets */
        {LOGON, MESSAGE(7, 0), MESSAGE(6, 64), 0, MESSAGE(4, 0), 60, MESSAGE(4, 0), 255, 30,
         MESSAGE(5, 0), 28, MESSAGE(6, 64 + 128), 0, 0},
        /* names, times, versions */
        {LOGON, MESSAGE(199, 4), MESSAGE(200, 8), MESSAGE(129, 1), MESSAGE(1, 16), MESSAGE(5, 0)},
    };
    unsigned n_tapes = RL_COUNT(tapes), n = 2;

    if (i >= n_tapes * RL_COUNT(hows))
        return 0;
    memcpy(out, hows[i / n_tapes], 2);
    memcpy(out + n, tapes[i % n_tapes], sizeof tapes[0]);
    n += sizeof tapes[0];
    /* And a frame of text, which mutations can chew. */
    out[n++] = 20;
    n += (unsigned)sprintf((char *)out + n, "%c%s", 66,
                           "35=1|34=3|49=YOU|52=20260101-00:00:00.000|56=ME|112=seed text for it|");
    return n;
}
