/* FIX: a stream of bytes gives the same messages however it is split, and garbage costs no more. */
#include "fix_message.h"

#include "market/fix/fix.h"

enum { MAX_MESSAGES = 64 };

static struct rl_fix_field fields[RL_FIX_MAX_FIELDS];

/* What came out of a stream: where each message began and how it was read. */
struct seen {
    uint32_t n;
    uint32_t at[MAX_MESSAGES], n_bytes[MAX_MESSAGES], n_fields[MAX_MESSAGES];
    enum rl_fix_result result[MAX_MESSAGES];
    uint32_t n_garbage; /* bytes */
};

struct reader {
    const uint8_t *stream;
    uint32_t from, to; /* what is there and not yet used */
    struct seen seen;
};

/* `to` more bytes are there: everything that can be read of them, in memory of exactly that size.
 */
static void advance(struct reader *r, uint32_t to)
{
    struct rl_fix_msg m;

    rl_fix_init(&m, fields, RL_FIX_MAX_FIELDS);
    r->to = to;
    while (r->from < r->to) {
        uint32_t n = r->to - r->from, n_used;
        uint8_t *copy = malloc(n);
        enum rl_fix_result result;

        CHECK(copy != NULL);
        memcpy(copy, r->stream + r->from, n);
        result = rl_fix_next(&m, copy, n, &n_used);
        CHECK(n_used <= n);
        CHECK_EQ(result == RL_FIX_PARTIAL, n_used == 0);
        if (result == RL_FIX_OK || result == RL_FIX_REJECT ||
            (result == RL_FIX_GARBLED && rl_fix_frame(copy, n, &(uint32_t){0}) == RL_FIX_OK)) {
            CHECK(r->seen.n < MAX_MESSAGES);
            r->seen.at[r->seen.n] = r->from;
            r->seen.n_bytes[r->seen.n] = n_used;
            r->seen.n_fields[r->seen.n] = m.n_fields;
            r->seen.result[r->seen.n++] = result;
        } else {
            r->seen.n_garbage += n_used;
        }
        free(copy);
        r->from += n_used;
        if (n_used == 0)
            return;
    }
}

static uint32_t append(uint8_t *stream, uint32_t n, const char *text)
{
    memcpy(stream + n, text, strlen(text));
    return n + (uint32_t)strlen(text);
}

static uint32_t append_message(uint8_t *stream, uint32_t n, const char *body, bool is_right)
{
    static struct message m;

    message_frame(&m, "FIX.4.4", (const uint8_t *)body, (uint32_t)strlen(body), 0);
    if (!is_right)
        m.bytes[m.n - 2] = m.bytes[m.n - 2] == '9' ? '0' : (uint8_t)(m.bytes[m.n - 2] + 1);
    memcpy(stream + n, m.bytes, m.n);
    return n + m.n;
}

/* Messages, one with a wrong checksum, one with a wrong field, raw data that looks like messages,
 * and garbage that does. */
static uint32_t make_stream(uint8_t *stream)
{
    uint32_t n = 0;

    n = append_message(stream, n, "35=0\00134=1\001", true);
    n = append_message(
        stream, n, "35=B\00195=26\00196=8=FIX.4.4\0019=5\00135=0\00110=163\001\00158=x\001", true);
    n = append(stream, n, "garbage 8=FI 8=FIX.4.4\0019=x");
    n = append_message(stream, n, "35=D\00111=A\00155=MSFT\00154=1\00138=100\00144=12.5\001", true);
    n = append_message(stream, n, "35=D\00111=B\001", false);
    n = append(stream, n, "8=FIX.4.4\0019=5\00135=1\001xx=163\001"); /* BodyLength leads nowhere */
    n = append_message(stream, n, "35=D\00111=\001", true);
    n = append(stream, n, "8");
    n = append_message(stream, n, "35=5\00158=bye\001", true);
    return n;
}

static void test_a_stream_is_read_to_its_messages_and_past_garbage(void)
{
    static const enum rl_fix_result results[] = {RL_FIX_OK,      RL_FIX_OK,     RL_FIX_OK,
                                                 RL_FIX_GARBLED, RL_FIX_REJECT, RL_FIX_OK};
    uint8_t stream[1024];
    struct reader r = {.stream = stream};

    advance(&r, make_stream(stream));
    CHECK_EQ(r.seen.n, RL_COUNT(results));
    for (uint32_t i = 0; i < RL_COUNT(results); i++)
        CHECK_EQ(r.seen.result[i], results[i]);
    CHECK_EQ(r.seen.n_garbage, 26 + 26 + 1);
    CHECK_EQ(r.from, r.to);
}

