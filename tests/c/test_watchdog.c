/* redline-watchdog: what it sees of an engine that says nothing, and who may tell it to stop one.
 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "kill_engine.h"
#include "trade/kill/latch.h"
#include "trade/kill/triggers.h"

#define WATCHDOG RL_TOOLS_DIR "/redline-watchdog"

/* An engine, its board, and a watchdog over it that has looked at least once. */
struct scene {
    struct engine *e;
    struct rl_board board;
    struct rl_kill *k;
    struct program dog;
};

static struct scene begin_limited(const char *rule, program_setup *setup)
{
    struct scene s = {.e = engine_new()};

    engine_start(s.e, false);
    s.board = engine_board(s.e);
    s.k = s.board.kill;
    s.dog =
        program_start(setup, WATCHDOG, "--dir", s.e->dir, "--rule", "dead 0", "--rule", rule, NULL);
    program_says(&s.dog, "watching");
    UNTIL(s.k->vitals.beats[RL_BEAT_WATCHDOG].n > 1);
    return s;
}

static struct scene begin(const char *rule)
{
    return begin_limited(rule, NULL);
}

static void end(struct scene *s)
{
    kill(s->dog.pid, SIGKILL);
    program_end(&s->dog);
    engine_kill(s->e);
    rl_board_close(&s->board);
    engine_free(s->e);
}

static struct rl_kill_why why_of(const struct rl_kill *k)
{
    struct rl_kill_why why;

    rl_kill_cause(k, &why);
    return why;
}

