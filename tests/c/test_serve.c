/*
 * Clients of every version log on over TCP, trade with each other, are cut off and get what they
 * missed; the exchange says goodbye when it closes.
 */
#include "serve_peers.h"

static struct fix_client a, b;

static void test_two_clients_trade(void)
{
    struct rl_serve_config config = small_exchange();
    const char *m;

    open_exchange(&config);
    client_open(&a, "FIX.4.2", "ALICE");
    client_open(&b, "FIX.4.4", "BOB");
    client_logon(&a, "");
    client_logon(&b, "");
    client_order(&a, "a1", '1', 100, "10.50");
    m = client_hear(&a);
    CHECK_SAYS(m, "35=8");
    CHECK_SAYS(m, "150=0");
    CHECK_SAYS(m, "11=a1");
    client_order(&b, "b1", '2', 60, "10.50");
    m = client_hear(&b);
    CHECK_SAYS(m, "150=0");
    m = client_hear(&b);
    CHECK_SAYS(m, "150=F"); /* as 4.4 has it ... */
    CHECK_SAYS(m, "32=60");
    CHECK_SAYS(m, "39=2");
    m = client_hear(&a);
    CHECK_SAYS(m, "150=1"); /* ... and as 4.2 does */
    CHECK_SAYS(m, "151=40");
    CHECK_EQ(counted().trades, 1);
    CHECK_EQ(counted().orders, 2);
    CHECK_EQ(counted().sessions, 2);
    client_close(&a);
    client_close(&b);
    close_exchange();
}

static void test_every_version_is_given_a_session(void)
{
    static const char *const versions[] = {"FIX.4.0", "FIX.4.1", "FIX.4.2",
                                           "FIX.4.3", "FIX.4.4", "FIXT.1.1"};
    struct rl_serve_config config = small_exchange();

    open_exchange(&config);
    for (size_t i = 0; i < RL_COUNT(versions); i++) {
        client_open(&a, versions[i], "ANYBODY");
        client_logon(&a, "");
        client_order(&a, "1", '1', 100, "10.50");
        CHECK_SAYS(client_hear(&a), "35=8");
        client_say(&a, "5", "");
        CHECK_SAYS(client_hear_a(&a, "5"), "35=5");
        CHECK(client_hear(&a) == NULL);
        client_close(&a);
    }
    CHECK_EQ(counted().sessions, RL_COUNT(versions));
    SERVE_UNTIL(ended().fix[RL_FIX_BYE_LOGOUT] == RL_COUNT(versions));
    close_exchange();
}

static void test_what_was_missed_is_sent_again(void)
{
    struct rl_serve_config config = small_exchange();
    const char *m;

    open_exchange(&config);
    client_open(&a, "FIX.4.4", "ALICE");
    client_open(&b, "FIX.4.4", "BOB");
    client_logon(&a, "");
    client_logon(&b, "");
    client_order(&a, "a1", '1', 100, "10.50");
    CHECK_SAYS(client_hear(&a), "34=2");
    client_close(&a);
    SERVE_UNTIL(ended().tcp[RL_TCP_PEER_CLOSED] == 1);
    client_order(&b, "b1", '2', 100, "10.50"); /* his order is still there, he is not */
    client_hear(&b);
    CHECK_SAYS(client_hear(&b), "150=F");
    {
        uint64_t next = a.next_out;

        client_open(&a, "FIX.4.4", "ALICE");
        a.next_out = next;
    }
    client_logon(&a, "");
    client_say(&a, "2", "7=3|16=0|");
    m = client_hear(&a);
    CHECK_SAYS(m, "34=3");
    CHECK_SAYS(m, "43=Y");
    CHECK_SAYS(m, "150=F");
    CHECK_SAYS(m, "11=a1");
    CHECK(counted().resent > 0);
    client_close(&a);
    client_close(&b);
    close_exchange();
}

static void test_orders_go_with_their_connection_where_that_is_agreed(void)
{
    struct rl_serve_config config = small_exchange();
    struct rl_serve_identity identities[] = {
        {.begin_string = "FIX.4.4",
         .sender = "REDLINE",
         .target = "STAYS",
         .rules = {.cancels_on_disconnect = false}},
        {.begin_string = "FIX.4.4",
         .sender = "REDLINE",
         .target = "GOES",
         .rules = {.cancels_on_disconnect = true}},
    };

    config.identities = identities;
    config.n_identities = 2;
    config.takes_any = false;
    open_exchange(&config);
    for (int i = 0; i < 2; i++) {
        client_open(&a, "FIX.4.4", identities[i].target);
        client_logon(&a, "");
        client_order(&a, "1", '1', 100, "10.50");
        CHECK_SAYS(client_hear(&a), "150=0");
        client_close(&a);
        SERVE_UNTIL(ended().tcp[RL_TCP_PEER_CLOSED] == (uint64_t)i + 1);
        CHECK_EQ(rl_serve_venue(serve)->n.cancelled_on_disconnect, i);
    }
    client_open(&a, "FIX.4.4", "STRANGER");
    client_say(&a, "A", "98=0|108=30|");
    CHECK(client_hear(&a) == NULL);
    CHECK_EQ(ended().fix[RL_FIX_BYE_UNKNOWN], 1);
    client_close(&a);
    close_exchange();
}

