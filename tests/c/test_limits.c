/*
 * A limit set holds what was put in, refuses what makes no sense, and shows when it was altered.
 */
#include <errno.h>

#include "limit_rows.h"

static void test_every_byte_of_a_row_belongs_to_at_most_one_limit(void)
{
    /* What is left is padding; a limit that is not in the table would make it grow. */
    static const size_t n_padding[RL_N_SCOPES] = {
        [RL_SCOPE_GLOBAL] = 40, [RL_SCOPE_STRATEGY] = 24 + 3 * 4, [RL_SCOPE_SYMBOL] = 3};

    for (int scope = 0; scope < RL_N_SCOPES; scope++) {
        const struct rl_limit_table *t = &rl_limit_tables[scope];
        uint8_t owners[128] = {0};
        size_t n_free = 0;

        for (uint32_t i = 0; i < t->n_members; i++) {
            for (int j = 0; j < t->members[i].n_bytes; j++)
                owners[t->members[i].offset + j]++;
        }
        for (uint32_t i = 0; i < t->row_bytes; i++) {
            CHECK(owners[i] <= 1);
            n_free += owners[i] == 0;
        }
        CHECK_EQ(n_free, n_padding[scope]);
    }
}

static void test_words_and_texts_are_unique_in_a_row(void)
{
    for (int scope = 0; scope < RL_N_SCOPES; scope++) {
        const struct rl_limit_table *t = &rl_limit_tables[scope];

        for (uint32_t i = 0; i < t->n_members; i++) {
            CHECK(*t->members[i].text);
            for (uint32_t j = 0; j < i; j++)
                CHECK(strcmp(t->members[i].word, t->members[j].word) != 0);
        }
    }
}

static void test_a_set_holds_the_rows_it_was_built_from(void)
{
    struct limit_rows r;
    struct rl_limit_set *s;

    limit_rows_init(&r);
    for (uint32_t i = 0; i < 8; i++)
        r.pairs[i].max_qty = 100 + i;
    s = limit_rows_build(&r);
    CHECK(rl_limits_is_whole(s));
    CHECK_EQ(s->version, 7);
    CHECK(memcmp(&s->global, &r.global, sizeof(r.global)) == 0);
    CHECK(memcmp(s->venues, r.venues, sizeof(r.venues)) == 0);
    CHECK(memcmp(s->accounts, r.accounts, sizeof(r.accounts)) == 0);
    CHECK(memcmp(s->strategies, r.strategies, sizeof(r.strategies)) == 0);
    for (uint32_t account = 0; account < 2; account++) {
        for (uint32_t symbol = 0; symbol < 4; symbol++)
            CHECK_EQ(rl_limits_pair(s, account, symbol)->max_qty, 100 + account * 4 + symbol);
    }
    free(s);
}

static void test_a_row_that_does_not_exist_is_all_zero(void)
{
    static const uint8_t zeros[128];
    static const uint32_t beyond[] = {3, 63, 64, 255, UINT32_MAX};
    struct limit_rows r;
    struct rl_limit_set *s;

    limit_rows_init(&r);
    s = limit_rows_build(&r);
    for (size_t i = 0; i < RL_COUNT(beyond); i++) {
        CHECK(memcmp(rl_limits_pair(s, beyond[i], 0), zeros, sizeof(s->pairs[0])) == 0);
        CHECK(memcmp(rl_limits_account(s, beyond[i]), zeros, sizeof(s->accounts[0])) == 0);
        CHECK(memcmp(rl_limits_strategy(s, beyond[i]), zeros, sizeof(s->strategies[0])) == 0);
        CHECK(memcmp(rl_limits_venue(s, beyond[i]), zeros, sizeof(s->venues[0])) == 0);
    }
    CHECK(memcmp(rl_limits_pair(s, 2, 0), zeros, sizeof(s->pairs[0])) == 0);
    CHECK(memcmp(rl_limits_pair(s, 0, 4), zeros, sizeof(s->pairs[0])) == 0);
    CHECK(memcmp(rl_limits_pair(s, 1, UINT32_MAX), zeros, sizeof(s->pairs[0])) == 0);
    free(s);
}

static void test_one_flipped_bit_anywhere_is_noticed(void)
{
    struct limit_rows r;
    struct rl_limit_set *s;
    size_t n_bytes;

    limit_rows_init(&r);
    s = limit_rows_build(&r);
    n_bytes = limit_rows_bytes(&r);
    for (size_t i = 0; i < n_bytes; i++) {
        ((uint8_t *)s)[i] ^= (uint8_t)(1 << i % 8);
        CHECK(rl_limits_why_not_whole(s, n_bytes));
        ((uint8_t *)s)[i] ^= (uint8_t)(1 << i % 8);
    }
    CHECK(rl_limits_why_not_whole(s, n_bytes) == NULL);
    free(s);
}

