/* Every event in every state, in all the ways that a state is reached and an event is worded. */
#include "order_pair.h"

#define ID(n) ((1ULL << RL_ID_COUNTER_BITS) + (n))
#define ORDER ID(10)
#define REPLACE ID(11)
#define CANCEL ID(12)
#define RETRY ID(13)
#define OTHER ID(14)
#define STRANGER ID(15) /* of nothing */

/* A letter a state, in the order of their numbers. */
static const char LETTERS[] = ".NWPFcrCRJEU";

/*
 * The table in outcomes: the states that an event leaves behind, over all ways and wordings below;
 * '-': never legal. An answer that a request was refused is legal where the table has it illegal
 * when the request was overtaken; REJECT may name a request, and is such an answer then. What is
 * executed of a REPLACED order is booked on the one that replaced it: see the states of that one.
 */
/* clang-format off */
static const char *const WRITTEN[RL_N_ORDER_STATES] = {
/*                              send can rep ack rej fill cxd cxr rpd rpr exp bus cor dis open gone */
    [RL_STATE_NONE] =            "N - - - - - - - - - - - - - - -",
    [RL_STATE_PENDING_NEW] =     "- c - W J PF C - - - E - - U W -",
    [RL_STATE_WORKING] =         "- c r - J PF C - - - E - - U W -",
    [RL_STATE_PARTIAL] =         "- c r P - PF C - - - E NW PF U P -",
    [RL_STATE_FILLED] =          "- - - F F F C F - F E F F F P F",
    [RL_STATE_PENDING_CANCEL] =  "- c - c NWPcrJ Fc C NWPcr Fc NWPcr E c Fc U c -",
    [RL_STATE_PENDING_REPLACE] = "- c - r NWPJ Fr C NWP WPF NWP E r Fr U r -",
    [RL_STATE_CANCELLED] =       "- - - C C C - C - C - C C C WP C",
    [RL_STATE_REPLACED] =        "- - - - - - - - - - - - - R - R",
    [RL_STATE_REJECTED] =        "- - - - J J - J - J - - - J W J",
    [RL_STATE_EXPIRED] =         "- - - E E E - E - E - E E E WP E",
    [RL_STATE_UNKNOWN] =         "- U - U JU FU C U FU U E U FU U WP CU",
};
/* clang-format on */

/* How a state is come to: bits that the script below reads. */
enum {
    HOW_ACKED = 1,
    HOW_FILLED = 2,  /* 4 of 10 lots, execution 1 */
    HOW_REPLACE = 4, /* a replace is pending */
    HOW_CANCEL = 8,  /* a cancel is pending */
    HOW_RETRY = 16,  /* and another one */
    HOW_BUSTED = 32, /* execution 1 was taken back, at last */
    HOW_MORE = 64,   /* the replace is to more lots, else to fewer */
    HOW_IOC = 128,
    N_HOWS = 256
};

/* Brings ORDER to the state in this way, or returns false: there is no such way. */
static bool reach(struct pair *p, unsigned state, unsigned how)
{
    struct rl_request request = {.qty = 10,
                                 .px_nano = PAIR_PX,
                                 .time_in_force = (how & HOW_IOC) != 0 ? RL_TIF_IOC : RL_TIF_DAY};

    pair_init(p);
    pair_send(p, OTHER, 5);
    pair_says(p, RL_EVENT_ACK, OTHER, 0);
    if (state == RL_STATE_NONE)
        return how == 0;
    pair_do(p, (struct pair_op){.what = PAIR_SEND, .id = ORDER, .request = request});
    if ((how & HOW_ACKED) != 0)
        pair_says(p, RL_EVENT_ACK, ORDER, 0);
    if ((how & HOW_FILLED) != 0)
        pair_fill(p, ORDER, 1, 4);
    if ((how & HOW_REPLACE) != 0 &&
        pair_replace(p, REPLACE, ORDER, (how & HOW_MORE) != 0 ? 20 : 8, -PAIR_PX) != 0)
        return false;
    if ((how & HOW_CANCEL) != 0)
        pair_cancel(p, CANCEL, ORDER);
    if ((how & HOW_RETRY) != 0)
        pair_cancel(p, RETRY, ORDER);
    switch (state) {
    case RL_STATE_FILLED:
        pair_fill(p, ORDER, 2,
                  (how & HOW_REPLACE) != 0 ? 20 - pair_cum(p, ORDER) : 10 - pair_cum(p, ORDER));
        break;
    case RL_STATE_CANCELLED:
        if ((how & HOW_CANCEL) != 0)
            pair_says(p, RL_EVENT_CANCELLED, CANCEL, ORDER);
        else
            pair_says(p, RL_EVENT_CANCELLED, ORDER, 0);
        break;
    case RL_STATE_REPLACED:
        pair_says(p, RL_EVENT_REPLACED, REPLACE, ORDER);
        break;
    case RL_STATE_REJECTED:
        pair_says(p, RL_EVENT_REJECT, ORDER, 0);
        break;
    case RL_STATE_EXPIRED:
        pair_says(p, RL_EVENT_EXPIRED, ORDER, 0);
        break;
    case RL_STATE_UNKNOWN:
        pair_do(p, (struct pair_op){.what = PAIR_DISCONNECT});
        break;
    default:
        break;
    }
    if ((how & HOW_BUSTED) != 0)
        pair_event(p, (struct rl_order_event){.kind = RL_EVENT_BUST, .id = ORDER, .ref_exec = 1});
    return pair_state(p, ORDER) == state;
}

