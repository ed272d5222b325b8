/*
 * A packet port hands its frames over in order, whatever its ring has to go through, sends a batch
 * by one system call, and knows what became of each frame that the kernel did not take.
 */
#include <sys/syscall.h>

#include "net/port/port_packet.h"
#include "raw_pair.h"

static struct veth v;

/*
 * The kernel's part in sending is played by these when a test wants trouble: the next n_refusals
 * calls fail with `refusal`. Otherwise they are what libc has.
 */
static uint32_t n_refusals, n_sends;
static int refusal;

static bool is_refused(void)
{
    n_sends++;
    if (n_refusals == 0)
        return false;
    n_refusals--;
    errno = refusal;
    return true;
}

ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
    if (is_refused())
        return -1;
    return syscall(SYS_sendto, fd, bytes, n, flags, NULL, 0);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int n, int flags)
{
    if (is_refused())
        return -1;
    return (int)syscall(SYS_sendmmsg, fd, messages, n, flags);
}

static void refuse_next(uint32_t n, int err)
{
    n_refusals = n;
    refusal = err;
}

static struct rl_port_config config(void)
{
    return (struct rl_port_config){.netns_fd = -1, .n_slots = RAW_SLOTS};
}

static struct rl_port *open_at(int end, struct rl_port_config c)
{
    return raw_port(rl_packet_port_open, &v.end[end], c);
}

static bool commit_number(struct rl_port *port, uint32_t number)
{
    uint8_t bytes[60];

    raw_write(bytes, sizeof(bytes), &v, 0, number);
    return raw_try_send(port, bytes, sizeof(bytes));
}

static void test_order_survives_any_number_of_turns_of_the_ring(void)
{
    struct rl_port *from = open_at(0, config()), *to = open_at(1, config());
    struct rl_frame frames[RAW_SLOTS];
    uint32_t sent = 0, seen = 0;
    uint64_t random = 1;

    while (seen < 40 * RAW_SLOTS) {
        uint32_t n = (uint32_t)(check_random(&random) % (RAW_SLOTS / 2)), n_seen = 0;

        for (uint32_t i = 0; i < n; i++)
            CHECK(commit_number(from, sent++));
        rl_port_tx_flush(from);
        while (n_seen < n) { /* some at a time, held together */
            uint32_t max = 1 + (uint32_t)(check_random(&random) % 7);
            uint32_t n_burst = raw_receive(to, frames + n_seen, max);

            CHECK(n_burst <= max);
            n_seen += n_burst;
        }
        for (uint32_t i = 0; i < n; i++)
            CHECK_EQ(raw_number(&frames[i]), seen++);
        rl_port_rx_release(to);
    }
    CHECK_EQ(rl_port_stats_ask(to).rx_dropped, 0);
    CHECK_EQ(rl_port_stats_now(to).rx_frames, sent);
    CHECK_EQ(rl_port_stats_now(from).tx_frames, sent);
    CHECK_EQ(rl_port_stats_now(to).rx_bytes, rl_port_stats_now(from).tx_bytes);
    rl_port_close(from);
    rl_port_close(to);
}

static void test_frames_stay_until_they_are_released_and_the_rest_is_counted(void)
{
    struct rl_port *from = open_at(0, config()), *to = open_at(1, config());
    struct rl_frame frames[RAW_SLOTS];
    uint32_t n = 0;

    for (uint32_t i = 0; i < RAW_SLOTS + 10; i++)
        raw_send_number(from, &v, 0, 60, i);
    while (n < RAW_SLOTS)
        n += raw_receive(to, frames + n, 5);
    CHECK_EQ(n, RAW_SLOTS);
    CHECK_EQ(rl_port_rx_burst(to, &(struct rl_frame){0}, 1), 0); /* never twice around */
    raw_send_number(from, &v, 0, 60, 999);                       /* no room */
    for (uint32_t i = 0; i < RAW_SLOTS; i++)
        CHECK_EQ(raw_number(&frames[i]), i);
    CHECK_EQ(rl_port_stats_now(to).rx_dropped, 0); /* not asked */
    SPIN_UNTIL(rl_port_stats_ask(to).rx_dropped == 11);
    CHECK_EQ(rl_port_stats_ask(to).rx_dropped, 11); /* the kernel forgot, we did not */
    rl_port_rx_release(to);
    raw_send_number(from, &v, 0, 60, 1000);
    raw_expect(to, 1000);
    rl_port_close(from);
    rl_port_close(to);
}

