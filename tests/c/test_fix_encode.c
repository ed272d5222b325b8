/* FIX: what is encoded is a message that says it, and nothing is written where there is no room. */
#include "check.h"

#include <string.h>

#include "market/fix/fix.h"

static struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
static struct rl_fix_msg msg = {.fields = fields, .n_fields_max = RL_FIX_MAX_FIELDS};

static bool value_is(uint32_t tag, const char *text)
{
    const struct rl_fix_field *f = rl_fix_find(&msg, tag, 0);

    return f && rl_fix_is_text(&msg, f, text, (uint32_t)strlen(text));
}

static void test_what_is_encoded_parses_and_what_does_not_fit_says_so(void)
{
    uint8_t out[256];
    struct rl_fix_enc e;
    uint32_t n;

    rl_fix_begin(&e, out, sizeof out, "FIX.4.4");
    rl_fix_put_char(&e, 35, 'D');
    rl_fix_put_uint_wide(&e, 34, 77, 10);
    rl_fix_put_text(&e, 55, "MSFT");
    rl_fix_put_px(&e, 44, 12500000000);
    rl_fix_put_uint(&e, 38, 100);
    rl_fix_put_time(&e, 60, 1789998915038544000ULL, 3);
    n = rl_fix_finish(&e);
    CHECK_EQ(rl_fix_parse(&msg, out, n), RL_FIX_OK);
    CHECK(value_is(34, "0000000077") && value_is(44, "12.5") && value_is(38, "100"));
    CHECK(value_is(60, "20260921-13:55:15.038"));
    /* Every smaller buffer is refused or still large enough, never overrun. */
    for (uint32_t n_max = 0; n_max <= n + RL_FIX_HEAD_ROOM; n_max++) {
        uint8_t *small = malloc(n_max ? n_max : 1);
        uint32_t n_small;

        CHECK(small != NULL);
        rl_fix_begin(&e, small, n_max, "FIX.4.4");
        rl_fix_put_char(&e, 35, 'D');
        rl_fix_put_uint_wide(&e, 34, 77, 10);
        rl_fix_put_text(&e, 55, "MSFT");
        rl_fix_put_px(&e, 44, 12500000000);
        rl_fix_put_uint(&e, 38, 100);
        rl_fix_put_time(&e, 60, 1789998915038544000ULL, 3);
        n_small = rl_fix_finish(&e);
        CHECK(n_small == 0 || (n_small == n && memcmp(small, out, n) == 0));
        free(small);
    }
    rl_fix_begin(&e, out, sizeof out, "FIX.4.4.and.much.more");
    CHECK_EQ(rl_fix_finish(&e), 0);
}

static void test_market_data_entries_are_written_as_given(void)
{
    static const struct rl_fix_md_entry entries[] = {{'0', '0', 17, 100250000000, 5, "ABC"},
                                                     {'2', '1', 18, RL_PX_NONE, 0, "ABC"}};
    struct rl_fix_md head = {"FIX.4.4", "EXCH", "FIRM", 42, 1789998915038544000ULL};
    uint8_t out[512];
    uint32_t n = rl_fix_put_md(out, sizeof out, &head, entries, 2);

    CHECK_EQ(rl_fix_parse(&msg, out, n), RL_FIX_OK);
    CHECK(value_is(268, "2") && value_is(278, "17") && value_is(270, "100.25") &&
          value_is(271, "5"));
    CHECK(value_is(34, "0000000042") && value_is(52, "20260921-13:55:15.038544"));
    CHECK_EQ(rl_fix_put_md(out, 100, &head, entries, 2), 0);
}

int main(void)
{
    test_what_is_encoded_parses_and_what_does_not_fit_says_so();
    test_market_data_entries_are_written_as_given();
    return 0;
}
