/*
 * A trip that falls into the taking of a latch: between the look at the small sets and the look at
 * the symbols. The page of the last symbols is taken away; who looks at it faults, and the trip
 * happens in the handler, at that very instruction.
 */
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "trade/kill/latch.h"

#define LAST_SYMBOL (RL_MAX_SYMBOLS - 1)

static struct rl_kill *k;
static char *page; /* with the last symbols */
static size_t n_page;
static int n_faults;

static void on_fault(int signo)
{
    (void)signo;
    n_faults++;
    if (mprotect(page, n_page, PROT_READ | PROT_WRITE) < 0)
        _exit(1);
    /* In the order in which the sets are looked at: a single look has the second alone. */
    rl_kill_trip(k, RL_SCOPE_ACCOUNT, 1, RL_KILL_LOSS, 2);
    rl_kill_trip(k, RL_SCOPE_SYMBOL, LAST_SYMBOL, RL_KILL_LOSS, 2);
}

static void begin(void)
{
    uint32_t epoch;

    rl_kill_init(k, 7);
    CHECK_EQ(rl_kill_request(k, &epoch), 0);
    CHECK_EQ(rl_kill_arm(k, epoch, RL_KILL_ALL, 0), 0);
    n_faults = 0;
}

static void test_a_latch_never_has_a_trip_without_the_one_before_it(void)
{
    struct rl_latch latch;

    begin();
    CHECK_EQ(mprotect(page, n_page, PROT_NONE), 0);
    rl_latch_take(&latch, k, 1);
    CHECK_EQ(n_faults, 1);
    CHECK_EQ(latch.symbols[LAST_SYMBOL / 64], 1ULL << LAST_SYMBOL % 64);
    CHECK_EQ(latch.sets[RL_SCOPE_ACCOUNT], 2);
    CHECK_EQ(latch.word, rl_kill_word(k)); /* and says so */
    CHECK_EQ(latch.causes, 1ULL << RL_KILL_LOSS);
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_fault};
    size_t n_board;

    n_page = (size_t)sysconf(_SC_PAGESIZE);
    n_board = (sizeof(*k) / n_page + 1) * n_page;
    k = mmap(NULL, n_board, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(k != MAP_FAILED);
    page = (char *)k + offsetof(struct rl_kill, symbols[LAST_SYMBOL / 64]) / n_page * n_page;
    CHECK(page > (char *)&k->reasons + sizeof(k->reasons)); /* all else can be looked at */
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    test_a_latch_never_has_a_trip_without_the_one_before_it();
    return 0;
}
