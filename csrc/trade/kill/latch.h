/*
 * latch - what is tripped, on the disk: it outlives the process, the host and the power.
 *
 * One file of fixed size with a checksum, replaced whole: temporary file, fsync, rename, fsync of
 * the directory. A file that is missing, cut off, damaged or of another version is never guessed
 * at: it means that everything is tripped (cause LATCH).
 *
 * Threads:  packing and reading are pure. Saving calls the kernel and may take milliseconds: never
 *           from the order thread. Two who save a board take turns by a lock on the directory.
 * Memory:   9 KiB on the stack of the saver.
 */
#ifndef RL_TRADE_KILL_LATCH_H
#define RL_TRADE_KILL_LATCH_H

#include "trade/kill/kill.h"

#define RL_LATCH_FILE "kill.latch"

/* As it lies in the file; numbers little endian. */
struct rl_latch {
    char magic[8]; /* "RLLATCH1" */
    uint64_t n_bytes;
    uint64_t word;   /* the board's */
    uint64_t causes; /* since the last reset */
    uint64_t first, tsc, wall_ns, who;
    uint64_t saved_ns; /* UTC */
    uint64_t sets[RL_N_SCOPES];
    uint64_t symbols[RL_KILL_SYMBOL_WORDS];
    uint64_t crc; /* CRC-32C of all before */
};

/* The board at this moment. When it changes meanwhile, the sets are those of both moments. */
void rl_latch_take(struct rl_latch *l, const struct rl_kill *k, uint64_t now_ns);

/* 0; -EBADMSG: not a whole latch, *why (may be NULL) says what is wrong. Pure. */
int rl_latch_read(struct rl_latch *l, const void *bytes, size_t n_bytes, const char **why);

/* The same from a directory; -ENOENT: no file. */
int rl_latch_load(struct rl_latch *l, int dir_fd, const char **why);

/* One at a time; see rl_latch_persist. Durable before it returns 0; -errno (-ENOSPC, -EFBIG, -EIO
 * ...): the file is as it was before. */
int rl_latch_save(const struct rl_latch *l, int dir_fd);

/* Takes and saves under the directory's lock, so that an older state never replaces a newer one. */
int rl_latch_persist(const struct rl_kill *k, int dir_fd);

/*
 * Puts a board that nobody uses yet where a start must begin: HALTED with what the file has
 * tripped, at an epoch never used before. `err`: what rl_latch_load said; without a file that can
 * be read everything is TRIPPED by LATCH, and the epoch begins at now_ns in seconds, beyond all
 * before.
 */
void rl_latch_restore(struct rl_kill *k, const struct rl_latch *l, int err, uint64_t now_ns);

#endif
