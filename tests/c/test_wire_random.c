/*
 * A wire agrees with the slow one on every frame of every random plan, and takes frames of any
 * bytes.
 */
#include "base/mem.h"
#include "rig/wire/wire_inner.h"
#include "slow_wire.h"
#include "tape_port.h"

#define N_PLANS 400
#define N_FRAMES 200

static uint64_t now, state = 0x2545F491;
static struct tape ends[2];
static uint8_t actions[64];

static uint64_t below(uint64_t n)
{
    return check_random(&state) % n;
}

static bool one_in(uint64_t n)
{
    return below(n) == 0;
}

static void draw_plan(struct rl_wire_plan *plan)
{
    *plan = (struct rl_wire_plan){.seed = check_random(&state), .udp_port = TAPE_UDP_PORT};
    for (uint32_t i = 0; i < sizeof actions; i++)
        actions[i] = (uint8_t)(one_in(3) ? below(RL_N_IMPAIR_ACTIONS) : 0);
    if (!one_in(3)) {
        plan->actions = actions;
        plan->n_actions = 1U << below(7);
    }
    plan->delay_ns = one_in(3) ? 0 : below(5000);
    plan->skew_ns = one_in(2) ? 0 : below(500);
    plan->jitter_ns = one_in(3) ? 0 : below(3000);
    plan->shape = (enum rl_wire_shape)below(RL_N_WIRE_SHAPES);
    plan->overtakes = one_in(3);
    if (one_in(2))
        plan->reorder_ppm = (uint32_t)below(500000);
    else
        plan->reorder_every = (uint32_t)below(10);
    plan->reorder_by = (uint32_t)below(6);
    plan->hold_ns = 1 + below(20000);
    if (one_in(3)) {
        plan->rate_bps = 100000000 + below(10000000000);
        plan->burst_bytes = below(1000);
        plan->queue_ns = one_in(2) ? 0 : 1 + below(5000);
    }
    plan->n_pauses = (uint32_t)below(4);
    for (uint32_t i = 0; i < plan->n_pauses; i++)
        plan->pauses[i] = (struct rl_wire_pause){below(50000), 1 + below(5000),
                                                 i == 0 ? 10000 + below(50000) : 0};
}

/* Both are given the same frames at the same moments; turns come at any time. */
static void play(struct rl_wire *fast, struct slow_wire *slow)
{
    uint64_t number = 0;

    while (number < N_FRAMES || slow->n_waiting + slow->n_held > 0) {
        uint64_t n = number < N_FRAMES ? below(4) : 0;

        for (uint64_t i = 0; i < n; i++, number++) {
            tape_arrive(&ends[0], number, TAPE_UDP_PORT);
            slow_arrive(slow, number, ends[0].in[ends[0].n_in - 1].n_bytes, now);
        }
        /* The turn puts out a burst at most: there is more when it is turned again. */
        while (rl_wire_turn(fast, now) > 0)
            ;
        slow_leave(slow, now);
        now += below(one_in(20) ? 20000 : 1500);
    }
}

/* The first difference, or -1. */
static int64_t difference(const struct slow_wire *slow)
{
    for (uint32_t i = 0; i < slow->n_out || i < ends[1].n_out; i++) {
        if (i >= slow->n_out || i >= ends[1].n_out ||
            slow->out[i] != tape_number(&ends[1].out[i]) || slow->out_at[i] != ends[1].out[i].at)
            return i;
    }
    return -1;
}

static void counters_agree(const struct rl_wire *wire, const struct slow_wire *slow)
{
    struct rl_wire_counts n = rl_wire_counts_now(wire, 0);

    CHECK_EQ(n.frames_in, slow->n.frames_in);
    CHECK_EQ(n.numbered, slow->n.numbered);
    CHECK_EQ(n.forwarded, slow->n.forwarded);
    CHECK_EQ(n.reordered, slow->n.reordered);
    CHECK_EQ(n.let_go, slow->n.let_go);
    CHECK_EQ(n.lost, slow->n.lost);
    CHECK_EQ(n.duplicated, slow->n.duplicated);
    CHECK_EQ(n.corrupted, slow->n.corrupted);
    CHECK_EQ(n.corrupted_frame, slow->n.corrupted_frame);
    CHECK_EQ(n.overflow, slow->n.overflow);
    CHECK_EQ(n.queue_full, slow->n.queue_full);
}

static struct slow_wire slow;
static uint64_t
    n_seen[4]; /* overflow, let_go, reordered, queue_full: the plans reach all of them */

