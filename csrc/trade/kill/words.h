/*
 * words - scopes and causes as people and sockets write them: `account=3`, `global`, `LOSS`.
 *
 * Threads:  pure functions. Numbers only: names of accounts belong to the configuration.
 */
#ifndef RL_TRADE_KILL_WORDS_H
#define RL_TRADE_KILL_WORDS_H

#include "trade/kill/kill.h"

/* Digits at `word` into *n, at most 20 of them; *rest is what follows. False: none, or too big. */
bool rl_words_number(const char *word, const char **rest, uint64_t *n);

/* "global" or SCOPE=INDEX, of a scope and index that exist; also "all": RL_KILL_ALL. */
bool rl_words_scope(const char *word, uint32_t *scope, uint32_t *index);

/* The name of a cause in any case, like "loss"; not NONE, BOOT or LATCH, which nobody can give. */
bool rl_words_cause(const char *word, enum rl_kill_cause *cause);

/* "account=3", "global"; dst holds 24 characters. Returns dst. */
char *rl_words_of_scope(char *dst, uint32_t scope, uint32_t index);

#endif
