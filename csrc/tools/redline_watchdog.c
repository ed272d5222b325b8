/*
 * redline-watchdog - a process of its own that stops an engine which cannot stop itself.
 *
 * It looks at what the engine shows on the board (beats, counters), at the engine's process, at a
 * socket, a signal and a file, and trips. A second thread keeps the latch on the disk, so that a
 * disk that hangs does not blind the first. It needs no answer from the engine, and it never
 * resets.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "tools/tool.h"
#include "tools/watch_engine.h"
#include "tools/watch_socket.h"
#include "trade/kill/on_signal.h"
#include "trade/kill/triggers.h"
#include "trade/kill/words.h"

#define MAX_RULES 64
#define TRIP_FILE "kill.trip"
#define LOCK_FILE "watchdog.lock"
#define CALIBRATION_NS 20000000ULL
#define NS_IN_S 1000000000ULL

static const char usage[] =
    "usage: redline-watchdog [--dir DIR] [--rule RULE]... [--period US] [--socket PATH]\n"
    "                        [--allow UID]... [--cpu N] [--wait]\n"
    "\n"
    "Stops the engine whose board lies in DIR when a RULE is broken, its process ends, somebody\n"
    "asks on the socket (DIR/kill.sock), the file DIR/kill.trip is there, or SIGUSR2 comes.\n"
    "SIGTERM stops it too, then ends the watchdog. RULE is TRIGGER LIMIT [SCOPE] [must], like\n"
    "'beat:engine 30ms' or 'audit_backlog 100000'. --period: microseconds between two looks,\n"
    "1000 without it. --wait: until there is a board. Nothing resets but two people.\n";

static const char *const default_rules[] = {
    "dead 0",         "beat:engine 100ms", "beat:audit 300ms", "stuck:engine 100ms",
    "audit_failed 0", "clock_steps 0",     "limits_altered 0", "build 0",
    "reconcile 0",    "sent_over 0",
};

struct watchdog {
    char dir[4096], socket_path[4200];
    struct rl_board board;
    struct rl_clock clock;
    struct rl_kill_rule rules[MAX_RULES];
    const char *rule_words[MAX_RULES];
    size_t n_rules;
    struct watch_engine engine;
    struct watch_socket socket;
    uint64_t period_us;
    int cpu, inotify, lock_fd;
    bool wait;
};

static struct watchdog dog = {.engine = {.pidfd = -1},
                              .board = {.dir_fd = -1, .lock_fd = -1},
                              .period_us = 1000,
                              .cpu = -1,
                              .inotify = -1,
                              .lock_fd = -1};
static volatile sig_atomic_t is_asked_to_end;
static _Atomic bool is_ending;

static void on_term(int signo)
{
    (void)signo;
    if (dog.board.kill) /* an engine without its watchdog does not trade */
        rl_kill_trip(dog.board.kill, RL_SCOPE_GLOBAL, 0, RL_KILL_SIGNAL, (uint32_t)getpid());
    is_asked_to_end = 1;
}

static int bad(const char *said, const char *word)
{
    tool_say(2, "redline-watchdog: %s: '%.100s'", said, word);
    return RL_EXIT_USAGE;
}

static int read_number(const char *word, uint64_t max, uint64_t *n)
{
    const char *rest;

    return rl_words_number(word, &rest, n) && !*rest && *n <= max ? 0
                                                                  : bad("not a number here", word);
}

static int read_options(int argc, char **argv)
{
    const char *value;
    uint64_t n;

    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];

        if (strcmp(word, "--wait") == 0) {
            dog.wait = true;
        } else if ((value = tool_option(argc, argv, &i, "--dir"))) {
            if (strlen(value) >= sizeof(dog.dir))
                return bad("too long", value);
            strcpy(dog.dir, value);
        } else if ((value = tool_option(argc, argv, &i, "--socket"))) {
            if (strlen(value) >= sizeof(dog.socket_path))
                return bad("too long", value);
            strcpy(dog.socket_path, value);
        } else if ((value = tool_option(argc, argv, &i, "--rule"))) {
            if (dog.n_rules == MAX_RULES)
                return bad("too many rules", value);
            dog.rule_words[dog.n_rules++] = value;
        } else if ((value = tool_option(argc, argv, &i, "--period"))) {
            if (read_number(value, 10000000, &dog.period_us))
                return RL_EXIT_USAGE;
        } else if ((value = tool_option(argc, argv, &i, "--cpu"))) {
            if (read_number(value, 4095, &n))
                return RL_EXIT_USAGE;
            dog.cpu = (int)n;
        } else if ((value = tool_option(argc, argv, &i, "--allow"))) {
            if (dog.socket.n_allowed == WATCH_MAX_ALLOWED)
                return bad("too many users", value);
            if (read_number(value, UINT32_MAX, &n))
                return RL_EXIT_USAGE;
            dog.socket.allowed[dog.socket.n_allowed++] = (uid_t)n;
        } else {
            return bad("no such option, or without its value", word);
        }
    }
    if (dog.period_us == 0)
        return bad("no period", "0");
    if (!dog.dir[0] && rl_board_default_dir(dog.dir, sizeof(dog.dir)) < 0)
        return bad("too long", "REDLINE_RUN_DIR");
    if (!dog.socket_path[0])
        snprintf(dog.socket_path, sizeof(dog.socket_path), "%s/" WATCH_SOCKET_FILE, dog.dir);
    return 0;
}

