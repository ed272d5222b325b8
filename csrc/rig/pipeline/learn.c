#include "rig/pipeline/learn.h"

#include <errno.h>
#include <string.h>

#define RL_WRAP_BYTES (RL_MOLD_HEADER + RL_MOLD_BLOCK)

void rl_learn_feed_config(const struct rl_stream *stream, uint32_t n_instruments,
                          uint8_t n_qty_decimals, struct rl_feed_config *config)
{
    *config = (struct rl_feed_config){
        .kind = stream->feed,
        .mold = stream->framing == RL_FRAMING_MOLD_WRAP || stream->framing == RL_FRAMING_MOLD,
        .n_qty_decimals = n_qty_decimals,
        .n_instruments = n_instruments,
    };
}

uint64_t rl_stream_record_seq(const struct rl_stream *stream, uint64_t record)
{
    const struct rl_stream_rec *rec = &stream->recs[record];

    return rec->n_bytes < RL_MOLD_HEADER ? 0
                                         : rl_be64(stream->bytes + rec->offset + RL_MOLD_SESSION);
}

uint64_t rl_learn_last_seq(const struct rl_feed *f)
{
    uint64_t next = rl_feed_next_seq(f);

    if (f->kind == RL_FEED_DBN && f->venue_seq != 0)
        return f->venue_seq;
    return next > 0 ? next - 1 : 0;
}

/* True when MsgSeqNum and CheckSum lie where rl_stream_stamp_fix writes them. */
static bool can_be_stamped(const uint8_t *message, uint32_t n_bytes)
{
    const uint32_t at = RL_FIX_STAMP_SEQ_AT, n_digits = RL_FIX_STAMP_SEQ_DIGITS;
    uint64_t seq;

    return n_bytes > at + n_digits + 8 && memcmp(message + at - 4, "\00134=", 4) == 0 &&
           rl_fix_read_uint(message + at, n_digits, &seq) && message[at + n_digits] == RL_FIX_SOH &&
           memcmp(message + n_bytes - 8, "\00110=", 4) == 0;
}

/* A record as it will travel, in `frame`; its length, 0 when it cannot be what the framing says. */
static uint32_t frame_of(const struct rl_stream *s, uint64_t i, uint8_t *frame)
{
    const struct rl_stream_rec *rec = &s->recs[i];
    const uint8_t *bytes = s->bytes + rec->offset;

    switch (s->framing) {
    case RL_FRAMING_MOLD_WRAP:
        if (rec->n_bytes > UINT16_MAX || rec->n_messages != 1)
            return 0;
        return rl_mold_wrap(frame, "REDLINE001", i + 1, bytes, rec->n_bytes);
    case RL_FRAMING_FIX_STAMP:
        memcpy(frame, bytes, rec->n_bytes);
        if (!can_be_stamped(frame, rec->n_bytes) || rec->n_messages != 1)
            return 0;
        rl_stream_stamp_fix(frame, rec->n_bytes, i + 1);
        return rec->n_bytes;
    case RL_FRAMING_MOLD:
    case RL_FRAMING_RAW:
    default:
        memcpy(frame, bytes, rec->n_bytes);
        return rec->n_bytes;
    }
}

/* The number under which the first change of a book in this frame is known. */
static uint64_t read_frame(struct rl_feed *f, const uint8_t *frame, uint32_t n_bytes)
{
    struct rl_feed_cursor cursor;
    struct rl_update u;
    uint64_t seq = 0;

    if (!rl_feed_open(f, frame, n_bytes, &cursor))
        return 0;
    while (rl_feed_next(f, &cursor, &u))
        if (seq == 0 && u.op != RL_OP_NONE)
            seq = u.seq;
    return seq;
}

