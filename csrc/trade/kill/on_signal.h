/*
 * on_signal - a signal trips a board: for a process whose threads or interpreter do not answer.
 *
 * The handler is C and trips at once, whoever holds the interpreter's lock. A thread that blocks
 * the signal is not disturbed by it; some other one must take it.
 *
 * Threads:  set up by one thread. One board a process.
 */
#ifndef RL_TRADE_KILL_ON_SIGNAL_H
#define RL_TRADE_KILL_ON_SIGNAL_H

#include "trade/kill/kill.h"

/* `signo` trips everything with cause SIGNAL, from now until rl_kill_off_signal. 0 or -errno. */
int rl_kill_on_signal(struct rl_kill *k, int signo);

/* Before the board goes away: signals that come later do nothing. */
void rl_kill_off_signal(const struct rl_kill *k);

#endif
