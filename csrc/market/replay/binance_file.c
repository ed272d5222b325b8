/*
 * Binance captures: a line is the local time in ns, a space, and the JSON that the venue sent.
 *
 * The JSON is held against itself only: strings end, brackets pair up and close with the line. What
 * it means is the decoder's business.
 */
#include "market/replay/replay_inner.h"

#define MAX_DEPTH 32         /* the venue nests five deep */
#define MAX_STAMP_DIGITS 20  /* of a u64 */
#define MAX_JSON (16u << 20) /* a snapshot of a thousand levels is 35 KB */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Where the JSON value that begins at `at` ends; 0 with the error set when it does not. */
static uint64_t json_end(struct rl_replay_pass *x, uint64_t at)
{
    uint64_t begin = at;
    char open[MAX_DEPTH];
    uint32_t depth = 0;
    bool in_string = false;

    for (; at < x->n_bytes && at - begin < MAX_JSON; at++) {
        uint8_t c = x->bytes[at];

        if (c < ' ') {
            (void)rl_replay_damaged(x, at, "a line that ends within its JSON");
            return 0;
        }
        if (in_string) {
            if (c == '\\' && at + 1 < x->n_bytes && x->bytes[at + 1] >= ' ')
                at++; /* whatever it escapes, but for a line end */
            else if (c == '"')
                in_string = false;
            continue;
        }
        switch (c) {
        case '"':
            in_string = true;
            break;
        case '{':
        case '[':
            if (depth == MAX_DEPTH) {
                (void)rl_replay_damaged(x, at, "JSON nested deeper than any message");
                return 0;
            }
            open[depth++] = (char)(c == '{' ? '}' : ']');
            break;
        case '}':
        case ']':
            if (depth == 0 || open[--depth] != (char)c) {
                (void)rl_replay_damaged(x, at, "JSON brackets that do not pair up");
                return 0;
            }
            if (depth == 0)
                return at + 1;
            break;
        default:
            break;
        }
    }
    (void)rl_replay_damaged(
        x, begin, at < x->n_bytes ? "JSON longer than any message" : "the file ends in a line");
    return 0;
}

/* The stamp before the JSON; 0 with the error set when there is none. `*at` moves behind it. */
static bool stamp(struct rl_replay_pass *x, uint64_t *at, uint64_t *ts_ns)
{
    uint64_t begin = *at, value = 0;

    while (*at < x->n_bytes && *at - begin < MAX_STAMP_DIGITS && is_digit(x->bytes[*at])) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(x->bytes[*at] - '0'), &value)) {
            (void)rl_replay_damaged(x, begin, "a time stamp beyond 64 bits of nanoseconds");
            return false;
        }
        ++*at;
    }
    if (x->n_bytes - *at < 2) {
        (void)rl_replay_damaged(x, begin, "the file ends in a line");
        return false;
    }
    if (*at == begin || x->bytes[*at] != ' ' || x->bytes[*at + 1] != '{') {
        (void)rl_replay_damaged(x, begin, "not a line of time stamp, space and JSON");
        return false;
    }
    ++*at;
    *ts_ns = value;
    return true;
}

int rl_replay_read_binance(struct rl_replay_pass *x)
{
    for (uint64_t at = 0; at < x->n_bytes;) {
        uint64_t json, end, ts_ns;
        int err;

        if (x->bytes[at] == '\n' || x->bytes[at] == '\r') {
            at++;
            continue;
        }
        if (!stamp(x, &at, &ts_ns))
            return -EBADMSG;
        json = at;
        end = json_end(x, json);
        if (end == 0)
            return -EBADMSG;
        if (end < x->n_bytes && x->bytes[end] != '\n' && x->bytes[end] != '\r')
            return rl_replay_damaged(x, end, "something follows the JSON on its line");
        err = rl_replay_record(x, json, ts_ns, (uint32_t)(end - json), 1, 0);
        if (err)
            return err;
        at = end;
    }
    return 0;
}

bool rl_replay_is_binance(const uint8_t *bytes, uint64_t n_bytes)
{
    uint64_t n = 0;

    while (n < n_bytes && n < MAX_STAMP_DIGITS && is_digit(bytes[n]))
        n++;
    return n > 0 && n_bytes - n >= 2 && bytes[n] == ' ' && bytes[n + 1] == '{';
}
