/* Datagrams through a socket when the other side is hostile, late, gone, or somebody else. */
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "socket_ports.h"

#ifndef UDP_GRO /* Linux 5.0 */
#define UDP_GRO 104
#endif
#define N_SLOTS 8

static int raw_socket_to(const struct rl_port *port)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct rl_address a;

    CHECK(fd >= 0);
    CHECK_EQ(rl_port_local(port, &a), 0);
    CHECK_EQ(connect(fd, &a.at.any, a.n_bytes), 0);
    return fd;
}

static struct rl_port *listener_open(uint32_t n_bytes, bool stamps)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, "127.0.0.1:0", NULL);

    c.n_slots = N_SLOTS;
    c.n_bytes_frame = n_bytes;
    c.wants_stamps = stamps;
    return port_open(&c);
}

static struct rl_port *sender_to(const struct rl_port *port)
{
    char text[RL_ADDRESS_TEXT];
    struct rl_port_config c = port_config(RL_BACKEND_UDP, NULL, local_of(port, text));

    return port_open(&c);
}

/* A receiver releases what it was given: bursts of nothing must not use its slots up. */
static void test_oversized_datagrams_do_not_fill_the_port(bool stamps)
{
    struct rl_port *there = listener_open(100, stamps);
    struct rl_port *here = sender_to(there);
    struct rl_frame frame;

    CHECK(port_put(here, 1, 50));
    rl_port_tx_flush(here);
    CHECK_EQ(port_get(there, &frame, 1), 1);
    rl_port_rx_release(there);
    for (uint32_t i = 0; i < 3 * N_SLOTS; i++) {
        CHECK(port_put(here, i, 500));
        rl_port_tx_flush(here);
        CHECK_EQ(rl_port_rx_burst(there, &frame, 1), 0);
    }
    CHECK(port_put(here, 7, 50));
    rl_port_tx_flush(here);
    CHECK_EQ(port_get(there, &frame, 1), 1);
    frame_is(&frame, 7, 50);
    CHECK_EQ(rl_port_stats_now(there).rx_invalid, 3 * N_SLOTS);
    rl_port_close(here);
    rl_port_close(there);
}

/* Connecting keeps strangers away from then on; what they had sent before lies in the queue. */
static void test_strangers_who_queued_behind_the_first_are_thrown_away(void)
{
    struct rl_port *there = listener_open(0, false);
    struct rl_port *here = sender_to(there);
    int stranger = raw_socket_to(there);
    struct rl_frame frames[N_SLOTS];
    uint32_t n = 0;

    CHECK(port_put(here, 1, 20));
    rl_port_tx_flush(here);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(send(stranger, "stranger", 8, 0), 8);
    CHECK(port_put(here, 2, 20));
    rl_port_tx_flush(here);
    while (n < 2) {
        uint32_t k = port_get(there, frames + n, N_SLOTS - n);

        CHECK(k > 0);
        n += k;
    }
    frame_is(&frames[0], 1, 20);
    frame_is(&frames[1], 2, 20);
    rl_port_rx_release(there);
    CHECK_EQ(rl_port_rx_burst(there, frames, N_SLOTS), 0);
    CHECK_EQ(rl_port_stats_now(there).rx_invalid, 3);
    CHECK_EQ(rl_port_stats_now(there).rx_frames, 2);
    close(stranger);
    rl_port_close(here);
    rl_port_close(there);
}

/* A publisher that starts again has another port number; its group hears it all the same. */
static void test_a_group_has_no_peer_and_hears_every_sender(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, "239.255.77.2:0", NULL);
    struct rl_port *there = port_open(&c), *first, *second;
    struct rl_frame frame;
    char text[RL_ADDRESS_TEXT];

    c = port_config(RL_BACKEND_UDP, NULL, local_of(there, text));
    first = port_open(&c);
    CHECK(port_put(first, 1, 20));
    rl_port_tx_flush(first);
    CHECK_EQ(port_get(there, &frame, 1), 1);
    rl_port_rx_release(there);
    rl_port_close(first);
    second = port_open(&c);
    CHECK(port_put(second, 2, 20));
    rl_port_tx_flush(second);
    CHECK_EQ(port_get(there, &frame, 1), 1);
    frame_is(&frame, 2, 20);
    CHECK(rl_port_tx_reserve(there, 20) == NULL);
    rl_port_close(second);
    rl_port_close(there);
}

