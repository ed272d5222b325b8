/*
 * fuzz_dict - a small FIX dictionary that needs no file: what fuzz_fix validates against.
 *
 * A market data refresh with a group inside a group, an order with enumerations, a message with raw
 * data and a heartbeat: each rule of a dictionary has a field here that it is about.
 */
#ifndef RL_TESTS_FUZZ_DICT_H
#define RL_TESTS_FUZZ_DICT_H

#include "../check.h"
#include "base/mem.h"
#include "market/fix/dict.h"

/* X(tag, type, flags, first value, values) in the order of the indices below */
#define FUZZ_FIELDS(X)                                    \
    X(BEGIN_STRING, 8, ANY, 0, 0, 0)                      \
    X(BODY_LENGTH, 9, INT, 0, 0, 0)                       \
    X(MSG_TYPE, 35, ANY, 0, 0, 0)                         \
    X(SEQ, 34, UINT, 0, 0, 0)                             \
    X(SENDER, 49, ANY, 0, 0, 0)                           \
    X(TARGET, 56, ANY, 0, 0, 0)                           \
    X(TIME, 52, TIMESTAMP, 0, 0, 0)                       \
    X(CHECK, 10, ANY, 0, 0, 0)                            \
    X(N_ENTRIES, 268, INT, 0, 0, 0)                       \
    X(ACTION, 279, CHAR, 0, 0, 3)                         \
    X(TYPE, 269, CHAR, 0, 0, 3)                           \
    X(SYMBOL, 55, ANY, 0, 0, 0)                           \
    X(PX, 270, FLOAT, 0, 0, 0)                            \
    X(QTY, 271, FLOAT, 0, 0, 0)                           \
    X(N_PARTIES, 453, INT, 0, 0, 0)                       \
    X(PARTY, 448, ANY, 0, 0, 0)                           \
    X(ROLE, 452, INT, 0, 3, 2)                            \
    X(ID, 11, ANY, 0, 0, 0)                               \
    X(SIDE, 54, CHAR, 0, 1, 2)                            \
    X(INSTRUCTIONS, 18, ANY, RL_FIX_FIELD_MULTIPLE, 5, 2) \
    X(RAW_LENGTH, 95, INT, 0, 0, 0)                       \
    X(RAW, 96, ANY, RL_FIX_FIELD_DATA, 0, 0)              \
    X(POSS_DUP, 43, BOOLEAN, 0, 0, 0)                     \
    X(MONTH, 200, MONTH, 0, 0, 0)                         \
    X(TEST_ID, 112, ANY, 0, 0, 0)

enum fuzz_field {
#define FUZZ_FIELD_ENUM(name, tag, type, flags, first, n) FUZZ_##name,
    FUZZ_FIELDS(FUZZ_FIELD_ENUM)
#undef FUZZ_FIELD_ENUM
        FUZZ_N_FIELDS
};

static const char *const fuzz_values[] = {"0", "1", "2", "7", "12", "A", "BC"};

static const struct rl_fix_spec_field fuzz_fields[] = {
#define FUZZ_FIELD(name, tag, type, flags, first, n) {tag, RL_FIX_T_##type, flags, first, n},
    FUZZ_FIELDS(FUZZ_FIELD)
#undef FUZZ_FIELD
};

