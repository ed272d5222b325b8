/*
 * fix_session_dict - a FIX 4.4 dictionary of what a session says, and of an order and its report.
 */
#ifndef RL_TESTS_FIX_SESSION_DICT_H
#define RL_TESTS_FIX_SESSION_DICT_H

#include "fix_dict_spec.h"

static inline const struct rl_fix_dict *session_dict(void)
{
    static const struct spec_field fields[] = {
        {8, RL_FIX_T_ANY, NULL, 0},        {9, RL_FIX_T_INT, NULL, 0},
        {35, RL_FIX_T_ANY, NULL, 0},       {34, RL_FIX_T_UINT, NULL, 0},
        {43, RL_FIX_T_BOOLEAN, NULL, 0},   {49, RL_FIX_T_ANY, NULL, 0},
        {52, RL_FIX_T_TIMESTAMP, NULL, 0}, {56, RL_FIX_T_ANY, NULL, 0},
        {97, RL_FIX_T_BOOLEAN, NULL, 0},   {115, RL_FIX_T_ANY, NULL, 0},
        {128, RL_FIX_T_ANY, NULL, 0},      {122, RL_FIX_T_TIMESTAMP, NULL, 0},
        {10, RL_FIX_T_ANY, NULL, 0},       {7, RL_FIX_T_UINT, NULL, 0},
        {11, RL_FIX_T_ANY, NULL, 0},       {16, RL_FIX_T_UINT, NULL, 0},
        {36, RL_FIX_T_UINT, NULL, 0},      {45, RL_FIX_T_UINT, NULL, 0},
        {58, RL_FIX_T_ANY, NULL, 0},       {98, RL_FIX_T_INT, "0", 0},
        {108, RL_FIX_T_INT, NULL, 0},      {112, RL_FIX_T_ANY, NULL, 0},
        {123, RL_FIX_T_BOOLEAN, NULL, 0},  {141, RL_FIX_T_BOOLEAN, NULL, 0},
        {789, RL_FIX_T_UINT, NULL, 0},     {38, RL_FIX_T_FLOAT, NULL, 0},
        {40, RL_FIX_T_CHAR, "12345", 0},   {44, RL_FIX_T_FLOAT, NULL, 0},
        {54, RL_FIX_T_CHAR, "12", 0},      {55, RL_FIX_T_ANY, NULL, 0},
        {60, RL_FIX_T_TIMESTAMP, NULL, 0}, {59, RL_FIX_T_CHAR, "01346", 0},
        {37, RL_FIX_T_ANY, NULL, 0},
    };
    static struct rl_arena arena;
    static struct rl_fix_dict dict;
    static struct spec s;

    if (arena.base)
        return &dict;
    spec_begin(&s, "FIX.4.4");
    for (size_t i = 0; i < RL_COUNT(fields); i++)
        spec_field(&s, fields[i]);
    spec_header(&s, "8! 9! 35! 34! 49! 52! 56! 43 97 115 122 128");
    spec_trailer(&s, "10!");
    spec_message(&s, "A", true, "98! 108! 141 789");
    spec_message(&s, "0", true, "112");
    spec_message(&s, "1", true, "112!");
    spec_message(&s, "2", true, "7! 16!");
    spec_message(&s, "3", true, "45! 58");
    spec_message(&s, "4", true, "36! 123");
    spec_message(&s, "5", true, "58");
    spec_message(&s, "D", false, "11! 55 54 60 38 40 44 59 58");
    spec_message(&s, "8", false, "37! 11 58");
    spec_build(&s, &dict, &arena);
    return &dict;
}

#endif
