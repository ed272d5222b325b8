/* Every check one below, at and one above its limit, in every scope: exactly its reason, no other.
 */
#include "risk_table.h"

static struct world w;

static void test_each_limit_is_the_last_that_passes_and_the_next_gives_its_reason_alone(void)
{
    unsigned n_asked, n_wrong = table_run(&w, true, false, &n_asked);

    printf("%u questions\n", n_asked);
    CHECK_EQ(n_wrong, 0);
    CHECK(n_asked >= 150);
}

static void test_the_table_gives_every_reason_that_the_chain_can_give(void)
{
    uint32_t reasons = 0;

    for (size_t i = 0; i < RL_COUNT(LIMIT_CASES); i++)
        reasons |= LIMIT_CASES[i].reasons;
    for (size_t i = 0; i < RL_COUNT(RULE_CASES); i++)
        reasons |= RULE_CASES[i].reasons;
    CHECK_EQ(reasons, RL_RISK_ALL & ~(uint32_t)RL_RISK_NO_ID);
}

int main(void)
{
    test_each_limit_is_the_last_that_passes_and_the_next_gives_its_reason_alone();
    test_the_table_gives_every_reason_that_the_chain_can_give();
    world_close(&w);
    return 0;
}
