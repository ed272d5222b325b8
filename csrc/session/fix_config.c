/*
 * What a session is configured with, checked and completed, and the memory that it takes for that.
 */
#include <errno.h>

#include "session/fix_inner.h"

#define MESSAGE_BYTES 16384
#define QUEUE_BYTES 65536
#define QUEUE_MESSAGES 256

static const char *const versions[] = {"FIX.4.0", "FIX.4.1", "FIX.4.2",
                                       "FIX.4.3", "FIX.4.4", "FIXT.1.1"};

static bool is_name(const char *name, bool is_needed)
{
    size_t n = name ? strlen(name) : 0;

    for (size_t i = 0; i < n && n <= RL_FIX_ID_MAX; i++)
        if ((uint8_t)name[i] < ' ')
            return false;
    return name ? n > 0 && n <= RL_FIX_ID_MAX : !is_needed;
}

static int version_of(const char *begin_string)
{
    for (uint32_t i = 0; begin_string && i < RL_COUNT(versions); i++)
        if (strcmp(versions[i], begin_string) == 0)
            return (int)i;
    return -EINVAL;
}

static uint32_t or_usual(uint32_t v, uint32_t usual)
{
    return v ? v : usual;
}

/* The config with what is usual in place of zeros; NULL, or what is wrong with it. */
static const char *settle(struct rl_fix_session_config *c)
{
    if (version_of(c->begin_string) < 0)
        return "BeginString is none of FIX.4.0 to FIX.4.4 and FIXT.1.1";
    if (!is_name(c->sender, true) || !is_name(c->target, true))
        return "a comp id is missing, longer than 64 characters, or holds a control character";
    if (!is_name(c->sender_sub, false) || !is_name(c->target_sub, false) ||
        !is_name(c->sender_location, false) || !is_name(c->target_location, false) ||
        !is_name(c->username, false) || !is_name(c->password, false))
        return "a name is empty, longer than 64 characters, or holds a control character";
    c->appl_ver_id = c->appl_ver_id ? c->appl_ver_id : '7';
    if (c->appl_ver_id < '0' || c->appl_ver_id > '9')
        return "ApplVerID is no digit";
    if (c->precision > RL_FIX_NANOS)
        return "no such precision";
    c->heartbeat_s = or_usual(c->heartbeat_s, 30);
    c->tolerance_s = or_usual(c->tolerance_s, 120);
    c->logon_timeout_s = or_usual(c->logon_timeout_s, 10);
    c->logout_timeout_s = or_usual(c->logout_timeout_s, 2);
    c->test_request_percent = or_usual(c->test_request_percent, 120);
    c->silence_percent = or_usual(c->silence_percent, 240);
    c->max_message = or_usual(c->max_message, MESSAGE_BYTES);
    c->queue_bytes = or_usual(c->queue_bytes, QUEUE_BYTES);
    c->queue_messages = or_usual(c->queue_messages, QUEUE_MESSAGES);
    if (c->heartbeat_s > 86400 || c->tolerance_s > 86400 || c->logon_timeout_s > 86400 ||
        c->logout_timeout_s > 86400 || c->test_request_percent > 10000 ||
        c->silence_percent > 10000)
        return "a time is out of bounds: at most a day, or 10000 percent";
    if (c->max_message < 512 || c->max_message > RL_FIX_MAX_MESSAGE)
        return "max_message is not between 512 bytes and 1 MiB";
    if (c->queue_bytes > 1u << 30 || c->queue_messages > 1u << 20 ||
        (c->queue_messages & (c->queue_messages - 1)) != 0)
        return "the queue is too large, or its messages are not a power of two";
    return NULL;
}

static uint32_t out_bytes(const struct rl_fix_session_config *c)
{
    return 2 * (c->max_message + RL_FIX_HEAD_MAX) + 2 * RL_FIX_SMALL_MAX;
}

#define NAMES_BYTES (9 * (RL_FIX_ID_MAX + 1))
#define N_PIECES 6 /* of the arena: each may be padded by a line */

size_t rl_fix_session_bytes(const struct rl_fix_session_config *config)
{
    struct rl_fix_session_config c = *config;

    if (settle(&c))
        return 0;
    return sizeof(struct rl_fix_inner) + (c.dict ? sizeof(struct rl_fix_shapes) : 0) +
           c.queue_messages * sizeof(struct rl_fix_waiting) + c.queue_bytes + out_bytes(&c) +
           NAMES_BYTES + (size_t)(N_PIECES * RL_CACHE_LINE);
}

static const char *keep(char **room, const char *name)
{
    char *kept = *room;
    size_t n;

    if (!name)
        return NULL;
    n = strlen(name) + 1;
    memcpy(kept, name, n);
    *room += n;
    return kept;
}

int rl_fix_session_init(struct rl_fix_session *s, struct rl_arena *arena,
                        const struct rl_fix_session_config *config, struct rl_session_store *store,
                        const char **what)
{
    struct rl_fix_session_config *c = &s->config;
    struct rl_fix_inner *in;
    const char *wrong;
    char *names;

    *s = (struct rl_fix_session){.config = *config, .store = store, .why = ""};
    wrong = settle(c);
    if (what)
        *what = wrong ? wrong : "no memory";
    if (wrong)
        return -EINVAL;
    s->inner = in = rl_arena_take(arena, sizeof *in, 0);
    names = rl_arena_take(arena, NAMES_BYTES, 0);
    if (!in || !names)
        return -ENOMEM;
    c->begin_string = keep(&names, c->begin_string);
    c->sender = keep(&names, c->sender);
    c->target = keep(&names, c->target);
    c->sender_sub = keep(&names, c->sender_sub);
    c->target_sub = keep(&names, c->target_sub);
    c->sender_location = keep(&names, c->sender_location);
    c->target_location = keep(&names, c->target_location);
    c->username = keep(&names, c->username);
    c->password = keep(&names, c->password);
    in->out_max = out_bytes(c);
    in->message_max = c->max_message + RL_FIX_HEAD_MAX;
    in->out = rl_arena_take(arena, in->out_max, 0);
    in->waiting = rl_arena_take(arena, c->queue_messages * sizeof *in->waiting, 0);
    in->waiting_bytes = rl_arena_take(arena, c->queue_bytes, 0);
    in->shapes = c->dict ? rl_arena_take(arena, sizeof *in->shapes, 0) : NULL;
    if (!in->out || !in->waiting || !in->waiting_bytes || (c->dict && !in->shapes))
        return -ENOMEM;
    in->version = (enum rl_fix_version)version_of(c->begin_string);
    in->dict = c->dict;
    s->heartbeat_s = c->heartbeat_s;
    rl_fix_init(&in->msg, in->fields, RL_FIX_MAX_FIELDS);
    in->msg.allows_empty = c->allows_empty;
    return rl_fix_out_init(s);
}
