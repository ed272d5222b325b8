/*
 * Kernel bypass asked for is kernel bypass obtained, by this very socket, or an error.
 *
 * The program runs itself again under libraries that answer as Onload, VMA and XLIO do.
 */
#include <stdlib.h>
#include <sys/wait.h>

#include "net/accel.h"
#include "socket_ports.h"

static struct rl_port_config wants(enum rl_backend backend, enum rl_accel accel)
{
    struct rl_port_config c = port_config(backend, "127.0.0.1:0", NULL);

    c.accel = accel;
    c.is_listener = backend == RL_BACKEND_TCP;
    return c;
}

static void opens(enum rl_accel accel, const char *mode)
{
    for (enum rl_backend b = RL_BACKEND_UDP; b <= RL_BACKEND_TCP; b++) {
        struct rl_port_config c = wants(b, accel);
        struct rl_port *p = port_open(&c);

        CHECK(strstr(p->caps.mode, mode) != NULL);
        rl_port_close(p);
    }
}

static void refuses(enum rl_accel accel, int err, const char *says)
{
    for (enum rl_backend b = RL_BACKEND_UDP; b <= RL_BACKEND_TCP; b++) {
        struct rl_port_config c = wants(b, accel);

        port_refuses(&c, err, says);
    }
}

/* --- under a library ----------------------------------------------------------------------------
 */

static void every_socket_of_onload_is_taken(void)
{
    CHECK_EQ(rl_accel_present(), RL_ACCEL_ONLOAD);
    opens(RL_ACCEL_ONLOAD, ", onload");
    opens(RL_ACCEL_NONE, "spin"); /* who asks for nothing is not told */
    refuses(RL_ACCEL_VMA, -ENOTSUP, "vma: not preloaded");
    CHECK(rl_accel_signs_of(RL_ACCEL_ONLOAD).is_named ==
          (strstr(FAKE_ONLOAD, "libonload") != NULL));
}

static void a_socket_that_onload_left_to_the_kernel_is_an_error(void)
{
    CHECK_EQ(rl_accel_present(), RL_ACCEL_ONLOAD);
    refuses(RL_ACCEL_ONLOAD, -ENOTCONN, "has not taken over this socket");
    opens(RL_ACCEL_NONE, "spin");
}

static void a_socket_given_back_when_it_is_connected_is_an_error(void)
{
    struct rl_port_config c = wants(RL_BACKEND_UDP, RL_ACCEL_ONLOAD);
    struct rl_port *there = port_open(&c);
    char text[RL_ADDRESS_TEXT];

    c = wants(RL_BACKEND_UDP, RL_ACCEL_ONLOAD);
    CHECK_EQ(rl_address_read(&c.peer, local_of(there, text)), 0);
    port_refuses(&c, -ENOTCONN, "has not taken over this socket");
    rl_port_close(there);
    c = wants(RL_BACKEND_TCP, RL_ACCEL_ONLOAD);
    there = port_open(&c);
    c.is_listener = false;
    c.local.n_bytes = 0;
    CHECK_EQ(rl_address_read(&c.peer, local_of(there, text)), 0);
    port_refuses(&c, -ENOTCONN, "has not taken over this socket");
    rl_port_close(there);
}

static void a_connection_given_back_is_not_accepted(void)
{
    struct rl_port_config c = wants(RL_BACKEND_TCP, RL_ACCEL_ONLOAD);
    struct rl_port *there = port_open(&c), *here;
    int64_t end = now_ns() + PATIENCE_NS;
    char text[RL_ADDRESS_TEXT];
    struct rl_frame frame;

    c = port_config(RL_BACKEND_TCP, NULL, local_of(there, text));
    here = port_open(&c);
    while (rl_port_stats_now(there).rx_invalid == 0 && now_ns() < end)
        CHECK_EQ(rl_port_rx_burst(there, &frame, 1), 0);
    CHECK_EQ(rl_port_stats_now(there).rx_invalid, 1);
    CHECK(rl_port_tx_reserve(there, 8) == NULL);
    rl_port_close(here);
    rl_port_close(there);
}

static void onload_that_is_linked_and_not_running_is_none(void)
{
    CHECK_EQ(rl_accel_present(), RL_ACCEL_NONE);
    refuses(RL_ACCEL_ONLOAD, -ENOTSUP, "onload: not preloaded");
}

