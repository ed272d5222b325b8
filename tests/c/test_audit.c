/* The order side of the audit log: a record is claimed, filled and committed, or refused. */
#include "audit_log.h"

static void a_ring_must_be_a_power_of_two_and_aligned(void)
{
    static RL_ALIGNED uint8_t slots[65 * 64];
    struct rl_audit a;

    CHECK_EQ(rl_audit_init(&a, slots, 3), -EINVAL);
    CHECK_EQ(rl_audit_init(&a, slots + 8, 64), -EINVAL);
    CHECK_EQ(rl_audit_init(&a, slots, 64), 0);
    CHECK_EQ(rl_audit_durable(&a), 0);
    CHECK_EQ(rl_audit_error(&a), 0);
}

static void a_claim_repeated_before_its_commit_is_the_same_record(void)
{
    struct log log;

    log_make(&log);
    CHECK(rl_audit_claim(&log.audit, 0) != NULL);
    CHECK(rl_audit_claim(&log.audit, 0) == rl_audit_claim(&log.audit, 5));
    CHECK_EQ(rl_audit_position(&log.audit), 0);
    CHECK(log_put(&log));
    CHECK_EQ(rl_audit_position(&log.audit), 1);
    CHECK_EQ(rl_audit_backlog(&log.audit), 1);
    log_remove(&log);
}

static void a_full_ring_refuses_and_loses_nothing(void)
{
    struct log log;

    log_make(&log);
    log_must_open(&log);
    for (unsigned i = 0; i < LOG_SLOTS; i++)
        CHECK(log_put(&log));
    CHECK(!log_put(&log));
    CHECK_EQ(rl_audit_writer_step(&log.writer, log.now += 200), LOG_SLOTS);
    CHECK_EQ(rl_audit_durable(&log.audit), LOG_SLOTS);
    CHECK(log_put(&log));
    log_close(&log);
    CHECK_EQ(log_verdict(&log).n_records, LOG_SLOTS + 1);
    CHECK_EQ(log_verdict(&log).fault, RL_AUDIT_WHOLE);
    log_remove(&log);
}

static void a_claim_that_keeps_room_for_answers_is_refused_before_the_ring_is_full(void)
{
    struct log log;

    log_make(&log);
    log_must_open(&log);
    for (unsigned i = 0; i < LOG_SLOTS - 4; i++)
        CHECK(log_put(&log));
    CHECK(rl_audit_claim(&log.audit, 3) != NULL); /* itself and three more: exactly what is left */
    CHECK(rl_audit_claim(&log.audit, 4) == NULL);
    CHECK(rl_audit_claim(&log.audit, LOG_SLOTS) == NULL);
    CHECK(rl_audit_writer_step(&log.writer, log.now) > 0);
    CHECK(rl_audit_claim(&log.audit, 4) != NULL);
    log_remove(&log);
}

static void every_kind_has_a_name_and_a_sentence_of_its_own(void)
{
    const char *names[256] = {0};
    unsigned n = 0;

    for (uint32_t kind = 0; kind < 256; kind++) {
        const char *name = rl_audit_kind_name(kind);

        CHECK((name == NULL) == (strcmp(rl_audit_kind_text(kind), "unknown kind") == 0));
        for (unsigned i = 0; name != NULL && i < n; i++)
            CHECK(strcmp(names[i], name) != 0);
        if (name != NULL)
            names[n++] = name;
        CHECK(name == NULL ||
              (kind > 0 && kind < RL_AUDIT_SEAL)); /* 240 and above are not records */
    }
    CHECK(n >= 22);
}

/* 64 bytes are laid down in the file: a member that moves makes old logs unreadable. */
static void the_layout_of_a_record_is_the_one_that_was_published(void)
{
    static const char published[] =
        "number u64 0\ntsc u64 8\nid u64 16\nref u64 24\npx_nano i64 32\nqty u64 40\ndetail u32 "
        "48\n"
        "instrument u16 52\nkind u8 54\nevent u8 55\nflags u8 56\nvenue u8 57\naccount u8 58\n"
        "strategy u8 59\ncrc u32 60\n1 SENT\n";
    char text[2048], cut[8];

    CHECK_EQ(rl_audit_schema(text, sizeof text), strlen(text));
    CHECK(strncmp(text, published, strlen(published)) == 0);
    CHECK_EQ(rl_audit_schema(cut, sizeof cut), strlen(text)); /* as snprintf */
    CHECK(strcmp(cut, "number ") == 0);
    CHECK_EQ(rl_audit_schema(NULL, 0), strlen(text));
}

int main(void)
{
    a_ring_must_be_a_power_of_two_and_aligned();
    a_claim_repeated_before_its_commit_is_the_same_record();
    a_full_ring_refuses_and_loses_nothing();
    a_claim_that_keeps_room_for_answers_is_refused_before_the_ring_is_full();
    every_kind_has_a_name_and_a_sentence_of_its_own();
    the_layout_of_a_record_is_the_one_that_was_published();
    return 0;
}
