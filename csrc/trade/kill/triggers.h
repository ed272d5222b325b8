/*
 * triggers - which numbers stop trading: rules, one snapshot of the vitals, and one judgement.
 *
 * A rule names a trigger, a limit, and the scope that is tripped when the reading is beyond it.
 * Exactly at the limit does not trip. A reading that was never given (no beat yet, no message yet)
 * trips only rules that say `must`, so that a watchdog can start before its engine has warmed up.
 *
 * Threads:  rl_kill_look reads the board and may run anywhere; judging is pure, time is passed in.
 * Memory:   the caller's; nothing is kept between two judgements.
 * Cost:     cold: some hundred loads and comparisons a poll.
 */
#ifndef RL_TRADE_KILL_TRIGGERS_H
#define RL_TRADE_KILL_TRIGGERS_H

#include "trade/kill/kill.h"

/*
 * X(NAME, number, cause, unit of limit and reading, what is read). Ages are in ticks; AT_LEAST
 * triggers trip below their limit, all others above it.
 */
#define RL_TRIGGERS(X)                                                                             \
    X(BEAT, 0, HEARTBEAT, TICKS, "age of a thread's last sign of life")                            \
    X(STUCK, 1, STUCK, TICKS, "how long a thread that beats leaves its work untouched")            \
    X(DEAD, 2, DEAD, COUNT, "engine processes that have ended")                                    \
    X(FEED_STALE, 3, FEED_STALE, TICKS, "age of the last market data message")                     \
    X(FEED_GAP, 4, FEED_GAP, TICKS, "how long a gap in the market data is open")                   \
    X(FEED_CROSSED, 5, FEED_CROSSED, TICKS, "how long a book is crossed")                          \
    X(AUDIT_BACKLOG, 6, AUDIT, COUNT, "audit records that are not on the disk")                    \
    X(AUDIT_STALL, 7, AUDIT, TICKS, "how long the audit writer makes no progress with a backlog")  \
    X(AUDIT_FAILED, 8, AUDIT, COUNT, "writes of the audit log that failed")                        \
    X(DISK_LOW, 9, DISK, AT_LEAST, "bytes free for the audit log")                                 \
    X(CLOCK_ERROR, 10, CLOCK, COUNT, "bound of the clock's error in ns; all ones: unsynchronised") \
    X(CLOCK_STEPS, 11, CLOCK, COUNT, "steps and backward moves of the clock")                      \
    X(LIMITS_ALTERED, 12, LIMITS, COUNT, "checks of the limit set's hash that failed")             \
    X(BUILD, 13, BUILD, COUNT, "builds that differ from the approved one")                         \
    X(RECONCILE, 14, RECONCILE, COUNT, "positions that differ from the venue's")                   \
    X(SENT_OVER, 15, SENT_TWICE, COUNT, "lots on the wire beyond those approved")                  \
    X(REJECTS_IN_ROW, 16, REJECTS, COUNT, "rejects since the last acknowledgement")                \
    X(LOSS, 17, LOSS, COUNT, "loss of the worst account, whole units")                             \
    X(EXPOSURE, 18, EXPOSURE, COUNT, "gross exposure, whole units")                                \
    X(POSITION, 19, POSITION, COUNT, "largest position, lots")                                     \
    X(SENT_RATE, 20, RATE, COUNT, "orders on the wire between two looks")

enum rl_trigger {
#define RL_TRIGGER_ENUM(name, number, cause, unit, text) RL_TRIGGER_##name = (number),
    RL_TRIGGERS(RL_TRIGGER_ENUM)
#undef RL_TRIGGER_ENUM
        RL_N_TRIGGERS = 21
};

enum rl_trigger_unit { RL_TRIGGER_TICKS, RL_TRIGGER_COUNT, RL_TRIGGER_AT_LEAST };

struct rl_kill_rule {
    uint64_t limit;
    uint32_t index;  /* of the scope that is tripped */
    uint8_t trigger; /* enum rl_trigger */
    uint8_t scope;   /* enum rl_scope */
    uint8_t beat;    /* BEAT, STUCK: enum rl_beat */
    bool must;       /* a reading that was never given trips, too */
};

/* What the vitals said at one moment; a value. */
struct rl_kill_snapshot {
    uint64_t beat_tsc[RL_N_BEATS], waiting_tsc[RL_N_BEATS];
    uint64_t vitals[RL_N_VITALS];
    uint64_t was_sent_orders; /* at the look before; for the rate */
    uint64_t n_dead;          /* engine processes known to have ended */
};

/* Copies the vitals. `before` may be NULL: then no orders were sent since. n_dead is kept at 0. */
void rl_kill_look(const struct rl_kill *k, const struct rl_kill_snapshot *before,
                  struct rl_kill_snapshot *now);

/* The reading that a rule looks at; false when it was never given. Ages of the future are 0. */
bool rl_kill_reading(const struct rl_kill_rule *rule, const struct rl_kill_snapshot *s,
                     uint64_t now_tsc, uint64_t *reading);

/* Is the rule broken? */
bool rl_kill_breaks(const struct rl_kill_rule *rule, const struct rl_kill_snapshot *s,
                    uint64_t now_tsc);

/*
 * Judges all rules: fills broken[0..n_broken) with the indices of those broken (at most
 * n_rules), and returns the set of their causes, 1 << cause each; 0: all is well.
 */
uint64_t rl_kill_judge(const struct rl_kill_rule *rules, size_t n_rules,
                       const struct rl_kill_snapshot *s, uint64_t now_tsc, uint16_t *broken,
                       size_t *n_broken);

/* The cause a trigger trips with, its unit, its name and what it reads. */
enum rl_kill_cause rl_trigger_cause(uint32_t trigger);
enum rl_trigger_unit rl_trigger_unit(uint32_t trigger);
const char *rl_trigger_name(uint32_t trigger);
const char *rl_trigger_text(uint32_t trigger);

/*
 * One rule in words, as files and command lines have it:
 *     TRIGGER[:BEAT] LIMIT [SCOPE=INDEX] [must]
 * like `beat:engine 30ms`, `audit_backlog 100000`, `loss 50000 account=3`. Times have a unit (ns,
 * us, ms, s) and become ticks of a counter of tsc_hz. -EINVAL with *why a static text.
 */
int rl_kill_rule_read(const char *words, uint64_t tsc_hz, struct rl_kill_rule *rule,
                      const char **why);

#endif