static void test_every_split_of_a_stream_gives_the_same_messages(void)
{
    uint8_t stream[1024];
    const uint32_t n = make_stream(stream);

    for (enum rl_fix_path path = RL_FIX_SCALAR; path < RL_FIX_N_PATHS; path++) {
        struct reader whole = {.stream = stream};

        if (rl_fix_use(path) != 0)
            continue;
        advance(&whole, n);
        for (uint32_t at = 0; at <= n; at++) { /* in two pieces */
            struct reader r = {.stream = stream};

            advance(&r, at);
            advance(&r, n);
            CHECK(memcmp(&r.seen, &whole.seen, sizeof r.seen) == 0);
        }
        for (uint32_t step = 1; step <= 64; step++) { /* in pieces of one size, one byte too */
            struct reader r = {.stream = stream};

            for (uint32_t at = 0; at < n; at += step)
                advance(&r, at);
            advance(&r, n);
            CHECK(memcmp(&r.seen, &whole.seen, sizeof r.seen) == 0);
        }
    }
}

static void test_random_streams_split_at_random_give_the_same_messages(void)
{
    static struct message m;
    static uint8_t stream[MESSAGE_MAX * 9];
    uint64_t random = 23;

    for (uint32_t i = 0; i < 1500; i++) {
        struct reader whole = {.stream = stream}, r = {.stream = stream};
        uint32_t n = 0;

        for (uint32_t k = 0; k < 1 + i % 8; k++) {
            message_random(&m, &random);
            if (check_random(&random) % 3 == 0)
                message_mutate(&m, &random);
            memcpy(stream + n, m.bytes, m.n);
            n += m.n;
        }
        advance(&whole, n);
        for (uint32_t at = 0; at < n; at += 1 + (uint32_t)(check_random(&random) % (n / 4 + 1)))
            advance(&r, at);
        advance(&r, n);
        CHECK(memcmp(&r.seen, &whole.seen, sizeof r.seen) == 0);
    }
}

static void test_what_may_become_a_message_is_kept_and_nothing_else(void)
{
    static const struct {
        const char *text;
        enum rl_fix_result result;
        uint32_t n_used;
    } cases[] = {
        {"8", RL_FIX_PARTIAL, 0},
        {"x", RL_FIX_GARBLED, 1},
        {"8=FIX", RL_FIX_PARTIAL, 0},
        {"8=FIX.4.4\0019=5\00135=0\00110=163", RL_FIX_PARTIAL, 0},
        {"8=FIX.4.4\0019=5\00135=0\00110=163\001", RL_FIX_OK, 26},
        {"8=FIX.4.4\0019=5\00135=0\00110=163\0018=F", RL_FIX_OK, 26},
        {"xx8=F", RL_FIX_GARBLED, 2},
        {"xxxxx", RL_FIX_GARBLED, 5},
        {"8=GIX8=FIX", RL_FIX_GARBLED, 5},
        {"8=FIX.4.4\0018=FIX", RL_FIX_GARBLED, 10},
        {"8=FIX.4.4\0019=2000000\001", RL_FIX_GARBLED, 20}, /* larger than any message */
        {"8=FIX.4.4\0019=5\00135=0\00110=164\001", RL_FIX_GARBLED, 26},
        {"8=FIX.4.4\0019=4\00135=\00110=113\001x", RL_FIX_GARBLED, 26}, /* shorter than any */
        {"8=FIX.4.4\0019=5\00134=0\00110=162\001", RL_FIX_GARBLED, 26}, /* MsgType is third */
    };
    struct rl_fix_msg m;

    rl_fix_init(&m, fields, RL_FIX_MAX_FIELDS);
    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        uint32_t n_used;

        m.n_fields = m.type = m.ref_off = m.n_bytes = 77; /* of the one before */
        CHECK_EQ(rl_fix_next(&m, (const uint8_t *)cases[i].text, strlen(cases[i].text), &n_used),
                 cases[i].result);
        CHECK_EQ(n_used, cases[i].n_used);
        CHECK(cases[i].result == RL_FIX_OK || m.what != NULL);
        CHECK(m.bytes == (const uint8_t *)cases[i].text);
        CHECK_EQ(m.n_bytes, n_used);
        CHECK(cases[i].result == RL_FIX_OK || (m.n_fields == 0 && m.type == 0));
        CHECK(n_used == 26 || m.ref_off == 0);
    }
    CHECK_EQ(rl_fix_next(&m, NULL, 0, &(uint32_t){0}), RL_FIX_PARTIAL);
}

int main(void)
{
    test_a_stream_is_read_to_its_messages_and_past_garbage();
    test_every_split_of_a_stream_gives_the_same_messages();
    test_random_streams_split_at_random_give_the_same_messages();
    test_what_may_become_a_message_is_kept_and_nothing_else();
    return 0;
}
