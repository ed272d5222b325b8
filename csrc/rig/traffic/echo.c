#include "rig/traffic/echo.h"

#include <string.h>

#include "net/frame.h"
#include "rig/traffic/probe_header.h"
#include "rig/traffic/run.h"

#define MORE_OR_OFFSET 0x3FFF /* of the IPv4 flags: any of them makes it a fragment */

const char *const rl_echo_counter_names[] = {
#define NAME(name, what) #name,
    RL_ECHO_COUNTERS(NAME)
#undef NAME
        NULL,
};

void rl_echo_init(struct rl_echo *e, struct rl_port *port)
{
    memset(e, 0, sizeof *e);
    e->port = port;
}

/* Where the fields lie that change places; no IP header: 0. */
struct turn {
    uint32_t ip, udp;
};

/* False for a frame that nobody should answer. */
static bool look(struct turn *turn, const uint8_t *frame, uint32_t n_bytes)
{
    uint32_t ip = RL_ETHERNET_HEADER, n_ip;
    uint16_t type;

    if (n_bytes < RL_ETHERNET_HEADER || (frame[0] & 1) != 0)
        return false;
    type = rl_net16(frame + 12);
    if (type == RL_ETHERTYPE_VLAN && n_bytes >= ip + RL_VLAN_TAG) {
        type = rl_net16(frame + 16);
        ip += RL_VLAN_TAG;
    }
    if (type == RL_ETHERTYPE_PROBE)
        return true;
    if (type != RL_ETHERTYPE_IPV4 || n_bytes < ip + RL_IPV4_HEADER)
        return false;
    n_ip = (frame[ip] & 0xFU) * 4;
    *turn = (struct turn){ip, ip + n_ip};
    return frame[ip] >> 4 == 4 && n_ip >= RL_IPV4_HEADER && n_bytes >= ip + n_ip + RL_UDP_HEADER &&
           frame[ip + 9] == RL_IP_PROTOCOL_UDP && (rl_net16(frame + ip + 6) & MORE_OR_OFFSET) == 0;
}

static void swap(uint8_t *back, const uint8_t *frame, uint32_t at, uint32_t n)
{
    memcpy(back + at, frame + at + n, n);
    memcpy(back + at + n, frame + at, n);
}

static void write_back(uint8_t *back, const uint8_t *frame, uint32_t n_bytes,
                       const struct turn *turn)
{
    memcpy(back, frame, n_bytes);
    swap(back, frame, 0, 6);
    if (turn->ip != 0) {
        swap(back, frame, turn->ip + 12, 4);
        swap(back, frame, turn->udp, 2);
    }
}

static bool is_for_us(const struct rl_echo *e, const struct rl_frame *f, struct turn *turn)
{
    struct rl_probe_header h;

    if (f->n_bytes == 0)
        return false;
    if (e->n_max != 0 && rl_counted(&e->n.frames_back) >= e->n_max)
        return false;
    if (e->only_probes && (f->n_bytes <= e->n_prefix ||
                           !rl_probe_read(&h, f->data + e->n_prefix, f->n_bytes - e->n_prefix)))
        return false;
    return !e->port->caps.is_ethernet || look(turn, f->data, f->n_bytes);
}

static void answer(struct rl_echo *e, const struct rl_frame *f)
{
    struct turn turn = {0, 0};
    uint8_t *back;

    if (!is_for_us(e, f, &turn)) {
        rl_count(&e->n.frames_ignored, 1);
        return;
    }
    back = rl_port_tx_reserve(e->port, f->n_bytes);
    if (RL_UNLIKELY(back == NULL)) {
        rl_count(&e->n.frames_unsent, 1);
        return;
    }
    if (e->port->caps.is_ethernet)
        write_back(back, f->data, f->n_bytes, &turn);
    else
        memcpy(back, f->data, f->n_bytes);
    rl_port_tx_commit(e->port, f->n_bytes);
    rl_count(&e->n.frames_back, 1);
    rl_count(&e->n.bytes_back, f->n_bytes);
}

uint32_t rl_echo_turn(struct rl_echo *e)
{
    struct rl_frame frames[RL_ECHO_BURST];
    uint32_t n = rl_port_rx_burst(e->port, frames, RL_ECHO_BURST);

    if (n == 0)
        return 0;
    for (uint32_t i = 0; i < n; i++)
        answer(e, &frames[i]);
    rl_port_tx_flush(e->port);
    rl_port_rx_release(e->port);
    rl_count(&e->n.frames_in, n);
    return n;
}
