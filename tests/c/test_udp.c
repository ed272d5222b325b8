/*
 * Datagrams arrive whole or are counted as lost, one turn takes no more than a batch, and addresses
 * are read strictly.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "net/loop/udp.h"

#define MS 1000000ULL
#define MAX_BYTES 1500

static struct rl_arena arena;
static struct rl_loop loop;
static uint32_t n_seen, n_bytes_seen;
static uint8_t last[MAX_BYTES];
static struct rl_address last_from;

static void seen(void *context, struct rl_udp *u, const uint8_t *bytes, uint32_t n_bytes,
                 const struct rl_address *from)
{
    (void)context;
    (void)u;
    n_seen++;
    n_bytes_seen += n_bytes;
    memcpy(last, bytes, n_bytes);
    last_from = *from;
}

static struct rl_address at(const char *text)
{
    struct rl_address a;

    CHECK_EQ(rl_address_read(&a, text), 0);
    return a;
}

static void set_up(void)
{
    CHECK_EQ(rl_arena_open(&arena, 1 << 20, 0), 0);
    CHECK_EQ(rl_loop_open(&loop), 0);
    n_seen = n_bytes_seen = 0;
}

static void tear_down(void)
{
    rl_loop_close(&loop);
    rl_arena_close(&arena);
}

static void open_pair(struct rl_udp *in, struct rl_udp *out, const char *bind_to)
{
    struct rl_udp_config config = {
        .bind = at(bind_to), .n_bytes_datagram = MAX_BYTES, .received = seen};

    CHECK_EQ(rl_udp_open(in, &loop, &arena, &config), 0);
    config = (struct rl_udp_config){.to = in->address, .n_bytes_datagram = MAX_BYTES};
    CHECK_EQ(rl_udp_open(out, NULL, &arena, &config), 0);
}

static void turn_until(uint32_t n)
{
    for (int i = 0; n_seen < n; i++) {
        CHECK(i < 2000);
        rl_loop_turn(&loop, 5 * MS);
    }
}

static void test_a_datagram_arrives_and_can_be_answered(void)
{
    struct rl_udp in, out;
    char answer[8];

    set_up();
    open_pair(&in, &out, "127.0.0.1:0");
    CHECK(rl_udp_send(&out, "ping", 4));
    turn_until(1);
    CHECK_EQ(n_bytes_seen, 4);
    CHECK(memcmp(last, "ping", 4) == 0);
    CHECK_EQ(rl_address_port(&last_from), rl_address_port(&out.address));
    CHECK(rl_udp_send_to(&in, &last_from, "pong", 4));
    CHECK_EQ(recv(out.watch.fd, answer, sizeof answer, 0), 4);
    CHECK_EQ(in.n.received, 1);
    CHECK_EQ(out.n.sent, 1);
    rl_udp_close(&in);
    rl_udp_close(&in);
    rl_udp_close(&out);
    tear_down();
}

static void test_a_turn_takes_one_batch(void)
{
    struct rl_udp in, out;

    set_up();
    open_pair(&in, &out, "127.0.0.1:0");
    for (int i = 0; i < RL_UDP_BATCH + 8; i++)
        rl_udp_queue(&out, "x", 1);
    CHECK_EQ(out.n.sent, RL_UDP_BATCH);
    rl_udp_flush(&out);
    CHECK_EQ(out.n.sent, RL_UDP_BATCH + 8);
    rl_loop_turn(&loop, MS);
    CHECK_EQ(n_seen, RL_UDP_BATCH);
    turn_until(RL_UDP_BATCH + 8);
    rl_udp_close(&in);
    rl_udp_close(&out);
    tear_down();
}

static void test_what_is_too_long_is_counted_on_either_side(void)
{
    struct rl_udp in, out;
    uint8_t bytes[MAX_BYTES + 1] = {0};

    set_up();
    open_pair(&in, &out, "127.0.0.1:0");
    rl_udp_queue(&out, bytes, MAX_BYTES + 1);
    CHECK_EQ(out.n.lost, 1);
    CHECK(rl_udp_send(&out, bytes, MAX_BYTES + 1)); /* a rude one */
    CHECK(rl_udp_send(&out, bytes, MAX_BYTES));
    turn_until(1);
    CHECK_EQ(in.n.too_long, 1);
    CHECK_EQ(n_bytes_seen, MAX_BYTES);
    rl_udp_close(&in);
    rl_udp_close(&out);
    tear_down();
}

