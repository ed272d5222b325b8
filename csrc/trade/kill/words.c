#include "trade/kill/words.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "trade/kill/inner.h"

static const char *const scope_names[RL_N_SCOPES] = {
#define ROW(name, number, text) [number] = text,
    RL_SCOPES(ROW)
#undef ROW
};

bool rl_words_number(const char *word, const char **rest, uint64_t *n)
{
    const char *p = word;

    for (*n = 0; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(*n, 10, n) ||
            __builtin_add_overflow(*n, (uint64_t)(*p - '0'), n))
            return false;
    }
    *rest = p;
    return p != word;
}

bool rl_words_scope(const char *word, uint32_t *scope, uint32_t *index)
{
    const char *equals = strchr(word, '='), *rest;
    size_t n = equals ? (size_t)(equals - word) : strlen(word);
    uint64_t number = 0;

    *index = 0;
    if (strcmp(word, "all") == 0) {
        *scope = RL_KILL_ALL;
        return true;
    }
    for (uint32_t i = 0; i < RL_N_SCOPES; i++) {
        if (strlen(scope_names[i]) != n || memcmp(word, scope_names[i], n) != 0)
            continue;
        *scope = i;
        if (i == RL_SCOPE_GLOBAL)
            return equals == NULL;
        if (!equals || !rl_words_number(equals + 1, &rest, &number) || *rest || number > UINT32_MAX)
            return false;
        *index = (uint32_t)number;
        return rl_kill_scope_exists(i, *index);
    }
    return false;
}

bool rl_words_cause(const char *word, enum rl_kill_cause *cause)
{
    for (uint32_t i = 1; i < RL_KILL_N_CAUSES; i++) {
        if (i != RL_KILL_BOOT && i != RL_KILL_LATCH &&
            strcasecmp(word, rl_kill_cause_name(i)) == 0) {
            *cause = (enum rl_kill_cause)i;
            return true;
        }
    }
    return false;
}

char *rl_words_of_scope(char *dst, uint32_t scope, uint32_t index)
{
    if (scope == RL_KILL_ALL)
        strcpy(dst, "all");
    else if (scope == RL_SCOPE_GLOBAL || scope >= RL_N_SCOPES)
        strcpy(dst, "global");
    else
        snprintf(dst, 24, "%s=%u", scope_names[scope], index);
    return dst;
}
