/* A stream whose other end is hostile, gone, or one too many. */
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "socket_ports.h"

#define SILENCE 200 /* bursts that find nothing */

static struct rl_port *listener_open(struct rl_port_config c, char text[RL_ADDRESS_TEXT])
{
    struct rl_port *p;

    c.is_listener = true;
    p = port_open(&c);
    (void)local_of(p, text);
    return p;
}

static struct rl_port *plain_listener(char text[RL_ADDRESS_TEXT])
{
    return listener_open(port_config(RL_BACKEND_TCP, "127.0.0.1:0", NULL), text);
}

static int raw_socket_to(const char *text)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct rl_address a;

    CHECK(fd >= 0);
    CHECK_EQ(rl_address_read(&a, text), 0);
    CHECK_EQ(connect(fd, &a.at.any, a.n_bytes), 0);
    return fd;
}

static void leave(int fd, bool with_reset)
{
    struct linger at_once = {.l_onoff = with_reset};

    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(fd);
}

/* Takes everything until nothing comes for long; the frames. */
static uint32_t drain(struct rl_port *p)
{
    uint32_t n_all = 0, n_silent = 0;
    struct rl_frame frames[8];

    while (n_silent < SILENCE) {
        uint32_t n = rl_port_rx_burst(p, frames, 8);

        n_silent = n ? 0 : n_silent + 1;
        n_all += n;
        rl_port_rx_release(p);
    }
    return n_all;
}

/* For the tests: a message ends with ';', and rubbish is a run of '?'. */
static uint32_t cut_at_semicolon(const uint8_t *bytes, uint32_t n_bytes, uint32_t n_max)
{
    const uint8_t *end;

    if (bytes[0] == '?') {
        uint32_t n = 1;

        while (n < n_bytes && bytes[n] == '?')
            n++;
        return n;
    }
    end = memchr(bytes, ';', n_bytes);
    if (end == NULL)
        return n_bytes < n_max ? 0 : n_max;
    return (uint32_t)(end - bytes) + 1;
}

static void test_messages_that_frame_themselves_come_out_however_they_are_split(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_TCP, "127.0.0.1:0", NULL);
    static const struct {
        const char *piece;
        uint32_t n_whole; /* messages that it completes */
    } sent[] = {{"one;tw", 1}, {"o", 0}, {";", 1}, {"???three;", 2}, {"fou", 0}};
    static const char *const wanted[] = {"one;", "two;", "???", "three;"};
    char text[RL_ADDRESS_TEXT], heard[8];
    struct rl_port *there;
    struct rl_frame frame;
    uint32_t n = 0;
    int fd;

    c.cut = cut_at_semicolon;
    there = listener_open(c, text);
    fd = raw_socket_to(text);
    for (size_t i = 0; i < RL_COUNT(sent); i++) {
        CHECK_EQ(send(fd, sent[i].piece, strlen(sent[i].piece), 0), strlen(sent[i].piece));
        for (uint32_t k = 0; k < sent[i].n_whole; k++, n++) {
            CHECK_EQ(port_get(there, &frame, 1), 1);
            CHECK_EQ(frame.n_bytes, strlen(wanted[n]));
            CHECK(memcmp(frame.data, wanted[n], frame.n_bytes) == 0);
            rl_port_rx_release(there);
        }
    }
    CHECK_EQ(n, RL_COUNT(wanted));
    CHECK_EQ(drain(there), 0); /* "fou" may still become a message */
    memcpy(rl_port_tx_reserve(there, 3), "yes", 3);
    rl_port_tx_commit(there, 3);
    rl_port_tx_flush(there);
    CHECK_EQ(recv(fd, heard, sizeof heard, 0), 3); /* and nothing before it */
    CHECK(memcmp(heard, "yes", 3) == 0);
    close(fd);
    rl_port_close(there);
}

