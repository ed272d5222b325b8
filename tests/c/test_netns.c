/*
 * A thread goes into a network namespace, opens what it needs, and is back where it was.
 */
#include <pthread.h>
#include <sys/stat.h>

#include "veth.h"

/* The identity of the namespace in which the calling thread is. */
static ino_t where(void)
{
    struct stat s;

    CHECK_EQ(stat("/proc/thread-self/ns/net", &s), 0);
    return s.st_ino;
}

static void test_entering_moves_the_thread_and_leaving_brings_it_back(void)
{
    ino_t home = where(), there;
    int fd = veth_make_netns(), back;

    CHECK(where() == home);
    CHECK_EQ(rl_netns_enter(fd, &back), 0);
    there = where();
    CHECK(there != home);
    CHECK_EQ(if_nametoindex("rl-none"), 0);
    rl_netns_leave(back);
    CHECK(where() == home);
    close(fd);
}

static void test_without_a_namespace_the_thread_stays(void)
{
    ino_t home = where();
    int back;

    CHECK_EQ(rl_netns_enter(-1, &back), 0);
    CHECK(where() == home);
    CHECK_EQ(back, -1);
    rl_netns_leave(back);
    CHECK(where() == home);
}

static void *look(void *seen)
{
    *(ino_t *)seen = where();
    return NULL;
}

static void test_only_the_calling_thread_moves(void)
{
    ino_t home = where(), seen;
    int fd = veth_make_netns(), back;
    struct stat s;
    pthread_t thread;

    CHECK_EQ(rl_netns_enter(fd, &back), 0);
    CHECK_EQ(stat("/proc/self/ns/net", &s), 0); /* of the first thread: this one */
    CHECK(s.st_ino != home);
    CHECK_EQ(pthread_create(&thread, NULL, look, &seen), 0); /* inherits where it was born */
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(seen != home);
    rl_netns_leave(back);
    CHECK_EQ(pthread_create(&thread, NULL, look, &seen), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(seen == home);
    close(fd);
}

/* A socket stays where it was made, so a port's own thread needs no namespace. */
static void test_what_was_opened_there_stays_there(void)
{
    struct veth v;
    struct ifreq request = {0};
    int back, fd;

    veth_open(&v);
    CHECK_EQ(rl_netns_enter(v.end[0].netns_fd, &back), 0);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    rl_netns_leave(back);
    strcpy(request.ifr_name, v.end[0].interface);
    CHECK_EQ(ioctl(fd, SIOCGIFINDEX, &request), 0);
    CHECK_EQ(request.ifr_ifindex, v.end[0].index);
    strcpy(request.ifr_name, v.end[1].interface); /* the other end is elsewhere */
    CHECK(ioctl(fd, SIOCGIFINDEX, &request) < 0);
    close(fd);
    veth_close(&v);
}

static void test_what_is_no_namespace_is_refused(void)
{
    ino_t home = where();
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), back;

    CHECK_EQ(rl_netns_open("/run/netns/rl-there-is-none"), -ENOENT);
    CHECK_EQ(rl_netns_enter(fd, &back), -EINVAL);
    CHECK(where() == home);
    close(fd);
    CHECK_EQ(rl_netns_enter(1 << 20, &back), -EBADF); /* more than any test opens */
    CHECK(where() == home);
}

static void test_a_namespace_is_opened_by_its_path(void)
{
    int fd = rl_netns_open("/proc/self/ns/net"), back;
    ino_t home = where();

    CHECK(fd >= 0);
    CHECK_EQ(rl_netns_enter(fd, &back), 0);
    CHECK(where() == home);
    rl_netns_leave(back);
    close(fd);
}

int main(void)
{
    test_without_a_namespace_the_thread_stays();
    test_entering_moves_the_thread_and_leaving_brings_it_back(); /* or skips what follows */
    test_a_namespace_is_opened_by_its_path();
    test_only_the_calling_thread_moves();
    test_what_was_opened_there_stays_there();
    test_what_is_no_namespace_is_refused();
    return 0;
}
