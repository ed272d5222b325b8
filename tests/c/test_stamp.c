/* Stamps are the kernel's or the NIC's, of the right datagram, or 0; whatever bytes come. */
#include <errno.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "net/stamp.h"

#define PATIENCE_MS 5000

static uint64_t realtime_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static int socket_to_itself(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t n = sizeof at;

    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static uint64_t receive_stamped(int fd, enum rl_stamp kind)
{
    _Alignas(8) uint8_t control[RL_STAMP_CONTROL];
    struct msghdr h = {.msg_control = control, .msg_controllen = sizeof control};
    struct pollfd one = {.fd = fd, .events = POLLIN};

    CHECK(poll(&one, 1, PATIENCE_MS) == 1);
    CHECK(recvmsg(fd, &h, MSG_DONTWAIT) >= 0);
    return rl_stamp_read(&h, kind);
}

static void test_an_armed_socket_stamps_the_very_first_datagram(void)
{
    for (int round = 0; round < 20; round++) { /* the kernel begins late, now and then */
        int fd = socket_to_itself();
        uint64_t before, stamp;

        CHECK_EQ(rl_stamp_arm(fd, NULL), RL_STAMP_SOFTWARE);
        before = realtime_ns();
        CHECK_EQ(send(fd, "x", 1, 0), 1);
        stamp = receive_stamped(fd, RL_STAMP_SOFTWARE);
        CHECK(stamp >= before && stamp <= realtime_ns());
        close(fd);
    }
}

static void test_a_socket_that_was_not_armed_has_no_stamps(void)
{
    int fd = socket_to_itself();

    CHECK_EQ(send(fd, "x", 1, 0), 1);
    CHECK_EQ(receive_stamped(fd, RL_STAMP_SOFTWARE), 0);
    close(fd);
    CHECK_EQ(rl_stamp_arm(-1, NULL), RL_STAMP_NONE);
    CHECK_EQ(rl_stamp_arm_tx(-1, NULL), RL_STAMP_NONE);
}

static void test_hardware_stamps_are_not_claimed_where_there_are_none(void)
{
    struct rl_stamp_caps caps;
    int fd = socket_to_itself();

    CHECK_EQ(rl_stamp_caps_of("lo", &caps), 0);
    CHECK(caps.rx_software && caps.tx_software);
    CHECK(!caps.rx_hardware && !caps.tx_hardware);
    CHECK_EQ(caps.phc, -1);
    CHECK_EQ(rl_stamp_arm(fd, "lo"), RL_STAMP_SOFTWARE);
    CHECK_EQ(rl_stamp_arm_tx(fd, "lo"), RL_STAMP_SOFTWARE);
    CHECK_EQ(send(fd, "x", 1, 0), 1);
    CHECK_EQ(receive_stamped(fd, RL_STAMP_HARDWARE), 0); /* asked for the wrong clock: none */
    close(fd);
}

static void test_an_interface_that_is_not_there_is_an_error(const char *name)
{
    struct rl_stamp_caps caps = {.rx_hardware = true};

    CHECK_EQ(rl_stamp_caps_of(name, &caps), -ENODEV);
    CHECK(!caps.rx_hardware);
    CHECK_EQ(caps.phc, -1);
}

/* In a namespace of its own, whose loopback gets the longest name there is. */
static void test_a_name_that_is_too_long_is_not_another_interface(void)
{
    struct ifreq rename = {.ifr_name = "lo", .ifr_newname = "rl-fifteen-char"};
    struct rl_stamp_caps caps;
    pid_t pid = fork();
    int status;

    CHECK(pid >= 0);
    if (pid == 0) {
        int fd;

        if (unshare(CLONE_NEWNET) != 0)
            _exit(RL_SKIP);
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (ioctl(fd, SIOCSIFNAME, &rename) != 0)
            _exit(RL_SKIP);
        CHECK_EQ(rl_stamp_caps_of("rl-fifteen-char", &caps), 0);
        CHECK_EQ(rl_stamp_caps_of("rl-fifteen-characters", &caps), -ENODEV);
        close(fd);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) == RL_SKIP)
        printf("not tried: no network namespace can be made (needs CAP_SYS_ADMIN)\n");
    else
        CHECK_EQ(WEXITSTATUS(status), 0);
}

/* The next departure; waits for it. */
static struct rl_stamp_tx departed(int fd)
{
    struct pollfd one = {.fd = fd};
    struct rl_stamp_tx stamp;
    int n;

    while ((n = rl_stamp_next_tx(fd, &stamp)) == 0)
        CHECK(poll(&one, 1, PATIENCE_MS) == 1); /* POLLERR is always asked for */
    CHECK_EQ(n, 1);
    return stamp;
}

