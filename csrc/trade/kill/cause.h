/*
 * cause - why trading was stopped.
 */
#ifndef RL_TRADE_KILL_CAUSE_H
#define RL_TRADE_KILL_CAUSE_H

#include "base/defs.h"

/* Numbers are stored in audit files and in the latch: append, never renumber; below 64, since the
 * board keeps the set of all that were given. X(NAME, number, text) */
#define RL_KILL_CAUSES(X)                                                       \
    X(BOOT, 1, "boot: never armed")                                             \
    X(MANUAL, 2, "manual")                                                      \
    X(UNKNOWN_FILL, 3, "execution of an order that we do not know")             \
    X(OVERFILL, 4, "execution of more than was ordered")                        \
    X(AUDIT, 5, "the audit log is stalled, full or cannot be written")          \
    X(STOP, 6, "the run was stopped")                                           \
    X(RANGE, 7, "position arithmetic left its range")                           \
    X(LATCH, 8, "the latch file is missing, damaged or says tripped")           \
    X(SIGNAL, 9, "a signal asked for it")                                       \
    X(SOCKET, 10, "asked for over the control socket")                          \
    X(FILE, 11, "asked for by a file")                                          \
    X(LOSS, 12, "loss above the limit")                                         \
    X(EXPOSURE, 13, "exposure above the limit")                                 \
    X(POSITION, 14, "position above the limit")                                 \
    X(RATE, 15, "message rate above the limit")                                 \
    X(EXECUTIONS, 16, "too many executions in a short time")                    \
    X(REJECTS, 17, "too many rejects, in a row or in proportion")               \
    X(DUPLICATES, 18, "the same order again and again")                         \
    X(UNSOLICITED, 19, "the venue cancels what nobody asked it to cancel")      \
    X(FEED_STALE, 20, "no market data")                                         \
    X(FEED_GAP, 21, "a gap in the market data stays open")                      \
    X(FEED_CROSSED, 22, "a book stays crossed, or the two lines differ")        \
    X(HEARTBEAT, 23, "a thread gives no sign of life")                          \
    X(STUCK, 24, "the engine lives and does not move")                          \
    X(DEAD, 25, "the engine's process has ended")                               \
    X(CLOCK, 26, "the clock is not synchronised, has stepped or runs backward") \
    X(LIMITS, 27, "the limit set was altered in place")                         \
    X(BUILD, 28, "the build is not the one that was approved")                  \
    X(RECONCILE, 29, "positions differ from what the venue reports")            \
    X(SENT_TWICE, 30, "more was sent than was approved")                        \
    X(DISK, 31, "the disk is almost full")                                      \
    X(SESSION, 32, "the order session was lost")                                \
    X(UNBOUND, 33, "an execution on an account without limits")                 \
    X(UNKNOWN, 34, "a cause that this build does not know")                     \
    X(RESET, 35, "a reset was broken off in its middle")

enum rl_kill_cause {
    RL_KILL_NONE = 0,
#define RL_KILL_ENUM(name, number, text) RL_KILL_##name = (number),
    RL_KILL_CAUSES(RL_KILL_ENUM)
#undef RL_KILL_ENUM
        RL_KILL_N_CAUSES
};

#endif
