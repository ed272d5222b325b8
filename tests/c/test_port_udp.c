/* Datagrams through a socket: whole, counted, in order, one at a time and many at once. */
#include "socket_ports.h"

struct pair {
    struct rl_port *one, *other;
};

static struct pair pair_open(enum rl_wait wait, bool stamps)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, "127.0.0.1:0", NULL);
    char text[RL_ADDRESS_TEXT];
    struct pair p;

    c.wait = wait;
    c.wants_stamps = stamps;
    p.other = port_open(&c); /* learns its peer */
    c = port_config(RL_BACKEND_UDP, "127.0.0.1:0", local_of(p.other, text));
    c.wait = wait;
    p.one = port_open(&c);
    return p;
}

static void pair_close(struct pair *p)
{
    rl_port_close(p->one);
    rl_port_close(p->other);
}

static void test_datagrams_go_both_ways_once_the_peer_is_known(enum rl_wait wait)
{
    struct pair p = pair_open(wait, false);
    struct rl_frame frames[4];

    CHECK(rl_port_tx_reserve(p.other, 8) == NULL); /* to whom? */
    CHECK_EQ(rl_port_stats_now(p.other).tx_full, 1);
    for (uint32_t i = 0; i < 50; i++) { /* the second way of receiving comes after a few */
        CHECK(port_put(p.one, i, 64));
        rl_port_tx_flush(p.one);
        CHECK_EQ(port_get(p.other, frames, 4), 1);
        frame_is(&frames[0], i, 64);
        rl_port_rx_release(p.other);
        CHECK(port_put(p.other, i + 1000, 40));
        rl_port_tx_flush(p.other);
        CHECK_EQ(port_get(p.one, frames, 4), 1);
        frame_is(&frames[0], i + 1000, 40);
        rl_port_rx_release(p.one);
    }
    CHECK_EQ(rl_port_stats_now(p.one).tx_frames, 50);
    CHECK_EQ(rl_port_stats_now(p.one).tx_bytes, 50 * 64);
    CHECK_EQ(rl_port_stats_now(p.one).tx_syscalls, 50);
    CHECK_EQ(rl_port_stats_now(p.other).rx_frames, 50);
    CHECK_EQ(rl_port_stats_now(p.one).rx_bytes, 50 * 40);
    pair_close(&p);
}

/* Sends all, then takes all. */
static void expect_batch(struct pair *p, const uint32_t *sizes, uint32_t n)
{
    struct rl_frame frames[16];
    uint32_t n_got = 0;

    for (uint32_t i = 0; i < n; i++)
        CHECK(port_put(p->one, i, sizes[i]));
    rl_port_tx_flush(p->one);
    while (n_got < n) {
        uint32_t k = port_get(p->other, frames, 16);

        CHECK(k > 0);
        for (uint32_t i = 0; i < k; i++, n_got++)
            frame_is(&frames[i], n_got, sizes[n_got]);
        rl_port_rx_release(p->other);
    }
    CHECK_EQ(rl_port_rx_burst(p->other, frames, 16), 0);
}

static void test_a_batch_arrives_whole_in_order_and_by_few_system_calls(void)
{
    struct pair p = pair_open(RL_WAIT_SPIN, false);
    uint32_t even[60], uneven[60];

    for (uint32_t i = 0; i < 60; i++) {
        even[i] = 200;
        uneven[i] = 20 + 13 * i;
    }
    expect_batch(&p, even, 60);
    if (strstr(p.one->caps.mode, "gso"))
        CHECK_EQ(rl_port_stats_now(p.one).tx_syscalls, 1);
    expect_batch(&p, uneven, 60);
    CHECK(rl_port_stats_now(p.one).tx_syscalls <= 3);
    CHECK_EQ(rl_port_stats_now(p.one).tx_lost, 0);
    pair_close(&p);
}

static void test_frames_stay_as_they_were_until_they_are_released(void)
{
    struct pair p = pair_open(RL_WAIT_SPIN, false);
    struct rl_frame frames[100];
    uint32_t n = 0;

    for (uint32_t i = 0; i < 100; i++)
        CHECK(port_put(p.one, i, 32));
    rl_port_tx_flush(p.one);
    while (n < 100) {
        uint32_t k = port_get(p.other, frames + n, 7);

        CHECK(k > 0);
        n += k;
    }
    for (uint32_t i = 0; i < 100; i++)
        frame_is(&frames[i], i, 32);
    rl_port_rx_release(p.other);
    pair_close(&p);
}

