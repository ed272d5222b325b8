/* FIX templates: any message with slots, with fixed widths or without a needless zero. */
#include "check.h"

#include <errno.h>
#include <string.h>

#include "market/fix/fix.h"

static struct rl_fix_field fields[64];
static struct rl_fix_msg msg = {.fields = fields, .n_fields_max = 64};
static struct rl_fix_template t;

static bool value_is(uint32_t tag, const char *text)
{
    const struct rl_fix_field *f = rl_fix_find(&msg, tag, 0);

    return f && rl_fix_is_text(&msg, f, text, (uint32_t)strlen(text));
}

/* A cancel: ids, a quantity of any width, a price, a time, and a text behind them all. */
struct cancel {
    int id, qty, px, time;
};

static struct cancel cancel_begin(uint32_t qty_digits)
{
    struct cancel c;

    CHECK_EQ(rl_fix_template_begin(&t, "FIX.4.2", "F", "ME", "YOU"), 0);
    c.id = rl_fix_template_slot(&t, 11, RL_FIX_SLOT_TEXT, 5);
    c.qty = rl_fix_template_slot(&t, 38, RL_FIX_SLOT_UINT, qty_digits);
    rl_fix_template_text(&t, 5001, "never changes");
    c.px = rl_fix_template_slot(&t, 44, RL_FIX_SLOT_PX, RL_FIX_SLOT_PX_CHARS);
    c.time = rl_fix_template_slot(&t, 60, RL_FIX_SLOT_TEXT, RL_FIX_SLOT_TIME_CHARS);
    CHECK_EQ(rl_fix_template_end(&t, 58), 0);
    return c;
}

/* Into memory of exactly the announced size; the caller frees it. */
static uint8_t *cancel_write(const struct cancel *c, uint32_t qty_digits, uint64_t seq,
                             uint64_t qty, int64_t px, uint64_t ns, const char *text, uint32_t *n)
{
    uint32_t n_text = (uint32_t)strlen(text), n_max = rl_fix_template_bytes(&t, n_text), sum;
    uint8_t *out = malloc(n_max);

    CHECK(out != NULL);
    sum = rl_fix_template_start(&t, out, seq, ns);
    sum += rl_fix_patch_text(out + t.slots[c->id].at, "ID-77", 5);
    sum += rl_fix_patch_uint(out + t.slots[c->qty].at, qty_digits, qty);
    sum += rl_fix_patch_px(out + t.slots[c->px].at, px);
    sum += rl_fix_patch_time(&t, out + t.slots[c->time].at, ns);
    *n = rl_fix_template_finish(&t, out, text, n_text, sum);
    CHECK(*n <= n_max);
    return out;
}

static void test_every_width_of_a_number_holds_every_number_that_fits(void)
{
    static const uint64_t powers[] = {1ULL,
                                      10ULL,
                                      100ULL,
                                      1000ULL,
                                      10000ULL,
                                      100000ULL,
                                      1000000ULL,
                                      10000000ULL,
                                      100000000ULL,
                                      1000000000ULL,
                                      10000000000ULL,
                                      100000000000ULL,
                                      1000000000000ULL,
                                      10000000000000ULL,
                                      100000000000000ULL,
                                      1000000000000000ULL,
                                      10000000000000000ULL,
                                      100000000000000000ULL,
                                      1000000000000000000ULL,
                                      10000000000000000000ULL};
    uint64_t random = 31;

    for (uint32_t width = 1; width <= 20; width++)
        for (uint32_t i = 0; i < 3000; i++) {
            uint64_t v = check_random(&random) >> (i % 64), sum = 0;
            uint8_t *p = malloc(width);
            char wanted[24];

            if (width < 20)
                v %= powers[width];
            if (i < 4) /* the edges */
                v = i == 0        ? 0
                    : i == 1      ? 1
                    : width == 20 ? UINT64_MAX - i + 2
                                  : powers[width] - i + 1;
            CHECK(p != NULL);
            snprintf(wanted, sizeof wanted, "%0*llu", (int)width, (unsigned long long)v);
            for (uint32_t k = 0; k < width; k++)
                sum += (uint8_t)wanted[k];
            CHECK_EQ(rl_fix_patch_uint(p, width, v), sum);
            CHECK(memcmp(p, wanted, width) == 0);
            free(p);
        }
}

static void test_any_template_says_what_was_patched_in(void)
{
    uint64_t random = 37;

    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t digits = 1 + i % 19, n;
        struct cancel c = cancel_begin(digits);
        uint64_t qty = i % 10, ns = check_random(&random) % 4102444800000000000ULL, v;
        int64_t px = (int64_t)check_random(&random) >> (i % 63), seen;
        uint8_t *out = cancel_write(&c, digits, i, qty, px, ns, "bye", &n);

        CHECK_EQ(n, rl_fix_template_bytes(&t, 3));
        CHECK_EQ(rl_fix_parse(&msg, out, n), RL_FIX_OK);
        CHECK(value_is(11, "ID-77") && value_is(5001, "never changes") && value_is(58, "bye"));
        CHECK(rl_fix_uint(&msg, rl_fix_find(&msg, 34, 0), &v) && v == i);
        CHECK(rl_fix_uint(&msg, rl_fix_find(&msg, 38, 0), &v) && v == qty);
        CHECK_EQ(rl_fix_find(&msg, 38, 0)->len, digits);
        CHECK(rl_fix_px(&msg, rl_fix_find(&msg, 44, 0), &seen) && seen == px);
        CHECK(rl_fix_time(&msg, rl_fix_find(&msg, 60, 0), &v) && v == ns - ns % 1000);
        free(out);
    }
}

