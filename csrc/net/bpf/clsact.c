#include "net/bpf/clsact.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/bpf/parse.h"
#include "net/bpf/rtnl.h"

#define PRIORITY 82 /* of our filters among those of others: a number that is hardly taken */
#define HANDLE 1
#define NAME "rl_impair"
#define N_BYTES_NAME 64

static uint32_t side(bool is_egress)
{
    return TC_H_MAKE(TC_H_CLSACT, is_egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
}

static struct tcmsg qdisc_of(uint32_t ifindex)
{
    return (struct tcmsg){.tcm_family = AF_UNSPEC,
                          .tcm_ifindex = (int)ifindex,
                          .tcm_parent = TC_H_CLSACT,
                          .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0)};
}

static struct tcmsg filter_of(uint32_t ifindex, bool is_egress)
{
    return (struct tcmsg){.tcm_family = AF_UNSPEC,
                          .tcm_ifindex = (int)ifindex,
                          .tcm_parent = side(is_egress),
                          .tcm_handle = HANDLE,
                          .tcm_info =
                              TC_H_MAKE((uint32_t)PRIORITY << 16, __builtin_bswap16(ETH_P_ALL))};
}

/* 0, -EEXIST: there is one, or -errno. */
static int add_qdisc(int fd, uint32_t ifindex)
{
    struct tcmsg tc = qdisc_of(ifindex);
    struct rl_rtnl m;

    rl_rtnl_start(&m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tc, sizeof(tc));
    rl_rtnl_text(&m, TCA_KIND, "clsact");
    return rl_rtnl_do(fd, &m);
}

static int remove_qdisc(int fd, uint32_t ifindex)
{
    struct tcmsg tc = qdisc_of(ifindex);
    struct rl_rtnl m;

    rl_rtnl_start(&m, RTM_DELQDISC, 0, &tc, sizeof(tc));
    return rl_rtnl_do(fd, &m);
}

static int add_filter(const struct rl_clsact *cls, int springboard_fd, const char *name)
{
    struct tcmsg tc = filter_of(cls->ifindex, cls->is_egress);
    uint32_t fd = (uint32_t)springboard_fd, flags = TCA_BPF_FLAG_ACT_DIRECT;
    struct rl_rtnl m;
    size_t nest;

    rl_rtnl_start(&m, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &tc, sizeof(tc));
    rl_rtnl_text(&m, TCA_KIND, "bpf");
    nest = rl_rtnl_nest(&m, TCA_OPTIONS);
    rl_rtnl_put(&m, TCA_BPF_FD, &fd, sizeof(fd));
    rl_rtnl_text(&m, TCA_BPF_NAME, name);
    rl_rtnl_put(&m, TCA_BPF_FLAGS, &flags, sizeof(flags));
    rl_rtnl_unnest(&m, nest);
    return rl_rtnl_do(cls->netlink_fd, &m);
}

static int remove_filter(int fd, uint32_t ifindex, bool is_egress)
{
    struct tcmsg tc = filter_of(ifindex, is_egress);
    struct rl_rtnl m;

    rl_rtnl_start(&m, RTM_DELTFILTER, 0, &tc, sizeof(tc));
    rl_rtnl_text(&m, TCA_KIND, "bpf");
    return rl_rtnl_do(fd, &m);
}

/* Clock ticks between boot and the start of a process; 0: there is none. */
static uint64_t started_at(unsigned pid)
{
    char path[32], text[1024], *rest;
    uint64_t ticks = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%u/stat", pid);
    f = fopen(path, "re");
    if (f == NULL)
        return 0;
    if (fgets(text, sizeof(text), f) != NULL) {
        rest = strrchr(text, ')'); /* the name of the program may contain anything */
        for (int field = 2; rest != NULL && field < 22; field++)
            rest = strchr(rest + 1, ' ');
        if (rest != NULL)
            ticks = strtoull(rest, NULL, 10);
    }
    fclose(f);
    return ticks;
}

