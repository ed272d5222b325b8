/*
 * serve_thread - gives an exchange a thread of its own, and lets others look at it meanwhile.
 *
 *     rl_serve_thread_start(&t, s, cpu);     from now on `s` is the thread's
 *     rl_serve_thread_do(t, look, &where);   look(s, &where) runs between two turns of it
 *     rl_serve_thread_stop(t, grace_ns);     sessions are logged out, the thread ends
 *     rl_serve_thread_close(t);
 *
 * Threads:  any may ask, one at a time is served; start, stop and close are one owner's.
 * Memory:   the handle is allocated at start.
 * Cost:     for the exchange a load a turn; for who asks two context switches.
 */
#ifndef RL_RIG_EXCHANGE_SERVE_THREAD_H
#define RL_RIG_EXCHANGE_SERVE_THREAD_H

#include "rig/exchange/serve.h"

struct rl_serve_thread;

/* Signals are blocked in it. cpu -1: anywhere. -EINVAL: no such CPU; -EAGAIN, -ENOMEM. */
int rl_serve_thread_start(struct rl_serve_thread **t, struct rl_serve *s, int cpu);
/* Between two turns, or at once when the thread has ended. Returns when it is done. */
void rl_serve_thread_do(struct rl_serve_thread *t, void (*what)(struct rl_serve *s, void *context),
                        void *context);
/*
 * Says goodbye, and waits until nobody is left or `grace_ns` have passed; then the thread has
 * ended. Harmless when it had.
 */
void rl_serve_thread_stop(struct rl_serve_thread *t, uint64_t grace_ns);
/* Stops without grace, and frees the handle; `s` is the caller's again. NULL is harmless. */
void rl_serve_thread_close(struct rl_serve_thread *t);

#endif
