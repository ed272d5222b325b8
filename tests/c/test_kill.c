/* The kill word: halted from birth, latched, one cause. */
#include <pthread.h>
#include <string.h>

#include "check.h"
#include "trade/kill.h"

static void test_a_new_kill_word_forbids_orders_until_it_is_armed(void)
{
    struct rl_kill k;

    rl_kill_init(&k);
    CHECK(!rl_kill_is_armed(&k));
    CHECK_EQ(rl_kill_cause(&k), RL_KILL_BOOT);
    CHECK(rl_kill_arm(&k, RL_KILL_BOOT));
    CHECK(rl_kill_is_armed(&k));
}

static void test_arming_must_name_the_cause_that_is_cleared(void)
{
    struct rl_kill k;

    rl_kill_init(&k);
    CHECK(!rl_kill_arm(&k, RL_KILL_MANUAL));
    CHECK(!rl_kill_arm(&k, RL_KILL_ARMED));
    CHECK(!rl_kill_is_armed(&k));
    CHECK(rl_kill_arm(&k, RL_KILL_BOOT));
    CHECK(!rl_kill_arm(&k, RL_KILL_BOOT)); /* armed already: nothing to clear */
    CHECK(!rl_kill_arm(&k, RL_KILL_ARMED));
}

static void test_the_first_cause_is_kept(void)
{
    struct rl_kill k;

    rl_kill_init(&k);
    CHECK(rl_kill_arm(&k, RL_KILL_BOOT));
    CHECK(rl_kill_trip(&k, RL_KILL_MANUAL));
    CHECK(!rl_kill_trip(&k, RL_KILL_AUDIT));
    CHECK_EQ(rl_kill_cause(&k), RL_KILL_MANUAL);
}

static void test_a_trip_without_a_cause_is_refused(void)
{
    struct rl_kill k;

    rl_kill_init(&k);
    CHECK(rl_kill_arm(&k, RL_KILL_BOOT));
    CHECK(!rl_kill_trip(&k, RL_KILL_ARMED));
    CHECK(rl_kill_is_armed(&k));
}

static void test_every_cause_has_a_sentence_of_its_own(void)
{
#define CAUSE(name, number, text) CHECK(strcmp(rl_kill_cause_text(number), text) == 0);
    RL_KILL_CAUSES(CAUSE)
#undef CAUSE
    CHECK(strcmp(rl_kill_cause_text(RL_KILL_ARMED), "armed") == 0);
    CHECK(strcmp(rl_kill_cause_text(999), "unknown cause") == 0);
}

struct tripper {
    struct rl_kill *kill;
    uint32_t cause;
    bool won;
    uint64_t led_here; /* written before the trip, read by whoever sees the cause */
};

static void *trip_once(void *arg)
{
    struct tripper *t = arg;

    t->led_here = t->cause * 1000;
    t->won = rl_kill_trip(t->kill, t->cause);
    return NULL;
}

static void test_of_many_threads_that_trip_exactly_one_cause_is_kept(void)
{
    for (int round = 0; round < 200; round++) {
        struct rl_kill k;
        struct tripper trippers[2];
        pthread_t threads[2];
        int n_won = 0;
        uint32_t cause;

        rl_kill_init(&k);
        CHECK(rl_kill_arm(&k, RL_KILL_BOOT));
        for (uint32_t i = 0; i < 2; i++) {
            trippers[i] = (struct tripper){.kill = &k, .cause = RL_KILL_MANUAL + i};
            CHECK_EQ(pthread_create(&threads[i], NULL, trip_once, &trippers[i]), 0);
        }
        while ((cause = rl_kill_cause(&k)) == RL_KILL_ARMED)
            ;
        /* K1: what the winner wrote before the trip is visible to who saw the cause. */
        CHECK_EQ(trippers[cause - RL_KILL_MANUAL].led_here, cause * 1000);
        for (int i = 0; i < 2; i++)
            CHECK_EQ(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < 2; i++) {
            n_won += trippers[i].won;
            CHECK_EQ(trippers[i].won, trippers[i].cause == cause);
        }
        CHECK_EQ(n_won, 1);
    }
}

int main(void)
{
    test_a_new_kill_word_forbids_orders_until_it_is_armed();
    test_arming_must_name_the_cause_that_is_cleared();
    test_the_first_cause_is_kept();
    test_a_trip_without_a_cause_is_refused();
    test_every_cause_has_a_sentence_of_its_own();
    test_of_many_threads_that_trip_exactly_one_cause_is_kept();
    return 0;
}