static void test_a_set_that_is_cut_or_grown_is_noticed(void)
{
    struct limit_rows r;
    struct rl_limit_set *s;
    uint8_t *bytes;
    size_t n_bytes;

    limit_rows_init(&r);
    s = limit_rows_build(&r);
    n_bytes = limit_rows_bytes(&r);
    for (size_t n = 0; n < n_bytes; n += n < 200 ? 1 : 97)
        CHECK(rl_limits_why_not_whole(s, n));
    bytes = aligned_alloc(RL_CACHE_LINE, n_bytes + RL_CACHE_LINE);
    CHECK(bytes);
    memset(bytes, 0, n_bytes + RL_CACHE_LINE);
    memcpy(bytes, s, n_bytes);
    CHECK(rl_limits_why_not_whole(bytes, n_bytes) == NULL);
    CHECK(rl_limits_why_not_whole(bytes, n_bytes + RL_CACHE_LINE));
    CHECK(rl_limits_why_not_whole(NULL, 0));
    s->version = 0;
    rl_limits_hash(s, n_bytes, s->sha256);
    CHECK(strstr(rl_limits_why_not_whole(s, n_bytes), "no version"));
    CHECK(!rl_limits_is_whole(NULL));
    free(bytes);
    free(s);
}

static void test_the_hash_covers_version_names_and_rows(void)
{
    struct limit_rows r;
    struct rl_limit_set *a, *b;

    limit_rows_init(&r);
    a = limit_rows_build(&r);
    b = limit_rows_build(&r);
    CHECK(memcmp(a->sha256, b->sha256, RL_SHA256_BYTES) == 0);
    free(b);
    r.config.version++;
    b = limit_rows_build(&r);
    CHECK(memcmp(a->sha256, b->sha256, RL_SHA256_BYTES) != 0);
    free(b);
    r.config.version--;
    r.names[31] = 1;
    b = limit_rows_build(&r);
    CHECK(memcmp(a->sha256, b->sha256, RL_SHA256_BYTES) != 0);
    free(b);
    free(a);
}

static void test_counts_must_be_those_of_an_engine(void)
{
    static const uint32_t cases[][4] = {
        {0, 1, 1, 1},  {1, 0, 1, 1},     {1, 1, 0, 1},  {1, 1, 1, 0},
        {65, 1, 1, 1}, {1, 65536, 1, 1}, {1, 1, 65, 1}, {1, 1, 1, 17},
    };

    for (size_t i = 0; i < RL_COUNT(cases); i++)
        CHECK_EQ(rl_limits_bytes(cases[i][0], cases[i][1], cases[i][2], cases[i][3]), 0);
    CHECK(rl_limits_bytes(64, 65535, 64, 16) > 64ULL * 65535 * 128);
}

/* ---- What a set refuses ---------------------------------------------------------------------- */

static void check_refused(const struct limit_rows *r, const char *wanted)
{
    struct rl_limit_set *s;
    char why[RL_LIMITS_WHY] = "";

    CHECK_EQ(limit_rows_try(r, &s, why), -EINVAL);
    if (!strstr(why, wanted)) {
        fprintf(stderr, "saw '%s', wanted '%s'\n", why, wanted);
        CHECK(0);
    }
    CHECK_EQ(limit_rows_try(r, &s, NULL), -EINVAL); /* nobody has to listen */
}

/* Of a word's group, `a.b` of `a.b.c`; 0: the word is of none. */
static size_t group_bytes(const char *word)
{
    size_t n = strlen(word);

    while (n > 0 && word[n] != '.')
        n--;
    return n;
}

static void test_members_are_of_one_group_when_all_before_the_last_dot_is_equal(void)
{
    int n_grouped = 0, n_apart = 0;

    for (int scope = 0; scope < RL_N_SCOPES; scope++) {
        const struct rl_limit_table *t = &rl_limit_tables[scope];

        for (uint32_t i = 0; i < t->n_members * t->n_members; i++) {
            const struct rl_limit_member *a = &t->members[i / t->n_members];
            const struct rl_limit_member *b = &t->members[i % t->n_members];
            size_t n = group_bytes(a->word);
            bool is_same = n > 0 && n == group_bytes(b->word) && !strncmp(a->word, b->word, n);

            CHECK_EQ(rl_limit_same_group(a, b), is_same);
            n_grouped += is_same;
            n_apart += n > 0 && !is_same;
        }
    }
    CHECK(n_grouped > 0 && n_apart > 0);
}

static bool is_number(const struct rl_limit_member *m)
{
    return m->unit < RL_UNIT_STRATEGIES;
}