/* Stopped by the watchdog for this, the engine silent, and the disk knows. */
static void check_stopped(struct scene *s, enum rl_kill_cause cause)
{
    struct rl_latch latch;
    int dir;

    UNTIL(rl_kill_is_tripped(s->k, RL_SCOPE_GLOBAL, 0));
    CHECK_EQ(why_of(s->k).cause, cause);
    UNTIL(rl_board_is_persisted(&s->board));
    dir = open(s->e->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_EQ(rl_latch_load(&latch, dir, NULL), 0);
    close(dir);
    CHECK(latch.word & RL_KILL_GLOBAL);
    CHECK(latch.causes & 1ULL << cause);
}

static void test_a_healthy_engine_is_left_alone(void)
{
    struct scene s = begin("beat:engine 60s");
    uint64_t n_looks = s.k->vitals.beats[RL_BEAT_WATCHDOG].n, n_sent = atomic_load(&s.e->n_sent);

    UNTIL(s.k->vitals.beats[RL_BEAT_WATCHDOG].n > n_looks + 20);
    CHECK(rl_kill_is_clear(s.k));
    CHECK(atomic_load(&s.e->n_sent) > n_sent);
    CHECK_EQ(s.k->active_watchdog, 0);
    end(&s);
}

/* ---- What it sees -------------------------------------------------------------------------------
 */

static void test_a_heartbeat_that_stops_is_seen(void)
{
    struct scene s = begin("beat:engine 200ms");

    CHECK(rl_kill_is_clear(s.k) || why_of(s.k).cause == RL_KILL_HEARTBEAT); /* a very busy host */
    atomic_store(&s.e->faults, ENGINE_NO_BEAT);
    check_stopped(&s, RL_KILL_HEARTBEAT);
    end(&s);
}

static void test_an_engine_that_beats_and_does_not_move_is_seen(void)
{
    struct scene s = begin("stuck:engine 1ms");

    CHECK(rl_kill_is_clear(s.k));
    atomic_store(&s.e->faults, ENGINE_IS_STUCK);
    check_stopped(&s, RL_KILL_STUCK);
    engine_is_silent(s.e, s.k);
    end(&s);
}

static void test_an_engine_that_is_stopped_by_a_debugger_is_seen(void)
{
    struct scene s = begin("beat:engine 200ms");

    kill(s.e->pid, SIGSTOP);
    check_stopped(&s, RL_KILL_HEARTBEAT);
    kill(s.e->pid, SIGCONT);
    engine_is_silent(s.e, s.k);
    end(&s);
}

static void test_an_engine_that_dies_is_seen_and_the_next_one_is_watched(void)
{
    struct scene s = begin("loss 1000");

    engine_kill(s.e);
    check_stopped(&s, RL_KILL_DEAD);
    engine_start(s.e, true);
    CHECK_EQ(why_of(s.k).cause, RL_KILL_DEAD); /* of the last period; nobody has reset it */
    CHECK(why_of(s.k).causes & 1ULL << RL_KILL_BOOT);
    UNTIL(s.k->active_watchdog == 0); /* the new one lives */
    CHECK(!rl_kill_is_clear(s.k));
    end(&s);
}

static void test_a_broken_rule_trips_its_scope_and_lets_the_rest_trade(void)
{
    struct scene s = begin("loss 1000 account=6");
    uint64_t n_sent;

    rl_vital_set(&s.k->vitals, RL_VITAL_LOSS, 1001);
    UNTIL(rl_kill_is_tripped(s.k, RL_SCOPE_ACCOUNT, 6));
    CHECK_EQ(why_of(s.k).state, RL_KILL_IS_ACTIVE);
    n_sent = atomic_load(&s.e->n_sent);
    UNTIL(atomic_load(&s.e->n_sent) > n_sent);
    end(&s);
}

/* More on the wire than was approved: found by counting at the port, not by asking the engine. */
static void test_an_engine_that_sends_more_than_was_approved_is_seen(void)
{
    struct scene s = begin("sent_over 0");

    CHECK(rl_kill_is_clear(s.k));
    atomic_store(&s.e->faults, ENGINE_NO_BEAT); /* no matter */
    rl_kill_trip(s.k, RL_SCOPE_ACCOUNT, 5, RL_KILL_MANUAL, 1);
    UNTIL(rl_kill_is_seen(s.k, rl_kill_mark(s.k)));
    rl_vital_add(&s.k->vitals, RL_VITAL_SENT_QTY, 1);
    UNTIL(rl_kill_is_tripped(s.k, RL_SCOPE_GLOBAL, 0));
    CHECK(why_of(s.k).causes & 1ULL << RL_KILL_SENT_TWICE);
    end(&s);
}

static void test_it_never_resets_and_a_reset_waits_for_the_cause_to_end(void)
{
    struct scene s = begin("loss 1000");
    uint64_t n_looks;
    uint32_t epoch;

    rl_vital_set(&s.k->vitals, RL_VITAL_LOSS, 1001);
    check_stopped(&s, RL_KILL_LOSS);
    CHECK(rl_kill_draining(s.k) && rl_kill_drained(s.k, 0));
    UNTIL(rl_kill_request(s.k, &epoch) == 0);
    CHECK(rl_kill_arm(s.k, epoch, RL_KILL_ALL, 0) != 0); /* it is looked at again and again */
    rl_vital_set(&s.k->vitals, RL_VITAL_LOSS, 0);
    UNTIL(s.k->active_watchdog == 0);
    n_looks = s.k->vitals.beats[RL_BEAT_WATCHDOG].n;
    UNTIL(s.k->vitals.beats[RL_BEAT_WATCHDOG].n > n_looks + 20);
    CHECK(!rl_kill_is_clear(s.k));
    if (rl_kill_state_of(rl_kill_word(s.k)) == RL_KILL_IS_TRIPPED)
        CHECK(rl_kill_draining(s.k) && rl_kill_drained(s.k, 0));
    CHECK_EQ(rl_kill_request(s.k, &epoch), 0);
    CHECK_EQ(rl_kill_arm(s.k, epoch, RL_KILL_ALL, 0), 0);
    UNTIL(s.k->vitals.beats[RL_BEAT_WATCHDOG].n > n_looks + 40);
    CHECK(rl_kill_is_clear(s.k));
    end(&s);
}

/* Who watches the watchdog: the engine, with the same rules. */
static void test_a_watchdog_that_dies_can_be_seen_by_the_engine(void)
{
    struct scene s = begin("loss 1000");
    struct rl_kill_rule rule = {
        .trigger = RL_TRIGGER_BEAT, .beat = RL_BEAT_WATCHDOG, .limit = 1000000000, .must = true};
    struct rl_kill_snapshot now;

    rl_kill_look(s.k, NULL, &now);
    CHECK(!rl_kill_breaks(&rule, &now, now.beat_tsc[RL_BEAT_WATCHDOG] + rule.limit));
    kill(s.dog.pid, SIGKILL);
    CHECK_EQ(program_end(&s.dog), 128 + SIGKILL);
    rl_kill_look(s.k, NULL, &now);
    CHECK(rl_kill_breaks(&rule, &now, now.beat_tsc[RL_BEAT_WATCHDOG] + rule.limit + 1));
    s.dog = program_start(NULL, WATCHDOG, "--dir", s.e->dir, NULL); /* takes its place */
    program_says(&s.dog, "watching");
    end(&s);
}

/* ---- Who may tell it ----------------------------------------------------------------------------
 */

static void test_its_signal_stops_the_engine(void)
{
    struct scene s = begin("loss 1000");

    kill(s.dog.pid, SIGUSR2);
    check_stopped(&s, RL_KILL_SIGNAL);
    CHECK_EQ(why_of(s.k).who, getpid()); /* the kernel says who */
    engine_is_silent(s.e, s.k);
    end(&s);
}

static void test_an_engine_does_not_trade_without_its_watchdog(void)
{
    struct scene s = begin("loss 1000");

    kill(s.dog.pid, SIGTERM);
    CHECK_EQ(program_end(&s.dog), 0);
    CHECK(strstr(s.dog.said, "ended: the engine is stopped"));
    check_stopped(&s, RL_KILL_SIGNAL);
    s.dog = program_start(NULL, WATCHDOG, "--dir", s.e->dir, NULL);
    end(&s);
}

static void test_a_file_stops_the_engine_and_no_reset_while_it_is_there(void)
{
    struct scene s = begin("loss 1000");
    uint32_t epoch;
    char path[96];
    int fd;

    snprintf(path, sizeof(path), "%s/kill.trip", s.e->dir);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    close(fd);
    check_stopped(&s, RL_KILL_FILE);
    CHECK(rl_kill_draining(s.k) && rl_kill_drained(s.k, 0));
    UNTIL(rl_kill_request(s.k, &epoch) == 0);
    CHECK(rl_kill_arm(s.k, epoch, RL_KILL_ALL, 0) != 0);
    CHECK_EQ(unlink(path), 0);
    UNTIL(s.k->active_watchdog == 0);
    end(&s);
}

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The answer to a packet; "" when we were sent away. */
static const char *ask(int fd, const char *packet, size_t n_packet)
{
    static char line[256];
    ssize_t n;

    CHECK_EQ(send(fd, packet, n_packet, MSG_NOSIGNAL), n_packet);
    n = recv(fd, line, sizeof(line) - 1, 0);
    line[n > 0 ? n : 0] = '\0';
    return line;
}

static void test_the_socket_stops_what_it_is_told_to(void)
{
    struct scene s = begin("loss 1000");
    char path[96];
    int fd;

    snprintf(path, sizeof(path), "%s/kill.sock", s.e->dir);
    fd = dial(path);
    CHECK(fd >= 0);
    CHECK(strncmp(ask(fd, "status\n", 7), "active ", 7) == 0);
    CHECK(strstr(ask(fd, "trip account=6 loss\n", 20), "active epoch="));
    CHECK(rl_kill_is_tripped(s.k, RL_SCOPE_ACCOUNT, 6));
    CHECK_EQ(why_of(s.k).cause, RL_KILL_LOSS);
    CHECK(strncmp(ask(fd, "trip", 4), "tripped ", 8) == 0);
    check_stopped(&s, RL_KILL_LOSS);
    CHECK(why_of(s.k).causes & 1ULL << RL_KILL_SOCKET);
    engine_is_silent(s.e, s.k);
    close(fd);
    end(&s);
}

static void test_garbage_on_the_socket_stops_nothing_and_is_survived(void)
{
    static const char *const garbage[] = {
        "",
        "reset",
        "arm 5",
        "tripp",
        "trip account=64",
        "trip acount=3",
        "trip all",
        "trip global x",
        "\n\n\n",
        "trip account=99999999999999999999",
        "status\0trip",
    };
    struct scene s = begin("loss 1000");
    char path[96], longer[4096];
    uint64_t seed = 3;
    int fd;

    memset(longer, 't', sizeof(longer));
    memcpy(longer, "trip ", 5);
    snprintf(path, sizeof(path), "%s/kill.sock", s.e->dir);
    for (size_t i = 1; i < RL_COUNT(garbage); i++) {
        fd = dial(path);
        ask(fd, garbage[i], strlen(garbage[i]));
        close(fd);
    }
    fd = dial(path);
    CHECK(strstr(ask(fd, longer, sizeof(longer)), "longer than 128 bytes"));
    for (int i = 0; i < 200; i++) {
        char noise[100];

        for (size_t j = 0; j < sizeof(noise); j++)
            noise[j] = (char)check_random(&seed);
        CHECK(strncmp(ask(fd, noise, sizeof(noise)), "error: ", 7) == 0);
    }
    CHECK(strncmp(ask(fd, "status", 6), "active ", 7) == 0);
    CHECK(rl_kill_is_clear(s.k));
    close(fd);
    end(&s);
}

static void test_silent_clients_keep_nobody_out(void)
{
    enum { N = 100 };
    struct scene s = begin("loss 1000");
    int silent[N], fd;
    char path[96];

    snprintf(path, sizeof(path), "%s/kill.sock", s.e->dir);
    for (int i = 0; i < N; i++) {
        UNTIL((silent[i] = dial(path)) >= 0);
    }
    UNTIL((fd = dial(path)) >= 0);
    CHECK(strncmp(ask(fd, "trip", 4), "tripped ", 8) == 0);
    check_stopped(&s, RL_KILL_SOCKET);
    for (int i = 0; i < N; i++)
        close(silent[i]);
    close(fd);
    end(&s);
}

/* As user `uid` in a child: what the socket answers to "trip". */
static bool may_trip(const char *path, uid_t uid)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        int fd;

        CHECK_EQ(setgid(uid), 0);
        CHECK_EQ(setuid(uid), 0);
        fd = dial(path);
        _exit(fd < 0 ? 2 : strncmp(ask(fd, "trip", 4), "error: ", 7) == 0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status) == 0;
}

