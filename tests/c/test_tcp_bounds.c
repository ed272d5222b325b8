/*
 * Nobody makes the server wait, grow or spin: not who reads slowly, not who sends without end, not
 * a thousand at once, not the end of the file descriptors.
 */
#include <dirent.h>
#include <sys/resource.h>

#include "tcp_peers.h"

#define MANY 1000

static char big[1 << 20];

/* Sends and does not read, until the server takes no more. */
static uint64_t push_until_full(int fd)
{
    uint64_t n_pushed = 0;

    for (int quiet = 0; quiet < 5;) {
        ssize_t n = send(fd, big, sizeof big, MSG_NOSIGNAL);

        if (n > 0) {
            n_pushed += (uint64_t)n;
            quiet = 0;
        } else {
            CHECK(errno == EAGAIN);
            quiet++;
        }
        settle();
    }
    return n_pushed;
}

static void test_who_does_not_read_is_not_read_from(void)
{
    uint64_t n_pushed, n_back = 0;
    char byte;
    int fd, other;

    open_server((struct rl_tcp_config){0});
    fd = client_with(4096);
    other = client();
    n_pushed = push_until_full(fd);
    CHECK(noted.n_received < n_pushed);
    CHECK(server.n.blocked > 0);
    CHECK_EQ(noted.n_closed, 0);
    put(other, "x", 1); /* he waits for nobody */
    CHECK_EQ(get(other, &byte, 1), 1);
    while (n_back < n_pushed) { /* all of it comes once it is read */
        size_t n = get(fd, big, n_pushed - n_back < 4096 ? n_pushed - n_back : 4096);

        CHECK(n > 0);
        n_back += n;
    }
    settle();
    CHECK_EQ(noted.n_received, n_pushed + 1);
    close(fd);
    close(other);
    close_server();
}

static void test_who_never_reads_is_disconnected_after_a_time(void)
{
    int fd, other;
    char byte;

    open_server((struct rl_tcp_config){.stall_ns = 30 * MS});
    other = client();
    fd = client_with(4096);
    for (int turns = 0; noted.n_closed == 0; turns++) {
        ssize_t n = send(fd, big, sizeof big, MSG_NOSIGNAL);

        CHECK(n > 0 || errno == EAGAIN || errno == ECONNRESET || errno == EPIPE);
        CHECK(turns < MAX_TURNS);
        rl_tcp_turn(&server, MS);
    }
    CHECK_EQ(noted.ended[RL_TCP_SLOW_READER], 1);
    CHECK_EQ(server.n_free, server.config.n_connections - 1); /* at once: nothing to wait for */
    put(other, "x", 1);
    CHECK_EQ(get(other, &byte, 1), 1);
    CHECK_EQ(noted.n_closed, 1);
    close(fd);
    close(other);
    close_server();
}

static void test_a_full_send_buffer_ends_the_connection(void)
{
    int fd;

    open_server((struct rl_tcp_config){0});
    fd = client_with(4096);
    TURN_UNTIL(noted.last);
    while (rl_tcp_send(noted.last, big, 4096)) {
        CHECK_EQ(noted.n_closed, 0);
        rl_tcp_turn(&server, 0);
    }
    TURN_UNTIL(noted.n_closed == 1);
    CHECK_EQ(noted.ended[RL_TCP_SEND_FULL], 1);
    close(fd);
    close_server();
}

static void test_one_who_floods_leaves_the_others_their_turn(void)
{
    char byte;
    int fd, other;

    open_server((struct rl_tcp_config){0});
    noted.is_silent = true;
    fd = client();
    other = client();
    settle();
    while (send(fd, big, sizeof big, MSG_NOSIGNAL) > 0)
        ;
    noted.n_received = 0;
    rl_tcp_turn(&server, 0);
    CHECK(noted.n_received > 0);
    CHECK(noted.n_received <= server.config.n_bytes_rx); /* whatever the kernel holds for us */
    noted.is_silent = false;
    put(other, "x", 1);
    rl_tcp_turn(&server, 0);
    rl_tcp_turn(&server, 0);
    CHECK_EQ(recv(other, &byte, 1, 0), 1);
    close(fd);
    close(other);
    close_server();
}

