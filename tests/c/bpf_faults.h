/*
 * bpf_faults - what a receiver must see when a table of faults is between it and a sender, and what
 * it did see: datagrams told by their number, with one byte that a fault may have flipped.
 */
#ifndef RL_TESTS_BPF_FAULTS_H
#define RL_TESTS_BPF_FAULTS_H

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf_frames.h"
#include "net/bpf/impair.h"
#include "spin.h"
#include "veth.h"

#define FAULT_AT 17 /* odd: the second byte of a word of the checksum */
#define FAULT_BYTES 32
#define FAULT_TABLE 1024
#define MAX_SEEN 10000

struct seen {
    uint64_t number;
    bool is_corrupt;
};

struct sequence {
    uint32_t n;
    struct seen seen[MAX_SEEN];
};

/* In every thousand: drops, duplicates, both corruptions; and a blackhole. */
static inline void draw_faults(uint8_t actions[FAULT_TABLE], uint64_t seed, bool duplicates)
{
    static const uint32_t permille[RL_N_IMPAIR_ACTIONS] = {0, 60, 80, 50, 40};

    for (uint32_t i = 0; i < FAULT_TABLE; i++) {
        uint32_t drawn = (uint32_t)(check_random(&seed) >> 32) % 1000, action = 1;

        while (action < RL_N_IMPAIR_ACTIONS && drawn >= permille[action])
            drawn -= permille[action++];
        actions[i] = (uint8_t)(action == RL_N_IMPAIR_ACTIONS ? RL_IMPAIR_PASS : action);
        if (!duplicates && actions[i] == RL_IMPAIR_DUPLICATE)
            actions[i] = RL_IMPAIR_PASS;
    }
    memset(actions + (uint32_t)check_random(&seed) % (FAULT_TABLE - 20), RL_IMPAIR_DROP, 20);
}

static inline void see(struct sequence *s, uint64_t number, bool is_corrupt)
{
    CHECK(s->n < MAX_SEEN);
    s->seen[s->n++] = (struct seen){.number = number, .is_corrupt = is_corrupt};
}

/* Of n packets, numbered from 0, to a receiver that looks at checksums. */
static inline void predict(struct sequence *s, struct rl_impair_counts *counts,
                           const uint8_t actions[FAULT_TABLE], uint32_t n)
{
    s->n = 0;
    *counts = (struct rl_impair_counts){.n_seen = n};
    for (uint32_t i = 0; i < n; i++) {
        switch (actions[i % FAULT_TABLE]) {
        case RL_IMPAIR_PASS:
            counts->n_passed++;
            see(s, i, false);
            break;
        case RL_IMPAIR_DROP:
            counts->n_dropped++;
            break;
        case RL_IMPAIR_DUPLICATE:
            counts->n_duplicated++;
            see(s, i, false);
            see(s, i, false);
            break;
        case RL_IMPAIR_CORRUPT:
            counts->n_corrupted++;
            see(s, i, true);
            break;
        default:
            counts->n_corrupted_frame++;
        }
    }
}

static inline bool is_same_sequence(const struct sequence *a, const struct sequence *b)
{
    for (uint32_t i = 0; i < a->n && i < b->n; i++) {
        if (a->seen[i].number != b->seen[i].number ||
            a->seen[i].is_corrupt != b->seen[i].is_corrupt)
            return false;
    }
    return a->n == b->n;
}

/* Bound to the port, or connected to that of `peer`. */
static inline int open_udp(const struct veth_end *at, const struct veth_end *peer, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval patience = {.tv_sec = 5};
    int home, fd, n_bytes = 16 << 20;

    CHECK_EQ(rl_netns_enter(at->netns_fd, &home), 0);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &n_bytes, sizeof(n_bytes)), 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    if (peer == NULL) {
        CHECK_EQ(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    } else {
        to.sin_addr.s_addr = htonl(peer->ip);
        CHECK_EQ(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    }
    rl_netns_leave(home);
    return fd;
}

static inline void send_numbers(int fd, uint64_t first, uint64_t n)
{
    uint8_t bytes[FAULT_BYTES] = {0};

    for (uint64_t i = first; i < first + n; i++) {
        memcpy(bytes + 8, &i, sizeof(i));
        CHECK_EQ(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    }
}

/* True for a datagram; waits for one only when told to. */
static inline bool receive_number(int fd, struct sequence *s, bool waits)
{
    uint8_t bytes[FAULT_BYTES + 1];
    uint64_t number;
    ssize_t n = recv(fd, bytes, sizeof(bytes), waits ? 0 : MSG_DONTWAIT);

    if (n < 0)
        return false;
    CHECK_EQ(n, FAULT_BYTES);
    memcpy(&number, bytes + 8, sizeof(number));
    see(s, number, bytes[FAULT_AT] == RL_IMPAIR_FLIP);
    return true;
}

/* All of n packets have met their fate: the kernel may be behind the sender. */
static inline bool have_fates(const struct rl_impair *im, uint64_t n)
{
    struct rl_impair_counts c = rl_impair_counts_now(im);

    return c.n_passed + c.n_dropped + c.n_duplicated + c.n_corrupted + c.n_corrupted_frame +
               c.n_undone >=
           n;
}

/* As many as are wanted of n packets that were sent, and then whatever else is there. */
static inline void receive_numbers(int fd, struct sequence *s, uint32_t n_wanted,
                                   const struct rl_impair *im, uint64_t n_sent)
{
    while (s->n < n_wanted && receive_number(fd, s, true))
        ;
    SPIN_UNTIL(have_fates(im, n_sent));
    while (receive_number(fd, s, false))
        ;
}

/* Packets keep their order only on one CPU. */
static inline void stay_on_this_cpu(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)sched_getcpu(), &set);
    CHECK_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
}

static inline void check_counts(const struct rl_impair *im, const struct rl_impair_counts *wanted)
{
    struct rl_impair_counts seen = rl_impair_counts_now(im);

    CHECK_EQ(seen.n_seen, wanted->n_seen);
    CHECK_EQ(seen.n_passed, wanted->n_passed);
    CHECK_EQ(seen.n_dropped, wanted->n_dropped);
    CHECK_EQ(seen.n_duplicated, wanted->n_duplicated);
    CHECK_EQ(seen.n_corrupted, wanted->n_corrupted);
    CHECK_EQ(seen.n_corrupted_frame, wanted->n_corrupted_frame);
    CHECK_EQ(seen.n_undone, wanted->n_undone);
}

#endif