static void test_only_allowed_users_are_heard(void)
{
    struct engine *e;
    struct rl_board board;
    struct program dog;
    char path[96];

    if (geteuid() != 0) {
        fprintf(stderr, "not root: other users were not tried\n");
        return;
    }
    e = engine_new();
    engine_start(e, false);
    board = engine_board(e);
    snprintf(path, sizeof(path), "/tmp/redline-sock-%d", getpid());
    dog =
        program_start(NULL, WATCHDOG, "--dir", e->dir, "--socket", path, "--allow", "65533", NULL);
    program_says(&dog, "watching");
    CHECK(!may_trip(path, 65534));
    CHECK(rl_kill_is_clear(board.kill) || !(why_of(board.kill).causes & 1ULL << RL_KILL_SOCKET));
    CHECK(may_trip(path, 65533));
    CHECK(!rl_kill_is_clear(board.kill));
    kill(dog.pid, SIGTERM);
    CHECK_EQ(program_end(&dog), 0);
    CHECK(access(path, F_OK) < 0);
    engine_kill(e);
    rl_board_close(&board);
    engine_free(e);
}

/* ---- Adversities --------------------------------------------------------------------------------
 */

static void small_files(void)
{
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096}), 0);
}

static void test_what_cannot_be_latched_does_not_trade_on(void)
{
    struct scene s = begin_limited("loss 1000", small_files);

    program_says(&s.dog,
                 "the latch cannot be saved (File too large)"); /* the arming is not on disk */
    UNTIL(rl_kill_is_tripped(s.k, RL_SCOPE_GLOBAL, 0));
    CHECK_EQ(why_of(s.k).cause, RL_KILL_LATCH);
    engine_is_silent(s.e, s.k);
    kill(s.dog.pid, SIGTERM);
    CHECK_EQ(program_end(&s.dog), 4);
    s.dog = program_start(NULL, WATCHDOG, "--dir", s.e->dir, NULL);
    end(&s);
}

