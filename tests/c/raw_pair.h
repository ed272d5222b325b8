/*
 * raw_pair - a port of whole Ethernet frames on each end of a virtual cable, and frames to send
 * through it.
 */
#ifndef RL_TESTS_RAW_PAIR_H
#define RL_TESTS_RAW_PAIR_H

#include <time.h>

#include "net/port/port_open.h"
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

/* Waits until it holds: on a busy machine the kernel may deliver after the sender's call. */
#define RAW_UNTIL(condition)                                  \
    do {                                                      \
        time_t raw_until = time(NULL) + 5;                    \
        uint32_t raw_turns = 0;                               \
                                                              \
        while (!(condition)) {                                \
            spin_wait(&raw_turns);                            \
            if (time(NULL) >= raw_until)                      \
                CHECK(!"seen within 5 seconds: " #condition); \
        }                                                     \
    } while (0)

/* At least one frame, at most max. */
static inline uint32_t raw_receive(struct rl_port *port, struct rl_frame *frames, uint32_t max)
{
    uint32_t n;

    RAW_UNTIL((n = rl_port_rx_burst(port, frames, max)) > 0);
    return n;
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
    struct rl_flow flow = {.from_ip = v->end[from].ip,
                           .to_ip = v->end[1 - from].ip,
                           .from_port = 7000,
                           .to_port = port,
                           .vlan = vlan,
                           .has_checksum = true};
    struct rl_frame_template t;

    memcpy(flow.from_mac, v->end[from].mac, 6);
    memcpy(flow.to_mac, v->end[1 - from].mac, 6);
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
