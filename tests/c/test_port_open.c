/* Ports by name: what is missing is said by its name, and a refusal leaves nothing behind. */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "net/port/port_probe.h"
#include "socket_ports.h"

#define NOBODY 65534

static int n_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    CHECK(d != NULL);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

/* In a process of its own, without any right; 77: it cannot be had. */
static void without_rights(void (*promise)(int netns), int netns)
{
    pid_t pid = fork();
    int status;

    CHECK(pid >= 0);
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
            _exit(RL_SKIP);
        promise(netns);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) == RL_SKIP)
        printf("not tried: rights cannot be given up here\n");
    else
        CHECK_EQ(WEXITSTATUS(status), 0);
}

static void test_names_are_read_as_they_are_written(void)
{
    enum rl_backend backend = RL_BACKEND_XDP;

    for (unsigned i = 0; i < RL_N_BACKENDS; i++) {
        CHECK(rl_backend_read(&backend, rl_backend_name((enum rl_backend)i)));
        CHECK_EQ(backend, i);
    }
    backend = RL_BACKEND_TCP;
    CHECK(!rl_backend_read(&backend, "udp2"));
    CHECK(!rl_backend_read(&backend, ""));
    CHECK(!rl_backend_read(&backend, "shm")); /* a cable, not a port of its own */
    CHECK_EQ(backend, RL_BACKEND_TCP);
    CHECK(strcmp(rl_backend_name((enum rl_backend)99), "?") == 0);
    CHECK(strcmp(rl_wait_name((enum rl_wait)99), "?") == 0);
    CHECK(strcmp(rl_xdp_mode_name((enum rl_xdp_mode) - 1), "?") == 0);
    CHECK(strcmp(rl_wait_name(RL_WAIT_BUSY_POLL), "busy-poll") == 0);
}

static void test_a_probe_says_what_or_why_and_leaves_nothing(void)
{
    int before = n_descriptors();

    for (unsigned i = 0; i <= RL_N_BACKENDS; i++) {
        char mode[48], why[RL_PORT_WHY];
        int err = rl_backend_probe((enum rl_backend)i, mode, why);

        CHECK(err <= 0);
        CHECK((err == 0) == (mode[0] != '\0'));
        CHECK((err != 0) == (why[0] != '\0'));
        if (i <= RL_BACKEND_TCP)
            CHECK_EQ(err, 0);
        if (i == RL_N_BACKENDS)
            CHECK_EQ(err, -EINVAL);
    }
    CHECK_EQ(n_descriptors(), before);
}

static void a_probe_names_the_right(int netns)
{
    char mode[48], why[RL_PORT_WHY];

    (void)netns;
    CHECK_EQ(rl_backend_probe(RL_BACKEND_UDP, mode, why), 0);
    CHECK_EQ(rl_backend_probe(RL_BACKEND_TCP, mode, why), 0);
    CHECK_EQ(rl_backend_probe(RL_BACKEND_PACKET, mode, why), -EPERM);
    CHECK(strstr(why, "CAP_NET_RAW") != NULL);
    CHECK_EQ(rl_backend_probe(RL_BACKEND_XDP, mode, why), -EPERM);
    CHECK(strstr(why, "CAP_NET_RAW") != NULL);
}

static void a_port_names_the_right(int netns)
{
    struct rl_port_config c = {.backend = RL_BACKEND_PACKET, .netns_fd = -1, .interface = "lo"};

    port_refuses(&c, -EPERM, "CAP_NET_RAW");
    c.backend = RL_BACKEND_XDP;
    port_refuses(&c, -EPERM, "CAP_");
    c = port_config(RL_BACKEND_UDP, "127.0.0.1:0", NULL);
    c.netns_fd = netns;
    port_refuses(&c, -EPERM, "CAP_SYS_ADMIN");
}

static void a_low_port_names_the_right(int netns)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, "127.0.0.1:7", NULL);
    int first = 1024;
    FILE *f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");

    (void)netns;
    if (f != NULL) {
        (void)!fscanf(f, "%d", &first);
        fclose(f);
    }
    if (first > 7)
        port_refuses(&c, -EACCES, "CAP_NET_BIND_SERVICE");
}

/* Buffers beyond the host's limit need CAP_NET_ADMIN: what was obtained is what is said. */
static void a_smaller_buffer_is_no_error(int netns)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, "127.0.0.1:0", NULL);
    struct rl_port *p = port_open(&c);

    (void)netns;
    CHECK(strstr(p->caps.mode, ", buf ") != NULL);
    rl_port_close(p);
}

