#include "trade/order/ids.h"

#include <errno.h>

static const char ALPHABET[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

int rl_ids_init(struct rl_ids *ids, uint32_t epoch)
{
    if (epoch == 0 || epoch > RL_ID_EPOCH_MAX)
        return -EINVAL;
    ids->next = ((uint64_t)epoch << RL_ID_COUNTER_BITS) + 1;
    ids->last = ((uint64_t)epoch << RL_ID_COUNTER_BITS) + ((1ULL << RL_ID_COUNTER_BITS) - 1);
    return 0;
}

bool rl_id_from_text(const char *text, size_t n_bytes, uint64_t *id)
{
    uint64_t value = 0;

    if (n_bytes != RL_ID_TEXT_BYTES)
        return false;
    for (size_t i = 0; i < RL_ID_TEXT_BYTES; i++) {
        unsigned digit = (unsigned)(unsigned char)text[i] - '0';

        if (digit >= 10) {
            digit = (unsigned)(unsigned char)text[i] - 'A' + 10;
            if (digit < 10 || digit > 31)
                return false;
        }
        if (i == 0 && digit > 15) /* 13 digits hold 65 bits: the first has four */
            return false;
        value = value << 5 | digit;
    }
    *id = value;
    return true;
}

void rl_id_to_text_plain(uint64_t id, char *text)
{
    for (int i = RL_ID_TEXT_BYTES - 1; i >= 0; i--) {
        text[i] = ALPHABET[id & 31];
        id >>= 5;
    }
}
