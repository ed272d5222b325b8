/*
 * Streams arrive whole however they are cut, ends are told once with their reason, and what does
 * not work says why.
 */
#include <pthread.h>

#include "tcp_peers.h"

static void test_bytes_come_back_one_at_a_time(void)
{
    char bytes[26], seen[26];
    int fd;

    open_server((struct rl_tcp_config){0});
    fd = client();
    for (int i = 0; i < 26; i++) {
        bytes[i] = (char)('a' + i);
        put(fd, bytes + i, 1);
        CHECK_EQ(get(fd, seen + i, 1), 1);
    }
    CHECK(memcmp(bytes, seen, 26) == 0);
    CHECK_EQ(noted.n_opened, 1);
    CHECK_EQ(noted.n_closed, 0);
    close(fd);
    TURN_UNTIL(noted.n_closed == 1);
    CHECK_EQ(noted.ended[RL_TCP_PEER_CLOSED], 1);
    CHECK_EQ(server.n.ended[RL_TCP_PEER_CLOSED], 1);
    close_server();
}

static void test_what_is_not_taken_comes_again_with_more_behind_it(void)
{
    char seen[8];
    int fd;

    open_server((struct rl_tcp_config){0});
    noted.takes_lines = true;
    fd = client();
    put(fd, "a\nb", 3);
    CHECK_EQ(get(fd, seen, 2), 2);
    settle();
    CHECK_EQ(noted.n_lines, 1);
    put(fd, "c\nd\ne", 5);
    CHECK_EQ(get(fd, seen, 5), 5);
    CHECK(memcmp(seen, "bc\nd\n", 5) == 0);
    CHECK_EQ(noted.n_lines, 3);
    close(fd);
    close_server();
}

static void test_many_messages_of_one_segment_are_answered_by_one_send(void)
{
    char bytes[100], seen[100];
    uint64_t sends;
    int fd;

    open_server((struct rl_tcp_config){0});
    noted.takes_lines = true;
    fd = client();
    settle();
    for (int i = 0; i < 100; i++)
        bytes[i] = i % 2 ? '\n' : 'm';
    sends = server.n.sends;
    put(fd, bytes, 100);
    CHECK_EQ(get(fd, seen, 100), 100);
    CHECK_EQ(noted.n_lines, 50);
    CHECK_EQ(server.n.sends - sends, 1);
    close(fd);
    close_server();
}

static void test_a_message_longer_than_the_buffer_ends_its_connection_alone(void)
{
    static char bytes[8192];
    char seen[2];
    int fd, other;

    open_server((struct rl_tcp_config){0});
    noted.takes_lines = true;
    other = client();
    fd = client();
    memset(bytes, 'x', sizeof bytes);
    bytes[4095] = '\n';
    put(fd, bytes, 4096); /* the longest one */
    CHECK_EQ(get(fd, bytes, 4096), 4096);
    bytes[4095] = 'x';
    put(fd, bytes, 4096);
    TURN_UNTIL(noted.n_closed == 1);
    CHECK_EQ(noted.ended[RL_TCP_TOO_LONG], 1);
    TURN_UNTIL(has_ended(fd));
    put(other, "y\n", 2);
    CHECK_EQ(get(other, seen, 2), 2);
    close(fd);
    close(other);
    close_server();
}

static void test_a_reset_is_told_as_one(void)
{
    int fd;

    open_server((struct rl_tcp_config){0});
    noted.takes_lines = true;
    fd = client();
    put(fd, "half a mess", 11);
    settle();
    cut(fd);
    TURN_UNTIL(noted.n_closed == 1);
    CHECK_EQ(noted.ended[RL_TCP_PEER_RESET], 1);
    CHECK_EQ(noted.error, ECONNRESET);
    close_server();
}

static void test_what_was_sent_before_the_end_arrives(void)
{
    static char bytes[60000], seen[60001];
    int fd;

    open_server((struct rl_tcp_config){0});
    fd = client();
    TURN_UNTIL(noted.last);
    memset(bytes, 'z', sizeof bytes);
    put(fd, "never read", 10); /* would make a plain close a reset, and lose all of it */
    CHECK(rl_tcp_send(noted.last, bytes, sizeof bytes));
    rl_tcp_end(noted.last);
    rl_tcp_end(noted.last);
    CHECK_EQ(noted.n_closed, 0); /* not from inside a call */
    CHECK_EQ(get(fd, seen, sizeof seen), sizeof bytes);
    CHECK_EQ(noted.n_closed, 1);
    CHECK_EQ(noted.ended[RL_TCP_ASKED], 1);
    CHECK(server.n_free < server.config.n_connections); /* he has not closed his side */
    close(fd);
    TURN_UNTIL(server.n_free == server.config.n_connections);
    close_server();
}

