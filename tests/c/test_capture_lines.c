/*
 * Captures of two exchanges through the lines: both lines of CME give one stream whatever is
 * dropped, and what is done to the packets of ICE is what the lines report.
 */
#include "packets.h"

#include "market/codec/ice.h"
#include "market/codec/mdp3.h"

static const char cme[] = "ab/cme-mdp3-ab.pcapng";
static const char ice[] = "ab/ice-impact-single-line.pcap";

/* --- CME -------------------------------------------------------------------------------------- */

/* Every SBE message that comes out, hashed in order. */
struct heard {
    uint64_t hash, n_packets, n_messages, first, last, n_lost;
};

static void hear(struct rl_lines *l, struct heard *h)
{
    struct rl_delivery d;

    while (rl_lines_next(l, &d)) {
        struct rl_mdp3 m;
        const uint8_t *message;
        uint32_t n;

        CHECK(rl_mdp3_open(&m, d.bytes, d.n_bytes));
        CHECK_EQ(d.n_skip, 0);
        while ((message = rl_mdp3_next(&m, &n)) != NULL) {
            h->hash = fold_bytes(h->hash, message, n);
            h->n_messages++;
        }
        h->first = h->n_packets == 0 ? m.seq : h->first;
        CHECK(h->n_packets == 0 || d.n_lost > 0 || m.seq == h->last + 1);
        h->last = m.seq;
        h->n_lost += d.n_lost;
        h->n_packets++;
    }
}

static struct heard play_cme(const struct packets *p, struct rl_lines *l)
{
    struct heard h = {0};

    for (uint64_t i = 0; i < p->n; i++) {
        const struct packet *k = &p->all[i];

        if (k->bytes && rl_lines_push(l, k->line, k->bytes, k->n_bytes, k->at_ns))
            hear(l, &h);
    }
    return h;
}

static struct rl_lines_config cme_config(void)
{
    return rl_lines_defaults(rl_protocol_of(RL_FEED_MDP3, false), 2);
}

/* `pct` of the differences is `wanted` ns, to the resolution of the histogram. */
static void check_skew(const struct rl_lines *l, double pct, int64_t wanted)
{
    int64_t seen = rl_lines_skew_ns(l, 0, 1, pct);

    CHECK(llabs(seen - wanted) * 100 <= llabs(wanted));
}

static void test_both_lines_give_the_stream_and_say_who_was_first_and_by_how_much(void)
{
    struct packets p = packets_read(cme, RL_SOURCE_PCAPNG);
    struct rl_lines_config config = cme_config();
    struct rig rig = rig_open(&config);
    struct rl_lines *l = rig.lines;
    struct heard h = play_cme(&p, l), one = {0};
    struct rl_lines_config alone = rl_lines_defaults(config.protocol, 1);
    struct rig single = rig_open(&alone);

    CHECK_EQ(h.first, 5615);
    CHECK_EQ(h.last, 10614);
    CHECK_EQ(h.n_packets, 5000);
    CHECK_EQ(h.n_messages, 10273);
    CHECK_EQ(l->line[0].packets, 5000);
    CHECK_EQ(l->line[0].wins, 193);
    CHECK_EQ(l->line[1].wins, 4807);
    CHECK_EQ(l->line[0].duplicates, 4807);
    CHECK_EQ(l->line[1].duplicates, 193);
    CHECK_EQ(l->line[0].conflicts + l->line[1].conflicts, 0);
    CHECK_EQ(l->n.lost + l->n.clock_back, 0);
    /* A minus B: least -6.1, median +0.26, p99 +4.6, greatest +15.4 us; buckets of one percent. */
    check_skew(l, 0, -6087);
    check_skew(l, 50, 261);
    check_skew(l, 99, 4589);
    check_skew(l, 100, 15400);
    CHECK_EQ(rl_lines_skew_ns(l, 1, 0, 100), -rl_lines_skew_ns(l, 0, 1, 0));
    check_gaps_add_up(l);

    /* The same messages as one line alone. */
    for (uint64_t i = 0; i < p.n; i++)
        p.all[i].bytes = p.all[i].line == 0 ? p.all[i].bytes : NULL;
    one = play_cme(&p, single.lines);
    CHECK(one.hash == h.hash && one.n_messages == h.n_messages);
    rig_close(&single);
    rig_close(&rig);
    packets_free(&p);
}

