/* Every trigger trips every scope just beyond its limit, and none at it. */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "trade/kill/triggers.h"

#define NOW 1000000ULL
#define LIMIT 5000ULL

static struct rl_kill k;

static struct rl_vital_beat *const beats = k.vitals.beats;

/* Makes the board show a reading of a trigger: an age in ticks, or a number. */
static void show(uint32_t trigger, uint64_t reading, struct rl_kill_snapshot *before)
{
    struct rl_vitals *v = &k.vitals;
    uint64_t since = NOW - reading;

    rl_kill_init(&k, 1);
    memset(before, 0, sizeof(*before));
    beats[RL_BEAT_FEED].tsc = NOW;
    switch (trigger) {
    case RL_TRIGGER_BEAT:
        beats[RL_BEAT_FEED].tsc = since;
        break;
    case RL_TRIGGER_STUCK:
        beats[RL_BEAT_FEED].waiting_tsc = since;
        break;
    case RL_TRIGGER_FEED_STALE:
        rl_vital_set(v, RL_VITAL_FEED_TSC, since);
        break;
    case RL_TRIGGER_FEED_GAP:
        rl_vital_set(v, RL_VITAL_GAP_TSC, since);
        break;
    case RL_TRIGGER_FEED_CROSSED:
        rl_vital_set(v, RL_VITAL_CROSSED_TSC, since);
        break;
    case RL_TRIGGER_AUDIT_BACKLOG:
        rl_vital_set(v, RL_VITAL_AUDIT_WRITTEN, 777 + reading);
        rl_vital_set(v, RL_VITAL_AUDIT_DURABLE, 777);
        break;
    case RL_TRIGGER_AUDIT_STALL:
        rl_vital_set(v, RL_VITAL_AUDIT_WRITTEN, 1);
        rl_vital_set(v, RL_VITAL_AUDIT_TSC, since);
        break;
    case RL_TRIGGER_SENT_OVER:
        rl_vital_set(v, RL_VITAL_APPROVED_QTY, 999);
        rl_vital_set(v, RL_VITAL_SENT_QTY, 999 + reading);
        break;
    case RL_TRIGGER_SENT_RATE:
        before->vitals[RL_VITAL_SENT_ORDERS] = 555;
        rl_vital_set(v, RL_VITAL_SENT_ORDERS, 555 + reading);
        break;
#define COUNTER(trigger, vital)                     \
    case RL_TRIGGER_##trigger:                      \
        rl_vital_set(v, RL_VITAL_##vital, reading); \
        break;
        COUNTER(AUDIT_FAILED, AUDIT_FAILED)
        COUNTER(DISK_LOW, DISK_FREE)
        COUNTER(CLOCK_ERROR, CLOCK_ERROR_NS)
        COUNTER(CLOCK_STEPS, CLOCK_STEPS)
        COUNTER(LIMITS_ALTERED, LIMITS_ALTERED)
        COUNTER(BUILD, BUILD_MISMATCHES)
        COUNTER(RECONCILE, MISMATCHES)
        COUNTER(REJECTS_IN_ROW, REJECTS_IN_ROW)
        COUNTER(LOSS, LOSS)
        COUNTER(EXPOSURE, EXPOSURE)
        COUNTER(POSITION, POSITION)
#undef COUNTER
    default:
        break; /* DEAD is what the watchdog knows, not the board */
    }
}

static bool breaks(const struct rl_kill_rule *rule, uint64_t reading)
{
    struct rl_kill_snapshot before, now;

    show(rule->trigger, reading, &before);
    rl_kill_look(&k, &before, &now);
    if (rule->trigger == RL_TRIGGER_DEAD)
        now.n_dead = reading;
    return rl_kill_breaks(rule, &now, NOW);
}

static void test_each_trigger_trips_each_scope_beyond_its_limit_and_not_at_it(void)
{
    static const uint32_t indices[RL_N_SCOPES] = {0, 15, 63, 7, 65534};
    int n_cases = 0;

    for (uint32_t trigger = 0; trigger < RL_N_TRIGGERS; trigger++) {
        for (uint32_t scope = 0; scope < RL_N_SCOPES; scope++) {
            struct rl_kill_rule rule = {.trigger = (uint8_t)trigger,
                                        .limit = LIMIT,
                                        .scope = (uint8_t)scope,
                                        .index = indices[scope],
                                        .beat = RL_BEAT_FEED};
            bool below = rl_trigger_unit(trigger) == RL_TRIGGER_AT_LEAST;
            struct rl_kill_snapshot before, now;
            uint16_t broken[1];
            uint64_t causes;
            uint32_t epoch;
            size_t n;

            CHECK(!breaks(&rule, LIMIT));
            CHECK_EQ(breaks(&rule, LIMIT - 1), below);
            CHECK_EQ(breaks(&rule, LIMIT + 1), !below);
            /* And what the watchdog does with that. */
            show(trigger, below ? LIMIT - 1 : LIMIT + 1, &before);
            CHECK_EQ(rl_kill_request(&k, &epoch), 0);
            CHECK_EQ(rl_kill_arm(&k, epoch, RL_KILL_ALL, 0), 0);
            rl_kill_look(&k, &before, &now);
            now.n_dead = trigger == RL_TRIGGER_DEAD ? LIMIT + 1 : 0;
            causes = rl_kill_judge(&rule, 1, &now, NOW, broken, &n);
            CHECK_EQ(n, 1);
            CHECK_EQ(causes, 1ULL << rl_trigger_cause(trigger));
            rl_kill_trip(&k, (enum rl_scope)scope, rule.index, rl_trigger_cause(trigger), 1);
            CHECK(rl_kill_is_tripped(&k, (enum rl_scope)scope, indices[scope]));
            CHECK_EQ(rl_kill_is_tripped(&k, RL_SCOPE_GLOBAL, 0), scope == RL_SCOPE_GLOBAL);
            CHECK_EQ(rl_kill_cause(&k, NULL), rl_trigger_cause(trigger));
            n_cases++;
        }
    }
    CHECK(n_cases >= 14 * 5);
}

static void test_no_reading_overflows_at_its_extremes(void)
{
    for (uint32_t trigger = 0; trigger < RL_N_TRIGGERS; trigger++) {
        struct rl_kill_rule rule = {
            .trigger = (uint8_t)trigger, .limit = UINT64_MAX, .beat = RL_BEAT_FEED};
        bool below = rl_trigger_unit(trigger) == RL_TRIGGER_AT_LEAST;

        CHECK_EQ(breaks(&rule, NOW - 1), below); /* ages end with the counter's zero */
        rule.limit = 0;
        CHECK(!breaks(&rule, 0) || trigger == RL_TRIGGER_DISK_LOW);
        CHECK_EQ(breaks(&rule, 1), !below);
    }
}

/* What lies in the future of a clock read a moment earlier is fresh, not two hundred years old. */
static void test_a_beat_of_the_future_is_a_beat_of_now(void)
{
    struct rl_kill_rule rule = {.trigger = RL_TRIGGER_BEAT, .limit = 1, .beat = RL_BEAT_FEED};
    struct rl_kill_snapshot now;

    rl_kill_init(&k, 1);
    rl_kill_beat(&k, RL_BEAT_FEED, NOW + 100);
    rl_kill_look(&k, NULL, &now);
    CHECK(!rl_kill_breaks(&rule, &now, NOW));
}

static void test_every_beat_is_looked_at(void)
{
    struct rl_kill_snapshot now;

    rl_kill_init(&k, 1);
    for (uint32_t beat = 0; beat < RL_N_BEATS; beat++)
        rl_kill_beat(&k, (enum rl_beat)beat, 100 + beat);
    rl_kill_look(&k, NULL, &now);
    for (uint32_t beat = 0; beat < RL_N_BEATS; beat++)
        CHECK_EQ(now.beat_tsc[beat], 100 + beat);
}

static void test_what_never_began_trips_only_when_it_must_be_there(void)
{
    static const uint32_t may_be_absent[] = {RL_TRIGGER_BEAT, RL_TRIGGER_STUCK,
                                             RL_TRIGGER_FEED_STALE, RL_TRIGGER_DISK_LOW};
    struct rl_kill_snapshot now;

    rl_kill_init(&k, 1);
    rl_kill_look(&k, NULL, &now);
    for (size_t i = 0; i < RL_COUNT(may_be_absent); i++) {
        struct rl_kill_rule rule = {
            .trigger = (uint8_t)may_be_absent[i], .limit = 10, .beat = RL_BEAT_ENGINE};

        CHECK(!rl_kill_breaks(&rule, &now, NOW));
        rule.must = true;
        CHECK(rl_kill_breaks(&rule, &now, NOW));
    }
}

/* A log that has not synced yet is late with something only when there is something. */
static void test_a_log_that_nothing_waits_for_is_not_late(void)
{
    struct rl_kill_rule rule = {.trigger = RL_TRIGGER_AUDIT_STALL, .limit = 10, .must = true};
    struct rl_kill_snapshot now;
    uint64_t reading;

    rl_kill_init(&k, 1);
    rl_kill_look(&k, NULL, &now);
    CHECK(rl_kill_reading(&rule, &now, NOW, &reading));
    CHECK_EQ(reading, 0);
    rl_vital_set(&k.vitals, RL_VITAL_AUDIT_WRITTEN, 1);
    rl_kill_look(&k, NULL, &now);
    CHECK(!rl_kill_reading(&rule, &now, NOW, &reading));
    CHECK(rl_kill_breaks(&rule, &now, NOW));
}

static void test_a_rule_of_another_build_trips_only_when_it_must_hold(void)
{
    struct rl_kill_rule rule = {.trigger = RL_N_TRIGGERS, .limit = 10};
    struct rl_kill_snapshot now;
    uint64_t reading = 99;

    rl_kill_init(&k, 1);
    rl_kill_look(&k, NULL, &now);
    CHECK(!rl_kill_reading(&rule, &now, NOW, &reading));
    CHECK_EQ(reading, 0); /* and nothing left over from the rule before */
    CHECK(!rl_kill_breaks(&rule, &now, NOW));
    rule.must = true;
    CHECK(rl_kill_breaks(&rule, &now, NOW));
    CHECK_EQ(rl_trigger_cause(RL_N_TRIGGERS), RL_KILL_UNKNOWN);
}

static void test_all_broken_rules_are_named(void)
{
    static const struct rl_kill_rule rules[] = {
        {.trigger = RL_TRIGGER_LOSS, .limit = 10},
        {.trigger = RL_TRIGGER_EXPOSURE, .limit = 1000},
        {.trigger = RL_TRIGGER_POSITION, .limit = 9},
        {.trigger = RL_TRIGGER_LOSS, .limit = 5, .scope = RL_SCOPE_ACCOUNT, .index = 3},
    };
    struct rl_kill_snapshot now;
    uint16_t broken[RL_COUNT(rules)];
    size_t n;

    rl_kill_init(&k, 1);
    rl_vital_set(&k.vitals, RL_VITAL_LOSS, 11);
    rl_vital_set(&k.vitals, RL_VITAL_EXPOSURE, 11);
    rl_vital_set(&k.vitals, RL_VITAL_POSITION, 11);
    rl_kill_look(&k, NULL, &now);
    CHECK_EQ(rl_kill_judge(rules, RL_COUNT(rules), &now, NOW, broken, &n),
             1ULL << RL_KILL_LOSS | 1ULL << RL_KILL_POSITION);
    CHECK_EQ(n, 3);
    CHECK_EQ(broken[0], 0);
    CHECK_EQ(broken[1], 2);
    CHECK_EQ(broken[2], 3);
}

/* ---- In words -----------------------------------------------------------------------------------
 */

#define HZ 2000000000ULL

static void test_rules_are_read_as_people_write_them(void)
{
    static const struct {
        const char *words;
        struct rl_kill_rule rule;
    } cases[] = {
        {"beat:engine 30ms", {.trigger = RL_TRIGGER_BEAT, .limit = HZ / 1000 * 30}},
        {"BEAT:AUDIT 2s must",
         {.trigger = RL_TRIGGER_BEAT, .beat = RL_BEAT_AUDIT, .limit = 2 * HZ, .must = true}},
        {"stuck:feed 5us",
         {.trigger = RL_TRIGGER_STUCK, .beat = RL_BEAT_FEED, .limit = HZ / 1000000 * 5}},
        {"feed_gap 7ns venue=3",
         {.trigger = RL_TRIGGER_FEED_GAP, .limit = 14, .scope = RL_SCOPE_VENUE, .index = 3}},
        {"loss 50000 account=63",
         {.trigger = RL_TRIGGER_LOSS, .limit = 50000, .scope = RL_SCOPE_ACCOUNT, .index = 63}},
        {"\tsent_over   0\tglobal ", {.trigger = RL_TRIGGER_SENT_OVER}},
        {"disk_low 18446744073709551615", {.trigger = RL_TRIGGER_DISK_LOW, .limit = UINT64_MAX}},
    };

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        struct rl_kill_rule rule;
        const char *why = "";

        if (rl_kill_rule_read(cases[i].words, HZ, &rule, &why) ||
            memcmp(&rule, &cases[i].rule, sizeof(rule)) != 0) {
            fprintf(stderr, "'%s': %s\n", cases[i].words, why);
            exit(1);
        }
    }
}