static void test_who_never_closes_his_side_is_forgotten(void)
{
    int fd;

    open_server((struct rl_tcp_config){.linger_ns = 20 * MS});
    fd = client();
    TURN_UNTIL(noted.last);
    rl_tcp_end(noted.last);
    TURN_UNTIL(server.n_free == server.config.n_connections);
    CHECK(has_ended(fd));
    close(fd);
    close_server();
}

static void test_our_reset_reaches_him_as_one(void)
{
    char byte;
    int fd;

    open_server((struct rl_tcp_config){0});
    fd = client();
    TURN_UNTIL(noted.last);
    rl_tcp_reset(noted.last);
    TURN_UNTIL(recv(fd, &byte, 1, 0) < 0 && errno == ECONNRESET);
    CHECK_EQ(noted.n_closed, 1);
    close(fd);
    close_server();
}

static void test_a_deaf_connection_hears_again_later(void)
{
    char seen[4];
    int fd;

    open_server((struct rl_tcp_config){.stall_ns = MS});
    fd = client();
    TURN_UNTIL(noted.last);
    rl_tcp_deafen(noted.last, true);
    CHECK(rl_tcp_send(noted.last, "ab", 2));
    put(fd, "cd", 2);
    for (int i = 0; i < 5; i++)
        rl_tcp_turn(&server, MS);
    CHECK(recv(fd, seen, 1, 0) < 0 && errno == EAGAIN);
    CHECK_EQ(noted.n_received, 0);
    CHECK_EQ(noted.n_closed, 0); /* our own silence is nobody's stall */
    rl_tcp_deafen(noted.last, false);
    CHECK_EQ(get(fd, seen, 4), 4);
    CHECK(memcmp(seen, "abcd", 4) == 0);
    close(fd);
    close_server();
}

static void test_timers_come_once_and_can_be_moved(void)
{
    int fds[3];

    open_server((struct rl_tcp_config){0});
    for (int i = 0; i < 3; i++) {
        fds[i] = client();
        TURN_UNTIL(noted.n_opened == (uint32_t)i + 1);
        rl_tcp_wake_at(noted.last, rl_tcp_now_ns(&server) + 5 * MS);
        if (i == 1)
            rl_tcp_wake_at(noted.last, RL_NEVER);
        if (i == 2)
            rl_tcp_wake_at(noted.last, rl_tcp_now_ns(&server) + 1000000 * MS);
    }
    TURN_UNTIL(noted.n_due == 1);
    for (int i = 0; i < 5; i++)
        rl_tcp_turn(&server, 2 * MS);
    CHECK_EQ(noted.n_due, 1);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    TURN_UNTIL(noted.n_closed == 3);
    CHECK_EQ(server.deadlines.n, 0); /* a slot keeps no deadline of its former owner */
    close_server();
}

static void *wake_later(void *arg)
{
    (void)arg;
    rl_loop_wake(&server.loop);
    return NULL;
}

static void test_another_thread_ends_the_wait(void)
{
    pthread_t thread;

    open_server((struct rl_tcp_config){0});
    CHECK_EQ(pthread_create(&thread, NULL, wake_later, NULL), 0);
    CHECK(rl_tcp_turn(&server, 3600000 * MS)); /* or the test takes an hour */
    pthread_join(thread, NULL);
    CHECK(!rl_tcp_turn(&server, 0));
    close_server();
}

static void test_a_port_in_use_is_refused(void)
{
    struct rl_address nowhere;

    open_server((struct rl_tcp_config){0});
    CHECK_EQ(rl_tcp_listen(&server, &server_at, &note_handler, NULL), -EADDRINUSE);
    CHECK_EQ(rl_address_read(&nowhere, "192.0.2.1:0"), 0);
    CHECK_EQ(rl_tcp_listen(&server, &nowhere, &note_handler, NULL), -EADDRNOTAVAIL);
    rl_tcp_stop_listening(&server);
    CHECK_EQ(rl_tcp_listen(&server, &server_at, &note_handler, NULL), 0); /* free again */
    CHECK_EQ(rl_tcp_listen(&server, &server_at, &note_handler, NULL), -ENOSPC);
    close_server();
}

