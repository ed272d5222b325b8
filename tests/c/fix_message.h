/*
 * fix_message - random FIX messages, right and wrong, and memory that ends where they end.
 */
#ifndef RL_TESTS_FIX_MESSAGE_H
#define RL_TESTS_FIX_MESSAGE_H

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"

enum { MESSAGE_MAX = 8192 };

struct message {
    uint8_t bytes[MESSAGE_MAX];
    uint32_t n;
};

/* BodyLength and CheckSum around a body; "|" is SOH only in `begin` text of our own making. */
static inline void message_frame(struct message *m, const char *begin, const uint8_t *body,
                                 uint32_t n_body, uint32_t n_zeros)
{
    uint32_t sum = 0;

    m->n = (uint32_t)snprintf((char *)m->bytes, MESSAGE_MAX, "8=%s\0019=%.*s%u\001", begin,
                              (int)n_zeros, "00000", n_body);
    CHECK(m->n + n_body + 8 <= MESSAGE_MAX);
    memcpy(m->bytes + m->n, body, n_body);
    m->n += n_body;
    for (uint32_t i = 0; i < m->n; i++)
        sum += m->bytes[i];
    m->n += (uint32_t)snprintf((char *)m->bytes + m->n, 8, "10=%03u\001", sum % 256);
}

/* CheckSum as it must be, of whatever the message is now. */
static inline void message_sum(struct message *m)
{
    char text[8];
    uint32_t sum = 0;

    if (m->n < 7)
        return;
    for (uint32_t i = 0; i < m->n - 7; i++)
        sum += m->bytes[i];
    snprintf(text, sizeof text, "%03u", sum % 256);
    memcpy(m->bytes + m->n - 4, text, 3);
}

static inline uint32_t message_tag(uint64_t *random)
{
    static const uint32_t edges[] = {1,        9,        10,        99,         100,    999,
                                     1000,     9999,     10000,     99999,      100000, 9999999,
                                     12345678, 99999999, 100000000, 2147483647, 43111,  65535,
                                     65536,    1023,     1024};
    uint64_t r = check_random(random);

    switch (r % 8) {
    case 0:
        return edges[(r >> 8) % (sizeof edges / sizeof edges[0])];
    case 1:
        return 1 + (uint32_t)(r >> 8) % 2147483647u;
    case 2:
        return 1 + (uint32_t)(r >> 8) % 50000;
    case 3:
        return 1 + (uint32_t)(r >> 8) % 1200;
    default:
        return 1 + (uint32_t)(r >> 8) % 400;
    }
}

/* Fields at random: most short, some long, with '=' in values, with raw data that holds SOH. */
static inline void message_random(struct message *m, uint64_t *random)
{
    static const char *const begins[] = {"FIX.4.4",    "FIX.4.2", "FIXT.1.1",
                                         "FIX.5.0SP2", "FIX",     "FIX.4.4.12345678"};
    static const uint32_t lengths[][2] = {
        {95, 96}, {93, 89}, {354, 355}, {1525, 1527}, {43111, 42982}};
    uint8_t body[MESSAGE_MAX];
    uint64_t r = check_random(random);
    uint32_t n_fields = (uint32_t)(r >> 8) % ((r & 7) == 0 ? 200 : 40), n;
    uint32_t style = (uint32_t)(r >> 32) % 6;

    n = (uint32_t)snprintf((char *)body, 64, "35=%s\001",
                           (r >> 40) % 5 == 0   ? "AE"
                           : (r >> 40) % 5 == 1 ? "UABC"
                                                : "X");
    for (uint32_t i = 0; i < n_fields && n < MESSAGE_MAX - 1000; i++) {
        uint64_t v = check_random(random);
        uint32_t n_value = 1 + (uint32_t)(v % 12);

        if (style == 0) { /* as short as fields can be, 16 in a block */
            n += (uint32_t)snprintf((char *)body + n, 16, "%u=%u\001", (uint32_t)(v % 9) + 1,
                                    (uint32_t)(v >> 8) % 10);
            continue;
        }
        if (style == 1 && v % 16 == 0) { /* values longer than blocks */
            n_value = 1 + (uint32_t)(v >> 8) % 300;
        } else if (style == 2 && v % 8 == 0) {
            const uint32_t *pair = lengths[(v >> 8) % 5];

            n_value = 1 + (uint32_t)(v >> 16) % 70;
            n +=
                (uint32_t)snprintf((char *)body + n, 40, "%u=%u\001%u=", pair[0], n_value, pair[1]);
            for (uint32_t k = 0; k < n_value; k++)
                body[n++] = "\001\001=8F\0019=a"[check_random(random) % 8];
            body[n++] = 1;
            continue;
        }
        /* Below 90 no tag states a length: long messages with nothing special in them. */
        n += (uint32_t)snprintf((char *)body + n, 16, "%u=",
                                style == 3 ? 1 + (uint32_t)(v >> 20) % 89 : message_tag(random));
        for (uint32_t k = 0; k < n_value; k++) {
            uint64_t c = check_random(random);

            body[n++] = c % 16 == 0   ? '='
                        : c % 8 != 0  ? (uint8_t)('0' + (c >> 8) % 10)
                        : c % 64 == 8 ? (uint8_t)(128 + (c >> 8) % 128)
                                      : (uint8_t)(' ' + (c >> 8) % 90);
        }
        body[n++] = 1;
    }
    message_frame(m, begins[(r >> 48) % 6], body, n, (r >> 52) % 8 == 0 ? (r >> 56) % 4 : 0);
}