static void ends_with(const char *bytes, size_t n_bytes, bool with_reset, uint32_t n_invalid)
{
    char text[RL_ADDRESS_TEXT];
    struct rl_port *there = plain_listener(text);
    int fd = raw_socket_to(text);
    struct rl_frame frame;
    int64_t end = now_ns() + PATIENCE_NS;
    uint64_t n_calls;

    CHECK_EQ(send(fd, "\0\1x", 3, 0), 3);
    CHECK_EQ(port_get(there, &frame, 1), 1); /* connected, for certain */
    rl_port_rx_release(there);
    CHECK_EQ(send(fd, bytes, n_bytes, 0), n_bytes);
    if (n_bytes > 0 && with_reset) /* a reset may overtake what was sent: let that arrive */
        CHECK_EQ(drain(there), 0);
    leave(fd, with_reset);
    do {
        n_calls = rl_port_stats_now(there).rx_syscalls;
        (void)drain(there);
    } while (rl_port_stats_now(there).rx_syscalls != n_calls && now_ns() < end);
    CHECK_EQ(rl_port_stats_now(there).rx_syscalls, n_calls); /* silent: asks no more */
    CHECK_EQ(rl_port_stats_now(there).rx_invalid, n_invalid);
    CHECK(port_put(there, 1, 10));
    rl_port_tx_flush(there);
    CHECK_EQ(rl_port_stats_now(there).tx_lost, 1);
    rl_port_close(there);
}

static void test_an_end_is_counted_when_it_cost_something(void)
{
    ends_with("", 0, false, 0);       /* between messages */
    ends_with("\0\5he", 4, false, 1); /* within one */
    ends_with("\0", 1, false, 1);     /* within a length */
    ends_with("\0\5he", 4, true, 1);  /* a reset within one */
    ends_with("", 0, true, 1);        /* a reset: what was on its way is gone */
}

static void test_what_was_whole_before_the_end_is_received(void)
{
    char text[RL_ADDRESS_TEXT];
    struct rl_port *there = plain_listener(text);
    int fd = raw_socket_to(text);
    struct rl_frame frames[2];
    uint32_t n = 0;

    CHECK_EQ(send(fd, "\0\1x\0\2yz\0\3w", 10, 0), 10);
    leave(fd, false);
    for (int64_t end = now_ns() + PATIENCE_NS; n < 2 && now_ns() < end;)
        n += rl_port_rx_burst(there, frames + n, 1);
    CHECK_EQ(n, 2);
    CHECK_EQ(frames[0].data[0], 'x');
    CHECK_EQ(frames[1].n_bytes, 2);
    for (int64_t end = now_ns() + PATIENCE_NS; now_ns() < end;)
        if (rl_port_rx_burst(there, frames, 1) == 0 && rl_port_stats_now(there).rx_invalid)
            break;
    CHECK_EQ(rl_port_stats_now(there).rx_invalid, 1);
    rl_port_close(there);
}

static void test_a_second_connection_is_closed_and_a_third_refused(void)
{
    char text[RL_ADDRESS_TEXT], byte;
    struct rl_port *there = plain_listener(text);
    int first = raw_socket_to(text), second = raw_socket_to(text);
    struct rl_port_config c = port_config(RL_BACKEND_TCP, NULL, text);
    struct timeval patience = {.tv_sec = PATIENCE_NS / 1000000000};
    struct rl_frame frame;

    CHECK_EQ(setsockopt(second, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    CHECK_EQ(send(first, "\0\1x", 3, 0), 3);
    CHECK_EQ(port_get(there, &frame, 1), 1);
    rl_port_rx_release(there);
    errno = 0;
    CHECK(recv(second, &byte, 1, 0) <= 0 && errno != EAGAIN);
    port_refuses(&c, -ECONNREFUSED, text);
    CHECK_EQ(send(first, "\0\1y", 3, 0), 3); /* the first is as it was */
    CHECK_EQ(port_get(there, &frame, 1), 1);
    CHECK_EQ(frame.data[0], 'y');
    close(first);
    close(second);
    rl_port_close(there);
}

static void test_a_blocking_receiver_does_not_spin_on_a_connection_that_ended(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_TCP, "127.0.0.1:0", NULL);
    char text[RL_ADDRESS_TEXT];
    struct rl_port *there;
    struct rl_frame frame;
    int64_t before;
    int fd;

    c.wait = RL_WAIT_BLOCK;
    there = listener_open(c, text);
    rl_port_rx_wait(there); /* nobody connects: it returns all the same */
    fd = raw_socket_to(text);
    CHECK_EQ(send(fd, "\0\1x", 3, 0), 3);
    CHECK_EQ(port_get(there, &frame, 1), 1);
    rl_port_rx_release(there);
    leave(fd, true);
    for (int64_t end = now_ns() + PATIENCE_NS; now_ns() < end;)
        if (rl_port_rx_burst(there, &frame, 1) == 0 && rl_port_stats_now(there).rx_invalid)
            break;
    before = now_ns();
    rl_port_rx_wait(there);
    CHECK(now_ns() - before >= RL_SOCKET_WAIT_MS * 1000000LL / 2); /* a sleep is never shorter */
    rl_port_close(there);
}

static void test_the_longest_message_goes_through_a_port_of_one_slot(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_TCP, "127.0.0.1:0", NULL);
    char text[RL_ADDRESS_TEXT];
    struct rl_port *there, *here;
    struct rl_frame frame;

    c.n_slots = 1;
    c.n_bytes_frame = 65535;
    there = listener_open(c, text);
    c = port_config(RL_BACKEND_TCP, NULL, text);
    c.n_slots = 1;
    c.n_bytes_frame = 65535;
    here = port_open(&c);
    CHECK(rl_port_tx_reserve(here, 65536) == NULL);
    CHECK_EQ(rl_port_stats_now(here).tx_too_large, 1);
    for (uint32_t i = 0; i < 5; i++) {
        CHECK(port_put(here, i, 65535));
        rl_port_tx_flush(here);
        CHECK_EQ(port_get(there, &frame, 1), 1);
        frame_is(&frame, i, 65535);
        rl_port_rx_release(there);
    }
    rl_port_close(here);
    rl_port_close(there);
}

