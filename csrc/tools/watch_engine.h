/*
 * watch_engine - does the engine's process live? Asked of the kernel, not of the engine.
 */
#ifndef RL_TOOLS_WATCH_ENGINE_H
#define RL_TOOLS_WATCH_ENGINE_H

#include "trade/kill/board.h"

struct watch_engine {
    int pidfd;        /* readable once the process has ended; -1: none */
    uint64_t process; /* the engine that is watched, as on the board; 0: none */
    bool is_dead;
};

/* Follows the board: another process there is another engine. */
void watch_engine_follow(struct watch_engine *w, const struct rl_board_file *file);

/* The pidfd became readable. */
void watch_engine_ended(struct watch_engine *w);

#endif