/* One value for all members of the group of `m`, so that the group stays complete. */
static void put_group(void *row, const struct rl_limit_table *t, const struct rl_limit_member *m,
                      uint64_t (*value)(const struct rl_limit_member *))
{
    for (uint32_t i = 0; i < t->n_members; i++) {
        if (&t->members[i] == m || rl_limit_same_group(&t->members[i], m))
            limit_put(row, &t->members[i], value(&t->members[i]));
    }
}

static uint64_t off_or_usual(const struct rl_limit_member *m)
{
    return m->flags & RL_LIMIT_MAY_BE_OFF ? rl_limit_off(m) : limit_usual(m);
}

static void test_every_number_has_a_largest_value_and_may_be_off_only_where_it_says(void)
{
    for (int scope = 0; scope < RL_N_SCOPES; scope++) {
        const struct rl_limit_table *t = &rl_limit_tables[scope];

        for (uint32_t i = 0; i < t->n_members; i++) {
            const struct rl_limit_member *m = &t->members[i];
            uint64_t largest = m->n_bytes == 8 ? RL_LIMIT_MAX : RL_LIMIT_MAX_32;
            struct rl_limit_set *s;
            struct limit_rows r;

            if (!is_number(m))
                continue;
            limit_rows_init(&r);
            if (strstr(m->word, "reserve") || strstr(m->word, "alert"))
                put_group(limit_row(&r, (enum rl_scope)scope), t, m, off_or_usual);
            limit_put(limit_row(&r, (enum rl_scope)scope), m, largest + 1);
            check_refused(&r, m->word);

            limit_rows_init(&r);
            limit_put(limit_row(&r, (enum rl_scope)scope), m, rl_limit_off(m));
            if (!(m->flags & RL_LIMIT_MAY_BE_OFF)) {
                check_refused(&r, m->word);
                continue;
            }
            if (m->flags & RL_LIMIT_OFF_TOGETHER)
                check_refused(&r, m->word);
            put_group(limit_row(&r, (enum rl_scope)scope), t, m, off_or_usual);
            s = limit_rows_build(&r);
            free(s);
        }
    }
}

static void test_half_a_group_is_refused_and_a_missing_group_is_not(void)
{
    for (int scope = 0; scope < RL_N_SCOPES; scope++) {
        const struct rl_limit_table *t = &rl_limit_tables[scope];

        for (uint32_t i = 0; i < t->n_members; i++) {
            struct rl_limit_set *s;
            struct limit_rows r;

            limit_rows_init(&r);
            limit_put(limit_row(&r, (enum rl_scope)scope), &t->members[i], 0);
            if (strchr(t->members[i].word, '.')) {
                check_refused(&r, t->members[i].word);
                continue;
            }
            s = limit_rows_build(&r); /* missing: it will refuse orders, not the set */
            free(s);
        }
    }
}

static void test_an_empty_row_is_a_row_that_refuses(void)
{
    struct rl_limit_set *s;
    struct limit_rows r;

    limit_rows_init(&r);
    memset(&r.global, 0, sizeof(r.global));
    memset(r.venues, 0, sizeof(r.venues));
    memset(r.accounts, 0, sizeof(r.accounts));
    memset(r.strategies, 0, sizeof(r.strategies));
    memset(r.pairs, 0, sizeof(r.pairs));
    s = limit_rows_build(&r);
    CHECK(rl_limits_is_whole(s));
    free(s);
}

static void test_what_contradicts_itself_is_refused(void)
{
    struct limit_rows r;

#define REFUSED(change, wanted)    \
    do {                           \
        limit_rows_init(&r);       \
        change;                    \
        check_refused(&r, wanted); \
    } while (0)
    REFUSED(r.config.version = 0, "version");
    REFUSED(r.pairs[5].strategies = 8, "account 1, symbol 1: strategies: names a strategy");
    REFUSED(r.pairs[0].strategies = 1ULL << 63, "strategies");
    REFUSED(r.pairs[0].venues = 4, "venues: names a venue");
    REFUSED(r.pairs[0].sides = 4, "sides");
    REFUSED(r.pairs[0].short_rule = 4, "short: is not a rule: 4");
    REFUSED(r.pairs[0].self_trade = 4, "self_trade: is not a rule: 4");
    REFUSED(r.pairs[0].self_trade = 254, "self_trade");
    REFUSED(r.pairs[0].tick_nano = -1, "tick: cannot be unlimited");
    REFUSED(r.pairs[0].tick_nano = INT64_MIN, "tick: too large");
    REFUSED(r.pairs[0].rate.reserve = 1000, "rate.cancel_reserve: 1000 leaves no order");
    REFUSED(r.venues[1].rate.reserve = 1001, "venue 1: rate.cancel_reserve");
    REFUSED(r.accounts[1].rate.reserve = 1001, "account 1: rate.cancel_reserve");
    REFUSED(r.strategies[2].rate.reserve = 1001, "strategy 2: rate.cancel_reserve");
    REFUSED(r.global.rate.reserve = 1001, "global: rate.cancel_reserve");
    REFUSED(r.strategies[1].ratios[1].alert_permille = 1001,
            "strategy 1: ratios.cancels: the alert");
    REFUSED(r.strategies[0].ratios[2].zero = 1, "strategy 0: byte");
    REFUSED(r.strategies[0].zeros[2] = 1, "strategy 0: byte");
    REFUSED(r.pairs[7].zero[2] = 1, "account 1, symbol 3: byte");
    REFUSED(r.global.zero[0] = 1, "global: byte");
#undef REFUSED
}

