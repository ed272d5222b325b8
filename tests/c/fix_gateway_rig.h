/*
 * fix_gateway_rig - a venue, a FIX gateway, and what it says, as text: '|' stands for SOH.
 */
#ifndef RL_TESTS_FIX_GATEWAY_RIG_H
#define RL_TESTS_FIX_GATEWAY_RIG_H

#include <string.h>

#include "check.h"
#include "rig/exchange/fix_gateway.h"

#define RIG_HEARD 4096
#define RIG_T0 1790000000000000000ULL /* 2026-09-21T14:13:20Z */

struct rig_said {
    uint32_t handle;
    char type[3];
    char body[RL_FIX_GATEWAY_BODY + 2]; /* "|" at both ends: so "|39=" is found in it */
};

struct rig {
    struct rl_arena arena;
    struct rl_venue venue;
    struct rl_fix_gateway gateway;
    struct rig_said *heard; /* a queue */
    uint32_t n_heard, n_read;
    uint64_t now_ns;
    bool drops; /* as a session that can neither send nor store */
    struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
    uint8_t bytes[1 << 16];
    struct rl_fix_gateway_refusal why;
};

static inline bool rig_send(void *context, uint32_t handle, const char *type, const uint8_t *body,
                            uint32_t n)
{
    struct rig *r = context;
    struct rig_said *s;

    if (r->drops)
        return false;
    if (r->n_heard == RIG_HEARD) { /* what was read makes room */
        CHECK(r->n_read > 0);
        memmove(r->heard, r->heard + r->n_read, (r->n_heard - r->n_read) * sizeof *r->heard);
        r->n_heard -= r->n_read;
        r->n_read = 0;
    }
    s = &r->heard[r->n_heard++];
    s->handle = handle;
    CHECK(n > 0 && n <= RL_FIX_GATEWAY_BODY && body[n - 1] == RL_FIX_SOH && strlen(type) <= 2);
    strcpy(s->type, type);
    s->body[0] = '|';
    for (uint32_t i = 0; i < n; i++)
        s->body[i + 1] = body[i] == RL_FIX_SOH ? '|' : (char)body[i];
    s->body[n + 1] = 0;
    return true;
}

static inline void rig_open_with(struct rig *r, const struct rl_venue_config *venue,
                                 const struct rl_fix_gateway_config *gateway)
{
    memset(r, 0, sizeof *r);
    r->now_ns = RIG_T0;
    r->heard = calloc(RIG_HEARD, sizeof *r->heard);
    CHECK(r->heard != NULL);
    CHECK_EQ(
        rl_arena_open(&r->arena, rl_venue_bytes(venue) + rl_fix_gateway_bytes(gateway) + 4096, 0),
        0);
    CHECK_EQ(rl_venue_init(&r->venue, &r->arena, venue), 0);
    CHECK_EQ(rl_fix_gateway_init(&r->gateway, &r->arena, gateway, &r->venue, rig_send, r), 0);
    CHECK_EQ(rl_venue_list(&r->venue, "ABC"), 0);
    CHECK_EQ(rl_venue_list(&r->venue, "SIXTEENLETTERSAB"), 1);
}

static inline void rig_open(struct rig *r)
{
    rig_open_with(r,
                  &(struct rl_venue_config){.match = {.n_instruments = 2,
                                                      .n_orders = 256,
                                                      .n_levels_per_side = 256,
                                                      .n_owners = 16,
                                                      .n_trades = 64,
                                                      .tick_nano = 1000000}},
                  &(struct rl_fix_gateway_config){.n_orders = 64, .n_sessions = 16, .seed = 7});
}

static inline void rig_close(struct rig *r)
{
    const char *what = NULL;

    if (rl_fix_gateway_check(&r->gateway, &what) || rl_match_check(r->venue.match, &what)) {
        fprintf(stderr, "broken: %s\n", what);
        exit(1);
    }
    free(r->heard);
    rl_arena_close(&r->arena);
}

static inline uint32_t rig_join(struct rig *r, enum rl_fix_version version)
{
    int handle = rl_fix_gateway_join(
        &r->gateway, &(struct rl_fix_gateway_session_config){.version = (uint8_t)version});

    CHECK(handle >= 0);
    return (uint32_t)handle;
}

