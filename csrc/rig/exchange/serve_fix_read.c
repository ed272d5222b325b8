/*
 * What must be read of a FIX message before there is a session for it.
 */
#include <string.h>

#include "rig/exchange/serve_inner.h"

#define TAG_DEFAULT_APPL_VER_ID 1137

static bool take_text(const struct rl_fix_msg *m, uint32_t tag, char *out, size_t n_max)
{
    const struct rl_fix_field *f = rl_fix_find(m, tag, 0);

    if (!f || f->len == 0 || f->len >= n_max)
        return false;
    memcpy(out, m->bytes + f->off, f->len);
    out[f->len] = '\0';
    return memchr(out, '\0', f->len) == NULL;
}

bool rl_serve_read_logon(const struct rl_serve *s, const uint8_t *bytes, uint32_t n_bytes,
                         struct rl_serve_identity *id)
{
    struct rl_fix_field fields[64];
    struct rl_fix_msg m;
    char appl_ver_id[2] = "";

    *id = (struct rl_serve_identity){.rules = s->config.rules};
    rl_fix_init(&m, fields, RL_COUNT(fields));
    rl_fix_parse(&m, bytes, n_bytes);
    if (!take_text(&m, RL_FIX_BeginString, id->begin_string, sizeof id->begin_string) ||
        !take_text(&m, RL_FIX_TargetCompID, id->sender, sizeof id->sender) ||
        !take_text(&m, RL_FIX_SenderCompID, id->target, sizeof id->target))
        return false;
    if (strcmp(id->begin_string, "FIXT.1.1") == 0 &&
        take_text(&m, TAG_DEFAULT_APPL_VER_ID, appl_ver_id, sizeof appl_ver_id))
        id->appl_ver_id = appl_ver_id[0];
    return true;
}

bool rl_serve_is_oversize(const uint8_t *bytes, uint32_t n_bytes, uint32_t max)
{
    const uint8_t *soh = memchr(bytes, RL_FIX_SOH, n_bytes < 16 ? n_bytes : 16);
    uint64_t length = 0;
    uint32_t i, n_digits = 0;

    if (n_bytes < 2 || memcmp(bytes, "8=", 2) != 0 || !soh)
        return false;
    i = (uint32_t)(soh + 1 - bytes);
    if (i + 2 > n_bytes || memcmp(bytes + i, "9=", 2) != 0)
        return false;
    for (i += 2; i < n_bytes && bytes[i] >= '0' && bytes[i] <= '9' && n_digits < 18; i++) {
        length = length * 10 + (uint64_t)(bytes[i] - '0');
        n_digits++;
    }
    return n_digits == 18 || (i < n_bytes && bytes[i] == RL_FIX_SOH && length > max);
}
