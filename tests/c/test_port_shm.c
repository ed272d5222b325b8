/*
 * A shm cable carries frames both ways, in order and without copying, and says what it refused.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "net/port/port_shm.h"
#include "spin.h"

#define RING_BYTES 1024
#define BURST 8

static struct rl_arena arena;
static struct rl_cable cable;

static void open_cable(void)
{
    CHECK_EQ(rl_arena_open(&arena, 1 << 16, 0), 0);
    CHECK_EQ(rl_cable_open(&cable, &arena, RING_BYTES), 0);
}

static bool try_send(struct rl_port *port, const void *bytes, uint32_t n_bytes)
{
    uint8_t *frame = rl_port_tx_reserve(port, n_bytes);

    if (frame == NULL)
        return false;
    memcpy(frame, bytes, n_bytes);
    rl_port_tx_commit(port, n_bytes);
    return true;
}

static void test_what_one_end_sends_the_other_receives(void)
{
    struct rl_frame frames[BURST];

    open_cable();
    for (int i = 0; i < 2; i++) {
        struct rl_port *here = cable.end[i], *there = cable.end[1 - i];

        CHECK(try_send(here, "one", 3));
        CHECK(try_send(here, "three", 5));
        CHECK_EQ(rl_port_rx_burst(here, frames, BURST), 0); /* not its own */
        CHECK_EQ(rl_port_rx_burst(there, frames, BURST), 2);
        CHECK_EQ(frames[0].n_bytes, 3);
        CHECK(memcmp(frames[0].data, "one", 3) == 0);
        CHECK_EQ(frames[1].n_bytes, 5);
        CHECK(memcmp(frames[1].data, "three", 5) == 0);
        rl_port_rx_release(there);
        CHECK_EQ(rl_port_rx_burst(there, frames, BURST), 0);
    }
    rl_arena_close(&arena);
}

static void test_a_frame_is_read_where_it_was_written(void)
{
    struct rl_frame frame;
    uint8_t *written;

    open_cable();
    CHECK(cable.end[0]->caps.zero_copy_rx && cable.end[0]->caps.zero_copy_tx);
    CHECK(!cable.end[0]->caps.needs_syscall);
    written = rl_port_tx_reserve(cable.end[0], 100);
    rl_port_tx_commit(cable.end[0], 10);
    CHECK_EQ(rl_port_rx_burst(cable.end[1], &frame, 1), 1);
    CHECK(frame.data == written);
    CHECK_EQ(frame.n_bytes, 10);
    rl_arena_close(&arena);
}

static void test_frames_stay_until_they_are_released(void)
{
    struct rl_frame frames[2 * RING_BYTES / 64];
    uint8_t bytes[56] = {0};
    uint32_t n_sent = 0, n_got = 0;

    open_cable();
    for (;; n_sent++) {
        bytes[0] = (uint8_t)n_sent;
        if (!try_send(cable.end[0], bytes, sizeof(bytes)))
            break;
    }
    CHECK(n_sent >= RING_BYTES / 64 - 1);
    while (n_got < n_sent) { /* in bursts of 3, all of them held */
        uint32_t n = rl_port_rx_burst(cable.end[1], frames + n_got, 3);

        CHECK(n > 0 && n <= 3);
        n_got += n;
    }
    CHECK(!try_send(cable.end[0], bytes, sizeof(bytes)));
    for (uint32_t i = 0; i < n_sent; i++)
        CHECK_EQ(frames[i].data[0], i);
    rl_port_rx_release(cable.end[1]);
    CHECK(try_send(cable.end[0], bytes, sizeof(bytes)));
    rl_arena_close(&arena);
}

