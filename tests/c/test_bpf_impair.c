/*
 * The impairment table acts packet by packet, to the byte, at tc and in XDP alike: the kernel runs
 * both programs on frames of ours, without any interface.
 */
#include <errno.h>
#include <linux/pkt_cls.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "bpf_frames.h"
#include "bpf_rights.h"
#include "net/bpf/impair.h"
#include "net/bpf/impair_inner.h"
#include "net/bpf/redirect.h"

/* One table in one of its three programs. */
enum where { AT_INGRESS, AT_EGRESS, IN_XDP, N_WHERE };

struct table {
    struct rl_impair im;
    struct rl_redirect r;
    int prog_fd;
    uint32_t passes, drops; /* verdicts */
};

static struct table open_table(enum where where, struct rl_impair_config config)
{
    struct rl_redirect_config redirect = {.n_ports = 0};
    struct table t = {.passes = (uint32_t)TC_ACT_UNSPEC, .drops = TC_ACT_SHOT};

    OPENED(rl_impair_open(&t.im, &config, why));
    if (where == IN_XDP) {
        redirect.impair = &t.im;
        OPENED(rl_redirect_open(&t.r, &redirect, why));
        t.prog_fd = t.r.prog_fd;
        t.passes = XDP_PASS; /* there is no socket */
        t.drops = XDP_DROP;
    } else {
        OPENED(t.prog_fd = rl_impair_load_tc(&t.im, where == AT_EGRESS, why));
    }
    return t;
}

static void close_table(struct table *t, enum where where)
{
    if (where == IN_XDP)
        rl_redirect_close(&t->r);
    else
        close(t->prog_fd);
    rl_impair_close(&t->im);
}

static uint32_t run_on(const struct table *t, struct frame *f)
{
    uint8_t out[FRAME_MAX];
    struct rl_bpf_run run = {
        .frame = f->bytes, .n_bytes = f->n_bytes, .out = out, .n_bytes_out_max = sizeof(out)};

    CHECK_EQ(rl_bpf_run(t->prog_fd, &run), 0);
    CHECK_EQ(run.n_bytes_out, f->n_bytes);
    memcpy(f->bytes, out, f->n_bytes);
    return run.verdict;
}

static bool is_same(const struct frame *a, const struct frame *b)
{
    return memcmp(a->bytes, b->bytes, a->n_bytes) == 0;
}

static struct rl_impair_config always(enum rl_impair_action action, uint32_t corrupt_at)
{
    static uint8_t actions[1];

    actions[0] = (uint8_t)action;
    return (struct rl_impair_config){
        .actions = actions, .n_actions = 1, .udp_port = FRAME_PORT, .corrupt_at = corrupt_at};
}

static void check_nothing_done(enum where where)
{
    static uint8_t actions[] = {RL_IMPAIR_DROP};
    struct rl_impair_config config = {.actions = actions, .n_actions = 1, .udp_port = FRAME_PORT};
    struct table t = open_table(where, config);

    for (size_t i = 0; i < RL_COUNT(frames_of_others); i++) {
        struct frame before = make_frame(frames_of_others[i].spec), after = before;

        CHECK_EQ(run_on(&t, &after), t.passes);
        CHECK(is_same(&before, &after));
    }
    CHECK_EQ(rl_impair_counts_now(&t.im).n_seen, 0);
    close_table(&t, where);
}

static void test_packets_of_other_flows_pass_untouched_and_uncounted(void)
{
    for (enum where where = 0; where < N_WHERE; where++)
        check_nothing_done(where);
}

static void test_packets_of_the_flow_are_dropped_in_all_their_forms(void)
{
    for (enum where where = 0; where < N_WHERE; where++) {
        struct table t = open_table(where, always(RL_IMPAIR_DROP, 0));

        for (size_t i = 0; i < RL_COUNT(frames_of_ours); i++) {
            struct frame f = make_frame(frames_of_ours[i].spec);

            CHECK_EQ(run_on(&t, &f), t.drops);
        }
        CHECK_EQ(rl_impair_counts_now(&t.im).n_dropped, RL_COUNT(frames_of_ours));
        close_table(&t, where);
    }
}

