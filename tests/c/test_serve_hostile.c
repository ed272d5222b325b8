/*
 * Whatever a client does, the exchange goes on, says why it hung up, and serves the others.
 */
#include <sys/resource.h>

#include "serve_peers.h"

static struct fix_client good, bad;
static struct rl_serve_config config;

/* An exchange with one client who behaves. */
static void begin(void)
{
    open_exchange(&config);
    client_open(&good, "FIX.4.4", "GOOD");
    client_logon(&good, "");
}

/* He was not disturbed. */
static void end(void)
{
    client_say(&good, "1", "112=well?|");
    CHECK_SAYS(client_hear_a(&good, "0"), "112=well?");
    client_close(&good);
    close_exchange();
}

static void send_raw(int fd, const void *bytes, size_t n)
{
    size_t at = 0;

    for (int turns = 0; at < n; turns++) {
        ssize_t k = send(fd, (const char *)bytes + at, n - at, MSG_NOSIGNAL);

        CHECK(turns < MAX_TURNS);
        if (k > 0)
            at += (size_t)k;
        else if (errno != EAGAIN)
            return; /* he was hung up on: what the test is about */
        rl_serve_turn(serve, 0);
    }
}

static void test_first_messages_that_are_no_logon_end_their_connection(void)
{
    static const struct {
        const char *bytes;
        enum rl_fix_cause cause;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n8=FIX", RL_FIX_BYE_BAD_LOGON},
        {"8=FIX.4.4\0019=5\00135=A\00110=000\001", RL_FIX_BYE_BAD_LOGON},
        {"8=FIX.4.4\0019=5\00135=0\00110=163\001", RL_FIX_BYE_NO_LOGON},
        {"8=FIX.4.4\0019=5\00135=A\00110=180\001", RL_FIX_BYE_BAD_LOGON},
        {"8=FIX.9.9\0019=15\00135=A\00149=A\00156=B\00110=198\001", RL_FIX_BYE_UNKNOWN},
    };

    begin();
    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        struct rl_serve_ends before = ended(), after;
        int fd = raw_client(RL_SERVE_FIX);

        send_raw(fd, cases[i].bytes, strlen(cases[i].bytes));
        bad.fd = fd;
        SERVE_UNTIL(client_has_ended(&bad));
        serve_settle();
        after = ended();
        if (after.fix[cases[i].cause] != before.fix[cases[i].cause] + 1) {
            fprintf(stderr, "case %zu: not '%s' but", i, rl_fix_cause_text(cases[i].cause));
            for (unsigned k = 0; k < RL_FIX_BYE_N; k++)
                if (after.fix[k] != before.fix[k])
                    fprintf(stderr, " '%s'", rl_fix_cause_text(k));
            for (unsigned k = 0; k < RL_SERVE_N_DROPS; k++)
                if (after.drops[k] != before.drops[k])
                    fprintf(stderr, " '%s'", rl_serve_drop_text(k));
            fprintf(stderr, "\n");
            exit(1);
        }
        close(fd);
    }
    end();
}

static void test_a_message_beyond_the_maximum_ends_its_connection(void)
{
    static char bytes[1 << 16];
    int n;

    begin();
    for (int logged_on = 0; logged_on < 2; logged_on++) {
        client_open(&bad, "FIX.4.4", "LONG");
        if (logged_on)
            client_logon(&bad, "");
        n = snprintf(bytes, sizeof bytes, "8=FIX.4.4\0019=999999999\00135=D\00158=");
        memset(bytes + n, 'x', sizeof bytes - (size_t)n);
        send_raw(bad.fd, bytes, sizeof bytes);
        SERVE_UNTIL(client_has_ended(&bad));
        CHECK_EQ(ended().drops[RL_SERVE_DROP_OVERSIZE], logged_on + 1);
        client_close(&bad);
    }
    end();
}

static void test_the_longest_message_is_taken(void)
{
    static char text[6000];

    begin();
    memset(text, 'x', 5000);
    client_open(&bad, "FIX.4.4", "LONG");
    client_logon(&bad, "");
    client_say(&bad, "1", "112=%.3000s|", text);
    CHECK(strlen(client_hear(&bad)) > 3000);
    client_close(&bad);
    end();
}

static void test_garbage_between_messages_is_passed_over_until_it_is_too_much(void)
{
    static char garbage[4096];
    uint64_t random = 99;

    begin();
    client_open(&bad, "FIX.4.4", "NOISY");
    client_logon(&bad, "");
    for (int i = 0; i < 20; i++) {
        send_raw(bad.fd, "\001\002garbage=\001", 11);
        client_say(&bad, "1", "112=%d|", i);
        CHECK(client_hear_a(&bad, "0"));
    }
    CHECK_EQ(ended().drops[RL_SERVE_DROP_GARBAGE], 0);
    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (char)('A' + check_random(&random) % 20);
    for (int i = 0; i < 20 && !client_has_ended(&bad); i++)
        send_raw(bad.fd, garbage, sizeof garbage);
    send_raw(bad.fd, "8=", 2); /* what came so far is no message: now it shows */
    SERVE_UNTIL(ended().drops[RL_SERVE_DROP_GARBAGE] == 1);
    client_close(&bad);
    end();
}

static void test_nobody_may_stay_without_a_logon(void)
{
    int fd;

    config.logon_ns = 50 * MS;
    begin();
    fd = raw_client(RL_SERVE_FIX);
    bad.fd = fd;
    SERVE_UNTIL(client_has_ended(&bad));
    SERVE_UNTIL(ended().drops[RL_SERVE_DROP_LOGON_TIMEOUT] == 1);
    close(fd);
    end();
    config.logon_ns = 10000 * MS;
}