static void vma_is_found_and_named_as_present_only(void)
{
    CHECK_EQ(rl_accel_present(), RL_ACCEL_VMA);
    opens(RL_ACCEL_VMA, ", vma present");
    refuses(RL_ACCEL_ONLOAD, -ENOTSUP, "onload: not preloaded");
}

static void vma_that_gives_no_interface_is_none(void)
{
    CHECK_EQ(rl_accel_present(), RL_ACCEL_NONE);
    refuses(RL_ACCEL_VMA, -ENOTSUP, "vma: not preloaded");
}

static const struct {
    const char *library, *variable, *word;
    void (*promise)(void);
} under[] = {
    {FAKE_ONLOAD, "FAKE_ONLOAD", "all", every_socket_of_onload_is_taken},
    {FAKE_ONLOAD, "FAKE_ONLOAD", "none", a_socket_that_onload_left_to_the_kernel_is_an_error},
    {FAKE_ONLOAD, "FAKE_ONLOAD", "handover", a_socket_given_back_when_it_is_connected_is_an_error},
    {FAKE_ONLOAD, "FAKE_ONLOAD", "handover", a_connection_given_back_is_not_accepted},
    {FAKE_ONLOAD, "FAKE_ONLOAD", "absent", onload_that_is_linked_and_not_running_is_none},
    {FAKE_VMA, "FAKE_VMA", "vma", vma_is_found_and_named_as_present_only},
    {FAKE_VMA, "FAKE_VMA", "xlio", vma_is_found_and_named_as_present_only},
    {FAKE_VMA, "FAKE_VMA", "empty", vma_that_gives_no_interface_is_none},
};

/* --- alone
 * ---------------------------------------------------------------------------------------- */

static void test_nothing_preloaded_is_nothing_obtained(void)
{
    struct rl_accel_signs signs = rl_accel_signs_of(RL_ACCEL_ONLOAD);

    CHECK_EQ(rl_accel_present(), RL_ACCEL_NONE);
    opens(RL_ACCEL_NONE, "spin");
    refuses(RL_ACCEL_ONLOAD, -ENOTSUP, "start it under onload");
    refuses(RL_ACCEL_VMA, -ENOTSUP, "libvma.so or libxlio.so");
    refuses((enum rl_accel)77, -ENOTSUP, "?: not preloaded");
    CHECK_EQ(signs.has_module, access("/sys/module/onload", F_OK) == 0);
    CHECK(!signs.is_named);
}

static void test_a_library_that_is_named_and_did_not_come_is_said_so(void)
{
    CHECK_EQ(setenv("LD_PRELOAD", "/usr/lib/libonload.so", 1), 0);
    CHECK(rl_accel_signs_of(RL_ACCEL_ONLOAD).is_named);
    CHECK(!rl_accel_signs_of(RL_ACCEL_VMA).is_named);
    refuses(RL_ACCEL_ONLOAD, -ENOTSUP, "though LD_PRELOAD names it");
    CHECK_EQ(setenv("LD_PRELOAD", "libfirst.so:libxlio.so", 1), 0);
    CHECK(rl_accel_signs_of(RL_ACCEL_VMA).is_named);
    CHECK_EQ(unsetenv("LD_PRELOAD"), 0);
}

static void test_under(unsigned i)
{
    char number[16], asan[512];
    const char *options = getenv("ASAN_OPTIONS");
    pid_t pid = fork();
    int status;

    CHECK(pid >= 0);
    if (pid == 0) {
        snprintf(number, sizeof number, "%u", i);
        /* A preloaded library comes before the sanitizer's, which would not have it otherwise. */
        snprintf(asan, sizeof asan, "%s%sverify_asan_link_order=0", options ? options : "",
                 options ? ":" : "");
        setenv("ASAN_OPTIONS", asan, 1);
        setenv("LD_PRELOAD", under[i].library, 1);
        setenv(under[i].variable, under[i].word, 1);
        execl("/proc/self/exe", "test_accel", number, (char *)NULL);
        _exit(127);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    if (status != 0)
        fprintf(stderr, "%s, %s=%s\n", under[i].library, under[i].variable, under[i].word);
    CHECK_EQ(status, 0);
}

int main(int argc, char **argv)
{
    if (argc == 2) {
        under[strtoul(argv[1], NULL, 10) % RL_COUNT(under)].promise();
        return 0;
    }
    test_nothing_preloaded_is_nothing_obtained();
    test_a_library_that_is_named_and_did_not_come_is_said_so();
    for (unsigned i = 0; i < RL_COUNT(under); i++)
        test_under(i);
    return 0;
}
