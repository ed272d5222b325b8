/*
 * Over a real cable the receiver sees exactly what the table foretells, at every place where a
 * table can be: each loss, each copy right behind its original, each flipped byte.
 */
#include <stdatomic.h>
#include <unistd.h>

#include "bpf_faults.h"
#include "bpf_rights.h"
#include "net/bpf/count.h"
#include "net/bpf/impair_inner.h"
#include "net/bpf/live.h"
#include "net/bpf/redirect.h"

#define N_SENT 4000
#define N_SEEDS 3

static struct veth v;
static int sender, receiver;

/* X(name, end of the cable, what is attached there) */
#define PLACES(X)                                      \
    X(TCX_INGRESS, 1, RL_IMPAIR_HOOK_TCX, false)       \
    X(TCX_EGRESS, 0, RL_IMPAIR_HOOK_TCX, true)         \
    X(CLSACT_INGRESS, 1, RL_IMPAIR_HOOK_CLSACT, false) \
    X(CLSACT_EGRESS, 0, RL_IMPAIR_HOOK_CLSACT, true)   \
    X(XDP_NATIVE, 1, RL_XDP_HOOK_NATIVE, false)        \
    X(XDP_GENERIC, 1, RL_XDP_HOOK_GENERIC, false)

enum place {
#define PLACE_ENUM(name, end, hook, is_egress) name,
    PLACES(PLACE_ENUM)
#undef PLACE_ENUM
        N_PLACES
};

static const struct {
    const char *name;
    int end;
    int hook;
    bool is_egress;
} places[] = {
#define PLACE(name, end, hook, is_egress) {#name, end, hook, is_egress},
    PLACES(PLACE)
#undef PLACE
};

struct fault {
    struct rl_impair im;
    struct rl_redirect r;
    enum place place;
};

static bool is_xdp(enum place place)
{
    return place >= XDP_NATIVE;
}

static void open_fault(struct fault *f, enum place place, const uint8_t actions[FAULT_TABLE])
{
    struct rl_impair_config config = {.actions = actions,
                                      .n_actions = FAULT_TABLE,
                                      .udp_port = FRAME_PORT,
                                      .corrupt_at = FAULT_AT};
    const struct veth_end *end = &v.end[places[place].end];
    struct rl_redirect_config redirect = {
        .ifindex = end->index, .hook = places[place].hook, .impair = &f->im};
    int home;

    f->place = place;
    CHECK_EQ(rl_netns_enter(end->netns_fd, &home), 0);
    OPENED(rl_impair_open(&f->im, &config, why));
    if (is_xdp(place)) {
        OPENED(rl_redirect_open(&f->r, &redirect, why));
        CHECK_EQ(f->r.link.hook, redirect.hook);
    } else {
        OPENED(
            rl_impair_attach(&f->im, end->index, places[place].is_egress, places[place].hook, why));
        CHECK_EQ(f->im.hook, places[place].hook);
    }
    rl_netns_leave(home);
}

static void close_fault(struct fault *f)
{
    if (is_xdp(f->place))
        rl_redirect_close(&f->r);
    rl_impair_close(&f->im);
}

static void check_sequence(const struct sequence *seen, const struct sequence *wanted,
                           const char *where)
{
    if (is_same_sequence(seen, wanted))
        return;
    for (uint32_t i = 0; i < wanted->n || i < seen->n; i++) {
        if (i < seen->n && i < wanted->n && seen->seen[i].number == wanted->seen[i].number &&
            seen->seen[i].is_corrupt == wanted->seen[i].is_corrupt)
            continue;
        fprintf(stderr, "%s: %u of %u seen; at %u saw %" PRIu64 "%s, wanted %" PRIu64 "%s\n", where,
                seen->n, wanted->n, i, seen->seen[i].number, seen->seen[i].is_corrupt ? "!" : "",
                wanted->seen[i].number, wanted->seen[i].is_corrupt ? "!" : "");
        exit(1);
    }
}

static void check_place(enum place place)
{
    static struct sequence seen, wanted;
    uint8_t actions[FAULT_TABLE];
    struct rl_impair_counts counts;
    struct fault f;

    draw_faults(actions, 1, !is_xdp(place));
    open_fault(&f, place, actions);
    for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
        draw_faults(actions, seed, !is_xdp(place));
        CHECK_EQ(rl_impair_restart(&f.im, actions), 0);
        predict(&wanted, &counts, actions, N_SENT);
        seen.n = 0;
        send_numbers(sender, 0, N_SENT);
        receive_numbers(receiver, &seen, wanted.n, &f.im, N_SENT);
        check_sequence(&seen, &wanted, places[place].name);
        check_counts(&f.im, &counts);

        draw_faults(actions, seed + 1, !is_xdp(place)); /* and what was not foretold is noticed */
        predict(&wanted, &counts, actions, N_SENT);
        CHECK(!is_same_sequence(&seen, &wanted));
    }
    close_fault(&f);
}

static void test_the_receiver_sees_exactly_what_the_table_foretells(void)
{
    for (enum place place = 0; place < N_PLACES; place++)
        check_place(place);
}

static void test_without_a_table_everything_arrives(void)
{
    static struct sequence seen;
    uint8_t actions[FAULT_TABLE];
    struct fault f;

    memset(actions, RL_IMPAIR_DROP, sizeof(actions));
    for (enum place place = 0; place < N_PLACES; place++) {
        open_fault(&f, place, actions);
        send_numbers(sender, 0, 10);
        SPIN_UNTIL(have_fates(&f.im, 10));
        close_fault(&f);
        send_numbers(sender, 10, 10);
        seen.n = 0;
        while (seen.n < 10 && receive_number(receiver, &seen, true))
            ;
        CHECK_EQ(seen.n, 10);
        for (uint32_t i = 0; i < seen.n; i++)
            CHECK_EQ(seen.seen[i].number, 10 + i);
    }
}

