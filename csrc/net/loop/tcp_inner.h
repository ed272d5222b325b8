/*
 * tcp_inner - what the parts of tcp say to each other.
 */
#ifndef RL_NET_TCP_INNER_H
#define RL_NET_TCP_INNER_H

#include "net/loop/tcp.h"

enum {
    RL_TCP_FREE,
    RL_TCP_CONNECTING,
    RL_TCP_OPEN,
    RL_TCP_ENDING,   /* its handler is told at the end of the turn */
    RL_TCP_DRAINING, /* its handler was told; what is left is sent */
};

/* Two deadlines each: what its handler asked for, and ours; then that of the listeners. */
static inline uint32_t rl_tcp_their_deadline(const struct rl_tcp_conn *c)
{
    return 2 * c->number;
}

static inline uint32_t rl_tcp_our_deadline(const struct rl_tcp_conn *c)
{
    return 2 * c->number + 1;
}

static inline uint32_t rl_tcp_accept_deadline(const struct rl_tcp *t)
{
    return 2 * t->config.n_connections;
}

/* A slot for a socket, in that state; NULL, and the socket is closed, when there is none. */
struct rl_tcp_conn *rl_tcp_adopt(struct rl_tcp *t, int fd, const struct rl_tcp_handler *handler,
                                 void *user, uint8_t state, const struct rl_address *peer);
/* Marks it: told and closed at the end of the turn. Harmless when it is ending already. */
void rl_tcp_condemn(struct rl_tcp_conn *c, enum rl_tcp_end why, int error);
/* Whether it is waited for bytes of him. */
bool rl_tcp_takes_bytes(const struct rl_tcp_conn *c);
/* Reads once; then shows the handler all that is not taken. */
void rl_tcp_receive(struct rl_tcp_conn *c);
void rl_tcp_deliver(struct rl_tcp_conn *c);
/* Has something to send, or to wait for, at the end of the turn. */
void rl_tcp_soil(struct rl_tcp_conn *c);
/* As much as the kernel takes; and all that follows from it. */
void rl_tcp_send_some(struct rl_tcp_conn *c);
void rl_tcp_flush(struct rl_tcp_conn *c);
/* The connection was made, or was not. */
void rl_tcp_connect_ready(struct rl_tcp_conn *c);
/* The rest after an error is over. */
void rl_tcp_accept_on(struct rl_tcp *t);

#endif
