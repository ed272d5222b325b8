/*
 * A table acts from its attaching to its closing and not a packet longer, also when its process is
 * killed; and what others have at the interface stays theirs.
 */
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf_faults.h"
#include "bpf_rights.h"
#include "net/bpf/echo.h"
#include "net/bpf/impair_inner.h"
#include "net/bpf/uapi.h"

static struct veth v;
static const struct veth_end *here;
static int sender, receiver, other_receiver;

static struct rl_impair_config always(enum rl_impair_action action)
{
    static uint8_t actions[1];

    actions[0] = (uint8_t)action;
    return (struct rl_impair_config){.actions = actions, .n_actions = 1, .udp_port = FRAME_PORT};
}

static void attach(struct rl_impair *im, bool is_egress, enum rl_impair_hook hook)
{
    struct rl_impair_config config = always(RL_IMPAIR_DROP);

    OPENED(rl_impair_open(im, &config, why));
    OPENED(rl_impair_attach(im, here->index, is_egress, hook, why));
}

/* How many programs hang at the interface in this way, as the kernel says. */
static uint32_t n_attached(uint32_t attach_type)
{
    union bpf_attr attr;
    uint32_t ids[8];

    memset(&attr, 0, sizeof(attr));
    attr.query.target_fd = here->index; /* target_ifindex, in newer headers */
    attr.query.attach_type = attach_type;
    attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
    attr.query.prog_cnt = RL_COUNT(ids);
    if (syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) < 0) {
        CHECK_EQ(errno, ENOENT); /* nothing was ever there */
        return 0;
    }
    return attr.query.prog_cnt;
}

static void count_filter(void *n, const struct nlmsghdr *h)
{
    const struct tcmsg *tc = NLMSG_DATA(h);

    *(uint32_t *)n +=
        h->nlmsg_type == RTM_NEWTFILTER && tc->tcm_handle != 0; /* 0: a chain's head */
}

/* Filters of whomever at one side. */
static uint32_t n_filters(bool is_egress)
{
    struct tcmsg tc = {.tcm_family = AF_UNSPEC,
                       .tcm_ifindex = (int)here->index,
                       .tcm_parent =
                           TC_H_MAKE(TC_H_CLSACT, is_egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS)};
    int fd = rl_rtnl_open(), err;
    struct rl_rtnl m;
    uint32_t n = 0;

    CHECK(fd >= 0);
    rl_rtnl_start(&m, RTM_GETTFILTER, NLM_F_DUMP, &tc, sizeof(tc));
    err = rl_rtnl_dump(fd, &m, count_filter, &n);
    CHECK(err == 0 || err == -EINVAL || err == -ENOENT); /* there is no clsact */
    close(fd);
    return n;
}

static uint32_t n_of_all(void)
{
    return n_attached(RL_BPF_TCX_INGRESS) + n_attached(RL_BPF_TCX_EGRESS) + n_filters(false) +
           n_filters(true);
}

/* 0 or -errno of adding or deleting the qdisc as a stranger would. */
static int ask_qdisc(uint16_t type, uint16_t flags)
{
    struct tcmsg tc = {.tcm_family = AF_UNSPEC,
                       .tcm_ifindex = (int)here->index,
                       .tcm_parent = TC_H_CLSACT,
                       .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0)};
    struct rl_rtnl m;
    int fd = rl_rtnl_open(), err;

    CHECK(fd >= 0);
    rl_rtnl_start(&m, type, flags, &tc, sizeof(tc));
    rl_rtnl_text(&m, TCA_KIND, "clsact");
    err = rl_rtnl_do(fd, &m);
    close(fd);
    return err;
}

static bool has_qdisc(void)
{
    if (ask_qdisc(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL) != 0)
        return true;
    CHECK_EQ(ask_qdisc(RTM_DELQDISC, 0), 0);
    return false;
}

/* A packet of the flow comes through: it would be there before one of another flow sent after it.
 */