static void test_a_batch_is_one_system_call(void)
{
    struct rl_port *from = open_at(0, config()), *to = open_at(1, config());

    for (uint32_t i = 0; i < 10; i++)
        CHECK(commit_number(from, i));
    CHECK_EQ(rl_port_rx_burst(to, &(struct rl_frame){0}, 1), 0);
    CHECK_EQ(rl_port_stats_now(from).tx_frames, 0);
    n_sends = 0;
    rl_port_tx_flush(from);
    CHECK_EQ(n_sends, 1);
    CHECK_EQ(rl_port_stats_now(from).tx_syscalls, 1);
    CHECK_EQ(rl_port_stats_now(from).tx_frames, 10);
    rl_port_tx_flush(from); /* nothing waits */
    CHECK_EQ(n_sends, 1);
    for (uint32_t i = 0; i < 10; i++)
        raw_expect(to, i);
    for (uint32_t i = 0; i < 64; i++) /* a whole batch leaves by itself */
        CHECK(commit_number(from, i));
    CHECK_EQ(n_sends, 2);
    CHECK_EQ(rl_port_stats_now(from).tx_frames, 74);
    rl_port_close(from);
    rl_port_close(to);
}

static void test_what_an_interface_cannot_carry_is_refused_or_lost(void)
{
    struct rl_port *from = open_at(0, config()), *to = open_at(1, config());
    uint8_t bytes[RAW_MAX + RL_VLAN_TAG] = {0};
    struct rl_port_stats stats;

    CHECK(rl_port_tx_reserve(from, RAW_MAX + RL_VLAN_TAG + 1) == NULL);
    CHECK(rl_port_tx_reserve(from, UINT32_MAX) == NULL);
    raw_write(bytes, RAW_MAX, &v, 0, 1);
    raw_send(from, bytes, RAW_MAX + 4); /* four bytes too long, and no tag to explain them */
    raw_send(from, bytes, 13);          /* less than a header */
    CHECK(rl_port_tx_reserve(from, 60) != NULL);
    rl_port_tx_commit(from, 0); /* thought better of it */
    raw_send_number(from, &v, 0, 60, 2);
    raw_expect(to, 2);
    stats = rl_port_stats_now(from);
    CHECK_EQ(stats.tx_too_large, 2);
    CHECK_EQ(stats.tx_lost, 2);
    CHECK_EQ(stats.tx_frames, 1);
    CHECK_EQ(stats.tx_bytes, 60);
    CHECK_EQ(stats.tx_full, 0);
    rl_port_close(from);
    rl_port_close(to);
}

static void test_a_frame_the_device_refuses_is_lost_and_no_other(void)
{
    struct rl_port *from = open_at(0, config()), *to = open_at(1, config());

    for (uint32_t i = 0; i < 5; i++)
        CHECK(commit_number(from, i));
    refuse_next(2, ENOBUFS);
    rl_port_tx_flush(from);
    CHECK_EQ(rl_port_stats_now(from).tx_lost, 2);
    CHECK_EQ(rl_port_stats_now(from).tx_frames, 3);
    for (uint32_t i = 2; i < 5; i++)
        raw_expect(to, i);
    rl_port_close(from);
    rl_port_close(to);
}

static void test_an_interrupted_call_loses_nothing(void)
{
    struct rl_port *from = open_at(0, config()), *to = open_at(1, config());

    refuse_next(3, EINTR);
    raw_send_number(from, &v, 0, 60, 1);
    raw_expect(to, 1);
    CHECK_EQ(rl_port_stats_now(from).tx_lost, 0);
    rl_port_close(from);
    rl_port_close(to);
}

static void test_while_the_send_buffer_is_full_reservations_are_refused(void)
{
    struct rl_port *from = open_at(0, config()), *to = open_at(1, config());
    struct rl_port_stats stats;

    refuse_next(3, EAGAIN);
    for (uint32_t i = 0; i < 64; i++) /* the last one tries to make them leave */
        CHECK(commit_number(from, i));
    CHECK(!commit_number(from, 64));
    CHECK(!commit_number(from, 64));
    CHECK(commit_number(from, 64)); /* it drained */
    rl_port_tx_flush(from);
    stats = rl_port_stats_now(from);
    CHECK_EQ(stats.tx_full, 2);
    CHECK_EQ(stats.tx_lost, 0);
    CHECK_EQ(stats.tx_frames, 65);
    for (uint32_t i = 0; i < 64; i++) /* as many as the receiver has room for */
        raw_expect(to, i);
    rl_port_close(from);
    rl_port_close(to);
}

