/*
 * Between any two instructions: a trip that falls into a reset, and a reset that falls into a trip.
 *
 * The processor's trap flag stops after every instruction; what shall fall in between is done in
 * the handler, at one instruction after the other. tests/model/ shows the same of the algorithm
 * under weaker memory; this is the compiled code.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "check.h"
#include "trade/kill/kill.h"

#ifdef __SANITIZE_ADDRESS__
#define IS_SLOW 1 /* every access is many instructions, and a trap takes as long as ever */
#else
#define IS_SLOW 0
#endif
#define N_AFTER 200 /* instructions that are looked at after what fell in between */

static const struct rl_scopes order = {.instrument = 1, .venue = 1, .account = 1, .strategy = 1};
static enum rl_scope scope = RL_SCOPE_ACCOUNT; /* whose number 1 is tripped and reset */
static struct rl_kill k;
static uint32_t epoch;
static int reset_result;

static void (*volatile act)(void); /* done once, after instruction number `at` */
static volatile int at, step;
static volatile bool is_tripped, has_leaked;

static void on_trap(int signo, siginfo_t *info, void *context)
{
    ucontext_t *where = context;

    (void)signo;
    (void)info;
    if (++step == at)
        act();
    /* From the end of the trip on nothing of it may ever leave. */
    if (is_tripped && rl_kill_allows(&k, &order))
        has_leaked = true;
    if (at && step == at + N_AFTER)
        where->uc_mcontext.gregs[REG_EFL] &= ~0x100L; /* the rest at full speed */
}

/* Below the red zone: the flags are changed on the stack. */
#define TRAPS(change)                                               \
    __asm__ volatile("leaq -128(%%rsp), %%rsp\n\tpushfq\n\t" change \
                     ", (%%rsp)\n\tpopfq\n\tleaq 128(%%rsp), %%rsp" \
                     :                                              \
                     :                                              \
                     : "memory", "cc")

/* Runs `body` with `then` after its instruction number n; returns how many it had. */
static int run(void (*body)(void), void (*then)(void), int n)
{
    act = then;
    at = n;
    step = 0;
    TRAPS("orq $0x100");
    body();
    TRAPS("andq $-257");
    return step;
}

static void nothing(void)
{
}

static void trips(void)
{
    rl_kill_trip(&k, scope, 1, RL_KILL_LOSS, 2);
    is_tripped = true;
}

static void resets(void)
{
    reset_result = rl_kill_arm(&k, epoch, scope, 1);
}

/* It was tripped before, and a reset was asked for; a symbol is tripped, too. */
static void begin(void)
{
    uint32_t first;

    rl_kill_init(&k, 7);
    CHECK_EQ(rl_kill_request(&k, &first), 0);
    CHECK_EQ(rl_kill_arm(&k, first, RL_KILL_ALL, 0), 0);
    rl_kill_trip(&k, scope, 1, RL_KILL_REJECTS, 1);
    rl_kill_trip(&k, RL_SCOPE_SYMBOL, 70, RL_KILL_FEED_GAP, 1);
    CHECK_EQ(rl_kill_request(&k, &epoch), 0);
    is_tripped = has_leaked = false;
    reset_result = 1;
}

static void check_tripped(void)
{
    struct rl_kill_why why;

    CHECK(!has_leaked);
    CHECK(rl_kill_is_tripped(&k, scope, 1));
    CHECK(rl_kill_is_tripped(&k, RL_SCOPE_SYMBOL, 70));
    CHECK(!rl_kill_allows(&k, &order));
    CHECK(!rl_kill_allows(&k, &(struct rl_scopes){.instrument = 70}));
    CHECK(rl_kill_allows(&k, &(struct rl_scopes){2, 2, 2, 2, 0})); /* nothing is left half done */
    CHECK(rl_kill_word(&k) & 1ULL << scope);
    CHECK(rl_kill_has_news(&k));
    rl_kill_cause(&k, &why);
    CHECK(why.causes & 1ULL << RL_KILL_LOSS);
    CHECK(why.cause != RL_KILL_NONE);
}

static void test_a_trip_at_any_instruction_of_a_reset_holds_from_then_on(int stride)
{
    int n_steps, n_first = 0, n_broken_off = 0;

    begin();
    n_steps = run(resets, nothing, 0);
    CHECK_EQ(reset_result, 0);
    CHECK(n_steps > 100 && n_steps < 20000); /* so that all of them can be tried */
    for (int n = 1; n <= n_steps; n += IS_SLOW ? 37 : stride) {
        begin();
        run(resets, trips, n);
        if (!is_tripped)
            break; /* it has fewer instructions than the first time, which had some of its own */
        CHECK(reset_result == 0 || reset_result == -EAGAIN);
        n_first += reset_result == 0;
        n_broken_off += reset_result != 0;
        check_tripped();
    }
    CHECK(n_first > 0 && n_broken_off > 0);
}

static void test_a_reset_at_any_instruction_of_a_trip_does_not_take_it_away(void)
{
    int n_steps, n_first = 0, n_refused = 0;

    begin();
    n_steps = run(trips, nothing, 0);
    CHECK(n_steps > 20);
    for (int n = 1; n <= n_steps; n += IS_SLOW ? 5 : 1) {
        begin();
        run(trips, resets, n);
        if (reset_result == 1)
            break;
        CHECK(reset_result == 0 || reset_result == -EAGAIN);
        n_first += reset_result == 0;
        n_refused += reset_result != 0;
        check_tripped();
    }
    CHECK(n_first > 0 && n_refused > 0);
}

static bool answer;

static void asks(void)
{
    answer = rl_kill_allows(&k, &order);
}

/* As far as a reset comes before it may yet be broken off. */
static void begins_a_reset(void)
{
    atomic_fetch_or(&k.word, RL_KILL_RESETTING);
    atomic_fetch_and(&k.sets[RL_SCOPE_ACCOUNT], ~2ULL);
}

static void test_a_gap_that_a_reset_leaves_for_a_moment_is_not_believed(void)
{
    int n_steps;

    begin();
    n_steps = run(asks, nothing, 0);
    CHECK(n_steps > 10 && !answer);
    for (int n = 1; n <= n_steps; n++) {
        begin();
        run(asks, begins_a_reset, n);
        CHECK(!answer);
    }
}

int main(void)
{
#ifdef __SANITIZE_THREAD__
    fprintf(stderr, "ThreadSanitizer keeps signals back: nothing can fall between instructions\n");
    return RL_SKIP;
#endif
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGTRAP, &action, NULL), 0);
    for (scope = RL_SCOPE_VENUE; scope <= RL_SCOPE_SYMBOL; scope++)
        test_a_trip_at_any_instruction_of_a_reset_holds_from_then_on(
            scope == RL_SCOPE_ACCOUNT ? 1 : 7); /* all of one, many of its likes */
    scope = RL_SCOPE_ACCOUNT;
    test_a_reset_at_any_instruction_of_a_trip_does_not_take_it_away();
    test_a_gap_that_a_reset_leaves_for_a_moment_is_not_believed();
    return 0;
}