static void test_a_second_connection_of_a_session_is_refused(void)
{
    struct rl_serve_config config = small_exchange();

    open_exchange(&config);
    client_open(&a, "FIX.4.4", "ALICE");
    client_logon(&a, "");
    client_open(&b, "FIX.4.4", "ALICE");
    client_say(&b, "A", "98=0|108=30|");
    CHECK(client_hear(&b) == NULL);
    CHECK_EQ(ended().fix[RL_FIX_BYE_TWICE], 1);
    client_say(&a, "1", "112=still there|");
    CHECK_SAYS(client_hear(&a), "112=still there");
    client_close(&a);
    client_close(&b);
    close_exchange();
}

static void test_one_byte_at_a_time_and_fifty_at_once_say_the_same(void)
{
    struct rl_serve_config config = small_exchange();
    static char stream[50 * 512];
    char message[8192];
    uint32_t n = 0, n_message;

    open_exchange(&config);
    client_open(&a, "FIX.4.4", "ALICE");
    client_logon(&a, "");
    n_message = client_write(&a, message, "1", "112=slowly|");
    for (uint32_t i = 0; i < n_message; i++)
        client_put(&a, message + i, 1);
    CHECK_SAYS(client_hear(&a), "112=slowly");
    for (int i = 0; i < 50; i++) {
        char body[128];

        snprintf(body, sizeof body, "11=o%d|21=1|55=AAPL|54=1|60=%s|38=100|40=2|44=9.99|", i,
                 utc_text());
        n += client_write(&a, stream + n, "D", body);
    }
    client_put(&a, stream, n);
    for (int i = 0; i < 50; i++) {
        char field[16];

        snprintf(field, sizeof field, "11=o%d", i);
        CHECK_SAYS(client_hear(&a), field);
    }
    client_close(&a);
    close_exchange();
}

static void test_quiet_clients_hear_heartbeats(void)
{
    struct rl_serve_config config = small_exchange();

    open_exchange(&config);
    client_open(&a, "FIX.4.4", "ALICE");
    client_say(&a, "A", "98=0|108=1|");
    CHECK_SAYS(client_hear(&a), "35=A");
    CHECK_SAYS(client_hear(&a), "35=0");
    client_close(&a);
    close_exchange();
}

static void test_closing_says_goodbye(void)
{
    struct rl_serve_config config = small_exchange();

    open_exchange(&config);
    client_open(&a, "FIX.4.4", "ALICE");
    client_open(&b, "FIX.4.4", "NOBODY YET");
    client_logon(&a, "");
    serve_settle();
    rl_serve_stop(serve);
    rl_serve_stop(serve);
    CHECK_SAYS(client_hear(&a), "35=5");
    client_say(&a, "5", "");
    CHECK(client_hear(&a) == NULL);
    CHECK(client_hear(&b) == NULL);
    client_close(&a);
    client_close(&b);
    SERVE_UNTIL(rl_serve_is_quiet(serve));
    CHECK_EQ(ended().fix[RL_FIX_BYE_LOGOUT], 1);
    CHECK_EQ(ended().drops[RL_SERVE_DROP_CLOSING], 1);
    close_exchange();
}

static void test_a_config_that_makes_no_sense_says_what(void)
{
    struct rl_serve_config config = small_exchange(), other;
    const char *where, *why;

    other = config;
    other.fix.n_bytes = 0;
    CHECK_EQ(rl_serve_open(&serve, &other, &where, &why), -EINVAL);
    CHECK(strstr(why, "nobody could trade"));
    other = config;
    other.max_message = config.n_bytes_rx + 1;
    CHECK_EQ(rl_serve_open(&serve, &other, &where, &why), -EINVAL);
    CHECK(strstr(why, "longest message"));
    open_exchange(&config);
    other = config;
    other.fix = rl_serve_address(serve, RL_SERVE_FIX);
    {
        struct rl_serve *second;

        CHECK_EQ(rl_serve_open(&second, &other, &where, &why), -EADDRINUSE);
        CHECK(second == NULL);
        CHECK(strcmp(where, "fix") == 0);
    }
    close_exchange();
    close_exchange();
}

int main(void)
{
    test_two_clients_trade();
    test_every_version_is_given_a_session();
    test_what_was_missed_is_sent_again();
    test_orders_go_with_their_connection_where_that_is_agreed();
    test_a_second_connection_of_a_session_is_refused();
    test_one_byte_at_a_time_and_fifty_at_once_say_the_same();
    test_quiet_clients_hear_heartbeats();
    test_closing_says_goodbye();
    test_a_config_that_makes_no_sense_says_what();
    return 0;
}
