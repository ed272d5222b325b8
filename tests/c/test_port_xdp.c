/*
 * An AF_XDP port says which mode it obtained, takes the frames it is for and leaves the others to
 * the kernel, and is gone without a trace however its process ends.
 */
#include <linux/capability.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "net/bpf/impair.h"
#include "net/port/port_packet.h"
#include "raw_pair.h"

static struct veth v;

static struct rl_port_config config(enum rl_xdp_mode mode)
{
    return (struct rl_port_config){.netns_fd = -1, .n_slots = RAW_SLOTS, .xdp_mode = mode};
}

static struct rl_port *open_at(int end, struct rl_port_config c)
{
    return raw_port(rl_xdp_port_open, &v.end[end], c);
}

static void test_each_mode_of_the_driver_carries_whole_frames(void)
{
    static const struct {
        enum rl_xdp_mode asked;
        const char *obtained;
    } modes[] = {
        {RL_XDP_GENERIC, "generic copy, need-wakeup"},
        {RL_XDP_NATIVE, "native copy, need-wakeup"},
        {RL_XDP_AUTO, "native copy, need-wakeup"}, /* the first that veth grants */
    };

    for (uint32_t i = 0; i < RL_COUNT(modes); i++) {
        struct rl_port *port[2] = {open_at(0, config(modes[i].asked)),
                                   open_at(1, config(modes[i].asked))};

        CHECK(strcmp(port[0]->caps.mode, modes[i].obtained) == 0);
        CHECK(strcmp(port[1]->caps.mode, modes[i].obtained) == 0);
        CHECK(port[0]->caps.is_ethernet && port[0]->caps.needs_syscall);
        CHECK(!port[0]->caps.zero_copy_rx && !port[0]->caps.zero_copy_tx);
        CHECK_EQ(port[0]->caps.stamp, RL_STAMP_NONE);
        CHECK_EQ(port[0]->caps.n_bytes_frame_max, RAW_MAX + RL_VLAN_TAG);
        raw_carry_both_ways(port, &v);
        rl_port_close(port[0]);
        rl_port_close(port[1]);
    }
}

/* A run that asked for zero-copy must not measure copies. */
static void test_zero_copy_that_a_driver_lacks_is_refused_by_name(void)
{
    raw_refused(rl_xdp_port_open, &v.end[0], config(RL_XDP_ZERO_COPY), -EOPNOTSUPP,
                "veth has no zero-copy: ask for auto, native or generic");
}

static void test_what_cannot_be_opened_is_refused_in_a_sentence(void)
{
    struct rl_port_config c = config(RL_XDP_AUTO);
    struct rl_port *port = open_at(0, c);

    raw_refused(rl_xdp_port_open, &v.end[0], c, -EBUSY, "has an XDP program already");
    c.xdp_mode = RL_XDP_GENERIC;
    raw_refused(rl_xdp_port_open, &v.end[0], c, -EEXIST, "has an XDP program already");
    rl_port_close(port);
    c.queue = 3;
    raw_refused(rl_xdp_port_open, &v.end[0], c, -EINVAL, "no queue 3: it has 1");
    c = config(RL_XDP_AUTO);
    c.n_bytes_frame = RL_XDP_FRAME_MAX + 1;
    raw_refused(rl_xdp_port_open, &v.end[0], c, -EINVAL, "n_bytes_frame: not from 60 to 3840");
    c = config(RL_XDP_AUTO);
    c.n_slots = 48;
    raw_refused(rl_xdp_port_open, &v.end[0], c, -EINVAL, "n_slots");
    strcpy(c.interface, "rl-none");
    raw_refused(rl_xdp_port_open, &v.end[0], c, -ENODEV, "'rl-none': there is none");
}

static void test_a_large_mtu_is_generic_and_native_says_why_not(void)
{
    struct rl_port *port[2], *raw;
    uint8_t bytes[9000];

    veth_set_mtu(&v.end[0], 9000);
    veth_set_mtu(&v.end[1], 9000);
    raw_refused(rl_xdp_port_open, &v.end[0], config(RL_XDP_NATIVE), -ERANGE, "MTU");
    port[0] = open_at(0, config(RL_XDP_AUTO));
    port[1] = open_at(1, config(RL_XDP_AUTO));
    CHECK(strstr(port[0]->caps.mode, "generic copy") != NULL);
    CHECK_EQ(port[0]->caps.n_bytes_frame_max, RL_XDP_FRAME_MAX);
    raw_carry_both_ways(port, &v);
    rl_port_close(port[0]);

    raw = raw_port(rl_packet_port_open, &v.end[0], config(0)); /* it sends longer ones */
    raw_write(bytes, sizeof(bytes), &v, 0, 1);
    raw_send(raw, bytes, RL_XDP_FRAME_MAX + 1);
    raw_send_number(raw, &v, 0, 60, 2);
    raw_expect(port[1], 2);
    CHECK_EQ(rl_port_stats_ask(port[1]).rx_dropped, 1);
    rl_port_close(raw);
    rl_port_close(port[1]);
    veth_set_mtu(&v.end[0], 1500);
    veth_set_mtu(&v.end[1], 1500);
}