static void test_a_receiver_that_releases_nothing_is_given_no_more(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, "127.0.0.1:0", NULL);
    struct rl_frame frames[8];
    char text[RL_ADDRESS_TEXT];
    struct pair p;

    c.n_slots = 4;
    p.other = port_open(&c);
    c = port_config(RL_BACKEND_UDP, NULL, local_of(p.other, text));
    p.one = port_open(&c);
    for (uint32_t i = 0; i < 8; i++)
        CHECK(port_put(p.one, i, 16));
    rl_port_tx_flush(p.one);
    for (uint32_t n = 0; n < 4;)
        n += port_get(p.other, frames, 8);
    CHECK_EQ(rl_port_rx_burst(p.other, frames, 8), 0);
    rl_port_rx_release(p.other);
    CHECK(port_get(p.other, frames, 8) > 0);
    frame_is(&frames[0], 4, 16);
    pair_close(&p);
}

static void test_what_is_too_long_is_refused_here_and_counted_there(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, "127.0.0.1:0", NULL);
    struct rl_frame frames[4];
    char text[RL_ADDRESS_TEXT];
    struct pair p;

    c.n_bytes_frame = 100;
    p.other = port_open(&c);
    c = port_config(RL_BACKEND_UDP, NULL, local_of(p.other, text));
    p.one = port_open(&c);
    CHECK(rl_port_tx_reserve(p.one, p.one->caps.n_bytes_frame_max + 1) == NULL);
    CHECK_EQ(rl_port_stats_now(p.one).tx_too_large, 1);
    for (uint32_t round = 0; round < 5; round++) { /* one at a time and many at once */
        CHECK(port_put(p.one, 1, 101));
        CHECK(port_put(p.one, 2, 100));
        rl_port_tx_flush(p.one);
        CHECK_EQ(port_get(p.other, frames, 4), 1);
        frame_is(&frames[0], 2, 100);
        rl_port_rx_release(p.other);
    }
    CHECK_EQ(rl_port_stats_now(p.other).rx_invalid, 5);
    CHECK_EQ(rl_port_stats_now(p.other).rx_frames, 5);
    pair_close(&p);
}

static void test_what_nobody_takes_is_sent_all_the_same_and_strangers_are_not_heard(void)
{
    struct pair p = pair_open(RL_WAIT_SPIN, false);
    struct rl_frame frames[4];
    char text[RL_ADDRESS_TEXT];
    struct rl_port_config c;
    struct rl_port *stranger;

    CHECK(port_put(p.one, 1, 20)); /* makes `one` the peer */
    rl_port_tx_flush(p.one);
    CHECK_EQ(port_get(p.other, frames, 4), 1);
    rl_port_rx_release(p.other);
    c = port_config(RL_BACKEND_UDP, NULL, local_of(p.other, text));
    stranger = port_open(&c);
    CHECK(port_put(stranger, 2, 20));
    rl_port_tx_flush(stranger);
    CHECK(port_put(p.one, 3, 20));
    rl_port_tx_flush(p.one);
    CHECK_EQ(port_get(p.other, frames, 4), 1);
    frame_is(&frames[0], 3, 20);
    rl_port_close(stranger);
    rl_port_close(p.other);
    for (uint32_t i = 0; i < 4; i++) { /* refused datagrams are told of by the next call */
        CHECK(port_put(p.one, i, 20));
        rl_port_tx_flush(p.one);
    }
    CHECK_EQ(rl_port_stats_now(p.one).tx_lost, 0);
    rl_port_close(p.one);
}

static void test_a_blocking_receiver_sleeps_and_is_woken(void)
{
    struct pair p = pair_open(RL_WAIT_BLOCK, false);
    struct rl_frame frames[1];

    rl_port_rx_wait(p.other); /* nothing comes: it returns all the same */
    CHECK_EQ(rl_port_rx_burst(p.other, frames, 1), 0);
    CHECK(port_put(p.one, 7, 30));
    rl_port_tx_flush(p.one);
    rl_port_rx_wait(p.other);
    CHECK_EQ(rl_port_rx_burst(p.other, frames, 1), 1);
    frame_is(&frames[0], 7, 30);
    pair_close(&p);
}

