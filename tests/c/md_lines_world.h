/*
 * md_lines_world - a day of trading on two lines that drop, repeat and swap packets, and a feed
 * handler whose requests are served by the exchange that sent them.
 */
#ifndef RL_TESTS_MD_LINES_WORLD_H
#define RL_TESTS_MD_LINES_WORLD_H

#include "md_world.h"

static struct world w;
static struct subscriber s;

/* --- a day on two lines ----------------------------------------------------------------------- */

/* A day of `n` requests. The exchange stands as it was at its end. */
static inline void trade(uint64_t seed, uint32_t n, const struct rl_md_itch_config *config)
{
    w.random = seed;
    world_open(&w, 3, config);
    for (uint32_t i = 0; i < n; i++) {
        world_random_request(&w);
        if (i % 3 == 0)
            world_turn(&w);
    }
    world_turn(&w);
    w.now_ns += 1000000000; /* a heartbeat, so that the last loss shows as well */
    world_turn(&w);
}

/* What happens to a line. Chances are of 1,000 packets. */
struct faults {
    uint32_t drop, repeat, swap;
    bool is_dead;
};

struct injected {
    uint64_t dropped, repeated, swapped, sent;
};

/* What arrives of a line, in its order: packet numbers. */
static uint32_t arrivals[2][3 * WORLD_PACKETS];
static uint32_t n_arrivals[2];
static bool arrived[2][WORLD_PACKETS];

static inline struct injected damage(uint32_t line, const struct faults *f, uint64_t *random)
{
    struct injected n = {0};
    uint32_t *out = arrivals[line], count = 0;

    memset(arrived[line], 0, sizeof arrived[line]);
    for (uint32_t i = 0; i < w.n_packets; i++) {
        /* The first and the last come through: a feed begins somewhere, and ends somewhere. */
        bool is_spared = i == 0 || i + 1 == w.n_packets;

        if (f->is_dead || (!is_spared && check_random(random) % 1000 < f->drop)) {
            n.dropped++;
            continue;
        }
        arrived[line][i] = true;
        out[count++] = i;
        n.sent++;
        if (!is_spared && check_random(random) % 1000 < f->repeat) {
            out[count++] = i;
            n.repeated++;
            n.sent++;
        }
    }
    for (uint32_t k = 1; k + 2 < count; k++)
        if (check_random(random) % 1000 < f->swap && out[k] != out[k + 1]) {
            uint32_t first = out[k];

            out[k] = out[k + 1];
            out[k + 1] = first;
            n.swapped++;
            k += 3; /* swaps do not touch: each is a gap of its own */
        }
    n_arrivals[line] = count;
    return n;
}

/* Does what the handler asks for; how often it asked. */
static inline uint64_t serve(uint64_t *now_ns, bool has_retransmission)
{
    struct rl_lines_request ask;
    uint8_t request[RL_MOLD_HEADER];
    uint64_t n = 0;

    while (rl_lines_request(s.feed.lines, *now_ns, &ask)) {
        n++;
        w.n_answers = 0;
        rl_md_itch_turn(&w.md, w.now_ns); /* the budget is whole again */
        if (ask.is_snapshot) {
            enum rl_md_joined joined = RL_MD_JOIN_MORE;

            rl_md_join_restart(&s.join);
            while (joined == RL_MD_JOIN_MORE) {
                rl_md_join_ask(&s.join, request, (const uint8_t *)w.md.session);
                rl_md_itch_turn(&w.md, w.now_ns);
                w.n_answers = 0;
                rl_md_itch_request(&w.md, 1, request, sizeof request, w.now_ns);
                CHECK_EQ(w.n_answers, 1);
                joined = rl_md_join_push(&s.join, w.answer, w.n_answer, *now_ns);
            }
            CHECK(joined == RL_MD_JOIN_DONE || joined == RL_MD_JOIN_OLD);
            subscriber_poll(&s, *now_ns);
            if (joined == RL_MD_JOIN_OLD)
                break; /* a little later */
            continue;
        }
        if (!has_retransmission)
            continue;
        rl_mold_put_request(request, (const uint8_t *)w.md.session, ask.first, ask.n);
        rl_md_itch_request(&w.md, 1, request, sizeof request, w.now_ns);
        if (w.n_answers > 0)
            subscriber_push(&s, RL_LINE_RECOVERY, w.answer, w.n_answer, *now_ns);
    }
    return n;
}

/* Line A is a little earlier than B. Time stands still but for what is waited for. */
static inline uint64_t play(bool has_retransmission)
{
    uint64_t now_ns = 1000000, asked = 0;
    uint32_t at[2] = {0, 0};

    while (at[0] < n_arrivals[0] || at[1] < n_arrivals[1]) {
        /* Whose packet is the earlier one; of the same packet A's. */
        uint32_t line = at[0] == n_arrivals[0] ||
                        (at[1] < n_arrivals[1] && arrivals[1][at[1]] < arrivals[0][at[0]]);
        const struct world_packet *p = &w.packets[arrivals[line][at[line]++]];

        now_ns += 10;
        subscriber_push(&s, line, w.bytes + p->at, p->n_bytes, now_ns);
        asked += serve(&now_ns, has_retransmission);
    }
    for (int i = 0; i < 100 && !rl_lines_is_synced(s.feed.lines); i++) {
        uint64_t due_ns = rl_lines_due_ns(s.feed.lines);

        CHECK(due_ns != UINT64_MAX);
        now_ns = due_ns > now_ns ? due_ns : now_ns;
        subscriber_poll(&s, now_ns);
        asked += serve(&now_ns, has_retransmission);
    }
    CHECK(rl_lines_is_synced(s.feed.lines));
    return asked;
}

static inline struct rl_lines_config two_lines(void)
{
    return rl_lines_defaults(rl_protocol_of(RL_FEED_ITCH, true), 2);
}

static inline uint32_t n_messages_of(uint32_t packet)
{
    return rl_be16(w.bytes + w.packets[packet].at + 18);
}

static inline void close_both(void)
{
    subscriber_close(&s);
    world_close(&w);
}

#endif
