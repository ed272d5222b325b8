#include "rig/component/component_fix.h"
#include "rig/component/component_loops.h"

#include <errno.h>

RL_LOOPS(encode_loops, rl_fix_encode_step);

/* The orders that a stream of NewOrderSingle asks for: written again, by our template. */

static bool is_order(const uint8_t *bytes, uint32_t n_bytes)
{
    const uint8_t *s;
    uint32_t n;

    return rl_plain_fix_find(bytes, n_bytes, RL_FIX_MsgType, &s, &n) && n == 1 && s[0] == 'D';
}

static uint64_t uint_of(const uint8_t *bytes, uint32_t n_bytes, uint32_t tag)
{
    const uint8_t *s;
    uint32_t n;
    uint64_t v = 0;

    return rl_plain_fix_find(bytes, n_bytes, tag, &s, &n) && rl_plain_uint(s, n, &v) ? v : 0;
}

static int64_t px_of(const uint8_t *bytes, uint32_t n_bytes, uint32_t tag)
{
    const uint8_t *s;
    uint32_t n;
    int64_t px = 0;

    return rl_plain_fix_find(bytes, n_bytes, tag, &s, &n) && rl_plain_px(s, n, &px) ? px : 0;
}

static char char_of(const uint8_t *bytes, uint32_t n_bytes, uint32_t tag)
{
    const uint8_t *s;
    uint32_t n;

    return rl_plain_fix_find(bytes, n_bytes, tag, &s, &n) && n == 1 ? (char)s[0] : '?';
}

/* What an order says that is the same whoever writes it. */
static uint64_t order_values(const uint8_t *bytes, uint32_t n_bytes)
{
    static const uint32_t numbers[] = {RL_FIX_MsgSeqNum, RL_FIX_OrderQty};
    static const uint32_t chars[] = {RL_FIX_Side, RL_FIX_TimeInForce};
    uint64_t answer = 0;
    const uint8_t *s;
    uint32_t n;

    if (rl_plain_fix(bytes, n_bytes) == RL_JOB_NOT_PARSED)
        return RL_JOB_NOT_PARSED;
    for (size_t i = 0; i < RL_COUNT(numbers); i++)
        answer = rl_job_fold(answer, numbers[i], uint_of(bytes, n_bytes, numbers[i]));
    for (size_t i = 0; i < RL_COUNT(chars); i++)
        answer = rl_job_fold(answer, chars[i], (uint8_t)char_of(bytes, n_bytes, chars[i]));
    answer = rl_job_fold(answer, RL_FIX_Price, (uint64_t)px_of(bytes, n_bytes, RL_FIX_Price));
    if (!rl_plain_fix_find(bytes, n_bytes, RL_FIX_Symbol, &s, &n))
        return RL_JOB_NOT_PARSED;
    for (uint32_t i = 0; i < n; i++)
        answer = rl_job_fold(answer, RL_FIX_Symbol, s[i]);
    return answer;
}

/* Read back, the message must say what the order that it was made of said. */
static uint64_t encode_wanted(void *state, uint64_t i)
{
    struct rl_encode_job *s = state;
    uint64_t values = order_values(s->out, s->n_out), tail = 0;

    s->values_hash += rl_mix(values);
    memcpy(&tail, s->out + s->n_out - sizeof(tail), sizeof(tail));
    tail += s->n_out;
    return values == s->wanted[i & s->mask] ? tail : ~tail;
}

static struct rl_job_bytes encode_input(void *state, uint64_t i)
{
    const struct rl_encode_job *s = state;

    return (struct rl_job_bytes){&s->orders[i & s->mask], sizeof(s->orders[0])};
}

static uint64_t encode_hash(void *state)
{
    const struct rl_encode_job *s = state;

    return s->values_hash;
}

int rl_job_open_encode(struct rl_job *job, const struct rl_component_config *config,
                       struct rl_component_result *out)
{
    struct rl_job_reader reader = {
        .feed = RL_FEED_FIX, .is_wanted = is_order, .answer = order_values};
    size_t n_bytes = rl_job_messages_bytes(config, &reader);
    struct rl_job_messages in;
    struct rl_encode_job *s;
    uint64_t n_max;
    int err;

    if (n_bytes == 0)
        return -EINVAL;
    n_max = n_bytes / sizeof(struct rl_job_message); /* each takes more than that */
    err = rl_job_take_memory(
        job, sizeof(*s),
        n_bytes + n_max * (sizeof(s->orders[0]) + sizeof(s->wanted[0]) + RL_FIX_CLORDID_CHARS + 1));
    if (err != 0)
        return err;
    s = job->state;
    rl_job_take_messages(job, config, &reader, &in, out);
    s->mask = in.mask;
    s->orders = rl_arena_take(&job->arena, in.n * sizeof(s->orders[0]), 0);
    s->wanted = rl_arena_take(&job->arena, in.n * sizeof(s->wanted[0]), 0);
    for (uint64_t i = 0; i < in.n; i++) {
        const struct rl_job_message *m = &in.messages[i];
        char *id = rl_arena_take(&job->arena, RL_FIX_CLORDID_CHARS + 1, 1);
        const uint8_t *text;
        uint32_t n_text;

        s->wanted[i] = m->answer;
        s->orders[i] = (struct rl_fix_nos){
            .msg_seq = uint_of(m->bytes, m->n_bytes, RL_FIX_MsgSeqNum),
            /* Orders follow each other by microseconds: the second changes, but rarely. */
            .time_ns = 1790000000000000000ULL + i * 3001,
            .secondary_id = i,
            .qty = uint_of(m->bytes, m->n_bytes, RL_FIX_OrderQty),
            .px_nano = px_of(m->bytes, m->n_bytes, RL_FIX_Price),
            .side = char_of(m->bytes, m->n_bytes, RL_FIX_Side) == '2' ? RL_SELL : RL_BUY,
            .time_in_force = char_of(m->bytes, m->n_bytes, RL_FIX_TimeInForce),
        };
        memset(id, '0', RL_FIX_CLORDID_CHARS); /* a template's ids all have that width */
        if (rl_plain_fix_find(m->bytes, m->n_bytes, RL_FIX_ClOrdID, &text, &n_text)) {
            uint32_t n = n_text < RL_FIX_CLORDID_CHARS ? n_text : RL_FIX_CLORDID_CHARS;

            memcpy(id + RL_FIX_CLORDID_CHARS - n, text, n);
        }
        s->orders[i].cl_ord_id = id;
        if (rl_plain_fix_find(m->bytes, m->n_bytes, RL_FIX_Symbol, &text, &n_text)) {
            s->orders[i].symbol = (const char *)text;
            s->orders[i].n_symbol = n_text;
        }
    }
    job->loops = &encode_loops;
    job->wanted = encode_wanted;
    job->input = encode_input;
    job->hash = encode_hash;
    return rl_fix_nos_init(&s->template, "FIX.4.4", "REDLINE", "EXCHANGE");
}
