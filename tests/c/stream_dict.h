/*
 * stream_dict - a FIX 4.4 dictionary of just what the streams of streams.h send: orders and market
 * data.
 */
#ifndef RL_TESTS_STREAM_DICT_H
#define RL_TESTS_STREAM_DICT_H

#include "check.h"
#include "market/fix/dict.h"

/* X(tag, type, first value, number of values) - the order is that of the members below. */
#define STREAM_DICT_FIELDS(X)       \
    X(8, RL_FIX_T_ANY, 0, 0)        \
    X(9, RL_FIX_T_INT, 0, 0)        \
    X(35, RL_FIX_T_ANY, 0, 0)       \
    X(34, RL_FIX_T_UINT, 0, 0)      \
    X(49, RL_FIX_T_ANY, 0, 0)       \
    X(56, RL_FIX_T_ANY, 0, 0)       \
    X(52, RL_FIX_T_TIMESTAMP, 0, 0) \
    X(10, RL_FIX_T_ANY, 0, 0)       \
    X(11, RL_FIX_T_ANY, 0, 0)       \
    X(55, RL_FIX_T_ANY, 0, 0)       \
    X(54, RL_FIX_T_CHAR, 0, 2)      \
    X(60, RL_FIX_T_TIMESTAMP, 0, 0) \
    X(38, RL_FIX_T_FLOAT, 0, 0)     \
    X(40, RL_FIX_T_CHAR, 0, 2)      \
    X(44, RL_FIX_T_FLOAT, 0, 0)     \
    X(59, RL_FIX_T_CHAR, 2, 5)      \
    X(526, RL_FIX_T_ANY, 0, 0)      \
    X(268, RL_FIX_T_INT, 0, 0)      \
    X(279, RL_FIX_T_CHAR, 2, 3)     \
    X(269, RL_FIX_T_CHAR, 2, 3)     \
    X(278, RL_FIX_T_ANY, 0, 0)      \
    X(55, RL_FIX_T_ANY, 0, 0)       \
    X(270, RL_FIX_T_FLOAT, 0, 0)    \
    X(271, RL_FIX_T_FLOAT, 0, 0)

static inline void stream_dict(struct rl_fix_dict *dict, struct rl_arena *arena)
{
#define STREAM_DICT_FIELD(tag, type, first, n) {tag, type, 0, first, n},
    static const struct rl_fix_spec_field fields[] = {STREAM_DICT_FIELDS(STREAM_DICT_FIELD)};
#undef STREAM_DICT_FIELD
    static const char *const values[] = {"1", "2", "0", "1", "2", "3", "4"};
    static const char *const types[] = {"D", "X"};
    static const struct rl_fix_spec_message messages[] = {{0, 8, 9}, {0, 17, 1}};
    static const struct rl_fix_spec_run groups[] = {{18, 6}};
    struct rl_fix_spec_member members[RL_COUNT(fields)];
    struct rl_fix_dict_spec spec = {.begin_string = "FIX.4.4",
                                    .values = values,
                                    .message_types = types,
                                    .fields = fields,
                                    .members = members,
                                    .groups = groups,
                                    .messages = messages,
                                    .header = {0, 7},
                                    .trailer = {7, 1},
                                    .n_values = RL_COUNT(values),
                                    .n_fields = RL_COUNT(fields),
                                    .n_members = RL_COUNT(members),
                                    .n_groups = RL_COUNT(groups),
                                    .n_messages = RL_COUNT(messages)};
    int err;

    for (uint32_t i = 0; i < RL_COUNT(fields); i++)
        members[i] =
            (struct rl_fix_spec_member){.field = i,
                                        .group = fields[i].tag == 268 ? 0 : RL_FIX_NO_GROUP,
                                        .is_required = fields[i].tag != 526};
    CHECK_EQ(rl_arena_open(arena, rl_fix_dict_bytes(&spec), RL_ARENA_ALL), 0);
    err = rl_fix_dict_build(dict, arena, &spec);
    if (err != 0)
        fprintf(stderr, "the dictionary of the streams: %s\n", dict->what);
    CHECK_EQ(err, 0);
}

#endif
