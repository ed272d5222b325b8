/*
 * store_file - a session's numbers and sent messages in a file: they outlive the process.
 *
 * The file is mapped. What was stored survives the process however it ends, at once: the pages are
 * the kernel's. A power cut is another matter, since the disk has what it has: so numbers are
 * reserved on the disk ahead of use, RL_STORE_RESERVE at a time, and after a cut (another boot, and
 * the file was not closed) the next number is the first that was never reserved. The numbers
 * between count as sent and lost; a resend fills them with gap fills. Numbers received go back to
 * what the disk had, so the counterparty sends again what may be known: with PossDupFlag.
 *
 *   header    magic, sizes, whose session, boot, is it open, first number not reserved
 *   numbers   two copies of next_out, next_in, created with a sum; the newer whole one counts
 *   slots     n_messages of {seq, at, n}: where the message with that number lies
 *   bytes     a ring of n_bytes
 *
 * Threads:  one; a second process is refused (a lock on the file).
 * Memory:   the mapping. The file has its full size on the disk from the start: a full disk is an
 *           error of open, never a signal later.
 * Cost:     a copy, a slot, two stores of numbers. Every RL_STORE_RESERVE numbers one fdatasync.
 */
#ifndef RL_SESSION_STORE_FILE_H
#define RL_SESSION_STORE_FILE_H

#include "session/store.h"

#define RL_STORE_RESERVE 65536
#define RL_STORE_NAME 192 /* bytes of what says whose session it is, with its zero */
#define RL_STORE_FILE_BYTES_MAX (1ULL << 34)

struct rl_store_map; /* store_file.c */

struct rl_file_store {
    struct rl_session_store store;
    struct rl_store_map *map;
    uint64_t head; /* bytes ever written to the ring */
    uint64_t n_file_bytes;
    int fd;
    bool was_cut; /* open found a power cut: next_out was moved to where nothing was reserved */
};

/*
 * Opens the file, or makes it (then both numbers are 1). `name` says whose session it is, for
 * instance "FIX.4.4 SENDER TARGET": a file of another is refused. An existing file keeps its own
 * sizes. 0, or with a sentence in *why: -EINVAL unless the sizes are powers of two, -EBADMSG a file
 * that is none of ours or is damaged, -EBUSY another process has it, -EXDEV another session's,
 * -ENOSPC, or the -errno of a call that failed. Nothing is changed by a refusal.
 */
int rl_file_store_open(struct rl_file_store *f, const char *path, const char *name,
                       uint64_t n_bytes, uint64_t n_messages, uint64_t now_utc_ns,
                       const char **why);

/* Everything on the disk. Zeroed and closed files may be closed again. -errno of the sync. */
int rl_file_store_close(struct rl_file_store *f);

#endif