static bool arrives(uint64_t number)
{
    static struct sequence seen;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(FRAME_PORT + 1),
                             .sin_addr.s_addr = htonl(here->ip)};
    char byte = 0;

    seen.n = 0;
    send_numbers(sender, number, 1);
    CHECK_EQ(sendto(sender, &byte, 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
    CHECK_EQ(recv(other_receiver, &byte, 1, 0), 1);
    while (receive_number(receiver, &seen, false))
        ;
    return seen.n == 1 && seen.seen[0].number == number;
}

static void test_after_closing_nothing_is_attached(void)
{
    struct rl_impair im;

    for (int is_egress = 0; is_egress < 2; is_egress++) {
        attach(&im, is_egress != 0, RL_IMPAIR_HOOK_TCX);
        CHECK_EQ(n_attached(is_egress ? RL_BPF_TCX_EGRESS : RL_BPF_TCX_INGRESS), 1);
        rl_impair_close(&im);
        CHECK_EQ(n_of_all(), 0);

        attach(&im, is_egress != 0, RL_IMPAIR_HOOK_CLSACT);
        CHECK_EQ(n_filters(is_egress != 0), 1);
        CHECK(has_qdisc());
        rl_impair_close(&im);
        CHECK_EQ(n_of_all(), 0);
        CHECK(!has_qdisc());
    }
}

static void test_both_sides_at_once_go_one_by_one(void)
{
    struct rl_impair in, out;

    attach(&in, false, RL_IMPAIR_HOOK_CLSACT);
    attach(&out, true, RL_IMPAIR_HOOK_CLSACT);
    CHECK_EQ(n_of_all(), 2);
    rl_impair_close(&in); /* it made the qdisc, which the other still uses */
    CHECK_EQ(n_filters(true), 1);
    rl_impair_close(&out);
    CHECK_EQ(n_of_all(), 0);
    CHECK(!has_qdisc());
}

static void test_auto_takes_a_link_where_the_kernel_has_it(void)
{
    struct rl_impair im;

    attach(&im, false, RL_IMPAIR_HOOK_AUTO);
    CHECK(im.hook == RL_IMPAIR_HOOK_TCX || im.hook == RL_IMPAIR_HOOK_CLSACT);
    CHECK(!arrives(1));
    CHECK_EQ(rl_impair_counts_now(&im).n_dropped, 1);
    rl_impair_close(&im);
    CHECK(arrives(2));
}

static void test_a_table_is_attached_once_at_a_time_and_again_after_detaching(void)
{
    struct rl_impair im;

    attach(&im, false, RL_IMPAIR_HOOK_TCX);
    CHECK_EQ(rl_impair_attach(&im, here->index, true, RL_IMPAIR_HOOK_TCX, why), -EBUSY);
    CHECK(!arrives(1));
    rl_impair_detach(&im);
    rl_impair_detach(&im);
    CHECK(arrives(2));
    OPENED(rl_impair_attach(&im, here->index, false, RL_IMPAIR_HOOK_CLSACT, why));
    CHECK(!arrives(3));
    CHECK_EQ(rl_impair_counts_now(&im).n_dropped, 2);
    rl_impair_close(&im);
    CHECK(arrives(4));
}

static void test_an_interface_that_is_not_there_is_told(void)
{
    struct rl_impair_config config = always(RL_IMPAIR_DROP);
    struct rl_impair im;

    OPENED(rl_impair_open(&im, &config, why));
    CHECK(rl_impair_attach(&im, 9999, false, RL_IMPAIR_HOOK_TCX, why) < 0);
    CHECK(strstr(why, "impairment: tcx") != NULL);
    CHECK(rl_impair_attach(&im, 9999, false, RL_IMPAIR_HOOK_CLSACT, why) < 0);
    CHECK(strstr(why, "impairment: clsact") != NULL);
    rl_impair_close(&im);
}

static void test_a_qdisc_of_somebody_else_stays(void)
{
    struct rl_impair im;

    CHECK_EQ(ask_qdisc(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL), 0);
    attach(&im, false, RL_IMPAIR_HOOK_CLSACT);
    CHECK(!arrives(1));
    rl_impair_close(&im);
    CHECK_EQ(n_of_all(), 0);
    CHECK_EQ(ask_qdisc(RTM_DELQDISC, 0), 0); /* it was there */
}

/* A child that has a table attached until it is killed. */
static pid_t start_child(enum rl_impair_hook hook)
{
    int ready[2];
    char byte;
    pid_t child;

    CHECK_EQ(pipe(ready), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct rl_impair im;

        prctl(PR_SET_PDEATHSIG, SIGKILL); /* of a test that failed */
        attach(&im, false, hook);
        CHECK_EQ(write(ready[1], "+", 1), 1);
        for (;;)
            pause();
    }
    close(ready[1]);
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void kill_child(pid_t child)
{
    int status;

    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
}

static void test_a_killed_process_leaves_no_link(void)
{
    pid_t child = start_child(RL_IMPAIR_HOOK_TCX);

    CHECK_EQ(n_attached(RL_BPF_TCX_INGRESS), 1);
    CHECK(!arrives(1));
    kill_child(child);
    SPIN_UNTIL(n_attached(RL_BPF_TCX_INGRESS) == 0); /* taken down behind the process */
    CHECK_EQ(n_of_all(), 0);
    CHECK(arrives(2));
}

static void test_a_killed_process_leaves_a_filter_that_does_nothing(void)
{
    pid_t child = start_child(RL_IMPAIR_HOOK_CLSACT);
    bool has_arrived = false;
    struct rl_impair im;

    CHECK(!arrives(1));
    kill_child(child);
    for (uint64_t i = 2; i < 5000 && !has_arrived; i++)
        has_arrived = arrives(i);
    CHECK(has_arrived);
    CHECK_EQ(n_filters(false), 1);
    attach(&im, false, RL_IMPAIR_HOOK_CLSACT); /* the next one takes it away, and its qdisc */
    rl_impair_close(&im);
    CHECK_EQ(n_of_all(), 0);
    CHECK(!has_qdisc());
}

static void test_the_next_table_takes_the_place_of_a_dead_one_but_never_of_a_living_one(void)
{
    struct rl_impair_config config = always(RL_IMPAIR_DROP);
    pid_t child = start_child(RL_IMPAIR_HOOK_CLSACT);
    struct rl_impair im;

    OPENED(rl_impair_open(&im, &config, why));
    CHECK_EQ(rl_impair_attach(&im, here->index, false, RL_IMPAIR_HOOK_CLSACT, why), -EBUSY);
    CHECK(strstr(why, "another process has its own here") != NULL);
    kill_child(child);
    OPENED(rl_impair_attach(&im, here->index, false, RL_IMPAIR_HOOK_CLSACT, why));
    CHECK(!arrives(1));
    CHECK_EQ(rl_impair_counts_now(&im).n_dropped, 1);
    rl_impair_close(&im);
    CHECK_EQ(n_of_all(), 0);
    CHECK(!has_qdisc());
}

/* A filter of the same priority and handle that we did not name. */
static void test_a_filter_of_somebody_else_is_never_taken_away(void)
{
    struct rl_impair im;
    struct rl_rtnl m;
    uint32_t flags = TCA_BPF_FLAG_ACT_DIRECT;
    struct tcmsg tc = {.tcm_family = AF_UNSPEC,
                       .tcm_ifindex = (int)here->index,
                       .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
                       .tcm_handle = 1,
                       .tcm_info = TC_H_MAKE(82U << 16, htons(0x0003))};
    struct rl_impair_config config = always(RL_IMPAIR_PASS);
    size_t nest;
    int prog_fd;
    int fd = rl_rtnl_open();

    OPENED(rl_impair_open(&im, &config, why));
    OPENED(prog_fd = rl_impair_load_tc(&im, false, why));
    CHECK_EQ(ask_qdisc(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL), 0);
    rl_rtnl_start(&m, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &tc, sizeof(tc));
    rl_rtnl_text(&m, TCA_KIND, "bpf");
    nest = rl_rtnl_nest(&m, TCA_OPTIONS);
    rl_rtnl_put(&m, TCA_BPF_FD, &prog_fd, sizeof(prog_fd));
    rl_rtnl_text(&m, TCA_BPF_NAME, "somebody");
    rl_rtnl_put(&m, TCA_BPF_FLAGS, &flags, sizeof(flags));
    rl_rtnl_unnest(&m, nest);
    CHECK_EQ(rl_rtnl_do(fd, &m), 0);

    CHECK(rl_impair_attach(&im, here->index, false, RL_IMPAIR_HOOK_CLSACT, why) < 0);
    CHECK_EQ(n_filters(false), 1);
    CHECK_EQ(ask_qdisc(RTM_DELQDISC, 0), 0);
    close(prog_fd);
    rl_impair_close(&im);
    close(fd);
}

static void test_a_second_xdp_program_is_refused_and_the_first_goes_with_its_owner(void)
{
    struct rl_xdp_echo first, second;

    OPENED(rl_xdp_echo_open(&first, here->index, RL_XDP_HOOK_AUTO, FRAME_PORT, why));
    CHECK_EQ(first.link.hook, RL_XDP_HOOK_NATIVE);
    CHECK_EQ(rl_xdp_echo_open(&second, here->index, RL_XDP_HOOK_AUTO, FRAME_PORT, why), -EBUSY);
    CHECK(strstr(why, "has an XDP program already") != NULL);
    rl_xdp_echo_close(&second);
    rl_xdp_echo_close(&first);
    OPENED(rl_xdp_echo_open(&second, here->index, RL_XDP_HOOK_GENERIC, FRAME_PORT, why));
    CHECK_EQ(second.link.hook, RL_XDP_HOOK_GENERIC);
    rl_xdp_echo_close(&second);
    CHECK(rl_xdp_echo_open(&second, 9999, RL_XDP_HOOK_NATIVE, FRAME_PORT, why) < 0);
    rl_xdp_echo_close(&second);
}

static void attach_everywhere(void)
{
    struct rl_xdp_echo echo;
    struct rl_impair im;

    for (int is_egress = 0; is_egress < 2; is_egress++) {
        attach(&im, is_egress != 0, RL_IMPAIR_HOOK_TCX);
        rl_impair_close(&im);
        attach(&im, is_egress != 0, RL_IMPAIR_HOOK_CLSACT);
        rl_impair_close(&im);
    }
    OPENED(rl_xdp_echo_open(&echo, here->index, RL_XDP_HOOK_AUTO, FRAME_PORT, why));
    rl_xdp_echo_close(&echo);
}

static void test_cap_bpf_and_cap_net_admin_suffice_to_attach(void)
{
    run_with(BPF_ALONE | NET_ADMIN_ALONE, attach_everywhere);
}

int main(void)
{
    int home;

    bpf_or_skip();
    stay_on_this_cpu();
    veth_open(&v);
    here = &v.end[1];
    receiver = open_udp(&v.end[1], NULL, FRAME_PORT);
    other_receiver = open_udp(&v.end[1], NULL, FRAME_PORT + 1);
    sender = open_udp(&v.end[0], &v.end[1], FRAME_PORT);
    CHECK_EQ(rl_netns_enter(here->netns_fd, &home), 0);
    test_after_closing_nothing_is_attached();
    test_both_sides_at_once_go_one_by_one();
    test_auto_takes_a_link_where_the_kernel_has_it();
    test_a_table_is_attached_once_at_a_time_and_again_after_detaching();
    test_an_interface_that_is_not_there_is_told();
    test_a_qdisc_of_somebody_else_stays();
    test_a_killed_process_leaves_no_link();
    test_a_killed_process_leaves_a_filter_that_does_nothing();
    test_the_next_table_takes_the_place_of_a_dead_one_but_never_of_a_living_one();
    test_a_filter_of_somebody_else_is_never_taken_away();
    test_a_second_xdp_program_is_refused_and_the_first_goes_with_its_owner();
    test_cap_bpf_and_cap_net_admin_suffice_to_attach();
    rl_netns_leave(home);
    close(sender);
    close(receiver);
    close(other_receiver);
    veth_close(&v);
    return 0;
}
