/* desk_inner - what the files of the desk share. */
#ifndef RL_RIG_DESK_DESK_INNER_H
#define RL_RIG_DESK_DESK_INNER_H

#include "rig/desk/desk.h"

/* Steps the session and does what it says; what the first step returned. */
int rl_desk_step(struct rl_desk *d, const struct rl_fix_event *event, uint64_t now_ns);

/* Asks the venue what became of the order, or of its replacement, that has this id (35=H). */
bool rl_desk_ask(struct rl_desk *d, uint64_t id, const struct rl_order *order, uint64_t now_ns);

#endif