/* The loopback interface has no native XDP; what it sends, it receives. */
static void test_a_driver_without_native_xdp_is_generic_in_auto_and_refused_when_asked(void)
{
    struct veth_end lo = {.netns_fd = v.end[0].netns_fd, .interface = "lo", .index = 1};
    struct rl_port *port;

    veth_set_up(&lo, true);
    raw_refused(rl_xdp_port_open, &lo, config(RL_XDP_NATIVE), -EOPNOTSUPP, "the driver cannot");
    port = raw_port(rl_xdp_port_open, &lo, config(RL_XDP_AUTO));
    CHECK(strcmp(port->caps.mode, "generic copy, need-wakeup") == 0);
    raw_send_number(port, &v, 0, 60, 5);
    raw_expect(port, 5);
    rl_port_close(port);
}

/* A socket of the kernel's own at the end. */
static int kernel_udp(const struct veth_end *e, uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = __builtin_bswap16(port),
                             .sin_addr.s_addr = __builtin_bswap32(e->ip)};
    struct timeval patience = {.tv_sec = 5};
    int back, fd;

    CHECK_EQ(rl_netns_enter(e->netns_fd, &back), 0);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    rl_netns_leave(back);
    return fd;
}

static void send_udp(struct rl_port *from, uint16_t port, uint32_t number)
{
    uint8_t bytes[RAW_MAX];

    raw_send(from, bytes, raw_write_udp(bytes, &v, 0, port, 0, number));
}

static uint32_t udp_number(const struct rl_frame *frame)
{
    uint32_t number;

    CHECK_EQ(frame->n_bytes, 46);
    memcpy(&number, frame->data + 42, 4);
    return number;
}

static struct rl_port_config framed(enum rl_xdp_mode mode)
{
    struct rl_port_config c = config(mode);

    c.is_framed = true;
    c.hears = raw_hears(&v, 1, 5000);
    return c;
}

static void test_other_frames_are_left_to_the_kernel(void)
{
    static const enum rl_xdp_mode modes[] = {RL_XDP_NATIVE, RL_XDP_GENERIC};

    for (uint32_t i = 0; i < RL_COUNT(modes); i++) {
        struct rl_port *from = raw_port(rl_packet_port_open, &v.end[0], config(0));
        struct rl_port *to = open_at(1, framed(modes[i]));
        int kernel = kernel_udp(&v.end[1], 5001), ours = kernel_udp(&v.end[1], 5000);
        struct rl_frame frame;
        uint32_t number;

        send_udp(from, 5001, 1);
        send_udp(from, 5000, 2);
        CHECK_EQ(recv(kernel, &number, 4, 0), 4);
        CHECK_EQ(number, 1);
        CHECK_EQ(raw_receive(to, &frame, 1), 1);
        CHECK_EQ(udp_number(&frame), 2);
        rl_port_rx_release(to);
        CHECK_EQ(recv(ours, &number, 4, MSG_DONTWAIT), -1); /* taken away before it */

        rl_port_close(to);
        send_udp(from, 5000, 3); /* and now the kernel's again */
        CHECK_EQ(recv(ours, &number, 4, 0), 4);
        CHECK_EQ(number, 3);
        close(ours);
        close(kernel);
        rl_port_close(from);
    }
}

static void test_a_killed_process_leaves_the_interface_free(void)
{
    struct rl_port *port;
    char why[RL_PORT_WHY];
    int ready[2], status;
    pid_t child;
    char byte;

    CHECK_EQ(pipe(ready), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        open_at(1, config(RL_XDP_NATIVE));
        CHECK_EQ(write(ready[1], "", 1), 1);
        pause();
        _exit(0);
    }
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    raw_refused(rl_xdp_port_open, &v.end[1], config(RL_XDP_AUTO), -EBUSY, "already");
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    /* The kernel lets go of the queue a little after the process is gone. */
    SPIN_UNTIL(raw_try(&port, rl_xdp_port_open, &v.end[1], config(RL_XDP_AUTO), why) == 0);
    CHECK(strcmp(port->caps.mode, "native copy, need-wakeup") == 0);
    rl_port_close(port);
    close(ready[0]);
    close(ready[1]);
}

/* Like a user with a memory limit and without the right to exceed it. */
static void limit_memory(uint32_t n_bytes)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[2];
    struct rlimit limit = {n_bytes, n_bytes};

    CHECK_EQ(syscall(SYS_capget, &header, caps), 0);
    caps[0].effective &= ~(1U << CAP_IPC_LOCK);
    CHECK_EQ(syscall(SYS_capset, &header, caps), 0);
    CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
}