static void test_without_a_port_every_datagram_counts_and_nothing_else(void)
{
    for (enum where where = 0; where < N_WHERE; where++) {
        struct rl_impair_config config = always(RL_IMPAIR_DROP, 0);
        struct frame to_another = make_frame((struct frame_spec){.to_port = 1}),
                     tcp = make_frame((struct frame_spec){.protocol = 6});
        struct table t;

        config.udp_port = 0;
        t = open_table(where, config);
        CHECK_EQ(run_on(&t, &to_another), t.drops);
        CHECK_EQ(run_on(&t, &tcp), t.passes);
        CHECK_EQ(rl_impair_counts_now(&t.im).n_seen, 1);
        close_table(&t, where);
    }
}

/* One byte of the payload has changed, and the checksum is as the action has it. */
static void check_corrupted(const struct table *t, const struct named_frame *named, bool is_mended,
                            uint32_t corrupt_at)
{
    struct frame before = make_frame(named->spec), after = before, back;
    bool is_right;

    CHECK_EQ(run_on(t, &after), t->passes);
    back = after;
    back.bytes[before.payload + corrupt_at] ^= RL_IMPAIR_FLIP;
    memcpy(back.bytes + before.udp + 6, before.bytes + before.udp + 6, 2);
    is_right = udp_is_right(&after);
    if (!is_same(&before, &back)) {
        fprintf(stderr, "a frame that is %s: more changed than a byte and the sum\n", named->name);
        exit(1);
    }
    if (named->spec.no_checksum) {
        CHECK_EQ(slow_word(after.bytes + after.udp + 6), 0);
    } else if (is_right != is_mended) {
        fprintf(stderr, "a frame that is %s: the checksum is %s\n", named->name,
                is_right ? "right" : "wrong");
        exit(1);
    }
    CHECK(is_mended || memcmp(after.bytes + after.udp, before.bytes + before.udp, 8) == 0);
}

static void check_all_corrupted(enum where where, enum rl_impair_action action, uint32_t at)
{
    struct table t = open_table(where, always(action, at));
    struct rl_impair_counts counts;

    for (size_t i = 0; i < RL_COUNT(frames_of_ours); i++)
        check_corrupted(&t, &frames_of_ours[i], action == RL_IMPAIR_CORRUPT, at);
    counts = rl_impair_counts_now(&t.im);
    CHECK_EQ(counts.n_seen, RL_COUNT(frames_of_ours));
    CHECK_EQ(action == RL_IMPAIR_CORRUPT ? counts.n_corrupted : counts.n_corrupted_frame,
             RL_COUNT(frames_of_ours));
    close_table(&t, where);
}

static void test_a_corrupted_payload_has_a_right_checksum_and_a_corrupted_frame_a_wrong_one(void)
{
    static const uint32_t places[] = {0, 1, 30, 31};

    for (enum where where = 0; where < N_WHERE; where++) {
        for (size_t i = 0; i < RL_COUNT(places); i++) {
            check_all_corrupted(where, RL_IMPAIR_CORRUPT, places[i]);
            check_all_corrupted(where, RL_IMPAIR_CORRUPT_FRAME, places[i]);
        }
    }
}

/* Every value of the byte, so every carry: and the sum that becomes 0 is written as 0xffff. */
static void test_the_checksum_is_mended_for_every_byte_and_never_to_none(void)
{
    for (enum where where = 0; where < N_WHERE; where++) {
        struct table t = open_table(where, always(RL_IMPAIR_CORRUPT, 1));
        bool saw_all_ones = false;

        for (uint32_t i = 0; i < 512; i++) {
            struct frame f = make_frame((struct frame_spec){.n_tags = 1});
            uint8_t *sum = f.bytes + f.udp + 6;

            f.bytes[f.payload + 1] = (uint8_t)i;
            slow_put(sum, 2, 0);
            if (i >= 256) { /* a payload whose sum after the flip is all ones, so its field 0 */
                f.bytes[f.payload + 1] ^= RL_IMPAIR_FLIP;
                slow_put(f.bytes + f.payload + 2, 2, 0);
                slow_put(f.bytes + f.payload + 2, 2, 0xffff - udp_sum(&f));
                CHECK_EQ(udp_sum(&f), 0xffff);
                f.bytes[f.payload + 1] ^= RL_IMPAIR_FLIP;
            }
            slow_mend_udp(f.bytes + f.ip, f.bytes + f.udp);
            CHECK_EQ(run_on(&t, &f), t.passes);
            CHECK(udp_is_right(&f));
            CHECK(slow_word(sum) != 0);
            saw_all_ones |= slow_word(sum) == 0xffff;
        }
        CHECK(saw_all_ones);
        close_table(&t, where);
    }
}

