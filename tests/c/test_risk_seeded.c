/*
 * The table of risk_table.h notices every single wrong comparison: the decision is compiled into
 * this test with a place for one mistake, and asked once for each mistake there can be.
 */
#include "trade/risk/risk.h"

/* X(site, is it a comparison: one that lets one more pass, or one less, is a mistake too) */
#define SITES(X)         \
    X(AGE, 1)            \
    X(PX, 1)             \
    X(TICK, 0)           \
    X(QTY_RANGE, 0)      \
    X(LOT, 0)            \
    X(TYPE, 0)           \
    X(TIF, 0)            \
    X(EXPIRE, 1)         \
    X(UTC, 0)            \
    X(NO_EXPIRE, 0)      \
    X(COLLAR_BPS, 1)     \
    X(COLLAR_TICKS, 1)   \
    X(MOVED_UP, 1)       \
    X(MOVED_DOWN, 1)     \
    X(CROSS_BOOK, 0)     \
    X(CROSS, 1)          \
    X(HALTED, 0)         \
    X(REDUCE, 1)         \
    X(OPEN_NOTIONAL, 1)  \
    X(MARK, 0)           \
    X(ROOM, 0)           \
    X(GROSS, 1)          \
    X(NET, 1)            \
    X(CREDIT, 1)         \
    X(OPEN_PAIR, 1)      \
    X(OPEN_ACCOUNT, 1)   \
    X(OPEN_STRATEGY, 1)  \
    X(OPEN_VENUE, 1)     \
    X(OPEN_ENGINE, 1)    \
    X(OVERRIDE, 1)       \
    X(SIDE, 0)           \
    X(KNOWN, 0)          \
    X(SESSION, 0)        \
    X(STRATEGIES, 0)     \
    X(VENUES, 0)         \
    X(SIDES, 0)          \
    X(PHASE, 0)          \
    X(QTY, 1)            \
    X(NOTIONAL, 1)       \
    X(BOOK, 0)           \
    X(REPEATS, 1)        \
    X(REPEATS_FULL, 0)   \
    X(RATE_PAIR, 0)      \
    X(RATE_STRATEGY, 0)  \
    X(RATE_ACCOUNT, 0)   \
    X(RATE_VENUE, 0)     \
    X(RATE_ENGINE, 0)    \
    X(LONG, 1)           \
    X(SHORT, 1)          \
    X(LOSS, 1)           \
    X(MARK_AGE, 0)       \
    X(SELF_TRADE, 0)     \
    X(SHORT_SALE, 1)     \
    X(BOOK_IN_STEP, 0)   \
    X(DELAY, 1)          \
    X(ALTERED, 0)        \
    X(REPLACE_STATE, 0)  \
    X(REPLACE_MARKET, 0) \
    X(REPLACE_OTHER, 0)  \
    X(REPLACE_CUM, 1)    \
    X(CANCEL_RATE, 1)

enum site {
#define SITE_ENUM(site, is_comparison) SITE_##site,
    SITES(SITE_ENUM)
#undef SITE_ENUM
        N_SITES
};

enum mistake { NO_MISTAKE, ONE_OFF, NEVER, ALWAYS, N_MISTAKES };

static int seeded_site;
static enum mistake seeded = NO_MISTAKE;

#define SEEDED(site, mistake) (seeded == (mistake) && seeded_site == SITE_##site)
#define RL_RISK_ABOVE(site, actual, limit)               \
    ((bool)(SEEDED(site, ONE_OFF)  ? (actual) >= (limit) \
            : SEEDED(site, NEVER)  ? false               \
            : SEEDED(site, ALWAYS) ? true                \
                                   : (actual) > (limit)))
#define RL_RISK_FAILS(site, failed) \
    ((bool)(SEEDED(site, NEVER) ? false : SEEDED(site, ALWAYS) ? true : (failed)))

#include "trade/risk/risk_check.c"

#include "risk_table.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct world w;

static const char *const SITE_NAMES[] = {
#define SITE_NAME(site, is_comparison) #site,
    SITES(SITE_NAME)};

static const bool IS_COMPARISON[] = {
#define SITE_COMPARES(site, is_comparison) is_comparison,
    SITES(SITE_COMPARES)};

static void test_without_a_mistake_the_table_is_content(void)
{
    unsigned n_asked;

    seeded = NO_MISTAKE;
    CHECK_EQ(table_run(&w, true, false, &n_asked), 0);
}

/* ThreadSanitizer makes a fork slow: there only what may index by the unknown has its own. */
static bool needs_a_process(enum site site)
{
#ifdef __SANITIZE_THREAD__
    return site == SITE_KNOWN || site == SITE_SIDE;
#else
    return (void)site, true;
#endif
}

static bool answers_wrongly(enum site site, enum mistake mistake)
{
    unsigned n_asked, n_wrong;

    seeded_site = (int)site;
    seeded = mistake;
    n_wrong = table_run(&w, false, true, &n_asked);
    seeded = NO_MISTAKE;
    return n_wrong != 0;
}

/* In a process of its own: to index by what is not known may as well end it. */
static bool is_noticed(enum site site, enum mistake mistake)
{
    int status = 0, null;
    pid_t child;

    if (!needs_a_process(site))
        return answers_wrongly(site, mistake);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (null >= 0)
            dup2(null, STDERR_FILENO); /* what a sanitizer has to say is expected */
        _exit(answers_wrongly(site, mistake) ? 1 : 0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void test_the_table_notices(enum site site, enum mistake mistake)
{
    static const char *const mistakes[] = {
        [ONE_OFF] = "one off", [NEVER] = "never fails", [ALWAYS] = "always fails"};

    if (is_noticed(site, mistake))
        return;
    fprintf(stderr, "nobody noticed: %s %s\n", SITE_NAMES[site], mistakes[mistake]);
    exit(1);
}

static void test_a_child_without_a_mistake_notices_nothing(void)
{
    CHECK(!is_noticed(SITE_QTY, NO_MISTAKE));
}

int main(void)
{
    test_without_a_mistake_the_table_is_content();
    test_a_child_without_a_mistake_notices_nothing();
    for (int site = 0; site < N_SITES; site++)
        for (int mistake = IS_COMPARISON[site] ? ONE_OFF : NEVER; mistake < N_MISTAKES; mistake++)
            test_the_table_notices((enum site)site, (enum mistake)mistake);
    printf("%d places, each mistake noticed\n", N_SITES);
    world_close(&w);
    return 0;
}