static void test_a_flush_waits_a_little_for_a_full_send_buffer_and_then_gives_up(void)
{
    struct rl_port *from = open_at(0, config()), *to = open_at(1, config());

    refuse_next(5, EAGAIN);
    raw_send_number(from, &v, 0, 60, 1);
    raw_expect(to, 1);
    CHECK_EQ(rl_port_stats_now(from).tx_lost, 0);
    refuse_next(UINT32_MAX, EAGAIN);
    for (uint32_t i = 0; i < 10; i++)
        CHECK(commit_number(from, i));
    rl_port_tx_flush(from);
    CHECK_EQ(rl_port_stats_now(from).tx_lost, 10);
    CHECK_EQ(rl_port_stats_now(from).tx_frames, 1);
    refuse_next(0, 0);
    raw_send_number(from, &v, 0, 60, 2);
    raw_expect(to, 2);
    rl_port_close(from);
    rl_port_close(to);
}

static void test_an_interface_may_go_down_and_come_back(void)
{
    struct rl_port_config blocking = config();
    struct rl_port *from = open_at(0, config()), *to;
    uint64_t n_lost;

    blocking.wait = RL_WAIT_BLOCK;
    to = open_at(1, blocking);
    veth_set_up(&v.end[0], false);
    for (uint32_t i = 0; i < 10; i++)
        raw_send_number(from, &v, 0, 60, i);
    CHECK_EQ(rl_port_stats_now(from).tx_lost, 10);
    CHECK_EQ(rl_port_stats_now(from).tx_frames, 0);
    veth_set_up(&v.end[1], false);
    rl_port_rx_wait(to); /* told of it, it forgets: the next one sleeps */
    veth_set_up(&v.end[1], true);
    veth_set_up(&v.end[0], true);
    raw_send_number(from, &v, 0, 60, 20); /* may be told late that the interface was down */
    n_lost = rl_port_stats_now(from).tx_lost;
    CHECK(n_lost <= 11);
    if (n_lost == 10)
        raw_expect(to, 20);
    raw_send_number(from, &v, 0, 60, 21);
    raw_expect(to, 21);
    rl_port_close(from);
    rl_port_close(to);
}

static void test_a_port_that_blocks_sleeps_until_a_frame_is_there(void)
{
    struct rl_port_config blocking = config();
    struct rl_port *from = open_at(0, config()), *to;
    struct rl_frame frame;

    blocking.wait = RL_WAIT_BLOCK;
    to = open_at(1, blocking);
    CHECK(strstr(to->caps.mode, ", block") != NULL);
    rl_port_rx_wait(to); /* returns without any, too */
    CHECK_EQ(rl_port_rx_burst(to, &frame, 1), 0);
    raw_send_number(from, &v, 0, 60, 1);
    for (uint32_t i = 0; i < 1000 && rl_port_rx_burst(to, &frame, 1) == 0; i++)
        rl_port_rx_wait(to);
    CHECK_EQ(raw_number(&frame), 1);
    CHECK(rl_port_stats_now(to).rx_syscalls > 0);
    rl_port_rx_wait(from); /* spins: it has nothing to do here */
    CHECK_EQ(rl_port_stats_now(from).rx_syscalls, 0);
    rl_port_close(from);
    rl_port_close(to);
}

int main(void)
{
    veth_open(&v);
    test_order_survives_any_number_of_turns_of_the_ring();
    test_frames_stay_until_they_are_released_and_the_rest_is_counted();
    test_a_batch_is_one_system_call();
    test_what_an_interface_cannot_carry_is_refused_or_lost();
    test_a_frame_the_device_refuses_is_lost_and_no_other();
    test_an_interrupted_call_loses_nothing();
    test_while_the_send_buffer_is_full_reservations_are_refused();
    test_a_flush_waits_a_little_for_a_full_send_buffer_and_then_gives_up();
    test_an_interface_may_go_down_and_come_back();
    test_a_port_that_blocks_sleeps_until_a_frame_is_there();
    veth_close(&v);
    return 0;
}
