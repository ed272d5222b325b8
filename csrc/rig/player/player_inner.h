/*
 * player_inner - what the files of the player share among themselves; nobody else includes it.
 */
#ifndef RL_RIG_PLAYER_INNER_H
#define RL_RIG_PLAYER_INNER_H

#include "rig/player/player.h"

/* --- player_send.c: when and where records go ------------------------------------------------- */

/* The one thread of a player into the book. */
void rl_player_run_book(void *player);
/* The sender of a player into a port. */
void rl_player_run_sender(void *player);

static inline bool rl_player_is_stopped(const struct rl_player *p)
{
    /* Relaxed: the word carries nothing but itself. */
    return atomic_load_explicit(&p->shared.stop, memory_order_relaxed);
}

/* --- player_read.c: what becomes of them ------------------------------------------------------ */

/* Lines, feed, books and views from the arena; instruments get the names of a file's metadata. */
int rl_player_read_open(struct rl_player *p, const char **why);
size_t rl_player_read_bytes(const struct rl_player_config *c);

/* A record of that line, that came at `now_ns`. */
void rl_player_take(struct rl_player *p, uint32_t line, const uint8_t *bytes, uint32_t n_bytes,
                    uint64_t now_ns);
/* The recording is over: what is still missing is given up, the end is held against the first. */
void rl_player_end_loop(struct rl_player *p, bool is_whole);
/* The reader of a player into a port. */
void rl_player_run_reader(void *player);

#endif
