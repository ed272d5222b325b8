/* Orders by template: whatever is patched in, the message is a FIX message that says it. */
#include "check.h"

#include <errno.h>
#include <string.h>

#include "market/fix/fix.h"

static struct rl_fix_field fields[64];
static struct rl_fix_msg msg = {.fields = fields, .n_fields_max = 64};
static struct rl_fix_template template;

static bool value_is(uint32_t tag, const char *text, uint32_t n)
{
    const struct rl_fix_field *f = rl_fix_find(&msg, tag, 0);

    return f && f->len == n && memcmp(rl_fix_value(&msg, f), text, n) == 0;
}

static uint64_t uint_of(uint32_t tag)
{
    uint64_t v = 0;

    CHECK(rl_fix_uint(&msg, rl_fix_find(&msg, tag, 0), &v));
    return v;
}

static int64_t px_of(uint32_t tag)
{
    int64_t v = 0;

    CHECK(rl_fix_px(&msg, rl_fix_find(&msg, tag, 0), &v));
    return v;
}

static uint64_t time_of(uint32_t tag)
{
    const struct rl_fix_field *f = rl_fix_find(&msg, tag, 0);
    uint64_t ns = 0;

    CHECK(f && rl_fix_read_time(rl_fix_value(&msg, f), f->len, &ns));
    return ns;
}

/* Into memory of exactly the announced size. */
static uint8_t *room(uint32_t n)
{
    uint8_t *out = malloc(n);

    CHECK(out != NULL);
    return out;
}

