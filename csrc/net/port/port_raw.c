#include "net/port/port_raw.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define N_SLOTS_MAX (1U << 16)

struct rl_flow_filter rl_raw_hears(const struct rl_port_config *c)
{
    struct rl_flow_filter hears = c->hears;

    if (hears.port == 0) {
        hears = rl_flow_mirror(&c->flow);
        hears.verifies_checksum = c->hears.verifies_checksum;
    }
    return hears;
}

static int plan_sizes(struct rl_raw_plan *plan, const struct rl_port_config *c,
                      uint32_t n_bytes_max, char *why)
{
    uint32_t n_bytes_carried = plan->interface.mtu + RL_ETHERNET_HEADER + RL_VLAN_TAG;

    plan->n_slots = c->n_slots > 0 ? c->n_slots : RL_RAW_N_SLOTS;
    if ((plan->n_slots & (plan->n_slots - 1)) != 0 || plan->n_slots > N_SLOTS_MAX) {
        snprintf(why, RL_PORT_WHY, "%s: n_slots: not a power of two up to %u: %u", c->interface,
                 N_SLOTS_MAX, plan->n_slots);
        return -EINVAL;
    }
    plan->n_bytes_frame = c->n_bytes_frame;
    if (plan->n_bytes_frame == 0)
        plan->n_bytes_frame = n_bytes_carried < n_bytes_max ? n_bytes_carried : n_bytes_max;
    if (plan->n_bytes_frame < RL_ETHERNET_MIN || plan->n_bytes_frame > n_bytes_max) {
        snprintf(why, RL_PORT_WHY, "%s: n_bytes_frame: not from %d to %u, headers included: %u",
                 c->interface, RL_ETHERNET_MIN, n_bytes_max, plan->n_bytes_frame);
        return -EINVAL;
    }
    plan->n_bytes_untagged = n_bytes_carried - RL_VLAN_TAG;
    if (c->is_framed && c->flow.vlan == 0) /* none of its frames has a tag */
        n_bytes_carried = plan->n_bytes_untagged;
    plan->n_bytes_send =
        plan->n_bytes_frame < n_bytes_carried ? plan->n_bytes_frame : n_bytes_carried;
    return 0;
}

int rl_raw_plan(struct rl_raw_plan *plan, const struct rl_port_config *c, uint32_t n_bytes_max,
                char why[RL_PORT_WHY])
{
    int err;

    *plan = (struct rl_raw_plan){.is_framed = c->is_framed};
    if (memchr(c->interface, '\0', sizeof(c->interface)) == NULL) {
        snprintf(why, RL_PORT_WHY, "interface '%.16s...': a name has at most %d characters",
                 c->interface, RL_INTERFACE_NAME - 1);
        return -EINVAL;
    }
    err = rl_interface_read(&plan->interface, c->interface, why, RL_PORT_WHY);
    if (err)
        return err;
    if (!plan->interface.is_ethernet) {
        snprintf(why, RL_PORT_WHY, "%s: carries no Ethernet frames", c->interface);
        return -EINVAL;
    }
    if (!plan->interface.is_up) {
        snprintf(why, RL_PORT_WHY, "%s: is down: ip link set %s up", c->interface, c->interface);
        return -ENETDOWN;
    }
    if (c->is_framed)
        plan->hears = rl_raw_hears(c);
    return plan_sizes(plan, c, n_bytes_max, why);
}

/* 0 and an open *fd, or -errno with a sentence. */
static int hear(int *fd, const struct rl_raw_plan *plan, const uint8_t mac[6], char *why)
{
    int got = rl_interface_hear(plan->interface.index, mac);

    if (got < 0) {
        snprintf(why, RL_PORT_WHY, "%s: cannot hear another MAC address than its own: %s%s",
                 plan->interface.name, strerror(-got), got == -EPERM ? " (needs CAP_NET_RAW)" : "");
        return got;
    }
    *fd = got;
    return 0;
}

int rl_raw_ears_open(struct rl_raw_ears *ears, const struct rl_raw_plan *plan,
                     char why[RL_PORT_WHY])
{
    const struct rl_flow_filter *hears = &plan->hears;
    uint8_t group[6];
    int err = 0;

    ears->fds[0] = ears->fds[1] = -1;
    if (!plan->is_framed)
        return 0;
    if (hears->ip != 0 && memcmp(hears->mac, plan->interface.mac, 6) != 0)
        err = hear(&ears->fds[0], plan, hears->mac, why);
    if (!err && hears->group != 0) {
        rl_group_mac(group, hears->group);
        err = hear(&ears->fds[1], plan, group, why);
    }
    if (err)
        rl_raw_ears_close(ears);
    return err;
}

void rl_raw_ears_close(struct rl_raw_ears *ears)
{
    for (int i = 0; i < 2; i++) {
        if (ears->fds[i] >= 0)
            close(ears->fds[i]);
        ears->fds[i] = -1;
    }
}