/* Room for one try at a time: what zero-copy was refused with is waited for, not lost. */
static void test_a_memory_limit_does_not_change_the_mode(void)
{
    uint32_t n_umem = 2 * RAW_SLOTS * 2048;
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        struct rl_port *port;

        limit_memory(n_umem + 65536);
        port = open_at(1, config(RL_XDP_AUTO));
        CHECK(strcmp(port->caps.mode, "native copy, need-wakeup") == 0);
        rl_port_close(port);
        limit_memory(n_umem - 4096);
        raw_refused(rl_xdp_port_open, &v.end[1], config(RL_XDP_AUTO), -ENOBUFS, "CAP_IPC_LOCK");
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static void test_a_port_that_spins_makes_no_system_call_to_receive(void)
{
    struct rl_port *port[2] = {open_at(0, config(RL_XDP_AUTO)), open_at(1, config(RL_XDP_AUTO))};
    struct rl_frame frame;

    for (uint32_t i = 0; i < 10; i++) {
        CHECK_EQ(rl_port_rx_burst(port[1], &frame, 1), 0);
        raw_send_number(port[0], &v, 0, 60, i);
        raw_expect(port[1], i);
        rl_port_rx_wait(port[1]);
    }
    CHECK_EQ(rl_port_stats_now(port[1]).rx_syscalls, 0);
    CHECK_EQ(rl_port_stats_now(port[0]).tx_syscalls, 10);
    rl_port_close(port[0]);
    rl_port_close(port[1]);
}

static void test_other_ways_to_wait_are_named_and_receive_as_well(void)
{
    static const struct {
        enum rl_wait wait;
        const char *mode;
    } ways[] = {{RL_WAIT_BLOCK, "native copy, need-wakeup, block"},
                {RL_WAIT_BUSY_POLL, "native copy, need-wakeup, busy-poll"}};

    for (uint32_t i = 0; i < RL_COUNT(ways); i++) {
        struct rl_port_config c = config(RL_XDP_NATIVE);
        struct rl_port *port[2];
        struct rl_frame frame;

        c.wait = ways[i].wait;
        port[0] = open_at(0, c);
        port[1] = open_at(1, c);
        CHECK(strcmp(port[1]->caps.mode, ways[i].mode) == 0);
        rl_port_rx_wait(port[1]); /* returns without any, too */
        CHECK_EQ(rl_port_rx_burst(port[1], &frame, 1), 0);
        CHECK(rl_port_stats_now(port[1]).rx_syscalls > 0);
        raw_send_number(port[0], &v, 0, 60, 7);
        for (uint32_t k = 0; k < 1000000 && rl_port_rx_burst(port[1], &frame, 1) == 0; k++)
            rl_port_rx_wait(port[1]);
        CHECK_EQ(raw_number(&frame), 7);
        rl_port_close(port[0]);
        rl_port_close(port[1]);
    }
}

static void test_an_impairment_acts_before_the_port(void)
{
    static const uint8_t actions[2] = {RL_IMPAIR_PASS, RL_IMPAIR_DROP};
    struct rl_impair_config table = {.actions = actions, .n_actions = 2, .udp_port = 5000};
    struct rl_port_config c = framed(RL_XDP_AUTO);
    struct rl_port *from = raw_port(rl_packet_port_open, &v.end[0], config(0)), *to;
    char why[RL_PORT_WHY];
    struct rl_impair impair;
    struct rl_frame frame;

    CHECK_EQ(rl_impair_open(&impair, &table, why), 0);
    c.impair = &impair;
    to = open_at(1, c);
    for (uint32_t i = 0; i < 20; i++)
        send_udp(from, 5000, i);
    for (uint32_t i = 0; i < 20; i += 2) {
        CHECK_EQ(raw_receive(to, &frame, 1), 1);
        CHECK_EQ(udp_number(&frame), i);
        rl_port_rx_release(to);
    }
    CHECK_EQ(rl_impair_counts_now(&impair).n_dropped, 10);
    rl_port_close(to);
    rl_port_close(from);
    rl_impair_close(&impair);
}

int main(void)
{
    veth_open(&v);
    raw_skip_without_xdp(&v.end[0]);
    test_each_mode_of_the_driver_carries_whole_frames();
    test_zero_copy_that_a_driver_lacks_is_refused_by_name();
    test_what_cannot_be_opened_is_refused_in_a_sentence();
    test_a_large_mtu_is_generic_and_native_says_why_not();
    test_a_driver_without_native_xdp_is_generic_in_auto_and_refused_when_asked();
    test_other_frames_are_left_to_the_kernel();
    test_a_killed_process_leaves_the_interface_free();
    test_a_memory_limit_does_not_change_the_mode();
    test_a_port_that_spins_makes_no_system_call_to_receive();
    test_other_ways_to_wait_are_named_and_receive_as_well();
    test_an_impairment_acts_before_the_port();
    veth_close(&v);
    return 0;
}