/* A receiver that takes what left by one call in one piece; -1: not with this kernel. */
static int whole_receiver(struct rl_address *at)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;
    struct timeval patience = {.tv_sec = PATIENCE_NS / 1000000000};

    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, &at->at.any, at->n_bytes), 0);
    CHECK_EQ(rl_address_of(at, fd), 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    if (setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one) == 0)
        return fd;
    close(fd);
    return -1;
}

static void flush_three(struct rl_port *p, uint32_t n_bytes)
{
    for (uint32_t i = 0; i < 3; i++)
        CHECK(port_put(p, i, n_bytes));
    rl_port_tx_flush(p);
}

static void test_segmentation_outlives_a_peer_that_went_away(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, NULL, "127.0.0.1:0");
    int fd = whole_receiver(&c.peer);
    uint8_t bytes[65536];
    struct rl_port *here;

    if (fd < 0)
        return;
    here = port_open(&c);
    if (strstr(here->caps.mode, "gso")) {
        flush_three(here, 20);
        CHECK_EQ(recv(fd, bytes, sizeof bytes, 0), 60); /* one call made them, one takes them */
        close(fd);
        flush_three(here, 20);        /* the answer to this: nobody is there */
        fd = whole_receiver(&c.peer); /* in the same place */
        flush_three(here, 20);        /* hears of it, and sends all the same */
        flush_three(here, 20);
        for (int n = 0; n < 60;) {
            int k = (int)recv(fd, bytes, sizeof bytes, 0);

            CHECK(k > 0);
            n += k;
        }
        CHECK_EQ(recv(fd, bytes, sizeof bytes, 0), 60);
        CHECK_EQ(rl_port_stats_ask(here).tx_lost, 0);
        CHECK(strstr(here->caps.mode, "gso") != NULL);
    }
    close(fd);
    rl_port_close(here);
}

/* Of the calling process alone, with a loopback as narrow as Ethernet; false: not allowed. */
static bool enter_narrow_netns(void)
{
    struct ifreq ifr = {.ifr_name = "lo"};
    int fd;

    if (unshare(CLONE_NEWNET) != 0)
        return false;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifr.ifr_mtu = 1500;
    CHECK_EQ(ioctl(fd, SIOCSIFMTU, &ifr), 0);
    ifr.ifr_flags = IFF_UP | IFF_RUNNING;
    CHECK_EQ(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
    close(fd);
    return true;
}

/* What is longer than the route's MTU is sent in fragments, which cannot be cut out of one call. */
static void what_is_too_long_to_segment_is_sent_and_shorter_ones_still_are(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, NULL, "127.0.0.1:0");
    int fd = whole_receiver(&c.peer);
    struct rl_port *here = port_open(&c);
    uint8_t bytes[65536];
    uint64_t before;

    if (fd < 0 || strstr(here->caps.mode, "gso") == NULL)
        return;
    flush_three(here, 2000);
    before = rl_port_stats_now(here).tx_syscalls;
    flush_three(here, 2000); /* asked once, and not again */
    CHECK_EQ(rl_port_stats_now(here).tx_syscalls, before + 1);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(recv(fd, bytes, sizeof bytes, 0), 2000);
    flush_three(here, 20);
    CHECK_EQ(recv(fd, bytes, sizeof bytes, 0), 60);
    CHECK_EQ(rl_port_stats_ask(here).tx_lost, 0);
    CHECK(strstr(here->caps.mode, "gso") != NULL);
    close(fd);
    rl_port_close(here);
}

static void test_on_a_narrow_route(void (*promise)(void))
{
    pid_t pid = fork();
    int status;

    CHECK(pid >= 0);
    if (pid == 0) {
        if (!enter_narrow_netns())
            _exit(RL_SKIP);
        promise();
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) == RL_SKIP)
        printf("not tried: no network namespace can be made (needs CAP_SYS_ADMIN)\n");
    else
        CHECK_EQ(WEXITSTATUS(status), 0);
}

