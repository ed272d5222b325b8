#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* 0 to 65535, digits only. */
static bool read_port(const char *text, uint16_t *port)
{
    uint32_t n = 0;

    if (!*text || strlen(text) > 5)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        n = n * 10 + (uint32_t)(*text - '0');
    }
    *port = (uint16_t)n;
    return n <= UINT16_MAX;
}

int rl_address_read(struct rl_address *a, const char *text)
{
    char host[RL_ADDRESS_TEXT];
    const char *colon = strrchr(text, ':'), *from = text;
    size_t n_host = colon ? (size_t)(colon - text) : 0;
    bool is_v6 = n_host >= 2 && text[0] == '[' && colon[-1] == ']';
    uint16_t port;

    memset(a, 0, sizeof *a);
    if (is_v6) {
        from++;
        n_host -= 2;
    }
    if (n_host >= sizeof host || !read_port(colon ? colon + 1 : text, &port))
        return -EINVAL;
    memcpy(host, from, n_host);
    host[n_host] = '\0';
    if (is_v6) {
        a->at.v6.sin6_family = AF_INET6;
        a->at.v6.sin6_port = htons(port);
        a->n_bytes = sizeof a->at.v6;
        return inet_pton(AF_INET6, host, &a->at.v6.sin6_addr) == 1 ? 0 : -EINVAL;
    }
    a->at.v4.sin_family = AF_INET;
    a->at.v4.sin_port = htons(port);
    a->n_bytes = sizeof a->at.v4;
    if (n_host == 0 || strcmp(host, "localhost") == 0) {
        a->at.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return 0;
    }
    return inet_pton(AF_INET, host, &a->at.v4.sin_addr) == 1 ? 0 : -EINVAL;
}

uint16_t rl_address_port(const struct rl_address *a)
{
    if (a->n_bytes == 0)
        return 0;
    return ntohs(a->at.any.sa_family == AF_INET6 ? a->at.v6.sin6_port : a->at.v4.sin_port);
}

const char *rl_address_write(const struct rl_address *a, char *text)
{
    char host[INET6_ADDRSTRLEN] = "?";

    if (a->n_bytes == 0) {
        strcpy(text, "-");
    } else if (a->at.any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &a->at.v6.sin6_addr, host, sizeof host);
        snprintf(text, RL_ADDRESS_TEXT, "[%s]:%u", host, rl_address_port(a));
    } else {
        inet_ntop(AF_INET, &a->at.v4.sin_addr, host, sizeof host);
        snprintf(text, RL_ADDRESS_TEXT, "%s:%u", host, rl_address_port(a));
    }
    return text;
}

bool rl_address_is_multicast(const struct rl_address *a)
{
    if (a->n_bytes == 0)
        return false;
    if (a->at.any.sa_family == AF_INET6)
        return IN6_IS_ADDR_MULTICAST(&a->at.v6.sin6_addr);
    return IN_MULTICAST(ntohl(a->at.v4.sin_addr.s_addr));
}

int rl_address_of(struct rl_address *a, int fd)
{
    a->n_bytes = sizeof a->at;
    return getsockname(fd, &a->at.any, &a->n_bytes) < 0 ? -errno : 0;
}

int rl_address_of_peer(struct rl_address *a, int fd)
{
    a->n_bytes = sizeof a->at;
    return getpeername(fd, &a->at.any, &a->n_bytes) < 0 ? -errno : 0;
}
