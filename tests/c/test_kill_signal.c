/* A signal trips the board that was named last, says who sent it, and leaves errno alone. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "check.h"
#include "trade/kill/on_signal.h"

static struct rl_kill board, other;

static void begin(void)
{
    uint32_t epoch;

    rl_kill_init(&board, 7);
    CHECK_EQ(rl_kill_request(&board, &epoch), 0);
    CHECK_EQ(rl_kill_arm(&board, epoch, RL_KILL_ALL, 0), 0);
    other = board;
}

static void test_a_signal_stops_everything_and_says_who_sent_it(void)
{
    struct rl_kill_why why;

    begin();
    CHECK_EQ(rl_kill_on_signal(&board, SIGUSR2), 0);
    errno = EDOM;
    CHECK_EQ(kill(getpid(), SIGUSR2), 0);
    CHECK_EQ(errno, EDOM);
    CHECK_EQ(rl_kill_cause(&board, &why), RL_KILL_SIGNAL);
    CHECK_EQ(why.state, RL_KILL_IS_TRIPPED);
    CHECK_EQ(why.scope, RL_SCOPE_GLOBAL);
    CHECK_EQ(why.index, 0);
    CHECK_EQ(why.who, getpid());
    CHECK(rl_kill_is_clear(&other));
}

static void test_a_signal_that_nobody_can_take_is_an_error(void)
{
    CHECK_EQ(rl_kill_on_signal(&board, SIGKILL), -EINVAL);
}

/* Who lets go of a board that a signal no longer means takes nothing from the one it does. */
static void test_a_board_that_was_let_go_is_not_touched_and_another_stays(void)
{
    begin();
    CHECK_EQ(rl_kill_on_signal(&board, SIGUSR2), 0);
    rl_kill_off_signal(&other);
    CHECK_EQ(kill(getpid(), SIGUSR2), 0);
    CHECK(!rl_kill_is_clear(&board));
    begin();
    rl_kill_off_signal(&board);
    CHECK_EQ(kill(getpid(), SIGUSR2), 0);
    CHECK(rl_kill_is_clear(&board));
}

int main(void)
{
    test_a_signal_stops_everything_and_says_who_sent_it();
    test_a_signal_that_nobody_can_take_is_an_error();
    test_a_board_that_was_let_go_is_not_touched_and_another_stays();
    return 0;
}
