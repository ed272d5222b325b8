/*
 * board - the kill board as a file that engine, tools and watchdog map.
 *
 * A run directory (mode 0700, of the user) holds kill.board (0600), kill.latch, engine.lock. The
 * file's owner, mode, size and magic are checked before it is mapped; links are not followed. Its
 * blocks are allocated when it is made, so that a full disk is an error then and not a signal
 * later. It stays when engines come and go: who has mapped it once can trip every later engine,
 * too.
 *
 * Threads:  opening and closing belong to one thread; the board inside is shared (kill.h).
 * Memory:   one mapping of some 14 KiB; locked in memory where the host allows it.
 */
#ifndef RL_TRADE_KILL_BOARD_H
#define RL_TRADE_KILL_BOARD_H

#include "trade/kill/kill.h"

#define RL_BOARD_FILE "kill.board"
#define RL_BOARD_LOCK "engine.lock"
#define RL_BOARD_MAGIC 0x31445242444B4C52ULL /* "RLKDBRD1" */

struct rl_board_file {
    uint64_t magic;
    uint64_t n_bytes;
    uint64_t layout;         /* sizes of what follows: another build's board is refused */
    uint64_t tsc_hz;         /* of the host, for ages; 0: not known */
    _Atomic uint64_t engine; /* its process, as rl_board_process has it; 0: none */
    _Atomic uint64_t watchdog_pid;
    _Atomic uint64_t persisted_word; /* of the board that the latch holds */
    _Atomic uint64_t persisted_notes;
    _Atomic int64_t persist_error; /* of the last save: 0 or -errno */
    struct rl_kill kill;
};

struct rl_board {
    struct rl_board_file *file;
    struct rl_kill *kill; /* file->kill */
    int dir_fd;
    int lock_fd; /* the engine's; else -1 */
    uint64_t inode;
};

/*
 * The engine's: makes the directory and the board, or takes over the board that is there. Leaves it
 * HALTED, or TRIPPED when there is no latch that can be read; what was tripped stays so. Holds the
 * lock until it is closed or dies. -EBUSY: another engine has it. *why: a sentence, also for the
 * refusals of rl_board_open. tsc_hz: 0 when it is not known.
 */
int rl_board_create(struct rl_board *b, const char *dir, uint64_t tsc_hz, const char **why);

/*
 * Everybody else's. -ENOENT: there is none. -EACCES: not ours, or others may write it. -EBADMSG:
 * not a board of this build.
 */
int rl_board_open(struct rl_board *b, const char *dir, const char **why);

/* Does the path still lead to what is mapped? False: somebody replaced the file. */
bool rl_board_is_current(const struct rl_board *b);

/* True while a living process holds the engine's lock. */
bool rl_board_has_engine(const struct rl_board *b);

/* Saves the latch, and writes on the board what came of it. 0 or -errno. Not for the order thread.
 */
int rl_board_persist(struct rl_board *b);

/* Is all that is tripped in the latch? */
bool rl_board_is_persisted(const struct rl_board *b);

/* Unmaps and unlocks; the file stays, tripped or not. Closing twice is harmless. */
void rl_board_close(struct rl_board *b);

/* A living process and its start time in one word; 0: there is no such process. */
uint64_t rl_board_process(int pid);

static inline int rl_board_pid_of(uint64_t process)
{
    return (int)(process & 0x3FFFFF); /* Linux never gives out more than 22 bits */
}

/* Where boards live without --dir: $REDLINE_RUN_DIR, else /run/redline/UID, else /tmp/redline-UID.
 */
int rl_board_default_dir(char *dst, size_t n_dst);

#endif