/* A message from "D|11=a|55=ABC|..."; what came of it. */
static inline enum rl_fix_gateway_result rig_say(struct rig *r, uint32_t handle, const char *text)
{
    size_t n_type = strcspn(text, "|"), n_text = strlen(text);
    uint32_t n, sum = 0;
    struct rl_fix_msg m;

    CHECK(n_text + 64 < sizeof r->bytes);
    n = (uint32_t)snprintf((char *)r->bytes, sizeof r->bytes, "8=FIX.4.4\0019=%zu\00135=%.*s",
                           n_text + 4, (int)n_type, text);
    for (size_t i = n_type; i < n_text; i++)
        r->bytes[n++] = text[i] == '|' ? RL_FIX_SOH : (uint8_t)text[i];
    r->bytes[n++] = RL_FIX_SOH;
    for (uint32_t i = 0; i < n; i++)
        sum += r->bytes[i];
    n += (uint32_t)snprintf((char *)r->bytes + n, 9, "10=%03u\001", sum % 256);
    rl_fix_init(&m, r->fields, RL_FIX_MAX_FIELDS);
    CHECK_EQ(rl_fix_parse(&m, r->bytes, n), RL_FIX_OK);
    return rl_fix_gateway_message(&r->gateway, handle, &m, ++r->now_ns, &r->why);
}

/* ... that is answered by messages. */
static inline void rig_ask(struct rig *r, uint32_t handle, const char *text)
{
    CHECK_EQ(rig_say(r, handle, text), RL_FIX_GATEWAY_TAKEN);
}

static inline bool rig_has(const struct rig_said *s, const char *field)
{
    char wanted[300];

    snprintf(wanted, sizeof wanted, "|%s|", field);
    return strstr(s->body, wanted) != NULL;
}

static inline bool rig_has_tag(const struct rig_said *s, unsigned tag)
{
    char wanted[16];

    snprintf(wanted, sizeof wanted, "|%u=", tag);
    return strstr(s->body, wanted) != NULL;
}

/* The next thing said, which must be of this type, for that session, with all of these fields;
 * "-58" is a tag that must not be there. */
#define HEAR(r, handle, type, fields) rig_hear(r, handle, type, fields, __FILE__, __LINE__)
static inline const struct rig_said *rig_hear(struct rig *r, uint32_t handle, const char *type,
                                              const char *fields, const char *file, int line)
{
    const struct rig_said *s = &r->heard[r->n_read];
    char one[256];

    if (r->n_read == r->n_heard) {
        fprintf(stderr, "%s:%d: nothing said, wanted %s %s\n", file, line, type, fields);
        exit(1);
    }
    r->n_read++;
    for (const char *at = fields; *at; at += *at == '|') {
        size_t n = strcspn(at, "|");
        bool is_right;

        snprintf(one, sizeof one, "%.*s", (int)n, at);
        is_right = one[0] == '-' ? !rig_has_tag(s, (unsigned)atoi(one + 1)) : rig_has(s, one);
        if (!is_right || s->handle != handle || strcmp(s->type, type) != 0) {
            fprintf(stderr, "%s:%d: wanted for %u: %s %s\n  said to %u: %s %s\n", file, line,
                    handle, type, one, s->handle, s->type, s->body);
            exit(1);
        }
        at += n;
    }
    return s;
}

#define HEAR_NOTHING(r)                                                          \
    do {                                                                         \
        if ((r)->n_read != (r)->n_heard) {                                       \
            fprintf(stderr, "%s:%d: also said: %s %s\n", __FILE__, __LINE__,     \
                    (r)->heard[(r)->n_read].type, (r)->heard[(r)->n_read].body); \
            exit(1);                                                             \
        }                                                                        \
    } while (0)

/* The value of a tag as a number without its point; the last nine digits are decimals. */
static inline int64_t rig_px(const struct rig_said *s, unsigned tag)
{
    char wanted[16];
    const char *at;
    int64_t v = 0, n_decimals = -1;

    snprintf(wanted, sizeof wanted, "|%u=", tag);
    at = strstr(s->body, wanted);
    CHECK(at != NULL);
    for (at += strlen(wanted); *at != '|'; at++) {
        if (*at == '.')
            n_decimals = 0;
        else
            v = v * 10 + (*at - '0');
        n_decimals += n_decimals >= 0 && *at != '.';
    }
    for (int64_t i = n_decimals < 0 ? 0 : n_decimals; i < 9; i++)
        v *= 10;
    return v;
}

static inline uint64_t rig_uint(const struct rig_said *s, unsigned tag)
{
    char wanted[16];
    const char *at;

    snprintf(wanted, sizeof wanted, "|%u=", tag);
    at = strstr(s->body, wanted);
    CHECK(at != NULL);
    return strtoull(at + strlen(wanted), NULL, 10);
}

#endif