static void write_name(char name[N_BYTES_NAME], bool made_qdisc)
{
    unsigned pid = (unsigned)getpid();

    snprintf(name, N_BYTES_NAME, NAME ":%u:%llu:%d", pid, (unsigned long long)started_at(pid),
             made_qdisc);
}

/* What stands at one side of an interface. */
struct found {
    uint32_t n_filters;
    bool is_ours;    /* by name, priority and handle */
    bool is_alive;   /* ours, and its process still runs */
    bool made_qdisc; /* ours, and its process made the qdisc */
};

static void read_name(struct found *found, const char *name)
{
    unsigned pid;
    unsigned long long start;
    int made;

    /* NOLINTNEXTLINE(cert-err34-c): names that overflow are of nobody that is alive */
    if (sscanf(name, NAME ":%u:%llu:%d", &pid, &start, &made) != 3)
        return;
    found->is_ours = true;
    found->made_qdisc = made != 0;
    found->is_alive = started_at(pid) == start && start != 0;
}

static void see_filter(void *context, const struct nlmsghdr *h)
{
    const struct tcmsg *tc = NLMSG_DATA(h);
    struct found *found = context;
    char name[N_BYTES_NAME];

    if (h->nlmsg_type != RTM_NEWTFILTER || h->nlmsg_len < NLMSG_LENGTH(sizeof(*tc)) ||
        tc->tcm_handle == 0) /* the head of a chain, without a filter */
        return;
    found->n_filters++;
    if (tc->tcm_handle == HANDLE && TC_H_MAJ(tc->tcm_info) >> 16 == PRIORITY &&
        rl_rtnl_find_text(h, sizeof(*tc), TCA_OPTIONS, TCA_BPF_NAME, name, sizeof(name)))
        read_name(found, name);
}

static int look(int fd, uint32_t ifindex, bool is_egress, struct found *found)
{
    struct tcmsg tc = {
        .tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex, .tcm_parent = side(is_egress)};
    struct rl_rtnl m;
    int err;

    memset(found, 0, sizeof(*found));
    rl_rtnl_start(&m, RTM_GETTFILTER, NLM_F_DUMP, &tc, sizeof(tc));
    err = rl_rtnl_dump(fd, &m, see_filter, found);
    return err == -EINVAL || err == -ENOENT ? 0 : err; /* there is no clsact */
}

static void remove_unused_qdisc(int fd, uint32_t ifindex)
{
    struct found in, out;

    if (look(fd, ifindex, false, &in) == 0 && look(fd, ifindex, true, &out) == 0 &&
        in.n_filters + out.n_filters == 0)
        remove_qdisc(fd, ifindex);
}

/* 0: what a dead process left is gone, or there was nothing of ours; -EBUSY: it is alive, -errno.
 */
static int sweep_side(int fd, uint32_t ifindex, bool is_egress)
{
    struct found found;
    int err = look(fd, ifindex, is_egress, &found);

    if (err != 0 || !found.is_ours)
        return err;
    if (found.is_alive)
        return -EBUSY;
    err = remove_filter(fd, ifindex, is_egress);
    if (err == 0 && found.made_qdisc)
        remove_unused_qdisc(fd, ifindex);
    return err;
}

static int open_jump(int prog_fd, char why[RL_BPF_WHY])
{
    struct rl_bpf_map_spec spec = {.type = BPF_MAP_TYPE_PROG_ARRAY,
                                   .n_bytes_key = 4,
                                   .n_bytes_value = 4,
                                   .n_entries = 1,
                                   .name = NAME};
    uint32_t key = 0, value = (uint32_t)prog_fd;
    int err, fd = rl_bpf_map_create(&spec, why);

    if (fd < 0)
        return fd;
    err = rl_bpf_map_put(fd, &key, &value);
    if (err == 0)
        return fd;
    close(fd);
    return rl_bpf_refused(why, err, "impairment: tail call");
}