static int read_rules(void)
{
    const char *why;

    if (dog.n_rules == 0) {
        for (; dog.n_rules < RL_COUNT(default_rules); dog.n_rules++)
            dog.rule_words[dog.n_rules] = default_rules[dog.n_rules];
    }
    for (size_t i = 0; i < dog.n_rules; i++) {
        if (rl_kill_rule_read(dog.rule_words[i], dog.clock.tsc_hz, &dog.rules[i], &why) < 0)
            return bad(why, dog.rule_words[i]);
    }
    return 0;
}

/* One watchdog a board: two would be harmless, but one would think that it holds the socket. */
static int take_lock(void)
{
    dog.lock_fd =
        openat(dog.board.dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (dog.lock_fd < 0 || flock(dog.lock_fd, LOCK_EX | LOCK_NB) < 0) {
        tool_say(2, "%s: another watchdog is here", dog.dir);
        return RL_EXIT_NO_BOARD;
    }
    return 0;
}

static int open_board(void)
{
    const char *why;
    struct timespec pause = {.tv_nsec = 10000000};
    int err = rl_board_open(&dog.board, dog.dir, &why);

    while (err && dog.wait && !is_asked_to_end) {
        nanosleep(&pause, NULL);
        err = rl_board_open(&dog.board, dog.dir, &why);
    }
    if (err) {
        tool_say(2, "%s: %s (%s)", dog.dir, why, strerror(-err));
        return RL_EXIT_NO_BOARD;
    }
    return take_lock();
}

/* Keeps the latch on the disk. What cannot be saved must at least not trade on. */
static void *keep_latch(void *unused)
{
    struct timespec short_pause = {.tv_nsec = 200000}, long_pause = {.tv_nsec = 500000000};
    int said = 0;

    (void)unused;
    while (!atomic_load_explicit(&is_ending, memory_order_relaxed)) {
        int err = 0;

        if (!rl_board_is_persisted(&dog.board))
            err = rl_board_persist(&dog.board);
        if (err) {
            rl_kill_trip(dog.board.kill, RL_SCOPE_GLOBAL, 0, RL_KILL_LATCH, (uint32_t)getpid());
            if (err != said)
                tool_say(2, "%s: stopped in memory, but the latch cannot be saved (%s)", dog.dir,
                         strerror(-err));
        }
        said = err;
        nanosleep(err ? &long_pause : &short_pause, NULL);
    }
    return NULL;
}

static bool has_trip_file(void)
{
    struct stat st;

    /* Any answer but "there is none" is taken for a trip: a directory that cannot be read, too. */
    return fstatat(dog.board.dir_fd, TRIP_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

static void trip(enum rl_scope scope, uint32_t index, enum rl_kill_cause cause)
{
    rl_kill_trip(dog.board.kill, scope, index, cause, (uint32_t)getpid());
}

static void look(struct rl_kill_snapshot *seen, bool is_first)
{
    struct rl_kill *k = dog.board.kill;
    struct rl_kill_snapshot before = *seen;
    uint16_t broken[MAX_RULES];
    size_t n_broken;
    uint64_t now_tsc, active;

    rl_kill_look(k, is_first ? NULL : &before, seen);
    now_tsc = rl_tsc(); /* after the look: nothing that it saw lies in the future */
    seen->n_dead = dog.engine.is_dead;
    active = rl_kill_judge(dog.rules, dog.n_rules, seen, now_tsc, broken, &n_broken);
    for (size_t i = 0; i < n_broken; i++) {
        const struct rl_kill_rule *rule = &dog.rules[broken[i]];

        trip((enum rl_scope)rule->scope, rule->index, rl_trigger_cause(rule->trigger));
    }
    if (has_trip_file()) {
        trip(RL_SCOPE_GLOBAL, 0, RL_KILL_FILE);
        active |= 1ULL << RL_KILL_FILE;
    }
    rl_kill_set_active(k, true, active);
    rl_kill_beat(k, RL_BEAT_WATCHDOG, now_tsc);
}

/* Another build's engine has put another board in the place of ours: begin again with that. */
static void follow_board(char **argv)
{
    if (rl_board_is_current(&dog.board))
        return;
    trip(RL_SCOPE_GLOBAL, 0, RL_KILL_STOP); /* whoever still uses the old one is unguarded */
    execv("/proc/self/exe", argv);
}

static void watch(const sigset_t *while_waiting, char **argv)
{
    struct timespec period = {.tv_sec = (time_t)(dog.period_us / 1000000),
                              .tv_nsec = (long)(dog.period_us % 1000000) * 1000};
    struct pollfd polls[2 + 1 + WATCH_MAX_CLIENTS];
    struct rl_kill_snapshot seen = {0};
    char events[1024];

    for (uint64_t n = 0; !is_asked_to_end; n++) {
        int n_polls = 0;

        watch_engine_follow(&dog.engine, dog.board.file);
        look(&seen, n == 0);
        polls[n_polls++] = (struct pollfd){.fd = dog.engine.pidfd, .events = POLLIN};
        polls[n_polls++] = (struct pollfd){.fd = dog.inotify, .events = POLLIN};
        n_polls += watch_socket_polls(&dog.socket, polls + n_polls);
        if (ppoll(polls, (nfds_t)n_polls, &period, while_waiting) > 0) {
            if (polls[0].revents)
                watch_engine_ended(&dog.engine);
            while (dog.inotify >= 0 && read(dog.inotify, events, sizeof(events)) > 0)
                ;
            watch_socket_serve(&dog.socket, &dog.board);
        }
        if (n % 1024 == 0)
            follow_board(argv);
    }
}

static int start_watching(sigset_t *while_waiting)
{
    struct sigaction on_end = {.sa_handler = on_term};
    sigset_t ours;
    int err;

    /* They may come only while we wait: between two looks nothing is lost, and nothing interrupted.
     */
    sigemptyset(&ours);
    sigaddset(&ours, SIGUSR2);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigprocmask(SIG_BLOCK, &ours, while_waiting);
    sigdelset(while_waiting, SIGUSR2);
    sigdelset(while_waiting, SIGTERM);
    sigdelset(while_waiting, SIGINT);
    sigemptyset(&on_end.sa_mask);
    sigaction(SIGTERM, &on_end, NULL);
    sigaction(SIGINT, &on_end, NULL);
    rl_kill_on_signal(dog.board.kill, SIGUSR2);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    err = watch_socket_open(&dog.socket, dog.socket_path);
    if (err) {
        tool_say(2, "%s: cannot listen (%s)", dog.socket_path, strerror(-err));
        return RL_EXIT_NO_BOARD;
    }
    /* Without it the file is seen one period later. */
    dog.inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (dog.inotify >= 0)
        inotify_add_watch(dog.inotify, dog.dir, IN_CREATE | IN_MOVED_TO);
    if (dog.cpu >= 0 && (err = rl_cpu_pin(dog.cpu)) < 0) {
        tool_say(2, "redline-watchdog: --cpu %d: %s", dog.cpu, strerror(-err));
        return RL_EXIT_USAGE;
    }
    if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
        tool_say(2, "redline-watchdog: not locked in memory (%s)", strerror(errno));
    return 0;
}

int main(int argc, char **argv)
{
    sigset_t while_waiting;
    pthread_t keeper;
    int64_t disagree;
    int err;

    dog.socket.listener = -1;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return write(1, usage, sizeof(usage) - 1) < 0;
    err = read_options(argc, argv);
    if (err)
        return err;
    if (rl_clock_calibrate(&dog.clock, CALIBRATION_NS, &disagree) < 0) {
        tool_say(2, "redline-watchdog: the time stamp counter cannot be calibrated");
        return RL_EXIT_NO_BOARD;
    }
    err = read_rules();
    if (!err)
        err = open_board();
    if (!err)
        err = start_watching(&while_waiting);
    if (err)
        return err;
    if (pthread_create(&keeper, NULL, keep_latch, NULL) != 0) {
        tool_say(2, "redline-watchdog: no second thread");
        return RL_EXIT_NO_BOARD;
    }
    atomic_store_explicit(&dog.board.file->watchdog_pid, (uint64_t)getpid(), memory_order_relaxed);
    tool_say(1, "watching %s by %zu rules", dog.dir, dog.n_rules);
    watch(&while_waiting, argv);
    atomic_store_explicit(&is_ending, true, memory_order_relaxed);
    pthread_join(keeper, NULL);
    watch_socket_close(&dog.socket);
    unlink(dog.socket_path);
    err = rl_board_is_persisted(&dog.board) ? 0 : rl_board_persist(&dog.board);
    if (err)
        tool_say(2, "%s: stopped in memory, but the latch cannot be saved (%s)", dog.dir,
                 strerror(-err));
    tool_say(1, "ended: the engine is stopped");
    return err ? RL_EXIT_NOT_LATCHED : RL_EXIT_DONE;
}