/* What does not fit into the receiver's buffer is dropped by the kernel, which knows how many. */
static void test_the_kernel_is_asked_what_it_dropped(void)
{
    struct rl_port *there = listener_open(0, false);
    struct rl_port *here = sender_to(there);
    struct rl_port_stats stats;
    struct rl_frame frames[N_SLOTS];
    uint64_t n_sent = 0, n_got = 0;
    uint32_t n;

    CHECK_EQ(rl_port_stats_ask(there).rx_dropped, 0);
    while (n_sent < 200000 && rl_port_stats_ask(there).rx_dropped == 0)
        for (int k = 0; k < 64; k++, n_sent++) {
            CHECK(port_put(here, (uint32_t)n_sent, 1400));
            rl_port_tx_flush(here);
        }
    n_sent -= rl_port_stats_now(here).tx_lost;
    while ((n = rl_port_rx_burst(there, frames, N_SLOTS)) > 0) {
        n_got += n;
        rl_port_rx_release(there);
    }
    stats = rl_port_stats_ask(there);
    CHECK(stats.rx_dropped > 0);
    CHECK_EQ(n_got + stats.rx_dropped, n_sent);
    rl_port_close(here);
    rl_port_close(there);
}

static void *answer_once_there_is_a_peer(void *arg)
{
    struct rl_port *p = arg;
    int64_t end = now_ns() + PATIENCE_NS;

    while (!port_put(p, 9, 30) && now_ns() < end)
        ;
    rl_port_tx_flush(p);
    return NULL;
}

static void test_a_sending_thread_may_wait_for_the_peer_that_the_other_learns(void)
{
    struct rl_port *there = listener_open(0, false);
    struct rl_port *here = sender_to(there);
    struct rl_frame frame;
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, answer_once_there_is_a_peer, there), 0);
    CHECK(port_put(here, 1, 20));
    rl_port_tx_flush(here);
    CHECK_EQ(port_get(there, &frame, 1), 1);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(port_get(here, &frame, 1), 1);
    frame_is(&frame, 9, 30);
    rl_port_close(here);
    rl_port_close(there);
}

static void test_an_empty_datagram_is_no_frame(void)
{
    struct rl_port *there = listener_open(0, false);
    int fd = raw_socket_to(there);
    struct rl_frame frame;

    CHECK_EQ(send(fd, "", 0, 0), 0);
    CHECK_EQ(send(fd, "abcd", 4, 0), 4);
    CHECK_EQ(port_get(there, &frame, 1), 1);
    CHECK_EQ(frame.n_bytes, 4);
    CHECK_EQ(rl_port_stats_now(there).rx_invalid, 1);
    close(fd);
    rl_port_close(there);
}

static void test_refusals_do_not_blame_a_right_that_is_not_missing(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, NULL, "255.255.255.255:9");
    char why[RL_PORT_WHY];
    struct rl_port *p;

    CHECK_EQ(rl_port_open(&p, &c, why), -EACCES); /* broadcasting is not asked for */
    CHECK(strstr(why, "255.255.255.255:9") != NULL);
    CHECK(strstr(why, "CAP_") == NULL);
    c = port_config(RL_BACKEND_UDP, "127.0.0.1:0", NULL);
    c.n_slots = 65536;
    c.n_bytes_frame = 65507;
    port_refuses(&c, -EINVAL, "2 GiB");
}

static void test_the_mode_tells_the_buffer_obtained(void)
{
    struct rl_port *p = listener_open(0, false);

    CHECK(strstr(p->caps.mode, ", buf ") != NULL);
    rl_port_close(p);
}

int main(void)
{
    test_oversized_datagrams_do_not_fill_the_port(false);
    test_oversized_datagrams_do_not_fill_the_port(true);
    test_strangers_who_queued_behind_the_first_are_thrown_away();
    test_a_group_has_no_peer_and_hears_every_sender();
    test_segmentation_outlives_a_peer_that_went_away();
    test_on_a_narrow_route(what_is_too_long_to_segment_is_sent_and_shorter_ones_still_are);
    test_the_kernel_is_asked_what_it_dropped();
    test_a_sending_thread_may_wait_for_the_peer_that_the_other_learns();
    test_an_empty_datagram_is_no_frame();
    test_refusals_do_not_blame_a_right_that_is_not_missing();
    test_the_mode_tells_the_buffer_obtained();
    return 0;
}