static int load_springboard(int jump_fd, char why[RL_BPF_WHY])
{
    struct bpf_insn insns[16];
    struct rl_bpf_code c;

    rl_bpf_start(&c, insns, RL_COUNT(insns));
    rl_bpf_load_map(&c, BPF_REG_2, jump_fd);
    rl_bpf_set(&c, BPF_REG_3, 0);
    rl_bpf_call(&c, BPF_FUNC_tail_call);
    rl_bpf_return(&c, TC_ACT_UNSPEC); /* nobody is behind it any more */
    return rl_bpf_load_code(&c, BPF_PROG_TYPE_SCHED_CLS, "rl_springboard", why);
}

static int refused(char why[RL_BPF_WHY], int err)
{
    if (err == -EBUSY)
        return rl_bpf_refuse(why, err, "impairment: clsact: another process has its own here");
    if (err == -ENODEV)
        return rl_bpf_refuse(why, err, "impairment: clsact: no such interface in this namespace");
    if (err == -ENOENT)
        return rl_bpf_refuse(why, err,
                             "impairment: the kernel has neither tcx nor clsact and cls_bpf");
    return rl_bpf_refused(why, err, "impairment: clsact");
}

/* Is the qdisc one of those that we make, because a filter of ours says so. */
static bool is_made_by_us(int fd, uint32_t ifindex)
{
    struct found in, out;

    return look(fd, ifindex, false, &in) == 0 && look(fd, ifindex, true, &out) == 0 &&
           (in.made_qdisc || out.made_qdisc);
}

/* 0 with a qdisc at the interface, ours or not. */
static int take_qdisc(struct rl_clsact *cls)
{
    int err = add_qdisc(cls->netlink_fd, cls->ifindex);

    if (err != 0 && err != -EEXIST)
        return err;
    /* Whoever is the last of ours takes it away. */
    cls->made_qdisc = err == 0 || is_made_by_us(cls->netlink_fd, cls->ifindex);
    return 0;
}

static int put_filter(struct rl_clsact *cls, int springboard_fd, char why[RL_BPF_WHY])
{
    char name[N_BYTES_NAME];
    int err = sweep_side(cls->netlink_fd, cls->ifindex, cls->is_egress);

    if (err == 0)
        err = take_qdisc(cls);
    if (err != 0)
        return refused(why, err);
    write_name(name, cls->made_qdisc);
    err = add_filter(cls, springboard_fd, name);
    if (err == 0)
        return 0;
    if (cls->made_qdisc)
        remove_unused_qdisc(cls->netlink_fd, cls->ifindex);
    return refused(why, err);
}

int rl_clsact_open(struct rl_clsact *cls, uint32_t ifindex, bool is_egress, int prog_fd,
                   char why[RL_BPF_WHY])
{
    int err, springboard_fd;

    *cls = (struct rl_clsact){.jump_fd = -1, .ifindex = ifindex, .is_egress = is_egress};
    cls->netlink_fd = rl_rtnl_open();
    if (cls->netlink_fd < 0)
        return refused(why, cls->netlink_fd);
    cls->jump_fd = open_jump(prog_fd, why);
    if (cls->jump_fd < 0) {
        err = cls->jump_fd;
        goto out;
    }
    springboard_fd = load_springboard(cls->jump_fd, why);
    if (springboard_fd < 0) {
        err = springboard_fd;
        goto out;
    }
    err = put_filter(cls, springboard_fd, why);
    close(springboard_fd); /* the filter holds it */
out:
    if (err != 0) {
        rl_bpf_close(&cls->jump_fd);
        rl_bpf_close(&cls->netlink_fd);
    }
    return err;
}

void rl_clsact_close(struct rl_clsact *cls)
{
    if (cls->netlink_fd >= 0) {
        remove_filter(cls->netlink_fd, cls->ifindex, cls->is_egress);
        if (cls->made_qdisc)
            remove_unused_qdisc(cls->netlink_fd, cls->ifindex);
    }
    rl_bpf_close(&cls->jump_fd);
    rl_bpf_close(&cls->netlink_fd);
}