static void test_the_kernel_stamps_what_arrives_when_asked(void)
{
    struct pair p = pair_open(RL_WAIT_SPIN, true), plain = pair_open(RL_WAIT_SPIN, false);
    struct rl_frame frame;
    struct timespec before, after;
    uint64_t first, last;

    CHECK_EQ(plain.other->caps.stamp, RL_STAMP_NONE);
    CHECK_EQ(p.other->caps.stamp, RL_STAMP_SOFTWARE);
    clock_gettime(CLOCK_REALTIME, &before);
    CHECK(port_put(p.one, 1, 30));
    rl_port_tx_flush(p.one);
    CHECK_EQ(port_get(p.other, &frame, 1), 1);
    clock_gettime(CLOCK_REALTIME, &after);
    first = (uint64_t)before.tv_sec * 1000000000ULL + (uint64_t)before.tv_nsec;
    last = (uint64_t)after.tv_sec * 1000000000ULL + (uint64_t)after.tv_nsec;
    CHECK(frame.stamp_ns >= first && frame.stamp_ns <= last);
    pair_close(&p);
    pair_close(&plain);
}

static void test_a_group_reaches_all_who_joined(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, "239.255.77.1:0", NULL), s;
    struct rl_port *first, *second, *sender;
    struct rl_frame frame;
    char text[RL_ADDRESS_TEXT];

    first = port_open(&c);
    c = port_config(RL_BACKEND_UDP, local_of(first, text), NULL);
    second = port_open(&c);
    s = port_config(RL_BACKEND_UDP, NULL, text);
    sender = port_open(&s);
    CHECK(port_put(sender, 5, 50));
    rl_port_tx_flush(sender);
    CHECK_EQ(port_get(first, &frame, 1), 1);
    frame_is(&frame, 5, 50);
    CHECK_EQ(port_get(second, &frame, 1), 1);
    frame_is(&frame, 5, 50);
    rl_port_close(first);
    rl_port_close(second);
    rl_port_close(sender);
}

static void test_what_cannot_be_opened_says_why(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, NULL, NULL);
    struct rl_port *taken;
    char text[RL_ADDRESS_TEXT];

    port_refuses(&c, -EINVAL, "neither a local address nor a peer");
    c = port_config(RL_BACKEND_UDP, "127.0.0.1:0", NULL);
    taken = port_open(&c);
    c = port_config(RL_BACKEND_UDP, local_of(taken, text), NULL);
    port_refuses(&c, -EADDRINUSE, text);
    rl_port_close(taken);
    c.n_bytes_frame = 70000;
    port_refuses(&c, -EINVAL, "65507");
    c = port_config(RL_BACKEND_UDP, "203.0.113.1:9", NULL);
    port_refuses(&c, -EADDRNOTAVAIL, "bind 203.0.113.1:9");
    c = port_config(RL_BACKEND_UDP, "127.0.0.1:0", NULL);
    c.accel = RL_ACCEL_ONLOAD;
    port_refuses(&c, -ENOTSUP, "onload: not preloaded");
    c.accel = RL_ACCEL_NONE;
    c.backend = (enum rl_backend)77;
    port_refuses(&c, -EINVAL, "no such one");
}

int main(void)
{
    test_datagrams_go_both_ways_once_the_peer_is_known(RL_WAIT_SPIN);
    test_datagrams_go_both_ways_once_the_peer_is_known(RL_WAIT_BUSY_POLL);
    test_a_batch_arrives_whole_in_order_and_by_few_system_calls();
    test_frames_stay_as_they_were_until_they_are_released();
    test_a_receiver_that_releases_nothing_is_given_no_more();
    test_what_is_too_long_is_refused_here_and_counted_there();
    test_what_nobody_takes_is_sent_all_the_same_and_strangers_are_not_heard();
    test_a_blocking_receiver_sleeps_and_is_woken();
    test_the_kernel_stamps_what_arrives_when_asked();
    test_a_group_reaches_all_who_joined();
    test_what_cannot_be_opened_says_why();
    return 0;
}