static void test_connections_beyond_the_maximum_are_closed_at_once(void)
{
    int fds[12];
    char byte;

    open_server((struct rl_tcp_config){.n_connections = 8});
    for (int i = 0; i < 12; i++)
        fds[i] = client();
    settle();
    CHECK_EQ(noted.n_opened, 8);
    CHECK_EQ(server.n.refused_full, 4);
    for (int i = 0; i < 12; i++)
        CHECK_EQ(has_ended(fds[i]), i >= 8);
    put(fds[7], "x", 1);
    CHECK_EQ(get(fds[7], &byte, 1), 1);
    close(fds[0]); /* its place is free again */
    TURN_UNTIL(noted.n_closed == 1);
    fds[0] = client();
    TURN_UNTIL(noted.n_opened == 9);
    for (int i = 0; i < 12; i++)
        close(fds[i]);
    TURN_UNTIL(noted.n_closed == 9);
    CHECK_EQ(server.n_free, 8);
    close_server();
}

static int highest_fd(void)
{
    int fd = dup(0), highest = fd;

    CHECK(fd >= 0);
    close(fd);
    for (int i = 0; i < 1024; i++)
        highest = fcntl(i, F_GETFD) >= 0 && i > highest ? i : highest;
    return highest;
}

static void test_without_descriptors_it_neither_spins_nor_stops(void)
{
    struct rlimit was, tight;
    int fds[4];
    char byte;

    open_server((struct rl_tcp_config){0});
    fds[0] = client();
    settle();
    fds[1] = client();
    fds[2] = client(); /* wait in the kernel until they are accepted */
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
    tight = was;
    tight.rlim_cur = (rlim_t)highest_fd() + 1;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
    for (int fd; (fd = dup(0)) >= 0;) /* holes below it */
        fds[3] = fd;
    settle(); /* ends: nothing is ready for ever */
    CHECK_EQ(noted.n_opened, 1);
    CHECK_EQ(server.n.refused_files, 2);
    CHECK(has_ended(fds[1]) && has_ended(fds[2]));
    put(fds[0], "x", 1);
    CHECK_EQ(get(fds[0], &byte, 1), 1);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
    fds[1] = client();
    TURN_UNTIL(noted.n_opened == 2);
    close_server();
}

static uint64_t resident_bytes(void)
{
    unsigned long n_pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    CHECK(f && fscanf(f, "%*u %lu", &n_pages) == 1);
    fclose(f);
    return n_pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Each in its place, all at once, over and over: the same memory. */
static void test_a_thousand_at_once_take_no_more_than_was_stated(void)
{
    static int fds[MANY];
    struct rlimit limit;
    uint64_t before, after, stated;

    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < 2 * MANY + 64) {
        fprintf(stderr, "needs RLIMIT_NOFILE of %d, may have %lu\n", 2 * MANY + 64,
                (unsigned long)limit.rlim_max);
        exit(RL_SKIP);
    }
    if (limit.rlim_cur < 2 * MANY + 64)
        limit.rlim_cur = limit.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    open_server((struct rl_tcp_config){.n_connections = MANY});
    stated = rl_tcp_bytes(&server.config);
    before = resident_bytes();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            fds[i] = client();
            put(fds[i], big, 100);
            if (i % 100 == 0) /* the backlog of this kernel may be short */
                settle();
        }
        TURN_UNTIL(noted.n_received == (uint64_t)(round + 1) * MANY * 100);
        CHECK_EQ(server.n_free, 0);
        for (int i = 0; i < MANY; i++) {
            CHECK_EQ(get(fds[i], big, 100), 100);
            close(fds[i]);
        }
        TURN_UNTIL(noted.n_closed == (uint32_t)(round + 1) * MANY);
    }
    after = resident_bytes();
    CHECK(after < before + stated + (4 << 20)); /* and what the test itself touches */
    CHECK_EQ(server.n.refused_full, 0);
    CHECK_EQ(server.n_free, MANY);
    close_server();
}

int main(void)
{
    test_who_does_not_read_is_not_read_from();
    test_who_never_reads_is_disconnected_after_a_time();
    test_a_full_send_buffer_ends_the_connection();
    test_one_who_floods_leaves_the_others_their_turn();
    test_connections_beyond_the_maximum_are_closed_at_once();
    test_without_descriptors_it_neither_spins_nor_stops();
    test_a_thousand_at_once_take_no_more_than_was_stated();
    return 0;
}
