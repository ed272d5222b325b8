/*
 * A datagram that a packet socket reads is none of the kernel's: nobody answers it, and the socket
 * has it all the same, faults of a table before it included.
 */
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "bpf_faults.h"
#include "net/bpf/deaf.h"

static char why[RL_BPF_WHY];
static struct veth v;
static int sender, receiver, other_receiver;

#define OPENED(call)                      \
    do {                                  \
        if ((call) < 0) {                 \
            fprintf(stderr, "%s\n", why); \
            exit(1);                      \
        }                                 \
    } while (0)

static int open_packet_socket(uint16_t protocol)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(protocol),
                             .sll_ifindex = (int)v.end[1].index};
    int home, fd;

    CHECK_EQ(rl_netns_enter(v.end[1].netns_fd, &home), 0);
    fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    rl_netns_leave(home);
    return fd;
}

/* A datagram to another port: what was sent before it has met its fate when it is there. */
static void send_last(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(FRAME_PORT + 1),
                             .sin_addr.s_addr = htonl(v.end[1].ip)};
    char byte = 0;

    CHECK_EQ(sendto(sender, &byte, 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    CHECK_EQ(recv(other_receiver, &byte, 1, 0), 1);
}

/* How many frames of the flow are there, and no other. */
static uint32_t n_frames(int fd)
{
    uint8_t frame[FRAME_MAX];
    uint32_t n = 0;

    while (recv(fd, frame, sizeof(frame), MSG_DONTWAIT) > 0)
        n += get16(frame + 36) == FRAME_PORT;
    return n;
}

static uint32_t n_heard(void)
{
    static struct sequence seen;

    seen.n = 0;
    while (receive_number(receiver, &seen, false))
        ;
    return seen.n;
}

static void deafen(struct rl_deaf *deaf)
{
    int home;

    CHECK_EQ(rl_netns_enter(v.end[1].netns_fd, &home), 0);
    OPENED(rl_deaf_open(deaf, v.end[1].index, FRAME_PORT, why));
    rl_netns_leave(home);
}

static void test_packet_sockets_hear_what_the_kernel_does_not(void)
{
    int by_ip = open_packet_socket(ETH_P_IP), by_all = open_packet_socket(ETH_P_ALL);
    struct rl_deaf deaf;

    deafen(&deaf);
    send_numbers(sender, 0, 5);
    send_last();
    CHECK_EQ(n_heard(), 0);
    CHECK_EQ(n_frames(by_ip), 5);
    CHECK_EQ(n_frames(by_all), 5);
    rl_deaf_close(&deaf);
    send_numbers(sender, 0, 5);
    send_last();
    CHECK_EQ(n_heard(), 5);
    CHECK_EQ(n_frames(by_ip), 5);
    close(by_ip);
    close(by_all);
}

/* With no socket there, the sender is told so: unless the kernel is deaf. */
static void test_nobody_answers_that_the_port_is_unreachable(void)
{
    struct rl_deaf deaf;
    int err = 0;
    socklen_t n_bytes = sizeof(err);

    close(receiver);
    deafen(&deaf);
    send_numbers(sender, 0, 1);
    send_last();
    CHECK_EQ(getsockopt(sender, SOL_SOCKET, SO_ERROR, &err, &n_bytes), 0);
    CHECK_EQ(err, 0);
    rl_deaf_close(&deaf);
    send_numbers(sender, 0, 1);
    for (int i = 0; i < 5000 && err == 0; i++) {
        CHECK_EQ(getsockopt(sender, SOL_SOCKET, SO_ERROR, &err, &n_bytes), 0);
        usleep(1000);
    }
    CHECK_EQ(err, ECONNREFUSED);
    receiver = open_udp(&v.end[1], NULL, FRAME_PORT);
}

/* The order of the two programs does not matter: neither ends the chain. */
static void test_a_table_acts_before_a_packet_socket_of_ip(bool is_deaf_first)
{
    static uint8_t actions[] = {RL_IMPAIR_PASS, RL_IMPAIR_DROP, RL_IMPAIR_DUPLICATE,
                                RL_IMPAIR_DROP};
    struct rl_impair_config config = {
        .actions = actions, .n_actions = sizeof(actions), .udp_port = FRAME_PORT};
    int by_ip = open_packet_socket(ETH_P_IP), home;
    struct rl_impair im;
    struct rl_deaf deaf;

    if (is_deaf_first)
        deafen(&deaf);
    CHECK_EQ(rl_netns_enter(v.end[1].netns_fd, &home), 0);
    OPENED(rl_impair_open(&im, &config, why));
    OPENED(rl_impair_attach(&im, v.end[1].index, false, RL_IMPAIR_HOOK_TCX, why));
    rl_netns_leave(home);
    if (!is_deaf_first)
        deafen(&deaf);
    send_numbers(sender, 0, 8);
    send_last();
    CHECK_EQ(n_frames(by_ip), 6);
    CHECK_EQ(n_heard(), 0);
    rl_deaf_close(&deaf);
    rl_impair_close(&im);
    close(by_ip);
}

static void test_an_interface_that_is_not_there_is_told(void)
{
    struct rl_deaf deaf;

    CHECK(rl_deaf_open(&deaf, 9999, FRAME_PORT, why) < 0);
    CHECK(strstr(why, "tcx link: ") == why);
    rl_deaf_close(&deaf);
}

int main(void)
{
    if (rl_bpf_can(why) != 0) {
        printf("cannot run here: %s\n", why);
        return RL_SKIP;
    }
    stay_on_this_cpu();
    veth_open(&v);
    receiver = open_udp(&v.end[1], NULL, FRAME_PORT);
    other_receiver = open_udp(&v.end[1], NULL, FRAME_PORT + 1);
    sender = open_udp(&v.end[0], &v.end[1], FRAME_PORT);
    test_packet_sockets_hear_what_the_kernel_does_not();
    test_nobody_answers_that_the_port_is_unreachable();
    test_a_table_acts_before_a_packet_socket_of_ip(true);
    test_a_table_acts_before_a_packet_socket_of_ip(false);
    test_an_interface_that_is_not_there_is_told();
    close(sender);
    close(receiver);
    close(other_receiver);
    veth_close(&v);
    return 0;
}
