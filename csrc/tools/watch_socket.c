#include "tools/watch_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "trade/kill/words.h"

int watch_socket_open(struct watch_socket *s, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t mode;
    int err = 0;

    for (int i = 0; i < WATCH_MAX_CLIENTS; i++)
        s->clients[i] = -1;
    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->listener < 0)
        return -errno;
    unlink(path); /* left by one who died; a second watchdog does not come this far */
    mode = umask(s->n_allowed ? 0111 : 0177);
    if (bind(s->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(s->listener, WATCH_MAX_CLIENTS) < 0)
        err = -errno;
    umask(mode);
    if (err)
        watch_socket_close(s);
    return err;
}

int watch_socket_polls(const struct watch_socket *s, struct pollfd *polls)
{
    int n = 0;

    if (s->listener < 0)
        return 0;
    polls[n++] = (struct pollfd){.fd = s->listener, .events = POLLIN};
    for (int i = 0; i < WATCH_MAX_CLIENTS; i++) {
        if (s->clients[i] >= 0)
            polls[n++] = (struct pollfd){.fd = s->clients[i], .events = POLLIN};
    }
    return n;
}

static bool is_allowed(const struct watch_socket *s, uid_t uid)
{
    if (uid == geteuid() || uid == 0)
        return true;
    for (int i = 0; i < s->n_allowed; i++) {
        if (s->allowed[i] == uid)
            return true;
    }
    return false;
}

/* Does what the packet asks; the answer goes into line. */
static void obey(const struct rl_board *b, char *packet, pid_t who, char *line, size_t n_line)
{
    enum rl_kill_cause cause = RL_KILL_SOCKET;
    uint32_t scope = RL_SCOPE_GLOBAL, index = 0;
    char *rest = packet, *verb = strtok_r(rest, " \t\r\n", &rest), *word, name[24];
    struct rl_kill_why why;

    if (verb && strcmp(verb, "trip") == 0) {
        if ((word = strtok_r(rest, " \t\r\n", &rest)) &&
            (!rl_words_scope(word, &scope, &index) || scope == RL_KILL_ALL)) {
            snprintf(line, n_line, "error: no such scope: nothing was stopped\n");
            return;
        }
        if (word && (word = strtok_r(rest, " \t\r\n", &rest)) && !rl_words_cause(word, &cause)) {
            snprintf(line, n_line, "error: no such cause: nothing was stopped\n");
            return;
        }
        rl_kill_trip(b->kill, (enum rl_scope)scope, index, cause, (uint32_t)who);
    } else if (!verb || strcmp(verb, "status") != 0) {
        snprintf(line, n_line, "error: not `trip [SCOPE [CAUSE]]` nor `status`\n");
        return;
    }
    rl_kill_cause(b->kill, &why);
    snprintf(line, n_line, "%s epoch=%u cause=%s scope=%s\n", rl_kill_state_text(why.state),
             why.epoch, rl_kill_cause_name(why.cause),
             rl_words_of_scope(name, why.scope, why.index));
}

/* False: this client has gone, or is sent away. */
static bool serve_client(const struct watch_socket *s, int fd, const struct rl_board *b)
{
    struct ucred peer = {0};
    socklen_t n_peer = sizeof(peer);
    char packet[129], line[160];
    ssize_t n = recv(fd, packet, sizeof(packet) - 1, MSG_DONTWAIT | MSG_TRUNC);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n_peer) < 0 || !is_allowed(s, peer.uid)) {
        snprintf(line, sizeof(line), "error: user %u may not stop this engine\n",
                 (unsigned)peer.uid);
    } else if (n >= (ssize_t)sizeof(packet)) {
        snprintf(line, sizeof(line), "error: longer than 128 bytes: nothing was stopped\n");
    } else {
        packet[n] = '\0';
        obey(b, packet, peer.pid, line, sizeof(line));
    }
    send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
    return true;
}

void watch_socket_serve(struct watch_socket *s, const struct rl_board *b)
{
    int fd;

    while (s->listener >= 0 &&
           (fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        int at = s->next;

        for (int i = 0; i < WATCH_MAX_CLIENTS; i++) {
            if (s->clients[i] < 0)
                at = i;
        }
        if (s->clients[at] >= 0) { /* silent ones must not keep others out */
            close(s->clients[at]);
            s->next = (at + 1) % WATCH_MAX_CLIENTS;
        }
        s->clients[at] = fd;
    }
    for (int i = 0; i < WATCH_MAX_CLIENTS; i++) {
        if (s->clients[i] >= 0 && !serve_client(s, s->clients[i], b)) {
            close(s->clients[i]);
            s->clients[i] = -1;
        }
    }
}

void watch_socket_close(struct watch_socket *s)
{
    for (int i = 0; i < WATCH_MAX_CLIENTS; i++) {
        if (s->clients[i] >= 0)
            close(s->clients[i]);
        s->clients[i] = -1;
    }
    if (s->listener >= 0)
        close(s->listener);
    s->listener = -1;
}
