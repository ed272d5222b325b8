/* The first message of a connection finds its session, and a stream falls into the right pieces. */
#include "fix_sides.h"

#include "session/fix_acceptor.h"

/* --- the acceptor ----------------------------------------------------------------------------- */

enum { N_SESSIONS = 300 };

static struct side sides[N_SESSIONS];
static struct rl_arena arena;
static struct rl_fix_acceptor acceptor;

static void open_all(void)
{
    CHECK_EQ(rl_arena_open(&arena, rl_fix_acceptor_bytes(N_SESSIONS), 0), 0);
    CHECK_EQ(rl_fix_acceptor_init(&acceptor, &arena, N_SESSIONS), 0);
    for (uint32_t i = 0; i < N_SESSIONS; i++) {
        struct rl_fix_session_config c = side_config();
        char name[16];

        snprintf(name, sizeof name, "YOU%u", i / 3);
        c.target = name;
        c.begin_string = i % 3 == 0 ? "FIX.4.2" : i % 3 == 1 ? "FIX.4.4" : "FIXT.1.1";
        c.max_message = 512;
        c.queue_bytes = 512;
        c.queue_messages = 8;
        side_open(&sides[i], &c);
        CHECK_EQ(rl_fix_acceptor_add(&acceptor, &sides[i].s), 0);
    }
}

static void close_all(void)
{
    for (uint32_t i = 0; i < N_SESSIONS; i++)
        side_close(&sides[i]);
    rl_arena_close(&arena);
}

static enum rl_fix_cause admit(const char *begin_string, const char *text,
                               struct rl_fix_session **session)
{
    uint8_t bytes[SIDE_TEXT + 64];

    return rl_fix_admit(&acceptor, bytes, side_bytes(begin_string, text, bytes), session);
}

static void test_a_logon_finds_the_session_of_its_names_and_version(void)
{
    struct rl_fix_session *s;
    char text[128];

    open_all();
    for (uint32_t i = 0; i < N_SESSIONS; i++) {
        snprintf(text, sizeof text, "35=A|34=1|49=YOU%u|56=ME|98=0|108=30|", i / 3);
        CHECK_EQ(admit(sides[i].s.config.begin_string, text, &s), RL_FIX_BYE_NONE);
        CHECK(s == &sides[i].s);
        CHECK_EQ(admit("FIX.4.3", text, &s), RL_FIX_BYE_UNKNOWN);
        CHECK(s == NULL);
    }
    close_all();
}

static void test_a_session_has_one_connection(void)
{
    static const char text[] = "35=A|34=1|49=YOU7|56=ME|98=0|108=30|";
    struct side *d = &sides[22];
    struct rl_fix_session *s;

    open_all();
    CHECK_EQ(admit("FIX.4.4", text, &s), RL_FIX_BYE_NONE);
    side_event(d, RL_FIX_EV_CONNECTED);
    CHECK_EQ(admit("FIX.4.4", text, &s), RL_FIX_BYE_TWICE); /* before its Logon already */
    side_told(d, "A", 1, "98=0|108=30|");
    CHECK_EQ(admit("FIX.4.4", text, &s), RL_FIX_BYE_TWICE);
    CHECK(rl_fix_session_is_logged_on(&d->s));
    side_event(d, RL_FIX_EV_DISCONNECTED);
    CHECK_EQ(admit("FIX.4.4", text, &s), RL_FIX_BYE_NONE);
    CHECK_EQ(acceptor.n_admitted, 2);
    CHECK_EQ(acceptor.n_refused, 2);
    close_all();
}

