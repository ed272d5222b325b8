/* Messages through a stream: their lengths keep them apart, whatever pieces they come in. */
#include <arpa/inet.h>
#include <sys/socket.h>

#include "socket_ports.h"

static struct rl_port *listener_open(char text[RL_ADDRESS_TEXT], uint32_t n_bytes,
                                     enum rl_wait wait)
{
    struct rl_port_config c = port_config(RL_BACKEND_TCP, "127.0.0.1:0", NULL);
    struct rl_port *p;

    c.is_listener = true;
    c.n_bytes_frame = n_bytes;
    c.wait = wait;
    p = port_open(&c);
    (void)local_of(p, text);
    return p;
}

static struct rl_port *connected_to(const char *text)
{
    struct rl_port_config c = port_config(RL_BACKEND_TCP, NULL, text);

    return port_open(&c);
}

/* A peer without manners. */
static int raw_socket_to(const char *text)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct rl_address a;

    CHECK_EQ(rl_address_read(&a, text), 0);
    CHECK(fd >= 0);
    CHECK_EQ(connect(fd, &a.at.any, a.n_bytes), 0);
    return fd;
}

static void test_messages_go_both_ways(enum rl_wait wait)
{
    char text[RL_ADDRESS_TEXT];
    struct rl_port *there = listener_open(text, 0, wait), *here = connected_to(text);
    struct rl_frame frames[8];

    CHECK(rl_port_tx_reserve(there, 8) == NULL); /* has not looked who connected */
    for (uint32_t i = 0; i < 100; i++) {
        CHECK(port_put(here, i, 10 + i));
        rl_port_tx_flush(here);
        CHECK_EQ(port_get(there, frames, 8), 1);
        frame_is(&frames[0], i, 10 + i);
        rl_port_rx_release(there);
        CHECK(port_put(there, i, 200));
        rl_port_tx_flush(there);
        CHECK_EQ(port_get(here, frames, 8), 1);
        frame_is(&frames[0], i, 200);
        rl_port_rx_release(here);
    }
    CHECK_EQ(rl_port_stats_now(here).tx_frames, 100);
    CHECK_EQ(rl_port_stats_now(there).rx_frames, 100);
    rl_port_close(here);
    rl_port_close(there);
}

static void test_many_messages_at_once_keep_their_order_through_a_full_queue(void)
{
    char text[RL_ADDRESS_TEXT];
    struct rl_port *there = listener_open(text, 0, RL_WAIT_SPIN), *here = connected_to(text);
    struct rl_frame frames[64];
    uint32_t n_put = 0, n_got = 0;
    const uint32_t n_all = 40000; /* far more than both sides have room for */

    while (n_got < n_all) {
        uint32_t k;

        while (n_put < n_all && port_put(here, n_put, 4 + n_put % 1500))
            n_put++;
        rl_port_tx_flush(here);
        k = rl_port_rx_burst(there, frames, 64);
        for (uint32_t i = 0; i < k; i++, n_got++)
            frame_is(&frames[i], n_got, 4 + n_got % 1500);
        rl_port_rx_release(there);
    }
    CHECK_EQ(rl_port_stats_now(here).tx_lost, 0);
    rl_port_close(here);
    rl_port_close(there);
}

static void test_a_message_in_single_bytes_is_one_message(void)
{
    char text[RL_ADDRESS_TEXT];
    struct rl_port *there = listener_open(text, 0, RL_WAIT_SPIN);
    static const uint8_t bytes[] = {0, 5, 'h', 'e', 'l', 'l', 'o', 0, 2, 'y', 'o'};
    int fd = raw_socket_to(text);
    struct rl_frame frames[4];
    uint32_t n = 0;

    for (size_t i = 0; i < sizeof bytes; i++) {
        CHECK_EQ(send(fd, &bytes[i], 1, 0), 1);
        for (int k = 0; k < 20; k++) {
            uint32_t m = rl_port_rx_burst(there, frames + n, 4 - n);

            if (m > 0 && n == 0) {
                CHECK_EQ(frames[0].n_bytes, 5);
                CHECK(memcmp(frames[0].data, "hello", 5) == 0);
            }
            n += m;
            rl_port_rx_release(there);
        }
    }
    while (n < 2) {
        uint32_t m = port_get(there, frames, 1);

        CHECK(m > 0);
        n += m;
    }
    CHECK_EQ(rl_port_stats_now(there).rx_bytes, 7);
    close(fd);
    rl_port_close(there);
}

