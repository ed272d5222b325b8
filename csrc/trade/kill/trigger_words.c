/* Triggers by name, and rules as people write them. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "trade/kill/triggers.h"
#include "trade/kill/words.h"

static const struct {
    const char *name, *text;
    enum rl_kill_cause cause;
    enum rl_trigger_unit unit;
} triggers[RL_N_TRIGGERS] = {
#define ROW(name, number, cause, unit, text) \
    [number] = {#name, text, RL_KILL_##cause, RL_TRIGGER_##unit},
    RL_TRIGGERS(ROW)
#undef ROW
};

enum rl_kill_cause rl_trigger_cause(uint32_t trigger)
{
    return trigger < RL_N_TRIGGERS ? triggers[trigger].cause : RL_KILL_UNKNOWN;
}

enum rl_trigger_unit rl_trigger_unit(uint32_t trigger)
{
    return trigger < RL_N_TRIGGERS ? triggers[trigger].unit : RL_TRIGGER_COUNT;
}

const char *rl_trigger_name(uint32_t trigger)
{
    return trigger < RL_N_TRIGGERS ? triggers[trigger].name : "UNKNOWN";
}

const char *rl_trigger_text(uint32_t trigger)
{
    return trigger < RL_N_TRIGGERS ? triggers[trigger].text : "unknown trigger";
}

/* Ticks of `n` of this unit; false: no such unit, or too many to count. */
static bool to_ticks(uint64_t n, const char *unit, uint64_t tsc_hz, uint64_t *ticks)
{
    static const struct {
        const char *unit;
        uint64_t in_second;
    } units[] = {{"ns", 1000000000}, {"us", 1000000}, {"ms", 1000}, {"s", 1}};

    for (size_t i = 0; i < RL_COUNT(units); i++) {
        if (strcmp(unit, units[i].unit) == 0) {
            unsigned __int128 wide = (unsigned __int128)n * tsc_hz / units[i].in_second;

            *ticks = (uint64_t)wide;
            return wide <= UINT64_MAX;
        }
    }
    return false;
}

static bool read_limit(const char *word, enum rl_trigger_unit unit, uint64_t tsc_hz,
                       uint64_t *limit, const char **why)
{
    const char *rest;

    if (!rl_words_number(word, &rest, limit)) {
        *why = "the limit is not a number";
        return false;
    }
    if (unit == RL_TRIGGER_TICKS ? !to_ticks(*limit, rest, tsc_hz, limit) : *rest != '\0') {
        *why = unit == RL_TRIGGER_TICKS ? "the limit is a time: ns, us, ms or s"
                                        : "the limit is a number without a unit";
        return false;
    }
    return true;
}

/* The trigger and its beat, from "beat:engine" or "loss". */
static bool read_trigger(char *word, struct rl_kill_rule *rule, const char **why)
{
    char *beat = strchr(word, ':');
    bool wants_beat;

    if (beat)
        *beat++ = '\0';
    rule->trigger = RL_N_TRIGGERS;
    /* NOLINTNEXTLINE(bugprone-too-small-loop-variable): they are fewer than 256 */
    for (uint8_t i = 0; i < RL_N_TRIGGERS; i++) {
        if (strcasecmp(word, triggers[i].name) == 0)
            rule->trigger = i;
    }
    if (rule->trigger == RL_N_TRIGGERS) {
        *why = "no such trigger";
        return false;
    }
    wants_beat = rule->trigger == RL_TRIGGER_BEAT || rule->trigger == RL_TRIGGER_STUCK;
    if (wants_beat != (beat != NULL)) {
        *why = wants_beat ? "beat and stuck name a thread: beat:engine"
                          : "only beat and stuck name a thread";
        return false;
    }
    for (uint8_t i = 0; beat && i < RL_N_BEATS; i++) {
        if (strcasecmp(beat, rl_beat_name(i)) == 0) {
            rule->beat = i;
            return true;
        }
    }
    *why = "no such thread";
    return beat == NULL;
}

int rl_kill_rule_read(const char *words, uint64_t tsc_hz, struct rl_kill_rule *rule,
                      const char **why)
{
    char copy[160], *rest = copy, *word;
    uint32_t scope = RL_SCOPE_GLOBAL;

    *rule = (struct rl_kill_rule){0};
    *why = "a rule is a trigger and its limit";
    if (strlen(words) >= sizeof(copy))
        return -EINVAL;
    memcpy(copy, words, strlen(words) + 1);
    word = strtok_r(rest, " \t", &rest);
    if (!word || !read_trigger(word, rule, why))
        return -EINVAL;
    word = strtok_r(rest, " \t", &rest);
    if (!word) {
        *why = "the limit is missing";
        return -EINVAL;
    }
    if (!read_limit(word, rl_trigger_unit(rule->trigger), tsc_hz, &rule->limit, why))
        return -EINVAL;
    while ((word = strtok_r(rest, " \t", &rest)) != NULL) {
        if (strcmp(word, "must") == 0) {
            rule->must = true;
        } else if (rl_words_scope(word, &scope, &rule->index) && scope < RL_N_SCOPES) {
            rule->scope = (uint8_t)scope;
        } else {
            *why = "neither a scope like account=3 nor `must`";
            return -EINVAL;
        }
    }
    return 0;
}