static void test_without_memory_it_watches_on(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    fprintf(stderr, "sanitizers need memory of their own: not tried without\n");
    return;
#endif
    struct scene s = begin("loss 1000");
    struct rlimit none = {1, 1};

    CHECK_EQ(prlimit(s.dog.pid, RLIMIT_AS, &none, NULL), 0);
    rl_vital_set(&s.k->vitals, RL_VITAL_LOSS, 1001);
    check_stopped(&s, RL_KILL_LOSS);
    end(&s);
}

static void test_a_second_watchdog_and_bad_rules_are_refused(void)
{
    static const char *const bad[][2] = {
        {"--rule=los 5", "no such trigger: 'los 5'"},
        {"--rule=loss", "the limit is missing"},
        {"--period=0", "no period"},
        {"--period=x", "not a number"},
        {"--cpu=99999", "not a number here"},
        {"--allow=root", "not a number here"},
        {"--what", "no such option"},
    };
    struct scene s = begin("loss 1000");
    struct program p = program_start(NULL, WATCHDOG, "--dir", s.e->dir, NULL);

    CHECK_EQ(program_end(&p), 3);
    CHECK(strstr(p.said, "another watchdog is here"));
    for (size_t i = 0; i < RL_COUNT(bad); i++) {
        p = program_start(NULL, WATCHDOG, "--dir", s.e->dir, (char *)bad[i][0], NULL);
        CHECK_EQ(program_end(&p), 2);
        CHECK(strstr(p.said, bad[i][1]));
    }
    p = program_start(NULL, WATCHDOG, "--dir", "/nonexistent", NULL);
    CHECK_EQ(program_end(&p), 3);
    CHECK(rl_kill_is_clear(s.k));
    end(&s);
}

