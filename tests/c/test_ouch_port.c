/*
 * Numbered frames over a wire that loses, repeats, reorders and damages them: messages arrive once
 * and in order, or the link is down.
 */
#include <errno.h>

#include "lossy_wire.h"
#include "rig/exchange/ouch_port.h"

#define US 1000ULL

struct end {
    struct rl_ouch_port link;
    uint64_t n_got, n_sent;
    uint32_t n_up, n_down;
    bool is_wrong; /* a message came twice, too early, or never */
    bool echoes;
};

static struct rl_arena arena;
static struct wire wire;
static struct end ends[2]; /* the client, the exchange */
static uint64_t now;

static bool send_number(struct end *e)
{
    uint8_t bytes[64];
    uint32_t n = 8 + (uint32_t)(e->n_sent * 7 % 50);

    memset(bytes, (int)n, sizeof bytes);
    rl_put_be64(bytes, e->n_sent + 1);
    if (!rl_ouch_port_send(&e->link, bytes, n))
        return false;
    e->n_sent++;
    return true;
}

static void on_message(void *context, const uint8_t *message, uint32_t n_bytes)
{
    struct end *e = context;

    e->is_wrong |= n_bytes < 8 || rl_be64(message) != e->n_got + 1 ||
                   n_bytes != 8 + (uint32_t)(e->n_got * 7 % 50);
    e->n_got++;
    if (e->echoes)
        CHECK(send_number(e));
}

static void on_news(void *context, enum rl_ouch_port_news news)
{
    struct end *e = context;

    if (news == RL_OUCH_PORT_IS_UP)
        e->n_up++;
    else
        e->n_down++;
}

static void open_ends(uint64_t seed, uint32_t n_window)
{
    if (arena.base) {
        rl_arena_close(&arena);
        wire_close(&wire);
    }
    wire_open(&wire, seed);
    now = 1000000 * US;
    CHECK_EQ(rl_arena_open(&arena, 1 << 22, 0), 0);
    for (int i = 0; i < 2; i++) {
        struct rl_ouch_port_config config = {.is_client = i == 0, .n_window = n_window};
        struct rl_ouch_port_handlers on = {on_message, on_news, &ends[i]};

        ends[i] = (struct end){0};
        CHECK_EQ(rl_ouch_port_init(&ends[i].link, &arena, &config, &wire.end[i].port, &on), 0);
    }
}

static void turn(void)
{
    (void)rl_ouch_port_turn(&ends[0].link, now);
    (void)rl_ouch_port_turn(&ends[1].link, now);
    now += 20 * US;
}

static void open_link(uint64_t seed, uint32_t n_window)
{
    open_ends(seed, n_window);
    rl_ouch_port_open(&ends[0].link, 1, now);
    turn();
    turn();
    CHECK(rl_ouch_port_is_up(&ends[0].link) && rl_ouch_port_is_up(&ends[1].link));
}

/* --- exactly once ----------------------------------------------------------------------------- */

static void converse(uint64_t seed, uint32_t n, uint32_t loses, uint32_t repeats, uint32_t reorders,
                     uint32_t damages)
{
    uint64_t turns = 0, random = seed;

    open_ends(seed, 256);
    wire.loses = loses;
    wire.repeats = repeats;
    wire.reorders = reorders;
    wire.damages = damages;
    rl_ouch_port_open(&ends[0].link, 1, now);
    while (ends[0].n_got < n || ends[1].n_got < n) {
        for (int i = 0; i < 2; i++)
            for (uint64_t k = (check_random(&random) >> 32) % 8; k > 0 && ends[i].n_sent < n; k--)
                (void)send_number(&ends[i]);
        turn();
        CHECK(!ends[0].is_wrong && !ends[1].is_wrong);
        CHECK(++turns < 400000);
    }
    CHECK_EQ(ends[0].n_got + ends[1].n_got, 2 * (uint64_t)n);
    CHECK(ends[0].n_down + ends[1].n_down == 0);
}

