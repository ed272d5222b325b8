/*
 * netns - network namespaces: a thread goes into one, opens what it needs, and comes back.
 *
 * Threads:  entering moves the calling thread alone. What is opened there stays there.
 * Errors:   entering needs CAP_SYS_ADMIN: -EPERM.
 */
#ifndef RL_NET_NETNS_H
#define RL_NET_NETNS_H

/* A descriptor of the namespace at `path` (/run/netns/NAME, /proc/PID/ns/net), or -errno. */
int rl_netns_open(const char *path);

/*
 * Into the namespace of `fd`: 0 and in *back what rl_netns_leave wants, or -errno. With fd -1 the
 * thread stays where it is.
 */
int rl_netns_enter(int fd, int *back);
/* Back to where the thread was, and closes `back`. A thread that cannot return ends the process:
 * it would open everything else in the wrong place. */
void rl_netns_leave(int back);

#endif