static const char symbols[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456";

static void test_random_orders_are_read_back_exactly(void)
{
    uint64_t random = 17, second = 1789998915;

    CHECK_EQ(rl_fix_nos_init(&template, "FIX.4.4", "FIRM", "EXCHANGE"), 0);
    for (uint32_t i = 0; i < 50000; i++) {
        struct rl_fix_nos o = {.msg_seq = check_random(&random) % 10000000000ULL,
                               .time_ns =
                                   second * 1000000000ULL + check_random(&random) % 1000000000,
                               .cl_ord_id = "0123456789ABC",
                               .secondary_id = check_random(&random) >> (i % 64),
                               .symbol = symbols,
                               .n_symbol = 1 + i % RL_FIX_SYMBOL_MAX,
                               .qty = check_random(&random) % 10000000000000000ULL,
                               .px_nano = (int64_t)check_random(&random) >> (i % 60),
                               .side = i & 1,
                               .time_in_force = '3'};
        uint32_t n = rl_fix_template_bytes(&template, o.n_symbol);
        uint8_t *out = room(n);

        second += check_random(&random) % 3 * (i % 1000 == 0 ? 86400 : 1);
        CHECK_EQ(rl_fix_nos_write(&template, &o, out), n);
        if (rl_fix_parse(&msg, out, n) != RL_FIX_OK) {
            fprintf(stderr, "%s at %u: %.*s\n", msg.what, msg.ref_off, (int)n, (const char *)out);
            exit(1);
        }
        CHECK_EQ(msg.type, RL_FIX_TYPE1('D'));
        CHECK(uint_of(34) == o.msg_seq && uint_of(526) == o.secondary_id && uint_of(38) == o.qty);
        CHECK(px_of(44) == (o.px_nano == RL_PX_NONE ? 0 : o.px_nano));
        CHECK(time_of(52) == o.time_ns - o.time_ns % 1000 && time_of(60) == time_of(52));
        CHECK(value_is(11, "0123456789ABC", 13) && value_is(55, symbols, o.n_symbol));
        CHECK(value_is(54, i & 1 ? "2" : "1", 1) && value_is(59, "3", 1) && value_is(40, "2", 1));
        CHECK(value_is(49, "FIRM", 4) && value_is(56, "EXCHANGE", 8));
        free(out);
    }
}

static void test_random_reports_are_read_back_exactly(void)
{
    uint64_t random = 19;

    CHECK_EQ(rl_fix_er_init(&template, "FIXT.1.1", "EXCHANGE", "FIRM"), 0);
    for (uint32_t i = 0; i < 20000; i++) {
        struct rl_fix_er r = {.msg_seq = i,
                              .time_ns = 1789998915000000000ULL + i * 1000000ULL,
                              .cl_ord_id = "ZYXWVUTSRQPON",
                              .secondary_id = check_random(&random),
                              .order_id = check_random(&random),
                              .exec_id = check_random(&random),
                              .symbol = symbols,
                              .n_symbol = 1 + i % RL_FIX_SYMBOL_MAX,
                              .qty = check_random(&random) >> 20,
                              .last_qty = check_random(&random) >> 20,
                              .cum_qty = check_random(&random) >> 20,
                              .leaves_qty = check_random(&random) >> 20,
                              .px_nano = (int64_t)check_random(&random),
                              .last_px_nano = (int64_t)check_random(&random) >> 20,
                              .avg_px_nano = RL_PX_NONE,
                              .side = i & 1,
                              .exec_type = 'F',
                              .ord_status = '2'};
        uint32_t n = rl_fix_template_bytes(&template, r.n_symbol);
        uint8_t *out = room(n);

        CHECK_EQ(rl_fix_er_write(&template, &r, out), n);
        CHECK_EQ(rl_fix_parse(&msg, out, n), RL_FIX_OK);
        CHECK_EQ(msg.type, RL_FIX_TYPE1('8'));
        CHECK(uint_of(37) == r.order_id && uint_of(17) == r.exec_id &&
              uint_of(526) == r.secondary_id);
        CHECK(uint_of(38) == r.qty && uint_of(32) == r.last_qty && uint_of(14) == r.cum_qty &&
              uint_of(151) == r.leaves_qty);
        CHECK(px_of(44) == r.px_nano && px_of(31) == r.last_px_nano && px_of(6) == 0);
        CHECK(value_is(150, "F", 1) && value_is(39, "2", 1) && value_is(11, r.cl_ord_id, 13));
        free(out);
    }
}

static void test_the_longest_names_fit(void)
{
    char name[RL_FIX_COMP_MAX + 2];
    uint8_t out[RL_FIX_ORDER_MAX];
    struct rl_fix_er r = {.cl_ord_id = "0123456789ABC",
                          .symbol = symbols,
                          .n_symbol = RL_FIX_SYMBOL_MAX,
                          .exec_type = '0',
                          .ord_status = '0'};

    memset(name, 'X', sizeof name);
    name[RL_FIX_COMP_MAX] = '\0';
    CHECK_EQ(rl_fix_er_init(&template, "FIX.5.0SP2.16chr", name, name), 0);
    CHECK(rl_fix_template_bytes(&template, RL_FIX_SYMBOL_MAX) <= RL_FIX_ORDER_MAX);
    CHECK_EQ(rl_fix_parse(&msg, out, rl_fix_er_write(&template, &r, out)), RL_FIX_OK);
    name[RL_FIX_COMP_MAX] = 'X';
    name[RL_FIX_COMP_MAX + 1] = '\0';
    CHECK_EQ(rl_fix_er_init(&template, "FIX.4.4", name, "A"), -EINVAL);
}

static void test_names_that_would_break_the_message_are_refused(void)
{
    CHECK_EQ(rl_fix_nos_init(&template, "FIX.4.4", "", "A"), -EINVAL);
    CHECK_EQ(rl_fix_nos_init(&template, "FIX.4.4", "A\001B", "A"), -EINVAL);
    CHECK_EQ(rl_fix_nos_init(&template, "FIX.4.4.4.4.4.4.4.4", "A", "A"), -EINVAL);
    CHECK_EQ(rl_fix_nos_init(&template, "BIN.4.4", "A", "A"), -EINVAL);
}

static void test_numbers_that_do_not_fit_write_no_order(void)
{
    uint8_t out[RL_FIX_ORDER_MAX];
    struct rl_fix_nos good = {.msg_seq = 1,
                              .cl_ord_id = "0123456789ABC",
                              .symbol = "A",
                              .n_symbol = 1,
                              .qty = 1,
                              .time_in_force = '0'};
    struct rl_fix_nos o;

    CHECK_EQ(rl_fix_nos_init(&template, "FIX.4.4", "A", "B"), 0);
    CHECK(rl_fix_nos_write(&template, &good, out) > 0);
    o = good;
    o.qty = 10000000000000000ULL;
    CHECK_EQ(rl_fix_nos_write(&template, &o, out), 0);
    o = good;
    o.msg_seq = 10000000000ULL;
    CHECK_EQ(rl_fix_nos_write(&template, &o, out), 0);
    o = good;
    o.n_symbol = 0;
    CHECK_EQ(rl_fix_nos_write(&template, &o, out), 0);
    o.n_symbol = RL_FIX_SYMBOL_MAX + 1;
    CHECK_EQ(rl_fix_nos_write(&template, &o, out), 0);
}

int main(void)
{
    test_random_orders_are_read_back_exactly();
    test_random_reports_are_read_back_exactly();
    test_the_longest_names_fit();
    test_names_that_would_break_the_message_are_refused();
    test_numbers_that_do_not_fit_write_no_order();
    return 0;
}