static void test_rules_that_cannot_be_meant_are_refused_with_a_reason(void)
{
    static const char *const cases[][2] = {
        {"", "a rule is a trigger and its limit"},
        {"beat:engine", "the limit is missing"},
        {"beat 30ms", "beat and stuck name a thread: beat:engine"},
        {"beat:nobody 30ms", "no such thread"},
        {"loss:engine 30", "only beat and stuck name a thread"},
        {"los 30", "no such trigger"},
        {"beat:engine 30", "the limit is a time: ns, us, ms or s"},
        {"beat:engine 30min", "the limit is a time: ns, us, ms or s"},
        {"beat:engine 18446744073709551615s", "the limit is a time: ns, us, ms or s"},
        {"loss 30ms", "the limit is a number without a unit"},
        {"loss -1", "the limit is not a number"},
        {"loss 18446744073709551616", "the limit is not a number"},
        {"loss 30 account=64", "neither a scope like account=3 nor `must`"},
        {"loss 30 account", "neither a scope like account=3 nor `must`"},
        {"loss 30 account=", "neither a scope like account=3 nor `must`"},
        {"loss 30 account=1x", "neither a scope like account=3 nor `must`"},
        {"loss 30 global=0", "neither a scope like account=3 nor `must`"},
        {"loss 30 all", "neither a scope like account=3 nor `must`"},
        {"loss 30 symbol=65535", "neither a scope like account=3 nor `must`"},
    };
    char longer[400];

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        struct rl_kill_rule rule;
        const char *why = "";

        if (rl_kill_rule_read(cases[i][0], HZ, &rule, &why) != -EINVAL ||
            strcmp(why, cases[i][1]) != 0) {
            fprintf(stderr, "'%s': '%s', wanted '%s'\n", cases[i][0], why, cases[i][1]);
            exit(1);
        }
    }
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    CHECK_EQ(rl_kill_rule_read(longer, HZ, &(struct rl_kill_rule){0}, &(const char *){0}), -EINVAL);
}

