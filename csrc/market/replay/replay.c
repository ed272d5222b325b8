/* The passes over a file: guess what its packets speak, count, fill the index. */
#include "market/replay/replay_inner.h"

#include <stdlib.h>

#include "market/codec/itch.h"

/* Packets that are looked at before their protocol is taken as known. */
#define N_VOTES 64

const char *const rl_replay_skip_names[] = {
#define RL_REPLAY_SKIP_NAME(name, what) #name,
    RL_REPLAY_SKIPS(RL_REPLAY_SKIP_NAME)
#undef RL_REPLAY_SKIP_NAME
        NULL,
};

static bool is_of_packets(enum rl_source source)
{
    return source == RL_SOURCE_PCAP || source == RL_SOURCE_PCAPNG;
}

static int read_all(struct rl_replay_pass *x)
{
    if (x->n_bytes == 0)
        return rl_replay_damaged(x, 0, "an empty file");
    switch (x->want->source) {
    case RL_SOURCE_ITCH_FILE:
        return rl_replay_read_itch(x);
    case RL_SOURCE_DBN:
        return rl_replay_read_dbn(x);
    case RL_SOURCE_FIX_LOG:
        return rl_replay_read_fix(x);
    case RL_SOURCE_PCAP:
        return rl_replay_read_pcap(x);
    case RL_SOURCE_PCAPNG:
        return rl_replay_read_pcapng(x);
    case RL_SOURCE_BINANCE:
        return rl_replay_read_binance(x);
    default:
        return -EINVAL;
    }
}

/* --- lines ------------------------------------------------------------------------------------ */

int rl_replay_line_compare(const struct rl_replay_line *a, const struct rl_replay_line *b)
{
    int by_address;

    if (a->is_ipv6 != b->is_ipv6)
        return a->is_ipv6 ? 1 : -1;
    by_address = memcmp(a->address, b->address, sizeof a->address);
    return by_address != 0 ? by_address : (int)a->port - (int)b->port;
}

static int compare(const void *a, const void *b)
{
    return rl_replay_line_compare(a, b);
}

/* Where it is in the table; n when it is not. `hint` is where the last one was. */
static uint32_t line_find(const struct rl_replay_line *lines, uint32_t n, uint32_t hint,
                          const struct rl_replay_line *to)
{
    uint32_t i = 0;

    if (hint < n && rl_replay_line_compare(&lines[hint], to) == 0)
        return hint;
    while (i < n && rl_replay_line_compare(&lines[i], to) != 0)
        i++;
    return i;
}

/* Counting: the line of a packet, new if need be. */
static int line_learn(struct rl_replay_pass *x, const struct rl_replay_line *to, uint64_t offset,
                      uint16_t n_messages)
{
    struct rl_replay_survey *s = x->survey;
    uint32_t i = line_find(s->lines, s->n_lines, x->last_line, to);

    if (i == s->n_lines) {
        if (i == RL_REPLAY_MAX_LINES)
            return rl_replay_damaged(x, offset, "more UDP destinations than 256");
        s->lines[s->n_lines++] = *to;
    }
    x->last_line = i;
    s->lines[i].n_packets++;
    s->lines[i].n_messages += n_messages;
    return 0;
}

int rl_replay_packet(struct rl_replay_pass *x, const struct rl_replay_line *to, uint64_t offset,
                     uint32_t n_bytes, uint64_t ts_ns)
{
    const struct rl_replay_want *want = x->want;
    uint16_t n_messages;
    int err;

    if (want->n_only > 0 && line_find(want->only, want->n_only, 0, to) == want->n_only) {
        if (x->survey)
            x->survey->skips.other_lines++;
        return 0;
    }
    if (x->votes) {
        rl_payload_vote(x->votes, x->bytes + offset, n_bytes);
        return x->votes->n_seen == N_VOTES ? RL_REPLAY_ENOUGH : 0;
    }
    if (!rl_payload_is_whole(x->payload, x->bytes + offset, n_bytes, &n_messages) &&
        x->first_wrong.what == NULL) {
        x->first_wrong.offset = offset;
        x->first_wrong.what = rl_payload_wrong(x->payload);
    }
    if (x->survey) {
        err = line_learn(x, to, offset, n_messages);
        if (err)
            return err;
    } else {
        x->last_line = line_find(x->known->lines, x->known->n_lines, x->last_line, to);
        if (x->last_line == x->known->n_lines)
            return rl_replay_damaged(x, offset, "a UDP destination that was not surveyed");
    }
    return rl_replay_record(x, offset, ts_ns, n_bytes, n_messages, (uint8_t)x->last_line);
}