/* The wordings of one event: which ids, which quantity, which execution. Number `n`; false when
 * there are no more. */
static bool word(unsigned kind, unsigned n, struct rl_order_event *e)
{
    static const uint64_t ids[][2] = {
        {ORDER, 0},        {REPLACE, 0},     {CANCEL, 0},       {RETRY, 0},
        {REPLACE, ORDER},  {CANCEL, ORDER},  {RETRY, ORDER},    {STRANGER, ORDER},
        {ORDER, ORDER},    {ORDER, REPLACE}, {ORDER, STRANGER}, {ORDER, OTHER},
        {REPLACE, OTHER},  {OTHER, ORDER},   {STRANGER, 0},     {STRANGER, STRANGER},
        {CANCEL, REPLACE}, {0, 0},           {0, ORDER},        {ORDER, CANCEL},
    };
    static const uint64_t lots[] = {1, 4, 6, 10, 16, 25, 0, INT64_MAX, (uint64_t)INT64_MAX + 1};
    static const uint64_t execs[][2] = {{7, 1}, {1, 1}, {2, 1}, {0, 1}, {7, 2}, {7, 3}, {0, 0}};
    static const int64_t prices[] = {PAIR_PX, PAIR_PX + 1, RL_PX_NONE};
    unsigned n_lots = kind == RL_EVENT_FILL || kind == RL_EVENT_CORRECT || kind == RL_EVENT_REPLACED
                          ? RL_COUNT(lots)
                          : 1;
    unsigned n_execs = kind == RL_EVENT_FILL || kind == RL_EVENT_BUST || kind == RL_EVENT_CORRECT
                           ? RL_COUNT(execs)
                           : 1;
    unsigned n_prices = n_lots == 1 ? 1 : RL_COUNT(prices);

    *e = (struct rl_order_event){.kind = (uint8_t)kind};
    e->id = ids[n % RL_COUNT(ids)][0];
    e->orig_id = ids[n % RL_COUNT(ids)][1];
    n /= RL_COUNT(ids);
    e->qty = lots[n % n_lots];
    n /= n_lots;
    e->exec = execs[n % n_execs][0];
    e->ref_exec = execs[n % n_execs][1];
    n /= n_execs;
    e->px_nano = prices[n % n_prices];
    return n < n_prices;
}

/* A way sees one of so many wordings of an execution. ThreadSanitizer has nothing to find here, and
 * makes it slow: for it fewer, and no IOC orders. */
#ifdef __SANITIZE_THREAD__
#define SHARE 512
#define N_WAYS HOW_IOC
#else
#define SHARE 32
#define N_WAYS N_HOWS
#endif

/* ---- Promises ------------------------------------------------------------------------------- */

static uint32_t outcomes[RL_N_ORDER_STATES][RL_N_ORDER_EVENTS]; /* sets of states */
static uint64_t n_cases;

static void note(struct pair *p, unsigned kind, uint32_t flags)
{
    const uint32_t changed_nothing = RL_ORDER_ILLEGAL | RL_ORDER_UNKNOWN_ORDER |
                                     RL_ORDER_DUPLICATE | RL_ORDER_CONFLICT | RL_ORDER_UNKNOWN_EXEC;

    n_cases++;
    if ((flags & changed_nothing) == 0) {
        CHECK(kind < RL_N_ORDER_EVENTS);
        outcomes[p->c.was.state][kind] |= 1U << p->c.order->state;
    } else {
        CHECK(p->c.d_qty == 0 && p->c.was_reserved_qty == p->c.now_reserved_qty &&
              (p->c.order == NULL || memcmp(p->c.order, &p->c.was, sizeof(p->c.was)) == 0));
    }
}