static void test_departures_are_stamped_and_numbered(void)
{
    int fd = socket_to_itself(), flags = 0;
    socklen_t n = sizeof flags;
    struct rl_stamp_tx stamp;

    CHECK_EQ(rl_stamp_arm(fd, NULL), RL_STAMP_SOFTWARE);
    CHECK_EQ(rl_stamp_arm_tx(fd, NULL), RL_STAMP_SOFTWARE);
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, &n), 0);
    CHECK(flags & SOF_TIMESTAMPING_RX_SOFTWARE); /* asking for one keeps the other */
    CHECK(flags & SOF_TIMESTAMPING_TX_SOFTWARE);
    CHECK_EQ(rl_stamp_next_tx(fd, &stamp), 0); /* nothing left yet */
    for (uint32_t i = 0; i < 5; i++) {
        uint64_t before = realtime_ns(), arrived;

        CHECK_EQ(send(fd, "abc", 3, 0), 3);
        stamp = departed(fd);
        CHECK_EQ(stamp.id, i);
        CHECK_EQ(stamp.kind, RL_STAMP_SOFTWARE);
        CHECK(stamp.ns >= before && stamp.ns <= realtime_ns());
        arrived = receive_stamped(fd, RL_STAMP_SOFTWARE);
        CHECK(arrived >= stamp.ns);
    }
    CHECK_EQ(rl_stamp_next_tx(fd, &stamp), 0);
    close(fd);
    CHECK_EQ(rl_stamp_next_tx(-1, &stamp), -EBADF);
}

static void test_other_errors_in_the_queue_are_no_departures(void)
{
    struct sockaddr_in nobody = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), closed = socket_to_itself(), one = 1;
    socklen_t n = sizeof nobody;
    struct rl_stamp_tx stamp;

    CHECK_EQ(getsockname(closed, (struct sockaddr *)&nobody, &n), 0);
    close(closed);
    CHECK_EQ(setsockopt(fd, SOL_IP, IP_RECVERR, &one, sizeof one), 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&nobody, sizeof nobody), 0);
    CHECK_EQ(send(fd, "x", 1, 0), 1); /* refused: an ICMP message lies in the queue */
    CHECK_EQ(rl_stamp_arm_tx(fd, NULL), RL_STAMP_SOFTWARE);
    CHECK_EQ(rl_stamp_next_tx(fd, &stamp), 0);
    close(fd);
}

/* --- control messages made by hand -------------------------------------------------------------
 */

struct forged {
    struct cmsghdr header;
    struct timespec stamps[3];
};

static void make_good(struct forged *f)
{
    memset(f, 0, sizeof *f);
    f->header.cmsg_len = CMSG_LEN(sizeof f->stamps);
    f->header.cmsg_level = SOL_SOCKET;
    f->header.cmsg_type = SO_TIMESTAMPING;
    f->stamps[0] = (struct timespec){1, 2};
    f->stamps[2] = (struct timespec){3, 4};
}

/* In memory of exactly its size, so that a sanitizer sees who reads on. */
static uint64_t read_forged(const struct forged *f, size_t n_bytes, enum rl_stamp kind)
{
    uint8_t *control = malloc(n_bytes ? n_bytes : 1);
    struct msghdr h = {.msg_control = control, .msg_controllen = n_bytes};
    struct rl_stamp_tx stamp;
    uint64_t ns;

    CHECK(control != NULL);
    memcpy(control, f, n_bytes);
    ns = rl_stamp_read(&h, kind);
    CHECK(!rl_stamp_read_tx(&h, &stamp)); /* has no number: never a departure */
    free(control);
    return ns;
}

static void test_a_forged_message_is_no_stamp(void)
{
    struct forged f;

    make_good(&f);
    CHECK_EQ(read_forged(&f, sizeof f, RL_STAMP_SOFTWARE), 1000000002);
    CHECK_EQ(read_forged(&f, sizeof f, RL_STAMP_HARDWARE), 3000000004);
    CHECK_EQ(read_forged(&f, sizeof f, RL_STAMP_NONE), 0);
    for (size_t n = 0; n < sizeof f; n++) /* says more than was received */
        CHECK_EQ(read_forged(&f, n, RL_STAMP_SOFTWARE), 0);
    f.header.cmsg_len--;
    CHECK_EQ(read_forged(&f, sizeof f, RL_STAMP_SOFTWARE), 0);
    for (size_t len = SIZE_MAX; len > SIZE_MAX - 32; len--) {
        f.header.cmsg_len = len;
        CHECK_EQ(read_forged(&f, sizeof f, RL_STAMP_SOFTWARE), 0);
    }
    f.header.cmsg_len = 0;
    CHECK_EQ(read_forged(&f, sizeof f, RL_STAMP_SOFTWARE), 0);
    make_good(&f);
    f.header.cmsg_level = SOL_IP;
    CHECK_EQ(read_forged(&f, sizeof f, RL_STAMP_SOFTWARE), 0);
    make_good(&f);
    f.stamps[0] = (struct timespec){-1, 0};
    CHECK_EQ(read_forged(&f, sizeof f, RL_STAMP_SOFTWARE), 0);
    f.stamps[0] = (struct timespec){INT64_MAX, 0};
    CHECK_EQ(read_forged(&f, sizeof f, RL_STAMP_SOFTWARE), 0);
    f.stamps[0] = (struct timespec){1, 1000000000};
    CHECK_EQ(read_forged(&f, sizeof f, RL_STAMP_SOFTWARE), 0);
}