static void test_both_ends_of_a_connection_may_be_ours(void)
{
    struct rl_tcp_conn *ours;

    open_server((struct rl_tcp_config){.connect_ns = 5000 * MS});
    noted.is_silent = true;
    ours = rl_tcp_connect(&server, &server_at, &note_handler, &noted);
    CHECK(ours != NULL && ours->user == &noted);
    CHECK(!rl_tcp_send(ours, "early", 5));
    TURN_UNTIL(noted.n_opened == 2);
    CHECK(rl_tcp_send(ours, "hello", 5));
    TURN_UNTIL(noted.n_received == 5);
    CHECK_EQ(server.n.connected, 1);
    CHECK_EQ(server.n.accepted, 1);
    close_server();
}

static void test_a_connection_that_cannot_be_made_says_so(void)
{
    struct rl_address nobody;

    open_server((struct rl_tcp_config){.connect_ns = 5000 * MS});
    nobody = server_at;
    rl_tcp_stop_listening(&server);
    CHECK(rl_tcp_connect(&server, &nobody, &note_handler, NULL) != NULL);
    TURN_UNTIL(noted.n_closed == 1);
    CHECK_EQ(noted.ended[RL_TCP_CONNECT_FAILED], 1);
    CHECK_EQ(noted.error, ECONNREFUSED);
    CHECK_EQ(noted.n_opened, 0);
    close_server();
}

static void test_a_config_that_makes_no_sense_is_refused(void)
{
    struct rl_tcp_config good = {.n_connections = 1, .n_bytes_rx = 4096, .n_bytes_tx = 4096};
    struct rl_arena arena;

    for (int i = 0; i < 4; i++) {
        struct rl_tcp_config config = good;

        config.n_connections -= i == 0;
        config.n_bytes_rx -= i == 1;
        config.n_bytes_tx = i == 2 ? 2048 : 4096;
        CHECK_EQ(rl_arena_open(&arena, i == 3 ? 4096 : 1 << 20, 0), 0);
        CHECK_EQ(rl_tcp_open(&server, &arena, &config), i == 3 ? -ENOMEM : -EINVAL);
        rl_tcp_close(&server);
        rl_arena_close(&arena);
    }
    CHECK_EQ(rl_arena_open(&arena, rl_tcp_bytes(&good), 0), 0);
    CHECK_EQ(rl_tcp_open(&server, &arena, &good), 0);
    rl_tcp_close(&server);
    rl_arena_close(&arena);
}

static void test_a_turn_allocates_nothing(void)
{
    char byte;
    int fd;

    open_server((struct rl_tcp_config){0});
    fd = client();
    rl_trap_arm();
    for (int i = 0; i < 100; i++) {
        put(fd, "x", 1);
        CHECK_EQ(get(fd, &byte, 1), 1);
    }
    rl_trap_disarm();
    CHECK_EQ(rl_trap_count(), 0);
    CHECK(rl_trap_is_linked());
    close(fd);
    close_server();
}

int main(void)
{
    test_bytes_come_back_one_at_a_time();
    test_what_is_not_taken_comes_again_with_more_behind_it();
    test_many_messages_of_one_segment_are_answered_by_one_send();
    test_a_message_longer_than_the_buffer_ends_its_connection_alone();
    test_a_reset_is_told_as_one();
    test_what_was_sent_before_the_end_arrives();
    test_who_never_closes_his_side_is_forgotten();
    test_our_reset_reaches_him_as_one();
    test_a_deaf_connection_hears_again_later();
    test_timers_come_once_and_can_be_moved();
    test_another_thread_ends_the_wait();
    test_a_port_in_use_is_refused();
    test_both_ends_of_a_connection_may_be_ours();
    test_a_connection_that_cannot_be_made_says_so();
    test_a_config_that_makes_no_sense_is_refused();
    test_a_turn_allocates_nothing();
    return 0;
}
