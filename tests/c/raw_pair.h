/*
 * raw_pair - a port of whole Ethernet frames on each end of a virtual cable, and frames to send
 * through it.
 */
#ifndef RL_TESTS_RAW_PAIR_H
#define RL_TESTS_RAW_PAIR_H

#include "net/port/port_xdp.h"
#include "spin.h"
#include "veth.h"

#define RAW_TYPE 0x88B5 /* for local experiments: no kernel listens to it */
#define RAW_MTU 1500
#define RAW_MAX (RAW_MTU + RL_ETHERNET_HEADER)
#define RAW_SLOTS 64

typedef int (*raw_open)(struct rl_port **port, const struct rl_port_config *config, char *why);

/* A backend's own opener, at one end. The result is the opener's. */
static inline int raw_try(struct rl_port **port, raw_open open, const struct veth_end *e,
                          struct rl_port_config config, char *why)
{
    int back, err;

    why[0] = '\0';
    if (config.interface[0] == '\0')
        strcpy(config.interface, e->interface);
    CHECK_EQ(rl_netns_enter(e->netns_fd, &back), 0);
    err = open(port, &config, why);
    rl_netns_leave(back);
    CHECK((err == 0) == (why[0] == '\0')); /* a sentence with every refusal */
    return err;
}

static inline struct rl_port *raw_port(raw_open open, const struct veth_end *e,
                                       struct rl_port_config config)
{
    char why[RL_PORT_WHY];
    struct rl_port *port;
    int err = raw_try(&port, open, e, config, why);

    if (err == -EPERM) {
        printf("skipped: %s\n", why);
        exit(RL_SKIP);
    }
    if (err) {
        fprintf(stderr, "cannot open: %s\n", why);
        exit(1);
    }
    return port;
}

/* What cannot be had in this place at all is no failure of a port. */
static inline bool raw_has_xdp(const struct veth_end *e, char *why)
{
    struct rl_port_config config = {.netns_fd = -1, .n_slots = RAW_SLOTS};
    struct rl_port *port;
    int err = raw_try(&port, rl_xdp_port_open, e, config, why);

    if (err == -EPERM || err == -EAFNOSUPPORT || err == -ENOSYS)
        return false;
    CHECK_EQ(err, 0);
    rl_port_close(port);
    return true;
}

static inline void raw_skip_without_xdp(const struct veth_end *e)
{
    char why[RL_PORT_WHY];

    if (!raw_has_xdp(e, why)) {
        printf("skipped: %s\n", why);
        exit(RL_SKIP);
    }
}

/* Opening fails, and the sentence has `word` in it. */
static inline void raw_refused(raw_open open, const struct veth_end *e,
                               struct rl_port_config config, int wanted, const char *word)
{
    char why[RL_PORT_WHY];
    struct rl_port *port;

    CHECK_EQ(raw_try(&port, open, e, config, why), wanted);
    if (strstr(why, word) == NULL) {
        fprintf(stderr, "no '%s' in: %s\n", word, why);
        exit(1);
    }
}

/* A frame of n bytes (18 or more) from end 0 to end 1 or back, that says its number. */
static inline void raw_write(uint8_t *frame, uint32_t n, const struct veth *v, int from,
                             uint32_t number)
{
    memcpy(frame, v->end[1 - from].mac, 6);
    memcpy(frame + 6, v->end[from].mac, 6);
    rl_net16_put(frame + 12, RAW_TYPE);
    memcpy(frame + 14, &number, 4);
    for (uint32_t i = 18; i < n; i++)
        frame[i] = (uint8_t)(number + i);
}

static inline bool raw_try_send(struct rl_port *port, const uint8_t *bytes, uint32_t n)
{
    uint8_t *frame = rl_port_tx_reserve(port, n);

    if (frame == NULL)
        return false;
    memcpy(frame, bytes, n);
    rl_port_tx_commit(port, n);
    return true;
}

static inline void raw_send(struct rl_port *port, const uint8_t *bytes, uint32_t n)
{
    CHECK(raw_try_send(port, bytes, n));
    rl_port_tx_flush(port);
}

/* The numbered frame of n bytes from end `from`; leaves at once. */
static inline void raw_send_number(struct rl_port *port, const struct veth *v, int from, uint32_t n,
                                   uint32_t number)
{
    uint8_t bytes[RAW_MAX];

    raw_write(bytes, n, v, from, number);
    raw_send(port, bytes, n);
}

/* At least one frame, at most max. */
static inline uint32_t raw_receive(struct rl_port *port, struct rl_frame *frames, uint32_t max)
{
    uint32_t n;

    SPIN_UNTIL((n = rl_port_rx_burst(port, frames, max)) > 0);
    return n;
}

/* Frames of all lengths from each end to the other, which does not hear its own. */
static inline void raw_carry_both_ways(struct rl_port *port[2], const struct veth *v)
{
    static const uint32_t sizes[] = {18, 59, 60, 61, 64, 106, 1000, RAW_MAX};
    uint8_t bytes[RAW_MAX];
    struct rl_frame frame;

    for (int from = 0; from < 2; from++)
        for (uint32_t i = 0; i < RL_COUNT(sizes); i++) {
            raw_write(bytes, sizes[i], v, from, i);
            raw_send(port[from], bytes, sizes[i]);
            CHECK_EQ(raw_receive(port[1 - from], &frame, 1), 1);
            CHECK_EQ(frame.n_bytes, sizes[i]);
            CHECK(memcmp(frame.data, bytes, sizes[i]) == 0);
            rl_port_rx_release(port[1 - from]);
            CHECK_EQ(rl_port_rx_burst(port[from], &frame, 1), 0);
        }
    CHECK_EQ(rl_port_stats_now(port[0]).tx_lost, 0);
    CHECK_EQ(rl_port_stats_ask(port[1]).rx_dropped, 0);
}

static inline uint32_t raw_number(const struct rl_frame *frame)
{
    uint32_t number;

    CHECK(frame->n_bytes >= 18);
    CHECK_EQ(rl_net16(frame->data + 12), RAW_TYPE);
    memcpy(&number, frame->data + 14, 4);
    return number;
}

/* The next frame, released: it is the numbered one, so nothing came before it. */
static inline void raw_expect(struct rl_port *port, uint32_t number)
{
    struct rl_frame frame;

    CHECK_EQ(raw_receive(port, &frame, 1), 1);
    CHECK_EQ(raw_number(&frame), number);
    for (uint32_t i = 18; i < frame.n_bytes; i++)
        CHECK_EQ(frame.data[i], (uint8_t)(number + i));
    rl_port_rx_release(port);
}

/* A datagram of 4 bytes to `port` of the other end; into RAW_MAX bytes, returns how many. */
static inline uint32_t raw_write_udp(uint8_t *frame, const struct veth *v, int from, uint16_t port,
                                     uint16_t vlan, uint32_t number)
{
    struct rl_flow flow = veth_flow(v, from, 7000, port);
    struct rl_frame_template t;

    flow.vlan = vlan;
    flow.has_checksum = true;
    CHECK_EQ(rl_frame_template_init(&t, &flow), 0);
    memcpy(frame + t.n_header, &number, 4);
    return rl_frame_write(&t, frame, 4, 0);
}

/* What a framed port at end `at` hears. */
static inline struct rl_flow_filter raw_hears(const struct veth *v, int at, uint16_t port)
{
    struct rl_flow_filter hears = {.port = port, .ip = v->end[at].ip};

    memcpy(hears.mac, v->end[at].mac, 6);
    return hears;
}

#endif