static void test_messages_arrive_once_and_in_order_whatever_the_wire_does(void)
{
    static const uint32_t wires[][4] = {
        {0, 0, 0, 0},  {50, 0, 0, 0},     {0, 100, 0, 0},      {0, 0, 200, 0},
        {0, 0, 0, 50}, {20, 20, 100, 10}, {200, 200, 300, 50}, {400, 0, 0, 0},
    };
    uint32_t n_lost = 0, n_repeated = 0, n_reordered = 0, n_damaged = 0;

    for (size_t i = 0; i < RL_COUNT(wires); i++)
        for (uint64_t seed = 1; seed <= 6; seed++) {
            converse(seed * 77, 800, wires[i][0], wires[i][1], wires[i][2], wires[i][3]);
            n_lost += wire.n_lost;
            n_repeated += wire.n_repeated;
            n_reordered += wire.n_reordered;
            n_damaged += wire.n_damaged;
            if (i == 0) /* a good wire costs nothing */
                CHECK_EQ(ends[0].link.n.resent + ends[1].link.n.resent, 0);
            else if (wires[i][0] > 0)
                CHECK(ends[0].link.n.resent > 0);
            if (wires[i][1] > 0)
                CHECK(ends[0].link.n.duplicates > 0);
        }
    CHECK(n_lost > 100 && n_repeated > 100 && n_reordered > 100 && n_damaged > 100);
}

/* The negative: who takes every message of every frame, as it comes. */
static void test_a_receiver_that_skips_the_check_is_noticed(void)
{
    struct rl_frame frames[16];
    struct end naive = {0};
    uint32_t n;

    open_link(5, 256);
    wire.repeats = 300;
    for (int i = 0; i < 50; i++) {
        CHECK(send_number(&ends[0]));
        rl_ouch_port_flush(&ends[0].link);
    }
    while ((n = rl_port_rx_burst(&wire.end[1].port, frames, 16)) > 0)
        for (uint32_t i = 0; i < n; i++)
            if (rl_be16(frames[i].data + 6) == 1)
                on_message(&naive, frames[i].data + 26, rl_be16(frames[i].data + 24));
    CHECK(naive.n_got > 50);
    CHECK(naive.is_wrong);
}

static void test_a_port_without_room_is_tried_again(void)
{
    open_link(1, 256);
    wire.is_full = true;
    for (int i = 0; i < 100; i++)
        CHECK(send_number(&ends[0]));
    for (int i = 0; i < 100; i++)
        turn();
    CHECK_EQ(ends[1].n_got, 0);
    CHECK(ends[0].link.n.frames_unsent > 0);
    wire.is_full = false;
    for (int i = 0; i < 10; i++)
        turn();
    CHECK_EQ(ends[1].n_got, 100);
    CHECK(!ends[1].is_wrong);
}

/* Many frames are lost, the last ones among them, and the sender hears nothing. */
static void test_what_was_lost_comes_again_as_soon_as_one_frame_is_answered(void)
{
    int n_turns = 0;

    open_link(1, 256);
    wire.loses = 1000;
    for (int i = 0; i < 100; i++) {
        CHECK(send_number(&ends[0]));
        rl_ouch_port_flush(&ends[0].link); /* a frame each */
    }
    wire.loses = 0;
    while (ends[1].n_got < 100) {
        turn();
        CHECK(++n_turns < 120); /* of 20 us: a retry is 1 ms, and it takes one */
    }
    CHECK(!ends[1].is_wrong);
    CHECK_EQ(ends[0].link.n.timeouts, 1);
}

/* --- windows ---------------------------------------------------------------------------------- */