static void try_what_we_do(struct pair *p, unsigned state, unsigned how)
{
    const uint64_t id = ID(20);

    CHECK(reach(p, state, how));
    if (state == RL_STATE_NONE) {
        note(p, RL_EVENT_SEND, pair_send(p, ORDER, 10));
        return;
    }
    note(p, RL_EVENT_SEND, pair_send(p, ORDER, 10));
    note(p, RL_EVENT_CANCEL_SENT, pair_cancel(p, id, ORDER));
    CHECK(reach(p, state, how));
    note(p, RL_EVENT_REPLACE_SENT, pair_replace(p, id, ORDER, 7, PAIR_PX));
    CHECK(reach(p, state, how)); /* ids that cannot be used */
    CHECK(pair_cancel(p, 0, ORDER) != 0);
    CHECK(pair_cancel(p, OTHER, ORDER) != 0);
    CHECK(pair_replace(p, OTHER, ORDER, 7, PAIR_PX) != 0);
    CHECK(pair_replace(p, id, ORDER, 0, PAIR_PX) != 0);
    CHECK(pair_replace(p, id, ORDER, (uint64_t)INT64_MAX + 1, PAIR_PX) != 0);
}

static void every_event_in_every_state_agrees_with_the_reference(void)
{
    static struct pair p, reached;
    struct rl_order_event e;

    for (unsigned state = 0; state < RL_N_ORDER_STATES; state++) {
        unsigned n_ways = 0;

        for (unsigned how = 0; how < N_WAYS; how++) {
            if (!reach(&p, state, how))
                continue;
            n_ways++;
            reached = p;
            try_what_we_do(&p, state, how);
            for (unsigned kind = 0; kind <= RL_N_ORDER_EVENTS; kind++) {
                for (unsigned n = 0; word(kind, n, &e); n++) {
                    if (n >= 20 && (n * 2654435761U + how * 40503U) % SHARE != 0)
                        continue;
                    p = reached; /* its pointers are into itself */
                    note(&p, kind, pair_event(&p, e));
                }
            }
        }
        CHECK(n_ways >= 1);
    }
    printf("%" PRIu64 " cases\n", n_cases);
}

static void what_was_legal_and_what_it_led_to_is_what_is_written(void)
{
    for (unsigned state = 0; state < RL_N_ORDER_STATES; state++) {
        const char *written = WRITTEN[state];

        for (unsigned kind = 0; kind < RL_N_ORDER_EVENTS; kind++) {
            uint32_t wanted = 0;

            for (; *written != ' ' && *written != '\0'; written++)
                if (*written != '-')
                    wanted |= 1U << (strchr(LETTERS, *written) - LETTERS);
            written += *written == ' ';
            if (outcomes[state][kind] != wanted) {
                fprintf(stderr, "'%s' in state '%s' led to %x, written is %x\n",
                        rl_order_event_name(kind), rl_order_state_name(state),
                        outcomes[state][kind], wanted);
                exit(1);
            }
        }
        CHECK(*written == '\0');
    }
}

/* What the table says to be legal has happened, and so has nothing else but refusals. */
static void the_table_is_legal_where_it_is_written_to_be(void)
{
    for (unsigned state = 1; state < RL_N_ORDER_STATES; state++) {
        for (unsigned kind = 0; kind < RL_N_ORDER_EVENTS; kind++) {
            uint8_t cell = rl_order_next[state][kind];
            bool is_refusal = kind == RL_EVENT_REJECT || kind == RL_EVENT_CANCEL_REJECT ||
                              kind == RL_EVENT_REPLACE_REJECT;
            bool is_undo = kind == RL_EVENT_BUST || kind == RL_EVENT_CORRECT;

            if (cell == RL_NEXT_ILLEGAL && !is_refusal)
                CHECK_EQ(outcomes[state][kind], 0);
            if (cell != RL_NEXT_ILLEGAL && cell != RL_NEXT_FOLLOW && !is_undo)
                CHECK(outcomes[state][kind] != 0);
            if (cell < RL_N_ORDER_STATES && !is_refusal && cell != RL_STATE_CANCELLED)
                CHECK_EQ(outcomes[state][kind], 1U << cell);
        }
    }
}

int main(void)
{
    every_event_in_every_state_agrees_with_the_reference();
    what_was_legal_and_what_it_led_to_is_what_is_written();
    the_table_is_legal_where_it_is_written_to_be();
    return 0;
}