static void test_anything_else_is_refused_with_its_reason(void)
{
    static const struct {
        const char *text;
        enum rl_fix_cause cause;
    } firsts[] = {
        {"35=A|34=1|49=YOU1|56=MEE|98=0|108=30|", RL_FIX_BYE_UNKNOWN},
        {"35=A|34=1|49=YOU|56=ME|98=0|108=30|", RL_FIX_BYE_UNKNOWN},
        {"35=A|34=1|49=ME|56=YOU1|98=0|108=30|", RL_FIX_BYE_UNKNOWN},
        {"35=0|34=1|49=YOU1|56=ME|", RL_FIX_BYE_NO_LOGON},
        {"35=AE|34=1|49=YOU1|56=ME|", RL_FIX_BYE_NO_LOGON},
        {"35=A|34=1|56=ME|98=0|108=30|", RL_FIX_BYE_BAD_LOGON},
        {"8=FIX.4.4|9=5|35=A|10=001|", RL_FIX_BYE_BAD_LOGON},
        {"8=FIX", RL_FIX_BYE_BAD_LOGON},
        {"GET / HTTP/1.1", RL_FIX_BYE_BAD_LOGON},
    };
    struct rl_fix_session *s;

    open_all();
    for (size_t i = 0; i < RL_COUNT(firsts); i++) {
        CHECK_EQ(admit("FIX.4.4", firsts[i].text, &s), firsts[i].cause);
        CHECK(s == NULL);
        CHECK(strlen(rl_fix_cause_text(firsts[i].cause)) > 5);
    }
    close_all();
}

static void test_a_session_is_added_once_and_initiators_never(void)
{
    struct rl_fix_session_config c = side_config();
    struct side d;

    open_all();
    c.target = "YOU1";
    side_open(&d, &c);
    CHECK_EQ(rl_fix_acceptor_add(&acceptor, &d.s), -17);
    side_close(&d);
    c.target = "NEW";
    side_open(&d, &c);
    CHECK_EQ(rl_fix_acceptor_add(&acceptor, &d.s), -28); /* full */
    side_close(&d);
    c.is_initiator = true;
    side_open(&d, &c);
    CHECK_EQ(rl_fix_acceptor_add(&acceptor, &d.s), -22);
    side_close(&d);
    close_all();
}

static void test_a_config_that_is_no_good_is_told_in_words(void)
{
    static const struct {
        size_t at;
        uint32_t v;
    } wrong[] = {
        {offsetof(struct rl_fix_session_config, max_message), 511},
        {offsetof(struct rl_fix_session_config, max_message), RL_FIX_MAX_MESSAGE + 1},
        {offsetof(struct rl_fix_session_config, queue_messages), 3},
        {offsetof(struct rl_fix_session_config, heartbeat_s), 86401},
        {offsetof(struct rl_fix_session_config, silence_percent), 10001},
        {offsetof(struct rl_fix_session_config, precision), 4},
    };
    static const char *const names[] = {NULL, "", "a\x01"};
    struct rl_fix_session_config c;
    struct rl_arena none = {0};
    struct rl_fix_session s;
    const char *what;

    for (size_t i = 0; i < RL_COUNT(wrong); i++) {
        c = side_config();
        memcpy((uint8_t *)&c + wrong[i].at, &wrong[i].v, sizeof wrong[i].v);
        CHECK_EQ(rl_fix_session_bytes(&c), 0);
        what = NULL;
        CHECK_EQ(rl_fix_session_init(&s, &none, &c, NULL, &what), -22);
        CHECK(what && strlen(what) > 10);
    }
    for (size_t i = 0; i < RL_COUNT(names); i++) {
        c = side_config();
        c.target = names[i];
        CHECK_EQ(rl_fix_session_init(&s, &none, &c, NULL, NULL), -22);
    }
    c = side_config();
    c.begin_string = "FIX.5.0";
    CHECK_EQ(rl_fix_session_init(&s, &none, &c, NULL, NULL), -22);
    c = side_config();
    CHECK_EQ(rl_fix_session_init(&s, &none, &c, NULL, NULL), -12);
}

/* --- the stream ------------------------------------------------------------------------------- */

static uint32_t stream_of(const char *const *texts, size_t n, uint8_t *out)
{
    uint32_t at = 0;

    for (size_t i = 0; i < n; i++)
        at += side_bytes("FIX.4.4", texts[i], out + at);
    return at;
}