static void test_every_trigger_can_be_named(void)
{
    for (uint32_t i = 0; i < RL_N_TRIGGERS; i++) {
        bool is_beat = i == RL_TRIGGER_BEAT || i == RL_TRIGGER_STUCK;
        struct rl_kill_rule rule;
        char words[64];
        const char *why;

        snprintf(words, sizeof(words), "%s%s 1%s", rl_trigger_name(i), is_beat ? ":engine" : "",
                 rl_trigger_unit(i) == RL_TRIGGER_TICKS ? "ms" : "");
        CHECK_EQ(rl_kill_rule_read(words, HZ, &rule, &why), 0);
        CHECK_EQ(rule.trigger, i);
        CHECK(strlen(rl_trigger_text(i)) > 5);
    }
}

int main(void)
{
    test_each_trigger_trips_each_scope_beyond_its_limit_and_not_at_it();
    test_no_reading_overflows_at_its_extremes();
    test_a_beat_of_the_future_is_a_beat_of_now();
    test_every_beat_is_looked_at();
    test_what_never_began_trips_only_when_it_must_be_there();
    test_a_log_that_nothing_waits_for_is_not_late();
    test_a_rule_of_another_build_trips_only_when_it_must_hold();
    test_all_broken_rules_are_named();
    test_rules_are_read_as_people_write_them();
    test_rules_that_cannot_be_meant_are_refused_with_a_reason();
    test_every_trigger_can_be_named();
    return 0;
}
