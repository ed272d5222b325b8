/*
 * Frames made in the kernel are the template with its sequence number and time, each one, whatever
 * became of the page before; and over a cable all of them arrive, in order.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bpf_frames.h"
#include "bpf_rights.h"
#include "net/bpf/count.h"
#include "net/bpf/live.h"
#include "net/netns.h"
#include "veth.h"

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static struct rl_live_config config_of(const struct frame *f)
{
    return (struct rl_live_config){.frame = f->bytes,
                                   .n_bytes = f->n_bytes,
                                   .at_sequence = f->payload + 8,
                                   .at_stamp = f->payload + 16,
                                   .first_sequence = UINT64_MAX - 1};
}

/* One frame as the program makes it out of `page`. */
static struct frame make_one(const struct rl_live *live, const struct frame *page)
{
    struct frame f = *page;
    struct rl_bpf_run run = {.frame = page->bytes,
                             .n_bytes = page->n_bytes,
                             .out = f.bytes,
                             .n_bytes_out_max = sizeof(f.bytes)};

    CHECK_EQ(rl_bpf_run(live->prog_fd, &run), 0);
    CHECK_EQ(run.verdict, XDP_PASS);
    CHECK_EQ(run.n_bytes_out, page->n_bytes);
    return f;
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static void check_made(const struct named_frame *named)
{
    struct frame template = make_frame(named->spec), f, back;
    struct rl_live_config config = config_of(&template);
    struct rl_live live;

    OPENED(rl_live_open(&live, &config, why));
    for (uint64_t i = 0; i < 4; i++) { /* over the end of 64 bits */
        uint64_t before = now_ns();

        f = make_one(&live, &template);
        CHECK_EQ(get64(f.bytes + config.at_sequence), UINT64_MAX - 1 + i);
        CHECK(get64(f.bytes + config.at_stamp) >= before);
        CHECK(get64(f.bytes + config.at_stamp) <= now_ns());
        if (named->spec.no_checksum)
            CHECK_EQ(slow_word(f.bytes + f.udp + 6), 0);
        else
            CHECK(udp_is_right(&f));
        back = f;
        memcpy(back.bytes + config.at_sequence, template.bytes + config.at_sequence, 16);
        memcpy(back.bytes + f.udp + 6, template.bytes + f.udp + 6, 2);
        CHECK(memcmp(back.bytes, template.bytes, f.n_bytes) == 0);
    }
    CHECK_EQ(rl_live_n_made(&live), 4);
    rl_live_close(&live);
}

static void test_each_frame_is_the_template_with_its_number_and_time_and_a_right_sum(void)
{
    for (size_t i = 0; i < RL_COUNT(frames_of_ours); i++)
        check_made(&frames_of_ours[i]);
}

static void test_what_a_receiver_did_to_the_page_is_undone(void)
{
    struct frame template = make_frame((struct frame_spec){.n_tags = 1}), page = template, f;
    struct rl_live_config config = config_of(&template);
    struct rl_live live;

    OPENED(rl_live_open(&live, &config, why));
    memset(page.bytes, 0xee, page.n_bytes);
    f = make_one(&live, &page);
    CHECK(udp_is_right(&f));
    CHECK(memcmp(f.bytes, template.bytes, template.udp) == 0);
    CHECK(memcmp(f.bytes + template.payload, template.bytes + template.payload, 8) == 0);
    rl_live_close(&live);
}

static void test_the_checksum_is_right_for_many_numbers_and_never_none(void)
{
    struct frame template = make_frame((struct frame_spec){.n_payload = 25}), f;
    struct rl_live_config config = config_of(&template);
    uint64_t random = 11;
    struct rl_live live;

    config.at_stamp = RL_LIVE_NOWHERE;
    for (int i = 0; i < 8; i++) {
        config.first_sequence = check_random(&random);
        OPENED(rl_live_open(&live, &config, why));
        for (int k = 0; k < 32; k++) {
            f = make_one(&live, &template);
            CHECK(udp_is_right(&f));
            CHECK(slow_word(f.bytes + f.udp + 6) != 0);
        }
        rl_live_close(&live);
    }
}

static void test_a_frame_that_is_no_udp_is_stamped_behind_its_ethernet_header(void)
{
    struct frame f = {.n_bytes = 60};
    struct rl_live_config config = {
        .frame = f.bytes, .n_bytes = 60, .at_sequence = 14, .at_stamp = 52};
    struct frame made;
    struct rl_live live;

    slow_put(f.bytes + 12, 2, 0x88b5);
    OPENED(rl_live_open(&live, &config, why));
    make_one(&live, &f);
    made = make_one(&live, &f);
    CHECK_EQ(get64(made.bytes + 14), 1);
    CHECK(get64(made.bytes + 52) != 0);
    rl_live_close(&live);
}

static void check_refused(struct rl_live_config config)
{
    struct rl_live live;

    memset(why, 0, sizeof(why));
    CHECK_EQ(rl_live_open(&live, &config, why), -EINVAL);
    CHECK(strstr(why, "live frames: ") == why);
    rl_live_close(&live);
}

static void test_stamps_that_do_not_fit_are_refused_with_a_reason(void)
{
    struct frame f = make_frame((struct frame_spec){.n_tags = 1});
    const struct rl_live_config good = config_of(&f);
    struct rl_live_config bad;
    uint32_t stamps[] = {f.payload - 2, f.payload + 17, f.n_bytes - 6, f.n_bytes, UINT32_MAX - 1};

    for (size_t i = 0; i < RL_COUNT(stamps); i++) {
        bad = good;
        bad.at_stamp = stamps[i];
        check_refused(bad);
        bad = good;
        bad.at_sequence = stamps[i];
        check_refused(bad);
    }
    bad = good;
    bad.at_stamp = bad.at_sequence + 6; /* over each other */
    check_refused(bad);
    bad = good;
    bad.n_bytes = 13;
    check_refused(bad);
    bad.n_bytes = RL_LIVE_MAX_BYTES + 1;
    check_refused(bad);
    bad = good;
    bad.batch = RL_LIVE_MAX_BATCH + 1;
    check_refused(bad);
}

#define N_SENT 600
#define BURST 200 /* what the receive ring of a veth holds, so none may be lost */

static int open_receiver(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(FRAME_PORT)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int n_bytes = 4 << 20; /* each frame is a page there */

    CHECK(fd >= 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &n_bytes, sizeof(n_bytes)), 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

/* The burst is there: receivers of XDP frames run before the call that made them returns, or soon.
 */
static void receive_burst(int fd, uint64_t *next)
{
    struct timeval patience = {.tv_sec = 5};
    uint8_t bytes[FRAME_MAX];

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    for (int i = 0; i < BURST; i++) {
        CHECK_EQ(recv(fd, bytes, sizeof(bytes), 0), 32);
        CHECK_EQ(get64(bytes + 8), (*next)++);
        CHECK(get64(bytes + 16) <= now_ns());
    }
}

static void check_sent(const struct veth *v, uint32_t batch)
{
    struct rl_xdp_count_config taker = {
        .ifindex = v->end[1].index, .hook = RL_XDP_HOOK_NATIVE, .udp_port = FRAME_PORT};
    struct frame template = make_frame((struct frame_spec){.n_tags = 0});
    struct rl_live_config config = config_of(&template);
    struct rl_xdp_count count;
    struct rl_live live;
    uint64_t next = 0;
    int home, fd;

    config.ifindex = v->end[0].index;
    config.first_sequence = 0;
    config.batch = batch;
    CHECK_EQ(rl_netns_enter(v->end[1].netns_fd, &home), 0);
    OPENED(rl_xdp_count_open(&count, &taker, why)); /* lets the cable take XDP frames */
    fd = open_receiver();
    rl_netns_leave(home);

    CHECK_EQ(rl_netns_enter(v->end[0].netns_fd, &home), 0);
    OPENED(rl_live_open(&live, &config, why));
    CHECK_EQ(rl_live_send(&live, 0), 0);
    CHECK_EQ(rl_live_n_made(&live), 0);
    while (next < N_SENT) {
        CHECK_EQ(rl_live_send(&live, BURST), 0);
        receive_burst(fd, &next);
    }
    CHECK_EQ(rl_live_n_made(&live), N_SENT);
    CHECK_EQ(rl_xdp_count_n_frames(&count), N_SENT);
    rl_live_close(&live);
    rl_netns_leave(home);
    rl_xdp_count_close(&count);
    close(fd);
}

static void test_all_frames_arrive_in_order_whatever_the_batch(const struct veth *v)
{
    check_sent(v, 0);
    check_sent(v, 1);
    check_sent(v, RL_LIVE_MAX_BATCH);
}

int main(void)
{
    struct veth v;

    bpf_or_skip();
    test_each_frame_is_the_template_with_its_number_and_time_and_a_right_sum();
    test_what_a_receiver_did_to_the_page_is_undone();
    test_the_checksum_is_right_for_many_numbers_and_never_none();
    test_a_frame_that_is_no_udp_is_stamped_behind_its_ethernet_header();
    test_stamps_that_do_not_fit_are_refused_with_a_reason();
    veth_open(&v);
    test_all_frames_arrive_in_order_whatever_the_batch(&v);
    veth_close(&v);
    return 0;
}