/* --- passes ----------------------------------------------------------------------------------- */

/* What a whole pass over packets says at its end. */
static int end_of_packets(struct rl_replay_pass *x)
{
    if (x->first_wrong.what) {
        *x->error = x->first_wrong;
        return -EBADMSG;
    }
    if (x->n > 0)
        return 0;
    return rl_replay_damaged(
        x, x->n_bytes,
        x->want->n_only > 0
            ? "no UDP packet of the lines that were asked for"
            : "no UDP packet in the capture: no MoldUDP64, MDP 3.0 or iMpact to read");
}

static enum rl_payload guess_payload(const struct rl_replay_want *want, const uint8_t *bytes,
                                     uint64_t n_bytes)
{
    struct rl_payload_votes votes = {0};
    struct rl_replay_error error; /* whatever is wrong is found again when everything is read */
    struct rl_replay_pass x = {
        .bytes = bytes, .n_bytes = n_bytes, .want = want, .error = &error, .votes = &votes};

    (void)read_all(&x);
    return rl_payload_elected(&votes);
}

int rl_replay_survey(const struct rl_replay_want *want, const uint8_t *bytes, uint64_t n_bytes,
                     struct rl_replay_survey *survey, struct rl_replay_error *error)
{
    struct rl_replay_pass x = {.bytes = bytes,
                               .n_bytes = n_bytes,
                               .want = want,
                               .error = error,
                               .survey = survey,
                               .payload = want->payload};
    int err;

    *error = (struct rl_replay_error){0, NULL};
    memset(survey, 0, sizeof *survey);
    if (want->source >= RL_N_SOURCES || want->payload >= RL_N_PAYLOADS)
        return -EINVAL;
    if (is_of_packets(want->source) && x.payload == RL_PAYLOAD_GUESS)
        x.payload = guess_payload(want, bytes, n_bytes);
    survey->payload = is_of_packets(want->source) ? x.payload : RL_PAYLOAD_GUESS;
    err = read_all(&x);
    if (!err && is_of_packets(want->source))
        err = end_of_packets(&x);
    survey->n_records = x.n;
    qsort(survey->lines, survey->n_lines, sizeof survey->lines[0], compare);
    return err;
}

int rl_replay_fill(const struct rl_replay_want *want, const struct rl_replay_survey *survey,
                   const uint8_t *bytes, uint64_t n_bytes, struct rl_stream_rec *out, uint64_t max,
                   struct rl_replay_error *error)
{
    struct rl_replay_pass x = {.bytes = bytes,
                               .n_bytes = n_bytes,
                               .want = want,
                               .error = error,
                               .out = out,
                               .max = max,
                               .known = survey,
                               .payload = survey->payload};
    int err;

    *error = (struct rl_replay_error){0, NULL};
    err = read_all(&x);
    return !err && is_of_packets(want->source) ? end_of_packets(&x) : err;
}

int rl_replay_index(enum rl_source source, const uint8_t *bytes, uint64_t n_bytes,
                    struct rl_stream_rec *out, uint64_t max, uint64_t *n_out,
                    struct rl_replay_error *error)
{
    const struct rl_replay_want want = {.source = source};
    struct rl_replay_survey survey;
    int err = rl_replay_survey(&want, bytes, n_bytes, &survey, error);

    *n_out = err ? 0 : survey.n_records;
    if (!err && out != NULL)
        err = rl_replay_fill(&want, &survey, bytes, n_bytes, out, max, error);
    return err;
}

enum rl_source rl_replay_guess(const uint8_t *bytes, uint64_t n_bytes)
{
    if (n_bytes < 4)
        return RL_N_SOURCES;
    if (memcmp(bytes, "DBN", 3) == 0)
        return RL_SOURCE_DBN;
    for (uint64_t i = 0; i + 4 <= n_bytes; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r')
            continue;
        if (memcmp(bytes + i, "8=FI", 4) == 0)
            return RL_SOURCE_FIX_LOG;
        break;
    }
    if (rl_replay_is_pcap(bytes, n_bytes))
        return RL_SOURCE_PCAP;
    if (rl_replay_is_pcapng(bytes, n_bytes))
        return RL_SOURCE_PCAPNG;
    if (rl_replay_is_binance(bytes, n_bytes))
        return RL_SOURCE_BINANCE;
    if (rl_itch_sizes[bytes[2]] != 0 &&
        (rl_be16(bytes) == 0 || rl_be16(bytes) == rl_itch_sizes[bytes[2]]))
        return RL_SOURCE_ITCH_FILE;
    return RL_N_SOURCES;
}
