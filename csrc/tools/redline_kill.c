/*
 * redline-kill - stops an engine from outside: maps its board, sets one word, saves the latch.
 *
 * Needs neither Python nor the engine nor, once it holds the board (--hold), any more memory, file
 * or descriptor for the stop itself. The trip comes first; everything else is said afterwards.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "tools/tool.h"
#include "trade/kill/board.h"
#include "trade/kill/on_signal.h"
#include "trade/kill/words.h"

static const char usage[] =
    "usage: redline-kill [--dir DIR] [--scope SCOPE] [--cause CAUSE] [--wait MS] [--hold]\n"
    "       redline-kill [--dir DIR] --status\n"
    "\n"
    "Stops the engine whose board lies in DIR. SCOPE is global (as without it), venue=N,\n"
    "account=N, strategy=N or symbol=N. --wait: until the engine has acknowledged it.\n"
    "--hold: be ready, and stop it at a line or the end of standard input, or at SIGUSR2.\n"
    "Leaves with 0: stopped; 1: stopped, not acknowledged in time; 2: usage, nothing done;\n"
    "3: no board, nothing done; 4: stopped, but the latch could not be saved.\n";

struct asked {
    char dir[4096];
    uint32_t scope, index;
    enum rl_kill_cause cause;
    uint64_t wait_ms;
    bool hold, status;
};

static int bad(const char *said, const char *word)
{
    tool_say(2, "redline-kill: %s: '%.100s': nothing was stopped", said, word);
    return RL_EXIT_USAGE;
}

static int read_options(struct asked *a, int argc, char **argv)
{
    const char *value, *rest;

    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];

        if (strcmp(word, "--hold") == 0) {
            a->hold = true;
        } else if (strcmp(word, "--status") == 0) {
            a->status = true;
        } else if ((value = tool_option(argc, argv, &i, "--dir"))) {
            if (strlen(value) >= sizeof(a->dir))
                return bad("too long", value);
            strcpy(a->dir, value);
        } else if ((value = tool_option(argc, argv, &i, "--scope"))) {
            if (!rl_words_scope(value, &a->scope, &a->index) || a->scope == RL_KILL_ALL)
                return bad("no such scope", value);
        } else if ((value = tool_option(argc, argv, &i, "--cause"))) {
            if (!rl_words_cause(value, &a->cause))
                return bad("no such cause", value);
        } else if ((value = tool_option(argc, argv, &i, "--wait"))) {
            if (!rl_words_number(value, &rest, &a->wait_ms) || *rest || a->wait_ms > 3600000)
                return bad("not a number of milliseconds up to an hour", value);
        } else {
            return bad("no such option, or without its value", word);
        }
    }
    if (!a->dir[0] && rl_board_default_dir(a->dir, sizeof(a->dir)) < 0)
        return bad("too long", "REDLINE_RUN_DIR");
    return 0;
}

static int open_board(struct rl_board *b, const struct asked *a)
{
    const char *why;
    int err = rl_board_open(b, a->dir, &why);

    if (err)
        tool_say(2, "%s: %s (%s)%s", a->dir, why, strerror(-err),
                 a->status ? "" : ": nothing was stopped");
    return err;
}

static void say_status(const struct rl_board *b)
{
    struct rl_kill_why why;
    char scope[24];

    rl_kill_cause(b->kill, &why);
    tool_say(
        1, "%s epoch=%u cause=%s scope=%s engine=%s latch=%s", rl_kill_state_text(why.state),
        why.epoch, rl_kill_cause_name(why.cause), rl_words_of_scope(scope, why.scope, why.index),
        rl_board_has_engine(b) ? "running" : "none", rl_board_is_persisted(b) ? "saved" : "behind");
}

/* Until a line, the end of input, or the signal, whose handler has stopped everything by then. */
static void hold(struct rl_kill *k)
{
    struct pollfd in = {.fd = 0, .events = POLLIN};
    sigset_t usr2, before;

    if (mlockall(MCL_CURRENT) < 0)
        tool_say(2, "redline-kill: not locked in memory (%s)", strerror(errno));
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    sigprocmask(SIG_BLOCK, &usr2, &before); /* it may come only while we wait for it */
    sigdelset(&before, SIGUSR2);
    rl_kill_on_signal(k, SIGUSR2);
    tool_say(1, "ready");
    ppoll(&in, 1, NULL, &before);
}

static void trip(struct rl_board *b, const struct asked *a)
{
    rl_kill_trip(b->kill, (enum rl_scope)a->scope, a->index, a->cause, (uint32_t)getpid());
}

/* Has the engine acknowledged it before the time is over? */
static bool was_seen(const struct rl_kill *k, struct rl_kill_mark mark, uint64_t wait_ms)
{
    struct timespec pause = {.tv_nsec = 50000}, now, until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(wait_ms / 1000);
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    for (;;) {
        if (rl_kill_is_seen(k, mark))
            return true;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((now.tv_sec - until.tv_sec) * 1000000000L + now.tv_nsec - until.tv_nsec >= 0)
            return false;
        nanosleep(&pause, NULL);
    }
}

int main(int argc, char **argv)
{
    static struct asked asked = {.cause = RL_KILL_MANUAL};
    struct rl_kill_mark mark;
    struct rl_board board, other;
    int err;

    signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error of the latch, not our end */
    signal(SIGPIPE, SIG_IGN);
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        return write(1, usage, sizeof(usage) - 1) < 0;
    }
    err = read_options(&asked, argc, argv);
    if (err)
        return err;
    if (open_board(&board, &asked))
        return RL_EXIT_NO_BOARD;
    if (asked.status) {
        say_status(&board);
        return RL_EXIT_DONE;
    }
    if (asked.hold)
        hold(board.kill);
    trip(&board, &asked);
    mark = rl_kill_mark(board.kill);
    /* Held for long: an engine of another build may have put another file there. */
    if (!rl_board_is_current(&board) && open_board(&other, &asked) == 0) {
        trip(&other, &asked);
        board = other;
        mark = rl_kill_mark(board.kill);
    }
    err = rl_board_persist(&board);
    if (err)
        tool_say(2, "%s: stopped in memory, but the latch cannot be saved (%s)", asked.dir,
                 strerror(-err));
    say_status(&board);
    if (asked.wait_ms && !was_seen(board.kill, mark, asked.wait_ms)) {
        tool_say(2, "%s: the engine has not acknowledged it in %llu ms", asked.dir,
                 (unsigned long long)asked.wait_ms);
        return err ? RL_EXIT_NOT_LATCHED : RL_EXIT_NOT_SEEN;
    }
    return err ? RL_EXIT_NOT_LATCHED : RL_EXIT_DONE;
}
