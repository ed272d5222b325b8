/*
 * watch_socket - a socket on which those who may can stop the engine; nobody can start it.
 *
 * A packet "trip [SCOPE [CAUSE]]" or "status" is answered by one line. The kernel says who asks
 * (SO_PEERCRED): the watchdog's own user, root, and whom --allow names. Others get a refusal.
 */
#ifndef RL_TOOLS_WATCH_SOCKET_H
#define RL_TOOLS_WATCH_SOCKET_H

#include <poll.h>
#include <sys/types.h>

#include "trade/kill/board.h"

#define WATCH_SOCKET_FILE "kill.sock"
#define WATCH_MAX_CLIENTS 16
#define WATCH_MAX_ALLOWED 16

struct watch_socket {
    int listener;
    int clients[WATCH_MAX_CLIENTS]; /* -1: free */
    int next;                       /* the one that makes room when all are taken */
    uid_t allowed[WATCH_MAX_ALLOWED];
    int n_allowed;
};

/* Listens at the path, which it replaces. 0 or -errno. With n_allowed > 0 anybody may connect. */
int watch_socket_open(struct watch_socket *s, const char *path);

/* Appends what to wait for; returns how many. At most 1 + WATCH_MAX_CLIENTS. */
int watch_socket_polls(const struct watch_socket *s, struct pollfd *polls);

/* Serves everybody who has something to say; never waits. */
void watch_socket_serve(struct watch_socket *s, const struct rl_board *b);

void watch_socket_close(struct watch_socket *s);

#endif