/* The general encoder writes no needless zero: the same fields must be the same bytes. */
static void test_a_short_message_is_what_the_general_encoder_writes(void)
{
    static const int64_t prices[] = {
        0,         1,          -1,        1000000000, -8540000000, 40707160000000,
        500000000, -500000000, INT64_MAX, -INT64_MAX, 100000000000};
    uint64_t random = 41;

    for (uint32_t i = 0; i < 30000; i++) {
        struct cancel c = cancel_begin(9);
        uint64_t qty = check_random(&random) % 1000000000 >> (i % 30);
        uint64_t seq = check_random(&random) % 10000000000ULL >> (i % 34);
        uint64_t ns = check_random(&random) % 4102444800000000000ULL;
        int64_t px = i < RL_COUNT(prices) ? prices[i] : (int64_t)check_random(&random) >> (i % 63);
        uint8_t wanted[640], *out;
        struct rl_fix_enc e;
        uint32_t n;

        t.is_short = true;
        out = cancel_write(&c, 9, seq, qty, px, ns, i % 2 ? "x" : "so long", &n);
        rl_fix_begin(&e, wanted, sizeof wanted, "FIX.4.2");
        rl_fix_put_text(&e, 35, "F");
        rl_fix_put_uint(&e, 34, seq);
        rl_fix_put_text(&e, 49, "ME");
        rl_fix_put_text(&e, 56, "YOU");
        rl_fix_put_time(&e, 52, ns, 6);
        rl_fix_put_text(&e, 11, "ID-77");
        rl_fix_put_uint(&e, 38, qty);
        rl_fix_put_text(&e, 5001, "never changes");
        rl_fix_put_px(&e, 44, px);
        rl_fix_put_time(&e, 60, ns, 6);
        rl_fix_put_text(&e, 58, i % 2 ? "x" : "so long");
        CHECK_EQ(n, rl_fix_finish(&e));
        CHECK(memcmp(out, wanted, n) == 0);
        free(out);
    }
}

static void test_short_orders_and_reports_parse_and_say_the_same(void)
{
    struct rl_fix_nos o = {.msg_seq = 5,
                           .time_ns = 1789998915038544000ULL,
                           .cl_ord_id = "0123456789ABC",
                           .secondary_id = 17,
                           .symbol = "MSFT",
                           .n_symbol = 4,
                           .qty = 100,
                           .px_nano = -12500000000,
                           .side = RL_SELL,
                           .time_in_force = '0'};
    uint8_t out[RL_FIX_ORDER_MAX];
    uint32_t n;

    CHECK_EQ(rl_fix_nos_init(&t, "FIX.4.4", "A", "B"), 0);
    t.is_short = true;
    n = rl_fix_nos_write(&t, &o, out);
    CHECK_EQ(rl_fix_parse(&msg, out, n), RL_FIX_OK);
    CHECK(value_is(34, "5") && value_is(526, "17") && value_is(38, "100") &&
          value_is(44, "-12.5") && value_is(54, "2") && value_is(11, "0123456789ABC") &&
          value_is(55, "MSFT") && value_is(60, "20260921-13:55:15.038544"));
}

static void test_what_cannot_be_a_template_says_so(void)
{
    char longest[300];

    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    CHECK_EQ(rl_fix_template_begin(&t, "FIX.4.4", "", "A", "B"), -EINVAL);
    CHECK_EQ(rl_fix_template_begin(&t, "FIX.4.4", "D", "A", "B"), 0);
    rl_fix_template_text(&t, 58, "a\001b");
    CHECK_EQ(rl_fix_template_end(&t, 55), -EINVAL);
    CHECK_EQ(rl_fix_template_begin(&t, "FIX.4.4", "D", "A", "B"), 0);
    rl_fix_template_slot(&t, 58, RL_FIX_SLOT_TEXT, 0);
    CHECK_EQ(rl_fix_template_end(&t, 55), -EINVAL);
    CHECK_EQ(rl_fix_template_begin(&t, "FIX.4.4", "D", "A", "B"), 0);
    for (int i = 0; i < 3; i++) /* more bytes than there are */
        rl_fix_template_text(&t, 58, longest);
    CHECK_EQ(rl_fix_template_end(&t, 55), -ENOSPC);
    CHECK_EQ(rl_fix_template_begin(&t, "FIX.4.4", "D", "A", "B"), 0);
    for (int i = 0; i < RL_FIX_TEMPLATE_SLOTS; i++) /* more slots */
        rl_fix_template_slot(&t, 58, RL_FIX_SLOT_TEXT, 1);
    CHECK_EQ(rl_fix_template_end(&t, 55), -ENOSPC);
}

int main(void)
{
    test_every_width_of_a_number_holds_every_number_that_fits();
    test_any_template_says_what_was_patched_in();
    test_a_short_message_is_what_the_general_encoder_writes();
    test_short_orders_and_reports_parse_and_say_the_same();
    test_what_cannot_be_a_template_says_so();
    return 0;
}
