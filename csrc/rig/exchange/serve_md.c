/*
 * Market data as datagrams: lines A and B go out, requests for what was missed come in.
 */
#include <errno.h>
#include <string.h>

#include "rig/exchange/serve_inner.h"

#define SOCKET_BYTES (4u << 20) /* a burst waits there, not here */

void rl_serve_md_send(void *context, uint32_t line, const uint8_t *bytes, uint32_t n_bytes)
{
    struct rl_serve *s = context;

    if (s->md_lines[line].watch.fd >= 0)
        rl_udp_send(&s->md_lines[line], bytes, n_bytes);
}

/* Who asked, in a word: IPv4 address and port. */
static uint64_t handle_of(const struct rl_address *from)
{
    return (uint64_t)from->at.v4.sin_addr.s_addr << 16 | from->at.v4.sin_port;
}

void rl_serve_md_answer(void *context, uint64_t handle, const uint8_t *bytes, uint32_t n_bytes)
{
    struct rl_serve *s = context;
    struct rl_address to = {.n_bytes = sizeof to.at.v4};

    to.at.v4.sin_family = AF_INET;
    to.at.v4.sin_port = (in_port_t)handle;
    to.at.v4.sin_addr.s_addr = (in_addr_t)(handle >> 16);
    rl_udp_send_to(&s->md_requests, &to, bytes, n_bytes);
}

static void asked(void *context, struct rl_udp *u, const uint8_t *bytes, uint32_t n_bytes,
                  const struct rl_address *from)
{
    struct rl_serve *s = context;

    (void)u;
    rl_md_itch_request(s->md_itch, handle_of(from), bytes, n_bytes, rl_serve_utc(s));
}

static int open_sockets(struct rl_serve *s, const char **where)
{
    static const char *const names[] = {"market data A", "market data B"};
    struct rl_udp_config config = {.n_bytes_datagram = RL_MD_PACKET_MAX,
                                   .n_bytes_socket = SOCKET_BYTES};
    int err = 0;

    for (int i = 0; !err && i < RL_MD_LINES; i++) {
        *where = names[i];
        config.to = s->config.md_lines[i];
        if (config.to.n_bytes > 0)
            err = rl_udp_open(&s->md_lines[i], NULL, &s->arena, &config);
    }
    if (err || s->config.md_requests.n_bytes == 0)
        return err;
    *where = "market data requests";
    if (s->config.md_requests.at.any.sa_family != AF_INET)
        return -EAFNOSUPPORT;
    config = (struct rl_udp_config){.bind = s->config.md_requests,
                                    .n_bytes_datagram = RL_MD_PACKET_MAX,
                                    .n_bytes_socket = SOCKET_BYTES,
                                    .received = asked,
                                    .context = s};
    return rl_udp_open(&s->md_requests, &s->tcp.loop, &s->arena, &config);
}

int rl_serve_md_open(struct rl_serve *s, const char **where)
{
    struct rl_md_itch_config config = rl_serve_md_itch_config(s);
    int err;

    if (!rl_serve_has_md_lines(&s->config))
        return 0;
    *where = "market data";
    s->md_itch = rl_arena_take(&s->arena, sizeof *s->md_itch, 0);
    if (!s->md_itch)
        return -ENOMEM;
    err = rl_md_itch_init(s->md_itch, &s->arena, &config);
    if (!err)
        err = rl_venue_feed(&s->venue, rl_md_itch_told, s->md_itch);
    if (!err)
        err = open_sockets(s, where);
    if (!err)
        rl_md_itch_start(s->md_itch, rl_serve_utc(s));
    return err;
}

void rl_serve_md_close(struct rl_serve *s)
{
    for (int i = 0; i < RL_MD_LINES; i++)
        rl_udp_close(&s->md_lines[i]);
    rl_udp_close(&s->md_requests);
}