/* One to three wounds; sometimes BodyLength and CheckSum are made right again around them. */
static inline void message_mutate(struct message *m, uint64_t *random)
{
    static const uint8_t telling[] = {1, '=', '0', '9', '|', 0, 255, '1', '8', '5', ' ', 2};
    uint64_t r = check_random(random);

    for (uint32_t k = 0; k < 1 + (r >> 60) % 3; k++) {
        uint64_t v = check_random(random);
        uint32_t at = (uint32_t)(v % m->n), n_cut = 1 + (uint32_t)(v >> 32) % 4;

        switch ((v >> 40) % 4) {
        case 0:
            m->bytes[at] = telling[(v >> 48) % sizeof telling];
            break;
        case 1:
            m->bytes[at] = (uint8_t)(v >> 48);
            break;
        case 2: /* taken out */
            n_cut = n_cut < m->n - at ? n_cut : m->n - at;
            memmove(m->bytes + at, m->bytes + at + n_cut, m->n - at - n_cut);
            m->n -= n_cut;
            break;
        default: /* put in */
            if (m->n + 1 > MESSAGE_MAX)
                break;
            memmove(m->bytes + at + 1, m->bytes + at, m->n - at);
            m->bytes[at] = telling[(v >> 48) % sizeof telling];
            m->n++;
            break;
        }
        if (m->n == 0) {
            m->bytes[0] = '8';
            m->n = 1;
        }
    }
    if (r % 4 != 0) { /* the body as it is now in a frame that holds */
        uint32_t body = 0, n_soh = 0;

        while (body < m->n && n_soh < 2)
            n_soh += m->bytes[body++] == 1;
        if (n_soh == 2 && m->n > body + 7 && m->bytes[m->n - 8] == 1) {
            uint8_t copy[MESSAGE_MAX];
            uint32_t n = m->n - 7 - body;

            memcpy(copy, m->bytes + body, n);
            message_frame(m, "FIX.4.4", copy, n, 0);
        }
    } else if (r % 8 == 4) {
        message_sum(m);
    }
}

/* Pages with a forbidden one before and one behind: who reads beyond either end dies. */
struct fence {
    uint8_t *map;
    uint8_t *low, *high; /* the first byte inside, the first one behind */
};

enum { FENCE_PAGE = 4096, FENCE_PAGES = 3 };

static inline struct fence fence_open(void)
{
    struct fence f;

    f.map = mmap(NULL, (FENCE_PAGES + 2) * FENCE_PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(f.map != MAP_FAILED);
    f.low = f.map + FENCE_PAGE;
    f.high = f.low + FENCE_PAGES * FENCE_PAGE;
    CHECK_EQ(mprotect(f.map, FENCE_PAGE, PROT_NONE), 0);
    CHECK_EQ(mprotect(f.high, FENCE_PAGE, PROT_NONE), 0);
    return f;
}

static inline void fence_close(struct fence *f)
{
    munmap(f->map, (FENCE_PAGES + 2) * FENCE_PAGE);
}

/* The message right before the forbidden page, so that its first byte has any alignment. */
static inline const uint8_t *fence_last(const struct fence *f, const uint8_t *bytes, uint32_t n)
{
    return memcpy(f->high - n, bytes, n);
}

static inline const uint8_t *fence_first(const struct fence *f, const uint8_t *bytes, uint32_t n)
{
    return memcpy(f->low, bytes, n);
}

#endif