static void test_a_namespace_that_is_none_is_refused(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, "127.0.0.1:0", NULL);

    c.netns_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(c.netns_fd >= 0);
    port_refuses(&c, -EINVAL, "namespace: cannot be entered");
    close(c.netns_fd);
}

static void test_a_port_lives_where_its_namespace_is_and_the_caller_stays(int netns)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, "127.0.0.1:0", NULL);
    char text[RL_ADDRESS_TEXT];
    struct rl_port *here = port_open(&c), *there;

    c = port_config(RL_BACKEND_UDP, local_of(here, text), NULL);
    port_refuses(&c, -EADDRINUSE, text);
    c.netns_fd = netns;
    there = port_open(&c); /* the same address, elsewhere */
    c.netns_fd = -1;
    port_refuses(&c, -EADDRINUSE, text); /* and the caller is back */
    rl_port_close(there);
    rl_port_close(here);
}

static void test_refusals_leave_no_descriptor(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, "203.0.113.1:9", NULL);
    int before = n_descriptors();

    port_refuses(&c, -EADDRNOTAVAIL, "203.0.113.1:9");
    c.backend = RL_BACKEND_TCP;
    c.is_listener = true;
    port_refuses(&c, -EADDRNOTAVAIL, "203.0.113.1:9");
    c = port_config(RL_BACKEND_UDP, "[::1]:0", "127.0.0.1:9");
    port_refuses(&c, -EAFNOSUPPORT, "127.0.0.1:9");
    c = port_config(RL_BACKEND_UDP, "[ff05::1]:0", NULL);
    port_refuses(&c, -EAFNOSUPPORT, "join");
    c = port_config(RL_BACKEND_UDP, "239.255.77.3:0", NULL);
    CHECK_EQ(rl_address_read(&c.multicast_interface, "[::1]:0"), 0);
    port_refuses(&c, -EAFNOSUPPORT, "join");
    c = port_config(RL_BACKEND_UDP, "127.0.0.1:0", NULL);
    c.accel = RL_ACCEL_ONLOAD;
    port_refuses(&c, -ENOTSUP, "onload");
    c = (struct rl_port_config){.backend = RL_BACKEND_PACKET, .netns_fd = -1};
    snprintf(c.interface, sizeof c.interface, "rl-nowhere0");
    for (unsigned i = RL_BACKEND_PACKET; i <= RL_BACKEND_XDP; i++) {
        char why[RL_PORT_WHY];
        struct rl_port *p;

        c.backend = (enum rl_backend)i;
        CHECK(rl_port_open(&p, &c, why) < 0);
        CHECK(p == NULL && why[0] != '\0');
    }
    CHECK_EQ(n_descriptors(), before);
}

static void test_no_more_descriptors_is_said(void)
{
    struct rl_port_config c = port_config(RL_BACKEND_UDP, "127.0.0.1:0", NULL);
    struct rlimit was, none;

    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = was;
    none.rlim_cur = 0;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    port_refuses(&c, -EMFILE, strerror(EMFILE));
    c.backend = RL_BACKEND_TCP;
    port_refuses(&c, -EMFILE, strerror(EMFILE));
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
}

/* Of a namespace of its own with its loopback down; -1 where none can be made. */
static int make_netns(void)
{
    int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), fd;

    CHECK(home >= 0);
    if (unshare(CLONE_NEWNET) != 0) {
        close(home);
        return -1;
    }
    fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(setns(home, CLONE_NEWNET), 0);
    close(home);
    return fd;
}

int main(void)
{
    int netns = make_netns();

    test_names_are_read_as_they_are_written();
    test_a_probe_says_what_or_why_and_leaves_nothing();
    test_a_namespace_that_is_none_is_refused();
    test_refusals_leave_no_descriptor();
    test_no_more_descriptors_is_said();
    without_rights(a_probe_names_the_right, -1);
    without_rights(a_low_port_names_the_right, -1);
    without_rights(a_smaller_buffer_is_no_error, -1);
    if (netns < 0) {
        printf("skipped the rest: no network namespace can be made (needs CAP_SYS_ADMIN)\n");
        return RL_SKIP;
    }
    test_a_port_lives_where_its_namespace_is_and_the_caller_stays(netns);
    without_rights(a_port_names_the_right, netns);
    close(netns);
    return 0;
}