/* Packets of other flows are there and nobody counts them. */
static void test_another_flow_is_left_alone(void)
{
    uint8_t actions[FAULT_TABLE];
    struct sockaddr_in other = {.sin_family = AF_INET,
                                .sin_port = htons(FRAME_PORT + 1),
                                .sin_addr.s_addr = htonl(v.end[1].ip)};
    int fd = open_udp(&v.end[1], NULL, FRAME_PORT + 1);
    struct fault f;
    char byte = 0;

    memset(actions, RL_IMPAIR_DROP, sizeof(actions));
    for (enum place place = 0; place < N_PLACES; place++) {
        open_fault(&f, place, actions);
        CHECK_EQ(sendto(sender, &byte, 1, 0, (struct sockaddr *)&other, sizeof(other)), 1);
        CHECK_EQ(recv(fd, &byte, 1, 0), 1);
        CHECK_EQ(rl_impair_counts_now(&f.im).n_seen, 0);
        close_fault(&f);
    }
    close(fd);
}

#define BURST 200 /* what the receive ring of a veth holds, so none may be lost there */

/* Frames of one poll of the cable: all behind a copy in the backlog unless somebody takes care. */
static void test_in_a_burst_a_copy_is_still_right_behind_its_original(enum place place)
{
    static struct sequence seen, wanted;
    struct frame template = make_frame((struct frame_spec){.n_payload = FAULT_BYTES});
    struct rl_xdp_count_config taker = {.ifindex = v.end[1].index, .hook = RL_XDP_HOOK_NATIVE};
    struct rl_live_config config = {.ifindex = v.end[0].index,
                                    .frame = template.bytes,
                                    .n_bytes = template.n_bytes,
                                    .at_sequence = template.payload + 8,
                                    .at_stamp = RL_LIVE_NOWHERE};
    uint8_t actions[FAULT_TABLE];
    struct rl_impair_counts counts;
    struct rl_xdp_count count;
    struct rl_live live;
    struct fault f;
    int home;

    memset(template.bytes + template.payload, 0, FAULT_BYTES);
    draw_faults(actions, 5, true);
    slow_mend_udp(template.bytes + template.ip, template.bytes + template.udp);
    open_fault(&f, place, actions);
    CHECK_EQ(rl_netns_enter(v.end[1].netns_fd, &home), 0);
    OPENED(rl_xdp_count_open(&count, &taker, why));
    rl_netns_leave(home);
    CHECK_EQ(rl_netns_enter(v.end[0].netns_fd, &home), 0);
    OPENED(rl_live_open(&live, &config, why));
    seen.n = 0;
    for (uint32_t n = BURST; n <= 5 * BURST; n += BURST) {
        CHECK_EQ(rl_live_send(&live, BURST), 0);
        predict(&wanted, &counts, actions, n);
        receive_numbers(receiver, &seen, wanted.n, &f.im, n);
        check_sequence(&seen, &wanted, places[place].name);
    }
    check_counts(&f.im, &counts);
    CHECK_EQ(atomic_load(&f.im.shared->n_waiting), 0);
    rl_netns_leave(home);
    rl_live_close(&live);
    rl_xdp_count_close(&count);
    close_fault(&f);
}

/* The tag that the kernel takes off before tc, and what it leaves, is still the flow. */
static void test_tagged_packets_are_of_the_flow_at_ingress(void)
{
    struct frame template = make_frame((struct frame_spec){.n_tags = 1});
    struct rl_xdp_count_config taker = {.ifindex = v.end[1].index, .hook = RL_XDP_HOOK_NATIVE};
    struct rl_live_config config = {.ifindex = v.end[0].index,
                                    .frame = template.bytes,
                                    .n_bytes = template.n_bytes,
                                    .at_sequence = RL_LIVE_NOWHERE,
                                    .at_stamp = RL_LIVE_NOWHERE};
    uint8_t actions[FAULT_TABLE];
    struct rl_xdp_count count;
    struct rl_live live;
    struct fault f;
    int home;

    memset(actions, RL_IMPAIR_DROP, sizeof(actions));
    open_fault(&f, TCX_INGRESS, actions);
    CHECK_EQ(rl_netns_enter(v.end[1].netns_fd, &home), 0);
    OPENED(rl_xdp_count_open(&count, &taker, why));
    rl_netns_leave(home);
    CHECK_EQ(rl_netns_enter(v.end[0].netns_fd, &home), 0);
    OPENED(rl_live_open(&live, &config, why));
    CHECK_EQ(rl_live_send(&live, 10), 0);
    SPIN_UNTIL(rl_impair_counts_now(&f.im).n_dropped >= 10);
    CHECK_EQ(rl_impair_counts_now(&f.im).n_dropped, 10);
    rl_netns_leave(home);
    rl_live_close(&live);
    rl_xdp_count_close(&count);
    close_fault(&f);
}

int main(void)
{
    bpf_or_skip();
    stay_on_this_cpu();
    veth_open(&v);
    receiver = open_udp(&v.end[1], NULL, FRAME_PORT);
    sender = open_udp(&v.end[0], &v.end[1], FRAME_PORT);
    test_the_receiver_sees_exactly_what_the_table_foretells();
    test_without_a_table_everything_arrives();
    test_another_flow_is_left_alone();
    test_in_a_burst_a_copy_is_still_right_behind_its_original(TCX_INGRESS);
    test_in_a_burst_a_copy_is_still_right_behind_its_original(CLSACT_INGRESS);
    test_tagged_packets_are_of_the_flow_at_ingress();
    close(sender);
    close(receiver);
    veth_close(&v);
    return 0;
}
