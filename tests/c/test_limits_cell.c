/*
 * A limit set is swapped while orders are judged: exactly one version a decision, tighter ones from
 * anybody, looser ones from two people only, and the old one can be freed in time.
 */
#include <errno.h>
#include <pthread.h>

#include "limit_rows.h"
#include "spin.h"
#include "trade/risk/limits_cell.h"

static struct rl_limits_approval approval_of(const struct rl_limit_set *was,
                                             const struct rl_limit_set *now)
{
    struct rl_limits_approval a = {{0}, {0}};

    if (was)
        memcpy(a.was, was->sha256, sizeof(a.was));
    memcpy(a.now, now->sha256, sizeof(a.now));
    return a;
}

/* A set of this version in which every order may have max_qty lots. */
static struct rl_limit_set *set_of(uint64_t version, uint64_t max_qty)
{
    struct limit_rows r;

    limit_rows_init(&r);
    r.config.version = version;
    for (int i = 0; i < 8; i++)
        r.pairs[i].max_qty = max_qty;
    return limit_rows_build(&r);
}

static void test_there_are_no_limits_until_two_people_approve_the_first(void)
{
    struct rl_limit_set *first = set_of(1, 100);
    struct rl_limits_approval yes = approval_of(NULL, first);
    struct rl_limits_cell cell;
    const char *why;

    rl_limits_cell_init(&cell);
    CHECK(rl_limits_current(&cell, NULL) == NULL);
    CHECK_EQ(rl_limits_publish(&cell, first, NULL, &why), -EPERM);
    CHECK(strstr(why, "two people"));
    CHECK(rl_limits_current(&cell, NULL) == NULL);
    CHECK_EQ(rl_limits_publish(&cell, first, &yes, &why), 0);
    CHECK(why == NULL);
    CHECK(rl_limits_current(&cell, NULL) == first);
    free(first);
}

static void test_tighter_needs_nobody_and_looser_needs_an_approval_of_both_sets(void)
{
    struct rl_limit_set *one = set_of(1, 100), *tight = set_of(2, 50), *loose = set_of(3, 51);
    struct rl_limit_set *other = set_of(4, 52);
    struct rl_limits_approval first = approval_of(NULL, one), yes = approval_of(tight, loose);
    struct rl_limits_approval from_other = approval_of(one, loose);
    struct rl_limits_approval to_other = approval_of(tight, other);
    struct rl_limits_cell cell;
    const char *why;

    rl_limits_cell_init(&cell);
    CHECK_EQ(rl_limits_publish(&cell, one, &first, NULL), 0);
    CHECK_EQ(rl_limits_publish(&cell, tight, NULL, NULL), 0);
    CHECK_EQ(rl_limits_publish(&cell, loose, NULL, &why), -EPERM);
    CHECK(strstr(why, "looser"));
    CHECK_EQ(rl_limits_publish(&cell, loose, &first, NULL), -EPERM);      /* of something else */
    CHECK_EQ(rl_limits_publish(&cell, loose, &from_other, NULL), -EPERM); /* from another set */
    CHECK_EQ(rl_limits_publish(&cell, loose, &to_other, NULL), -EPERM);   /* to another set */
    CHECK(rl_limits_current(&cell, NULL) == tight);
    CHECK_EQ(rl_limits_publish(&cell, loose, &yes, NULL), 0);
    CHECK(rl_limits_current(&cell, NULL) == loose);
    free(one);
    free(tight);
    free(loose);
    free(other);
}

static void test_one_limit_looser_among_many_tighter_ones_needs_two_people(void)
{
    struct limit_rows r;
    struct rl_limit_set *one = set_of(1, 100), *mixed;
    struct rl_limits_approval first = approval_of(NULL, one);
    struct rl_limits_cell cell;

    rl_limits_cell_init(&cell);
    CHECK_EQ(rl_limits_publish(&cell, one, &first, NULL), 0);
    limit_rows_init(&r);
    r.config.version = 2;
    for (int i = 0; i < 8; i++)
        r.pairs[i].max_qty = i == 5 ? 101 : 1;
    mixed = limit_rows_build(&r);
    CHECK_EQ(rl_limits_publish(&cell, mixed, NULL, NULL), -EPERM);
    free(one);
    free(mixed);
}

static void test_an_old_version_an_altered_set_and_none_are_refused(void)
{
    struct rl_limit_set *two = set_of(2, 100), *again = set_of(2, 50), *older = set_of(1, 50);
    struct rl_limit_set *altered = set_of(3, 50);
    struct rl_limits_approval first = approval_of(NULL, two), yes = approval_of(two, altered);
    struct rl_limits_cell cell;
    const char *why;

    rl_limits_cell_init(&cell);
    CHECK_EQ(rl_limits_publish(&cell, two, &first, NULL), 0);
    CHECK_EQ(rl_limits_publish(&cell, again, NULL, &why), -ESTALE);
    CHECK_EQ(rl_limits_publish(&cell, older, NULL, &why), -ESTALE);
    CHECK(strstr(why, "not newer"));
    altered->pairs[0].max_qty = 1; /* even tighter: it is not what was built */
    CHECK_EQ(rl_limits_publish(&cell, altered, &yes, &why), -EBADMSG);
    CHECK(strstr(why, "altered"));
    CHECK_EQ(rl_limits_publish(&cell, NULL, NULL, &why), -EBADMSG);
    CHECK(rl_limits_current(&cell, NULL) == two);
    free(two);
    free(again);
    free(older);
    free(altered);
}

