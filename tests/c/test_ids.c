/* Order ids: unique, rising, and the same in text. */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "trade/order/ids.h"

static void test_ids_rise_by_one_within_an_epoch(void)
{
    struct rl_ids ids;

    CHECK_EQ(rl_ids_init(&ids, 7), 0);
    CHECK_EQ(rl_id_epoch(rl_ids_peek(&ids)), 7);
    for (uint64_t i = 1; i <= 1000; i++) {
        uint64_t id = rl_ids_take(&ids);

        CHECK_EQ(rl_id_epoch(id), 7);
        CHECK_EQ(rl_id_counter(id), i);
    }
}

static void test_a_later_epoch_has_only_larger_ids(void)
{
    struct rl_ids before, after;

    CHECK_EQ(rl_ids_init(&before, 7), 0);
    CHECK_EQ(rl_ids_init(&after, 8), 0);
    before.next = before.last;
    CHECK(rl_ids_take(&before) < rl_ids_take(&after));
}

static void test_an_epoch_outside_its_range_is_refused(void)
{
    struct rl_ids ids;

    CHECK_EQ(rl_ids_init(&ids, 0), -EINVAL);
    CHECK_EQ(rl_ids_init(&ids, RL_ID_EPOCH_MAX + 1), -EINVAL);
    CHECK_EQ(rl_ids_init(&ids, RL_ID_EPOCH_MAX), 0);
}

static void test_a_used_up_epoch_gives_no_id_rather_than_an_old_one(void)
{
    struct rl_ids ids;

    CHECK_EQ(rl_ids_init(&ids, RL_ID_EPOCH_MAX), 0);
    ids.next = ids.last;
    CHECK(rl_ids_take(&ids) == ids.last);
    CHECK(rl_ids_take(&ids) == RL_ID_NONE || ids.last == UINT64_MAX);
    CHECK_EQ(rl_ids_init(&ids, 3), 0);
    ids.next = ids.last;
    CHECK(rl_ids_take(&ids) == ids.last);
    CHECK_EQ(rl_ids_take(&ids), RL_ID_NONE);
    CHECK_EQ(rl_ids_take(&ids), RL_ID_NONE);
}

static void check_text(uint64_t id)
{
    char fast[RL_ID_TEXT_BYTES + 1] = {0}, plain[RL_ID_TEXT_BYTES + 1] = {0};
    uint64_t back = ~id;

    rl_id_to_text(id, fast);
    rl_id_to_text_plain(id, plain);
    if (strcmp(fast, plain) != 0)
        fprintf(stderr, "id %" PRIx64 ": fast %s, plain %s\n", id, fast, plain);
    CHECK(strcmp(fast, plain) == 0);
    CHECK(rl_id_from_text(fast, RL_ID_TEXT_BYTES, &back));
    CHECK(back == id);
}

static void test_the_fast_text_is_the_plain_text_and_reads_back(void)
{
    uint64_t random = 42;

    for (int bit = 0; bit < 64; bit++) {
        check_text(1ULL << bit);
        check_text((1ULL << bit) - 1);
        check_text(~(1ULL << bit));
    }
    for (int i = 0; i < 100000; i++)
        check_text(check_random(&random));
}

static void test_text_order_is_number_order(void)
{
    uint64_t random = 43;

    for (int i = 0; i < 100000; i++) {
        uint64_t a = check_random(&random), b = i % 2 ? a + 1 : check_random(&random);
        char text_a[RL_ID_TEXT_BYTES], text_b[RL_ID_TEXT_BYTES];

        rl_id_to_text(a, text_a);
        rl_id_to_text(b, text_b);
        CHECK_EQ(memcmp(text_a, text_b, RL_ID_TEXT_BYTES) < 0, a < b);
    }
}

static void test_foreign_text_is_no_id(void)
{
    uint64_t id;

    CHECK(!rl_id_from_text("", 0, &id));
    CHECK(!rl_id_from_text("000000000000", 12, &id));
    CHECK(!rl_id_from_text("00000000000000", 14, &id));
    CHECK(!rl_id_from_text("G000000000000", 13, &id)); /* 2^64 */
    CHECK(rl_id_from_text("FVVVVVVVVVVVV", 13, &id));
    CHECK(id == UINT64_MAX);
    for (int c = 0; c < 256; c++) {
        char text[] = "0000000000000";
        bool is_digit = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'V');

        text[5] = (char)c;
        CHECK_EQ(rl_id_from_text(text, 13, &id), is_digit);
    }
}

int main(void)
{
    test_ids_rise_by_one_within_an_epoch();
    test_a_later_epoch_has_only_larger_ids();
    test_an_epoch_outside_its_range_is_refused();
    test_a_used_up_epoch_gives_no_id_rather_than_an_old_one();
    test_the_fast_text_is_the_plain_text_and_reads_back();
    test_text_order_is_number_order();
    test_foreign_text_is_no_id();
    return 0;
}
