#include "trade/audit/writer_parts.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ull
#define RETRY_NS 100000000ull /* between attempts to make the next segment */

static uint64_t to_ticks(const struct rl_audit_writer *w, uint64_t ns)
{
    return (uint64_t)((unsigned __int128)ns * w->config.tsc_hz / NS_PER_S);
}

static uint64_t to_ns(const struct rl_audit_writer *w, uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * NS_PER_S / w->config.tsc_hz);
}

static uint64_t monotonic_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Running figures: one writer, so a load and a store are an addition. */
static void add(_Atomic uint64_t *word, uint64_t n)
{
    atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static void raise_to(_Atomic uint64_t *word, uint64_t value)
{
    if (value > atomic_load_explicit(word, memory_order_relaxed))
        atomic_store_explicit(word, value, memory_order_relaxed);
}

static int64_t failed(struct rl_audit_writer *w, int err)
{
    w->error = err;
    rl_audit_tell_error(w->audit, RL_AUDIT_FAILED, -err);
    if (w->config.on_trouble)
        w->config.on_trouble(w->config.user, -err, true);
    return err;
}

/* ---- Segments ---------------------------------------------------------------------------------
 */

static void fill_clock(struct rl_audit_writer *w, struct rl_audit_header *header)
{
    w->config.clock(w->config.user, &header->tsc, &header->wall_ns);
    header->tsc_hz = w->config.tsc_hz;
    header->is_clock_synced = w->config.is_clock_synced;
}

int rl_audit_begin_segment(struct rl_audit_writer *w, bool replaces, uint64_t now_tsc)
{
    int err;

    fill_clock(w, &w->header);
    rl_audit_header_seal(&w->header);
    err = rl_audit_file_name(&w->next, w->dir_fd, &w->header, replaces, w->config.io);
    if (err)
        return err;
    w->file = w->next;
    w->next.fd = -1;
    memcpy(w->sealed.hash, w->header.hash, sizeof w->sealed.hash);
    memcpy(w->chain.hash, w->header.hash, sizeof w->chain.hash);
    w->segment_begun = now_tsc;
    add(&w->audit->words.n_segments, 1);
    atomic_store_explicit(&w->audit->words.segment, w->header.segment, memory_order_relaxed);
    return 0;
}

int rl_audit_end_segment(struct rl_audit_writer *w, struct rl_audit_file *file,
                         const struct rl_audit_chain *at, enum rl_audit_end end)
{
    struct rl_audit_chain chain = *at; /* a footer is no part of what the next segment continues */
    struct rl_audit_record footer;
    int err;

    rl_audit_make_footer(&footer, &chain, end);
    err = rl_audit_file_append(file, &footer, sizeof footer, w->config.io);
    if (!err && w->config.io->fdatasync(file->fd) < 0)
        err = -errno;
    rl_audit_file_close(file);
    return err;
}

/*
 * The next segment has its header and its name before this one gets its footer, so that a footer
 * which says "another follows" is never a lie; and the footer is durable before the next one has a
 * record.
 */
static int rotate(struct rl_audit_writer *w, uint64_t now_tsc)
{
    struct rl_audit_file file = w->file;
    struct rl_audit_chain at = w->sealed;
    struct rl_audit_header *h = &w->header;
    int err;

    if (w->config.io->fdatasync(file.fd) < 0)
        return -errno;
    h->segment++;
    h->first_number = at.number + 1;
    h->previous_crc = at.crc;
    h->previous_end = RL_AUDIT_END_ROTATED;
    h->previous_bytes = file.n_bytes;
    h->torn_bytes = 0;
    memcpy(h->previous_hash, at.hash, sizeof h->previous_hash);
    memset(h->torn_hash, 0, sizeof h->torn_hash);
    err = rl_audit_begin_segment(w, false, now_tsc);
    return err ? err : rl_audit_end_segment(w, &file, &at, RL_AUDIT_END_ROTATED);
}

/* Makes the next segment unless it is there; when that fails it is tried again now and then. */
static void prepare(struct rl_audit_writer *w, uint64_t now_tsc)
{
    struct rl_audit_words *words = &w->audit->words;
    bool was_full = atomic_load_explicit(&words->health, memory_order_relaxed) == RL_AUDIT_FULL;
    int err;

    if (w->next.fd >= 0 || (was_full && now_tsc - w->last_try < to_ticks(w, RETRY_NS)))
        return;
    w->last_try = now_tsc;
    err = rl_audit_file_prepare(&w->next, w->dir_fd,
                                w->config.segment_bytes + w->config.emergency_bytes, w->config.io);
    if (!err && was_full)
        rl_audit_tell_error(w->audit, RL_AUDIT_GOOD, 0);
    if (!err || was_full)
        return;
    rl_audit_tell_error(w->audit, RL_AUDIT_FULL, -err);
    if (w->config.on_trouble)
        w->config.on_trouble(w->config.user, -err, false);
    w->owed = -err; /* the next step puts it on record */
}

/* ---- Blocks ------------------------------------------------------------------------------------
 */

/* Seals the block and appends it; to the next segment when this one is full and that one is there.
 */
static int write_block(struct rl_audit_writer *w, uint64_t now_tsc)
{
    uint32_t n = w->n_block;
    uint64_t n_bytes = (uint64_t)(n + 1) * RL_AUDIT_UNIT;
    uint64_t durable = atomic_load_explicit(&w->audit->words.durable_number, memory_order_relaxed);
    bool is_over = w->file.n_bytes + n_bytes + RL_AUDIT_UNIT > w->config.segment_bytes &&
                   w->file.n_bytes > RL_AUDIT_HEADER;
    int err = 0;

    if (n == 0)
        return 0;
    if (is_over)
        prepare(w, now_tsc);
    if (is_over && w->next.fd >= 0)
        err = rotate(w, now_tsc);
    if (err)
        return err;
    if (w->file.n_bytes + n_bytes + RL_AUDIT_UNIT > w->file.n_reserved)
        return -ENOSPC; /* the emergency space is used up; a footer still finds room */
    rl_audit_block_hash(w->chain.hash, w->block, n);
    rl_audit_make_seal(&w->block[n], &w->chain, n, durable);
    w->sealed = w->chain;
    w->n_block = 0;
    add(&w->audit->words.n_written, n);
    add(&w->audit->words.n_blocks, 1);
    return rl_audit_file_append(&w->file, w->block, n_bytes, w->config.io);
}

/* The place for one more record of the block; it has its number when it is chained. */
static int room_for_one(struct rl_audit_writer *w, uint64_t now_tsc)
{
    return w->n_block == w->max_block ? write_block(w, now_tsc) : 0;
}

static void chain_record(struct rl_audit_writer *w)
{
    struct rl_audit_record *record = &w->block[w->n_block++];

    record->number = ++w->chain.number;
    record->crc = w->chain.crc = rl_audit_crc(w->chain.crc, record);
    w->tsc = record->tsc;
    w->n_dirty++;
}

/* A record of the writer's own. Its time is that of the record before it: younger ones may wait. */
static int put_own(struct rl_audit_writer *w, const struct rl_audit_record *record,
                   uint64_t now_tsc)
{
    int err = room_for_one(w, now_tsc);

    if (err)
        return err;
    w->block[w->n_block] = *record;
    w->block[w->n_block].tsc = w->tsc;
    w->block[w->n_block].instrument = RL_AUDIT_NO_SYMBOL;
    chain_record(w);
    return 0;
}

int64_t rl_audit_take(struct rl_audit_writer *w, uint64_t now_tsc)
{
    struct rl_ring *ring = &w->audit->ring;
    const struct rl_audit_record *record;
    int64_t n = 0;
    int err = 0;

    /* A bound: a producer that never pauses must not keep a step from ending. */
    while ((uint64_t)n < rl_ring_n_slots(ring) && (record = rl_ring_peek(ring)) != NULL) {
        err = room_for_one(w, now_tsc);
        if (err)
            break;
        memcpy(&w->block[w->n_block], record, sizeof *record);
        rl_ring_release(ring);
        w->position++;
        chain_record(w);
        n++;
        if (w->n_dirty >= w->config.commit_records)
            err = rl_audit_commit_taken(w, now_tsc);
        if (err)
            break;
    }
    if (n > 0)
        rl_ring_publish(ring); /* the next step may be a while away */
    return err ? err : n;
}

int rl_audit_commit_taken(struct rl_audit_writer *w, uint64_t now_tsc)
{
    uint64_t begin;
    int err = write_block(w, now_tsc);

    w->last_commit = now_tsc;
    if (err || w->n_dirty == 0)
        return err;
    begin = monotonic_ns();
    if (w->config.io->fdatasync(w->file.fd) < 0)
        return -errno;
    raise_to(&w->audit->words.max_commit_ns, monotonic_ns() - begin);
    add(&w->audit->words.n_commits, 1);
    w->n_dirty = 0;
    rl_audit_tell_durable(w->audit, w->position, w->chain.number);
    return 0;
}

/* ---- What a step does besides taking -----------------------------------------------------------
 */

static int note_stall(struct rl_audit_writer *w, uint64_t gap, uint64_t n, uint64_t now_tsc)
{
    struct rl_audit_words *words = &w->audit->words;
    struct rl_audit_record record = {.kind = RL_AUDIT_STALL, .ref = n};

    if (n == 0 || gap <= w->ticks_commit)
        return 0;
    add(&words->stall_ns, to_ns(w, gap - w->ticks_commit));
    raise_to(&words->max_stall_ns, to_ns(w, gap - w->ticks_commit));
    if (gap < w->ticks_stall)
        return 0;
    add(&words->n_stalls, 1);
    record.qty = to_ns(w, gap);
    return put_own(w, &record, now_tsc);
}

static int note_full(struct rl_audit_writer *w, uint64_t now_tsc)
{
    struct rl_audit_record record = {.kind = RL_AUDIT_LOG_FAILED, .detail = (uint32_t)w->owed};
    int err = put_own(w, &record, now_tsc);

    w->owed = 0;
    return err ? err : rl_audit_commit_taken(w, now_tsc);
}

int64_t rl_audit_writer_step(struct rl_audit_writer *w, uint64_t now_tsc)
{
    uint64_t gap;
    int64_t n;
    int err;

    if (w->error || !w->is_open)
        return w->is_open ? w->error : -EBADF;
    if (now_tsc < w->last_step)
        now_tsc = w->last_step; /* counters of two CPUs may differ a little */
    gap = now_tsc - w->last_step;
    w->last_step = now_tsc;
    n = rl_audit_take(w, now_tsc);
    if (n < 0)
        return failed(w, (int)n);
    atomic_store_explicit(&w->audit->words.backlog, (uint64_t)n, memory_order_relaxed);
    raise_to(&w->audit->words.max_backlog, (uint64_t)n);
    err = note_stall(w, gap, (uint64_t)n, now_tsc);
    if (!err && w->n_dirty > 0 && now_tsc - w->last_commit >= w->ticks_commit)
        err = rl_audit_commit_taken(w, now_tsc);
    prepare(w, now_tsc); /* while this one has room */
    if (!err && w->owed)
        err = note_full(w, now_tsc);
    if (err)
        return failed(w, err);
    if (w->ticks_rotate && w->next.fd >= 0 && now_tsc - w->segment_begun >= w->ticks_rotate)
        rl_audit_writer_rotate(w, now_tsc);
    return w->error ? w->error : n;
}

int rl_audit_writer_commit(struct rl_audit_writer *w, uint64_t now_tsc)
{
    int64_t n;
    int err;

    if (w->error || !w->is_open)
        return w->is_open ? w->error : -EBADF;
    n = rl_audit_take(w, now_tsc);
    err = n < 0 ? (int)n : rl_audit_commit_taken(w, now_tsc);
    return err ? (int)failed(w, err) : 0;
}

int rl_audit_writer_rotate(struct rl_audit_writer *w, uint64_t now_tsc)
{
    int err;

    if (w->error || !w->is_open)
        return w->is_open ? w->error : -EBADF;
    err = rl_audit_commit_taken(w, now_tsc);
    if (!err && w->file.n_bytes == RL_AUDIT_HEADER) { /* nothing in it: it lasts another turn */
        w->segment_begun = now_tsc;
        return 0;
    }
    prepare(w, now_tsc);
    if (!err && w->next.fd < 0)
        return -ENOSPC;
    if (!err)
        err = rotate(w, now_tsc);
    return err ? (int)failed(w, err) : 0;
}