static void test_nobody_there_is_no_trouble(void)
{
    struct rl_udp in, out;

    set_up();
    open_pair(&in, &out, "127.0.0.1:0");
    rl_udp_close(&in);
    for (int i = 0; i < 10; i++) {
        rl_udp_send(&out, "x", 1);
        rl_udp_queue(&out, "y", 1);
        rl_udp_flush(&out);
    }
    CHECK_EQ(out.n.sent + out.n.lost, 20);
    CHECK(out.n.errors > 0);
    rl_udp_close(&out);
    tear_down();
}

static void test_a_group_on_this_machine_has_several_readers(void)
{
    struct rl_udp in, also, out;
    struct rl_udp_config config;

    set_up();
    open_pair(&in, &out, "239.255.77.1:0");
    config = in.config;
    config.bind = in.address;
    CHECK_EQ(rl_udp_open(&also, &loop, &arena, &config), 0);
    CHECK(rl_udp_send(&out, "all", 3));
    turn_until(2);
    rl_udp_close(&in);
    rl_udp_close(&also);
    rl_udp_close(&out);
    tear_down();
}

static void test_a_taken_port_is_refused(void)
{
    struct rl_udp in, out, other;
    struct rl_udp_config config;

    set_up();
    open_pair(&in, &out, "127.0.0.1:0");
    config = in.config;
    config.bind = in.address;
    CHECK_EQ(rl_udp_open(&other, &loop, &arena, &config), -EADDRINUSE);
    config.n_bytes_datagram = 0;
    CHECK_EQ(rl_udp_open(&other, &loop, &arena, &config), -EINVAL);
    CHECK_EQ(rl_udp_open(&other, NULL, &arena, &in.config), -EINVAL);
    rl_udp_close(&in);
    rl_udp_close(&out);
    tear_down();
}

static void test_addresses_are_read_strictly_and_written_back(void)
{
    static const struct {
        const char *text, *written;
    } good[] = {
        {"127.0.0.1:9878", "127.0.0.1:9878"}, {":9878", "127.0.0.1:9878"},
        {"9878", "127.0.0.1:9878"},           {"localhost:1", "127.0.0.1:1"},
        {"[::1]:65535", "[::1]:65535"},       {"0.0.0.0:0", "0.0.0.0:0"},
    };
    static const char *const bad[] = {
        "",
        ":",
        "x:1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "::1:1",
        "1.2.3:4",
        "[::1]",
        "[127.0.0.1]:1",
        ":1 ",
        "a.very.long.name.that.is.no.address.at.all.and.does.not.end.here:1",
        "[]:1",
        "[::1:1",
        ":000001",
    };
    struct rl_address a;
    char text[RL_ADDRESS_TEXT];

    for (size_t i = 0; i < RL_COUNT(good); i++) {
        CHECK_EQ(rl_address_read(&a, good[i].text), 0);
        CHECK(strcmp(rl_address_write(&a, text), good[i].written) == 0);
    }
    for (size_t i = 0; i < RL_COUNT(bad); i++) {
        if (rl_address_read(&a, bad[i]) != -EINVAL) {
            fprintf(stderr, "taken for an address: '%s'\n", bad[i]);
            exit(1);
        }
    }
    CHECK(!rl_address_is_multicast(&(struct rl_address){0}));
}

int main(void)
{
    test_a_datagram_arrives_and_can_be_answered();
    test_a_turn_takes_one_batch();
    test_what_is_too_long_is_counted_on_either_side();
    test_nobody_there_is_no_trouble();
    test_a_group_on_this_machine_has_several_readers();
    test_a_taken_port_is_refused();
    test_addresses_are_read_strictly_and_written_back();
    return 0;
}