/* Drops on each line, single and in bursts, so that every packet survives on one of them. */
static void drop_on_either(struct packets *p, uint64_t seed, unsigned per_mille)
{
    static uint8_t gone[1 << 16]; /* by number: bit a line */
    uint32_t burst[2] = {0, 0};

    memset(gone, 0, sizeof gone);
    for (uint64_t i = 0; i < p->n; i++) {
        struct packet *k = &p->all[i];
        uint32_t seq = rl_le32(k->bytes);

        CHECK(seq < sizeof gone);
        if (burst[k->line] == 0 && check_random(&seed) % 1000 < per_mille)
            burst[k->line] = 1 + (uint32_t)(check_random(&seed) % 20);
        if (burst[k->line] > 0) {
            burst[k->line]--;
            if (!(gone[seq] & 1u << !k->line)) {
                gone[seq] |= (uint8_t)(1u << k->line);
                k->bytes = NULL;
            }
        }
    }
}

static void test_whatever_is_dropped_on_one_line_the_messages_are_the_same(void)
{
    static const unsigned rates[] = {1, 10, 50, 200, 500, 900, 1000};
    struct packets p = packets_read(cme, RL_SOURCE_PCAPNG);
    struct packet *all = malloc(p.n * sizeof *all);
    struct rl_lines_config config = cme_config();
    struct rig rig = rig_open(&config);
    struct heard whole = play_cme(&p, rig.lines);

    CHECK(all != NULL);
    memcpy(all, p.all, p.n * sizeof *all);
    rig_close(&rig);
    for (unsigned i = 0; i < 3 * RL_COUNT(rates); i++) {
        uint64_t n_dropped = 0;
        struct heard h;

        memcpy(p.all, all, p.n * sizeof *all);
        drop_on_either(&p, i + 1, rates[i % RL_COUNT(rates)]);
        for (uint64_t k = 0; k < p.n; k++)
            n_dropped += p.all[k].bytes == NULL;
        CHECK(n_dropped > 0);
        rig = rig_open(&config);
        h = play_cme(&p, rig.lines);
        CHECK(h.hash == whole.hash);
        CHECK_EQ(h.n_packets, 5000);
        CHECK_EQ(rig.lines->n.lost, 0);
        CHECK(rl_lines_is_synced(rig.lines));
        check_gaps_add_up(rig.lines);
        rig_close(&rig);
    }
    /* The hash does tell: one packet dropped on both lines changes it, and is reported. */
    memcpy(p.all, all, p.n * sizeof *all);
    for (uint64_t k = 0; k < p.n; k++)
        if (rl_le32(p.all[k].bytes) == 7000)
            p.all[k].bytes = NULL;
    rig = rig_open(&config);
    whole.first = play_cme(&p, rig.lines).hash;
    CHECK(whole.first != whole.hash);
    CHECK_EQ(rig.lines->n.lost, 1);
    CHECK_EQ(rig.lines->n_losses, 1);
    CHECK_EQ(rig.lines->losses[0].first, 7000);
    CHECK_EQ(rig.lines->n.gaps_lost, 1);
    check_gaps_add_up(rig.lines);
    rig_close(&rig);
    free(all);
    packets_free(&p);
}

/* --- ICE -------------------------------------------------------------------------------------- */

#define HOUR_NS 3600000000000ULL
#define GAP_NS 20000000ULL /* reordering within that is mended */

static struct rl_lines_config ice_config(void)
{
    struct rl_lines_config c = rl_lines_defaults(rl_protocol_of(RL_FEED_ICE, false), 1);

    c.n_losses = 4096;
    c.gap_floor_ns = GAP_NS;
    c.gap_ceiling_ns = HOUR_NS;
    return c;
}

struct ice_heard {
    uint64_t n_messages, next;
};

static void hear_ice(struct rl_lines *l, struct ice_heard *h)
{
    struct rl_delivery d;

    while (rl_lines_next(l, &d)) {
        uint64_t n = d.head.n_messages - d.n_skip;

        CHECK(h->next == 0 || d.head.previous + 1 + d.n_skip == h->next + d.n_lost);
        h->next = d.head.next;
        h->n_messages += n;
    }
}

static struct ice_heard play_ice(const struct packets *p, struct rl_lines *l)
{
    struct ice_heard h = {0};

    for (uint64_t i = 0; i < p->n; i++)
        if (rl_lines_push(l, 0, p->all[i].bytes, p->all[i].n_bytes, p->all[i].at_ns))
            hear_ice(l, &h);
    if (p->n > 0 && rl_lines_poll(l, p->all[p->n - 1].at_ns + HOUR_NS))
        hear_ice(l, &h);
    return h;
}