static void test_a_length_that_lies_ends_the_stream(uint16_t length)
{
    char text[RL_ADDRESS_TEXT];
    struct rl_port *there = listener_open(text, 100, RL_WAIT_SPIN);
    uint8_t bytes[20] = {0, 1, 'x', (uint8_t)(length >> 8), (uint8_t)length};
    int fd = raw_socket_to(text);
    struct rl_frame frame;

    CHECK_EQ(send(fd, bytes, sizeof bytes, 0), sizeof bytes);
    CHECK_EQ(port_get(there, &frame, 1), 1); /* the good one before it */
    rl_port_rx_release(there);
    for (int i = 0; i < 100 && rl_port_stats_now(there).rx_invalid == 0; i++)
        CHECK_EQ(rl_port_rx_burst(there, &frame, 1), 0);
    CHECK_EQ(rl_port_stats_now(there).rx_invalid, 1);
    (void)send(fd, "\0\1y", 3, MSG_NOSIGNAL);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(rl_port_rx_burst(there, &frame, 1), 0);
    CHECK_EQ(rl_port_stats_now(there).rx_invalid, 1);
    close(fd);
    rl_port_close(there);
}

static void test_after_the_peer_has_gone_what_is_sent_is_lost_and_counted(void)
{
    char text[RL_ADDRESS_TEXT];
    struct rl_port *there = listener_open(text, 0, RL_WAIT_SPIN);
    struct linger at_once = {.l_onoff = 1};
    int fd = raw_socket_to(text);
    struct rl_frame frame;
    int64_t end = now_ns() + PATIENCE_NS;

    CHECK_EQ(send(fd, "\0\1x", 3, 0), 3);
    CHECK_EQ(port_get(there, &frame, 1), 1);
    rl_port_rx_release(there);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(fd); /* a reset */
    while (rl_port_stats_now(there).tx_lost == 0 && now_ns() < end) {
        CHECK_EQ(rl_port_rx_burst(there, &frame, 1), 0);
        CHECK(port_put(there, 1, 10));
        rl_port_tx_flush(there);
    }
    CHECK(rl_port_stats_now(there).tx_lost > 0);
    rl_port_close(there);
}

static void test_what_cannot_be_opened_says_why(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_TCP, "127.0.0.1:0", NULL);
    char text[RL_ADDRESS_TEXT];
    struct rl_port *there = listener_open(text, 0, RL_WAIT_SPIN);

    port_refuses(&c, -EINVAL, "neither a listener nor a peer");
    rl_port_close(there);
    c = port_config(RL_BACKEND_TCP, NULL, text);
    port_refuses(&c, -ECONNREFUSED, text);
    c.n_bytes_frame = 65536;
    port_refuses(&c, -EINVAL, "at most 65535 bytes");
}

int main(void)
{
    test_messages_go_both_ways(RL_WAIT_SPIN);
    test_messages_go_both_ways(RL_WAIT_BLOCK);
    test_many_messages_at_once_keep_their_order_through_a_full_queue();
    test_a_message_in_single_bytes_is_one_message();
    test_a_length_that_lies_ends_the_stream(0);
    test_a_length_that_lies_ends_the_stream(101);
    test_after_the_peer_has_gone_what_is_sent_is_lost_and_counted();
    test_what_cannot_be_opened_says_why();
    return 0;
}
