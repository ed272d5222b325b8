/*
 * A wire on a CPU of its own, a pthread that others only look at, carries frames both ways.
 */
#include <sched.h>
#include <string.h>

#include "base/cpu.h"
#include "check.h"
#include "net/port/port_shm.h"
#include "rig/wire/wire_run.h"

#define CARRIED 5000

/* What one end sends, the other receives, while the wire turns on its own CPU. */
static void carry(struct rl_port *from, struct rl_port *to)
{
    uint64_t n_sent = 0, n_got = 0;

    while (n_got < CARRIED) {
        struct rl_frame frame;
        uint8_t *room =
            n_sent < CARRIED && n_sent - n_got < 64 ? rl_port_tx_reserve(from, 8) : NULL;

        if (room != NULL) {
            memcpy(room, &n_sent, 8);
            rl_port_tx_commit(from, 8);
            n_sent++;
        }
        while (rl_port_rx_burst(to, &frame, 1) == 1) {
            uint64_t number;

            memcpy(&number, frame.data, 8);
            CHECK_EQ(number, n_got);
            n_got++;
            rl_port_rx_release(to);
        }
        if (n_sent - n_got == 64 || n_sent == CARRIED)
            sched_yield(); /* the wire may have no other CPU */
    }
}

static void test_on_a_cpu_of_its_own_it_carries_frames_both_ways(void)
{
    struct rl_wire_config config = {.n_ways = 2};
    struct rl_wire_runner runner;
    struct rl_cable a, b;
    struct rl_arena arena;
    const char *why;
    int cpu;

    CHECK_EQ(rl_arena_open(&arena, 1 << 20, 0), 0);
    CHECK_EQ(rl_cable_open(&a, &arena, 1 << 16), 0);
    CHECK_EQ(rl_cable_open(&b, &arena, 1 << 16), 0);
    CHECK_EQ(rl_clock_from_hz(&config.clock, 2000000000), 0);
    config.ways[0] = (struct rl_wire_way_config){.in = a.end[1], .out = b.end[0]};
    config.ways[1] = (struct rl_wire_way_config){.in = b.end[0], .out = a.end[1]};
    config.ways[0].plan.counts_all = config.ways[1].plan.counts_all = true;
    config.ways[0].plan.delay_ns = 1000;
    CHECK(rl_cpu_allowed(&cpu, 1) > 0);
    CHECK_EQ(rl_wire_start(&runner, &config, cpu, &why), 0);
    carry(a.end[0], b.end[1]);
    carry(b.end[1], a.end[0]);
    rl_wire_stop(&runner);
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQ(rl_wire_counts_now(&runner.wire, i).forwarded, CARRIED);
        CHECK_EQ(rl_wire_errors(&runner.wire, i)->n_total, CARRIED);
    }
    CHECK_EQ(runner.usage.n_allocs, 0);
    rl_wire_close(&runner);
    rl_wire_close(&runner);
    rl_arena_close(&arena);
}

static void test_a_runner_says_why_it_does_not_start(void)
{
    struct rl_wire_config config = {.n_ways = 0};
    struct rl_wire_runner runner;
    const char *why = NULL;

    CHECK(rl_wire_start(&runner, &config, 0, &why) < 0);
    CHECK(why != NULL);
    rl_wire_close(&runner);
}

int main(void)
{
    test_on_a_cpu_of_its_own_it_carries_frames_both_ways();
    test_a_runner_says_why_it_does_not_start();
    return 0;
}