static void test_it_waits_for_an_engine_that_is_yet_to_come(void)
{
    struct engine *e = engine_new();
    struct program dog =
        program_start(NULL, WATCHDOG, "--dir", e->dir, "--wait", "--rule", "loss 10", NULL);
    struct rl_board board;

    engine_start(e, false);
    program_says(&dog, "watching");
    board = engine_board(e);
    UNTIL(board.kill->vitals.beats[RL_BEAT_WATCHDOG].n > 1);
    CHECK(rl_kill_is_clear(board.kill));
    kill(dog.pid, SIGTERM);
    CHECK_EQ(program_end(&dog), 0);
    engine_kill(e);
    rl_board_close(&board);
    engine_free(e);
}

static void test_it_follows_an_engine_of_another_build_to_its_board(void)
{
    struct scene s = begin("loss 1000");
    struct rl_board fresh;
    uint64_t zero = 0;
    char path[96];
    int fd;

    engine_kill(s.e);
    snprintf(path, sizeof(path), "%s/" RL_BOARD_FILE, s.e->dir);
    fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK_EQ(pwrite(fd, &zero, sizeof(zero), 16), sizeof(zero));
    close(fd);
    engine_start(s.e, true);
    fresh = engine_board(s.e);
    UNTIL(fresh.kill->vitals.beats[RL_BEAT_WATCHDOG].n > 1);
    CHECK(!rl_kill_is_clear(s.k)); /* and the old one is stopped for good */
    CHECK_EQ(fresh.file->watchdog_pid, s.dog.pid);
    rl_board_close(&fresh);
    end(&s);
}

int main(void)
{
    test_a_healthy_engine_is_left_alone();
    test_a_heartbeat_that_stops_is_seen();
    test_an_engine_that_beats_and_does_not_move_is_seen();
    test_an_engine_that_is_stopped_by_a_debugger_is_seen();
    test_an_engine_that_dies_is_seen_and_the_next_one_is_watched();
    test_a_broken_rule_trips_its_scope_and_lets_the_rest_trade();
    test_an_engine_that_sends_more_than_was_approved_is_seen();
    test_it_never_resets_and_a_reset_waits_for_the_cause_to_end();
    test_a_watchdog_that_dies_can_be_seen_by_the_engine();
    test_its_signal_stops_the_engine();
    test_an_engine_does_not_trade_without_its_watchdog();
    test_a_file_stops_the_engine_and_no_reset_while_it_is_there();
    test_the_socket_stops_what_it_is_told_to();
    test_garbage_on_the_socket_stops_nothing_and_is_survived();
    test_silent_clients_keep_nobody_out();
    test_only_allowed_users_are_heard();
    test_what_cannot_be_latched_does_not_trade_on();
    test_without_memory_it_watches_on();
    test_a_second_watchdog_and_bad_rules_are_refused();
    test_it_waits_for_an_engine_that_is_yet_to_come();
    test_it_follows_an_engine_of_another_build_to_its_board();
    return 0;
}
