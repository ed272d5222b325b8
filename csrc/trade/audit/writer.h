/*
 * writer - takes the records from the ring and makes them durable: numbers, checksums, hashes,
 * segments, group commit.
 *
 * A step takes all that waits, appends it to the current block, and when a commit is due (every
 * commit_ns, or commit_records) seals the block, writes it and calls fdatasync once for all of
 * them; then rl_audit_durable moves. Records are never dropped: what the writer does not take stays
 * in the ring, and a full ring refuses the next claim. What the files look like is in format.h and
 * docs/reference/audit-format.md.
 *
 * Trouble, told once each time to `on_trouble` (which trips the switch) and kept in the words:
 *   FULL    the next segment cannot be made (no space, a file size limit). Records, and first of
 *           all a LOG_FAILED record that says so, go on into the emergency space that every segment
 *           has behind its end. GOOD again when there is space again.
 *   FAILED  a write or an fdatasync failed, or the emergency space is used up. What was not durable
 *           may be lost and nobody knows how much of it: no retry, every later step says so, the
 *           ring fills and refuses. Only a new writer, after a recovery, goes on.
 * Neither ends the process: space is reserved before it is used, nothing is mapped, and no write
 * crosses RLIMIT_FSIZE (which would raise SIGXFSZ).
 *
 * Threads:  all calls by any one thread at a time; no lock, the ring does it.
 * Memory:   one block buffer of 64 KiB, allocated by open.
 * Cost:     about 60 ns a record with SHA-NI; fdatasync is what its disk takes.
 */
#ifndef RL_TRADE_AUDIT_WRITER_H
#define RL_TRADE_AUDIT_WRITER_H

#include "trade/audit/audit.h"
#include "trade/audit/format.h"
#include "trade/audit/segment.h"

/* `error` is an errno; `is_fatal` tells FAILED from FULL. Called by the thread that steps. */
typedef void rl_audit_on_trouble(void *user, int error, bool is_fatal);

struct rl_audit_writer_config {
    const char *dir;          /* made when it is missing; one writer at a time (locked) */
    uint64_t segment_bytes;   /* rotated when it would be larger; 0: 64 MiB */
    uint64_t emergency_bytes; /* reserved behind it; 0: 4 MiB */
    uint64_t rotate_ns;       /* rotated when it is older and not empty; 0: only by size */
    uint64_t commit_ns;       /* 0: 10 ms */
    uint64_t commit_records;  /* 0: 4,096 */
    uint64_t stall_ns;        /* a step later than this is worth a STALL record; 0: 100 ms */
    uint64_t tsc_hz;          /* of the time stamps of the records; -EINVAL when 0 */
    uint64_t id_epoch;        /* of the order ids of this session (order/epoch.h) */
    bool is_clock_synced;     /* as far as the caller knows */
    uint8_t config_hash[32];
    uint8_t limits_hash[32];
    const char *build_id; /* at most 32 bytes each are kept; NULL: none */
    const char *host_id;
    rl_audit_on_trouble *on_trouble; /* NULL: nobody is told, the words say it */
    void *user;
    /* The present in both clocks, for headers; NULL: the TSC and CLOCK_REALTIME. */
    void (*clock)(void *user, uint64_t *tsc, uint64_t *wall_ns);
    const struct rl_audit_io *io; /* NULL: the kernel's */
};

struct rl_audit_writer {
    struct rl_audit *audit;
    struct rl_audit_writer_config config;
    uint64_t ticks_commit, ticks_rotate, ticks_stall;
    int dir_fd;                    /* holds the lock */
    struct rl_audit_file file;     /* being written */
    struct rl_audit_file next;     /* prepared; fd -1: not yet */
    struct rl_audit_header header; /* of the segment being written */
    struct rl_audit_record *block; /* records taken and not yet in the file, and room for a seal */
    uint32_t n_block, max_block;
    struct rl_audit_chain sealed; /* of what is in the files */
    struct rl_audit_chain chain;  /* and of the block behind it */
    uint64_t position;            /* records taken from the ring */
    uint64_t n_dirty;             /* records taken, the writer's own too, and not durable */
    uint64_t tsc;                 /* of the last record: the writer's own have it too */
    uint64_t last_step, last_commit, segment_begun, last_try; /* ticks */
    int error;                                                /* FAILED: -errno, for every step */
    int owed;                                                 /* errno that is not on record yet */
    bool is_open;
};

/*
 * Opens the log in config->dir for appending: makes it, or recovers what a crash left (recover.h)
 * and goes on behind it in a new segment. The segment and its name are durable when it returns.
 * `now_tsc` is the present in the ticks of the records. -EBUSY: another writer has it; -EBADMSG:
 * the log is damaged and must be looked at first (`redline audit verify`); -ENOSPC; -EFBIG: a
 * segment is larger than RLIMIT_FSIZE; -EOPNOTSUPP: this file system cannot reserve space; other
 * -errno. *why, when not NULL, is a sentence of static storage or NULL.
 */
int rl_audit_writer_open(struct rl_audit_writer *w, struct rl_audit *a,
                         const struct rl_audit_writer_config *config, uint64_t now_tsc,
                         const char **why);

/* Takes what waits and does what is due. The number of records taken, or -errno: it has FAILED;
 * -EBADF after its close. */
int64_t rl_audit_writer_step(struct rl_audit_writer *w, uint64_t now_tsc);

/* Makes everything taken durable now, for what must be on the disk before it takes effect: a limit
 * change, a kill; 0 or -errno. */
int rl_audit_writer_commit(struct rl_audit_writer *w, uint64_t now_tsc);

/* Goes on in a new segment now; 0, -ENOSPC when there is no room for one, or -errno. */
int rl_audit_writer_rotate(struct rl_audit_writer *w, uint64_t now_tsc);

/*
 * Takes the rest, commits, writes the footer that says "closed" and gives all back. 0 or -errno;
 * all is given back in any case. `w` may be closed again, harmlessly.
 */
int rl_audit_writer_close(struct rl_audit_writer *w, uint64_t now_tsc);

/* Gives all back without writing anything: what a crash does. */
void rl_audit_writer_abandon(struct rl_audit_writer *w);

/* ---- A thread that does nothing else ----------------------------------------------------------
 */

struct rl_audit_thread;

/*
 * Steps `w` every poll_ns (0: 100 us) until stopped; the thread is pinned to `cpu` unless that is
 * negative. 0 or -errno.
 */
int rl_audit_thread_start(struct rl_audit_thread **t, struct rl_audit_writer *w, int cpu,
                          uint64_t poll_ns);

/* Joins the thread and closes the writer; what rl_audit_writer_close returns. NULL is harmless. */
int rl_audit_thread_stop(struct rl_audit_thread *t);

#endif