static void test_random_bytes_never_get_more_than_they_are(void)
{
    uint64_t seed = 7;

    for (int round = 0; round < 40; round++) {
        struct rl_port_config c = port_config(RL_BACKEND_TCP, "127.0.0.1:0", NULL);
        char text[RL_ADDRESS_TEXT];
        struct rl_port_stats stats;
        struct rl_port *there;
        uint8_t bytes[600];
        int fd;

        c.n_slots = 4;
        c.n_bytes_frame = 64;
        there = listener_open(c, text);
        fd = raw_socket_to(text);
        for (size_t i = 0; i < sizeof bytes; i++) /* short lengths among them, so that some fit */
            bytes[i] = check_random(&seed) % 3 ? 0 : (uint8_t)(check_random(&seed) % 70);
        CHECK_EQ(send(fd, bytes, sizeof bytes, 0), sizeof bytes);
        leave(fd, false);
        for (int64_t end = now_ns() + PATIENCE_NS; now_ns() < end;) {
            (void)drain(there);
            stats = rl_port_stats_now(there);
            if (stats.rx_invalid || stats.rx_bytes + 2 * stats.rx_frames == sizeof bytes)
                break;
        }
        stats = rl_port_stats_now(there);
        CHECK(stats.rx_invalid <= 1);
        CHECK(stats.rx_bytes + 2 * stats.rx_frames <= sizeof bytes);
        rl_port_close(there);
    }
}

static void *send_once_connected(void *arg)
{
    struct rl_port *p = arg;
    int64_t end = now_ns() + PATIENCE_NS;

    while (!port_put(p, 9, 30) && now_ns() < end)
        ;
    rl_port_tx_flush(p);
    return NULL;
}

static void test_a_sending_thread_may_wait_for_the_connection_that_the_other_accepts(void)
{
    char text[RL_ADDRESS_TEXT];
    struct rl_port *there = plain_listener(text), *here;
    struct rl_port_config c = port_config(RL_BACKEND_TCP, NULL, text);
    struct rl_frame frame;
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, send_once_connected, there), 0);
    here = port_open(&c);
    CHECK(port_put(here, 1, 20));
    rl_port_tx_flush(here);
    CHECK_EQ(port_get(there, &frame, 1), 1);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(port_get(here, &frame, 1), 1);
    frame_is(&frame, 9, 30);
    rl_port_close(here);
    rl_port_close(there);
}

int main(void)
{
    test_messages_that_frame_themselves_come_out_however_they_are_split();
    test_an_end_is_counted_when_it_cost_something();
    test_what_was_whole_before_the_end_is_received();
    test_a_second_connection_is_closed_and_a_third_refused();
    test_a_blocking_receiver_does_not_spin_on_a_connection_that_ended();
    test_the_longest_message_goes_through_a_port_of_one_slot();
    test_random_bytes_never_get_more_than_they_are();
    test_a_sending_thread_may_wait_for_the_connection_that_the_other_accepts();
    return 0;
}
