/*
 * fix_sides - FIX sessions in a test: messages written by hand, and what a session did about them.
 */
#ifndef RL_TESTS_FIX_SIDES_H
#define RL_TESTS_FIX_SIDES_H

#include <string.h>

#include "check.h"
#include "market/fix/encode.h"
#include "market/fix/value.h"
#include "session/fix_frame.h"
#include "session/fix_session.h"

#define SIDE_SECOND 1000000000ULL
#define SIDE_START (1767225600ULL * SIDE_SECOND) /* 2026-01-01T00:00:00Z */
#define SIDE_TEXT 4096

struct side {
    struct rl_fix_session s;
    struct rl_memory_store store;
    struct rl_arena arena, store_arena; /* the store outlives the session */
    uint64_t now;
    /* What the last event led to, a line for each action, '|' for SOH; times and sums are left out.
     */
    char did[8 * SIDE_TEXT];
    uint32_t n_did;
    uint64_t last_new_seq; /* of the messages sent; 0: none since the numbers started over */
    bool is_taken_late;    /* a delivered message is not taken by itself */
};

static inline void side_open(struct side *d, const struct rl_fix_session_config *config)
{
    const char *what = NULL;

    memset(d, 0, sizeof *d);
    d->now = SIDE_START;
    CHECK_EQ(rl_arena_open(&d->arena, rl_fix_session_bytes(config), 0), 0);
    CHECK_EQ(rl_arena_open(&d->store_arena, rl_memory_store_bytes(1 << 18, 1 << 11), 0), 0);
    CHECK_EQ(rl_memory_store_init(&d->store, &d->store_arena, 1 << 18, 1 << 11, d->now), 0);
    CHECK_EQ(rl_fix_session_init(&d->s, &d->arena, config, &d->store.store, &what), 0);
}

static inline void side_close(struct side *d)
{
    rl_arena_close(&d->arena);
    rl_arena_close(&d->store_arena);
}

/* "35=0|34=2|..." to bytes, with BodyLength and CheckSum: what begins with 8= is taken as it is. */
static inline uint32_t side_bytes(const char *begin_string, const char *text, uint8_t *out)
{
    char body[SIDE_TEXT];
    uint32_t n = 0, at = 0;

    for (; text[n]; n++)
        body[n] = (char)(text[n] == '|' ? RL_FIX_SOH : text[n]);
    if (memcmp(text, "8=", 2) == 0) {
        memcpy(out, body, n);
        return n;
    }
    at = (uint32_t)snprintf((char *)out, SIDE_TEXT, "8=%s%c9=%u%c", begin_string, RL_FIX_SOH, n,
                            RL_FIX_SOH);
    memcpy(out + at, body, n);
    at += n;
    return at +
           (uint32_t)snprintf((char *)out + at, 16, "10=%03u%c", rl_fix_sum(out, at), RL_FIX_SOH);
}

/* A message for people: '|', and without 8, 9, 52, 122 and 10, which are checked here. */
static inline uint32_t side_words(const uint8_t *bytes, uint32_t n, char *out)
{
    struct rl_fix_field fields[256];
    struct rl_fix_msg m;
    uint64_t ns;
    uint32_t at = 0;

    rl_fix_init(&m, fields, RL_COUNT(fields));
    CHECK_EQ(rl_fix_parse(&m, bytes, n), RL_FIX_OK);
    for (uint32_t i = 2; i + 1 < m.n_fields; i++) {
        const struct rl_fix_field *f = &m.fields[i];

        if (f->tag == 52 || f->tag == 122) {
            CHECK(rl_fix_time(&m, f, &ns));
            if (f->tag == 52)
                continue;
        }
        at += rl_fix_print_uint(out + at, f->tag);
        out[at++] = '=';
        if (f->tag == 122)
            f = rl_fix_find(&m, 8, 0), out[at++] = '*';
        else {
            memcpy(out + at, bytes + f->off, f->len);
            at += f->len;
        }
        out[at++] = '|';
    }
    out[at] = 0;
    return at;
}

