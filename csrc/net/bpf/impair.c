#include "net/bpf/impair.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "net/bpf/impair_inner.h"
#include "net/bpf/uapi.h"

#define MAX_CORRUPT_AT 1023

const char *const rl_impair_counter_names[] = {
#define COUNTER_NAME(name, what) #name,
    RL_IMPAIR_COUNTERS(COUNTER_NAME)
#undef COUNTER_NAME
        NULL};

const char *rl_impair_hook_name(enum rl_impair_hook hook)
{
    static const char *const names[] = {
#define HOOK_NAME(name, text) text,
        RL_IMPAIR_HOOKS(HOOK_NAME)
#undef HOOK_NAME
    };

    return hook < RL_N_IMPAIR_HOOKS ? names[hook] : "?";
}

/* The first action that is none; n when all are. */
static uint32_t find_unknown(const uint8_t *actions, uint32_t n)
{
    uint32_t i = 0;

    while (i < n && actions[i] < RL_N_IMPAIR_ACTIONS)
        i++;
    return i;
}

static int check(const struct rl_impair_config *config, char why[RL_BPF_WHY])
{
    uint32_t n = config->n_actions, unknown;

    if (n == 0 || (n & (n - 1)) != 0 || n > RL_IMPAIR_MAX_ACTIONS)
        return rl_bpf_refuse(why, -EINVAL, "impairment: %u actions: not a power of two up to %u", n,
                             RL_IMPAIR_MAX_ACTIONS);
    if (config->corrupt_at > MAX_CORRUPT_AT)
        return rl_bpf_refuse(why, -EINVAL, "impairment: corrupts byte %u, at most %d",
                             config->corrupt_at, MAX_CORRUPT_AT);
    unknown = find_unknown(config->actions, n);
    if (unknown < n)
        return rl_bpf_refuse(why, -EINVAL, "impairment: action %u is unknown: %u", unknown,
                             config->actions[unknown]);
    return 0;
}

int rl_impair_open(struct rl_impair *im, const struct rl_impair_config *config,
                   char why[RL_BPF_WHY])
{
    void *memory;
    int err = check(config, why);

    *im = (struct rl_impair){.n_actions = config->n_actions,
                             .udp_port = config->udp_port,
                             .corrupt_at = config->corrupt_at,
                             .table_fd = -1,
                             .shared_fd = -1,
                             .prog_fd = -1,
                             .link_fd = -1};
    if (err != 0)
        return err;
    im->table_fd = rl_bpf_shared_open(im->n_actions, "rl_impair_table", &memory, why);
    if (im->table_fd < 0)
        return im->table_fd;
    im->table = memory;
    im->shared_fd = rl_bpf_shared_open(sizeof(*im->shared), "rl_impair", &memory, why);
    if (im->shared_fd < 0) {
        err = im->shared_fd;
        rl_impair_close(im);
        return err;
    }
    im->shared = memory;
    memcpy(im->table, config->actions, im->n_actions);
    return 0;
}

static int attach_link(struct rl_impair *im)
{
    im->link_fd = rl_bpf_link(im->prog_fd, im->ifindex,
                              im->is_egress ? RL_BPF_TCX_EGRESS : RL_BPF_TCX_INGRESS, 0);
    return im->link_fd < 0 ? im->link_fd : 0;
}

static int attach(struct rl_impair *im, enum rl_impair_hook hook, char why[RL_BPF_WHY])
{
    int err;

    if (hook != RL_IMPAIR_HOOK_CLSACT) {
        err = attach_link(im);
        if (err == 0) {
            im->hook = RL_IMPAIR_HOOK_TCX;
            return 0;
        }
        /* A kernel that does not know the type says -EINVAL. */
        if (hook == RL_IMPAIR_HOOK_TCX || err != -EINVAL)
            return rl_bpf_refused(why, err, "impairment: tcx link");
    }
    err = rl_clsact_open(&im->clsact, im->ifindex, im->is_egress, im->prog_fd, why);
    if (err == 0)
        im->hook = RL_IMPAIR_HOOK_CLSACT;
    return err;
}

int rl_impair_attach(struct rl_impair *im, uint32_t ifindex, bool is_egress,
                     enum rl_impair_hook hook, char why[RL_BPF_WHY])
{
    int err = 0;

    if (im->prog_fd >= 0)
        return rl_bpf_refuse(why, -EBUSY, "impairment: attached already");
    im->ifindex = ifindex;
    im->is_egress = is_egress;
    atomic_store_explicit(&im->shared->n_waiting, 0, memory_order_relaxed);
    im->prog_fd = rl_impair_load_tc(im, is_egress, why);
    if (im->prog_fd < 0) {
        err = im->prog_fd;
        im->prog_fd = -1;
        return err;
    }
    err = attach(im, hook, why);
    if (err != 0)
        rl_impair_detach(im);
    return err;
}

void rl_impair_detach(struct rl_impair *im)
{
    if (im->hook == RL_IMPAIR_HOOK_CLSACT)
        rl_clsact_close(&im->clsact);
    rl_bpf_close(&im->link_fd);
    rl_bpf_close(&im->prog_fd);
    im->hook = RL_IMPAIR_HOOK_AUTO;
}

int rl_impair_restart(struct rl_impair *im, const uint8_t *actions)
{
    struct rl_impair_shared *shared = im->shared;

    if (actions != NULL && find_unknown(actions, im->n_actions) < im->n_actions)
        return -EINVAL;
    if (actions != NULL)
        memcpy(im->table, actions, im->n_actions);
    for (uint32_t i = 0; i < RL_IMPAIR_N_ENDS; i++)
        atomic_store_explicit(&shared->n_done[i], 0, memory_order_relaxed);
    atomic_store_explicit(&shared->n_waiting, 0, memory_order_relaxed);
    atomic_store_explicit(&shared->n_seen, 0, memory_order_relaxed);
    return 0;
}

struct rl_impair_counts rl_impair_counts_now(const struct rl_impair *im)
{
    const struct rl_impair_shared *shared = im->shared;
    uint64_t n[RL_IMPAIR_N_ENDS];

    for (uint32_t i = 0; i < RL_IMPAIR_N_ENDS; i++)
        n[i] = atomic_load_explicit(&shared->n_done[i], memory_order_relaxed);
    return (struct rl_impair_counts){
        .n_seen = atomic_load_explicit(&shared->n_seen, memory_order_relaxed),
        .n_passed = n[RL_IMPAIR_PASS],
        .n_dropped = n[RL_IMPAIR_DROP],
        .n_duplicated = n[RL_IMPAIR_DUPLICATE],
        .n_corrupted = n[RL_IMPAIR_CORRUPT],
        .n_corrupted_frame = n[RL_IMPAIR_CORRUPT_FRAME],
        .n_undone = n[RL_IMPAIR_UNDONE],
    };
}

bool rl_impair_has(const struct rl_impair *im, enum rl_impair_action action)
{
    return memchr(im->table, (int)action, im->n_actions) != NULL;
}

void rl_impair_close(struct rl_impair *im)
{
    rl_impair_detach(im);
    rl_bpf_shared_close(im->table_fd, im->table, im->n_actions);
    rl_bpf_shared_close(im->shared_fd, im->shared, sizeof(*im->shared));
    im->table_fd = im->shared_fd = -1;
    im->table = NULL;
    im->shared = NULL;
}