static void test_random_control_messages_are_read_within_their_bounds(void)
{
    uint64_t seed = 11;

    for (int round = 0; round < 20000; round++) {
        size_t n = check_random(&seed) % (RL_STAMP_CONTROL + 1);
        uint8_t *control = malloc(n ? n : 1);
        struct msghdr h = {.msg_control = control, .msg_controllen = n};
        struct rl_stamp_tx stamp;

        CHECK(control != NULL);
        for (size_t i = 0; i < n; i++)
            control[i] = (uint8_t)check_random(&seed);
        for (size_t at = 0; at + sizeof(struct cmsghdr) <= n;) { /* likely ones, now and then */
            size_t len = check_random(&seed) % 90;
            int level = check_random(&seed) % 2 ? SOL_SOCKET : SOL_IP;
            int type = level == SOL_IP ? IP_RECVERR : SO_TIMESTAMPING;

            if (check_random(&seed) % 8 == 0)
                len = (size_t)check_random(&seed);
            memcpy(control + at, &(struct cmsghdr){len, level, type}, sizeof(struct cmsghdr));
            at += len < 90 ? CMSG_ALIGN(len ? len : 1) : n;
        }
        (void)rl_stamp_read(&h, RL_STAMP_SOFTWARE);
        (void)rl_stamp_read(&h, RL_STAMP_HARDWARE);
        (void)rl_stamp_read_tx(&h, &stamp);
        free(control);
    }
}

/* --- the NIC's clock -----------------------------------------------------------------------------
 */

static void test_the_offset_is_of_the_narrowest_bracket(void)
{
    const struct rl_phc_bracket brackets[] = {
        {1000, 5000, 1400}, {2000, 6110, 2201}, {3000, 9000, 3900}};
    const struct rl_phc_bracket backwards[] = {
        {1000, 5000, 999}, {INT64_MIN, 1, 2}, {1, INT64_MIN, 2}, {1, 2, INT64_MIN}};
    const struct rl_phc_bracket far[] = {{-10, INT64_MAX, 10}, {INT64_MIN + 1, 0, INT64_MAX}};
    struct rl_phc_offset offset = {0};

    CHECK(rl_phc_best(brackets, 3, &offset));
    CHECK_EQ(offset.offset_ns, 6110 - 2000 - 100);
    CHECK_EQ(offset.bound_ns, 101); /* 100.5, up */
    CHECK(rl_phc_best(brackets + 2, 1, &offset));
    CHECK_EQ(offset.offset_ns, 9000 - 3000 - 450);
    CHECK_EQ(offset.bound_ns, 450);
    CHECK(!rl_phc_best(backwards, 4, &offset));
    CHECK(!rl_phc_best(far, 2, &offset)); /* no such distance in 64 bits */
    CHECK(!rl_phc_best(brackets, 0, &offset));
}

static void test_a_clock_that_is_not_there_is_an_error(void)
{
    struct rl_phc_offset offset;

    CHECK_EQ(rl_stamp_phc(-1, &offset), -ENODEV);
    CHECK_EQ(rl_stamp_phc(4095, &offset), -ENOENT);
    CHECK(offset.source == NULL);
    if (access("/dev/ptp0", R_OK) == 0) {
        CHECK_EQ(rl_stamp_phc(0, &offset), 0);
        CHECK(offset.source != NULL);
    }
}

int main(void)
{
    test_an_armed_socket_stamps_the_very_first_datagram();
    test_a_socket_that_was_not_armed_has_no_stamps();
    test_hardware_stamps_are_not_claimed_where_there_are_none();
    test_an_interface_that_is_not_there_is_an_error("rl-nowhere0");
    test_an_interface_that_is_not_there_is_an_error("");
    test_an_interface_that_is_not_there_is_an_error("lo-and-much-more-than-fits");
    test_a_name_that_is_too_long_is_not_another_interface();
    test_departures_are_stamped_and_numbered();
    test_other_errors_in_the_queue_are_no_departures();
    test_a_forged_message_is_no_stamp();
    test_random_control_messages_are_read_within_their_bounds();
    test_the_offset_is_of_the_narrowest_bracket();
    test_a_clock_that_is_not_there_is_an_error();
    return 0;
}