static void test_a_full_window_refuses_until_something_is_acknowledged(void)
{
    uint8_t long_one[RL_OUCH_MAX_MESSAGE] = {0};

    open_link(1, 64);
    for (int i = 0; i < 64; i++)
        CHECK(send_number(&ends[0]));
    CHECK(!send_number(&ends[0]));
    CHECK_EQ(rl_ouch_port_room(&ends[0].link), 0);
    turn();
    turn();
    CHECK_EQ(rl_ouch_port_room(&ends[0].link), 64);
    CHECK(send_number(&ends[0]));
    CHECK(!rl_ouch_port_send(&ends[0].link, long_one, sizeof long_one));
    CHECK_EQ(ends[0].link.n.refused, 2);
    turn();
    CHECK(!ends[1].is_wrong);
    CHECK_EQ(ends[1].n_got, 65);
}

/* The client sends and never reads: the exchange does not take what it cannot answer. */
static void test_who_does_not_read_answers_cannot_order(void)
{
    open_link(1, 64);
    ends[1].echoes = true;
    for (int round = 0; round < 20; round++) {
        while (send_number(&ends[0]))
            ;
        rl_ouch_port_flush(&ends[0].link);
        (void)rl_ouch_port_turn(&ends[1].link, now);
        now += 20 * US;
    }
    CHECK(ends[1].n_got <= 64);
    CHECK(ends[1].link.n.untaken > 0);
    for (int i = 0; i < 2000; i++)
        turn();
    CHECK_EQ(ends[1].n_got, ends[0].n_sent); /* and nothing was lost */
    CHECK_EQ(ends[0].n_got, ends[0].n_sent);
    CHECK(!ends[0].is_wrong && !ends[1].is_wrong);
}

/* --- up and down ------------------------------------------------------------------------------ */

static void test_an_opening_that_is_lost_is_tried_again(void)
{
    open_ends(1, 64);
    wire.loses = 1000;
    rl_ouch_port_open(&ends[0].link, 1, now);
    CHECK(send_number(&ends[0])); /* kept until it is up */
    for (int i = 0; i < 200; i++)
        turn();
    CHECK_EQ(ends[1].n_up, 0);
    wire.loses = 0;
    for (int i = 0; i < 200; i++)
        turn();
    CHECK_EQ(ends[0].n_up, 1);
    CHECK_EQ(ends[1].n_up, 1);
    CHECK_EQ(ends[1].n_got, 1);
}

static void test_a_silent_peer_is_down(void)
{
    open_link(1, 64);
    for (int i = 0; i < 200000; i++) /* four seconds of heartbeats */
        turn();
    CHECK_EQ(ends[0].n_down + ends[1].n_down, 0);
    wire.loses = 1000;
    for (int i = 0; i < 200000; i++)
        turn();
    CHECK_EQ(ends[0].n_down, 1);
    CHECK_EQ(ends[1].n_down, 1);
    CHECK(!send_number(&ends[0]));
}

static void test_a_closed_link_is_down_on_both_sides(void)
{
    open_link(1, 64);
    CHECK(send_number(&ends[0]));
    rl_ouch_port_close(&ends[0].link, now);
    CHECK_EQ(ends[0].n_down, 1);
    turn();
    CHECK_EQ(ends[1].n_got, 1);
    CHECK_EQ(ends[1].n_down, 1);
    rl_ouch_port_close(&ends[0].link, now);
    CHECK_EQ(ends[0].n_down, 1);
}

static void test_a_new_session_begins_anew_and_old_frames_are_nothing(void)
{
    uint8_t old[WIRE_BYTES];
    uint32_t n;

    open_link(1, 64);
    CHECK(send_number(&ends[0]));
    rl_ouch_port_flush(&ends[0].link);
    n = wire.end[1].frames[(wire.end[1].tail - 1) % WIRE_FRAMES].n_bytes;
    memcpy(old, wire.end[1].frames[(wire.end[1].tail - 1) % WIRE_FRAMES].bytes, n);
    turn();
    CHECK_EQ(ends[1].n_got, 1);
    rl_ouch_port_open(&ends[0].link, 2, now); /* the engine has started again */
    turn();
    turn();
    CHECK_EQ(ends[1].n_down, 1);
    CHECK_EQ(ends[1].n_up, 2);
    wire_put(&wire.end[1], old, n);
    turn();
    CHECK_EQ(ends[1].n_got, 1);
    CHECK_EQ(ends[1].link.n.frames_bad, 1);
    old[5] |= RL_OUCH_PORT_OPEN; /* not even the opening of the session before */
    wire_put(&wire.end[1], old, n);
    turn();
    CHECK_EQ(ends[1].n_up, 2);
    ends[1].n_got = ends[0].n_sent = 0;
    CHECK(send_number(&ends[0]));
    turn();
    turn();
    CHECK_EQ(ends[1].n_got, 1);
    CHECK(!ends[1].is_wrong);
}

