/*
 * Replacements, cancels and the venue's answers by template: each is the very message that stands
 * in order_messages.txt (which a Python test holds against FIX 4.4), and whatever is patched in is
 * read back.
 */
#include "check.h"

#include <errno.h>
#include <string.h>

#include "market/fix/fix.h"

#define N_LINE 1024
#define TIME_NS 1789998915038544000ULL /* 20260921-13:55:15.038544 */

static struct rl_fix_field fields[64];
static struct rl_fix_msg msg = {.fields = fields, .n_fields_max = 64};
static struct rl_fix_template t;

/* What a kind of message is made by: `vary` 0 is the one of the file. */
struct kind {
    const char *name;
    int (*init)(const char *begin_string, const char *sender, const char *target);
    uint32_t (*write)(uint64_t vary, uint8_t *out);
    const char *type;
    bool is_venue;
};

static const char symbols[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456";
static const char id_text[] = "0000900000012", orig_text[] = "000090000000V";

static uint32_t n_symbol(uint64_t vary)
{
    return vary == 0 ? 3 : 1 + (uint32_t)(vary % RL_FIX_SYMBOL_MAX);
}

static uint64_t qty_of(uint64_t vary)
{
    return vary == 0 ? 100 : vary % 10000000000000000ULL;
}

static int64_t px_of(uint64_t vary)
{
    return vary == 0 ? 40707160000000LL : (int64_t)vary;
}

static uint64_t seq_of(uint64_t vary)
{
    return vary == 0 ? 12 : vary % 10000000000ULL;
}

#define INIT(name, call)                                                              \
    static int name(const char *begin_string, const char *sender, const char *target) \
    {                                                                                 \
        return call;                                                                  \
    }
INIT(init_replace, rl_fix_replace_init(&t, begin_string, sender, target))
INIT(init_cancel, rl_fix_cancel_init(&t, begin_string, sender, target))
INIT(init_mass_all, rl_fix_mass_cancel_init(&t, begin_string, sender, target, RL_FIX_MASS_ALL))
INIT(init_mass_one, rl_fix_mass_cancel_init(&t, begin_string, sender, target, RL_FIX_MASS_SYMBOL))
INIT(init_er, rl_fix_er_init(&t, begin_string, sender, target))
INIT(init_er_orig, rl_fix_er_orig_init(&t, begin_string, sender, target))
INIT(init_er_ref, rl_fix_er_ref_init(&t, begin_string, sender, target))
INIT(init_reject, rl_fix_cancel_reject_init(&t, begin_string, sender, target))
INIT(init_report_all, rl_fix_mass_report_init(&t, begin_string, sender, target, RL_FIX_MASS_ALL))
INIT(init_report_one, rl_fix_mass_report_init(&t, begin_string, sender, target, RL_FIX_MASS_SYMBOL))
#undef INIT

static uint32_t replace(uint64_t vary, uint8_t *out)
{
    return rl_fix_replace_write(&t,
                                &(struct rl_fix_replace){.msg_seq = seq_of(vary),
                                                         .time_ns = TIME_NS,
                                                         .cl_ord_id = id_text,
                                                         .orig_cl_ord_id = orig_text,
                                                         .secondary_id = vary,
                                                         .symbol = symbols,
                                                         .n_symbol = n_symbol(vary),
                                                         .qty = qty_of(vary),
                                                         .px_nano = px_of(vary),
                                                         .side = RL_SELL,
                                                         .time_in_force = '0'},
                                out);
}

static uint32_t cancel(uint64_t vary, uint8_t *out)
{
    return rl_fix_cancel_write(&t,
                               &(struct rl_fix_cancel){.msg_seq = seq_of(vary),
                                                       .time_ns = TIME_NS,
                                                       .cl_ord_id = id_text,
                                                       .orig_cl_ord_id = orig_text,
                                                       .symbol = symbols,
                                                       .n_symbol = n_symbol(vary),
                                                       .qty = qty_of(vary),
                                                       .side = RL_BUY},
                               out);
}

static uint32_t mass(uint64_t vary, uint8_t *out)
{
    return rl_fix_mass_cancel_write(&t,
                                    &(struct rl_fix_mass_cancel){.msg_seq = seq_of(vary),
                                                                 .time_ns = TIME_NS,
                                                                 .cl_ord_id = id_text,
                                                                 .text = symbols,
                                                                 .n_text = n_symbol(vary)},
                                    out);
}

static uint32_t reject(uint64_t vary, uint8_t *out)
{
    return rl_fix_cancel_reject_write(
        &t,
        &(struct rl_fix_cancel_reject){.msg_seq = seq_of(vary),
                                       .time_ns = TIME_NS,
                                       .cl_ord_id = id_text,
                                       .orig_cl_ord_id = orig_text,
                                       .order_id = vary == 0 ? "NONE" : symbols,
                                       .n_order_id = vary == 0 ? 4 : n_symbol(vary),
                                       .ord_status = '8',
                                       .response_to = '1',
                                       .reason = '1'},
        out);
}

static uint32_t mass_report(uint64_t vary, uint8_t *out, char response)
{
    return rl_fix_mass_report_write(&t,
                                    &(struct rl_fix_mass_report){.msg_seq = seq_of(vary),
                                                                 .time_ns = TIME_NS,
                                                                 .cl_ord_id = id_text,
                                                                 .order_id = vary,
                                                                 .n_affected = vary % 1000000000,
                                                                 .text = symbols,
                                                                 .n_text = n_symbol(vary),
                                                                 .response = response},
                                    out);
}

static uint32_t report_all(uint64_t vary, uint8_t *out)
{
    return mass_report(vary, out, '7');
}

static uint32_t report_one(uint64_t vary, uint8_t *out)
{
    return mass_report(vary, out, '1');
}

/* A report of each kind: which, and what it says of quantities. */
static struct rl_fix_er report_of(uint64_t vary, char exec_type, char ord_status)
{
    uint64_t last = exec_type == 'F' || exec_type == 'G' ? 40 : 0;

    return (struct rl_fix_er){.msg_seq = seq_of(vary),
                              .time_ns = TIME_NS,
                              .cl_ord_id = id_text,
                              .orig_cl_ord_id = orig_text,
                              .exec_ref_id = vary,
                              .secondary_id = vary,
                              .order_id = vary,
                              .exec_id = vary + 1,
                              .symbol = symbols,
                              .n_symbol = n_symbol(vary),
                              .qty = qty_of(vary),
                              .last_qty = last,
                              .cum_qty = ord_status == '1' ? 40 : 0,
                              .leaves_qty = ord_status == '0' || ord_status == '1' ? 60 : 0,
                              .px_nano = px_of(vary),
                              .last_px_nano = last ? px_of(vary) : 0,
                              .avg_px_nano = RL_PX_NONE,
                              .side = RL_BUY,
                              .exec_type = exec_type,
                              .ord_status = ord_status};
}

#define REPORT(name, how, exec_type, ord_status)                     \
    static uint32_t name(uint64_t vary, uint8_t *out)                \
    {                                                                \
        struct rl_fix_er r = report_of(vary, exec_type, ord_status); \
                                                                     \
        return how(&t, &r, out);                                     \
    }
REPORT(ack, rl_fix_er_write, '0', '0')
REPORT(part, rl_fix_er_write, 'F', '1')
REPORT(refused, rl_fix_er_write, '8', '8')
REPORT(expired, rl_fix_er_write, 'C', 'C')
REPORT(ended, rl_fix_er_write, '4', '4')
REPORT(cancelled, rl_fix_er_orig_write, '4', '4')
REPORT(replaced, rl_fix_er_orig_write, '5', '0')
REPORT(corrected, rl_fix_er_ref_write, 'G', '1')
REPORT(busted, rl_fix_er_ref_write, 'H', '0')
#undef REPORT

static const struct kind kinds[] = {
    {"replace", init_replace, replace, "G", false},
    {"cancel", init_cancel, cancel, "F", false},
    {"cancel all", init_mass_all, mass, "q", false},
    {"cancel of a symbol", init_mass_one, mass, "q", false},
    {"acknowledged", init_er, ack, "8", true},
    {"partly filled", init_er, part, "8", true},
    {"rejected", init_er, refused, "8", true},
    {"expired", init_er, expired, "8", true},
    {"cancelled unasked", init_er, ended, "8", true},
    {"cancelled", init_er_orig, cancelled, "8", true},
    {"replaced", init_er_orig, replaced, "8", true},
    {"corrected", init_er_ref, corrected, "8", true},
    {"busted", init_er_ref, busted, "8", true},
    {"cancel refused", init_reject, reject, "9", true},
    {"all cancelled", init_report_all, report_all, "r", true},
    {"symbol cancelled", init_report_one, report_one, "r", true},
};

static void init(const struct kind *k)
{
    CHECK_EQ(k->is_venue ? k->init("FIX.4.4", "VENUE", "REDLINE")
                         : k->init("FIX.4.4", "REDLINE", "VENUE"),
             0);
}

static void test_each_message_is_the_one_that_is_held_against_the_dictionary(void)
{
    FILE *file = fopen(RL_SOURCE_DIR "/tests/c/order_messages.txt", "r");
    char line[N_LINE];
    size_t n_seen = 0;

    CHECK(file != NULL);
    while (fgets(line, sizeof line, file)) {
        uint8_t out[N_LINE] = {0};
        const struct kind *k = &kinds[n_seen];
        uint32_t n;

        if (line[0] == '#')
            continue;
        CHECK(n_seen < RL_COUNT(kinds));
        line[strcspn(line, "\n")] = '\0';
        init(k);
        n = k->write(0, out);
        for (uint32_t i = 0; i < n; i++)
            out[i] = out[i] == 1 ? '|' : out[i];
        if (strcmp((const char *)out, line) != 0) {
            fprintf(stderr, "%s:\n%s\nis not line\n%s\n", k->name, (const char *)out, line);
            exit(1);
        }
        n_seen++;
    }
    fclose(file);
    CHECK_EQ(n_seen, RL_COUNT(kinds));
}

static uint64_t uint_of(uint32_t tag)
{
    uint64_t v = 0;

    CHECK(rl_fix_uint(&msg, rl_fix_find(&msg, tag, 0), &v));
    return v;
}

static bool value_is(uint32_t tag, const char *text, uint32_t n)
{
    const struct rl_fix_field *f = rl_fix_find(&msg, tag, 0);

    return f && f->len == n && memcmp(rl_fix_value(&msg, f), text, n) == 0;
}

/* Into memory of exactly the announced size, so that a write beyond it is found. */
static void a_random_message_is_read_back(const struct kind *k, uint64_t vary)
{
    uint32_t n_text = n_symbol(vary), n = rl_fix_template_bytes(&t, n_text);
    uint8_t *out = malloc(n);
    int64_t px;

    CHECK(out != NULL);
    CHECK_EQ(k->write(vary, out), n);
    if (rl_fix_parse(&msg, out, n) != RL_FIX_OK) {
        fprintf(stderr, "%s: %s at %u: %.*s\n", k->name, msg.what, msg.ref_off, (int)n,
                (const char *)out);
        exit(1);
    }
    CHECK_EQ(msg.type, RL_FIX_TYPE1(k->type[0]));
    CHECK_EQ(uint_of(RL_FIX_MsgSeqNum), seq_of(vary));
    CHECK(value_is(RL_FIX_ClOrdID, id_text, RL_FIX_CLORDID_CHARS));
    if (rl_fix_find(&msg, RL_FIX_OrigClOrdID, 0))
        CHECK(value_is(RL_FIX_OrigClOrdID, orig_text, RL_FIX_CLORDID_CHARS));
    if (rl_fix_find(&msg, RL_FIX_OrderQty, 0))
        CHECK_EQ(uint_of(RL_FIX_OrderQty), qty_of(vary));
    if (rl_fix_find(&msg, RL_FIX_ExecRefID, 0))
        CHECK(uint_of(RL_FIX_ExecRefID) == vary);
    if (rl_fix_find(&msg, RL_FIX_TotalAffectedOrders, 0))
        CHECK_EQ(uint_of(RL_FIX_TotalAffectedOrders), vary % 1000000000);
    if (rl_fix_find(&msg, RL_FIX_Price, 0))
        CHECK(rl_fix_px(&msg, rl_fix_find(&msg, RL_FIX_Price, 0), &px) && px == px_of(vary));
    if (k->type[0] == '9')
        CHECK(value_is(RL_FIX_OrderID, symbols, n_text));
    else if (!rl_fix_find(&msg, RL_FIX_Text, 0))
        CHECK(value_is(RL_FIX_Symbol, symbols, n_text));
    free(out);
}

static void test_random_messages_are_read_back_exactly(void)
{
    uint64_t random = 23;

    for (size_t i = 0; i < RL_COUNT(kinds); i++) {
        init(&kinds[i]);
        for (int k = 0; k < 3000; k++)
            a_random_message_is_read_back(&kinds[i], (check_random(&random) >> (k % 60)) | 1);
    }
}

static void test_the_longest_names_fit(void)
{
    char name[RL_FIX_COMP_MAX + 2];

    for (size_t i = 0; i < RL_COUNT(kinds); i++) {
        memset(name, 'X', sizeof name);
        name[RL_FIX_COMP_MAX] = '\0';
        CHECK_EQ(kinds[i].init("FIX.5.0SP2.16chr", name, name), 0);
        CHECK(rl_fix_template_bytes(&t, RL_FIX_SYMBOL_MAX) <= RL_FIX_ORDER_MAX);
        a_random_message_is_read_back(&kinds[i], RL_FIX_SYMBOL_MAX - 1);
        name[RL_FIX_COMP_MAX] = 'X';
        name[RL_FIX_COMP_MAX + 1] = '\0';
        CHECK_EQ(kinds[i].init("FIX.4.4", name, "A"), -EINVAL);
        CHECK_EQ(kinds[i].init("FIX.4.4", "A", "A\001B"), -EINVAL);
    }
}

static void test_numbers_that_do_not_fit_write_nothing(void)
{
    uint8_t out[RL_FIX_ORDER_MAX];
    struct rl_fix_cancel c = {.cl_ord_id = id_text,
                              .orig_cl_ord_id = orig_text,
                              .symbol = symbols,
                              .n_symbol = 1,
                              .qty = 10000000000000000ULL};
    struct rl_fix_mass_report r = {.cl_ord_id = id_text, .text = symbols, .n_text = 1};
    struct rl_fix_cancel_reject none = {
        .cl_ord_id = id_text, .orig_cl_ord_id = orig_text, .order_id = "", .n_order_id = 0};

    init(&kinds[1]);
    CHECK_EQ(rl_fix_cancel_write(&t, &c, out), 0);
    c.qty--;
    CHECK(rl_fix_cancel_write(&t, &c, out) > 0);
    c.msg_seq = 10000000000ULL;
    CHECK_EQ(rl_fix_cancel_write(&t, &c, out), 0);
    CHECK_EQ(init_report_all("FIX.4.4", "A", "B"), 0);
    r.n_affected = 1000000000;
    CHECK_EQ(rl_fix_mass_report_write(&t, &r, out), 0);
    r.n_affected--;
    CHECK(rl_fix_mass_report_write(&t, &r, out) > 0);
    r.n_text = RL_FIX_TEXT_MAX + 1;
    CHECK_EQ(rl_fix_mass_report_write(&t, &r, out), 0);
    CHECK_EQ(init_reject("FIX.4.4", "A", "B"), 0);
    CHECK_EQ(rl_fix_cancel_reject_write(&t, &none, out), 0);
}

int main(void)
{
    test_each_message_is_the_one_that_is_held_against_the_dictionary();
    test_random_messages_are_read_back_exactly();
    test_the_longest_names_fit();
    test_numbers_that_do_not_fit_write_nothing();
    return 0;
}
