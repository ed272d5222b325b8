/* Scopes, causes and numbers as people write them, and back. */
#include <string.h>

#include "check.h"
#include "trade/kill/words.h"

static void test_a_scope_is_written_as_it_is_read(void)
{
    static const struct {
        const char *words;
        uint32_t scope, index;
    } cases[] = {{"global", RL_SCOPE_GLOBAL, 0},          {"all", RL_KILL_ALL, 0},
                 {"venue=0", RL_SCOPE_VENUE, 0},          {"venue=15", RL_SCOPE_VENUE, 15},
                 {"account=3", RL_SCOPE_ACCOUNT, 3},      {"strategy=63", RL_SCOPE_STRATEGY, 63},
                 {"symbol=65534", RL_SCOPE_SYMBOL, 65534}};

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        uint32_t scope = 99, index = 99;
        char dst[24];

        CHECK(rl_words_scope(cases[i].words, &scope, &index));
        CHECK_EQ(scope, cases[i].scope);
        CHECK_EQ(index, cases[i].index);
        CHECK(rl_words_of_scope(dst, scope, index) == dst);
        CHECK(strcmp(dst, cases[i].words) == 0);
    }
}

/* The largest number that a scope may not have takes all of the room. */
static void test_a_scope_that_does_not_exist_is_written_as_everything(void)
{
    static const uint32_t strange[] = {RL_N_SCOPES, RL_N_SCOPES + 1, RL_KILL_ALL - 1, UINT32_MAX};
    char dst[24];

    for (size_t i = 0; i < RL_COUNT(strange); i++)
        CHECK(strcmp(rl_words_of_scope(dst, strange[i], 7), "global") == 0);
    CHECK(strcmp(rl_words_of_scope(dst, RL_SCOPE_STRATEGY, UINT32_MAX), "strategy=4294967295") ==
          0);
}

static void test_words_that_are_no_scope_are_refused(void)
{
    static const char *const cases[] = {"",
                                        "globa",
                                        "globall",
                                        "global=0",
                                        "all=0",
                                        "account",
                                        "account=",
                                        "account=x",
                                        "account=1x",
                                        "account=64",
                                        "account=-1",
                                        "accounts=1",
                                        "accoun=1",
                                        "account=4294967296", /* not 0 */
                                        "symbol=18446744073709551616",
                                        "=3",
                                        "=",
                                        "5=3"};

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        uint32_t scope, index;

        if (rl_words_scope(cases[i], &scope, &index)) {
            fprintf(stderr, "'%s' was taken for a scope\n", cases[i]);
            exit(1);
        }
    }
}

static void test_every_cause_can_be_named_but_those_that_nobody_can_give(void)
{
    for (uint32_t i = 0; i <= RL_KILL_N_CAUSES; i++) {
        bool can =
            i != RL_KILL_NONE && i != RL_KILL_BOOT && i != RL_KILL_LATCH && i < RL_KILL_N_CAUSES;
        enum rl_kill_cause cause = RL_KILL_N_CAUSES;

        CHECK_EQ(rl_words_cause(rl_kill_cause_name(i), &cause),
                 can || strcmp(rl_kill_cause_name(i), "UNKNOWN") == 0);
        if (can)
            CHECK_EQ(cause, i);
    }
    CHECK(!rl_words_cause("", &(enum rl_kill_cause){0}));
    CHECK(!rl_words_cause("LOS", &(enum rl_kill_cause){0}));
    CHECK(rl_words_cause("loss", &(enum rl_kill_cause){0}));
}

static void test_a_number_is_digits_and_fits(void)
{
    static const struct {
        const char *words;
        bool is_one;
        uint64_t n;
        const char *rest;
    } cases[] = {{"0", true, 0, ""},
                 {"9x", true, 9, "x"},
                 {"10 ", true, 10, " "},
                 {"18446744073709551615", true, UINT64_MAX, ""},
                 {"18446744073709551616", false, 0, NULL},
                 {"184467440737095516150", false, 0, NULL},
                 {"", false, 0, NULL},
                 {"/", false, 0, NULL},
                 {":", false, 0, NULL},
                 {"-1", false, 0, NULL}};

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        const char *rest = NULL;
        uint64_t n = 0;

        CHECK_EQ(rl_words_number(cases[i].words, &rest, &n), cases[i].is_one);
        if (cases[i].is_one) {
            CHECK_EQ(n, cases[i].n);
            CHECK(strcmp(rest, cases[i].rest) == 0);
        }
    }
}

int main(void)
{
    test_a_scope_is_written_as_it_is_read();
    test_a_scope_that_does_not_exist_is_written_as_everything();
    test_words_that_are_no_scope_are_refused();
    test_every_cause_can_be_named_but_those_that_nobody_can_give();
    test_a_number_is_digits_and_fits();
    return 0;
}