static void test_an_undisturbed_line_has_no_gap(void)
{
    struct packets p = packets_read(ice, RL_SOURCE_PCAP);
    struct rl_lines_config config = ice_config();
    struct rig rig = rig_open(&config);
    struct ice_heard h = play_ice(&p, rig.lines);

    CHECK_EQ(p.n, 8680);
    CHECK_EQ(h.n_messages, 31893);
    CHECK_EQ(rig.lines->n.gaps + rig.lines->n.lost + rig.lines->line[0].bad, 0);
    CHECK_EQ(rig.lines->line[0].repeats + rig.lines->line[0].late, 0);
    rig_close(&rig);
    packets_free(&p);
}

/* What is done to the packets that have messages. */
struct faults {
    struct rl_loss *losses; /* numbers that nobody will bring, merged, in order */
    uint64_t n_losses, n_lost, n_repeats, n_late, n_reordered;
};

/*
 * Drops, repeats, packets held back within the window's wait and beyond it. Faults keep apart
 * from each other by a few packets, so that what each one does can be told.
 */
static struct packets disturb(const struct packets *p, uint64_t seed, struct faults *f)
{
    struct packets out = {.all = malloc(2 * p->n * sizeof out.all[0])};
    uint64_t lost_at = 0;
    uint32_t quiet = 3;

    *f = (struct faults){.losses = malloc(p->n * sizeof f->losses[0])};
    CHECK(out.all && f->losses);
    for (uint64_t i = 0; i < p->n; i++) {
        struct packet k = p->all[i];
        uint32_t n = rl_be16(k.bytes + 6), what = (uint32_t)(check_random(&seed) % 20);
        bool is_last = i + 4 >= p->n;
        uint64_t next_at = is_last ? k.at_ns : p->all[i + 1].at_ns;

        if (n == 0 || quiet > 0 || is_last || what > 3) {
            quiet -= quiet > 0 && n > 0;
            out.all[out.n++] = k;
            continue;
        }
        quiet = 3;
        if (what == 1) { /* twice */
            f->n_repeats++;
            out.all[out.n++] = k;
            k.at_ns += 1000;
        } else if (what == 2 && k.at_ns - lost_at > 2 * GAP_NS) {
            f->n_reordered++; /* behind the next packet, but soon enough */
            k.at_ns = next_at + GAP_NS / 4;
        } else {
            uint64_t first = rl_be32(k.bytes + 2);

            if (f->n_losses > 0 &&
                f->losses[f->n_losses - 1].first + f->losses[f->n_losses - 1].n == first)
                f->losses[f->n_losses - 1].n += n;
            else
                f->losses[f->n_losses++] = (struct rl_loss){first, n};
            f->n_lost += n;
            lost_at = next_at; /* what happens behind a gap shows only once it is closed */
            if (what == 0)
                continue;
            f->n_late++; /* far too late */
            k.at_ns = next_at + 60000000000ULL;
        }
        out.all[out.n++] = k;
    }
    packets_sort(&out);
    return out;
}

static void test_what_is_done_to_a_line_is_exactly_what_is_reported(void)
{
    struct packets p = packets_read(ice, RL_SOURCE_PCAP);
    struct rl_lines_config config = ice_config();

    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct faults f;
        struct packets d = disturb(&p, seed, &f);
        struct rig rig = rig_open(&config);
        struct ice_heard h = play_ice(&d, rig.lines);
        const struct rl_lines *l = rig.lines;

        CHECK(f.n_losses > 50 && f.n_repeats > 50 && f.n_reordered > 20 && f.n_late > 20);
        CHECK_EQ(l->n_losses, f.n_losses);
        for (uint64_t i = 0; i < f.n_losses; i++) {
            CHECK_EQ(l->losses[i].first, f.losses[i].first);
            CHECK_EQ(l->losses[i].n, f.losses[i].n);
        }
        CHECK_EQ(l->n.lost, f.n_lost);
        CHECK_EQ(l->n.gaps_lost, f.n_losses);
        CHECK_EQ(l->line[0].repeats, f.n_repeats);
        CHECK_EQ(l->line[0].late, f.n_late);
        CHECK_EQ(l->n.recovered_late, f.n_reordered);
        CHECK_EQ(h.n_messages, 31893 - f.n_lost);
        check_gaps_add_up(l);
        free(f.losses);
        free(d.all);
        rig_close(&rig);
    }
    packets_free(&p);
}

int main(void)
{
    test_both_lines_give_the_stream_and_say_who_was_first_and_by_how_much();
    test_whatever_is_dropped_on_one_line_the_messages_are_the_same();
    test_an_undisturbed_line_has_no_gap();
    test_what_is_done_to_a_line_is_exactly_what_is_reported();
    return 0;
}