static void test_the_last_of_as_many_strategies_as_there_can_be_may_trade(void)
{
    struct rl_limit_strategy strategies[RL_MAX_STRATEGIES];
    struct rl_limits_config config;
    struct limit_rows r;
    struct rl_limit_set *s;
    char why[RL_LIMITS_WHY];
    size_t n_bytes;

    limit_rows_init(&r);
    for (int i = 0; i < RL_MAX_STRATEGIES; i++)
        strategies[i] = r.strategies[0];
    r.pairs[0].strategies = 1ULL << (RL_MAX_STRATEGIES - 1);
    config = r.config;
    config.n_strategies = RL_MAX_STRATEGIES;
    config.global = &r.global;
    config.venues = r.venues;
    config.accounts = r.accounts;
    config.strategies = strategies;
    config.pairs = r.pairs;
    n_bytes = rl_limits_bytes(2, 4, RL_MAX_STRATEGIES, 2);
    s = aligned_alloc(RL_CACHE_LINE, n_bytes);
    CHECK(s != NULL);
    CHECK_EQ(rl_limits_build(s, n_bytes, &config, why), 0);
    CHECK_EQ(s->pairs[0].strategies, r.pairs[0].strategies);
    free(s);
}

static void test_memory_that_does_not_fit_is_refused(void)
{
    struct limit_rows r;
    struct rl_limit_set *s;
    char why[RL_LIMITS_WHY];
    struct rl_limits_config config;

    limit_rows_init(&r);
    s = limit_rows_build(&r);
    config = r.config;
    CHECK_EQ(rl_limits_build(s, limit_rows_bytes(&r) - 1, &config, why), -EINVAL);
    CHECK_EQ(rl_limits_build((char *)s + 8, limit_rows_bytes(&r), &config, why), -EINVAL);
    config.n_venues = 0;
    CHECK_EQ(rl_limits_build(s, limit_rows_bytes(&r), &config, why), -EINVAL);
    CHECK(rl_limits_is_whole(s)); /* a refused build wrote nothing */
    free(s);
}

static void test_off_is_told_from_the_largest_limit(void)
{
    uint64_t wide = RL_LIMIT_OFF;
    uint32_t narrow = RL_LIMIT_OFF_32;
    uint8_t rule = RL_SELF_TRADE_OFF;

    CHECK(RL_LIMIT_IS_OFF(wide) && RL_LIMIT_IS_OFF(narrow) && RL_LIMIT_IS_OFF(rule));
    wide = RL_LIMIT_MAX, narrow = RL_LIMIT_MAX_32, rule = RL_SELF_TRADE_CANCEL_BOTH;
    CHECK(!RL_LIMIT_IS_OFF(wide) && !RL_LIMIT_IS_OFF(narrow) && !RL_LIMIT_IS_OFF(rule));
    wide = RL_LIMIT_OFF_32; /* off of another width is an ordinary number */
    CHECK(!RL_LIMIT_IS_OFF(wide));
}

int main(void)
{
    test_members_are_of_one_group_when_all_before_the_last_dot_is_equal();
    test_every_byte_of_a_row_belongs_to_at_most_one_limit();
    test_words_and_texts_are_unique_in_a_row();
    test_a_set_holds_the_rows_it_was_built_from();
    test_a_row_that_does_not_exist_is_all_zero();
    test_one_flipped_bit_anywhere_is_noticed();
    test_a_set_that_is_cut_or_grown_is_noticed();
    test_the_hash_covers_version_names_and_rows();
    test_counts_must_be_those_of_an_engine();
    test_every_number_has_a_largest_value_and_may_be_off_only_where_it_says();
    test_half_a_group_is_refused_and_a_missing_group_is_not();
    test_an_empty_row_is_a_row_that_refuses();
    test_what_contradicts_itself_is_refused();
    test_the_last_of_as_many_strategies_as_there_can_be_may_trade();
    test_memory_that_does_not_fit_is_refused();
    test_off_is_told_from_the_largest_limit();
    return 0;
}