/* A random plan, also told to the slow one; the plans differ by `flaw` in their seed. */
static int64_t play_a_plan(uint64_t flaw)
{
    struct rl_wire_config config = {.n_ways = 1, .has_virtual_clock = true};
    struct rl_wire_plan told;
    struct rl_arena arena;
    struct rl_wire wire;
    const char *why;
    int64_t at;

    now = 1 + below(1000000);
    tape_init(&ends[0], &now);
    tape_init(&ends[1], &now);
    CHECK_EQ(rl_clock_from_hz(&config.clock, 1000000000), 0);
    draw_plan(&config.ways[0].plan);
    config.ways[0].in = &ends[0].port;
    config.ways[0].out = &ends[1].port;
    config.ways[0].n_bytes_frame = TAPE_BYTES;
    config.ways[0].n_slots = 1 + (uint32_t)below(one_in(2) ? 200 : 12);
    told = config.ways[0].plan;
    told.seed += flaw;
    memset(&slow, 0, sizeof slow);
    slow.plan = &told;
    slow.n_slots = config.ways[0].n_slots;
    slow.start = now;
    CHECK_EQ(rl_arena_open(&arena, rl_wire_bytes(&config), 0), 0);
    CHECK_EQ(rl_wire_open(&wire, &config, &arena, &why), 0);
    rl_wire_turn(&wire, now);
    play(&wire, &slow);
    at = difference(&slow);
    if (flaw == 0) {
        CHECK_EQ(at, -1);
        counters_agree(&wire, &slow);
        CHECK_EQ(rl_wire_waiting(&wire, 0), 0);
        n_seen[0] += slow.n.overflow;
        n_seen[1] += slow.n.let_go;
        n_seen[2] += slow.n.reordered;
        n_seen[3] += slow.n.queue_full;
    }
    rl_arena_close(&arena);
    return at;
}

static void test_it_agrees_with_the_slow_wire_on_every_frame(void)
{
    for (int i = 0; i < N_PLANS; i++)
        (void)play_a_plan(0);
    for (uint32_t i = 0; i < RL_COUNT(n_seen); i++)
        CHECK(n_seen[i] > 100);
}

static void test_a_slow_wire_of_another_seed_does_not_agree(void)
{
    int n_differ = 0;

    for (int i = 0; i < 50; i++)
        n_differ += play_a_plan(1) >= 0;
    CHECK(n_differ > 30); /* the others draw nothing */
}

/* A frame as a stranger sends it: one of ours with bytes changed, or cut off anywhere. */
static void hostile_arrive(uint64_t number)
{
    struct tape_frame *f = &ends[0].in[ends[0].n_in];

    tape_arrive(&ends[0], number, TAPE_UDP_PORT);
    for (uint64_t i = below(4); i > 0; i--)
        f->bytes[below(one_in(2) ? 50 : f->n_bytes)] = (uint8_t)check_random(&state);
    if (one_in(4))
        f->n_bytes = (uint32_t)below(f->n_bytes + 1);
}

static uint32_t n_changed_bytes(const struct tape_frame *a, const struct tape_frame *b)
{
    uint32_t n = 0;

    CHECK_EQ(a->n_bytes, b->n_bytes);
    for (uint32_t i = 0; i < a->n_bytes; i++)
        n += a->bytes[i] != b->bytes[i];
    return n;
}

static void test_of_any_frame_no_more_is_changed_than_a_byte_and_a_checksum(void)
{
    struct rl_wire_config config = {.n_ways = 1, .has_virtual_clock = true};
    static struct tape_frame sent[TAPE_MAX];
    struct rl_wire_counts n;
    struct rl_arena arena;
    struct rl_wire wire;
    const char *why;

    tape_init(&ends[0], &now);
    tape_init(&ends[1], &now);
    CHECK_EQ(rl_clock_from_hz(&config.clock, 1000000000), 0);
    memset(actions, RL_IMPAIR_CORRUPT, sizeof actions / 2);
    memset(actions + sizeof actions / 2, RL_IMPAIR_CORRUPT_FRAME, sizeof actions / 2);
    config.ways[0] = (struct rl_wire_way_config){
        .in = &ends[0].port,
        .out = &ends[1].port,
        .plan = {.counts_all = true, .actions = actions, .n_actions = sizeof actions},
        .n_bytes_frame = TAPE_BYTES,
    };
    CHECK_EQ(rl_arena_open(&arena, rl_wire_bytes(&config), 0), 0);
    CHECK_EQ(rl_wire_open(&wire, &config, &arena, &why), 0);
    for (uint32_t i = 0; i < TAPE_MAX; i++) {
        wire.ways[0].plan.corrupt_at = (uint32_t)below(120);
        hostile_arrive(i);
        sent[i] = ends[0].in[i];
        rl_wire_turn(&wire, ++now);
        CHECK_EQ(ends[1].n_out, i + 1);
        CHECK(n_changed_bytes(&sent[i], &ends[1].out[i]) <= 3);
    }
    n = rl_wire_counts_now(&wire, 0);
    CHECK(n.corrupted > 100 && n.corrupted_frame > 100 && n.undone > 100);
    CHECK_EQ(n.corrupted + n.corrupted_frame + n.undone, TAPE_MAX);
    rl_arena_close(&arena);
}

int main(void)
{
    test_of_any_frame_no_more_is_changed_than_a_byte_and_a_checksum();
    test_it_agrees_with_the_slow_wire_on_every_frame();
    test_a_slow_wire_of_another_seed_does_not_agree();
    return 0;
}
