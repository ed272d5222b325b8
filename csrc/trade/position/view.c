#include "trade/position/view.h"

#include <errno.h>
#include <string.h>

_Static_assert(sizeof(struct rl_position) - offsetof(struct rl_position, net) ==
                   RL_SHOWN_POSITION_WORDS * sizeof(uint64_t),
               "a row holds all of a position from net on");
_Static_assert(sizeof(struct rl_account) == RL_SHOWN_ACCOUNT_WORDS * sizeof(uint64_t),
               "a row holds all of an account");
_Static_assert(offsetof(union rl_shown_position, words) == sizeof(_Atomic uint64_t),
               "the words begin where the sequence ends");

size_t rl_ledger_view_bytes(uint32_t n_accounts, uint32_t n_instruments)
{
    if (n_accounts == 0 || n_accounts > RL_MAX_ACCOUNTS || n_instruments == 0 ||
        n_instruments > RL_MAX_SYMBOLS)
        return 0;
    return sizeof(struct rl_ledger_view) + n_accounts * sizeof(union rl_shown_account) +
           n_instruments * sizeof(union rl_shown_mark) +
           (size_t)n_accounts * n_instruments * sizeof(union rl_shown_position);
}

static void show_mark(struct rl_ledger_view *v, const struct rl_mark *m, uint32_t instrument)
{
    union rl_shown_mark *row = &rl_shown_marks(v)[instrument];
    uint64_t words[RL_SHOWN_MARK_WORDS] = {(uint64_t)m->px_nano, m->tsc};

    rl_seqlock_write(&row->lock, row->words, words, RL_SHOWN_MARK_WORDS);
}

struct rl_ledger_view *rl_ledger_view_init(void *memory, size_t n_bytes, uint32_t n_accounts,
                                           uint32_t n_instruments)
{
    static const struct rl_mark none = {.px_nano = RL_PX_NONE};
    static const struct rl_account nobody = {.oldest_mark_tsc = UINT64_MAX};
    size_t n_needed = rl_ledger_view_bytes(n_accounts, n_instruments);
    struct rl_ledger_view *v = memory;

    if (n_needed == 0 || n_bytes < n_needed || (uintptr_t)memory % RL_CACHE_LINE != 0)
        return NULL;
    memset(memory, 0, n_needed);
    v->magic = RL_LEDGER_VIEW_MAGIC;
    v->n_bytes = n_needed;
    v->n_accounts = n_accounts;
    v->n_instruments = n_instruments;
    for (uint32_t i = 0; i < n_instruments; i++)
        show_mark(v, &none, i);
    for (uint32_t a = 0; a < n_accounts; a++)
        rl_shown_write_account(v, &nobody, a);
    return v;
}

void rl_ledger_show_mark(struct rl_ledger_view *v, const struct rl_ledger *l, uint32_t instrument)
{
    show_mark(v, &l->marks[instrument], instrument);
    for (uint64_t left = l->marks[instrument].accounts; left != 0; left &= left - 1) {
        uint32_t account = (uint32_t)__builtin_ctzll(left);

        rl_shown_write_account(v, &l->accounts[account], account);
    }
}

int rl_ledger_show_all(struct rl_ledger_view *v, const struct rl_ledger *l)
{
    if (v->n_accounts != l->n_accounts || v->n_instruments != l->n_instruments)
        return -EINVAL;
    for (uint32_t i = 0; i < l->n_instruments; i++)
        show_mark(v, &l->marks[i], i);
    for (uint32_t a = 0; a < l->n_accounts; a++)
        for (uint32_t i = 0; i < l->n_instruments; i++)
            rl_ledger_show(v, l, a, i);
    return 0;
}

/* --- readers ---------------------------------------------------------------------------------- */

enum { N_TRIES = 1000 }; /* some hundred microseconds */

int rl_ledger_view_check(const struct rl_ledger_view *v, size_t n_bytes)
{
    if (n_bytes < sizeof *v)
        return -EINVAL;
    if (v->magic != RL_LEDGER_VIEW_MAGIC)
        return -EPROTO;
    if (v->n_bytes > n_bytes || v->n_bytes != rl_ledger_view_bytes(v->n_accounts, v->n_instruments))
        return -EINVAL;
    return 0;
}

bool rl_ledger_read_position(const struct rl_ledger_view *v, uint32_t account, uint32_t instrument,
                             struct rl_position *out)
{
    const union rl_shown_position *row;
    uint64_t words[RL_SHOWN_POSITION_WORDS];

    if (account >= v->n_accounts || instrument >= v->n_instruments)
        return false;
    row = &rl_shown_positions(v)[(size_t)account * v->n_instruments + instrument];
    if (!rl_seqlock_read_retry(&row->lock, row->words, words, RL_SHOWN_POSITION_WORDS, N_TRIES))
        return false;
    *out = (struct rl_position){0};
    memcpy((char *)out + offsetof(struct rl_position, net), words, sizeof words);
    return true;
}

bool rl_ledger_read_account(const struct rl_ledger_view *v, uint32_t account,
                            struct rl_account *out)
{
    const union rl_shown_account *row;
    uint64_t words[RL_SHOWN_ACCOUNT_WORDS];

    if (account >= v->n_accounts)
        return false;
    row = &rl_shown_accounts(v)[account];
    if (!rl_seqlock_read_retry(&row->lock, row->words, words, RL_SHOWN_ACCOUNT_WORDS, N_TRIES))
        return false;
    memcpy(out, words, sizeof words);
    return true;
}

bool rl_ledger_read_mark(const struct rl_ledger_view *v, uint32_t instrument, struct rl_mark *out)
{
    const union rl_shown_mark *row;
    uint64_t words[RL_SHOWN_MARK_WORDS];

    if (instrument >= v->n_instruments)
        return false;
    row = &rl_shown_marks(v)[instrument];
    if (!rl_seqlock_read_retry(&row->lock, row->words, words, RL_SHOWN_MARK_WORDS, N_TRIES))
        return false;
    *out = (struct rl_mark){.px_nano = (int64_t)words[0], .tsc = words[1]};
    return true;
}