/* What pieces a stream falls into when it comes cut at `cut`; "O12 G30 ..." */
static void pieces_of(const uint8_t *bytes, uint32_t n, uint32_t cut, uint32_t n_max, char *out)
{
    uint32_t at = 0, have = cut;

    out[0] = 0;
    for (;;) {
        uint32_t used;
        enum rl_fix_result r = rl_fix_cut(bytes + at, have - at, n_max, &used);

        if (r == RL_FIX_PARTIAL) {
            CHECK_EQ(used, 0);
            CHECK(have - at < n_max);
            if (have == n)
                break;
            have = n;
            continue;
        }
        CHECK(used > 0 && used <= have - at);
        out += sprintf(out, "%c%u ", r == RL_FIX_OK ? 'O' : 'G', used);
        at += used;
    }
}

static void test_messages_come_out_whole_wherever_the_stream_is_cut(void)
{
    static const char *const texts[] = {"35=0|34=2|", "35=1|34=3|112=ABC|", "35=D|34=4|11=x|"};
    uint8_t bytes[512];
    uint32_t n = stream_of(texts, RL_COUNT(texts), bytes);
    char whole[256], cut[256];

    pieces_of(bytes, n, n, 1024, whole);
    CHECK(strcmp(whole, "O32 O40 O37 ") == 0);
    for (uint32_t i = 0; i <= n; i++) {
        pieces_of(bytes, n, i, 1024, cut);
        CHECK(strcmp(whole, cut) == 0);
    }
}

static void test_a_wrong_length_swallows_up_to_the_next_checksum(void)
{
    static const char *const texts[] = {"8=FIX.4.4|9=20|35=0|34=2|10=123|", "35=0|34=3|",
                                        "35=0|34=4|"};
    static const char *const shorts[] = {"8=FIX.4.4|9=2|35=0|34=2|10=123|", "35=0|34=3|"};
    uint8_t bytes[512];
    uint32_t n = stream_of(texts, RL_COUNT(texts), bytes);
    char whole[256], cut[256];

    pieces_of(bytes, n, n, 1024, whole);
    CHECK(strcmp(whole, "G64 O32 ") == 0); /* one too many: the second goes with the first */
    for (uint32_t i = 0; i <= n; i++) {
        pieces_of(bytes, n, i, 1024, cut);
        CHECK(strcmp(whole, cut) == 0);
    }
    n = stream_of(shorts, RL_COUNT(shorts), bytes);
    pieces_of(bytes, n, n, 1024, whole);
    CHECK(strcmp(whole, "G31 O32 ") == 0);
}

static void test_what_never_ends_is_not_waited_for(void)
{
    uint8_t bytes[4096];
    uint32_t used, n;

    n = (uint32_t)sprintf((char *)bytes, "8=FIX.4.4\x01"
                                         "9=3000\x01"
                                         "35=0\x01");
    memset(bytes + n, 'x', sizeof bytes - n);
    CHECK_EQ(rl_fix_cut(bytes, 100, 1024, &used), RL_FIX_PARTIAL);
    CHECK_EQ(rl_fix_cut(bytes, 1023, 1024, &used), RL_FIX_PARTIAL);
    CHECK_EQ(rl_fix_cut(bytes, 1024, 1024, &used), RL_FIX_GARBLED);
    CHECK(used > 0 && used <= 1024);
    /* A good one that is too long for the session. */
    memset(bytes, 'x', sizeof bytes);
    n = (uint32_t)sprintf((char *)bytes, "8=FIX.4.4\x01"
                                         "9=2000\x01"
                                         "35=0\x01");
    memcpy(bytes + n - 5 + 2000 - 1,
           "\x01"
           "10=000\x01",
           8);
    CHECK_EQ(rl_fix_cut(bytes, 2100, 2100, &used), RL_FIX_OK);
    CHECK_EQ(rl_fix_cut(bytes, 2100, 1024, &used), RL_FIX_GARBLED);
    CHECK(used > 0 && used <= 2100);
}

int main(void)
{
    test_a_logon_finds_the_session_of_its_names_and_version();
    test_a_session_has_one_connection();
    test_anything_else_is_refused_with_its_reason();
    test_a_session_is_added_once_and_initiators_never();
    test_a_config_that_is_no_good_is_told_in_words();
    test_messages_come_out_whole_wherever_the_stream_is_cut();
    test_a_wrong_length_swallows_up_to_the_next_checksum();
    test_what_never_ends_is_not_waited_for();
    return 0;
}