/* Groups: 0 the entries, 1 the parties within one. */
static const struct rl_fix_spec_member fuzz_members[] = {
    /* header, from 0 */
    {FUZZ_BEGIN_STRING, RL_FIX_NO_GROUP, 1},
    {FUZZ_BODY_LENGTH, RL_FIX_NO_GROUP, 1},
    {FUZZ_MSG_TYPE, RL_FIX_NO_GROUP, 1},
    {FUZZ_SEQ, RL_FIX_NO_GROUP, 1},
    {FUZZ_SENDER, RL_FIX_NO_GROUP, 0},
    {FUZZ_TARGET, RL_FIX_NO_GROUP, 0},
    {FUZZ_TIME, RL_FIX_NO_GROUP, 0},
    {FUZZ_POSS_DUP, RL_FIX_NO_GROUP, 0},
    /* trailer, from 8 */
    {FUZZ_CHECK, RL_FIX_NO_GROUP, 1},
    /* group 0, from 9 */
    {FUZZ_ACTION, RL_FIX_NO_GROUP, 1},
    {FUZZ_TYPE, RL_FIX_NO_GROUP, 0},
    {FUZZ_SYMBOL, RL_FIX_NO_GROUP, 0},
    {FUZZ_PX, RL_FIX_NO_GROUP, 0},
    {FUZZ_QTY, RL_FIX_NO_GROUP, 0},
    {FUZZ_N_PARTIES, 1, 0},
    /* group 1, from 15 */
    {FUZZ_PARTY, RL_FIX_NO_GROUP, 1},
    {FUZZ_ROLE, RL_FIX_NO_GROUP, 0},
    /* X, from 17 */
    {FUZZ_N_ENTRIES, 0, 1},
    {FUZZ_MONTH, RL_FIX_NO_GROUP, 0},
    /* D, from 19 */
    {FUZZ_ID, RL_FIX_NO_GROUP, 1},
    {FUZZ_SYMBOL, RL_FIX_NO_GROUP, 1},
    {FUZZ_SIDE, RL_FIX_NO_GROUP, 1},
    {FUZZ_INSTRUCTIONS, RL_FIX_NO_GROUP, 0},
    {FUZZ_N_PARTIES, 1, 0},
    /* B, from 24 */
    {FUZZ_RAW_LENGTH, RL_FIX_NO_GROUP, 0},
    {FUZZ_RAW, RL_FIX_NO_GROUP, 0},
    /* 0, from 26 */
    {FUZZ_TEST_ID, RL_FIX_NO_GROUP, 0},
};

static const struct rl_fix_spec_run fuzz_groups[] = {{9, 6}, {15, 2}};
static const char *const fuzz_types[] = {"X", "D", "B", "0"};
static const struct rl_fix_spec_message fuzz_messages[] = {
    {0, 17, 2}, {0, 19, 5}, {0, 24, 2}, {1, 26, 1}};

static const struct rl_fix_dict_spec fuzz_spec = {
    .begin_string = "FIX.4.4",
    .values = fuzz_values,
    .message_types = fuzz_types,
    .fields = fuzz_fields,
    .members = fuzz_members,
    .groups = fuzz_groups,
    .messages = fuzz_messages,
    .header = {0, 8},
    .trailer = {8, 1},
    .n_values = RL_COUNT(fuzz_values),
    .n_fields = RL_COUNT(fuzz_fields),
    .n_members = RL_COUNT(fuzz_members),
    .n_groups = RL_COUNT(fuzz_groups),
    .n_messages = RL_COUNT(fuzz_messages),
};

/* The quick way and the careful one say the same of a message that parsed, at every level. */
static inline void fuzz_validate(const struct rl_fix_dict *d, struct rl_fix_msg *m)
{
    for (unsigned level = RL_FIX_LEVEL_FRAME; level <= RL_FIX_LEVEL_DICTIONARY; level++) {
        struct rl_fix_msg quick = *m, careful = *m;
        enum rl_fix_result result = rl_fix_validate(d, &quick, (enum rl_fix_level)level);

        CHECK(result == RL_FIX_OK || result == RL_FIX_REJECT);
        CHECK_EQ(rl_fix_validate_carefully(d, &careful, (enum rl_fix_level)level), result);
        if (result == RL_FIX_OK)
            continue;
        CHECK(level >= RL_FIX_LEVEL_HEADER);
        CHECK_EQ(quick.reason, careful.reason);
        CHECK_EQ(quick.ref_tag, careful.ref_tag);
        CHECK_EQ(quick.ref_off, careful.ref_off);
        CHECK(quick.ref_off <= m->n_bytes && quick.what != NULL && careful.what != NULL);
        /* another version's BeginString is answered by a logout, not by a reject with a text */
        CHECK(quick.reason == RL_FIX_OTHER || rl_fix_reason_text(quick.reason)[0] != '\0');
    }
}

#endif