static void test_more_sessions_than_there_is_room_for_are_refused(void)
{
    begin();
    for (uint32_t i = 1; i <= config.n_fix_sessions; i++) {
        char name[16];

        snprintf(name, sizeof name, "N%u", i);
        client_open(&bad, "FIX.4.4", name);
        if (i < config.n_fix_sessions) {
            client_logon(&bad, "");
        } else {
            client_say(&bad, "A", "98=0|108=30|");
            CHECK(client_hear(&bad) == NULL);
            CHECK_EQ(ended().drops[RL_SERVE_DROP_NO_SESSION], 1);
        }
        client_close(&bad);
    }
    end();
}

static void test_a_reset_in_the_middle_of_a_message_costs_nobody_anything(void)
{
    begin();
    for (int i = 0; i < 20; i++) {
        struct linger at_once = {.l_onoff = 1};
        uint64_t next = i == 0 ? 1 : bad.next_out;
        char message[8192];
        uint32_t n;

        client_open(&bad, "FIX.4.4", "CUT");
        bad.next_out = next;
        client_logon(&bad, "");
        n = client_write(&bad, message, "1", "112=never whole|");
        bad.next_out--;
        send_raw(bad.fd, message, n / 2);
        CHECK_EQ(setsockopt(bad.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
        client_close(&bad);
        SERVE_UNTIL(ended().tcp[RL_TCP_PEER_RESET] == (uint64_t)i + 1);
    }
    CHECK_EQ(counted().sessions, 2);
    end();
}

/* Orders rest and are replaced by the thousand; he reads nothing of what comes of it. */
static void test_who_does_not_read_is_cut_off_and_finds_all_again(void)
{
    static char stream[1 << 16];
    uint32_t n;
    int small = 4096;

    config.stall_ns = 100 * MS;
    config.n_bytes_tx = 1 << 14;
    config.store_bytes = 1 << 22;
    config.store_messages = 1 << 14;
    begin();
    client_open(&bad, "FIX.4.4", "SLOW");
    CHECK_EQ(setsockopt(bad.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    client_logon(&bad, "");
    for (int id = 0; ended().tcp[RL_TCP_SLOW_READER] == 0; id++) {
        char body[128];
        ssize_t k;

        CHECK(id < 100000);
        snprintf(body, sizeof body, "11=s%d|21=1|55=AAPL|54=1|60=%s|38=100|40=2|44=0.01|59=3|", id,
                 utc_text());
        n = client_write(&bad, stream, "D", body);
        for (uint32_t at = 0; at < n && ended().tcp[RL_TCP_SLOW_READER] == 0;) {
            k = send(bad.fd, stream + at, n - at, MSG_NOSIGNAL);
            at += k > 0 ? (uint32_t)k : 0;
            CHECK(k > 0 || errno == EAGAIN || errno == ECONNRESET || errno == EPIPE);
            rl_serve_turn(serve, k > 0 ? 0 : MS);
        }
    }
    client_close(&bad);
    client_open(&bad, "FIX.4.4", "SLOW");
    bad.next_out = 1000000; /* too high: they will ask for more, which does not matter here */
    client_say(&bad, "A", "98=0|108=30|");
    CHECK_SAYS(client_hear_a(&bad, "A"), "35=A");
    client_say(&bad, "2", "7=2|16=0|");
    CHECK_SAYS(client_hear_a(&bad, "8"), "34=2");
    CHECK_SAYS(bad.heard, "43=Y");
    client_close(&bad);
    end();
    config = small_exchange();
}

static uint64_t resident_bytes(void)
{
    unsigned long n_pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    CHECK(f && fscanf(f, "%*u %lu", &n_pages) == 1);
    fclose(f);
    return n_pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void test_connections_come_and_go_in_the_same_memory(void)
{
    uint64_t stated, settled = 0;

    begin();
    stated = rl_serve_n_bytes(serve);
    for (int round = 0; round < 6; round++) {
        for (uint32_t i = 0; i < 2 * config.n_connections; i++) {
            static int fds[64];

            fds[i] = raw_client(RL_SERVE_FIX);
            send_raw(fds[i], "8=FIX.4.4\0019=50\00135=A", 20);
            if (i + 1 == 2 * config.n_connections) {
                serve_settle();
                for (uint32_t k = 0; k <= i; k++)
                    close(fds[k]);
            }
        }
        serve_settle();
        if (round == 2)
            settled = resident_bytes();
    }
    CHECK(counted().refused > 0);
    CHECK(resident_bytes() <= settled + (1 << 20));
    CHECK(resident_bytes() < stated + (64 << 20));
    end();
}

int main(void)
{
    config = small_exchange();
    test_first_messages_that_are_no_logon_end_their_connection();
    test_a_message_beyond_the_maximum_ends_its_connection();
    test_the_longest_message_is_taken();
    test_garbage_between_messages_is_passed_over_until_it_is_too_much();
    test_nobody_may_stay_without_a_logon();
    test_more_sessions_than_there_is_room_for_are_refused();
    test_a_reset_in_the_middle_of_a_message_costs_nobody_anything();
    test_who_does_not_read_is_cut_off_and_finds_all_again();
    test_connections_come_and_go_in_the_same_memory();
    return 0;
}
