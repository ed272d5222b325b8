#include "net/frame.h"

#include <errno.h>

#define VLAN_MAX 4094        /* 4095 is reserved */
#define DONT_FRAGMENT 0x4000 /* and so the id may be any: RFC 6864, 4.1 */
#define TTL_UNICAST 64       /* RFC 1700 */
#define TTL_GROUP 1          /* RFC 1112, 6.1: stays on the link unless asked otherwise */
#define IP_VERSION_AND_IHL 0x45

void rl_group_mac(uint8_t mac[6], uint32_t group)
{
    rl_net16_put(mac, 0x0100);
    rl_net32_put(mac + 2, 0x5E000000 | (group & 0x7FFFFF));
}

struct rl_flow_filter rl_flow_mirror(const struct rl_flow *flow)
{
    struct rl_flow_filter f = {.port = flow->from_port, .ip = flow->from_ip, .vlan = flow->vlan};

    memcpy(f.mac, flow->from_mac, sizeof(f.mac));
    return f;
}

const char *rl_flow_refusal(const struct rl_flow *flow)
{
    if (flow->from_mac[0] & 1)
        return "the sender's MAC is one of a group";
    if (!rl_ip_is_multicast(flow->to_ip) && flow->to_mac[0] & 1)
        return "the receiver's MAC is one of a group, but its address is not";
    if (rl_ip_is_multicast(flow->from_ip))
        return "the sender's address is a multicast group";
    if (flow->to_ip == 0)
        return "no address to send to";
    if (flow->to_port == 0)
        return "no port to send to";
    if (flow->vlan > VLAN_MAX)
        return "VLANs are 1 to 4094";
    return NULL;
}

const char *rl_flow_filter_refusal(const struct rl_flow_filter *filter)
{
    if (filter->mac[0] & 1)
        return "our own MAC is one of a group";
    if (filter->ip == 0 && filter->group == 0)
        return "no address to listen at";
    if (rl_ip_is_multicast(filter->ip))
        return "our own address is a multicast group";
    if (filter->group != 0 && !rl_ip_is_multicast(filter->group))
        return "the group is not a multicast address";
    if (filter->port == 0)
        return "no port to listen at";
    if (filter->vlan > VLAN_MAX)
        return "VLANs are 1 to 4094";
    return NULL;
}

const char *rl_frame_reason_name(enum rl_frame_reason reason)
{
    static const char *const names[] = {"ok",
#define NAME(NAME, name, text) #name,
                                        RL_FRAME_REASONS(NAME)
#undef NAME
    };

    return reason < RL_N_FRAME_REASONS ? names[reason] : "?";
}

const char *rl_frame_reason_text(enum rl_frame_reason reason)
{
    static const char *const texts[] = {"a datagram",
#define TEXT(NAME, name, text) text,
                                        RL_FRAME_REASONS(TEXT)
#undef TEXT
    };

    return reason < RL_N_FRAME_REASONS ? texts[reason] : "?";
}

static void put_macs(uint8_t *frame, const struct rl_flow *flow)
{
    if (rl_ip_is_multicast(flow->to_ip))
        rl_group_mac(frame, flow->to_ip);
    else
        memcpy(frame, flow->to_mac, 6);
    memcpy(frame + 6, flow->from_mac, 6);
}

int rl_frame_template_init(struct rl_frame_template *t, const struct rl_flow *flow)
{
    uint8_t ttl = rl_ip_is_multicast(flow->to_ip) ? TTL_GROUP : TTL_UNICAST;
    uint8_t *ip, *udp;

    if (rl_flow_refusal(flow) != NULL)
        return -EINVAL;
    *t = (struct rl_frame_template){.has_checksum = flow->has_checksum};
    put_macs(t->bytes, flow);
    ip = t->bytes + RL_ETHERNET_HEADER;
    if (flow->vlan != 0) {
        rl_net16_put(ip - 2, RL_ETHERTYPE_VLAN);
        rl_net16_put(ip, flow->vlan);
        ip += RL_VLAN_TAG;
    }
    rl_net16_put(ip - 2, RL_ETHERTYPE_IPV4);
    ip[0] = IP_VERSION_AND_IHL;
    rl_net16_put(ip + 6, DONT_FRAGMENT);
    ip[8] = flow->ttl != 0 ? flow->ttl : ttl;
    ip[9] = RL_IP_PROTOCOL_UDP;
    rl_net32_put(ip + 12, flow->from_ip);
    rl_net32_put(ip + 16, flow->to_ip);
    t->ip_sum = rl_sum_bytes(ip, RL_IPV4_HEADER);
    udp = ip + RL_IPV4_HEADER;
    rl_net16_put(udp, flow->from_port);
    rl_net16_put(udp + 2, flow->to_port);
    t->udp_sum = rl_sum_bytes(ip + 12, 8) + rl_sum16(RL_IP_PROTOCOL_UDP) + rl_sum_bytes(udp, 4);
    t->n_header = (uint16_t)(udp + RL_UDP_HEADER - t->bytes);
    return 0;
}