static void test_a_replaced_set_is_released_when_the_reader_has_seen_the_next(void)
{
    struct rl_limit_set *one = set_of(1, 100), *two = set_of(2, 50);
    struct rl_limits_approval first = approval_of(NULL, one);
    const struct rl_limit_set *in_use;
    struct rl_limits_cell cell;

    rl_limits_cell_init(&cell);
    CHECK_EQ(rl_limits_publish(&cell, one, &first, NULL), 0);
    CHECK(!rl_limits_is_released(&cell, 1));
    in_use = rl_limits_current(&cell, NULL);
    CHECK(rl_limits_is_released(&cell, 1));
    CHECK_EQ(rl_limits_publish(&cell, two, NULL, NULL), 0);
    CHECK(!rl_limits_is_released(&cell, 2)); /* the reader may still be in `one` */
    CHECK_EQ(in_use->pairs[0].max_qty, 100);
    in_use = rl_limits_current(&cell, in_use);
    CHECK(in_use == two && rl_limits_is_released(&cell, 2));
    free(one);
    free(two);
}

/* ---- Swapped at full speed ------------------------------------------------------------------- */

#define N_SWAPS 4000
#define N_OLD 4 /* sets that wait for the reader */

static struct rl_limits_cell shared;
static _Atomic bool is_over;

/* As an order thread: one set a decision, every row of it of that one version. */
static void *judge(void *arg)
{
    const struct rl_limit_set *set = NULL;
    uint64_t last = 0, *n_versions = arg;
    uint32_t n_turns = 0;
    bool was_over;

    do {
        was_over = atomic_load(&is_over);
        set = rl_limits_current(&shared, set);
        if (!set) {
            spin_wait(&n_turns);
            continue;
        }
        CHECK(set->version >= last);
        *n_versions += set->version != last;
        last = set->version;
        for (uint32_t account = 0; account < 2; account++) {
            for (uint32_t symbol = 0; symbol < 4; symbol++)
                CHECK_EQ(rl_limits_pair(set, account, symbol)->max_qty, last);
        }
        if (++n_turns % 64 == 0)
            sched_yield();
    } while (!was_over);
    CHECK_EQ(last, N_SWAPS); /* the last swap is not lost */
    return NULL;
}

/* Frees what the reader has left behind; a late read would see the rubbish, or a sanitizer it. */
static size_t free_released(struct rl_limit_set **old, size_t n_old)
{
    size_t n_left = 0;

    for (size_t i = 0; i < n_old; i++) {
        /* Read until the set after it was taken. */
        if (rl_limits_is_released(&shared, old[i]->version + 1)) {
            memset(old[i], 0xEE, sizeof(*old[i]));
            free(old[i]);
        } else {
            old[n_left++] = old[i];
        }
    }
    return n_left;
}

static void test_a_decision_never_sees_two_versions(void)
{
    struct rl_limit_set *old[N_OLD], *was = NULL;
    uint64_t n_versions = 0;
    uint32_t n_turns = 0;
    size_t n_old = 0;
    pthread_t reader;

    rl_limits_cell_init(&shared);
    CHECK(pthread_create(&reader, NULL, judge, &n_versions) == 0);
    for (uint64_t version = 1; version <= N_SWAPS; version++) {
        struct rl_limit_set *now = set_of(version, version);
        struct rl_limits_approval yes = approval_of(was, now);

        CHECK_EQ(rl_limits_publish(&shared, now, &yes, NULL), 0);
        if (was)
            old[n_old++] = was;
        was = now;
        /* Some are skipped by the reader: it goes on with the newest. */
        for (n_old = free_released(old, n_old); n_old == N_OLD; n_old = free_released(old, n_old))
            spin_wait(&n_turns);
    }
    atomic_store(&is_over, true);
    CHECK(pthread_join(reader, NULL) == 0);
    CHECK(n_versions > 1);
    CHECK_EQ(free_released(old, n_old), 0);
    free(was);
}

int main(void)
{
    test_there_are_no_limits_until_two_people_approve_the_first();
    test_tighter_needs_nobody_and_looser_needs_an_approval_of_both_sets();
    test_one_limit_looser_among_many_tighter_ones_needs_two_people();
    test_an_old_version_an_altered_set_and_none_are_refused();
    test_a_replaced_set_is_released_when_the_reader_has_seen_the_next();
    test_a_decision_never_sees_two_versions();
    return 0;
}
