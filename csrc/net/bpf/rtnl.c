#include "net/bpf/rtnl.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define N_BYTES_ANSWER 16384 /* the kernel fills dumps into pieces of at most this */
#define SEQUENCE 1           /* one request at a time */

int rl_rtnl_open(void)
{
    struct timeval patience = {.tv_sec = 5}; /* answers come at once, or never */
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

static uint8_t *take(struct rl_rtnl *m, size_t n_bytes)
{
    uint8_t *at = m->bytes + m->n_bytes;

    if (m->is_full || NLMSG_ALIGN(n_bytes) > sizeof(m->bytes) - m->n_bytes) {
        m->is_full = true;
        return NULL;
    }
    m->n_bytes += (uint32_t)NLMSG_ALIGN(n_bytes);
    return at;
}

void rl_rtnl_start(struct rl_rtnl *m, uint16_t type, uint16_t flags, const void *body,
                   size_t n_bytes_body)
{
    struct nlmsghdr *h = (struct nlmsghdr *)m->bytes;
    uint8_t *at;

    memset(m, 0, sizeof(*m));
    take(m, sizeof(*h));
    h->nlmsg_type = type;
    h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    if ((flags & NLM_F_DUMP) != NLM_F_DUMP)
        h->nlmsg_flags |= NLM_F_ACK; /* a dump ends with its own */
    h->nlmsg_seq = SEQUENCE;
    at = take(m, n_bytes_body);
    if (at != NULL)
        memcpy(at, body, n_bytes_body);
}

void rl_rtnl_put(struct rl_rtnl *m, uint16_t type, const void *value, size_t n_bytes)
{
    struct rtattr header = {.rta_len = (uint16_t)RTA_LENGTH(n_bytes), .rta_type = type};
    uint8_t *at = take(m, RTA_LENGTH(n_bytes));

    if (at == NULL)
        return;
    memcpy(at, &header, sizeof(header));
    if (n_bytes > 0)
        memcpy(at + RTA_LENGTH(0), value, n_bytes);
}

void rl_rtnl_text(struct rl_rtnl *m, uint16_t type, const char *text)
{
    rl_rtnl_put(m, type, text, strlen(text) + 1);
}

size_t rl_rtnl_nest(struct rl_rtnl *m, uint16_t type)
{
    size_t nest = m->n_bytes;

    rl_rtnl_put(m, type, NULL, 0);
    return nest;
}

void rl_rtnl_unnest(struct rl_rtnl *m, size_t nest)
{
    if (!m->is_full)
        ((struct rtattr *)(m->bytes + nest))->rta_len = (uint16_t)(m->n_bytes - nest);
}

/* Of an acknowledgement or the end of a dump: both begin with it. */
static int error_of(const struct nlmsghdr *h)
{
    int err;

    if (h->nlmsg_len < NLMSG_LENGTH(sizeof(err)))
        return -EBADMSG;
    memcpy(&err, NLMSG_DATA(h), sizeof(err));
    return err;
}

/* One piece of an answer: 1 when it goes on, 0 or -errno when that was all. */
static int read_piece(const uint8_t *bytes, size_t n_bytes,
                      void (*see)(void *context, const struct nlmsghdr *h), void *context)
{
    const struct nlmsghdr *h = (const struct nlmsghdr *)bytes;

    for (uint32_t left = (uint32_t)n_bytes; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
        if (h->nlmsg_seq != SEQUENCE)
            continue;
        if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE)
            return error_of(h);
        if (see != NULL)
            see(context, h);
    }
    return 1;
}

int rl_rtnl_dump(int fd, struct rl_rtnl *m, void (*see)(void *context, const struct nlmsghdr *h),
                 void *context)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    _Alignas(8) uint8_t answer[N_BYTES_ANSWER];
    ssize_t n;
    int got;

    if (m->is_full)
        return -ENOSPC;
    ((struct nlmsghdr *)m->bytes)->nlmsg_len = m->n_bytes;
    if (sendto(fd, m->bytes, m->n_bytes, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
        return -errno;
    do {
        do
            n = recv(fd, answer, sizeof(answer), 0);
        while (n < 0 && errno == EINTR);
        if (n < 0)
            return -errno;
        got = read_piece(answer, (size_t)n, see, context);
    } while (got > 0);
    return got;
}

int rl_rtnl_do(int fd, struct rl_rtnl *m)
{
    return rl_rtnl_dump(fd, m, NULL, NULL);
}

static const struct rtattr *find(const void *first, size_t n_bytes, uint16_t type)
{
    const struct rtattr *a = first;

    for (uint32_t left = (uint32_t)n_bytes; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if ((a->rta_type & NLA_TYPE_MASK) == type)
            return a;
    }
    return NULL;
}

bool rl_rtnl_find_text(const struct nlmsghdr *h, size_t n_bytes_body, uint16_t outer,
                       uint16_t inner, char *text, size_t n)
{
    const uint8_t *body = NLMSG_DATA(h);
    const struct rtattr *a;
    size_t n_bytes;

    if (h->nlmsg_len < NLMSG_LENGTH(n_bytes_body))
        return false;
    a = find(body + NLMSG_ALIGN(n_bytes_body), h->nlmsg_len - NLMSG_LENGTH(n_bytes_body), outer);
    if (a != NULL)
        a = find(RTA_DATA(a), RTA_PAYLOAD(a), inner);
    if (a == NULL)
        return false;
    n_bytes = RTA_PAYLOAD(a);
    if (n_bytes == 0 || n_bytes > n)
        return false;
    memcpy(text, RTA_DATA(a), n_bytes);
    text[n_bytes - 1] = '\0';
    return true;
}
