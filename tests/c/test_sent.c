#include "base/random.h"
#include "check.h"
#include "rig/trial/sent.h"

#include <string.h>

#define N_SLOTS 64

static struct rl_sent_slot slots[N_SLOTS];

static struct rl_sent fresh(void)
{
    memset(slots, 0, sizeof slots);
    return (struct rl_sent){.slots = slots, .mask = N_SLOTS - 1};
}

static void test_what_is_under_way_is_found_however_many_numbers_were_left_out(void)
{
    struct rl_sent s = fresh();
    const struct rl_sent_slot *slot = NULL;
    uint64_t seqs[N_SLOTS];

    for (uint64_t i = 0; i < N_SLOTS; i++) {
        seqs[i] = 1 + i * i * 1000003; /* the gaps grow beyond any table */
        rl_sent_put(&s, seqs[i], 10 * i, 10 * i + 1, i % 2 == 0);
    }
    for (uint64_t i = 0; i < N_SLOTS; i++) {
        CHECK_EQ(rl_sent_get(&s, seqs[i], &slot), RL_SENT_KNOWN);
        CHECK(slot->seq == seqs[i] && slot->intended_tsc == 10 * i);
        CHECK_EQ(rl_sent_get(&s, seqs[i] + 1, &slot), RL_SENT_UNKNOWN);
    }
}

static void test_what_is_older_than_the_table_is_late_and_a_repeat_changes_nothing(void)
{
    struct rl_sent s = fresh();
    const struct rl_sent_slot *slot = NULL;

    CHECK_EQ(rl_sent_get(&s, 0, &slot), RL_SENT_UNKNOWN);
    CHECK_EQ(rl_sent_get(&s, 1, &slot), RL_SENT_UNKNOWN);
    for (uint64_t seq = 1; seq <= N_SLOTS + 10; seq++)
        rl_sent_put(&s, seq, seq, seq, true);
    rl_sent_put(&s, N_SLOTS + 10, 0, 0, false);
    rl_sent_put(&s, 3, 0, 0, false);
    CHECK_EQ(rl_sent_get(&s, 10, &slot), RL_SENT_LATE);
    CHECK_EQ(rl_sent_get(&s, 11, &slot), RL_SENT_KNOWN);
    CHECK_EQ(rl_sent_get(&s, N_SLOTS + 10, &slot), RL_SENT_KNOWN);
    CHECK_EQ(slot->intended_tsc, N_SLOTS + 10);
    CHECK_EQ(rl_sent_get(&s, N_SLOTS + 11, &slot), RL_SENT_UNKNOWN);
    CHECK_EQ(rl_sent_get(&s, 0, &slot), RL_SENT_UNKNOWN);
}

/* Beside a list of all that was sent, looked through from its end. */
static void test_every_question_has_the_answer_of_a_list(void)
{
    static uint64_t sent[2000];
    struct rl_random random;
    struct rl_sent s = fresh();
    const struct rl_sent_slot *slot = NULL;
    uint64_t seq = 0;

    rl_random_seed(&random, 7);
    for (uint64_t n = 0; n < RL_COUNT(sent); n++) {
        seq += 1 + (rl_random_below(&random, 3) == 0 ? rl_random_below(&random, 200) : 0);
        sent[n] = seq;
        rl_sent_put(&s, seq, n, n, true);
        for (uint32_t k = 0; k < 20; k++) {
            uint64_t asked = rl_random_below(&random, (uint32_t)seq + 3);
            uint64_t first = n + 1 > N_SLOTS ? n + 1 - N_SLOTS : 0;
            enum rl_sent_state wanted = RL_SENT_UNKNOWN;

            for (uint64_t i = first; i <= n; i++)
                if (sent[i] == asked)
                    wanted = RL_SENT_KNOWN;
            if (first > 0 && asked != 0 && asked < sent[first])
                wanted = RL_SENT_LATE;
            CHECK_EQ(rl_sent_get(&s, asked, &slot), wanted);
            CHECK(wanted != RL_SENT_KNOWN || sent[slot->actual_tsc] == asked);
        }
    }
}

int main(void)
{
    test_what_is_under_way_is_found_however_many_numbers_were_left_out();
    test_what_is_older_than_the_table_is_late_and_a_repeat_changes_nothing();
    test_every_question_has_the_answer_of_a_list();
    return 0;
}
