/*
 * The XDP programs do to each frame what they promise, to the byte: the kernel runs them on frames
 * of ours, without any interface.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf_frames.h"
#include "bpf_rights.h"
#include "net/bpf/count.h"
#include "net/bpf/echo.h"
#include "net/bpf/redirect.h"

/* Runs the program on the frame, which becomes what the program made of it; returns the verdict. */
static uint32_t run_on(int prog_fd, struct frame *f)
{
    uint8_t out[FRAME_MAX];
    struct rl_bpf_run run = {
        .frame = f->bytes, .n_bytes = f->n_bytes, .out = out, .n_bytes_out_max = sizeof(out)};

    CHECK_EQ(rl_bpf_run(prog_fd, &run), 0);
    CHECK_EQ(run.n_bytes_out, f->n_bytes);
    memcpy(f->bytes, out, f->n_bytes);
    return run.verdict;
}

static void check_verdict(int prog_fd, const struct named_frame *named, uint32_t wanted)
{
    struct frame before = make_frame(named->spec), after = before;
    uint32_t verdict = run_on(prog_fd, &after);

    if (verdict != wanted || memcmp(before.bytes, after.bytes, before.n_bytes) != 0) {
        fprintf(stderr, "a frame that is %s: verdict %u, wanted %u\n", named->name, verdict,
                wanted);
        exit(1);
    }
}

static void check_verdicts(int prog_fd, uint32_t of_ours, uint32_t of_others)
{
    for (size_t i = 0; i < RL_COUNT(frames_of_ours); i++)
        check_verdict(prog_fd, &frames_of_ours[i], of_ours);
    for (size_t i = 0; i < RL_COUNT(frames_of_others); i++)
        check_verdict(prog_fd, &frames_of_others[i], of_others);
}

/* The least that the kernel wants of a socket before it lets it into a map: memory and two rings.
 */
static int open_xdp_socket(void)
{
    int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), n = 64;
    void *memory =
        mmap(NULL, 64 * 2048, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct xdp_umem_reg umem = {
        .addr = (uint64_t)(uintptr_t)memory, .len = 64 * 2048, .chunk_size = 2048};

    if (fd < 0) {
        printf("no AF_XDP sockets here\n");
        exit(RL_SKIP);
    }
    CHECK_EQ(setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)), 0);
    CHECK_EQ(setsockopt(fd, SOL_XDP, XDP_UMEM_FILL_RING, &n, sizeof(n)), 0);
    CHECK_EQ(setsockopt(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &n, sizeof(n)), 0);
    CHECK_EQ(setsockopt(fd, SOL_XDP, XDP_RX_RING, &n, sizeof(n)), 0);
    return fd;
}

static void test_frames_of_our_ports_go_to_the_socket_and_all_others_to_the_kernel(void)
{
    struct rl_redirect_config config = {.ports = {7, FRAME_PORT, 65535}, .n_ports = 3};
    int socket_fd = open_xdp_socket();
    struct rl_redirect r;

    OPENED(rl_redirect_open(&r, &config, why));
    OPENED(rl_redirect_add(&r, 0, socket_fd, why));
    check_verdicts(r.prog_fd, XDP_REDIRECT, XDP_PASS);
    for (uint32_t i = 0; i < config.n_ports; i++) {
        struct named_frame named = {"to a port of ours", {.to_port = config.ports[i]}};

        check_verdict(r.prog_fd, &named, XDP_REDIRECT);
    }
    rl_redirect_close(&r);
    close(socket_fd);
}

static void test_without_ports_every_frame_goes_to_the_socket(void)
{
    struct rl_redirect_config config = {.n_queues = 1};
    int socket_fd = open_xdp_socket();
    struct rl_redirect r;

    OPENED(rl_redirect_open(&r, &config, why));
    OPENED(rl_redirect_add(&r, 0, socket_fd, why));
    check_verdicts(r.prog_fd, XDP_REDIRECT, XDP_REDIRECT);
    rl_redirect_close(&r);
    close(socket_fd);
}

static void test_a_queue_without_a_socket_leaves_its_frames_to_the_kernel(void)
{
    struct rl_redirect_config config = {.n_ports = 1, .ports = {FRAME_PORT}, .n_queues = 2};
    int socket_fd = open_xdp_socket();
    struct rl_redirect r;

    OPENED(rl_redirect_open(&r, &config, why));
    check_verdict(r.prog_fd, &frames_of_ours[0], XDP_PASS);
    OPENED(rl_redirect_add(&r, 1, socket_fd, why)); /* another queue's */
    check_verdict(r.prog_fd, &frames_of_ours[0], XDP_PASS);
    CHECK_EQ(rl_redirect_add(&r, 2, socket_fd, why), -E2BIG);
    CHECK(strstr(why, "queue 2") != NULL);
    CHECK(rl_redirect_add(&r, 0, STDIN_FILENO, why) < 0); /* not a socket of that kind */
    rl_redirect_close(&r);
    close(socket_fd);
}

static void test_more_ports_than_there_is_room_for_are_refused(void)
{
    struct rl_redirect_config config = {.n_ports = RL_REDIRECT_MAX_PORTS + 1};
    struct rl_redirect r;

    CHECK_EQ(rl_redirect_open(&r, &config, why), -EINVAL);
    rl_redirect_close(&r);
}