static void test_a_datagram_too_short_to_corrupt_passes_and_is_counted_as_undone(void)
{
    for (enum where where = 0; where < N_WHERE; where++) {
        struct table t = open_table(where, always(RL_IMPAIR_CORRUPT, 9));
        struct frame before = make_frame((struct frame_spec){.n_payload = 9}), after;
        struct rl_impair_counts counts;

        before.n_bytes += 6; /* padding behind the datagram: not payload */
        after = before;
        CHECK_EQ(run_on(&t, &after), t.passes);
        CHECK(is_same(&before, &after));
        before.n_bytes -= 6; /* and one that says more than it brings */
        slow_put(before.bytes + before.udp + 4, 2, 100);
        after = before;
        CHECK_EQ(run_on(&t, &after), t.passes);
        CHECK(is_same(&before, &after));
        counts = rl_impair_counts_now(&t.im);
        CHECK_EQ(counts.n_undone, 2);
        CHECK_EQ(counts.n_corrupted, 0);
        CHECK_EQ(counts.n_seen, 2);
        close_table(&t, where);
    }
}

#define N_TABLE 64

static void fill(uint8_t actions[N_TABLE], uint64_t seed)
{
    static const uint8_t some[] = {RL_IMPAIR_PASS, RL_IMPAIR_DROP, RL_IMPAIR_CORRUPT,
                                   RL_IMPAIR_CORRUPT_FRAME};

    for (int i = 0; i < N_TABLE; i++)
        actions[i] = some[check_random(&seed) % RL_COUNT(some)];
}

/* What became of one packet, told from its bytes and the verdict alone. */
static enum rl_impair_action fate(const struct table *t)
{
    struct frame before = make_frame((struct frame_spec){.n_tags = 0}), after = before;
    uint32_t verdict = run_on(t, &after);

    if (verdict == t->drops)
        return RL_IMPAIR_DROP;
    CHECK_EQ(verdict, t->passes);
    if (is_same(&before, &after))
        return RL_IMPAIR_PASS;
    return udp_is_right(&after) ? RL_IMPAIR_CORRUPT : RL_IMPAIR_CORRUPT_FRAME;
}

static void check_table(enum where where)
{
    uint8_t actions[N_TABLE];
    uint64_t n_by_action[RL_N_IMPAIR_ACTIONS] = {0};
    struct rl_impair_counts counts;
    struct table t;

    fill(actions, 7);
    t = open_table(where, (struct rl_impair_config){
                              .actions = actions, .n_actions = N_TABLE, .udp_port = FRAME_PORT});
    for (int i = 0; i < 2 * N_TABLE + 5; i++) { /* round and round */
        CHECK_EQ(fate(&t), actions[i % N_TABLE]);
        n_by_action[actions[i % N_TABLE]]++;
    }
    counts = rl_impair_counts_now(&t.im);
    CHECK_EQ(counts.n_seen, 2 * N_TABLE + 5);
    CHECK_EQ(counts.n_passed, n_by_action[RL_IMPAIR_PASS]);
    CHECK_EQ(counts.n_dropped, n_by_action[RL_IMPAIR_DROP]);
    CHECK_EQ(counts.n_corrupted, n_by_action[RL_IMPAIR_CORRUPT]);
    CHECK_EQ(counts.n_corrupted_frame, n_by_action[RL_IMPAIR_CORRUPT_FRAME]);
    CHECK_EQ(counts.n_undone, 0);

    CHECK_EQ(rl_impair_restart(&t.im, NULL), 0);
    CHECK_EQ(rl_impair_counts_now(&t.im).n_seen, 0);
    CHECK_EQ(fate(&t), actions[0]);
    fill(actions, 8);
    CHECK_EQ(rl_impair_restart(&t.im, actions), 0);
    for (int i = 0; i < N_TABLE; i++)
        CHECK_EQ(fate(&t), actions[i]);
    close_table(&t, where);
}

static void test_packet_n_meets_action_n_and_the_counters_say_so(void)
{
    for (enum where where = 0; where < N_WHERE; where++)
        check_table(where);
}