static void test_every_frame_and_refusal_is_counted(void)
{
    struct rl_frame frames[BURST];
    struct rl_port_stats sent, got;
    uint8_t bytes[RING_BYTES] = {0};
    uint32_t n_max, n_burst = 0, n;

    open_cable();
    n_max = cable.end[0]->caps.n_bytes_frame_max;
    CHECK(!try_send(cable.end[0], bytes, n_max + 1));
    CHECK(try_send(cable.end[0], bytes, n_max));
    CHECK(!try_send(cable.end[0], bytes, n_max));
    CHECK(try_send(cable.end[0], bytes, 1));
    while ((n = rl_port_rx_burst(cable.end[1], frames, BURST)) > 0)
        n_burst += n;
    CHECK_EQ(n_burst, 2);

    sent = rl_port_stats_now(cable.end[0]);
    CHECK_EQ(sent.tx_frames, 2);
    CHECK_EQ(sent.tx_bytes, n_max + 1);
    CHECK_EQ(sent.tx_full, 1);
    CHECK_EQ(sent.tx_too_large, 1);
    CHECK_EQ(sent.rx_frames, 0);
    got = rl_port_stats_now(cable.end[1]);
    CHECK_EQ(got.rx_frames, 2);
    CHECK_EQ(got.rx_bytes, n_max + 1);
    CHECK_EQ(got.tx_frames, 0);
    rl_arena_close(&arena);
}

static void test_a_cable_that_cannot_be_had_is_refused(void)
{
    CHECK_EQ(rl_arena_open(&arena, 4096, 0), 0);
    CHECK_EQ(rl_cable_open(&cable, &arena, 1000), -EINVAL);
    CHECK_EQ(rl_cable_open(&cable, &arena, 32), -EINVAL);
    CHECK_EQ(rl_cable_open(&cable, &arena, 1 << 20), -ENOMEM);
    rl_arena_close(&arena);
}

#define N_ECHOES 20000

static void *echo(void *arg)
{
    struct rl_port *port = arg;
    struct rl_frame frames[BURST];
    uint32_t n_turns = 0;

    for (uint64_t n_echoed = 0; n_echoed < N_ECHOES;) {
        uint32_t n = rl_port_rx_burst(port, frames, BURST);

        for (uint32_t i = 0; i < n; i++)
            while (!try_send(port, frames[i].data, frames[i].n_bytes))
                spin_wait(&n_turns);
        if (n == 0)
            spin_wait(&n_turns);
        n_echoed += n;
        rl_port_rx_release(port);
    }
    return NULL;
}

/* Frames of 8 to 207 bytes, many under way at once; each says how long it is and which one. */
static void test_frames_cross_two_threads_and_come_back_in_order(void)
{
    struct rl_frame frames[BURST];
    uint8_t bytes[208];
    uint64_t n_sent = 0, n_back = 0;
    uint32_t n_turns = 0;
    pthread_t thread;

    open_cable();
    CHECK_EQ(pthread_create(&thread, NULL, echo, cable.end[1]), 0);
    while (n_back < N_ECHOES) {
        uint32_t n_bytes = 8 + (uint32_t)(n_sent * 7 % 200), n;

        memset(bytes, (int)(n_sent & 0xFF), sizeof(bytes));
        memcpy(bytes, &n_sent, 8);
        if (n_sent < N_ECHOES && n_sent - n_back < 3 && try_send(cable.end[0], bytes, n_bytes))
            n_sent++;
        n = rl_port_rx_burst(cable.end[0], frames, BURST);
        for (uint32_t i = 0; i < n; i++, n_back++) {
            uint64_t id;

            memcpy(&id, frames[i].data, 8);
            CHECK_EQ(id, n_back);
            CHECK_EQ(frames[i].n_bytes, 8 + n_back * 7 % 200);
            CHECK(frames[i].n_bytes == 8 || frames[i].data[frames[i].n_bytes - 1] == (id & 0xFF));
        }
        rl_port_rx_release(cable.end[0]);
        if (n == 0)
            spin_wait(&n_turns);
    }
    CHECK_EQ(pthread_join(thread, NULL), 0);
    rl_arena_close(&arena);
}

int main(void)
{
    test_what_one_end_sends_the_other_receives();
    test_a_frame_is_read_where_it_was_written();
    test_frames_stay_until_they_are_released();
    test_every_frame_and_refusal_is_counted();
    test_a_cable_that_cannot_be_had_is_refused();
    test_frames_cross_two_threads_and_come_back_in_order();
    return 0;
}