/* --- hostile bytes ---------------------------------------------------------------------------- */

static void test_frames_that_lie_change_nothing(void)
{
    uint64_t random = 9;
    uint8_t frame[128];

    open_link(3, 64);
    for (int i = 0; i < 60000; i++) {
        uint32_t n = (uint32_t)(check_random(&random) >> 32) % sizeof frame;
        uint64_t shape = check_random(&random) >> 32;

        for (uint32_t k = 0; k < sizeof frame; k++)
            frame[k] = (uint8_t)(check_random(&random) >> 40);
        if (shape & 1) { /* near to the truth, in the header */
            rl_put_be32(frame, 1);
            rl_put_be16(frame + 4, (uint16_t)(shape >> 8 & 4));
            rl_put_be16(frame + 6, (uint16_t)(shape >> 16 & 3));
            rl_put_be64(frame + 8, 2 + (shape >> 20 & 3));
            rl_put_be64(frame + 16, 2 + (shape >> 24 & 3)); /* acknowledges what was never sent */
        }
        wire_put(&wire.end[1], frame, n);
        (void)rl_ouch_port_turn(&ends[1].link, now);
    }
    CHECK_EQ(ends[1].n_got, 0);
    CHECK(ends[1].link.n.frames_bad > 50000);
    CHECK_EQ(rl_ouch_port_room(&ends[1].link), 64); /* nothing was taken for acknowledged */
    for (int i = 0; i < 20; i++) {
        CHECK(send_number(&ends[0]));
        turn();
    }
    turn();
    CHECK_EQ(ends[1].n_got, 20);
    CHECK(!ends[1].is_wrong);
}

static void test_a_config_that_makes_no_sense_is_refused(void)
{
    struct rl_ouch_port_config config = {.n_window = 100};
    struct rl_ouch_port_handlers on = {on_message, on_news, NULL};
    struct rl_ouch_port p;

    open_ends(1, 64);
    CHECK_EQ(rl_ouch_port_init(&p, &arena, &config, &wire.end[0].port, &on), -EINVAL);
    config = (struct rl_ouch_port_config){.n_frame_max = 100};
    CHECK_EQ(rl_ouch_port_init(&p, &arena, &config, &wire.end[0].port, &on), -EINVAL);
    config = (struct rl_ouch_port_config){.n_window = 1 << 20};
    CHECK_EQ(rl_ouch_port_init(&p, &arena, &config, &wire.end[0].port, &on), -ENOMEM);
}

int main(void)
{
    test_messages_arrive_once_and_in_order_whatever_the_wire_does();
    test_a_receiver_that_skips_the_check_is_noticed();
    test_a_port_without_room_is_tried_again();
    test_what_was_lost_comes_again_as_soon_as_one_frame_is_answered();
    test_a_full_window_refuses_until_something_is_acknowledged();
    test_who_does_not_read_answers_cannot_order();
    test_an_opening_that_is_lost_is_tried_again();
    test_a_silent_peer_is_down();
    test_a_closed_link_is_down_on_both_sides();
    test_a_new_session_begins_anew_and_old_frames_are_nothing();
    test_frames_that_lie_change_nothing();
    test_a_config_that_makes_no_sense_is_refused();
    rl_arena_close(&arena);
    wire_close(&wire);
    return 0;
}