static void test_the_largest_table_is_reached_to_its_end(void)
{
    static uint8_t actions[RL_IMPAIR_MAX_ACTIONS];
    struct table t;

    actions[RL_IMPAIR_MAX_ACTIONS - 1] = RL_IMPAIR_DROP;
    for (enum where where = 0; where < N_WHERE; where++) {
        t = open_table(where, (struct rl_impair_config){.actions = actions,
                                                        .n_actions = RL_IMPAIR_MAX_ACTIONS,
                                                        .udp_port = FRAME_PORT});
        CHECK_EQ(fate(&t), RL_IMPAIR_PASS);
        atomic_store(&t.im.shared->n_seen, 3ULL * RL_IMPAIR_MAX_ACTIONS - 1);
        CHECK_EQ(fate(&t), RL_IMPAIR_DROP);
        CHECK_EQ(fate(&t), RL_IMPAIR_PASS);
        close_table(&t, where);
    }
}

static void test_a_table_that_duplicates_is_refused_in_front_of_a_socket(void)
{
    struct rl_impair_config config = always(RL_IMPAIR_DUPLICATE, 0);
    struct rl_redirect_config redirect = {.n_ports = 0};
    struct rl_redirect r;
    struct rl_impair im;

    OPENED(rl_impair_open(&im, &config, why));
    redirect.impair = &im;
    CHECK_EQ(rl_redirect_open(&r, &redirect, why), -EOPNOTSUPP);
    CHECK(strstr(why, "duplicates packets, which XDP cannot") != NULL);
    rl_redirect_close(&r);
    rl_impair_close(&im);
}

/* A duplicate that came into the table later is told apart from one that was made. */
static void test_a_duplicate_that_xdp_cannot_make_is_counted_as_undone(void)
{
    struct rl_impair_config config = always(RL_IMPAIR_PASS, 0);
    struct table t = open_table(IN_XDP, config);
    uint8_t duplicate[] = {RL_IMPAIR_DUPLICATE};

    CHECK_EQ(rl_impair_restart(&t.im, duplicate), 0);
    CHECK_EQ(fate(&t), RL_IMPAIR_PASS);
    CHECK_EQ(rl_impair_counts_now(&t.im).n_undone, 1);
    CHECK_EQ(rl_impair_counts_now(&t.im).n_duplicated, 0);
    close_table(&t, IN_XDP);
}

static void check_refused(struct rl_impair_config config, const char *wanted)
{
    struct rl_impair im;

    CHECK_EQ(rl_impair_open(&im, &config, why), -EINVAL);
    if (strstr(why, wanted) == NULL) {
        fprintf(stderr, "wanted '%s': %s\n", wanted, why);
        exit(1);
    }
    rl_impair_close(&im);
}

static void test_a_table_that_cannot_be_is_refused_with_a_reason(void)
{
    static uint8_t actions[4] = {0, 1, RL_N_IMPAIR_ACTIONS, 0};
    struct rl_impair_config config = {.actions = actions, .n_actions = 3};
    struct rl_impair im;

    check_refused(config, "3 actions: not a power of two");
    config.n_actions = 0;
    check_refused(config, "0 actions: not a power of two");
    config.n_actions = 2 * RL_IMPAIR_MAX_ACTIONS;
    check_refused(config, "not a power of two up to 1048576");
    config.n_actions = 4;
    check_refused(config, "action 2 is unknown: 5");
    config.n_actions = 2;
    config.corrupt_at = 1024;
    check_refused(config, "corrupts byte 1024");
    config.corrupt_at = 0;
    OPENED(rl_impair_open(&im, &config, why));
    CHECK_EQ(rl_impair_restart(&im, actions + 1), -EINVAL); /* 1, 5 */
    CHECK_EQ(im.table[0], 0);
    rl_impair_close(&im);
}

int main(void)
{
    bpf_or_skip();
    test_packets_of_other_flows_pass_untouched_and_uncounted();
    test_packets_of_the_flow_are_dropped_in_all_their_forms();
    test_without_a_port_every_datagram_counts_and_nothing_else();
    test_a_corrupted_payload_has_a_right_checksum_and_a_corrupted_frame_a_wrong_one();
    test_the_checksum_is_mended_for_every_byte_and_never_to_none();
    test_a_datagram_too_short_to_corrupt_passes_and_is_counted_as_undone();
    test_packet_n_meets_action_n_and_the_counters_say_so();
    test_the_largest_table_is_reached_to_its_end();
    test_a_table_that_duplicates_is_refused_in_front_of_a_socket();
    test_a_duplicate_that_xdp_cannot_make_is_counted_as_undone();
    test_a_table_that_cannot_be_is_refused_with_a_reason();
    return 0;
}