static void check_echo(int prog_fd, const struct named_frame *named)
{
    struct frame f = make_frame(named->spec), wanted = f, back = f;

    memcpy(wanted.bytes, f.bytes + 6, 6);
    memcpy(wanted.bytes + 6, f.bytes, 6);
    memcpy(wanted.bytes + f.ip + 12, f.bytes + f.ip + 16, 4);
    memcpy(wanted.bytes + f.ip + 16, f.bytes + f.ip + 12, 4);
    memcpy(wanted.bytes + f.udp, f.bytes + f.udp + 2, 2);
    memcpy(wanted.bytes + f.udp + 2, f.bytes + f.udp, 2);
    CHECK_EQ(run_on(prog_fd, &back), XDP_TX);
    CHECK(memcmp(back.bytes, wanted.bytes, f.n_bytes) == 0);
    CHECK_EQ(slow_sum(0, back.bytes + f.ip, f.udp - f.ip), 0xffff);
    CHECK(named->spec.no_checksum || udp_is_right(&back));
}

static void test_an_echo_goes_back_with_addresses_and_ports_exchanged_and_sums_right(void)
{
    struct rl_xdp_echo echo;

    OPENED(rl_xdp_echo_open(&echo, 0, RL_XDP_HOOK_AUTO, FRAME_PORT, why));
    for (size_t i = 0; i < RL_COUNT(frames_of_ours); i++)
        check_echo(echo.prog_fd, &frames_of_ours[i]);
    CHECK_EQ(rl_xdp_echo_n_frames(&echo), RL_COUNT(frames_of_ours));
    for (size_t i = 0; i < RL_COUNT(frames_of_others); i++)
        check_verdict(echo.prog_fd, &frames_of_others[i], XDP_PASS);
    check_verdict(echo.prog_fd, &(struct named_frame){"to a group", {.is_group = true}}, XDP_PASS);
    CHECK_EQ(rl_xdp_echo_n_frames(&echo), RL_COUNT(frames_of_ours));
    rl_xdp_echo_close(&echo);
}

static void test_frames_cut_short_anywhere_pass_untouched(void)
{
    struct frame whole = make_frame((struct frame_spec){.n_tags = 2, .n_option_words = 2});
    struct rl_redirect_config config = {.ports = {FRAME_PORT}, .n_ports = 1};
    int socket_fd = open_xdp_socket();
    struct rl_xdp_echo echo;
    struct rl_redirect r;

    OPENED(rl_xdp_echo_open(&echo, 0, RL_XDP_HOOK_AUTO, FRAME_PORT, why));
    OPENED(rl_redirect_open(&r, &config, why));
    OPENED(rl_redirect_add(&r, 0, socket_fd, why));
    for (uint32_t n = 14; n <= whole.n_bytes; n++) { /* less the kernel itself does not take */
        struct frame f = whole;

        f.n_bytes = n;
        CHECK_EQ(run_on(r.prog_fd, &f), n < whole.payload ? XDP_PASS : XDP_REDIRECT);
        CHECK_EQ(run_on(echo.prog_fd, &f), n < whole.payload ? XDP_PASS : XDP_TX);
        CHECK(n >= whole.payload || memcmp(f.bytes, whole.bytes, n) == 0);
    }
    rl_xdp_echo_close(&echo);
    rl_redirect_close(&r);
    close(socket_fd);
}

static void test_frames_of_the_port_are_counted_and_dropped_or_passed(void)
{
    struct rl_xdp_count_config config = {.udp_port = FRAME_PORT};
    struct rl_xdp_count count;

    for (int drops = 0; drops < 2; drops++) {
        config.drops = drops != 0;
        OPENED(rl_xdp_count_open(&count, &config, why));
        check_verdicts(count.prog_fd, drops ? XDP_DROP : XDP_PASS, XDP_PASS);
        CHECK_EQ(rl_xdp_count_n_frames(&count), RL_COUNT(frames_of_ours));
        rl_xdp_count_close(&count);
    }
}

static void test_every_frame_is_counted_when_no_port_is_given(void)
{
    struct rl_xdp_count_config config = {.drops = true};
    struct rl_xdp_count count;

    OPENED(rl_xdp_count_open(&count, &config, why));
    for (size_t i = 0; i < RL_COUNT(frames_of_others); i++)
        check_verdict(count.prog_fd, &frames_of_others[i], XDP_DROP);
    CHECK_EQ(rl_xdp_count_n_frames(&count), RL_COUNT(frames_of_others));
    rl_xdp_count_close(&count);
}

int main(void)
{
    bpf_or_skip();
    test_frames_of_our_ports_go_to_the_socket_and_all_others_to_the_kernel();
    test_without_ports_every_frame_goes_to_the_socket();
    test_a_queue_without_a_socket_leaves_its_frames_to_the_kernel();
    test_more_ports_than_there_is_room_for_are_refused();
    test_an_echo_goes_back_with_addresses_and_ports_exchanged_and_sums_right();
    test_frames_cut_short_anywhere_pass_untouched();
    test_frames_of_the_port_are_counted_and_dropped_or_passed();
    test_every_frame_is_counted_when_no_port_is_given();
    return 0;
}