static bool is_numbered(const struct rl_feed *f, uint32_t key)
{
    if (f->n_instruments > 0 && f->keys[f->n_instruments - 1] == key)
        return true; /* one instrument, or runs of one: the common file */
    for (uint32_t i = 0; i < f->n_instruments; i++)
        if (f->keys[i] == key)
            return true;
    return false;
}

void rl_learn_names(struct rl_feed *f, const struct rl_stream *stream)
{
    if (stream->feed != RL_FEED_DBN)
        return;
    for (uint64_t i = 0; i < stream->n_recs; i++) {
        const struct rl_stream_rec *rec = &stream->recs[i];
        char symbol[RL_FEED_SYMBOL] = {0};
        uint32_t key;

        if (rec->n_bytes < RL_DBN_MBO_BYTES)
            continue; /* refused when it is read */
        key = rl_dbn_instrument(stream->bytes + rec->offset);
        if (is_numbered(f, key))
            continue;
        if (!rl_dbn_symbol(stream->bytes, stream->n_bytes, key, symbol, sizeof symbol))
            rl_fix_print_uint(symbol, key);
        if (rl_feed_name(f, key, symbol) != 0)
            return; /* the table is full: the reader says so */
    }
}

static int read_all(struct rl_learnt *learnt, struct rl_feed *f, const struct rl_stream *stream,
                    uint8_t *frame, uint64_t *record_seqs, const char **why)
{
    rl_learn_names(f, stream);
    for (uint64_t i = 0; i < stream->n_recs; i++) {
        uint32_t n_bytes = frame_of(stream, i, frame);
        uint64_t seq;

        *why = "stream: a record is not what the framing says";
        if (n_bytes == 0)
            return -EINVAL;
        seq = read_frame(f, frame, n_bytes);
        if (record_seqs != NULL)
            record_seqs[i] = seq;
    }
    *why = "n_instruments: the stream has more";
    if (f->n.no_instrument > 0)
        return -EINVAL;
    for (uint32_t i = 0; i < f->n_instruments; i++)
        if (rl_feed_symbol(f, i)[0] != '\0')
            memcpy(learnt->symbols[learnt->n_symbols++], rl_feed_symbol(f, i), RL_FEED_SYMBOL);
    *why = "stream: names no instrument";
    if (learnt->n_symbols == 0)
        return -EINVAL;
    *why = NULL;
    return 0;
}

int rl_learn(struct rl_learnt *learnt, const struct rl_stream *stream,
             const struct rl_feed_config *config, uint64_t *record_seqs, const char **why)
{
    struct rl_feed_config fresh = *config;
    struct rl_feed *f;
    uint32_t n_max = 0;
    uint8_t *frame;
    int err;

    memset(learnt, 0, sizeof *learnt);
    for (uint64_t i = 0; i < stream->n_recs; i++)
        n_max = stream->recs[i].n_bytes > n_max ? stream->recs[i].n_bytes : n_max;
    *why = "memory: not enough to read the stream";
    err = rl_arena_open(&learnt->arena,
                        rl_feed_bytes(config) + sizeof *f + n_max + RL_WRAP_BYTES +
                            (size_t)config->n_instruments * RL_FEED_SYMBOL + 8 * RL_CACHE_LINE,
                        0);
    if (err)
        return err;
    f = rl_arena_take(&learnt->arena, sizeof *f, 0);
    frame = rl_arena_take(&learnt->arena, n_max + RL_WRAP_BYTES, 0);
    learnt->symbols =
        rl_arena_take(&learnt->arena, (size_t)config->n_instruments * RL_FEED_SYMBOL, 0);
    fresh.first_seq = 0;
    err = f && frame && learnt->symbols ? rl_feed_init(f, &learnt->arena, &fresh) : -ENOMEM;
    if (!err)
        err = read_all(learnt, f, stream, frame, record_seqs, why);
    if (err)
        rl_arena_close(&learnt->arena);
    return err;
}

void rl_learnt_free(struct rl_learnt *learnt)
{
    rl_arena_close(&learnt->arena);
}