static inline void side_note(struct side *d)
{
    for (uint32_t i = 0; i < d->s.n_actions; i++) {
        const struct rl_fix_action *a = &d->s.actions[i];
        char *at = d->did + d->n_did;

        CHECK(d->n_did + 2 * SIDE_TEXT < sizeof d->did);
        switch (a->kind) {
        case RL_FIX_DO_SEND:
            at += side_words(a->bytes, a->n_bytes, at);
            if (!a->is_resent) {
                CHECK(a->seq == d->last_new_seq + 1 || a->seq == 1);
                d->last_new_seq = a->seq;
            }
            break;
        case RL_FIX_DO_DELIVER:
            CHECK_EQ(i + 1, d->s.n_actions);
            CHECK(d->s.more);
            at += sprintf(at, "DELIVER ");
            at += side_words(a->msg->bytes, a->msg->n_bytes, at);
            break;
        case RL_FIX_DO_DISCONNECT:
            at += sprintf(at, "DISCONNECT %s", rl_fix_cause_text(a->cause));
            break;
        case RL_FIX_DO_LOGGED_ON:
            at += sprintf(at, "ON");
            break;
        case RL_FIX_DO_LOGGED_OUT:
            at += sprintf(at, "OFF");
            break;
        }
        *at++ = '\n';
        *at = 0;
        d->n_did = (uint32_t)(at - d->did);
    }
}

static inline int side_step(struct side *d, const struct rl_fix_event *e)
{
    const struct rl_fix_event go_on = {.kind = RL_FIX_EV_CONTINUE};
    int err;

    d->n_did = 0;
    d->did[0] = 0;
    err = rl_fix_session_step(&d->s, e, d->now);
    side_note(d);
    if (e->kind == RL_FIX_EV_SEND && err == 0)
        d->last_new_seq = d->s.seq_sent; /* also of what was only kept */
    for (int i = 0; d->s.more && !d->is_taken_late; i++) {
        CHECK(i < 10000);
        rl_fix_session_step(&d->s, &go_on, d->now);
        side_note(d);
    }
    return err;
}

static inline void side_event(struct side *d, enum rl_fix_event_kind kind)
{
    side_step(d, &(struct rl_fix_event){.kind = kind});
}

/* The counterparty's message: MsgType, number, and the rest; header and time are written here. */
static inline void side_told(struct side *d, const char *type, uint64_t seq, const char *rest)
{
    char text[SIDE_TEXT], time[RL_FIX_TIME_CHARS + 1] = {0};
    uint8_t bytes[SIDE_TEXT + 64];

    rl_fix_print_time(time, d->now, 3);
    snprintf(text, sizeof text, "35=%s|34=%" PRIu64 "|49=%s|52=%s|56=%s|%s", type, seq,
             d->s.config.target, time, d->s.config.sender, rest);
    side_step(d, &(struct rl_fix_event){
                     .kind = RL_FIX_EV_MESSAGE,
                     .bytes = bytes,
                     .n_bytes = side_bytes(d->s.config.begin_string, text, bytes),
                 });
}

/* A whole body, or a message as it is. */
static inline void side_told_as(struct side *d, const char *begin_string, const char *text)
{
    uint8_t bytes[SIDE_TEXT + 64];

    side_step(d, &(struct rl_fix_event){
                     .kind = RL_FIX_EV_MESSAGE,
                     .bytes = bytes,
                     .n_bytes = side_bytes(begin_string, text, bytes),
                 });
}

static inline void side_told_raw(struct side *d, const char *text)
{
    side_told_as(d, d->s.config.begin_string, text);
}

static inline int side_send(struct side *d, const char *type, const char *body)
{
    uint8_t bytes[SIDE_TEXT];
    uint32_t n = 0;

    for (; body[n]; n++)
        bytes[n] = (uint8_t)(body[n] == '|' ? RL_FIX_SOH : body[n]);
    return side_step(d, &(struct rl_fix_event){
                            .kind = RL_FIX_EV_SEND, .type = type, .bytes = bytes, .n_bytes = n});
}

#define SIDE_DID(d, wanted)                                                                    \
    do {                                                                                       \
        if (strcmp((d)->did, wanted) != 0) {                                                   \
            fprintf(stderr, "%s:%d: did\n%swanted\n%s", __FILE__, __LINE__, (d)->did, wanted); \
            exit(1);                                                                           \
        }                                                                                      \
    } while (0)

static inline struct rl_fix_session_config side_config(void)
{
    return (struct rl_fix_session_config){
        .begin_string = "FIX.4.4", .sender = "ME", .target = "YOU"};
}

/* An acceptor that has answered a Logon with a heartbeat interval of 30 s. */
static inline void side_on(struct side *d, const struct rl_fix_session_config *config)
{
    side_open(d, config);
    side_event(d, RL_FIX_EV_CONNECTED);
    side_told(d, "A", 1, config->begin_string[3] == 'T' ? "98=0|108=30|1137=9|" : "98=0|108=30|");
    CHECK(rl_fix_session_is_logged_on(&d->s));
}

#endif
